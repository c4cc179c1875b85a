"""Spatial statements about a scene, and how true they are, after GenSpace (arXiv 2505.24870).

The nine sub-domains and their formulas are GenSpace's text-to-image ones. A statement that passes scores 1, one that
narrowly fails gets linear partial credit. The formulas work on an `Observation`, which a scene gives exactly and which
detectors, orientation and depth models can give for any image; so a scene and an image are judged alike.

Known defects of the released evaluator that are mended here, and only there do the scores differ from it:

- *Undershoot*: a measurement earned partial credit only when it was too large; here too small and too large are alike.
- *In line* (face to face): a missing factor pi/180 accepted any direction in front; here it is within 30 degrees, and
  face to face and back to back give partial credit as the other relations do.
- *Passed by much*: partial credit was lost when a sub-criterion was passed by more than 15 degrees; here a passed
  sub-criterion counts 1.
- *One frame*: side by side and in line were measured in one object's frame, so that swapping the two changed the score;
  here the worse of both frames counts.
- *Axis of sizes*: extents were measured after a rotation about the optical axis; here width, height and length belong
  to axes turned about the vertical.
- *Unsigned sizes*: "20 cm taller" passed for 20 cm shorter, and a volume ratio of 1.2 for equal volumes; here a
  comparison must hold in its direction to score at all.
- *Height in directions*: directions between objects were taken in space, so a ball at the foot of a house was never in
  front of it; here directions are horizontal.

GenSpace's measurements have four values each; here any value is allowed, with windows between those of its values.
Distances are between centres of bounding boxes; the distance of the camera is Euclidean, from its centre of projection.
Poses are measured against the line of sight, as a crop of the object shows it, not against the optical axis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..needed import needed
from .looks import has_front
from .scene import Scene

SIDES = ("front", "back", "left", "right")
RELATIONS: dict[str, tuple[str, ...]] = {
    "camera_pose": SIDES,  # the side of the subject that the camera sees
    "object_pose": SIDES,  # front: it faces the camera; back: away; left, right: the viewer's left, right
    "complex_pose": SIDES,  # side by side, facing the same way, the camera sees this side of the subject
    "egocentric": ("closer", "farther", "left", "right"),
    "allocentric": SIDES,  # where the subject is, seen by the reference
    "intrinsic": ("side_by_side_same", "side_by_side_opposite", "face_to_face", "back_to_back"),
    "object_size": ("volume", "height", "length", "width"),  # ratio; more metres than the reference, or metres
    "object_distance": ("apart",),
    "camera_distance": ("away",),
}
PAIRED = ("complex_pose", "egocentric", "allocentric", "intrinsic", "object_distance")  # need a reference
MEASURED = ("object_size", "object_distance", "camera_distance")  # need a value
NEAREST, FARTHEST = 0.3, 15.0  # metres that `propose` puts into words
_EXTENT = {"width": 0, "height": 1, "length": 2}
_PASS = {"front": (15.0, 45.0), "back": (15.0, 45.0), "left": (30.0, 60.0), "right": (30.0, 60.0)}


@dataclass(frozen=True)
class Statement:
    """Something said about a scene. `value` is metres, a ratio for volumes, or None."""

    domain: str
    relation: str
    subject: int
    reference: int | None = None
    value: float | None = None

    # The fields that a domain has for certain, without None.

    @property
    def other(self) -> int:
        return needed(self.reference)

    @property
    def amount(self) -> float:
        return needed(self.value)


@dataclass(frozen=True)
class ObservedObject:
    """One object in gravity-aligned camera axes (x right, y down, z level and forward; metres; camera at the origin).

    `position` is the centre of the bounding box, `front` the facing direction (None: unknown, or it has no front),
    `size` width, height and length (None: unknown). `kind` and `color` matter only where an edit is judged.
    """

    position: tuple[float, float, float]
    front: tuple[float, float, float] | None = None
    size: tuple[float, float, float] | None = None
    kind: str = ""
    color: str = ""

    @property
    def facing(self) -> tuple[float, float, float]:
        """`front`, of one that has it."""
        return needed(self.front)

    @property
    def extents(self) -> tuple[float, float, float]:
        """`size`, where it is known."""
        return needed(self.size)


@dataclass(frozen=True)
class Observation:
    """What is known of an image: its objects, in the order in which statements number them."""

    objects: tuple[ObservedObject, ...]


def observe(scene: Scene) -> Observation:
    """The exact observation of a scene."""
    camera_x, camera_y, camera_z = scene.camera.position
    yaw = math.radians(scene.camera.yaw)
    cos, sin = math.cos(yaw), math.sin(yaw)
    objects = []
    for thing in scene.objects:
        x, y, z = thing.position
        x, y, z = x - camera_x, y - thing.size[1] / 2 - camera_y, z - camera_z
        front = None
        if has_front(thing):
            facing = math.radians(thing.yaw) + yaw
            front = (math.sin(facing), 0.0, -math.cos(facing))
        position = (cos * x - sin * z, y, sin * x + cos * z)
        objects.append(ObservedObject(position, front, thing.size, thing.kind, thing.color))
    return Observation(tuple(objects))


def score(observed: Observation | Scene, statement: Statement) -> float:
    """How true the statement is, from 0 to 1. What the observation lacks (a front, a size) scores 0."""
    if isinstance(observed, Scene):
        observed = observe(observed)
    domain, relation = statement.domain, statement.relation
    if relation not in RELATIONS.get(domain, ()):
        raise ValueError(f"no relation {relation!r} in domain {domain!r}")
    a = observed.objects[statement.subject]
    if domain in ("camera_pose", "object_pose"):
        return view_score(a, relation)
    if domain == "camera_distance":
        distance = math.hypot(*a.position)
        return measure_credit(distance, statement.amount, camera_distance_window(statement.amount))
    if domain == "object_size":
        other = None if statement.reference is None else observed.objects[statement.reference]
        return size_score(a, other, relation, statement.amount)
    b = observed.objects[statement.other]
    if domain == "object_distance":
        return measure_credit(math.dist(a.position, b.position), statement.amount)
    if domain == "egocentric":
        return egocentric_score(a, b, relation)
    if domain == "allocentric":
        return allocentric_score(a, b, relation)
    if domain == "intrinsic":
        return intrinsic_score(a, b, relation)
    return complex_score(a, b, relation)


# Formulas ------------------------------------------------------------------------------------------------------------


def angle_credit(angle: float, full: float, zero: float) -> float:
    """1 up to `full` degrees, falling linearly to 0 at `zero` degrees."""
    return 1.0 if angle <= full else max(0.0, 1.0 - (angle - full) / (zero - full))


def measure_credit(measured: float, wanted: float, window: float = 1 / 3) -> float:
    """1 within a relative error of `window`, falling linearly to 0 at twice that, on both sides."""
    error = abs(measured - wanted) / abs(wanted)
    return 1.0 if error <= window else max(0.0, 2.0 - error / window)


def camera_distance_window(distance: float) -> float:
    """GenSpace's relative window: 1/3 up to 2 m, 0.30 at 3 m, 0.20 from 4 m; linear between."""
    if distance <= 2:
        return 1 / 3
    if distance <= 3:
        return 1 / 3 + (0.30 - 1 / 3) * (distance - 2)
    return max(0.20, 0.30 - 0.10 * (distance - 3))


