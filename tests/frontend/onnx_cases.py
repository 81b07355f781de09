"""ONNX's own test cases of single operators, and how a case is run."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

from ovlite.frontend.onnx import read_onnx
from ovlite.graph import Model
from ovlite.graph.elements import as_bytes, as_text, compute_dtype, sequence
from ovlite.ops.interpreter import evaluate_model
from ovlite.types import OptionalType, PartialShape, SequenceType, Type

from .. import golden

# What an output of these types may be off by: a unit in the last place more than rounding it, since
# halves are computed in f32 here and step by step in the halves there.
RELATIVE = {"f16": 2**-9, "bf16": 2**-6}


def node_cases() -> dict[str, Any]:
    """All cases by name without "test_"."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return {case.name.removeprefix("test_"): case for case in collect_testcases(None)}


def array(value: Any) -> np.ndarray:
    """A tensor of a case; its data sets hold arrays, scalars and TensorProtos."""
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def evaluate(model: Model, inputs: list[Any]) -> list[np.ndarray]:
    """The outputs by numpy alone, in the dtypes that are computed in."""
    arrays = [computed(value, port.element_type) for port, value in zip(model.inputs, inputs, strict=True)]
    return evaluate_model(model, arrays)


def computed(value: Any, element_type: Type) -> np.ndarray:
    """A tensor, a sequence or an optional of a case as it is computed with."""
    if isinstance(element_type, SequenceType):
        return sequence([computed(item, element_type.element) for item in items(value, element_type)])
    found = array(value)
    return as_bytes(found) if found.dtype.kind in "OUS" else found.astype(compute_dtype(element_type))


def peer_outputs(content: bytes, inputs: dict[str, np.ndarray], *call: Any) -> list[np.ndarray]:
    """The outputs of onnxruntime, the recorded ones where it is not installed.

    call: what names the model among recorded ones; its bytes differ from one version of onnx to the next.
    """

    def run() -> list[np.ndarray]:
        onnxruntime = importlib.import_module("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        return list(session.run(None, inputs))

    here = importlib.util.find_spec("onnxruntime") is not None
    return golden.outputs(golden.digest(*call, *inputs.values()), run if here else None)


def fixed(case: Any) -> bytes:
    """The bytes of a case's model with all inputs but the first as initializers, of its first data set."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    for value, content in list(zip(model.graph.input, case.data_sets[0][0], strict=True))[1:]:
        tensor = content if isinstance(content, onnx.TensorProto) else numpy_helper.from_array(array(content))
        model.graph.initializer.add().CopyFrom(tensor)
        model.graph.initializer[-1].name = value.name
    del model.graph.input[1:]
    return bytes(model.SerializeToString())


def of_tensors(case: Any) -> bool:
    """Whether all inputs of a case are tensors."""
    return all(value.type.HasField("tensor_type") for value in case.model.graph.input)


@contextmanager
def without_onnx() -> Iterator[None]:
    """What is imported here finds no onnx package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "onnx", None)
        yield


def check(case: Any, content: bytes | Model) -> None:
    """Reads a case's model and compares outputs, and inferred types and shapes, with what the case expects."""
    model = content if isinstance(content, Model) else read_onnx(content)
    for inputs, expected in case.data_sets:
        outputs = evaluate(model, inputs[: len(model.inputs)])
        assert len(outputs) == len(expected)
        names = [value.name for value in case.model.graph.output]
        for port, name, found, wanted in zip(model.outputs, names, outputs, expected, strict=True):
            assert port.names == {name}
            for mine, theirs, kind in tensors(found, wanted, port.element_type):
                assert port.partial_shape.relaxes(PartialShape(theirs.shape)), f"inferred {port}, found {theirs.shape}"
                assert mine.shape == theirs.shape
                compare(mine, theirs, kind.name, case)


def items(value: Any, kind: SequenceType) -> list[Any]:
    """What a sequence or an optional of a case holds."""
    return ([] if value is None else [value]) if isinstance(kind, OptionalType) else list(value)


def tensors(found: Any, wanted: Any, kind: Type) -> Iterator[tuple[np.ndarray, np.ndarray, Type]]:
    """Tensors that a result holds, those that are expected, and their type."""
    if isinstance(kind, SequenceType):
        for mine, theirs in zip(found, items(wanted, kind), strict=True):
            yield from tensors(mine, theirs, kind.element)
    else:
        yield found, array(wanted), kind


def compare(found: np.ndarray, wanted: np.ndarray, element_type: str, case: Any) -> None:
    if wanted.dtype.kind in "OUS":
        assert as_text(found) == as_text(wanted)
        return
    assert _matches(element_type, wanted.dtype.name), f"{element_type} for {wanted.dtype}"
    relative = max(case.rtol, RELATIVE.get(element_type, 0.0))
    absolute = max(case.atol, 1e-6 if element_type in RELATIVE else 0.0)
    kind = found.dtype if found.dtype.kind in "biuf" else np.dtype(np.float32)
    np.testing.assert_allclose(found.astype(kind), wanted.astype(kind), rtol=relative, atol=absolute)


def _matches(element_type: str, dtype: str) -> bool:
    """Whether an element type is that of a numpy or ml_dtypes dtype, by name."""
    names = {
        "bool": "boolean", "bfloat16": "bf16", "float8_e4m3fn": "f8e4m3", "float8_e5m2": "f8e5m2",
        "float8_e8m0fnu": "f8e8m0", "float8_e4m3fnuz": "f8e4m3fnuz", "float8_e5m2fnuz": "f8e5m2fnuz",
        "float4_e2m1fn": "f4e2m1",
    }  # fmt: skip
    short = dtype.replace("uint", "u").replace("int", "i").replace("float", "f")
    return element_type == names.get(dtype, short)
