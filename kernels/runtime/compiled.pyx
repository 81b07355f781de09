# cython: embedsignature=True, embedsignature.format=clinic
"""Compiled: the call of a compiled model."""

import threading

from cpython.pythread cimport PyThread_get_thread_ident
from ovlite.kernels.runtime.request cimport Request


cdef class Compiled:
    """A model that is ready to run. A subclass gives `_new_request(internal)`, and `_inlined(inputs)`, which returns
    results for inputs that only stand for arrays, or None.

    Calls go to a request that is made at the first of them and kept, so that inputs and variables last
    from call to call. A call that finds it in use by another thread, or its outputs shown to another
    thread, takes a request of its own; where that can't be the same, because the model has variables or
    an input is left out, it waits.
    """

    cdef Request internal
    cdef unsigned long viewer  # the thread that was handed views of the internal request's outputs, or 0
    cdef list others           # idle requests for simultaneous calls
    cdef object local          # the request of each thread but `viewer` that is handed views

    def __cinit__(self, *arguments, **keywords):
        self.others = []
        self.local = threading.local()

    def __call__(self, inputs=None, share_inputs=True, share_outputs=False, *, decode_strings=True, out=None):
        """Runs the model on `inputs` and returns the results, an OVDict.

        inputs: a dict by name, index or port, a list or tuple in the model's order, or for a model of one input
            its value. What is not given keeps the value of the call before.
        share_inputs: read C-contiguous writable arrays of the port's type in place; else copy them.
        share_outputs: hand out views of the request's tensors, else new arrays. The next call overwrites what views
            show, unless the model is compiled with KEEP_SHARED_OUTPUTS.
        decode_strings: str results as U arrays, else as S arrays.
        out: where results go, and what is returned for them: an array for the only output, a list or tuple in
            the model's order with None for those that get new arrays, or a dict by name, index or port. Each is
            a writable C-contiguous array of the output's shape and dtype, apart from the inputs' memory.
        """
        try:
            return self.call(inputs, share_inputs, share_outputs, decode_strings, out)
        except TypeError:  # of what is no array, but stands for one
            results = self._inlined(inputs)
            if results is None:
                raise
            return results

    cdef object call(self, object inputs, bint shared, bint viewed, bint decoded, object out):
        cdef Request request = self.internal
        if request is None:
            request = self.first()
        if viewed and not self.viewer:
            self.viewer = PyThread_get_thread_ident()
        if (self.viewer and self.viewer != PyThread_get_thread_ident()) or not request.try_hold():
            return self.simultaneous(inputs, shared, viewed, decoded, out)
        try:
            return request.infer_held(inputs, shared, viewed, decoded, out)
        finally:
            request.release()

    cdef Request first(self):
        request = self._new_request(True)
        if self.internal is None:
            self.internal = request
        return self.internal

    cdef object simultaneous(self, object inputs, bint share_inputs, bint share_outputs, bint decode, object out):
        cdef Request request
        if inputs is not None and not self.internal.variable_count:
            request = self.own_of_thread() if share_outputs else self.other()
            request.hold()
            try:
                request.bind_inputs(inputs, share_inputs)
                if request.complete():
                    return request.infer_held(None, share_inputs, share_outputs, decode, out)
            finally:
                request.clear_inputs()
                request.release()
                if not share_outputs:
                    self.others.append(request)
        self.internal.hold()
        try:
            return self.internal.infer_held(inputs, share_inputs, share_outputs, decode, out)
        finally:
            self.internal.release()

    cdef Request other(self):
        try:
            return self.others.pop()
        except IndexError:
            return self._new_request(True)

    cdef Request own_of_thread(self):
        request = getattr(self.local, "request", None)
        if request is None:
            request = self.local.request = self._new_request(True)
        return request

    @property
    def _infer_request(self):
        """The request that calls go to; None before the first."""
        return self.internal

    def _internal_request(self):
        return self.first() if self.internal is None else self.internal

    def _drop_idle(self):
        """Frees the idle requests for simultaneous calls."""
        self.others = []
