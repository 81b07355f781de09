"""DynamicQuantizeLSTM: products of bytes, against the formula in numpy and onnxruntime; in f32, of real weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import ovlite

pytestmark = pytest.mark.usefixtures("level")

Array = np.ndarray[Any, Any]
F32 = TensorProto.FLOAT
INPUTS = ("x", "W", "R", "B", "lengths", "h", "c", "", "W_scale", "W_zero", "R_scale", "R_zero")
DIRECTIONS = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}


class Layer:
    """A layer with random weights. per_column: with a scale for each column. kind: of the codes."""

    def __init__(self, inputs: int, hidden: int, direction: str, per_column: bool = False, kind: Any = np.int8) -> None:
        random = np.random.default_rng(inputs + hidden)
        count, columns = len(DIRECTIONS[direction]), 4 * hidden
        self.inputs, self.hidden, self.direction = inputs, hidden, direction
        self.constants: dict[str, Array] = {"B": random.standard_normal((count, 2 * columns)).astype(np.float32) * 0.1}
        for name, rows in (("W", inputs), ("R", hidden)):
            codes = random.integers(-63, 64, (count, rows, columns))
            zero = 128 if kind == np.uint8 else 0
            shape = (count, columns) if per_column else (count,)
            scales = np.float32(1 / (40 * np.sqrt(rows))) * (1 + random.random(shape, np.float32))
            self.constants[name] = (codes + zero).astype(kind)
            self.constants[f"{name}_scale"] = scales
            self.constants[f"{name}_zero"] = np.full(shape, zero, kind)

    def model(self) -> bytes:
        attributes = {"hidden_size": self.hidden, "direction": self.direction}
        results = ["y", "h_last", "c_last"]
        node = helper.make_node("DynamicQuantizeLSTM", INPUTS, results, domain="com.microsoft", **attributes)
        count = len(DIRECTIONS[self.direction])
        state = [count, "batch", self.hidden]
        ports = [("x", F32, ["time", "batch", self.inputs]), ("lengths", TensorProto.INT32, ["batch"])]
        ports += [("h", F32, state), ("c", F32, state)]
        graph = helper.make_graph(
            [node],
            "layer",
            [helper.make_tensor_value_info(*port) for port in ports],
            [helper.make_tensor_value_info(name, F32, None) for name in results],
            [numpy_helper.from_array(array, name) for name, array in self.constants.items()],
        )
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()

    def weights(self, name: str) -> Array:
        """[directions, columns, rows], in float64."""
        codes, scales = self.constants[name].astype(np.float64), self.constants[f"{name}_scale"].astype(np.float64)
        zeros = self.constants[f"{name}_zero"].astype(np.float64).reshape(len(codes), 1, -1)
        return np.swapaxes((codes - zeros) * scales.reshape(len(codes), 1, -1), 1, 2)

    def expected(self, feeds: dict[str, Array], rounded: bool) -> list[Array]:
        """y, h and c by the formula; rounded: rows of inputs and of states to 127 steps of either sign."""
        x, w, r = feeds["x"], self.weights("W"), self.weights("R")
        bias = self.constants["B"].reshape(len(w), 2, -1).sum(axis=1)
        y = np.zeros((len(x), len(w), x.shape[1], self.hidden))
        last = [feeds["h"].astype(np.float64), feeds["c"].astype(np.float64)]
        round_ = rows_in_bytes if rounded else (lambda rows: rows)
        for d, backward in enumerate(DIRECTIONS[self.direction]):
            h, c = last[0][d], last[1][d]
            for time in sorted(range(len(x)), reverse=backward):
                gates = round_(x[time]) @ w[d].T + round_(h) @ r[d].T + bias[d]
                i, o, f, g = np.split(gates, 4, axis=1)
                cell = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                going = (time < feeds["lengths"])[:, np.newaxis]
                c = np.where(going, cell, c)
                h = np.where(going, sigmoid(o) * np.tanh(cell), h)
                y[time, d] = np.where(going, h, 0)
            last[0][d], last[1][d] = h, c
        return [y, *last]

    def feeds(self, time: int, batch: int) -> dict[str, Array]:
        random = np.random.default_rng(time + batch)
        shape = len(DIRECTIONS[self.direction]), batch, self.hidden
        return {
            "x": random.standard_normal((time, batch, self.inputs)).astype(np.float32),
            "lengths": random.integers(1, time + 1, batch).astype(np.int32),
            "h": random.uniform(-1, 1, shape).astype(np.float32),
            "c": random.standard_normal(shape).astype(np.float32),
        }


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def rows_in_bytes(rows: Array) -> Array:
    most = np.abs(rows).max(axis=-1, keepdims=True)
    step = np.where(most > 0, most / 127, 1)
    return np.asarray(np.rint(rows / step) * step)


def compiled(layer: Layer, threads: int = 1, **config: Any) -> Any:
    model = ovlite.Core().read_model(layer.model())
    return ovlite.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, **config})


def results(layer: Any, feeds: dict[str, Array]) -> list[Array]:
    return [np.array(array) for array in layer(feeds).values()]


def assert_near(found: list[Array], expected: list[Array]) -> None:
    """Mostly to f32's rounding; where a state lies near a tie it may be a step of a byte apart."""
    for mine, wanted in zip(found, expected, strict=True):
        apart = np.abs(mine - wanted)
        assert mine.shape == wanted.shape and apart.max(initial=0) < 5e-3 and np.median(apart) < 2e-6


