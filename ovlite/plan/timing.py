"""What a step of a plan in stages took: such plans know their steps only while they run."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..kernels.runtime.executor import PythonStep


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
