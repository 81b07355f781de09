"""Recurrent networks over time: LSTM, GRU and the plain RNN, f32, with constant weights.

N batch, T time, I input size, H hidden units, D directions, G gates of the cell: 4, 3, 1.

A layer is two steps. Projection multiplies the inputs of all times with W at once. LSTM, GRU or RNN
then walks through the time: at each it adds the product of the state with R to the gates and lets
the cell make the next state of them. Rows of the batch walk in tiles, which the team shares; all
states of a tile stay in scratch memory.

The layout is OpenVINO's: weights (D, G * H, I) and (D, G * H, H) with gates f, i, c, o (LSTM) or
z, r, h (GRU), states (N, D, H), outputs (N, D, T, H).
"""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

import numpy as np

from ovlite.kernels.runtime.call cimport Call
from ovlite.kernels.runtime.step cimport CANCELLED, OK, Member, Span, Step, View, address, dim_t, share, stopped
from ovlite.kernels.runtime.checks import check_quantized_lstm, check_quantized_rows, check_recurrent

from .activation cimport Activation, activate, activation_from_tuple
from .matmul import MatMul, QuantizedMatMul, pack
from .matmul_driver cimport Matmul, MatmulStep, run_matmul
from .matmul_weights import kernel_for

cdef extern from "recurrent.h" nogil:
    ctypedef struct CellFunctions:
        Activation clip
        Activation function[3]
    void lstm_cell(const CellFunctions* functions, float* gates, float* state, float* cell, dim_t n) noexcept
    void gru_reset(
        const CellFunctions* functions, float* gates, const float* factor, float* product, dim_t n) noexcept
    void gru_cell(
        const CellFunctions* functions, const float* gates, float* candidate, float* state, dim_t n) noexcept
    float quantize_row(const float* x, unsigned char* codes, dim_t n) noexcept
    void add_gates(
        float* gates, float step, const float* inputs, float input_step, const float* bias, dim_t n) noexcept

cdef enum:
    LINE = 64                  # bytes of a cache line
    CACHED_ROWS = 4            # of a tile, where R stays in the second-level cache between tiles
    CACHED_BYTES = 1 << 19     # of R: half of a second-level cache of 1 MiB
    SMALL_FLOPS = 200000       # see Step.share_above
    POLL_EVERY = 16            # times between two questions whether the run is to end


def lstm(const float[:, :, :] x not None, const float[:, :, :] W not None, const float[:, :, :] R not None,
         const float[:, :] B not None, const float[:, :, :] h=None, const float[:, :, :] c=None, **options):
    """A long short-term memory over time, as plans compute it, on the calling thread and without the GIL.

    x: (N, T, I). W: (D, 4 * H, I). R: (D, 4 * H, H). B: (D, 4 * H), the sum of both biases of a gate. h, c: the states
    before, (N, D, H); zeros when None. All f32; the gates and the layout are those of the module.
    options: direction, lengths, activations and clip: see LSTM and Recurrent; lengths is an array.
    Returns y (N, D, T, H), and the states after. Raises ValueError where shapes, strides or element types don't fit.
    """
    return layer_call(LSTM, 4, x, W, R, B, [h, c], options)


def gru(const float[:, :, :] x not None, const float[:, :, :] W not None, const float[:, :, :] R not None,
        const float[:, :] B not None, const float[:, :, :] h=None, **options):
    """Gated recurrent units over time. W: (D, 3 * H, I), R, B: likewise; options: also reset_bias, see GRU.

    Otherwise as lstm(), with one state.
    """
    return layer_call(GRU, 3, x, W, R, B, [h], options)


def rnn(const float[:, :, :] x not None, const float[:, :, :] W not None, const float[:, :, :] R not None,
        const float[:, :] B not None, const float[:, :, :] h=None, **options):
    """A plain recurrent network over time. W: (D, H, I), R, B: likewise. Otherwise as lstm(), with one state."""
    return layer_call(RNN, 1, x, W, R, B, [h], options)


