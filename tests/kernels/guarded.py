"""Arrays between pages that can't be touched: a kernel that reads or writes beyond its operand dies."""

import ctypes
import mmap

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ovlite.kernels.runtime.step import View

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_NO_ACCESS = 0


def guarded(shape, dtype, at_end=True):
    """A C-order array whose last byte lies in front of a guard page, or its first one behind one.

    Every byte is 0xff: NaN as a float, -1 as an integer.
    """
    dtype = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    room = max(-(-size // mmap.PAGESIZE), 1) * mmap.PAGESIZE
    memory = mmap.mmap(-1, room + 2 * mmap.PAGESIZE)
    whole = np.frombuffer(memory, np.uint8)
    whole[mmap.PAGESIZE : mmap.PAGESIZE + room] = 0xFF
    begin = whole.__array_interface__["data"][0]
    for page in (begin, begin + mmap.PAGESIZE + room):
        if _LIBC.mprotect(page, mmap.PAGESIZE, _NO_ACCESS):
            raise OSError(ctypes.get_errno(), "mprotect")
    return np.ndarray(shape, dtype, memory, mmap.PAGESIZE + (room - size if at_end else 0))


def guarded_copy(array, at_end=True):
    """The array's elements in memory of guarded()."""
    copy = guarded(np.shape(array), np.asarray(array).dtype, at_end)
    copy[...] = array
    return copy


class Operand:
    """An array of a random layout in guarded memory that ends with its outermost elements.

    memory: for run_steps. array: the elements. order: the dimensions, outermost first. gap: the most elements
    left unused between two neighbours of a dimension, which hold 0xff bytes. border: (begin, end) elements of
    zeros for each dimension. Dimensions of one element, and no border, get strides that say nothing.
    """

    def __init__(self, rng, values, order=None, gap=0, border=None, shape=None, dtype=None):
        values = np.asarray(values) if values is not None else np.zeros(shape, dtype)
        rank = values.ndim
        border = border or [(0, 0)] * rank
        order = range(rank) if order is None else order
        stored = [begin + size + end for size, (begin, end) in zip(values.shape, border, strict=True)]
        strides, step = [0] * rank, 1
        for d in reversed(order):
            strides[d] = step
            step = step * max(stored[d], 1) + (int(rng.integers(gap + 1)) if gap else 0)
        extent = 1 + sum((size - 1) * stride for size, stride in zip(stored, strides, strict=True))
        itemsize = values.dtype.itemsize
        self.memory = guarded(extent if 0 not in stored else 0, values.dtype, bool(rng.integers(2)))
        self.offset = sum(begin * stride for (begin, _), stride in zip(border, strides, strict=True))
        if any(begin or end for begin, end in border):
            as_strided(self.memory, stored, [itemsize * stride for stride in strides])[...] = 0
        self.array = as_strided(self.memory[self.offset :], values.shape, [itemsize * stride for stride in strides])
        self.array[...] = values
        self.strides = [
            int(rng.choice([0, 1, stride, 1013])) if size == whole == 1 else stride
            for size, whole, stride in zip(values.shape, stored, strides, strict=True)
        ]

    def view(self, slot):
        return View(slot, self.array.dtype, self.array.shape, self.strides, self.offset * self.array.itemsize)

    def outside(self):
        """The bytes of the memory that hold no element of the array."""
        mask = np.ones(self.memory.shape, bool)
        strides = [stride // self.array.itemsize for stride in self.array.strides]
        as_strided(mask[self.offset :], self.array.shape, strides)[...] = False
        return self.memory[mask].tobytes()
