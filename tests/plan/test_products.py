"""Products by way of bf16 in plans, on kernels that emulate what the processor lacks."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite.graph import Model
from ovlite.graph.failures import Subject
from ovlite.kernels.runtime.step import BF16
from ovlite.plan import Executable, Options, Precision
from ovlite.runtime.execution_graph import execution_graph

from ..data import normal
from .support import compiled, ops, parameter, run, step_names

THREE = Precision(winograd=True, products="bf16x3", emulated=True, flush_denormals=True)
SIX = Precision(winograd=True, products="bf16x6", emulated=True, flush_denormals=True)
ONE = Precision(winograd=True, products="bf16", emulated=True, flush_denormals=True)
EXACT = Precision(flush_denormals=True)
pytestmark = pytest.mark.usefixtures("emulating_level")
BOUNDS = {"bf16x6": 1e-6, "bf16x3": 1e-5, "bf16": 1e-2}


def matrix(weights):
    x = parameter([64, 64])
    return [x], [ops["relu"](ops["add"](ops["matmul"](x, weights, False, False), normal(1, 80)))]


def image():
    x = parameter([1, 32, 20, 20])
    y = ops["convolution"](x, normal(64, 32, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
    return [x], [ops["convolution"](ops["relu"](y), normal(80, 64, 1, 1), [2, 2], [0, 0], [0, 0], [1, 1])]


def pair():
    a, b = parameter([2, 64, 64]), parameter([2, 64, 80])
    return [a, b], [ops["matmul"](a, b, False, False)]


@pytest.mark.parametrize("precision", [SIX, THREE, ONE])
@pytest.mark.parametrize("make", [lambda: matrix(normal(64, 80)), image, pair], ids=["matrix", "image", "pair"])
def test_products_are_of_parts(precision, make):
    inputs, outputs = make()
    arrays = [normal(*[int(size.get_length()) for size in x.output(0).partial_shape]) for x in inputs]
    executable = compiled(outputs, inputs, precision=precision)
    names = [name for name in step_names(executable, *(array.shape for array in arrays)) if precision.products in name]
    assert names and all(f"{precision.products} emulated" in name for name in names)
    expected = run(compiled(outputs, inputs, precision=EXACT), arrays)[0]
    for threads in (1, 2, 5):
        found = run(executable, arrays, threads)[0]
        assert np.abs(found - expected).max() <= BOUNDS[precision.products] * np.abs(expected).max()
        np.testing.assert_array_equal(found, run(executable, arrays)[0])


def narrow(executable, shape):
    """Names of the steps that write bf16."""
    steps = executable.plan((shape,)).program.steps
    names = [step.name for step in steps if any(view.dtype == BF16 for view in step.writes)]
    return [name for name in names if name != "FillBorder"]


def convolve(x, *shape, stride=1):
    pad = shape[-1] // 2
    weights = normal(*shape) * np.float32(np.prod(shape[1:]) ** -0.5)
    return ops["convolution"](x, weights, [stride] * 2, [pad] * 2, [pad] * 2, [1, 1])


def test_images_between_products_are_bf16():
    """Through MaxPool, Concat and residuals; not those that anything else reads."""
    x = parameter([1, 32, 20, 20])
    a = ops["relu"](convolve(x, 64, 32, 3, 3))
    a = ops["max_pool"](a, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2])
    branches = [convolve(a, 32, 64, 1, 1), convolve(a, 48, 64, 3, 3)]
    b = ops["concat"](branches, 1)
    c = convolve(b, 80, 80, 3, 3)
    y = ops["relu"](ops["add"](convolve(c, 80, 80, 1, 1), b))
    z = convolve(y, 64, 80, 1, 1)
    array = normal(1, 32, 20, 20)
    executable = compiled([z], [x], precision=ONE)
    assert len(narrow(executable, array.shape)) == 6  # all but the last convolution
    expected = run(compiled([z], [x], precision=EXACT), [array])[0]
    for threads in (1, 2, 5):
        found = run(executable, [array], threads)[0]
        assert np.abs(found - expected).max() <= 2e-2 * np.abs(expected).max()
        np.testing.assert_array_equal(found, run(executable, [array])[0])


@pytest.mark.parametrize("other", ["tanh", "mvn", "result"])
def test_images_that_others_read_are_f32(other):
    x = parameter([1, 32, 20, 20])
    a = convolve(x, 64, 32, 3, 3)
    outputs = [convolve(a, 64, 64, 1, 1)]
    if other == "mvn":
        outputs.append(ops["mvn"](a, [2, 3], True, 1e-5, "inside_sqrt"))
    else:
        outputs.append(ops["tanh"](a) if other == "tanh" else a)
    assert not narrow(compiled(outputs, [x], precision=ONE), (1, 32, 20, 20))


@pytest.mark.parametrize("reader", ["result", "operator"])
def test_images_whose_maxima_tell_their_places_are_f32(reader):
    """No kernel has the indices, and the operator in Python takes f32; rounded, other elements would be the largest."""
    x = parameter([1, 32, 20, 20])
    pool = ops["max_pool"](convolve(x, 64, 32, 3, 3), [2, 2], [1, 1], [0, 0], [0, 0], [2, 2])
    places = pool.output(1) if reader == "result" else ops["convert"](pool.output(1), "f32").output(0)
    outputs, array = [convolve(pool.output(0), 64, 64, 1, 1).output(0), places], normal(1, 32, 20, 20)
    executable = compiled(outputs, [x], precision=ONE)
    assert not narrow(executable, array.shape)
    found, expected = (run(each, [array]) for each in (executable, compiled(outputs, [x], precision=EXACT)))
    assert np.abs(found[0] - expected[0]).max() <= 2e-2 * np.abs(expected[0]).max()
    assert (found[1] == expected[1]).mean() > 0.98  # products round, so a few maxima lie elsewhere


def test_scratch_memory_is_aligned_behind_what_is_read_for_nothing():
    """Rows of a part of an image's channels lie an odd number of elements apart."""
    x = parameter([1, 32, 9, 9])
    a = convolve(x, 32, 32, 3, 3)
    both = ops["concat"]([a, convolve(x, 33, 32, 3, 3)], 1)
    outputs = [convolve(both, 20, 65, 3, 3), convolve(a, 20, 32, 3, 3)]
    program = compiled(outputs, [x], precision=ONE).plan(((1, 32, 9, 9),)).program
    beyond = max(getattr(step, "beyond", 0) for step in program.steps)
    assert beyond == 15 * 65 * 2
    assert program.arena_bytes % 64 == 0 and program.arena_bytes >= beyond


