"""Compiled results where definitions leave a choice: both modules make the same."""

import numpy as np
import pytest

F32 = np.float32
GREATEST = np.finfo(F32).max


@pytest.mark.parametrize(
    ("reduce", "expected"),
    [
        ("reduce_sum", 0), ("reduce_mean", 0), ("reduce_prod", 1), ("reduce_l1", 0), ("reduce_l2", 0),
        ("reduce_max", -GREATEST), ("reduce_min", GREATEST),
    ],
)  # fmt: skip
def test_reductions_of_nothing(lab, reduce, expected):
    x = lab.parameter((3, 0))
    model = lab.ov.Model([getattr(lab.ops, reduce)(x, np.array([1]), False)], [x])
    np.testing.assert_array_equal(lab.compile(model)([np.zeros((3, 0), F32)])[0], np.full(3, expected, F32))


@pytest.mark.parametrize("across", [True, False])
def test_mvn_before_opset6_adds_eps_to_the_variance(lab, across):
    data = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(F32) * F32(0.01)
    x = lab.parameter(data.shape)
    model = lab.ov.Model([lab.submodule("opset2").mvn(x, across, True, 1e-4)], [x])
    axes = (1, 2, 3) if across else (2, 3)
    centred = data.astype(np.float64) - data.mean(axes, dtype=np.float64, keepdims=True)
    expected = centred / np.sqrt(np.square(centred).mean(axes, keepdims=True) + 1e-4)
    np.testing.assert_allclose(lab.compile(model)([data])[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [[12, 5], [3, 20]])
def test_the_cubic_filter_of_pillow_has_its_own_coefficient(lab, size):
    data = np.random.default_rng(0).standard_normal((1, 2, 7, 9)).astype(F32)
    x = lab.parameter(data.shape)
    results = []
    for coefficient in (-0.75, -0.5):
        node = lab.ops.interpolate(
            x, np.array(size), "bicubic_pillow", "sizes", cube_coeff=coefficient, axes=np.array([2, 3])
        )
        results.append(lab.compile(lab.ov.Model([node], [x]))([data])[0])
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("size", [2, 3, 4, 6])
def test_local_response_normalization_reaches_as_far_on_both_sides(lab, size):
    data = np.random.default_rng(0).standard_normal((2, 7, 2, 3)).astype(F32)
    x = lab.parameter(data.shape)
    model = lab.ov.Model([lab.ops.lrn(x, np.array([1]), 0.5, 0.75, 1.0, size)], [x])
    reach = (size - 1) // 2
    padded = np.pad(np.square(data), ((0, 0), (reach, reach), (0, 0), (0, 0)))
    sums = np.add.reduce([padded[:, i : i + 7] for i in range(2 * reach + 1)])
    expected = data / (1 + 0.5 / size * sums) ** 0.75
    np.testing.assert_allclose(lab.compile(model)([data])[0], expected, rtol=1e-5)
