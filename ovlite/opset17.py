"""Node factories that opset17 adds."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .factories import __getattr__ as __getattr__
else:
    from .factories import attributes_of as _attributes_of

    __getattr__, __dir__ = _attributes_of(globals(), 17)
