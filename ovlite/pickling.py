"""Models are pickled as an IR."""

from __future__ import annotations

import copyreg
from typing import Any

from .frontend.ir import read_bytes, to_bytes
from .graph import Model

__all__ = ["Model"]


def _reduced(model: Model) -> tuple[Any, ...]:
    return read_bytes, to_bytes(model)


copyreg.pickle(Model, _reduced)
