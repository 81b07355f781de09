"""Matrix products."""

from __future__ import annotations

from ....graph import Output
from ....types import Type
from ..build import converted, one, ops, reshaped, typed
from ..call import Call, Translated, Translation


def matmul(call: Call) -> Translated:
    return ops.matmul(call.input(0), call.input(1), False, False)


def gemm(call: Call) -> Output:
    """alpha * A' * B' + beta * C."""
    left, right, addend = call.input(0), call.input(1), call.optional(2)
    alpha, beta = call.decimal("alpha", 1.0), call.decimal("beta", 1.0)
    product = one(ops.matmul(left, right, call.flag("transA"), call.flag("transB")))
    if alpha != 1.0:
        product = one(ops.multiply(product, typed(alpha, product)))
    if addend is None or beta == 0.0:
        return product
    if beta != 1.0:
        addend = one(ops.multiply(addend, typed(beta, addend)))
    return one(ops.add(product, addend))


def einsum(call: Call) -> Translated:
    return ops.einsum(call.present(), call.text("equation").replace(" ", ""))


def matmul_integer(call: Call) -> Translated:
    """(A - zero point) * (B - zero point) as i32; zero points are single, or one a row of A or a column of B.

    Computed in f32 where the elements of B show that no sum leaves the integers that f32 holds.
    """
    from .quantization import centred, stays_exact

    left, right = call.input(0), call.input(1)
    left_zero, right_zero = call.optional(2), call.optional(3)
    kind = Type.f32 if stays_exact(right, right_zero, axis=-2) else Type.i32
    a = centred(left, None if left_zero is None else _a_row(left_zero), kind)
    return converted(one(ops.matmul(a, centred(right, right_zero, kind), False, False)), Type.i32)


def _a_row(zero: Output) -> Output:
    """A zero point for each row as a column; one for the whole tensor as it is."""
    from .quantization import known_rank

    if known_rank(zero) == 1 and zero.partial_shape[0] != 1:
        return reshaped(zero, [-1, 1])
    return zero


OPERATORS: dict[str, Translation] = {
    "Einsum": einsum,
    "Gemm": gemm,
    "MatMul": matmul,
    "MatMulInteger": matmul_integer,
}
