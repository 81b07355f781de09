"""Rotary position embedding: pairs of elements turned by angles of their position."""

from __future__ import annotations

from ....errors import ModelError
from ....graph import Output
from ..build import dim_of, ints, one, ops, rank, scalar, static_dims, transposed
from ..call import Call, Translated, Translation


def rotary_embedding(call: Call) -> Translated:
    """That of com.microsoft. Inputs: x [batch, length, heads * size] or [batch, heads, length, size]; positions [batch,
    length], or [1]: that of the first element of each row; cosines and sines [positions, turned / 2]."""
    data, places, cosines, sines = (call.input(i) for i in range(4))
    call.expect("is_packed_batching", 0)
    call.without_effect("scale")  # as in onnxruntime, which reads it and does not use it
    heads, width = call.integer("num_heads", 0), call.integer("rotary_embedding_dim", 0)
    interleaved = call.flag("interleaved")
    if rank(data) == 4:
        return turned(data, positions(places, data), cosines, sines, interleaved)
    if width and not heads:
        raise ModelError("rotary_embedding_dim needs num_heads")
    size = -1 if heads else 2 * half_of(cosines)
    parts = split_heads(data, heads if heads else -1, size)
    found = turned(parts, positions(places, parts), cosines, sines, interleaved)
    return join_heads(found)


def rotary_embedding_onnx(call: Call) -> Translated:
    """Inputs: x [batch, length, heads * size] or [batch, heads, length, size]; cosines and sines [positions, turned /
    2], and positions [batch, length]; or cosines and sines [batch, length, turned / 2] of x's own positions."""
    data, cosines, sines, places = call.input(0), call.input(1), call.input(2), call.optional(3)
    heads, width = call.integer("num_heads", 0), call.integer("rotary_embedding_dim", 0)
    pairs = (static_dims(cosines) or [None])[-1]
    if width and pairs is not None and pairs * 2 != width:
        raise ModelError(f"expected cosines of {width // 2} pairs, as rotary_embedding_dim has it, got {pairs}")
    flat = rank(data) == 3
    if flat and not heads:
        raise ModelError("an input of rank 3 needs num_heads")
    parts = split_heads(data, heads) if flat else data
    size = (static_dims(parts) or [None])[-1]
    if not width and size is not None and pairs is not None and pairs * 2 != size:
        raise ModelError(
            f"expected cosines of {size // 2} pairs for heads of size {size}, got {pairs}; "
            "give rotary_embedding_dim to turn a part of them"
        )
    if places is not None:
        cosines, sines = (one(ops.gather(table, places, ints(0))) for table in (cosines, sines))
    half = width // 2 if width and width != size else None
    found = _turned(parts, cosines, sines, call.flag("interleaved"), half)
    return join_heads(found) if flat else found


def half_of(cosines: Output) -> int:
    """How many pairs a table [positions, pairs] turns."""
    found = (static_dims(cosines) or [None])[-1]
    if found is None:
        raise ModelError(f"the width of the table of cosines is not known: {cosines.partial_shape}")
    return found


def split_heads(value: Output, heads: int, size: int = -1) -> Output:
    """[batch, length, heads * size] -> [batch, heads, length, size]; one of heads and size is -1."""
    return transposed(one(ops.reshape(value, ints([0, 0, heads, size]), True)), [0, 2, 1, 3])


def join_heads(value: Output) -> Output:
    """[batch, heads, length, size] -> [batch, length, heads * size]."""
    return one(ops.reshape(transposed(value, [0, 2, 1, 3]), ints([0, 0, -1]), True))


def positions(places: Output, data: Output) -> Output:
    """Positions [batch, length], or [1, length], of data [batch, heads, length, size]."""
    if rank(places) == 2:
        return places
    steps = ops.range(ints(0), scalar(dim_of(data, 2)), ints(1), "i64")
    return one(ops.unsqueeze(ops.add(ops.convert(places, "i64"), steps), ints([0])))


def turned(data: Output, places: Output, cosines: Output, sines: Output, interleaved: bool) -> Output:
    """The first elements of data [batch, heads, length, size] turned as tables say for places, see `_turned`."""
    half = half_of(cosines)
    whole = (static_dims(data) or [None])[-1] == 2 * half
    cosines, sines = (one(ops.gather(table, places, ints(0))) for table in (cosines, sines))
    return _turned(data, cosines, sines, interleaved, None if whole else half)


def _turned(data: Output, cosines: Output, sines: Output, interleaved: bool, half: int | None) -> Output:
    """The first 2 * half elements of data [batch, heads, length, size] turned, or all (None); others as they are.

    cosines, sines: [batch, length, pairs].
    (x, y) -> (x * cos - y * sin, y * cos + x * sin) of the elements (i, i + half), interleaved (2 * i, 2 * i + 1).
    """
    cosine, sine = (one(ops.unsqueeze(table, ints([1]))) for table in (cosines, sines))
    head, rest = data, None
    if half is not None:
        head, rest = (_cut(data, *ends) for ends in ((0, 2 * half), (2 * half, None)))
    if interleaved:
        pairs = ops.reshape(head, ints([0, 0, 0, -1, 2]), True)
        x, y = (one(ops.gather(pairs, ints(i), ints(4))) for i in (0, 1))
    else:
        x, y = ops.split(head, ints(3), 2).outputs()
    low = one(ops.subtract(ops.multiply(x, cosine), ops.multiply(y, sine)))
    high = one(ops.add(ops.multiply(y, cosine), ops.multiply(x, sine)))
    if interleaved:
        stacked = ops.concat([one(ops.unsqueeze(part, ints([4]))) for part in (low, high)], 4)
        found = one(ops.reshape(stacked, ints([0, 0, 0, -1]), True))
    else:
        found = one(ops.concat([low, high], 3))
    return found if rest is None else one(ops.concat([found, rest], 3))


def _cut(value: Output, start: int, end: int | None) -> Output:
    """Elements of the last of four axes."""
    stop = ints([2**63 - 1 if end is None else end])
    return one(ops.slice(value, ints([start]), stop, ints([1]), ints([3])))


OPERATORS: dict[str, Translation] = {"RotaryEmbedding": rotary_embedding}
