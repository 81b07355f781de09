"""Map and Convert against numpy, on every level and with one and two threads."""

import itertools
import math

import numpy as np
import pytest

from ovlite.kernels import family
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.failures import StepError
from ovlite.kernels.runtime.step import View

from .layouts import view_of

pytestmark = pytest.mark.usefixtures("level")


def apply(program, reads, write, threads=1, flush=False):
    """Runs a Map on arrays, which may be strided views; returns `write`."""
    views = [view_of(slot, array) for slot, array in enumerate(reads)]
    run_steps([family("elementwise").Map(program, views, view_of(len(reads), write))], [*reads, write], threads, flush)
    return write


def normal(shape, dtype=np.float32, seed=0):
    values = np.random.default_rng(seed).standard_normal(shape)
    return np.array(values if np.dtype(dtype).kind == "f" else values * 40).astype(dtype)


# Operations that may stand first in a pair; all but div may be the second.
REAL = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}
SHAPES = [
    (),
    (0,),
    (1,),
    (5,),
    (63,),
    (64,),
    (65,),
    (511,),
    (513,),
    (1023,),
    (1024,),
    (1025,),
    (3, 1025),
    (4, 2, 3),
    (7, 130),
    (2, 5, 64),
    (1, 1, 3),
    (40, 70, 9),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 127, 128, 129, 1025, 2100])
def test_two_operations_at_once_are_rounded_as_one_by_one(count, dtype):
    """The first one's value on either side of the second, beside values, constants, and single elements."""
    x, y, z = (normal((count,), dtype, seed) for seed in range(3))
    one = normal((1,), dtype, 3)
    for first, second in itertools.product(REAL, ("add", "sub", "mul")):
        for u, v, w in ((x, y, z), (2.5, x, y), (x, 2.5, y), (x, y, 2.5), (x, x, x), (one, x, y), (x, y, one)):
            reads = [value for value in (u, v, w) if not isinstance(value, float)]
            count_of = iter(range(3))
            a, b, c = (value if isinstance(value, float) else next(count_of) for value in (u, v, w))
            value = len(reads)
            inner = REAL[first](u, v, dtype=dtype)
            for operands, expected in (
                ((value, c), REAL[second](inner, w, dtype=dtype)),
                ((c, value), REAL[second](w, inner, dtype=dtype)),
            ):
                found = apply([(first, a, b), (second, *operands)], reads, np.empty(count, dtype))
                np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("columns", [1, 23, 24, 25, 63, 64, 127, 128, 129, 340, 341, 342, 512, 513])
def test_pairs_on_rows_with_gaps_between_them(columns, threads):
    """Rows that are no whole number of runs are computed as copies, side by side; what is between them stays."""
    wide = normal((70, 600))
    x, scale, shift = wide[:, :columns], normal((columns,), seed=1), normal((1, columns), seed=2)
    write = np.full((70, 600), 7, np.float32)
    program = [("mul", 0, 1), ("add", 3, 2), ("mul", 4, 0), ("clamp", 5, 0.0, math.inf)]
    apply(program, [x, scale, shift], write[:, 5 : 5 + columns], threads)
    np.testing.assert_array_equal(write[:, 5 : 5 + columns], np.maximum((x * scale + shift) * x, 0))
    write[:, 5 : 5 + columns] = 7
    assert (write == 7).all()


