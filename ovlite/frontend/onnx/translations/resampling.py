"""Resize in the forms that no Interpolate has, for tensors of known shape: a product with a matrix for each axis.

Source: the specification of Resize. Filters are separable; an element outside the data is the nearest
one inside, or left out (exclude_outside), which makes the others' weights sum to 1 again.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ....errors import ModelError
from ....graph import Constant, Output
from ....records import dataclass
from ....types import Type
from ..build import one, ops, positive, rank, static_dims, transposed, typed
from ..call import Call, Translated, known

Floats = npt.NDArray[np.float64]
MODES = {"linear": 1, "cubic": 2}  # radius of the filter
MOST_WEIGHTS = 1 << 26  # of an axis, and outputs for which a mask says what lies outside


class Resizing(NamedTuple):
    """An axis of `size` elements that gets `target`, by numerator / denominator: two sizes, or a scale over 1.

    start, end: the part that is taken, as fractions of the axis.
    """

    axis: int
    size: int
    target: int
    numerator: float
    denominator: int
    start: float = 0.0
    end: float = 1.0

    @property
    def scale(self) -> float:
        return self.numerator / self.denominator

    @property
    def length(self) -> float:
        """The resized length before it is cut to a whole number."""
        return self.size * self.numerator / self.denominator


@dataclass(frozen=True)
class Sampling:
    """The attributes of Resize that decide about weights."""

    mode: str
    coordinates: str
    rounding: str
    coefficient: float
    antialias: bool
    exclude_outside: bool

    def places(self, to: Resizing) -> Floats:
        """Coordinates of the output elements among the input elements."""
        y = np.arange(to.target, dtype=np.float64)
        length = to.length
        if self.coordinates == "align_corners":
            return y * (to.size - 1) / (length - 1) if length != 1 else y * 0
        if self.coordinates == "asymmetric":
            return y * to.denominator / to.numerator
        if self.coordinates == "tf_crop_and_resize":
            part = (to.end - to.start) * (to.size - 1)
            return to.start * (to.size - 1) + (y * part / (length - 1) if length != 1 else y * 0 + part / 2)
        if self.coordinates == "pytorch_half_pixel" and length <= 1:
            return y * 0
        if self.coordinates == "half_pixel_symmetric":
            return ((2 * y + 1 - to.target) * to.denominator / to.numerator + to.size - 1) / 2
        return (y + 0.5) * to.denominator / to.numerator - 0.5

    def weights(self, to: Resizing) -> Floats:
        """The matrix [target, size] of an axis."""
        if to.target * to.size > MOST_WEIGHTS:
            raise ModelError(
                f"resizing {to.size} elements to {to.target} in this form is a product with "
                f"{to.target * to.size} weights, of which there may be {MOST_WEIGHTS}: resize in smaller steps"
            )
        x = self.places(to)
        if self.mode == "nearest":
            return np.eye(to.size)[np.clip(_nearest(x, self.rounding), 0, to.size - 1)]
        slope = min(to.scale, 1.0) if self.antialias else 1.0
        margin = math.ceil(MODES[self.mode] / slope) + 1
        elements = np.arange(-margin, to.size + margin)
        spread = self._filter(np.abs(slope * (elements - np.clip(x, -1, to.size)[:, np.newaxis])))
        inside = (elements >= 0) & (elements < to.size)
        if self.exclude_outside:
            spread = spread * inside
        total = spread.sum(1, keepdims=True)
        spread = spread / np.where(total == 0, 1, total)
        matrix = spread[:, inside]
        matrix[:, 0] += spread[:, elements < 0].sum(1)
        matrix[:, -1] += spread[:, elements >= to.size].sum(1)
        return matrix

    def _filter(self, d: Floats) -> Floats:
        """The filter at non-negative distances: a triangle, or Keys' cubic."""
        if self.mode == "linear":
            return np.maximum(0.0, 1 - d)
        a = self.coefficient
        far = ((d - 5) * d + 8) * d * a - 4 * a
        return np.where(d <= 1, ((a + 2) * d - (a + 3)) * d * d + 1, np.where(d < 2, far, 0.0))


def _nearest(x: Floats, rounding: str) -> npt.NDArray[np.int64]:
    found = {
        "round_prefer_floor": lambda: np.ceil(x - 0.5), "round_prefer_ceil": lambda: np.floor(x + 0.5),
        "floor": lambda: np.floor(x), "ceil": lambda: np.ceil(x),
    }[rounding]()  # fmt: skip
    return found.astype(np.int64)


