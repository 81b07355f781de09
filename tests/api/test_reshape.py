"""Model.reshape, batches and layouts of a model's ports."""

import numpy as np
import pytest


def shapes(model):
    return [str(port.partial_shape) for port in [*model.inputs, *model.outputs]]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ([5], "[5]"), ((5,), "[5]"), ("[5]", "[5]"), ("5", "[5]"), ("3,4", "[3,4]"), ("1..5", "[1..5]"),
        ("?,4", "[?,4]"),
        ("...", "[...]"), ([-1], "[?]"), (["?"], "[?]"), ([(1, 5)], "[1..5]"), ([[1, 5]], "[1..5]"), (["..5"], "[..5]"),
        (["1..5"], "[1..5]"), ([3, 4], "[3,4]"), ([True], "[1]"), ({"x": [5]}, "[5]"), ({0: [5]}, "[5]"),
        ({"x": "5"}, "[5]"),
        ({"x": (5,)}, "[5]"), ({}, "[2]"), ({"x": [5], 0: [6]}, "[5]"),
    ],
)  # fmt: skip
def test_shapes_of_the_only_input(lab, asked, found):
    model = lab.plus_one((2,))
    assert model.reshape(asked) is None
    assert shapes(model) == [found, found]


def test_shapes_in_values_of_the_module(lab):
    ov, model = lab.ov, lab.plus_one((2,))
    model.reshape(ov.PartialShape([7]))
    assert shapes(model) == ["[7]", "[7]"]
    model.reshape([ov.Dimension(2, 4)])
    assert shapes(model) == ["[2..4]", "[2..4]"]
    model.reshape({model.input(): [9]})
    assert shapes(model) == ["[9]", "[9]"]
    model.reshape({0: ov.PartialShape([3])}, {})
    assert shapes(model) == ["[3]", "[3]"]
    model.reshape([4], variables_shapes={})
    assert shapes(model) == ["[4]", "[4]"]


@pytest.mark.parametrize(
    "asked",
    [[None], [1.0], [np.int64(3)], np.array([5]), 5, None, {"x": np.array([5])}, {"x": 5}, {1.0: [5]}, {None: [5]}],
)
def test_arguments_of_wrong_types(lab, asked):
    model = lab.plus_one((2,))
    with pytest.raises(TypeError):
        model.reshape(asked)
    assert shapes(model) == ["[2]", "[2]"]


def test_a_shape_is_no_argument(lab):
    for asked in (lab.ov.Shape([5]), {"x": lab.ov.Shape([5])}):
        with pytest.raises(TypeError):
            lab.plus_one((2,)).reshape(asked)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"nope": [5]}, RuntimeError),
        ({5: [5]}, IndexError),
        ({-1: [5]}, RuntimeError),
        ("a", RuntimeError),
        (["a"], RuntimeError),
    ],
)
def test_arguments_with_wrong_values(lab, asked, error):
    model = lab.plus_one((2,))
    with pytest.raises(error):
        model.reshape(asked)
    assert shapes(model) == ["[2]", "[2]"]


def test_outputs_that_are_no_inputs(lab):
    model = lab.plus_one((2,))
    for output in (model.output(), lab.parameter().output(0)):
        with pytest.raises(RuntimeError):
            model.reshape({output: [5]})


def test_several_inputs(lab):
    model = lab.add((2,))
    model.reshape({"a": [5], "b": [5]})
    assert shapes(model) == ["[5]"] * 3
    model.reshape({"a": [1]})
    assert shapes(model) == ["[1]", "[5]", "[5]"]
    model.reshape({"a": [4, 5], 1: [4, 1]})
    assert shapes(model) == ["[4,5]", "[4,1]", "[4,5]"]
    with pytest.raises(RuntimeError):
        model.reshape([5])


def test_shapes_that_the_graph_cannot_take(lab):
    model = lab.add((2,))
    with pytest.raises(RuntimeError):
        model.reshape({"a": [5]})
    assert shapes(model) == ["[2]"] * 3
    model.reshape({"a": [5], "b": [5]})
    assert shapes(model) == ["[5]"] * 3


def test_a_shape_that_is_read_is_a_copy(lab):
    model = lab.plus_one((2, 3))
    shape = model.input().partial_shape
    shape[0] = -1
    assert shapes(model)[0] == "[2,3]"
    model.reshape({model.input(): shape})
    assert shapes(model) == ["[?,3]", "[?,3]"]


def batched(lab, layout="NC", shape=(2, 3)):
    x = lab.parameter(shape)
    x.set_layout(lab.ov.Layout(layout))
    return lab.ov.Model([lab.ops.result(lab.ops.relu(x), name="y")], [x])


@pytest.mark.parametrize(("layout", "batch"), [("NC", 2), ("CN", 3), ("N...", 2), ("...N", 3)])
def test_batches(lab, layout, batch):
    assert lab.ov.get_batch(batched(lab, layout)) == batch


def test_setting_the_batch(lab):
    ov, model = lab.ov, batched(lab)
    assert ov.set_batch(model, 5) is None
    assert shapes(model) == ["[5,3]", "[5,3]"] and ov.get_batch(model) == 5
    ov.set_batch(model, ov.Dimension(1, 4))
    assert shapes(model) == ["[1..4,3]", "[1..4,3]"]
    ov.set_batch(model)
    assert shapes(model) == ["[?,3]", "[?,3]"]
    with pytest.raises(TypeError):
        ov.set_batch(model, "1..3")


def test_no_batch(lab):
    for model in (lab.plus_one(), batched(lab, "C?")):
        with pytest.raises(RuntimeError):
            lab.ov.get_batch(model)
    with pytest.raises(RuntimeError):
        lab.ov.set_batch(lab.plus_one(), 3)


def test_layouts_that_do_not_fit(lab):
    model = batched(lab)
    with pytest.raises(RuntimeError):
        model.parameters[0].layout = lab.ov.Layout("NCHW")
    assert model.parameters[0].layout == "NC"


def test_layouts_of_ports(lab):
    helpers, model = lab.ov.layout_helpers, batched(lab)
    assert helpers.get_layout(model.input()) == "NC" and helpers.get_layout(model.output()).empty
    helpers.set_layout(model.output(), lab.ov.Layout("CN"))
    assert helpers.get_layout(model.output()) == model.results[0].layout == "CN"
    assert model.clone().parameters[0].layout == "NC"
