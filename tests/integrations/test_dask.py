"""dask arrays and data frames, on threads and on a cluster of two processes."""

import os
from unittest import mock

import numpy as np
import pytest

import ovlite as ov
from ovlite.integrations import dask as module
from ovlite.integrations.batches import Batches
from ovlite.integrations.dask import predict, predict_frame

from .conftest import anonymous_memory, die_once, expected, made

da = pytest.importorskip("dask.array", reason="dask is not installed")
pandas = pytest.importorskip("pandas", reason="pandas is not installed")
distributed = pytest.importorskip("distributed", reason="distributed is not installed")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("dask"))
    with (
        mock.patch.dict(os.environ),  # a nanny leaves OMP_NUM_THREADS=1 in it, which later tests would be bound by
        distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None, local_directory=folder) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.parametrize("chunks", [(40, 4), (40, 3), (7, 1)])
def test_arrays_on_threads(path, rows, chunks):
    found = predict(da.from_array(rows, chunks), path, output="scores", batch_size=16)
    assert (
        found.shape == (101, 3)
        and found.dtype == np.float32
        and found.chunks[0] == da.from_array(rows, chunks).chunks[0]
    )
    np.testing.assert_array_equal(found.compute(scheduler="threads"), expected(rows)["scores"])
    best = predict(da.from_array(rows, chunks), path, output="best")
    np.testing.assert_array_equal(best.compute(scheduler="sync"), expected(rows)["best"])


def test_arrays_on_a_cluster(path, rows, cluster):
    found = predict(da.from_array(rows, (10, 4)), path, output="scores", config={"INFERENCE_NUM_THREADS": 1})
    np.testing.assert_array_equal(found.compute(), expected(rows)["scores"])


def test_a_worker_that_leaves_loses_nothing(path, rows, cluster):
    found = predict(da.from_array(rows, (10, 4)), path, output="best").persist()
    distributed.wait(found)
    worker = next(iter(cluster.scheduler_info()["workers"]))
    cluster.restart_workers([worker])
    np.testing.assert_array_equal(found.compute(), expected(rows)["best"])


@pytest.mark.engines
def test_a_worker_that_is_killed_in_the_middle_loses_nothing(rows, cluster, tmp_path):
    place = tmp_path / "died"

    def deadly(block, block_info=None):
        if block_info and block_info[0]["chunk-location"][0] == 5:
            die_once(place)
        return block

    array = da.from_array(rows, (10, 4)).map_blocks(deadly, dtype=np.float32)
    np.testing.assert_array_equal(predict(array, made(), output="best").compute(), expected(rows)["best"])
    assert place.exists()


class Told(Batches):
    """Leaves a line for each process that it comes to."""

    place = ""

    def __getstate__(self):
        return {**super().__getstate__(), "_place": vars(self).get("_place", self.place)}

    def __setstate__(self, state):
        vars(self).update(state)
        with open(self._place, "a") as told:
            told.write(f"{os.getpid()}\n")


@pytest.mark.engines
def test_a_model_comes_to_each_worker_once(rows, cluster, tmp_path, monkeypatch):
    place = tmp_path / "told"
    place.touch()
    monkeypatch.setattr(module, "Batches", Told)
    monkeypatch.setattr(Told, "place", str(place))
    array = da.from_array(np.tile(rows, (5, 1)), (10, 4))
    found = predict(array, made(), output="best")
    np.testing.assert_array_equal(found.compute(), np.tile(expected(rows)["best"], 5))
    workers = [line for line in place.read_text().split() if int(line) != os.getpid()]
    assert 1 <= len(workers) == len(set(workers)) <= 2


def test_threads_are_those_of_the_engine(path, cluster):
    threads = cluster.run(lambda: Batches(path).compiled.get_property("INFERENCE_NUM_THREADS"))
    assert set(threads.values()) == {1}


@pytest.mark.engines
def test_memory_stays_bounded(path, cluster):
    """256 MiB go through workers, 4 MiB at a time."""
    array = da.ones((64 << 18, 4), chunks=(1 << 18, 4), dtype=np.float32)
    before = cluster.run(anonymous_memory)
    found = predict(array, path, output="best", batch_size=4096).sum()
    assert found.compute() == (64 << 18) * float(expected(np.ones((1, 4)))["best"][0])
    after = cluster.run(anonymous_memory)
    assert all(after[worker] - before[worker] < 96 << 20 for worker in after)


def test_frames(path, rows):
    frames = pytest.importorskip("dask.dataframe", reason="dask's data frames are not installed")
    plain = pandas.DataFrame(rows, columns=list("abcd"))
    found = predict_frame(frames.from_pandas(plain, npartitions=3), path, columns={"x": list("abcd")}).compute()
    assert list(found.columns) == [*"abcd", "scores_0", "scores_1", "scores_2", "best"]
    np.testing.assert_array_equal(found[["scores_0", "scores_1", "scores_2"]].to_numpy(), expected(rows)["scores"])
    np.testing.assert_array_equal(found["best"].to_numpy(), expected(rows)["best"])


def test_which_output_has_to_be_said(path, rows):
    with pytest.raises(RuntimeError, match="say which"):
        predict(da.from_array(rows, (40, 4)), path)


def test_compiled_functions_and_models_on_blocks(rows):
    norm = ov.jit(lambda x: np.sqrt((x * x).sum(1, keepdims=True)))
    found = da.from_array(rows, (40, 4)).map_blocks(norm, dtype=np.float32, chunks=((40, 40, 21), (1,)))
    np.testing.assert_allclose(found.compute(), np.linalg.norm(rows, axis=1, keepdims=True), rtol=1e-6)


def test_compiled_functions_with_xarray(rows):
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    scale = ov.jit(lambda x: x / 2)
    found = xarray.apply_ufunc(scale, xarray.DataArray(rows, dims=("row", "column")))
    np.testing.assert_array_equal(found.to_numpy(), rows / 2)
