"""Translations of ONNX operators that programs add: by functions of their own, or by the name of an operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..graph import Node, Output
from ..types import Type

if TYPE_CHECKING:
    from .onnx.call import Call

Key = tuple[str, str]  # (domain, type) of an ONNX operator; the domain of ONNX's own is ""


class Extension:
    """What add_extension() takes. OpExtension and ConversionExtension are those that do something."""


class NodeContext:
    """One node of an ONNX model, as a converter sees it."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def get_op_type(self) -> str:
        return self._call.op_type

    def get_name(self) -> str:
        return self._call.name

    def get_input_size(self) -> int:
        return len(self._call.inputs)

    def get_input(self, index: int) -> Output:
        """The tensor that the node reads at a place. RuntimeError when it is left out."""
        if not isinstance(index, int):
            raise TypeError(f"expected the place of an input of an ONNX node, got {index!r}")
        return self._call.input(index)

    def has_attribute(self, name: str) -> bool:
        return self._call.has(name)

    def get_attribute(self, name: str, default: Any = None, dtype: Any = None) -> Any:
        """A number, str, list of them, or array; `default` for one that is left out.

        dtype: a class that makes the value of what is there; Type makes an element type of ONNX's number for it.
        RuntimeError for one that is left out and has no default.
        """
        if not self.has_attribute(name):
            if default is None:
                raise RuntimeError(f"attribute {name!r} is not given; pass a default")
            return default
        from .onnx.attributes import attribute_value

        return _cast(attribute_value(self._call, name), dtype)

    def get_values_from_const_input(self, index: int, default: Any = None, dtype: Any = None) -> Any:
        """The elements of an input that is a constant, a number for a scalar; `default` for one that is left out."""
        if index >= self.get_input_size() or self._call.inputs[index] is None:
            return default
        found = self._call.known(index)
        if found is None:
            raise RuntimeError(f"input {index} is not a constant")
        return _cast(found.tolist(), dtype)


def _cast(value: Any, dtype: Any) -> Any:
    if dtype is None:
        return value
    if isinstance(value, list):
        return [_cast(item, dtype) for item in value]
    if dtype is Type:
        from .onnx.tensors import element_type

        return element_type(value, "the attribute")
    return dtype(value)


class ConversionExtension(Extension):
    """ConversionExtension(type, converter) or ConversionExtension(type, domain, converter), for an ONNX operator.

    converter: a function of a NodeContext that returns the Outputs that stand for the node's outputs.
    """

    def __init__(self, op_type: str, *rest: Any) -> None:
        domain, converter = rest if len(rest) == 2 else ("", *rest) if len(rest) == 1 else ("", None)
        if not isinstance(op_type, str) or not isinstance(domain, str) or not callable(converter):
            raise TypeError("a ConversionExtension takes an operator's type, its domain if it has one, and a function")
        self.key: Key = ("" if domain == "ai.onnx" else domain, op_type)
        self._converter = converter

    def translate(self, call: Call) -> list[Output]:
        """The outputs that the converter gives. TypeError when it returns no Outputs."""
        found = self._converter(NodeContext(call))
        call.without_effect(*call.scope_names())
        values = [found] if isinstance(found, (Node, Output)) else found
        if not isinstance(values, Iterable) or isinstance(values, (str, Mapping)):
            raise TypeError(
                f"expected the converter of {call.op_type} to return a list of Outputs, got {type(found).__name__}"
            )
        outputs: list[Output] = []
        for value in values:
            if not isinstance(value, (Node, Output)):
                raise TypeError(
                    f"expected the converter of {call.op_type} to return Outputs, got {type(value).__name__}"
                )
            outputs += value.outputs() if isinstance(value, Node) else [value]
        return outputs


class OpExtension(ConversionExtension):
    """OpExtension(type), OpExtension(operation, type) or OpExtension(operation, type, domain).

    Makes an operation, by the name of its type with or without the opset ("opset1::Floor"), of each ONNX operator of a
    type. attr_names_map: ONNX's names of attributes by the operation's; attr_values_map: values of attributes.
    """

    def __init__(
        self,
        *names: str,
        attr_names_map: Mapping[str, str] | None = None,
        attr_values_map: Mapping[str, Any] | None = None,
        **named: str,
    ) -> None:
        maps = [value for value in names if isinstance(value, Mapping)]
        texts = [value for value in names if isinstance(value, str)]
        operation = named.pop("ov_type_name", None) or texts.pop(0) if len(texts) + len(named) > 1 else None
        kind = named.pop("fw_type_name", None) or (texts.pop(0) if texts else None)
        domain = named.pop("fw_domain", None) or (texts.pop(0) if texts else "")
        if kind is None or texts or named or len(maps) > 2:
            raise TypeError("an OpExtension takes an operation's type, the ONNX operator's, its domain, and maps")
        self._operation = operation or kind
        self._names = dict(attr_names_map or (maps[0] if maps else {}))
        self._values = dict(attr_values_map or (maps[1] if len(maps) > 1 else {}))
        super().__init__(kind, domain, self._made)

    def _made(self, context: NodeContext) -> list[Output]:
        from .onnx.attributes import operation_of

        inputs = [context.get_input(place) for place in range(context.get_input_size())]
        return operation_of(self._operation, context, inputs, self._names, self._values).outputs()


class ProgressReporterExtension(Extension):
    """Is told how far the reading of a model has come: callback(part done, steps, steps done)."""

    def __init__(self, callback: Callable[[float, int, int], None] | None = None) -> None:
        if callback is not None and not callable(callback):
            raise TypeError("a ProgressReporterExtension takes a function")
        self.callback = callback


class TelemetryExtension(Extension):
    """Functions that openvino sends statistics by; ovlite sends none, and never calls them."""

    def __init__(self, event_category: str, send_event: Any, send_error: Any, send_stack_trace: Any) -> None:
        self.event_category = event_category


class DecoderTransformationExtension(Extension):
    """A change of models of other frameworks, which no front end here takes."""


def conversions(extensions: Iterable[Any]) -> dict[Key, Callable[[Call], list[Output]]]:
    """The translations that extensions add, by ONNX operator; later ones replace earlier ones."""
    return {item.key: item.translate for item in extensions if isinstance(item, ConversionExtension)}
