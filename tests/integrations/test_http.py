"""The programs of docs/serving.md behind uvicorn: many callers at once, and an end while they wait."""

import io
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import ovlite as ov
import ovlite.opset13 as ops

pytest.importorskip("uvicorn", reason="uvicorn is not installed")
pytestmark = pytest.mark.engines
PAGE = Path(__file__).parent.parent.parent / "docs" / "serving.md"
PROGRAMS = "".join(re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE))
APPS = {"asgi": ("app", "/"), "fastapi": ("api", "/predict")}


def slow_model():
    """y = (relu(x) w)^40 of rows of 512 elements, which takes a while; w only turns elements round."""
    x = ops.parameter([-1, 512], np.float32, name="x")
    y = ops.relu(x)
    for _ in range(40):
        y = ops.matmul(y, np.eye(512, dtype=np.float32)[::-1].copy(), False, False)
    y.output(0).set_names({"y"})
    return ov.Model([y], [x], "slow")


@pytest.fixture(params=APPS)
def server(request, tmp_path, free_port):
    if request.param == "fastapi" and not find_spec("fastapi"):
        pytest.skip("fastapi is not installed")
    ov.save_model(slow_model(), tmp_path / "model.xml", compress_to_fp16=False)
    serving = PROGRAMS.replace("model.onnx", "model.xml").replace("asyncio.run(several())", "")
    (tmp_path / "serving.py").write_text(serving)
    name, route = APPS[request.param]
    command = [sys.executable, "-m", "uvicorn", f"serving:{name}", "--port", str(free_port), "--log-level", "warning"]
    folders = os.pathsep.join([str(tmp_path), *sys.path])
    process = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": folders})
    address = f"http://127.0.0.1:{free_port}{route}"
    try:
        for _ in range(600):
            try:
                posted(address, b"")
                break
            except urllib.error.URLError:
                assert process.poll() is None
                time.sleep(0.1)
        yield process, address
    finally:
        process.kill()
        process.wait()


def posted(address, body):
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data=body), timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def packed(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def check(address, count):
    x = np.random.default_rng(count).standard_normal((count, 512), np.float32)
    status, body = posted(address, packed(x))
    assert status == 200, body
    np.testing.assert_array_equal(np.load(io.BytesIO(body)), np.maximum(x, 0))


def test_many_callers_get_their_own_answers(server):
    _, address = server
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda count: check(address, count % 37 + 1), range(150)))
    for body in (b"", b"no array", packed(np.zeros((2, 3), np.float32)), packed(np.array([{}], object))):
        status, text = posted(address, body)
        assert status == 400 and text
    check(address, 5)


def test_callers_who_wait_are_answered_before_the_end(server):
    process, address = server
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(check, address, 2000) for _ in range(8)]
        while not any(answer.done() for answer in waiting):
            time.sleep(0.005)
        process.send_signal(signal.SIGTERM)
        for answer in waiting:
            answer.result(60)
    assert process.wait(60) in (0, -signal.SIGTERM)
    with pytest.raises(urllib.error.URLError):
        posted(address, b"")
