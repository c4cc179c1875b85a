"""Reading a scene text: docs/scene-text.md describes the language. `read_scene_text` is the door, at the end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import InputError, suggest
from . import lexicon
from .body_plans import BODY_PLANS
from .primitives import BLOCK, ELLIPSOID, FRUSTUM, Primitive, box_of
from .program import (
    COMPARED,
    MAX_OBJECTS,
    CameraLine,
    Numbers,
    Reference,
    Relation,
    SceneProgram,
    Thing,
    member_names,
)
from .render import GROUNDS, SKIES
from .scene import COLORS, KINDS, SHADES
from .words import NUMBER_LIKE, Wanted, Words, listing, shown, split_text, unknown

KIND_WORDS = {
    **{kind: kind for kind in KINDS},
    **{"person": "figure", "human": "figure", "man": "figure", "woman": "figure"},
    **{"box": "cube", "sphere": "ball", "couch": "sofa", "cup": "mug"},
}
COLOR_WORDS = {**{color: color for color in (*COLORS, *SHADES)}, "gray": "grey", "golden": "gold"}
FACING = {
    **dict.fromkeys(("viewer", "camera", "us", "me", "front"), "viewer"),
    **dict.fromkeys(("right", "rightwards"), "right"),
    **dict.fromkeys(("away", "back", "backwards"), "away"),
    **dict.fromkeys(("left", "leftwards"), "left"),
}
SUBJECTS = {
    "camera": "camera",
    "light": "light",
    **dict.fromkeys(("outdoor", "outdoors", "outside"), "outdoor"),
    **dict.fromkeys(("room", "indoor", "indoors", "inside"), "room"),
}
_COUNTS = {word: n for n, word in enumerate("two three four five six seven eight nine ten eleven twelve".split(), 2)}
_TOWARDS = {"to", "toward", "towards", "at"}
_NAME = re.compile(r"[^\W\d][\w-]*")
_NOUN_WORDS = 4  # of the longest noun

_SIZE = Wanted("width, height and length, or the height alone, in metres", 0.001, 200, (1, 3))
_EXTENT = Wanted("metres", 0.001, 200)
_POSITION = Wanted("x (to the right), z (forward) and, if not on the ground, the height of the base, in metres",
                   -1000, 1000, (2, 3))  # fmt: skip
_YAW = Wanted("degrees; 0 faces the viewer, 90 the viewer's right", -360, 360, angle=True)
_GAP = Wanted("metres between the two", 0, 1000)
_DISTANCE = Wanted("metres", 0.01, 1000)
_MORE = Wanted("metres of difference", 0.001, 200)
_RATIO = Wanted("how many times the volume", 0.001, 1000)
_CAMERA = {
    "height": Wanted("metres above the ground", 0.01, 200),
    "pitch": Wanted("degrees downwards", -89, 89, angle=True),
    "fov": Wanted("degrees from the left to the right edge of the image", 5, 150, angle=True),
    "yaw": Wanted("degrees to the right", -360, 360, angle=True),
    "at": Wanted("x (to the right) and z (forward) in metres", -1000, 1000, (2,)),
}
_LIGHT = {
    "azimuth": Wanted("degrees; 0 shines from the viewer's side, 90 from the right", -360, 360, angle=True),
    "elevation": Wanted("degrees above the horizon", 1, 90, angle=True),
}
_TILE = Wanted("metres, the edge of the squares on the ground", 0.01, 100)
_OUTDOOR = {
    "ground": Wanted("a palette", 0, len(GROUNDS) - 1, whole=True),
    "sky": Wanted("a palette", 0, len(SKIES) - 1, whole=True),
    "tile": _TILE,
}
_ROOM = {
    "size": Wanted("width, height, and how far forward its back wall stands, in metres", 0.1, 1000, (3,)),
    "floor": _OUTDOOR["ground"],
    "walls": _OUTDOOR["sky"],
    "tile": _TILE,
}
SETTINGS = {"camera": _CAMERA, "light": _LIGHT, "outdoor": _OUTDOOR, "room": _ROOM}

# Longer wordings stand before those that they begin with.
_RELATIONS: tuple[tuple[tuple[str, ...], str], ...] = tuple(
    (tuple(wording.split()), kind)
    for wording, kind in (
        ("at front of", "at front of"),
        ("at back of", "at back of"),
        ("at left of", "at left of"),
        ("at right of", "at right of"),
        ("to left of", "left of"),
        ("on left of", "left of"),
        ("left of", "left of"),
        ("to right of", "right of"),
        ("on right of", "right of"),
        ("right of", "right of"),
        ("in front of", "in front of"),
        ("behind", "behind"),
        ("nearer than", "nearer than"),
        ("closer than", "nearer than"),
        ("farther than", "farther than"),
        ("further than", "farther than"),
        ("next to", "next to"),
        ("beside", "next to"),
        ("between", "between"),
        ("on top of", "on"),
        ("on", "on"),
        ("under", "under"),
        ("below", "under"),
        ("above", "above"),
        ("over", "above"),
        ("around", "around"),
        ("face to face with", "face to face with"),
        ("back to back with", "back to back with"),
        ("side by side with", "side by side"),
    )
)
# Relations of a group's members to each other.
_MUTUAL = (
    (("facing", "each", "other"), "face to face with"),
    (("face", "to", "face"), "face to face with"),
    (("back", "to", "back"), "back to back with"),
    (("side", "by", "side"), "side by side"),
)
_GAPPED = {"left of", "right of", "in front of", "behind", "next to", "above"}
_GAPPED |= {"at front of", "at back of", "at left of", "at right of"}
_SHAPES = {"block": BLOCK, "ball": ELLIPSOID, "cylinder": FRUSTUM, "cone": FRUSTUM}
MAX_PARTS = 64  # of one object
ROLES = ("main", "deep", "pale", "dark", "light", "glass", "wood", "skin")
_PLACE = Wanted("x (to the right), the height of its middle, and z (to the back) from the middle of the base, then "
                "width, height and length, in metres", -1000, 1000, (6,))  # fmt: skip
_TAPER = Wanted("the top's width as a part of the base's, across and along", 0, 10, (1, 2))
_TILT = Wanted("degrees by which the top leans to the front", -360, 360, angle=True)
_SIDES = ("front", "back", "left", "right")
SHOTS = ("wide", "medium", "close")
LEVELS = ("low", "eye level", "high", "top-down")
# Words that begin a clause: where the words of another thing end.
_CLAUSES = frozenset(
    [wording[0] for wording, _ in (*_RELATIONS, *_MUTUAL)]
    + "at size yaw facing looking as height width length like parts hidden against in by and twice half".split()
    + [kind.split()[0] for kind in COMPARED]
)
_THING_WORDS = ("at", "size", "yaw", "facing", "on", "as")


def find_noun(word: str) -> str | None:
    """The canonical noun of which `word` is the singular, the plural or a synonym."""
    if word in KIND_WORDS:
        return KIND_WORDS[word]
    noun = lexicon.noun(word)
    return noun.name if noun else None


def is_plural(word: str) -> bool:
    return lexicon.noun(word) is not None and lexicon.singular(word) != " ".join(word.replace("-", " ").split())


def is_clause_word(word: str) -> bool:
    """Whether the word can begin a clause."""
    return word in _CLAUSES


def synonym(word: str) -> str:
    """The singular of a word, where it is not the canonical noun: "women" gives "woman", which is a figure; else ""."""
    single = lexicon.singular(word) if lexicon.noun(word) else word
    return "" if single == find_noun(word) else single


@dataclass
class Clause:
    """Words of a statement that say one thing: the character where they start, the one behind them, and what they say.

    says: kinds of relations, and "count", "kind", "position", "size", "direction", "name" and so on, or nothing.
    """

    start: int
    end: int = 0
    says: set[str] = field(default_factory=set)


class _Clauses(list[Clause]):
    """The clauses of a statement while it is read."""

    def begin(self, words: Words) -> None:
        """The next word begins a clause."""
        self.end(words)
        self.append(Clause(words.spans[words.place][0] if words.spans else 0))

    def end(self, words: Words) -> None:
        if self and words.spans:
            self[-1].end = words.spans[words.place - 1][1]


# --- references ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Call:
    """Words for another thing, not yet looked up: a name; or a noun, maybe with a colour or a number."""

    said: str
    name: str = ""
    noun: str = ""
    color: str = ""
    number: int = 0  # 0: none
    plural: bool = False
    synonym: str = ""


@dataclass
class _Known:
    """What other lines can be called by, gathered before any of them is read: names, and words that are no nouns."""

    names: set[str] = field(default_factory=set)  # in lower case
    nouns: set[str] = field(default_factory=set)

    @staticmethod
    def of(lines: Iterable[Words]) -> _Known:
        known = _Known()
        for words in lines:
            said = words.all()
            for place, word in enumerate(said[:-1]):
                compared = (
                    "big" in said[max(place - 1, 0) : place + 2] or "large" in said[max(place - 1, 0) : place + 2]
                )
                if word == "as" and not (compared and "as" in (said[max(place - 2, 0)], *said[place + 2 : place + 3])):
                    known.names.add(said[place + 1].lstrip('"').lower())
                    number = said[place + 2 : place + 3]
                    if number and re.fullmatch(r"\d{1,4}", number[0]):
                        known.names.add(f"{said[place + 1]} {number[0]}".lower())
            word = _unknown_noun(words)
            if word:
                known.nouns.add(word)
        return known


def _unknown_noun(words: Words) -> str:
    """The word or words at the head of a line that are no noun, colour or attribute, where they can be a thing."""
    said = words.all()
    run: list[str] = []
    place = 0
    while place < len(said) and said[place] not in _CLAUSES:
        if place and NUMBER_LIKE.match(said[place]):  # of a clause: "iron 2 from camera"
            break
        length = next((n for n in range(_NOUN_WORDS, 0, -1) if find_noun(" ".join(said[place : place + n]))), 0)
        if length and said[place] not in lexicon.ATTRIBUTES:
            return ""
        if said[place][0] != '"' and said[place] not in COLOR_WORDS and said[place] not in lexicon.ATTRIBUTES:
            if not (place == 0 and (said[0][0].isdigit() or said[0] in _COUNTS)):
                run.append(said[place])
        place += max(length, 1)
    return " ".join(run)


def _read_call(words: Words, known: _Known, after: str) -> _Call:
    """The words for another thing."""
    said = words.peek()
    if said is None or (said in _CLAUSES and said not in known.names and not _noun_length(words)):
        raise words.error(f'"{after}" has nothing after it', "the name or the kind of another object")
    if said[0] == '"':
        words.next()
        return _Call(said[1:], name=said[1:].lower())
    for length in range(_NOUN_WORDS + 1, 0, -1):
        phrase = words.ahead(length)
        if phrase.count(" ") == length - 1 and phrase in known.names:
            words.take(length)
            number = _read_ordinal(words)
            return _Call(f"{phrase} {number}" if number else phrase, name=phrase, number=number)
    start: list[str] = []
    color = ""
    while (word := words.peek()) is not None:
        for length in range(_NOUN_WORDS + 1, 0, -1):
            phrase = words.ahead(length)
            noun = find_noun(phrase) or (phrase if phrase in known.nouns else None)
            # "glass table", "orange ball": the first word is a noun too, but here it describes.
            describes = length == 1 and (word in lexicon.ATTRIBUTES or word in COLOR_WORDS)
            if noun and phrase.count(" ") == length - 1 and not (describes and _noun_follows(words, known)):
                words.take(length)
                number = _read_ordinal(words)
                said = " ".join([*start, phrase, *([str(number)] if number else [])])
                return _Call(said, "", noun, color, number, is_plural(phrase), synonym(phrase))
        if word in COLOR_WORDS and not color:
            color = COLOR_WORDS[word]
        elif word not in lexicon.ATTRIBUTES:
            break
        start.append(words.next())
    while (word := words.peek()) is not None and word not in _CLAUSES and word not in COLOR_WORDS and len(start) < 6:
        start.append(words.next())
    return _Call(" ".join(start))


def _noun_follows(words: Words, known: _Known) -> bool:
    """Whether there is a noun behind the next word and whatever describes it."""
    place = 1
    while (word := words.peek(place)) is not None and word not in _CLAUSES:
        for length in range(_NOUN_WORDS, 0, -1):
            phrase = " ".join(words.peek(place + each) or "" for each in range(length)).rstrip()
            if phrase.count(" ") == length - 1 and (find_noun(phrase) or phrase in known.nouns):
                return True
        if word not in lexicon.ATTRIBUTES and word not in COLOR_WORDS:
            return False
        place += 1
    return False


def _read_ordinal(words: Words) -> int:
    """The number of "chair 2"; 0 where there is none, or where it begins another clause: "2 from dog"."""
    word = words.peek()
    if word is None or not re.fullmatch(r"[1-9]\d{0,3}", word) or words.comes_measure():
        return 0
    words.next()
    return int(word)


class _Catalog:
    """The things of a text, by what others may call them."""

    def __init__(self, things: list[Thing]) -> None:
        self.things = things
        self.named = {thing.name.lower(): index for index, thing in enumerate(things) if thing.name}
        self.by_noun: dict[str, list[int]] = {}
        self.by_last: dict[str, list[int]] = {}  # the last word of longer nouns: "table" may be the dining table
        for index, thing in enumerate(things):
            self.by_noun.setdefault(thing.noun, []).append(index)
            if " " in thing.noun:
                self.by_last.setdefault(thing.noun.rsplit(" ", 1)[1], []).append(index)

    def members(self, indices: Iterable[int], color: str) -> list[tuple[int, int]]:
        """Index and member, from 1, of those things that have the colour, if one is said."""
        return [
            (index, member)
            for index in indices
            if not color or _color(self.things[index]) == color
            for member in range(1, self.things[index].count + 1)
        ]


def _resolve(call: _Call, catalog: _Catalog, words: Words, own: int | None, what: str) -> Reference | None:
    """The thing that is called so, or None for the ground. Raises InputError if no thing, or more than one, is."""
    right = "the name or the kind of an object of this text"
    things, named = catalog.things, catalog.named
    if call.name or not call.noun:
        phrase = call.name or call.said
        full = f"{phrase} {call.number}" if call.number else phrase
        if full in named:
            return Reference(named[full])
        if phrase in named and call.number:
            if call.number > things[named[phrase]].count:
                raise words.error(f'there is no "{shown(full)}"', f"a number up to {things[named[phrase]].count}")
            return Reference(named[phrase], call.number)
        if phrase in named:
            return Reference(named[phrase])
        members = re.fullmatch(r"(.+) ([1-9]\d{0,3})", phrase)
        if members and members[1] in named and int(members[2]) <= things[named[members[1]]].count:
            return Reference(named[members[1]], int(members[2]))
        noun = find_noun(members[1] if members else phrase)
        if noun is None:
            if phrase in ("ground", "floor"):
                return None
            known = [word for place, thing in enumerate(things) if place != own for word in (thing.name, thing.noun)]
            stand = " to stand on" if what == "on" else ""
            hint = suggest(shown(phrase), filter(None, known))
            raise words.error(f'there is no other object "{shown(phrase)}"{stand}{hint}', right)
        call = replace(call, noun=noun, number=int(members[2]) if members else 0)
    alike = catalog.members(catalog.by_noun.get(call.noun, ()), call.color)
    if all(index == own or (things[index].count > 1) != call.plural for index, _ in alike):
        last = call.synonym or call.noun
        longer = catalog.members(catalog.by_last.get(last, ()), call.color)
        alike = longer if any((things[index].count > 1) == call.plural for index, _ in longer) else alike
    if call.synonym:
        # "man" and "woman" are one noun; who says one of them means it.
        exact = [each for each in alike if call.synonym in re.split(r"\W+", things[each[0]].words.lower())]
        alike = exact or alike
    if call.number:
        if call.number > len(alike):
            raise words.error(f'there is no "{shown(call.said)}"', f"a number up to {len(alike)}" if alike else right)
        index, member = alike[call.number - 1]
        return Reference(index, member if things[index].count > 1 else 0)
    others = sorted({index for index, _ in alike if index != own})
    # "chairs" means a group, "chair" what stands alone.
    others = [index for index in others if (things[index].count > 1) == call.plural] or others
    if len(others) == 1 and (things[others[0]].count == 1 or call.plural or not find_noun(call.noun)):
        return Reference(others[0])
    if not others:
        if call.said in ("ground", "floor"):
            return None
        stand = " to stand on" if what == "on" else ""
        known = [word for place, thing in enumerate(things) if place != own for word in (thing.name, thing.noun)]
        hint = suggest(shown(call.said), filter(None, known))
        raise words.error(f'there is no other object "{shown(call.said)}"{stand}{hint}', right)
    count = sum(things[index].count for index in others)
    raise words.error(
        f'"{what} {shown(call.said)}" could be any of {count} objects', 'a name, given to the one meant with "as"'
    )


def find_reference(said: str, things: Sequence[Thing], own: int | None = None) -> Reference | None:
    """What words call in a text of these things, in the line of thing `own`; None if it is nothing, or not one thing.

    said: in lower case, words with one space between, as in a line.
    """
    words = Words(0, said.split())
    known = _Known({thing.name.lower() for thing in things if thing.name})
    known.nouns |= {thing.noun for thing in things if not find_noun(thing.noun)}
    try:
        call = _read_call(words, known, "of")
        found = _resolve(call, _Catalog(list(things)), words, own, "of")
    except InputError:
        return None
    if words.peek() is not None or found is None:
        return None
    return None if found.thing == own and (things[own].count == 1 or found.member == 0) else found


def _color(thing: Thing) -> str:
    """The colour by which others may call it: that said, or white, which a text of numbers alone gives."""
    return thing.color or ("white" if thing.noun in KINDS else "")


# --- an object -----------------------------------------------------------------------------------------------------


@dataclass
class _Line:
    """A line about an object while it is read: the thing, and its relations with their calls not yet looked up."""

    words: Words
    thing: Thing
    relations: list[tuple[str, tuple[_Call, ...], float | None]]
    clauses: list[Clause]


class _ThingReader:
    """Reads one line about an object."""

    def __init__(self, words: Words, known: _Known):
        self.words, self.known = words, known
        self.thing = Thing("", line=words.line)
        self.relations: list[tuple[str, tuple[_Call, ...], float | None]] = []
        self.clauses = _Clauses()
        self.seen: set[str] = set()
        self.strange: list[str] = []  # words that are nothing else, maybe an unknown noun
        self.spoken: list[str] = []  # attributes and quotes
        self.extents: dict[str, float] = {}
        self.spare = ""  # a word that was taken for a colour and may be the noun

    def read(self) -> _Line:
        self.read_count()
        while (word := self.words.peek()) is not None:
            self.clauses.begin(self.words)
            self.read_clause(word)
        self.clauses.end(self.words)
        self.settle_noun()
        extents = tuple((e, self.extents[e]) for e in _EXTENTS if e in self.extents)
        thing = replace(self.thing, words=" ".join(self.spoken), extents=extents)
        return _Line(self.words, thing, self.relations, list(self.clauses))

    def once(self, what: str) -> None:
        if what in self.seen:
            raise self.words.error(f"the {what} is given twice", "one for each object, and one object for each line")
        self.seen.add(what)
        self.clauses[-1].says.add(what)

    def relate(self, kind: str, *calls: _Call, value: float | None = None) -> None:
        self.relations.append((kind, calls, value))
        self.clauses[-1].says.add(kind)

    def change(self, **values: Any) -> None:
        self.thing = replace(self.thing, **values)

    def read_count(self) -> None:
        words, count = self.words, self.words.peek() or ""
        if count in _COUNTS or (re.fullmatch(r"\d+", count) and not words.comes_measure()):
            self.clauses.begin(words)
            self.clauses[-1].says.add("count")
            words.next()
            number = _COUNTS.get(count) or (int(count) if len(count) < 9 else 10**9)
            if not 1 <= number <= MAX_OBJECTS:
                raise words.error(f"{shown(count)} objects are out of range", f"a number from 1 to {MAX_OBJECTS}")
            self.change(count=number)

    def read_clause(self, word: str) -> None:
        words, known = self.words, self.known
        if word[0] == '"':
            self.spoken.append(words.next()[1:])
            return
        length = _noun_length(words)
        if length > 1:  # "blue whale", "side table"
            self.take_noun(length)
        elif words.number_next():
            _read_measure(words, known, self.relate)
        elif not (self.read_mutual() or self.read_relation() or self.read_property()):
            self.read_word(length)

    def read_mutual(self) -> bool:
        """What the things of a group are to each other."""
        words = self.words
        mutual = next((each for each in _MUTUAL if words.comes(*each[0]) and words.peek(len(each[0])) != "with"), None)
        if not mutual:
            return False
        wording, kind = mutual
        words.take(len(wording))
        if self.thing.count < 2:
            raise words.error(
                f'"{" ".join(wording)}" needs a group, or "with" after it', "the name or the kind of another object"
            )
        self.relate(_read_ways(words) if kind == "side by side" else kind)
        return True

    def read_relation(self) -> bool:
        words, known, word = self.words, self.known, self.words.peek()
        if words.accept("in", "row"):
            self.once("arrangement")
            self.relate("in a row")
        elif words.accept("in", "circle"):
            self.once("arrangement")
            self.relate("in a circle")
        elif word in ("on", "against") and _read_wall(words, known):
            self.once("support")
            self.relate("on wall" if word == "on" else "against wall")
        elif (kind := _relation_next(words)) is not None:
            if kind == "on":
                self.once("support")
            elif kind == "around":
                self.once("arrangement")
            _read_relation(words, known, kind, self.relate)
        elif f"{word} {words.peek(1)}" in COMPARED:
            kind = " ".join(words.take(2))
            self.relate(kind, _read_call(words, known, kind))
        elif word in ("twice", "half"):
            words.next()
            _read_ratio(words, known, 2.0 if word == "twice" else 0.5, self.relate)
        else:
            return False
        return True

    def read_property(self) -> bool:
        """A key word with its value."""
        words, word = self.words, self.words.peek()
        if word not in _PROPERTIES:
            return False
        words.next()
        self.once(_PROPERTIES[word])
        if word == "at":
            self.change(at=words.numbers(word, _POSITION))
        elif word == "size":
            self.change(size=words.numbers(word, _SIZE))
        elif word in _EXTENTS:
            (self.extents[word],) = words.numbers(word, _EXTENT)
        elif word == "yaw":
            self.change(yaw=words.numbers(word, _YAW)[0])
        elif word in ("facing", "looking"):
            direction = _read_facing(words, self.known, word)
            if isinstance(direction, str):
                self.change(facing=direction)
            else:
                self.relate("facing", direction)
        elif word == "as":
            self.change(name=_read_name(words))
        elif word == "like":
            self.change(like=_read_like(words))
        else:
            self.change(parts=_read_parts(words))
        return True

    def read_word(self, length: int) -> None:
        """A word that is no key word: hidden, a colour, an attribute, a noun of `length` words, or unknown."""
        words, thing, word = self.words, self.thing, self.words.peek()
        if words.accept("hidden"):
            self.change(hidden=True)
        elif word in COLOR_WORDS and thing.color and self.relations and _lacks_color(self.relations[-1]):
            # "car red left of house blue": the thing has its colour, so this is the other's.
            kind, calls, value = self.relations[-1]
            self.clauses[-1].says.add(kind)
            color = COLOR_WORDS[words.next()]
            self.relations[-1] = (kind, (*calls[:-1], replace(calls[-1], color=color)), value)
        elif word in COLOR_WORDS and not (thing.color and not thing.noun and find_noun(word)):
            self.once("colour")
            words.next()
            self.spare = word if find_noun(word) else ""
            self.change(color=COLOR_WORDS[word])
        elif word in lexicon.ATTRIBUTES and (not find_noun(word) or thing.noun or _noun_follows(words, self.known)):
            self.spoken.append(words.next())
        elif length:
            self.take_noun(length)
        else:
            self.strange.append(words.next())

    def take_noun(self, length: int) -> None:
        self.once("kind")
        phrase = " ".join(self.words.take(length))
        self.change(noun=find_noun(phrase) or phrase)
        if synonym(phrase):
            self.spoken.append(synonym(phrase))

    def settle_noun(self) -> None:
        """The noun of a line without a known one: a colour's word, or an unknown word with a size or a shape."""
        if not self.thing.noun and self.spare:
            self.change(noun=find_noun(self.spare) or self.spare, color="")
        if self.strange:
            sized = self.thing.size or self.thing.like or self.thing.parts
            if self.thing.noun or not sized or len(self.strange) > _NOUN_WORDS:
                raise _unknown_word(self.words, self.strange[0], bool(self.thing.noun))
            self.change(noun=" ".join(self.strange))
        if not self.thing.noun:
            raise self.words.error("there is no kind of object", f"one of {', '.join(KINDS)}, or another noun")


