"""Products of bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import numpy as np

from ...graph import Argument
from ...graph.operator import Array
from ...kernels.runtime.step import MOST_DIMENSIONS, View
from ...kernels.runtime.transforms import pairs_are_small, quantized_winograd_pays
from ...ops.quantized import AddResidual, QuantizedProduct, Round, ScaleChannels
from ...types import PartialShape, Type
from ..builder import Builder, Lowering
from ..calls import Call, Tensor
from ..windows import Convolution, convolution
from .matmul import as_matrix

MOST_OF_BYTES = 255  # of the difference of two


def _product(builder: Builder, call: Call) -> bool:
    op = call.op
    assert isinstance(op, QuantizedProduct)
    arrays = [tensor.array for tensor in call.inputs[2 : op.FIRST_OPERAND]]
    product = op.inner.infer([Argument(Type.f32, PartialShape(tensor.shape)) for tensor in call.inputs[:2]])[0]
    if any(array is None for array in arrays) or product.shape != PartialShape(call.outputs[0].shape):
        return False
    shifts, scales, bias = (array for array in arrays if array is not None)
    weights, residual = call.inputs[1].array, op.residual(call.inputs)
    result = {
        "scales": scales,
        "bias": bias if bias.any() else None,
        "residual": None if residual is None else builder.view(residual),
        "stages": _stages(op, call),
        "multiplier": op.multiplier,
        "zero": op.zero,
    }
    if weights is None:
        return op.inner.type == "MatMul" and _matmul_of_two(builder, call, op, result)
    if op.inner.type == "MatMul":
        return _matmul(builder, call, op, weights, shifts, result)
    window = convolution(call)
    if window is None:
        return False
    return _convolve(builder, call, op, window, {**result, **_centring(builder, call, op, shifts, window.shape, 0)})


def _stages(op: QuantizedProduct, call: Call) -> list[tuple[Any, ...]]:
    """The stages as kernels take them."""
    found: list[tuple[Any, ...]] = []
    for stage, operands in zip(op.stages, op.operands(call.inputs), strict=True):
        if isinstance(stage, Round):
            found.append(("round", *astuple(stage)))
        elif isinstance(stage, AddResidual):
            found.append(("add", *astuple(stage)))
        elif isinstance(stage, ScaleChannels):
            found.append(("scale", *(tensor.array for tensor in operands)))
        else:
            found.append(stage.activation)
    return found


def _centring(
    builder: Builder, call: Call, op: QuantizedProduct, shifts: Array, shape: tuple[int, ...], axis: int
) -> dict[str, Any]:
    """What corrects sums of products with x, not x - zero. shape: of the weights; axis: the channels'."""
    weights = call.inputs[1].array
    assert weights is not None
    others = tuple(place for place in range(len(shape)) if place != axis)
    sums = builder.packed_weights.sums(weights, shape, others)
    if not op.dynamic:
        return {"shifts": np.asarray(shifts - op.x_zero * sums, np.int32)}
    return {"shifts": shifts, "zero_point": builder.view(call.inputs[-1]), "column_sums": sums.astype(np.int32)}


def _kernel(builder: Builder) -> Any:
    """The kernel for products of bytes. It reads a little behind a row: not at the end of a caller's array."""
    family = builder.family("matmul_weights")
    return family.kernel_for("u8", "i8", None, builder.precision.emulated) or family.kernel_for("u8", "i8")


def _kernel_of(builder: Builder, weights: Array, axis: int, how: Callable[[Any], tuple[Any, ...]]) -> Any:
    """The same for these weights, whose products are added up along an axis. how: what they are packed by."""
    kernel = _kernel(builder)
    if not kernel.splits_pairs or builder.packed_weights.has(weights, how(kernel)):
        return kernel
    family = builder.family("matmul_weights")
    pairs = family.kernel_for("u8", "i8", split=False)
    others = builder.packed_weights.has(weights, how(pairs))
    return pairs if others or not pairs_are_small(weights, axis) else kernel


