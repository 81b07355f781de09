"""Interpolate: images resized along chosen axes.

Every mode is separable: along an axis each output element is a weighted sum of a few input elements.
`AxisTable` says which and with what weights, so that one loop, or one kernel, serves all modes.
Where a coordinate lies halfway between two elements, its rounding decides: OpenVINO's operator computes in f32, ONNX's
has coordinates that are rounded once, to f64, and so lie halfway where they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import ModelError, UserInputError
from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape
from .axes import integers, normalized, one_of, require, unique_axes
from .declare import Declared, as_output
from .window import Ints, padded

Floats = npt.NDArray[np.floating[Any]]
PILLOW_COEFFICIENT = -0.5  # of its cubic filter; cube_coeff is for mode "cubic"
MODES = ("nearest", "linear", "linear_onnx", "cubic", "bilinear_pillow", "bicubic_pillow")
TRANSFORMATIONS = ("half_pixel", "pytorch_half_pixel", "asymmetric", "tf_half_pixel_for_nn", "align_corners")
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "simple")
CALCULATIONS = ("sizes", "scales")
SLACK = 1e-5  # keeps size * scale from falling just short of an integer


class Resizing(NamedTuple):
    """How an axis is resized: from `size` elements, padding included, to `target`, by numerator / denominator.

    The ratio is that of two sizes, or a scale over 1: then `target` is less than the resized length by a fraction.
    """

    axis: int
    size: int
    target: int
    numerator: float
    denominator: int = 1

    @property
    def scale(self) -> float:
        return self.numerator / self.denominator

    @property
    def length(self) -> float:
        """The resized length before it is cut to a whole number."""
        return self.size * self.numerator / self.denominator


class AxisTable(NamedTuple):
    """Output element i along `axis` is the sum over t of input element indices[i, t] times weights[i, t].

    indices: int64 [target, taps]; weights: f32 or f64 of the same shape.
    """

    axis: int
    indices: npt.NDArray[np.int64]
    weights: Floats


def source_coordinates(resizing: Resizing, transformation: str) -> Floats:
    """Coordinates of the output elements among the input elements, in f32; where the length stays, on them."""
    _, size, target, numerator, denominator = resizing
    x, half = np.arange(target, dtype=np.float32), np.float32(0.5)
    scale = np.float32(numerator) / np.float32(denominator)
    if size == target or scale == 1:
        return x
    if transformation == "align_corners":
        return x * np.float32((size - 1) / max(target - 1, 1))
    if transformation == "asymmetric":
        return x / scale
    if transformation == "tf_half_pixel_for_nn":
        return (x + half) / scale
    if transformation == "pytorch_half_pixel" and target == 1:
        return np.zeros(1, np.float32)
    return (x + half) / scale - half


def exact_coordinates(resizing: Resizing, transformation: str) -> Floats:
    """Coordinates of the output elements among the input elements, by the resized length before it is cut; f64."""
    x, length = np.arange(resizing.target, dtype=np.float64), resizing.length
    numerator, denominator = resizing.numerator, resizing.denominator
    if transformation == "align_corners":
        return x * (resizing.size - 1) / (length - 1) if length != 1 else x * 0
    if transformation == "asymmetric":
        return x * denominator / numerator
    if transformation == "tf_half_pixel_for_nn":
        return (x + 0.5) * denominator / numerator
    if transformation == "pytorch_half_pixel" and length <= 1:
        return x * 0
    if transformation == "half_pixel_symmetric":  # what is cut off is shared by both ends
        return ((2 * x + 1 - resizing.target) * denominator / numerator + resizing.size - 1) / 2
    return (x + 0.5) * denominator / numerator - 0.5


def nearest_elements(coordinates: Floats, rounding: str, shrinks: bool) -> npt.NDArray[np.int64]:
    """The input element nearest to each coordinate; "simple" is ceil when the axis shrinks, else truncation."""
    if rounding == "round_prefer_floor":
        found = np.ceil(coordinates - 0.5)
    elif rounding == "round_prefer_ceil":
        found = np.floor(coordinates + 0.5)
    elif rounding == "floor":
        found = np.floor(coordinates)
    elif rounding == "ceil" or shrinks:
        found = np.ceil(coordinates)
    else:
        found = np.trunc(coordinates)
    nearest: npt.NDArray[np.int64] = found.astype(np.int64)
    return nearest


def cubic_weights(fractions: Floats, coefficient: float) -> Floats:
    """Keys' cubic convolution: weights [n, 4] of the elements at floor - 1 ... floor + 2 of each coordinate."""
    distances = np.abs(fractions[:, np.newaxis] - np.arange(-1, 3))
    return cubic_kernel(distances, coefficient)


