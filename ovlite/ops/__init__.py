"""The meaning of each operator, a file a family.

An operator here is its attributes, its shape inference, and its plain numpy evaluation, which is
what constant folding uses, what runs where there is no kernel, and what the kernels are tested
against. FAMILIES is the one list of all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

from ..graph import Model, Node, Operator
from .declare import Declared, node_factory, operators_of
from .evaluation import evaluate_node, evaluate_tensors

from . import (  # isort: skip
    activation,
    binary,
    blocks,
    color,
    control,
    convolution,
    ctc,
    detection,
    elementwise,
    embedding,
    expand,
    gathering,
    joining,
    logic,
    matmul,
    multiclass,
    newest,
    nms,
    normalization,
    patches,
    pooling,
    priors,
    proposal,
    psroi,
    quantization,
    randomness,
    recurrent,
    reduction,
    regions,
    resize,
    roi,
    rotated,
    sampling,
    scattering,
    shape,
    signal,
    slicing,
    sorting,
    sparse,
    state,
    strings,
    unary,
    yolo,
)

FAMILIES: tuple[ModuleType, ...] = (
    activation,
    binary,
    blocks,
    color,
    control,
    convolution,
    ctc,
    detection,
    elementwise,
    embedding,
    expand,
    gathering,
    joining,
    logic,
    matmul,
    nms,
    normalization,
    patches,
    pooling,
    priors,
    proposal,
    quantization,
    randomness,
    recurrent,
    reduction,
    resize,
    roi,
    sampling,
    scattering,
    shape,
    signal,
    slicing,
    sorting,
    sparse,
    state,
    strings,
    unary,
    yolo,
    multiclass,
    newest,
    psroi,
    regions,
    rotated,
)
NEWEST_OPSET = 16


@cache
def operators() -> dict[str, list[type[Operator]]]:
    """Operator classes by type name, the oldest definition first."""
    table: dict[str, list[type[Operator]]] = {}
    for family in FAMILIES:
        for operator in operators_of(family):
            table.setdefault(operator.type, []).append(operator)
    for versions in table.values():
        versions.sort(key=lambda operator: getattr(operator, "since", 1))
    return table


@cache
def factories(opset: int) -> dict[str, Callable[..., Node]]:
    """The node factories of ovlite.opset<opset>, by name."""
    newest: dict[str, type[Declared]] = {}
    for versions in operators().values():
        for operator in versions:
            if issubclass(operator, Declared) and operator.factory and operator.since <= opset <= operator.until:
                newest[operator.factory] = operator
                newest.update(dict.fromkeys(operator.aliases, operator))
    return {name: node_factory(operator) for name, operator in newest.items()}


def _arithmetic(name: str, left: Any, right: Any) -> Node:
    if left is None or right is None:
        raise TypeError("an operand of a node's arithmetic is None")
    return factories(NEWEST_OPSET)[name](left, right)


Node.arithmetic = staticmethod(_arithmetic)
Node.evaluation = staticmethod(evaluate_node)
Model.evaluation = staticmethod(evaluate_tensors)
