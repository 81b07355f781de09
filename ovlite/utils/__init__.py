"""Helpers, at the places where OpenVINO has them."""

from . import data_helpers, decorators, types
from .replacing import replace_node, replace_output_update_name

__all__ = ["data_helpers", "decorators", "replace_node", "replace_output_update_name", "types"]
