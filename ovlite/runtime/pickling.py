"""Models are pickled as an IR."""

from __future__ import annotations

import copyreg
from typing import Any

from ..graph import Model

__all__ = ["Model"]


def _reduced(model: Model) -> tuple[Any, ...]:
    from ..frontend.ir import read_bytes, to_bytes

    return read_bytes, to_bytes(model)


copyreg.pickle(Model, _reduced)
