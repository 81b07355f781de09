"""ovlite beside openvino, which runs in a process that it may end, on the cases of test_differential.py.

Where they differ, a formula, onnxruntime or onnx.reference has to be with ovlite. Of 693 cases (three seeds of each
operator, 60 chains) 70 are not asked; openvino refuses 209 and dies of 4: Slice and Compress to nothing, GatherElements
with negative indices, GatherND of a vector. ovlite refuses 10, of which 9 declare no ranks. They agree in 361. In 39
others are with ovlite, and openvino

* computes wide integers in narrower or signed ones (Add, Mul, BitwiseOr, Unsqueeze, ArgMin), f64 in f32, bf16 in f16,
  and holds a BitShift at the type's limit;
* gives other shapes for scalars (Expand), empty ranges and indices that are fewer than the data (GatherElements);
* passes over NaN (ReduceMax, Hardmax), and takes the largest of equal elements in another order;
* takes an LRN of an even size over other channels, and neither LSTM's input_forget nor FusedGemm's activation;
* rounds Erf, Shrink, ReduceLogSum, MatMulNBits and quantised operators of com.microsoft otherwise, or nothing at all
  (DynamicQuantizeMatMul), and wraps what quantised operators give beyond the limits of their type.
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
