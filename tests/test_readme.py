"""The programs in README.md run as they are written."""

import re
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).parent.parent / "README.md"
onnx = pytest.importorskip("onnx")


def programs() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the model.onnx that the programs read: y = relu(x)."""
    make = onnx.helper.make_tensor_value_info
    shape = [1, 3, 224, 224]
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "relu", [make("x", 1, shape)], [make("y", 1, shape)])
    opsets = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "model.onnx")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_programs_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other, in one namespace, as a reader goes through them."""
    assert len(programs()) >= 3
    shape = (1, 3, 224, 224)
    names = {"x": np.ones(shape, np.float32), "y": np.full(shape, 2, np.float32)}
    for program in programs():
        exec(compile(program, str(README), "exec"), names)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "(1, 3, 224, 224) float32"
    assert [float(line) for line in lines[1:]] == [2e6] * 10


def test_view_that_the_hazard_tells_of_changes(folder: Path) -> None:
    shape = (1, 3, 224, 224)
    names: dict[str, object] = {"x": np.ones(shape, np.float32), "y": np.full(shape, 2, np.float32)}
    for program in programs()[:2]:
        exec(compile(program, str(README), "exec"), names)
    view = names["view"]
    assert isinstance(view, np.ndarray) and (view == 2).all()
