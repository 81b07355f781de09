"""Batches of any length on models of a fixed or free number of rows."""

import asyncio
import pickle
import subprocess
import sys

import numpy as np
import pytest

import ovlite as ov
import ovlite.opset13 as ops
from ovlite.integrations import batches as module
from ovlite.integrations.batches import Batches, as_array
from ovlite.runtime.threads import thread_budget

from .conftest import expected, made


def same(found, x):
    wanted = expected(x)
    assert list(found) == ["scores", "best"]
    for name in wanted:
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], wanted[name])


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 16, 17, 101])
@pytest.mark.parametrize("fixed", [True, False], ids=["8 rows", "any rows"])
def test_lengths(count, fixed, rows):
    run = Batches(made(8 if fixed else -1), batch_size=None if fixed else 8)
    assert run.batch_size == 8
    same(run(rows[:count]), rows[:count])
    same(run({"x": rows[:count].astype(np.float64), "other": None}), rows[:count])


def test_read_only_and_strided_rows(rows):
    fixed = rows.copy()
    fixed.flags.writeable = False
    for x in (fixed, rows[::-1], rows[:, ::-1], np.asfortranarray(rows)):
        same(Batches(made(), batch_size=8)(x), x)


def test_sources_are_compiled_once(path, rows):
    model = made()
    for source in (path, model):
        first, second = Batches(source), pickle.loads(pickle.dumps(Batches(source)))
        assert first.compiled is second.compiled
        same(second(rows), rows)
    assert Batches(path).compiled is not Batches(path, config={"INFERENCE_NUM_THREADS": 1}).compiled
    module._COMPILED.clear()
    model, size = made(), 1
    assert Batches(model).compiled is Batches(model.clone()).compiled and len(module._COMPILED) == size
    assert Batches(made(8)).compiled is not Batches(model).compiled and len(module._COMPILED) == size + 1


