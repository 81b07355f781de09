"""A plan that is made like the one before, for other lengths, is the plan that would have been made afresh."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovlite.graph import Model
from ovlite.plan import Executable, Options, executable
from ovlite.plan.stage import Stage
from ovlite.types import PartialShape

from ..kernels.drawing import KINDS, Draw, drawn_model
from .support import noise, ops, parameter, run

SIZES = [0, 1, 1, 2, 3, 4, 5, 7]


@pytest.fixture(autouse=True)
def one_kind(monkeypatch):
    """All shapes are tried with one recipe; counts how often it applied."""
    applied = []

    def again(stage, shapes, original=Stage.again):
        found = original(stage, shapes)
        applied.append(found is not None)
        return found

    monkeypatch.setattr(executable, "kind_of", lambda shapes: ())
    monkeypatch.setattr(Stage, "again", again)
    return applied


def described(plan):
    """All that a plan consists of, as far as it shows."""
    program = plan.program
    if program is None:
        return plan.outputs
    steps = [(str(step), step.width, step.scratch, step.beyond) for step in program.steps]
    told = [str(program.called(i)) for i in range(len(program.steps))]
    slots = plan.input_slots, plan.output_slots, plan.outputs, plan.origins
    return steps, told, slots, program.arena_bytes


def check(model, all_shapes):
    """Compares plans, outputs and errors for these shapes in turn with those of executables that know no others."""
    made = Executable(model, Options())
    for number, shapes in enumerate(all_shapes):
        arrays = [noise(*shape, seed=number + i) for i, shape in enumerate(shapes)]
        afresh = Executable(model, Options())
        try:
            expected = described(afresh.plan(shapes))
        except (RuntimeError, ValueError) as error:
            with pytest.raises(type(error)) as raised:
                made.plan(shapes)
            assert str(raised.value) == str(error)
            continue
        assert described(made.plan(shapes)) == expected
        for found, wanted in zip(run(made, arrays), run(afresh, arrays), strict=True):
            assert found.shape == wanted.shape and found.tobytes() == wanted.tobytes()


def lengthened(rng, shapes):
    """Shapes whose lengths are others: where they were the same most often the same again."""
    renamed = {length: int(rng.choice(SIZES)) for shape in shapes for length in shape if rng.integers(2)}
    return tuple(
        tuple(renamed.get(length, length) if rng.integers(12) else int(rng.choice(SIZES)) for length in shape)
        for shape in shapes
    )


@settings(max_examples=60)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 2**32 - 1))
def test_operators(kind, seed):
    rng = np.random.default_rng(seed)
    found = drawn_model(kind, rng)
    if found is None or any(value.dtype != np.float32 for value in found[1]):
        return
    model, values, _ = found
    first = tuple(value.shape for value in values)
    try:
        model.reshape({i: PartialShape([-1] * value.ndim) for i, value in enumerate(values)})
    except RuntimeError:  # an operator needs to know more
        return
    check(model, [first, *[lengthened(rng, first) for _ in range(4)], first])


class Network(Draw):
    """Images (N, 8, H, W) of unknown N, H and W that are added, joined, divided, and shaped by each other's shapes."""

    def conv(self, x):
        kernel = self.one_of(1, 3)
        pad = self.one_of("explicit", "same_upper")
        return ops["convolution"](
            x, self.noise(8, 8, kernel, kernel), [1, 1], [kernel // 2] * 2, [kernel // 2] * 2, [1, 1], pad
        )  # fmt: skip

    def transposed(self, x):
        return ops["convolution_backprop_data"](x, self.noise(8, 8, 2, 2), [2, 2])

    def halves(self, x):
        first, second = ops["split"](x, 1, 2).outputs()
        return ops["concat"]([self.one_of(ops["relu"], ops["sigmoid"])(second), first], 1)

    def scaled(self, x):
        length = ops["gather"](ops["shape_of"](x), [self.one_of(0, 2, 3)], 0)
        return ops["multiply"](x, ops["sqrt"](ops["convert"](length, "f32")))

    def flattened(self, x):
        shape = ops["shape_of"](x)
        flat = ops["softmax"](ops["reshape"](x, [0, 8, -1], True), self.one_of(1, 2))
        return ops["reshape"](flat, shape, False)

    def attended(self, x):
        rows = ops["reshape"](x, [0, 8, -1], True)
        return ops["reshape"](ops["matmul"](rows, self.one_of(rows, rows), False, True), [0, 8, 8, 1], True)

    def resized(self, x, other):
        sizes = ops["gather"](ops["shape_of"](other), [2, 3], 0)
        return ops["interpolate"](x, sizes, "nearest", "sizes", axes=[2, 3])

    def step(self, known):
        x, other = self.one_of(*known), self.one_of(*known)
        ways = [
            lambda: self.conv(x), lambda: ops["relu"](self.conv(x)), lambda: self.transposed(x),
            lambda: ops["relu"](ops["add"](self.conv(x), other)), lambda: ops["add"](x, other),
            lambda: ops["multiply"](ops["sigmoid"](x), other), lambda: ops["prelu"](x, self.noise(8)),
            lambda: ops["exp"](ops["negative"](ops["abs"](x))), lambda: self.halves(x), lambda: self.scaled(x),
            lambda: self.flattened(x), lambda: self.attended(x), lambda: self.resized(x, other),
            lambda: ops["reduce_mean"](x, [2, 3], True), lambda: self.conv(ops["concat"]([x, x], 0)),
            lambda: ops["max_pool"](x, [1, 1], [1, 1], [1, 1], [1, 1], [3, 3]),
            lambda: ops["slice"](x, [0], [2], [1], [3]),
        ]  # fmt: skip
        return self.one_of(*ways)()


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1))
def test_networks(seed):
    draw = Network(np.random.default_rng(seed))
    parameters = [parameter([-1, 8, -1, -1]) for _ in range(2)]
    known = [parameters[0].output(0), parameters[1].output(0)]
    for _ in range(int(draw.rng.integers(2, 9))):
        try:
            known.append(draw.step(known).output(0))
        except RuntimeError:  # which it would be for all lengths
            continue
    shapes = [[(draw.size(SIZES), 8, draw.size(SIZES), draw.size(SIZES))] * 2 for _ in range(5)]
    if draw.flag():
        shapes = [[shape, (1, 8, 1, 1)] for shape, _ in shapes]
    check(Model([known[-1], draw.one_of(*known)], parameters), [tuple(pair) for pair in [*shapes, shapes[0]]])


