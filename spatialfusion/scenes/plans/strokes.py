"""Strokes to draw body plans with, and how a drawing becomes one.

A plan is drawn in metres (or any other unit) at the proportions of a typical thing: x to its left and right, y up, z
from its front (negative) to its back, x = 0 in its middle. `fit` stretches the drawing to the unit frame of kinds.py.
Things that turn or lean do so in the plane of y and z, the only one in which primitives tilt.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise

from ..primitives import BLOCK, ELLIPSOID, FRUSTUM, Primitive, Vector, block, ellipsoid, frustum

Parts = tuple["Primitive | Parts", ...]
LEAF = "wood"  # the role of stalks and leaves where the main colour is that of petals or fruit


def drawing(*parts: Primitive | Parts) -> Parts:
    """A body plan, as drawn."""
    return parts


def fit(parts: Parts) -> tuple[Primitive, ...]:
    """The drawing as one row of primitives, stretched so that its box is the unit frame."""
    drawn = tuple(_flat(parts))
    # Stretching changes the outline of what leans, so that the first box is not quite the last.
    for _ in range(4):
        boxes = [_box(part) for part in drawn]
        low = [min(box[0][axis] for box in boxes) for axis in range(3)]
        high = [max(box[1][axis] for box in boxes) for axis in range(3)]
        drawn = tuple(_fitted(part, low, [b - a for a, b in zip(low, high)]) for part in drawn)
    return drawn


def _flat(parts: Iterable[Primitive | Parts]) -> Iterable[Primitive]:
    for part in parts:
        if isinstance(part, Primitive):
            yield part
        else:
            yield from _flat(part)


def _box(part: Primitive) -> tuple[Vector, Vector]:
    """The least and the greatest coordinates that a primitive reaches."""
    (x, y, z), (width, height, length) = part.center, (edge / 2 for edge in part.size)
    sine, cosine = math.sin(math.radians(part.tilt)), math.cos(math.radians(part.tilt))
    if part.shape == ELLIPSOID:
        up, back = math.hypot(height * cosine, length * sine), math.hypot(height * sine, length * cosine)
        return (x - width, y - up, z - back), (x + width, y + up, z + back)
    top = part.taper[1] if part.axis in ("y", "-y") else 1.0
    end = -height if part.axis == "-y" else height
    corners = [(-end, -length), (-end, length), (end, -top * length), (end, top * length)]
    ups = [a * cosine + b * sine for a, b in corners]
    backs = [b * cosine - a * sine for a, b in corners]
    return (x - width, y + min(ups), z + min(backs)), (x + width, y + max(ups), z + max(backs))


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


def rod(
    start: Vector, end: Vector, width: float, color: str = "main", taper: float = 1.0, thick: float = 0.0
) -> Primitive:
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


def spindle(start: Vector, end: Vector, *widths: float, color: str = "main") -> Parts:
    """Round bars end to end from `start` to `end` (same x), with these widths at the joints; each must taper."""
    joints = len(widths) - 1

    def at(axis: int, i: int) -> float:
        return start[axis] + (end[axis] - start[axis]) * i / joints

    points = [(at(0, i), at(1, i), at(2, i)) for i in range(joints + 1)]
    ends = [(p, q, a, b) if a >= b else (q, p, b, a) for p, q, a, b in zip(points, points[1:], widths, widths[1:])]
    return tuple(rod(p, q, a, color, b / a) for p, q, a, b in ends)


def ring(center: Vector, size: Vector, thick: float, count: int = 12, color: str = "main") -> Parts:
    """A level ring of eggs: `size` is its outer box, `thick` the width of its wall."""
    x, y, z = center
    width, height, length = size
    turns = [2 * math.pi * (i + 0.5) / count for i in range(count)]
    return tuple(
        ellipsoid(
            (x + (width - thick) / 2 * math.sin(turn), y, z - (length - thick) / 2 * math.cos(turn)),
            (thick, height, thick),
            color,
        )
        for turn in turns
    )


def wall(center: Vector, size: Vector, thick: float, count: int = 16, color: str = "main", taper: float = 1.0) -> Parts:
    """The round wall of a vessel: upright pillars side by side, whose feet are `taper` as wide as their tops."""
    x, y, z = center
    width, height, length = size
    turns = [2 * math.pi * (i + 0.5) / count for i in range(count)]
    return tuple(
        Primitive(
            FRUSTUM,
            (x + (width - thick) / 2 * math.sin(turn), y, z - (length - thick) / 2 * math.cos(turn)),
            (thick, height, thick),
            color,
            (taper, taper),
            "-y",
        )
        for turn in turns
    )


def hoop(center: Vector, diameter: float, width: float, thick: float, count: int = 8, color: str = "dark") -> Parts:
    """An upright ring in the plane of y and z, as a bicycle's tyre, of `count` straight bars."""
    x, y, z = center
    radius = (diameter - thick) / 2
    turns = [2 * math.pi * (i + 0.5) / count for i in range(count + 1)]
    rim = [(x, y + radius * math.cos(turn), z + radius * math.sin(turn)) for turn in turns]
    return tuple(bar(a, b, width, thick, color) for a, b in pairwise(rim))


def wheels(x: float, ends: Iterable[float], diameter: float, width: float, color: str = "dark") -> Parts:
    """Pairs of wheels whose outer faces are at +-x, on axles at z in `ends`."""
    return tuple(
        pair(frustum((x - width / 2, diameter / 2, z), (width, diameter, diameter), color, axis="x")) for z in ends
    )


def legs(x: float, z: float, height: float, width: float, color: str = "main") -> Parts:
    """Four straight legs round the origin."""
    return tuple(pair(block((x, height / 2, end * z), (width, height, width), color)) for end in (-1, 1))
