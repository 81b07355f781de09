"""The house rules that a program can check: who imports whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Each room, and the rooms that it may import from besides itself. Lowest first.
ROOMS = {
    "types": set(),
    "errors": set(),
    "_lazy": set(),
    "kernels": set(),
    "graph": {"types", "errors"},
    "ops": {"types", "errors", "graph"},
    "frontend": {"_lazy", "types", "errors", "graph", "ops"},
    "passes": {"_lazy", "types", "errors", "graph", "ops", "frontend"},
    "plan": {"types", "errors", "graph", "ops", "passes", "kernels"},
}
LIBRARY_ONLY_FOR_COMPARISON = {"openvino", "onnxruntime", "torch"}


def sources():
    return sorted([*(ROOT / "ovlite").rglob("*.py"), *(ROOT / "kernels").rglob("*.py")])


def room_of(path):
    """The room of a source file; None for the API files above the rooms."""
    relative = path.relative_to(ROOT)
    if relative.parts[0] == "kernels":
        return "kernels"
    name = relative.parts[1].removesuffix(".py")
    return name if name in ROOMS else None


def imports(path):
    """Dotted names of all that a file imports, relative ones resolved."""
    package = (
        ("ovlite", *path.relative_to(ROOT / "ovlite").parts[:-1])
        if "kernels" not in path.parts
        else ("ovlite", "kernels")
    )
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    room = room_of(path)
    for name in imports(path):
        first, *rest = name.split(".")
        assert first not in LIBRARY_ONLY_FOR_COMPARISON, f"{name} is for tests and benches only"
        if first != "ovlite" or room is None:
            continue
        assert rest, f"{room} imports the front door"
        allowed = ROOMS[room] | {room}
        assert rest[0] in allowed, f"{room} imports {name}; it may import from {sorted(allowed)}"


def test_only_the_plan_and_the_api_import_kernels():
    for path in sources():
        if room_of(path) in (None, "plan", "kernels"):
            continue
        assert not any(name.startswith("ovlite.kernels") for name in imports(path)), path


def test_kernel_sources_cimport_no_python_package():
    for path in (ROOT / "kernels").glob("*/*.p[yx][xd]"):
        for line in path.read_text().splitlines():
            words = line.split()
            if words[:1] in (["from"], ["import"], ["cimport"]) and words[1].startswith("ovlite"):
                assert words[1].startswith("ovlite.kernels"), f"{path.name}: {line}"
