"""Images in memory as the convolution kernels take them, and how their results are checked."""

import numpy as np

from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View


class Image:
    """A channels-last image in memory, with `border` zeros around it and `gap` unused floats behind each pixel."""

    def __init__(self, values, border=None, gap=0):
        batch, channels, *spatial = values.shape
        border = border or [(0, 0)] * len(spatial)
        self.memory = np.zeros(
            (batch, *[b + s + e for s, (b, e) in zip(spatial, border, strict=True)], channels + gap), np.float32
        )
        self.memory[..., channels:] = np.nan
        inside = tuple(slice(b, b + s) for s, (b, _) in zip(spatial, border, strict=True))
        self.values = np.moveaxis(self.memory[(slice(None), *inside, slice(channels))], -1, 1)
        self.values[...] = values
        self.inside = inside

    def view(self, slot):
        strides = [stride // 4 for stride in self.values.strides]
        offset = self.values.__array_interface__["data"][0] - self.memory.__array_interface__["data"][0]
        return View(slot, np.float32, self.values.shape, strides, offset)

    def untouched(self):
        """The floats of the memory that are not the image's."""
        outside = np.ones(self.memory.shape, bool)
        outside[(slice(None), *self.inside, slice(self.values.shape[1]))] = False
        return self.memory[outside]


def tolerance(terms):
    """Of a sum of `terms` products of normal numbers in one chain: step k rounds a partial sum of about
    sqrt(k) by at most 2 ** -24 of it, at random, which makes terms * 2 ** -25; eight times that."""
    return 8 * (terms + 4) * 2.0**-25


# What multiplying two numbers may err by, in parts of their product. The bf16 nearest to a number is within 2 ** -8 of
# it; two of them within 2 ** -16, and the product of their second halves is as small.
ROUNDING = {None: 0.0, "bf16": 2.0**-7 + 2.0**-16, "bf16x3": 3 * 2.0**-16, "bf16x6": 3 * 2.0**-25}


def assert_near(y, expected, terms, products, magnitudes):
    """Within the rounding of `terms` additions and of the products, whose magnitudes add up to `magnitudes`."""
    bound = tolerance(terms) + magnitudes * (ROUNDING[products] + 2.0**-23)
    apart = np.abs(y - expected)
    assert (apart <= bound).all(), f"{products}: {apart.max(initial=0)} apart, where {bound.min(initial=0)} is allowed"


def check(step, x, y, expected, terms, residual=None):
    """Runs with 1 and 2 threads: equal to the last bit, near `expected`, and no float beside y written."""
    results = []
    outside = y.untouched().copy()
    for threads in (1, 2):
        y.values[...] = np.nan
        run_steps([step], [x.memory, y.memory, *([] if residual is None else [residual.memory])], threads)
        results.append(y.values.copy())
        np.testing.assert_array_equal(y.untouched(), outside)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_allclose(results[0], expected, rtol=1e-6, atol=tolerance(terms))
