"""Gathering rows by their numbers, and what makes gathered codes real."""

from __future__ import annotations

from ...ops.compressed import Decompress
from ..builder import Builder, Lowering
from ..calls import Call
from .copy import lie


def _gather(builder: Builder, call: Call) -> bool:
    """Rows by their numbers; one constant number is a view."""
    data, indices, output = call.inputs[0], call.inputs[1], call.outputs[0]
    given = call.inputs[2].array
    if given is None or not indices.is_index:
        return False
    axis = int(given.reshape(-1)[0]) % len(data.shape)
    batch_dims = call.op.attributes().get("batch_dims", 0)
    if indices.array is not None and indices.array.size == 1 and batch_dims == 0:
        index = int(indices.array.reshape(-1)[0])
        if not -data.shape[axis] <= index < data.shape[axis]:
            return False
        view = builder.view(data)
        ones = (1,) * len(indices.shape)
        shape = (*view.shape[:axis], *ones, *view.shape[axis + 1 :])
        strides = (*view.strides[:axis], *(0 for _ in ones), *view.strides[axis + 1 :])
        offset = view.offset + index % data.shape[axis] * view.strides[axis] * data.dtype.itemsize
        lie(builder, output, view.like(shape, strides, offset))
        return True
    target = builder.view(output)
    plain = target if target.contiguous else builder.scratch(output.dtype, output.shape)
    step = builder.family("gather").Gather(
        builder.plain(data), builder.plain(indices), plain, axis, batch_dims % max(1, len(indices.shape))
    )
    builder.emit(step)
    if plain is not target:
        builder.copy(plain, target)
    return True


def _decompress(builder: Builder, call: Call) -> bool:
    rows, output = call.op, call.outputs[0]
    assert isinstance(rows, Decompress)
    target = builder.view(output)
    plain = target if target.contiguous else builder.scratch(output.dtype, output.shape)
    parts = [builder.plain(tensor) for tensor in call.inputs]
    builder.emit(builder.family("gather").Decompress(*parts, plain, rows.bits, rows.group))
    if plain is not target:
        builder.copy(plain, target)
    return True


LOWERINGS: dict[str, Lowering] = {"Decompress": _decompress, "Gather": _gather}
