"""Request: binds arrays to a plan's slots, runs it, and hands the results out.

Arrays that already are what a port takes are bound by their address; all else is converted into the
request's own storage, so that the memory of a caller is read, and written only where it was given
as an output. Results go to new arrays or to the storage of the output tensors.

A subclass answers for what needs the rest of the package:

    _convert(index, value, share)    binds a value that is no plain array
    _give(inputs, share)             binds a container of any other kind
    _check_shape(index, shape)       raises when an input can't have the shape
    _missing(indices)                raises for inputs that were never given
    _input_memory(index), _output_memory(index, shape)   new Storage
    _show(index, array)              Storage on an array that an input is bound to
    _tensor(storage)                 the object that views are based on
    _decode(arrays, decode)          results with strings in them, as they are handed out
"""

import warnings

cimport numpy as cnp
from cpython.dict cimport PyDict_GetItem
from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport Py_INCREF, PyObject
from libc.stdlib cimport calloc, free
from libc.string cimport memmove
from ovlite.kernels.executor cimport CTeam, Frame, Program, Team
from ovlite.kernels.results cimport OVDict, Ports, make_result
from ovlite.kernels.storage cimport Storage

cnp.import_array()

cdef extern from "team.h" nogil:
    long long nanoseconds()

cdef extern from "stream.h" nogil:
    enum: JOB_QUEUED, JOB_RUNNING, WAIT_TIMEOUT, WAIT_DONE, WAIT_TAKEN
    CStreams* streams_new(int count, void (*run)(void*, int) noexcept nogil, void (*report)(void*) noexcept nogil)
    void streams_stop()
    Job* job_new(void* owner, CStreams* streams)
    void job_free(Job* job)
    bint job_try(Job* job)
    bint job_hold(Job* job)
    void job_release(Job* job)
    bint job_submit(Job* job, bint reports)
    bint job_withdraw(Job* job)
    void job_perform(Job* job, int stream)
    int job_wait(Job* job, long long timeout, bint steal)
    void job_settle(Job* job)
    CPool* pool_new()
    void pool_free(CPool* pool)
    void pool_join(CPool* pool, Job* job)
    Job* pool_take(CPool* pool, bint look, long long timeout)
    void pool_return(Job* job)
    int pool_wait(CPool* pool, long long timeout, Job** mine)

cdef long long SLICE = 100_000_000      # nanoseconds between two looks at pending signals
cdef Py_ssize_t FRAMES = 4              # a request keeps the buffers of so many plans ...
cdef Py_ssize_t FRAME_BYTES = 256 << 20  # ... as long as they take no more than this


def stop_streams():
    """Carries out what is queued, lets no more in, and ends the streams' threads."""
    with nogil:
        streams_stop()


cdef class Streams:
    """Threads that carry out asynchronous runs: `count` streams with a team of `threads` each.

    They live as long as the process; threads start with the first run.
    """

    def __cinit__(self, int count, int threads):
        self.teams = [Team(threads) for _ in range(count)]
        self.members = <CTeam**>calloc(count, sizeof(CTeam*))
        self.streams = streams_new(count, run_job, report_job)
        if self.streams == NULL or self.members == NULL:
            raise MemoryError()
        for i, team in enumerate(self.teams):
            self.members[<int>i] = (<Team>team).team

    def __dealloc__(self):
        free(self.members)


cdef void run_job(void* owner, int stream) noexcept nogil:
    if (<Request>owner).plain and (<Request>owner).prepared:
        if (<Request>owner).run_plain(stream):
            with gil:
                record_status(<Request>owner)
    else:
        with gil:
            (<Request>owner).run_recorded(stream)


cdef int record_status(Request request) except -1:
    try:
        request.frame.fail()
    except RuntimeError as error:
        request.record(error)
    return 0


cdef void report_job(void* owner) noexcept nogil:
    with gil:
        (<Request>owner).report()


