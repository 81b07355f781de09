"""Properties of the AUTO device, which here means the CPU."""

from .declare import PropertyEnum, boolean, of, text


class SchedulePolicy(PropertyEnum):
    ROUND_ROBIN = 0
    DEVICE_PRIORITY = 1
    DEFAULT = 1


device_bind_buffer = boolean("DEVICE_BIND_BUFFER")
devices_utilization_threshold = of("DEVICES_UTILIZATION_THRESHOLD", dict)
enable_runtime_fallback = boolean("ENABLE_RUNTIME_FALLBACK")
enable_startup_fallback = boolean("ENABLE_STARTUP_FALLBACK")
low_power_device = text("LOW_POWER_DEVICE")
perf_curve_table = of("PERF_CURVE_TABLE", dict)
schedule_policy = of("SCHEDULE_POLICY", SchedulePolicy)
