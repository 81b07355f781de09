"""Graphs are made without looking for garbage among them."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Pause:
    """Whether the collector is off while graphs are made: in how many threads, and whether it was on before."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.lock = threading.RLock()  # a handler of a signal may make a graph too
        self.threads: set[int] = set()
        self.enabled = False

    def begin(self, thread: int) -> None:
        with self.lock:
            if not self.threads:
                self.enabled = gc.isenabled()
            self.threads.add(thread)
            gc.disable()

    def end(self, thread: int) -> None:
        """Ends the pause for all: of several threads there may always be one that makes a graph."""
        with self.lock:
            if thread in self.threads and self.enabled:
                gc.enable()
            self.threads.discard(thread)

    def end_all(self) -> None:
        """For a child process, in which no other thread goes on."""
        if self.threads and self.enabled:
            gc.enable()
        self.forget()


_pause = _Pause()
os.register_at_fork(after_in_child=_pause.end_all)


@contextmanager
def uncollected() -> Iterator[None]:
    """Keeps the cyclic garbage collector off, until a thread that makes a graph is done with it. A graph is many
    objects that stay, and the more there are the more often it would go through all of them.
    """
    thread = threading.get_ident()
    inner = thread in _pause.threads
    try:
        if not inner:
            _pause.begin(thread)
        yield
    finally:
        if not inner:
            _pause.end(thread)
