"""The `ovlite` command: what it prints, what it refuses, how it ends."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ovlite as ov
from ovlite import cli, kernels
from ovlite import opset13 as ops
from ovlite.cli import arguments, inputs, measure, progress
from ovlite.types import PartialShape

onnx = pytest.importorskip("onnx")
QUICK = ["--iterations", "3"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def scaled(folder: Path) -> str:
    """y = relu(x w) * s: f32[?,8] x, f32[] s."""
    make = onnx.helper.make_tensor_value_info
    weights = onnx.numpy_helper.from_array(np.eye(8, dtype=np.float32), "w")
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "w"], ["a"]),
        onnx.helper.make_node("Relu", ["a"], ["b"]),
        onnx.helper.make_node("Mul", ["b", "s"], ["y"]),
    ]
    ports = [make("x", 1, ["n", 8]), make("s", 1, [])], [make("y", 1, ["n", 8])]
    graph = onnx.helper.make_graph(nodes, "scaled", *ports, [weights])
    path = folder / "scaled.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
    return str(path)


@pytest.fixture(scope="session")
def selection(folder: Path) -> str:
    """The indices of the elements of f32[?] x that aren't zero: a plan in stages."""
    make = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("NonZero", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "selection", [make("x", 1, ["n"])], [make("y", 7, [1, "m"])])
    path = folder / "selection.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
    return str(path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command in this process; gives its status, output and error output."""

    def call(*argv: str) -> tuple[int, str, str]:
        status = cli.main(argv)
        return status, *capsys.readouterr()

    before = kernels.level()
    yield call
    kernels.use_level(before)


def facts(text: str) -> dict[str, str]:
    """The lines "name  value" of a report."""
    return dict(line.split("  ", 1) for line in text.split("\n\n")[0].splitlines())


def test_report_names_what_was_measured(run: Any, scaled: str) -> None:
    status, out, err = run(scaled, *QUICK)
    assert (status, err) == (0, "")
    found = {name: text.strip() for name, text in facts(out).items()}
    assert found["inputs"] == "x f32[1,8] for [?,8]; s f32[]"
    assert found["model"] == scaled
    assert found["device"].startswith("CPU, ") and found["device"].endswith(f"{kernels.level()} level")
    assert found["latency"].endswith("s)") and "(sync, 3 inferences in " in found["latency"]
    assert all(f"{name} " in found["latency"] for name in ("min", "median", "p90", "p99", "max"))
    assert found["throughput"].endswith("inferences/s")
    header, *rows = out.split("\n\n")[1].splitlines()
    assert header.split() == ["step", "node", "kernel", "output", "ms", "share", "GFLOP/s"]
    assert len(rows) >= 2


@pytest.mark.parametrize("api", ["sync", "async"])
def test_json_holds_the_same(run: Any, scaled: str, api: str) -> None:
    status, out, _ = run(scaled, *QUICK, "--json", "--api", api, "--shape", "x[5,8]", "--threads", "1")
    found = json.loads(out)
    assert status == 0
    assert found["inputs"]["x"] == {"type": "f32", "shape": [5, 8], "model_shape": "[?,8]"}
    assert (found["api"], found["threads"], found["iterations"]) == (api, 1, 3)
    latency = list(found["latency_ms"].values())
    assert latency == sorted(latency) and latency[0] > 0
    assert found["per_second"] == pytest.approx(3 / found["seconds"])
    times = [step["ms"] for step in found["steps"]]
    assert times == sorted(times, reverse=True)
    assert sum(step["share"] for step in found["steps"]) == pytest.approx(1)
    assert [5, 8] in [step["shape"] for step in found["steps"]]
    assert any(step["gflops"] for step in found["steps"])


def test_table_has_as_many_rows_as_asked_for(run: Any, scaled: str) -> None:
    _, out, _ = run(scaled, *QUICK, "--steps", "1")
    header, first, rest = out.split("\n\n")[1].splitlines()
    assert rest.split()[1] == "others"
    assert "\n\n" not in run(scaled, *QUICK, "--steps", "0")[1]


def test_steps_of_all_stages_are_in_the_table(run: Any, selection: str) -> None:
    status, out, _ = run(selection, *QUICK)
    assert status == 0 and any("numpy" in line for line in out.split("\n\n")[1].splitlines())
    steps = json.loads(run(selection, *QUICK, "--json")[1])["steps"]
    assert "numpy" in [step["kernel"] for step in steps] and all(step["ms"] >= 0 for step in steps)
    assert sum(step["share"] for step in steps) == pytest.approx(1)


def test_seconds_bound_the_measurement(run: Any, scaled: str) -> None:
    found = json.loads(run(scaled, "--seconds", "0.05", "--json")[1])
    assert found["seconds"] >= 0.05 and found["iterations"] > 1


@pytest.mark.parametrize("level", kernels.available_levels())
def test_level_is_the_one_asked_for(run: Any, scaled: str, level: str) -> None:
    assert json.loads(run(scaled, *QUICK, "--json", "--level", level)[1])["level"] == level


def test_information_runs_nothing(run: Any) -> None:
    status, out, _ = run("--info")
    assert status == 0
    assert set(facts(out)) >= {"versions", "processor", "level"}
    found = json.loads(run("--info", "--json")[1])
    assert found["levels_usable"] == list(kernels.available_levels())
    assert found["threads_available"] == min(filter(None, found["thread_limits"].values()))


def test_default_model_runs(run: Any) -> None:
    status, out, _ = run("--iterations", "1", "--shape", "images[1,3,64,64]")
    assert status == 0
    assert facts(out)["model"].strip() == "ResNet-50"


def test_version_and_help_end_well(capsys: pytest.CaptureFixture[str]) -> None:
    for option, word in (("--version", "ovlite "), ("--help", "ResNet-50")):
        with pytest.raises(SystemExit) as ended:
            cli.main([option])
        assert ended.value.code == 0
        assert word in capsys.readouterr().out


REFUSALS = [
    (["missing.onnx"], "there is no file 'missing.onnx'"),
    (["{folder}"], "there is no file"),
    (["{garbage}"], "garbage.onnx"),
    (["--shape", "x[1,2"], "expected a shape"),
    (["--shape", "x[-1,8]"], "expected a shape"),
    (["{scaled}", "--shape", "z[1,8]"], "--shape names 'z', but the model's inputs are x, s"),
    (["{scaled}", "--shape", "[1,8]"], "--shape names ''"),
    (["{scaled}", "--shape", "x[1,9]"], "--shape gives input 'x' the shape [1, 9], but the model takes [?,8]"),
    (["{scaled}", "--shape", "x[8]"], "--shape gives input 'x' the shape [8], but the model takes [?,8]"),
    (["{scaled}", "--shape", "x[4000000000,8]"], "takes more than"),
    (["{scaled}", "--value", "z=1"], "--value names 'z'"),
    (["--value", "sr=fast"], "expected a value"),
    (["--threads", "0"], "argument --threads: expected a positive whole number, got '0'"),
    (["--threads", "two"], "--threads"),
    (["--iterations", "-3"], "--iterations"),
    (["--seconds", "nan"], "--seconds"),
    (["--seconds", "1", "--iterations", "1"], "not allowed with"),
    (["--api", "both"], "--api"),
    (["--precision", "half"], "--precision"),
    (["--level", "mmx"], "got 'mmx'"),
    (["--seed", "x"], "--seed"),
    (["--steps", "-1"], "--steps"),
    (["--nonsense"], "--nonsense"),
    (["{scaled}", "second"], "second"),
]


@pytest.mark.parametrize(("argv", "text"), REFUSALS, ids=[" ".join(argv) for argv, _ in REFUSALS])
def test_bad_input_is_refused_in_one_sentence(run: Any, folder: Path, scaled: str, argv: list[str], text: str) -> None:
    (folder / "garbage.onnx").write_bytes(b"\x08\x07garbage" * 40)
    places = {"{scaled}": scaled, "{folder}": str(folder), "{garbage}": str(folder / "garbage.onnx")}
    status, out, err = run(*[places.get(word, word) for word in argv])
    assert (status, out) == (2, "")
    assert err.startswith("ovlite: ") and err.count("\n") == 1
    assert text in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("precision", "key", "value"),
    [
        ("f32", "INFERENCE_PRECISION_HINT", "f32"),
        ("bf16", "INFERENCE_PRECISION_HINT", "bf16"),
        ("high", "FLOAT32_MATMUL_PRECISION", "high"),
    ],
)
def test_a_precision_is_a_property(run: Any, scaled: str, precision: str, key: str, value: str) -> None:
    asked = arguments.parse([scaled, "--precision", precision])
    assert measure.configuration(asked)[key] == value
    ov.compile_model(scaled, "CPU", measure.configuration(asked))  # which takes it
    status, out, err = run("profile", scaled, "--precision", precision, "--runs", "1", "--json")
    assert (status, err) == (0, "") and json.loads(out)["steps"]


@pytest.mark.parametrize("command", ["bench", "profile", "convert"])
def test_all_operators_that_are_missing_are_named(run: Any, folder: Path, command: str) -> None:
    make = onnx.helper.make_tensor_value_info
    nodes = [onnx.helper.make_node(kind, ["x"], [kind.lower()]) for kind in ("Frobnicate", "Twiddle")]
    graph = onnx.helper.make_graph(nodes, "odd", [make("x", 1, [2])], [make("twiddle", 1, [2])])
    opsets = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), folder / "odd.onnx")
    more = [str(folder / "other.xml")] if command == "convert" else []
    status, out, err = run(command, str(folder / "odd.onnx"), *more)
    assert (status, out) == (2, "")
    for kind in ("Frobnicate", "Twiddle"):
        assert f"operator {kind} of domain 'ai.onnx' version 17, node '{kind.lower()}'" in err
    assert "not supported: operator" in err and "; operator" in err and err.count("\n") == 1


def test_sizes_that_a_model_can_not_run_on_are_refused(run: Any, folder: Path) -> None:
    make = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Add", ["x", "z"], ["y"])
    graph = onnx.helper.make_graph([node], "sum", [make("x", 1, ["n"]), make("z", 1, ["m"])], [make("y", 1, ["k"])])
    onnx.save(onnx.helper.make_model(graph, ir_version=8), folder / "sum.onnx")
    status, _, err = run(str(folder / "sum.onnx"), "--shape", "x[3]", "--shape", "z[4]")
    assert status == 2
    assert "can't run on inputs of shape [3], [4]" in err


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ([], ()),
        ([5], (5,)),
        ([-1], (1,)),
        ([-1, -1], (1, 16)),
        ([-1, 3, -1, -1], (1, 3, 224, 224)),
        ([-1, -1, 48, -1], (1, 3, 48, 224)),
        (["2..4", "20..30", "1..7"], (2, 20, 7)),
    ],
)
def test_dynamic_dimensions_get_lengths_within_their_bounds(shape: list[Any], found: tuple[int, ...]) -> None:
    text = ",".join("?" if dim == -1 else str(dim) for dim in shape)
    assert inputs.default_shape(PartialShape(f"[{text}]")) == found


def test_inputs_depend_on_the_seed_alone(scaled: str) -> None:
    import ovlite

    ports = ovlite.compile_model(scaled).inputs
    first, again, other = (inputs.make_inputs(ports, arguments.Arguments(seed=seed)) for seed in (0, 0, 1))
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a != c).any()
    (_, filled) = inputs.make_inputs(ports, arguments.Arguments(values={"s": 2.5}))
    assert filled == np.float32(2.5) and filled.dtype == np.float32


def test_inputs_without_names_are_called_by_their_position() -> None:
    x, y = (ops.parameter([length], np.float32) for length in (2, 3))
    model = ov.Model([ops.concat([x, y], 0)], [x, y], "nameless")
    ports = ov.compile_model(model, "CPU").inputs
    for port in ports:
        port.get_tensor().set_names(set())
    assert inputs.port_names(ports) == ["0", "1"]
    first, filled = inputs.make_inputs(ports, arguments.Arguments(values={"1": 2.5}))
    assert (filled == 2.5).all() and not (first == 2.5).any()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_drawn_on_terminals_only() -> None:
    file, terminal = io.StringIO(), Terminal()
    for stream in (file, terminal):
        bar = progress.Progress(stream)
        bar.show(0.5)
        bar.clear()
    assert file.getvalue() == ""
    drawn, cleared = terminal.getvalue().split("]")
    assert drawn.count("#") == drawn.count(".") == progress.WIDTH // 2
    assert cleared.endswith("\r")


def test_progress_shows_on_a_terminal_of_its_own(scaled: str) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "ovlite", scaled, "--seconds", "0.3"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=follower, check=False)
    os.close(follower)
    shown = os.read(leader, 1 << 16)
    os.close(leader)
    assert done.returncode == 0
    assert b"[####" in shown
    assert b"####" not in done.stdout


def test_interrupt_ends_quietly(scaled: str) -> None:
    script = """if True:
        import sys
        from ovlite.cli import main, measure, report
        print(1, flush=True)
        sys.exit(main(sys.argv[1:]))
    """
    command = [sys.executable, "-c", script, scaled, "--seconds", "600"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"1\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out, err) == (b"", b"")


def test_reader_that_goes_away_is_no_error(scaled: str) -> None:
    command = f"{sys.executable} -m ovlite --info | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    assert done.stderr == b""
