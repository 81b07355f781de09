"""Writes what sharing, postponed return, asynchronous runs and compiled functions save: python -m bench.report FOLDER

FOLDER/report.md holds tables of ratios, with the machine and the versions; with matplotlib installed, chart.svg and
chart.png show them. A time is the least of many runs, by turns with the other ways, which other work on the machine
disturbs least.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import ovlite as ov
import ovlite.opset13 as ops
from ovlite.cli.environment import environment

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
SECONDS = 0.4  # for the ways of each size

Ways = dict[str, Callable[[], Any]]  # the first is what the others are compared with


def inputs(size: int) -> Ways:
    """A sum of an array that is copied first, or read in place."""
    x = ops.parameter([size], np.float32)
    compiled, array = _compiled([ops.reduce_sum(x, [0])], x), np.ones(size, np.float32)
    return {"copied": partial(compiled, array, share_inputs=False), "shared": partial(compiled, array)}


def outputs(size: int) -> Ways:
    """A result of the input's size: copied from the request's memory, new, an array of the caller's, or a view."""
    x = ops.parameter([size], np.float32)
    compiled, array, out = _compiled([ops.relu(x)], x), np.ones(size, np.float32), np.empty(size, np.float32)
    return {
        "copied": lambda: compiled(array, share_outputs=True)[0].copy(),
        "new": partial(compiled, array),
        "out=": partial(compiled, array, out=out),
        "view": partial(compiled, array, share_outputs=True),
    }


def hiding(size: int) -> Ways:
    """A run on one thread and as much of Python's work: one after the other, or the work while the run goes on."""
    x = ops.parameter([size], np.float32)
    request = _compiled([ops.exp(ops.sin(x))], x, INFERENCE_NUM_THREADS=1).create_infer_request()
    array = np.linspace(0, 1, size, dtype=np.float32)
    run = partial(request.infer, [array], share_inputs=True)
    seconds = least({"run": run})["run"]

    def work() -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass

    def in_turn() -> None:
        run()
        work()

    def at_once() -> None:
        request.start_async([array], share_inputs=True)
        work()
        request.wait()

    return {"in turn": in_turn, "at once": at_once}


def functions(size: int) -> Ways:
    """A chain of element-wise operations on three arrays: numpy, and numexpr where it is installed."""

    def chain(x: Any, y: Any, z: Any) -> Any:
        return np.sqrt(np.abs(x)) * np.exp(-y * y) + z / 3

    random = np.random.default_rng(7)
    x, y, z = (random.standard_normal(size).astype(np.float32) for _ in range(3))
    found: Ways = {"numpy": partial(chain, x, y, z)}
    if find_spec("numexpr"):
        evaluate = import_module("numexpr").evaluate
        found["numexpr"] = partial(evaluate, "sqrt(abs(x)) * exp(-y * y) + z / 3", {"x": x, "y": y, "z": z})
    return {**found, "ov.jit": partial(ov.jit(chain), x, y, z)}


TOPICS: dict[str, Callable[[int], Ways]] = {
    "Inputs": inputs, "Outputs": outputs, "Hiding latency": hiding, "numpy functions": functions,
}  # fmt: skip


def _compiled(results: list[Any], parameter: Any, **config: Any) -> ov.CompiledModel:
    return ov.compile_model(ov.Model(results, [parameter], "report"), "CPU", config)


def least(ways: Ways) -> dict[str, float]:
    """Seconds of the fastest run of each way."""
    found = dict.fromkeys(ways, float("inf"))
    for run in ways.values():
        run()
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        for name, run in ways.items():
            begin = time.perf_counter()
            run()
            found[name] = min(found[name], time.perf_counter() - begin)
    return found


def table(topic: str, measured: dict[int, dict[str, float]]) -> str:
    """Ratios over the first way, and its microseconds."""
    first, *others = next(iter(measured.values()))
    lines = [
        f"## {topic}",
        "",
        (TOPICS[topic].__doc__ or "").strip(),
        "",
        f"| elements | {first} | {' | '.join(others)} |",
    ]
    lines.append("|---" * (2 + len(others)) + "|")
    for size, times in measured.items():
        ratios = " | ".join(f"{times[first] / times[name]:.2f}x" for name in others)
        lines.append(f"| {size:,} | {times[first] * 1e6:.1f} us | {ratios} |")
    return "\n".join(lines)


def machine() -> str:
    """The processor, and the versions of what is measured."""
    found = environment()
    versions = {name: found["versions"][name] for name in ("ovlite", "python", "numpy")}
    if find_spec("numexpr"):
        versions["numexpr"] = version("numexpr")
    told = ", ".join(f"{name} {number}" for name, number in versions.items() if number != "0")
    return f"{found['processor']}, {found['level']} level, {found['threads_available']} threads; {told}."


def draw(measured: dict[str, dict[int, dict[str, float]]], folder: Path) -> None:
    """chart.svg and chart.png: a plot of ratios for each topic."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "report"}
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(10, 7), layout="constrained")
    for axis, (topic, by_size) in zip(axes.flat, measured.items(), strict=True):
        first, *others = next(iter(by_size.values()))
        for name in others:
            axis.plot(list(by_size), [times[first] / times[name] for times in by_size.values()], marker="o", label=name)
        axis.axhline(1, color="grey", linewidth=1)
        axis.set(title=topic, xscale="log", xlabel="elements", ylabel=f"times as fast as {first}", ylim=(0, None))
        axis.legend()
    for kind in ("svg", "png"):
        figure.savefig(folder / f"chart.{kind}")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser("bench.report", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="elements of the largest arrays")
    arguments = parser.parse_args(argv)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    sizes = [size for size in SIZES if size <= arguments.largest]
    measured = {topic: {size: least(ways(size)) for size in sizes} for topic, ways in TOPICS.items()}
    parts = ["# What is saved", "Ratios above 1 are faster than the first way.", machine()]
    parts += [table(topic, by_size) for topic, by_size in measured.items()]
    if find_spec("matplotlib"):
        draw(measured, arguments.folder)
        parts.insert(2, "![ratios by size](chart.svg)")
    (arguments.folder / "report.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
