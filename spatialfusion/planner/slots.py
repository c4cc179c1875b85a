"""The slots of wordings: what stands in each at a place of a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from ..scenes.lexicon import noun
from . import numbers, vocabulary
from .nouns import Mention
from .words import OWN_SIDES, PARTS

# Parts of which wordings of their own say where they are.
SIDED = frozenset("front back face nose eyes muzzle snout beak feet".split())
SIDES = ("front", "back", "left", "right")


class Reader(Protocol):
    """A sentence, and how its noun phrases are read."""

    words: list[str]

    def mention(self, position: int, bare_unknown: bool = False) -> Mention | None: ...

    def predicate_after(self, position: int) -> bool: ...


def is_body(mention: Mention) -> bool:
    """Whether it is part of someone: "his hand", "their heads"."""
    return mention.own and mention.said in PARTS


def _camera_slot(reader: Reader, position: int) -> tuple[str, int] | None:
    words = reader.words
    if numbers.at(words, position) == "the" and numbers.at(words, position + 1) == "camera":
        return "camera", position + 2
    word = numbers.at(words, position)
    return ("camera", position + 1) if word in ("camera", "us", "me", "you", "we") else None


def _side_slot(reader: Reader, position: int) -> tuple[str, int] | None:
    """ "left", "left side", "left-hand side", "right flank"."""
    word = numbers.at(reader.words, position)
    if word not in SIDES:
        return None
    owned = numbers.at(reader.words, position - 1) == "'s"
    if owned and position > 2 and reader.words[position - 3] == "in":
        return None  # "in her left hand"
    end = position + 1
    if numbers.at(reader.words, end) == "hand":
        end += 1
    elif {numbers.at(reader.words, end), numbers.at(reader.words, end).removesuffix("s")} & PARTS - {"side"}:
        return None  # "its back legs"
    return word, end + (numbers.at(reader.words, end) in ("side", "sides", "flank"))


def _hand_slot(reader: Reader, position: int) -> tuple[str, int] | None:
    word = numbers.at(reader.words, position)
    return (word, position + 1) if word in ("left", "right") else None


def _own_slot(reader: Reader, position: int) -> tuple[str, int] | None:
    for size in (3, 2, 1):
        side = OWN_SIDES.get(" ".join(reader.words[position : position + size]))
        if side and position + size <= len(reader.words):
            return side, position + size
    return None


def _color_slot(reader: Reader, position: int) -> tuple[str, int] | None:
    word = numbers.at(reader.words, position)
    return (word, position + 1) if word in vocabulary.COLOR_NAMES else None


def _reference_slot(reader: Reader, position: int) -> tuple[list[Mention], int] | None:
    """One thing, or several joined by "and" where nothing more is said of the last of them."""
    if _camera_slot(reader, position) is not None:
        return None
    first = reader.mention(position, bare_unknown=True)
    if first is None or (is_body(first) and numbers.at(reader.words, position - 1) == "with"):
        return None
    if first.said in ("row", "line", "rank", "column") and first.count is not None:
        return None  # "in two rows"
    first = _whole_of_part(reader, first)
    listed, end = [first], first.end
    while first.place == "" and first.pronoun == "":
        joint = numbers.at(reader.words, end)
        if joint != "and":
            break
        following = reader.mention(end + 1)
        if following is None or following.pronoun or following.place:
            break
        after = numbers.at(reader.words, following.end)
        if after not in ("", ",", "and") or (after == "," and reader.predicate_after(following.end + 1)):
            break
        if after == "and" and reader.mention(following.end + 1) is not None:
            break
        listed.append(following)
        end = following.end
    return listed, end


# Up to which a thing may reach.
_LEVELS = frozenset("waist hip hips belly chest shoulder shoulders knee knees".split())


def _whole_of_part(reader: Reader, mention: Mention) -> Mention:
    """The pirate of "the shoulder of a pirate" and "the pirate's shoulder": what is at a part is at the thing."""
    words, end = reader.words, mention.end
    if mention.unknown and not mention.own and _is_part(mention.said) and numbers.at(words, end) == "of":
        whole = reader.mention(end + 1)
        if whole is not None and not whole.place and (whole.noun is not None or whole.pronoun):
            return replace(whole, start=mention.start)
    if mention.noun is not None and not mention.plural and _is_part(numbers.at(words, end)):
        return replace(mention, end=end + 1)  # "a barn roof"
    if mention.noun is not None and numbers.at(words, end) == "'s" and _is_part(numbers.at(words, end + 1)):
        level = numbers.at(words, end + 1) in _LEVELS and numbers.at(words, mention.start - 1) in ("to", "as")
        return mention if level else replace(mention, end=end + 2)
    if mention.noun is not None and mention.said == "branch" and "of" in mention.words:
        return replace(mention, noun=noun("tree"), said="tree", words=())  # "the branch of a tree"
    return mention


def _is_part(word: str) -> bool:
    """Whether it is a part that is no side of its thing: a shoulder, but no nose, behind which comes what is ahead."""
    single = word.removesuffix("s")
    return not {word, single} & SIDED and word not in OWN_SIDES and bool({word, single} & PARTS)


def _thing_slot(reader: Reader, position: int) -> tuple[list[Mention], int] | None:
    """One thing, or one for each of a list before a verb: "a car and a house"."""
    if _camera_slot(reader, position) is not None:
        return None
    mention = reader.mention(position, bare_unknown=True)
    if mention is None or mention.place:
        return None
    return [mention], mention.end


def _more_slot(reader: Reader, position: int) -> tuple[list[Mention], int] | None:
    """Further things, behind the first: ", the dog and the car"."""
    listed: list[Mention] = []
    end = position
    while (word := numbers.at(reader.words, end)) in (",", "and"):
        start = end + 1 + (word == "," and numbers.at(reader.words, end + 1) == "and")
        mention = reader.mention(start)
        if mention is None or mention.unknown or mention.pronoun or mention.place or mention.article == "a":
            break
        listed.append(mention)
        end = mention.end
    return (listed, end) if listed else None


def _list_slot(reader: Reader, position: int) -> tuple[list[Mention], int] | None:
    listed: list[Mention] = []
    while True:
        mention = reader.mention(position, bare_unknown=True)
        if mention is None or mention.pronoun:
            break
        if not mention.place:
            listed.append(mention)
        position = mention.end
        after = position
        while numbers.at(reader.words, after) in (",", "and", "then"):
            after += 1
        if after == position:
            break
        position = after
    return (listed, position) if len(listed) > 1 or (listed and listed[0].plural) else None


def _simile_slot(reader: Reader, position: int) -> tuple[str, int] | None:
    """ "snow", "a wall": what something is likened to."""
    mention = reader.mention(position, bare_unknown=True)
    return None if mention is None or mention.pronoun else (mention.said, mention.end)


def _name_slot(reader: Reader, position: int) -> tuple[str, int] | None:
    end = position
    while numbers.at(reader.words, end)[:1].isupper():
        end += 1
    return (" ".join(reader.words[position:end]), end) if end > position else None


def _rest_slot(reader: Reader, position: int) -> tuple[str, int] | None:
    """Words up to the next comma."""
    end = position
    while end < len(reader.words) and reader.words[end] != ",":
        end += 1
    return (" ".join(reader.words[position:end]), end) if end > position else None


SLOTS: dict[str, Callable[[Reader, int], tuple[Any, int] | None]] = {
    "REF": _reference_slot,
    "A": _thing_slot,
    "B": _thing_slot,
    "MORE": _more_slot,
    "LIST": _list_slot,
    "REST": _rest_slot,
    "SIMILE": _simile_slot,
    "NAME": _name_slot,
    "CAMERA": _camera_slot,
    "SIDE": _side_slot,
    "HAND": _hand_slot,
    "OWN": _own_slot,
    "COLOR": _color_slot,
    "FACTOR": lambda reader, position: numbers.number(reader.words, position),
    "ANGLE": lambda reader, position: numbers.angle(reader.words, position),
    "ACROSS": lambda reader, position: numbers.length(reader.words, position),
    "LENGTH": lambda reader, position: numbers.length(reader.words, position),
    "RATIO": lambda reader, position: numbers.ratio(reader.words, position),
}
