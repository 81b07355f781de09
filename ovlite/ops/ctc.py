"""The CTC loss, and greedy decoding of the outputs of models that are trained with it.

Graves, Fernandez, Gomez, Schmidhuber: Connectionist temporal classification. ICML 2006.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ModelError
from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .axes import index_type, merged_type, require, require_integers, require_rank, static_shapes
from .declare import Declared


def _collapsed(classes: Array, blank: int, merge: bool) -> Array:
    """A sequence of classes without blanks and, with `merge`, without repetitions that no blank parts."""
    kept = classes != blank
    if merge:
        kept[1:] &= classes[1:] != classes[:-1]
    return np.asarray(classes[kept])


def _same_length(a: Argument, axis: int, b: Argument, other: int) -> Dimension:
    """A dimension that two inputs share."""
    dims = [x.shape[i] if x.shape.has_rank else Dimension() for x, i in ((a, axis), (b, other))]
    common = dims[0].intersect(dims[1])
    if common is None:
        raise ModelError(
            f"shapes {a.shape} and {b.shape} share a dimension that is {dims[0]} in one, {dims[1]} in the other"
        )
    return common


@dataclass(frozen=True)
class CTCGreedyDecoder(Declared):
    """The best class of each step, without blanks (the last class).

    data: [time, batch, classes]; sequence_mask: [time, batch], 1 for steps of the sequence. The output,
    [batch, time, 1, 1] in the type of data, ends in -1.
    """

    ctc_merge_repeated: bool = True

    type = "CTCGreedyDecoder"
    factory = "ctc_greedy_decoder"
    signature = "data, sequence_mask, merge_repeated=True"
    inputs = ("data", "sequence_mask")

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        return given | {"ctc_merge_repeated": given["merge_repeated"]}

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, mask = inputs
        require_rank(data, 3, "the data")
        require_rank(mask, 2, "sequence_mask")
        time, batch = _same_length(data, 0, mask, 0), _same_length(data, 1, mask, 1)
        return [TensorType(data.element_type, PartialShape([batch, time, 1, 1]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, mask = inputs
        shape = static_shapes(self, data, mask)[0]
        output = np.full(shape, -1, data.dtype)
        best = data.argmax(-1)
        for i in range(shape[0]):
            stops = np.flatnonzero(mask[:, i] == 0)
            length = stops[0] if len(stops) else shape[1]
            found = _collapsed(best[:length, i], data.shape[2] - 1, self.ctc_merge_repeated)
            output[i, : len(found), 0, 0] = found
        return [output]


@dataclass(frozen=True)
class CTCGreedyDecoderSeqLen(Declared):
    """The best class of each step, without blanks (blank_index, the last class by default).

    data: [batch, time, classes]; sequence_length: [batch]. Outputs: the classes, [batch, time], ending
    in -1, and how many there are, [batch].
    """

    merge_repeated: bool = True
    classes_index_type: Type = Type.i32
    sequence_length_type: Type = Type.i32

    type = "CTCGreedyDecoderSeqLen"
    opset = "opset6"
    factory = "ctc_greedy_decoder_seq_len"
    signature = (
        "data, sequence_length, blank_index=None, merge_repeated=True, "
        "classes_index_type='i32', sequence_length_type='i32'"
    )
    inputs = ("data", "sequence_length", "blank_index")
    since = 6

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, lengths = inputs[:2]
        index_type(self.classes_index_type, "classes_index_type")
        index_type(self.sequence_length_type, "sequence_length_type")
        require_rank(data, 3, "the data")
        require_rank(lengths, 1, "sequence_length")
        require_integers(lengths, "sequence lengths")
        if len(inputs) > 2:
            merged_type((lengths, inputs[2]), "sequence_length and blank_index")
            require_rank(inputs[2], (0, 1), "blank_index")
        batch = _same_length(data, 0, lengths, 0)
        time = data.shape[1] if data.shape.has_rank else Dimension()
        return [
            TensorType(self.classes_index_type, PartialShape([batch, time])),
            TensorType(self.sequence_length_type, PartialShape([batch])),
        ]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, lengths = inputs[:2]
        shape = static_shapes(self, *inputs)[0]
        blank = int(inputs[2].item()) if len(inputs) > 2 else data.shape[2] - 1
        output = np.full(shape, -1, self.classes_index_type.to_dtype())
        counts = np.zeros(shape[:1], self.sequence_length_type.to_dtype())
        best = data.argmax(-1)
        for i, length in enumerate(lengths.tolist()):
            require(0 <= length <= shape[1], f"expected sequence lengths to be 0 to {shape[1]}, got {length}")
            found = _collapsed(best[i, :length], blank, self.merge_repeated)
            output[i, : len(found)] = found
            counts[i] = len(found)
        return [output, counts]


@dataclass(frozen=True)
class CTCLoss(Declared):
    """-log of the probability that a model gives to a sequence of labels, over all ways to align it with the steps.

    logits: [batch, time, classes]; labels: [batch, time], of which label_length: [batch] count, as
    logit_length: [batch] steps do. blank_index: the last class by default. The output is [batch].
    ctc_merge_repeated: a label may last for several steps. preprocess_collapse_repeated: repetitions of
    a label are dropped first. unique: all but the first occurrence of each label are dropped first.
    """

    preprocess_collapse_repeated: bool = False
    ctc_merge_repeated: bool = True
    unique: bool = False

    type = "CTCLoss"
    opset = "opset4"
    factory = "ctc_loss"
    signature = (
        "logits, logit_length, labels, label_length, blank_index=None, preprocess_collapse_repeated=False, "
        "ctc_merge_repeated=True, unique=False"
    )
    inputs = ("logits", "logit_length", "labels", "label_length", "blank_index")
    since = 4

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        logits = inputs[0]
        ranks = {"logits": 3, "logit_length": 1, "labels": 2, "label_length": 1, "blank_index": 0}
        for (name, rank), argument in zip(ranks.items(), inputs, strict=False):
            require_rank(argument, rank, name)
            if argument is not logits:
                require_integers(argument, f"the elements of {name}")
        batch = Dimension()
        for argument in inputs[:4]:
            if argument.shape.has_rank:
                common = batch.intersect(argument.shape[0])
                if common is None:
                    raise ModelError(f"expected the inputs to have one batch, got {batch} and {argument.shape[0]}")
                batch = common
        _same_length(logits, 1, inputs[2], 1)
        return [TensorType(logits.element_type, PartialShape([batch]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        logits, steps, labels, counts = inputs[:4]
        shape = static_shapes(self, *inputs)[0]
        blank = int(inputs[4].item()) if len(inputs) > 4 else logits.shape[2] - 1
        output = np.zeros(shape, logits.dtype)
        for i in range(shape[0]):
            require(0 <= counts[i] <= steps[i] <= logits.shape[1], "0 <= label_length <= logit_length <= time")
            scores = logits[i, : steps[i]].astype(np.float64)
            scores = scores - np.logaddexp.reduce(scores, 1, keepdims=True)
            output[i] = -self._log_probability(scores, self._cleaned(labels[i, : counts[i]].tolist()), blank)
        return [output]

    def _cleaned(self, labels: list[int]) -> list[int]:
        if self.unique:
            return list(dict.fromkeys(labels))
        if self.preprocess_collapse_repeated:
            return [label for i, label in enumerate(labels) if i == 0 or label != labels[i - 1]]
        return labels

    def _log_probability(self, scores: Array, labels: list[int], blank: int) -> float:
        """The forward recursion over the labels with blanks around them; scores: [time, classes], logarithms."""
        states = [blank, *[state for label in labels for state in (label, blank)]]
        alpha = np.full(len(states), -np.inf)
        alpha[0] = 0.0  # before the first step: in front of all labels
        for step, score in enumerate(scores):
            before, alpha = alpha, np.full(len(states), -np.inf)
            for j, state in enumerate(states):
                stays = j % 2 == 0 or (self.ctc_merge_repeated and step > 0)
                skips = j % 2 == 1 and j > 1 and not (self.ctc_merge_repeated and state == states[j - 2])
                ways = [before[k] for k, taken in ((j, stays), (j - 1, j > 0), (j - 2, skips)) if taken]
                alpha[j] = np.logaddexp.reduce(ways) + score[state]
        return float(np.logaddexp.reduce(alpha[-2:]))
