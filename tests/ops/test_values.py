"""Known elements of small tensors, as models that compute their own shapes need them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite.graph import Node, Parameter
from ovlite.ops import factories
from ovlite.types import PartialShape, Type

F = factories(16)


def tensor(shape: str, element_type: Type = Type.f32) -> Parameter:
    return Parameter(element_type, PartialShape(shape))


def known(node: Node, index: int = 0) -> Any:
    """The elements of an output, "?" for the unknown ones; None when nothing is known."""
    partial = node.output(index).partial
    if partial is None:
        return None
    elements = partial.array.astype(object)
    elements[~partial.known] = "?"
    return elements.tolist()


def shape_of(node: Node) -> str:
    return str(node.output(0).partial_shape)


def test_a_partly_known_shape_has_known_elements() -> None:
    assert known(F["shape_of"](tensor("?,3,1..5,7"))) == ["?", 3, "?", 7]
    assert known(F["shape_of"](tensor("2,3"), "i32")) == [2, 3]
    assert known(F["shape_of"](tensor("..."))) is None


SHAPE = "?,3,?,7"


@pytest.mark.parametrize(
    ("factory", "arguments", "expected"),
    [
        ("gather", ([1, 0], 0), [3, "?"]),
        ("gather", (np.array(3), 0), 7),
        ("slice", ([1], [9], [1]), [3, "?", 7]),
        ("strided_slice", ([-1], [0], [-2], [0], [1]), [7, 3]),
        ("unsqueeze", ([0],), [["?", 3, "?", 7]]),
        ("reshape", ([2, 2], False), [["?", 3], ["?", 7]]),
        ("tile", ([2],), ["?", 3, "?", 7] * 2),
        ("broadcast", ([2, 4],), [["?", 3, "?", 7]] * 2),
        ("roll", ([1], [0]), [7, "?", 3, "?"]),
        ("pad", ([0], [1], "edge"), ["?", 3, "?", 7, 7]),
        ("gather_elements", ([3, 1, 0],), [7, 3, "?"]),
        ("gather_nd", ([[3], [2]],), [7, "?"]),
        ("scatter_update", ([0], [5], 0), [5, 3, "?", 7]),
        ("scatter_nd_update", ([[2]], [5]), ["?", 3, 5, 7]),
        ("convert", ("i32",), ["?", 3, "?", 7]),
        ("multiply", (np.array(2),), ["?", 6, "?", 14]),
        ("reduce_prod", ([0],), None),
    ],
)
def test_elements_stay_known(factory: str, arguments: tuple[Any, ...], expected: Any) -> None:
    opset = factories(14) if factory == "scatter_nd_update" else F
    assert known(opset[factory](F["shape_of"](tensor(SHAPE)), *arguments)) == expected


def test_elements_stay_known_in_each_piece() -> None:
    pieces = F["split"](F["shape_of"](tensor(SHAPE)), 0, 2)
    assert [known(pieces, i) for i in range(2)] == [["?", 3], ["?", 7]]
    pieces = F["variadic_split"](F["shape_of"](tensor(SHAPE)), 0, [1, -1])
    assert [known(pieces, i) for i in range(2)] == [["?"], [3, "?", 7]]


def test_a_joined_tensor_may_hold_one_of_which_nothing_is_known() -> None:
    length = tensor("1", Type.i64)
    assert known(F["concat"]([length, np.array([4]), F["shape_of"](tensor("?,3"))], 0)) == ["?", 4, "?", 3]
    assert known(F["concat"]([length, length], 0)) is None


def test_an_operator_that_computes_needs_all_elements() -> None:
    assert known(F["reduce_prod"](F["shape_of"](tensor("2,3,4")), [0])) == 24
    assert known(F["range"](np.array(0), F["gather"](F["shape_of"](tensor("?,3")), 1, 0), np.array(1), "i64")) == [
        0,
        1,
        2,
    ]


def test_random_numbers_are_never_known() -> None:
    node = F["random_uniform"]([2], np.float32(0) * np.ones(()), np.ones(()), "f64", 1, 1)
    assert known(node) is None


def test_large_tensors_are_not_carried() -> None:
    assert known(F["broadcast"](np.array([1]), [5000])) is None
    assert shape_of(F["broadcast"](np.array([1]), [5000])) == "[5000]"


def test_an_index_out_of_range_is_an_error_of_the_run() -> None:
    assert known(F["gather_elements"](np.array([1, 2]), np.array([5]))) is None


def flatten(data: Node, axis: int) -> Node:
    """What exporters write for x.view(x.shape[0], ..., -1)."""
    shape = F["shape_of"](data)
    parts: list[Any] = [F["unsqueeze"](F["gather"](shape, np.array(i), np.array(0)), [0]) for i in range(axis)]
    return F["reshape"](data, F["concat"]([*parts, np.array([-1])], 0), True)


def test_flatten_keeps_known_dimensions() -> None:
    assert shape_of(flatten(tensor("2,3,4,5"), 1)) == "[2,60]"
    assert shape_of(flatten(tensor("2,?,4,5"), 1)) == "[2,?]"
    assert shape_of(flatten(tensor("?,3,4,5"), 2)) == "[?,3,?]"


def test_bounds_of_dimensions_are_kept() -> None:
    data = tensor("1..4,3,8")
    shape = F["shape_of"](data)
    target = F["concat"]([F["slice"](shape, [0], [2], [1]), np.array([2, 4])], 0)
    assert shape_of(F["reshape"](data, target, False)) == "[1..4,3,2,4]"
    assert shape_of(F["broadcast"](np.float32(1).reshape(()), shape)) == "[1..4,3,8]"
    assert shape_of(F["tile"](tensor("2,2,2"), shape)) == "[2..8,6,16]"
    assert shape_of(flatten(tensor("1..4,3,4,5"), 1)) == "[1..4,15..240]"


def test_an_element_that_may_be_zero_may_copy() -> None:
    target = F["shape_of"](tensor("0..4,6"))
    assert shape_of(F["reshape"](tensor("5,?"), target, True)) == "[?,6]"
    assert shape_of(F["reshape"](tensor("5,?"), target, False)) == "[..4,6]"


def test_heads_of_attention_keep_known_dimensions() -> None:
    data = tensor("?,?,768")
    sizes = F["slice"](F["shape_of"](data), [0], [2], [1])
    split = F["reshape"](data, F["concat"]([sizes, np.array([12, 64])], 0), False)
    assert shape_of(split) == "[?,?,12,64]"
    assert shape_of(F["transpose"](split, [0, 2, 1, 3])) == "[?,12,?,64]"


def test_one_unknown_element_of_a_target_follows_from_the_others() -> None:
    target = F["concat"]([tensor("1", Type.i64), np.array([6])], 0)
    assert shape_of(F["reshape"](tensor("2,3,4"), target, False)) == "[4,6]"


def test_broadcast_to_a_partly_known_shape() -> None:
    target = F["shape_of"](tensor("?,3,5"))
    assert shape_of(F["broadcast"](tensor("3,1"), target)) == "[?,3,5]"
