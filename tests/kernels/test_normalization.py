"""Normalizations against their definitions in f64: layer, group, instance, MVN, RMS, L2, local response."""

import numpy as np
import pytest

from ovlite.kernels import family
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

from ..tolerances import HALF_UNIT
from .layouts import view_of

pytestmark = pytest.mark.usefixtures("level")


def run(name, x, *arguments, gamma=None, beta=None, threads=1, y=None, **options):
    y = np.empty_like(x) if y is None else y
    if gamma is not None:
        options["gamma"] = view_of(2, gamma)
    if beta is not None:
        options["beta"] = view_of(3, beta)
    spare = np.empty(0, np.float32)
    step = getattr(family("normalization"), name)(view_of(0, x), view_of(1, y), *arguments, **options)
    run_steps([step], [x, y, spare if gamma is None else gamma, spare if beta is None else beta], threads)
    return y


def normal(*shape, seed=0, scale=1.0, mean=0.0):
    return (np.random.default_rng(seed).standard_normal(shape) * scale + mean).astype(np.float32)


def standardized(x, axes, epsilon, outside=False):
    x = x.astype(np.float64)
    centred = x - x.mean(axes, keepdims=True)
    variance = (centred**2).mean(axes, keepdims=True)
    return centred / (np.sqrt(variance) + epsilon if outside else np.sqrt(variance + epsilon))


def channels_last(x, gap=0):
    """The same elements with the channels, axis 1, stored last and `gap` floats behind them."""
    order = [0, *range(2, x.ndim), 1]
    memory = np.full([*(x.shape[axis] for axis in order[:-1]), x.shape[1] + gap], np.nan, np.float32)
    memory[..., : x.shape[1]] = x.transpose(order)
    return np.moveaxis(memory[..., : x.shape[1]], -1, 1)


@pytest.mark.parametrize(
    "shape, axes",
    [
        ((1, 1), [1]),
        ((3, 7), [-1]),
        ((2, 5, 64), [2]),
        ((2, 5, 769), [2]),
        ((4, 6, 10), [1, 2]),
        ((40, 384), [1]),
        ((3, 5000), [1]),
        *(((2, 3, columns), [2]) for columns in (2, 4, 9, 15, 16, 17, 33, 65, 4097)),  # around vectors and runs of them
    ],
    ids=str,
)
@pytest.mark.parametrize("affine", ["", "gamma", "beta", "gamma beta"])
def test_layer_norm(shape, axes, affine):
    x, gamma, beta = normal(*shape, mean=3), None, None
    normalized = tuple(shape[axis] for axis in axes)
    expected = standardized(x, tuple(axes), 1e-5)
    if "gamma" in affine:
        gamma = normal(*normalized, seed=1)
        expected = expected * gamma
    if "beta" in affine:
        beta = normal(*normalized, seed=2)
        expected = expected + beta
    one = run("LayerNorm", x, axes, gamma=gamma, beta=beta)
    np.testing.assert_allclose(one, expected, rtol=2e-6, atol=4e-6)
    np.testing.assert_array_equal(run("LayerNorm", x, axes, gamma=gamma, beta=beta, threads=2), one)


def test_layer_norm_over_channels_that_are_not_dense():
    x, gamma, beta = normal(2, 24, 5, 7), normal(24, 1, 1, seed=1), normal(24, 1, 1, seed=2)
    expected = standardized(x, 1, 1e-6) * gamma + beta
    for layout in (x, channels_last(x), channels_last(x, 8), np.repeat(x, 2, axis=3)[..., ::2]):
        for threads in (1, 2):
            got = run("LayerNorm", layout, [1], gamma=gamma, beta=beta, epsilon=1e-6, threads=threads)
            np.testing.assert_allclose(got, expected, rtol=2e-6, atol=2e-6)


def test_a_mean_that_is_large_against_the_deviations_costs_no_digits():
    x = normal(4, 600, mean=1000.0)
    rounding = 2 * 1000 * HALF_UNIT  # of the sum, and of its division
    np.testing.assert_allclose(run("LayerNorm", x, [1]), standardized(x, 1, 1e-5), atol=rounding)
    tall = np.ascontiguousarray(x.T)
    np.testing.assert_allclose(run("LayerNorm", tall, [0]), standardized(tall, 0, 1e-5), atol=rounding)


@pytest.mark.parametrize("axes", [[1], [2, 3], [1, 2, 3], [0, 2], [3]], ids=str)
@pytest.mark.parametrize("mode", ["inside_sqrt", "outside_sqrt"])
@pytest.mark.parametrize("layout", ["plain", "channels last", "gaps"])
def test_mvn(axes, mode, layout, threads):
    x = normal(2, 70, 6, 5)
    source = {"plain": x, "channels last": channels_last(x), "gaps": channels_last(x, 16)}[layout]
    expected = standardized(x, tuple(axes), 1e-3, mode == "outside_sqrt")
    np.testing.assert_allclose(run("MVN", source, axes, 1e-3, mode, threads=threads), expected, atol=2e-6)
    centred = x - x.astype(np.float64).mean(tuple(axes), keepdims=True)
    np.testing.assert_allclose(run("MVN", source, axes, 1e-3, mode, False, threads=threads), centred, atol=5e-7)


