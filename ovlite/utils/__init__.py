"""Helpers, at the places where OpenVINO has them."""
