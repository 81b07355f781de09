"""Reading a model step by step, as openvino.frontend has it: a front end loads a file, the inputs and outputs of
what it loaded are changed, and it converts that to a Model.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any, NoReturn

from ..errors import ModelError
from ..graph import Model, Output, Parameter
from ..types import PartialShape, Type
from .extensions import ConversionExtension, ProgressReporterExtension, TelemetryExtension
from .reading import read_model

_ENDINGS = {"ir": (".xml",), "onnx": (".onnx", ".onnxtxt", ".prototxt", ".pb")}


class GeneralFailure(ModelError):
    """A front end can't do what it was asked to."""


class InitializationFailure(GeneralFailure):
    """There is no such front end."""


class OpConversionFailure(GeneralFailure):
    """An operation can't be converted."""


class OpValidationFailure(GeneralFailure):
    """An operation is not valid."""


class NotImplementedFailure(GeneralFailure):
    """A front end hasn't this function."""


class Place:
    """A tensor of a loaded model."""

    def __init__(self, output: Output, *, is_input: bool, is_output: bool) -> None:
        self.output = output
        self._is_input, self._is_output = is_input, is_output

    def get_names(self) -> list[str]:
        return sorted(self.output.names)

    def is_input(self) -> bool:
        """Return whether the model is given the tensor."""
        return self._is_input

    def is_output(self) -> bool:
        """Return whether the model returns the tensor."""
        return self._is_output

    def is_equal(self, other: Place) -> bool:
        return self.output is other.output

    def is_equal_data(self, other: Place) -> bool:
        return self.is_equal(other)


