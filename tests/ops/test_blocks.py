"""SpaceToDepth, DepthToSpace, SpaceToBatch, BatchToSpace, ShuffleChannels, Reverse, ReverseSequence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Constant, Node
from ovlite.ops import factories
from ovlite.ops.blocks import Reverse
from ovlite.types import Type

from .support import check, fixed
from .test_shape import numbers, shape_of, tensor

F = factories(16)


def ints(*values: int) -> fixed:
    return fixed(np.array(values, np.int64))


SPATIAL = [((2, 4, 6), 2), ((2, 4, 6, 4), 2), ((1, 9, 3, 6), 3), ((1, 8, 2, 4, 2), 2), ((2, 3, 2, 2), 1)]


@pytest.mark.parametrize(("shape", "block"), SPATIAL)
@pytest.mark.parametrize("mode", ["blocks_first", "depth_first"])
def test_depth_and_space_undo_each_other(shape: tuple[int, ...], block: int, mode: str) -> None:
    data = numbers(*shape)
    deep = check("space_to_depth", data, mode, block)[0]
    assert deep.shape == (shape[0], shape[1] * block ** (len(shape) - 2), *(dim // block for dim in shape[2:]))
    check("depth_to_space", deep, mode, block, expected=data)


def test_places_of_space_to_depth() -> None:
    data = numbers(1, 2, 2, 2)
    check("space_to_depth", data, "blocks_first", 2, expected=np.float32([0, 4, 1, 5, 2, 6, 3, 7]).reshape(1, 8, 1, 1))
    check("space_to_depth", data, "depth_first", 2, expected=np.arange(8, dtype=np.float32).reshape(1, 8, 1, 1))


def test_depth_and_space_of_unknown_shapes() -> None:
    assert shape_of(F["space_to_depth"](tensor("?,3,4..8,?"), "blocks_first", 2)) == "[?,12,2..4,?]"
    assert shape_of(F["depth_to_space"](tensor("?,?,4,5"), "blocks_first", 2)) == "[?,?,8,10]"


@pytest.mark.parametrize(
    ("factory", "shape", "arguments", "message"),
    [
        ("space_to_depth", "1,1,3,4", ("blocks_first", 2), "dimension 2 is 3, which 2 does not divide"),
        ("depth_to_space", "1,6,3,4", ("blocks_first", 2), "the number of channels is 6, which 4 does not divide"),
        ("depth_to_space", "1,4,3,4", ("odd", 2), "mode to be one of blocks_first, depth_first, got 'odd'"),
        ("depth_to_space", "1,4,3,4", ("blocks_first", 0), "block_size to be positive"),
        ("space_to_depth", "1,4", ("blocks_first", 1), "spatial dimensions"),
        ("shuffle_channels", "1,4", (1, 3), "dimension 1 is 4, which 3 does not divide"),
        ("shuffle_channels", "1,4", (2, 2), "axis 2 is out of range"),
        ("space_to_batch", "1,4", ([1, 3], [0, 0], [0, 0]), "padded dimension 1 is 4, which 3 does not divide"),
        ("space_to_batch", "1,4", ([2, 2], [0, 0], [0, 0]), "to start with 1"),
        ("space_to_batch", "1,4", ([1], [0, 0], [0, 0]), "one element for each dimension"),
        ("batch_to_space", "3,4", ([1, 2], [0, 0], [0, 0]), "the batch is 3, which 2 does not divide"),
        ("batch_to_space", "2,2", ([1, 2], [0, 3], [0, 2]), "more than dimension 1"),
        ("reverse_sequence", "3,4", ([1, 2], 0, 1), "one element for each of 3"),
        ("reverse_sequence", "3,4", ([1, 2, 3], 0, 2), "seq_axis 2 is out of range"),
    ],
)
def test_blocks_refuse(factory: str, shape: str, arguments: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        F[factory](tensor(shape), *arguments)


def space_to_batch(data: np.ndarray, block: Any, begin: Any, end: Any) -> np.ndarray:
    """Element (b0, b1, ..., 0, i0, i1, ...) is that of the padded data at i * block + b, for each axis."""
    padded = np.pad(data, list(zip(begin, end, strict=True)))
    split = padded.reshape(
        [part for dim, size in zip(padded.shape, block, strict=True) for part in (dim // size, size)]
    )
    ordered = split.transpose([*range(1, split.ndim, 2), *range(0, split.ndim, 2)])
    return ordered.reshape(-1, *(dim // size for dim, size in list(zip(padded.shape, block, strict=True))[1:]))


@pytest.mark.parametrize(
    ("shape", "block", "begin", "end"),
    [
        ((1, 4), (1, 2), (0, 0), (0, 0)),
        ((2, 3, 5), (1, 2, 3), (0, 1, 0), (0, 0, 1)),
        ((1, 2, 4, 6), (1, 1, 2, 2), (0, 0, 0, 0), (0, 0, 2, 0)),
        ((2, 3, 2, 1, 2), (1, 1, 2, 1, 2), (0,) * 5, (0,) * 5),
    ],
)
def test_batch_and_space_undo_each_other(shape: Any, block: Any, begin: Any, end: Any) -> None:
    data = numbers(*shape) + 1
    peer = {2: "", 3: "reference"}.get(len(shape), "cpu")  # as far as OpenVINO goes
    expected = space_to_batch(data, block, begin, end)
    batched = check("space_to_batch", data, ints(*block), ints(*begin), ints(*end), expected=expected, peer=peer)[0]
    check("batch_to_space", batched, ints(*block), ints(*begin), ints(*end), expected=data, peer=peer)


@pytest.mark.parametrize(
    ("shape", "axis", "group"),
    [((2, 6, 2), 1, 3), ((2, 6, 2), 1, 2), ((4, 3), 0, 2), ((2, 3, 4), 2, 4), ((2, 3), 1, 1)],
)
def test_shuffle_channels(shape: tuple[int, ...], axis: int, group: int) -> None:
    data = numbers(*shape)
    order = np.arange(shape[axis]).reshape(group, -1).T.ravel()
    check("shuffle_channels", data, axis, group, expected=data.take(order, axis))
    found = F["shuffle_channels"](tensor(str(list(shape))), axis - len(shape), group).op.evaluate(data)[0]
    np.testing.assert_array_equal(found, data.take(order, axis))


@pytest.mark.parametrize(
    ("mode", "axes"),
    [("index", [0]), ("index", [-1, 0]), ("index", []), ("mask", [True, False]), ("mask", [True, True])],
)
def test_reverse(mode: str, axes: list[Any]) -> None:
    data = numbers(3, 4)
    given = np.array(axes, bool if mode == "mask" else np.int64)
    node = Node(Reverse(mode), [tensor("3,4").output(0), Constant(given).output(0)])
    chosen = tuple(np.flatnonzero(given)) if mode == "mask" else tuple(axes)
    assert shape_of(node) == "[3,4]"
    np.testing.assert_array_equal(node.op.evaluate(data, given)[0], np.flip(data, chosen))


@pytest.mark.parametrize(
    ("mode", "axes", "message"),
    [
        ("index", [2], "axis 2 is out of range"),
        ("index", [0, 0], "each axis once"),
        ("mask", [True], "one element for each"),
        ("odd", [0], "mode to be one of"),
    ],
)
def test_reverse_refuses(mode: str, axes: list[Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Node(Reverse(mode), [tensor("3,4").output(0), Constant(np.array(axes)).output(0)])


@pytest.mark.parametrize(
    ("batch_axis", "seq_axis", "lengths"), [(0, 1, [1, 4, 2]), (1, 0, [3, 1, 2, 3]), (0, 2, [1, 2, 2]), (2, 1, [4, 3])]
)
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_reverse_sequence(batch_axis: int, seq_axis: int, lengths: list[int], dtype: type) -> None:
    data = numbers(3, 4, 2)
    expected = data.copy()
    for i, length in enumerate(lengths):
        index: list[Any] = [slice(None)] * 3
        index[batch_axis] = i
        index[seq_axis] = slice(0, length)
        turned = list(index)
        turned[seq_axis] = slice(length - 1, None, -1)
        expected[tuple(index)] = data[tuple(turned)]
    check("reverse_sequence", data, np.array(lengths, dtype), batch_axis, seq_axis, expected=expected)


def test_reverse_sequence_checks_lengths() -> None:
    op = F["reverse_sequence"](tensor("2,3"), tensor("2", Type.i64), 0, 1).op
    with pytest.raises(ModelError, match=r"sequence lengths to be 0 to 3, got \[1, 4\]"):
        op.evaluate(numbers(2, 3), np.array([1, 4]))
