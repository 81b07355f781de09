"""What a profile holds, as data and as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # tables and sizes are for whoever writes text, without what measures the machine
    from .roofline import Roofline

COLUMNS = ("step", "node", "kernel", "output", "ms", "share", "GFLOP/s", "of peak", "GB/s", "of bandwidth")
NAME_WIDTH = 40  # of a node's name in the table


@dataclass(frozen=True)
class StepProfile:
    """A step, in the order of the run. seconds: the least of several runs. flops: what its kernel counts, 0 where it
    counts none. bytes: of the tensors that it reads and writes, each once, without weights, which kernels keep packed;
    0 where plans in stages don't tell.
    """

    index: int
    node: str
    kernel: str
    shape: tuple[int, ...]
    seconds: float
    flops: float
    bytes: int
    numpy: bool


@dataclass(frozen=True)
class Span:
    """A part of a step, in the fastest of the runs. thread: 0 for the one that asked for the run, else the number of a
    helper. begin, end: seconds from the begin of the first step.
    """

    step: int
    thread: int
    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.begin


@dataclass(frozen=True)
class Placed:
    """A buffer in the arena: where it lies, in bytes, and the steps from which to which it is needed."""

    offset: int
    bytes: int
    first: int
    last: int


@dataclass(frozen=True)
class Measured:
    """Steps of a compiled model for inputs of some shapes. timeline: of plans in stages, the steps one after the other.
    weights, arena: bytes.
    """

    model: str
    threads: int
    machine: Roofline
    steps: tuple[StepProfile, ...]
    timeline: tuple[Span, ...]
    buffers: tuple[Placed, ...]
    weights: int
    arena: int

    @property
    def seconds(self) -> float:
        """What the steps take together."""
        return sum(step.seconds for step in self.steps)

    @property
    def busy(self) -> dict[int, float]:
        """Seconds that each thread of the timeline worked, in the order of the threads' numbers."""
        found = dict.fromkeys(sorted({span.thread for span in self.timeline}), 0.0)
        for span in self.timeline:
            found[span.thread] += span.seconds
        return found

    @property
    def elapsed(self) -> float:
        """Seconds from the begin of the timeline to its end."""
        return max((span.end for span in self.timeline), default=0.0)

    def rows(self) -> list[list[str]]:
        """The table's cells, slowest step first."""
        return [self._row(step) for step in sorted(self.steps, key=lambda step: -step.seconds)]

    def _row(self, step: StepProfile) -> list[str]:
        peak, bandwidth = self.machine.share(step.flops, step.bytes, step.seconds)
        share = step.seconds / (self.seconds or 1)
        rates = [step.flops, step.bytes]
        flops, nbytes = (f"{rate / step.seconds / 1e9:.1f}" if rate and step.seconds else "" for rate in rates)
        return [
            str(step.index), step.node[:NAME_WIDTH], "numpy" if step.numpy else step.kernel, str(list(step.shape)),
            f"{step.seconds * 1e3:.3f}", f"{share:.1%}", flops, f"{peak:.0%}" if flops else "", nbytes,
            f"{bandwidth:.0%}" if nbytes else "",
        ]  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        found = asdict(self)
        for step in found["steps"]:
            peak, bandwidth = self.machine.share(step["flops"], step["bytes"], step["seconds"])
            step.update(of_peak=peak, of_bandwidth=bandwidth)
        return {**found, "seconds": self.seconds}

    def chrome_trace(self) -> str:
        """Events for chrome://tracing or Perfetto: each thread's parts of the steps; times in microseconds."""
        named: list[dict[str, Any]] = [
            {"name": "thread_name", "ph": "M", "pid": 0, "tid": thread, "args": {"name": thread_name(thread)}}
            for thread in self.busy
        ]
        return json.dumps({"traceEvents": [*named, *map(self._event, self.timeline)], "displayTimeUnit": "ms"})

    def _event(self, span: Span) -> dict[str, Any]:
        step = self.steps[span.step]
        return {
            "name": step.node, "cat": step.kernel, "ph": "X", "pid": 0, "tid": span.thread,
            "ts": span.begin * 1e6, "dur": span.seconds * 1e6,
            "args": {key: getattr(step, key) for key in ("index", "kernel", "shape", "flops", "bytes")},
        }  # fmt: skip

    def __str__(self) -> str:
        return table([list(COLUMNS), *self.rows()], left=(1, 2, 3))


def thread_name(thread: int) -> str:
    """What a timeline calls a thread."""
    return f"helper {thread}" if thread else "caller"


def size(count: float) -> str:
    """Bytes, in the unit that suits."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.1f} {unit}" if unit != "B" else f"{count:.0f} B"
        count /= 1024
    return f"{count:.2f} GiB"


def table(rows: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    """Lines of aligned cells; left: the columns that begin at one place."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:{'<' if i in left else '>'}{widths[i]}}" for i, cell in enumerate(row)).rstrip()
        for row in rows
    )
