"""Imports that forks wait for, and that handlers of signals can't interrupt."""

import _imp
import _signal  # type: ignore[import-not-found]  # no stub; its getsignal() makes no enums
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

LONGEST = 20.0  # seconds that a fork, or a handler, waits


class _Importers:
    """The threads that import something, and no fork while they do.

    A child has no thread that would end an import that another one had begun: half a module would be there, and a
    lock that nobody opens. No importer waits for another one, since an import may do so for the modules of both.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()  # a handler of a signal may import, and fork, too
        self.threads: set[int] = set()

    def before_fork(self) -> None:
        end = time.monotonic() + LONGEST
        self.lock.acquire()
        while self.threads - {threading.get_ident()} and time.monotonic() < end:
            self.lock.release()
            time.sleep(0.001)
            self.lock.acquire()

    def after_in_child(self) -> None:
        self.threads &= {threading.get_ident()}
        self.lock.release()


_importers = _Importers()
os.register_at_fork(
    before=_importers.before_fork,
    after_in_parent=_importers.lock.release,
    after_in_child=_importers.after_in_child,
)


@contextmanager
def forks_wait() -> Iterator[None]:
    """What is within may import: a fork of another thread's waits for its end."""
    thread = threading.get_ident()
    inner = thread in _importers.threads
    try:
        with _importers.lock:
            _importers.threads.add(thread)
        yield
    finally:
        if not inner:
            with _importers.lock:
                _importers.threads.discard(thread)


def load(name: str, package: str | None = None) -> ModuleType:
    """import_module() of a name that is whole, or begins with one dot; a module that is there is only looked up.

    Another thread imports when the main thread asks and the program handles signals. A handler that asks for the same
    module waits for it then; within an import of its own thread it would be given half a module, or make Cython's
    modules a second time, which they refuse. Where it interrupts an import of the program's, whose lock no other
    thread can have, it imports by itself.
    """
    module = sys.modules.get(name if package is None else package + name)
    if module is not None and not getattr(module.__spec__, "_initializing", False):
        return module
    if threading.current_thread() is not threading.main_thread() or _imp.lock_held() or not _handles_signals():
        return _import(name, package)
    found: list[ModuleType | BaseException] = []

    def carry_out() -> None:
        try:
            found.append(_import(name, package))
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=carry_out, daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no thread is to be had
        return _import(name, package)
    thread.join(LONGEST)
    if not found:
        raise RuntimeError(
            f"{name} can't be imported within an import that a signal's handler has interrupted; compile and call a "
            "model once before its signal comes"
        )
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def _handles_signals() -> bool:
    """Whether a signal has a handler of the program's; Python's own of SIGINT does no more than raise."""
    handlers = map(_signal.getsignal, range(1, _signal.NSIG))
    return any(callable(handler) and handler is not _signal.default_int_handler for handler in handlers)


def _import(name: str, package: str | None) -> ModuleType:
    with forks_wait():
        return import_module(name, package)
