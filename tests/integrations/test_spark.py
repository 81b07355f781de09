"""Spark on local[2], which tries a task up to four times; needs Java."""

import os
import shutil

import numpy as np
import pytest

from ovlite.integrations.batches import Batches
from ovlite.integrations.spark import iterator_udf, map_in_pandas, predict_batch_fn

from .conftest import anonymous_memory, die_once, expected, made

pyspark = pytest.importorskip("pyspark", reason="pyspark is not installed")
pandas = pytest.importorskip("pandas", reason="pandas is not installed")
JAVA = shutil.which("java") or os.environ.get("JAVA_HOME")
pytestmark = [pytest.mark.engines, pytest.mark.skipif(not JAVA, reason="Java is not installed")]


@pytest.fixture(scope="module")
def spark():
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2,4]").config("spark.ui.enabled", "false")
    session = builder.config("spark.sql.shuffle.partitions", "2").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture
def frame(spark, rows):
    data = [(index, row.tolist()) for index, row in enumerate(rows)]
    return spark.createDataFrame(data, "id long, x array<float>").repartition(3)


def test_batch_functions(path, rows, frame):
    from pyspark.ml.functions import predict_batch_udf
    from pyspark.sql.types import ArrayType, FloatType

    udf = predict_batch_udf(
        predict_batch_fn(path, outputs=["scores"]),
        return_type=ArrayType(FloatType()),
        batch_size=16,
        input_tensor_shapes=[[4]],
    )
    found = frame.withColumn("scores", udf("x")).orderBy("id").collect()
    np.testing.assert_array_equal(np.array([row.scores for row in found], np.float32), expected(rows)["scores"])


def test_frames(path, rows, frame):
    kind = "id long, x array<float>, scores array<float>, best float"
    found = frame.mapInPandas(map_in_pandas(path, {"x": "x"}), kind).orderBy("id").collect()
    np.testing.assert_array_equal(np.array([row.scores for row in found], np.float32), expected(rows)["scores"])
    np.testing.assert_array_equal([row.best for row in found], expected(rows)["best"])


def test_iterators_of_columns(path, rows, frame):
    best = iterator_udf(path, "float", output="best")
    scores = iterator_udf(made(), "array<float>", output="scores", batch_size=8)
    found = frame.select("id", best("x").alias("best"), scores("x").alias("scores")).orderBy("id").collect()
    np.testing.assert_array_equal([row.best for row in found], expected(rows)["best"])
    np.testing.assert_array_equal(np.array([row.scores for row in found], np.float32), expected(rows)["scores"])


def test_no_rows(path, frame):
    kind = "id long, x array<float>, scores array<float>, best float"
    none = frame.where("id < 0")
    assert none.mapInPandas(map_in_pandas(path, {"x": "x"}), kind).collect() == []
    assert none.select(iterator_udf(path, "float", output="best")("x")).collect() == []


@pytest.mark.parametrize("kill", [True, False], ids=["killed", "raises"])
def test_a_task_that_fails_is_tried_again(path, rows, frame, tmp_path, kill):
    place, run = str(tmp_path / "died"), map_in_pandas(path, {"x": "x"})

    def mortal(frames):
        for frame in run(frames):
            if kill:
                die_once(place)
            elif not os.path.exists(place):
                open(place, "x").close()
                raise RuntimeError("a task that fails")
            yield frame

    kind = "id long, x array<float>, scores array<float>, best float"
    found = frame.mapInPandas(mortal, kind).orderBy("id").collect()
    assert os.path.exists(place) and [row.id for row in found] == list(range(101))
    np.testing.assert_array_equal([row.best for row in found], expected(rows)["best"])


def test_threads_and_memory_of_workers(path, spark):
    """Threads are those of a task; 256 MiB go through workers, 4 MiB at a time."""

    def watched(frames):
        run = Batches(path, batch_size=4096)
        for frame in frames:
            count = len(frame) << 18
            run(np.ones((count, 4), np.float32))
            threads = run.compiled.get_property("INFERENCE_NUM_THREADS")
            yield pandas.DataFrame({"threads": [threads], "memory": [anonymous_memory()]})

    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "1")
    try:
        found = spark.range(64, numPartitions=1).mapInPandas(watched, "threads int, memory long").collect()
    finally:
        spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")
    memory = [row.memory for row in found]
    assert {row.threads for row in found} == {1} and len(memory) == 64
    assert max(memory[8:]) - max(memory[:8]) < 32 << 20


def test_which_output_has_to_be_said(path, frame):
    from pyspark.errors import PythonException

    with pytest.raises(PythonException, match="say which with output="):
        frame.select(iterator_udf(path, "float")("x")).collect()
