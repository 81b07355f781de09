"""Outputs of openvino and onnxruntime for calls of operator tests, recorded by `python -m tests.golden.record`.

They stand in for a peer that is not installed: a test asserts values wherever it runs. A file holds those of one
test module, by a digest of the call: of its operator, attributes and inputs, whatever the test is called.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
Outputs = list[np.ndarray]
Recording = dict[str, dict[str, Outputs]]  # by the stem of the file, by the digest

recording: Recording | None = None  # what record.py fills while tests run


def digest(*parts: Any) -> str:
    """A name for a call: equal for equal arrays and equal representations of all else."""
    state = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            state.update(f"{part.dtype.str}{part.shape}".encode())
            state.update(part.tobytes())
        else:
            state.update(repr(part).encode())
        state.update(b"\0")
    return state.hexdigest()[:20]


def outputs(call: str, peer: Callable[[], Outputs] | None) -> Outputs:
    """What the peer gives for the call, or gave when it was recorded where `peer` is None.

    Fails when nothing is recorded, with the peer there too: the test could not assert anything elsewhere.
    """
    name = _module()
    if recording is not None:
        assert peer is not None, "recording needs openvino and onnxruntime"
        return recording.setdefault(name, {}).setdefault(call, peer())
    known = load(name)
    if call not in known:
        raise AssertionError(
            f"no outputs of a peer are recorded for this call: give expected=, or run 'python -m tests.golden.record "
            f"{os.environ['PYTEST_CURRENT_TEST'].partition('::')[0]}' with openvino and onnxruntime installed"
        )
    return known[call] if peer is None else peer()


@cache
def load(name: str) -> dict[str, Outputs]:
    """The recorded outputs of a file, by digest."""
    path = FOLDER / f"{name}.npz"
    found: dict[str, Outputs] = {}
    if path.exists():
        with np.load(path) as content:
            for entry in content.files:  # in the order in which they were saved
                found.setdefault(entry.partition(".")[0], []).append(content[entry])
    return found


def save(name: str, calls: dict[str, Outputs]) -> None:
    """Writes a file; the same calls give the same bytes."""
    arrays = {f"{call}.{i}": array for call in sorted(calls) for i, array in enumerate(calls[call])}
    np.savez_compressed(FOLDER / f"{name}.npz", allow_pickle=False, **arrays)


def _module() -> str:
    """The file of the running test: ops-nms for tests/ops/test_nms.py."""
    path = Path(os.environ["PYTEST_CURRENT_TEST"].partition("::")[0])
    return f"{path.parent.name}-{path.stem.removeprefix('test_')}"
