"""Whether every word of a sentence came to something: a thing, a word that is kept, a wording, or the list of words not
understood."""

from __future__ import annotations

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
    "first second third fourth fifth last other another every both because although since plus branch asleep".split(),
)
# What is abandoned or stacked stays so with the thing.
_SMALL -= ATTRIBUTES - {"parked", "lit"}


def unaccounted(words: Sequence[str], draft: Draft) -> list[str]:
    """The words of a sentence, as the grammar has them, that nothing in the draft comes from and nothing lists.

    Words of grammar, and those that only wordings have, count as used: a wording that changes nothing is listed when it
    is applied.
    """
    kept = {word.lower() for word in draft.kept_words()}
    told = {word.strip('.,;:"') for said in (*draft.warnings, *draft.not_understood) for word in said.lower().split()}
    nouns = [thing.noun for thing in draft.things if thing.noun is not None]
    named = {word for entry in nouns for name in (entry.name, entry.plural, *entry.synonyms) for word in name.split()}
    missing = []
    for word in words:
        plain = word.lower()
        if not plain.isalpha() or plain in _SMALL or is_wording(plain) or plain in kept | told | named:
            continue
        found = noun(plain)
        if (found is not None and found in nouns) or hypernyms.general(plain) or plain.removesuffix("s") in kept | told:
            continue
        missing.append(word)
    return missing
