"""Node factories of opset11."""

from typing import TYPE_CHECKING

from .factories import functions as _functions

if TYPE_CHECKING:
    from .factories import __getattr__ as __getattr__
    from .factories import constant as constant
    from .factories import parameter as parameter
    from .factories import result as result

__all__ = sorted(_functions(11))
globals().update(_functions(11))
