"""Parts of openvino that programs import now and then: wrappers, types, the node factory, ovc, changes of models."""

import io
import subprocess
import sys

import numpy as np
import pytest

from ovlite.errors import ConversionError


def types(model):
    return [node.get_type_name() for node in model.get_ordered_ops()]


def test_results_are_of_the_class_at_either_place(lab, A):
    wrappers, helpers = lab.submodule("utils.data_helpers.wrappers"), lab.submodule("utils.data_helpers")
    assert wrappers.OVDict is helpers.OVDict and wrappers.tensor_from_file is lab.ov.tensor_from_file
    assert isinstance(lab.compile(lab.plus_one())(A), wrappers.OVDict)


def test_submodules_of_utils_need_no_import(lab):
    assert lab.ov.utils.types.get_dtype(lab.ov.Type.f32) == np.float32
    assert lab.ov.utils.decorators.custom_preprocess_function and lab.ov.utils.data_helpers.OVDict


def test_values_as_nodes(lab):
    place = lab.submodule("utils.types")
    x = lab.parameter()
    assert place.as_node(x) is x and place.as_node(x.output(0)) == x.output(0)
    one, same = place.as_nodes(np.float32(1), x)
    assert one.get_type_name() == "Constant" and same is x
    assert place.make_constant_node([1, 2], np.int32).get_element_type() == lab.ov.Type.i32
    names = ("NodeInput", "NumericData", "NumericType", "ScalarData", "TensorShape")
    assert all(hasattr(place, name) for name in names)


def test_nodes_by_the_name_of_their_type(lab):
    factory = lab.submodule("utils.node_factory").NodeFactory("opset13")
    x = lab.parameter((1, 2, 4, 4))
    pool = factory.create(
        "AvgPool",
        [factory.create("Relu", [x])],
        {"strides": [1, 1], "pads_begin": np.array([0, 0]), "pads_end": (0, 0), "kernel": [2, 2], "exclude-pad": True}
        | {"rounding_type": "floor", "auto_pad": "explicit"},
    )
    assert pool.get_type_name() == "AvgPool" and list(pool.get_output_shape(0)) == [1, 2, 3, 3]
    top = factory.create("TopK", [pool, lab.ops.constant(np.int64(1))], {"axis": 1, "mode": "max", "sort": "value"})
    assert top.get_output_size() == 2
    assert factory.create("Convert", [x], {"destination_type": "i32"}).get_output_element_type(0) == lab.ov.Type.i32
    with pytest.raises(RuntimeError):
        factory.create("NoSuchOperation", [x], {})


def test_a_compressed_model_computes_the_same(lab):
    x = lab.parameter((1, 2))
    weights = lab.ops.constant(np.array([[0.5, 2], [3, 4]], np.float32), name="w")
    model = lab.ov.Model([lab.ops.matmul(x, weights, False, False)], [x], "m")
    changes = lab.submodule("_offline_transformations")
    changes.compress_model_transformation(model)
    stored, convert = model.get_ordered_ops()[1:3]
    assert stored.get_element_type() == lab.ov.Type.f16 and stored.get_friendly_name() == "w_compressed"
    assert convert.get_type_name() == "Convert" and convert.get_friendly_name() == "w"
    count = len(model.get_ops())
    changes.compress_model_transformation(model)
    assert len(model.get_ops()) == count
    assert lab.compile(model)([np.ones((1, 2), np.float32)])[0].tolist() == [[3.5, 6]]


def test_what_f16_does_not_hold_is_not_compressed(mine):
    x = mine.parameter((2,))
    model = mine.ov.Model([mine.ops.add(x, mine.ops.constant(np.array([1e30, 1e-6], np.float32)))], [x], "m")
    mine.submodule("_offline_transformations").compress_model_transformation(model)
    assert types(model) == ["Parameter", "Constant", "Add", "Result"]


@pytest.mark.parametrize(("low", "levels"), [(-2.0, 255), (-1.0, 256), (0.0, 256), (-2.0, 16)])
def test_quantized_weights_are_kept_as_bytes(lab, low, levels):
    x = lab.parameter((1, 3))
    values = np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4)
    limits = [np.full((1, 4), limit, np.float32) for limit in (low, 2)]
    limits[0][0, 1], limits[1][0, 2] = low - 0.5, 1.5
    quantized = lab.ops.fake_quantize(lab.ops.constant(values), *limits, *limits, levels)
    model = lab.ov.Model([lab.ops.matmul(x, quantized, False, False)], [x], "m")
    ones = np.ones((1, 3), np.float32)
    expected = lab.compile(model)([ones])[0].copy()
    lab.submodule("_offline_transformations").compress_quantize_weights_transformation(model)
    assert "FakeQuantize" not in types(model)
    bytewise = (lab.ov.Type.i8, lab.ov.Type.i4)
    stored = [node for node in model.get_ordered_ops() if node.get_output_element_type(0) in bytewise]
    assert [node.get_type_name() for node in stored] == ["Constant"]
    np.testing.assert_allclose(lab.compile(model)([ones])[0], expected, rtol=0, atol=1e-5)


def test_common_changes_keep_what_a_model_computes(lab, A):
    x = lab.parameter()
    two = lab.ops.add(lab.ops.constant(np.float32(1)), lab.ops.constant(np.float32(1)))
    model = lab.ov.Model([lab.ops.multiply(x, two)], [x], "m")
    lab.submodule("_offline_transformations").apply_moc_transformations(model, cf=False)
    assert "Add" not in types(model)
    np.testing.assert_array_equal(lab.compile(model)(A)[0], A * 2)