def cubic_kernel(distances: Floats, coefficient: float) -> Floats:
    """Keys' cubic kernel at non-negative distances; 0 from 2 on, NaN at NaN."""
    a, d = float(np.float32(coefficient)), distances
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((d - 5) * d + 8) * d * a - 4 * a
    return np.where(d <= 1, near, np.where(d >= 2, 0.0, far))


def _triangle_table(x: Floats, resizing: Resizing, antialias: bool) -> tuple[Array, Array]:
    """Triangular weights; with antialias as wide as an output element is in the input."""
    slope = min(resizing.scale, 1.0) if antialias else 1.0
    radius = 2 if resizing.scale > 1 else int(np.ceil(2 / slope))
    indices = np.floor(x + np.float32(0.5)).astype(np.int64)[:, np.newaxis] + np.arange(-radius, radius + 1)
    weights = np.maximum(0, 1 - np.abs(slope * (x[:, np.newaxis] - indices)))
    weights *= (indices >= 0) & (indices < resizing.size)
    total = weights.sum(1, keepdims=True)
    return indices, weights / np.where(total == 0, 1, total)


def _pillow_table(resizing: Resizing, cubic: bool) -> tuple[Array, Array]:
    """Pillow's resampling: a filter of the input's pitch, widened when the axis shrinks."""
    pitch = resizing.size / resizing.target
    width = max(pitch, 1.0)
    support = (2 if cubic else 1) * width
    centers = (np.arange(resizing.target) + 0.5) * pitch
    first = np.maximum((centers - support + 0.5).astype(np.int64), 0)
    end = np.minimum((centers + support + 0.5).astype(np.int64), resizing.size)
    indices = first[:, np.newaxis] + np.arange(int((end - first).max(initial=1)))
    distances = np.abs((indices - centers[:, np.newaxis] + 0.5) / width)
    weights = cubic_kernel(distances, PILLOW_COEFFICIENT) if cubic else np.maximum(0, 1 - distances)
    weights = np.where(indices < end[:, np.newaxis], weights, 0)
    return indices, weights / weights.sum(1, keepdims=True)


