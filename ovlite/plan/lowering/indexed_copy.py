"""Gathering from and scattering to places that indices name."""

from __future__ import annotations

from typing import Any

from ...kernels.runtime.step import View
from ..builder import Builder, Lowering
from ..calls import Call

_REDUCED = frozenset({"float32", "int32", "int64"})  # element types that updates are combined in


def _gather_elements(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    data, indices = call.inputs
    if not indices.is_index:
        return False
    views = builder.plain(data), builder.plain(indices), builder.view(call.outputs[0])
    builder.emit(builder.family("indexed_copy").GatherElements(*views, op.axis))
    return True


def _gather_nd(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    data, indices = call.inputs
    if not indices.is_index:
        return False
    views = builder.plain(data), builder.plain(indices), builder.view(call.outputs[0])
    builder.emit(builder.family("indexed_copy").GatherND(*views, op.batch_dims))
    return True


def _scattered(builder: Builder, call: Call) -> tuple[View, View, View]:
    """(output, indices, updates), the output filled with the data, which updates then meet in place."""
    data, indices, updates, *_ = call.inputs
    target = builder.view(call.outputs[0])
    views = target, builder.plain(indices), builder.plain(updates)
    builder.copy(builder.view(data), target)
    return views


def _scatter_update(builder: Builder, call: Call) -> bool:
    axis = call.inputs[3].array
    if axis is None or not call.inputs[1].is_index:
        return False
    builder.emit(builder.family("indexed_copy").ScatterUpdate(*_scattered(builder, call), int(axis.item())))
    return True


def _without_updates(scatter: Lowering) -> Lowering:
    """The same, where there is nothing to scatter: a copy."""

    def lower(builder: Builder, call: Call) -> bool:
        if call.inputs[2].size:
            return scatter(builder, call)
        builder.copy(builder.view(call.inputs[0]), builder.view(call.outputs[0]))
        return True

    return lower


def _scatter_elements(builder: Builder, call: Call) -> bool:
    axis, reduction = call.inputs[3].array, call.op.attributes().get("reduction", "none")
    if axis is None or not _reducible(call, reduction) or not call.op.attributes().get("use_init_val", True):
        return False
    family = builder.family("indexed_copy")
    builder.emit(family.ScatterElements(*_scattered(builder, call), int(axis.item()), reduction))
    return True


def _scatter_nd(builder: Builder, call: Call) -> bool:
    reduction = call.op.attributes().get("reduction", "none")
    if not _reducible(call, reduction):
        return False
    builder.emit(builder.family("indexed_copy").ScatterND(*_scattered(builder, call), reduction))
    return True


def _reducible(call: Call, reduction: str) -> bool:
    """True when the kernels combine elements of the call's type so."""
    known = reduction == "none" or reduction != "mean" and call.inputs[0].dtype.name in _REDUCED
    return known and call.inputs[1].is_index


LOWERINGS: dict[str, Lowering] = {
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "ScatterUpdate": _without_updates(_scatter_update),
    "ScatterElementsUpdate": _without_updates(_scatter_elements),
    "ScatterNDUpdate": _without_updates(_scatter_nd),
}
