"""Models whose shapes depend on elements run in stages, each planned when what it needs is known."""

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Model
from ovlite.ops.building import if_op
from ovlite.plan import StepError
from ovlite.types import Type

from .support import compiled, noise, ops, parameter, run


def test_shapes_from_shapes_need_one_stage():
    x = parameter([-1, -1, 4])
    flat = ops["reshape"](x, ops["concat"]([[-1], ops["gather"](ops["shape_of"](x), [1], 0)], 0), False)
    executable = compiled([ops["relu"](flat)], [x])
    data = noise(2, 3, 4)
    assert executable.plan((data.shape,)).program is not None
    np.testing.assert_array_equal(run(executable, [data])[0], np.maximum(data, 0).reshape(-1, 3))


def test_a_shape_that_does_not_fit_is_an_error_that_names_the_node():
    x = parameter([-1, 6])
    node = ops["reshape"](x, [3, 4], False)
    node.friendly_name = "target of 12"
    executable = compiled([node], [x])
    with pytest.raises(ModelError, match=r"Reshape 'target of 12' .*of f32\[3,6\], i64\[2\].*18 elements"):
        run(executable, [noise(3, 6)])
    assert run(executable, [noise(2, 6)])[0].shape == (3, 4)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_shape_given_as_an_input(threads):
    x, target = parameter([-1]), parameter([2], Type.i64)
    executable = compiled([ops["relu"](ops["reshape"](ops["exp"](x), target, False))], [x, target])
    data = noise(12)
    for shape in ([3, 4], [2, 6], [3, 4]):
        (found,) = run(executable, [data, np.array(shape)], threads)
        np.testing.assert_allclose(found, np.exp(data).reshape(shape), rtol=1e-6)


def test_as_many_rows_as_are_not_zero():
    x = parameter([-1, 3])
    chosen = ops["squeeze"](ops["non_zero"](ops["greater"](ops["gather"](x, 0, 1), np.float32(0))), 0)
    executable = compiled([ops["multiply"](ops["gather"](x, chosen, 0), np.float32(2))], [x])
    for seed in range(4):
        data = noise(7, 3, seed=seed)
        np.testing.assert_array_equal(run(executable, [data])[0], data[data[:, 0] > 0] * 2)
    none = np.full((5, 3), -1, np.float32)
    assert run(executable, [none])[0].shape == (0, 3)


def test_results_of_every_stage_are_returned():
    x = parameter([-1])
    early = ops["exp"](x)
    indices = ops["non_zero"](ops["greater"](early, np.float32(1)))
    executable = compiled([early, indices, x, ops["add"](early, np.float32(3))], [x])
    data = noise(9)
    found = run(executable, [data])
    np.testing.assert_allclose(found[0], np.exp(data), rtol=1e-6)
    np.testing.assert_array_equal(found[1], np.nonzero(data > 0)[0][np.newaxis])
    np.testing.assert_array_equal(found[2], data)
    np.testing.assert_allclose(found[3], 3 + np.exp(data), rtol=1e-6)


def test_an_index_out_of_range_stops_the_run_and_the_next_one_is_right():
    x, indices = parameter([4, 2]), parameter([-1], Type.i64)
    executable = compiled([ops["gather"](x, indices, 0)], [x, indices])
    data = noise(4, 2)
    with pytest.raises(RuntimeError) as failure:
        run(executable, [data, np.array([0, 4])])
    assert isinstance(failure.value, StepError) or "range" in str(failure.value)
    np.testing.assert_array_equal(run(executable, [data, np.array([3, -4])])[0], data[[3, 0]])


