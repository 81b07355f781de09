"""Weights that a model stores in a few bits stay compressed.

Matrix products by (code - zero) * scale, of constant codes, become CompressedMatMul, which reads the codes themselves;
rows that are gathered from such a table are gathered as codes. Scales and zero points may be one for all, one a row or
a column, or one a block of neighbouring elements; blocks too small to gain anything are left to constant folding.
"""

from __future__ import annotations

from math import gcd, prod
from typing import NamedTuple

import numpy as np

from ...graph import Constant, Model, Node, Output
from ...graph.operator import Array
from ...ops import NEWEST_OPSET as NEWEST
from ...ops import factories
from ...ops.compressed import CompressedMatMul, Decompress, packed_rows
from ...types import Type
from .making import literal
from .match import constant, is_op
from .quantization import dequantized

SMALLEST_GROUP = 8  # elements that share a scale; with fewer the scales take as much memory as the elements


class Blocked(NamedTuple):
    """A matrix (R, C), one value for each block of it. values: (r, c). rows, columns: of a block."""

    values: Array
    rows: int
    columns: int

    def transposed(self) -> Blocked:
        return Blocked(self.values.T, self.columns, self.rows)


class Compressed(NamedTuple):
    """A matrix (codes - zeros) * scales, codes being integers of 8 bits (R, C)."""

    codes: Array
    scales: Blocked
    zeros: Blocked

    def transposed(self) -> Compressed:
        return Compressed(self.codes.T, self.scales.transposed(), self.zeros.transposed())


def compress_weights(model: Model) -> None:
    """See above. To come before constants of bytes are folded."""
    for node in model.get_ordered_ops():
        if node.op.type == "MatMul":
            _multiply(node)
        elif node.op.type == "Gather":
            _gather(node)


def _multiply(node: Node) -> None:
    attributes, x = node.op.attributes(), node.sources[0]
    if attributes["transpose_a"] or x.element_type is not Type.f32 or not x.partial_shape.has_rank:
        return
    weights = _matrix(node.sources[1])
    rows = None if weights is None else _rows(weights if attributes["transpose_b"] else weights.transposed())
    if rows is None:
        return
    op, *parts = rows
    product = Node(CompressedMatMul(op), [x, *map(literal, parts)], node.friendly_name)
    node.output(0).replace(product.output(0))


def _gather(node: Node) -> None:
    """Rows of a table; the codes, the scales and the zero points are gathered, each by itself."""
    axis = constant(node.sources[2])
    if axis is None or axis.size != 1 or axis.flat[0] not in (0, -2) or node.op.attributes().get("batch_dims"):
        return
    table = _matrix(node.sources[0])
    rows = None if table is None else _rows(table)
    if rows is None:
        return
    op, *parts = rows
    gather, zero = factories(NEWEST)["gather"], Constant.of(np.array(0))
    codes, scales, zeros = parts
    several = [codes, scales] if zeros.size == 1 else [codes, scales, zeros]
    found = [gather(literal(part), node.sources[1], zero).output(0) for part in several]
    if zeros.size == 1:
        found.append(literal(zeros))
    node.output(0).replace(Node(op, found, node.friendly_name).output(0))


def _matrix(output: Output) -> Compressed | None:
    """The compressed matrix that a tensor is; what lies behind the multiplication moves elements."""
    node, shape = output.node, output.partial_shape
    if not shape.is_static or len(shape) != 2 or 0 in shape.to_shape() or output.element_type is not Type.f32:
        return None
    if is_op(output, "Transpose"):
        inner = _matrix(node.sources[0])
        order = constant(node.sources[1])
        swapped = order is not None and (order.size == 0 or list(order) == [1, 0])
        return inner.transposed() if inner is not None and swapped else None
    if is_op(output, "Slice"):
        return _cut(node)
    moved = is_op(output, "Reshape", "Squeeze", "Unsqueeze")
    real = dequantized(node.sources[0] if moved else output)
    array = None if real is None else constant(real.data)
    if real is None or array is None or real.dynamic is not None:
        return None
    scales, zeros = (_blocked(values, array.shape, tuple(shape.to_shape())) for values in (real.scale, real.zero))
    return None if scales is None or zeros is None else Compressed(array.reshape(shape.to_shape()), scales, zeros)


