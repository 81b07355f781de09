"""python -m tests.fuzz TARGET [--seconds S] [--cases N] [--seed N] [--first I | --case I] [--new S]

Runs cases, each of random numbers of its own, under limits: SECONDS of processor time a case, and GIBIBYTES of memory
beyond what the process has when it begins. Ends with 1 and the traceback after the first case that breaks a promise,
and by a signal where one crashes or doesn't end; the last line of standard output names the case that ran.
"""

from __future__ import annotations

import argparse
import faulthandler
import resource
import secrets
import signal
import time
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from random import Random

from .targets import TARGETS, Target

SECONDS = 5.0
GIBIBYTES = 2


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="when to stop")
    parser.add_argument("--cases", type=int, default=10**9)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--first", type=int, default=0, help="the first case")
    parser.add_argument("--case", type=int, help="run only this one")
    parser.add_argument("--new", type=float, default=0, help="seconds of cases of a new seed, after the others")
    options = parser.parse_args()
    target = TARGETS[options.target]
    target.make(Random(0))  # the seeds are made without limits
    faulthandler.enable()
    faulthandler.register(signal.SIGPROF, chain=True)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (GIBIBYTES << 30),) * 2)
    first, last = (options.first, options.cases) if options.case is None else (options.case, options.case + 1)
    _run(target, options.seed, range(first, last), options.seconds)
    _run(target, secrets.token_hex(8), count(), options.new)


def _run(target: Target, seed: str, numbers: Iterable[int], seconds: float) -> None:
    """The cases of a seed, until that time has passed."""
    end = time.monotonic() + seconds
    for number in numbers:
        if time.monotonic() > end:
            break
        print(f"--seed {seed} --case {number}", flush=True)
        case = target.make(Random(f"{seed}/{number}"))
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        target.run(case)
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
