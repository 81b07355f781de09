"""What the modules of the opsets hold; their constants can be seen as Tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .ops.opset import Functions
from .runtime import tensor as tensor  # gives constants their tensor_view

if TYPE_CHECKING:
    from .graph import Node
    from .ops.model_ports import constant as constant
    from .ops.model_ports import parameter as parameter
    from .ops.model_ports import result as result

    def __getattr__(name: str) -> Callable[..., Node]: ...


__all__ = ["attributes_of"]


def attributes_of(module: dict[str, Any], opset: int) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """(__getattr__, __dir__) of an opset's module, whose functions are made when they are first used.

    module: the module's names; what is made is put there.
    """
    functions = Functions(opset)

    def find(name: str) -> Any:
        if name == "__all__":
            return sorted(functions)
        try:
            module[name] = functions[name]
        except KeyError:
            raise AttributeError(f"module {module['__name__']!r} has no attribute {name!r}") from None
        return module[name]

    def names() -> list[str]:
        return sorted({*module, *functions})

    return find, names
