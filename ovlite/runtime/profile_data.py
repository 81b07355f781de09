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
class Placed:
    """A buffer in the arena: where it lies, in bytes, and the steps from which to which it is needed."""

    offset: int
    bytes: int
    first: int
    last: int


@dataclass(frozen=True)
class Measured:
    """Steps of a compiled model for inputs of some shapes. weights, arena: bytes."""

    model: str
    threads: int
    machine: Roofline
    steps: tuple[StepProfile, ...]
    buffers: tuple[Placed, ...]
    weights: int
    arena: int

    @property
    def seconds(self) -> float:
        """What the steps take together."""
        return sum(step.seconds for step in self.steps)

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
        """Events of the steps, one after the other, for chrome://tracing or Perfetto; times in microseconds."""
        events, begin = [], 0.0
        for step in self.steps:
            events.append({
                "name": step.node, "cat": step.kernel, "ph": "X", "pid": 0, "tid": 0,
                "ts": begin * 1e6, "dur": step.seconds * 1e6,
                "args": {"kernel": step.kernel, "shape": list(step.shape), "flops": step.flops, "bytes": step.bytes},
            })  # fmt: skip
            begin += step.seconds
        return json.dumps({"traceEvents": events, "displayTimeUnit": "ms"})

    def __str__(self) -> str:
        return table([list(COLUMNS), *self.rows()], left=(1, 2, 3))


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
