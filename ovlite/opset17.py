"""Node factories that opset17 adds."""

from .ops.opset_module import attributes_of as _attributes_of

__getattr__, __dir__ = _attributes_of(globals(), 17)
