"""`ovlite bench`: what a model costs on this machine."""

from __future__ import annotations

from dataclasses import asdict

from . import report
from .arguments import Arguments, UsageError
from .environment import environment


def run(arguments: Arguments) -> str:
    found = environment(arguments.level)
    if arguments.info:
        return report.as_json(found) if arguments.json else report.format_environment(found)
    if arguments.machine:
        return _machine(arguments)
    if arguments.graph is not None and not arguments.graph.endswith(".xml"):
        raise UsageError(f"--graph writes an OpenVINO IR; {arguments.graph!r} does not end in .xml")
    if arguments.outputs is not None and not arguments.outputs.endswith(".npz"):
        raise UsageError(f"--outputs writes an archive of arrays; {arguments.outputs!r} does not end in .npz")
    from .measure import measure

    measured = measure(arguments)
    if arguments.json:
        return report.as_json({**found, **measured})
    return report.format_measurement(found, measured, arguments.steps)


def _machine(arguments: Arguments) -> str:
    from ..runtime.roofline import measure
    from ..runtime.threads import thread_budget

    threads = min(arguments.threads or thread_budget(), thread_budget())
    found = measure(threads)
    if arguments.json:
        return report.as_json(asdict(found))
    return (
        f"{found.gflops:.1f} GFLOP/s of f32 products and {found.gbytes:.1f} GB/s of memory, with {threads} threads at "
        f"{found.level} level on {found.processor}; kept for ovlite profile"
    )
