"""GroupQueryAttention of com.microsoft: several heads of queries share a head of keys and values.

Keys and values are kept in caches [batch, heads, places, size]: those of each batch's tokens, in order, from the
front. The last tokens are those of this call.
"""

from __future__ import annotations

from ....errors import ModelError
from ....graph import Node, Output
from ....types import Type
from ..build import converted, dim_of, filled, ints, one, ops, scalar, static_dims, typed
from ..call import Call, Translated, Translation
from .attention import least, numbers, soft_capped
from .normalization import root_mean_square
from .rotary import join_heads, split_heads, turned


def group_query_attention(call: Call) -> Translated:
    """Inputs: query, key, value [batch, length, heads * size] (or all three side by side in the first), caches of keys
    and of values, tokens in each batch after this call less 1, the most of these, cosines and sines, positions, scores
    to add, a sink for each head. Outputs: the result, and the caches with what is new.
    """
    for name in ("kv_cache_bit_width", "sliding_window_cache", "qk_output"):
        call.expect(name, 0)
    for name in ("k_quant_type", "v_quant_type"):
        call.expect(name, "NONE", "caches are of real numbers")
    query, key, value = _heads(call)
    length = dim_of(query, 2)
    tokens = one(ops.add(converted(call.input(5), Type.i64), ints(1)))
    tokens = one(ops.reshape(tokens, ints([-1, 1]), False))
    before = one(ops.maximum(ops.subtract(tokens, length), ints(0)))  # [batch, 1]
    places = one(ops.add(before, numbers(scalar(length))))  # [batch, length]
    if call.flag("do_rotary"):
        cosines, sines, given = call.input(7), call.input(8), call.optional(9)
        interleaved, turns = call.flag("rotary_interleaved"), places if given is None else given
        if given is None:  # queries that pad a batch have no position
            turns = one(ops.minimum(places, ops.subtract(dim_of(cosines, 0), ints(1))))
        query, key = (turned(part, turns, cosines, sines, interleaved) for part in (query, key))
    else:
        call.without_effect(7, 8, 9, "rotary_interleaved")
    whole = one(ops.reshape(converted(call.input(6), Type.i64), ints([1]), False))
    keys, values = (_kept(call.optional(index), new, before, whole) for index, new in ((3, key), (4, value)))
    visible = _visible(call, places, tokens, scalar(dim_of(keys, 2)))
    found = _attended(call, query, keys, values, visible)
    return [join_heads(found), keys, values]


def _heads(call: Call) -> list[Output]:
    """Query, key and value as [batch, heads, length, size], normalised where there are weights for it."""
    query, key, value = call.input(0), call.optional(1), call.optional(2)
    heads, groups = call.integer("num_heads"), call.integer("kv_num_heads")
    if heads % groups:
        raise ModelError(f"{heads} heads can't share {groups} heads of keys")
    parts = [query, key, value]
    if key is None or value is None:
        width = (static_dims(query) or [None])[-1]
        if width is None or width % (heads + 2 * groups):
            raise ModelError(f"expected a known width for query, key and value side by side, got {query.partial_shape}")
        size = width // (heads + 2 * groups)
        parts = list(ops.variadic_split(query, ints(-1), ints([heads * size, groups * size, groups * size])).outputs())
    found = [split_heads(part, n) for part, n in zip(parts, (heads, groups, groups), strict=True) if part is not None]
    both = call.decimal("qk_norm_epsilon", 1e-6)
    for i, name in enumerate(("q_norm_epsilon", "k_norm_epsilon")):
        epsilon, weight = call.decimal(name, both), call.optional(14 + i)
        if weight is not None:
            found[i] = root_mean_square(found[i], weight, ints([-1]), epsilon)
    return found


def _kept(past: Output | None, new: Output, before: Output, whole: Output) -> Output:
    """The cache after this call, max(places of `past`, whole) long. before: tokens of each batch in it, [batch, 1].

    Its places behind the last token hold zeros.
    """
    if past is None:
        past_places, held = ints([0]), new
    else:
        past_places, held = dim_of(past, 2), one(ops.concat([past, new], 2))
    place = numbers(scalar(one(ops.maximum(past_places, whole))))
    behind = ops.subtract(place, before)  # [batch, places]: counted from the first new token
    fresh = ops.greater_equal(behind, ints(0))
    source = ops.select(fresh, ops.add(behind, past_places), place)
    last = ops.subtract(ops.add(past_places, dim_of(new, 2)), ints(1))
    found = ops.gather(held, ops.minimum(source, last), ints(2), 1)
    used = ops.unsqueeze(ops.less(behind, dim_of(new, 2)), ints([1, 3]))
    return one(ops.select(used, found, typed(0, new)))


