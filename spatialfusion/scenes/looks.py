"""What an object looks like: its primitives, and whether one of its sides is the front.

Its own parts come first, then the body plan that it names, then that of its noun; a word that is no noun is a box.
"""

from __future__ import annotations

from . import lexicon
from .body_plans import BODY_PLANS
from .kinds import PRIMITIVES
from .primitives import Primitive
from .scene import KINDS, SceneObject

BOX = "cube"  # the body plan of an unknown word


def plan_of(kind: str, plan: str = "") -> str:
    """The body plan of a noun, unless another is named: a key of BODY_PLANS."""
    if plan in BODY_PLANS:
        return plan
    if kind in PRIMITIVES:
        return kind
    noun = lexicon.noun(kind)
    return noun.plan if noun else BOX


def primitives_of(thing: SceneObject) -> tuple[Primitive, ...]:
    """The primitives of an object, in any frame: the box round them is the object's."""
    return thing.parts or BODY_PLANS[plan_of(thing.kind, thing.plan)]


def has_front(thing: SceneObject) -> bool:
    """Whether one side of the object is its front. Parts of its own have one: the side of negative z."""
    if thing.parts:
        return True
    if not thing.plan and thing.kind in KINDS:
        return KINDS[thing.kind].has_front
    return lexicon.has_front(plan_of(thing.kind, thing.plan))
