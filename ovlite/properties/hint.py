"""Hints: what a model is to be compiled for."""

from ..graph import Model
from ..types import Type
from .declare import Property, PropertyEnum, blob, boolean, count, number, of


class PerformanceMode(PropertyEnum):
    LATENCY = 1
    THROUGHPUT = 2
    CUMULATIVE_THROUGHPUT = 3


class ExecutionMode(PropertyEnum):
    PERFORMANCE = 1
    ACCURACY = 2


class Priority(PropertyEnum):
    LOW = 0
    MEDIUM = 1
    HIGH = 2
    DEFAULT = 1


class SchedulingCoreType(PropertyEnum):
    ANY_CORE = 0
    PCORE_ONLY = 1
    ECORE_ONLY = 2


class ModelDistributionPolicy(PropertyEnum):
    TENSOR_PARALLEL = 0
    PIPELINE_PARALLEL = 1


activations_scale_factor = number("ACTIVATIONS_SCALE_FACTOR")
allow_auto_batching = boolean("ALLOW_AUTO_BATCHING")
compiled_blob = Property("COMPILED_BLOB", blob)
dynamic_quantization_group_size = count("DYNAMIC_QUANTIZATION_GROUP_SIZE")
enable_cpu_pinning = boolean("ENABLE_CPU_PINNING")
enable_cpu_reservation = boolean("ENABLE_CPU_RESERVATION")
enable_hyper_threading = boolean("ENABLE_HYPER_THREADING")
execution_mode = of("EXECUTION_MODE_HINT", ExecutionMode)
inference_precision = of("INFERENCE_PRECISION_HINT", Type)
kv_cache_precision = of("KV_CACHE_PRECISION", Type)
model = of("MODEL_PTR", Model)
model_distribution_policy = of("MODEL_DISTRIBUTION_POLICY", set)
model_priority = of("MODEL_PRIORITY", Priority)
num_requests = count("PERFORMANCE_HINT_NUM_REQUESTS")
performance_mode = of("PERFORMANCE_HINT", PerformanceMode)
scheduling_core_type = of("SCHEDULING_CORE_TYPE", SchedulingCoreType)
