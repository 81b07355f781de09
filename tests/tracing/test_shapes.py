"""Functions that move elements, and indices."""

import numpy as np
import pytest

import ovlite as ov
from ovlite.errors import TraceError

from .support import check

A = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
B = A[0].astype(np.int16)
MOVES = {
    "flip": lambda a: (np.flip(a), np.flip(a, 1), np.flip(a, (0, -1)), np.flipud(a), np.fliplr(a)),
    "rot90": lambda a: [np.rot90(a, k) for k in range(-1, 5)],
    "roll": lambda a: (np.roll(a, 2), np.roll(a, -1, 1), np.roll(a, (1, 5), (0, 1)), np.roll(a, (1, 2)), np.roll(a, 0)),
    "tile": lambda a: (np.tile(a, 2), np.tile(a, (2, 1, 3)), np.tile(a, (2, 1, 1, 2)), np.tile(a, 0)),
    "repeat": lambda a: (np.repeat(a, 2), a.repeat(3, 1), np.repeat(a, [1] * (a.shape[0] - 1) + [3], 0)),
    "take": lambda a: (np.take(a, [5, 0, -1]), a.take([[1, 0]], 1), np.take(a, 1, axis=-1)),
    "pad": lambda a: (np.pad(a, 1), np.pad(a, ((1, 0),) * a.ndim, constant_values=7), np.pad(a, (2, 3))),
    "pad edges": lambda a: [np.pad(a, 1, mode=mode) for mode in ("edge", "reflect", "symmetric", "wrap")],
    "diagonal": lambda a: (np.diagonal(a), np.diagonal(a, 1, 1, 0), np.trace(a), np.tril(a), np.triu(a, -1)),
    "joined": lambda a: (np.stack([a, a > 2], -1), np.append(a, a), np.concatenate([a, a], None), np.vstack([a, a])),
    "parts": lambda a: (np.split(a, 2, axis=-1), np.split(a, [1, 5], axis=1), np.array_split(a, 1), np.delete(a, 1)),
    "axes": lambda a: (np.moveaxis(a, 0, -1), np.rollaxis(a, 1), a.transpose(), np.expand_dims(a, (0, -1)), a.T),
    "made": lambda a: (np.full_like(a, 3), np.zeros_like(a, dtype=int), np.ones_like(a, shape=(2, 2)), a * np.ones(1)),
    "differences": lambda a: (np.diff(a), np.diff(a, n=2, axis=0), np.diff(a > 3, axis=1)),
    "broadcast": lambda a: (np.broadcast_to(a, (2, *a.shape)), *np.broadcast_arrays(a, a[:1]), np.atleast_2d(a[0, 0])),
    "chosen": lambda a: (np.select([a > 9, a > 4], [a, -a], 1), np.select([a > 3], [1.5])),
}  # fmt: skip
INDICES = {
    "basic": lambda a: (a[::-2, 3:0:-1], a[-100:100, 50:], a[None, ..., None, 0], a[()], a[np.int64(-1)]),
    "arrays": lambda a: (
        a[[1, 0]], a[:, [2, 0]], a[np.array([[0, 1], [1, -1]])], a[[]], a[np.array(1)], a[:, [0], None],
    ),
    "several": lambda a: (
        a[[0, 1], [1, 2]], a[0, [1, 2]], a[[[0], [1]], [1, 2]], a[[0, 1], :, [1]] if a.ndim > 2 else a,
    ),
    "masks": lambda a: (
        a[[True, False, *[True] * (a.shape[0] - 2)]], a[np.arange(a.size).reshape(a.shape) > 3], a[True],
    ),
}  # fmt: skip


@pytest.mark.parametrize("array", [A, B], ids=["f32 3-D", "i16 2-D"])
@pytest.mark.parametrize("name", MOVES)
def test_moves(name, array):
    check(MOVES[name], array)


@pytest.mark.parametrize("array", [A, B], ids=["f32 3-D", "i16 2-D"])
@pytest.mark.parametrize("name", INDICES)
def test_indices(name, array):
    check(INDICES[name], array)


def test_indices_that_are_computed():
    scores, labels = A[0], np.array([3, 0, -1])
    check(lambda a, i: (a[:, i], a[np.arange(3), i], a[i % 3], a[0, i], np.take(a, i, axis=1)), scores, labels)
    check(lambda a, i: np.take_along_axis(a, i[:, None], 1), scores, labels % 4)
    with pytest.raises(RuntimeError, match="out of range"):
        ov.jit(lambda a, i: a[i])(scores, labels)


def test_no_elements():
    check(lambda a: (a[:0].sum(0), a[:0].any(), a[:0].all(1), np.sort(a[:, :0]), a[:0] @ a.T, a[:, :0] @ a.T[:0]), A[0])
    with pytest.raises(ValueError, match="zero-size"):
        ov.jit(lambda a: a[:0].max())(A)


def test_layouts_of_arguments():
    for array in (A.T, A[::-1], A[:, ::2], np.broadcast_to(A[:1], A.shape), A.astype(">f4"), np.asfortranarray(A)):
        check(lambda a: a * 2, array)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda a: a.reshape(-1, order="F"), "in C order alone"),
        (lambda a: np.mean(a, where=a > 2), "where"),
        (lambda a: np.add(a, a, where=a > 2), "where"),
        (lambda a: np.add(a, a, out=np.zeros(a.shape)), "from outside"),
        (lambda a: np.sum(a, out=np.zeros(())), "out"),
        (lambda a: np.repeat(a, a.astype(int)), "depends on the elements"),
        (lambda a: np.mean(a, dtype=int), "a mean of dtype int64"),
        (lambda a: 2 ** a.astype(int), "may be negative"),
        (lambda a: np.pad(a, 1, mode="linear_ramp"), "pad is traced"),
        (lambda a: np.asarray(a), "needs the elements"),
        (lambda a: np.nan_to_num(a, copy=False), "writes in place"),
        (lambda a: a[a > 2], "a mask"),
        (lambda a: np.empty(a.shape).__setitem__(0, a), "needs the elements"),
        (lambda a: a.sort(), "sort can't be traced"),
        (lambda a: [object()], "type object"),
    ],
)
def test_what_is_refused(function, text):
    with pytest.raises(TraceError, match=text):
        ov.compile_function(function, A)


@pytest.mark.parametrize("array", [np.ma.array([1.0, 2], mask=[0, 1]), np.matrix([[1.0, 2]])], ids=["masked", "matrix"])
def test_arrays_with_a_meaning_of_their_own(array):
    with pytest.raises(TraceError, match=type(array).__name__):
        ov.jit(lambda a: a * a)(array)
    with pytest.raises(TraceError, match=type(array).__name__):
        ov.jit(lambda a: a + array)(A[0, 0, :2])
