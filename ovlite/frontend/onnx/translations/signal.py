"""signal"""
from __future__ import annotations
from ..call import Translation

OPERATORS: dict[str, Translation] = {}
