"""The collector of garbage is off while graphs are made, and as it was before afterwards."""

import gc
import io
import os
import pickle
import sys
import threading
import time

import numpy as np
import pytest

import ovlite as ov
import ovlite.opset13 as ops
from ovlite.graph.garbage import uncollected
from ovlite.plan.executable import _EXECUTABLES


@pytest.fixture(params=[True, False])
def enabled(request: pytest.FixtureRequest):
    before = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    yield request.param
    (gc.enable if before else gc.disable)()


def test_it_is_as_it_was(enabled: bool) -> None:
    with uncollected():
        assert not gc.isenabled()
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled() == enabled


def test_it_is_as_it_was_after_an_error(enabled: bool) -> None:
    with pytest.raises(RuntimeError):
        ov.Core().read_model(b"no model")
    assert gc.isenabled() == enabled


@pytest.fixture
def other_thread():
    """A thread that makes a graph all the while."""
    inside, go_on = threading.Event(), threading.Event()

    def other() -> None:
        with uncollected():
            inside.set()
            go_on.wait(30)

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(30)
    yield
    go_on.set()
    thread.join()


def test_the_first_of_several_threads_turns_it_on(enabled: bool, other_thread: None) -> None:
    """Else garbage would grow for as long as some thread makes a graph."""
    for _ in range(2):
        with uncollected():
            with uncollected():
                pass
            assert not gc.isenabled()
        assert gc.isenabled() == enabled


def test_it_is_on_in_a_child_of_a_process_that_makes_a_graph() -> None:
    with uncollected():
        child = os.fork()
        if not child:
            os._exit(0 if gc.isenabled() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_is_made_is_young_afterwards() -> None:
    """Models that nobody holds any more are found by the usual collections, as often as those come."""
    gc.collect()
    with uncollected():
        made: list[object] = [[] for _ in range(10_000)]
        made.append(made)
    assert not any(item is made for item in gc.get_objects(generation=2))


X = np.ones((2, 3), np.float32)


def product() -> ov.Model:
    x = ops.parameter([-1, 3], np.float32, name="x")
    y = ops.matmul(x, np.ones((3, 4), np.float32), False, False)
    return ov.Model([ops.result(y, name="y")], [x], "product")


def compiled(**config: object) -> ov.CompiledModel:
    made = ov.compile_model(product(), "CPU", config)
    made(X)
    return made


def read(path: str, **config: object) -> ov.CompiledModel:
    ov.save_model(product(), f"{path}/model.xml")
    for _ in range(2):  # the second finds what the first keeps in CACHE_DIR
        made = ov.compile_model(f"{path}/model.xml", "CPU", config)
        made(X)
    return made


def imported(path: str) -> ov.CompiledModel:
    made = ov.Core().import_model(io.BytesIO(compiled().export_model().getvalue()), "CPU")
    made(X)
    return made


def unpickled(path: str) -> ov.CompiledModel:
    made: ov.CompiledModel = pickle.loads(pickle.dumps(compiled()))
    made(X)
    return made


def traced(path: str) -> object:
    made = ov.jit(lambda x: np.maximum(x @ np.ones((3, 4), np.float32), 0))
    made(X)
    return made


def queue(path: str) -> ov.AsyncInferQueue:
    made = ov.AsyncInferQueue(compiled(NUM_STREAMS=2), 2)
    made.set_callback(lambda request, results: results.append(request.results))
    for _ in range(5):
        made.start_async([X], [])
    made.wait_all()
    return made


def request(path: str) -> ov.InferRequest:
    made = compiled().create_infer_request()
    made.start_async([X])
    made.cancel()
    return made


MAKERS = {
    "model": lambda path: compiled(),
    "profiled": lambda path: (made := compiled(PERF_COUNT=True)).get_runtime_model() and made,
    "ports": lambda path: (made := compiled()).output(0).get_node() and made,
    "path": read,
    "CACHE_DIR": lambda path: read(path, CACHE_DIR=f"{path}/cache"),
    "import_model": imported,
    "pickle": unpickled,
    "jit": traced,
    "queue": queue,
    "request": request,
}


@pytest.fixture
def without_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="others do not count references")
@pytest.mark.parametrize("how", MAKERS)
def test_plans_and_packed_weights_go_with_the_last_who_can_run_them(
    how: str, without_collector: None, tmp_path: object
) -> None:
    """At once: for the collector a few objects are no reason to look, however large what they hold."""
    before = set(_EXECUTABLES)
    made = MAKERS[how](str(tmp_path))
    assert set(_EXECUTABLES) - before
    del made
    patience = time.monotonic() + 30  # a stream's thread may be about to let go of a request
    while set(_EXECUTABLES) - before and time.monotonic() < patience:
        time.sleep(0.01)
    assert not set(_EXECUTABLES) - before


def test_a_port_tells_of_its_model_when_that_can_not_run_any_more() -> None:
    port = compiled().output(0)
    gc.collect()
    assert port.get_node().get_type_name() == "Result" and port.get_any_name() == "y"
