"""LSTM layers whose products are of bytes, which passes make of those that ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Type
from .recurrent import LSTMSequence

DYNAMIC_QUANTIZATION = "dynamic_quantization"  # in the run-time information of an LSTMSequence that asks for it
STEPS = np.float32(127)  # of bytes, to the largest magnitude of a row


def rounded_rows(x: Array) -> Array:
    """Rows rounded to 127 steps of either sign, up to the largest magnitude of each."""
    most = np.abs(x).max(axis=-1, keepdims=True, initial=0)
    inverse = np.divide(STEPS, most, out=np.zeros_like(most), where=most != 0)
    return np.asarray(np.rint(x * inverse) * (most / STEPS), x.dtype)


@dataclass(frozen=True)
class QuantizedLSTM(LSTMSequence):
    """An LSTM over time, whose inputs and states are rounded to bytes, row by row, before they are multiplied.

    Inputs: as of LSTMSequence, but with W and R of i8; then the scales of their rows [D, 4 * H].
    """

    type = "QuantizedLSTM"
    opset = "ovlite"
    inputs: ClassVar[tuple[str, ...]] = (*LSTMSequence.inputs, "W_scales", "R_scales")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        given = [Argument(Type.f32, argument.shape) if i in (4, 5) else argument for i, argument in enumerate(inputs)]
        return super().infer(given[:7])

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, hidden, cell, lengths, weights, recurrence, bias, *scales = inputs
        weights, recurrence = (
            array.astype(np.float32) * scale[..., np.newaxis]
            for array, scale in zip((weights, recurrence), scales, strict=True)
        )
        return super().evaluate(rounded_rows(data), hidden, cell, lengths, weights, recurrence, bias)

    def step(self, inputs: Array, states: Sequence[Array], recurrence: Array, bias: Array) -> list[Array]:
        hidden, cell = states
        return super().step(inputs, [rounded_rows(hidden), cell], recurrence, bias)