@pytest.mark.parametrize("direction", [*DIRECTIONS])
@pytest.mark.parametrize("inputs, hidden", [(1, 1), (3, 5), (16, 8), (17, 16), (64, 31), (5, 33), (130, 70)])
@pytest.mark.parametrize("batch", [1, 2, 3, 9])
def test_sizes(direction: str, inputs: int, hidden: int, batch: int) -> None:
    layer = Layer(inputs, hidden, direction, per_column=hidden % 2 == 0)
    feeds = layer.feeds(6, batch)
    found = [results(compiled(layer, threads), feeds) for threads in (1, 2, 4)]
    assert_near(found[0], layer.expected(feeds, rounded=True))
    for others in found[1:]:
        for mine, wanted in zip(others, found[0], strict=True):
            np.testing.assert_array_equal(mine, wanted)


@pytest.mark.parametrize("kind", [np.int8, np.uint8])
@pytest.mark.parametrize("per_column", [False, True])
def test_codes_and_scales(kind: Any, per_column: bool) -> None:
    layer = Layer(20, 24, "bidirectional", per_column, kind)
    feeds = layer.feeds(12, 3)
    model = compiled(layer, 2)
    steps = {step.kernel for step in model.profile(feeds).steps}
    assert {"QuantizeRows", "QuantizedMatMul", "QuantizedLSTM"} <= steps
    assert_near(results(model, feeds), layer.expected(feeds, rounded=True))


@pytest.mark.parametrize("config", [{"INFERENCE_PRECISION_HINT": "f32"}, {"EXECUTION_MODE_HINT": "ACCURACY"}])
def test_f32_keeps_inputs_and_states_real(config: dict[str, str]) -> None:
    layer = Layer(20, 24, "bidirectional", per_column=True)
    feeds = layer.feeds(12, 3)
    for mine, wanted in zip(
        results(compiled(layer, **config), feeds), layer.expected(feeds, rounded=False), strict=True
    ):
        np.testing.assert_allclose(mine, wanted, rtol=0, atol=2e-6)


@pytest.mark.parametrize("direction", [*DIRECTIONS])
def test_as_onnxruntime(direction: str) -> None:
    """Which takes one scale for all rows of a batch, and a zero point: as far apart as steps of both are."""
    onnxruntime = pytest.importorskip("onnxruntime")
    layer = Layer(40, 32, direction)
    feeds = layer.feeds(9, 2)
    expected = onnxruntime.InferenceSession(layer.model(), providers=["CPUExecutionProvider"]).run(None, feeds)
    for mine, wanted in zip(results(compiled(layer), feeds), expected, strict=True):
        assert np.abs(mine - wanted).max() < 0.03


def test_rows_of_zeros_and_of_what_is_no_number() -> None:
    layer = Layer(9, 7, "forward")
    feeds = layer.feeds(4, 4)
    feeds["lengths"][:] = 4
    feeds["x"][:, 0] = 0
    feeds["h"][:] = 0
    feeds["x"][1, 1, 3] = np.nan
    feeds["x"][2, 2, 8] = np.inf
    y = results(compiled(layer), feeds)[0]
    expected = layer.expected({**feeds, "x": np.nan_to_num(feeds["x"], posinf=0)}, rounded=True)[0]
    assert_near([y[:, 0, [0, 3]], y[:1]], [expected[:, 0, [0, 3]], expected[:1]])
    assert np.isnan(y[1:, 0, 1]).all() and np.isnan(y[2:, 0, 2]).all()


def test_exported_models() -> None:
    layer = Layer(20, 24, "bidirectional", per_column=True)
    feeds = layer.feeds(5, 3)
    model = compiled(layer)
    again = ovlite.Core().import_model(model.export_model(), "CPU")
    for mine, wanted in zip(results(again, feeds), results(model, feeds), strict=True):
        np.testing.assert_array_equal(mine, wanted)


def test_saved_models_still_ask_for_bytes(tmp_path: Any) -> None:
    layer = Layer(20, 24, "forward")
    feeds = layer.feeds(5, 3)
    ovlite.save_model(ovlite.Core().read_model(layer.model()), tmp_path / "layer.xml", compress_to_fp16=False)
    again = ovlite.compile_model(tmp_path / "layer.xml", "CPU")
    assert_near(results(again, feeds), layer.expected(feeds, rounded=True))
