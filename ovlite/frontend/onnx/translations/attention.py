"""Attention of com.microsoft: Attention, MultiHeadAttention and GroupQueryAttention, with keys and values of before.

Queries, keys and values are [batch, heads, length, size] here; a mask is a tensor of numbers added to the scores
[batch, heads, queries, keys].
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ....errors import ModelError
from ....graph import Node, Output
from ....types import Type
from ..build import converted, dim_of, ints, of_type, one, ops, rank, scalar, typed
from ..call import Call, Translated, Translation
from .quantization import centred, row
from .rotary import join_heads, split_heads

MASKED = -10000.0  # what onnxruntime adds to the scores of masked positions unless a model says otherwise


def attention(call: Call) -> Translated:
    """Inputs: x, weights of query, key and value side by side, their bias, a mask, keys and values of before, scores.

    Keys and values of before, and the second output, are [2, batch, heads, length, size].
    """
    projected = one(ops.matmul(call.input(0), call.input(1), False, False))
    if (bias := call.optional(2)) is not None:
        projected = one(ops.add(projected, bias))
    return _of_projected(call, projected, call.optional(3), call.optional(4), call.optional(5))


def decoder_masked_self_attention(call: Call) -> Translated:
    """Attention of one query a batch; the seventh input says how many keys there are before, in a shared buffer."""
    return attention(call)


def q_attention(call: Call) -> Translated:
    """Attention of quantized x and weights. Inputs: both, the bias, scale of x, scale of the weights (one, or one a
    column), mask, zero points of x and of the weights, keys and values of before."""
    data, weights = centred(call.input(0), call.optional(6)), centred(call.input(1), call.optional(7))
    product = ops.matmul(data, weights, False, False)
    scale = ops.multiply(scalar(call.input(3)), row(call.input(4)))
    projected = ops.add(ops.multiply(product, scale), call.input(2))
    return _of_projected(call, one(projected), call.optional(5), call.optional(8), None)


def _of_projected(
    call: Call, projected: Output, marks: Output | None, past: Output | None, scores: Output | None
) -> Translated:
    """Attention of queries, keys and values that lie side by side."""
    call.expect("do_rotary", 0, "export the model with RotaryEmbedding and MultiHeadAttention")
    call.without_effect("rotary_embedding_dim")
    query, key, value = (split_heads(part, call.integer("num_heads")) for part in query_key_value(call, projected))
    halves = (None, None) if past is None else tuple(_along(past, 0, 2))
    cache = _Cache.of(call, 6)
    keys, values = cache.grown(halves[0], key), cache.grown(halves[1], value)
    found = _attended(call, query, cache.used(keys, key), cache.used(values, value), marks, scores, halves[0])
    if not call.wants(1):
        return found
    return [found, one(ops.concat([one(ops.unsqueeze(part, ints([0]))) for part in (keys, values)], 0))]


class _Cache(NamedTuple):
    """Keys or values [batch, heads, places, size] of before, and how they grow.

    length: how many places are taken of a buffer that past and present share, [1]; None where all are, and new ones
    come behind.
    """

    length: Output | None

    @classmethod
    def of(cls, call: Call, place: int) -> _Cache:
        """place: the input that says the length."""
        if call.flag("past_present_share_buffer"):
            return cls(one(ops.reshape(converted(call.input(place), Type.i64), ints([1]), False)))
        call.without_effect(place)
        return cls(None)

    def grown(self, past: Output | None, new: Output) -> Output:
        if past is None:
            if self.length is not None:
                raise ModelError("past_present_share_buffer is 1, but there are no keys and values of before")
            return new
        if self.length is None:
            return one(ops.concat([past, new], 2))
        places = ops.add(numbers(scalar(dim_of(new, 2))), self.length)
        return one(ops.scatter_update(past, places, new, ints(2)))

    def used(self, grown: Output, new: Output) -> Output:
        """Those that there are now."""
        if self.length is None:
            return grown
        end = ops.add(self.length, dim_of(new, 2))
        return one(ops.slice(grown, ints([0]), end, ints([1]), ints([2])))


def query_key_value(call: Call, projected: Output) -> list[Output]:
    """The three parts of the last axis."""
    sizes = call.integers("qkv_hidden_sizes", [])
    if sizes:
        return list(ops.variadic_split(projected, ints(-1), ints(sizes)).outputs())
    return list(ops.split(projected, ints(-1), 3).outputs())


def decoder_masked_multi_head_attention(call: Call) -> Translated:
    """MultiHeadAttention of one query a batch.

    Inputs: query, key, value [batch, 1, heads * size], or all three side by side in the first, or keys and values of
    another sequence, of rank 4; a mask, scores to add, keys and values of before, their number, and behind two that
    beams need a bias of all three.
    """
    call.expect("output_qk", 0)
    query, key, value, bias = call.input(0), call.optional(1), call.optional(2), call.optional(10)
    parts = query_key_value(call, query) if key is None or value is None else [query, key, value]
    if bias is not None:
        parts = biased(parts, bias)
    query, key, value = (part if rank(part) == 4 else split_heads(part, call.integer("num_heads")) for part in parts)
    marks, scores = call.optional(3), call.optional(4)
    if rank(parts[1]) == 4:
        call.without_effect(5, 6, 7, "past_present_share_buffer")
        return [_attended(call, query, key, value, marks, scores, None), key, value]
    before, cache = call.optional(5), _Cache.of(call, 7)
    keys, values = cache.grown(before, key), cache.grown(call.optional(6), value)
    return [
        _attended(call, query, cache.used(keys, key), cache.used(values, value), marks, scores, before), keys, values
    ]  # fmt: skip


def multi_head_attention(call: Call) -> Translated:
    """Inputs: query, key, value [batch, length, heads * size], bias of all three, a mask, scores to add, keys and
    values of before; the second and third outputs are all keys and values.

    A query of rank 5 holds all three, [batch, length, heads, 3, size]. Keys and values of rank 4 have their heads in
    front already.
    """
    query, key, value, bias = (call.optional(i) for i in range(4))
    heads = call.integer("num_heads")
    if query is None:
        raise ModelError("the query is missing")
    if key is None and rank(query) == 5:
        parts = [one(ops.reshape(part, ints([0, 0, -1]), True)) for part in _along(query, 3, 3)]
    elif key is not None and value is None and rank(key) == 5:
        parts = [query, *(one(ops.reshape(part, ints([0, 0, -1]), True)) for part in _along(key, 3, 2))]
    elif key is not None and value is not None:
        parts = [query, key, value]
    else:
        return None
    if bias is not None:
        parts = biased(parts, bias)
    query, key, value = (part if rank(part) == 4 else split_heads(part, heads) for part in parts)
    before, values = call.optional(6), call.optional(7)
    if before is not None and values is not None:
        key, value = one(ops.concat([before, key], 2)), one(ops.concat([values, value], 2))
    return [_attended(call, query, key, value, call.optional(4), call.optional(5), before), key, value]


def _along(value: Output, axis: int, count: int) -> list[Output]:
    """The tensors that lie along an axis."""
    return [one(ops.gather(value, ints(i), ints(axis))) for i in range(count)]


def biased(parts: list[Output], bias: Output) -> list[Output]:
    """Query, key and value [..., size], each plus its part of a bias; not those of rank 4, whose heads are in front."""
    size = dim_of(parts[0], rank(parts[0]) - 1)  # the query's, and the key's, which are equal
    biases = ops.variadic_split(bias, ints(0), ops.concat([size, size, ints([-1])], 0)).outputs()
    return [part if rank(part) == 4 else one(ops.add(part, own)) for part, own in zip(parts, biases, strict=True)]


def _attended(
    call: Call,
    query: Output,
    key: Output,
    value: Output,
    marks: Output | None,
    scores: Output | None,
    past: Output | None,
) -> Output:
    """softmax(query @ key^T * scale + masks) @ value as [batch, length, heads * size].

    marks: which keys count, in one of the forms of `_key_mask`. scores: numbers to add. past: the first of the keys.
    """
    mask = _key_mask(call, marks, query, key)
    causal = call.flag("unidirectional")
    queries, keys = query.partial_shape[2], key.partial_shape[2]
    plain = mask is None and scores is None and past is None and queries.is_static and queries == keys
    if causal and not plain:
        mask, causal = _causal(query, key, past, mask), False
    added = mask if scores is None else scores if mask is None else one(ops.add(scores, mask))
    return weighted(call, query, key, value, added, causal=causal)


def weighted(
    call: Call, query: Output, key: Output, value: Output, mask: Output | None, *, causal: bool = False
) -> Output:
    """The same with a mask that is added."""
    scale = call.decimal("scale", 0.0)
    factor = typed(scale, query) if scale else None
    return join_heads(one(ops.scaled_dot_product_attention(query, key, value, mask, factor, causal)))


def _key_mask(call: Call, marks: Output | None, query: Output, key: Output) -> Output | None:
    """The mask of marks: 0 and 1 as [batch, keys] or [batch, queries, keys]; or ends [batch] of the keys that count,
    with their starts behind them, [2 * batch]."""
    if marks is None:
        call.without_effect("mask_filter_value")
        return None
    if rank(marks) == 1:
        counted = _between(marks, query, key)
    elif rank(marks) in (2, 3):
        counted = ops.unsqueeze(marks, ints([1, 2] if rank(marks) == 2 else [1]))
    else:
        raise ModelError(f"a mask of rank {rank(marks)} is not supported: use [batch, keys] or [batch, queries, keys]")
    wide = converted(one(counted), Type.f32)
    away = of_type(call.decimal("mask_filter_value", MASKED), Type.f32)
    return converted(one(ops.multiply(ops.subtract(of_type(1, Type.f32), wide), away)), query.element_type)


def _between(ends: Output, query: Output, key: Output) -> Node:
    """Booleans [batch, 1, 1, keys]: key below its batch's end, and not below its start, 0 when there are no starts."""
    count, batch = (value.partial_shape[0] for value in (ends, query))
    if count.is_static and batch.is_static and count not in (batch, 2 * batch.get_length()):
        raise ModelError(f"a mask of rank 1 has 1 or 2 numbers for each of {batch} batches, got {count}")
    size, ends = dim_of(query, 0), converted(ends, Type.i64)
    padded = ops.concat([ends, one(ops.broadcast(ints(0), size))], 0)  # the starts are behind the ends
    first, start = (
        ops.reshape(ops.slice(padded, low, high, ints([1]), ints([0])), ints([-1, 1, 1, 1]), False)
        for low, high in ((ints([0]), size), (size, one(ops.add(size, size))))
    )
    place = numbers(scalar(dim_of(key, 2)))
    return ops.logical_and(ops.less(place, first), ops.greater_equal(place, start))