def test_threads_are_those_of_the_time_of_compiling(path, monkeypatch):
    """A worker of ray runs tasks of one and of several processors by turns."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    budget = thread_budget()
    for told, threads in (("1", 1), (str(budget), budget), ("1", 1)):
        monkeypatch.setenv("OMP_NUM_THREADS", told)
        assert Batches(path).compiled.get_property("INFERENCE_NUM_THREADS") == threads


def test_a_process_keeps_the_models_that_were_used_last(path, rows, monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    monkeypatch.setattr(module, "_COMPILED", type(module._COMPILED)())
    kept, other = Batches(path), Batches(made())
    first = kept.compiled
    for count in range(1, 6):
        assert Batches(path).compiled is first
        same(Batches(made(count))(rows[:count]), rows[:count])
        assert len(module._COMPILED) == 2 or count == 1
    assert other.compiled is not None and kept.compiled is first  # what is held stays


def test_a_file_that_changes_is_read_by_those_who_come_later(tmp_path, rows):
    place = tmp_path / "model.xml"
    ov.save_model(made(), place)
    early = Batches(place)
    same(early(rows), rows)
    ov.save_model(made(8), place)
    assert early.batch_size == 32 and Batches(place).batch_size == 8


def test_read_only_memory_is_read_in_place(tmp_path, rows, monkeypatch):
    """Pages of a file that may not be written to: a write by a kernel would end the process."""
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.asarray(np.load(tmp_path / "rows.npy", mmap_mode="r"))
    run = Batches(made(), batch_size=101)
    same(run(mapped), mapped)
    (array,) = next(run._cut(mapped)[1])
    assert np.shares_memory(array, mapped) and run.compiled.sharing([array])[run.compiled.input(0)] == "shared"


@pytest.mark.parametrize("count", [0, 1, 8, 101])
def test_awaiting(count, rows):
    run = Batches(made(), batch_size=8, config={"PERFORMANCE_HINT": "THROUGHPUT"})

    async def several():
        return await asyncio.gather(*(run.infer_async(rows[:count]) for _ in range(5)))

    for found in (*asyncio.run(several()), *asyncio.run(several())):  # on one loop, then on another
        same(found, rows[:count])


def test_awaiting_tells_errors(rows):
    run = Batches(made(8))
    with pytest.raises(RuntimeError, match="value given has"):
        asyncio.run(run.infer_async(rows[:, :3].copy()))
    same(asyncio.run(run.infer_async(rows)), rows)


def test_outputs_that_are_wanted(path, rows):
    found = Batches(path, outputs=["best"])(rows)
    assert list(found) == ["best"]
    np.testing.assert_array_equal(found["best"], expected(rows)["best"])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda path: Batches(path, batch_size=0), "positive int"),
        (lambda path: Batches(3), "path, bytes or a Model"),
        (lambda path: Batches("nowhere.onnx").compiled, "can't read the model"),
        (lambda path: Batches(path, outputs=["z"]).names, "no output 'z'"),
        (lambda path: Batches(made(8), batch_size=4).batch_size, "batches of \\[8\\] rows"),
        (lambda path: Batches(path)({"y": np.zeros((1, 4))}), "no 'x'"),
        (
            lambda path: Batches(path)(np.zeros((3, 5), np.float32)),
            "the value given has \\[32, 5\\]",
        ),
        (lambda path: Batches(path)(np.float32(1)), "one number of rows, got the shapes \\[\\]"),
        (lambda path: Batches(path)(np.zeros((0, 5))), "the value given has \\[32, 5\\]"),
    ],
)
def test_what_is_refused(path, call, text):
    with pytest.raises((RuntimeError, TypeError), match=text):
        call(path)


def test_an_input_without_rows_is_refused():
    x = ops.parameter([], np.float32, name="x")
    with pytest.raises(RuntimeError, match=r"input 0 \('x'\) of the model has no first dimension to count rows"):
        _ = Batches(ov.Model([ops.relu(x)], [x], "scalar")).batch_size


def test_an_output_without_rows_is_refused():
    x = ops.parameter([-1, 4], np.float32, name="x")
    total = ops.reduce_sum(x, [0, 1])
    with pytest.raises(RuntimeError, match="it has no rows"):
        Batches(ov.Model([total], [x], "sum"))(np.zeros((3, 4), np.float32))


def test_outputs_whose_rows_differ_in_shape_are_refused():
    x = ops.parameter([-1, -1], np.float32, name="x")
    kept = ops.non_zero(ops.reduce_max(x, [0]), output_type="i64")
    model = ov.Model([ops.gather(x, ops.reshape(kept, [-1], False), 1)], [x], "columns")
    x = np.eye(4, dtype=np.float32)
    with pytest.raises(RuntimeError, match=r"rows of the shape \[1\], and had some of \[2\]"):
        Batches(model, batch_size=2)(np.concatenate([x[:2], x[:1], x[:1]]))


def test_columns_of_arrow_and_pandas():
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    fixed = arrow.FixedSizeListArray.from_arrays(arrow.array(x.ravel()), 4)
    lists = arrow.array(list(x))
    tensors = arrow.FixedShapeTensorArray.from_numpy_ndarray(x)
    for column in (fixed, lists, tensors, arrow.chunked_array([fixed[:1], fixed[1:]]), pandas.Series(list(x)), list(x)):
        np.testing.assert_array_equal(as_array(column), x)
    plain, nested = arrow.array([1.0, 2.0]), [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    assert np.shares_memory(as_array(plain), plain.to_numpy())
    np.testing.assert_array_equal(as_array(arrow.array(nested)), nested)
    for column in (fixed, lists, tensors, arrow.chunked_array([fixed])):
        assert np.shares_memory(as_array(column), as_array(column))  # that of the column
    np.testing.assert_array_equal(as_array(fixed[1:]), x[1:])
    for empty in (lists[:0], fixed[:0], arrow.chunked_array([], lists.type), pandas.Series([], dtype=object)):
        assert Batches(made())(empty)["scores"].shape == (0, 3)
    for column, text in (
        ([1.0, None], "1 nulls"),
        ([[1, None]], "1 nulls"),
        ([[1], [2, 3]], "lists of 1 to 2 elements"),
    ):
        with pytest.raises(RuntimeError, match=text):
            as_array(arrow.array(column))


def test_engines_are_imported_with_their_module_only():
    code = (
        "import sys, ovlite, ovlite.integrations, ovlite.integrations.ray, ovlite.integrations.dask, "
        "ovlite.integrations.spark\nprint([name for name in ('ray', 'dask', 'pyspark') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    code = "import sys, ovlite; print([name for name in sys.modules if 'integrations' in name or 'tracing' in name])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
