"""ShapeOf, Reshape, Squeeze, Unsqueeze, Transpose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Node, Parameter
from ovlite.ops import factories
from ovlite.types import PartialShape, Type

from .support import check, fixed

F = factories(16)


def numbers(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    """0, 1, 2, ... of a shape."""
    return np.arange(np.prod(shape, dtype=int), dtype=dtype).reshape(shape)


def tensor(shape: str, element_type: Type = Type.f32) -> Parameter:
    return Parameter(element_type, PartialShape(shape))


def shape_of(node: Node) -> str:
    return str(node.output(0).partial_shape)


def shapes_of(node: Node) -> list[str]:
    return [str(output.partial_shape) for output in node.outputs()]


@pytest.mark.parametrize("shape", [(), (0,), (2, 3, 4)])
def test_shape_of(shape: tuple[int, ...]) -> None:
    check("shape_of", numbers(*shape), expected=np.array(shape, np.int64))
    check("shape_of", numbers(*shape), "i32", expected=np.array(shape, np.int32))
    check("shape_of", numbers(*shape), opset=2, expected=np.array(shape, np.int64))


def test_shape_of_takes_index_types_only() -> None:
    with pytest.raises(ModelError, match="output_type to be i32 or i64, got f32"):
        F["shape_of"](tensor("2"), "f32")


@pytest.mark.parametrize(
    ("shape", "target", "special_zero", "expected"),
    [
        ((2, 3, 4), [6, 4], False, (6, 4)),
        ((2, 3, 4), [-1, 4], False, (6, 4)),
        ((2, 3, 4), [0, -1], True, (2, 12)),
        ((2, 3, 4), [0, 0, 2, -1], True, (2, 3, 2, 2)),
        ((2, 3, 4), [-1, 0], True, (8, 3)),
        ((1, 1), [], False, ()),
        ((), [1, 1], False, (1, 1)),
        ((0, 3), [0, -1], True, (0, 3)),
        ((0, 3), [3, -1], True, (3, 0)),
        ((2, 0), [0, 5], False, (0, 5)),
    ],
)
def test_reshape(shape: tuple[int, ...], target: list[int], special_zero: bool, expected: tuple[int, ...]) -> None:
    data = numbers(*shape)
    wanted = np.zeros(expected, np.float32) if 0 in expected else data.reshape(expected)
    check(
        "reshape",
        data,
        fixed(np.array(target, np.int64)),
        special_zero,
        expected=wanted,
        peer="cpu" if data.size else "",
    )


def test_reshape_of_no_elements_takes_one_for_what_any_length_would_fit() -> None:
    assert shape_of(F["reshape"](tensor("0,3"), [0, -1], False)) == "[0,1]"


@pytest.mark.parametrize(
    ("shape", "target", "special_zero", "expected"),
    [
        ("?,3,4", [0, -1], True, "[?,12]"),
        ("?,3,4", [-1, 12], True, "[?,12]"),
        ("?,?,4", [0, 0, 2, 2], True, "[?,?,2,2]"),
        ("1..5,3,4", [-1, 6], True, "[2..10,6]"),
        ("?,3", [6, 4], False, "[6,4]"),
        ("...", [0, -1, 5], True, "[?,?,5]"),
    ],
)
def test_reshape_of_unknown_shapes(shape: str, target: list[int], special_zero: bool, expected: str) -> None:
    assert shape_of(F["reshape"](tensor(shape), np.array(target), special_zero)) == expected


@pytest.mark.parametrize(
    ("target", "special_zero", "message"),
    [
        ([-1, -1], False, r"\[-1, -1\] has more than one -1"),
        ([-2, 3], False, "negative dimension"),
        ([0, 0, 0], True, r"copies dimension 2 of shape \[2,3\]"),
        ([-1, 4], False, r"shape \[2,3\] can't be divided into the target shape \[-1, 4\]"),
        ([4, 2], False, r"has 6 elements, the target shape \[4,2\] 8"),
        ([0, -1], False, "has no value"),
        ([2.0, 3.0], False, "integers, got f64"),
        ([[2, 3]], False, "1-D"),
    ],
)
def test_reshape_refuses(target: list[Any], special_zero: bool, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        F["reshape"](tensor("2,3"), np.array(target), special_zero)


@pytest.mark.parametrize("opset", [13, 16])
@pytest.mark.parametrize(
    ("axes", "expected"), [([0], (2, 1, 3)), ([-2, 0], (2, 3)), ([0, 0], (2, 1, 3)), (2, (1, 2, 3))]
)
def test_squeeze(opset: int, axes: Any, expected: tuple[int, ...]) -> None:
    data = numbers(1, 2, 1, 3)
    check("squeeze", data, fixed(np.array(axes)), opset=opset, expected=data.reshape(expected))


def test_squeeze_without_axes() -> None:
    data = numbers(1, 2, 1, 3)
    check("squeeze", data, expected=data.reshape(2, 3))
    check("squeeze", data, fixed(np.array([], np.int64)), expected=data.reshape(2, 3))
    check("squeeze", numbers(1, 1), expected=np.float32(0))


@pytest.mark.parametrize("opset", [14, 15])
def test_squeeze_of_longer_dimensions(opset: int) -> None:
    message = r"axis 1 of shape \[1,2,3\] has a length other than 1"
    with pytest.raises(ModelError, match=message):
        factories(opset)["squeeze"](tensor("1,2,3"), [1])
    late = factories(opset)["squeeze"](tensor("1,?,3"), [0, 1])
    with pytest.raises(ModelError, match=message):
        late.op.evaluate(numbers(1, 2, 3), np.array([0, 1]))


def test_squeeze_that_may_skip_axes() -> None:
    node = factories(15)["squeeze"](tensor("1,2,3"), [0, 1], allow_axis_skip=True)
    assert shape_of(node) == "[2,3]"
    assert node.op.evaluate(numbers(1, 2, 3), np.array([0, 1]))[0].shape == (2, 3)


def test_squeeze_of_unknown_shapes() -> None:
    assert shape_of(F["squeeze"](tensor("1,?,3"), [1])) == "[1,3]"
    assert shape_of(F["squeeze"](tensor("1,?,3"), [1], allow_axis_skip=True)) == "[...]"
    assert shape_of(F["squeeze"](tensor("1,2..4,3"))) == "[2..4,3]"
    assert shape_of(F["squeeze"](tensor("1,?,3"))) == "[...]"
    with pytest.raises(ModelError, match="axis 3 is out of range: a tensor of rank 3 has axes -3 to 2"):
        F["squeeze"](tensor("1,2,3"), [3])


@pytest.mark.parametrize(
    ("axes", "expected"),
    [([0], (1, 2, 3)), ([0, -1], (1, 2, 3, 1)), ([1, 3], (2, 1, 3, 1)), ([0, 0], (1, 2, 3)), (1, (2, 1, 3))],
)
def test_unsqueeze(axes: Any, expected: tuple[int, ...]) -> None:
    data = numbers(2, 3)
    check("unsqueeze", data, fixed(np.array(axes)), expected=data.reshape(expected))


@pytest.mark.parametrize(
    ("axes", "message"), [([3], "axis 3 is out of range"), ([], "at least one axis"), ([0.5], "integers")]
)
def test_unsqueeze_refuses(axes: list[Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        F["unsqueeze"](tensor("2,3"), np.array(axes, float if 0.5 in axes else np.int64))


@pytest.mark.parametrize("order", [[0, 2, 1], [2, 0, 1], [0, 1, 2]])
def test_transpose(order: list[int]) -> None:
    data = numbers(2, 3, 4)
    check("transpose", data, fixed(np.array(order, np.int64)), expected=data.transpose(order))
    check("transpose", data.astype(np.int64), fixed(np.array(order, np.int32)), expected=data.transpose(order))


def test_transpose_without_an_order_reverses() -> None:
    node = F["transpose"](tensor("2,?,4"), np.array([], np.int64))
    assert shape_of(node) == "[4,?,2]"
    np.testing.assert_array_equal(node.op.evaluate(numbers(2, 3), np.array([], np.int64))[0], numbers(2, 3).T)
    assert shape_of(F["transpose"](tensor("..."), np.array([], np.int64))) == "[...]"


@pytest.mark.parametrize("order", [[0, 1], [0, 1, 1], [0, 2, -2], [0, 1, 3]])
def test_transpose_refuses(order: list[int]) -> None:
    with pytest.raises(ModelError, match="a permutation of 0 to 2"):
        F["transpose"](tensor("2,?,4"), order)


def test_identity() -> None:
    check("identity", numbers(2, 3), expected=numbers(2, 3))