def test_what_is_told_of_steps_names_bf16():
    inputs, outputs = image()
    model = Model(outputs, inputs)
    plan = Executable(model, Options(precision=ONE)).plan(((1, 32, 20, 20),))
    notes = [node.rt_info for node in execution_graph(model, plan, ()).get_ordered_ops()]
    found = [
        each["runtimePrecision"].value for each in notes if each["layerType"].value.startswith("DirectConvolution")
    ]
    assert found == ["bf16", "f32"]
    (view,) = next(step for step in plan.program.steps if step.writes[0].dtype == BF16).writes[:1]
    assert str(Subject.of("Convolution", "a", [view])).startswith("Convolution 'a' of bf16[1,64,")


def test_nothing_is_bf16_that_was_not_asked_for():
    inputs, outputs = image()
    for precision in (THREE, SIX, EXACT):
        assert not narrow(compiled(outputs, inputs, precision=precision), (1, 32, 20, 20))
    assert narrow(compiled(outputs, inputs, precision=ONE), (1, 32, 20, 20))


def test_f32_stays_f32_bit_for_bit():
    inputs, outputs = matrix(normal(64, 80))
    array = normal(64, 64)
    plain = run(compiled(outputs, inputs, precision=EXACT), [array])[0]
    named = compiled(outputs, inputs, precision=EXACT)
    assert not any("bf16" in name for name in step_names(named, array.shape))
    np.testing.assert_array_equal(run(named, [array])[0], plain)


def test_a_row_alone_is_computed_in_f32():
    x = parameter([1, 64])
    executable = compiled([ops["matmul"](x, normal(64, 48), False, False)], [x], precision=THREE)
    assert step_names(executable, (1, 64)) == ["MatMul"]


def test_weights_that_are_not_finite():
    weights = normal(64, 48)
    weights[3, 4], weights[5, 6] = np.inf, np.nan
    x, array = parameter([40, 64]), normal(64, 64)
    outputs = [ops["matmul"](x, weights, False, False)]
    expected = run(compiled(outputs, [x], precision=EXACT), [array])[0]
    for precision in (SIX, THREE, ONE):
        found = run(compiled(outputs, [x], precision=precision), [array])[0]
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        np.testing.assert_array_equal(found[:, 4], expected[:, 4])
