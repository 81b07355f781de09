"""What is fuzzed: each target makes the case of a seed, and runs it. A documented error is a right answer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from math import prod
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import onnx
from google.protobuf.message import DecodeError

import ovlite as ov
from ovlite import kernels
from ovlite.errors import ModelError
from ovlite.frontend.onnx.messages import ModelProto
from ovlite.frontend.onnx.wire import Malformed
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View
from ovlite.ops.regular_expression import Expression
from ovlite.types import SequenceType

from ..frontend.onnx_messages import check_same
from ..kernels.drawing import KINDS
from ..kernels.guarded import guarded, guarded_copy
from ..plan.drawn import check_drawn
from . import seeds
from .mutations import damaged_bytes, damaged_document, damaged_message, forged, resealed

MOST_ELEMENTS = 1 << 20  # of an input that the fuzzer makes


class Target(NamedTuple):
    """make: a case from random numbers; run: reads, compiles and runs it. Raises what is not documented."""

    make: Callable[[Random], Any]
    run: Callable[[Any], None]


def _onnx(random: Random) -> bytes:
    data, other = random.choices(seeds.onnx_models(), k=2)
    return (damaged_message if random.random() < 0.7 else damaged_bytes)(data, other, random)


def _ir(random: Random) -> tuple[bytes, bytes]:
    (document, weights), (other, _) = random.choices(seeds.ir_models(), k=2)
    if random.random() < 0.2 and weights:
        return document, damaged_bytes(weights, weights, random)
    return (damaged_document if random.random() < 0.8 else damaged_bytes)(document, other, random), weights


def _blob(random: Random) -> bytes:
    data, other = random.choices(seeds.blobs(), k=2)
    return (resealed if random.random() < 0.8 else damaged_bytes)(data, other, random)


def _cache(random: Random) -> tuple[tuple[bytes, bytes], str, bytes]:
    model, name, data = random.choice(seeds.cached())
    return model, name, forged(data, random) if random.random() < 0.9 else damaged_bytes(data, data, random)


def _text(random: Random) -> str:
    text = random.choice(("[1,3,?,4..8]", "{1,2}", "NCHW", "[N,...,C]", "?CH", "[..8,2..]", "1,2,3", "f32", "[?]"))
    letters = "[]{}(),.?0123456789NCHW-+* \0é" + "9" * 5
    for _ in range(random.randint(1, 5)):
        at = random.randrange(len(text) + 1)
        text = text[:at] + random.choice(letters) * random.choice((0, 1, 1, 30)) + text[at + random.randint(0, 1) :]
    return text


def _pattern(random: Random) -> tuple[str, list[str]]:
    """A regular expression, and texts."""
    patterns = (
        r"(a|b)*?c{1,3}",
        r"[[:alpha:]\d-]+$",
        r"(?i:B)\b.*",
        r"\p{Lu}(?P<n>a)|^\Qa.\E",
        r"(a{2,9}b?){3}",
        r"(?s).",
    )
    pattern, pieces = "", (*"abc()[]{}|*+?.^$\\-,:19é\n", "[:", "(?", "(?i", "{2,3}", "\\d", "\\b", "\\p", "\\Q")
    for _ in range(random.randint(1, 3)):
        pattern += random.choice(patterns)
    for _ in range(random.randint(0, 6)):
        at = random.randrange(len(pattern) + 1)
        pattern = (
            pattern[:at] + random.choice(pieces) * random.choice((1, 1, 2, 40)) + pattern[at + random.randint(0, 2) :]
        )
    texts = ["".join(random.choices("aabBc1.- é\n", k=random.choice((0, 1, 5, 60)))) for _ in range(4)]
    return pattern, [*texts, random.choice("ab1") * 5000]


def _rows(level: str) -> list[Any]:
    """The matrix kernels of a level that take weights which are packed before."""
    return [row for row in kernels.family("matmul", level).matrix_kernels() if row.b in ("f32", "i8")]


def _tiles(random: Random) -> tuple[str, int, tuple[int, int, int], int]:
    """The level and the number of a row of its table of matrix kernels, (m, k, n), and threads."""
    level = random.choice(kernels.available_levels())
    row = random.randrange(len(_rows(level)))
    near = [
        max(0, random.choice((4, 6, 8, 12, 14, 16, 32, 64)) * random.randint(0, 3) + random.randint(-1, 1))
        for _ in "mn"
    ]
    return (
        level,
        row,
        (near[0], random.choice((0, 1, 2, 3, 31, 64, 65, random.randint(4, 700))), near[1]),
        random.randint(1, 2),
    )


def _graph(random: Random) -> tuple[int, int]:
    """The number of a kind, and a seed."""
    return random.randrange(len(KINDS)), random.getrandbits(32)


def _run_graph(case: tuple[int, int]) -> None:
    """A model that is right: it is carried out, in all ways that there are, as numpy does."""
    kind, seed = case
    with np.errstate(all="ignore"):
        check_drawn(KINDS[kind], np.random.default_rng(seed))


def _run_pattern(case: tuple[str, list[str]]) -> None:
    """A text that matches as a whole is its own first span, and spans follow each other."""
    pattern, texts = case
    try:
        expression = Expression(pattern)
    except ModelError:
        return
    for text in texts:
        spans = list(expression.spans(text))
        if text and expression.matches(text):
            assert spans[0] == (0, len(text)), text
        ends = [0, *(place for span in spans for place in span)]
        assert ends == sorted(ends) and all(begin < end <= len(text) for begin, end in spans), text


def _run_tiles(case: tuple[str, int, tuple[int, int, int], int]) -> None:
    """Sums of whole numbers, which every kernel's products hold, between pages that can't be touched."""
    level, number, (m, k, n), threads = case
    family = kernels.family("matmul", level)
    row = _rows(level)[number]
    rng = np.random.default_rng([m, k, n])
    a, b = (rng.integers(0, 9, shape) for shape in ((m, k), (k, n)))
    y = guarded((m, n), np.float32)
    views = View(0, row.a.replace("u8", "u1").replace("f32", "f4"), a.shape), View(1, "f4", y.shape)
    if row.b == "i8":
        operand = guarded_copy(np.append(a.astype(np.uint8), np.full(64, 255, np.uint8)))  # which may be read
        shifts, scales = np.zeros(n, np.int32), np.ones(n, np.float32)
        weights = family.pack_int8((b - 4).astype(np.int8), row)
        step = family.QuantizedMatMul(*views, weights=weights, shifts=shifts, scales=scales)
    else:
        operand = guarded_copy(a.astype(np.float32))
        step = family.MatMul(views[0], None, views[1], weights=family.pack((b - 4).astype(np.float32), row))
    run_steps([step], [operand, y], threads)
    np.testing.assert_array_equal(y, a @ (b - 4), row.name)


def _run_onnx(content: bytes) -> None:
    _use(lambda: ov.Core().read_model(content))


def _run_wire(content: bytes) -> None:
    """The same as of protobuf, which refuses damaged fields that are passed over here too.

    Texts of other bytes than UTF-8, and groups, are refused here alone.
    """
    try:
        theirs = onnx.ModelProto.FromString(content)
    except DecodeError:
        theirs = None
    try:
        mine = ModelProto.decoded(content)
    except Malformed as error:
        assert theirs is None or "UTF-8" in str(error) or "wire type 3" in str(error), error
        return
    if theirs is not None:
        check_same(mine, theirs)


def _run_ir(case: tuple[bytes, bytes]) -> None:
    _use(lambda: ov.Core().read_model(*case))


def _run_blob(content: bytes) -> None:
    with contextlib.suppress(RuntimeError):
        _infer(ov.Core().import_model(content, "CPU"))


def _run_cache(case: tuple[tuple[bytes, bytes], str, bytes]) -> None:
    model, name, data = case
    with TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(data)
        core = ov.Core()
        with contextlib.suppress(RuntimeError):
            _infer(core.compile_model(core.read_model(*model), "CPU", {"CACHE_DIR": folder}))


def _run_text(text: str) -> None:
    for parse in (ov.PartialShape, ov.Dimension, ov.Layout, ov.Shape, ov.Type):
        with contextlib.suppress(RuntimeError, ValueError, TypeError):
            parse(text)


def _use(read: Callable[[], ov.Model]) -> None:
    with contextlib.suppress(RuntimeError):
        _infer(ov.Core().compile_model(read(), "CPU"))


def _infer(compiled: ov.CompiledModel) -> None:
    """One run on ones, of the least shape that each input allows."""
    inputs = []
    for port in compiled.inputs:
        if isinstance(port.element_type, SequenceType):
            return
        shape = port.partial_shape
        sizes = [] if shape.rank.is_dynamic else [max(dim.min_length, int(dim.is_dynamic)) for dim in shape]
        if prod(sizes) > MOST_ELEMENTS:
            return
        dtype = np.dtype(str) if port.element_type == ov.Type.string else port.element_type.to_dtype()
        inputs.append(np.ones(sizes, dtype))
    compiled(inputs)


TARGETS = {
    "onnx": Target(_onnx, _run_onnx),
    "wire": Target(_onnx, _run_wire),
    "ir": Target(_ir, _run_ir),
    "blob": Target(_blob, _run_blob),
    "cache": Target(_cache, _run_cache),
    "text": Target(_text, _run_text),
    "pattern": Target(_pattern, _run_pattern),
    "tiles": Target(_tiles, _run_tiles),
    "graph": Target(_graph, _run_graph),
}
