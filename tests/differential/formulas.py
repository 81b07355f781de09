"""Operators in float64 by numpy, written from the specification: they decide where runtimes disagree.

A formula takes the inputs as float64 (None for one left out) and the attributes, with their defaults, as an object.
It is for real element types; integers are compared with runtimes, which are exact there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
from onnx import AttributeProto, defs, helper

from .cases import Case, Made
from .draw import Array, is_real
from .resizing import resized

Formula = Callable[..., Any]
erf = np.vectorize(math.erf, otypes=[np.float64])


def expected_by_formula(case: Case) -> list[Array] | None:
    """The outputs of a case of one node by its operator's formula, in their element types; None where there is none."""
    made = case.made
    if made is None or made.inputs[0] is None:
        return None
    formula = FORMULAS.get(f"{made.domain}.{made.op_type}".strip("."))
    first = made.inputs[0]
    if formula is None or not (is_real(first.dtype) or made.op_type in OF_INTEGERS or made.op_type.endswith("Window")):
        return None
    given = SimpleNamespace(version=case.opsets[""], dtype=first.dtype)
    for name, value in (_defaults(made, case.opsets[""]) | made.attributes).items():
        setattr(given, name, float(np.float32(value)) if isinstance(value, float) else value)
    inputs = [None if array is None else _wide(array) for array in made.inputs]
    with np.errstate(all="ignore"):
        found = formula(given, *inputs)
    if found is None:
        return None
    found = found if isinstance(found, tuple) else (found,)
    target = first.dtype if is_real(first.dtype) or made.op_type in OF_INTEGERS else np.dtype(np.float64)
    arrays = [_narrow(array, target) for array, wanted in zip(found, made.outputs, strict=False) if wanted]
    return arrays if len(arrays) == len(case.wanted) else None


def _defaults(made: Made, version: int) -> dict[str, Any]:
    """The defaults of attributes, None where there is none."""
    if made.domain:
        return {"alpha": 1.702}
    found = {}
    for name, attribute in defs.get_schema(made.op_type, version, "").attributes.items():
        default = attribute.default_value
        value = helper.get_attribute_value(default) if default.type != AttributeProto.UNDEFINED else None
        found[name] = value.decode() if isinstance(value, bytes) else value
    return found


def _wide(array: Array) -> Array:
    return array if array.dtype.kind in "iub" and "int4" not in array.dtype.name else array.astype(np.float64)


def _narrow(array: Any, dtype: Any) -> Array:
    """A result in the element type of the first input, unless it is of another kind already."""
    array = np.asarray(array)
    with np.errstate(all="ignore"):
        return array.astype(dtype) if array.dtype == np.float64 else array


def _stable_elu(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _sigmoid(x: Array) -> Array:
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def _gelu(a: Any, x: Array) -> Array:
    return _gelu_tanh(x) if a.approximate == "tanh" else _gelu_erf(x)


def _gelu_tanh(x: Array) -> Array:
    return x * _sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))


def _gelu_erf(x: Array) -> Array:
    """x * Phi(x); the lower tail by erfc, which keeps its digits."""
    tail = np.vectorize(math.erfc, otypes=[np.float64])(-x / math.sqrt(2))
    return np.where(np.isneginf(x), np.nan, 0.5 * x * tail)


def _power(a: Any, x: Array, y: Array) -> Array | None:
    return np.power(x, y.astype(np.float64))


def _hard_sigmoid(x: Array, alpha: float, beta: float) -> Array:
    return np.clip(alpha * x + beta, 0, 1)


def _shrink(a: Any, x: Array) -> Array:
    x = x.astype(np.float64)
    return np.where(x < -a.lambd, x + a.bias, np.where(x > a.lambd, x - a.bias, 0.0))


def _axes(a: Any, axes: Array | None, rank: int) -> tuple[int, ...] | None:
    """The axes of a reduction; None for none at all, which leaves the tensor as it is."""
    chosen = getattr(a, "axes", None) if axes is None else axes.tolist()
    if chosen:
        return tuple(axis % rank for axis in chosen)
    return None if getattr(a, "noop_with_empty_axes", 0) else tuple(range(rank))


