"""The geometry of relations: how far some layouts are from keeping one, and where a thing would keep it.

All works on many layouts at once, in the view frame: x to the camera's right, z level and forward, angles in radians, 0
facing the viewer at rest and growing to the viewer's right. Poses are arrays [N, 1] or [N, K]: N layouts, K places that
are tried in each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..needed import needed
from .program import ALLOCENTRIC, EGOCENTRIC, INTRINSIC, ObjectRelation
from .statements import camera_distance_window

Array = np.ndarray

SIDE_ANGLE = {"front": 0.0, "left": math.pi / 2, "back": math.pi, "right": -math.pi / 2}  # own side, from the front
TURN = {"front": 0.0, "right": math.pi / 2, "back": math.pi, "left": -math.pi / 2}  # that shows the side to the camera
# Within the passing angles of statements.py, so that rounding does not fail them.
WITHIN = {"front": 13.0, "back": 13.0, "left": 27.0, "right": 27.0}
BESIDE = 27.0  # degrees within which intrinsic relations hold
APART = 0.29  # part of a distance by which it may be missed if things are too large for it; the scorer's is a third
NEAR = 0.5  # the widest gap of "next to", in longest edges
SUPPORTED = ("on", "under", "above")


@dataclass
class Pose:
    """Where an object is: middle of its base (x, z), height of the base, direction of its front."""

    x: Array
    z: Array
    base: Array
    yaw: Array


@dataclass
class View:
    """The cameras: places [N, 1], heights, tangent of half the horizontal field of view."""

    x: Array
    z: Array
    height: Array
    half: Array


@dataclass(frozen=True)
class Measures:
    """Of each object: width, height, length [n, 3], and whether it has a front."""

    sizes: Array
    fronts: tuple[bool, ...] = ()
    walls: frozenset[int] = frozenset()  # those that hang on a wall

    def reach(self, i: int | slice, yaw: Array) -> tuple[Array, Array]:
        """Half the extents of the turned footprint along x and z."""
        width, _, length = self.sizes[i].T
        cosine, sine = np.abs(np.cos(yaw)), np.abs(np.sin(yaw))
        return (width * cosine + length * sine) / 2, (width * sine + length * cosine) / 2

    def reach_along(self, i: int, angle: Array) -> Array:
        """Half the extent of the footprint along a direction, `angle` off its front."""
        width, _, length = self.sizes[i]
        return (width * np.abs(np.sin(angle)) + length * np.abs(np.cos(angle))) / 2

    def longest(self, i: int) -> float:
        return float(max(self.sizes[i][0], self.sizes[i][2]))


def over(value: Array) -> Array:
    return np.maximum(value, 0.0)


def turned(angle: Array) -> Array:
    """The size of an angle, 0 to pi."""
    return np.abs((angle + math.pi) % (2 * math.pi) - math.pi)


def towards(x: Array, z: Array) -> Array:
    """The yaw whose front points along (x, z)."""
    return np.arctan2(x, -z)


def _excess(angle: Array, degrees: float) -> Array:
    """By how much an angle is past a limit, 1 for 30 degrees."""
    return over(angle - math.radians(degrees)) / math.radians(30)


def gap(measures: Measures, i: int, j: int, a: Pose, b: Pose) -> Array:
    """The gap between two footprints along the axis that parts them most; negative where they overlap."""
    dx, dz = b.x - a.x, b.z - a.z
    across, along = np.abs(np.cos(a.yaw - b.yaw)), np.abs(np.sin(a.yaw - b.yaw))
    gaps = []
    for pose, own, other in ((a, measures.sizes[i], measures.sizes[j]), (b, measures.sizes[j], measures.sizes[i])):
        cosine, sine = np.cos(pose.yaw), np.sin(pose.yaw)
        first = np.abs(dx * cosine + dz * sine) - (own[0] + other[0] * across + other[2] * along) / 2
        second = np.abs(dz * cosine - dx * sine) - (own[2] + other[2] * across + other[0] * along) / 2
        gaps.append(np.maximum(first, second))
    return np.maximum(*gaps)


def distance(measures: Measures, i: int, j: int, a: Pose, b: Pose) -> Array:
    """Between the centres of the boxes."""
    rise = a.base - b.base + (measures.sizes[i][1] - measures.sizes[j][1]) / 2
    return np.sqrt((a.x - b.x) ** 2 + (a.z - b.z) ** 2 + rise**2)


def from_camera(measures: Measures, i: int, a: Pose, view: View) -> Array:
    rise = a.base + measures.sizes[i][1] / 2 - view.height
    return np.sqrt((a.x - view.x) ** 2 + (a.z - view.z) ** 2 + rise**2)


def side_error(measures: Measures, a: Pose, side: str, view: View) -> Array:
    """The angle between an object's own side and the direction to the camera."""
    return turned(a.yaw - towards(view.x - a.x, view.z - a.z) - TURN[side])


