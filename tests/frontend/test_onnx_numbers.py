"""Single ONNX nodes whose numbers runtimes get wrong, against what the specification says."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import ovlite
from ovlite.errors import ModelError

F32 = np.float32
DECLARED = ("static", "dims", "rank")


def model(
    op_type: str, inputs: dict[str, Any], opset: int, outputs: int, declared: str, fixed: str, **attributes: Any
) -> ovlite.Model:
    """fixed: names of inputs that are initializers."""
    given = {name: np.asarray(value) for name, value in inputs.items() if value is not None}
    node = helper.make_node(
        op_type, [name if value is not None else "" for name, value in inputs.items()],
        [f"y{i}" for i in range(outputs)], **attributes,
    )  # fmt: skip
    dims = {
        "static": lambda x: list(x.shape),
        "dims": lambda x: [f"d{i}" for i in range(x.ndim)],
        "rank": lambda x: None,
    }
    values = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), dims[declared](x))
        for name, x in given.items()
        if name not in fixed
    ]
    constants = [numpy_helper.from_array(x, name) for name, x in given.items() if name in fixed]
    results = [onnx.ValueInfoProto(name=f"y{i}") for i in range(outputs)]
    graph = helper.make_graph([node], "node", values, results, constants)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    found = ovlite.Core().read_model(proto.SerializeToString())
    if declared == "rank":
        found.reshape({name: [-1] * x.ndim for name, x in given.items() if name not in fixed})
    return found


def run(
    op_type: str, inputs: dict[str, Any], opset: int = 21, outputs: int = 1, declared: str = "static", fixed: str = "",
    **attributes: Any,
) -> list[np.ndarray]:  # fmt: skip
    compiled = ovlite.compile_model(model(op_type, inputs, opset, outputs, declared, fixed, **attributes), "CPU")
    results = compiled({name: np.asarray(x) for name, x in inputs.items() if x is not None and name not in fixed})
    return [np.asarray(results[i]) for i in range(outputs)]


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
@pytest.mark.parametrize("fixed", ["", "b"])
def test_division_of_integers_goes_toward_zero(dtype: Any, fixed: str) -> None:
    least = np.iinfo(dtype).min
    a = np.array([least, least, least, -7, 7, -7, 7, least, 0], dtype)
    b = np.array([2, 3, -2, 2, -2, -2, 2, least, 5], dtype)
    (found,) = run("Div", {"a": a, "b": b}, fixed=fixed)
    assert found.tolist() == [math.trunc(Fraction(int(x), int(y))) for x, y in zip(a, b, strict=True)]


@pytest.mark.parametrize("exponent", [F32, np.float64, np.float16])
def test_power_of_integers_by_reals(exponent: Any) -> None:
    a = np.array([5001, 16777217, 3, 2, -7, 2, 10], np.int64)
    b = np.array([2, 1, 0, 0.5, 3, -1, 9], exponent)
    (found,) = run("Pow", {"a": a, "b": b})
    assert found.tolist() == [25010001, 16777217, 1, 1, -343, 0, 10**9]


def test_integers_of_logarithms_and_shrink_are_cut() -> None:
    x = np.array([1, 1], np.int32)
    assert run("ReduceLogSum", {"x": x}, 13, axes=[0], keepdims=0)[0] == 0
    assert run("ReduceLogSumExp", {"x": x}, 13, axes=[0], keepdims=0)[0] == 1
    assert run("Shrink", {"x": np.array([0, 3, 9], np.uint8)}, bias=0.5, lambd=3.0)[0].tolist() == [0, 0, 8]


@pytest.mark.parametrize("declared", DECLARED)
@pytest.mark.parametrize("dtype", [F32, np.float64, np.float16])
@pytest.mark.parametrize(("op_type", "extreme"), [("ReduceMax", -np.inf), ("ReduceMin", np.inf)])
def test_the_extreme_of_nothing_is_infinite(op_type: str, extreme: float, dtype: Any, declared: str) -> None:
    for keep in (0, 1):
        inputs = {"x": np.zeros((2, 0, 3), dtype), "axes": np.array([1])}
        (found,) = run(op_type, inputs, 18, declared=declared, fixed="axes", keepdims=keep)
        np.testing.assert_array_equal(found, np.full((2, 1, 3) if keep else (2, 3), extreme, dtype))
    (found,) = run(op_type, {"x": np.zeros((0, 3), dtype), "axes": np.array([1])}, 18, declared=declared, fixed="axes")
    assert found.shape == (0, 1)


@pytest.mark.parametrize("declared", DECLARED)
def test_the_pool_of_no_pixels(declared: str) -> None:
    (found,) = run("GlobalMaxPool", {"x": np.zeros((1, 2, 0, 3), F32)}, declared=declared)
    np.testing.assert_array_equal(found, np.full((1, 2, 1, 1), -np.inf))


@pytest.mark.parametrize("op_type", ["ArgMin", "ArgMax"])
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("dtype", [F32, np.float64, np.float16])
def test_nan_is_the_extreme(op_type: str, last: int, dtype: Any) -> None:
    rows = np.array(
        [[2, np.nan, 7, 4], [np.nan, 1, 2, np.nan], [5, 4, 3, 4], [1, 1, 1, 1], [-np.inf, np.inf, 0, 0]], dtype
    )
    (found,) = run(op_type, {"x": rows}, axis=1, keepdims=0, select_last_index=last)
    pick = getattr(np, op_type.lower())
    expected = 3 - pick(rows[:, ::-1], axis=1) if last else pick(rows, axis=1)
    np.testing.assert_array_equal(found, expected)


REDUCTIONS = {
    "ReduceSum": np.sum, "ReduceMean": np.mean, "ReduceMax": np.max, "ReduceMin": np.min, "ReduceProd": np.prod,
    "ReduceL1": lambda x, **a: np.sum(np.abs(x), **a), "ReduceL2": lambda x, **a: np.sqrt(np.sum(x * x, **a)),
    "ReduceSumSquare": lambda x, **a: np.sum(x * x, **a), "ReduceLogSum": lambda x, **a: np.log(np.sum(x, **a)),
    "ReduceLogSumExp": lambda x, **a: np.log(np.sum(np.exp(x), **a)),
}  # fmt: skip


@pytest.mark.parametrize("op_type", REDUCTIONS)
@pytest.mark.parametrize("keep", [0, 1])
def test_no_axes_at_run_time_are_all_axes(op_type: str, keep: int) -> None:
    x = np.arange(1, 7, dtype=F32).reshape(2, 3)
    found = model(op_type, {"x": x, "axes": np.array([1])}, 18, 1, "dims", "", keepdims=keep)
    compiled = ovlite.compile_model(found, "CPU")
    for axes in ([], [1], [0, -1]):
        result = compiled({"x": x, "axes": np.array(axes, np.int64)})[0]
        expected = REDUCTIONS[op_type](x, axis=tuple(axes) or None, keepdims=bool(keep))
        np.testing.assert_allclose(result, expected, rtol=1e-6)
        assert result.shape == np.shape(expected)


@pytest.mark.parametrize("declared", DECLARED)
@pytest.mark.parametrize("scale", [(3, 4), (4,), (1, 4)])
def test_layer_normalization_keeps_its_digits_with_all_outputs(declared: str, scale: tuple[int, ...]) -> None:
    """The mean is 30000 times the deviation."""
    rng = np.random.default_rng(1)
    x = (30000 + rng.standard_normal((2, 3, 4))).astype(F32)
    weights, bias = rng.standard_normal(scale).astype(F32), rng.standard_normal((1,)).astype(F32)
    axis = -2 if declared == "rank" else 1
    y, mean, inverse = run("LayerNormalization", {"x": x, "w": weights, "b": bias}, 17, 3, declared, "w", axis=axis)
    wide = x.astype(np.float64)
    average = wide.mean((1, 2), keepdims=True)
    deviation = np.sqrt(((wide - average) ** 2).mean((1, 2), keepdims=True) + 1e-5)
    np.testing.assert_allclose(mean, average, rtol=1e-6)
    np.testing.assert_allclose(inverse, 1 / deviation, rtol=2e-3)
    np.testing.assert_allclose(y, (wide - average) / deviation * weights + bias, atol=2e-2)
    (alone,) = run("LayerNormalization", {"x": x, "w": weights, "b": bias}, 17, 1, declared, "w", axis=axis)
    np.testing.assert_allclose(alone, (wide - average) / deviation * weights + bias, atol=2e-2)


@pytest.mark.parametrize("declared", DECLARED)
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
def test_lrn_windows(size: int, declared: str) -> None:
    x = np.random.default_rng(2).uniform(-3, 3, (2, 5, 3, 2)).astype(F32)
    (found,) = run("LRN", {"x": x}, declared=declared, size=size, alpha=0.5, beta=0.75, bias=1.5)
    sums = np.zeros(x.shape)
    for c in range(5):
        sums[:, c] = (x[:, max(0, c - (size - 1) // 2) : c + math.ceil((size - 1) / 2) + 1].astype(float) ** 2).sum(1)
    np.testing.assert_allclose(found, x / (1.5 + 0.5 / size * sums) ** 0.75, rtol=1e-5)


@pytest.mark.parametrize("declared", DECLARED)
@pytest.mark.parametrize(
    ("length", "kernel", "stride", "pads"), [(7, 2, 2, 0), (8, 3, 3, 1), (5, 3, 2, 0), (4, 2, 3, 1)]
)
def test_lp_pool_with_windows_cut_off(length: int, kernel: int, stride: int, pads: int, declared: str) -> None:
    x = np.random.default_rng(3).uniform(-2, 2, (1, 2, length, length)).astype(F32)
    (found,) = run("LpPool", {"x": x}, declared=declared, kernel_shape=[kernel] * 2, strides=[stride] * 2,
                   pads=[pads] * 4, ceil_mode=1, p=2)  # fmt: skip
    count = math.ceil((length + 2 * pads - kernel) / stride) + 1
    count -= (count - 1) * stride >= length + pads
    padded = np.pad(x.astype(float), [(0, 0), (0, 0), (pads, 20), (pads, 20)])
    expected = [[(padded[:, :, i * stride : i * stride + kernel, j * stride : j * stride + kernel] ** 2).sum((2, 3))
                 for j in range(count)] for i in range(count)]  # fmt: skip
    np.testing.assert_allclose(found, np.sqrt(np.moveaxis(expected, (2, 3), (0, 1))), rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, F32])
def test_the_index_of_the_least_value(dtype: Any) -> None:
    """A maximum that is the type's least value has a place all the same, and padding none."""
    least = -np.inf if dtype is F32 else np.iinfo(dtype).min
    x = np.full((1, 2, 2, 3), least, dtype)
    y, where = run("MaxPool", {"x": x}, 12, 2, kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1])
    np.testing.assert_array_equal(y, np.full((1, 2, 2, 2), least, dtype))
    assert where[0].tolist() == [[[0, 1], [3, 4]], [[6, 7], [9, 10]]]


