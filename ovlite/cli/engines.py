"""Engines that a model is compared on: ovlite, and its peers where they are installed and asked for by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from ..graph.lookup import port_names
from ..runtime.core import Core
from .arguments import Arguments, UsageError
from .measure import configuration, read_model

Run = Callable[[Sequence[Any]], dict[str, Any]]
NAMES = ("ovlite", "openvino", "onnxruntime")


def load(engine: str, arguments: Arguments) -> Run:
    """A function from the inputs in the model's order to the outputs by name. Raises UsageError."""
    if engine == "ovlite":
        return _openvino_like(Core().compile_model(read_model(arguments), "CPU", configuration(arguments)))
    try:
        peer = import_module(engine)
    except ImportError:
        raise UsageError(f"{engine} is not installed: pip install {engine}") from None
    if arguments.model is None:
        raise UsageError(f"{engine} reads models from files; name one")
    try:
        return _openvino(peer, arguments) if engine == "openvino" else _onnxruntime(peer, arguments)
    except Exception as error:  # each peer has exceptions of its own
        raise UsageError(f"{engine} can't load {arguments.model!r}: {error}") from None


def _openvino(peer: Any, arguments: Arguments) -> Run:
    config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    if arguments.threads is not None:
        config["INFERENCE_NUM_THREADS"] = str(arguments.threads)
    return _openvino_like(peer.Core().compile_model(arguments.model, "CPU", config))


def _openvino_like(compiled: Any) -> Run:
    names = port_names(compiled.outputs)
    return lambda inputs: dict(zip(names, compiled(list(inputs)).values(), strict=True))


def _onnxruntime(peer: Any, arguments: Arguments) -> Run:
    options = peer.SessionOptions()
    options.log_severity_level = 4
    if arguments.threads is not None:
        options.intra_op_num_threads = arguments.threads
    session = peer.InferenceSession(arguments.model, options, providers=["CPUExecutionProvider"])
    inputs, outputs = ([port.name for port in ports] for ports in (session.get_inputs(), session.get_outputs()))

    def run(arrays: Sequence[Any]) -> dict[str, Any]:
        found = session.run(None, dict(zip(inputs, arrays, strict=True)))
        return {name: np.asarray(array) for name, array in zip(outputs, found, strict=True)}

    return run
