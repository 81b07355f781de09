"""Compares ovlite with its installed peers: python -m bench.compare [--suite quantized] [words of names ...]

All libraries run each workload in one process by turns, a slice of time each, until every one has had its share; what
counts is the least time of each, which other work on the machine disturbs least. Between two libraries nothing runs
for a quarter of a second, since threads of onnxruntime spin on for a while. The ratio is the best peer's time over
ovlite's: above 1 ovlite is faster. Beside each time stands the largest difference from what ovlite computes in f32, in
parts of the largest number of that output.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from . import compressed, encoders, models, operators, quantized, trees
from .libraries import MODES, Inputs, Source, installed, load

SLICE = 0.08  # seconds that a library runs before the next one does
PAUSE = 0.25  # seconds before it, in which idle threads of the one before fall asleep
PACKAGE_DIMS: dict[str, list[dict[str, int]]] = {
    "PP-OCRv6_det_small": [{"height": 320, "width": 320}],
    "PP-OCRv6_rec_small": [{"width": 320}, {"batch": 6, "width": 160}],
    "ch_ppocr_mobile_v2.0_cls_mobile": [{"batch": 1}, {"batch": 6}],
    "silero_vad": [{"rate": 16000}],
    "silero_vad_16k_sequence": [{"length": 8}],
    "silero_vad_op18_ifless": [{"rate": 16000}],
}

Workload = tuple[str, Callable[[], Source], Callable[[], Inputs]]


def model_workloads() -> Iterator[Workload]:
    """The light models, and those of the packages when they can be had."""
    for name in models.light_models():
        yield name, partial(models.load, name), partial(models.inputs_for, name)
    try:
        paths = models.package_models()
    except models.Unavailable as error:
        print(f"without the models of packages: {error}")
        return
    for name, sizes in PACKAGE_DIMS.items():
        for dims in sizes if name in paths else []:
            label = " ".join([name, *(f"{key}={value}" for key, value in dims.items())])
            yield label, partial(paths.__getitem__, name), partial(models.inputs_for, name, dims=dims)


def operator_workloads() -> Iterator[Workload]:
    for name in operators.CASES:
        yield name, partial(operators.model, name), partial(operators.inputs, name)


def encoder_workloads() -> Iterator[Workload]:
    for name in encoders.CASES:
        yield name, partial(encoders.model, name), partial(encoders.inputs, name)


def quantized_workloads() -> Iterator[Workload]:
    for name in quantized.NAMES:
        for form in quantized.FORMS:
            yield f"{name} {form}", partial(quantized.load, name, form), partial(models.inputs_for, name)


def compressed_workloads() -> Iterator[Workload]:
    for name in compressed.CASES:
        yield name, partial(compressed.model, name), partial(compressed.inputs, name)


def tree_workloads() -> Iterator[Workload]:
    for name in trees.CASES:
        yield name, partial(trees.model, name), partial(trees.inputs, name)


SUITES = {
    "models": model_workloads,
    "operators": operator_workloads,
    "encoders": encoder_workloads,
    "quantized": quantized_workloads,
    "compressed": compressed_workloads,
    "trees": tree_workloads,
}


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


def compare(
    workload: Workload, libraries: Sequence[str], threads: int, seconds: float, mode: str
) -> tuple[dict[str, float], dict[str, float], dict[str, str]]:
    """(least times in seconds, differences from f32, why a library could not run it), all by library."""
    _, source, inputs = workload
    content, arrays = source(), inputs()
    calls, failures, apart = {}, {}, defaultdict(lambda: math.nan)
    reference = load("ovlite", content, threads, "f32")(arrays)
    for library in libraries:
        try:
            run = load(library, content, threads, mode)
            apart[library] = difference(run(arrays), reference)
            calls[library] = partial(run, arrays)
        except Exception as error:  # whatever a peer raises, the others are measured
            failures[library] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    return least_times(calls, seconds), apart, failures


def difference(results: Any, reference: Any) -> float:
    """The largest difference of the numbers of two results, in parts of the largest number of an output."""
    found, expected = (
        list(given) if isinstance(given, list) else list(given.values()) for given in (results, reference)
    )
    parts = [0.0]
    for a, b in zip(found, expected, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        if b.dtype.kind == "f" and b.size:
            parts.append(float(np.abs(a - b).max() / max(np.abs(b).max(), np.finfo(b.dtype).tiny)))
    return max(parts)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("words", nargs="*", help="measures the workloads in whose names one of these occurs")
    parser.add_argument("--suite", choices=[*SUITES], default="models")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--mode", choices=MODES, default="default", help="the precision that is asked for")
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each library and workload")
    parser.add_argument("--libraries", nargs="+", choices=installed(), default=installed())
    arguments = parser.parse_args()
    peers = [library for library in arguments.libraries if library != "ovlite"]
    header = [f"{library + ' ms':>14} {'apart':>7}" for library in arguments.libraries]
    print(
        f"{arguments.mode + ', ' + str(arguments.threads) + ' threads':40}", *header, f"{'ratio':>7}" if peers else ""
    )
    ratios = []
    for workload in SUITES[arguments.suite]():
        if arguments.words and not any(word in workload[0] for word in arguments.words):
            continue
        best, apart, failures = compare(
            workload, arguments.libraries, arguments.threads, arguments.seconds, arguments.mode
        )
        cells = [
            f"{best[library] * 1e3:14.3f} {apart[library]:7.0e}" if library in best else f"{'-':>14} {'-':>7}"
            for library in arguments.libraries
        ]
        known = [best[peer] for peer in peers if peer in best]
        if known and "ovlite" in best:
            ratios.append(min(known) / best["ovlite"])
            cells.append(f"{ratios[-1]:7.2f}")
        print(f"{workload[0]:40}", *cells, flush=True)
        for library, reason in failures.items():
            print(f"    {library}: {reason}")
        if denormal := models.denormal_weights(workload[1]()):
            print(f"    {denormal} of its weights are denormal numbers")
    if ratios:
        print(f"geometric mean {math.prod(ratios) ** (1 / len(ratios)):.2f}, least {min(ratios):.2f}")


if __name__ == "__main__":
    main()
