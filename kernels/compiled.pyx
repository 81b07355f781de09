"""Compiled: the call of a compiled model."""

from ovlite.kernels.request cimport Request


cdef class Compiled:
    """A model that is ready to run. A subclass gives `_new_request(hidden)`.

    Calls go to a request that is made at the first of them and kept, so that inputs and variables last
    from call to call. A call that finds it in use by another thread takes a request of its own; where
    that can't be the same, because the model has variables or an input is left out, it waits.
    """

    cdef Request hidden
    cdef list others           # idle requests for simultaneous calls

    def __cinit__(self, *arguments, **keywords):
        self.others = []

    def __call__(self, inputs=None, share_inputs=True, share_outputs=False, *, decode_strings=True):
        """Runs the model on `inputs` and returns the results, an OVDict.

        inputs: a dict by name, index or port, a list or tuple in the model's order, or for a model of one input
            its value. What is not given keeps the value of the call before.
        share_inputs: read C-contiguous writable arrays of the port's type in place; else copy them.
        share_outputs: hand out views of the request's tensors, which the next call overwrites; else new arrays.
        decode_strings: str results as U arrays, else as S arrays.
        """
        cdef bint shared = share_inputs, viewed = share_outputs, decoded = decode_strings
        cdef Request request = self.hidden
        if request is None:
            request = self.first()
        if not request.try_hold():
            return self.simultaneous(inputs, shared, viewed, decoded)
        try:
            return request.infer_held(inputs, shared, viewed, decoded)
        finally:
            request.release()

    cdef Request first(self):
        request = self._new_request(True)
        if self.hidden is None:
            self.hidden = request
        return self.hidden

    cdef object simultaneous(self, object inputs, bint share_inputs, bint share_outputs, bint decode):
        cdef Request request
        if inputs is not None and not self.hidden.variable_count:
            try:
                request = self.others.pop()
            except IndexError:
                request = self._new_request(True)
            request.hold()
            try:
                request.give(inputs, share_inputs)
                if request.complete():
                    result = request.infer_held(None, share_inputs, share_outputs, decode)
                    if not share_outputs:
                        self.others.append(request)
                    return result
            finally:
                request.forget()
                request.release()
        self.hidden.hold()
        try:
            return self.hidden.infer_held(inputs, share_inputs, share_outputs, decode)
        finally:
            self.hidden.release()

    @property
    def _infer_request(self):
        """The request that calls go to; None before the first."""
        return self.hidden

    def _hidden_request(self):
        return self.first() if self.hidden is None else self.hidden

    def _drop_idle(self):
        """Frees the idle requests for simultaneous calls."""
        self.others = []
