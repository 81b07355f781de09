"""Compares ovlite with its peers beside busy processes: python -m bench.busy [--processes 1] [words of names ...]

Each library runs each workload on one thread and on several, a slice of time each, by turns and with a pause
before each, in which threads that an earlier one has left spinning come to rest. Shown are medians in
milliseconds, the least of all rounds and behind it the median of them; `ratio` is the time on several threads over
that on one, which a busy machine must not bring above 1.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from ovlite.cli.arguments import UsageError

from .libraries import installed, load
from .suites import SUITES, Workload, select

PAUSE = 0.25  # seconds; longer than the threads of any library spin
WARM_UP = 3  # calls


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """`count` processes that never rest."""
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        time.sleep(PAUSE)
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def median_time(call: Callable[[], object], seconds: float) -> float:
    """The median time of a call, in seconds, when it runs again and again for `seconds`."""
    for _ in range(WARM_UP):
        call()
    times = []
    end = time.perf_counter() + seconds
    while not times or times[-1] < end:
        times.append(time.perf_counter())
        call()
        times.append(time.perf_counter())
    return statistics.median(after - before for before, after in zip(times[::2], times[1::2], strict=True))


def medians(
    workload: Workload, libraries: Sequence[str], threads: Sequence[int], rounds: int, seconds: float
) -> dict[tuple[str, int], list[float]]:
    """The median times of the rounds, in seconds, by library and number of threads."""
    _, source, inputs = workload
    content, arrays = source(), inputs()
    calls = {(name, count): partial(load(name, content, count), arrays) for name in libraries for count in threads}
    found: dict[tuple[str, int], list[float]] = {key: [] for key in calls}
    for _ in range(rounds):
        for key, call in calls.items():
            time.sleep(PAUSE)
            found[key].append(median_time(call, seconds))
    return found


def show(name: str, found: dict[tuple[str, int], list[float]]) -> None:
    for library in dict.fromkeys(library for library, _ in found):
        mine = {threads: times for (of, threads), times in found.items() if of == library}
        cells = [f"{min(times) * 1e3:9.3f} {statistics.median(times) * 1e3:9.3f}" for times in mine.values()]
        first, *others = mine.values()
        ratios = [
            f"{min(times) / min(first):7.2f} {statistics.median(times) / statistics.median(first):7.2f}"
            for times in others
        ]
        print(f"{name:36} {library:12}", *cells, *ratios, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.busy", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("words", nargs="*", help="measures the workloads in whose names one of these occurs")
    parser.add_argument("--suite", choices=[*SUITES], default="models")
    parser.add_argument("--processes", type=int, default=1, help="busy processes beside; 0 for a quiet machine")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="time of a round for each library and workload")
    parser.add_argument("--libraries", nargs="+", choices=installed(), default=installed())
    arguments = parser.parse_args()
    try:
        workloads = select(arguments.suite, arguments.words)
    except UsageError as error:
        parser.error(str(error))
    columns = [f"{f'{count} threads':>19}" for count in arguments.threads]
    print(f"{f'beside {arguments.processes} busy processes':49}", *columns, f"{'ratio':>15}")
    for workload in workloads:
        with busy_processes(arguments.processes):
            found = medians(workload, arguments.libraries, arguments.threads, arguments.rounds, arguments.seconds)
        show(workload[0], found)


if __name__ == "__main__":
    main()
