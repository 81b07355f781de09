"""Element types."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

# i2 and the fnuz formats are ONNX's, which OpenVINO has not.
# name: (bits, kind, numpy dtype that holds it, spelling of repr); kind: b bool, i/u integer, f real, s string
_TYPES: dict[str, tuple[int, str, str | None, str]] = {
    "dynamic": (0, "", None, "dynamic"),
    "boolean": (8, "b", "bool", "char"),
    "bf16": (16, "f", "float16", "bfloat16"),
    "f16": (16, "f", "float16", "float16"),
    "f32": (32, "f", "float32", "float32"),
    "f64": (64, "f", "float64", "double64"),
    "i2": (2, "i", "int8", "int2_t"),
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
    "f8e4m3fnuz": (8, "f", "uint8", "f8e4m3fnuz"),
    "f8e5m2fnuz": (8, "f", "uint8", "f8e5m2fnuz"),
    "f4e2m1": (4, "f", "uint8", "f4e2m1"),
    "string": (256, "s", "S", "string"),
}
_DTYPES = {
    "bool": "boolean", "float16": "f16", "float32": "f32", "float64": "f64",
    "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
    "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64",
}  # fmt: skip
# dtypes of the package ml_dtypes, which are known by their names: it need not be installed.
_FOREIGN = {
    "bfloat16": "bf16", "float8_e4m3fn": "f8e4m3", "float8_e5m2": "f8e5m2", "float8_e8m0fnu": "f8e8m0",
    "float8_e4m3fnuz": "f8e4m3fnuz", "float8_e5m2fnuz": "f8e5m2fnuz", "float4_e2m1fn": "f4e2m1",
    "int2": "i2", "int4": "i4", "uint4": "u4", "uint2": "u2",
}  # fmt: skip
_FROM_NUMBER = {np.dtype(dtype).num: name for dtype, name in _DTYPES.items()}
_QUANTIZED = frozenset(("i4", "i8", "i32", "u8", "nf4", "f8e4m3", "f8e5m2", "f8e8m0", "f4e2m1"))


class Type:
    """An element type. Type(np.float32), Type(np.dtype("int64")), Type("float32"), Type(int), Type(ml_dtypes.int4)."""

    __slots__ = ("_name",)
    _name: str
    _members: ClassVar[dict[str, Type]] = {}

    boolean: ClassVar[Type]
    bf16: ClassVar[Type]
    f16: ClassVar[Type]
    f32: ClassVar[Type]
    f64: ClassVar[Type]
    i2: ClassVar[Type]
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
    f8e4m3fnuz: ClassVar[Type]
    f8e5m2fnuz: ClassVar[Type]
    f4e2m1: ClassVar[Type]
    string: ClassVar[Type]
    dynamic: ClassVar[Type]

    def __new__(cls, dtype: npt.DTypeLike) -> Type:
        if isinstance(dtype, Type):
            return dtype
        try:
            found = np.dtype(dtype)
        except (TypeError, ValueError, SyntaxError):  # the last two of texts such as "4,(" and "S99999999999"
            raise TypeError(f"{dtype!r} is not a numpy dtype; for an OpenVINO name use Type.{dtype}") from None
        if found.kind in "US":
            return cls._members["string"]
        name = _FROM_NUMBER.get(found.num)  # none for (u)longlong: a second int64 of C
        if name is None and found.isbuiltin == 2:  # of a package
            name = _FOREIGN.get(found.name)
        if name is None:
            raise RuntimeError(f"numpy dtype {found} has no element type")
        return cls._members[name]

    @classmethod
    def _named(cls, name: str) -> Type:
        """The type with the short name that models use, such as "f32"; KeyError if there is none."""
        return cls._members[name]

    @property
    def name(self) -> str:
        return self._name

    @property
    def type_name(self) -> str:
        return self._name

    def get_type_name(self) -> str:
        return self._name

    def to_string(self) -> str:
        return self._name

    @property
    def _traits(self) -> tuple[int, str, str | None, str]:
        """(bits, kind, numpy dtype, spelling), see _TYPES."""
        return _TYPES[self._name]

    @property
    def bitwidth(self) -> int:
        return self._traits[0]

    def get_bitwidth(self) -> int:
        return self.bitwidth

    @property
    def size(self) -> int:
        """Bytes of an element, rounded up."""
        return (self.bitwidth + 7) // 8

    def get_size(self) -> int:
        return self.size

    @property
    def _limits(self) -> tuple[int, int]:
        """The least and the greatest number of an integer type."""
        bits = self.bitwidth
        return (-(1 << bits - 1), (1 << bits - 1) - 1) if self.signed else (0, (1 << bits) - 1)

    @property
    def real(self) -> bool:
        return self._traits[1] == "f"

    @property
    def integral(self) -> bool:
        """True for what is not real: numbers and all else."""
        return not self.real

    @property
    def signed(self) -> bool:
        return self._traits[1] in ("b", "i", "f")

    @property
    def integral_number(self) -> bool:
        return self._traits[1] in ("i", "u")

    @property
    def quantized(self) -> bool:
        """True for the types that quantized tensors are stored in."""
        return self._name in _QUANTIZED

    def is_real(self) -> bool:
        return self.real

    def is_integral(self) -> bool:
        return self.integral

    def is_integral_number(self) -> bool:
        return self.integral_number

    def is_signed(self) -> bool:
        return self.signed

    def is_quantized(self) -> bool:
        return self.quantized

    def is_static(self) -> bool:
        return self._name != "dynamic"

    def is_dynamic(self) -> bool:
        return self._name == "dynamic"

    def compatible(self, other: Type) -> bool:
        """True when the types are equal or one of them is dynamic."""
        if not isinstance(other, Type):
            raise TypeError(f"expected a Type to compare with, got {type(other).__name__}")
        return self is other or self.is_dynamic() or other.is_dynamic()

    def merge(self, other: Type) -> Type | None:
        """The more exact of two compatible types; None when they are not compatible."""
        if not self.compatible(other):
            return None
        return other if self.is_dynamic() else self

    def to_dtype(self) -> np.dtype[Any]:
        """The numpy dtype that holds an element: bf16 is held as float16 bits, sub-byte types as packed bytes."""
        held = self._traits[2]
        if held is None:
            raise IndexError("the dynamic element type has no numpy dtype")
        return np.dtype(held)

    def __repr__(self) -> str:
        return f"<Type: '{self._traits[3]}'>"

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


class SequenceType(Type):
    """The type of a sequence of tensors with elements of one type, as ONNX has them; OpenVINO has none.

    What has this type is a list in the model's results. The shape beside it is what is known of the shapes of all its
    tensors, and its elements are computed with as a one-dimensional object array of arrays.
    """

    __slots__ = ("element",)
    element: Type
    _known: ClassVar[dict[str, SequenceType]] = {}
    _kind: ClassVar[str] = "sequence of"

    def __new__(cls, element: Type) -> SequenceType:
        name = f"{cls._kind} {element.name}"
        if name not in SequenceType._known:
            made = object.__new__(cls)
            made.element, made._name = element, name
            SequenceType._known[name] = made
        return SequenceType._known[name]

    @property
    def tensor(self) -> Type:
        """The element type of the tensors in it."""
        return self.element.tensor if isinstance(self.element, SequenceType) else self.element

    @property
    def _traits(self) -> tuple[int, str, str | None, str]:
        return 256, "q", "O", self._name

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.element,)


class OptionalType(SequenceType):
    """The type of a tensor, or a sequence of them, that may be absent: None as an input and as a result.

    It is computed with as a sequence of one item, or of none.
    """

    __slots__ = ()
    _kind: ClassVar[str] = "optional"
