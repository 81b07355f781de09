"""Views of outputs: the next run overwrites them, unless KEEP_SHARED_OUTPUTS is on, which openvino does not have."""

import asyncio
import gc
import weakref

import numpy as np
import pytest

from .conftest import address


@pytest.fixture
def compiled(mine):
    return mine.compile(mine.plus_one(), KEEP_SHARED_OUTPUTS=True)


def runs(A):
    """Ways to run a request that has given out a view, on A + 10 or again."""

    def start(request, value):
        request.start_async(value)
        request.wait()

    return {
        "infer": lambda request: request.infer(A + 10),
        "shared": lambda request: request.infer(A + 10, share_outputs=True),
        "start_async": lambda request: start(request, A + 10),
        "await": lambda request: asyncio.run(request.infer_async(A + 10, share_outputs=True)),
        "again": lambda request: request.infer(),
    }


def test_views_change_by_default(mine, A):
    request = mine.compile(mine.plus_one()).create_infer_request()
    view = request.infer(A, share_outputs=True)["y"]
    request.infer(A + 10)
    np.testing.assert_array_equal(view, A + 11)


@pytest.mark.parametrize("way", ["infer", "shared", "start_async", "await", "again"])
def test_kept_views_stay(compiled, A, way):
    request = compiled.create_infer_request()
    first = request.infer(A, share_outputs=True)["y"]
    runs(A)[way](request)
    np.testing.assert_array_equal(first, A + 1)
    latest = request.get_output_tensor().data
    np.testing.assert_array_equal(latest, A + (1 if way == "again" else 11))
    assert address(latest) != address(first)


def test_kept_views_of_calls(compiled, A):
    views = [compiled(A + step, share_outputs=True)["y"] for step in range(20)]
    compiled(A + 100)
    for step, view in enumerate(views):
        np.testing.assert_array_equal(view, A + step + 1)


@pytest.mark.parametrize("see", [lambda v: v[1:], lambda v: v.T, memoryview, lambda v: v.ravel().view(np.int32)])
def test_what_is_made_of_a_view_keeps_it(compiled, A, see):
    request = compiled.create_infer_request()
    seen = see(request.infer(A, share_outputs=True)["y"])
    expected = np.array(seen)
    request.infer(A + 10)
    np.testing.assert_array_equal(np.asarray(seen), expected)


def test_memory_is_used_again_once_no_view_is_left(compiled, A):
    request = compiled.create_infer_request()
    places = set()
    for _ in range(5):
        view = request.infer(A, share_outputs=True)["y"]
        places.add(address(view))
        del view
    assert len(places) == 1


def test_views_free_their_memory(compiled, A):
    request = compiled.create_infer_request()
    view = request.infer(A, share_outputs=True)["y"]
    kept = weakref.ref(view.base)
    request.infer(A)
    assert kept() is not None
    del view
    gc.collect()
    assert kept() is None


def test_output_tensors_show_the_latest_run(compiled, A):
    request = compiled.create_infer_request()
    tensor = request.get_output_tensor()
    view = request.infer(A, share_outputs=True)["y"]
    request.infer(A + 10)
    np.testing.assert_array_equal(tensor.data, A + 11)
    np.testing.assert_array_equal(view, A + 1)


def test_memory_of_the_caller_stays_bound(mine, compiled, A):
    request = compiled.create_infer_request()
    memory = np.zeros((2, 3), np.float32)
    request.set_output_tensor(mine.ov.Tensor(memory, shared_memory=True))
    view = request.infer(A, share_outputs=True)["y"]
    request.infer(A + 10)
    np.testing.assert_array_equal(memory, A + 11)
    np.testing.assert_array_equal(view, A + 1)


def test_kept_views_of_other_models(mine, A):
    dynamic = mine.compile(mine.plus_one((-1, 3)), KEEP_SHARED_OUTPUTS="YES").create_infer_request()
    sizes = (2, 5, 1, 0, 5)
    views = [dynamic.infer(np.full((rows, 3), rows, np.float32), share_outputs=True)["y"] for rows in sizes]
    for rows, view in zip(sizes, views, strict=True):
        np.testing.assert_array_equal(view, np.full((rows, 3), rows + 1))
    passing = mine.compile(mine.passing(), KEEP_SHARED_OUTPUTS=True).create_infer_request()
    source = A.copy()
    view = passing.infer(source, share_inputs=True, share_outputs=True)[0]
    source[:] = 0
    passing.infer()
    np.testing.assert_array_equal(view, A)
    both = mine.compile(mine.two_outputs(), KEEP_SHARED_OUTPUTS=True)
    first = both([A, A], share_outputs=True)
    second = both([A, -A], share_outputs=True)
    np.testing.assert_array_equal(first["sum"], A + A)
    np.testing.assert_array_equal(first["difference"], A - A)
    np.testing.assert_array_equal(second["difference"], A + A)


def test_kept_views_of_a_plan_in_stages(mine):
    x = mine.parameter((-1,))
    found = mine.ops.non_zero(x, "i64")
    model = mine.ov.Model([mine.ops.result(found, name="y")], [x], "places")
    request = mine.compile(model, KEEP_SHARED_OUTPUTS=True).create_infer_request()
    first = request.infer(np.array([1, 0, 1], np.float32), share_outputs=True)["y"]
    second = request.infer(np.array([0, 1, 0], np.float32), share_outputs=True)["y"]
    third = request.infer(np.array([1, 1, 1], np.float32))["y"]
    assert (first.tolist(), second.tolist(), third.tolist()) == ([[0, 2]], [[1]], [[0, 1, 2]])


def test_the_property(mine):
    key = mine.submodule("properties").keep_shared_outputs
    assert key == "KEEP_SHARED_OUTPUTS" and key(True)[0] == key
    compiled = mine.compile(mine.plus_one(), **{key: True})
    assert compiled.get_property(key) is True
    assert mine.compile(mine.plus_one()).get_property(key) is False
    again = mine.ov.Core().import_model(compiled.export_model(), "CPU")
    assert again.get_property(key) is True
    with pytest.raises(RuntimeError, match="KEEP_SHARED_OUTPUTS to take"):
        mine.compile(mine.plus_one(), KEEP_SHARED_OUTPUTS="maybe")
