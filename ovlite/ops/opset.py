"""What the modules ovlite.opset1 ... ovlite.opset16 hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import factories
from .building import if_op, loop, tensor_iterator
from .model_ports import constant, parameter, result

SINCE: dict[Callable[..., Any], int] = {constant: 1, parameter: 1, result: 1, tensor_iterator: 1, loop: 5, if_op: 8}


def functions(opset: int) -> dict[str, Callable[..., Any]]:
    """The functions of opset number `opset`, by name, and the classes of nodes that get their bodies later."""
    return {**factories(opset), **{make.__name__: make for make, since in SINCE.items() if since <= opset}}
