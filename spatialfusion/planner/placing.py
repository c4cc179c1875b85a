"""A place for one more thing in a scene: where what is said of it holds, nothing is in its way, and it is in view."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from ..needed import needed
from ..scenes.looks import primitives_of
from ..scenes.sample import footprints_meet, projected_box, well_composed
from ..scenes.scene import Scene, SceneObject
from ..scenes.statements import Statement, observe, score
from ..scenes.surfaces import stand
from .draft import Relation, Thing

_TRIES = 600
_SPOTS = 8  # looked at for a thing that stands on another
_FLAT = 0.03  # metres of height up to which a thing may lie under others
_PLACES = ("on", "under", "above", "next", "between", "facing", "around")
_STACKS = ("on", "under", "above")
_SIDES = ("left", "right", "front", "behind")
_TURNS = {"front": 0.0, "back": 180.0, "left": 90.0, "right": -90.0}


@dataclass(frozen=True)
class Wish:
    """What no `Statement` about the new thing says: `kind` is one of _PLACES, pose_* or gap."""

    kind: str
    subject: int
    references: tuple[int, ...] = ()
    value: float | None = None


def pose_of(relation: Relation, indices: dict[int, int]) -> Wish | None:
    """The wish that a relation makes, if it is one."""
    subject = indices[id(relation.subject)]
    references = tuple(indices[id(reference)] for reference in relation.references)
    if relation.kind in _PLACES or relation.kind.startswith("pose_"):
        return Wish(relation.kind, subject, references, relation.value)
    if relation.value is not None and (relation.kind in _SIDES or relation.kind.startswith("own_")):
        return Wish("gap", subject, references, relation.value)
    return None


def usual_size(thing: Thing) -> tuple[float, float, float]:
    """Width, height and length of a thing by its noun and what was said."""
    sizes = {extent: thing.extent(extent) for extent in ("width", "height", "length")}
    if set(thing.sizes) == {"height"}:
        # A height alone keeps the proportions.
        usual = (1.0, 1.0, 1.0) if thing.noun is None else thing.noun.size
        factor = thing.sizes["height"] / usual[1]
        return usual[0] * factor, thing.sizes["height"], usual[2] * factor
    return sizes["width"], sizes["height"], sizes["length"]


def place(
    scene: Scene, thing: SceneObject, statements: list[Statement], wishes: list[Wish], index: int | None = None
) -> SceneObject:
    """The thing with a position and a yaw of its own.

    index: of the thing in the scene, if it is there already and moves. The same call always gives the same place.
    Raises InputError where there is none.
    """
    number = len(scene.objects) if index is None else index
    rng = random.Random(f"{thing.kind} {statements} {wishes}")
    best: tuple[float, SceneObject] | None = None
    for attempt in range(_TRIES):
        candidate = _draw(scene, thing, number, statements, wishes, rng)
        target = _with(scene, candidate, index)
        if not all(score(target, statement) == 1.0 for statement in statements) or not _keeps(target, number, wishes):
            continue
        rank = _rank(target, number, wishes)
        if rank > 0 and (best is None or rank > best[0]):
            best = rank, candidate
        if best is not None and best[0] >= 3 and attempt >= 20:
            break
    if best is None:
        raise InputError(
            f"there is no free place in view for the {thing.color} {thing.kind} where the instruction wants it; "
            "expected another place, a smaller thing, or the camera farther away."
        )
    return best[1]


def _with(scene: Scene, thing: SceneObject, index: int | None) -> Scene:
    objects = list(scene.objects)
    if index is None:
        objects.append(thing)
    else:
        objects[index] = thing
    return replace(scene, objects=tuple(objects))


def _rank(scene: Scene, number: int, wishes: list[Wish]) -> int:
    """0: not possible; 1: free; 2: in view too; 3: a well-composed view."""
    thing = scene.objects[number]
    stacked = {one for wish in wishes if wish.kind in _STACKS for one in (wish.subject, *wish.references)}
    for other, item in enumerate(scene.objects):
        if other != number and other not in stacked and _same_level(thing, item) and footprints_meet(thing, item):
            return 0
    if not _inside_room(scene, thing):
        return 0
    if not stacked and well_composed(scene):
        return 3
    box = projected_box(thing, scene.camera)
    if box is None:
        return 0
    left, top, right, bottom, _ = box
    inside = max(0.0, min(right, 1) - max(left, 0)) * max(0.0, min(bottom, 1) - max(top, 0))
    part = inside / max((right - left) * (bottom - top), 1e-9)
    return (3 if stacked and part > 0.9 else 2) if part > 0.6 else 1 if part > 0.05 else 0


def _inside_room(scene: Scene, thing: SceneObject) -> bool:
    """Whether the thing is within the walls; True outdoors. Its corners count, so that it may stand close to a wall.

    `edits.inside_room` counts the circle round a thing: the drawn edits of a seed depend on that.
    """
    if scene.room is None:
        return True
    half_width, height, far = scene.room
    yaw = math.radians(thing.yaw)
    cosine, sine = abs(math.cos(yaw)), abs(math.sin(yaw))
    width, _, length = (extent / 2 for extent in thing.size)
    x, y, z = thing.position
    inside = abs(x) + width * cosine + length * sine <= half_width and z + width * sine + length * cosine <= far
    return inside and thing.size[1] - y <= height


def _same_level(a: SceneObject, b: SceneObject) -> bool:
    """Whether the heights of two things overlap; what is flat may lie under others."""
    if min(a.size[1], b.size[1]) <= _FLAT:
        return False
    return -a.position[1] < -b.position[1] + b.size[1] and -b.position[1] < -a.position[1] + a.size[1]


def _keeps(scene: Scene, number: int, wishes: list[Wish]) -> bool:
    """Whether the wishes hold that the drawing does not make true by itself."""
    thing = scene.objects[number]
    for wish in wishes:
        if wish.subject != number and wish.kind in ("on", "above"):
            rise = thing.position[1] - thing.size[1] - scene.objects[wish.subject].position[1]
            if rise < -_FLAT:
                return False  # "add a table under the cat" that lies lower than a table is high
        if wish.subject != number and wish.kind == "facing":
            ahead = Statement("allocentric", "front", number, wish.subject)
            if score(observe(scene), ahead) < 1.0:
                return False
    return True


def _draw(
    scene: Scene, thing: SceneObject, number: int, statements: list[Statement], wishes: list[Wish], rng: random.Random
) -> SceneObject:
    """One candidate, drawn where it has a good chance to be right."""
    base = 0.0
    position: tuple[float, float] | None = None
    for wish in wishes:
        if wish.subject == number and wish.kind in _STACKS:
            support = scene.objects[wish.references[0]]
            position = _over(support, thing, rng)
            if wish.kind == "on":
                base, position = standing(support, thing, [_over(support, thing, rng) for _ in range(_SPOTS)])
            elif wish.kind == "above":
                base = support.size[1] - support.position[1] + (wish.value or 0.3 * thing.size[1])
        elif wish.kind in _STACKS and number in wish.references:
            x, _, z = scene.objects[wish.subject].position  # "a rug under the table"
            position = x, z
        elif wish.subject == number and wish.kind == "between":
            one, two = (scene.objects[reference].position for reference in (wish.references[0], wish.references[-1]))
            part = rng.uniform(0.35, 0.65)
            position = one[0] + part * (two[0] - one[0]), one[2] + part * (two[2] - one[2])
    if position is None:
        position = _beside(scene, thing, number, statements, wishes, rng)
    # Whole millimetres and hundredths of a degree read well; 0.0 is no -0.0.
    drawn = replace(thing, position=(round(position[0], 3), 0.0 - round(base, 3), round(position[1], 3)))
    return replace(drawn, yaw=round(_yaw(scene, drawn, number, statements, wishes, rng), 2))


def _over(support: SceneObject, thing: SceneObject, rng: random.Random) -> tuple[float, float]:
    """A point of the support's top at which the thing does not hang over its edge, if it fits."""
    room = [max(0.0, (support.size[axis] - max(thing.size[0], thing.size[2])) / 2) for axis in (0, 2)]
    return from_frame(support, rng.uniform(-1, 1) * room[0], rng.uniform(-1, 1) * room[1])


