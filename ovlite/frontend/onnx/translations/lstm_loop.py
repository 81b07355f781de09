"""LSTMs that no LSTMSequence describes, with peepholes or coupled gates, as a loop over the time.

N batch, T time, I input size, H hidden units. Gates are in ONNX's order: input, output, forget, cell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ....graph import Model, Node, Output, Parameter, Result
from ....ops.bodies import (
    BodyOutputDescription,
    ConcatOutputDescription,
    InputDescription,
    InvariantInputDescription,
    MergedInputDescription,
    SliceInputDescription,
)
from ....ops.control import TensorIterator
from ....types import PartialShape, Type
from ..build import converted, dim_of, ints, one, ops, scalar, typed


class Activations(NamedTuple):
    """Names in the order in which a cell uses them, and their parameters, 0 for those without."""

    names: tuple[str, ...]
    alphas: tuple[float, ...]
    betas: tuple[float, ...]


class Weights(NamedTuple):
    """Of one direction: W [1, 4 * H, I], R [1, 4 * H, H], B [1, 4 * H], peepholes [1, 3 * H] of input, output, forget.

    coupled: the forget gate is 1 - the input gate.
    """

    inputs: Output
    states: Output
    bias: Output
    peepholes: Output | None = None
    coupled: bool = False


ACTIVATIONS: dict[str, Callable[[Output, float, float], Node]] = {
    "affine": lambda x, a, b: ops.add(ops.multiply(x, typed(a, x)), typed(b, x)),
    "elu": lambda x, a, b: ops.elu(x, a),
    "hardsigmoid": lambda x, a, b: ops.hard_sigmoid(x, typed(a, x), typed(b, x)),
    "leakyrelu": lambda x, a, b: ops.prelu(x, typed([a], x)),
    "relu": lambda x, a, b: ops.relu(x),
    "scaledtanh": lambda x, a, b: ops.multiply(ops.tanh(ops.multiply(x, typed(b, x))), typed(a, x)),
    "sigmoid": lambda x, a, b: ops.sigmoid(x),
    "softplus": lambda x, a, b: ops.softplus(x),
    "softsign": lambda x, a, b: ops.softsign(x),
    "tanh": lambda x, a, b: ops.tanh(x),
    "thresholdedrelu": lambda x, a, b: ops.select(ops.greater(x, typed(a, x)), x, typed(0, x)),
}


def lstm_loop(
    data: Output,
    lengths: Output | None,
    direction: str,
    states: Sequence[Output],
    weights: Weights,
    activations: Activations,
    clip: float,
) -> list[Output]:
    """[N, 1, T, H] and the last h and c, [N, 1, H], of data [N, T, I] and states [N, 1, H].

    Elements behind the end of a sequence leave its states as they are, and give zeros.
    """
    sliced = [one(ops.add(ops.matmul(data, _first(weights.inputs, 0), False, True), weights.bias))]
    fixed = [_first(weights.states, 0)]
    if weights.peepholes is not None:
        fixed.append(_first(weights.peepholes, 0))
    if lengths is not None:
        times = ops.range(ints(0), scalar(dim_of(data, 1)), ints(1), "i64")
        sliced.append(one(ops.unsqueeze(times, ints([0]))))
        fixed.append(one(ops.unsqueeze(converted(lengths, Type.i64), ints([1]))))
    sources = [*sliced, *(_first(state, 1) for state in states), *fixed]
    parameters = [Parameter(source.element_type, _part(source, i < len(sliced))) for i, source in enumerate(sources)]
    results = _step([parameter.output(0) for parameter in parameters], weights, lengths is not None, activations, clip)
    walk = (0, 1, 1, -1) if direction == "forward" else (-1, -1, 1, 0)
    state, last = len(sliced), len(sliced) + len(states)
    taken: list[InputDescription] = [SliceInputDescription(i, i, *walk, 1) for i in range(state)]
    taken += [MergedInputDescription(i, i, 1 + i - state) for i in range(state, last)]
    taken += [InvariantInputDescription(i, i) for i in range(last, len(sources))]
    given = (ConcatOutputDescription(0, 0, *walk, 1), BodyOutputDescription(1, 1), BodyOutputDescription(2, 2))
    body = Model([Result(result) for result in results], parameters, name="lstm")
    loop = Node(TensorIterator(body, tuple(taken), given), sources)
    return [one(ops.unsqueeze(output, ints([1]))) for output in loop.outputs()]


def _first(value: Output, axis: int) -> Output:
    """Without an axis of length 1."""
    return one(ops.squeeze(value, ints([axis])))


def _part(source: Output, sliced: bool) -> PartialShape:
    """The shape that the body sees of an input, of which it may take one element of the time."""
    shape = PartialShape(source.partial_shape)
    if sliced:
        shape[1] = 1
    return shape


def _step(
    values: Sequence[Output], weights: Weights, limited: bool, activations: Activations, clip: float
) -> list[Output]:
    """The element of the result [N, 1, H], and h and c [N, H], of the parameters of the body."""
    given = iter(values)
    inputs, time = next(given), next(given) if limited else None
    hidden, cell, recurrence = next(given), next(given), next(given)
    peepholes = None if weights.peepholes is None else ops.split(next(given), ints(0), 3).outputs()
    gates = ops.add(_first(inputs, 1), ops.matmul(hidden, recurrence, False, True))

    def gate(place: int, seen: Output | None = None, function: int = 0) -> Output:
        """A gate that sees a cell through its peephole."""
        value = gates_of[place]
        if peepholes is not None and seen is not None:
            value = one(ops.add(value, ops.multiply(peepholes[place], seen)))
        return _activated(one(ops.clamp(value, -clip, clip)) if clip else value, activations, function)

    gates_of = ops.split(gates, ints(1), 4).outputs()
    entering = gate(0, cell)
    kept = one(ops.subtract(typed(1, entering), entering)) if weights.coupled else gate(2, cell)
    after = one(ops.add(ops.multiply(kept, cell), ops.multiply(entering, gate(3, None, 1))))
    result = one(ops.multiply(gate(1, after), _activated(after, activations, 2)))
    shown = result
    if time is not None:
        going = ops.less(time, next(given))
        shown, result, after = (
            one(ops.select(going, new, old))
            for new, old in ((result, typed(0, result)), (result, hidden), (after, cell))
        )
    return [one(ops.unsqueeze(shown, ints([1]))), result, after]


def _activated(value: Output, activations: Activations, place: int) -> Output:
    make = ACTIVATIONS[activations.names[place]]
    return one(make(value, activations.alphas[place], activations.betas[place]))