def test_a_pool_with_indices_keeps_nan() -> None:
    x = np.array([1, np.nan, 3, 2, np.nan, np.nan, 5, 4], F32).reshape(1, 1, 8)
    y, where = run("MaxPool", {"x": x}, 12, 2, kernel_shape=[3], strides=[1])
    assert np.isnan(y.ravel()).tolist() == [True, True, True, True, True, True]
    assert where.ravel().tolist() == [1, 1, 4, 4, 4, 5]


def test_a_split_into_another_count_than_its_outputs_is_refused() -> None:
    with pytest.raises(ModelError, match="1000003 outputs, which is num_outputs, got 2"):
        model("Split", {"x": np.zeros((8, 2), F32)}, 18, 2, "static", "", axis=0, num_outputs=1000003)


@pytest.mark.parametrize("fixed", ["", "s", "sx"])
def test_scalars_stay_scalars(fixed: str) -> None:
    none = np.zeros(0, np.int64)
    (found,) = run("ConstantOfShape", {"s": none}, fixed=fixed)
    assert found.shape == () and found == 0
    (found,) = run("Expand", {"x": np.array(2.5, F32), "s": none}, fixed=fixed)
    assert found.shape == () and found == 2.5


def picked(size: int, ratio: Fraction, target: int, rounding: str, coordinates: str) -> list[int]:
    half = Fraction(1, 2)
    found = []
    for y in range(target):
        x = (y + half) / ratio - half if coordinates == "half_pixel" else y / ratio
        place = {"floor": math.floor(x), "ceil": math.ceil(x), "round_prefer_floor": math.ceil(x - half),
                 "round_prefer_ceil": math.floor(x + half)}[rounding]  # fmt: skip
        found.append(min(max(place, 0), size - 1))
    return found