_EXTENTS = ("height", "width", "length")
# Key words, and what a line says once with one of them.
_PROPERTIES = {
    "at": "position",
    "size": "size",
    "yaw": "direction",
    "height": "height",
    "width": "width",
    "length": "length",
    "facing": "direction",
    "looking": "direction",
    "as": "name",
    "like": "likeness",
    "parts": "shape",
}


def _unknown_word(words: Words, word: str, has_noun: bool) -> InputError:
    known = (*COLOR_WORDS, *_CLAUSES, *SUBJECTS, *(() if has_noun else (*KIND_WORDS, *lexicon.NOUNS)))
    size = "" if has_noun else f"; a word that is no known noun takes a size: {shown(word)} size 1"
    return words.error(
        f'"{shown(word)}" is not known{suggest(word[:40], known)}',
        f"a kind of object (car, house, giraffe or another noun), a colour (red, brown or another), a relation, or "
        f"{listing(_THING_WORDS)}{size}",
    )


def _lacks_color(relation: tuple[str, tuple[_Call, ...], float | None]) -> bool:
    return bool(relation[1]) and bool(relation[1][-1].noun) and not relation[1][-1].color


def _noun_length(words: Words) -> int:
    for length in range(_NOUN_WORDS, 0, -1):
        phrase = words.ahead(length)
        if phrase.count(" ") == length - 1 and find_noun(phrase):
            return length
    return 0


