"""Tolerances by what was rounded: keywords for numpy's assert_allclose and for check() of operators.

A result in f32 is off by at most 2 ** -24 of its magnitude for each rounding. Both results that are compared are
rounded, in orders of their own.
"""

HALF_UNIT = 2.0**-24  # of rounding to f32, relative


def roundings(count: float, magnitude: float = 1.0) -> dict[str, float]:
    """For results behind `count` roundings, one after the other, of values up to `magnitude` in size: errors that
    add up, on both sides. Where a function amplifies the errors of its argument, each counts that often."""
    error = 2 * count * HALF_UNIT
    return {"rtol": error, "atol": error * magnitude}


def sums(terms: int, magnitude: float = 1.0) -> dict[str, float]:
    """For sums of `terms` products, each about `magnitude`, that may cancel: step k rounds a partial sum of about
    sqrt(k) * magnitude at random, which makes terms * 2 ** -25; eight times that, and no less than for a few terms."""
    error = 8 * (terms + 4) * HALF_UNIT / 2
    return {"rtol": error, "atol": error * magnitude}


def random_roundings(count: int) -> float:
    """The relative error of a product of `count` factors, each step of which rounds at random: eight times the
    standard deviation or more."""
    return 8 * count**0.5 * HALF_UNIT
