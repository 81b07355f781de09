"""Fourier transforms. Complex numbers are pairs along the last axis."""

from __future__ import annotations

from ....errors import ModelError
from ....graph import Output
from ..build import dim_of, ints, one, ops, positive, rank, scalar, static_dims, typed
from ..call import Call, Translated, Translation


def dft(call: Call) -> Translated:
    """Along one axis, an attribute up to version 19 and then an input, of real [..., 1] or complex [..., 2] data."""
    data = call.input(0)
    width = (static_dims(data) or [None])[-1]
    axis = call.integer("axis", 1) if call.version < 20 else _known_axis(call)
    if width not in (1, 2) or axis is None:
        return None
    axes = ints([positive(axis, rank(data))])
    length = call.optional(1)
    size = None if length is None else one(ops.reshape(length, ints([1]), False))
    inverse, onesided = call.flag("inverse"), call.flag("onesided")
    if inverse and onesided:
        return ops.unsqueeze(ops.irdft(data, axes, size), ints(-1)) if width == 2 else None
    if onesided:
        return ops.rdft(ops.squeeze(data, ints(-1)), axes, size) if width == 1 else None
    pairs = data if width == 2 else _with_zeros(data)
    return (ops.idft if inverse else ops.dft)(pairs, axes, size)


def _known_axis(call: Call) -> int | None:
    if call.optional(2) is None:
        return -2
    found = call.known_integers(2)
    return None if found is None else found[0]


def _with_zeros(data: Output) -> Output:
    """Real data [..., 1] as complex data [..., 2]."""
    return one(ops.concat([data, ops.multiply(data, typed(0, data))], -1))


def stft(call: Call) -> Translated:
    """Inputs: signal [batch, length, 1], step between frames, window (of ones), length of a frame (the window's)."""
    signal, step, window, length = call.input(0), call.input(1), call.optional(2), call.optional(3)
    if (static_dims(signal) or [None])[-1] != 1 or not call.flag("onesided", True):
        return None
    if length is not None:
        size = scalar(length)
    elif window is not None:
        size = scalar(dim_of(window, 0))
    else:
        raise ModelError("it has neither a window nor a length of frames")
    if window is None:
        window = one(ops.broadcast(typed(1, signal), ops.unsqueeze(size, ints([0]))))
    return ops.stft(ops.squeeze(signal, ints(-1)), window, size, scalar(step), False)


OPERATORS: dict[str, Translation] = {"DFT": dft, "STFT": stft}
