# cython: wraparound=True
"""Convolutions of f32 images whose channels lie side by side, as matrix products with a tap per kernel element.

Nothing is copied: the pixels under a kernel element are rows of a matrix, read where they lie. Zero
padding is read from memory too: an image that a window can leave has a border of zeros around it, as
wide as convolution_border() and transpose_border() say.
"""

import itertools
import math

import numpy as np

from ovlite.kernels.runtime.step cimport OK, Member, Step, View, dim_t

from . import depthwise
from .product cimport Packed, Product, ProductStep, multiply
from .product import broadcast_strides, check_f32, fold
from .winograd import TransformedWeights, Winograd, winograd_tile


def pack(weights, groups=1, winograd=0):
    """Packs weights, an f32 array (Cout, Cin / groups, *kernel), for Convolution.

    winograd: winograd_tile() of the convolution, to do it that way; such weights fit 3 x 3 windows at stride 1.
    """
    weights = np.asarray(weights, np.float32)
    columns, depth, *kernel = weights.shape
    if columns % groups:
        raise ValueError(f"weights of shape {weights.shape} can't be divided into {groups} groups")
    if groups > 1 and depth * groups == columns and depthwise.group_fits(depth):
        return depthwise.Packed(weights)
    if winograd:
        return TransformedWeights(weights, winograd)
    shape = (groups, columns // groups, depth, math.prod(kernel))
    return Packed(weights.reshape(shape).transpose(0, 3, 2, 1), tuple(kernel))


def phases(kernel, strides, dilations, pads_begin):
    """The phases of a transposed convolution: output pixels whose index has the same remainder by the stride.

    Output o takes kernel element k from input (o + pad - k * dilation) / stride where that is whole. So the
    outputs o = p + q * stride are a convolution of stride 1, with every few kernel elements, last one first.

    Gives, for each phase, a tuple with (p, list of kernel elements, range of the inputs they take, relative
    to q) for each spatial dimension.
    """
    dims = []
    for size, stride, dilation, pad in zip(kernel, strides, dilations, pads_begin, strict=True):
        dim = []
        for p in range(stride):
            elements = [k for k in range(size) if (p + pad - k * dilation) % stride == 0][::-1]
            inputs = [(p + pad - k * dilation) // stride for k in elements]
            gap = dilation // math.gcd(dilation, stride)
            taps = range(inputs[0], inputs[-1] + 1, gap) if inputs else range(0)
            dim.append((p, elements, taps))
        dims.append(dim)
    return list(itertools.product(*dims))


class Phases:
    """Weights packed for ConvolutionTranspose: those of each phase of the output.

    weights: f32 array (Cin, Cout / groups, *kernel). nbytes: memory held.
    """

    def __init__(self, weights, strides, dilations, pads_begin, groups=1):
        weights = np.asarray(weights, np.float32)
        depth, columns, *kernel = weights.shape
        if depth % groups:
            raise ValueError(f"weights of shape {weights.shape} can't be divided into {groups} groups")
        self.phases = phases(kernel, strides, dilations, pads_begin)
        self.packed = []
        for phase in self.phases:
            part = weights
            for axis, (_, elements, _) in enumerate(phase, 2):
                part = part.take(elements, axis)
            taken = part.shape[2:]
            part = part.reshape(groups, depth // groups, columns, math.prod(taken))
            self.packed.append(Packed(part.transpose(0, 3, 1, 2), taken))
        self.nbytes = sum([part.nbytes for part in self.packed])


def convolution_border(shape, output_shape, kernel, strides, dilations, pads_begin):
    """(begin, end) pixels of zeros that Convolution reads around an image, for each spatial dimension.

    shape, output_shape: of the spatial dimensions of x and y.
    """
    return [
        (pad if out else 0, max(0, (out - 1) * stride + (size - 1) * dilation - pad + 1 - have) if out else 0)
        for have, out, size, stride, dilation, pad in zip(
            shape, output_shape, kernel, strides, dilations, pads_begin, strict=True)
    ]


def transpose_border(shape, output_shape, kernel, strides, dilations, pads_begin):
    """(begin, end) pixels of zeros that ConvolutionTranspose reads around an image, for each spatial dimension.

    shape, output_shape: of the spatial dimensions of x and y.
    """
    border = [(0, 0)] * len(shape)
    for phase in phases(kernel, strides, dilations, pads_begin):
        for axis, (p, _, taps) in enumerate(phase):
            count = phase_size(output_shape[axis], p, strides[axis])
            if count and taps:
                begin, end = border[axis]
                border[axis] = (max(begin, -taps[0]), max(end, count + taps[-1] - shape[axis]))
    return border


def phase_size(size, p, stride):
    """How many of `size` outputs have remainder p by the stride."""
    return max(0, (size - p + stride - 1) // stride)


def check_images(View x, View y, packed, View residual, groups):
    check_f32(x=x, y=y, residual=residual)
    rank = len(packed.kernel)
    if not 1 <= rank <= 3 or len(x.shape) != rank + 2 or len(y.shape) != rank + 2:
        raise ValueError(f"x {x.shape} and y {y.shape} do not fit a kernel {packed.kernel}; "
                         "a convolution has 1 to 3 spatial dimensions")
    if packed.groups != groups:
        raise ValueError(f"weights packed for {packed.groups} groups, not {groups}")
    if x.shape[0] != y.shape[0] or x.shape[1] != groups * packed.depth or y.shape[1] != groups * packed.columns:
        raise ValueError(f"x {x.shape} and y {y.shape} do not fit weights of {groups} groups of "
                         f"{packed.depth} to {packed.columns} channels")
    for name, view in (("x", x), ("y", y), ("residual", residual)):
        if view is not None and view.size and view.shape[1] > 1 and view.strides[1] != 1:
            raise ValueError(
                f"{name} has a channel stride of {view.strides[1]}; convolutions take channels side by side")


cdef class Windows(ProductStep):
    """y[q] = activation(bias + residual + sum over taps t of x[q * strides + t] @ weights[t]).

    taps: a range of input positions for each spatial dimension.
    """

    def __init__(self, View x, View y, Packed packed, taps, strides, bias, View residual, activation):
        cdef Product* p = &self.product
        self.keep = []
        r_strides = [0] * len(y.shape) if residual is None else broadcast_strides(residual, y.shape, "residual")
        steps = [x.strides[0], *[stride * by for stride, by in zip(x.strides[2:], strides, strict=True)]]
        rows = list(zip(
            (y.shape[0], *y.shape[2:]), steps, [0] * len(steps), (y.strides[0], *y.strides[2:]),
            (r_strides[0], *r_strides[2:]), strict=True))
        self.set_taps(x, packed.depth, taps)
        p.a = x.span
        p.y = y.span
        p.k_stride = 1
        p.group_a = packed.depth
        p.tile.residual_step = r_strides[1]
        self.set_weights(packed)
        self.set_columns(packed.groups, packed.columns)
        self.set_rows([], rows)
        self.set_epilogue(y, bias, residual, activation)
        self.reads = (x,) if residual is None else (x, residual)
        self.writes = (y,)
        self.finish(x.size * 4)

    cdef int set_taps(self, View x, dim_t depth, taps) except -1:
        """Taps that follow each other in memory make one longer tap."""
        walks = [(len(places), places.step * stride) for places, stride in zip(taps, x.strides[2:], strict=True)]
        inner = fold([*walks, (depth, 1)]) or [(1, 1)]
        run = inner.pop()[0] if inner[-1][1] == 1 else 1
        start = sum([places.start * stride for places, stride in zip(taps, x.strides[2:], strict=True)])
        offsets = np.full(1, start, np.intp)
        for size, stride in inner:
            offsets = np.add.outer(offsets, np.arange(size, dtype=np.intp) * stride).reshape(-1)
        self.keep.append(offsets)
        self.product.tile.taps = len(offsets)
        self.product.tile.depth = run
        self.product.tile.offset = <const dim_t*><size_t>offsets.__array_interface__["data"][0]
        return 0


cdef class Convolution(Windows):
    """y = activation(convolution(x, weights) + bias + residual), all f32.

    x: (N, Cin, *spatial), y: (N, Cout, *spatial), of 1 to 3 spatial dimensions and channel stride 1.
    weights: array (Cout, Cin / groups, *kernel) or pack() of one. bias: array (Cout,). residual: View that
    broadcasts to y, of channel stride 1. strides, dilations, pads_begin: for each spatial dimension; what the
    windows reach beyond x must be zeros in memory, see convolution_border(). winograd: allows Winograd's
    algorithm, where it is faster, with output tiles of at most that side, 2 or 4; see winograd.h.
    """

    def __init__(self, View x not None, View y not None, *, weights, strides, dilations, pads_begin, bias=None,
                 groups=1, View residual=None, activation=None, winograd=0):
        packed = weights
        if not isinstance(weights, (Packed, depthwise.Packed, TransformedWeights)):
            packed = pack(weights, groups, winograd_tile(
                np.shape(weights), y.shape, strides, dilations, groups, winograd))
        if isinstance(packed, depthwise.Packed):
            self.stand_for(depthwise.Depthwise(
                x, y, weights=packed, strides=strides, dilations=dilations, pads_begin=pads_begin, bias=bias,
                residual=residual, activation=activation))
            return
        check_images(x, y, packed, residual, groups)
        if isinstance(packed, TransformedWeights):
            self.stand_for(Winograd(x, y, packed, pads_begin, bias, residual, activation))
            return
        taps = [range(-pad, size * gap - pad, gap)
                for size, gap, pad in zip(packed.kernel, dilations, pads_begin, strict=True)]
        super().__init__(x, y, packed, taps, strides, bias, residual, activation)

    cdef int stand_for(self, Step step) except -1:
        """Lets another kernel's step do the work."""
        self.keep = step
        self.run = step.run
        self.args = step.args
        self.width = step.width
        self.scratch = step.scratch
        self.reads = step.reads
        self.writes = step.writes
        self.flops = step.flops
        return 0


cdef struct Parts:
    int count
    const Product** products


cdef int multiply_parts(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const Parts* parts = <const Parts*>arguments
    cdef int i, status = OK
    for i in range(parts.count):
        if status == OK:
            status = multiply(parts.products[i], slots, me)
    return status


cdef class ConvolutionTranspose(Step):
    """The transpose of a convolution of y's shape to x's, all f32; a convolution for each phase of the output.

    x: (N, Cin, *spatial), y: (N, Cout, *spatial), of 1 to 3 spatial dimensions and channel stride 1.
    weights: array (Cin, Cout / groups, *kernel) or Phases() of one. bias: array (Cout,).
    strides, dilations, pads_begin: of that convolution. What transpose_border() says around x must be zeros.
    """

    cdef Parts parts
    cdef readonly object flops

    def __init__(self, View x not None, View y not None, *, weights, strides, dilations, pads_begin, bias=None,
                 groups=1, activation=None):
        if not isinstance(weights, Phases):
            weights = Phases(weights, strides, dilations, pads_begin, groups)
        steps = []
        for phase, part in zip(weights.phases, weights.packed, strict=True):
            check_images(x, y, part, None, groups)
            shape = [phase_size(size, p, by) for size, by, (p, _, _) in zip(y.shape[2:], strides, phase, strict=True)]
            start = sum([p * stride for stride, (p, _, _) in zip(y.strides[2:], phase, strict=True)])
            target = y.like(
                (*y.shape[:2], *shape),
                (*y.strides[:2], *[stride * by for stride, by in zip(y.strides[2:], strides, strict=True)]),
                y.offset + 4 * start)
            taps = [places for _, _, places in phase]
            steps.append(Windows(x, target, part, taps, [1] * len(taps), bias, None, activation))
        self.combine(steps)
        self.reads = (x,)
        self.writes = (y,)

    def combine(self, steps):
        cdef Windows step
        table = np.empty(max(len(steps), 1), np.uintp)
        for index, step in enumerate(steps):
            table[index] = <size_t>&step.product
        self.keep = [steps, table]
        self.parts.count = len(steps)
        self.parts.products = <const Product**><size_t>table.__array_interface__["data"][0]
        self.flops = sum([step.flops for step in steps])
        self.width = max([step.width for step in steps], default=1)
        self.args = &self.parts
        self.run = multiply_parts
