"""Contents of the modules ovlite.opset1 ... ovlite.opset17."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..graph import Node
from .building import if_op, loop, tensor_iterator
from .families import factories
from .model_ports import constant, parameter, result

__all__ = ["Functions", "attributes_of", "constant", "parameter", "result"]

SINCE: dict[Callable[..., Any], int] = {constant: 1, parameter: 1, result: 1, tensor_iterator: 1, loop: 5, if_op: 8}


class Functions(Mapping[str, Callable[..., Any]]):
    """The functions of opset number `opset`, by name, and the classes of nodes that get their bodies later."""

    def __init__(self, opset: int) -> None:
        self._factories = factories(opset)
        self._others = {make.__name__: make for make, since in SINCE.items() if since <= opset <= 16}

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._others[name] if name in self._others else self._factories[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._others
        yield from self._factories

    def __len__(self) -> int:
        return len(self._others) + len(self._factories)


def attributes_of(
    module: dict[str, Any], opset: int
) -> tuple[Callable[[str], Callable[..., Node]], Callable[[], list[str]]]:
    """(__getattr__, __dir__) of an opset's module, whose functions are made when they are first used.

    module: the module's names; what is made is put there. `__all__` is the list of the functions' names.
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
