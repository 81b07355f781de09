"""PrePostProcessor: puts steps in front of a model's inputs and behind its outputs."""

from __future__ import annotations

from ..errors import ModelError
from ..graph import Model, Output, Parameter, Result
from ..graph.lookup import port_index
from ..types import Dimension, Layout, PartialShape, Type
from .axes import is_known, missing_in_front, named, names_of, permutation
from .choices import ColorFormat
from .infos import InputInfo, OutputInfo
from .planes import PLANES, plane_parameters, plane_shapes
from .stream import Stream, Target


class PrePostProcessor:
    """Collects steps for the ports of a model; build() puts them into it.

    Steps run in the order in which they are called. What is still between the user's tensor and the
    model's then follows by itself: a conversion of the element type, and a transpose of the layout.
    """

    def __init__(self, model: Model) -> None:
        if not isinstance(model, Model):
            raise TypeError(f"expected PrePostProcessor to take a Model, got {type(model).__name__}")
        self._model = model
        self._parameters = list(model.parameters)
        self._results = list(model.results)
        self._inputs = [InputInfo() for _ in model.inputs]
        self._outputs = [OutputInfo() for _ in model.outputs]

    def input(self, input_index: int | str | None = None, *, tensor_name: str | None = None) -> InputInfo:
        """The only input, or the one with an index or a tensor name; RuntimeError when there is none."""
        ports = [parameter.output(0) for parameter in self._parameters]
        return self._inputs[port_index(ports, input_index if tensor_name is None else tensor_name, "input")]

    def output(self, output_index: int | str | None = None, *, tensor_name: str | None = None) -> OutputInfo:
        """The only output, or the one with an index or a tensor name; RuntimeError when there is none."""
        ports = [result.output(0) for result in self._results]
        return self._outputs[port_index(ports, output_index if tensor_name is None else tensor_name, "output")]

    def build(self) -> Model:
        """Puts the steps into the model, which is returned. RuntimeError, and no change, when a step does not fit."""
        if self._model.parameters != self._parameters or self._model.results != self._results:
            raise RuntimeError("the model's ports were replaced since, as build() does; make a new PrePostProcessor")
        inputs = [_prepended(*pair) for pair in zip(self._parameters, self._inputs, strict=True)]
        outputs = [_appended(*pair) for pair in zip(self._results, self._outputs, strict=True)]
        self._exchange([(old.output(0), new) for old, (_, new) in zip(self._parameters, inputs, strict=True)], outputs)
        self._model.parameters[:] = [parameter for parameters, _ in inputs for parameter in parameters]
        for result, info in zip(self._results, self._outputs, strict=True):
            layout = info.tensor().layout or info.model().layout
            if layout is not None:
                _set_layout(result, layout)
        return self._model

    def _exchange(self, inputs: list[tuple[Output, Output]], outputs: list[Output]) -> None:
        """Makes the model read its new inputs and give its new outputs, or leaves it as it is and raises."""
        before = [result.sources[0] for result in self._results]
        for result, output in zip(self._results, outputs, strict=True):
            result.output(0).set_names(result.output(0).names)
            result.set_sources([output])
        for old, new in inputs:
            old.replace(new)
        try:
            self._model.infer()
        except ModelError:
            for old, new in inputs:
                new.replace(old)
            for result, output in zip(self._results, before, strict=True):
                result.set_sources([output])
            self._model.infer()
            raise
        for old, new in inputs:
            if not isinstance(new.node, Parameter):  # the names went with the reader; they are the parameter's alone
                new.set_names(new.own_names - old.own_names)

    def __repr__(self) -> str:
        lines = [
            f'Input "{_name(parameter.output(0))}": {info.preprocess()}'
            for parameter, info in zip(self._parameters, self._inputs, strict=True)
        ] + [
            f'Output "{_name(result.output(0))}": {info.postprocess()}'
            for result, info in zip(self._results, self._outputs, strict=True)
        ]
        return "\n".join(lines)


def _name(port: Output) -> str:
    return port.any_name if port.names else port.node.friendly_name


