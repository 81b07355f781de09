"""Small models for tests of passes, and what a pass makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ovlite import opset13 as ops
from ovlite.graph import Model, Output
from ovlite.ops.interpreter import evaluate_model

Array = np.ndarray
SILENT = ("Parameter", "Constant", "Result")


def random(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape, np.float32)


def parameter(*shape: int, dtype: Any = np.float32) -> Any:
    """A parameter; -1 for a dynamic dimension."""
    return ops.parameter(list(shape), dtype)


def model_of(results: Any, *parameters: Any) -> Model:
    return Model(results if isinstance(results, list) else [results], list(parameters), "model")


def types(model: Model) -> list[str]:
    """The types of a model's operators in order, without those that compute nothing."""
    return [node.op.type for node in model.get_ordered_ops() if node.op.type not in SILENT]


def count(model: Model, kind: str) -> int:
    return Counter(types(model))[kind]


def inputs_of(model: Model, lengths: Sequence[int] = (2, 3, 4, 5)) -> list[Array]:
    """Random inputs; a dynamic dimension at place i has lengths[i]."""
    shapes = [
        tuple(dim.min_length if dim.is_static else lengths[i] for i, dim in enumerate(port.partial_shape.dims))
        for port in model.inputs
    ]
    return [random(*shape, seed=i) for i, shape in enumerate(shapes)]


def rewritten(
    model: Model, *passes: Callable[[Model], None], inputs: Sequence[Array] | None = None, tolerance: float = 2e-6
) -> Model:
    """A copy of the model after the passes. It computes the same, up to `tolerance` times the greatest output."""
    arrays = inputs_of(model) if inputs is None else list(inputs)
    expected = evaluate_model(model.clone(), arrays)
    changed = model.clone()
    with np.errstate(all="ignore"):  # as run_passes() does
        for change in passes:
            change(changed)
    found = evaluate_model(changed, arrays)
    for node in changed.get_ordered_ops():  # types that passes know are those that are inferred
        inferred = node.inferred([source.argument() for source in node.sources])
        assert [(out.element_type, out.partial_shape) for out in node.outputs()] == [tuple(kind) for kind in inferred]
    for one, other, port, before in zip(found, expected, changed.outputs, model.outputs, strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
        limit = tolerance * max(float(np.abs(other[np.isfinite(other)]).max(initial=0)), 1e-30)
        np.testing.assert_allclose(one, other, rtol=0, atol=limit)
        assert port.partial_shape == before.partial_shape
        assert port.names == before.names
    return changed


def node_of(output: Output | Any, kind: str) -> Any:
    """The one node of a type in a model."""
    (found,) = [node for node in output.get_ordered_ops() if node.op.type == kind]
    return found