def _convolve(builder: Builder, call: Call, op: QuantizedProduct, window: Convolution, result: dict[str, Any]) -> bool:
    array = call.inputs[1].array
    assert array is not None
    x, y = builder.view(call.inputs[0]), builder.view(call.outputs[0])
    geometry = {"strides": window.strides, "dilations": window.dilations, "pads_begin": window.pads_begin}
    shape, groups = window.shape, window.groups
    builder.fill_border(call.inputs[0], result.get("zero_point", op.x_zero))
    if groups > 1 and shape[:2] == (groups, 1):
        depthwise = builder.family("depthwise")
        weights = builder.packed_weights.get(
            array, ("depthwise", builder.level), lambda weights: depthwise.pack(weights.reshape(shape))
        )
        builder.emit(depthwise.QuantizedDepthwise(x, y, weights=weights, **geometry, **result))
        return True
    family = builder.family("convolution")
    kernel = _kernel(builder)
    if (
        not op.dynamic
        and array.dtype == np.int8
        and quantized_winograd_pays(shape, y.shape, window.strides, window.dilations, groups, kernel)
    ):
        family = builder.family("winograd")
        how: tuple[Any, ...] = ("quantized winograd", builder.level)
        packed = builder.packed_weights.get(array, how, lambda weights: family.TransformedBytes(weights.reshape(shape)))
        builder.emit(family.QuantizedWinograd(x, y, packed, window.pads_begin, **result))
        return True

    def way(kernel: Any) -> tuple[Any, ...]:
        joined = family.joined_taps(x, shape[2:], window.dilations, groups, kernel)
        return "quantized convolution", builder.level, kernel.name, joined

    kernel = _kernel_of(builder, array, 1, way)
    if shape[1] % kernel.read_block and not builder.in_arena(x):
        source, x = x, builder.scratch_image(x.dtype, x.shape)
        builder.copy(source, x)
    how, joined = way(kernel), way(kernel)[-1]
    packed = builder.packed_weights.get(
        array, how, lambda weights: family.pack_int8(weights.reshape(shape), groups, kernel, joined)
    )
    builder.emit(family.QuantizedConvolution(x, y, weights=packed, groups=groups, **geometry, **result))
    return True


def _matmul(
    builder: Builder, call: Call, op: QuantizedProduct, weights: Array, shifts: Array, result: dict[str, Any]
) -> bool:
    family = builder.family("matmul")
    transposed = op.inner.attributes()["transpose_b"]

    def way(kernel: Any) -> tuple[Any, ...]:
        return "quantized matmul", builder.level, kernel.name, transposed

    kernel = _kernel_of(builder, weights, 1 if transposed else 0, way)
    how = way(kernel)
    packed = builder.packed_weights.get(
        weights, how, lambda array: family.pack_int8(array.T if transposed else array, kernel)
    )
    result |= _centring(builder, call, op, shifts, weights.shape, 0 if transposed else 1)
    if len(call.inputs[0].shape) > MOST_DIMENSIONS:
        return False
    a, y = builder.view(call.inputs[0]), builder.view(call.outputs[0])
    if a.shape[-1] % kernel.read_block and not builder.in_arena(a):
        source, a = a, builder.scratch(a.dtype, a.shape)
        builder.copy(source, a)
    builder.emit(family.QuantizedMatMul(a, y, weights=packed, **result))
    return True


def _matmul_of_two(builder: Builder, call: Call, op: QuantizedProduct, result: dict[str, Any]) -> bool:
    """A product of operands known at run time, as 16 bits less their zero points."""
    attributes, y = op.inner.attributes(), builder.view(call.outputs[0])
    shapes = [tensor.shape for tensor in call.inputs[:2]]
    if min(map(len, shapes)) < 2 or max(map(len, shapes)) > MOST_DIMENSIONS:
        return False
    columns, depth = y.shape[-1], shapes[0][-2 if attributes["transpose_a"] else -1]
    if depth * MOST_OF_BYTES**2 >= 2**31:
        return False
    a, b = (
        as_matrix(_words(builder, tensor, zero), attributes[name], row=row)
        for tensor, zero, name, row in zip(
            call.inputs, op.zeros(call.inputs), ("transpose_a", "transpose_b"), (True, False), strict=False
        )
    )
    result = {**result, "scales": np.broadcast_to(result["scales"], columns), "shifts": np.zeros(columns, np.int32)}
    result["stages"] = [
        ("scale", *(np.broadcast_to(array, columns) for array in stage[1:])) if stage[0] == "scale" else stage
        for stage in result["stages"]
    ]
    if result["bias"] is not None:
        result["bias"] = np.broadcast_to(result["bias"], columns)
    builder.emit(builder.family("matmul").QuantizedMatMul(a, y, weights=b, **result))
    return True


def _words(builder: Builder, tensor: Tensor, zero: int | Tensor) -> View:
    """Bytes less their zero point, one of them or known now, as i16 that lie in the same order."""
    view = builder.view(tensor)
    order = sorted(range(len(view.shape)), key=lambda axis: -abs(view.strides[axis]))
    place = builder.scratch(np.dtype(np.int16), [view.shape[axis] for axis in order])
    words = place.like(view.shape, [place.strides[order.index(axis)] for axis in range(len(order))])
    program: list[tuple[Any, ...]]
    if isinstance(zero, Tensor):
        given = builder.view(zero)
        less = given.like((1,) * len(view.shape), (0,) * len(view.shape))
        program = [("convert", 0, "i4"), ("convert", 1, "i4"), ("sub", 2, 3), ("convert", 4, "i2")]
        builder.emit(builder.family("elementwise").Map(program, [view, less], words))
    else:
        program = [("dequantize", 0, 1.0, float(zero)), ("convert", 1, "i2")]
        builder.emit(builder.family("elementwise").Map(program, [view], words))
    return words


LOWERINGS: dict[str, Lowering] = {"QuantizedProduct": _product}
