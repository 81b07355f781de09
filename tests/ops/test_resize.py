"""Interpolate in all versions and modes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Parameter
from ovlite.ops import factories
from ovlite.ops.resize import ROUNDINGS, TRANSFORMATIONS, Interpolate, apply_table
from ovlite.types import PartialShape, Type

from ..tolerances import roundings
from .support import check, fixed, normal

SPATIAL = fixed([2, 3])
# A coordinate of up to 24 pixels is off by as many half units, and with it four weights of pixels up to 3 apart.
CLOSE = roundings(24 * 4, 3)
PADS = ["pads_begin", "pads_end"]


def sizes(data: np.ndarray, wanted: tuple[int, ...], mode: str, **attributes: object) -> np.ndarray:
    (found,) = check("interpolate", data, fixed(wanted), mode, "sizes", axes=SPATIAL, **CLOSE, **attributes)
    return found


@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_nearest(rounding: str, transformation: str) -> None:
    attributes = {"nearest_mode": rounding, "coordinate_transformation_mode": transformation}
    sizes(normal(1, 2, 5, 7), (10, 3), "nearest", **attributes)
    scales = fixed(np.array([0.7, 1.6], np.float32))
    check("interpolate", normal(1, 2, 10, 7), scales, "nearest", "scales", axes=SPATIAL, **attributes)


@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
@pytest.mark.parametrize("mode", ["linear", "linear_onnx", "cubic"])
def test_weighted(mode: str, transformation: str) -> None:
    attributes = {"coordinate_transformation_mode": transformation}
    for shape, wanted in (
        ((1, 2, 5, 7), (10, 21)),
        ((1, 2, 9, 8), (4, 5)),
        ((1, 1, 5, 7), (1, 7)),
        ((2, 2, 4, 1), (6, 3)),
    ):
        sizes(normal(*shape), wanted, mode, **attributes)


def test_linear_between_two_pixels() -> None:
    ramp = np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4)
    for mode in ("linear", "linear_onnx"):
        found = sizes(ramp, (1, 8), mode)
        np.testing.assert_allclose(found.ravel(), np.clip(np.arange(8) / 2 - 0.25, 0, 3), atol=1e-6)
        aligned = sizes(ramp, (1, 7), mode, coordinate_transformation_mode="align_corners")
        np.testing.assert_allclose(aligned.ravel(), np.arange(7) / 2, atol=1e-6)


def test_cubic_keeps_a_line() -> None:
    ramp = np.arange(12, dtype=np.float32).reshape(1, 1, 1, 12)
    found = sizes(ramp, (1, 24), "cubic", cube_coeff=-0.5).ravel()
    np.testing.assert_allclose(found[4:-4], (np.arange(24) / 2 - 0.25)[4:-4], atol=1e-5)


@pytest.mark.parametrize("wanted", [(4, 5), (3, 2), (9, 4)], ids=str)
def test_antialiased_linear_weighs_a_triangle(wanted: tuple[int, int]) -> None:
    """OpenVINO's CPU plugin does not carry antialias out; its reference implementation does."""
    data = normal(1, 2, 9, 8)
    call = {"mode": "linear", "shape_calculation_mode": "sizes", "axes": SPATIAL, "antialias": True}
    check("interpolate", data, fixed(wanted), **call, peer="reference", **CLOSE)
    check("interpolate", np.ones_like(data), fixed(wanted), **call, expected=np.ones((1, 2, *wanted)), peer="")


@pytest.mark.parametrize("mode", ["bilinear_pillow", "bicubic_pillow"])
@pytest.mark.parametrize("wanted", [(10, 21), (3, 2)], ids=str)
def test_pillow(mode: str, wanted: tuple[int, int]) -> None:
    data = normal(1, 2, 5, 7)
    sizes(data, wanted, mode, cube_coeff=-0.5)
    grey = (data * 50 + 100).astype(np.uint8)
    expected = grey.astype(np.float32)
    for size in ((5, wanted[1]), wanted):  # rounded after each axis
        expected = np.clip(np.rint(sizes(expected, size, mode, cube_coeff=-0.5)), 0, 255)
    check("interpolate", grey, fixed(wanted), mode, "sizes", axes=SPATIAL, cube_coeff=-0.5, expected=expected, peer="")


