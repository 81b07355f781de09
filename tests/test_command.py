"""The commands beside bench: info, profile, compare, convert, cache; and what bench reads and writes."""

from __future__ import annotations

import json
import os
import re
import shutil
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ovlite as ov
import ovlite.opset13 as ops
from ovlite import cli, kernels
from ovlite.cli import drawing, graphviz
from ovlite.cli.measure import difference
from ovlite.cli.weights import compress_to_int8
from ovlite.runtime import blob, roofline
from ovlite.runtime.config import processor_name
from ovlite.runtime.threads import thread_budget


@pytest.fixture(autouse=True)
def machine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of the machine: a made-up one, so that no test measures it."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    if not folder.exists():
        for threads in range(1, thread_budget() + 1):
            roofline._keep(roofline.Roofline(processor_name(), kernels.level(), threads, 100.0, 10.0))


def image_model() -> ov.Model:
    """y = softmax over the sums of relu(convolution(x)); f32[1,3,8,8] x."""
    random = np.random.default_rng(5)
    x = ops.parameter([1, 3, 8, 8], np.float32, name="x")
    filters = random.standard_normal((16, 3, 3, 3), np.float32)
    hidden = ops.relu(ops.convolution(x, filters, [1, 1], [1, 1], [1, 1], [1, 1]))
    weights = random.standard_normal((16 * 64, 10), np.float32)
    y = ops.softmax(ops.matmul(ops.reshape(hidden, [1, -1], False), weights, False, False), 1)
    for node, name in ((x, "x"), (y, "y")):
        node.output(0).set_names({name})
    return ov.Model([y], [x], "image")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    found = tmp_path_factory.mktemp("models") / "image.xml"
    ov.save_model(image_model(), found, compress_to_fp16=False)
    return str(found)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*argv: str) -> tuple[int, str, str]:
        status = cli.main(list(argv))
        return status, *capsys.readouterr()

    return call


def as_json(run: Any, *argv: str) -> Any:
    status, out, err = run(*argv, "--json")
    assert (status, err) == (0, "")
    return json.loads(out)


def test_info_tells_what_is_in_a_model(run: Any, path: str) -> None:
    found = as_json(run, "info", path)
    assert found["inputs"] == {"x": {"type": "f32", "shape": "[1,3,8,8]"}}
    assert found["outputs"] == {"y": {"type": "f32", "shape": "[1,10]"}}
    assert found["operators"]["Convolution"] == found["operators"]["MatMul"] == 1
    assert found["parameters"] >= 16 * 27 + 10240 and found["weights"] >= 4 * (16 * 27 + 10240)
    assert found["native"] and found["numpy"] == {} and found["arena"] > 0 and found["states"] == []
    status, out, _ = run("info", path)
    assert status == 0 and "x f32[1,3,8,8]" in out and "on numpy    none" in out


def test_info_tells_what_runs_on_numpy(run: Any, tmp_path: Path) -> None:
    x = ops.parameter([-1, 4, 4], np.float32, name="x")
    ov.save_model(ov.Model([ops.bucketize(x, np.zeros(1, np.float32))], [x], "m"), tmp_path / "m.xml")
    found = as_json(run, "info", str(tmp_path / "m.xml"), "--shape", "[16,4,4]")
    assert sum(found["numpy"].values()) == 1


def test_info_tells_which_operators_are_missing_beside_the_rest(run: Any, path: str, tmp_path: Path) -> None:
    other = tmp_path / "other.xml"
    other.write_text(re.sub('type="(MatMul|ReLU)"', r'type="My\1"', Path(path).read_text()))
    other.with_suffix(".bin").write_bytes(Path(path).with_suffix(".bin").read_bytes())
    whole, found = as_json(run, "info", path), as_json(run, "info", str(other))
    for key in ("inputs", "outputs", "parameters", "weights", "opsets"):
        assert found[key] == whole[key], key
    assert found["missing"]["MyMatMul (opset1)"] == 1 and whole["missing"] == {} and whole["error"] is None
    assert found["operators"]["MyMatMul"] == whole["operators"]["MatMul"]
    assert sum(found["operators"].values()) == sum(whole["operators"].values())
    assert found["native"] is found["arena"] is None and "MyMatMul" in found["error"]
    status, out, err = run("info", str(other))
    assert (status, err) == (0, "") and "MyMatMul (opset1) 1" in out and "on kernels" not in out


