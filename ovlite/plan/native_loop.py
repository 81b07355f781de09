"""A loop whose body is one native program, run without Python between the iterations.

Carried states alternate between two buffers, parts of inputs are read and parts of outputs written where they
lie: all by moving the addresses of slots (Frame.run_loop).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from ..graph import Constant, Output
from ..graph.elements import compute_dtype
from ..graph.operator import Array
from ..kernels.runtime.executor import Frame, Team
from ..ops.bodies import (
    ConcatOutputDescription,
    InvariantInputDescription,
    MergedInputDescription,
    OutputDescription,
    SliceInputDescription,
)
from ..ops.control import Iteration
from ..records import replace
from .limits import LoopBytes
from .stage import Stage


class Unsuited(Exception):
    """The loop needs Python between its iterations."""


def run_native_loop(
    op: Iteration, stage: Stage, arrays: Sequence[Array], limit: int | None, team: Team, budget: LoopBytes
) -> list[Array]:
    """The outputs of a loop that has a first iteration, at most `limit`. Raises Unsuited before anything has run."""
    if stage.staged or not stage.program.native:
        raise Unsuited
    with stage.frame(team) as frame:
        return _LoopRun(op, stage, arrays, limit, frame, budget).run(team)


class _LoopRun:
    """One run. strides, carried, counter, condition: the arguments of Frame.run_loop.

    states: the array that each body parameter which stays the same is given. buffers: of each result, C order with
    an iteration's place in front: for all iterations, or two.
    """

    def __init__(
        self, op: Iteration, stage: Stage, arrays: Sequence[Array], limit: int | None, frame: Frame, budget: LoopBytes
    ) -> None:
        assert op.body is not None
        self._op = op
        self._frame = frame
        self._limit = limit
        self._budget = budget
        self._parameters = [parameter.output(0) for parameter in op.body.parameters]
        self._results = [result.sources[0] for result in op.body.results]
        self._entries = dict(zip(stage.entries, stage.input_slots, strict=True))
        self._exits = dict(zip(stage.exits, zip(stage.output_slots, stage.outputs, strict=True), strict=True))
        self._strides: list[tuple[int, Array, int, int]] = []
        self._carried: list[tuple[int, int]] = []
        self._states: dict[Output, Array] = {}
        self._firsts: list[Array] = []  # keeps what slots point to
        self._buffers: dict[Output, Array] = {}
        self._counter: Array | None = None
        self._bind_inputs(arrays)
        self._condition = self._find_condition()
        self._bind_outputs()

    def run(self, team: Team) -> list[Array]:
        done = self._frame.run_loop(team, self._limit, self._strides, self._carried, self._condition, self._counter)
        outputs = sorted(self._op.output_descriptions, key=lambda item: item.output_index)
        return [self._output(item, done) for item in outputs]

    def _bind_inputs(self, arrays: Sequence[Array]) -> None:
        number = self._op.counter
        for item in self._op.input_descriptions:
            port = self._parameters[item.body_parameter_index]
            array = np.asarray(arrays[item.input_index], order="C")
            _require(array.dtype == compute_dtype(port.element_type))
            if isinstance(item, SliceInputDescription):
                self._slice(port, item, array)
            elif isinstance(item, InvariantInputDescription) or self._results[item.body_value_index] is port:
                self._states[port] = array
            else:
                self._carry(port, item, array)
        if number >= 0:
            port = self._parameters[number]
            self._counter = np.zeros([1] * len(port.partial_shape), compute_dtype(port.element_type))
            _require(self._counter.dtype in (np.int64, np.int32))
            self._frame.bind(self._entries[port], self._counter)
        for port, array in self._states.items():
            self._frame.bind(self._entries[port], array)

    def _slice(self, port: Output, item: SliceInputDescription, array: Array) -> None:
        axis = item.axis % array.ndim
        _require(item.part_size == 1 or all(length == 1 for length in array.shape[:axis]))
        parts = np.asarray(np.moveaxis(array, axis, 0), order="C")
        moved = replace(item, axis=0)
        _require(self._limit is not None and self._limit > 0)
        moved.part(parts, (self._limit or 1) - 1)  # raises when a part is outside
        first = moved.part(parts, 0)
        self._strides.append((self._entries[port], first, item.stride * parts.strides[0], self._limit or 1))

    def _carry(self, port: Output, item: MergedInputDescription, array: Array) -> None:
        result = self._results[item.body_value_index]
        _require(result in self._exits)
        slot, (dtype, shape) = self._exits[result]
        _require(dtype == array.dtype and shape == array.shape)
        self._firsts.append(array)
        self._frame.bind(self._entries[port], array)
        self._carried.append((self._entries[port], slot))

    def _find_condition(self) -> int:
        """The slot of the condition; -1 when it is always true."""
        if self._op.condition < 0:
            return -1
        result = self._results[self._op.condition]
        if isinstance(result.node, Constant) and bool(np.all(result.node.array)):
            return -1
        if result in self._states and bool(self._states[result].reshape(-1)[0]):
            return -1
        _require(result in self._exits)
        slot, (dtype, shape) = self._exits[result]
        _require(dtype.itemsize == 1 and 0 not in shape)
        return slot

    def _bind_outputs(self) -> None:
        """Buffers for the results: of all iterations where their number is certain and an output joins them."""
        joined = {
            self._results[item.body_value_index]
            for item in self._op.output_descriptions
            if isinstance(item, ConcatOutputDescription)
        }
        _require(all(result in self._exits or result in self._states for result in self._results))
        _require(all(isinstance(item, ConcatOutputDescription) or item.iteration == -1
                     for item in self._op.output_descriptions))  # fmt: skip
        _require(not joined or (self._limit is not None and self._condition < 0 and joined <= self._exits.keys()))
        for output, (slot, (dtype, shape)) in self._exits.items():
            places = self._limit or 1 if output in joined else 2
            self._budget.add(places * prod(shape) * dtype.itemsize)
            buffer = self._buffers[output] = np.empty((places, *shape), dtype)
            self._strides.append((slot, buffer, buffer.strides[0], places))

    def _output(self, item: OutputDescription, done: int) -> Array:
        result = self._results[item.body_value_index]
        if result in self._states:
            return self._states[result]
        buffer = self._buffers[result]
        if not isinstance(item, ConcatOutputDescription):
            return np.asarray(buffer[(done - 1) % len(buffer)])
        parts = buffer[::-1] if item.stride < 0 else buffer
        axis = item.axis % (buffer.ndim - 1)
        shape = list(buffer.shape[1:])
        shape[axis] *= len(buffer)
        return np.moveaxis(parts, 0, axis).reshape(shape)


def _require(fits: bool) -> None:
    if not fits:
        raise Unsuited
