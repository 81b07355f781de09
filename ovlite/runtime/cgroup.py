"""Limits of this process by the control groups of Linux, versions 1 and 2. root: where /proc and /sys are found."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

Root = str | os.PathLike[str]

_UNLIMITED = 1 << 60  # bytes; version 1 shows a number near 2**63 where no limit is set


def cpu_quota(root: Root) -> int | None:
    """The smallest CPU quota of this process's groups and of those above, in CPUs rounded up; None without one."""
    quotas = [
        quota
        for version, folder in _folders(root, "cpu")
        if (quota := _quota_v2(folder) if version == 2 else _quota_v1(folder)) is not None
    ]
    return max(1, math.ceil(min(quotas))) if quotas else None


def memory_limit(root: Root) -> int | None:
    """The smallest memory limit of this process's groups and of those above, in bytes; None without one."""
    names = {1: "memory.limit_in_bytes", 2: "memory.max"}
    words = ["".join(_lines(f"{folder}/{names[version]}")).strip() for version, folder in _folders(root, "memory")]
    limits = [int(word) for word in words if word.isdecimal() and len(word) < 20]
    return min((limit for limit in limits if 0 < limit < _UNLIMITED), default=None)


def _folders(root: Root, controller: str) -> Iterator[tuple[int, str]]:
    """(version, folder) of the groups of a controller, this process's first and then those above it."""
    groups = os.path.join(root, "sys/fs/cgroup")
    for controllers, path in _memberships(os.path.join(root, "proc/self/cgroup")):
        if controllers == "":
            yield from ((2, folder) for folder in _upwards(groups, path))
        elif controller in controllers.split(","):
            mounts = [f"{groups}/{name}" for name in (controller, controllers)]
            mount = next((folder for folder in mounts if os.path.isdir(folder)), None)
            if mount is not None:
                yield from ((1, folder) for folder in _upwards(mount, path))


def _memberships(file: str) -> list[tuple[str, str]]:
    """(controllers, path) of the groups that /proc/self/cgroup lists; controllers are "" for version 2."""
    parts = [line.split(":", 2) for line in _lines(file)]
    return [(part[1], part[2]) for part in parts if len(part) == 3]


def _upwards(mount: str, path: str) -> list[str]:
    """The folders of a group and of those above it. Inside a container the path may lie outside the mount."""
    names = [name for name in path.split("/") if name not in ("", ".", "..")]
    return [os.path.join(mount, *names[:count]) for count in range(len(names), -1, -1)]


def _quota_v2(folder: str) -> float | None:
    """CPUs from cpu.max: "<quota> <period>" in microseconds, or "max <period>"."""
    words = " ".join(_lines(f"{folder}/cpu.max")).split()
    return _ratio(words[0], words[1]) if len(words) == 2 else None


def _quota_v1(folder: str) -> float | None:
    """CPUs from cpu.cfs_quota_us, -1 without a quota, and cpu.cfs_period_us."""
    quota, period = (_lines(f"{folder}/cpu.cfs_{name}_us") for name in ("quota", "period"))
    return _ratio(quota[0], period[0]) if quota and period else None


def _ratio(quota: str, period: str) -> float | None:
    try:
        value = int(quota) / int(period)
    except (ValueError, ArithmeticError):
        return None
    return value if value > 0 else None


def _lines(path: str) -> list[str]:
    try:
        with open(path, "rb") as file:
            return file.read().decode("ascii", "replace").splitlines()
    except OSError:
        return []
