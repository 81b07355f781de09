"""Every kernel on operands of many layouts and odd sizes that lie between pages which can't be touched.

What lies in an operand's gaps is NaN, what lies behind a written operand is to stay as it was, and dimensions of
one element have strides that say nothing. The geometries are drawn with fixed seeds: sizes of 0 and 1, around a
vector's width, windows larger than images, padding larger than windows.
"""

import numpy as np
import pytest

from ovlite.kernels import family
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.phases import transpose_border

from .guarded import Operand
from .images import tolerance
from .test_attention import exact as expected_attention
from .test_convolution import convolve, transpose_convolve
from .test_pooling import expected_max, expected_mean
from .test_resize import expected_linear
from .test_scan import expected as expected_scan
from .test_topk import expected as expected_topk

pytestmark = pytest.mark.usefixtures("level")

SIZES = [0, 1, 1, 1, 2, 2, 3, 4, 5, 7, 8, 9]
CHANNELS = [1, 1, 2, 3, 4, 5, 8, 15, 16, 17, 33, 65]


def drawn(rng, sizes, count=None):
    """A size, or a tuple of `count` sizes."""
    found = tuple(int(size) for size in rng.choice(sizes, 1 if count is None else count))
    return found[0] if count is None else found


def numbers(rng, shape, dtype=np.float32):
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(-9, 9, shape).astype(dtype)


def any_order(rng, rank):
    return [int(d) for d in rng.permutation(rank)]


def image_order(rng, rank):
    """Channels-last or planar."""
    return [0, *range(2, rank), 1] if rng.integers(2) else list(range(rank))


def run(rng, make, sources, target, expected, terms=None):
    """Runs make(views of the sources, view of the target): `expected` in the target, the rest as it was.

    expected: an array, or one with NaN that stands for whatever. terms: of the longest sum of products; None
    where the result is to be equal.
    """
    operands = [*sources, target]
    views = [operand.view(slot) for slot, operand in enumerate(operands)]
    steps = make(*views)
    given = [source.memory.tobytes() for source in sources]
    outside = target.outside()
    target.array[...] = 99
    steps = steps if isinstance(steps, list) else [steps]
    run_steps(steps, [operand.memory for operand in operands], int(rng.integers(1, 3)))
    if terms is None:
        np.testing.assert_array_equal(target.array, expected)
    else:
        np.testing.assert_allclose(target.array, expected, rtol=1e-5, atol=tolerance(terms))
    assert [source.memory.tobytes() for source in sources] == given
    assert target.outside() == outside


def each_round(seed, rounds):
    for number in rounds:
        yield np.random.default_rng([seed, number])


def drawn_windows(rng):
    """(spatial, outputs, (kernel, strides, dilations, pads_begin)) of 1 to 3 dimensions."""
    count = int(rng.integers(1, 4))
    spatial, kernel = drawn(rng, [1, 1, 1, 2, 3, 5, 9, 18], count), drawn(rng, [1, 1, 2, 3, 4], count)
    strides, dilations = drawn(rng, [1, 1, 2, 3, 5], count), drawn(rng, [1, 1, 2, 3], count)
    pads = drawn(rng, [0, 0, 1, 2, 5], count)
    outputs = drawn(rng, [0, 1, 1, 2, 3, 8, 17] if rng.integers(4) == 0 else [1, 1, 2, 3, 8, 17], count)
    return spatial, outputs, (kernel, strides, dilations, pads)


@pytest.mark.parametrize("name", ["MaxPool", "AvgPool"])
def test_pool(name, rounds):
    for rng in each_round(1, rounds):
        spatial, outputs, window = drawn_windows(rng)
        if rng.integers(8) == 0:
            spatial = (0, *spatial[1:])
        batch, channels = drawn(rng, [1, 2]), drawn(rng, CHANNELS)
        order = image_order(rng, 2 + len(spatial))
        x = Operand(rng, numbers(rng, (batch, channels, *spatial)), order, 3)
        y = Operand(rng, numbers(rng, (batch, channels, *outputs)), order, 3)
        if name == "MaxPool":
            expected = expected_max(x.array, *window, outputs)
            run(rng, lambda x, y, w=window: family("pooling").MaxPool(x, y, *w), [x], y, expected)
            continue
        ends = [1] * len(spatial)
        include = bool(rng.integers(2))
        padded_end = [size + 1 for size in spatial] if include else None
        expected = expected_mean(x.array, *window, outputs, padded_end)

        def make(x, y, window=window, include=include, ends=ends):
            return family("pooling").AvgPool(x, y, *window, count_include_pad=include, pads_end=ends)

        run(rng, make, [x], y, expected, 64)


