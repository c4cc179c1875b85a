"""What each part of a planned picture shows, in words: prompts for regions, and one for the whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from torch import Tensor

from ..scenes import lexicon
from ..scenes.captions import with_article
from ..scenes.language import read_scene_text
from ..scenes.scene import SceneObject
from ..scenes.write import scene_to_text
from .plan import Plan


@dataclass(frozen=True, eq=False)
class Region:
    """The objects that the same words describe, and where they are seen.

    words: noun and attributes, also those that depth cannot show. objects: their numbers in the scene. mask: [H, W]
    bool.
    """

    words: str
    objects: tuple[int, ...]
    mask: Tensor

    @property
    def share(self) -> float:
        """Of the picture, 0 to 1."""
        return self.mask.float().mean().item()


def regions(plan: Plan, style: str = "") -> list[Region]:
    """The regions of a plan in the order of its text, without what is not seen. `style` ends the words of each.

    Objects of the same words are one region: prompting them together gives the same and costs a diffusion model less.
    """
    grouped: dict[tuple[str, str, str], list[int]] = {}
    seen = set(plan.instance.unique().tolist())
    for number, (thing, color) in enumerate(zip(plan.scene.objects, _said_colors(plan))):
        if number in seen:
            grouped.setdefault((thing.words, color, thing.kind), []).append(number)
    found = []
    for what, numbers in grouped.items():
        mask = plan.instance == numbers[0]
        for number in numbers[1:]:
            mask |= plan.instance == number
        found.append(Region(_with_style(_phrase(*what, len(numbers)), style), tuple(numbers), mask))
    return found


def whole_prompt(plan: Plan, style: str = "", prompt: str = "") -> str:
    """The prompt if there is one, else the sentence that the plan was made from, else a list of its things and their
    place; `style` ends it."""
    if prompt.strip() or plan.prompt.strip():
        return _with_style(prompt.strip() or plan.prompt, style)
    things = zip(plan.scene.objects, _said_colors(plan))
    counted = Counter((thing.words, color, thing.kind) for thing, color in things)
    phrases = [_phrase(*what, count) for what, count in counted.items()]
    return _with_style(", ".join([*phrases, "in a room" if plan.scene.room else "outdoors"]), style)


def _said_colors(plan: Plan) -> list[str]:
    """The colour of each object where somebody has said it, else an empty string.

    A text that has every number written out has every colour too; there the usual colour of a noun counts as not said.
    """
    if plan.text == scene_to_text(plan.scene):
        return [_unusual(thing) for thing in plan.scene.objects]
    return [thing.color for thing in read_scene_text(plan.text).things for _ in range(thing.count)]


def _unusual(thing: SceneObject) -> str:
    noun = lexicon.noun(thing.kind)
    return "" if noun is not None and noun.color == thing.color else thing.color


def _phrase(words: str, color: str, kind: str, count: int) -> str:
    """Such as "an old red chair", or "three old red chairs" of several."""
    noun = lexicon.noun(kind)
    if count > 1:
        kind = lexicon.plural_of(kind) if noun is None else noun.plural
    said = " ".join(filter(None, (words, color, kind)))
    if count > 1:
        return f"{_COUNTS.get(count, count)} {said}"
    return with_article(said)


_COUNTS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}


def _with_style(words: str, style: str) -> str:
    words, style = words.strip().rstrip(",."), style.strip().strip(",")
    return f"{words}, {style}" if style else words
