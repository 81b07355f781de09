"""Images, borders, and channels that are written where a Concat wants them."""

import numpy as np
import pytest

from ovlite.graph import Constant, Model, Node
from ovlite.ops.fused import LayerNorm
from ovlite.ops.interpreter import evaluate_model
from ovlite.ops.normalization import RMS
from ovlite.plan import Executable, Options

from .support import noise, ops, parameter, run, step_names


def conv(data, outputs, channels, kernel=3, stride=1, seed=1):
    weights = noise(outputs, channels, kernel, kernel, seed=seed) / np.float32(np.sqrt(channels) * kernel)
    pad = kernel // 2
    return ops["convolution"](data, weights, [stride] * 2, [pad] * 2, [pad] * 2, [1, 1])


def check(results, parameters, *arrays, tolerance=2e-6):
    model = Model(results, parameters)
    expected = evaluate_model(model, arrays)
    executable = Executable(model, Options())
    for threads in (1, 2):
        for found, wanted in zip(run(executable, arrays, threads), expected, strict=True):
            assert found.shape == wanted.shape
            np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * np.abs(wanted).max(initial=1))
    return step_names(executable, *(array.shape for array in arrays))


def test_concat_of_convolutions_copies_nothing():
    x = parameter([1, 8, 9, 9])
    parts = [conv(x, 16, 8, 1), conv(x, 24, 8, 3, seed=2), conv(x, 8, 8, 5, seed=3)]
    steps = check([conv(ops["concat"](parts, 1), 8, 48, 3, seed=4)], [x], noise(1, 8, 9, 9))
    assert "CopyMany" not in steps


def test_dense_blocks_share_one_buffer():
    x = parameter([1, 8, 6, 6])
    block = conv(x, 16, 8)
    for seed in range(3):
        grown = conv(ops["relu"](block), 8, 16 + 8 * seed, 3, seed=seed)
        block = ops["concat"]([block, grown], 1)
    steps = check([block], [x], noise(1, 8, 6, 6))
    assert "CopyMany" not in steps


def test_the_same_tensor_twice_in_a_concat():
    x = parameter([1, 4, 5, 5])
    part = conv(x, 8, 4)
    check([conv(ops["concat"]([part, part], 1), 4, 16)], [x], noise(1, 4, 5, 5))


def test_a_tensor_in_two_concats():
    x = parameter([1, 4, 5, 5])
    a, b = conv(x, 8, 4), conv(x, 4, 4, seed=2)
    both = [ops["concat"]([a, b], 1), ops["concat"]([b, a], 1)]
    check([conv(both[0], 4, 12), conv(both[1], 4, 12, seed=3), a], [x], noise(1, 4, 5, 5))


def test_split_over_channels_reads_in_place():
    x = parameter([2, 8, 7, 7])
    halves = ops["split"](conv(x, 16, 8), 1, 2).outputs()
    steps = check([conv(halves[0], 8, 8), conv(halves[1], 8, 8, seed=2)], [x], noise(2, 8, 7, 7))
    assert steps.count("Copy") == 3  # the input and two outputs


def test_split_then_concat_of_the_parts():
    x = parameter([1, 8, 7, 7])
    first, second = ops["split"](conv(x, 16, 8), 1, 2).outputs()
    check([conv(ops["concat"]([second, first, conv(first, 8, 8)], 1), 8, 24)], [x], noise(1, 8, 7, 7))


def test_channel_shuffle():
    x = parameter([1, 12, 5, 5])
    image = ops["reshape"](conv(x, 12, 12), [1, 3, 4, 5, 5], False)
    shuffled = ops["reshape"](ops["transpose"](image, [0, 2, 1, 3, 4]), [1, 12, 5, 5], False)
    check([conv(shuffled, 8, 12)], [x], noise(1, 12, 5, 5))


@pytest.mark.parametrize("kernel, stride", [(1, 1), (3, 1), (3, 2), (5, 2), (7, 2)])
@pytest.mark.parametrize("size", [1, 2, 7, 8])
def test_borders(kernel, stride, size):
    x = parameter([1, 3, size, size])
    image = ops["relu"](conv(x, 8, 3, kernel, stride))
    check([conv(image, 4, 8, 3), image], [x], noise(1, 3, size, size))


def test_one_image_read_with_different_borders():
    x = parameter([1, 4, 9, 9])
    image = conv(x, 8, 4)
    check([conv(image, 4, 8, kernel) for kernel in (1, 3, 5, 7)], [x], noise(1, 4, 9, 9))


def test_many_channels_have_padded_pixels():
    x = parameter([1, 16, 4, 4])
    check([conv(ops["relu"](conv(x, 512, 16)), 8, 512)], [x], noise(1, 16, 4, 4))


def test_a_flattened_image_feeds_a_matrix_product():
    x = parameter([2, 4, 6, 6])
    flat = ops["reshape"](conv(x, 8, 4), [2, -1], False)
    check([ops["matmul"](flat, noise(8 * 36, 5), False, False)], [x], noise(2, 4, 6, 6), tolerance=1e-5)


def test_squeeze_and_excite():
    x = parameter([1, 16, 8, 8])
    image = conv(x, 32, 16)
    mean = ops["reduce_mean"](image, [2, 3], True)
    gate = ops["sigmoid"](conv(ops["relu"](conv(mean, 8, 32, 1)), 32, 8, 1, seed=5))
    check([conv(ops["multiply"](image, gate), 8, 32)], [x], noise(1, 16, 8, 8))


