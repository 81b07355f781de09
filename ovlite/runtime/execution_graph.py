"""The steps of a compiled model, as a Model that can be looked at."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Argument, Constant, Model, Node, Operator, Output, Parameter, Result, TensorType
from ..kernels.runtime.step import BF16, View
from ..plan import Plan
from ..records import dataclass
from ..types import PartialShape, Type


@dataclass(frozen=True)
class ExecutionNode(Operator):
    """A step of a plan; outputs are what it writes."""

    outputs: tuple[TensorType, ...]

    type = "ExecutionNode"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return self.outputs


def execution_graph(model: Model, plan: Plan | None, times: Sequence[float]) -> Model:
    """The execution graph: the steps of a plan of `model`, with the seconds that each took if they were measured.

    Where there is no single list of steps, because shapes are not known before a run or depend on elements,
    the operations of the model stand for them. Each node's rt_info tells, as str: execOrder, execTimeMcs,
    layerType, originalLayersNames, outputLayouts, outputPrecisions, primitiveType, runtimePrecision.
    """
    return _of_graph(model) if plan is None or plan.program is None else _of_steps(model, plan, times)


def _of_steps(model: Model, plan: Plan, times: Sequence[float]) -> Model:
    parameters = [_parameter(parameter) for parameter in model.parameters]
    written = {slot: node.output(0) for slot, node in zip(plan.input_slots, parameters, strict=False)}
    assert plan.program is not None
    for index, step in enumerate(plan.program.steps):
        outputs = tuple(_type_of(view) for view in step.writes)
        read = dict.fromkeys(written[view.slot] for view in step.reads if view.slot in written)
        node = Node(ExecutionNode(outputs), list(read), f"{index}:{step.name}")
        _note(node, step.name, [plan.origins[index]], times[index] if times else None)
        written.update({view.slot: output for view, output in zip(step.writes, node.outputs(), strict=True)})
    sources = [written[slot] for slot in plan.output_slots[: len(model.results)]]
    return _model(model, sources, parameters)


def _type_of(view: View) -> TensorType:
    return TensorType(Type.bf16 if view.dtype == BF16 else Type(view.dtype), PartialShape(list(view.shape)))


def _of_graph(model: Model) -> Model:
    twins: dict[Output, Output] = {}
    parameters = []
    for node in model.get_ordered_ops():
        if isinstance(node, Parameter):
            parameters.append(_parameter(node))
            twins[node.output(0)] = parameters[-1].output(0)
        elif not isinstance(node, (Constant, Result)):
            kinds = tuple(TensorType(output.element_type, output.partial_shape) for output in node.outputs())
            twin = Node(ExecutionNode(kinds), [twins[source] for source in node.sources if source in twins])
            twin.friendly_name = node.friendly_name
            _note(twin, node.get_type_name(), [node.friendly_name], None)
            twins.update(zip(node.outputs(), twin.outputs(), strict=True))
    kept = [result for result in model.results if result.sources[0] in twins]
    return _model(model, [twins[result.sources[0]] for result in kept], parameters)


def _model(model: Model, sources: Sequence[Output], parameters: Sequence[Parameter]) -> Model:
    results = []
    for source, original in zip(sources, model.results, strict=False):
        result = Result(source, original.friendly_name)
        _note(result, "Output", [original.friendly_name], None)
        results.append(result)
    twin = Model(results, list(parameters), model.get_friendly_name())
    for order, node in enumerate(twin.get_ordered_ops()):
        node.rt_info["execOrder"] = str(order)
    return twin


def _parameter(original: Parameter) -> Parameter:
    output = original.output(0)
    twin = Parameter(output.element_type, output.partial_shape, original.friendly_name)
    _note(twin, "Input", [original.friendly_name], None)
    return twin


def _note(node: Node, layer: str, names: Sequence[str], seconds: float | None) -> None:
    precisions = ",".join(output.element_type.get_type_name() for output in node.outputs())
    node.rt_info.update(
        execTimeMcs="not_executed" if seconds is None else str(round(seconds * 1e6)),
        layerType=layer,
        originalLayersNames=",".join(names),
        outputLayouts="undef",
        outputPrecisions=precisions,
        primitiveType=layer,
        runtimePrecision=precisions.partition(",")[0],
    )
