"""Loading, planning and memory in fresh processes: python -m bench.start [words of rows ...] [--rounds N]

A row is measured for ovlite and each installed peer in a new process a round, by turns; what counts is the least. Rows:

    start   import, read, compile and first call of a model, wall time of the process, and its peak memory
    cached  the same of the second start with CACHE_DIR
    widths  a call for each of 600 widths of the OCR recognition: time, and growth of resident memory
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from . import models
from .libraries import installed

WIDTHS = range(160, 1360, 2)
RECOGNITION = "PP-OCRv6_rec_small"
STARTS = {"resnet50": {}, "ch_ppocr_mobile_v2.0_cls_mobile": {"batch": 1}}  # the dims of what each is called with

CHILD = """
import sys, time
began = time.perf_counter()
import json, resource
from pathlib import Path
import numpy as np
library, row, path, inputs, folder = sys.argv[1:]  # folder: of the cache, or the widths
inputs = dict(np.load(inputs))


def load():
    if library == "onnxruntime":
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(path, options)
        return lambda given: session.run(None, given)
    core = __import__(library).Core()
    return core.compile_model(path, "CPU", {"CACHE_DIR": folder} if row == "cached" else {})


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


run = load()
if row != "widths":
    run(inputs)
    (peak,) = (line.split() for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(json.dumps({"seconds": time.perf_counter() - began, "bytes": int(peak[1]) * 1024}))
    sys.exit()
(name,) = inputs
for width in (320, 324):
    run({name: np.ones((1, 3, 48, width), np.float32)})
before, began = resident(), time.perf_counter()
for width in json.loads(folder):
    run({name: np.ones((1, 3, 48, width), np.float32)})
print(json.dumps({"seconds": time.perf_counter() - began, "bytes": resident() - before}))
"""


def measured(library: str, row: str, path: Path, inputs: Path, folder: str) -> dict[str, float]:
    """What a process tells, and its wall time for rows of starts."""
    # As programs start: with the bytecode of their modules at hand.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    command = [sys.executable, "-c", CHILD, library, row, str(path), str(inputs), folder]
    found: dict[str, float] = json.loads(
        subprocess.run(command, capture_output=True, check=True, env=environment).stdout
    )
    return found if row == "widths" else {**found, "seconds": time.perf_counter() - began}


def rows(wanted: Callable[[str], bool]) -> list[tuple[str, str, str, dict[str, int]]]:
    """(row, library, model, dims) of all that is measured."""
    found: list[tuple[str, str, str, dict[str, int]]] = []
    for library in installed():
        for name, dims in STARTS.items():
            found.append(("start", library, name, dims))
            if library != "onnxruntime":
                found.append(("cached", library, name, dims))
        found.append(("widths", library, RECOGNITION, {"width": 320}))
    return [entry for entry in found if wanted(" ".join(entry[:3]))]


def main() -> None:
    import numpy as np

    parser = argparse.ArgumentParser(prog="python -m bench.start")
    parser.add_argument("words", nargs="*")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    chosen = rows(lambda text: all(word in text for word in options.words))
    if not chosen:
        names = ", ".join(" ".join(entry[:3]) for entry in rows(lambda text: True))
        parser.error(f"no row has all of the words {' '.join(options.words)}; there are: {names}")
    best: dict[tuple[str, str, str], dict[str, Any]] = {}
    with TemporaryDirectory() as temporary:
        for number in range(options.rounds):
            for row, library, name, dims in chosen:
                path, inputs = Path(temporary) / f"{name}.onnx", Path(temporary) / f"{name}.npz"
                if not path.exists():
                    source = models.load(name) if name in models.light_models() else models.package_models()[name]
                    path.write_bytes(source if isinstance(source, bytes) else source.read_bytes())
                    np.savez(inputs, **models.inputs_for(name, dims=dims))
                folder = str(list(WIDTHS)) if row == "widths" else f"{temporary}/{library}"
                if row == "cached" and number == 0:
                    measured(library, row, path, inputs, folder)  # which fills the cache
                found = measured(library, row, path, inputs, folder)
                known = best.setdefault((row, library, name), found)
                best[row, library, name] = {key: min(value, known[key]) for key, value in found.items()}
    for (row, library, name), found in best.items():
        print(f"{row:7} {name:34} {library:12} {found['seconds']:8.3f} s {found['bytes'] / 2**20:8.0f} MiB")


if __name__ == "__main__":
    main()
