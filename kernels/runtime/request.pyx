# cython: embedsignature=True, embedsignature.format=clinic
"""Request: runs a compiled model on what is bound, and hands the results out.

Results go to new arrays, or to the storage of the output tensors. A subclass answers for what needs
the rest of the package: what Bindings asks for, and

    _output_memory(index, shape)     new Storage
    _packed(storage, array)          the elements of a result as a packed storage holds them
    _tensor(storage)                 the object that views are based on
    _decode(arrays, decode)          results with strings in them, as they are handed out
    _given_outputs(out)              a list of what the caller gives for each output, or None
    _refuse_output(index, array, shape)  raises for what a result of this shape can't be written to
"""

import warnings
from weakref import getweakrefcount, ref

cimport numpy as cnp
from cpython.ref cimport Py_INCREF, Py_REFCNT
from libc.stdlib cimport free
from ovlite.kernels.runtime.bindings cimport Bindings, Operand
from ovlite.kernels.runtime.block cimport zeros
from ovlite.kernels.runtime.executor cimport Team, copy_bytes, enter, leave
from ovlite.kernels.runtime.results cimport OVDict, Ports, make_result
from ovlite.kernels.runtime.step cimport MAX_RANK
from ovlite.kernels.runtime.storage cimport Storage
from ovlite.kernels.runtime.streams cimport Streams

from ovlite.kernels.runtime.failures import FAILURES

cnp.import_array()

cdef extern from "cancellation.h" nogil:
    long long nanoseconds()


cdef Py_ssize_t LARGE = 1 << 20         # bytes of a result


