"""Runs a case on ovlite and on others, compares, and votes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

import ovlite

from .cases import Case, Error
from .draw import Array, is_real
from .exceptions import reason, refusal
from .formulas import expected_by_formula
from .makers import makers
from .peers import Refused, peers

AGREE, EXCEPTED, DIFFERENT, REFUSED, UNJUDGED = "agree", "excepted", "different", "refused", "unjudged"


@dataclass(frozen=True)
class Verdict:
    """kind: one of the above; text: what was found, and what others say."""

    kind: str
    text: str = ""

    @property
    def fails(self) -> bool:
        return self.kind in (DIFFERENT, REFUSED)


# Operators of whose attributes onnx.reference ignores some, or does wrongly.
UNRELIABLE = {
    "LSTM",
    "GRU",
    "RNN",
    "Unique",
    *(f"ai.onnx.ml.{name}" for domain, name in makers() if domain == "ai.onnx.ml"),
}


def judge(case: Case) -> Verdict:
    """ovlite is right where it equals the formula, or where there is none the first of onnxruntime and onnx.reference
    that carries the model out."""
    excuse = reason(case)
    try:
        found = run_ovlite(case)
    except Exception as error:  # any error is a refusal, and told
        return _refused(case, f"{type(error).__name__}: {error}", excuse)
    answers: dict[str, str] = {}
    for name, expected in _expectations(case):
        answers[name] = "refuses: " + expected if isinstance(expected, str) else difference(found, expected, case.error)
        if not answers[name]:
            return Verdict(AGREE, name)
        if name == "formula":
            break
    if all(answer.startswith("refuses") for answer in answers.values()):
        return Verdict(UNJUDGED, _told(answers))
    return Verdict(EXCEPTED if excuse else DIFFERENT, excuse or _told(answers))


def _told(answers: dict[str, str]) -> str:
    return "\n".join(f"  {name}: {answer}" for name, answer in answers.items())


def _expectations(case: Case) -> Iterator[tuple[str, Sequence[Array] | str]]:
    formula = expected_by_formula(case)
    if formula is not None:
        yield "formula", formula
        return
    content = case.model().SerializeToString()
    for peer in _trusted(case):
        try:
            found: Sequence[Array] | str = peers().run(peer, content, case.inputs, case.wanted)
        except Refused as error:
            found = str(error)
        yield peer, found
        if not isinstance(found, str):
            return


def _trusted(case: Case) -> tuple[str, ...]:
    """The peers to ask, the first one that answers counts."""
    name = case.label.split()[0]
    if name == "Attention" and case.made is not None and any(x.dtype == np.float64 for x in case.inputs.values()):
        return ("reference",)  # onnxruntime rounds the scale of scores to f32
    return ("onnxruntime",) if name in UNRELIABLE else ("onnxruntime", "reference")


def _refused(case: Case, text: str, excuse: str | None) -> Verdict:
    allowed = refusal(case, text)
    if allowed or excuse:
        return Verdict(EXCEPTED, allowed or excuse or "")
    for name, expected in _expectations(case):
        if not isinstance(expected, str):
            return Verdict(REFUSED, f"  ovlite: {text}\n  {name} gives {summary(expected)}")
    return Verdict(UNJUDGED, text)


def run_ovlite(case: Case) -> list[Array]:
    """What the compiled model gives, in the order of the outputs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ovlite.Core().read_model(case.model().SerializeToString())
        if case.declaration == "rank":  # ranks are told late: the model is translated without them
            model.reshape({name: [-1] * array.ndim for name, array in case.inputs.items()})
        compiled = ovlite.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1})
        request = compiled.create_infer_request()
        request.infer(case.inputs)
    return [_array(request.get_output_tensor(i)) for i in range(len(model.outputs))]


# ml_dtypes' dtype by ovlite's name of an element type that numpy lacks.
LACKING = {
    "bf16": ml_dtypes.bfloat16, "f8e4m3": ml_dtypes.float8_e4m3fn, "f8e5m2": ml_dtypes.float8_e5m2,
    "i4": ml_dtypes.int4, "u4": ml_dtypes.uint4, "f4e2m1": ml_dtypes.float4_e2m1fn,
}  # fmt: skip


def _array(tensor: Any) -> Array:
    lacking = LACKING.get(tensor.element_type.name)
    return np.array(tensor) if lacking is None else np.asarray(tensor, np.float32).astype(lacking)


def evaluated(case: Case) -> list[Array] | None:
    """The outputs by onnxruntime, or onnx.reference; None where neither gives any."""
    content = case.model().SerializeToString()
    for peer in ("onnxruntime", "reference"):
        try:
            return [np.asarray(value) for value in peers().run(peer, content, case.inputs, case.wanted)]
        except Refused:
            continue
    return None


def difference(found: Sequence[Array], expected: Sequence[Array], error: Error) -> str:
    """What differs between two lists of outputs; "" where nothing does."""
    if len(found) != len(expected):
        return f"{len(found)} outputs, not {len(expected)}"
    for i, (mine, other) in enumerate(zip(found, map(np.asarray, expected), strict=True)):
        text = _difference(mine, other, error)
        if text:
            return f"output {i}: {text}"
    return ""


def _difference(mine: Array, other: Array, error: Error) -> str:
    if mine.shape != other.shape:
        return f"shape {list(mine.shape)}, not {list(other.shape)}"
    if other.dtype == np.uint8 and mine.dtype.itemsize == 1 and is_real(mine.dtype):
        other = other.view(mine.dtype)  # as onnxruntime shows 8-bit floats
    if mine.dtype != other.dtype and other.dtype.kind not in "OUS":
        return f"{mine.dtype}, not {other.dtype}"
    if other.dtype.kind in "OUS":
        return "" if mine.astype(str).tolist() == other.astype(str).tolist() else "strings differ"
    if not is_real(other.dtype):
        wrong = mine != other
        if error.ulps and not error.exact and other.dtype.kind in "iu" and error.terms < 0:
            wrong = np.abs(mine.astype(np.int64) - other.astype(np.int64)) > 1
        return _shown(mine, other, np.asarray(wrong))
    a, b = mine.astype(np.float64), other.astype(np.float64)
    eps = float(ml_dtypes.finfo(other.dtype).eps)
    tiny = float(ml_dtypes.finfo(other.dtype).smallest_normal)
    allowed = 0.0 if error.exact else eps * (error.ulps * np.abs(b) + error.terms * error.magnitude) + tiny
    with np.errstate(all="ignore"):
        wrong = ~((np.abs(a - b) <= allowed) | (a == b) | (np.isnan(a) & np.isnan(b)))
    return _shown(mine, other, wrong)


def _shown(mine: Array, other: Array, wrong: Array) -> str:
    if not wrong.any():
        return ""
    places = np.argwhere(wrong)[:4]
    parts = [f"{place.tolist()}: {mine[tuple(place)]!s} for {other[tuple(place)]!s}" for place in places]
    return f"{int(wrong.sum())} of {wrong.size} elements of {mine.dtype}{list(mine.shape)}, " + ", ".join(parts)


def summary(arrays: Sequence[Array]) -> str:
    return ", ".join(f"{np.asarray(array).dtype}{list(np.asarray(array).shape)}" for array in arrays)
