"""Attention against its definition in f64."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

from .layouts import view_of

pytestmark = pytest.mark.usefixtures("level")

LENGTHS = [0, 1, 2, 5, 6, 7, 13, 14, 15, 29]  # around the rows of a tile
KEYS = [0, 1, 15, 16, 17, 31, 33, 70]  # and the columns of a panel
SIZES = [1, 4, 15, 16, 17, 32, 33]


def noise(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape, np.float32)


def exact(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    mask: np.ndarray | None = None,
    *,
    scale: float | None = None,
    causal: bool = False,
) -> np.ndarray:
    """The definition; rows that see no key give 0."""
    scale = max(query.shape[-1], 1) ** -0.5 if scale is None else scale
    scores = query.astype(float) @ key.astype(float).swapaxes(-1, -2) * scale
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:]) > 0, scores, -np.inf)
    top = scores.max(-1, keepdims=True, initial=-1e300)
    powers = np.exp(scores - top)
    total = powers.sum(-1, keepdims=True)
    return powers / np.where(total == 0, 1, total) @ value


def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    """Scores of up to 10 are rounded before exp; weighted means of numbers near 1 follow."""
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("queries", LENGTHS)
@pytest.mark.parametrize("keys", KEYS)
def test_lengths_around_tiles_and_panels(queries: int, keys: int) -> None:
    rng = np.random.default_rng([queries, keys])
    for depth, columns in zip(SIZES, np.roll(SIZES, queries), strict=True):
        q, k, v = noise(rng, 2, queries, depth), noise(rng, 2, keys, depth), noise(rng, 2, keys, columns)
        for causal in (False, True):
            assert_close(kernels.attention(q, k, v, causal=causal), exact(q, k, v, causal=causal))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [None, "numbers", "booleans"])
def test_several_blocks_of_keys(causal: bool, masked: str | None) -> None:
    """Of 1024 keys at most, or of fewer where they are long; scores grow, so that earlier sums are scaled down."""
    rng = np.random.default_rng(0)
    for queries, keys, depth, columns in ((3, 1025, 8, 8), (40, 2500, 4, 40), (15, 700, 300, 300)):
        q, v = noise(rng, queries, depth), noise(rng, keys, columns)
        k = noise(rng, keys, depth) * np.linspace(0.1, 2, keys, dtype=np.float32)[:, None]
        mask = {None: None, "numbers": noise(rng, queries, keys), "booleans": rng.integers(0, 2, (keys,)) > 0}[masked]
        assert_close(kernels.attention(q, k, v, mask, causal=causal), exact(q, k, v, mask, causal=causal))


MASKS = [(1,), (9,), (5, 1), (5, 9), (3, 1, 9), (2, 1, 1, 9), (2, 3, 5, 9), (1, 3, 1, 1)]


@pytest.mark.parametrize("shape", MASKS, ids=str)
def test_masks_are_broadcast(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(len(shape))
    q, k, v = noise(rng, 2, 3, 5, 4), noise(rng, 2, 3, 9, 4), noise(rng, 2, 3, 9, 6)
    for mask in (noise(rng, *shape), rng.integers(0, 3, shape) > 0):
        assert_close(kernels.attention(q, k, v, mask), exact(q, k, v, mask))
        spread = np.repeat(mask, 2, -1)[..., ::2]
        assert_close(kernels.attention(q, k, v, spread), exact(q, k, v, mask))


@pytest.mark.parametrize("queries", [1, 20])
@pytest.mark.parametrize("masked", [False, True])
def test_heads_share_keys_and_values(queries: int, masked: bool) -> None:
    """Several to one, also such that only the keys or only the values are shared."""
    rng = np.random.default_rng(queries)
    q, mask = noise(rng, 2, 3, 4, queries, 8), noise(rng, 2, 3, 4, queries, 40) if masked else None
    k, v = noise(rng, 2, 3, 1, 40, 8), noise(rng, 2, 3, 1, 40, 16)
    wide = np.ascontiguousarray(np.broadcast_to(v, (2, 3, 4, 40, 16))) * np.arange(4, dtype=np.float32)[:, None, None]
    assert_close(kernels.attention(q, k, v, mask), exact(q, k, v, mask))
    assert_close(kernels.attention(q, k, wide, mask), exact(q, k, wide, mask))
    assert_close(kernels.attention(q, k[0, 0, 0], v[0, 0, 0], mask), exact(q, k[0, 0, 0], v[0, 0, 0], mask))


def test_operands_lie_anywhere() -> None:
    """Heads side by side, as projections give them, keys that are transposed already, and backwards."""
    rng = np.random.default_rng(5)
    q, k, v = (noise(rng, 2, length, 3, 8).transpose(0, 2, 1, 3) for length in (17, 21, 21))
    expected = exact(q, k, v)
    memory = np.full((2, 17, 3, 20), np.nan, np.float32)
    out = memory[..., :8].transpose(0, 2, 1, 3)
    assert kernels.attention(q, k, v, out=out) is out
    assert_close(out, expected)
    assert np.isnan(memory[..., 8:]).all()
    dense = np.ascontiguousarray(k.swapaxes(-1, -2)).swapaxes(-1, -2)
    assert_close(kernels.attention(q[..., ::-1], dense[..., ::-1], np.repeat(v, 2, -1)[..., ::2]), expected)
    one = kernels.attention(q[:, :, :1], dense, v)
    assert_close(one, expected[:, :, :1])


def test_scale() -> None:
    rng = np.random.default_rng(6)
    q, k, v = noise(rng, 4, 8), noise(rng, 5, 8), noise(rng, 5, 3)
    assert_close(kernels.attention(q, k, v, scale=2.0), exact(q, k, v, scale=2.0))
    assert_close(kernels.attention(q, k, v, scale=0.0), np.broadcast_to(v.mean(0), (4, 3)))


def run(
    arrays: list[np.ndarray], threads: int = 1, scale: float = 1.0, y: np.ndarray | None = None, **options: object
) -> np.ndarray:
    query, key, value = (view_of(i, array) for i, array in enumerate(arrays[:3]))
    mask = view_of(3, arrays[3]) if len(arrays) > 3 else None
    shape = (*arrays[0].shape[:-1], arrays[2].shape[-1])
    y = np.empty(shape, np.float32) if y is None else y
    target = view_of(len(arrays), y)
    step = kernels.family("attention").Attention(query, key, value, target, mask, scale=scale, **options)
    run_steps([step], [*arrays, y], threads)
    return y


@pytest.mark.parametrize("queries, keys", [(1, 3000), (60, 100), (100, 2100)])
def test_threads_change_no_bit(queries: int, keys: int) -> None:
    rng = np.random.default_rng(queries)
    arrays = [noise(rng, 5, queries, 24), noise(rng, 5, keys, 24), noise(rng, 5, keys, 40)]
    for causal in (False, True):
        one = run(arrays, causal=causal)
        for threads in (2, 3, 8):
            np.testing.assert_array_equal(run(arrays, threads, causal=causal), one)
        alone = run([array[3:4] for array in arrays], causal=causal)
        np.testing.assert_array_equal(alone, one[3:4])


NAN, INF = np.nan, np.inf
# Scores of two keys, and what each kind of softmax makes of values 2 and 6.
UNDEFINED = {
    "both count": ((0, 0), (4, 4, 4)),
    "one is hidden": ((-INF, 0), (6, 6, 6)),
    "all are hidden": ((-INF, -INF), (NAN, 0, 0)),
    "one is NaN": ((0, NAN), (NAN, NAN, 0)),
    "NaN and hidden": ((-INF, NAN), (NAN, NAN, 0)),
    "infinite": ((INF, 0), (NAN, NAN, 0)),
    "far below the largest": ((-1e30, 1e30), (6, 6, 6)),
    "too large for exp": ((3e38, 3e38), (4, 4, 4)),
}


@pytest.mark.parametrize("queries", [1, 3])
@pytest.mark.parametrize("case", UNDEFINED)
def test_scores_that_no_number_comes_of(case: str, queries: int) -> None:
    scores, expected = UNDEFINED[case]
    q, k, v = (np.zeros((queries, 4), np.float32), np.zeros((2, 4), np.float32), np.array([[2], [6]], np.float32))
    mask = np.array(scores, np.float32)
    for undefined, result in zip(("nan", "unseen zero", "zero"), expected, strict=True):
        found = run([q, k, v, mask], undefined=undefined)
        np.testing.assert_array_equal(found, np.full((queries, 1), result, np.float32))


def test_rows_that_see_nothing_in_the_first_block_of_keys() -> None:
    rng = np.random.default_rng(7)
    q, k, v = noise(rng, 3, 8), noise(rng, 2048, 8), noise(rng, 2048, 8)
    for mask in (np.arange(2048) >= 1500, np.arange(2048) < 500):
        assert_close(kernels.attention(q, k, v, mask), exact(q, k, v, mask))
        numbers = np.where(mask, 0, -np.inf).astype(np.float32)
        assert_close(kernels.attention(q, k, v, numbers), exact(q, k, v, mask))


def test_hidden_scores_may_be_a_number() -> None:
    rng = np.random.default_rng(8)
    q, k, v, mask = noise(rng, 4, 8), noise(rng, 6, 8), noise(rng, 6, 3), rng.integers(0, 2, (4, 6)) > 0
    mask[1] = False
    scores = np.where(mask, q.astype(float) @ k.T, -2.0)
    assert_close(run([q, k, v, mask], hidden=-2.0), exact(np.eye(4, dtype=np.float32), scores.T, v, scale=1))


def test_what_does_not_fit_is_refused() -> None:
    def zeros(*shape: int) -> np.ndarray:
        return np.zeros(shape, np.float32)

    attention = kernels.attention
    with pytest.raises(ValueError, match="expected shapes .*got query"):
        attention(zeros(2, 3), zeros(4, 5), zeros(4, 6))
    with pytest.raises(ValueError, match="expected shapes .*got query"):
        attention(zeros(2, 3), zeros(4, 3), zeros(5, 6))
    with pytest.raises(ValueError, match="expected matrices"):
        attention(zeros(3), zeros(4, 3), zeros(4, 6))
    with pytest.raises(ValueError, match="the mask of shape .* can't be broadcast"):
        attention(zeros(2, 3), zeros(4, 3), zeros(4, 6), zeros(3, 4))
    with pytest.raises(TypeError, match="expected a mask of float32 or bool, got float64"):
        attention(zeros(2, 3), zeros(4, 3), zeros(4, 6), np.zeros((2, 4)))
    with pytest.raises(TypeError, match="expected key of float32, got float64"):
        attention(zeros(2, 3), np.zeros((4, 3)), zeros(4, 6))
    with pytest.raises(ValueError, match="expected y with its columns side by side, got a stride of 2"):
        attention(zeros(2, 3), zeros(4, 3), zeros(4, 6), out=zeros(2, 12)[:, ::2])
    with pytest.raises(ValueError, match="expected undefined to be one of"):
        view = View(0, "f4", (2, 2))
        kernels.family("attention").Attention(view, view, view, View(1, "f4", (2, 2)), scale=1, undefined="one")
