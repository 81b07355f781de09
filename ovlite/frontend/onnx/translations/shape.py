"""Operators about shapes, and those that move elements without computing with them."""

from __future__ import annotations

import numpy as np

from ....errors import ModelError
from ....graph import Output
from ....types import Type
from ..build import (
    all_axes,
    converted,
    dim_of,
    ints,
    of_type,
    one,
    ops,
    positive,
    product,
    rank,
    rank_of,
    rank_or_none,
    scalar,
    shape_of,
    static_dims,
    typed,
)
from ..call import Call, Translated, Translation, known
from ..tensors import MAX_RANK, constant, element_type


def reshape(call: Call) -> Translated:
    return ops.reshape(call.input(0), call.input(1), not call.flag("allowzero"))


def flatten(call: Call) -> Translated:
    """To a matrix: the axes before `axis`, and the others."""
    data, axis = call.input(0), call.integer("axis", 1)
    if axis == 0:
        return ops.reshape(data, ints([1, -1]), False)
    dims = static_dims(data)
    if dims is not None and None not in dims and 0 not in dims and axis == 1:
        return ops.reshape(data, ints([0, -1]), True)
    if dims is not None and not -len(dims) <= axis <= len(dims):
        raise ModelError(f"axis {axis} of a tensor of rank {len(dims)}")
    return ops.reshape(data, ops.concat([product(data, 0, axis), product(data, axis, 2**31)], 0), False)


def squeeze(call: Call) -> Translated:
    axes = _axes(call)
    return ops.squeeze(call.input(0)) if axes is None else ops.squeeze(call.input(0), axes)


def unsqueeze(call: Call) -> Translated:
    axes = _axes(call)
    if axes is None:
        raise ModelError("the axes are missing")
    return ops.unsqueeze(call.input(0), axes)


def _axes(call: Call) -> Output | None:
    """Axes are an attribute up to version 12, then an input."""
    if call.version >= 13:
        return call.optional(1)
    axes = call.integers("axes", None)
    return None if axes is None else ints(axes)


def transpose(call: Call) -> Translated:
    data, order = call.input(0), call.integers("perm", None)
    if order is not None:
        return ops.transpose(data, ints(order))
    if rank_or_none(data) is not None:
        return ops.transpose(data, ints(list(range(rank(data) - 1, -1, -1))))
    last = ops.subtract(rank_of(data), ints(1))
    return ops.transpose(data, ops.range(last, ints(-1), ints(-1), "i64"))


def concat(call: Call) -> Translated:
    return ops.concat(call.present(), call.integer("axis"))


def shape(call: Call) -> Translated:
    """Of the axes from `start` to `end`, which are cut to the rank."""
    found = shape_of(call.input(0))
    start, end = call.integer("start", 0), call.integer("end", None)
    if start == 0 and end is None:
        return found
    return ops.slice(found, ints([start]), ints([2**31 if end is None else end]), ints([1]))


def size(call: Call) -> Translated:
    return ops.reduce_prod(shape_of(call.input(0)), ints([0]), False)


def expand(call: Call) -> Translated:
    return ops.broadcast(call.input(0), call.input(1), broadcast_spec="BIDIRECTIONAL")


def tile(call: Call) -> Translated:
    return ops.tile(call.input(0), call.input(1))


def constant_of_shape(call: Call) -> Translated:
    tensor = call.tensor("value", None)
    if tensor is None:
        value = of_type(0.0, Type.f32)
    else:
        value = constant(tensor, call.scope.library.external).output(0)
    return ops.broadcast(scalar(value), call.input(0))


def range_(call: Call) -> Translated:
    start, stop, step = (scalar(call.input(i)) for i in range(3))
    return ops.range(start, stop, step, start.element_type)


