"""How many threads inference may use, and the streams that run in them."""

from __future__ import annotations

import atexit
import math
import os
from functools import cache
from pathlib import Path

from ..kernels.runtime.streams import Streams, stop_streams


def thread_budget(root: Path = Path("/")) -> int:
    """Threads that this process should use: the least of its CPU affinity, its cgroup's CPU quota (rounded up),
    and OMP_NUM_THREADS when that is set. root: where /proc and /sys are found.
    """
    return max(1, min(limit for limit in thread_limits(root).values() if limit is not None))


def thread_limits(root: Path = Path("/")) -> dict[str, int | None]:
    """What limits the threads of this process, by name; None where a limit is not set."""
    return {"CPU affinity": _affinity(), "cgroup quota": _quota(root), "OMP_NUM_THREADS": _environment()}


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _environment() -> int | None:
    """OMP_NUM_THREADS, the first number of a list such as "4,2"; None when it holds no positive number."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else None


def _quota(root: Path) -> int | None:
    """The smallest CPU quota of this process's cgroup and those above it, in CPUs rounded up; None without one."""
    quotas = []
    for controllers, path in _memberships(root / "proc/self/cgroup"):
        mount: Path | None
        if controllers == "":
            mount = root / "sys/fs/cgroup"
            read = _quota_v2
        elif "cpu" in controllers.split(","):
            folders = [root / "sys/fs/cgroup" / name for name in ("cpu", controllers)]
            mount = next((folder for folder in folders if folder.is_dir()), None)
            read = _quota_v1
        else:
            continue
        if mount is not None:
            quotas += [quota for folder in _upwards(mount, path) if (quota := read(folder)) is not None]
    return max(1, math.ceil(min(quotas))) if quotas else None


def _memberships(file: Path) -> list[tuple[str, str]]:
    """(controllers, path) of the cgroups that /proc/self/cgroup lists; controllers are "" for version 2."""
    parts = [line.split(":", 2) for line in _lines(file)]
    return [(part[1], part[2]) for part in parts if len(part) == 3]


def _upwards(mount: Path, path: str) -> list[Path]:
    """The folders of a cgroup and of those above it. Inside a container the path may lie outside the mount."""
    names = [name for name in path.split("/") if name not in ("", ".", "..")]
    return [mount.joinpath(*names[:count]) for count in range(len(names), -1, -1)]


def _quota_v2(folder: Path) -> float | None:
    """CPUs from cpu.max: "<quota> <period>" in microseconds, or "max <period>"."""
    words = " ".join(_lines(folder / "cpu.max")).split()
    return _ratio(words[0], words[1]) if len(words) == 2 else None


def _quota_v1(folder: Path) -> float | None:
    """CPUs from cpu.cfs_quota_us, -1 without a quota, and cpu.cfs_period_us."""
    quota, period = (_lines(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    return _ratio(quota[0], period[0]) if quota and period else None


def _ratio(quota: str, period: str) -> float | None:
    try:
        value = int(quota) / int(period)
    except (ValueError, ArithmeticError):
        return None
    return value if value > 0 else None


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("ascii", "replace").splitlines()
    except OSError:
        return []


@cache
def shared_streams(count: int, threads: int, pinned: bool) -> Streams:
    """The streams of all models that are compiled for `count` streams of `threads` threads each, pinned or not."""
    atexit.register(stop_streams)
    return Streams(count, threads, pinned)
