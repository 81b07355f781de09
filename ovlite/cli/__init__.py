"""The `ovlite` command: runs a model on random inputs and tells what it costs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from .arguments import Arguments, UsageError, parse

REFUSED = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status: 0, 2 for input that can't be used, 130 when interrupted."""
    try:
        arguments = parse(sys.argv[1:] if argv is None else argv)
        print(_run(arguments), flush=True)
    except (UsageError, ImportError) as error:  # OVLITE_ISA names no level, or kernels are not built
        print(f"ovlite: {' '.join(str(error).split())}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the output has gone; nothing is left to flush at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _run(arguments: Arguments) -> str:
    """Runs the command and returns what to print.

    The modules that do the work load only now, so that wrong arguments are refused at once.
    """
    from . import report
    from .environment import environment
    from .measure import measure

    found = environment(arguments.level)
    if arguments.info:
        return report.as_json(found) if arguments.json else report.format_environment(found)
    measured = measure(arguments)
    return (
        report.as_json({**found, **measured})
        if arguments.json
        else report.format_measurement(found, measured, arguments.steps)
    )
