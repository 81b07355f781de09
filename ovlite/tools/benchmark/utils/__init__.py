"""Helpers of the measuring tool."""
