from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt

from .step import Step, View

REASONS: dict[int, str]

class Team:
    @property
    def size(self) -> int: ...
    def __new__(cls, size: int, pinned: int = -1) -> Team: ...

class PythonStep(Step):
    def __init__(
        self,
        name: str,
        call: Callable[[Sequence[npt.NDArray[Any]], Team], Sequence[npt.NDArray[Any]]],
        reads: list[View],
        writes: list[View],
    ) -> None: ...

class Program:
    @property
    def steps(self) -> list[Step]: ...
    @property
    def native(self) -> bool: ...
    @property
    def flush(self) -> bool: ...
    @property
    def segments(self) -> list[Any]: ...
    @property
    def slots(self) -> int: ...
    @property
    def arena_bytes(self) -> int: ...
    @property
    def scratch(self) -> int: ...
    def __new__(
        cls,
        steps: list[Any],
        slots: int,
        constants: dict[int, npt.NDArray[Any]] | None = None,
        placed: dict[int, int] | None = None,
        arena_bytes: int = 0,
        flush: bool = False,
        origins: Sequence[object] = (),
    ) -> Program: ...

class Frame:
    @property
    def program(self) -> Program: ...
    def __new__(cls, program: Program, members: int = 1) -> Frame: ...
    def bind(self, slot: int, array: npt.NDArray[Any]) -> None: ...
    def array(self, view: View) -> npt.NDArray[Any]: ...
    def profile(self, on: bool) -> None: ...
    def step_times(self) -> list[float]: ...
    def execute(self, team: Team) -> None: ...
    def run_loop(
        self,
        team: Team,
        limit: int | None,
        strides: list[tuple[int, npt.NDArray[Any], int, int]],
        carried: list[tuple[int, int]],
        condition: int = -1,
        counter: npt.NDArray[Any] | None = None,
    ) -> int: ...

def check_stopped() -> None: ...
def run_steps(steps: list[Any], arrays: list[Any], threads: int = 1, flush: bool = False) -> None: ...
