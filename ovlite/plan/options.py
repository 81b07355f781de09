"""How a model is to be made ready."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """threads: members of the team that runs a plan, the caller included.

    precision: "f32" for IEEE f32 multiply-adds throughout; "fast" also takes algorithms of f32 whose
    rounding errors are a few times larger, but below 1e-5 of the output's largest magnitude.
    flush_denormals: kernels take denormal numbers for zeros, as operands and as results.
    cache_bytes: memory that cached plans for other input shapes may hold.
    """

    threads: int = 1
    precision: str = "f32"
    flush_denormals: bool = False
    cache_bytes: int = 64 << 20
