"""Graphs are made without looking for garbage among them."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Pause:
    """Whether the collector is off while graphs are made: by how many, and whether it was on before."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.lock = threading.RLock()  # a handler of a signal may make a graph too
        self.depth = 0
        self.enabled = False

    def end(self) -> None:
        """For a child process, in which no other thread goes on."""
        if self.depth and self.enabled:
            gc.enable()
        self.forget()

    def resume(self, stays: bool) -> None:
        """Switches the collector on. What `stays` is old to it at once: it need not go through all of that to find so.
        What a program has frozen is left so.
        """
        if self.enabled and stays and not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()
        if self.enabled:
            gc.enable()


_pause = _Pause()
os.register_at_fork(after_in_child=_pause.end)


@contextmanager
def uncollected(stays: bool = True) -> Iterator[None]:
    """Keeps the cyclic garbage collector off. A graph is many objects that stay, and the more there are the more
    often it would go through all of them. stays: what is made does, as a model does that is compiled.
    """
    with _pause.lock:
        if not _pause.depth:
            _pause.enabled = gc.isenabled()
            gc.disable()
        _pause.depth += 1
    try:
        yield
    finally:
        with _pause.lock:
            _pause.depth = max(0, _pause.depth - 1)  # a child process has none
            if not _pause.depth:
                _pause.resume(stays)