def _cut(node: Node) -> Compressed | None:
    """The first columns of a matrix."""
    inner = _matrix(node.sources[0])
    given = [constant(source) for source in node.sources[1:]]
    if inner is None or len(given) != 4 or any(array is None or array.size != 1 for array in given):
        return None
    start, _, step, axis = (int(array.flat[0]) for array in given if array is not None)
    if (start, step) != (0, 1) or axis not in (1, -1):
        return None
    return inner._replace(codes=inner.codes[:, : int(node.output(0).shape[1])])


def _blocked(values: Array, before: tuple[int, ...], after: tuple[int, ...]) -> Blocked | None:
    """What broadcasts to a tensor that is reshaped to a matrix, in blocks of the matrix; None where it has none,
    or infinities, which products can't be multiplied by afterwards."""
    if values.ndim > len(before) or not np.isfinite(values).all():
        return None
    shape = (1,) * (len(before) - values.ndim) + values.shape
    split = next((i for i in range(len(before) + 1) if prod(before[:i]) == after[0]), None)
    if split is None or prod(before[split:]) != after[1]:
        return None
    counts = []
    for axes in (slice(split), slice(split, None)):
        pairs = list(zip(shape[axes], before[axes], strict=True))
        while pairs and pairs[0][0] == pairs[0][1]:
            del pairs[0]
        if any(held > 1 for held, _ in pairs):
            return None
        counts.append(prod(shape[axes]))
    return Blocked(values.reshape(counts), after[0] // counts[0], after[1] // counts[1])


def _rows(matrix: Compressed) -> tuple[Decompress, Array, Array, Array] | None:
    """The operator that makes rows of a matrix real, and the codes, scales and zero points that it takes."""
    count, depth = matrix.codes.shape
    parts = [_by_row(part, count, depth) for part in (matrix.scales, matrix.zeros)]
    several = [size for values, size in parts if values.shape[1] > 1]
    group = gcd(*several) if several else depth
    if not matrix.codes.size or group < min(SMALLEST_GROUP, depth):
        return None
    scales, zeros = (
        np.repeat(values, size // group, axis=1)[:, : -(-depth // group)]
        if values.shape[1] > 1
        else np.broadcast_to(values, (count, -(-depth // group)))
        for values, size in parts
    )
    codes, offset, bits = _unsigned(matrix.codes)
    zeros = zeros + np.float32(offset)
    if (zeros == zeros.flat[0]).all():
        zeros = zeros[:1, :1]
    return Decompress(bits, depth, group), packed_rows(codes, bits), scales, zeros


def _by_row(part: Blocked, count: int, depth: int) -> tuple[Array, int]:
    """Values of a row each, (rows, groups), and the columns of a group."""
    values = np.asarray(part.values, np.float32)
    values = (
        np.repeat(values, part.rows, axis=0)[:count]
        if len(values) > 1
        else np.broadcast_to(values, (count, values.shape[1]))
    )
    values, size = values[:, : -(-depth // part.columns)], part.columns
    changes = np.flatnonzero((values[:, 1:] != values[:, :-1]).any(axis=0)) + 1
    together = gcd(*map(int, changes)) if changes.size else values.shape[1]
    return values[:, ::together], size * together


def _unsigned(codes: Array) -> tuple[Array, int, int]:
    """Integers of 8 bits as codes of as few bits as hold them, what they are greater by, and the bits."""
    least, most = int(codes.min()), int(codes.max())
    for bits in (2, 4, 8):
        offset = 1 << (bits - 1) if codes.dtype == np.int8 else 0
        if least + offset >= 0 and most + offset < 1 << bits:
            break
    return codes.view(np.uint8) + np.uint8(offset), offset, bits
