"""Depthwise convolution against sums in float64."""

import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

from ..data import normal
from .images import Image, check
from .layouts import channels_last, view_of

pytestmark = pytest.mark.usefixtures("level")


def convolve(x, weights, strides, dilations, pads_begin, output):
    """Direct sum in float64."""
    x, weights = x.astype(np.float64), weights.astype(np.float64)
    kernel = weights.shape[2:]
    far = [(o - 1) * s + (k - 1) * d + 1 for o, s, k, d in zip(output, strides, kernel, dilations, strict=True)]
    padded = np.pad(
        x, [(0, 0), (0, 0), *[(p, max(0, f - p - n)) for p, f, n in zip(pads_begin, far, x.shape[2:], strict=True)]]
    )
    y = np.zeros((*x.shape[:2], *output))
    for tap in np.ndindex(*kernel):
        at = [
            slice(k * d, k * d + (o - 1) * s + 1, s) for k, d, o, s in zip(tap, dilations, output, strides, strict=True)
        ]
        y += padded[(slice(None), slice(None), *at)] * weights[(slice(None), 0, *tap)].reshape(-1, *[1] * len(kernel))
    return y


def run_depthwise(
    spatial,
    channels,
    kernel,
    strides=None,
    dilations=None,
    pads=None,
    *,
    batch=1,
    gap=0,
    bias=True,
    residual=None,
    activation=None,
):
    depthwise, conv = kernels.family("depthwise"), kernels.family("convolution")
    ones = [1] * len(kernel)
    strides, dilations = strides or ones, dilations or ones
    pads = pads or [(k - 1) * d // 2 for k, d in zip(kernel, dilations, strict=True)]
    output = [
        (n + 2 * p - (k - 1) * d - 1) // s + 1
        for n, p, k, d, s in zip(spatial, pads, kernel, dilations, strides, strict=True)
    ]
    border = conv.convolution_border(spatial, output, kernel, strides, dilations, pads)
    x = Image(normal(batch, channels, *spatial), border, gap)
    y = Image(np.zeros((batch, channels, *output), np.float32), [(1, 2)] * len(output), gap)
    weights = normal(channels, 1, *kernel)
    offset = normal(channels) if bias else None
    expected = convolve(x.values, weights, strides, dilations, pads, output)
    if bias:
        expected += offset.reshape(-1, *ones)
    extra = None
    if residual:
        extra = Image(normal(*[n if kept else 1 for n, kept in zip(y.values.shape, residual, strict=True)]), gap=3)
        expected += extra.values
    if activation:
        expected = np.clip(expected, activation[1], activation[2])
    step = depthwise.Depthwise(
        x.view(0),
        y.view(1),
        weights=weights,
        strides=strides,
        dilations=dilations,
        pads_begin=pads,
        bias=offset,
        residual=extra and extra.view(2),
        activation=activation,
    )
    assert step.flops == 2 * y.values.size * weights[0].size
    check(step, x, y, expected, weights[0].size, extra)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 17, 40])
@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_width_of_the_image(width, size, stride):
    run_depthwise((5, width), 19, (size, size), (stride, stride))


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8, 9, 17, 37])
@pytest.mark.parametrize("size", [1, 3, 5, 9])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 2), (1, 3), (1, 20), (2, 2), (2, 3), (2, 4), (4, 2), (3, 6)])
def test_taps_apart(width, size, stride, dilation):
    run_depthwise((5, width), 19, (3, size), (1, stride), (2, dilation), residual=(1, 1, 1, 1))


@pytest.mark.parametrize("channels", [1, 3, 4, 5, 8, 9, 15, 16, 17, 32, 33, 127, 128, 129, 300])
def test_number_of_channels(channels):
    run_depthwise((6, 9), channels, (3, 3), activation=("clamp", 0.0, 1.5), gap=5)


@pytest.mark.parametrize(
    ("kernel", "strides", "dilations"),
    [
        ((3, 3), (2, 1), (1, 1)),
        ((3, 3), (1, 1), (2, 2)),
        ((3, 5), (1, 2), (3, 1)),
        ((7, 7), (1, 1), (1, 1)),
        ((1, 3), (1, 3), (1, 1)),
        ((2, 1), (1, 1), (1, 1)),
        ((3,), (1,), (1,)),
        ((31,), (2,), (1,)),
        ((3, 3, 3), (1, 1, 1), (1, 1, 1)),
        ((2, 3, 5), (2, 1, 2), (1, 2, 1)),
    ],
)
def test_geometry(kernel, strides, dilations):
    run_depthwise((7, 9, 12)[: len(kernel)], 20, kernel, strides, dilations, batch=2)


