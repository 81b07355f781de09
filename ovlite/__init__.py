"""ovlite: CPU inference for ONNX and OpenVINO IR models behind OpenVINO's Python API.

The names here are those of the `openvino` module. Each is imported when it is first used; the stub says from where.
"""

from ._lazy import attach

__getattr__, __dir__, __all__ = attach(globals())
del attach
