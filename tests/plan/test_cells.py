"""One step of LSTM, GRU and RNN on the kernels of sequences, beside the interpreter."""

import numpy as np
import pytest

from ovlite.graph import Constant, Node
from ovlite.ops.interpreter import evaluate_model
from ovlite.ops.recurrent import GRUCell, LSTMCell, LSTMCellV1, RNNCell

from ..tolerances import sums
from .support import compiled, noise, ops, parameter, run

KINDS = {
    "lstm": (LSTMCell, 4, 4, 2),
    "lstm, first version": (LSTMCellV1, 4, 4, 2),
    "gru": (GRUCell, 3, 3, 1),
    "gru, linear before reset": (GRUCell, 3, 4, 1),
    "rnn": (RNNCell, 1, 1, 1),
}


def made(kind, batch, size, hidden, **options):
    """(the node, its parameters, their arrays)"""
    operator, gates, biases, states = KINDS[kind]
    if biases > gates:
        options["linear_before_reset"] = True
    weights = [noise(gates * hidden, size), noise(gates * hidden, hidden), noise(biases * hidden)]
    if operator is LSTMCellV1:
        weights.append(options.pop("peepholes", np.zeros(3 * hidden, np.float32)))
    parameters = [parameter([batch, size]), *(parameter([batch, hidden]) for _ in range(states))]
    node = Node(
        operator(hidden_size=hidden, **options),
        [*(p.output(0) for p in parameters), *(Constant(array / 4).output(0) for array in weights)],
    )
    return node, parameters, [noise(*p.output(0).shape, seed=i) for i, p in enumerate(parameters)]


def steps_of(node, parameters, data):
    executable = compiled(list(node.outputs()), parameters)
    for threads in (1, 2):
        found = run(executable, data, threads)
        for array, expected in zip(found, evaluate_model(executable._model, data), strict=True):
            np.testing.assert_allclose(array, expected, **sums(64))
    return executable.plan(tuple(array.shape for array in data)).program.native


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch, size, hidden", [(1, 1, 1), (3, 5, 7), (1, 17, 33), (16, 64, 64)])
def test_cells(kind, batch, size, hidden):
    assert steps_of(*made(kind, batch, size, hidden))


@pytest.mark.parametrize("kind", KINDS)
def test_clipped_cells_of_other_activations(kind):
    wanted = {4: ("sigmoid", "relu", "hardsigmoid"), 3: ("hardsigmoid", "relu"), 1: ("relu",)}[KINDS[kind][1]]
    assert steps_of(*made(kind, 2, 5, 6, activations=wanted, clip=0.3))


@pytest.mark.parametrize("kind", KINDS)
def test_states_and_data_of_any_strides(kind):
    node, parameters, data = made(kind, 4, 6, 6)
    turned = [parameter([6, 4]) for _ in parameters]
    sources = [ops["transpose"](p, [1, 0]).output(0) for p in turned]
    assert steps_of(Node(node.op, [*sources, *node.sources[len(turned) :]]), turned, [array.T.copy() for array in data])


def test_orders_of_gates_are_numpys():
    assert not steps_of(*made("lstm, first version", 2, 3, 4, weights_format="ifco"))
