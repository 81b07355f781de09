"""Arrays in the memory layouts that plans use, and the Views of them."""

import numpy as np

from ovlite.kernels.runtime.step import View


def view_of(slot, array, memory=None):
    """The View of a numpy array that lies within `memory`, the array of its slot (by default itself)."""
    memory = array if memory is None else memory
    offset = array.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
    strides = [stride // array.itemsize for stride in array.strides]
    return View(slot, array.dtype, array.shape, strides, offset)


def channels_last(shape, dtype=np.float32, pixel_pad=0, border=0, fill=None):
    """(memory, array): an array of `shape` (N, C, spatial...) whose channels are adjacent in memory.

    pixel_pad: elements between a pixel's last channel and the next pixel. border: pixels around the
    image on every side. fill: what the memory holds; by default it isn't set to anything.
    """
    n, c, *spatial = shape
    stored = (n, *(size + 2 * border for size in spatial), c + pixel_pad)
    memory = np.empty(stored, dtype) if fill is None else np.full(stored, fill, dtype)
    inside = (slice(None), *(slice(border, border + size) for size in spatial), slice(0, c))
    return memory, np.moveaxis(memory[inside], -1, 1)
