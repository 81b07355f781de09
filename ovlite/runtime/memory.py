"""How much memory the tensors of a model may take."""

from __future__ import annotations

import os

from .cgroup import Root, memory_limit


def memory_budget(root: Root = "/") -> int:
    """Bytes that this process can have at the most: the least of the machine's memory, its cgroup's limit, and the
    limit of its address space. root: where /proc and /sys are found.
    """
    return min(limit for limit in (_machine(), memory_limit(root), _address_space()) if limit is not None)


def _machine() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 1 << 62


def _address_space() -> int | None:
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit
