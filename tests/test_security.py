"""What SECURITY.md promises: a test stands for each sentence, and quotes its beginning."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")

import onnx
from onnx import TensorProto, helper, numpy_helper

import ovlite as ov
from ovlite.errors import ModelError
from ovlite.frontend.ir import to_bytes
from ovlite.passes.pipeline.folding import fold_constants

ROOT = Path(__file__).parents[1]
F32, I64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
MIB = 1 << 20
X = np.ones((2, 2), np.float32)
PROMISES: dict[str, Callable[..., None]] = {}

Test = Callable[..., None]


def promise(*beginnings: str) -> Callable[[Test], Test]:
    """Says which sentences a test stands for."""

    def note(test: Test) -> Test:
        PROMISES.update(dict.fromkeys(beginnings, test))
        return test

    return note


def sentences() -> list[str]:
    """Those of the promise, bullets for themselves."""
    section = (ROOT / "SECURITY.md").read_text().split("## What is promised")[1].split("## What is not")[0]
    parts = re.split(r"\n\n|\n\* |^\* ", section)
    unwrapped = [" ".join(part.split()).removeprefix("* ") for part in parts]
    return [sentence for part in unwrapped for sentence in re.split(r"(?<=\.) (?=[A-Z`])", part) if sentence]


def test_each_sentence_has_a_test() -> None:
    found = {sentence: [start for start in PROMISES if sentence.startswith(start)] for sentence in sentences()}
    assert not [sentence for sentence, starts in found.items() if len(starts) != 1]
    assert sorted(start for starts in found.values() for start in starts) == sorted(PROMISES)


def value(name: str, shape: Any = None, kind: int = F32) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def constant(name: str, content: Any, dtype: Any = np.int64) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(content, dtype), name)


def model(nodes: list[Any], constants: Any = (), functions: Any = (), inputs: Any = None) -> onnx.ModelProto:
    """A model from f32 x of [2, 2] to y."""
    graph = helper.make_graph(nodes, "g", inputs or [value("x", [2, 2])], [value("y")], list(constants))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=opsets, functions=list(functions), ir_version=9)


def compiled(proto: onnx.ModelProto, **config: Any) -> ov.CompiledModel:
    core = ov.Core()
    return core.compile_model(core.read_model(proto.SerializeToString()), "CPU", config)


def node(kind: str, *inputs: str, to: str = "y", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, inputs, to.split(), **attributes)


FIRST = "A model file is untrusted input"


@promise(FIRST, "read or write memory", "Breaking any", "`tests/test_security.py` has")
def test_damaged_files() -> None:
    """More of them, and of the other kinds, in tests/fuzz."""
    command = [sys.executable, "-m", "tests.fuzz", "onnx", "--cases", "40", "--seed", "security"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=300)


# Reads, compiles and runs each model in a folder, and prints what the process does meanwhile.
WATCHED = """
import os, sys
import numpy as np
import ovlite as ov

def use(path):
    core = ov.Core()
    compiled = core.compile_model(core.read_model(path), "CPU")
    return compiled([np.ones(port.shape, port.element_type.to_dtype()) for port in compiled.inputs])[0]

folder = sys.argv[1]
paths = [os.path.join(folder, name) for name in ("m.onnx", "m.xml")]

def everything():
    for path in paths:
        use(path)
        blob = ov.Core().compile_model(path, "CPU").export_model()
        ov.Core().import_model(blob, "CPU")

everything()  # modules are imported
seen = []
WATCHED = ("open", "socket", "subprocess", "os.", "pickle.", "exec", "ctypes.dlopen", "import")

def hook(event, arguments):
    if event.startswith(WATCHED):
        seen.append((event, arguments))

sys.addaudithook(hook)
everything()
for event, arguments in list(seen):
    if event == "open":
        name, mode, flags = arguments
        inside = isinstance(name, int) or os.path.dirname(os.path.realpath(name)) == os.path.realpath(folder)
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes or not inside and not str(name).startswith(("/proc/", "/sys/")):
            print(event, arguments)
    elif event not in ("os.listdir", "os.scandir"):
        print(event, arguments)
