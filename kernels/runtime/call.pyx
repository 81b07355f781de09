"""Calls of a step on numpy arrays of any rank, for the functions of kernel families."""

from cpython.buffer cimport PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer

import numpy as np

from .block cimport Block
from .step cimport Member, alone, check_status, strided_view


cdef class Call:
    """One call of a function on arrays: borrows them by the buffer protocol, and runs steps whose slots they are.

    An array may have any strides. Raises TypeError for element types that are not expected, and for a foreign byte
    order; ValueError for shapes that are not, for elements at odd addresses, and where `out` lies over an input.
    """

    def __cinit__(self):
        self.arrays = []

    def __dealloc__(self):
        cdef int slot
        for slot in range(len(self.arrays)):
            PyBuffer_Release(&self.buffers[slot])

    cdef View read(self, str name, array, dtype=None):
        """The View of an input, which must not change before the call ends. dtype: the only one that is taken."""
        array = np.asarray(array)
        if not array.dtype.isnative:
            raise TypeError(f"expected {name} in this processor's byte order, got {array.dtype}")
        if dtype is not None and array.dtype != dtype:
            raise TypeError(f"expected {name} of {np.dtype(dtype)}, got {array.dtype}")
        return self.borrow(name, array, PyBUF_STRIDES)

    cdef View write(self, out, shape, dtype, bint in_place=False):
        """The View of the result, a new array where `out` is None; comes after all inputs.

        in_place: `out` may be an input, element upon element.
        """
        if out is None:
            out = np.empty(shape, dtype)
        if not isinstance(out, np.ndarray):
            raise TypeError(f"expected out to be a numpy array, got {type(out).__name__}")
        if out.dtype != dtype:
            raise TypeError(f"expected out of {np.dtype(dtype)}, got {out.dtype}")
        if out.shape != tuple(shape):
            raise ValueError(f"expected out of shape {tuple(shape)}, got {out.shape}")
        if not out.flags.writeable:
            raise ValueError("expected out that can be written to, got a read-only array")
        view = self.borrow("out", out, PyBUF_STRIDES | PyBUF_WRITABLE)
        last = len(self.arrays) - 1
        for slot, (name, array) in enumerate(self.arrays[:last]):
            same = (self.slots[<int>slot] == self.slots[<int>last] and array.dtype == out.dtype
                    and array.shape == out.shape and array.strides == out.strides)
            if not (in_place and same) and np.shares_memory(array, out):
                raise ValueError(f"expected out apart from {name}, got memory that they share")
        return view

    @property
    def out(self):
        """The array that was borrowed last."""
        return self.arrays[len(self.arrays) - 1][1]

    cdef View borrow(self, str name, array, int flags):
        cdef int slot = len(self.arrays)
        if slot == MAX_ARRAYS:
            raise ValueError(f"expected at most {MAX_ARRAYS} arrays")
        if array.dtype.hasobject:
            raise TypeError(f"expected {name} of numbers, got {array.dtype}")
        if not array.flags.aligned:
            raise ValueError(f"expected the elements of {name} at multiples of their size, got an unaligned array")
        PyObject_GetBuffer(array, &self.buffers[slot], flags)
        self.arrays.append((name, array))
        self.slots[slot] = <char*>self.buffers[slot].buf
        return strided_view(
            slot, array.dtype, self.buffers[slot].shape, self.buffers[slot].strides, self.buffers[slot].ndim)

    cdef int run(self, Step step) except -1:
        """Runs a step on the calling thread, without the GIL."""
        cdef Block scratch = Block(step.scratch)
        cdef Member me = alone(scratch.data)
        cdef int status
        with nogil:
            status = step.run(step.args, self.slots, &me)
        return check_status(step.name, status)
