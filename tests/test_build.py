"""What is built and installed, and what importing it does."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from ovlite import kernels

ROOT = Path(__file__).parent.parent
LIMIT = 10 << 20  # bytes that an installed ovlite may take
SOURCES = {".pyx", ".pxd", ".c", ".h"}

IMPORT = """
import os, sys, threading
import numpy
before, tasks, written = set(sys.modules), len(os.listdir("/proc/self/task")), os.listdir(".")
{statement}
assert os.listdir(".") == written == [], "files were written"
assert threading.active_count() == 1 and len(os.listdir("/proc/self/task")) == tasks, "threads were started"
sys.stderr.write(" ".join(sorted(set(sys.modules) - before)))
"""
COMPILE = """
import ovlite, numpy
from ovlite import opset13 as ops
x = ops.parameter([2, 3], numpy.float32)
compiled = ovlite.compile_model(ovlite.Model([ops.relu(x)], [x], "m"), "CPU", dict(INFERENCE_NUM_THREADS=1))
assert compiled(numpy.full((2, 3), -1, numpy.float32))[0].max() == 0
"""


def modules_of(statement: str, folder: Path) -> set[str]:
    """The modules that a statement loads besides numpy's. It prints and writes nothing, and starts no thread."""
    script = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n" + IMPORT.format(statement=statement)
    command = [sys.executable, "-B", "-W", "error", "-c", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return set(done.stderr.split())


def test_import_does_next_to_nothing(tmp_path: Path) -> None:
    """The public names are loaded when they are first used: importing the package loads none of its modules."""
    loaded = modules_of("import ovlite", tmp_path)
    assert {name for name in loaded if name.startswith("ovlite")} == {"ovlite", "ovlite._lazy", "ovlite.imports"}
    assert not loaded & {"onnx", "google", "importlib.metadata", "asyncio", "multiprocessing", "logging"}


def test_every_public_name_can_be_imported(tmp_path: Path) -> None:
    loaded = modules_of("import ovlite\nfor name in ovlite.__all__: getattr(ovlite, name)", tmp_path)
    assert "onnx" not in loaded, "only reading an ONNX file needs onnx"


def test_inference_needs_numpy_only(tmp_path: Path) -> None:
    loaded = {name.split(".")[0] for name in modules_of(COMPILE, tmp_path)}
    others = loaded - set(sys.stdlib_module_names) - {"ovlite", "numpy", "cython_runtime", "_cyutility"}
    assert {name for name in others if not name.startswith(("_cython_", "__editable__"))} == set()


def test_a_model_loads_the_families_of_its_operators_only(tmp_path: Path) -> None:
    loaded = modules_of(COMPILE, tmp_path)
    assert "ovlite.ops.unary" in loaded, "Relu is there"
    assert not loaded & {
        f"ovlite.ops.{name}" for name in ("recurrent", "resize", "detection", "shape", "logic", "maps")
    }
    assert not loaded & {
        "ovlite.frontend.ir",
        "ovlite.frontend.onnx",
        "importlib.metadata",
        "email",
        "html",
        "json",
        "tempfile",
        "logging",
    }


def extensions() -> list[Path]:
    """The extension modules of this build."""
    return sorted(Path(kernels.__file__).parent.rglob("*.so"))


def test_installed_size() -> None:
    files = [path for folder in ("ovlite", "kernels") for path in (ROOT / folder).rglob("*.py*")]
    scripts = [path for path in files if path.suffix in (".py", ".pyi")]
    total = sum(path.stat().st_size for path in [*extensions(), *scripts])
    largest = sorted((path.stat().st_size, f"{path.parent.name}/{path.name}") for path in extensions())[-6:]
    assert total <= LIMIT, f"{total / 2**20:.1f} MiB; the largest modules: {largest}"


def test_every_folder_of_modules_is_a_package() -> None:
    """A folder without __init__.py would be left out of the wheel."""
    for path in (ROOT / "ovlite").rglob("*.py"):
        if ROOT / "ovlite" / "kernels" not in path.parents:
            assert (path.parent / "__init__.py").exists(), path


def test_modules_for_another_python_are_no_families(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"copy{EXTENSION_SUFFIXES[0]}", "matmul.cpython-30-x86_64-linux-gnu.so", "resize.pyx", "__init__.py"]
    monkeypatch.setattr("os.listdir", lambda _: names)
    assert kernels._built_families.__wrapped__("a level") == {"copy"}


def test_the_lowest_level_holds_every_family() -> None:
    folder = Path(kernels.__file__).parent / "families"
    names = {path.name.split(".")[0] for path in folder.glob("*/*.so")}
    assert {path.stem for path in (ROOT / "kernels" / "families").glob("*.pyx")} == names
    for name in names:
        assert list((folder / "baseline").glob(f"{name}.*.so")), f"the baseline level lacks {name}"


@pytest.mark.sweep
def test_source_distribution_builds_the_wheel(tmp_path: Path) -> None:
    """Built as an index would: a source distribution, and a wheel from that alone, without C or Cython sources."""
    archive = tmp_path / "source.tar"
    subprocess.run(["git", "-C", str(ROOT), "archive", "-o", str(archive), "HEAD"], check=True)
    source = tmp_path / "source"
    with tarfile.open(archive) as files:
        files.extractall(source, filter="data")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "build"], check=True)
    command = [python, "-m", "build", "--outdir", str(tmp_path / "dist"), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,), (sdist,) = (tmp_path / "dist").glob("*.whl"), (tmp_path / "dist").glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as content:
        infos = content.infolist()
    assert sum(info.file_size for info in infos) <= LIMIT
    interpreter = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert f"-{interpreter}-{interpreter}-linux_" in wheel.name
    names = {info.filename for info in infos}
    assert not [name for name in names if Path(name).suffix in SOURCES]
    assert not [name for name in names if not name.startswith(("ovlite/", "ovlite-"))]
    with zipfile.ZipFile(wheel) as content:
        (metadata,) = (content.read(name).decode() for name in names if name.endswith(".dist-info/METADATA"))
    assert "\n# ovlite\n" in metadata and "](" not in metadata, "links into the repository lead nowhere on an index"
    assert "\nDescription-Content-Type: text/markdown\n" in metadata
    modules = {
        path.relative_to(source).as_posix() for kind in ("py", "pyi") for path in (source / "ovlite").rglob(f"*.{kind}")
    }
    assert modules <= names
    assert {"ovlite/py.typed", "ovlite/kernels/__init__.py"} <= names
    with tarfile.open(sdist) as content:
        held = {name.partition("/")[2] for name in content.getnames()}
    assert {
        "setup.py",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "kernels/runtime/step.pxd",
        "kernels/runtime/team.h",
    } <= held
    assert not [name for name in held if name.endswith((".so", ".c", ".pyc"))]
