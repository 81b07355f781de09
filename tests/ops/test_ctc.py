"""CTCGreedyDecoder, CTCGreedyDecoderSeqLen, CTCLoss."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.ops import factories
from ovlite.types import Type

from ..tolerances import roundings
from .support import check, fixed
from .test_shape import tensor

F = factories(16)
CLASSES = [
    [0, 0, 3, 0, 1, 1],
    [3, 2, 2, 3, 3, 2],
    [1, 1, 1, 1, 1, 1],
]  # the best class of each step, batch by batch; 3 is blank


def scores() -> np.ndarray:
    """[batch, time, classes], largest at CLASSES."""
    return np.eye(4, dtype=np.float32)[CLASSES] + np.random.default_rng(0).random((3, 6, 4), np.float32) / 2


def padded(*rows: list[int], length: int = 6) -> np.ndarray:
    return np.array([row + [-1] * (length - len(row)) for row in rows])


@pytest.mark.parametrize(
    ("merge", "expected"), [(True, ([0, 0, 1], [2, 2], [1])), (False, ([0, 0, 0, 1, 1], [2, 2, 2], [1, 1, 1, 1]))]
)
def test_greedy_decoder(merge: bool, expected: Any) -> None:
    mask = np.ones((6, 3), np.float32)
    mask[4:, 2] = 0
    data = np.ascontiguousarray(scores().transpose(1, 0, 2))
    check("ctc_greedy_decoder", data, mask, merge, expected=padded(*expected)[:, :, None, None].astype(np.float32))


@pytest.mark.parametrize(
    ("merge", "expected"), [(True, ([0, 0, 1], [2, 2], [1])), (False, ([0, 0, 0, 1, 1], [2, 2, 2], [1, 1, 1, 1]))]
)
@pytest.mark.parametrize("index_type", ["i32", "i64"])
def test_greedy_decoder_by_lengths(merge: bool, expected: Any, index_type: str) -> None:
    lengths = np.array([6, 6, 4], np.int32)
    counts = np.array([len(row) for row in expected])
    check(
        "ctc_greedy_decoder_seq_len",
        scores(),
        lengths,
        None,
        merge,
        index_type,
        index_type,
        expected=[padded(*expected), counts],
    )


def test_greedy_decoder_with_another_blank() -> None:
    lengths = np.array([6, 6, 0], np.int32)
    expected = [padded([3, 1], [3, 2, 3, 2], []), np.array([2, 4, 0])]
    check("ctc_greedy_decoder_seq_len", scores(), lengths, fixed(np.array([0], np.int32)), expected=expected)


def loss_by_enumeration(scores: np.ndarray, labels: list[int], blank: int, merge: bool) -> float:
    """-log of the sum over all alignments of [time, classes] logits that read as `labels`."""
    probs = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    total = 0.0
    for path in itertools.product(range(scores.shape[1]), repeat=len(scores)):
        read = [step for i, step in enumerate(path) if not (merge and i and path[i - 1] == step) and step != blank]
        total += np.prod(probs[range(len(path)), path]) if read == labels else 0
    return float(-np.log(total)) if total else float("inf")


@pytest.mark.parametrize("merge", [True, False])
@pytest.mark.parametrize("blank", [None, 0])
@pytest.mark.parametrize("preprocess", ["", "collapse", "unique"])
def test_loss(merge: bool, blank: int | None, preprocess: str) -> None:
    logits = np.random.default_rng(5).normal(size=(3, 5, 4)).astype(np.float32)
    labels = np.array([[1, 1, 2, 1, 0], [2, 1, 0, 0, 0], [2, 2, 2, 2, 2]], np.int32)
    steps, counts = np.array([5, 4, 3], np.int32), np.array([4, 2, 2], np.int32)
    expected = []
    for i in range(3):
        wanted = labels[i, : counts[i]].tolist()
        if preprocess == "unique":
            wanted = list(dict.fromkeys(wanted))
        elif preprocess == "collapse":
            wanted = [label for label, _ in itertools.groupby(wanted)]
        expected.append(
            loss_by_enumeration(logits[i, : steps[i]].astype(float), wanted, 3 if blank is None else blank, merge)
        )
    index = [] if blank is None else [np.array(blank, np.int32)]
    flags = {
        "preprocess_collapse_repeated": preprocess == "collapse",
        "ctc_merge_repeated": merge,
        "unique": preprocess == "unique",
    }
    check(
        "ctc_loss",
        logits,
        steps,
        labels,
        counts,
        *index,
        **flags,
        expected=np.array(expected, np.float32),
        **roundings(50, 10),
    )


def test_loss_refuses() -> None:
    lengths = tensor("3", Type.i32)
    with pytest.raises(ModelError, match="the inputs to have one batch, got 3 and 2"):
        F["ctc_loss"](tensor("3,6,4"), lengths, tensor("2,6", Type.i32), lengths)
    with pytest.raises(ModelError, match="labels to have rank 2"):
        F["ctc_loss"](tensor("3,6,4"), lengths, lengths, lengths)
    op = F["ctc_loss"](tensor("3,6,4"), lengths, tensor("3,6", Type.i32), lengths).op
    many = np.full(3, 7, np.int32)
    with pytest.raises(ModelError, match="label_length <= logit_length <= time"):
        op.evaluate(scores(), many, np.zeros((3, 6), np.int32), many)


def test_greedy_decoders_refuse() -> None:
    with pytest.raises(ModelError, match="share a dimension that is 6 in one, 5 in the other"):
        F["ctc_greedy_decoder"](tensor("6,3,4"), tensor("5,3"))
    with pytest.raises(ModelError, match="sequence_length to have rank 1"):
        F["ctc_greedy_decoder_seq_len"](tensor("3,6,4"), tensor("3,1", Type.i32))
    with pytest.raises(ModelError, match="sequence lengths to be integers, got f32"):
        F["ctc_greedy_decoder_seq_len"](tensor("3,6,4"), tensor("3"))
    op = F["ctc_greedy_decoder_seq_len"](tensor("3,6,4"), tensor("3", Type.i32)).op
    with pytest.raises(ModelError, match="sequence lengths to be 0 to 6, got 7"):
        op.evaluate(scores(), np.array([6, 6, 7], np.int32))
