"""Results that are handed out as dicts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..graph import Argument, Operator, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape
from .axes import require, require_rank
from .declare import Text


@dataclass(frozen=True)
class ZipMap(Operator):
    """Scores [rows, keys], or [keys] for a single row, which a result hands out as a list of dicts, one a row.

    labels: the keys, integers or strings, as a JSON list.
    """

    labels: Text = Text("[]")

    type = "ZipMap"
    opset = "ai.onnx.ml"

    @property
    def keys(self) -> list[Any]:
        return list(json.loads(self.labels))

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        (scores,) = inputs
        require_rank(scores, (1, 2), "scores")
        shape = scores.shape
        if shape.has_rank:
            fitting = shape[-1].compatible(Dimension(len(self.keys)))
            require(fitting, f"there are {len(self.keys)} keys for scores {shape}")
        return [TensorType(scores.element_type, PartialShape(shape))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [inputs[0]]

    def maps(self, scores: Array) -> list[dict[Any, float]]:
        """The dicts of scores."""
        keys = self.keys
        return [dict(zip(keys, row, strict=True)) for row in scores.reshape(-1, len(keys)).tolist()]