def test_a_value_that_is_taken_twice_is_computed_once_for_both():
    x, y = normal((70,)), normal((70,), seed=1)
    program = [("mul", 0, 1), ("add", 2, 2), ("sub", 3, 0), ("mul", 4, 2), ("sub", 1, 5), ("less", 6, 0.5)]
    product = x * y
    expected = y - (product + product - x) * product < np.float32(0.5)
    np.testing.assert_array_equal(apply(program, [x, y], np.empty(70, bool)), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])  # tiles of 1024 and of 512 elements
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_chain_gives_what_its_operators_give_one_by_one(shape, dtype, threads):
    a, b = normal(shape, dtype), normal(shape, dtype, seed=1)
    program = [("mul", 0, 2.0), ("add", 2, 1), ("max", 3, 0.0), ("sub", 4, 0)]
    expected = np.maximum(a * dtype(2) + b, dtype(0)) - a
    np.testing.assert_array_equal(apply(program, [a, b], np.empty_like(a), threads), expected)
    np.testing.assert_array_equal(apply([("add", 0, 1)], [a, b], np.empty_like(a), threads), a + b)


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 3, 4, 5), (3, 1, 1)),
        ((2, 3, 4, 5), (5,)),
        ((2, 3, 4, 5), ()),
        ((2, 3, 1, 5), (1, 3, 4, 1)),
        ((6, 1), (1, 7)),
        ((1, 200, 1), (130, 1, 66)),
        ((33, 1, 5), (4, 5)),
        ((1, 64, 30, 30), (1, 64, 1, 1)),
        ((900, 64), (64,)),
        ((900, 7), (7,)),
        ((900, 7), (900, 1)),
        ((3, 1, 2000), (1, 2, 1)),
    ],
    ids=str,
)
def test_operands_broadcast_as_numpy_does(shapes, threads):
    a, b = normal(shapes[0]), normal(shapes[1], seed=1)
    expected = a - b
    for x, y, sign in ((a, b, 1), (b, a, -1)):
        write = np.empty(expected.shape, np.float32)
        np.testing.assert_array_equal(apply([("sub", 0, 1)], [x, y], write, threads), sign * expected)
        chain = apply([("sub", 0, 1), ("mul", 2, 0)], [x, y], np.empty_like(write), threads)
        np.testing.assert_array_equal(chain, sign * expected * x)


def channels_last(array, pixel_gap=0, row_gap=0):
    """The same elements, stored channels-last, with gaps between pixels and between rows of pixels."""
    n, c, h, w = array.shape
    memory = np.full((n, h, w + row_gap, c + pixel_gap), np.nan, array.dtype)
    memory[:, :, :w, :c] = array.transpose(0, 2, 3, 1)
    return memory[:, :, :w, :c].transpose(0, 3, 1, 2)


@pytest.mark.parametrize("shape", [(0, 30), (30, 0), (0, 2000), (2000, 0), (3, 0, 5)], ids=str)
def test_a_result_without_elements(shape):
    apply([("add", 0, 1)], [normal(shape), normal((1, *shape[1:]))], normal(shape))


@pytest.mark.parametrize("channels", [1, 3, 63, 64, 80, 300, 600, 1100])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("gaps", [(0, 0), (16, 0), (16, 2)], ids=str)
def test_layouts_are_only_strides(channels, gaps, dtype, threads):
    plain, scale = normal((2, channels, 5, 6), dtype), normal((channels, 1, 1), dtype, seed=1)
    strided = channels_last(plain, *gaps)
    expected = plain * scale + plain
    for x in (plain, strided):
        for write in (np.empty_like(plain), channels_last(np.zeros_like(plain), *gaps)):
            result = apply([("mul", 0, 1), ("add", 2, 0)], [x, scale], write, threads)
            np.testing.assert_array_equal(result, expected)
            np.testing.assert_array_equal(apply([("mul", 0, 1)], [x, scale], write, threads), plain * scale)
    gap = strided.base[..., channels:]
    assert np.isnan(gap).all()


def test_what_lies_between_the_elements_of_the_result_is_left_alone():
    memory = np.full(40, -7, np.float32)
    write = memory[2:38:3]
    apply([("neg", 0)], [np.arange(12, dtype=np.float32)], write)
    np.testing.assert_array_equal(write, -np.arange(12))
    np.testing.assert_array_equal(np.delete(memory, np.arange(2, 38, 3)), -7)


def test_negative_strides_and_slices():
    a = normal((20, 30))
    np.testing.assert_array_equal(apply([("neg", 0)], [a[::-1, ::-2]], np.empty((20, 15), np.float32)), -a[::-1, ::-2])
    write = np.zeros((20, 30), np.float32)
    apply([("copy", 0)], [a], write[::-1])
    np.testing.assert_array_equal(write[::-1], a)


def test_the_result_may_overwrite_an_operand():
    a, b = normal(5000), normal(5000, seed=1)
    expected = (a + b) * a
    view = View(0, np.float32, (5000,))
    other = View(1, np.float32, (5000,))
    run_steps([family("elementwise").Map([("add", 0, 1), ("mul", 2, 0)], [view, other], view)], [a, b])
    np.testing.assert_array_equal(a, expected)


