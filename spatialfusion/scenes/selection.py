"""Objects of a scene by what people call them: "car", "red car, tree", "all but house"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import InputError, suggest
from . import lexicon

_ALL = ("", "all", "everything", "all of them")
_BUT = re.compile(r"(?:(?:all|everything)\s+)?(?:but|except(?:\s+for)?)\s+(.+)")


def select_objects(line: str, names: Sequence[str]) -> list[int]:
    """The numbers of the objects that a line names, in the order of `names`.

    A name means the object that has it. Any other word or words mean all objects whose names have them: "car" is every
    car, "red" everything red, "chairs" chair 1, chair 2 and so on. Commas and "and" join; "all but" turns the choice
    around; an empty line is all. Raises InputError for what no object is called, and for a choice of nothing.
    """
    wanted = " ".join(line.lower().split()).rstrip(".")
    inverted = _BUT.fullmatch(wanted)
    chosen = set(range(len(names))) if wanted in _ALL else _chosen(inverted[1] if inverted else wanted, names)
    if inverted:
        chosen = set(range(len(names))) - chosen
    if not chosen:
        raise InputError(f'"{line.strip()}" leaves none of {", ".join(names) or "no objects"}; expected at least one.')
    return sorted(chosen)


def _chosen(wanted: str, names: Sequence[str]) -> set[int]:
    called = [" ".join(name.lower().split()) for name in names]
    found: set[int] = set()
    for item in [wanted] if wanted in called else re.split(r"\s*[,;]\s*(?:and\s+)?|\s+and\s+", wanted):
        item = re.sub(r"^(?:the|an?)\s+", "", item)
        if not item:
            continue
        matches = {index for index, name in enumerate(called) if name == item}
        matches = matches or _with_words(item.split(), called)
        if not matches:
            raise InputError(
                f'no object is called "{item}"{suggest(item, called)}; expected one of {", ".join(names)}, "all", or '
                '"all but" and some of them.'
            )
        found |= matches
    return found


def _with_words(words: list[str], called: Sequence[str]) -> set[int]:
    """The objects whose names have all the words, which may be plurals or other words for the noun."""
    ways = [words]
    for start in range(len(words)):
        noun = lexicon.noun(" ".join(words[start:]))
        if noun is not None:
            ways.append([*words[:start], *noun.name.split()])
            break
    parts = [set(re.split(r"[\s_-]+", name)) for name in called]
    for way in ways:
        matches = {index for index, own in enumerate(parts) if set(way) <= own}
        if matches:
            return matches
    return set()
