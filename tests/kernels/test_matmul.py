"""MatMul against products in float64."""

import numpy as np
import pytest

import ovlite.kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

from ..data import normal
from .images import tolerance
from .layouts import view_of

pytestmark = pytest.mark.usefixtures("level")

SIZES = (0, 1, 2, 5, 6, 7, 13, 14, 15, 33)


def check(step, arrays, y, expected, terms):
    """Runs with 1 and 2 threads: equal to the last bit, near `expected`, and no float beside y written.

    arrays: the memory of the slots. y: the result, a view of arrays[1] that has room around it."""
    outside = np.full_like(arrays[1], np.nan)
    results = []
    for threads in (1, 2):
        arrays[1][...] = np.nan
        run_steps([step], arrays, threads)
        results.append(y.copy())
        y[...] = np.nan
        np.testing.assert_array_equal(arrays[1], outside)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_allclose(results[0], expected, rtol=1e-6, atol=tolerance(terms))


def room(*shape):
    """(memory, y): y of `shape` within memory that is larger in the last two dimensions."""
    memory = np.empty((*shape[:-2], shape[-2] + 2, shape[-1] + 3), np.float32)
    return memory, memory[..., 1:-1, 1:-2]


def product(a, b):
    return a.astype(np.float64) @ b.astype(np.float64)


def run_constant(a, weights, *, memory=None, bias=None, residual=None, activation=None, expected=None):
    """Multiplies `a`, a part of `memory`, by constant weights."""
    matmul = ovlite.kernels.family("matmul")
    memory = a if memory is None else memory
    y_memory, y = room(*a.shape[:-1], weights.shape[1])
    if expected is None:
        expected = product(a, weights)
        expected += 0 if bias is None else bias
        expected += 0 if residual is None else residual
    step = matmul.MatMul(
        view_of(0, a, memory),
        None,
        view_of(1, y, y_memory),
        weights=weights,
        bias=bias,
        residual=None if residual is None else view_of(2, residual),
        activation=activation,
    )
    assert step.flops == 2 * y.size * len(weights)
    check(step, [memory, y_memory, residual if residual is not None else y_memory], y, expected, len(weights))


def run_pair(a, b, *, a_memory=None, b_memory=None, bias=None, residual=None):
    """Multiplies two run-time operands."""
    matmul = ovlite.kernels.family("matmul")
    a_memory, b_memory = a if a_memory is None else a_memory, b if b_memory is None else b_memory
    expected = product(a, b) + (0 if bias is None else bias) + (0 if residual is None else residual)
    y_memory, y = room(*expected.shape)
    step = matmul.MatMul(
        view_of(0, a, a_memory),
        view_of(2, b, b_memory),
        view_of(1, y, y_memory),
        bias=bias,
        residual=None if residual is None else view_of(3, residual),
    )
    check(step, [a_memory, y_memory, b_memory, y_memory if residual is None else residual], y, expected, a.shape[-1])


@pytest.mark.parametrize("rows", SIZES)
def test_rows(rows):
    run_constant(normal(rows, 20), normal(20, 37), bias=normal(37))
    run_pair(normal(rows, 20), normal(20, 37), bias=normal(37))


@pytest.mark.parametrize("columns", [0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 65])
def test_columns(columns):
    for rows in (1, 16):
        run_constant(normal(rows, 9), normal(9, columns), bias=normal(columns), residual=normal(rows, columns))
        run_pair(normal(rows, 9), normal(9, columns), residual=normal(rows, columns))


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("depth", [63, 64, 95, 96, 127, 128, 159, 160, 207])
def test_few_columns_of_constant_weights(columns, depth):
    for rows in (1, 2, 3, 4, 5, 30):
        run_constant(normal(rows, depth), normal(depth, columns), bias=normal(columns), residual=normal(rows, columns))
    wide = normal(50, 3, 5, depth)
    run_constant(wide[:, 1], normal(depth, columns), memory=wide)
    upright = normal(depth, 9)
    run_constant(upright.T, normal(depth, columns), memory=upright)


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 4, 5, 15, 16, 17, 33, 64, 1000])
def test_depth(depth):
    for rows in (1, 9):
        run_constant(normal(rows, depth), normal(depth, 35), bias=normal(35))
        run_pair(normal(rows, depth), normal(depth, 35))
        run_pair(normal(rows, depth), normal(35, depth).T)


