"""LSTM layers that ask for dynamic quantization multiply bytes."""

from __future__ import annotations

import numpy as np

from ...graph import Model, Node, Output
from ...graph.operator import Array
from ...ops.quantized_recurrent import DYNAMIC_QUANTIZATION, QuantizedLSTM
from .making import literal
from .match import constant
from .quantization import dequantized


def quantize_layers(model: Model) -> None:
    """LSTMSequence with DYNAMIC_QUANTIZATION becomes QuantizedLSTM where its weights are constant signed bytes."""
    for node in model.get_ordered_ops():
        if node.op.type == "LSTMSequence" and node.info.get(DYNAMIC_QUANTIZATION):
            _quantize(node)


def _quantize(node: Node) -> None:
    pairs = [_codes(source) for source in node.sources[4:6]]
    if pairs[0] is None or pairs[1] is None:
        return
    codes, scales = zip(*(pair for pair in pairs if pair is not None), strict=True)
    op = QuantizedLSTM(**node.op.attributes())
    sources = [*node.sources[:4], *map(literal, codes), node.sources[6], *map(literal, scales)]
    made = Node(op, sources, node.friendly_name)
    for old, new in zip(node.outputs(), made.outputs(), strict=True):
        old.replace(new)


def _codes(weights: Output) -> tuple[Array, Array] | None:
    """Weights [D, 4 * H, K] as signed bytes, and the scale of each row."""
    real = dequantized(weights)
    codes = None if real is None or real.dynamic is not None else constant(real.data)
    if real is None or codes is None or codes.dtype != np.int8 or real.zero.any():
        return None
    rows = codes.shape[:2]
    if real.scale.ndim not in (0, 3) or real.scale.shape[2:] not in ((), (1,)):
        return None
    return codes, np.array(np.broadcast_to(real.scale, (*rows, 1))[..., 0], np.float32, order="C")
