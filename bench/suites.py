"""What is measured: workloads by suite, chosen by words of their names, and models in files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from ovlite.cli.arguments import Arguments, UsageError
from ovlite.cli.inputs import make_inputs
from ovlite.cli.measure import read_model
from ovlite.graph.lookup import port_names

from . import compressed, encoders, models, operators, quantized, trees
from .libraries import Inputs, Source

PACKAGE_DIMS: dict[str, list[dict[str, int]]] = {
    "PP-OCRv6_det_small": [{"height": 320, "width": 320}],
    "PP-OCRv6_rec_small": [{"width": 320}, {"batch": 6, "width": 160}],
    "ch_ppocr_mobile_v2.0_cls_mobile": [{"batch": 1}, {"batch": 6}],
    "silero_vad": [{"rate": 16000}],
    "silero_vad_16k_sequence": [{"length": 8}],
    "silero_vad_op18_ifless": [{"rate": 16000}],
}
FILES = (".onnx", ".xml")

Workload = tuple[str, Callable[[], Source], Callable[[], Inputs]]  # its name, its model and its inputs


def model_workloads() -> Iterator[Workload]:
    """The light models, and those of the packages when they can be had."""
    for name in models.light_models():
        yield name, partial(models.load, name), partial(models.inputs_for, name)
    try:
        paths = models.package_models()
    except models.Unavailable as error:
        print(f"without the models of packages: {error}", file=sys.stderr)
        return
    for name, sizes in PACKAGE_DIMS.items():
        for dims in sizes if name in paths else []:
            label = " ".join([name, *(f"{key}={value}" for key, value in dims.items())])
            yield label, partial(paths.__getitem__, name), partial(models.inputs_for, name, dims=dims)


def operator_workloads() -> Iterator[Workload]:
    for name in operators.CASES:
        yield name, partial(operators.model, name), partial(operators.inputs, name)


def encoder_workloads() -> Iterator[Workload]:
    for name in encoders.CASES:
        yield name, partial(encoders.model, name), partial(encoders.inputs, name)


def quantized_workloads() -> Iterator[Workload]:
    for name in quantized.NAMES:
        for form in quantized.FORMS:
            yield f"{name} {form}", partial(quantized.load, name, form), partial(models.inputs_for, name)


def compressed_workloads() -> Iterator[Workload]:
    for name in compressed.CASES:
        yield name, partial(compressed.model, name), partial(compressed.inputs, name)


def tree_workloads() -> Iterator[Workload]:
    for name in trees.CASES:
        yield name, partial(trees.model, name), partial(trees.inputs, name)


SUITES: dict[str, Callable[[], Iterable[Workload]]] = {
    "models": model_workloads,
    "operators": operator_workloads,
    "encoders": encoder_workloads,
    "quantized": quantized_workloads,
    "compressed": compressed_workloads,
    "trees": tree_workloads,
}


def select(suite: str, words: Sequence[str]) -> list[Workload]:
    """The models in the files that `words` name, and of the suite the workloads in whose names another word occurs; all
    of the suite without words. Raises UsageError for a file that is not there, and for a word that occurs in no name.
    """
    files = [word for word in words if word.endswith(FILES)]
    others = [word for word in words if word not in files]
    chosen = [_file_workload(Path(name)) for name in files]
    if files and not others:
        return chosen
    known = list(SUITES[suite]())
    for word in others:
        if not any(word in name for name, *_ in known):
            raise UsageError(f"{word!r} occurs in no name of suite {suite}: {', '.join(name for name, *_ in known)}")
    return [*chosen, *(each for each in known if not others or any(word in each[0] for word in others))]


def _file_workload(path: Path) -> Workload:
    """A model in a file, on random inputs."""
    arguments = Arguments(str(path))
    ports = read_model(arguments).inputs
    return path.name, lambda: path, lambda: dict(zip(port_names(ports), make_inputs(ports, arguments), strict=True))
