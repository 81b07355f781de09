"""Damaged models and texts: a documented error or an answer, within the limits of __main__, and no crash."""

import os
import subprocess
import sys

import pytest

from .targets import TARGETS


def fuzz(target: str, *options: str) -> list[str]:
    """The names of the cases that ran."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", target, *options], capture_output=True, text=True, timeout=600
    )
    names = run.stdout.splitlines()
    assert run.returncode == 0, (
        f"python -m tests.fuzz {target} {names[-1:]} ended with {run.returncode}\n{run.stderr[-3000:]}"
    )
    return names


@pytest.mark.parametrize("target", TARGETS)
def test_cases(target: str) -> None:
    """The same ones in each run, and new ones for OVLITE_FUZZ_SECONDS; a failure tells how to run it again."""
    fuzz(target, "--cases", "300", "--new", os.environ.get("OVLITE_FUZZ_SECONDS", "2"))


def test_new_cases_are_limited_by_time_alone() -> None:
    """However few of the same ones are asked for."""
    names = fuzz("text", "--cases", "2", "--new", "0.5")
    assert [name for name in names if "--seed 0 " in name] == ["--seed 0 --case 0", "--seed 0 --case 1"]
    assert len(names) > 10
