"""A profile as HTML: a table, a timeline, a roofline plot and the memory plan, drawn as SVG, in light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from ..graph import html
from .profile_data import COLUMNS, Measured, StepProfile, size

WIDTH, HEIGHT = 1000, 240  # of each picture, in its own units
COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#9d755d", "#bab0ac")
STYLE = """
.ovlite { font: 14px/1.4 system-ui, sans-serif; color: light-dark(#1a1a1a, #e6e6e6); color-scheme: light dark }
.ovlite svg { width: 100%; min-width: 40em; height: auto; background: light-dark(#f6f6f6, #222); border-radius: 4px }
.ovlite svg text { font: 12px system-ui, sans-serif; fill: light-dark(#333, #ccc) }
.ovlite line, .ovlite polyline { stroke: light-dark(#666, #aaa); fill: none }
.ovlite .scroll { overflow: auto; max-height: 36em }
.ovlite table { border-collapse: collapse; font-variant-numeric: tabular-nums }
.ovlite td, .ovlite th { padding: 2px 10px; text-align: right; white-space: nowrap }
.ovlite td:nth-child(-n+4):not(:first-child), .ovlite th:nth-child(-n+4):not(:first-child) { text-align: left }
.ovlite tr:nth-child(even) { background: light-dark(#f0f0f0, #2a2a2a) }
.ovlite i { display: inline-block; width: .8em; height: .8em; margin-right: .3em; border-radius: 2px }
.ovlite .key span { margin-right: 1em; white-space: nowrap }
"""


def page(profile: Measured) -> str:
    """A whole page."""
    style = "body { margin: 1.5em auto; max-width: 75em; padding: 0 1em }"
    return html.page(f"{profile.model}: profile", style, fragment(profile))


def fragment(profile: Measured) -> str:
    """The same for a place in another page, such as a notebook."""
    machine = profile.machine
    about = (
        f"{profile.seconds * 1e3:.3f} ms in {len(profile.steps)} steps, {profile.threads} threads, {machine.level} "
        f"level of {machine.processor}: at most {machine.gflops:.0f} GFLOP/s and {machine.gbytes:.1f} GB/s. "
        f"Weights {size(profile.weights)}, arena {size(profile.arena)}. "
        "Winograd's algorithm is counted with the products that it saves, and may pass the peak."
    )
    colours = _colours(profile)
    keys = "".join(
        f'<span><i style="background:{colour}"></i>{escape(name)}</span>' for name, colour in colours.items()
    )
    return (
        f'<div class="ovlite"><style>{STYLE}</style><h2>{escape(profile.model)}</h2><p>{escape(about)}</p>'
        f'<p class="key">{keys}</p><h3>Timeline</h3>{_timeline(profile, colours)}'
        f"<h3>Roofline</h3>{_roofline(profile, colours)}<h3>Memory plan</h3>{_memory(profile)}"
        f"<h3>Steps</h3>{_table(profile)}</div>"
    )


def _colours(profile: Measured) -> dict[str, str]:
    """A colour for each kernel, by the time that its steps take; those after the seventh share the last."""
    times: dict[str, float] = {}
    for step in profile.steps:
        times[step.kernel] = times.get(step.kernel, 0.0) + step.seconds
    names = sorted(times, key=lambda name: -times[name])
    return {name: COLOURS[min(place, len(COLOURS) - 1)] for place, name in enumerate(names)}


def _svg(parts: Iterable[str], label: str, height: int = HEIGHT) -> str:
    picture = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
    return f'<div class="scroll">{picture}</div>'


def _box(x: float, y: float, width: float, height: float, colour: str, title: str) -> str:
    place = f'x="{x:.2f}" y="{y:.2f}" width="{max(width, 0.3):.2f}" height="{max(height, 0.3):.2f}"'
    return f'<rect {place} fill="{colour}"><title>{escape(title)}</title></rect>'


def _title(step: StepProfile) -> str:
    return f"{step.index}: {step.node}, {step.kernel} {list(step.shape)}, {step.seconds * 1e3:.3f} ms"


def _timeline(profile: Measured, colours: dict[str, str]) -> str:
    scale, begin, parts = WIDTH / (profile.seconds or 1), 0.0, []
    for step in profile.steps:
        parts.append(_box(begin * scale, 10, step.seconds * scale, 40, colours[step.kernel], _title(step)))
        begin += step.seconds
    for tick in range(6):
        x, anchor = tick * WIDTH / 5, ("start", *["middle"] * 4, "end")[tick]
        parts.append(f'<text x="{x}" y="68" text-anchor="{anchor}">{profile.seconds * tick / 5 * 1e3:.3g} ms</text>')
    return _svg(parts, "steps over time", 76)


def _roofline(profile: Measured, colours: dict[str, str]) -> str:
    """GFLOP/s against flops for each byte, both logarithmic; a step's area tells its time."""
    machine = profile.machine
    shown = [step for step in profile.steps if step.flops and step.bytes and step.seconds]
    ridge = machine.gflops / machine.gbytes
    low, high = math.log10(min([0.1, *(step.flops / step.bytes for step in shown)])), math.log10(max([
        ridge * 10, *(step.flops / step.bytes for step in shown)
    ]))  # fmt: skip
    top = math.log10(1.5 * max([machine.gflops, *(step.flops / step.seconds / 1e9 for step in shown)]))
    bottom = math.log10(min([machine.gbytes * 0.1, *(step.flops / step.seconds / 1e9 for step in shown)]))

    def at(intensity: float, rate: float) -> tuple[float, float]:
        x = 50 + (WIDTH - 70) * (math.log10(intensity) - low) / (high - low)
        return x, 10 + (HEIGHT - 50) * (top - math.log10(rate)) / (top - bottom)

    corners = [at(10**low, machine.gbytes * 10**low), at(ridge, machine.gflops), at(10**high, machine.gflops)]
    parts = [f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in corners)}"/>']
    for step in shown:
        x, y = at(step.flops / step.bytes, step.flops / step.seconds / 1e9)
        radius = 3 + 25 * math.sqrt(step.seconds / profile.seconds)
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colours[step.kernel]}" fill-opacity="0.6">'
            f"<title>{escape(_title(step))}</title></circle>"
        )
    for power in range(math.ceil(low), math.floor(high) + 1):
        parts.append(
            f'<text x="{at(10**power, 1)[0]:.1f}" y="{HEIGHT - 22}" text-anchor="middle">{10.0**power:g}</text>'
        )
    for power in range(math.ceil(bottom), math.floor(top) + 1):
        parts.append(f'<text x="44" y="{at(1, 10**power)[1] + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 6}" text-anchor="middle">flops for each byte; up: GFLOP/s</text>')
    return _svg(parts, "roofline")


def _memory(profile: Measured) -> str:
    """Buffers over the steps that need them (to the right) and the arena's bytes (down)."""
    if not profile.buffers:
        return "<p>No arena: all tensors are inputs, results, or made while the plan runs.</p>"
    across, down = WIDTH / len(profile.steps), HEIGHT / max(profile.arena, 1)
    return _svg(
        (
            _box(
                buffer.first * across, buffer.offset * down, (buffer.last - buffer.first + 1) * across,
                buffer.bytes * down, COLOURS[place % len(COLOURS)],
                f"{size(buffer.bytes)} at {buffer.offset}, steps {buffer.first} to {buffer.last}",
            )
            for place, buffer in enumerate(profile.buffers)
        ),
        "buffers in the arena",
    )  # fmt: skip


def _table(profile: Measured) -> str:
    def row(cells: Iterable[str], kind: str) -> str:
        return f"<tr>{''.join(f'<{kind}>{escape(cell)}</{kind}>' for cell in cells)}</tr>"

    body = "".join(row(cells, "td") for cells in profile.rows())
    return f'<div class="scroll"><table>{row(COLUMNS, "th")}{body}</table></div>'
