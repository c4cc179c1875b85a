"""Noun phrases: "a small old red car", "three chairs", "the other one", "it"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..needed import needed
from ..scenes.keywords import is_clause_word
from ..scenes.lexicon import ATTRIBUTES, Noun, noun, singular
from . import numbers
from .hypernyms import PLANS
from .numbers import at
from .spelling import is_listed
from .verbs import IRREGULAR
from .vocabulary import COLOR_NAMES, ENDS
from .wordings import CLASSES
from .words import (
    AFTER_CAN,
    COLLECTIONS,
    COMPOUNDS,
    GARMENTS,
    INTANGIBLE,
    OUTDOORS,
    OWN_SIDES,
    PAIRED,
    PARTITIVES,
    PARTS,
    ROOMS,
    SCALES,
    SEEN_FROM_OUTSIDE,
    SURFACES,
)

_PRONOUNS = frozenset("it they them he she him her this that these those both one each".split())
_DEFINITE = frozenset("the this that these those it them him her which each every both all".split())
_INDEFINITE = frozenset("a an another some any".split())
_ORDINALS = {"first": 0, "1st": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "fifth": 4, "last": -1}
_ORDINALS |= {"other": -2, "left": -3, "right": -4, "middle": -5, "leftmost": -3, "rightmost": -4, "middlemost": -5}
_ORDINALS |= {"former": 0, "latter": -1}
_ORDINALS |= dict.fromkeys(("closer", "closest", "front", "foremost"), -6)
_ORDINALS |= dict.fromkeys(("farther", "farthest", "back", "distant"), -7)
_ORDINALS |= dict.fromkeys(("bigger", "biggest", "larger", "largest"), -8)
_ORDINALS |= dict.fromkeys(("smaller", "smallest"), -9)
_ORDINALS |= dict.fromkeys(("taller", "tallest", "higher"), -10)
_ORDINALS |= dict.fromkeys(("shorter", "shortest", "lower"), -11)
_OF_TWO = frozenset("bigger larger smaller taller shorter front back".split())
_COMPARATIVES = {"bigger": 1.25, "larger": 1.25, "taller": 1.2, "higher": 1.2, "smaller": 0.75, "shorter": 0.85}
_EXTENTS = {"tall": "height", "high": "height", "wide": "width", "long": "length", "deep": "length"}


# What shows something else.
_FRONT_PARTS = frozenset("nose bow prow muzzle snout entrance opening".split())
_BEFORE_SIDES = frozenset("to on at towards in from of along down by near".split())
_SHADES = frozenset("light dark bright pale deep vivid".split())
_SHOWS = frozenset(("statue", "monument", "painting", "picture", "photo", "photograph", "poster", "figurine"))
_OWNERS = PLANS["person"] | PLANS["animal"]
_AGES = frozenset("year years month months week weeks day days".split())
_OF_PEOPLE = frozenset("family group party crew team class band crowd gang".split())
_OF_THEM = frozenset("them these those which whom".split())
_BEFORE_WHICH = frozenset("of on in under to behind beside above near with from around between by at over".split())
# Words that stand where a noun may, but are no things; and those that scene text has for itself.
_NO_NOUNS = frozenset(
    "oclock diameter thickness north south east west "
    "height width length breadth depth size volume bulk distance gap space side sides way ways direction directions "
    "top "
    "tip end ends base rest part piece reach "
    "bottom middle corner edge half times level angle view shot yaw parts hidden light outdoor outdoors same opposite "
    "perspective point position place frame reference like degrees turn twice thrice double triple much more most less "
    "least very same different other others something anything nothing everything lot kind sort type pair couple few "
    "several many some how what why when who which here there now both all".split()
)


# What "camera-facing" and the like turn to the viewer, or where they turn.
_FACING = dict.fromkeys(("camera", "viewer", "forward"), "front")
_FACING |= dict.fromkeys(("away", "rear", "backward", "backwards"), "back")


@dataclass(frozen=True)
class Mention:
    """A noun phrase as it stands in a sentence.

    noun: of the lexicon (None: a pronoun, a place or an unknown word). said: the noun as written, in the singular where
    the lexicon knows it. article: "a", "the" or "". count: None without a number. words: adjectives that are kept.
    sizes: extents in metres, "tall" for one of an unnamed extent. pronoun: it, they, one ... ordinal: as in "the second
    dog"; -1 last, -2 the other, -3 left, -4 right, -5 middle, -6 nearer, -7 farther, -8 larger, -9 smaller,
    -10 taller, -11 shorter.
    arrangement: "row" or "circle". place: "room", "outdoor", "surface" or "none" of what is no thing. name: of a thing
    that has one. own: "its roof", of something named before. owner: the man of "the man's dog", where he is a thing of
    the scene too. each: "each chair". of_two: "the smaller dog" beside "the larger one". pose: the side that a
    "left-facing" dog turns to. counted_from: the side from which "the second from the left" counts.
    """

    start: int
    end: int
    noun: Noun | None = None
    said: str = ""
    plural: bool = False
    article: str = ""
    count: numbers.Count | None = None
    color: str = ""
    words: tuple[str, ...] = ()
    sizes: tuple[tuple[str, float], ...] = ()
    scale: float = 1.0
    pronoun: str = ""
    ordinal: int | None = None
    arrangement: str = ""
    place: str = ""
    name: str = ""
    own: bool = False
    owner: tuple[Noun, str] | None = None
    each: bool = False
    of_two: bool = False
    pose: str = ""
    counted_from: str = ""

    @property
    def unknown(self) -> bool:
        return self.noun is None and bool(self.said) and not self.place


def known_noun(words: Sequence[str], start: int) -> tuple[Noun, str, bool, int] | None:
    """The longest noun of the lexicon at `start`: entry, the words said, whether they are a plural, end."""
    for size in (3, 2, 1):
        if start + size > len(words):
            continue
        if (
            size > 1
            and words[start] in ("old", "small")
            and noun(" ".join(words[start + 1 : start + size])) is not None
        ):
            continue  # "an old man" is a man, whom "the man" means
        said = " ".join(words[start : start + size])
        found = noun(said)
        if found is None and said in ("camera", "cameras") and _is_thing_camera(words, start):
            return needed(noun("photo camera")), "camera", said == "cameras", start + 1
        if found is None and said == "oranges":
            return needed(noun("orange fruit")), "orange", True, start + 1
        if found is not None:
            single = singular(said)
            alike = found.plural == found.name and (
                at(words, start - 1) in ("some", "several", "many", "few", "of")
                or at(words, start + size) in ("are", "were", "graze", "stand", "lie", "swim")
            )
            return found, single, alike or single.replace("-", " ") != said, start + size
    return None


def _is_thing_camera(words: Sequence[str], start: int) -> bool:
    """Whether a camera is a thing of the scene, "a man holding a camera", and not the one that sees it."""
    before, after = at(words, start - 1), at(words, start + 1)
    described = before in COLOR_NAMES or before in ATTRIBUTES or before == "'s" or words[start] == "cameras"
    if not described and before not in ("a", "an", "one"):
        return False
    held = any(
        word.startswith(("hold", "carr", "use", "using", "with")) for word in words[max(0, start - 4) : start - 1]
    )
    return described or held or after in ("", ",", ".", "and", "on", "next", "under", "beside", "behind", "hangs")


def place_at(words: Sequence[str], start: int) -> tuple[str, str, int] | None:
    """("room" | "outdoor" | "surface" | "none", the words said, end) of what is no thing: a place, light, a feeling."""
    if at(words, start + 1) == "room" and at(words, start).isalpha() and at(words, start) not in ENDS:
        return "room", f"{words[start]} room", start + 2
    if at(words, start).endswith("room") and noun(at(words, start)) is None:
        return "room", words[start], start + 1  # "courtroom", "storeroom"
    if at(words, start) in ("interior", "in") and list(words[start + 1 : start + 3]) in (["of", "a"], ["of", "the"]):
        found = known_noun(words, start + 3)
        end = found[3] if found is not None else start + 4
        return "room", " ".join(words[start:end]), end
    for size in (2, 1):
        said = " ".join(words[start : start + size])
        if start + size > len(words) or (said == "plain" and at(words, start - 1) in CLASSES["be"]):
            continue
        for kind, table in (("room", ROOMS), ("outdoor", OUTDOORS), ("surface", SURFACES), ("none", INTANGIBLE)):
            if said in table:
                return kind, said, start + size
    return None


def read_mention(words: Sequence[str], start: int, bare_unknown: bool = False, tags: bool = True) -> Mention | None:
    """The noun phrase that begins at `start`.

    bare_unknown: an unknown word without article is a noun too, as after a preposition. tags: a colour may follow its
    noun, "car red".
    """
    if at(words, start) == "one" and numbers.length(words, start) is not None:
        return None  # "and the child one metre"
    if at(words, start) == "the" and at(words, start + 1) in _FRONT_PARTS and at(words, start + 2) == "of":
        whole = read_mention(words, start + 3, bare_unknown, tags)
        if whole is not None and whole.noun is not None:
            return replace(whole, start=start)  # "the nose of the plane points to the hangar"
    phrase = _Phrase(words, start, tags)
    return phrase.read(bare_unknown)


class _Phrase:
    def __init__(self, words: Sequence[str], start: int, tags: bool) -> None:
        self.words, self.start, self.at, self.tags = words, start, start, tags
        self.mention = Mention(start, start)

    def peek(self, ahead: int = 0) -> str:
        return at(self.words, self.at + ahead)

    def read(self, bare_unknown: bool) -> Mention | None:
        if (member := self._one_of_several() or self._people()) is not None:
            return member
        self._article()
        self._ordinal()
        self._count()
        self._collection()
        if self.mention.ordinal is None:
            self._ordinal()
        found = self._head(bare_unknown)
        if found is not None and found.noun is not None:
            if at(self.words, self.start) == "both" and not found.plural:
                found = replace(found, count=None)  # "both the lion and the tiger"
            found = _with_contents(self.words, found)
        return self._counted_from(found)

    def _counted_from(self, found: Mention | None) -> Mention | None:
        """ "the second car from the left", of a row that is counted from there."""
        if found is None or found.ordinal is None or not 0 <= found.ordinal < 10:
            return found
        end = found.end
        if self.words[end : end + 2] != ["from", "the"] or at(self.words, end + 2) not in ("left", "right"):
            return found
        hand = at(self.words, end + 3) in ("side", "hand")
        return replace(found, end=end + 3 + hand, counted_from=at(self.words, end + 2))

    def _one_of_several(self) -> Mention | None:
        """ "the second of three chairs", "one of the dogs"."""
        the = self.peek() == "the"
        word = self.peek(1) if the else self.peek()
        of = self.at + 1 + the
        of += the and word in _ORDINALS and at(self.words, of) == "one"
        if at(self.words, of) != "of" or not (word == "one" or (the and word in _ORDINALS)):
            return None
        if at(self.words, of + 1) in _OF_THEM:
            if word == "one":
                return Mention(self.start, of + 2, pronoun="one")
            # "three cows, the nearest of which looks at us"
            return Mention(self.start, of + 2, pronoun="one", article="the", ordinal=_ORDINALS[word])
        several = read_mention(self.words, of + 1)
        if several is None or not several.plural or several.noun is None:
            return None
        if _ORDINALS.get(word, 0) < -1 and several.count is None:
            return None  # "the left of cars", "the front of the houses"
        count = several.count
        if count is None:
            # "one of the chairs is red, the other blue"
            two = "other" in self.words[several.end :]
            count = numbers.Count(2) if two else numbers.Count(3, f"{word} of the")
        return replace(several, start=self.start, ordinal=_ORDINALS.get(word, 0), article="the", count=count)

    def _set(self, **changes: Any) -> None:
        self.mention = replace(self.mention, **changes)

    def _article(self) -> None:
        word = self.peek()
        if word in _INDEFINITE and not numbers.length(self.words, self.at):
            self._set(article="a")
            if word != "some" or not numbers.count(self.words, self.at + 1):
                self.at += 1
            else:
                self.at += 1
            return
        if word in _INDEFINITE:
            # "a 2 m tall tree"; "a metre" is no thing, but "a metre tall tree" is one.
            self._set(article="a")
            self.at += at(self.words, self.at + 1) not in ("metre", "meter", "foot", "half")
            return
        if word in ("it", "them", "him", "her", "which", "us", "me", "you") and self.peek(1) == "'s":
            self._set(article="the", own=True)
            self.at += 2 + (self.peek(2) == "own")
        elif word in _DEFINITE and word not in ("it", "them", "him", "her", "which"):
            self._set(article="the", each=word in ("each", "every"))
            self.at += 1
            if word == "both":
                self._set(count=numbers.Count(2))
            if self.peek() == "of" and word in ("each", "both", "all"):
                self.at += 1
            if self.peek() == "the":
                self.at += 1

    def _ordinal(self) -> None:
        ordinal = _ORDINALS.get(self.peek())
        if (
            ordinal is not None
            and ordinal <= -6
            and self.peek(1) != "one"
            and not (self.mention.article == "the" and self.peek(1) in CLASSES["be"])
            and known_noun(self.words, self.at + 1) is None
        ):
            return  # "the front of the house"
        if self.mention.article == "the" and ordinal is not None and self.peek(1) not in ("of", "side", "hand"):
            self._set(ordinal=_ORDINALS[self.peek()], of_two=self._is_of_two())
            self.at += 1

    def _is_of_two(self) -> bool:
        """ "the smaller dog trails the larger one": two are compared, of which nobody has said that there are two."""
        others = [word for at, word in enumerate(self.words) if at != self.at and self.words[at - 1 : at] == ["the"]]
        return self.peek() in _OF_TWO and any(word in _OF_TWO for word in others)

    def _count(self) -> None:
        if self.peek() == "one" and self.mention.article and not self._noun_follows(self.at + 1):
            return  # "the middle one", "another one"
        found = numbers.count(self.words, self.start if self.mention.article == "a" else self.at)
        if found is None and self.mention.article == "a":
            found = numbers.count(self.words, self.at)
        if found is None:
            return
        if at(self.words, found[1]) in _AGES and at(self.words, found[1] + 1) == "old":
            self._set(words=(*self.mention.words, *self.words[self.at : found[1] + 2]))
            self.at = found[1] + 2  # "a 6-year-old girl"
            return
        dozen = at(self.words, found[1] - 1) == "dozen"
        if not dozen and (numbers.length(self.words, self.at) or numbers.ratio(self.words, self.at)):
            return
        if at(self.words, self.start) in ("a", "an") and self.at > self.start and found[0].number > 1 and not dozen:
            if numbers.is_number(self.peek()) or self.peek() in numbers.CARDINALS:
                # "a three legged dog", "a 4 door car": a number of what is on it
                self._set(words=(*self.mention.words, *self.words[self.at : found[1]]))
                self.at = found[1]
                return
        if at(self.words, found[1]) in COMPOUNDS and self._noun_follows(found[1] + 1):
            # "the two storey house"
            self._set(words=(*self.mention.words, *self.words[self.at : found[1] + 1]))
            self.at = found[1] + 1
            return
        self._set(count=found[0])
        self.at = found[1]

    def _collection(self) -> None:
        word = self.peek()
        longer = known_noun(self.words, self.at)
        if word in PARTITIVES and self.peek(1) == "of" and longer is None:
            part = 0.4 if word in ("slice", "piece", "chunk", "wedge", "bit") else 1.0
            self._set(words=(*self.mention.words, word, "of"), scale=self.mention.scale * part)
            self.at += 2
            return
        if (word in SCALES or word == "long") and self.peek(1) in COLLECTIONS and self.peek(2) == "of":
            self.at += 1  # "a long line of cars"
            word = self.peek()
        if (known := known_noun(self.words, self.at)) is not None and known[3] > self.at + 1:
            return  # "a stack of books"
        end = self.at + 1
        if word not in COLLECTIONS and self.mention.article == "a" and self._is_collection():
            count, self.at = needed(numbers.count(self.words, end + 1))
            self._set(words=(*self.mention.words, word), count=count)
        elif word in COLLECTIONS and at(self.words, end) == "of":
            self._set(arrangement=COLLECTIONS[word][0], article="a")
            self.at = end + 1
            found = numbers.count(self.words, self.at)
            if found is not None:
                self._set(count=found[0])
                self.at = found[1]
            elif self.mention.count is not None and self.mention.count.number > 1 and word.endswith("s"):
                one = COLLECTIONS.get(word.removesuffix("s"), ("", 4))
                each = 2 if word == "pairs" else one[1]
                number = self.mention.count.number
                self._set(count=numbers.Count(number * each, f"{number} {word} of"))
            elif self.mention.count is None or self.mention.count.number == 1:
                self._set(count=numbers.Count(COLLECTIONS[word][1], f"a {word} of"))

    def _people(self) -> Mention | None:
        """ "a family of four": people, where no noun says what there are so many of."""
        start = self.start + (at(self.words, self.start) in ("a", "an", "the", "one"))
        if at(self.words, start) not in _OF_PEOPLE or at(self.words, start + 1) != "of":
            return None
        found = numbers.count(self.words, start + 2)
        if found is None or found[0].number < 2 or known_noun(self.words, found[1]) is not None:
            return None
        if at(self.words, found[1]) not in ENDS and at(self.words, found[1]) not in ("", ","):
            return None
        return replace(self.mention, end=found[1], noun=noun("person"), said="person", plural=True, count=found[0])

    def _is_collection(self) -> bool:
        """Whether a strange word stands before a number of things: "a grid of 4 boxes"."""
        found = numbers.count(self.words, self.at + 2) if self.peek(1) == "of" else None
        strange = known_noun(self.words, self.at) is None and self.peek().isalpha() and self.peek() not in numbers.WORDS
        if found is None or not strange or found[0].number < 2 or numbers.length(self.words, self.at + 2):
            return False
        several = known_noun(self.words, found[1])
        return self.peek() not in _NO_NOUNS and several is not None and several[2]

    def _head(self, bare_unknown: bool) -> Mention | None:
        """Adjectives, then the noun."""
        first = self.at
        kept: list[str] = []
        described = False
        while True:
            word = self.peek()
            found = known_noun(self.words, self.at)
            if found is not None and found[2] and at(self.words, self.start) in ("a", "an") and not self.mention.count:
                found = known_noun(self.words[: self.at + 1], self.at) or found  # "a hat stands", no hat stands
            if word == "can" and self.peek(1) in AFTER_CAN:
                break
            owned = " ".join(self.words[found[3] + 1 : found[3] + 3]) if found is not None else ""
            if owned in OWN_SIDES:
                return self._known(needed(found), kept)  # "the boat's port side"
            if found is not None and at(self.words, found[3]) == "'s" and place_at(self.words, found[3] + 1):
                kept += (*self.words[self.at : found[3]], "'s")  # "a kid's room"
                self.at = found[3] + 1
                continue
            if found is not None and self._names_place(found):
                kept += self.words[self.at : found[3]]
                self.at = found[3]
                continue
            if found is not None and self._compound() == self.at and not self._is_adjective_here(found[3]):
                return self._room(found, kept) or self._known(found, kept)
            if word in _SHADES and self.peek(1) in COLOR_NAMES:
                kept.append(word)  # "a light blue one"
                self.at += 1
                continue
            if "-" in word:
                self._hyphened(word, kept)
                continue
            if (end := self._compound()) > self.at:
                kept += self.words[self.at : end]
                self.at = end
                continue
            if (place := self._place_here()) is not None:
                second = place_at(self.words, place[2])
                if second is None or self.peek(place[2] - self.at) in ENDS:
                    return self._place(place, kept)
                kept.append(place[1])  # "morning mist", "forest clearing"
                self.at = place[2]
                continue
            if word[:1].isupper() and known_noun(self.words, self.at + 1) is None:
                return self._name(kept)
            if self._is_compared(word):
                self._set(scale=self.mention.scale * _COMPARATIVES[word])
                kept.append(word)
                self.at += 1
                continue
            if self._measure():
                described = True
                continue
            if word == "," and self._adjective_goes_on(first, kept):
                self.at += 1
                continue
            ends = word in ENDS and not self._participle() and not self._likened()
            if not word or numbers.length(self.words, self.at) or ends:
                break
            if word == "orange" and self.mention.color and (self.peek(1) in ("", ",") or self.peek(1) in ENDS):
                self.at += 1
                return replace(self.mention, end=self.at, noun=noun("orange fruit"), said=word, words=tuple(kept))
            if self._color(word):
                described = True
            elif word in SCALES:
                self._set(scale=self.mention.scale * SCALES[word])
                kept.append(word)
            elif word == "one" or (word == "ones"):
                break
            else:
                kept.append(word)
            self.at += 1
        return self._nounless(first, kept, bare_unknown, described)

    def _hyphened(self, word: str, kept: list[str]) -> None:
        """Past "moss-covered", "well-lit", or "left-facing", which is a direction."""
        first, last = word.split("-")
        if last == "facing":
            self._set(pose=_FACING.get(first, first))
        else:
            kept += [first, last]
        self.at += 1

    def _place_here(self) -> tuple[str, str, int] | None:
        """The place that begins here, no noun being behind it: "a market square", but neither "a square coaster" nor "a
        street lamp"."""
        place = place_at(self.words, self.at)
        if place is None or known_noun(self.words, place[2]) is not None:
            return None
        square = place[1] == "square" and self.peek(1).isalpha() and self.peek(1) not in ENDS
        return None if square else place

    def _is_compared(self, word: str) -> bool:
        """Whether it is the comparative of a noun to come: "a larger dog", "two smaller ones", "taller trees"."""
        if word not in _COMPARATIVES:
            return False
        after = known_noun(self.words, self.at + 1)
        several = after is not None and after[2] and self.mention.article == ""
        noun_follows = self._noun_follows(self.at + 1)
        counted = self.mention.count is not None and noun_follows
        return several or counted or (self.mention.article == "a" and (noun_follows or self.peek(1) == "one"))

    def _adjective_goes_on(self, first: int, kept: list[str]) -> bool:
        """Whether a comma stands between two adjectives: "a large, grey castle", but not "a cat, white dogs"."""
        before, after = self.words[self.at - 1], self.peek(1)
        marked = self.mention.article == "a" or self.mention.count is not None
        if not marked or self.at == first or self.peek(2) in ENDS or not self.peek(2).isalpha():
            return False
        return after not in ENDS and _adjective(before) and _adjective(after)

    def _nounless(self, first: int, kept: list[str], bare_unknown: bool, described: bool) -> Mention | None:
        """What adjectives without a known noun mean: "the red one", "an orange", a word that no list knows."""
        if self.peek() in ("one", "ones") and (self.mention.article or described or kept):
            self.at += 1
            return replace(self.mention, end=self.at, pronoun="one", words=tuple(kept))
        if not kept and self.mention.article == "a" and (fruit := noun(f"{self.mention.color} fruit")) is not None:
            return replace(self.mention, end=self.at, noun=fruit, said=self.mention.color, color="")  # "an orange"
        if not kept:
            return self._shared_noun() or self._without_noun(first)
        unknown = self._unknown_noun(first, kept, bare_unknown, described)
        if unknown is None and at(self.words, self.start) in ("it", "him", "her", "them"):
            return Mention(self.start, self.start + 1, pronoun=self.words[self.start])  # "at his feet"
        return unknown

    def _is_adjective_here(self, end: int) -> bool:
        """Whether a noun is also a colour or adjective, and a noun comes after it: "an orange cat"."""
        word = self.peek()
        adjective = word in COLOR_NAMES or word in ATTRIBUTES or word in SCALES
        after = at(self.words, end)
        strange = word in ATTRIBUTES and after.isalpha() and after not in ENDS and bool(self.mention.article)
        return adjective and end == self.at + 1 and (strange or known_noun(self.words, end) is not None)

    def _compound(self) -> int:
        """The end of "horse drawn", "snow covered", "three legged" before a noun; where it begins if it is none."""
        found = known_noun(self.words, self.at)
        end = found[3] if found is not None else self.at + 1
        if self.peek() and at(self.words, end) in COMPOUNDS and self.peek() not in ENDS and self._noun_follows(end + 1):
            return end + 1
        return self.at

    def _names_place(self, found: tuple[Noun, str, bool, int]) -> bool:
        """ "a museum hall", "the castle courtyard": a noun before a place says which."""
        place = place_at(self.words, found[3])
        outside = place is not None and place[0] in ("room", "outdoor") and at(self.words, found[3]) not in ENDS
        verb = at(self.words, found[3]).endswith("s") and found[0].plan in _OWNERS  # "a man waves"
        return outside and not found[2] and not verb and known_noun(self.words, found[3]) is None

    def _room(self, found: tuple[Noun, str, bool, int], kept: list[str]) -> Mention | None:
        """ "in a garage" is a place, "in front of a garage" a building."""
        _, said, plural, end = found
        inside = at(self.words, self.start - 1) == "in" or (
            self.start == 0 and said not in SEEN_FROM_OUTSIDE and at(self.words, end) in (",", "with", "where")
        )
        alone = known_noun(self.words, end) is None and at(self.words, end) != "'s"
        if said in ROOMS and inside and alone and not plural:
            return self._place(("room", said, end), kept)
        return None

    def _likened(self) -> bool:
        """Whether "identical" or "different" stands between a number and a noun: "two identical chairs"."""
        alike = self.peek() in ("identical", "similar", "different", "equal", "matching", "parallel", "opposite")
        return alike and self.mention.count is not None and known_noun(self.words, self.at + 1) is not None

    def _participle(self) -> bool:
        """Whether a posture or a participle stands before its noun: "a sitting dog", "a covered wagon"."""
        word = self.peek()
        participle = word in CLASSES["stand"] or (bool(self.mention.article) and word.endswith(("ing", "ed")))
        return participle and known_noun(self.words, self.at + 1) is not None

    def _measure(self) -> bool:
        """ "2 m tall", "two metre long"; or a bare length: "a 2 m giraffe"."""
        start = self.at
        if self._edges(start):
            return True
        if at(self.words, start) in numbers.ABOUT and not numbers.length(self.words, start):
            return False
        found = numbers.length(self.words, start)
        if found is None:
            return False
        value, end = found
        extent = _EXTENTS.get(at(self.words, end))
        if extent is None and self._noun_follows(end) is False:
            return False
        if extent is not None and not self._noun_follows(end + 1):
            return False
        self._set(sizes=(*self.mention.sizes, (extent or "largest", value)))
        self.at = end + (extent is not None)
        return True

    def _edges(self, start: int) -> bool:
        """ "30 x 20 cm", "30 by 20 by 10 cm": width and length, and the height between them of three."""
        said: list[float] = []
        end = start
        while (found := numbers.number(self.words, end)) is not None:
            said.append(found[0])
            end = found[1]
            unit = numbers.length(self.words, end - 1)
            after = end + (unit is not None and unit[1] == end + 1)
            if at(self.words, after) not in ("x", "by", "times") or numbers.number(self.words, after + 1) is None:
                break
            end = after + 1
        found_last = numbers.length(self.words, end - 1)
        if len(said) not in (2, 3) or found_last is None or not self._noun_follows(found_last[1]):
            return False
        unit_of = found_last[0] / said[-1]
        extents = ("width", "length") if len(said) == 2 else ("width", "length", "height")
        sizes = [(extent, round(value * unit_of, 4)) for extent, value in zip(extents, said)]
        self._set(sizes=(*self.mention.sizes, *sizes))
        self.at = found_last[1]
        return True

    def _noun_follows(self, position: int) -> bool:
        """Whether a noun stands at most four words on, with nothing but adjectives before it."""
        for ahead in range(position, position + 5):
            if known_noun(self.words, ahead) is not None:
                return True
            if not at(self.words, ahead) or at(self.words, ahead) in ENDS:
                return False
        return False

    def _color(self, word: str) -> bool:
        if word not in COLOR_NAMES:
            return False
        if not self.mention.color:
            self._set(color=word)
        else:
            self._set(words=(*self.mention.words, word))
        # "black and white": the second colour is kept as a word.
        if self.peek(1) in ("and", ",") and self.peek(2) in COLOR_NAMES and self._noun_follows(self.at + 2):
            self._set(words=(*self.mention.words, "and", self.peek(2)))
            self.at += 2
        return True

    def _known(self, found: tuple[Noun, str, bool, int], kept: list[str]) -> Mention:
        entry, said, plural, end = found
        # "a toy car", "a dog house": the last of several nouns is the thing, those before it say which.
        while not plural and (after := known_noun(self.words, end)) is not None:
            if at(self.words, end) in COLOR_NAMES or at(self.words, end) in ENDS:
                break
            if after[2] and at(self.words, after[3]) in ("a", "an", "the", "it"):
                break  # "a table bears a lamp"
            kept.append(said)
            entry, said, plural, end = after
        if not plural and kept_last(self.words, end):
            # "an engine cover": the last noun is what it is, known or not.
            return replace(
                self.mention,
                end=end + 1,
                said=self.words[end],
                words=(*kept, said, *self.mention.words),
            )
        if self.mention.article and not self.mention.own and not plural and at(self.words, end) == "'s":
            # "a child's chair": whose it is says which.
            after = known_noun(self.words, end + 1)
            side = " ".join(self.words[end + 1 : end + 4]) in OWN_SIDES
            if after is not None and after[1] not in PARTS and after[1] not in OWN_SIDES and not side:
                if entry.plan in _OWNERS and {"him", "her", "he", "she", "it"} & set(self.words[after[3] :]):
                    self._set(owner=(entry, said))  # "the man's dog is in front of him"
                else:
                    kept += (said, "'s")
                entry, said, plural, end = after
            elif entry.plan in _OWNERS and at(self.words, end + 1) in ("", ","):
                # "the child's chair is half as high as the adult's"
                return replace(self.mention, end=end + 1, pronoun="one", words=(*kept, said, "'s"))
        if at(self.words, self.start) in ("a", "an") and self.mention.count is None:
            plural = False  # "a dice"
        if self.mention.count is not None and said in PAIRED and "pair" in self.words[self.start : end]:
            self._set(count=None)  # "a pair of scissors"
            plural = False
        if said == "glasses" and (
            at(self.words, end) == "of" or (self.mention.count and self.mention.count.number > 1)
        ):
            entry, said = needed(noun("drinking glass")), "glass"  # "two glasses", "glasses of wine"
        self.at = end
        self._color_after()
        return replace(
            self.mention,
            end=self.at,
            noun=entry,
            said=said,
            plural=plural,
            words=(*kept, *self.mention.words),
        )

    def _color_after(self) -> None:
        """ "car red" in the manner of tags."""
        if self.tags and self.peek() in COLOR_NAMES and not self.mention.color and self.peek(1) in ("", ","):
            self._set(color=self.peek())
            self.at += 1

    def _place(self, place: tuple[str, str, int], kept: list[str]) -> Mention | None:
        kind, said, end = place
        if self.mention.count is not None and self.mention.count.number > 1 and kind != "none":
            return None
        return replace(self.mention, end=end, place=kind, said=said, words=(*kept, *self.mention.words))

    def _name(self, kept: list[str]) -> Mention:
        """ "New York", "Anna": a name, of a place for all one knows."""
        first = self.at
        while self.peek()[:1].isupper():
            self.at += 1
        said = " ".join(self.words[first : self.at])
        return replace(self.mention, end=self.at, place="none", said=said, words=(*kept, *self.mention.words))

    def _without_noun(self, first: int) -> Mention | None:
        """A pronoun, or "the second", "the red one", "the other", "two of them"."""
        mention = self.mention
        word = at(self.words, self.start)
        alone = (
            self.peek() in CLASSES["be"] or self.peek() in ("", ",") or numbers.ratio(self.words, self.at) is not None
        )
        if mention.ordinal is not None and mention.ordinal <= -6 and self.peek() in CLASSES["be"]:
            return replace(mention, end=self.at, pronoun="one")  # "the nearest is red"
        if mention.ordinal in (-3, -4, -5) and alone and at(self.words, self.start - 1) not in _BEFORE_SIDES:
            return replace(mention, end=self.at, pronoun="one")  # "the left is red"
        if mention.ordinal is not None and mention.ordinal > -3:
            return replace(mention, end=max(first, self.at) if mention.color else first, pronoun="one")
        if mention.count is not None and at(self.words, self.at - 1) == "couple":
            return replace(mention, end=self.at, noun=noun("person"), said="person", plural=True)
        number = 1 if mention.count is None else mention.count.number
        several = number > 1 and not mention.sizes
        of_them = self.peek() == "of" and self.peek(1) in _OF_THEM
        if several and mention.color and self.peek() in ("", ",", "and"):
            return replace(mention, end=self.at, pronoun="one")  # "three red and two blue"
        ends = self.peek() in ("", ",") or self.peek() in CLASSES["stand"] or self.peek() in CLASSES["be"]
        if several and word == "the" and number == 2 and ends and not mention.color:
            return replace(mention, end=self.at, pronoun="them", count=None)  # "between the two lies a crown"
        if several and of_them and self.peek(2) in ("", ","):
            return replace(mention, end=self.at + 2, pronoun="one", plural=True)  # "a flock of geese, 17 of them"
        if several and (self.peek() in CLASSES["be"] or of_them):
            return replace(mention, end=self.at + 2 * of_them, pronoun="one")  # "two are blue"
        if word in ("all", "both", "each") and self.peek(-1) == "of" and self.peek() in ("them", "these", "those"):
            return replace(mention, end=self.at + 1, pronoun="they", count=None, each=word == "each")  # "all of them"
        if word in _PRONOUNS and first <= self.start + 1 and self.peek() != "'s":
            after = at(self.words, self.start + 1)
            behind = at(self.words, self.start - 1) in _BEFORE_WHICH and (after in ("", ",", "a", "an", "is", "are"))
            if word in ("this", "that") and behind:
                return Mention(self.start, self.start + 1, pronoun="it")  # "and behind that a green one"
            if word in ("this", "that", "these", "those", "each") and self.at == self.start:
                return None
            end = max(first, self.start + 1)
            if word == "each" and at(self.words, self.start + 1) == "other":
                return None
            # "both of them", "both"
            if word == "both" and at(self.words, end) in ("of",):
                end += 2
            return replace(mention, end=max(end, self.at), pronoun=word)
        if word == "another":
            return replace(mention, end=self.start + 1, pronoun="one")
        if word in ("which", "whom") and at(self.words, self.start - 1) in _BEFORE_WHICH:
            return Mention(self.start, self.start + 1, pronoun="which")
        if word in ("it", "they", "them", "he", "she", "him", "her"):
            return Mention(self.start, self.start + 1, pronoun=word)
        return None

    def _shared_noun(self) -> Mention | None:
        """ "a red and a blue car", "two red and three blue cars": the first has the noun of the second."""
        counted = self.mention.count is not None and not self.mention.sizes
        if not (self.mention.color and (self.mention.article == "a" or counted) and self.peek() in ("and", ",")):
            return None
        following = read_mention(self.words, self.at + 1 + (self.peek(1) == "and"))
        if following is None or not following.color:
            return None
        if following.pronoun == "one" and following.article == self.mention.article == "a":
            return replace(self.mention, end=self.at, pronoun="one")  # "a red and a yellow one"
        if following.noun is None or (following.count is None if counted else following.article != "a"):
            return None
        plural = counted and needed(self.mention.count).number > 1
        return replace(self.mention, end=self.at, noun=following.noun, said=following.said, plural=plural)

    def _unknown_noun(self, first: int, kept: list[str], bare_unknown: bool, described: bool) -> Mention | None:
        """A word that no list knows where a noun must be."""
        described = described or any(word in ATTRIBUTES or word in SCALES for word in kept[:-1])
        marked = bool(self.mention.article or self.mention.count or described)
        if not (marked or bare_unknown):
            return None
        if any(word in numbers.WORDS or word[0].isdigit() for word in kept):
            return None
        if not marked:
            kept = kept[:1]
            if not kept[0].endswith("s") and kept[0] not in GARMENTS and {"a", "an", "the"} & set(self.words):
                return None  # "on fire": who writes articles would write one before a thing
        else:
            # What follows the noun may be a verb or an adverb.
            while len(kept) > 1 and _verbal(kept[-1], self.mention.article == "a"):
                kept.pop()
        if marked and not self.mention.own and self.peek() == "'s":
            # "a barber's chair"
            after = known_noun(self.words, self.at + 1)
            if after is not None and not after[2] and after[1] not in PARTS and after[1] not in OWN_SIDES:
                words = (*kept, "'s", *self.mention.words)
                return replace(self.mention, end=after[3], noun=after[0], said=after[1], words=words)
        *adjectives, head = kept
        clothes = self.mention.color and not self.mention.article and at(self.words, self.start - 1) == "in"
        if clothes and head.endswith("s") and self.peek() in ("a", "an", "the"):
            return None  # "a cyclist in pink overtakes a bus"
        sided = self.mention.ordinal in (-3, -4) and at(self.words, self.start - 1) in ("on", "at", "to")
        if sided and head.endswith("s") and not head.endswith("ss"):
            return None  # "a tailor on the left kneels"
        if at(self.words, self.start) in ("both", "all", "each") and not head.endswith("s"):
            return self._without_noun(self.start + 1)  # "both asleep"
        tree = noun(f"{head} tree")
        if at(self.words, self.start) == "one" and (head in ATTRIBUTES or head in SCALES) and tree is None:
            # "one tall and one short"
            return replace(self.mention, end=self.at, pronoun="one", words=tuple(kept), count=None)
        if tree is not None and marked:
            end = first + self._length(first, kept)
            return replace(self.mention, end=end, noun=tree, said=tree.name, words=(*adjectives, *self.mention.words))
        if head.endswith(("ward", "wards", "ways", "wise")):
            return None  # "inwards"
        if (
            head in ATTRIBUTES
            or head in SCALES
            or head in _NO_NOUNS
            or head in _EXTENTS
            or is_clause_word(head)
            or not head.isalpha()
        ):
            return None
        several = self.mention.article != "a" or (self.mention.count is not None and self.mention.count.number > 1)
        plural = head.endswith("s") and not head.endswith("ss") and several
        singular = head[:-1] if plural else head
        return replace(
            self.mention,
            end=first + self._length(first, kept),
            said=singular,
            plural=plural,
            words=(*adjectives, *self.mention.words),
        )

    def _length(self, first: int, kept: list[str]) -> int:
        """Tokens from `first` to the last of the kept words: colours and measures stand between them."""
        parts = [(part, number) for number, word in enumerate(self.words[first:], 1) for part in word.split("-")]
        rest = iter(parts)
        end = 0
        for word in kept:
            end = next(number for part, number in rest if part == word)
        return end


