"""A small language for wordings, and its matcher.

A wording is words and slots: "[LENGTH] (to|on) the HAND [side] of REF". Words in capitals are slots, which a reader of
their own fills; [x] may be left out; (x|y) is a choice; <look> is any word of the class "look". A table of wordings
finds the longest that stands at a place of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Slots = dict[str, Any]
# Reads a slot: (name, position) -> the value and where it ends, or None.
SlotReader = Callable[[str, int], "tuple[Any, int] | None"]


@dataclass(frozen=True)
class Match:
    """A wording that was found: what it means, its slots, and where it stands."""

    meaning: str
    slots: Slots
    end: int
    start: int = 0


class Wordings:
    """Wordings by what they mean.

    Args:
        table: meaning -> wordings. A meaning may name slots in braces, "sees {SIDE}", which are filled in.
        classes: name -> the words of a class.
    """

    def __init__(self, table: Mapping[str, Sequence[str]], classes: Mapping[str, frozenset[str]]) -> None:
        self._by_first: dict[str, list[tuple[str, _Node]]] = {}
        for meaning, wordings in table.items():
            for wording in wordings:
                node = _Parser(wording, classes).sequence()
                for first in node.firsts()[0]:
                    self._by_first.setdefault(first, []).append((meaning, node))
        self.slots_first = [first for first in self._by_first if first.isupper()]
        self.words = frozenset(first for first in self._by_first if not first.isupper())

    def match(self, words: Sequence[str], start: int, read: SlotReader) -> Match | None:
        """The longest wording at `start`; of several as long, that of the fewest slots."""
        if start >= len(words):
            return None
        found: Match | None = None
        candidates = list(self._by_first.get(words[start], ()))
        for slot in self.slots_first:
            if read(slot, start) is not None:
                candidates += self._by_first[slot]
        for meaning, node in candidates:
            for end, slots in node.match(words, start, {}, read):
                if words[end : end + 1] == ["'s"]:
                    continue  # "walks on its left" is no "walks on it"
                # Of several as long, that with the fewest slots: "in the open" is no "in REF".
                if found is None or (end, -len(slots)) > (found.end, -len(found.slots)):
                    found = Match(meaning.format(**slots) if "{" in meaning else meaning, slots, end, start)
        return found


class _Node:
    """A piece of a wording: a word, a slot, a sequence or a choice."""

    def __init__(self, words: frozenset[str] = frozenset(), slot: str = "", parts: Sequence[_Node] = ()) -> None:
        self.words, self.slot, self.parts = words, slot, list(parts)
        self.choice = False

    def match(self, words: Sequence[str], at: int, slots: Slots, read: SlotReader) -> Iterator[tuple[int, Slots]]:
        if self.choice:
            for part in self.parts:
                yield from part.match(words, at, slots, read)
        elif self.parts:
            yield from self._match_from(0, words, at, slots, read)
        elif self.slot:
            found = read(self.slot, at)
            if found is not None:
                yield found[1], {**slots, self.slot: found[0]}
        elif not self.words:
            yield at, slots
        elif at < len(words) and words[at] in self.words:
            yield at + 1, slots

    def _match_from(
        self, part: int, words: Sequence[str], at: int, slots: Slots, read: SlotReader
    ) -> Iterator[tuple[int, Slots]]:
        if part == len(self.parts):
            yield at, slots
            return
        for end, filled in self.parts[part].match(words, at, slots, read):
            yield from self._match_from(part + 1, words, end, filled, read)

    def firsts(self) -> tuple[set[str], bool]:
        """The words and slots with which it can begin, and whether it can be empty."""
        if self.choice:
            each = [part.firsts() for part in self.parts]
            return set().union(*(first for first, _ in each)), any(empty for _, empty in each)
        if not self.parts:
            return (set(self.words) | ({self.slot} if self.slot else set())), not (self.words or self.slot)
        found: set[str] = set()
        for part in self.parts:
            first, empty = part.firsts()
            found |= first
            if not empty:
                return found, False
        return found, True


class _Parser:
    """Reads one wording into nodes."""

    def __init__(self, wording: str, classes: Mapping[str, frozenset[str]]) -> None:
        self._wording, self._classes = wording, classes
        self._tokens = re.findall(r"[\[\]()|]|<\w+>|[^\s\[\]()|<>]+", wording)

    def sequence(self, closing: str = "") -> _Node:
        parts: list[_Node] = []
        options: list[_Node] = []
        while self._tokens:
            token = self._tokens.pop(0)
            if token == "|":
                options.append(_Node(parts=parts))
                parts = []
            elif token in ("]", ")"):
                if token != closing:
                    raise ValueError(f"the wording {self._wording!r} has {token!r} where {closing!r} should be")
                return _choice([*options, _Node(parts=parts)])
            elif token in ("[", "("):
                inner = self.sequence("]" if token == "[" else ")")
                parts.append(_choice([inner, _Node()]) if token == "[" else inner)
            elif token.startswith("<"):
                parts.append(_Node(words=self._classes[token[1:-1]]))
            elif token.isupper():
                parts.append(_Node(slot=token))
            else:
                parts.append(_Node(words=frozenset((token,))))
        if closing:
            raise ValueError(f"the wording {self._wording!r} lacks {closing!r}")
        return _choice([*options, _Node(parts=parts)])


def _choice(options: list[_Node]) -> _Node:
    if len(options) == 1:
        return options[0]
    node = _Node(parts=options)
    node.choice = True
    return node
