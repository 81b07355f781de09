"""Loops, whose bodies are planned as models are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from ..graph import Model, Output
from ..graph.elements import compute_dtype
from ..graph.operator import Array
from ..kernels.runtime.executor import Team, check_stopped
from ..ops.control import Iteration, takes_several
from ..ops.interpreter import evaluate_model
from ..types import Type
from .calls import Tensor
from .limits import LoopBytes
from .native_loop import Unsuited, run_native_loop
from .stage import Context, Stage

STAGE_LIMIT = 32  # stages that a body keeps
SHAPES_LIMIT = 16  # shapes of a body's parameters that are planned in one run of a loop

Shapes = tuple[tuple[int, ...], ...]


class Repeated:
    """The body of a Loop or TensorIterator as stages that run once for each iteration.

    Without Python between the iterations where that can be (see rounds). Else there is a stage for each set of shapes
    of the body's parameters. A run plans the first few that it meets;
    where shapes go on to change, as those of a state that grows, numpy evaluates the body: planning it anew in
    each iteration takes longer. So the same inputs give the same bits whatever has run before.
    """

    def __init__(self, context: Context, op: Iteration) -> None:
        self._context = context
        self._op = op
        self._stages: OrderedDict[Shapes, Stage] = OrderedDict()

    def __call__(self, arrays: Sequence[Array], team: Team) -> Sequence[Array]:
        body = self._op.body
        assert body is not None
        entries = [parameter.output(0) for parameter in body.parameters]
        given_back = [result.sources[0] for result in body.results]
        met: set[Shapes] = set()
        kept = [item.body_value_index for item in self._op.output_descriptions if takes_several(item)]
        budget = LoopBytes(f"the results of all iterations of a {self._op.type}", self._context.memory_limit)
        limit, going_on = self._op.extent(arrays)
        if going_on and limit != 0:
            first = self._op.parameters(body, arrays, self._op.first_states(arrays), 0)
            shapes = tuple(array.shape for array in first)
            met.add(shapes)
            with suppress(Unsuited):
                return run_native_loop(self._op, self._stage(body, shapes), arrays, limit, team, budget)

        def compute(parameters: Sequence[Array]) -> list[Array]:
            results = computed(parameters)
            budget.add(sum(results[index].nbytes for index in kept))
            return results

        def computed(parameters: Sequence[Array]) -> list[Array]:
            check_stopped()
            shapes = tuple(array.shape for array in parameters)
            if shapes not in met:
                if len(met) == SHAPES_LIMIT:
                    return evaluate_model(body, parameters)
                met.add(shapes)
            values = {
                port: np.asarray(array, compute_dtype(port.element_type), order="C")
                for port, array in zip(entries, parameters, strict=True)
            }
            self._stage(body, shapes).run(values, team)
            return [values[output] for output in given_back]

        return self._op.iterate(arrays, compute)

    def _stage(self, body: Model, shapes: Shapes) -> Stage:
        """The body's stage for parameters of these shapes, made when they are new."""
        stage = self._stages.get(shapes)
        if stage is None:
            stage = self._stages[shapes] = self._plan(body, shapes)
            if len(self._stages) > STAGE_LIMIT:
                self._stages.popitem(last=False)
        return stage

    def _plan(self, body: Model, shapes: Shapes) -> Stage:
        ports = zip((parameter.output(0) for parameter in body.parameters), shapes, strict=True)
        known = {port: Tensor(compute_dtype(port.element_type), shape) for port, shape in ports}
        computed = dict.fromkeys(result.sources[0] for result in body.results if result.sources[0] not in known)
        results: list[tuple[Output, Type | None]] = [(output, None) for output in computed]
        return Stage(self._context, body.get_ordered_ops(), known, results, values_vary=True)
