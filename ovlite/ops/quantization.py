"""Conversions between element types, and quantization that is only simulated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..graph import Argument, Operator, TensorType
from ..graph.elements import SMALL_FLOATS, compute_dtype, compute_type
from ..graph.operator import Array, Sizes
from ..records import dataclass
from ..types import PartialShape, Type
from .axes import merged_type, one_of, require, require_real
from .broadcasting import aligned, combined_shape, stretched
from .declare import Declared
from .promotion import promoted, promoted_by_scalar


def converted(x: Array, dtype: np.dtype[Any]) -> Array:
    """x in another dtype.

    Real numbers are cut toward zero on the way to integers, integers lose their high bits on the way
    to shorter ones, and all but 0 is true. What no i64 can hold (nor i32, on the way to types of at
    most 32 signed bits) has no defined result.
    """
    if x.dtype == dtype:
        return x
    if dtype == np.bool_:
        return np.asarray(x != 0)
    if x.dtype.kind == "f" and dtype.kind in "iu" and dtype != np.uint64:
        x = x.astype(np.int32 if dtype.itemsize < 4 else np.int64 if dtype == np.uint32 else dtype)
    return x.astype(dtype)


def low_bits(x: Array, element_type: Type) -> Array:
    """Elements of an integer type of less than a byte as they are when only its bits are kept; others as they are."""
    if not element_type.integral_number or element_type.bitwidth >= 8:
        return x
    kept = x & ((1 << element_type.bitwidth) - 1)
    sign = 1 << (element_type.bitwidth - 1)
    return (kept ^ sign) - sign if element_type.signed else kept


def narrowed(x: Array, element_type: Type) -> Array:
    """The values that elements have as another type, in the type that it is computed in."""
    if element_type.name in SMALL_FLOATS:
        small = SMALL_FLOATS[element_type.name]
        return np.asarray(small.table[small.codes(x)])
    if element_type is Type.f16:
        return x.astype(np.float16).astype(np.float32)
    return low_bits(converted(x, compute_dtype(element_type)), element_type)


def has_few_values(element_type: Type) -> bool:
    """True for types of up to 8 bits whose values are fewer than those of the type they are computed in."""
    return element_type.name in SMALL_FLOATS or (element_type.integral_number and element_type.bitwidth < 8)


@dataclass(frozen=True)
class Convert(Declared):
    """The elements as another type; see `converted`.

    evaluate returns the type in which destination_type is computed: f32 for f16, bf16 and f8 types. Values
    are those of destination_type all the same where it has 4 or 8 real bits, or less than 8 whole ones.
    """

    destination_type: Type
    type = "Convert"
    factory = "convert"
    signature = "data, destination_type"
    inputs = ("data",)
    elementwise: ClassVar[bool] = True

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        require(self.destination_type.is_static(), "expected destination_type to be static, got dynamic")
        return [TensorType(self.destination_type, inputs[0].shape)]

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        return shapes[0]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [narrowed(inputs[0], self.destination_type)]


@dataclass(frozen=True)
class RoundToSmallFloat(Operator):
    """Numbers rounded to the nearest of a real type of 4 or 8 bits, ties to even, as ONNX's Cast does; they are f32.

    format: the type's name. saturate: what is beyond the greatest number becomes it; else infinite, or NaN where the
    type has no infinity.
    """

    format: str
    saturate: bool
    type = "RoundToSmallFloat"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        one_of(self.format, tuple(SMALL_FLOATS), "format")
        return [TensorType(Type.f32, inputs[0].shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        small = SMALL_FLOATS[self.format]
        return [np.asarray(small.table[small.codes(inputs[0], saturate=self.saturate)])]


@dataclass(frozen=True)
class Narrowed(Operator):
    """Rounds to a type of few values in the type that is computed in, in place of a Convert."""

    type = "Narrowed"
    destination_type: Type

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(compute_type(self.destination_type), inputs[0].shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [narrowed(inputs[0], self.destination_type)]


@dataclass(frozen=True)
class ConvertLike(Declared):
    """The elements of the first input as the element type of the second; see `converted`."""

    type = "ConvertLike"
    factory = "convert_like"
    signature = "left, right"
    inputs = ("left", "right")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(inputs[1].element_type, inputs[0].shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [converted(inputs[0], inputs[1].dtype)]


@dataclass(frozen=True)
class ConvertPromoteTypes(Declared):
    """Both inputs as the one type that holds the values of both; see `promotion`.

    promote_unsafe: allow types that lose values. pytorch_scalar_promotion: a scalar changes the other
    operand's type only when it is of a higher kind (boolean, integer, real).
    u64_integer_promotion_target: what u64 and a signed integer become.
    """

    promote_unsafe: bool = False
    pytorch_scalar_promotion: bool = False
    u64_integer_promotion_target: Type = Type.f32
    type = "ConvertPromoteTypes"
    opset = "opset14"
    factory = "convert_promote_types"
    since = 14
    signature = (
        "left_node, right_node, promote_unsafe=False, pytorch_scalar_promotion=False, "
        "u64_integer_promotion_target='f32'"
    )
    inputs = ("left_node", "right_node")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        found = self._promoted([a.element_type for a in inputs], [a.shape for a in inputs])
        return [TensorType(found, argument.shape) for argument in inputs]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        found = self._promoted([Type(x.dtype) for x in inputs], [PartialShape(x.shape) for x in inputs])
        return [converted(x, found.to_dtype()) for x in inputs]

    def _promoted(self, types: Sequence[Type], shapes: Sequence[PartialShape]) -> Type:
        left, right = types
        if left.is_dynamic() or right.is_dynamic():
            return Type.dynamic
        options = self.promote_unsafe, self.u64_integer_promotion_target
        if not self.pytorch_scalar_promotion:
            return promoted(left, right, *options)
        if not all(shape.has_rank for shape in shapes):
            return Type.dynamic
        scalars = [len(shape) == 0 for shape in shapes]
        if scalars[0] == scalars[1]:
            return promoted(left, right, *options)
        return promoted_by_scalar(right, left, *options) if scalars[0] else promoted_by_scalar(left, right, *options)


# Mantissa bits, least exponent and greatest number; source: OCP 8-bit floating point specification 1.0.
_FLOAT_FORMATS = {"f8e4m3": (3, -6, 448.0), "f8e5m2": (2, -14, 57344.0)}


def rounded_to_float8(x: Array, name: str) -> Array:
    """x rounded to the nearest number of an 8-bit format, ties to even, beyond its range to its greatest."""
    mantissa, least, greatest = _FLOAT_FORMATS[name]
    exponent = np.maximum(np.frexp(x)[1] - 1, least)
    quantum = np.ldexp(np.float64(1), exponent - mantissa)
    return np.asarray(np.clip(np.rint(x / quantum) * quantum, -greatest, greatest), x.dtype)


@dataclass(frozen=True)
class FakeConvert(Declared):
    """The data scaled, less shift, rounded to an 8-bit floating point format, and all of it undone.

    scale and shift broadcast to data; shift may be left out.
    """

    destination_type: str = "f8e4m3"
    type = "FakeConvert"
    opset = "opset13"
    factory = "fake_convert"
    since = 13
    signature = "data, scale, shift=None, destination_type='f8e4m3'"
    inputs = ("data", "scale", "shift")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        one_of(self.destination_type, tuple(_FLOAT_FORMATS), "destination_type")
        require_real(inputs[0], "data")
        element_type = merged_type(inputs, "inputs")
        shape = inputs[0].shape
        for argument, name in zip(inputs[1:], self.inputs[1:], strict=False):
            shape = stretched(shape, argument.shape, name)
        return [TensorType(element_type, shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        x, scale, *rest = inputs
        shift = rest[0] if rest else x.dtype.type(0)
        return [np.asarray((rounded_to_float8(x * scale - shift, self.destination_type) + shift) / scale, x.dtype)]


@dataclass(frozen=True)
class FakeQuantize(Declared):
    """Data rounded to `levels` values from output_low to output_high, for input_low to input_high.

    round((x - input_low) / (input_high - input_low) * (levels - 1)) counts the steps of
    (output_high - output_low) / (levels - 1) above output_low, ties to even. x at or below both input
    limits gives output_low, x above both output_high. The limits broadcast to data.
    """

    levels: int
    auto_broadcast: str = "numpy"
    type = "FakeQuantize"
    factory = "fake_quantize"
    signature = "data, input_low, input_high, output_low, output_high, levels, auto_broadcast='NUMPY'"
    inputs = ("data", "input_low", "input_high", "output_low", "output_high")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        require(self.levels > 1, f"expected levels to be at least 2, got {self.levels}")
        element_type = merged_type(inputs, "inputs")
        shape = inputs[0].shape
        if self.auto_broadcast == "numpy":
            for argument, name in zip(inputs[1:], self.inputs[1:], strict=True):
                shape = stretched(shape, argument.shape, name)
        else:
            shape = combined_shape([argument.shape for argument in inputs], self.auto_broadcast)
        return [TensorType(element_type, shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        x, in_low, in_high, out_low, out_high = aligned(inputs, self.auto_broadcast)
        steps = x.dtype.type(self.levels - 1)
        count = np.rint((x - in_low) / (in_high - in_low) * steps)
        inner = count / steps * (out_high - out_low) + out_low
        outer = np.where(x > np.maximum(in_low, in_high), out_high, inner)
        return [np.asarray(np.where(x <= np.minimum(in_low, in_high), out_low, outer), x.dtype)]