def in_frame(thing: SceneObject, x: float, z: float) -> tuple[float, float]:
    """A point of the ground in metres along the width and the length of a thing, from its middle."""
    cosine, sine = math.cos(math.radians(thing.yaw)), math.sin(math.radians(thing.yaw))
    dx, dz = x - thing.position[0], z - thing.position[2]
    return dx * cosine + dz * sine, dz * cosine - dx * sine


def from_frame(thing: SceneObject, across: float, along: float) -> tuple[float, float]:
    """The point of the ground that is so far along the width and the length of a thing: `in_frame` undone."""
    cosine, sine = math.cos(math.radians(thing.yaw)), math.sin(math.radians(thing.yaw))
    return thing.position[0] + across * cosine - along * sine, thing.position[2] + across * sine + along * cosine


def standing(
    support: SceneObject, thing: SceneObject, spots: list[tuple[float, float]]
) -> tuple[float, tuple[float, float]]:
    """The height above the ground on which the thing rests, and where: the most even of the spots."""
    width, height, length = support.size
    across, along = np.array([in_frame(support, x, z) for x, z in spots]).T / [[width], [length]]
    parts, uneven = stand(primitives_of(support), across, along, (thing.size[0] / width, thing.size[2] / length))
    best = int(uneven.argmin())
    return height * float(parts[best]) - support.position[1], spots[best]