def bordered(rng, values, border):
    """A channels-last image between zeros."""
    rank = values.ndim
    return Operand(rng, values, [0, *range(2, rank), 1], 3, [(0, 0), (0, 0), *border])


@pytest.mark.parametrize("kind", ["grouped", "depthwise", "winograd"])
@pytest.mark.parametrize("residual", [False, True])
def test_convolution(kind, residual, rounds):
    conv = family("convolution")
    for rng in each_round(2, rounds):
        spatial, outputs, (kernel, strides, dilations, pads) = drawn_windows(rng)
        groups = drawn(rng, [1, 1, 2, 3])
        depth, columns = drawn(rng, CHANNELS), drawn(rng, CHANNELS)
        if kind == "depthwise":
            groups, depth, columns = drawn(rng, CHANNELS), 1, 1
        if kind == "winograd":
            spatial, outputs, kernel = drawn(rng, [1, 2, 5], 2), drawn(rng, [1, 2, 3, 4, 5], 2), (3, 3)
            strides, dilations, pads = (1, 1), (1, 1), drawn(rng, [0, 1, 4], 2)
            groups, depth, columns = 1, drawn(rng, [16, 17, 33]), drawn(rng, [16, 31, 65])
        batch = drawn(rng, [0, 1, 1, 2])
        weights = numbers(rng, (groups * columns, depth, *kernel))
        bias = numbers(rng, groups * columns)
        geometry = {"strides": strides, "dilations": dilations, "pads_begin": pads}
        values = numbers(rng, (batch, groups * depth, *spatial))
        border = conv.convolution_border(spatial, outputs, kernel, strides, dilations, pads)
        x = bordered(rng, values, border)
        expected = np.zeros((batch, groups * columns, *outputs))
        if expected.size:
            expected = convolve(values, weights, strides, dilations, pads, outputs, groups)
        expected = expected + bias.reshape(-1, *[1] * len(spatial))
        sources = [x]
        if residual:
            shape = [drawn(rng, [1, size]) for size in expected.shape]
            sources.append(bordered(rng, numbers(rng, shape), [(0, 0)] * len(spatial)))
            expected = expected + sources[1].array
        y = bordered(rng, numbers(rng, expected.shape), [(0, 1)] * len(spatial))

        def make(x, *rest, weights=weights, bias=bias, groups=groups, geometry=geometry):
            options = {**geometry, "bias": bias, "residual": rest[0] if residual else None}
            if kind == "depthwise":
                return family("depthwise").Depthwise(x, rest[-1], weights=weights, **options)
            tile = 4 if kind == "winograd" else 0
            return conv.convolution_step(x, rest[-1], weights=weights, groups=groups, winograd=tile, **options)

        run(rng, make, sources, y, expected, 4 * weights[0].size)


