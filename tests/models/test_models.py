"""Whole models through the public API against onnxruntime, at each level and number of threads."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Any

import numpy as np
import pytest

import ovlite
from bench import models
from ovlite import kernels
from ovlite.frontend import read_model
from ovlite.plan import Executable, Options

from .support import assert_near, package_model, peer_outputs

LIGHT_SCALE = 1e-5  # of the greatest output: what rounding of f32 sums leaves after this many layers
PACKAGE_SCALE = 1e-4  # the same where there are divisions by small numbers, and sigmoids between
LEVELS = kernels.available_levels()
LARGE = ("vgg19", "zfnet512")
QUICK = ("shufflenet", "squeezenet")
# Input sizes of the packages' models, in the order in which one compiled model runs them.
SIZES: dict[str, list[dict[str, int]]] = {
    "PP-OCRv6_det_small": [{"height": 96, "width": 64}, {"batch": 2, "height": 64, "width": 160}],
    "PP-OCRv6_rec_small": [{"width": 64}, {"batch": 3, "width": 320}, {"width": 84}],
    "ch_ppocr_mobile_v2.0_cls_mobile": [{}, {"batch": 3, "width": 100}],
    "silero_vad": [{"rate": 16000}, {"rate": 8000, "batch": 2}, {"rate": 16000, "batch": 3}],
    "silero_vad_16k_op15": [{}, {"batch": 2}],
    "silero_vad_16k_sequence": [{"length": 3}, {"length": 1}],
    "silero_vad_half": [{}, {"batch": 2}],
    "silero_vad_op18_ifless": [{"rate": 16000}, {"rate": 8000, "batch": 2}],
    "silero_vad_openvino_16k": [{}],
}

Arrays = dict[str, np.ndarray]


@pytest.fixture
def compile_at() -> Iterator[Callable[..., ovlite.CompiledModel]]:
    """compile_at(model, level, threads, **config)."""
    before = kernels.level()

    def compile_model(model: ovlite.Model, level: str, threads: int, **config: Any) -> ovlite.CompiledModel:
        kernels.use_level(level)
        config = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, **config}
        return ovlite.Core().compile_model(model, "CPU", config)

    yield compile_model
    kernels.use_level(before)


@lru_cache(maxsize=1)
def light(name: str) -> tuple[ovlite.Model, Arrays]:
    """A light model, and what onnxruntime makes of its inputs."""
    content = models.load(name)
    return ovlite.Core().read_model(content), peer_outputs(content, models.inputs_for(name))


@cache
def expected_of(name: str, size: int) -> tuple[Arrays, Arrays]:
    """Inputs of a package's model in one of its sizes, and onnxruntime's outputs."""
    inputs = models.inputs_for(name, seed=size, dims=SIZES[name][size])
    return inputs, peer_outputs(package_model(name), inputs)


def run(compiled: ovlite.CompiledModel, inputs: Arrays) -> Arrays:
    """A model's outputs by name. Those of recurrent models start from the state that the inputs give."""
    result = compiled(inputs)
    return {port.any_name: result[port] for port in compiled.outputs}


def light_cases() -> Iterator[Any]:
    """Every model at every level, in CI the quick ones; the others at the highest one."""
    for name in models.light_models():
        for level in LEVELS:
            everywhere = name in QUICK or level == LEVELS[-1]
            yield pytest.param(name, level, marks=[] if everywhere else pytest.mark.sweep, id=f"{name}-{level}")


@pytest.mark.parametrize(("name", "level"), list(light_cases()))
def test_light_model(compile_at: Any, name: str, level: str) -> None:
    """Near onnxruntime's outputs, and the same bits whatever the number of threads and the run."""
    model, expected = light(name)
    inputs = models.inputs_for(name)
    first: Arrays = {}
    for threads in (2,) if name in LARGE else (2, 1):
        compiled = compile_at(model, level, threads)
        for _ in range(2):
            found = run(compiled, inputs)
            for key in expected:
                assert_near(found[key], expected[key], LIGHT_SCALE)
                np.testing.assert_array_equal(found[key], first.setdefault(key, found[key]))


@pytest.mark.parametrize("name", ["squeezenet", "resnet50", "inception_v2"])
def test_fast_algorithms_are_as_near(name: str) -> None:
    """What is computed when no precision is asked for."""
    model, expected = light(name)
    found = run(ovlite.Core().compile_model(model, "CPU"), models.inputs_for(name))
    for key in expected:
        assert_near(found[key], expected[key], LIGHT_SCALE)


