"""Everything that a model needs and this reader hasn't, in one error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...errors import ModelError
from .messages import GraphProto, ModelProto, NodeProto, TypeProto
from .order import graphs_of
from .scope import Library, domain_of, versions_of

OLDEST = 7  # the first version of ONNX's operators whose definitions the translations follow
SHOWN = 20  # entries of a list in an error


def check_size(proto: ModelProto, library: Library) -> None:
    """Raises ModelError for more nodes, or deeper nesting, than the library's limits allow."""
    library.limits.check_nodes(_count(proto.graph.node, library, {}, 0))


def _count(nodes: Sequence[NodeProto], library: Library, counts: dict[int, int], depth: int) -> int:
    """How many nodes these become when functions are written out. counts: of functions, by id()."""
    library.limits.check_nesting(depth)
    total = len(nodes)
    for node in nodes:
        total += sum(_count(graph.node, library, counts, depth + 1) for graph in graphs_of(node))
        function = library.function(node) if library.functions else None
        if function is not None:
            if id(function) not in counts:
                counts[id(function)] = _count(function.node, library, counts, depth + 1)
            total += counts[id(function)]
    return total


def check_operators(proto: ModelProto, library: Library) -> None:
    """Raises ModelError that lists all operators and types of the model that are not supported."""
    missing = missing_operators(proto, library)
    lines = [_line(*key, names) for key, names in sorted(missing.items())]
    lines += _odd_values(proto.graph)
    if lines:
        from .advice import ADDED

        listed = "the model needs what is not supported:\n  " + "\n  ".join(lines)
        raise ModelError(f"{listed}\n{ADDED}" if missing else listed)


def missing_operators(proto: ModelProto, library: Library) -> dict[tuple[str, str, int], list[str]]:
    """Names of the nodes of each operator that is not supported, by its domain, type and version."""
    missing: dict[tuple[str, str, int], list[str]] = {}
    known: set[tuple[str, str, int]] = set()  # that are supported, whatever the model's own functions
    for node, versions in all_nodes(proto, library):
        domain = domain_of(node)
        key = domain, node.op_type, versions.get(domain, 0)
        if key in known:
            continue
        if not _supported(node, domain, key[2], library):
            missing.setdefault(key, []).append(node.name or next(iter(node.output), ""))
        elif not library.functions:
            known.add(key)
    return missing


def _line(domain: str, op_type: str, version: int, names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    nodes = ", ".join(map(repr, names[:SHOWN]))
    if not version:
        return f"operator {op_type} of domain {domain!r}, which is not imported, node {nodes}{more}"
    old = domain == "" and version < OLDEST
    hint = f" (at least version {OLDEST} is needed: use onnx.version_converter)" if old else ""
    from .advice import advice
    from .fallback import ROWS
    from .functions import BY_BODY, NEEDS_ONNX, is_installed

    by_onnx = (domain, op_type) in BY_BODY or (domain == "" and op_type in ROWS)
    if by_onnx and not old and not is_installed():
        hint = f", which {NEEDS_ONNX}"
    elif (told := advice(domain, op_type)) is not None:
        hint = f" ({told})"
    return f"operator {op_type} of domain {domain or 'ai.onnx'!r} version {version}, node {nodes}{more}{hint}"


def all_nodes(proto: ModelProto, library: Library) -> Iterator[tuple[NodeProto, dict[str, int]]]:
    """All nodes of the model, those of graphs inside nodes and of functions too, with the versions they see."""
    pending = [(node, library.versions) for node in proto.graph.node]
    for function in proto.functions:
        versions = {**library.versions, **versions_of(function)}
        pending += [(node, versions) for node in function.node]
    for node, versions in pending:  # grows while it is walked
        yield node, versions
        pending += [(inner, versions) for graph in graphs_of(node) for inner in graph.node]


def _supported(node: NodeProto, domain: str, version: int, library: Library) -> bool:
    if library.function(node) is not None:
        return True
    if not version:
        return False
    if (domain, node.op_type) in library.added:
        return True
    translated = (domain, node.op_type) in library.translations
    old = domain == "" and version < OLDEST
    if translated and not old:
        return True
    if old and not _as_in_oldest(node.op_type, version):
        return False
    if translated:
        return True
    from .fallback import is_referred
    from .functions import has_function, onnx_schema

    schema = onnx_schema(domain, node.op_type, version)
    if schema is None or schema.deprecated:
        return False
    if has_function(schema):
        return _may_all_be(schema, ("tensor(", "seq(tensor("))
    return _may_all_be(schema, ("tensor(",)) and is_referred(domain, node.op_type, version)


def _as_in_oldest(op_type: str, version: int) -> bool:
    """Return whether an operator of an older version is still the same in the oldest one that is read."""
    from .schemas import schema_of

    oldest = schema_of("", op_type, OLDEST)
    return oldest is not None and oldest.since <= version


def _may_all_be(schema: Any, kinds: tuple[str, ...]) -> bool:
    """Return whether each of an operator's inputs and outputs can be of one of these kinds."""
    return all(any(str(name).startswith(kinds) for name in port.types) for port in [*schema.inputs, *schema.outputs])


def _odd_values(graph: GraphProto) -> list[str]:
    """The graph's inputs and outputs that are no tensors, no sequences of them and not what ZipMap makes."""
    zipped = {name for node in graph.node if node.op_type == "ZipMap" for name in node.output}
    found = []
    for what, values in (("input", graph.input), ("output", graph.output)):
        for value in values:
            kind = _odd_kind(value.type)
            if kind is None or (what == "output" and value.name in zipped):
                continue
            hint = " (give the model the tensor that DictVectorizer makes of it)" if kind == "map" else ""
            found.append(
                f"{what} {value.name!r} of a {kind} type; only tensors and sequences of tensors are {what}s{hint}"
            )
    return found


def _odd_kind(proto: TypeProto) -> str | None:
    """The kind of a TypeProto that is no tensor, and no sequence of tensors; an optional is what it may hold."""
    kind = proto.which()
    if kind == "optional_type":
        return _odd_kind(proto.optional_type.elem_type)
    if kind == "sequence_type":
        inner = proto.sequence_type.elem_type.which()
        return None if inner == "tensor_type" else f"sequence of {str(inner).removesuffix('_type')}"
    return None if kind in (None, "tensor_type") else str(kind).removesuffix("_type").replace("_", " ")