def test_transposed_convolution(rounds):
    conv = family("convolution")
    for rng in each_round(3, rounds):
        spatial, _, (kernel, strides, dilations, pads) = drawn_windows(rng)
        groups, depth, columns = drawn(rng, [1, 1, 2]), drawn(rng, CHANNELS[:8]), drawn(rng, CHANNELS[:8])
        outputs = [
            max((n - 1) * s + (k - 1) * d + 1 - p + int(rng.integers(-2, 3)), 1)
            for n, s, k, d, p in zip(spatial, strides, kernel, dilations, pads, strict=True)
        ]
        weights = numbers(rng, (groups * depth, columns, *kernel))
        values = numbers(rng, (2, groups * depth, *spatial))
        x = bordered(rng, values, transpose_border(spatial, outputs, kernel, strides, dilations, pads))
        y = bordered(rng, numbers(rng, (2, groups * columns, *outputs)), [(1, 0)] * len(spatial))
        expected = transpose_convolve(values, weights, strides, dilations, pads, outputs, groups)

        def make(x, y, weights=weights, strides=strides, dilations=dilations, pads=pads, groups=groups):
            return conv.ConvolutionTranspose(
                x, y, weights=weights, strides=strides, dilations=dilations, pads_begin=pads, groups=groups
            )

        run(rng, make, [x], y, expected, 4 * depth * np.prod(kernel))


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("residual", [False, True])
def test_product(constant, residual, rounds):
    for rng in each_round(4, rounds):
        m, n = drawn(rng, [*SIZES, 17]), drawn(rng, [*SIZES, 15, 16, 17, 33, 65])
        k = drawn(rng, [*SIZES, 15, 16, 17, 33, 300])
        batch = drawn(rng, [0, 1, 1, 2, 3], int(rng.integers(3)))
        a = Operand(rng, numbers(rng, (*batch, m, k)), any_order(rng, len(batch) + 2), 2)
        b_batch = () if constant else tuple(drawn(rng, [1, size]) for size in batch)
        b = numbers(rng, (*b_batch, k, n))
        expected = a.array.astype(np.float64) @ b.astype(np.float64)
        sources = [a] if constant else [a, Operand(rng, b, any_order(rng, b.ndim), 2)]
        if residual:
            shape = [drawn(rng, [1, size]) for size in expected.shape]
            sources.append(Operand(rng, numbers(rng, shape), None, 2))
            expected = expected + sources[-1].array
        y = Operand(rng, numbers(rng, expected.shape), None, 2)

        def make(a, *rest, b=b):
            options = {"weights": b} if constant else {}
            other = None if constant else rest[0]
            return family("matmul").MatMul(a, other, rest[-1], residual=rest[-2] if residual else None, **options)

        run(rng, make, sources, y, expected, 4 * k)


def whole_numbers(rng, shape):
    """Numbers of which products and sums are exact in any kernel."""
    return rng.integers(-9, 10, shape).astype(np.float32)


def split_kernels():
    return [row for row in family("matmul").matrix_kernels() if row.products]


@pytest.mark.parametrize("constant", [False, True])
def test_product_of_parts(constant, rounds):
    for rng in each_round(30, rounds):
        m, n, k = (drawn(rng, [1, 2, 15, 16, 17, 31, 33, 50]) for _ in range(3))
        a = Operand(rng, whole_numbers(rng, (m, k)), any_order(rng, 2), 2)
        b = whole_numbers(rng, (k, n))
        sources = [a] if constant else [a, Operand(rng, b, any_order(rng, 2), 2)]
        y = Operand(rng, numbers(rng, (m, n)), None, 2)
        for row in split_kernels():

            def make(a, *rest, b=b, row=row):
                given = {"weights": family("matmul").pack(b, row)} if constant else {"kernel": row}
                return family("matmul").MatMul(a, None if constant else rest[0], rest[-1], **given)

            run(rng, make, sources, y, a.array @ b)


def test_transposed_convolution_of_parts(rounds):
    conv = family("convolution")
    for rng in each_round(32, rounds):
        spatial, _, (kernel, strides, dilations, pads) = drawn_windows(rng)
        groups, depth, columns = drawn(rng, [1, 1, 2]), drawn(rng, [3, 32]), drawn(rng, [1, 17, 33])
        outputs = [
            max((n - 1) * s + (k - 1) * d + 1 - p + int(rng.integers(-2, 3)), 1)
            for n, s, k, d, p in zip(spatial, strides, kernel, dilations, pads, strict=True)
        ]
        weights = whole_numbers(rng, (groups * depth, columns, *kernel))
        values = whole_numbers(rng, (2, groups * depth, *spatial))
        x = bordered(rng, values, transpose_border(spatial, outputs, kernel, strides, dilations, pads))
        y = bordered(rng, numbers(rng, (2, groups * columns, *outputs)), [(1, 0)] * len(spatial))
        expected = transpose_convolve(values, weights, strides, dilations, pads, outputs, groups)
        geometry = {"strides": strides, "dilations": dilations, "pads_begin": pads, "groups": groups}
        for row in split_kernels():

            def make(x, y, weights=weights, geometry=geometry, row=row):
                phases = conv.pack_phases(weights, *geometry.values(), row)
                return conv.ConvolutionTranspose(x, y, weights=phases, **geometry)

            run(rng, make, [x], y, expected)


