"""Storage: the memory behind Tensors."""

import math

import numpy as np

cimport numpy as cnp
from cpython.buffer cimport PyObject_GetBuffer
from cpython.ref cimport Py_DECREF, Py_INCREF

cnp.import_array()


def view_on(cnp.ndarray array, base):
    """A view of the array's elements, writable if the array is, whose `base` is `base`; that keeps the memory alive."""
    cdef int flags = cnp.PyArray_FLAGS(array) & cnp.NPY_ARRAY_WRITEABLE
    cdef cnp.ndarray view = cnp.PyArray_New(
        np.ndarray, cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array), cnp.PyArray_TYPE(array),
        cnp.PyArray_STRIDES(array), cnp.PyArray_DATA(array), cnp.PyArray_ITEMSIZE(array), flags, None)
    Py_INCREF(base)
    cnp.PyArray_SetBaseObject(view, base)
    return view


cdef class Storage:
    """The memory of a tensor, which several Tensors and requests may share.

    array: the elements in C order, or strided when the storage shows a region of another one.
        Elements of less than a byte lie packed in a 1-D array; strings are an object array of bytes.
    element_type: what the elements are; not interpreted here.
    shape: the tensor's shape; the array's shape too unless elements are packed.
    owned: the memory is the storage's own and may be replaced by a larger block.
    """

    def __init__(self, element_type, array, shape=None, int bits=0, bint owned=False):
        self.element_type = element_type
        self.array = array
        self.shape = array.shape if shape is None else tuple(shape)
        self.bits = bits
        self.owned = owned
        if owned:
            self.block = array.reshape(-1)

    @staticmethod
    def new(element_type, dtype, shape, int bits=0):
        """Memory of its own for a tensor of `shape`; what it holds is not defined, strings are empty."""
        count = math.prod(shape)
        if bits:
            return Storage(element_type, np.empty((count * bits + 7) // 8, dtype), shape, bits, True)
        array = np.empty(shape, dtype)
        if dtype == np.dtype(object):
            array.fill(b"")
        return Storage(element_type, array, shape, 0, True)

    cpdef set_shape(self, tuple shape):
        """Shows the memory in another shape; a larger one needs new memory, which only an owner can have.

        Elements keep their place in the flat order while the memory stays.
        """
        if shape == self.shape:
            return
        count = math.prod(shape)
        if self.bits:
            count = (count * self.bits + 7) // 8
        if not self.owned:
            if not self.array.flags.c_contiguous:
                raise RuntimeError("a tensor that shows a region of another one keeps its shape")
            if self.block is None:
                self.block = self.array.reshape(-1)
        if count > self.block.size:
            if not self.owned:
                raise RuntimeError(
                    f"a tensor of shape {list(shape)} does not fit into the {self.block.size} elements of the shared "
                    "memory it is made on")
            self.block = np.empty(max(count, self.block.size * 3 // 2), self.block.dtype)
            if self.block.dtype == np.dtype(object):
                self.block.fill(b"")
        self.array = self.block[:count] if self.bits else self.block[:count].reshape(shape)
        self.shape = shape

    def renew(self):
        """Moves an owner to new memory of the same size, not initialised; who shows the former memory keeps it."""
        self.block = np.empty_like(self.block)
        self.array = self.block[:self.array.size].reshape(self.array.shape)

    @property
    def memory(self):
        """The array that holds the memory: two storages show the same elements when it is the same."""
        return self.array if self.block is None else self.block


cdef class Shown:
    """Base of Tensor: what shows a storage, by the buffer protocol too. Buffers keep the memory, not the tensor."""

    def _exported(self):
        """The array whose memory is shown. BufferError where its dtype is not what the elements are."""
        return self._storage.array

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        # The array becomes the buffer's object in place of the None that Cython puts there: it answers for the release.
        PyObject_GetBuffer(self._exported(), buffer, flags)
        Py_DECREF(None)
