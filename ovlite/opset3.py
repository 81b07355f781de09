"""Node factories of opset3."""

from .ops.opset_module import attributes_of as _attributes_of
from .ops.opset_module import constant as constant
from .ops.opset_module import parameter as parameter
from .ops.opset_module import result as result

__getattr__, __dir__ = _attributes_of(globals(), 3)
