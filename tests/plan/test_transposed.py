"""Transposed convolutions whose windows do not overlap: a product and a copy where they have few channels."""

from __future__ import annotations

import numpy as np
import pytest

from ..data import normal
from .support import compiled, ops, parameter, run, step_names

DEPTH = 9
BLOCKS = [(2,), (3,), (2, 2), (1, 3), (4, 2), (2, 1, 3)]


def spread(x, weights):
    """The block that each pixel gives, at its place."""
    rank, block = x.ndim - 2, weights.shape[2:]
    found = np.tensordot(weights.astype(np.float64), x.astype(np.float64), ([0], [1]))  # columns, block, batch, pixels
    order = [rank + 1, 0]
    for axis in range(rank):
        order += [rank + 2 + axis, 1 + axis]
    lengths = [length * size for length, size in zip(x.shape[2:], block, strict=True)]
    return found.transpose(order).reshape(x.shape[0], weights.shape[1], *lengths)


def transposed(x, weights, grouped=False, **more):
    block = weights.shape[2:]
    zeros, ones = [0] * len(block), [1] * len(block)
    name = "group_convolution_backprop_data" if grouped else "convolution_backprop_data"
    weights = weights[np.newaxis] if grouped else weights
    return ops[name](x, weights, strides=list(block), pads_begin=zeros, pads_end=zeros, dilations=ones, **more)


@pytest.mark.parametrize("columns", [1, 2, 4, 5])
@pytest.mark.parametrize("block", BLOCKS, ids=str)
@pytest.mark.parametrize("grouped", [False, True])
def test_each_pixel_gives_a_block(level, columns, block, grouped):
    weights = normal(DEPTH, columns, *block)
    x = parameter([-1, DEPTH, *[-1] * len(block)])
    executable = compiled([transposed(x, weights, grouped)], [x])
    for batch, length in ((1, 1), (2, 5), (1, 16), (1, 0)):
        given = normal(batch, DEPTH, *[length + axis for axis in range(len(block))])
        (found,) = run(executable, [given])
        expected = spread(given, weights)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=0, atol=4 * DEPTH * 2**-24 * np.abs(expected).max(initial=1))


@pytest.mark.parametrize("columns", [1, 3, 4])
def test_bias_activation_and_what_comes_behind(level, columns):
    """The blocks lie in an image whose border a convolution reads."""
    weights, bias = normal(DEPTH, columns, 2, 2), normal(1, columns, 1, 1)
    behind = normal(7, columns, 3, 3)
    x, given = parameter([2, DEPTH, 6, 5]), normal(2, DEPTH, 6, 5)
    y = ops["relu"](ops["add"](transposed(x, weights), bias))
    z = ops["convolution"](y, behind, [1, 1], [1, 1], [1, 1], [1, 1])
    found = run(compiled([y, z], [x]), [given])
    expected = np.maximum(spread(given, weights) + bias, 0)
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-5)
    padded = np.pad(expected, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    np.testing.assert_allclose(found[1], np.einsum("nchwij,ocij->nohw", windows, behind), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "change",
    [
        {"dilations": [2, 2]}, {"pads_begin": [1, 0], "pads_end": [1, 0]}, {"output_padding": [1, 0]},
        {"strides": [2, 3]},
    ],
    ids=str,
)  # fmt: skip
def test_windows_that_overlap_or_leave_gaps_are_phases(change):
    weights = normal(DEPTH, 2, 2, 2)
    x = parameter([1, DEPTH, 6, 5])
    geometry = {"strides": [2, 2], "pads_begin": [0, 0], "pads_end": [0, 0], "dilations": [1, 1], **change}
    executable = compiled([ops["convolution_backprop_data"](x, weights, **geometry)], [x])
    assert "ConvolutionTranspose" in step_names(executable, (1, DEPTH, 6, 5))


def test_windows_that_do_not_overlap_are_products():
    x = parameter([1, DEPTH, 6, 5])
    names = step_names(compiled([transposed(x, normal(DEPTH, 2, 2, 2))], [x]), (1, DEPTH, 6, 5))
    assert "ConvolutionTranspose" not in names and any("Convolution" in name for name in names)
