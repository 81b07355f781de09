"""Pads that crop, in plans."""

import numpy as np
import pytest

from .support import compiled, noise, ops, parameter, run


@pytest.mark.parametrize("pads", [(-3, 2), (-4, 2), (2, -1), (1, 2)])
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
def test_what_is_cropped_is_mirrored_first(mode, pads):
    x, data = parameter([2, 4]), noise(2, 4)
    node = ops["pad"](x, [0, pads[0]], [1, pads[1]], mode)
    expected = node.op.evaluate(data, np.array([0, pads[0]]), np.array([1, pads[1]]))[0]
    np.testing.assert_array_equal(run(compiled([node], [x]), [data])[0], expected)
