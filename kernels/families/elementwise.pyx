"""Element-wise programs: a chain of operators as one pass over memory.

Design
* A Map runs a small register program on tiles of at most BLOCK elements and BLOCK_BYTES of its widest type.
  Intermediate results live in blocks of the member's scratch memory and so stay in the first-level cache.
* The constructor turns the operands' shapes into loops: it drops dimensions of one element, orders the
  rest by the strides of the result, and merges neighbours that every operand walks evenly. The last two
  loops are the rows and columns of a tile.
* An operand is used where it lies when a tile of it is dense or a single element; any other is gathered
  into a block first, once for consecutive tiles that are the same. A result that isn't dense is computed
  in a block and scattered.
* Two operations are one instruction where kernels have the pair, and the second alone takes the first one's value.
* A program of one instruction on dense operands needs none of this: its loop runs over the whole tensor.
* A program on more memory than the caches hold takes small tiles. It asks for dense operands some tiles ahead, a part
  before each instruction, so that memory works while the member computes, and its result goes past the caches.
"""

from libc.stdlib cimport free
from libc.string cimport memcpy

import numpy as np

from ovlite.kernels.runtime.block cimport zeros
from ovlite.kernels.runtime.call cimport Call
from ovlite.kernels.runtime.cpu import cpu_flags
from ovlite.kernels.runtime.programs import constant_bytes, joined, table_of, with_lookups
from ovlite.kernels.runtime.step cimport OK, Member, Step, View, dim_t, share
from ovlite.kernels.runtime.strides import element_loops, merge_dimensions, rows_of_tile

from .activation cimport activation_from_tuple, activation_names

cdef extern from "tile_copy.h" nogil:
    void gather(const char* source, dim_t row, dim_t step, char* to, dim_t rows, dim_t cols, int size) noexcept
    void scatter(const char* source, char* to, dim_t row, dim_t step, dim_t rows, dim_t cols, int size) noexcept

cdef extern from "streaming.h" nogil:
    void read_ahead(const char* at, dim_t begin, dim_t end) noexcept
    void stream(char* to, const char* source, dim_t bytes) noexcept
    void stream_end() noexcept
    int STREAM_LINE

cdef enum:
    BLOCK = 1024               # elements
    BLOCK_BYTES = 4096
    FAR_BLOCK_BYTES = 2048
    FAR_BYTES = 12 << 20       # of operands and result that come from memory, or from a cache that is hardly faster
    STREAMED_BYTES = 24 << 20  # of those that would leave nothing of the result in a cache
    TILES_AHEAD = 2
    LEAST_STREAMED = 512       # bytes of a tile's result
    BLOCK_GAP = 192            # bytes that keep blocks from lying at multiples of a page
    GRAIN = 1024               # elements of a dense tensor that stay with one member
    TOO_SMALL_TO_SHARE = 16384   # additions; see Step.share_above
    ACTIVATION_COST = 12         # additions
    FEWEST_LOOKED_UP = 4096      # elements, for which a table is made

MOST_READS, MOST_INSTRUCTIONS = MAX_READS, MAX_INSTRUCTIONS    # of a program

