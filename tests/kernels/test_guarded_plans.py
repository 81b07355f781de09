"""Small models of every kind of kernel, whose inputs and results lie between pages that can't be touched.

Each is compared with the operators' own numpy evaluation, and run twice with the memory that malloc gives holding
something else: a result that depends on it was never written or read from beyond an operand.
"""

import ctypes

import numpy as np
import pytest

import ovlite as ov

from .drawing import KINDS, drawn_model
from .guarded import guarded, guarded_copy

M_PERTURB = -6


@pytest.fixture
def perturb():
    """A function that chooses the byte of which fresh memory consists, where the C library can do so."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", lambda option, value: 0)
    yield lambda byte: mallopt(M_PERTURB, byte ^ 0xFF)
    mallopt(M_PERTURB, 0)


def run_guarded(model, values, expected, rng, threads):
    """The result of a newly compiled model; without Winograd's algorithm, which spreads infinities."""
    options = {} if np.isfinite(expected).all() else {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = ov.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, **options})
    at_end = bool(rng.integers(2))
    arrays = [guarded_copy(value, at_end) for value in values]
    out = guarded(expected.shape, expected.dtype, at_end)
    compiled(arrays, share_inputs=True, out=out)
    return out


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_models(kind, rounds, perturb):
    made = 0
    for number in rounds:
        rng = np.random.default_rng([number, len(kind.__name__)])
        found = drawn_model(kind, rng)
        if found is None:
            continue
        made += 1
        model, values, (expected,) = found
        expected = np.asarray(expected)
        threads = int(rng.integers(1, 3))
        results = []
        for byte in (0x7F, 0xFE):  # f32 of 3e38 and -2e38
            perturb(byte)
            results.append(run_guarded(model, values, expected, rng, threads))
        largest = np.abs(expected).max(initial=1, where=np.isfinite(expected))
        np.testing.assert_allclose(results[0], expected, rtol=1e-4, atol=2e-5 * largest)
        np.testing.assert_array_equal(*results)
    assert made > len(rounds) // 3
