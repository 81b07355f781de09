"""Convolution, plain, grouped and transposed."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Parameter
from ovlite.ops import factories
from ovlite.types import PartialShape, Type

from ..tolerances import sums
from .support import check, fixed, normal

RESOLVED = ["pads_begin", "pads_end"]  # OpenVINO writes into the node what auto_pad comes to
CLOSE = sums(200)


def direct(
    data: np.ndarray, filters: np.ndarray, strides: list[int], begin: list[int], end: list[int], dilations: list[int]
) -> np.ndarray:
    """Two-dimensional cross-correlation, element by element."""
    data = np.pad(data, [(0, 0), (0, 0), (begin[0], end[0]), (begin[1], end[1])])
    rows, columns = ((filters.shape[i + 2] - 1) * dilations[i] + 1 for i in range(2))
    places = [range(0, data.shape[i + 2] - extent + 1, strides[i]) for i, extent in enumerate((rows, columns))]
    windows = [
        [data[:, :, y : y + rows : dilations[0], x : x + columns : dilations[1]] for x in places[1]] for y in places[0]
    ]
    return np.array([[np.einsum("ncij,ocij->no", window, filters) for window in row] for row in windows]).transpose(
        2, 3, 0, 1
    )


@pytest.mark.parametrize("dilations", [[1, 1], [2, 1]], ids=str)
@pytest.mark.parametrize("strides", [[1, 1], [2, 3]], ids=str)
def test_plain(strides: list[int], dilations: list[int]) -> None:
    data, filters = normal(2, 3, 9, 10), normal(4, 3, 3, 2)
    expected = direct(data, filters, strides, [1, 2], [0, 1], dilations)
    check("convolution", data, fixed(filters), strides, [1, 2], [0, 1], dilations, expected=expected, **CLOSE)


@pytest.mark.parametrize("auto_pad", ["EXPLICIT", "same_upper", "SAME_LOWER", "valid"])
@pytest.mark.parametrize(
    ("name", "data", "filters"),
    [
        ("convolution", (2, 3, 9, 10), (4, 3, 3, 2)),
        ("group_convolution", (2, 6, 9, 10), (2, 4, 3, 3, 2)),
        ("group_convolution", (2, 6, 9, 10), (6, 1, 1, 3, 2)),
        ("convolution_backprop_data", (2, 3, 5, 6), (3, 4, 3, 2)),
        ("group_convolution_backprop_data", (2, 6, 5, 6), (2, 3, 4, 3, 2)),
    ],
)
def test_padding(name: str, data: tuple[int, ...], filters: tuple[int, ...], auto_pad: str) -> None:
    for strides in ([1, 1], [2, 3]):
        attributes = {
            "strides": strides,
            "pads_begin": [1, 1],
            "pads_end": [0, 1],
            "dilations": [1, 2],
            "auto_pad": auto_pad,
        }
        check(name, normal(*data), fixed(normal(*filters)), **attributes, unlike=RESOLVED, **CLOSE)


@pytest.mark.parametrize("size", [3, 4, 7, 8], ids=lambda n: f"size{n}")
def test_one_and_three_dimensions(size: int) -> None:
    check("convolution", normal(1, 2, size), fixed(normal(3, 2, 3)), [2], [1], [0], [1], **CLOSE)
    filters = fixed(normal(3, 2, 3, 2, 1))
    check("convolution", normal(1, 2, size, 4, 2), filters, [2, 1, 1], [1, 0, 0], [0, 1, 0], [1, 1, 1], **CLOSE)
    check("convolution_backprop_data", normal(1, 2, size), fixed(normal(2, 3, 3)), [2], **CLOSE)


def test_grouped_is_plain_by_group() -> None:
    data, filters = normal(1, 6, 5, 5), normal(3, 4, 2, 3, 3)
    parts = [direct(d, f, [1, 1], [1, 1], [1, 1], [1, 1]) for d, f in zip(np.split(data, 3, 1), filters, strict=True)]
    attributes = {"strides": [1, 1], "pads_begin": [1, 1], "pads_end": [1, 1], "dilations": [1, 1]}
    check("group_convolution", data, fixed(filters), **attributes, expected=np.concatenate(parts, 1), **CLOSE)


def test_no_images() -> None:
    data = np.zeros((0, 3, 4, 4), np.float32)
    check(
        "convolution", data, fixed(normal(2, 3, 3, 3)), [1, 1], [0, 0], [0, 0], [1, 1], expected=np.zeros((0, 2, 2, 2))
    )


@pytest.mark.parametrize("auto_pad", ["explicit", "same_upper", "same_lower"])
@pytest.mark.parametrize("wanted", [[6, 6], [5, 7]], ids=str)
def test_transposed_to_a_given_size(auto_pad: str, wanted: list[int]) -> None:
    attributes = {"strides": [1, 1], "pads_begin": [1, 0], "pads_end": [0, 1], "auto_pad": auto_pad}
    for name, data, filters in (
        ("convolution_backprop_data", normal(2, 3, 5, 6), normal(3, 4, 3, 2)),
        ("group_convolution_backprop_data", normal(2, 6, 5, 6), normal(2, 3, 4, 3, 2)),
    ):
        if auto_pad != "explicit" or wanted == [6, 6]:
            check(name, data, fixed(filters), output_shape=fixed(wanted), **attributes, unlike=RESOLVED, **CLOSE)


def test_transposed_is_the_adjoint() -> None:
    """<conv(x), y> = <x, transposed(y)>, and output_padding adds to the end."""
    x, y, filters = normal(1, 3, 8, 7), normal(1, 4, 4, 4), normal(4, 3, 3, 3)
    forward = direct(x, filters, [2, 2], [1, 1], [1, 1], [1, 1])
    (back,) = check(
        "convolution_backprop_data",
        y,
        fixed(filters),
        [2, 2],
        pads_begin=[1, 1],
        pads_end=[1, 1],
        output_padding=[1, 0],
        **CLOSE,
    )
    np.testing.assert_allclose(np.vdot(forward, y), np.vdot(x, back), **sums(forward.size))


@pytest.mark.parametrize(
    ("data", "filters", "message"),
    [
        ([1, 3, 8, 8], (4, 2, 3, 3), "3 channels, filters are for 2"),
        ([1, 3, 2, 2], (4, 3, 3, 3), "a window of 3 elements does not fit"),
        ([1, 3, 8], (4, 3, 3, 3), "one to three spatial dimensions"),
    ],
)
def test_what_does_not_fit(data: list[int], filters: tuple[int, ...], message: str) -> None:
    convolution = factories(13)["convolution"]
    with pytest.raises(ModelError, match=message):
        convolution(Parameter(Type.f32, PartialShape(data)), normal(*filters), [1, 1], [0, 0], [0, 0], [1, 1])


def test_pads_longer_than_a_transposed_convolution() -> None:
    transposed = factories(13)["convolution_backprop_data"]
    window = {"strides": [1], "pads_begin": [1], "pads_end": [5]}
    assert transposed(Parameter(Type.f32, PartialShape([1, 3, 4])), normal(3, 2, 3), **window).shape == [1, 2, 0]
    with pytest.raises(ModelError, match=r"the pads are longer than what they are cut off from: .* \[-1\]"):
        transposed(Parameter(Type.f32, PartialShape([1, 3, 3])), normal(3, 2, 3), **window)
    node = transposed(Parameter(Type.f32, PartialShape([1, 3, -1])), normal(3, 2, 3), **window)
    with pytest.raises(ModelError, match="the pads are longer"):
        node.op.evaluate(normal(1, 3, 3), normal(3, 2, 3))


def test_wrong_attributes() -> None:
    convolution = factories(13)["convolution"]
    data = Parameter(Type.f32, PartialShape([1, 3, 8, 8]))
    with pytest.raises(ModelError, match="auto_pad to be one of"):
        convolution(data, normal(4, 3, 3, 3), [1, 1], [0, 0], [0, 0], [1, 1], auto_pad="half")
    with pytest.raises(ModelError, match="strides to have 2 values"):
        convolution(data, normal(4, 3, 3, 3), [1, 1, 1], [0, 0], [0, 0], [1, 1])
    with pytest.raises(ModelError, match="one element type"):
        convolution(data, normal(4, 3, 3, 3).astype(np.float64), [1, 1], [0, 0], [0, 0], [1, 1])
