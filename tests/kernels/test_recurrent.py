"""The recurrent kernels against the equations in f64, and against onnxruntime's operators."""

import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

from .layouts import view_of

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
CLIP = 0.7


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(gates, h, c, R, reset_bias, clip):
    f, i, g, o = np.split(clip(gates + h @ R.T), 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(gates, h, c, R, reset_bias, clip):
    n = h.shape[1]
    z, r = np.split(sigmoid(clip(gates[:, : 2 * n] + h @ R[: 2 * n].T)), 2, axis=1)
    candidate = (r * h) @ R[2 * n :].T if reset_bias is None else r * (h @ R[2 * n :].T + reset_bias)
    return (1 - z) * np.tanh(clip(gates[:, 2 * n :] + candidate)) + z * h, c


def rnn_step(gates, h, c, R, reset_bias, clip):
    return np.tanh(clip(gates + h @ R.T)), c


STEPS = {"LSTM": lstm_step, "GRU": gru_step, "RNN": rnn_step}


class Layer:
    """Random operands of a layer, its expected results and its steps."""

    def __init__(self, cell, batch, time, size, hidden, direction="forward", linear=False, lengths=None, clip=0.0):
        rng = np.random.default_rng(8)
        directions = 2 if direction == "bidirectional" else 1
        width = GATES[cell] * hidden
        self.cell, self.direction, self.clip = cell, direction, clip
        self.x = rng.standard_normal((batch, time, size), np.float32)
        self.h0, self.c0 = rng.standard_normal((2, batch, directions, hidden), np.float32)
        self.W = rng.standard_normal((directions, width, size), np.float32) / np.float32(size) ** 0.5
        self.R = rng.standard_normal((directions, width, hidden), np.float32) / np.float32(hidden) ** 0.5
        self.B = rng.standard_normal((directions, width), np.float32)
        self.reset_bias = rng.standard_normal((directions, hidden), np.float32) if linear else None
        self.lengths = lengths
        self.gates = np.full((batch, time, directions * width), np.nan, np.float32)
        self.y = np.full((batch, directions, time, hidden), np.nan, np.float32)
        self.h, self.c = np.full((2, batch, directions, hidden), np.nan, np.float32)

    def expected(self):
        """(y, h, c) in f64."""
        y = np.zeros(self.y.shape)
        h_last, c_last = np.zeros((2, *self.h.shape))
        clip = (lambda v: np.clip(v, -self.clip, self.clip)) if self.clip else (lambda v: v)
        for d in range(self.h.shape[1]):
            h, c = self.h0[:, d].astype(np.float64), self.c0[:, d].astype(np.float64)
            R, reset_bias = self.R[d].astype(np.float64), None if self.reset_bias is None else self.reset_bias[d]
            backward = self.direction == "reverse" or d == 1
            for t in range(self.x.shape[1])[:: -1 if backward else 1]:
                gates = self.x[:, t] @ self.W[d].T.astype(np.float64) + self.B[d]
                going = (t < (np.inf if self.lengths is None else self.lengths)) * np.ones((len(h), 1), bool)
                if self.lengths is not None:
                    going = (t < self.lengths)[:, None]
                new_h, new_c = STEPS[self.cell](gates, h, c, R, reset_bias, clip)
                h, c = np.where(going, new_h, h), np.where(going, new_c, c)
                y[:, d, t] = np.where(going, h, 0)
            h_last[:, d], c_last[:, d] = h, c
        return y, h_last, c_last

    def run(self, threads=1):
        family = kernels.family("recurrent")
        arrays = [self.x, self.gates, self.h0, self.c0, self.y, self.h, self.c]
        x, gates, h0, c0, y, h, c = (view_of(slot, array) for slot, array in enumerate(arrays))
        options = {"R": self.R, "direction": self.direction, "clip": self.clip}
        if self.lengths is not None:
            options["lengths"] = view_of(7, self.lengths)
            arrays.append(self.lengths)
        if self.cell == "LSTM":
            step = family.LSTM(gates, h0, c0, y, h, c, **options)
        elif self.cell == "GRU":
            step = family.GRU(gates, h0, y, h, reset_bias=self.reset_bias, **options)
        else:
            step = family.RNN(gates, h0, y, h, **options)
        run_steps([family.Projection(x, gates, W=self.W, B=self.B), step], arrays, threads)
        return step

    def check(self, threads):
        self.run(threads)
        y, h, c = self.expected()
        # The weights have unit gain and the gates squash: errors of some roundings a step don't grow.
        np.testing.assert_allclose(self.y, y, atol=4e-6)
        np.testing.assert_allclose(self.h, h, atol=4e-6)
        if self.cell == "LSTM":
            np.testing.assert_allclose(self.c, c, atol=4e-6)


CELLS = [("LSTM", False), ("GRU", False), ("GRU", True), ("RNN", False)]


@pytest.mark.parametrize("cell, linear", CELLS)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(
    "batch, time, size, hidden",
    [
        (1, 1, 8, 16),
        (1, 7, 5, 33),
        (2, 3, 16, 1),
        (3, 4, 1, 20),
        (9, 5, 12, 40),
        (4, 1, 3, 17),
        (16, 2, 8, 65),
    ],
)
def test_cells(level, threads, cell, linear, direction, batch, time, size, hidden):
    Layer(cell, batch, time, size, hidden, direction, linear).check(threads)


@pytest.mark.parametrize("cell, linear", CELLS)
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_lengths(level, threads, cell, linear, direction, dtype):
    lengths = np.array([3, 0, 5, 1, 2], dtype)
    Layer(cell, 5, 5, 6, 19, direction, linear, lengths).check(threads)


@pytest.mark.parametrize("cell, linear", CELLS)
def test_clip(level, cell, linear):
    Layer(cell, 2, 4, 6, 19, linear=linear, clip=CLIP).check(1)


@pytest.mark.parametrize("cell, linear", CELLS)
@pytest.mark.parametrize("batch", [1, 6, 13])
def test_threads_give_the_same_bits(level, cell, linear, batch):
    layer = Layer(cell, batch, 6, 24, 96, "bidirectional", linear)
    results = []
    for threads in (1, 2):
        step = layer.run(threads)
        results.append(layer.y.copy())
    assert step.width > 1
    np.testing.assert_array_equal(*results)


def test_weights_beyond_the_cache_take_larger_tiles(level, threads):
    Layer("LSTM", 33, 2, 4, 190).check(threads)


def test_long_sequences_stay_near(level):
    Layer("LSTM", 2, 300, 16, 64).check(1)


def test_activations(level):
    layer = Layer("RNN", 2, 3, 5, 12)
    family = kernels.family("recurrent")
    arrays = [layer.x, layer.gates, layer.h0, layer.y]
    x, gates, h0, y = (view_of(slot, array) for slot, array in enumerate(arrays))
    step = family.RNN(gates, h0, y, None, R=layer.R, activations=(("clamp", 0, np.inf),))
    run_steps([family.Projection(x, gates, W=layer.W, B=layer.B), step], arrays)
    h = layer.h0[:, 0].astype(np.float64)
    for t in range(3):
        h = np.maximum(layer.x[:, t] @ layer.W[0].T + layer.B[0] + h @ layer.R[0].T, 0)
        np.testing.assert_allclose(layer.y[:, 0, t], h, atol=1e-5)


def test_packed_weights_and_unwanted_results(level):
    layer = Layer("GRU", 3, 4, 5, 18)
    family = kernels.family("recurrent")
    arrays = [layer.x, layer.gates, layer.h0, layer.h]
    x, gates, h0, h = (view_of(slot, array) for slot, array in enumerate(arrays))
    steps = [
        family.Projection(x, gates, W=family.pack_inputs(layer.W), B=layer.B),
        family.GRU(gates, h0, None, h, R=family.pack_states(layer.R, 2)),
    ]
    run_steps(steps, arrays)
    np.testing.assert_allclose(layer.h, layer.expected()[1], atol=4e-6)


def test_results_in_another_layout(level):
    """ONNX's Y (T, D, N, H) is a matter of strides."""
    layer = Layer("LSTM", 3, 4, 5, 18, "bidirectional")
    memory = np.zeros((4, 2, 3, 18), np.float32)
    layer.y = memory.transpose(2, 1, 0, 3)
    family = kernels.family("recurrent")
    arrays = [layer.x, layer.gates, layer.h0, layer.c0]
    x, gates, h0, c0 = (view_of(slot, array) for slot, array in enumerate(arrays))
    step = family.LSTM(gates, h0, c0, view_of(4, layer.y, memory), None, None, R=layer.R, direction="bidirectional")
    run_steps([family.Projection(x, gates, W=layer.W, B=layer.B), step], [*arrays, memory])
    np.testing.assert_allclose(layer.y, layer.expected()[0], atol=4e-6)


def reordered(weights, cell):
    """Gates in ONNX's order: i, o, f, c or z, r, h."""
    if cell != "LSTM":
        return weights
    f, i, c, o = np.split(weights, 4, axis=1)
    return np.concatenate([i, o, f, c], axis=1)


@pytest.mark.parametrize("cell, linear", CELLS)
def test_onnxruntime_agrees(level, cell, linear):
    onnx = pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    layer = Layer(cell, 3, 6, 10, 24, "bidirectional", linear, np.array([6, 2, 4], np.int32))
    layer.run()
    reset = (
        np.zeros_like(layer.B)
        if layer.reset_bias is None
        else np.concatenate([np.zeros_like(layer.B[:, :48]), layer.reset_bias], axis=1)
    )
    feeds = {
        "x": layer.x.transpose(1, 0, 2),
        "W": reordered(layer.W, cell),
        "R": reordered(layer.R, cell),
        "B": np.concatenate([reordered(layer.B, cell), reset], axis=1),
        "lengths": layer.lengths,
        "h0": layer.h0.transpose(1, 0, 2),
        "c0": layer.c0.transpose(1, 0, 2),
    }
    if cell != "LSTM":
        del feeds["c0"]
    attributes = {"linear_before_reset": int(linear)} if cell == "GRU" else {}
    node = onnx.helper.make_node(cell, list(feeds), ["y"], hidden_size=24, direction="bidirectional", **attributes)
    inputs = [
        onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in feeds.items()
    ]
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "cell", inputs, [output]),
        opset_imports=[onnx.helper.make_opsetid("", 14)],
        ir_version=8,
    )
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(None, {name: np.ascontiguousarray(array) for name, array in feeds.items()})[0]
    np.testing.assert_allclose(layer.y, expected.transpose(2, 1, 0, 3), atol=1e-5)


