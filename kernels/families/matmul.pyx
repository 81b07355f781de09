# cython: wraparound=True
"""Matrix products: the function `matmul` for numpy arrays, and the step MatMul for plans."""

from math import prod

import numpy as np

from ovlite.kernels.runtime.block cimport Block
from ovlite.kernels.runtime.step cimport Member, View, alone, check_status, first_element, strided_view
from ovlite.kernels.runtime.checks import check_f32
from ovlite.kernels.runtime.strides import broadcast_strides
from ovlite.kernels.runtime.transforms import int8_parts

from .matmul_driver cimport MatmulStep, run_matmul
from .matmul_kernels cimport FEW_COMPRESSED_ROWS, NO_OFFSET
from .matmul_space cimport place_of
from .matmul_weights cimport CompressedWeights, Kernel, PackedWeights
from .matmul_weights import KERNELS, compressed_kernel, kernel_for
from .requantization import check_types

FEW_ROWS = FEW_COMPRESSED_ROWS


def matrix_kernels():
    """The rows of the level's table of matrix kernels that this process can run, better ones later; with those that
    emulate instructions, which are for tests."""
    return [kernel for kernel in KERNELS if kernel.permitted()]


def matmul(const float[:, :] a not None, const float[:, :] b not None, float[:, :] out=None, *, bias=None,
           activation=None):
    """activation(a @ b + bias), the product that plans run, on the calling thread and without the GIL.

    a: f32 (M, K). b: f32 (K, N). Both of any strides. out: f32 (M, N) with its columns side by side, apart from a
    and b; a new array when None. bias: f32 (N,). activation: see activation.pxd.
    Returns out. Raises ValueError where shapes, strides or element types don't fit.
    """
    cdef MatMul step
    cdef Member me
    cdef Block scratch
    cdef char* slots[3]
    cdef int status
    if out is None:
        out = np.empty((a.shape[0], b.shape[1]), np.float32)
    step = MatMul(strided_view(0, "f4", a.shape, a.strides, 2), strided_view(1, "f4", b.shape, b.strides, 2),
                  strided_view(2, "f4", out.shape, out.strides, 2), bias=bias, activation=activation)
    slots[0], slots[1], slots[2] = first_element(a), first_element(b), first_element(out)
    scratch = Block(step.scratch)
    me = alone(scratch.data)
    with nogil:
        status = run_matmul(&step.matmul, slots, &me)
    check_status("matmul", status)
    return np.asarray(out)


def pack(weights, Kernel kernel=None):
    """Packs constant weights, an f32 array (K, N), for MatMul; several plans may share the result.

    kernel: the one to pack for; the level's best for f32 when None.
    """
    weights = np.asarray(weights, np.float32)
    if weights.ndim != 2:
        raise ValueError(f"expected weights of shape (K, N), got {weights.shape}")
    return PackedWeights(kernel or kernel_for("f32", "f32"), weights[None, None])


