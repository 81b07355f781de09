"""A drawn model in all the ways in which it can come to run."""

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import ovlite as ov
from ovlite.frontend.ir import to_bytes

from ..kernels.drawing import drawn_model

Array = np.ndarray[Any, np.dtype[Any]]

MOST_COMPARED = 1e36  # beyond it the order of additions decides which sums are infinite


def check_drawn(kind: Callable[[Any], Any], rng: np.random.Generator) -> None:
    """Draws a model, and compares what it gives in all ways with numpy: threads change no bit, the rest the last ones.

    kind: one of drawing.KINDS. What operators refuse is passed over.
    """
    found = drawn_model(kind, rng)
    if found is None:
        return
    model, values, (expected,) = found
    expected = np.asarray(expected)
    finite = bool(np.isfinite(expected).all())
    config = {} if finite else {"INFERENCE_PRECISION_HINT": "f32"}  # Winograd's algorithm spreads infinities
    first = _result(model, values, {**config, "INFERENCE_NUM_THREADS": 1})
    np.testing.assert_array_equal(_result(model, values, {**config, "INFERENCE_NUM_THREADS": 2}), first)
    largest = np.abs(expected).max(initial=1, where=np.isfinite(expected))
    if largest > MOST_COMPARED:
        return
    for way, result in [("static", first), *_others(model, values, config)]:
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=2e-5 * largest, err_msg=way)
        assert result.dtype == expected.dtype and result.shape == expected.shape, way


def _others(model: ov.Model, values: list[Array], config: dict[str, Any]) -> Iterator[tuple[str, Array]]:
    """(how, result) of the model read from what is written of it, pickled, imported, of unknown and of known shapes."""
    document, weights = map(bytes, to_bytes(model))
    yield "written and read", _result(ov.Core().read_model(document, weights), values, config)
    yield "pickled", _result(pickle.loads(pickle.dumps(model)), values, config)
    exported = ov.compile_model(model, "CPU", config).export_model()
    yield "imported", np.asarray(ov.Core().import_model(exported, "CPU")(values)[0])
    dynamic = model.clone()
    try:
        dynamic.reshape({i: [-1] * value.ndim for i, value in enumerate(values)})
    except RuntimeError:  # an operator needs to know more
        return
    yield "of unknown sizes", _result(dynamic, values, config)
    dynamic.reshape({i: list(value.shape) for i, value in enumerate(values)})
    yield "reshaped", _result(dynamic, values, config)


def _result(model: ov.Model, values: list[Array], config: dict[str, Any]) -> Array:
    return np.asarray(ov.compile_model(model, "CPU", config)(values)[0])
