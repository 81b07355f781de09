"""Squared distances between the rows of a table and constant points."""

import numpy as np

from ovlite.kernels.runtime.step cimport (
    CANCELLED, OK, Member, Span, Step, View, address, alone, check_status, dim_t, first_element, share, stopped)

cdef extern from "distance.h" nogil:
    void distances(const float* x, dim_t length, const float* points, dim_t count, float* y) noexcept

cdef enum:
    SQUARE_COST = 1            # see Step.set_width
    ROWS_TO_A_LOOK = 64        # rows between two looks at whether the run is to end

cdef struct DistanceArgs:
    Span x
    Span y
    const float* points
    dim_t rows
    dim_t length
    dim_t count


cdef int run_distances(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const DistanceArgs* args = <const DistanceArgs*>arguments
    cdef const float* x = <const float*>address(&args.x, slots)
    cdef float* y = <float*>address(&args.y, slots)
    cdef dim_t row, begin, end
    share(me, args.rows, 1, &begin, &end)
    for row in range(begin, end):
        if (row - begin) % ROWS_TO_A_LOOK == 0 and stopped(me):
            return CANCELLED
        distances(x + row * args.length, args.length, args.points, args.count, y + row * args.count)
    return OK


def squared_distance(const float[:, ::1] x not None, points, float[:, ::1] out=None):
    """out[r, i] = the sum of the squares of x[r] - points[:, i], on the calling thread and without the GIL.

    x: f32 (rows, length). points: f32 (length, count). out: f32 (rows, count), apart from both; a new array when
    None. All in C order. Returns out. Raises ValueError where shapes, strides or element types don't fit.
    """
    cdef SquaredDistance step
    cdef Member me = alone(NULL)
    cdef char* slots[2]
    cdef int status
    if np.ndim(points) != 2:
        raise ValueError(f"expected points of shape (length, count), got {np.shape(points)}")
    if out is None:
        out = np.empty((x.shape[0], np.shape(points)[1]), np.float32)
    step = SquaredDistance(View(0, "f4", (x.shape[0], x.shape[1])), View(1, "f4", (out.shape[0], out.shape[1])), points)
    slots[0], slots[1] = first_element(x), first_element(out)
    with nogil:
        status = run_distances(&step.arguments, slots, &me)
    check_status("squared_distance", status)
    return np.asarray(out)


cdef class SquaredDistance(Step):
    """y[r, i] = the sum of the squares of x[r] - points[:, i], coordinate after coordinate in f32.

    x: [rows, length], y: [rows, count], both contiguous; points: an f32 array [length, count].
    """

    cdef DistanceArgs arguments
    cdef const float[:, ::1] points

    def __init__(self, View x not None, View y not None, points):
        cdef DistanceArgs* args = &self.arguments
        points = np.ascontiguousarray(points, np.float32)
        if points.ndim != 2 or len(x.shape) != 2 or x.shape[1] != len(points) or \
                y.shape != (x.shape[0], points.shape[1]):
            raise ValueError(
                "SquaredDistance: expected x (rows, length), points (length, count) and y (rows, count), "
                f"got {x.shape}, {points.shape} and {y.shape}")
        if x.dtype.name != "float32" or y.dtype.name != "float32" or not (x.contiguous and y.contiguous):
            raise ValueError(
                f"SquaredDistance: expected contiguous x and y of float32, got {x.dtype} and {y.dtype}, "
                f"strides {x.strides} and {y.strides}")
        args.x, args.y = x.span, y.span
        args.rows, args.length = x.shape
        args.count = points.shape[1]
        self.points = points
        args.points = <const float*>first_element(self.points)
        self.set_width(args.rows * args.length * args.count * SQUARE_COST, args.rows)
        self.reads, self.writes = (x,), (y,)
        self.args = args
        self.run = run_distances
