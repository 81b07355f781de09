"""GraphProto -> nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ...errors import ModelError
from ...graph import Constant, Model, Node, Output, Parameter, Result, TensorType
from ...types import Dimension, OptionalType, PartialShape, SequenceType, Type
from .build import ints, one, ops
from .call import Call, Translated
from .messages import TENSOR, FunctionProto, GraphProto, NodeProto, TypeProto, ValueInfoProto
from .messages import Dimension as DimensionProto
from .order import in_order
from .reading import check_body, check_known, check_outputs, check_read, described
from .scope import Library, Scope, domain_of, versions_of
from .tensors import constant, element_type, sparse_constant

# What wrong attributes and inputs may make a translation raise, besides ModelError.
FAULTS = (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, ArithmeticError, RuntimeError)


def build_model(graph: GraphProto, library: Library) -> Model:
    """The model of the main graph."""
    scope = Scope(library, library.versions)
    constants = define_constants(graph, scope)
    parameters = [define_input(value, scope) for value in graph.input if value.name not in constants]
    translate_nodes(graph.node, scope)
    results = [
        _result(output.name, graph_output(output.name, scope), repeated)
        for output, repeated in zip(graph.output, _repetitions([output.name for output in graph.output]), strict=True)
    ]
    if not results:
        raise ModelError("the graph has no output")
    return Model(results, parameters)


def define_constants(graph: GraphProto, scope: Scope) -> set[str]:
    """Defines the initializers of a graph; returns their names."""
    names = set()
    for tensor in graph.initializer:
        _define_constant(tensor.name, constant(tensor, scope.library.external), scope)
        names.add(tensor.name)
    for sparse in graph.sparse_initializer:
        _define_constant(sparse.values.name, sparse_constant(sparse, scope.library.external), scope)
        names.add(sparse.values.name)
    return names


def _define_constant(name: str, node: Node, scope: Scope) -> None:
    if not name:
        raise ModelError("an initializer has no name")
    node.friendly_name = scope.prefix + name
    scope.define(name, node.output(0))


def define_input(value: ValueInfoProto, scope: Scope) -> Parameter:
    """Defines an input of a graph from its ValueInfoProto."""
    found, shape = declared_type(value)
    return define_parameter(value.name, found, shape, scope)


def define_parameter(name: str, found: Type, shape: PartialShape, scope: Scope) -> Parameter:
    parameter = Parameter(found, shape, scope.prefix + name)
    scope.define(name, parameter.output(0))
    return parameter


def declared_type(value: ValueInfoProto) -> tuple[Type, PartialShape]:
    """Element type and shape that a ValueInfoProto declares; symbolic dims are dynamic."""
    kind = value.type.which()
    if kind == "optional_type":
        found, shape = type_of(value.type.optional_type.elem_type, value.name)
        return OptionalType(found), shape
    return type_of(value.type, value.name)


def type_of(proto: TypeProto, name: str) -> tuple[Type, PartialShape]:
    """Element type and shape of a tensor, or of a sequence of tensors."""
    if proto.which() == "sequence_type":
        found, shape = _declared_tensor(proto.sequence_type.elem_type, name)
        return SequenceType(found), shape
    return _declared_tensor(proto, name)


def absent(proto: TypeProto) -> Node:
    """An optional without a value."""
    from ...ops.sequences import Optional

    return Node(Optional(type_of(proto, "type")[0]), [])


def maybe(value: Output) -> Output:
    """A value as an optional that has it; an optional as it is."""
    from ...ops.sequences import Optional

    kind = value.element_type
    return value if isinstance(kind, OptionalType) else one(Node(Optional(kind), [value]))


def _declared_tensor(proto: TypeProto, name: str) -> tuple[Type, PartialShape]:
    kind = proto.which()
    if kind != "tensor_type":
        raise ModelError(f"value {name!r} is {_kind_text(kind)}; only tensors and sequences of tensors are supported")
    tensor = proto.tensor_type
    found = element_type(tensor.elem_type, f"value {name!r}")
    if not tensor.has("shape"):
        return found, PartialShape.dynamic()
    return found, PartialShape([_dimension(dim, name) for dim in tensor.shape.dim])


def _kind_text(kind: str | None) -> str:
    return f"of a {kind.removesuffix('_type').replace('_', ' ')} type" if kind else "of no declared type"


def _dimension(dim: DimensionProto, name: str) -> Dimension:
    if not dim.has("dim_value") or dim.dim_value == -1:
        return Dimension()
    if dim.dim_value < 0:
        raise ModelError(f"value {name!r} has a dimension of {dim.dim_value}")
    return Dimension(dim.dim_value)


def graph_output(name: str, scope: Scope) -> Output:
    found = scope.find(name)
    if found is None:
        raise ModelError(f"output {name!r} of the graph is produced by no node")
    return found


def _repetitions(names: Sequence[str]) -> list[int]:
    """How often each name comes again later in the list."""
    return [names[i + 1 :].count(name) for i, name in enumerate(names)]


def _result(name: str, source: Output, repeated: int) -> Result:
    """The node of an output of the model, named as OpenVINO names it."""
    if not isinstance(source.node, Parameter) and len(source.node.outputs()) == 1:
        source.node.friendly_name = name
    result = Result(source, f"{name}/sink_port_0" + (f"_{repeated}" if repeated else ""))
    result.output(0).set_names({name})
    return result


def translate_nodes(nodes: Sequence[NodeProto], scope: Scope) -> None:
    """Translates nodes in the order of their dependencies and defines their outputs."""
    for node in in_order(nodes):
        found = _tensor_constant(node, scope) if node.op_type == "Constant" else None
        if found is not None:
            scope.define(node.output[0], found)
            continue
        for name, output in zip(node.output, translate(node, scope), strict=False):
            if name and output is not None:
                scope.define(name, output)


def _tensor_constant(node: NodeProto, scope: Scope) -> Output | None:
    """The output of a Constant that is a tensor, as translate() gives it but sooner: a model may have one for each of
    its weights. None for what is not as simple.
    """
    attributes, library = node.attribute, scope.library
    if node.input or len(node.output) != 1 or len(attributes) != 1 or not node.output[0] or domain_of(node):
        return None
    if attributes[0].name != "value" or attributes[0].type != TENSOR or "" not in scope.versions:
        return None
    if ("", "Constant") in library.added or library.function(node) is not None:
        return None
    try:
        made = constant(attributes[0].t, library.external)
    except FAULTS as error:
        raise _failure(node, error) from error
    made.friendly_name = scope.prefix + (node.name or node.output[0])
    return made.output(0)


def translate(node: NodeProto, scope: Scope) -> Sequence[Output | None]:
    """The outputs of one ONNX node. All errors name the node."""
    try:
        call = Call(node, _version(node, scope), list(_inputs(node, scope)), scope)
        outputs = _outputs(_translated(call))
        check_outputs(call, outputs)
    except FAULTS as error:
        raise _failure(node, error) from error
    _name_nodes(call, outputs)
    return outputs


def _failure(node: NodeProto, error: Exception) -> ModelError:
    text = str(error) if isinstance(error, RuntimeError) else f"{type(error).__name__}: {error}"
    return ModelError(f"{_label(node)}: {text}")


def _label(node: NodeProto) -> str:
    domain = domain_of(node)
    named = repr(node.name) if node.name else f"of output {next(filter(None, node.output), '')!r}"
    return f"{domain + '.' if domain else ''}{node.op_type} node {named}"


def _version(node: NodeProto, scope: Scope) -> int:
    domain = domain_of(node)
    version = scope.versions.get(domain)
    if version is None and domain not in {function[0] for function in scope.library.functions}:
        raise ModelError(f"the model imports no operator set for domain {domain!r}")
    return version or 1


def _inputs(node: NodeProto, scope: Scope) -> Iterator[Output | None]:
    for name in node.input:
        if not name:
            yield None
            continue
        found = scope.find(name)
        if found is None:
            raise ModelError(f"input {name!r} is defined nowhere: no node, input or initializer has that name")
        yield found


def _translated(call: Call) -> Translated:
    """By the model's own function, a translation, the function body that ONNX gives, or onnx.reference."""
    library = call.scope.library
    function = library.function(call.proto)
    if function is not None:
        check_known(call, _declared(function))
        return inline(function, call)
    translation = library.translations.get((domain_of(call.proto), call.op_type))
    translated: Translated = translation(call) if translation is not None else None
    if translated is not None:
        check_read(call)
        return translated
    return _without_translation(call)


