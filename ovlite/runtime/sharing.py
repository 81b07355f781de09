"""Whether a run would read an array in its own memory or a copy of it, and why."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.lookup import label
from ..types import SequenceType, Type
from .inputs import given_inputs
from .ports import CompiledPorts, ConstOutput
from .tensor import Tensor, is_foreign

SHARED = "shared"


def sharing(ports: CompiledPorts, inputs: Any, share: bool) -> dict[ConstOutput, str]:
    """For each input that `inputs` gives: "shared", or "copied: " and the reason, for a run with share_inputs=share.

    inputs: what a call takes. Raises the errors of a call for what can't be given.
    """
    given = [] if inputs is None else given_inputs(ports, inputs, share)
    return {
        ports.inputs[index]: _reason(ports.inputs[index], index, value, share)
        for is_input, index, value in given
        if is_input
    }


def _reason(port: ConstOutput, index: int, value: Any, share: bool) -> str:
    expected = port.element_type
    if expected is Type.string or isinstance(expected, SequenceType):
        return f"copied: input {label(port, index)} holds {expected.name}, which arrays don't hold in place"
    if isinstance(value, Tensor):
        continuous = value.is_continuous()
        return SHARED if continuous else "copied: the Tensor shows a region that is not in C order without gaps"
    if not share:
        return "copied: share_inputs is False"
    array = np.asarray(value)
    if array.dtype != expected.to_dtype() or is_foreign(expected):
        return f"copied: elements of {array.dtype} are converted to {expected.name}"
    if not array.dtype.isnative:
        return "copied: the elements are in another byte order than the processor's"
    if not array.flags.c_contiguous:
        return "copied: the elements are not in C order without gaps; np.asarray(array, order='C') makes them so"
    if not array.flags.writeable:
        return "copied: the array is read-only"
    return SHARED
