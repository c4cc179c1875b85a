"""Body plans: what things look like, each a few convex primitives in the unit frame of kinds.py.

A plan is drawn in metres (or any other unit) at the proportions of a typical thing: x to its left and right, y up, z
from its front (negative) to its back, x = 0 in its middle. `_plan` fits the drawing into the unit frame. Things that
turn or lean do so in the plane of y and z, the only one in which primitives tilt.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from .kinds import PRIMITIVES
from .primitives import BLOCK, ELLIPSOID, FRUSTUM, Primitive, Vector, ellipsoid, frustum

Parts = tuple["Primitive | Parts", ...]


def _plan(*parts: Primitive | Parts) -> tuple[Primitive, ...]:
    """The drawing, stretched so that its box is the unit frame."""
    drawn = tuple(_flat(parts))
    reaches = [_reach(part) for part in drawn]
    low = [min(part.center[axis] - reach[axis] for part, reach in zip(drawn, reaches)) for axis in range(3)]
    high = [max(part.center[axis] + reach[axis] for part, reach in zip(drawn, reaches)) for axis in range(3)]
    return tuple(_fitted(part, low, [b - a for a, b in zip(low, high)]) for part in drawn)


def _flat(parts: Iterable[Primitive | Parts]) -> Iterable[Primitive]:
    for part in parts:
        if isinstance(part, Primitive):
            yield part
        else:
            yield from _flat(part)


def _reach(part: Primitive) -> Vector:
    """How far a primitive reaches from its centre along x, y and z, to either side."""
    width, height, length = (edge / 2 for edge in part.size)
    sine, cosine = math.sin(math.radians(part.tilt)), math.cos(math.radians(part.tilt))
    if part.shape == ELLIPSOID:
        return width, math.hypot(height * cosine, length * sine), math.hypot(height * sine, length * cosine)
    return width, abs(height * cosine) + abs(length * sine), abs(height * sine) + abs(length * cosine)


def _fitted(part: Primitive, low: list[float], span: list[float]) -> Primitive:
    """The primitive, mapped from the box at `low` of size `span` to the unit frame."""
    x, y, z = ((c - a) / s for c, a, s in zip(part.center, low, span))
    width, height, length = (edge / s for edge, s in zip(part.size, span))
    tilt = part.tilt
    if tilt:
        sine, cosine = math.sin(math.radians(tilt)), math.cos(math.radians(tilt))
        # The columns of the stretched and turned primitive in (y, z).
        a, c = part.size[1] * cosine / span[1], -part.size[1] * sine / span[2]
        b, d = part.size[2] * sine / span[1], part.size[2] * cosine / span[2]
        area = a * d - b * c
        if part.shape == ELLIPSOID:
            # A stretched ellipse is an ellipse; these are its axes and its angle.
            p, q, r = a * a + b * b, a * c + b * d, c * c + d * d
            angle = 0.5 * math.atan2(2 * q, p - r)
            mean, half = (p + r) / 2, math.hypot((p - r) / 2, q)
            height, length = math.sqrt(mean + half), math.sqrt(max(mean - half, 1e-12))
            tilt = -math.degrees(angle)
        else:
            # The axis keeps its ends; the section across it keeps its area.
            height = math.hypot(a, c)
            length = area / height
            tilt = math.degrees(math.atan2(-c, a))
    return Primitive(
        part.shape, (x - 0.5, y, z - 0.5), (width, height, length), part.color, part.taper, part.axis, tilt
    )


# --- strokes -------------------------------------------------------------------------------------------------------


def _between(start: Vector, end: Vector) -> tuple[Vector, float, float]:
    """Centre, length and tilt of what runs from `start` to `end`, which have the same x."""
    (x, y0, z0), (_, y1, z1) = start, end
    return (x, (y0 + y1) / 2, (z0 + z1) / 2), math.hypot(y1 - y0, z1 - z0), math.degrees(math.atan2(z0 - z1, y1 - y0))


def rod(start: Vector, end: Vector, width: float, color: str = "main", taper: float = 1.0, thick: float = 0.0):
    """A round bar from `start` to `end` (same x), `width` wide and `thick` across at its start."""
    center, length, tilt = _between(start, end)
    return Primitive(FRUSTUM, center, (width, length, thick or width), color, (taper, taper), "y", tilt)


def bar(start: Vector, end: Vector, width: float, thick: float, color: str = "main", taper=(1.0, 1.0)) -> Primitive:
    """A square bar from `start` to `end` (same x)."""
    center, length, tilt = _between(start, end)
    return Primitive(BLOCK, center, (width, length, thick), color, taper, "y", tilt)


def egg(start: Vector, end: Vector, width: float, thick: float, color: str = "main") -> Primitive:
    """An ellipsoid whose long axis runs from `start` to `end` (same x)."""
    center, length, tilt = _between(start, end)
    return Primitive(ELLIPSOID, center, (width, length, thick), color, (1.0, 1.0), "y", tilt)


def pair(part: Primitive) -> Parts:
    """The primitive and its mirror image across x = 0."""
    x, y, z = part.center
    mirrored = Primitive(part.shape, (-x, y, z), part.size, part.color, part.taper, part.axis, part.tilt)
    return part, mirrored


# --- people --------------------------------------------------------------------------------------------------------


def _head(y: float, z: float, hair: str = "dark") -> Parts:
    """Neck and head of a grown-up, whose neck starts at y."""
    return (
        frustum((0, y + 0.05, z), (0.12, 0.14, 0.12), "skin"),
        ellipsoid((0, y + 0.20, z - 0.015), (0.165, 0.25, 0.20), "skin"),
        ellipsoid((0, y + 0.235, z + 0.02), (0.185, 0.22, 0.205), hair),
        ellipsoid((0, y + 0.19, z - 0.12), (0.035, 0.06, 0.04), "skin"),
    )


STANDING_PERSON = _plan(
    pair(rod((0.10, 0.90, 0), (0.10, 0.06, 0.02), 0.19, "deep", 0.6)),
    pair(ellipsoid((0.10, 0.045, -0.06), (0.10, 0.09, 0.28), "dark")),
    ellipsoid((0, 0.93, 0), (0.36, 0.24, 0.24), "deep"),
    Primitive(FRUSTUM, (0, 1.18, 0), (0.43, 0.50, 0.24), "main", (0.80, 0.80), "-y"),
    ellipsoid((0, 1.42, 0), (0.47, 0.17, 0.22)),
    pair(rod((0.245, 1.43, 0), (0.245, 1.10, 0.03), 0.115, "main", 0.8)),
    pair(rod((0.245, 1.12, 0.03), (0.245, 0.86, -0.05), 0.09, "skin", 0.75)),
    pair(ellipsoid((0.245, 0.80, -0.06), (0.06, 0.16, 0.10), "skin")),
    _head(1.48, 0),
)


BODY_PLANS: dict[str, tuple[Primitive, ...]] = {
    **PRIMITIVES,
    "standing person": STANDING_PERSON,
}
FRONTLESS = frozenset({"tree", "table", "barrel", "cube", "ball", "cone", "bottle"})
