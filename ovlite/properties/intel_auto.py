"""Properties of the AUTO device, which here means the CPU."""

from .declare import PropertyEnum, boolean, of


class SchedulePolicy(PropertyEnum):
    ROUND_ROBIN = 0
    DEVICE_PRIORITY = 1
    DEFAULT = 1


device_bind_buffer = boolean("DEVICE_BIND_BUFFER")
enable_runtime_fallback = boolean("ENABLE_RUNTIME_FALLBACK")
enable_startup_fallback = boolean("ENABLE_STARTUP_FALLBACK")
schedule_policy = of("SCHEDULE_POLICY", SchedulePolicy)
