"""What it costs that shapes change: a text recognition model on lines of many widths."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from . import models
from .libraries import load

NAME = "PP-OCRv6_rec_small"
RESIDENT = """
import sys
from pathlib import Path
from bench import models
from bench.libraries import load
run = load(sys.argv[1], Path(sys.argv[2]), 1)
run(models.inputs_for("{name}", dims={{"width": 320}}))
for width in range(64, 64 + 16 * int(sys.argv[3]), 16):
    run(models.inputs_for("{name}", dims={{"width": width}}))
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


@pytest.fixture
def path(packages: dict[str, Path]) -> Path:
    if NAME not in packages:
        pytest.skip(f"the packages hold no {NAME}")
    return packages[NAME]


def test_width_that_is_new(benchmark: Any, path: Path, library: str) -> None:
    run, widths = load(library, path, 1), itertools.count(64, 4)
    run(models.inputs_for(NAME, dims={"width": 60}))
    benchmark.group = "a width for the first time"
    benchmark.pedantic(run, setup=lambda: ((models.inputs_for(NAME, dims={"width": next(widths)}),), {}), rounds=20)


def test_widths_by_turns(benchmark: Any, path: Path, library: str) -> None:
    run = load(library, path, 1)
    turns = itertools.cycle([models.inputs_for(NAME, dims={"width": width}) for width in (96, 160, 320)])
    for _ in range(3):
        run(next(turns))
    benchmark.group = "three widths by turns"
    benchmark(lambda: run(next(turns)))


@pytest.mark.parametrize("widths", [0, 60])
def test_memory(benchmark: Any, path: Path, library: str, widths: int) -> None:
    """Not a time: extra_info holds the process's greatest resident memory in KiB after so many widths."""
    command = [sys.executable, "-c", RESIDENT.format(name=NAME), library, str(path), str(widths)]
    benchmark.group = f"a process that meets {widths} more widths"

    def process() -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    benchmark.extra_info["resident KiB"] = int(benchmark.pedantic(process, rounds=1))
    print(f"{library}, {widths} more widths: {benchmark.extra_info['resident KiB']} KiB")
