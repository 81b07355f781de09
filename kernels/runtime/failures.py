"""What a run raises when a step fails."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy.typing as npt

# What Python code in a run may raise because of what it is given; all else, as what a handler of a signal raises,
# passes on as it is. graph/failures.py has the same for evaluations: kernels import from no other room.
FAILURES = (
    RuntimeError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, AssertionError, MemoryError,
)  # fmt: skip


class StepError(RuntimeError):
    """A step failed. index: the step's place in the program; code: its Status, OK when Python code raised."""

    def __init__(self, text: str, index: int, code: int) -> None:
        super().__init__(text)
        self.index = index
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return StepError, (str(self), self.index, self.code)


def reason(error: BaseException) -> str:
    """What an error says; its class too, where Python itself may have written the text."""
    plain = isinstance(error, (RuntimeError, ValueError, IndexError))
    return str(error) if plain and str(error) else f"{type(error).__name__}: {error}"


def integers(arrays: Iterable[npt.NDArray[Any]]) -> str:
    """What is told of a step's operands when an element of one is wrong: of integers, from where to where they go."""
    told = [
        f"{array.dtype.kind}{8 * array.itemsize}[{','.join(map(str, array.shape))}] from {array.min()} to {array.max()}"
        for array in arrays
        if array.dtype.kind in "iu" and array.itemsize >= 4 and array.size
    ]
    return f"; it was given {', '.join(told)}" if told else ""
