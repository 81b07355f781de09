# cython: wraparound=True
"""Matrix products of f32."""

import numpy as np

from ovlite.kernels.runtime.step cimport View

from .product cimport NO_OFFSET, Packed, ProductStep
from .product import broadcast_strides, check_f32


def pack(weights):
    """Packs constant weights, an f32 array (K, N), for MatMul; several plans may share the result."""
    weights = np.asarray(weights)
    if weights.ndim != 2:
        raise ValueError(f"weights of shape {weights.shape}: MatMul packs a (K, N) matrix")
    return Packed(weights[None, None])


cdef class MatMul(ProductStep):
    """y = activation(a @ b + bias + residual), all f32.

    a: (..., M, K). b: (..., K, N), or None with constant `weights`: an array (K, N) or pack() of one.
    y: (..., M, N) with N stride 1; its batch dimensions are those of a and b broadcast together.
    bias: array (N,). residual: View that broadcasts to y. activation: see activation.pxd.

    Operands may have any strides. K is read in place where its stride in `a` is 1.
    """

    def __init__(self, View a not None, View b, View y not None, *, weights=None, bias=None, View residual=None,
                 activation=None):
        self.keep = []
        check_f32(a=a, b=b, y=y, residual=residual)
        if (b is None) == (weights is None):
            raise ValueError("MatMul takes either a run-time b or constant weights")
        if len(a.shape) < 2 or len(y.shape) < 2 or (b is not None and len(b.shape) < 2):
            raise ValueError(f"MatMul takes matrices: {self.operands(a, b, y)}")
        packed = None if weights is None else weights if isinstance(weights, Packed) else pack(weights)
        inner = (packed.depth, packed.columns) if packed is not None else b.shape[-2:]
        if a.shape[-1] != inner[0] or y.shape[-2:] != (a.shape[-2], inner[1]):
            raise ValueError(f"shapes do not fit: {self.operands(a, b, y)}, weights {inner}")
        if y.size and y.shape[-1] > 1 and y.strides[-1] != 1:
            raise ValueError(f"y has a column stride of {y.strides[-1]}; MatMul writes columns side by side")
        self.describe(a, b, y, packed, residual)
        self.set_epilogue(y, bias, residual, activation)
        self.reads = tuple([view for view in (a, b, residual) if view is not None])
        self.writes = (y,)
        self.finish(a.size * 4)

    def operands(self, a, b, y):
        return f"a {a.shape}, b {None if b is None else b.shape}, y {y.shape}"

    def describe(self, View a, View b, View y, packed, View residual):
        """Sets the rows, the panels and what is common to all tiles."""
        outer = y.shape[:-2]
        a_strides = broadcast_strides(a, (*outer, *a.shape[-2:]), "a")
        b_strides = [0] * len(y.shape) if b is None else broadcast_strides(b, (*outer, *b.shape[-2:]), "b")
        r_strides = [0] * len(y.shape) if residual is None else broadcast_strides(residual, y.shape, "residual")
        if r_strides[-1] not in (0, 1):
            raise ValueError(f"residual has a column stride of {r_strides[-1]}; MatMul reads columns side by side")
        dims = list(zip(y.shape, a_strides, b_strides, y.strides, r_strides, strict=True))
        batch, (size, a_stride, _, y_stride, r_stride) = dims[:-2], dims[-2]
        row = (size, a_stride, 0, y_stride, r_stride)
        self.product.a = a.span
        self.product.y = y.span
        self.product.k_stride = 1 if a.shape[-1] == 1 else a.strides[-1]
        self.product.tile.taps = 1
        self.product.tile.depth = a.shape[-1]
        self.product.tile.offset = NO_OFFSET
        self.product.tile.residual_step = r_strides[-1]
        if packed is not None:
            self.set_weights(packed)
        else:
            self.product.b = b.span
            self.product.b_k_stride, self.product.b_n_stride = b_strides[-2:]
        self.set_columns(1, y.shape[-1])
        shared = not any(b_strides[:-2])
        self.set_rows([] if shared else batch, [*batch, row] if shared else [row])