def layer_call(kind, gate_count, x, W, R, B, list states, dict options):
    """The steps of a layer on arrays: (y, states after)."""
    cdef Call call = Call()
    batch, time, size = x.shape
    directions = 2 if options.get("direction") == "bidirectional" else 1
    hidden = R.shape[2]
    rows = gate_count * hidden
    for name, array, shape in (("W", W, (directions, rows, size)), ("R", R, (directions, rows, hidden)),
                               ("B", B, (directions, rows))):
        if tuple(array.shape) != shape:
            raise ValueError(f"expected {name} of shape {shape}, got {tuple(array.shape)}")
    if options.get("lengths") is not None:
        options["lengths"] = call.read("lengths", options["lengths"])
    x = call.read("x", x)
    before = [call.read("a state", np.zeros((batch, directions, hidden), "f4") if state is None else state)
              for state in states]
    results = []
    written = [(batch, time, directions * rows), (batch, directions, time, hidden), *[view.shape for view in before]]
    for shape in written:
        results.append((call.write(None, shape, "f4"), call.out))
    gates, y, *after = [view for view, _ in results]
    call.run(Projection(x, gates, W=np.asarray(W), B=np.asarray(B)))
    call.run(kind(gates, *before, y, *after, R=np.asarray(R), **options))
    return tuple([array for _, array in results[1:]])


cdef struct Rows:              # of one direction, that walk together
    dim_t direction
    dim_t first                # in the batch
    dim_t count
    float* state               # (count, H)
    float* cell                # (count, H)
    float* gates               # (count, G * H)
    float* product             # (count, H)
    const float* inputs        # gates of the inputs at the time, the first row's
    char* going                # (count,): has not met the end of its sequence
    const float* input_steps   # of the inputs at the time, the first row's; where products are of bytes
    const Member* member

ctypedef void (*step_fn)(const RecurrentArgs* args, Rows* rows) noexcept nogil

cdef struct RecurrentArgs:
    Span gates                 # (N, T, D * G * H)
    Span states[2]             # h, and the LSTM's c, before: (N, D, H)
    Span lasts[2]              # after; slot -1 where nobody wants it
    Span y                     # (N, D, T, H); slot -1 where nobody wants it
    Span lengths               # (N,); slot -1 where every sequence has T elements
    int length_bytes
    int kept                   # states: 1 or 2
    dim_t hidden
    dim_t width                # G * H
    dim_t tile_rows
    dim_t tiles                # in a direction
    bint backward[2]
    step_fn step
    const Matmul* products[2][2][2]   # by direction, part of R, and whether the tile is a shorter one
    CellFunctions functions
    Span steps                 # (N, T), of the rows of inputs, where products are of bytes
    const float* bias          # (D, G * H), likewise
    dim_t codes                # where in scratch memory the states' bytes lie, and behind them what products use
    dim_t behind


cdef inline void multiply_states(const RecurrentArgs* args, const Rows* rows, int part, const float* states,
                                 float* products, const float* added) noexcept nogil:
    """products = states @ part of R + added, for all rows."""
    cdef char* slots[3]
    cdef Member alone = rows.member[0]
    cdef const Matmul* product = args.products[rows.direction][part][rows.count < args.tile_rows]
    slots[0] = <char*>states
    slots[1] = <char*>products
    slots[2] = <char*>added
    alone.rank = 0
    alone.count = 1
    alone.scratch += args.behind
    run_matmul(product, slots, &alone)


cdef void lstm_step(const RecurrentArgs* args, Rows* rows) noexcept nogil:
    cdef dim_t i
    multiply_states(args, rows, 0, rows.state, rows.gates, rows.inputs)
    for i in range(rows.count):
        if rows.going[i]:
            lstm_cell(&args.functions, rows.gates + i * args.width, rows.state + i * args.hidden,
                      rows.cell + i * args.hidden, args.hidden)


cdef void quantized_lstm_step(const RecurrentArgs* args, Rows* rows) noexcept nogil:
    """The state meets R as bytes. Its steps lie where GRU has a product."""
    cdef char* codes = rows.member.scratch + args.codes
    cdef dim_t i
    for i in range(rows.count):
        rows.product[i] = quantize_row(rows.state + i * args.hidden, <unsigned char*>codes + i * args.hidden,
                                       args.hidden)
    multiply_states(args, rows, 0, <const float*>codes, rows.gates, NULL)
    for i in range(rows.count):
        if rows.going[i]:
            add_gates(rows.gates + i * args.width, rows.product[i], rows.inputs + i * args.gates.stride[0],
                      rows.input_steps[i * args.steps.stride[0]], args.bias + rows.direction * args.width, args.width)
            lstm_cell(&args.functions, rows.gates + i * args.width, rows.state + i * args.hidden,
                      rows.cell + i * args.hidden, args.hidden)


