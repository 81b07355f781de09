"""ovlite beside openvino, which runs in a process that it may end, on the cases of test_differential.py.

Where they differ, a formula, onnxruntime or onnx.reference has to be with ovlite. Of 693 cases (three seeds of each
operator, 60 chains) openvino refuses 211 and dies of 4: Slice and Compress to nothing, GatherElements with negative
indices, GatherND of a vector. They agree in 362; in 41 others are with ovlite. Of these openvino's LRN of an even size
sums other channels than ONNX's formula, its DynamicQuantizeMatMul rounds nothing to 8 bits, and its Hardmax passes over
NaN, which numpy and onnx.reference take for the largest element.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("openvino")
pytest.importorskip("onnxruntime")
pytest.importorskip("ml_dtypes")

from .cases import Case
from .generate import chain, operators, single
from .judge import AGREE, EXCEPTED, difference, judge, run_ovlite
from .peers import Refused, peers


def _differs(case: Case) -> str:
    """How the outputs differ from openvino's; "" where they don't, or where it can't be asked."""
    if any(array.dtype.kind not in "biuf" or array.dtype == np.float64 for array in case.inputs.values()):
        return ""  # openvino computes f64 in f32
    try:
        found: list[Any] = run_ovlite(case)
    except Exception:  # any error is a refusal, which test_differential.py judges
        return ""
    try:
        return difference(
            found, peers().run("openvino", case.model().SerializeToString(), case.inputs, case.wanted), case.error
        )
    except Refused:
        return ""


def _check(case: Case) -> None:
    text = _differs(case)
    if text:
        verdict = judge(case)
        assert verdict.kind in (AGREE, EXCEPTED), f"{case.label}: openvino: {text}\n{verdict.text}\n{case.text()}"


@pytest.mark.sweep
@pytest.mark.parametrize(("domain", "name"), [pytest.param(*key, id=".".join(key).strip(".")) for key in operators()])
def test_operator(domain: str, name: str) -> None:
    with np.errstate(all="ignore"):
        for seed in range(3):
            _check(single(domain, name, seed))


@pytest.mark.parametrize(
    "first", [0, pytest.param(10, marks=pytest.mark.sweep), pytest.param(30, marks=pytest.mark.sweep)]
)
def test_chains(first: int) -> None:
    with np.errstate(all="ignore"):
        for seed in range(first, 3 * first if first else 10):
            _check(chain(seed))
    peers().close()
