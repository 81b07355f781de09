"""Regular expressions: RE2's syntax and answers, in a time that patterns can't make explode."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovlite.errors import ModelError
from ovlite.ops import regular_expression
from ovlite.ops.regular_expression import Expression

# What Python's re, with classes of ASCII, means by the same signs.
ATOMS = [
    r"a",
    r"b",
    r"c",
    r".",
    r"\d",
    r"\w",
    r"\s",
    r"\D",
    r"[ab]",
    r"[^a]",
    r"[a-c1]",
    r"[^\w]",
    r"[\d\s]",
    r"^",
    r"$",
    r"\b",
    r"\.",
    r"é",
    r"(?i:B)",
    r"(?s:.)",
    r"(?m:^)",
    r"(?m:$)",
]
REPETITIONS = ["*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,}", "{1,3}?", "{0}"]
PATTERNS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("(?:{0[0]}|{0[1]})".format),
        inner.map("({})".format),
        st.tuples(inner, st.sampled_from(REPETITIONS)).map("(?:{0[0]}){0[1]}".format),
    ),
    max_leaves=12,
)
TEXTS = st.text("abcB1 .\né", max_size=8)


def known(pattern, behind=0):
    """re's, of matches with so many characters behind them; $ is the text's end, and not before its last line's."""
    ends = re.sub(r"(?<!m:)\$", r"\\Z", pattern)
    return re.compile(rf"(?:{ends})(?=(?s:.{{{behind}}})\Z)", re.ASCII)


@given(pattern=PATTERNS, texts=st.lists(TEXTS, min_size=4, max_size=4))
def test_the_same_texts_match_as_with_re(pattern, texts):
    for text in texts:
        assert Expression(pattern).matches(text) == (known(pattern).match(text) is not None)


@given(pattern=PATTERNS, text=TEXTS)
def test_spans_are_the_longest_of_those_that_begin_first(pattern, text):
    expected, at = [], 0
    while at < len(text):
        ends = [end for end in range(at + 1, len(text) + 1) if known(pattern, len(text) - end).match(text, at)]
        expected += [(at, ends[-1])] if ends else []
        at = ends[-1] if ends else at + 1
    assert list(Expression(pattern).spans(text)) == expected


@pytest.mark.parametrize(
    "pattern", ["a*b", "a.*z|[a-z]", "a(aa)*b|ab?", "(aaa)*z|(aaaaa)*y|aa", "a{20,40}b|a", "[ab]*c|ba"]
)
def test_spans_of_texts_in_which_much_is_passed_in_vain(pattern):
    rng = np.random.default_rng(7)
    parts = ["a" * 17, "a" * 40, "ab", "b", "c", "y", "z"]
    for _ in range(30):
        text = "".join(rng.choice(parts, rng.integers(1, 7)))
        at, expected = 0, []
        while at < len(text):
            ends = [end for end in range(at + 1, len(text) + 1) if re.compile(pattern).fullmatch(text, at, end)]
            expected += [(at, ends[-1])] if ends else []
            at = ends[-1] if ends else at + 1
        assert list(Expression(pattern).spans(text)) == expected


def test_spans_of_a_long_text_that_begins_to_match_everywhere():
    """Each place a match might begin at, looked at to the end of the text, would be 5e9 steps."""
    assert list(Expression("a*b").spans("a" * 100_000)) == []
    assert len(list(Expression("a.*z|[a-z]").spans("ab" * 50_000))) == 100_000


# pattern: texts that match, texts that don't; by RE2 itself (google-re2 1.1), where re means something else or nothing.
SYNTAX = {
    r"[[:alpha:]]+": (["aZ"], ["a1", "é", ""]),
    r"[[:^digit:]x]": (["a", "x", "\n"], ["1"]),
    r"[[:foo]+": (["[:f", "oo"], ["b"]),
    r"[]a]*": (["]a"], ["b"]),
    r"[^]a]": (["b"], ["]", "a"]),
    r"[\d-z]": (["-", "z", "4"], ["y"]),
    r"[a-]": (["a", "-"], ["b"]),
    r"\pL\p{Lu}\PN": (["éÉé", "aB "], ["aa ", "AB1"]),
    r"\p{^L}": (["1"], ["a"]),
    r"\p{Any}*": (["a\n"], []),
    r"\Qa.b*\E+": (["a.b*", "a.b**"], ["a.bb", "axb*"]),
    r"\Qa.": (["a."], ["ab"]),
    r"\x41\x{e9}\101\0\08": (["AéA\0\0" + "8"], ["AéA"]),
    r"\a\f\n\r\t\v\_\-": (["\a\f\n\r\t\v_-"], [""]),
    r"\s": (list(" \t\n\f\r"), ["\v", "\xa0"]),
    r"a{,2}": (["a{,2}"], ["a", "aa", ""]),
    r"a{01}": (["a{01}"], ["a"]),
    r"a{2,": (["a{2,"], ["aa"]),
    r"(?i)k[s]é(?-i:a)(?i-s:.)": (["KſÉab", "\u212aSéab"], ["kséAb", "kséa\n"]),
    r"a(?i)b(c(?-i)d)E": (["aBCde", "abcdE"], ["Abcde", "abCDe"]),
    r"(?i)\W": ([" "], ["\u212a", "ſ", "k"]),
    r"(?i)\p{Lu}": (["a"], ["1"]),
    r"(?U)a+?": (["aa"], [""]),
    r"(?P<n>a)(?<m>b)": (["ab"], []),
    r"\B": ([""], []),
    r"(?m)a$\n^b": (["a\nb"], ["ab"]),
    r"a$\n": ([], ["a\n", "a"]),
    r"(|a)+b": (["b", "aab"], [""]),
    r"(a*)*(^)*": (["", "aa"], ["b"]),
    r"": ([""], ["a"]),
}