def _without_translation(call: Call) -> Translated:
    from .fallback import check_referred, reference_outputs
    from .functions import function_of, schema_or_onnx

    schema = schema_or_onnx(domain_of(call.proto), call.op_type, call.version)
    if schema is None:
        raise ModelError(f"this form of the operator is not supported: {described(call)}")
    check_known(call, schema.attributes)
    function = function_of(call)
    if function is not None:
        check_body(call, function, schema)
        return inline(function, call)
    check_referred(call, schema)
    return reference_outputs(call)


def _declared(function: FunctionProto) -> set[str]:
    """The attributes that a function of the model has."""
    return {*function.attribute, *(attribute.name for attribute in function.attribute_proto)}


def _outputs(translated: Translated) -> Sequence[Output | None]:
    if isinstance(translated, Node):
        return translated.outputs()
    if isinstance(translated, Output):
        return [translated]
    return translated or []


def _name_nodes(call: Call, outputs: Sequence[Output | None]) -> None:
    """Gives the nodes that a translation made for its outputs the ONNX node's name; later ones get a number."""
    given = set(call.present())
    made = [output for output in outputs if output is not None and output not in given and not output.names]
    nodes, name = list(dict.fromkeys(output.node for output in made)), f"{call.scope.prefix}{call.name}"
    for i, node in enumerate(nodes):
        if not isinstance(node, Parameter):
            node.friendly_name = name + (f".{i}" if i else "")
    _name_parts(nodes, name)