def chosen(condition, x, target, depth):
    """x in the shape `target` where the condition is true, within so many branches; else -x."""
    bodies = []
    for holds in (True, False):
        inner, shape, again = parameter([-1]), parameter([2], Type.i64), parameter([], Type.boolean)
        if not holds:
            result = ops["reshape"](ops["negative"](inner), [1, -1], False)
        elif depth == 1:
            result = ops["reshape"](inner, shape, False)
        else:
            result = chosen(again, inner, shape, depth - 1)
        bodies.append((Model([result], [inner, shape, again]), [inner, shape, again]))
    node = if_op(condition)
    node.set_then_body(bodies[0][0])
    node.set_else_body(bodies[1][0])
    for outer, *inner in zip((x, target, condition), bodies[0][1], bodies[1][1], strict=True):
        node.set_input(outer.output(0), *inner)
    return node.set_output(bodies[0][0].results[0], bodies[1][0].results[0])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("depth", [1, 2])
def test_a_branch_whose_shape_is_given_as_an_input(depth, threads):
    x, target, condition = parameter([-1]), parameter([2], Type.i64), parameter([], Type.boolean)
    result = chosen(condition, ops["multiply"](x, np.float32(2)), ops["abs"](target), depth)
    executable = compiled([result], [x, target, condition])
    data = noise(12)
    for shape in ([3, 4], [2, -6], [3, 4]):
        (found,) = run(executable, [data, np.array(shape), np.array(True)], threads)
        np.testing.assert_array_equal(found, 2 * data.reshape(np.abs(shape)))
        (found,) = run(executable, [data, np.array(shape), np.array(False)], threads)
        np.testing.assert_array_equal(found, -2 * data[np.newaxis])


def places(condition, x, depth):
    """Indices of elements of x that are not zero, within so many branches, whose conditions are computed within them;
    those of x + 1 where the condition is false."""
    bodies = []
    for holds in (True, False):
        inner, again = parameter([-1]), parameter([], Type.boolean)
        if holds and depth > 1:
            late = ops["less"](ops["reduce_min"](inner, [0]), np.float32(0))
            result = places(ops["logical_and"](again, late), inner, depth - 1)
        else:
            result = ops["non_zero"](inner if holds else ops["add"](inner, np.float32(1)))
        bodies.append((Model([result], [inner, again]), [inner, again]))
    node = if_op(condition)
    node.set_then_body(bodies[0][0])
    node.set_else_body(bodies[1][0])
    for outer, *inner in zip((x, condition), bodies[0][1], bodies[1][1], strict=True):
        node.set_input(outer.output(0), *inner)
    return node.set_output(bodies[0][0].results[0], bodies[1][0].results[0])


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_branch_in_branches_whose_shape_its_elements_tell(depth):
    x, condition = parameter([-1]), parameter([], Type.boolean)
    executable = compiled([ops["multiply"](places(condition, x, depth), [[2]])], [x, condition])
    data = np.array([0, 3, -1, 0, 5], np.float32)
    for holds, expected in ((True, [1, 2, 4]), (False, [0, 1, 3, 4]), (True, [1, 2, 4])):
        np.testing.assert_array_equal(run(executable, [data, np.array(holds)])[0], 2 * np.array([expected]))


def test_a_branch_whose_shapes_depend_on_elements_twice():
    """What the second choice is made of is not computed again once that is made."""
    x, condition = parameter([-1]), parameter([], Type.boolean)
    bodies = []
    for limit in (0, 3):
        inner = parameter([-1])
        some = ops["gather"](inner, ops["squeeze"](ops["non_zero"](ops["greater"](inner, np.float32(limit))), 0), 0)
        bodies.append(Model([ops["non_zero"](ops["less"](ops["exp"](some), np.float32(100)))], [inner]))
    node = if_op(condition)
    node.set_then_body(bodies[0])
    node.set_else_body(bodies[1])
    node.set_input(x.output(0), *[body.parameters[0] for body in bodies])
    executable = compiled([node.set_output(*[body.results[0] for body in bodies])], [x, condition])
    data = np.array([5, 0, 1, 4, 9, 2], np.float32)
    for holds, expected in ((True, [1, 2, 4]), (False, [1]), (True, [1, 2, 4])):
        np.testing.assert_array_equal(run(executable, [data, np.array(holds)])[0], [expected])
