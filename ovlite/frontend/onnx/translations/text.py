"""Operators on strings."""

from __future__ import annotations

import numpy as np

from ....errors import ModelError
from ....graph import Constant, Node, Output
from ....ops.declare import Text
from ....ops.text import (
    CastFromString,
    CastToString,
    RegexFullMatch,
    StringConcat,
    StringNormalizer,
    StringSplit,
    TfIdfVectorizer,
    Tokenizer,
)
from ....types import Type
from ..build import ints, of_type, one
from ..call import Call, Translated, Translation


def cast_strings(value: Output, wanted: Type) -> Output:
    """A cast from or to strings."""
    if value.element_type is Type.string:
        return one(Node(CastFromString(wanted), [value]))
    if value.element_type is Type.dynamic:
        raise ModelError("the element type that is cast to strings is not known")
    return one(Node(CastToString(value.element_type), [value]))


def texts(values: list[str]) -> Output:
    """A constant of strings, [n]."""
    return Constant.of(np.array(values, object).reshape(-1), Type.string).output(0)


def string_concat(call: Call) -> Translated:
    return Node(StringConcat(), [call.input(0), call.input(1)])


def string_split(call: Call) -> Translated:
    return Node(StringSplit(Text(call.text("delimiter", "")), call.integer("maxsplit", -1)), [call.input(0)])


def string_normalizer(call: Call) -> Translated:
    """The locale is not looked at: upper and lower case are Unicode's."""
    call.without_effect("locale")
    stop = call.texts("stopwords", [])
    action = call.text("case_change_action", "NONE").lower()
    return Node(StringNormalizer(action, call.flag("is_case_sensitive")), [call.input(0), texts(stop)])


def regex_full_match(call: Call) -> Translated:
    return Node(RegexFullMatch(Text(call.text("pattern"))), [call.input(0)])


def tokenizer(call: Call) -> Translated:
    """That of com.microsoft."""
    separators = tuple(map(Text, call.texts("separators", [])))
    pad, least = Text(call.text("pad_value")), call.integer("mincharnum")
    made = Tokenizer(separators, Text(call.text("tokenexp", "")), pad, least, call.flag("mark"))
    return Node(made, [call.input(0)])


def tfidf_vectorizer(call: Call) -> Translated:
    strings, numbers = call.texts("pool_strings", []), call.integers("pool_int64s", [])
    if bool(strings) == bool(numbers):
        raise ModelError("either pool_strings or pool_int64s holds the n-grams")
    indexes = call.integers("ngram_indexes")
    weights = call.decimals("weights", [1.0] * len(indexes))
    if len(weights) != len(indexes):
        raise ModelError(f"expected a weight for each of {len(indexes)} ngram_indexes, got {len(weights)}")
    operator = TfIdfVectorizer(
        call.text("mode").lower(), call.integer("min_gram_length"), call.integer("max_gram_length"),
        call.integer("max_skip_count"), tuple(call.integers("ngram_counts")), tuple(indexes),
    )  # fmt: skip
    pool = texts(strings) if strings else ints(numbers)
    return Node(operator, [call.input(0), pool, of_type(weights, Type.f32)])


OPERATORS: dict[str, Translation] = {
    "RegexFullMatch": regex_full_match,
    "StringConcat": string_concat,
    "StringNormalizer": string_normalizer,
    "StringSplit": string_split,
    "TfIdfVectorizer": tfidf_vectorizer,
}
