"""Ways to the same result, whose times tell what sharing, postponed return, asynchronous runs and compiled functions
save."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

import ovlite as ov
import ovlite.opset13 as ops

SECONDS = 0.4  # for the ways of each size
ROUNDS = 5  # at least

Ways = dict[str, Callable[[], Any]]  # the first is what the others are compared with


def direct_call(size: int) -> Ways:
    """relu of an array: by a new request for each call, by a request that is kept, and by calling the model."""
    x = ops.parameter([size], np.float32, name="x")
    compiled, array = _compiled([ops.relu(x)], x), np.ones(size, np.float32)
    request = compiled.create_infer_request()
    return {
        "new request": partial(compiled.infer_new_request, [array]),
        "kept request": lambda: request.infer([array])[0],
        "call": lambda: compiled(array)[0],
    }


def inputs(size: int) -> Ways:
    """A sum of an array that is copied first, or read in place."""
    x = ops.parameter([size], np.float32)
    compiled, array = _compiled([ops.reduce_sum(x, [0])], x), np.ones(size, np.float32)
    return {"copied": partial(compiled, array, share_inputs=False), "shared": partial(compiled, array)}


def outputs(size: int) -> Ways:
    """A result of the input's size: copied from the request's memory, new, an array of the caller's, or a view."""
    x = ops.parameter([size], np.float32)
    compiled, array, out = _compiled([ops.relu(x)], x), np.ones(size, np.float32), np.empty(size, np.float32)
    return {
        "copied": lambda: compiled(array, share_outputs=True)[0].copy(),
        "new": partial(compiled, array),
        "out=": partial(compiled, array, out=out),
        "view": partial(compiled, array, share_outputs=True),
    }


def hiding(size: int) -> Ways:
    """A run on one thread and as much of Python's work: one after the other, or the work while the run goes on."""
    x = ops.parameter([size], np.float32)
    request = _compiled([ops.exp(ops.sin(x))], x, INFERENCE_NUM_THREADS=1).create_infer_request()
    array = np.linspace(0, 1, size, dtype=np.float32)
    run = partial(request.infer, [array], share_inputs=True)
    seconds = least({"run": run})["run"]

    def work() -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass

    def in_turn() -> None:
        run()
        work()

    def at_once() -> None:
        request.start_async([array], share_inputs=True)
        work()
        request.wait()

    return {"in turn": in_turn, "at once": at_once}


def functions(size: int) -> Ways:
    """A chain of element-wise operations on three arrays: numpy, and numexpr where it is installed."""

    def chain(x: Any, y: Any, z: Any) -> Any:
        return np.sqrt(np.abs(x)) * np.exp(-y * y) + z / 3

    random = np.random.default_rng(7)
    x, y, z = (random.standard_normal(size).astype(np.float32) for _ in range(3))
    found: Ways = {"numpy": partial(chain, x, y, z)}
    if find_spec("numexpr"):
        evaluate = import_module("numexpr").evaluate
        found["numexpr"] = partial(evaluate, "sqrt(abs(x)) * exp(-y * y) + z / 3", {"x": x, "y": y, "z": z})
    return {**found, "ov.jit": partial(ov.jit(chain), x, y, z)}


@dataclass(frozen=True)
class Topic:
    """slug: of its chart's file."""

    title: str
    slug: str
    ways: Callable[[int], Ways]


TOPICS = (
    Topic("Direct call", "direct-call", direct_call),
    Topic("Inputs", "inputs", inputs),
    Topic("Outputs", "outputs", outputs),
    Topic("Hiding latency", "async", hiding),
    Topic("numpy functions", "functions", functions),
)


def _compiled(results: list[Any], parameter: Any, **config: Any) -> ov.CompiledModel:
    return ov.compile_model(ov.Model(results, [parameter], "report"), "CPU", config)


def least(ways: Ways) -> dict[str, float]:
    """Seconds of the fastest run of each way."""
    found = dict.fromkeys(ways, float("inf"))
    for run in ways.values():
        run()
    end, rounds = time.perf_counter() + SECONDS, 0
    while rounds < ROUNDS or time.perf_counter() < end:
        rounds += 1
        for name, run in ways.items():
            begin = time.perf_counter()
            run()
            found[name] = min(found[name], time.perf_counter() - begin)
    return found
