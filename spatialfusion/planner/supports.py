"""What stands on, hangs over and is under what: one support for each thing, and room for all that is on one."""

from __future__ import annotations

import math

from .draft import Draft, Relation, Thing
from .hypernyms import PLANS

_TIGHT = 0.8  # of the usual size: from here on the solver finds room by itself
_ACROSS = (0.8, 0.55)  # of the shorter side of what two things are on, and more than two
_LEAST_UNDER = 0.3  # of its usual size: what is smaller than that would not be known again
_ROOM_UNDER = 0.8  # of the height of a piece of furniture
_SHAPES = ("cube", "ball", "cone", "cylinder", "box", "barrel")  # whose size nobody knows
_BESIDE = ("next", "left", "right", "front", "behind", "between", "nearer", "farther")


def place_on_supports(draft: Draft) -> None:
    """Relations and sizes for which there is room under, on and over things."""
    for step in (_of_support, _headroom, _shared_support, _enough_room, _small_enough):
        step(draft)


def one_support(draft: Draft) -> None:
    """A thing is on or above one other; what else it is said to be on or above is so of the two, or beside it."""
    held: dict[int, Relation] = {}
    for relation in list(draft.relations):
        if relation.kind not in ("on", "above") or not relation.references:
            continue
        first = held.setdefault(id(relation.subject), relation)
        if first is relation or (first.kind == relation.kind == "on"):
            continue
        (other,), (kept,) = relation.references[:1], first.references[:1]
        if other is kept:
            draft.relations.remove(relation if relation.kind == "above" else first)
        elif first.kind == relation.kind and _stacked(draft, other, kept):
            draft.relations.remove(relation)  # "a magnet above a pile of cars"
        elif first.kind == relation.kind:
            # "a crescent above a cone and a cube"
            relation.kind, relation.subject, relation.references, relation.assumed = "next", other, [kept], True
        else:
            over, on = (first, relation) if first.kind == "above" else (relation, first)
            held[id(relation.subject)] = over
            (below,), (support,) = over.references[:1], on.references[:1]
            if support.noun is None or _fits(below, support):
                on.subject, on.assumed = below, True  # "a dog above a hurdle on a course"
            else:
                # "a bird on a branch above a car", "a lamp on a table above a rug"
                stands = support.noun is not None and support.noun.place == "floor"
                over.kind, over.subject, over.assumed = "next" if stands else "above", support, True


def _stacked(draft: Draft, one: Thing, other: Thing) -> bool:
    """Whether two like things are of one pile."""
    piled = {id(t) for r in draft.relations if r.kind == "on" for t in (r.subject, *r.references)}
    return one.kind == other.kind and {id(one), id(other)} <= piled


def make_room(draft: Draft, spare: float) -> None:
    """Sizes with which all that is on, over or under a thing has room there, for a text that the solver has found none
    in.

    What has no usual size of its own (a ball, a box, what lies on tables) becomes smaller; else what carries it becomes
    wider and longer. What is under a thing becomes smaller, or stands beside it. spare: how many times the room that
    the things fill must be there.
    """
    for support in draft.things:
        if support.index is None:
            _widen(draft, support, spare)
            _shrink_under(draft, support, spare)


def _widen(draft: Draft, support: Thing, spare: float) -> None:
    things = [r.subject for r in draft.relations if r.kind in ("on", "above") and support in r.references[:1]]
    if not things:
        return
    sides = support.extent("width"), support.extent("length")
    longest = max(1.1 * _row(thing) / max(sides) if thing.arrangement == "row" else 0.0 for thing in things)
    across = 1.05 * max(map(_across, things)) / min(sides)
    grown = max(math.sqrt(spare * sum(map(_ground, things)) / math.prod(sides)), across, longest)
    if grown <= 1:
        return
    if not any(thing.sizes for thing in things) and (
        support.sizes or (1 / grown >= _LEAST_UNDER and all(_any_size(thing) for thing in things))
    ):
        for thing in things:
            thing.scale = round(thing.scale / grown, 3)
        draft.warn(f"{things[0].label} is read as {1 / grown:.0%} of its usual size, so that all has room.")
    elif not support.sizes:
        width, length = (round(grown * side, 2) for side in sides)
        support.sizes |= {"width": width, "length": length}
        if support.noun is None:
            support.sizes["height"] = support.scale
        draft.warn(f"{support.label} is read as {width:g} m wide and {length:g} m long, so that all has room on it.")


