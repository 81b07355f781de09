"""Transposed convolutions as convolutions: the phases of their outputs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Place = tuple[int, list[int], range]  # of a phase in one dimension


def phases(
    kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int], pads_begin: Sequence[int]
) -> list[tuple[Place, ...]]:
    """The phases of a transposed convolution: output pixels whose index has the same remainder by the stride.

    Output o takes kernel element k from input (o + pad - k * dilation) / stride where that is whole. So the
    outputs o = p + q * stride are a convolution of stride 1, with every few kernel elements, last one first.

    Gives, for each phase, a tuple with (p, list of kernel elements, range of the inputs they take, relative
    to q) for each spatial dimension.
    """
    dims = []
    for size, stride, dilation, pad in zip(kernel, strides, dilations, pads_begin, strict=True):
        dim = []
        for p in range(stride):
            elements = [k for k in range(size) if (p + pad - k * dilation) % stride == 0][::-1]
            inputs = [(p + pad - k * dilation) // stride for k in elements]
            gap = dilation // math.gcd(dilation, stride)
            taps = range(inputs[0], inputs[-1] + 1, gap) if inputs else range(0)
            dim.append((p, elements, taps))
        dims.append(dim)
    return list(itertools.product(*dims))


class Phases:
    """Weights packed for ConvolutionTranspose: those of each phase of the output.

    shape: of the weights, (Cin, Cout / groups, *kernel). packed: PackedWeights of each of the phases. nbytes: memory
    held. Raises ValueError where these are not of such weights.
    """

    def __init__(
        self, shape: Sequence[int], strides: Sequence[int], dilations: Sequence[int], pads_begin: Sequence[int],
        groups: int, packed: Sequence[Any],
    ) -> None:  # fmt: skip
        depth, columns, *kernel = shape
        self.phases = phases(kernel, strides, dilations, pads_begin)
        self.packed = list(packed)
        wanted = [(groups, depth // groups, columns, _window(phase)) for phase in self.phases]
        if [(part.groups, part.depth, part.columns, part.window) for part in self.packed] != wanted:
            raise ValueError(f"expected packed weights of the phases of {tuple(shape)}")
        self.nbytes = sum([part.nbytes for part in self.packed])


def packed_phases(
    weights: npt.NDArray[np.float32], strides: Sequence[int], dilations: Sequence[int], pads_begin: Sequence[int],
    groups: int, pack: Callable[[npt.NDArray[np.float32], tuple[int, ...]], Any],
) -> Phases:  # fmt: skip
    """Packs weights (Cin, Cout / groups, *kernel). pack: of weights (groups, taps, depth, columns) of a window."""
    depth, columns, *kernel = weights.shape
    if depth % groups:
        raise ValueError(f"expected weights for a multiple of {groups} groups, got {weights.shape}")
    packed = []
    for phase in phases(kernel, strides, dilations, pads_begin):
        part = weights
        for axis, (_, elements, _) in enumerate(phase, 2):
            part = part.take(elements, axis)
        window = _window(phase)
        part = part.reshape(groups, depth // groups, columns, math.prod(window))
        packed.append(pack(part.transpose(0, 3, 1, 2), window))
    return Phases(weights.shape, strides, dilations, pads_begin, groups, packed)


def _window(phase: Sequence[Place]) -> tuple[int, ...]:
    """The shape of the kernel elements that a phase takes."""
    return tuple([len(elements) for _, elements, _ in phase])


def transpose_border(
    shape: Sequence[int],
    output_shape: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    pads_begin: Sequence[int],
) -> list[tuple[int, int]]:
    """(begin, end) pixels of zeros that ConvolutionTranspose reads around an image, for each spatial dimension.

    shape, output_shape: of the spatial dimensions of x and y.
    """
    border = [(0, 0)] * len(shape)
    for phase in phases(kernel, strides, dilations, pads_begin):
        for axis, (p, _, taps) in enumerate(phase):
            count = phase_size(output_shape[axis], p, strides[axis])
            if count and taps:
                begin, end = border[axis]
                border[axis] = (max(begin, -taps[0]), max(end, count + taps[-1] - shape[axis]))
    return border


def phase_size(size: int, p: int, stride: int) -> int:
    """How many of `size` outputs have remainder p by the stride."""
    return max(0, (size - p + stride - 1) // stride)
