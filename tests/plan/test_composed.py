"""Operators that kernels of others carry out together, beside the interpreter."""

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Constant, Node
from ovlite.ops.blocks import Reverse
from ovlite.ops.interpreter import evaluate_model
from ovlite.types import Type

from .support import compiled, noise, ops, parameter, run


def check(result, x, *data):
    """No step runs on numpy, and results are equal."""
    parameters = [x] if not isinstance(x, list) else x
    executable = compiled([result], parameters)
    found = run(executable, data)[0]
    np.testing.assert_array_equal(found, evaluate_model(executable._model, data)[0])
    assert executable.plan(tuple(np.shape(array) for array in data)).program.native
    return found


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("mode", ["ignore_negative", "normalize"])
@pytest.mark.parametrize("kind", [Type.i32, Type.i64])
@pytest.mark.parametrize("value", [np.float32(2), np.int64(-3), np.bool_(True), np.int8(7)])
def test_one_hot(axis, mode, kind, value):
    x = parameter([2, 5], kind)
    node = ops["one_hot"](x, np.int64(4), value, np.zeros_like(value), axis, mode)
    check(node, x, np.array([[0, 3, -1, 4, -5], [-4, 2, 1, 99, -99]], kind.to_dtype()))


@pytest.mark.parametrize("shape", [(0,), (1,), ()])
@pytest.mark.parametrize("depth", [0, 1, 17])
def test_one_hot_of_few(shape, depth):
    x = parameter(shape, Type.i64)
    check(ops["one_hot"](x, np.int64(depth), np.float32(1), np.float32(0), -1), x, np.zeros(shape, np.int64))


@pytest.mark.parametrize("batch, axis", [(0, 1), (1, 0), (2, 1), (0, -1), (3, 0)])
@pytest.mark.parametrize("kind", [Type.i32, Type.i64])
def test_sequences_are_reversed(batch, axis, kind):
    x, lengths = parameter([3, 4, 5, 2]), parameter([-1], kind)
    node = ops["reverse_sequence"](x, lengths, batch, axis)
    count = (3, 4, 5, 2)[batch]
    given = np.resize(np.array([2, 0, 1], kind.to_dtype()), count)
    check(node, [x, lengths], noise(3, 4, 5, 2), given)


def test_all_of_a_sequence_is_reversed():
    x, lengths = parameter([2, 5]), parameter([2], Type.i64)
    found = check(ops["reverse_sequence"](x, lengths, 0, 1), [x, lengths], noise(2, 5), np.array([5, 3]))
    np.testing.assert_array_equal(found[0], noise(2, 5)[0, ::-1])


@pytest.mark.parametrize("length", [-1, 6, 2**40])
def test_a_sequence_has_no_such_length(length):
    x, lengths = parameter([2, 5]), parameter([2], Type.i64)
    executable = compiled([ops["reverse_sequence"](x, lengths, 0, 1)], [x, lengths])
    with pytest.raises((ModelError, RuntimeError), match="ReverseSequence.*out of range"):
        run(executable, [noise(2, 5), np.array([1, length])])


@pytest.mark.parametrize(
    "shift, axes", [([1], [0]), ([-1, 7], [1, 2]), ([2, 3, -4], [0, 1, 0]), ([0], [-1]), (2, [0, 1])]
)
def test_rolled(shift, axes):
    x = parameter([3, 4, 5])
    check(ops["roll"](x, np.array(shift), np.array(axes)), x, noise(3, 4, 5))
    flipped = ops["transpose"](ops["roll"](ops["transpose"](x, [2, 0, 1]), np.array(shift), np.array(axes)), [1, 0, 2])
    check(flipped, x, noise(3, 4, 5))


@pytest.mark.parametrize("axis, group", [(1, 2), (1, 6), (-1, 3), (0, 2)])
def test_channels_are_shuffled(axis, group):
    x = parameter([2, 6, 3, 9])
    check(ops["shuffle_channels"](x, axis, group), x, noise(2, 6, 3, 9))


@pytest.mark.parametrize(
    "blocks, begin, end", [([1, 2, 1, 3], [0, 0, 1, 2], [0, 0, 0, 1]), ([1, 1, 2, 2], [0] * 4, [0] * 4)]
)
def test_space_and_batch(blocks, begin, end):
    x = parameter([2, 4, 6, 6])
    spread = ops["space_to_batch"](x, np.array(blocks), np.array(begin), np.array(end))
    check(spread, x, noise(2, 4, 6, 6))
    check(ops["batch_to_space"](spread, np.array(blocks), np.array(begin), np.array(end)), x, noise(2, 4, 6, 6))


@pytest.mark.parametrize("axes", [[0], [1, 2], []])
def test_reversed(axes):
    x = parameter([3, 4, 5])
    node = Node(Reverse("index"), [x.output(0), Constant(np.array(axes, np.int64)).output(0)])
    check(node, x, noise(3, 4, 5))


@pytest.mark.parametrize("negative, positive", [(True, True), (True, False), (False, True)])
def test_infinities(negative, positive):
    x = parameter([7])
    node = ops["is_inf"](x, {"detect_negative": negative, "detect_positive": positive})
    check(node, x, np.array([np.inf, -np.inf, np.nan, 0, 3e38, -3e38, 1], np.float32))


def test_activations_of_several_instructions():
    x = parameter([9])
    data = np.array([-np.inf, -200, -1, -1e-3, 0, 1e-3, 1, 200, np.inf], np.float32)
    for node in (ops["softsign"](x), ops["selu"](x, np.float32(1.6732632), np.float32(1.050701))):
        executable = compiled([node], [x])
        (expected,) = evaluate_model(executable._model, [data])
        # Two roundings, and those of the exponential function.
        np.testing.assert_allclose(run(executable, [data])[0], expected, rtol=4e-7, atol=1e-9)
        assert executable.plan(((9,),)).program.native
