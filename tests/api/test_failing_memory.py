"""Every allocation on the way of a request fails once: MemoryError, or less speed; the objects serve on."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SHIM = Path(__file__).with_name("failing_memory.c")

# Prints a line for each failed allocation: the name of the part, its place, and what came of it.
SCRIPT = """
import ctypes
import numpy as np
import ovlite as ov
import ovlite.opset13 as ops

shim = ctypes.CDLL(None)

def model():
    x = ops.parameter([-1, 4, 24, 24], np.float32, name="x")
    random = np.random.default_rng(1)
    images = ops.convolution(x, random.normal(size=(40, 4, 3, 3)).astype(np.float32), [1, 1], [1, 1], [1, 1], [1, 1])
    rows = ops.reshape(ops.relu(images), np.array([0, -1]), True)
    y = ops.matmul(rows, random.normal(size=(40 * 24 * 24, 30)).astype(np.float32), False, False)
    return ov.Model([ops.result(ops.softmax(y, 1))], [x], "parts")

CONFIG = {"INFERENCE_NUM_THREADS": 2, "NUM_STREAMS": 2}
X = np.random.default_rng(2).normal(size=(2, 4, 24, 24)).astype(np.float32)
EXPECTED = ov.compile_model(model(), "CPU", CONFIG)(X)[0].copy()
compiled = ov.compile_model(model(), "CPU", CONFIG)
compiled(X)

def compiling():
    return ov.compile_model(model(), "CPU", CONFIG)(X)[0]

def other_shape():
    shape = next(shapes)
    compiled(np.zeros((shape, 4, 24, 24), np.float32))
    return compiled(X)[0]

def request():
    return compiled.create_infer_request().infer([X])[0]

def asynchronous():
    request = compiled.create_infer_request()
    request.start_async([X])
    request.wait()
    return request.get_output_tensor().data

def queue():
    queue = ov.AsyncInferQueue(compiled, 3)
    for _ in range(6):
        queue.start_async([X])
    queue.wait_all()
    return queue[0].get_output_tensor().data

shapes = iter(range(3, 1 << 20))
for part in (compiling, other_shape, request, asynchronous, queue):
    part()
    for place in range(1000):
        shim.fail_after(place)
        try:
            part()
            outcome = "served"
        except MemoryError:
            outcome = "MemoryError"
        seen = shim.calls_seen()
        shim.fail_after(-1)
        np.testing.assert_array_equal(compiled(X)[0], EXPECTED)
        np.testing.assert_array_equal(part(), EXPECTED)
        if seen <= place:
            break
        print(part.__name__, place, outcome)
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    compiler = shutil.which(os.environ.get("CC", "gcc").split()[-1])
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs a C compiler, and the dynamic loader of Linux")
    library = tmp_path_factory.mktemp("shim") / "failing_memory.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SHIM, "-ldl"], check=True)
    return library


def test_every_allocation_fails_once(shim):
    environment = {**os.environ, "LD_PRELOAD": str(shim)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    failures = [line.split() for line in done.stdout.splitlines()]
    assert {part for part, _, _ in failures} == {"compiling", "other_shape", "request", "asynchronous", "queue"}
    assert {outcome for _, _, outcome in failures} <= {"served", "MemoryError"}
