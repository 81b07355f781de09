"""Damaged models and texts: a documented error or an answer, within the limits of __main__, and no crash."""

import secrets
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
def test_known_cases(target: str) -> None:
    """The same ones in each run; new ones are in the sweep."""
    fuzz(target, "--cases", "300")


@pytest.mark.sweep
@pytest.mark.parametrize("target", TARGETS)
def test_new_cases(target: str) -> None:
    fuzz(target, "--seconds", "120", "--seed", secrets.token_hex(8))