def _relation_next(words: Words) -> str | None:
    return next((kind for wording, kind in _RELATIONS if words.accept(*wording)), None)


def _read_relation(words: Words, known: _Known, kind: str, relate) -> None:
    after = kind
    if kind == "between":
        first = _read_call(words, known, after)
        if words.accept("and"):
            relate(kind, first, _read_call(words, known, "and"))
        elif first.plural:
            relate(kind, first)
        else:
            raise words.error(f'"between {shown(first.said)}" has one end', '"between", a thing, "and", a thing')
        return
    call = _read_call(words, known, after)
    if kind == "side by side":
        kind = _read_ways(words)
    value = None
    if kind in _GAPPED and words.accept("by"):
        (value,) = words.numbers("by", _GAP)
    relate(kind, call, value=value)


def _read_ways(words: Words) -> str:
    if words.accept("opposite", "ways") or words.accept("facing", "opposite", "ways"):
        return "side by side opposite ways"
    if not words.accept("same", "way"):
        words.accept("facing", "same", "way")
    return "side by side same way"


def _read_measure(words: Words, known: _Known, relate) -> None:
    """A clause that begins with a number: "2 from dog", "0.5 taller than dog", "3 times as big as dog"."""
    first, after = words.peek() or "", words.peek(1)
    if after in ("from", "away"):
        value = words.number(_DISTANCE)
        words.accept("away")
        if not words.accept("from"):
            raise words.error(f'"{shown(first)} away" is not understood', f'"{shown(first)} from" and a thing')
        if words.peek() in ("camera", "viewer"):
            words.next()
            relate("from camera", value=value)
        else:
            relate("from", _read_call(words, known, "from"), value=value)
    elif f"{after} than" in COMPARED and words.peek(2) == "than":
        value = words.number(_MORE)
        kind = " ".join(words.take(2))
        relate(kind, _read_call(words, known, kind), value=value)
    elif after == "times":
        value = words.number(_RATIO)
        words.next()
        _read_ratio(words, known, value, relate)
    else:
        raise words.error(
            f'the number "{shown(first)}" belongs to no key word',
            '"at", "size" or "yaw" before it, or "from" or "taller than" after it',
        )


