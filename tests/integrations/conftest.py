"""A model whose rows are independent, as a file, and what it computes."""

import os
import signal
import socket

import numpy as np
import pytest

import ovlite as ov
import ovlite.opset13 as ops

WEIGHTS = np.arange(12, dtype=np.float32).reshape(4, 3) - 5


def made(rows=-1):
    """scores = relu(x w), best = the largest of them; f32[rows,4] x."""
    x = ops.parameter([rows, 4], np.float32, name="x")
    x.output(0).set_names({"x"})
    scores = ops.relu(ops.matmul(x, WEIGHTS, False, False))
    best = ops.reduce_max(scores, [1])
    scores.output(0).set_names({"scores"})
    best.output(0).set_names({"best"})
    return ov.Model([scores, best], [x], "scores")


def expected(x):
    scores = np.maximum(np.asarray(x, np.float32) @ WEIGHTS, 0)
    return {"scores": scores, "best": scores.max(1) if len(scores) else np.zeros(0, np.float32)}


@pytest.fixture(scope="session")
def path(tmp_path_factory):
    found = tmp_path_factory.mktemp("models") / "scores.xml"
    ov.save_model(made(), found, compress_to_fp16=False)
    return str(found)


@pytest.fixture
def rows():
    return np.random.default_rng(3).integers(-9, 9, (101, 4)).astype(np.float32)


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_once(place):
    """Ends the process as the system would, when no process has died at this place before."""
    try:
        os.close(os.open(place, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def anonymous_memory():
    """Bytes of this process that are no pages of files and shared memory."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("RssAnon"))