def resampled(call: Call) -> Translated:
    """Any form of Resize from version 11 on; None when the data's shape or the target is not known."""
    data = call.input(0)
    resizings = _resizings(call)
    if resizings is None or not data.element_type.real or call.text("mode", "nearest") not in ("nearest", *MODES):
        return None
    sampling = Sampling(
        call.text("mode", "nearest"),
        call.text("coordinate_transformation_mode", "half_pixel"),
        call.text("nearest_mode", "round_prefer_floor"),
        call.decimal("cubic_coeff_a", -0.75),
        call.flag("antialias"),
        call.flag("exclude_outside"),
    )
    value = data
    for resizing in resizings:
        value = _along(value, resizing.axis, typed(sampling.weights(resizing), data))
    if sampling.coordinates != "tf_crop_and_resize":
        return value
    outside = _outside(sampling, resizings, rank(data))
    return ops.select(outside, typed(call.decimal("extrapolation_value", 0.0), data), value)


def _along(value: Output, axis: int, matrix: Output) -> Output:
    """The product of a matrix and each vector along an axis."""
    count = rank(value)
    if axis == count - 1:
        return one(ops.matmul(value, matrix, False, True))
    if axis == count - 2:
        return one(ops.matmul(matrix, value, False, False))
    order = [i for i in range(count) if i != axis] + [axis]
    back = sorted(range(count), key=order.__getitem__)
    return transposed(one(ops.matmul(transposed(value, order), matrix, False, True)), back)


def _outside(sampling: Sampling, resizings: list[Resizing], count: int) -> Output:
    """Mask of the output elements that lie outside the data; broadcasts to the output."""
    if math.prod(resizing.target for resizing in resizings) > MOST_WEIGHTS:
        targets = [resizing.target for resizing in resizings]
        raise ModelError(
            f"resizing to {targets} elements by tf_crop_and_resize takes a mask of more than {MOST_WEIGHTS} of them: "
            "resize a smaller part"
        )
    found = np.zeros([1] * count, bool)
    for resizing in resizings:
        x = sampling.places(resizing)
        found = found | np.expand_dims((x < 0) | (x > resizing.size - 1), list(range(1, count - resizing.axis)))
    return Constant.of(found, Type.boolean).output(0)


def _resizings(call: Call) -> list[Resizing] | None:
    """Changes of the named axes, without those that stay as they are; None when they are not known."""
    data = call.input(0)
    dims = static_dims(data)
    if dims is None or None in dims:
        return None
    sizes = [int(dim or 0) for dim in dims]
    axes = [positive(axis, len(sizes)) for axis in call.integers("axes", list(range(len(sizes))))]
    taken = [sizes[axis] for axis in axes]
    scales, targets = _values(call.optional(2)), _values(call.optional(3))
    ratios: list[tuple[float, int]] = []
    if targets is not None:
        ratios = list(zip(targets, taken, strict=True))
        policy = call.text("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch" and min(taken) > 0:
            pick = min if policy == "not_larger" else max
            ratios = [pick(ratios, key=lambda ratio: Fraction(int(ratio[0]), ratio[1]))] * len(axes)
            targets = [
                (2 * int(up) * size + down) // (2 * down) for (up, down), size in zip(ratios, taken, strict=True)
            ]
    elif scales is not None:
        ratios = [(scale, 1) for scale in scales]
        targets = [int(scale * size) for scale, size in zip(scales, taken, strict=True)]
    if targets is None or min([*targets, *taken]) < 1:
        return None
    parts = _parts(call, len(axes))
    if parts is None:
        return None
    found = [
        Resizing(axis, size, int(target), *ratio, *part)
        for axis, size, target, ratio, part in zip(axes, taken, targets, ratios, parts, strict=True)
    ]
    return [to for to in found if to.scale != 1 or to.target != to.size or (to.start, to.end) != (0, 1)]


def _parts(call: Call, count: int) -> list[tuple[float, float]] | None:
    """Start and end of the part of each axis that tf_crop_and_resize takes."""
    if call.text("coordinate_transformation_mode", "half_pixel") != "tf_crop_and_resize":
        return [(0.0, 1.0)] * count
    roi = _values(call.optional(1))
    return None if roi is None or len(roi) != 2 * count else list(zip(roi[:count], roi[count:], strict=True))


def _values(value: Output | None) -> list[float] | None:
    """The elements of an optional input; None when it is left out, empty, or not known."""
    found = known(value) if value is not None else None
    return None if found is None or not found.size else [float(element) for element in found.ravel()]
