"""The programs and commands of docs/ run as they are written, each page on its own."""

import re
import shlex
from pathlib import Path

import pytest

from ovlite import cli, kernels
from ovlite.runtime import roofline
from ovlite.runtime.config import processor_name
from ovlite.runtime.threads import thread_budget

onnx = pytest.importorskip("onnx")
DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, text) of each block of a page that can be run."""
    return re.findall(r"^```(python|sh)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the model.onnx that the pages read, y = relu(x) of any number of rows; the machine is known."""
    make = onnx.helper.make_tensor_value_info
    shape = ["n", 3, 224, 224]
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "relu", [make("x", 1, shape)], [make("y", 1, shape)])
    opsets = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "model.onnx")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    roofline._keep(roofline.Roofline(processor_name(), kernels.level(), thread_budget(), 100.0, 10.0))
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.stem)
def test_programs_and_commands(page: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other, as a reader goes through them."""
    names: dict[str, object] = {"__name__": "page"}
    for language, text in blocks(page):
        if language == "python":
            exec(compile(text, str(page), "exec"), names)
            continue
        for line in text.splitlines():
            program, *argv = shlex.split(line)
            assert program == "ovlite" and cli.main(argv) == 0, f"{line}: {capsys.readouterr().err}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_are_of_languages_that_are_tested(page: Path) -> None:
    """Those of Cython are lines of the sources: test_habits.py."""
    found = re.findall(r"^```(\w*)\n.*?^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    assert set(found) <= ({"python", "sh", "cython"} if page.stem in ("sharing", "kernels") else {"python", "sh"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target
