"""What is made of weights before they are packed: parts of bytes, and Winograd's transforms, with where those pay.

See winograd.h and winograd_int8.h.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .block import Block

NEAR = 0.75  # as in winograd.h
FEW_CHANNELS = 16  # whose transforms, which grow with channels, outweigh products, with their square
CACHED_WEIGHTS = 1 << 20  # bytes, about a core's L2 cache; weights beyond come from memory and take as long
COLD_TILES = 24  # as multiplying this many tiles by AVX-512: flops a byte of a core's peak over its bandwidth
COLD_TILES_OF_BYTES = 12  # the same of weights of 16 bits: measured, 9 tiles take as long as 25 pixels directly
WINDOWS_AT_A_TIME = 4096  # of weights, transformed together
MOST_WEIGHT = 2.0**64  # of f32, whose products with inputs as large are finite
PARTS = 16  # of a transformed window of 2 x 2 outputs
MOST_CHANNELS = ((1 << 31) - 1) // (4 * 9 * 255 * 128)  # of bytes: four times a sum has 32 bits
MOST_OF_PAIR = 128  # that the magnitudes of two neighbours of one sign may add up to, for products by u8 to fit 16 bits
GREAT_PAIRS = 0.012  # of all, which are a third of the groups of four rows by 16 columns

# By window: side of the output tile, parts, what `most` has to be (36 parts round alike), and time beside products.
_WAYS = {
    (3, 3): ((0, 9, 0, 1.0), (2, 16, 2, 1.2), (4, 36, 4, 1.3)),
    (5, 5): ((0, 25, 0, 1.0), (2, 36, 4, 1.3)),
}

Array = npt.NDArray[Any]


def kernel_transform(out: int, window: int = 3) -> Array:
    """G of shape (out + window - 1, window): what a kernel is multiplied by on both sides.

    out, window: 2 and 3, 4 and 3, or 2 and 5.
    """
    if out + window == 5:
        return np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
    near, far = NEAR, 2 * NEAR
    powers = np.arange(window)
    rows = [(powers == 0) / (near * far) ** 2]
    for point, other in ((near, far), (-near, far), (far, near), (-far, near)):
        rows.append(point**powers / (2 * point**2 * (point**2 - other**2)))
    return np.array([*rows, powers == window - 1])


def transformed(weights: npt.ArrayLike, out: int, groups: int = 1) -> Array:
    """T w T' for each w of weights (Cout, Cin / groups, K, K), T the transform, in f64, as f32.

    Of shape (groups * parts, 1, Cin / groups, Cout / groups), with (out + K - 1)**2 parts. That is one matrix, the
    Kronecker product of T with itself, times the windows as columns, some at a time.
    """
    columns, depth, window = np.shape(weights)[:3]
    transform = kernel_transform(out, window)
    matrix = np.kron(transform, transform)
    windows = np.asarray(weights, np.float32).reshape(columns * depth, window**2)
    parts = np.empty((len(matrix), columns * depth), np.float32)
    for first in range(0, columns * depth, WINDOWS_AT_A_TIME):
        some = slice(first, first + WINDOWS_AT_A_TIME)
        parts[:, some] = matrix @ windows[some].T.astype(np.float64)
    shape = len(matrix), groups, columns // groups, depth
    return parts.reshape(shape).transpose(1, 0, 3, 2).reshape(groups * len(matrix), 1, depth, columns // groups)


def can_transform(weights: Array) -> bool:
    """Whether all weights are numbers whose transforms and sums are far from infinite: Winograd's algorithm would carry
    an infinity or a NaN of one weight to outputs that a direct convolution computes without it."""
    return weights.size > 0 and bool(weights.min() > -MOST_WEIGHT and weights.max() < MOST_WEIGHT)


def winograd_tile(
    weights_shape: Sequence[int],
    output_shape: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    groups: int = 1,
    most: int = 4,
    lanes: int = 16,
) -> int:
    """The side of the output tile with which a convolution is fastest; 0: not by Winograd.

    most: the largest for windows of 3 x 3; with 2 those of 5 x 5, which round as tiles of 4 x 4 do, are not taken.
    weights_shape: (Cout, Cin / groups, *kernel). output_shape: (N, Cout, *spatial). lanes: floats of a vector.
    """
    window = tuple(weights_shape[2:])
    if window not in _WAYS or {*strides, *dilations} != {1}:
        return 0
    if min(weights_shape[0] // groups, weights_shape[1]) < FEW_CHANNELS:
        return 0
    if lanes >= 16 and (groups > 1 or window == (5, 5)):  # where it is not measured
        return 0
    costs = {}
    cold = COLD_TILES * lanes // 16
    for out, parts, least, overhead in _WAYS[window]:
        tiles = _tiles(output_shape, max(out, 1))
        cached = 4 * parts * weights_shape[0] * weights_shape[1] <= CACHED_WEIGHTS
        if least <= most:
            costs[out] = overhead * parts * (tiles if cached else max(tiles, cold))
    return min(costs, key=costs.__getitem__)


def pairs_are_small(weights: Array, axis: int) -> bool:
    """Whether most neighbours along an axis of weights add up to little enough for kernels that split greater ones."""
    if weights.dtype != np.int8:
        return False
    even, odd = (np.moveaxis(weights, axis, 0)[start::2].astype(np.int16) for start in (0, 1))
    sums = even[: len(odd)] + odd
    return bool(np.count_nonzero(np.abs(sums) > MOST_OF_PAIR) <= GREAT_PAIRS * sums.size)


def split_pairs(packed: Array, groups: int, widths: Sequence[int], taps: int, quads: int) -> tuple[Array, int]:
    """Panels of bytes without what is too much in pairs of them, which follows each panel in groups of four rows; and
    for how many such groups there is room, as many as any panel needs.

    packed: u8 (all bytes), of groups of panels `widths` wide, with `quads` groups of four rows a tap. A group behind a
    panel is followed by as many bytes, which begin with its tap, its first row, and how many groups the panel has, as
    integers of 32 bits.
    """
    lengths = [4 * width * taps * quads for width in widths]
    panels = np.split(packed.view(np.int8).reshape(groups, -1), np.cumsum(lengths)[:-1], 1)
    pairs = [panel.reshape(groups, taps * quads, -1, 2) for panel in panels]
    excess = [_excess(panel) for panel in pairs]
    great = [np.any(found, (2, 3)) for found in excess]
    more = max(int(found.sum(1).max(initial=0)) for found in great)
    parts = []
    for panel, found, places in zip(pairs, excess, great, strict=True):
        behind = np.zeros((groups, more, 2, panel[0, 0].size), np.int8)
        for group in range(groups):
            (chosen,) = np.nonzero(places[group])
            behind[group, : len(chosen), 0] = found[group, chosen].reshape(len(chosen), panel[0, 0].size)
            count = np.full(len(chosen), len(chosen))
            place = np.stack([chosen // quads, 4 * (chosen % quads), count], 1).astype(np.int32)
            behind[group, : len(chosen), 1, :12] = place.view(np.int8)
        parts += [(panel - found).reshape(groups, -1), behind.reshape(groups, -1)]
    return np.concatenate(parts, 1).reshape(-1).view(np.uint8), more


def _excess(pairs: Array) -> Array:
    """By how much the greater one of each pair is too great."""
    low, high = pairs[..., 0].astype(np.int16), pairs[..., 1].astype(np.int16)
    total = low + high
    excess = total - np.clip(total, -MOST_OF_PAIR, MOST_OF_PAIR)
    second = np.abs(high) > np.abs(low)
    return np.stack([np.where(second, 0, excess), np.where(second, excess, 0)], -1).astype(np.int8)


def check_pairs(packed: Array, group_bytes: int, groups: int, widths: Sequence[int], taps: int, quads: int) -> int:
    """How many groups of rows follow each panel, as split_pairs() adds them; group_bytes: without those. ValueError
    where they tell of rows that there are not."""
    columns = sum(widths)
    more = (len(packed) // groups - group_bytes) // (8 * columns)
    if more < 1 or len(packed) != groups * (group_bytes + 8 * more * columns):
        return max(more, 0)
    data, start = np.asarray(packed).reshape(groups, -1), 0
    for width in widths:
        start += 4 * width * taps * quads
        behind = data[:, start : start + 8 * more * width].reshape(groups, more, 2, -1)
        places = np.ascontiguousarray(behind[:, :, 1, :12]).view(np.int32)
        if (places < 0).any() or (places >= (taps, 4 * quads, more + 1)).any() or (places[..., 1] % 4).any():
            raise ValueError("packed weights tell of rows beyond their own")
        start += 8 * more * width
    return more


def quantized_winograd_pays(
    weights_shape: Sequence[int],
    output_shape: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    groups: int,
    kernel: Any,
) -> bool:
    """Whether QuantizedWinograd is faster than products of bytes by a matrix kernel: it is no match for VNNI."""
    if kernel.name not in ("u8i8", "u8i8 quads") or not _fits(weights_shape, strides, dilations, groups):
        return False
    if weights_shape[1] > MOST_CHANNELS:
        return False
    tiles = _tiles(output_shape, 2)
    if 2 * PARTS * weights_shape[0] * weights_shape[1] > CACHED_WEIGHTS:
        tiles = max(tiles, COLD_TILES_OF_BYTES)
    return 1.25 * PARTS * tiles < 9 * _tiles(output_shape, 1)


def _fits(weights_shape: Sequence[int], strides: Sequence[int], dilations: Sequence[int], groups: int) -> bool:
    if groups > 1 or tuple(weights_shape[2:]) != (3, 3) or {*strides, *dilations} != {1}:
        return False
    return min(weights_shape[:2]) >= FEW_CHANNELS


def _tiles(output_shape: Sequence[int], side: int) -> int:
    images, _, height, width = output_shape
    return images * ((height + side - 1) // side) * ((width + side - 1) // side)


class TransformedBytes:
    """Weights packed for QuantizedWinograd, from an i8 array (Cout, Cin, 3, 3) of at most MOST_CHANNELS channels.

    packed: what those of an equal array showed as `packed`; `weights` then tells its shape alone. nbytes: memory held.
    ValueError for other weights. width: columns of a panel.
    """

    width: int
    window = (3, 3)
    groups = 1

    def __init__(self, weights: Array, packed: Array | None = None) -> None:
        self.columns, self.depth = weights.shape[:2]
        if self.depth > MOST_CHANNELS or weights.dtype != np.int8:
            raise ValueError(
                f"expected int8 weights of at most {MOST_CHANNELS} channels, got {weights.dtype} {weights.shape}"
            )
        pairs, panels = -(-self.depth // 2), -(-self.columns // self.width)
        self.nbytes = PARTS * pairs * panels * self.width * 2 * 2
        if packed is not None:
            if len(packed) != self.nbytes:
                raise ValueError(f"expected {self.nbytes} bytes of packed weights, got {len(packed)}")
            self.packed = packed
            return
        twice = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]], np.int16)
        parts = np.einsum("ai,ncij,bj->abcn", twice, weights.astype(np.int16), twice, optimize=True)
        filled = np.zeros((PARTS, 2 * pairs, panels * self.width), np.int16)
        filled[:, : self.depth, : self.columns] = parts.reshape(PARTS, self.depth, self.columns)
        filled = filled.reshape(PARTS, pairs, 2, panels, self.width).transpose(0, 3, 1, 4, 2)
        self.packed = np.asarray(Block(self.nbytes))
        self.packed.view(np.int16)[:] = filled.reshape(-1)


def int8_parts(weights: Array) -> list[Array]:
    """Integers as the arrays of signed bytes, up to three, whose sum they are, for pack_int8().

    weights: an array of i8, or of i16 from -256 to 255. ValueError for others.
    """
    if weights.dtype == np.int8:
        return [weights]
    if weights.dtype != np.int16 or weights.min(initial=0) < -256 or weights.max(initial=0) > 255:
        raise ValueError(f"expected weights of int8, or of int16 from -256 to 255, got {weights.dtype}")
    parts: list[Array] = []
    while not parts or weights.any():
        parts.append(np.clip(weights, -128, 127).astype(np.int8))
        weights = weights - parts[-1]
    return parts
