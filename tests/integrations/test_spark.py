"""Spark on local[2]; needs Java."""

import os
import shutil

import numpy as np
import pytest

from ovlite.integrations.spark import map_in_pandas, predict_batch_fn

from .conftest import expected

pyspark = pytest.importorskip("pyspark", reason="pyspark is not installed")
pandas = pytest.importorskip("pandas", reason="pandas is not installed")
JAVA = shutil.which("java") or os.environ.get("JAVA_HOME")
pytestmark = [pytest.mark.engines, pytest.mark.skipif(not JAVA, reason="Java is not installed")]


@pytest.fixture(scope="module")
def spark():
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
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
