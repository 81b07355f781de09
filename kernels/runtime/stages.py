"""What becomes of integer sums, step by step: the stages of a Requantizer, as few as give the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

Stage = tuple[Any, ...]  # its kind and its operands


def merged_stages(
    scales: npt.ArrayLike, bias: npt.ArrayLike | None, stages: Iterable[Stage], multiplier: float
) -> list[Stage]:
    """The stages of a Requantizer with all that is linear between two of them as one, in float64.

    Gives ("scale", factors, summands) of the sums, then tuples of that form, ("round", low, high), ("add", step) and
    activations; what they give is rounded without a multiplier.
    """
    factors = np.asarray(scales, np.float64)
    found: list[Stage] = [("scale", factors, np.zeros_like(factors) if bias is None else np.asarray(bias, np.float64))]
    for kind, *operands in stages:
        if kind == "round":
            scale, zero, low, high = operands
            _append_linear(found, 1 / scale, 0.0)
            found.append(("round", low - zero, high - zero))
            _append_linear(found, scale, 0.0)
        elif kind == "add":
            step, zero = operands
            _append_linear(found, 1.0, -zero * step)
            found.append(("add", step))
        elif kind == "scale":
            _append_linear(found, *[np.asarray(values, np.float64) for values in operands])
        else:
            found.append((kind, *operands))
    _append_linear(found, multiplier, 0.0)
    return found


def _append_linear(found: list[Stage], factor: Any, summand: Any) -> None:
    """Appends value * factor + summand to merged stages. What a positive number alone is a factor of moves in front of
    a residual and of a clamp."""
    if np.ndim(factor) == 0 and factor == 1 and np.ndim(summand) == 0 and summand == 0:
        return
    kind, *operands = found[-1]
    if kind == "scale":
        found[-1] = "scale", operands[0] * factor, operands[1] * factor + summand
        return
    alone = np.ndim(factor) == 0 and factor > 0 and np.ndim(summand) == 0
    if kind == "add" and alone:
        del found[-1]
        _append_linear(found, factor, summand)
        found.append(("add", operands[0] * factor))
    elif kind == "clamp" and alone:
        del found[-1]
        _append_linear(found, factor, summand)
        found.append(("clamp", *[bound * factor + summand for bound in operands]))
    else:
        found.append(("scale", factor, summand))
