"""Images read between their pixels: at the places of a grid, and in the bins of regions.

Each point of an output is a weighted sum of some elements of an image, its taps, which are the same in all channels.
They are worked out for a few points at a time, and then all channels are read at them.
"""

from libc.math cimport ceilf, fabsf, floorf, nearbyintf
from libc.stdint cimport int32_t, int64_t

import numpy as np

from ovlite.kernels.runtime.step cimport (
    CANCELLED, INDEX_OUT_OF_RANGE, OK, Member, Span, Step, View, address, dim_t, share, stopped
)

cdef extern from "sampling.h" nogil:
    enum:
        POINTS
        MOST_TAPS
    ctypedef struct Taps:
        int32_t offset[1]
        float weight[1]
    void read_points(
        float* y, dim_t y_channel, dim_t y_point, const float* x, dim_t x_channel, dim_t channels, const Taps* taps,
        int count, dim_t points, bint adds) noexcept

cdef enum:
    ELEMENT_COST = 12          # see Step.set_width, for each tap
    MOST_SAMPLES = 1 << 20     # of a bin along an axis
    ZEROS = 0
    BORDER = 1
    REFLECTION = 2
    NEAREST = 1                # taps along an axis
    BILINEAR = 2
    BICUBIC = 4

MODES = {"nearest": NEAREST, "bilinear": BILINEAR, "bicubic": BICUBIC}
PADDINGS = {"zeros": ZEROS, "border": BORDER, "reflection": REFLECTION}

cdef struct Axis:              # height or width of an image
    dim_t size
    dim_t stride               # in elements

cdef struct Image:             # x and y of a step, whose outputs' pixels are as many points
    Span x
    Span y
    Axis height
    Axis width
    dim_t points
    dim_t y_point              # elements from one point to the next

cdef struct GridArgs:
    Image image
    Span grid
    int taps                   # along an axis
    int padding
    bint align_corners

cdef struct RegionArgs:
    Image image
    Span regions
    Span indices               # of the image that a region is of
    int index_bytes
    dim_t down                 # bins of a region
    dim_t across
    dim_t samples              # of a bin along an axis; 0: one a pixel
    float before               # added to regions before they are scaled
    float scale
    float after                # added afterwards
    bint grown                 # to a pixel at least
    bint largest               # of the samples of a bin, not their mean

cdef struct Region:
    float top
    float left
    float bin_height
    float bin_width
    dim_t down                 # samples of a bin
    dim_t across


cdef inline float cubic(float d) noexcept nogil:
    """Keys' kernel with -0.75 at a distance of up to 2; NaN at NaN."""
    if d <= 1:
        return (1.25 * d - 2.25) * d * d + 1
    return 0 if d >= 2 else ((d - 5) * d + 8) * d * -0.75 + 3


cdef inline int64_t whole(float place) noexcept nogil:
    """The place as an integer; one far outside for numbers that are no place, whose weights are NaN."""
    return <int64_t>place if fabsf(place) < 1e18 else -1000000000000000000


cdef inline int64_t reflected(int64_t place, int64_t size, bint align_corners) noexcept nogil:
    """Mirrored into 0 .. size - 1: at the outer pixels with align_corners, else at their edges."""
    cdef int64_t period = max(2 * (size - 1), 1) if align_corners else 2 * size
    place %= period
    if place < 0:
        place += period
    if place >= size:
        place = period - place - (not align_corners)
    return place if size > 1 else 0


cdef void axis_taps(
    const GridArgs* args, const Axis* axis, float at, int64_t* offset, float* weight
) noexcept nogil:
    """Offsets, negative outside of the image, and weights of the taps along an axis at a place of -1 to 1."""
    cdef float first, fraction, size = <float>axis.size
    cdef int k
    cdef int64_t place
    at = (at + 1) / 2 * (size - 1) if args.align_corners else ((at + 1) * size - 1) / 2
    first = nearbyintf(at) if args.taps == NEAREST else floorf(at)
    fraction = at - first
    weight[0] = 1
    if args.taps == BILINEAR:
        weight[0], weight[1] = 1 - fraction, fraction
    elif args.taps == BICUBIC:
        for k in range(4):
            weight[k] = cubic(fabsf(fraction - (k - 1)))
    place = whole(first) - (args.taps == BICUBIC)
    for k in range(args.taps):
        offset[k] = place + k
        if args.padding == BORDER:
            offset[k] = min(max(offset[k], 0), axis.size - 1)
        elif args.padding == REFLECTION:
            offset[k] = reflected(offset[k], axis.size, args.align_corners)
        offset[k] = offset[k] * axis.stride if 0 <= offset[k] < axis.size else -1


