"""Winograd's algorithm for convolutions of bytes: the same bytes as sums tap by tap give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

from .guarded import guarded, guarded_copy

pytestmark = pytest.mark.usefixtures("level")


def sums_of(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Windows of (N, H, W, Cin) times weights (Cout, Cin, 3, 3), in int64."""
    batch, height, width, _ = image.shape
    sums = np.zeros((batch, height - 2, width - 2, len(weights)), np.int64)
    for ky, kx in np.ndindex(3, 3):
        part = image[:, ky : ky + height - 2, kx : kx + width - 2].astype(np.float64)
        sums += (part @ weights[:, :, ky, kx].T.astype(np.float64)).astype(np.int64)
    return sums


def image_view(slot: int, dtype: str, shape: tuple[int, ...]) -> View:
    """A dense image (N, H, W, C) as (N, C, H, W)."""
    batch, height, width, channels = shape
    strides = height * width * channels, 1, width * channels, channels
    return View(slot, dtype, (batch, channels, height, width), strides)


def convolved(image: np.ndarray, weights: np.ndarray, dtype: str, threads: int, residual: Any, **results: Any) -> Any:
    """By Winograd, memory guarded on either side."""
    family = kernels.family("winograd")
    batch, height, width, _ = image.shape
    shape = batch, height - 2, width - 2, len(weights)
    x, y = image_view(0, "u1", image.shape), image_view(1, dtype, shape)
    views = {} if residual is None else {"residual": image_view(2, residual.dtype.str[1:], residual.shape)}
    step = family.QuantizedWinograd(x, y, family.TransformedBytes(weights), (0, 0), **views, **results)
    for at_end in (True, False):
        found = guarded(shape, dtype, at_end)
        arrays = [guarded_copy(image, at_end), found]
        run_steps([step], arrays if residual is None else [*arrays, guarded_copy(residual, at_end)], threads)
    return found


@pytest.mark.parametrize("channels, columns", [(1, 1), (3, 16), (16, 17), (33, 64), (40, 70), (64, 130)])
@pytest.mark.parametrize("height, width", [(3, 3), (4, 3), (3, 6), (9, 8), (16, 31)])
@pytest.mark.parametrize("threads", [1, 2])
def test_sums_are_exact(channels: int, columns: int, height: int, width: int, threads: int) -> None:
    rng = np.random.default_rng(channels + width)
    image = rng.choice([0, 1, 128, 254, 255], (2, height, width, channels)).astype(np.uint8)
    weights = rng.choice([-128, -127, -1, 0, 1, 127], (columns, channels, 3, 3)).astype(np.int8)
    shifts = rng.integers(-9999, 9999, columns).astype(np.int32)
    scales = rng.uniform(1e-4, 1e-2, columns).astype(np.float32)
    y = convolved(image, weights, "f4", threads, None, shifts=shifts, scales=scales)
    np.testing.assert_array_equal(y, (sums_of(image, weights) + shifts).astype(np.float32) * scales)


@pytest.mark.parametrize("value, weight", [(255, -128), (255, 127), (0, -128)])
def test_the_greatest_sums(value: int, weight: int) -> None:
    """As many channels as there may be, each at its limit; signs that a transform adds up to the most."""
    family = kernels.family("winograd")
    channels = 1827
    signs = np.array([1, -1, 1])
    for weights in (np.full((3, 3), weight), np.clip(weight * np.outer(signs, signs), -128, 127)):
        image = np.full((1, 4, 4, channels), value, np.uint8)
        weights = np.broadcast_to(weights, (2, channels, 3, 3)).astype(np.int8)
        given = {"shifts": np.zeros(2, np.int32), "scales": np.ones(2, np.float32)}
        y = convolved(image, weights, "f4", 1, None, **given)
        np.testing.assert_array_equal(y, sums_of(image, weights).astype(np.float32))
    with pytest.raises(ValueError, match="expected int8 weights of at most 1827 channels"):
        family.TransformedBytes(np.zeros((2, channels + 1, 3, 3), np.int8))


@pytest.mark.parametrize("dtype", ["f4", "u1", "i1"])
@pytest.mark.parametrize("residual_dtype", [None, "f4", "u1", "i1"])
@pytest.mark.parametrize("columns", [8, 16, 50])
@pytest.mark.parametrize("side", [5, 6])
def test_results_are_those_of_a_direct_convolution(
    dtype: str, residual_dtype: str | None, columns: int, side: int
) -> None:
    rng = np.random.default_rng(columns)
    image = rng.integers(0, 256, (1, side, side + 1, 20), dtype=np.uint8)
    weights = rng.integers(-128, 128, (columns, 20, 3, 3)).astype(np.int8)
    shape = 1, side - 2, side - 1, columns
    residual = None if residual_dtype is None else rng.integers(0, 100, shape).astype(residual_dtype)
    results: dict[str, Any] = {
        "shifts": rng.integers(-999, 999, columns).astype(np.int32),
        "scales": rng.uniform(1e-4, 1e-3, columns).astype(np.float32),
        "bias": rng.standard_normal(columns).astype(np.float32),
        "stages": [("clamp", 0.0, np.inf)] if residual is None else [("round", 0.5, 3, 0, 255), ("add", 0.25, 0)],
    }
    if dtype != "f4":
        results |= {"multiplier": 2.0, "zero": 7}
    y = convolved(image, weights, dtype, 2, residual, **results)
    direct = np.zeros(shape, dtype)
    family = kernels.family("convolution")
    views = {} if residual is None else {"residual": image_view(2, residual.dtype.str[1:], shape)}
    step = family.QuantizedConvolution(
        image_view(0, "u1", image.shape), image_view(1, dtype, shape), weights=weights, strides=(1, 1),
        dilations=(1, 1), pads_begin=(0, 0), **views, **results,
    )  # fmt: skip
    behind = np.concatenate([image.reshape(-1), np.zeros(64, np.uint8)])
    run_steps([step], [behind, direct] if residual is None else [behind, direct, residual])
    np.testing.assert_array_equal(y, direct)


def test_what_does_not_fit_is_refused() -> None:
    family = kernels.family("winograd")
    given = {"shifts": np.zeros(2, np.int32), "scales": np.ones(2, np.float32)}
    packed = family.TransformedBytes(np.ones((2, 3, 3, 3), np.int8))
    y = image_view(1, "f4", (1, 3, 3, 2))
    with pytest.raises(TypeError, match="expected uint8 operands, got int8"):
        family.QuantizedWinograd(image_view(0, "i1", (1, 5, 5, 3)), y, packed, (0, 0), **given)
    with pytest.raises(ValueError, match="expected x and y for weights of 1 groups of 3 to 2 channels"):
        family.QuantizedWinograd(image_view(0, "u1", (1, 5, 5, 4)), y, packed, (0, 0), **given)
    with pytest.raises(ValueError, match="expected x with its channels side by side, got a channel stride of 25"):
        family.QuantizedWinograd(View(0, "u1", (1, 3, 5, 5)), y, packed, (0, 0), **given)
    again = family.TransformedBytes(np.broadcast_to(np.int8(0), (2, 3, 3, 3)), packed.packed)
    assert again.nbytes == packed.nbytes == len(again.packed)
    with pytest.raises(ValueError, match=f"expected {packed.nbytes} bytes of packed weights, got 1"):
        family.TransformedBytes(np.broadcast_to(np.int8(0), (2, 3, 3, 3)), packed.packed[:1])
