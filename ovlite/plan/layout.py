"""Chooses the tensors that are stored channels-last, and the width of their borders.

The convolution family computes on images: (N, C, spatial...) tensors whose channel stride is 1, with
a border of zero pixels where a convolution reads padding. An element-wise operator writes an image
when it reads one; the few operators that need an image and are given something else get a Reorder
in front. What a user sees stays N, C, spatial in memory: the copies lie at the rim.

A Concat over channels costs nothing where its inputs can be written straight into their range of its
output's channels, nor does a Split over channels, whose outputs are read where they lie.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..graph import Operator
from ..ops.quantized import QuantizedProduct
from ..records import dataclass
from .calls import Call, Tensor
from .windows import Border, convolution, matrix

# Operators that write an image when they read one.
FOLLOWING_TYPES = frozenset(
    {
        "Map", "MaxPool", "AvgPool", "Interpolate", "Concat", "LRN", "Pad", "MVN", "NormalizeL2", "Softmax",
        "LogSoftmax", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum",
    }
)  # fmt: skip
# Operators that only move elements: they write an image for a convolution to read.
MOVING_TYPES = frozenset(
    {"Reshape", "Squeeze", "Unsqueeze", "Transpose", "Slice", "StridedSlice", "Gather", "Tile", "Broadcast"}
)
_IMAGE_DTYPES = frozenset(map(np.dtype, ("float32", "uint8", "int8")))


@dataclass(frozen=True)
class Reorder(Operator):
    """A copy into another layout."""

    type = "Reorder"


def choose_layouts(calls: list[Call]) -> list[Call]:
    """Sets image of the tensors; returns the calls with the Reorders that are needed."""
    placed: list[Call] = []
    twins: dict[Tensor, Tensor] = {}
    for call in calls:
        if convolution(call) is not None:
            residual = matrix(call).residual
            for source in [call.inputs[0], *([] if residual is None else [residual])]:
                _give_image(call, source, placed, twins)
            call.outputs[0].image = True
        elif call.op.type in FOLLOWING_TYPES:
            call.outputs[0].image = _follows(call) and not _enlarges_result(call)
        elif _splits_channels(call) is not None:
            for tensor in call.outputs:
                tensor.image = True
        elif call.op.type in MOVING_TYPES:
            call.outputs[0].image = is_image_shape(call.outputs[0]) and any(
                convolution(user) is not None and user.inputs[0] is call.outputs[0] for user in call.outputs[0].users
            )
        placed.append(call)
    return placed


class Images:
    """Where the images of calls lie, by the shapes that these have: within others, and within borders."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self._sharing = [call for call in calls if call.op.type in ("Concat", "Split", "VariadicSplit")]
        self._windows = [call for call in calls if convolution(call) is not None]

    def settle(self) -> None:
        """Sets border, fill and within of the tensors."""
        for call in self._windows:
            whole = call.inputs[0].whole
            whole.border, whole.fill = (), 0
        for call in self._sharing:
            for tensor in (*call.inputs, *call.outputs):
                tensor.within = None
        for call in self._sharing:
            _share_channels(call)
        for call in self._windows:
            window = convolution(call)
            assert window is not None
            _widen(call.inputs[0].whole, window.border(call.inputs[0], call.outputs[0]), _fill(call))


def is_image_shape(tensor: Tensor) -> bool:
    """True for tensors of (N, C) and 1 to 3 spatial dimensions, of an element type that convolutions take."""
    return tensor.dtype in _IMAGE_DTYPES and 3 <= len(tensor.shape) <= 5


def _give_image(call: Call, source: Tensor, placed: list[Call], twins: dict[Tensor, Tensor]) -> None:
    """Makes an input an image; a Reorder goes in front when it is none."""
    if source.image:
        return
    twin = twins.get(source)
    if twin is None:
        twin = twins[source] = Tensor(source.dtype, source.shape, image=True)
        placed.append(Call(Reorder(), [source], [twin], "reorder"))
    call.replace_input(source, twin)


def _follows(call: Call) -> bool:
    """True when the call reads an image of its output's rank."""
    output = call.outputs[0]
    return is_image_shape(output) and any(
        tensor.image and len(tensor.shape) == len(output.shape) for tensor in call.inputs
    )


def _enlarges_result(call: Call) -> bool:
    """True for a resizing whose result nobody else reads: its input is better reordered, which has fewer elements."""
    op = call.op
    linear = op.type == "Interpolate" and str(op.attributes()["mode"]).startswith("linear")
    return linear and not call.outputs[0].users and call.outputs[0].size > call.inputs[0].size


def _splits_channels(call: Call) -> list[int] | None:
    """First channel of each output of a call that divides an image by channels."""
    if call.op.type not in ("Split", "VariadicSplit") or not call.inputs[0].image:
        return None
    axis = call.inputs[1].array
    if axis is None or int(axis.reshape(-1)[0]) % len(call.inputs[0].shape) != 1:
        return None
    firsts, channel = [], 0
    for tensor in call.outputs:
        firsts.append(channel)
        channel += tensor.shape[1]
    return firsts


def _share_channels(call: Call) -> None:
    """Places the inputs of a Concat within its output, the outputs of a Split within its input."""
    firsts = _splits_channels(call)
    if firsts is not None:
        for tensor, first in zip(call.outputs, firsts, strict=True):
            if tensor.within is None:
                tensor.within = (call.inputs[0], first)
        return
    output = call.outputs[0]
    if call.op.type != "Concat" or not output.image or call.op.attributes()["axis"] % len(output.shape) != 1:
        return
    first = 0
    for tensor in call.inputs:
        if _can_move(tensor, call):
            tensor.within = (output, first)
        first += tensor.shape[1]


def _can_move(tensor: Tensor, call: Call) -> bool:
    """True when the tensor may be written into the Concat's output in the first place."""
    free = tensor.image and tensor.within is None and tensor.array is None and tensor.producer is not None
    return free and call.inputs.count(tensor) == 1 and call.outputs[0] not in _wholes(tensor)


def _wholes(tensor: Tensor) -> Iterator[Tensor]:
    """The tensors that a tensor lies within, the nearest first."""
    while tensor.within is not None:
        tensor = tensor.within[0]
        yield tensor


def _widen(whole: Tensor, border: Border, fill: int | None) -> None:
    """Gives an image at least this border, of this fill if it is not to have another one already."""
    if not whole.border:
        whole.border, whole.fill = border, fill
        return
    whole.fill = fill if whole.fill == fill else None
    pairs = zip(whole.border, border, strict=True)
    whole.border = tuple([(max(a, c), max(b, d)) for (a, b), (c, d) in pairs])


def _fill(call: Call) -> int | None:
    """What a convolution reads around its input; None where a run computes it."""
    if not isinstance(call.op, QuantizedProduct):
        return 0
    return None if call.op.dynamic else call.op.x_zero
