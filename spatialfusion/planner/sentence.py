"""Plain English sentences -> scene text, without a language model."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError
from .draft import Draft
from .grammar import Grammar
from .mentions import Mentions
from .settle import settle
from .tokens import proper_names, sentences, tokenize
from .writing import write


@dataclass(frozen=True)
class Reading:
    """What was read of a prompt.

    text: scene text. warnings: a sentence each, on what was assumed or left out.
    not_understood: the words that nothing in the scene comes from, in their order.
    """

    text: str
    warnings: tuple[str, ...] = ()
    not_understood: tuple[str, ...] = ()


def read_sentence(prompt: str, assume: bool = True, spare: float = 0.0) -> Reading:
    """Read English sentences of spatial content: things, where they are to each other, their sizes, the camera.

    assume: whether things also get places that nobody has said, as that of a knife next to who holds it. spare: if not
    0, things get sizes with which all has room on what it is on, with so many times the room that it fills. Words about
    the picture's looks ("oil painting", "8k") stay in a remark of the text. Raises InputError for a prompt that names
    no thing.
    """
    draft = read_draft(prompt)
    if not draft.things:
        raise InputError(
            f"the prompt {_short(prompt)} names no thing that could stand in a scene; expected at least one, such as "
            '"a red car in front of a house".'
        )
    settle(draft, spare)
    if not assume:
        draft.relations = [relation for relation in draft.relations if not relation.assumed]
    text = write(draft)
    return Reading(text, tuple(draft.warnings), tuple(draft.not_understood))


def read_draft(prompt: str) -> Draft:
    """The things and relations as they were said."""
    draft = Draft()
    grammar = Grammar(draft, Mentions(draft), proper_names(prompt))
    for words in sentences(tokenize(prompt)):
        grammar.read(words)
    return draft


def _short(prompt: str) -> str:
    words = " ".join(prompt.split())
    return repr(words if len(words) <= 60 else words[:57] + " ...")
