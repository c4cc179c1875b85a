"""Misspelt words: which words there are, and those one letter away."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from string import ascii_lowercase

from ..scenes import lexicon
from ..scenes.lexicon import ATTRIBUTES, noun
from . import numbers, vocabulary
from .wordings import CLASSES, CLAUSES, OPENINGS, PREDICATES, VIEWPOINTS
from .words import (
    COLLECTIONS,
    FOLD,
    GRAMMAR,
    HARMLESS,
    OUTDOORS,
    PARTS,
    ROOMS,
    SCALES,
    STYLE_PHRASES,
    STYLE_WORDS,
    SURFACES,
)


@cache
def _words() -> frozenset[str]:
    """Every single word that some list of the reader has."""
    wordings = [line for table in (PREDICATES, CLAUSES, VIEWPOINTS) for lines in table.values() for line in lines]
    letters = "".join(
        letter if letter.isalpha() else " " for letter in " ".join((*wordings, *OPENINGS, *STYLE_PHRASES))
    )
    listed = (COLLECTIONS, FOLD, GRAMMAR, HARMLESS, OUTDOORS, PARTS, ROOMS, SCALES, STYLE_WORDS, SURFACES, ATTRIBUTES)
    known = frozenset(word for table in listed for word in table) | vocabulary.COLOR_NAMES | numbers.WORDS
    parts = (
        word for entry in lexicon.NOUNS.values() for name in (entry.name, *entry.synonyms) for word in name.split()
    )
    return known.union(letters.split(), parts, *CLASSES.values())


def is_known(word: str) -> bool:
    """Whether the reader has this word, alone or as a plural."""
    known = _words()
    return word in known or (word.endswith("s") and word[:-1] in known) or noun(word) is not None


def one_letter_away(word: str) -> Iterator[str]:
    """The words that come of swapping two neighbours, leaving a letter out, putting one in, or changing one."""
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    yield from (left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1)
    yield from (left + right[1:] for left, right in cuts if right)
    yield from (left + letter + right for left, right in cuts for letter in ascii_lowercase)
    yield from (left + letter + right[1:] for left, right in cuts if right for letter in ascii_lowercase)
