"""Misspelt words: which words there are, and those one letter away."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from string import ascii_lowercase

from ..scenes import lexicon
from ..scenes.lexicon import ATTRIBUTES, noun
from . import numbers, verbs, vocabulary
from .wordings import CLASSES, CLAUSES, OPENINGS, PREDICATES, VIEWPOINTS
from .words import (
    COLLECTIONS,
    COMPOUNDS,
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
    grammar = (COMPOUNDS, COLLECTIONS, FOLD, GRAMMAR, HARMLESS, PARTS, SCALES, ATTRIBUTES)
    looks = (OUTDOORS, ROOMS, STYLE_WORDS, SURFACES)
    known = frozenset(word for table in (*grammar, *looks) for word in table) | vocabulary.COLOR_NAMES | numbers.WORDS
    return known.union(letters.split(), *CLASSES.values(), verbs.ALONE, verbs.ALONE_PLURAL, verbs.THERE, verbs.FILLED)


@cache
def _parts() -> frozenset[str]:
    """The words of nouns of several words."""
    return frozenset(
        word for entry in lexicon.NOUNS.values() for name in (entry.name, *entry.synonyms) for word in name.split()
    )


def is_wording(word: str) -> bool:
    """Whether a wording has this word, so that it may be used without being kept."""
    return word in wording_words()


@cache
def wording_words() -> frozenset[str]:
    """Every word of the wordings."""
    wordings = [line for table in (PREDICATES, CLAUSES, VIEWPOINTS) for lines in table.values() for line in lines]
    letters = "".join(letter if letter.isalpha() else " " for letter in " ".join((*wordings, *OPENINGS)))
    return frozenset(letters.split()).union(*CLASSES.values())


def is_listed(word: str) -> bool:
    """Whether a list of the reader has this word, or it is a noun."""
    return word in _words() or noun(word) is not None


def is_known(word: str) -> bool:
    """Whether the reader has this word, alone or as a plural."""
    known = _words() | _parts()
    return word in known or (word.endswith("s") and word[:-1] in known) or noun(word) is not None


def one_letter_away(word: str) -> Iterator[str]:
    """The words that come of swapping two neighbours, leaving a letter out, putting one in, or changing one."""
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    yield from (left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1)
    yield from (left + right[1:] for left, right in cuts if right)
    yield from (left + letter + right for left, right in cuts for letter in ascii_lowercase)
    yield from (left + letter + right[1:] for left, right in cuts if right for letter in ascii_lowercase)
