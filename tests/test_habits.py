"""The habits that are files: workflows, hooks and versions agree, and tests keep to theirs."""

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
TESTS = sorted((ROOT / "tests").rglob("*.py"))


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda path: path.name)
def test_files_for_github_are_yaml(path):
    content = yaml.safe_load(path.read_text())
    assert content["name"]
    for job in content.get("jobs", {}).values():
        assert job["runs-on"] and all("uses" in step or "run" in step for step in job["steps"])
    for field in content.get("body", []):
        assert field["type"] in {"textarea", "input", "dropdown", "markdown"} and field["attributes"]["label"]


def test_workflows_cover_the_versions_that_are_declared():
    text = (ROOT / ".github" / "workflows" / "tests.yml").read_text()
    declared = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
    assert declared and all(f'"{version}"' in text for version in declared)
    built = re.search(r'build = "(.*)"', (ROOT / "pyproject.toml").read_text())
    assert built[1].split() == [f"cp{version.replace('.', '')}-*" for version in declared]


def test_hooks_have_the_versions_of_the_linters():
    versions = dict(line.split("==") for line in (ROOT / ".ci" / "lint.txt").read_text().split())
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"rev: v(.*)", hooks) == [versions["ruff"], versions["cython-lint"]]


def test_files_that_the_walk_throughs_name_are_there():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"`((?:ovlite|kernels|tests|\.ci)/[\w./]*\w/?)`", text))
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []
    names = set(re.findall(r"`(\w+\.(?:pyx?|h))`", text))
    assert [name for name in names if not list(ROOT.glob(f"[okt]*/**/{name}"))] == []


def test_functions_that_the_page_on_sharing_names_are_there():
    text = (ROOT / "docs" / "sharing.md").read_text()
    linked = re.findall(r"\]\(\.\./(kernels/[\w/.]+)\)", text)
    sources = "".join((ROOT / path).read_text() for path in linked)
    named = set(re.findall(r"`(?:\w+\.)?((?:bind|set|infer|view|_convert|copy)\w*)`", text))
    assert len(linked) >= 2 and len(named) > 6
    assert [name for name in named if not re.search(rf"\b{name}\(", sources)] == []


@pytest.mark.parametrize("page", ["sharing", "kernels"])
def test_lines_of_cython_that_pages_show_are_there(page):
    text = (ROOT / "docs" / f"{page}.md").read_text()
    linked = re.findall(r"\]\(\.\./(kernels/[\w/.]+)\)", text)
    sources = "".join((ROOT / path).read_text() for path in linked)
    shown = re.findall(r"```cython\n(.*?)```", text, re.DOTALL)
    assert linked and shown and [code for code in shown if code not in sources] == []


def test_folders_of_tests_are_packages():
    assert [path for path in TESTS if path.parent.name != "typing" and not (path.parent / "__init__.py").exists()] == []


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_tests_hold_no_random_state(path):
    """A generator that a module keeps gives data that depends on which tests ran before."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            called = ast.unparse(node.value.func)
            assert not called.endswith(("default_rng", "RandomState", "Random")), f"line {node.lineno}: {called}"
    assert not re.search(r"\bnp\.random\.(seed|rand|randn|randint|normal|uniform)\(", path.read_text())


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_helpers_are_imported_as_parts_of_their_package(path):
    """By a relative import; a bare name would be found only from one folder."""
    helpers = {other.stem for other in TESTS} | {other.parent.name for other in TESTS}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            first = node.module.split(".")[0]
            assert first not in helpers - {"types", "typing", "tests"}, f"line {node.lineno}: from {node.module}"
