"""Broadcast, Tile, Range, OneHot, Eye."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.ops import factories
from ovlite.types import PartialShape, Type

from .support import check, fixed
from .test_shape import numbers, shape_of, tensor

F = factories(16)


def ints(*values: int) -> fixed:
    return fixed(np.array(values, np.int64))


@pytest.mark.parametrize(
    ("shape", "target"),
    [((3,), (2, 3)), ((1, 3), (2, 3)), ((), (2, 2)), ((2, 1, 3), (4, 2, 5, 3)), ((2, 3), (2, 3)), ((1, 3), (0, 3))],
)
@pytest.mark.parametrize("opset", [1, 16])
def test_broadcast(shape: tuple[int, ...], target: tuple[int, ...], opset: int) -> None:
    data = numbers(*shape)
    check("broadcast", data, ints(*target), opset=opset, expected=np.broadcast_to(data, target))


@pytest.mark.parametrize(
    ("shape", "target", "expected"),
    [((2, 3), (2, 1), (2, 3)), ((2, 3, 1), (3, 4), (2, 3, 4)), ((4,), (2, 1), (2, 4)), ((1,), (3, 1, 2), (3, 1, 2))],
)
def test_broadcast_both_ways(shape: tuple[int, ...], target: tuple[int, ...], expected: tuple[int, ...]) -> None:
    data = numbers(*shape)
    check("broadcast", data, ints(*target), broadcast_spec="BIDIRECTIONAL", expected=np.broadcast_to(data, expected))


@pytest.mark.parametrize(
    ("shape", "target", "mapping", "places"),
    [
        ((2, 3), (2, 3, 4), (0, 1), (2, 3, 1)),
        ((3,), (2, 3, 4), (1,), (1, 3, 1)),
        ((1, 4), (2, 3, 4), (0, 2), (1, 1, 4)),
        ((), (2,), (), (1,)),
    ],
)
def test_broadcast_by_a_mapping(
    shape: tuple[int, ...], target: tuple[int, ...], mapping: Any, places: tuple[int, ...]
) -> None:
    data = numbers(*shape)
    expected = np.broadcast_to(data.reshape(places), target)
    check("broadcast", data, ints(*target), ints(*mapping), broadcast_spec="explicit", expected=expected)


@pytest.mark.parametrize(
    ("shape", "arguments", "message"),
    [
        ("2,3", ([2, 1],), r"shape \[2,3\] can't be broadcast to \[2,1\]"),
        ("2,3", ([3],), "fewer dimensions"),
        ("2,3", ([4, 3], None, "bidirectional"), "can't be broadcast together"),
        ("2,3", ([2, 3, 4], [1, 0], "explicit"), "ascending order"),
        ("2,3", ([2, 3, 4], [0, 3], "explicit"), "beyond"),
        ("2,3", ([2, 3, 4], [0, 2], "explicit"), "dimension 3 can't be broadcast to dimension 2"),
        ("2,3", ([2, 3, 4], [0], "explicit"), "one element for each"),
        ("2,3", ([2, 3], None, "explicit"), "needs axes_mapping"),
        ("2,3", ([2, 3], None, "odd"), "mode to be one of numpy, explicit, pdpd, bidirectional, got 'odd'"),
    ],
)
def test_broadcast_refuses(shape: str, arguments: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        F["broadcast"](tensor(shape), *arguments)


@pytest.mark.parametrize(
    ("shape", "repeats"),
    [((2, 3), (1, 2)), ((2, 3), (2,)), ((2,), (3, 2)), ((), (2, 2)), ((2, 3), (0, 2)), ((2, 3), (2, 1, 3))],
)
def test_tile(shape: tuple[int, ...], repeats: tuple[int, ...]) -> None:
    data = numbers(*shape)
    check("tile", data, ints(*repeats), expected=np.tile(data, repeats))


@pytest.mark.parametrize("mode", ["numpy", "bidirectional", "explicit", "squeeze"])
def test_messages_are_written_for_failures_alone(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each of many dimensions, with all of them, would be as long as the square of the rank."""
    written: list[object] = []
    text = PartialShape.__str__
    monkeypatch.setattr(PartialShape, "__str__", lambda shape: written.append(shape) or text(shape))
    rank = 2000
    data = tensor(",".join(["1"] * rank))
    if mode == "squeeze":
        node = F["squeeze"](data, np.arange(rank))
    else:
        mapping = [np.arange(rank)] if mode == "explicit" else []
        node = F["broadcast"](data, [1] * rank, *mapping, broadcast_spec=mode)
    assert node.output(0).partial_shape == PartialShape([] if mode == "squeeze" else [1] * rank)
    assert len(written) < 20


