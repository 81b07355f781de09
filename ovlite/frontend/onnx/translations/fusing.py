"""Operators of com.microsoft that an optimizer makes of several: products and convolutions with activations."""

from __future__ import annotations

from collections.abc import Mapping

from ....errors import ModelError
from ....graph import Output
from ..build import moved, one, ops, rank, typed
from ..call import Call, Translated, Translation
from .convolution import convolved, with_bias
from .matrix import gemm
from .normalization import softmax_of

# The parameters of activations and their defaults, in the order in which FusedConv lists them: those of ONNX.
PARAMETERS: dict[str, dict[str, float]] = {
    "": {}, "Relu": {}, "Tanh": {}, "Sigmoid": {}, "Softplus": {}, "Softsign": {}, "HardSwish": {},
    "LeakyRelu": {"alpha": 0.01}, "Elu": {"alpha": 1.0}, "ThresholdedRelu": {"alpha": 1.0},
    "Clip": {"alpha": -3.4028234663852886e38, "beta": 3.4028234663852886e38},
    "HardSigmoid": {"alpha": 0.2, "beta": 0.5},
    "Selu": {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805},
}  # fmt: skip


def _listed(call: Call, value: Output) -> Output:
    """A result with the activation that the attribute `activation` names, whose parameters are activation_params."""
    kind, given = call.one_of("activation", PARAMETERS, ""), call.decimals("activation_params", [])
    names = PARAMETERS[kind]
    if len(given) > len(names):
        raise ModelError(f"expected at most {len(names)} activation_params for activation {kind}, got {given}")
    return _applied(kind, value, {**names, **dict(zip(names, given, strict=False))})


def _named(call: Call, value: Output) -> Output:
    """The same with parameters that are attributes."""
    kind = call.one_of("activation", PARAMETERS, "")
    parameters = {name: call.decimal(f"activation_{name}", usual) for name, usual in PARAMETERS[kind].items()}
    return _applied(kind, value, parameters)


def _applied(kind: str, value: Output, parameters: Mapping[str, float]) -> Output:
    plain = {"Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "Softplus": "softplus", "Softsign": "softsign",
             "HardSwish": "hswish"}  # fmt: skip
    if not kind:
        return value
    if kind in plain:
        return one(getattr(ops, plain[kind])(value))
    alpha, beta = parameters["alpha"], parameters.get("beta", 0.0)
    if kind == "LeakyRelu":
        return one(ops.prelu(value, typed([alpha], value)))
    if kind == "Elu":
        return one(ops.elu(value, alpha))
    if kind == "Clip":
        return one(ops.clamp(value, alpha, beta))
    if kind == "HardSigmoid":
        return one(ops.hard_sigmoid(value, typed(alpha, value), typed(beta, value)))
    if kind == "Selu":
        return one(ops.selu(value, typed(alpha, value), typed(parameters["gamma"], value)))
    return one(ops.select(ops.greater(value, typed(alpha, value)), value, typed(0, value)))


def fused_matmul(call: Call) -> Output:
    """alpha * A' * B'; trans: the last two axes change places, transBatch: the first one comes before the last."""
    left, right = (_batched(call, place, name) for place, name in ((0, "transBatchA"), (1, "transBatchB")))
    product = one(ops.matmul(left, right, call.flag("transA"), call.flag("transB")))
    alpha = call.decimal("alpha", 1.0)
    return product if alpha == 1.0 else one(ops.multiply(product, typed(alpha, product)))


def _batched(call: Call, place: int, name: str) -> Output:
    value = call.input(place)
    if not call.flag(name):
        return value
    if rank(value) < 3:
        raise ModelError(f"{name} is for tensors with batches, of rank 3 and more; got {value.partial_shape}")
    return moved(value, 0, rank(value) - 2)


def fused_matmul_activation(call: Call) -> Translated:
    call.expect("activation_axis", 0, "the activations that are supported have no axis")
    return _named(call, fused_matmul(call))


def fused_conv(call: Call) -> Translated:
    return fused_conv_of(call, call.input(0), call.optional(3))


def fused_conv_of(call: Call, data: Output, addend: Output | None) -> Output:
    """A convolution of `data`, to which another tensor is added, and an activation."""
    found = with_bias(convolved(call, data, call.input(1)), call.optional(2))
    if addend is not None:
        found = one(ops.add(found, addend))
    return _listed(call, found)


def fused_gemm(call: Call) -> Translated:
    return _named(call, gemm(call))


def gemm_fast_gelu(call: Call) -> Translated:
    product, bias = one(ops.matmul(call.input(0), call.input(1), False, False)), call.optional(2)
    return ops.gelu(product if bias is None else ops.add(product, bias), "tanh")


def bias_softmax(call: Call) -> Translated:
    """The softmax of data + bias over all axes from `axis` on; `is_inner_broadcast` tells along which axes the bias
    broadcasts, as its shape does."""
    call.without_effect("is_inner_broadcast")
    return softmax_of(one(ops.add(call.input(0), call.input(1))), call.integer("axis", 1), together=True)


OPERATORS: dict[str, Translation] = {
    "BiasSoftmax": bias_softmax,
    "FusedConv": fused_conv,
    "FusedGemm": fused_gemm,
    "FusedMatMul": fused_matmul,
    "FusedMatMulActivation": fused_matmul_activation,
    "GemmFastGelu": gemm_fast_gelu,
    "TransposeMatMul": fused_matmul,
}