def side_angle(thing: ObservedObject, side: str, direction: tuple[float, float]) -> float:
    """Degrees between a side of the object (its own left and right) and a level direction (x, z)."""
    x, _, z = thing.facing
    if side == "back":
        x, z = -x, -z
    elif side == "left":
        x, z = -z, x
    elif side == "right":
        x, z = z, -x
    return _angle(x, z, *direction)


def view_score(thing: ObservedObject, side: str, limits: tuple[float, float] | None = None) -> float:
    """Whether the camera sees this side: the angle between the side and the line of sight."""
    if thing.front is None:
        return 0.0
    x, _, z = thing.position
    return angle_credit(side_angle(thing, side, (-x, -z)), *(limits or _PASS[side]))


def egocentric_score(a: ObservedObject, b: ObservedObject, relation: str) -> float:
    """Closer and farther by Euclidean distance from the camera, left and right by x; all or nothing."""
    if relation in ("left", "right"):
        difference = b.position[0] - a.position[0]
    else:
        difference = math.hypot(*b.position) - math.hypot(*a.position)
    return float(difference > 0 if relation in ("left", "closer") else difference < 0)


def allocentric_score(a: ObservedObject, b: ObservedObject, side: str) -> float:
    """Whether `a` stands on this side of `b`."""
    if b.front is None:
        return 0.0
    return angle_credit(side_angle(b, side, _level(b, a)), *_PASS[side])