def test_pairs_become_states(lab):
    x, last = lab.parameter((1, 2), name="x"), lab.parameter((1, 2), name="last")
    total = lab.ops.add(x, last)
    total.output(0).set_names({"total"})
    last.output(0).set_names({"last"})
    model = lab.ov.Model([lab.ops.result(total, name="y"), lab.ops.result(total, name="next")], [x, last], "m")
    lab.submodule("_offline_transformations").apply_make_stateful_transformation(model, {"last": "total"})
    assert len(model.inputs) == 1 and len(model.outputs) == 1
    request = lab.compile(model).create_infer_request()
    ones = np.ones((1, 2), np.float32)
    assert [request.infer([ones])[0][0, 0] for _ in range(3)] == [1, 2, 3]


def test_a_change_that_is_not_here_says_what_to_do(mine):
    changes = mine.submodule("_offline_transformations")
    with pytest.raises(NotImplementedError, match="save the model as an IR"):
        changes.paged_attention_transformation(mine.plus_one())
    with pytest.raises(AttributeError):
        changes.no_such_name  # noqa: B018 - the attribute is what raises


@pytest.fixture
def two_results():
    """An onnx.ModelProto: y = relu(x), z = -x for x[n, 2]."""
    onnx = pytest.importorskip("onnx")
    value = onnx.helper.make_tensor_value_info
    nodes = [onnx.helper.make_node("Relu", ["x"], ["y"]), onnx.helper.make_node("Neg", ["x"], ["z"])]
    graph = onnx.helper.make_graph(nodes, "g", [value("x", 1, ["n", 2])], [value("y", 1, None), value("z", 1, None)])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def test_what_is_converted(lab, two_results, tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(two_results.SerializeToString())
    for given in (path, str(path), [path], io.BytesIO(path.read_bytes())):
        model = lab.ov.convert_model(given, input=[3, 2])
        assert str(model.input("x").partial_shape) == "[3,2]" and len(model.outputs) == 2
    for given in (None, 3, path.parent / "none.onnx"):
        with pytest.raises(Exception, match="."):
            lab.ov.convert_model(given)


def test_a_model_of_another_package_is_told_how_to_become_one(mine):
    Functional = type("Functional", (), {"__module__": "keras.src.models.functional"})
    with pytest.raises(ConversionError, match=r"got Mine; model.export\('model.onnx', .* writes one"):
        mine.ov.convert_model(type("Mine", (Functional,), {})())


def test_an_onnx_model_in_memory_is_told_too(mine, two_results):
    with pytest.raises(ConversionError, match=r"got ModelProto; io.BytesIO\(model.SerializeToString\(\)\) is one"):
        mine.ov.convert_model(two_results)


def test_the_converter(mine, two_results, tmp_path, capsys):
    (tmp_path / "m.onnx").write_bytes(two_results.SerializeToString())
    ovc = mine.submodule("tools.ovc")
    assert ovc.convert_model is mine.ov.convert_model
    target = str(tmp_path / "out" / "m.xml")
    assert ovc.main([str(tmp_path / "m.onnx"), "--output_model", target, "--input", "x[3,?]", "--output", "z"]) == 0
    assert target in capsys.readouterr().out
    model = mine.ov.Core().read_model(target)
    assert [str(port.partial_shape) for port in model.inputs] == ["[3,?]"]
    assert [port.any_name for port in model.outputs] == ["z"]
    assert ovc.main([str(tmp_path / "none.onnx")]) == 1 and "expected a file" in capsys.readouterr().err


def test_names_that_the_module_has(lab):
    names = """AsyncInferQueue AxisSet AxisVector CompiledModel ConstOutput Coordinate CoordinateDiff Core Dimension
        DiscreteTypeInfo Extension InferRequest Input Layout Model Node OVAny Op OpExtension Output PartialShape
        ProfilingInfo RTMap RemoteContext RemoteTensor Shape Strides Symbol Tensor TensorVector Type Version
        compile_model convert_model get_batch set_batch get_version layout_helpers save_model serialize shutdown
        tensor_from_file __version__"""
    assert [name for name in names.split() if not hasattr(lab.ov, name)] == []


def test_what_is_of_other_devices(lab):
    ov = lab.ov
    assert not isinstance(ov.Tensor([1.0]), ov.RemoteTensor) and issubclass(ov.Op, ov.Node)
    for kind in (ov.RemoteContext, ov.RemoteTensor):
        with pytest.raises(TypeError):
            kind()
    tensors = ov.TensorVector([ov.Tensor([1.0])])
    tensors.append(ov.Tensor([2.0]))
    assert len(tensors) == 2 and tensors[1].data[0] == 2.0


@pytest.mark.parametrize(("number", "count"), [(1, 107), (8, 165), (13, 184), (16, 201), (17, 2)])
def test_what_an_opset_holds(lab, number, count):
    module = lab.submodule(f"opset{number}")
    assert len([name for name in dir(module) if not name.startswith("_") and callable(getattr(module, name))]) == count


def test_runtime_has_the_names_of_the_module():
    """As openvino.runtime had, where the API was in older releases."""
    code = (
        "import ovlite, ovlite.runtime\n"
        "from ovlite.runtime import AsyncInferQueue, Core, Model, PartialShape, Tensor, opset13, properties\n"
        "from ovlite.runtime import *\n"
        "assert set(ovlite.__all__) <= set(dir(ovlite.runtime))\n"
        "for name in ovlite.__all__: assert getattr(ovlite.runtime, name) is getattr(ovlite, name), name\n"
        "assert compile_model is ovlite.compile_model and Core is ovlite.Core and opset13 is ovlite.opset13\n"
        "try: ovlite.runtime.no_such_name\n"
        "except AttributeError as error: assert 'no_such_name' in str(error)\n"
        "else: raise AssertionError\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
