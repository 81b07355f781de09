"""Tokenizer of com.microsoft, which skl2onnx writes for texts, against onnxruntime."""

import numpy as np
import pytest
from onnx import helper

import ovlite as ov

from .onnx_peers import hold, model_of

TEXTS = np.array(["Hello World", "I love  computer science !", "", "a", "ab,cd; ef", "ünï côde x", "日本 語"], object)
FORMS = {
    "spaces": {"separators": [" "]},
    "several": {"separators": [" ", ",", ";"]},
    "a class": {"separators": ["[ ,;]+"]},
    "characters": {"separators": [""]},
    "any character": {"tokenexp": "."},
    "words": {"tokenexp": "[a-zA-Z]+"},
    "nothing": {"tokenexp": "[0-9]"},
    "the longest alternative": {"tokenexp": "l|lo|[^l\\s]+?"},
    "as many as there are": {"tokenexp": "[a-z]*?"},
    "the longest separator": {"separators": ["l|ll", "o\\b"]},
    "at the beginning": {"tokenexp": "^[^\\s]"},
}


def tokenizer(x, **attributes):
    attributes = {"mark": 0, "mincharnum": 1, "pad_value": "#", **attributes}
    model = model_of("Tokenizer", {"x": x}, ["y"], domain="com.microsoft", **attributes)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return model


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("mark", [0, 1])
def test_parts(form, mark):
    hold(tokenizer(TEXTS, **FORMS[form], mark=mark), {"x": TEXTS})
    square = TEXTS[:6].reshape(3, 2)
    hold(tokenizer(square, **FORMS[form], mark=mark), {"x": square})


@pytest.mark.parametrize("form", ["spaces", "words"])
def test_short_parts_are_left_out(form):
    hold(tokenizer(TEXTS, **FORMS[form], mincharnum=3), {"x": TEXTS})


@pytest.mark.parametrize("shape", [(0,), (0, 2), (2, 0)])
def test_no_texts(shape):
    nothing = np.empty(shape, object)
    hold(tokenizer(nothing, separators=[" "]), {"x": nothing})


@pytest.mark.parametrize(
    "attributes, text",
    [
        ({}, "either separators or tokenexp"),
        ({"separators": [" "], "tokenexp": "a"}, "either separators or tokenexp"),
        ({"separators": [" "], "mincharnum": 0}, "expected mincharnum to be positive, got 0"),
        ({"tokenexp": "("}, "the pattern '\\(' is not one of RE2's: a group has no end"),
    ],
)
def test_what_is_refused(attributes, text):
    with pytest.raises(RuntimeError, match=f"Tokenizer.*{text}"):
        ov.Core().read_model(tokenizer(TEXTS, **attributes).SerializeToString())
