"""Convolution and pooling. Data is [N, C, spatial...]."""

from __future__ import annotations

import math
from typing import NamedTuple

from ....errors import ModelError
from ....graph import Node, Output
from ....types import Type
from ..build import (
    axes_from,
    converted,
    dim_of,
    filled,
    ints,
    one,
    ops,
    per_channel,
    product,
    rank,
    reshaped,
    shape_of,
    static_dims,
    typed,
)
from ..call import Call, Translated, Translation

AUTO_PADS = {"NOTSET": "explicit", "VALID": "valid", "SAME_UPPER": "same_upper", "SAME_LOWER": "same_lower"}


class Window(NamedTuple):
    """The attributes that convolution and pooling share, complete for each spatial dimension."""

    kernel: list[int]
    strides: list[int]
    dilations: list[int]
    begin: list[int]
    end: list[int]
    auto_pad: str


def window(call: Call, kernel: list[int]) -> Window:
    count = len(kernel)
    pads = call.integers("pads", [0] * 2 * count)
    strides = call.integers("strides", [1] * count)
    dilations = call.integers("dilations", [1] * count)
    _require_length("pads", pads, 2 * count)
    _require_length("strides", strides, count)
    _require_length("dilations", dilations, count)
    auto_pad = call.text("auto_pad", "NOTSET") or "NOTSET"
    if auto_pad not in AUTO_PADS:
        raise ModelError(f"expected auto_pad to be one of {', '.join(AUTO_PADS)}, got {auto_pad!r}")
    if auto_pad != "NOTSET":
        pads = [0] * 2 * count
    return Window(kernel, strides, dilations, pads[:count], pads[count:], AUTO_PADS[auto_pad])


def _require_length(name: str, values: list[int], length: int) -> None:
    if len(values) != length:
        raise ModelError(
            f"expected attribute {name!r} to have {length} elements for the spatial dimensions, got {len(values)}"
        )


def _filter_dims(call: Call, filters: Output) -> list[int | None]:
    """The dimensions of filters, None for those that are not known."""
    dims, kernel = static_dims(filters), call.integers("kernel_shape", None)
    if dims is None and kernel is not None:
        dims = [None] * (2 + len(kernel))
    if dims is None or len(dims) < 3:
        raise ModelError(f"the filters are of shape {filters.partial_shape}; their rank must be known, and 3 or more")
    fits = kernel is None or (
        len(kernel) == len(dims) - 2 and all(b in (None, a) for a, b in zip(kernel, dims[2:], strict=True))
    )
    if not fits:
        raise ModelError(f"expected kernel_shape to be that of the filters, {filters.partial_shape}, got {kernel}")
    return dims


