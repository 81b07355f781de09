"""Helpers, at the places where OpenVINO has them."""

from .replacing import replace_node, replace_output_update_name

__all__ = ["replace_node", "replace_output_update_name"]