def _reduction(compute: Callable[..., Array], before: Callable[[Array], Array], after: Callable[[Array], Array]
               ) -> Formula:  # fmt: skip
    def formula(a: Any, x: Array, axes: Array | None = None) -> Array:
        chosen = _axes(a, axes, x.ndim)
        wide = before(x)
        return after(wide if chosen is None else compute(wide, axis=chosen, keepdims=bool(a.keepdims)))

    return formula


def _same(x: Array) -> Array:
    return x


def _extreme(name: str, of_nothing: float) -> Formula:
    return _reduction(lambda x, **where: getattr(np, name)(x, initial=of_nothing, **where), _same, _same)


def _mean(x: Array, **where: Any) -> Array | None:
    return np.mean(x, **where)


def _log_sum_exp(a: Any, x: Array, axes: Array | None = None) -> Array:
    chosen = _axes(a, axes, x.ndim)
    if chosen is None:
        return x
    x = x.astype(np.float64)
    peak = np.max(x, axis=chosen, keepdims=True, initial=-np.inf)
    peak = np.where(np.isfinite(peak), peak, 0)
    total = np.log(np.sum(np.exp(x - peak), axis=chosen, keepdims=True)) + peak
    return total if a.keepdims else np.squeeze(total, chosen)


def _arg(pick: Callable[..., Array]) -> Formula:
    def formula(a: Any, x: Array) -> Array:
        axis = a.axis % x.ndim if x.ndim else 0
        if getattr(a, "select_last_index", 0):
            found = x.shape[axis] - 1 - pick(np.flip(x, axis), axis=axis)
        else:
            found = pick(x, axis=axis)
        return (np.expand_dims(found, axis) if a.keepdims else found).astype(np.int64)

    return formula


def _cumulative(compute: Callable[..., Array], start: float) -> Formula:
    def formula(a: Any, x: Array, axis: Array) -> Array:
        place = int(axis.item()) % x.ndim
        along = np.flip(x, place) if a.reverse else x
        if a.exclusive:
            first = np.full_like(along.take([0], place) if along.shape[place] else along, start)
            along = np.concatenate([first, along], place).take(range(along.shape[place]), place)
        found = compute(along, axis=place, dtype=x.dtype)
        return np.flip(found, place) if a.reverse else found

    return formula


def _softmax(log: bool) -> Formula:
    def formula(a: Any, x: Array) -> Array:
        axis = (a.axis if a.axis is not None else -1) % x.ndim
        axes = (axis,) if a.version >= 13 else tuple(range(axis, x.ndim))
        shifted = x - np.max(x, axis=axes, keepdims=True, initial=-np.inf)
        total = np.sum(np.exp(shifted), axis=axes, keepdims=True)
        return shifted - np.log(total) if log else np.exp(shifted) / total

    return formula


def _hardmax(a: Any, x: Array) -> Array:
    """1 at the first greatest element, or the first NaN."""
    axis = (a.axis if a.axis is not None else -1) % x.ndim
    rows = np.moveaxis(x, axis, -1) if a.version >= 13 else x.reshape(math.prod(x.shape[:axis]), -1)
    found = np.zeros(rows.shape)
    np.put_along_axis(found, np.argmax(rows, axis=-1)[..., np.newaxis], 1, -1)
    return np.moveaxis(found, -1, axis) if a.version >= 13 else found.reshape(x.shape)


def _window(a0: float, a1: float, a2: float) -> Formula:
    """A sum of cosines over a period of `size` elements, or of size - 1."""

    def formula(a: Any, size: Array) -> Array:
        n = int(size)
        turns = 2 * np.pi * np.arange(n) / (n if a.periodic else n - 1)
        found = a0 - a1 * np.cos(turns) + a2 * np.cos(2 * turns)
        return found.astype(helper.tensor_dtype_to_np_dtype(a.output_datatype))

    return formula


def _per_channel(value: Array, x: Array) -> Array:
    return value.reshape([-1] + [1] * (x.ndim - 2))


def _normalized(x: Array, axes: tuple[int, ...], epsilon: float) -> tuple[Array, Array, Array]:
    """(normal, mean, 1 / deviation)"""
    mean = np.mean(x, axis=axes, keepdims=True)
    inverse = 1 / np.sqrt(np.mean((x - mean) ** 2, axis=axes, keepdims=True) + epsilon)
    return (x - mean) * inverse, mean, inverse