def _visible(call: Call, places: Output, tokens: Output, length: Output) -> Output:
    """Booleans [batch, 1, queries, keys]: which keys a query at one of `places` sees."""
    window, causal = call.integer("local_window_size", -1), call.flag("causal", True)
    key = numbers(length)
    if not causal:
        if window != -1:
            raise ModelError(f"local_window_size {window} needs causal attention")
        return one(ops.unsqueeze(ops.less(key, tokens), ints([1, 2])))
    query = ops.unsqueeze(places, ints([1, 3]))
    visible: Node = ops.less_equal(key, query)
    if window >= 0:
        visible = ops.logical_and(visible, ops.greater(key, ops.subtract(query, ints(window))))
    return one(visible)


def _attended(call: Call, query: Output, keys: Output, values: Output, visible: Output) -> Output:
    """[batch, heads, queries, size]; each head of keys serves several following heads of queries."""
    groups, heads = call.integer("kv_num_heads"), call.integer("num_heads")
    bias, sink, cap = call.optional(10), call.optional(11), call.decimal("softcap", 0.0)
    smooth, scale = call.flag("smooth_softmax"), call.decimal("scale", 0.0)
    mask = one(ops.select(visible, typed(0, query) if bias is None else bias, least(query)))
    shape = one(ops.shape_of(query, "i64"))
    query = _grouped(query, groups)
    mask = one(ops.unsqueeze(mask, ints([2]))) if bias is None else _grouped_bias(mask, groups)
    keys, values = (one(ops.unsqueeze(part, ints([2]))) for part in (keys, values))
    factor = typed(scale, query) if scale else None
    if sink is None and not smooth and not cap:
        found = one(ops.scaled_dot_product_attention(query, keys, values, mask, factor, False))
        return one(ops.reshape(found, shape, False))
    if factor is None:
        size = converted(scalar(dim_of(query, 4)), query.element_type)
        factor = one(ops.divide(typed(1, query), ops.sqrt(size)))
    scores = one(ops.matmul(ops.multiply(query, factor), keys, False, True))
    if cap:
        scores = soft_capped(scores, cap)
    scores = one(ops.add(scores, mask))
    if sink is None and not smooth:
        weights = one(ops.softmax(scores, -1))
    else:
        weights = _with_sink(scores, filled(0, [heads], scores) if sink is None else sink, groups)
    return one(ops.reshape(ops.matmul(weights, values, False, False), shape, False))


def _grouped(value: Output, groups: int) -> Output:
    """[batch, heads, ...] -> [batch, groups, heads of a group, ...]; the last axis stays as it is."""
    behind = one(ops.slice(ops.shape_of(value, "i64"), ints([2]), ints([4]), ints([1])))
    return one(ops.reshape(value, ops.concat([ints([0, groups, -1]), behind], 0), True))


def _grouped_bias(mask: Output, groups: int) -> Output:
    """The same of a mask that may have one head for all."""
    count = mask.partial_shape[1]
    if not count.is_static:
        raise ModelError(f"the number of heads of the scores to add is not known: {mask.partial_shape}")
    return one(ops.unsqueeze(mask, ints([2]))) if count == 1 else _grouped(mask, groups)


def _with_sink(scores: Output, sink: Output, groups: int) -> Output:
    """The softmax of scores [batch, groups, heads, queries, keys] with one more score, which is then dropped."""
    one_more = ops.reshape(sink, ints([1, groups, -1, 1, 1]), False)
    front = ops.concat([ops.slice(ops.shape_of(scores, "i64"), ints([0]), ints([4]), ints([1])), ints([1])], 0)
    wide = ops.softmax(ops.concat([scores, one(ops.broadcast(one_more, front))], 4), -1)
    return one(ops.slice(wide, ints([0]), ints([-1]), ints([1]), ints([4])))


OPERATORS: dict[str, Translation] = {"GroupQueryAttention": group_query_attention}
