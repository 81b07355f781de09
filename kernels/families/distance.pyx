"""Squared distances between the rows of a table and constant points."""

import numpy as np

from ovlite.kernels.runtime.step cimport CANCELLED, OK, Member, Span, Step, View, address, dim_t, share, stopped

cdef extern from "distance.h" nogil:
    void distances(const float* x, dim_t length, const float* points, dim_t count, float* y) noexcept

cdef enum:
    TERMS_PER_MEMBER = 65536   # squares; fewer are not worth waking a thread for
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


cdef class SquaredDistance(Step):
    """y[r, i] = the sum of the squares of x[r] - points[:, i], coordinate after coordinate in f32.

    x: [rows, length], y: [rows, count], both contiguous; points: an f32 array [length, count].
    """

    cdef DistanceArgs arguments

    def __init__(self, View x not None, View y not None, points):
        cdef DistanceArgs* args = &self.arguments
        points = np.ascontiguousarray(points, np.float32)
        if points.ndim != 2 or len(x.shape) != 2 or x.shape[1] != len(points) or \
                y.shape != (x.shape[0], points.shape[1]):
            raise ValueError(f"SquaredDistance: {list(x.shape)} by {list(points.shape)} to {list(y.shape)}")
        if x.dtype.name != "float32" or y.dtype.name != "float32" or not (x.contiguous and y.contiguous):
            raise ValueError(f"SquaredDistance: takes contiguous float32, not {x.dtype} to {y.dtype}")
        cdef const float[:, ::1] held = points
        args.x, args.y = x.span, y.span
        args.rows, args.length = x.shape
        args.count = points.shape[1]
        args.points = &held[0, 0] if points.size else NULL
        self.width = max(1, min(args.rows, args.rows * args.length * args.count // TERMS_PER_MEMBER))
        self.reads, self.writes = (x,), (y,)
        self.keep = points
        self.args = args
        self.run = run_distances
