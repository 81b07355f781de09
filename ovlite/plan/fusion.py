"""Chains of element-wise calls become one pass over memory.

A Map is a small program: instructions on its inputs and on earlier results, see kernels/families/elementwise.pyx.
A call whose readers are all parts of one such program, and have its shape, is computed inside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any

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


def fuse_maps(calls: Sequence[Call], kept: set[Tensor]) -> list[Call]:
    """The calls with the element-wise ones joined into Maps; tensors in `kept` are read from outside."""
    pieces: dict[Call, _Piece] = {}
    absorbed: set[Call] = set()
    family = kernels.family("elementwise")
    for call in calls:
        code = instructions(call)
        if code is None:
            continue
        piece = _Piece(code, [call], call.outputs[0])
        waiting = list(piece.reads)
        while waiting:
            tensor = waiting.pop()
            producer = tensor.producer
            if producer not in pieces or producer in absorbed or tensor in kept or not _only_inside(tensor, piece):
                continue
            joined = _Piece(pieces[producer].code + piece.code, pieces[producer].parts + piece.parts, call.outputs[0])
            if len(joined.code) <= family.MOST_INSTRUCTIONS and len(joined.reads) <= family.MOST_READS:
                piece = joined
                absorbed.add(producer)
                waiting = list(piece.reads)  # whose other readers may be parts now
        pieces[call] = piece
    return [_as_call(pieces[call]) if call in pieces else call for call in calls if call not in absorbed]


def _only_inside(tensor: Tensor, piece: _Piece) -> bool:
    """True when the piece alone reads the tensor, and needs each of its elements once."""
    return tensor.shape == piece.result.shape and all(user in piece.parts for user in tensor.users)


def _as_call(piece: _Piece) -> Call:
    """The Map of a piece, in the place of its parts."""
    reads = list(piece.reads)
    numbers = {tensor: i for i, tensor in enumerate(reads)}
    program: list[tuple[Any, ...]] = []
    for line in piece.code:
        operands = [numbers[operand] if isinstance(operand, Tensor) else operand for operand in line.operands]
        numbers[line.result] = len(reads) + len(program)
        program.append((line.name, *operands))
    for tensor in reads:
        tensor.users[:] = [user for user in tensor.users if user not in piece.parts]
    name = piece.parts[-1].name
    return Call(Map(tuple(program), tuple(piece.parts), tuple(reads)), reads, [piece.result], name)
