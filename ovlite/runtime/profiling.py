"""CompiledModel.profile(): what each step of a run does and takes, beside what the machine can do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..errors import OVTypeError
from ..graph.constants import weight_bytes
from ..kernels.runtime.step import Step, View
from ..plan.timing import StepTime
from .compilation import Compilation
from .infer_request import InferRequest
from .profile_data import Measured, Placed, StepProfile
from .profile_page import fragment, page
from .roofline import roofline


class Profile(Measured):
    """A profile that can be looked at: print(), html(), or as the last line of a notebook's cell."""

    def html(self) -> str:
        """One page that needs nothing else: table, timeline, roofline plot and memory plan."""
        return page(self)

    def _repr_html_(self) -> str:
        return fragment(self)


def profile(compilation: Compilation, request: InferRequest, inputs: Any, runs: int) -> Profile:
    """Runs the request, of a model compiled to be profiled, once to warm up and then `runs` times.

    Raises RuntimeError when the runs take other steps.
    """
    timed = least_times(request, inputs, runs)
    program = request.plan.program
    made: Sequence[Step | None] = program.steps if program else [None] * len(timed)
    threads = compilation.config.threads_per_stream()
    steps = tuple(
        StepProfile(index, row.node, row.kernel, row.shape, row.seconds, row.flops, _bytes(step), row.numpy)
        for index, (row, step) in enumerate(zip(timed, made, strict=True))
    )
    buffers = tuple(_buffers(program.steps, program.placed)) if program else ()
    weights = weight_bytes(compilation.model.get_ordered_ops())
    arena = program.arena_bytes if program else 0
    return Profile(compilation.name, threads, roofline(threads), steps, buffers, weights, arena)


def least_times(request: InferRequest, inputs: Any, runs: int) -> list[StepTime]:
    """The steps of such a request, each with the least time of `runs` runs after one to warm up."""
    if not isinstance(runs, int) or runs < 1:
        raise OVTypeError(f"expected runs to be a positive int, got {runs!r}")
    timed = []
    for _ in range(1 + runs):
        request.infer(inputs, share_inputs=True)
        timed.append(request.timed_steps())
    if len({len(run) for run in timed}) > 1:
        raise RuntimeError("the model takes other steps at each run; a profile needs runs that are alike")
    alike = zip(*timed[1:], strict=True)
    return [steps[-1]._replace(seconds=min(step.seconds for step in steps)) for steps in alike]


def _bytes(step: Step | None) -> int:
    """What a step reads and writes."""
    if step is None:
        return 0
    return sum(math.prod(view.shape) * view.dtype.itemsize for view in (*step.reads, *step.writes))


def _extent(view: View) -> int:
    """The end of a view in its buffer, in bytes."""
    if not math.prod(view.shape):
        return 0
    reach = sum((length - 1) * stride for length, stride in zip(view.shape, view.strides, strict=True) if stride > 0)
    return view.offset + (reach + 1) * view.dtype.itemsize


def _buffers(steps: Sequence[Step], placed: dict[int, int]) -> list[Placed]:
    """The buffers of the arena that steps touch, as far as they do."""
    ends: dict[int, int] = {}
    live: dict[int, tuple[int, int]] = {}
    for index, step in enumerate(steps):
        for view in (*step.reads, *step.writes):
            if view.slot in placed:
                ends[view.slot] = max(ends.get(view.slot, 0), _extent(view))
                live[view.slot] = (live.get(view.slot, (index, index))[0], index)
    return [Placed(placed[slot], ends[slot], *live[slot]) for slot in sorted(live)]
