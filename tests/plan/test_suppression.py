"""Boxes are suppressed by a kernel, or by numpy where scores get lower instead."""

import numpy as np
import pytest

from ovlite.ops.interpreter import evaluate_model

from .support import compiled, ops, parameter, run


@pytest.mark.parametrize("sigma", [0.0, 0.5])
def test_boxes_without_bounds_raise_no_floating_point_errors(sigma):
    """Also where the caller has numpy raise them."""
    boxes, scores = parameter([1, 2, 4]), parameter([1, 1, 2])
    settings = np.int64(2), np.float32(0.5), np.float32(0), np.float32(sigma)
    node = ops["non_max_suppression"](boxes, scores, *settings, box_encoding="center")
    executable = compiled([node.output(0)], [boxes, scores])
    data = [np.array([[[1, 1, 2, 2], [np.inf] * 4]], np.float32), np.array([[[0.9, 0.8]]], np.float32)]
    with np.errstate(all="raise"):
        (kept,) = run(executable, data)
    np.testing.assert_array_equal(kept, [[0, 0, 0]])  # the overlap with the other is no number
    np.testing.assert_array_equal(kept, evaluate_model(executable._model, data)[0])
