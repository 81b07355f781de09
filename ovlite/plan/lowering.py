"""From calls to steps: which kernel carries out which operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..kernels.step import View
from .builder import Builder
from .calls import Call, Tensor

# Emits the steps of a call and returns True, or returns False when no kernel takes it as it is.
Lowering = Callable[[Builder, Call], bool]

LOWERINGS: dict[str, Lowering] = {}


def lower(builder: Builder, calls: Sequence[Call], exits: Sequence[tuple[Tensor, View]]) -> None:
    """Emits the steps of all calls; each exit's elements end up in its view."""
    direct = {}
    for tensor, view in exits:
        if tensor.producer is not None and not tensor.image and not builder.is_placed(tensor):
            builder.alias(tensor, view)
            direct[view.slot] = view
    for call in calls:
        lowering = LOWERINGS.get(call.op.type)
        if lowering is None or not lowering(builder, call):
            builder.interpret(call)
    for tensor, view in exits:
        if view.slot not in direct:
            builder.copy(builder.view(tensor), view)
