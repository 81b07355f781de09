"""The calls of a stage as they are lowered: element-wise ones joined, images laid out."""

from __future__ import annotations

from collections.abc import Sequence

from ..records import dataclass
from .calls import Call, Tensor
from .fusion import Comparison, fuse_maps
from .layout import Images, choose_layouts


@dataclass
class Arrangement:
    """calls: in order. entries, exits: the tensors that lie in the caller's memory. compared: pairs of tensors of
    which fusing asked whether their shapes are the same. images: where these lie.
    """

    calls: list[Call]
    entries: list[Tensor]
    exits: list[Tensor]
    compared: list[Comparison]
    images: Images


def arrange(calls: Sequence[Call], entries: list[Tensor], exits: list[Tensor]) -> Arrangement:
    """Decides what becomes one step, and what is stored as images."""
    compared: list[Comparison] = []
    found = choose_layouts(fuse_maps(calls, set(exits), compared))
    images = Images(found)
    images.settle()
    return Arrangement(found, entries, exits, compared, images)
