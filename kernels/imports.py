"""Imports that handlers of signals can't interrupt."""

import _imp
import _signal  # type: ignore[import-not-found]  # no stub; its getsignal() makes no enums
import os
import threading
from collections.abc import Callable
from types import ModuleType

LONGEST = 20.0  # seconds
_importing = threading.RLock()
# A child has no thread that would end an import that was under way.
os.register_at_fork(before=_importing.acquire, after_in_parent=_importing.release, after_in_child=_importing.release)


def apart(load: Callable[[], ModuleType]) -> ModuleType:
    """load(), an import, carried out by another thread when the main thread asks and the program handles signals.

    A handler that asks for the same module waits for it then; within an import of its own thread it would be given
    half a module, or make Cython's modules a second time, which they refuse. Where it interrupts an import of the
    program's, whose lock no other thread can have, it imports by itself.
    """
    if threading.current_thread() is not threading.main_thread() or _imp.lock_held() or not _handles_signals():
        return _locked(load)
    found: list[ModuleType | BaseException] = []

    def carry_out() -> None:
        try:
            found.append(_locked(load))
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=carry_out, daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no thread is to be had
        return _locked(load)
    thread.join(LONGEST)
    if not found:
        raise RuntimeError("kernels can't be imported within an import that a signal's handler has interrupted")
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def _handles_signals() -> bool:
    """Whether a signal has a handler of the program's; Python's own of SIGINT does no more than raise."""
    handlers = map(_signal.getsignal, range(1, _signal.NSIG))
    return any(callable(handler) and handler is not _signal.default_int_handler for handler in handlers)


def _locked(load: Callable[[], ModuleType]) -> ModuleType:
    with _importing:
        return load()
