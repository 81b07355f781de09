"""If, Loop, TensorIterator and variables, built by openvino.op's steps and run by the interpreter."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Constant, Model, Output, Parameter
from ovlite.graph.variables import Variable, VariableInfo
from ovlite.ops import factories
from ovlite.ops.building import if_op, loop, tensor_iterator
from ovlite.ops.interpreter import evaluate_model
from ovlite.types import PartialShape, Type

from .support import HAS_PEER

ops = factories(13)


class Mine:
    """The names that a model is built with, of ovlite and, when installed, of OpenVINO."""

    opset = type("opset", (), {name: staticmethod(factory) for name, factory in ops.items()})
    If, Loop, Iterator, Model = if_op, loop, tensor_iterator, Model

    @staticmethod
    def parameter(shape: list[int], dtype: Any = np.float32) -> Parameter:
        return Parameter(Type(dtype), PartialShape(shape))

    @staticmethod
    def constant(value: Any) -> Constant:
        return Constant(np.array(value))

    @staticmethod
    def run(model: Model, arrays: list[np.ndarray]) -> list[np.ndarray]:
        return evaluate_model(model, arrays)


class Theirs:
    def __init__(self) -> None:
        openvino = importlib.import_module("openvino")
        self.opset, self.Model = openvino.opset13, openvino.Model
        self.If, self.Loop, self.Iterator = openvino.op.if_op, openvino.op.loop, openvino.op.tensor_iterator
        self.parameter, self.constant, self._core = (
            openvino.opset13.parameter,
            openvino.opset13.constant,
            openvino.Core(),
        )

    def run(self, model: Any, arrays: list[np.ndarray]) -> list[np.ndarray]:
        compiled = self._core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        found = compiled(arrays)
        return [found[i] for i in range(len(compiled.outputs))]


@pytest.fixture(
    params=[Mine, pytest.param(Theirs, marks=pytest.mark.skipif(not HAS_PEER, reason="openvino is not installed"))]
)
def kit(request: pytest.FixtureRequest) -> Any:
    return request.param()


def branches(kit: Any, condition: Any, x: Any) -> Any:
    """An If that adds 1, or doubles x along axis 0."""
    then, other = kit.parameter([-1, 2]), kit.parameter([-1, 2])
    node = kit.If(condition.output(0))
    then_body = kit.Model([kit.opset.add(then, np.float32(1))], [then])
    else_body = kit.Model([kit.opset.concat([other, other], 0)], [other])
    node.set_then_body(then_body)
    node.set_else_body(else_body)
    node.set_input(x.output(0), then, other)
    return node.set_output(then_body.results[0], else_body.results[0])


def test_if_takes_one_branch(kit: Any) -> None:
    condition, x = kit.parameter([], np.bool_), kit.parameter([3, 2])
    output = branches(kit, condition, x)
    assert str(output.partial_shape[1]) == "2" and output.partial_shape[0].is_dynamic
    model = kit.Model([output], [condition, x])
    data = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.testing.assert_array_equal(kit.run(model, [np.array(True), data])[0], data + 1)
    np.testing.assert_array_equal(kit.run(model, [np.array(False), data])[0], np.concatenate([data, data]))


def test_if_on_a_constant_has_that_branchs_shape(kit: Any) -> None:
    x = kit.parameter([3, 2])
    assert str(branches(kit, kit.constant(False), x).partial_shape) == "[6,2]"


def powers(kit: Any, trips: Any, start: Any, going_on: Any) -> tuple[Any, Any, Any]:
    """(loop, last value, all values) of x, 2x, 4x ...; going_on: makes the condition from the iteration's number."""
    counter, value = kit.parameter([], np.int64), kit.parameter([1, 2])
    twice = kit.opset.multiply(value, np.float32(2))
    condition = going_on(counter)
    body = kit.Model([twice, condition], [counter, value])
    node = kit.Loop(trips.output(0), start.output(0))
    node.set_function(body)
    node.set_special_body_ports([0, 1])
    x = kit.parameter([1, 2])
    node.set_merged_input(value, x.output(0), twice.output(0))
    last = node.get_iter_value(twice.output(0), -1)
    every = node.get_concatenated_slices(twice.output(0), 0, 1, 1, -1, 0)
    return kit.Model([last, every], [x]), last, every


def test_loop_runs_as_often_as_told(kit: Any) -> None:
    model, last, every = powers(kit, kit.constant(3), kit.constant(True), lambda counter: kit.constant(True))
    assert str(last.partial_shape) == "[1,2]" and str(every.partial_shape) == "[3,2]"
    last_value, all_values = kit.run(model, [np.float32([[1, -1]])])
    np.testing.assert_array_equal(last_value, [[8, -8]])
    np.testing.assert_array_equal(all_values, [[2, -2], [4, -4], [8, -8]])


def test_loop_stops_when_its_condition_says_so(kit: Any) -> None:
    model, _, every = powers(
        kit, kit.constant(-1), kit.constant(True), lambda counter: kit.opset.less(counter, np.int64(4))
    )
    assert every.partial_shape[0].is_dynamic
    assert len(kit.run(model, [np.float32([[1, 1]])])[1]) == 5


