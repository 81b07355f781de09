"""What a device is."""

from .declare import PropertyEnum, read_only, text


class Type(PropertyEnum):
    INTEGRATED = 0
    DISCRETE = 1


architecture = read_only("DEVICE_ARCHITECTURE")
capabilities = read_only("OPTIMIZATION_CAPABILITIES")
full_name = read_only("FULL_DEVICE_NAME")
gops = read_only("DEVICE_GOPS")
id = text("DEVICE_ID")
luid = read_only("DEVICE_LUID")
priorities = text("MULTI_DEVICE_PRIORITIES")
thermal = read_only("DEVICE_THERMAL")
type = read_only("DEVICE_TYPE")
uuid = read_only("DEVICE_UUID")
