"""The words of captions and instructions, and those of a prompt that are not among them."""

from __future__ import annotations

import re
from functools import cache

from .captions import caption_templates, setting_templates
from .descriptions import description_words
from .edits import instruction_templates
from .scene import COLORS, KINDS

# Words that carry no content, or that a user may well put around it.
FUNCTION_WORDS = frozenset(
    "a an the and or of to in on at by from with for is are be it its this that there these those which while as than "
    "has have having we i you me my us our your their his her them please can could would should must make show draw "
    "paint create generate render color colour image picture photo photograph photorealistic illustration scene view "
    "also so very just some both each other another one exactly approximately standing sitting located placed "
    "positioned where when not no into onto toward towards".split()
)


@cache
def vocabulary() -> dict[str, list[str]]:
    """What can be asked for: "objects", "colors", "relations" (words of place and measure), and all "words"."""
    relations = set(words_of(" ".join(caption_templates() + description_words() + instruction_templates())))
    settings = set(words_of(" ".join(setting_templates())))
    return {
        "objects": list(KINDS),
        "colors": list(COLORS),
        "relations": sorted(relations - FUNCTION_WORDS - set(COLORS) - set(KINDS)),
        "words": sorted(relations | settings | set(COLORS) | set(KINDS)),
    }


def unknown_words(prompt: str) -> list[str]:
    """The content words of a prompt that no caption and no instruction can contain, in order."""
    known = _known_words()
    return list(dict.fromkeys(word for word in words_of(prompt) if word not in known))


def unknown_words_warning(prompt: str) -> str:
    """What to tell a user of the embedded model whose prompt has words that it has not learned; "" if it has all."""
    unknown = unknown_words(prompt)
    if not unknown:
        return ""
    known = vocabulary()
    return (
        f"the embedded model does not know {', '.join(map(repr, unknown))}.\n"
        f"  objects: {', '.join(known['objects'])}\n"
        f"  colours: {', '.join(known['colors'])}\n"
        '  relations, such as: "to the left of", "behind", "facing away", "3 metres from", "taller than"'
    )


@cache
def _known_words() -> frozenset[str]:
    return frozenset(vocabulary()["words"]) | FUNCTION_WORDS


def words_of(text: str) -> list[str]:
    """The words of a text in small letters, in order; what stands in braces is "it"."""
    text = re.sub(r"\{.*?\}", "it", text.lower().replace("’", "'"))
    return [re.sub(r"'s?$", "", word) for word in re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text)]
