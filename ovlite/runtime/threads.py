"""How many threads inference may use, and the streams that run in them."""

from __future__ import annotations

import atexit
import os
from functools import cache

from ..kernels.runtime.streams import Streams, stop_streams
from .cgroup import Root, cpu_quota


def thread_budget(root: Root = "/") -> int:
    """Threads that this process should use: the least of its CPU affinity, its cgroup's CPU quota (rounded up),
    and OMP_NUM_THREADS when that is set. root: where /proc and /sys are found.
    """
    return max(1, min(limit for limit in thread_limits(root).values() if limit is not None))


def thread_limits(root: Root = "/") -> dict[str, int | None]:
    """The limits on the threads of this process, by name; None where a limit is not set."""
    return {"CPU affinity": _affinity(), "cgroup quota": cpu_quota(root), "OMP_NUM_THREADS": _environment()}


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _environment() -> int | None:
    """OMP_NUM_THREADS, the first number of a list such as "4,2"; None when it holds no positive number."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else None


@cache
def shared_streams(count: int, threads: int, pinned: bool) -> Streams:
    """The streams of all models that are compiled for `count` streams of `threads` threads each, pinned or not."""
    atexit.register(stop_streams)
    return Streams(count, threads, pinned)
