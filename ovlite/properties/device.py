"""Properties of a device."""

from .declare import Property, PropertyEnum, of, read_only, text


class Type(PropertyEnum):
    INTEGRATED = 0
    DISCRETE = 1


class Capability:
    """Elements of OPTIMIZATION_CAPABILITIES."""

    BF16 = "BF16"
    BIN = "BIN"
    EXPORT_IMPORT = "EXPORT_IMPORT"
    FP16 = "FP16"
    FP32 = "FP32"
    INT16 = "INT16"
    INT8 = "INT8"
    WINOGRAD = "WINOGRAD"


def _listed(*devices: str) -> str:
    return "".join(device + "," for device in devices)


architecture = read_only("DEVICE_ARCHITECTURE")
capabilities = read_only("OPTIMIZATION_CAPABILITIES")
full_name = read_only("FULL_DEVICE_NAME")
gops = read_only("DEVICE_GOPS")
id = text("DEVICE_ID")
luid = read_only("DEVICE_LUID")
pci_info = read_only("DEVICE_PCI_INFO")
priorities = Property("MULTI_DEVICE_PRIORITIES", _listed)
properties = of("DEVICE_PROPERTIES", dict)
thermal = read_only("DEVICE_THERMAL")
type = read_only("DEVICE_TYPE")
uuid = read_only("DEVICE_UUID")
