"""Hints to a GPU. There is none here; programs that name them can still be imported."""

from ..declare import PropertyEnum, boolean, of, read_only
from ..hint import Priority


class ThrottleLevel(PropertyEnum):
    LOW = 0
    MEDIUM = 1
    HIGH = 2
    DEFAULT = 1


available_device_mem = read_only("AVAILABLE_DEVICE_MEM_SIZE")
enable_large_allocations = boolean("GPU_ENABLE_LARGE_ALLOCATIONS")
enable_lora_operation = boolean("GPU_ENABLE_LORA_OPERATION")
host_task_priority = of("GPU_HOST_TASK_PRIORITY", Priority)
queue_priority = of("GPU_QUEUE_PRIORITY", Priority)
queue_throttle = of("GPU_QUEUE_THROTTLE", ThrottleLevel)
