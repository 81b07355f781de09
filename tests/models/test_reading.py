"""Whole ONNX models, read and evaluated by numpy, against onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

from bench import models
from ovlite.frontend.onnx import read_onnx
from ovlite.graph import Model
from ovlite.graph.elements import compute_dtype
from ovlite.ops.interpreter import evaluate_model

from .support import PACKAGE_CASES, assert_near, package_model, peer_outputs

QUICK = ("shufflenet", "squeezenet")  # by numpy, in about a second


def evaluate(model: Model, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    arrays = [inputs[port.any_name].astype(compute_dtype(port.element_type)) for port in model.inputs]
    return dict(zip([port.any_name for port in model.outputs], evaluate_model(model, arrays), strict=True))


@pytest.mark.parametrize("name", models.light_models())
def test_light_model_has_its_ports(name: str) -> None:
    model = read_onnx(models.light_models()[name])
    assert [str(port.partial_shape) for port in model.inputs] == ["[1,3,224,224]"]
    assert model.outputs[0].partial_shape.to_shape()[1] == 1000
    assert model.friendly_name == "onnx_Frontend_IR"


@pytest.mark.parametrize("name", QUICK)
def test_light_model_gives_what_onnxruntime_gives(name: str) -> None:
    content, inputs = models.load(name), models.inputs_for(name)
    expected = peer_outputs(content, inputs)
    for key, found in evaluate(read_onnx(content), inputs).items():
        assert_near(found, expected[key])


@pytest.mark.parametrize("name", [name for name in models.light_models() if name not in ("vgg19", "zfnet512")])
@pytest.mark.sweep
def test_every_light_model_gives_what_onnxruntime_gives(name: str) -> None:
    test_light_model_gives_what_onnxruntime_gives(name)


def test_light_models_tell_classes_apart() -> None:
    scores = peer_outputs(models.load("shufflenet"), models.inputs_for("shufflenet"))
    (found,) = scores.values()
    assert np.isfinite(found).all() and len(np.unique(found)) > 900 and found.max() < 0.99


def test_light_models_depend_on_the_seed_alone() -> None:
    assert models.load("shufflenet", 3) == models.load("shufflenet", 3)
    assert models.load("shufflenet", 3) != models.load("shufflenet", 4)


@pytest.mark.parametrize(("name", "dims"), PACKAGE_CASES, ids=str)
def test_package_model_gives_what_onnxruntime_gives(name: str, dims: dict[str, int]) -> None:
    path = package_model(name)
    inputs = models.inputs_for(name, dims=dims)
    expected = peer_outputs(path, inputs)
    model = read_onnx(path)
    assert {port.any_name for port in model.inputs} == set(inputs)
    for key, found in evaluate(model, inputs).items():
        assert_near(found, expected[key])
