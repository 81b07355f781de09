"""Where a difference or a refusal is right, with the sentence that decides it."""

from __future__ import annotations

import re

import numpy as np

from .cases import Case

# Refusals by a pattern of their text, and why they are right where shapes are not declared: what an operator becomes
# depends on more than the model tells. The text says what to do.
UNDECLARED = {
    r"the rank of .* is not known": "which axes an operator is for depends on a rank that the model leaves open",
    r"filters are of shape .*; their rank must be known": "which dimensions are the kernel's depends on it",
    r"the shapes of theta and size are not known": "the rank of the grid depends on them",
    r"its last dimension has to be known, 1 or 2": "it says whether the signal is complex",
    r"differ in dimension \d+, not the axis": "of unknown ranks it is not known which indices are fewer than the data",
}
# Those that are right whatever is declared.
ALWAYS = {
    r"the bits of .* can't be cast": "small reals are computed as f32, whose bits are others",
    r"this form of Resize needs data whose shape is known": "its weights are made when the model is read",
    r"half_pixel_symmetric of data or sizes that are not known": "the weights are made when the model is read",
    r"with a size that may be 1": "a form of Resize has weights that are made when the model is read",
    r"scales that meet no known shape": "a form of Resize has weights that are made when the model is read",
}
# Operators of which some forms are not supported, and say so; the last two with undeclared shapes.
UNSUPPORTED = (
    "com.microsoft.Attention", "com.microsoft.MultiHeadAttention", "com.microsoft.MatMulNBits", "RotaryEmbedding",
    "CausalConvWithState",
)  # fmt: skip


def reason(case: Case) -> str | None:
    """Why a case may differ from what others give; None for a case that may not."""
    if case.made is None:
        return None
    if case.made.op_type == "Attention" and case.made.attributes.get("is_causal") and case.made.outputs[3]:
        return "what is masked has -inf added, 'a mask of -inf'; onnxruntime adds the least finite number"
    if case.made.op_type == "Attention" and case.made.attributes.get("scale") and _is_double(case):
        return "the scale is f32, whose root the reference rounds to f32; it is not rounded here"
    if case.made.op_type == "QuantizeLinear" and case.made.attributes.get("saturate") == 0:
        return "what is out of range becomes NaN or infinite without saturation; onnxruntime saturates"
    return None


def _is_double(case: Case) -> bool:
    return case.made is not None and any(a is not None and a.dtype == np.float64 for a in case.made.inputs)


def refusal(case: Case, text: str) -> str | None:
    """Why ovlite may refuse a case; None where it may not."""
    name = case.label.split()[0]
    if name in UNSUPPORTED and "this form of the operator is not supported" in text:
        return "a form that the translation does not have"
    allowed = ALWAYS if case.declaration == "static" else ALWAYS | UNDECLARED
    return next((why for pattern, why in allowed.items() if re.search(pattern, text)), None)