def _shrink_under(draft: Draft, over: Thing, spare: float) -> None:
    for relation in draft.relations:
        thing = relation.subject
        if relation.kind != "under" or relation.references[:1] != [over]:
            continue
        sides = over.extent("width"), over.extent("length")
        fitting = min(
            _ROOM_UNDER * over.extent("height") / thing.extent("height"),
            math.sqrt(math.prod(sides) / (spare * _ground(thing))),
            min(sides) / (1.05 * _across(thing)),
        )
        if fitting >= 1 or thing.sizes:
            continue
        if fitting >= _LEAST_UNDER:
            thing.scale = round(thing.scale * fitting, 3)
            draft.warn(f"{thing.label} is read as {fitting:.0%} of its usual size, so that it has room.")
        else:
            relation.kind = "next"
            draft.warn(f"{thing.label} has no room under {over.label}: it is read as next to it.")


def _across(thing: Thing) -> float:
    return max(thing.extent("width"), thing.extent("length"))


def _row(thing: Thing) -> float:
    """Metres of a group in a row."""
    return 1.3 * thing.count * _across(thing)


def _ground(thing: Thing) -> float:
    """Square metres that a thing, or all of a group as it is arranged, covers."""
    if thing.arrangement == "circle":
        return ((1.5 * thing.count / math.pi + 1) * _across(thing)) ** 2
    return thing.count * thing.extent("width") * thing.extent("length")


def _any_size(thing: Thing) -> bool:
    return thing.noun is None or thing.noun.plan in _SHAPES or thing.noun.place in ("top", "air")


def _of_support(draft: Draft) -> None:
    """What someone on a bench is under is above the bench."""
    supports = {id(r.subject): r.references[0] for r in draft.relations if r.kind == "on" and r.references}
    for relation in draft.relations:
        support = supports.get(id(relation.subject))
        if relation.kind == "under" and support is not None and support not in relation.references:
            relation.subject = support


def _headroom(draft: Draft) -> None:
    """What is under a thing that leaves no room for it has that thing above it: "a sink under a mirror"."""
    for relation in draft.relations:
        if relation.kind != "under" or not relation.references or relation.subject.count > 1:
            continue
        thing, over = relation.subject, relation.references[0]
        carries = any(r.kind == "on" and thing in r.references for r in draft.relations)
        if carries and over.noun is not None and over.noun.plan in PLANS["plant"]:
            relation.kind = "next"
            draft.warn(f"{thing.label} under {over.label} is read as next to it, as something is on it.")
            continue
        if over.noun is not None and over.noun.plan in PLANS["furniture"] and over.count == 1 and thing.index is None:
            _crouch(thing, over)
        hangs = over.noun is not None and over.noun.place == "wall"
        low = thing.extent("height") > over.extent("height")
        if hangs or (over.count == 1 and (low or _narrower(over, thing))):
            relation.kind, relation.subject, relation.references = "above", over, [thing]


def _crouch(thing: Thing, over: Thing) -> None:
    """Make what is under a piece of furniture small enough for its room: who hides there bends or lies down."""
    if thing.sizes or thing.noun is None or thing.extent("height") < 0.05 or thing.noun.plan in PLANS["furniture"]:
        return
    if thing.extent("height") <= over.extent("height") and not _narrower(over, thing):
        return
    across = _across(over) / _across(thing)
    fitting = min(_ROOM_UNDER * over.extent("height") / thing.extent("height"), 0.95 * across, 1.0)
    if fitting >= _LEAST_UNDER:
        thing.scale = round(thing.scale * fitting, 3)


