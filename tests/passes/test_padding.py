"""Kernels lose the ends that read nothing but padding."""

from typing import Any

import pytest

from ovlite import opset13 as ops
from ovlite.graph import Model
from ovlite.passes.pipeline.padding import skip_padding

from .support import model_of, parameter, random, rewritten


def convolved(
    size: tuple[int, ...], kernel: tuple[int, ...], strides: Any, begin: Any, end: Any, dilations: Any, groups: int = 1
) -> Model:
    x = parameter(2, 4, *size)
    if groups > 1:
        weights = random(groups, 3, 4 // groups, *kernel)
        return model_of(ops.group_convolution(x, weights, strides, begin, end, dilations), x)
    return model_of(ops.convolution(x, random(3, 4, *kernel), strides, begin, end, dilations), x)


def kernel_of(model: Model, rank: int) -> tuple[int, ...]:
    node = next(node for node in model.get_ordered_ops() if "Convolution" in node.op.type)
    return tuple(node.sources[1].partial_shape.to_shape())[-rank:]


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    ("dilation", "left"),
    [((1, 1), (3, 3)), ((4, 4), (3, 3)), ((5, 4), (1, 3)), ((4, 6), (3, 1)), ((9, 9), (1, 1))],
)
def test_dilations_as_long_as_the_image(dilation: tuple[int, int], left: tuple[int, int], groups: int) -> None:
    model = convolved((5, 6) if dilation[0] != 4 else (5, 5), (3, 3), [1, 1], dilation, dilation, dilation, groups)
    assert kernel_of(rewritten(model, skip_padding), 2) == left


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "begin", "end", "dilation", "left"),
    [
        (5, 3, 1, 8, 0, 4, 2),  # in front alone
        (5, 3, 1, 0, 8, 4, 2),  # behind alone
        (3, 3, 1, 6, 6, 5, 1),  # a pad that is no multiple
        (4, 5, 2, 8, 8, 4, 1),  # a stride
        (2, 9, 3, 4, 4, 1, 2),  # no dilation
        (1, 3, 1, 1, 1, 1, 1),  # one pixel
        (1, 4, 1, 5, 5, 1, 4),  # every element reads it somewhere
    ],
)
def test_one_dimension(size: int, kernel: int, stride: int, begin: int, end: int, dilation: int, left: int) -> None:
    model = convolved((size,), (kernel,), [stride], [begin], [end], [dilation])
    assert kernel_of(rewritten(model, skip_padding), 1) == (left,)


def test_automatic_padding() -> None:
    x = parameter(1, 4, 3, 3)
    model = model_of(ops.convolution(x, random(3, 4, 3, 3), [1, 1], [0, 0], [0, 0], [3, 3], "same_upper"), x)
    assert kernel_of(rewritten(model, skip_padding), 2) == (1, 1)


def test_automatic_padding_of_an_image_without_rows() -> None:
    """Which leaves no windows, and no padding for them."""
    x = parameter(1, 4, 0, 1)
    model = model_of(ops.convolution(x, random(3, 4, 4, 4), [5, 1], [0, 0], [0, 0], [1, 1], "same_upper"), x)
    assert kernel_of(rewritten(model, skip_padding), 2) == (4, 4)


def test_unknown_sizes_keep_the_kernel() -> None:
    x = parameter(1, 4, -1, 3)
    model = model_of(ops.convolution(x, random(3, 4, 3, 3), [1, 1], [9, 9], [9, 9], [9, 9]), x)
    assert kernel_of(rewritten(model, skip_padding), 2) == (3, 3)
