"""Fourier transforms and image patches."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Parameter
from ovlite.ops import factories
from ovlite.types import PartialShape, Type

from ..tolerances import sums
from .support import check, fixed, normal

CLOSE = sums(32)


def pairs(array: np.ndarray) -> np.ndarray:
    return np.stack([array.real, array.imag], -1)


def complex_of(array: np.ndarray) -> np.ndarray:
    return array[..., 0] + 1j * array[..., 1]


def size_inputs(size: list[int] | None) -> list[fixed]:
    return [] if size is None else [fixed(size)]


@pytest.mark.parametrize(
    ("axes", "size"), [([1], None), ([0, 1], None), ([-1], [5]), ([1, 0], [4, 7]), ([0], [-1]), ([1], [2])], ids=str
)
@pytest.mark.parametrize(("name", "transform"), [("dft", np.fft.fftn), ("idft", np.fft.ifftn)], ids=["dft", "idft"])
def test_complex(name: str, transform: object, axes: list[int], size: list[int] | None) -> None:
    data = normal(3, 4, 2)
    lengths = (
        None if size is None else [data.shape[a] if n < 0 else n for a, n in zip(np.arange(2)[axes], size, strict=True)]
    )
    expected = pairs(transform(complex_of(data), lengths, np.arange(2)[axes]))  # type: ignore[operator]
    check(name, data, fixed(axes), *size_inputs(size), expected=expected, **CLOSE)


@pytest.mark.parametrize(("axes", "size"), [([1], None), ([0, 1], None), ([-1], [3]), ([1, 0], [4, 2])], ids=str)
def test_real(axes: list[int], size: list[int] | None) -> None:
    data = normal(3, 4, 5)
    check("rdft", data, fixed(axes), *size_inputs(size), expected=pairs(np.fft.rfftn(data, size, axes)), **CLOSE)
    spectrum = normal(3, 4, 2)
    axes = [axis % 3 % 2 for axis in axes] if len(axes) > 1 else [1]
    check(
        "irdft",
        spectrum,
        fixed(axes),
        *size_inputs(size),
        expected=np.fft.irfftn(complex_of(spectrum), size, axes),
        **CLOSE,
    )


def test_a_transform_and_its_inverse() -> None:
    data = normal(2, 6, 5)
    (spectrum,) = check("rdft", data, fixed([1, 2]), **CLOSE)
    check("irdft", spectrum, fixed([1, 2]), fixed([6, 5]), expected=data, **CLOSE)


@pytest.mark.parametrize(("window", "size", "step"), [(8, 8, 3), (5, 8, 4), (7, 7, 7)], ids=str)
@pytest.mark.parametrize("lead", [(), (2,)], ids=str)
def test_short_time(lead: tuple[int, ...], window: int, size: int, step: int) -> None:
    data, weights = normal(*lead, 20), np.abs(normal(window)) + 0.5
    before = (size - window) // 2
    full = np.pad(weights, (before, size - window - before))
    frames = np.stack([data[..., i : i + size] * full for i in range(0, 20 - size + 1, step)], -2)
    expected = pairs(np.fft.rfft(frames))
    check("stft", data, weights, fixed(size), fixed(step), False, expected=expected, **CLOSE)
    check("stft", data, weights, fixed(size), fixed(step), True, expected=expected.swapaxes(-2, -3), **CLOSE)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("length", [None, 15, 40])
def test_short_time_back(length: int | None, normalized: bool, center: bool) -> None:
    more = [] if length is None else [fixed(length)]
    for window, size, step in ((8, 8, 3), (5, 8, 4), (7, 7, 3)):
        for lead in ((), (2,)):
            data, weights = normal(*lead, size // 2 + 1, 6, 2), np.abs(normal(window)) + 0.5
            attributes = {"center": center, "normalized": normalized}
            if more:
                attributes["signal_length"] = more[0]
            check("istft", data, weights, fixed(size), fixed(step), **attributes, **sums(64, 4))


def test_frames_added_up_are_the_signal() -> None:
    data, window = normal(1, 32), np.hanning(9)[:8].astype(np.float32) + 0.1
    (frames,) = check("stft", data, window, fixed(8), fixed(4), True, **CLOSE)
    check("istft", frames, window, fixed(8), fixed(4), False, False, expected=data, **sums(64, 4))


@pytest.mark.parametrize("auto_pad", ["valid", "same_upper", "same_lower"])
def test_patches(auto_pad: str) -> None:
    data = normal(2, 3, 7, 8)
    for sizes, strides, rates in (([3, 3], [2, 2], [1, 1]), ([2, 3], [1, 2], [2, 1])):
        check("extract_image_patches", data, sizes, strides, rates, auto_pad)
    if auto_pad == "valid":
        views = np.lib.stride_tricks.sliding_window_view(data, (2, 3), (2, 3))
        expected = views.transpose(0, 4, 5, 1, 2, 3).reshape(2, 18, 6, 6)
        check("extract_image_patches", data, [2, 3], [1, 1], [1, 1], "VALID", expected=expected)


@pytest.mark.parametrize(
    ("columns", "attributes"),
    [
        ((2, 12, 9), {}),
        ((12, 6), {"strides": [2, 2], "pads_begin": [1, 1], "pads_end": [0, 1]}),
        ((12, 12), {"dilations": [2, 1], "pads_begin": [1, 0]}),
    ],
    ids=str,
)
def test_patches_added_up(columns: tuple[int, ...], attributes: dict[str, list[int]]) -> None:
    wanted = [4, 5] if attributes else [4, 4]
    check("col2im", normal(*columns), fixed(wanted), fixed([2, 2]), **attributes)


def test_col2im_is_the_adjoint_of_taking_patches() -> None:
    image, columns = normal(1, 2, 5, 4), normal(1, 12, 12)
    views = np.lib.stride_tricks.sliding_window_view(image, (2, 3), (2, 3)).transpose(0, 1, 4, 5, 2, 3)
    (back,) = check("col2im", normal(1, 12, 8), fixed([5, 4]), fixed([2, 3]))
    np.testing.assert_allclose(np.vdot(views, normal(1, 12, 8)), np.vdot(image, back), **sums(views.size))
    with pytest.raises(ModelError, match=r"4 x 2 patches for an image of .*, got 12"):
        factories(15)["col2im"](Parameter(Type.f32, PartialShape(columns.shape)), [5, 4], [2, 3])
