"""Element types, dimensions and shapes: the values that describe a tensor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, overload

import numpy as np
import numpy.typing as npt

# name: (bits, kind, numpy dtype that holds it, spelling of repr); kind: b bool, i/u integer, f real, s string
_TYPES: dict[str, tuple[int, str, str | None, str]] = {
    "dynamic": (0, "", None, "dynamic"),
    "boolean": (8, "b", "bool", "char"),
    "bf16": (16, "f", "float16", "bfloat16"),
    "f16": (16, "f", "float16", "float16"),
    "f32": (32, "f", "float32", "float32"),
    "f64": (64, "f", "float64", "double64"),
    "i4": (4, "i", "int8", "int4_t"),
    "i8": (8, "i", "int8", "int8_t"),
    "i16": (16, "i", "int16", "int16_t"),
    "i32": (32, "i", "int32", "int32_t"),
    "i64": (64, "i", "int64", "int64_t"),
    "u1": (1, "u", "uint8", "uint1_t"),
    "u2": (2, "u", "uint8", "uint2_t"),
    "u3": (3, "u", "uint8", "uint3_t"),
    "u4": (4, "u", "uint8", "uint4_t"),
    "u6": (6, "u", "uint8", "uint6_t"),
    "u8": (8, "u", "uint8", "uint8_t"),
    "u16": (16, "u", "uint16", "uint16_t"),
    "u32": (32, "u", "uint32", "uint32_t"),
    "u64": (64, "u", "uint64", "uint64_t"),
    "nf4": (4, "f", "uint8", "nfloat4"),
    "f8e4m3": (8, "f", "uint8", "f8e4m3"),
    "f8e5m2": (8, "f", "uint8", "f8e5m2"),
    "f8e8m0": (8, "f", "uint8", "f8e8m0"),
    "f4e2m1": (4, "f", "uint8", "f4e2m1"),
    "string": (0, "s", "S", "string"),
}
_FROM_DTYPE = {
    "bool": "boolean", "float16": "f16", "float32": "f32", "float64": "f64",
    "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
    "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64",
}  # fmt: skip


class Type:
    """An element type. Type(np.float32), Type(np.dtype("int64")), Type("float32"), Type(int)."""

    __slots__ = ("_name",)
    _name: str
    _members: ClassVar[dict[str, Type]] = {}

    boolean: ClassVar[Type]
    bf16: ClassVar[Type]
    f16: ClassVar[Type]
    f32: ClassVar[Type]
    f64: ClassVar[Type]
    i4: ClassVar[Type]
    i8: ClassVar[Type]
    i16: ClassVar[Type]
    i32: ClassVar[Type]
    i64: ClassVar[Type]
    u1: ClassVar[Type]
    u2: ClassVar[Type]
    u3: ClassVar[Type]
    u4: ClassVar[Type]
    u6: ClassVar[Type]
    u8: ClassVar[Type]
    u16: ClassVar[Type]
    u32: ClassVar[Type]
    u64: ClassVar[Type]
    nf4: ClassVar[Type]
    f8e4m3: ClassVar[Type]
    f8e5m2: ClassVar[Type]
    f8e8m0: ClassVar[Type]
    f4e2m1: ClassVar[Type]
    string: ClassVar[Type]
    dynamic: ClassVar[Type]

    def __new__(cls, dtype: npt.DTypeLike) -> Type:
        if isinstance(dtype, Type):
            return dtype
        try:
            found = np.dtype(dtype)
        except TypeError:
            raise TypeError(f"{dtype!r} is not a numpy dtype; for an OpenVINO name use Type.{dtype}") from None
        if found.kind in "US":
            return cls._members["string"]
        name = _FROM_DTYPE.get(found.name)
        if name is None or found.char in "gG" or (found.char in "qQ" and found != np.dtype(found.name)):
            raise RuntimeError(f"numpy dtype {found} has no element type")
        return cls._members[name]

    @classmethod
    def _named(cls, name: str) -> Type:
        """The type with the short name that models use, such as "f32"; KeyError if there is none."""
        return cls._members[name]

    @property
    def name(self) -> str:
        return self._name

    def get_type_name(self) -> str:
        return self._name

    def to_string(self) -> str:
        return self._name

    @property
    def bitwidth(self) -> int:
        return _TYPES[self._name][0]

    def get_bitwidth(self) -> int:
        return self.bitwidth

    @property
    def size(self) -> int:
        """Bytes of an element, rounded up."""
        return (self.bitwidth + 7) // 8

    def get_size(self) -> int:
        return self.size

    @property
    def real(self) -> bool:
        return _TYPES[self._name][1] == "f"

    @property
    def integral(self) -> bool:
        return _TYPES[self._name][1] in ("i", "u")

    @property
    def signed(self) -> bool:
        return _TYPES[self._name][1] in ("i", "f")

    def is_real(self) -> bool:
        return self.real

    def is_integral(self) -> bool:
        return self.integral or self._name == "boolean"

    def is_integral_number(self) -> bool:
        return self.integral

    def is_signed(self) -> bool:
        return self.signed

    def is_quantized(self) -> bool:
        return self._name in ("i8", "u8")

    def is_static(self) -> bool:
        return self._name != "dynamic"

    def is_dynamic(self) -> bool:
        return self._name == "dynamic"

    def compatible(self, other: Type) -> bool:
        """True when the types are equal or one of them is dynamic."""
        return self is other or self.is_dynamic() or other.is_dynamic()

    def merge(self, other: Type) -> Type | None:
        """The more exact of two compatible types; None when they are not compatible."""
        if not self.compatible(other):
            return None
        return other if self.is_dynamic() else self

    def to_dtype(self) -> np.dtype[Any]:
        """The numpy dtype that holds an element: bf16 is held as float16 bits, sub-byte types as packed bytes."""
        held = _TYPES[self._name][2]
        if held is None:
            raise IndexError("the dynamic element type has no numpy dtype")
        return np.dtype(held)

    def __repr__(self) -> str:
        return f"<Type: '{_TYPES[self._name][3]}'>"

    def __hash__(self) -> int:
        return hash(self._name)

    def __eq__(self, other: object) -> bool:
        return self is other if isinstance(other, Type) else NotImplemented

    def __reduce__(self) -> tuple[Any, ...]:
        return Type._named, (self._name,)


for _name in _TYPES:
    _type = object.__new__(Type)
    _type._name = _name
    Type._members[_name] = _type
    setattr(Type, _name, _type)

UNBOUNDED = -1


class Dimension:
    """A length known exactly, within bounds, or not at all.

    Dimension(), Dimension(-1), Dimension("?"): any length. Dimension(3). Dimension(1, 5), Dimension("1..5").
    """

    __slots__ = ("_low", "_high")
    _low: int
    _high: int  # UNBOUNDED when there is no upper bound

    def __init__(self, low: int | str | Dimension | None = None, high: int | None = None) -> None:
        if isinstance(low, Dimension):
            low, high = low._low, low._high
        elif isinstance(low, str):
            low, high = _parse_dimension(low)
        elif low is None:
            low, high = 0, UNBOUNDED
        elif isinstance(low, bool) or not isinstance(low, int):
            raise TypeError(f"a dimension is an int, a str such as '1..5' or '?', or two ints, not {low!r}")
        elif high is None:
            low, high = (0, UNBOUNDED) if low == -1 else (low, low)
        if low < 0 or high < UNBOUNDED or (high != UNBOUNDED and high < low):
            raise RuntimeError(f"a dimension can't go from {low} to {high}")
        self._low = low
        self._high = high

    @property
    def is_static(self) -> bool:
        return self._low == self._high

    @property
    def is_dynamic(self) -> bool:
        return self._low != self._high

    @property
    def min_length(self) -> int:
        return self._low

    @property
    def max_length(self) -> int:
        """The upper bound, -1 when there is none."""
        return self._high

    def get_min_length(self) -> int:
        return self._low

    def get_max_length(self) -> int:
        return self._high

    def get_length(self) -> int:
        if self._low != self._high:
            raise RuntimeError(f"the dimension {self} has no single length")
        return self._low

    __len__ = get_length

    def __bool__(self) -> bool:
        return True

    def to_string(self) -> str:
        return str(self)

    def same_scheme(self, other: Dimension) -> bool:
        return self == other or (self.is_dynamic and other.is_dynamic)

    def compatible(self, other: Dimension) -> bool:
        """True when some length fits both."""
        return self.intersect(other) is not None

    def relaxes(self, other: Dimension) -> bool:
        """True when every length of `other` fits this dimension."""
        return self._low <= other._low and (self._high == UNBOUNDED or UNBOUNDED != other._high <= self._high)

    def refines(self, other: Dimension) -> bool:
        return other.relaxes(self)

    def intersect(self, other: Dimension) -> Dimension | None:
        """The lengths that fit both, None when there is none."""
        low = max(self._low, other._low)
        highs = [high for high in (self._high, other._high) if high != UNBOUNDED]
        high = min(highs, default=UNBOUNDED)
        return None if high != UNBOUNDED and high < low else Dimension(low, high)

    def broadcast(self, other: Dimension) -> Dimension | None:
        """The length of a numpy broadcast of both, None when it is impossible."""
        if self == 1:
            return other
        if other == 1:
            return self
        one = Dimension(1)
        if not self.relaxes(one):
            return self if other.relaxes(one) else self.intersect(other)
        if not other.relaxes(one):
            return other
        high = UNBOUNDED if UNBOUNDED in (self._high, other._high) else max(self._high, other._high)
        return Dimension(min(self._low, other._low), high)

    def __add__(self, other: int | Dimension) -> Dimension:
        other = other if isinstance(other, Dimension) else Dimension(other, other) if other >= 0 else _Shift(other)
        if isinstance(other, _Shift):
            return Dimension(max(0, self._low + other.by), UNBOUNDED if self._high < 0 else max(0, self._high + other.by))
        high = UNBOUNDED if UNBOUNDED in (self._high, other._high) else self._high + other._high
        return Dimension(self._low + other._low, high)

    __radd__ = __add__

    def __sub__(self, other: int) -> Dimension:
        return self + -other

    def __mul__(self, factor: int | Dimension) -> Dimension:
        other = factor if isinstance(factor, Dimension) else Dimension(factor, factor)
        if self == 0 or other == 0:
            return Dimension(0)
        high = UNBOUNDED if UNBOUNDED in (self._high, other._high) else self._high * other._high
        return Dimension(self._low * other._low, high)

    __rmul__ = __mul__

    def __floordiv__(self, divisor: int) -> Dimension:
        return Dimension(self._low // divisor, UNBOUNDED if self._high == UNBOUNDED else self._high // divisor)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Dimension):
            return self._low == other._low and self._high == other._high
        if isinstance(other, int):
            return self._low == self._high == other
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        if self.is_static:
            return str(self._low)
        if self._low == 0 and self._high == UNBOUNDED:
            return "?"
        return f"{self._low or ''}..{'' if self._high == UNBOUNDED else self._high}"

    def __repr__(self) -> str:
        return f"<Dimension: {self}>"


class _Shift:
    """A negative number to add to a dimension."""

    def __init__(self, by: int) -> None:
        self.by = by


def _parse_dimension(text: str) -> tuple[int, int]:
    text = text.strip()
    if text in ("", "?", "-1"):
        return 0, UNBOUNDED
    low, dots, high = text.partition("..")
    try:
        if not dots:
            return int(low), int(low)
        return int(low or 0), int(high) if high else UNBOUNDED
    except ValueError:
        raise RuntimeError(f"{text!r} is not a dimension; write 3, ?, 1..5, 1.. or ..5") from None


def _dimension(value: Any) -> Dimension:
    """A dimension from an element of a shape given by a user."""
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return Dimension(*value)
    return Dimension(value) if not isinstance(value, Dimension) else value


class PartialShape:
    """A shape whose rank or dimensions need not be known.

    From a list or tuple of dimensions (int, -1, "?", "1..5", (1, 5), Dimension), a Shape, or a str
    such as "[1,3,?,?]"; "..." is a shape of unknown rank.
    """

    __slots__ = ("_dims",)
    _dims: tuple[Dimension, ...] | None

    def __init__(self, shape: Any) -> None:
        if isinstance(shape, PartialShape):
            self._dims = shape._dims
        elif isinstance(shape, str):
            self._dims = _parse_shape(shape)
        elif isinstance(shape, (list, tuple, Shape)):
            self._dims = tuple([_dimension(value) for value in shape])
        elif isinstance(shape, Dimension):
            self._dims = (shape,)
        else:
            raise TypeError(f"a shape is a list, tuple, str, Shape or PartialShape, not {type(shape).__name__}")

    @classmethod
    def dynamic(cls, rank: int | Dimension | None = None) -> PartialShape:
        """A shape of `rank` unknown dimensions, or of unknown rank."""
        rank = None if isinstance(rank, Dimension) and rank.is_dynamic else rank
        length = rank.get_length() if isinstance(rank, Dimension) else rank
        return cls("...") if length is None else cls([-1] * length)

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
        return self._dims is not None and all(dim.is_static for dim in self._dims)

    @property
    def is_dynamic(self) -> bool:
        return not self.is_static

    @property
    def all_non_negative(self) -> bool:
        return True

    def to_shape(self) -> Shape:
        if not self.is_static:
            raise RuntimeError(f"the shape {self} is dynamic; use partial_shape")
        return Shape([dim.min_length for dim in self.dims])

    get_shape = to_shape

    def get_dimension(self, index: int) -> Dimension:
        return self.dims[index]

    def get_min_shape(self) -> Shape:
        return Shape([dim.min_length for dim in self._dims or ()])

    def get_max_shape(self) -> Shape:
        """Upper bounds; 2**63 - 1 for a dimension without one."""
        return Shape([2**63 - 1 if dim.max_length == UNBOUNDED else dim.max_length for dim in self._dims or ()])

    def compatible(self, other: PartialShape) -> bool:
        """True when some shape fits both."""
        if self._dims is None or other._dims is None:
            return True
        pairs = zip(self._dims, other._dims, strict=False)
        return len(self._dims) == len(other._dims) and all(a.compatible(b) for a, b in pairs)

    def relaxes(self, other: PartialShape) -> bool:
        """True when every shape of `other` fits this one."""
        if self._dims is None:
            return True
        if other._dims is None or len(self._dims) != len(other._dims):
            return False
        return all(a.relaxes(b) for a, b in zip(self._dims, other._dims, strict=True))

    def refines(self, other: PartialShape) -> bool:
        return other.relaxes(self)

    def same_scheme(self, other: PartialShape) -> bool:
        if self._dims is None or other._dims is None:
            return self._dims is other._dims
        pairs = zip(self._dims, other._dims, strict=False)
        return len(self._dims) == len(other._dims) and all(a.same_scheme(b) for a, b in pairs)

    def to_string(self) -> str:
        return str(self)

    def __len__(self) -> int:
        return len(self.dims)

    def __iter__(self) -> Iterator[Dimension]:
        return iter(self.dims)

    @overload
    def __getitem__(self, index: int) -> Dimension: ...
    @overload
    def __getitem__(self, index: slice) -> PartialShape: ...
    def __getitem__(self, index: int | slice) -> Dimension | PartialShape:
        found = self.dims[index]
        return found if isinstance(found, Dimension) else PartialShape(found)

    def __setitem__(self, index: int, value: Any) -> None:
        dims = list(self.dims)
        dims[index] = _dimension(value)
        self._dims = tuple(dims)

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


def _parse_shape(text: str) -> tuple[Dimension, ...] | None:
    inner = text.strip().removeprefix("[").removesuffix("]").strip()
    if inner == "...":
        return None
    return tuple(Dimension(part) for part in inner.split(",")) if inner else ()


class Shape(Sequence[int]):
    """A shape whose dimensions are all known: a sequence of non-negative ints."""

    __slots__ = ("_dims",)
    _dims: list[int]

    def __init__(self, dims: Iterable[int] | str = ()) -> None:
        if isinstance(dims, str):
            self._dims = list(PartialShape(dims).to_shape())
            return
        if not isinstance(dims, Iterable):
            raise TypeError(f"a shape is a sequence of ints, not {dims!r}")
        values = list(dims)
        for value in values:
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
                raise TypeError(f"{value!r} is not a dimension of a Shape: non-negative ints only")
        self._dims = [int(value) for value in values]

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
        self._dims[index] = Shape([value])._dims[0]

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