def test_bytes_are_rounded_and_saturated() -> None:
    data = np.array([0, 255, 255, 0], np.uint8).reshape(1, 1, 1, 4)
    (found,) = check("interpolate", data, fixed([1, 8]), "cubic", "sizes", axes=SPATIAL)
    assert found.min() == 0 and found.max() == 255
    (found,) = check("interpolate", data, fixed([1, 8]), "linear", "sizes", axes=SPATIAL)
    np.testing.assert_array_equal(found.ravel(), [0, 64, 191, 255, 255, 191, 64, 0])


@pytest.mark.parametrize("mode", ["nearest", "linear", "linear_onnx", "cubic"])
def test_axes_and_pads(mode: str) -> None:
    check("interpolate", normal(1, 2, 5, 7), fixed([1, 2, 10, 15]), mode, "sizes", **CLOSE)
    check("interpolate", normal(1, 2, 3, 4, 5), fixed([5, 6, 8]), mode, "sizes", axes=fixed([2, 3, 4]), **CLOSE)
    sizes(normal(1, 2, 5, 7), (12, 15), mode, pads_begin=[0, 0, 1, 2], pads_end=[0, 0, 0, 1])


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("align", [True, False])
def test_first_version(mode: str, align: bool) -> None:
    for wanted in ([9, 12], [3, 4]):
        attributes = {"axes": [2, 3], "mode": mode, "align_corners": align}
        check("interpolate", normal(1, 2, 5, 7), fixed(wanted), attributes, opset=9, **CLOSE)


def test_fourth_version() -> None:
    scales = fixed(np.array([1.5, 2], np.float32))
    for calculation, shape in (("scales", (1, 2, 7, 14)), ("sizes", (1, 2, 3, 4))):
        (found,) = check(
            "interpolate",
            normal(1, 2, 5, 7),
            fixed([3, 4]),
            scales,
            "linear",
            calculation,
            axes=SPATIAL,
            opset=10,
            atol=1e-5,
        )
        assert found.shape == shape


def test_a_scaled_size_is_not_one_too_small() -> None:
    """0.7 is a little less in f32, and 10 times that is not quite 7."""
    scales = fixed(np.array([0.7], np.float32))
    data = normal(1, 1, 10)
    call: dict[str, Any] = {"axes": fixed([2]), "nearest_mode": "floor", "peer": ""}
    check("interpolate", data, scales, "nearest", "scales", **call, expected=data[..., [0, 1, 3, 4, 5, 7, 8]])


def test_tables() -> None:
    """What kernels are made from: weights sum to 1, indices are inside, and the sum is evaluate's."""
    data = normal(1, 1, 6, 5)
    for mode in ("nearest", "linear", "linear_onnx", "cubic", "bilinear_pillow", "bicubic_pillow"):
        op = Interpolate(mode, "sizes")
        resizings = op.resizings(data.shape, np.array([4, 9]), np.array([2, 3]))
        assert [(r.axis, r.size, r.target) for r in resizings] == [(2, 6, 4), (3, 5, 9)]
        resized = data
        for table, resizing in zip(op.tables(resizings), resizings, strict=True):
            assert table.indices.shape == table.weights.shape and len(table.indices) == resizing.target
            assert table.indices.min() >= 0 and table.indices.max() < resizing.size
            np.testing.assert_allclose(table.weights.sum(1), 1, rtol=1e-5)
            resized = apply_table(resized, table)
        (expected,) = op.evaluate(data, np.array([4, 9]), np.array([2, 3]))
        np.testing.assert_allclose(resized, expected, **CLOSE)


def test_wrong_calls() -> None:
    interpolate, data = factories(13)["interpolate"], Parameter(Type.f32, PartialShape([1, 3, 8, 8]))
    with pytest.raises(ModelError, match="mode to be one of"):
        interpolate(data, [4, 4], "best", "sizes", axes=[2, 3])
    with pytest.raises(ModelError, match="there are 3 sizes for 2 axes"):
        interpolate(data, [4, 4, 4], "nearest", "sizes", axes=[2, 3])
    with pytest.raises(ModelError, match="axis 4 is out of range"):
        interpolate(data, [4, 4], "nearest", "sizes", axes=[3, 4])
    node = interpolate(Parameter(Type.f32, PartialShape([1, 3, -1])), [4], "nearest", "sizes", axes=[2])
    with pytest.raises(ModelError, match="axis 2 has no elements to resize"):
        node.op.evaluate(np.zeros((1, 3, 0), np.float32), np.array([4]), np.array([2]))
