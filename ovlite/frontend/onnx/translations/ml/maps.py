"""ZipMap, whose sequence of maps is what a result of the model is handed out as."""

from __future__ import annotations

import json

from .....errors import ModelError
from .....graph import Node
from .....ops.declare import Text
from .....ops.maps import ZipMap
from ...call import Call, Translated, Translation


def zip_map(call: Call) -> Translated:
    strings, integers = call.texts("classlabels_strings", []), call.integers("classlabels_int64s", [])
    if bool(strings) == bool(integers):
        raise ModelError("either classlabels_strings or classlabels_int64s names the keys")
    return Node(ZipMap(Text(json.dumps(strings or integers))), [call.input(0)])


OPERATORS: dict[str, Translation] = {"ZipMap": zip_map}
