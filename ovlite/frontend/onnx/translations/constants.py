"""Constants."""

from __future__ import annotations

import numpy as np

from ....errors import ModelError
from ....graph import Constant
from ....types import Type
from ..call import Call, Translated, Translation
from ..tensors import constant, sparse_constant


def constant_(call: Call) -> Translated:
    """The one attribute that is set is the value."""
    external = call.scope.library.external
    if call.has("value"):
        return constant(call.tensor("value"), external)
    if call.has("sparse_value"):
        return sparse_constant(call.sparse_tensor("sparse_value"), external)
    if call.has("value_int"):
        return Constant.of(np.array(call.integer("value_int"), np.int64))
    if call.has("value_ints"):
        return Constant.of(np.array(call.integers("value_ints"), np.int64))
    if call.has("value_float"):
        return Constant.of(np.array(call.decimal("value_float"), np.float32))
    if call.has("value_floats"):
        return Constant.of(np.array(call.decimals("value_floats"), np.float32))
    if call.has("value_string"):
        return Constant.of(np.array(call.text("value_string"), np.str_), Type.string)
    if call.has("value_strings"):
        return Constant.of(np.array(call.texts("value_strings"), np.str_), Type.string)
    raise ModelError("a Constant without a value")


OPERATORS: dict[str, Translation] = {"Constant": constant_}
