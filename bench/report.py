"""Writes what direct calls, sharing, postponed return, asynchronous runs and compiled functions save:

    python -m bench.report FOLDER

FOLDER/saved.md holds tables of ratios, with the machine and the versions. With matplotlib installed (extra bench),
saved.png shows all of them, and pictures/saved-*.svg one each. A time is the least of many runs, by turns
with the other ways, which other work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ovlite.cli.environment import environment

from .topics import TOPICS, Topic, least

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
PICTURES = "pictures"

Times = Mapping[int, Mapping[str, float]]  # seconds by size and way


def table(topic: Topic, measured: Times, pictured: bool) -> str:
    """Ratios over the first way, and its microseconds."""
    first, *others = next(iter(measured.values()))
    rows = ["| elements | " + " | ".join([*others, first]) + " |", "|---" * (2 + len(others)) + "|"]
    for size, times in measured.items():
        ratios = " | ".join(f"{times[first] / times[name]:.2f}x" for name in others)
        rows.append(f"| {size:,} | {ratios} | {times[first] * 1e6:.1f} us |")
    picture = [f"![{topic.title}: ratios by size]({PICTURES}/saved-{topic.slug}.svg)"] if pictured else []
    return "\n\n".join([f"## {topic.title}", (topic.ways.__doc__ or "").strip(), *picture, "\n".join(rows)])


def machine() -> str:
    """The processor, and the versions of what is measured."""
    found = environment()
    versions = {name: found["versions"][name] for name in ("ovlite", "python", "numpy")}
    if find_spec("numexpr"):
        versions["numexpr"] = version("numexpr")
    told = ", ".join(f"{name} {number}" for name, number in versions.items() if number != "0")
    return f"{found['processor']}, {found['level']} level, {found['threads_available']} threads; {told}."


def draw(measured: Mapping[Topic, Times], folder: Path) -> None:
    """saved.png with a plot of ratios for each topic, and an SVG for each."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "report", "font.size": 9}
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 3, figsize=(11, 6), layout="constrained")
    for axis in axes.flat[len(measured) :]:
        axis.set_axis_off()
    for axis, (topic, times) in zip(axes.flat, measured.items(), strict=False):
        _plot(axis, topic, times)
    figure.savefig(folder / "saved.png")
    (folder / PICTURES).mkdir(exist_ok=True)
    for topic, times in measured.items():
        figure, axis = pyplot.subplots(figsize=(5.5, 3), layout="constrained")
        _plot(axis, topic, times)
        figure.savefig(folder / PICTURES / f"saved-{topic.slug}.svg", metadata={"Date": None})


def _plot(axis: Any, topic: Topic, measured: Times) -> None:
    first, *others = next(iter(measured.values()))
    for name in others:
        ratios = [times[first] / times[name] for times in measured.values()]
        axis.plot(list(measured), ratios, marker="o", markersize=4, label=name)
    axis.axhline(1, color="grey", linewidth=1)
    axis.set(title=topic.title, xscale="log", xlabel="elements", ylabel=f"times as fast as {first}")
    axis.set_ylim(0, None)
    axis.minorticks_off()
    axis.legend()


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.report", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path)
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="elements of the largest arrays")
    arguments = parser.parse_args(argv)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    sizes = [size for size in SIZES if size <= arguments.largest]
    if not sizes:
        parser.error(f"--largest has to be {SIZES[0]} at least")
    measured = {topic: {size: least(topic.ways(size)) for size in sizes} for topic in TOPICS}
    pictured = find_spec("matplotlib") is not None
    parts = [
        "# What is saved",
        "Made by `python -m bench.report FOLDER`. Ratios above 1 are faster than the way that the last column has.",
        machine(),
        *(table(topic, times, pictured) for topic, times in measured.items()),
    ]
    if pictured:
        draw(measured, arguments.folder)
    (arguments.folder / "saved.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
