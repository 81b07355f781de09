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
from ....ops.sequences import OptionalGetElement
from ....types import OptionalType, PartialShape, SequenceType, Type
from ..build import converted, dim_of, ints, of_type, one, ops, positive, rank, scalar, static_dims, typed
from ..call import Call, Translated, Translation
from ..graphs import Body, Port, build_body, graph_output, inline_graph, maybe, translate_nodes
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
    for pair in zip(then.model.results, other.model.results, strict=True):
        if any(isinstance(result.sources[0].element_type, OptionalType) for result in pair):
            for result in pair:
                result.input(0).replace_source_output(maybe(result.sources[0]))
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
    made = Node(Loop(body.model, tuple(taken), tuple(given), 0, 0), sources)
    return [_as_declared(found, graph.output[1 + i]) for i, found in enumerate(made.outputs())]


def _as_declared(value: Output, declared: ValueInfoProto) -> Output:
    """The value of an optional state whose later values a loop's body declares to be no optionals."""
    holds = isinstance(value.element_type, OptionalType) and declared.type.which() != "optional_type"
    return one(Node(OptionalGetElement(), [value])) if holds else value


def _trip_count(trips: Output | None) -> Output:
    """The most iterations: -1 for no limit; a negative number of ONNX means none."""
    return ints(-1) if trips is None else one(ops.maximum(converted(scalar(trips), Type.i64), ints(0)))


def _steady(states: Sequence[Output], build: Callable[[list[Port]], Body], first_result: int) -> Body:
    """A body whose parameters for states have types that hold in every iteration."""
    types = [TensorType(state.element_type, state.partial_shape) for state in states]
    for _ in range(MAX_ROUNDS):
        body = build([Port(found) for found in types])
        for found, made in zip(types, body.model.results[first_result:], strict=False):
            if isinstance(found.element_type, OptionalType):
                made.input(0).replace_source_output(maybe(made.sources[0]))
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
        return _scan_of_batches(call)
    count = len(call.inputs) - _sequences(call, 0)
    states, data = [call.input(i) for i in range(count)], [call.input(i) for i in range(count, len(call.inputs))]
    axes = call.integers("scan_input_axes", [0] * len(data))
    axes = [positive(axis, rank(value)) for axis, value in zip(axes, data, strict=True)]
    directions = call.integers("scan_input_directions", [0] * len(data))
    made = len(call.graph("body").output) - count
    output_axes = call.integers("scan_output_axes", [0] * made)
    output_directions = call.integers("scan_output_directions", [0] * made)
    return _scanned(call, states, data, axes, directions, output_axes, output_directions)


def _sequences(call: Call, before: int) -> int:
    """How many of the inputs are sequences; `before` of the others stand before the states."""
    count = call.integer("num_scan_inputs")
    if not 0 < count <= len(call.inputs) - before:
        raise ModelError(f"num_scan_inputs is {count}; there are {len(call.inputs)} inputs")
    return count


def _scanned(
    call: Call,
    states: Sequence[Output],
    data: Sequence[Output],
    axes: Sequence[int],
    directions: Sequence[int],
    output_axes: Sequence[int],
    output_directions: Sequence[int],
) -> Node:
    graph, count = call.graph("body"), len(states)
    parts = [_part(value, axis) for value, axis in zip(data, axes, strict=True)]
    stacked = {count + i: axis for i, axis in enumerate(output_axes)}
    body = _steady(states, lambda ports: build_body(graph, call.scope, ports + parts, stacked), first_result=0)
    sources = [*states, *data]
    taken: list[InputDescription] = [MergedInputDescription(i, i, i) for i in range(count)]
    taken += [SliceInputDescription(count + i, count + i, *_walk(directions[i]), axes[i]) for i in range(len(data))]
    taken += _invariants(body, len(sources), sources)
    given: list[OutputDescription] = [BodyOutputDescription(i, i) for i in range(count)]
    for i, axis in enumerate(output_axes):
        if axis < 0:
            axis += len(body.model.outputs[count + i].partial_shape)
        given.append(ConcatOutputDescription(count + i, count + i, *_walk(output_directions[i]), axis))
    return Node(TensorIterator(body.model, tuple(taken), tuple(given)), sources)


def _scan_of_batches(call: Call) -> Translated:
    """Scan of version 8: lengths, states [batches, ...], sequences [batches, length, ...].

    Sequences that are shorter than the longest are cut to their lengths, and what is stacked is filled up with zeros.
    """
    sequences = _sequences(call, 1)
    lengths, given = call.optional(0), [call.input(i) for i in range(1, len(call.inputs))]
    directions = call.integers("directions", [0] * sequences)
    batches = {(static_dims(value) or [None])[0] for value in given}
    count = batches.pop()
    if batches or count is None:
        shapes = ", ".join(str(value.partial_shape) for value in given)
        raise ModelError(
            f"expected states and sequences of one known number of batches, got shapes {shapes}; reshape the model"
        )
    first = len(given) - sequences
    made = len(call.graph("body").output) - first
    rows = []
    for batch in range(count):
        values = [one(ops.gather(value, ints(batch), ints(0))) for value in given]
        if lengths is not None:
            length = one(ops.gather(lengths, ints([batch]), ints(0)))
            values[first:] = [
                one(ops.slice(value, ints([0]), length, ints([1]), ints([0]))) for value in values[first:]
            ]
        zeros = [0] * made
        found = _scanned(call, values[:first], values[first:], [0] * sequences, directions, zeros, zeros).outputs()
        if lengths is not None:
            found[first:] = [_filled(value, given[-1]) for value in found[first:]]
        rows.append([one(ops.unsqueeze(value, ints([0]))) for value in found])
    return [one(ops.concat(list(parts), 0)) for parts in zip(*rows, strict=True)]


def _filled(value: Output, like: Output) -> Output:
    """A tensor [length, ...] with zeros behind its elements, as long as sequences [batches, length, ...]."""
    behind = [one(ops.subtract(dim_of(like, 1), dim_of(value, 0))), ints([0] * (rank(value) - 1))]
    return one(ops.pad(value, ints([0] * rank(value)), ops.concat(behind, 0), "constant", typed(0, value)))


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
