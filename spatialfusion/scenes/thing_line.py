"""A line of scene text about a thing: its noun, colour, size, place, and relations to others."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from ..errors import InputError, suggest
from . import lexicon
from .body_plans import BODY_PLANS
from .clauses import Clause, Clauses
from .keywords import (
    CLAUSES,
    COLOR_WORDS,
    COUNTS,
    DISTANCE,
    EXTENT,
    FACING,
    GAP,
    GAPPED,
    KIND_WORDS,
    MAX_PARTS,
    MORE,
    MUTUAL,
    NAME,
    NOUN_WORDS,
    PLACE,
    POSITION,
    RATIO,
    RELATIONS,
    ROLES,
    SHAPES,
    SIZE,
    SUBJECTS,
    TAPER,
    THING_WORDS,
    TILT,
    TOWARDS,
    YAW,
    find_noun,
    noun_length,
    synonym,
)
from .primitives import Primitive, box_of
from .program import COMPARED, MAX_OBJECTS, Thing
from .references import Call, Known, noun_follows, read_call, read_ordinal
from .scene import KINDS
from .words import Words, listing, shown, unknown


@dataclass
class Line:
    """A line about an object while it is read: the thing, and its relations with their calls not yet looked up."""

    words: Words
    thing: Thing
    relations: list[tuple[str, tuple[Call, ...], float | None]]
    clauses: list[Clause]


class ThingReader:
    """Reads one line about an object."""

    def __init__(self, words: Words, known: Known):
        self.words, self.known = words, known
        self.thing = Thing("", line=words.line)
        self.relations: list[tuple[str, tuple[Call, ...], float | None]] = []
        self.clauses = Clauses()
        self.seen: set[str] = set()
        self.strange: list[str] = []  # words that are nothing else, maybe an unknown noun
        self.spoken: list[str] = []  # attributes and quotes
        self.extents: dict[str, float] = {}
        self.spare = ""  # a word that was taken for a colour and may be the noun

    def read(self) -> Line:
        self.read_count()
        while (word := self.words.peek()) is not None:
            self.clauses.begin(self.words)
            self.read_clause(word)
        self.clauses.end(self.words)
        self.settle_noun()
        extents = tuple((e, self.extents[e]) for e in _EXTENTS if e in self.extents)
        thing = replace(self.thing, words=" ".join(self.spoken), extents=extents)
        return Line(self.words, thing, self.relations, list(self.clauses))

    def once(self, what: str) -> None:
        if what in self.seen:
            raise self.words.error(f"the {what} is given twice", "one for each object, and one object for each line")
        self.seen.add(what)
        self.clauses[-1].says.add(what)

    def relate(self, kind: str, *calls: Call, value: float | None = None) -> None:
        self.relations.append((kind, calls, value))
        self.clauses[-1].says.add(kind)

    def change(self, **values: Any) -> None:
        self.thing = replace(self.thing, **values)

    def read_count(self) -> None:
        words, count = self.words, self.words.peek() or ""
        if count in COUNTS or (re.fullmatch(r"\d+", count) and not words.comes_measure()):
            self.clauses.begin(words)
            self.clauses[-1].says.add("count")
            words.next()
            number = COUNTS.get(count) or (int(count) if len(count) < 9 else 10**9)
            if not 1 <= number <= MAX_OBJECTS:
                raise words.error(f"{shown(count)} objects are out of range", f"a number from 1 to {MAX_OBJECTS}")
            self.change(count=number)

    def read_clause(self, word: str) -> None:
        words, known = self.words, self.known
        if word[0] == '"':
            self.spoken.append(words.next()[1:])
            return
        length = noun_length(words)
        if length > 1:  # "blue whale", "side table"
            self.take_noun(length)
        elif words.number_next():
            _read_measure(words, known, self.relate)
        elif not (self.read_mutual() or self.read_relation() or self.read_property()):
            self.read_word(length)

    def read_mutual(self) -> bool:
        """What the things of a group are to each other."""
        words = self.words
        mutual = next((each for each in MUTUAL if words.comes(*each[0]) and words.peek(len(each[0])) != "with"), None)
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
            self.relate(kind, read_call(words, known, kind))
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
            self.change(at=words.numbers(word, POSITION))
        elif word == "size":
            self.change(size=words.numbers(word, SIZE))
        elif word in _EXTENTS:
            (self.extents[word],) = words.numbers(word, EXTENT)
        elif word == "yaw":
            self.change(yaw=words.numbers(word, YAW)[0])
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
        elif word in lexicon.ATTRIBUTES and (not find_noun(word) or thing.noun or noun_follows(words, self.known)):
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
            if self.thing.noun or not sized or len(self.strange) > NOUN_WORDS:
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
    known = (*COLOR_WORDS, *CLAUSES, *SUBJECTS, *(() if has_noun else (*KIND_WORDS, *lexicon.NOUNS)))
    size = "" if has_noun else f"; a word that is no known noun takes a size: {shown(word)} size 1"
    return words.error(
        f'"{shown(word)}" is not known{suggest(word[:40], known)}',
        f"a kind of object (car, house, giraffe or another noun), a colour (red, brown or another), a relation, or "
        f"{listing(THING_WORDS)}{size}",
    )


def _lacks_color(relation: tuple[str, tuple[Call, ...], float | None]) -> bool:
    return bool(relation[1]) and bool(relation[1][-1].noun) and not relation[1][-1].color


def _relation_next(words: Words) -> str | None:
    return next((kind for wording, kind in RELATIONS if words.accept(*wording)), None)


def _read_relation(words: Words, known: Known, kind: str, relate) -> None:
    after = kind
    if kind == "between":
        first = read_call(words, known, after)
        if words.accept("and"):
            relate(kind, first, read_call(words, known, "and"))
        elif first.plural:
            relate(kind, first)
        else:
            raise words.error(f'"between {shown(first.said)}" has one end', '"between", a thing, "and", a thing')
        return
    call = read_call(words, known, after)
    if kind == "side by side":
        kind = _read_ways(words)
    value = None
    if kind in GAPPED and words.accept("by"):
        (value,) = words.numbers("by", GAP)
    relate(kind, call, value=value)


def _read_ways(words: Words) -> str:
    if words.accept("opposite", "ways") or words.accept("facing", "opposite", "ways"):
        return "side by side opposite ways"
    if not words.accept("same", "way"):
        words.accept("facing", "same", "way")
    return "side by side same way"


def _read_measure(words: Words, known: Known, relate) -> None:
    """A clause that begins with a number: "2 from dog", "0.5 taller than dog", "3 times as big as dog"."""
    first, after = words.peek() or "", words.peek(1)
    if after in ("from", "away"):
        value = words.number(DISTANCE)
        words.accept("away")
        if not words.accept("from"):
            raise words.error(f'"{shown(first)} away" is not understood', f'"{shown(first)} from" and a thing')
        if words.peek() in ("camera", "viewer"):
            words.next()
            relate("from camera", value=value)
        else:
            relate("from", read_call(words, known, "from"), value=value)
    elif f"{after} than" in COMPARED and words.peek(2) == "than":
        value = words.number(MORE)
        kind = " ".join(words.take(2))
        relate(kind, read_call(words, known, kind), value=value)
    elif after == "times":
        value = words.number(RATIO)
        words.next()
        _read_ratio(words, known, value, relate)
    else:
        raise words.error(
            f'the number "{shown(first)}" belongs to no key word',
            '"at", "size" or "yaw" before it, or "from" or "taller than" after it',
        )


def _read_ratio(words: Words, known: Known, value: float, relate) -> None:
    if not (words.accept("as", "big", "as") or words.accept("as", "large", "as") or words.accept("size", "of")):
        raise words.error('a number of times has no "as big as" after it', '"as big as" and a thing')
    if value == 1:
        raise words.error("1 times as big is no difference", "another ratio, or no such words")
    relate("times as big as", read_call(words, known, "as big as"), value=value)


def _read_wall(words: Words, known: Known) -> bool:
    """Take "on wall" or "against wall", which is the room's unless a thing is called so."""
    if "wall" in known.names:
        return False
    first = words.peek() or ""
    return words.accept(first, "wall") or words.accept(first, "back", "wall")


