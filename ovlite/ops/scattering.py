"""Operators that write elements or slices to places that indices name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import PartialShape
from .axes import (
    integer,
    merged_type,
    normalized,
    one_of,
    require,
    require_integers,
    static_shapes,
)
from .declare import Declared
from .gather import checked_indices


@dataclass(frozen=True)
class ScatterUpdate(Declared):
    """`data` with its slices along `axis` that indices name replaced by `updates`.

    updates has the indices' shape in place of the axis. Indices are not negative; one that is out of
    range raises ModelError. Of several updates of one slice the last one stays.
    """

    type = "ScatterUpdate"
    opset = "opset3"
    factory = "scatter_update"
    signature = "data, indices, updates, axis"
    inputs = ("data", "indices", "updates", "axis")
    since = 3
    moved_inputs: ClassVar[Sequence[int]] = (0, 2)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, indices, updates, axis = inputs
        require_integers(indices, "indices")
        require_integers(axis, "axes")
        element_type = merged_type((data, updates), "data and updates")
        place = integer(axis, "the axis")
        if data.shape.has_rank and place is not None:
            place = normalized(place, len(data.shape))
            if indices.shape.has_rank:
                wanted = PartialShape([*data.shape[:place], *indices.shape, *data.shape[place + 1 :]])
                require(
                    updates.shape.compatible(wanted), f"expected updates to have shape {wanted}, got {updates.shape}"
                )
        return [TensorType(element_type, data.shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, indices, updates, axis = inputs
        static_shapes(self, *inputs)
        place = normalized(int(axis.item()), data.ndim)
        places = checked_indices(indices.astype(np.int64), data.shape[place], place, negative=False)
        output = data.copy()
        output[(slice(None),) * place + (places,)] = updates
        return [output]


@dataclass(frozen=True)
class ScatterElementsUpdate(Declared):
    """`data` with output[i, indices[i, j, ...], ...] = updates[i, j, ...] for axis 1, and so on for other axes.

    Negative indices count from the end; one that is out of range raises ModelError.
    """

    type = "ScatterElementsUpdate"
    opset = "opset3"
    factory = "scatter_elements_update"
    signature = "data, indices, updates, axis"
    inputs = ("data", "indices", "updates", "axis")
    since = 3
    until = 11
    moved_inputs: ClassVar[Sequence[int]] = (0, 2)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, indices, updates, axis = inputs
        require_integers(indices, "indices")
        require_integers(axis, "axes")
        element_type = merged_type((data, updates), "data and updates")
        require(
            indices.shape.compatible(updates.shape),
            f"indices {indices.shape} and updates {updates.shape} have one shape",
        )
        for what, shape in (("indices", indices.shape), ("updates", updates.shape)):
            same = not (shape.has_rank and data.shape.has_rank) or len(shape) == len(data.shape)
            require(same, f"{what} {shape} have the rank of data {data.shape}")
        place = integer(axis, "the axis")
        if data.shape.has_rank and place is not None:
            normalized(place, len(data.shape))
        return [TensorType(element_type, data.shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, updates = inputs[0], inputs[2]
        output = data.copy()
        output[_element_places(self, inputs)] = updates
        return [output]


def _element_places(op: Declared, inputs: Sequence[Array]) -> tuple[Array, ...]:
    """numpy's index of the elements that are updated."""
    data, indices, _, axis = inputs
    static_shapes(op, *inputs)
    place = normalized(int(axis.item()), data.ndim)
    index: list[Array] = list(np.indices(indices.shape, sparse=True))
    index[place] = checked_indices(indices.astype(np.int64), data.shape[place], place)
    for i, (length, most) in enumerate(zip(indices.shape, data.shape, strict=True)):
        require(
            i == place or length <= most, f"indices {indices.shape} reach beyond data {data.shape} in dimension {i}"
        )
    return tuple(index)


_REDUCTIONS: dict[str, Any] = {
    "sum": np.add,
    "sub": np.subtract,
    "prod": np.multiply,
    "min": np.minimum,
    "max": np.maximum,
    "mean": np.add,
}


def _reduce(output: Array, index: tuple[Any, ...], updates: Array, reduction: str) -> None:
    """Combines updates with the elements of `output` that they meet. Booleans: sum is or, prod is and."""
    operation = _REDUCTIONS[reduction]
    if output.dtype.kind == "b":
        operation = {"sum": np.logical_or, "prod": np.logical_and, "sub": np.logical_xor}.get(reduction, operation)
    operation.at(output, index, updates)


