"""A model at given input shapes: which calls it makes on which concrete tensors.

What depends on shapes alone (ShapeOf and all that is computed from it) is evaluated here and is
constant in the plan. Where a shape depends on elements that only an inference knows, the walk stops:
the nodes behind that point are left for a further stage, which is specialized when those elements
are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ..graph import Argument, Constant, Model, Node, Output, Parameter, PartialValue, Result
from ..graph.constants import ScaledConstant, constant_array
from ..graph.elements import compute_dtype
from ..graph.operator import Array
from ..kernels.runtime.executor import check_stopped
from ..ops.interpreter import evaluated
from ..types import PartialShape
from .calls import Call, Tensor

FOLD_LIMIT = 1 << 16  # elements of a tensor that is worth holding as a constant of a plan


class Constants:
    """Elements of a model's constants in their compute dtype, decoded once."""

    def __init__(self) -> None:
        self._arrays: dict[Constant, Array] = {}
        self._arguments: dict[Output, Argument] = {}

    def __getitem__(self, node: Constant) -> Array:
        if node not in self._arrays:
            self._arrays[node] = constant_array(node)
        return self._arrays[node]

    def tensor(self, node: Constant) -> Tensor:
        """A constant as a plan sees it."""
        if isinstance(node, ScaledConstant):
            return Tensor(np.dtype(np.float32), node._shape, scaled=node)
        return Tensor.constant(self[node])

    def items(self) -> Iterable[tuple[Constant, Array]]:
        """The constants that were asked for, and their elements."""
        return self._arrays.items()

    def argument(self, output: Output) -> Argument:
        """What is known of a constant's output when shapes are inferred."""
        if output not in self._arguments:
            assert isinstance(output.node, Constant)
            self._arguments[output] = _argument(output, self.tensor(output.node))
        return self._arguments[output]


class Visit(NamedTuple):
    """A node that was computed, or became a call, and its tensors. folds: the results may be constants."""

    node: Node
    inputs: list[Tensor]
    results: list[Tensor]
    folds: bool


class Specialized:
    """The nodes that one stage computes, and those that must wait for it.

    known: the tensors that it starts from. tensors: every output computed so far. visits: how, in order.
    chose_bodies: elements chose bodies. values_vary: elements that decide shapes are others in each run. calls:
    in order. data_dependent: nodes whose outputs' shapes only their evaluation tells; Python evaluates them when the
    calls have run. deferred: nodes that wait. required: outputs whose elements the deferred nodes need before their
    shapes are known. waiting: the deferred nodes and those of bodies that could not be finished. finished: nodes of
    such bodies that no later stage visits. arguments: what shape inference was told of the outputs.
    """

    def __init__(self, known: dict[Output, Tensor], finished: Iterable[Node], values_vary: bool) -> None:
        self.known = known
        self.tensors = dict(known)
        self.finished = set(finished)
        self.visits: list[Visit] = []
        self.chose_bodies = False
        self.values_vary = values_vary
        self.calls: list[Call] = []
        self.data_dependent: list[Node] = []
        self.deferred: list[Node] = []
        self.required: dict[Output, None] = {}
        self.waiting: list[Node] = []
        self.arguments: dict[Output, Argument] = {}


def specialize(
    nodes: Iterable[Node], known: dict[Output, Tensor], constants: Constants, finished: Iterable[Node] = (),
    values_vary: bool = False,
) -> Specialized:  # fmt: skip
    """Walks `nodes` (in order) from the tensors in `known`.

    finished: nodes of bodies that stages before have computed.
    values_vary: a stage for elements that decide shapes, such as the bounds of a slice, would serve one run alone, so
    that nodes which need them are data-dependent. Booleans are still required: they choose between few stages.
    """
    state = Specialized(known, finished, values_vary)
    for node in nodes:
        check_stopped()
        if not _visit(node, state, constants):
            state.deferred.append(node)
    return state


def _visit(node: Node, state: Specialized, constants: Constants) -> bool:
    """Computes a node's outputs; False when it must wait."""
    tensors = state.tensors
    if isinstance(node, Constant):
        tensors[node._outputs[0]] = constants.tensor(node)
        return True
    outputs, sources = node._outputs, node.sources
    if isinstance(node, Parameter) or (
        outputs and outputs[0] in tensors and all(output in tensors for output in outputs)
    ):
        return True
    missing = [source for source in sources if source not in tensors]
    if not missing and node.op.value_inputs:
        wanted = [sources[i] for i in node.op.value_inputs if i < len(sources)]
        missing = [source for source in wanted if tensors[source].array is None]
        if state.values_vary and any(tensors[source].dtype != np.bool_ for source in missing):
            state.data_dependent.append(node)
            return True
        state.required.update(dict.fromkeys(missing))
    if missing:
        state.waiting.append(node)
        return False
    inputs = [tensors[source] for source in sources]
    if isinstance(node, Result):
        tensors[node.output(0)] = inputs[0]
        return True
    body = node.op.inlined([tensor.array for tensor in inputs])
    if body is not None:
        return _inline(node, *body, state, constants)
    _call(node, inputs, state, constants)
    return True


