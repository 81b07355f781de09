"""Resize in float64, with coordinates that are fractions: nothing is rounded before an element is chosen.

Source: the specification of Resize. Filters are separable. An element beyond an end is the one at the end, unless
exclude_outside leaves it out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from .draw import Array


def resized(a: Any, x: Array, scales: Array | None, sizes: Array | None) -> Array | None:
    axes = [axis % x.ndim for axis in (getattr(a, "axes", None) or range(x.ndim))]
    taken = [x.shape[axis] for axis in axes]
    ratios, targets = _ratios(a, taken, scales, sizes)
    if min(targets) < 1:
        return None
    if getattr(a, "antialias", 0) and a.mode == "nearest":
        return None
    for axis, size, ratio, target in zip(axes, taken, ratios, targets, strict=True):
        if ratio != 1 or target != size:
            matrix = _matrix(a, size, ratio, target)
            x = np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)
    return x


def _ratios(a: Any, taken: Sequence[int], scales: Array | None, sizes: Array | None) -> tuple[list[Any], list[int]]:
    if sizes is None or not sizes.size:
        assert scales is not None
        ratios = [Fraction(float(scale)) for scale in scales]
        return ratios, [math.floor(ratio * size) for ratio, size in zip(ratios, taken, strict=True)]
    targets = [int(size) for size in sizes]
    ratios = [Fraction(target, size) for target, size in zip(targets, taken, strict=True)]
    policy = getattr(a, "keep_aspect_ratio_policy", None) or "stretch"
    if policy != "stretch":
        ratio = min(ratios) if policy == "not_larger" else max(ratios)
        ratios = [ratio] * len(ratios)
        targets = [math.floor(ratio * size + Fraction(1, 2)) for size in taken]
    return ratios, targets


def _place(a: Any, y: int, size: int, ratio: Fraction, target: int) -> Fraction:
    half, mode = Fraction(1, 2), a.coordinate_transformation_mode
    length = ratio * size  # the resized length, which need not be whole
    if mode == "asymmetric":
        return y / ratio
    if mode == "align_corners":
        return Fraction(0) if length == 1 else y * (size - 1) / (length - 1)
    if mode == "pytorch_half_pixel" and length <= 1:
        return Fraction(0)
    if mode == "half_pixel_symmetric":
        return Fraction(size, 2) * (1 - target / length) + (y + half) / ratio - half
    return (y + half) / ratio - half


def _nearest(place: Fraction, mode: str) -> int:
    half = Fraction(1, 2)
    return {
        "round_prefer_floor": lambda: math.ceil(place - half), "round_prefer_ceil": lambda: math.floor(place + half),
        "floor": lambda: math.floor(place), "ceil": lambda: math.ceil(place),
    }[mode]()  # fmt: skip


def _matrix(a: Any, size: int, ratio: Fraction, target: int) -> Array:
    """Weights [target, size] of an axis."""
    found = np.zeros((target, size))
    slope = min(float(ratio), 1.0) if getattr(a, "antialias", 0) else 1.0
    reach = math.ceil((1 if a.mode == "linear" else 2) / slope) + 1
    for y in range(target):
        place = _place(a, y, size, ratio, target)
        if a.mode == "nearest":
            found[y, min(max(_nearest(place, a.nearest_mode), 0), size - 1)] = 1
            continue
        if a.mode == "linear" and not getattr(a, "antialias", 0):
            place = min(max(place, Fraction(0)), Fraction(size - 1))
        first = math.floor(place)
        elements = range(first - reach, first + reach + 2)
        weights = [_filter(a, abs(slope * float(place - i))) for i in elements]
        if a.exclude_outside:
            weights = [w if 0 <= i < size else 0.0 for i, w in zip(elements, weights, strict=True)]
        total = sum(weights)
        for i, weight in zip(elements, weights, strict=True):
            found[y, min(max(i, 0), size - 1)] += weight / total
    return found


def _filter(a: Any, d: float) -> float:
    """A triangle, or Keys' cubic."""
    if a.mode == "linear":
        return max(0.0, 1 - d)
    c = a.cubic_coeff_a
    if d <= 1:
        return float(((c + 2) * d - (c + 3)) * d * d + 1)
    return float(((d - 5) * d + 8) * d * c - 4 * c) if d < 2 else 0.0
