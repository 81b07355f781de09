"""What makers are written with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..cases import Error, Made
from ..draw import Array, Draw

Maker = Callable[[Draw], Made]
EXACT = Error(exact=True)


def node(
    d: Draw, inputs: Sequence[Array | None], outputs: int | Sequence[bool] = 1, *, steering: Sequence[int] = (),
    error: Error | None = None, **attributes: Any,
) -> Made:  # fmt: skip
    """The node that a Draw is for. outputs: how many, or for each whether it is named. Attributes of None, and those
    that the version lacks, are left out."""
    wanted = [True] * outputs if isinstance(outputs, int) else list(outputs)
    known = {name: value for name, value in attributes.items() if value is not None and d.has(name)}
    return Made(d.op_type, d.domain, list(inputs), known, wanted, steering, error or Error())


def sums(terms: float, *factors: Array, ulps: float = 8) -> Error:
    """The error of sums of so many products of these factors' elements."""
    magnitude = 1.0
    for factor in factors:
        magnitude *= largest(factor)
    return Error(ulps, terms, magnitude)


def largest(array: Array) -> float:
    """The largest finite magnitude, at least 1e-30."""
    wide = np.abs(np.asarray(array).astype(np.float64))
    return float(np.max(wide, initial=1e-30, where=np.isfinite(wide)))


def ints(values: Sequence[int] | int, dtype: Any = np.int64) -> Array:
    return np.array(values, dtype)


def table(domain: str, **makers: Maker) -> dict[tuple[str, str], Maker]:
    return {(domain, name): maker for name, maker in makers.items()}


def every(names: str, maker: Maker, domain: str = "") -> dict[tuple[str, str], Maker]:
    """One maker for all operators of a list of names."""
    return {(domain, name): maker for name in names.split()}
