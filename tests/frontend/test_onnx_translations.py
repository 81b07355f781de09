"""The table of translations, and that a family is imported when one of its operators is first asked for."""

import subprocess
import sys
from importlib import import_module

import pytest

from ovlite.frontend.onnx.translations import FAMILIES, TRANSLATIONS

TABLE = [(domain, family, names.split()) for domain, families in FAMILIES.items() for family, names in families.items()]
ALONE = """
import sys
from ovlite.frontend.onnx.translations import TRANSLATIONS
assert ("", "Relu") in TRANSLATIONS and ("", "Lerp") not in TRANSLATIONS
TRANSLATIONS["", "Relu"]
package = "ovlite.frontend.onnx.translations."
print(sorted(name.removeprefix(package) for name in sys.modules if name.startswith(package)))
"""


@pytest.mark.parametrize("domain, family, names", TABLE)
def test_the_table_lists_what_a_family_translates(domain, family, names):
    operators = import_module(f"ovlite.frontend.onnx.translations.{family}").OPERATORS
    assert sorted(operators) == sorted(names)
    assert all(TRANSLATIONS[domain, name] is operators[name] for name in names)


def test_no_operator_is_in_two_families():
    listed = [(domain, name) for domain, _, names in TABLE for name in names]
    assert sorted(listed) == sorted(TRANSLATIONS)


def test_an_operator_that_is_not_translated():
    assert TRANSLATIONS.get(("", "Lerp")) is None
    with pytest.raises(KeyError):
        TRANSLATIONS["", "Lerp"]


def test_one_operator_imports_one_family():
    found = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True, timeout=60)
    assert "elementwise" in found.stdout and "shape" not in found.stdout and "ml" not in found.stdout
