"""Names of devices and endings of files."""

CPU_DEVICE_NAME = "CPU"
GPU_DEVICE_NAME = "GPU"
NPU_DEVICE_NAME = "NPU"
AUTO_DEVICE_NAME = "AUTO"
HETERO_DEVICE_NAME = "HETERO"
MULTI_DEVICE_NAME = "MULTI"
UNKNOWN_DEVICE_TYPE = "UNKNOWN"

XML_EXTENSION = ".xml"
BIN_EXTENSION = ".bin"
BLOB_EXTENSION = ".blob"
IMAGE_EXTENSIONS = [
    ".bmp", ".dib", ".jpeg", ".jpg", ".jpe", ".jp2", ".png", ".pbm", ".pgm", ".ppm", ".sr", ".ras", ".tiff", ".tif",
]  # fmt: skip
NUMPY_EXTENSIONS = [".npy"]
BINARY_EXTENSIONS = [".bin"]

# How long a device is measured when nobody says.
DEVICE_DURATION_IN_SECS = {CPU_DEVICE_NAME: 60, GPU_DEVICE_NAME: 60, NPU_DEVICE_NAME: 60, UNKNOWN_DEVICE_TYPE: 120}
