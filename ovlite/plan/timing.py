"""What steps of plans took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..kernels.runtime.executor import PythonStep

Spans = Sequence[Sequence[tuple[int, int, int]]]  # of each step, (thread, begin, end) of its parts, in nanoseconds


class StepTime(NamedTuple):
    """A step of the last run. node: the name of the node that it belongs to; kernel: the step's, or an operator's type.

    shape: of the first tensor that it writes. flops: what the kernel counts. numpy: no kernel takes it.
    """

    node: str
    kernel: str
    shape: tuple[int, ...]
    seconds: float
    flops: float = 0
    numpy: bool = False


def of_step(origin: str, step: Any, seconds: float) -> StepTime:
    """The record of a program's step."""
    shape = tuple(step.writes[0].shape) if step.writes else ()
    return StepTime(origin, step.name, shape, seconds, getattr(step, "flops", 0), isinstance(step, PythonStep))


def seconds_of(spans: Spans) -> list[float]:
    """What each step took: from the end of the one before to the end of its own last part."""
    before = min((begin for parts in spans for _, begin, _ in parts), default=0)
    found = []
    for parts in spans:
        last = max([before, *(end for _, _, end in parts)])
        found.append((last - before) * 1e-9)
        before = last
    return found