@pytest.mark.parametrize("depth", [3, 32, 64])
def test_convolution_of_parts(depth, rounds):
    conv = family("convolution")
    for rng in each_round(31, rounds):
        spatial, outputs, (kernel, strides, dilations, pads) = drawn_windows(rng)
        groups, columns, batch = drawn(rng, [1, 1, 2]), drawn(rng, [1, 17, 33]), drawn(rng, [1, 2])
        weights = whole_numbers(rng, (groups * columns, depth, *kernel))
        values = whole_numbers(rng, (batch, groups * depth, *spatial))
        x = bordered(rng, values, conv.convolution_border(spatial, outputs, kernel, strides, dilations, pads))
        expected = np.zeros((batch, groups * columns, *outputs), np.float32)
        if expected.size:
            expected = convolve(values, weights, strides, dilations, pads, outputs, groups)
        y = bordered(rng, numbers(rng, expected.shape), [(0, 1)] * len(spatial))
        geometry = {"strides": strides, "dilations": dilations, "pads_begin": pads, "groups": groups}
        for row in split_kernels():

            def make(x, y, weights=weights, geometry=geometry, row=row):
                return conv.convolution_step(x, y, weights=conv.pack(weights, geometry["groups"], 0, row), **geometry)

            run(rng, make, [x], y, expected)


def test_resize(rounds):
    for rng in each_round(5, rounds):
        count = int(rng.integers(1, 4))
        spatial, outputs = drawn(rng, SIZES[1:], count), drawn(rng, SIZES, count)
        shape = drawn(rng, [1, 2]), drawn(rng, CHANNELS)
        order = image_order(rng, 2 + count)
        x = Operand(rng, numbers(rng, (*shape, *spatial)), order, 3)
        y = Operand(rng, numbers(rng, (*shape, *outputs)), order, 3)
        lower = [rng.integers(0, size, length) for size, length in zip(spatial, outputs, strict=True)]
        expected = x.array[np.ix_(*map(range, shape), *lower)]
        run(rng, lambda x, y, t=lower: family("resize").ResizeNearest(x, y, t), [x], y, expected)
        tables = [
            (low, rng.integers(0, size, length), rng.random(length).astype(np.float32))
            for low, size, length in zip(lower, spatial, outputs, strict=True)
        ]
        expected = expected_linear(x.array, tables)
        run(rng, lambda x, y, t=tables: family("resize").ResizeLinear(x, y, t), [x], y, expected, 8)


def test_copies(rounds):
    for rng in each_round(6, rounds):
        dtype = rng.choice(["u1", "i2", "f4", "i8"])
        shape = drawn(rng, [*SIZES, 17, 33], int(rng.integers(5)))
        rank = len(shape)
        x = Operand(rng, numbers(rng, shape, dtype), any_order(rng, rank), 2)
        y = Operand(rng, numbers(rng, shape, dtype), any_order(rng, rank), 2)
        run(rng, family("copy").Copy, [x], y, x.array)
        wide = Operand(rng, numbers(rng, shape, "f8"), any_order(rng, rank), 2)
        run(rng, family("elementwise").Convert, [x], wide, x.array)
        begin, end = ([int(pad) for pad in rng.integers(-1, 4, rank)] for _ in range(2))
        crop = tuple(slice(max(-b, 0), max(size - max(-e, 0), 0)) for b, e, size in zip(begin, end, shape, strict=True))
        padded = [max(b + size + e, 0) for b, e, size in zip(begin, end, shape, strict=True)]
        if any(
            b + size + e < 0 or size < max(-b, 0) + max(-e, 0) for b, e, size in zip(begin, end, shape, strict=True)
        ):
            continue
        wider = Operand(rng, numbers(rng, padded, dtype), any_order(rng, rank), 2)
        added = [(max(b, 0), max(e, 0)) for b, e in zip(begin, end, strict=True)]
        expected = np.pad(x.array[crop], added, constant_values=7) if rank else x.array
        run(rng, lambda x, y, b=begin, e=end: family("copy").Pad(x, y, b, e, "constant", 7), [x], wider, expected)
        border = [(int(b), int(e)) for b, e in rng.integers(0, 3, (rank, 2))]
        inside = Operand(rng, numbers(rng, shape, dtype), any_order(rng, rank), 2, border)
        if rank > 2:
            before = inside.array.copy()
            spatial = border[2:]
            step = family("copy").FillBorder(inside.view(0), *zip(*spatial, strict=True), 3)
            run_steps([step], [inside.memory])
            np.testing.assert_array_equal(inside.array, before)


