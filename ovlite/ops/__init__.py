"""The meaning of each operator, a file a family.

An operator here is its attributes, its shape inference, and its plain numpy evaluation, which is
what constant folding uses, what runs where there is no kernel, and what the kernels are tested
against. FAMILIES is the one list of all of them.
"""

from __future__ import annotations

from typing import Any

from ..graph import Model, Node
from .evaluation import evaluate_node, evaluate_tensors
from .families import FAMILIES, NEWEST_OPSET, definitions, factories, operators

__all__ = ["FAMILIES", "NEWEST_OPSET", "definitions", "factories", "operators"]


def _arithmetic(name: str, left: Any, right: Any) -> Node:
    if left is None or right is None:
        raise TypeError("an operand of a node's arithmetic is None")
    return factories(NEWEST_OPSET)[name](left, right)


Node.arithmetic = staticmethod(_arithmetic)
Node.evaluation = staticmethod(evaluate_node)
Model.evaluation = staticmethod(evaluate_tensors)
