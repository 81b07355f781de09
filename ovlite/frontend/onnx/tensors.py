"""TensorProto -> Constant."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from ...errors import ModelError
from ...graph import Constant
from ...graph.operator import Array
from ...types import Type
from .external import ExternalData
from .messages import SparseTensorProto, TensorProto
from .wire import Content

# By TensorProto.DataType; what is missing (complex numbers) has no element type here.
ELEMENT_TYPES: dict[int, Type] = {
    1: Type.f32, 2: Type.u8, 3: Type.i8, 4: Type.u16, 5: Type.i16, 6: Type.i32, 7: Type.i64, 8: Type.string,
    9: Type.boolean, 10: Type.f16, 11: Type.f64, 12: Type.u32, 13: Type.u64, 16: Type.bf16, 17: Type.f8e4m3,
    18: Type.f8e4m3fnuz, 19: Type.f8e5m2, 20: Type.f8e5m2fnuz, 21: Type.u4, 22: Type.i4, 23: Type.f4e2m1,
    24: Type.f8e8m0, 25: Type.u2, 26: Type.i2,
}  # fmt: skip
ONNX_TYPES = {element_type: number for number, element_type in ELEMENT_TYPES.items()}
TYPE_NAMES = {14: "complex64", 15: "complex128"}
EXTERNAL = 1  # TensorProto.DataLocation
MAX_RANK = 64  # numpy's
STAYS_BYTES = 1 << 16  # tensors from here on stay where they lie, aligned or not

# The field that holds the elements of a type when raw_data does not.
_FIELDS = {1: "float_data", 7: "int64_data", 11: "double_data", 12: "uint64_data", 13: "uint64_data"}


def element_type(number: int, where: str) -> Type:
    """The element type of a TensorProto.DataType. Raises ModelError, which says `where`."""
    if number not in ELEMENT_TYPES:
        raise ModelError(f"{where} has element type {TYPE_NAMES.get(number, number)}, which is not supported")
    return ELEMENT_TYPES[number]


def constant(tensor: TensorProto, external: ExternalData) -> Constant:
    """A tensor as a node. Its memory is the message's or the mapped external file's, where it is aligned."""
    where = f"tensor {tensor.name!r}"
    found = element_type(tensor.data_type, where)
    shape = tuple(tensor.dims)
    if len(shape) > MAX_RANK or any(dim < 0 for dim in shape):
        raise ModelError(f"{where}: expected at most {MAX_RANK} dims, none negative, got {list(shape)}")
    if tensor.has("segment"):
        raise ModelError(f"{where} is a segment of a tensor, which is not supported")
    if found is Type.string:
        array = _strings(tensor, shape, where)
        return Constant.of(array, found, shape)
    array = _flat(tensor, found, math.prod(shape), where, external)
    if found.bitwidth < 8:
        return Constant.of(array, found, shape)
    return Constant.of(_shaped(array, shape, where), found, shape)


def _flat(tensor: TensorProto, found: Type, count: int, where: str, external: ExternalData) -> Array:
    """The elements in storage order; packed bytes for types of less than a byte."""
    dtype = np.dtype(np.uint8) if found.bitwidth < 8 else found.to_dtype()
    size = (count * found.bitwidth + 7) // 8
    if tensor.data_location == EXTERNAL:
        return _from_bytes(external.read(tensor, size), dtype)
    if tensor.has("raw_data"):
        raw = tensor.raw_data
        if len(raw) != size:
            raise ModelError(
                f"{where}: expected {size} bytes for {found.name}{list(tensor.dims)}, got {len(raw)} in raw_data"
            )
        return _from_bytes(raw, dtype)
    return _from_field(tensor, found, dtype, size // dtype.itemsize, where)


def _from_bytes(raw: Content, dtype: np.dtype[Any]) -> Array:
    if sys.byteorder == "big" and dtype.itemsize > 1:
        return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype)
    array = np.frombuffer(raw, dtype)
    return array if array.flags.aligned or array.nbytes >= STAYS_BYTES else array.copy()


def _from_field(tensor: TensorProto, found: Type, dtype: np.dtype[Any], count: int, where: str) -> Array:
    field = _FIELDS.get(tensor.data_type, "int32_data")
    values = getattr(tensor, field)
    if len(values) != count:
        raise ModelError(
            f"{where}: expected {count} elements for {found.name}{list(tensor.dims)}, got {len(values)} in {field}"
        )
    if field != "int32_data":
        return np.array(values, dtype)
    bits = np.array(values, np.int32)
    if found.real:  # f16, bf16 and the types of a byte are kept as their bits
        return bits.astype(np.dtype(f"u{dtype.itemsize}")).view(dtype)
    return bits if dtype == np.int32 else bits.astype(dtype)


def _strings(tensor: TensorProto, shape: tuple[int, ...], where: str) -> Array:
    values = [str(value, "utf-8", "replace") for value in tensor.string_data]
    if len(values) != math.prod(shape):
        raise ModelError(f"{where}: expected {math.prod(shape)} strings for dims {list(shape)}, got {len(values)}")
    return _shaped(np.array(values, dtype=np.str_), shape, where)


def _shaped(array: Array, shape: tuple[int, ...], where: str) -> Array:
    try:
        return array.reshape(shape)
    except ValueError:
        raise ModelError(f"{where} has dims {list(shape)}, which are too large") from None


def sparse_constant(sparse: SparseTensorProto, external: ExternalData) -> Constant:
    """A SparseTensorProto as a dense tensor."""
    where = f"sparse tensor {sparse.values.name!r}"
    values = constant(sparse.values, external).array
    indices = constant(sparse.indices, external).array
    shape = tuple(sparse.dims)
    count = math.prod(shape)
    if any(dim < 0 for dim in shape) or not 0 <= count <= 2**31:
        raise ModelError(f"{where} has dims {list(shape)}; none may be negative, and 2**31 elements are the most")
    if indices.ndim == 2 and indices.shape[1] == len(shape):
        inside = bool(((indices >= 0) & (indices < np.array(shape))).all())
        flat = np.ravel_multi_index(tuple(indices.T), shape) if inside and len(indices) else np.zeros(0, np.int64)
    else:
        flat, inside = indices.ravel(), bool(((indices >= 0) & (indices < count)).all())
    if not inside or flat.shape != values.shape:
        raise ModelError(f"{where}: {len(indices)} indices for {values.size} values, or one outside dims {list(shape)}")
    dense = np.zeros(count, values.dtype)
    dense[flat] = values
    return Constant.of(dense.reshape(shape), ELEMENT_TYPES[sparse.values.data_type], shape)
