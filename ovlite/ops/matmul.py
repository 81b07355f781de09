"""Products of matrices: MatMul, Einsum, attention, and the inverse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, Constant, TensorType
from ..graph.operator import Array, Sizes
from ..records import dataclass
from ..types import Dimension, PartialShape
from .axes import merged_type
from .broadcasting import broadcast, broadcast_sizes
from .declare import Declared, Text, as_output


@dataclass(frozen=True)
class MatMul(Declared):
    """a @ b as numpy does, either matrix transposed first. A vector is a row on the left, a column on the right."""

    transpose_a: bool = False
    transpose_b: bool = False

    type = "MatMul"
    factory = "matmul"
    signature = "data_a, data_b, transpose_a, transpose_b"
    inputs: ClassVar[tuple[str, ...]] = ("data_a", "data_b")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        element_type = merged_type(inputs, "matrices")
        a, b = inputs[0].shape, inputs[1].shape
        if not a.has_rank or not b.has_rank:
            return [TensorType(element_type, PartialShape.dynamic())]
        if len(a) == 0 or len(b) == 0:
            raise ModelError(f"a matrix product takes no scalars, found {a} and {b}")
        rows = _transposed(list(a), self.transpose_a) if len(a) > 1 else [Dimension(1), a[0]]
        columns = _transposed(list(b), self.transpose_b) if len(b) > 1 else [b[0], Dimension(1)]
        if not rows[-1].compatible(columns[-2]):
            raise ModelError(f"the inner dimensions of {PartialShape(rows)} and {PartialShape(columns)} differ")
        dims = list(broadcast(PartialShape(rows[:-2]), PartialShape(columns[:-2])))
        dims += [rows[-2]] * (len(a) > 1) + [columns[-1]] * (len(b) > 1)
        return [TensorType(element_type, PartialShape(dims))]

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        a, b = shapes
        if len(a) < 2 or len(b) < 2:
            return None
        rows, left = (a[-1], a[-2]) if self.transpose_a else a[-2:]
        right, columns = (b[-1], b[-2]) if self.transpose_b else b[-2:]
        outer = broadcast_sizes(a[:-2], b[:-2])
        return None if left != right or outer is None else (*outer, rows, columns)

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        a, b = inputs
        a = a.swapaxes(-1, -2) if self.transpose_a and a.ndim > 1 else a
        b = b.swapaxes(-1, -2) if self.transpose_b and b.ndim > 1 else b
        return [np.asarray(np.matmul(a, b))]


def _transposed(dims: list[Dimension], transpose: bool) -> list[Dimension]:
    return [*dims[:-2], dims[-1], dims[-2]] if transpose else dims


@dataclass(frozen=True)
class Einsum(Declared):
    """Einstein summation. equation: "ab,bc->ac"; "..." stands for broadcast dimensions; no "->" sorts the labels."""

    equation: Text

    type = "Einsum"
    opset = "opset7"
    factory = "einsum"
    since = 7
    signature = "inputs, equation"
    inputs: ClassVar[tuple[str, ...]] = ("*inputs",)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        terms, result = parse_equation(self.equation)
        if len(terms) != len(inputs):
            raise ModelError(f"expected {len(terms)} inputs for {self.equation!r}, got {len(inputs)}")
        element_type = merged_type(inputs, "inputs")
        labelled, spread = self._label_dims(terms, [argument.shape for argument in inputs])
        if "..." in result and not spread.has_rank:
            return [TensorType(element_type, spread)]
        dims: list[Dimension] = []
        for label in result:
            dims += list(spread) if label == "..." else [labelled[label]]
        return [TensorType(element_type, PartialShape(dims))]

    def _label_dims(
        self, terms: list[list[str]], shapes: list[PartialShape]
    ) -> tuple[dict[str, Dimension], PartialShape]:
        """The dimension of each label, and the shape that the ellipses stand for together."""
        labelled: dict[str, Dimension] = {}
        spread = PartialShape([])
        for term, shape in zip(terms, shapes, strict=True):
            if not shape.has_rank:
                labelled |= {
                    label: labelled.get(label, Dimension(1)).broadcast(Dimension()) or Dimension() for label in term
                }
                spread = PartialShape.dynamic() if "..." in term else spread
                continue
            width = len(shape) - len([label for label in term if label != "..."])
            if width < 0 or (width and "..." not in term):
                raise ModelError(f"the part {''.join(term)!r} of {self.equation!r} does not fit shape {shape}")
            position = 0
            for label in term:
                if label == "...":
                    spread = broadcast(spread, shape[position : position + width])
                    position += width
                    continue
                found = labelled.get(label, Dimension(1)).broadcast(shape[position])
                if found is None:
                    raise ModelError(
                        f"label {label!r} of {self.equation!r} is both {labelled[label]} and {shape[position]}"
                    )
                labelled[label] = found
                position += 1
        return labelled, spread

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        dtype = inputs[0].dtype
        wide = [x.astype(np.float64) if dtype.kind == "f" else x for x in inputs]
        return [np.asarray(np.einsum(self.equation, *wide, optimize=True), dtype)]


def parse_equation(equation: str) -> tuple[list[list[str]], list[str]]:
    """The labels of each input and of the output; an ellipsis is the label "..."."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = [_labels(term, equation) for term in left.split(",")]
    if arrow:
        result = _labels(right, equation)
        for label in result:
            if label != "..." and not any(label in term for term in terms):
                raise ModelError(f"label {label!r} of the output of {equation!r} is in no input")
        return terms, result
    flat = [label for term in terms for label in term]
    once = sorted(label for label in set(flat) if flat.count(label) == 1 and label != "...")
    return terms, (["..."] if "..." in flat else []) + once


