"""The compiler's passes: small rewrites of a model before plans are made of it, in this order.

Each pass takes a model that is its own to change and keeps what it computes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...graph import Model
from ...records import replace
from .activations import recognize_activations
from .affine import fold_affine
from .attention import recognize_attention
from .bodies import check_parts, take_constants
from .compression import compress_weights
from .einsum import lower_einsum
from .epilogues import fuse_epilogues
from .fake_quantization import integers_of_fake_quantization
from .folding import fold_all_but_bytes, fold_constants
from .normalization import recognize_normalization
from .precision import compute_in_f32
from .quantization import recognize_quantization
from .quantized_products import quantize_products
from .simplify import simplify

PASSES: tuple[Callable[[Model], None], ...] = (
    compute_in_f32,
    lower_einsum,
    fold_all_but_bytes,
    integers_of_fake_quantization,
    simplify,
    recognize_quantization,
    quantize_products,
    compress_weights,
    fold_constants,
    simplify,
    fold_constants,
    recognize_normalization,
    recognize_activations,
    recognize_attention,
    fold_affine,
    fuse_epilogues,
)
OF_INTEGERS = (integers_of_fake_quantization, recognize_quantization, quantize_products)


def run_passes(model: Model, upto: int | None = None, *, integers: bool = True) -> None:
    """Applies the passes, or the first `upto` of them, to the model and to the bodies of its operators.

    integers: products of numbers that a model quantizes may be computed in integers.
    """
    with np.errstate(all="ignore"):  # passes look at what they compute
        for change in PASSES[:upto]:
            if integers or change not in OF_INTEGERS:
                change(model)
    for node in model.get_ordered_ops():
        bodies = {name: value.clone() for name, value in node.op.attributes().items() if isinstance(value, Model)}
        check_parts(node)
        for body in bodies.values():
            take_constants(node, body)
            run_passes(body, upto, integers=integers)
        if bodies:
            node.op = replace(node.op, **bodies)
