"""FakeQuantize: which become integers, and that results are those of its formula in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ovlite
from ovlite import opset13 as ops
from ovlite.ops.interpreter import evaluate_model
from ovlite.ops.quantized import QuantizedProduct
from ovlite.passes.pipeline import run_passes

from .support import Array, random, types

EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
HINTS: list[dict[str, Any]] = [{}, EXACT, {"EXECUTION_MODE_HINT": "ACCURACY"}]

# levels, low, high: with a zero point that is a whole number below 256.
BYTES = [
    (256, 0.0, 2.55), (256, -1.28, 1.27), (255, -1.27, 1.27), (256, -0.6, 1.95), (256, -2.55, 0.0), (16, 0.0, 1.5),
    (2, 0.0, 1.0), (128, -0.64, 0.63),
]  # fmt: skip
# Others: of a zero point between two steps, of one beyond a byte, of too many levels.
REALS = [(256, -1.0, 1.3), (256, 1.0, 3.0), (256, -3.0, -1.0), (65536, -1.0, 1.0), (257, -1.28, 1.28)]


def faked(x: Array, levels: int, low: Any, high: Any, first: Any = None, last: Any = None) -> Array:
    """The formula, in float64."""
    low, high = (np.asarray(limit, np.float64) for limit in (low, high))
    first, last = low if first is None else first, high if last is None else last
    count = np.rint((np.clip(x, low, high) - low) / (high - low) * (levels - 1))
    return np.asarray(count / (levels - 1) * (last - first) + first)


def node(x: Any, levels: int, *limits: Any) -> Any:
    """FakeQuantize; output limits are the input's where there are two."""
    limits = limits if len(limits) == 4 else 2 * limits
    return ops.fake_quantize(x, *(np.asarray(limit, np.float32) for limit in limits), levels)


def products(model: ovlite.Model) -> list[Any]:
    changed = model.clone()
    run_passes(changed)
    return [found.op for found in changed.get_ordered_ops() if isinstance(found.op, QuantizedProduct)]


def results(model: ovlite.Model, x: Array, hint: dict[str, Any]) -> Array:
    """Equal for one thread and three."""
    found = [
        ovlite.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, **hint})([x])[0] for threads in (1, 3)
    ]
    np.testing.assert_array_equal(*found)
    return found[0]


def off_ties(x: Array, levels: int, low: Any, high: Any) -> Array:
    """x without what lies so near to the middle between two levels that f32 may round it to either."""
    places = (x - np.asarray(low)) / (np.asarray(high) - low) * (levels - 1)
    near = np.abs(places - np.floor(places) - 0.5) < 1e-3
    return np.where(near, x + 0.01 * (np.asarray(high) - low) / (levels - 1), x).astype(np.float32)


