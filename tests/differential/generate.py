"""Seeds -> cases: of one node, or of a chain of two to four."""

from __future__ import annotations

import zlib
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from onnx import defs

from .cases import DECLARATIONS, Case, Error, Made, named
from .draw import Array, Draw
from .makers import makers

OLDEST, NEWEST = 7, defs.onnx_opset_version()
# Operators that give whole numbers for whole numbers, exactly whatever the order of sums, and take any rank.
CHAINED = [
    "Abs",
    "Neg",
    "Relu",
    "Identity",
    "Add",
    "Sub",
    "Mul",
    "Max",
    "Min",
    "Sum",
    "Where",
    "Clip",
    "Cast",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Concat",
    "Expand",
    "Tile",
    "Split",
    "Slice",
    "Pad",
    "ReduceMax",
    "ReduceMin",
    "ReduceSum",
    "ReduceL1",
    "TopK",
    "Gather",
    "MatMul",
    "Conv",
    "MaxPool",
    "Sign",
    "PRelu",
    "Not",
    "ArgMax",
    "CumSum",
]
MOST = 2.0**22  # magnitudes below it leave sums of chained nodes exact in f32


def operators() -> list[tuple[str, str]]:
    """(domain, operator) of all there is a maker for."""
    return list(makers())


def _generator(seed: int, text: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(text.encode())])


@cache
def forms(domain: str, op_type: str) -> list[tuple[int, int]]:
    """The first and the last version of each form of an operator, from OLDEST on."""
    newest = {"": NEWEST, "ai.onnx.ml": 5}.get(domain, 1)
    schemas = defs.get_all_schemas_with_history()
    history = sorted(schema.since_version for schema in schemas if (schema.domain, schema.name) == (domain, op_type))
    if not history:
        return [(1, newest)]
    ends = [*[version - 1 for version in history[1:]], newest]
    oldest = OLDEST if domain == "" else 1
    return [(max(first, oldest), last) for first, last in zip(history, ends, strict=True) if last >= oldest]


def single(domain: str, op_type: str, seed: int) -> Case:
    """A case of one node."""
    rng = _generator(seed, f"{domain}.{op_type}")
    known = [form for form in forms(domain, op_type) if not _deprecated(domain, op_type, form[0])]
    first, last = known[int(rng.integers(len(known)))]
    version = int(rng.integers(first, last + 1))
    opsets = {"": version} if domain == "" else {"": int(rng.integers(17, 22)), domain: version}
    draw = Draw(rng, op_type, domain, version)
    with np.errstate(all="ignore"):
        made = makers()[domain, op_type](draw)
    node, tensors, wanted = named(made, "")
    return Case(f"{domain}.{op_type} {seed}".strip("."), [node], tensors, _constants(draw, made, node), wanted, opsets,
                made.error, draw.pick(*DECLARATIONS, "static"), made)  # fmt: skip


def _deprecated(domain: str, op_type: str, version: int) -> bool:
    return defs.has(op_type, domain) and bool(defs.get_schema(op_type, version, domain).deprecated)


def _constants(draw: Draw, made: Made, node: Any) -> frozenset[str]:
    """Inputs that become initializers: steering ones often, others at times."""
    return frozenset(
        name for i, name in enumerate(node.input)
        if name and draw.chance(0.6 if i in made.steering else 0.1) and (i or len(node.input) > 1)
    )  # fmt: skip


def chain(seed: int) -> Case:
    """Nodes each of which takes an output of the one before; whole numbers, so that results are exact."""
    from .judge import evaluated  # what a node gives decides what comes next

    rng = _generator(seed, "chain")
    version = int(rng.integers(OLDEST, 22))
    usable = [name for name in CHAINED if forms("", name)[0][0] <= version and not _deprecated("", name, version)]
    nodes: list[Any] = []
    tensors: dict[str, Array] = {}
    constants: set[str] = set()
    last: tuple[str, Array] | None = None
    wanted: list[str] = []
    length = int(rng.integers(2, 5))
    while len(nodes) < length:
        name = usable[int(rng.integers(len(usable)))]
        draw = Draw(rng, name, "", version, None if last is None else last[1], whole=True)
        made = _link(draw, name, last)
        if made is None:
            continue
        node, own, outputs = named(made, f"n{len(nodes)}", None if last is None else last[0])
        grown = Case(f"chain {seed}", [*nodes, node], {**tensors, **own}, frozenset(), outputs, {"": version},
                     Error(exact=True))  # fmt: skip
        values = evaluated(grown)
        if values is None or any(not _exact(value) for value in values):
            length -= 1
            continue
        nodes.append(node)
        tensors.update(own)
        constants |= _constants(draw, made, node) - {"" if last is None else last[0]}
        place = int(rng.integers(len(outputs)))
        last = outputs[place], values[place]
        wanted = outputs
    if not nodes:
        return chain(seed + 1_000_003)
    constants &= set(tensors)
    if len(constants) == len(tensors):
        constants.discard(next(iter(tensors)))
    return Case(f"chain {seed}", nodes, tensors, frozenset(constants), wanted, {"": version}, Error(exact=True),
                draw.pick(*DECLARATIONS, "static"))  # fmt: skip


def _link(draw: Draw, name: str, last: tuple[str, Array] | None) -> Made | None:
    """A node that takes the tensor before it; None where it can't."""
    if last is not None:
        data = last[1]
        kind = {"bool": "bool", "float32": "float", "float64": "double"}.get(data.dtype.name, data.dtype.name)
        if kind not in draw.allowed(draw.schema.inputs[0].type_str) or name == "Where":
            return None
        if data.ndim < 1 and name in ("Concat", "Split", "Slice", "Pad", "TopK", "Gather", "ArgMax", "CumSum"):
            return None
        if (name == "MatMul" and data.ndim < 2) or (name in ("Conv", "MaxPool") and (data.ndim != 4 or not data.size)):
            return None
        if data.size == 0 and name in ("ArgMax", "Gather", "MaxPool"):
            return None
        if name == "Flatten" and data.ndim < 1:
            return None
    elif name in ("Not",):
        return None
    with np.errstate(all="ignore"):
        made = makers()["", name](draw)
    if last is not None and made.inputs[0] is not last[1]:
        return None
    return replace(made)


def _exact(value: Array) -> bool:
    return value.size < 20000 and (value.dtype.kind != "f" or bool(np.all(np.abs(value) < MOST)))