def kept_last(words: Sequence[str], position: int) -> bool:
    """Whether an unknown word behind a noun is the noun that it belongs to, and no verb."""
    word, after = at(words, position), at(words, position + 1)
    if word in GARMENTS and word not in ENDS:
        return True
    if not word.isalpha() or word[0].isupper() or word in ENDS or word in IRREGULAR or is_listed(word):
        return False
    if word.endswith(("s", "ing", "ed", "ly", "wards", "wise")) and not word.endswith("ss"):
        return False
    return after not in ("a", "an", "the", "it", "him", "her", "them") and not numbers.number(words, position + 1)


def _adjective(word: str) -> bool:
    known = word in ATTRIBUTES or word in SCALES or word in COLOR_NAMES or word in _SHADES or word in _EXTENTS
    return known or word.endswith(("ful", "ous", "ive", "less", "ish"))


def _verbal(word: str, singular: bool) -> bool:
    return word.endswith(("ing", "ed", "ly")) or (singular and word.endswith("s") and not word.endswith("ss"))


def _with_contents(words: Sequence[str], mention: Mention) -> Mention:
    """ "a cup of hot coffee", "a statue of a horse": what it holds or shows is kept as words."""
    end = mention.end
    if at(words, end) != "of" or mention.arrangement or numbers.number(words, end + 1):
        return mention
    inner = end + 1
    inner += at(words, inner) in ("a", "an", "the")
    if at(words, inner) in ("diameter", "width", "height", "length", "depth", "size"):
        return mention  # "a ball of diameter 30 cm"
    if at(words, inner) in ("it", "them", "him", "her", "us", "each") or not at(words, inner):
        return mention
    position = inner
    while at(words, position) and at(words, position) not in ENDS and position < inner + 3:
        found = known_noun(words, position)
        position = found[3] if found else position + 1
        if found:
            break
    if position == inner:
        return mention
    shows = needed(mention.noun).name in _SHOWS
    if shows and at(words, position) in ("on", "with", "in", "riding", "holding", "carrying"):
        # "a statue of a man on a horse"
        shown = read_mention(words, position + 1)
        position = shown.end if shown is not None and shown.noun is not None and shown.article == "a" else position
    return replace(mention, end=position, words=(*mention.words, *words[end:position]))
