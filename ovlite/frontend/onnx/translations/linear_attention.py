"""Attention that keeps a state instead of all keys, and the convolution before it (com.microsoft): LinearAttention and
CausalConvWithState.

B batch, T time, H heads of keys, K size of a key, V size of a value.
"""

from __future__ import annotations

from ....errors import ModelError
from ....graph import Model, Node, Output, Parameter, Result
from ....ops.bodies import (
    BodyOutputDescription,
    ConcatOutputDescription,
    InputDescription,
    MergedInputDescription,
    SliceInputDescription,
)
from ....ops.control import TensorIterator
from ....types import PartialShape
from ..build import (
    channels_first,
    channels_last,
    converted,
    dim_of,
    ints,
    one,
    ops,
    per_channel,
    rank,
    static_dims,
    typed,
)
from ..call import Call, Translated, Translation

RULES = ("linear", "gated", "delta", "gated_delta")


def causal_conv_with_state(call: Call) -> Translated:
    """A convolution of each channel with its own filter [channels, 1, taps], of what was before a time alone.

    Inputs: [batch, channels, time], filters, a bias, the last elements of before, which the second output gives of now.
    """
    for name in ("state_update_capacity", "state_window", "state_length", "input_channel_offset", "input_channels"):
        call.expect(name, 0)
    call.expect("state_channels_last", -1)
    call.expect("ndim", 1)
    filters, dilation = call.input(1), call.integer("dilation", 1)
    data, past, last = call.input(0), call.optional(3), call.flag("channels_last")
    if last:
        for value in (data, past):
            if value is not None and rank(value) != 3:
                raise ModelError(f"expected [batch, time, channels] with channels_last, got {value.partial_shape}")
        data, past = channels_first(data), None if past is None else channels_first(past)
    dims = static_dims(filters) or [None]
    channels, taps = dims[0], dims[-1]
    if taps is None or channels is None:
        raise ModelError(f"the filters are of shape {filters.partial_shape}; it must be known")
    reach = (taps - 1) * dilation
    if past is None:
        whole = one(ops.pad(data, ints([0, 0, reach]), ints([0, 0, 0]), "constant", typed(0, data)))
    else:
        whole = one(ops.concat([past, data], 2))
    grouped = ops.reshape(filters, ints([channels, 1, 1, taps]), False)
    found = one(ops.group_convolution(whole, grouped, [1], [0], [0], [dilation]))
    if (bias := call.optional(2)) is not None:
        found = one(ops.add(found, per_channel(bias, found)))
    if call.one_of("activation", ("silu", "swish", "none"), "none") != "none":
        found = one(ops.swish(found))
    end = dim_of(whole, 2)
    state = one(ops.slice(whole, ops.subtract(end, ints([reach])), end, ints([1]), ints([2])))
    return [channels_last(value) if last else value for value in (found, state)]


def linear_attention(call: Call) -> Translated:
    """Inputs: queries, keys, values [B, T, heads * size], a state [B, H, K, V], decays [B, T, H] or [B, T, H * K],
    rates [B, T, H] or [B, T, 1]. Outputs: [B, T, heads * V], and the state after the last time."""
    call.expect("state_window", 0)
    call.without_effect("chunk_size")
    rule = call.one_of("update_rule", RULES, "gated_delta")
    queries, heads = call.integer("q_num_heads"), call.integer("kv_num_heads")
    if min(queries, heads) < 1 or max(queries, heads) % min(queries, heads):
        raise ModelError(
            "expected q_num_heads and kv_num_heads to be positive, and one a multiple of the other, "
            f"got {queries} and {heads}"
        )
    query, key, value = (_in_heads(call.input(i), count) for i, count in ((0, queries), (1, heads), (2, heads)))
    if scale := call.decimal("scale", 0.0):
        query = one(ops.multiply(query, typed(scale, query)))
    else:
        query = one(ops.divide(query, ops.sqrt(converted(dim_of(query, 3), query.element_type))))
    sliced = [_repeated(query, queries, max(1, heads // queries)), key, value]
    if "gated" in rule:
        sliced.append(_decay(call.input(4), heads))
    if "delta" in rule:
        sliced.append(one(ops.unsqueeze(call.input(5), ints([3]))))
    state = call.optional(3)
    if state is None:
        outer = ops.concat([dim_of(key, 0), ints([heads]), dim_of(key, 3), dim_of(value, 3)], 0)
        state = one(ops.broadcast(typed(0, key), outer))
    loop = _loop(sliced, state, rule, max(1, queries // heads))
    return [one(ops.reshape(loop.output(0), ints([0, 0, -1]), True)), loop.output(1)]


def _in_heads(value: Output, heads: int) -> Output:
    """[B, T, heads, size]."""
    return one(ops.reshape(value, ints([0, 0, heads, -1]), True))


def _repeated(query: Output, heads: int, times: int) -> Output:
    """Each of the heads several times in a row."""
    if times == 1:
        return query
    return one(ops.gather(query, ints([i // times for i in range(heads * times)]), ints(2)))


def _decay(value: Output, heads: int) -> Output:
    """exp of decays [B, T, H, K], or [B, T, H, 1] of one a head."""
    return one(ops.exp(_in_heads(value, heads)))


def _loop(sliced: list[Output], state: Output, rule: str, share: int) -> Node:
    """The results [B, T, heads, V] and the last state. share: how many heads of queries a head of keys serves."""
    parameters = []
    for source in sliced:
        shape = PartialShape(source.partial_shape)
        shape[1] = 1
        parameters.append(Parameter(source.element_type, shape))
    parameters.append(Parameter(state.element_type, state.partial_shape))
    results = _step([parameter.output(0) for parameter in parameters], rule, share)
    count = len(sliced)
    taken: list[InputDescription] = [SliceInputDescription(i, i, 0, 1, 1, -1, 1) for i in range(count)]
    taken.append(MergedInputDescription(count, count, 1))
    given = (ConcatOutputDescription(0, 0, 0, 1, 1, -1, 1), BodyOutputDescription(1, 1))
    body = Model([Result(result) for result in results], parameters, name="linear_attention")
    return Node(TensorIterator(body, tuple(taken), given), [*sliced, state])


def _step(values: list[Output], rule: str, share: int) -> list[Output]:
    """S' = d * S + r * k (v - d * S^T k)^T, without d where nothing decays and r where there is no rate; and S'^T q."""
    *times, state = values
    given = iter([one(ops.squeeze(value, ints([1]))) for value in times])  # [B, heads, size]
    query, key, value = (next(given) for _ in range(3))
    if "gated" in rule:
        state = one(ops.multiply(state, ops.unsqueeze(next(given), ints([3]))))
    column = one(ops.unsqueeze(key, ints([3])))
    row = one(ops.unsqueeze(value, ints([2])))
    if "delta" in rule:
        rate = one(ops.unsqueeze(next(given), ints([3])))
        row = one(ops.multiply(rate, ops.subtract(row, ops.matmul(column, state, True, False))))
    after = one(ops.add(state, ops.multiply(column, row)))
    grouped = ops.reshape(query, ops.concat([ints([0, -1, share]), dim_of(query, 2)], 0), True)
    found = ops.matmul(grouped, after, False, False)
    shape = ops.concat([dim_of(query, 0), ints([1, -1]), dim_of(value, 2)], 0)
    return [one(ops.reshape(found, shape, False)), after]


OPERATORS: dict[str, Translation] = {
    "CausalConvWithState": causal_conv_with_state,
    "LinearAttention": linear_attention,
}