def _read_ratio(words: Words, known: _Known, value: float, relate) -> None:
    if not (words.accept("as", "big", "as") or words.accept("as", "large", "as") or words.accept("size", "of")):
        raise words.error('a number of times has no "as big as" after it', '"as big as" and a thing')
    if value == 1:
        raise words.error("1 times as big is no difference", "another ratio, or no such words")
    relate("times as big as", _read_call(words, known, "as big as"), value=value)


def _read_wall(words: Words, known: _Known) -> bool:
    """Take "on wall" or "against wall", which is the room's unless a thing is called so."""
    if "wall" in known.names:
        return False
    first = words.peek() or ""
    return words.accept(first, "wall") or words.accept(first, "back", "wall")


def _read_facing(words: Words, known: _Known, key: str) -> str | _Call:
    words.skip(_TOWARDS)
    direction = words.peek()
    if direction is None:
        raise words.error(f'"{key}" has no direction after it', 'viewer, away, left or right, a thing, or "yaw"')
    if direction in FACING and direction not in known.names:
        words.next()
        if words.peek() == "from":  # "away from the camera"
            words.next()
            if FACING[direction] != "away" or FACING.get(words.next() or "") != "viewer":
                raise words.error(f'"{direction} from" is not understood', '"away from the camera"')
        return FACING[direction]
    call = _read_call(words, known, key)
    if not call.name and not call.noun:
        raise words.error(unknown(call.said, FACING, f' after "{key}"'), "viewer, away, left or right, or a thing")
    return call


