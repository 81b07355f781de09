"""The interface of an operator: attributes, shape inference, and plain numpy evaluation.

An operator is a frozen dataclass whose fields are its attributes, named as in OpenVINO's operation
specifications. The families in `ovlite.ops` define them; the graph knows none in particular.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from ..records import dataclass, fields
from ..types import UNBOUNDED, Dimension, PartialShape, Type

Array = npt.NDArray[Any]
Sizes = tuple[int, ...]  # a shape that is known


class TensorType(NamedTuple):
    """Element type and shape of a tensor."""

    element_type: Type
    shape: PartialShape

    def __str__(self) -> str:
        return f"{self.element_type.name}{self.shape}"


@dataclass(frozen=True)
class PartialValue:
    """Elements of a small tensor as far as they are known when the graph is built.

    array: the elements; known: bool array of the same shape, False where an element is not known.
    bounds: the least and the greatest that each element can be, where anything is known of that; the
    greatest number of the dtype stands for no upper bound.
    """

    array: Array
    known: npt.NDArray[np.bool_]
    bounds: tuple[Array, Array] | None = None

    @classmethod
    def of(cls, array: Array) -> PartialValue:
        """A value all of whose elements are known."""
        rank = array.ndim
        found = cls(array, np.ndarray(array.shape, bool, b"\1", 0, (0,) * rank))
        found.__dict__["complete"] = True
        return found

    @cached_property
    def complete(self) -> bool:
        return bool(self.known.all())

    def dimensions(self) -> list[Dimension]:
        """The elements of a 1-D value as dimensions; unknown ones are dynamic, within their bounds."""
        found = [
            Dimension(int(value)) if known else Dimension()
            for value, known in zip(self.array.ravel().tolist(), self.known.ravel().tolist(), strict=True)
        ]
        if self.bounds is not None:
            endless = np.iinfo(self.array.dtype).max
            pairs = zip(self.bounds[0].ravel().tolist(), self.bounds[1].ravel().tolist(), strict=True)
            for i, (low, high) in enumerate(pairs):
                if not self.known.flat[i] and 0 <= low <= high:
                    found[i] = Dimension(low, UNBOUNDED if high == endless else high)
        return found


class Argument(NamedTuple):
    """The known part of an input when shapes are inferred.

    partial: its elements as far as known, None when nothing is known of them.
    """

    element_type: Type
    shape: PartialShape
    partial: PartialValue | None = None

    @property
    def value(self) -> Array | None:
        """The elements, when all are known."""
        return self.partial.array if self.partial is not None and self.partial.complete else None

    def __str__(self) -> str:
        return f"{self.element_type.name}{self.shape}"


class Operator:
    """Base of all operators; a subclass that adds attributes is `@dataclass(frozen=True)`, others inherit that.

    type: name of the operation, as in model files. opset: the opset whose definition it follows.
    value_inputs: inputs whose elements, not only shapes, decide the shapes of the outputs; they must
    be known before a plan for the operator can be made.
    moved_inputs: inputs whose elements evaluate() only moves about. For such an operator, and for
    element-wise ones (`elementwise`), elements that are known come out as known elements.
    stateful: evaluate() need not return the same twice (random numbers without a seed), so it is never folded.
    node_class: the class of its nodes, None for Node itself.
    """

    type: ClassVar[str]
    opset: ClassVar[str] = "opset1"
    value_inputs: ClassVar[tuple[int, ...]] = ()
    moved_inputs: ClassVar[Sequence[int]] = ()
    elementwise: ClassVar[bool] = False
    stateful: ClassVar[bool] = False
    node_class: ClassVar[builtins.type | None] = None

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        """Types of the outputs. Raises ModelError, with what was expected and found, for wrong inputs."""
        raise NotImplementedError(f"{type(self).__name__}.infer")

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        """The shape that all outputs have for inputs of these shapes, as infer() gives it but sooner: for operators
        that each plan for other shapes has many of. None for all that is left to infer(), and for what doesn't fit.

        values: the inputs' elements where they are known.
        """
        return None

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        """The outputs, by numpy alone: the specification of every kernel.

        f16 and bf16 tensors are given and returned as f32; the plan converts at the model's border.
        """
        raise NotImplementedError(f"{type(self).__name__}.evaluate")

    def folds(self, inputs: Sequence[Array]) -> bool:
        """Return whether evaluate() ends soon, so that reading and compiling may carry the operator out."""
        return True

    def known(self, inputs: Sequence[Argument]) -> Sequence[PartialValue | None] | None:
        """Infers known elements of the outputs without evaluate(), such as a shape's; None when there are none."""
        return None

    def attributes(self) -> dict[str, Any]:
        """The attributes by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def written(self) -> dict[str, Any]:
        """The attributes as a file has them; an operator that can't tell them raises an error."""
        return self.attributes()

    def inlined(self, values: Sequence[Array | None]) -> tuple[Any, Sequence[int], Sequence[int]] | None:
        """A body Model to be walked in the operator's place, for an operator that chooses one (If).

        values: the inputs' elements where they are known; value_inputs are. With the body come, for each
        of its parameters, the index of the input that it is given, and for each output of the operator,
        the index of the body's result.
        """
        return None
