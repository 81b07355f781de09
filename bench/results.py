"""What a comparison of libraries found, as text and as JSON, and whether a later one is slower."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ovlite.cli.arguments import UsageError

ALIKE = ("processor", "level", "threads", "mode")  # what two files must have in common to be compared


@dataclass(frozen=True)
class Result:
    """Of one workload, by library. ms: the least time. apart: the largest difference from f32, in parts of the largest
    number. failures: why a library can't run it. denormal: how many weights are denormal numbers."""

    name: str
    ms: Mapping[str, float]
    apart: Mapping[str, float]
    failures: Mapping[str, str]
    denormal: int

    @property
    def ratio(self) -> float | None:
        """The best peer's time over ovlite's; None where one of them is not there."""
        peers = [spent for library, spent in self.ms.items() if library != "ovlite"]
        return min(peers) / self.ms["ovlite"] if peers and "ovlite" in self.ms else None

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio}

    def text(self, libraries: Sequence[str]) -> str:
        """A row of the table, and below it what is to be said."""
        cells = [
            f"{self.ms[library]:14.3f} {self.apart[library]:7.0e}" if library in self.ms else f"{'-':>14} {'-':>7}"
            for library in libraries
        ]
        lines = [" ".join([f"{self.name:40}", *cells, "" if self.ratio is None else f"{self.ratio:7.2f}"])]
        lines += [f"    {library}: {reason}" for library, reason in self.failures.items()]
        if self.denormal:
            lines.append(f"    {self.denormal} of its weights are denormal numbers")
        return "\n".join(lines)


def compare_files(names: Sequence[str], threshold: float) -> int:
    """Prints how ovlite's times of two files differ; returns 1 when one grew by more than the threshold or is gone.

    Raises UsageError for what is no pair of such files, and where they are not of one machine.
    """
    if len(names) != 2:
        raise UsageError(f"expected two files, OLD.json NEW.json, got {' '.join(names)}")
    old, new = (_read(name) for name in names)
    for key in ALIKE:
        if old[key] != new[key]:
            raise UsageError(f"{names[0]} is of {key} {old[key]!r}, {names[1]} of {new[key]!r}")
    before, after = old["workloads"], new["workloads"]
    slower = 0
    print(f"{'':40} {'old ms':>10} {'new ms':>10} {'new/old':>8}")
    for name, spent in before.items():
        grown = after[name] / spent if name in after else float("inf")
        found = f"{after[name]:10.3f} {grown:8.2f}" if name in after else f"{'gone':>10} {'':8}"
        print(f"{name:40} {spent:10.3f} {found}{'  slower' if grown > threshold else ''}")
        slower += grown > threshold
    print(f"{slower} of {len(before)} workloads take more than {threshold:g} times as long, or are gone")
    return 1 if slower else 0


def _read(name: str) -> dict[str, Any]:
    """What bench.compare --json printed to a file, with ovlite's times by name as the workloads."""
    try:
        found = json.loads(Path(name).read_text(encoding="utf-8"))
        about = {key: found[key] for key in ALIKE}
        times = {each["name"]: float(each["ms"]["ovlite"]) for each in found["workloads"] if "ovlite" in each["ms"]}
    except (KeyError, TypeError):
        raise UsageError(f"{name!r} is not what bench.compare --json prints") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"can't read {name!r}: {error}") from None
    return {**about, "workloads": times}
