"""Other runtimes, in a process of their own: one of them may end it, or never answer."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

PEERS = ("onnxruntime", "reference", "openvino")
PATIENCE = 20.0  # seconds for an answer


class Refused(Exception):
    """A peer can't read or carry out a model."""


class Peers:
    """The process; it starts when it is first asked, and again after it has died."""

    def __init__(self) -> None:
        self._process: Any = None
        self._pipe: Any = None

    def run(self, peer: str, content: bytes, inputs: dict[str, Any], names: list[str]) -> list[Any]:
        """The outputs of a model. Raises Refused with the peer's text."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        self._pipe.send((peer, content, inputs, names))
        try:
            if not self._pipe.poll(PATIENCE):
                raise EOFError
            kind, answer = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            self.close()
            raise Refused(f"{peer} died or did not answer") from None
        if kind == "error":
            raise Refused(answer)
        found: list[Any] = answer
        return found

    def _start(self) -> None:
        self._pipe, theirs = Pipe()
        number = theirs.fileno()
        self._process = subprocess.Popen([sys.executable, __file__, str(number)], pass_fds=[number])
        theirs.close()

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._pipe.close()
            self._process = None


@cache
def peers() -> Peers:
    return Peers()


def serve(pipe: Any) -> None:
    """Answers questions until the pipe closes."""
    os.environ["ALLOW_RELEASED_ONNX_OPSET_ONLY"] = "0"
    np.seterr(all="ignore")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    runners = {"onnxruntime": _onnxruntime, "reference": _reference, "openvino": _openvino}
    while True:
        try:
            peer, content, inputs, names = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(("results", runners[peer](content, inputs, names)))
        except BaseException as error:  # whatever a peer raises is its answer
            pipe.send(("error", f"{type(error).__name__}: {error}"[:500]))


def _onnxruntime(content: bytes, inputs: dict[str, Any], names: list[str]) -> list[Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return list(session.run(names, inputs))


def _reference(content: bytes, inputs: dict[str, Any], names: list[str]) -> list[Any]:
    import onnx
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    model = onnx.load_from_string(content)
    results = [np.asarray(result) for result in ReferenceEvaluator(model).run(names, inputs)]
    inferred = onnx.shape_inference.infer_shapes(model).graph.output
    for result, value in zip(results, inferred, strict=True):
        kind = value.type.tensor_type.elem_type
        if kind and result.dtype.kind not in "OUS" and helper.tensor_dtype_to_np_dtype(kind) != result.dtype:
            raise Refused(f"the reference gives {result.dtype}, which is not the output's type")
    return results


@cache
def _core() -> Any:
    import openvino

    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1})
    return core


def _openvino(content: bytes, inputs: dict[str, Any], names: list[str]) -> list[Any]:
    compiled = _core().compile_model(_core().read_model(content), "CPU")
    results = compiled(inputs)
    return [np.array(results[name]) for name in names]


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
