"""What the site has beside the files of docs/: pages made of the repository's own, and the API reference.

mkdocs calls on_files and on_page_markdown (mkdocs.yml, hooks).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
# By the page that is made: the title, and the modules whose public names it documents.
REFERENCE = {
    "runtime": ("Running", ["runtime"]),
    "graph": ("Models", ["graph"]),
    "files": ("Reading and writing files", ["frontend", "convert"]),
    "types": ("Element types and shapes", ["types"]),
    "tracing": ("Compiled functions", ["tracing"]),
}
OUTSIDE = {"../README.md#architecture": "architecture.md", "../CONTRIBUTING.md": "contributing.md"}


def on_files(files: Files, config: Any) -> Files:
    for name, text in made().items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page, with links to what is outside docs/ led to the pages made of that, or else left out."""

    def led(link: re.Match[str]) -> str:
        page = OUTSIDE.get(link[2])
        return f"[{link[1]}]({page})" if page else link[1]

    return re.sub(r"\[([^\]]*)\]\((\.\./[^)]*)\)", led, markdown)


def made() -> dict[str, str]:
    """The pages that are made when the site is, by name."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (architecture,) = re.findall(r"^## (Architecture\n.*?)(?=^## How it is tested)", readme, re.DOTALL | re.MULTILINE)
    pages = {"architecture.md": f"# {architecture}"}
    for name in ("contributing", "changelog"):
        pages[f"{name}.md"] = (ROOT / f"{name.upper()}.md").read_text(encoding="utf-8")
    for name, (title, rooms) in REFERENCE.items():
        pages[f"reference/{name}.md"] = reference(title, public_names(rooms))
    engines = [f"ovlite.integrations.{path.stem}" for path in _modules("integrations")]
    pages["reference/integrations.md"] = reference("Engines", engines)
    kernels = (ROOT / "kernels" / "__init__.pyi").read_text(encoding="utf-8")
    names = [f"ovlite.kernels.{name}" for name in re.findall(r"^def (\w+)", kernels, re.MULTILINE)]
    pages["reference/kernels.md"] = reference("Kernels on arrays", names)
    return pages


def _modules(room: str) -> list[Path]:
    return sorted(path for path in (ROOT / "ovlite" / room).glob("*.py") if path.stem != "__init__")


def public_names(rooms: list[str]) -> list[str]:
    """Where the public names of some rooms are defined, as the front door's stub says."""
    stub = (ROOT / "ovlite" / "__init__.pyi").read_text(encoding="utf-8")
    found = re.findall(r"^from \.(\w[\w.]*) import (\w+) as", stub, re.MULTILINE)
    return [f"ovlite.{module}.{name}" for module, name in found if module.split(".")[0] in rooms]


def reference(title: str, names: list[str]) -> str:
    return "\n\n".join([f"# {title}", *(f"::: {name}" for name in names)]) + "\n"
