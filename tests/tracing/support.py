"""What numpy gives and what a compiled function gives, compared."""

import numpy as np

import ovlite as ov


def check(function, *args, ulps=0, **kwargs):
    """Compares with numpy; `ulps`: distance that is allowed for real elements, in units of the largest one."""
    with np.errstate(all="ignore"):
        expected = function(*args, **kwargs)
    found = ov.compile_function(function, *args, **kwargs)(*args, **kwargs)
    same(found, expected, ulps)


def same(found, expected, ulps):
    if isinstance(expected, (tuple, list, dict)):
        assert type(found) is type(expected) and len(found) == len(expected)
        keys = expected if isinstance(expected, dict) else range(len(expected))
        for key in keys:
            same(found[key], expected[key], ulps)
        return
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if not ulps or found.dtype.kind != "f":
        np.testing.assert_array_equal(found, expected)
        return
    finite = np.abs(np.where(np.isfinite(expected), expected, 0))
    bound = ulps * np.finfo(found.dtype).eps * max(1.0, float(finite.max(initial=0)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound)
