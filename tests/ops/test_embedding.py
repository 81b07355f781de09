"""Embedding bags and segments."""

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
TABLE = numbers(4, 2) + 1
INDICES = np.array([0, 2, 3], np.int32)
WEIGHTS = np.array([1, 2, -3], np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def rows(*bags: dict[int, float]) -> np.ndarray:
    """Weighted sums of table rows."""
    return np.array(
        [sum((TABLE[row] * weight for row, weight in bag.items()), np.zeros(2)) for bag in bags], np.float32
    )


@pytest.mark.parametrize("factory", ["embedding_bag_offsets_sum", "embedding_bag_offsets"])
def test_bags_by_offsets(factory: str) -> None:
    offsets, one = ints(0, 0, 2), np.array(1, np.int32)
    check(factory, TABLE, INDICES, offsets, expected=rows({}, {0: 1, 2: 1}, {3: 1}))
    check(factory, TABLE, INDICES, offsets, one, expected=rows({1: 1}, {0: 1, 2: 1}, {3: 1}))
    check(factory, TABLE, INDICES, offsets, one, WEIGHTS, expected=rows({1: 1}, {0: 1, 2: 2}, {3: -3}))
    check(factory, TABLE, INDICES, ints(0, 2, 3), peer="", expected=rows({0: 1, 2: 1}, {3: 1}, {}))
    check(
        factory,
        numbers(4, 2, 3),
        INDICES,
        offsets,
        expected=np.stack([numbers(4, 2, 3)[part].sum(0) for part in ([], [0, 2], [3])]),
    )


@pytest.mark.parametrize("factory", ["embedding_bag_offsets_sum", "embedding_bag_offsets"])
def test_weights_without_a_default_row(factory: str) -> None:
    node = F[factory](tensor("4,2"), INDICES, ints(0, 0, 2), per_sample_weights=WEIGHTS)
    assert len(node.sources) == 5
    found = node.op.evaluate(TABLE, INDICES, ints(0, 0, 2), np.array(-1, np.int32), WEIGHTS)[0]
    np.testing.assert_array_equal(found, rows({}, {0: 1, 2: 2}, {3: -3}))


def test_means_of_bags() -> None:
    expected = rows({}, {0: 0.5, 2: 0.5}, {3: 1})
    check("embedding_bag_offsets", TABLE, INDICES, ints(0, 0, 2), reduction="mean", expected=expected)
    check(
        "embedding_bag_packed",
        TABLE,
        np.array([[0, 2], [1, 1]]),
        reduction="mean",
        expected=rows({0: 0.5, 2: 0.5}, {1: 1}),
    )


@pytest.mark.parametrize("factory", ["embedding_bag_packed_sum", "embedding_bag_packed"])
def test_packed_bags(factory: str) -> None:
    indices = ints(0, 2, 3, 1).reshape(2, 2)
    weights = np.array([[1, 2], [3, -1]], np.float32)
    check(factory, TABLE, indices, expected=rows({0: 1, 2: 1}, {3: 1, 1: 1}))
    check(factory, TABLE, indices, weights, expected=rows({0: 1, 2: 2}, {3: 3, 1: -1}))


@pytest.mark.parametrize("known", [True, False])
def test_segments(known: bool) -> None:
    def count(number: int) -> Any:
        return fixed(np.array(number, np.int32)) if known else np.array(number, np.int32)

    segments, one = ints(0, 2, 2), np.array(1, np.int32)
    factory = "embedding_segments_sum"
    check(factory, TABLE, INDICES, segments, count(4), expected=rows({0: 1}, {}, {2: 1, 3: 1}, {}))
    check(factory, TABLE, INDICES, segments, count(4), one, expected=rows({0: 1}, {1: 1}, {2: 1, 3: 1}, {1: 1}))
    check(factory, TABLE, INDICES, segments, count(3), one, WEIGHTS, expected=rows({0: 1}, {1: 1}, {2: 2, 3: -3}))
    check(factory, TABLE, INDICES, segments, count(2), expected=rows({0: 1}, {}))


def test_segments_end_with_the_last_one() -> None:
    node = F["embedding_segments_sum"](tensor("4,2"), INDICES, tensor("3", Type.i32))
    assert shape_of(node) == "[?,2]"
    np.testing.assert_array_equal(node.op.evaluate(TABLE, INDICES, ints(0, 2, 2))[0], rows({0: 1}, {}, {2: 1, 3: 1}))


@pytest.mark.parametrize(
    ("factory", "arguments", "message"),
    [
        (
            "embedding_bag_offsets",
            (INDICES, ints(0), None, WEIGHTS, "mean"),
            "per_sample_weights need the reduction 'sum'",
        ),
        ("embedding_bag_offsets", (INDICES, ints(0), None, None, "odd"), "reduction to be one of sum, mean, got 'odd'"),
        ("embedding_bag_packed", (ints(0).reshape(1, 1), None, "odd"), "reduction to be one of sum, mean, got 'odd'"),
        ("embedding_bag_offsets_sum", (INDICES, ints(0), None, WEIGHTS[:2]), "have the indices' shape"),
        ("embedding_bag_offsets_sum", (INDICES.reshape(1, 3), ints(0)), "indices to have rank 1"),
        ("embedding_bag_offsets_sum", (WEIGHTS, ints(0)), "indices to be integers"),
        ("embedding_bag_packed_sum", (INDICES,), "indices to have rank 2"),
        ("embedding_segments_sum", (INDICES, ints(0)), "segment_ids"),
        ("embedding_segments_sum", (INDICES, INDICES, None, np.array(1, np.int32)), "need num_segments"),
    ],
)
def test_embeddings_refuse(factory: str, arguments: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        F[factory](tensor("4,2"), *arguments)


@pytest.mark.parametrize(
    ("factory", "indices", "places", "message"),
    [
        (
            "embedding_bag_offsets_sum",
            [0, 4, 1],
            [0, 1, 1],
            "index 4 is out of range for dimension 0 of length 4: indices are 0 to 3",
        ),
        ("embedding_bag_offsets_sum", [0, -1, 1], [0, 1, 1], "index -1 is out of range"),
        ("embedding_bag_offsets_sum", [0, 1, 1], [0, 2, 4], "offsets to ascend from 0 to the number of indices, 3"),
        ("embedding_bag_offsets_sum", [0, 1, 1], [0, 2, 1], "offsets to ascend"),
        ("embedding_segments_sum", [0, 1, 1], [0, 2, 1], "segment_ids to ascend from 0"),
        ("embedding_segments_sum", [0, 1, 9], [0, 1, 1], "index 9 is out of range"),
    ],
)
def test_wrong_elements_are_an_error_of_the_run(
    factory: str, indices: list[int], places: list[int], message: str
) -> None:
    op = F[factory](tensor("4,2"), tensor("3", Type.i32), tensor("3", Type.i32)).op
    with pytest.raises(ModelError, match=message):
        op.evaluate(TABLE, ints(*indices), ints(*places))