cdef class Request(Bindings):
    """One set of inputs, outputs, variables and buffers of a compiled model.

    executable: gives plans. ports: what names the tensors. types, tensor_class: see Bindings. variables:
    names of the states. sources: for each output, (is an input, index) of the port whose elements it shows
    again, or None. internal: no tensor of it was ever shown, so that results need no memory of the
    request's own. profiled: keep the time of each step. keep_shared_outputs: views keep what they show. spare_bytes:
    how much larger than a run needs the buffers may stay.
    """

    def __init__(self, executable, Ports ports, tuple types, type tensor_class, tuple variables, tuple sources,
                 Streams streams, bint internal=False, bint profiled=False, bint keep_shared_outputs=False,
                 Py_ssize_t spare_bytes=0):
        self.open(streams)
        self.spare_bytes = spare_bytes
        self.bind_ports(ports, types, tensor_class)
        self.executable = executable
        self.internal = internal
        self.profiled = profiled
        self.keep_shared_outputs = keep_shared_outputs
        self.output_count = len(ports.outputs)
        self.outputs = <Operand*>zeros(self.output_count, sizeof(Operand))
        self.targets = [None] * self.output_count
        self.tensors = [None] * self.output_count
        self.sources = list(sources)
        self.spills = []
        self.variables = variables
        self.variable_count = len(variables)
        self.states = [None] * self.variable_count
        self.spares = [None] * self.variable_count

    def __dealloc__(self):
        free(self.outputs)

    # Plans --------------------------------------------------------------------------------------

    cdef int update_plan(self) except -1:
        """Brings inputs, plan and variables up to date before a run."""
        self.refresh_shared_inputs()
        if not self.planned:
            self.replan()
        if self.variable_count:
            self.bind_states()
        return 0

    cdef int replan(self) except -1:
        cdef void* outer = enter(self.cancellation)
        shapes = [array.shape for array in self.arrays]
        shapes += [state.shape for state in self.states if state is not None]
        fresh = [name for name, state in zip(self.variables, self.states) if state is None]
        try:
            return self.set_plan(self.executable.plan(tuple(shapes), frozenset(fresh)))
        finally:
            leave(outer)

    cdef int set_plan(self, object plan) except -1:
        cdef int i
        Bindings.set_plan(self, plan)
        self.shapes = []
        if self.frame is not None:
            for i in range(self.output_count):
                dtype, shape = plan.outputs[i]
                self.outputs[i].type = dtype.num
                self.outputs[i].slot = plan.output_slots[i]
                self.outputs[i].rank = len(shape)
                for d, length in enumerate(shape):
                    self.outputs[i].dims[d] = length
                self.shapes.append(shape)
        self.needs_no_gil = self.frame is not None and self.frame.program.native and not self.variable_count
        return 0

    # Variables ----------------------------------------------------------------------------------

    cdef int bind_states(self) except -1:
        """Points the plan at the variables' values, and at memory for their next ones."""
        cdef int i, place = self.input_count
        if self.frame is None:
            return 0
        for i in range(self.variable_count):
            if self.states[i] is not None:
                self.frame.bind(self.plan.input_slots[place], self.states[i])
                place += 1
            dtype, shape = self.plan.outputs[self.output_count + i]
            spare = self.spares[i]
            if spare is None or spare.shape != shape:
                spare = self.spares[i] = _empty(shape, dtype)
            self.frame.bind(self.plan.output_slots[self.output_count + i], spare)
        return 0

    def state(self, Py_ssize_t index):
        """The array that holds a variable's value; None before the first run."""
        return self.states[index]

    def set_state(self, Py_ssize_t index, array):
        """Gives a variable a value, which the request then owns; None for its initial one."""
        self.states[index] = array
        self.planned = self.up_to_date = False

    # Outputs ------------------------------------------------------------------------------------

    cdef list bind_new(self, list given):
        """New arrays as the outputs, or those that are given; None for those that have a target."""
        cdef int i
        cdef Operand* operand
        cdef list values = [None] * self.output_count
        self.spills.clear()
        for i in range(self.output_count):
            if given is not None and given[i] is not None:
                values[i] = self.bind_given(i, given[i])
                continue
            if self.targets[i] is not None:
                self.bind_target(i)
                continue
            operand = &self.outputs[i]
            array = self.recycled(i)
            if array is None:
                array = cnp.PyArray_EMPTY(operand.rank, operand.dims, operand.type, 0)
            self.frame.slots[operand.slot] = <char*>cnp.PyArray_DATA(<cnp.ndarray>array)
            values[i] = array
        return values

    cdef object recycled(self, Py_ssize_t index):
        """The large array that the last result was, in the shape of this run's, where nobody else can see it; or None.

        Freed and allocated again it would leave gaps in the heap whenever shapes change.
        """
        cdef Operand* operand = &self.outputs[index]
        cdef list latest = self.latest
        cdef cnp.ndarray array
        if latest is None or Py_REFCNT(latest) != 2 or not cnp.PyArray_CheckExact(latest[index]):
            return None
        array = latest[index]
        if cnp.PyArray_NBYTES(array) < LARGE or cnp.PyArray_TYPE(array) != operand.type or Py_REFCNT(array) != 2 \
                or not cnp.PyArray_CHKFLAGS(array, cnp.NPY_ARRAY_OWNDATA) or not cnp.PyArray_ISCARRAY(array) \
                or getweakrefcount(array):
            return None
        latest[index] = None
        if (<object>array).shape != self.shapes[index]:
            array.resize(self.shapes[index], refcheck=False)
        return array

    cdef object bind_given(self, Py_ssize_t index, object given):
        """The caller's array as an output of this run."""
        cdef Operand* operand = &self.outputs[index]
        cdef cnp.ndarray array
        cdef bint right = cnp.PyArray_Check(given)
        cdef int i
        if right:
            array = <cnp.ndarray>given
            right = cnp.PyArray_EquivTypenums(cnp.PyArray_TYPE(array), operand.type) \
                and cnp.PyArray_NDIM(array) == operand.rank and cnp.PyArray_ISCARRAY(array) and not self.is_read(array)
            for i in range(operand.rank):
                right = right and cnp.PyArray_DIMS(array)[i] == operand.dims[i]
        if not right:
            self._refuse_output(index, given, self.shapes[index])
        self.frame.slots[operand.slot] = <char*>cnp.PyArray_DATA(array)
        return given

    cdef int take_found(self, list given) except -1:
        """Brings results of a plan in stages to the caller's arrays."""
        for i, array in enumerate(given):
            if array is not None:
                found = self.found[i]
                if not isinstance(array, cnp.ndarray) or array.dtype != found.dtype or array.shape != found.shape \
                        or not cnp.PyArray_ISCARRAY(array) or self.is_read(array):
                    self._refuse_output(i, array, found.shape)
                array[...] = found
                self.found[i] = array
        return 0

    cdef int bind_targets(self) except -1:
        cdef int i
        self.spills.clear()
        if self.frame is not None:
            for i in range(self.output_count):
                self.bind_target(i)
        return 0

    cdef int bind_target(self, Py_ssize_t index) except -1:
        """Points an output at its tensor's memory, which takes the shape that the plan gives it; at an array
        whose elements go there after the run, where steps can't write."""
        cdef Storage storage = self.targets[index]
        shape = self.shapes[index]
        if storage is None:
            storage = self.targets[index] = self._output_memory(index, shape)
        elif storage.shape is not shape:
            storage.set_shape(shape)
        array = storage.array
        if storage.bits or not cnp.PyArray_ISCARRAY(<cnp.ndarray>array) or self.is_read(<cnp.ndarray>array):
            array = _empty(shape, self.plan.outputs[index][0])
            self.spills.append((storage, array))
        self.frame.slots[self.outputs[index].slot] = <char*>cnp.PyArray_DATA(<cnp.ndarray>array)
        return 0

    cdef bint is_read(self, cnp.ndarray array) noexcept:
        """Return whether some input lies in the array's memory, so that steps can't write there while they read."""
        cdef char* begin = <char*>cnp.PyArray_DATA(array)
        cdef char* end = begin + cnp.PyArray_NBYTES(array)
        cdef int i
        for i in range(self.input_count):
            if self.inputs[i].begin < end and begin < self.inputs[i].end:
                return True
        return False

    cdef object view(self, Py_ssize_t index):
        """A writable view of an output tensor, which keeps the memory alive.

        Ports that show the same elements share one memory, unless the output was given a tensor. A view that keeps
        what it shows is on memory of the request's own, or else a copy.
        """
        cdef Storage storage = self.targets[index]
        cdef cnp.ndarray array = storage.array, view
        if cnp.PyArray_TYPE(array) == cnp.NPY_OBJECT or (self.keep_shared_outputs and not storage.owned):
            return self.copy(index)
        source = None if self.keep_shared_outputs else self.sources[index]
        if source is not None:
            is_input, place = source
            return self._tensor(self.input_storage(place)).data if is_input else self.view(place)
        known, tensor = self.tensors[index], None
        if known is not None and (<tuple>known)[0] is storage.memory:
            tensor = (<tuple>known)[1]() if self.keep_shared_outputs else (<tuple>known)[1]
        if tensor is None:
            tensor = self._tensor(storage)
            self.tensors[index] = (storage.memory, ref(tensor) if self.keep_shared_outputs else tensor)
        if storage.bits or not cnp.PyArray_ISCARRAY(array):
            return tensor.data
        view = cnp.PyArray_SimpleNewFromData(
            cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array), cnp.PyArray_TYPE(array), cnp.PyArray_DATA(array))
        Py_INCREF(tensor)
        cnp.PyArray_SetBaseObject(view, tensor)
        return view

    cdef int keep_views(self) except -1:
        """Before a run: outputs that views show move to new memory, and leave the former to the views."""
        cdef Storage storage
        for index, known in enumerate(self.tensors):
            storage = self.targets[index]
            if known is not None and known[0] is storage.memory and known[1]() is not None:
                storage.renew()
        return 0

    cdef object copy(self, Py_ssize_t index):
        cdef cnp.ndarray array = (<Storage>self.targets[index]).array, copied
        if cnp.PyArray_TYPE(array) == cnp.NPY_OBJECT or not cnp.PyArray_ISCARRAY_RO(array):
            return cnp.PyArray_NewCopy(array, cnp.NPY_CORDER)
        copied = cnp.PyArray_EMPTY(cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array), cnp.PyArray_TYPE(array), 0)
        copy_bytes(
            <Team>self.streams.teams[0], cnp.PyArray_DATA(copied), cnp.PyArray_DATA(array), cnp.PyArray_NBYTES(array))
        return copied

    def output_storage(self, Py_ssize_t index):
        """The memory of output `index`, to be shown."""
        cdef Storage storage = self.targets[index]
        if storage is None:
            latest = None if self.latest is None else self.latest[index]
            storage = self._output_memory(index, None if latest is None else latest.shape)
            if latest is not None:
                storage.array[...] = latest
            self.targets[index] = storage
        storage.shown = True
        return storage

    def set_input_storage(self, Py_ssize_t index, Storage storage):
        """Waits for another thread's run, which reads what was there."""
        cdef bint held = self.hold_once()
        try:
            storage.shown = True
            self.bind_shared(index, storage)
        finally:
            if held:
                self.release()

    def set_output_storage(self, Py_ssize_t index, Storage storage):
        """Waits for another thread's run, which writes what was there."""
        cdef bint held = self.hold_once()
        storage.shown = True
        self.targets[index] = storage
        self.sources[index] = None
        self.planned = self.up_to_date = False
        if held:
            self.release()

    def copies(self):
        """Copies of the output tensors, as a mapping."""
        self.check_idle()
        values = [(<Storage>self.output_storage(i)).array.copy() for i in range(self.output_count)]
        return make_result(self.ports, self._decode(values, True) if self.ports.strings else values)

    # Runs ---------------------------------------------------------------------------------------

    def infer(self, inputs=None, share_inputs=False, share_outputs=False, *, decode_strings=True):
        """Runs the model on `inputs` and returns the results, an OVDict.

        inputs: a dict by name, index or port, a list or tuple in the model's order, or for a model of one input
            its value. What is not given keeps its last value.
        share_inputs: read C-contiguous writable arrays of the port's type in place instead of copying them;
            the request then reads them again in a run without inputs.
        share_outputs: hand out views of the output tensors instead of new arrays. The next run of the request, however
            it is started, overwrites what they show, unless the model is compiled with KEEP_SHARED_OUTPUTS.
        decode_strings: str results as U arrays, else as S arrays.
        """
        cdef bint shared = share_inputs, viewed = share_outputs, decoded = decode_strings
        self.hold()
        self.renew()
        try:
            results = self.infer_held(inputs, shared, viewed, decoded, None)
            self.ran = True
            return results
        finally:
            self.release()

    cdef OVDict infer_held(self, object inputs, bint share_inputs, bint share_outputs, bint decode, object out):
        cdef list values, given = None
        cdef Py_ssize_t i
        cdef bint new_results = self.internal and not share_outputs
        self.new_results = new_results
        self.cancellation.reset()
        if out is not None:
            if share_outputs:
                raise ValueError("out= and share_outputs=True exclude each other: both say where results lie")
            simple = self.output_count == 1 and cnp.PyArray_Check(out) and not self.ports.strings
            given = [out] if simple else self._given_outputs(out)
        if inputs is not None:
            self.bind_inputs(inputs, share_inputs)
        if not self.up_to_date:
            self.update_plan()
        if self.keep_shared_outputs:
            self.keep_views()
        self.found = None
        if not new_results:
            self.bind_targets()
        elif self.frame is not None:
            values = self.bind_new(given)
        self.latest = None
        self.run(0)
        if self.variable_count or self.spills or self.frame is None:
            self.after_run()
        if share_outputs:
            values = [self.view(i) for i in range(self.output_count)]
        elif not new_results:
            values = [self.copy(i) for i in range(self.output_count)]
        else:
            if self.frame is None:
                if given is not None:
                    self.take_found(given)
                values = self.found
            for i in range(self.output_count):
                if self.targets[i] is not None and (given is None or given[i] is None):
                    values[i] = self.copy(i)
            self.latest = values
        if self.ports.strings:
            values = self._decode(values, decode)
        return make_result(self.ports, values)

    cdef int run(self, int stream) except -1:
        self.began = self.ended = nanoseconds()
        self.cancellation.begin(self.began)
        try:
            if self.frame is not None:
                self.frame.run(<Team>self.streams.teams[stream], self.cancellation)
            else:
                self.run_stages(stream)
        except BaseException as error:
            self.spills.clear()
            as_it_is = not isinstance(error, FAILURES) or isinstance(error, (MemoryError, RuntimeError))
            if as_it_is or error is self.cancellation.raised:
                raise
            raise RuntimeError(f"the inference failed: {type(error).__name__}: {error}") from error
        self.ended = nanoseconds()
        return 0

    cdef int run_stages(self, int stream) except -1:
        cdef void* outer = enter(self.cancellation)
        arrays = self.arrays + [state for state in self.states if state is not None]
        try:
            self.stage_times = [] if self.profiled else None
            self.found = list(self.plan.run(arrays, self.streams.teams[stream], self.stage_times))
        finally:
            leave(outer)
        return 0

    cdef int after_run(self) except -1:
        """Takes over the variables' new values, and brings results to targets that steps can't write."""
        cdef Py_ssize_t i
        cdef Storage storage
        for storage, array in self.spills:
            self.store(storage, array)
        self.spills.clear()
        if self.frame is None:
            self.spares = self.found[self.output_count:]
            self.found = self.found[:self.output_count]
            for i in range(self.output_count):
                storage = self.targets[i]
                if storage is None and not self.new_results:
                    storage = self.targets[i] = self._output_memory(i, self.found[i].shape)
                if storage is not None:
                    storage.set_shape(self.found[i].shape)
                    self.store(storage, self.found[i])
        for i in range(self.variable_count):
            before, after = self.states[i], self.spares[i]
            self.states[i], self.spares[i] = after, before
            if before is None or before.shape != after.shape:
                self.planned = False
        return 0

    cdef int store(self, Storage storage, object array) except -1:
        """Brings a result to memory of its shape, which takes elements of less than a byte packed."""
        storage.array[...] = self._packed(storage, array) if storage.bits else array
        return 0

    # Asynchronous runs --------------------------------------------------------------------------

    def start_async(self, inputs=None, userdata=None, share_inputs=False):
        """Starts a run on a stream's thread and returns at once; wait() waits for its end.

        inputs, share_inputs: as in infer(). userdata: what the callback gets, from now on.
        """
        cdef bint shared = share_inputs
        if userdata is not None and self.callback is None:
            warnings.warn("userdata is dropped: the request has no callback; call set_callback() first", RuntimeWarning)
            userdata = None
        self.begin(inputs, shared, self.callback is not None)
        if userdata is not None:
            self.userdata = userdata

    cdef int begin(self, object inputs, bint share, bint reports) except -1:
        self.check_idle()
        self.hold()
        try:
            if inputs is not None:
                self.bind_inputs(inputs, share)
            self.refresh_shared_inputs()
            self.prepared = self.planned
            if self.prepared:
                self.prepare()
            self.without_gil = self.prepared and self.needs_no_gil and not self.spills
            self.failed = False
        except BaseException:
            self.release()
            raise
        return self.submit(reports)

    def finished(self, bint share_outputs, bint decode):
        """The results of an asynchronous run that has ended, an OVDict; raises as wait() does."""
        self.wait()
        values = [self.view(i) if share_outputs else self.copy(i) for i in range(self.output_count)]
        return make_result(self.ports, self._decode(values, decode) if self.ports.strings else values)

    cdef int prepare(self) except -1:
        if not self.up_to_date:
            self.update_plan()
        self.new_results = False
        if self.keep_shared_outputs:
            self.keep_views()
        self.bind_targets()
        return 0

    cdef int run_without_gil(self, int stream) noexcept nogil:
        cdef int status
        self.began = self.ended = nanoseconds()
        self.cancellation.begin(self.began)
        status = self.frame.run_native(
            0, self.frame.program.count, self.streams.members[stream], &self.cancellation.token)
        self.ended = nanoseconds()
        self.failed = status != 0
        return status

    cdef int run_with_gil(self, int stream) except -1:
        """Carries out a run, and first what start_async() left to it: making a plan takes its time."""
        if self.failed:
            self.frame.fail(self.cancellation)
        if not self.prepared:
            self.prepare()
        if self.cancelled:
            raise RuntimeError("the inference was cancelled")
        self.run(stream)
        return self.after_run()

    @property
    def latency(self):
        """Milliseconds that the last run took."""
        return (self.ended - self.began) * 1e-6

    def step_spans(self):
        """(thread, begin, end) of each part of each step in the last run, as Frame.step_spans(); empty for stages."""
        return [] if self.frame is None else self.frame.step_spans()


cdef object _empty(tuple shape, dtype):
    cdef cnp.npy_intp dims[MAX_RANK]
    for i, length in enumerate(shape):
        dims[i] = length
    return cnp.PyArray_EMPTY(<int>len(shape), dims, dtype.num, 0)