cdef void gru_step(const RecurrentArgs* args, Rows* rows) noexcept nogil:
    """The reset gate multiplies the state that R's last part then meets."""
    cdef dim_t i, n = args.hidden
    cdef float* candidate = rows.gates + 2 * n * rows.count
    multiply_states(args, rows, 0, rows.state, rows.gates, rows.inputs)
    for i in range(rows.count):
        gru_reset(&args.functions, rows.gates + i * 2 * n, rows.state + i * n, rows.product + i * n, n)
    multiply_states(args, rows, 1, rows.product, candidate, rows.inputs + 2 * n)
    for i in range(rows.count):
        if rows.going[i]:
            gru_cell(&args.functions, rows.gates + i * 2 * n, candidate + i * n, rows.state + i * n, n)


cdef void gru_step_linear(const RecurrentArgs* args, Rows* rows) noexcept nogil:
    """The reset gate multiplies the product of the state with R's last part."""
    cdef dim_t i, j, n = args.hidden
    cdef const float* inputs
    cdef float* product
    multiply_states(args, rows, 0, rows.state, rows.gates, rows.inputs)
    multiply_states(args, rows, 1, rows.state, rows.product, NULL)
    for i in range(rows.count):
        if rows.going[i]:
            product = rows.product + i * n
            inputs = rows.inputs + i * args.gates.stride[0] + 2 * n
            gru_reset(&args.functions, rows.gates + i * 2 * n, product, product, n)
            for j in range(n):
                product[j] += inputs[j]
            gru_cell(&args.functions, rows.gates + i * 2 * n, product, rows.state + i * n, n)


cdef void rnn_step(const RecurrentArgs* args, Rows* rows) noexcept nogil:
    cdef dim_t i
    cdef float* gates
    multiply_states(args, rows, 0, rows.state, rows.gates, rows.inputs)
    for i in range(rows.count):
        if rows.going[i]:
            gates = rows.gates + i * args.hidden
            activate(&args.functions.clip, gates, args.hidden)
            activate(&args.functions.function[0], gates, args.hidden)
            memcpy(rows.state + i * args.hidden, gates, args.hidden * sizeof(float))


cdef inline dim_t length_of(const RecurrentArgs* args, char* const* slots, dim_t row) noexcept nogil:
    """Elements of a sequence of the batch."""
    cdef const char* lengths
    if args.lengths.slot < 0:
        return args.gates.shape[1]
    lengths = address(&args.lengths, slots) + row * args.lengths.stride[0] * args.length_bytes
    return (<const int32_t*>lengths)[0] if args.length_bytes == 4 else <dim_t>(<const int64_t*>lengths)[0]


cdef inline float* row_at(const Span* span, char* const* slots, const Rows* rows, dim_t i) noexcept nogil:
    """Row i of a tile, in an operand (N, D, ...)."""
    return <float*>address(span, slots) + (rows.first + i) * span.stride[0] + rows.direction * span.stride[1]


cdef int walk(const RecurrentArgs* args, char* const* slots, Rows* rows) noexcept nogil:
    """Takes a tile's rows through the time."""
    cdef dim_t bytes = args.hidden * sizeof(float)
    cdef float* kept[2]
    cdef dim_t i, at, time
    cdef float* y
    cdef int k
    kept[0] = rows.state
    kept[1] = rows.cell
    for k in range(args.kept):
        for i in range(rows.count):
            memcpy(kept[k] + i * args.hidden, row_at(&args.states[k], slots, rows, i), bytes)
    for at in range(args.gates.shape[1]):
        if at % POLL_EVERY == 0 and stopped(rows.member):
            return CANCELLED
        time = args.gates.shape[1] - 1 - at if args.backward[rows.direction] else at
        rows.inputs = <const float*>address(&args.gates, slots) + rows.first * args.gates.stride[0]
        rows.inputs += time * args.gates.stride[1] + rows.direction * args.width
        if args.bias != NULL:
            rows.input_steps = <const float*>address(&args.steps, slots) + rows.first * args.steps.stride[0]
            rows.input_steps += time * args.steps.stride[1]
        for i in range(rows.count):
            rows.going[i] = time < length_of(args, slots, rows.first + i)
        args.step(args, rows)
        if args.y.slot >= 0:
            for i in range(rows.count):
                y = row_at(&args.y, slots, rows, i) + time * args.y.stride[2]
                if rows.going[i]:
                    memcpy(y, rows.state + i * args.hidden, bytes)
                else:
                    memset(y, 0, bytes)
    for k in range(args.kept):
        if args.lasts[k].slot >= 0:
            for i in range(rows.count):
                memcpy(row_at(&args.lasts[k], slots, rows, i), kept[k] + i * args.hidden, bytes)
    return OK


