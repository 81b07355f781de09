"""The syntax of regular expressions: parse() makes a program of a pattern."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NoReturn

from ..errors import ModelError
from ..records import dataclass

BEGIN, END = "begin", ""  # in the place of a character
MOST_REPEATED = 1000  # RE2's limit, for repetitions within one another multiplied
MOST_NESTED = 1000
MOST_INSTRUCTIONS = 10_000

_LAST, _LAST_WITH_CASE = 0x10FFFF, 0x1E943
_COUNTS = re.compile(r"\{(0|[1-9][0-9]{0,7})(?:(,)(0|[1-9][0-9]{0,7})?)?\}")
_NAMES = {
    "alnum": "09AZaz", "alpha": "AZaz", "ascii": "\0\x7f", "blank": "\t\t  ", "cntrl": "\0\x1f\x7f\x7f", "digit": "09",
    "graph": "!~", "lower": "az", "print": " ~", "punct": "!/:@[`{~", "space": "\t\r  ", "upper": "AZ",
    "word": "09AZ__az", "xdigit": "09AFaf",
}  # fmt: skip
_ESCAPED = {"d": "09", "s": "\t\n\f\r  ", "w": "09AZ__az"}
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CATEGORIES = " L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp C Cc Cf Co Cs "


@dataclass(frozen=True)
class Chars:
    """A set of characters: ranges, other sets, those of one of Unicode's categories; or all but these."""

    ranges: tuple[tuple[str, str], ...] = ()
    others: tuple[Chars, ...] = ()
    category: str = ""
    negated: bool = False
    folds: bool = False

    def holds(self, character: str) -> bool:
        """Whether a character is in it; where it folds, whether one is that differs in case."""
        forms = _cases().get(character, character) if self.folds else character
        found = any(low <= form <= high for form in forms for low, high in self.ranges)
        found = found or any(other.holds(character) for other in self.others)
        if self.category and not found:
            found = any(unicodedata.category(form).startswith(self.category) for form in forms)
        return found != self.negated


@lru_cache(1)
def _cases() -> dict[str, str]:
    """The characters that differ in case alone, by each of them that isn't its own lower and upper case."""
    found: dict[str, str] = {}
    for character in map(chr, range(_LAST_WITH_CASE + 1)):
        upper = character.upper()
        lower = (upper if len(upper) == 1 else character).lower()
        if len(lower) == 1 and (lower != character or upper != character):
            found[lower] = found.get(lower, "") + character
    return {character: same for same in found.values() for character in same}


# An instruction takes a character, asserts something of the place (A and z of the text, ^ and $ of a line, b, B), or
# goes on at one or two distances.
Instruction = Chars | str | tuple[int, ...]
Code = list[Instruction]


@dataclass
class _Atom:
    """What a repetition repeats. repeated: by how much repetitions within multiply it."""

    code: Code
    repeated: int = 1


