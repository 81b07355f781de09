"""Convolution, pooling, and what samples images."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Error, Made
from ..draw import Array, Draw
from .base import EXACT, ints, largest, node, sums, table


def _sliding(d: Draw, sizes: list[int], kernel: list[int], ceil: bool = False) -> dict[str, Any] | None:
    """Strides, dilations and padding under which at least one window fits; None when none does."""
    count = len(sizes)
    strides = d.integers(1, 3, count) if d.chance(0.6) else None
    dilations = d.integers(1, 2, count) if d.chance(0.3) and d.has("dilations") else None
    auto = d.pick(None, None, None, "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
    spans = [(k - 1) * (dilations or [1] * count)[i] + 1 for i, k in enumerate(kernel)]
    pads = None
    if auto in (None, "NOTSET") and d.chance(0.6):
        pads = [d.integer(0, min(2, kernel[i % count] - 1)) for i in range(2 * count)]
    total = [size + (pads[i] + pads[count + i] if pads else 0) for i, size in enumerate(sizes)]
    if auto and auto.startswith("SAME"):
        dilations = None
        if any(s > k for s, k in zip(strides or [1] * count, kernel, strict=True)):
            strides = None
    elif any(length < need for length, need in zip(total, spans, strict=True)):
        return None
    return {"strides": strides, "dilations": dilations, "pads": pads, "auto_pad": auto}


def _window(d: Draw, count: int, largest_kernel: int = 4) -> tuple[list[int], list[int], dict[str, Any]]:
    """(spatial sizes, kernel, the attributes of sliding)."""
    while True:
        sizes, kernel = d.integers(1, 11, count), d.integers(1, largest_kernel, count)
        found = _sliding(d, sizes, kernel)
        if found is not None:
            return sizes, kernel, found


def conv(d: Draw) -> Made:
    count = d.pick(1, 2, 2, 2, 3)
    sizes, kernel, sliding = _window(d, count, 4 if count < 3 else 2)
    groups, per_in, per_out = d.pick((1, d.integer(1, 5), d.integer(1, 5)), (2, 2, 3), (d.integer(1, 9), 1, 1))
    if d.fed is not None and d.fed.ndim in (3, 4) and d.fed.shape[1] and min(d.fed.shape) > 0:
        data = d.data()
        count, groups, per_in = data.ndim - 2, 1, data.shape[1]
        kernel = [d.integer(1, min(3, size)) for size in data.shape[2:]]
        sliding = {"pads": d.maybe([k - 1 for k in kernel for _ in range(2)])} if max(kernel) > 1 else {}
        sliding = {"pads": d.maybe([k // 2 for k in kernel] * 2)}
    else:
        data = d.tensor((d.integer(1, 2), groups * per_in, *sizes), d.dtype(), (-2, 2))
    filters = d.like(data, (groups * per_out, per_in, *kernel), (-2, 2))
    bias = d.maybe(d.like(data, (groups * per_out,), (-2, 2)))
    shown = d.maybe(kernel)
    terms = 8 + per_in * np.prod(kernel)
    return node(d, [data, filters, bias], group=d.maybe(groups) if groups == 1 else groups, kernel_shape=shown,
                steering=(1, 2, 1), error=sums(terms, data, filters), **sliding)  # fmt: skip


def conv_transpose(d: Draw) -> Made:
    count = d.pick(1, 2, 2)
    sizes, kernel = d.integers(1, 6, count), d.integers(1, 4, count)
    strides = d.integers(1, 3, count) if d.chance(0.6) else None
    dilations = d.integers(1, 2, count) if d.chance(0.3) else None
    groups, per_in, per_out = d.pick((1, d.integer(1, 4), d.integer(1, 4)), (2, 2, 3), (3, 1, 1))
    data = d.tensor((d.integer(1, 2), groups * per_in, *sizes), np.float32, (-2, 2))
    filters = d.like(data, (groups * per_in, per_out, *kernel), (-2, 2))
    bias = d.maybe(d.like(data, (groups * per_out,), (-2, 2)))
    step = strides or [1] * count
    spans = [(k - 1) * (dilations or [1] * count)[i] + 1 for i, k in enumerate(kernel)]
    given: dict[str, Any] = {}
    mode = d.pick("none", "pads", "same", "shape")
    full = [(size - 1) * step[i] + spans[i] for i, size in enumerate(sizes)]
    if mode == "pads":
        most = [max(0, (length - 1) // 2) for length in full]
        given["pads"] = [d.integer(0, min(2, most[i % count])) for i in range(2 * count)]
        given["output_padding"] = d.maybe([d.integer(0, s - 1) for s in step])
    elif mode == "same" and all(span >= s for span, s in zip(spans, step, strict=True)):
        given["auto_pad"] = d.pick("SAME_UPPER", "SAME_LOWER", "VALID")
    elif mode == "shape":
        given["output_shape"] = [d.integer(max(1, length - 2), length) for length in full]
    return node(d, [data, filters, bias], strides=strides, dilations=dilations, kernel_shape=d.maybe(kernel),
                group=groups, steering=(1, 2, 1), error=sums(8 + per_in * np.prod(kernel), data, filters),
                **given)  # fmt: skip


def deform_conv(d: Draw) -> Made:
    sizes, kernel = d.integers(3, 6, 2), d.integers(1, 3, 2)
    groups, channels = d.pick((1, 2), (2, 2), (1, 4))
    data = d.tensor((d.integer(1, 2), channels, *sizes), d.dtype(), (-2, 2))
    pads = d.maybe([1, 1, 1, 1])
    out = [size + (2 if pads else 0) - k + 1 for size, k in zip(sizes, kernel, strict=True)]
    filters = d.like(data, (2, channels // groups, *kernel), (-2, 2))
    taps = int(np.prod(kernel))
    parts = d.pick(1, channels)
    offset = d.like(data, (data.shape[0], parts * 2 * taps, *out), (-1.5, 1.5))
    mask = d.maybe(d.like(data, (data.shape[0], parts * taps, *out), (0, 1)))
    bias = d.maybe(d.like(data, (2,), (-1, 1)))
    return node(d, [data, filters, offset, bias, mask], pads=pads, group=groups, offset_group=parts,
                kernel_shape=d.maybe(kernel), steering=(1,), error=sums(32 + 4 * taps * channels, data, filters)
                )  # fmt: skip


def _image(d: Draw, sizes: list[int], domain: Any = None) -> Array:
    return d.tensor((d.integer(1, 2), d.pick(1, 2, 3, 8, 17), *sizes), d.dtype(), domain)


def pool(d: Draw) -> Made:
    sizes, kernel, sliding = _window(d, d.pick(1, 2, 2, 2, 3))
    if d.chance(0.1):
        sizes, kernel = [1] * len(kernel), [1] * len(kernel)
        sliding = {}
    maximum = d.op_type == "MaxPool"
    if d.fed is not None and d.fed.ndim == 4 and min(d.fed.shape) > 0:
        data = d.data()
        kernel = [d.integer(1, min(3, size)) for size in data.shape[2:]]
        sliding = {"strides": d.maybe(d.integers(1, 2, 2))}
    else:
        data = _image(d, sizes, None if maximum else (-4, 4))
    wanted = [True, maximum and d.chance(0.5)]
    given = {"ceil_mode": d.pick(None, 0, 1), "kernel_shape": kernel}
    if maximum:
        given["storage_order"] = d.pick(None, 0, 1) if wanted[1] and len(kernel) < 3 else None
        if data.dtype.kind in "iu" and d.chance(0.3):
            data = np.full_like(data, np.iinfo(data.dtype).min)
        return node(d, [data], wanted, error=EXACT, **given, **sliding)
    if d.op_type == "LpPool":
        given["p"] = d.pick(None, 1, 2, 3)
        return node(d, [data], error=Error(64, 8, 1), **given, **sliding)
    given["count_include_pad"] = d.pick(None, 0, 1)
    return node(d, [data], error=Error(16, 16, 4), **given, **sliding)


def global_pool(d: Draw) -> Made:
    data = d.data(rank=(3, 5), domain=(-4, 4), empty=0.0)
    return node(d, [data], p=d.pick(None, 1, 2, 3), error=Error(64, 16, 4))


def max_unpool(d: Draw) -> Made:
    """Indices as MaxPool gives them for windows side by side."""
    n, c, h, w, k = d.integer(1, 2), d.integer(1, 3), d.integer(1, 4), d.integer(1, 4), d.integer(1, 3)
    data = d.tensor((n, c, h, w), d.dtype("T1"), (-4, 4))
    rows, columns = np.meshgrid(np.arange(h) * k, np.arange(w) * k, indexing="ij")
    inside = (rows + d.integer(0, k - 1)) * (w * k) + columns + d.integer(0, k - 1)
    planes = np.arange(n * c).reshape(n, c, 1, 1) * (h * k * w * k)
    return node(d, [data, planes + inside], kernel_shape=[k, k], strides=[k, k], error=EXACT)


def max_roi_pool(d: Draw) -> Made:
    data = d.tensor((2, d.integer(1, 3), d.integer(3, 9), d.integer(3, 9)), np.float32, (-4, 4))
    height, width = data.shape[2:]
    rois = []
    for _ in range(d.integer(1, 4)):
        x, y = d.integer(0, width - 1), d.integer(0, height - 1)
        rois.append([d.integer(0, 1), x, y, d.integer(x, width - 1), d.integer(y, height - 1)])
    return node(d, [data, np.array(rois, np.float32)], pooled_shape=d.integers(1, 3, 2), spatial_scale=d.maybe(1.0))


def col2im(d: Draw) -> Made:
    image, block = d.integers(3, 7, 2), d.integers(1, 3, 2)
    strides = d.maybe(d.integers(1, 2, 2))
    dilations = d.maybe([1, 1])
    pads = d.maybe([1, 0, 0, 1], 0.3)
    count = 1
    for i in range(2):
        count *= (image[i] + (1 if pads else 0) - block[i]) // (strides or [1, 1])[i] + 1
    data = d.tensor((d.integer(1, 2), 2 * int(np.prod(block)), count), d.dtype(), (-4, 4))
    return node(d, [data, ints(image), ints(block)], strides=strides, dilations=dilations, pads=pads,
                steering=(1, 2), error=sums(8, data))  # fmt: skip


COORDINATES = ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"]


def resize(d: Draw) -> Made:
    """Only sizes that are exact products of scales, and ratios that no rounding decides about, when scales are given:
    sizes are exact by themselves."""
    mode = d.pick("nearest", "nearest", "linear", "cubic")
    data = _resized_data(d, mode)
    spatial = range(2, data.ndim)
    if d.has("scales") or len(d.schema.inputs) == 2:
        scales = [1.0] * 2 + [d.pick(0.5, 1.0, 2.0, 3.0, 1.5) for _ in spatial]
        return _upsample(d, data, "nearest" if mode == "nearest" else "linear", scales)
    coordinates = d.pick(*COORDINATES, *(["half_pixel_symmetric"] if d.since >= 19 else []))
    given: dict[str, Any] = {
        "mode": d.maybe(mode) if mode == "nearest" else mode, "coordinate_transformation_mode": coordinates,
        "nearest_mode": d.maybe(d.pick("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")),
        "cubic_coeff_a": d.maybe(-0.5), "exclude_outside": d.pick(None, 0, 1) if mode == "cubic" else None,
        "antialias": d.pick(None, 0, 1) if d.since >= 18 and mode != "nearest" and data.ndim == 4 else None,
    }  # fmt: skip
    axes = list(spatial) if d.since >= 18 and d.chance(0.4) else None
    sizes, scales = None, None
    if d.chance(0.5):
        sizes = ints([*([] if axes else data.shape[:2]), *[d.integer(1, 16) for _ in spatial]])
        if d.since >= 18 and d.chance(0.3):
            given["keep_aspect_ratio_policy"] = d.pick("stretch", "not_larger", "not_smaller")
            if given["keep_aspect_ratio_policy"] != "stretch" and axes is None:
                axes, sizes = list(spatial), sizes[2:]
    else:
        own = [d.pick(0.5, 0.75, 1.25, 1.5, 2.0, 3.0, 1.02) for _ in spatial]
        scales = np.array([*([] if axes else [1.0, 1.0]), *own], np.float32)
    return node(d, [data, None, scales, sizes], axes=axes, steering=(2, 3), error=Error(64, 64, largest(data)), **given)


def _resized_data(d: Draw, mode: str) -> Array:
    """Integers for the nearest element only: how sums become integers is not specified."""
    sizes = d.integers(1, 20, d.pick(1, 2, 2, 2))
    kinds = ("float", "uint8", "double") if mode == "nearest" else ("float",)
    return d.tensor((1, d.integer(1, 3), *sizes), d.dtype("T1", kinds), (-4, 4))


def upsample(d: Draw) -> Made:
    data = d.tensor((1, d.integer(1, 3), d.integer(1, 6), d.integer(1, 6)), np.float32, (-4, 4))
    return _upsample(d, data, d.pick("nearest", "linear"), [1.0, 1.0, *[d.pick(1.0, 2.0, 3.0, 1.5) for _ in "hw"]])


def _upsample(d: Draw, data: Array, mode: str, scales: list[float]) -> Made:
    error = Error(64, 64, largest(data))
    if d.has("scales"):
        return node(d, [data], mode=mode, scales=scales, error=error)
    return node(d, [data, np.array(scales, np.float32)], mode=mode, steering=(1,), error=error)


def grid_sample(d: Draw) -> Made:
    sizes = d.integers(1, 6, 2) if d.since < 20 or d.chance(0.7) else d.integers(2, 6, 3)
    data = d.tensor((d.integer(1, 2), d.integer(1, 3), *sizes), np.float32, (-2, 2))
    grid = d.tensor((data.shape[0], *d.integers(1, 4, len(sizes)), len(sizes)), data.dtype, (-1.3, 1.3))
    modes = ("bilinear", "nearest", "bicubic") if d.since < 20 else ("linear", "nearest", "cubic")
    mode = d.pick(None, *modes[: 3 if len(sizes) == 2 else 2])
    return node(d, [data, grid], mode=mode, padding_mode=d.pick(None, "zeros", "border", "reflection"),
                align_corners=d.pick(None, 0, 1), error=Error(64, 64, 16))  # fmt: skip


def affine_grid(d: Draw) -> Made:
    corners = d.pick(None, 0, 1)  # with which the place of a single element is not specified
    spatial = d.integers(2 if corners else 1, 5, d.pick(2, 3))
    batch = d.integer(1, 3)
    theta = d.tensor((batch, len(spatial), len(spatial) + 1), d.dtype("T1", ("float", "double")), (-2, 2))
    size = ints([batch, d.integer(1, 3), *spatial])
    return node(d, [theta, size], align_corners=corners, steering=(1,), error=Error(16, 16, 8))


def roi_align(d: Draw) -> Made:
    data = d.tensor((2, d.integer(1, 3), d.integer(2, 8), d.integer(2, 8)), d.dtype("T1", ("float", "double")), (-2, 2))
    count = d.integer(1, 4)
    corner, size = d.tensor((count, 2), np.float32, (0, 3)), d.tensor((count, 2), np.float32, (0.5, 5))
    rois = np.concatenate([corner, corner + size], 1).astype(data.dtype)
    batches = ints(d.integers(0, 1, count))
    return node(
        d, [data, rois, batches], mode=d.pick(None, "avg"), output_height=d.integer(1, 3), output_width=d.integer(1, 3),
        sampling_ratio=d.integer(0, 3), spatial_scale=d.maybe(0.5), error=Error(64, 64, 4),
        coordinate_transformation_mode=d.pick(None, "half_pixel", "output_half_pixel"),
    )  # fmt: skip


def causal_conv(d: Draw) -> Made:
    batch, channels, length, k = d.integer(1, 2), d.integer(1, 4), d.integer(1, 6), d.integer(1, 4)
    data = d.tensor((batch, channels, length), d.dtype("T", ("float", "double")), (-2, 2))
    weights = d.like(data, (channels, 1, k), (-2, 2))
    bias = d.maybe(d.like(data, (channels,), (-1, 1)))
    past = d.maybe(d.like(data, (batch, channels, k - 1), (-2, 2)))
    return node(d, [data, weights, bias, past], 2, activation=d.pick(None, "none", "silu", "swish"),
                error=sums(64, data, weights))  # fmt: skip


MAKERS = table(
    "", Conv=conv, ConvTranspose=conv_transpose, DeformConv=deform_conv, MaxPool=pool, AveragePool=pool, LpPool=pool,
    GlobalAveragePool=global_pool, GlobalMaxPool=global_pool, GlobalLpPool=global_pool, MaxUnpool=max_unpool,
    MaxRoiPool=max_roi_pool, Col2Im=col2im, Resize=resize, Upsample=upsample, GridSample=grid_sample,
    AffineGrid=affine_grid, RoiAlign=roi_align, CausalConvWithState=causal_conv,
)  # fmt: skip
