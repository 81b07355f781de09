"""Programs of element-wise operations: what families/elementwise.pyx makes kernels' instructions of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

# Operations whose value may stay in a register for the next one; see elementwise_runs.h.
_FIRST = frozenset({"add", "sub", "mul", "div"})
# What the next one is called when that value is its left operand, and when it is its right one.
_SECOND = {"add": ("add", "add"), "sub": ("sub", "rsub"), "mul": ("mul", "mul")}

Program = tuple[tuple[Any, ...], ...]

F32 = np.dtype(np.float32)
BYTES = frozenset(map(np.dtype, ("uint8", "int8")))

# Of an instruction: a read or, behind them all, an instruction's value, by its number; a constant as (number,).
Operands = tuple[Any, ...]


class Joined(NamedTuple):
    """An instruction: which one it was, what the pair that ends with it is called, and its operands' new numbers."""

    place: int
    pair: str | None
    operands: Operands


@lru_cache(maxsize=256)
def joined(
    names: tuple[str, ...], operands: tuple[Operands, ...], reads: int, floats: tuple[bool, ...]
) -> tuple[Joined, ...]:
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
            found = (*operands[first[place]], found[1 - side])
        numbers[reads + place] = reads + len(made)
        renumbered = [operand if isinstance(operand, tuple) else numbers[operand] for operand in found]
        made.append(Joined(place, pair, tuple(renumbered)))
    return tuple(made)


class _Values:
    """What the values of a program follow from: `parts`, the instructions' values, and `sources`, the reads."""

    def __init__(self, program: Program, operands: Sequence[Operands], dtypes: Sequence[np.dtype[Any]]) -> None:
        self.program, self.operands, self.dtypes = program, operands, dtypes
        self.reads = len(dtypes) - len(program)
        self.parts: list[frozenset[int]] = [frozenset()] * self.reads
        self.sources = [frozenset([read]) for read in range(self.reads)]
        for value in range(self.reads, len(dtypes)):
            taken = self.taken(value)
            self.parts.append(frozenset([value]).union(*[self.parts[operand] for operand in taken]))
            self.sources.append(frozenset[int]().union(*[self.sources[operand] for operand in taken]))

    def taken(self, value: int) -> list[int]:
        """What the instruction of a value takes, but for constants."""
        return [operand for operand in self.operands[value - self.reads] if not isinstance(operand, tuple)]

    def of_one_byte(self, value: int) -> bool:
        """Whether a value is a byte that follows from that of one read by way of real numbers."""
        if len(self.sources[value]) != 1:
            return False
        ends = (value, *self.sources[value])
        return all(self.dtypes[end] in BYTES for end in ends) and all(map(self._of_reals, self.parts[value]))

    def _of_reals(self, value: int) -> bool:
        """Whether an instruction makes real numbers of bytes, bytes of real numbers, or computes in these."""
        types = [self.dtypes[value], *[self.dtypes[operand] for operand in self.taken(value)]]
        return F32 in types and all(dtype == F32 or dtype in BYTES for dtype in types)

    def program_of(self, values: Sequence[int], sources: Sequence[int]) -> list[tuple[Any, ...]]:
        """The instructions of these values, which take each other and the sources."""
        numbers = {value: number for number, value in enumerate((*sources, *values))}
        made = []
        for value in values:
            name, *given = self.program[value - self.reads]
            count = len(self.operands[value - self.reads])
            taken = [numbers.get(operand) if isinstance(operand, int) else operand for operand in given[:count]]
            made.append((name, *taken, *given[count:]))
        return made


@lru_cache(maxsize=256)
def with_lookups(
    program: Program, operands: tuple[Operands, ...], dtypes: tuple[np.dtype[Any], ...], fewest: int
) -> Program:
    """The program, where `fewest` instructions or more that make a byte of a read's are
    ("lookup", read, dtype, the program of those instructions).

    operands: of each instruction. dtypes: of the reads and the instructions' values.
    """
    values = _Values(program, operands, dtypes)
    looked_up = {
        value for value, parts in enumerate(values.parts) if len(parts) >= fewest and values.of_one_byte(value)
    }
    kept: set[int] = set()
    wanted = [len(dtypes) - 1]
    while wanted:
        value = wanted.pop()
        if value >= values.reads and value not in kept:
            kept.add(value)
            wanted += [] if value in looked_up else values.taken(value)
    order = sorted(kept)
    made = values.program_of(order, range(values.reads))
    for place, value in enumerate(order):
        if value in looked_up:
            (source,) = values.sources[value]
            inner = values.program_of(sorted(values.parts[value]), [source])
            made[place] = ("lookup", source, dtypes[value], tuple(inner))
    return tuple(made)


@lru_cache(maxsize=256)
def table_of(run: Callable[..., Any], program: Program, dtype: np.dtype[Any]) -> bytes:
    """What a program on one byte gives for each of its 256 bit patterns. run: elementwise() of a level."""
    codes: bytes = run(list(program), np.arange(256, dtype=np.uint8).view(dtype)).tobytes()
    return codes


def constant_bytes(value: float, dtype: np.dtype[Any]) -> bytes:
    """A constant of a program as an element of its type. ValueError for one that the type doesn't hold."""
    if dtype.kind == "f":
        return np.array(value, dtype).tobytes()
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if not value.is_integer() or not low <= value <= high:
        raise ValueError(f"Map: the constant {value} is no {dtype}")
    return np.array(int(value), dtype).tobytes()
