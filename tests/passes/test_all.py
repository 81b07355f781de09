"""All passes together, on random graphs, and on the bodies of operators."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import ovlite
from ovlite import opset13 as ops
from ovlite.graph import Model
from ovlite.op import if_op
from ovlite.ops.families import definitions
from ovlite.ops.interpreter import evaluate_model
from ovlite.passes.pipeline import PASSES, Pass, run_passes

from .support import inputs_of, model_of, parameter, random, rewritten, types

WIDTH = 6
SHAPE = (2, 3, 4, WIDTH)


def standardized(x: Any) -> Any:
    return ops.mvn(x, np.array([-1]), True, 1e-5, "inside_sqrt")


# Each takes a tensor of SHAPE, some of it perhaps dynamic, to another of the same shape; the number is its seed.
Change = Callable[[Any, int], Any]
CHANGES: tuple[Change, ...] = (
    lambda x, i: ops.relu(x),
    lambda x, i: ops.tanh(x),
    lambda x, i: ops.multiply(x, ops.sigmoid(x)),
    lambda x, i: ops.divide(ops.multiply(x, ops.clamp(ops.add(x, np.float32(3)), 0, 6)), np.float32(6)),
    lambda x, i: ops.multiply(x, random(3, 1, 1, seed=i)),
    lambda x, i: ops.add(random(1, 3, 1, 1, seed=i), x),
    lambda x, i: ops.subtract(x, random(WIDTH, seed=i)),
    lambda x, i: ops.subtract(np.float32(0.5), x),
    lambda x, i: ops.divide(x, np.float32(1.5)),
    lambda x, i: ops.add(x, random(4, WIDTH, seed=i)),
    lambda x, i: ops.matmul(x, random(WIDTH, WIDTH, seed=i) * np.float32(0.4), False, i % 2 == 0),
    lambda x, i: ops.convolution(x, random(3, 3, 3, 3, seed=i) * np.float32(0.2), [1, 1], [1, 1], [1, 1], [1, 1]),
    lambda x, i: ops.group_convolution(x, random(3, 1, 1, 3, 1, seed=i), [1, 1], [1, 0], [1, 0], [1, 1]),
    lambda x, i: ops.batch_norm_inference(x, random(3), random(3), random(3), np.abs(random(3)) + 1, 1e-3),
    lambda x, i: ops.transpose(ops.relu(ops.transpose(x, [0, 2, 3, 1])), [0, 3, 1, 2]),
    lambda x, i: ops.transpose(ops.transpose(x, [0, 2, 3, 1]), [0, 3, 1, 2]),
    lambda x, i: ops.reshape(ops.reshape(x, [0, 0, -1], True), ops.shape_of(x), False),
    lambda x, i: ops.add(ops.multiply(standardized(x), random(WIDTH)), random(WIDTH)),
)


def random_model(seed: int, dynamic: bool) -> Model:
    """A graph of ten changes and sums, some of whose values have several readers."""
    generator = np.random.default_rng(seed)
    x = parameter(*((-1, 3, -1, WIDTH) if dynamic else SHAPE))
    values = [x]
    for i in range(10):
        source = values[-1] if generator.random() < 0.7 else values[generator.integers(len(values))]
        if generator.random() < 0.25:
            values.append(ops.add(source, values[generator.integers(len(values))]))
        else:
            values.append(CHANGES[generator.integers(len(CHANGES))](source, i))
    return model_of([values[-1], values[generator.integers(1, len(values))]], x)


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("seed", range(60))
def test_random_graphs_keep_what_they_compute(seed: int, dynamic: bool) -> None:
    """After each pass, by numpy, and as a compiled model."""
    model = random_model(seed, dynamic)
    arrays = inputs_of(model, SHAPE)
    for upto in range(1, len(PASSES) + 1):
        rewritten(model, partial(run_passes, upto=upto), inputs=arrays, tolerance=2e-5)
    compiled = ovlite.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    expected = evaluate_model(model, arrays)
    result = compiled(arrays[0])
    for index, array in enumerate(expected):
        limit = 2e-5 * float(np.abs(array).max())
        np.testing.assert_allclose(result[index], array, rtol=0, atol=limit)


def test_passes_leave_the_model_that_is_compiled_alone() -> None:
    model = random_model(1, False)
    before = types(model)
    ovlite.compile_model(model)
    assert types(model) == before


def test_passes_reach_the_bodies_of_operators() -> None:
    x, cond = parameter(2, WIDTH), parameter(dtype=bool)
    bodies = []
    for sign in (1, -1):
        inner = parameter(2, WIDTH)
        bodies.append(model_of(ops.relu(ops.matmul(inner, sign * random(WIDTH, WIDTH), False, False)), inner))
    choice = if_op(cond)
    choice.set_then_body(bodies[0])
    choice.set_else_body(bodies[1])
    choice.set_input(x.output(0), bodies[0].parameters[0], bodies[1].parameters[0])
    y = choice.set_output(bodies[0].results[0], bodies[1].results[0])
    model = Model([y], [x, cond], "choice")
    for value in (True, False):
        changed = rewritten(model, run_passes, inputs=[random(2, WIDTH), np.array(value)])
    (node,) = [node for node in changed.get_ordered_ops() if node.op.type == "If"]
    for body in (node.op.then_body, node.op.else_body):
        assert types(body) == ["Fused"]


def test_passes_without_anything_to_do_are_not_imported() -> None:
    """Nor applied: of a model with none of their operators."""
    code = (
        "import sys, ovlite, ovlite.opset13 as ops\n"
        "x = ops.parameter([2, 3], ovlite.Type.f32)\n"
        "ovlite.compile_model(ovlite.Model([ops.relu(x)], [x], 'm'), 'CPU')\n"
        "print(*(name for name in sys.modules if name.startswith('ovlite.passes.pipeline.')))\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    loaded = {name.rpartition(".")[2] for name in told}
    needed = {change.module for change in PASSES if not change.needs and not change.bytes}
    assert needed <= loaded
    assert loaded.isdisjoint({change.module for change in PASSES if change.needs or change.bytes})


@pytest.mark.parametrize("change", PASSES, ids=lambda change: change.name)
def test_operators_that_passes_need_are_operators(change: Pass) -> None:
    own = {"CompressedMatMul", "Dequantize"}  # which passes make
    for group in change.needs:
        assert all(kind in own or definitions(kind) for kind in group)


@pytest.mark.parametrize("seed", range(20))
def test_what_passes_need_says_all_that_they_change(seed: int) -> None:
    """Those that run_passes() passes over leave the model as it is."""
    model = random_model(seed, seed % 2 == 0).clone()
    for change in PASSES:
        nodes = model.get_ordered_ops()
        kinds = {node.op.type for node in nodes}
        elements = {output.element_type.name for node in nodes for output in node.outputs()}
        skipped = any(kinds.isdisjoint(group) for group in change.needs)
        skipped |= change.bytes and elements.isdisjoint({"u8", "i8"})
        change(model)
        if skipped:
            assert model.get_ordered_ops() == nodes
