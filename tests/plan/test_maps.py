"""Chains of element-wise calls: how many passes over memory they take, and that results stay what they were."""

import numpy as np
import pytest

import ovlite as ov


def steps(function, *args):
    """The names of the steps, after a comparison with what numpy computes."""
    compiled = ov.compile_function(function, *args)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(compiled(*args), function(*args), rtol=1e-12)
    inner = ov.compile_model(compiled.model(*args), "CPU", {"EXECUTION_MODE_HINT": "ACCURACY"})
    return [step.kernel for step in inner.profile(list(args)).steps]


def twice(x, y):
    a = x * y
    return (a + 1) / (a - 1)


def of_many(x, y):
    a, b = x + y, x - y
    c = a * b
    return (a / 2 + c) * (b / 2 - c) + a * c


def deep(x, y):
    for _ in range(4):
        x = x * x + y / (x + 1.5)
    return x


@pytest.mark.parametrize("function", [twice, of_many, deep, np.arctan2], ids=lambda function: function.__name__)
def test_values_that_are_read_more_than_once_within_a_chain_stay_in_it(function):
    random = np.random.default_rng(3)
    x, y = random.standard_normal((2, 1001))
    assert len(steps(function, x, y)) == 1


def test_a_value_that_is_read_outside_of_the_chain_is_stored():
    x = np.random.default_rng(3).standard_normal((40, 30))

    def function(x):
        a = x * x + 1
        return np.concatenate([a / (a + 1), a])

    assert sum(kernel.startswith("Map") for kernel in steps(function, x)) == 2


def test_a_value_of_another_shape_is_computed_once_for_all():
    random = np.random.default_rng(3)
    row, x = random.standard_normal(30), random.standard_normal((40, 30))

    def function(row, x):
        a = row * row + 1
        return x / a + x * a

    assert sum(kernel.startswith("Map") for kernel in steps(function, row, x)) == 2


def test_a_chain_that_is_too_long_for_a_program_is_several():
    x = np.random.default_rng(3).standard_normal(100) / 100

    def function(x):
        for number in range(1, 30):
            x = (x + number) / (x - number)
        return x

    assert 2 <= len(steps(function, x)) <= 30
