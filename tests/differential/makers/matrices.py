"""Matrix products, attention and what else is linear algebra."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Error, Made
from ..draw import Draw
from .base import node, sums, table


def matmul(d: Draw) -> Made:
    m, n, k = d.size(), d.size(), d.pick(1, 2, 3, 8, 17, 33)
    lead = d.dims(0, 2)
    if d.fed is not None and d.fed.ndim >= 2:
        data = d.data()
        other = d.like(data, (data.shape[-1], n), (-2, 2))
        return node(d, [data, other], steering=(1,), error=sums(8 + data.shape[-1], data, other))
    dtype = d.dtype()
    left = d.tensor((*d.broadcast(lead), m, k) if d.chance(0.85) else (k,), dtype, (-3, 3))
    right = d.tensor((*lead, k, n) if d.chance(0.85) else (k,), dtype, (-3, 3))
    return node(d, [left, right], steering=(1,), error=sums(8 + k, left, right))


def gemm(d: Draw) -> Made:
    m, n, k = d.size(), d.size(), d.pick(1, 2, 3, 8, 17, 33)
    dtype, flip = d.dtype(), [d.pick(None, 0, 1), d.pick(None, 0, 1)]
    left = d.tensor((k, m) if flip[0] else (m, k), dtype, (-3, 3))
    right = d.tensor((n, k) if flip[1] else (k, n), dtype, (-3, 3))
    addend = d.tensor(d.broadcast((m, n)), dtype, (-3, 3))
    if d.since >= 11:
        addend = d.maybe(addend, 0.7)
    numbers = [None, 0.5, 2.0] if left.dtype.kind == "f" else [None, 1.0]
    return node(d, [left, right, addend], transA=flip[0], transB=flip[1], alpha=d.pick(*numbers), beta=d.pick(*numbers),
                steering=(1, 2), error=sums(16 + k, left, right))  # fmt: skip


EQUATIONS = [
    "ij,jk->ik", "bij,bjk->bik", "ij->ji", "ij->i", "ij->", "ii->i", "i,j->ij", "ij,ij->ij", "bhid,bhjd->bhij",
    "...ij,...jk->...ik", "ij, jk", "bi,io->bo", "ijk,jil->kl", "i,i->", "bn,anm,bm->ba", "ii->", "b...i->b...",
]  # fmt: skip


def einsum(d: Draw) -> Made:
    equation = d.pick(*EQUATIONS)
    sizes = {letter: d.integer(1, 6) for letter in "abdhijklmno"}
    lead, dtype = d.integers(1, 3, 2), d.dtype("T", ("float", "double", "int32", "int64"))
    operands = []
    for term in equation.split("->")[0].replace(" ", "").split(","):
        dims: list[int] = []
        for part in term.replace("...", "."):
            dims.extend(lead if part == "." else [sizes[part]])
        operands.append(d.tensor(dims, dtype, (-2, 2)))
    return node(d, operands, equation=equation, error=sums(300, *operands))


def det(d: Draw) -> Made:
    n = d.integer(1, 4)
    data = d.tensor((*d.dims(0, 2, 0), n, n), d.dtype("T", ("float", "double")), (-2, 2))
    return node(d, [data], error=Error(64, 64, 2.0**n * 24))


def attention(d: Draw) -> Made:
    """From version 23: heads in an axis of their own, or side by side."""
    batch, heads, per, size, wide = d.integer(1, 2), d.integer(1, 3), d.integer(1, 2), d.pick(2, 4, 8), d.pick(2, 4, 5)
    new, old = d.integer(1, 5), d.integer(1, 4)
    keys = new if d.chance(0.5) else d.integer(1, 6)
    dtype = d.dtype("T1", ("float", "double"))
    past = d.chance(0.3)
    causal = d.pick(None, 0, 1)
    keys = new if past and causal else keys  # with others it is not specified where the diagonal lies

    def heads_of(count: int, length: int, width: int) -> Any:
        return d.tensor((batch, count, length, width), dtype, (-2, 2))

    q, k, v = heads_of(heads * per, new, size), heads_of(heads, keys, size), heads_of(heads, keys, wide)
    total = keys + (old if past else 0)
    mask = d.pick(None, d.tensor((new, total), dtype, (-2, 2)), d.tensor((batch, 1, new, total), dtype, (-2, 2)),
                  d.rng.random((new, total)) < 0.8)  # fmt: skip
    if mask is not None and mask.dtype == np.bool_:
        mask[:, 0] = True
    pasts = [heads_of(heads, old, size), heads_of(heads, old, wide)] if past else [None, None]
    given: dict[str, Any] = {"is_causal": causal, "scale": d.maybe(0.3, 0.3),
                             "softcap": d.maybe(2.0, 0.2)}  # fmt: skip
    if d.chance(0.4):
        q, k, v = (x.transpose(0, 2, 1, 3).reshape(batch, x.shape[2], -1) for x in (q, k, v))
        given.update(q_num_heads=heads * per, kv_num_heads=heads)
    wanted = [True, past, past, d.chance(0.2)]
    given["qk_matmul_output_mode"] = d.pick(None, 0, 1, 2, 3) if wanted[3] else None
    return node(d, [q, k, v, mask, *pasts], wanted, error=Error(64, 64, 8), **given)


def linear_attention(d: Draw) -> Made:
    batch, heads, size, wide, length = (
        d.integer(1, 2),
        d.integer(1, 2),
        d.integer(1, 4),
        d.integer(1, 4),
        d.integer(1, 5),
    )
    dtype = np.dtype(np.float32)
    rule = d.pick(None, "linear", "gated", "delta", "gated_delta")
    q, k = (d.tensor((batch, length, heads * size), dtype, (-0.5, 0.5)) for _ in range(2))
    v = d.tensor((batch, length, heads * wide), dtype, (-1, 1))
    past = d.maybe(d.tensor((batch, heads, size, wide), dtype, (-1, 1)))
    gated, delta = rule in ("gated", "gated_delta", None), rule in ("delta", "gated_delta", None)
    decay = d.tensor((batch, length, d.pick(heads, heads * size)), dtype, (-1, 0)) if gated else None
    beta = d.tensor((batch, length, d.pick(heads)), dtype, (0, 1)) if delta else None
    return node(d, [q, k, v, past, decay, beta], 2, q_num_heads=heads, kv_num_heads=heads, update_rule=rule,
                scale=d.maybe(0.5), error=Error(128, 128, 4))  # fmt: skip


def rotary_embedding(d: Draw) -> Made:
    batch, heads, length, size = d.integer(1, 2), d.integer(1, 3), d.integer(1, 5), d.pick(4, 6, 8)
    dtype = d.dtype("T", ("float",))
    data = d.tensor((batch, heads, length, size), dtype, (-2, 2))
    part = d.pick(None, None, 4 if size > 4 else None)
    half = (part or size) // 2
    positions = d.rng.integers(0, 9, (batch, length)) if d.chance(0.5) else None
    cache = (9, half) if positions is not None else (batch, length, half)
    cos, sin = d.tensor(cache, dtype, (-1, 1)), d.tensor(cache, dtype, (-1, 1))
    given: dict[str, Any] = {"interleaved": d.pick(None, 0, 1), "rotary_embedding_dim": part}
    if d.chance(0.4):
        data = np.ascontiguousarray(data.transpose(0, 2, 1, 3)).reshape(batch, length, heads * size)
        given["num_heads"] = heads
    return node(d, [data, cos, sin, positions], error=Error(16, 4, 4), **given)


MAKERS = table(
    "", MatMul=matmul, Gemm=gemm, Einsum=einsum, Det=det, Attention=attention, LinearAttention=linear_attention,
    RotaryEmbedding=rotary_embedding,
)  # fmt: skip