def _batch_normalization(a: Any, x: Array, scale: Array, bias: Array, mean: Array, variance: Array) -> Array:
    scale, bias, mean, variance = (_per_channel(value, x) for value in (scale, bias, mean, variance))
    return (x - mean) / np.sqrt(variance + a.epsilon) * scale + bias


def _instance_normalization(a: Any, x: Array, scale: Array, bias: Array) -> Array:
    normal = _normalized(x, tuple(range(2, x.ndim)), a.epsilon)[0]
    return normal * _per_channel(scale, x) + _per_channel(bias, x)


def _group_normalization(a: Any, x: Array, scale: Array, bias: Array) -> Array:
    grouped = x.reshape(x.shape[0], a.num_groups, -1)
    normal = _normalized(grouped, (2,), a.epsilon)[0].reshape(x.shape)
    each = x.shape[1] // scale.size
    return normal * _per_channel(np.repeat(scale, each), x) + _per_channel(np.repeat(bias, each), x)


def _layer_normalization(a: Any, x: Array, scale: Array, bias: Array | None = None) -> Any:
    axes = tuple(range(a.axis % x.ndim, x.ndim))
    normal, mean, inverse = _normalized(x, axes, a.epsilon)
    narrow = np.float64 if a.dtype == np.float64 else np.float32
    found = normal * scale + (0 if bias is None else bias)
    return (
        found,
        np.asarray(mean).astype(np.float32 if narrow != np.float64 else np.float32),
        inverse.astype(np.float32),
    )


def _rms_normalization(a: Any, x: Array, scale: Array) -> Array:
    axes = tuple(range(a.axis % x.ndim, x.ndim))
    return x / np.sqrt(np.mean(x**2, axis=axes, keepdims=True) + a.epsilon) * scale


def _lrn(a: Any, x: Array) -> Array:
    total = np.zeros_like(x)
    for c in range(x.shape[1]):
        first, last = c - (a.size - 1) // 2, c + math.ceil((a.size - 1) / 2)
        total[:, c] = np.sum(x[:, max(0, first) : last + 1] ** 2, axis=1)
    return x / (a.bias + a.alpha / a.size * total) ** a.beta


def _lp_normalization(a: Any, x: Array) -> Array:
    norm = np.sum(np.abs(x) ** a.p, axis=a.axis, keepdims=True) ** (1 / a.p)
    return np.where(norm == 0, 0, x / np.where(norm == 0, 1, norm))


def _mean_variance(a: Any, x: Array) -> Array:
    axes = tuple(a.axes)
    centred = x - np.mean(x, axis=axes, keepdims=True)
    return centred / (np.sqrt(np.mean(centred**2, axis=axes, keepdims=True)) + 1e-9)


