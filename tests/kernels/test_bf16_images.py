"""Images stored as bf16: what convolutions and pooling read and write is what they do of f32, rounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import BF16, View

from ..data import normal
from .guarded import guarded
from .images import Image
from .test_matmul_bf16 import bf16, rows

NAN = 0x7FC0
BEHIND = 15  # pixels that a kernel may read behind an image, for nothing


@pytest.fixture(autouse=True, params=[level for level in kernels.available_levels() if level != "avx2"])
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each level that emulates tiles, in use for the test."""
    before = kernels.use_level(request.param)
    yield request.param
    kernels.use_level(before)


class Narrow:
    """The memory of an Image as bf16, with NaN behind it."""

    def __init__(self, image: Image, stride: int = 1) -> None:
        self.image = image
        bits = (image.memory.reshape(-1).view(np.uint32) >> 16).astype(np.uint16)
        self.memory = np.append(bits, np.full(BEHIND * stride * image.memory.shape[-1], NAN, np.uint16))

    def view(self, slot: int) -> View:
        wide = self.image.view(slot)
        return View(slot, BF16, wide.shape, wide.strides, wide.offset // 2)

    def values(self) -> Any:
        size = self.image.memory.size
        memory = (self.memory[:size].astype(np.uint32) << 16).view(np.float32).reshape(self.image.memory.shape)
        return np.moveaxis(memory[(slice(None), *self.image.inside, slice(self.image.values.shape[1]))], -1, 1)


def rounded(*shape: int) -> Any:
    return bf16(normal(*shape)).astype(np.float32)


@pytest.mark.parametrize("channels", [3, 32, 40, 64])
@pytest.mark.parametrize("columns", [5, 16, 33])
@pytest.mark.parametrize(
    ("spatial", "kernel", "stride"),
    [((5, 20), 3, 1), ((7, 7), 3, 1), ((9, 28), 1, 1), ((21, 37), 3, 2), ((14, 14), 1, 2), ((1, 1), 1, 1)],
)
def test_convolutions(channels: int, columns: int, spatial: Any, kernel: int, stride: int) -> None:
    family = kernels.family("convolution")
    pad = kernel // 2
    size = [(n + 2 * pad - kernel) // stride + 1 for n in spatial]
    geometry = [stride] * 2, [1, 1], [pad] * 2
    border = family.convolution_border(spatial, size, [kernel] * 2, *geometry)
    x, residual = Image(rounded(2, channels, *spatial), border), Image(rounded(2, columns, *size))
    bias = normal(columns)
    for row in rows("bf16"):
        if not row.takes_bf16:
            continue
        packed = family.pack(normal(columns, channels, kernel, kernel), 1, 0, row)
        y = Image(np.full((2, columns, *size), np.nan, np.float32))
        common = {
            "weights": packed, "strides": geometry[0], "dilations": geometry[1], "pads_begin": geometry[2],
            "bias": bias, "activation": ("clamp", 0.0, np.inf),
        }  # fmt: skip
        wide = family.convolution_step(x.view(0), y.view(1), residual=residual.view(2), **common)
        run_steps([wide], [x.memory, y.memory, residual.memory], 1)
        for threads in (1, 3):
            images = Narrow(x, stride), Narrow(y), Narrow(residual)
            views = [image.view(slot) for slot, image in enumerate(images)]
            step = family.convolution_step(views[0], views[1], residual=views[2], **common)
            assert step.flops == wide.flops == 2 * y.values.size * channels * kernel**2  # none between lines
            run_steps([step], [image.memory for image in images], threads)
            np.testing.assert_array_equal(images[1].values(), bf16(y.values), row.name)


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("channels", [1, 40])
def test_what_is_read_behind_images_is_what_steps_say(channels: int, at_end: bool) -> None:
    """Between pages that can't be touched; the residual has `channels` channels, one of which is added to all."""
    family = kernels.family("convolution")
    geometry: dict[str, Any] = {"strides": [2, 2], "dilations": [1, 1], "pads_begin": [1, 1]}
    x, residual = Image(rounded(1, 64, 13, 17), [(1, 1), (1, 1)]), Image(rounded(1, channels, 7, 9))
    y, weights = Image(np.zeros((1, 40, 7, 9), np.float32)), normal(40, 64, 3, 3)
    for row in rows("bf16"):
        if not row.takes_bf16:
            continue
        packed = family.pack(weights, 1, 0, row)
        step = family.convolution_step(x.view(0), y.view(1), weights=packed, residual=residual.view(2), **geometry)
        run_steps([step], [x.memory, y.memory, residual.memory], 1)
        images = Narrow(x), Narrow(y), Narrow(residual)
        views = [image.view(slot) for slot, image in enumerate(images)]
        step = family.convolution_step(views[0], views[1], weights=packed, residual=views[2], **geometry)
        for image, beyond in zip(images, (step.beyond // 2, 0, 0), strict=True):
            size = image.image.memory.size
            memory = guarded(size + beyond, np.uint16, at_end)
            memory[:size], image.memory = image.memory[:size], memory
        run_steps([step], [image.memory for image in images], 2)
        np.testing.assert_array_equal(images[1].values(), bf16(y.values), row.name)


def test_operands_are_bf16_each_for_itself() -> None:
    family = kernels.family("convolution")
    x, weights = Image(rounded(1, 32, 6, 6)), normal(20, 32, 1, 1)
    y = Image(np.zeros((1, 20, 6, 6), np.float32))
    geometry: dict[str, Any] = {"strides": [1, 1], "dilations": [1, 1], "pads_begin": [0, 0]}
    for row in rows("bf16"):
        if not row.takes_bf16:
            continue
        packed = family.pack(weights, 1, 0, row)
        run_steps([family.convolution_step(x.view(0), y.view(1), weights=packed, **geometry)], [x.memory, y.memory], 1)
        expected = y.values.copy()
        narrow = Narrow(x)
        step = family.convolution_step(narrow.view(0), y.view(1), weights=packed, **geometry)
        run_steps([step], [narrow.memory, y.memory], 1)
        np.testing.assert_array_equal(y.values, expected)
        result = Narrow(y)
        step = family.convolution_step(x.view(0), result.view(1), weights=packed, **geometry)
        run_steps([step], [x.memory, result.memory], 1)
        np.testing.assert_array_equal(result.values(), bf16(expected))


def test_kernels_of_f32_refuse_it() -> None:
    family = kernels.family("convolution")
    image = Narrow(Image(rounded(1, 32, 6, 6)))
    with pytest.raises(TypeError, match="x is bf16; this kernel takes float32"):
        family.convolution_step(
            image.view(0), View(1, "f4", (1, 8, 6, 6), (288, 1, 48, 8)), weights=normal(8, 32, 1, 1), strides=[1, 1],
            dilations=[1, 1], pads_begin=[0, 0],
        )  # fmt: skip


def test_winograds_algorithm_refuses_it() -> None:
    family = kernels.family("convolution")
    image = Narrow(Image(rounded(1, 32, 8, 8), [(1, 1), (1, 1)]))
    packed = family.pack(normal(32, 32, 3, 3), 1, 4)
    with pytest.raises(TypeError, match="x is bf16; this kernel takes float32"):
        family.convolution_step(
            image.view(0), View(1, "f4", (1, 32, 8, 8), (2048, 1, 256, 32)), weights=packed, strides=[1, 1],
            dilations=[1, 1], pads_begin=[1, 1],
        )  # fmt: skip


@pytest.mark.parametrize("channels", [1, 15, 16, 17, 40])
def test_maximum(channels: int) -> None:
    family = kernels.family("pooling")
    values = rounded(2, channels, 11, 9)
    values[0, 0, 3, 4], values[1, 0, 0, 0] = np.nan, -np.inf
    x, y = Image(values), Image(np.zeros((2, channels, 6, 5), np.float32))
    geometry = (3, 3), (2, 2), (1, 1), (1, 1)
    run_steps([family.MaxPool(x.view(0), y.view(1), *geometry)], [x.memory, y.memory], 1)
    narrow = Narrow(x), Narrow(y)
    run_steps([family.MaxPool(narrow[0].view(0), narrow[1].view(1), *geometry)], [each.memory for each in narrow], 2)
    np.testing.assert_array_equal(narrow[1].values(), y.values)