def _read_name(words: Words) -> str:
    name = words.next()
    at_end = not name
    if name.startswith('"'):
        name = " ".join(name[1:].split())
        right = bool(name)
    else:
        right = _NAME.fullmatch(name) is not None
        number = _read_ordinal(words) if right else 0
        name = f"{name} {number}" if number else name
    if not right or name.lower() in COLOR_WORDS or name.lower() in ("camera", "viewer") or len(name) > 100:
        wrong = '"as" has no name after it' if at_end else f'"{shown(name)}" cannot be a name'
        raise words.error(wrong, "one word of letters, digits, - and _ that is no colour")
    return name


def _read_like(words: Words) -> str:
    for length in range(_NOUN_WORDS + 1, 0, -1):
        phrase = words.ahead(length)
        found = phrase if phrase in BODY_PLANS else find_noun(phrase)
        if phrase and phrase.count(" ") == length - 1 and found:
            words.take(length)
            return found
    word = words.peek()
    if word is None:
        raise words.error('"like" has nothing after it', "a noun or a body plan")
    hint = lexicon.suggest_noun(word[:40]) or suggest(word[:40], BODY_PLANS)
    raise words.error(f'"{shown(word)}" after "like" is not known{hint}', "a noun or a body plan")


def _read_parts(words: Words) -> tuple[Primitive, ...]:
    parts: list[Primitive] = []
    while (shape := words.peek()) in _SHAPES:
        words.next()
        if len(parts) == MAX_PARTS:
            raise words.error(f"there are more than {MAX_PARTS} parts", "fewer")
        x, y, z, width, height, length = words.numbers(shape, _PLACE)
        for edge in (width, height, length):
            if edge < 1e-4:
                raise words.error(f"an edge of the {shape} is {edge:g}", "metres above 0")
        color = "main"
        if words.peek() in ROLES or words.peek() in COLOR_WORDS:
            word = words.next()
            color = word if word in ROLES else COLOR_WORDS[word]
        taper = (0.0, 0.0) if shape == "cone" else (1.0, 1.0)
        axis, tilt = "y", 0.0
        while (key := words.peek()) in ("taper", "axis", "tilt"):
            words.next()
            if key == "taper":
                across, *along = words.numbers(key, _TAPER)
                taper = (across, along[0] if along else across)
            elif key == "tilt":
                (tilt,) = words.numbers(key, _TILT)
            else:
                axis = words.next() or ""
                if axis not in ("x", "y", "z", "-y"):
                    raise words.error(f'"{shown(axis)}" after "axis" is not known', "x, y, z or -y")
        parts.append(Primitive(_SHAPES[shape], (x, y, z), (width, height, length), color, taper, axis, tilt))
    if not parts:
        wrong = f'"{shown(shape)}" after "parts" is not known' if shape else '"parts" has nothing after it'
        raise words.error(wrong, f"{listing(_SHAPES)} and six numbers: {_PLACE.form}")
    low, high = box_of(parts)
    for name, edge in zip(("wide", "high", "long"), (b - a for a, b in zip(low, high))):
        if not 0.001 <= edge <= 200:
            raise words.error(f"the parts together are {edge:g} m {name}", "from 0.001 to 200 metres")
    return tuple(parts)


