"""What is told of an operator that fails: its type, the node's name, and the operands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..types import Type

# What evaluating an operator may raise because of its operands; all else, as what handlers of signals raise, passes.
FAILURES = (
    RuntimeError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, AssertionError, MemoryError,
)  # fmt: skip


class Operand(Protocol):
    """An array, or what stands for one."""

    @property
    def dtype(self) -> np.dtype[Any]: ...

    @property
    def shape(self) -> tuple[int, ...]: ...


class Subject(NamedTuple):
    """An operator that is carried out: as text, "Gather 'words' of f32[4,2], i64[1]"."""

    type: str
    name: str
    operands: tuple[tuple[np.dtype[Any], tuple[int, ...]], ...]

    @classmethod
    def of(cls, type: str, name: str, operands: Iterable[Operand]) -> Subject:
        return cls(type, name, tuple([(operand.dtype, operand.shape) for operand in operands]))

    def __str__(self) -> str:
        given = ", ".join(f"{_type_name(dtype)}[{','.join(map(str, shape))}]" for dtype, shape in self.operands)
        return f"{self.type} {self.name!r} of {given or 'nothing'}"


def _type_name(dtype: np.dtype[Any]) -> str:
    try:
        return {"O": "objects", "V": "bf16"}.get(dtype.kind) or Type(dtype).name  # plans store bf16 as two raw bytes
    except RuntimeError:
        return dtype.name


def reason(error: BaseException) -> str:
    """What an error says; its class too where that is not one that this package raises with a text of its own."""
    plain = isinstance(error, (RuntimeError, ValueError, LookupError)) and not isinstance(error, KeyError)
    return str(error) if plain and str(error) else f"{type(error).__name__}: {error}"
