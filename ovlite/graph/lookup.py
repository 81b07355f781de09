"""The one lookup of ports: by index, by tensor name, or the only one there is; and how errors name a port."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from ..errors import suggestion


class Named(Protocol):
    """An object with tensor names: a port of a model, or of a compiled model."""

    @property
    def names(self) -> set[str]: ...
    @property
    def any_name(self) -> str: ...


Port = TypeVar("Port", bound=Named)


def find_port(ports: Sequence[Port], keys: tuple[Any, ...], keywords: dict[str, Any], kind: str) -> Port:
    """The only port, or the one that an index or a tensor name tells, given in its place or by keyword."""
    found = [*keys, *(keywords[name] for name in ("index", "tensor_name") if name in keywords)]
    if len(found) > 1 or len(found) != len(keys) + len(keywords):
        raise TypeError(f"an {kind} is told by one index or by one tensor name")
    if found and found[0] is None:
        raise TypeError(f"expected an {kind} to be told by a non-negative int or a str, got None")
    return ports[port_index(ports, found[0] if found else None, kind, beyond=IndexError)]


def port_index(
    ports: Sequence[Named], key: int | str | None, kind: str, *, beyond: type[Exception] = RuntimeError
) -> int:
    """The index of the port that an index or a tensor name tells; None tells the only one.

    Raises TypeError for other keys, `beyond` for an index that is too large, RuntimeError for a name that no port has,
    and for None where there is not one port.
    """
    if type(key) is int and 0 <= key < len(ports):
        return key
    if isinstance(key, str):
        return named_index(ports, key, kind)
    if key is None:
        if len(ports) != 1:
            raise RuntimeError(f"the model has {len(ports)} {kind}s; say which one by index or name")
        return 0
    if not isinstance(key, (int, np.integer)) or key < 0:
        raise TypeError(f"expected an {kind} to be told by a non-negative int or a str, got {key!r}")
    if key >= len(ports):
        raise beyond(f"the model has no {kind} {key}: it has {len(ports)}")
    return int(key)


def named_index(ports: Sequence[Named], name: str, kind: str, *, unknown: type[Exception] = RuntimeError) -> int:
    """The index of the first port that has this tensor name; raises `unknown` when none has."""
    for index, port in enumerate(ports):
        if name in port.names:
            return index
    raise unknown(no_port(ports, name, kind))


def no_port(ports: Sequence[Named], key: Any, kind: str) -> str:
    """The text of the error for a name, or another key, that tells none of the ports."""
    known = sorted(name for port in ports for name in port.names)
    has = f"it has {', '.join(known)}" if known else f"it has {len(ports)} without names"
    return f"the model has no {kind} {key!r}; {has}.{suggestion(str(key), known)}"


def port_names(ports: Sequence[Named]) -> list[str]:
    """What texts and containers call ports: a tensor name of theirs, or their index."""
    return [port.any_name if port.names else str(index) for index, port in enumerate(ports)]


def label(port: Named, index: int) -> str:
    """How errors name a port: its index, and a name when it has one."""
    return f"{index} ({port.any_name!r})" if port.names else str(index)
