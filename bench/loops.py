"""The functions of bench.programs as loops, which numba compiles: the outer one is for its threads."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from .programs import DEVIATION, MEAN

prange: Any = import_module("numba").prange if find_spec("numba") else range


def softmax(x: Any) -> Any:
    out = np.empty_like(x)
    for i in prange(len(x)):
        e = np.exp(x[i] - x[i].max())
        out[i] = e / e.sum()
    return out


def layer_norm(x: Any, gamma: Any, beta: Any) -> Any:
    out = np.empty_like(x)
    for i in prange(len(x)):
        centered = x[i] - x[i].mean()
        out[i] = centered / np.sqrt((centered * centered).mean() + x.dtype.type(1e-5)) * gamma + beta
    return out


def distances(a: Any, b: Any) -> Any:
    out = np.empty((len(a), len(b)), a.dtype)
    for i in prange(len(a)):
        for j in range(len(b)):
            total = a.dtype.type(0)
            for k in range(a.shape[1]):
                total += (a[i, k] - b[j, k]) ** 2
            out[i, j] = np.sqrt(total)
    return out


def k_means_step(points: Any, centers: Any) -> Any:
    nearest = np.empty(len(points), np.int64)
    for i in prange(len(points)):
        best = np.inf
        for j in range(len(centers)):
            total = points.dtype.type(0)
            for k in range(points.shape[1]):
                total += (points[i, k] - centers[j, k]) ** 2
            if total < best:
                best, nearest[i] = total, j
    means, counts = np.zeros_like(centers), np.zeros(len(centers), np.int64)
    for i in range(len(points)):
        counts[nearest[i]] += 1
        for k in range(points.shape[1]):
            means[nearest[i], k] += points[i, k]
    return nearest, means / np.maximum(counts, 1).astype(means.dtype).reshape(-1, 1)


def n_body(place: Any, speed: Any, mass: Any) -> Any:
    after = np.empty_like(speed)
    one = place.dtype.type
    for i in prange(len(place)):
        x, y, z = one(0), one(0), one(0)
        for j in range(len(place)):
            dx, dy, dz = place[j, 0] - place[i, 0], place[j, 1] - place[i, 1], place[j, 2] - place[i, 2]
            pull = mass[j] / (dx * dx + dy * dy + dz * dz + one(0.1)) ** one(1.5)
            x, y, z = x + dx * pull, y + dy * pull, z + dz * pull
        after[i, 0], after[i, 1], after[i, 2] = x, y, z
    after = speed + one(0.01) * after
    return place + one(0.01) * after, after


def normalized_image(image: Any) -> Any:
    height, width, channels = image[::2, ::2].shape
    out = np.empty((1, channels, height, width), np.float32)
    for y in prange(height):
        for x in range(width):
            for c in range(channels):
                scaled = np.float32(image[2 * y, 2 * x, c]) / np.float32(255)
                out[0, c, y, x] = (scaled - MEAN[c]) / DEVIATION
    return out


def image_of(x: Any) -> Any:
    _, channels, height, width = x.shape
    out = np.empty((height, width, channels), np.uint8)
    for y in prange(height):
        for i in range(width):
            for c in range(channels):
                byte = np.rint((x[0, c, y, i] * DEVIATION + MEAN[c]) * np.float32(255))
                out[y, i, c] = min(max(byte, 0), 255)
    return out
