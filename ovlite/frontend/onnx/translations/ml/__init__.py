"""Translations of ai.onnx.ml, a file a family; OPERATORS is the list of all of them."""

from __future__ import annotations

from ...call import Translation
from . import features, linear, maps, svm, trees

FAMILIES = (features, linear, maps, svm, trees)

OPERATORS: dict[str, Translation] = {name: made for family in FAMILIES for name, made in family.OPERATORS.items()}
