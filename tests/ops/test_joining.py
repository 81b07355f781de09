"""Concat, Split, VariadicSplit, Pad, Roll."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.ops import factories
from ovlite.types import Type

from .support import check, fixed
from .test_shape import numbers, shape_of, tensor

F = factories(16)


def ints(*values: int) -> fixed:
    return fixed(np.array(values, np.int64))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("lengths", [(2,), (1, 3), (2, 0, 1)])
def test_concat(axis: int, lengths: tuple[int, ...]) -> None:
    parts = [numbers(*(length if i == axis else 2 for i in range(3))) + 10 * k for k, length in enumerate(lengths)]
    check("concat", parts, axis, expected=np.concatenate(parts, axis))


def test_concat_of_unknown_shapes() -> None:
    assert shape_of(F["concat"]([tensor("?,3"), tensor("2,?")], 0)) == "[2..,3]"
    assert shape_of(F["concat"]([tensor("1..2,3"), tensor("2,?")], -2)) == "[3..4,3]"
    assert shape_of(F["concat"]([tensor("..."), tensor("2,3")], 0)) == "[2..,3]"


@pytest.mark.parametrize(
    ("shapes", "axis", "message"),
    [
        (("2,3", "2,4"), 0, r"shapes \[2,3\] and \[2,4\] can't be joined along axis 0"),
        (("2,3", "2"), 0, "can't be joined"),
        (("2,3",), 2, "axis 2 is out of range"),
        ((), 0, "at least one tensor"),
    ],
)
def test_concat_refuses(shapes: tuple[str, ...], axis: int, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        F["concat"]([tensor(shape) for shape in shapes], axis)
    with pytest.raises(ModelError, match="the joined tensors to have one element type, got f32, i32"):
        F["concat"]([tensor("2"), tensor("2", Type.i32)], 0)


@pytest.mark.parametrize(("axis", "count"), [(0, 2), (1, 3), (-1, 1), (2, 2)])
def test_split(axis: int, count: int) -> None:
    data = numbers(4, 6, 2)
    check("split", data, fixed(np.array(axis)), count, expected=np.split(data, count, axis))


def test_split_of_unknown_lengths() -> None:
    assert shape_of(F["split"](tensor("2,3..9"), 1, 2)) == "[2,2..4]"
    with pytest.raises(ModelError, match="dimension 1 of length 3 can't be cut into 2 equal pieces"):
        F["split"](tensor("2,3"), 1, 2)
    with pytest.raises(ModelError, match="num_splits to be positive"):
        F["split"](tensor("2,3"), 1, 0)


@pytest.mark.parametrize(
    ("axis", "lengths", "ends"),
    [(0, [1, 3], [1]), (1, [2, -1, 1], [2, 5]), (-1, [2, 0], [2]), (1, [-1], []), (0, [4], [])],
)
def test_variadic_split(axis: int, lengths: list[int], ends: list[int]) -> None:
    data = numbers(4, 6, 2)
    check("variadic_split", data, fixed(np.array(axis)), ints(*lengths), expected=np.split(data, ends, axis))


@pytest.mark.parametrize(
    ("lengths", "message"),
    [([1, 1], "don't sum up"), ([4, -1], "don't sum up"), ([-1, -1], "more than one -1"), ([5, -2], "negative length")],
)
def test_variadic_split_refuses(lengths: list[int], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        F["variadic_split"](tensor("2,3"), 1, lengths)


def test_variadic_split_of_unknown_lengths() -> None:
    pieces = F["variadic_split"](tensor("2,3..7"), 1, [1, -1])
    assert [str(output.partial_shape) for output in pieces.outputs()] == ["[2,1]", "[2,2..6]"]
    with pytest.raises(ModelError, match="known number of elements"):
        F["variadic_split"](tensor("2,3"), 1, tensor("?", Type.i64))


PADS = [(1, 2), (-1, 2), (2, -1), (-2, -1), (3, 0), (-3, 2), (-4, 2), (-2, 3), (0, 0)]


@pytest.mark.parametrize("pads", PADS)
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
def test_pad(mode: str, pads: tuple[int, int]) -> None:
    data = numbers(2, 4) + 1
    before, after = pads
    padded = np.pad(
        data,
        [(0, 1), (max(before, 0), max(after, 0))],
        **({"constant_values": 9} if mode == "constant" else {}),
        mode=mode,
    )
    expected = padded[:, max(0, -before) : padded.shape[1] - max(0, -after)]
    value = {"arg_pad_value": fixed(np.array(9, np.float32))} if mode == "constant" else {}
    check("pad", data, ints(0, before), ints(1, after), mode, **value, expected=expected)


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.float32])
@pytest.mark.parametrize("opset", [1, 16])
def test_pad_of_element_types(dtype: Any, opset: int) -> None:
    data = numbers(2, 3, dtype=dtype)
    check("pad", data, ints(1, 0), ints(0, 2), "constant", opset=opset, expected=np.pad(data, [(1, 0), (0, 2)]))
    value = fixed(np.array(5, dtype))
    check(
        "pad",
        data,
        ints(1, 0),
        ints(0, 2),
        "constant",
        value,
        opset=opset,
        expected=np.pad(data, [(1, 0), (0, 2)], constant_values=5),
    )


def test_pad_of_unknown_lengths() -> None:
    assert shape_of(F["pad"](tensor("?,2..5"), [1, -3], [1, 0], "constant")) == "[2..,..2]"
    assert shape_of(F["pad"](tensor("?,2"), tensor("2", Type.i64), [1, 0], "constant")) == "[?,?]"


@pytest.mark.parametrize(
    ("pads", "mode", "message"),
    [
        ([0, 3], "reflect", "reflect pads a dimension 3 by at most 2"),
        ([0, 4], "symmetric", "symmetric pads a dimension 3 by at most 3"),
        ([0, -4], "constant", "crop more than dimension 3"),
        ([0], "constant", "one element for each dimension"),
        ([0, 1], "odd", "pad_mode to be one of constant, edge, reflect, symmetric, got 'odd'"),
        ([0, 0.5], "constant", "pads to be integers"),
    ],
)
def test_pad_refuses(pads: list[Any], mode: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        F["pad"](tensor("2,3"), np.array(pads), [0, 0], mode)
    with pytest.raises(ModelError, match="the tensor and the pad value to have one element type"):
        F["pad"](tensor("2,3"), [0, 0], [0, 0], "constant", np.array(1))


@pytest.mark.parametrize(
    ("shift", "axes"),
    [([1], [0]), ([-2], [1]), ([1, 7], [0, 1]), ([1, 2], [1, 1]), ([0], [-1]), ([-9, 2, 1], [0, -2, 2])],
)
def test_roll(shift: list[int], axes: list[int]) -> None:
    data = numbers(3, 4, 2)
    check("roll", data, ints(*shift), ints(*axes), expected=np.roll(data, shift, axes))


def test_roll_shifts_all_axes_by_one_number() -> None:
    node = F["roll"](tensor("3,4"), np.array(1), [0, 1])
    np.testing.assert_array_equal(
        node.op.evaluate(numbers(3, 4), np.array(1), np.array([0, 1]))[0], np.roll(numbers(3, 4), 1, (0, 1))
    )
    with pytest.raises(ModelError, match="2 shifts for 1 axes"):
        F["roll"](tensor("3,4"), [1, 2], [0])
    with pytest.raises(ModelError, match="axis 2 is out of range"):
        F["roll"](tensor("3,4"), [1], [2])
