"""Groups whose members are named behind them: "two animals stand by a fence: a cow and a goat"."""

from __future__ import annotations

from collections.abc import Sequence

from . import hypernyms, numbers
from .nouns import Mention, read_mention
from .wordings import CLASSES
from .words import PARTICIPLES

_MOST = 6  # members


def name_members(words: Sequence[str]) -> list[str]:
    """The words of a sentence with the members in place of the group, where they are as many as it is said to have.

    "two animals stand by a fence , a cow and a goat" becomes "a cow and a goat stand by a fence".
    """
    for start in range(len(words) - 4):
        found = numbers.count(words, start)
        if found is None or not 2 <= found[0].number <= _MOST:
            continue
        noun = found[1]
        general = hypernyms.general(words[noun]) if noun < len(words) else None
        if general is None or words[noun] == general:
            continue  # none, or in the singular
        for comma in (at for at in range(noun + 1, len(words) - 2) if words[at] == ","):
            members, end = _members(words, comma, found[0].number, general)
            if members:
                return [*words[:start], *_placed(words, members, words[noun + 1 : comma], end)]
    return list(words)


def _placed(words: Sequence[str], members: Sequence[Mention], said: Sequence[str], end: int) -> list[str]:
    """The members, what is said of all, and then what each has of its own: "the man on the left"."""
    rest = words[end + (words[end : end + 1] == [","]) :]
    listed: list[str] = []
    for member in members:
        joint = [] if member is members[0] else ["and"] if member is members[-1] else [","]
        listed += [*joint, *words[member.start : member.end]]
    own = list(words[members[0].start : end])
    if len(own) <= len(listed) + len(members):
        return [*listed, *said, *rest]
    for member in members:
        own[member.start - members[0].start] = "the"
    return [*listed, *said, ",", *own, *([",", *rest] if rest else [])]


def _members(words: Sequence[str], comma: int, count: int, general: str) -> tuple[list[Mention], int]:
    """So many things behind a comma that are all of a general kind, and where they end; or none."""
    position = comma + 1
    members: list[Mention] = []
    while position and len(members) < count:
        mention = read_mention(words, position)
        if mention is None or mention.article != "a" or not hypernyms.means(general, mention.noun):
            return [], 0
        members.append(mention)
        position = _next_member(words, mention.end)
    if len(members) < count:
        return [], 0
    end = members[-1].end
    verb = words[end + 1] if words[end : end + 1] == [","] and end + 1 < len(words) else ""
    closed = verb in CLASSES["stand"] or verb in CLASSES["be"] or verb in PARTICIPLES
    return members, end if closed else len(words)  # "two people, a man and a woman, stand next to a car"


def _next_member(words: Sequence[str], position: int) -> int:
    """Where the next "a" behind a comma or an "and" is; 0 if there is none."""
    for at in range(position, len(words) - 1):
        if words[at] in ("and", ",") and words[at + 1] in ("a", "an", "one"):
            return at + 1
    return 0
