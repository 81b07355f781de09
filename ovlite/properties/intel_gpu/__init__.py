"""Keys of the GPU device. There is none here; programs that name its properties can still be imported."""

from ..declare import boolean, read_only
from . import hint

__all__ = ["CapabilityGPU", "MemoryType", "hint"]


class CapabilityGPU:
    """Further elements of OPTIMIZATION_CAPABILITIES of a GPU."""

    HW_MATMUL = "GPU_HW_MATMUL"
    USM_MEMORY = "GPU_USM_MEMORY"


class MemoryType:
    """Kinds of memory of a remote tensor."""

    buffer = "GPU_BUFFER"
    surface = "GPU_SURFACE"


device_max_alloc_mem_size = read_only("GPU_DEVICE_MAX_ALLOC_MEM_SIZE")
device_total_mem_size = read_only("GPU_DEVICE_TOTAL_MEM_SIZE")
disable_winograd_convolution = boolean("GPU_DISABLE_WINOGRAD_CONVOLUTION")
enable_loop_unrolling = boolean("GPU_ENABLE_LOOP_UNROLLING")
execution_units_count = read_only("GPU_EXECUTION_UNITS_COUNT")
memory_statistics = read_only("GPU_MEMORY_STATISTICS")
uarch_version = read_only("GPU_UARCH_VERSION")
