"""Operations that users write in Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, ClassVar

import numpy as np

from ..errors import ModelError
from ..frontend.extensions import Extension
from ..graph import Argument, Node, Operator, Output, Parameter, TensorType
from ..graph.elements import compute_type, decode
from ..graph.operator import Array
from ..records import dataclass
from ..types import PartialShape
from .tensor import Tensor


class AttributeReader:
    """Takes the attributes of an operation in visit_attributes(), and gives them values from the text of an IR."""

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self.found: dict[str, Any] = {}
        self._texts = texts or {}

    def on_attributes(self, attributes: dict[str, Any] | None) -> None:
        if attributes is None:
            return
        self.found = attributes
        for name in attributes.keys() & self._texts.keys():
            attributes[name] = _parsed(self._texts[name], attributes[name])


@dataclass(frozen=True, eq=False)
class CustomOperator(Operator):
    """The operation of an Op, on any inputs. Subclasses have the name of the Op's class as type."""

    node: Op
    opset: ClassVar[str] = "extension"
    stateful: ClassVar[bool] = True  # nobody knows what evaluate() does

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        twin = self.node.clone_with_new_inputs([_placeholder(argument) for argument in inputs])
        return [TensorType(output.element_type, output.partial_shape) for output in twin.outputs()]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        """Runs evaluate() of the Op on Tensors of the types in which the plan computes."""
        given = [Tensor(np.require(array, requirements="C")) for array in inputs]
        twin = self.node.clone_with_new_inputs(
            [Parameter(tensor.element_type, PartialShape(tensor.shape)).output(0) for tensor in given]
        )
        outputs = [Tensor(output.element_type, _least(output.partial_shape)) for output in twin.outputs()]
        if twin.evaluate(outputs, given) is False:
            raise ModelError(f"evaluate() of {self.node} gave False: it can't compute its outputs")
        return [decode(tensor.data, tensor.element_type, tuple(tensor.shape)) for tensor in outputs]

    def attributes(self) -> dict[str, Any]:
        """None where the Op can't tell: a clone need not have them, and nothing that compiling does depends on them."""
        try:
            return self.node.get_attributes()
        except Exception:
            return {}

    def written(self) -> dict[str, Any]:
        return self.node.get_attributes()


class Op(Node):
    """An operation written in Python: a subclass, whose name is the operation's, says what it does.

        class Scaled(Op):
            def __init__(self, inputs=None, factor=2.0):
                super().__init__(self, inputs)
                self._attributes = {"factor": factor}

            def validate_and_infer_types(self):
                self.set_output_type(0, self.get_input_element_type(0), self.get_input_partial_shape(0))

            def clone_with_new_inputs(self, new_inputs):
                return Scaled(new_inputs, **self._attributes)

            def visit_attributes(self, visitor):
                visitor.on_attributes(self._attributes)
                return True

            def evaluate(self, outputs, inputs):
                outputs[0].shape = inputs[0].shape
                outputs[0].data[...] = inputs[0].data * self._attributes["factor"]
                return True

    In a compiled model real tensors of less than 32 bits come to evaluate() as f32, and sub-byte integers as bytes.
    """

    _made = False

    def __init__(self, py_obj: Any, inputs: Any = None) -> None:
        super().__init__(_operator_class(type(self).__name__)(self), ())
        self._made = True
        if isinstance(inputs, tuple) and len(inputs) == 1 and isinstance(inputs[0], list):
            inputs = inputs[0]
        if inputs:
            self.set_arguments(list(inputs))
            self.infer()

    def validate_and_infer_types(self) -> None:
        """Says the types of the outputs, with set_output_size() and set_output_type()."""

    def clone_with_new_inputs(self, new_inputs: Sequence[Output]) -> Op:
        """The same operation on other inputs."""
        return type(self)(list(new_inputs))

    def visit_attributes(self, visitor: Any) -> bool:
        """Shows the attributes to a visitor: visitor.on_attributes(dict)."""
        return True

    def has_evaluate(self) -> bool:
        return type(self).evaluate is not Op.evaluate

    def evaluate(
        self, output_values: Sequence[Any], input_values: Sequence[Any], evaluation_context: Any = None
    ) -> bool:
        """Fills the output Tensors from the input Tensors; an output takes its shape by `tensor.shape = ...`."""
        raise NotImplementedError(f"{type(self).__name__} has no evaluate(); a model with it can't be computed")

    def infer(self) -> None:
        if self._made:
            self.validate_and_infer_types()

    def copy(self, sources: Sequence[Output]) -> Node:
        twin = self.clone_with_new_inputs(list(sources))
        twin._friendly_name = self._friendly_name
        self._copy_names(twin)
        return twin

    def twin(self, sources: Sequence[Output]) -> Node:
        return self.copy(sources)

    def get_attributes(self) -> dict[str, Any]:
        """The attributes, with lists for arrays. TypeError for a value that a file can't hold."""
        reader = AttributeReader()
        self.visit_attributes(reader)
        return {name: _held(name, value) for name, value in reader.found.items()}

    def set_attribute(self, name: str, value: Any) -> None:
        reader = AttributeReader()
        self.visit_attributes(reader)
        if name not in reader.found:
            raise RuntimeError(f"{self.op.type} has no attribute {name!r}; it has {sorted(reader.found)}")
        reader.found[name] = value