def _name_parts(nodes: Sequence[Node], name: str) -> None:
    """Gives the nodes behind those of a translation's outputs names too, so that their errors tell the ONNX node.

    They are all that have none: those of the nodes before were named when these were translated.
    """
    waiting, parts = list(nodes), set[Node]()
    while waiting:
        for part in {source.node for source in waiting.pop().sources} - parts:
            if not part.is_named and not isinstance(part, (Constant, Parameter)):
                parts.add(part)
                waiting.append(part)
    for i, part in enumerate(sorted(parts, key=lambda part: part.number)):
        part.friendly_name = f"{name}/{part.op.type}" + (f".{i}" if i else "")


def inline(function: FunctionProto, call: Call) -> Sequence[Output | None]:
    """The outputs of a function's body on the call's inputs."""
    scope = call.scope.of_function({**call.scope.library.versions, **versions_of(function)}, call.name)
    if len(call.inputs) > len(function.input):
        raise ModelError(f"expected at most {len(function.input)} inputs of a function, got {len(call.inputs)}")
    for name, value in zip(function.input, call.inputs, strict=False):
        if value is not None:
            scope.define(name, value)
    from .functions import bind_attributes

    absent = {name for name in function.input if scope.find(name) is None}
    translate_nodes([bind_attributes(node, function, call.proto, absent) for node in function.node], scope)
    return [scope.find(name) for name in function.output]


class Port(NamedTuple):
    """A parameter of a body. axis: one of length 1 that the graph inside does not see, None for none."""

    type: TensorType
    axis: int | None = None


class Body(NamedTuple):
    """A graph as a model of its own. captures: outside values, which its last parameters take."""

    model: Model
    captures: list[Output]


def build_body(graph: GraphProto, outer: Scope, ports: Sequence[Port], stacked: Mapping[int, int]) -> Body:
    """The body of a branch or loop. stacked: axes of length 1 that outputs get, by their place among the outputs."""
    scope = outer.nested(boundary=True)
    if len(graph.input) != len(ports):
        raise ModelError(f"expected {len(graph.input)} inputs of graph {graph.name!r}, got {len(ports)}")
    define_constants(graph, scope)
    parameters = [_body_parameter(value.name, port, scope) for value, port in zip(graph.input, ports, strict=True)]
    translate_nodes(graph.node, scope)
    results = []
    for i, output in enumerate(graph.output):
        source = graph_output(output.name, scope)
        if i in stacked:
            source = one(ops.unsqueeze(source, ints([stacked[i]])))
        results.append(Result(source, output.name))
    captured = list(scope.captures.values())
    model = Model(results, parameters + [parameter for parameter, _ in captured], name=graph.name)
    return Body(model, [source for _, source in captured])


def _body_parameter(name: str, port: Port, scope: Scope) -> Parameter:
    parameter = Parameter(port.type.element_type, port.type.shape, scope.prefix + name)
    value = parameter.output(0)
    scope.define(name, value if port.axis is None else one(ops.squeeze(value, ints([port.axis]))))
    return parameter


def inline_graph(graph: GraphProto, outer: Scope) -> list[Output]:
    """The outputs of a graph without inputs, written into the graph around it."""
    scope = outer.nested(boundary=False)
    define_constants(graph, scope)
    translate_nodes(graph.node, scope)
    return [graph_output(output.name, scope) for output in graph.output]
