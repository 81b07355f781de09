"""What this machine can do at most: multiply-adds a second and bytes a second, measured once and kept."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from .. import kernels
from ..graph import Constant, Model, Node, Parameter, Result
from ..ops.matmul import MatMul
from ..ops.unary import Negative
from ..types import PartialShape, Type
from .compilation import Compilation
from .config import Config, processor_name
from .infer_request import InferRequest

SIDES = (256, 512, 1024)  # of the matrices whose products are timed; the fastest counts
BYTES = 1 << 27  # of the array that is read, far beyond the caches
SECONDS = 0.5  # of each measurement


@dataclass(frozen=True)
class Roofline:
    """gflops: 1e9 operations a second of an f32 product with weights; gbytes: 1e9 bytes a second read and written.

    Both with as many threads as told, at the level of instructions that is told.
    """

    processor: str
    level: str
    threads: int
    gflops: float
    gbytes: float

    def share(self, flops: float, nbytes: float, seconds: float) -> tuple[float, float]:
        """The parts of the peak and of the bandwidth that so much work in so many seconds is."""
        if not seconds:
            return 0.0, 0.0
        return flops / seconds / self.gflops / 1e9, nbytes / seconds / self.gbytes / 1e9


def roofline(threads: int) -> Roofline:
    """The one that is kept for this processor, level and number of threads; measured and kept when there is none."""
    return kept(threads) or measure(threads)


def kept(threads: int) -> Roofline | None:
    """The roofline that an earlier measurement left, or None."""
    return next((found for found in _read() if _key(found) == (processor_name(), kernels.level(), threads)), None)


def measure(threads: int) -> Roofline:
    """Measures, for about a second, and keeps the result for roofline(); a folder that can't be written is no error."""
    line = np.ones(BYTES // 4, np.float32)
    stream = _request(Negative(), [line], threads)
    gflops = max(2 * side**3 / _least(_product(side, threads)) / 1e9 for side in SIDES)
    gbytes = 2 * BYTES / _least(stream) / 1e9
    found = Roofline(processor_name(), kernels.level(), threads, gflops, gbytes)
    _keep(found)
    return found


def _product(side: int, threads: int) -> Callable[[], Any]:
    square = np.ones((side, side), np.float32)
    return _request(MatMul(), [square], threads, Constant.of(square, Type.f32, square.shape))


def _request(operator: Any, arrays: list[Any], threads: int, *constants: Node) -> Callable[[], Any]:
    """Runs a model of one operator, again and again into the same memory."""
    inputs = [Parameter(Type.f32, PartialShape(list(array.shape))) for array in arrays]
    result = Result(Node(operator, [node.output(0) for node in [*inputs, *constants]]).output(0))
    config = Config({"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"})
    request = InferRequest(Compilation(Model([result], inputs, "probe"), config), _no_model)
    return lambda: request.infer(arrays, share_inputs=True, share_outputs=True)


def _no_model(compilation: Compilation) -> NoReturn:
    raise AssertionError("the probe's requests have no CompiledModel")


def _least(run: Callable[[], Any]) -> float:
    """Seconds of the fastest run."""
    run()
    least, end = np.inf, time.perf_counter() + SECONDS
    while (begin := time.perf_counter()) < end:
        run()
        least = min(least, time.perf_counter() - begin)
    return float(least)


def _key(found: Roofline) -> tuple[str, str, int]:
    return found.processor, found.level, found.threads


def _path() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ovlite" / "machine.json"


def _read() -> list[Roofline]:
    """What the file holds; nothing when it is not there or is damaged."""
    try:
        return [Roofline(**row) for row in json.loads(_path().read_text())]
    except (OSError, RuntimeError, ValueError, TypeError):
        return []


def _keep(found: Roofline) -> None:
    rows = [asdict(row) for row in [*(other for other in _read() if _key(other) != _key(found)), found]]
    try:
        path = _path()
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps(rows, indent=2))
        beside.replace(path)
    except (OSError, RuntimeError):
        return
