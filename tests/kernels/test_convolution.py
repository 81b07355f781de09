"""Convolution and ConvolutionTranspose against sums in float64."""

import numpy as np
import pytest

import ovlite.kernels
from ovlite.kernels.runtime import transforms
from ovlite.kernels.runtime.bands import bands, bands_of
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.phases import transpose_border
from ovlite.kernels.runtime.step import View

from ..data import normal
from .images import Image, check, tolerance

pytestmark = pytest.mark.usefixtures("level")


def convolve(x, weights, strides, dilations, pads_begin, output, groups):
    """Direct sum in float64."""
    x, weights = x.astype(np.float64), weights.astype(np.float64)
    kernel = weights.shape[2:]
    far = [(o - 1) * s + (k - 1) * d + 1 for o, s, k, d in zip(output, strides, kernel, dilations, strict=True)]
    padded = np.pad(
        x, [(0, 0), (0, 0), *[(p, max(0, f - p - n)) for p, f, n in zip(pads_begin, far, x.shape[2:], strict=True)]]
    )
    y = np.zeros((x.shape[0], groups, weights.shape[0] // groups, *output))
    for tap in np.ndindex(*kernel):
        at = [
            slice(k * d, k * d + (o - 1) * s + 1, s) for k, d, o, s in zip(tap, dilations, output, strides, strict=True)
        ]
        part = padded[(slice(None), slice(None), *at)]
        part = part.reshape(x.shape[0], groups, x.shape[1] // groups, *output)
        w = weights[(slice(None), slice(None), *tap)].reshape(groups, weights.shape[0] // groups, weights.shape[1])
        y += np.einsum("ngc...,gmc->ngm...", part, w)
    return y.reshape(x.shape[0], len(weights), *output)


def transpose_convolve(x, weights, strides, dilations, pads_begin, output, groups):
    """Scatters each input pixel, in float64."""
    x, weights = x.astype(np.float64), weights.astype(np.float64)
    kernel = weights.shape[2:]
    columns = weights.shape[1]
    far = [
        max((n - 1) * s + (k - 1) * d + 1, p + o)
        for n, s, k, d, p, o in zip(x.shape[2:], strides, kernel, dilations, pads_begin, output, strict=True)
    ]
    y = np.zeros((x.shape[0], groups, columns, *far))
    split = x.reshape(x.shape[0], groups, -1, *x.shape[2:])
    for tap in np.ndindex(*kernel):
        at = [
            slice(k * d, k * d + (n - 1) * s + 1, s)
            for k, d, n, s in zip(tap, dilations, x.shape[2:], strides, strict=True)
        ]
        w = weights[(slice(None), slice(None), *tap)].reshape(groups, -1, columns)
        y[(slice(None), slice(None), slice(None), *at)] += np.einsum("ngc...,gcm->ngm...", split, w)
    y = y[(slice(None), slice(None), slice(None), *[slice(p, p + o) for p, o in zip(pads_begin, output, strict=True)])]
    return y.reshape(x.shape[0], groups * columns, *output)


def run_convolution(
    spatial,
    channels,
    columns,
    kernel,
    strides=None,
    dilations=None,
    pads=None,
    pads_end=None,
    *,
    batch=1,
    groups=1,
    gap=0,
    y_gap=0,
    bias=True,
    residual=False,
    activation=None,
    winograd=0,
):
    conv = ovlite.kernels.family("convolution")
    ones = [1] * len(kernel)
    strides, dilations = strides or ones, dilations or ones
    pads = pads or [0] * len(kernel)
    pads_end = pads_end or pads
    output = [
        (n + b + e - (k - 1) * d - 1) // s + 1
        for n, b, e, k, d, s in zip(spatial, pads, pads_end, kernel, dilations, strides, strict=True)
    ]
    border = conv.convolution_border(spatial, output, kernel, strides, dilations, pads)
    x = Image(normal(batch, channels, *spatial), border, gap)
    y = Image(np.zeros((batch, columns, *output), np.float32), [(1, 2)] * len(output), y_gap)
    weights = normal(columns, channels // groups, *kernel)
    offset = normal(columns) if bias else None
    expected = convolve(x.values, weights, strides, dilations, pads, output, groups)
    if bias:
        expected += offset.reshape(-1, *ones)
    extra = None
    if residual:
        extra = Image(normal(*y.values.shape), gap=3)
        expected += extra.values
    if activation:
        expected = np.clip(expected, activation[1], activation[2])
    step = conv.convolution_step(
        x.view(0),
        y.view(1),
        weights=weights,
        strides=strides,
        dilations=dilations,
        pads_begin=pads,
        bias=offset,
        groups=groups,
        residual=extra and extra.view(2),
        activation=activation,
        winograd=winograd,
    )
    terms = weights[0].size
    assert step.flops == 2 * y.values.size * terms
    check(step, x, y, expected, terms, extra)
    return step


@pytest.mark.parametrize("width", [1, 2, 3, 5, 6, 7, 8, 13, 14, 15, 28, 29])
def test_width_of_the_image(width):
    run_convolution((5, width), 5, 9, (3, 3), pads=(1, 1))


@pytest.mark.parametrize("columns", [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65])
def test_number_of_output_channels(columns):
    run_convolution((3, 9), 6, columns, (3, 3), pads=(1, 1), residual=True, activation=("clamp", -1.0, 2.0), y_gap=5)


@pytest.mark.parametrize("width", [1, 4, 6, 7, 12, 13, 14, 23, 25, 36])
@pytest.mark.parametrize("columns", [4, 8, 20, 24])
def test_rows_of_several_tiles_by_narrow_panels(width, columns):
    run_convolution((5, width), 6, columns, (3, 3), pads=(1, 1), residual=True, activation=("clamp", -1.0, 2.0))
    run_convolution((2 * width,), 3 * columns, 3 * columns, (3,), (2,), pads=(1,), groups=3, batch=3)


@pytest.mark.parametrize("columns", [1, 2, 3, 4])
@pytest.mark.parametrize("gap", [0, 2])
def test_few_output_channels(columns, gap):
    run_convolution((3, 9), 50, columns, (3, 3), pads=(1, 1), residual=True, activation=("clamp", -1.0, 2.0), gap=gap)
    run_convolution((40, 23), 24, columns, (3, 3), (2, 2), pads=(1, 1), gap=gap, batch=2)
    run_convolution((3, 7), 200, 2 * columns, (3, 3), pads=(1, 1), groups=2, gap=gap)


@pytest.mark.parametrize("channels", [1, 2, 3, 16, 33])
def test_number_of_input_channels(channels):
    run_convolution((6, 7), channels, 8, (3, 3), pads=(1, 1), strides=(2, 2))


@pytest.mark.parametrize(
    ("kernel", "strides", "dilations", "pads"),
    [
        ((1, 1), (1, 1), (1, 1), (0, 0)),
        ((1, 1), (2, 2), (1, 1), (0, 0)),
        ((3, 3), (1, 1), (2, 3), (2, 3)),
        ((3, 3), (2, 3), (1, 1), (1, 0)),
        ((7, 7), (2, 2), (1, 1), (3, 3)),
        ((5, 1), (1, 1), (1, 1), (2, 0)),
        ((1, 5), (1, 2), (1, 2), (0, 4)),
        ((2, 2), (3, 3), (1, 1), (0, 0)),
        ((10, 12), (1, 1), (1, 1), (0, 0)),
        ((3,), (1,), (1,), (1,)),
        ((4,), (2,), (3,), (0,)),
        ((3, 3, 3), (1, 2, 1), (1, 1, 2), (1, 1, 0)),
    ],
)
@pytest.mark.parametrize("gap", [0, 16])
def test_geometry(kernel, strides, dilations, pads, gap):
    run_convolution((10, 12, 9)[: len(kernel)], 3, 18, kernel, strides, dilations, pads, batch=2, gap=gap)


@pytest.mark.parametrize(
    ("spatial", "kernel", "strides", "dilations", "pads", "parts"),
    [
        ((16, 16), (3, 3), (1, 1), (12, 12), (12, 12), 9),
        ((9, 13), (3, 3), (1, 1), (6, 9), (6, 9), 9),
        ((14, 12), (5, 3), (1, 1), (4, 3), (8, 3), 0),  # bands of two lines
        ((12, 6), (3, 3), (1, 1), (8, 6), (8, 6), 3),  # nothing but the centre in one dimension
        ((7, 7), (3, 3), (1, 1), (1, 1), (1, 1), 0),
        ((30, 30), (3, 3), (1, 1), (3, 3), (3, 3), 0),  # little to save
        ((24, 5), (3, 1), (2, 1), (12, 1), (12, 0), 2),
        ((12, 20), (3, 3), (2, 3), (6, 9), (6, 9), 0),
        ((16,), (3,), (1,), (12,), (12,), 3),
        ((9, 4, 9), (3, 1, 3), (1, 1, 1), (6, 1, 6), (6, 0, 6), 9),
        ((9, 9), (2, 2), (1, 1), (5, 5), (3, 4), 9),
    ],
)
@pytest.mark.parametrize("columns", [7, 40])
@pytest.mark.parametrize("groups", [1, 2])
def test_bands_that_multiply_no_padding(spatial, kernel, strides, dilations, pads, parts, columns, groups):
    geometry = spatial, 6, columns * groups, kernel, strides, dilations, pads
    step = run_convolution(*geometry, batch=2, groups=groups, gap=3)
    found = bands(spatial, outputs_of(*geometry), kernel, strides, dilations, pads)
    assert len(found) == parts
    assert type(step).__name__ == ("ConvolutionInParts" if parts else "DirectConvolution")
    run_convolution(*geometry, groups=groups, residual=True, activation=("clamp", -0.5, 0.5))
    run_convolution(*geometry, groups=groups, residual=True, bias=False)


def outputs_of(spatial, _channels, _columns, kernel, strides, dilations, pads):
    return [
        (n + 2 * b - (k - 1) * d - 1) // s + 1
        for n, b, k, d, s in zip(spatial, pads, kernel, dilations, strides, strict=True)
    ]


@pytest.mark.parametrize("size", [1, 2, 5, 9])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2, 4, 11])
@pytest.mark.parametrize("pad", [0, 1, 4, 12])
def test_a_band_has_all_elements_within_the_image(size, kernel, stride, dilation, pad):
    outputs = 7
    found = bands_of(size, outputs, kernel, stride, dilation, pad)
    assert [output for band, _ in found for output in band] == list(range(outputs))
    for band, elements in found:
        assert 0 <= elements.start < elements.stop <= kernel
        for output in band:
            inside = {k for k in range(kernel) if 0 <= output * stride + k * dilation - pad < size}
            assert inside <= set(elements)
            assert not inside or set(elements) == set(range(min(inside), max(inside) + 1))


def test_padding_at_the_end_alone():
    run_convolution((8, 9), 4, 6, (3, 3), (2, 2), pads=(0, 0), pads_end=(1, 2))


@pytest.mark.parametrize(
    ("groups", "channels", "columns"),
    [(2, 8, 6), (4, 4, 8), (3, 48, 51), (5, 10, 5), (8, 32, 32), (7, 14, 14), (9, 36, 36), (20, 160, 160), (4, 64, 64)],
)
@pytest.mark.parametrize("gap", [0, 3])
def test_groups(groups, channels, columns, gap):
    run_convolution((4, 15), channels, columns, (3, 3), pads=(1, 1), groups=groups, gap=gap, residual=True)
    run_convolution((4, 15), channels, columns, (3, 3), (2, 2), pads=(1, 1), groups=groups, gap=gap)
    run_convolution((4, 15), channels, columns, (2, 5), dilations=(2, 1), groups=groups)


def test_pointwise_images_without_gaps_are_one_matrix():
    run_convolution((5, 7), 40, 33, (1, 1), batch=3)


def test_wide_enough_to_share():
    run_convolution((30, 31), 32, 40, (3, 3), pads=(1, 1), residual=True)
    run_convolution((7, 7), 300, 200, (3, 3), pads=(1, 1))


def test_no_bias():
    run_convolution((4, 4), 4, 5, (2, 2), bias=False)


def test_empty_batch_and_no_input_channels():
    run_convolution((4, 4), 4, 5, (3, 3), batch=0)
    run_convolution((4, 4), 0, 5, (3, 3), pads=(1, 1))


def test_packed_weights_give_the_same():
    conv = ovlite.kernels.family("convolution")
    weights = normal(10, 3, 3, 3)
    packed = conv.pack(weights, 2)
    x = Image(normal(1, 6, 5, 5), [(1, 1)] * 2)
    results = []
    for given in (weights, packed):
        y = Image(np.zeros((1, 10, 5, 5), np.float32))
        step = conv.convolution_step(
            x.view(0), y.view(1), weights=given, strides=(1, 1), dilations=(1, 1), pads_begin=(1, 1), groups=2
        )
        run_steps([step], [x.memory, y.memory])
        results.append(y.values.copy())
    np.testing.assert_array_equal(*results)
    assert packed.nbytes >= weights.nbytes


def test_nan_and_infinity_pass_a_clamp_as_in_where():
    conv = ovlite.kernels.family("convolution")
    values = np.array([np.nan, np.inf, -np.inf, 3.0, -3.0], np.float32)
    x = Image(values.reshape(1, 1, 1, 5))
    for columns in (1, 40):
        y = Image(np.zeros((1, columns, 1, 5), np.float32))
        step = conv.convolution_step(
            x.view(0),
            y.view(1),
            weights=np.ones((columns, 1, 1, 1), np.float32),
            strides=(1, 1),
            dilations=(1, 1),
            pads_begin=(0, 0),
            activation=("clamp", 0.0, np.inf),
        )
        run_steps([step], [x.memory, y.memory])
        for column in range(columns):
            np.testing.assert_array_equal(y.values[0, column, 0], np.where(values < 0, 0, values))


def test_other_activations_follow_the_sums():
    conv = ovlite.kernels.family("convolution")
    x = Image(normal(1, 5, 4, 6))
    weights = normal(37, 5, 1, 1)
    y = Image(np.zeros((1, 37, 4, 6), np.float32))
    step = conv.convolution_step(
        x.view(0),
        y.view(1),
        weights=weights,
        strides=(1, 1),
        dilations=(1, 1),
        pads_begin=(0, 0),
        activation=("leaky_relu", 0.25, 0.0),
    )
    sums = convolve(x.values, weights, (1, 1), (1, 1), (0, 0), (4, 6), 1)
    check(step, x, y, np.where(sums < 0, 0.25 * sums, sums), 5)


def run_winograd(
    spatial, channels, columns, out, pads, pads_end, *, batch=1, residual=False, activation=None, side=3, groups=1
):
    """channels, columns: of a group."""
    conv, winograd = ovlite.kernels.family("convolution"), ovlite.kernels.family("winograd")
    output = [n + b + e - side + 1 for n, b, e in zip(spatial, pads, pads_end, strict=True)]
    border = conv.convolution_border(spatial, output, (side, side), (1, 1), (1, 1), pads)
    x = Image(normal(batch, groups * channels, *spatial), border)
    y = Image(np.zeros((batch, groups * columns, *output), np.float32), [(1, 1)] * 2, 3)
    weights, bias = normal(groups * columns, channels, side, side), normal(groups * columns)
    expected = convolve(x.values, weights, (1, 1), (1, 1), pads, output, groups) + bias.reshape(-1, 1, 1)
    extra = Image(normal(*y.values.shape)) if residual else None
    expected += extra.values if residual else 0
    if activation:
        expected = np.clip(expected, activation[1], activation[2])
    step = winograd.Winograd(
        x.view(0), y.view(1), conv.pack(weights, groups, out), pads, bias, extra and extra.view(2), activation
    )
    # the transforms of tiles of 6 x 6 pixels double the rounding error, their largest errors are rarer
    check(step, x, y, expected, (9 if out + side == 5 else 4 * side**2) * (channels + 1), extra)


@pytest.mark.parametrize("out", [2, 4])
@pytest.mark.parametrize("spatial", [(1, 1), (2, 2), (3, 4), (7, 7), (9, 14), (28, 30)])
@pytest.mark.parametrize(("channels", "columns"), [(1, 1), (5, 17), (16, 70), (40, 64), (33, 130)])
def test_winograd(spatial, channels, columns, out):
    run_winograd(spatial, channels, columns, out, (1, 1), (1, 1), batch=2, activation=("clamp", -1.0, np.inf))
    run_winograd(spatial, channels, columns, out, (2, 1), (0, 1), residual=True)


@pytest.mark.parametrize("out", [2, 4])
@pytest.mark.parametrize(
    ("spatial", "channels", "columns"),
    [((60, 61), 70, 40), ((20, 21), 170, 100), ((20, 21), 100, 257)],
    ids=["weights stay in a cache", "weights stream past", "many columns"],
)
def test_winograd_in_many_blocks(out, spatial, channels, columns):
    run_winograd(spatial, channels, columns, out, (1, 1), (1, 1), residual=True)


@pytest.mark.parametrize(("side", "out"), [(3, 2), (3, 4), (5, 2)])
@pytest.mark.parametrize(("groups", "channels", "columns"), [(1, 33, 70), (2, 16, 24), (3, 5, 65), (4, 40, 32)])
@pytest.mark.parametrize("spatial", [(5, 5), (6, 9), (13, 28)])
def test_winograd_of_groups_and_of_wider_windows(spatial, groups, channels, columns, side, out):
    options = {"side": side, "groups": groups}
    clamp = ("clamp", -1.0, np.inf)
    run_winograd(spatial, channels, columns, out, (2, 2), (2, 2), batch=2, activation=clamp, **options)
    run_winograd(spatial, channels, columns, out, (0, 1), (1, 0), residual=True, **options)


def test_winograd_is_chosen_where_it_is_faster():
    tile = transforms.winograd_tile
    ones = (1, 1)
    assert tile((64, 64, 3, 3), (1, 64, 56, 56), ones, ones) == 4
    assert tile((64, 64, 3, 3), (1, 64, 56, 56), ones, ones, most=2) == 2
    assert tile((64, 64, 3, 3), (1, 64, 56, 56), ones, ones, most=0) == 0
    assert tile((64, 64, 3, 3), (1, 64, 2, 2), ones, ones) == 2
    assert tile((64, 64, 3, 3), (1, 64, 1, 1), ones, ones) == 0
    assert tile((512, 512, 3, 3), (1, 512, 7, 7), ones, ones) == 0
    assert tile((512, 512, 3, 3), (2, 512, 7, 7), ones, ones) == 2
    assert tile((512, 512, 3, 3), (1, 512, 7, 7), ones, ones, lanes=8) == 2
    assert tile((512, 512, 3, 3), (1, 512, 5, 5), ones, ones, lanes=8) == 0
    assert tile((512, 512, 3, 3), (1, 512, 7, 7), ones, ones, most=4, lanes=4) == 4
    assert tile((64, 3, 3, 3), (1, 64, 56, 56), ones, ones) == 0
    assert tile((64, 64, 3, 3), (1, 64, 56, 56), (2, 2), ones) == 0
    assert tile((64, 64, 3, 3), (1, 64, 56, 56), ones, (1, 2)) == 0
    assert tile((64, 32, 3, 3), (1, 64, 56, 56), ones, ones, groups=2) == 0
    assert tile((64, 32, 3, 3), (1, 64, 56, 56), ones, ones, groups=2, lanes=8) == 4
    assert tile((64, 8, 3, 3), (1, 64, 56, 56), ones, ones, groups=8, lanes=8) == 0
    assert tile((64, 64, 5, 5), (1, 64, 56, 56), ones, ones) == 0
    assert tile((64, 64, 5, 5), (1, 64, 56, 56), ones, ones, lanes=8) == 2
    assert tile((64, 64, 5, 5), (1, 64, 56, 56), ones, ones, most=2, lanes=8) == 0
    assert tile((64, 64, 7, 7), (1, 64, 56, 56), ones, ones, lanes=8) == 0
    assert tile((64, 64, 3), (1, 64, 56), (1,), (1,)) == 0


@pytest.mark.parametrize("winograd", [2, 4])
def test_convolution_takes_winograd_where_it_may(winograd):
    run_convolution((8, 8), 20, 24, (3, 3), (2, 2), pads=(1, 1), winograd=winograd)
    with pytest.raises(ValueError, match="expected output tiles of 2 x 2 or 4 x 4 for windows of 3 x 3, .* got 3 x 3"):
        ovlite.kernels.family("convolution").pack(normal(4, 4, 3, 3), winograd=3)


def test_convolution_by_winograd_is_the_winograd_step():
    conv = ovlite.kernels.family("convolution")
    weights = normal(20, 16, 3, 3)
    x = Image(normal(1, 16, 12, 12), [(1, 1)] * 2)
    options = {"strides": (1, 1), "dilations": (1, 1), "pads_begin": (1, 1)}
    results = []
    for winograd, given in ((0, weights), (2, weights), (2, conv.pack(weights, winograd=2)), (4, weights)):
        y = Image(np.zeros((1, 20, 12, 12), np.float32))
        step = conv.convolution_step(x.view(0), y.view(1), weights=given, winograd=winograd, **options)
        run_steps([step], [x.memory, y.memory])
        results.append(y.values.copy())
    np.testing.assert_array_equal(results[1], results[2])
    for other, transform in ((results[1], 9), (results[3], 36)):  # as in run_winograd
        assert np.any(other != results[0])
        np.testing.assert_allclose(other, results[0], atol=tolerance(transform * 17))


@pytest.mark.parametrize("weight", [np.inf, -np.inf, np.nan, 3e38])
@pytest.mark.parametrize("winograd", [2, 4])
def test_weights_that_are_no_numbers_change_no_more_than_in_a_direct_convolution(weight, winograd):
    conv = ovlite.kernels.family("convolution")
    weights = normal(20, 16, 3, 3)
    weights[3, 2, 0, 1] = weight
    x, y = Image(normal(1, 16, 12, 12), [(1, 1)] * 2), Image(np.zeros((1, 20, 12, 12), np.float32))
    packed = conv.pack(weights, winograd=winograd)
    assert not isinstance(packed, ovlite.kernels.family("winograd").TransformedWeights)
    options = {"strides": (1, 1), "dilations": (1, 1), "pads_begin": (1, 1)}
    run_steps([conv.convolution_step(x.view(0), y.view(1), weights=packed, **options)], [x.memory, y.memory])
    with np.errstate(invalid="ignore", over="ignore"):
        expected = convolve(x.values, weights, (1, 1), (1, 1), (1, 1), (12, 12), 1).astype(np.float32)
    np.testing.assert_allclose(y.values, expected, rtol=1e-5, atol=tolerance(9 * 17))
    assert np.isfinite(np.delete(y.values, 3, axis=1)).all()


def make(x_shape, y_shape, weights, **changes):
    conv = ovlite.kernels.family("convolution")
    options = {"strides": (1, 1), "dilations": (1, 1), "pads_begin": (0, 0), **changes}
    x, y = (Image(np.zeros(shape, np.float32)).view(slot) for slot, shape in enumerate((x_shape, y_shape)))
    return conv.convolution_step(x, y, weights=weights, **options)


def test_errors():
    weights = normal(4, 2, 1, 1)
    with pytest.raises(ValueError, match="expected x and y for weights of 1 groups of 2 to 4 channels, got"):
        make((1, 3, 2, 2), (1, 4, 2, 2), weights)
    with pytest.raises(ValueError, match="expected weights for a multiple of 3 groups, got"):
        make((1, 6, 2, 2), (1, 4, 2, 2), weights, groups=3)
    with pytest.raises(ValueError, match="1 to 3 spatial dimensions"):
        make((1, 2, 2), (1, 4, 2, 2), weights)
    with pytest.raises(ValueError, match=r"a bias of shape \(3,\) for 4 columns"):
        make((1, 2, 2, 2), (1, 4, 2, 2), weights, bias=normal(3))
    conv = ovlite.kernels.family("convolution")
    options = {"weights": weights, "strides": (1, 1), "dilations": (1, 1), "pads_begin": (0, 0)}
    with pytest.raises(ValueError, match="expected x with its channels side by side, got a channel stride of 4"):
        conv.convolution_step(View(0, "f4", (1, 2, 2, 2)), View(1, "f4", (1, 4, 2, 2), (16, 1, 8, 4)), **options)
    with pytest.raises(TypeError, match="x is float64; this kernel takes float32"):
        conv.convolution_step(View(0, "f8", (1, 2, 2, 2)), View(1, "f4", (1, 4, 2, 2)), **options)


@pytest.mark.parametrize(
    ("kernel", "strides", "dilations", "pads", "extra"),
    [
        ((2, 2), (2, 2), (1, 1), (0, 0), (0, 0)),
        ((3, 3), (2, 2), (1, 1), (1, 1), (1, 1)),
        ((4, 4), (2, 2), (1, 1), (1, 1), (0, 0)),
        ((3, 3), (1, 1), (1, 1), (1, 0), (0, 0)),
        ((3, 3), (2, 3), (2, 2), (0, 1), (0, 2)),
        ((1, 1), (3, 2), (1, 1), (0, 0), (2, 1)),
        ((5, 3), (3, 1), (1, 3), (4, 2), (0, 0)),
        ((5,), (3,), (2,), (1,), (0,)),
        ((3, 2, 3), (2, 1, 2), (1, 1, 1), (1, 0, 0), (0, 0, 1)),
    ],
)
@pytest.mark.parametrize("groups", [1, 3])
def test_transpose(kernel, strides, dilations, pads, extra, groups):
    conv = ovlite.kernels.family("convolution")
    spatial = (5, 7, 4)[: len(kernel)]
    output = [
        (n - 1) * s + (k - 1) * d + 1 - 2 * p + e
        for n, s, k, d, p, e in zip(spatial, strides, kernel, dilations, pads, extra, strict=True)
    ]
    weights = normal(6, 17, *kernel)
    bias = normal(17 * groups)
    border = transpose_border(spatial, output, kernel, strides, dilations, pads)
    x = Image(normal(2, 6, *spatial), border, 2)
    y = Image(np.zeros((2, 17 * groups, *output), np.float32), [(1, 1)] * len(output), 1)
    expected = transpose_convolve(x.values, weights, strides, dilations, pads, output, groups)
    expected = np.maximum(expected + bias.reshape(-1, *[1] * len(kernel)), 0)
    geometry = {"strides": strides, "dilations": dilations, "pads_begin": pads, "groups": groups}
    for given in (weights, conv.pack_phases(weights, **geometry)):
        step = conv.ConvolutionTranspose(
            x.view(0), y.view(1), weights=given, bias=bias, activation=("clamp", 0.0, np.inf), **geometry
        )
        check(step, x, y, expected, weights[:, 0].size)


def test_borders_are_what_the_windows_reach():
    conv = ovlite.kernels.family("convolution")
    assert conv.convolution_border((5, 8), (5, 4), (3, 3), (1, 2), (1, 1), (1, 0)) == [(1, 1), (0, 1)]
    assert conv.convolution_border((5,), (1,), (3,), (1,), (1,), (0,)) == [(0, 0)]
    assert transpose_border((5, 5), (10, 11), (2, 3), (2, 2), (1, 1), (0, 0)) == [(0, 0), (1, 1)]


@pytest.mark.parametrize(("side", "out"), [(3, 2), (3, 4), (5, 2)])
@pytest.mark.parametrize("columns, depth", [(1, 1), (64, 64), (65, 64), (130, 63)])  # below, at and above 4096 windows
@pytest.mark.parametrize("groups", [1, 2])
def test_transformed_weights_are_those_of_each_window_alone(side, out, columns, depth, groups):
    weights = normal(groups * columns, depth, side, side)
    transform = transforms.kernel_transform(out, side)
    parts = transforms.transformed(weights, out, groups).reshape(groups, -1, depth, columns)
    for column, channel in {(0, 0), (columns // 2, depth // 2), (columns - 1, depth - 1)}:
        for group in range(groups):
            window = weights[group * columns + column, channel].astype(np.float64)
            expected = (transform @ window @ transform.T).astype(np.float32)
            np.testing.assert_allclose(parts[group, :, channel, column], expected.ravel(), rtol=1e-6, atol=1e-7)