cdef class Request:
    """One set of inputs, outputs, variables and buffers of a compiled model.

    executable: gives plans. ports: what names the tensors. types: (numpy's type number, whether only
    `_convert` may bind values) of each input. tensor_class: its instances hold a `_storage`. variables: names of the states. hidden: no tensor of it was ever shown,
    so that results need no memory of the request's own. profiled: keep the time of each step.
    """

    def __cinit__(self, *arguments, **keywords):
        pass

    def __init__(self, executable, Ports ports, tuple types, type tensor_class, tuple variables, Streams streams,
                 bint hidden=False, bint profiled=False):
        cdef int i
        self.executable = executable
        self.ports = ports
        self.kinds = [port.element_type for port in ports.inputs]
        self.tensor_class = tensor_class
        self.streams = streams
        self.hidden = hidden
        self.profiled = profiled
        self.input_count = len(ports.inputs)
        self.output_count = len(ports.outputs)
        self.variables = variables
        self.variable_count = len(variables)
        self.inputs = <Operand*>calloc(self.input_count + 1, sizeof(Operand))
        self.outputs = <Operand*>calloc(self.output_count + 1, sizeof(Operand))
        self.job = job_new(<void*>self, streams.streams)
        if self.inputs == NULL or self.outputs == NULL or self.job == NULL:
            raise MemoryError()
        for i in range(self.input_count):
            self.inputs[i].type, self.inputs[i].odd = types[i]
            self.inputs[i].rank = self.inputs[i].slot = -1
        self.arrays = [None] * self.input_count
        self.own = [None] * self.input_count
        self.live = [None] * self.input_count
        self.targets = [None] * self.output_count
        self.tensors = [None] * self.output_count
        self.states = [None] * self.variable_count
        self.spares = [None] * self.variable_count
        self.frames = []
        self.spills = []

    def __del__(self):
        if self.job != NULL and (self.job.done != self.job.submitted or self.job.state != 0):
            with nogil:
                job_settle(self.job)

    def __dealloc__(self):
        if self.job != NULL:
            with nogil:
                job_free(self.job)
        free(self.inputs)
        free(self.outputs)

    # Holding: one user at a time ----------------------------------------------------------------

    cdef bint try_hold(self) noexcept:
        return job_try(self.job)

    cdef int hold(self) except -1:
        """Waits for other synchronous users; RuntimeError while an asynchronous run has the request."""
        cdef bint held = job_try(self.job)
        if not held:
            with nogil:
                held = job_hold(self.job)
        if not held:
            self.check_idle()
            raise RuntimeError("the request is busy")
        return 0

    cdef void release(self) noexcept:
        job_release(self.job)

    cdef int check_idle(self) except -1:
        if self.job.state >= JOB_QUEUED:
            raise RuntimeError("the request is busy: an asynchronous run is in progress; call wait() first")
        return 0

    # Inputs -------------------------------------------------------------------------------------

    cdef int give(self, object inputs, bint share) except -1:
        """Binds the inputs in a container; the container and its values are not changed."""
        cdef PyObject* found
        cdef Py_ssize_t index, count
        if type(inputs) is dict:
            for key, value in (<dict>inputs).items():
                index = -1
                if type(key) is int:
                    if 0 <= key < self.input_count:
                        index = key
                elif type(key) is str or type(key) is self.ports.port_class:
                    found = PyDict_GetItem(self.ports.input_keys, key)
                    if found != NULL:
                        index = <object>found
                if index < 0:
                    self._give({key: value}, share)
                else:
                    self.give_one(index, value, share)
            return 0
        if type(inputs) is list or type(inputs) is tuple:
            count = len(inputs)
            if count <= self.input_count and (self.input_count > 1 or type(inputs) is tuple or (
                    count == 1 and cnp.PyArray_Check(inputs[0]))):
                for index in range(count):
                    self.give_one(index, inputs[index], share)
                return 0
        elif cnp.PyArray_Check(inputs) and self.input_count == 1:
            return self.give_one(0, inputs, share)
        self._give(inputs, share)
        return 0

    cdef int give_one(self, Py_ssize_t index, object value, bint share) except -1:
        cdef Operand* operand = &self.inputs[index]
        cdef cnp.ndarray array
        cdef int i
        if cnp.PyArray_Check(value) and not operand.odd:
            array = <cnp.ndarray>value
            if share and cnp.PyArray_TYPE(array) == operand.type and cnp.PyArray_NDIM(array) == operand.rank \
                    and cnp.PyArray_ISCARRAY(array):
                for i in range(operand.rank):
                    if cnp.PyArray_DIMS(array)[i] != operand.dims[i]:
                        break
                else:
                    return self.bind(index, array)
            if cnp.PyArray_NDIM(array) or operand.rank == 0:
                return self.give_array(index, array, share)
        if type(value) is self.tensor_class and (<Storage>value._storage).element_type is self.kinds[index]:
            return self.watch(index, <Storage>value._storage)
        self._convert(index, value, share)
        return 0

    cdef int give_array(self, Py_ssize_t index, cnp.ndarray array, bint share) except -1:
        """Binds an array of any kind that can be cast to the port's type."""
        cdef bint exact = cnp.PyArray_TYPE(array) == self.inputs[index].type and cnp.PyArray_ISNOTSWAPPED(array) \
            and cnp.PyArray_IS_C_CONTIGUOUS(array)
        cdef Storage storage
        self.set_dims(index, array)
        if share and exact and cnp.PyArray_ISWRITEABLE(array):
            if cnp.PyArray_ISALIGNED(array):
                return self.bind(index, array)
            return self.watch(index, self._show(index, array))
        storage = self.own[index]
        if storage is None:
            storage = self._input_memory(index)
            self.own[index] = storage
        storage.set_shape((<object>array).shape)
        if exact:
            memmove(cnp.PyArray_DATA(<cnp.ndarray>storage.array), cnp.PyArray_DATA(array), cnp.PyArray_NBYTES(array))
        else:
            cnp.PyArray_CopyInto(<cnp.ndarray>storage.array, array)
        if storage.shown:
            return self.watch(index, storage)
        return self.bind(index, <cnp.ndarray>storage.array)

    cdef int set_dims(self, Py_ssize_t index, cnp.ndarray array) except -1:
        """Notes the shape of an input; a new shape asks for another plan."""
        cdef Operand* operand = &self.inputs[index]
        cdef int i, rank = cnp.PyArray_NDIM(array)
        cdef bint same = rank == operand.rank
        if same:
            for i in range(rank):
                same = same and cnp.PyArray_DIMS(array)[i] == operand.dims[i]
        if same:
            return 0
        self._check_shape(index, (<object>array).shape)
        if rank > MAX_RANK:
            raise RuntimeError(f"input {index} has {rank} dimensions; at most {MAX_RANK} can be computed with")
        operand.rank = rank
        for i in range(rank):
            operand.dims[i] = cnp.PyArray_DIMS(array)[i]
        self.planned = self.settled = False
        return 0

    cdef int bind(self, Py_ssize_t index, cnp.ndarray array) except -1:
        if self.live_count and self.live[index] is not None:
            self.live[index] = None
            self.live_count -= 1
            self.settled = self.planned and not self.live_count and not self.variable_count
        self.point(index, array)
        return 0

    cdef void point(self, Py_ssize_t index, cnp.ndarray array):
        cdef Operand* operand = &self.inputs[index]
        self.arrays[index] = array
        operand.begin = <char*>cnp.PyArray_DATA(array)
        operand.end = operand.begin + cnp.PyArray_NBYTES(array)
        if operand.slot >= 0:
            self.frame.slots[operand.slot] = operand.begin

    cdef int watch(self, Py_ssize_t index, Storage storage) except -1:
        """Binds memory that may change its place or shape between runs, or has to be made contiguous."""
        before = self.live[index]
        storage.shown = True
        self.live[index] = storage
        try:
            self.refresh(index)
        except BaseException:
            self.live[index] = before
            raise
        self.live_count += before is None
        self.settled = False
        return 0

    cdef int refresh(self, Py_ssize_t index) except -1:
        cdef Storage storage = self.live[index], own
        cdef cnp.ndarray array = storage.array
        self.set_dims(index, array)
        if cnp.PyArray_ISCARRAY_RO(array):
            self.point(index, array)
            return 0
        own = self.own[index]
        if own is None or own is storage:
            own = self.own[index] = self._input_memory(index)
        own.set_shape(storage.shape)
        cnp.PyArray_CopyInto(<cnp.ndarray>own.array, array)
        self.point(index, <cnp.ndarray>own.array)
        return 0

    cdef bint complete(self) noexcept:
        cdef int i
        for i in range(self.input_count):
            if self.inputs[i].rank < 0:
                return False
        return True

    cdef int forget(self) except -1:
        """Makes all inputs as if never given, so that no array is kept alive."""
        cdef int i
        for i in range(self.input_count):
            self.inputs[i].rank = -1
            self.inputs[i].begin = self.inputs[i].end = NULL
            self.arrays[i] = self.live[i] = None
        self.live_count = 0
        self.planned = self.settled = False
        return 0

    def input_storage(self, Py_ssize_t index):
        """The memory that input `index` reads, to be shown: made when there is none yet."""
        cdef Storage storage = self.live[index]
        if storage is None:
            own = self.own[index]
            array = self.arrays[index]
            if array is None:
                storage = self.own[index] = self._input_memory(index)
            elif own is not None and (<Storage>own).array is array:
                storage = own
            else:
                storage = self._show(index, array)
            self.watch(index, storage)
        storage.shown = True
        return storage

    def set_input_storage(self, Py_ssize_t index, Storage storage):
        storage.shown = True
        self.watch(index, storage)

    def bind_array(self, Py_ssize_t index, cnp.ndarray array, bint share):
        """Binds an array whose dtype need not be the port's."""
        self.give_array(index, array, share)

    # Plans --------------------------------------------------------------------------------------

    cdef int settle(self) except -1:
        """Brings inputs, plan and variables up to date before a run."""
        self.look()
        if not self.planned:
            self.replan()
        if self.variable_count:
            self.bind_states()
        return 0

    cdef int look(self) except -1:
        """Looks at the inputs whose memory may have changed; raises for those that were never given."""
        cdef int i
        if self.live_count:
            for i in range(self.input_count):
                if self.live[i] is not None:
                    self.refresh(i)
        if not self.complete():
            self._missing([i for i in range(self.input_count) if self.inputs[i].rank < 0])
        return 0

    cdef int replan(self) except -1:
        shapes = [array.shape for array in self.arrays]
        shapes += [state.shape for state in self.states if state is not None]
        fresh = [name for name, state in zip(self.variables, self.states) if state is None]
        return self.use(self.executable.plan(tuple(shapes), frozenset(fresh)))

    cdef int use(self, object plan) except -1:
        cdef int i
        self.plan = plan
        self.frame = self.frame_of(plan)
        self.shapes = []
        for i in range(self.input_count):
            self.inputs[i].slot = -1 if self.frame is None else plan.input_slots[i]
            self.point(i, <cnp.ndarray>self.arrays[i])
        if self.frame is not None:
            for i in range(self.output_count):
                dtype, shape = plan.outputs[i]
                self.outputs[i].type = dtype.num
                self.outputs[i].slot = plan.output_slots[i]
                self.outputs[i].rank = len(shape)
                for d, length in enumerate(shape):
                    self.outputs[i].dims[d] = length
                self.shapes.append(shape)
        self.plain = self.frame is not None and self.frame.program.native and not self.variable_count
        self.planned = True
        self.settled = not self.live_count and not self.variable_count
        return 0

    cdef Frame frame_of(self, object plan):
        """The buffers for a plan; those of a few other plans are kept."""
        cdef Frame frame
        cdef Py_ssize_t total = 0
        if plan.program is None:
            return None
        for i, (known, frame) in enumerate(self.frames):
            if known is plan:
                self.frames.append(self.frames.pop(i))
                return frame
        frame = Frame(plan.program, (<Team>self.streams.teams[0]).size)
        frame.profile(self.profiled)
        self.frames.append((plan, frame))
        for _, kept in self.frames:
            total += (<Frame>kept).program.arena_bytes
        while len(self.frames) > FRAMES or (total > FRAME_BYTES and len(self.frames) > 1):
            _, kept = self.frames.pop(0)
            total -= (<Frame>kept).program.arena_bytes
        return frame

    # Variables ----------------------------------------------------------------------------------

    cdef int bind_states(self) except -1:
        """Points the plan at the variables' values, and at memory for their next ones."""
        cdef int i, place = self.input_count
        if self.frame is None:
            return 0
        for i in range(self.variable_count):
            if self.states[i] is not None:
                self.frame.slots[<int>self.plan.input_slots[place]] = <char*>cnp.PyArray_DATA(<cnp.ndarray>self.states[i])
                place += 1
            dtype, shape = self.plan.outputs[self.output_count + i]
            spare = self.spares[i]
            if spare is None or spare.shape != shape:
                spare = self.spares[i] = cnp.PyArray_EMPTY(0, NULL, dtype.num, 0) if shape == () else _empty(shape, dtype)
            self.frame.slots[<int>self.plan.output_slots[self.output_count + i]] = <char*>cnp.PyArray_DATA(<cnp.ndarray>spare)
        return 0

    def state(self, Py_ssize_t index):
        """The array that holds a variable's value; None before the first run."""
        return self.states[index]

    def set_state(self, Py_ssize_t index, array):
        """Gives a variable a value, which the request then owns; None for its initial one."""
        self.states[index] = array
        self.planned = self.settled = False

    # Outputs ------------------------------------------------------------------------------------

    cdef list bind_new(self):
        """New arrays as the outputs; None for those that have a target."""
        cdef int i
        cdef Operand* operand
        cdef list values = [None] * self.output_count
        for i in range(self.output_count):
            if self.targets[i] is not None:
                self.bind_target(i)
                continue
            operand = &self.outputs[i]
            array = cnp.PyArray_EMPTY(operand.rank, operand.dims, operand.type, 0)
            self.frame.slots[operand.slot] = <char*>cnp.PyArray_DATA(<cnp.ndarray>array)
            values[i] = array
        return values

    cdef int bind_targets(self) except -1:
        cdef int i
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
        if not cnp.PyArray_ISCARRAY(<cnp.ndarray>array) or self.is_read(<cnp.ndarray>array):
            array = _empty(shape, array.dtype)
            self.spills.append((storage, array))
            self.plain = False
        self.frame.slots[self.outputs[index].slot] = <char*>cnp.PyArray_DATA(<cnp.ndarray>array)
        return 0

    cdef bint is_read(self, cnp.ndarray array) noexcept:
        """Whether some input lies in the array's memory, so that steps can't write there while they read."""
        cdef char* begin = <char*>cnp.PyArray_DATA(array)
        cdef char* end = begin + cnp.PyArray_NBYTES(array)
        cdef int i
        for i in range(self.input_count):
            if self.inputs[i].begin < end and begin < self.inputs[i].end:
                return True
        return False

    cdef object view(self, Py_ssize_t index):
        """A writable view of an output tensor, which keeps the memory alive."""
        cdef Storage storage = self.targets[index]
        cdef cnp.ndarray array = storage.array, view
        if cnp.PyArray_TYPE(array) == cnp.NPY_OBJECT:
            return self.copy(index)
        known = self.tensors[index]
        if known is None or (<tuple>known)[0] is not storage.memory:
            known = self.tensors[index] = (storage.memory, self._tensor(storage))
        if storage.bits or not cnp.PyArray_ISCARRAY(array):
            return known[1].data
        view = cnp.PyArray_SimpleNewFromData(
            cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array), cnp.PyArray_TYPE(array), cnp.PyArray_DATA(array))
        tensor = (<tuple>known)[1]
        Py_INCREF(tensor)
        cnp.PyArray_SetBaseObject(view, tensor)
        return view

    cdef object copy(self, Py_ssize_t index):
        return cnp.PyArray_NewCopy(<cnp.ndarray>(<Storage>self.targets[index]).array, cnp.NPY_CORDER)

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

    def set_output_storage(self, Py_ssize_t index, Storage storage):
        storage.shown = True
        self.targets[index] = storage
        self.planned = self.settled = False

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
        share_outputs: hand out views of the output tensors, which the next run overwrites, instead of new arrays.
        decode_strings: str results as U arrays, else as S arrays.
        """
        cdef bint shared = share_inputs, viewed = share_outputs, decoded = decode_strings
        self.hold()
        try:
            return self.infer_held(inputs, shared, viewed, decoded)
        finally:
            self.release()

    cdef OVDict infer_held(self, object inputs, bint share_inputs, bint share_outputs, bint decode):
        cdef list values
        cdef Py_ssize_t i
        cdef bint direct = self.hidden and not share_outputs
        self.direct = direct
        if inputs is not None:
            self.give(inputs, share_inputs)
        if not self.settled:
            self.settle()
        if not direct:
            self.bind_targets()
        elif self.frame is not None:
            values = self.bind_new()
        self.run(0)
        if self.variable_count or self.spills or self.frame is None:
            self.after_run()
        if share_outputs:
            values = [self.view(i) for i in range(self.output_count)]
        elif not direct:
            values = [self.copy(i) for i in range(self.output_count)]
        else:
            if self.frame is None:
                values = self.found
            for i in range(self.output_count):
                if self.targets[i] is not None:
                    values[i] = self.copy(i)
            self.latest = values
        if self.ports.strings:
            values = self._decode(values, decode)
        return make_result(self.ports, values)

    cdef int run(self, int stream) except -1:
        self.began = self.ended = nanoseconds()
        try:
            if self.frame is not None:
                self.frame.run(<Team>self.streams.teams[stream])
            else:
                self.run_stages(stream)
        except RuntimeError:
            self.spills.clear()
            raise
        except Exception as error:
            self.spills.clear()
            raise RuntimeError(f"the inference failed: {type(error).__name__}: {error}") from error
        self.ended = nanoseconds()
        return 0

    cdef int run_stages(self, int stream) except -1:
        arrays = self.arrays + [state for state in self.states if state is not None]
        self.found = list(self.plan.run(arrays, self.streams.teams[stream]))
        return 0

    cdef int after_run(self) except -1:
        """Takes over the variables' new values, and brings results to targets that steps can't write."""
        cdef Py_ssize_t i
        cdef Storage storage
        for storage, array in self.spills:
            storage.array[...] = array
        self.spills.clear()
        if self.frame is None:
            self.spares = self.found[self.output_count:]
            self.found = self.found[:self.output_count]
            for i in range(self.output_count):
                storage = self.targets[i]
                if storage is None and not self.direct:
                    storage = self.targets[i] = self._output_memory(i, self.found[i].shape)
                if storage is not None:
                    storage.set_shape(self.found[i].shape)
                    storage.array[...] = self.found[i]
        for i in range(self.variable_count):
            before, after = self.states[i], self.spares[i]
            self.states[i], self.spares[i] = after, before
            if before is None or before.shape != after.shape:
                self.planned = False
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
        cdef bint submitted
        self.check_idle()
        self.hold()
        try:
            if inputs is not None:
                self.give(inputs, share)
            self.look()
            self.prepared = self.planned
            if self.prepared:
                self.prepare()
            self.error = None
        except BaseException:
            self.release()
            raise
        submitted = job_submit(self.job, reports)
        if not submitted:
            self.release()
            raise RuntimeError("no thread can be started for an asynchronous run, or the interpreter is shutting down")
        return 0

    cdef int prepare(self) except -1:
        if not self.settled:
            self.settle()
        self.direct = False
        self.bind_targets()
        if self.frame is not None:
            self.frame.cancelled = 0
        return 0

    cdef int run_plain(self, int stream) noexcept nogil:
        """Carries out a run that needs nothing of Python; returns the Status."""
        cdef int status
        self.began = self.ended = nanoseconds()
        status = self.frame.run_native(0, self.frame.program.count, self.streams.members[stream])
        self.ended = nanoseconds()
        return status

    cdef int run_recorded(self, int stream) except -1:
        """Carries out a run, and first what start_async() left to it: making a plan takes its time."""
        try:
            if not self.prepared:
                self.prepare()
            self.run(stream)
            self.after_run()
        except BaseException as error:
            self.record(error)
        return 0

    cdef int record(self, object error) except -1:
        """Keeps the failure of the run for who waits for it; the callback is not called then."""
        self.error = (error, f"the inference failed: {error}")
        self.job.reports = False
        if self.pool != NULL:
            (<RequestPool>self.pool).errors.append(RuntimeError(self.error[1]))
        return 0

    cdef int report(self) except -1:
        """Calls the callback."""
        pool = None if self.pool == NULL else <RequestPool>self.pool
        try:
            if pool is not None:
                (<RequestPool>pool).callback(self, self.userdata)
            else:
                self.callback(self.userdata)
        except BaseException as error:
            if pool is not None:
                (<RequestPool>pool).errors.append(error)
            else:
                self.error = (error, f"the callback raised {type(error).__name__}: {error}")
        return 0

    cdef int raise_error(self) except -1:
        if self.job.lost:
            raise RuntimeError("the process was forked while the request ran; in the child it has to be started again")
        if self.error is not None:
            cause, text = self.error
            raise RuntimeError(text) from cause
        return 0

    def wait(self):
        """Waits until the run, and its callback, has ended; raises RuntimeError when either failed."""
        cdef int answer = WAIT_TIMEOUT
        while answer == WAIT_TIMEOUT and self.job.done != self.job.submitted:
            with nogil:
                answer = job_wait(self.job, SLICE, True)
                if answer == WAIT_TAKEN:
                    job_perform(self.job, 0)
            PyErr_CheckSignals()
        self.raise_error()

    def wait_for(self, timeout):
        """Waits `timeout` milliseconds at the most; True when a run has ended. RuntimeError as in wait()."""
        cdef long long left
        cdef int answer
        if not isinstance(timeout, int):
            raise TypeError(f"wait_for takes whole milliseconds, not {type(timeout).__name__}")
        if timeout < 0:
            raise RuntimeError(f"wait_for can't wait {timeout} milliseconds")
        if not self.job.submitted:
            return False
        left = min(timeout, 10**12) * 1_000_000
        while True:
            with nogil:
                answer = job_wait(self.job, min(left, SLICE), False)
            PyErr_CheckSignals()
            left -= SLICE
            if answer == WAIT_DONE:
                self.raise_error()
                return True
            if left <= 0:
                return False

    def cancel(self):
        """Stops the asynchronous run, if there is one; wait() then raises RuntimeError."""
        cdef bint withdrawn
        if self.job.state < JOB_QUEUED:
            return
        self.error = cancelled = (None, "the inference was cancelled")
        with nogil:
            withdrawn = job_withdraw(self.job)
        if withdrawn:
            return
        if self.error is cancelled:
            self.error = None
        if self.frame is not None and self.job.state == JOB_RUNNING:
            self.frame.cancel()

    def set_callback(self, callback, userdata):
        """callback(userdata) is called on a stream's thread at the end of each asynchronous run."""
        if not callable(callback):
            raise TypeError(f"a callback is callable, not {type(callback).__name__}")
        self.check_idle()
        self.callback = callback
        self.userdata = userdata

    @property
    def latency(self):
        """Milliseconds that the last run took."""
        return (self.ended - self.began) * 1e-6

    def step_times(self):
        """Seconds that each step of the last run took; empty unless profiled."""
        return [] if self.frame is None else self.frame.step_times()

    def ensure_idle(self):
        """RuntimeError while an asynchronous run has the request."""
        self.check_idle()


