"""Fourier transforms. Complex tensors are real ones whose last dimension holds [real, imaginary]."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape
from .axes import integer, integers, require, require_rank, unique_axes
from .declare import Declared
from .recurrent import merged_dims


def as_complex(array: Array) -> Array:
    """Complex elements of pairs in the last dimension."""
    return array[..., 0] + 1j * array[..., 1]


def as_pairs(array: Array, dtype: np.dtype[np.generic]) -> Array:
    """Pairs in a new last dimension from complex elements."""
    return np.stack([array.real, array.imag], -1).astype(dtype)


@dataclass(frozen=True)
class Fourier(Declared):
    """A transform of data along axes (second input) after cutting or zero-padding to signal_size (third).

    A size of -1 keeps what the data has.
    """

    since = 7
    signature = "data, axes, signal_size=None"
    inputs: ClassVar[tuple[str, ...]] = ("data", "axes", "signal_size")
    value_inputs: ClassVar[tuple[int, ...]] = (1, 2)
    takes_pairs: ClassVar[bool] = True
    gives_pairs: ClassVar[bool] = True

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data = inputs[0]
        require(
            data.element_type.real or data.element_type.is_dynamic(),
            f"expected data to be real, got {data.element_type.name}",
        )
        if not data.shape.has_rank:
            return [TensorType(data.element_type, PartialShape.dynamic())]
        dims = list(data.shape)
        if self.takes_pairs:
            require(
                len(dims) > 1 and dims[-1].compatible(Dimension(2)), f"the last dimension holds pairs, in {data.shape}"
            )
            dims = dims[:-1]
        axes = integers(inputs[1])
        if axes is None:
            dims = [Dimension()] * len(dims)
        else:
            sizes = [-1] * len(axes) if len(inputs) < 3 else integers(inputs[2])
            self._transform_dims(dims, unique_axes(axes, len(dims)), sizes)
        return [TensorType(data.element_type, PartialShape([*dims, 2] if self.gives_pairs else dims))]

    def _transform_dims(self, dims: list[Dimension], axes: list[int], sizes: list[int] | None) -> None:
        """Changes the dimensions; sizes: of the signal, None when they are not known."""
        for i, axis in enumerate(axes):
            if sizes is None:
                dims[axis] = Dimension()
            elif sizes[i] >= 0:
                dims[axis] = Dimension(sizes[i])

    def _arguments(self, inputs: Sequence[Array]) -> tuple[Array, list[int], list[int | None]]:
        """(data, axes, size of the signal along each or None)."""
        data = as_complex(inputs[0]) if self.takes_pairs else inputs[0]
        axes = unique_axes(inputs[1].reshape(-1).tolist(), data.ndim)
        given = inputs[2].reshape(-1).tolist() if len(inputs) > 2 else [-1] * len(axes)
        return data, axes, [None if size < 0 else int(size) for size in given]


def _sizes(data: Array, axes: Sequence[int], sizes: Sequence[int | None]) -> list[int]:
    return [data.shape[axis] if size is None else size for axis, size in zip(axes, sizes, strict=True)]


class DFT(Fourier):
    """The discrete Fourier transform of a complex tensor."""

    type = "DFT"
    opset = "opset7"
    factory = "dft"
    transform: ClassVar[Callable[..., Array]] = staticmethod(np.fft.fftn)

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, axes, sizes = self._arguments(inputs)
        return [as_pairs(self.transform(data, _sizes(data, axes, sizes), axes), inputs[0].dtype)]


class IDFT(DFT):
    """The inverse of DFT."""

    type = "IDFT"
    factory = "idft"
    transform: ClassVar[Callable[..., Array]] = staticmethod(np.fft.ifftn)


class RDFT(Fourier):
    """The transform of a real tensor; the last of the axes holds the first size // 2 + 1 elements only."""

    type = "RDFT"
    opset = "opset9"
    factory = "rdft"
    since = 9
    takes_pairs: ClassVar[bool] = False

    def _transform_dims(self, dims: list[Dimension], axes: list[int], sizes: list[int] | None) -> None:
        super()._transform_dims(dims, axes, sizes)
        if axes:
            dims[axes[-1]] = dims[axes[-1]] // 2 + 1

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, axes, sizes = self._arguments(inputs)
        return [as_pairs(np.fft.rfftn(data, _sizes(data, axes, sizes), axes), inputs[0].dtype)]


class IRDFT(Fourier):
    """The inverse of RDFT. Without a size, the last of the axes gets 2 * (size - 1) elements."""

    type = "IRDFT"
    opset = "opset9"
    factory = "irdft"
    since = 9
    gives_pairs: ClassVar[bool] = False

    def _transform_dims(self, dims: list[Dimension], axes: list[int], sizes: list[int] | None) -> None:
        whole = (dims[axes[-1]] - 1) * 2
        super()._transform_dims(dims, axes, sizes)
        if sizes is not None and sizes[-1] < 0:
            dims[axes[-1]] = whole

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, axes, sizes = self._arguments(inputs)
        known = _sizes(data, axes, sizes)
        if sizes[-1] is None:
            known[-1] = 2 * (data.shape[axes[-1]] - 1)
        return [np.fft.irfftn(data, known, axes).astype(inputs[0].dtype)]