def split(call: Call) -> Translated:
    """Lengths are an attribute up to version 12, then an input; else the parts are equal, the last maybe shorter."""
    data, axis = call.input(0), ints(call.integer("axis", 0))
    lengths = call.optional(1) if call.version >= 13 else _lengths(call)
    if lengths is not None:
        if None in (static_dims(lengths) or [None]):  # there is one for each output
            lengths = one(ops.reshape(lengths, ints([len(call.outputs)]), False))
        return ops.variadic_split(data, axis, lengths).outputs()
    count = call.integer("num_outputs", len(call.outputs))
    if count != len(call.outputs):
        raise ModelError(f"expected {count} outputs, which is num_outputs, got {len(call.outputs)}")
    dims = static_dims(data)
    length = dims[positive(call.integer("axis", 0), len(dims))] if dims is not None else None
    if call.version < 18 or (length is not None and length % count == 0):
        return ops.split(data, axis, count).outputs()
    if length is not None:
        chunk = -(-length // count)
        parts = [min(chunk, max(0, length - i * chunk)) for i in range(count)]
        return ops.variadic_split(data, axis, ints(parts)).outputs()
    total = dim_of(data, call.integer("axis", 0))
    chunks = ops.divide(ops.add(total, ints([count - 1])), ints([count]))
    rest = ops.subtract(total, ops.multiply(chunks, ints([count - 1])))
    return ops.variadic_split(data, axis, ops.concat([*[chunks] * (count - 1), rest], 0)).outputs()


def _lengths(call: Call) -> Output | None:
    lengths = call.integers("split", None)
    return None if lengths is None else ints(lengths)


def slice_(call: Call) -> Translated:
    """Bounds are attributes up to version 9, then inputs; without axes they are for the first axes."""
    data = call.input(0)
    if call.version < 10:
        first = call.integers("starts")
        places = call.integers("axes", list(range(len(first))))
        return ops.slice(data, ints(first), ints(call.integers("ends")), ints([1] * len(first)), ints(places))
    starts, ends, axes, steps = (call.optional(i) for i in range(1, 5))
    if starts is None or ends is None:
        raise ModelError("starts and ends are missing")
    if steps is None:
        steps = _ones_like(starts)
    return ops.slice(data, starts, ends, steps) if axes is None else ops.slice(data, starts, ends, steps, axes)


def _ones_like(value: Output) -> Output:
    """A tensor of ones in the type and shape of a 1-D tensor."""
    dims = static_dims(value)
    if dims is not None and all(dim is not None and dim <= MAX_RANK for dim in dims):
        return typed(np.ones([dim or 0 for dim in dims], np.int64), value)
    return one(ops.broadcast(typed(1, value), shape_of(value)))


BLOCK_MODES = {"DCR": "blocks_first", "CRD": "depth_first"}
PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "edge"}


def pad(call: Call) -> Translated:
    """Pads are an attribute up to version 10, then an input; from version 18 axes may be given."""
    data, mode = call.input(0), call.text("mode", "constant")
    if mode not in PAD_MODES:
        return None
    if call.version < 11:
        pads = ints(call.integers("pads"))
        value = typed(call.decimal("value", 0.0), data)
    else:
        pads, given = call.input(1), call.optional(2)
        value = typed(0, data) if given is None else scalar(given)
    if (axes := call.optional(3)) is not None:
        pads = _pads_of_all_axes(pads, axes, data)
    begin, end = _halves(pads)
    if mode != "constant":
        return ops.pad(data, begin, end, PAD_MODES[mode])
    return ops.pad(data, begin, end, "constant", value)


def _halves(pads: Output) -> tuple[Output, Output]:
    found = known(pads)
    if found is not None:
        half = found.size // 2
        return ints(found.ravel()[:half]), ints(found.ravel()[half:])
    parts = ops.split(pads, ints(0), 2).outputs()
    return parts[0], parts[1]


