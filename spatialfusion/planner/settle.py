"""From what people say to what scene text has: bare sides, comparisons without a number and the like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from ..needed import needed
from ..scenes.statements import round_metres
from .draft import Draft, Relation, Thing
from .supports import make_room, one_support, place_on_supports
from .writing import needs_reference

_PAIRS = {"left": "right", "right": "left", "front": "behind", "behind": "front", "nearer": "farther"}
_PAIRS |= {"farther": "nearer"}
_EXTENTS = {"taller": "height", "wider": "width", "longer": "length"}
_MORE = 0.3  # how much more "taller" is without a number, as a part of the other's height
_REACHES = {"waist": 0.6, "shoulder": 0.82, "knee": 0.27}  # parts of the height
_BIGGER, _SMALLER = 2.0, 0.5  # the volume, where "bigger" says no number
_LEAST = 0.9  # of a distance that was said: the shortest that still is it
_PLACED = ("left", "right", "front", "behind", "own_left", "own_right", "own_front", "own_back")
_MUTUAL = ("same_way", "opposite_way", "face_to_face", "back_to_back")
_TURNED = ("pose_", "sees_", "facing", "same_way", "opposite_way", "face_to_face", "back_to_back")


def settle(draft: Draft, spare: float = 0.0) -> None:
    """Rewrite the relations of a draft into those that `writing` knows. What cannot be kept is a warning.

    spare: as for `make_room`, or 0 for usual sizes.
    """
    for step in (
        _superlatives,
        _bare_sides,
        _placed_in,
        one_support,
        _walls,
        _comparisons,
        place_on_supports,
        _distances,
        _turns,
        _abreast,
        _once,
        _own_frames,
        _usual_colors,
    ):
        step(draft)
    if spare:
        make_room(draft, spare)


def _others(draft: Draft, thing: Thing) -> list[Thing]:
    return [other for other in draft.things if other is not thing]


def _superlatives(draft: Draft) -> None:
    """ "the tallest" is taller than all others."""
    for relation in draft.relations:
        if relation.kind in ("taller", "wider", "longer", "shorter", "bigger", "smaller") and not relation.references:
            relation.references = _others(draft, relation.subject)
    draft.relations = [single for relation in draft.relations for single in _one_reference_each(relation)]


def _one_reference_each(relation: Relation) -> list[Relation]:
    """ "left of the cat and the dog" is left of each; "between" is about both."""
    if relation.kind == "between" or len(relation.references) < 2:
        return [relation]
    return [replace(relation, references=[reference]) for reference in relation.references]


def _bare_sides(draft: Draft) -> None:
    """ "a car on the left and a tree on the right"; a side that only one thing has is a side of all others."""
    bare = [relation for relation in draft.relations if relation.kind.startswith("bare_")]
    draft.relations = [relation for relation in draft.relations if relation not in bare]
    sides: dict[str, list[Thing]] = {}
    for relation in bare:
        group = sides.setdefault(relation.kind.removeprefix("bare_"), [])
        if relation.subject not in group:
            group.append(relation.subject)
    _beside_the_middle(draft, sides)
    supports = {
        frozenset((id(r.subject), id(reference)))
        for r in draft.relations
        if r.kind in ("on", "under", "above", "around", "in")
        for reference in r.references
    }

    def place(side: str, thing: Thing, others: Sequence[Thing]) -> bool:
        found = False
        for other in others:
            if other is not thing and frozenset((id(thing), id(other))) not in supports:
                draft.relate({"front": "nearer", "behind": "farther"}.get(side, side), thing, [other])
                found = True
        return found

    for thing in sides.get("mid", []) if not {"front", "behind"} & set(sides) else ():
        draft.warn(f'nothing is said to be before or behind {thing.label}: "in the middle distance" is left out.')
    for one, other in (("left", "right"), ("front", "behind")):
        middle = sides.get("middle" if one == "left" else "mid", [])
        for thing in _said_of(draft, sides.get(one, [])):
            rest = middle or sides.get(other) or [t for t in draft.things if t not in sides[one]]
            rest = rest or sides[one][:-1]
            if not place(one, thing, rest):
                draft.warn(f"{thing.label} is alone: its side of the picture is left to the solver.")
        for thing in _said_of(draft, sides.get(other, [])):
            if middle:
                place(other, thing, middle)
            elif one not in sides:
                rest = [t for t in draft.things if t not in sides[other]]
                rest = rest or sides[other][:-1]
                if not place(other, thing, rest):
                    draft.warn(f"{thing.label} is alone: its side of the picture is left to the solver.")


def _said_of(draft: Draft, things: list[Thing]) -> list[Thing]:
    """Those of which a side of the picture is said: the last alone where all would, as "a cow and a barn far off"."""
    return things[-1:] if len(things) == len(draft.things) else things


def _beside_the_middle(draft: Draft, sides: dict[str, list[Thing]]) -> None:
    """ "three chairs, the middle one is red": one of the others is on the left, one on the right."""
    if "middle" in sides and not {"left", "right"} & set(sides):
        (middle, *_) = sides["middle"]
        alike = [thing for thing in draft.things if thing.kind == middle.kind and thing is not middle]
        if len(alike) == 2:
            sides["left"], sides["right"] = alike[:1], alike[1:]


def _placed_in(draft: Draft) -> None:
    """Scene text has no inside: one thing in another is on it, several in it are words of it."""
    for relation in list(draft.relations):
        if relation.kind == "against":
            relation.kind = "next"
        if relation.kind in ("next", "under") and any(
            thing.vague for thing in (relation.subject, *relation.references)
        ):
            relation.assumed = True  # it may hold of fewer of them
        if relation.kind == "next" and relation.subject.count >= 4:
            relation.assumed = True  # a herd at a pond has not the room that each of it is next to it
        if relation.kind != "in" or not relation.references:
            continue
        thing, holder = relation.subject, relation.references[0]
        others = [r for r in draft.relations if r is not relation and thing in (r.subject, *r.references)]
        if thing.count > 1 and not others and thing.index is None and not _has_room(holder, thing):
            holder.words += ["with", str(thing.count), *thing.words, *thing.color.split(), thing.said]
            draft.things.remove(thing)
            draft.relations.remove(relation)
            draft.warn(f'{thing.count} {thing.said} "in" {holder.label} are kept as words: scene text has no inside.')
        else:
            relation.kind, relation.assumed = "on", thing.count > 1
            draft.warn(f'{thing.label} "in" {holder.label} is read as on it: scene text has no inside.')


def _has_room(holder: Thing, thing: Thing) -> bool:
    """Whether several things lie side by side on another."""
    area = thing.count * thing.extent("width") * thing.extent("length")
    longest = max(thing.extent("width"), thing.extent("length"))
    if longest > 0.9 * max(holder.extent("width"), holder.extent("length")):
        return False
    return 1.5 * area <= holder.extent("width") * holder.extent("length")


def _walls(draft: Draft) -> None:
    """What hangs on a wall or stands against it is in a room."""
    walls = [relation for relation in draft.relations if relation.kind in ("on_wall", "against_wall")]
    if walls and draft.setting == "outdoor":
        draft.relations = [relation for relation in draft.relations if relation not in walls]
        draft.warn(f"there is no wall outdoors, so {walls[0].subject.label} stands free.")
    elif walls:
        draft.setting = "room"
    for relation in list(draft.relations) if draft.setting == "room" else ():
        if relation.kind == "above" and relation.subject.noun is not None and relation.subject.noun.place == "wall":
            for below in relation.references:
                if below.noun is not None and below.noun.place not in ("wall", "top", "air"):
                    draft.relate("against_wall", below, assumed=True)  # where the picture hangs


def _comparisons(draft: Draft) -> None:
    """Each with a number, and none that a formula of differences cannot hold."""
    for relation in list(draft.relations):
        kind, subject = relation.kind, relation.subject
        if not relation.references:
            continue
        other = relation.references[0]
        if kind == "shorter":
            _shorter(draft, relation)
        elif kind == "taller" and relation.value is None and subject.noun is not None and subject.noun.place == "air":
            relation.kind = "above"  # "a balloon rising above the trees"
        elif kind in _EXTENTS and relation.value is None:
            relation.value = _some_more(other.extent(_EXTENTS[kind]))
        elif kind.startswith("times_"):
            extent = _EXTENTS[kind.removeprefix("times_")]
            if extent in subject.sizes and extent not in other.sizes:
                other.sizes[extent] = round(
                    subject.sizes[extent] / needed(relation.value), 3
                )  # "3 m tall, twice as tall as"
            other.sizes.setdefault(extent, other.extent(extent))
            told = round(needed(relation.value) * other.sizes[extent], 3)
            if not math.isclose(subject.sizes.get(extent, told), told, rel_tol=0.02):
                draft.warn(
                    f"{subject.label} is said to be {subject.sizes[extent]:g} m and {told:g} m: the second is kept."
                )
            subject.sizes[extent] = told
            draft.relations.remove(relation)
        elif kind in ("same_height", "same_width", "same_length", "same_size"):
            _same(draft, relation)
        elif kind.startswith("reaches_"):
            height = other.extent("height")
            other.sizes.setdefault("height", height)
            subject.sizes["height"] = round(_REACHES[kind.removeprefix("reaches_")] * height, 3)
            draft.relations.remove(relation)
        elif kind == "volume_less":
            relation.kind, relation.value = "volume", round(1 / needed(relation.value), 3)
        elif kind == "far":
            largest = [max(thing.extent(name) for name in ("width", "length")) for thing in (subject, other)]
            relation.kind, relation.value = "apart", round_metres(max(3.0, 1.5 * sum(largest)))
            draft.warn(f"{subject.label} is far from {other.label}: it is read as {relation.value:g} m.")
        elif kind in ("bigger", "smaller"):
            relation.kind, relation.value = "volume", _BIGGER if kind == "bigger" else _SMALLER
    for relation in draft.relations:
        if relation.kind in (*_EXTENTS, "volume") and relation.value is not None and relation.references:
            # A size in metres with a comparison: "a small dog, taller than the big dog".
            relation.subject.scale = relation.references[0].scale = 1.0


def _shorter(draft: Draft, relation: Relation) -> None:
    """Of less length and of less height, where a thing can be both; else what it is longest in."""
    subject, other = relation.subject, relation.references[0]
    width, height, length = (other.extent(name) for name in ("width", "height", "length"))
    sizes = {**subject.sizes, **other.sizes}
    lies = length > width and ("length" in sizes or "height" not in sizes)  # "90 cm high, the other 20 cm shorter"
    relation.subject, relation.references = other, [subject]
    if relation.value is None:
        relation.value = _some_more(min(height, length) if lies else height)
    relation.kind = "longer" if lies else "taller"
    if not lies:
        return
    if relation.value <= 0.4 * height:
        draft.relate("taller", other, [subject], relation.value)
    else:
        draft.warn(f'"shorter" is read as of less length ({subject.label}); "lower" would be of less height.')


def _same(draft: Draft, relation: Relation) -> None:
    extents = ("width", "height", "length") if relation.kind == "same_size" else (relation.kind.removeprefix("same_"),)
    subject, other = relation.subject, relation.references[0]
    for extent in extents:
        other.sizes.setdefault(extent, subject.sizes.get(extent, other.extent(extent)))
        subject.sizes[extent] = other.sizes[extent]
    draft.relations.remove(relation)


def _some_more(extent: float) -> float:
    return max(round_metres(_MORE * extent), 0.02)


def _distances(draft: Draft) -> None:
    """A distance of the middles that two things are too big for is the gap between them."""
    for relation in list(draft.relations):
        if relation.kind != "apart" or not relation.references or relation.value is None:
            continue
        things = (relation.subject, relation.references[0])
        reach = sum(min(thing.extent("width"), thing.extent("length")) for thing in things) / 2
        # The distance is that of the middles in space, and may be a little less than was said.
        rise = (things[0].extent("height") - things[1].extent("height")) / 2
        reach = max(reach, _LEAST * math.hypot(reach, rise))
        stacked = any(
            r.kind in ("on", "under", "above") and {r.subject, *r.references} == set(things) for r in draft.relations
        )
        if relation.value < reach and not stacked:
            placed = [r for r in draft.relations if r.kind in _PLACED and {r.subject, *r.references} == set(things)]
            for other in placed:
                other.value = relation.value if other.value is None else other.value
            relation.kind = "" if placed else "next"
            draft.warn(
                f"{things[0].label} and {things[1].label} are too big for middles {relation.value:g} m apart: it "
                "is read as the gap between them."
            )
    draft.relations = [relation for relation in draft.relations if relation.kind]


def _mutual_once(draft: Draft) -> None:
    """Two things are turned to each other in one way: the last that was said."""
    last: dict[frozenset[Thing], Relation] = {}
    for relation in draft.relations:
        if relation.kind in _MUTUAL and relation.references:
            pair = frozenset((relation.subject, relation.references[0]))
            if pair in last and last[pair].kind != relation.kind:
                draft.warn(
                    f"{relation.subject.label} and {relation.references[0].label} are said to stand "
                    f"{last[pair].kind.replace('_', ' ')} and {relation.kind.replace('_', ' ')}: the last is kept."
                )
            last[pair] = relation
    for relation in draft.relations:
        pair = frozenset((relation.subject, *relation.references))
        if relation.kind == "facing" and pair in last:
            # Their directions to each other are said already.
            relation.kind = ""
            if last[pair].kind != "face_to_face":
                draft.warn(
                    f"{relation.subject.label} cannot face {relation.references[0].label} and stand "
                    f"{last[pair].kind.replace('_', ' ')}: facing it is left out."
                )
    draft.relations = [
        r for r in draft.relations if r.kind and (r.kind not in _MUTUAL or not r.references or r in last.values())
    ]


def _seen_and_posed(draft: Draft) -> None:
    """The side that the camera sees is the direction of a thing: "facing away" beside it says nothing, or another."""
    seen = {r.subject: r.kind.removeprefix("sees_") for r in draft.relations if r.kind.startswith("sees_")}
    kept: list[Relation] = []
    left_out: dict[str, list[Thing]] = {}
    for relation in draft.relations:
        side = relation.kind.removeprefix("pose_")
        if relation.kind.startswith("pose_") and relation.subject in seen:
            if seen[relation.subject] != side:
                left_out.setdefault(side, []).append(relation.subject)
            continue
        kept.append(relation)
    draft.relations = kept
    for side, things in left_out.items():
        draft.warn(
            f"{things[0].label} cannot show its {side} and its {seen[things[0]]}: the side that the camera "
            "sees is kept."
        )
        # "both facing away, seen from their right": they face the same way.
        for one, other in pairwise(things):
            draft.relate("same_way", one, [other])


def _side_views(draft: Draft) -> None:
    """ "in profile" says which side with "looking left" or "from its right"; alone, it is the left one."""
    posed = {"pose_left", "pose_right", "sees_left", "sees_right", "pose_front", "pose_back"}
    settled = {relation.subject for relation in draft.relations if relation.kind in posed}
    draft.relations = [r for r in draft.relations if r.kind != "profile" or r.subject not in settled]


def _one_view(draft: Draft) -> None:
    """The camera's line is about one thing; the others of which it sees the same side are turned so."""
    for relation in [r for r in draft.relations if r.kind.startswith("sees_") and r.subject.count > 1]:
        draft.split(relation.subject)
    seen = [relation for relation in draft.relations if relation.kind.startswith("sees_")]
    for relation in seen[1:]:
        pairs = [r for r in draft.relations if r.kind in _MUTUAL and relation.subject in (r.subject, *r.references)]
        if pairs:
            draft.relations.remove(relation)  # how it stands to the other is said already
        elif relation.subject is not seen[0].subject and relation.subject.has_front:
            relation.kind = relation.kind.replace("sees_", "pose_")


