"""Reductions, softmax and normalization."""

from __future__ import annotations

from ..builder import Lowering

LOWERINGS: dict[str, Lowering] = {}
