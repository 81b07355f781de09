"""Every node case of the onnx package, read and evaluated."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ovlite.errors import ModelError
from ovlite.frontend.onnx import read_onnx

from .onnx_cases import check, fixed, node_cases, of_tensors

CASES = node_cases()

# Cases whose models are refused, by a pattern of their names, with a part of the error's text.
REFUSED = {
    r"if_opt": "an optional without a value",
    r"scan_sum": "not supported",
}
# Cases that give something else here, by a pattern of their names.
DIFFERENT = {
    r"optional_has_element_empty_optional_input": "an input that is given has a value",
    r"bernoulli": "random numbers",
    r"image_decoder": "onnx.reference needs Pillow for it",
}


def _entry(table: dict[str, str], name: str) -> str | None:
    return next((text for pattern, text in table.items() if re.match(pattern, name)), None)


def refused(name: str) -> str | None:
    """A part of the error that a case's model is refused with, None for one that is read."""
    return _entry(REFUSED, name)


def differs(name: str) -> str | None:
    """Why a case's outputs are not the expected ones, None when they are."""
    return _entry(DIFFERENT, name)


@pytest.mark.parametrize("name", CASES)
def test_node_case(name: str) -> None:
    case: Any = CASES[name]
    refusal, difference = refused(name), differs(name)
    if refusal is not None:
        with pytest.raises(ModelError, match=refusal):
            read_onnx(case.model.SerializeToString())
        return
    if difference is not None:
        pytest.skip(difference)
    check(case, case.model.SerializeToString())


@pytest.mark.parametrize(
    "name", [name for name, case in CASES.items() if len(case.model.graph.input) > 1 and of_tensors(case)]
)
def test_node_case_with_known_inputs(name: str) -> None:
    """What is known when the model is read often decides how an operator is translated."""
    if refused(name) or differs(name):
        pytest.skip("its inputs are not the reason")
    check(CASES[name], fixed(CASES[name]))
