"""Imports that handlers of signals can't interrupt."""

import _imp
import os
import threading
from _thread import allocate_lock, get_ident, start_new_thread
from collections.abc import Callable
from types import ModuleType

LONGEST = 20.0  # seconds
_importing = threading.RLock()
# A child has no thread that would end an import that was under way.
os.register_at_fork(before=_importing.acquire, after_in_parent=_importing.release, after_in_child=_importing.release)


def apart(load: Callable[[], ModuleType]) -> ModuleType:
    """load(), an import, carried out by another thread when the main thread asks, which runs the handlers of signals.

    A handler that asks for the same module waits for it then; within an import of its own thread it would be given
    half a module, or make Cython's modules a second time, which they refuse. Where it interrupts an import of the
    program's, whose lock no other thread can have, it imports by itself.
    """
    if get_ident() != threading.main_thread().ident or _imp.lock_held():
        return _locked(load)
    found: list[ModuleType | BaseException] = []
    done = allocate_lock()
    done.acquire()

    def carry_out() -> None:
        try:
            found.append(_locked(load))
        except BaseException as error:
            found.append(error)
        finally:
            done.release()

    try:
        start_new_thread(carry_out, ())
    except RuntimeError:  # no thread is to be had
        return _locked(load)
    if not done.acquire(timeout=LONGEST):
        raise RuntimeError("kernels can't be imported within an import that a signal's handler has interrupted")
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def _locked(load: Callable[[], ModuleType]) -> ModuleType:
    with _importing:
        return load()