def test_tile_takes_negative_repeats_for_none() -> None:
    check("tile", numbers(2, 3), ints(1, -2), expected=np.zeros((2, 0)))
    assert shape_of(F["tile"](tensor("?,3"), [2, 2])) == "[?,6]"


@pytest.mark.parametrize(
    ("start", "stop", "step", "dtype"),
    [
        (0, 5, 2, np.int64),
        (5, 0, -2, np.int32),
        (0, 5, -1, np.int64),
        (-3, 3, 1, np.int32),
        (0, 1, 0.25, np.float32),
        (1, 0, -0.3, np.float32),
        (3, 3, 1, np.int64),
    ],
)
@pytest.mark.parametrize("opset", [1, 16])
def test_range(start: float, stop: float, step: float, dtype: type, opset: int) -> None:
    numbers_of = [fixed(np.array(value, dtype)) for value in (start, stop, step)]
    output_type = [] if opset == 1 else [Type(dtype).name]
    check("range", *numbers_of, *output_type, opset=opset, expected=np.arange(start, stop, step, dtype))


def test_range_converts() -> None:
    values = [fixed(np.array(value, np.int32)) for value in (1, 9, 3)]
    check("range", *values, "f32", expected=np.array([1, 4, 7], np.float32))
    check("range", *values, "i64", expected=np.array([1, 4, 7]))


@pytest.mark.parametrize(
    ("values", "message"),
    [((0, 5, 0), "other than 0"), ((0, 5, np.float64("nan")), "finite"), (([0], 5, 1), "start to have rank 0")],
)
def test_range_refuses(values: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        F["range"](*[np.array(value) for value in values], "i64")
    with pytest.raises(ModelError, match="start, stop and step to have one element type, got i64, i64, i32"):
        factories(1)["range"](np.array(0), np.array(5), np.array(1, np.int32))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_one_hot(axis: int, dtype: type) -> None:
    indices = np.array([[0, 2, 1], [3, -1, 7]], dtype)
    chosen = np.moveaxis(indices[..., None] == np.arange(4), -1, axis)
    values = fixed(np.array(4)), fixed(np.float32(5).reshape(())), fixed(np.float32(-1).reshape(()))
    check("one_hot", indices, *values, axis, opset=13, expected=np.where(chosen, np.float32(5), np.float32(-1)))


def test_one_hot_may_count_from_the_end() -> None:
    values = fixed(np.array(3)), fixed(np.array(1, np.int32)), fixed(np.array(0, np.int32))
    expected = np.array([[0, 0, 1], [1, 0, 0], [0, 0, 0], [0, 0, 0]], np.int32)
    check("one_hot", np.array([-1, -3, -4, 3]), *values, 1, "normalize", expected=expected)
    with pytest.raises(ModelError, match="negative_indices_mode to be one of"):
        F["one_hot"](np.array([1]), np.array(3), np.array(1), np.array(0), 0, "odd")


def test_one_hot_counts_its_axis_in_the_output() -> None:
    node = F["one_hot"](tensor("2,3", Type.i64), np.array(4), np.array(1), np.array(0), -2)
    assert shape_of(node) == "[2,4,3]"
    found = node.op.evaluate(np.zeros((2, 3), np.int64), np.array(4), np.array(1), np.array(0))[0]
    np.testing.assert_array_equal(found[:, 0], 1)
    np.testing.assert_array_equal(found[:, 1:], 0)


def test_one_hot_refuses() -> None:
    one, zero = np.array(1), np.array(0)
    with pytest.raises(ModelError, match="depth to be 0 or more, got -2"):
        F["one_hot"](np.array([1]), np.array(-2), one, zero, 0)
    with pytest.raises(ModelError, match="axis 2 is out of range"):
        F["one_hot"](np.array([1]), np.array(2), one, zero, 2)
    with pytest.raises(ModelError, match="on_value and off_value to have one element type"):
        F["one_hot"](np.array([1]), np.array(2), one, np.array(0.0), 0)


@pytest.mark.parametrize(("rows", "columns", "diagonal"), [(3, 4, 0), (3, 4, 2), (4, 2, -1), (2, 2, 9), (0, 3, 0)])
@pytest.mark.parametrize("output_type", ["f32", "i32", "i64", "u8", "i8"])
def test_eye(rows: int, columns: int, diagonal: int, output_type: str) -> None:
    sizes = [fixed(np.array(value)) for value in (rows, columns, diagonal)]
    expected = np.eye(rows, columns, diagonal)
    check("eye", *sizes, output_type, expected=expected)
    check("eye", *sizes, output_type, ints(2, 3), expected=np.broadcast_to(expected, (2, 3, rows, columns)))
