"""Typical user code; mypy --strict checks it, nothing runs it."""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import ovlite as ov
from ovlite import opset13, runtime
from ovlite.preprocess import ColorFormat, PrePostProcessor, ResizeAlgorithm
from ovlite.properties import hint

Array = npt.NDArray[Any]


def infer(path: Path, image: Array) -> Array:
    core = ov.Core()
    assert_type(runtime.Core(), ov.Core)
    assert_type(core.available_devices, list[str])
    model = core.read_model(path)
    assert_type(model, ov.Model)
    compiled = core.compile_model(model, "CPU", {hint.performance_mode: hint.PerformanceMode.LATENCY})
    assert_type(compiled, ov.CompiledModel)
    port = compiled.output(0)
    assert_type(port, ov.ConstOutput)
    assert_type(port.any_name, str)
    assert_type(port.shape, ov.Shape)
    assert_type(port.partial_shape, ov.PartialShape)
    assert_type(port.element_type, ov.Type)
    assert_type(compiled([image])[port], Array)
    return compiled({"x": image})[0]


def request(compiled: ov.CompiledModel, image: Array) -> Array:
    infer_request = compiled.create_infer_request()
    assert_type(infer_request, ov.InferRequest)
    infer_request.set_input_tensor(ov.Tensor(image, shared_memory=True))
    results = infer_request.infer()
    for value in results.values():
        assert_type(value, Array)
    infer_request.start_async({0: image}, share_inputs=True)
    infer_request.wait()
    for state in infer_request.query_state():
        state.reset()
        assert_type(state.name, str)
    tensor = infer_request.get_output_tensor()
    assert_type(tensor, ov.Tensor)
    assert_type(tensor.get_size(), int)
    return tensor.data


def queue(compiled: ov.CompiledModel, images: list[Array]) -> dict[int, Array]:
    found: dict[int, Array] = {}

    def keep(done: ov.InferRequest, index: int) -> None:
        found[index] = done.get_output_tensor(0).data.copy()

    requests = ov.AsyncInferQueue(compiled, 2)
    requests.set_callback(keep)
    for index, image in enumerate(images):
        requests.start_async({0: image}, index)
    requests.wait_all()
    return found


def preprocess(model: ov.Model) -> ov.Model:
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC")).set_color_format(ColorFormat.BGR)
    steps.input().preprocess().convert_element_type(ov.Type.f32).resize(ResizeAlgorithm.RESIZE_LINEAR)
    steps.input().model().set_layout(ov.Layout("NCHW"))
    steps.output(0).tensor().set_element_type(ov.Type.f32)
    built = steps.build()
    assert_type(built, ov.Model)
    return built


def build() -> ov.Model:
    x = opset13.parameter(ov.PartialShape([-1, 4]), np.float32, name="x")
    assert_type(x, ov.op.Parameter)
    weights = opset13.constant(np.ones((4, 2), np.float32))
    product = opset13.matmul(x, weights, False, False)
    assert_type(product, ov.Node)
    assert_type(product.output(0), ov.Output)
    model = ov.Model([opset13.relu(product)], [x], "small")
    model.reshape([1, 4])
    model.reshape({"x": ov.PartialShape([1, 4])})
    assert_type(model.input(0), ov.Output)
    ov.save_model(model, "small.xml")
    return model