cdef class MatMul(MatmulStep):
    """y = activation(a @ b + bias + residual), all f32.

    a: (..., M, K). b: (..., K, N), or None with constant `weights`: an array (K, N), pack() of one, or
    CompressedWeights.
    y: (..., M, N) with N stride 1; its batch dimensions are those of a and b broadcast together.
    bias: array (N,). residual: View that broadcasts to y. activation: see activation.pxd.

    Operands may have any strides. K is read in place where its stride in `a` is 1. kernel: a row of the level's
    table for a run-time b; the best for f32 when None.
    """

    def __init__(self, View a not None, View b, View y not None, *, weights=None, bias=None, View residual=None,
                 activation=None, Kernel kernel=None):
        check_f32(a=a, b=b, y=y, residual=residual)
        if (b is None) == (weights is None):
            raise ValueError("MatMul takes either a run-time b or constant weights")
        if len(a.shape) < 2 or len(y.shape) < 2 or (b is not None and len(b.shape) < 2):
            raise ValueError(f"MatMul takes matrices: {self.operands(a, b, y)}")
        ready = weights is None or isinstance(weights, (PackedWeights, CompressedWeights))
        packed = weights if ready else pack(weights, kernel)
        inner = (packed.depth, packed.columns) if packed is not None else b.shape[-2:]
        if a.shape[-1] != inner[0] or y.shape[-2:] != (a.shape[-2], inner[1]):
            raise ValueError(f"shapes do not fit: {self.operands(a, b, y)}, weights {inner}")
        if y.size and y.shape[-1] > 1 and y.strides[-1] != 1:
            raise ValueError(f"y has a column stride of {y.strides[-1]}; MatMul writes columns side by side")
        self.describe(a, b, y, packed, residual, kernel)
        self.set_epilogue(y, bias, residual, activation)
        self.reads = tuple([view for view in (a, b, residual) if view is not None])
        self.writes = (y,)
        self.finish(a.size * 4)

    def operands(self, a, b, y):
        return f"a {a.shape}, b {None if b is None else b.shape}, y {y.shape}"

    def describe(self, View a, View b, View y, packed, View residual, Kernel kernel):
        """Sets the kernel, the rows, the panels and what is common to all tiles."""
        cdef int size
        compressed = isinstance(packed, CompressedWeights)
        if compressed:
            few = prod(y.shape[:-1]) <= FEW_ROWS
            self.set_kernel(compressed_kernel(packed.bits) if few else kernel_for("f32", "f32"), y)
        else:
            self.set_kernel(packed.kernel if packed is not None else kernel or kernel_for("f32", "f32"), y)
        size = self.matmul.a_size
        outer = y.shape[:-2]
        a_strides = broadcast_strides(a, (*outer, *a.shape[-2:]), "a")
        b_strides = broadcast_strides(b, y.shape if b is None else (*outer, *b.shape[-2:]), "b")
        r_strides = broadcast_strides(residual, y.shape, "residual")
        r_size = 4 if residual is None else residual.dtype.itemsize
        if r_strides[-1] not in (0, 1):
            raise ValueError(f"residual has a column stride of {r_strides[-1]}; MatMul reads columns side by side")
        dims = [
            (length, a_step * size, b_step * self.matmul.b_size, y_step * self.matmul.y_size, r_step * r_size)
            for length, a_step, b_step, y_step, r_step in zip(
                y.shape, a_strides, b_strides, y.strides, r_strides, strict=True)
        ]
        batch, (length, _, _, y_step, r_step) = dims[:-2], dims[-2]
        row = (length, a_strides[-2] * size, 0, y_step, r_step)
        self.matmul.a = place_of(a)
        self.matmul.y = place_of(y)
        self.matmul.tile.k_stride = size if a.shape[-1] == 1 else a.strides[-1] * size
        self.matmul.tile.taps = 1 if packed is None or compressed else packed.taps
        self.matmul.tile.depth = a.shape[-1]
        self.matmul.tile.offset = NO_OFFSET
        self.matmul.tile.residual_step = r_strides[-1] * r_size
        if compressed:
            self.set_compressed(packed)
        elif packed is not None:
            self.set_weights(packed)
        else:
            self.matmul.b = place_of(b)
            self.matmul.b_k_stride, self.matmul.b_n_stride = [by * self.matmul.b_size for by in b_strides[-2:]]
        self.set_columns(1, y.shape[-1])
        shared = not any(b_strides[:-2])
        self.set_rows([] if shared else batch, [*batch, row] if shared else [row], True)


def pack_int8(weights, Kernel kernel=None):
    """Packs constant weights (K, N) for QuantizedMatMul; several plans may share the result.

    weights: i8; or i16 from -256 to 255, which are multiplied as sums of signed bytes.
    kernel: the one to pack for; the level's best for u8 by i8 when None.
    """
    weights = np.asarray(weights)
    if weights.ndim != 2:
        raise ValueError(f"expected weights of shape (K, N), got {weights.shape}")
    return PackedWeights(kernel or kernel_for("u8", "i8"), np.stack(int8_parts(weights))[None])


cdef class QuantizedMatMul(MatMul):
    """y = results of (a @ weights + shifts), exact integer sums; requantization.Requantizer tells of which results.

    a: u8 (..., M, K), K side by side. weights: array (K, N) that pack_int8() takes, or that of one. shifts: i32 (N,),
    such as a quantized bias less the zero point of `a` times the sums of the weights' columns. y: (..., M, N) with N
    stride 1, of f32, u8 or i8. residual: View that broadcasts to y, for a stage that adds it. zero_point: View of one
    u8 where that of `a` is known at run time only; `a` less it is multiplied then. column_sums: i32 (N,), the sums of
    the weights' columns, with a zero_point. results: what else Requantizer takes. What lies behind a row of `a` is
    read, up to a multiple of the kernel's read_block, and has no part in the result.

    weights may be a View that is known at run time only, i16 (..., K, N), as `a` is then: differences of bytes, of any
    strides. y's batch dimensions are those of both broadcast together.
    """

    def __init__(self, View a not None, View y not None, *, weights, View residual=None, View zero_point=None,
                 column_sums=None, **results):
        cdef View b = weights if isinstance(weights, View) else None
        cdef PackedWeights packed = None
        if b is None:
            packed = weights if isinstance(weights, PackedWeights) else pack_int8(weights)
        check_types(a, y, b)
        inner = b.shape[-2:] if b is not None else (packed.depth, packed.columns)
        if len(a.shape) < 2 or len(inner) < 2 or a.shape[-1] != inner[0] or y.shape[-2:] != (a.shape[-2], inner[1]):
            raise ValueError(f"shapes do not fit: {self.operands(a, b, y)}, weights {inner}")
        if y.size and y.shape[-1] > 1 and y.strides[-1] != 1:
            raise ValueError(f"y has a column stride of {y.strides[-1]}; MatMul writes columns side by side")
        self.describe(a, b, y, packed, residual, None if b is None else kernel_for("i16", "i16"))
        self.set_epilogue(y, None, residual, None)
        self.set_requantization(y, residual, results)
        self.reads = tuple([view for view in (a, b, residual) if view is not None])
        self.writes = (y,)
        self.finish(a.size * self.matmul.a_size)
        self.set_zero_point(zero_point, column_sums)