def _beside(
    scene: Scene, thing: SceneObject, number: int, statements: list[Statement], wishes: list[Wish], rng: random.Random
) -> tuple[float, float]:
    """A point near one of the things that it is said to be near, in the direction that is said."""
    away = next((s.value for s in statements if s.domain == "camera_distance" and s.subject == number), None)
    directions: dict[int, tuple[str, str, bool]] = {}  # domain, relation, whether the new thing is its reference
    apart: dict[int, float] = {}
    gaps: dict[int, float] = {}
    for said in statements:
        if said.reference is not None:
            swapped = said.subject != number
            other = said.subject if swapped else said.reference
            if said.domain == "object_distance":
                apart[other] = needed(said.value)
                directions.setdefault(other, (said.domain, said.relation, swapped))
            elif directions.get(other, ("object_distance",))[0] == "object_distance":
                directions[other] = said.domain, said.relation, swapped
    for wish in wishes:
        if wish.references and wish.kind in ("next", "around", "facing", "gap"):
            swapped = wish.subject != number
            other = wish.subject if swapped else wish.references[0]
            if wish.kind == "gap":
                gaps[other] = needed(wish.value)
            else:
                directions.setdefault(other, ("near", wish.kind, swapped))
    if not directions or (away is not None and rng.random() < 0.7):
        return _before_camera(scene, thing, away or rng.uniform(0.5, 1.6) * _usual_distance(scene), rng)
    # With several, each is tried; a distance in metres leaves the least room, so it is tried more often.
    place = rng.choice([*directions, *(2 * list(apart))])
    beside, (domain, relation, swapped) = scene.objects[place], directions[place]
    bearing = _bearing(scene, beside, domain, relation, swapped, rng)
    reach = (math.hypot(thing.size[0], thing.size[2]) + math.hypot(beside.size[0], beside.size[2])) / 2
    if place in apart:
        # Between the centres of the boxes, which differ in height.
        rise = (thing.size[1] - beside.size[1]) / 2
        distance = math.sqrt(max(apart[place] ** 2 - rise**2, 1e-4)) * rng.uniform(0.95, 1.05)
    elif place in gaps:
        distance = gaps[place] + _half(thing, beside) * rng.uniform(0.9, 1.1)
    elif relation == "next":
        distance = reach * rng.uniform(0.75, 1.3)
    elif len(directions) > 1:
        distance = reach * rng.uniform(0.7, 6.0)
    else:
        distance = reach * rng.uniform(0.7, 2.2)
    return beside.position[0] + distance * math.sin(bearing), beside.position[2] + distance * math.cos(bearing)