def test_one_and_three_spatial_dimensions():
    line, volume = parameter([1, 4, 30]), parameter([1, 2, 5, 6, 7])
    a = ops["convolution"](line, noise(8, 4, 5), [2], [2], [2], [1])
    b = ops["convolution"](volume, noise(4, 2, 3, 3, 3), [1, 1, 2], [1] * 3, [1] * 3, [1] * 3)
    check([a, b], [line, volume], noise(1, 4, 30), noise(1, 2, 5, 6, 7), tolerance=1e-5)


@pytest.mark.parametrize("spatial, kernel", [((9,), (3,)), ((7, 5), (3, 3)), ((8, 8), (7, 7)), ((4, 5, 3), (2, 3, 1))])
@pytest.mark.parametrize("channels, repeats", [(2, 2), (5, 3), (16, 8), (3, 9)])
def test_several_outputs_of_each_channel(spatial, kernel, channels, repeats):
    rank = len(spatial)
    x = parameter([2, channels, *spatial])
    filters = noise(channels, repeats, 1, *kernel)
    y = ops["group_convolution"](x, filters, [2] * rank, [1] * rank, [1] * rank, [1] * rank)
    biased = ops["relu"](ops["add"](y, noise(1, channels * repeats, *(1 for _ in spatial))))
    steps = check([biased], [x], noise(2, channels, *spatial), tolerance=1e-5)
    assert ("Depthwise" in steps) == (repeats <= 8)


def test_empty_batch():
    x = parameter([-1, 3, 8, 8])
    check(
        [conv(ops["relu"](conv(x, 8, 3)), 4, 8), ops["reduce_mean"](conv(x, 8, 3), [2, 3], False)],
        [x],
        noise(0, 3, 8, 8),
    )


@pytest.mark.parametrize("first", [None, "relu"])
def test_padding_around_an_image_without_rows(first):
    x = parameter([1, 2, 0, 3])
    data = x if first is None else ops[first](x)
    check([ops["convolution"](data, noise(3, 2, 3, 3), [1, 1], [2, 2], [2, 2], [1, 1])], [x], noise(1, 2, 0, 3))
    joined = ops["concat"]([data, ops["abs"](data)], 1)
    check([ops["convolution"](joined, noise(3, 4, 3, 3), [1, 1], [2, 2], [2, 2], [1, 1])], [x], noise(1, 2, 0, 3))


IMAGE_OPERATORS = {
    "MaxPool": lambda x: ops["max_pool"](x, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]).output(0),
    "AvgPool": lambda x: ops["avg_pool"](x, [2, 2], [0, 0], [0, 0], [2, 2], True),
    "nearest": lambda x: ops["interpolate"](x, [16, 16], "nearest", "sizes", axes=[2, 3]),
    "linear": lambda x: ops["interpolate"](x, [16, 16], "linear_onnx", "sizes", axes=[2, 3]),
    "LRN": lambda x: ops["lrn"](x, [1], 1e-4, 0.75, 1.0, 5),
    "MVN": lambda x: ops["mvn"](x, [2, 3], True, 1e-5, "INSIDE_SQRT"),
    "Softmax": lambda x: ops["softmax"](x, 1),
    "ReduceMean": lambda x: ops["reduce_mean"](x, [2, 3], True),
}


@pytest.mark.parametrize("name", IMAGE_OPERATORS)
@pytest.mark.parametrize("back", [False, True])
def test_an_operator_on_images_reads_what_a_transpose_shows(name, back):
    x = parameter([2, 8, 8, 6])
    image = IMAGE_OPERATORS[name](ops["transpose"](ops["add"](x, np.float32(1)), [0, 3, 1, 2]))
    result = ops["transpose"](image, [0, 2, 3, 1]) if back else ops["multiply"](image, np.float32(2))
    check([result], [x], noise(2, 8, 8, 6))


@pytest.mark.parametrize(("mode", "size", "last"), [("linear_onnx", 20, "ResizeLinear"), ("linear", 4, "Copy")])
def test_a_result_is_enlarged_where_the_user_wants_it(mode, size, last):
    x = parameter([1, 8, 9, 9])
    sizes = np.array([size, size])
    image = conv(x, 21, 8)
    steps = check([ops["interpolate"](image, sizes, mode, "sizes", axes=np.array([2, 3]))], [x], noise(1, 8, 9, 9))
    assert steps[-1] == last
    read = ops["interpolate"](image, sizes, mode, "sizes", axes=np.array([2, 3]))
    steps = check([conv(read, 8, 21, seed=2), read], [x], noise(1, 8, 9, 9))
    assert "ResizeLinear" in steps


@pytest.mark.parametrize("kind", ["LayerNorm", "RMS"])
@pytest.mark.parametrize("order", [[0, 2, 1], [2, 0, 1], [0, 1, 2], [1, 0, 2]])
def test_rows_that_a_transpose_shows_are_copied_before_they_are_normalized(kind, order):
    x = parameter([4, 6, 40])
    rows = ops["transpose"](ops["add"](x, np.float32(1)), order)
    length = [4, 6, 40][order[-1]]
    gamma, beta = (Constant.of(noise(length, seed=seed)).output(0) for seed in (0, 1))
    sources = [rows.output(0), gamma]
    result = Node(LayerNorm(1e-5), [*sources, beta]) if kind == "LayerNorm" else Node(RMS(1e-5), sources)
    steps = check([result], [x], noise(4, 6, 40, seed=2))
    assert ("Copy" in steps) == (order[-1] != 2)