@dataclass(frozen=True)
class InterpolateBase(Declared):
    """Base of all versions.

    pads_begin, pads_end: zeros put around the image first, for each of its dimensions; opset1 also has them for each
    of the resized axes, and one number for all of these.
    """

    mode: str

    def tables(self, resizings: Sequence[Resizing]) -> list[AxisTable]:
        """The table of each axis. Raises ModelError where there is no element to make others of."""
        for resizing in resizings:
            require(resizing.target >= 0, f"axis {resizing.axis} can't be resized to {resizing.target} elements")
            require(resizing.size > 0 or resizing.target == 0, f"axis {resizing.axis} has no elements to resize")
        return [AxisTable(resizing.axis, *self._table(resizing)) for resizing in resizings]

    def _table(self, resizing: Resizing) -> tuple[npt.NDArray[np.int64], Floats]:
        rounding, transformation, antialias, coefficient = self._settings()
        last = resizing.size - 1
        if self.mode.endswith("pillow"):
            indices, weights = _pillow_table(resizing, self.mode == "bicubic_pillow")
            return np.clip(indices, 0, last), weights.astype(np.float32)
        x = self._coordinates(resizing, transformation)
        if self.mode == "nearest":
            indices = nearest_elements(x, rounding, resizing.scale < 1)[:, np.newaxis]
            weights = np.ones(indices.shape, np.float32)
        elif self.mode == "linear":
            indices, weights = _triangle_table(x, resizing, antialias)
        elif self.mode == "linear_onnx":
            x = np.clip(x, 0, max(last, 0))
            indices = x.astype(np.int64)[:, np.newaxis] + np.arange(2)
            fractions = x - indices[:, 0]
            weights = np.stack([1 - fractions, fractions], 1)
        else:
            floors = np.floor(x)
            indices = floors.astype(np.int64)[:, np.newaxis] + np.arange(-1, 3)
            weights = cubic_weights(x - floors, coefficient)
        return np.clip(indices, 0, last), weights

    def _coordinates(self, resizing: Resizing, transformation: str) -> Floats:
        """Coordinates of the output elements among the input elements."""
        return source_coordinates(resizing, transformation)

    def _settings(self) -> tuple[str, str, bool, float]:
        """(nearest mode, coordinate transformation, antialias, cubic coefficient)."""
        raise NotImplementedError

    def _padding(self, rank: int) -> tuple[Ints, Ints]:
        """Zeros in front of and behind each of `rank` dimensions."""
        begin: Ints = getattr(self, "pads_begin")  # noqa: B009 - the versions' fields, in their own order
        end: Ints = getattr(self, "pads_end")  # noqa: B009
        return begin + (0,) * (rank - len(begin)), end + (0,) * (rank - len(end))

    def _padded_dims(self, image: PartialShape) -> list[Dimension]:
        begin, end = self._padding(len(image))
        require(len(begin) == len(end) == len(image), f"pads have a value for each dimension of {image}")
        return [dim + before + after for dim, before, after in zip(image, begin, end, strict=True)]

    def _resize(self, image: Array, resizings: Sequence[Resizing]) -> Array:
        data = padded(image, *self._padding(image.ndim))
        working = data.dtype if data.dtype.kind == "f" else np.dtype(np.float32)
        # Pillow works on rows first, and rounds bytes after each pass
        for table in reversed(self.tables(resizings)) if self.mode.endswith("pillow") else self.tables(resizings):
            if self.mode == "nearest":
                data = data.take(table.indices[:, 0], table.axis)
                continue
            data = apply_table(data.astype(working, copy=False), table)
            if self.mode.endswith("pillow"):
                data = self._in_type(data, image.dtype)
        return self._in_type(data, image.dtype)

    def _in_type(self, data: Array, dtype: np.dtype[Any]) -> Array:
        """Sums in an element type; to integers rounded and saturated."""
        return _saturated(data, dtype, np.rint)


def apply_table(data: Array, table: AxisTable) -> Array:
    """`data`, of a real type, resized along an axis."""
    shape = [1] * data.ndim
    shape[table.axis] = -1
    total: Array = np.zeros((), data.dtype)
    for indices, weights in zip(table.indices.T, table.weights.T, strict=True):
        total = total + data.take(indices, table.axis) * weights.reshape(shape).astype(data.dtype)
    return total


def _saturated(data: Array, dtype: np.dtype[Any], rounding: np.ufunc) -> Array:
    """`data` in an element type; to integers rounded, and cut to their range."""
    if dtype.kind == "f" or data.dtype == dtype:
        return data.astype(dtype, copy=False)
    info = np.iinfo(dtype)
    found: Array = np.clip(rounding(data), info.min, info.max).astype(dtype)
    return found


