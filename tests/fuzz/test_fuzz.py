"""Damaged models and texts: a documented error or an answer, within the limits of __main__, and no crash."""

import os
import subprocess
import sys

import pytest

from .targets import TARGETS


def fuzz(target: str, *options: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", target, *options], capture_output=True, text=True, timeout=600
    )
    last = run.stdout.splitlines()[-1:]
    assert run.returncode == 0, (
        f"python -m tests.fuzz {target} {last} ended with {run.returncode}\n{run.stderr[-3000:]}"
    )


@pytest.mark.parametrize("target", TARGETS)
def test_cases(target: str) -> None:
    """The same ones in each run, and new ones for OVLITE_FUZZ_SECONDS; a failure tells how to run it again."""
    fuzz(target, "--cases", "300", "--new", os.environ.get("OVLITE_FUZZ_SECONDS", "3"))