def _turns(draft: Draft) -> None:
    """What has no front cannot be turned, and a side view must be of one side."""
    _side_views(draft)
    _one_view(draft)
    _seen_and_posed(draft)
    _mutual_once(draft)
    kept: list[Relation] = []
    for relation in draft.relations:
        if relation.kind == "profile":
            relation.kind = "sees_left"
            draft.warn(f"the side view of {relation.subject.label} is read as of its left side.")
        if relation.kind.startswith(_TURNED):
            mutual = relation.kind in ("same_way", "opposite_way", "face_to_face", "back_to_back")
            things = [relation.subject, *(relation.references if mutual else ())]
            blank = next((thing for thing in things if not thing.has_front), None)
            if blank is not None:
                draft.warn(f'{blank.label} has no front, so "{relation.kind.replace("_", " ")}" is left out.')
                if mutual:
                    kept.append(Relation("next", relation.subject, relation.references, assumed=True))
                continue
        kept.append(relation)
    draft.relations = kept
    _one_direction(draft)


# What is turned towards a thing and to the viewer too is seen so: the second is a wish of the camera.
_SEEN_AS = {f"pose_{side}": f"sees_{side}" for side in ("front", "back", "left", "right")}


def _one_direction(draft: Draft) -> None:
    """A thing has one direction, one support and one arrangement."""
    kept: list[Relation] = []
    said: dict[tuple[int, str], Relation] = {}
    own = {id(r.subject) for r in draft.relations if r.kind.startswith(("pose_", "facing")) and not r.shared}
    for relation in draft.relations:
        if relation.shared and relation.kind.startswith(("pose_", "facing")) and id(relation.subject) in own:
            continue  # "all face right but the last, which faces left"
        kind = "direction" if relation.kind.startswith(("pose_", "facing")) else relation.kind
        if kind in ("direction", "on", "around"):
            first = said.setdefault((id(relation.subject), kind), relation)
            if first is not relation and first.kind == "facing" and relation.kind in _SEEN_AS:
                # "facing her easel, with her back to us"
                kept.append(replace(relation, kind=_SEEN_AS[relation.kind]))
                continue
            if relation.kind == "facing" and first.kind in _SEEN_AS and first in kept:
                kept[kept.index(first)] = replace(first, kind=_SEEN_AS[first.kind])  # "facing away, looking at a boat"
                said[id(relation.subject), kind] = relation
            elif first is not relation:
                if (first.kind, first.references) != (relation.kind, relation.references):
                    draft.warn(f"{relation.subject.label} has two of a kind said of it; the second is left out.")
                continue
        kept.append(relation)
    draft.relations = kept