print("opened", sum(event == "open" for event, _ in seen))
"""


def with_weights_outside(folder: Path) -> onnx.ModelProto:
    """x + w, where w lies in w.bin of the folder."""
    folder.mkdir(exist_ok=True)
    (folder / "w.bin").write_bytes(X.tobytes())
    weights = TensorProto(name="w", data_type=F32, dims=[2, 2], data_location=TensorProto.EXTERNAL)
    weights.external_data.add(key="location", value="w.bin")
    return model([node("Add", "x", "w")], [weights])


@promise("read a file other", "run code from", "Reading, compiling and running")
def test_what_a_process_does_with_a_model(tmp_path: Path) -> None:
    proto = with_weights_outside(tmp_path / "m")
    (tmp_path / "m" / "m.onnx").write_bytes(proto.SerializeToString())
    ov.save_model(ov.Core().read_model(tmp_path / "m" / "m.onnx"), tmp_path / "m" / "m.xml")
    command = [sys.executable, "-c", WATCHED, str(tmp_path / "m")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    lines = done.stdout.splitlines()
    assert len(lines) == 1 and int(lines[0].split()[1]) >= 4, done.stdout
    (tmp_path / "w.bin").write_bytes(X.tobytes())
    (tmp_path / "m" / "link.bin").symlink_to(tmp_path / "w.bin")
    for location in ("../w.bin", str(tmp_path / "m" / "w.bin"), "link.bin"):
        proto.graph.initializer[0].external_data[0].value = location
        (tmp_path / "m" / "m.onnx").write_bytes(proto.SerializeToString())
        with pytest.raises(RuntimeError, match="m.onnx.*'w'"):
            ov.Core().read_model(tmp_path / "m" / "m.onnx")


@promise("What is wrong with a file")
def test_errors_name_the_file(tmp_path: Path) -> None:
    document, weights = to_bytes(ov.Core().read_model(model([node("Relu", "x")]).SerializeToString()))
    contents = {"a.onnx": model([node("Relu", "z")]).SerializeToString(), "b.xml": bytes(document)[:-9]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(RuntimeError, match=name):
            ov.Core().read_model(tmp_path / name)


BIG = [2**40, 2**20]
SUM = [node("ReduceSum", "t", to="s", keepdims=0), node("Add", "x", "s")]
DOUBLINGS = [node("Concat", f"k{i}", f"k{i}", to=f"k{i + 1}", axis=0) for i in range(40)]


def loop(trips: int, *, kept: bool = False, inner: Any = None, start: str = "x") -> onnx.ModelProto:
    """y = x doubled `trips` times; kept: z has the values of all iterations. inner: a node in place of the doubling."""
    nodes = [node("Identity", "go", to="goes"), inner or node("Add", "v", "v", to="w")]
    results = [value("goes", [], BOOL), value("w")]
    if kept:
        nodes.append(node("Identity", "v", to="each"))
        results.append(value("each"))
    body = helper.make_graph(nodes, "body", [value("i", [], I64), value("go", [], BOOL), value("v")], results)
    constants = [constant("n", trips), constant("true", True, bool), constant("k", X, np.float32)]
    whole = node("Loop", "n", "true", start, to="l z" if kept else "l", body=body)
    return model([whole, node("Add", "x", "l"), *([node("Add", "y", "z", to="sum")] if kept else [])], constants)


LARGE = {
    "Tile": model([node("Tile", "x", "r")], [constant("r", BIG)]),
    "Broadcast": model([node("Expand", "x", "r")], [constant("r", [2**40, 2, 2])]),
    "Broadcast ": model([node("ConstantOfShape", "r", to="t"), *SUM], [constant("r", BIG)]),
    "Pad": model([node("Pad", "x", "r")], [constant("r", [2**40, 0, 0, 2**40])]),
    "Interpolate": model([node("Resize", "x", "", "r")], [constant("r", [1, 1, 1e12, 1e12], np.float32)],
                    inputs=[value("x", [1, 1, 2, 2])]),
    "Range": model(
        [node("Range", "a", "b", "c")],
        [constant(name, number, np.float32) for name, number in zip("abc", (0, 3e38, 1e-30), strict=True)],
    ),
    "Concat": model([*DOUBLINGS, node("ReduceSum", "k40", to="s", keepdims=0), node("Add", "x", "s")],
                    [constant("k0", X, np.float32)]),
    "Loop": loop(2**62, kept=True),
    "Loop ": loop(2**30, kept=True),
}  # fmt: skip


@promise("A small file", "A tensor, the buffers")
@pytest.mark.parametrize("name", LARGE)
def test_large_tensors_are_refused(name: str) -> None:
    proto = LARGE[name]
    assert len(proto.SerializeToString()) < 4096
    found = compiled(proto, MEMORY_LIMIT=256 * MIB)
    with pytest.raises(RuntimeError, match=rf"{name.strip()} '\w+'.*at most {256 * MIB} bytes .*MEMORY_LIMIT"):
        found({port: np.ones(port.shape, np.float32) for port in found.inputs})


@pytest.mark.parametrize("stride", [65, 10**9])
def test_phases_of_transposed_convolutions_are_bounded(stride: int) -> None:
    """As many as there are remainders by the strides, which takes memory for nothing: the output is a pixel."""
    image, weights = np.full((1, 1, 1, 1), 3, np.float32), np.full((1, 1, 1, 1), 2, np.float32)
    transposed = node("ConvTranspose", "x", "w", strides=[stride, stride])
    proto = model([transposed], [constant("w", weights, np.float32)], inputs=[value("x", [1, 1, 1, 1])])
    assert compiled(proto)(image)[0].tolist() == [[[[6.0]]]]


@promise("So is a tensor of more")
def test_dimensions() -> None:
    with pytest.raises(ModelError, match="Unsqueeze 'y': expected at most 8 dimensions"):
        compiled(model([node("Unsqueeze", "x", "axes")], [constant("axes", range(2, 20))]))
    with pytest.raises(RuntimeError, match="at most 65536 dimensions"):
        ov.PartialShape.dynamic(2**40)


def functions(count: int, calls: int) -> onnx.ModelProto:
    """Functions each of which calls the one before `calls` times."""
    made = []
    for i in range(count):
        kind, domain = (f"F{i - 1}", "own") if i else ("Neg", "")
        body = [helper.make_node(kind, [f"v{j}"], [f"v{j + 1}"], domain=domain) for j in range(calls)]
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
        made.append(helper.make_function("own", f"F{i}", ["v0"], [f"v{calls}"], body, opsets))
    return model([node(f"F{count - 1}", "x", domain="own")], functions=made)


def read(proto: onnx.ModelProto, **limits: int) -> ov.Model:
    core = ov.Core()
    core.set_property(limits)
    return core.read_model(proto.SerializeToString())


@promise("A model of more nodes")
def test_nodes() -> None:
    with pytest.raises(ModelError, match="2147483647 nodes .* NODE_LIMIT allows 250000"):
        read(functions(30, 2))
    proto = functions(6, 2)
    with pytest.raises(ModelError, match="127 nodes .* NODE_LIMIT allows 126"):
        read(proto, NODE_LIMIT=126)
    document, weights = to_bytes(read(proto, NODE_LIMIT=127))
    core = ov.Core()
    core.set_property({"NODE_LIMIT": 10})
    with pytest.raises(ModelError, match="NODE_LIMIT allows 10"):
        core.read_model(bytes(document), bytes(weights))


def branches(depth: int) -> onnx.ModelProto:
    """If in If."""
    inner = helper.make_graph([node("Neg", "x", to="o0")], "b", [], [value("o0")])
    for i in range(1, depth):
        other = helper.make_graph([node("Neg", "x", to=f"p{i}")], "b", [], [value(f"p{i}")])
        choice = node("If", "c", to=f"o{i}", then_branch=inner, else_branch=other)
        inner = helper.make_graph([choice], "b", [], [value(f"o{i}")])
    last = node("If", "c", then_branch=inner, else_branch=other)
    return model([last], inputs=[value("x", [2, 2]), value("c", [], BOOL)])


@promise("So is one whose graphs")
def test_nesting() -> None:
    with pytest.raises(ModelError, match=r"more than 32 deep \(the property NESTING_LIMIT\)"):
        read(functions(40, 1))
    assert read(functions(40, 1), NESTING_LIMIT=40).get_ops()
    with pytest.raises(ModelError, match="more than 3 deep"):
        read(branches(4), NESTING_LIMIT=3)
    document, weights = to_bytes(read(branches(4)))
    core = ov.Core()
    core.set_property({"NESTING_LIMIT": 3})
    with pytest.raises(ModelError, match="more than 3 deep"):
        core.read_model(bytes(document), bytes(weights))


@promise("Reading and compiling carry")
@pytest.mark.parametrize("nested", [False, True])
def test_loops_and_constants_of_models_that_are_compiled(nested: bool) -> None:
    """Loops over constants, which would never end."""
    body = loop(2**62).graph.node[0].attribute[0].g
    inner = helper.make_node("Loop", ["n", "true", "v"], ["w"], body=body) if nested else None
    found = compiled(loop(200 if nested else 2**62, inner=inner, start="k"))
    assert found.outputs
    few = compiled(loop(10, start="k"))
    np.testing.assert_array_equal(few(X)[0], 1 + 2.0**10 * X)
    doubled = read(LARGE["Concat"])
    fold_constants(doubled)
    sizes = [op.data.nbytes for op in doubled.get_ops() if op.get_type_name() == "Constant"]
    assert MIB < sum(sizes) <= 64 * MIB


@promise("Regular expressions are")
def test_regular_expressions() -> None:
    """The syntax, and more patterns on which backtracking takes forever, in tests/ops/test_regular_expression.py."""

    def matching(pattern: str) -> onnx.ModelProto:
        texts = [value("x", [2], TensorProto.STRING)]
        found = model([node("RegexFullMatch", "x", pattern=pattern)], inputs=texts)
        found.opset_import[0].version = 20
        found.graph.output[0].type.tensor_type.elem_type = BOOL
        return found

    texts = np.array(["a" * 3000 + "b", "a" * 3000], object)
    np.testing.assert_array_equal(compiled(matching("(a|aa|a+)+"))(texts)[0], [False, True])
    for pattern, why in (
        (r"(a)\1", "the escape"),
        ("a{1001}", "a repetition of"),
        ("a{1000}" * 11, "10000 instructions"),
    ):
        with pytest.raises(ModelError, match=f"RegexFullMatch node of output 'y': .* is not one of RE2's: .*{why}"):
            compiled(matching(pattern))


ENDLESS = {
    "loop": loop(2**62),
    "loop over constants": loop(2**62, start="k"),
    "loop in loops": loop(2**62, inner=helper.make_node("Loop", ["n", "true", "v"], ["w"],
                                                       body=loop(2**62).graph.node[0].attribute[0].g)),
}  # fmt: skip
LIMIT = 1.0  # seconds of processor time


@promise("Loops of any length")
@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("threads", [1, 2])
def test_long_runs_are_cancelled(name: str, threads: int) -> None:
    """By Ctrl-C, and kernels, too: tests/api/test_interruption.py."""
    request = compiled(ENDLESS[name], INFERENCE_NUM_THREADS=threads).create_infer_request()
    times = []

    def cancel() -> None:
        times.append(time.process_time())
        request.cancel()

    timer = threading.Timer(0.2, cancel)
    timer.start()
    with pytest.raises(RuntimeError, match="cancelled"):
        request.infer(X)
    assert time.process_time() - times[0] < LIMIT
    timer.join()
