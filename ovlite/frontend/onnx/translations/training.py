"""Optimizers of ai.onnx.preview.training: one step, for any number of tensors at once.

Inputs: the learning rate, the number of steps before, and then groups of as many tensors each: the values, their
gradients, and what the optimizer keeps. Outputs: the new values, and the new tensors that are kept.
"""

from __future__ import annotations

from ....errors import ModelError
from ....graph import Output
from ....types import Type
from ..build import converted, ints, of_type, one, ops, scalar
from ..call import Call, Translated, Translation


def _groups(call: Call, count: int) -> list[list[Output]]:
    """The tensors behind the first two inputs, in `count` groups."""
    tensors = [call.input(i) for i in range(2, len(call.inputs))]
    if not tensors or len(tensors) % count:
        raise ModelError(f"{len(tensors)} tensors behind the rate and the count are not {count} for each value")
    size = len(tensors) // count
    return [tensors[i * size : (i + 1) * size] for i in range(count)]


def _real(value: float, like: Output) -> Output:
    return of_type(value, like.element_type)


def _regularized(call: Call, value: Output, gradient: Output) -> Output:
    """The gradient with that of norm_coefficient / 2 * the square of the value's norm."""
    weight = _real(call.decimal("norm_coefficient", 0.0), value)
    return one(ops.add(ops.multiply(weight, value), gradient))


def _in_type(call: Call, place: int, like: Output) -> Output:
    """The rate, or the count of steps, as a scalar in the type of a tensor."""
    return converted(scalar(call.input(place)), like.element_type)


def adagrad(call: Call) -> Translated:
    values, kept = [], []
    for value, gradient, squares in zip(*_groups(call, 3), strict=True):
        slope = _regularized(call, value, gradient)
        decay = ops.multiply(_in_type(call, 1, value), _real(call.decimal("decay_factor", 0.0), value))
        rate = ops.divide(_in_type(call, 0, value), ops.add(decay, _real(1, value)))
        total = one(ops.add(squares, ops.multiply(slope, slope)))
        size = ops.add(ops.sqrt(total), _real(call.decimal("epsilon", 1e-6), value))
        values.append(one(ops.subtract(value, ops.divide(ops.multiply(rate, slope), size))))
        kept.append(total)
    return values + kept


def adam(call: Call) -> Translated:
    alpha, beta = call.decimal("alpha", 0.9), call.decimal("beta", 0.999)
    shrunk, epsilon = 1 - call.decimal("norm_coefficient_post", 0.0), call.decimal("epsilon", 1e-6)
    values, means, squares = [], [], []
    for value, gradient, mean, square in zip(*_groups(call, 4), strict=True):
        slope = _regularized(call, value, gradient)
        mean = one(ops.add(ops.multiply(_real(alpha, value), mean), ops.multiply(_real(1 - alpha, value), slope)))
        power = ops.multiply(_real(1 - beta, value), ops.multiply(slope, slope))
        square = one(ops.add(ops.multiply(_real(beta, value), square), power))
        rate, count = _in_type(call, 0, value), _in_type(call, 1, value)
        above, below = (ops.subtract(_real(1, value), ops.power(_real(x, value), count)) for x in (beta, alpha))
        later = ops.divide(ops.multiply(rate, ops.sqrt(above)), below)
        rate = one(ops.select(ops.greater(count, _real(0, value)), later, rate))
        step = ops.divide(ops.multiply(rate, mean), ops.add(ops.sqrt(square), _real(epsilon, value)))
        values.append(one(ops.multiply(_real(shrunk, value), ops.subtract(value, step))))
        means.append(mean)
        squares.append(square)
    return values + means + squares


def momentum(call: Call) -> Translated:
    alpha, beta, mode = call.decimal("alpha"), call.decimal("beta"), call.text("mode")
    if mode not in ("standard", "nesterov"):
        raise ModelError(f"expected mode to be 'standard' or 'nesterov', got {mode!r}")
    first = ops.equal(converted(scalar(call.input(1)), Type.i64), ints(0))
    values, kept = [], []
    for value, gradient, moment in zip(*_groups(call, 3), strict=True):
        slope = _regularized(call, value, gradient)
        weight = ops.select(first, _real(1, value), _real(beta, value))
        moment = one(ops.add(ops.multiply(_real(alpha, value), moment), ops.multiply(weight, slope)))
        ahead = moment if mode == "standard" else one(ops.add(slope, ops.multiply(_real(alpha, value), moment)))
        values.append(one(ops.subtract(value, ops.multiply(_in_type(call, 0, value), ahead))))
        kept.append(moment)
    return values + kept


OPERATORS: dict[str, Translation] = {"Adagrad": adagrad, "Adam": adam, "Momentum": momentum}