def test_info_tells_which_operators_of_onnx_are_missing(run: Any, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    make, node = onnx.helper.make_tensor_value_info, onnx.helper.make_node
    inner = onnx.helper.make_graph([node("Twiddle", ["x"], ["t"])], "inner", [], [make("t", 1, [2])])
    weight = onnx.numpy_helper.from_array(np.ones((2, 2), np.float16), "w")
    nodes = [node("Relu", ["x"], ["a"]), node("Twiddle", ["a"], ["b"], domain="my"),
             node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)]  # fmt: skip
    graph = onnx.helper.make_graph(
        nodes, "g", [make("x", 1, ["n", 2]), make("c", 9, [])], [make("y", 1, [2])], [weight]
    )
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("my", 3)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "m.onnx")
    found = as_json(run, "info", str(tmp_path / "m.onnx"))
    assert found["missing"] == {"Twiddle (ai.onnx 17)": 2, "Twiddle (my 3)": 1}
    assert found["operators"] == {"Twiddle": 3, "Relu": 1, "If": 1}
    assert found["opsets"] == {"ai.onnx": 17, "my": 3}
    assert found["inputs"] == {"x": {"type": "f32", "shape": "[?,2]"}, "c": {"type": "boolean", "shape": "[]"}}
    assert found["outputs"] == {"y": {"type": "f32", "shape": "[2]"}}
    assert (found["parameters"], found["weights"]) == (4, 8)
    status, out, err = run("info", str(tmp_path / "m.onnx"), "--graph", str(tmp_path / "g.svg"))
    assert (status, out) == (2, "") and "operator Twiddle of domain 'my'" in err


@pytest.mark.parametrize("name", ["g.svg", "g.html"])
@pytest.mark.parametrize("program", ["dot", "none"])
def test_the_picture_shows_each_operator(
    run: Any, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, program: str
) -> None:
    """Drawn by Graphviz where that is installed, and here where it is not."""
    if program == "none":
        monkeypatch.setenv("PATH", "")
    elif shutil.which("dot") is None:
        pytest.skip("Graphviz is not installed")
    assert run("info", path, "--graph", str(tmp_path / name))[0] == 0
    text = (tmp_path / name).read_text()
    for kind in ("Convolution", "Relu", "MatMul", "Softmax"):
        assert f">{kind}</text>" in text
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", text)
    if name.endswith("svg"):
        root = ElementTree.fromstring(text)
        boxes = [
            (float(box.get("x", 0)), float(box.get("y", 0))) for box in root.iter("{http://www.w3.org/2000/svg}rect")
        ]
        assert program == "dot" or len(boxes) == len(set(boxes)) >= 6


def test_names_of_any_characters_are_drawn(tmp_path: Path) -> None:
    x = ops.parameter([1], np.float32, name="x")
    odd = 'a"b\\n&lt;<\n];}'
    model = ov.Model([ops.relu(x, name=odd)], [x], odd)
    for drawn in filter(None, (graphviz.graphviz_svg(model), drawing.svg(model))):
        titles = ["".join(each.itertext()) for each in ElementTree.fromstring(drawn).iter()]
        found = {each.get("{http://www.w3.org/1999/xlink}title") for each in ElementTree.fromstring(drawn).iter()}
        assert any("&lt;<" in text and 'a"b\\n' in text for text in [*titles, *filter(None, found)])
    quoted = graphviz.dot(model)
    assert quoted.count("digraph") == 1 and 'a\\"b\\\\n&amp;lt;<\\n];}' in quoted


