"""The converter: convert_model, and the command `python -m openvino.tools.ovc model.onnx --output_model model.xml`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from ..convert.convert_model import convert_model
from ..errors import ConversionError
from ..frontend.ir import save_model

__all__ = ["convert_model", "main"]

_SWITCH = {"true": True, "1": True, "false": False, "0": False}
_INPUT = re.compile(r"(?P<name>[^\[\],]*)(?:\[(?P<shape>[^\]]*)\])?\Z")


def main(argv: Sequence[str] | None = None) -> int:
    """Converts a model as the arguments say; the exit status is 1 when it can't be converted."""
    given = _parser().parse_args(argv)
    output = Path(given.output_model or Path(given.input_model).name).with_suffix(".xml")
    try:
        model = convert_model(given.input_model, given.input, given.output)
    except ConversionError as error:
        print(f"[ ERROR ] {error}", file=sys.stderr)
        return 1
    save_model(model, output, given.compress_to_fp16)
    print(f"[ SUCCESS ] XML file: {output}\n[ SUCCESS ] BIN file: {output.with_suffix('.bin')}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("ovc", description="Converts an ONNX model to an OpenVINO IR.", allow_abbrev=False)
    parser.add_argument("input_model", help="the .onnx file")
    parser.add_argument("--output_model", help="the .xml file to write; by default named as the model, in this folder")
    parser.add_argument("--input", type=_inputs, metavar="name[1,3,?,?],...", help="shapes of inputs")
    parser.add_argument("--output", type=lambda text: text.split(","), help="names of the outputs to keep")
    parser.add_argument(
        "--compress_to_fp16", type=lambda text: _SWITCH[text.lower()], nargs="?", const=True, default=True,
        metavar="True|False", help="whether f32 weights are stored as f16 (default: True)",
    )  # fmt: skip
    parser.add_argument("--verbose", action="store_true", help="accepted; there is nothing more to tell")
    return parser


def _inputs(text: str) -> list[object]:
    """The entries of --input: names, shapes in brackets, or both."""
    entries: list[object] = []
    for part in re.split(r",(?![^\[]*\])", text):
        found = _INPUT.match(part.strip())
        if found is None:
            raise argparse.ArgumentTypeError(f"{part!r} is not a name, a shape in brackets, or both")
        name, shape = found["name"].strip(), found["shape"]
        lengths = None if shape is None else [_length(item.strip()) for item in shape.split(",") if item.strip()]
        entries.append(name if lengths is None else (name, lengths) if name else lengths)
    return entries


def _length(text: str) -> int:
    return -1 if text == "?" else int(text)


if __name__ == "__main__":
    sys.exit(main())
