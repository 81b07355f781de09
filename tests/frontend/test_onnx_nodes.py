"""Every node case of the onnx package, read and evaluated."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ovlite.errors import ModelError
from ovlite.frontend.onnx import read_onnx
from ovlite.graph import Model

from .onnx_cases import check, fixed, node_cases, of_tensors, without_onnx

CASES = node_cases()

# Cases that give something else here, by a pattern of their names.
DIFFERENT = {
    r"bernoulli": "random numbers",
    r"image_decoder": "onnx.reference needs Pillow for it",
}
# Operators that are read with the onnx package alone, all forms of them or some, with what it has for them.
BY_ONNX = {
    **dict.fromkeys(
        ["BatchNormalization", "BitCast", "Cast", "Col2Im", "CumProd", "DFT", "Det", "Dropout", "GridSample",
         "ImageDecoder", "MelWeightMatrix", "Pad", "RandomUniformLike", "Resize", "RoiAlign", "TensorScatter"],
        "a reference",
    ),
    **dict.fromkeys(
        ["Bernoulli", "CausalConvWithState", "FlexAttention", "LinearAttention"],
        "a function body",
    ),
}  # fmt: skip


def differs(name: str) -> str | None:
    """Why a case's outputs are not the expected ones, None when they are."""
    return next((text for pattern, text in DIFFERENT.items() if re.match(pattern, name)), None)


@pytest.mark.parametrize("name", CASES)
def test_node_case(name: str) -> None:
    case: Any = CASES[name]
    difference = differs(name)
    if difference is not None:
        pytest.skip(difference)
    content = case.model.SerializeToString()
    found = alone(content)
    check(case, content if isinstance(found, str) else found)


def alone(content: bytes) -> Model | str:
    """What is read where there is no onnx package; for a model that needs it, an operator that is why."""
    try:
        with without_onnx():
            return read_onnx(content)
    except ModelError as error:
        assert "pip install 'ovlite[onnx]'" in str(error), error
        named = re.search(r"operator (\w+) of domain|(?:^|[ .])(\w+) node ", str(error))
        assert named is not None, error
        return named[1] or named[2]


def test_what_needs_the_onnx_package() -> None:
    contents = (case.model.SerializeToString() for case in CASES.values())
    assert {found for found in map(alone, contents) if isinstance(found, str)} == BY_ONNX.keys()


@pytest.mark.parametrize(
    "name", [name for name, case in CASES.items() if len(case.model.graph.input) > 1 and of_tensors(case)]
)
def test_node_case_with_known_inputs(name: str) -> None:
    """What is known when the model is read often decides how an operator is translated."""
    if differs(name):
        pytest.skip("its inputs are not the reason")
    check(CASES[name], fixed(CASES[name]))
