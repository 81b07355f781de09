"""Packed weights as data: the places of their bytes, and what tells their form.

How constants were packed, and their shapes, tell the form of what was made of them; a document that says otherwise is
damaged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from .. import kernels
from ..graph import Constant
from ..graph.constants import ScaledConstant
from ..graph.operator import Array
from ..kernels.runtime.phases import Phases
from .executable import Executable

How = tuple[Any, ...]


class Sink(Protocol):
    """Takes arrays, and tells of each the place as JSON can hold it."""

    def put(self, array: Array, late: bool) -> Any:
        """late: the array is read only where no packed weights stand for it."""


class Source(Protocol):
    """Gives the arrays at such places."""

    def array(self, place: Any) -> Array: ...


class Packed(NamedTuple):
    """What was made of constants, one or several, and how."""

    nodes: tuple[Constant, ...]
    how: How
    made: Any


def packed(executable: Executable) -> list[Packed]:
    """The packed weights that can be written."""
    items = list(executable.packed_weights.items())
    if not items:
        return []
    nodes: dict[int, Constant] = {id(array): node for node, array in executable.constants.items()}
    nodes |= {id(part): part for (parts, _), _ in items for part in parts if isinstance(part, ScaledConstant)}
    return [
        Packed(found, how, made)
        for (parts, made), how in items
        if isinstance(how, tuple) and how[0] in _WAYS and all(id(part) in nodes for part in parts)
        for found in [tuple([nodes[id(part)] for part in parts])]
        if not any(0 in node._shape for node in found)
    ]


def packed_count(executable: Executable) -> int:
    """How many packed weights can be written."""
    return len(packed(executable))


# Where operators read constants that are packed; those that are read nowhere else need not be looked at when they are
# not packed again.
_WEIGHTS = {
    **dict.fromkeys(("CompressedMatMul", "Convolution", "Fused", "GroupConvolution", "MatMul"), (1,)),
    **dict.fromkeys(("ConvolutionBackpropData", "GroupConvolutionBackpropData"), (1,)),
    **dict.fromkeys(("LSTMSequence", "QuantizedLSTM"), (4, 5)),
    **dict.fromkeys(("GRUSequence", "RNNSequence"), (3, 4)),
}


def are_weights(node: Constant) -> bool:
    """Whether a constant is read only where it is packed."""
    output = node.output(0)
    return all(
        source is not output or place in _WEIGHTS.get(user.op.type, ())
        for user in output.users
        for place, source in enumerate(user.sources)
    )


# Their forms --------------------------------------------------------------------------------------


def form(made: Any, store: Sink) -> Any:
    """The form of packed weights: a list of those that they consist of, or a kind, a place, and what tells the rest."""
    kind = type(made).__name__
    if kind == "list":
        return [form(part, store) for part in made]
    if kind == "Phases":
        return [form(part, store) for part in made.packed]
    if kind == "ndarray":
        return {"array": store.put(made, False)}
    if kind == "TransformedWeights":
        return {"transformed": store.put(made.packed.packed, False), "out": made.out}
    place = store.put(made.packed, False)
    if kind == "TransformedBytes":
        return {"transformed bytes": place}
    if kind == "Packed":
        return {"depthwise": place, "shape": [made.channels, made.group, *made.window]}
    if kind == "CompressedWeights":
        return {"compressed": place}
    shape = [made.groups, made.taps, made.depth, made.columns]
    return {
        "panels": place, "kernel": made.kernel.name, "shape": shape, "window": list(made.window),
        "in panels": bool(made.panels), "joined": made.joined,
    }  # fmt: skip


Shape = tuple[int, ...]


class _NoKernel(Exception):
    """No kernel of this processor takes what was packed on another one."""


class Reader:
    """Makes packed weights of their forms. ValueError for those of other constants."""

    def __init__(self, store: Source) -> None:
        self._store = store

    def read(self, arrays: Sequence[Array], how: How, found: Any) -> Any:
        """What was made of constants; None for what no kernel of this processor takes. Of weights that stay as they
        are, an array tells the shape alone."""
        try:
            return _WAYS[how[0]](self, arrays, how, found)
        except _NoKernel:
            return None

    def weights(self, arrays: Sequence[Array], how: How, found: Any) -> Any:
        """Of convolutions."""
        (array,) = arrays
        if "transformed" in found:
            if array.ndim not in (4, 5) or found["out"] != how[2]:
                raise ValueError(f"transformed weights for {array.shape}")
            data, groups = self._store.array(found["transformed"]), array.shape[0] if array.ndim == 5 else 1
            weights = array.reshape(-1, *array.shape[-3:])
            return _family("winograd").TransformedWeights(weights, found["out"], data, groups)
        if "depthwise" in found:
            shape = tuple(map(int, found["shape"]))
            _check_size(array.shape, shape, shape[2:])
            if how[0] not in ("convolution", "depthwise"):
                raise ValueError(f"depthwise weights packed for {how}")
            return _family("depthwise").Packed(stub(shape), self._store.array(found["depthwise"]))
        groups, _, depth, columns = found["shape"]
        window = tuple(found["window"])
        _check_size(array.shape, (groups, columns, depth, *window), window)
        return self.panels(how, found, _parts(array, found, math.prod(window)))

    def transformed_bytes(self, arrays: Sequence[Array], how: How, found: Any) -> Any:
        (array,) = arrays
        return _family("winograd").TransformedBytes(_windows(array), self._store.array(found["transformed bytes"]))

    def panels(self, how: How, found: Any, parts: int = 1) -> Any:
        """Weights of a matrix kernel, of any shape. parts: arrays of bytes that are added up."""
        groups, taps, depth, columns = map(int, found["shape"])
        window, joined = tuple(map(int, found["window"])), int(found["joined"])
        family = _family("matmul_weights")
        name = str(found["kernel"])
        if name not in how or taps != math.prod(window) * parts:
            raise ValueError(f"weights of {taps} taps packed for {name}")
        if joined != (how[3] if how[0] == "quantized convolution" else 1) or joined not in (1, *window[-1:]):
            raise ValueError(f"weights of which {joined} taps are joined packed for {how}")
        kernel = next((kernel for kernel in family.KERNELS if kernel.name == name), None)
        if kernel is None:
            raise _NoKernel
        data, whole = self._store.array(found["panels"]), stub((groups, taps, depth, columns))
        return family.PackedWeights(kernel, whole, window, bool(found["in panels"]), data, joined)

    def matrix(self, shape: tuple[int, int], how: How, found: Any, parts: int = 1) -> Any:
        """A matrix (depth, columns), which nothing but its place and its kernel is to be told of."""
        if found["shape"] != [1, parts, *shape] or found["window"] != []:
            raise ValueError(f"a matrix of {shape} packed as {found['shape']}")
        return self.panels(how, found, parts)

    def product(self, arrays: Sequence[Array], how: How, found: Any) -> Any:
        """A matrix (K, N), or (N, K) transposed."""
        (array,) = arrays
        depth, columns = array.shape[::-1] if how[3] else array.shape
        return self.matrix((depth, columns), how, found, _parts(array, found, 1))

    def inputs(self, arrays: Sequence[Array], how: How, found: Any) -> Any:
        """W of a recurrent layer."""
        (array,) = arrays
        return self.matrix((array.shape[-1], math.prod(array.shape[:-1])), how, found)

    def states(self, arrays: Sequence[Array], how: How, found: Any) -> Any:
        """R of a recurrent layer: for each direction the matrices that its cell multiplies by."""
        (array,) = arrays
        *directions, rows, depth = array.shape
        first = rows * 2 // 3 if how[3] == 2 else rows
        shapes = [(depth, columns) for columns in (first, rows - first) if columns]
        return [
            [self.matrix(shape, how, part) for shape, part in zip(shapes, parts, strict=True)]
            for _, parts in zip(range(math.prod(directions)), found, strict=True)
        ]

    def quantized_states(self, arrays: Sequence[Array], how: How, found: Any) -> Any:
        (array,) = arrays
        directions, rows, depth = array.shape
        return [self.matrix((depth, rows), how, part) for _, part in zip(range(directions), found, strict=True)]

    def phases(self, arrays: Sequence[Array], how: How, found: Any) -> Any:
        """Of a transposed convolution."""
        _, _, _, shape, strides, dilations, pads_begin, groups = how
        _check_size(arrays[0].shape, shape, shape[2:])
        if min(strides) < 1 or math.prod(strides) != len(found):
            raise ValueError(f"{len(found)} phases of strides {strides}")
        packed = [self.panels(how, part) for part in found]
        return Phases(shape, strides, dilations, pads_begin, groups, packed)

    def blocks(self, arrays: Sequence[Array], how: How, found: Any) -> Any:
        """Of a transposed convolution that is a product."""
        (array,), window = arrays, found["window"]
        depth, *rest = array.shape[-2 - len(window) :]
        wanted = [1, 1, depth, math.prod(rest)], [1] * (len(rest) - 1)
        if (found["shape"], window) != wanted or depth * math.prod(rest) != array.size:
            raise ValueError(f"a transposed convolution of {array.shape} packed as {found['shape']}")
        return self.panels(how, found)

    def compressed(self, arrays: Sequence[Array], how: How, found: Any) -> Any:
        _, _, depth, group, bits = how
        data = self._store.array(found["compressed"])
        return _family("matmul_weights").CompressedWeights(*arrays, depth, group, bits, data)

    def decompressed(self, arrays: Sequence[Array], how: How, found: Any) -> Any:
        return self.matrix((how[3], arrays[0].shape[0]), how, found)

    def sums(self, arrays: Sequence[Array], how: How, found: Any) -> Any:
        _, shape, axes = how
        (array,), sums = arrays, self._store.array(found["array"])
        wanted = tuple([length for axis, length in enumerate(shape) if axis not in axes])
        if math.prod(shape) != array.size or sums.shape != wanted or sums.dtype != np.int64:
            raise ValueError(f"sums {sums.dtype}{sums.shape} of {array.shape}")
        return sums


# How weights are packed whose forms are known, and what reads these.
_WAYS: Mapping[str, Callable[[Reader, Sequence[Array], How, Any], Any]] = {
    **dict.fromkeys(("convolution", "depthwise", "quantized convolution"), Reader.weights),
    **dict.fromkeys(("matmul", "quantized matmul"), Reader.product),
    "quantized winograd": Reader.transformed_bytes,
    **dict.fromkeys(("recurrent inputs", "quantized recurrent inputs"), Reader.inputs),
    "recurrent states": Reader.states,
    "quantized recurrent states": Reader.quantized_states,
    "transposed": Reader.phases,
    "blocks": Reader.blocks,
    "compressed": Reader.compressed,
    "decompressed": Reader.decompressed,
    "sums": Reader.sums,
}


def _family(name: str) -> Any:
    return kernels.family(name, kernels.level())


def stub(shape: Sequence[int]) -> Array:
    """An array that tells a shape."""
    return np.broadcast_to(np.float32(0), shape)


def _parts(array: Array, found: Any, taps: int) -> int:
    """How many arrays of bytes were packed, whose sum an array is: as many as its elements need, see int8_parts()."""
    parts = int(found["shape"][1]) // taps
    return parts if array.dtype == np.int16 and parts in (1, 2, 3) else 1


def _windows(array: Array) -> Array:
    """Weights (Cout, Cin, 3, 3), which may have an axis for one group before."""
    if array.ndim not in (4, 5) or array.shape[-2:] != (3, 3) or array.ndim == 5 and array.shape[0] != 1:
        raise ValueError(f"transformed weights for {array.shape}")
    return array.reshape(array.shape[-4:])


def _check_size(weights: Shape, shape: Sequence[int], window: Shape) -> None:
    """Whether weights may have another shape, which ends with a window as theirs does."""
    if min(shape) < 1 or math.prod(shape) != math.prod(weights) or weights[len(weights) - len(window) :] != window:
        raise ValueError(f"packed weights of shape {tuple(shape)} for {weights}")
