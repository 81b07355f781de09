"""Regular expressions as ONNX means them, RE2's, in time that grows evenly with pattern and text.

The syntax is that of github.com/google/re2/wiki/Syntax without scripts such as \\p{Greek} and \\C. A pattern becomes a
program of Thompson's construction, which parse() makes; an Expression runs it on all its threads at once and keeps what
it finds as a deterministic automaton, within bounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from .regular_syntax import BEGIN, END, Chars, parse

MOST_KEPT = 200_000  # threads and transitions of the automaton, before it is begun anew
NOTED = 16  # of so many places one is noted with the states that lead nowhere
_WORD = Chars((("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z")))


class _State(dict[str, "tuple[bool, _State]"]):
    """By the next character, "" at the end: whether the text before it matches, and the state behind it.

    threads: where in the program the threads are, before they have jumped. before: the character before, as far as
    assertions look at it.
    """

    def __init__(self, expression: Expression, threads: frozenset[int], before: str) -> None:
        self.expression, self.threads, self.before = expression, threads, before

    def __missing__(self, after: str) -> tuple[bool, _State]:
        found: tuple[bool, _State] = self.expression.step(self, after)
        self[after] = found
        return found


class Expression:
    """A compiled pattern. Raises ModelError for one that RE2 refuses, or whose program is too long."""

    def __init__(self, pattern: str) -> None:
        self._code = [*parse(pattern), Chars()]  # at its end nothing follows
        self._looks = any(isinstance(instruction, str) for instruction in self._code)
        self._states: dict[tuple[frozenset[int], str], _State] = {}
        self._kept = 0

    def matches(self, text: str) -> bool:
        """Whether the whole text matches."""
        state = self._state(frozenset([0]), BEGIN)
        for character in text:
            state = state[character][1]
            if not state.threads:
                return False
        return state[END][0]

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """(begin, end) of the matches that aren't empty, first of those that begin first the longest.

        The time grows evenly with the text's length, for a pattern whose automaton is small. What was passed in vain
        behind a match, or for none, is noted and not passed again (Reps, "Maximal munch" tokenization in linear time,
        1998).
        """
        at = 0
        vain: dict[int, dict[int, _State]] = {}
        while at < len(text):
            end = self._longest(text, at, vain)
            if end > at:
                yield at, end
            at = max(end, at + 1)

    def _longest(self, text: str, begin: int, vain: dict[int, dict[int, _State]]) -> int:
        """Where the longest match that begins there ends; 0 for none.

        vain: by place and id, states from which nothing more matches; those that this search passes are put there.
        """
        state = self._state(frozenset([0]), text[begin - 1] if begin else BEGIN)
        end = 0
        passed = []
        for at in range(begin, len(text)):
            if at % NOTED == 0:
                if id(state) in vain.get(at, ()):
                    break
                passed.append((at, state))
            matched, state = state[text[at]]
            if matched:
                end = at
            if not state.threads:
                break
        else:
            if state[END][0]:
                return len(text)
        for at, state in passed:
            if at > end:
                vain.setdefault(at, {})[id(state)] = state
        return end

    def _state(self, threads: frozenset[int], before: str) -> _State:
        before = before if self._looks else END
        found = self._states.get((threads, before))
        if found is None:
            found = self._states[threads, before] = _State(self, threads, before)
        return found

    def step(self, state: _State, after: str) -> tuple[bool, _State]:
        """What a state does with a character."""
        here = self._jumped(state.threads, state.before, after)
        moved = frozenset(at + 1 for at in here if isinstance(c := self._code[at], Chars) and after and c.holds(after))
        self._kept += len(moved) + 1
        if self._kept > MOST_KEPT:
            for old in list(self._states.values()):
                old.clear()
            self._states.clear()
            self._kept = 0
        return len(self._code) - 1 in here, self._state(moved, after)

    def _jumped(self, threads: frozenset[int], before: str, after: str) -> set[int]:
        """Where the threads wait for a character, or are at the end, between two characters."""
        waiting, seen, ahead = set(), set(threads), list(threads)
        while ahead:
            at = ahead.pop()
            instruction = self._code[at]
            if isinstance(instruction, tuple):
                targets = [at + distance for distance in instruction]
            elif isinstance(instruction, str):
                targets = [at + 1] if _holds(instruction, before, after) else []
            else:
                waiting.add(at)
                continue
            ahead += [target for target in targets if target not in seen]
            seen.update(targets)
        return waiting


def _holds(assertion: str, before: str, after: str) -> bool:
    """Whether an assertion, named as its escape or as ^ and $ of lines, holds between two characters."""
    if assertion in "bB":
        words = [bool(c) and c != BEGIN and _WORD.holds(c) for c in (before, after)]
        return (words[0] != words[1]) == (assertion == "b")
    if assertion in "A^":
        return before == BEGIN or (assertion == "^" and before == "\n")
    return after == END or (assertion == "$" and after == "\n")


@lru_cache(64)
def expression(pattern: str) -> Expression:
    """That of a pattern; the last ones are kept."""
    return Expression(pattern)
