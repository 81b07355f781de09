"""From calls to steps: which kernel carries out which operator."""

from __future__ import annotations

from collections.abc import Sequence

from ...kernels.runtime.step import View
from ..builder import Builder, Lowering
from ..calls import Call, Tensor
from ..fusion import fuse_maps
from ..layout import choose_layouts
from . import (
    convolution,
    copy,
    distance,
    elementwise,
    gather,
    indexed_copy,
    matmul,
    normalization,
    pooling,
    quantized,
    recurrent,
    reduction,
    resize,
    scan,
    softmax,
    topk,
    trees,
)

LOWERINGS: dict[str, Lowering] = {
    **convolution.LOWERINGS,
    **copy.LOWERINGS,
    **distance.LOWERINGS,
    **elementwise.LOWERINGS,
    **gather.LOWERINGS,
    **indexed_copy.LOWERINGS,
    **matmul.LOWERINGS,
    **normalization.LOWERINGS,
    **pooling.LOWERINGS,
    **quantized.LOWERINGS,
    **recurrent.LOWERINGS,
    **reduction.LOWERINGS,
    **resize.LOWERINGS,
    **scan.LOWERINGS,
    **softmax.LOWERINGS,
    **topk.LOWERINGS,
    **trees.LOWERINGS,
}


def lower(builder: Builder, calls: Sequence[Call], exits: Sequence[tuple[Tensor, View]]) -> None:
    """Emits the steps of all calls; each exit's elements end up in its view."""
    calls = fuse_maps(list(calls), {tensor for tensor, _ in exits})
    calls = choose_layouts(calls)
    direct = set()
    for tensor, view in exits:
        if tensor.producer is not None and not tensor.image and not builder.is_placed(tensor):
            builder.alias(tensor, view)
            direct.add(view.slot)
    for call in calls:
        if all(tensor.size == 0 for tensor in call.outputs):
            continue
        builder.origin = call.name
        lowering = LOWERINGS.get(call.op.type)
        if lowering is None or not lowering(builder, call):
            builder.interpret(call)
    builder.origin = "results"
    for tensor, view in exits:
        if view.slot not in direct:
            builder.copy(builder.view(tensor), view)
