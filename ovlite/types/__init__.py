"""The values that describe a tensor: element types, dimensions, shapes, layouts."""

from .any import OVAny
from .dimension import UNBOUNDED, Dimension, Symbol
from .element import OptionalType, SequenceType, Type
from .layout import Layout
from .shapes import PartialShape, Shape
from .vectors import AxisSet, AxisVector, Coordinate, CoordinateDiff, Strides

__all__ = [
    "UNBOUNDED",
    "AxisSet",
    "AxisVector",
    "Coordinate",
    "CoordinateDiff",
    "Dimension",
    "Layout",
    "OVAny",
    "OptionalType",
    "PartialShape",
    "SequenceType",
    "Shape",
    "Strides",
    "Symbol",
    "Type",
]
