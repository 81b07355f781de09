"""A profile as HTML: a table, a timeline, a roofline plot and the memory plan, drawn as SVG, in light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from ..graph import html
from .profile_data import COLUMNS, Measured, StepProfile, size, thread_name

WIDTH, HEIGHT = 1000, 240  # of each picture, in its own units
LANE, MARGIN = 48, 80  # of the timeline: the height of a thread, and the width of what stands beside it
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
.ovlite th { position: sticky; top: 0; background: light-dark(#fff, #1a1a1a) }
.ovlite rect { stroke: light-dark(#f6f6f6, #222); stroke-width: .5 }
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
        f"{len(profile.steps)} steps take {profile.seconds * 1e3:.3f} ms, each in its fastest run; the fastest run "
        f"took {profile.elapsed * 1e3:.3f} ms. {profile.threads} threads, {machine.level} level of "
        f"{machine.processor}: at most {machine.gflops:.0f} GFLOP/s and {machine.gbytes:.1f} GB/s of memory. "
        f"Weights {size(profile.weights)}, arena {size(profile.arena)}. Winograd's algorithm is counted with the "
        "products that it saves, and may pass the peak; what caches hold may pass the pace of memory."
    )
    colours = _colours(profile)
    keys = "".join(
        f'<span><i style="background:{colour}"></i>{escape(name)}</span>' for name, colour in colours.items()
    )
    return (
        f'<div class="ovlite"><style>{STYLE}</style><h2>{escape(profile.model)}</h2><p>{escape(about)}</p>'
        f'<p class="key">{keys}</p><h3>Timeline</h3>{_timeline(profile, colours)}'
        f"<h3>Roofline</h3>{_roofline(profile, colours)}<h3>Memory plan</h3>{_memory(profile, colours)}"
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
    """A lane for each thread, with its parts of the steps over the time of the fastest run."""
    elapsed = profile.elapsed or 1
    lanes = {thread: place * LANE for place, thread in enumerate(profile.busy)}
    scale, bottom = (WIDTH - MARGIN - 10) / elapsed, len(lanes) * LANE
    parts = [
        f'<text x="8" y="{lanes[thread] + 20}">{thread_name(thread)}</text>'
        f'<text x="8" y="{lanes[thread] + 34}">{busy / elapsed:.0%} busy</text>'
        for thread, busy in profile.busy.items()
    ]
    for span in profile.timeline:
        step = profile.steps[span.step]
        title = f"{step.index}: {step.node}, {step.kernel} {list(step.shape)}, {span.seconds * 1e3:.3f} ms"
        x, width = MARGIN + span.begin * scale, span.seconds * scale
        parts.append(_box(x, lanes[span.thread] + 4, width, LANE - 8, colours[step.kernel], title))
    for tick in range(6):
        x, anchor = MARGIN + elapsed * tick / 5 * scale, "end" if tick == 5 else "middle"
        parts.append(f'<line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{bottom}" stroke-opacity="0.3"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="{anchor}">{elapsed * tick / 5 * 1e3:.3g} ms</text>'
        )
    return _svg(parts, "parts of steps by thread over time", bottom + 22)


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
    parts = [
        f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in corners)}"/>',
        f'<text x="{corners[1][0] - 8:.1f}" y="{corners[1][1] - 6:.1f}" text-anchor="end">{machine.gbytes:.1f} GB/s, '
        f"{machine.gflops:.0f} GFLOP/s</text>",
    ]
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


def _memory(profile: Measured, colours: dict[str, str]) -> str:
    """Buffers over the steps that need them (to the right) and the arena's bytes (down), in the colour of the kernel
    that writes them first.
    """
    if not profile.buffers:
        return "<p>No arena: all tensors are inputs, results, or made while the plan runs.</p>"
    across, down = (WIDTH - MARGIN) / len(profile.steps), HEIGHT / max(profile.arena, 1)
    boxes = [
        _box(
            MARGIN + buffer.first * across, buffer.offset * down, (buffer.last - buffer.first + 1) * across,
            buffer.bytes * down, colours[profile.steps[buffer.first].kernel],
            f"{size(buffer.bytes)} at {buffer.offset}, steps {buffer.first} to {buffer.last}",
        )
        for buffer in profile.buffers
    ]  # fmt: skip
    notes = [
        f'<text x="8" y="16">{size(0)}</text><text x="8" y="{HEIGHT - 4}">{size(profile.arena)}</text>'
        f'<text x="{MARGIN}" y="{HEIGHT + 16}">step 0</text>'
        f'<text x="{WIDTH - 8}" y="{HEIGHT + 16}" text-anchor="end">step {len(profile.steps) - 1}</text>'
    ]
    return _svg([*boxes, *notes], "buffers in the arena", HEIGHT + 22)


def _table(profile: Measured) -> str:
    def row(cells: Iterable[str], kind: str) -> str:
        return f"<tr>{''.join(f'<{kind}>{escape(cell)}</{kind}>' for cell in cells)}</tr>"

    body = "".join(row(cells, "td") for cells in profile.rows())
    return f'<div class="scroll"><table>{row(COLUMNS, "th")}{body}</table></div>'
