"""Operators on strings, as ONNX has them. Strings are object arrays of UTF-8 bytes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from ..errors import ModelError
from ..graph import Argument, Operator, TensorType
from ..graph.elements import as_text
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .axes import one_of, require, require_rank
from .broadcasting import broadcast
from .declare import Text
from .regular_expression import Expression, expression

_SPECIAL = {"nan": "NaN", "inf": "INF", "-inf": "-INF"}


def _require_strings(argument: Argument, what: str) -> None:
    found = argument.element_type
    require(found in (Type.string, Type.dynamic), f"expected {what} to be strings, got {found.name}")


def _objects(items: Sequence[str], shape: Sequence[int]) -> Array:
    found = np.empty(tuple(shape), object)
    found.ravel()[:] = [item.encode() for item in items]
    return found


@dataclass(frozen=True)
class CastToString(Operator):
    """Numbers as text: whole ones as they are, booleans as 1 and 0, real ones with up to 8 digits, f64 with all.

    source: the element type that the numbers have in the model.
    """

    source: Type

    type = "CastToString"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(Type.string, inputs[0].shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [_objects([self._text(item) for item in inputs[0].ravel().tolist()], inputs[0].shape)]

    def _text(self, item: float) -> str:
        if not self.source.real:
            return str(int(item))
        text = repr(item) if self.source is Type.f64 else f"{item:.8g}"
        return _SPECIAL.get(text, text.removesuffix(".0"))


@dataclass(frozen=True)
class CastFromString(Operator):
    """The numbers that strings spell."""

    destination_type: Type

    type = "CastFromString"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        _require_strings(inputs[0], "data")
        return [TensorType(self.destination_type, inputs[0].shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        real = self.destination_type.real
        numbers = [_number(text, real) for text in as_text(inputs[0])]
        dtype = np.float64 if real else object
        found = np.array(numbers, dtype).reshape(inputs[0].shape)
        if self.destination_type is Type.boolean:
            return [found.astype(bool)]
        wide = real and self.destination_type is not Type.f64
        try:
            return [found.astype(np.float32 if wide else self.destination_type.to_dtype())]
        except OverflowError:
            raise ModelError(f"a number is out of the range of {self.destination_type.name}") from None


def _number(text: str, real: bool) -> float:
    try:
        if "_" in text:
            raise ValueError
        if real:
            return float(text)
        return int(text) if re.fullmatch(r"\s*[+-]?\d+\s*", text) else int(float(text))
    except (ValueError, OverflowError):
        raise ModelError(f"the string {text!r} is not a {'number' if real else 'whole number'}") from None


@dataclass(frozen=True)
class StringConcat(Operator):
    """The strings of both inputs joined, with broadcasting as numpy's."""

    type = "StringConcat"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        for argument in inputs:
            _require_strings(argument, "both inputs")
        return [TensorType(Type.string, broadcast(inputs[0].shape, inputs[1].shape))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        first, second = np.broadcast_arrays(*inputs)
        found = np.empty(first.shape, object)
        found.ravel()[:] = [a + b for a, b in zip(first.ravel().tolist(), second.ravel().tolist(), strict=True)]
        return [found]


@dataclass(frozen=True)
class StringSplit(Operator):
    """The parts of each string, filled up with empty ones, and how many there are.

    delimiter: "" for runs of white space. maxsplit: how often a string is split at the most, -1 for no limit.
    """

    delimiter: Text = Text("")
    maxsplit: int = -1

    type = "StringSplit"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        _require_strings(inputs[0], "data")
        shape = inputs[0].shape
        parts = PartialShape([*shape, Dimension()]) if shape.has_rank else PartialShape.dynamic()
        return [TensorType(Type.string, parts), TensorType(Type.i64, shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        parts = [text.split(self.delimiter or None, self.maxsplit) for text in as_text(inputs[0])]
        counts = [len(found) for found in parts]
        width = max(counts, default=0)
        filled = [item for found in parts for item in [*found, *[""] * (width - len(found))]]
        shape = inputs[0].shape
        return [_objects(filled, (*shape, width)), np.array(counts, np.int64).reshape(shape)]


@dataclass(frozen=True)
class StringNormalizer(Operator):
    """Strings [C] or [1, C] without the stop words, in another case; one empty string where none is left.

    case_change_action: none, lower or upper. The second input, which may be left out, is the stop words.
    """

    case_change_action: str = "none"
    is_case_sensitive: bool = False

    type = "StringNormalizer"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        one_of(self.case_change_action, ("none", "lower", "upper"), "case_change_action")
        for argument in inputs:
            _require_strings(argument, "data and stop words")
        require_rank(inputs[0], (1, 2), "data")
        shape = inputs[0].shape
        if not shape.has_rank:
            return [TensorType(Type.string, PartialShape.dynamic())]
        if len(shape) == 2 and not shape[0].compatible(Dimension(1)):
            raise ModelError(f"expected data of two dimensions to be [1, C], got {shape}")
        return [TensorType(Type.string, PartialShape([*shape[:-1], Dimension()]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        plain = (lambda text: text) if self.is_case_sensitive else str.lower
        stop = {plain(word) for word in as_text(inputs[1])} if len(inputs) > 1 else set()
        change = {"none": lambda text: text, "lower": str.lower, "upper": str.upper}[self.case_change_action]
        kept = [change(text) for text in as_text(inputs[0]) if plain(text) not in stop] or [""]
        return [_objects(kept, (*inputs[0].shape[:-1], len(kept)))]


@dataclass(frozen=True)
class RegexFullMatch(Operator):
    """Return whether the whole of each string matches a regular expression of RE2's syntax."""

    pattern: Text = Text("")

    type = "RegexFullMatch"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        _require_strings(inputs[0], "data")
        expression(self.pattern)
        return [TensorType(Type.boolean, inputs[0].shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        pattern = expression(self.pattern)
        found = [pattern.matches(text) for text in as_text(inputs[0])]
        return [np.array(found, bool).reshape(inputs[0].shape)]


@dataclass(frozen=True)
class Tokenizer(Operator):
    """The parts of each string of [C] or [N, C] along a new last axis, filled up with `pad_value`.

    separators: regular expressions, of which each in turn divides the parts that those before it leave. tokenexp: one
    whose matches are the parts, where there are no separators; "." for single characters, as a separator "" is. Of
    matches the longest that begins first counts. mincharnum: of how many characters a part has to be. mark: the parts
    stand between the characters 2 and 3.
    """

    separators: tuple[Text, ...]
    tokenexp: Text
    pad_value: Text
    mincharnum: int = 1
    mark: bool = False

    type = "Tokenizer"
    opset = "com.microsoft"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        _require_strings(inputs[0], "data")
        require_rank(inputs[0], (1, 2), "data")
        require(self.mincharnum > 0, f"expected mincharnum to be positive, got {self.mincharnum}")
        require(bool(self.separators) != bool(self.tokenexp), "expected either separators or tokenexp")
        for pattern in (*self.separators, self.tokenexp):
            expression(pattern)
        shape = inputs[0].shape
        return [TensorType(Type.string, PartialShape([*shape, Dimension()]) if shape.has_rank else shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        shape = inputs[0].shape
        if not inputs[0].size:
            return [_objects([], (*shape[:-1], 0))]
        parts = [self._parts(text) for text in as_text(inputs[0])]
        width = max(map(len, parts))
        if self.mark and width:
            parts, width = [["\x02", *found, "\x03"] for found in parts], width + 2
        filled = [item for found in parts for item in [*found, *[self.pad_value] * (width - len(found))]]
        return [_objects(filled, (*shape, width))]

    def _parts(self, text: str) -> list[str]:
        if self.tokenexp == "." or self.separators == ("",):
            return list(text)
        if self.tokenexp:
            found = [text[begin:end] for begin, end in expression(self.tokenexp).spans(text)]
        else:
            found = [text]
            for pattern in map(expression, self.separators):
                found = [part for before in found for part in _between(pattern, before)]
        return [part for part in found if len(part) >= self.mincharnum]


def _between(pattern: Expression, text: str) -> list[str]:
    """What lies between the matches of a pattern."""
    ends = [(0, 0), *pattern.spans(text), (len(text), len(text))]
    return [text[end:start] for (_, end), (start, _) in zip(ends, ends[1:], strict=False)]


@dataclass(frozen=True)
class TfIdfVectorizer(Operator):
    """How often n-grams occur in the rows of x, [C] or [N, C], strings or integers.

    Inputs: x; the n-grams of the pool one after the other, i64 or strings; their weights, f32. ngram_counts: where in
    the pool those of 1, 2, ... items begin; ngram_indexes: the place of each in the output. max_skip_count: how many
    items may lie between two of an n-gram, as many between each two. mode: tf for counts, idf for the weights of those
    that occur, tfidf for counts times weights.
    """

    mode: str
    min_gram_length: int
    max_gram_length: int
    max_skip_count: int
    ngram_counts: tuple[int, ...]
    ngram_indexes: tuple[int, ...]

    type = "TfIdfVectorizer"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        one_of(self.mode, ("tf", "idf", "tfidf"), "mode")
        shortest, longest = self.min_gram_length, self.max_gram_length
        require(0 < shortest <= longest <= len(self.ngram_counts), f"n-grams of {shortest} to {longest} items")
        require(min(self.ngram_indexes, default=0) >= 0 and self.max_skip_count >= 0, "an index or skip is negative")
        require_rank(inputs[0], (0, 1, 2), "x")
        shape = inputs[0].shape
        columns = Dimension(max(self.ngram_indexes, default=-1) + 1)
        if not shape.has_rank:
            return [TensorType(Type.f32, PartialShape.dynamic())]
        return [TensorType(Type.f32, PartialShape([*shape[:-1], columns]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        x, pool, weights = inputs
        places = dict(zip(self._grams(pool.tolist()), self.ngram_indexes, strict=False))
        if len(places) > len(weights):
            raise ModelError(f"{len(places)} n-grams have {len(weights)} weights")
        width = max(self.ngram_indexes, default=-1) + 1
        rows = x.reshape(-1, x.shape[-1]) if x.ndim else x.reshape(1, 1)
        weight = {place: weights[i] for i, place in enumerate(self.ngram_indexes)}
        found = np.zeros((len(rows), width), np.float32)
        for row, items in enumerate(rows.tolist()):
            for gram, count in Counter(self._met(items)).items():
                if gram in places:
                    found[row, places[gram]] += count
        if self.mode != "tf":
            scale = np.array([weight.get(place, 1.0) for place in range(width)], np.float32)
            found = found * scale if self.mode == "tfidf" else (found > 0) * scale
        return [found.reshape(*x.shape[:-1], width).astype(np.float32)]

    def _grams(self, pool: list[bytes]) -> Iterator[tuple[bytes, ...]]:
        """The n-grams of the pool."""
        ends = [*self.ngram_counts[1:], len(pool)]
        for length, (begin, end) in enumerate(zip(self.ngram_counts, ends, strict=True), 1):
            for at in range(begin, end, length):
                yield tuple(pool[at : at + length])

    def _met(self, items: list[bytes]) -> Iterator[tuple[bytes, ...]]:
        """The n-grams in a row of items, each as often as it occurs."""
        for length in range(self.min_gram_length, self.max_gram_length + 1):
            for step in range(1, 2 if length == 1 else self.max_skip_count + 2):
                for at in range(len(items) - (length - 1) * step):
                    yield tuple(items[at : at + (length - 1) * step + 1 : step])