def numbers(size: Output) -> Output:
    """0, 1, ... size - 1 as i64."""
    return one(ops.range(ints(0), size, ints(1), "i64"))


def _causal(query: Output, key: Output, past: Output | None, mask: Output | None) -> Output:
    """A mask with the least number where a key lies behind its query. past: keys that lie before the first query.

    The last query sees all keys, as in onnxruntime, also where queries and keys are of different sequences.
    """
    count, length = (scalar(dim_of(value, 2)) for value in (query, key))
    own = numbers(count)
    last = ops.equal(own, ops.subtract(count, ints(1)))
    before = own if past is None else ops.add(own, scalar(dim_of(past, 2)))
    seen = ops.unsqueeze(ops.select(last, length, before), ints([1]))
    visible = ops.less_equal(ops.unsqueeze(numbers(length), ints([0])), seen)
    return one(ops.select(visible, typed(0, query) if mask is None else mask, least(query)))


def soft_capped(scores: Output, cap: float) -> Output:
    """cap * tanh(scores / cap)."""
    return one(ops.multiply(ops.tanh(ops.divide(scores, typed(cap, scores))), typed(cap, scores)))


def least(value: Output) -> Output:
    """The least number of a tensor's type."""
    kind = value.element_type
    return typed(np.finfo(kind.to_dtype() if kind.real else np.float32).min, value)


OPERATORS: dict[str, Translation] = {
    "Attention": attention,
    "DecoderMaskedMultiHeadAttention": decoder_masked_multi_head_attention,
    "DecoderMaskedSelfAttention": decoder_masked_self_attention,
    "MultiHeadAttention": multi_head_attention,
    "QAttention": q_attention,
}
