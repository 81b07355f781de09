"""The reference of what kernels apply to their results, beside the kernels and at the ends of f32."""

import warnings

import numpy as np
import pytest

from ovlite.kernels import family
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View
from ovlite.ops.fused import Activation, activate

ALPHA_BETA = {"clamp": (-1, 2), "leaky_relu": (0.125, 0), "swish": (1.75, 0), "hard_sigmoid": (0.25, 0.5),
              "elu": (1.5, 0)}  # fmt: skip
KINDS = sorted(family("elementwise").ACTIVATIONS)


@pytest.mark.parametrize("kind", KINDS)
def test_activations_are_what_kernels_compute(kind: str) -> None:
    alpha, beta = ALPHA_BETA.get(kind, (0, 0))
    x = np.concatenate([np.linspace(-30, 30, 999), [0, -1e4, 1e4, -1e30]]).astype(np.float32)
    y = np.empty_like(x)
    step = family("elementwise").Map([(kind, 0, alpha, beta)], [View(0, "f4", x.shape)], View(1, "f4", x.shape))
    run_steps([step], [x, y])
    with warnings.catch_warnings():
        warnings.simplefilter("error" if kind != "gelu_tanh" else "ignore")  # x cubed overflows there
        expected = activate(Activation(kind, alpha, beta), x)
    assert expected.dtype == np.float32
    np.testing.assert_allclose(y, expected, rtol=2e-6, atol=2e-6)
