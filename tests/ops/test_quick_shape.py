"""Shapes that plans ask for many times are those that inference gives, and none where inference raises an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovlite.errors import ModelError
from ovlite.graph import Argument, Operator, PartialValue
from ovlite.graph.elements import type_of
from ovlite.ops.convolution import Convolution, GroupConvolution
from ovlite.ops.elementwise import Add
from ovlite.ops.fused import Activation, Attention, Fused
from ovlite.ops.gather import Gather, Gather8
from ovlite.ops.joining import Concat
from ovlite.ops.matmul import MatMul
from ovlite.ops.normalization import Softmax
from ovlite.ops.pooling import AvgPoolV1, MaxPool, MaxPoolV1
from ovlite.ops.reduction import ReduceSum
from ovlite.ops.shape import Reshape, ShapeOf, Squeeze, Squeeze15, Transpose, Unsqueeze
from ovlite.ops.slicing import Slice
from ovlite.types import PartialShape

Drawn = tuple[Operator, list[np.ndarray[Any, Any]]]

SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)
IMAGES = st.lists(st.integers(0, 6), min_size=3, max_size=4).map(tuple)
AXES = st.lists(st.integers(-4, 4), max_size=3).map(lambda axes: np.array(axes, np.int64))
BOUNDS = st.sampled_from([-(2**63), -5, -2, -1, 0, 1, 2, 5, 2**63 - 1])
FLAGS = st.booleans()


def real(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return np.zeros(shape, np.float32)


@st.composite
def slices(draw: Callable[[Any], Any]) -> Drawn:
    count = draw(st.integers(0, 3))
    parts = [
        np.array(draw(st.lists(values, min_size=count, max_size=count + draw(st.sampled_from([0, 0, 0, 1])))), np.int64)
        for values in (BOUNDS, BOUNDS, st.sampled_from([-2, -1, 1, 1, 2, 3, 0]), st.integers(-4, 3))
    ]
    return Slice(), [real(draw(SHAPES)), *parts[: draw(st.sampled_from([3, 4]))]]


@st.composite
def windows(draw: Callable[[Any], Any]) -> Drawn:
    image = draw(IMAGES)
    count = len(image) - 2
    few = st.lists(st.integers(1, 3), min_size=count, max_size=count).map(tuple)
    kernel, strides, begin, end = (draw(few) for _ in range(4))
    auto_pad = draw(st.sampled_from(["explicit", "same_upper", "same_lower", "valid"]))
    if draw(FLAGS):
        kind = draw(st.sampled_from([MaxPoolV1, MaxPool, AvgPoolV1]))
        return kind(kernel, strides, begin, end, draw(st.sampled_from(["floor", "ceil", "ceil_torch"])), auto_pad), [
            real(image)
        ]
    if draw(FLAGS):
        return GroupConvolution(strides, begin, end, draw(few), auto_pad), [
            real((image[0], 4, *image[2:])), real((2, 3, 2, *kernel))
        ]  # fmt: skip
    inner = Convolution(strides, begin, end, draw(few), auto_pad)
    filters = real((3, draw(st.integers(1, 6)), *kernel))
    if draw(FLAGS):
        return inner, [real(image), filters]
    rest = [real((3, *[1] * count)), real((1, 3, *draw(few)))]
    return Fused(inner, bias=True, residual=True, activation=Activation("sigmoid")), [real(image), filters, *rest]


CASES: dict[str, Any] = {
    "slice": slices(),
    "windows": windows(),
    "reshape": st.builds(
        lambda flag, shape, to: (Reshape(flag), [real(shape), np.array(to, np.int64)]),
        FLAGS, SHAPES, st.lists(st.integers(-2, 4), max_size=4),
    ),
    "squeeze": st.builds(
        lambda kind, shape, axes, given_: (kind(), [real(shape), *[axes][:given_]]),
        st.sampled_from([Squeeze, Squeeze15, lambda: Squeeze15(allow_axis_skip=True)]), SHAPES, AXES, st.integers(0, 1),
    ),
    "unsqueeze": st.builds(lambda shape, axes: (Unsqueeze(), [real(shape), axes]), SHAPES, AXES),
    "transpose": st.builds(
        lambda shape, order: (Transpose(), [real(shape), np.array(order, np.int64)]),
        SHAPES, st.integers(0, 4).flatmap(lambda rank: st.permutations(range(rank))),
    ),
    "shape of": st.builds(lambda shape: (ShapeOf(), [real(shape)]), SHAPES),
    "reduction": st.builds(lambda keep, shape, axes: (ReduceSum(keep), [real(shape), axes]), FLAGS, SHAPES, AXES),
    "concat": st.builds(
        lambda axis, shapes: (Concat(axis), [real(shape) for shape in shapes]),
        st.integers(-4, 3), st.lists(st.lists(st.integers(1, 2), min_size=1, max_size=3), min_size=1, max_size=3),
    ),
    "gather": st.builds(
        lambda op, shape, indices, axes: (op, [real(shape), np.zeros(indices, np.int32), axes]),
        st.sampled_from([Gather(), Gather8(), Gather8(1), Gather8(-1)]), SHAPES, SHAPES, AXES,
    ),
    "softmax": st.builds(lambda axis, shape: (Softmax(axis), [real(shape)]), st.integers(-4, 4), SHAPES),
    "binary": st.builds(lambda a, b: (Add(), [real(a), real(b)]), SHAPES, SHAPES),
    "matmul": st.builds(
        lambda left, right, a, b: (MatMul(left, right), [real(a), real(b)]), FLAGS, FLAGS, SHAPES, SHAPES
    ),
    "attention": st.builds(
        lambda shapes, mask: (Attention(1.0), [*map(real, shapes), *[real(shape) for shape in mask]]),
        st.lists(st.lists(st.integers(1, 2), min_size=2, max_size=3).map(tuple), min_size=3, max_size=3),
        st.lists(SHAPES, max_size=1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
def test_quick_shapes_are_the_inferred_ones(case: str, data: st.DataObject) -> None:
    op, arrays = data.draw(CASES[case])
    quick = op.quick_shape([array.shape for array in arrays], arrays)
    arguments = [Argument(type_of(array), PartialShape(array.shape), PartialValue.of(array)) for array in arrays]
    try:
        inferred = [tuple(tensor.shape.to_shape()) for tensor in op.infer(arguments)]
    except (ModelError, ValueError):
        assert quick is None
    else:
        assert quick is None or [quick] * len(inferred) == inferred


def test_steering_that_is_unknown_has_no_quick_shape() -> None:
    for op, ranks in ((Reshape(), 2), (Slice(), 4), (ReduceSum(), 2), (Transpose(), 2), (Squeeze(), 2)):
        assert op.quick_shape([(1, 2)] + [(1,)] * (ranks - 1), [None] * ranks) is None
