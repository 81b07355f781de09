"""The house rules that a program can check: who imports whom, what nobody uses, how long things are."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from ovlite.kernels.levels import LEVELS

ROOT = Path(__file__).parent.parent
BASE = {"_lazy", "errors", "imports", "records", "types", "version"}
MODEL = BASE | {"graph", "ops"}
# Each room, and the rooms that it may import from besides itself. Lowest first. README.md has the same list.
ROOMS = {
    "imports": set(),
    "_lazy": {"imports"},
    "errors": {"imports"},
    "records": set(),
    "version": {"imports"},
    "types": {"records"},
    "kernels": {"imports"},
    "graph": BASE,
    "ops": BASE | {"graph"},
    "frontend": MODEL,
    "passes": MODEL | {"frontend"},
    "plan": MODEL | {"passes", "kernels"},
    "properties": BASE | {"graph"},
    "runtime": MODEL | {"frontend", "plan", "properties", "kernels"},
    "preprocess": MODEL | {"runtime"},
    "convert": MODEL | {"frontend"},
    "opset": MODEL,
    "op": MODEL,
    "utils": MODEL | {"frontend", "runtime", "kernels"},
    "helpers": BASE,
    "tools": BASE | {"frontend", "convert"},
    "exceptions": {"errors"},
    "layout_helpers": MODEL | {"runtime"},
    "_offline_transformations": MODEL | {"frontend", "passes"},
    "experimental": MODEL | {"runtime"},
    "tracing": MODEL | {"runtime", "opset"},
    "integrations": MODEL | {"frontend", "runtime"},
    "cli": MODEL | {"frontend", "runtime", "kernels", "opset"},
}
# The front door, and what stands before it; they may import from all rooms.
DOORS = {"__init__", "__main__", "as_openvino", "_pyopenvino"}
LIBRARY_ONLY_FOR_COMPARISON = {"openvino", "onnxruntime", "torch"}
# Imports that go upwards or in a circle: none of them is carried out when its module is imported.
UPWARDS = {
    ("ovlite.graph.ports", "ovlite.graph.node"): "a type: an output has a node, and a node has outputs",
    ("ovlite.graph.hooks", "ovlite.graph.constants"): "a type, of a slot's argument",
    ("ovlite.graph.hooks", "ovlite.graph.model"): "a type, of a slot's argument",
    ("ovlite.graph.hooks", "ovlite.graph.node"): "a type, of a slot's argument",
    ("ovlite.graph.hooks", "ovlite.graph.ports"): "a type, of a slot's argument",
    ("ovlite.graph.hooks", "ovlite.runtime.graph_hooks"): "fills the slots when the first of them is asked for",
    ("ovlite.runtime.infer_request", "ovlite.runtime.compiled_model"): "a type, of what get_compiled_model() returns",
    ("ovlite.runtime", "ovlite"): "openvino.runtime has the names of openvino, each imported when it is used",
}
FILE_LINES, FUNCTION_LINES = 600, 60


@cache
def modules():
    """The file, and for a package with lazy names the stub too, of each Python module by its dotted name."""
    found = {}
    for base, name in ((ROOT / "ovlite", "ovlite"), (ROOT / "kernels", "ovlite.kernels")):
        for path in sorted(base.rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            if base.name == "ovlite" and parts[0] == "kernels":
                continue
            stub = path.with_suffix(".pyi")
            dotted = ".".join([name, *(part for part in parts if part != "__init__")])
            found[dotted] = [path, stub] if stub.exists() else [path]
    return found


def room_of(name):
    """The room of a module."""
    parts = name.split(".")
    room = parts[1] if len(parts) > 1 else "__init__"
    return "opset" if re.fullmatch(r"opset\d+", room) else room


@cache
def imports(name):
    """Dotted names of all that a module imports, wherever it stands in it; relative names are resolved."""
    found = []
    for path in modules()[name]:
        package = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                module = ".".join([*base, *([node.module] if node.module else [])])
                found += [module if alias.name == "*" else f"{module}.{alias.name}" for alias in node.names]
    return found


def imported_modules(name):
    """The modules of ovlite that a module imports."""
    for full in imports(name):
        if full in modules():
            yield full
        elif full.rpartition(".")[0] in modules():
            yield full.rpartition(".")[0]


def test_each_file_is_in_a_room():
    assert {room_of(name) for name in modules()} == ROOMS.keys() | DOORS


@pytest.mark.parametrize("name", modules())
def test_imports_run_one_way(name):
    room = room_of(name)
    for full in imports(name):
        first, *rest = full.split(".")
        assert first not in LIBRARY_ONLY_FOR_COMPARISON, f"{full} is for tests and benches only"
        if first != "ovlite" or room in DOORS or (name, full) in UPWARDS:
            continue
        assert rest, f"{name} imports the front door"
        allowed = ROOMS[room] | {room}
        assert room_of(full) in allowed, f"{name} imports {full}; {room} may import from {sorted(allowed)}"


def test_imports_make_no_circle():
    """Those within functions and for types count too."""
    arrows = {name: {to for to in imported_modules(name) if (name, to) not in UPWARDS} - {name} for name in modules()}
    while free := [name for name, targets in arrows.items() if not targets & arrows.keys()]:
        for name in free:
            del arrows[name]
    assert {name: sorted(targets & arrows.keys()) for name, targets in arrows.items()} == {}


def test_what_is_allowed_upwards_is_there():
    assert [pair for pair in UPWARDS if pair[1] not in imported_modules(pair[0])] == []


@pytest.mark.parametrize("path", sorted((ROOT / "kernels").glob("*/*.p[yx][xd]")), ids=lambda path: path.name)
def test_kernel_sources_cimport_no_python_package(path):
    for line in path.read_text().splitlines():
        words = line.split()
        if words[:1] in (["from"], ["import"], ["cimport"]) and words[1].startswith("ovlite"):
            assert words[1].startswith("ovlite.kernels"), f"{path.name}: {line}"


def test_each_header_is_included():
    folder = ROOT / "kernels"
    texts = {path: path.read_text() for kind in ("h", "pyx", "pxd") for path in folder.glob(f"**/*.{kind}")}
    assert {path.parent.name for path in texts} <= {"runtime", "families", "include"}
    for header in folder.glob("**/*.h"):
        others = (text for path, text in texts.items() if path != header)
        used = re.compile(rf'(#include|cdef extern from) "([\w/.]*/)?{header.name}"')
        assert any(used.search(text) for text in others), f"nothing includes {header.relative_to(ROOT)}"


@pytest.mark.parametrize(
    ("source", "stub", "protocols"),
    [
        (["bindings.pyx", "request.pyx"], "request.pyi", {"RequestHooks"}),
        (["compiled.pyx"], "compiled.pyi", {"CompiledHooks"}),
    ],
)
def test_methods_that_compiled_bases_call_are_declared(source, stub, protocols):
    """A method that a Cython class calls on itself and does not have is one of its subclass's, which mypy checks."""
    folder = ROOT / "kernels" / "runtime"
    text = "".join((folder / name).read_text() for name in source)
    called = set(re.findall(r"\bself\.(_\w+)\(", text))
    own = set(re.findall(r"^    (?:cdef [\w ]+ |def )(_\w+)\(", text, re.MULTILINE))
    declared = {
        method.name
        for node in ast.parse((folder / stub).read_text()).body
        if isinstance(node, ast.ClassDef) and node.name in protocols
        for method in node.body
        if isinstance(method, ast.FunctionDef)
    }
    assert called - own == declared


