"""Operators of com.microsoft for images whose channels lie last, and for sequences of pixels: those of diffusion."""

from __future__ import annotations

from ....errors import ModelError
from ....graph import Output
from ..build import channels_first, channels_last, ints, one, ops, rank, reshaped, static_dims
from ..call import Call, Translated, Translation
from .convolution import convolved, max_pool_of, with_bias
from .fusing import fused_conv_of
from .quantization import qlinear_conv_of


def bias_add(call: Call) -> Translated:
    """Inputs: x [batch, pixels, channels], a bias [channels], a residual."""
    return ops.add(ops.add(call.input(0), call.input(1)), call.input(2))


def bias_split_gelu(call: Call) -> Translated:
    """The first half of the channels of x + bias, times the Gelu of the second half."""
    left, right = ops.split(ops.add(call.input(0), call.input(1)), ints(-1), 2).outputs()
    return ops.multiply(left, ops.gelu(right, "erf"))


def group_norm(call: Call) -> Translated:
    return _normalised(call, call.input(0))


def skip_group_norm(call: Call) -> Translated:
    """Of x + skip + bias, which is the second output. skip: of the shape of x, or one element a channel."""
    data, skip, bias = call.input(0), call.input(3), call.optional(4)
    last = call.flag("channels_last", True)
    if rank(skip) == 2:
        skip = one(ops.unsqueeze(skip, ints([1, 2] if last else [2, 3])))
    total = one(ops.add(data, skip))
    if bias is not None:
        total = one(ops.add(total, bias if last else reshaped(bias, [-1, 1, 1])))
    return [_normalised(call, total), total]


def _normalised(call: Call, data: Output) -> Output:
    """Inputs 1 and 2: scale and bias, one a channel. activation: 1 for x * sigmoid(x)."""
    last, groups, kind = call.flag("channels_last", True), call.integer("groups"), call.integer("activation")
    if kind not in (0, 1):
        raise ModelError(f"expected activation to be 0 (none) or 1 (SiLU), got {kind}")
    channels = (static_dims(data) or [None])[-1 if last else 1]
    if groups < 1 or (channels is not None and channels % groups):
        raise ModelError(f"{channels} channels can't be put in {groups} equal groups")
    planes = channels_first(data) if last else data
    epsilon = call.decimal("epsilon", 1e-5)
    found = one(ops.group_normalization(planes, call.input(1), call.input(2), groups, epsilon))
    if kind:
        found = one(ops.swish(found))
    return channels_last(found) if last else found


def nhwc_conv(call: Call) -> Translated:
    """A convolution of data [N, spatial..., C]; filters are [O, C / groups, kernel...]."""
    found = convolved(call, channels_first(call.input(0)), call.input(1))
    return channels_last(with_bias(found, call.optional(2)))


def nhwc_fused_conv(call: Call) -> Translated:
    """As NhwcConv, to which the fourth input is added, and an activation."""
    addend = call.optional(3)
    planes = None if addend is None else channels_first(addend)
    return channels_last(fused_conv_of(call, channels_first(call.input(0)), planes))


def nhwc_max_pool(call: Call) -> Translated:
    return channels_last(max_pool_of(call, channels_first(call.input(0))).output(0))


def qlinear_conv_microsoft(call: Call) -> Translated:
    """ONNX's QLinearConv, for data that may have its channels last."""
    if not call.flag("channels_last"):
        return qlinear_conv_of(call, call.input(0))
    return channels_last(qlinear_conv_of(call, channels_first(call.input(0))))


OPERATORS: dict[str, Translation] = {
    "BiasAdd": bias_add,
    "BiasSplitGelu": bias_split_gelu,
    "GroupNorm": group_norm,
    "NhwcConv": nhwc_conv,
    "NhwcFusedConv": nhwc_fused_conv,
    "NhwcMaxPool": nhwc_max_pool,
    "QLinearConv": qlinear_conv_microsoft,
    "SkipGroupNorm": skip_group_norm,
}
