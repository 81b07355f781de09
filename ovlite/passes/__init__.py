"""The names of openvino.passes, for users who write passes of their own.

What compiling itself does to a model is in pipeline/.
"""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(globals())
del attach
