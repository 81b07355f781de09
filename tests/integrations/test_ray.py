"""ray's data sets and deployments on a local cluster of two processors."""

import json
import os
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ovlite.integrations.ray import Predictor, application, predict

from .conftest import anonymous_memory, die_once, expected, made

ray = pytest.importorskip("ray", reason="ray is not installed")
pytest.importorskip("ray.data", reason="ray's data sets are not installed")

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 << 20)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def numbered(rows):
    return ray.data.from_items([{"x": row, "id": index} for index, row in enumerate(rows)])


def check(found, rows):
    """Each row is there once, with its results."""
    table = sorted(found.take_all(), key=lambda row: row["id"])
    assert [row["id"] for row in table] == list(range(len(rows)))
    np.testing.assert_array_equal(np.stack([row["scores"] for row in table]), expected(rows)["scores"])
    np.testing.assert_array_equal([row["best"] for row in table], expected(rows)["best"])


def test_a_batch_in_this_process(path, rows):
    found = Predictor(path, columns={"x": "row"}, batch_size=8)({"row": rows, "id": np.arange(101)})
    assert list(found) == ["row", "id", "scores", "best"]
    np.testing.assert_array_equal(found["scores"], expected(rows)["scores"])


@pytest.mark.parametrize("source", ["path", "model"])
def test_data_sets(path, rows, source, cluster):
    check(predict(numbered(rows), path if source == "path" else made(), workers=1, batch_size=16), rows)


class Mortal(Predictor):
    """Dies at its third batch, once."""

    def __init__(self, model, place):
        super().__init__(model, batch_size=8)
        self.place, self.count = place, 0

    def __call__(self, batch):
        self.count += 1
        if self.count == 3:
            die_once(self.place)
        return super().__call__(batch)


def test_a_worker_that_dies_loses_nothing(path, rows, cluster, tmp_path):
    pool = ray.data.ActorPoolStrategy(size=2)
    place = str(tmp_path / "died")
    found = numbered(rows).map_batches(Mortal, fn_constructor_args=[path, place], batch_size=8, compute=pool)
    check(found, rows)
    assert os.path.exists(place)


class Watched(Predictor):
    """One row for each batch: what its results took."""

    def __call__(self, batch):
        found = super().__call__(batch)
        threads = self._batches.compiled.get_property("INFERENCE_NUM_THREADS")
        about = {"rows": len(found["best"]), "memory": anonymous_memory(), "threads": threads}
        return {name: [value] for name, value in about.items()}


@pytest.mark.parametrize("num_cpus", [1, 2])
def test_threads_are_those_of_the_engine(path, rows, num_cpus, cluster):
    pool = ray.data.ActorPoolStrategy(size=1)
    found = numbered(rows[:9]).map_batches(Watched, fn_constructor_args=[path], compute=pool, num_cpus=num_cpus)
    assert found.take_all()[0]["threads"] == min(num_cpus, len(os.sched_getaffinity(0)))


def test_memory_stays_bounded(path, cluster, monkeypatch):
    """256 MiB go through one worker, 4 MiB at a time; ray gathers blocks of 8."""
    monkeypatch.setattr(ray.data.DataContext.get_current(), "target_max_block_size", 8 << 20)
    count = 1 << 18
    pool = ray.data.ActorPoolStrategy(size=1)
    batches = ray.data.range(64).map_batches(lambda _: {"x": np.ones((count, 4), np.float32)}, batch_size=1)
    watched = batches.map_batches(
        Watched, fn_constructor_args=[path], fn_constructor_kwargs={"batch_size": 4096}, batch_size=count, compute=pool
    )
    table = watched.take_all()
    memory = [row["memory"] for row in table]
    assert sum(row["rows"] for row in table) == 64 * count and max(memory[8:]) - max(memory[:8]) < 64 << 20


def posted(port, body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", data=body)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_deployment(path, rows, cluster, free_port):
    serve = pytest.importorskip("ray.serve", reason="ray's Serve is not installed")
    serve.start(http_options={"host": "127.0.0.1", "port": free_port})
    try:
        handle = serve.run(application(path, replicas=1, num_cpus=0.5, batch_size=8), name="scores")
        for answer in [handle.remote({"x": rows}) for _ in range(8)]:
            np.testing.assert_array_equal(answer.result()["scores"], expected(rows)["scores"])
        with ThreadPoolExecutor(8) as pool:
            bodies = [json.dumps({"x": rows[: count + 1].tolist()}).encode() for count in range(32)]
            for count, (status, found) in enumerate(pool.map(lambda body: posted(free_port, body), bodies)):
                assert status == 200
                np.testing.assert_array_equal(found["scores"], expected(rows[: count + 1])["scores"])
        for body, text in (
            (b"{", "Expecting"),
            (b"[]", "an object"),
            (b'{"y": []}', "no 'x'"),
            (b'{"x": [[1]]}', "has"),
        ):
            status, found = posted(free_port, body)
            assert status == 400 and text in found["error"]
    finally:
        serve.shutdown()
