"""Shapes, known in part or as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np

from .dimension import UNBOUNDED, Dimension, to_dimension

MOST_UNKNOWN = 1 << 16  # dimensions of a shape of which only their number is known


class PartialShape:
    """A shape whose rank or dimensions need not be known.

    From a list or tuple of dimensions (int, -1, "?", "1..5", (1, 5), Dimension), a Shape, or a str
    such as "[1,3,?,?]"; "..." is a shape of unknown rank.
    """

    __slots__ = ("_dims",)
    _dims: tuple[Dimension, ...] | None

    def __init__(self, shape: Any) -> None:
        if isinstance(shape, (list, tuple, Shape)):
            self._dims = tuple([value if type(value) is Dimension else to_dimension(value) for value in shape])
        elif isinstance(shape, PartialShape):
            self._dims = shape._dims
        elif isinstance(shape, str):
            self._dims = _parse_shape(shape)
        else:
            raise TypeError(
                f"expected a shape to be a list, tuple, str, Shape or PartialShape, got {type(shape).__name__}"
            )

    @classmethod
    def dynamic(cls, rank: int | Dimension | None = None) -> PartialShape:
        """A shape of `rank` unknown dimensions, or of unknown rank."""
        length = Dimension() if rank is None else Dimension(rank)
        if length.is_dynamic:
            return cls("...")
        if length.get_length() > MOST_UNKNOWN:
            raise RuntimeError(f"expected a shape of at most {MOST_UNKNOWN} dimensions, got {length}")
        return cls([-1] * length.get_length())

    @property
    def dims(self) -> tuple[Dimension, ...]:
        """The dimensions; RuntimeError when the rank is not known."""
        if self._dims is None:
            raise RuntimeError("the rank of the shape is not known")
        return self._dims

    @property
    def rank(self) -> Dimension:
        return Dimension() if self._dims is None else Dimension(len(self._dims))

    @property
    def has_rank(self) -> bool:
        return self._dims is not None

    @property
    def is_static(self) -> bool:
        return self._lengths() is not None

    @property
    def is_dynamic(self) -> bool:
        return not self.is_static

    def _lengths(self) -> tuple[int, ...] | None:
        """The dimensions as numbers, None when they are not all known."""
        if self._dims is None:
            return None
        lows = tuple([dim._low for dim in self._dims])
        return lows if lows == tuple([dim._high for dim in self._dims]) else None

    @property
    def all_non_negative(self) -> bool:
        return True

    def to_shape(self) -> Shape:
        lengths = self._lengths()
        if lengths is None:
            raise RuntimeError(f"the shape {self} is dynamic; use partial_shape")
        return Shape(lengths)

    get_shape = to_shape

    def get_dimension(self, index: int) -> Dimension:
        return self[index]

    def get_min_shape(self) -> Shape:
        return Shape([dim.min_length for dim in self._dims or ()])

    def get_max_shape(self) -> Shape:
        """Upper bounds; 2**63 - 1 for a dimension without one."""
        return Shape([2**63 - 1 if dim.max_length == UNBOUNDED else dim.max_length for dim in self._dims or ()])

    def compatible(self, shape: PartialShape) -> bool:
        """True when some shape fits both."""
        _check(shape)
        if self._dims is None or shape._dims is None:
            return True
        pairs = zip(self._dims, shape._dims, strict=False)
        return len(self._dims) == len(shape._dims) and all(a.compatible(b) for a, b in pairs)

    def relaxes(self, shape: PartialShape) -> bool:
        """True when every shape that `shape` covers fits this one."""
        _check(shape)
        if self._dims is None:
            return True
        if shape._dims is None or len(self._dims) != len(shape._dims):
            return False
        return all(a.relaxes(b) for a, b in zip(self._dims, shape._dims, strict=True))

    def refines(self, shape: PartialShape) -> bool:
        _check(shape)
        return shape.relaxes(self)

    def same_scheme(self, shape: PartialShape) -> bool:
        _check(shape)
        if self._dims is None or shape._dims is None:
            return self._dims is shape._dims
        pairs = zip(self._dims, shape._dims, strict=False)
        return len(self._dims) == len(shape._dims) and all(a.same_scheme(b) for a, b in pairs)

    def to_string(self) -> str:
        return str(self)

    def __len__(self) -> int:
        return len(self.dims if self._dims is None else self._dims)

    def __iter__(self) -> Iterator[Dimension]:
        return iter(self.dims)

    @overload
    def __getitem__(self, index: int) -> Dimension: ...
    @overload
    def __getitem__(self, index: slice) -> PartialShape: ...
    def __getitem__(self, index: int | slice) -> Dimension | PartialShape:
        if isinstance(index, slice):
            return PartialShape(self.dims[index])
        return self.dims[self._place(index)]

    def __setitem__(self, index: int, value: Any) -> None:
        dims = list(self.dims)
        dims[self._place(index)] = to_dimension(value)
        self._dims = tuple(dims)

    def become(self, dims: Iterable[Any]) -> None:
        """Takes other dimensions, of any number."""
        self._dims = tuple(to_dimension(dim) for dim in dims)

    def _place(self, index: int) -> int:
        """The index itself, checked: openvino's error for a dimension that there is not is a RuntimeError."""
        rank = len(self)
        if not -rank <= index < rank:
            raise RuntimeError(f"the shape {self} has no dimension {index}")
        return index

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (list, tuple)):
            if self.is_dynamic:
                raise TypeError("a dynamic shape compares with a PartialShape only")
            return list(self.to_shape()) == list(other)
        if isinstance(other, Shape):
            return self.is_static and self.to_shape() == other
        if not isinstance(other, PartialShape):
            return NotImplemented
        return self._dims == other._dims

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> PartialShape:
        return PartialShape(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> PartialShape:
        return PartialShape(self)

    def __str__(self) -> str:
        return "[...]" if self._dims is None else f"[{','.join(map(str, self._dims))}]"

    def __repr__(self) -> str:
        return f"<PartialShape: {self}>"


def _check(shape: object) -> None:
    if not isinstance(shape, PartialShape):
        raise TypeError(f"expected a PartialShape to compare with, got {type(shape).__name__}")


def _parse_shape(text: str) -> tuple[Dimension, ...] | None:
    inner = text.strip()
    if inner.startswith("[") != inner.endswith("]"):
        raise RuntimeError(f"{text!r} is not a shape: its brackets don't match")
    inner = inner.removeprefix("[").removesuffix("]").strip()
    if inner == "...":
        return None
    return tuple(Dimension(part) for part in inner.split(",")) if inner else ()


class Shape(Sequence[int]):
    """A shape whose dimensions are all known: a sequence of non-negative ints."""

    __slots__ = ("_dims",)
    _dims: list[int]

    def __init__(self, axis_lengths: Iterable[int] | str = ()) -> None:
        if isinstance(axis_lengths, str):
            self._dims = list(PartialShape(axis_lengths).to_shape())
            return
        if not isinstance(axis_lengths, Iterable):
            raise TypeError(f"expected a shape to be a sequence of ints, got {axis_lengths!r}")
        self._dims = [_length(value) for value in axis_lengths]

    def to_string(self) -> str:
        return str(self)

    def __len__(self) -> int:
        return len(self._dims)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Shape: ...
    def __getitem__(self, index: int | slice) -> int | Shape:
        found = self._dims[index]
        return found if isinstance(found, int) else Shape(found)

    def __setitem__(self, index: int, value: int) -> None:
        self._dims[index] = _length(value)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (Shape, list, tuple)):
            return self._dims == list(other)
        if isinstance(other, PartialShape):
            return other == self
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return f"[{','.join(map(str, self._dims))}]"

    def __repr__(self) -> str:
        return f"<Shape: {self}>"


def _length(value: Any) -> int:
    """A length from an int or a Dimension that is known. TypeError for anything else."""
    if isinstance(value, Dimension) and value.is_static:
        return value.get_length()
    if not isinstance(value, (int, np.integer)) or value < 0:
        raise TypeError(f"{value!r} is not a dimension of a Shape: non-negative ints only")
    return int(value)