SPECIAL = np.array(
    [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-40, 3e38, 0.49999997, 8388609.0],
    np.float32,
)


@pytest.mark.parametrize(
    "name, function",
    [
        ("add", np.add),
        ("sub", np.subtract),
        ("mul", np.multiply),
        ("div", np.divide),
        ("min", np.minimum),
        ("max", np.maximum),
        ("mod", np.fmod),
        ("floor_mod", np.mod),
        ("equal", np.equal),
        ("not_equal", np.not_equal),
        ("less", np.less),
        ("less_equal", np.less_equal),
        ("greater", np.greater),
        ("greater_equal", np.greater_equal),
    ],
)
@pytest.mark.filterwarnings("ignore:.*encountered in")
def test_binary_operators_agree_with_numpy_on_special_values(name, function):
    a = np.repeat(SPECIAL, len(SPECIAL))
    b = np.tile(SPECIAL, len(SPECIAL))
    expected = function(a, b)
    np.testing.assert_array_equal(apply([(name, 0, 1)], [a, b], np.empty_like(expected)), expected)
    for value in SPECIAL:
        left, right = function(value, SPECIAL), function(SPECIAL, value)
        scalar = np.array(value)
        np.testing.assert_array_equal(apply([(name, 0, 1)], [scalar, SPECIAL], np.empty_like(left)), left)
        np.testing.assert_array_equal(apply([(name, 0, float(value))], [SPECIAL], np.empty_like(right)), right)


@pytest.mark.parametrize(
    "name, function",
    [
        ("neg", np.negative),
        ("abs", np.abs),
        ("sign", np.sign),
        ("floor", np.floor),
        ("ceil", np.ceil),
        ("round_even", np.rint),
        ("sqrt", np.sqrt),
        ("is_nan", np.isnan),
        ("is_inf", np.isinf),
        ("is_finite", np.isfinite),
        ("square", np.square),
        ("reciprocal", np.reciprocal),
    ],
)
@pytest.mark.filterwarnings("ignore:.*encountered in")
def test_exact_functions_agree_with_numpy_on_special_values(name, function):
    expected = function(SPECIAL)
    np.testing.assert_array_equal(apply([(name, 0)], [SPECIAL], np.empty_like(expected)), expected)


def test_round_away_moves_halves_from_zero():
    x = np.array([0.5, -0.5, 1.5, 2.5, -2.5, 0.49999997, -0.49999997, 8388609.0, 2.4999998, np.inf], np.float32)
    expected = np.array([1, -1, 2, 3, -3, 0, 0, 8388609, 2, np.inf], np.float32)
    np.testing.assert_array_equal(apply([("round_away", 0)], [x], np.empty_like(x)), expected)


# Largest error in units in the last place of the exact value.
@pytest.mark.parametrize(
    "name, low, high, ulps",
    [
        ("exp", -104, 88.7, 1.2),
        ("log", 1e-30, 1e30, 1.2),
        ("erf", -5, 5, 3),
        ("rsqrt", 1e-3, 1e3, 1.6),
        ("sin", -1e4, 1e4, 1.6),
        ("cos", -1e4, 1e4, 1.6),
        ("sin", -1e9, 1e9, 1.6),
        ("tan", -1.5, 1.5, 0.51),
        ("tan", -1e9, 1e9, 1),
        ("asin", -1, 1, 0.51),
        ("acos", -1, 1, 0.51),
        ("atan", -9, 9, 0.51),
        ("sinh", -9, 9, 3),
        ("cosh", -9, 9, 3),
        ("asinh", -9, 9, 3),
        ("acosh", 1, 9, 3),
        ("atanh", -0.99, 0.99, 3),
    ],
)
def test_functions_are_right_to_a_few_units_in_the_last_place(name, low, high, ulps):
    functions = {
        "erf": np.vectorize(math.erf, otypes=["f8"]),
        "rsqrt": lambda v: 1 / np.sqrt(v),
        "asin": np.arcsin,
        "acos": np.arccos,
        "atan": np.arctan,
        "asinh": np.arcsinh,
        "acosh": np.arccosh,
        "atanh": np.arctanh,
    }
    x = np.random.default_rng(1).uniform(low, high, 20011).astype(np.float32)
    expected = functions.get(name, getattr(np, name, None))(x.astype(np.float64))
    got = apply([(name, 0)], [x], np.empty_like(x))
    unit = np.spacing(np.maximum(np.abs(expected), 2.0**-126).astype(np.float32))
    assert np.max(np.abs(got - expected) / unit) <= ulps


