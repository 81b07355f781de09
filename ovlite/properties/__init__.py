"""Properties of devices and compiled models, by the names that OpenVINO gives them."""

from types import ModuleType
from typing import TYPE_CHECKING

from ..imports import load
from ..types import Type
from . import streams
from .declare import Property, PropertyEnum, boolean, count, integer, of, read_only, text

__all__ = [
    "CacheMode", "CompatibilityCheck", "Property", "WorkloadType",
    "device", "hint", "intel_auto", "intel_cpu", "intel_gpu", "intel_npu", "log", "streams",
]  # fmt: skip

if TYPE_CHECKING:
    from . import device, hint, intel_auto, intel_cpu, intel_gpu, intel_npu, log
else:
    _MODULES = ("device", "hint", "intel_auto", "intel_cpu", "intel_gpu", "intel_npu", "log")

    def __getattr__(name: str) -> ModuleType:
        """The module of a device or of a kind of properties, imported when it is first asked for."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return load(f".{name}", __name__)

    def __dir__() -> list[str]:
        return sorted({*globals(), *_MODULES})


class CacheMode(PropertyEnum):
    OPTIMIZE_SIZE = 0
    OPTIMIZE_SPEED = 1


class CompatibilityCheck(PropertyEnum):
    NOT_APPLICABLE = 0
    SUPPORTED = 1
    UNSUPPORTED = 2


class WorkloadType(PropertyEnum):
    DEFAULT = 0
    EFFICIENT = 1


auto_batch_timeout = count("AUTO_BATCH_TIMEOUT")
available_devices = read_only("AVAILABLE_DEVICES")
cache_dir = text("CACHE_DIR")
cache_encryption_callbacks = of("CACHE_ENCRYPTION_CALLBACKS", list)
cache_mode = of("CACHE_MODE", CacheMode)
cache_size_limit = count("CACHE_SIZE_LIMIT")  # of ovlite alone
compatibility_check = read_only("COMPATIBILITY_CHECK")
compilation_num_threads = integer("COMPILATION_NUM_THREADS")
denormals_optimization = boolean("DENORMALS_OPTIMIZATION")  # of ovlite alone: intel_cpu's by a shorter name
enable_mmap = boolean("ENABLE_MMAP")
enable_profiling = boolean("PERF_COUNT")
enable_weightless = boolean("ENABLE_WEIGHTLESS")
execution_devices = read_only("EXECUTION_DEVICES")
float32_matmul_precision = text("FLOAT32_MATMUL_PRECISION")  # of ovlite alone
force_tbb_terminate = boolean("FORCE_TBB_TERMINATE")
inference_num_threads = integer("INFERENCE_NUM_THREADS")
keep_shared_outputs = boolean("KEEP_SHARED_OUTPUTS")  # of ovlite alone
key_cache_group_size = count("KEY_CACHE_GROUP_SIZE")
key_cache_precision = of("KEY_CACHE_PRECISION", Type)
loaded_from_cache = read_only("LOADED_FROM_CACHE")
max_batch_size = read_only("MAX_BATCH_SIZE")
model_name = read_only("NETWORK_NAME")
nesting_limit = count("NESTING_LIMIT")  # of ovlite alone
node_limit = count("NODE_LIMIT")  # of ovlite alone
num_streams = Property("NUM_STREAMS", streams.number_of)
optimal_batch_size = read_only("OPTIMAL_BATCH_SIZE")
optimal_number_of_infer_requests = read_only("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
plan_memory_limit = count("PLAN_MEMORY_LIMIT")  # of ovlite alone
range_for_async_infer_requests = read_only("RANGE_FOR_ASYNC_INFER_REQUESTS")
range_for_streams = read_only("RANGE_FOR_STREAMS")
runtime_requirements = read_only("RUNTIME_REQUIREMENTS")
supported_properties = read_only("SUPPORTED_PROPERTIES")
value_cache_group_size = count("VALUE_CACHE_GROUP_SIZE")
value_cache_precision = of("VALUE_CACHE_PRECISION", Type)
weights_path = text("WEIGHTS_PATH")
workload_type = of("WORKLOAD_TYPE", WorkloadType)
