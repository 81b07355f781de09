"""Exported models, the cache of compiled models, files of models, and convert_model."""

import io

import numpy as np
import pytest


@pytest.fixture
def exported(lab):
    return lab.compile(lab.two_outputs()).export_model()


def test_an_exported_model_runs(lab, A, exported):
    assert isinstance(exported, io.BytesIO)
    tensor = lab.ov.Tensor(np.frombuffer(exported.getvalue(), np.uint8))
    exported.read(7)
    for source in (exported, exported, exported.getvalue(), tensor):
        compiled = lab.ov.Core().import_model(source, "CPU")
        assert [port.names for port in compiled.outputs] == [{"sum"}, {"difference"}]
        np.testing.assert_array_equal(compiled([A, A])["sum"], A + A)
    found = lab.ov.Core().import_model(exported, "CPU", {"PERF_COUNT": True})
    assert found.get_property("PERF_COUNT") == "YES"


def test_exporting_to_a_stream(lab, A):
    stream = io.BytesIO()
    assert lab.compile(lab.plus_one()).export_model(stream) is None
    assert stream.tell() == 0
    np.testing.assert_array_equal(lab.ov.Core().import_model(stream, "CPU")(A)["y"], A + 1)
    for wrong in ("model", bytearray()):
        with pytest.raises(TypeError):
            lab.compile(lab.plus_one()).export_model(wrong)


def test_what_can_not_be_imported(lab, exported):
    core = lab.ov.Core()
    for wrong in ("path", 3, None):
        with pytest.raises(TypeError):
            core.import_model(wrong, "CPU")
    with pytest.raises(TypeError):
        core.import_model(exported)
    for garbage in (b"", b"garbage" * 100):
        with pytest.raises(RuntimeError):
            core.import_model(garbage, "CPU")
    with pytest.raises(RuntimeError):
        core.import_model(exported, "NOPE")
    with pytest.raises(RuntimeError):
        core.import_model(exported, "CPU", {"NOPE": 1})


def test_damaged_exports(mine):
    core = mine.ov.Core()
    data = mine.compile(mine.plus_one()).export_model().getvalue()
    for length in [*range(0, 200, 7), len(data) - 1]:
        with pytest.raises(RuntimeError):
            core.import_model(data[:length], "CPU")
    with pytest.raises(RuntimeError, match="cut short"):
        core.import_model(data + b"more", "CPU")
    for place in range(0, len(data), 5):
        damaged = bytearray(data)
        damaged[place] ^= 0x41
        with pytest.raises(RuntimeError):
            core.import_model(bytes(damaged), "CPU")


def test_properties_and_names_are_exported(mine, A):
    compiled = mine.compile(mine.plus_one(), PERFORMANCE_HINT="THROUGHPUT", LOG_LEVEL="LOG_ERROR", NUM_STREAMS=1)
    compiled.output().tensor.set_names({"new"})
    found = mine.ov.Core().import_model(compiled.export_model(), "CPU")
    for key in ("PERFORMANCE_HINT", "LOG_LEVEL", "NUM_STREAMS", "INFERENCE_PRECISION_HINT", "NETWORK_NAME"):
        assert found.get_property(key) == compiled.get_property(key)
    np.testing.assert_array_equal(found(A)["new"], A + 1)


def test_the_cache(lab, A, tmp_path):
    model = lab.plus_one()
    folder = tmp_path / "made" / "on demand"
    for loaded in (False, True):
        compiled = lab.compile(model, CACHE_DIR=str(folder))
        assert compiled.get_property("LOADED_FROM_CACHE") is loaded
        assert [file.suffix for file in folder.iterdir()] == [".blob"]
        np.testing.assert_array_equal(compiled(A)["y"], A + 1)
    lab.compile(lab.add(), CACHE_DIR=str(folder))
    assert len(list(folder.iterdir())) == 2