class InputModel:
    """A model that a front end has loaded, before it is converted."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def get_inputs(self) -> list[Place]:
        return [self._place(port) for port in self._model.inputs]

    def get_outputs(self) -> list[Place]:
        return [self._place(result.sources[0]) for result in self._model.results]

    def get_place_by_tensor_name(self, tensor_name: str) -> Place | None:
        """The tensor of that name; None when there is none."""
        for node in self._model.get_ordered_ops():
            for output in node.outputs() if node.op.type != "Result" else ():
                if tensor_name in output.names:
                    return self._place(output)
        return None

    def _place(self, output: Output) -> Place:
        given = output.node in self._model.parameters
        returned = any(output is result.sources[0] for result in self._model.results)
        return Place(output, is_input=given, is_output=returned)

    def _parameter(self, place: Place) -> Parameter:
        if not isinstance(place.output.node, Parameter):
            raise GeneralFailure(f"{place.get_names()} is not an input of the model; only inputs can be changed")
        return place.output.node

    def get_partial_shape(self, place: Place) -> PartialShape:
        return place.output.partial_shape

    def set_partial_shape(self, place: Place, shape: PartialShape) -> None:
        """Gives an input another shape."""
        self._model.reshape_parameters({self._parameter(place): PartialShape(shape)})

    def get_element_type(self, place: Place) -> Type:
        return place.output.element_type

    def set_element_type(self, place: Place, type: Type) -> None:
        """Gives an input another element type."""
        self._parameter(place).set_element_type(type)
        self._model.infer()

    def override_all_outputs(self, outputs: Sequence[Place]) -> None:
        """Makes these all that the model returns, in this order."""
        sources = [place.output for place in outputs]
        kept = {result.sources[0]: result for result in self._model.results}
        known = all(source in kept for source in sources)
        results: list[Any] = [kept[source] for source in sources] if known else list(sources)
        name = self._model.friendly_name
        self._model = Model(results, self._model.sinks, self._model.parameters, name)

    def override_all_inputs(self, inputs: Sequence[Place]) -> None:
        """Makes these all that the model is given; what they were made from is cut off."""
        wanted = []
        for place in inputs:
            output = place.output
            if isinstance(output.node, Parameter):
                wanted.append(output.node)
                continue
            parameter = Parameter(output.element_type, output.partial_shape, min(output.names, default=None))
            output.replace(parameter.output(0))
            wanted.append(parameter)
        self._model = Model(self._model.results, self._model.sinks, wanted, self._model.friendly_name)

    def extract_subgraph(self, inputs: Sequence[Place], outputs: Sequence[Place]) -> None:
        """Keeps what lies between tensors; an empty list leaves that end as it is."""
        if outputs:
            self.override_all_outputs(outputs)
        if inputs:
            self.override_all_inputs(inputs)

    def converted(self) -> Model:
        return self._model.clone()


class FrontEnd:
    """Reads models of one format: "onnx" or "ir"."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._extensions: list[Any] = []

    def get_name(self) -> str:
        return self._name

    def supported(self, model: Any) -> bool:
        """Return whether a file is of the format, by its name. GeneralFailure when there is no such file."""
        path: str = os.fspath(model)
        if not os.path.exists(path):
            raise GeneralFailure(f"{self._name}: there is no file {path!r}")
        return path.endswith(_ENDINGS[self._name])

    def load(self, path: str | os.PathLike[str] | io.BytesIO) -> InputModel:
        """What is in a file, or in a stream of one. GeneralFailure when it can't be read."""
        source = path.getvalue() if isinstance(path, io.BytesIO) else path
        try:
            found = InputModel(read_model(source, extensions=self._extensions))
        except ModelError as error:
            raise GeneralFailure(f"{self._name}: {error}") from error
        for item in self._extensions:
            if isinstance(item, ProgressReporterExtension) and item.callback is not None:
                item.callback(1.0, 1, 1)
        return found

    def convert(self, model: InputModel | Model) -> Model:
        """The Model, which later changes of what was loaded don't change."""
        if isinstance(model, Model):
            model.infer()
            return model
        if not isinstance(model, InputModel):
            raise TypeError(f"expected what load() returned, got {type(model).__name__}")
        return model.converted()

    def convert_partially(self, model: InputModel) -> Model:
        return self.convert(model)

    def normalize(self, model: Model) -> None:
        """Nothing is left to do: models are converted as a whole."""

    def decode(self, model: InputModel) -> NoReturn:
        raise NotImplementedFailure(f"{self._name}: models are converted as a whole; use convert()")

    def add_extension(self, extension: Any) -> None:
        """Lets the models that are loaded from now on have operators which an extension translates.

        extension: a ConversionExtension, an OpExtension, or a list. NotImplementedFailure for what can't be added.
        """
        for item in extension if isinstance(extension, (list, tuple)) else [extension]:
            wanted = ConversionExtension if self._name == "onnx" else ()
            if not isinstance(item, (wanted, ProgressReporterExtension, TelemetryExtension)):
                raise NotImplementedFailure(
                    f"{self._name}: {type(item).__name__} can't be added; operators of ONNX models can be translated "
                    "by a ConversionExtension or OpExtension, operations of IRs by Core.add_extension()"
                )
            self._extensions.append(item)

    def __repr__(self) -> str:
        return f"<FrontEnd {self._name!r}>"


class FrontEndManager:
    """Knows the front ends."""

    def get_available_front_ends(self) -> list[str]:
        return list(_ENDINGS)

    def load_by_framework(self, framework: str) -> FrontEnd:
        """The front end of that name. InitializationFailure when there is none."""
        if framework not in _ENDINGS:
            raise InitializationFailure(
                f"there is no front end {framework!r}, there are {', '.join(_ENDINGS)}; "
                "export the model to ONNX, or save it as an IR with openvino itself"
            )
        return FrontEnd(framework)

    def load_by_model(self, model: str | os.PathLike[str]) -> FrontEnd | None:
        """The front end of a file. GeneralFailure when there is no such file, None when no front end reads it."""
        return next((end for end in map(FrontEnd, _ENDINGS) if end.supported(model)), None)

    def __repr__(self) -> str:
        return "<FrontEndManager>"
