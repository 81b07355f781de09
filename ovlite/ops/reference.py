"""ONNX operators that have no equivalent here: `onnx.<Operator>`, carried out by onnx.reference.

The onnx package is imported when such an operator is inferred or evaluated, not before.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ..errors import ModelError
from ..graph import Argument, Node, Operator, Output, TensorType
from ..graph.operator import Array
from ..imports import forks_wait
from ..records import dataclass
from ..types import PartialShape, Type

# Element types of tensors that onnx.reference is given, by TensorProto.DataType.
_TYPES = {
    1: "f32", 2: "u8", 3: "i8", 4: "u16", 5: "i16", 6: "i32", 7: "i64", 8: "string", 9: "boolean", 10: "f16",
    11: "f64", 12: "u32", 13: "u64", 16: "bf16", 17: "f8e4m3", 18: "f8e4m3fnuz", 19: "f8e5m2", 20: "f8e5m2fnuz",
    21: "u4", 22: "i4", 23: "f4e2m1", 24: "f8e8m0", 25: "u2", 26: "i2",
}  # fmt: skip
_NUMBERS = {name: number for number, name in _TYPES.items()}
_FOLLOWED = 4096  # elements of an input whose values ONNX's shape inference is given


@dataclass(frozen=True)
class Reference(Operator):
    """An ONNX node as it stands in the model; its inputs are those that are not left out.

    node: a serialized NodeProto whose present inputs are named i0, i1, ... and outputs o0, o1, ...;
    version: that of the operator set of the node's domain.
    """

    node: bytes
    version: int
    ir_version: int = 10

    opset = "onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        """By ONNX's own shape inference; what that does not tell is dynamic."""
        import onnx
        from onnx import shape_inference

        proto = _node(self.node)
        try:
            schema = onnx.defs.get_schema(proto.op_type, self.version, proto.domain)
            found = shape_inference.infer_node_outputs(
                schema,
                proto,
                {f"i{i}": _type_proto(argument) for i, argument in enumerate(inputs)},
                {f"i{i}": _tensor_proto(value) for i, value in enumerate(map(_followed, inputs)) if value is not None},
                opset_imports=_imports(proto.domain, self.version),
                ir_version=self.ir_version,
            )
        except (onnx.defs.SchemaError, shape_inference.InferenceError, onnx.checker.ValidationError) as error:
            raise ModelError(f"ONNX's shape inference says: {error}") from None
        return [_tensor_type(found.get(name)) for name in proto.output if name]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        names = [f"i{i}" for i in range(len(inputs))]
        try:
            given = [array.astype(str) if array.dtype.kind == "S" else array for array in inputs]
            results = _evaluator(self).run(None, dict(zip(names, given, strict=True)))
        except Exception as error:  # whatever the reference raises is told with the operator's name
            text = f"{type(error).__name__}: {error}"
            raise RuntimeError(f"onnx.reference can't carry out {self.type}: {text}") from error
        if not all(isinstance(result, (np.ndarray, np.generic)) for result in results):
            raise RuntimeError(f"{self.type} gives something other than tensors, which is not supported")
        return [_computed(np.asarray(result)) for result in results]


def _computed(array: Array) -> Array:
    """A result in the dtype that its type is computed in."""
    if array.dtype.kind in "biufSU" and array.dtype != np.float16:
        return array
    if array.dtype.kind == "O":
        return array.astype(str)
    if array.dtype.name.startswith(("int", "uint")):
        return array.astype(np.int8 if array.dtype.name.startswith("int") else np.uint8)
    return array.astype(np.float32)


@cache
def reference_operator(op_type: str) -> type[Reference]:
    """The class of `onnx.<op_type>`."""
    members = {"type": f"onnx.{op_type}", "__doc__": Reference.__doc__}
    return dataclass(frozen=True)(type(f"Onnx{op_type}", (Reference,), members))


def reference_node(
    op_type: str, node: bytes, version: int, inputs: Sequence[Output], ir_version: int
) -> Sequence[Output]:
    """The outputs of a node that onnx.reference carries out; see Reference."""
    return Node(reference_operator(op_type)(node, version, ir_version), inputs).outputs()


def has_reference(op_type: str, version: int) -> bool:
    """Return whether onnx.reference has one of ONNX's own operators."""
    from onnx.reference.ops import load_op

    try:
        load_op("", op_type, version)
    except (RuntimeError, NotImplementedError, ValueError, AssertionError):
        return False
    return True


@cache
@forks_wait()
def _evaluator(operator: Reference) -> Any:
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    proto = _node(operator.node)
    inputs = [helper.make_value_info(name, _any_type()) for name in proto.input if name]
    outputs = [helper.make_value_info(name, _any_type()) for name in proto.output if name]
    graph = helper.make_graph([proto], "node", inputs, outputs)
    return ReferenceEvaluator(helper.make_model(graph, opset_imports=_imports(proto.domain, operator.version)))


def _imports(domain: str, version: int) -> list[Any]:
    from onnx import defs, helper

    own = version if domain == "" else defs.onnx_opset_version()
    return [helper.make_opsetid("", own)] + ([helper.make_opsetid(domain, version)] if domain else [])


def _any_type() -> Any:
    import onnx

    return onnx.TypeProto()


@cache
def _node(content: bytes) -> Any:
    import onnx

    proto = onnx.NodeProto()
    proto.ParseFromString(content)
    return proto


def _type_proto(argument: Argument) -> Any:
    proto = _any_type()
    if argument.element_type is Type.dynamic:
        return proto
    proto.tensor_type.elem_type = _NUMBERS[argument.element_type.name]
    if argument.shape.has_rank:
        proto.tensor_type.shape.SetInParent()
        for dim in argument.shape:
            entry = proto.tensor_type.shape.dim.add()
            if dim.is_static:
                entry.dim_value = dim.get_length()
    return proto


def _followed(argument: Argument) -> Array | None:
    """The elements of an input, when they are known and ONNX's shape inference may want them."""
    value = argument.value
    return value if value is not None and value.size <= _FOLLOWED and value.dtype.kind in "biuf" else None


def _tensor_proto(value: Array) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.asarray(value, order="C"))


def _tensor_type(proto: Any) -> TensorType:
    if proto is None or proto.WhichOneof("value") != "tensor_type":
        return TensorType(Type.dynamic, PartialShape.dynamic())
    tensor = proto.tensor_type
    if tensor.elem_type not in _TYPES:
        raise ModelError(f"an output has element type number {tensor.elem_type}, which is not supported")
    found = Type._named(_TYPES[tensor.elem_type])
    if not tensor.HasField("shape"):
        return TensorType(found, PartialShape.dynamic())
    dims = [dim.dim_value if dim.HasField("dim_value") else -1 for dim in tensor.shape.dim]
    return TensorType(found, PartialShape(dims))
