"""Models drawn at random: compiled equals evaluated, however they come to be compiled."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovlite import kernels

from ..kernels.drawing import KINDS
from .drawn import check_drawn

ROOT = Path(__file__).parents[2]


@settings(max_examples=12)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 2**32 - 1))
def test_compiled_equals_evaluated(kind, seed):
    check_drawn(kind, np.random.default_rng(seed))


@pytest.mark.parametrize("level", kernels.available_levels())
def test_at_every_level(level):
    command = [sys.executable, "-m", "tests.fuzz", "graph", "--cases", "40"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "OVLITE_ISA": level}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-100:] + done.stderr[-3000:]
