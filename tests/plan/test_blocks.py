"""DepthToSpace and SpaceToDepth are copies, from and to images of either layout."""

import numpy as np
import pytest

from ovlite.ops.interpreter import evaluate_model

from ..tolerances import sums
from .support import compiled, noise, ops, parameter, run, step_names


@pytest.mark.parametrize("mode", ["blocks_first", "depth_first"])
@pytest.mark.parametrize("kind", ["depth_to_space", "space_to_depth"])
@pytest.mark.parametrize("spatial", [(4,), (4, 6), (2, 4, 6)])
def test_blocks_are_moved(kind, mode, spatial):
    x = parameter([2, 16, *spatial])
    executable = compiled([ops[kind](x, mode, 2)], [x])
    data = noise(2, 16, *spatial)
    (expected,) = evaluate_model(executable._model, [data])
    np.testing.assert_array_equal(run(executable, [data])[0], expected)
    assert step_names(executable, data.shape) == ["Copy"]


@pytest.mark.parametrize("mode", ["blocks_first", "depth_first"])
def test_blocks_of_what_a_convolution_writes(mode):
    x = parameter([1, 3, 5, 4])
    wide = ops["depth_to_space"](ops["convolution"](x, noise(8, 3, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1]), mode, 2)
    executable = compiled([ops["convolution"](wide, noise(4, 2, 1, 1), [1, 1], [0, 0], [0, 0], [1, 1])], [x])
    data = noise(1, 3, 5, 4)
    (expected,) = evaluate_model(executable._model, [data])
    np.testing.assert_allclose(run(executable, [data])[0], expected, **sums(32))
