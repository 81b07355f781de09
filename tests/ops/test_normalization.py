"""Normalization and softmax."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Parameter
from ovlite.ops import factories
from ovlite.ops.normalization import RMS, MVNAcross
from ovlite.types import PartialShape, Type

from ..data import normal, rng
from .support import check, fixed

X = np.random.default_rng(17).normal(2, 3, size=(2, 4, 3, 5)).astype(np.float32)


def vector(length: int = 4) -> np.ndarray:
    return rng().uniform(0.5, 2, length).astype(np.float32)


def spread(values: np.ndarray, rank: int) -> np.ndarray:
    return values.reshape(-1, *[1] * (rank - 2))


@pytest.mark.parametrize("opset", [1, 5, 16])
@pytest.mark.parametrize("shape", [(2, 4), (2, 4, 3, 5), (1, 4, 0)], ids=str)
def test_batch_norm(shape: tuple[int, ...], opset: int) -> None:
    x = normal(*shape)
    gamma, beta, mean, variance = vector(), vector(), vector(), vector()
    g, b, m, v = (spread(each, x.ndim) for each in (gamma, beta, mean, variance))
    expected = g * (x - m) / np.sqrt(v + 1e-2) + b
    given = [gamma, beta, mean, variance]
    check("batch_norm_inference", x, *given, 1e-2, opset=opset, expected=expected, peer="cpu" if x.size else "")


def test_batch_norm_input_order() -> None:
    old = factories(4)["batch_norm_inference"](X, *[vector()] * 4, 0.1)
    new = factories(5)["batch_norm_inference"](X, *[vector()] * 4, 0.1)
    assert [len(source.shape) for source in old.sources] == [1, 1, 4, 1, 1] and old.op.opset == "opset1"
    assert [len(source.shape) for source in new.sources] == [4, 1, 1, 1, 1] and new.op.opset == "opset5"


def test_batch_norm_errors() -> None:
    make = factories(13)["batch_norm_inference"]
    with pytest.raises(ModelError, match=r"beta to have an element for each channel of \[2,4,3,5\], got shape \[3\]"):
        make(X, vector(), vector(3), vector(), vector(), 0.1)
    with pytest.raises(ModelError, match="epsilon is not negative"):
        make(X, vector(), vector(), vector(), vector(), -0.1)
    with pytest.raises(ModelError, match=r"data to have shape \[N, C, ...\], got \[4\]"):
        make(vector(), vector(), vector(), vector(), vector(), 0.1)


def standardized(x: np.ndarray, axes: tuple[int, ...], eps: float, inside: bool = True) -> np.ndarray:
    x = x.astype(np.float64)
    mean, deviation = x.mean(axes, keepdims=True), x.std(axes, keepdims=True)
    return (x - mean) / (np.sqrt(deviation**2 + eps) if inside else deviation + eps)


@pytest.mark.parametrize("axes", [[1], [2, 3], [-1, 1], [0, 1, 2, 3]], ids=str)
@pytest.mark.parametrize("mode", ["inside_sqrt", "OUTSIDE_SQRT"])
def test_mvn(axes: list[int], mode: str) -> None:
    along = tuple(axes)
    expected = standardized(X, along, 0.1, mode.islower())
    check("mvn", X, fixed(axes), True, 0.1, mode, expected=expected)
    check("mvn", X, fixed(axes), False, 0.1, mode, expected=X - X.mean(along, keepdims=True))


@pytest.mark.parametrize("across", [False, True])
def test_mvn_before_opset6(across: bool) -> None:
    axes = (1, 2, 3) if across else (2, 3)
    unlike = ["reduction_axes"]  # OpenVINO fills them in when it knows the rank
    check("mvn", X, across, True, 0.1, opset=2, expected=standardized(X, axes, 0.1), unlike=unlike)
    check("mvn", X, across_channels=across, opset=5, expected=X - X.mean(axes, keepdims=True), unlike=unlike)


def test_mvn_with_axes_of_its_own() -> None:
    (found,) = MVNAcross(eps=0.1, normalize_variance=True, reduction_axes=(0, 3)).evaluate(X)
    np.testing.assert_allclose(found, standardized(X, (0, 3), 0.1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("axes", [[1], [2, 3], [-1], [1, 2, 3]], ids=str)
@pytest.mark.parametrize("mode", ["add", "max"])
def test_normalize_l2(axes: list[int], mode: str) -> None:
    x = X.copy()
    x[:, :, 0] = 0
    squares = np.sum(x.astype(np.float64) ** 2, tuple(axes), keepdims=True)
    expected = x / np.sqrt(squares + 0.5 if mode == "add" else np.maximum(squares, 0.5))
    # OpenVINO's factory takes eps_mode but makes a node that adds.
    peer, unlike = ("cpu", []) if mode == "add" else ("", ["eps_mode"])
    check("normalize_l2", x, fixed(axes), 0.5, mode, expected=expected, peer=peer, unlike=unlike)


def test_normalize_l2_along_no_axis() -> None:
    x = np.array([1, -2], np.float32)
    check("normalize_l2", x, fixed(np.zeros(0, np.int64)), 0.5, "add", expected=x / np.sqrt(x**2 + 0.5))


@pytest.mark.parametrize("axes, size", [([1], 3), ([1], 1), ([1], 4), ([1], 9), ([2, 3], 3)])
def test_lrn(axes: list[int], size: int) -> None:
    reach, squares = (size - 1) // 2, X.astype(np.float64) ** 2
    sums = np.zeros_like(squares)
    for at in np.ndindex(X.shape):
        window = tuple(slice(max(0, i - reach), i + reach + 1) if axis in axes else i for axis, i in enumerate(at))
        sums[at] = squares[window].sum()
    for bias in (1, 1.5):  # the CPU plugin computes with a bias of 1 always
        expected = X / (bias + 0.8 * sums / size ** len(axes)) ** 0.75
        check("lrn", X, fixed(axes), 0.8, 0.75, bias, size, expected=expected, peer="cpu" if bias == 1 else "")


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("shape", [(2, 4, 3, 5), (3, 4, 6), (2, 4, 1)], ids=str)
def test_group_normalization(groups: int, shape: tuple[int, ...]) -> None:
    x = normal(*shape)
    scale, bias = vector(), vector()
    parts = standardized(x.reshape(shape[0], groups, -1), (2,), 0.01).reshape(shape)
    expected = parts * spread(scale, x.ndim) + spread(bias, x.ndim)
    check("group_normalization", x, scale, bias, groups, 0.01, expected=expected)


def test_group_normalization_errors() -> None:
    make = factories(13)["group_normalization"]
    with pytest.raises(ModelError, match="4 channels can't be put in 3 equal groups"):
        make(X, vector(), vector(), 3, 0.1)
    with pytest.raises(ModelError, match="num_groups to be positive, got 0"):
        make(X, vector(), vector(), 0, 0.1)
    with pytest.raises(ModelError, match="scale to have an element for each channel"):
        make(X, vector(2), vector(), 2, 0.1)


def test_rms() -> None:
    gamma = vector(5)
    (found,) = RMS(epsilon=0.1).evaluate(X, gamma)
    expected = X * gamma / np.sqrt((X.astype(np.float64) ** 2).mean(-1, keepdims=True) + 0.1)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_grn() -> None:
    expected = X / np.sqrt((X.astype(np.float64) ** 2).sum(1, keepdims=True) + 0.3)
    check("grn", X, 0.3, expected=expected, peer="")


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    powers = np.exp(x.astype(np.float64))
    return powers / powers.sum(axis, keepdims=True)


@pytest.mark.parametrize("axis", [0, 1, 3, -1, -4])
def test_softmax(axis: int) -> None:
    check("softmax", X, axis, expected=softmax(X, axis))
    check("log_softmax", X, axis, expected=np.log(softmax(X, axis)))


@pytest.mark.parametrize("shape", [(1,), (0, 3), (3, 0), (2, 1)], ids=str)
def test_softmax_of_little(shape: tuple[int, ...]) -> None:
    x = np.zeros(shape, np.float32)
    check("softmax", x, -1, expected=np.full(shape, 1 / max(shape[-1], 1)), peer="")
    check("log_softmax", x, -1, expected=-np.log(np.full(shape, max(shape[-1], 1))), peer="")


def test_softmax_of_far_apart_and_infinite_numbers() -> None:
    x = np.array([[-1e38, 1e38], [-np.inf, 1], [3e38, 3e38]], np.float32)
    check("softmax", x, 1, expected=np.array([[0, 1], [0, 1], [0.5, 0.5]]))
    nothing = np.array([[-np.inf, -np.inf]], np.float32)
    check("softmax", nothing, 1, expected=np.full((1, 2), np.nan))


@pytest.mark.parametrize("name, opset", [("softmax", 1), ("softmax", 13), ("log_softmax", 13)])
def test_softmax_axis_is_checked(name: str, opset: int) -> None:
    with pytest.raises(ModelError, match="axis 4 is out of range: a tensor of rank 4 has axes -4 to 3"):
        factories(opset)[name](X, 4)


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("mvn", ([4], True, 0.1, "inside_sqrt"), "axis 4 is out of range"),
        ("mvn", ([1], True, 0.1, "other"), "eps_mode to be one of inside_sqrt, outside_sqrt, got 'other'"),
        ("normalize_l2", ([1], 0.1, "other"), "eps_mode to be one of add, max, got 'other'"),
        ("normalize_l2", ([1.0], 0.1, "add"), "axes to be integers, got f64"),
        ("lrn", ([-5],), "axis -5 is out of range"),
        ("lrn", ([1], 1, 0.5, 1, 0), "size to be positive, got 0"),
    ],
)
def test_errors(name: str, arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        factories(13)[name](Parameter(Type.f32, PartialShape([2, 3, 4, 5])), *arguments)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_real_numbers_are_required(name: str) -> None:
    with pytest.raises(ModelError, match="data to have real elements, got i32"):
        factories(13)[name](Parameter(Type.i32, PartialShape([2])), 0)