def _layout(*candidates: Layout | None) -> Layout:
    """The first of the layouts that is set."""
    return next((layout for layout in candidates if layout is not None and is_known(layout)), Layout("..."))


def _set_layout(node: Parameter | Result, layout: Layout) -> None:
    """Raises RuntimeError when the layout is not one of the node's rank."""
    shape = node.output(0).partial_shape
    if shape.rank.is_static and is_known(layout):
        names_of(layout, len(shape.dims))
    node.layout = layout


def _prepended(old: Parameter, info: InputInfo) -> tuple[list[Parameter], Output]:
    """The parameters that take the place of `old`, one but for planes, and what is read instead of `old`."""
    tensor, steps = info.tensor(), info.preprocess()
    kind = old.output(0).argument()
    theirs = _layout(info.model().layout, old.layout)
    color = Layout("NHWC") if tensor.color is not ColorFormat.UNDEFINED else None
    shape = kind.shape
    given = steps.unpermuted_layout(theirs, len(shape.dims)) if shape.rank.is_static else None
    mine = _layout(tensor.layout, color, given)
    if shape.rank.is_static:
        shape = tensor.shape_of(_model_dims(info, list(shape.dims), mine, theirs), mine)
    elif tensor.shape is not None:
        shape = tensor.shape
    target = Target(kind.element_type, theirs, kind.shape)
    element_type = tensor.element_type or kind.element_type
    if tensor.color in PLANES:
        shapes = plane_shapes(tensor.color, list(shape) if len(shape) == 4 else [Dimension()] * 4)
        new = plane_parameters(old, element_type, tensor.color, shapes, tensor.sub_names)
        planes = tuple(parameter.output(0) for parameter in new)
        stream = steps.apply(Stream(planes[0], Layout("NHWC"), tensor.color, target, planes))
    else:
        new = [_parameter(old, element_type, shape, mine)]
        stream = steps.apply(Stream(new[0].output(0), mine, tensor.color, target))
    if stream.color in (ColorFormat.RGBX, ColorFormat.BGRX) or stream.planes:
        raise RuntimeError(f"a model takes no images in {stream.color.name}; put convert_color() among the steps")
    stream = stream.convert_type(kind.element_type).convert_layout(theirs)
    if not stream.output.partial_shape.compatible(kind.shape):
        raise RuntimeError(
            f"input {_name(old.output(0))!r}: the steps give the shape {stream.output.partial_shape}, "
            f"the model takes {kind.shape}"
        )
    return new, stream.output


def _parameter(old: Parameter, element_type: Type, shape: PartialShape, layout: Layout) -> Parameter:
    """A parameter of another type and shape, with the names of `old`."""
    new = Parameter(element_type, shape, old.friendly_name)
    new.output(0).set_names(old.output(0).names)
    new.info.update(old.info)
    if is_known(layout):
        _set_layout(new, layout)
    return new


def _model_dims(info: InputInfo, dims: list[Dimension], mine: Layout, theirs: Layout) -> list[Dimension]:
    """The model's dimensions in the order of the user's tensor, without axes that are put in front."""
    if not is_known(mine) or not is_known(theirs) or mine == theirs:
        return info.preprocess().unpermuted(dims)
    new = missing_in_front(mine, theirs)
    if new:
        rank = len(dims)
        kept = [axis for axis, name in enumerate(names_of(theirs, rank)) if name not in new]
        dims = [dims[axis] for axis in kept]
        theirs = named([names_of(theirs, rank)[axis] for axis in kept])
    order = permutation(theirs, mine, len(dims))
    return [dims[axis] for axis in order]


def _appended(result: Result, info: OutputInfo) -> Output:
    """The requested tensor of a result."""
    tensor = info.tensor()
    source = result.sources[0]
    layout = _layout(info.model().layout, result.layout)
    target = Target(tensor.element_type or Type.dynamic, _layout(tensor.layout), source.partial_shape)
    stream = info.postprocess().apply(Stream(source, layout, ColorFormat.UNDEFINED, target))
    if tensor.element_type is not None:
        stream = stream.convert_type(tensor.element_type)
    return stream.convert_layout(target.layout).output