def test_element_wise(rounds):
    for rng in each_round(7, rounds):
        shape = drawn(rng, [*SIZES, 17, 33, 1030], int(rng.integers(4)))
        parts = [[drawn(rng, [1, size]) for size in shape] for _ in range(2)]
        operands = [Operand(rng, numbers(rng, part), any_order(rng, len(part)), 2) for part in (*parts, shape)]
        expected = operands[0].array + operands[1].array
        y = Operand(rng, numbers(rng, shape), any_order(rng, len(shape)), 2)

        def plus(a, b, c, y):
            return family("elementwise").Map([("add", 0, 1)], [a, b], y)

        def longer(a, b, c, y):
            return family("elementwise").Map([("add", 0, 1), ("mul", 3, 2), ("max", 4, 0.5)], [a, b, c], y)

        run(rng, plus, operands, y, np.broadcast_to(expected, shape))
        run(rng, longer, operands, y, np.maximum(expected * operands[2].array, np.float32(0.5)))


def along_an_axis(rng, least=0):
    """(operand, another of its shape, axis) of 1 to 4 dimensions."""
    shape = drawn(rng, [size for size in (*SIZES, 17, 70) if size >= least], int(rng.integers(1, 5)))
    rank = len(shape)
    x, y = (Operand(rng, numbers(rng, shape), any_order(rng, rank), 2) for _ in range(2))
    return x, y, int(rng.integers(rank))


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_softmax(name, rounds):
    for rng in each_round(8, rounds):
        x, y, axis = along_an_axis(rng)
        powers = np.exp(x.array.astype(np.float64))
        share = powers / powers.sum(axis, keepdims=True)
        expected = share if name == "Softmax" else np.log(share)
        run(rng, lambda x, y, axis=axis: getattr(family("softmax"), name)(x, y, axis), [x], y, expected, 64)


def test_attention(rounds):
    for rng in each_round(20, rounds):
        outer, (queries, keys, depth, columns) = drawn(rng, [1, 2, 3], 2), drawn(rng, [*SIZES, 17, 33], 4)
        shared = tuple(int(rng.choice([1, length])) for length in outer)
        causal, scale = bool(rng.integers(2)), float(rng.choice([0.25, 1]))
        q = Operand(rng, numbers(rng, (*outer, queries, depth)), any_order(rng, 4), 2)
        k = Operand(rng, numbers(rng, (*shared, keys, depth)), any_order(rng, 4), 2)
        v = Operand(rng, numbers(rng, (*shared, keys, columns)), any_order(rng, 4), 2)
        lengths = [int(rng.choice([1, length])) for length in (*outer, queries, keys)]
        values = numbers(rng, lengths) if rng.integers(2) else rng.integers(0, 3, lengths) > 0
        mask = [Operand(rng, values, any_order(rng, 4), 2)] if rng.integers(3) else []
        y = Operand(rng, numbers(rng, (*outer, queries, columns)), [*any_order(rng, 3), 3], 2)
        masks = [operand.array for operand in mask]
        expected = expected_attention(q.array, k.array, v.array, *masks, scale=scale, causal=causal)

        def make(q, k, v, *rest, scale=scale, causal=causal):
            *masks, y = rest
            return family("attention").Attention(q, k, v, y, *masks, scale=scale, causal=causal)

        run(rng, make, [q, k, v, *mask], y, expected, 64)


