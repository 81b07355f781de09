"""The documentation builds as a site without a warning, and its reference has every public name."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
REASON = "the site needs the extra docs: pip install -e '.[docs]'"
for package in ("mkdocs", "material", "mkdocstrings_handlers.python"):
    pytest.importorskip(package, reason=REASON)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_reference_has_every_public_name(site):
    stub = (ROOT / "ovlite" / "__init__.pyi").read_text()
    names = {f"ovlite.{home}.{name}" for home, name in re.findall(r"^from \.(\S+) import (\w+)", stub, re.MULTILINE)}
    texts = "".join(page.read_text() for page in (site / "reference").glob("*.html"))
    missing = {name for name in names if f'id="{name}"' not in texts}
    assert {name.removeprefix("ovlite.").split(".")[0] for name in missing} == {"version"}


def test_docstrings_of_compiled_classes_are_there(site):
    text = (site / "reference" / "runtime.html").read_text()
    for name in ("CompiledModel.__call__", "InferRequest.infer", "InferRequest.start_async"):
        (found,) = re.findall(rf'id="[\w.]*\.{name}".*?<div class="doc doc-contents ">(.*?)</div>', text, re.DOTALL)
        assert re.search("<code>[^<]*share_inputs</code>", found), name


def test_nothing_is_loaded_from_elsewhere(site):
    for page in site.rglob("*.html"):
        text = page.read_text()
        loaded = re.findall(r'<(?:script|img|iframe)[^>]* src="([^"]*)"', text)
        loaded += re.findall(r'<link[^>]* rel="(?:stylesheet|preconnect)"[^>]* href="([^"]*)"', text)
        assert [address for address in loaded if "://" in address] == [], page.name
