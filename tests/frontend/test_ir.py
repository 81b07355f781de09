"""IR files: what one of ovlite and openvino writes, the other reads and runs with equal results."""

import io

import numpy as np
import pytest

import ovlite
from ovlite.frontend.ir import to_bytes

from .ir_models import INPUTS, Builder

EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


def outputs(ov, path, name):
    return ov.Core().compile_model(path, "CPU", EXACT)(INPUTS[name]).to_tuple()


def names(model):
    return [port.names for port in [*model.inputs, *model.outputs]]


def layer_names(model):
    return sorted(node.get_friendly_name() for node in model.get_ordered_ops())


@pytest.fixture(params=[10, 11])
def version(request):
    return request.param


@pytest.mark.parametrize("name", INPUTS)
def test_what_openvino_writes_is_read(name, tmp_path, version):
    ov = pytest.importorskip("openvino")
    theirs = getattr(Builder("openvino"), name)()
    path = tmp_path / "model.xml"
    ov.serialize(theirs, str(path), version=f"IR_V{version}")
    mine = ovlite.Core().read_model(path)
    assert mine.get_friendly_name() == name
    assert names(mine) == names(theirs)
    assert layer_names(mine) == layer_names(theirs)
    for found, expected in zip(outputs(ovlite, path, name), outputs(ov, path, name), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", INPUTS)
def test_what_ovlite_writes_openvino_reads(name, tmp_path, version):
    ov = pytest.importorskip("openvino")
    mine = getattr(Builder("ovlite"), name)()
    path = tmp_path / "model.xml"
    ovlite.serialize(mine, path, version=f"IR_V{version}")
    theirs = ov.Core().read_model(path)
    assert theirs.get_friendly_name() == name
    if version == 10:  # openvino then adds the names of layers
        assert all(some <= more for some, more in zip(names(mine), names(theirs), strict=True))
    else:
        assert names(mine) == names(theirs)
        assert layer_names(mine) == layer_names(theirs)
    for found, expected in zip(outputs(ovlite, path, name), outputs(ov, path, name), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", INPUTS)
def test_a_model_comes_back_as_it_was(name, tmp_path):
    model = getattr(Builder("ovlite"), name)()
    ovlite.serialize(model, tmp_path / "model.xml")
    back = ovlite.Core().read_model(tmp_path / "model.xml")
    assert to_bytes(back) == to_bytes(model)
    compiled = ovlite.compile_model(model, "CPU", EXACT)(INPUTS[name]).to_tuple()
    for found, expected in zip(outputs(ovlite, tmp_path / "model.xml", name), compiled, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_weights_in_half_precision(tmp_path):
    ov = pytest.importorskip("openvino")
    model = Builder("ovlite").convolution()
    before = to_bytes(model)
    ovlite.save_model(model, tmp_path / "half" / "model.xml")
    ovlite.save_model(model, tmp_path / "full.xml", compress_to_fp16=False)
    assert to_bytes(model) == before
    assert (tmp_path / "half" / "model.bin").stat().st_size < (tmp_path / "full.bin").stat().st_size
    path = tmp_path / "half" / "model.xml"
    assert "decompression" in path.read_text()
    weights = [node for node in ovlite.Core().read_model(path).get_ordered_ops() if node.op.type == "Constant"]
    assert {node.output(0).element_type for node in weights} == {ovlite.Type.f16, ovlite.Type.i64}
    for found, expected in zip(outputs(ovlite, path, "convolution"), outputs(ov, path, "convolution"), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("values", [[1e6, -1e6], [1e-12, 1e-12]], ids=["too great", "too small"])
def test_constants_that_half_precision_does_not_hold_stay(values, tmp_path):
    ops = Builder("ovlite").ops
    x = ops.parameter([2], np.float32)
    ovlite.save_model(ovlite.Model([ops.add(x, np.array(values, np.float32))], [x]), tmp_path / "model.xml")
    model = ovlite.Core().read_model(tmp_path / "model.xml")
    (constant,) = (node for node in model.get_ordered_ops() if node.op.type == "Constant")
    np.testing.assert_array_equal(constant.array, np.array(values, np.float32))


def test_equal_constants_are_stored_once():
    ops = Builder("ovlite").ops
    x = ops.parameter([1000], np.float32)
    node = ops.add(ops.multiply(x, np.arange(1000, dtype=np.float32)), np.arange(1000, dtype=np.float32))
    _, weights = to_bytes(ovlite.Model([node], [x]))
    assert len(weights) == 4000


@pytest.mark.parametrize(
    "kind", ["u1", "u2", "u4", "i4", "i8", "f16", "bf16", "f64", "nf4", "f4e2m1", "f8e4m3", "f8e5m2", "f8e8m0"]
)
def test_constants_of_all_types_keep_their_bytes(kind, tmp_path):
    ov = pytest.importorskip("openvino")
    theirs = ov.Tensor(getattr(ov.Type, kind), [3, 3])
    theirs.data.view(np.uint8)[...] = 0
    theirs.data.view(np.uint8).reshape(-1)[0] = 0b00110001
    ov.serialize(ov.Model([ov.opset13.result(ov.opset13.constant(theirs))], []), str(tmp_path / "model.xml"))
    model = ovlite.Core().read_model(tmp_path / "model.xml")
    (constant,) = (node for node in model.get_ordered_ops() if node.op.type == "Constant")
    assert constant.output(0).element_type.name == kind and list(constant.output(0).shape) == [3, 3]
    assert bytes(constant.array.reshape(-1).view(np.uint8)) == bytes(theirs.data.reshape(-1).view(np.uint8))
    assert to_bytes(model)[1] == (tmp_path / "model.bin").read_bytes()


def test_string_constants(tmp_path):
    ov = pytest.importorskip("openvino")
    words = np.array(["abc", "", "hé"])
    constant = ov.op.Constant(ov.Tensor(words))
    ov.serialize(ov.Model([ov.opset13.result(constant)], []), str(tmp_path / "model.xml"))
    model = ovlite.Core().read_model(tmp_path / "model.xml")
    (mine,) = (node for node in model.get_ordered_ops() if node.op.type == "Constant")
    assert mine.array.tolist() == words.tolist()
    assert to_bytes(model)[1] == (tmp_path / "model.bin").read_bytes()


def test_rt_info_and_meta_data_are_kept(tmp_path):
    ov = pytest.importorskip("openvino")
    theirs = Builder("openvino").constants()
    theirs.set_rt_info("hello", ["conversion", "note"])
    theirs.inputs[0].node.set_layout(ov.Layout("NC"))
    theirs.outputs[0].node.set_layout(ov.Layout("HW"))
    ov.serialize(theirs, str(tmp_path / "model.xml"))
    model = ovlite.Core().read_model(tmp_path / "model.xml")
    assert model.info["conversion"] == {"note": "hello"}
    assert [str(node.layout) for node in (*model.parameters, *model.results)] == ["[N,C]", "[H,W]"]
    ovlite.serialize(model, tmp_path / "again.xml")
    again = ov.Core().read_model(tmp_path / "again.xml")
    assert again.get_rt_info(["conversion", "note"]).value == "hello"
    assert again.inputs[0].node.get_layout() == ov.Layout("NC")
    assert again.outputs[0].node.get_layout() == ov.Layout("HW")


def test_where_a_model_is_read_from(tmp_path):
    core = ovlite.Core()
    document, weights = to_bytes(Builder("ovlite").constants())
    (tmp_path / "model.xml").write_bytes(document)
    (tmp_path / "other.bin").write_bytes(weights)
    tensor = ovlite.Tensor(np.frombuffer(weights, np.uint8))
    x = INPUTS["constants"][0]
    models = [
        core.read_model(tmp_path / "model.xml", tmp_path / "other.bin"),
        core.read_model(document, weights),
        core.read_model(document, tensor),
        core.read_model(document.decode(), tensor),
        core.read_model(io.BytesIO(document), io.BytesIO(weights)),
    ]
    results = [core.compile_model(model, "CPU", EXACT)(x)["y"] for model in models]
    results.append(core.compile_model(document.decode(), "CPU", EXACT, weights=weights)(x)["y"])
    results.append(core.compile_model(document, "CPU", EXACT, weights=weights)(x)["y"])
    core.set_property({"ENABLE_MMAP": False})
    model = core.read_model(tmp_path / "model.xml", tmp_path / "other.bin")
    results.append(core.compile_model(model, "CPU", EXACT)(x)["y"])
    for result in results:
        np.testing.assert_allclose(result, x + [[9, 0], [25, 9]], rtol=1e-6)
    for missing in (lambda: core.read_model(document), lambda: core.read_model(tmp_path / "model.xml")):
        with pytest.raises(RuntimeError, match="weights that have 0 bytes"):
            missing()


def test_a_model_is_written_over_the_file_it_is_mapped_from(tmp_path):
    path = tmp_path / "model.xml"
    ovlite.serialize(Builder("ovlite").constants(), path)
    model = ovlite.Core().read_model(path)
    ovlite.serialize(model, path)
    expected = ovlite.compile_model(model, "CPU", EXACT)(INPUTS["constants"]).to_tuple()
    np.testing.assert_array_equal(outputs(ovlite, path, "constants"), expected)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.bin", "model.xml"]
