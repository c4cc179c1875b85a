"""What a piece of a scene text may be, one character at a time: a phrase of a list, a number, a new word, a quote.

A lexer is asked with the state in which it is: `step` gives the state after one more character, None where nothing
that is right begins so; `done` gives what was read where it may end here; `finish` the characters to an end. Of the
characters in `inside` any may come, as many as `room` says. Nothing that comes after a lexer begins with one of
`unending`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable

LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
QUOTED = LETTERS | frozenset(" ,'-")
NOTHING: frozenset[str] = frozenset()
DIGITS = frozenset("0123456789")
ALPHABET = QUOTED | DIGITS | frozenset('."\n')  # of all texts

MAX_WORD = 24
MAX_NAME = 16  # letters
MAX_QUOTE = 60


Range = tuple[int, int, int]


class PhraseList:
    """A sorted list of phrases as a trie, whose nodes are made when they are first come to. A node is the range of the
    list that begins alike, and the number of characters that it has alike."""

    def __init__(self, phrases: Iterable[str]):
        self.phrases = sorted(phrases)
        self.start: Range = (0, len(self.phrases), 0)
        self._following: dict[Range, dict[str, Range]] = {}

    def following(self, place: Range) -> dict[str, Range]:
        """The nodes after one more character."""
        found = self._following.get(place)
        if found is None:
            found = self._following[place] = {}
            low, high, depth = place
            while low < high and len(self.phrases[low]) == depth:
                low += 1
            while low < high:
                alike = self.phrases[low][: depth + 1]
                end = bisect_left(self.phrases, alike[:-1] + chr(ord(alike[-1]) + 1), low, high)
                found[alike[-1]] = (low, end, depth + 1)
                low = end
        return found


class Phrases:
    """One phrase of a list. allowed: which of them may be written, where that is not all. State: see PhraseList."""

    inside = unending = NOTHING

    def __init__(self, phrases: PhraseList | Iterable[str], allowed: Callable[[str], bool] | None = None):
        self.list = phrases if isinstance(phrases, PhraseList) else PhraseList(phrases)
        self.allowed = allowed
        self.start = self.list.start

    def step(self, state: Range, char: str) -> Range | None:
        new = self.list.following(state).get(char)
        if new is None or self.allowed is None:
            return new
        return new if any(map(self.allowed, self.list.phrases[new[0] : new[1]])) else None

    def done(self, state: Range) -> str | None:
        low, high, depth = state
        if low == high:
            return None
        phrase = self.list.phrases[low]
        return phrase if len(phrase) == depth and (self.allowed is None or self.allowed(phrase)) else None

    def finish(self, state: Range) -> str:
        low, high, depth = state
        within = self.list.phrases[low:high]
        return next(phrase[depth:] for phrase in within if self.allowed is None or self.allowed(phrase))


class Number:
    """A number from `low` to `high` (at least 0.01 but for 0, below 1000) with at most two decimals, but not `without`.
    State: what was read of it."""

    inside = unending = NOTHING
    start = ""

    def __init__(self, low: float, high: float, without: float | None = None):
        self.low, self.high, self.without = low, high, without

    def step(self, state: str, char: str) -> str | None:
        text = state + char
        if not re.fullmatch(r"(0|[1-9][0-9]{0,2})([.][0-9]{0,2})?", text):
            return None
        whole, point, decimals = text.partition(".")
        if float(f"{whole}.{decimals or 0}") > self.high:
            return None
        if point and len(decimals) == 2:
            return text if self.done(text) else None
        if point and float(f"{whole}.{decimals:9<2}") < self.low:
            return None
        return text

    def done(self, state: str) -> str | None:
        if not state or state[-1] == ".":
            return None
        value = float(state)
        return state if self.low <= value <= self.high and value != self.without else None

    def finish(self, state: str) -> str:
        if self.done(state):
            return ""
        for more in ("1", "2", "0", "5", "9", ".5", ".99", ".01", "99", "01"):
            text: str | None = state
            for char in more:
                text = self.step(text, char) if text is not None else None
            if text is not None and self.done(text):
                return more
        raise AssertionError(f"the number {state!r} has no end from {self.low:g} to {self.high:g}")


class NewWord:
    """A word of letters that is not in the lists. allowed: whether it may be taken, as one of MAX_WORD letters always
    may. State: what was read of it."""

    inside = unending = LETTERS
    start = ""

    def __init__(self, allowed: Callable[[str], bool]):
        self.allowed = allowed

    def step(self, state: str, char: str) -> str | None:
        if char not in LETTERS or len(state) == MAX_WORD:
            return None
        return state + char

    def done(self, state: str) -> str | None:
        return state if len(state) > 2 and self.allowed(state) else None

    def finish(self, state: str) -> str:
        return next(
            more for more in (n * letter for letter in "aqz" for n in range(MAX_WORD)) if self.done(state + more)
        )

    def room(self, state: str) -> int:
        """How many more characters of `inside` are surely right."""
        return MAX_WORD - len(state)


_NAME = re.compile(rf"[a-z]{{1,{MAX_NAME}}}(-?|-?[1-9][0-9]?)")


class Name:
    """A name for a thing: letters, maybe a hyphen, and a number; none of those taken. State: what was read of it."""

    inside = unending = LETTERS
    start = ""

    def __init__(self, taken: Collection[str]):
        self.taken = taken

    def step(self, state: str, char: str) -> str | None:
        name = state + char
        if not _NAME.fullmatch(name):
            return None
        if name[-1].isdigit() and not self.done(name):
            return name if name[-2] not in DIGITS and any(self.done(name + digit) for digit in DIGITS) else None
        return name

    def done(self, state: str) -> str | None:
        return state if state and state[-1].isdigit() and state not in self.taken else None

    def finish(self, state: str) -> str:
        if self.done(state):
            return ""
        last = state[-1:].isdigit()
        mores = (str(n) for n in (range(10) if last else range(1, 100)))
        return next(more for more in (mores if state else (f"thing{n}" for n in mores)) if self.done(state + more))

    def room(self, state: str) -> int:
        return MAX_NAME - len(state) if not state or state[-1] in LETTERS else 0


class Quote:
    """What was said of a thing, up to the closing quote; the opening one is read already. State: what was read, with
    the closing quote."""

    inside, unending = QUOTED, NOTHING
    start = ""

    def step(self, state: str, char: str) -> str | None:
        if state[-1:] == '"' or (char == '"' and not state):
            return None
        if char != '"' and (char not in QUOTED or len(state) == MAX_QUOTE):
            return None
        return state + char

    def done(self, state: str) -> str | None:
        return state[:-1] if state[-1:] == '"' else None

    def finish(self, state: str) -> str:
        return "" if state[-1:] == '"' else '"' if state else 'plain"'

    def room(self, state: str) -> int:
        return 0 if state[-1:] == '"' else MAX_QUOTE - len(state)
