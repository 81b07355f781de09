"""LSTM, GRU and RNN against onnxruntime without its optimizer, in random forms, evaluated and compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import ovlite
from ovlite.errors import ModelError
from ovlite.frontend.onnx import read_onnx

from .onnx_cases import evaluate

onnxruntime = pytest.importorskip("onnxruntime")

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
FUNCTIONS = {"LSTM": 3, "GRU": 2, "RNN": 1}
# Activations: the ranges from which their parameters are drawn. Those in OWN have defaults of their own elsewhere.
ACTIVATIONS: dict[str, list[tuple[float, float]]] = {
    "Affine": [(0.2, 0.9), (-0.3, 0.3)], "Elu": [(0.3, 1.2)], "HardSigmoid": [(0.1, 0.4), (0.3, 0.6)],
    "LeakyRelu": [(0.05, 0.3)], "Relu": [], "ScaledTanh": [(0.5, 1.2), (0.4, 1.1)], "Sigmoid": [], "Softplus": [],
    "Softsign": [], "Tanh": [], "ThresholdedRelu": [(0.1, 0.6)],
}  # fmt: skip
OWN = {"Affine", "ScaledTanh", "ThresholdedRelu"}


class Form(NamedTuple):
    """A random layer. inputs: by place, None for those left out; X has the sequence first. fixed: are weights."""

    op_type: str
    attributes: dict[str, Any]
    inputs: list[np.ndarray | None]
    fixed: set[int]
    outputs: list[str]
    layout: int

    def model(self, layout: int) -> bytes:
        names = [f"i{i}" if value is not None else "" for i, value in enumerate(self.inputs)]
        extra = {"layout": 1} if layout else {}
        node = helper.make_node(self.op_type, names, self.outputs, "rnn", **self.attributes, **extra)
        given = {name: value for name, value in zip(names, self.arranged(layout), strict=True) if value is not None}
        held = [numpy_helper.from_array(given[f"i{i}"], f"i{i}") for i in self.fixed if f"i{i}" in given]
        kinds = {"float32": TensorProto.FLOAT, "int32": TensorProto.INT32}
        inputs = [
            helper.make_tensor_value_info(name, kinds[value.dtype.name], [f"{name}d{i}" for i in range(value.ndim)])
            for name, value in given.items()
            if int(name[1:]) not in self.fixed
        ]
        results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in self.outputs if name]
        graph = helper.make_graph([node], "g", inputs, results, held)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return bytes(model.SerializeToString())

    def arranged(self, layout: int) -> list[np.ndarray | None]:
        """The inputs with the batch first where `layout` is 1."""
        return [
            np.ascontiguousarray(value.swapaxes(0, 1)) if layout and i in (0, 5, 6) and value is not None else value
            for i, value in enumerate(self.inputs)
        ]

    def feeds(self, layout: int) -> dict[str, np.ndarray]:
        pairs = enumerate(self.arranged(layout))
        return {f"i{i}": value for i, value in pairs if value is not None and i not in self.fixed}

    def expected(self) -> list[np.ndarray]:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(self.model(0), options, providers=["CPUExecutionProvider"])
        names = [name for name in self.outputs if name]
        found = dict(zip(names, session.run(names, self.feeds(0)), strict=True))
        axes = {"y": [2, 0, 1, 3], "h": [1, 0, 2], "c": [1, 0, 2]}
        return [value.transpose(axes[name]) if self.layout else value for name, value in found.items()]


def form(seed: int) -> Form:
    r = np.random.default_rng(seed)
    op_type = str(r.choice(list(GATES)))
    way = str(r.choice(["forward", "reverse", "bidirectional"]))
    ways = 2 if way == "bidirectional" else 1
    time, batch, size, hidden = (int(n) for n in r.integers(1, 6, 4))
    gates = GATES[op_type] * hidden
    attributes: dict[str, Any] = {"hidden_size": hidden, "direction": way}
    if r.random() < 0.6:
        attributes.update(activations(r, FUNCTIONS[op_type], ways))
    if r.random() < 0.3:
        attributes["clip"] = float(r.uniform(0.1, 1.5))
    coupled = op_type == "LSTM" and r.random() < 0.3
    if coupled:
        attributes["input_forget"] = 1
    if op_type == "GRU" and r.random() < 0.5:
        attributes["linear_before_reset"] = 1

    def normal(*shape: int) -> np.ndarray:
        return r.normal(0, 0.7, shape).astype(np.float32)

    def maybe(value: np.ndarray) -> np.ndarray | None:
        return value if r.random() < 0.5 else None

    inputs: list[np.ndarray | None] = [
        normal(time, batch, size),
        normal(ways, gates, size),
        normal(ways, gates, hidden),
    ]
    inputs += [maybe(normal(ways, 2 * gates)), maybe(r.integers(1, time + 1, batch).astype(np.int32))]
    inputs += [maybe(normal(ways, batch, hidden))]
    outputs = ["y", "h"]
    if op_type == "LSTM":
        inputs += [maybe(normal(ways, batch, hidden)), maybe(normal(ways, 3 * hidden))]
        outputs.append("c")
    fixed = {1, 2, 3, 7} if r.random() < 0.7 else set()
    kept = int(r.integers(1, 2 ** len(outputs)))
    outputs = [name if kept >> i & 1 else "" for i, name in enumerate(outputs)]
    return Form(op_type, attributes, inputs, fixed, outputs, int(r.integers(2)))


def activations(r: np.random.Generator, count: int, ways: int) -> dict[str, Any]:
    """Attributes that name activations, alike in both directions or not, with or without parameters."""
    names = [str(name) for name in r.choice(list(ACTIVATIONS), count * (1 if r.random() < 0.3 else ways))]
    names *= count * ways // len(names)
    found: dict[str, Any] = {"activations": names}
    if r.random() < 0.5 or OWN & set(names):
        values = [[round(float(r.uniform(*limits)), 3) for limits in ACTIVATIONS[name]] for name in names]
        for place, key in enumerate(["activation_alpha", "activation_beta"]):
            listed = [entry[place] for entry in values if len(entry) > place]
            found.update({key: listed} if listed else {})
    return found


def check(given: Form) -> None:
    content = given.model(given.layout)
    feeds, expected = given.feeds(given.layout), given.expected()
    if not all((abs(value) < 1e3).all() for value in expected):
        return  # what diverges shows how errors grow
    model = read_onnx(content)
    compiled = ovlite.Core().compile_model(model, "CPU")(feeds)
    evaluated = evaluate(model, [feeds[port.any_name] for port in model.inputs])
    for i, wanted in enumerate(expected):
        for found in (np.asarray(compiled[i]), evaluated[i]):
            assert found.shape == wanted.shape
            np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-5, err_msg=str(given[:2]))


@pytest.mark.parametrize("seed", range(80))
def test_random_layers_give_what_onnxruntime_gives(seed: int) -> None:
    check(form(seed))


@pytest.mark.sweep
def test_many_random_layers_give_what_onnxruntime_gives() -> None:
    for seed in range(1000, 3000):
        check(form(seed))


def test_activations_alike_in_both_directions_are_one_sequence() -> None:
    found = form(0)._replace(
        op_type="GRU", inputs=[np.zeros(shape, np.float32) for shape in ((3, 2, 4), (2, 9, 4), (2, 9, 3))]
    )
    for names, count in ((["Sigmoid", "Tanh"] * 2, 1), (["Sigmoid", "Tanh", "Sigmoid", "Relu"], 2)):
        attributes = {"hidden_size": 3, "direction": "bidirectional", "activations": names}
        model = read_onnx(found._replace(attributes=attributes, outputs=["y"], fixed=set()).model(0))
        assert [node.op.type for node in model.get_ordered_ops()].count("GRUSequence") == count


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"activations": ["Cosine"]}, "activation to be one of "),
        ({"activations": ["Tanh", "Relu"]}, "1 activations for each of 1 directions, got ['Tanh', 'Relu']"),
        ({"activations": ["Tanh"], "direction": "bidirectional"}, "1 activations for each of 2 directions"),
        ({"activations": ["ScaledTanh"]}, "activation ScaledTanh needs activation_alpha and activation_beta"),
        ({"activations": ["Elu"], "activation_alpha": [1.0, 2.0]}, "more values than activations ['Elu'] take"),
        ({"hidden_size": 4}, "hidden_size to be 3, as the recurrence weights have it, got 4"),
        ({"hidden_size": 2**32}, "hidden_size to be 3, as the recurrence weights have it, got 4294967296"),
        ({"direction": "backward"}, "direction to be forward, reverse or bidirectional, got 'backward'"),
        ({"clip": -1.0}, "clip to be positive, got -1.0"),
    ],
    ids=str,
)
def test_wrong_attributes_are_refused(attributes: dict[str, Any], text: str) -> None:
    arrays = [np.zeros(shape, np.float32) for shape in ((3, 2, 4), (1, 3, 4), (1, 3, 3))]
    content = Form("RNN", attributes, list(arrays), {1, 2}, ["y"], 0).model(0)
    with pytest.raises(ModelError) as caught:
        read_onnx(content)
    assert "RNN node 'rnn'" in str(caught.value) and text in str(caught.value)


def test_the_default_of_activations_is_for_both_directions() -> None:
    """RNN's activations are ["Tanh", "Tanh"] unless something else is said, whatever the direction."""
    arrays = [np.ones(shape, np.float32) / 3 for shape in ((3, 2, 4), (1, 3, 4), (1, 3, 3))]
    plain, written = (
        Form("RNN", found, list(arrays), {1, 2}, ["y"], 0) for found in ({}, {"activations": ["Tanh"] * 2})
    )
    (expected,) = evaluate(read_onnx(plain.model(0)), arrays[:1])
    np.testing.assert_array_equal(evaluate(read_onnx(written.model(0)), arrays[:1])[0], expected)


@pytest.mark.parametrize("time", [0, 1])
def test_peepholes_of_short_sequences(time: int) -> None:
    """Without an element the states stay as they are."""
    r = np.random.default_rng(1)
    shapes = [(time, 2, 3), (1, 16, 3), (1, 16, 4), (1, 32), None, (1, 2, 4), (1, 2, 4), (1, 12)]
    arrays = [r.normal(size=shape).astype(np.float32) if shape else None for shape in shapes]
    given = Form("LSTM", {"hidden_size": 4}, arrays, {1, 2, 3, 7}, ["y", "h", "c"], 0)
    if time:
        return check(given)
    feeds = given.feeds(0)
    found = ovlite.Core().compile_model(read_onnx(given.model(0)), "CPU")(feeds)
    assert found["y"].shape == (0, 1, 2, 4)
    np.testing.assert_array_equal(found["h"], feeds["i5"])
    np.testing.assert_array_equal(found["c"], feeds["i6"])