def test_what_the_cache_depends_on(mine, A, tmp_path, monkeypatch):
    def loaded(model, **config):
        return mine.compile(model, CACHE_DIR=str(tmp_path), **config).get_property("LOADED_FROM_CACHE")

    x = mine.parameter(name=None)
    other = mine.ov.Model([mine.ops.add(x, np.float32(2))], [x])
    assert [loaded(mine.plus_one()), loaded(mine.plus_one())] == [False, True]
    assert [loaded(other), loaded(other)] == [False, True]
    assert [loaded(other, PERF_COUNT=True), loaded(other, PERF_COUNT=True)] == [False, True]
    monkeypatch.setattr("ovlite.runtime.exported_model.get_version", lambda: "another")
    assert not loaded(other)


def test_names_given_by_counting_do_not_matter(mine, A, tmp_path):
    for _ in range(2):
        x = mine.parameter(name=None)
        model = mine.ov.Model([mine.ops.add(x, np.float32(2))], [x])
        compiled = mine.compile(model, CACHE_DIR=str(tmp_path))
        assert compiled.output().names == model.output().names
        np.testing.assert_array_equal(compiled(A)[next(iter(model.output().names))], A + 2)
    assert compiled.get_property("LOADED_FROM_CACHE")


@pytest.mark.parametrize(
    "damage", [lambda data: data[:100], lambda data: data[:-1], lambda data: b"", lambda data: data[:-9] + b"x" * 9]
)
def test_a_damaged_file_is_made_anew(mine, A, tmp_path, damage):
    def compiled():
        return mine.compile(mine.plus_one(), CACHE_DIR=str(tmp_path))

    compiled()
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    again = compiled()
    assert not again.get_property("LOADED_FROM_CACHE")
    np.testing.assert_array_equal(again(A)["y"], A + 1)
    assert compiled().get_property("LOADED_FROM_CACHE")
    assert len(file.read_bytes()) == len(whole)


def test_a_cache_that_can_not_be_written(mine, A, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    compiled = mine.compile(mine.plus_one(), CACHE_DIR=str(tmp_path / "file" / "folder"))
    np.testing.assert_array_equal(compiled(A)["y"], A + 1)
    assert "CACHE_DIR" in caplog.text


def test_saving_and_reading(lab, A, tmp_path):
    for save in (lab.ov.save_model, lab.ov.serialize):
        path = tmp_path / "folder" / "model.xml"
        path.parent.mkdir(exist_ok=True)
        assert save(lab.plus_one(), path) is None
        assert sorted(file.name for file in path.parent.iterdir()) == ["model.bin", "model.xml"]
        model = lab.ov.Core().read_model(path)
        assert model.get_friendly_name() == "plus_one"
        for source in (model, path, str(path)):
            np.testing.assert_array_equal(lab.compile(source)(A)["y"], A + 1)
    with pytest.raises(RuntimeError):
        lab.ov.save_model(lab.plus_one(), tmp_path / "model.onnx")
    with pytest.raises(TypeError):
        lab.ov.save_model(3, tmp_path / "model.xml")
    for wrong in (3, None, io.BytesIO()):
        with pytest.raises(RuntimeError):
            lab.ov.save_model(lab.plus_one(), wrong)


def test_a_model_in_memory(lab, A, tmp_path):
    lab.ov.serialize(lab.plus_one(), str(tmp_path / "m.xml"))
    document, weights = (tmp_path / "m.xml").read_bytes(), (tmp_path / "m.bin").read_bytes()
    core = lab.ov.Core()
    tensor = lab.ov.Tensor(np.frombuffer(weights, np.uint8))
    for model in (
        core.read_model(document, weights),
        core.read_model(document, tensor),
        core.read_model(document.decode(), tensor),
        core.read_model(io.BytesIO(document), io.BytesIO(weights)),
        core.read_model(tmp_path / "m.xml", tmp_path / "m.bin"),
    ):
        np.testing.assert_array_equal(lab.compile(model)(A)["y"], A + 1)
    for text in (document, document.decode()):
        compiled = core.compile_model(text, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}, weights=weights)
        np.testing.assert_array_equal(compiled(A)["y"], A + 1)
    for wrong in (
        lambda: core.read_model(document),
        lambda: core.read_model(tmp_path / "m.xml", weights),
        lambda: core.read_model(tmp_path),
        lambda: core.read_model(document.decode()),
        lambda: core.read_model(tmp_path / "m.xml", tmp_path / "no.bin"),
    ):
        with pytest.raises(RuntimeError):
            wrong()


