"""The `ovlite` command: a file for each of its commands, each with parser() and run(); `bench` when none is named."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from .arguments import UsageError, parse, sentence

COMMANDS = ("info", "profile", "compare", "convert", "cache")  # besides bench
FAILED, REFUSED = 1, 2
INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status: 0, 1 for work that failed, 2 for input that can't be used, 130 when
    interrupted.
    """
    try:
        print(_run(list(sys.argv[1:] if argv is None else argv)), flush=True)
    except (UsageError, ImportError) as error:  # OVLITE_ISA names no level, or kernels are not built
        return _fail(error, REFUSED)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        if isinstance(error, BrokenPipeError):  # the reader of the output has gone; nothing is left to flush at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        return _fail(error, FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _fail(error: Exception, status: int) -> int:
    print(f"ovlite: {sentence(error)}", file=sys.stderr)
    return status


def _run(argv: list[str]) -> str:
    """Runs a command and returns what to print.

    The modules that do the work load only now, so that wrong arguments are refused at once.
    """
    if argv and argv[0] in COMMANDS:
        command = import_module(f".{argv[0]}", __name__)
        return str(command.run(command.parser().parse_args(argv[1:])))
    arguments = parse(argv[1:] if argv[:1] == ["bench"] else argv)
    from .bench import run

    return run(arguments)
