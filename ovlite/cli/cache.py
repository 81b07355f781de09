"""`ovlite cache`: what lies in a CACHE_DIR, and the removal of what is old or too much."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

from ..runtime.model_cache import Entry, entries, prune
from ..runtime.profile_data import size, table
from . import report
from .arguments import Parser, UsageError, add_json, quantity

DAY = 86400.0  # seconds


def parser() -> Parser:
    found = Parser(
        "ovlite cache", description="Lists compiled models in a CACHE_DIR, those used last first, and removes some."
    )
    found.add_argument("folder", help="the folder that CACHE_DIR names")
    found.add_argument("--older", type=quantity, metavar="DAYS", help="removes those not used for longer")
    found.add_argument(
        "--most", type=quantity, metavar="MIB", help="removes those used longest ago until the others take so much"
    )
    add_json(found)
    return found


def run(parsed: argparse.Namespace) -> str:
    folder = Path(parsed.folder)
    if not folder.is_dir():
        raise UsageError(f"there is no folder {parsed.folder!r}")
    found = entries(folder)
    removed = []
    if parsed.older is not None or parsed.most is not None:
        limit = math.inf if parsed.most is None else parsed.most * 2**20
        removed = prune(folder, limit, -math.inf if parsed.older is None else time.time() - parsed.older * DAY)
    kept = [entry for entry in found if entry not in removed]
    if parsed.json:
        return report.as_json({"kept": [*map(_as_dict, kept[::-1])], "removed": [*map(_as_dict, removed[::-1])]})
    rows = [["file", "size", "days unused", ""]]
    rows += [_row(entry, "") for entry in kept[::-1]] + [_row(entry, "removed") for entry in removed[::-1]]
    total = sum(entry.bytes for entry in kept)
    return f"{table(rows, left=(0, 3))}\n{len(kept)} models, {size(total)}"


def _as_dict(entry: Entry) -> dict[str, Any]:
    return {"file": entry.path.name, "bytes": entry.bytes, "days_unused": max(0.0, time.time() - entry.used) / DAY}


def _row(entry: Entry, note: str) -> list[str]:
    found = _as_dict(entry)
    return [found["file"], size(found["bytes"]), f"{found['days_unused']:.1f}", note]
