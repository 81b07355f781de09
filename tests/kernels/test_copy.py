import itertools

import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

from .layouts import channels_last, view_of

UNTOUCHED = 77


def numbers(shape, dtype=np.float32):
    return (np.arange(np.prod(shape, dtype=int)) % 2039).astype(dtype).reshape(shape)


def copy_to_channels_last(x, pixel_pad, border, threads):
    """Memory and image after Copy of x into a channels-last image."""
    memory, image = channels_last(x.shape, x.dtype, pixel_pad, border, UNTOUCHED)
    step = kernels.family("copy").Copy(view_of(0, x), view_of(1, image, memory))
    run_steps([step], [x, memory], threads)
    return memory, image


@pytest.mark.parametrize(
    "shape",
    [
        (1, 3, 224, 224),
        (1, 64, 56, 56),
        (1, 512, 7, 7),
        (2, 1, 5, 5),
        (1, 2, 3, 200),
        (1, 4, 1, 1),
        (1, 15, 4, 4),
        (1, 16, 4, 4),
        (1, 17, 3, 11),
        (1, 65, 13, 5),
        (1, 200, 1, 129),
        (3, 5, 7),
        (1, 9, 3, 4, 5),
        (0, 3, 4, 4),
        (1, 0, 4, 4),
    ],
)
@pytest.mark.parametrize("pixel_pad, border", [(0, 0), (16, 0), (16, 1), (1, 2)])
def test_planar_to_channels_last_and_back(level, threads, shape, pixel_pad, border):
    x = numbers(shape)
    memory, image = copy_to_channels_last(x, pixel_pad, border, threads)
    np.testing.assert_array_equal(image, x)
    image[...] = UNTOUCHED
    assert (memory == UNTOUCHED).all()

    image[...] = x
    back = np.zeros_like(x)
    run_steps([kernels.family("copy").Copy(view_of(0, image, memory), view_of(1, back))], [memory, back], threads)
    np.testing.assert_array_equal(back, x)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "float16", "int32", "float64", "int64"])
@pytest.mark.parametrize("shape", [(1, 3, 20, 20), (1, 8, 9, 8), (1, 17, 16, 33), (2, 64, 12, 12)])
def test_element_sizes(level, threads, dtype, shape):
    x = numbers(shape, dtype)
    np.testing.assert_array_equal(copy_to_channels_last(x, 3, 1, threads)[1], x)


@pytest.mark.parametrize("axes", list(itertools.permutations(range(4))))
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 64, 20, 32), (17, 1, 33, 16), (2, 19, 2, 2)])
def test_permutations(level, threads, axes, shape):
    x = numbers(shape)
    source = np.transpose(x, axes)
    y = np.zeros(source.shape, np.float32)
    run_steps([kernels.family("copy").Copy(view_of(0, source, x), view_of(1, y))], [x, y], threads)
    np.testing.assert_array_equal(y, source)


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 7, 15, 16, 17, 28, 33])
@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 8, 15, 16, 17])
def test_small_planes_of_bytes_are_turned(level, rows, columns):
    """As channels that are shuffled between groups are, pixel by pixel; what lies between is left."""
    x = numbers((5, columns, rows), np.uint8)
    source = np.transpose(x, (0, 2, 1))
    for pad in (0, 3):
        memory = np.full((5, rows, columns + pad), UNTOUCHED, np.uint8)
        y = memory[:, :, :columns]
        run_steps([kernels.family("copy").Copy(view_of(0, source, x), view_of(1, y, memory))], [x, memory], 2)
        np.testing.assert_array_equal(y, source)
        assert (memory[:, :, columns:] == UNTOUCHED).all()


@pytest.mark.parametrize("run", [*range(1, 36), 63, 64, 65])
def test_short_runs_leave_what_lies_between(level, run):
    x = numbers((9, run), np.uint8)
    memory = np.full((9, run + 5), UNTOUCHED, np.uint8)
    y = memory[:, :run]
    run_steps([kernels.family("copy").Copy(view_of(0, x), view_of(1, y, memory))], [x, memory])
    np.testing.assert_array_equal(y, x)
    assert (memory[:, run:] == UNTOUCHED).all()


