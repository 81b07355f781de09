"""`ovlite compare`: two models, or one model on two engines: how far outputs differ, and what each takes."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..runtime.profile_data import table
from . import report
from .arguments import Arguments, Parser, UsageError, add_execution, add_inputs, collect, positive, quantity
from .engines import NAMES, Run, load
from .environment import environment
from .inputs import make_inputs
from .measure import difference, read_model
from .progress import Progress

Side = tuple[str, Run]


def parser() -> Parser:
    found = Parser(
        "ovlite compare",
        description="Runs two models, or one on two engines, on the same inputs and tells how far outputs differ.",
    )
    found.add_argument("model", help="an ONNX file or the .xml file of an OpenVINO IR")
    found.add_argument("other", help=f"another such file, or an engine: {', '.join(NAMES[1:])}")
    add_inputs(found)
    add_execution(found)
    found.add_argument("--runs", type=positive, default=20, help="runs of each, by turns (default: 20)")
    found.add_argument("--tolerance", type=quantity, help="ends with status 1 when an output differs by more than this")
    return found


def run(parsed: argparse.Namespace) -> str:
    arguments = collect(parsed)
    environment(arguments.level)
    found = compare(arguments, parsed.other, parsed.runs)
    text = report.as_json(found) if arguments.json else _text(found)
    worst = max((output["difference"] for output in found["outputs"].values()), default=0.0)
    if parsed.tolerance is not None and not worst <= parsed.tolerance:
        print(text)
        raise RuntimeError(
            f"outputs differ by {worst:.3g} of the largest number; at most {parsed.tolerance:g} is allowed"
        )
    return text


def compare(arguments: Arguments, other: str, runs: int) -> dict[str, Any]:
    """Differences by output, in parts of its largest number in what comes second, and times in milliseconds."""
    if other in NAMES:
        names = ["ovlite", other]
        sides = [load(name, arguments) for name in names]
    else:
        if not Path(other).exists():
            raise UsageError(f"expected a model's file or an engine, {' or '.join(NAMES[1:])}, got {other!r}")
        names = [str(arguments.model), other]
        sides = [load("ovlite", replace(arguments, model=name)) for name in names]
    inputs = make_inputs(read_model(arguments).inputs, arguments)
    results = [_first(name, side, inputs) for name, side in zip(names, sides, strict=True)]
    times = _by_turns(sides, inputs, runs)
    return {
        "compared": names,
        "outputs": _outputs(*results),
        "ms": {
            name: {"min": min(spent), "median": float(np.median(spent))}
            for name, spent in zip(names, times, strict=True)
        },
    }


def _by_turns(sides: list[Run], inputs: list[Any], runs: int) -> list[list[float]]:
    """Milliseconds of each run of each side."""
    times: list[list[float]] = [[] for _ in sides]
    progress = Progress(sys.stderr)
    try:
        for count in range(runs):
            progress.show(count / runs)
            for spent, side in zip(times, sides, strict=True):
                begin = time.perf_counter()
                side(inputs)
                spent.append((time.perf_counter() - begin) * 1e3)
    finally:
        progress.clear()
    return times


def _first(name: str, side: Run, inputs: list[Any]) -> dict[str, Any]:
    try:
        return side(inputs)
    except Exception as error:  # each peer has exceptions of its own
        raise UsageError(f"{name} can't run on the inputs of the first model: {error}") from None


def _outputs(left: dict[str, Any], right: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By the names of the first; outputs are matched by name, or by position where names differ."""
    if len(left) != len(right):
        raise UsageError(f"there are {len(left)} outputs to compare with {len(right)}")
    matched = right if left.keys() == right.keys() else dict(zip(left, right.values(), strict=True))
    return {
        name: {
            "shapes": [list(left[name].shape), list(matched[name].shape)],
            "difference": difference(left[name], matched[name]),
        }
        for name in left
    }


def _text(found: dict[str, Any]) -> str:
    rows = [["output", "shape", "difference"]]
    for name, output in found["outputs"].items():
        left, right = output["shapes"]
        rows.append([name, str(left) if left == right else f"{left} and {right}", f"{output['difference']:.3g}"])
    times = [["", "least ms", "median ms"]]
    times += [[name, f"{spent['min']:.3f}", f"{spent['median']:.3f}"] for name, spent in found["ms"].items()]
    return f"{table(rows, left=(0, 1))}\n\n{table(times, left=(0,))}"
