"""Writes in place: to arrays of the function's own as in numpy; what escapes or has another name is refused."""

import numpy as np
import pytest

import ovlite as ov
from ovlite.errors import TraceError

from .support import check

X = np.arange(24.0).reshape(4, 6) + 0.5


def softmax(x):
    e = x - x.max(-1, keepdims=True)
    np.exp(e, out=e)
    e /= e.sum(-1, keepdims=True)
    return e


def image(x):
    x = x.astype(np.float32)
    x /= 255
    x[:, 0] -= np.float32(0.5)
    x[:, 1:3] *= 2
    return x


def operators(x):
    y = x * 2
    z = y
    y += 1
    y -= y.mean()
    y /= 3
    y **= 2
    y //= 0.5
    y %= 7
    return y, z


def of_bools(x):
    y = x > 3
    y &= x < 20
    y |= x == 0.5
    y ^= True
    return y


def product(x):
    y = x @ x.T
    y @= y
    return y


def parts(x):
    y = x.copy()
    y[0] = 5
    y[1:3, 2] = 7
    y[-1, ::2] = -1
    y[:, -1] = np.arange(4)
    y[..., 0] /= 2
    y[1:3, 2:4] -= y[1:3, 2:4].mean()
    y[2:, None] = x[None, :2][0][:, None]
    y[::-1] = y.copy()
    return y, x


def positions(x):
    y = x.copy()
    y[[0, 2]] = 9
    y[[0, 0], [1, 1]] = [3, 4]
    y[[1, 3]] += 1
    y[1, [0, 2]] = x[0, :2]
    y[np.arange(4), np.argsort([3, 1, 2, 0])] = 8
    return y


def masks(x):
    y = x * 1
    y[y > 10] = 0
    y[x < 3] = y.max()
    y[np.array([True, False, True, False])] = 0.25
    y[x[:, 0] > 15] = -1
    return y


def rows(x):
    y = np.zeros_like(x)
    for i in range(4):
        y[i] = x[i] * i
        y[i] += y[i - 1]
    return y


def other_memory(x):
    y = x * 1
    copies = y.copy(), y.flatten(), y.astype(float), np.round(y.astype(int)), y[[0, 1]], y[0] + 0, y[0, 0]
    y += 1
    y.fill(3)
    np.copyto(y[:0], 0)
    return copies


def the_same_memory(x):
    y = x * 1
    y[:].fill(2)
    z = y[...]
    z += 1
    return y, z


def views_alone(x):
    y = (x * 2).T
    y[:, 1:3] += x.T[:, 1:3]
    y[1:] -= y[:-1]
    return y


def scalars(x):
    total, first = x.sum(), x[0, 0]
    before = total, first
    total += 1
    first *= 1.5
    return total, first, before


def types(x):
    y = x.astype(np.int32)
    y += 3
    y[0] = 1.9
    y[1] = x[0]
    z = x.astype(np.float32)
    z += x
    return y, z


@pytest.mark.parametrize(
    "function",
    [softmax, image, operators, of_bools, product, parts, positions, masks, rows, other_memory, the_same_memory,
     views_alone, scalars, types],
    ids=lambda function: function.__name__,
)  # fmt: skip
def test_arrays_of_the_functions_own(function):
    given = X.copy()
    check(function, given, ulps=8)
    np.testing.assert_array_equal(given, X)


def of_an_argument(x):
    x[0] += 1


def by_a_view(x):
    y = x.astype(float, copy=False).T[1:]
    y *= 2


def of_a_global(x):
    np.add(x, 1, out=X)


def then_the_array(x):
    y = x * 1
    row = y[0]
    row += 1
    return y


def then_elsewhere(x):
    y = x * 1
    row = y[0]
    row += 1
    y[1] = row
    return y


def to_another_place(x):
    y = x[:4, :4] * 1
    row = y.T[0]
    row += 1
    y[0] = row
    return y


def then_the_view(x):
    y = x * 1
    row = y.reshape(-1)[3:]
    y[0] = 3
    return row


def half(x):
    y = x * 1
    above, below = np.split(y, 2)
    above += 1
    return below


def computed(x):
    y = x * 1
    y[np.argsort(x[0])] = 1
    return y


@pytest.mark.parametrize(
    ("function", "line", "text"),
    [
        (of_an_argument, 1, "to an argument"),
        (by_a_view, 2, "to an argument"),
        (of_a_global, 1, "an array from outside"),
        (then_the_array, 3, "the array is read behind this write"),
        (then_elsewhere, 3, "the array is read behind this write"),
        (to_another_place, 3, "the array is read behind this write"),
        (then_the_view, 3, "a view of the array is read behind this write"),
        (half, 3, "a view of the array is read behind this write"),
        (computed, 2, "computed positions"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_refused_with_its_line(function, line, text):
    with pytest.raises(TraceError, match=text) as caught:
        ov.compile_function(function, X)
    assert str(caught.value).startswith(f"{__file__}:{function.__code__.co_firstlineno + line}: ")


def whole_and_real(x):
    y = x.astype(int)
    y += 1.5


def too_long(x):
    y = x * 1
    y[0] = np.ones(5)


def too_large(x):
    y = x[0] * 1
    y += x


def out_of_range(x):
    y = x.astype(np.uint8)
    y[0] = 300


def beyond(x):
    y = x * 1
    y[4] = 1


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (whole_and_real, TypeError),
        (too_long, ValueError),
        (too_large, ValueError),
        (out_of_range, OverflowError),
        (beyond, IndexError),
    ],
)
def test_what_numpy_refuses(function, error):
    for run in (function, ov.jit(function)):
        with pytest.raises(error):
            run(X.copy())
