"""The model that the `ovlite` command runs when it is given none: ResNet-50 with seeded random weights.

He et al., Deep Residual Learning for Image Recognition, 2015, table 1; strides are in the 3x3
convolutions. It is built with the node factories, so that it needs no file and no other package.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import opset13
from ..graph import Model

ops: Any = opset13

STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))  # inner channels, and blocks, of each stage
EXPANSION = 4  # a block's output channels over its inner ones
CLASSES = 1000
RESIDUAL_SCALE = 0.4  # of a branch that is added to its input, so that sums don't grow with depth


def resnet50(seed: int = 0) -> Model:
    """ResNet-50 of f32[?,3,?,?] images named "images", to f32[?,1000] probabilities named "probabilities"."""
    build = _Builder(seed)
    images = ops.parameter([-1, 3, -1, -1], np.float32, name="images")
    x = ops.relu(build.convolution(images, 3, 64, kernel=7, stride=2))
    x = ops.max_pool(x, [2, 2], [1, 1], [1, 1], [1, 1], [3, 3]).output(0)
    channels = 64
    for stage, (inner, blocks) in enumerate(STAGES):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            x = build.bottleneck(x, channels, inner, stride)
            channels = inner * EXPANSION
    features = ops.reduce_mean(x, np.array([2, 3]))
    scores = ops.matmul(features, build.weights((channels, CLASSES), channels), False, False)
    result = ops.softmax(scores, 1, name="probabilities")
    result.output(0).set_names({"probabilities"})
    images.output(0).set_names({"images"})
    return Model([result], [images], "ResNet-50")


class _Builder:
    """Adds layers with weights from one generator, scaled so that activations keep their size."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._count = 0

    def weights(self, shape: tuple[int, ...], inputs: int) -> Any:
        """He's initialization for a sum of `inputs` products."""
        return self._random.standard_normal(shape, np.float32) * np.float32(math.sqrt(2 / inputs))

    def convolution(self, x: Any, inputs: int, outputs: int, kernel: int, stride: int = 1, scale: float = 1) -> Any:
        """A convolution without bias that keeps the size at stride 1, and its batch normalization."""
        filters = self.weights((outputs, inputs, kernel, kernel), inputs * kernel * kernel)
        pads = [kernel // 2] * 2
        self._count += 1
        y = ops.convolution(x, filters, [stride] * 2, pads, pads, [1, 1], name=f"convolution {self._count}")
        noise = self._random.standard_normal((4, outputs), np.float32) * np.float32(0.1)
        gamma, variance = np.float32(scale) * (1 + noise[0]), 1 + np.abs(noise[1])
        return ops.batch_norm_inference(y, gamma, noise[2], noise[3], variance, 1e-5)

    def bottleneck(self, x: Any, channels: int, inner: int, stride: int) -> Any:
        """relu(x + branch(x)); x goes through a 1x1 convolution where its size or channels change."""
        outputs = inner * EXPANSION
        branch = ops.relu(self.convolution(x, channels, inner, kernel=1))
        branch = ops.relu(self.convolution(branch, inner, inner, kernel=3, stride=stride))
        branch = self.convolution(branch, inner, outputs, kernel=1, scale=RESIDUAL_SCALE)
        if channels != outputs:
            x = self.convolution(x, channels, outputs, kernel=1, stride=stride)
        return ops.relu(ops.add(branch, x))