# --- camera, light, surroundings -----------------------------------------------------------------------------------


def _read_settings(words: Words, subject: str) -> Numbers:
    """The key words and numbers of a line about the light or the surroundings."""
    table = SETTINGS[subject]
    found: dict[str, tuple[float, ...]] = {}
    while key := words.next():
        if key not in table:
            raise words.error(unknown(key, table, f' after "{subject}"'), listing(table))
        if key in found:
            raise words.error(f'"{key}" is given twice', "once")
        found[key] = words.numbers(key, table[key])
    return _in_order(found, table)


def _in_order(found: dict[str, tuple[float, ...]], table: Iterable[str]) -> Numbers:
    return tuple((key, found[key]) for key in table if key in found)


@dataclass
class _CameraWords:
    """The camera's line while it is read."""

    words: Words
    line: CameraLine
    distances: list[tuple[float, _Call]]
    sees: list[tuple[str, _Call]]
    clauses: list[Clause]


def _read_camera(words: Words, known: _Known) -> _CameraWords:
    numbers: dict[str, tuple[float, ...]] = {}
    distances: list[tuple[float, _Call]] = []
    sees: list[tuple[str, _Call]] = []
    shot = level = ""
    auto = False
    clauses = _Clauses()
    while (word := words.peek()) is not None:
        clauses.begin(words)
        clauses[-1].says.add(word if word in _CAMERA else "wish")
        if words.number_next():
            metres = words.number(_DISTANCE)
            words.accept("away")
            if not words.accept("from"):
                raise words.error(f'{metres:g} after "camera" has no "from" after it', '"from" and a thing')
            distances.append((metres, _read_call(words, known, "from")))
        elif word in ("sees", "seeing"):
            words.next()
            sees.append(_read_side(words, known, distances))
        elif words.accept("auto"):
            auto = True
        elif word in SHOTS:
            words.next()
            words.accept("shot")
            if shot and shot != word:
                raise words.error(f"the shot is {shot} and {word}", "one of them")
            shot = word
        elif (found := _level_next(words)) is not None:
            if level and level != found:
                raise words.error(f"the level is {level} and {found}", "one of them")
            level = found
        elif word in _CAMERA:
            words.next()
            if word in numbers:
                raise words.error(f'"{word}" is given twice', "once")
            numbers[word] = words.numbers(word, _CAMERA[word])
        else:
            wishes = ("auto", "sees", *SHOTS, "low", "eye", "high", "top-down")
            raise words.error(
                unknown(word, (*_CAMERA, *wishes), ' after "camera"'),
                f"{listing(_CAMERA)}, or a wish: auto, 3 from dog, sees left of dog, {', '.join((*SHOTS, *LEVELS))}",
            )
    if shot and "fov" in numbers and "at" in numbers:
        raise words.error(f'"{shot}" and both "fov" and "at" are given', "the wish or the numbers")
    auto = auto or bool(distances or sees or shot or level)
    line = CameraLine(_in_order(numbers, _CAMERA), auto, shot=shot, level=level, line=words.line)
    clauses.end(words)
    return _CameraWords(words, line, distances, sees, list(clauses))