cdef int run_recurrent(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const RecurrentArgs* args = <const RecurrentArgs*>arguments
    cdef Rows rows
    cdef dim_t begin, end, tile, size = args.tile_rows * args.hidden
    rows.state = <float*>me.scratch
    rows.cell = rows.state + size
    rows.product = rows.cell + size
    rows.gates = rows.product + size
    rows.going = <char*>(rows.gates + args.tile_rows * args.width)
    rows.member = me
    share(me, args.tiles * args.y.shape[1], 1, &begin, &end)
    for tile in range(begin, end):
        rows.direction = tile // args.tiles
        rows.first = (tile - rows.direction * args.tiles) * args.tile_rows
        rows.count = min(args.tile_rows, args.gates.shape[0] - rows.first)
        if walk(args, slots, &rows) != OK:
            return CANCELLED
    return OK


cdef dim_t tile_rows(dim_t batch, dim_t weight_bytes):
    """Rows of a tile: at least two tiles, so that two threads have work, of about the same size."""
    cdef dim_t most = CACHED_ROWS if weight_bytes <= CACHED_BYTES else 4 * kernel_for("f32", "f32").rows
    cdef dim_t tiles = max((batch + most - 1) // most, <dim_t>2)
    return max((batch + tiles - 1) // tiles, <dim_t>1)


def pack_inputs(weights, kernel=None):
    """Packs W (D, G * H, I) for Projection; plans may share the result. kernel: as for matmul.pack()."""
    weights = np.asarray(weights, np.float32)
    return pack(weights.reshape(-1, weights.shape[2]).T, kernel)


def pack_states(weights, parts):
    """Packs R (D, G * H, H) for a cell that multiplies the state in `parts` products: GRU has 2, the others 1.

    Plans may share the result.
    """
    weights = np.asarray(weights, np.float32)
    cut = weights.shape[1] * 2 // 3 if parts == 2 else weights.shape[1]
    return [[pack(part.T) for part in (matrix[:cut], matrix[cut:]) if len(part)] for matrix in weights]


def Projection(View x not None, View gates not None, *, W, B):
    """The step gates = x @ W^T + B.

    x: (N, T, I), gates: (N, T, D * G * H). W: an array (D, G * H, I) or pack_inputs() of one. B: an
    array (D, G * H), the sum of both biases of each gate.
    """
    packed = pack_inputs(W) if isinstance(W, np.ndarray) else W
    return MatMul(x, None, gates, weights=packed, bias=np.asarray(B, np.float32).reshape(-1))


cdef class Recurrent(Step):
    """Base of LSTM, GRU and RNN.

    gates: (N, T, D * G * H), from Projection. The states before and after: (N, D, H). y: (N, D, T, H),
    0 behind the end of a sequence. What nobody wants may be None. The last dimension has stride 1.

    R: an array (D, G * H, H) or pack_states() of one. direction: "forward", "reverse" (each sequence
    from its last element to its first) or "bidirectional", forward first. lengths: int32 or int64 (N,),
    the elements of each sequence; None: all have T. activations: see activation.pxd. clip: bound of
    what activations are given, 0 for none.
    """

    cdef RecurrentArgs arguments
    cdef list products         # the steps that arguments point into

    cdef int prepare(self, View gates, list states, View y, list lasts, packed, direction, View lengths, activations,
                     clip) except -1:
        cdef RecurrentArgs* args = &self.arguments
        cdef View state
        cdef int i
        check_recurrent(self.name, self.gate_count(), gates, states, y, lasts, direction, lengths)
        batch, directions, hidden = states[0].shape
        args.gates = gates.span
        args.kept = len(states)
        for i, state in enumerate(states):
            args.states[i] = state.span
        for i, view in enumerate(lasts):
            self.set_optional(&args.lasts[i], view)
        self.set_optional(&args.y, y)
        args.y.shape[1] = directions
        self.set_optional(&args.lengths, lengths)
        args.length_bytes = 0 if lengths is None else lengths.dtype.itemsize
        args.hidden, args.width = hidden, gates.shape[2] // directions
        args.tile_rows = tile_rows(batch, 4 * args.width * hidden)
        args.tiles = (batch + args.tile_rows - 1) // args.tile_rows
        args.backward = [direction == "reverse", direction == "bidirectional"]
        for i, activation in enumerate(activations):
            args.functions.function[i] = activation_from_tuple(activation)
        args.functions.clip = activation_from_tuple(("clamp", -clip, clip) if clip > 0 else None)
        self.scratch = args.tile_rows * (4 * (3 * hidden + args.width) + 1)
        flops = 2 * batch * gates.shape[1] * gates.shape[2] * hidden
        self.share_above(SMALL_FLOPS, flops, directions * args.tiles)
        self.reads = tuple([view for view in (gates, *states, lengths) if view is not None])
        self.writes = tuple([view for view in (y, *lasts) if view is not None])
        self.products = []
        self.args = args
        self.run = run_recurrent
        return 0

    cdef int set_optional(self, Span* span, View view) except -1:
        if view is None:
            span.slot = -1
        else:
            span[0] = view.span
        return 0

    cdef int set_product(self, packed, int part, added=True, bias=None) except -1:
        """The products of the tiles' states with part `part` of R, for each direction."""
        cdef RecurrentArgs* args = &self.arguments
        cdef MatmulStep step
        cdef dim_t direction, rows
        cdef int rest
        if len(packed) != args.y.shape[1]:
            raise ValueError(f"{self.name}: expected R for {args.y.shape[1]} directions, got {len(packed)}")
        for direction in range(len(packed)):
            if sum([matrix.columns for matrix in packed[direction]]) != args.width:
                raise ValueError(f"{self.name}: expected R of {args.width} gates, got "
                                 f"{[matrix.columns for matrix in packed[direction]]}")
            columns = packed[direction][part].columns
            for rest, rows in enumerate((args.tile_rows, args.gates.shape[0] % args.tile_rows)):
                if rows == 0:
                    continue
                residual = View(2, np.float32, (rows, columns), (args.gates.stride[0], 1)) if added else None
                step = MatMul(
                    View(0, np.float32, (rows, args.hidden)), None, View(1, np.float32, (rows, columns)),
                    weights=packed[direction][part], residual=residual,
                    bias=None if bias is None else bias[direction])
                args.products[direction][part][rest] = &step.matmul
                self.products.append(step)
        return 0


cdef class LSTM(Recurrent):
    """Long short-term memory: c = f * c + i * g, h = o * act(c); see Recurrent.

    h0, c0, h_last, c_last: the states before and after. activations: of f, i and o; of g; of c.
    """

    def __init__(self, View gates not None, View h0 not None, View c0 not None, View y, View h_last, View c_last, *, R,
                 direction="forward", View lengths=None,
                 activations=(("sigmoid", 0, 0), ("tanh", 0, 0), ("tanh", 0, 0)), clip=0.0):
        packed = pack_states(R, 1) if isinstance(R, np.ndarray) else R
        self.prepare(gates, [h0, c0], y, [h_last, c_last], packed, direction, lengths, activations, clip)
        self.set_product(packed, 0)
        self.arguments.step = lstm_step

    def gate_count(self):
        return 4


cdef struct RowsArgs:
    Span x
    Span codes
    Span steps


cdef int quantize_rows(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const RowsArgs* args = <const RowsArgs*>arguments
    cdef const float* x = <const float*>address(&args.x, slots)
    cdef unsigned char* codes = <unsigned char*>address(&args.codes, slots)
    cdef float* steps = <float*>address(&args.steps, slots)
    cdef dim_t row, begin, end, n, size = args.x.shape[2]
    share(me, args.x.shape[0] * args.x.shape[1], 1, &begin, &end)
    for row in range(begin, end):
        n = row // args.x.shape[1]
        steps[row] = quantize_row(x + n * args.x.stride[0] + (row - n * args.x.shape[1]) * args.x.stride[1],
                                  codes + row * size, size)
    return OK


cdef class QuantizeRows(Step):
    """codes = round(x * 127 / its row's largest magnitude) + 128, steps = that magnitude / 127.

    x: f32 (N, T, I) with I stride 1. codes: u8 (N, T, I), steps: f32 (N, T), both contiguous. A row with a NaN or an
    infinity has a step of NaN.
    """

    cdef RowsArgs arguments

    def __init__(self, View x not None, View codes not None, View steps not None):
        check_quantized_rows(x, codes, steps)
        self.arguments.x, self.arguments.codes, self.arguments.steps = x.span, codes.span, steps.span
        self.reads, self.writes = (x,), (codes, steps)
        self.share_above(SMALL_FLOPS, 8 * x.size, steps.size)
        self.args = &self.arguments
        self.run = quantize_rows


cdef class QuantizedLSTM(Recurrent):
    """Long short-term memory whose states are rounded to bytes, row by row, before they meet R; see LSTM.

    gates: codes @ W^T without a bias, of QuantizeRows' codes less 128, whose `steps` (N, T) are not applied yet.
    R: for each direction matmul.pack_int8() of an i8 array (H, 4 * H). shifts: (D, 4 * H), -128 times the sums of its
    columns. scales: (D, 4 * H), of its columns. B: (D, 4 * H), the sum of both biases of a gate.
    """

    cdef const float[:, ::1] bias

    def __init__(self, View gates not None, View steps not None, View h0 not None, View c0 not None, View y,
                 View h_last, View c_last, *, R, shifts, scales, B, direction="forward", View lengths=None,
                 activations=(("sigmoid", 0, 0), ("tanh", 0, 0), ("tanh", 0, 0)), clip=0.0):
        cdef RecurrentArgs* args = &self.arguments
        cdef MatmulStep step
        cdef dim_t direction_of, rows
        cdef int rest
        self.prepare(gates, [h0, c0], y, [h_last, c_last], R, direction, lengths, activations, clip)
        check_quantized_lstm(gates, steps, len(R), args.width, B, direction)
        args.codes = (self.scratch + LINE - 1) // LINE * LINE
        args.behind = (args.codes + args.tile_rows * args.hidden + LINE + LINE - 1) // LINE * LINE
        self.scratch = args.behind
        for direction_of in range(len(R)):
            for rest, rows in enumerate((args.tile_rows, args.gates.shape[0] % args.tile_rows)):
                if rows == 0:
                    continue
                step = QuantizedMatMul(
                    View(0, np.uint8, (rows, args.hidden)), View(1, np.float32, (rows, args.width)),
                    weights=R[direction_of], shifts=shifts[direction_of], scales=scales[direction_of])
                args.products[direction_of][0][rest] = &step.matmul
                self.products.append(step)
                self.scratch = max(self.scratch, args.behind + step.scratch)
        self.bias = np.ascontiguousarray(B, np.float32)
        args.steps, args.bias = steps.span, &self.bias[0, 0]
        args.step = quantized_lstm_step
        self.reads = (*self.reads, steps)

    def gate_count(self):
        return 4


cdef class GRU(Recurrent):
    """Gated recurrent unit: h = (1 - z) * g + z * h; see Recurrent.

    g is act(gates + R (r * h)), or with `reset_bias`, an array (D, H), act(gates + r * (R h + reset_bias)):
    linear before reset. activations: of z and r; of g.
    """

    def __init__(self, View gates not None, View h0 not None, View y, View h_last, *, R, reset_bias=None,
                 direction="forward", View lengths=None, activations=(("sigmoid", 0, 0), ("tanh", 0, 0)), clip=0.0):
        packed = pack_states(R, 2) if isinstance(R, np.ndarray) else R
        self.prepare(gates, [h0], y, [h_last], packed, direction, lengths, activations, clip)
        self.set_product(packed, 0)
        self.set_product(packed, 1, reset_bias is None, reset_bias)
        self.arguments.step = gru_step if reset_bias is None else gru_step_linear

    def gate_count(self):
        return 3


cdef class RNN(Recurrent):
    """h = act(gates + R h); see Recurrent."""

    def __init__(self, View gates not None, View h0 not None, View y, View h_last, *, R, direction="forward",
                 View lengths=None, activations=(("tanh", 0, 0),), clip=0.0):
        packed = pack_states(R, 1) if isinstance(R, np.ndarray) else R
        self.prepare(gates, [h0], y, [h_last], packed, direction, lengths, activations, clip)
        self.set_product(packed, 0)
        self.arguments.step = rnn_step

    def gate_count(self):
        return 1