@pytest.mark.parametrize("residual", [(1, 1, 1, 1), (0, 1, 0, 0), (1, 0, 1, 1)])
@pytest.mark.parametrize("channels", [5, 33])
def test_residual(residual, channels):
    run_depthwise((5, 10), channels, (3, 3), batch=2, residual=residual)


def test_wide_enough_to_share():
    run_depthwise((40, 130), 40, (3, 3), (1, 1))
    run_depthwise((7, 7), 400, (5, 5))


def test_no_bias_and_empty():
    run_depthwise((4, 4), 6, (3, 3), bias=False)
    run_depthwise((4, 4), 6, (3, 3), batch=0)


def test_packed_weights_give_the_same():
    depthwise = kernels.family("depthwise")
    weights = normal(10, 1, 3, 3)
    packed = depthwise.pack(weights)
    x = Image(normal(1, 10, 5, 5), [(1, 1)] * 2)
    results = []
    for given in (weights, packed):
        y = Image(np.zeros((1, 10, 5, 5), np.float32))
        step = depthwise.Depthwise(
            x.view(0), y.view(1), weights=given, strides=(1, 1), dilations=(1, 1), pads_begin=(1, 1)
        )
        run_steps([step], [x.memory, y.memory])
        results.append(y.values.copy())
    np.testing.assert_array_equal(*results)
    assert packed.nbytes >= weights.nbytes


def test_nan_and_infinity_pass_a_clamp_as_in_where():
    depthwise = kernels.family("depthwise")
    values = np.array([np.nan, np.inf, -np.inf, 3.0, -3.0], np.float32)
    for channels in (1, 40):
        x = Image(np.broadcast_to(values, (1, channels, 1, 5)))
        y = Image(np.zeros((1, channels, 1, 5), np.float32))
        step = depthwise.Depthwise(
            x.view(0),
            y.view(1),
            weights=np.ones((channels, 1, 1, 1), np.float32),
            strides=(1, 1),
            dilations=(1, 1),
            pads_begin=(0, 0),
            activation=("clamp", 0.0, np.inf),
        )
        run_steps([step], [x.memory, y.memory])
        for channel in range(channels):
            np.testing.assert_array_equal(y.values[0, channel, 0], np.where(values < 0, 0, values))


def test_other_activations_follow_the_sums():
    depthwise = kernels.family("depthwise")
    x = Image(normal(1, 37, 4, 6))
    weights = normal(37, 1, 1, 1)
    y = Image(np.zeros((1, 37, 4, 6), np.float32))
    step = depthwise.Depthwise(
        x.view(0),
        y.view(1),
        weights=weights,
        strides=(1, 1),
        dilations=(1, 1),
        pads_begin=(0, 0),
        activation=("leaky_relu", 0.25, 0.0),
    )
    sums = convolve(x.values, weights, (1, 1), (1, 1), (0, 0), (4, 6))
    check(step, x, y, np.where(sums < 0, 0.25 * sums, sums), 1)


def make(x_shape, y_shape, weights, **changes):
    depthwise = kernels.family("depthwise")
    options = {"strides": (1, 1), "dilations": (1, 1), "pads_begin": (0, 0), **changes}
    x, y = (Image(np.zeros(shape, np.float32)).view(slot) for slot, shape in enumerate((x_shape, y_shape)))
    return depthwise.Depthwise(x, y, weights=weights, **options)


