"""Chains of element-wise calls become one pass over memory.

A Map is a small program: instructions on its inputs and on earlier results, see kernels/families/elementwise.pyx.
A call whose readers are all parts of one such program, and have its shape, is computed inside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any, NamedTuple

from .. import kernels
from ..graph import Operator
from ..graph.operator import Array
from ..records import dataclass
from .calls import Call, Tensor
from .expressions import Instruction, instructions


@dataclass(frozen=True)
class Map(Operator):
    """Element-wise instructions in the form that the kernel takes.

    parts: the calls that they stand for, in order; reads: the tensors that these read from outside.
    """

    type = "Map"
    program: tuple[tuple[Any, ...], ...]
    parts: tuple[Call, ...]
    reads: tuple[Tensor, ...]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        values = dict(zip(self.reads, inputs, strict=True))
        for call in self.parts:
            arrays = [values.get(tensor, tensor.array) for tensor in call.inputs]
            (values[call.outputs[0]],) = call.op.evaluate(*[array for array in arrays if array is not None])
        return [values[self.parts[-1].outputs[0]]]


@dataclass
class _Piece:
    """Instructions still in terms of tensors. result: the tensor that the last one gives."""

    code: list[Instruction]
    parts: list[Call]
    result: Tensor
    reads: dict[Tensor, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        made: set[Tensor] = set()
        for line in self.code:
            for operand in line.operands:
                if isinstance(operand, Tensor) and operand not in made:
                    self.reads[operand] = None
            made.add(line.result)

    def holds(self, calls: Sequence[Call]) -> bool:
        """Whether all these calls are parts."""
        return all(call in self.parts for call in calls)

    def followed_by(self, other: _Piece) -> _Piece:
        """Both as one; what they have in common is computed once."""
        code = self.code + [line for line in other.code if line not in self.code]
        return _Piece(code, self.parts + [part for part in other.parts if part not in self.parts], other.result)


class Comparison(NamedTuple):
    """Whether two tensors have the same shape."""

    first: Tensor
    second: Tensor
    same: bool


def fuse_maps(calls: Sequence[Call], kept: set[Tensor], compared: list[Comparison]) -> list[Call]:
    """The calls with the element-wise ones joined into Maps; tensors in `kept` are read from outside.

    What makes real numbers of bytes is computed in each Map that needs them: bytes are read in a quarter of the time.
    compared: where to add the shapes that were compared.
    """
    pieces: dict[Call, _Piece] = {}
    absorbed: set[Call] = set()
    repeated: dict[Call, set[Call]] = {}  # calls, and the readers of their results that compute these themselves
    for call in calls:
        code = instructions(call)
        if code is None:
            continue
        piece = _Piece(code, [call], call.outputs[0])
        while (found := _with_producer(piece, pieces, kept, compared)) is not None:
            producer, piece = found
            if _only_inside(producer.outputs[0], piece, kept):
                absorbed.add(producer)
            else:
                repeated.setdefault(producer, set()).update(piece.parts)
        pieces[call] = piece
    for producer, readers in repeated.items():
        (result,) = producer.outputs
        if result not in kept and readers.issuperset(result.users):
            absorbed.add(producer)
    return [_as_call(pieces[call]) if call in pieces else call for call in calls if call not in absorbed]


def _with_producer(
    piece: _Piece, pieces: dict[Call, _Piece], kept: set[Tensor], compared: list[Comparison]
) -> tuple[Call, _Piece] | None:
    """A call whose result the piece can compute instead of reading it, and the piece that does."""
    family = kernels.family("elementwise")
    for tensor in piece.reads:
        producer = tensor.producer
        if producer not in pieces:
            continue
        if not _only_inside(tensor, piece, kept) and not _makes_real(pieces[producer]):
            continue
        if _makes_real(piece) and len(piece.result.users) > 1:
            continue  # which read bytes
        compared.append(Comparison(tensor, piece.result, tensor.shape == piece.result.shape))
        if not compared[-1].same:  # each element is needed more than once
            continue
        joined = pieces[producer].followed_by(piece)
        if len(joined.code) <= family.MOST_INSTRUCTIONS and len(joined.reads) <= family.MOST_READS:
            return producer, joined
    return None


def _only_inside(tensor: Tensor, piece: _Piece, kept: set[Tensor]) -> bool:
    """True when nobody else reads the tensor, nor what a part makes of it that others read too."""
    if tensor in kept or not piece.holds(tensor.users):
        return False
    results = [user.outputs[0] for user in tensor.users]
    return all(result is piece.result or result not in kept and piece.holds(result.users) for result in results)


def _makes_real(piece: _Piece) -> bool:
    """Whether a piece makes real numbers of bytes and does nothing else."""
    return [line.name for line in piece.code] == ["dequantize"]


def _as_call(piece: _Piece) -> Call:
    """The Map of a piece, in the place of its parts."""
    reads = list(piece.reads)
    numbers = {tensor: i for i, tensor in enumerate(reads)}
    program: list[tuple[Any, ...]] = []
    for line in piece.code:
        operands = [numbers[operand] if isinstance(operand, Tensor) else operand for operand in line.operands]
        numbers[line.result] = len(reads) + len(program)
        program.append((line.name, *operands))
    for tensor in {tensor for part in piece.parts for tensor in part.inputs}:
        tensor.users[:] = [user for user in tensor.users if user not in piece.parts]
    name = piece.parts[-1].name
    return Call(Map(tuple(program), tuple(piece.parts), tuple(reads)), reads, [piece.result], name)
