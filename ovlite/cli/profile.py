"""`ovlite profile`: what each step of a model does and takes, beside what the machine can do."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..runtime.core import Core
from ..runtime.profile_data import size
from . import report
from .arguments import Parser, add_execution, add_inputs, collect, positive
from .environment import environment
from .inputs import make_inputs
from .measure import configuration, read_model

TRACE = "chrome://tracing or ui.perfetto.dev"


def parser() -> Parser:
    found = Parser(
        "ovlite profile",
        description="Times each step of a model, and tells what part of the machine's peak and bandwidth it reaches.",
    )
    found.add_argument(
        "model", nargs="?", help="an ONNX file or the .xml file of an OpenVINO IR; ResNet-50 without one"
    )
    add_inputs(found)
    add_execution(found)
    found.add_argument("--runs", type=positive, default=10, help="runs whose least times count (default: 10)")
    found.add_argument("--html", metavar="FILE", help="writes a page with timeline, roofline and memory plan")
    found.add_argument("--trace", metavar="FILE", help=f"writes the steps for {TRACE}")
    return found


def run(parsed: argparse.Namespace) -> str:
    arguments = collect(parsed)
    environment(arguments.level)
    compiled = Core().compile_model(read_model(arguments), "CPU", configuration(arguments))
    found = compiled.profile(make_inputs(compiled.inputs, arguments), parsed.runs)
    for path, text in ((parsed.html, found.html), (parsed.trace, found.chrome_trace)):
        if path is not None:
            Path(path).write_text(text(), encoding="utf-8")
    if arguments.json:
        return report.as_json(found.as_dict())
    machine = found.machine
    return (
        f"{found}\n\n{found.seconds * 1e3:.3f} ms in {len(found.steps)} steps; with {found.threads} threads the "
        f"machine does at most {machine.gflops:.1f} GFLOP/s and {machine.gbytes:.1f} GB/s. Weights "
        f"{size(found.weights)}, arena {size(found.arena)}."
    )
