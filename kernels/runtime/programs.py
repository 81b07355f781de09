"""Programs of element-wise operations: what families/elementwise.pyx makes kernels' instructions of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

# Operations whose value may stay in a register for the next one; see elementwise_runs.h.
_FIRST = frozenset({"add", "sub", "mul", "div"})
# What the next one is called when that value is its left operand, and when it is its right one.
_SECOND = {"add": ("add", "add"), "sub": ("sub", "rsub"), "mul": ("mul", "mul")}

# Of an instruction: a read or, behind them all, an instruction's value, by its number; a constant as (number,).
Operands = list[Any]


class Joined(NamedTuple):
    """An instruction: which one it was, what the pair that ends with it is called, and its operands' new numbers."""

    place: int
    pair: str | None
    operands: Operands


def joined(names: Sequence[str], operands: Sequence[Operands], reads: int, floats: Sequence[bool]) -> list[Joined]:
    """The instructions, with two as one where the second alone takes what the first one gives.

    floats: whether an instruction's value is an f32 or f64.
    """
    uses = Counter(operand for found in operands for operand in found if not isinstance(operand, tuple))
    first: dict[int, int] = {}  # of the second
    for place, (name, found) in enumerate(zip(names, operands, strict=True)):
        if name in _SECOND and floats[place]:
            values = [operand - reads for operand in found if not isinstance(operand, tuple) and operand >= reads]
            for value in values:
                if names[value] in _FIRST and uses[value + reads] == 1 and value not in first:
                    first[place] = value
    inner = set(first.values())
    numbers = {read: read for read in range(reads)}
    made: list[Joined] = []
    for place, found in enumerate(operands):
        if place in inner:
            continue
        pair = None
        if place in first:
            side = found.index(reads + first[place])
            pair = f"{names[first[place]]}_{_SECOND[names[place]][side]}"
            found = [*operands[first[place]], found[1 - side]]
        numbers[reads + place] = reads + len(made)
        made.append(Joined(place, pair, [found if isinstance(found, tuple) else numbers[found] for found in found]))
    return made


def constant_bytes(value: float, dtype: np.dtype[Any]) -> bytes:
    """A constant of a program as an element of its type. ValueError for one that the type doesn't hold."""
    if dtype.kind == "f":
        return np.array(value, dtype).tobytes()
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if not value.is_integer() or not low <= value <= high:
        raise ValueError(f"Map: the constant {value} is no {dtype}")
    return np.array(int(value), dtype).tobytes()
