"""Packing of elements that are smaller than a byte."""

from .packing import pack_data, unpack_data

__all__ = ["pack_data", "unpack_data"]
