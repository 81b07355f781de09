"""Values that keys stand for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import ModelError
from ..graph import Argument, Operator, TensorType
from ..graph.operator import Array
from ..records import dataclass
from .axes import merged_type, require_rank


@dataclass(frozen=True)
class Lookup(Operator):
    """For each element of x the value of its key.

    Inputs: x; keys [n] and values [n], where the first of equal keys counts and NaN is a key like others; a default
    [1] for elements that are no key, without which such an element raises ModelError. Numbers or strings.
    """

    type = "Lookup"
    opset = "ai.onnx.ml"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        x, keys, values, *default = inputs
        merged_type([x, keys], "x and keys")
        for argument, what in ((keys, "keys"), (values, "values")):
            require_rank(argument, 1, what)
        return [TensorType(merged_type([values, *default], "values and default"), x.shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        x, keys, values, *default = inputs
        if len(keys) != len(values):
            raise ModelError(f"{len(keys)} keys have {len(values)} values")
        place = _places(x.ravel(), keys)
        if not default and (place < 0).any():
            first = x.ravel()[place < 0].tolist()[0]
            found = first.decode("utf-8", "replace") if isinstance(first, bytes) else first
            raise ModelError(f"{found!r} is none of the {len(keys)} categories that the model knows")
        table = np.concatenate([values, default[0].ravel()[:1] if default else values[:0]])
        return [table[place].reshape(x.shape) if len(table) else values.reshape(x.shape)]


def _places(x: Array, keys: Array) -> Array:
    """The index of the key that each element is, -1 for none."""
    if keys.dtype == object or x.dtype == object:
        known = {key: index for index, key in reversed(list(enumerate(keys.tolist())))}
        return np.array([known.get(item, -1) for item in x.tolist()], np.int64)
    found, first = np.unique(keys, return_index=True)
    if not len(found):
        return np.full(len(x), -1)
    at = np.minimum(np.searchsorted(found, x), len(found) - 1)
    same = (found[at] == x) | ((found[at] != found[at]) & (x != x))
    return np.where(same, first[at], -1)