@pytest.mark.parametrize("columns", [1, 17, 33, 50])
def test_a_bias_of_whole_panels_is_that_of_its_columns(columns):
    matmul = ovlite.kernels.family("matmul")
    a, packed, bias = normal(7, 20), matmul.pack(normal(20, columns)), normal(columns)
    whole = np.pad(bias, (0, -columns % packed.kernel.columns))[None]
    found = np.empty((2, 7, columns), np.float32)
    for y, given in zip(found, (bias, whole), strict=True):
        run_steps([matmul.MatMul(view_of(0, a), None, view_of(1, y), weights=packed, bias=given)], [a, y], 1)
    np.testing.assert_array_equal(*found)


def test_no_depth_gives_the_bias_through_the_activation():
    bias = np.array([-1.0, 2.0, 7.0], np.float32)
    run_constant(
        normal(4, 0),
        normal(0, 3),
        bias=bias,
        activation=("clamp", 0.0, 5.0),
        expected=np.broadcast_to([0.0, 2.0, 5.0], (4, 3)),
    )


@pytest.mark.parametrize("rows", [1, 3, 20, 90])
def test_strides_of_the_operands(rows):
    wide = normal(rows, 3, 24)
    run_constant(wide[:, 1, 2:21], normal(19, 40), memory=wide)
    upright = normal(19, rows)
    run_constant(upright.T, normal(19, 40), memory=upright)
    sparse = normal(rows, 2 * 19)
    run_constant(sparse[:, ::2], normal(19, 40), memory=sparse)
    b = normal(2 * 19, 2 * 40)
    run_pair(wide[:, 1, 2:21], b[::2, :40], a_memory=wide, b_memory=b)
    run_pair(upright.T, b[:19, ::2], a_memory=upright, b_memory=b)
    turned = normal(40, 30)
    run_pair(upright.T, turned[:, 5:24].T, a_memory=upright, b_memory=turned)


@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("columns", [1, 33, 200])
def test_rows_a_page_apart_give_the_bits_of_others(rows, columns):
    """They are read where they lie, a few at a time, or copied where many columns pay for it."""
    wide = normal(rows, 2048)
    weights = normal(1024, columns)
    for matrix in (weights, normal(2048, columns)):
        a = wide[:, : len(matrix)]
        apart = np.full((rows, 2100), np.nan, np.float32)[:, : len(matrix)]
        apart[...] = a
        found = [ovlite.kernels.matmul(operand, matrix) for operand in (a, apart)]
        np.testing.assert_array_equal(*found)
        run_constant(a, matrix, memory=wide)
    run_pair(np.stack([wide[:, :1024]] * 2), np.stack([weights] * 2))


@pytest.mark.parametrize("columns", [1, 4, 5, 8, 16, 20, 24, 40])
@pytest.mark.parametrize("activation", [None, ("hard_swish", 0.0, 0.0), ("sigmoid", 0.0, 0.0)])
def test_a_row_has_the_same_bits_in_every_tile(columns, activation):
    a, weights = normal(50, 20), normal(20, columns)
    whole = ovlite.kernels.matmul(a, weights, activation=activation)
    for rows in range(2, 50):
        np.testing.assert_array_equal(ovlite.kernels.matmul(a[:rows], weights, activation=activation), whole[:rows])
        np.testing.assert_array_equal(ovlite.kernels.matmul(a[-rows:], weights, activation=activation), whole[-rows:])


