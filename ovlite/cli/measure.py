"""Runs a model and takes times."""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..frontend.ir import serialize
from ..graph import Model
from ..graph.constants import weight_bytes
from ..graph.lookup import port_names
from ..runtime.compiled_model import CompiledModel
from ..runtime.core import Core
from ..runtime.infer_queue import AsyncInferQueue
from ..runtime.profiling import least_times
from .arguments import Arguments, UsageError
from .files import read_archive
from .inputs import make_all_inputs
from .progress import Progress

PROFILED = 10  # runs whose steps are timed
PERCENTILES = {"min": 0, "median": 50, "p90": 90, "p99": 99, "max": 100}

Arrays = Sequence[npt.NDArray[Any]]


def measure(arguments: Arguments) -> dict[str, Any]:
    """All that is measured, by name; times in milliseconds. Raises UsageError for what can't be read or run."""
    model, read_ms = _timed(lambda: read_model(arguments))
    core, config = Core(), configuration(arguments)
    compiled, compile_ms = _timed(partial(core.compile_model, model, "CPU", config))
    inputs = make_all_inputs(compiled.inputs, arguments)
    first, first_ms = _timed(partial(_first, compiled, inputs[0]))
    compared = _outputs(compiled, first, arguments)
    run = _queue if arguments.api == "async" else _calls
    latencies, seconds = run(compiled, inputs, arguments)
    result = {
        "model": arguments.model or model.friendly_name,
        "inputs": _tensors(compiled, inputs[0]),
        "input_sets": len(inputs),
        "api": arguments.api,
        "hint": config["PERFORMANCE_HINT"].lower(),
        "precision": arguments.precision,
        "threads": compiled.get_property("INFERENCE_NUM_THREADS"),
        "streams": compiled.get_property("NUM_STREAMS"),
        "read_ms": read_ms,
        "compile_ms": compile_ms,
        "first_ms": first_ms,
        "iterations": len(latencies),
        "seconds": seconds,
        "per_second": len(latencies) / seconds,
        "latency_ms": {name: float(np.percentile(latencies, rank)) for name, rank in PERCENTILES.items()},
        "reference": compared,
        "memory": memory(compiled),
    }
    del compiled
    if not arguments.steps and not arguments.graph:
        return {**result, "steps": []}
    profiled = core.compile_model(model, "CPU", {**config, "PERFORMANCE_HINT": "LATENCY", "PERF_COUNT": "YES"})
    steps = profile(profiled, inputs[0])
    if arguments.graph:
        serialize(profiled.get_runtime_model(), arguments.graph)
    return {**result, "steps": steps if arguments.steps else []}


def configuration(arguments: Arguments) -> dict[str, Any]:
    """Properties that the arguments ask for."""
    hint = arguments.hint or ("throughput" if arguments.api == "async" else "latency")
    config: dict[str, Any] = {"PERFORMANCE_HINT": hint.upper(), "ENABLE_CPU_PINNING": arguments.pin}
    if arguments.precision in ("f32", "bf16"):
        config["INFERENCE_PRECISION_HINT"] = arguments.precision
    elif arguments.precision == "high":
        config["FLOAT32_MATMUL_PRECISION"] = "high"
    if arguments.threads is not None:
        config["INFERENCE_NUM_THREADS"] = str(arguments.threads)
    if arguments.streams is not None:
        config["NUM_STREAMS"] = str(arguments.streams)
    return config


def read_model(arguments: Arguments) -> Model:
    """The model that is named, or the built-in one. Raises UsageError."""
    if arguments.model is None:
        from .resnet50 import resnet50

        return resnet50(arguments.seed)
    if not Path(arguments.model).is_file():
        raise UsageError(f"there is no file {arguments.model!r}")
    try:
        return Core().read_model(arguments.model)
    except (RuntimeError, ImportError) as error:
        raise UsageError(str(error)) from error


