"""The table of families, and the factories that are made when they are asked for."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

import pytest

import ovlite
from ovlite import records
from ovlite.ops import FAMILIES, definitions, factories, operators
from ovlite.ops.declare import _BY_NAME, Declared, operators_of

FOLDER = Path(inspect.getfile(import_module("ovlite.ops"))).parent
# Operators that only passes make; no model file names them.
INTERNAL = {"compressed", "fused", "quantized", "quantized_recurrent"}

EACH_FIRST = """
import os
from ovlite.ops import FAMILIES, definitions
for family, names in FAMILIES.items():
    child = os.fork()
    if not child:
        print(*{found.__module__ for found in definitions(names.split()[0])}, flush=True)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, family
"""

WITHIN_AN_IMPORT = """
import builtins
from ovlite.ops import definitions
known, refused = builtins.__import__, []
def interrupted(name, names=None, *rest):
    if names and names["__name__"] == "ovlite.ops.pooling" and not refused:
        try:
            refused.append(None)
            definitions("AvgPool")
        except RuntimeError as error:
            refused.append(str(error))
    return known(name, names, *rest)
builtins.__import__ = interrupted
print(len(definitions("MaxPool")) > 0, len(definitions("AvgPool")) > 0, *refused[1:])
"""


def test_the_table_lists_what_the_files_define() -> None:
    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        if path.stem not in {"__init__", *INTERNAL}:
            types = {operator.type for operator in operators_of(import_module(f"ovlite.ops.{path.stem}"))}
            if types:
                found[path.stem] = types
    assert found == {family: set(names.split()) for family, names in FAMILIES.items()}


def test_a_type_is_in_one_family() -> None:
    names = [name for types in FAMILIES.values() for name in types.split()]
    assert len(names) == len(set(names)) == len({name.lower() for name in names})


def test_every_declared_factory_is_found_by_its_name() -> None:
    for versions in operators().values():
        for operator in versions:
            if issubclass(operator, Declared) and operator.factory:
                for name in (operator.factory, *operator.aliases):
                    assert name in factories(operator.until), name


def test_any_family_can_be_the_first_that_is_imported() -> None:
    """No family counts on names that another has imported: a fork of a fresh process imports each."""
    done = subprocess.run([sys.executable, "-c", EACH_FIRST], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [f"ovlite.ops.{family}" for family in FAMILIES]


def test_definitions_are_ordered_and_there_are_none_of_an_unknown_type() -> None:
    since = [operator.since for operator in definitions("TopK") if issubclass(operator, Declared)]
    assert since == sorted(since)
    assert len(since) > 1
    assert definitions("NoSuchOperator") == ()


@pytest.mark.parametrize("name", ["no_such", "Add", "gelu", "__path__", "a_dd"])
def test_an_opset_has_no_other_names(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'ovlite.opset1' has no attribute '{name}'"):
        getattr(ovlite.opset1, name)
    with pytest.raises(KeyError):
        factories(1)[name]


def test_an_opset_makes_a_function_once_and_lists_all() -> None:
    module = ovlite.opset13
    assert module.add is module.add is factories(13)["add"]
    names = set(factories(13)) | {"constant", "parameter", "result", "tensor_iterator", "loop", "if_op"}
    assert set(module.__all__) == names <= set(dir(module))
    assert len(factories(13)) == len(set(factories(13)))
    starred: dict[str, object] = {}
    exec("from ovlite.opset13 import *", starred)
    assert set(starred) - {"__builtins__"} == names
    assert str(inspect.signature(module.add)) == "(left, right, auto_broadcast='NUMPY', name=None)"


def test_attributes_are_brought_to_the_types_of_their_fields() -> None:
    """What is known of types by how modules spell them is what evaluating them gives, and nothing is left to that."""
    for operator in (version for versions in operators().values() for version in versions):
        if issubclass(operator, Declared) and operator.factory:
            hints = get_type_hints(operator)
            for field in records.fields(operator):
                assert _BY_NAME[str(field.type)] == hints[field.name], (operator, field.name)


def test_an_operator_is_a_frozen_dataclass_of_all_attributes_it_declares() -> None:
    """Classes without attributes of their own inherit the dataclass of their base."""
    for operator in (version for versions in operators().values() for version in versions):
        declared = {
            name
            for base in operator.__mro__
            for name, hint in vars(base).get("__annotations__", {}).items()
            if "ClassVar" not in str(hint)
        }
        assert declared == {field.name for field in fields(operator)}, operator  # type: ignore[arg-type]
        assert operator.__dataclass_params__.frozen, operator  # type: ignore[attr-defined]


def test_a_family_whose_import_a_handler_interrupts_is_not_taken_for_empty() -> None:
    """Neither then nor later; the handler of a signal is played by what the family imports."""
    run = subprocess.run([sys.executable, "-c", WITHIN_AN_IMPORT], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "True True AvgPool can't be looked up within the import of ovlite.ops.pooling"