class _Group:
    """What has been read of a group: alternatives, of which the last one is open."""

    def __init__(self, flags: frozenset[str]) -> None:
        self.alternatives: list[list[_Atom]] = [[]]
        self.flags = flags  # of what is around it

    def close(self) -> _Atom:
        atoms = [atom for atoms in self.alternatives for atom in atoms]
        codes: list[Code] = [[i for atom in atoms for i in atom.code] for atoms in self.alternatives]
        size = sum(map(len, codes)) + 2 * len(codes) - 2
        code: Code = []
        for alternative in codes[:-1]:
            code += [(1, len(alternative) + 2), *alternative]
            code.append((size - len(code),))
        return _Atom(code + codes[-1], max((atom.repeated for atom in atoms), default=1))


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.pattern, self.at = pattern, 0
        self.last_name = pattern.rfind(":]")  # where the last one of a set ends
        self.flags: frozenset[str] = frozenset()
        self.groups = [_Group(self.flags)]
        self.names: set[str] = set()
        self.size = 0

    def refuse(self, why: str) -> NoReturn:
        shown = [text if len(text) <= 100 else text[:100] + "..." for text in (self.pattern, why)]
        raise ModelError(f"the pattern {shown[0]!r} is not one of RE2's: {shown[1]}")

    def takes(self, text: str) -> bool:
        """Whether the pattern goes on with a text, which is read then."""
        found = self.pattern.startswith(text, self.at)
        self.at += len(text) * found
        return found

    def next(self, within: str) -> str:
        """The next character."""
        if self.at >= len(self.pattern):
            self.refuse(f"{within} has no end")
        self.at += 1
        return self.pattern[self.at - 1]

    def until(self, end: str, within: str) -> str:
        begin, self.at = self.at, self.pattern.find(end, self.at)
        if self.at < 0:
            self.refuse(f"{within} has no end")
        self.at += len(end)
        return self.pattern[begin : self.at - len(end)]

    def add(self, *code: Instruction) -> None:
        self.push(_Atom(list(code)))

    def push(self, atom: _Atom) -> None:
        self.grow(len(atom.code))
        self.groups[-1].alternatives[-1].append(atom)

    def grow(self, size: int) -> None:
        """Makes the program, whose atoms and alternatives have been counted so far, longer."""
        self.size += size
        if self.size > MOST_INSTRUCTIONS:
            self.refuse(f"it takes more than {MOST_INSTRUCTIONS} instructions")

    def pop(self) -> _Atom:
        atoms = self.groups[-1].alternatives[-1]
        if not atoms:
            self.refuse("a repetition repeats nothing")
        self.size -= len(atoms[-1].code)
        return atoms.pop()

    def literal(self, character: str) -> None:
        self.add(Chars(((character, character),), folds="i" in self.flags))

    def parse(self) -> Code:
        repeats = False  # whether a repetition has just been read
        while self.at < len(self.pattern):
            bounds = self.repetition()
            if bounds and repeats:
                self.refuse("a repetition is repeated")
            repeats = bool(bounds)
            if bounds:
                self.repeat(*bounds)
            else:
                self.item(self.next("the pattern"))
        if len(self.groups) > 1:
            self.refuse("a group has no end")
        return self.groups[0].close().code

    def item(self, c: str) -> None:
        """What is no repetition."""
        if c == "(":
            self.open()
        elif c == ")":
            if len(self.groups) == 1:
                self.refuse("a group ends that has not begun")
            group = self.groups.pop()
            self.flags = group.flags
            atom = group.close()
            self.size -= len(atom.code)
            self.push(atom)
        elif c == "|":
            self.grow(2)  # goes on at both, and behind the last
            self.groups[-1].alternatives.append([])
        elif c == ".":
            self.add(Chars((("\n", "\n"),) if "s" not in self.flags else (), negated=True))
        elif c in "^$":
            self.add(c if "m" in self.flags else "A" if c == "^" else "z")
        elif c == "[":
            self.add(self.bracket())
        elif c == "\\":
            self.escape()
        else:
            self.literal(c)

    def open(self) -> None:
        """A group, behind its parenthesis."""
        flags = self.flags
        if self.takes("?P<") or self.takes("?<"):
            name = self.until(">", "a name")
            if not (name.isidentifier() or name.isalnum()) or name in self.names:
                self.refuse(f"a group has the name {name!r}")
            self.names.add(name)
        elif self.takes("?"):
            on, _, off = self.flag_letters().partition("-")
            flags = (flags | set(on)) - set(off)
            if self.pattern[self.at - 1] == ")":
                self.flags = flags
                return
        if len(self.groups) > MOST_NESTED:
            self.refuse(f"groups are nested deeper than {MOST_NESTED}")
        self.groups.append(_Group(self.flags))
        self.flags = flags

    def flag_letters(self) -> str:
        """Those before a colon or the end of a group, such as i-s."""
        given = ""
        while (c := self.next("a group")) not in ":)":
            if c not in "imsU-" or (c == "-" and "-" in given):
                self.refuse(f"a group begins with (?{given}{c}")
            given += c
        if given.endswith("-"):
            self.refuse(f"a group begins with (?{given}")
        return given

    def repetition(self) -> tuple[int, int | None] | None:
        """(least, most) of a repetition, if that is what comes; its laziness has no effect on what matches."""
        bounds: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        c = self.pattern[self.at]
        if c in bounds:
            self.at += 1
            found = bounds[c]
        elif counts := _COUNTS.match(self.pattern, self.at):
            self.at = counts.end()
            least, comma, most = counts.groups()
            found = int(least), int(most or least) if most or not comma else None
        else:
            return None
        self.takes("?")
        return found

    def repeat(self, least: int, most: int | None) -> None:
        """The last atom, repeated."""
        atom = self.pop()
        times = least if most is None else most
        atom.repeated *= max(times, 1)
        if times < least or times > MOST_REPEATED or atom.repeated > MOST_REPEATED:
            self.refuse(f"a repetition of {{{least},{'' if most is None else most}}} times")
        code = atom.code
        if self.size + (len(code) + 1) * max(times, 1) > MOST_INSTRUCTIONS:
            self.refuse(f"it takes more than {MOST_INSTRUCTIONS} instructions")
        found = code * least
        if most is None:
            found += [(1, len(code) + 2), *code, (-len(code) - 1,)]
        else:
            for rest in range(most - least, 0, -1):  # each may be left out, with all that follow
                found += [(1, rest * (len(code) + 1)), *code]
        self.push(_Atom(found, atom.repeated))

    def escape(self) -> None:
        """What follows a backslash outside of brackets."""
        c = self.next("an escape")
        if c in "AzbB":
            self.add(c)
        elif c == "Q":
            end = self.pattern.find("\\E", self.at)
            text = self.pattern[self.at : end if end >= 0 else None]
            self.at += len(text) + 2 * (end >= 0)
            for character in text:
                self.literal(character)
        else:
            chars = self.set(c)
            if chars is None:
                self.literal(self.character(c))
            else:
                self.add(chars)

    def set(self, c: str) -> Chars | None:
        """That of an escape such as d, if it is one."""
        if c.lower() in _ESCAPED:
            return Chars(_pairs(_ESCAPED[c.lower()]), negated=c.isupper(), folds="i" in self.flags)
        if c not in "pP":
            return None
        name = self.next("a category")
        if name == "{":
            name = self.until("}", "a category")
        negated = (c == "P") != name.startswith("^")
        name = name.removeprefix("^")
        if name == "Any":
            return Chars(negated=not negated)
        if f" {name} " not in _CATEGORIES:
            self.refuse(f"the category {name!r} is not known")
        return Chars(category=name, negated=negated, folds="i" in self.flags)

    def character(self, c: str) -> str:
        """The one that an escape stands for."""
        if c in _CONTROLS:
            return _CONTROLS[c]
        if c == "x":
            first = self.next("an escape")
            digits = self.until("}", "an escape") if first == "{" else first + self.next("an escape")
            if not 0 < len(digits) <= 8 or set(digits) - set("0123456789abcdefABCDEF") or int(digits, 16) > _LAST:
                self.refuse(f"the escape \\x{digits}")
            return chr(int(digits, 16))
        digits = c
        while len(digits) < 3 and (following := self.pattern[self.at : self.at + 1]) and following in "01234567":
            if c not in "01234567":
                break
            digits += following
            self.at += 1
        if c == "0" or len(digits) > 1:
            return chr(int(digits, 8))
        if not c.isascii() or c.isalnum():
            self.refuse(f"the escape \\{c}")
        return c

    def bracket(self) -> Chars:
        """The set behind an opening bracket."""
        negated = self.takes("^")
        ranges: list[tuple[str, str]] = []
        others: list[Chars] = []
        first = True
        while (c := self.next("a set of characters")) != "]" or first:
            first = False
            if (other := self.member(c)) is not None:
                others.append(other)
                continue
            low = high = self.single(c)
            if self.pattern[self.at : self.at + 1] == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self.single(self.next("a set of characters"))
            if high < low:
                self.refuse(f"the range {low}-{high}")
            ranges.append((low, high))
        return Chars(tuple(ranges), tuple(others), negated=negated, folds="i" in self.flags)

    def member(self, c: str) -> Chars | None:
        """A set within brackets, if one begins with that character: [:alpha:], or an escape."""
        following = self.pattern[self.at : self.at + 1]
        if c == "[" and following == ":" and self.at < self.last_name:
            self.at += 1
            name = self.until(":]", "a name")
            if name.removeprefix("^") not in _NAMES:
                self.refuse(f"the set [:{name}:] is not known")
            ranges = _pairs(_NAMES[name.removeprefix("^")])
            return Chars(ranges, negated=name.startswith("^"), folds="i" in self.flags)
        if c == "\\" and following and following in "dDsSwWpP":
            self.at += 1
            return self.set(following)
        return None

    def single(self, c: str) -> str:
        """The character within brackets that begins with that one."""
        return self.character(self.next("an escape")) if c == "\\" else c


def _pairs(ends: str) -> tuple[tuple[str, str], ...]:
    return tuple(zip(ends[::2], ends[1::2], strict=True))


def parse(pattern: str) -> Code:
    """The program of a pattern; the place behind its end is that of a match. Raises ModelError for one that RE2
    refuses, or whose program is too long.
    """
    return _Parser(pattern).parse()
