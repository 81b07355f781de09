"""Programs in a real control group, where the machine lets us make one."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

JOINING = """
import os, sys
with open(sys.argv[1], "w") as file:
    file.write(str(os.getpid()))
"""


def printed_in_group(controller: str, v1: Mapping[str, str], v2: Mapping[str, str], program: str) -> list[str]:
    """The words that a program prints, whose process is in a group of limits.

    v1, v2: what the files of the controller say, in either version of control groups. Skips the test where there
    can't be such a group.
    """
    root = Path("/sys/fs/cgroup")
    is_v1 = (root / controller).is_dir()
    folder = (root / controller if is_v1 else root) / f"ovlite-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made: {error}")
    try:
        try:
            for name, text in (v1 if is_v1 else v2).items():
                (folder / name).write_text(text)
        except OSError as error:
            pytest.skip(f"{controller} can't be limited: {error}")
        command = [sys.executable, "-c", JOINING + program, str(folder / "cgroup.procs")]
        done = subprocess.run(command, capture_output=True, text=True)
    finally:
        folder.rmdir()
    assert done.returncode == 0, done.stderr
    return done.stdout.split()
