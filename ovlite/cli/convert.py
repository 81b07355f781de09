"""`ovlite convert`: an ONNX model, or an IR, to an OpenVINO IR, with weights as they are or smaller."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..frontend.ir import save_model
from ..runtime.profile_data import size
from . import report
from .arguments import Parser, UsageError, add_json, collect
from .measure import read_model
from .weights import compress_to_int8


def parser() -> Parser:
    found = Parser(
        "ovlite convert", description="Writes a model as an OpenVINO IR: OUT.xml, and its weights beside it."
    )
    found.add_argument("model", help="an ONNX file or the .xml file of an OpenVINO IR")
    found.add_argument("out", metavar="OUT.xml", help="the file to write; weights go to the .bin file beside it")
    found.add_argument(
        "--weights", choices=("f32", "f16", "int8"), default="f32",
        help="as they are (default), as f16, or those of products as 8-bit integers with a scale for each channel",
    )  # fmt: skip
    add_json(found)
    return found


def run(parsed: argparse.Namespace) -> str:
    out = Path(parsed.out)
    if out.suffix != ".xml":
        raise UsageError(f"an IR is written to an .xml file, not to {parsed.out!r}")
    if not out.parent.is_dir():
        raise UsageError(f"there is no folder {str(out.parent)!r}")
    source = Path(parsed.model)
    if source.exists() and out.exists() and source.samefile(out):
        raise UsageError("the model would be written over itself; name another file")
    model = read_model(collect(parsed))
    compressed = compress_to_int8(model) if parsed.weights == "int8" else 0
    save_model(model, str(out), compress_to_fp16=parsed.weights == "f16")
    sizes = [path.stat().st_size for path in (out, out.with_suffix(".bin")) if path.exists()]
    found = {"model": parsed.model, "out": str(out), "weights": parsed.weights, "bytes": sum(sizes)}
    if parsed.weights == "int8":
        found["compressed"] = compressed
    if parsed.json:
        return report.as_json(found)
    rounded = f", {compressed} weights rounded to 8 bits" if parsed.weights == "int8" else ""
    return f"{out}: {size(sum(sizes))}{rounded}"
