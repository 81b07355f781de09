"""Front ends: models loaded from files, changed, and converted."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")


@pytest.fixture
def path(tmp_path):
    """c = exp(relu(a)), and b = relu(a)."""
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [helper.make_node("Relu", ["a"], ["b"]), helper.make_node("Exp", ["b"], ["c"])]
    ends = [[helper.make_tensor_value_info(name, real, ["N", 3]) for name in names] for names in ("a", "cb")]
    file = tmp_path / "m.onnx"
    graph = helper.make_graph(nodes, "g", *ends)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), file)
    return str(file)


@pytest.fixture
def manager(lab):
    return lab.submodule("frontend").FrontEndManager()


def test_front_ends(lab, manager, path, tmp_path):
    parts = lab.submodule("frontend")
    assert {"ir", "onnx"} <= set(manager.get_available_front_ends())
    for end in (manager.load_by_framework("onnx"), manager.load_by_model(path)):
        assert end.get_name() == "onnx" and end.supported(path) and repr(end) == "<FrontEnd 'onnx'>"
    lab.ov.save_model(lab.plus_one(), tmp_path / "m.xml")
    assert manager.load_by_model(str(tmp_path / "m.xml")).get_name() == "ir"
    with pytest.raises(parts.InitializationFailure):
        manager.load_by_framework("nope")
    with pytest.raises(parts.GeneralFailure):
        manager.load_by_model("/no/such/file.onnx")


def test_load_and_convert(lab, manager, path):
    end = manager.load_by_framework("onnx")
    model = end.convert(end.load(path))
    assert isinstance(model, lab.ov.Model)
    assert [port.names for port in model.inputs] == [{"a"}] and [port.any_name for port in model.outputs] == ["c", "b"]
    x = np.array([[1, -1, 2]], np.float32)
    np.testing.assert_allclose(lab.compile(model)([x])["c"], np.exp(np.maximum(x, 0)), rtol=1e-6)
    with pytest.raises(lab.submodule("frontend").GeneralFailure):
        end.load("/no/such/file.onnx")
    with pytest.raises(TypeError):
        end.convert(3)


def test_inputs_and_outputs(lab, manager, path):
    end = manager.load_by_framework("onnx")
    loaded = end.load(path)
    place = loaded.get_place_by_tensor_name("a")
    assert place.get_names() == ["a"] and place.is_input() and not place.is_output()
    assert str(loaded.get_partial_shape(place)) == "[?,3]" and loaded.get_element_type(place) == lab.ov.Type.f32
    assert [p.get_names() for p in loaded.get_inputs()] == [["a"]]
    assert [p.get_names() for p in loaded.get_outputs()] == [["c"], ["b"]]
    assert loaded.get_place_by_tensor_name("zz") is None and place.is_equal(loaded.get_inputs()[0])
    loaded.set_partial_shape(place, lab.ov.PartialShape([2, 3]))
    loaded.override_all_outputs([loaded.get_place_by_tensor_name("b")])
    model = end.convert(loaded)
    assert list(model.input().shape) == [2, 3] and [port.names for port in model.outputs] == [{"b"}]
    assert "Exp" not in {node.get_type_name() for node in model.get_ordered_ops()}


def test_a_part_of_a_model(mine, path):
    """openvino's ONNX front end can't cut a model within it."""
    end = mine.submodule("frontend").FrontEndManager().load_by_model(path)
    loaded = end.load(path)
    loaded.extract_subgraph([loaded.get_place_by_tensor_name("b")], [loaded.get_place_by_tensor_name("c")])
    model = end.convert(loaded)
    assert model.input().names == {"b"} and model.output().names == {"c"}
    assert [node.get_type_name() for node in model.get_ordered_ops()] == ["Parameter", "Exp", "Result"]


def test_what_front_ends_do_not_do(mine, path):
    parts = mine.submodule("frontend")
    end = parts.FrontEndManager().load_by_framework("onnx")
    for action in (lambda: end.decode(end.load(path)), lambda: end.add_extension(object())):
        with pytest.raises(parts.NotImplementedFailure):
            action()
    with pytest.raises(parts.InitializationFailure, match="export the model to ONNX"):
        parts.FrontEndManager().load_by_framework("tf")
