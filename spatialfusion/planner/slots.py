"""What stands in the slots of a wording: things, sides, lengths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from . import numbers, vocabulary
from .nouns import Mention


class Reader(Protocol):
    """What the slots need of the grammar that fills them."""

    words: Sequence[str]

    def mention(self, position: int) -> Mention | None: ...

    def predicate_follows(self, position: int) -> bool: ...


_SIDES = ("front", "back", "left", "right")


def _camera_slot(grammar: Reader, position: int) -> tuple[str, int] | None:
    words = grammar.words
    if numbers.at(words, position) == "the" and numbers.at(words, position + 1) == "camera":
        return "camera", position + 2
    word = numbers.at(words, position)
    return ("camera", position + 1) if word in ("camera", "us", "me", "you", "we") else None


def _side_slot(grammar: Reader, position: int) -> tuple[str, int] | None:
    """ "left", "left side", "left-hand side", "right flank"."""
    word = numbers.at(grammar.words, position)
    if word not in _SIDES:
        return None
    end = position + 1
    if numbers.at(grammar.words, end) == "hand":
        end += 1
    return word, end + (numbers.at(grammar.words, end) in ("side", "sides", "flank"))


def _hand_slot(grammar: Reader, position: int) -> tuple[str, int] | None:
    word = numbers.at(grammar.words, position)
    return (word, position + 1) if word in ("left", "right") else None


def _color_slot(grammar: Reader, position: int) -> tuple[str, int] | None:
    word = numbers.at(grammar.words, position)
    return (word, position + 1) if word in vocabulary.COLOR_NAMES else None


def _reference_slot(grammar: Reader, position: int) -> tuple[list[Mention], int] | None:
    """One thing, or several joined by "and" where nothing more is said of the last of them."""
    if _camera_slot(grammar, position) is not None:
        return None
    if numbers.at(grammar.words, position) in ("which", "whom"):
        return [Mention(position, position + 1, pronoun="it")], position + 1  # "on which a vase stands"
    first = grammar.mention(position, bare_unknown=True)
    if first is None:
        return None
    listed, end = [first], first.end
    while first.place == "" and first.pronoun == "":
        joint = numbers.at(grammar.words, end)
        if joint != "and":
            break
        following = grammar.mention(end + 1)
        if following is None or following.pronoun or following.place:
            break
        after = numbers.at(grammar.words, following.end)
        if after not in ("", ",", "and") or (after == "," and grammar.predicate_follows(following.end + 1)):
            break
        if after == "and" and grammar.mention(following.end + 1) is not None:
            break
        listed.append(following)
        end = following.end
    return listed, end


def _thing_slot(grammar: Reader, position: int) -> tuple[list[Mention], int] | None:
    """One thing, or one for each of a list before a verb: "a car and a house"."""
    if _camera_slot(grammar, position) is not None:
        return None
    mention = grammar.mention(position, bare_unknown=True)
    if mention is None or mention.place:
        return None
    return [mention], mention.end


def _list_slot(grammar: Reader, position: int) -> tuple[list[Mention], int] | None:
    listed: list[Mention] = []
    while True:
        mention = grammar.mention(position, bare_unknown=True)
        if mention is None or mention.pronoun or mention.place:
            break
        listed.append(mention)
        position = mention.end
        after = position
        while numbers.at(grammar.words, after) in (",", "and", "then"):
            after += 1
        if after == position:
            break
        position = after
    return (listed, listed[-1].end) if len(listed) > 1 or (listed and listed[0].plural) else None


def _rest_slot(grammar: Reader, position: int) -> tuple[str, int] | None:
    """Words up to the next comma."""
    end = position
    while end < len(grammar.words) and grammar.words[end] != ",":
        end += 1
    return (" ".join(grammar.words[position:end]), end) if end > position else None


SLOTS: dict[str, Callable[[Reader, int], tuple[Any, int] | None]] = {
    "REF": _reference_slot,
    "A": _thing_slot,
    "B": _thing_slot,
    "LIST": _list_slot,
    "REST": _rest_slot,
    "CAMERA": _camera_slot,
    "SIDE": _side_slot,
    "HAND": _hand_slot,
    "COLOR": _color_slot,
    "FACTOR": lambda grammar, position: numbers.number(grammar.words, position),
    "ANGLE": lambda grammar, position: numbers.angle(grammar.words, position),
    "ACROSS": lambda grammar, position: numbers.length(grammar.words, position),
    "LENGTH": lambda grammar, position: numbers.length(grammar.words, position),
    "RATIO": lambda grammar, position: numbers.ratio(grammar.words, position),
}