@pytest.mark.parametrize("channels, groups", [(6, 1), (6, 2), (6, 6), (64, 32), (320, 32), (320, 2), (1, 1)])
@pytest.mark.parametrize("spatial", [(5, 6), (30,), (1, 1), ()], ids=str)
@pytest.mark.parametrize("layout", ["plain", "channels last", "gaps"])
def test_group_norm(channels, groups, spatial, layout, threads):
    x = normal(2, channels, *spatial, mean=0.5)
    gamma, beta = normal(channels, seed=1), normal(channels, seed=2)
    parts = standardized(x.reshape(2, groups, -1), 2, 1e-5).reshape(x.shape)
    column = (channels, *(1,) * len(spatial))
    source = {"plain": x, "channels last": channels_last(x), "gaps": channels_last(x, 16)}[layout]
    got = run("GroupNorm", source, groups, gamma=gamma, beta=beta, threads=threads)
    np.testing.assert_allclose(got, parts * gamma.reshape(column) + beta.reshape(column), rtol=2e-6, atol=4e-6)
    np.testing.assert_allclose(run("GroupNorm", source, groups, threads=threads), parts, rtol=2e-6, atol=4e-6)


@pytest.mark.parametrize("shape", [(3, 5), (2, 7, 128), (40, 2048)], ids=str)
def test_rms_norm(shape, threads):
    x, gamma = normal(*shape, mean=0.3), normal(shape[-1], seed=1)
    expected = x / np.sqrt((x.astype(np.float64) ** 2).mean(-1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(run("RMSNorm", x, [-1], epsilon=1e-6, threads=threads), expected, rtol=1e-6)
    got = run("RMSNorm", x, [-1], gamma=gamma, epsilon=1e-6, threads=threads)
    np.testing.assert_allclose(got, expected * gamma, rtol=1e-6)


@pytest.mark.parametrize("axes", [[1], [2, 3], [1, 2, 3], [3]], ids=str)
@pytest.mark.parametrize("mode", ["add", "max"])
def test_normalize_l2(axes, mode, threads):
    x = normal(2, 20, 6, 5)
    squares = (x.astype(np.float64) ** 2).sum(tuple(axes), keepdims=True)
    expected = x / np.sqrt(squares + 9 if mode == "add" else np.maximum(squares, 9))
    for source in (x, channels_last(x)):
        np.testing.assert_allclose(run("NormalizeL2", source, axes, 9, mode, threads=threads), expected, rtol=1e-6)


def test_in_place():
    x = normal(6, 100)
    expected = run("LayerNorm", x, [1])
    np.testing.assert_array_equal(run("LayerNorm", x, [1], y=x), expected)


def test_what_cannot_run_is_refused():
    norm = family("normalization")
    x = View(0, "f4", (3, 4))
    with pytest.raises(ValueError, match="has to be float32"):
        norm.LayerNorm(View(0, "f8", (3, 4)), x, [1])
    with pytest.raises(ValueError, match=r"shape \(3, 4\) to shape \(4, 3\)"):
        norm.LayerNorm(x, View(1, "f4", (4, 3)), [1])
    with pytest.raises(ValueError, match=r"shape \(5,\) can't be broadcast to \(3, 4\)"):
        norm.LayerNorm(x, x, [1], View(1, "f4", (5,)))
    with pytest.raises(ValueError, match="gamma and beta have to be dense"):
        norm.LayerNorm(x, x, [1], View(1, "f4", (4,), (2,)))
    with pytest.raises(ValueError, match="6 channels in 4 groups"):
        norm.GroupNorm(View(0, "f4", (1, 6, 2)), View(1, "f4", (1, 6, 2)), 4)


def local_response(x, y, size, threads, alpha=0.3, beta=0.75, bias=1.5):
    run_steps([family("lrn").LRN(view_of(0, x), view_of(1, y), size, alpha, beta, bias)], [x, y], threads)
    return y


@pytest.mark.parametrize("channels", [1, 3, 63, 64, 65, 130])
@pytest.mark.parametrize("size", [1, 3, 4, 5, 9])
def test_local_response_normalization(channels, size, threads):
    x = normal(2, channels, 4, 9, scale=3)
    squares = np.pad(x.astype(np.float64) ** 2, ((0, 0), ((size - 1) // 2, size // 2), (0, 0), (0, 0)))
    sums = sum(squares[:, k : k + channels] for k in range(size))
    expected = x / (1.5 + 0.3 / size * sums) ** 0.75
    for source in (x, channels_last(x), channels_last(x, 5), np.repeat(x, 2, axis=3)[..., ::2]):
        for target in (np.empty_like(x), channels_last(x)):
            np.testing.assert_allclose(local_response(source, target, size, threads), expected, rtol=2e-6)
