"""The thread budget, on made-up cgroup trees and in a real group."""

import os

import numpy as np
import pytest

from ovlite.runtime import threads

from .control_groups import printed_in_group


@pytest.fixture
def budget(tmp_path, monkeypatch):
    """thread_budget() of a process with these files under /, this affinity, and this OMP_NUM_THREADS."""

    def budget(files=(), affinity=8, omp=None):
        for name, content in dict(files).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(affinity)))
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        if omp is not None:
            monkeypatch.setenv("OMP_NUM_THREADS", omp)
        return threads.thread_budget(tmp_path)

    return budget


V2 = "sys/fs/cgroup/"
V1 = "sys/fs/cgroup/cpu/"


@pytest.mark.parametrize(
    "quota, expected",
    [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("1000 100000", 1)],
)
def test_version_2(budget, quota, expected):
    assert budget({"proc/self/cgroup": "0::/a\n", V2 + "a/cpu.max": quota + "\n"}) == expected


def test_version_2_takes_the_least_of_all_levels(budget):
    files = {"proc/self/cgroup": "0::/a/b\n", V2 + "a/b/cpu.max": "max 100000", V2 + "a/cpu.max": "300000 100000"}
    assert budget(files) == 3


def test_version_2_inside_a_container(budget):
    assert budget({"proc/self/cgroup": "0::/../../pods/x\n", V2 + "cpu.max": "400000 100000"}) == 4


@pytest.mark.parametrize("controllers", ["cpu,cpuacct", "cpuacct,cpu", "cpu"])
def test_version_1(budget, controllers):
    files = {
        "proc/self/cgroup": f"5:memory:/m\n4:{controllers}:/a\n",
        V1 + "a/cpu.cfs_quota_us": "250000\n",
        V1 + "a/cpu.cfs_period_us": "100000\n",
    }
    assert budget(files) == 3


def test_version_1_without_a_quota(budget):
    files = {"proc/self/cgroup": "4:cpu:/\n", V1 + "cpu.cfs_quota_us": "-1\n", V1 + "cpu.cfs_period_us": "100000\n"}
    assert budget(files) == 8


@pytest.mark.parametrize("junk", ["", "\n\n", "a b c", "0 0", "100000", "-5 100000", b"\xff\xfe\x00", "9" * 400 + " 1"])
def test_files_that_make_no_sense(budget, junk):
    text = junk if isinstance(junk, bytes) else junk.encode()
    files = {"proc/self/cgroup": b"0::/a\nnonsense\n4:cpu:/a\n" + text, V2 + "a/cpu.max": text,
             V1 + "a/cpu.cfs_quota_us": text, V1 + "a/cpu.cfs_period_us": text}  # fmt: skip
    assert 1 <= budget(files) <= 8


def test_no_files_at_all(budget):
    assert budget() == 8


@pytest.mark.parametrize(
    "omp, expected", [("3", 3), ("3,2", 3), (" 2 ", 2), ("0", 8), ("many", 8), ("-1", 8), ("", 8), ("99", 8)]
)
def test_omp_num_threads(budget, omp, expected):
    assert budget(omp=omp) == expected


def test_it_reaches_compiled_models(mine, monkeypatch, A):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    compiled = mine.compile(mine.plus_one())
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert mine.compile(mine.plus_one(), INFERENCE_NUM_THREADS=1).get_property("INFERENCE_NUM_THREADS") == 1
    clamped = mine.compile(mine.plus_one(), INFERENCE_NUM_THREADS=10**6)
    assert clamped.get_property("INFERENCE_NUM_THREADS") == threads.thread_budget()
    np.testing.assert_array_equal(compiled(A)["y"], A + 1)
    for name in ("INFERENCE_NUM_THREADS", "NUM_STREAMS", "OPTIMAL_NUMBER_OF_INFER_REQUESTS"):
        assert compiled.get_property(name) == 1  # its streams are made


IN_A_GROUP = """
import numpy as np
import ovlite as ov
from ovlite import opset13 as ops

threads = len(os.listdir("/proc/self/task"))
x = ops.parameter([300, 300], np.float32, name="x")
product = ops.matmul(x, np.eye(300, dtype=np.float32), False, False)
compiled = ov.Core().compile_model(ov.Model([ops.result(product)], [x], "m"), "CPU")
assert (compiled(np.ones((300, 300), np.float32))[0] == 1).all()
print(compiled.get_property("INFERENCE_NUM_THREADS"), len(os.listdir("/proc/self/task")) - threads)
"""


def test_a_control_group_of_one_cpu():
    one = {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "100000"}
    assert printed_in_group("cpu", one, {"cpu.max": "100000 100000"}, IN_A_GROUP) == ["1", "0"]
