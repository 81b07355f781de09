"""Helpers, at the places where OpenVINO has them."""

from . import data_helpers, decorators, types
from .deprecation import classproperty, deprecated, deprecatedclassproperty, deprecation_warning
from .native import get_cmake_path, numpy_to_c
from .postponed_constant import make_postponed_constant
from .replacing import replace_node, replace_output_update_name

__all__ = [
    "classproperty", "data_helpers", "decorators", "deprecated", "deprecatedclassproperty",
    "deprecation_warning", "get_cmake_path",
    "make_postponed_constant", "numpy_to_c", "replace_node", "replace_output_update_name", "types",
]  # fmt: skip