def intrinsic_score(a: ObservedObject, b: ObservedObject, relation: str) -> float:
    """How two objects stand to each other: abreast or in line (within 30 degrees), facing alike or against."""
    if a.front is None or b.front is None:
        return 0.0
    turned = _angle(a.front[0], a.front[2], b.front[0], b.front[2])
    if relation != "side_by_side_same":
        turned = 180.0 - turned
    if relation in ("face_to_face", "back_to_back"):
        side = "front" if relation == "face_to_face" else "back"
        placed = max(side_angle(a, side, _level(a, b)), side_angle(b, side, _level(b, a)))
    else:
        placed = max(_off_abreast(a, b), _off_abreast(b, a))
    return angle_credit(placed, 30.0, 45.0) * angle_credit(turned, 30.0, 45.0)


def complex_score(a: ObservedObject, b: ObservedObject, side: str) -> float:
    """Side by side, facing the same way, with the camera on this side of `a`."""
    return intrinsic_score(a, b, "side_by_side_same") * view_score(a, side, (30.0, 45.0))


def size_score(a: ObservedObject, b: ObservedObject | None, relation: str, value: float) -> float:
    """Volume as a ratio, extents as a difference from `b` in metres, or (without `b`) in metres."""
    if a.size is None or (b is not None and b.size is None):
        return 0.0
    if relation == "volume":
        ratio = math.prod(a.size) / math.prod(needed(b).extents)
        return measure_credit(ratio, value) if (ratio - 1) * (value - 1) > 0 else 0.0
    extent = _EXTENT[relation]
    return measure_credit(a.size[extent] - (0.0 if b is None else b.extents[extent]), value)


def extent_shows(thing: ObservedObject, relation: str) -> bool:
    """Whether the camera sees a width, height or length at half its extent at least: not along the line of sight."""
    if relation == "height":
        return True
    if thing.front is None:
        return False
    x, _, z = thing.position
    along = side_angle(thing, "left" if relation == "width" else "front", (x, z))
    return 30.0 <= along <= 150.0


def _angle(ax: float, az: float, bx: float, bz: float) -> float:
    return math.degrees(math.atan2(abs(ax * bz - az * bx), ax * bx + az * bz))


def _level(a: ObservedObject, b: ObservedObject) -> tuple[float, float]:
    return b.position[0] - a.position[0], b.position[2] - a.position[2]


def _off_abreast(a: ObservedObject, b: ObservedObject) -> float:
    return abs(90.0 - side_angle(a, "front", _level(a, b)))


# True statements -----------------------------------------------------------------------------------------------------


def round_metres(value: float) -> float:
    """A length as people say it: whole centimetres, then 5 cm from 0.3 m, 10 cm from 1 m, half metres from 10 m."""
    step = 100 if value < 0.3 else 20 if value < 1 else 10 if value < 10 else 2
    return round(value * step) / step


def propose(scene: Scene) -> list[Statement]:
    """All true (score 1), unambiguous statements worth saying, with rounded values.

    An object that shares kind and colour with another cannot be named, so nothing is said about it. Egocentric
    relations need a visible margin: 8 % of the image's width, or 15 % of the distance.
    """
    observation = observe(scene)
    things = observation.objects
    names = [(thing.kind, thing.color) for thing in things]
    named = [i for i, name in enumerate(names) if names.count(name) == 1]
    distances = [math.hypot(*thing.position) for thing in things]
    found: list[Statement] = []
    for i in named:
        _propose_one(found, i, things[i], distances[i])
    for i in named:
        for j in named:
            if i == j:
                continue
            a, b = things[i], things[j]
            found += sides(scene, observation, i, j)
            found += in_depth(observation, i, j)
            _propose_directed(found, i, j, a, b)
            if i < j:
                apart = math.dist(a.position, b.position)
                if NEAREST <= apart <= FARTHEST:
                    found.append(Statement("object_distance", "apart", i, j, round_metres(apart)))
    return found


