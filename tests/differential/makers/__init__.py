"""How a random node of each operator is made.

A maker takes a Draw and gives a Made. It draws what the operator's specification allows: relations between shapes,
ranges of attributes, domains of values. Attributes that the version at hand lacks are left out by `node`.
"""

from __future__ import annotations

import importlib
from functools import cache

from .base import Maker

FAMILIES = (
    "elementwise", "shapes", "reductions", "normalizations", "images", "indexing", "matrices", "quantized",
    "recurrent", "losses", "signals", "microsoft", "learning",
)  # fmt: skip


@cache
def makers() -> dict[tuple[str, str], Maker]:
    """(domain, operator): its maker."""
    found: dict[tuple[str, str], Maker] = {}
    for family in FAMILIES:
        found.update(importlib.import_module(f"{__name__}.{family}").MAKERS)
    return found