@pytest.fixture
def onnx_file(tmp_path):
    """d = relu(a + b), e = -d of f32[N,4]"""
    onnx = pytest.importorskip("onnx")
    make, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [make.make_node(*parts) for parts in (("Add", "ab", "c"), ("Relu", "c", "d"), ("Neg", "d", "e"))]
    values = {name: make.make_tensor_value_info(name, kind, ["N", 4]) for name in "abde"}
    graph = make.make_graph(nodes, "graph", [values["a"], values["b"]], [values["d"], values["e"]])
    path = tmp_path / "model.onnx"
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 13)], ir_version=8), path)
    return path


@pytest.mark.parametrize(
    ("given", "shapes"),
    [
        (None, ["[?,4]", "[?,4]"]),
        ("a", ["[?,4]", "[?,4]"]),
        ([("a", [3, 4])], ["[3,4]", "[?,4]"]),
        ({"a": [2, 4]}, ["[2,4]", "[?,4]"]),
        ({"b": (2, 4)}, ["[?,4]", "[2,4]"]),
        (("b", [2, 4], np.float32), ["[?,4]", "[2,4]"]),
        ([("a", [2, 4]), "b"], ["[2,4]", "[?,4]"]),
        ([[2, 4], [2, 4]], ["[2,4]", "[2,4]"]),
        ([2, 4], ["[2,4]", "[?,4]"]),
        (np.float32, ["[?,4]", "[?,4]"]),
    ],
)
def test_converting_with_input_shapes(lab, onnx_file, given, shapes):
    model = lab.ov.convert_model(onnx_file, input=given)
    assert [str(port.get_partial_shape()) for port in model.inputs] == shapes
    ones = np.ones([2 if "2" in "".join(shapes) else 3, 4], np.float32)
    np.testing.assert_array_equal(lab.compile(model)([ones, ones])["e"], -2 * ones)


def test_converting_with_fewer_outputs(lab, onnx_file):
    for names in ("d", ["d"]):
        assert [port.names for port in lab.ov.convert_model(str(onnx_file), output=names).outputs] == [{"d"}]
    assert [port.names for port in lab.ov.convert_model(onnx_file, output=["e", "d"]).outputs] == [{"d"}, {"e"}]


def test_what_can_not_be_converted(lab, onnx_file, tmp_path):
    onnx = pytest.importorskip("onnx")
    (tmp_path / "garbage.onnx").write_bytes(b"garbage")
    lab.ov.serialize(lab.plus_one(), str(tmp_path / "ir.xml"))
    for wrong in (onnx.load(onnx_file), lab.plus_one(), tmp_path / "no.onnx", tmp_path / "ir.xml", None, b"bytes"):
        with pytest.raises(Exception) as raised:
            lab.ov.convert_model(wrong)
        assert not isinstance(raised.value, RuntimeError)
    inputs = ("zz", {"c": [1, 4]}, {0: [1, 4]}, {"a": [2, 5], "b": [2, 4]})
    for keywords in (*({"input": given} for given in inputs), {"output": "zz"}, {"output": 3}, {"extension": []}):
        with pytest.raises(Exception) as raised:
            lab.ov.convert_model(onnx_file, **keywords)
        assert not isinstance(raised.value, RuntimeError)


def test_conversion_errors_are_of_one_class(mine, onnx_file, tmp_path):
    error = mine.submodule("exceptions").ConversionError
    (tmp_path / "garbage.onnx").write_bytes(b"garbage")
    for wrong in (tmp_path / "garbage.onnx", tmp_path, 3):
        with pytest.raises(error):
            mine.ov.convert_model(wrong)
    with pytest.raises(error, match="either all entries"):
        mine.ov.convert_model(onnx_file, input=[("a", [1, 4]), [1, 4]])
    with pytest.raises(error, match="twice"):
        mine.ov.convert_model(onnx_file, input=[("a", "b")])