def test_one_serves_all_widths(one_kind):
    x = parameter([1, 3, 8, -1])
    y = ops["relu"](ops["convolution"](x, noise(8, 3, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1]))
    flat = ops["reshape"](y, ops["concat"]([[8], ops["gather"](ops["shape_of"](y), [3], 0), [-1]], 0), False)
    check(Model([ops["softmax"](flat, 1)], [x]), [((1, 3, 8, width),) for width in (9, 33, 1, 9, 150)])
    assert one_kind == [True] * 3  # one is known by then


def test_none_where_a_residual_turns_out_to_broadcast(one_kind):
    x, other = parameter([-1, -1, 4]), parameter([-1, -1, 4])
    model = Model([ops["relu"](ops["add"](ops["matmul"](x, noise(4, 4), False, False), other))], [x, other])
    large, small = (2, 5, 4), (1, 1, 4)
    check(model, [(large, large), (small, large), (large, small), (small, small)])
    assert one_kind == [False, False, True]


def test_none_where_an_operand_turns_out_to_broadcast(one_kind):
    x, other = parameter([-1, -1]), parameter([-1, -1])
    model = Model([ops["multiply"](ops["exp"](x), ops["sqrt"](other))], [x, other])
    check(model, [((3, 5), (3, 5)), ((1, 5), (3, 5)), ((1, 7), (4, 7)), ((2, 7), (2, 1))])
    assert one_kind == [False, True, False]


def test_none_where_slopes_are_no_longer_of_channels(one_kind):
    x = parameter([-1, -1, -1])
    check(Model([ops["prelu"](x, noise(3))], [x]), [((1, 3, 4),), ((2, 3, 5),), ((2, 1, 3),), ((2, 3, 3),)])
    assert one_kind == [True, False, False]


def test_none_where_an_element_that_a_step_holds_is_another(one_kind):
    x = parameter([-1, -1])
    length = ops["convert"](ops["gather"](ops["shape_of"](x), 1, 0), "f32")
    model = Model([ops["divide"](ops["exp"](x), ops["sqrt"](length))], [x])
    check(model, [((2, 9),), ((3, 9),), ((3, 16),), ((3, 25),)])
    assert one_kind == [True, False, False]


def test_models_of_static_shape_keep_no_recipe():
    x = parameter([2, 3])
    made = Executable(Model([ops["relu"](x)], [x]), Options())
    made.plan(((2, 3),))
    assert not made._latest