@pytest.mark.parametrize(
    "shape, target",
    [
        ((1, 64, 1, 1), (2, 64, 30, 30)),
        ((30,), (50, 30)),
        ((50, 1), (50, 700)),
        ((1,), (40000,)),
        ((), (3, 5)),
        ((1, 1, 6, 7), (1, 40, 6, 7)),
        ((2, 1, 3, 1), (2, 5, 3, 90)),
    ],
)
def test_broadcast(level, threads, shape, target):
    x = numbers(shape)
    source = np.broadcast_to(x, target)
    y = np.zeros(target, np.float32)
    run_steps([kernels.family("copy").Copy(view_of(0, source, x), view_of(1, y))], [x, y], threads)
    np.testing.assert_array_equal(y, source)
    memory, image = channels_last(target, pixel_pad=1) if len(target) > 2 else (y, y)
    run_steps([kernels.family("copy").Copy(view_of(0, source, x), view_of(1, image, memory))], [x, memory], threads)
    np.testing.assert_array_equal(image, source)


@pytest.mark.parametrize(
    "index",
    [
        np.s_[::-1],
        np.s_[:, ::-1],
        np.s_[::2, ::3],
        np.s_[5:1:-2, 3:, 1],
        np.s_[:, 7:8],
        np.s_[..., ::-2],
        np.s_[:0],
    ],
)
def test_slices(level, index):
    x = numbers((11, 40, 6))
    source = x[index]
    y = np.zeros(source.shape, np.float32)
    run_steps([kernels.family("copy").Copy(view_of(0, source, x), view_of(1, y))], [x, y])
    np.testing.assert_array_equal(y, source)


def test_one_long_run_is_shared(level):
    x = numbers((300_001,))
    y = np.zeros_like(x)
    step = kernels.family("copy").Copy(view_of(0, x), view_of(1, y))
    assert step.width > 8
    run_steps([step], [x, y], 2)
    np.testing.assert_array_equal(y, x)
    assert kernels.family("copy").Copy(View(0, "f4", (100, 100)), View(1, "f4", (100, 100))).width == 1


@pytest.mark.parametrize(
    "dtype, value",
    [
        ("float32", -2.5),
        ("float32", float("-inf")),
        ("uint8", 200),
        ("int64", -(2**40)),
        ("float16", 1.5),
        ("bool", True),
    ],
)
def test_fill(level, threads, dtype, value):
    memory, image = channels_last((2, 5, 60, 61), dtype, 3, 1, 0)
    run_steps([kernels.family("copy").Fill(view_of(0, image, memory), value)], [memory], threads)
    expected = np.zeros_like(memory)
    expected[:, 1:-1, 1:-1, :5] = value
    np.testing.assert_array_equal(memory, expected)


@pytest.mark.parametrize("spatial", [(6,), (6, 7), (3, 4, 5), (1, 1)])
@pytest.mark.parametrize("at_run", [False, True])
def test_fill_border(level, threads, spatial, at_run):
    """With a number, or with one that a run gives."""
    memory, image = channels_last((2, 5, *spatial), "float32", 3, 2, UNTOUCHED)
    rank = len(spatial)
    begin, end = [2, 1, 0][:rank], [1, 2, 2][:rank]
    value = View(1, "f4", ()) if at_run else 9
    step = kernels.family("copy").FillBorder(view_of(0, image, memory), begin, end, value)
    run_steps([step], [memory, np.float32(9).reshape(1)], threads)
    expected = np.full_like(memory, UNTOUCHED)
    around = tuple(slice(2 - b, 2 + n + e) for b, n, e in zip(begin, spatial, end, strict=True))
    expected[(slice(None), *around, slice(0, 5))] = 9
    expected[(slice(None), *(slice(2, 2 + n) for n in spatial))] = UNTOUCHED
    np.testing.assert_array_equal(memory, expected)


