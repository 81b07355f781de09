"""ONNX's node cases through compiled models: what passes do and kernels compute, against what the cases expect."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import ovlite
from ovlite.frontend.onnx import read_onnx
from ovlite.graph.elements import compute_dtype
from ovlite.types import SequenceType

from .onnx_cases import array, compare, node_cases
from .test_onnx_nodes import differs

PART = 10  # one of so many cases is run always, all of them in a sweep
CASES = {name: case for name, case in node_cases().items() if not differs(name)}


def given(value: Any) -> Any:
    """An input of a case: a tensor, or a sequence of them."""
    return [array(item) for item in value] if isinstance(value, list) else array(value)


def check(case: Any, threads: int) -> None:
    model = read_onnx(case.model.SerializeToString())
    compiled = ovlite.Core().compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads})
    for inputs, expected in case.data_sets:
        request = compiled.create_infer_request()
        results = request.infer(dict(enumerate(map(given, inputs))))
        for i, (port, value) in enumerate(zip(model.outputs, expected, strict=True)):
            if isinstance(port.element_type, SequenceType):
                for found, wanted in zip(results[i], map(array, value), strict=True):
                    assert found.shape == wanted.shape
                    compare(found, wanted, port.element_type.element.name, case)
                continue
            wanted = array(value)
            tensor, element_type = request.get_output_tensor(i), port.element_type
            lacking = 0 < element_type.bitwidth < 8 or (element_type.real and element_type.size < 4)
            kind = compute_dtype(element_type) if lacking else None  # of types that numpy has not
            found = np.asarray(tensor, kind)
            assert found.shape == wanted.shape
            compare(found, wanted, element_type.name, case)


@pytest.mark.parametrize("name", list(CASES)[::PART])
def test_compiled_node_case(name: str) -> None:
    check(CASES[name], 1)


@pytest.mark.sweep
@pytest.mark.parametrize("threads", [1, min(2, os.cpu_count() or 1)])
@pytest.mark.parametrize("name", CASES)
def test_every_compiled_node_case(name: str, threads: int) -> None:
    check(CASES[name], threads)