def _labels(term: str, equation: str) -> list[str]:
    before, ellipsis, after = term.partition("...")
    if not (before + after).isalpha() and before + after:
        raise ModelError(
            f"{term!r} in the equation {equation!r}: labels are letters, and one '...' for other dimensions"
        )
    return [*before, "...", *after] if ellipsis else list(before)


@dataclass(frozen=True)
class ScaledDotProductAttention(Declared):
    """softmax(query @ key^T * scale + mask) @ value over the last two dimensions.

    query [..., L, E], key [..., S, E], value [..., S, V]; attention_mask broadcasts to [..., L, S]: numbers
    to add, or booleans that say which keys count. scale: 1 / sqrt(E) when left out. causal: query i sees
    keys up to i, and the mask is ignored.
    """

    causal: bool = False

    type = "ScaledDotProductAttention"
    opset = "opset13"
    factory = "scaled_dot_product_attention"
    since = 13
    signature = "query, key, value, attention_mask=None, scale=None, causal=False"
    inputs: ClassVar[tuple[str, ...]] = ("query", "key", "value", "attention_mask", "scale")

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        if given["scale"] is None or given["attention_mask"] is not None:
            return given
        element_type = as_output(given["query"]).element_type
        return {**given, "attention_mask": Constant.of(np.zeros((), element_type.to_dtype()), element_type)}

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        query, key, value = (argument.shape for argument in inputs[:3])
        element_type = inputs[0].element_type
        if not query.has_rank:
            return [TensorType(element_type, PartialShape.dynamic())]
        unknown = PartialShape.dynamic(len(query))
        key, value = (shape if shape.has_rank else unknown for shape in (key, value))
        if min(len(query), len(key), len(value)) < 2:
            raise ModelError(f"expected query, key and value to be matrices, got {query}, {key} and {value}")
        if not query[-1].compatible(key[-1]) or not key[-2].compatible(value[-2]):
            raise ModelError(
                f"query [..., L, E], key [..., S, E] and value [..., S, V] don't fit: {query}, {key}, {value}"
            )
        if len(inputs) > 4 and inputs[4].shape.is_static and math.prod(inputs[4].shape.to_shape()) != 1:
            raise ModelError(f"expected a scale of one element, got shape {inputs[4].shape}")
        batch = broadcast(broadcast(query[:-2], key[:-2]), value[:-2])
        length = query[-2]
        mask = inputs[3].shape if len(inputs) > 3 and not self.causal else None
        if mask is not None and mask.has_rank and len(mask) > 1 and mask[-2] != 1:
            length = length.intersect(mask[-2]) or length
        scores = PartialShape([*batch, length, key[-2]])
        if mask is not None and mask.has_rank and not broadcast(scores, mask).compatible(scores):
            raise ModelError(f"expected a mask that broadcasts to the scores, {scores}, got {mask}")
        return [TensorType(element_type, PartialShape([*batch, length, value[-1]]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        query, key, value, *rest = inputs
        scale = rest[1].reshape(()) if len(rest) > 1 else query.dtype.type(1 / math.sqrt(query.shape[-1]))
        scores = np.matmul(query * scale, key.swapaxes(-1, -2))
        mask = np.tri(*scores.shape[-2:]) > 0 if self.causal else rest[0] if rest else None
        if mask is not None:
            scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
        weights = np.exp(scores - scores.max(-1, keepdims=True, initial=np.finfo(query.dtype).min))
        total = weights.sum(-1, keepdims=True)
        weights /= np.where(total == 0, 1, total)  # a query that sees no key gives zeros
        return [np.matmul(weights, value).astype(query.dtype, copy=False)]


@dataclass(frozen=True)
class Inverse(Declared):
    """The inverse of each square matrix, transposed with `adjoint`."""

    adjoint: bool = False

    type = "Inverse"
    opset = "opset14"
    factory = "inverse"
    since = 14
    signature = "data, adjoint=False"
    inputs: ClassVar[tuple[str, ...]] = ("data",)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        shape = inputs[0].shape
        if shape.has_rank and (len(shape) < 2 or not shape[-1].compatible(shape[-2])):
            raise ModelError(f"expected data to hold square matrices, got {shape}")
        return [TensorType(inputs[0].element_type, shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        (data,) = inputs
        inverse = np.linalg.inv(data).astype(data.dtype, copy=False)
        return [inverse.swapaxes(-1, -2) if self.adjoint else inverse]