def test_profile_has_a_row_for_each_step(run: Any, path: str, tmp_path: Path) -> None:
    page, trace = tmp_path / "p.html", tmp_path / "t.json"
    found = as_json(run, "profile", path, "--runs", "2", "--html", str(page), "--trace", str(trace))
    steps = found["steps"]
    events = json.loads(trace.read_text())["traceEvents"]
    parts = [event for event in events if event["ph"] == "X"]
    assert {event["args"]["index"] for event in parts} == {step["index"] for step in steps}
    for thread in (event for event in events if event["ph"] == "M"):
        mine = [event for event in parts if event["tid"] == thread["tid"]]
        assert mine and thread["args"]["name"] == ("caller" if thread["tid"] == 0 else f"helper {thread['tid']}")
        assert all(after["ts"] >= before["ts"] + before["dur"] - 1e-6 for before, after in pairwise(mine))
    convolution = next(step for step in steps if step["flops"] and step["shape"] == [1, 16, 8, 8])
    assert convolution["flops"] == 2 * 16 * 27 * 64
    assert convolution["of_peak"] == pytest.approx(convolution["flops"] / convolution["seconds"] / 100e9)
    for buffer in found["buffers"]:
        assert buffer["offset"] >= 0 and buffer["offset"] + buffer["bytes"] <= found["arena"]
    text = page.read_text()
    assert text.startswith("<!doctype html>") and text.count("<svg") == 3 and "<script" not in text
    assert text.count("<tr>") == len(steps) + 1
    status, out, _ = run("profile", path, "--runs", "1")
    assert status == 0 and "100.0 GFLOP/s" in out and "of bandwidth" in out


def test_buffers_that_live_together_lie_apart() -> None:
    compiled = ov.compile_model(image_model(), "CPU")
    found = compiled.profile(np.zeros((1, 3, 8, 8), np.float32), runs=1).buffers
    for index, one in enumerate(found):
        for other in found[:index]:
            if one.first <= other.last and other.first <= one.last:
                assert one.offset + one.bytes <= other.offset or other.offset + other.bytes <= one.offset


def test_compare_tells_how_far_outputs_differ(run: Any, path: str, tmp_path: Path) -> None:
    small = str(tmp_path / "small.xml")
    assert run("convert", path, small, "--weights", "f16")[0] == 0
    found = as_json(run, "compare", path, small, "--runs", "2")
    assert 0 < found["outputs"]["y"]["difference"] < 1e-2 and found["compared"] == [path, small]
    assert set(found["ms"]) == {path, small}
    assert as_json(run, "compare", path, path, "--runs", "1")["outputs"]["y"]["difference"] == 0
    status, out, err = run("compare", path, small, "--runs", "1", "--tolerance", "1e-12")
    assert status == 1 and "difference" in out and "is allowed" in err


@pytest.mark.parametrize("engine", ["openvino"])
def test_compare_with_an_engine(run: Any, path: str, engine: str) -> None:
    pytest.importorskip(engine)
    found = as_json(run, "compare", path, engine, "--runs", "1")
    assert found["outputs"]["y"]["difference"] < 1e-4 and found["compared"] == ["ovlite", engine]


@pytest.mark.parametrize(("weights", "bound"), [("f32", 0), ("f16", 2e-2), ("int8", 0.2)])
def test_convert_writes_weights_as_told(run: Any, path: str, tmp_path: Path, weights: str, bound: float) -> None:
    out = tmp_path / "out.xml"
    found = as_json(run, "convert", path, str(out), "--weights", weights)
    ratio = out.with_suffix(".bin").stat().st_size / Path(path).with_suffix(".bin").stat().st_size
    assert ratio == pytest.approx({"f32": 1, "f16": 0.5, "int8": 0.29}[weights], abs=0.02)
    assert found["bytes"] == out.stat().st_size + out.with_suffix(".bin").stat().st_size
    assert as_json(run, "compare", path, str(out), "--runs", "1")["outputs"]["y"]["difference"] <= bound


def test_weights_of_8_bits_are_within_half_a_step() -> None:
    model, before = image_model(), image_model()
    assert compress_to_int8(model) == 1  # the filters are too few to be worth it
    matmul = next(node for node in model.get_ops() if node.get_type_name() == "MatMul")
    original = next(node for node in before.get_ops() if node.get_type_name() == "MatMul")
    expected = np.asarray(original.input_value(1).get_node().data)
    constant = ov.compile_model(ov.Model([matmul.input_value(1)], [], "weights"), "CPU")([])[0]
    assert (np.abs(constant - expected) <= np.abs(expected).max(0) / 254 * (1 + 1e-5)).all()


