"""Ports, variables and the plan cache."""

import gc
from itertools import takewhile

import numpy as np
import pytest

from ovlite.graph import Model, Node
from ovlite.plan import Executable, Options
from ovlite.plan.calls import Call, Tensor
from ovlite.types import PartialShape, Type

from .support import compiled, noise, ops, parameter, run


@pytest.mark.parametrize("kind", [Type.f16, Type.f32, Type.f64, Type.i8, Type.u8, Type.i32, Type.i64])
def test_outputs_have_the_type_of_the_model(kind):
    x = parameter([2, 3], kind)
    executable = compiled([ops["add"](x, x), x], [x])
    data = np.arange(6).reshape(2, 3).astype(kind.to_dtype())
    total, same = run(executable, [data])
    assert total.dtype == same.dtype == data.dtype
    np.testing.assert_array_equal(total, data + data)
    np.testing.assert_array_equal(same, data)


def test_bf16_ports_hold_its_bits():
    x = parameter([4], Type.bf16)
    values = np.array([1.0, -2.5, 3.0, 1e30], np.float32)
    bits = (values.view(np.uint32) >> 16).astype(np.uint16).view(np.float16)
    (found,) = run(compiled([ops["add"](x, x)], [x]), [bits])
    back = (found.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_allclose(back, 2 * values, rtol=2**-7)


def test_one_tensor_as_two_outputs_and_an_input_as_an_output():
    x = parameter([3])
    total = ops["add"](x, np.float32(1))
    executable = compiled([total, total, x, ops["multiply"](total, np.float32(2))], [x])
    a, b, c, twice = run(executable, [np.arange(3, dtype=np.float32)])
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(c, [0, 1, 2])
    np.testing.assert_array_equal(twice, 2 * a)
    assert not np.shares_memory(a, b)


def test_constant_outputs():
    x = parameter([1])
    executable = compiled([ops["add"](np.float32([1, 2]), np.float32(1)), x], [x])
    np.testing.assert_array_equal(run(executable, [np.zeros(1, np.float32)])[0], [2, 3])


def test_variables_are_inputs_and_outputs_of_the_plan():
    x = parameter([1, 2])
    state = ops["read_value"](np.full((1, 2), 5, np.float32), "sum")
    total = ops["add"](state, x)
    model = Model([ops["multiply"](total, np.float32(10))], [ops["assign"](total, "sum")], [x])
    executable = Executable(model, Options())
    assert [(v.name, v.element_type) for v in executable.variables] == [("sum", Type.f32)]
    data = np.float32([[1, 2]])
    first, state_after = run(executable, [data], fresh=frozenset({"sum"}))
    np.testing.assert_array_equal(state_after, [[6, 7]])
    np.testing.assert_array_equal(first, [[60, 70]])
    second, state_after = run(executable, [data, state_after])
    np.testing.assert_array_equal(second, [[70, 90]])
    np.testing.assert_array_equal(state_after, [[7, 9]])


def test_cached_plans_stay_within_their_bytes():
    x = parameter([1, 8, -1, 16])
    weights = noise(8, 8, 3, 3)
    image = ops["convolution"](x, weights, [1, 1], [1, 1], [1, 1], [1, 1])
    executable = compiled(
        [ops["convolution"](image, weights, [1, 1], [1, 1], [1, 1], [1, 1])], [x], cache_bytes=1 << 18
    )
    plans = [executable.plan(((1, 8, height, 16),)) for height in range(1, 60)]
    newest_first = list(enumerate(plans, 1))[::-1]
    held = list(takewhile(lambda entry: executable.plan(((1, 8, entry[0], 16),)) is entry[1], newest_first))
    assert sum(plan.bytes for plan in plans) > 1 << 18
    assert 0 < len(held) < len(plans)
    assert sum(plan.bytes for _, plan in held) <= 1 << 18


def test_the_model_given_is_left_as_it_was():
    x = parameter([1, 3, 4, 4])
    model = Model([ops["relu"](ops["add"](x, np.float32(1)))], [x])
    before = [node.get_type_name() for node in model.get_ordered_ops()]
    Executable(model, Options())
    assert [node.get_type_name() for node in model.get_ordered_ops()] == before


def test_a_twin_has_the_types_and_names_of_its_model_and_none_of_its_nodes(monkeypatch):
    x = parameter([-1, 3])
    model = Model([ops["reshape"](ops["relu"](x), np.array([3, -1]), False)], [x], "whole")
    model.outputs[0].set_names({"y"})
    monkeypatch.setattr(Node, "infer", lambda node: pytest.fail(f"{node} is inferred anew"))
    twin = model.twin()
    monkeypatch.undo()
    assert [str(port.partial_shape) for port in [*twin.inputs, *twin.outputs]] == ["[?,3]", "[3,?]"]
    assert twin.outputs[0].names == {"y"} and twin.friendly_name == "whole"
    assert not {*twin.get_ordered_ops()} & {*model.get_ordered_ops()}
    twin.reshape([2, 3])
    twin.outputs[0].set_names({"z"})
    assert model.inputs[0].partial_shape == PartialShape([-1, 3]) and model.outputs[0].names == {"y"}
    assert twin.outputs[0].shape == [3, 2]


def test_a_plan_that_is_made_leaves_no_calls_and_tensors_behind():
    x = parameter([-1, 8, 6, 6])
    weights = noise(8, 8, 3, 3)
    y = ops["convolution"](ops["relu"](x), weights, [1, 1], [1, 1], [1, 1], [1, 1])
    executable = Executable(Model([ops["add"](ops["concat"]([y, x], 1), np.float32(1))], [x]), Options())
    gc.collect()
    gc.disable()

    def there():
        return {id(item) for item in gc.get_objects() if isinstance(item, (Call, Tensor))}

    try:
        before = there()
        executable.plan(((2, 8, 6, 6),))
        recipe = there()
        executable.plan(((3, 8, 6, 6),))
        assert there() == recipe
        del executable
        assert there() <= before
    finally:
        gc.enable()


@pytest.mark.parametrize("name", ["f16", "bf16", "f8e4m3", "f8e5m2"])
def test_a_conversion_to_another_s_type_rounds_as_one_to_a_type(name):
    """Once: f64 halfway between two f32 numbers that lie halfway between two of f16 rounds to its nearest."""
    x = parameter([-1], Type.f64)
    like = ops["convert"](np.zeros(1), name)
    found = [ops["convert"](node, "f64") for node in (ops["convert_like"](x, like), ops["convert"](x, name))]
    values = np.concatenate([noise(100_000).astype(np.float64) * (1 + 2.0**-30), [1 + 2.0**-11 + 2.0**-40]])
    alike, converted = run(compiled(found, [x]), [values])
    np.testing.assert_array_equal(alike, converted)
    if name == "f16":
        np.testing.assert_array_equal(alike, values.astype(np.float16).astype(np.float64))
