from ovlite.kernels.runtime.step cimport MAX_RANK, dim_t

from .activation cimport Activation

cdef extern from "elementwise.h" nogil:
    ctypedef struct Source:
        const char* at
        dim_t step
    ctypedef int (*Kernel)(const Source* const* operands, char* to, dim_t n, const Activation* activation) noexcept
    ctypedef struct Operation:
        const char* name
        int type
        int result
        int operands
        int cost
        Kernel kernel
    const Operation OPERATIONS[1]
    const Kernel CONVERSIONS[12][12]
    int OPERATION_COUNT
    int RUN_BYTES
    const Kernel quantizations[2]
    const Kernel dequantizations[2]
    const Kernel lookups[2]
    int activation_f32(const Source* const* operands, char* to, dim_t n, const Activation* activation) noexcept

cdef enum:
    MAX_READS = 16
    MAX_INSTRUCTIONS = 32
    MAX_CONSTANTS = 32
    MAX_SOURCES = 80


cdef struct Operand:
    int slot
    int size                   # bytes of an element
    dim_t offset
    dim_t next[MAX_RANK]       # bytes from one tile to the next along each loop
    dim_t row                  # bytes from one row, and one column, of a tile to the next
    dim_t column
    dim_t block                # where in scratch memory its tile is gathered; -1: it is used where it lies
    dim_t fetched              # bytes that are asked for before each instruction; 0: none

cdef struct Instruction:
    Kernel kernel
    int operand[3]             # reads, then earlier results, then constants
    dim_t block                # where in scratch memory the result goes; -1: to where the Map's result lies
    Activation activation

ctypedef char[8] Constant

cdef struct MapArguments:
    dim_t size                 # elements of the result
    int rank                   # loops: at least 2, the last two being a tile's rows and columns
    dim_t tiles[MAX_RANK]      # along each loop
    dim_t tile_count
    dim_t rows                 # of all tiles together, and of one
    dim_t columns
    dim_t tile_rows
    dim_t tile_columns
    bint streams               # the result goes past the caches
    dim_t ahead                # elements from those at hand to those that are asked for
    bint joined                # the rows of a tile are computed as one run of elements, not each by itself
    int reads
    int instructions
    int constants
    Operand* read
    Operand result
    Instruction* instruction
    Constant* constant


# The operands of the instructions on the tile at hand: reads, then values, then constants.
cdef struct Operands:
    Source source[MAX_SOURCES]
    const Source* of_instruction[MAX_INSTRUCTIONS][3]