def test_transposed_weights():
    run_constant(normal(7, 30), normal(50, 30).T)


@pytest.mark.parametrize(
    ("a_batch", "b_batch"),
    [
        ((3,), (3,)),
        ((3,), ()),
        ((), (3,)),
        ((2, 3), (3,)),
        ((2, 1), (1, 3)),
        ((1, 2, 1, 2, 1, 2), (2, 1, 2, 1, 2, 1)),
        ((0,), (0,)),
        ((5, 2), (5, 1)),
    ],
)
def test_batches(a_batch, b_batch):
    run_pair(normal(*a_batch, 9, 8), normal(*b_batch, 8, 18))
    run_pair(normal(*a_batch, 1, 8), np.swapaxes(normal(*b_batch, 18, 8), -1, -2))


def test_batch_of_rows_by_constant_weights():
    run_constant(normal(2, 3, 5, 8), normal(8, 18), bias=normal(18))
    heads = normal(5, 4, 8)
    run_constant(heads.transpose(1, 0, 2), normal(8, 18), memory=heads)


def test_heads_of_attention_side_by_side():
    """Queries and keys as slices of one tensor, (tokens, heads, size) read as (heads, tokens, size)."""
    both = normal(30, 2, 4, 16)
    queries, keys = both[:, 0].transpose(1, 0, 2), both[:, 1].transpose(1, 2, 0)
    run_pair(queries, keys, a_memory=both, b_memory=both)


@pytest.mark.parametrize("shape", [(2, 6, 40), (6, 40), (40,), (1, 40), (2, 1, 1), (1, 1, 1), (6, 1), ()])
def test_residual_is_broadcast(shape):
    run_constant(normal(2, 6, 8), normal(8, 40), residual=normal(*shape))
    run_pair(normal(2, 6, 8), normal(2, 8, 40), residual=normal(*shape))


def test_large_enough_to_share_and_to_block():
    run_constant(normal(150, 200), normal(200, 100))
    run_constant(normal(500, 600), normal(600, 70))
    run_constant(normal(1000, 300).T, normal(1000, 40), memory=None)
    run_constant(normal(3, 700), normal(700, 500))
    run_constant(normal(1, 700), normal(700, 500))
    run_pair(normal(4, 60, 64), normal(4, 64, 60))
    a = normal(600, 700)
    run_pair(a.T, normal(600, 50), a_memory=a)


def test_packed_weights_give_the_same():
    matmul = ovlite.kernels.family("matmul")
    a, weights = normal(5, 20), normal(20, 37)
    packed = matmul.pack(weights)
    results = []
    for given in (weights, packed, packed):
        y = np.empty((5, 37), np.float32)
        run_steps([matmul.MatMul(view_of(0, a), None, view_of(1, y), weights=given)], [a, y])
        results.append(y)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    assert packed.nbytes >= weights.nbytes


def test_residual_may_be_the_result_itself():
    matmul = ovlite.kernels.family("matmul")
    a, weights, y = normal(20, 16), normal(16, 37), normal(20, 37)
    expected = product(a, weights) + y
    view = view_of(1, y)
    run_steps([matmul.MatMul(view_of(0, a), None, view, weights=weights, residual=view)], [a, y])
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=tolerance(16))


@pytest.mark.parametrize("columns", [1, 32, 40])
@pytest.mark.parametrize("rows", [1, 5])
def test_nan_and_infinity_pass_a_clamp_as_in_where(rows, columns):
    values = np.resize(np.array([np.nan, np.inf, -np.inf, 3.0, -3.0], np.float32), (rows, 1))
    expected = np.where(values < 0, 0, values)
    run_constant(
        values,
        np.ones((1, columns), np.float32),
        activation=("clamp", 0.0, np.inf),
        expected=np.broadcast_to(expected, (rows, columns)),
    )