@dataclass(frozen=True)
class InterpolateV1(InterpolateBase):
    """An image resized along `axes` to the sizes in the second input."""

    axes: Ints = ()
    align_corners: bool = True
    antialias: bool = False
    pads_begin: Ints = ()
    pads_end: Ints = ()

    type = "Interpolate"
    factory = "interpolate"
    until = 9
    value_inputs: ClassVar[tuple[int, ...]] = (1,)
    signature = "image, output_shape, attrs"
    inputs: ClassVar[tuple[str, ...]] = ("image", "output_shape")

    def __post_init__(self) -> None:
        one_of(self.mode, ("nearest", "linear", "cubic", "area"), "mode")
        require(self.mode != "area", "mode 'area' is not supported; use nearest, linear or cubic")

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        for name in ("axes", "mode"):
            if name not in given["attrs"]:
                raise UserInputError(f"interpolate needs the attribute {name!r}")
        return {**given, **given["attrs"]}

    def _settings(self) -> tuple[str, str, bool, float]:
        return "simple", "align_corners" if self.align_corners else "asymmetric", self.antialias, -0.75

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        image, sizes = inputs
        if not image.shape.has_rank:
            return [TensorType(image.element_type, PartialShape.dynamic())]
        dims = self._padded_dims(image.shape)
        given = [Dimension()] * len(self.axes) if sizes.partial is None else sizes.partial.dimensions()
        require(len(given) == len(self.axes), f"there are {len(given)} sizes for {len(self.axes)} axes")
        for axis, size in zip(unique_axes(self.axes, len(dims)), given, strict=True):
            dims[axis] = size
        return [TensorType(image.element_type, PartialShape(dims))]

    def _padding(self, rank: int) -> tuple[Ints, Ints]:
        return self._pads(self.pads_begin, rank), self._pads(self.pads_end, rank)

    def _pads(self, pads: Ints, rank: int) -> Ints:
        """The pads of each dimension, of those for the resized axes, for all of these, or for each dimension."""
        if len(pads) == rank != len(self.axes):
            return pads
        each = pads if len(pads) == len(self.axes) else (pads or (0,)) * len(self.axes)
        require(len(each) == len(self.axes), f"pads are one number, or one for each of {len(self.axes)} axes: {pads}")
        found = [0] * rank
        for axis, pad in zip(unique_axes(self.axes, rank), each, strict=True):
            found[axis] = pad
        return tuple(found)

    def resizings(self, image: Sequence[int], *steering: Array) -> list[Resizing]:
        """How each axis of an image of this shape is resized; steering: the other inputs."""
        begin, end = self._padding(len(image))
        found = []
        for axis, target in zip(unique_axes(self.axes, len(image)), steering[0].tolist(), strict=True):
            size = image[axis] + begin[axis] + end[axis]
            found.append(Resizing(axis, size, target, target, size))
        return found

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [self._resize(inputs[0], self.resizings(inputs[0].shape, *inputs[1:]))]


@dataclass(frozen=True)
class Interpolate(InterpolateBase):
    """An image resized along the axes in the third input, or all, by sizes or scales in the second.

    shape_calculation_mode: "sizes" (integers), or "scales": a size is floor(input size * scale).
    """

    shape_calculation_mode: str
    pads_begin: Ints = ()
    pads_end: Ints = ()
    coordinate_transformation_mode: str = "half_pixel"
    nearest_mode: str = "round_prefer_floor"
    antialias: bool = False
    cube_coeff: float = -0.75

    type = "Interpolate"
    transformations: ClassVar[tuple[str, ...]] = TRANSFORMATIONS
    opset = "opset11"
    factory = "interpolate"
    since = 11
    value_inputs: ClassVar[tuple[int, ...]] = (1, 2)
    signature = (
        "image, scales_or_sizes, mode, shape_calculation_mode, pads_begin=None, pads_end=None, "
        "coordinate_transformation_mode='half_pixel', nearest_mode='round_prefer_floor', antialias=False, "
        "cube_coeff=-0.75, axes=None"
    )
    inputs: ClassVar[tuple[str, ...]] = ("image", "scales_or_sizes", "axes")

    def __post_init__(self) -> None:
        one_of(self.mode, MODES, "mode")
        one_of(self.shape_calculation_mode, CALCULATIONS, "shape_calculation_mode")
        one_of(self.coordinate_transformation_mode, self.transformations, "coordinate_transformation_mode")
        one_of(self.nearest_mode, ROUNDINGS, "nearest_mode")

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        shape = as_output(given["image"]).partial_shape
        rank = len(shape) if shape.has_rank else 0
        pads = {name: tuple(given[name] or ()) for name in ("pads_begin", "pads_end")}
        return {**given, **{name: pad + (0,) * (rank - len(pad)) for name, pad in pads.items()}}

    def _settings(self) -> tuple[str, str, bool, float]:
        return self.nearest_mode, self.coordinate_transformation_mode, self.antialias, self.cube_coeff

    def _steering(self, inputs: Sequence[Any]) -> tuple[Any, Any, Any]:
        """(sizes or None, scales or None, axes or None) among the inputs."""
        axes = inputs[2] if len(inputs) > 2 else None
        return (inputs[1], None, axes) if self.shape_calculation_mode == "sizes" else (None, inputs[1], axes)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        image = inputs[0]
        sizes, scales, axes_input = self._steering(inputs)
        if not image.shape.has_rank:
            return [TensorType(image.element_type, PartialShape.dynamic())]
        dims = self._padded_dims(image.shape)
        axes = list(range(len(dims))) if axes_input is None else integers(axes_input)
        if axes is None:
            return [TensorType(image.element_type, PartialShape.dynamic(len(dims)))]
        axes = [normalized(axis, len(dims)) for axis in axes]
        resized = (
            _given_sizes(sizes, len(axes)) if sizes is not None else _scaled_sizes(scales, [dims[i] for i in axes])
        )
        for axis, size in zip(axes, resized, strict=True):
            dims[axis] = size
        return [TensorType(image.element_type, PartialShape(dims))]

    def resizings(self, image: Sequence[int], *steering: Array) -> list[Resizing]:
        """How each axis of an image of this shape is resized; steering: the other inputs."""
        sizes, scales, axes = self._steering((None, *steering))
        begin, end = self._padding(len(image))
        found = []
        for i, axis in enumerate(range(len(image)) if axes is None else axes.tolist()):
            axis = normalized(axis, len(image))
            size = image[axis] + begin[axis] + end[axis]
            if sizes is not None:
                target = int(sizes[i])
                found.append(Resizing(axis, size, target, target, size))
            else:
                found.append(Resizing(axis, size, _scaled(size, scales[i]), float(np.float32(scales[i]))))
        return found

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [self._resize(inputs[0], self.resizings(inputs[0].shape, *inputs[1:]))]


