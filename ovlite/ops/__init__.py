"""The meaning of each operator, a file a family.

An operator here is its attributes, its shape inference, and its plain numpy evaluation, which is
what constant folding uses, what runs where there is no kernel, and what the kernels are tested
against. FAMILIES is the one list of all of them.
"""

from __future__ import annotations

from .families import FAMILIES, NEWEST_OPSET, definitions, factories, operators

__all__ = ["FAMILIES", "NEWEST_OPSET", "definitions", "factories", "operators"]