def test_loop_without_iterations_gives_what_it_was_given() -> None:
    model, _, every = powers(Mine, Mine.constant(3), Mine.constant(False), lambda counter: Mine.constant(True))
    assert every.partial_shape == [0, 2]
    found = Mine.run(model, [np.float32([[1, 2]])])
    np.testing.assert_array_equal(found[0], [[1, 2]])
    assert found[1].shape == (0, 2) and found[1].dtype == np.float32


def test_a_merged_shape_that_grows_is_unknown() -> None:
    value, start = Mine.parameter([-1, 2]), Mine.parameter([1, 2])
    twice = ops["concat"]([value, value], 0)
    body = Model([twice.output(0), Mine.constant(True).output(0)], [value])
    node = loop(Mine.constant(3), Mine.constant(True))
    node.set_function(body)
    node.set_special_body_ports([-1, 1])
    node.set_merged_input(value, start, twice)
    output = node.get_iter_value(twice)
    assert str(output.partial_shape) == "[?,2]" and node.get_num_iterations() == 3
    assert evaluate_model(Model([output], [start]), [np.ones((1, 2), np.float32)])[0].shape == (8, 2)


@pytest.mark.parametrize("backward", [False, True])
def test_tensor_iterator_sums_along_an_axis(kit: Any, backward: bool) -> None:
    part, total = kit.parameter([2, 1]), kit.parameter([2, 1])
    added = kit.opset.add(part, total)
    body = kit.Model([added], [part, total])
    node = kit.Iterator()
    node.set_body(body)
    x, start = kit.parameter([2, 5]), kit.parameter([2, 1])
    slicing = (-1, -1, 1, 0, 1) if backward else (0, 1, 1, -1, 1)
    node.set_sliced_input(part, x.output(0), *slicing)
    node.set_merged_input(total, start.output(0), added.output(0))
    last = node.get_iter_value(added.output(0), -1)
    every = node.get_concatenated_slices(added.output(0), *slicing)
    assert str(every.partial_shape) == "[2,5]"
    data = np.arange(10, dtype=np.float32).reshape(2, 5)
    found = kit.run(kit.Model([last, every], [x, start]), [data, np.zeros((2, 1), np.float32)])
    expected = data[:, ::-1].cumsum(1)[:, ::-1] if backward else data.cumsum(1)
    np.testing.assert_array_equal(found[0], data.sum(1, keepdims=True))
    np.testing.assert_array_equal(found[1], expected)


def test_bodies_are_shared_by_clones_and_stay_as_they_are() -> None:
    condition, x = Mine.parameter([], np.bool_), Mine.parameter([3, 2])
    node = branches(Mine, condition, x).node
    before = node.get_then_body().inputs[0].partial_shape
    twin = Model([node.output(0)], [condition, x]).clone()
    assert twin.outputs[0].partial_shape == node.output(0).partial_shape
    assert node.get_then_body().inputs[0].partial_shape == before


def test_what_a_control_operator_does_not_take() -> None:
    x = Mine.parameter([3, 2])
    with pytest.raises(ModelError, match="the condition to be boolean, got f32"):
        branches(Mine, Mine.parameter([]), x)
    node = if_op(Mine.parameter([], np.bool_))
    with pytest.raises(ModelError, match="set the then body first"):
        node.set_input(x, Mine.parameter([3, 2]), None)
    body = Model([ops["relu"](x)], [x])
    node.set_then_body(body)
    with pytest.raises(ModelError, match="is not a parameter of the body"):
        node.set_input(x, Mine.parameter([3, 2]), None)


def accumulator(init: Any, *rest: Any) -> tuple[Model, Output]:
    x = Mine.parameter([2])
    value = ops["read_value"](init, *rest) if init is not None else ops["read_value"](*rest)
    total = ops["add"](x, value)
    return Model([total], [ops["assign"](total, "sum")], [x]), value.output(0)


@pytest.mark.parametrize(
    "arguments",
    [
        (np.zeros(2, np.float32), "sum"),
        (np.zeros(2, np.float32), "sum", np.float32, [2]),
        (None, "sum", "f32", [2]),
        (None, Variable(VariableInfo(PartialShape([2]), Type.f32, "sum"))),
    ],
    ids=["a value", "a value and a type", "a type", "a variable"],
)
def test_variables_keep_their_values(arguments: tuple[Any, ...]) -> None:
    model, value = accumulator(*arguments)
    assert value.partial_shape == [2] and value.element_type is Type.f32
    variables: dict[str, np.ndarray] = {}
    for expected in ([1, 2], [2, 4], [3, 6]):
        assert evaluate_model(model, [np.float32([1, 2])], variables)[0].tolist() == expected
    assert evaluate_model(model, [np.float32([1, 2])])[0].tolist() == [1, 2]


def test_a_first_value_that_the_variable_cannot_hold() -> None:
    with pytest.raises(ModelError, match="can't be its first value"):
        ops["read_value"](np.zeros(3, np.float32), "sum", np.float32, [2])
