"""Arguments and results of compiled functions, and compiled models within them."""

import pickle
from collections import namedtuple

import numpy as np
import pytest

import ovlite as ov
import ovlite.opset16 as ops
from ovlite.errors import TraceError

A = np.arange(12, dtype=np.float32).reshape(3, 4)


def linear():
    x = ops.parameter([-1, 4], np.float32, name="x")
    x.output(0).set_names({"x"})
    y = ops.matmul(x, np.arange(8, dtype=np.float32).reshape(4, 2), False, False)
    y.output(0).set_names({"y"})
    return ov.compile_model(ov.Model([y, ops.relu(x)], [x], "linear"), "CPU")


def test_a_compiled_model_is_a_part_of_the_function():
    model = linear()
    images = np.arange(20, dtype=np.uint8).reshape(5, 4)

    @ov.jit
    def classes(images):
        x = images / 255
        y = model(x)
        assert len(y) == len(list(y)) == 2 and y.keys() == model.outputs
        assert y["y"].dtype == np.float32 and model({"x": x})[0].shape == y[model.outputs[0]].shape
        return y[0].argmax(1), model([x]).to_tuple()[1], [*y.values()][0]

    scores, kept = (model(images / 255)[index] for index in range(2))
    found = classes(images)
    np.testing.assert_array_equal(found[0], scores.argmax(1))
    np.testing.assert_array_equal(found[1], kept)
    np.testing.assert_array_equal(found[2], scores)
    assert "MatMul" in {node.get_type_name() for node in classes.model(images).get_ops()}


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda model, a: model(a[:, :2]), "has the shape"),
        (lambda model, a: model([a, a]), "2 inputs are given"),
        (lambda model, a: model({"x": a})["z"], "z"),
        (lambda model, a: model({linear().input(0): a}), "the model has no input .*; it has x"),
        (lambda model, a: model(a)[linear().output(0)], "the model has no output .*; it has .*y"),
    ],
)
def test_calls_that_a_model_does_not_take(call, text):
    model = linear()
    with pytest.raises((TraceError, KeyError, RuntimeError), match=text):
        ov.jit(lambda a: call(model, a))(A)


def test_a_model_with_a_state_is_refused():
    x = ops.parameter([2], np.float32)
    old = ops.read_value(ops.constant(np.zeros(2, np.float32)), "state")
    new = ops.add(x, old)
    model = ov.compile_model(ov.Model([new], [ops.assign(new, "state")], [x], "sums"), "CPU")
    with pytest.raises(TraceError, match="state"):
        ov.jit(lambda a: model(a)[0])(A[0, :2])


def test_numbers_are_constants_by_value():
    divided = ov.jit(lambda x, by: x / by)
    one = np.ones(1)
    assert divided(one, 0.0)[0] == np.inf and divided(one, -0.0)[0] == -np.inf
    assert divided(one, 2)[0] == 0.5 and divided(np.ones(1, np.float32), True).dtype == np.float32


def test_trees_of_arrays():
    Pair = namedtuple("Pair", "left right")
    swap = ov.jit(
        lambda pair, more: (Pair(pair.right, pair.left), {"sum": more["a"][0] + 1, "name": "n", "none": None})
    )
    swapped, rest = swap(Pair(A, 2 * A), {"a": [A]})
    assert type(swapped) is Pair and rest["name"] == "n" and rest["none"] is None
    np.testing.assert_array_equal(swapped.left, 2 * A)
    np.testing.assert_array_equal(rest["sum"], A + 1)


def test_results_are_the_callers_own():
    table = np.arange(4.0)
    both = ov.jit(lambda x: (x, table, x.T))
    for _ in range(2):
        same, constant, turned = both(A)
        assert same is not A and not np.shares_memory(same, A) and not np.shares_memory(constant, table)
        np.testing.assert_array_equal(same, A)
        np.testing.assert_array_equal(constant, table)
        np.testing.assert_array_equal(turned, A.T)
        same[:], constant[:] = -1, -1
    np.testing.assert_array_equal(table, np.arange(4.0))


def test_later_calls_are_like_the_first():
    halved = ov.jit(lambda x, y: x / 2 + y)
    total = ov.jit(lambda x: x.sum())
    for x in (A, A.astype(">f4"), A[::-1], np.asfortranarray(A), A.astype(">f4")) * 3:
        np.testing.assert_array_equal(halved(x, A), np.asarray(x, np.float32) / 2 + A)
        assert type(total(x)) is np.float32 and total(x) == A.sum()
    view = halved(A, A, share_outputs=True)
    halved(2 * A, A, share_outputs=True)
    np.testing.assert_array_equal(view, 2 * A)
    out = np.empty_like(A)
    assert halved(A, A, out=out) is not None
    np.testing.assert_array_equal(out, A * 1.5)
    np.testing.assert_array_equal(halved(A, y=A), A * 1.5)
    np.testing.assert_array_equal(halved(A, 1), A / 2 + 1)


@ov.jit
def doubled(x):
    return x * 2


def plainly_doubled(x):
    return x * 2


def test_pickles():
    assert pickle.loads(pickle.dumps(doubled)) is doubled
    again = pickle.loads(pickle.dumps(ov.jit(plainly_doubled)))
    np.testing.assert_array_equal(again(A), A * 2)


def test_options_of_the_call():
    with pytest.raises(TypeError, match="named out"):
        ov.jit(lambda x, out: x)


def test_methods():
    class Scale:
        def __init__(self, factor):
            self.factor = factor
            self.bound = ov.jit(self.plain)

        def plain(self, x):
            return x * self.factor

        run = ov.jit(plain)

    np.testing.assert_array_equal(Scale(3).bound(A), A * 3)
    with pytest.raises(TypeError, match="bound method"):
        Scale(3).run(A)


def test_a_function_may_call_itself_while_it_is_traced():
    @ov.jit
    def twice(x, deep=True):
        return x + (twice(np.ones(4, np.float32), deep=False) if deep else 0)

    np.testing.assert_array_equal(twice(A), A + 1)


def test_elements_of_closures_are_those_when_it_was_traced():
    table = np.ones(4, np.float32)
    add = ov.jit(lambda x: x + table)
    add(A)
    table[:] = 5
    np.testing.assert_array_equal(add(A), A + 1)


def test_names_of_a_dict_are_of_their_types():
    scaled = ov.jit(lambda parts: sum(part * name for name, part in parts.items()))
    x = np.arange(3)
    assert [scaled({name: x}).dtype for name in (1, 1.0, True)] == [np.int64, np.float64, np.int64]


@pytest.mark.parametrize("name, value", [("shape", (3, 1)), ("dtype", np.int8)])
def test_what_an_array_is_cannot_be_assigned(name, value):
    def function(x):
        setattr(x, name, value)
        return x

    with pytest.raises(TraceError, match=f"an assignment to the array's {name}"):
        ov.jit(function)(np.ones(3, np.float32))


def test_traced_arrays_are_arrays_to_those_who_ask():
    asking = ov.jit(lambda x: x + 1 if isinstance(x, np.ndarray) else x)
    assert asking(A).tolist() == (A + 1).tolist()
    assert ov.jit(lambda x: asking(x) * 2)(A).tolist() == ((A + 1) * 2).tolist()