def sources():
    for folder, kinds in (("ovlite", "py pyi"), ("kernels", "py pyi pyx pxd h"), ("tests", "py"), ("bench", "py")):
        for kind in kinds.split():
            for path in (ROOT / folder).rglob(f"*.{kind}"):
                if folder != "ovlite" or "kernels" not in path.parts:
                    yield path


def test_files_and_functions_are_short():
    long = []
    for path in sources():
        text = path.read_text()
        if text.count("\n") > FILE_LINES:
            long.append(str(path.relative_to(ROOT)))
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                assert node.end_lineno is not None
                if node.end_lineno - node.lineno >= FUNCTION_LINES:
                    long.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert long == [], f"more than {FILE_LINES} lines in a file, or {FUNCTION_LINES} in a function"


def test_arrays_of_rank_0_keep_their_rank():
    """np.ascontiguousarray gives a scalar a dimension; np.asarray(array, order="C") does not."""
    found = [str(path.relative_to(ROOT)) for path in (ROOT / "ovlite").rglob("*.py") if "kernels" not in path.parts
             and "np.ascontiguousarray(" in path.read_text()]  # fmt: skip
    assert found == []


def test_the_readme_has_the_rooms_and_the_levels():
    text = (ROOT / "README.md").read_text()
    table = re.search(r"^\| room +\|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert table is not None
    rooms = [room for row in table[1].splitlines() for room in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert rooms == list(ROOMS)
    (levels,) = re.findall(r"\* \*\*Instruction sets:\*\*((?:.+\n)+?)(?=\*|\n)", text)
    known = [level.name for level in LEVELS]
    assert [word for word in re.findall(r"[`=](\w+)`", levels) if word in known] == known
