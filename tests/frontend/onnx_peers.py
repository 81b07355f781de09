"""Models of one operator, run here and by onnxruntime without optimizations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, TypeProto, helper, numpy_helper

import ovlite as ov

onnxruntime = pytest.importorskip("onnxruntime")

ML = "ai.onnx.ml"
Array = np.ndarray
Feeds = Mapping[str, Array]


def kind_of(array: Array) -> int:
    return TensorProto.STRING if array.dtype.kind in "OU" else helper.np_dtype_to_tensor_dtype(array.dtype)


def model_of(
    op: str,
    inputs: Feeds,
    outputs: Sequence[str],
    version: int = 3,
    *,
    domain: str = ML,
    opset: int = 20,
    shapes: Mapping[str, Any] | None = None,
    constants: Mapping[str, Array] | None = None,
    **attributes: Any,
) -> ModelProto:
    """The model of one node. constants: inputs behind the others."""
    constants = constants or {}
    node = helper.make_node(op, [*inputs, *constants], outputs, domain=domain, **attributes)
    known = shapes or {name: [None] * array.ndim for name, array in inputs.items()}
    given = [helper.make_tensor_value_info(name, kind_of(array), known[name]) for name, array in inputs.items()]
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    return graph_of(
        [node], given, [helper.make_value_info(name, TypeProto()) for name in outputs], tensors, version, opset
    )


def graph_of(
    nodes: Sequence[Any], inputs: Sequence[Any], outputs: Sequence[Any], tensors: Sequence[Any] = (), version: int = 3,
    opset: int = 20,
) -> ModelProto:  # fmt: skip
    graph = helper.make_graph(nodes, "g", inputs, outputs, tensors)
    sets = [helper.make_opsetid("", opset), helper.make_opsetid(ML, version)]
    return helper.make_model(graph, opset_imports=sets, ir_version=10)


def peer(model: ModelProto, inputs: Feeds) -> list[Any]:
    """onnxruntime's results. Its sums go tree by tree on one thread."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return list(session.run(None, inputs))


def mine(model: ModelProto, inputs: Feeds, threads: int = 2) -> list[Any]:
    read = ov.Core().read_model(model.SerializeToString())
    results = ov.compile_model(read, "CPU", {"INFERENCE_NUM_THREADS": threads})(dict(inputs))
    return [results[index] for index in range(len(results))]


def hold(model: ModelProto, inputs: Feeds, rtol: float = 2e-6, atol: float = 1e-6) -> list[Any]:
    """Compares with onnxruntime; returns the results."""
    found = mine(model, inputs)
    for mine_, theirs in zip(found, peer(model, inputs), strict=True):
        if not isinstance(theirs, np.ndarray):
            assert mine_ == theirs
        elif theirs.dtype.kind == "f":
            assert mine_.dtype == theirs.dtype
            np.testing.assert_allclose(mine_, theirs, rtol, atol)
        else:
            assert mine_.shape == theirs.shape
            np.testing.assert_array_equal(mine_, theirs)
    return found
