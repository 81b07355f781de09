"""The package and typical user code pass `mypy --strict`."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")
ROOT = Path(__file__).parent.parent


def check(folder, *what):
    """What mypy says when it finds fault; the empty string otherwise."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *what]
    cache = folder / "mypy_cache"
    ran = subprocess.run([*command, "--cache-dir", cache], cwd=ROOT, capture_output=True, text=True, timeout=300)
    return ran.stdout + ran.stderr


def test_the_package_and_user_code(tmp_path):
    assert (ROOT / "ovlite" / "py.typed").exists()
    assert check(tmp_path, "ovlite", "tests/typing/user_code.py") == ""


def test_wrong_user_code_is_found(tmp_path):
    (tmp_path / "wrong.py").write_text(
        "import ovlite as ov\n"
        "model: str = ov.Core().read_model('model.onnx')\n"
        "value: int = ov.Core().compile_model('model.onnx').output(0)\n"
    )
    found = check(tmp_path, str(tmp_path / "wrong.py")).splitlines()
    assert [line.split(":")[1] for line in found if "error:" in line] == ["2", "3"]


def test_a_request_without_a_hook_is_found(tmp_path):
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
    found = check(tmp_path, str(tmp_path / "wrong.py")).splitlines()
    assert [line.split(":")[1] for line in found if "error:" in line] == ["5", "8", "9"]