def units(found, exact):
    """The largest error in units in the last place of the exact value, which is given in more than f64."""
    finite = np.isfinite(exact.astype(np.float64))
    np.testing.assert_array_equal(found[~finite], exact[~finite].astype(np.float64))
    unit = np.spacing(np.maximum(np.abs(exact[finite].astype(np.float64)), 2.0**-1022))
    return np.max(np.abs(found[finite] - exact[finite]) / unit)


ENDS = np.array([0.0, -0.0, 1, -1, 5e-324, -5e-324, 1e-310, 2.2e-308, 1.7e308, 709.7, 709.9, -745.1, -746, -708.4, -720,
                 np.inf, -np.inf, np.nan])  # fmt: skip


@pytest.mark.parametrize(
    "name, low, high, ulps",
    [
        ("exp", -746, 710, 1.1),
        ("exp", -1e-3, 1e-3, 1.1),
        ("log", 0, 1e300, 1),
        ("log", 0.5, 2, 1),
        ("tanh", -25, 25, 3),
        ("tanh", -1e-3, 1e-3, 3),
        ("sin", -4, 4, 1),
        ("cos", -4, 4, 1),
        ("sin", -1048576, 1048576, 1),
        ("cos", -1048576, 1048576, 1),
        ("sin", -1e9, 1e9, 1),
        ("tan", -4, 4, 3),
        ("tan", -1048576, 1048576, 3),
        ("tan", -1e9, 1e9, 3),
        ("asin", -1, 1, 3),
        ("asin", -1e-3, 1e-3, 3),
        ("acos", -1, 1, 3),
        ("acos", 0.99, 1, 3),
        ("atan", -4, 4, 1),
        ("atan", -1e3, 1e3, 1),
    ],
)
@pytest.mark.filterwarnings("ignore:.*encountered in")
def test_functions_of_f64_are_right_to_a_few_units_in_the_last_place(name, low, high, ulps):
    """Beside the longer format of the processor; multiples of pi/2 are where an angle's reduction shows."""
    quarters = np.arange(-700, 700) * (np.pi / 2)
    x = np.concatenate(
        [np.random.default_rng(1).uniform(low, high, 20011), quarters, np.nextafter(quarters, 9e9), ENDS]
    )
    exact = getattr(np, {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}.get(name, name))(x.astype(np.longdouble))
    found = apply([(name, 0)], [x], np.empty_like(x))
    assert units(found, exact) <= ulps
    zeros = exact == 0
    np.testing.assert_array_equal(np.signbit(found[zeros]), np.signbit(exact[zeros]))


@pytest.mark.filterwarnings("ignore:.*encountered in")
def test_powers_of_f64_are_right_to_a_unit_in_the_last_place():
    random = np.random.default_rng(1)
    x = np.concatenate(
        [random.uniform(0, 10, 5000), random.uniform(0.99, 1.01, 5000), np.exp(random.uniform(-600, 600, 5000))]
    )
    y = np.concatenate([random.uniform(-10, 10, 5000), random.uniform(-1000, 1000, 5000), random.uniform(-1, 1, 5000)])
    exact = np.power(x.astype(np.longdouble), y.astype(np.longdouble))
    regular = apply([("pow", 0, 1)], [x, y], np.empty_like(x))
    assert units(regular, exact) <= 1
    left, right = (part.ravel() for part in np.meshgrid(ENDS, np.concatenate([ENDS, [2, 3, -2, 0.5]])))
    mixed = apply([("pow", 0, 1)], [np.append(x, left), np.append(y, right)], np.empty(len(x) + len(left)))
    np.testing.assert_array_equal(mixed[: len(x)], regular)
    np.testing.assert_allclose(mixed[len(x) :], np.power(left, right), rtol=4e-16)
    whole, exponents = random.integers(1, 2000, 999).astype(float), random.integers(0, 4, 999).astype(float)
    np.testing.assert_array_equal(apply([("pow", 0, 1)], [whole, exponents], np.empty(999)), whole**exponents)


