"""Fourier transforms, and windows. Complex numbers are pairs along the last axis."""

from __future__ import annotations

import math

from ....errors import ModelError
from ....graph import Output
from ....types import Type
from ..build import converted, dim_of, ints, one, ops, positive, rank, scalar, static_dims, typed
from ..call import Call, Translated, Translation
from ..tensors import element_type


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
    """Inputs: signal [batch, length, 1 or 2], step between frames, window, length of a frame.

    A window that is left out is of ones, a length that is left out the window's.
    """
    signal, step, window, length = call.input(0), scalar(call.input(1)), call.optional(2), call.optional(3)
    onesided, width = call.flag("onesided", True), (static_dims(signal) or [None])[-1]
    if width not in (1, 2):
        raise ModelError(f"the signal is of shape {signal.partial_shape}; its last dimension has to be known, 1 or 2")
    if onesided and width == 2:
        raise ModelError("a complex signal has no onesided transform: set onesided to 0")
    if length is not None:
        size = scalar(length)
    elif window is not None:
        size = scalar(dim_of(window, 0))
    else:
        raise ModelError("it has neither a window nor a length of frames")
    if onesided:
        if window is None:
            window = one(ops.broadcast(typed(1, signal), ops.unsqueeze(size, ints([0]))))
        return ops.stft(ops.squeeze(signal, ints(-1)), window, size, step, False)
    frames = _frames(signal, converted(step, Type.i64), converted(size, Type.i64))
    if window is not None:
        frames = one(ops.multiply(frames, ops.unsqueeze(window, ints([1]))))
    return ops.dft(frames if width == 2 else _with_zeros(frames), ints([2]))


def _frames(signal: Output, step: Output, size: Output) -> Output:
    """[batch, frames, size, width], a frame every `step` elements of a signal [batch, length, width]."""
    count = ops.add(ops.divide(ops.subtract(scalar(dim_of(signal, 1)), size), step), ints(1))
    starts = ops.multiply(ops.range(ints(0), count, ints(1), "i64"), step)
    offsets = ops.range(ints(0), size, ints(1), "i64")
    places = ops.add(ops.unsqueeze(starts, ints([1])), ops.unsqueeze(offsets, ints([0])))
    return one(ops.gather(signal, places, ints(1)))


def _window(weights: tuple[float, float, float]) -> Translation:
    """A window that is a sum of cosines: a0 - a1 * cos(t) + a2 * cos(2 * t), t in a turn over all elements.

    A periodic window, which is the default, ends an element before the turn does; others with it. Computed in f64.
    """

    def translate(call: Call) -> Translated:
        size, target = scalar(call.input(0)), element_type(call.integer("output_datatype", 1), "the result")
        places = converted(one(ops.range(scalar(ints(0)), converted(size, Type.i64), scalar(ints(1)), "i64")), Type.f64)
        span = converted(size, Type.f64)
        if not call.flag("periodic", True):
            span = one(ops.subtract(span, typed(1, span)))
        turn = ops.divide(ops.multiply(places, typed(2 * math.pi, places)), span)
        a0, a1, a2 = (typed(weight, places) for weight in weights)
        found = ops.subtract(a0, ops.multiply(a1, ops.cos(turn)))
        if weights[2]:
            found = ops.add(found, ops.multiply(a2, ops.cos(ops.multiply(turn, typed(2, places)))))
        return converted(one(found), target)

    return translate


OPERATORS: dict[str, Translation] = {
    "BlackmanWindow": _window((0.42, 0.5, 0.08)),
    "HammingWindow": _window((25 / 46, 21 / 46, 0.0)),
    "HannWindow": _window((0.5, 0.5, 0.0)),
    "DFT": dft,
    "STFT": stft,
}