def test_infinity_times_zero_is_nan_in_its_own_row_alone():
    a = np.ones((3, 2), np.float32)
    a[1, 0] = np.inf
    weights = np.array([[0, 1], [1, 1]], np.float32)
    run_constant(a, weights, expected=np.array([[1, 2], [np.nan, np.inf], [1, 2]]))


def test_other_activations_follow_the_sums():
    a, weights = normal(20, 5), normal(5, 37)
    sums = product(a, weights)
    run_constant(a, weights, activation=("leaky_relu", 0.25, 0.0), expected=np.where(sums < 0, 0.25 * sums, sums))


@pytest.mark.parametrize("rows", [1, 5, 6, 7, 11, 12, 13, 14, 15, 23, 40])
@pytest.mark.parametrize("columns", [1, 2, 4, 5, 7, 8, 9, 12, 16, 17, 24, 32, 33, 40])
@pytest.mark.parametrize(
    ("activation", "function"),
    [
        (("clamp", 0.0, np.inf), lambda v: np.maximum(v, 0)),
        (("leaky_relu", 0.25, 0.0), lambda v: np.where(v < 0, 0.25 * v, v)),
        (("hard_swish", 0.0, 0.0), lambda v: v * np.clip(v + 3, 0, 6) / 6),
    ],
)
def test_an_activation_follows_the_residual_in_tiles_of_any_size(rows, columns, activation, function):
    a, weights, bias = normal(rows, 5), normal(5, columns), normal(columns)
    for residual in (None, normal(rows, columns), normal(rows, 1)):
        expected = function(product(a, weights) + bias + (0 if residual is None else residual))
        run_constant(a, weights, bias=bias, residual=residual, activation=activation, expected=expected)


def test_errors():
    matmul = ovlite.kernels.family("matmul")
    a, b, y = View(0, "f4", (4, 5)), View(1, "f4", (5, 6)), View(2, "f4", (4, 6))
    with pytest.raises(ValueError, match="either a run-time b or constant weights"):
        matmul.MatMul(a, None, y)
    with pytest.raises(ValueError, match="either a run-time b or constant weights"):
        matmul.MatMul(a, b, y, weights=normal(5, 6))
    with pytest.raises(ValueError, match=r"shapes do not fit: a \(4, 5\), b \(5, 6\), y \(4, 7\)"):
        matmul.MatMul(a, b, View(2, "f4", (4, 7)))
    with pytest.raises(ValueError, match="shapes do not fit"):
        matmul.MatMul(a, None, y, weights=normal(4, 6))
    with pytest.raises(ValueError, match=r"expected weights of shape \(K, N\), got \(5,\)"):
        matmul.MatMul(a, None, y, weights=normal(5))
    with pytest.raises(ValueError, match="MatMul takes matrices"):
        matmul.MatMul(View(0, "f4", (5,)), b, y)
    with pytest.raises(ValueError, match="y has a column stride of 4"):
        matmul.MatMul(a, b, View(2, "f4", (4, 6), (1, 4)))
    with pytest.raises(ValueError, match=r"a of shape \(2, 4, 5\) can't be broadcast to \(3, 4, 5\)"):
        matmul.MatMul(View(0, "f4", (2, 4, 5)), b, View(2, "f4", (3, 4, 6)))
    with pytest.raises(ValueError, match=r"residual of shape \(3,\) can't be broadcast to \(4, 6\)"):
        matmul.MatMul(a, b, y, residual=View(3, "f4", (3,)))
    with pytest.raises(ValueError, match=r"a bias of shape \(5,\) for 6 columns"):
        matmul.MatMul(a, b, y, bias=normal(5))
    with pytest.raises(ValueError, match=r"a bias of shape \(1, 6\) for 6 columns"):
        matmul.MatMul(a, b, y, bias=normal(1, 6))
    with pytest.raises(TypeError, match="b is float16; this kernel takes float32"):
        matmul.MatMul(a, View(1, "f2", (5, 6)), y)