@pytest.mark.filterwarnings("ignore:.*encountered in")
@pytest.mark.parametrize("exponent", [2.0, 3.0, 4.0, 5.0, -1.0, -2.0, -3.0, 0.0, 7.0])
def test_whole_powers_of_f64_of_either_sign(exponent):
    random = np.random.default_rng(1)
    x = np.concatenate([normal(5000).astype(np.float64), 10.0 ** random.uniform(-40, 40, 5000) * -1, ENDS])
    exact = np.power(x.astype(np.longdouble), np.longdouble(exponent))
    found = apply([("pow", 0, exponent)], [x], np.empty_like(x))
    assert units(found, exact) <= 1
    zeros = exact.astype(np.float64) == 0
    np.testing.assert_array_equal(np.signbit(found[zeros]), np.signbit(exact[zeros]))
    each = apply([("pow", 0, 1)], [x, np.full_like(x, exponent)], np.empty_like(x))
    assert units(each, exact) <= 1


@pytest.mark.filterwarnings("ignore:.*encountered in")
def test_powers_of_f32_are_right_to_half_a_unit_in_the_last_place():
    random = np.random.default_rng(1)
    x = np.concatenate([random.uniform(0, 10, 5000), random.uniform(-10, 0, 5000)]).astype(np.float32)
    y = np.concatenate([random.uniform(-10, 10, 5000), random.integers(-9, 9, 5000)]).astype(np.float32)
    left, right = (
        part.ravel() for part in np.meshgrid(SPECIAL, np.append(SPECIAL, np.float32([2, 3, -3, 0.5, 2**24])))
    )
    x, y = np.concatenate([x, left]), np.concatenate([y, right])
    exact = np.power(x.astype(np.float64), y.astype(np.float64))
    found = apply([("pow", 0, 1)], [x, y], np.empty_like(x))
    np.testing.assert_array_equal(np.isnan(found), np.isnan(exact))
    np.testing.assert_array_equal(np.isinf(found), np.isinf(exact.astype(np.float32)))
    finite = np.isfinite(exact.astype(np.float32)) & (np.abs(exact) >= 2.0**-126)
    assert np.max(np.abs(found - exact)[finite] / np.spacing(np.abs(exact[finite]).astype(np.float32))) <= 0.51
    zeros = found == 0
    np.testing.assert_array_equal(np.signbit(found[zeros]), np.signbit(exact[zeros]))


@pytest.mark.parametrize("name", ["exp", "log", "sin", "cos", "tan", "atan", "tanh", "pow"])
def test_functions_of_f64_do_not_depend_on_where_an_element_stands(name):
    x, y = abs(normal(1000).astype(np.float64)), normal(1000, seed=2).astype(np.float64)
    operands, program = ([x, y], [(name, 0, 1)]) if name == "pow" else ([x], [(name, 0)])
    whole = apply(program, operands, np.empty_like(x))
    for begin, end in ((1, 1000), (3, 900), (5, 8), (9, 10), (7, 20)):
        part = [operand[begin:end].copy() for operand in operands]
        np.testing.assert_array_equal(apply(program, part, np.empty(end - begin)), whole[begin:end])


@pytest.mark.parametrize("exponent", [2.0, 3.0, 0.5, 1.0, -1.0, 0.0, 1.7])
@pytest.mark.filterwarnings("ignore:.*encountered in")
def test_pow(exponent):
    x = np.concatenate([SPECIAL, normal(100)])
    expected = np.power(x.astype(np.float64), np.full(x.shape, np.float32(exponent), np.float64))
    expected = np.where(np.abs(expected) > 3.4e38, np.copysign(np.inf, expected), expected)
    for program, reads in (([("pow", 0, exponent)], [x]), ([("pow", 0, 1)], [x, np.full_like(x, exponent)])):
        np.testing.assert_allclose(apply(program, reads, np.empty_like(x)), expected, rtol=3e-7, atol=2e-45)


