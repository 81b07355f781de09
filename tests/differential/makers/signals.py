"""Fourier transforms and windows."""

from __future__ import annotations

import numpy as np

from ..cases import Error, Made
from ..draw import Draw, element_number
from .base import ints, node, table


def dft(d: Draw) -> Made:
    """One-sided transforms are of real signals; their inverse is defined from version 20 on."""
    kind = d.pick(1, 2)
    data = d.tensor((*d.dims(1, 3, 0), kind), np.float32, (-2, 2))
    data = data if data.ndim > 2 else data[np.newaxis]
    axis = d.integer(1, data.ndim - 2)
    onesided = d.pick(None, 0, 1) if kind == 1 else d.pick(None, 0)
    inverse = d.pick(None, 0, 1) if not onesided else None
    length = d.maybe(np.array(d.integer(1, 9)), 0.3)
    error = Error(64, 64, 40)
    if d.has("axis"):
        return node(d, [data, length], axis=axis, onesided=onesided, inverse=inverse, steering=(1,), error=error)
    return node(d, [data, length, np.array(axis)], onesided=onesided, inverse=inverse, steering=(1, 2), error=error)


def stft(d: Draw) -> Made:
    length, frame, step = d.integer(8, 30), d.pick(2, 4, 7, 8), d.integer(1, 5)
    kind = d.pick(1, 1, 2)
    data = d.tensor((d.integer(1, 2), length, kind), d.dtype("T1", ("float", "double")), (-2, 2))
    window = d.maybe(d.like(data, (frame,), (0, 1)))
    given = [np.array(step), window, np.array(frame) if window is None else d.maybe(np.array(frame))]
    onesided = d.pick(None, 0, 1) if kind == 1 else 0
    return node(d, [data, *given], onesided=onesided, steering=(1, 2, 3), error=Error(64, 64, 40))


def window(d: Draw) -> Made:
    size = np.array(d.integer(2, 20), d.pick(np.int32, np.int64))
    kind = d.maybe(element_number(d.pick(np.float32, np.float64)), 0.3)
    return node(d, [size], periodic=d.pick(None, 0, 1), output_datatype=kind, steering=(0,), error=Error(16, 16, 1))


def mel(d: Draw) -> Made:
    low = d.pick(0.0, 100.0)
    numbers = [ints(d.integer(1, 8)), ints(d.pick(16, 32, 64)), ints(d.pick(8000, 16000))]
    edges = [np.array(low, np.float32), np.array(d.pick(3000.0, 4000.0), np.float32)]
    return node(d, [*numbers, *edges], steering=(0, 1, 2, 3, 4), error=Error(64, 64, 1))


MAKERS = table("", DFT=dft, STFT=stft, HannWindow=window, HammingWindow=window, BlackmanWindow=window,
               MelWeightMatrix=mel)  # fmt: skip