def violation(
    relation: ObjectRelation, measures: Measures, poses: list[Pose], view: View
) -> tuple[Array | float, Array | float]:
    """How far a relation is from being kept (0: kept; about 1: clearly not), and how poorly it shows.

    poses: of the subject and the references, in this order.
    """
    kind, value = relation.kind, relation.value
    i, a = relation.subject, poses[0]
    if kind == "from camera":
        error = np.abs(from_camera(measures, i, a, view) / needed(value) - 1)
        return over(error - 0.85 * camera_distance_window(needed(value))) * 10, 20 * error
    if not relation.references:
        return 0.0, 0.0
    j, b = relation.references[0], poses[1]
    if kind == "between":
        return _between(relation, measures, poses)
    if kind in EGOCENTRIC:
        return _egocentric(relation, measures, a, b, view)
    if kind in ALLOCENTRIC:
        side = ALLOCENTRIC[kind]
        axis = b.yaw + SIDE_ANGLE[side]
        off = _excess(turned(towards(a.x - b.x, a.z - b.z) - axis), WITHIN[side])
        if value is not None:
            step = (a.x - b.x) * np.sin(axis) - (a.z - b.z) * np.cos(axis)
            apart = step - measures.reach_along(j, axis - b.yaw) - measures.reach_along(i, axis - a.yaw)
            off = off + _missed(apart, value)
        return off, 0.0
    if kind == "facing":
        return _excess(turned(towards(b.x - a.x, b.z - a.z) - a.yaw), WITHIN["front"]), 0.0
    if kind in INTRINSIC:
        return _intrinsic(kind, measures, i, j, a, b)
    if kind == "from":
        error = np.abs(distance(measures, i, j, a, b) / value - 1)
        return over(error - APART) * 10, 15 * error
    if kind == "next to":
        apart = gap(measures, i, j, a, b)
        most = NEAR * max(measures.longest(i), measures.longest(j)) + 0.05
        wrong = over(apart - most) / most if value is None else _missed(apart, value)
        (_, za), (_, zb) = measures.reach(i, a.yaw), measures.reach(j, b.yaw)
        level = over(np.abs(a.z - b.z) - np.maximum(za, zb)) / most
        return wrong + level, 0.0
    if kind in SUPPORTED or kind == "near":
        if kind == "near":
            apart = gap(measures, i, j, a, b) / (measures.longest(i) + measures.longest(j))
            return 0.0, over(apart - 0.5)
        width, _, length = measures.sizes[j]
        cosine, sine = np.cos(b.yaw), np.sin(b.yaw)
        dx, dz = a.x - b.x, a.z - b.z
        past = over(np.abs(dx * cosine + dz * sine) - width / 2) / width
        if i not in measures.walls:
            past = past + over(np.abs(dz * cosine - dx * sine) - length / 2) / length
        return 2 * over(past - 1e-4), 0.0
    return 0.0, 0.0


def _missed(measured: Array, wanted: float) -> Array:
    """By how much a gap misses what is wanted."""
    return over(np.abs(measured - wanted) - 0.004 - 0.01 * wanted) / (0.1 + 0.2 * wanted)


def _egocentric(relation: ObjectRelation, measures: Measures, a: Pose, b: Pose, view: View) -> tuple[Array, Array]:
    kind, value = relation.kind, relation.value
    i, j = relation.subject, relation.references[0]
    if kind in ("right of", "behind", "farther than"):
        i, j, a, b = j, i, b, a
    (xa, za), (xb, zb) = measures.reach(i, a.yaw), measures.reach(j, b.yaw)
    scale = xa + xb + za + zb
    if kind in ("left of", "right of"):
        step = b.x - a.x
        wrong = over(0.05 * scale - step) / scale
        if value is not None:
            wrong = wrong + _missed(step - xa - xb, value)
        deep = np.maximum(np.minimum(a.z, b.z) - view.z, 0.1)
        shift = (b.x - view.x) / np.maximum(b.z - view.z, deep) - (a.x - view.x) / np.maximum(a.z - view.z, deep)
        shows = over(0.12 - shift / (2 * view.half)) * 6 + 0.3 * over(np.abs(a.z - b.z) - 1.2 * np.abs(step)) / scale
        return wrong, shows
    near, far = from_camera(measures, i, a, view), from_camera(measures, j, b, view)
    wrong = over(1.04 * near - far) / scale
    if value is not None:
        wrong = wrong + _missed(b.z - zb - a.z - za, value)
    shows = over(1.15 * near - far) / scale
    if kind in ("in front of", "behind"):
        wrong = wrong + over(a.z - b.z) / scale
        shows = shows + 0.5 * over(np.abs(a.x - b.x) - 1.2 * np.abs(b.z - a.z)) / scale
    return wrong, shows


def _between(relation: ObjectRelation, measures: Measures, poses: list[Pose]) -> tuple[Array, Array]:
    c, a, b = poses
    dx, dz = b.x - a.x, b.z - a.z
    square = np.maximum(dx * dx + dz * dz, 1e-6)
    part = ((c.x - a.x) * dx + (c.z - a.z) * dz) / square
    off = np.abs((c.x - a.x) * dz - (c.z - a.z) * dx) / square
    wrong = over(np.abs(part - 0.5) - 0.25) * 4 + over(off - 0.2) * 5
    return wrong, np.abs(part - 0.5) + off


def _intrinsic(kind: str, measures: Measures, i: int, j: int, a: Pose, b: Pose) -> tuple[Array, Array]:
    turn = a.yaw - b.yaw
    bearing_a, bearing_b = towards(b.x - a.x, b.z - a.z) - a.yaw, towards(a.x - b.x, a.z - b.z) - b.yaw
    if kind != "side by side same way":
        turn = turn + math.pi
    if kind in ("face to face with", "back to back with"):
        side = 0.0 if kind == "face to face with" else math.pi
        placed = np.maximum(turned(bearing_a - side), turned(bearing_b - side))
    else:
        placed = np.maximum(np.abs(turned(bearing_a) - math.pi / 2), np.abs(turned(bearing_b) - math.pi / 2))
    far = gap(measures, i, j, a, b) / (measures.longest(i) + measures.longest(j))
    return _excess(placed, BESIDE) + _excess(turned(turn), BESIDE), 0.5 * over(far - 1.0)
