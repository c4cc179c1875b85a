"""Verbs after several things, in the form that the wordings have after one: "two boys watch" -> "watches"."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from .nouns import read_mention
from .spelling import wording_words

_LONGEST = 6  # words of a noun phrase that are looked back at


@cache
def _after_one() -> dict[str, str]:
    """Verbs that the wordings have in "watches" and "watching", by "watch"."""
    words = wording_words()
    found: dict[str, str] = {}
    for word in words:
        if len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
            continue
        bases = [word[:-1]]
        bases += [word[:-2]] if word.endswith("es") else []
        bases += [f"{word[:-3]}y"] if word.endswith("ies") else []
        for base in bases:
            if {f"{base}ing", f"{base.removesuffix('e')}ing", f"{base}{base[-1]}ing"} & words:
                found[base] = word
    return found


def is_third_person(word: str) -> bool:
    """Whether it is a verb of the wordings as it stands after one thing: "follows"."""
    return word in _after_one().values()


def after_one(words: Sequence[str], position: int) -> str:
    """The form after one thing of a verb that may stand here after several; "" where none does."""
    form = _after_one().get(words[position], "")
    return form if form and (words[position - 1] == "and" or _several_before(words[:position])) else ""


def _several_before(words: Sequence[str]) -> bool:
    """Whether the words end with several things: a plural, or the last of a list."""
    for start in range(max(0, len(words) - _LONGEST), len(words)):
        mention = read_mention(words, start)
        if mention is not None and mention.end == len(words) and (mention.noun or mention.pronoun):
            listed = start > 1 and words[start - 1] == "and" and words[start - 2] != ","
            return mention.plural or listed or mention.pronoun in ("they", "both")
    return False
