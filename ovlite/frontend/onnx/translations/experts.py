"""Mixtures of experts (com.microsoft): each token goes through the experts that a router scores best.

Here all tokens go through all experts, whose results are weighted, most of them with 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

from ....errors import ModelError
from ....graph import Output
from ..build import converted, dim_of, ints, of_type, one, ops, reshaped, static_dims, typed
from ..call import Call, Translated, Translation, known
from .packed import unpacked

# Real weights [out, in] of an expert, and their bias [out].
Layer = tuple[Output, Output | None]


class Shape(NamedTuple):
    """Of an expert: what its activation is, and how gates and what they gate lie side by side."""

    activation: str
    fusion: int
    alpha: float
    beta: float
    limit: float


def moe(call: Call) -> Translated:
    """Inputs: tokens [..., size], scores of the experts [tokens, experts], and weights [experts, out, in] and biases
    [experts, out] of the first, second and third layer."""

    def layer(number: int, expert: int) -> Layer | None:
        weights, bias = call.optional(2 * number), call.optional(2 * number + 1)
        return None if weights is None else (_taken(weights, expert), _bias(bias, expert))

    return _mixed(call, layer, None)


def qmoe(call: Call) -> Translated:
    """The same with weights of whole numbers, packed along their last axis: weights, scales and biases of the layers,
    then zero points of each, and other numbers than the scores to weight the experts with."""
    call.expect("quant_type", "int")
    if call.integer("weights_prepacked", -1) > 0:
        raise ModelError(
            "weights_prepacked is 1, which is of another processor's layout; export the weights as they are"
        )
    call.without_effect("accuracy_level")
    block, bits = call.integer("block_size", 0), call.integer("expert_weight_bits", 4)

    def layer(number: int, expert: int) -> Layer | None:
        place = 3 * number - 1
        weights, scales, zeros = (call.optional(i) for i in (place, place + 1, 10 + number))
        own = call.integer(f"fc{number}_expert_weight_bits", bits)
        if weights is None or scales is None:
            return None
        zero = None if zeros is None else _taken(zeros, expert)
        real = _real(_taken(weights, expert), _taken(scales, expert), zero, own, block)
        return real, _bias(call.optional(place + 2), expert)

    return _mixed(call, layer, call.optional(14))


def _experts(weights: Output) -> int:
    count = (static_dims(weights) or [None])[0]
    if count is None:
        raise ModelError(f"the number of experts is not known: weights of {weights.partial_shape}")
    return count


def _taken(value: Output, expert: int) -> Output:
    """What belongs to an expert; of a constant, a constant."""
    found = known(value)
    if found is not None:
        return of_type(found[expert], value.element_type)
    return one(ops.gather(value, ints(expert), ints(0)))


def _bias(value: Output | None, expert: int) -> Output | None:
    return None if value is None else _taken(value, expert)


def _real(weights: Output, scales: Output, zeros: Output | None, bits: int, block: int) -> Output:
    """Weights [out, in] of codes [out, bytes], with a scale and a zero point for each row or block of a row."""
    rows, size = static_dims(weights) or [None, None]
    if rows is None or size is None:
        raise ModelError(f"expected a known shape for weights of {bits} bits, got {weights.partial_shape}")
    columns = size * 8 // bits
    block = block if block > 0 else columns
    blocks = columns // block
    codes = unpacked(weights, bits, (rows, blocks, block), columns)
    scales = reshaped(scales, [rows, blocks, 1])
    if zeros is None:
        zero = typed(1 << (bits - 1), scales)
    else:
        run = blocks if len(static_dims(zeros) or []) > 1 else rows
        zero = converted(unpacked(zeros, bits, (rows, blocks, 1), run), scales.element_type)
    real = ops.multiply(ops.subtract(converted(codes, scales.element_type), zero), scales)
    return one(ops.reshape(real, ints([rows, columns]), False))


def _routed(call: Call, experts: int, weights: Output | None) -> Output:
    """How much each expert counts for each token [tokens, experts]: 0 but for the `k` with the best scores, of equal
    ones the last, as in onnxruntime.

    weights: what the chosen ones count instead of the softmax of their scores.
    """
    call.expect("use_sparse_mixer", 0)
    scores, count, even = call.input(1), call.integer("k", 1), call.flag("normalize_routing_weights")
    backwards = ops.gather(scores, ints(range(experts)[::-1]), ints(1))
    best = ops.topk(backwards, ints(count), -1, "max", "value", "i64", True)
    chosen = one(ops.subtract(ints(experts - 1), best.output(1)))
    if weights is None:
        shares = one(
            ops.softmax(best.output(0), -1) if even else ops.gather_elements(ops.softmax(scores, -1), chosen, -1)
        )
    else:
        shares = one(ops.gather_elements(weights, chosen, -1))
        if even:
            shares = one(ops.divide(shares, ops.reduce_sum(shares, ints([-1]), True)))
    nothing = one(ops.multiply(scores, typed(0, scores)))
    return one(ops.scatter_elements_update(nothing, chosen, shares, ints(-1)))


def _mixed(call: Call, layer: Callable[[int, int], Layer | None], weights: Output | None) -> Translated:
    """The sum of what the experts make of the tokens, each times its share. weights: as in `_routed`."""
    data, count = call.input(0), _experts(call.input(2))
    shares = _routed(call, count, weights)
    shape = one(ops.shape_of(data, "i64"))
    tokens = one(ops.reshape(data, ops.concat([ints([-1]), dim_of(data, -1)], 0), False))
    form = Shape(
        call.text("activation_type", "relu"),
        call.integer("swiglu_fusion", 0),
        call.decimal("activation_alpha", 1.0),
        call.decimal("activation_beta", 0.0),
        call.decimal("swiglu_limit", float("inf")),
    )
    call.expect("swiglu_limit_after_activation", 0)
    parts = []
    for expert in range(count):
        first, second, third = (layer(number, expert) for number in (1, 2, 3))
        if first is None or second is None:
            raise ModelError("the weights of the first and the second layer are needed")
        inner = _activated(form, _through(tokens, first), None if third is None else _through(tokens, third))
        share = ops.slice(shares, ints([expert]), ints([expert + 1]), ints([1]), ints([1]))
        parts.append(one(ops.multiply(_through(inner, second), share)))
    return ops.reshape(reduce(lambda a, b: one(ops.add(a, b)), parts), shape, False)


def _through(tokens: Output, layer: Layer) -> Output:
    weights, bias = layer
    product = one(ops.matmul(tokens, weights, False, True))
    return product if bias is None else one(ops.add(product, bias))


def _activated(form: Shape, gate: Output, gated: Output | None) -> Output:
    """The activation of a first layer, times a third layer where there is one.

    swiglu: gate * sigmoid(alpha * gate) * (gated + beta), both cut to the limit; without a third layer they are halves
    of the first: its even and odd columns with a fusion of 1.
    """
    if form.activation == "swiglu":
        if form.fusion == 1:
            pairs = ops.reshape(gate, ints([0, -1, 2]), True)
            gate, gated = (one(ops.gather(pairs, ints(i), ints(2))) for i in (0, 1))
        elif form.fusion == 2:
            gate, gated = ops.split(gate, ints(-1), 2).outputs()
        if gated is None:
            raise ModelError("swiglu needs weights of a third layer, or a swiglu_fusion")
        if form.limit != float("inf"):
            gate = one(ops.minimum(gate, typed(form.limit, gate)))
            gated = one(ops.clamp(gated, -form.limit, form.limit))
        return one(ops.multiply(ops.swish(gate, typed(form.alpha, gate)), ops.add(gated, typed(form.beta, gated))))
    made = {
        "relu": lambda: one(ops.relu(gate)), "gelu": lambda: one(ops.gelu(gate, "tanh")),
        "silu": lambda: one(ops.swish(gate)), "identity": lambda: gate,
    }.get(form.activation)  # fmt: skip
    if made is None:
        raise ModelError(
            f"expected activation_type to be relu, gelu, silu, swiglu or identity, got {form.activation!r}"
        )
    return made() if gated is None else one(ops.multiply(made(), gated))


OPERATORS: dict[str, Translation] = {"MoE": moe, "QMoE": qmoe}
