"""What a call costs besides the inference: an Add of four numbers, in each form of the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from .libraries import api

X = np.ones((1, 4), np.float32)


class Subject:
    """A model x + 1 in ovlite or openvino, with what the forms of a call need."""

    def __init__(self, library: str) -> None:
        self.module = api(library)
        ops = __import__(f"{library}.opset13", fromlist=["opset13"])
        x = ops.parameter([1, 4], np.float32, name="x")
        model = self.module.Model([ops.add(x, np.ones((1, 4), np.float32))], [x], "add")
        self.compiled = self.module.Core().compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1})
        self.compiled(X)
        self.request = self.compiled.create_infer_request()
        self.request.infer(X)
        self.queue = self.module.AsyncInferQueue(self.compiled, 1)
        self.tensor = self.module.Tensor(X.copy())

    def start_and_wait(self) -> Any:
        self.request.start_async(X, share_inputs=True)
        self.request.wait()
        return self.request.get_output_tensor().data

    def queue_and_wait(self) -> None:
        self.queue.start_async(X, share_inputs=True)
        self.queue.wait_all()


FORMS: dict[str, Callable[[Subject], Callable[[], Any]]] = {
    "compiled(x)": lambda s: lambda: s.compiled(X),
    "compiled(x)[0]": lambda s: lambda: s.compiled(X)[0],
    "compiled(x, share_outputs=True)": lambda s: lambda: s.compiled(X, share_outputs=True),
    "compiled(x, share_inputs=False)": lambda s: lambda: s.compiled(X, share_inputs=False),
    "compiled({0: x})": lambda s: lambda: s.compiled({0: X}),
    "compiled([x])": lambda s: lambda: s.compiled([X]),
    "compiled(tensor)": lambda s: lambda: s.compiled(s.tensor),
    "compiled()": lambda s: s.compiled,
    "compiled.infer_new_request(x)": lambda s: lambda: s.compiled.infer_new_request(X),
    "request.infer(x)": lambda s: lambda: s.request.infer(X),
    "request.infer(x, share_inputs=True)": lambda s: lambda: s.request.infer(X, share_inputs=True),
    "request.infer()": lambda s: s.request.infer,
    "request.start_async(x), wait, data": lambda s: s.start_and_wait,
    "queue.start_async(x), wait_all": lambda s: s.queue_and_wait,
}


@pytest.mark.parametrize("form", FORMS)
def test_call(benchmark: Any, form: str, openvino_like: str) -> None:
    benchmark.group = form
    benchmark(FORMS[form](Subject(openvino_like)))