def memory(compiled: CompiledModel) -> dict[str, int]:
    """Bytes: of the model's constants, of a request's arena, and the most that the process has held so far."""
    compilation = compiled._compilation
    plan = compiled._internal_request().plan or compilation.static_plan()
    return {
        "weights": weight_bytes(compilation.model.get_ordered_ops()),
        "arena": plan.bytes if plan is not None else 0,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _outputs(compiled: CompiledModel, results: Any, arguments: Arguments) -> dict[str, float] | None:
    """Writes the outputs and compares them with a file: the largest difference in parts of the largest number."""
    named = {name: results[index] for index, name in enumerate(port_names(compiled.outputs))}
    if arguments.outputs is not None:
        np.savez(arguments.outputs, **named)
    if arguments.reference is None:
        return None
    expected = read_archive(Path(arguments.reference))
    if expected.keys() != named.keys():
        raise UsageError(f"{arguments.reference!r} holds {', '.join(expected)}; the outputs are {', '.join(named)}")
    return {name: difference(named[name], expected[name]) for name in named}


def difference(found: Any, expected: Any) -> float:
    """The largest difference of two arrays in parts of the largest number; inf where shapes or NaNs differ."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape or found.dtype.kind not in "biuf" or expected.dtype.kind not in "biuf":
        return 0.0 if np.array_equal(found, expected) else math.inf
    left, right = (array.astype(np.longdouble) for array in (found, expected))  # which mostly holds 64-bit integers
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    if same.all():
        return 0.0
    apart = np.abs(left - right)[~same].max()
    largest = np.abs(right[np.isfinite(right)]).max(initial=0.0)
    return float(apart / (largest or 1.0)) if np.isfinite(apart) else math.inf


def _timed(function: Callable[[], Any]) -> tuple[Any, float]:
    begin = time.perf_counter()
    result = function()
    return result, (time.perf_counter() - begin) * 1e3


def _tensors(compiled: CompiledModel, inputs: Arrays) -> dict[str, dict[str, Any]]:
    """Inputs for the measurement, by name."""
    ports = compiled.inputs
    return {
        name: {"type": port.element_type.name, "shape": list(array.shape), "model_shape": str(port.partial_shape)}
        for name, port, array in zip(port_names(ports), ports, inputs, strict=True)
    }


def _first(compiled: CompiledModel, inputs: Arrays) -> Any:
    try:
        return compiled(list(inputs))
    except RuntimeError as error:
        shapes = ", ".join(str(list(array.shape)) for array in inputs)
        raise UsageError(f"the model can't run on inputs of shape {shapes}: {error}") from error


class _Clock:
    """Says how far a measurement has come, by inferences or by time."""

    def __init__(self, arguments: Arguments) -> None:
        self._count, self._seconds = arguments.iterations, arguments.seconds
        self._progress = Progress(sys.stderr)
        self._begin = time.perf_counter()

    def keep_going(self, done: int) -> bool:
        """True while there is more to do; call it before each inference with the number of those done."""
        fraction = done / self._count if self._count else self.seconds() / self._seconds
        self._progress.show(fraction)
        return fraction < 1 or not done

    def seconds(self) -> float:
        return time.perf_counter() - self._begin

    def __enter__(self) -> _Clock:
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.clear()


def _calls(compiled: CompiledModel, inputs: Sequence[Arrays], arguments: Arguments) -> tuple[list[float], float]:
    """Latencies in milliseconds of calls one after the other, and the seconds that all took."""
    values = [given[0] if len(given) == 1 else list(given) for given in inputs]
    latencies: list[float] = []
    with _Clock(arguments) as clock:
        while clock.keep_going(len(latencies)):
            value = values[len(latencies) % len(values)]
            begin = time.perf_counter()
            compiled(value)
            latencies.append((time.perf_counter() - begin) * 1e3)
        return latencies, clock.seconds()


def _queue(compiled: CompiledModel, inputs: Sequence[Arrays], arguments: Arguments) -> tuple[list[float], float]:
    """The same of requests that a queue keeps busy."""
    latencies: list[float] = []
    queue = AsyncInferQueue(compiled, arguments.requests or 0)
    queue.set_callback(lambda request, _: latencies.append(request.latency))
    values, started = list(map(list, inputs)), 0
    with _Clock(arguments) as clock:
        while clock.keep_going(started):
            queue.start_async(values[started % len(values)], share_inputs=True)
            started += 1
        queue.wait_all()
        return latencies, clock.seconds()


def profile(compiled: CompiledModel, inputs: Arrays) -> list[dict[str, Any]]:
    """The steps of the plan for these inputs, slowest first, each with its least time over some runs."""
    rows = [_row(step) for step in least_times(compiled.create_infer_request(), list(inputs), PROFILED)]
    total = sum(row["ms"] for row in rows) or 1.0
    rows = [{"index": index, **row, "share": row["ms"] / total} for index, row in enumerate(rows)]
    return sorted(rows, key=lambda row: -row["ms"])


def _row(step: Any) -> dict[str, Any]:
    return {
        "node": step.node,
        "kernel": "numpy" if step.numpy else step.kernel,
        "shape": list(step.shape),
        "ms": step.seconds * 1e3,
        "gflops": step.flops / step.seconds / 1e9 if step.flops and step.seconds else None,
    }
