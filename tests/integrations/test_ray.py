"""ray's data sets on a local cluster of two processors."""

import numpy as np
import pytest

from ovlite.integrations.ray import Predictor, predict

from .conftest import expected, made

ray = pytest.importorskip("ray", reason="ray is not installed")
pytest.importorskip("ray.data", reason="ray's data sets are not installed")

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 << 20)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def test_a_batch_in_this_process(path, rows):
    found = Predictor(path, columns={"x": "row"}, batch_size=8)({"row": rows, "id": np.arange(101)})
    assert list(found) == ["row", "id", "scores", "best"]
    np.testing.assert_array_equal(found["scores"], expected(rows)["scores"])


@pytest.mark.parametrize("source", ["path", "model"])
def test_data_sets(path, rows, source, cluster):
    dataset = ray.data.from_items([{"x": row, "id": index} for index, row in enumerate(rows)])
    found = predict(dataset, path if source == "path" else made(), workers=1, batch_size=16)
    table = sorted(found.take_all(), key=lambda row: row["id"])
    np.testing.assert_array_equal(np.stack([row["scores"] for row in table]), expected(rows)["scores"])
    np.testing.assert_array_equal([row["best"] for row in table], expected(rows)["best"])
