"""Attention of ONNX's own domain: of queries, keys and values as [batch, heads, length, size].

Scores are [batch, heads, queries, keys]. A group of heads of queries may share a head of keys and values.
"""

from __future__ import annotations

import numpy as np

from ....errors import ModelError
from ....graph import Output
from ....types import Type
from ..build import converted, dim_of, ints, of_type, one, ops, rank, scalar, static_dims, typed
from ..call import Call, Translated, Translation, known
from ..tensors import element_type
from .attention import numbers, soft_capped
from .rotary import join_heads, rotary_embedding_onnx, split_heads


def attention(call: Call) -> Translated:
    """Inputs: query, key, value, a mask of booleans or of numbers to add, keys and values of before, and how many keys
    of each batch count. Outputs: the result, all keys, all values, and scores. Version 23 and later.
    """
    flat = rank(call.input(0)) == 3
    heads, shared = call.integer("q_num_heads", 0), call.integer("kv_num_heads", 0)
    query, key, value = (
        split_heads(call.input(i), _given(heads if i == 0 else shared)) if flat else call.input(i) for i in range(3)
    )
    past_key, past_value = call.optional(4), call.optional(5)
    if (past_key is None) != (past_value is None):
        raise ModelError("keys and values of before go together")
    if past_key is not None and past_value is not None:
        key, value = one(ops.concat([past_key, key], 2)), one(ops.concat([past_value, value], 2))
    in_groups = _in_groups(query, key)
    whole = _as_one(call, query, key, value, in_groups)
    if whole is not None:
        return [join_heads(whole) if flat else whole, key, value, None]
    raw = _shared(one(ops.multiply(query, _scale(call, query))), key, in_groups, transpose=True)
    cap = call.decimal("softcap", 0.0)
    capped = soft_capped(raw, cap) if cap else raw
    bias = _bias(call, query, key)
    biased = capped if bias is None else one(ops.add(capped, bias))
    weights = _softmax(call, biased, bias)
    found = _shared(weights, value, in_groups, transpose=False)
    mode = call.integer("qk_matmul_output_mode", 0)
    if mode not in range(4):
        raise ModelError(f"qk_matmul_output_mode is {mode}; expected 0 to 3")
    return [join_heads(found) if flat else found, key, value, (raw, capped, biased, weights)[mode]]


def _as_one(call: Call, query: Output, key: Output, value: Output, in_groups: bool) -> Output | None:
    """The result of ScaledDotProductAttention; None where scores are an output, capped or computed in another type, or
    where groups of heads have masks of their own."""
    number = call.integer("softmax_precision", 0)
    narrow = number and element_type(number, "softmax_precision") is not Type.f32
    if call.wants(3) or call.decimal("softcap", 0.0) or call.integer("qk_matmul_output_mode", 0) or narrow:
        return None
    others = [call.optional(3), call.optional(4), call.optional(6)]
    windows = [call.integer(f"{side}_window_size", -1) for side in ("left", "right")]
    causal = call.flag("is_causal") and others == [None] * 3 and windows == [-1, -1]
    mask = None if causal else _mask(call, query, key)
    scale = _scale(call, query)
    if not in_groups:
        return one(ops.scaled_dot_product_attention(query, key, value, mask, scale, causal))
    if mask is not None and rank(mask) > 2:
        if rank(mask) != 4 or (static_dims(mask) or [None] * 4)[1] != 1:
            return None
        mask = one(ops.unsqueeze(mask, ints([2])))
    keys, values = (ops.unsqueeze(part, ints([2])) for part in (key, value))
    found = ops.scaled_dot_product_attention(_parted(query, key), keys, values, mask, scale, causal)
    return _united(one(found), query)


def _given(heads: int) -> int:
    if heads < 1:
        raise ModelError("inputs of rank 3 need q_num_heads and kv_num_heads")
    return heads


def _scale(call: Call, query: Output) -> Output:
    """What scores are multiplied by: 1 / sqrt(size) unless the model says otherwise."""
    scale = call.decimal("scale", None)
    if scale is not None:
        return typed(scale, query)
    size = (static_dims(query) or [None])[-1]
    if size is not None:
        return typed(size**-0.5, query)
    return one(ops.divide(typed(1, query), ops.sqrt(converted(scalar(dim_of(query, 3)), query.element_type))))


def _in_groups(query: Output, key: Output) -> bool:
    """Return whether several heads of queries may share one of keys."""
    heads, shared = ((static_dims(value) or [None] * 4)[1] for value in (query, key))
    if heads is not None and shared is not None and (heads % shared if shared else heads):
        raise ModelError(f"{heads} heads of queries can't share {shared} heads of keys")
    return heads is None or heads != shared