def _abreast(draft: Draft) -> None:
    """ "side by side" and "facing the same way" together are one relation."""
    found: list[Relation] = []
    for relation in draft.relations:
        if relation.kind in ("same_way", "opposite_way") and relation.references:
            found.append(relation)
            relation.kind = "abreast_same" if relation.kind == "same_way" else "abreast_opposite"
    pairs = [{relation.subject, relation.references[0]} for relation in found]
    near = [
        relation
        for relation in draft.relations
        if relation.kind == "next" and {relation.subject, *relation.references[:1]} in pairs
    ]
    draft.relations = [relation for relation in draft.relations if relation not in near]


def _own_frames(draft: Draft) -> None:
    """A thing without a front has no sides of its own: they are the viewer's."""
    for relation in draft.relations:
        if relation.kind.startswith("own_") and not relation.references[0].has_front:
            side = relation.kind.removeprefix("own_")
            draft.warn(f"{relation.references[0].label} has no front, so its {side} is read from the camera.")
            relation.kind = {"back": "behind"}.get(side, side)


_OTHER_COLORS = ("white", "grey", "blue", "green")


def _usual_colors(draft: Draft) -> None:
    """Things have another colour than the one that tells a thing like them from them: "the second car is red"."""
    said = [(thing.noun, thing.said, thing.color) for thing in draft.things if thing.color]
    for thing in draft.things:
        if thing.noun is None or thing.color or thing.index is not None:
            continue
        taken = {color for entry, word, color in said if (entry, word) == (thing.noun, thing.said)}
        if thing.noun.color in taken:
            thing.color = next((color for color in _OTHER_COLORS if color not in taken), "")


def _once(draft: Draft) -> None:
    """Nothing twice, and nothing about a thing and itself."""
    seen: set[tuple] = set()
    kept = []
    for relation in draft.relations:
        if needs_reference(relation.kind) and not relation.references:
            said = relation.kind.replace("_", " ")
            draft.warn(f'{relation.subject.label} is said to be "{said}", but not of what: it is left out.')
            continue
        key = relation.kind, id(relation.subject), tuple(map(id, relation.references)), relation.value
        if key in seen or relation.subject in relation.references:
            continue
        if relation.kind in _PAIRS and _says(draft, seen, relation):
            continue
        seen.add(key)
        kept.append(relation)
    draft.relations = kept


def _says(draft: Draft, seen: set[tuple], relation: Relation) -> bool:
    """Whether the opposite order was already said: "a left of b" where b is right of a."""
    if not relation.references:
        return False
    return (_PAIRS[relation.kind], id(relation.references[0]), (id(relation.subject),), relation.value) in seen
