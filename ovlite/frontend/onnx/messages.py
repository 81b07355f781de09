"""The messages of ONNX, as far as a reader needs them. Names and numbers of fields: onnx.proto of the ONNX project.

Left out: documentation, training, quantization annotations, and the types of values within graphs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .wire import FLOAT32, FLOAT64, INT32, INT64, MESSAGE, RAW, TEXT, UINT64, Content, Field, Kind, Message

# AttributeProto.AttributeType
FLOAT, INT, STRING, TENSOR, GRAPH, FLOATS, INTS, STRINGS, TENSORS, GRAPHS, SPARSE, SPARSES, TYPE, TYPES = range(1, 15)

# The field that holds the value of an attribute of a type.
_VALUES = {
    FLOAT: "f", INT: "i", STRING: "s", TENSOR: "t", GRAPH: "g", SPARSE: "sparse_tensor", TYPE: "tp",
    FLOATS: "floats", INTS: "ints", STRINGS: "strings", TENSORS: "tensors", GRAPHS: "graphs",
    SPARSES: "sparse_tensors", TYPES: "type_protos",
}  # fmt: skip


def _one(number: int, kind: Kind | str) -> Any:
    return Field(number, kind) if isinstance(kind, Kind) else Field(number, MESSAGE, message=kind)


def _many(number: int, kind: Kind | str) -> Any:
    return Field(number, kind, "list") if isinstance(kind, Kind) else Field(number, MESSAGE, "list", kind)


def _array(number: int, kind: Kind) -> Any:
    return Field(number, kind, "array")


class AttributeProto(Message):
    name: str = _one(1, TEXT)
    ref_attr_name: str = _one(21, TEXT)
    type: int = _one(20, INT32)
    f: float = _one(2, FLOAT32)
    i: int = _one(3, INT64)
    s: Content = _one(4, RAW)
    t: TensorProto = _one(5, "TensorProto")
    g: GraphProto = _one(6, "GraphProto")
    sparse_tensor: SparseTensorProto = _one(22, "SparseTensorProto")
    tp: TypeProto = _one(14, "TypeProto")
    floats: Sequence[float] = _many(7, FLOAT32)
    ints: Sequence[int] = _many(8, INT64)
    strings: Sequence[Content] = _many(9, RAW)
    tensors: Sequence[TensorProto] = _many(10, "TensorProto")
    graphs: Sequence[GraphProto] = _many(11, "GraphProto")
    sparse_tensors: Sequence[SparseTensorProto] = _many(23, "SparseTensorProto")
    type_protos: Sequence[TypeProto] = _many(15, "TypeProto")

    def value(self) -> Any:
        """A number, bytes, a message, or a list of them. ValueError for an attribute of no known type."""
        if self.type not in _VALUES:
            raise ValueError(f"attribute {self.name!r} is of type {self.type}, which is unknown")
        value = getattr(self, _VALUES[self.type])
        return list(value) if isinstance(value, tuple) else value  # a tuple of none is the default


class ValueInfoProto(Message):
    name: str = _one(1, TEXT)
    type: TypeProto = _one(2, "TypeProto")


class NodeProto(Message):
    input: Sequence[str] = _many(1, TEXT)
    output: Sequence[str] = _many(2, TEXT)
    name: str = _one(3, TEXT)
    op_type: str = _one(4, TEXT)
    domain: str = _one(7, TEXT)
    overload: str = _one(8, TEXT)
    attribute: Sequence[AttributeProto] = _many(5, "AttributeProto")


class StringStringEntryProto(Message):
    key: str = _one(1, TEXT)
    value: str = _one(2, TEXT)


class OperatorSetIdProto(Message):
    domain: str = _one(1, TEXT)
    version: int = _one(2, INT64)


class ModelProto(Message):
    ir_version: int = _one(1, INT64)
    opset_import: Sequence[OperatorSetIdProto] = _many(8, "OperatorSetIdProto")
    graph: GraphProto = _one(7, "GraphProto")
    metadata_props: Sequence[StringStringEntryProto] = _many(14, "StringStringEntryProto")
    functions: Sequence[FunctionProto] = _many(25, "FunctionProto")


class GraphProto(Message):
    node: Sequence[NodeProto] = _many(1, "NodeProto")
    name: str = _one(2, TEXT)
    initializer: Sequence[TensorProto] = _many(5, "TensorProto")
    sparse_initializer: Sequence[SparseTensorProto] = _many(15, "SparseTensorProto")
    input: Sequence[ValueInfoProto] = _many(11, "ValueInfoProto")
    output: Sequence[ValueInfoProto] = _many(12, "ValueInfoProto")


class TensorProto(Message):
    """raw_data and numbers that are packed are views of the bytes that the message was read from, where it is large."""

    dims: Sequence[int] = _many(1, INT64)
    data_type: int = _one(2, INT32)
    segment: Segment = _one(3, "Segment")
    float_data: Sequence[float] = _array(4, FLOAT32)
    int32_data: Sequence[int] = _array(5, INT32)
    string_data: Sequence[Content] = _many(6, RAW)
    int64_data: Sequence[int] = _array(7, INT64)
    name: str = _one(8, TEXT)
    raw_data: Content = _one(9, RAW)
    external_data: Sequence[StringStringEntryProto] = _many(13, "StringStringEntryProto")
    data_location: int = _one(14, INT32)
    double_data: Sequence[float] = _array(10, FLOAT64)
    uint64_data: Sequence[int] = _array(11, UINT64)


class Segment(Message):
    begin: int = _one(1, INT64)
    end: int = _one(2, INT64)


class SparseTensorProto(Message):
    values: TensorProto = _one(1, "TensorProto")
    indices: TensorProto = _one(2, "TensorProto")
    dims: Sequence[int] = _many(3, INT64)


class Dimension(Message):
    """TensorShapeProto.Dimension."""

    oneof = ("dim_value", "dim_param")
    dim_value: int = _one(1, INT64)
    dim_param: str = _one(2, TEXT)


class TensorShapeProto(Message):
    dim: Sequence[Dimension] = _many(1, "Dimension")


class TensorType(Message):
    """TypeProto.Tensor, and TypeProto.SparseTensor."""

    elem_type: int = _one(1, INT32)
    shape: TensorShapeProto = _one(2, "TensorShapeProto")


class ElementType(Message):
    """TypeProto.Sequence, and TypeProto.Optional."""

    elem_type: TypeProto = _one(1, "TypeProto")


class OtherType(Message):
    """TypeProto.Map, and TypeProto.Opaque, which no input or output may have."""


class TypeProto(Message):
    oneof = ("tensor_type", "sequence_type", "map_type", "optional_type", "sparse_tensor_type", "opaque_type")
    tensor_type: TensorType = _one(1, "TensorType")
    sequence_type: ElementType = _one(4, "ElementType")
    map_type: OtherType = _one(5, "OtherType")
    optional_type: ElementType = _one(9, "ElementType")
    sparse_tensor_type: TensorType = _one(8, "TensorType")
    opaque_type: OtherType = _one(7, "OtherType")


class FunctionProto(Message):
    name: str = _one(1, TEXT)
    domain: str = _one(10, TEXT)
    overload: str = _one(13, TEXT)
    input: Sequence[str] = _many(4, TEXT)
    output: Sequence[str] = _many(5, TEXT)
    attribute: Sequence[str] = _many(6, TEXT)
    attribute_proto: Sequence[AttributeProto] = _many(11, "AttributeProto")
    node: Sequence[NodeProto] = _many(7, "NodeProto")
    opset_import: Sequence[OperatorSetIdProto] = _many(9, "OperatorSetIdProto")
