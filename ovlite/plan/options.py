"""How a model is to be made ready."""

from __future__ import annotations

from .. import kernels
from ..records import dataclass
from ..types import Type


def compute_types() -> tuple[Type, ...]:
    """The element types in which this processor has kernels for sums of products, at the level in use."""
    return (Type.f32, Type.bf16, Type.i8) if fast_products("bf16") else (Type.f32, Type.i8)


def fast_products(products: str) -> bool:
    """Whether this processor multiplies f32 faster by way of `products`, such as "bf16x3", at the level in use."""
    kernel = kernels.family("matmul_weights").kernel_for("f32", "f32", products)
    return kernel is not None and kernel.gain() > 1


@dataclass(frozen=True)
class Precision:
    """How sums of products may be computed; without more they are plain sums of IEEE f32 products.

    winograd: by Winograd's algorithm too, whose rounding errors are a few times larger than those of plain sums, but
    below 1e-5 of the output's largest magnitude, or 2e-5 where many follow each other. integers: where a model
    quantizes the operands, in exact integers. products: of bf16 where the processor has a kernel that is faster so:
    "bf16x6" of three to an operand, with the errors of f32; "bf16x3" of two, with errors of about 5e-6 of a product and
    6e-5 of a model's outputs; or "bf16" of one. emulated: such kernels may emulate what the processor lacks; for tests.
    flush_denormals: with denormal numbers taken for zeros, as operands and as results.
    """

    winograd: bool = False
    integers: bool = False
    products: str | None = None
    emulated: bool = False
    flush_denormals: bool = False


@dataclass(frozen=True)
class Options:
    """precision: what kernels may be chosen. cache_bytes: memory that plans for other input shapes may
    take. memory_limit: bytes that one tensor, and the buffers of one plan, may take.
    """

    precision: Precision = Precision()
    cache_bytes: int = 16 << 20
    memory_limit: int = 1 << 62
