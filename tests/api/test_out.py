"""compiled(x, out=...): results in the caller's arrays. ovlite's own."""

import threading

import numpy as np
import pytest

A = np.arange(6, dtype=np.float32).reshape(2, 3)


def empty():
    return np.full((2, 3), -1, np.float32)


@pytest.mark.parametrize("form", ["array", "list", "tuple", "by index", "by name", "by port", "tensor", "buffer"])
def test_forms(mine, form):
    compiled = mine.compile(mine.plus_one())
    target = empty()
    out = {
        "array": target, "list": [target], "tuple": (target,), "by index": {0: target}, "by name": {"y": target},
        "by port": {compiled.output(0): target}, "tensor": mine.ov.Tensor(target, shared_memory=True),
        "buffer": memoryview(target),
    }[form]  # fmt: skip
    results = compiled(A, out=out)
    np.testing.assert_array_equal(target, A + 1)
    assert np.shares_memory(results[0], target)
    np.testing.assert_array_equal(compiled(2 * A)[0], 2 * A + 1)
    np.testing.assert_array_equal(target, A + 1)


def test_the_array_itself_is_returned(mine):
    compiled = mine.compile(mine.plus_one())
    target = empty()
    assert compiled(A, out=target)["y"] is target


@pytest.mark.parametrize("given", [(0,), (1,), (0, 1), ()])
def test_some_outputs(mine, given):
    compiled = mine.compile(mine.two_outputs())
    out = [empty() if index in given else None for index in range(2)]
    results = compiled([2 * A, A], out=out)
    for index, expected in enumerate((3 * A, A)):
        np.testing.assert_array_equal(results[index], expected)
        if index in given:
            assert results[index] is out[index]
    named = compiled([2 * A, A], out={"difference": out[1]})
    np.testing.assert_array_equal(named["sum"], 3 * A)


def refusals():
    strided, locked = np.empty((2, 6), np.float32)[:, ::2], empty()
    locked.flags.writeable = False
    return {
        "dtype": (np.empty((2, 3)), TypeError, "holds float32.*holds float64"),
        "byte order": (np.empty((2, 3), ">f4"), TypeError, "holds float32"),
        "shape": (np.empty((3, 2), np.float32), ValueError, r"shape \(2, 3\).*\(3, 2\)"),
        "rank": (np.empty(6, np.float32), ValueError, "shape"),
        "strides": (strided, ValueError, "C-contiguous"),
        "order": (np.empty((2, 3), np.float32, order="F"), ValueError, "C-contiguous"),
        "read-only": (locked, ValueError, "writable"),
        "kind": (3.0, TypeError, "an array or a Tensor, got float"),
        "count": ([empty(), empty()], ValueError, "2 arrays"),
        "name": ({"z": empty()}, KeyError, "'z'; it has y"),
        "index": ({1: empty()}, KeyError, "no output 1"),
    }


@pytest.mark.parametrize("name", refusals())
def test_refused(mine, name):
    compiled = mine.compile(mine.plus_one())
    out, error, match = refusals()[name]
    with pytest.raises(error, match=match):
        compiled(A, out=out)
    np.testing.assert_array_equal(compiled(A)[0], A + 1)


def test_inputs_and_outputs_apart(mine):
    compiled = mine.compile(mine.plus_one())
    memory = np.zeros(9, np.float32)
    x = memory[:6].reshape(2, 3)
    for target in (x, memory[3:].reshape(2, 3)):
        with pytest.raises(ValueError, match="overlaps an input"):
            compiled(x, out=target)
    assert compiled(x, share_inputs=False, out=x)[0] is x
    np.testing.assert_array_equal(x, np.ones((2, 3)))


def test_outputs_apart_from_each_other(mine):
    compiled = mine.compile(mine.two_outputs())
    target = empty()
    with pytest.raises(ValueError, match="overlap"):
        compiled([A, A], out=[target, target])
    with pytest.raises(ValueError, match="twice"):
        compiled([A, A], out={0: target, "sum": empty()})
    with pytest.raises(TypeError, match="2 outputs"):
        compiled([A, A], out=target)


def test_not_with_views(mine):
    with pytest.raises(ValueError, match="share_outputs"):
        mine.compile(mine.plus_one())(A, share_outputs=True, out=empty())


def test_after_views_were_handed_out(mine):
    compiled = mine.compile(mine.plus_one())
    view = compiled(A, share_outputs=True)[0]
    target = empty()
    compiled(2 * A, out=target)
    np.testing.assert_array_equal(target, 2 * A + 1)
    np.testing.assert_array_equal(view, A + 1)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int8, np.int64, np.bool_])
def test_element_types(mine, dtype):
    compiled = mine.compile(mine.passing(dtype=dtype))
    target = np.zeros((2, 3), dtype)
    compiled(A.astype(dtype), out=target)
    np.testing.assert_array_equal(target, A.astype(dtype))


def test_dynamic_shapes(mine):
    compiled = mine.compile(mine.plus_one((-1, 3)))
    for rows in (0, 1, 5):
        target = np.zeros((rows, 3), np.float32)
        compiled(np.ones((rows, 3), np.float32), out=target)
        assert (target == 2).all()
    with pytest.raises(ValueError, match="shape"):
        compiled(np.ones((4, 3), np.float32), out=target)


def test_shapes_that_depend_on_elements(mine):
    x = mine.parameter((6,))
    found = mine.ops.gather_nd(x, mine.ops.transpose(mine.ops.non_zero(x), np.array([1, 0])))
    compiled = mine.compile(mine.ov.Model([mine.ops.result(found, name="y")], [x], "picked"))
    target = np.zeros(5, np.float32)
    compiled(A.ravel(), out=target)
    np.testing.assert_array_equal(target, [1, 2, 3, 4, 5])
    with pytest.raises(ValueError, match="shape"):
        compiled(np.ones(6, np.float32), out=target)
    with pytest.raises(TypeError, match="float64"):
        compiled(A.ravel(), out=np.zeros(5))


def test_strings_are_refused(mine):
    x = mine.ops.parameter([2], mine.ov.Type.string, name="x")
    compiled = mine.compile(mine.ov.Model([mine.ops.result(x, name="y")], [x], "strings"))
    with pytest.raises(TypeError, match="strings"):
        compiled(np.array(["a", "b"]), out=np.empty(2, object))


def test_from_many_threads(mine):
    compiled = mine.compile(mine.plus_one())
    failures = []

    def work(index):
        target = empty()
        for turn in range(100):
            x = A + index * 1000 + turn
            compiled(x, out=target)
            if not np.array_equal(target, x + 1):
                failures.append((index, turn))

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
