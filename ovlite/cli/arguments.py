"""Arguments of the `ovlite` command."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from dataclasses import field
from typing import NoReturn

from ..records import dataclass

EPILOG = """\
The command is `bench` unless another one is named: info, profile, compare, convert or cache (ovlite info --help).
Without a model it runs ResNet-50 with random weights, which is built in.
Inputs are random, the same for the same --seed. Dynamic dimensions that no --shape gives become 1 (the first),
3x224x224 (the others of images) or 16.
"""


class UsageError(Exception):
    """Raised for a request that can't be met; the text is one sentence that says why."""


def sentence(error: Exception) -> str:
    """What an error says, with what it lists, on one line."""
    lines = "; ".join(filter(None, map(str.strip, str(error).splitlines())))
    return " ".join(lines.split()).replace(":;", ":")


@dataclass(frozen=True)
class Arguments:
    """shapes: by input name; "" stands for the only input. values: constants to fill inputs with, by input name.

    files: what inputs are read from, by input name; "" for an archive, a folder of them or the only input. One of
    iterations and seconds says how long to measure; threads is None for as many as there may be.
    """

    model: str | None = None
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    threads: int | None = None
    hint: str | None = None
    streams: int | None = None
    requests: int | None = None
    pin: bool = False
    reference: str | None = None
    outputs: str | None = None
    graph: str | None = None
    machine: bool = False
    iterations: int | None = None
    seconds: float = 3.0
    api: str = "sync"
    precision: str = "fast"
    level: str | None = None
    seed: int = 0
    steps: int = 10
    json: bool = False
    info: bool = False


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


def parse(argv: Sequence[str]) -> Arguments:
    """The arguments of a command line. Raises UsageError; ends the program after --help and --version."""
    found = collect(_parser().parse_args(argv))
    if found.requests and found.api != "async":
        raise UsageError("--nireq is for --api async; a call uses one request")
    return found


def collect(parsed: argparse.Namespace) -> Arguments:
    """The arguments that a parser found, as far as its command has them."""
    values = {name: value for name, value in vars(parsed).items() if name in Arguments.__dataclass_fields__}
    for name in ("shapes", "values", "files"):
        values[name] = dict(values.get(name, ()))
    return Arguments(**values)


def add_inputs(parser: Parser) -> None:
    """Options that say what a model is run on."""
    parser.add_argument(
        "--shape", dest="shapes", action="append", type=_shape, default=[], metavar="NAME[1,3,224,224]",
        help="shape of an input; the name may be left out for the only input; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--value", dest="values", action="append", type=_value, default=[], metavar="NAME=NUMBER",
        help="fills an input with a number instead of random ones; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--input", dest="files", action="append", type=_file, default=[], metavar="NAME=FILE",
        help="reads an input from an .npy file or an image, or, without NAME, all inputs from an .npz file, or from "
        "the files of a folder one after the other; may be repeated",
    )  # fmt: skip
    parser.add_argument("--seed", type=_count, default=0, help="seed of random inputs and weights (default: 0)")


def add_execution(parser: Parser) -> None:
    """Options that say how a model is run."""
    parser.add_argument("--threads", type=positive, help="threads to use at most; by default as many as there may be")
    parser.add_argument(
        "--precision", choices=("fast", "f32", "high", "bf16"), default="fast",
        help="f32 with any of its algorithms (default), plain sums of IEEE f32 products, products of f32 that are good "
        "to some 5 digits, or of bf16: the last two where matrix units make them faster",
    )  # fmt: skip
    parser.add_argument("--level", help="instruction-set level to use instead of the highest, as OVLITE_ISA does")
    add_json(parser)


def add_json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="prints one JSON object")


def _parser() -> Parser:
    description = "Measures a model's inference on this machine."
    parser = Parser("ovlite", description=description, epilog=EPILOG, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", nargs="?", help="an ONNX file or the .xml file of an OpenVINO IR")
    add_inputs(parser)
    add_execution(parser)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--iterations", type=positive, help="inferences to measure")
    length.add_argument("--seconds", type=_seconds, default=3.0, help="time to measure for (default: 3)")
    parser.add_argument(
        "--api", choices=("sync", "async"), default="sync", help="one call after the other, or a queue of requests"
    )
    parser.add_argument(
        "--hint", choices=("latency", "throughput"), help="what to be fast at (default: throughput for --api async)"
    )
    parser.add_argument("--streams", type=positive, help="inferences that run at once, which share the threads")
    parser.add_argument("--nireq", dest="requests", type=positive, help="requests of the queue, for --api async")
    parser.add_argument("--pin", action="store_true", help="gives each thread a processor of its own")
    parser.add_argument("--outputs", metavar="FILE.npz", help="writes the outputs of the first inference to a file")
    parser.add_argument("--reference", metavar="FILE.npz", help="compares them with a file that --outputs wrote")
    parser.add_argument("--graph", metavar="FILE.xml", help="writes the executed graph, an OpenVINO IR with times")
    parser.add_argument("--steps", type=_count, default=10, help="rows in the table of slowest steps (default: 10)")
    parser.add_argument("--info", action="store_true", help="prints versions, levels and threads, and runs nothing")
    parser.add_argument("--machine", action="store_true", help="measures what the machine can do at most, and keeps it")
    parser.add_argument("--version", action=_Version)
    return parser


class _Version(argparse.Action):
    """Prints the version, which is looked up only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help="prints the version")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from ..version import get_version

        print(f"ovlite {get_version()}")
        parser.exit()


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    found = re.fullmatch(r"(.*?)\[([\d,\s]*)\]", text.strip())
    numbers = found[2].split(",") if found and found[2].strip() else []
    if not found or not all(number.strip().isdecimal() for number in numbers):
        raise argparse.ArgumentTypeError(f"expected a shape such as name[1,3,224,224], got {text!r}")
    return found[1], tuple(int(number) for number in numbers)


def _value(text: str) -> tuple[str, float]:
    name, equals, number = text.rpartition("=")
    try:
        return name, float(number) if equals else float("")
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a value such as name=16000, got {text!r}") from None


def _file(text: str) -> tuple[str, str]:
    name, _, path = text.rpartition("=")
    if not path:
        raise argparse.ArgumentTypeError(f"expected a file, as in name=file.npy, got {text!r}")
    return name, path


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a positive whole number, got {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 on, got {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"expected a positive number of seconds, got {text!r}")
    return seconds


def quantity(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number from 0 on, got {text!r}")
    return number
