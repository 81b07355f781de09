"""Pooling and resizing of images."""

from __future__ import annotations

from ..builder import Lowering

LOWERINGS: dict[str, Lowering] = {}
