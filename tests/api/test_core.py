"""Core and compile_model: arguments, devices, errors; ports of compiled models."""

import copy
import io

import numpy as np
import pytest


def test_devices(lab):
    core = lab.ov.Core()
    assert core.available_devices == core.get_available_devices() == ["CPU"]
    with pytest.raises(AttributeError):
        core.available_devices = []
    versions = core.get_versions("CPU")
    assert list(versions) == ["CPU"]
    version = versions["CPU"]
    assert all(isinstance(number, int) for number in (version.major, version.minor, version.patch))
    assert isinstance(version.build_number, str) and isinstance(version.description, str)
    assert core.get_versions("NOPE") == {}
    assert lab.ov.__version__ == lab.ov.get_version() and isinstance(lab.ov.__version__, str)
    with pytest.raises(RuntimeError):
        lab.ov.Core("/there/is/no/such/file.xml")


def test_device_names(lab, A):
    core = lab.ov.Core()
    for device in ((), ("CPU",), ("AUTO",), ("AUTO:CPU",), ("HETERO:CPU",), ("MULTI:CPU",), (None,)):
        compiled = core.compile_model(lab.plus_one(), *device)
        np.testing.assert_array_equal(compiled(A)["y"], A + 1)
        assert compiled.get_property("EXECUTION_DEVICES") == ["CPU"] or device in (("HETERO:CPU",), ("MULTI:CPU",))
    np.testing.assert_array_equal(lab.ov.compile_model(lab.plus_one())(A)["y"], A + 1)
    np.testing.assert_array_equal(lab.ov.compile_model(lab.plus_one(), "CPU", {"NUM_STREAMS": 1})(A)["y"], A + 1)
    for device in ("NOPE", "cpu", "", "CPU.0"):
        with pytest.raises(RuntimeError):
            core.compile_model(lab.plus_one(), device)


def test_arguments_of_compile_model(lab):
    core, model = lab.ov.Core(), lab.plus_one()
    for wrong in ((model, {}), (model, "CPU", []), (model, "CPU", {1: 2})):
        with pytest.raises(TypeError):
            core.compile_model(*wrong)
    for wrong in (b"", None, 5, "/there/is/no/such/file.onnx", io.BytesIO()):
        with pytest.raises(RuntimeError):
            core.compile_model(wrong)


def test_arguments_of_read_model(lab, tmp_path):
    core = lab.ov.Core()
    for wrong in (bytearray(b"x"), memoryview(b"x"), 5, None, lab.plus_one()):
        with pytest.raises(TypeError):
            core.read_model(wrong)
    for wrong in ("/there/is/no/such/file.onnx", str(tmp_path), tmp_path, b"junk", "<?xml version='1.0'?><net/>"):
        with pytest.raises(RuntimeError):
            core.read_model(wrong)
    with pytest.raises(AttributeError):
        core.read_model(io.BytesIO(b"x"), b"x")
    with pytest.raises(TypeError):
        core.read_model(b"x", io.BytesIO(b"x"))


def test_reading_onnx(lab, tmp_path):
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    ports = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2]) for name in "aby"]
    graph = helper.make_graph([helper.make_node("Add", ["a", "b"], ["y"])], "g", ports[:2], ports[2:])
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
    path = tmp_path / "add.onnx"
    path.write_bytes(content)
    core = lab.ov.Core()
    x = np.array([1, 2], np.float32)
    for source in (content, str(path), path, io.BytesIO(content)):
        model = core.read_model(source)
        assert [port.names for port in model.inputs] == [{"a"}, {"b"}]
        np.testing.assert_array_equal(core.compile_model(model, "CPU")({"a": x, "b": x})["y"], 2 * x)
    np.testing.assert_array_equal(core.compile_model(path, "CPU")([x, x])["y"], 2 * x)
    np.testing.assert_array_equal(lab.ov.compile_model(str(path))([x, x])["y"], 2 * x)


def test_query_model(lab):
    model = lab.plus_one()
    found = lab.ov.Core().query_model(model, "CPU")
    assert found["x"] == "CPU" and found["y"] == "CPU"
    assert set(found.values()) == {"CPU"}
    with pytest.raises(RuntimeError):
        lab.ov.Core().query_model(model, "NOPE")


def test_a_compiled_model_is_a_snapshot(lab, A):
    model = lab.plus_one()
    compiled = lab.compile(model)
    model.set_friendly_name("another")
    model.output().set_names({"z"})
    model.input().set_names({"w"})
    assert compiled.get_property("NETWORK_NAME") == "plus_one"
    np.testing.assert_array_equal(compiled({"x": A})["y"], A + 1)


def test_ports_by_index_and_name(lab):
    compiled = lab.compile(lab.two_outputs())
    a, b = compiled.inputs
    assert compiled.input(0) == compiled.input("a") == compiled.input(index=0) == compiled.input(tensor_name="a") == a
    assert compiled.output(1) == compiled.output("difference") == compiled.outputs[1]
    assert compiled.input(np.int64(1)) == b
    assert compiled.inputs is not compiled.inputs
    find_input, find_output = compiled.input, compiled.output
    for find, *key in ((find_input,), (find_output,), (find_input, 2), (find_input, "z"), (find_output, "a")):
        with pytest.raises(RuntimeError):
            find(*key)
    for wrong in (-1, 0.0):
        with pytest.raises(TypeError):
            compiled.input(wrong)
    with pytest.raises(AttributeError):
        compiled.inputs = []