def test_running_sums(rounds):
    for rng in each_round(9, rounds):
        x, y, axis = along_an_axis(rng)
        exclusive, reverse = bool(rng.integers(2)), bool(rng.integers(2))

        def make(x, y, axis=axis, exclusive=exclusive, reverse=reverse):
            return family("scan").CumSum(x, y, axis, exclusive, reverse)

        run(rng, make, [x], y, expected_scan(x.array, axis, exclusive, reverse), 70)


def test_local_response(rounds):
    for rng in each_round(10, rounds):
        x, y, axis = along_an_axis(rng)
        size = drawn(rng, [1, 2, 3, 5, 11])
        squares = np.moveaxis(x.array, axis, 0).astype(np.float64) ** 2
        sums = np.array(
            [squares[max(c - (size - 1) // 2, 0) : c + size // 2 + 1].sum(0) for c in range(len(squares))]
        ).reshape(squares.shape)
        expected = x.array / (1.5 + 0.3 / size * np.moveaxis(sums, 0, axis)) ** 0.75

        def make(x, y, size=size, axis=axis):
            return family("lrn").LRN(x, y, size, 0.3, 0.75, 1.5, axis)

        run(rng, make, [x], y, expected, 64)


def test_largest(rounds):
    for rng in each_round(11, rounds):
        x, _, axis = along_an_axis(rng)
        x.array[...] = np.round(x.array * 2)
        length = x.array.shape[axis]
        k = min(drawn(rng, [0, 1, 1, 2, 5, 70]), length)
        mode, sort = str(rng.choice(["max", "min"])), str(rng.choice(["value", "index"]))
        values, places = expected_topk(x.array, k, axis, mode, sort)
        for found, kind in ((values, np.float32), (places, np.int32), (places, np.int64)):
            y = Operand(rng, numbers(rng, found.shape, kind), any_order(rng, found.ndim), 2)

            def make(x, y, axis=axis, mode=mode, sort=sort, kind=kind):
                results = (y, None) if kind is np.float32 else (None, y)
                return family("topk").TopK(x, *results, axis, mode, sort)

            run(rng, make, [x], y, found)


@pytest.mark.parametrize("kind", ["sum", "max", "l2", "log_sum_exp"])
def test_reductions(kind, rounds):
    exact = {
        "sum": np.sum,
        "max": lambda x, axis: x.max(axis, initial=-np.inf),
        "l2": lambda x, axis: np.sqrt((x**2).sum(axis)),
        "log_sum_exp": lambda x, axis: np.log(np.exp(x).sum(axis)),
    }
    for rng in each_round(12, rounds):
        x, _, _ = along_an_axis(rng)
        rank = x.array.ndim
        axes = tuple(d for d in range(rank) if rng.integers(2))
        with np.errstate(divide="ignore"):
            expected = np.asarray(exact[kind](x.array.astype(np.float64), axis=axes))
        y = Operand(rng, numbers(rng, expected.shape), any_order(rng, expected.ndim), 2)
        run(rng, lambda x, y, axes=axes: family("reduction").Reduce(kind, x, y, axes), [x], y, expected, 500)


@pytest.mark.parametrize("affine", [False, True])
def test_normalization(affine, rounds):
    for rng in each_round(13, rounds):
        x, y, _ = along_an_axis(rng)
        rank = x.array.ndim
        first = int(rng.integers(rank))
        axes = tuple(range(first, rank))
        wide = x.array.astype(np.float64)
        if wide.size == 0:
            expected = wide
        else:
            expected = (wide - wide.mean(axes, keepdims=True)) / np.sqrt(wide.var(axes, keepdims=True) + 0.1)
        x_order = any_order(rng, rank)
        x = Operand(rng, x.array.copy(), x_order, 0)
        y = Operand(rng, y.array.copy(), x_order, 2)
        sources = [x]
        if affine:
            shape = (1,) * (rank - 1) + x.array.shape[-1:]
            sources += [Operand(rng, numbers(rng, shape)) for _ in range(2)]
            expected = expected * sources[1].array + sources[2].array

        def make(x, *rest, axes=axes):
            gamma, beta = rest[:2] if affine else (None, None)
            return family("normalization").LayerNorm(x, rest[-1], axes, gamma, beta, 0.1)

        run(rng, make, sources, y, expected, 64)


def test_groups(rounds):
    for rng in each_round(14, rounds):
        groups, size = drawn(rng, [1, 2, 3, 8]), drawn(rng, [1, 2, 5, 8, 70])
        spatial = drawn(rng, SIZES[1:], int(rng.integers(1, 3)))
        batch = drawn(rng, [0, 1, 2])
        values = numbers(rng, (batch, groups * size, *spatial))
        order = image_order(rng, values.ndim)
        x, y = (Operand(rng, values, order, 2) for _ in range(2))
        wide = values.astype(np.float64).reshape(batch, groups, size * int(np.prod(spatial)))
        expected = (wide - wide.mean(2, keepdims=True)) / np.sqrt(wide.var(2, keepdims=True) + 0.1)
        expected = expected.reshape(values.shape)
        gamma, beta = (Operand(rng, numbers(rng, groups * size)) for _ in range(2))
        ones = [1] * len(spatial)
        expected = expected * gamma.array.reshape(-1, *ones) + beta.array.reshape(-1, *ones)

        def make(x, gamma, beta, y, groups=groups):
            return family("normalization").GroupNorm(x, y, groups, gamma, beta, 0.1)

        run(rng, make, [x, gamma, beta], y, expected, 64)


def dense(rng, values):
    return Operand(rng, values)


def test_gathered_rows(rounds):
    for rng in each_round(15, rounds):
        shape = drawn(rng, SIZES[1:], int(rng.integers(1, 4)))
        axis = int(rng.integers(len(shape)))
        dtype, kind = rng.choice(["u1", "f4", "i8"]), rng.choice(["i4", "i8"])
        x = dense(rng, numbers(rng, shape, dtype))
        indices = rng.integers(-shape[axis], shape[axis], drawn(rng, SIZES, int(rng.integers(3)))).astype(kind)
        expected = np.take(x.array, indices, axis)
        y = dense(rng, numbers(rng, expected.shape, dtype))
        run(rng, lambda x, i, y, a=axis: family("gather").Gather(x, i, y, a), [x, dense(rng, indices)], y, expected)


def test_places(rounds):
    places = family("indexed_copy")
    for rng in each_round(16, rounds):
        shape = drawn(rng, SIZES[1:], int(rng.integers(1, 4)))
        axis = int(rng.integers(len(shape)))
        dtype, kind = rng.choice(["u1", "f4", "i8"]), rng.choice(["i4", "i8"])
        chosen = [drawn(rng, [0, 1, size]) if d != axis else drawn(rng, SIZES) for d, size in enumerate(shape)]
        x = dense(rng, numbers(rng, shape, dtype))
        indices = rng.integers(-shape[axis], shape[axis], chosen).astype(kind)
        part = x.array[tuple(slice(size) if d != axis else slice(None) for d, size in enumerate(chosen))]
        expected = np.take_along_axis(part, indices.astype(np.int64), axis)
        y = dense(rng, numbers(rng, chosen, dtype))
        where = dense(rng, indices)
        run(rng, lambda x, i, y, a=axis: places.GatherElements(x, i, y, a), [x, where], y, expected)
        count = int(rng.integers(1, len(shape) + 1))
        tuples = rng.integers(-1, np.array(shape[:count]), (drawn(rng, [0, 1, 5]), count))
        tuples = tuples.astype(kind)
        expected = x.array[tuple(tuples.T)]
        y = dense(rng, numbers(rng, expected.shape, dtype))
        run(rng, places.GatherND, [x, dense(rng, tuples)], y, expected)
        updates = dense(rng, numbers(rng, expected.shape, dtype))
        target = x.array.copy()
        for at, update in zip(tuples, updates.array, strict=True):
            target[tuple(at)] = update
        written = dense(rng, x.array)

        def make(x, i, u, y):
            return [family("copy").Copy(x, y), places.ScatterND(y, i, u)]

        run(rng, make, [x, dense(rng, tuples), updates], written, target)