cdef object _empty(tuple shape, dtype):
    cdef cnp.npy_intp dims[MAX_RANK]
    for i, length in enumerate(shape):
        dims[i] = length
    return cnp.PyArray_EMPTY(<int>len(shape), dims, dtype.num, 0)


cdef class RequestPool:
    """Requests that are given work in turn, the one that was freed first in front."""

    def __cinit__(self, list requests):
        cdef Request request
        self.pool = pool_new()
        if self.pool == NULL:
            raise MemoryError()
        self.requests = requests
        self.errors = []
        for request in requests:
            request.pool = <PyObject*>self
            pool_join(self.pool, request.job)

    def __del__(self):
        cdef Request request
        self.wait_idle()
        for request in self.requests:
            request.pool = NULL

    def __dealloc__(self):
        if self.pool != NULL:
            with nogil:
                pool_free(self.pool)

    cdef Job* take(self, bint look) except NULL:
        cdef Job* job = NULL
        while job == NULL:
            with nogil:
                job = pool_take(self.pool, look, SLICE)
            PyErr_CheckSignals()
        return job

    cdef int raise_error(self) except -1:
        if self.errors:
            raise self.errors.pop(0)
        return 0

    def start_async(self, inputs=None, userdata=None, share_inputs=False):
        """Starts a run on the request that has been idle longest, after waiting for one to become idle."""
        cdef bint shared = share_inputs
        cdef Job* job
        cdef Request request
        self.raise_error()
        job = self.take(False)
        request = <Request>job.owner
        try:
            self.raise_error()
            request.check_idle()
            request.userdata = userdata
            request.begin(inputs, shared, self.callback is not None)
        except BaseException:
            with nogil:
                pool_return(job)
            raise

    def set_callback(self, callback):
        """callback(request, userdata) is called on a stream's thread at the end of each run."""
        if not callable(callback):
            raise TypeError(f"a callback is callable, not {type(callback).__name__}")
        self.callback = callback

    def is_ready(self):
        """True when a request is idle."""
        return self.pool.first != NULL

    def get_idle_request_id(self):
        """The index of the request that start_async() would take, after waiting for one to become idle."""
        cdef Job* job
        self.raise_error()
        job = self.take(True)
        self.raise_error()
        return self.requests.index(<Request>job.owner)

    def wait_all(self):
        """Waits until all requests are idle; raises what a callback raised, RuntimeError for a failed run."""
        self.wait_idle()
        self.raise_error()

    def wait_idle(self):
        cdef int answer = WAIT_TIMEOUT
        cdef Job* mine = NULL
        while answer != WAIT_DONE:
            with nogil:
                answer = pool_wait(self.pool, SLICE, &mine)
                if answer == WAIT_TAKEN:
                    job_perform(mine, 0)
            PyErr_CheckSignals()

    @property
    def userdata(self):
        """What start_async() was given last for each request."""
        return [(<Request>request).userdata for request in self.requests]