def test_prelu_and_squared_difference():
    x, slope = normal((3, 40)), normal(40, seed=2)
    np.testing.assert_array_equal(apply([("prelu", 0, 1)], [x, slope], np.empty_like(x)), np.where(x < 0, x * slope, x))
    expected = (x - slope) * (x - slope)
    np.testing.assert_array_equal(apply([("squared_difference", 0, 1)], [x, slope], np.empty_like(x)), expected)


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint16, np.int32, np.float32, np.float16, np.float64])
@pytest.mark.parametrize(
    "shapes",
    [
        ((7, 5), (7, 5), (7, 5)),
        ((7, 1), (7, 5), ()),
        ((5,), (), (7, 5)),
        ((), (7, 5), (5,)),
        ((), (), (7, 5)),
        ((7, 5), (), ()),
    ],
    ids=str,
)
def test_select(dtype, shapes):
    condition = np.array(normal(shapes[0]) > 0)
    a, b = normal(shapes[1], seed=1).astype(dtype), normal(shapes[2], seed=2).astype(dtype)
    expected = np.where(condition, a, b)
    np.testing.assert_array_equal(apply([("select", 0, 1, 2)], [condition, a, b], np.empty_like(expected)), expected)


def test_comparisons_feed_logic_and_selection():
    x = normal(3000)
    program = [("greater", 0, 0.5), ("less", 0, -0.5), ("logical_or", 1, 2), ("select", 3, 0, 0.0)]
    np.testing.assert_array_equal(apply(program, [x], np.empty_like(x)), np.where(np.abs(x) > 0.5, x, 0))
    program = [("greater", 0, 0.5), ("logical_not", 1), ("is_nan", 0), ("logical_xor", 2, 3)]
    np.testing.assert_array_equal(apply(program, [x], np.empty(3000, np.bool_)), x <= 0.5)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.float64])
@pytest.mark.parametrize(
    "name, function",
    [
        ("add", np.add),
        ("sub", np.subtract),
        ("mul", np.multiply),
        ("min", np.minimum),
        ("max", np.maximum),
        ("floor_mod", np.mod),
        ("mod", np.fmod),
        ("equal", np.equal),
        ("less", np.less),
        ("greater_equal", np.greater_equal),
        ("floor_div", np.floor_divide),
        ("bitwise_and", np.bitwise_and),
        ("bitwise_xor", np.bitwise_xor),
    ],
)
def test_other_types_compute_as_numpy(dtype, name, function):
    if dtype is np.float64 and (name.startswith("bitwise") or name == "floor_div"):
        pytest.skip("an operator of integers")
    a, b = normal((9, 30), dtype), normal((9, 30), dtype, seed=1)
    b[b == 0] = 3
    expected = function(a, b)
    np.testing.assert_array_equal(apply([(name, 0, 1)], [a, b], np.empty_like(expected)), expected)
    expected = function(a, b[3, 7])
    np.testing.assert_array_equal(apply([(name, 0, float(b[3, 7]))], [a], np.empty_like(expected)), expected)


def test_integer_division_rounds_down_or_towards_zero_and_wraps():
    a = np.array([7, -7, 7, -7, -(2**63), 6], np.int64)
    b = np.array([2, 2, -2, -2, -1, 3], np.int64)
    for name, expected in {
        "floor_div": [3, -4, -4, 3, -(2**63), 2],
        "trunc_div": [3, -3, -3, 3, -(2**63), 2],
        "floor_mod": [1, 1, -1, -1, 0, 0],
        "mod": [1, -1, 1, -1, 0, 0],
    }.items():
        np.testing.assert_array_equal(apply([(name, 0, 1)], [a, b], np.empty_like(a)), expected)


@pytest.mark.parametrize("name", ["floor_div", "trunc_div", "floor_mod", "mod"])
def test_dividing_an_integer_by_zero_stops_the_run(name, threads):
    a = np.ones(100_000, np.int32)
    a[99_000] = 0
    with pytest.raises(StepError, match="an integer is divided by zero"):
        apply([(name, 1, 0)], [a, np.ones_like(a)], np.empty_like(a), threads)


def test_integer_powers():
    base = np.array([3, -2, 2, 0, 1, -1, 2, 5], np.int64)
    exponent = np.array([4, 5, 0, 0, -3, -3, -1, 1], np.int64)
    expected = [81, -32, 1, 1, 1, -1, 0, 5]
    np.testing.assert_array_equal(apply([("pow", 0, 1)], [base, exponent], np.empty_like(base)), expected)


