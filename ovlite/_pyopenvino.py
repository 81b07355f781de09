"""Names that programs take from the module of openvino's bindings: those of ovlite, and the class of tensors' names."""

from __future__ import annotations

from typing import Any

import ovlite

from .graph.ports import DescriptorTensor

__all__ = ["DescriptorTensor"]
__path__: list[str] = []  # as_openvino finds op, properties and the like below it


def __getattr__(name: str) -> Any:
    return getattr(ovlite, name)