def test_errors():
    family = kernels.family("recurrent")
    gates, state, R = View(0, "f4", (2, 3, 32)), View(1, "f4", (2, 1, 8)), np.zeros((1, 32, 8), np.float32)
    y = View(2, "f4", (2, 1, 3, 8))
    with pytest.raises(ValueError, match="LSTM: expected forward, reverse or bidirectional, got 'backward'"):
        family.LSTM(gates, state, state, y, None, None, R=R, direction="backward")
    with pytest.raises(ValueError, match=r"a tensor of shape \[2, 2, 8\], got \[2, 1, 8\]"):
        family.LSTM(gates, state, state, y, None, None, R=R, direction="bidirectional")
    with pytest.raises(ValueError, match=r"GRU: gates of shape \[2, 3, 32\] for 8 hidden units"):
        family.GRU(gates, state, y, None, R=R)
    with pytest.raises(ValueError, match=r"lengths to be int32 or int64 \[2\], got float32\[2\]"):
        family.LSTM(gates, state, state, y, None, None, R=R, lengths=View(3, "f4", (2,)))
    with pytest.raises(TypeError, match="y is float64"):
        family.LSTM(gates, state, state, View(2, "f8", (2, 1, 3, 8)), None, None, R=R)
    with pytest.raises(ValueError, match="hidden units side by side"):
        family.LSTM(gates, state, state, View(2, "f4", (2, 1, 3, 8), (24, 24, 1, 3)), None, None, R=R)