def _level_next(words: Words) -> str | None:
    for wording, level in (
        (("low",), "low"),
        (("eye", "level"), "eye level"),
        (("eye-level",), "eye level"),
        (("high",), "high"),
        (("top-down",), "top-down"),
        (("top", "down"), "top-down"),
    ):
        if words.accept(*wording):
            words.accept("angle")
            return level
    return None


def _read_side(words: Words, known: _Known, distances: list[tuple[float, _Call]]) -> tuple[str, _Call]:
    its = words.accept("its")
    side = words.next()
    if side not in _SIDES:
        wrong = f'"{shown(side)}" after "sees" is not a side' if side else '"sees" has nothing after it'
        raise words.error(wrong, f'{listing(_SIDES)}, "of" and a thing')
    words.accept("side")
    if words.accept("of"):
        return side, _read_call(words, known, "of")
    if its and distances:
        return side, distances[-1][1]
    raise words.error(f'"sees {side}" does not say of what', f'"sees {side} of" and a thing')


# --- the text ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """A program with where each of its things, and its camera, stands in the text: the clauses of their statements.

    camera: without the word itself. camera_word, place_word: where "camera", and "outdoor" or "room", stand; None
    without such a line.
    """

    program: SceneProgram
    things: tuple[tuple[Clause, ...], ...]
    camera: tuple[Clause, ...]
    camera_word: tuple[int, int] | None
    place_word: tuple[int, int] | None


def read_scene_text(text: str) -> SceneProgram:
    """Read a scene text. Raises InputError, with the number of the line, for what is not in the language."""
    return read_source(text).program


def read_source(text: str) -> Source:
    """Read a scene text and where what it says stands in it. Raises InputError as `read_scene_text` does."""
    statements = list(split_text(text))
    if len(statements) > 4 * MAX_OBJECTS:
        raise InputError(f"the scene text has {len(statements):,} lines; expected at most {MAX_OBJECTS:,} objects.")
    known = _Known.of(statements)
    said: dict[str, Words] = {}  # where each of the settings is
    camera = None
    light: Numbers = ()
    surroundings: Numbers = ()
    place = ""
    lines: list[_Line] = []
    total = 0
    for words in statements:
        subject = SUBJECTS.get(words.peek() or "") if _noun_length(words) < 2 else None
        if subject is None:
            lines.append(_ThingReader(words, known).read())
            total += lines[-1].thing.count
            if total > MAX_OBJECTS:
                raise words.error(f"with it there are more than {MAX_OBJECTS:,} objects", "fewer, or smaller groups")
            continue
        part = "surroundings" if subject in ("outdoor", "room") else subject
        if part in said:
            raise words.error(f"the {part} is already described in line {said[part].line}", "one such line")
        said[part] = words
        words.next()
        if subject == "camera":
            camera = _read_camera(words, known)
        elif subject == "light":
            light = _read_settings(words, subject)
        else:
            place, surroundings = subject, _read_settings(words, subject)
    if not lines:
        raise InputError("the scene text has no object; expected at least one, for instance: car red at 0 6.")
    _check_names(lines)
    catalog = _Catalog([line.thing for line in lines])
    program = SceneProgram(
        tuple(_finish(line, catalog, index, place) for index, line in enumerate(lines)),
        _finish_camera(camera, catalog) if camera else CameraLine(),
        light,
        place,
        surroundings,
        said["surroundings"].line if place else 0,
    )
    _check_member_names(program, lines)
    return Source(
        program,
        tuple(tuple(line.clauses) for line in lines),
        tuple(camera.clauses) if camera else (),
        said["camera"].spans[0] if camera else None,
        said["surroundings"].spans[0] if place else None,
    )


def _check_names(lines: list[_Line]) -> None:
    found: dict[str, int] = {}
    for line in lines:
        name = line.thing.name.lower()
        if name in found:
            raise line.words.error(f'the name "{name}" is already used in line {found[name]}', "another name")
        if name:
            found[name] = line.words.line


def _check_member_names(program: SceneProgram, lines: list[_Line]) -> None:
    """No member of a group has the name of another object."""
    owners = [line for line in lines for _ in range(line.thing.count)]
    found: dict[str, _Line] = {}
    for name, line in zip(member_names(program), owners):
        other = found.get(name.lower()) if name else None
        if other is not None:
            named = line if line.thing.name else other
            raise named.words.error(f'the name "{name}" is already that of one of a group', "another name")
        found[name.lower()] = line


def _finish(line: _Line, catalog: _Catalog, own: int, place: str) -> Thing:
    """The thing with its relations looked up. Raises InputError for a line that contradicts itself."""
    words, thing = line.words, line.thing
    relations = []
    for kind, calls, value in line.relations:
        resolved = [_resolve(call, catalog, words, own, kind) for call in calls]
        references = [reference for reference in resolved if reference is not None]
        if len(references) < len(resolved):
            if kind != "on":
                raise words.error(f'"{kind} {calls[0].said}" is not understood', "another object")
            continue
        for reference in references:
            if reference.thing == own and (thing.count == 1 or reference.member == 0):
                raise words.error(f'"{kind} {shown(calls[0].said)}" is about the object itself', "another object")
        if kind == "between" and sum(catalog.things[r.thing].count if not r.member else 1 for r in references) != 2:
            raise words.error('"between" has more than two ends', "two things")
        if kind in ("on wall", "against wall") and place != "room":
            raise words.error(f'"{kind}" has no wall outdoors', 'the line "room", or another place')
        relations.append(Relation(kind, tuple(references), value, words.line))
    on = [relation for relation in relations if relation.kind == "on"]
    if thing.at is not None and len(thing.at) == 3:
        if on:
            raise words.error('there is both a height after "at" and "on"', "only one of them")
        if thing.at[2] < 0:
            raise words.error(f"the base is at height {thing.at[2]:g}", "0 or more metres above the ground")
    if thing.size and (len(thing.size) == 3 or "height" in dict(thing.extents)) and thing.extents:
        raise words.error(f'both "size" and "{thing.extents[0][0]}" are given', "one of them")
    if thing.count > 1 and thing.at is not None:
        raise words.error(f"{thing.count} objects have one position", "a line for each, or relations")
    return replace(thing, relations=tuple(relations))


def _finish_camera(camera: _CameraWords, catalog: _Catalog) -> CameraLine:
    def resolve(call: _Call, what: str) -> Reference:
        reference = _resolve(call, catalog, camera.words, None, what)
        if reference is None:
            raise camera.words.error(f'"{what} {call.said}" is not understood', "an object of this text")
        return reference

    return replace(
        camera.line,
        distances=tuple((metres, resolve(call, "from")) for metres, call in camera.distances),
        sees=tuple((side, resolve(call, "of")) for side, call in camera.sees),
    )
