"""Names of tensors: who gives them, who keeps them, what finds a port. And names of modules."""

import importlib
import importlib.util

import pytest


def test_an_output_has_no_name_until_it_is_given_one(lab):
    output = lab.ops.relu(lab.parameter(), name="r").output(0)
    assert output.names == output.get_names() == set()
    for action in (lambda: output.any_name, output.get_any_name, lambda: output.tensor.any_name):
        with pytest.raises(RuntimeError):
            action()


def test_a_model_names_its_ports(lab):
    p = lab.parameter(name="p")
    model = lab.ov.Model([lab.ops.relu(p, name="r")], [p])
    assert p.output(0).names == model.input().names == {"p"}
    assert model.output().names == {model.results[0].friendly_name} and model.output().any_name.startswith("Result_")
    with pytest.raises(RuntimeError):
        model.output("r")


def test_the_name_of_a_result(lab):
    assert lab.plus_one().output().names == {"y"} and lab.plus_one().output("y").index == 0


def test_names_of_tensors_win(lab):
    p = lab.parameter(name="p")
    p.output(0).tensor.set_names({"tensor"})
    r = lab.ops.relu(p)
    r.output(0).tensor.set_names({"t"})
    model = lab.ov.Model([lab.ops.result(r, name="a"), lab.ops.result(r, name="b")], [p])
    assert model.input().names == {"tensor"} and [port.names for port in model.outputs] == [{"t"}, {"t"}]
    for find, name in ((model.input, "p"), (model.output, "a")):
        with pytest.raises(RuntimeError):
            find(name)


@pytest.mark.parametrize("names", [{"p"}, {"tensor"}])
def test_a_parameter_passed_through_keeps_its_name(lab, names):
    p = lab.parameter(name="p")
    if names != {"p"}:
        p.output(0).tensor.set_names(names)
    assert lab.ov.Model([lab.ops.result(p, name="z")], [p]).output().names == names


def test_a_friendly_name_does_not_rename_the_port(lab):
    model = lab.plus_one()
    model.parameters[0].set_friendly_name("other")
    model.validate_nodes_and_infer_types()
    assert model.input().names == {"x"}


def test_the_smallest_name_in_byte_order(lab):
    output = lab.parameter().output(0)
    output.tensor.set_names({"b", "a", "é"})
    assert output.any_name == output.get_any_name() == "a"
    output.tensor.add_names({"Z", "0"})
    assert output.any_name == "0" and output.names == {"0", "Z", "a", "b", "é"}


def test_every_way_to_name(lab):
    output = lab.parameter().output(0)
    output.set_names({"a"})
    output.add_names({"b"})
    assert output.names == output.tensor.names == output.tensor.get_names() == {"a", "b"}
    output.tensor.names = {"c"}
    assert output.names == {"c"}


def test_names_are_sets(lab):
    output = lab.parameter().output(0)
    for action in (
        output.set_names,
        output.add_names,
        output.tensor.set_names,
        lambda names: setattr(output.tensor, "names", names),
    ):
        with pytest.raises(TypeError):
            action(["a"])
    with pytest.raises(AttributeError):
        output.names = {"a"}


def test_two_parameters_of_one_name(lab):
    p, q = lab.parameter(name="p"), lab.parameter(name="p")
    model = lab.ov.Model([lab.ops.add(p, q)], [p, q])
    assert [port.names for port in model.inputs] == [{"p"}, {"p"}] and model.input("p") == p.output(0)


def test_clones_keep_names(lab):
    twin = lab.plus_one().clone()
    assert twin.input().names == {"x"} and twin.output().names == {"y"} and twin.get_friendly_name() == "plus_one"


def test_compiled_ports_have_names_of_their_own(lab):
    model = lab.plus_one()
    compiled = lab.compile(model)
    assert compiled.input().names == {"x"} and compiled.output().names == {"y"}
    compiled.output().tensor.set_names({"other"})
    assert compiled.output("other") == compiled.output() and model.output().names == {"y"}


def test_a_name_of_an_output_is_one_of_its_tensor(lab):
    r = lab.ops.relu(lab.parameter())
    model = lab.ov.Model([lab.ops.result(r, name="res")], list(lab_parameters(r)))
    assert model.output().names == r.output(0).names == {"res"}
    model.output().tensor.set_names({"q"})
    assert model.output().names == r.output(0).names == {"q"}
    r.output(0).tensor.set_names({"z"})
    assert model.output().names == {"q"} and r.output(0).names == {"q", "z"}
    model.output().tensor.add_names({"w"})
    assert model.output().names == {"q", "w"} and r.output(0).names == {"q", "w", "z"}


def test_an_output_without_names_shows_those_of_its_tensor(lab):
    r = lab.ops.relu(lab.parameter())
    first, second = lab.ops.result(r), lab.ops.result(r)
    r.output(0).set_names({"a"})
    model = lab.ov.Model([first, second], list(lab_parameters(r)))
    r.output(0).tensor.add_names({"b"})
    assert [port.names for port in model.outputs] == [{"a", "b"}] * 2
    model.outputs[0].set_names({"own"})
    assert [port.names for port in model.outputs] == [{"own"}, {"a", "b", "own"}]


def test_names_go_with_what_is_replaced(lab):
    x = lab.parameter()
    r, s = lab.ops.relu(x), lab.ops.sigmoid(x)
    r.output(0).set_names({"a"})
    s.output(0).set_names({"b"})
    model = lab.ov.Model([lab.ops.result(r)], [x])
    r.output(0).replace(s.output(0))
    model.validate_nodes_and_infer_types()
    assert s.output(0).names == {"a", "b"}


def lab_parameters(node):
    return [value.get_node() for value in node.input_values()]


@pytest.mark.parametrize(
    "name", [*(f"opset{number}" for number in range(1, 18)), "op", "op.util", "exceptions", "passes"]
    + ["properties", "properties.hint", "properties.intel_cpu", "utils", "utils.types", "utils.decorators"],
)  # fmt: skip
def test_modules_that_openvino_runtime_had(name):
    own = importlib.import_module(f"ovlite.{name}")
    spec = own.__spec__
    assert importlib.import_module(f"ovlite.runtime.{name}") is own
    assert own.__spec__ is spec and own.__name__ == f"ovlite.{name}"


def test_names_below_runtime_that_no_module_has():
    assert importlib.util.find_spec("ovlite.runtime.opset99") is None
    assert importlib.util.find_spec("ovlite.runtime.graph") is None
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("ovlite.runtime.properties.nothing")
