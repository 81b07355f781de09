"""The collector of garbage is off while graphs are made, and as it was before afterwards."""

import gc
import os
import threading

import pytest

import ovlite as ov
from ovlite.graph.garbage import uncollected


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


def test_the_last_of_several_threads_turns_it_on() -> None:
    assert gc.isenabled()
    inside, go_on = threading.Event(), threading.Event()

    def other() -> None:
        with uncollected():
            inside.set()
            go_on.wait(30)

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(30)
    with uncollected():
        pass
    assert not gc.isenabled()
    go_on.set()
    thread.join()
    assert gc.isenabled()


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
