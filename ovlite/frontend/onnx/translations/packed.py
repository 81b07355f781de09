"""Weights of few bits in blocks (com.microsoft): several elements a byte, low bits first; a scale for each block."""

from __future__ import annotations

from math import prod

import numpy as np

from ....errors import ModelError
from ....graph import Constant, Output
from ....graph.constants import constant_array
from ....graph.operator import Array
from ....types import PartialShape, Type
from ..build import converted, counted, filled, ints, of_type, one, ops, positive, rank, reshaped, static_dims, typed
from ..call import Call, Translated, Translation, known

CODES = {2: Type.u2, 4: Type.u4, 8: Type.u8}


def matmul_nbits(call: Call) -> Translated:
    """A times the transpose of weights [N, K] of 2 to 8 bits; a scale and a zero point for each block of a row.

    Inputs: A, weights [N, blocks, bytes of a block], scales [N, blocks], zero points (packed as the weights are, each
    row in whole bytes, or real), the block of each column instead of its place, bias.
    """
    bits, block, columns, rows = _bits(call), *(call.integer(name) for name in ("block_size", "K", "N"))
    call.expect("weight_prepacked", 0)
    call.without_effect("accuracy_level")
    blocks = -(-columns // block)
    data, packed = call.input(0), call.input(1)
    if 0 in (static_dims(packed) or []):  # a projection that is left out
        call.without_effect(2, 3, 4)
        real = filled(0, [rows, columns], data)
    else:
        scales = reshaped(call.input(2), [rows, blocks, 1])
        values = converted(unpacked(packed, bits, (rows, blocks, block), block), scales.element_type)
        zero = _zero_points(call.optional(3), bits, (rows, blocks), scales)
        groups, order = call.optional(4), _order(call.known(4), columns, block)
        if order is not None and isinstance(values.node, Constant):
            groups, values = None, _ordered(values.node, order)
            if (order != np.arange(columns)).any():
                data = one(ops.gather(data, ints(order), ints(-1)))
        real = _columns(values, zero, scales, groups, (rows, columns, blocks * block))
    product = ops.matmul(data, real, False, True)
    bias = call.optional(5)
    return product if bias is None else ops.add(product, bias)


def _order(groups: Array | None, columns: int, block: int) -> Array | None:
    """The order of columns in which each block has its own; None where blocks are not of the same size then."""
    if groups is None or groups.size < columns:
        return None
    order = np.argsort(groups.ravel()[:columns], kind="stable")
    return order if (groups.ravel()[order] == np.arange(columns) // block).all() else None


def _ordered(codes: Constant, order: Array) -> Output:
    """Codes [rows, blocks, block] with their columns in an order."""
    array = constant_array(codes)
    columns = array.reshape(len(array), -1).copy()
    columns[:, : order.size] = columns[:, order]
    return of_type(columns.reshape(array.shape), codes.output(0).element_type)


def _bits(call: Call) -> int:
    bits = call.integer("bits", 4)
    if not 2 <= bits <= 8:
        raise ModelError(f"expected weights to have 2 to 8 bits, got {bits}")
    return bits


def _zero_points(zeros: Output | None, bits: int, shape: tuple[int, int], scales: Output) -> Output:
    """Zero points as [rows, blocks, 1], or a scalar, in the type of the scales."""
    if zeros is None:
        return typed(1 << (bits - 1), scales)
    if zeros.element_type.real:
        return converted(reshaped(zeros, [*shape, 1]), scales.element_type)
    return converted(unpacked(zeros, bits, (*shape, 1), shape[1]), scales.element_type)


def _columns(
    values: Output, zero: Output, scales: Output, groups: Output | None, sizes: tuple[int, int, int]
) -> Output:
    """Real weights [rows, columns] from codes [rows, blocks, block]. sizes: rows, columns, columns in whole blocks.

    groups: for each column the block whose scale and zero point it takes, None for its own.
    """
    rows, columns, whole = sizes
    if groups is None:
        values = one(ops.multiply(ops.subtract(values, zero), scales))
    real = one(ops.reshape(values, ints([rows, whole]), False))
    if whole != columns:
        real = one(ops.slice(real, ints([0]), ints([columns]), ints([1]), ints([1])))
    if groups is None:
        return real
    places = ops.slice(groups, ints([0]), ints([columns]), ints([1]), ints([0]))
    scales, zero = (
        part if not rank(part) else one(ops.gather(ops.squeeze(part, ints(2)), places, ints(1)))
        for part in (scales, zero)
    )
    return one(ops.multiply(ops.subtract(real, zero), scales))


def unpacked(value: Output, bits: int, shape: tuple[int, ...], length: int) -> Output:
    """Bytes as elements of `bits` bits in a shape; each run of `length` elements begins at a byte.

    Those of a constant stay packed where there is a type of that many bits.
    """
    found = known(value)
    size = -(-length * bits // 8)  # bytes of a run
    runs = prod(shape) // length
    if found is not None:
        if found.size != runs * size:
            raise ModelError(
                f"expected {runs * size} bytes for elements {list(shape)} of {bits} bits, got {found.size}"
            )
        return _unpacked_constant(found.reshape(runs, size), bits, shape, length)
    if 8 % bits:
        raise ModelError(f"weights of {bits} bits that a run computes are not supported; make them an initializer")
    if bits == 8:
        return reshaped(value, shape)
    layers = [
        ops.bitwise_and(ops.bitwise_right_shift(value, typed(shift, value)), typed((1 << bits) - 1, value))
        for shift in range(0, 8, bits)
    ]
    spread = ops.concat([ops.reshape(layer, ints([runs, size, 1]), False) for layer in layers], 2)
    rows = ops.reshape(spread, ints([runs, size * 8 // bits]), False)
    return reshaped(one(ops.slice(rows, ints([0]), ints([length]), ints([1]), ints([1]))), shape)


def _unpacked_constant(rows: Array, bits: int, shape: tuple[int, ...], length: int) -> Output:
    """The elements of rows of bytes, each of which holds `length` of them."""
    exact = length * bits % 8 == 0
    if bits in CODES and exact:
        array = rows.reshape(shape) if bits == 8 else rows.reshape(-1)
        return Constant.of(array, CODES[bits], shape).output(0)
    digits = np.unpackbits(rows, axis=1, count=length * bits, bitorder="little").reshape(-1, length, bits)
    codes = np.packbits(digits, axis=2, bitorder="little").reshape(shape)
    return of_type(codes, CODES.get(bits, Type.u8))


def gather_block_quantized(call: Call) -> Translated:
    """Rows of a table of few bits, as real numbers. Inputs: data, indices, scales, zero points of the blocks.

    Data of u8 hold several elements a byte along the last axis; the zero point is then the middle, else 0.
    """
    data, indices, scales, zeros = call.input(0), call.input(1), call.input(2), call.optional(3)
    count = rank(data)
    axis, along = (positive(call.integer(name, default), count) for name, default in _AXES)
    block = call.integer("block_size", 128)
    middle: Output | None = None
    if data.element_type is Type.u8:
        bits = _bits(call)
        middle = typed(1 << (bits - 1), scales)
        data = _unpacked_last(data, bits)
        zeros = None if zeros is None else _unpacked_last(zeros, bits, (static_dims(scales) or [None])[-1])
    else:
        call.without_effect("bits")
    length = (static_dims(data) or [])[along]
    if length is None:
        raise ModelError(f"blocks along axis {along} need its length, which is not known")
    if isinstance(data.node, Constant) and (axis, along) == (0, count - 1) and block and length % block == 0:
        table = _in_whole_blocks(data, scales, middle if zeros is None else zeros, block)
        return ops.gather(table, indices, ints(0))
    behind = along if along < axis else along + rank(indices) - 1
    values: list[Output | None] = [one(ops.gather(data, indices, ints(axis)))]
    for part in (scales, zeros):
        if axis == along:
            values.append(_rows(_in_blocks(part, along, length, block), indices, axis))
        else:
            values.append(_in_blocks(_rows(part, indices, axis), behind, length, block))
    found, factor, zero = values
    assert found is not None and factor is not None
    real, zero = converted(found, factor.element_type), middle if zero is None else zero
    if zero is not None:
        real = one(ops.subtract(real, converted(zero, factor.element_type)))
    return ops.multiply(real, factor)


def _in_whole_blocks(data: Output, scales: Output, zeros: Output | None, block: int) -> Output:
    """A table of codes as real numbers, in whole blocks along the last axis."""
    dims = [dim or 0 for dim in static_dims(data) or []]
    parts = [*dims[:-1], dims[-1] // block]
    for part, name in ((scales, "scales"), (zeros, "zero points")):
        if part is not None and rank(part) and not part.partial_shape.compatible(PartialShape(parts)):
            raise ModelError(f"expected {name} of shape {parts}, one for each block, got {part.partial_shape}")
    real = converted(reshaped(data, [*parts, block]), scales.element_type)
    if zeros is not None:
        zeros = reshaped(zeros, [*parts, 1]) if rank(zeros) else zeros
        real = one(ops.subtract(real, converted(zeros, scales.element_type)))
    return reshaped(one(ops.multiply(real, reshaped(scales, [*parts, 1]))), dims)


_AXES = (("gather_axis", 0), ("quantize_axis", 1))


def _rows(value: Output | None, indices: Output, axis: int) -> Output | None:
    """Rows of a scale or zero point along an axis, where it may have one for all."""
    if value is not None and (static_dims(value) or [])[axis] == 1:
        indices = one(ops.multiply(indices, typed(0, indices)))
    return None if value is None else one(ops.gather(value, indices, ints(axis)))


def _in_blocks(value: Output | None, axis: int, length: int, block: int) -> Output | None:
    """One element for each of a block's along an axis of `length`; a block of 0 is the whole axis."""
    if value is None or not block:
        return value
    return one(ops.gather(value, ints(counted(length) // block), ints(axis)))


def _unpacked_last(value: Output, bits: int, length: int | None = None) -> Output:
    """Elements packed along the last axis; `length` of them, else as many as fit."""
    *outer, size = static_dims(value) or [None]
    if size is None or None in outer:
        raise ModelError(f"expected a known shape for data of {bits} bits, got {value.partial_shape}")
    length = size * 8 // bits if length is None else length
    return unpacked(value, bits, (*(dim or 0 for dim in outer), length), length)


OPERATORS: dict[str, Translation] = {
    "GatherBlockQuantized": gather_block_quantized,
    "MatMulNBits": matmul_nbits,
}
