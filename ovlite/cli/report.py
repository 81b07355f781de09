"""Results as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..runtime.profile_data import NAME_WIDTH, size, table


def as_json(found: Mapping[str, Any]) -> str:
    return json.dumps(found, indent=2)


def format_environment(found: Mapping[str, Any]) -> str:
    """The environment, a line a subject."""
    usable, built = (", ".join(found[key]) for key in ("levels_usable", "levels_built"))
    limits = (f"{name} {'unset' if limit is None else limit}" for name, limit in found["thread_limits"].items())
    return lines({
        "versions": _versions(found),
        "processor": found["processor"],
        "level": f"{found['level']} (usable: {usable}; built: {built})",
        "threads": f"{found['threads_available']} ({', '.join(limits)})",
    })  # fmt: skip


def format_measurement(found: Mapping[str, Any], measured: Mapping[str, Any], steps: int) -> str:
    """A measurement and what it was made on."""
    latency = ", ".join(f"{name} {value:.3f}" for name, value in measured["latency_ms"].items())
    effort = f"{measured['api']}, {measured['iterations']} inferences in {measured['seconds']:.2f} s"
    text = lines({
        "model": measured["model"],
        "inputs": "; ".join(_input(name, tensor) for name, tensor in measured["inputs"].items()),
        "device": f"CPU, {found['processor']}, {found['level']} level",
        "threads": f"{measured['threads']} of {found['threads_available']}{_streams(measured)}",
        "versions": _versions(found),
        "precision": measured["precision"],
        "load": f"{measured['read_ms']:.1f} ms to read, {measured['compile_ms']:.1f} ms to compile",
        "first inference": f"{measured['first_ms']:.1f} ms",
        "latency": f"{latency} ms ({effort})",
        "throughput": f"{measured['per_second']:.1f} inferences/s",
        "memory": ", ".join(f"{name} {size(count)}" for name, count in measured["memory"].items()),
        **_reference(measured["reference"]),
    })  # fmt: skip
    return f"{text}\n\n{_table(measured['steps'], steps)}" if steps else text


def _reference(compared: Mapping[str, float] | None) -> dict[str, str]:
    if compared is None:
        return {}
    return {"reference": ", ".join(f"{name} differs by {value:.2g}" for name, value in compared.items())}


def lines(subjects: Mapping[str, str]) -> str:
    width = max(map(len, subjects))
    return "\n".join(f"{name:<{width}}  {text}" for name, text in subjects.items())


def _versions(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version or 'not installed'}" for name, version in found["versions"].items())


def _input(name: str, tensor: Mapping[str, Any]) -> str:
    shape = ",".join(map(str, tensor["shape"]))
    given = f" for {tensor['model_shape']}" if tensor["model_shape"] != f"[{shape}]" else ""
    return f"{name} {tensor['type']}[{shape}]{given}"


def _streams(measured: Mapping[str, Any]) -> str:
    return f", in {measured['streams']} streams" if measured["streams"] > 1 else ""


def _table(steps: Sequence[Mapping[str, Any]], count: int) -> str:
    """The slowest steps, and what the others take together."""
    if not steps:
        return "The plan of this model has no steps."
    rows = [["step", "node", "kernel", "output", "ms", "share", "GFLOP/s"]]
    for step in steps[:count]:
        rate = "" if step["gflops"] is None else f"{step['gflops']:.1f}"
        names = [str(step["index"]), step["node"][:NAME_WIDTH], step["kernel"], str(step["shape"])]
        rows.append([*names, f"{step['ms']:.3f}", f"{step['share']:.1%}", rate])
    rest = steps[count:]
    if rest:
        time, share = sum(step["ms"] for step in rest), sum(step["share"] for step in rest)
        rows.append(["", f"{len(rest)} others", "", "", f"{time:.3f}", f"{share:.1%}", ""])
    return table(rows, left=(1, 2, 3))
