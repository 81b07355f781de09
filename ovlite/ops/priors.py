"""Prior boxes of SSD detectors: boxes of given sizes around the center of each cell of a feature map.

Output: f32 [2, 4 * H * W * P], P boxes a cell: (x1, y1, x2, y2) as parts of the image, then variances.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..errors import UserInputError
from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .axes import integers, require
from .declare import Declared

Floats = tuple[float, ...]
Box = tuple[float, float, float, float]  # of a cell: center x, center y, half the width, half the height; in pixels


class Priors(Declared):
    """Inputs: [H, W] of the feature map, [H, W] of the image."""

    value_inputs: ClassVar[tuple[int, ...]] = (0, 1)
    variance: Floats

    def count(self) -> int:
        """Boxes a cell."""
        raise NotImplementedError

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        for argument in inputs:
            require(
                argument.shape.compatible(PartialShape([2])),
                f"expected sizes to be [height, width], got {argument.shape}",
            )
        size = integers(inputs[0])
        length = Dimension() if size is None else Dimension(4 * size[0] * size[1] * self.count())
        return [TensorType(Type.f32, PartialShape([2, length]))]

    def _rows(self, boxes: Array, clip: bool) -> list[Array]:
        """The output from boxes [H, W, P, 4]."""
        require(len(self.variance) in (0, 1, 4), f"expected 1 or 4 variances, got {len(self.variance)}")
        found = boxes.reshape(-1)
        variances = np.resize(np.array(self.variance or (0.1,), np.float32), found.size)
        return [np.stack([found.clip(0, 1) if clip else found, variances]).astype(np.float32)]


def _cells(sizes: Array, steps: tuple[float, float], offset: float) -> Array:
    """Centers (x, y) of the cells of a feature map [H, W], as [H, W, 1, 2]."""
    y = (np.arange(sizes[0], dtype=np.float32) + np.float32(offset)) * np.float32(steps[0])
    x = (np.arange(sizes[1], dtype=np.float32) + np.float32(offset)) * np.float32(steps[1])
    return np.stack(np.meshgrid(x, y), -1)[:, :, np.newaxis]


@dataclass(frozen=True)
class PriorBoxV1(Priors):
    """Boxes of min_size, of sqrt(min_size * max_size), and of min_size in other aspect ratios; or of fixed sizes.

    step: pixels between centers, 0 to spread them evenly. flip: also the inverse ratios. density: how many
    boxes of a fixed size lie side by side, whole pixels apart. scale_all_sizes: ratios for every min_size, else
    for the first, and sizes are parts of the image's height.
    """

    offset: float
    min_size: Floats = ()
    max_size: Floats = ()
    aspect_ratio: Floats = ()
    density: Floats = ()
    fixed_ratio: Floats = ()
    fixed_size: Floats = ()
    clip: bool = False
    flip: bool = False
    step: float = 0.0
    variance: Floats = ()
    scale_all_sizes: bool = True

    type = "PriorBox"
    factory = "prior_box"
    until = 7
    signature = "layer_shape, image_shape, attrs"
    inputs: ClassVar[tuple[str, ...]] = ("layer_shape", "image_shape")

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        if "offset" not in given["attrs"]:
            raise UserInputError("prior_box needs the attribute 'offset'")
        return {**given, **given["attrs"]}

    def _maximum_first(self) -> bool:
        """True when the box of min and max size comes before those of other ratios."""
        return True

    def _ratios(self) -> list[float]:
        """Aspect ratios other than 1."""
        found = [1.0]
        for ratio in self.aspect_ratio:
            if all(abs(ratio - other) >= 1e-6 for other in found):
                found += [ratio, 1 / ratio] if self.flip else [ratio]
        return found[1:]

    def count(self) -> int:
        return len(self._boxes(list(self.min_size)))

    def _boxes(self, min_size: list[float]) -> list[Box]:
        """The boxes of a cell whose center is (0, 0)."""
        boxes: list[Box] = []
        for i, size in enumerate(self.fixed_size):
            boxes += self._fixed_boxes(size, int(self.density[i]) if i < len(self.density) else 1)
        for i, size in enumerate(min_size):
            boxes.append((0, 0, size / 2, size / 2))
            between: list[Box] = [(0, 0, *_shaped((size * largest) ** 0.5, 1)) for largest in self.max_size[i : i + 1]]
            base = size if self.scale_all_sizes else min_size[0]
            shaped = self.scale_all_sizes or i == len(min_size) - 1
            others: list[Box] = [(0, 0, *_shaped(base, ratio)) for ratio in self._ratios() if shaped]
            boxes += between + others if self._maximum_first() else others + between
        return boxes

    def _fixed_boxes(self, size: float, density: int) -> list[Box]:
        shift = int(size / density)
        places = [-size / 2 + shift / 2 + i * shift for i in range(density)]
        shapes = [_shaped(size, ratio) for ratio in self.fixed_ratio or (1.0, *self._ratios())]
        return [(x, y, *shape) for shape in shapes for y in places for x in places]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        sizes, image = inputs
        height = float(image[0])
        step, min_size = self.step, list(self.min_size)
        if not self.scale_all_sizes:
            step = height / float(sizes[0]) if step == -1 else step * height
            min_size = [size * height for size in min_size]
        steps = (step, step) if step else (height / float(sizes[0]), float(image[1]) / float(sizes[1]))
        boxes = np.array(self._boxes(min_size), np.float32).reshape(-1, 4)
        centers = _cells(sizes, steps, self.offset if step else 0.5) + boxes[:, :2]
        extent = np.array([image[1], image[0]], np.float32)
        found = np.concatenate([(centers - boxes[:, 2:]) / extent, (centers + boxes[:, 2:]) / extent], -1)
        fixed = len(self._boxes([]))
        found[..., :fixed, :] = found[..., :fixed, :].clip(0, 1)
        return self._rows(found, self.clip)


def _shaped(size: float, ratio: float) -> tuple[float, float]:
    """Half the width and height of a box of the area size * size."""
    root = float(np.sqrt(ratio))
    return size / 2 * root, size / 2 / root


@dataclass(frozen=True)
class PriorBox(PriorBoxV1):
    """As the first version. min_max_aspect_ratios_order: the box of min and max size comes second, else last."""

    min_max_aspect_ratios_order: bool = True

    type = "PriorBox"
    opset = "opset8"
    factory = "prior_box"
    since = 8
    until = 16

    def _maximum_first(self) -> bool:
        return self.min_max_aspect_ratios_order


@dataclass(frozen=True)
class PriorBoxClustered(Priors):
    """Boxes of given widths and heights in pixels.

    step_w, step_h, or step: pixels between centers, 0 to spread them.
    """

    offset: float
    width: Floats = ()
    height: Floats = ()
    clip: bool = True
    step: float = 0.0
    step_w: float = 0.0
    step_h: float = 0.0
    variance: Floats = ()

    type = "PriorBoxClustered"
    factory = "prior_box_clustered"
    signature = "output_size, image_size, attrs"
    inputs: ClassVar[tuple[str, ...]] = ("output_size", "image_size")

    def __post_init__(self) -> None:
        require(
            len(self.width) == len(self.height), f"there are {len(self.width)} widths and {len(self.height)} heights"
        )

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        if "offset" not in given["attrs"]:
            raise UserInputError("prior_box_clustered needs the attribute 'offset'")
        spelled = {"widths": "width", "heights": "height", "step_widths": "step_w", "step_heights": "step_h"}
        return {**given, **{spelled.get(name, name): value for name, value in given["attrs"].items()}}

    def count(self) -> int:
        return len(self.width)

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        sizes, image = inputs
        steps = (self.step_h, self.step_w)
        if not self.step_h and not self.step_w:
            spread = float(image[0]) / float(sizes[0]), float(image[1]) / float(sizes[1])
            steps = (self.step, self.step) if self.step else spread
        half = np.stack([np.array(self.width, np.float32), np.array(self.height, np.float32)], -1) / 2
        centers = _cells(sizes, steps, self.offset)
        extent = np.array([image[1], image[0]], np.float32)
        found = np.concatenate([(centers - half) / extent, (centers + half) / extent], -1)
        return self._rows(found, self.clip)