@pytest.mark.sweep
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", LARGE)
def test_large_light_model_on_one_thread(compile_at: Any, name: str, level: str) -> None:
    model, _ = light(name)
    outputs = [run(compile_at(model, level, threads), models.inputs_for(name)) for threads in (1, 2)]
    for key in outputs[0]:
        np.testing.assert_array_equal(outputs[0][key], outputs[1][key])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", SIZES)
def test_package_model_in_several_shapes(compile_at: Any, name: str, level: str) -> None:
    """One compiled model runs all sizes, the first again, with the same bits on 1 and 2 threads."""
    model = ovlite.Core().read_model(package_model(name))
    first: dict[tuple[int, str], np.ndarray] = {}
    for threads in (2, 1):
        compiled = compile_at(model, level, threads)
        for size in [*range(len(SIZES[name])), 0]:
            inputs, expected = expected_of(name, size)
            found = run(compiled, inputs)
            for key in expected:
                assert_near(found[key], expected[key], PACKAGE_SCALE)
                np.testing.assert_array_equal(found[key], first.setdefault((size, key), found[key]))


@pytest.mark.parametrize("name", ["PP-OCRv6_rec_small", "silero_vad"])
def test_simultaneous_requests_do_not_disturb_each_other(compile_at: Any, name: str) -> None:
    """A queue of requests of different shapes gives what single calls give."""
    compiled = compile_at(ovlite.Core().read_model(package_model(name)), LEVELS[-1], 2, PERFORMANCE_HINT="THROUGHPUT")
    work = [expected_of(name, size) for size in range(len(SIZES[name]))] * 4
    found: dict[int, Arrays] = {}
    names = [port.any_name for port in compiled.outputs]

    def keep(request: Any, index: int) -> None:
        found[index] = {key: request.get_tensor(key).data.copy() for key in names}

    queue = ovlite.AsyncInferQueue(compiled, 3)
    queue.set_callback(keep)
    for index, (inputs, _) in enumerate(work):
        queue.start_async(inputs, index)
    queue.wait_all()
    for index, (inputs, _) in enumerate(work):
        single = run(compiled, inputs)
        for key in names:
            np.testing.assert_array_equal(found[index][key], single[key])


def test_a_stream_of_sound_keeps_its_state(compile_at: Any) -> None:
    """Voice detection over consecutive windows, the state handed on, as onnxruntime does it."""
    name = "silero_vad"
    path = package_model(name)
    compiled = compile_at(ovlite.Core().read_model(path), LEVELS[-1], 1)
    mine, theirs = models.inputs_for(name), models.inputs_for(name)
    for seed in range(4):
        sound = models.inputs_for(name, seed)["input"]
        found = run(compiled, {**mine, "input": sound})
        expected = peer_outputs(path, {**theirs, "input": sound})
        mine["state"], theirs["state"] = found["stateN"], expected["stateN"]
        for key in expected:
            assert_near(found[key], expected[key], PACKAGE_SCALE)


def test_plans_of_many_widths_stay_within_their_budget() -> None:
    """Plans used longest ago are dropped, and made again with the same results."""
    model = read_model(package_model("PP-OCRv6_rec_small"))
    widths = [*range(32, 321, 24)]
    budget = 3 * Executable(model, Options()).plan(((1, 3, 48, widths[-1]),)).bytes
    executable = Executable(model, Options(cache_bytes=budget))
    plans = [weakref.ref(executable.plan(((1, 3, 48, width),))) for width in widths]
    kept = [plan for reference in plans if (plan := reference()) is not None]
    assert 3 <= len(kept) < len(plans)
    assert sum(plan.bytes for plan in kept) <= budget
    assert kept == [reference() for reference in plans[-len(kept) :]], "the newest plans are kept"
    assert executable.plan(((1, 3, 48, widths[-1]),)) is kept[-1]


def test_a_model_gives_the_same_after_its_plan_was_dropped(compile_at: Any) -> None:
    name = "PP-OCRv6_rec_small"
    compiled = compile_at(ovlite.Core().read_model(package_model(name)), LEVELS[-1], 2)
    inputs, _ = expected_of(name, 0)
    before = run(compiled, inputs)
    for width in range(400, 1201, 200):
        compiled(models.inputs_for(name, dims={"width": width, "batch": 4}))
    after = run(compiled, inputs)
    for key in before:
        np.testing.assert_array_equal(before[key], after[key])
