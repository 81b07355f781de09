"""The package and typical user code pass `mypy --strict`, laid out as an installation has them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the package's sources and stubs where a wheel puts them: kernels/ as ovlite/kernels."""
    folder = tmp_path_factory.mktemp("installed")
    shutil.copytree(ROOT / "ovlite", folder / "ovlite", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "ovlite" / "kernels").mkdir()
    for source in [*(ROOT / "kernels").glob("*.py"), *(ROOT / "kernels").glob("*.pyi")]:
        shutil.copy2(source, folder / "ovlite" / "kernels")
    return folder


def check(folder, *what):
    """What mypy says when it finds fault; the empty string otherwise."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *what]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    return ran.stdout + ran.stderr


def test_the_package_and_user_code(installed):
    shutil.copy(ROOT / "tests" / "typing" / "user_code.py", installed)
    assert (installed / "ovlite" / "py.typed").exists()
    assert check(installed, "-p", "ovlite", "-m", "user_code") == ""


def test_wrong_user_code_is_found(installed):
    (installed / "wrong.py").write_text(
        "import ovlite as ov\n"
        "model: str = ov.Core().read_model('model.onnx')\n"
        "value: int = ov.Core().compile_model('model.onnx').output(0)\n"
    )
    found = check(installed, "wrong.py").splitlines()
    assert [line.split(":")[1] for line in found if "error:" in line] == ["2", "3"]
