"""How a line of scene text calls another thing, and which thing of the text that is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from ..errors import InputError, suggest
from . import lexicon
from .keywords import CLAUSES, COLOR_WORDS, COUNTS, NOUN_WORDS, find_noun, is_plural, noun_length, synonym
from .program import Reference, Thing
from .scene import KINDS
from .words import NUMBER_LIKE, Words, shown


@dataclass(frozen=True)
class Call:
    """Words for another thing, not yet looked up: a name; or a noun, maybe with a colour or a number."""

    said: str
    name: str = ""
    noun: str = ""
    color: str = ""
    number: int = 0  # 0: none
    plural: bool = False
    synonym: str = ""


@dataclass
class Known:
    """What other lines can be called by, gathered before any of them is read: names, and words that are no nouns."""

    names: set[str] = field(default_factory=set)  # in lower case
    nouns: set[str] = field(default_factory=set)

    @staticmethod
    def of(lines: Iterable[Words]) -> Known:
        known = Known()
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
    while place < len(said) and said[place] not in CLAUSES:
        if place and NUMBER_LIKE.match(said[place]):  # of a clause: "iron 2 from camera"
            break
        length = next((n for n in range(NOUN_WORDS, 0, -1) if find_noun(" ".join(said[place : place + n]))), 0)
        if length and said[place] not in lexicon.ATTRIBUTES:
            return ""
        if said[place][0] != '"' and said[place] not in COLOR_WORDS and said[place] not in lexicon.ATTRIBUTES:
            if not (place == 0 and (said[0][0].isdigit() or said[0] in COUNTS)):
                run.append(said[place])
        place += max(length, 1)
    return " ".join(run)


def read_call(words: Words, known: Known, after: str) -> Call:
    """The words for another thing."""
    said = words.peek()
    if said is None or (said in CLAUSES and said not in known.names and not noun_length(words)):
        raise words.error(f'"{after}" has nothing after it', "the name or the kind of another object")
    if said[0] == '"':
        words.next()
        return Call(said[1:], name=said[1:].lower())
    for length in range(NOUN_WORDS + 1, 0, -1):
        phrase = words.ahead(length)
        if phrase.count(" ") == length - 1 and phrase in known.names:
            words.take(length)
            number = read_ordinal(words)
            return Call(f"{phrase} {number}" if number else phrase, name=phrase, number=number)
    start: list[str] = []
    color = ""
    while (word := words.peek()) is not None:
        for length in range(NOUN_WORDS + 1, 0, -1):
            phrase = words.ahead(length)
            noun = find_noun(phrase) or (phrase if phrase in known.nouns else None)
            # "glass table", "orange ball": the first word is a noun too, but here it describes.
            describes = length == 1 and (word in lexicon.ATTRIBUTES or word in COLOR_WORDS)
            if noun and phrase.count(" ") == length - 1 and not (describes and noun_follows(words, known)):
                words.take(length)
                number = read_ordinal(words)
                said = " ".join([*start, phrase, *([str(number)] if number else [])])
                return Call(said, "", noun, color, number, is_plural(phrase), synonym(phrase))
        if word in COLOR_WORDS and not color:
            color = COLOR_WORDS[word]
        elif word not in lexicon.ATTRIBUTES:
            break
        start.append(words.next())
    while (word := words.peek()) is not None and word not in CLAUSES and word not in COLOR_WORDS and len(start) < 6:
        start.append(words.next())
    return Call(" ".join(start))


def noun_follows(words: Words, known: Known) -> bool:
    """Whether there is a noun behind the next word and whatever describes it."""
    place = 1
    while (word := words.peek(place)) is not None and word not in CLAUSES:
        for length in range(NOUN_WORDS, 0, -1):
            phrase = " ".join(words.peek(place + each) or "" for each in range(length)).rstrip()
            if phrase.count(" ") == length - 1 and (find_noun(phrase) or phrase in known.nouns):
                return True
        if word not in lexicon.ATTRIBUTES and word not in COLOR_WORDS:
            return False
        place += 1
    return False


def read_ordinal(words: Words) -> int:
    """The number of "chair 2"; 0 where there is none, or where it begins another clause: "2 from dog"."""
    word = words.peek()
    if word is None or not re.fullmatch(r"[1-9]\d{0,3}", word) or words.comes_measure():
        return 0
    words.next()
    return int(word)


class Catalog:
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


def resolve_call(call: Call, catalog: Catalog, words: Words, own: int | None, what: str) -> Reference | None:
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
    known = Known({thing.name.lower() for thing in things if thing.name})
    known.nouns |= {thing.noun for thing in things if not find_noun(thing.noun)}
    try:
        call = read_call(words, known, "of")
        found = resolve_call(call, Catalog(list(things)), words, own, "of")
    except InputError:
        return None
    if words.peek() is not None or found is None:
        return None
    return None if found.thing == own and (things[own].count == 1 or found.member == 0) else found


def _color(thing: Thing) -> str:
    """The colour by which others may call it: that said, or white, which a text of numbers alone gives."""
    return thing.color or ("white" if thing.noun in KINDS else "")
