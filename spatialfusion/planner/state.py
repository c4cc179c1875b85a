"""A sentence while it is read: its words, what they are at a place, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import numbers, vocabulary
from .agreement import after_one
from .apposition import name_members
from .clause import Clause
from .draft import Draft, Relation, Thing
from .folding import fold
from .mentions import Mentions
from .nouns import Mention, read_mention
from .patterns import Match
from .slots import SLOTS
from .wordings import CLASSES
from .words import FOLD

_OWNS = {"it": "its", "them": "their", "him": "his", "her": "her"}


def as_written(words: Sequence[str]) -> list[str]:
    """Words of a sentence as people write them: "its nose", which the wordings have as "it 's nose"."""
    said: list[str] = []
    for word in words:
        if word == "'s" and said and said[-1] in _OWNS:
            said[-1] = _OWNS[said[-1]]
        else:
            said.append(word)
    return said


class Sentence:
    """A sentence while it is read: its words, what they are at a place, and what is remembered of it."""

    def __init__(self, draft: Draft, mentions: Mentions, names: frozenset[str] = frozenset()) -> None:
        self.draft, self.mentions, self._names = draft, mentions, names
        self._said: dict[int, list[Thing]] = {}  # things of references that were resolved ahead, by where they stand
        self.words: list[str] = []
        self._written: dict[str, str] = {}  # words of the wordings, and those that were written for them
        self.topic: list[Thing] = []
        self._place_before = False
        self._place_end = -1
        self._begun = 0  # relations before this sentence
        self._each_from = 0  # where the words about "each" begin
        self._paired = False  # whether each subject of the relation now said has a reference of its own
        self._inverted = False  # whether the place now said stood before its subject
        self._sided: list[Thing] = []  # of "on one side of the table", until "on the other side"
        self._topic_before: list[Thing] = []  # of the sentence before
        self._elliptic: list[Relation] = []  # of the sentence before, if it had no verb and its place stood first
        self._turned: list[Thing] = []  # of whose own sides the sentence before spoke last
        self._cache: dict[tuple[str, int], tuple[Any, int] | None] = {}
        self._clause = Clause()

    def begin(self, words: Sequence[str]) -> list[str]:
        """Take up a sentence, given as tokens; return its words as the wordings have them."""
        self.words = fold(words, self.draft, self._names, self.mentions.known)
        if not self.mentions.known:
            self.words = name_members(self.words)
        self._written = {
            new: old for old in reversed(words) for new in FOLD.get(old, old).split() if new != old and new not in words
        }
        self._cache.clear()
        self._agree()
        self._said.clear()
        self._begun = len(self.draft.relations)
        self.mentions.each = []
        self._topic_before = self.draft.expand(self.topic)
        turned = [r for r in self._clause.last if r.kind.startswith(("own_", "sees_"))]
        self._turned = turned[-1].references or [turned[-1].subject] if turned else []
        self._elliptic = self._clause.last if self._clause.inverted and not self._clause.finite else []
        self._clause = Clause()
        return self.words

    def _agree(self) -> None:
        """Verbs after several things that no wording has, in the form that one has: "two boys watch a dog"."""
        for position in range(1, len(self.words) - 1):
            word, form = self.words[position], after_one(self.words, position)
            if not form or self._match(vocabulary.predicates, position) is not None:
                continue
            self.words[position] = form
            self._cache.clear()
            match = self._match(vocabulary.predicates, position)
            named = match.slots.get("REF", ()) if match is not None else ()
            if match is None or any(m.unknown and not m.article for m in named):
                self.words[position] = word
                self._cache.clear()
            else:
                self._written[form] = word

    def slot(self, name: str, position: int) -> tuple[Any, int] | None:
        """What stands in a slot of a wording at this position, and its end."""
        key = name, position
        if key not in self._cache:
            self._cache[key] = SLOTS[name](self, position)
        return self._cache[key]

    def mention(self, position: int, bare_unknown: bool = False) -> Mention | None:
        """The noun phrase, or the name of a thing, at this position."""
        named = self.mentions.name_at(self.words, position)
        # "paint car red": the colour after a noun is the instruction's.
        return named or read_mention(self.words, position, bare_unknown, tags=not self.mentions.known)

    def _match(self, table: Any, position: int) -> Match | None:
        return table.match(self.words, position, self.slot)

    def _keep(self, words: str, quiet: bool = False) -> None:
        words = " ".join(as_written(words.split()))
        if not quiet and words not in self.draft.words:
            self.draft.words.append(words)

    def _not_understood(self, words: str) -> None:
        """List words as they were written: "photographer", where the wordings have "camera"."""
        said = " ".join(dict.fromkeys(self._written.get(word, word) for word in words.split()))
        if said and said not in self.draft.not_understood:
            self.draft.not_understood.append(said)

    def _current(self) -> list[Thing]:
        return self._clause.local or self._clause.subjects

    def _separate(self, position: int, word: str) -> int:
        clause = self._clause
        if word != "," or numbers.at(self.words, position - 1) not in ("and", "while", "but", "whereas"):
            clause.boundary = word  # "a jeep and, further back, a lorry"
        clause.subjects = clause.subjects or clause.local  # "behind a woman who sits there and looks up"
        clause.local = []
        clause.relative = clause.relative_finite = False
        if word != ",":
            clause.finite = False
        return position + 1

    def predicate_after(self, position: int) -> bool:
        position = self._past_verbs(position)
        return self._match(vocabulary.predicates, position) is not None or (
            numbers.at(self.words, position) in vocabulary.COLOR_NAMES
        )

    def _past_verbs(self, position: int) -> int:
        while numbers.at(self.words, position) in CLASSES["be"] | CLASSES["stand"]:
            position += 1
        return position

    def _place(self, mention: Mention, inside: bool = True) -> None:
        """A room or a place outdoors: the setting, and words of the picture. inside: whether all is in the room."""
        if mention.place != "none":
            self._place_before = True
            self._place_end = mention.end
        if mention.place == "room" and not inside:
            pass
        elif mention.place not in ("surface", "none"):
            if self.draft.setting not in ("", mention.place):
                where = {"room": "in a room", "outdoor": "outdoors"}[self.draft.setting]
                self.draft.warn(f'"{mention.said}" is another place than the one before: the scene is {where}.')
            self.draft.setting = self.draft.setting or mention.place
        elif mention.said in ("ceiling", "floor") and not self.draft.setting:
            self.draft.setting = "room"
        if mention.words or mention.said not in (
            "room",
            "scene",
            "picture",
            "image",
            "frame",
            "background",
            "foreground",
            "air",
        ):
            self._keep(" ".join((*mention.words, mention.said)))

    def _stays_words(self, start: int, end: int, owner: str) -> None:
        """Say that something is words of a thing, and no thing of the scene."""
        said = " ".join(as_written(self.words[start:end]))
        self.draft.warn(f'"{said}" stays words of {owner}: it is no thing of the scene.')

    def _describe(self, things: Sequence[Thing], start: int, end: int) -> None:
        said = [word for word in as_written(self.words[start:end]) if word != ","]
        for thing in things:
            if thing.index is None:
                thing.words += said