def _before_camera(scene: Scene, thing: SceneObject, distance: float, rng: random.Random) -> tuple[float, float]:
    """A point in view, so far from the camera that the middle of the thing is at this distance."""
    camera = scene.camera
    bearing = math.radians(camera.yaw + rng.uniform(-0.45, 0.45) * camera.hfov)
    below = camera.position[1] + thing.size[1] / 2
    level = math.sqrt(max(distance**2 - below**2, 0.01))
    return camera.position[0] + level * math.sin(bearing), camera.position[2] + level * math.cos(bearing)


def _half(thing: SceneObject, other: SceneObject) -> float:
    """Half of the extents of both, about, along the direction between them."""
    return (thing.size[0] + thing.size[2] + other.size[0] + other.size[2]) / 4


def _bearing(scene: Scene, other: SceneObject, domain: str, relation: str, swapped: bool, rng: random.Random) -> float:
    """The direction from the other thing, as an angle from +z to +x."""
    sight = math.atan2(other.position[0] - scene.camera.position[0], other.position[2] - scene.camera.position[2])
    # The front of a thing points to yaw 180 minus its own, counted from +z.
    front = math.pi - math.radians(other.yaw)
    if domain == "egocentric":
        turn = {"left": -90.0, "right": 90.0, "closer": 180.0, "farther": 0.0}[relation] + (180.0 if swapped else 0.0)
        # The middle of the picture has most room: in front and behind need not be exact.
        return sight + math.radians(turn + rng.gauss(0, 28))
    if domain == "allocentric" and not swapped:
        turn = {"front": 0.0, "back": 180.0, "left": -90.0, "right": 90.0}[relation]
        return front + math.radians(turn + rng.uniform(-14, 14))
    if domain == "intrinsic":
        if relation.startswith("side_by_side"):
            return front + math.radians(rng.choice((-90.0, 90.0)) + rng.uniform(-22, 22))
        return front + math.radians((0.0 if relation == "face_to_face" else 180.0) + rng.uniform(-22, 22))
    if relation == "facing" and swapped:
        return front + math.radians(rng.uniform(-12, 12))
    if relation == "next":
        return sight + math.radians(rng.choice((-90.0, 90.0)) + rng.gauss(0, 20))
    return rng.uniform(-math.pi, math.pi)


def _yaw(
    scene: Scene, thing: SceneObject, number: int, statements: list[Statement], wishes: list[Wish], rng: random.Random
) -> float:
    """The yaw that what is said asks for; else that of a thing that faces the viewer, more or less."""

    def towards(x: float, z: float) -> float:
        return math.degrees(math.atan2(x - thing.position[0], -(z - thing.position[2])))

    camera = scene.camera
    for wish in wishes:
        if wish.kind in _STACKS and number in wish.references:
            return _wrap(scene.objects[wish.subject].yaw)
        if wish.subject != number:
            continue
        if wish.kind.startswith("pose_"):
            to_camera = towards(camera.position[0], camera.position[2])
            return _wrap(to_camera - _TURNS[wish.kind.removeprefix("pose_")])
        if wish.kind == "facing":
            other = scene.objects[wish.references[0]]
            return _wrap(towards(other.position[0], other.position[2]))
    for said in statements:
        pair = (said.subject, said.reference)
        if said.domain == "intrinsic" and number in pair:
            other = scene.objects[needed(pair[1]) if pair[0] == number else pair[0]]
            jitter = rng.uniform(-8, 8)
            if said.relation == "side_by_side_same":
                return _wrap(other.yaw + jitter)
            if said.relation == "side_by_side_opposite":
                return _wrap(other.yaw + 180 + jitter)
            turn = 0.0 if said.relation == "face_to_face" else 180.0
            return _wrap(towards(other.position[0], other.position[2]) + turn)
        if said.domain == "allocentric" and said.reference == number:
            other = scene.objects[said.subject]
            turn = {"front": 0.0, "back": 180.0, "left": -90.0, "right": 90.0}[said.relation]
            return _wrap(towards(other.position[0], other.position[2]) + turn)
    return _wrap(towards(camera.position[0], camera.position[2]) + rng.uniform(-40, 40))


def _usual_distance(scene: Scene) -> float:
    distances = [math.dist(thing.position, scene.camera.position) for thing in scene.objects]
    return sum(distances) / len(distances) if distances else 4.0


def _wrap(degrees: float) -> float:
    return (degrees + 180.0) % 360.0 - 180.0
