"""What the stages of a model for other shapes have in common.

A Recipe keeps the calls of one stage, fused and laid out. For inputs of other lengths it computes the shapes of their
tensors, the elements that follow from shapes, and the borders of images; the stage is then lowered from the same calls.
What fusing and layouts went by is looked at again: ranks, element types, which tensors are constant, which shapes are
the same, and the elements of constants. Where that has changed the recipe does not apply.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..graph.operator import Array
from ..ops.fused import Fused
from .arrangement import Arrangement
from .calls import Call, Tensor
from .fusion import Map
from .port_types import FromPortType, ToPortType
from .specialize import Constants, Specialized, Visit, results_of
from .windows import SLIDING, TRANSPOSED, convolution, is_broadcast, matrix

# Operators of which nothing is decided by their operands' elements before they are lowered.
_STEERED = frozenset(
    {
        "BatchToSpace", "Broadcast", "Concat", "Gather", "GatherElements", "GatherND", "Interpolate", "OneHot", "Pad",
        "Reshape", "Roll", "ScatterElementsUpdate", "ScatterNDUpdate", "ScatterUpdate", "Slice", "SpaceToBatch",
        "Squeeze", "StridedSlice", "Tile", "TopK", "Transpose", "Unsqueeze",
    }
)  # fmt: skip


class Recipe:
    """The calls of a stage, for inputs of other lengths.

    state, arrangement: of a stage that has neither data-dependent nodes nor bodies that elements chose.
    """

    def __init__(self, state: Specialized, arrangement: Arrangement, constants: Constants) -> None:
        self.arrangement = arrangement
        self.state = state
        self._constants = constants
        self._inputs = list(state.known.values())
        self._visits, varying = _varying(state)
        self._alike = [pair for pair in arrangement.compared if pair.first in varying or pair.second in varying]
        self._copies = list(_copies(arrangement.calls))
        self._windows = [(call, _window_kind(call)) for call in arrangement.calls if _depends_on_lengths(call)]
        images = [call.inputs[0] for call in _parts(arrangement.calls) if call.op.type == "PRelu"]
        self._channels = [(tensor, tensor.shape[1:2]) for tensor in images]
        self._held = {
            tensor: tensor.array
            for call in _parts(arrangement.calls)
            if call.op.type not in _STEERED
            for tensor in call.inputs
            if tensor in varying and tensor.array is not None
        }

    @staticmethod
    def applies(state: Specialized) -> bool:
        """Whether there may be a recipe for a stage."""
        return not (state.deferred or state.data_dependent or state.chose_bodies)

    def renew(self, shapes: Sequence[tuple[int, ...]]) -> bool:
        """Gives the tensors the shapes that follow from those of the inputs; False where the recipe does not apply."""
        for tensor, shape in zip(self._inputs, shapes, strict=True):
            if len(shape) != len(tensor.shape):
                return False
            tensor.shape = shape
        self.state.arguments.clear()
        if not all(map(self._revisit, self._visits)):
            return False
        for copy, tensor in self._copies:
            copy.shape = tensor.shape
        if any((first.shape == second.shape) != same for first, second, same in self._alike):
            return False
        if any(tensor.shape[1:2] != channels for tensor, channels in self._channels):
            return False
        for call, kind in self._windows:
            call.found.clear()
            if _window_kind(call) != kind:
                return False
        self.arrangement.images.settle()
        return True

    def _revisit(self, visit: Visit) -> bool:
        if not visit.folds:
            sizes = visit.node.op.quick_shape(
                [tensor.shape for tensor in visit.inputs], [tensor.array for tensor in visit.inputs]
            )
            if sizes is not None:
                for tensor in visit.results:
                    if len(tensor.shape) != len(sizes):
                        return False
                    tensor.shape = sizes
                return True
        found = results_of(visit.node, visit.inputs, self.state, self._constants)
        if found is None:
            return False
        for tensor, new in zip(visit.results, found, strict=True):
            shape, array = new.shape, new.array
            if (
                len(shape) != len(tensor.shape)
                or new.dtype != tensor.dtype
                or (array is None) != (tensor.array is None)
            ):
                return False
            if array is not None:
                held = self._held.get(tensor)
                if held is None:
                    tensor.array = array
                elif not _equal(held, array):
                    return False
            tensor.shape = shape
        return True

    def __del__(self) -> None:
        forget_calls(self.state, self.arrangement)


def forget_calls(state: Specialized, arrangement: Arrangement) -> None:
    """See Tensor.forget_calls(), for all tensors of a stage."""
    for call in arrangement.calls:
        for tensor in (*call.inputs, *call.outputs):
            tensor.forget_calls()
    for tensor in state.tensors.values():
        tensor.forget_calls()


def _equal(first: Array, second: Array) -> bool:
    return first.shape == second.shape and first.tobytes() == second.tobytes()


def _varying(state: Specialized) -> tuple[list[Visit], set[Tensor]]:
    """The visits of nodes whose outputs follow from the inputs' shapes, and all tensors that do."""
    varying = set(state.known.values())
    visits = []
    for visit in state.visits:
        if not varying.isdisjoint(visit.inputs):
            visits.append(visit)
            varying.update(visit.results)
    return visits, varying


def _copies(calls: Sequence[Call]) -> Iterator[tuple[Tensor, Tensor]]:
    """(tensor that only the arrangement has, the one whose shape it has)."""
    for call in calls:
        if call.op.type in ("Reorder", ToPortType.type):
            yield call.outputs[0], call.inputs[0]
        elif call.op.type == FromPortType.type:
            yield call.inputs[0], call.outputs[0]


def _parts(calls: Sequence[Call]) -> Iterator[Call]:
    """The calls, and those that Maps stand for in the place of these."""
    for call in calls:
        yield from call.op.parts if isinstance(call.op, Map) else [call]


def _depends_on_lengths(call: Call) -> bool:
    """Whether lengths have a say in what kernels take of a matrix operator, and where its windows lie."""
    op = matrix(call).op
    if isinstance(call.op, Fused) and call.op.residual:
        return True
    return op.type in SLIDING and (op.type in TRANSPOSED or op.attributes()["auto_pad"] != "explicit")


def _window_kind(call: Call) -> tuple[bool, bool]:
    return is_broadcast(call), convolution(call) is not None