def _held(name: str, value: Any) -> Any:
    """An attribute as numbers, str, or a list of them."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufU":
        return value.tolist()
    items = value if isinstance(value, (list, tuple)) else [value]
    for item in items:
        if not isinstance(item, (bool, int, float, str, np.bool_, np.integer, np.floating)):
            raise TypeError(f"expected attribute {name!r} to be a number, a str or a list of them, got {value!r}")
    return value


@cache
def _operator_class(name: str) -> type[CustomOperator]:
    return type(name, (CustomOperator,), {"type": name})


def _placeholder(argument: Argument) -> Output:
    """A tensor of a type in which plans compute, whose elements are known as far as the argument's are."""
    output = Parameter(compute_type(argument.element_type), argument.shape).output(0)
    output.partial = argument.partial
    return output


def _least(shape: PartialShape) -> list[int]:
    """A shape to start from for an output whose shape evaluate() tells."""
    return [dim.min_length if dim.is_static else 0 for dim in shape] if shape.has_rank else [0]


class OpExtension(Extension):
    """The class of an Op, for Core.add_extension()."""

    def __init__(self, operation: type[Op]) -> None:
        if not (isinstance(operation, type) and issubclass(operation, Op)):
            raise RuntimeError(f"expected an OpExtension to be of a subclass of Op, got {operation!r}")
        self.operation = operation


Maker = Callable[[Sequence[Output], Mapping[str, str]], Node]


def as_operations(extension: Any) -> dict[str, Maker]:
    """Readers of an extension's operations in IRs, by type. Raises TypeError, and RuntimeError for libraries."""
    found: dict[str, Maker] = {}
    for item in extension if isinstance(extension, (list, tuple)) else [extension]:
        kind = item.operation if isinstance(item, OpExtension) else item
        if isinstance(kind, (str, os.PathLike)):
            raise RuntimeError(f"{kind}: libraries of operations can't be added; write a subclass of Op in Python")
        if isinstance(kind, Extension):  # one that a program derived, of which nothing is known
            continue
        if not (isinstance(kind, type) and issubclass(kind, Op)):
            raise TypeError(
                f"expected an extension to be a subclass of Op, an OpExtension or a list, got {type(item).__name__}"
            )
        _check_maker(kind)
        found[kind.__name__] = partial(_read, kind)
    return found


def _check_maker(kind: Callable[[], Op]) -> None:
    """RuntimeError for an Op that can't be made without arguments, as reading a file makes it."""
    try:
        kind()
    except TypeError as error:
        raise RuntimeError(f"an Op of a file is made without arguments, with inputs=None: {error}") from None


def _read(kind: Callable[[], Op], inputs: Sequence[Output], texts: Mapping[str, str]) -> Node:
    node = kind()
    node.visit_attributes(AttributeReader(texts))
    node.set_arguments(list(inputs))
    node.infer()
    return node


def _parsed(text: str, value: Any) -> Any:
    """The text in the type of a value; lists are written with commas."""
    if isinstance(value, bool):
        return text.strip().lower() in ("true", "1")
    if isinstance(value, (list, tuple)):
        items = [item.strip() for item in text.split(",") if item.strip()]
        return type(value)(_parsed(item, value[0] if value else item) for item in items)
    return type(value)(text) if isinstance(value, (int, float)) else text
