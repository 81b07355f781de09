"""Translations of ONNX operators: TRANSLATIONS is the one list of all of them."""

from __future__ import annotations

from ..call import Translation
from . import (
    constants,
    control,
    convolution,
    detection,
    elementwise,
    indexing,
    matrix,
    microsoft,
    ml,
    normalization,
    quantization,
    recurrent,
    reduction,
    resize,
    sequences,
    shape,
    signal,
    text,
    training,
)

FAMILIES = (
    constants, control, convolution, detection, elementwise, indexing, matrix, normalization, quantization, recurrent,
    reduction, resize, sequences, shape, signal, text,
)  # fmt: skip

# By domain and operator type.
TRANSLATIONS: dict[tuple[str, str], Translation] = {
    **{("", name): translation for family in FAMILIES for name, translation in family.OPERATORS.items()},
    **{("", name): translation for name, translation in microsoft.UNNAMED.items()},
    **{("ai.onnx.preview.training", name): translation for name, translation in training.OPERATORS.items()},
    **{("ai.onnx.ml", name): translation for name, translation in ml.OPERATORS.items()},
    **{("com.microsoft", name): translation for name, translation in microsoft.OPERATORS.items()},
}
