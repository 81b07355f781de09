"""Model files into Models, and the names of openvino.frontend."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(globals())
del attach
