"""Conditions on the tensors that a pattern matches, as openvino.passes has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import ModelError
from ..graph import Output
from ..types import Dimension, Symbol, Type

Symbols = dict[str, Any]  # what names of dimensions stand for: a length, or a list of them


class Predicate:
    """A condition on a tensor: Predicate(function of an Output). Without a function it always holds."""

    def __init__(self, predicate: Callable[[Output], bool] | None = None) -> None:
        if predicate is not None and not callable(predicate):
            raise TypeError(f"expected a predicate to be a function of an Output, got {predicate!r}")
        self._function = predicate

    def holds(self, symbols: Symbols, output: Output) -> bool:
        """Return whether the condition holds, given what names stand for so far; it may add to them."""
        return self._function is None or bool(self._function(output))


def as_predicate(value: Predicate | Callable[[Output], bool] | None) -> Predicate:
    return value if isinstance(value, Predicate) else Predicate(value)


def consumers_count(count: int) -> Predicate:
    """So many inputs read the tensor."""
    return Predicate(lambda output: len(output.target_inputs) == count)


def has_static_rank() -> Predicate:
    return Predicate(lambda output: output.partial_shape.has_rank)


def has_static_shape() -> Predicate:
    return Predicate(lambda output: output.partial_shape.is_static)


def has_static_dim(axis: int) -> Predicate:
    """The length of an axis is known."""
    return has_static_dims([axis])


def has_static_dims(axes: Sequence[int]) -> Predicate:
    """The lengths of these axes are known."""

    def known(output: Output) -> bool:
        shape = output.partial_shape
        return shape.has_rank and max(axes, default=-1) < len(shape) and all(shape[axis].is_static for axis in axes)

    return Predicate(known)


def rank_equals(rank: Dimension) -> Predicate:
    """The tensor has so many dimensions."""
    if not isinstance(rank, Dimension):
        raise TypeError(f"expected a rank to be a Dimension, got {rank!r}")
    return Predicate(lambda output: output.partial_shape.rank == rank)


def type_matches(element_type: Type) -> Predicate:
    return type_matches_any([element_type])


def type_matches_any(element_types: Sequence[Type]) -> Predicate:
    wanted = list(element_types)
    if not all(isinstance(item, Type) for item in wanted):
        raise TypeError("element types are Types")
    return Predicate(lambda output: output.element_type in wanted)


def attrs_match(attributes: Mapping[str, Any]) -> Predicate:
    """The operation has these attributes, with these values."""
    wanted = dict(attributes)
    if not wanted:
        raise ModelError("attrs_match() needs an attribute to compare")

    def same(output: Output) -> bool:
        found = output.node.get_attributes()
        return all(name in found and _plain(found[name]) == _plain(value) for name, value in wanted.items())

    return Predicate(same)


def _plain(value: Any) -> Any:
    """An attribute's value with lists for all sequences and short names for types."""
    if isinstance(value, Type):
        return value.get_type_name()
    return value if isinstance(value, str) or not isinstance(value, Sequence) else [_plain(item) for item in value]


class shape_matches(Predicate):
    """The shape has this form: "[A,3,?,B]".

    A number is that length, ? any dimension, a name a known length or a symbol, the same wherever the name stands in
    the pattern; ... is any number of dimensions, and so is a name with ... behind it.
    """

    def __init__(self, form: str) -> None:
        super().__init__()
        text = form.strip().removeprefix("[").removesuffix("]")
        self._parts = [part.strip() for part in text.split(",")] if text.strip() else []
        if sum(part.endswith("...") for part in self._parts) > 1 or "" in self._parts:
            raise ModelError(f"{form!r} is not the form of a shape; it looks like '[A,3,?,B...]'")

    def holds(self, symbols: Symbols, output: Output) -> bool:
        if not output.partial_shape.has_rank:
            return False
        dims = list(output.partial_shape)
        parts = self._parts
        if any(part.endswith("...") for part in parts):
            place = next(i for i, part in enumerate(parts) if part.endswith("..."))
            spare = len(dims) - (len(parts) - 1)
            if spare < 0:
                return False
            group = parts[place].removesuffix("...")
            lengths = [_told(dim) for dim in dims[place : place + spare]]
            if group and (None in lengths or not _bind(symbols, group, lengths)):
                return False
            parts = parts[:place] + parts[place + 1 :]
            dims = dims[:place] + dims[place + spare :]
        return len(parts) == len(dims) and all(_fits(symbols, *pair) for pair in zip(parts, dims, strict=True))


def _fits(symbols: Symbols, part: str, dim: Dimension) -> bool:
    if part == "?":
        return True
    told = _told(dim)
    return told == int(part) if part.isdecimal() else told is not None and _bind(symbols, part, told)


def _told(dim: Dimension) -> int | Symbol | None:
    """What tells two dimensions apart: the length, or the symbol of one that is not known; None where there is none."""
    return dim.min_length if dim.is_static else dim.get_symbol()


def _bind(symbols: Symbols, name: str, value: Any) -> bool:
    """Notes what a name stands for; False when it stands for something else."""
    return bool(symbols.setdefault(name, value) == value)
