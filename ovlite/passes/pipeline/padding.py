"""Convolutions whose kernels reach beyond an image from every place, as dilated ones on small images do."""

from __future__ import annotations

from typing import Any

from ...graph import Model, Node
from ...records import replace
from .making import literal
from .match import constant

CONVOLUTIONS = frozenset({"Convolution", "GroupConvolution"})


def skip_padding(model: Model) -> None:
    """Cuts off the ends of kernels that read nothing but padding."""
    for node in model.get_ordered_ops():
        if node.op.type in CONVOLUTIONS:
            _cut(node)


def _cut(node: Node) -> None:
    op: Any = node.op
    weights = constant(node.sources[1])
    data, result = node.sources[0].partial_shape, node.output(0).partial_shape
    if weights is None or not (data.has_rank and result.has_rank):
        return
    sizes, counts = data[2:], result[2:]
    if not (sizes.is_static and counts.is_static) or 0 in (*weights.shape, *counts.to_shape()):
        return
    kernel = weights.shape[-len(sizes) :]
    strides, dilations, _, _ = op.sliding(len(sizes))
    pads = op.pads(sizes.to_shape(), kernel)
    ends = [
        _useless(*window)
        for window in zip(sizes.to_shape(), counts.to_shape(), kernel, strides, dilations, *pads, strict=True)
    ]
    if not any(begin or end for begin, end in ends):
        return
    kept: tuple[Any, ...] = (..., *(slice(begin, size - end) for size, (begin, end) in zip(kernel, ends, strict=True)))
    node.set_sources([node.sources[0], literal(weights[kept])])
    begin, end = (
        tuple(pad - cut[side] * gap for pad, cut, gap in zip(pads[side], ends, dilations, strict=True))
        for side in (0, 1)
    )
    node.op = replace(op, pads_begin=begin, pads_end=end, auto_pad="explicit")


def _useless(
    size: int, count: int, kernel: int, stride: int, dilation: int, pad_begin: int, pad_end: int
) -> tuple[int, int]:
    """How many elements at either end of a kernel read nothing but padding, in one dimension; one is left."""
    begin = end = 0
    last = (count - 1) * stride - pad_begin  # where the last window begins
    while begin < kernel - 1 and last + begin * dilation < 0 and (begin + 1) * dilation <= pad_begin:
        begin += 1
    while (
        begin + end < kernel - 1
        and (kernel - 1 - end) * dilation - pad_begin >= size
        and (end + 1) * dilation <= pad_end
    ):
        end += 1
    return begin, end