def _read_facing(words: Words, known: Known, key: str) -> str | Call:
    words.skip(TOWARDS)
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
    call = read_call(words, known, key)
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
        right = NAME.fullmatch(name) is not None
        number = read_ordinal(words) if right else 0
        name = f"{name} {number}" if number else name
    if not right or name.lower() in COLOR_WORDS or name.lower() in ("camera", "viewer") or len(name) > 100:
        wrong = '"as" has no name after it' if at_end else f'"{shown(name)}" cannot be a name'
        raise words.error(wrong, "one word of letters, digits, - and _ that is no colour")
    return name


def _read_like(words: Words) -> str:
    for length in range(NOUN_WORDS + 1, 0, -1):
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
    while (shape := words.peek()) in SHAPES:
        words.next()
        if len(parts) == MAX_PARTS:
            raise words.error(f"there are more than {MAX_PARTS} parts", "fewer")
        x, y, z, width, height, length = words.numbers(shape, PLACE)
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
                across, *along = words.numbers(key, TAPER)
                taper = (across, along[0] if along else across)
            elif key == "tilt":
                (tilt,) = words.numbers(key, TILT)
            else:
                axis = words.next() or ""
                if axis not in ("x", "y", "z", "-y"):
                    raise words.error(f'"{shown(axis)}" after "axis" is not known', "x, y, z or -y")
        parts.append(Primitive(SHAPES[shape], (x, y, z), (width, height, length), color, taper, axis, tilt))
    if not parts:
        wrong = f'"{shown(shape)}" after "parts" is not known' if shape else '"parts" has nothing after it'
        raise words.error(wrong, f"{listing(SHAPES)} and six numbers: {PLACE.form}")
    low, high = box_of(parts)
    for name, edge in zip(("wide", "high", "long"), (b - a for a, b in zip(low, high))):
        if not 0.001 <= edge <= 200:
            raise words.error(f"the parts together are {edge:g} m {name}", "from 0.001 to 200 metres")
    return tuple(parts)
