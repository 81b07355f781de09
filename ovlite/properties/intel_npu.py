"""Keys of the NPU device. There is none here; programs that name its properties can still be imported."""

from .declare import PropertyEnum, boolean, integer, of, read_only, text


class CompilerType(PropertyEnum):
    PLUGIN = 0
    DRIVER = 1
    PREFER_PLUGIN = 2


bypass_umd_caching = boolean("NPU_BYPASS_UMD_CACHING")
compilation_mode_params = text("NPU_COMPILATION_MODE_PARAMS")
compiler_dynamic_quantization = boolean("NPU_COMPILER_DYNAMIC_QUANTIZATION")
compiler_type = of("NPU_COMPILER_TYPE", CompilerType)
compiler_version = read_only("NPU_COMPILER_VERSION")
defer_weights_load = boolean("NPU_DEFER_WEIGHTS_LOAD")
device_alloc_mem_size = read_only("NPU_DEVICE_ALLOC_MEM_SIZE")
device_total_mem_size = read_only("NPU_DEVICE_TOTAL_MEM_SIZE")
disable_idle_memory_prunning = boolean("NPU_DISABLE_IDLE_MEMORY_PRUNING")
driver_version = read_only("NPU_DRIVER_VERSION")
enable_strides_for = text("NPU_ENABLE_STRIDES_FOR")
max_tiles = read_only("NPU_MAX_TILES")
platform = text("NPU_PLATFORM")
qdq_optimization = boolean("NPU_QDQ_OPTIMIZATION")
qdq_optimization_aggressive = boolean("NPU_QDQ_OPTIMIZATION_AGGRESSIVE")
run_inferences_sequentially = boolean("NPU_RUN_INFERENCES_SEQUENTIALLY")
tiles = integer("NPU_TILES")
turbo = boolean("NPU_TURBO")
