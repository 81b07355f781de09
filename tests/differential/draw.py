"""Random sizes, element types and values of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np
from onnx import defs, helper

Array = np.ndarray[Any, np.dtype[Any]]

SIZES = (1, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17)
# Element types by ONNX's name. Strings and complex numbers are not drawn.
DTYPES = {
    "bool": np.bool_, "float": np.float32, "double": np.float64, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16,
    **{f"{sign}int{bits}": getattr(np, f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "float8e4m3fn": ml_dtypes.float8_e4m3fn, "float8e5m2": ml_dtypes.float8_e5m2, "int4": ml_dtypes.int4,
    "uint4": ml_dtypes.uint4, "float4e2m1": ml_dtypes.float4_e2m1fn,
}  # fmt: skip
COMMON = (
    "float", "double", "float16", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
)  # fmt: skip


def dtype_named(name: str) -> np.dtype[Any]:
    return np.dtype(DTYPES[name])


def is_real(dtype: Any) -> bool:
    """Whether elements are real numbers: numpy's or ml_dtypes' floats."""
    return "float" in np.dtype(dtype).name


def element_number(dtype: Any) -> int:
    """TensorProto.DataType of a dtype."""
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


class Draw:
    """Random choices for a node of an operator.

    schema: what onnx.defs says of the operator in this version, None for operators it does not know.
    whole: reals are small whole numbers, so that chains of sums and products are exact.
    fed: the tensor that the node takes as its first input, None for a new one.
    """

    def __init__(
        self, rng: np.random.Generator, op_type: str, domain: str, version: int, fed: Array | None = None,
        whole: bool = False,
    ) -> None:  # fmt: skip
        self.rng = rng
        self.op_type, self.domain, self.version = op_type, domain, version
        self.schema: Any = None
        if defs.has(op_type, domain):
            self.schema = defs.get_schema(op_type, version, domain)
        self.fed = fed
        self.whole = whole
        self._taken = fed is None

    @property
    def since(self) -> int:
        """The version in which the operator took this form."""
        return int(self.schema.since_version) if self.schema is not None else self.version

    def has(self, attribute: str) -> bool:
        return self.schema is None or attribute in self.schema.attributes

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def pick(self, *options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def maybe(self, value: Any, probability: float = 0.6) -> Any:
        """The value, or None: what is None is left out."""
        return value if self.chance(probability) else None

    def integer(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def integers(self, low: int, high: int, count: int) -> list[int]:
        return [self.integer(low, high) for _ in range(count)]

    def decimal(self, low: float, high: float) -> float:
        return float(np.float32(self.rng.uniform(low, high)))

    def size(self, empty: float = 0.03) -> int:
        return 0 if self.chance(empty) else int(self.pick(*SIZES))

    def dims(self, low: int = 0, high: int = 4, empty: float = 0.03) -> tuple[int, ...]:
        """Sizes for a rank between low and high; at most some thousand elements."""
        found = [self.size(empty) for _ in range(self.integer(low, high))]
        while np.prod(found, dtype=float) > 6000:
            found[int(np.argmax(found))] = 2
        return tuple(found)

    def axis(self, rank: int) -> int:
        """An axis, from the front or the end; 0 for a scalar."""
        return self.integer(-rank, rank - 1) if rank else 0

    def axes(self, rank: int, low: int = 1) -> list[int]:
        """Different axes, some counted from the end."""
        count = self.integer(min(low, rank), rank)
        chosen = self.rng.permutation(rank)[:count]
        return [int(axis) - (rank if self.chance(0.3) else 0) for axis in chosen]

    def dtype(self, parameter: str = "T", among: Sequence[str] = COMMON) -> np.dtype[Any]:
        """An element type that a type parameter of the schema allows; f32 in half of the cases."""
        allowed = self.allowed(parameter)
        names = [name for name in among if name in allowed]
        if self.whole and "float" in names:
            return np.dtype(np.float32)
        if "float" in names and self.chance(0.55):
            return np.dtype(np.float32)
        if "bfloat16" in allowed and self.chance(0.04):
            return np.dtype(ml_dtypes.bfloat16)
        return dtype_named(self.pick(*names)) if names else np.dtype(np.float32)

    def allowed(self, parameter: str) -> set[str]:
        """The names of the element types that a type parameter allows."""
        if self.schema is None:
            return {"float"}
        for constraint in self.schema.type_constraints:
            if constraint.type_param_str == parameter:
                return {text[7:-1] for text in constraint.allowed_type_strs if text.startswith("tensor(")}
        return {text[7:-1] for text in self.schema.inputs[0].types if text.startswith("tensor(")}

    def data(
        self, parameter: str = "T", rank: tuple[int, int] = (0, 4), domain: Any = None, empty: float = 0.03,
        among: Sequence[str] = COMMON,
    ) -> Array:  # fmt: skip
        """The first input: the tensor that is fed, or a new one."""
        if self.fed is not None:
            self._taken = True
            return self.fed
        return self.tensor(self.dims(*rank, empty=empty), self.dtype(parameter, among), domain)

    def tensor(self, shape: Sequence[int], dtype: Any = np.float32, domain: Any = None) -> Array:
        """Random elements. domain: (least, greatest), or None for all there is, extremes of the type at times."""
        return np.asarray(self._elements(shape, dtype, domain))

    def _elements(self, shape: Sequence[int], dtype: Any, domain: Any) -> Any:
        dtype, shape = np.dtype(dtype), tuple(shape)
        if dtype == np.bool_:
            return self.rng.random(shape) < 0.5
        if not is_real(dtype):
            return self._whole(shape, dtype, domain)
        if self.whole:
            low, high = (-4, 4) if domain is None else domain
            return self.rng.integers(int(np.ceil(low)), int(high) + 1, shape).astype(dtype)
        if domain is not None:
            return self.rng.uniform(*domain, shape).astype(dtype)
        values = self.rng.standard_normal(shape) * self.pick(0.1, 1, 1, 1, 3, 10)
        if self.chance(0.15):
            odd = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -0.5, 80.0, -80.0, 9.0, -9.0, 1e-6]
            odd += [np.inf, -np.inf, np.nan] if self.chance(0.4) else []
            values = np.where(self.rng.random(shape) < 0.4, self.rng.choice(odd, shape), values)
        return values.astype(dtype)

    def _whole(self, shape: tuple[int, ...], dtype: np.dtype[Any], domain: Any) -> Array:
        info = ml_dtypes.iinfo(dtype)
        low, high = int(info.min), int(info.max)
        if domain is not None:
            low, high = max(low, int(np.ceil(domain[0]))), min(high, int(np.floor(domain[1])))
        elif self.whole or self.chance(0.6):
            low, high = max(low, -9), min(high, 9)
        values = self.rng.integers(low, high, shape, np.uint64 if high > 2**63 else np.int64, endpoint=True)
        if domain is None and not self.whole and self.chance(0.3):
            values = np.where(self.rng.random(shape) < 0.2, self.rng.choice([low, high, 0, 1], shape), values)
        return values.astype(dtype)

    def like(self, data: Array, shape: Sequence[int] | None = None, domain: Any = None) -> Array:
        """A tensor of the same element type, and shape unless another is given."""
        return self.tensor(data.shape if shape is None else shape, data.dtype, domain)

    def broadcast(self, shape: Sequence[int]) -> tuple[int, ...]:
        """A shape that broadcasts to the given one."""
        kept = [1 if self.chance(0.25) else dim for dim in shape]
        return tuple(kept[self.integer(0, len(kept)) if self.chance(0.3) else 0 :])

    def pair(self, shape: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Two shapes that broadcast to the given one, in either order."""
        left = tuple(1 if self.chance(0.15) else dim for dim in shape)
        right = tuple(1 if self.chance(0.15) or dim == 0 else dim for dim in shape)
        right = right[self.integer(0, len(right)) if self.chance(0.3) else 0 :]
        return (left, right) if self.chance(0.5) else (right, left)
