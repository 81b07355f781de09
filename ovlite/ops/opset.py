"""What the modules ovlite.opset1 ... ovlite.opset16 hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import factories
from .model_ports import constant, parameter, result


def functions(opset: int) -> dict[str, Callable[..., Any]]:
    """The functions of opset number `opset`, by name."""
    return {**factories(opset), "constant": constant, "parameter": parameter, "result": result}