class OnnxResize(Interpolate):
    """Interpolate as ONNX has it: coordinates are exact, follow the scale where the length stays, and go by the length
    before it is cut to a whole number; sums are cut toward zero to integers."""

    type = "Interpolate"
    transformations = (*TRANSFORMATIONS, "half_pixel_symmetric")
    opset = "onnx"
    factory = ""
    until = 0

    def _coordinates(self, resizing: Resizing, transformation: str) -> Floats:
        return exact_coordinates(resizing, transformation)

    def _in_type(self, data: Array, dtype: np.dtype[Any]) -> Array:
        return _saturated(data, dtype, np.trunc)


class InterpolateV4(Interpolate):
    """As the newer version, with sizes and scales in inputs of their own and the axes in the fourth."""

    type = "Interpolate"
    opset = "opset4"
    factory = "interpolate"
    since = 10
    until = 10
    value_inputs: ClassVar[tuple[int, ...]] = (1, 2, 3)
    signature = (
        "image, output_shape, scales, mode, shape_calculation_mode, pads_begin=None, pads_end=None, "
        "coordinate_transformation_mode='half_pixel', nearest_mode='round_prefer_floor', antialias=False, "
        "cube_coeff=-0.75, axes=None"
    )
    inputs: ClassVar[tuple[str, ...]] = ("image", "output_shape", "scales", "axes")

    def _steering(self, inputs: Sequence[Any]) -> tuple[Any, Any, Any]:
        axes = inputs[3] if len(inputs) > 3 else None
        return (inputs[1], None, axes) if self.shape_calculation_mode == "sizes" else (None, inputs[2], axes)


def _given_sizes(sizes: Argument, count: int) -> list[Dimension]:
    if sizes.partial is None:
        return [Dimension()] * count
    found = sizes.partial.dimensions()
    require(len(found) == count, f"there are {len(found)} sizes for {count} axes")
    return found


def _scaled_sizes(scales: Argument, dims: list[Dimension]) -> list[Dimension]:
    value = scales.value
    if value is None:
        return [Dimension()] * len(dims)
    if value.size != len(dims):
        raise ModelError(f"there are {value.size} scales for {len(dims)} axes")
    ends = [(dim.min_length, dim.max_length) for dim in dims]
    return [
        Dimension(_scaled(low, scale), -1 if high < 0 else _scaled(high, scale))
        for (low, high), scale in zip(ends, value.ravel(), strict=True)
    ]


def _scaled(size: int, scale: Any) -> int:
    return int(np.floor(np.float32(size) * np.float32(scale) + np.float32(SLACK)))
