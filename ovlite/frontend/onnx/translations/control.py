"""Branches and loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ....errors import ModelError
from ....graph import Node, Output, TensorType
from ....ops.bodies import (
    BodyOutputDescription,
    ConcatOutputDescription,
    InputDescription,
    InvariantInputDescription,
    MergedInputDescription,
    OutputDescription,
    SliceInputDescription,
    widened,
)
from ....ops.control import If, Loop, TensorIterator
from ....types import PartialShape, SequenceType, Type
from ..build import converted, ints, of_type, one, ops, positive, rank, scalar
from ..call import Call, Translated, Translation
from ..graphs import Body, Port, build_body, graph_output, inline_graph, translate_nodes
from ..messages import GRAPH, INT, AttributeProto, NodeProto, ValueInfoProto

MAX_ROUNDS = 8  # to find shapes that a loop's state keeps; widening ends long before


def if_(call: Call) -> Translated:
    """A branch whose condition is known is written in place of the node."""
    condition = call.known(0)
    if condition is not None:
        call.without_effect("then_branch", "else_branch")
        return inline_graph(call.graph("then_branch" if condition.any() else "else_branch"), call.scope)
    then, other = (build_body(call.graph(name), call.scope, [], {}) for name in ("then_branch", "else_branch"))
    sources = [call.input(0)]
    taken = [tuple(_invariants(body, 0, sources)) for body in (then, other)]
    given = tuple(BodyOutputDescription(i, i) for i in range(len(call.outputs)))
    for body in (then, other):
        if len(body.model.results) != len(call.outputs):
            raise ModelError(f"a branch has {len(body.model.results)} outputs for {len(call.outputs)} of the node")
    return Node(If(then.model, other.model, taken[0], taken[1], given, given), sources)


def _invariants(body: Body, first: int, sources: list[Output]) -> list[InvariantInputDescription]:
    """How a body's captures, its parameters from `first` on, are fed: by inputs that are appended to `sources`."""
    sources += body.captures
    place = len(sources) - len(body.captures)
    return [InvariantInputDescription(place + i, first + i) for i in range(len(body.captures))]


def loop(call: Call) -> Translated:
    """Body: (iteration, condition, states...) -> (condition, states..., elements of what is stacked...)."""
    trips, going_on = call.optional(0), call.optional(1)
    states = [call.input(i) for i in range(2, len(call.inputs))]
    graph = call.graph("body")
    count = len(states)
    scalar_shape = PartialShape([])
    fixed = [Port(TensorType(Type.i64, scalar_shape)), Port(TensorType(Type.boolean, scalar_shape))]
    stacked = dict.fromkeys(range(1 + count, len(graph.output)), 0)
    body = _steady(states, lambda ports: build_body(graph, call.scope, fixed + ports, stacked), first_result=1)
    sources = [_trip_count(trips), of_type(True, Type.boolean) if going_on is None else scalar(going_on), *states]
    taken: list[InputDescription] = [MergedInputDescription(1, 1, 0)]
    taken += [MergedInputDescription(2 + i, 2 + i, 1 + i) for i in range(count)]
    taken += _invariants(body, 2 + count, sources)
    given: list[OutputDescription] = [BodyOutputDescription(1 + i, i) for i in range(count)]
    given += [ConcatOutputDescription(i, i - 1, 0, 1, 1, -1, 0) for i in stacked]
    return Node(Loop(body.model, tuple(taken), tuple(given), 0, 0), sources)


def _trip_count(trips: Output | None) -> Output:
    """The most iterations: -1 for no limit; a negative number of ONNX means none."""
    return ints(-1) if trips is None else one(ops.maximum(converted(scalar(trips), Type.i64), ints(0)))


def _steady(states: Sequence[Output], build: Callable[[list[Port]], Body], first_result: int) -> Body:
    """A body whose parameters for states have types that hold in every iteration."""
    types = [TensorType(state.element_type, state.partial_shape) for state in states]
    for _ in range(MAX_ROUNDS):
        body = build([Port(found) for found in types])
        results = body.model.outputs[first_result : first_result + len(states)]
        wider = [
            TensorType(found.element_type, _kept(found.shape, result.partial_shape))
            for found, result in zip(types, results, strict=True)
        ]
        if all(a.shape == b.shape for a, b in zip(types, wider, strict=True)):
            return body
        types = wider
    raise ModelError("the shapes of a loop's state don't settle")


def _kept(before: PartialShape, after: PartialShape) -> PartialShape:
    return before if before.relaxes(after) else widened(before, after)


