"""Compares ovlite with its installed peers: python -m bench.compare [--suite quantized] [words or files ...]

All libraries run each workload in one process by turns, a slice of time each, until every one has had its share; what
counts is the least time of each, which other work on the machine disturbs least. Between two libraries nothing runs
for a quarter of a second, since threads of onnxruntime spin on for a while. The ratio is the best peer's time over
ovlite's: above 1 ovlite is faster. Beside each time stands the largest difference from what ovlite computes in f32, in
parts of the largest number of that output.

--json prints all of it for a file. python -m bench.compare OLD.json NEW.json compares two such files, and ends with
status 1 when a workload of NEW.json takes longer, by more than --threshold, or is not there.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ovlite.cli.arguments import UsageError, positive, quantity
from ovlite.cli.environment import environment
from ovlite.cli.measure import difference

from . import models
from .libraries import MODES, installed, load
from .results import Result, compare_files
from .suites import SUITES, Workload, select

SLICE = 0.08  # seconds that a library runs before the next one does
PAUSE = 0.25  # seconds before it, in which idle threads of the one before fall asleep


def least_times(calls: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """The least time of each call, in seconds, when they run by turns for `seconds` each."""
    best = dict.fromkeys(calls, math.inf)
    for call in calls.values():
        call()
        call()
    for _ in range(max(1, round(seconds / SLICE))):
        for name, call in calls.items():
            if len(calls) > 1:
                time.sleep(PAUSE)
            end = time.perf_counter() + SLICE
            while True:
                begin = time.perf_counter()
                call()
                now = time.perf_counter()
                best[name] = min(best[name], now - begin)
                if now >= end:
                    break
    return best


def compare(workload: Workload, libraries: Sequence[str], threads: int, seconds: float, mode: str) -> Result:
    """What each library takes for a workload, and how far it is from f32."""
    name, source, inputs = workload
    content, arrays = source(), inputs()
    calls, failures, apart = {}, {}, {}
    reference = load("ovlite", content, threads, "f32")(arrays)
    for library in libraries:
        try:
            run = load(library, content, threads, mode)
            apart[library] = largest_difference(run(arrays), reference)
            calls[library] = partial(run, arrays)
        except Exception as error:  # whatever a peer raises, the others are measured
            failures[library] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    best = {library: spent * 1e3 for library, spent in least_times(calls, seconds).items()}
    return Result(name, best, apart, failures, models.denormal_weights(content))


def largest_difference(results: Any, reference: Any) -> float:
    """The largest difference of real numbers of two results, in parts of the largest number of an output; inf where
    shapes or NaNs differ."""
    found, expected = (
        list(given) if isinstance(given, list) else list(given.values()) for given in (results, reference)
    )
    pairs = zip(found, expected, strict=True)
    return max((difference(a, b) for a, b in pairs if np.asarray(b).dtype.kind == "f"), default=0.0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("words", nargs="*", help="parts of names of workloads, and .onnx or .xml files")
    parser.add_argument("--suite", choices=[*SUITES], default="models")
    parser.add_argument("--threads", type=positive, default=1)
    parser.add_argument("--mode", choices=MODES, default="default", help="the precision that is asked for")
    parser.add_argument("--seconds", type=quantity, default=1.0, help="time for each library and workload")
    parser.add_argument("--libraries", nargs="+", choices=installed(), default=installed())
    parser.add_argument("--json", action="store_true", help="prints JSON instead of a table")
    parser.add_argument("--threshold", type=quantity, default=1.1, help="of two files: times as long (default: 1.1)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        if any(word.endswith(".json") for word in arguments.words):
            return compare_files(arguments.words, arguments.threshold)
        workloads = select(arguments.suite, arguments.words)
    except UsageError as error:
        parser.error(str(error))
    run = partial(
        compare,
        libraries=arguments.libraries,
        threads=arguments.threads,
        seconds=arguments.seconds,
        mode=arguments.mode,
    )
    if arguments.json:
        about = {"mode": arguments.mode, "threads": arguments.threads, **environment()}
        print(json.dumps({**about, "workloads": [run(workload).as_dict() for workload in workloads]}, indent=1))
        return 0
    columns = [f"{library + ' ms':>14} {'apart':>7}" for library in arguments.libraries]
    print(f"{f'{arguments.mode}, {arguments.threads} threads':40}", *columns, f"{'ratio':>7}")
    ratios = []
    for workload in workloads:
        found = run(workload)
        print(found.text(arguments.libraries), flush=True)
        ratios += [] if found.ratio is None else [found.ratio]
    if ratios:
        print(f"geometric mean {math.prod(ratios) ** (1 / len(ratios)):.2f}, least {min(ratios):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