TYPES = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]


@pytest.mark.parametrize("source", TYPES)
@pytest.mark.parametrize("target", TYPES)
def test_convert_is_astype(source, target):
    values = np.array([0, 1, 2, 3, 100, 126.75, 0.25, 12, 77, 5, 90.5] * 30).reshape(11, 30)
    if np.dtype(source).kind in "if" and np.dtype(target).kind in "if":
        values = values * np.where(np.arange(30) % 2, 1, -1)
    x = values.astype(source)
    for array in (x, x.T, x[::2, ::3]):
        write = np.empty(array.shape, target)
        run_steps([family("elementwise").Convert(view_of(0, array), view_of(1, write))], [array, write])
        np.testing.assert_array_equal(write, array.astype(target))


@pytest.mark.filterwarnings("ignore:.* encountered in cast")
@pytest.mark.parametrize("flush", [False, True])
def test_every_half_converts_and_rounding_to_half_is_right(flush):
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)
    floats = apply([("convert", 0, np.float32)], [halves], np.empty(65536, np.float32), flush=flush)
    np.testing.assert_array_equal(floats, halves.astype(np.float32))
    bits = np.arange(0, 2**32, 65521, dtype=np.uint64).astype(np.uint32)
    ties = floats[:-1].view(np.uint32) // 2 + floats[1:].view(np.uint32) // 2
    x = np.concatenate([bits, ties]).view(np.float32)
    for wide in (x, x.astype(np.float64), np.nextafter(x.astype(np.float64), 0)):
        got = apply([("convert", 0, np.float16)], [wide], np.empty(wide.shape, np.float16), flush=flush)
        np.testing.assert_array_equal(got, wide.astype(np.float16))


def test_a_program_may_change_types():
    image = np.random.default_rng(0).integers(0, 256, (1, 20, 30, 3), np.uint8)
    mean = np.array([120, 110, 100], np.float32).reshape(3, 1, 1)
    program = [("convert", 0, np.float32), ("sub", 2, 1), ("mul", 3, 1 / 64)]
    write = np.empty((1, 3, 20, 30), np.float32)
    expected = (image.transpose(0, 3, 1, 2).astype(np.float32) - mean) / 64
    np.testing.assert_array_equal(apply(program, [image.transpose(0, 3, 1, 2), mean], write), expected)


@pytest.mark.parametrize(
    "program, reads, write, message",
    [
        ([], ["f4"], "f4", "no instruction"),
        ([("frobnicate", 0)], ["f4"], "f4", "there is no frobnicate of float32"),
        ([("exp", 0)], ["i4"], "i4", "there is no exp of int32"),
        ([("add", 0, 1)], ["f4", "i4"], "f4", "add of operands of types"),
        ([("add", 0)], ["f4"], "f4", "add to take 2 operands, got 1"),
        ([("add", 0, 5)], ["f4"], "f4", "add of 5, which is neither"),
        ([("equal", 0, 0)], ["f4"], "f4", "gives bool, the result is to be float32"),
        ([("select", 0, 0, 0)], ["f4"], "f4", "condition of select has to be bool"),
        ([("add", 0, 1.5)], ["i4"], "i4", "constant 1.5 is no int32"),
        ([("add", 0, 300.0)], ["u1"], "u1", "constant 300.0 is no uint8"),
        ([("copy", 0)], ["c8"], "c8", "no kernel takes elements of complex64"),
    ],
)
def test_what_cannot_run_is_refused(program, reads, write, message):
    views = [View(slot, dtype, (4,)) for slot, dtype in enumerate(reads)]
    with pytest.raises(ValueError, match=message):
        family("elementwise").Map(program, views, View(9, write, (4,)))


def test_shapes_that_do_not_fit_are_refused():
    Map = family("elementwise").Map
    with pytest.raises(ValueError, match=r"shape \(3,\) can't be broadcast to \(4,\)"):
        Map([("copy", 0)], [View(0, "f4", (3,))], View(1, "f4", (4,)))
    with pytest.raises(ValueError, match="lie at one place"):
        Map([("copy", 0)], [View(0, "f4", (4,))], View(1, "f4", (4,), (0,)))