def _shared_support(draft: Draft) -> None:
    """What is beside a thing that stands on a table stands there too, if it is small: "a mug next to the lamp"."""
    supports = {id(r.subject): r.references[0] for r in draft.relations if r.kind == "on" and r.references}
    placed = {id(r.subject) for r in draft.relations if r.kind in ("on", "on_wall", "under", "above", "in", "around")}
    for relation in list(draft.relations):
        if relation.kind not in _BESIDE or not relation.references or relation.value is not None:
            continue
        things = [relation.subject, *relation.references]
        below = [supports[id(thing)] for thing in things if id(thing) in supports]
        for thing in things:
            small = thing.noun is not None and thing.noun.place == "top"
            between = (
                thing is relation.subject and relation.kind == "between" and len(below) == len(relation.references)
            )
            if id(thing) in placed or not below or thing in below or not (small or between):
                continue
            if all(support is below[0] for support in below) and _fits(thing, below[0]):
                draft.relate("on", thing, below[:1], assumed=True)
                placed.add(id(thing))


def _enough_room(draft: Draft) -> None:
    """A table that is too short for what stands side by side on it is longer than usual."""
    loads: dict[int, list[Thing]] = {}
    for relation in draft.relations:
        if relation.kind == "on" and relation.references:
            loads.setdefault(id(relation.references[0]), []).append(relation.subject)
    for support in draft.things:
        things = loads.get(id(support), ())
        if support.noun is None and things and not support.sizes:
            # Nobody knows how large it is: as large as what stands on it needs.
            across = max(map(_across, things))
            support.scale = max(support.scale, round(1.3 * across, 2)) if across > 0.9 else support.scale
            if support.scale > 1:
                support.sizes |= {"width": support.scale, "length": support.scale, "height": 0.2}
            continue
        if sum(thing.count for thing in things) < 3 or support.sizes or support.index is not None:
            continue
        if support.noun is not None and support.noun.place == "top":
            continue  # a cake is no larger for its candles
        needed = round(1.4 * sum(thing.count * thing.extent("width") for thing in things), 2)
        area = 1.6 * sum(thing.count * thing.extent("width") * thing.extent("length") for thing in things)
        abreast = any(r.kind in ("left", "right") and {r.subject, *r.references} <= {*things} for r in draft.relations)
        rows = abreast or any(thing.arrangement == "row" for thing in things)
        width = support.extent("width")
        if not rows and area > width * support.extent("length"):
            needed = round(area / support.extent("length"), 2)
        elif not rows:
            continue
        if width < needed <= 4 * width:
            support.sizes["width"] = needed
            draft.warn(f"{support.label} is read as {needed:g} m wide, so that all has room on it.")


def _small_enough(draft: Draft) -> None:
    """What does not fit side by side on a thing, or over it, is smaller than usual: 20 candles on a cake."""
    for support in draft.things:
        loads = [r.subject for r in draft.relations if r.kind in ("on", "above") and r.references[:1] == [support]]
        things = [thing for thing in loads if thing.noun is not None and thing.noun.place in ("top", "air")]
        if sum(thing.count for thing in things) < 2 or len(things) < len(loads) or support.index is not None:
            continue
        sides = support.extent("width"), support.extent("length")
        number = sum(thing.count for thing in things)
        # The more there are, the more room is lost between them.
        spare = 1.4 + 0.1 * number
        needed = spare * sum(thing.count * thing.extent("width") * thing.extent("length") for thing in things)
        longest, alike = max((_across(thing), thing.count) for thing in things)
        fitting = min(math.sqrt(sides[0] * sides[1] / needed), _ACROSS[alike > 2] * min(sides) / longest)
        if _LEAST_UNDER <= fitting < _TIGHT and not any(thing.sizes for thing in things):
            for thing in things:
                thing.scale = round(thing.scale * fitting, 3)
            draft.warn(f"{things[0].label} is read as {fitting:.0%} of its usual size, so that all has room.")


def _fits(thing: Thing, support: Thing) -> bool:
    return thing.extent("width") * thing.extent("length") <= 0.5 * support.extent("width") * support.extent("length")


def _narrower(over: Thing, thing: Thing) -> bool:
    sides = ("width", "length")
    return max(map(over.extent, sides)) < min(map(thing.extent, sides))
