"""Limits of what a model file may ask its reader for."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import ModelError


class Limits(NamedTuple):
    """nodes: of a model, those of functions counted each time that they are used. nesting: graphs in graphs, and
    functions in functions. The properties NODE_LIMIT and NESTING_LIMIT of a Core."""

    nodes: int = 250_000
    nesting: int = 32

    def check_nodes(self, count: int) -> None:
        if count > self.nodes:
            raise ModelError(
                f"the model has {count} nodes (those of functions counted each time that they are used); the property "
                f"NODE_LIMIT allows {self.nodes}: set a higher one with Core.set_property() if you trust the model"
            )

    def check_nesting(self, depth: int) -> None:
        if depth > self.nesting:
            raise ModelError(
                f"graphs and functions are nested more than {self.nesting} deep (the property NESTING_LIMIT): set a "
                "higher one with Core.set_property() if you trust the model"
            )
