"""Runs models through plans, beside the interpreter."""

import numpy as np

from ovlite.graph import Model, Parameter
from ovlite.ops import NEWEST_OPSET, factories
from ovlite.plan import Executable, Frame, Options, Team
from ovlite.types import PartialShape, Type

ops = factories(NEWEST_OPSET)


def parameter(shape, kind=Type.f32, name=None):
    return Parameter(kind, PartialShape(shape), name)


def run(executable, arrays, threads=1, fresh=frozenset()):
    """The outputs for these inputs, in fresh arrays."""
    arrays = [np.asarray(array, order="C") for array in arrays]
    plan = executable.plan(tuple(array.shape for array in arrays), fresh)
    team = Team(threads)
    if plan.program is None:
        return plan.run(arrays, team)
    frame = Frame(plan.program, threads)
    for slot, array in zip(plan.input_slots, arrays, strict=True):
        frame.bind(slot, array)
    outputs = [np.empty(shape, dtype) for dtype, shape in plan.outputs]
    for slot, array in zip(plan.output_slots, outputs, strict=True):
        frame.bind(slot, array)
    frame.execute(team)
    return outputs


def compiled(results, parameters, **options):
    return Executable(Model(results, parameters), Options(**options))


def step_names(executable, *shapes):
    return [step.name for step in executable.plan(shapes).program.steps]


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, np.float32)
