"""Whether every word of a sentence came to something: a thing, a word that is kept, a wording, or the list of words not
understood."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..scenes.lexicon import ATTRIBUTES, noun
from . import hypernyms, numbers, verbs
from .draft import Draft
from .spelling import is_wording
from .words import COLLECTIONS, FOLD, GRAMMAR, HARMLESS, INTANGIBLE, OWN_SIDES, PARTS, STYLE_WORDS

_SMALL = frozenset(
    word
    for table in (GRAMMAR, HARMLESS, INTANGIBLE, STYLE_WORDS, PARTS, FOLD, numbers.WORDS, numbers.VAGUE, verbs.THERE)
    for word in table
).union(
    COLLECTIONS,
    *(side.split() for side in OWN_SIDES),
    "former latter first second third fourth fifth last other another every both".split(),
    "because although since plus branch asleep".split(),
)
# What is abandoned or stacked stays so with the thing.
_SMALL -= ATTRIBUTES - {"parked", "lit"}


def _numbers(words: Sequence[str], draft: Draft, told: set[str], kept: set[str]) -> list[str]:
    """The numbers of a sentence that are no count, size, distance or factor in the draft, and that nothing lists."""
    things = [single for thing in draft.things for single in (thing, *thing.members)]
    alike: dict[str, int] = {}
    for thing in draft.things:
        for said in {thing.said, thing.kind}:
            alike[said] = alike.get(said, 0) + thing.count
    found = {float(thing.count) for thing in things} | {float(number) for number in alike.values()}
    found |= {float(value) for thing in things for value in thing.sizes.values()}
    found |= {float(r.value) for r in draft.relations if r.value is not None}
    found |= {float(value) for _, _, value in draft.camera if value is not None} | set(map(float, draft.per_side))
    missing: list[str] = []
    position = 0
    while position < len(words):
        read = numbers.length(words, position) or numbers.ratio(words, position) or numbers.number(words, position)
        if read is None or not _is_digit(words, position):
            position += 1
            continue
        value, end = read
        if words[position - 1 : position] in (["the"], ["all"], ["these"], ["those"]) and value <= len(things):
            position = end
            continue  # "of the two animals"
        known = {*found, *(round(1 / other, 3) for other in found if other)}
        if not any(math.isclose(abs(value), abs(other), rel_tol=0.01) for other in known):
            missing += [" ".join(word for word in words[position:end] if word not in told | kept)]
        position = end
    return [phrase for phrase in missing if phrase]


def _is_digit(words: Sequence[str], position: int) -> bool:
    """Whether a number begins here that says how many or how much: "17" or "seventeen", but not "one" or "both"."""
    word = words[position]
    return numbers.is_number(word) or (word in numbers.CARDINALS and word not in ("zero", "one"))


def unaccounted(words: Sequence[str], draft: Draft) -> list[str]:
    """The words of a sentence, as the grammar has them, that nothing in the draft comes from and nothing lists.

    Words of grammar, and those that only wordings have, count as used: a wording that changes nothing is listed when it
    is applied.
    """
    kept = {word.lower() for word in draft.kept_words()}
    told = {word.strip('.,;:"') for said in (*draft.warnings, *draft.not_understood) for word in said.lower().split()}
    nouns = [thing.noun for thing in draft.things if thing.noun is not None]
    named = {word for entry in nouns for name in (entry.name, entry.plural, *entry.synonyms) for word in name.split()}
    missing = _numbers(words, draft, told, kept)
    for word in words:
        plain = word.lower()
        if not plain.isalpha() or plain in _SMALL or is_wording(plain) or plain in kept | told | named:
            continue
        found = noun(plain)
        if (found is not None and found in nouns) or hypernyms.general(plain) or plain.removesuffix("s") in kept | told:
            continue
        missing.append(word)
    return missing
