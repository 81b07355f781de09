"""Quantised models: the light models as onnxruntime's quantiser makes them, which needs onnxruntime."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from . import models

Arrays = Mapping[str, np.ndarray[Any, Any]]
FORMS = ("QDQ", "QDQ per channel", "QOperator", "dynamic")
NAMES = ("resnet50", "squeezenet", "shufflenet", "inception_v1")
OPSET = 13  # from which DequantizeLinear takes a scale for each channel


class _Reader:
    """A few inputs for the calibration of ranges."""

    def __init__(self, inputs: Arrays) -> None:
        self._inputs: Iterator[Arrays] = iter([inputs])

    def get_next(self) -> Arrays | None:
        return next(self._inputs, None)


@cache
def load(name: str, form: str) -> bytes:
    """A light model with seeded weights in one of FORMS, as the bytes of an ONNX file."""
    return quantized(onnx.load_model_from_string(models.load(name)), models.inputs_for(name), form)


def quantized(model: onnx.ModelProto, inputs: Arrays, form: str) -> bytes:
    """A model in one of FORMS; its inputs are those by which ranges are calibrated."""
    from onnxruntime import quantization as q

    with tempfile.TemporaryDirectory() as folder:
        source, target = str(Path(folder, "model.onnx")), str(Path(folder, "quantised.onnx"))
        onnx.save(onnx.version_converter.convert_version(model, OPSET), source)
        if form == "dynamic":
            q.quantize_dynamic(source, target, op_types_to_quantize=["MatMul", "Gemm"])
        else:
            written = q.QuantFormat.QOperator if form == "QOperator" else q.QuantFormat.QDQ
            q.quantize_static(
                source, target, _Reader(inputs), quant_format=written,
                per_channel=form == "QDQ per channel", activation_type=q.QuantType.QUInt8,
                weight_type=q.QuantType.QInt8,
            )  # fmt: skip
        return Path(target).read_bytes()
