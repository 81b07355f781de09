"""Images (N, H, W, C) of arrays as the operands of steps: what the functions on images have in common."""

import numpy as np

from ovlite.kernels.runtime.step cimport View, strided_view
from ovlite.kernels.runtime.step import are_channels_last


cdef object result_images(out, shape, View x):
    if out is not None:
        if np.shape(out) != tuple(shape):
            raise ValueError(f"expected out of shape {tuple(shape)}, got {np.shape(out)}")
        return out
    if are_channels_last(x):
        return np.empty(shape, x.dtype)
    batch, height, width, channels = shape
    return np.empty((batch, channels, height, width), x.dtype).transpose(0, 2, 3, 1)


cdef View channels_second(View view):
    """Raises ValueError for another number of dimensions than four."""
    if view.span.rank != 4:
        raise ValueError(f"expected images of shape (N, H, W, C), got {view.shape}")
    batch, height, width, channels = view.shape
    image, line, pixel, channel = view.strides
    return view.like((batch, channels, height, width), (image, channel, line, pixel))


def window_counts(spatial, kernel, strides, dilations, pads_begin, pads_end):
    """How many windows there are along each spatial dimension of padded images.

    Raises ValueError where an argument has another length than `spatial`, where a kernel, stride or dilation is less
    than 1 or a pad less than 0, and where an image that has elements is smaller than a window.
    """
    for name, values, least in (
        ("kernel", kernel, 1), ("strides", strides, 1), ("dilations", dilations, 1), ("pads_begin", pads_begin, 0),
        ("pads_end", pads_end, 0),
    ):
        if len(values) != len(spatial) or min(values) < least:
            raise ValueError(f"expected {name} to be {len(spatial)} numbers of at least {least}, got {tuple(values)}")
    counts = []
    for length, size, stride, dilation, begin, end in zip(
            spatial, kernel, strides, dilations, pads_begin, pads_end, strict=True):
        room = length + begin + end - (size - 1) * dilation - 1
        if room < 0 < length:
            raise ValueError(
                f"expected images of at least the size of a window, got {tuple(spatial)} for {tuple(kernel)}")
        counts.append(room // stride + 1 if room >= 0 else 0)
    return tuple(counts)


def convolution_border(shape, output_shape, kernel, strides, dilations, pads_begin):
    """(begin, end) pixels of zeros that a convolution reads around an image, for each spatial dimension.

    shape, output_shape: of the spatial dimensions of x and y.
    """
    return [
        (pad if out else 0, max(0, (out - 1) * stride + (size - 1) * dilation - pad + 1 - have) if out else 0)
        for have, out, size, stride, dilation, pad in zip(
            shape, output_shape, kernel, strides, dilations, pads_begin, strict=True)
    ]


def bordered(const float[:, :, :, :] x not None, border):
    """(array, View (N, C, H, W) on slot 0) of the images x (N, H, W, C) with zeros around them, see above.

    The array is a copy where there is a border, and the view is of what is within.
    """
    (top, bottom), (left, right) = border
    array = np.asarray(x)
    if top or bottom or left or right:
        x = array = np.pad(array, [(0, 0), *border, (0, 0)])
    view = channels_second(strided_view(0, "f4", x.shape, x.strides, 4))
    batch, channels, height, width = view.shape
    offset = array.itemsize * (top * view.strides[2] + left * view.strides[3])
    return array, view.like((batch, channels, height - top - bottom, width - left - right), view.strides, offset)
