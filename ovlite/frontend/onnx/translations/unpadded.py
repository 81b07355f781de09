"""Operators of com.microsoft on batches of sequences without their padding, and biases of relative positions.

Tokens lie in one tensor [tokens, ...], all sequences behind each other. Offsets [batch, length] are the places that the
tokens have in padded sequences, row by row: first those of all tokens, then those of what pads.
"""

from __future__ import annotations

import numpy as np

from ....errors import ModelError
from ....graph import Output
from ....types import Type
from ..build import converted, counted, dim_of, ints, one, ops, rank, reshaped, scalar, shape_of, static_dims, typed
from ..call import Call, Translated, Translation
from .attention import biased, least, numbers, query_key_value, weighted
from .rotary import split_heads


def remove_padding(call: Call) -> Translated:
    """Inputs: [batch, length, size] and the tokens of each sequence.

    Outputs: the tokens, their offsets, where sequences begin and end [batch + 1], and the length of the longest [1].
    """
    data, counts = call.input(0), converted(call.input(1), Type.i64)
    place = ops.unsqueeze(numbers(scalar(dim_of(data, 1))), ints([0]))
    inside = ops.reshape(ops.less(place, ops.unsqueeze(counts, ints([1]))), ints([-1]), False)
    tokens, padding = (
        one(ops.reshape(ops.non_zero(mask, "i64"), ints([-1]), False)) for mask in (inside, ops.logical_not(inside))
    )
    front = ops.slice(shape_of(data), ints([0]), ints([2]), ints([1]))
    offsets = one(ops.reshape(ops.concat([tokens, padding], 0), front, False))
    ends = one(ops.concat([ints([0]), one(ops.cum_sum(counts, ints(0)))], 0))
    longest = one(ops.reduce_max(counts, ints([0]), True))
    kept = one(ops.gather(_rows(data), tokens, ints(0)))
    return [kept, *(converted(value, Type.i32) for value in (offsets, ends, longest))]


def restore_padding(call: Call) -> Translated:
    return _padded(call.input(0), call.input(1))


def _padded(value: Output, offsets: Output) -> Output:
    """Tokens [tokens, size] as [batch, length, size], 0 where sequences are padded."""
    flat = one(ops.reshape(offsets, ints([-1]), False))
    behind = ops.concat([one(ops.subtract(dim_of(flat, 0), dim_of(value, 0))), ints([0])], 0)
    rows = ops.pad(value, ints([0, 0]), behind, "constant", typed(0, value))
    placed = ops.scatter_update(rows, flat, rows, ints(0))
    return one(ops.reshape(placed, ops.concat([shape_of(offsets), dim_of(value, 1)], 0), False))


def _rows(value: Output) -> Output:
    """[batch, length, size] -> [batch * length, size]."""
    return one(ops.reshape(value, ops.concat([ints([-1]), dim_of(value, 2)], 0), False))


def packed_attention(call: Call) -> Translated:
    """Inputs: tokens [tokens, size], weights of query, key and value side by side, their bias; offsets, where sequences
    begin and end, scores to add."""
    projected = ops.add(ops.matmul(call.input(0), call.input(1), False, False), call.input(2))
    return _attended(call, query_key_value(call, one(projected)), 3)


def packed_multi_head_attention(call: Call) -> Translated:
    """Inputs: query, key, value [tokens, heads * size], or in the first all three, [tokens, heads, 3, size]; a bias of
    them; offsets, where sequences begin and end, scores to add."""
    call.without_effect("mask_filter_value")  # no query sees what pads
    query, key, value, bias = call.input(0), call.optional(1), call.optional(2), call.optional(3)
    if key is None or value is None:
        if rank(query) != 4:
            raise ModelError(f"a query without keys and values holds all three, of rank 4; got {query.partial_shape}")
        taken = [one(ops.gather(query, ints(i), ints(2))) for i in range(3)]
        parts = [one(ops.reshape(part, ints([0, -1]), True)) for part in taken]
    else:
        parts = [query, key, value]
    return _attended(call, parts if bias is None else biased(parts, bias), 4)


