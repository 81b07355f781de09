"""Whole models for tests: where they are, and what onnxruntime makes of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from bench import models

# Models of the packages with sizes at which numpy is quick: name, dims for `inputs_for`.
PACKAGE_CASES = [
    ("ch_ppocr_mobile_v2.0_cls_mobile", {"width": 96}),
    ("PP-OCRv6_det_small", {"height": 96, "width": 64}),
    ("PP-OCRv6_rec_small", {"width": 64}),
    ("silero_vad", {"rate": 16000}),
    ("silero_vad", {"rate": 8000}),
    ("silero_vad_16k_op15", {"rate": 16000}),
    ("silero_vad_16k_sequence", {"length": 3}),
    ("silero_vad_half", {"rate": 16000}),
    ("silero_vad_op18_ifless", {"rate": 16000}),
    ("silero_vad_op18_ifless", {"rate": 8000}),
    ("silero_vad_openvino_16k", {}),
]


@cache
def _packages() -> dict[str, Path] | str:
    try:
        return models.package_models()
    except models.Unavailable as error:
        return str(error)


def package_model(name: str) -> Path:
    """The file of a package's model; skips the test when it can't be had."""
    found = _packages()
    if isinstance(found, str):
        pytest.skip(found)
    if name not in found:
        pytest.skip(f"the packages' versions here have no {name}; they have {sorted(found)}")
    return found[name]


def peer_outputs(source: bytes | Path, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs of onnxruntime by name, computed with one thread; skips the test when it is not installed."""
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(source if isinstance(source, bytes) else str(source), options)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def assert_near(found: np.ndarray, expected: np.ndarray, scale: float = 1e-4) -> None:
    """Equal up to `scale` times the greatest magnitude: what sums of f32 in another order may differ by."""
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=scale * max(float(np.abs(expected).max(initial=0)), 1e-6))
