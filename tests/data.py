"""Random test data. Each test draws from a generator of its own, seeded by the test's id: which other tests ran,
and in which process, changes nothing."""

from __future__ import annotations

import zlib

import numpy as np

_generators: list[np.random.Generator] = []  # that of the running test, if one runs


def begin_test(name: str) -> None:
    """Seeds the generator for a test, by its id."""
    _generators[:] = [np.random.default_rng(zlib.crc32(name.encode()))]


def end_test() -> None:
    _generators.clear()


def rng() -> np.random.Generator:
    """The generator of the running test."""
    if not _generators:
        raise RuntimeError("rng() is for the body of a test or fixture; expected a running test, got an import")
    return _generators[0]


def normal(*shape: int) -> np.ndarray:
    """Standard normal float32 numbers."""
    return rng().standard_normal(shape, dtype=np.float32)