def _centered(window: Array, size: int) -> Array:
    """The window with zeros on both sides."""
    require(window.size <= size, f"a window of {window.size} elements is longer than a frame of {size}")
    before = (size - window.size) // 2
    return np.pad(window, (before, size - window.size - before))


@dataclass(frozen=True)
class STFT(Declared):
    """Transforms of overlapping frames of signals [B, L] or [L], each times a window.

    Output: [B, frames, frame_size // 2 + 1, 2]; transpose_frames: [B, frame_size // 2 + 1, frames, 2].
    """

    transpose_frames: bool

    type = "STFT"
    opset = "opset15"
    factory = "stft"
    since = 15
    signature = "data, window, frame_size, frame_step, transpose_frames"
    inputs: ClassVar[tuple[str, ...]] = ("data", "window", "frame_size", "frame_step")
    value_inputs: ClassVar[tuple[int, ...]] = (2, 3)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, window, frame_size, frame_step = inputs
        require_rank(data, (1, 2), "data")
        require_rank(window, 1, "window")
        size, step = integer(frame_size, "frame_size"), integer(frame_step, "frame_step")
        if not data.shape.has_rank:
            return [TensorType(data.element_type, PartialShape.dynamic())]
        bins = Dimension() if size is None else Dimension(size // 2 + 1)
        frames = Dimension()
        if size is not None and step is not None:
            require(size > 0 and step > 0, f"expected frame_size and frame_step to be positive, got {size} and {step}")
            length = data.shape[-1]
            require(
                length.max_length < 0 or length.max_length >= size,
                f"a signal of {length} elements has no frame of {size}",
            )
            frames = (length - size) // step + 1
        dims = [bins, frames] if self.transpose_frames else [frames, bins]
        return [TensorType(data.element_type, PartialShape([*data.shape[:-1], *dims, 2]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, window, *numbers = inputs
        size, step = (int(number.reshape(-1)[0]) for number in numbers)
        frames = np.lib.stride_tricks.sliding_window_view(data, size, -1)[..., ::step, :]
        found = np.fft.rfft(frames * _centered(window, size), axis=-1)
        return [as_pairs(found.swapaxes(-1, -2) if self.transpose_frames else found, data.dtype)]


@dataclass(frozen=True)
class ISTFT(Declared):
    """Signals [B, L] or [L] from their transforms [B, frame_size // 2 + 1, frames, 2], frames first added up.

    The sum is divided by that of the squared windows. center: half a frame is cut off at both ends.
    normalized: the transforms were divided by sqrt(frame_size). signal_length: cuts or zero-pads.
    """

    center: bool
    normalized: bool

    type = "ISTFT"
    opset = "opset16"
    factory = "istft"
    since = 16
    signature = "data, window, frame_size, frame_step, center, normalized, signal_length=None"
    inputs: ClassVar[tuple[str, ...]] = ("data", "window", "frame_size", "frame_step", "signal_length")
    value_inputs: ClassVar[tuple[int, ...]] = (2, 3, 4)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data = inputs[0]
        require_rank(data, (3, 4), "data")
        if not data.shape.has_rank:
            return [TensorType(data.element_type, PartialShape.dynamic())]
        size, step = integer(inputs[2], "frame_size"), integer(inputs[3], "frame_step")
        length: Dimension = Dimension()
        if len(inputs) > 4:
            given = integer(inputs[4], "signal_length")
            length = Dimension() if given is None else Dimension(given)
        elif size is not None and step is not None:
            merged_dims([data.shape[-3:], PartialShape([size // 2 + 1, -1, 2])], 3, "a transform")
            length = (data.shape[-2] - 1) * step + (size % 2 if self.center else size)
        return [TensorType(data.element_type, PartialShape([*data.shape[:-3], length]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, window = inputs[:2]
        size, step, *wanted = (int(number.reshape(-1)[0]) for number in inputs[2:])
        frames = np.fft.irfft(as_complex(data).swapaxes(-1, -2), size, axis=-1)  # [..., frames, size]
        if self.normalized:
            frames = frames * np.sqrt(size)
        weights = _centered(window, size).astype(frames.dtype)
        count = frames.shape[-2]
        total = np.zeros((*frames.shape[:-2], (count - 1) * step + size), frames.dtype)
        weight = np.zeros(total.shape[-1], frames.dtype)
        for i in range(count):
            total[..., i * step : i * step + size] += frames[..., i, :] * weights
            weight[i * step : i * step + size] += weights**2
        total /= np.where(weight > np.finfo(data.dtype).tiny, weight, 1)
        if self.center:
            total = total[..., size // 2 : total.shape[-1] if wanted else total.shape[-1] - size // 2]
        if wanted:
            missing = max(0, wanted[0] - total.shape[-1])
            total = np.pad(total[..., : wanted[0]], [(0, 0)] * (total.ndim - 1) + [(0, missing)])
        return [total.astype(data.dtype)]
