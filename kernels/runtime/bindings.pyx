"""Bindings: what a request reads, and its buffers.

Arrays that already are what a port takes are bound by their address; all else is converted into the
request's own storage, so that the memory of a caller is only read.

A subclass of Request answers for what needs the rest of the package:

    _convert(index, value, share)    binds a value that is no plain array
    _bind_container(inputs, share)   binds a container of any other kind
    _check_shape(index, shape)       raises when an input can't have the shape
    _missing(indices)                raises for inputs that were never given
    _input_memory(index)             new Storage
    _storage_on(index, array)        Storage on an array that an input is bound to
    _unpacked(storage)               a new array of a packed storage's elements, as plans take them
"""

cimport numpy as cnp
from cpython.dict cimport PyDict_GetItem
from cpython.ref cimport PyObject
from libc.stdlib cimport free
from ovlite.kernels.runtime.block cimport zeros
from ovlite.kernels.runtime.executor cimport Frame, Team, copy_bytes
from ovlite.kernels.runtime.results cimport Ports
from ovlite.kernels.runtime.step cimport MAX_RANK
from ovlite.kernels.runtime.storage cimport Shown, Storage
from ovlite.kernels.runtime.streams cimport Runnable

cnp.import_array()

cdef Py_ssize_t GROWTH = 8              # memory that is to grow becomes larger than asked for by this fraction
cdef Py_ssize_t FRAMES = 16             # a request keeps the tables of addresses of so many plans


cdef inline bint is_plain(int kind) noexcept:
    """Whether elements of numpy's type number are numbers of numpy's own, or booleans."""
    return cnp.PyTypeNum_ISNUMBER(kind)


