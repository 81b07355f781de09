"""`ovlite cache`: what lies in a CACHE_DIR, and the removal of what is old or too much."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from . import report
from .arguments import Parser, UsageError, add_json

DAY = 86400.0  # seconds


def parser() -> Parser:
    found = Parser("ovlite cache", description="Lists compiled models in a CACHE_DIR, newest first, and removes some.")
    found.add_argument("folder", help="the folder that CACHE_DIR names")
    found.add_argument("--older", type=float, metavar="DAYS", help="removes those written longer ago")
    found.add_argument("--most", type=float, metavar="MIB", help="removes the oldest until the others take so much")
    add_json(found)
    return found


def run(parsed: argparse.Namespace) -> str:
    folder = Path(parsed.folder)
    if not folder.is_dir():
        raise UsageError(f"there is no folder {parsed.folder!r}")
    if any(limit is not None and not limit >= 0 for limit in (parsed.older, parsed.most)):
        raise UsageError("--older and --most take numbers from 0 on")
    kept: list[dict[str, Any]] = []
    removed: list[dict[str, Any]] = []
    for entry in _entries(folder):
        too_old = parsed.older is not None and entry["age_days"] > parsed.older
        total = sum(other["bytes"] for other in kept) + entry["bytes"]
        if too_old or (parsed.most is not None and total > parsed.most * 2**20):
            (folder / entry["file"]).unlink(missing_ok=True)
            removed.append(entry)
        else:
            kept.append(entry)
    if parsed.json:
        return report.as_json({"kept": kept, "removed": removed})
    rows = [["file", "size", "days old", ""]]
    rows += [_row(entry, "") for entry in kept] + [_row(entry, "removed") for entry in removed]
    total = sum(entry["bytes"] for entry in kept)
    return "\n".join([*report.aligned(rows, left=(0, 3)), f"{len(kept)} models, {report.size(total)}"])


def _entries(folder: Path) -> list[dict[str, Any]]:
    """The compiled models of a folder, newest first."""
    now, found = time.time(), []
    for path in folder.glob("*.blob"):
        try:
            about = path.stat()
        except FileNotFoundError:  # another process removed it meanwhile
            continue
        found.append({"file": path.name, "bytes": about.st_size, "age_days": max(0.0, now - about.st_mtime) / DAY})
    return sorted(found, key=lambda entry: entry["age_days"])


def _row(entry: dict[str, Any], note: str) -> list[str]:
    return [entry["file"], report.size(entry["bytes"]), f"{entry['age_days']:.1f}", note]
