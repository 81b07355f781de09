"""Sequences and optionals. What is known of a sequence when a model is read is written without it."""

from __future__ import annotations

import numpy as np

from ....errors import ModelError
from ....graph import Node, Output
from ....ops.sequences import (
    ConcatFromSequence,
    Optional,
    OptionalGetElement,
    OptionalHasElement,
    SequenceAt,
    SequenceConstruct,
    SequenceErase,
    SequenceInsert,
    SequenceLength,
    SplitToSequence,
)
from ....types import OptionalType, SequenceType, Type
from ..build import ints, of_type, one, ops, positive, rank_or_none, static_dims
from ..call import Call, Translated, Translation
from ..graphs import absent
from ..tensors import element_type

MOST_TENSORS = 1 << 12  # of a sequence that is cut when the model is read


def _items(value: Output) -> list[Output] | None:
    """The tensors of a sequence, where they are known."""
    return list(value.node.sources) if isinstance(value.node.op, SequenceConstruct) else None


def _made(items: list[Output], element: Type) -> Node:
    return Node(SequenceConstruct(element), items)


def _element(value: Output) -> Type:
    if not isinstance(value.element_type, SequenceType):
        raise ModelError(f"expected a sequence, got {value.element_type.name}")
    return value.element_type.element


def _position(call: Call, place: int, last: int) -> int | None:
    """A known position, `last` for one that is left out."""
    if call.optional(place) is None:
        return last
    found = call.known_integers(place)
    return None if found is None else found[0]


def sequence_empty(call: Call) -> Translated:
    return _made([], element_type(call.integer("dtype", 1), "the sequence"))


def sequence_construct(call: Call) -> Translated:
    return _made(call.present(), call.input(0).element_type)


def split_to_sequence(call: Call) -> Translated:
    data, split = call.input(0), call.optional(1)
    axis, keep = call.integer("axis", 0), call.flag("keepdims", True)
    dims, lengths = static_dims(data), call.known(1)
    length = None if dims is None else dims[positive(axis, len(dims))]
    if split is None and length and length <= MOST_TENSORS:
        parts = ops.split(data, ints(axis), length).outputs()
        return _made(parts if keep else [one(ops.squeeze(part, ints([axis]))) for part in parts], data.element_type)
    if lengths is not None and length and (lengths.ndim or int(lengths) > 0):
        step = 0 if lengths.ndim else int(lengths)
        if step and length <= step * MOST_TENSORS:
            lengths = np.array([min(step, length - at) for at in range(0, length, step)])
        if lengths.ndim:
            return _made(ops.variadic_split(data, ints(axis), ints(lengths)).outputs(), data.element_type)
    return Node(SplitToSequence(axis, keep), [data] if split is None else [data, split])


def sequence_at(call: Call) -> Translated:
    items, place = _items(call.input(0)), call.known_integers(1)
    if items is not None and place is not None and -len(items) <= place[0] < len(items):
        return items[place[0]]
    return Node(SequenceAt(), [call.input(0), call.input(1)])


def sequence_insert(call: Call) -> Translated:
    items, tensor = _items(call.input(0)), call.input(1)
    if items is not None:
        place = _position(call, 2, len(items))
        if place is not None and -len(items) <= place <= len(items):
            items.insert(place, tensor)
            return _made(items, tensor.element_type)
    return Node(SequenceInsert(), call.present())


def sequence_erase(call: Call) -> Translated:
    items = _items(call.input(0))
    if items is not None:
        place = _position(call, 1, -1)
        if place is not None and -len(items) <= place < len(items):
            del items[place]
            return _made(items, _element(call.input(0)))
    return Node(SequenceErase(), call.present())


def sequence_length(call: Call) -> Translated:
    items = _items(call.input(0))
    return ints(len(items)) if items is not None else Node(SequenceLength(), [call.input(0)])


def concat_from_sequence(call: Call) -> Translated:
    items, axis, new = _items(call.input(0)), call.integer("axis"), call.flag("new_axis")
    if items and all(rank_or_none(item) is not None for item in items):
        return ops.concat([one(ops.unsqueeze(item, ints([axis]))) if new else item for item in items], axis)
    return Node(ConcatFromSequence(axis, new), [call.input(0)])


def optional(call: Call) -> Translated:
    """An optional that is known to have a value is that value."""
    if call.optional(0) is None:
        return absent(call.type("type"))
    call.without_effect("type")
    return call.input(0)


def optional_has_element(call: Call) -> Translated:
    value = call.optional(0)
    if value is None or not isinstance(value.element_type, OptionalType):
        return of_type(value is not None, Type.boolean)
    if isinstance(value.node.op, Optional):
        return of_type(bool(value.node.sources), Type.boolean)
    return Node(OptionalHasElement(), [value])


def optional_get_element(call: Call) -> Translated:
    value = call.input(0)
    return Node(OptionalGetElement(), [value]) if isinstance(value.element_type, OptionalType) else value


OPERATORS: dict[str, Translation] = {
    "ConcatFromSequence": concat_from_sequence,
    "Optional": optional,
    "OptionalGetElement": optional_get_element,
    "OptionalHasElement": optional_has_element,
    "SequenceAt": sequence_at,
    "SequenceConstruct": sequence_construct,
    "SequenceEmpty": sequence_empty,
    "SequenceErase": sequence_erase,
    "SequenceInsert": sequence_insert,
    "SequenceLength": sequence_length,
    "SplitToSequence": split_to_sequence,
}
