"""Images are read between pixels by kernels, in either layout."""

import numpy as np
import pytest

from ovlite.ops.interpreter import evaluate_model
from ovlite.types import Type

from ..tolerances import sums
from .support import compiled, noise, ops, parameter, run, step_names

ATTRIBUTES = {"align_corners": True, "mode": "bilinear", "padding_mode": "border"}


@pytest.mark.parametrize("convolved", [False, True])
def test_what_convolutions_read_and_write(convolved):
    x, grid = parameter([1, 3, 6, 7]), parameter([1, 5, 4, 2])
    filters = noise(8, 3, 3, 3)
    image = ops["convolution"](x, filters, [1, 1], [1, 1], [1, 1], [1, 1]) if convolved else x
    node = ops["grid_sample"](image, grid, ATTRIBUTES)
    if convolved:
        node = ops["convolution"](node, noise(4, 8, 1, 1), [1, 1], [0, 0], [0, 0], [1, 1])
    executable = compiled([node], [x, grid])
    data = [noise(1, 3, 6, 7), np.tanh(noise(1, 5, 4, 2))]
    np.testing.assert_allclose(run(executable, data)[0], evaluate_model(executable._model, data)[0], **sums(300))
    assert executable.plan(tuple(array.shape for array in data)).program.native


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_an_image_read_many_times_is_copied_first(mode):
    x, grid = parameter([2, 16, 3, 4]), parameter([2, 9, 8, 2])
    executable = compiled([ops["grid_sample"](x, grid, ATTRIBUTES | {"mode": mode})], [x, grid])
    data = [noise(2, 16, 3, 4), np.tanh(noise(2, 9, 8, 2))]
    np.testing.assert_allclose(run(executable, data)[0], evaluate_model(executable._model, data)[0], **sums(16))
    assert step_names(executable, *(array.shape for array in data)) == ["Copy", "GridSample"]


@pytest.mark.parametrize("sizes", [(64, 1, 6000), (64, 6000, 1), (1, 1, 50000)])
def test_a_long_line_is_an_image(sizes):
    """Its elements are few, and width times height and width are more than 2**31."""
    channels, height, width = sizes
    x, grid = parameter([1, *sizes]), parameter([1, height, width, 2])
    executable = compiled([ops["grid_sample"](x, grid, ATTRIBUTES)], [x, grid])
    places = [np.linspace(-1, 1, length) if length > 1 else np.zeros(1) for length in (width, height)]
    data = [noise(1, *sizes), np.stack(np.meshgrid(*places), axis=-1)[np.newaxis].astype(np.float32)]
    # The grid is that of the pixels, at places that are rounded to some thousandths of a pixel.
    np.testing.assert_allclose(run(executable, data)[0], data[0], atol=0.05)
    assert executable.plan(tuple(array.shape for array in data)).program.native


@pytest.mark.parametrize("kind", [Type.i32, Type.i64])
def test_regions_of_what_a_convolution_writes(kind):
    x, regions, indices = parameter([2, 3, 6, 7]), parameter([-1, 4]), parameter([-1], kind)
    image = ops["convolution"](x, noise(8, 3, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
    node = ops["roi_align"](image, regions, indices, 3, 2, 2, 1.0, "avg", "half_pixel")
    executable = compiled([node], [x, regions, indices])
    for count in (3, 0):
        boxes = np.array([[0, 0, 4, 4], [1, 2, 3, 6], [0, 0, 7, 6]], np.float32)[:count]
        data = [noise(2, 3, 6, 7), boxes, np.array([0, 1, 1], kind.to_dtype())[:count]]
        np.testing.assert_allclose(run(executable, data)[0], evaluate_model(executable._model, data)[0], **sums(300))
        assert executable.plan(tuple(array.shape for array in data)).program.native


def test_an_image_without_elements():
    x, grid = parameter([1, 2, 0, 3]), parameter([1, 2, 2, 2])
    executable = compiled([ops["grid_sample"](x, grid, ATTRIBUTES | {"padding_mode": "zeros"})], [x, grid])
    data = [np.zeros((1, 2, 0, 3), np.float32), noise(1, 2, 2, 2)]
    np.testing.assert_array_equal(run(executable, data)[0], np.zeros((1, 2, 2, 2)))