@pytest.mark.parametrize("pattern", SYNTAX)
def test_syntax(pattern):
    expression = Expression(pattern)
    for texts, expected in zip(SYNTAX[pattern], (True, False), strict=True):
        assert [expression.matches(text) for text in texts] == [expected] * len(texts)


REFUSED = {
    r"(a)\1": r"the escape \\1",
    r"\8": r"the escape \\8",
    r"\Z": r"the escape \\Z",
    r"\q": r"the escape \\q",
    r"\é": r"the escape \\é",
    r"\C": r"the escape \\C",
    r"\x{110000}": r"the escape \\x110000",
    r"\x{}": r"the escape \\x",
    r"[a-\d]": r"the escape \\d",
    "a\\": "an escape has no end",
    "(?=a)": r"a group begins with \(\?=",
    "(?!a)": r"a group begins with \(\?!",
    "(?>a)": r"a group begins with \(\?>",
    "(?<=a)b": "a name has no end",
    "(?P=n)": r"a group begins with \(\?P",
    "(?i-)": r"a group begins with \(\?i-",
    "(?i-s-m)": r"a group begins with \(\?i-s-",
    "(?P<n>a)(?P<n>b)": "a group has the name 'n'",
    "(?i": "a group has no end",
    "(a": "a group has no end",
    "a)": "a group ends that has not begun",
    "[a": "a set of characters has no end",
    "[]": "a set of characters has no end",
    "[b-a]": "the range b-a",
    "[[:foo:]]": r"the set \[:foo:\] is not known",
    r"\p{Foo}": "the category 'Foo' is not known",
    "*a": "a repetition repeats nothing",
    "a|*": "a repetition repeats nothing",
    "a**": "a repetition is repeated",
    "a{2}{2}": "a repetition is repeated",
    "a*?+": "a repetition is repeated",
    "a{2,1}": r"a repetition of \{2,1\}",
    "a{1001}": r"a repetition of \{1001,1001\}",
    "a{1001,}": r"a repetition of \{1001,\}",
    "((a{10}){10}){11}": r"a repetition of \{11,11\}",
    "(?:" * 1001 + ")" * 1001: "groups are nested deeper than 1000",
    "abcdefghijk" * 1000: "more than 10000 instructions",
    "(?:abcdefghijk){1000}": "more than 10000 instructions",
    "|" * 5001: "more than 10000 instructions",
    "(" + "|" * 2500 + ")|" + "|" * 2501: "more than 10000 instructions",
}


@pytest.mark.parametrize("pattern", REFUSED, ids=[pattern[:20] for pattern in REFUSED])
def test_what_is_refused(pattern):
    with pytest.raises(ModelError, match=rf"the pattern '.*' is not one of RE2's: .*{REFUSED[pattern]}"):
        Expression(pattern)


def test_bounds_are_reached():
    assert Expression("a{1000}").matches("a" * 1000)
    assert not Expression("((a{10}){10}){10}").matches("a" * 999)
    assert Expression("(?:" * 999 + "a" + ")" * 999).matches("a")
    assert Expression("(" + "|" * 2499 + "a)|" + "|" * 2499 + "b").matches("b")


def test_sets_whose_names_have_no_end():
    """Each may be one until the pattern's end, which is not searched anew for each of 2 ** 19 of them."""
    assert Expression("[" + "[:" * (1 << 19) + "a]").matches(":")


def test_what_is_refused_is_shown_shortened():
    for pattern in ("[[:" + "a" * 1000 + ":]]", "(?P<" + "a-" * 1000 + ">a)", "(" + "?" * 1000 + "a" * 1000):
        with pytest.raises(ModelError) as raised:
            Expression(pattern)
        assert len(str(raised.value)) < 300


@pytest.mark.parametrize(
    "pattern, text, expected",
    [
        ("(a+)+", "a" * 1000 + "b", False),
        ("(a|a)*b", "a" * 1000, False),
        ("(a|aa)+", "a" * 1000, True),
        ("(.*)*(.*)*(.*)*x", "a" * 1000, False),
        ("(?:a?){60}a{60}", "a" * 60, True),
    ],
)
def test_patterns_on_which_backtracking_never_ends(pattern, text, expected):
    assert Expression(pattern).matches(text) == expected


def test_the_automaton_is_bounded(monkeypatch):
    """One of 2 ** 12 states, for the last 12 characters."""
    monkeypatch.setattr(regular_expression, "MOST_KEPT", 1000)
    expression = Expression("(?:a|b)*a(?:a|b){11}")
    bits = np.random.default_rng(5).integers(0, 2, 300)
    text = "".join("ab"[bit] for bit in bits)
    assert all(expression.matches(text[:end]) == (text[end - 12] == "a") for end in range(100, 300, 7))
    states = expression._states.values()
    assert sum(len(state.threads) + len(state) for state in states) < 3000