def _grouped(filters: Output, dims: list[int | None], groups: int, what: str) -> Output:
    """Filters in equal groups of their first dimension: [groups, dims[0] / groups, ...]."""
    if groups < 1 or (dims[0] is not None and dims[0] % groups):
        raise ModelError(f"{dims[0]} {what} channels don't divide into {groups} groups")
    rest = [dim for dim in dims[1:] if dim is not None]
    if dims[0] is not None and len(rest) == len(dims) - 1:
        return reshaped(filters, [groups, dims[0] // groups, *rest])
    behind = ops.slice(shape_of(filters), ints([1]), ints([len(dims)]), ints([1]))
    return one(ops.reshape(filters, ops.concat([ints([groups, -1]), behind], 0), False))


def with_bias(value: Output, bias: Output | None) -> Output:
    return value if bias is None else one(ops.add(value, per_channel(bias, value)))


def conv(call: Call) -> Translated:
    data, filters = call.input(0), call.input(1)
    return with_bias(convolved(call, data, filters), call.optional(2))


def convolved(call: Call, data: Output, filters: Output) -> Output:
    """The convolution that a call's attributes describe; filters are [O, C / groups, kernel...]."""
    dims = _filter_dims(call, filters)
    _, strides, dilations, begin, end, auto_pad = window(call, [dim or 0 for dim in dims[2:]])
    groups = call.integer("group", 1)
    if groups == 1:
        return one(ops.convolution(data, filters, strides, begin, end, dilations, auto_pad))
    filters = _grouped(filters, dims, groups, "output")
    return one(ops.group_convolution(data, filters, strides, begin, end, dilations, auto_pad))


def conv_transpose(call: Call) -> Translated:
    """Filters are [C, O / groups, kernel...]. A wanted output shape, or auto_pad, decides the padding."""
    data, filters = call.input(0), call.input(1)
    dims = _filter_dims(call, filters)
    shape = window(call, [dim or 0 for dim in dims[2:]])
    extra = call.integers("output_padding", [0] * len(shape.kernel))
    wanted = call.integers("output_shape", None)
    if wanted is not None:
        _require_length("output_shape", wanted[-len(shape.kernel) :], len(shape.kernel))
    fits = wanted is not None or shape.auto_pad.startswith("same")
    sizes = _spatial(data) if fits and None not in dims[2:] else None
    begin, end = shape.begin, shape.end
    if sizes is not None:
        begin, end = _pads_for(sizes, shape, extra, _wanted_sizes(sizes, shape, wanted))
    elif fits:
        begin = end = [0] * len(shape.kernel)
    groups = call.integer("group", 1)
    if groups != 1:
        filters = _grouped(filters, dims, groups, "input")
    make = ops.convolution_backprop_data if groups == 1 else ops.group_convolution_backprop_data
    found = one(make(
        data, filters, shape.strides, pads_begin=begin, pads_end=end, dilations=shape.dilations, auto_pad="explicit",
        output_padding=extra,
    ))  # fmt: skip
    if fits and sizes is None:
        found = _fitted(found, data, shape, wanted)
    return with_bias(found, call.optional(2))


def _spatial(data: Output) -> list[int] | None:
    """The spatial dimensions, None when they are not all known."""
    dims = (static_dims(data) or [None] * 3)[2:]
    return None if None in dims else [int(dim or 0) for dim in dims]


def _wanted_sizes(sizes: list[int], shape: Window, wanted: list[int] | None) -> list[int]:
    """The spatial sizes of a transposed convolution's output, the last ones of `wanted` or those of auto_pad."""
    if wanted is not None:
        return wanted[-len(sizes) :]
    return [size * stride for size, stride in zip(sizes, shape.strides, strict=True)]


def _fitted(full: Output, data: Output, shape: Window, wanted: list[int] | None) -> Output:
    """What a transposed convolution gives without padding, cut (or lengthened by zeros) as _pads_for() would."""
    count = len(shape.kernel)
    axes = ints(list(range(2, 2 + count)))
    if wanted is None:
        lengths = one(ops.multiply(ops.gather(shape_of(data), axes, ints(0)), ints(shape.strides)))
    else:
        lengths = ints(wanted[-count:])
    totals = ops.subtract(ops.gather(shape_of(full), axes, ints(0)), lengths)
    small = ops.divide(totals, ints([2] * count))
    large = ops.subtract(totals, small)
    cuts = (small, large) if shape.auto_pad == "same_upper" else (large, small)
    begin, end = (ops.concat([ints([0, 0]), ops.negative(cut)], 0) for cut in cuts)
    return one(ops.pad(full, begin, end, "constant", typed(0, full)))


def _pads_for(sizes: list[int], shape: Window, extra: list[int], wanted: list[int]) -> tuple[list[int], list[int]]:
    """The padding that gives a transposed convolution a wanted size; an odd element goes to the end for same_upper."""
    spans = [(kernel - 1) * dilation + 1 for kernel, dilation in zip(shape.kernel, shape.dilations, strict=True)]
    totals = [
        stride * (size - 1) + more + span - length
        for size, stride, more, span, length in zip(sizes, shape.strides, extra, spans, wanted, strict=True)
    ]
    small, large = [total // 2 for total in totals], [total - total // 2 for total in totals]
    return (small, large) if shape.auto_pad == "same_upper" else (large, small)


def max_pool_of(call: Call, data: Output) -> Node:
    """The maxima of `data` in the windows that the call's attributes describe, and their places."""
    kernel, strides, dilations, begin, end, auto_pad = window(call, call.integers("kernel_shape"))
    return ops.max_pool(
        data, strides, dilations, begin, end, kernel, _rounding(call), auto_pad, index_element_type="i64", axis=0
    )


def max_pool(call: Call) -> Translated:
    data = call.input(0)
    found = max_pool_of(call, data)
    if not call.wants(1):
        call.without_effect("storage_order")
        return one(found)
    indices, dimensions = found.output(1), len(call.integers("kernel_shape"))
    return [found.output(0), _column_major(indices, data, dimensions) if call.flag("storage_order") else indices]


def _rounding(call: Call) -> str:
    return "ceil_torch" if call.flag("ceil_mode") else "floor"


def _column_major(indices: Output, data: Output, count: int) -> Output:
    """Indices that count each image's elements by columns, from indices that count by rows."""
    if count == 1:
        return indices
    sizes = [dim_of(data, 2 + i) for i in range(count)]
    rest = inside = one(ops.floor_mod(indices, product(data, 2, 2**31)))
    places: list[Output] = []
    for size in reversed(sizes):
        places.insert(0, one(ops.floor_mod(rest, size)))
        rest = one(ops.divide(rest, size))
    found, weight = one(ops.subtract(indices, inside)), ints([1])
    for size, place in zip(sizes, places, strict=True):
        found = one(ops.add(found, ops.multiply(place, weight)))
        weight = one(ops.multiply(weight, size))
    return found


def average_pool(call: Call) -> Translated:
    return average_pool_of(call, call.input(0))


def average_pool_of(call: Call, data: Output) -> Node:
    """The averages of `data` in the windows that the call's attributes describe."""
    kernel, strides, dilations, begin, end, auto_pad = window(call, call.integers("kernel_shape"))
    exclude = not call.flag("count_include_pad")
    spread = dilations if any(dilation != 1 for dilation in dilations) else None
    return ops.avg_pool(data, strides, begin, end, kernel, exclude, _rounding(call), auto_pad, spread)


def lp_pool(call: Call) -> Translated:
    """(sum of |x|**p over the window)**(1/p), the sum as an average times the window's size.

    With ceil_mode the padding at the end is lengthened so that windows cut off there lie inside; those that would
    begin in it are dropped.
    """
    data, order = call.input(0), call.integer("p", 2)
    shape = window(call, call.integers("kernel_shape"))
    longer = call.flag("ceil_mode") and not shape.auto_pad.startswith("same")
    end = [more + stride - 1 for more, stride in zip(shape.end, shape.strides, strict=True)] if longer else shape.end
    powers = ops.power(ops.abs(data), typed(order, data))
    spread = shape.dilations if any(dilation != 1 for dilation in shape.dilations) else None
    mode = "explicit" if longer else shape.auto_pad
    means = one(ops.avg_pool(powers, shape.strides, shape.begin, end, shape.kernel, False, "floor", mode, spread))
    if longer:
        means = _begun(means, data, shape)
    return ops.power(ops.multiply(means, typed(math.prod(shape.kernel), data)), typed(1.0 / order, data))


def _begun(windows: Output, data: Output, shape: Window) -> Output:
    """The windows that begin in front of the data's end."""
    axes = list(range(2, 2 + len(shape.kernel)))
    sizes = ops.gather(shape_of(data), ints(axes), ints(0))
    reach = ops.add(sizes, ints([front + stride - 1 for front, stride in zip(shape.begin, shape.strides, strict=True)]))
    counts = ops.divide(reach, ints(shape.strides))
    return one(ops.slice(windows, ints([0] * len(axes)), counts, ints([1] * len(axes)), ints(axes)))


def global_average_pool(call: Call) -> Translated:
    return ops.reduce_mean(call.input(0), axes_from(call.input(0), 2), True)


def global_max_pool(call: Call) -> Translated:
    from .reduction import extreme

    return extreme(call.input(0), axes_from(call.input(0), 2), True, "max")


def global_lp_pool(call: Call) -> Translated:
    data, order = call.input(0), call.integer("p", 2)
    axes = axes_from(data, 2)
    if order in (1, 2):
        return (ops.reduce_l1 if order == 1 else ops.reduce_l2)(data, axes, True)
    sums = ops.reduce_sum(ops.power(ops.abs(data), typed(order, data)), axes, True)
    return ops.power(sums, typed(1.0 / order, data))


def max_roi_pool(call: Call) -> Translated:
    height, width = call.integers("pooled_shape")
    return ops.roi_pooling(call.input(0), call.input(1), [height, width], call.decimal("spatial_scale", 1.0), "max")


def deform_conv(call: Call) -> Translated:
    """Inputs: data, filters, offsets, bias, mask."""
    data, filters = call.input(0), call.input(1)
    if rank(data) != 4:
        return None
    kernel = [dim or 0 for dim in _filter_dims(call, filters)[2:]]
    _, strides, dilations, begin, end, _ = window(call, kernel)
    found = ops.deformable_convolution(
        data, call.input(2), filters, strides, begin, end, dilations, mask=call.optional(4),
        group=call.integer("group", 1), deformable_group=call.integer("offset_group", 1),
        bilinear_interpolation_pad=True,
    )  # fmt: skip
    return with_bias(one(found), call.optional(3))


def col2im(call: Call) -> Translated:
    """Of images, and of sequences, which are images of one row; more dimensions are left to onnx.reference."""
    image, block = call.input(1), call.input(2)
    count = (static_dims(image) or [None])[0]
    if count not in (1, 2):
        return None
    pads = call.integers("pads", [0] * 2 * count)
    begin, end = pads[:count], pads[count:]
    strides, dilations = call.integers("strides", [1] * count), call.integers("dilations", [1] * count)
    if count == 2:
        return ops.col2im(call.input(0), image, block, strides, dilations, begin, end)
    image, block = (one(ops.concat([ints([1]), converted(value, Type.i64)], 0)) for value in (image, block))
    found = ops.col2im(call.input(0), image, block, [1, *strides], [1, *dilations], [0, *begin], [0, *end])
    return ops.squeeze(found, ints([2]))


def max_unpool(call: Call) -> Translated:
    """Elements go to where their indices say in zeros of the natural shape; a larger wanted shape is padded."""
    data, indices = call.input(0), call.input(1)
    dims = static_dims(data)
    if dims is None or None in dims:
        return None
    sizes = [int(dim or 0) for dim in dims]
    kernel, strides, _, begin, end, _ = window(call, call.integers("kernel_shape"))
    natural = sizes[:2] + [(sizes[i + 2] - 1) * strides[i] - begin[i] - end[i] + kernel[i] for i in range(len(kernel))]
    flat = ops.scatter_elements_update(
        filled(0, [math.prod(natural)], data), reshaped(indices, [-1]), reshaped(data, [-1]), ints(0)
    )
    image = ops.reshape(flat, ints(natural), False)
    if call.optional(2) is None:
        return image
    missing = ops.subtract(call.input(2), ints(natural))
    return ops.pad(image, ints([0] * len(natural)), missing, "constant", typed(0, data))


OPERATORS: dict[str, Translation] = {
    "AveragePool": average_pool,
    "Col2Im": col2im,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "DeformConv": deform_conv,
    "GlobalAveragePool": global_average_pool,
    "GlobalLpPool": global_lp_pool,
    "GlobalMaxPool": global_max_pool,
    "LpPool": lp_pool,
    "MaxPool": max_pool,
    "MaxRoiPool": max_roi_pool,
    "MaxUnpool": max_unpool,
}