@pytest.mark.parametrize("declared", DECLARED)
@pytest.mark.parametrize("coordinates", ["half_pixel", "asymmetric"])
@pytest.mark.parametrize("rounding", ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
def test_resize_chooses_between_equally_near_elements(rounding: str, coordinates: str, declared: str) -> None:
    for size, target in ((20, 6), (6, 20), (14, 4), (50, 15), (7, 14), (10, 4)):
        x = np.arange(size, dtype=F32).reshape(1, 1, 1, size)
        (found,) = run("Resize", {"x": x, "r": None, "s": None, "sizes": np.array([1, 1, 1, target])}, 13,
                       declared=declared, fixed="sizes", mode="nearest", nearest_mode=rounding,
                       coordinate_transformation_mode=coordinates)  # fmt: skip
        assert found.ravel().tolist() == picked(size, Fraction(target, size), target, rounding, coordinates)


@pytest.mark.parametrize("declared", DECLARED)
def test_resize_follows_a_scale_that_leaves_the_length(declared: str) -> None:
    scale = F32(1.02191)
    x = np.arange(38, dtype=F32).reshape(1, 1, 1, 38)
    inputs = {"x": x, "r": None, "s": np.array([1, 1, 1, scale], F32)}
    (found,) = run("Resize", inputs, 13, declared=declared, fixed="s", mode="nearest")
    assert found.ravel().tolist() == picked(38, Fraction(float(scale)), 38, "round_prefer_floor", "half_pixel")
    (found,) = run("Resize", inputs, 13, declared=declared, fixed="s", mode="linear")
    places = np.clip((np.arange(38) + 0.5) / float(scale) - 0.5, 0, 37)
    np.testing.assert_allclose(found.ravel(), places, rtol=1e-6)


@pytest.mark.parametrize("declared", ["static", "dims"])
def test_gathered_elements_may_be_fewer(declared: str) -> None:
    x = np.arange(42, dtype=F32).reshape(6, 7)
    indices = np.array([[5, -1, 0], [1, 2, -6]])
    (found,) = run("GatherElements", {"x": x, "i": indices}, 13, declared=declared, axis=0)
    np.testing.assert_array_equal(found, np.take_along_axis(x[:, :3], indices % 6, 0))


@pytest.mark.parametrize("declared", DECLARED)
@pytest.mark.parametrize("axis", [-2, -1, 0, 1, 2, 3])
def test_flatten_of_nothing(axis: int, declared: str) -> None:
    x = np.zeros((0, 3, 8), F32)
    (found,) = run("Flatten", {"x": x}, 13, declared=declared, axis=axis)
    assert found.shape == (math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


def test_a_slope_for_a_scalar() -> None:
    for slope in (np.array(0.5, F32), np.array([0.5], F32)):
        (found,) = run("PRelu", {"x": np.array(-3, F32), "s": slope}, 16)
        assert found.ravel().tolist() == [-1.5]


def test_a_bound_that_is_left_out_is_finite() -> None:
    x = np.array([-np.inf, 0, np.inf], F32)
    (found,) = run("Clip", {"x": x, "low": np.array(-1, F32)}, 13)
    assert found.tolist() == [-1, 0, np.finfo(F32).max]


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
@pytest.mark.parametrize("x", [[-3, 0, 5], 5])
def test_bounds_of_one_element_add_no_dimension(x: Any, dtype: Any) -> None:
    """As onnxruntime has it; the standard has scalars."""
    x, low, high = np.array(x, dtype), np.array([-1], dtype), np.array([2], dtype)
    (found,) = run("Clip", {"x": x, "low": low, "high": high}, 13)
    np.testing.assert_array_equal(found, np.clip(x, -1, 2))
    assert found.shape == x.shape and found.dtype == dtype


def test_defaults_are_those_of_f32_attributes() -> None:
    x = np.array([1.0], np.float64)
    assert run("HardSigmoid", {"x": x})[0] == float(F32(0.2)) + 0.5


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("corners", [0, 1])
@pytest.mark.parametrize("spatial", [(3, 4), (2, 3, 4)])
def test_affine_grids(batch: int, corners: int, spatial: tuple[int, ...]) -> None:
    theta = np.random.default_rng(5).uniform(-2, 2, (batch, len(spatial), len(spatial) + 1)).astype(F32)
    inputs = {"t": theta, "size": np.array([batch, 3, *spatial])}
    (found,) = run("AffineGrid", inputs, 20, fixed="size", align_corners=corners)
    places = [np.linspace(-1, 1, n) if corners else (2 * np.arange(n) + 1) / n - 1 for n in spatial]
    mesh = np.stack([*reversed(np.meshgrid(*places, indexing="ij")), np.ones(spatial)], -1)
    np.testing.assert_allclose(found, np.einsum("...j,nij->n...i", mesh, theta), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("op_type", ["HannWindow", "HammingWindow", "BlackmanWindow"])
@pytest.mark.parametrize("periodic", [0, 1])
def test_windows_in_f64(op_type: str, periodic: int) -> None:
    (found,) = run(op_type, {"n": np.array(10)}, 17, periodic=periodic, output_datatype=onnx.TensorProto.DOUBLE)
    turn = 2 * np.pi * np.arange(10) / (10 if periodic else 9)
    a0, a1, a2 = {
        "HannWindow": (0.5, 0.5, 0),
        "HammingWindow": (25 / 46, 21 / 46, 0),
        "BlackmanWindow": (0.42, 0.5, 0.08),
    }[op_type]
    np.testing.assert_allclose(found, a0 - a1 * np.cos(turn) + a2 * np.cos(2 * turn), rtol=1e-12, atol=1e-15)


def test_a_scale_of_unknown_rank_is_refused() -> None:
    """One value for all, or one along an axis: the rank says which."""
    inputs = {"x": np.zeros((2, 3), np.int8), "s": np.ones(2, F32)}
    with pytest.raises(ModelError, match="rank of a scale or zero point is not known"):
        model("DequantizeLinear", inputs, 13, 1, "rank", "", axis=0)


@pytest.mark.parametrize("op_type", ["ReduceSum", "ReduceMean", "CumSum"])
@pytest.mark.parametrize("shape", [(70001,), (70001, 2)])
def test_long_sums_keep_their_digits(op_type: str, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(6).random(shape).astype(F32)
    wide = x.astype(np.float64)
    if op_type == "CumSum":
        inputs, expected = {"x": x, "axis": np.array(0)}, np.cumsum(wide, 0)
    else:
        inputs = {"x": x, "axes": np.array([0])}
        expected = (np.sum if op_type == "ReduceSum" else np.mean)(wide, 0, keepdims=True)
    for declared in DECLARED:
        (found,) = run(op_type, inputs, 18, declared=declared, fixed=["axes", "axis"][op_type == "CumSum"])
        np.testing.assert_allclose(found, expected, rtol=3e-7)
