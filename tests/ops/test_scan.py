"""The cumulative sum."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.ops import factories

from .support import check, fixed

CUMULATIVE = {
    (False, False): [[1, 3, 6], [4, 9, 15]],
    (True, False): [[0, 1, 3], [0, 4, 9]],
    (False, True): [[6, 5, 3], [15, 11, 6]],
    (True, True): [[5, 3, 0], [11, 6, 0]],
}


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64])
@pytest.mark.parametrize("exclusive, reverse", CUMULATIVE)
def test_cumulative_sum(exclusive: bool, reverse: bool, dtype: type) -> None:
    x, expected = np.array([[1, 2, 3], [4, 5, 6]], dtype), np.array(CUMULATIVE[exclusive, reverse], dtype)
    check("cum_sum", x, fixed(1), exclusive, reverse, expected=expected)
    check("cumsum", x.T.copy(), fixed(-2), exclusive, reverse, expected=expected.T)


def test_cumulative_sum_of_little() -> None:
    check("cum_sum", np.zeros((0, 2), np.float32), fixed(0), True, expected=np.zeros((0, 2)), peer="")
    check("cum_sum", np.ones((1, 2), np.float32), fixed(0), True, expected=np.zeros((1, 2)))
    with pytest.raises(ModelError, match="axis 2 is out of range"):
        factories(13)["cum_sum"](np.ones((2, 2)), 2)
    with pytest.raises(ModelError, match="axis to be a single number, got 2"):
        factories(13)["cum_sum"](np.ones((2, 2)), [0, 1])
