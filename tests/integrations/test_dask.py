"""dask arrays and data frames, on threads and on a cluster of two processes."""

import numpy as np
import pytest

import ovlite as ov
from ovlite.integrations.dask import predict, predict_frame

from .conftest import expected

da = pytest.importorskip("dask.array", reason="dask is not installed")
pandas = pytest.importorskip("pandas", reason="pandas is not installed")
distributed = pytest.importorskip("distributed", reason="distributed is not installed")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("dask"))
    with (
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


def test_a_worker_that_dies_loses_nothing(path, rows, cluster):
    found = predict(da.from_array(rows, (10, 4)), path, output="best").persist()
    distributed.wait(found)
    worker = next(iter(cluster.scheduler_info()["workers"]))
    cluster.restart_workers([worker])
    np.testing.assert_array_equal(found.compute(), expected(rows)["best"])


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