def test_what_a_port_tells(lab):
    model = lab.plus_one()
    compiled = lab.compile(model)
    port = compiled.output()
    assert port.names == {"y"} == port.get_names() and port.any_name == port.get_any_name() == "y"
    assert list(port.shape) == list(port.get_shape()) == [2, 3]
    assert port.partial_shape == port.get_partial_shape() == lab.ov.PartialShape([2, 3])
    assert port.element_type == port.get_element_type() == lab.ov.Type.f32
    assert port.index == port.get_index() == 0
    assert port.node.get_type_name() == "Result" and compiled.input().node.get_type_name() == "Parameter"
    assert repr(port) == "<ConstOutput: names[y] shape[2,3] type: f32>"
    with pytest.raises(AttributeError):
        port.names = {"z"}
    dynamic = lab.compile(lab.plus_one((-1, 3))).input()
    with pytest.raises(RuntimeError):
        dynamic.shape  # noqa: B018
    assert repr(dynamic) == "<ConstOutput: names[x] shape[?,3] type: f32>"


def test_ports_as_keys(lab):
    model = lab.two_outputs()
    one, other = lab.compile(model), lab.compile(model)
    port = one.inputs[0]
    assert port == one.inputs[0] and hash(port) == hash(one.inputs[0])
    assert port != other.inputs[0] and port != one.inputs[1]
    for different in (model.input(0), "a", 0):
        assert port != different
    assert one.inputs[0] < one.inputs[1]
    assert copy.copy(port) == port
    with pytest.raises(TypeError):
        copy.deepcopy(port)


def test_renaming_a_compiled_port(lab, A):
    compiled = lab.compile(lab.plus_one())
    compiled.output().tensor.set_names({"new"})
    assert compiled.output().names == {"new"}
    np.testing.assert_array_equal(compiled(A)["new"], A + 1)
    compiled.input().tensor.add_names({"also"})
    np.testing.assert_array_equal(compiled({"also": A})["new"], A + 1)
    with pytest.raises(TypeError):
        compiled.output().tensor.set_names(["list"])


def test_what_compiled_models_are(lab, A):
    compiled = lab.compile(lab.plus_one())
    assert compiled._infer_request is None
    compiled(A)
    assert isinstance(compiled._infer_request, lab.ov.InferRequest)
    assert compiled.release_memory() is None
    np.testing.assert_array_equal(compiled(A)["y"], A + 1)
    assert isinstance(hash(compiled), int)
    with pytest.raises(TypeError):
        copy.copy(compiled)
    with pytest.raises(TypeError):
        lab.ov.CompiledModel()
    assert repr(compiled).startswith("<CompiledModel:")
    np.testing.assert_array_equal(lab.ov.CompiledModel(compiled)(A)["y"], A + 1)


def test_it_outlives_its_core(lab, A):
    core = lab.ov.Core()
    compiled = core.compile_model(lab.plus_one(), "CPU")
    del core
    np.testing.assert_array_equal(compiled(A)["y"], A + 1)


def test_extensions(lab):
    core = lab.ov.Core()
    core.add_extension([])
    with pytest.raises(RuntimeError):
        core.add_extension("/nowhere/extension.so")
    for wrong in ((3,), ()):
        with pytest.raises(TypeError):
            core.add_extension(*wrong)


def test_weights_ask_for_a_device(lab, tmp_path):
    lab.ov.save_model(lab.plus_one(), tmp_path / "m.xml", False)
    text, weights = (tmp_path / "m.xml").read_text(), (tmp_path / "m.bin").read_bytes()
    with pytest.raises(RuntimeError):
        lab.ov.Core().compile_model(text, weights=weights)
    assert lab.ov.Core().compile_model(text, "CPU", weights=weights).input().any_name == "x"


def test_read_model_takes_what_it_does_not_know(lab, tmp_path):
    lab.ov.save_model(lab.plus_one(), tmp_path / "m.xml")
    for extra in ({"weights": ""}, {"config": {"NO_SUCH_KEY": 1}}):
        assert lab.ov.Core().read_model(tmp_path / "m.xml", **extra).input().any_name == "x"


def test_an_export_goes_to_the_stream_of_the_keyword(lab):
    stream = io.BytesIO()
    assert lab.compile(lab.plus_one()).export_model(model_stream=stream) is None
    assert stream.tell() == 0 and stream.getvalue()


def test_a_compiled_model_lists_its_ports(lab):
    ports = "<ConstOutput: names[a] shape[2,3] type: f32>,\n<ConstOutput: names[b] shape[2,3] type: f32>\n]"
    assert ports in repr(lab.compile(lab.two_outputs()))
