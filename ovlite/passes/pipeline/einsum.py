"""Einsum becomes sums, products of matrices and element-wise products, which have kernels.

Two operands at a time: labels of both that are still needed afterwards are batches, those that are not are multiplied
and added up. With b, m, k, n standing for any number of labels each,

    (b, m, k) x (b, k, n) -> (b, m, n)        a product of matrices; without k an element-wise one
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from typing import Any

import numpy as np

from ...graph import Constant, Model, Node, Output
from ...ops import NEWEST_OPSET, factories
from ...ops.matmul import parse_equation
from ...types import Type
from .making import transposed

Size = int | Output  # of a label; an Output holds one i64


def lower_einsum(model: Model) -> None:
    for node in model.get_ordered_ops():
        if node.op.type == "Einsum" and node.output(0).element_type is Type.f32:
            found = _lowered(node)
            if found is not None:
                node.output(0).replace(found)


@dataclass
class _Term:
    """An operand, and the label of each of its axes."""

    value: Output
    labels: list[str]


def _lowered(node: Node) -> Output | None:
    labelled = _labelled(node)
    if labelled is None:
        return None
    terms, result = labelled
    while len(terms) > 1:
        pair = max(combinations(range(len(terms)), 2), key=lambda pair: _shared(terms, result, *pair))
        first, second = (terms[i] for i in pair)
        rest = [term for i, term in enumerate(terms) if i not in pair]
        needed = set(result).union(*[term.labels for term in rest])
        first, second = _reduced(first, needed | set(second.labels)), _reduced(second, needed | set(first.labels))
        if not _fit(first, second, needed):
            return None
        terms = [_combined(first, second, needed, result, node.friendly_name), *rest]
    (term,) = terms
    return _ordered(_reduced(term, set(result)), result)


def _labelled(node: Node) -> tuple[list[_Term], list[str]] | None:
    """The operands and the labels of the result; the axes of an ellipsis have labels of their own, axes of one element
    that others stretch are gone, and repeated labels are diagonals. None where ranks or such sizes are not known."""
    spelled, result = parse_equation(node.op.attributes()["equation"])
    ranks = [source.partial_shape for source in node.sources]
    if not all(shape.has_rank for shape in ranks):
        return None
    widths = [len(shape) - len(term) + 1 if "..." in term else 0 for term, shape in zip(spelled, ranks, strict=True)]
    terms = []
    for source, term, width in zip(node.sources, spelled, widths, strict=True):
        found = _diagonals(_Term(source, _spread(term, width, max(widths))))
        if found is None:
            return None
        terms.append(found)
    for label in {label for term in terms for label in term.labels}:
        dims = [term.value.partial_shape[term.labels.index(label)] for term in terms if label in term.labels]
        if any(dim == 1 for dim in dims) and not all(dim == 1 for dim in dims):
            if not all(dim.is_static for dim in dims):
                return None
            terms = [_without_ones(term, label) for term in terms]
        elif label.startswith("...") and len(dims) > 1 and not all(dim.is_static for dim in dims):
            return None
    return terms, _spread(result, max(widths), max(widths))


def _spread(labels: Sequence[str], width: int, most: int) -> list[str]:
    """The labels with the last `width` of `most` others in the place of an ellipsis."""
    found: list[str] = []
    for label in labels:
        found += [f"...{i}" for i in range(most - width, most)] if label == "..." else [label]
    return found


def _diagonals(term: _Term) -> _Term | None:
    """The term with each label once."""
    ops = factories(NEWEST_OPSET)
    value, labels = term.value, term.labels
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first, second = [i for i, name in enumerate(labels) if name == label][:2]
            size = value.partial_shape[first]
            if not size.is_static or value.partial_shape[second] != size:
                return None
            others = [i for i in range(len(labels)) if i not in (first, second)]
            moved = transposed(value, [*others, first, second])
            length = size.get_length()
            front = _shape([_size(moved, i) for i in range(len(others))] + [length * length])
            flat = ops["reshape"](moved, front, False)
            step = np.array([length + 1])
            value = ops["slice"](flat, np.array([0]), np.array([length * length]), step, np.array([-1])).output(0)
            labels = [*(labels[i] for i in others), label]
    return _Term(value, labels)


def _without_ones(term: _Term, label: str) -> _Term:
    if label not in term.labels or term.value.partial_shape[term.labels.index(label)] != 1:
        return term
    axis = term.labels.index(label)
    value = factories(NEWEST_OPSET)["squeeze"](term.value, np.array([axis])).output(0)
    return _Term(value, [name for name in term.labels if name != label])


def _size(value: Output, axis: int) -> Size:
    dim = value.partial_shape[axis]
    if dim.is_static:
        return int(dim.get_length())
    ops = factories(NEWEST_OPSET)
    return ops["gather"](ops["shape_of"](value, "i64"), np.array([axis]), np.array(0)).output(0)


def _sizes(terms: Sequence[_Term]) -> dict[str, Size]:
    """The size of each label: where a term knows it, as a number."""
    found: dict[str, Size] = {}
    for term in terms:
        for axis, label in enumerate(term.labels):
            if not isinstance(found.get(label), int):
                found[label] = _size(term.value, axis)
    return found


def _shared(terms: Sequence[_Term], result: Sequence[str], first: int, second: int) -> int:
    """How many labels two terms have in common that no other needs."""
    needed = set(result).union(*[term.labels for i, term in enumerate(terms) if i not in (first, second)])
    return len(set(terms[first].labels) & set(terms[second].labels) - needed)


def _reduced(term: _Term, needed: set[str]) -> _Term:
    """The sum over all labels that are not needed."""
    axes = [i for i, label in enumerate(term.labels) if label not in needed]
    if not axes:
        return term
    value = factories(NEWEST_OPSET)["reduce_sum"](term.value, np.array(axes), False).output(0)
    return _Term(value, [label for label in term.labels if label in needed])


def _fit(a: _Term, b: _Term, needed: set[str]) -> bool:
    """True when a product checks that two terms agree on what is summed: it is one axis, or all sizes are known."""
    summed = set(a.labels) & set(b.labels) - needed
    dims = [term.value.partial_shape[term.labels.index(label)] for term in (a, b) for label in summed]
    return len(summed) < 2 or all(dim.is_static for dim in dims)


def _combined(a: _Term, b: _Term, needed: set[str], result: Sequence[str], name: str) -> _Term:
    if result and result[-1] in a.labels and result[-1] not in b.labels:
        a, b = b, a
    summed = [label for label in a.labels if label in b.labels and label not in needed]
    batch = [label for label in a.labels if label in b.labels and label in needed]
    rows = [label for label in a.labels if label not in b.labels]
    columns = [label for label in b.labels if label not in a.labels]
    labels = [*batch, *rows, *columns]
    ops = factories(NEWEST_OPSET)
    if not summed:
        return _Term(ops["multiply"](*(_stretched(term, labels) for term in (a, b)), name=name).output(0), labels)
    left = _grouped(_ordered(a, [*batch, *rows, *summed]), [*([name] for name in batch), rows, summed], _sizes([a]))
    right = _grouped(
        _ordered(b, [*batch, *summed, *columns]), [*([name] for name in batch), summed, columns], _sizes([b])
    )
    product = ops["matmul"](left, right, False, False, name=name).output(0)
    if len(rows) != 1 or len(columns) != 1:
        sizes = _sizes([a, b])
        product = ops["reshape"](product, _shape([sizes[label] for label in labels]), False).output(0)
    return _Term(product, labels)


def _ordered(term: _Term, labels: Sequence[str]) -> Output:
    return transposed(term.value, [term.labels.index(label) for label in labels])


def _stretched(term: _Term, labels: Sequence[str]) -> Output:
    """The term with an axis for each label, of one element where it has none."""
    value = _ordered(term, [label for label in labels if label in term.labels])
    missing = [i for i, label in enumerate(labels) if label not in term.labels]
    return factories(NEWEST_OPSET)["unsqueeze"](value, np.array(missing)).output(0) if missing else value


def _grouped(value: Output, groups: Sequence[Sequence[str]], sizes: dict[str, Size]) -> Output:
    """The tensor with one axis for each group of labels."""
    if all(len(group) == 1 for group in groups):
        return value
    lengths = [_product([sizes[label] for label in group]) for group in groups]
    return factories(NEWEST_OPSET)["reshape"](value, _shape(lengths), False).output(0)


def _product(sizes: Sequence[Size]) -> Size:
    known = math.prod(size for size in sizes if isinstance(size, int))
    others = [size for size in sizes if not isinstance(size, int)]
    if not others:
        return known
    return reduce(lambda a, b: factories(NEWEST_OPSET)["multiply"](a, b).output(0), others, _vector(known))


def _vector(size: Size) -> Output:
    return Constant.of(np.array([size])).output(0) if isinstance(size, int) else size


def _shape(sizes: Sequence[Size]) -> Any:
    """The sizes as one tensor; one that is not known is what the others leave."""
    known = [size for size in sizes if isinstance(size, int)]
    if len(sizes) - len(known) <= 1 and 0 not in known:
        return np.array([size if isinstance(size, int) else -1 for size in sizes], np.int64)
    return factories(NEWEST_OPSET)["concat"]([_vector(size) for size in sizes], 0) if sizes else np.zeros(0, np.int64)
