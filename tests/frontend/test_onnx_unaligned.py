"""Weights stay where they lie in a mapped file, also where that is not aligned."""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import ovlite as ov
from ovlite.frontend.onnx.tensors import STAYS_BYTES
from ovlite.graph import Constant
from ovlite.graph.constants import constant_array, release_pages


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).standard_normal(shape, np.float32)


TABLE = normal(512, 64)
SHAPES = {"filters": (64, 32, 3, 3), "matrix": (1024, 256), "row": (1, 64, 16, 16), "mean": (64,)}
WEIGHTS = {name: normal(*shape) for name, shape in SHAPES.items()}


def written(path: Path, shift: int) -> Path:
    """A model whose large weights are read by kernels of many kinds; shift: bytes by which they lie later."""
    nodes = [
        helper.make_node("Gather", ["table", "words"], ["rows"]),  # (1, 32 * 16 * 16 / 64, 64)
        helper.make_node("Reshape", ["rows", "image"], ["x"]),
        helper.make_node("Conv", ["x", "filters"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Mul", ["c", "scale"], ["s"]),
        helper.make_node("Add", ["s", "row"], ["a"]),
        helper.make_node("MaxPool", ["a"], ["p"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "matrix"], ["y"]),
    ]
    tensors = {"table": TABLE, "image": np.array([1, 32, 16, 16]), "scale": np.full((1, 64, 1, 1), 0.5, np.float32)}
    tensors |= {name: WEIGHTS[name] for name in ("filters", "matrix", "row")}
    graph = helper.make_graph(
        nodes, "unaligned",
        [helper.make_tensor_value_info("words", onnx.TensorProto.INT64, [1, 128])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 256])],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )  # fmt: skip
    model = helper.make_model(graph, producer_name="p" * (1 + shift), opset_imports=[helper.make_opsetid("", 17)])
    path.write_bytes(model.SerializeToString())
    return path


def large(model: ov.Model) -> list[Constant]:
    nodes = (node for node in model.get_ordered_ops() if isinstance(node, Constant))
    return [node for node in nodes if node.get_byte_size() >= STAYS_BYTES]


def test_results_do_not_depend_on_where_weights_lie(tmp_path: Path) -> None:
    words = np.arange(128).reshape(1, 128) * 3 % len(TABLE)
    found, unaligned = [], 0
    for shift in range(4):
        path = written(tmp_path / f"{shift}.onnx", shift)
        model = ov.Core().read_model(path)
        nodes = large(model)
        assert len(nodes) == 4
        unaligned += sum(not node.stored.flags.aligned for node in nodes)
        for config in ({}, {"CACHE_DIR": str(tmp_path / "cache")}):
            found.append(ov.compile_model(model, "CPU", config)([words])[0])
    assert unaligned >= 3 * 4  # of four places next to each other, one is aligned
    for result in found[1:]:
        np.testing.assert_array_equal(result, found[0])
    np.testing.assert_allclose(found[0], expected(words), rtol=1e-3, atol=1e-3)


def expected(words: np.ndarray) -> np.ndarray:
    image = np.pad(TABLE[words].astype(np.float64).reshape(1, 32, 16, 16), [(0, 0), (0, 0), (1, 1), (1, 1)])
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3), (2, 3))
    sums = np.einsum("nchwij,ocij->nohw", windows, WEIGHTS["filters"]) * 0.5 + WEIGHTS["row"]
    pooled = sums.reshape(1, 64, 4, 4, 4, 4).max((3, 5))
    return pooled.reshape(1, -1) @ WEIGHTS["matrix"]


def test_programs_see_aligned_elements(tmp_path: Path) -> None:
    for shift in range(4):
        for node in large(ov.Core().read_model(written(tmp_path / f"{shift}.onnx", shift))):
            lies = node.stored.copy()
            assert constant_array(node).flags.aligned
            assert node.data.flags.aligned and node.array.flags.aligned and not node.data.flags.writeable
            np.testing.assert_array_equal(node.data, lies)
            np.testing.assert_array_equal(node.tensor_view.data, lies)


def test_pages_are_released_of_files_that_nobody_writes_to(tmp_path: Path) -> None:
    path = tmp_path / "elements"
    path.write_bytes(np.arange(1 << 16, dtype=np.float32).tobytes())
    for access in (mmap.ACCESS_READ, mmap.ACCESS_COPY):
        with path.open("rb") as file:
            mapping = mmap.mmap(file.fileno(), 0, access=access)
        if access == mmap.ACCESS_COPY:
            mapping[:4] = np.float32(7).tobytes()
        array = np.frombuffer(memoryview(mapping)[4:], np.float32)
        first = np.frombuffer(mapping, np.float32)
        release_pages([Constant.of(array), Constant.of(first.reshape(2, -1)), Constant.of(np.ones(3))])
        assert first[0] == (0 if access == mmap.ACCESS_READ else 7)
        np.testing.assert_array_equal(array, np.arange(1, 1 << 16))


GROWTH = """
import sys
import ovlite as ov

def resident(kind):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(kind))

core, kind = ov.Core(), sys.argv[2]
before = resident(kind)
model = core.read_model(sys.argv[1])
if sys.argv[3] != "read":
    model = core.compile_model(model, "CPU", {"CACHE_DIR": sys.argv[4]} if sys.argv[3] == "cached" else {})
print(resident(kind) - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(("kind", "until"), [("RssAnon", "read"), ("RssFile", "compiled"), ("RssFile", "cached")])
def test_large_weights_are_in_memory_once(tmp_path: Path, kind: str, until: str) -> None:
    """Reading copies none, and those that passes have made others of are not kept beside these."""
    width = 2048
    path = tmp_path / "large.onnx"
    tensors = {"w": np.zeros((width, width, 1, 1), np.float32), "s": np.full((1, width, 1, 1), 2, np.float32)}
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, width, 4, 4]) for name in "xy"]
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Mul", ["c", "s"], ["y"])]
    initializers = [numpy_helper.from_array(array, name) for name, array in tensors.items()]
    for shift in range(2):  # at least one of which is not aligned
        graph = helper.make_graph(nodes, "large", ends[:1], ends[1:], initializers)
        path.write_bytes(helper.make_model(graph, producer_name="p" * (1 + shift)).SerializeToString())
        command = [sys.executable, "-c", GROWTH, str(path), kind, until, str(tmp_path / "cache")]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        packed = until == "cached" and shift  # the second time they are read where the cache has them
        assert int(run.stdout) < width * width * 4 // 1024 * (1.5 if packed else 0.5)  # KiB
