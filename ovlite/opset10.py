"""Node factories of opset10."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .factories import __getattr__ as __getattr__
    from .factories import constant as constant
    from .factories import parameter as parameter
    from .factories import result as result
else:
    from .factories import attributes_of as _attributes_of

    __getattr__, __dir__ = _attributes_of(globals(), 10)