def _shared(left: Output, right: Output, in_groups: bool, *, transpose: bool) -> Output:
    """left @ right, or left @ right^T, of matrices [batch, heads, ...]; right has a head for each group of left's."""
    if not in_groups:
        return one(ops.matmul(left, right, False, transpose))
    found = ops.matmul(_parted(left, right), ops.unsqueeze(right, ints([2])), False, transpose)
    return _united(one(found), left)


def _parted(value: Output, shared: Output) -> Output:
    """[batch, heads, ...] -> [batch, groups, heads of a group, ...], a group for each head of `shared`."""
    parts = [_dims(value, 0, 1), dim_of(shared, 1), ints([-1]), _dims(value, 2, 4)]
    return one(ops.reshape(value, ops.concat(parts, 0), False))


def _united(parted: Output, value: Output) -> Output:
    """[batch, groups, heads of a group, length, size] -> [batch, heads, length, size] with the heads of `value`."""
    return one(ops.reshape(parted, ops.concat([_dims(value, 0, 3), dim_of(parted, 4)], 0), False))


def _dims(value: Output, start: int, end: int) -> Output:
    return one(ops.slice(ops.shape_of(value, "i64"), ints([start]), ints([end]), ints([1])))


def _mask(call: Call, query: Output, key: Output) -> Output | None:
    """Numbers that are added to scores, or booleans that say which keys a query sees; None where it sees all."""
    mask, visible = call.optional(3), _visible(call, query, key)
    if mask is not None:
        mask = _as_wide(mask, key)
        if mask.element_type is Type.boolean:
            visible, mask = mask if visible is None else one(ops.logical_and(mask, visible)), None
    if visible is None or mask is None:
        return mask if visible is None else visible
    return one(ops.select(visible, mask, typed(-np.inf, query)))


def _bias(call: Call, query: Output, key: Output) -> Output | None:
    """What is added to scores: the mask's numbers, -inf for keys that a query doesn't see; None where it sees all."""
    mask = _mask(call, query, key)
    if mask is None or mask.element_type is not Type.boolean:
        return mask
    return one(ops.select(mask, typed(0, query), typed(-np.inf, query)))


def _as_wide(mask: Output, key: Output) -> Output:
    """A mask with an element for each key; keys behind its own don't count."""
    dims, keys = static_dims(mask), static_dims(key)
    if dims and keys and dims[-1] is not None and dims[-1] == keys[2]:
        return mask
    none = ints([0] * rank(mask))
    lack = ops.subtract(dim_of(key, 2), dim_of(mask, -1))
    behind = ops.concat([ints([0] * (rank(mask) - 1)), one(lack)], 0)
    away = of_type(False, Type.boolean) if mask.element_type is Type.boolean else typed(-np.inf, mask)
    return one(ops.pad(mask, none, behind, "constant", away))


def _visible(call: Call, query: Output, key: Output) -> Output | None:
    """Booleans [queries, keys], or [batch, 1, queries, keys]: which keys a query sees; None where it sees all.

    Queries stand behind the keys of before, or at the end of those that count.
    """
    left, right = call.integer("left_window_size", -1), call.integer("right_window_size", -1)
    counted, past = call.optional(6), call.optional(4)
    place = numbers(scalar(dim_of(key, 2)))
    own = one(ops.unsqueeze(numbers(scalar(dim_of(query, 2))), ints([1])))
    found: list[Output] = []
    if counted is not None:
        counted = one(ops.reshape(converted(counted, Type.i64), ints([-1, 1, 1, 1]), False))
        found.append(one(ops.less(place, counted)))
        own = one(ops.add(own, ops.subtract(counted, dim_of(query, 2))))
    elif past is not None:
        own = one(ops.add(own, dim_of(past, 2)))
    if call.flag("is_causal"):
        found.append(one(ops.less_equal(place, own)))
    if left >= 0:
        found.append(one(ops.greater_equal(place, ops.subtract(own, ints(left)))))
    if right >= 0:
        found.append(one(ops.less_equal(place, ops.add(own, ints(right)))))
    for i in range(1, len(found)):
        found[0] = one(ops.logical_and(found[0], found[i]))
    return found[0] if found else None


def _softmax(call: Call, scores: Output, bias: Output | None) -> Output:
    """The softmax over keys; zeros for a query that sees none."""
    number = call.integer("softmax_precision", 0)
    wide = converted(scores, element_type(number, "softmax_precision")) if number else scores
    weights = converted(one(ops.softmax(wide, -1)), scores.element_type)
    if bias is None:
        return weights
    seen = one(ops.greater(ops.reduce_max(bias, ints([-1]), True), typed(-np.inf, bias)))
    if (array := known(seen)) is not None and array.all():
        return weights
    return one(ops.select(seen, weights, typed(0, weights)))


OPERATORS: dict[str, Translation] = {"Attention": attention, "RotaryEmbedding": rotary_embedding_onnx}