def test_errors():
    with pytest.raises(ValueError, match=r"expected weights of shape \(channels, 1, \*kernel\)"):
        make((1, 6, 2, 2), (1, 6, 2, 2), normal(6, 3, 1, 1))
    with pytest.raises(ValueError, match="expected x and y of one batch and 4 channels, got"):
        make((1, 3, 2, 2), (1, 3, 2, 2), normal(4, 1, 1, 1))
    with pytest.raises(ValueError, match=r"expected x and y of 3 dimensions for a kernel \(1,\)"):
        make((1, 4, 2, 2), (1, 4, 2, 2), normal(4, 1, 1))
    with pytest.raises(ValueError, match=r"expected a bias of shape \(4,\), got \(3,\)"):
        make((1, 4, 2, 2), (1, 4, 2, 2), normal(4, 1, 1, 1), bias=normal(3))
    depthwise = kernels.family("depthwise")
    with pytest.raises(ValueError, match="expected x with its channels side by side, got a channel stride of 4"):
        depthwise.Depthwise(
            View(0, "f4", (1, 4, 2, 2)),
            View(1, "f4", (1, 4, 2, 2), (16, 1, 8, 4)),
            weights=normal(4, 1, 1, 1),
            strides=(1, 1),
            dilations=(1, 1),
            pads_begin=(0, 0),
        )


BYTE_CASES = [
    # channels, group, kernel, strides, dilations
    (16, 1, (3, 3), (1, 1), (1, 1)), (17, 1, (3, 3), (2, 2), (1, 1)), (130, 1, (5, 5), (1, 1), (1, 1)),
    (33, 1, (5, 5), (2, 2), (1, 1)), (1, 1, (3, 3), (1, 1), (1, 1)), (15, 1, (2, 3), (1, 2), (2, 1)),
    (40, 1, (7, 7), (1, 1), (1, 1)), (24, 2, (3, 3), (1, 1), (1, 1)), (20, 2, (3, 3), (2, 1), (1, 1)),
]  # fmt: skip


@pytest.mark.parametrize("channels, group, kernel, strides, dilations", BYTE_CASES)
@pytest.mark.parametrize("dtype", ["f4", "u1", "i1"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("zero", [None, 0, 200])
def test_bytes(channels, group, kernel, strides, dilations, dtype, threads, zero):
    """Sums of bytes are exact, less a zero point that a run may give; a residual is added and the result rounded as by
    other integer products."""
    rng = np.random.default_rng(channels)
    size = tuple(o * s + (k - 1) * d + 1 - s for o, k, s, d in zip((6, 9), kernel, strides, dilations, strict=True))
    memory, x = channels_last((2, channels, *size), np.uint8, pixel_pad=2)
    x[...] = rng.integers(0, 256, x.shape)
    weights = rng.integers(-128, 128, (channels, group, *kernel)).astype(np.int8)
    shifts = rng.integers(-999, 999, channels).astype(np.int32)
    scales = rng.uniform(0.001, 0.01, channels).astype(np.float32)
    target, y = channels_last((2, channels, 6, 9), np.dtype(dtype), pixel_pad=1, fill=9)
    plain, residual = channels_last((2, channels, 6, 9), np.uint8)
    residual[...] = rng.integers(0, 256, residual.shape)
    sums = np.zeros(y.shape, np.int64) + shifts.reshape(-1, 1, 1)
    for ky, kx in np.ndindex(*kernel):
        part = x[:, :, ky * dilations[0] :, kx * dilations[1] :][:, :, :: strides[0], :: strides[1]][:, :, :6, :9]
        for s in range(group):
            taken = part[:, np.arange(channels) // group * group + s].astype(np.int64) - (zero or 0)
            sums += taken * weights[:, s, ky, kx].reshape(-1, 1, 1)
    expected = sums.astype(np.float32) * scales.reshape(-1, 1, 1) + (residual.astype(np.float32) - 7) * 0.25
    if dtype != "f4":
        expected = np.clip(np.rint(expected) + 3, np.iinfo(dtype).min, np.iinfo(dtype).max)
    given = {"zero_point": View(3, "u1", ()), "column_sums": weights.sum((1, 2, 3), dtype=np.int32)}
    given = {} if zero is None else given
    step = kernels.family("depthwise").QuantizedDepthwise(
        view_of(0, x, memory), view_of(1, y, target), weights=weights, strides=strides, dilations=dilations,
        pads_begin=(0, 0), shifts=shifts, scales=scales, residual=view_of(2, residual, plain),
        stages=[("add", 0.25, 7)], zero=0 if dtype == "f4" else 3, **given,
    )  # fmt: skip
    run_steps([step], [memory, target, plain, np.array(zero or 0, np.uint8)], threads)
    near = np.abs(y - expected) <= (1e-3 if dtype == "f4" else 0)
    assert near.mean() > 0.99
    assert (target == 9).sum() >= target.size - y.size
