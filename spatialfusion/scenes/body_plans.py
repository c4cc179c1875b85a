"""Body plans: what things look like, each a few convex primitives in the unit frame of kinds.py.

A plan is drawn in metres (or any other unit) at the proportions of a typical thing: x to its left and right, y up, z
from its front (negative) to its back, x = 0 in its middle. `_plan` fits the drawing into the unit frame. Things that
turn or lean do so in the plane of y and z, the only one in which primitives tilt.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise

from .kinds import BLOCK, ELLIPSOID, FRUSTUM, PRIMITIVES, Primitive, Vector, block, ellipsoid, frustum

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
    points = [tuple(a + (b - a) * i / joints for a, b in zip(start, end)) for i in range(joints + 1)]
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


# --- people --------------------------------------------------------------------------------------------------------


def _head(y: float, z: float) -> Parts:
    """Neck and head of a grown-up; the neck starts at y."""
    return (
        frustum((0, y + 0.05, z), (0.12, 0.14, 0.12), "skin"),
        ellipsoid((0, y + 0.20, z - 0.015), (0.165, 0.25, 0.20), "skin"),
        ellipsoid((0, y + 0.235, z + 0.02), (0.185, 0.22, 0.205), "dark"),
        ellipsoid((0, y + 0.19, z - 0.12), (0.035, 0.06, 0.04), "skin"),
    )


def _torso(y: float, z: float) -> Parts:
    """From the hips at y up to the shoulders, 0.5 higher."""
    return (
        ellipsoid((0, y, z), (0.36, 0.24, 0.25), "deep"),
        Primitive(FRUSTUM, (0, y + 0.26, z), (0.42, 0.48, 0.24), "main", (0.78, 0.78), "-y"),
        ellipsoid((0, y + 0.48, z), (0.50, 0.18, 0.24)),
    )


_PEOPLE = {
    "standing person": _plan(
        pair(rod((0.10, 0.90, 0), (0.10, 0.06, 0.02), 0.19, "deep", 0.6)),
        pair(ellipsoid((0.10, 0.045, -0.06), (0.10, 0.09, 0.28), "dark")),
        _torso(0.93, 0),
        pair(rod((0.225, 1.41, 0), (0.225, 1.10, 0.03), 0.12, "main", 0.8)),
        pair(rod((0.225, 1.12, 0.03), (0.225, 0.86, -0.05), 0.09, "skin", 0.75)),
        pair(ellipsoid((0.225, 0.80, -0.06), (0.06, 0.16, 0.10), "skin")),
        _head(1.48, 0),
    ),
    "walking person": _plan(
        rod((0.10, 0.90, 0), (0.10, 0.50, -0.16), 0.19, "deep", 0.75),
        rod((0.10, 0.52, -0.16), (0.10, 0.07, -0.28), 0.14, "deep", 0.7),
        rod((-0.10, 0.90, 0), (-0.10, 0.48, 0.12), 0.19, "deep", 0.75),
        rod((-0.10, 0.50, 0.12), (-0.10, 0.10, 0.38), 0.14, "deep", 0.7),
        egg((0.10, 0.06, -0.22), (0.10, 0.06, -0.48), 0.10, 0.10, "dark"),
        egg((-0.10, 0.16, 0.44), (-0.10, 0.0, 0.26), 0.10, 0.10, "dark"),
        _torso(0.93, 0),
        rod((-0.225, 1.41, 0), (-0.225, 1.14, -0.10), 0.12, "main", 0.8),
        rod((-0.225, 1.15, -0.10), (-0.225, 0.96, -0.34), 0.09, "skin", 0.75),
        rod((0.225, 1.41, 0), (0.225, 1.14, 0.14), 0.12, "main", 0.8),
        rod((0.225, 1.15, 0.14), (0.225, 0.86, 0.16), 0.09, "skin", 0.75),
        _head(1.48, -0.01),
    ),
    "sitting person": _plan(
        _torso(0.53, 0.10),
        pair(rod((0.10, 0.51, 0.08), (0.10, 0.49, -0.38), 0.19, "deep", 0.8)),
        pair(rod((0.10, 0.53, -0.37), (0.10, 0.05, -0.34), 0.145, "deep", 0.65)),
        pair(ellipsoid((0.10, 0.045, -0.42), (0.10, 0.09, 0.28), "dark")),
        pair(rod((0.225, 1.00, 0.10), (0.225, 0.72, 0.06), 0.12, "main", 0.8)),
        pair(rod((0.225, 0.73, 0.06), (0.225, 0.62, -0.24), 0.09, "skin", 0.75)),
        pair(ellipsoid((0.23, 0.61, -0.30), (0.08, 0.06, 0.15), "skin")),
        _head(1.08, 0.09),
    ),
    "lying person": _plan(
        pair(rod((0.10, 0.12, -0.02), (0.10, 0.08, -0.84), 0.19, "deep", 0.6)),
        pair(ellipsoid((0.10, 0.12, -0.86), (0.10, 0.24, 0.11), "dark")),
        ellipsoid((0, 0.13, 0.03), (0.36, 0.24, 0.26), "deep"),
        rod((0, 0.13, 0.53), (0, 0.13, 0.03), 0.42, "main", 0.8, 0.24),
        ellipsoid((0, 0.13, 0.50), (0.47, 0.23, 0.20)),
        pair(rod((0.26, 0.10, 0.50), (0.26, 0.07, 0.18), 0.115, "main", 0.8)),
        pair(rod((0.26, 0.07, 0.20), (0.26, 0.05, -0.10), 0.09, "skin", 0.75)),
        rod((0, 0.12, 0.56), (0, 0.12, 0.72), 0.12, "skin"),
        ellipsoid((0, 0.13, 0.78), (0.17, 0.21, 0.26), "skin"),
        ellipsoid((0, 0.10, 0.81), (0.185, 0.19, 0.24), "dark"),
        ellipsoid((0, 0.235, 0.765), (0.035, 0.05, 0.06), "skin"),
    ),
    "child": _plan(
        pair(rod((0.07, 0.50, 0), (0.07, 0.05, 0.01), 0.13, "deep", 0.7)),
        pair(ellipsoid((0.07, 0.035, -0.04), (0.085, 0.07, 0.19), "dark")),
        ellipsoid((0, 0.52, 0), (0.26, 0.18, 0.19), "deep"),
        Primitive(FRUSTUM, (0, 0.69, 0), (0.29, 0.32, 0.18), "main", (0.85, 0.85), "-y"),
        ellipsoid((0, 0.83, 0), (0.34, 0.13, 0.18)),
        pair(rod((0.155, 0.825, 0), (0.155, 0.64, 0.02), 0.085, "main", 0.8)),
        pair(rod((0.155, 0.66, 0.02), (0.155, 0.46, -0.04), 0.07, "skin", 0.8)),
        frustum((0, 0.90, 0), (0.10, 0.10, 0.10), "skin"),
        ellipsoid((0, 1.03, -0.015), (0.185, 0.25, 0.21), "skin"),
        ellipsoid((0, 1.065, 0.02), (0.205, 0.22, 0.215), "dark"),
        ellipsoid((0, 1.01, -0.12), (0.03, 0.04, 0.03), "skin"),
    ),
    "person in a gown": _plan(
        frustum((0, 0.48, 0.02), (0.84, 0.96, 0.84), taper=0.32),
        Primitive(FRUSTUM, (0, 1.18, 0), (0.38, 0.50, 0.22), "main", (0.66, 0.66), "-y"),
        ellipsoid((0, 1.42, 0), (0.42, 0.15, 0.21)),
        pair(rod((0.225, 1.43, 0), (0.225, 1.12, 0.03), 0.10, "main", 0.8)),
        pair(rod((0.225, 1.13, 0.03), (0.225, 0.98, -0.20), 0.08, "skin", 0.75)),
        _head(1.47, 0),
        ellipsoid((0, 1.56, 0.10), (0.20, 0.34, 0.12), "dark"),
    ),
    "bust": _plan(
        block((0, 0.05, 0), (0.22, 0.10, 0.22), "deep"),
        frustum((0, 0.15, 0), (0.14, 0.14, 0.14), "deep", taper=0.8),
        Primitive(FRUSTUM, (0, 0.30, 0), (0.40, 0.20, 0.22), "main", (0.45, 0.55), "-y"),
        ellipsoid((0, 0.40, 0), (0.46, 0.16, 0.22)),
        frustum((0, 0.51, 0), (0.13, 0.14, 0.13)),
        ellipsoid((0, 0.66, -0.015), (0.165, 0.25, 0.20)),
        ellipsoid((0, 0.69, 0.02), (0.185, 0.22, 0.205), "deep"),
        ellipsoid((0, 0.65, -0.12), (0.035, 0.06, 0.04)),
    ),
    "statue": _plan(
        block((0, 0.08, 0), (1.0, 0.16, 1.0), "deep"),
        block((0, 0.55, 0), (0.74, 0.90, 0.74), taper=(0.92, 0.92)),
        block((0, 1.04, 0), (0.86, 0.10, 0.86), "deep"),
        pair(rod((0.10, 1.98, 0), (0.10, 1.09, 0.02), 0.19, taper=0.7)),
        ellipsoid((0, 2.00, 0), (0.36, 0.26, 0.25)),
        Primitive(FRUSTUM, (0, 2.27, 0), (0.42, 0.48, 0.24), "main", (0.78, 0.78), "-y"),
        ellipsoid((0, 2.50, 0), (0.46, 0.17, 0.23)),
        rod((0.25, 2.50, 0), (0.25, 2.22, 0.05), 0.115, taper=0.8),
        rod((0.25, 2.23, 0.05), (0.25, 1.98, -0.04), 0.09, taper=0.8),
        rod((-0.25, 2.50, 0), (-0.25, 2.40, -0.30), 0.115, taper=0.8),
        rod((-0.25, 2.40, -0.28), (-0.25, 2.72, -0.46), 0.09, taper=0.8),
        frustum((0, 2.60, 0), (0.12, 0.14, 0.12)),
        ellipsoid((0, 2.75, -0.01), (0.17, 0.26, 0.21)),
    ),
    "snowman": _plan(
        ellipsoid((0, 0.36, 0), (0.80, 0.76, 0.80)),
        ellipsoid((0, 0.92, 0), (0.58, 0.56, 0.58)),
        ellipsoid((0, 1.34, 0), (0.40, 0.40, 0.40)),
        rod((0, 1.34, -0.18), (0, 1.32, -0.42), 0.07, "wood", 0.1),
        frustum((0, 1.49, 0), (0.46, 0.04, 0.46), "dark"),
        frustum((0, 1.62, 0), (0.30, 0.26, 0.30), "dark"),
        pair(ellipsoid((0.08, 1.40, -0.18), (0.05, 0.05, 0.05), "dark")),
        ellipsoid((0, 0.98, -0.28), (0.06, 0.06, 0.06), "dark"),
        ellipsoid((0, 0.82, -0.28), (0.06, 0.06, 0.06), "dark"),
        frustum((0.42, 1.02, 0), (0.40, 0.04, 0.04), "wood", axis="x"),
        frustum((-0.42, 1.02, 0), (0.40, 0.04, 0.04), "wood", axis="x"),
        ring((0, 1.17, 0), (0.46, 0.12, 0.46), 0.14, 6, "deep"),
    ),
    "robot": _plan(
        pair(block((0.14, 0.06, -0.03), (0.20, 0.12, 0.32), "dark")),
        pair(block((0.14, 0.36, 0), (0.16, 0.52, 0.18), "grey")),
        block((0, 0.92, 0), (0.56, 0.62, 0.36)),
        block((0, 0.96, -0.18), (0.36, 0.30, 0.04), "dark"),
        pair(frustum((0.34, 1.14, 0), (0.16, 0.18, 0.18), "grey", axis="x")),
        pair(block((0.37, 0.86, 0), (0.13, 0.48, 0.15))),
        pair(block((0.37, 0.58, -0.02), (0.15, 0.14, 0.18), "dark")),
        frustum((0, 1.27, 0), (0.16, 0.10, 0.16), "dark"),
        block((0, 1.48, 0), (0.40, 0.34, 0.34)),
        pair(frustum((0.10, 1.51, -0.18), (0.11, 0.11, 0.06), "light", axis="z")),
        block((0, 1.38, -0.175), (0.22, 0.05, 0.03), "dark"),
        frustum((0, 1.73, 0), (0.03, 0.18, 0.03), "dark"),
        ellipsoid((0, 1.83, 0), (0.08, 0.08, 0.08), "light"),
    ),
    "teddy bear": _plan(
        ellipsoid((0, 0.15, 0), (0.25, 0.28, 0.21)),
        ellipsoid((0, 0.15, -0.07), (0.16, 0.18, 0.10), "pale"),
        ellipsoid((0, 0.36, -0.01), (0.23, 0.20, 0.20)),
        ellipsoid((0, 0.33, -0.105), (0.10, 0.08, 0.07), "pale"),
        ellipsoid((0, 0.35, -0.14), (0.035, 0.025, 0.02), "dark"),
        pair(ellipsoid((0.09, 0.45, 0), (0.09, 0.09, 0.05), "deep")),
        pair(ellipsoid((0.05, 0.385, -0.095), (0.022, 0.022, 0.02), "dark")),
        pair(egg((0.13, 0.24, -0.01), (0.13, 0.12, -0.14), 0.085, 0.09)),
        pair(egg((0.10, 0.055, -0.02), (0.10, 0.06, -0.24), 0.11, 0.11)),
        pair(ellipsoid((0.10, 0.075, -0.235), (0.105, 0.15, 0.07), "pale")),
    ),
}


# --- animals -------------------------------------------------------------------------------------------------------


def _beast(
    back: float,
    length: float,
    depth: float,
    width: float,
    leg: float,
    neck: tuple[float, float],
    thick: float,
    skull: float,
    nose: tuple[float, float],
    tail: tuple[float, float],
    hair: float,
) -> Parts:
    """An animal on four legs, 15 primitives.

    back: height of the back; length, depth and width of the body, whose middle is z = 0; leg: width of the legs; neck:
    (y, z) of its top, where the skull of diameter `skull` sits; thick: width of the neck at the body; nose and tail:
    (y, z) of their ends; hair: width of the tail.
    """
    middle, front, rear, x = back - depth / 2, -length / 2, length / 2, 0.32 * width
    under = back - depth
    y, z = neck
    nose_y, nose_z = nose
    return (
        egg((0, middle, front), (0, middle, rear), width, 0.96 * depth),
        ellipsoid((0, middle, front + 0.27 * length), (width, 1.04 * depth, 0.52 * length)),
        ellipsoid((0, middle + 0.03 * depth, rear - 0.23 * length), (0.97 * width, 0.98 * depth, 0.46 * length)),
        pair(rod((x, middle, front + 0.2 * length), (x, 0, front + 0.19 * length), leg, "main", 0.65)),
        pair(
            egg((x, middle + 0.3 * depth, rear - 0.22 * length), (x, 0.4 * under, rear - 0.08 * length), leg, 1.7 * leg)
        ),
        pair(rod((x, 0.62 * under, rear - 0.1 * length), (x, 0, rear - 0.14 * length), 0.85 * leg, "main", 0.75)),
        rod((0, middle + 0.05 * depth, front + 0.22 * length), (0, y, z), 0.9 * thick, "main", 0.6, thick),
        ellipsoid((0, y, z), (0.85 * skull, skull, skull)),
        rod((0, y, z), (0, nose_y, nose_z), 0.62 * skull, "main", 0.7, 0.72 * skull),
        rod((0, middle + 0.3 * depth, rear - 0.04 * length), (0, *tail), hair, "deep", 0.5),
    )


def _ears(y: float, z: float, x: float, width: float, height: float) -> Parts:
    return pair(block((x, y, z), (width, height, 0.5 * width), "deep", (0.2, 0.6)))


_HORSE: Parts = (
    _beast(1.50, 1.55, 0.62, 0.50, 0.19, (1.98, -0.98), 0.50, 0.27, (1.62, -1.33), (0.62, 1.02), 0.20),
    bar((0, 1.46, -0.52), (0, 2.08, -0.86), 0.07, 0.16, "dark"),
    _ears(2.16, -0.94, 0.07, 0.08, 0.16),
    pair(frustum((0.16, 0.06, -0.48), (0.15, 0.12, 0.19), "dark", 0.8)),
    pair(frustum((0.16, 0.06, 0.55), (0.15, 0.12, 0.19), "dark", 0.8)),
)


def _bird_legs(x: float, z: float, height: float, width: float, toes: float) -> Parts:
    return (
        pair(frustum((x, height / 2, z), (width, height, width), "dark")),
        pair(block((x, 0.3 * width, z - 0.25 * toes), (0.6 * toes, 0.6 * width, toes), "dark", (0.8, 0.8))),
    )


_ANIMALS = {
    "quadruped": _plan(
        _beast(0.90, 1.10, 0.38, 0.32, 0.13, (1.18, -0.68), 0.30, 0.20, (1.08, -0.95), (0.72, 0.72), 0.07),
        _ears(1.30, -0.64, 0.08, 0.07, 0.12),
    ),
    "horse": _plan(_HORSE),
    "unicorn": _plan(_HORSE, rod((0, 2.06, -1.06), (0, 2.62, -1.36), 0.11, "light", 0.1)),
    "giraffe": _plan(
        _beast(2.75, 1.60, 0.85, 0.70, 0.26, (4.65, -1.25), 0.60, 0.30, (4.40, -1.75), (1.60, 1.00), 0.07),
        rod((0, 2.2, -0.35), (0, 4.0, -1.02), 0.52, "main", 0.5, 0.72),
        pair(rod((0.07, 4.72, -1.22), (0.07, 5.00, -1.18), 0.055, "dark")),
        pair(ellipsoid((0.22, 4.70, -1.15), (0.24, 0.10, 0.10))),
    ),
    "llama": _plan(
        _beast(1.10, 1.05, 0.50, 0.46, 0.16, (1.66, -0.58), 0.34, 0.22, (1.56, -0.84), (0.95, 0.66), 0.16),
        rod((0, 0.9, -0.40), (0, 1.62, -0.54), 0.27, "main", 0.85),
        _ears(1.83, -0.54, 0.06, 0.06, 0.18),
    ),
    "camel": _plan(
        _beast(1.80, 1.80, 0.70, 0.60, 0.21, (2.02, -1.48), 0.42, 0.28, (1.90, -1.86), (1.05, 1.00), 0.09),
        egg((0, 1.45, -0.80), (0, 1.40, -1.24), 0.32, 0.34),
        ellipsoid((0, 1.82, -0.32), (0.44, 0.90, 0.56)),
        ellipsoid((0, 1.82, 0.38), (0.44, 0.90, 0.56)),
        _ears(2.18, -1.42, 0.10, 0.08, 0.11),
    ),
    "cow": _plan(
        _beast(1.40, 1.80, 0.74, 0.66, 0.20, (1.42, -1.14), 0.50, 0.34, (1.10, -1.46), (0.62, 0.98), 0.09),
        block((0, 1.36, 0.10), (0.40, 0.10, 1.30)),
        frustum((0, 1.62, -1.12), (0.62, 0.08, 0.08), "light", axis="x"),
        pair(rod((0.30, 1.60, -1.12), (0.30, 1.82, -1.18), 0.08, "light", 0.3)),
        pair(ellipsoid((0.26, 1.46, -1.08), (0.26, 0.12, 0.08), "deep")),
        ellipsoid((0, 0.66, 0.46), (0.30, 0.26, 0.34), "skin"),
    ),
    "goat": _plan(
        _beast(0.72, 0.85, 0.32, 0.28, 0.10, (0.95, -0.52), 0.24, 0.16, (0.84, -0.74), (0.82, 0.52), 0.08),
        pair(rod((0.04, 1.00, -0.50), (0.04, 1.18, -0.36), 0.055, "dark", 0.6)),
        pair(rod((0.04, 1.18, -0.37), (0.04, 1.16, -0.22), 0.035, "dark", 0.4)),
        pair(ellipsoid((0.11, 0.95, -0.48), (0.16, 0.06, 0.05), "deep")),
        rod((0, 0.82, -0.66), (0, 0.66, -0.66), 0.06, "pale", 0.3),
    ),
    "sheep": _plan(
        pair(rod((0.12, 0.40, -0.26), (0.12, 0, -0.26), 0.09, "dark", 0.8)),
        pair(rod((0.12, 0.40, 0.26), (0.12, 0, 0.26), 0.09, "dark", 0.8)),
        ellipsoid((0, 0.56, 0), (0.50, 0.46, 0.96)),
        pair(ellipsoid((0.12, 0.62, -0.26), (0.32, 0.36, 0.38))),
        pair(ellipsoid((0.13, 0.62, 0.02), (0.34, 0.38, 0.38))),
        pair(ellipsoid((0.12, 0.62, 0.28), (0.32, 0.36, 0.38))),
        ellipsoid((0, 0.68, -0.06), (0.36, 0.34, 0.50)),
        ellipsoid((0, 0.76, -0.46), (0.26, 0.26, 0.26)),
        egg((0, 0.78, -0.46), (0, 0.56, -0.72), 0.15, 0.18, "dark"),
        pair(ellipsoid((0.14, 0.74, -0.50), (0.16, 0.06, 0.07), "dark")),
        ellipsoid((0, 0.60, 0.50), (0.10, 0.20, 0.10)),
    ),
    "pig": _plan(
        _beast(0.80, 1.20, 0.54, 0.46, 0.17, (0.62, -0.66), 0.46, 0.40, (0.48, -0.96), (0.66, 0.66), 0.05),
        frustum((0, 0.48, -0.95), (0.19, 0.17, 0.06), "deep", axis="z"),
        pair(bar((0.14, 0.76, -0.68), (0.14, 0.88, -0.82), 0.16, 0.04, "deep", (0.3, 1.0))),
    ),
    "hippo": _plan(
        _beast(1.50, 2.90, 1.15, 1.20, 0.42, (1.10, -1.60), 0.90, 0.76, (0.80, -2.30), (0.80, 1.52), 0.12),
        ellipsoid((0, 0.80, -2.10), (0.78, 0.60, 0.64)),
        _ears(1.50, -1.50, 0.24, 0.12, 0.16),
    ),
    "rhino": _plan(
        _beast(1.65, 2.70, 1.10, 1.05, 0.38, (1.15, -1.60), 0.85, 0.62, (0.72, -2.20), (0.70, 1.48), 0.10),
        rod((0, 0.90, -2.16), (0, 1.60, -2.42), 0.24, "light", 0.1),
        rod((0, 1.10, -1.90), (0, 1.48, -1.98), 0.18, "light", 0.15),
        _ears(1.52, -1.46, 0.22, 0.14, 0.26),
    ),
    "bear": _plan(
        _beast(1.10, 1.50, 0.66, 0.62, 0.25, (1.06, -0.92), 0.56, 0.42, (0.92, -1.28), (0.84, 0.80), 0.12),
        ellipsoid((0, 0.92, -0.46), (0.60, 0.64, 0.60)),
        pair(ellipsoid((0.15, 1.26, -0.86), (0.14, 0.14, 0.07), "deep")),
        pair(ellipsoid((0.20, 0.06, -0.54), (0.24, 0.12, 0.36))),
        pair(ellipsoid((0.20, 0.06, 0.48), (0.24, 0.12, 0.34))),
    ),
    "lion": _plan(
        _beast(1.00, 1.45, 0.44, 0.40, 0.17, (1.10, -0.88), 0.36, 0.30, (1.00, -1.18), (0.34, 1.06), 0.06),
        ellipsoid((0, 1.06, -0.76), (0.56, 0.66, 0.34), "deep"),
        ellipsoid((0, 0.92, -0.58), (0.46, 0.56, 0.40), "deep"),
        ellipsoid((0, 0.32, 1.08), (0.12, 0.20, 0.14), "deep"),
        pair(ellipsoid((0.12, 1.27, -0.92), (0.10, 0.10, 0.06))),
        pair(ellipsoid((0.13, 0.05, -0.50), (0.17, 0.10, 0.26))),
    ),
    "big cat": _plan(
        _beast(0.85, 1.40, 0.38, 0.36, 0.15, (0.94, -0.84), 0.30, 0.28, (0.86, -1.10), (0.30, 1.10), 0.09),
        rod((0, 0.32, 1.08), (0, 0.38, 1.34), 0.07, "deep", 0.7),
        pair(ellipsoid((0.10, 1.06, -0.82), (0.10, 0.11, 0.05), "deep")),
        pair(ellipsoid((0.115, 0.045, -0.50), (0.15, 0.09, 0.24))),
    ),
    "wolf": _plan(
        _beast(0.78, 1.00, 0.32, 0.27, 0.10, (0.96, -0.62), 0.28, 0.22, (0.88, -0.92), (0.34, 0.74), 0.15),
        _ears(1.10, -0.60, 0.065, 0.075, 0.14),
        pair(ellipsoid((0.086, 0.03, -0.34), (0.10, 0.06, 0.15))),
    ),
    "deer": _plan(
        _beast(1.10, 1.20, 0.42, 0.34, 0.11, (1.55, -0.76), 0.30, 0.20, (1.38, -1.05), (0.98, 0.70), 0.10),
        pair(ellipsoid((0.16, 1.60, -0.70), (0.20, 0.09, 0.06), "deep")),
        pair(rod((0.08, 1.62, -0.76), (0.08, 1.84, -0.60), 0.05, "wood", 0.9)),
        pair(block((0.20, 1.86, -0.58), (0.28, 0.05, 0.05), "wood")),
        pair(rod((0.32, 1.84, -0.58), (0.32, 2.20, -0.66), 0.05, "wood", 0.6)),
        pair(rod((0.20, 1.86, -0.58), (0.20, 2.10, -0.72), 0.045, "wood", 0.6)),
    ),
    "elephant": _plan(
        ellipsoid((0, 1.95, 0.10), (1.70, 1.90, 2.90)),
        ellipsoid((0, 2.05, 0.80), (1.55, 1.70, 1.50)),
        pair(rod((0.48, 1.70, -0.75), (0.48, 0, -0.72), 0.56, "main", 0.85)),
        pair(rod((0.48, 1.70, 1.02), (0.48, 0, 1.00), 0.58, "main", 0.85)),
        ellipsoid((0, 2.45, -1.45), (1.05, 1.20, 1.05)),
        pair(ellipsoid((0.78, 2.35, -1.15), (1.00, 1.40, 0.24), "deep", 8)),
        rod((0, 2.20, -1.85), (0, 1.30, -2.15), 0.46, "main", 0.72),
        rod((0, 1.36, -2.14), (0, 0.50, -2.18), 0.33, "main", 0.7),
        rod((0, 0.52, -2.17), (0, 0.28, -2.42), 0.24, "main", 0.85),
        pair(rod((0.26, 1.80, -1.80), (0.26, 1.30, -2.30), 0.14, "light", 0.7)),
        pair(rod((0.26, 1.32, -2.28), (0.26, 1.40, -2.62), 0.10, "light", 0.3)),
        rod((0, 2.10, 1.52), (0, 1.00, 1.64), 0.12, "deep", 0.5),
    ),
    "cat": _plan(
        ellipsoid((0, 0.12, 0.08), (0.21, 0.24, 0.25)),
        egg((0, 0.08, 0.08), (0, 0.36, -0.07), 0.165, 0.19),
        pair(ellipsoid((0.085, 0.09, 0.06), (0.09, 0.18, 0.21))),
        pair(rod((0.045, 0.24, -0.08), (0.045, 0.02, -0.10), 0.065, "main", 0.8)),
        pair(ellipsoid((0.045, 0.022, -0.12), (0.06, 0.044, 0.09), "pale")),
        ellipsoid((0, 0.39, -0.09), (0.155, 0.135, 0.14)),
        ellipsoid((0, 0.365, -0.15), (0.075, 0.055, 0.06), "pale"),
        pair(block((0.048, 0.475, -0.08), (0.062, 0.085, 0.032), "deep", (0.05, 0.5))),
        rod((0, 0.04, 0.16), (0, 0.05, 0.33), 0.055, "deep", 0.95),
        rod((0, 0.045, 0.32), (0, 0.22, 0.36), 0.052, "deep", 0.9),
        rod((0, 0.21, 0.36), (0, 0.30, 0.31), 0.046, "deep", 0.8),
    ),
    "rabbit": _plan(
        ellipsoid((0, 0.14, 0.08), (0.22, 0.26, 0.30)),
        egg((0, 0.16, 0.08), (0, 0.17, -0.20), 0.17, 0.19),
        pair(ellipsoid((0.085, 0.09, 0.08), (0.08, 0.17, 0.20))),
        pair(ellipsoid((0.085, 0.02, 0.02), (0.06, 0.04, 0.20), "deep")),
        pair(rod((0.045, 0.14, -0.14), (0.045, 0, -0.17), 0.05)),
        ellipsoid((0, 0.27, -0.20), (0.13, 0.14, 0.17)),
        pair(egg((0.038, 0.30, -0.16), (0.038, 0.52, -0.10), 0.055, 0.035, "deep")),
        ellipsoid((0, 0.15, 0.24), (0.09, 0.09, 0.08), "pale"),
        ellipsoid((0, 0.25, -0.28), (0.06, 0.05, 0.04), "pale"),
    ),
    "squirrel": _plan(
        ellipsoid((0, 0.07, 0.01), (0.10, 0.13, 0.12)),
        egg((0, 0.05, 0.02), (0, 0.19, -0.04), 0.085, 0.085),
        pair(ellipsoid((0.045, 0.04, -0.01), (0.04, 0.08, 0.10))),
        pair(ellipsoid((0.045, 0.010, -0.05), (0.035, 0.02, 0.07), "deep")),
        pair(rod((0.035, 0.14, -0.06), (0.035, 0.10, -0.11), 0.026)),
        ellipsoid((0, 0.21, -0.05), (0.075, 0.075, 0.095)),
        ellipsoid((0, 0.20, -0.10), (0.03, 0.03, 0.03), "deep"),
        pair(block((0.025, 0.255, -0.035), (0.024, 0.045, 0.015), "deep", (0.2, 0.6))),
        egg((0, 0.02, 0.06), (0, 0.16, 0.14), 0.07, 0.075, "deep"),
        egg((0, 0.10, 0.14), (0, 0.28, 0.12), 0.08, 0.095, "deep"),
        egg((0, 0.25, 0.12), (0, 0.26, 0.21), 0.075, 0.08, "deep"),
    ),
    "mouse": _plan(
        ellipsoid((0, 0.035, 0.01), (0.06, 0.065, 0.10)),
        rod((0, 0.034, -0.02), (0, 0.022, -0.10), 0.048, "main", 0.2),
        pair(ellipsoid((0.026, 0.062, -0.045), (0.036, 0.038, 0.012), "skin")),
        pair(ellipsoid((0.02, 0.006, -0.03), (0.014, 0.012, 0.03), "skin")),
        pair(ellipsoid((0.025, 0.006, 0.035), (0.016, 0.012, 0.035), "skin")),
        rod((0, 0.02, 0.055), (0, 0.008, 0.12), 0.010, "skin", 0.8),
        rod((0, 0.008, 0.12), (0, 0.012, 0.18), 0.008, "skin", 0.5),
        ellipsoid((0, 0.022, -0.10), (0.011, 0.011, 0.011), "dark"),
    ),
    "monkey": _plan(
        ellipsoid((0, 0.14, 0.06), (0.26, 0.26, 0.24)),
        egg((0, 0.12, 0.06), (0, 0.46, 0.0), 0.24, 0.22),
        pair(egg((0.10, 0.12, 0.06), (0.10, 0.36, -0.22), 0.11, 0.11)),
        pair(rod((0.10, 0.34, -0.21), (0.10, 0.03, -0.16), 0.085, "main", 0.8)),
        pair(ellipsoid((0.10, 0.022, -0.22), (0.08, 0.044, 0.18), "skin")),
        pair(rod((0.16, 0.44, 0), (0.16, 0.24, -0.10), 0.085)),
        pair(rod((0.16, 0.25, -0.10), (0.16, 0.34, -0.30), 0.07, "main", 0.8)),
        ellipsoid((0, 0.56, -0.02), (0.21, 0.21, 0.20)),
        ellipsoid((0, 0.52, -0.10), (0.13, 0.12, 0.10), "skin"),
        pair(ellipsoid((0.115, 0.56, -0.02), (0.06, 0.08, 0.03), "skin")),
        rod((0, 0.05, 0.16), (0, 0.06, 0.34), 0.045),
        rod((0, 0.05, 0.34), (0, 0.26, 0.40), 0.042, "main", 0.8),
    ),
    "kangaroo": _plan(
        egg((0, 0.55, 0.22), (0, 1.15, -0.12), 0.40, 0.40),
        ellipsoid((0, 0.62, 0.16), (0.46, 0.52, 0.50)),
        pair(egg((0.19, 0.72, 0.20), (0.19, 0.38, -0.24), 0.17, 0.24)),
        pair(rod((0.19, 0.40, -0.20), (0.19, 0.08, 0.16), 0.12, "main", 0.8)),
        pair(ellipsoid((0.19, 0.04, -0.10), (0.11, 0.08, 0.60), "deep")),
        pair(rod((0.13, 1.05, -0.16), (0.13, 0.82, -0.36), 0.08, "main", 0.7)),
        rod((0, 1.08, -0.08), (0, 1.36, -0.20), 0.20, "main", 0.7),
        egg((0, 1.46, -0.12), (0, 1.32, -0.48), 0.15, 0.17),
        pair(egg((0.06, 1.44, -0.18), (0.06, 1.70, -0.10), 0.08, 0.05, "deep")),
        rod((0, 0.50, 0.30), (0, 0.10, 0.80), 0.24, "main", 0.55),
        rod((0, 0.11, 0.78), (0, 0.05, 1.20), 0.13, "main", 0.4),
    ),
    "frog": _plan(
        egg((0, 0.03, 0.06), (0, 0.075, -0.055), 0.09, 0.06),
        ellipsoid((0, 0.065, -0.055), (0.085, 0.05, 0.07)),
        pair(ellipsoid((0.028, 0.096, -0.050), (0.028, 0.030, 0.028), "dark")),
        pair(egg((0.052, 0.025, 0.075), (0.052, 0.05, -0.015), 0.032, 0.045, "deep")),
        pair(egg((0.06, 0.012, 0.065), (0.06, 0.012, -0.02), 0.024, 0.020)),
        pair(ellipsoid((0.068, 0.005, -0.02), (0.04, 0.010, 0.035), "deep")),
        pair(rod((0.046, 0.05, -0.045), (0.046, 0.005, -0.06), 0.018, "deep")),
        pair(ellipsoid((0.05, 0.005, -0.072), (0.035, 0.010, 0.03), "deep")),
    ),
    "turtle": _plan(
        ellipsoid((0, 0.09, 0.02), (0.30, 0.20, 0.36)),
        frustum((0, 0.075, 0.02), (0.33, 0.04, 0.39), "deep"),
        ellipsoid((0, 0.12, -0.24), (0.09, 0.08, 0.12), "pale"),
        egg((0, 0.07, -0.14), (0, 0.12, -0.24), 0.07, 0.06, "pale"),
        pair(egg((0.13, 0.06, -0.12), (0.13, 0.01, -0.20), 0.09, 0.06, "pale")),
        pair(egg((0.12, 0.05, 0.16), (0.12, 0.01, 0.22), 0.09, 0.06, "pale")),
        rod((0, 0.05, 0.18), (0, 0.03, 0.27), 0.05, "pale", 0.2),
        ellipsoid((0, 0.16, 0.02), (0.16, 0.07, 0.20), "deep"),
    ),
    "lizard": _plan(
        egg((0, 0.16, -0.55), (0, 0.14, 0.50), 0.36, 0.26),
        block((0, 0.27, 0.0), (0.14, 0.06, 0.9), "deep"),
        rod((0, 0.17, -0.45), (0, 0.16, -0.75), 0.24, "main", 0.8),
        block((0, 0.15, -0.80), (0.22, 0.15, 0.28)),
        bar((0, 0.17, -0.85), (0, 0.13, -1.30), 0.20, 0.09, "main", (0.5, 0.8)),
        bar((0, 0.09, -0.80), (0, 0.09, -1.28), 0.18, 0.05, "pale", (0.5, 0.8)),
        pair(ellipsoid((0.07, 0.245, -0.82), (0.07, 0.07, 0.09), "deep")),
        rod((0, 0.15, 0.40), (0, 0.09, 1.00), 0.28, "main", 0.55),
        rod((0, 0.09, 0.98), (0, 0.04, 1.60), 0.15, "main", 0.15),
        pair(ellipsoid((0.22, 0.14, -0.40), (0.22, 0.10, 0.12))),
        pair(rod((0.30, 0.15, -0.40), (0.30, 0.01, -0.46), 0.09)),
        pair(ellipsoid((0.32, 0.015, -0.50), (0.14, 0.03, 0.18), "deep")),
        pair(ellipsoid((0.22, 0.13, 0.40), (0.22, 0.11, 0.15))),
        pair(rod((0.30, 0.15, 0.40), (0.30, 0.01, 0.36), 0.10)),
        pair(ellipsoid((0.32, 0.015, 0.30), (0.14, 0.03, 0.18), "deep")),
    ),
    "snake": _plan(
        ring((0, 0.065, 0.02), (0.66, 0.13, 0.66), 0.14, 15),
        ellipsoid((0, 0.10, 0.03), (0.40, 0.17, 0.40)),
        rod((0, 0.13, -0.02), (0, 0.40, -0.10), 0.11, "main", 0.85),
        rod((0, 0.39, -0.10), (0, 0.48, -0.12), 0.094, "main", 0.95),
        egg((0, 0.48, -0.05), (0, 0.46, -0.26), 0.13, 0.085),
        pair(ellipsoid((0.045, 0.505, -0.15), (0.022, 0.022, 0.022), "dark")),
    ),
    "snail": _plan(
        egg((0, 0.012, 0.06), (0, 0.012, -0.055), 0.028, 0.024, "pale"),
        frustum((0, 0.042, 0.012), (0.034, 0.062, 0.062), axis="x"),
        frustum((0, 0.044, 0.012), (0.042, 0.040, 0.040), "deep", axis="x"),
        frustum((0, 0.045, 0.012), (0.050, 0.020, 0.020), axis="x"),
        rod((0, 0.012, -0.042), (0, 0.036, -0.060), 0.024, "pale", 0.8),
        ellipsoid((0, 0.036, -0.062), (0.024, 0.020, 0.024), "pale"),
        pair(rod((0.007, 0.040, -0.064), (0.007, 0.062, -0.070), 0.005, "pale")),
        pair(ellipsoid((0.007, 0.064, -0.071), (0.008, 0.008, 0.008), "dark")),
    ),
    "fish": _plan(
        ellipsoid((0, 0.14, -0.04), (0.11, 0.24, 0.44)),
        ellipsoid((0, 0.14, -0.14), (0.12, 0.20, 0.24)),
        bar((0, 0.14, 0.30), (0, 0.14, 0.12), 0.03, 0.22, "deep", (1.0, 0.18)),
        bar((0, 0.20, 0.02), (0, 0.31, 0.06), 0.02, 0.22, "deep", (1.0, 0.5)),
        bar((0, 0.08, 0.04), (0, 0.0, 0.08), 0.02, 0.12, "deep", (1.0, 0.5)),
        pair(bar((0.07, 0.12, -0.10), (0.07, 0.07, 0.0), 0.02, 0.06, "deep")),
        pair(ellipsoid((0.045, 0.165, -0.19), (0.03, 0.035, 0.035), "dark")),
    ),
    "shark": _plan(
        spindle((0, 0.55, -1.90), (0, 0.60, 1.55), 0.10, 0.62, 0.80, 0.70, 0.42, 0.14),
        bar((0, 0.85, -0.40), (0, 1.45, 0.05), 0.10, 0.52, "deep", (0.5, 0.25)),
        bar((0, 0.60, 1.45), (0, 1.40, 2.05), 0.09, 0.36, "deep", (0.5, 0.3)),
        bar((0, 0.62, 1.45), (0, 0.12, 1.85), 0.09, 0.28, "deep", (0.5, 0.3)),
        pair(ellipsoid((0.55, 0.35, -0.55), (0.90, 0.09, 0.40), "deep", -20)),
        pair(ellipsoid((0.25, 0.36, 0.75), (0.36, 0.06, 0.22), "deep")),
        bar((0, 0.80, 0.85), (0, 0.98, 1.0), 0.06, 0.20, "deep", (0.5, 0.3)),
        ellipsoid((0, 0.42, -1.42), (0.38, 0.10, 0.44), "dark"),
        pair(ellipsoid((0.24, 0.64, -1.42), (0.06, 0.08, 0.08), "dark")),
    ),
    "whale": _plan(
        ellipsoid((0, 1.45, -2.0), (3.0, 2.9, 7.0)),
        ellipsoid((0, 1.30, -3.6), (2.7, 2.5, 4.2)),
        rod((0, 1.50, 0.0), (0, 1.75, 4.3), 2.5, "main", 0.30),
        rod((0, 1.75, 4.2), (0, 2.20, 5.6), 0.78, "main", 0.5),
        ellipsoid((0, 2.35, 6.0), (3.4, 0.26, 1.5), "deep", -14),
        pair(ellipsoid((1.7, 0.75, -2.6), (1.9, 0.3, 1.1), "deep")),
        bar((0, 2.3, 2.2), (0, 3.0, 2.9), 0.16, 0.8, "deep", (0.5, 0.3)),
        pair(ellipsoid((1.28, 1.55, -3.9), (0.14, 0.24, 0.24), "dark")),
    ),
    "dolphin": _plan(
        spindle((0, 0.38, -1.05), (0, 0.40, 1.05), 0.30, 0.46, 0.50, 0.36, 0.10),
        ellipsoid((0, 0.40, -0.98), (0.34, 0.36, 0.50)),
        rod((0, 0.34, -1.05), (0, 0.30, -1.48), 0.17, "main", 0.6),
        bar((0, 0.58, -0.10), (0, 0.90, 0.20), 0.07, 0.34, "deep", (0.5, 0.2)),
        ellipsoid((0, 0.42, 1.18), (0.76, 0.07, 0.34), "deep"),
        pair(ellipsoid((0.34, 0.20, -0.50), (0.46, 0.06, 0.22), "deep", -20)),
    ),
    "seal": _plan(
        egg((0, 0.17, 0.95), (0, 0.30, -0.58), 0.54, 0.46),
        egg((0, 0.30, -0.20), (0, 0.86, -0.56), 0.42, 0.40),
        ellipsoid((0, 0.88, -0.60), (0.32, 0.30, 0.34)),
        ellipsoid((0, 0.82, -0.76), (0.20, 0.16, 0.16), "pale"),
        ellipsoid((0, 0.86, -0.83), (0.07, 0.05, 0.05), "dark"),
        pair(ellipsoid((0.30, 0.10, -0.30), (0.40, 0.12, 0.30), "deep")),
        pair(ellipsoid((0.13, 0.10, 0.90), (0.22, 0.08, 0.40), "deep")),
        pair(ellipsoid((0.09, 0.92, -0.73), (0.06, 0.06, 0.05), "dark")),
    ),
    "octopus": _plan(
        ellipsoid((0, 0.50, 0.06), (0.44, 0.60, 0.42)),
        ellipsoid((0, 0.20, 0), (0.34, 0.28, 0.34)),
        pair(ellipsoid((0.11, 0.30, -0.14), (0.10, 0.11, 0.08), "light")),
        tuple(pair(rod((x, 0.16, -0.10), (x, 0.05, -0.40), 0.12, "main", 0.75)) for x in (0.07, 0.22)),
        tuple(pair(rod((x, 0.16, 0.10), (x, 0.05, 0.40), 0.12, "main", 0.75)) for x in (0.07, 0.22)),
        pair(ellipsoid((0.22, 0.05, -0.46), (0.10, 0.09, 0.20))),
        pair(ellipsoid((0.38, 0.07, -0.10), (0.46, 0.11, 0.12))),
        pair(ellipsoid((0.38, 0.07, 0.12), (0.46, 0.11, 0.12))),
        pair(ellipsoid((0.60, 0.09, -0.10), (0.11, 0.17, 0.11))),
    ),
    "crab": _plan(
        ellipsoid((0, 0.085, 0), (0.28, 0.12, 0.20)),
        tuple(
            (
                pair(ellipsoid((0.18, 0.085, z), (0.20, 0.04, 0.04), "deep")),
                pair(rod((0.25, 0.095, z), (0.25, 0, 1.5 * z), 0.03, "deep", 0.5)),
            )
            for z in (0.0, 0.05, 0.10)
        ),
        pair(ellipsoid((0.17, 0.10, -0.08), (0.10, 0.06, 0.08), "deep")),
        pair(egg((0.20, 0.09, -0.08), (0.20, 0.15, -0.20), 0.10, 0.08)),
        pair(bar((0.225, 0.14, -0.18), (0.225, 0.21, -0.25), 0.04, 0.045, "main", (0.4, 0.3))),
        pair(bar((0.175, 0.13, -0.19), (0.175, 0.17, -0.26), 0.03, 0.035, "main", (0.4, 0.3))),
        pair(frustum((0.04, 0.155, -0.06), (0.02, 0.06, 0.02), "dark")),
    ),
    "jellyfish": _plan(
        ellipsoid((0, 0.40, 0), (0.40, 0.24, 0.40)),
        frustum((0, 0.37, 0), (0.40, 0.06, 0.40), "pale"),
        tuple(
            frustum((0.13 * math.sin(t), 0.20, 0.13 * math.cos(t)), (0.025, 0.34, 0.025), "deep")
            for t in (i * math.pi / 4 for i in range(8))
        ),
        tuple(rod((x, 0.36, z), (x, 0.0, z + 0.05), 0.07, "pale", 0.4) for x, z in ((0.04, -0.03), (-0.04, 0.03))),
    ),
    "spider": _plan(
        ellipsoid((0, 0.022, 0.022), (0.034, 0.030, 0.044)),
        ellipsoid((0, 0.018, -0.012), (0.022, 0.018, 0.026), "deep"),
        tuple(
            (
                pair(rod((0.016, 0.020, z), (0.016, 0.038, 2.2 * z), 0.004, "deep")),
                pair(ellipsoid((0.026, 0.038, 2.2 * z), (0.026, 0.005, 0.005), "deep")),
                pair(rod((0.038, 0.040, 2.2 * z), (0.038, 0.0, 3.4 * z), 0.004, "deep", 0.6)),
            )
            for z in (-0.020, -0.007, 0.007, 0.020)
        ),
    ),
    "insect": _plan(
        ellipsoid((0, 0.016, 0.022), (0.018, 0.018, 0.034)),
        ellipsoid((0, 0.016, -0.004), (0.011, 0.012, 0.020), "deep"),
        ellipsoid((0, 0.018, -0.022), (0.014, 0.013, 0.014)),
        tuple(
            (
                pair(ellipsoid((0.011, 0.018, z), (0.018, 0.003, 0.003), "dark")),
                pair(rod((0.019, 0.019, z), (0.019, 0.0, 1.6 * z), 0.0028, "dark")),
            )
            for z in (-0.012, 0.0, 0.012)
        ),
        pair(rod((0.004, 0.020, -0.027), (0.004, 0.028, -0.042), 0.002, "dark")),
    ),
    "beetle": _plan(
        ellipsoid((0, 0.012, 0.004), (0.030, 0.024, 0.038)),
        block((0, 0.0225, 0.006), (0.001, 0.004, 0.03), "dark"),
        ellipsoid((0, 0.010, -0.017), (0.018, 0.014, 0.014), "dark"),
        pair(rod((0.004, 0.012, -0.022), (0.004, 0.018, -0.030), 0.0015, "dark")),
        tuple(pair(ellipsoid((0.017, 0.003, z), (0.014, 0.006, 0.004), "dark")) for z in (-0.010, 0.003, 0.016)),
        pair(ellipsoid((0.008, 0.021, -0.002), (0.008, 0.004, 0.008), "dark")),
    ),
    "bee": _plan(
        ellipsoid((0, 0.014, 0.012), (0.014, 0.014, 0.026)),
        ellipsoid((0, 0.016, -0.004), (0.014, 0.014, 0.014), "dark"),
        ellipsoid((0, 0.014, -0.014), (0.010, 0.011, 0.009), "dark"),
        ellipsoid((0, 0.014, 0.014), (0.0146, 0.0146, 0.006), "dark"),
        pair(egg((0.007, 0.019, -0.004), (0.007, 0.038, 0.016), 0.002, 0.012, "light")),
        pair(egg((0.010, 0.018, -0.002), (0.010, 0.028, 0.020), 0.002, 0.008, "light")),
        pair(rod((0.004, 0.010, -0.004), (0.004, 0.0, -0.008), 0.0016, "dark")),
        pair(rod((0.004, 0.010, 0.004), (0.004, 0.0, 0.008), 0.0016, "dark")),
        pair(rod((0.003, 0.017, -0.016), (0.003, 0.022, -0.023), 0.0012, "dark")),
    ),
    "butterfly": _plan(
        egg((0, 0.006, 0.020), (0, 0.062, -0.012), 0.008, 0.008, "dark"),
        ellipsoid((0, 0.066, -0.014), (0.010, 0.010, 0.010), "dark"),
        pair(ellipsoid((0.031, 0.054, 0.0), (0.056, 0.050, 0.004), "main", -30)),
        pair(ellipsoid((0.023, 0.020, 0.020), (0.042, 0.042, 0.004), "deep", -30)),
        pair(ellipsoid((0.042, 0.064, -0.007), (0.030, 0.034, 0.005), "pale", -30)),
        pair(rod((0.005, 0.068, -0.016), (0.005, 0.088, -0.028), 0.002, "dark")),
    ),
    "bird": _plan(
        egg((0, 0.075, 0.07), (0, 0.145, -0.06), 0.085, 0.095),
        ellipsoid((0, 0.165, -0.055), (0.068, 0.068, 0.072)),
        rod((0, 0.165, -0.085), (0, 0.160, -0.118), 0.022, "dark", 0.1),
        pair(egg((0.042, 0.09, 0.085), (0.042, 0.13, -0.04), 0.018, 0.065, "deep")),
        bar((0, 0.095, 0.05), (0, 0.062, 0.17), 0.045, 0.014, "deep", (1.0, 1.0)),
        _bird_legs(0.02, 0.0, 0.07, 0.008, 0.045),
        pair(ellipsoid((0.028, 0.176, -0.076), (0.010, 0.012, 0.012), "dark")),
    ),
    "flying bird": _plan(
        egg((0, 0.24, 0.24), (0, 0.28, -0.22), 0.16, 0.16),
        ellipsoid((0, 0.30, -0.25), (0.12, 0.12, 0.14), "pale"),
        rod((0, 0.30, -0.29), (0, 0.26, -0.39), 0.055, "dark", 0.2),
        pair(ellipsoid((0.22, 0.34, 0.0), (0.40, 0.09, 0.30), "main", -32)),
        pair(ellipsoid((0.46, 0.43, 0.02), (0.38, 0.09, 0.30), "main", -32)),
        pair(ellipsoid((0.70, 0.52, 0.05), (0.36, 0.08, 0.24), "deep", -32)),
        pair(ellipsoid((0.88, 0.58, 0.10), (0.24, 0.06, 0.14), "deep", -32)),
        bar((0, 0.16, 0.50), (0, 0.23, 0.14), 0.26, 0.03, "deep", (0.5, 1.0)),
        pair(rod((0.05, 0.20, 0.05), (0.05, 0.11, 0.10), 0.03, "dark")),
    ),
    "duck": _plan(
        egg((0, 0.16, 0.20), (0, 0.15, -0.16), 0.19, 0.19),
        ellipsoid((0, 0.16, -0.06), (0.18, 0.19, 0.20)),
        rod((0, 0.17, -0.14), (0, 0.34, -0.19), 0.10, "main", 0.7),
        ellipsoid((0, 0.37, -0.20), (0.10, 0.10, 0.13)),
        ellipsoid((0, 0.355, -0.285), (0.065, 0.022, 0.11), "deep"),
        bar((0, 0.19, 0.15), (0, 0.25, 0.27), 0.09, 0.04, "deep", (0.4, 0.6)),
        pair(egg((0.09, 0.18, 0.17), (0.09, 0.17, -0.10), 0.035, 0.12, "deep")),
        _bird_legs(0.05, 0.02, 0.08, 0.02, 0.09),
    ),
    "swan": _plan(
        egg((0, 0.22, 0.42), (0, 0.20, -0.34), 0.42, 0.34),
        pair(egg((0.18, 0.30, 0.46), (0.18, 0.26, -0.18), 0.10, 0.26, "pale")),
        bar((0, 0.28, 0.34), (0, 0.40, 0.58), 0.20, 0.10, "main", (0.4, 0.5)),
        rod((0, 0.22, -0.26), (0, 0.46, -0.44), 0.15, "main", 0.7),
        rod((0, 0.44, -0.43), (0, 0.70, -0.36), 0.105, "main", 0.85),
        rod((0, 0.68, -0.37), (0, 0.84, -0.42), 0.09, "main", 0.9),
        ellipsoid((0, 0.85, -0.46), (0.10, 0.11, 0.17)),
        rod((0, 0.84, -0.52), (0, 0.79, -0.66), 0.06, "wood", 0.5),
    ),
    "chicken": _plan(
        egg((0, 0.22, 0.14), (0, 0.20, -0.14), 0.20, 0.22),
        rod((0, 0.20, -0.08), (0, 0.38, -0.14), 0.14, "main", 0.55),
        ellipsoid((0, 0.39, -0.15), (0.08, 0.08, 0.09)),
        rod((0, 0.385, -0.18), (0, 0.37, -0.235), 0.03, "wood", 0.2),
        block((0, 0.445, -0.14), (0.02, 0.05, 0.09), "dark"),
        ellipsoid((0, 0.335, -0.195), (0.03, 0.06, 0.03), "dark"),
        bar((0, 0.24, 0.10), (0, 0.42, 0.24), 0.06, 0.14, "deep", (0.6, 0.9)),
        pair(egg((0.095, 0.22, 0.12), (0.095, 0.22, -0.08), 0.03, 0.13, "deep")),
        _bird_legs(0.05, 0.0, 0.13, 0.018, 0.10),
    ),
    "ostrich": _plan(
        egg((0, 1.30, 0.42), (0, 1.20, -0.36), 0.56, 0.56),
        ellipsoid((0, 1.32, 0.42), (0.42, 0.44, 0.36), "pale"),
        rod((0, 1.25, -0.22), (0, 1.62, -0.50), 0.20, "skin", 0.6),
        rod((0, 1.58, -0.48), (0, 2.25, -0.44), 0.12, "skin", 0.75),
        ellipsoid((0, 2.28, -0.48), (0.14, 0.13, 0.20), "skin"),
        rod((0, 2.27, -0.54), (0, 2.24, -0.70), 0.08, "wood", 0.5),
        pair(egg((0.15, 1.25, 0.10), (0.15, 0.72, 0.02), 0.20, 0.26)),
        pair(rod((0.15, 0.80, 0.02), (0.15, 0.44, 0.12), 0.09, "skin", 0.8)),
        pair(rod((0.15, 0.46, 0.12), (0.15, 0.04, 0.0), 0.07, "skin", 0.9)),
        pair(ellipsoid((0.15, 0.03, -0.09), (0.11, 0.06, 0.26), "skin")),
    ),
    "penguin": _plan(
        ellipsoid((0, 0.40, 0), (0.36, 0.74, 0.32)),
        ellipsoid((0, 0.38, -0.05), (0.28, 0.64, 0.27), "light"),
        ellipsoid((0, 0.80, -0.01), (0.21, 0.22, 0.22)),
        rod((0, 0.81, -0.09), (0, 0.77, -0.28), 0.07, "wood", 0.3),
        pair(egg((0.195, 0.64, 0.0), (0.195, 0.20, 0.08), 0.06, 0.16, "deep")),
        pair(ellipsoid((0.235, 0.26, 0.07), (0.08, 0.16, 0.09), "deep")),
        pair(ellipsoid((0.09, 0.03, -0.13), (0.15, 0.06, 0.26), "wood")),
        bar((0, 0.12, 0.10), (0, 0.02, 0.22), 0.12, 0.05),
    ),
    "owl": _plan(
        ellipsoid((0, 0.20, 0), (0.22, 0.36, 0.19)),
        ellipsoid((0, 0.38, -0.01), (0.21, 0.18, 0.18)),
        pair(frustum((0.05, 0.395, -0.085), (0.085, 0.085, 0.04), "pale", axis="z")),
        pair(ellipsoid((0.05, 0.395, -0.105), (0.04, 0.04, 0.02), "dark")),
        rod((0, 0.375, -0.09), (0, 0.345, -0.12), 0.03, "dark", 0.2),
        pair(block((0.075, 0.475, -0.01), (0.055, 0.07, 0.035), "deep", (0.05, 0.5))),
        pair(egg((0.10, 0.30, 0.01), (0.10, 0.06, 0.06), 0.045, 0.14, "deep")),
        bar((0, 0.14, 0.06), (0, 0.01, 0.13), 0.10, 0.03, "deep"),
        pair(ellipsoid((0.05, 0.02, -0.05), (0.06, 0.04, 0.09), "wood")),
    ),
    "peacock": _plan(
        egg((0, 0.36, 0.16), (0, 0.36, -0.18), 0.20, 0.22),
        rod((0, 0.38, -0.12), (0, 0.68, -0.20), 0.12, "main", 0.55),
        ellipsoid((0, 0.71, -0.21), (0.08, 0.08, 0.10)),
        rod((0, 0.71, -0.24), (0, 0.69, -0.31), 0.03, "dark", 0.2),
        bar((0, 0.74, -0.20), (0, 0.84, -0.18), 0.06, 0.012, "deep"),
        ellipsoid((0, 0.62, 0.20), (1.50, 1.16, 0.06), "deep"),
        tuple(
            ellipsoid((0.60 * math.sin(t), 0.60 + 0.46 * math.cos(t), 0.17), (0.16, 0.16, 0.05), "pale")
            for t in (math.radians(a) for a in (-80, -48, -16, 16, 48, 80))
        ),
        _bird_legs(0.06, 0.02, 0.28, 0.025, 0.12),
    ),
    "dinosaur": _plan(
        egg((0, 2.20, 1.00), (0, 2.60, -1.10), 1.20, 1.45),
        ellipsoid((0, 2.25, 0.35), (1.25, 1.60, 1.60)),
        rod((0, 2.45, 0.70), (0, 2.10, 2.60), 1.00, "main", 0.55),
        rod((0, 2.12, 2.50), (0, 1.90, 4.60), 0.56, "main", 0.12),
        rod((0, 2.60, -0.70), (0, 3.50, -1.50), 0.95, "main", 0.7),
        block((0, 3.70, -1.75), (0.70, 0.75, 0.90)),
        bar((0, 3.72, -1.80), (0, 3.60, -3.00), 0.62, 0.46, "main", (0.7, 0.7)),
        bar((0, 3.32, -1.70), (0, 3.10, -2.80), 0.52, 0.20, "deep", (0.7, 0.7)),
        pair(egg((0.45, 2.40, 0.30), (0.45, 1.20, 0.05), 0.50, 0.85)),
        pair(rod((0.45, 1.35, 0.0), (0.45, 0.70, 0.70), 0.40, "main", 0.7)),
        pair(rod((0.45, 0.80, 0.65), (0.45, 0.08, 0.35), 0.28, "main", 0.8)),
        pair(ellipsoid((0.45, 0.10, 0.05), (0.42, 0.20, 0.95), "deep")),
        pair(rod((0.42, 2.55, -1.05), (0.42, 2.10, -1.35), 0.20, "main", 0.7)),
        pair(rod((0.42, 2.12, -1.35), (0.42, 2.15, -1.70), 0.14, "main", 0.6)),
        pair(ellipsoid((0.33, 3.98, -1.90), (0.12, 0.14, 0.18), "dark")),
    ),
    "sauropod": _plan(
        _beast(3.60, 4.60, 1.90, 1.70, 0.80, (6.30, -4.40), 1.50, 0.70, (6.10, -5.30), (1.90, 4.60), 0.80),
        rod((0, 2.70, -1.40), (0, 4.80, -3.20), 1.45, "main", 0.6),
        rod((0, 2.70, 1.60), (0, 1.90, 4.60), 1.20, "main", 0.4),
        rod((0, 1.95, 4.50), (0, 1.60, 7.20), 0.50, "main", 0.1),
    ),
    "dragon": _plan(
        _beast(1.70, 2.60, 0.90, 0.80, 0.32, (2.65, -1.95), 0.75, 0.46, (2.40, -2.60), (0.80, 2.40), 0.50),
        rod((0, 0.82, 2.30), (0, 0.50, 3.60), 0.30, "deep", 0.3),
        block((0, 0.50, 3.70), (0.46, 0.06, 0.40), "deep", (0.9, 0.9)),
        pair(bar((0.52, 1.50, -0.10), (0.52, 3.70, 1.30), 0.10, 1.50, "deep", (0.5, 0.15))),
        pair(bar((0.62, 1.55, 0.20), (0.62, 2.90, 2.40), 0.08, 1.10, "deep", (0.5, 0.15))),
        pair(rod((0.16, 2.80, -1.85), (0.16, 3.10, -1.40), 0.12, "light", 0.2)),
    ),
}


BODY_PLANS: dict[str, tuple[Primitive, ...]] = {**PRIMITIVES, **_PEOPLE, **_ANIMALS}
FRONTLESS = frozenset({"tree", "table", "barrel", "cube", "ball", "cone", "bottle"})