cdef class Bindings(Runnable):
    """The arrays that the inputs are bound to, and the buffers of the plan at hand.

    All plans run in the same memory, which grows when one needs more. spare_bytes: how much larger than a plan needs it
    may stay. types: (numpy's type number, whether only `_convert` may bind values) of each input. tensor_class: a
    class of Shown.
    """

    cdef int bind_ports(self, Ports ports, tuple types, type tensor_class) except -1:
        """To be called once, before anything else."""
        cdef int i
        self.ports = ports
        self.kinds = [port.element_type for port in ports.inputs]
        self.tensor_class = tensor_class
        self.input_count = len(ports.inputs)
        self.inputs = <Operand*>zeros(self.input_count, sizeof(Operand))
        for i in range(self.input_count):
            self.inputs[i].type, self.inputs[i].odd = types[i]
            self.inputs[i].rank = self.inputs[i].slot = -1
        self.arrays = [None] * self.input_count
        self.own = [None] * self.input_count
        self.live = [None] * self.input_count
        self.frames = []
        return 0

    def __dealloc__(self):
        free(self.inputs)

    cdef int bind_inputs(self, object inputs, bint share) except -1:
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
                    self._bind_container({key: value}, share)
                else:
                    self.bind_value(index, value, share)
            return 0
        if type(inputs) is list or type(inputs) is tuple:
            count = len(inputs)
            if count <= self.input_count and (self.input_count > 1 or type(inputs) is tuple or (
                    count == 1 and cnp.PyArray_Check(inputs[0]))):
                for index in range(count):
                    self.bind_value(index, inputs[index], share)
                return 0
        elif cnp.PyArray_Check(inputs) and self.input_count == 1:
            return self.bind_value(0, inputs, share)
        self._bind_container(inputs, share)
        return 0

    cdef int bind_value(self, Py_ssize_t index, object value, bint share) except -1:
        cdef Operand* operand = &self.inputs[index]
        cdef cnp.ndarray array
        cdef Storage storage
        cdef int i
        if cnp.PyArray_CheckExact(value) and not operand.odd and is_plain(cnp.PyArray_TYPE(value)):
            array = <cnp.ndarray>value
            if share and cnp.PyArray_TYPE(array) == operand.type and cnp.PyArray_NDIM(array) == operand.rank \
                    and cnp.PyArray_ISCARRAY(array):
                for i in range(operand.rank):
                    if cnp.PyArray_DIMS(array)[i] != operand.dims[i]:
                        break
                else:
                    return self.bind(index, array)
            if cnp.PyArray_NDIM(array) or operand.rank == 0:
                return self.bind_converted(index, array, share)
        if type(value) is self.tensor_class:
            storage = (<Shown>value)._storage
            if storage is not None and storage.element_type is self.kinds[index]:
                return self.bind_shared(index, storage)
        self._convert(index, value, share)
        return 0

    cdef int bind_converted(self, Py_ssize_t index, cnp.ndarray array, bint share) except -1:
        """Binds an array of any kind that can be cast to the port's type."""
        cdef bint exact = cnp.PyArray_TYPE(array) == self.inputs[index].type and cnp.PyArray_ISNOTSWAPPED(array) \
            and cnp.PyArray_IS_C_CONTIGUOUS(array)
        cdef Storage storage
        self.set_dims(index, array)
        if share and exact and cnp.PyArray_ISWRITEABLE(array):
            if cnp.PyArray_ISALIGNED(array):
                return self.bind(index, array)
            return self.bind_shared(index, self._storage_on(index, array))
        storage = self.own[index]
        if storage is None:
            storage = self._input_memory(index)
            self.own[index] = storage
        storage.set_shape((<object>array).shape)
        if exact:
            copy_bytes(<Team>self.streams.teams[0], cnp.PyArray_DATA(<cnp.ndarray>storage.array),
                       cnp.PyArray_DATA(array), cnp.PyArray_NBYTES(array))
        else:
            cnp.PyArray_CopyInto(<cnp.ndarray>storage.array, array)
        if storage.shown:
            return self.bind_shared(index, storage)
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
        self.planned = self.up_to_date = False
        return 0

    cdef int bind(self, Py_ssize_t index, cnp.ndarray array) except -1:
        if self.live_count and self.live[index] is not None:
            self.live[index] = None
            self.live_count -= 1
            self.up_to_date = self.planned and not self.live_count and not self.variable_count
        self.set_address(index, array)
        return 0

    cdef void set_address(self, Py_ssize_t index, cnp.ndarray array):
        cdef Operand* operand = &self.inputs[index]
        self.arrays[index] = array
        operand.begin = <char*>cnp.PyArray_DATA(array)
        operand.end = operand.begin + cnp.PyArray_NBYTES(array)
        if operand.slot >= 0:
            self.frame.slots[operand.slot] = operand.begin

    cdef int bind_shared(self, Py_ssize_t index, Storage storage) except -1:
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
        self.up_to_date = False
        return 0

    cdef int refresh(self, Py_ssize_t index) except -1:
        cdef Storage storage = self.live[index], own
        cdef cnp.ndarray array = self._unpacked(storage) if storage.bits else storage.array
        self.set_dims(index, array)
        if cnp.PyArray_ISCARRAY_RO(array):
            self.set_address(index, array)
            return 0
        own = self.own[index]
        if own is None or own is storage:
            own = self.own[index] = self._input_memory(index)
        own.set_shape(storage.shape)
        cnp.PyArray_CopyInto(<cnp.ndarray>own.array, array)
        self.set_address(index, <cnp.ndarray>own.array)
        return 0

    cdef bint complete(self) noexcept:
        cdef int i
        for i in range(self.input_count):
            if self.inputs[i].rank < 0:
                return False
        return True

    cdef int clear_inputs(self) except -1:
        """Makes all inputs as if never given, so that no array is kept alive."""
        cdef int i
        for i in range(self.input_count):
            self.inputs[i].rank = -1
            self.inputs[i].begin = self.inputs[i].end = NULL
            self.arrays[i] = self.live[i] = None
        self.live_count = 0
        self.planned = self.up_to_date = False
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
                storage = self._storage_on(index, array)
            self.bind_shared(index, storage)
        storage.shown = True
        return storage

    def bind_array(self, Py_ssize_t index, cnp.ndarray array, bint share):
        """Binds an array whose dtype need not be the port's."""
        self.bind_converted(index, array, share)

    cdef int refresh_shared_inputs(self) except -1:
        """Looks at the inputs whose memory may have changed; raises for those that were never given."""
        cdef int i
        if self.live_count:
            for i in range(self.input_count):
                if self.live[i] is not None:
                    self.refresh(i)
        if not self.complete():
            self._missing([i for i in range(self.input_count) if self.inputs[i].rank < 0])
        return 0

    cdef int set_plan(self, object plan) except -1:
        """Makes `plan` the one that runs, on the arrays that are bound."""
        cdef int i
        self.plan = plan
        self.frame = self.frame_of(plan)
        for i in range(self.input_count):
            self.inputs[i].slot = -1 if self.frame is None else plan.input_slots[i]
            self.set_address(i, <cnp.ndarray>self.arrays[i])
        self.planned = True
        self.up_to_date = not self.live_count and not self.variable_count
        return 0

    cdef Frame frame_of(self, object plan):
        """The buffers for a plan, None for one in stages; the tables of a few other plans are kept."""
        cdef Frame frame
        if plan.program is None:
            return None
        for i, (known, frame) in enumerate(self.frames):
            if known is plan:
                self.frames.append(self.frames.pop(i))
                break
        else:
            frame = Frame(plan.program, (<Team>self.streams.teams[0]).size, False)
            frame.profile(self.profiled)
            self.frames.append((plan, frame))
            if len(self.frames) > FRAMES:
                del self.frames[0]
        self.make_room(frame.bytes)
        frame.lie_in(self.memory)
        return frame

    cdef int make_room(self, Py_ssize_t size) except -1:
        """Makes the memory large enough for a plan; smaller where it has grown too large."""
        cdef Py_ssize_t have = -1 if self.memory is None else self.memory.size
        if size <= have <= size + self.spare_bytes:
            return 0
        self.frame = self.memory = None
        for _, kept in self.frames:
            (<Frame>kept).lie_in(None)
        if 0 <= have < size:
            size += min(size // GROWTH, self.spare_bytes)
        self.memory = Block(size)
        return 0