def _pads_of_all_axes(pads: Output, axes: Output, data: Output) -> Output:
    """Pads of some axes spread over all axes, 0 for the others."""
    begin, end = _halves(pads)
    axes = converted(axes, Type.i64)
    none = ops.broadcast(ints(0), ops.shape_of(shape_of(data), "i64"))
    axes = one(ops.floor_mod(axes, rank_of(data)))
    spread = [ops.scatter_elements_update(none, axes, converted(half, Type.i64), ints(0)) for half in (begin, end)]
    return one(ops.concat(spread, 0))


def center_crop_pad(call: Call) -> Translated:
    """The middle of some axes, or of all, and zeros around it, of the lengths in input 1. Odd ones go behind."""
    data, wanted = call.input(0), converted(call.input(1), Type.i64)
    axes = call.integers("axes", None)
    places = one(ops.floor_mod(ints(axes), rank_of(data))) if axes is not None else all_axes(data)
    lengths = one(ops.gather(shape_of(data), places, ints(0)))
    surplus = ops.maximum(ops.subtract(lengths, wanted), ints(0))
    start = one(ops.divide(surplus, ints(2)))
    end = one(ops.add(start, ops.minimum(lengths, wanted)))
    middle = one(ops.slice(data, start, end, ops.broadcast(ints(1), ops.shape_of(start, "i64")), places))
    lack = one(ops.maximum(ops.subtract(wanted, lengths), ints(0)))
    before = one(ops.divide(lack, ints(2)))
    pads = _pads_of_all_axes(one(ops.concat([before, one(ops.subtract(lack, before))], 0)), places, data)
    begin, behind = _halves(pads)
    return ops.pad(middle, begin, behind, "constant", typed(0, data))


def depth_to_space(call: Call) -> Translated:
    mode = call.choice("mode", BLOCK_MODES, "DCR")
    return ops.depth_to_space(call.input(0), mode, call.integer("blocksize"))


def space_to_depth(call: Call) -> Translated:
    mode = call.choice("mode", BLOCK_MODES, "DCR")
    return ops.space_to_depth(call.input(0), mode, call.integer("blocksize"))


def reverse_sequence(call: Call) -> Translated:
    return ops.reverse_sequence(
        call.input(0), call.input(1), call.integer("batch_axis", 1), call.integer("time_axis", 0)
    )


def eye_like(call: Call) -> Translated:
    data = call.input(0)
    number = call.integer("dtype", None)
    found = data.element_type if number is None else element_type(number, "the result")
    rows, columns = scalar(dim_of(data, 0)), scalar(dim_of(data, 1))
    return ops.eye(rows, columns, ints(call.integer("k", 0)), found)


def trilu(call: Call) -> Translated:
    """The upper or lower triangle of matrices, 0 elsewhere; k moves the diagonal to the right."""
    data = call.input(0)
    shift = call.optional(1)
    shift = ints(0) if shift is None else scalar(shift)
    rows = ops.range(ints(0), scalar(dim_of(data, -2)), ints(1), "i64")
    columns = ops.range(ints(0), scalar(dim_of(data, -1)), ints(1), "i64")
    offset = ops.subtract(ops.unsqueeze(columns, ints([0])), ops.unsqueeze(rows, ints([1])))
    keep = (ops.greater_equal if call.flag("upper", True) else ops.less_equal)(offset, shift)
    return ops.select(keep, data, typed(0, data))


OPERATORS: dict[str, Translation] = {
    "CenterCropPad": center_crop_pad,
    "Concat": concat,
    "ConstantOfShape": constant_of_shape,
    "DepthToSpace": depth_to_space,
    "Expand": expand,
    "EyeLike": eye_like,
    "Flatten": flatten,
    "Pad": pad,
    "Range": range_,
    "Reshape": reshape,
    "ReverseSequence": reverse_sequence,
    "Shape": shape,
    "Size": size,
    "Slice": slice_,
    "SpaceToDepth": space_to_depth,
    "Split": split,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
    "Trilu": trilu,
    "Unsqueeze": unsqueeze,
}