def _attended(call: Call, parts: list[Output], place: int) -> Output:
    """Attention of tokens to those of their own sequence; inputs from `place` on: offsets, ends, scores to add."""
    offsets, ends, scores = call.input(place), converted(call.input(place + 1), Type.i64), call.optional(place + 2)
    query, key, value = (split_heads(_padded(part, offsets), call.integer("num_heads")) for part in parts)
    lengths = ops.subtract(
        ops.slice(ends, ints([1]), ints([2**63 - 1]), ints([1])), ops.slice(ends, ints([0]), ints([-1]), ints([1]))
    )
    visible = ops.less(numbers(scalar(dim_of(key, 2))), ops.reshape(lengths, ints([-1, 1, 1, 1]), False))
    mask = one(ops.select(visible, typed(0, query) if scores is None else scores, least(query)))
    flat = ops.reshape(offsets, ints([-1]), False)
    kept = ops.slice(flat, ints([0]), dim_of(parts[0], 0), ints([1]))
    return one(ops.gather(_rows(weighted(call, query, key, value, mask)), kept, ints(0)))


def relative_position_bias(call: Call) -> Translated:
    """The bias of T5's attention [1, heads, queries, keys]: that of the bucket of the distance from query to key.

    Inputs: a table [buckets, heads], which holds the elements of [heads, buckets], and the numbers of queries and keys.
    """
    dims, both = static_dims(call.input(0)), call.flag("is_bidirectional")
    if dims is None or len(dims) != 2 or dims[0] is None or dims[1] is None:
        raise ModelError(f"the table of biases has shape {call.input(0).partial_shape}; it must be known")
    table = reshaped(call.input(0), [dims[1], dims[0]])
    count = dims[0] // 2 if both else dims[0]
    queries, keys = (numbers(scalar(converted(call.input(i), Type.i64))) for i in (1, 2))
    behind = one(ops.subtract(ops.unsqueeze(queries, ints([1])), ops.unsqueeze(keys, ints([0]))))
    buckets = _buckets(count, call.integer("max_distance"))
    distance = one(ops.abs(behind)) if both else one(ops.maximum(behind, ints(0)))
    found = one(ops.gather(ints(buckets), ops.minimum(distance, ints(len(buckets) - 1)), ints(0)))
    if both:
        found = one(ops.add(found, ops.select(ops.less(behind, ints(0)), ints(count), ints(0))))
    return ops.unsqueeze(ops.gather(table, found, ints(1)), ints([0]))


def _buckets(count: int, furthest: int) -> list[int]:
    """The bucket of each distance from 0 to `furthest`: half of them for one distance each, then by its logarithm.

    In f32, as T5 has it: https://arxiv.org/abs/1910.10683.
    """
    exact = count // 2
    if not 0 < exact < furthest:
        raise ModelError(f"expected max_distance to exceed half of {count} buckets of a direction, got {furthest}")
    distance = counted(furthest + 1)
    whole = np.float32(np.log(furthest / exact))
    ratio = np.log(np.maximum(distance, exact).astype(np.float32) / np.float32(exact)) / whole
    far = exact + (ratio * np.float32(count - exact)).astype(np.int64)
    return [int(value) for value in np.where(distance < exact, distance, np.minimum(far, count - 1))]


def gated_relative_position_bias(call: Call) -> Translated:
    """A bias of relative positions times a gate of each query: (u * (r * a - 1) + 2) * bias, where u and r are the
    sigmoids of the sums of the halves of query @ weight + bias.

    Inputs: query [batch, length, heads * size] or [tokens, heads * size], its bias, bias of positions [1, heads,
    length, length], weight [size, d], bias [d], a [1, heads, 1, 1], offsets of tokens.
    """
    query, positions, offsets = one(ops.add(call.input(0), call.input(1))), call.input(2), call.optional(6)
    parts = split_heads(query if offsets is None else _padded(query, offsets), call.integer("num_heads"))
    gates = ops.add(ops.matmul(parts, call.input(3), False, False), call.input(4))
    halves = ops.reshape(gates, ints([0, 0, 0, 2, -1]), True)
    both = ops.sigmoid(ops.reduce_sum(halves, ints([4]), False))
    update, reset = ops.split(both, ints(3), 2).outputs()
    inner = ops.subtract(ops.multiply(reset, call.input(5)), typed(1, query))
    return ops.multiply(ops.add(ops.multiply(update, inner), typed(2, query)), positions)


OPERATORS: dict[str, Translation] = {
    "GatedRelativePositionBias": gated_relative_position_bias,
    "PackedAttention": packed_attention,
    "PackedMultiHeadAttention": packed_multi_head_attention,
    "RelativePositionBias": relative_position_bias,
    "RemovePadding": remove_padding,
    "RestorePadding": restore_padding,
}
