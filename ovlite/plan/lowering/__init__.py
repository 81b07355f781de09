"""From calls to steps: which kernel carries out which operator."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import ModelError
from ...graph.failures import Subject, reason
from ...kernels.runtime.step import View
from ..builder import Builder, Lowering
from ..calls import Call, Tensor
from ..fusion import Map, fuse_maps
from ..layout import choose_layouts
from . import (
    attention,
    composed,
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
    sampling,
    scan,
    softmax,
    topk,
    trees,
)
from .bf16 import store_bf16

LOWERINGS: dict[str, Lowering] = {
    **attention.LOWERINGS,
    **composed.LOWERINGS,
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
    **sampling.LOWERINGS,
    **scan.LOWERINGS,
    **softmax.LOWERINGS,
    **topk.LOWERINGS,
    **trees.LOWERINGS,
}


DIVISIONS = frozenset({"Divide", "FloorMod", "Mod"})  # the element-wise operators that can fail, of integers


def lower(builder: Builder, calls: Sequence[Call], exits: Sequence[tuple[Tensor, View]]) -> None:
    """Emits the steps of all calls; each exit's elements end up in its view. Tensors know no calls afterwards."""
    calls = fuse_maps(list(calls), {tensor for tensor, _ in exits})
    calls = choose_layouts(calls)
    if builder.precision.products == "bf16":
        store_bf16(builder, calls, {tensor for tensor, _ in exits})
    direct = set()
    for tensor, view in exits:
        if tensor.producer is not None and not tensor.image and not builder.is_placed(tensor):
            builder.alias(tensor, view)
            direct.add(view.slot)
    for call in calls:
        if not [tensor for tensor in call.outputs if 0 not in tensor.shape]:
            continue
        builder.origin, builder.subject = call.name, _subject(call)
        lowering = LOWERINGS.get(call.op.type)
        try:
            if lowering is None or not lowering(builder, call):
                builder.interpret(call)
        except (ValueError, TypeError, LookupError, ArithmeticError) as error:  # operands that do not go together
            raise ModelError(f"{builder.subject}: {reason(error)}") from error
    builder.origin, builder.subject = "results", Subject("Result", "results", ())
    for tensor, view in exits:
        if view.slot not in direct:
            builder.copy(builder.view(tensor), view)
    for call in calls:
        for tensor in (*call.inputs, *call.outputs):
            tensor.forget_calls()


def _subject(call: Call) -> Subject:
    """What failures call a step; of element-wise operators in one step, those that can fail."""
    if not isinstance(call.op, Map):
        return Subject.of(call.op.type, call.name, call.inputs)
    parts = [part for part in call.op.parts if part.op.type in DIVISIONS] or call.op.parts
    types, names = (dict.fromkeys(found) for found in zip(*[(part.op.type, part.name) for part in parts], strict=True))
    return Subject.of(" and ".join(types), " and ".join(names), parts[0].inputs if len(parts) == 1 else call.inputs)