@pytest.mark.parametrize("hint", HINTS)
@pytest.mark.parametrize("levels, low, high", BYTES + REALS)
@pytest.mark.parametrize("last", [None, 5.0])
def test_it_is_its_formula(hint: dict[str, Any], levels: int, low: float, high: float, last: float | None) -> None:
    x = ops.parameter([3, 21], np.float32)
    limits = (low, high) if last is None else (low, high, low, last)
    data = off_ties(random(3, 21) * 3, levels, low, high)
    data[0, :4] = 1e30, -1e30, np.inf, -np.inf
    found = results(ovlite.Model([node(x, levels, *limits)], [x]), data, hint)
    np.testing.assert_allclose(found, faked(data, levels, *limits), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("hint", HINTS[1:])
@pytest.mark.parametrize("limits", [(0.0, 2.55), (-1.0, 1.3), (0.0, 1.0, 1.0, -1.0)])
def test_not_a_number_stays_one_in_real_numbers(hint: dict[str, Any], limits: tuple[float, ...]) -> None:
    x = ops.parameter([2], np.float32)
    found = results(ovlite.Model([node(x, 256, *limits)], [x]), np.array([np.nan, 0.5], np.float32), hint)
    assert np.isnan(found[0]) and np.isfinite(found[1])


@pytest.mark.parametrize("limits", [(1.0, -1.0), (1.0, 1.0, 0.0, 5.0), (-1.0, 1.0, 1.0, -1.0)])
def test_ranges_without_steps_are_evaluated_as_they_are(limits: tuple[float, ...]) -> None:
    x = ops.parameter([2, 9], np.float32)
    model, data = ovlite.Model([node(x, 256, *limits)], [x]), random(2, 9) * 2
    limits = limits if len(limits) == 4 else 2 * limits
    with np.errstate(divide="ignore"):
        (expected,) = node(x, 256, *limits).op.evaluate(data, *map(np.float32, limits))
    np.testing.assert_allclose(results(model, data, {}), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("levels, low, high", BYTES)
@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("weight_levels", [255, 256])
def test_matrix_products_are_of_bytes(levels: int, low: float, high: float, columns: bool, weight_levels: int) -> None:
    x, weights = ops.parameter([5, 24], np.float32), random(7, 24)
    tops = np.abs(weights).max(1, keepdims=True) if columns else np.abs(weights).max()
    least = -tops if weight_levels == 255 else -tops * 128 / 127
    weights = off_ties(weights, weight_levels, least, tops)
    w = node(ops.constant(weights), weight_levels, least, tops)
    model = ovlite.Model([ops.matmul(node(x, levels, low, high), w, False, True)], [x])
    assert len(products(model)) == 1
    data = off_ties(random(5, 24) * 2, levels, low, high)
    expected = faked(data, levels, low, high) @ faked(weights, weight_levels, least, tops).T
    for hint in HINTS:
        np.testing.assert_allclose(results(model, data, hint), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("levels, low, high", REALS)
@pytest.mark.parametrize("of_weights", [False, True])
def test_what_is_no_byte_is_multiplied_in_real_numbers(levels: int, low: float, high: float, of_weights: bool) -> None:
    x, weights = ops.parameter([5, 24], np.float32), random(7, 24)
    odd, even = (levels, low, high), (256, -1.28, 1.27)
    first, second = (even, odd) if of_weights else (odd, even)
    weights = off_ties(weights, *second)
    product = ops.matmul(node(x, *first), node(ops.constant(weights), *second), False, True)
    model = ovlite.Model([product], [x])
    assert not products(model)
    data = off_ties(random(5, 24) * 2, *first)
    expected = faked(data, *first) @ faked(weights, *second).T
    np.testing.assert_allclose(results(model, data, {}), expected, rtol=1e-5, atol=1e-5)


def windows(x: Array, weights: Array) -> Array:
    """A 3 x 3 convolution (C, H, W) by (O, C, 3, 3) within a border of zeros, in float64."""
    padded = np.pad(x.astype(np.float64), ((0, 0), (1, 1), (1, 1)))
    seen = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    return np.asarray(np.einsum("chwij,ocij->ohw", seen, weights))


def pad(x: Any, weights: Any, grouped: bool = False) -> Any:
    product = ops.group_convolution if grouped else ops.convolution
    return product(x, weights, [1, 1], [1, 1], [1, 1], [1, 1])


@pytest.mark.parametrize("low", [0.0, -1.28, -0.5])
def test_convolutions_fill_their_border_with_the_zero_point(low: float) -> None:
    x, weights = ops.parameter([1, 4, 6, 5], np.float32), random(6, 4, 3, 3)
    high, tops = low + 2.55, np.abs(weights).max((1, 2, 3), keepdims=True)
    weights, data = off_ties(weights, 255, -tops, tops), off_ties(random(1, 4, 6, 5), 256, low, high)
    y = ops.relu(pad(node(x, 256, low, high), node(ops.constant(weights), 255, -tops, tops)))
    model = ovlite.Model([node(y, 256, 0.0, 5.1)], [x])
    (op,) = products(model)
    assert op.element_type is ovlite.Type.u8 or op.stages
    expected = windows(faked(data[0], 256, low, high), faked(weights, 255, -tops, tops))
    apart = np.abs(results(model, data, {})[0] - faked(expected, 256, 0.0, 5.1))
    assert apart.max() <= 0.0201 and (apart > 1e-4).mean() < 0.02


@pytest.mark.parametrize("low", [0.0, -1.0])
@pytest.mark.parametrize("depthwise", [True, False])
def test_ranges_of_channels_are_bytes_for_depthwise_convolutions_alone(low: float, depthwise: bool) -> None:
    """What feeds them is divided by the steps, in the stages of a product."""
    channels = 8
    high = np.linspace(0.5, 2, channels).reshape(1, channels, 1, 1)
    least, levels = low * high, 255
    x, first, second = ops.parameter([1, 4, 6, 5], np.float32), random(channels, 4, 3, 3), random(channels, 1, 1, 3, 3)
    tops = [np.abs(first).max((1, 2, 3), keepdims=True), np.abs(second).max((1, 2, 3, 4), keepdims=True)]
    first, second = (off_ties(w, 255, -top, top) for w, top in zip((first, second), tops, strict=True))
    y = pad(node(x, 256, -1.28, 1.27), node(ops.constant(first), 255, -tops[0], tops[0]))
    y = node(ops.relu(y), levels, least, high)
    if depthwise:
        y = ops.relu(pad(y, node(ops.constant(second), 255, -tops[1], tops[1]), grouped=True))
    model = ovlite.Model([y], [x])
    found = products(model)
    assert len(found) == 1 + depthwise and (found[0].element_type is ovlite.Type.u8) == depthwise
    data = off_ties(random(1, 4, 6, 5), 256, -1.28, 1.27)
    expected = windows(faked(data[0], 256, -1.28, 1.27), faked(first, 255, -tops[0], tops[0]))
    expected = faked(np.maximum(expected, 0)[None], levels, least, high)[0]
    step, reach = (high - least).max() / (levels - 1), 1.0
    if depthwise:
        real = faked(second, 255, -tops[1], tops[1])
        expected = np.concatenate([windows(expected[c : c + 1], real[c]) for c in range(channels)])
        expected, reach = np.maximum(expected, 0), np.abs(real).max()
    for hint in ({}, EXACT):
        apart = np.abs(results(model, data, hint)[0] - expected)
        assert apart.max() <= 1.01 * step * reach and (apart > 1e-4).mean() < 0.05


def test_weights_that_are_stored_as_integers() -> None:
    """As older optimizers write them: their FakeQuantize goes from integers to real numbers."""
    codes = np.random.default_rng(0).integers(-127, 128, (7, 24)).astype(np.int8)
    x, tops = ops.parameter([5, 24], np.float32), np.linspace(0.5, 2, 7).reshape(7, 1)
    w = node(ops.convert(ops.constant(codes), "f32"), 255, -127, 127, -tops, tops)
    model = ovlite.Model([ops.matmul(node(x, 256, 0, 2.55), w, False, True)], [x])
    assert len(products(model)) == 1
    data = off_ties(random(5, 24), 256, 0, 2.55)
    expected = faked(data, 256, 0, 2.55) @ (codes * tops / 127).T
    for hint in HINTS:
        np.testing.assert_allclose(results(model, data, hint), expected, rtol=1e-5, atol=1e-5)


def test_weights_alone_stay_compressed() -> None:
    x, weights = ops.parameter([5, 32], np.float32), random(9, 32)
    tops = np.abs(weights).max(1, keepdims=True)
    weights = off_ties(weights, 255, -tops, tops)
    model = ovlite.Model([ops.matmul(x, node(ops.constant(weights), 255, -tops, tops), False, True)], [x])
    changed = model.clone()
    run_passes(changed)
    assert "CompressedMatMul" in types(changed)
    data = random(5, 32)
    expected = data.astype(np.float64) @ faked(weights, 255, -tops, tops).T
    for hint in HINTS:
        np.testing.assert_allclose(results(model, data, hint), expected, rtol=1e-5, atol=1e-5)


def test_ranges_that_a_run_computes() -> None:
    x, high = ops.parameter([3, 7], np.float32), ops.parameter([1], np.float32)
    model = ovlite.Model([ops.fake_quantize(x, ops.negative(high), high, ops.negative(high), high, 255)], [x, high])
    data = off_ties(random(3, 7), 255, -0.5, 0.5)
    found = ovlite.compile_model(model, "CPU")([data, np.array([0.5], np.float32)])[0]
    np.testing.assert_allclose(found, faked(data, 255, -0.5, 0.5), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("limits", [(-3e38, 3e38), (0.0, 1.0, -3e38, 3e38)])
def test_ranges_that_overflow_are_left_to_the_operator(limits: tuple[float, ...]) -> None:
    """Without floating-point errors, also where the caller has numpy raise them."""
    x = ops.parameter([2, 3], np.float32)
    model = ovlite.Model([node(x, 256, *limits)], [x])
    (expected,) = evaluate_model(model, [random(2, 3)])
    with np.errstate(all="raise"):
        found = ovlite.compile_model(model, "CPU")([random(2, 3)])[0]
    np.testing.assert_array_equal(found, expected)


def test_a_constant_far_outside_of_its_range() -> None:
    """The same."""
    data, limits = np.float32([[3e38, -3e38, 4e-4]]), (0.0, 1e-3)
    x = ops.parameter([1, 3], np.float32)
    model = ovlite.Model([ops.minimum(node(ops.constant(data), 256, *limits), x)], [x])
    with np.errstate(all="raise"):
        found = ovlite.compile_model(model, "CPU")([np.full((1, 3), np.inf, np.float32)])[0]
    np.testing.assert_allclose(found, faked(data, 256, *limits), rtol=1e-6)