class Windows:
    """The windows of a pool or a convolution: where each begins along each axis, padding in front counted negative."""

    def __init__(self, a: Any, sizes: Sequence[int], kernel: Sequence[int]) -> None:
        count = len(sizes)
        self.sizes, self.kernel = list(sizes), list(kernel)
        self.strides = a.strides or [1] * count
        self.dilations = getattr(a, "dilations", None) or [1] * count
        pads = a.pads or [0] * 2 * count
        self.begin, self.end = list(pads[:count]), list(pads[count:])
        spans = [(k - 1) * dilation + 1 for k, dilation in zip(kernel, self.dilations, strict=True)]
        self.counts = []
        for i, size in enumerate(sizes):
            if a.auto_pad.startswith("SAME"):
                n = -(-size // self.strides[i])
                total = max(0, (n - 1) * self.strides[i] + spans[i] - size)
                self.begin[i] = total // 2 if a.auto_pad == "SAME_UPPER" else total - total // 2
                self.end[i] = total - self.begin[i]
            room = size + self.begin[i] + self.end[i] - spans[i]
            if getattr(a, "ceil_mode", 0) and not a.auto_pad.startswith("SAME"):
                n = -(-room // self.strides[i]) + 1
                if (n - 1) * self.strides[i] >= size + self.begin[i]:
                    n -= 1  # a window may not begin in the padding at the end
            else:
                n = room // self.strides[i] + 1
            self.counts.append(n)

    def each(self) -> Any:
        """(index of the window, for each axis its (place in the kernel, place in the data), padding included)."""
        for index in product(*map(range, self.counts)):
            places = [
                [(k, i * stride - begin + k * dilation) for k in range(kernel)]
                for i, stride, begin, dilation, kernel in zip(
                    index, self.strides, self.begin, self.dilations, self.kernel, strict=True
                )
            ]
            yield index, places

    def inside(self, places: Sequence[Sequence[tuple[int, int]]]) -> list[list[tuple[int, int]]]:
        return [[(k, at) for k, at in axis if 0 <= at < size] for axis, size in zip(places, self.sizes, strict=True)]

    def padded(self, places: Sequence[Sequence[tuple[int, int]]]) -> int:
        """How many places of a window lie in the data or its padding."""
        bounds = zip(places, self.sizes, self.begin, self.end, strict=True)
        return math.prod(sum(-b <= at < size + e for _, at in axis) for axis, size, b, e in bounds)


def _gather(x: Array, places: Sequence[Sequence[tuple[int, int]]]) -> Array:
    """The elements of a window, spatial axes flattened."""
    for axis, chosen in enumerate(places, 2):
        x = x.take([at for _, at in chosen], axis)
    return x.reshape(*x.shape[:2], -1)


def _max_pool(a: Any, x: Array) -> Any:
    """With the index of the first maximum, a NaN if there is one, in the flattened data."""
    windows = Windows(a, x.shape[2:], a.kernel_shape)
    if min(windows.counts) < 1:
        return None
    shape = (*x.shape[:2], *windows.counts)
    order = list(range(x.ndim))
    if getattr(a, "storage_order", 0):
        order = [0, 1, *reversed(order[2:])]
    numbers = np.arange(x.size).reshape([x.shape[i] for i in order])
    numbers = numbers.transpose(np.argsort(order))
    best, where = np.zeros(shape, x.dtype), np.zeros(shape, np.int64)
    for index, places in windows.each():
        inside = windows.inside(places)
        if not all(inside):  # padding alone, which is -inf; it has no index
            best[(..., *index)] = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
            continue
        values, at = _gather(x, inside), _gather(numbers, inside)
        chosen = np.argmax(values, axis=-1)[..., np.newaxis]
        best[(..., *index)] = np.take_along_axis(values, chosen, -1)[..., 0]
        where[(..., *index)] = np.take_along_axis(at, chosen, -1)[..., 0]
    return best, where


def _average_pool(a: Any, x: Array) -> Array | None:
    windows = Windows(a, x.shape[2:], a.kernel_shape)
    found = np.zeros((*x.shape[:2], *windows.counts))
    for index, places in windows.each():
        inside = windows.inside(places)
        if not all(inside):
            return None
        values = _gather(x, inside)
        count = windows.padded(places) if a.count_include_pad else values.shape[-1]
        found[(..., *index)] = values.sum(-1) / count
    return found


def _lp_pool(a: Any, x: Array) -> Array:
    windows = Windows(a, x.shape[2:], a.kernel_shape)
    found = np.zeros((*x.shape[:2], *windows.counts))
    for index, places in windows.each():
        values = _gather(x, windows.inside(places))
        found[(..., *index)] = np.sum(np.abs(values) ** a.p, -1) ** (1 / a.p)
    return found


def _conv(a: Any, x: Array, w: Array, bias: Array | None = None) -> Array:
    windows = Windows(a, x.shape[2:], w.shape[2:])
    found = np.zeros((x.shape[0], w.shape[0], *windows.counts))
    groups, each = a.group, w.shape[0] // a.group
    for index, places in windows.each():
        inside = windows.inside(places)
        taken, filters = x, w
        for axis, chosen in enumerate(inside, 2):
            taken = taken.take([at for _, at in chosen], axis)
            filters = filters.take([k for k, _ in chosen], axis)
        taken = taken.reshape(x.shape[0], groups, -1)
        filters = filters.reshape(groups, each, -1)
        found[(..., *index)] = np.einsum("ngk,gok->ngo", taken, filters).reshape(x.shape[0], -1)
    return found if bias is None else found + bias.reshape([-1] + [1] * (x.ndim - 2))


def _global(compute: Callable[[Any, Array, tuple[int, ...]], Array]) -> Formula:
    return lambda a, x: compute(a, x, tuple(range(2, x.ndim)))


def _resize(a: Any, x: Array, roi: Array | None = None, scales: Array | None = None, sizes: Array | None = None
            ) -> Array | None:  # fmt: skip
    if a.version < 11 or (x.dtype.kind != "f" and a.mode != "nearest"):
        return None
    return resized(a, x, scales, sizes)


def _det(a: Any, x: Array) -> Array:
    return np.linalg.det(x)


def _gemm(a: Any, left: Array, right: Array, addend: Array | None = None) -> Array:
    product_ = (left.T if a.transA else left) @ (right.T if a.transB else right)
    return a.alpha * product_ + (0 if addend is None else a.beta * addend)


# Formulas that hold for integers too.
OF_INTEGERS = {
    "ArgMax", "ArgMin", "MaxPool", "Shrink", "Resize", "Hardmax", "ReduceLogSum", "ReduceLogSumExp", "QLinearMatMul",
    "MatMulInteger", "MatMulIntegerToFloat",
}  # fmt: skip


def _exact_sums(a: Array, b: Array, a_zero: Array | None, b_zero: Array | None) -> Array:
    """Products of bytes, with zero points of rows of a and columns of b; onnxruntime's sums of two saturate at 16 bits
    on processors without VNNI."""
    rows = np.asarray(0 if a_zero is None else a_zero, np.int64)
    first = a.astype(np.int64) - (rows[:, None] if rows.ndim == 1 and rows.size > 1 else rows)
    second = b.astype(np.int64) - np.asarray(0 if b_zero is None else b_zero, np.int64)
    sums: Array = (first @ second).astype(np.int32)
    return sums


def _matmul_integer(given: Any, a: Array, b: Array, a_zero: Any = None, b_zero: Any = None) -> Array:
    return _exact_sums(a, b, a_zero, b_zero)


def _matmul_integer_to_float(
    given: Any,
    a: Array,
    b: Array,
    a_scale: Array,
    b_scale: Array,
    a_zero: Any = None,
    b_zero: Any = None,
    bias: Any = None,
) -> Array | None:
    sums = _exact_sums(a, b, a_zero, b_zero)
    return np.asarray(sums * (a_scale * b_scale) + (0 if bias is None else bias), np.float32)


def _qlinear_matmul(
    given: Any,
    a: Array,
    a_scale: Array,
    a_zero: Array,
    b: Array,
    b_scale: Array,
    b_zero: Array,
    scale: Array,
    zero: Array,
) -> Array | None:
    """None where a sum lies so near the middle of two bytes that the order of scales decides."""
    sums = _exact_sums(a, b, a_zero, b_zero)
    if scale.size > 1 or zero.size > 1:
        return None
    rows = a_scale[:, None] if a_scale.ndim == 1 and a_scale.size > 1 else a_scale
    exact = sums * (rows.astype(np.float64) * b_scale / scale)
    if np.any(np.abs(np.abs(exact - np.floor(exact)) - 0.5) < 1e-5 * (1 + np.abs(exact))):
        return None
    limits = np.iinfo(zero.dtype)
    found: Array = np.clip(np.rint(exact) + zero.astype(np.float64), limits.min, limits.max).astype(zero.dtype)
    return found


def _dynamic_quantize_matmul(
    given: Any, a: Array, b: Array, scale: Array, zero: Array | None = None, bias: Array | None = None
) -> Array:
    """a rounded to 8 bits, exact sums; onnxruntime's saturate on processors without VNNI."""
    narrow = np.float32
    low, high = narrow(a.min(initial=0)), narrow(a.max(initial=0))
    step = narrow((high - low) / narrow(255)) if high > low else narrow(1)
    at = np.clip(np.rint(-low / step), 0, 255)
    bytes_of_a = np.clip(np.rint(a.astype(narrow) / step) + at, 0, 255) - at
    product = bytes_of_a.astype(np.float64) @ (b.astype(np.float64) - (0 if zero is None else zero.astype(np.float64)))
    return product * (np.float64(step) * scale) + (0 if bias is None else bias)


FORMULAS: dict[str, Formula] = {
    **{name: (lambda a, x, of=of: of(x)) for name, of in {
        "Acos": np.arccos, "Acosh": np.arccosh, "Asin": np.arcsin, "Asinh": np.arcsinh, "Atan": np.arctan,
        "Atanh": np.arctanh, "Cos": np.cos, "Cosh": np.cosh, "Erf": erf, "Exp": np.exp, "Log": np.log, "Sin": np.sin,
        "Sinh": np.sinh, "Sqrt": np.sqrt, "Tan": np.tan, "Tanh": np.tanh, "Sigmoid": _sigmoid,
        "Softsign": lambda x: x / (1 + np.abs(x)), "Softplus": lambda x: np.logaddexp(0, x),
        "Reciprocal": lambda x: 1 / x, "HardSwish": lambda x: x * _hard_sigmoid(x, 1 / 6, 0.5),
        "Mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    }.items()},
    "Celu": lambda a, x: a.alpha * _stable_elu(x / a.alpha, 1.0),
    "Elu": lambda a, x: _stable_elu(x, a.alpha),
    "Gelu": _gelu,
    "HardSigmoid": lambda a, x: _hard_sigmoid(x, a.alpha, a.beta),
    "LeakyRelu": lambda a, x: np.where(x < 0, a.alpha * x, x),
    "Selu": lambda a, x: a.gamma * _stable_elu(x, a.alpha),
    "Shrink": _shrink,
    "Swish": lambda a, x: x * _sigmoid(a.alpha * x),
    "ThresholdedRelu": lambda a, x: np.where(x > a.alpha, x, 0.0),
    "Pow": _power,
    "Sign": lambda a, x: np.sign(x),
    "PRelu": lambda a, x, slope: np.where(x < 0, slope * x, x),
    "Mean": lambda a, *x: sum(x[1:], x[0]) / len(x),
    "ReduceSum": _reduction(np.sum, _same, _same),
    "ReduceL1": _reduction(np.sum, np.abs, _same),
    "ReduceL2": _reduction(np.sum, np.square, np.sqrt),
    "ReduceSumSquare": _reduction(np.sum, np.square, _same),
    "ReduceLogSum": _reduction(np.sum, _same, np.log),
    "ReduceLogSumExp": _log_sum_exp,
    "ReduceProd": _reduction(np.prod, _same, _same),
    "ReduceMean": _reduction(_mean, _same, _same),
    "ReduceMax": _extreme("max", -np.inf),
    "ReduceMin": _extreme("min", np.inf),
    "ArgMax": _arg(np.argmax),
    "ArgMin": _arg(np.argmin),
    "CumSum": _cumulative(np.cumsum, 0),
    "CumProd": _cumulative(np.cumprod, 1),
    "Softmax": _softmax(False),
    "LogSoftmax": _softmax(True),
    "Hardmax": _hardmax,
    "HannWindow": _window(0.5, 0.5, 0.0),
    "HammingWindow": _window(25 / 46, 21 / 46, 0.0),
    "BlackmanWindow": _window(0.42, 0.5, 0.08),
    "BatchNormalization": _batch_normalization,
    "InstanceNormalization": _instance_normalization,
    "GroupNormalization": _group_normalization,
    "LayerNormalization": _layer_normalization,
    "RMSNormalization": _rms_normalization,
    "LRN": _lrn,
    "LpNormalization": _lp_normalization,
    "MeanVarianceNormalization": _mean_variance,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "LpPool": _lp_pool,
    "GlobalAveragePool": _global(lambda a, x, axes: np.mean(x, axis=axes, keepdims=True)),
    "GlobalMaxPool": _global(lambda a, x, axes: np.max(x, axis=axes, keepdims=True)),
    "GlobalLpPool": _global(lambda a, x, axes: np.sum(np.abs(x) ** a.p, axis=axes, keepdims=True) ** (1 / a.p)),
    "Conv": _conv,
    "MatMul": lambda a, x, y: x @ y,
    "Gemm": _gemm,
    "Det": _det,
    "Resize": _resize,
    "com.microsoft.Gelu": lambda a, x: _gelu_erf(x),
    "com.microsoft.BiasGelu": lambda a, x, bias: _gelu_erf(x + bias),
    "com.microsoft.FastGelu": lambda a, x, bias=None: _gelu_tanh(x if bias is None else x + bias),
    "com.microsoft.QuickGelu": lambda a, x: x * _sigmoid(a.alpha * x),
    "QLinearMatMul": _qlinear_matmul,
    "MatMulInteger": _matmul_integer,
    "com.microsoft.MatMulIntegerToFloat": _matmul_integer_to_float,
    "com.microsoft.DynamicQuantizeMatMul": _dynamic_quantize_matmul,
}  # fmt: skip
