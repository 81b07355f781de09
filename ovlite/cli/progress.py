"""A progress bar for terminals."""

from __future__ import annotations

import time
from typing import TextIO

WIDTH = 40
INTERVAL = 0.1  # seconds between two pictures


class Progress:
    """Draws on a stream that is a terminal, and does nothing on any other."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream if stream.isatty() else None
        self._next = 0.0

    def show(self, fraction: float) -> None:
        if self._stream is not None and time.monotonic() >= self._next:
            self._next = time.monotonic() + INTERVAL
            bar = "#" * int(WIDTH * min(fraction, 1))
            print(f"\r[{bar:.<{WIDTH}}]", end="", file=self._stream, flush=True)

    def clear(self) -> None:
        if self._stream is not None and self._next:
            print(f"\r{'':{WIDTH + 2}}\r", end="", file=self._stream, flush=True)
