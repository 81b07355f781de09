"""The activations of activation.h against their definitions in f64, on every level."""

import math

import numpy as np
import pytest

from ovlite.kernels import family
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

pytestmark = pytest.mark.usefixtures("level")


def activate(kind, x, alpha=0.0, beta=0.0):
    y = np.empty_like(x)
    view = View(0, x.dtype, x.shape)
    run_steps([family("elementwise").Map([(kind, 0, alpha, beta)], [view], view.like(slot=1))], [x, y])
    return y


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


ERFC = np.vectorize(math.erfc, otypes=["f8"])
DEFINITIONS = {
    "clamp": (-1.0, 2.0, lambda x: np.clip(x, -1, 2)),
    "leaky_relu": (0.125, 0.0, lambda x: np.where(x < 0, 0.125 * x, x)),
    "sigmoid": (0.0, 0.0, sigmoid),
    "tanh": (0.0, 0.0, np.tanh),
    "swish": (1.75, 0.0, lambda x: x * sigmoid(1.75 * x)),
    "hard_sigmoid": (0.25, 0.5, lambda x: np.clip(0.25 * x + 0.5, 0, 1)),
    "hard_swish": (0.0, 0.0, lambda x: x * np.clip(x + 3, 0, 6) / 6),
    "gelu_erf": (0.0, 0.0, lambda x: x * ERFC(-x / math.sqrt(2)) / 2),
    "gelu_tanh": (0.0, 0.0, lambda x: x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2),
    "elu": (1.5, 0.0, lambda x: np.where(x < 0, 1.5 * np.expm1(np.minimum(x, 0)), x)),
    "softplus": (0.0, 0.0, softplus),
    "mish": (0.0, 0.0, lambda x: x * np.tanh(softplus(x))),
}
PRECISE = {"sigmoid", "tanh", "elu", "softplus", "mish", "leaky_relu", "clamp"}


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_activations_follow_their_definitions(kind):
    """Within 3e-7 of the value where no digits cancel, of max(1, |x|) elsewhere."""
    alpha, beta, definition = DEFINITIONS[kind]
    x = np.concatenate([np.linspace(-30, 30, 40_001), np.geomspace(1e-30, 1, 999), -np.geomspace(1e-30, 1, 999)])
    x = x.astype(np.float32)
    expected = definition(x.astype(np.float64))
    scale = np.maximum(np.abs(expected), 1e-37) if kind in PRECISE else np.maximum(1, np.abs(x))
    assert np.max(np.abs(activate(kind, x, alpha, beta) - expected) / scale) < 3e-7


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_nan_gives_nan_and_far_positive_values_reach_the_limit(kind):
    alpha, beta, _ = DEFINITIONS[kind]
    limits = {"clamp": 2.0, "sigmoid": 1.0, "tanh": 1.0, "hard_sigmoid": 1.0}
    got = activate(kind, np.array([np.nan, np.inf, 3e38], np.float32), alpha, beta)
    assert np.isnan(got[0])
    assert got[1] == limits.get(kind, np.inf)
    assert got[2] == limits.get(kind, np.float32(3e38))


@pytest.mark.parametrize(
    "kind, limit",
    [
        ("sigmoid", 0.0),
        ("tanh", -1.0),
        ("elu", -1.5),
        ("softplus", 0.0),
        ("clamp", -1.0),
        ("hard_sigmoid", 0.0),
        ("leaky_relu", -np.inf),
    ],
)
def test_limits_at_minus_infinity(kind, limit):
    alpha, beta, _ = DEFINITIONS[kind]
    assert activate(kind, np.array([-np.inf], np.float32), alpha, beta)[0] == limit


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_an_element_gives_the_same_bits_wherever_it_lies(kind):
    """Vector bodies and scalar tails agree."""
    alpha, beta, _ = DEFINITIONS[kind]
    x = np.random.default_rng(3).normal(0, 4, 2048).astype(np.float32)
    whole = activate(kind, x, alpha, beta)
    for length in (1, 3, 7, 15, 17, 31, 33):
        pieces = [activate(kind, x[i : i + length].copy(), alpha, beta) for i in range(0, 10 * length, length)]
        np.testing.assert_array_equal(np.concatenate(pieces), whole[: 10 * length])


def test_relu_is_a_clamp_without_an_upper_limit():
    x = np.array([-1, -0.0, 0, 2, np.inf, -np.inf, np.nan], np.float32)
    np.testing.assert_array_equal(activate("clamp", x, 0.0, math.inf), np.maximum(x, 0))


@pytest.mark.parametrize("kind", ["sigmoid", "swish", "gelu_tanh"])
def test_far_negative_values_of_exponentials_end_at_zero(kind):
    """Where exp(-x) is beyond the largest number too."""
    x = -np.geomspace(20, 3e38, 1000).astype(np.float32)
    got = activate(kind, x, alpha=1.0)
    expected = np.zeros_like(x) if kind == "gelu_tanh" else np.exp(x) * (1 if kind == "sigmoid" else x)
    np.testing.assert_allclose(got, expected, rtol=3e-5, atol=1e-36)
    assert not np.any(got[x < -100])


@pytest.mark.parametrize("kind", ["gelu_erf", "gelu_tanh"])
@pytest.mark.parametrize("count", [1, 7, 4001])
def test_the_tail_of_gelu_keeps_its_digits(kind, count):
    """In f32 the exponent itself is rounded, which costs as many digits of the value as it has before the point."""
    x = np.linspace(-9, -2, count).astype(np.float32)
    wide = x.astype(np.float64)
    inner = math.sqrt(2 / math.pi) * (wide + 0.044715 * wide**3)
    expected = wide * ERFC(-wide / math.sqrt(2)) / 2 if kind == "gelu_erf" else wide * sigmoid(2 * inner)
    np.testing.assert_allclose(activate(kind, x), expected, rtol=1e-5)


def test_gelu_of_an_element_depends_on_it_alone():
    x = np.linspace(-12, 12, 999, dtype=np.float32)
    alone = np.concatenate([activate("gelu_erf", x[i : i + 1]) for i in range(len(x))])
    np.testing.assert_array_equal(activate("gelu_erf", x), alone)
