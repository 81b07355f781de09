"""Model: constructors, ports, clones, added and removed ports, evaluation, notes."""

import copy

import numpy as np
import pytest


def graph(lab):
    """x, h = x + 1 whose tensor is "h", relu(h)"""
    x = lab.parameter((2,))
    h = lab.ops.add(x, np.float32(1), name="middle")
    h.output(0).tensor.set_names({"h"})
    return x, h, lab.ops.relu(h)


def chain(lab):
    x, h, y = graph(lab)
    return lab.ov.Model([lab.ops.result(y, name="y")], [x], "chain"), x, h


@pytest.mark.parametrize(
    "make",
    [
        lambda ov, x, y, r: ov.Model(y, [x], "m"),
        lambda ov, x, y, r: ov.Model([y], [x], "m"),
        lambda ov, x, y, r: ov.Model([y.output(0)], [x], "m"),
        lambda ov, x, y, r: ov.Model([r], [x], "m"),
        lambda ov, x, y, r: ov.Model([r], [], [x], "m"),
        lambda ov, x, y, r: ov.Model([r], [], [x], [], "m"),
        lambda ov, x, y, r: ov.Model(results=[r], parameters=[x], name="m"),
        lambda ov, x, y, r: ov.Model(results=(r,), parameters=(x,), name="m"),
        lambda ov, x, y, r: ov.Model(results=[r], sinks=[], parameters=[x], name="m"),
        lambda ov, x, y, r: ov.Model([r], [x], name="m"),
        lambda ov, x, y, r: ov.Model(ov.Model([r], [x], "m")),
    ],
)
def test_constructors(lab, make):
    x, _, y = graph(lab)
    model = make(lab.ov, x, y, lab.ops.result(y))
    assert model.get_friendly_name() == "m" and len(model.inputs) == len(model.outputs) == 1
    assert model.parameters == model.get_parameters() == [x] and model.sinks == model.get_sinks() == []
    assert model.results == model.get_results() == [model.get_result()] and model.get_variables() == []


def test_all_outputs_of_a_node_or_the_first_of_each(lab):
    x = lab.parameter((2, 3))
    split = lab.ops.split(x, np.int64(1), 3)
    assert len(lab.ov.Model(split, [x]).outputs) == 3 and len(lab.ov.Model([split], [x]).outputs) == 1


def test_what_is_no_model(lab):
    x, h, y = graph(lab)
    for arguments in ([], [[h, y.output(0)], [x]], [3, [x]], [[y], 3], [[y], [y]]):
        with pytest.raises(TypeError):
            lab.ov.Model(*arguments)
    with pytest.raises(RuntimeError):
        lab.ov.Model([y], [])


def test_parameters_without_readers(lab):
    x, _, y = graph(lab)
    assert len(lab.ov.Model([y], [x, lab.parameter(name="z")]).inputs) == 2 and lab.ov.Model([], [x]).outputs == []


def test_names_of_models(lab):
    x, _, y = graph(lab)
    model = lab.ov.Model([y], [x])
    assert model.get_friendly_name() == model.get_name() == model.name and model.name.startswith("Model")
    model.set_friendly_name("other")
    assert model.get_friendly_name() == "other" != model.get_name()
    model.friendly_name = "read back"  # in openvino it renames the Python wrapper alone, in ovlite the model
    assert model.friendly_name == "read back"


def test_two_models_of_one_graph(lab):
    model, x, _ = chain(lab)
    same = lab.ov.Model(model)
    assert same != model and same.parameters == model.parameters and same.name == model.name
    same.reshape([6])
    assert model.input().shape == [6]


def test_nodes(lab):
    model, x, h = chain(lab)
    order = model.get_ordered_ops()
    assert set(model.get_ops()) == set(order) and len(order) == 5
    assert order.index(x) < order.index(h) < order.index(model.results[0]) == 4


def test_dynamic(lab):
    assert not lab.plus_one().is_dynamic() and not lab.plus_one().dynamic
    assert lab.plus_one((-1, 3)).is_dynamic() and lab.plus_one((-1, 3)).dynamic


