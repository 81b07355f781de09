"""Functions of numpy arrays as programs have them, which ov.jit is measured and tested with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
MEAN, DEVIATION = np.array([0.5, 0.4, 0.3], np.float32), np.float32(0.2)


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def layer_norm(x: Array, gamma: Array, beta: Array, eps: float = 1e-5) -> Array:
    centered = x - x.mean(-1, keepdims=True)
    return centered / np.sqrt((centered**2).mean(-1, keepdims=True) + eps) * gamma + beta


def distances(a: Array, b: Array) -> Array:
    """Of each row of a from each row of b."""
    return np.sqrt(((a[:, None, :] - b[None, :, :]) ** 2).sum(-1))


def k_means_step(points: Array, centers: Array) -> tuple[Array, Array]:
    """The nearest center of each point, and the means of the points that are nearest to each."""
    nearest = distances(points, centers).argmin(1)
    member = (nearest[:, None] == np.arange(len(centers))).astype(points.dtype)
    return nearest, (member.T @ points) / np.maximum(member.sum(0), 1)[:, None]


def black_scholes(
    spot: Array, strike: Array, years: Array, rate: float = 0.02, volatility: float = 0.3
) -> dict[str, Array]:
    """Prices of European options; the normal distribution by its approximation with tanh."""

    def normal(x: Any) -> Any:
        return 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    spread = volatility * np.sqrt(years)
    d1 = (np.log(spot / strike) + (rate + volatility**2 / 2) * years) / spread
    discounted = strike * np.exp(-rate * years)
    call = spot * normal(d1) - discounted * normal(d1 - spread)
    return {"call": call, "put": call - spot + discounted}


def n_body(place: Array, speed: Array, mass: Array, dt: float = 0.01) -> tuple[Array, Array]:
    """Places [bodies, 3] and speeds after a step of Euler's method under softened gravity."""
    apart = place[None] - place[:, None]
    cubed = ((apart**2).sum(-1) + 0.1) ** 1.5
    speed = speed + dt * (apart * (mass / cubed)[..., None]).sum(1)
    return place + dt * speed, speed


def normalized_image(image: Array) -> Array:
    """Every other pixel of u8 [height, width, 3] as f32 [1, 3, height, width], normalized."""
    x = image[::2, ::2].astype(np.float32) / 255
    return ((x - MEAN) / DEVIATION).transpose(2, 0, 1)[None]


def image_of(x: Array) -> Array:
    """The u8 image [height, width, 3] of a normalized f32 [1, 3, height, width]."""
    return np.clip(np.rint((x[0].transpose(1, 2, 0) * DEVIATION + MEAN) * 255), 0, 255).astype(np.uint8)
