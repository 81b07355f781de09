"""Whole models that onnxruntime's quantizer made, against onnxruntime without its optimizer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import onnx
import pytest

import ovlite
from bench import models, quantized
from ovlite import kernels

from .support import package_model

NEAR = 0.99  # of outputs, within one step of the last quantization: what a value next to a tie moves before that
FAR = 0.05  # of outputs that are shares of 1: what such values may add up to
REAL = 1e-5  # the same where quantization is of operands alone, and so is each sum exact
STEP = 1 / 255  # of the light models' outputs, which are shares of 1
QUICK = [("squeezenet", "QDQ per channel"), ("shufflenet", "QOperator"), ("shufflenet", "dynamic")]
WHOLE = [(name, form) for name in quantized.NAMES for form in quantized.FORMS]
READERS = [("PP-OCRv6_rec_small", 320), ("ch_ppocr_mobile_v2.0_cls_mobile", None)]


def part(cases: list[tuple[str, str]], kept: list[tuple[str, str]]) -> list[Any]:
    """The cases, all but `kept` in a sweep alone."""
    return [case if case in kept else pytest.param(*case, marks=pytest.mark.sweep) for case in cases]


@pytest.fixture(params=kernels.available_levels())
def every_level(request: pytest.FixtureRequest) -> Iterator[str]:
    before = kernels.level()
    kernels.use_level(request.param)
    yield request.param
    kernels.use_level(before)


@lru_cache(maxsize=1)
def expected(content: bytes, name: str, width: int | None = None) -> np.ndarray:
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options)
    return np.asarray(session.run(None, inputs_for(name, width))[0])


def inputs_for(name: str, width: int | None) -> dict[str, np.ndarray]:
    return dict(models.inputs_for(name, dims=None if width is None else {"width": width}))


def results(content: bytes, name: str, width: int | None = None) -> np.ndarray:
    """Equal for one thread and two."""
    core, inputs = ovlite.Core(), inputs_for(name, width)
    found = [
        core.compile_model(core.read_model(content), "CPU", {"INFERENCE_NUM_THREADS": threads})(inputs)[0]
        for threads in (1, 2)
    ]
    np.testing.assert_array_equal(*found)
    return np.asarray(found[0])


@pytest.mark.parametrize("name, form", part(WHOLE, QUICK))
def test_light_models(every_level: str, name: str, form: str) -> None:
    pytest.importorskip("onnxruntime")
    content = quantized.load(name, form)
    peer = expected(content, name)
    found = results(content, name)
    apart = np.abs(found - peer)
    if form == "dynamic":
        assert apart.max() <= REAL * np.abs(peer).max()
    assert (apart <= 1.01 * STEP).mean() >= NEAR and apart.max() <= FAR
    assert found.argmax() == peer.argmax()


@lru_cache(maxsize=1)
def reader(name: str, form: str, width: int | None) -> bytes:
    """A package's model, quantized."""
    return quantized.quantized(onnx.load(package_model(name)), inputs_for(name, width), form)


@pytest.mark.sweep
@pytest.mark.parametrize("form", quantized.FORMS)
@pytest.mark.parametrize("name, width", READERS)
def test_readers_of_text_read_the_same(every_level: str, name: str, width: int | None, form: str) -> None:
    pytest.importorskip("onnxruntime")
    content = reader(name, form, width)
    peer, found = expected(content, name, width), results(content, name, width)
    assert found.shape == peer.shape
    assert (found.argmax(-1) == peer.argmax(-1)).all()
    assert (np.abs(found - peer) <= FAR).mean() >= NEAR