# The order is that of enum ElementType in element_type.h.
TYPES = [np.dtype(name) for name in
         ("bool", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8")]
CODES = {dtype: code for code, dtype in enumerate(TYPES)}
F32, F64 = CODES[np.dtype("f4")], CODES[np.dtype("f8")]
ACTIVATIONS = frozenset(activation_names())
PERMUTES = "avx512vbmi" in cpu_flags()
FEWEST_INSTRUCTIONS = 2 if PERMUTES else 3     # of which a table is made
MIRRORED = {"greater": "less", "greater_equal": "less_equal"}    # of the operands the other way round


def elementwise(program, *arrays, out=None):
    """An operation of Map, or a program of them, on arrays as plans run it: on the calling thread, without the GIL.

    program: the name of an operation, whose operands the arrays are, such as elementwise("add", x, 1.0); or a list of
    instructions, see Map. arrays: of any strides, broadcast as numpy broadcasts; Python numbers are constants.
    out: of the program's element type and the broadcast shape, any array of that layout or apart from all; a new one
    when None. Returns out. Raises ValueError for shapes that don't fit and programs that can't be run, TypeError for
    an `out` of another type, RuntimeError where an integer is divided by zero.
    """
    cdef Call call = Call()
    cdef Map typed = Map.__new__(Map)
    reads, operands = [], []
    for array in arrays:
        number = isinstance(array, (int, float)) and isinstance(program, str)
        operands.append(float(array) if number else len(reads))
        if not number:
            reads.append(call.read(f"array {len(reads)}", array))
    if isinstance(program, str):
        program = [(program, *operands)]
    typed.translate_all(program, [view.dtype for view in reads])
    shape = np.broadcast_shapes(*[view.shape for view in reads])
    write = call.write(out, shape, typed.result_type(), in_place=True)
    call.run(Map(program, reads, write))
    return call.out


def activation(x, str kind, double alpha=0.0, double beta=0.0, out=None):
    """The activation `kind` of activation.h, such as "gelu_erf", of each element of an f32 array; see elementwise()."""
    if kind not in ACTIVATIONS:
        raise ValueError(f"expected an activation of {', '.join(sorted(ACTIVATIONS))}, got {kind!r}")
    return elementwise([(kind, 0, alpha, beta)], x, out=out)


cdef int run_dense(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    """One instruction on operands that are dense or single elements."""
    cdef const MapArguments* args = <const MapArguments*>arguments
    cdef const Instruction* instruction = &args.instruction[0]
    cdef const Operand* read
    cdef Source source[3]
    cdef const Source* operand[3]
    cdef dim_t begin = 0, end = args.size
    cdef int i, index
    if me.count > 1:
        share(me, args.size, GRAIN, &begin, &end)
    if begin >= end:
        return OK
    for i in range(3):
        index = instruction.operand[i]
        if index < args.reads:
            read = &args.read[index]
            source[i].at = slots[read.slot] + read.offset + begin * read.column
            source[i].step = read.column != 0
        else:
            source[i].at = args.constant[index - args.reads - 1]
            source[i].step = 0
        operand[i] = &source[i]
    return instruction.kernel(
        operand, slots[args.result.slot] + args.result.offset + begin * args.result.size, end - begin,
        &instruction.activation)


cdef void place_operands(const MapArguments* args, char* scratch, Operands* operands) noexcept nogil:
    """Fills in what is the same for every tile: where values and constants are, and who takes what."""
    cdef Source* value = &operands.source[args.reads]
    cdef Source* constant = &operands.source[args.reads + args.instructions]
    cdef int i, k
    for i in range(args.instructions):
        value[i].at = scratch + args.instruction[i].block
        value[i].step = 1
        for k in range(3):
            operands.of_instruction[i][k] = &operands.source[args.instruction[i].operand[k]]
    for i in range(args.constants):
        constant[i].at = args.constant[i]
        constant[i].step = 0


cdef inline char* tile_address(const Operand* operand, char* const* slots, int rank, const dim_t* tile) noexcept nogil:
    cdef char* at = slots[operand.slot] + operand.offset
    cdef int i
    for i in range(rank):
        at += tile[i] * operand.next[i]
    return at


cdef inline void fetch_part(const MapArguments* args, const Operands* operands, int part, dim_t count) noexcept nogil:
    """Asks for that part of what a coming tile reads."""
    cdef const Operand* read
    cdef dim_t begin
    cdef int i
    for i in range(args.reads):
        read = &args.read[i]
        if read.fetched:
            begin = part * read.fetched
            read_ahead(operands.source[i].at + args.ahead * read.size, begin,
                       min(begin + read.fetched, count * read.size))


cdef int run_instructions(
    const MapArguments* args, const Operands* operands, char* scratch, char* result, dim_t count
) noexcept nogil:
    """Runs the program on one tile of `count` elements."""
    cdef const Instruction* instruction
    cdef int i, status
    for i in range(args.instructions):
        instruction = &args.instruction[i]
        if args.ahead:
            fetch_part(args, operands, i, count)
        status = instruction.kernel(
            operands.of_instruction[i], result if instruction.block < 0 else scratch + instruction.block,
            count, &instruction.activation)
        if status != OK:
            return status
    if args.streams:
        stream(result, scratch + instruction.block, count * args.result.size)
    return OK


cdef int run_rows(
    const MapArguments* args, Operands* operands, char* scratch, char* result, dim_t rows, dim_t columns
) noexcept nogil:
    """Runs the program on each row of a tile. No operand is gathered then."""
    cdef dim_t _row
    cdef int i, status
    for _row in range(rows):
        status = run_instructions(args, operands, scratch, result, columns)
        if status != OK:
            return status
        result += args.result.row
        for i in range(args.reads):
            operands.source[i].at += args.read[i].row
    return OK


cdef int run_tiles(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const MapArguments* args = <const MapArguments*>arguments
    cdef const Operand* read
    cdef const Operand* result = &args.result
    cdef Operands operands
    cdef Source* source = operands.source
    cdef const char* gathered[MAX_READS]
    cdef dim_t gathered_rows[MAX_READS]
    cdef dim_t tile[MAX_RANK]
    cdef dim_t begin, end, _index, rest, rows, columns
    cdef char* at
    cdef int i, status, last = args.rank - 1
    share(me, args.tile_count, 1, &begin, &end)
    place_operands(args, me.scratch, &operands)
    for i in range(args.reads):
        gathered[i] = NULL
    rest = begin
    for i in range(last, -1, -1):
        tile[i] = rest % args.tiles[i]
        rest //= args.tiles[i]
    for _index in range(begin, end):
        rows = min(args.tile_rows, args.rows - tile[last - 1] * args.tile_rows)
        columns = min(args.tile_columns, args.columns - tile[last] * args.tile_columns)
        for i in range(args.reads):
            read = &args.read[i]
            at = tile_address(read, slots, args.rank, tile)
            if read.block < 0:
                source[i].at = at
                source[i].step = read.column != 0
            elif at != gathered[i] or rows > gathered_rows[i]:
                gather(at, read.row, read.column, me.scratch + read.block, rows, columns, read.size)
                gathered[i] = at
                gathered_rows[i] = rows
                source[i].at = me.scratch + read.block
                source[i].step = 1
        at = tile_address(result, slots, args.rank, tile)
        if args.joined:
            status = run_instructions(args, &operands, me.scratch, at, rows * columns)
        else:
            status = run_rows(args, &operands, me.scratch, at, rows, columns)
        if status != OK:
            return status
        if result.block >= 0:
            scatter(me.scratch + result.block, at, result.row, result.column, rows, columns, result.size)
        i = last
        while i > 0 and tile[i] + 1 == args.tiles[i]:
            tile[i] = 0
            i -= 1
        tile[i] += 1
    if args.streams:
        stream_end()
    return OK


cdef inline dim_t ceiling(dim_t count, dim_t size) noexcept nogil:
    return (count + size - 1) // size


cdef int run_nothing(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    return OK


cdef class Map(Step):
    """write = program(reads), element by element, operands broadcast as numpy broadcasts them.

    program: instructions, each a tuple (name, operand, ...); the last one's value is the result. An operand
    is an int, which counts the reads and after them the instructions' values, or a float, a constant of
    the type of the instruction's other operands. Operands of an instruction have one type, and their type
    chooses the operation; ("convert", operand, dtype) changes it, ("copy", operand) takes any.

    f32, f64, i8, u8, i32, i64: add sub mul min max squared_difference neg abs sign pow mod floor_mod and the
        comparisons equal not_equal less less_equal greater greater_equal, which give bool
    floats: div sqrt exp log erf sin cos tan asin acos atan floor ceil round_even round_away is_nan is_inf is_finite
    f32: rsqrt square reciprocal sinh cosh asinh acosh atanh prelu, and the activations
        (name, operand[, alpha[, beta]]) of activation.h
    integers: floor_div trunc_div bitwise_and bitwise_or bitwise_xor bitwise_not; arithmetic wraps around
    bool: logical_and logical_or logical_xor logical_not and the comparisons
    f32, f64: pairs such as mul_add and div_rsub, see elementwise_runs.h
    any type: select (condition, where true, where false)

    far: whether the operands and the result are treated as lying in memory; None: when they are as large as that.
    An integer divided by zero stops the run with a StepError. `write` may be the memory of a read that has
    the same type and strides. Raises ValueError for a program that can't be run.
    """

    cdef MapArguments arguments
    cdef list types            # of the reads and the instructions' values
    cdef list constants        # (value, type) in order
    cdef dim_t cost            # of an element, in additions
    cdef bint paired           # whether an instruction is a pair, which is computed in runs

    def __init__(self, list program, list reads, View write, far=None):
        self.reads = tuple(reads)
        self.writes = (write,)
        self.name = f"Map({' '.join([instruction[0] for instruction in program])})"
        operands = self.translate_all(program, [view.dtype for view in reads])
        if self.result_type() != write.dtype:
            raise ValueError(f"Map: the program gives {self.result_type()}, the result is to be {write.dtype}")
        if write.size >= FEWEST_LOOKED_UP:
            dtypes = [TYPES[code] for code in self.types]
            program = list(with_lookups(tuple(program), tuple(map(tuple, operands)), tuple(dtypes),
                                        FEWEST_INSTRUCTIONS))
            operands = self.translate_all(program, dtypes[:len(reads)])
        if len(program) > 1:
            operands = self.join_pairs(tuple([instruction[0] for instruction in program]), operands)
        self.number_sources(operands)
        self.choose_streams(far, len(program))
        self.set_loops()
        self.place_blocks(operands)
        self.args = &self.arguments
        self.choose_run()

    def translate_all(self, list program, list dtypes):
        """Fills in the kernels of a program on reads of these types; returns the operands of each instruction."""
        if not program:
            raise ValueError("Map: the program has no instruction")
        if len(dtypes) > MAX_READS or len(program) > MAX_INSTRUCTIONS:
            raise ValueError(f"Map: {len(program)} instructions on {len(dtypes)} operands; "
                             f"at most {MAX_INSTRUCTIONS} on {MAX_READS}")
        self.make_room(len(dtypes), len(program))
        self.types = [_code_of(dtype) for dtype in dtypes]
        self.constants = []
        self.cost = 0
        return [self.translate(index, instruction) for index, instruction in enumerate(program)]

    cdef int make_room(self, int reads, int instructions) except -1:
        """Room for a program whose instructions take three operands at most."""
        cdef MapArguments* args = &self.arguments
        self.clear()
        args.read = <Operand*>zeros(reads, sizeof(Operand))
        args.instruction = <Instruction*>zeros(instructions, sizeof(Instruction))
        args.constant = <Constant*>zeros(min(3 * instructions, <int>MAX_CONSTANTS), sizeof(Constant))
        return 0

    cdef void clear(self) noexcept:
        """Frees the room: when the Map goes, and before other room is made, since Python may call __init__ again."""
        cdef MapArguments* args = &self.arguments
        free(args.read)
        free(args.instruction)
        free(args.constant)
        args.read, args.instruction, args.constant = NULL, NULL, NULL

    def __dealloc__(self):
        self.clear()

    def result_type(self):
        return TYPES[self.types[len(self.types) - 1]]

    def translate(self, int index, tuple instruction):
        """Fills in an instruction's kernel; returns its operands, a constant as its place among them."""
        cdef Instruction* target = &self.arguments.instruction[index]
        cdef int i
        name, *operands = instruction
        target.activation = activation_from_tuple(None)
        if name in ("convert", "copy"):
            source = self.type_of(name, operands[0])
            result = _code_of(operands[1]) if name == "convert" else source
            target.kernel = CONVERSIONS[source][result]
            operands = operands[:1]
            self.cost += 2
        elif name == "lookup":
            table = table_of(elementwise, operands[2], TYPES[self.type_of(name, operands[0])])
            target.kernel, result = lookups[PERMUTES], _code_of(operands[1])
            operands = [operands[0], self.table(table)]
            self.cost += 1
        elif name in ("quantize", "dequantize"):
            code, target.activation.alpha, target.activation.beta = self.quantization(name, operands)
            if name == "quantize":
                target.kernel, result = quantizations[TYPES[code].name == "int8"], code
            else:
                target.kernel, result = dequantizations[TYPES[code].name == "int8"], F32
            operands = operands[:1]
            self.cost += 4
        elif name in ACTIVATIONS and self.type_of(name, operands[0]) == F32:
            target.activation = activation_from_tuple((name, *(operands[1:] + [0.0, 0.0])[:2]))
            target.kernel = activation_f32
            source = result = F32
            operands = operands[:1]
            self.cost += ACTIVATION_COST
        else:
            if name in MIRRORED:
                name, operands = MIRRORED[name], operands[::-1]
            chosen = operands[1:] if name == "select" else operands
            source = self.common_type(name, chosen)
            if (name, source) not in _OPERATIONS:
                raise ValueError(f"Map: there is no {name} of {TYPES[source]}")
            i = _OPERATIONS[name, source]
            if OPERATIONS[i].operands != len(operands):
                raise ValueError(f"Map: expected {name} to take {OPERATIONS[i].operands} operands, got {len(operands)}")
            if name == "select" and self.type_of(name, operands[0]) != CODES[np.dtype(bool)]:
                raise ValueError("Map: the condition of select has to be bool")
            target.kernel = OPERATIONS[i].kernel
            result = OPERATIONS[i].result
            self.cost += OPERATIONS[i].cost
        self.types.append(result)
        return [self.constant(operand, source) if isinstance(operand, float) else operand for operand in operands]

    def quantization(self, str name, list operands):
        """(type of the bytes, scale, zero) of ("quantize", operand, dtype, scale, zero), whose operand is f32, or of
        ("dequantize", operand, scale, zero)."""
        source = self.type_of(name, operands[0])
        code = _code_of(operands[1]) if name == "quantize" else source
        if TYPES[code].name not in ("uint8", "int8") or (name == "quantize" and source != F32):
            raise ValueError(f"Map: {name} of {TYPES[source]}: bytes are uint8 or int8, and real numbers float32")
        return code, *operands[len(operands) - 2:]

    def type_of(self, str name, operand):
        if isinstance(operand, float) or not 0 <= operand < len(self.types):
            raise ValueError(f"Map: {name} of {operand}, which is neither an operand nor an earlier value")
        return self.types[operand]

    def common_type(self, str name, list operands):
        types = {self.type_of(name, operand) for operand in operands if not isinstance(operand, float)}
        if len(types) != 1:
            raise ValueError(f"Map: {name} of operands of types {sorted([str(TYPES[code]) for code in types])}")
        return types.pop()

    def constant(self, double value, int code):
        """Stores a constant; returns (its index,)."""
        cdef bytes content = constant_bytes(value, TYPES[code])
        cdef int index = len(self.constants)
        if index == MAX_CONSTANTS:
            raise ValueError(f"Map: more than {MAX_CONSTANTS} constants")
        memcpy(self.arguments.constant[index], <char*>content, len(content))
        self.constants.append(value)
        return (index,)

    def table(self, bytes table):
        """Stores the address of a table, as a constant."""
        cdef const char* address = table
        cdef int index = self.constant(0, F64)[0]
        memcpy(self.arguments.constant[index], &address, sizeof(address))
        self.constants[index] = table
        return (index,)

    def join_pairs(self, tuple names, list operands):
        """Makes one instruction of two where kernels have the pair; returns all operands by their new numbers."""
        cdef Instruction* instructions = self.arguments.instruction
        cdef int place, reads = len(self.types) - len(names)
        floats = tuple([code in (F32, F64) for code in self.types[reads:]])
        made = joined(names, tuple(map(tuple, operands)), reads, floats)
        for place, (before, pair, _) in enumerate(made):
            instructions[place] = instructions[<int>before]
            if pair is not None:
                self.paired = True
                instructions[place].kernel = OPERATIONS[<int>_OPERATIONS[pair, self.types[reads + before]]].kernel
        self.types[reads:] = [self.types[reads + before] for before, _, _ in made]
        return [found for _, _, found in made]

    def number_sources(self, list operands):
        """Numbers reads, values and constants in this order; an absent operand repeats the first."""
        cdef int index, k
        self.arguments.reads = len(self.reads)
        self.arguments.instructions, self.arguments.constants = len(operands), len(self.constants)
        first_constant = len(self.reads) + len(operands)
        for index, found in enumerate(operands):
            numbers = [first_constant + operand[0] if isinstance(operand, tuple) else operand for operand in found]
            for k in range(3):
                self.arguments.instruction[index].operand[k] = numbers[k] if k < len(numbers) else numbers[0]

    cdef dim_t widest(self):
        """Bytes of an element of the widest of the reads and values."""
        return max([TYPES[code].itemsize for code in self.types])

    cdef dim_t elements_of_block(self):
        return min(BLOCK, (FAR_BLOCK_BYTES if self.arguments.ahead else BLOCK_BYTES) // self.widest())

    def choose_streams(self, far, int operations):
        """Whether dense operands are asked for ahead, and the result goes past the caches; see Map. Programs of one or
        two operations gain nothing: they wait for memory all the time."""
        cdef dim_t bytes = sum([view.size * view.dtype.itemsize for view in (*self.reads, *self.writes)])
        if operations <= 2:
            bytes = 0
        self.arguments.streams = bytes >= STREAMED_BYTES if far is None else far
        if bytes >= FAR_BYTES if far is None else far:
            self.arguments.ahead = TILES_AHEAD * FAR_BLOCK_BYTES // self.widest()

    def set_loops(self):
        """Shapes and strides become loops and tiles."""
        cdef MapArguments* args = &self.arguments
        cdef int i
        cdef dim_t block = self.elements_of_block()
        write = self.writes[0]
        loops = element_loops(write, self.reads)
        args.size = write.size
        while len(loops) < 2:
            loops.insert(0, (1, *[0] * (len(self.reads) + 1)))
        args.rank = len(loops)
        args.rows, args.columns = loops[args.rank - 2][0], loops[args.rank - 1][0]
        args.tile_rows, args.joined = rows_of_tile(loops, block, RUN_BYTES // self.widest() if self.paired else 1)
        args.tile_columns = min(args.columns, block)
        args.tile_count = 1
        for i in range(args.rank):
            args.tiles[i] = loops[i][0]
            if i == args.rank - 2:
                args.tiles[i] = ceiling(args.rows, args.tile_rows)
            elif i == args.rank - 1:
                args.tiles[i] = ceiling(args.columns, max(args.tile_columns, 1))
            args.tile_count *= args.tiles[i]
        self.describe_operand(&args.result, write, [(loop[0], loop[len(loop) - 1]) for loop in loops])
        run = (args.tile_rows if args.joined else 1) * args.tile_columns * args.result.size
        args.streams = args.streams and args.result.block < 0 and run >= LEAST_STREAMED
        for i in range(len(self.reads)):
            self.describe_operand(&args.read[i], self.reads[i], [(loop[0], loop[i + 1]) for loop in loops])

    cdef int describe_operand(self, Operand* operand, View view, list loops) except -1:
        """The place of an operand's tiles; block is 0 when they have to be gathered, else -1."""
        cdef MapArguments* args = &self.arguments
        cdef int i
        operand.slot, operand.offset = view.slot, view.offset
        operand.size = view.dtype.itemsize
        operand.row = loops[args.rank - 2][1] * operand.size
        operand.column = loops[args.rank - 1][1] * operand.size
        for i in range(args.rank):
            operand.next[i] = loops[i][1] * operand.size
        operand.next[args.rank - 2] *= args.tile_rows
        operand.next[args.rank - 1] *= args.tile_columns
        one_row = args.tile_rows == 1 or not args.joined
        single = operand.column == 0 and (one_row or operand.row == 0)
        dense = operand.column == operand.size and (one_row or operand.row == args.columns * operand.size)
        operand.block = -1 if single or dense else 0
        if args.ahead and [step for _, step in merge_dimensions(loops)] == [1]:    # the tiles follow each other
            rows = args.tile_rows if args.joined else 1
            operand.fetched = ceiling(rows * args.tile_columns * operand.size, args.instructions * STREAM_LINE)
            operand.fetched *= STREAM_LINE
        return 0

    def place_blocks(self, list operands):
        """Gives scratch blocks to the operands and values that need one."""
        cdef MapArguments* args = &self.arguments
        cdef int i
        cdef dim_t block_bytes = self.elements_of_block() * self.widest() + BLOCK_GAP
        blocks = 0
        for i in range(args.reads):
            if args.read[i].block >= 0:
                args.read[i].block = blocks * block_bytes
                blocks += 1
        last_use = {operand: index for index, found in enumerate(operands)
                    for operand in found if not isinstance(operand, tuple)}
        idle = []
        for i in range(args.instructions):
            if i == args.instructions - 1 and args.result.block < 0 and not args.streams:
                args.instruction[i].block = -1
                break
            if not idle:
                idle.append(blocks * block_bytes)
                blocks += 1
            args.instruction[i].block = idle.pop()
            idle += [args.instruction[operand - args.reads].block
                     for operand in {found for found in operands[i] if not isinstance(found, tuple)}
                     if operand >= args.reads and last_use[operand] == i]
        if args.result.block >= 0:
            args.result.block = args.instruction[args.instructions - 1].block
        self.scratch = blocks * block_bytes

    def choose_run(self):
        cdef MapArguments* args = &self.arguments
        grains = args.tile_count
        self.run = run_tiles if args.size else run_nothing
        if args.instructions == 1 and self.scratch == 0 and args.size == args.columns:
            self.run = run_dense
            grains = ceiling(args.size, GRAIN)
        self.share_above(TOO_SMALL_TO_SHARE, args.size * self.cost, grains)


cdef class Convert(Map):
    """y = x converted to y's type, as numpy's astype converts; any strides, x broadcast to y's shape."""

    def __init__(self, View x, View y):
        super().__init__([("convert", 0, y.dtype)], [x], y)


def _code_of(dtype):
    code = CODES.get(np.dtype(dtype))
    if code is None:
        raise ValueError(f"Map: no kernel takes elements of {np.dtype(dtype)}")
    return code


_OPERATIONS = {(OPERATIONS[i].name.decode(), OPERATIONS[i].type): i for i in range(OPERATION_COUNT)}
