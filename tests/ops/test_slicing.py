"""Slice, SliceScatter, StridedSlice."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.ops import factories
from ovlite.ops.slicing import sliced
from ovlite.types import Dimension, Type

from .support import check, fixed
from .test_shape import numbers, shape_of, tensor

F = factories(16)
FAR = 2**63 - 1


def ints(*values: int) -> fixed:
    return fixed(np.array(values, np.int64))


RANGES = [
    (0, 4, 1),
    (1, 3, 1),
    (-3, -1, 1),
    (4, 0, -1),
    (-1, -6, -2),
    (0, FAR, 2),
    (FAR, -FAR, -1),
    (3, 1, 1),
    (9, 12, 1),
    (-9, 2, 1),
    (2, -9, -1),
]


@pytest.mark.parametrize("bounds", RANGES)
def test_slice(bounds: tuple[int, int, int]) -> None:
    data, (start, stop, step) = numbers(2, 5, 3), bounds
    check("slice", data, ints(start), ints(stop), ints(step), ints(1), expected=data[:, start:stop:step])


def test_slice_along_axes() -> None:
    data = numbers(4, 5, 3)
    check("slice", data, ints(1, 0), ints(4, 9), ints(2, 1), expected=data[1:4:2])
    check("slice", data, ints(2, 1), ints(0, 4), ints(-1, 1), ints(-1, 0), expected=data[1:4, :, 2:0:-1])
    check("slice", data.astype(np.int64), ints(0), ints(1), ints(1), expected=data[:1])


@pytest.mark.parametrize("step", [1, 2, -1, -3])
@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, 4), (-3, 2), (2, -2), (-4, -1), (3, 0), (4, -6), (-1, 1), (None, None), (None, 2), (-2, None)],
)
def test_a_slice_of_a_dimension_within_bounds(start: int | None, stop: int | None, step: int) -> None:
    for low, high in itertools.combinations_with_replacement(range(9), 2):
        counts = [len(range(length)[start:stop:step]) for length in range(low, high + 1)]
        found = sliced(Dimension(low, high), start, stop, step)
        assert found.min_length == min(counts)
        assert max(counts) <= found.max_length <= high
        if low == high:
            assert found.is_static


@pytest.mark.parametrize(
    ("shape", "bounds", "expected"),
    [
        ("?", (0, 2, 1), "[..2]"),
        ("?", (0, -2, 1), "[?]"),
        ("?", (-3, 2, 1), "[..2]"),
        ("2..9", (3, -2, 1), "[..4]"),
        ("3..", (-3, FAR, 1), "[3]"),
        ("?", (0, FAR, 1), "[?]"),
    ],
)
def test_slice_of_unknown_lengths(shape: str, bounds: tuple[int, int, int], expected: str) -> None:
    assert shape_of(F["slice"](tensor(shape), *[np.array([bound]) for bound in bounds])) == expected


def test_slice_with_unknown_bounds() -> None:
    some = tensor("1", Type.i64)
    assert shape_of(F["slice"](tensor("4,5"), some, [9], [1], [1])) == "[4,..5]"
    assert shape_of(F["slice"](tensor("4,5"), [0], [9], [1], some)) == "[..4,..5]"
    assert (
        shape_of(F["slice"](tensor("4,5"), tensor("?", Type.i64), tensor("?", Type.i64), tensor("?", Type.i64)))
        == "[..4,..5]"
    )


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (([0], [1], [0]), "a step is 0"),
        (([0, 0], [1], [1]), "have one length"),
        (([0, 0], [1, 1], [1, 1], [0, -2]), "expected each axis once"),
        (([0], [1], [1], [2]), "axis 2 is out of range"),
        ((0, 1, 1), "start to have rank 1"),
        (([0.0], [1], [1]), "the elements of start to be integers"),
        (([0] * 3, [1] * 3, [1] * 3), "can't be sliced along 3 axes"),
    ],
)
def test_slice_refuses(parts: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        F["slice"](tensor("4,5"), *[np.array(part) for part in parts])


@pytest.mark.parametrize(
    ("bounds", "axes"), [(([1], [3], [1]), [0]), (([0, -1], [9, -9], [2, -2]), [0, 1]), (([2], [2], [1]), [1])]
)
def test_slice_scatter(bounds: Any, axes: list[int]) -> None:
    data = numbers(4, 5)
    index: list[slice] = [slice(None)] * 2
    for axis, *bound in zip(axes, *bounds, strict=True):
        index[axis] = slice(*bound)
    expected = data.copy()
    updates = -1 - numbers(*data[tuple(index)].shape)
    expected[tuple(index)] = updates
    check("slice_scatter", data, updates, *[ints(*bound) for bound in bounds], ints(*axes), expected=expected)


def test_slice_scatter_refuses() -> None:
    with pytest.raises(ModelError, match=r"updates of shape \[2,5\] don't fit the slice of shape \[1,5\]"):
        F["slice_scatter"](tensor("4,5"), tensor("2,5"), [0], [1], [1])
    with pytest.raises(ModelError, match="data and updates to have one element type"):
        F["slice_scatter"](tensor("4,5"), tensor("1,5", Type.i32), [0], [1], [1])


MASKS = ("begin_mask", "end_mask", "new_axis_mask", "shrink_axis_mask", "ellipsis_mask")


def strided(begin: list[int], end: list[int], strides: list[int], /, **masks: list[int]) -> np.ndarray:
    """Checks a strided slice of [2, 3, 4], and returns it."""
    given = {name: masks.get(name.removesuffix("_mask"), []) for name in MASKS}
    given = {name: (mask + [0] * len(begin))[: len(begin)] for name, mask in given.items()}
    return check("strided_slice", numbers(2, 3, 4), ints(*begin), ints(*end), ints(*strides), **given)[0]


X = numbers(2, 3, 4)


@pytest.mark.parametrize(
    ("arguments", "masks", "expected"),
    [
        (([0, 1], [2, 3], [1, 1]), {}, X[0:2, 1:3]),
        (([1, 1], [0, 0], [1, 1]), {"begin": [1, 0], "end": [1, 1]}, X[:, 1:]),
        (([0, 3], [2, -10], [1, -1]), {}, X[0:2, ::-1]),
        (([0, -1], [2, -4], [1, -2]), {}, X[:, ::-2]),
        (([0, 0], [2, 0], [1, -1]), {"begin": [0, 1], "end": [0, 1]}, X[:, ::-1]),
        (([1, 1], [2, 3], [1, 1]), {"shrink_axis": [1]}, X[1, 1:3]),
        (([-1, 2], [0, 0], [1, 1]), {"shrink_axis": [1, 1]}, X[-1, 2]),
        (([1, 1], [2, 3], [1, 1]), {"shrink_axis": [1], "begin": [1]}, X[0, 1:3]),
        (([0, 1], [0, 3], [1, 1]), {"new_axis": [1]}, X[None, 1:3]),
        (([1, 1], [1, 3], [1, 1]), {"new_axis": [1], "shrink_axis": [1]}, X[None, 1:3]),
        (([0, 1], [0, 3], [1, 1]), {"ellipsis": [1]}, X[..., 1:3]),
        (([0, 0, 0], [0, 0, 0], [1, 1, 1]), {"ellipsis": [0, 1], "shrink_axis": [1, 0, 1]}, X[0, ..., 0]),
        (
            ([0, 0, 0, 1], [1, 0, 0, 3], [1, 1, 1, 1]),
            {"ellipsis": [0, 1], "new_axis": [0, 0, 1]},
            X[0:1, ..., None, 1:3],
        ),
        (
            ([0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]),
            {"new_axis": [1, 0, 0, 1], "begin": [0, 1, 1], "end": [0, 1, 1]},
            X[None, :, :, None],
        ),
        (([2], [2], [1]), {}, X[2:2]),
    ],
)
def test_strided_slice(arguments: Any, masks: dict[str, list[int]], expected: np.ndarray) -> None:
    np.testing.assert_array_equal(strided(*arguments, **masks), expected)


def test_strided_slice_without_strides() -> None:
    op = F["strided_slice"](tensor("2,3,4"), [0, 1], [2, 3], [1, 1], [], []).op
    np.testing.assert_array_equal(op.evaluate(X, np.array([0, 1]), np.array([2, 3]))[0], X[0:2, 1:3])


@pytest.mark.parametrize(
    ("shape", "begin", "end", "masks", "expected"),
    [
        ("?,3,4", [0, 1], [2, 3], {}, "[..2,2,4]"),
        ("?,3,4", [0, 1], [0, 3], {"end_mask": [1, 0]}, "[?,2,4]"),
        ("?,3,4", [5, 1], [0, 3], {"shrink_axis_mask": [1, 0]}, "[2,4]"),
        ("...", [0], [1], {}, "[...]"),
    ],
)
def test_strided_slice_of_unknown_shapes(
    shape: str, begin: Any, end: Any, masks: dict[str, Any], expected: str
) -> None:
    masks = {"begin_mask": [], "end_mask": []} | masks
    assert shape_of(F["strided_slice"](tensor(shape), begin, end, [1] * len(begin), **masks)) == expected


@pytest.mark.parametrize(
    ("arguments", "masks", "message"),
    [
        (([5, 1], [6, 3], [1, 1]), {"shrink_axis_mask": [1, 0]}, "index 5 is out of range for dimension 0 of length 2"),
        (([0] * 4, [1] * 4, [1] * 4), {}, "names 4 dimensions of a tensor of rank 3"),
        (([0, 0], [1, 1], [1, 0]), {}, "a stride is 0"),
        (([0, 0], [1], [1, 1]), {}, "have one length"),
        (([0, 0], [1, 1], [1, 1]), {"ellipsis_mask": [1, 1]}, "at most one element of ellipsis_mask"),
    ],
)
def test_strided_slice_refuses(arguments: Any, masks: dict[str, Any], message: str) -> None:
    masks = {"begin_mask": [], "end_mask": []} | masks
    with pytest.raises(ModelError, match=message):
        F["strided_slice"](tensor("2,3,4"), *[np.array(argument) for argument in arguments], **masks)