def sides(scene: Scene, observation: Observation, i: int, j: int) -> list[Statement]:
    """[i is left of j, j is right of i] where that is plain to see, else nothing."""
    a, b = observation.objects[i].position, observation.objects[j].position
    if a[0] >= b[0] or min(a[2], b[2]) <= 0:
        return []
    # In widths of the image; the camera's pitch is small enough to be ignored here.
    apart = (b[0] / b[2] - a[0] / a[2]) / (2 * math.tan(math.radians(scene.camera.hfov) / 2))
    if apart < 0.08:
        return []
    return [Statement("egocentric", "left", i, j), Statement("egocentric", "right", j, i)]


def in_depth(observation: Observation, i: int, j: int) -> list[Statement]:
    """[i is closer than j, j is farther than i] where that is plain to see, else nothing."""
    a, b = observation.objects[i].position, observation.objects[j].position
    if math.hypot(*b) <= 1.15 * math.hypot(*a) or b[2] <= a[2]:
        return []
    return [Statement("egocentric", "closer", i, j), Statement("egocentric", "farther", j, i)]


def _propose_one(found: list[Statement], i: int, thing: ObservedObject, distance: float) -> None:
    if NEAREST <= distance <= FARTHEST:
        found.append(Statement("camera_distance", "away", i, None, round_metres(distance)))
    if thing.extents[1] >= 0.1:
        found.append(Statement("object_size", "height", i, None, round_metres(thing.extents[1])))
    if thing.front is None:
        return
    if thing.extents[0] >= 0.1 and extent_shows(thing, "width"):
        found.append(Statement("object_size", "width", i, None, round_metres(thing.extents[0])))
    if thing.extents[2] > max(0.1, thing.extents[0]) and extent_shows(thing, "length"):
        found.append(Statement("object_size", "length", i, None, round_metres(thing.extents[2])))
    for side in SIDES:
        if view_score(thing, side) == 1.0:
            found.append(Statement("camera_pose", side, i))
            # "Facing left" may be read against the image's axes rather than the line of sight: both must hold.
            if side_angle(thing, side, (0.0, -1.0)) <= _PASS[side][0]:
                found.append(Statement("object_pose", side, i))
            break


def _propose_directed(found: list[Statement], i: int, j: int, a: ObservedObject, b: ObservedObject) -> None:
    """Statements on the ordered pair that depend on fronts or on which of the two is larger."""
    if b.front is not None:
        direction = _level(b, a)
        for side in SIDES:
            if side_angle(b, side, direction) <= _PASS[side][0]:
                found.append(Statement("allocentric", side, i, j))
                break
    if a.front is not None and b.front is not None:
        for relation in RELATIONS["intrinsic"]:
            if intrinsic_score(a, b, relation) == 1.0:
                found.append(Statement("intrinsic", relation, i, j))
                if relation == "side_by_side_same":
                    for side in SIDES:
                        if complex_score(a, b, side) == 1.0:
                            found.append(Statement("complex_pose", side, i, j))
                            break
                break
    for relation, extent in _EXTENT.items():
        if not (extent_shows(a, relation) and extent_shows(b, relation)):
            continue
        if relation == "length" and not (a.extents[2] > a.extents[0] and b.extents[2] > b.extents[0]):
            continue
        more = a.extents[extent] - b.extents[extent]
        if more >= max(0.1, 0.15 * b.extents[extent]) and more <= FARTHEST:
            found.append(Statement("object_size", relation, i, j, round_metres(more)))
    if a.kind == b.kind:
        ratio = math.prod(a.extents) / math.prod(b.extents)
        if 1.15 <= ratio <= 4.2:
            value = round(ratio, 1) if ratio < 1.95 else round(ratio * 2) / 2
            found.append(Statement("object_size", "volume", i, j, value))