def test_ports(lab):
    model = lab.two_outputs()
    assert model.input(0) == model.input("a") == model.input(index=0) == model.input(tensor_name="a") == model.inputs[0]
    assert model.output(1) == model.output("difference") == model.output(tensor_name="difference") == model.outputs[1]
    assert model.input(np.int64(1)) == model.inputs[1] and lab.plus_one().input().node.get_friendly_name() == "x"
    assert model.inputs is not model.inputs and model.output(0).node == model.results[0] and model.output(1).index == 0


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ((), RuntimeError),
        ((2,), IndexError),
        ((-1,), TypeError),
        (("none",), RuntimeError),
        ((1.0,), TypeError),
        ((None,), TypeError),
    ],
)
def test_no_such_port(lab, key, error):
    model = lab.two_outputs()
    for find in (model.input, model.output):
        with pytest.raises(error):
            find(*key)


def test_what_models_say_of_outputs(lab):
    model, open_ended = lab.two_outputs(), lab.plus_one((-1, 3))
    assert (
        model.get_output_size() == 2
        and model.get_output_shape(0) == [2, 3]
        and model.get_output_op(1) == model.results[1]
    )
    assert (
        model.get_output_element_type(0) == lab.ov.Type.f32 and str(open_ended.get_output_partial_shape(0)) == "[?,3]"
    )
    for action in (
        model.get_output_op,
        model.get_output_shape,
        model.get_output_partial_shape,
        model.get_output_element_type,
    ):
        with pytest.raises(IndexError):
            action(5)
    for action in (lambda: open_ended.get_output_shape(0), model.get_result):
        with pytest.raises(RuntimeError):
            action()


def test_indices(lab):
    model, x, h = chain(lab)
    assert model.get_parameter_index(x) == 0 and model.get_parameter_index(lab.parameter()) == -1
    result = model.results[0]
    assert model.get_result_index(result) == model.get_result_index(model.outputs[0]) == 0
    assert model.get_result_index(result.input_value(0)) == 0 and model.get_result_index(x.output(0)) == -1
    assert model.get_result_index(lab.ops.result(h)) == -1
    for action in (lambda: model.get_result_index(3), lambda: model.get_parameter_index(x.output(0))):
        with pytest.raises(TypeError):
            action()


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (lambda x, h: "h", ["h"]), (lambda x, h: ("middle", 0), ["h"]), (lambda x, h: h.output(0), ["h"]),
        (lambda x, h: ["h", h.output(0)], ["h", "h"]), (lambda x, h: [("middle", 0), x.output(0)], ["h", "x"]),
        (lambda x, h: "y", ["y"]), (lambda x, h: [], []),
    ],
)  # fmt: skip
def test_more_outputs(lab, asked, names):
    model, x, h = chain(lab)
    assert [port.any_name for port in model.add_outputs(asked(x, h))] == names
    assert {port.any_name for port in model.outputs} == {"y", *names} and len(model.outputs) == len({"y", *names})


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ("none", RuntimeError),
        (("none", 0), RuntimeError),
        (("middle", 1), RuntimeError),
        (3, TypeError),
        (None, TypeError),
        ([3], TypeError),
    ],
)
def test_outputs_that_there_are_not(lab, asked, error):
    with pytest.raises(error):
        chain(lab)[0].add_outputs(asked)


def test_ports_added_and_removed(lab):
    model, x, h = chain(lab)
    p, r = lab.parameter(name="p"), lab.ops.result(h, name="r")
    model.add_parameters([p])
    model.add_results([r])
    assert model.parameters == [x, p] and len(model.outputs) == 2 and model.outputs[1].names == {"h"}
    model.remove_parameter(p)
    model.remove_result(r)
    model.remove_result(lab.ops.result(h))
    assert model.parameters == [x] and len(model.outputs) == 1
    for action in (
        lambda: model.remove_parameter(3),
        lambda: model.add_results([h]),
        lambda: model.add_parameters([h]),
    ):
        with pytest.raises(TypeError):
            action()


def test_a_parameter_in_the_place_of_another(lab):
    model, x, _ = chain(lab)
    other = lab.parameter((5,), name="p")
    model.replace_parameter(0, other)
    model.validate_nodes_and_infer_types()
    assert model.parameters == [other] and model.input("x").shape == model.output().shape == [5]
    with pytest.raises(RuntimeError):
        model.replace_parameter(4, x)


def test_validation_brings_shapes_up_to_date(lab):
    model, x, _ = chain(lab)
    x.set_partial_shape(lab.ov.PartialShape([7]))
    assert model.output().shape == [2]
    model.validate_nodes_and_infer_types()
    assert model.input().shape == model.output().shape == [7]


