"""From calls to steps: which kernel carries out which operator."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from ...errors import ModelError
from ...graph.failures import Subject, reason
from ...imports import load
from ...kernels.runtime.executor import check_stopped
from ...kernels.runtime.step import View
from ..builder import Builder, Lowering
from ..calls import Call, Tensor, found_once
from ..fusion import Map

# The module of each operator's lowering, by the operator's type; imported when a model has the operator.
HOMES = {
    kind: module
    for module, kinds in {
        "attention": "Attention ScaledDotProductAttention",
        "composed": "BatchToSpace OneHot ReverseSequence Roll ShuffleChannels SpaceToBatch",
        "convolution": "Convolution ConvolutionBackpropData Fused GroupConvolution GroupConvolutionBackpropData",
        "copy": (
            "Assign Broadcast Concat DepthToSpace Pad ReadValue Reorder Reshape Reverse Slice SpaceToDepth Split "
            "Squeeze StridedSlice Tile Transpose Unsqueeze VariadicSplit"
        ),
        "distance": "SquaredDistance",
        "elementwise": "FromPortType Map ToPortType",
        "gather": "Decompress Gather",
        "indexed_copy": "GatherElements GatherND ScatterElementsUpdate ScatterNDUpdate ScatterUpdate",
        "matmul": "CompressedMatMul MatMul",
        "normalization": "GroupNormalization LRN LayerNorm MVN NormalizeL2 RMS",
        "pooling": "AvgPool MaxPool",
        "quantized": "QuantizedProduct",
        "recurrent": "GRUCell GRUSequence LSTMCell LSTMSequence QuantizedLSTM RNNCell RNNSequence",
        "reduction": (
            "ReduceL1 ReduceL2 ReduceLogicalAnd ReduceLogicalOr ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum"
        ),
        "resize": "Interpolate",
        "sampling": "GridSample ROIAlign",
        "scan": "CumSum",
        "softmax": "LogSoftmax Softmax",
        "topk": "TopK",
        "trees": "TreeEnsemble",
    }.items()
    for kind in kinds.split()
}


@cache
def lowering_of(kind: str) -> Lowering | None:
    """How operators of a type are lowered; None for what no kernel takes."""
    if kind not in HOMES:
        return None
    lowerings: dict[str, Lowering] = load(f".{HOMES[kind]}", __name__).LOWERINGS
    return lowerings[kind]


DIVISIONS = frozenset({"Divide", "FloorMod", "Mod"})  # the element-wise operators that can fail, of integers


def lower(builder: Builder, calls: Sequence[Call], exits: Sequence[tuple[Tensor, View]]) -> None:
    """Emits the steps of all calls; each exit's elements end up in its view."""
    if builder.precision.products == "bf16":
        load(".bf16", __name__).store_bf16(builder, calls, {tensor for tensor, _ in exits})
    direct = set()
    for tensor, view in exits:
        if tensor.producer is not None and not tensor.image and not builder.is_placed(tensor):
            builder.alias(tensor, view)
            direct.add(view.slot)
    for call in calls:
        check_stopped()
        if all(0 in tensor.shape for tensor in call.outputs):
            continue
        builder.origin, builder.subject = call.name, _subject(call)
        lowering = lowering_of(call.op.type)
        try:
            if lowering is None or not lowering(builder, call):
                builder.interpret(call)
        except (ValueError, TypeError, LookupError, ArithmeticError) as error:  # operands that do not go together
            raise ModelError(f"{builder.subject}: {reason(error)}") from error
    builder.origin, builder.subject = "results", Subject("Result", "results", ())
    for tensor, view in exits:
        if view.slot not in direct:
            builder.copy(builder.view(tensor), view)


def _subject(call: Call) -> Subject:
    """What failures call a step; of element-wise operators in one step, those that can fail."""
    kind, name, operands = _named(call)
    return Subject.of(kind, name, operands)


@found_once
def _named(call: Call) -> tuple[str, str, list[Tensor]]:
    if not isinstance(call.op, Map):
        return call.op.type, call.name, call.inputs
    parts = [part for part in call.op.parts if part.op.type in DIVISIONS] or call.op.parts
    types, names = (dict.fromkeys(found) for found in zip(*[(part.op.type, part.name) for part in parts], strict=True))
    return " and ".join(types), " and ".join(names), parts[0].inputs if len(parts) == 1 else call.inputs
