"""The package and typical user code pass `mypy --strict`."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    """check(*files): what mypy says when it finds fault; the empty string otherwise. What it knows of numpy is kept."""
    options = ["--strict", "--no-error-summary", "--cache-dir", str(tmp_path_factory.mktemp("mypy_cache"))]

    def check(*what):
        command = [sys.executable, "-m", "mypy", *options, *what]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
        return ran.stdout + ran.stderr

    return check


def test_the_package_and_user_code(check):
    assert (ROOT / "ovlite" / "py.typed").exists()
    assert check("ovlite", "tests/typing/user_code.py") == ""


def test_wrong_user_code_is_found(check, tmp_path):
    (tmp_path / "wrong.py").write_text(
        "import ovlite as ov\n"
        "model: str = ov.Core().read_model('model.onnx')\n"
        "value: int = ov.Core().compile_model('model.onnx').output(0)\n"
    )
    found = check(str(tmp_path / "wrong.py")).splitlines()
    assert [line.split(":")[1] for line in found if "error:" in line] == ["2", "3"]


def test_a_request_without_a_hook_is_found(check, tmp_path):
    """The compiled base classes call methods of their subclasses; the stubs say which."""
    (tmp_path / "wrong.py").write_text(
        "from typing import Any\n"
        "from ovlite.kernels.runtime.request import Request\n"
        "from ovlite.kernels.runtime.compiled import Compiled\n"
        "class Lacking(Request):\n"
        "    def _bind_container(self, inputs: Any) -> None: ...\n"
        "class Model(Compiled): ...\n"
        "def make(*parts: Any) -> None:\n"
        "    Lacking(*parts)\n"
        "    Model()\n"
    )
    found = check(str(tmp_path / "wrong.py")).splitlines()
    assert [line.split(":")[1] for line in found if "error:" in line] == ["5", "8", "9"]