def test_cache_lists_and_removes(run: Any, tmp_path: Path) -> None:
    for index, age in enumerate([0, 5, 50]):
        file = tmp_path / f"{index}.blob"
        file.write_bytes(blob.MAGIC.ljust(1024, b"x"))
        os.utime(file, (1, file.stat().st_mtime - age * 86400))
    (tmp_path / "other.txt").write_text("not ours")
    assert [entry["file"] for entry in as_json(run, "cache", str(tmp_path))["kept"]] == ["0.blob", "1.blob", "2.blob"]
    assert [entry["file"] for entry in as_json(run, "cache", str(tmp_path), "--older", "20")["removed"]] == ["2.blob"]
    assert [entry["file"] for entry in as_json(run, "cache", str(tmp_path), "--most", "0.001")["removed"]] == ["1.blob"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0.blob", "other.txt"]
    assert "1 models, 1.0 KiB" in run("cache", str(tmp_path))[1]


def test_bench_reads_files(run: Any, path: str, tmp_path: Path) -> None:
    x = np.random.default_rng(3).standard_normal((1, 3, 8, 8), np.float32)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", x=x)
    expected = ov.compile_model(path, "CPU")(x)["y"]
    for given in ("x=" + str(tmp_path / "x.npy"), str(tmp_path / "x.npy"), str(tmp_path / "x.npz")):
        out = tmp_path / "y.npz"
        as_json(run, "bench", path, "--iterations", "1", "--input", given, "--outputs", str(out))
        with np.load(out) as archive:
            np.testing.assert_array_equal(archive["y"], expected)
    found = as_json(run, path, "--iterations", "1", "--input", str(tmp_path / "x.npy"), "--reference", str(out))
    assert found["reference"] == {"y": 0.0}
    assert found["memory"]["weights"] > 40000 and found["memory"]["peak"] > found["memory"]["arena"] > 0


def test_bench_reads_a_folder_of_images(run: Any, path: str, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    colours = [(255, 0, 0), (0, 255, 0)]
    for index, colour in enumerate(colours):
        image.new("RGB", (20, 10), colour).save(tmp_path / f"{index}.png")
    out = tmp_path / "y.npz"
    found = as_json(run, path, "--iterations", "3", "--input", str(tmp_path), "--outputs", str(out))
    assert found["input_sets"] == 2 and found["iterations"] == 3
    red = np.broadcast_to(np.array(colours[0], np.float32)[:, None, None], (1, 3, 8, 8)).copy()
    with np.load(out) as archive:
        np.testing.assert_array_equal(archive["y"], ov.compile_model(path, "CPU")(red)["y"])


def test_bench_takes_the_options_of_benchmark_app(run: Any, path: str, tmp_path: Path) -> None:
    graph = tmp_path / "executed.xml"
    found = as_json(
        run, path, "--iterations", "4", "--api", "async", "--nireq", "3", "--streams", "2", "--hint", "throughput",
        "--pin", "--graph", str(graph), "--steps", "0",
    )  # fmt: skip
    assert found["hint"] == "throughput" and found["iterations"] == 4 and found["steps"] == []
    layers = ElementTree.parse(graph).getroot().findall("./layers/layer")
    assert any("Convolution" in str(layer.attrib) + ElementTree.tostring(layer, "unicode") for layer in layers)


REFUSED = {
    "info nowhere.onnx": "there is no file",
    "info {path} --graph g.png": ".svg or .html",
    "info {path} --shape z[1]": "'z'",
    "profile {path} --runs 0": "a positive whole number",
    "compare {path}": "required: other",
    "compare {path} nowhere.xml": "expected a model's file or an engine, openvino or onnxruntime, got 'nowhere.xml'",
    "compare {path} {folder}": "there is no file",
    "convert {path} out.onnx": "written to an .xml file",
    "convert {path} {path}": "over itself",
    "convert {path} {folder}/no/out.xml": "there is no folder",
    "cache {folder}/none": "there is no folder",
    "cache {folder} --older -1": "argument --older: expected a number from 0 on, got '-1'",
    "cache {folder} --most inf": "argument --most: expected a number from 0 on, got 'inf'",
    "compare {path} {path} --tolerance nan": "argument --tolerance: expected a number from 0 on",
    "compare {path} {path} --value x=1e99": "--value gives input 'x' 1e+99, which no f32 can be",
    "{path} --input z={array}": "'z'",
    "{path} --input {folder}/none.npy": "there is no file",
    "{path} --input {array}": "shape [2]",
    "{path} --input {folder}/text.txt": "neither",
    "{path} --input {folder}/broken.npy": "can't read",
    "{path} --reference {folder}/none.npz --iterations 1": "can't read",
    "{path} --reference {array} --iterations 1": "holds one array",
    "{path} --reference {folder} --iterations 1": "can't read",
    "{path} --reference {folder}/broken.npy --iterations 1": "can't read",
    "{path} --input {folder}/named.npy": "holds arrays by name",
    "{path} --input {folder}/single.npz": "holds one array",
    "{path} --input {folder}/zip.npz": "can't read",
    "{path} --input {folder}/broken.png": "broken.png",
    "{path} --input {folder}/empty": "holds no .npy, .npz or image files",
    "{path} --input x=": "expected a file",
    "{path} --outputs {folder}": "does not end in .npz",
    "{path} --nireq 2": "--api async",
    "{path} --graph g.dot": "does not end in .xml",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_is_refused(run: Any, path: str, tmp_path: Path, line: str) -> None:
    np.save(tmp_path / "two.npy", np.zeros(2))
    np.savez(tmp_path / "single.npz", x=np.zeros(2))
    (tmp_path / "single.npz").rename(tmp_path / "named.npy")
    (tmp_path / "single.npz").write_bytes((tmp_path / "two.npy").read_bytes())
    (tmp_path / "zip.npz").write_bytes((tmp_path / "named.npy").read_bytes()[:90])
    (tmp_path / "empty").mkdir()
    for name in ("text.txt", "broken.npy", "broken.png"):
        (tmp_path / name).write_text("text")
    values = {"path": path, "folder": str(tmp_path), "array": str(tmp_path / "two.npy")}
    status, out, err = run(*(word.format(**values) for word in line.split()))
    assert (status, out) == (2, "") and REFUSED[line] in err and err.count("\n") == 1


def test_files_that_cant_be_written_are_failures(run: Any, path: str, tmp_path: Path) -> None:
    status, _, err = run("info", path, "--graph", str(tmp_path / "none" / "g.svg"))
    assert status == 1 and "No such file" in err


def test_differences() -> None:
    assert difference(np.array([1.0, np.nan]), np.array([1.0, np.nan])) == 0
    assert difference(np.array([1.0, 2.0]), np.array([1.0, 4.0])) == 0.5
    assert difference(np.array([np.inf]), np.array([1.0])) == np.inf
    assert difference(np.array([np.nan]), np.array([1.0])) == np.inf
    assert difference(np.zeros(2), np.zeros(3)) == np.inf
    assert difference(np.zeros(0), np.zeros(0)) == 0


def test_the_machine_is_measured_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(roofline, "SECONDS", 0.01)
    monkeypatch.setattr(roofline, "BYTES", 1 << 20)
    first = roofline.roofline(1)
    assert first.gflops > 0 and first.gbytes > 0 and roofline.roofline(1) == first == roofline.kept(1)
    assert roofline.kept(2) is None
    (tmp_path / "ovlite" / "machine.json").write_text("{")
    assert roofline.kept(1) is None
    assert first.share(1e9, 0, 0) == (0.0, 0.0)


@pytest.mark.parametrize("value", ["nan", "inf", "-129", "128"])
def test_values_that_no_integer_can_be_are_refused(run: Any, tmp_path: Path, value: str) -> None:
    x = ops.parameter([2], np.int8, name="x")
    x.output(0).set_names({"x"})
    ov.save_model(ov.Model([ops.abs(x)], [x]), tmp_path / "bytes.xml")
    status, _, err = run("profile", str(tmp_path / "bytes.xml"), "--value", f"x={value}")
    assert status == 2 and f"--value gives input 'x' {value}, which no i8 can be" in err


def test_differences_of_long_integers() -> None:
    assert difference(np.array([2**62 + 1]), np.array([2**62])) > 0
