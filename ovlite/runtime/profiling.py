"""CompiledModel.profile(): what each step of a run does and takes, beside what the machine can do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from threading import get_ident
from typing import Any

from ..errors import OVTypeError
from ..graph.constants import weight_bytes
from ..kernels.runtime.step import Step, View
from ..plan import Spans, StepTime
from .compilation import Compilation
from .infer_request import InferRequest
from .profile_data import Measured, Placed, Span, StepProfile
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
    all_runs = timed_runs(request, inputs, runs)
    timed = least_of([steps for steps, _ in all_runs])
    program = request.plan.program
    made: Sequence[Step | None] = program.steps if program else [None] * len(timed)
    threads = compilation.config.threads_per_stream()
    steps = tuple(
        StepProfile(index, row.node, row.kernel, row.shape, row.seconds, row.flops, _bytes(step), row.numpy)
        for index, (row, step) in enumerate(zip(timed, made, strict=True))
    )
    timeline = min(map(_timeline, all_runs), key=lambda spans: max((span.end for span in spans), default=0.0))
    buffers = tuple(_buffers(program.steps, program.placed)) if program else ()
    weights = weight_bytes(compilation.model.get_ordered_ops())
    arena = program.arena_bytes if program else 0
    return Profile(compilation.name, threads, roofline(threads), steps, timeline, buffers, weights, arena)


TimedRun = tuple[list[StepTime], Spans]


def least_times(request: InferRequest, inputs: Any, runs: int) -> list[StepTime]:
    """The steps of such a request, each with the least time of `runs` runs after one to warm up."""
    return least_of([steps for steps, _ in timed_runs(request, inputs, runs)])


def timed_runs(request: InferRequest, inputs: Any, runs: int) -> list[TimedRun]:
    """What the steps of `runs` runs took, and on which threads, after a run to warm up."""
    if not isinstance(runs, int) or runs < 1:
        raise OVTypeError(f"expected runs to be a positive int, got {runs!r}")
    timed: list[TimedRun] = []
    for _ in range(1 + runs):
        request.infer(inputs, share_inputs=True)
        timed.append((request.timed_steps(), request.step_spans()))
    if len({len(steps) for steps, _ in timed}) > 1:
        raise RuntimeError("the model takes other steps at each run; a profile needs runs that are alike")
    return timed[1:]


def least_of(runs: Sequence[Sequence[StepTime]]) -> list[StepTime]:
    """The steps of the last run, each with its least time of all."""
    alike = zip(*runs, strict=True)
    return [steps[-1]._replace(seconds=min(step.seconds for step in steps)) for steps in alike]


def _timeline(run: TimedRun) -> tuple[Span, ...]:
    """A run's parts by thread, in order of time."""
    steps, parts = run
    if not any(parts):
        ends = [*accumulate((step.seconds for step in steps), initial=0.0)]
        return tuple(Span(index, 0, *ends[index : index + 2]) for index in range(len(steps)))
    flat = sorted((begin, end, thread, index) for index, each in enumerate(parts) for thread, begin, end in each)
    origin, numbers = flat[0][0], {get_ident(): 0}
    return tuple(
        Span(index, numbers.setdefault(thread, len(numbers)), (begin - origin) * 1e-9, (end - origin) * 1e-9)
        for begin, end, thread, index in flat
    )


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
