"""Resident memory of a process that infers with ever-changing shapes, and what a request's buffers take."""

import copy
import subprocess
import sys
import tracemalloc
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ..data import normal

CALLS = 10_000
SETTLED = 2_000  # calls after which nothing grows any more
BOUND_KIB = (CALLS - SETTLED) // 2  # half of what a leak of 1 KiB a call comes to

# Heights and widths that are not met again while their plans are kept: argv[1] says how many bytes each call leaks.
SCRIPT = """
import gc, sys
import numpy as np
import ovlite as ov
import ovlite.opset13 as ops

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4

x = ops.parameter([1, 2, -1, -1], np.float32, name="x")
weights = np.ones((8, 2, 3, 3), np.float32)
image = ops.relu(ops.convolution(x, weights, [1, 1], [1, 1], [1, 1], [1, 1]))
y = ops.reshape(ops.reduce_max(image, [2], True), np.array([0, -1]), True)
compiled = ov.compile_model(ov.Model([y], [x], "changing"), "CPU", {"PLAN_MEMORY_LIMIT": 1 << 20})
leaked = []
for call in range(CALLS):
    if call == SETTLED:
        gc.collect()
        before = resident()
    compiled(np.zeros((1, 2, 4 + call % 61, 4 + call % 53), np.float32))
    leaked.append(bytearray(int(sys.argv[1])))
gc.collect()
print(resident() - before)
"""


def growth(leak):
    """KiB that the resident memory grows by in CALLS - SETTLED calls, each of which loses `leak` bytes besides."""
    script = SCRIPT.replace("CALLS", str(CALLS)).replace("SETTLED", str(SETTLED))
    run = subprocess.run(
        [sys.executable, "-c", script, str(leak)], capture_output=True, text=True, check=True, timeout=600
    )
    return int(run.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_stays_as_it_is_in_ten_thousand_calls_of_changing_shapes():
    with ThreadPoolExecutor(2) as pool:
        steady, leaking = pool.map(growth, (0, 1024))
    assert steady < BOUND_KIB
    assert leaking > BOUND_KIB, "the bound does not find a leak of 1 KiB a call"


def changing(mine, limit):
    """A model of images of any size, in whose plans buffers lie between the steps."""
    x = mine.ops.parameter([1, 2, -1, -1], np.float32, name="x")
    image = x
    for channels in (2, 8):
        weights = normal(8, channels, 3, 3)
        image = mine.ops.relu(mine.ops.convolution(image, weights, [1, 1], [1, 1], [1, 1], [1, 1]))
    return mine.compile(mine.ov.Model([mine.ops.reduce_max(image, [2])], [x], "changing"), PLAN_MEMORY_LIMIT=limit)


@pytest.mark.parametrize("limit", [0, 1 << 16, 1 << 24])
def test_one_memory_serves_all_shapes_whatever_the_order(mine, limit):
    compiled = changing(mine, limit)
    assert compiled.get_property("PLAN_MEMORY_LIMIT") == limit
    images = [normal(1, 2, height, width) for height, width in [(8, 8), (64, 96), (3, 5), (65, 96), (1, 1), (64, 96)]]
    expected = [alone(compiled, image) for image in images]
    for _ in range(2):
        for image, result in zip(images, expected, strict=True):
            np.testing.assert_array_equal(compiled(image)[0], result)


def alone(compiled, image):
    """The result of a request that has run nothing else."""
    return compiled.create_infer_request().infer(image)[0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(("limit", "kept"), [(1 << 20, False), (1 << 30, True)])
def test_the_buffers_of_a_large_shape_stay_only_within_the_limit(mine, limit, kept):
    compiled = changing(mine, limit)
    request = compiled.create_infer_request()
    large, small = np.zeros((1, 2, 1024, 1024), np.float32), np.zeros((1, 2, 8, 8), np.float32)
    request.infer(small)
    before = resident()
    request.infer(large)
    assert resident() - before > 32 << 10
    request.infer(small)
    assert (resident() - before > 32 << 10) is kept


def resident():
    """KiB that this process has in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4


def test_a_result_that_nobody_keeps_makes_room_for_the_next_one(mine):
    x = mine.ops.parameter([-1], np.float32, name="x")
    compiled = mine.compile(mine.ov.Model([mine.ops.exp(x)], [x], "large"))
    arrays = [np.zeros(1_000_000 + count, np.float32) for count in (0, 1)]
    for array in arrays:
        compiled(array)
    tracemalloc.start()
    try:
        compiled(arrays[0])
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        compiled(arrays[1])
        assert tracemalloc.get_traced_memory()[1] - before < arrays[1].nbytes // 2
    finally:
        tracemalloc.stop()


HOLDERS = {
    "results": lambda results: results,
    "array": lambda results: results[0],
    "dict": lambda results: results.to_dict(),
    "view": lambda results: results[0][::2],
    "buffer": lambda results: memoryview(results[0]),
    "copied mapping": copy.copy,
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_large_result_that_is_held_stays_as_it_is(mine, holder):
    x = mine.ops.parameter([-1, -1], np.float32, name="x")
    compiled = mine.compile(mine.ov.Model([mine.ops.negative(x)], [x], "large"))
    arrays = [
        np.full(shape, i, np.float32) for i, shape in enumerate([(500, 1000), (500, 1000), (900, 1000), (300, 1000)])
    ]
    held = [(array, HOLDERS[holder](compiled(array))) for array in [*arrays, *arrays]]
    for array, found in held:
        shown = found[compiled.output(0)] if holder in ("results", "dict", "copied mapping") else np.asarray(found)
        np.testing.assert_array_equal(shown, -array[::2] if holder == "view" else -array)


def test_large_results_that_nobody_holds_are_right_in_every_order(mine):
    x = mine.ops.parameter([-1, -1], np.float32, name="x")
    compiled = mine.compile(mine.ov.Model([mine.ops.negative(x)], [x], "large"))
    for i, shape in enumerate(
        [(500, 1000), (500, 1000), (900, 1000), (1000, 900), (300, 1000), (0, 5), (1, 1), (700, 999)]
    ):
        result = compiled(np.full(shape, i, np.float32))[0]
        assert result.shape == shape and result.flags.owndata and result.flags.writeable
        np.testing.assert_array_equal(result, np.full(shape, -i, np.float32))
        result.flags.writeable = bool(i % 2)  # which is for this result alone
        if i % 3 == 0:
            gone = weakref.ref(result)
            del result
            compiled(np.full(shape, i, np.float32))
            assert gone() is None
        result = None