def _inline(
    node: Node, body: Model, taken: Sequence[int], given: Sequence[int], state: Specialized, constants: Constants
) -> bool:
    """Walks a body in the place of the node that chose it."""
    tensors = state.tensors
    state.chose_bodies = True
    for parameter, index in zip(body.parameters, taken, strict=True):
        inner = parameter.output(0)
        if inner not in tensors or tensors[inner].array is None:  # elements that the body needed are kept
            tensors[inner] = tensors[node.sources[index]]
    left = [inner for inner in body.get_ordered_ops() if inner not in state.finished]
    done = [_visit(inner, state, constants) for inner in left]
    if not all(done):
        state.finished.update(inner for inner, is_done in zip(left, done, strict=True) if is_done)
        state.finished.difference_update(body.results)
        state.waiting += [node, *body.results]  # what chose the body, and what it gives, is to be known when it ends
        return False
    for output, index in zip(node.outputs(), given, strict=True):
        tensors[output] = tensors[body.results[index].output(0)]
    return True


def _call(node: Node, inputs: list[Tensor], state: Specialized, constants: Constants) -> None:
    """Evaluates the node when its inputs are constant, else appends its call."""
    results = results_of(node, inputs, state, constants)
    if results is None:
        state.data_dependent.append(node)
        return
    if not results or results[0].array is None:
        state.calls.append(Call(node.op, inputs, results, node.friendly_name))
    folds = node.op.type == "ShapeOf" or all(tensor.array is not None for tensor in inputs)
    state.visits.append(Visit(node, inputs, results, folds))
    state.tensors.update(zip(node._outputs, results, strict=True))


def results_of(node: Node, inputs: list[Tensor], state: Specialized, constants: Constants) -> list[Tensor] | None:
    """The outputs: constants where the inputs are, else without elements; None when only evaluation tells shapes."""
    results = _shaped(node, inputs, state, constants)
    if results is not None and node.op.type == "ShapeOf":
        return [Tensor.constant(np.asarray(inputs[0].shape, results[0].dtype))]
    arrays = [tensor.array for tensor in inputs if tensor.array is not None]
    constant = len(arrays) == len(inputs) and not node.op.stateful and node.op.folds(arrays)
    if constant and (results is None or sum([tensor.size for tensor in results]) <= FOLD_LIMIT):
        return [Tensor.constant(array) for array in evaluate(node, arrays)]
    return results


def _shaped(node: Node, inputs: list[Tensor], state: Specialized, constants: Constants) -> list[Tensor] | None:
    """The outputs, without elements; None when only evaluation tells their shapes."""
    sizes = node.op.quick_shape([tensor.shape for tensor in inputs], [tensor.array for tensor in inputs])
    if sizes is not None:
        return [Tensor(compute_dtype(output.element_type), sizes) for output in node._outputs]
    results = []
    for element_type, shape in node.inferred([_known(source, state, constants) for source in node.sources]):
        lengths = shape._lengths()
        if lengths is None:
            return None
        results.append(Tensor(compute_dtype(element_type), lengths))
    return results


def _known(source: Output, state: Specialized, constants: Constants) -> Argument:
    """What is known of an output that was computed, put together once."""
    if isinstance(source.node, Constant):
        return constants.argument(source)
    found = state.arguments.get(source)
    if found is None:
        found = state.arguments[source] = _argument(source, state.tensors[source])
    return found


def _argument(source: Output, tensor: Tensor) -> Argument:
    known = tensor.array is not None and tensor.array.size <= FOLD_LIMIT
    partial = PartialValue.of(tensor.array) if known and tensor.array is not None else None
    return Argument(source.element_type, PartialShape(tensor.shape), partial)


def evaluate(node: Node, arrays: Sequence[Array]) -> list[Array]:
    """A node's outputs by numpy, in their compute dtypes."""
    return as_compute_arrays(node, evaluated(node, arrays))


def as_compute_arrays(node: Node, results: Sequence[Array]) -> list[Array]:
    """A node's outputs in C order and in their compute dtypes."""
    return [
        np.asarray(result, compute_dtype(output.element_type), order="C")
        for result, output in zip(results, node.outputs(), strict=True)
    ]
