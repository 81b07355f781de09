"""The ports of a model by index and by tensor name."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import suggestion
from .ports import Output


def find_port(ports: list[Output], keys: tuple[Any, ...], keywords: dict[str, Any], kind: str) -> Output:
    """The only port, or the one that an index or a tensor name tells, given in its place or by keyword."""
    found = [*keys, *(keywords[name] for name in ("index", "tensor_name") if name in keywords)]
    if len(found) > 1 or len(found) != len(keys) + len(keywords):
        raise TypeError(f"an {kind} is told by one index or by one tensor name")
    if not found:
        if len(ports) != 1:
            raise RuntimeError(f"the model has {len(ports)} {kind}s; say which one by index or name")
        return ports[0]
    key = found[0]
    if isinstance(key, str):
        for port in ports:
            if key in port.names:
                return port
        names = sorted(name for port in ports for name in port.names)
        raise RuntimeError(f"the model has no {kind} {key!r}; it has {names}.{suggestion(key, names)}")
    if not isinstance(key, (int, np.integer)) or key < 0:
        raise TypeError(f"an {kind} is told by a non-negative int or a str, not {key!r}")
    if key >= len(ports):
        raise IndexError(f"{kind} {key} of a model that has {len(ports)}")
    return ports[key]
