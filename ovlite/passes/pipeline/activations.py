"""Activations that a model spells out in smaller operators, put back together.

Exporters write hard_swish as x * clamp(x + 3, 0, 6) / 6, GELU as x * (1 + erf(x / sqrt 2)) / 2 or with
tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)) in the place of erf, swish as x * sigmoid(x). Each becomes the one operator
that has a kernel of its own.
"""

from __future__ import annotations

import math

from ...graph import Model, Node, Output
from ...ops import NEWEST_OPSET, factories
from .match import constant, is_op, single


def recognize_activations(model: Model) -> None:
    for node in model.get_ordered_ops():
        if node.op.type in ("Multiply", "Divide") and node.output(0).element_type.name == "f32":
            replacement = _whole(node)
            if replacement is not None:
                node.output(0).replace(replacement)


def _whole(node: Node) -> Output | None:
    """The activation that a product completes."""
    factors, scale = _product(node.output(0))
    ops = factories(NEWEST_OPSET)
    if len(factors) != 2:
        return None
    for x, other in (factors, factors[::-1]):
        if x.partial_shape != node.output(0).partial_shape:
            continue
        if is_op(other, "Sigmoid") and other.node.sources[0] is x and scale == 1:
            return ops["swish"](x, name=node.friendly_name).output(0)
        if _near(scale, 1 / 6) and _hard_gate(other, x):
            return ops["hswish"](x, name=node.friendly_name).output(0)
        if _near(scale, 0.5) and _erf_gate(other, x):
            return ops["gelu"](x, "ERF", name=node.friendly_name).output(0)
        if _near(scale, 0.5) and _tanh_gate(other, x):
            return ops["gelu"](x, "TANH", name=node.friendly_name).output(0)
    return None


def _near(value: float, wanted: float) -> bool:
    return math.isclose(value, wanted, rel_tol=1e-6)


def _product(output: Output) -> tuple[list[Output], float]:
    """The factors that are not constant, and the product of the scalar ones, of nested products and quotients."""
    node = output.node
    if is_op(output, "Multiply"):
        factors, scale = [], 1.0
        for source in node.sources:
            value = single(source)
            if value is not None:
                scale *= value
            elif constant(source) is not None:
                return [output], 1.0
            else:
                inner, inner_scale = _product(source)
                factors += inner
                scale *= inner_scale
        return (factors, scale) if len(factors) <= 2 else ([output], 1.0)
    if is_op(output, "Divide") and single(node.sources[1]):
        factors, scale = _product(node.sources[0])
        return factors, scale / (single(node.sources[1]) or 1.0)
    return [output], 1.0


def _plus(output: Output) -> tuple[Output, float] | None:
    """(x, c) of x + c."""
    if not is_op(output, "Add"):
        return None
    left, right = output.node.sources
    for x, other in ((left, right), (right, left)):
        value = single(other)
        if value is not None:
            return x, value
    return None


def _hard_gate(output: Output, x: Output) -> bool:
    """True for clamp(x + 3, 0, 6)."""
    if not is_op(output, "Clamp"):
        return False
    limits = output.node.op.attributes()
    total = _plus(output.node.sources[0])
    return limits["min"] == 0 and limits["max"] == 6 and total is not None and total[0] is x and total[1] == 3


def _erf_gate(output: Output, x: Output) -> bool:
    """True for 1 + erf(x / sqrt 2)."""
    total = _plus(output)
    if total is None or total[1] != 1 or not is_op(total[0], "Erf"):
        return False
    factors, scale = _product(total[0].node.sources[0])
    return factors == [x] and _near(scale, math.sqrt(0.5))


CUBIC = 0.044715  # of GELU's approximation by tanh


def _tanh_gate(output: Output, x: Output) -> bool:
    """True for 1 + tanh(sqrt(2 / pi) * (x + CUBIC * x^3)), or with x * (1 + CUBIC * x^2) in there."""
    total = _plus(output)
    if total is None or total[1] != 1 or not is_op(total[0], "Tanh"):
        return False
    factors, scale = _product(total[0].node.sources[0])
    if not _near(scale, math.sqrt(2 / math.pi)):
        return False
    if len(factors) == 1 and is_op(factors[0], "Add"):
        sources = factors[0].node.sources
        return any(a is x and _is_cubic(b, x, 3) for a, b in (sources, sources[::-1]))
    for a, b in (factors, factors[::-1]) if len(factors) == 2 else ():
        rest = _plus(b)
        if a is x and rest is not None and rest[1] == 1 and _is_cubic(rest[0], x, 2):
            return True
    return False


def _is_cubic(output: Output, x: Output, exponent: int) -> bool:
    """True for CUBIC * x to a power of 2 or 3, with the number anywhere among the factors."""
    count, scale, rest = 0, 1.0, [output]
    while rest:
        part = rest.pop()
        number = single(part)
        if part is x:
            count += 1
        elif number is not None:
            scale *= number
        elif is_op(part, "Power") and part.node.sources[0] is x and single(part.node.sources[1]) in (2, 3):
            count += int(single(part.node.sources[1]) or 0)
        elif is_op(part, "Multiply"):
            rest += part.node.sources
        else:
            return False
    return count == exponent and _near(scale, CUBIC)