def test_variables(lab):
    model = lab.accumulating()
    (sink,) = model.sinks
    (variable,) = model.get_variables()
    assert variable.info.variable_id == "total" and model.get_sink_index(sink) == 0 and sink.get_type_name() == "Assign"
    assert model.get_variable_by_id("total").info.variable_id == "total"
    model.remove_sink(sink)
    assert model.sinks == []
    model.add_sinks([sink])
    assert model.sinks == [sink]


def test_clones(lab):
    model, _, _ = chain(lab)
    for twin in (model.clone(), copy.deepcopy(model)):
        twin.reshape([5])
        assert twin != model and model.input().shape == [2] and twin.get_friendly_name() == "chain"
        assert twin.parameters[0] != model.parameters[0] and isinstance(twin, lab.ov.Model)
    with pytest.raises(TypeError):
        copy.copy(model)


def test_models_are_equal_to_themselves_alone(lab):
    model = lab.plus_one()
    assert model == model and model != lab.plus_one() and model != 3 and isinstance(hash(model), int)


def test_a_model_is_released_with_its_block(lab):
    with lab.plus_one() as model:
        assert len(model.inputs) == 1
    for action in (lambda: model.get_friendly_name(), lambda: model.inputs):
        with pytest.raises(AttributeError):
            action()


@pytest.mark.parametrize("shape", [[2], [], [7]])
def test_evaluation(lab, shape):
    model, out = lab.plus_one((2,)), lab.ov.Tensor(lab.ov.Type.f32, shape)
    assert model.evaluate([out], [lab.ov.Tensor(np.array([1, 2], np.float32))]) is True
    assert out.data.tolist() == [2, 3]


def test_evaluation_of_wrong_tensors(lab):
    ov, model = lab.ov, lab.plus_one((2,))
    out = ov.Tensor(ov.Type.f32, [2])
    for inputs in ([], [ov.Tensor(np.ones(3, np.float32))]):
        with pytest.raises(RuntimeError):
            model.evaluate([out], inputs)


def test_notes(lab):
    model = lab.plus_one()
    assert model.set_rt_info(3, "a") is None
    model.set_rt_info("text", ["p", "q"])
    model.set_rt_info({"u": {"v": 1}}, "tree")
    model.set_rt_info([1, 2], "list")
    assert model.get_rt_info("a").value == 3 and model.get_rt_info(["p", "q"]).astype(str) == "text"
    assert model.get_rt_info(["tree", "u", "v"]).value == 1 and model.get_rt_info("tree").value == {"u": {"v": 1}}
    assert model.get_rt_info("list").value == [1, 2]
    assert (
        model.has_rt_info("a")
        and model.has_rt_info(["p", "q"])
        and model.has_rt_info("p")
        and not model.has_rt_info("b")
    )
    model.rt_info["k"] = "v"
    assert (
        model.rt_info["k"] == "v"
        and model.get_rt_info()["k"].value == "v"
        and "k" in model.rt_info
        and set(model.rt_info) == {"a", "p", "tree", "list", "k"}
    )
    with pytest.raises(RuntimeError):
        model.get_rt_info("none")
    with pytest.raises(TypeError):
        model.set_rt_info(1, 3)


def test_keywords(lab):
    model = lab.plus_one()
    model.reshape(partial_shape=[4, 3])
    assert model.input().shape == [4, 3]
    model.reshape(partial_shapes={"x": [5, 3]}, variables_shapes={})
    assert model.input().shape == [5, 3]
    assert model.get_result_index(value=model.output()) == model.get_result_index(result=model.results[0]) == 0
    model.set_rt_info(obj="value", path="key")
    assert model.get_rt_info(path="key").value == "value"
    for wrong in (lambda: model.set_friendly_name(3), lambda: model.reshape([5, 3], 3), lambda: lab.ov.get_batch(3)):
        with pytest.raises(TypeError):
            wrong()


def test_names_of_a_frozen_set(lab):
    model = lab.plus_one()
    model.input().tensor.set_names(frozenset({"fixed"}))
    assert model.input().names == {"fixed"}


def test_ports_are_told_from_other_things(lab):
    port = lab.plus_one().input()
    for wrong in (lambda: port.replace(3), lambda: port.remove_target_input(3)):
        with pytest.raises(TypeError):
            wrong()
