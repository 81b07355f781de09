"""The libraries that are measured side by side, behind one function: ovlite and its peers, as far as installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

Source = bytes | Path
Inputs = Mapping[str, np.ndarray[Any, Any]]
Run = Callable[[Inputs], Any]


def api(name: str) -> Any:
    """The module "ovlite" or "openvino", which are called alike."""
    return __import__(name)


def _openvino_like(name: str, default: Mapping[str, str]) -> Callable[[Source, int, str], Run]:
    def load(source: Source, threads: int, mode: str) -> Run:
        core = api(name).Core()
        model = core.read_model(source)
        hint = default if mode == "default" else {"INFERENCE_PRECISION_HINT": mode}
        compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, **hint})
        names = {name for port in compiled.inputs for name in port.names}
        return lambda inputs: compiled({key: value for key, value in inputs.items() if key in names})

    return load


def _onnxruntime(source: Source, threads: int, mode: str) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(source if isinstance(source, bytes) else str(source), options)
    names = {port.name for port in session.get_inputs()}
    return lambda inputs: session.run(None, {key: value for key, value in inputs.items() if key in names})


MODES = ("default", "f32", "bf16")  # of precision, where a library has them
LOADERS: dict[str, Callable[[Source, int, str], Run]] = {
    "ovlite": _openvino_like("ovlite", {}),
    "openvino": _openvino_like("openvino", {"INFERENCE_PRECISION_HINT": "f32"}),  # its own default may be bf16
    "onnxruntime": _onnxruntime,
}


def installed() -> list[str]:
    """Names of the libraries that can be imported."""
    return [name for name in LOADERS if find_spec(name)]


def load(library: str, source: Source, threads: int, mode: str = "default") -> Run:
    """A model made ready to run by a library: a function from inputs by name to that library's results. mode: one of
    MODES; by default results are as accurate as those of f32."""
    return LOADERS[library](source, threads, mode)
