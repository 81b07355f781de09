"""The compiler's passes: small rewrites of a model before plans are made of it, in this order.

Each pass takes a model that is its own to change and keeps what it computes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...graph import Model
from ...graph.model import has_bodies
from ...graph.order import changes
from ...imports import load
from ...records import replace
from .match import MATRIX_TYPES

_FACTORS = frozenset({"Multiply", "Divide"})
_INTEGERS = frozenset({"u8", "i8"})


class Pass(NamedTuple):
    """A pass, whose module is imported when a model needs it.

    needs: types of operators; without one of each set there is nothing to do. bytes: nor without tensors of bytes.
    integers: products of numbers that a model quantizes become integers by it.
    """

    module: str
    name: str
    needs: tuple[frozenset[str], ...] = ()
    bytes: bool = False
    integers: bool = False

    def __call__(self, model: Model) -> None:
        getattr(load(f".{self.module}", __name__), self.name)(model)


PASSES = (
    Pass("precision", "compute_in_f32"),
    Pass("einsum", "lower_einsum", (frozenset({"Einsum"}),)),
    Pass("folding", "fold_all_but_bytes"),
    Pass("fake_quantization", "integers_of_fake_quantization", (frozenset({"FakeQuantize"}),), integers=True),
    Pass("simplify", "simplify"),
    Pass("quantization", "recognize_quantization", bytes=True, integers=True),
    Pass("quantized_products", "quantize_products", bytes=True, integers=True),
    Pass("quantized_recurrent", "quantize_layers", (frozenset({"LSTMSequence"}),), bytes=True, integers=True),
    Pass(
        "compression",
        "compress_weights",
        (frozenset({"MatMul", "Gather"}), frozenset({"Convert", "Dequantize"})),
        bytes=True,
    ),
    Pass("folding", "fold_constants"),
    Pass("simplify", "simplify"),
    Pass("folding", "fold_constants"),
    Pass("padding", "skip_padding", (frozenset({"Convolution", "GroupConvolution"}),)),
    Pass("normalization", "recognize_normalization", (frozenset({"Sqrt", "Power", "MVN"}),)),
    Pass("activations", "recognize_activations", (_FACTORS, frozenset({"Sigmoid", "Clamp", "Erf", "Tanh"}))),
    Pass("attention", "recognize_attention", (frozenset({"MatMul"}), frozenset({"Softmax"}))),
    Pass("affine", "fold_affine", (MATRIX_TYPES, _FACTORS | {"Add", "Subtract"})),
    Pass("epilogues", "fuse_epilogues"),
)


class _Content:
    """What types of operators and of elements are in a model, and which passes left it as it was."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._change: object = None
        self._idle: dict[Pass, object] = {}
        self.operators: set[str] = set()
        self.elements: set[str] = set()

    def needs(self, change: Pass) -> bool:
        """Return whether the pass may find something to do."""
        if self._idle.get(change) is changes.last:
            return False
        if (change.needs or change.bytes) and self._change is not changes.last:
            nodes = self._model.get_ordered_ops()
            self.operators = {node.op.type for node in nodes}
            self.elements = {output.element_type.name for node in nodes for output in node.outputs()}
            self._change = changes.last
        if change.bytes and self.elements.isdisjoint(_INTEGERS):
            return False
        return not any(self.operators.isdisjoint(group) for group in change.needs)

    def apply(self, change: Pass) -> None:
        before = changes.last
        change(self._model)
        if changes.last is before:
            self._idle[change] = before


def run_passes(model: Model, upto: int | None = None, *, integers: bool = True) -> None:
    """Applies the passes, or the first `upto` of them, to the model and to the bodies of its operators.

    integers: products of numbers that a model quantizes may be computed in integers.
    """
    with np.errstate(all="ignore"), model.order_kept():  # passes look at what they compute
        content = _Content(model)
        for change in PASSES[:upto]:
            if (integers or not change.integers) and content.needs(change):
                content.apply(change)
    for node in model.get_ordered_ops():
        if not has_bodies(node.op):
            continue
        from .bodies import check_parts, take_constants

        bodies = {name: value.clone() for name, value in node.op.attributes().items() if isinstance(value, Model)}
        check_parts(node)
        for body in bodies.values():
            take_constants(node, body)
            run_passes(body, upto, integers=integers)
        if bodies:
            node.op = replace(node.op, **bodies)