@pytest.mark.parametrize("axis, pieces", [(0, [1, 200, 3]), (1, [5, 1, 40, 7]), (2, [64, 64]), (1, [0, 30])])
def test_copy_many_joins_tensors(level, threads, axis, pieces):
    shapes = [[6, 20, 30] for _ in pieces]
    for shape, length in zip(shapes, pieces, strict=True):
        shape[axis] = length
    arrays = [numbers(shape) + 1 for shape in shapes]
    expected = np.concatenate(arrays, axis)
    y = np.zeros_like(expected)
    parts = np.split(y, np.cumsum(pieces)[:-1], axis)
    pairs = [(view_of(i + 1, x), view_of(0, part, y)) for i, (x, part) in enumerate(zip(arrays, parts, strict=True))]
    run_steps([kernels.family("copy").CopyMany(pairs)], [y, *arrays], threads)
    np.testing.assert_array_equal(y, expected)


def test_copy_many_takes_constants_and_no_pairs(level):
    y = numbers((4, 4))
    step = kernels.family("copy").CopyMany([(1.5, view_of(0, y[:2], y)), (2.5, view_of(0, y[2:], y))])
    run_steps([step, kernels.family("copy").CopyMany([])], [y])
    np.testing.assert_array_equal(y, np.repeat([1.5, 2.5], 8).reshape(4, 4))


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric", "wrap"])
@pytest.mark.parametrize(
    "shape, begin, end",
    [
        ((5,), (2,), (4,)),
        ((1, 3, 40, 50), (0, 0, 3, 2), (0, 0, 1, 4)),
        ((4, 3), (0, 0), (0, 0)),
        ((6, 5, 4), (5, 0, 3), (0, 4, 1)),
        ((), (), ()),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8"])
def test_pad(level, threads, mode, shape, begin, end, dtype):
    x = numbers(shape, dtype)
    options = {"constant_values": 3} if mode == "constant" else {}
    expected = np.pad(x, list(zip(begin, end, strict=True)), mode, **options) if shape else x
    y = np.zeros_like(expected)
    run_steps([kernels.family("copy").Pad(view_of(0, x), view_of(1, y), begin, end, mode, 3)], [x, y], threads)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric", "wrap"])
def test_negative_pads_crop_first(level, mode):
    x = numbers((7, 8))
    expected = np.pad(x[2:, :-3], [(0, 3), (2, 0)], mode)
    y = np.zeros_like(expected)
    run_steps([kernels.family("copy").Pad(view_of(0, x), view_of(1, y), (-2, 2), (3, -3), mode)], [x, y])
    np.testing.assert_array_equal(y, expected)


def test_padding_of_nothing_and_cropping_of_everything(level):
    y = np.zeros((3, 4), np.float32)
    for shape, begin, end in ((0, 4), (3, 0), (0, 0)), ((3, 6), (0, -7), (0, 5)):
        run_steps([kernels.family("copy").Pad(View(1, "f4", shape), view_of(0, y), begin, end, value=2)], [y, y.copy()])
        assert (y == 2).all()


def test_errors():
    family = kernels.family("copy")
    x = View(0, "f4", (3, 4))
    with pytest.raises(ValueError, match=r"Copy: expected y of float32 \(3, 4\), got float32 \(4, 3\)"):
        family.Copy(x, View(1, "f4", (4, 3)))
    with pytest.raises(ValueError, match=r"Copy: expected y of float32 \(3, 4\), got int32 \(3, 4\)"):
        family.Copy(x, View(1, "i4", (3, 4)))
    with pytest.raises(ValueError, match="expected a mode of constant, .*, got 'mirror'"):
        family.Pad(x, x, (0, 0), (0, 0), "mirror")
    with pytest.raises(ValueError, match=r"expected y of shape \(5, 4\) .*, got \(6, 4\)"):
        family.Pad(x, View(1, "f4", (6, 4)), (1, 0), (1, 0))
    with pytest.raises(ValueError, match="expected at most 2 elements to be added to 3 in mode reflect, got 3"):
        family.Pad(x, View(1, "f4", (6, 4)), (3, 0), (0, 0), "reflect")
    with pytest.raises(ValueError, match="expected at most 0 elements to be added to 0 in mode edge, got 1"):
        family.Pad(View(0, "f4", (0,)), View(1, "f4", (1,)), (1,), (0,), "edge")