cdef void grid_taps(const GridArgs* args, const float* grid, dim_t points, Taps* taps) noexcept nogil:
    cdef int64_t rows[4]
    cdef int64_t columns[4]
    cdef float row_weight[4]
    cdef float column_weight[4]
    cdef dim_t p, tap
    cdef int i, j
    for p in range(points):
        axis_taps(args, &args.image.width, grid[2 * p], columns, column_weight)
        axis_taps(args, &args.image.height, grid[2 * p + 1], rows, row_weight)
        for i in range(args.taps):
            for j in range(args.taps):
                tap = (i * args.taps + j) * POINTS + p
                taps.offset[tap] = <int32_t>(rows[i] + columns[j]) if rows[i] >= 0 and columns[j] >= 0 else -1
                taps.weight[tap] = row_weight[i] * column_weight[j]


cdef int sample_grid(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const GridArgs* args = <const GridArgs*>arguments
    cdef const Image* image = &args.image
    cdef const float* x = <const float*>address(&image.x, slots)
    cdef const float* grid = <const float*>address(&args.grid, slots)
    cdef float* y = <float*>address(&image.y, slots)
    cdef Taps* taps = <Taps*>me.scratch
    cdef dim_t begin, end, task, batch, first, count, blocks = (image.points + POINTS - 1) // POINTS
    share(me, blocks * image.x.shape[0], 1, &begin, &end)
    for task in range(begin, end):
        if task % 64 == 0 and stopped(me):
            return CANCELLED
        batch, first = task // blocks, task % blocks * POINTS
        count = min(<dim_t>POINTS, image.points - first)
        grid_taps(args, grid + 2 * (batch * image.points + first), count, taps)
        read_points(
            y + batch * image.y.stride[0] + first * image.y_point, image.y.stride[1], image.y_point,
            x + batch * image.x.stride[0], image.x.stride[1], image.x.shape[1], taps, args.taps * args.taps, count,
            False)
    return OK


cdef int describe_region(const RegionArgs* args, const float* corners, Region* region) noexcept nogil:
    cdef float height, width
    region.left = (corners[0] + args.before) * args.scale + args.after
    region.top = (corners[1] + args.before) * args.scale + args.after
    width = (corners[2] + args.before) * args.scale + args.after - region.left
    height = (corners[3] + args.before) * args.scale + args.after - region.top
    if args.grown:
        height, width = max(height, <float>1), max(width, <float>1)
    region.bin_height, region.bin_width = height / args.down, width / args.across
    if args.samples > 0:
        region.down = region.across = args.samples
        return OK
    height, width = ceilf(region.bin_height), ceilf(region.bin_width)
    if not (height < MOST_SAMPLES and width < MOST_SAMPLES):
        return INDEX_OUT_OF_RANGE
    region.down, region.across = max(<dim_t>height, 1), max(<dim_t>width, 1)
    return OK


cdef bint between(const Axis* axis, float at, int64_t* offset, float* weight) noexcept nogil:
    """Two taps along an axis; False for a place more than a pixel outside, which has none."""
    cdef float first
    if not -1 <= at <= <float>axis.size:
        return False
    at = min(max(at, <float>0), <float>(axis.size - 1))
    first = floorf(at)
    offset[0] = <int64_t>first * axis.stride
    offset[1] = min(<int64_t>first + 1, axis.size - 1) * axis.stride
    weight[0], weight[1] = 1 - (at - first), at - first
    return True


cdef void region_taps(
    const RegionArgs* args, const Region* region, dim_t first, dim_t points, dim_t sample, dim_t samples, Taps* taps
) noexcept nogil:
    """Four taps for each of some samples of each bin."""
    cdef int64_t rows[2]
    cdef int64_t columns[2]
    cdef float row_weight[2]
    cdef float column_weight[2]
    cdef float across, down
    cdef dim_t p, s, tap
    cdef int i
    cdef bint inside
    for s in range(samples):
        for p in range(points):
            down = <float>((first + p) // args.across * region.down + (sample + s) // region.across)
            across = <float>((first + p) % args.across * region.across + (sample + s) % region.across)
            down = region.top + (down + <float>0.5) / region.down * region.bin_height
            across = region.left + (across + <float>0.5) / region.across * region.bin_width
            inside = between(&args.image.height, down, rows, row_weight)
            inside = between(&args.image.width, across, columns, column_weight) and inside
            for i in range(4):
                tap = (4 * s + i) * POINTS + p
                taps.offset[tap] = <int32_t>(rows[i // 2] + columns[i % 2]) if inside else -1
                taps.weight[tap] = row_weight[i // 2] * column_weight[i % 2] if inside else 0


cdef inline void divide(
    float* y, dim_t y_channel, dim_t y_point, dim_t channels, dim_t points, float by
) noexcept nogil:
    cdef dim_t c, p
    for c in range(channels):
        for p in range(points):
            y[c * y_channel + p * y_point] /= by


cdef inline void keep_largest(
    float* y, dim_t y_channel, dim_t y_point, const float* found, dim_t channels, dim_t points, bint first
) noexcept nogil:
    """The larger of y and what was found, (channels, POINTS); NaN if one is."""
    cdef float value
    cdef float* at
    cdef dim_t c, p
    for c in range(channels):
        for p in range(points):
            value = found[c * POINTS + p]
            at = y + c * y_channel + p * y_point
            if first or (at[0] == at[0] and not value <= at[0]):
                at[0] = value


cdef int pool_region(
    const RegionArgs* args, const Region* region, float* y, const float* x, const Member* me
) noexcept nogil:
    cdef const Image* image = &args.image
    cdef Taps* taps = <Taps*>me.scratch
    cdef float* found = <float*>(taps + 1)
    cdef float* to
    cdef dim_t y_channel = image.y.stride[1], channels = image.x.shape[1], total = region.down * region.across
    cdef dim_t first, points, sample, samples, step = 1 if args.largest else MOST_TAPS // 4
    first = 0
    while first < image.points:
        points = min(<dim_t>POINTS, image.points - first)
        to = y + first * image.y_point
        sample = 0
        while sample < total:
            if stopped(me):
                return CANCELLED
            samples = min(step, total - sample)
            region_taps(args, region, first, points, sample, samples, taps)
            if args.largest:
                read_points(found, POINTS, 1, x, image.x.stride[1], channels, taps, 4, points, False)
                keep_largest(to, y_channel, image.y_point, found, channels, points, sample == 0)
            else:
                read_points(to, y_channel, image.y_point, x, image.x.stride[1], channels, taps, <int>(4 * samples),
                            points, sample > 0)
            sample += samples
        if not args.largest:
            divide(to, y_channel, image.y_point, channels, points, <float>total)
        first += points
    return OK


cdef int align_regions(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const RegionArgs* args = <const RegionArgs*>arguments
    cdef const Image* image = &args.image
    cdef const float* x = <const float*>address(&image.x, slots)
    cdef const float* regions = <const float*>address(&args.regions, slots)
    cdef const char* indices = address(&args.indices, slots)
    cdef float* y = <float*>address(&image.y, slots)
    cdef Region region
    cdef dim_t begin, end, at, batch
    cdef int status
    share(me, image.y.shape[0], 1, &begin, &end)
    for at in range(begin, end):
        batch = (<const int64_t*>indices)[at] if args.index_bytes == 8 else (<const int32_t*>indices)[at]
        if not 0 <= batch < image.x.shape[0]:
            return INDEX_OUT_OF_RANGE
        status = describe_region(args, regions + 4 * at, &region)
        if status == OK:
            status = pool_region(args, &region, y + at * image.y.stride[0], x + batch * image.x.stride[0], me)
        if status != OK:
            return status
    return OK


def reaches(View x):
    """True for images (N, C, H, W) of which every pixel is at an offset of 0 to 2**31 - 1 elements from the first."""
    offset = sum([(length - 1) * stride for length, stride in zip(x.shape[2:], x.strides[2:], strict=True)])
    return min(x.strides[2:]) >= 0 and offset < 2**31


cdef int describe_image(str name, Image* image, View x, View y) except -1:
    """Checks x and y, whose pixels must be as many points with one stride, and describes them."""
    if len(x.shape) != 4 or len(y.shape) != 4 or y.shape[1] != x.shape[1]:
        raise ValueError(f"{name}: expected x (N, C, H, W) and y of as many channels, got {x.shape} and {y.shape}")
    if x.dtype != np.float32 or y.dtype != np.float32:
        raise ValueError(f"{name}: expected x and y of float32, got {x.dtype.name} and {y.dtype.name}")
    if not x.size and y.size:
        raise ValueError(f"{name}: expected images with elements, got {x.shape}")
    if y.size and y.shape[2] > 1 and y.shape[3] > 1 and y.strides[2] != y.shape[3] * y.strides[3]:
        raise ValueError(f"{name}: expected the pixels of y at one distance, got strides {y.strides}")
    image.x, image.y = x.span, y.span
    image.height = Axis(x.shape[2], x.strides[2])
    image.width = Axis(x.shape[3], x.strides[3])
    image.points = y.shape[2] * y.shape[3]
    image.y_point = y.strides[3] if y.shape[3] != 1 else y.strides[2]
    if not reaches(x):
        raise ValueError(
            f"{name}: expected pixels less than 2**31 elements apart, got {x.shape} with strides {x.strides}")
    return 0


cdef class GridSample(Step):
    """y[n, c, i, j] = x[n, c] at the place grid[n, i, j]: see the operator GridSample.

    x: f32 (N, C, H, W) of any strides, fastest with channel stride 1. grid: f32 (N, h, w, 2), contiguous.
    y: f32 (N, C, h, w) whose pixels lie at one distance, apart from x. mode: of MODES; padding: of PADDINGS.
    """

    cdef GridArgs arguments

    def __init__(self, View x, View grid, View y, mode, padding, bint align_corners):
        cdef GridArgs* args = &self.arguments
        describe_image(self.name, &args.image, x, y)
        if grid.shape != (y.shape[0], y.shape[2], y.shape[3], 2) or y.shape[0] != x.shape[0]:
            raise ValueError(
                f"GridSample: expected a grid (N, h, w, 2) for x {x.shape} and y {y.shape}, got {grid.shape}")
        if grid.dtype != np.float32 or (grid.size and not grid.contiguous):
            raise ValueError(f"GridSample: expected a contiguous grid of float32, got {grid}")
        args.grid = grid.span
        args.taps, args.padding, args.align_corners = MODES[mode], PADDINGS[padding], align_corners
        self.set_width(y.size * args.taps * args.taps * ELEMENT_COST,
                       x.shape[0] * ((args.image.points + POINTS - 1) // POINTS))
        self.scratch = sizeof(Taps)
        self.reads, self.writes = (x, grid), (y,)
        self.args = args
        self.run = sample_grid


cdef class RegionAlign(Step):
    """Regions of images pooled from points between pixels: see the operator ROIAlign.

    x: f32 (N, C, H, W) of any strides, fastest with channel stride 1. regions: f32 (R, 4), indices: int32 or int64
    (R,), both contiguous. y: f32 (R, C, down, across) whose pixels lie at one distance, apart from x. samples: of a bin
    along an axis, 0 for one a pixel. offsets: (added to regions before they are scaled, added afterwards). grown: a
    region is a pixel at least. largest: of the samples of a bin, not their mean. The run fails with
    INDEX_OUT_OF_RANGE where there is no such image, and for a region without bounds.
    """

    cdef RegionArgs arguments

    def __init__(self, View x, View regions, View indices, View y, dim_t samples, float scale, offsets, bint grown,
                 bint largest):
        cdef RegionArgs* args = &self.arguments
        describe_image(self.name, &args.image, x, y)
        count = y.shape[0]
        if regions.shape != (count, 4) or indices.shape != (count,):
            raise ValueError(f"RegionAlign: expected regions and indices for y {y.shape}, "
                             f"got {regions.shape} and {indices.shape}")
        if regions.dtype != np.float32 or indices.dtype.name not in ("int32", "int64"):
            raise ValueError(f"RegionAlign: expected regions of float32 and indices of int32 or int64, "
                             f"got {regions.dtype.name} and {indices.dtype.name}")
        if count and not (regions.contiguous and indices.contiguous):
            raise ValueError(f"RegionAlign: expected contiguous regions and indices, got {regions} and {indices}")
        args.regions, args.indices = regions.span, indices.span
        args.index_bytes = indices.dtype.itemsize
        args.down, args.across = y.shape[2], y.shape[3]
        args.samples, args.scale, args.grown, args.largest = samples, scale, grown, largest
        args.before, args.after = offsets
        self.scratch = sizeof(Taps) + (POINTS * x.shape[1] * sizeof(float) if largest else 0)
        self.set_width(y.size * max(samples * samples, 1) * 4 * ELEMENT_COST, count)
        self.reads, self.writes = (x, regions, indices), (y,)
        self.args = args
        self.run = align_regions