@dataclass(frozen=True)
class ScatterElementsUpdate12(ScatterElementsUpdate):
    """`data` with output[i, indices[i, j, ...], ...] combined with updates[i, j, ...] for axis 1, and so on.

    reduction: none (replaces), sum, prod, min, max or mean of the updates of an element, and of its
    old value with use_init_val. A mean of integers is rounded down. Negative indices count from the
    end; one that is out of range raises ModelError.
    """

    reduction: str = "none"
    use_init_val: bool = True

    type = "ScatterElementsUpdate"
    opset = "opset12"
    factory = "scatter_elements_update"
    signature = "data, indices, updates, axis, reduction='None', use_init_val=True"
    since = 12
    until = 16
    moved_inputs: ClassVar[Sequence[int]] = ()

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        one_of(self.reduction, ("none", "sum", "prod", "min", "max", "mean"), "reduction")
        return super().infer(inputs)

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        if self.reduction == "none":
            return super().evaluate(*inputs)
        data, updates = inputs[0], inputs[2]
        index = _element_places(self, inputs)
        output = data.copy()
        if not self.use_init_val:
            output[index] = _neutral(data.dtype, self.reduction)
        _reduce(output, index, updates, self.reduction)
        if self.reduction == "mean":
            count = np.zeros(data.shape, np.int64)
            np.add.at(count, index, 1)
            met = count > 0
            count += self.use_init_val
            mean = output[met] // count[met] if data.dtype.kind in "iu" else output[met] / count[met]
            output[met] = mean.astype(data.dtype)
        return [output]


def _neutral(dtype: np.dtype[Any], reduction: str) -> Any:
    """The number that leaves any other as it is."""
    if reduction in ("sum", "mean"):
        return 0
    if reduction == "prod":
        return 1
    if dtype.kind == "b":
        return reduction == "min"
    if dtype.kind == "f":
        return np.inf if reduction == "min" else -np.inf
    return np.iinfo(dtype).max if reduction == "min" else np.iinfo(dtype).min


@dataclass(frozen=True)
class ScatterNDUpdate(Declared):
    """`data` with slices that index tuples name replaced by `updates`.

    The last dimension of `indices` holds tuples for data's leading axes. Negative indices count from
    the end; one that is out of range raises ModelError.
    """

    type = "ScatterNDUpdate"
    opset = "opset4"
    factory = "scatter_nd_update"
    signature = "data, indices, updates"
    inputs = ("data", "indices", "updates")
    since = 4
    until = 14
    moved_inputs: ClassVar[Sequence[int]] = (0, 2)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, indices, updates = inputs
        require_integers(indices, "indices")
        element_type = merged_type((data, updates), "data and updates")
        if data.shape.has_rank and indices.shape.has_rank:
            require(len(indices.shape) > 0, "indices have at least one dimension")
            if indices.shape[-1].is_static:
                count = indices.shape[-1].get_length()
                fits = 1 <= count <= len(data.shape)
                require(
                    fits,
                    f"expected tuples of 1 to {len(data.shape)} indices for data of shape {data.shape}, got {count}",
                )
                wanted = PartialShape([*indices.shape[:-1], *data.shape[count:]])
                require(
                    updates.shape.compatible(wanted), f"expected updates to have shape {wanted}, got {updates.shape}"
                )
        return [TensorType(element_type, data.shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        output = inputs[0].copy()
        output[_tuple_places(self, inputs)] = inputs[2]
        return [output]


def _tuple_places(op: Declared, inputs: Sequence[Array]) -> tuple[Array, ...]:
    """numpy's index of the slices that are updated."""
    data, indices, _ = inputs
    static_shapes(op, *inputs)
    tuples = np.moveaxis(indices.astype(np.int64), -1, 0)
    return tuple(checked_indices(part, data.shape[i], i) for i, part in enumerate(tuples))


@dataclass(frozen=True)
class ScatterNDUpdate15(ScatterNDUpdate):
    """`data` with slices that index tuples name combined with `updates`.

    reduction: none (replaces), sum, sub, prod, min or max. The last dimension of `indices` holds
    tuples for data's leading axes. Negative indices count from the end; one that is out of range
    raises ModelError.
    """

    reduction: str = "none"

    type = "ScatterNDUpdate"
    opset = "opset15"
    factory = "scatter_nd_update"
    signature = "data, indices, updates, reduction=None"
    since = 15
    until = 16
    moved_inputs: ClassVar[Sequence[int]] = ()

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        one_of(self.reduction, ("none", "sum", "sub", "prod", "min", "max"), "reduction")
        return super().infer(inputs)

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        if self.reduction == "none":
            return super().evaluate(*inputs)
        output = inputs[0].copy()
        _reduce(output, _tuple_places(self, inputs), inputs[2], self.reduction)
        return [output]