def scan(call: Call) -> Translated:
    """Body: (states..., parts of sequences...) -> (states..., parts of stacked sequences...); version 8 has batches."""
    if call.version < 9:
        return None
    graph = call.graph("body")
    sequences = call.integer("num_scan_inputs")
    count = len(call.inputs) - sequences
    states, data = [call.input(i) for i in range(count)], [call.input(i) for i in range(count, len(call.inputs))]
    axes = call.integers("scan_input_axes", [0] * sequences)
    axes = [positive(axis, rank(value)) for axis, value in zip(axes, data, strict=True)]
    directions = call.integers("scan_input_directions", [0] * sequences)
    made = len(graph.output) - count
    output_axes = call.integers("scan_output_axes", [0] * made)
    output_directions = call.integers("scan_output_directions", [0] * made)
    parts = [_part(value, axis) for value, axis in zip(data, axes, strict=True)]
    stacked = {count + i: axis for i, axis in enumerate(output_axes)}
    body = _steady(states, lambda ports: build_body(graph, call.scope, ports + parts, stacked), first_result=0)
    sources = [*states, *data]
    taken: list[InputDescription] = [MergedInputDescription(i, i, i) for i in range(count)]
    taken += [SliceInputDescription(count + i, count + i, *_walk(directions[i]), axes[i]) for i in range(sequences)]
    taken += _invariants(body, len(sources), sources)
    given: list[OutputDescription] = [BodyOutputDescription(i, i) for i in range(count)]
    for i in range(made):
        axis = output_axes[i]
        if axis < 0:
            axis += len(body.model.outputs[count + i].partial_shape)
        given.append(ConcatOutputDescription(count + i, count + i, *_walk(output_directions[i]), axis))
    return Node(TensorIterator(body.model, tuple(taken), tuple(given)), sources)


def _walk(direction: int) -> tuple[int, int, int, int]:
    """(start, stride, part size, end) of parts of one element, from behind when direction is 1."""
    return (-1, -1, 1, 0) if direction else (0, 1, 1, -1)


def _part(value: Output, axis: int) -> Port:
    """The parameter for one element of a sequence along an axis."""
    shape = PartialShape(value.partial_shape)
    shape[axis] = 1
    return Port(TensorType(value.element_type, shape), axis)


def sequence_map(call: Call) -> Translated:
    """The body for each item of the sequences, whose outputs are the items of sequences: a Loop over these.

    Inputs that are tensors are the same for all items.
    """
    graph, names = call.graph("body"), call.proto.input
    if len(names) != len(graph.input) or len(call.outputs) != len(graph.output):
        raise ModelError(
            f"{len(names)} inputs and {len(call.outputs)} outputs for a body that has {len(graph.input)} and "
            f"{len(graph.output)}"
        )
    own = f"{call.name}/sequence_map/"  # what no name in the body starts with
    of_body = [value.name for value in graph.output]
    empty, before, after, whole = (
        [f"{own}{kind}/{name}" for name in of_body] for kind in ("empty", "before", "after", "whole")
    )
    place, going_on, on, count = (own + name for name in ("place", "going_on", "on", "count"))
    body = graph.but(
        input=[ValueInfoProto(name=name) for name in (place, going_on, *before)],
        output=[ValueInfoProto(name=name) for name in (on, *after)],
        node=[
            *(_item(call, i, place, value.name) for i, value in enumerate(graph.input)),
            *graph.node,
            *(_node("SequenceInsert", inputs, output) for *inputs, output in zip(before, of_body, after, strict=True)),
            _node("Identity", [going_on], on),
        ],
    )
    scope = call.scope.nested(boundary=False)
    nodes = [_node("SequenceEmpty", [], name, _dtype(value)) for name, value in zip(empty, graph.output, strict=True)]
    nodes.append(_node("SequenceLength", names[:1], count))
    attribute = AttributeProto(name="body", type=GRAPH, g=body)
    nodes.append(_node("Loop", [count, "", *empty], "", attribute).but(output=whole))
    translate_nodes(nodes, scope)
    return [graph_output(name, scope) for name in whole]


def _item(call: Call, place: int, index: str, name: str) -> NodeProto:
    """A node that gives an item of the sequence that an input is, or the input that is a tensor."""
    is_sequence = isinstance(call.input(place).element_type, SequenceType)
    given = call.proto.input[place]
    return _node("SequenceAt", [given, index], name) if is_sequence else _node("Identity", [given], name)


def _node(op_type: str, inputs: Sequence[str], output: str, *attributes: AttributeProto) -> NodeProto:
    return NodeProto(op_type=op_type, input=inputs, output=[output], attribute=attributes)


def _dtype(value: ValueInfoProto) -> AttributeProto:
    """The element type of a tensor, as SequenceEmpty has it."""
    return AttributeProto(name="dtype", type=INT, i=value.type.tensor_type.elem_type)


OPERATORS: dict[str, Translation] = {"If": if_, "Loop": loop, "Scan": scan, "SequenceMap": sequence_map}
