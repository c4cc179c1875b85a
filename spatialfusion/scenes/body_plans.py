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
        ellipsoid((0, 0.095, 0), (0.34, 0.16, 0.24)),
        tuple(
            (
                pair(ellipsoid((0.20, 0.115, z), (0.20, 0.06, 0.045), "deep")),
                pair(ellipsoid((0.295, 0.065, 1.2 * z), (0.07, 0.13, 0.04), "deep")),
            )
            for z in (0.0, 0.06, 0.12)
        ),
        pair(ellipsoid((0.17, 0.11, -0.10), (0.10, 0.07, 0.09), "deep")),
        pair(egg((0.18, 0.08, -0.09), (0.18, 0.17, -0.22), 0.13, 0.11)),
        pair(bar((0.215, 0.15, -0.18), (0.215, 0.25, -0.25), 0.05, 0.06, "main", (0.4, 0.3))),
        pair(bar((0.145, 0.15, -0.19), (0.145, 0.20, -0.27), 0.04, 0.045, "main", (0.4, 0.3))),
        pair(frustum((0.045, 0.185, -0.07), (0.025, 0.07, 0.025), "dark")),
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
        egg((0, 0.10, 0.24), (0, 0.46, -0.14), 0.20, 0.20),
        ellipsoid((0, 0.50, -0.17), (0.14, 0.14, 0.16), "pale"),
        rod((0, 0.50, -0.22), (0, 0.44, -0.33), 0.07, "dark", 0.2),
        pair(ellipsoid((0.26, 0.46, 0.04), (0.50, 0.34, 0.07), "main", -20)),
        pair(ellipsoid((0.50, 0.60, 0.04), (0.42, 0.36, 0.06), "main", -20)),
        pair(ellipsoid((0.72, 0.70, 0.05), (0.38, 0.34, 0.05), "deep", -20)),
        pair(ellipsoid((0.88, 0.80, 0.06), (0.22, 0.26, 0.04), "deep", -20)),
        bar((0, 0.20, 0.16), (0, -0.08, 0.46), 0.30, 0.04, "deep", (1.0, 1.0)),
        pair(rod((0.06, 0.22, 0.04), (0.06, 0.06, -0.04), 0.045, "dark")),
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


# --- vehicles ------------------------------------------------------------------------------------------------------


_TWO_WHEELS: Parts = (
    hoop((0, 0.34, -0.54), 0.68, 0.05, 0.06),
    hoop((0, 0.34, 0.54), 0.68, 0.05, 0.06),
    bar((0, 0.34, -0.54), (0, 0.96, -0.34), 0.05, 0.05),
    bar((0, 0.30, 0.06), (0, 0.82, -0.37), 0.045, 0.05),
    bar((0, 0.80, 0.22), (0, 0.82, -0.38), 0.045, 0.05),
    bar((0, 0.30, 0.06), (0, 0.90, 0.25), 0.045, 0.05),
    bar((0, 0.32, 0.54), (0, 0.30, 0.06), 0.05, 0.04),
    bar((0, 0.34, 0.54), (0, 0.76, 0.21), 0.05, 0.04),
    block((0, 1.00, -0.36), (0.58, 0.045, 0.045), "dark"),
    bar((0, 0.94, 0.38), (0, 0.95, 0.12), 0.16, 0.06, "dark", (0.5, 1.0)),
)

_HULL: Parts = (  # a boat 4 long, its rim at 0.62
    block((0, 0.10, 0.36), (1.20, 0.20, 3.00), "deep"),
    pair(block((0.64, 0.36, 0.36), (0.12, 0.54, 3.00))),
    block((0, 0.36, 1.82), (1.40, 0.54, 0.12)),
    Primitive(BLOCK, (0, 0.36, -1.74), (1.40, 1.20, 0.54), "main", (0.15, 1.0), "y", 90.0),
)

_VEHICLES = {
    "jeep": _plan(
        block((0, 0.72, 0), (1.80, 0.50, 4.00)),
        block((0, 1.00, -1.15), (1.50, 0.24, 1.40), taper=(0.95, 0.95)),
        block((0, 1.46, 0.62), (1.70, 0.66, 2.50), "glass", (0.92, 0.92)),
        block((0, 1.80, 0.62), (1.66, 0.10, 2.50)),
        tuple(pair(bar((0.80, 0.96, z), (0.80, 1.80, 0.97 * z), 0.10, 0.12)) for z in (-0.60, 0.60, 1.80)),
        wheels(0.98, (-1.25, 1.25), 0.84, 0.28),
        frustum((0, 1.05, 2.10), (0.74, 0.74, 0.24), "dark", axis="z"),
        pair(frustum((0.56, 0.94, -2.00), (0.24, 0.24, 0.10), "light", axis="z")),
        block((0, 0.52, -2.06), (1.70, 0.16, 0.16), "dark"),
    ),
    "pickup": _plan(
        block((0, 0.66, 0), (1.90, 0.34, 5.20)),
        block((0, 0.95, -1.75), (1.80, 0.40, 1.60), taper=(0.96, 0.94)),
        block((0, 1.38, -0.25), (1.78, 0.70, 1.80), "glass", (0.84, 0.66)),
        block((0, 1.06, -0.25), (1.86, 0.36, 1.80)),
        block((0, 1.74, -0.22), (1.52, 0.08, 1.24)),
        pair(block((0.89, 1.00, 1.60), (0.12, 0.44, 1.95))),
        block((0, 1.00, 2.54), (1.86, 0.44, 0.12)),
        wheels(0.98, (-1.70, 1.65), 0.78, 0.26),
        pair(block((0.72, 0.90, -2.57), (0.34, 0.20, 0.08), "light")),
        block((0, 0.62, -2.62), (1.80, 0.22, 0.10), "dark"),
    ),
    "van": _plan(
        block((0, 1.30, 0.32), (1.95, 1.90, 4.40), taper=(0.92, 0.98)),
        block((0, 0.82, -2.15), (1.90, 0.94, 0.85), taper=(0.94, 0.72)),
        Primitive(BLOCK, (0, 1.66, -1.84), (1.66, 0.98, 0.12), "glass", (0.92, 1.0), "y", -27.0),
        pair(block((0.90, 1.66, -1.20), (0.10, 0.56, 0.70), "glass")),
        pair(block((0.955, 1.20, 0.70), (0.05, 0.06, 3.20), "deep")),
        wheels(1.00, (-1.65, 1.55), 0.72, 0.26),
        pair(block((0.70, 0.86, -2.57), (0.36, 0.24, 0.08), "light")),
        block((0, 0.48, -2.58), (1.80, 0.20, 0.12), "dark"),
    ),
    "bus": _plan(
        block((0, 1.72, 0), (2.50, 2.60, 11.0), taper=(0.97, 0.99)),
        block((0, 2.10, 0.30), (2.54, 0.85, 9.90), "glass"),
        block((0, 1.98, -5.46), (2.26, 1.30, 0.12), "glass"),
        tuple(pair(block((1.265, 2.10, z), (0.05, 0.88, 0.18))) for z in (-3.2, -1.4, 0.4, 2.2, 4.0)),
        pair(block((1.26, 1.55, -4.75), (0.08, 2.00, 0.90), "glass")),
        wheels(1.28, (-3.10, 3.30), 1.05, 0.34),
        pair(block((0.90, 0.80, -5.52), (0.40, 0.26, 0.10), "light")),
        block((0, 3.07, 1.0), (1.60, 0.20, 3.0), "deep"),
        pair(block((1.42, 2.45, -5.55), (0.18, 0.50, 0.16), "dark")),
    ),
    "truck": _plan(
        block((0, 2.45, 1.45), (2.55, 2.90, 5.90)),
        block((0, 0.82, 0.2), (1.10, 0.30, 8.2), "dark"),
        block((0, 1.72, -3.45), (2.45, 1.70, 1.90), taper=(0.98, 0.90)),
        block((0, 2.80, -3.22), (2.38, 0.60, 1.42), "deep", (0.94, 0.62)),
        block((0, 2.12, -4.36), (2.16, 0.80, 0.14), "glass"),
        pair(block((1.22, 2.12, -3.60), (0.08, 0.70, 0.90), "glass")),
        wheels(1.26, (-3.40, 2.20, 3.40), 1.05, 0.36),
        block((0, 0.80, -4.42), (2.40, 0.36, 0.16), "dark"),
        pair(block((0.92, 1.18, -4.42), (0.40, 0.26, 0.10), "light")),
        pair(block((1.34, 2.20, -4.45), (0.16, 0.56, 0.20), "dark")),
    ),
    "dump truck": _plan(
        block((0, 0.90, 0), (1.20, 0.34, 6.60), "dark"),
        block((0, 1.60, -2.45), (2.35, 1.30, 1.70), taper=(0.98, 0.92)),
        block((0, 2.42, -2.30), (2.20, 0.80, 1.30), "glass", (0.92, 0.75)),
        block((0, 2.84, -2.30), (2.10, 0.10, 1.05)),
        Primitive(BLOCK, (0, 1.95, 1.00), (2.50, 1.70, 4.20), "deep", (1.0, 0.78), "-y"),
        block((0, 2.78, 1.00), (2.20, 0.20, 3.8), "wood", (0.8, 0.8)),
        ellipsoid((0, 2.80, 1.10), (1.90, 0.90, 3.3), "wood"),
        wheels(1.26, (-2.30, 1.20, 2.50), 1.10, 0.38),
        pair(block((0.90, 1.20, -3.32), (0.40, 0.26, 0.08), "light")),
    ),
    "tank": _plan(
        pair(block((1.35, 0.55, 0), (0.64, 0.80, 5.60), "dark", (1.0, 1.0))),
        pair(frustum((1.35, 0.56, -2.80), (0.64, 0.80, 0.80), "dark", axis="x")),
        pair(frustum((1.35, 0.56, 2.80), (0.64, 0.80, 0.80), "dark", axis="x")),
        tuple(pair(frustum((1.36, 0.36, z), (0.70, 0.70, 0.70), "deep", axis="x")) for z in (-1.8, -0.6, 0.6, 1.8)),
        block((0, 1.00, 0.1), (2.30, 0.60, 5.70), taper=(0.95, 0.86)),
        frustum((0, 1.72, 0.45), (2.10, 0.86, 2.70), taper=0.72),
        rod((0, 1.76, -0.60), (0, 1.95, -4.60), 0.26, "deep", 0.75),
        rod((0, 1.93, -4.20), (0, 1.96, -4.70), 0.32, "deep"),
        frustum((0.40, 2.20, 0.70), (0.66, 0.22, 0.66), "deep"),
    ),
    "tractor": _plan(
        pair(frustum((0.80, 0.80, 0.85), (0.46, 1.60, 1.60), "dark", axis="x")),
        pair(frustum((0.84, 0.80, 0.85), (0.44, 0.70, 0.70), "light", axis="x")),
        pair(frustum((0.72, 0.46, -1.35), (0.30, 0.92, 0.92), "dark", axis="x")),
        block((0, 1.10, -0.95), (0.70, 0.62, 1.70), taper=(0.94, 0.97)),
        block((0, 1.05, 0.55), (1.05, 0.40, 1.30), "deep"),
        block((0, 1.86, 0.62), (1.06, 1.20, 1.20), "glass", (0.92, 0.92)),
        block((0, 2.50, 0.62), (1.30, 0.14, 1.50)),
        tuple(pair(bar((0.52, 1.25, z), (0.52, 2.46, z), 0.09, 0.09)) for z in (0.06, 1.18)),
        frustum((0.20, 1.72, -1.10), (0.11, 0.85, 0.11), "dark"),
        pair(ellipsoid((0.22, 1.20, -1.80), (0.20, 0.20, 0.10), "light")),
        block((0, 0.50, -1.35), (1.2, 0.16, 0.16), "dark"),
    ),
    "excavator": _plan(
        pair(block((0.95, 0.42, 0.4), (0.56, 0.70, 2.60), "dark")),
        pair(frustum((0.95, 0.42, -0.90), (0.56, 0.70, 0.70), "dark", axis="x")),
        pair(frustum((0.95, 0.42, 1.70), (0.56, 0.70, 0.70), "dark", axis="x")),
        frustum((0, 0.86, 0.4), (1.2, 0.30, 1.2), "dark"),
        block((0, 1.45, 0.95), (2.30, 0.95, 2.20)),
        block((-0.68, 1.90, -0.25), (0.90, 1.70, 1.20), "glass", (0.95, 0.85)),
        block((-0.68, 2.76, -0.20), (0.92, 0.10, 1.06)),
        bar((0.25, 1.30, -0.10), (0.25, 3.70, -1.90), 0.34, 0.50, "main", (0.9, 0.8)),
        bar((0.25, 3.70, -1.70), (0.25, 3.30, -3.30), 0.30, 0.42),
        bar((0.25, 3.50, -3.30), (0.25, 1.20, -3.90), 0.26, 0.34, "main", (0.9, 0.8)),
        bar((0.25, 1.25, -3.90), (0.25, 0.40, -3.20), 0.80, 0.10, "dark"),
        bar((0.25, 0.45, -3.30), (0.25, 0.75, -2.65), 0.80, 0.10, "dark"),
    ),
    "race car": _plan(
        block((0, 0.34, 0.50), (1.20, 0.40, 2.40), taper=(0.85, 0.9)),
        Primitive(BLOCK, (0, 0.36, -1.55), (0.70, 2.20, 0.40), "main", (0.35, 0.55), "y", 90.0),
        bar((0, 0.50, 0.50), (0, 0.62, 1.90), 0.44, 0.56, "main", (0.5, 0.4)),
        block((0, 0.84, 0.55), (0.30, 0.34, 0.50), "deep", (0.7, 0.7)),
        ellipsoid((0, 0.68, 0.02), (0.30, 0.32, 0.34), "light"),
        block((0, 0.14, -2.50), (1.80, 0.06, 0.55), "deep"),
        pair(block((0.90, 0.22, -2.50), (0.05, 0.24, 0.55), "deep")),
        block((0, 0.92, 2.20), (1.30, 0.06, 0.46), "deep"),
        pair(block((0.64, 0.72, 2.20), (0.05, 0.50, 0.50), "deep")),
        wheels(0.98, (-1.70, 1.70), 0.68, 0.40),
        block((0, 0.34, -1.70), (1.40, 0.06, 0.10), "dark"),
        block((0, 0.34, 1.70), (1.40, 0.08, 0.20), "dark"),
    ),
    "bicycle": _plan(_TWO_WHEELS),
    "motorcycle": _plan(
        hoop((0, 0.32, -0.72), 0.64, 0.13, 0.13),
        frustum((0, 0.32, 0.66), (0.18, 0.64, 0.64), "dark", axis="x"),
        frustum((0, 0.32, 0.66), (0.20, 0.34, 0.34), "grey", axis="x"),
        pair(bar((0.08, 0.32, -0.72), (0.08, 0.98, -0.42), 0.05, 0.06, "grey")),
        egg((0, 0.84, -0.40), (0, 0.78, 0.14), 0.34, 0.30),
        block((0, 0.46, -0.06), (0.36, 0.40, 0.52), "grey", (0.8, 0.9)),
        bar((0, 0.76, 0.05), (0, 0.80, 0.72), 0.28, 0.13, "dark", (0.8, 0.8)),
        bar((0, 0.62, 0.40), (0, 0.86, 0.92), 0.22, 0.10, "main", (0.8, 0.6)),
        block((0, 1.03, -0.42), (0.80, 0.05, 0.05), "dark"),
        ellipsoid((0, 0.88, -0.56), (0.22, 0.24, 0.20), "light"),
        rod((0.17, 0.30, 0.85), (0.17, 0.28, -0.10), 0.11, "grey", 0.8),
        bar((0, 0.66, -0.72), (0, 0.56, -0.40), 0.16, 0.04),
    ),
    "scooter": _plan(
        frustum((0, 0.21, -0.66), (0.11, 0.42, 0.42), "dark", axis="x"),
        frustum((0, 0.21, 0.60), (0.11, 0.42, 0.42), "dark", axis="x"),
        bar((0, 0.30, -0.70), (0, 1.02, -0.42), 0.10, 0.10),
        bar((0, 0.28, -0.46), (0, 0.88, -0.40), 0.40, 0.08, "main", (0.7, 1.0)),
        ellipsoid((0, 0.40, -0.66), (0.20, 0.14, 0.44)),
        block((0, 0.26, -0.08), (0.34, 0.08, 0.66), "dark"),
        egg((0, 0.44, 0.16), (0, 0.48, 0.84), 0.40, 0.44),
        bar((0, 0.74, 0.06), (0, 0.74, 0.74), 0.28, 0.12, "dark", (0.8, 0.9)),
        block((0, 1.04, -0.42), (0.66, 0.06, 0.06), "dark"),
        ellipsoid((0, 1.02, -0.46), (0.22, 0.20, 0.18)),
        ellipsoid((0, 1.02, -0.54), (0.12, 0.12, 0.06), "light"),
    ),
    "kick scooter": _plan(
        frustum((0, 0.10, -0.42), (0.05, 0.20, 0.20), "dark", axis="x"),
        frustum((0, 0.10, 0.42), (0.05, 0.20, 0.20), "dark", axis="x"),
        block((0, 0.12, 0.02), (0.14, 0.04, 0.74)),
        bar((0, 0.12, -0.42), (0, 0.98, -0.30), 0.05, 0.06),
        block((0, 0.98, -0.30), (0.46, 0.045, 0.045), "dark"),
        bar((0, 0.20, 0.32), (0, 0.20, 0.52), 0.08, 0.02),
    ),
    "skateboard": _plan(
        block((0, 0.11, 0), (0.20, 0.02, 0.58)),
        bar((0, 0.11, -0.28), (0, 0.155, -0.40), 0.20, 0.02, "main", (0.7, 1.0)),
        bar((0, 0.11, 0.28), (0, 0.155, 0.40), 0.20, 0.02, "main", (0.7, 1.0)),
        wheels(0.10, (-0.22, 0.22), 0.065, 0.045, "light"),
        block((0, 0.06, -0.22), (0.14, 0.06, 0.05), "grey"),
        block((0, 0.06, 0.22), (0.14, 0.06, 0.05), "grey"),
    ),
    "wheelchair": _plan(
        tuple(hoop((x, 0.30, 0.08), 0.60, 0.04, 0.05, 7) for x in (-0.30, 0.30)),
        pair(frustum((0.22, 0.09, -0.42), (0.05, 0.18, 0.18), "dark", axis="x")),
        block((0, 0.50, 0.0), (0.46, 0.07, 0.46)),
        block((0, 0.76, 0.24), (0.46, 0.50, 0.06)),
        pair(bar((0.24, 0.72, -0.16), (0.24, 0.72, 0.24), 0.06, 0.05, "dark")),
        pair(bar((0.22, 0.52, -0.22), (0.22, 0.14, -0.44), 0.04, 0.04, "grey")),
        pair(block((0.12, 0.13, -0.50), (0.16, 0.02, 0.18), "dark")),
        pair(bar((0.23, 0.95, 0.24), (0.23, 0.98, 0.40), 0.035, 0.035, "dark")),
    ),
    "stroller": _plan(
        wheels(0.28, (-0.36, 0.34), 0.26, 0.05),
        Primitive(BLOCK, (0, 0.56, -0.04), (0.46, 0.30, 0.80), "main", (0.9, 0.75), "-y"),
        ellipsoid((0, 0.74, 0.16), (0.48, 0.52, 0.56), "deep"),
        pair(bar((0.22, 0.16, -0.36), (0.22, 0.60, 0.20), 0.03, 0.035, "grey")),
        pair(bar((0.22, 0.16, 0.34), (0.22, 0.60, -0.20), 0.03, 0.035, "grey")),
        pair(bar((0.22, 0.60, 0.20), (0.22, 1.00, 0.56), 0.03, 0.035, "grey")),
        block((0, 1.00, 0.56), (0.47, 0.04, 0.04), "dark"),
    ),
    "shopping cart": _plan(
        wheels(0.26, (-0.38, 0.36), 0.12, 0.04),
        block((0, 0.22, 0.0), (0.48, 0.03, 0.84), "grey"),
        block((0, 0.50, -0.02), (0.44, 0.03, 0.82)),
        pair(bar((0.255, 0.69, -0.45), (0.255, 0.75, 0.42), 0.025, 0.44, "main", (1.0, 1.0))),
        block((0, 0.70, -0.44), (0.50, 0.40, 0.025)),
        block((0, 0.74, 0.42), (0.50, 0.44, 0.025)),
        pair(bar((0.22, 0.14, 0.36), (0.22, 0.60, 0.42), 0.03, 0.03, "grey")),
        pair(bar((0.22, 0.14, -0.38), (0.22, 0.52, -0.02), 0.03, 0.03, "grey")),
        pair(bar((0.24, 0.92, 0.42), (0.24, 1.02, 0.54), 0.03, 0.03, "grey")),
        block((0, 1.02, 0.54), (0.52, 0.045, 0.045), "dark"),
    ),
    "wheelbarrow": _plan(
        frustum((0, 0.20, -0.60), (0.09, 0.40, 0.40), "dark", axis="x"),
        Primitive(BLOCK, (0, 0.48, -0.16), (0.66, 0.24, 0.86), "main", (0.72, 0.70), "-y"),
        pair(block((0.31, 0.61, -0.16), (0.04, 0.06, 0.86))),
        block((0, 0.61, -0.58), (0.62, 0.06, 0.04)),
        block((0, 0.61, 0.26), (0.62, 0.06, 0.04)),
        pair(bar((0.12, 0.22, -0.62), (0.12, 0.36, -0.10), 0.045, 0.05, "wood")),
        pair(bar((0.24, 0.36, -0.20), (0.24, 0.62, 0.86), 0.045, 0.05, "wood")),
        pair(bar((0.24, 0.44, 0.24), (0.24, 0.0, 0.34), 0.045, 0.05, "grey")),
    ),
    "cart": _plan(
        tuple(hoop((x, 0.50, 0.35), 1.00, 0.09, 0.11, 8, "wood") for x in (-0.72, 0.72)),
        block((0, 0.62, 0.35), (1.20, 0.08, 2.00)),
        pair(block((0.60, 0.84, 0.35), (0.06, 0.40, 2.00))),
        block((0, 0.84, 1.33), (1.20, 0.40, 0.06)),
        block((0, 0.84, -0.63), (1.20, 0.40, 0.06)),
        pair(bar((0.50, 0.60, -0.60), (0.50, 0.50, -2.10), 0.08, 0.08, "wood")),
    ),
    "carriage": _plan(
        pair(frustum((0.78, 0.60, 0.80), (0.10, 1.20, 1.20), "dark", axis="x")),
        pair(frustum((0.78, 0.42, -1.10), (0.10, 0.84, 0.84), "dark", axis="x")),
        pair(frustum((0.80, 0.60, 0.80), (0.12, 0.26, 0.26), "light", axis="x")),
        Primitive(BLOCK, (0, 1.25, 0.15), (1.36, 0.90, 1.70), "main", (0.95, 0.70), "-y"),
        block((0, 1.90, 0.15), (1.30, 0.60, 1.64), "glass"),
        block((0, 2.24, 0.15), (1.42, 0.16, 1.84), taper=(0.8, 0.8)),
        tuple(pair(bar((0.65, 1.60, z), (0.65, 2.20, z), 0.09, 0.12)) for z in (-0.62, 0.15, 0.92)),
        block((0, 1.15, -1.15), (1.10, 0.14, 0.60), "dark"),
        bar((0, 1.20, -0.85), (0, 1.65, -0.78), 1.10, 0.10, "dark"),
        block((0, 0.70, -0.20), (0.50, 0.14, 2.30), "wood"),
        bar((0, 0.62, -1.30), (0, 0.58, -2.60), 0.09, 0.09, "wood"),
    ),
    "sled": _plan(
        pair(block((0.24, 0.03, 0.10), (0.05, 0.06, 1.00), "wood")),
        pair(bar((0.24, 0.03, -0.38), (0.24, 0.14, -0.58), 0.05, 0.06, "wood")),
        pair(bar((0.24, 0.13, -0.56), (0.24, 0.28, -0.54), 0.05, 0.05, "wood")),
        tuple(block((x, 0.24, 0.08), (0.11, 0.03, 1.05)) for x in (-0.18, -0.06, 0.06, 0.18)),
        tuple(block((0, 0.13, z), (0.48, 0.20, 0.05), "wood") for z in (-0.26, 0.40)),
        block((0, 0.27, -0.54), (0.53, 0.04, 0.04), "wood"),
    ),
    "train": _plan(
        block((0, 2.15, 0.9), (2.90, 2.90, 14.2), taper=(0.96, 1.0)),
        Primitive(BLOCK, (0, 1.80, -7.55), (2.86, 2.80, 2.20), "main", (0.70, 0.45), "y", 90.0),
        Primitive(BLOCK, (0, 2.62, -7.00), (2.30, 1.60, 0.16), "glass", (0.86, 1.0), "y", -52.0),
        block((0, 2.50, 1.2), (2.92, 0.80, 12.6), "glass"),
        tuple(pair(block((1.455, 2.50, z), (0.05, 0.84, 0.30))) for z in (-3.0, 0.0, 3.0, 6.0)),
        block((0, 0.45, 0), (2.30, 0.70, 15.0), "dark"),
        wheels(1.20, (-5.8, -3.6, 4.8, 7.0), 0.92, 0.16),
        pair(ellipsoid((0.72, 1.20, -8.50), (0.34, 0.26, 0.24), "light")),
    ),
    "steam locomotive": _plan(
        rod((0, 2.05, 1.60), (0, 2.05, -4.20), 1.80),
        frustum((0, 2.05, -4.25), (1.90, 1.90, 0.40), "deep", axis="z"),
        block((0, 2.35, 2.70), (2.60, 2.70, 2.40)),
        block((0, 3.80, 2.70), (2.90, 0.20, 2.80), "dark"),
        pair(block((1.28, 2.90, 2.60), (0.10, 0.80, 1.20), "glass")),
        frustum((0, 3.30, -3.60), (0.56, 1.20, 0.56), "dark"),
        Primitive(FRUSTUM, (0, 3.90, -3.60), (0.96, 0.36, 0.96), "dark", (0.6, 0.6), "-y"),
        ellipsoid((0, 3.00, -1.50), (0.80, 0.80, 0.80), "deep"),
        ellipsoid((0, 3.00, 0.20), (0.70, 0.70, 0.70), "deep"),
        block((0, 0.98, -0.20), (2.30, 0.34, 8.00), "dark"),
        pair(frustum((1.05, 0.75, -1.20), (0.20, 1.50, 1.50), "wood", axis="x")),
        pair(frustum((1.05, 0.75, 0.50), (0.20, 1.50, 1.50), "wood", axis="x")),
        pair(frustum((1.05, 0.75, 2.20), (0.20, 1.50, 1.50), "wood", axis="x")),
        pair(frustum((1.05, 0.42, -3.30), (0.20, 0.84, 0.84), "wood", axis="x")),
        Primitive(BLOCK, (0, 0.42, -4.75), (2.20, 1.10, 0.80), "dark", (0.25, 0.4), "y", 90.0),
        frustum((0, 2.85, -4.40), (0.44, 0.44, 0.30), "light", axis="z"),
    ),
    "tram": _plan(
        block((0, 1.75, 0), (2.40, 2.50, 9.4), taper=(0.95, 1.0)),
        tuple(block((0, 1.75, end * 5.0), (2.00, 2.40, 0.90), taper=(0.92, 0.86)) for end in (-1, 1)),
        block((0, 2.15, 0), (2.44, 0.95, 8.8), "glass"),
        tuple(block((0, 2.15, end * 5.40), (1.70, 0.95, 0.16), "glass") for end in (-1, 1)),
        tuple(pair(block((1.215, 2.0, z), (0.05, 1.6, 0.24))) for z in (-4.3, -2.2, 0.0, 2.2, 4.3)),
        block((0, 0.34, 0), (2.10, 0.60, 9.6), "dark"),
        block((0, 3.10, 0), (1.60, 0.26, 5.0), "deep"),
        bar((0, 3.20, 0.80), (0, 3.85, -0.10), 0.10, 0.10, "dark"),
        bar((0, 3.85, -0.10), (0, 4.40, 0.70), 0.10, 0.10, "dark"),
        block((0, 4.42, 0.70), (1.50, 0.10, 0.14), "dark"),
        ellipsoid((0, 1.10, -5.46), (0.36, 0.36, 0.16), "light"),
    ),
    "train car": _plan(
        block((0, 2.25, 0), (2.90, 2.80, 12.0)),
        block((0, 3.78, 0), (2.90, 0.34, 12.2), "deep", (0.55, 0.98)),
        block((0, 2.60, 0), (2.94, 0.80, 11.0), "glass"),
        tuple(pair(block((1.47, 2.60, z), (0.05, 0.84, 0.60))) for z in (-3.9, -1.3, 1.3, 3.9)),
        block((0, 0.72, 0), (2.20, 0.30, 12.8), "dark"),
        wheels(1.20, (-4.8, -3.4, 3.4, 4.8), 0.92, 0.16),
        block((0, 0.80, -6.5), (0.40, 0.30, 0.60), "dark"),
        block((0, 0.80, 6.5), (0.40, 0.30, 0.60), "dark"),
    ),
    "rowing boat": _plan(
        _HULL,
        block((0, 0.46, -0.50), (1.20, 0.06, 0.34), "wood"),
        block((0, 0.46, 0.90), (1.20, 0.06, 0.34), "wood"),
        pair(block((0.95, 0.68, 0.20), (1.40, 0.06, 0.06), "wood")),
        pair(block((1.80, 0.68, 0.20), (0.60, 0.05, 0.18), "wood")),
    ),
    "motor boat": _plan(
        block((0, 0.45, 0.70), (2.10, 0.90, 4.00), taper=(1.0, 1.0)),
        Primitive(BLOCK, (0, 0.48, -2.40), (2.10, 2.60, 0.96), "main", (0.12, 0.75), "y", 90.0),
        block((0, 0.92, 0.80), (1.70, 0.12, 3.40), "dark"),
        Primitive(BLOCK, (0, 1.22, -0.75), (1.70, 0.80, 0.10), "glass", (0.8, 1.0), "y", -38.0),
        pair(block((0.50, 1.18, 0.35), (0.60, 0.55, 0.60), "light")),
        block((0, 1.14, 1.90), (1.60, 0.50, 0.50), "light"),
        block((0, 0.85, 2.90), (0.50, 1.10, 0.50), "dark", (0.8, 0.8)),
        pair(block((1.00, 1.00, 0.90), (0.10, 0.24, 3.6))),
    ),
    "canoe": _plan(
        block((0, 0.06, 0), (0.60, 0.10, 2.60), "deep"),
        pair(block((0.325, 0.23, 0), (0.07, 0.38, 2.60))),
        Primitive(BLOCK, (0, 0.25, -1.95), (0.72, 1.30, 0.42), "main", (0.10, 1.0), "y", 90.0),
        Primitive(BLOCK, (0, 0.25, 1.95), (0.72, 0.42, 1.30), "main", (0.10, 1.0), "z"),
        block((0, 0.40, -2.45), (0.10, 0.30, 0.30), taper=(1.0, 0.5)),
        block((0, 0.40, 2.45), (0.10, 0.30, 0.30), taper=(1.0, 0.5)),
        tuple(block((0, 0.34, z), (0.66, 0.04, 0.22), "wood") for z in (-0.80, 0.10, 0.95)),
    ),
    "kayak": _plan(
        egg((0, 0.16, -2.10), (0, 0.16, 2.10), 0.62, 0.32),
        frustum((0, 0.30, 0.20), (0.50, 0.08, 0.90), "dark"),
        block((0, 0.42, 0.60), (0.40, 0.28, 0.08), "dark"),
        frustum((0, 0.52, -0.20), (2.00, 0.045, 0.045), "wood", axis="x"),
        pair(ellipsoid((1.05, 0.52, -0.20), (0.46, 0.20, 0.05), "deep")),
    ),
    "sailing boat": _plan(
        block((0, 0.55, 0.90), (2.20, 1.00, 3.60), taper=(1.0, 1.0)),
        Primitive(BLOCK, (0, 0.58, -2.10), (2.20, 2.60, 1.06), "main", (0.10, 0.80), "y", 90.0),
        block((0, 1.30, 0.20), (1.40, 0.50, 2.00), "pale", (0.85, 0.85)),
        rod((0, 1.0, -0.50), (0, 8.6, -0.50), 0.16, "wood", 0.7),
        bar((0, 1.95, -0.50), (0, 1.95, 2.60), 0.12, 0.12, "wood"),
        Primitive(BLOCK, (0, 5.10, 0.42), (0.14, 6.30, 1.90), "light", (1.0, 0.0), "y", 14.5),
        Primitive(BLOCK, (0, 4.45, -1.50), (0.12, 5.60, 1.20), "light", (1.0, 0.0), "y", -21.0),
        bar((0, 0.40, 2.70), (0, 1.30, 2.90), 0.10, 0.30, "wood"),
    ),
    "ship": _plan(
        block((0, 2.0, 2.0), (6.0, 4.0, 17.0), taper=(1.0, 1.0)),
        Primitive(BLOCK, (0, 2.2, -9.4), (6.0, 6.0, 4.4), "main", (0.10, 0.80), "y", 90.0),
        block((0, 4.3, 2.0), (6.1, 0.5, 17.0), "light"),
        block((0, 5.6, 2.8), (4.8, 2.4, 11.0), "light"),
        block((0, 7.6, 2.2), (4.2, 1.8, 7.6), "light"),
        block((0, 9.1, 0.0), (3.6, 1.4, 2.6), "light"),
        block((0, 9.2, -0.2), (3.64, 0.6, 2.4), "glass"),
        frustum((0, 9.6, 3.4), (1.6, 2.8, 1.9), "main", 0.85),
        frustum((0, 9.6, 6.0), (1.6, 2.8, 1.9), "main", 0.85),
        rod((0, 4.4, -8.6), (0, 8.6, -8.2), 0.26, "dark", 0.6),
        pair(frustum((2.44, 5.7, 2.8), (0.10, 0.7, 0.7), "glass", axis="x")),
        pair(block((2.72, 5.2, 4.6), (0.5, 0.9, 2.6), "wood")),
    ),
    "submarine": _plan(
        egg((0, 1.5, -9.5), (0, 1.5, 9.5), 3.0, 3.0),
        rod((0, 1.5, -5.5), (0, 1.5, 5.0), 2.85, "main", 1.0),
        block((0, 3.4, -2.0), (1.2, 2.2, 3.2), "deep", (0.9, 0.8)),
        frustum((0, 5.2, -2.4), (0.22, 1.8, 0.22), "dark"),
        block((0, 5.9, -2.55), (0.26, 0.30, 0.6), "dark"),
        block((0, 3.8, -2.0), (3.6, 0.14, 0.9), "deep"),
        block((0, 1.5, 8.4), (4.4, 0.16, 1.1), "deep"),
        block((0, 2.2, 8.4), (0.16, 3.2, 1.1), "deep"),
    ),
    "plane": _plan(
        rod((0, 3.2, -12.0), (0, 3.2, 7.0), 3.4),
        egg((0, 3.15, -16.0), (0, 3.15, -8.0), 3.4, 3.4),
        rod((0, 3.2, 6.9), (0, 3.9, 16.0), 3.36, "main", 0.22),
        Primitive(BLOCK, (0, 2.6, 0.4), (30.0, 8.4, 0.45), "deep", (0.10, 1.0), "y", 90.0),
        Primitive(BLOCK, (0, 4.1, 13.8), (11.0, 4.2, 0.30), "deep", (0.14, 1.0), "y", 90.0),
        bar((0, 4.4, 12.2), (0, 9.2, 15.6), 0.34, 3.6, "deep", (1.0, 0.45)),
        pair(rod((5.4, 1.6, -2.6), (5.4, 1.6, 1.2), 1.8, "grey", 0.8)),
        block((0, 3.7, -13.6), (2.6, 0.6, 1.2), "glass"),
        frustum((0, 1.0, -10.5), (0.3, 1.6, 0.3), "dark"),
        frustum((0, 0.5, -10.5), (0.7, 1.0, 1.0), "dark", axis="x"),
        pair(frustum((2.6, 1.2, 2.2), (0.3, 2.0, 0.3), "dark")),
        pair(frustum((2.6, 0.55, 2.2), (0.8, 1.1, 1.1), "dark", axis="x")),
    ),
    "propeller plane": _plan(
        rod((0, 1.30, -1.60), (0, 1.45, 3.90), 1.20, "main", 0.3),
        frustum((0, 1.30, -1.95), (1.20, 1.20, 0.90), "deep", axis="z"),
        rod((0, 1.30, -2.38), (0, 1.30, -2.75), 0.40, "grey", 0.3),
        block((0, 1.30, -2.60), (0.18, 2.00, 0.06), "dark"),
        block((0, 1.30, -2.58), (1.30, 0.16, 0.06), "dark"),
        block((0, 2.00, -0.20), (9.80, 0.20, 1.50), "deep", (1.0, 0.8)),
        block((0, 1.85, -0.20), (0.96, 0.60, 1.70), "glass", (0.85, 0.7)),
        block((0, 1.55, 3.60), (3.20, 0.12, 0.85), "deep"),
        bar((0, 1.50, 3.30), (0, 2.60, 4.00), 0.12, 1.00, "deep", (1.0, 0.6)),
        pair(bar((0.75, 0.35, -1.00), (0.75, 1.20, -0.80), 0.10, 0.14, "grey")),
        pair(frustum((0.90, 0.28, -1.00), (0.18, 0.56, 0.56), "dark", axis="x")),
        frustum((0, 0.98, 3.70), (0.12, 0.30, 0.30), "dark", axis="x"),
    ),
    "fighter jet": _plan(
        rod((0, 1.9, 5.6), (0, 1.9, -3.0), 1.5, "main", 0.8),
        rod((0, 1.9, -2.9), (0, 1.75, -7.6), 1.2, "main", 0.05),
        egg((0, 2.2, -4.4), (0, 2.45, -0.6), 0.80, 1.10, "glass"),
        Primitive(BLOCK, (0, 1.8, 1.6), (9.4, 6.0, 0.22), "deep", (0.10, 1.0), "y", 90.0),
        Primitive(BLOCK, (0, 1.8, 5.2), (4.8, 2.4, 0.18), "deep", (0.30, 1.0), "y", 90.0),
        pair(bar((0.62, 2.2, 3.8), (0.62, 4.3, 5.6), 0.14, 2.1, "deep", (1.0, 0.4))),
        pair(block((0.78, 1.7, -1.4), (0.60, 0.95, 3.0), "deep")),
        rod((0, 1.9, 5.5), (0, 1.9, 6.3), 1.2, "dark", 0.8),
        frustum((0, 0.6, -3.6), (0.24, 1.2, 0.5), "dark"),
        pair(frustum((0.9, 0.6, 2.2), (0.24, 1.2, 0.5), "dark")),
    ),
    "helicopter": _plan(
        egg((0, 1.70, -3.10), (0, 1.75, 1.60), 1.90, 1.90),
        egg((0, 1.85, -3.00), (0, 1.95, -0.60), 1.70, 1.40, "glass"),
        rod((0, 2.00, 0.90), (0, 2.30, 6.20), 0.85, "main", 0.4),
        bar((0, 2.20, 5.70), (0, 3.50, 6.60), 0.14, 0.80, "deep", (1.0, 0.7)),
        block((0.16, 3.10, 6.40), (0.06, 1.60, 0.18), "dark"),
        block((0, 2.35, 5.40), (1.80, 0.10, 0.50), "deep"),
        block((0, 2.80, -0.40), (0.90, 0.50, 1.80), "deep", (0.8, 0.8)),
        frustum((0, 3.20, -0.50), (0.26, 0.60, 0.26), "dark"),
        block((0, 3.50, -0.50), (9.60, 0.08, 0.42), "dark"),
        block((0, 3.52, -0.50), (0.42, 0.08, 9.60), "dark"),
        pair(rod((0.95, 0.12, -2.60), (0.95, 0.12, 1.40), 0.16, "dark")),
        pair(rod((0.78, 1.00, -1.60), (0.78, 0.12, -1.60), 0.14, "dark")),
        pair(rod((0.78, 1.00, 0.50), (0.78, 0.12, 0.50), 0.14, "dark")),
    ),
    "rocket": _plan(
        frustum((0, 5.2, 0), (2.4, 6.6, 2.4)),
        frustum((0, 9.3, 0), (2.4, 1.6, 2.4), "deep", 0.66),
        frustum((0, 10.9, 0), (1.58, 1.9, 1.58), "deep", 0.06),
        Primitive(FRUSTUM, (0, 1.5, 0), (2.4, 1.0, 2.4), "deep", (0.75, 0.75), "-y"),
        frustum((0, 0.75, 0), (1.8, 0.7, 1.8), "dark", 0.6),
        tuple(bar((0, 3.6, end * 0.9), (0, 0.6, end * 2.5), 0.24, 1.2, "deep", (1.0, 0.7)) for end in (-1, 1)),
        pair(block((1.5, 2.4, 0), (1.4, 1.8, 0.24), "deep", (0.4, 1.0))),
        pair(block((2.0, 1.0, 0), (0.7, 2.0, 0.24), "deep", (0.8, 1.0))),
        frustum((0, 6.9, -1.12), (1.0, 1.0, 0.30), "light", axis="z"),
    ),
    "hot air balloon": _plan(
        ellipsoid((0, 13.6, 0), (14.0, 13.0, 14.0)),
        Primitive(FRUSTUM, (0, 8.2, 0), (11.6, 6.4, 11.6), "deep", (0.26, 0.26), "-y"),
        frustum((0, 13.6, 0), (14.1, 1.6, 14.1), "light"),
        tuple(pair(rod((0.75, 1.2, z), (0.75, 5.6, z), 0.12, "dark")) for z in (-0.75, 0.75)),
        block((0, 0.10, 0), (1.7, 0.2, 1.7), "wood"),
        pair(block((0.80, 0.70, 0), (0.16, 1.30, 1.7), "wood")),
        block((0, 0.70, -0.78), (1.7, 1.30, 0.16), "wood"),
        block((0, 0.70, 0.78), (1.7, 1.30, 0.16), "wood"),
    ),
    "airship": _plan(
        egg((0, 7.5, -22.0), (0, 7.5, 22.0), 11.0, 11.0),
        block((0, 1.5, -2.0), (2.4, 1.8, 7.0), "deep", (1.0, 0.8)),
        block((0, 2.4, -2.0), (1.2, 1.2, 5.0), "deep"),
        bar((0, 9.5, 14.0), (0, 15.0, 19.0), 0.5, 6.0, "deep", (1.0, 0.7)),
        bar((0, 5.5, 14.0), (0, 0.5, 19.0), 0.5, 6.0, "deep", (1.0, 0.7)),
        block((0, 7.5, 17.0), (15.0, 0.5, 6.0), "deep"),
    ),
    "flying saucer": _plan(
        ellipsoid((0, 1.9, 0), (9.0, 1.8, 9.0)),
        frustum((0, 1.9, 0), (9.2, 0.30, 9.2), "grey"),
        ellipsoid((0, 2.7, 0), (3.6, 2.6, 3.6), "glass"),
        tuple(
            ellipsoid((3.6 * math.sin(t), 1.55, 3.6 * math.cos(t)), (0.8, 0.6, 0.8), "light")
            for t in (i * math.pi / 4 for i in range(8))
        ),
        tuple(frustum((x, 0.6, z), (0.24, 1.2, 0.24), "dark") for x, z in ((0, -2.2), (-1.9, 1.1), (1.9, 1.1))),
    ),
    "drone": _plan(
        block((0, 0.10, 0), (0.12, 0.07, 0.18), taper=(0.8, 0.8)),
        block((0, 0.12, -0.11), (0.34, 0.022, 0.03), "deep"),
        block((0, 0.12, 0.11), (0.34, 0.022, 0.03), "deep"),
        tuple(pair(frustum((0.17, 0.135, z), (0.035, 0.05, 0.035), "dark")) for z in (-0.13, 0.13)),
        tuple(pair(frustum((0.17, 0.165, z), (0.20, 0.010, 0.20), "grey")) for z in (-0.13, 0.13)),
        pair(block((0.07, 0.03, 0), (0.015, 0.06, 0.14), "dark")),
        ellipsoid((0, 0.07, -0.09), (0.05, 0.05, 0.05), "dark"),
        pair(block((0.05, 0.10, 0), (0.02, 0.03, 0.24), "deep")),
    ),
}


# --- plants and landscape ------------------------------------------------------------------------------------------

LEAF = "wood"  # what stalks and leaves are drawn with where the main colour is that of petals or fruit


def _fronds(y: float, reach: float, droop: float, width: float, thick: float) -> Parts:
    """Eight leaves that arch outwards from the top of a stem at height y."""
    half = 0.5 * reach
    return (
        tuple(bar((0, y, 0.0), (0, y + 0.35 * droop, end * half), width, thick) for end in (-1, 1)),
        tuple(
            bar((0, y + 0.35 * droop, end * half), (0, y - droop, end * reach), width, thick, "main", (0.3, 1.0))
            for end in (-1, 1)
        ),
        pair(ellipsoid((0.45 * reach, y + 0.2 * droop, 0), (reach, 0.55 * droop, width))),
        pair(ellipsoid((0.86 * reach, y - 0.30 * droop, 0), (0.34 * reach, 0.75 * droop, 0.7 * width))),
        tuple(
            pair(
                egg(
                    (0.22 * reach, y, end * 0.1 * reach),
                    (0.22 * reach, y + 0.55 * droop, end * 0.5 * reach),
                    width,
                    2 * thick,
                )
            )
            for end in (-1, 1)
        ),
        tuple(
            pair(
                egg(
                    (0.50 * reach, y + 0.5 * droop, end * 0.25 * reach),
                    (0.50 * reach, y - 0.7 * droop, end * 0.75 * reach),
                    width,
                    2 * thick,
                )
            )
            for end in (-1, 1)
        ),
    )


_PLANTS = {
    "conifer": _plan(
        frustum((0, 0.6, 0), (0.40, 1.2, 0.40), "wood"),
        frustum((0, 1.75, 0), (3.0, 1.9, 3.0), taper=0.42),
        frustum((0, 3.05, 0), (2.5, 1.7, 2.5), taper=0.40),
        frustum((0, 4.25, 0), (1.9, 1.5, 1.9), taper=0.36),
        frustum((0, 5.45, 0), (1.3, 1.7, 1.3), taper=0.03),
    ),
    "palm tree": _plan(
        rod((0, 0, 0.45), (0, 2.2, 0.30), 0.42, "wood", 0.8),
        rod((0, 2.2, 0.30), (0, 5.6, 0.0), 0.34, "wood", 0.8),
        _fronds(5.6, 2.3, 0.9, 0.40, 0.07),
        pair(ellipsoid((0.18, 5.35, -0.10), (0.30, 0.32, 0.30), "wood")),
    ),
    "bare tree": _plan(
        frustum((0, 1.1, 0), (0.50, 2.2, 0.50), "wood", 0.7),
        rod((0, 2.0, 0), (0, 4.8, 0.30), 0.34, "wood", 0.25),
        rod((0, 1.9, 0), (0, 3.9, -1.30), 0.26, "wood", 0.3),
        rod((0, 2.3, 0), (0, 4.0, 1.40), 0.24, "wood", 0.3),
        rod((0, 3.0, -0.70), (0, 4.6, -0.85), 0.14, "wood", 0.3),
        pair(ellipsoid((0.60, 2.60, 0.0), (1.20, 0.20, 0.20), "wood")),
        pair(rod((1.05, 2.55, 0), (1.05, 4.20, -0.30), 0.18, "wood", 0.3)),
        pair(rod((0.55, 2.60, 0), (0.55, 4.50, 0.50), 0.18, "wood", 0.3)),
        pair(rod((1.05, 2.60, 0), (1.05, 3.60, 0.90), 0.13, "wood", 0.3)),
    ),
    "bush": _plan(
        ellipsoid((0, 0.45, 0), (1.10, 0.90, 1.10)),
        pair(ellipsoid((0.38, 0.36, -0.12), (0.66, 0.70, 0.66))),
        pair(ellipsoid((0.30, 0.40, 0.32), (0.64, 0.74, 0.60))),
        ellipsoid((0.08, 0.38, -0.42), (0.70, 0.72, 0.56)),
        ellipsoid((-0.12, 0.76, -0.05), (0.60, 0.48, 0.60)),
        ellipsoid((0.26, 0.68, 0.10), (0.50, 0.48, 0.50)),
    ),
    "hedge": _plan(
        block((0, 0.60, 0), (3.0, 1.20, 0.76), taper=(0.99, 0.9)),
        tuple(
            ellipsoid((x, 1.16, z), (0.60, 0.26, 0.50))
            for x, z in ((-1.15, 0.05), (-0.4, -0.08), (0.35, 0.06), (1.1, -0.05))
        ),
        tuple(
            ellipsoid((x, y, -0.36), (0.60, 0.46, 0.20))
            for x, y in ((-1.1, 0.40), (-0.5, 0.85), (0.1, 0.45), (0.6, 0.88), (1.15, 0.50))
        ),
    ),
    "potted plant": _plan(
        Primitive(FRUSTUM, (0, 0.16, 0), (0.36, 0.32, 0.36), "wood", (0.72, 0.72), "-y"),
        frustum((0, 0.31, 0), (0.40, 0.05, 0.40), "wood"),
        rod((0, 0.30, 0), (0, 0.70, 0), 0.05, "main"),
        pair(egg((0.10, 0.34, 0.02), (0.10, 0.92, -0.16), 0.16, 0.05)),
        pair(egg((0.14, 0.34, 0.02), (0.14, 0.86, 0.22), 0.16, 0.05)),
        egg((0, 0.36, 0), (0, 1.05, 0.02), 0.16, 0.09),
        egg((0, 0.36, -0.04), (0, 0.74, -0.36), 0.15, 0.05),
        egg((0, 0.36, 0.04), (0, 0.72, 0.36), 0.15, 0.05),
        pair(ellipsoid((0.22, 0.62, 0), (0.26, 0.44, 0.07))),
        pair(ellipsoid((0.30, 0.46, 0.0), (0.22, 0.14, 0.12))),
    ),
    "flower": _plan(
        rod((0, 0, 0), (0, 0.42, 0), 0.022, LEAF),
        pair(ellipsoid((0.07, 0.14, 0), (0.14, 0.05, 0.06), LEAF)),
        egg((0, 0.10, 0.0), (0, 0.24, 0.12), 0.06, 0.03, LEAF),
        tuple(
            ellipsoid((0.075 * math.sin(t), 0.46 + 0.075 * math.cos(t), -0.02), (0.085, 0.085, 0.03), "main", -15)
            for t in (i * math.pi / 4 for i in range(8))
        ),
        ellipsoid((0, 0.46, -0.035), (0.085, 0.085, 0.05), "dark"),
    ),
    "rose": _plan(
        rod((0, 0, 0), (0, 0.40, 0), 0.02, LEAF),
        pair(ellipsoid((0.065, 0.20, 0), (0.12, 0.04, 0.07), LEAF)),
        egg((0, 0.22, 0.0), (0, 0.30, 0.11), 0.06, 0.03, LEAF),
        Primitive(FRUSTUM, (0, 0.41, 0), (0.11, 0.07, 0.11), "deep", (0.45, 0.45), "-y"),
        ring((0, 0.455, 0), (0.165, 0.09, 0.165), 0.075, 6),
        ring((0, 0.475, 0), (0.11, 0.08, 0.11), 0.055, 5, "deep"),
        ellipsoid((0, 0.49, 0), (0.05, 0.08, 0.05), "pale"),
    ),
    "tulip": _plan(
        rod((0, 0, 0), (0, 0.34, 0), 0.022, LEAF),
        pair(egg((0.04, 0.0, 0), (0.04, 0.28, -0.06), 0.05, 0.02, LEAF)),
        egg((0, 0.0, 0), (0, 0.26, 0.10), 0.05, 0.02, LEAF),
        ellipsoid((0, 0.39, 0), (0.12, 0.14, 0.12)),
        pair(ellipsoid((0.035, 0.42, 0), (0.07, 0.16, 0.09))),
        ellipsoid((0, 0.42, -0.035), (0.09, 0.16, 0.07), "pale"),
        ellipsoid((0, 0.42, 0.035), (0.09, 0.16, 0.07), "deep"),
    ),
    "cactus": _plan(
        frustum((0, 1.0, 0), (0.44, 2.0, 0.44)),
        ellipsoid((0, 2.0, 0), (0.44, 0.44, 0.44)),
        pair(frustum((0.36, 1.0, 0), (0.50, 0.24, 0.24), axis="x")),
        frustum((0.58, 1.30, 0), (0.26, 0.66, 0.26)),
        ellipsoid((0.58, 1.63, 0), (0.26, 0.26, 0.26)),
        ellipsoid((0.58, 1.0, 0), (0.26, 0.26, 0.26)),
        frustum((-0.58, 1.16, 0), (0.26, 0.40, 0.26)),
        ellipsoid((-0.58, 1.36, 0), (0.26, 0.26, 0.26)),
        ellipsoid((-0.58, 1.0, 0), (0.26, 0.26, 0.26)),
    ),
    "mushroom": _plan(
        frustum((0, 0.05, 0), (0.055, 0.10, 0.055), "light", 0.75),
        frustum((0, 0.095, 0), (0.15, 0.02, 0.15), "light", 0.9),
        ellipsoid((0, 0.105, 0), (0.16, 0.10, 0.16)),
        tuple(
            ellipsoid((x, 0.142, z), (0.028, 0.018, 0.028), "light")
            for x, z in ((0, -0.04), (0.05, 0), (-0.045, 0.01), (0.01, 0.045))
        ),
    ),
    "grass": _plan(
        tuple(
            egg((x, 0, z), (x, h, z + lean), 0.035, 0.03)
            for x, z, h, lean in (
                (0, 0, 0.42, 0.0),
                (0.08, -0.05, 0.36, -0.12),
                (-0.08, -0.04, 0.38, -0.10),
                (0.10, 0.06, 0.34, 0.14),
                (-0.10, 0.05, 0.36, 0.12),
                (0.03, -0.10, 0.28, -0.22),
                (-0.04, 0.10, 0.30, 0.22),
                (0.16, 0.0, 0.26, -0.04),
                (-0.16, 0.01, 0.26, 0.06),
                (0.05, 0.03, 0.40, 0.06),
                (-0.04, -0.02, 0.41, -0.05),
                (0.0, 0.08, 0.33, 0.15),
            )
        ),
    ),
    "wheat": _plan(
        tuple(
            (
                rod((x, 0, z), (x, 0.75, z + lean), 0.02, "main"),
                egg((x, 0.70, z + 0.92 * lean), (x, 0.98, z + 1.4 * lean), 0.06, 0.06),
            )
            for x, z, lean in (
                (0, 0, -0.05),
                (0.10, 0.04, 0.06),
                (-0.10, 0.02, -0.10),
                (0.06, -0.09, 0.0),
                (-0.06, 0.10, 0.08),
            )
        ),
    ),
    "log": _plan(
        frustum((0, 0.20, 0), (1.60, 0.40, 0.40), "main", axis="x"),
        frustum((0, 0.20, 0), (1.62, 0.34, 0.34), "pale", axis="x"),
        rod((0.35, 0.30, 0), (0.35, 0.56, -0.06), 0.14, "main", 0.8),
        rod((-0.40, 0.22, 0.10), (-0.40, 0.26, 0.34), 0.12, "main", 0.8),
    ),
    "stump": _plan(
        frustum((0, 0.20, 0), (0.56, 0.42, 0.56), taper=0.9),
        frustum((0, 0.415, 0), (0.44, 0.02, 0.44), "pale"),
        pair(egg((0.26, 0.16, 0.0), (0.26, 0.0, -0.12), 0.20, 0.16)),
        egg((0, 0.20, -0.18), (0, 0.0, -0.42), 0.18, 0.16),
        egg((0.05, 0.20, 0.18), (0.05, 0.0, 0.42), 0.18, 0.16),
    ),
    "rock": _plan(
        ellipsoid((0, 0.30, 0.02), (0.96, 0.60, 0.72)),
        block((-0.12, 0.34, 0.04), (0.64, 0.60, 0.56), "main", (0.62, 0.70), 14),
        block((0.20, 0.26, -0.06), (0.60, 0.50, 0.52), "deep", (0.60, 0.66), -12),
        ellipsoid((-0.26, 0.20, -0.14), (0.52, 0.40, 0.50)),
        ellipsoid((0.10, 0.16, -0.26), (0.56, 0.32, 0.32), "deep"),
    ),
    "mountain": _plan(
        frustum((0, 9.0, 0), (30.0, 18.0, 26.0), taper=0.05),
        frustum((-7.5, 5.5, -3.0), (18.0, 11.0, 17.0), "deep", 0.05),
        frustum((8.0, 4.8, -2.0), (16.0, 9.6, 17.0), "deep", 0.06),
        frustum((0, 15.9, 0), (7.6, 4.6, 6.6), "light", 0.16),
        block((2.4, 4.5, -7.5), (10.0, 9.0, 8.0), "main", (0.04, 0.3), -16),
    ),
    "cloud": _plan(
        ellipsoid((0, 0.70, 0), (2.4, 1.30, 1.30)),
        ellipsoid((-1.0, 0.52, -0.05), (1.4, 0.90, 1.0)),
        ellipsoid((1.05, 0.50, 0.05), (1.5, 0.90, 1.0)),
        ellipsoid((-0.35, 1.08, 0), (1.15, 1.00, 1.0)),
        ellipsoid((0.50, 0.96, -0.05), (1.0, 0.84, 0.95)),
        ellipsoid((0.1, 0.45, -0.35), (1.5, 0.76, 0.8)),
    ),
    "campfire": _plan(
        ring((0, 0.08, 0), (1.0, 0.18, 1.0), 0.22, 10, "grey"),
        bar((0.06, 0.08, -0.34), (0.06, 0.30, 0.28), 0.10, 0.10, "wood"),
        bar((-0.06, 0.30, -0.28), (-0.06, 0.08, 0.34), 0.10, 0.10, "wood"),
        frustum((0, 0.14, 0), (0.66, 0.10, 0.10), "wood", axis="x"),
        frustum((0, 0.40, 0), (0.34, 0.60, 0.34), "main", 0.05),
        frustum((0.10, 0.32, -0.06), (0.20, 0.40, 0.20), "deep", 0.05),
        frustum((-0.10, 0.30, 0.05), (0.20, 0.38, 0.20), "pale", 0.05),
    ),
}


# --- buildings and streets -----------------------------------------------------------------------------------------


def _battlements(radius: float, y: float, size: float, count: int = 8) -> Parts:
    turns = [2 * math.pi * i / count for i in range(count)]
    return tuple(block((radius * math.sin(t), y, radius * math.cos(t)), (size, size, size)) for t in turns)


_BUILDINGS = {
    "tower block": _plan(
        block((0, 15.0, 0), (13.0, 30.0, 12.0)),
        *(block((0, y, 0), (15.0, 1.5, 15.0), "deep") for y in (4.2, 7.8, 11.4, 15.0, 18.6, 22.2, 25.8, 29.4)),
        block((0, 15.0, 0), (2.2, 30.0, 15.4), "pale"),
        pair(block((7.0, 15.0, 0), (1.0, 30.0, 15.4), "pale")),
        block((0, 31.2, 0.5), (7.0, 2.4, 6.0), "grey"),
        block((0, 1.6, -7.8), (3.4, 3.2, 0.8), "dark"),
    ),
    "skyscraper": _plan(
        block((0, 22.0, 0), (22.0, 44.0, 22.0)),
        block((0, 52.0, 0), (17.0, 20.0, 17.0)),
        block((0, 66.0, 0), (11.0, 12.0, 11.0)),
        block((0, 74.0, 0), (6.0, 5.0, 6.0), "deep"),
        frustum((0, 82.0, 0), (1.4, 14.0, 1.4), "grey", 0.3),
        *(pair(block((x, 22.0, 0), (1.2, 44.0, 22.6), "deep")) for x in (3.4, 10.4)),
        *(block((0, 22.0, z), (22.6, 44.0, 1.2), "deep") for z in (-7.0, 0.0, 7.0)),
        *(pair(block((x, 52.0, 0), (1.0, 20.0, 17.5), "deep")) for x in (3.0, 8.0)),
        block((0, 2.2, -11.2), (5.0, 4.4, 1.0), "dark"),
    ),
    "tower": _plan(
        frustum((0, 6.0, 0), (5.0, 12.0, 5.0), taper=0.88),
        Primitive(FRUSTUM, (0, 12.4, 0), (5.8, 1.2, 5.8), "main", (0.76, 0.76), "-y"),
        frustum((0, 13.3, 0), (5.8, 0.6, 5.8)),
        _battlements(2.45, 14.1, 1.1),
        block((0, 1.3, -2.35), (1.5, 2.6, 0.6), "dark"),
        frustum((0, 2.6, -2.35), (1.5, 1.5, 0.6), "dark", axis="z"),
        block((0, 6.4, -2.2), (0.6, 1.6, 0.6), "dark"),
        block((0, 9.8, -2.1), (0.6, 1.4, 0.6), "dark"),
    ),
    "castle": _plan(
        tuple(pair(frustum((8.0, 5.0, z), (4.6, 10.0, 4.6))) for z in (-7.0, 7.0)),
        tuple(pair(frustum((8.0, 11.8, z), (5.6, 3.8, 5.6), "deep", 0.04)) for z in (-7.0, 7.0)),
        pair(block((8.0, 3.2, 0), (1.4, 6.4, 14.0))),
        block((0, 3.2, 7.0), (16.0, 6.4, 1.4)),
        pair(block((5.0, 3.2, -7.0), (6.0, 6.4, 1.4))),
        block((0, 5.2, -7.0), (4.6, 3.6, 3.0)),
        pair(block((2.0, 3.4, -7.0), (1.0, 6.8, 3.0))),
        block((0, 5.5, 2.5), (7.0, 11.0, 6.0)),
        block((0, 12.4, 2.5), (7.6, 2.8, 6.6), "deep", (0.2, 0.2)),
        pair(block((4.6, 6.8, -7.0), (1.0, 0.9, 1.5))),
        pair(block((6.2, 6.8, -7.0), (0.9, 0.9, 1.5))),
    ),
    "church": _plan(
        block((0, 3.5, 3.0), (7.0, 7.0, 13.0)),
        block((0, 8.7, 3.0), (7.8, 3.6, 13.6), "deep", (0.0, 1.0)),
        block((0, 6.5, -5.2), (4.4, 13.0, 4.4)),
        block((0, 16.6, -5.2), (4.8, 7.6, 4.8), "deep", (0.0, 0.0)),
        block((0, 21.0, -5.2), (0.22, 2.0, 0.22), "light"),
        block((0, 21.2, -5.2), (1.0, 0.22, 0.22), "light"),
        block((0, 1.5, -7.4), (1.8, 3.0, 0.4), "wood"),
        frustum((0, 3.0, -7.4), (1.8, 1.8, 0.4), "wood", axis="z"),
        frustum((0, 7.6, -7.4), (1.7, 1.7, 0.4), "light", axis="z"),
        block((0, 10.8, -5.2), (1.2, 2.2, 4.7), "dark"),
        tuple(pair(block((3.5, 3.6, z), (0.3, 3.4, 1.1), "light")) for z in (-0.5, 3.0, 6.5)),
        block((0, 10.8, -5.2), (4.7, 2.2, 1.2), "dark"),
    ),
    "barn": _plan(
        block((0, 2.4, 0), (8.0, 4.8, 11.0)),
        block((0, 5.6, 0), (8.8, 1.7, 11.6), "deep", (0.68, 1.0)),
        block((0, 7.2, 0), (6.0, 1.6, 11.6), "deep", (0.0, 1.0)),
        pair(block((0.95, 1.6, -5.5), (1.8, 3.2, 0.3), "light")),
        block((0, 5.6, -5.7), (1.5, 1.5, 0.3), "light"),
        pair(block((3.0, 2.2, -5.5), (1.0, 1.1, 0.2), "dark")),
    ),
    "hut": _plan(
        frustum((0, 1.1, 0), (3.6, 2.2, 3.6)),
        frustum((0, 3.1, 0), (5.0, 2.2, 5.0), "deep", 0.04),
        block((0, 0.95, -1.75), (1.1, 1.9, 0.4), "dark"),
    ),
    "windmill": _plan(
        frustum((0, 4.5, 0), (6.0, 9.0, 6.0), taper=0.62),
        ellipsoid((0, 9.2, 0.1), (3.9, 2.6, 4.2), "deep"),
        rod((0, 9.6, -1.2), (0, 9.6, -3.0), 0.5, "dark"),
        block((0, 9.6, -2.8), (0.9, 13.0, 0.18), "light"),
        block((0, 9.6, -2.8), (13.0, 0.9, 0.18), "light"),
        block((0, 9.6, -2.7), (0.22, 13.2, 0.3), "wood"),
        block((0, 9.6, -2.7), (13.2, 0.22, 0.3), "wood"),
        block((0, 1.2, -2.9), (1.4, 2.4, 0.5), "dark"),
        block((0, 5.4, -2.35), (0.9, 1.2, 0.5), "dark"),
        frustum((0, 3.2, 0), (7.4, 0.26, 7.4), "wood"),
    ),
    "wind turbine": _plan(
        frustum((0, 15.0, 0), (1.8, 30.0, 1.8), taper=0.6),
        block((0, 30.4, 0.8), (1.5, 1.6, 4.2)),
        ellipsoid((0, 30.4, -1.7), (1.8, 1.8, 2.2)),
        ellipsoid((0, 38.4, -1.9), (1.6, 16.0, 0.5)),
        tuple(
            pair(ellipsoid((13.4 * t, 30.4 - 7.7 * t, -1.9), (3.4, 2.3 - 0.9 * t, 0.5)))
            for t in (0.14, 0.28, 0.42, 0.56, 0.70, 0.82, 0.93)
        ),
    ),
    "lighthouse": _plan(
        frustum((0, 0.5, 0), (7.0, 1.0, 7.0), "grey"),
        frustum((0, 8.0, 0), (5.0, 14.0, 5.0), taper=0.64),
        frustum((0, 5.0, 0), (4.72, 2.4, 4.72), "light", 0.94),
        frustum((0, 10.6, 0), (4.10, 2.4, 4.10), "light", 0.94),
        frustum((0, 15.2, 0), (4.6, 0.4, 4.6), "dark"),
        frustum((0, 16.4, 0), (2.4, 2.2, 2.4), "glass"),
        frustum((0, 18.2, 0), (3.2, 1.6, 3.2), "deep", 0.1),
        block((0, 2.2, -2.4), (1.3, 2.4, 0.6), "wood"),
        ring((0, 15.8, 0), (4.4, 0.9, 4.4), 0.28, 8, "dark"),
    ),
    "temple": _plan(
        block((0, 0.3, 0), (12.0, 0.6, 16.0), "deep"),
        block((0, 0.9, 0), (11.0, 0.6, 15.0), "deep"),
        tuple(frustum((x, 3.8, -6.6), (1.0, 5.2, 1.0), taper=0.85) for x in (-4.6, -1.55, 1.55, 4.6)),
        tuple(pair(frustum((4.6, 3.8, z), (1.0, 5.2, 1.0), taper=0.85)) for z in (-2.2, 2.2, 6.6)),
        block((0, 3.8, 1.0), (6.0, 5.2, 10.0), "pale"),
        block((0, 6.9, 0), (11.0, 1.0, 15.0)),
        block((0, 8.5, 0), (11.6, 2.2, 15.4), "deep", (0.0, 1.0)),
    ),
    "pyramid": _plan(block((0, 10.0, 0), (30.0, 20.0, 30.0), taper=(0.0, 0.0))),
    "dome": _plan(
        frustum((0, 2.0, 0), (12.0, 4.0, 12.0)),
        ellipsoid((0, 4.0, 0), (12.0, 11.0, 12.0), "deep"),
        frustum((0, 10.2, 0), (2.0, 1.6, 2.0)),
        frustum((0, 12.0, 0), (1.6, 2.4, 1.6), "deep", 0.05),
        block((0, 1.6, -6.1), (2.4, 3.2, 1.0), "dark"),
        tuple(frustum((x, 2.0, -6.2 + 0.1 * abs(x)), (0.7, 4.0, 0.7), "pale") for x in (-3.2, -1.9, 1.9, 3.2)),
    ),
    "igloo": _plan(
        frustum((0, 0.40, 0.5), (3.6, 0.80, 3.6), taper=0.97),
        ellipsoid((0, 0.80, 0.5), (3.5, 1.58, 3.5)),
        ellipsoid((0, 0.90, 0.5), (2.9, 1.9, 2.9)),
        block((0, 0.35, -1.6), (1.5, 0.70, 1.5)),
        frustum((0, 0.70, -1.6), (1.5, 1.3, 1.5), axis="z"),
        frustum((0, 0.62, -2.33), (1.0, 1.0, 0.06), "dark", axis="z"),
        block((0, 0.30, -2.33), (1.0, 0.60, 0.06), "dark"),
    ),
    "factory": _plan(
        block((0, 3.0, 0), (16.0, 6.0, 12.0)),
        *(Primitive(BLOCK, (0, 7.0, z), (16.2, 2.0, 4.0), "deep", (1.0, 0.1), "y", 0.0) for z in (-4.0, 0.0, 4.0)),
        pair(frustum((5.4, 10.0, 3.4), (2.2, 16.0, 2.2), "grey", 0.7)),
        block((0, 2.0, -6.1), (4.0, 4.0, 0.4), "dark"),
        pair(block((5.2, 3.2, -6.1), (3.6, 1.6, 0.3), "light")),
    ),
    "greenhouse": _plan(
        block((0, 1.0, 0), (3.0, 2.0, 4.4), "glass"),
        block((0, 2.5, 0), (3.1, 1.0, 4.5), "glass", (0.0, 1.0)),
        *(pair(block((1.50, 1.0, z), (0.12, 2.0, 0.12))) for z in (-2.2, -0.73, 0.73, 2.2)),
        pair(block((1.5, 2.0, 0), (0.16, 0.12, 4.6))),
        block((0, 3.0, 0), (0.16, 0.14, 4.6)),
        block((0, 0.15, 0), (3.2, 0.3, 4.6), "deep"),
        pair(block((0.50, 1.0, -2.22), (0.10, 2.0, 0.12))),
        block((0, 2.0, -2.22), (1.1, 0.10, 0.12)),
    ),
    "shop": _plan(
        block((0, 2.1, 0.3), (6.0, 4.2, 5.4)),
        block((0, 4.5, 0), (6.4, 0.6, 6.0), "deep"),
        block((0, 3.5, -2.5), (5.2, 0.7, 0.3), "light"),
        Primitive(BLOCK, (0, 2.75, -3.05), (5.6, 0.12, 1.5), "deep", (1.0, 1.0), "y", -20.0),
        block((-1.3, 1.3, -2.44), (2.6, 1.7, 0.12), "glass"),
        block((1.5, 1.15, -2.44), (1.1, 2.3, 0.12), "dark"),
        pair(block((2.7, 1.2, -2.5), (0.3, 2.4, 0.3), "deep")),
    ),
    "kiosk": _plan(
        block((0, 0.55, 0), (2.0, 1.1, 1.6)),
        tuple(pair(block((0.92, 1.6, z), (0.14, 1.2, 0.14), "wood")) for z in (-0.72, 0.72)),
        block((0, 1.14, -0.15), (2.2, 0.10, 2.0), "wood"),
        block((0, 1.6, 0.74), (1.9, 1.1, 0.08)),
        Primitive(BLOCK, (0, 2.34, -0.10), (2.5, 0.14, 2.4), "deep", (1.0, 1.0), "y", -10.0),
        *(
            block((x, 2.03, -1.28), (0.40, 0.32, 0.06), c)
            for x, c in ((-1.0, "main"), (-0.5, "light"), (0.0, "main"), (0.5, "light"), (1.0, "main"))
        ),
    ),
    "wall": _plan(
        block((0, 1.0, 0), (4.0, 2.0, 0.30)),
        block((0, 2.04, 0), (4.1, 0.12, 0.42), "deep"),
        block((0, 0.12, 0), (4.06, 0.24, 0.38), "deep"),
        *(block((x, 0.50, -0.17), (0.90, 0.38, 0.10), "pale") for x in (-1.5, -0.5, 0.5, 1.5)),
        *(block((x, 1.00, -0.17), (0.90, 0.38, 0.10), "pale") for x in (-1.0, 0.0, 1.0)),
        *(block((x, 1.50, -0.17), (0.90, 0.38, 0.10), "pale") for x in (-1.5, -0.5, 0.5, 1.5)),
    ),
    "fence": _plan(
        *(block((x, 0.50, 0), (0.12, 1.0, 0.05), taper=(1.0, 1.0)) for x in (-0.9, -0.6, -0.3, 0.0, 0.3, 0.6, 0.9)),
        *(block((x, 1.06, 0), (0.12, 0.12, 0.05), "main", (0.0, 1.0)) for x in (-0.9, -0.6, -0.3, 0.0, 0.3, 0.6, 0.9)),
        block((0, 0.30, 0.05), (2.0, 0.10, 0.05), "deep"),
        block((0, 0.80, 0.05), (2.0, 0.10, 0.05), "deep"),
    ),
    "gate": _plan(
        pair(block((1.35, 1.0, 0), (0.40, 2.0, 0.40), "grey")),
        pair(ellipsoid((1.35, 2.14, 0), (0.36, 0.36, 0.36), "grey")),
        *(pair(frustum((x, 0.85, 0), (0.06, 1.5, 0.06))) for x in (0.10, 0.36, 0.62, 0.88, 1.10)),
        *(pair(frustum((x, 1.66, 0), (0.10, 0.16, 0.10), "main", 0.1)) for x in (0.36, 0.62, 0.88)),
        pair(block((0.60, 0.30, 0), (1.14, 0.08, 0.06))),
        pair(block((0.60, 1.30, 0), (1.14, 0.08, 0.06))),
    ),
    "arch": _plan(
        pair(block((1.8, 2.2, 0), (1.0, 4.4, 1.4))),
        pair(block((1.8, 0.25, 0), (1.2, 0.5, 1.6), "deep")),
        pair(block((1.15, 4.0, 0), (0.5, 0.8, 1.4))),
        block((0, 4.9, 0), (4.6, 1.1, 1.4)),
        block((0, 5.65, 0), (5.0, 0.4, 1.8), "deep"),
        pair(block((0.80, 4.25, 0), (0.4, 0.5, 1.4))),
        block((0, 4.4, 0), (0.5, 0.5, 1.6), "deep"),
    ),
    "door": _plan(
        pair(block((0.48, 1.02, 0), (0.10, 2.04, 0.16), "light")),
        block((0, 2.09, 0), (1.06, 0.10, 0.16), "light"),
        block((0, 1.01, 0.02), (0.88, 2.02, 0.06)),
        *(
            pair(block((0.21, y, -0.02), (0.30, h, 0.04), "pale"))
            for y, h in ((0.48, 0.60), (1.08, 0.40), (1.65, 0.54))
        ),
        ellipsoid((0.36, 1.00, -0.07), (0.08, 0.08, 0.10), "dark"),
    ),
    "open door": _plan(
        pair(block((0.48, 1.02, 0.45), (0.10, 2.04, 0.16), "light")),
        block((0, 2.09, 0.45), (1.06, 0.10, 0.16), "light"),
        block((-0.40, 1.01, 0.0), (0.06, 2.02, 0.86)),
        *(block((-0.365, y, 0), (0.03, h, 0.60), "pale") for y, h in ((0.55, 0.70), (1.50, 0.75))),
        ellipsoid((-0.34, 1.00, -0.34), (0.10, 0.08, 0.08), "dark"),
    ),
    "window": _plan(
        block((0, 0.60, 0.02), (1.10, 1.10, 0.03), "glass"),
        pair(block((0.55, 0.60, 0), (0.09, 1.20, 0.12))),
        block((0, 1.16, 0), (1.18, 0.09, 0.12)),
        block((0, 0.05, -0.04), (1.30, 0.09, 0.22)),
        block((0, 0.60, 0), (0.06, 1.10, 0.09)),
        block((0, 0.66, 0), (1.10, 0.06, 0.09)),
    ),
    "stairs": _plan(
        *(
            block(
                (0, 0.11 * (i + 1), 0.27 * i - 0.95 + 0.135 * (8 - i)),
                (1.10, 0.22 * (i + 1), 0.27 * (8 - i)),
                "main" if i % 2 else "pale",
            )
            for i in range(8)
        )
    ),
    "ladder": _plan(
        pair(bar((0.22, 0, -0.45), (0.22, 2.80, 0.35), 0.06, 0.09)),
        *(block((0, 0.30 + 0.30 * i, -0.45 + 0.8 * (0.30 + 0.30 * i) / 2.8), (0.44, 0.05, 0.05)) for i in range(9)),
    ),
    "step ladder": _plan(
        pair(bar((0.24, 0, -0.45), (0.24, 1.60, 0.0), 0.05, 0.07)),
        pair(bar((0.24, 0, 0.45), (0.24, 1.60, 0.0), 0.05, 0.05, "grey")),
        *(
            block((0, 0.30 * (i + 1), -0.45 + 0.45 * 0.30 * (i + 1) / 1.6), (0.46, 0.03, 0.14), "deep")
            for i in range(4)
        ),
        block((0, 1.62, -0.02), (0.50, 0.05, 0.26), "deep"),
        block((0, 0.60, 0.28), (0.46, 0.04, 0.03), "grey"),
    ),
    "bridge": _plan(
        block((0, 2.15, 0), (3.0, 0.5, 2.6)),
        bar((0, 2.10, -1.2), (0, 1.55, -3.9), 3.0, 0.5),
        bar((0, 2.10, 1.2), (0, 1.55, 3.9), 3.0, 0.5),
        bar((0, 1.62, -3.7), (0, 0.35, -6.6), 3.0, 0.6),
        bar((0, 1.62, 3.7), (0, 0.35, 6.6), 3.0, 0.6),
        *(pair(bar((1.40, 2.85, end * 1.3), (1.40, 2.30, end * 3.9), 0.16, 0.30, "deep")) for end in (-1, 1)),
        *(pair(bar((1.40, 2.35, end * 3.8), (1.40, 1.10, end * 6.6), 0.16, 0.30, "deep")) for end in (-1, 1)),
        pair(block((1.40, 2.85, 0), (0.16, 0.30, 2.7), "deep")),
        *(block((0, 0.75, z), (2.8, 1.5, 0.9), "deep") for z in (-3.5, 3.5)),
        *(block((0, 0.40, z), (3.0, 0.8, 1.2), "deep") for z in (-6.2, 6.2)),
        *(pair(block((1.40, 1.2 if abs(z) > 5 else 2.4, z), (0.20, 1.2, 0.20), "deep")) for z in (-6.4, 6.4, 0.0)),
    ),
    "tent": _plan(
        Primitive(BLOCK, (0, 0.75, 0.10), (2.20, 1.50, 2.60), "main", (0.0, 1.0)),
        block((0, 0.55, -1.21), (0.80, 1.10, 0.06), "dark", (0.0, 1.0)),
        bar((0, 1.45, -1.15), (0, 0.0, -1.8), 0.03, 0.03, "dark"),
        bar((0, 1.45, 1.35), (0, 0.0, 1.9), 0.03, 0.03, "dark"),
        pair(block((0.50, 0.55, -1.26), (0.30, 1.00, 0.06), "pale", (0.1, 1.0))),
        block((0, 1.46, 0.10), (0.06, 0.06, 2.7), "deep"),
    ),
    "teepee": _plan(
        frustum((0, 1.7, 0), (3.2, 3.4, 3.2), taper=0.07),
        block((0, 0.85, -1.28), (0.80, 1.70, 0.5), "dark", (0.2, 1.0), -14),
        bar((0.06, 3.2, -0.1), (0.06, 4.0, 0.35), 0.07, 0.07, "wood"),
        bar((-0.06, 3.2, 0.1), (-0.06, 4.0, -0.35), 0.07, 0.07, "wood"),
        pair(bar((0.12, 3.2, 0), (0.12, 3.9, 0.05), 0.07, 0.07, "wood")),
        frustum((0, 1.2, 0), (2.20, 0.16, 2.20), "deep", 0.95),
    ),
    "parasol": _plan(
        frustum((0, 0.05, 0), (0.56, 0.10, 0.56), "grey"),
        frustum((0, 1.25, 0), (0.06, 2.4, 0.06), "light"),
        frustum((0, 2.25, 0), (2.8, 0.66, 2.8), taper=0.05),
        frustum((0, 1.88, 0), (2.8, 0.12, 2.8), "pale"),
        ellipsoid((0, 2.60, 0), (0.12, 0.14, 0.12), "deep"),
    ),
    "pavilion": _plan(
        frustum((0, 0.2, 0), (4.4, 0.4, 4.4), "deep"),
        tuple(
            frustum((1.85 * math.sin(t), 1.6, 1.85 * math.cos(t)), (0.22, 2.5, 0.22))
            for t in (math.radians(22.5 + 45 * i) for i in range(8))
        ),
        frustum((0, 2.85, 0), (4.6, 0.22, 4.6)),
        frustum((0, 3.6, 0), (5.0, 1.5, 5.0), "deep", 0.06),
        ellipsoid((0, 4.45, 0), (0.3, 0.4, 0.3)),
    ),
    "street lamp": _plan(
        frustum((0, 0.25, 0.9), (0.34, 0.50, 0.34), "deep", 0.8),
        frustum((0, 2.6, 0.9), (0.16, 5.2, 0.16), taper=0.7),
        rod((0, 5.15, 0.9), (0, 5.75, 0.55), 0.12),
        rod((0, 5.72, 0.58), (0, 5.90, -0.30), 0.11),
        block((0, 5.86, -0.62), (0.34, 0.16, 0.90), "deep", (0.8, 0.9)),
        ellipsoid((0, 5.78, -0.62), (0.28, 0.14, 0.74), "light"),
    ),
    "lantern post": _plan(
        frustum((0, 0.20, 0), (0.46, 0.40, 0.46), "deep", 0.6),
        frustum((0, 1.6, 0), (0.14, 2.6, 0.14), taper=0.75),
        frustum((0, 2.9, 0), (0.24, 0.08, 0.24), "deep"),
        Primitive(FRUSTUM, (0, 3.20, 0), (0.48, 0.54, 0.48), "light", (0.6, 0.6), "-y"),
        frustum((0, 3.58, 0), (0.60, 0.24, 0.60), "deep", 0.2),
        ellipsoid((0, 3.74, 0), (0.10, 0.14, 0.10), "deep"),
        frustum((0, 2.45, 0), (0.70, 0.05, 0.05), "deep", axis="x"),
    ),
    "traffic light": _plan(
        frustum((0, 1.3, 0.12), (0.14, 2.6, 0.14), "grey"),
        frustum((0, 0.06, 0.12), (0.36, 0.12, 0.36), "grey"),
        block((0, 2.95, 0.0), (0.42, 1.15, 0.30), "dark"),
        *(
            frustum((0, y, -0.14), (0.27, 0.27, 0.10), c, axis="z")
            for y, c in ((3.30, "main"), (2.95, "light"), (2.60, "deep"))
        ),
        *(
            Primitive(BLOCK, (0, y + 0.15, -0.26), (0.30, 0.05, 0.26), "dark", (0.8, 1.0), "y", 10.0)
            for y in (3.30, 2.95, 2.60)
        ),
    ),
    "sign post": _plan(
        frustum((0, 1.05, 0.04), (0.08, 2.1, 0.08), "grey"),
        block((0, 2.05, -0.03), (0.86, 0.56, 0.05)),
        block((0, 2.05, -0.06), (0.76, 0.46, 0.02), "light"),
        block((0, 2.12, -0.075), (0.56, 0.07, 0.02), "dark"),
        block((0, 1.97, -0.075), (0.40, 0.07, 0.02), "dark"),
    ),
    "round sign": _plan(
        frustum((0, 1.15, 0.04), (0.08, 2.3, 0.08), "grey"),
        frustum((0, 2.10, -0.02), (0.72, 0.72, 0.05), axis="z"),
        frustum((0, 2.10, -0.05), (0.56, 0.56, 0.03), "light", axis="z"),
        block((0, 2.10, -0.07), (0.40, 0.11, 0.02), "dark"),
    ),
    "signpost": _plan(
        frustum((0, 1.2, 0), (0.12, 2.4, 0.12), "wood"),
        ellipsoid((0, 2.44, 0), (0.18, 0.18, 0.18), "wood"),
        block((0.46, 2.10, -0.08), (1.00, 0.24, 0.05)),
        Primitive(BLOCK, (1.06, 2.10, -0.08), (0.22, 0.24, 0.05), "main", (0.0, 1.0), "x"),
        block((-0.40, 1.74, -0.08), (1.00, 0.24, 0.05)),
        block((0, 1.38, -0.08), (0.90, 0.22, 0.05)),
    ),
    "billboard": _plan(
        pair(block((1.6, 1.6, 0.1), (0.20, 3.2, 0.20), "grey")),
        block((0, 3.7, 0), (5.0, 2.4, 0.18), "deep"),
        block((0, 3.7, -0.12), (4.7, 2.1, 0.10), "light"),
        block((0, 2.45, -0.25), (5.0, 0.06, 0.5), "grey"),
        pair(bar((1.6, 0.0, 1.2), (1.6, 3.2, 0.15), 0.12, 0.12, "grey")),
    ),
    "bench": _plan(
        *(block((0, 0.45, z), (1.70, 0.045, 0.10)) for z in (-0.20, -0.07, 0.06, 0.19)),
        *(
            Primitive(BLOCK, (0, y, 0.26 + 0.25 * (y - 0.5)), (1.70, 0.12, 0.04), "main", (1.0, 1.0), "y", -14.0)
            for y in (0.62, 0.80)
        ),
        pair(block((0.72, 0.22, -0.20), (0.07, 0.44, 0.07), "dark")),
        pair(bar((0.72, 0.0, 0.22), (0.72, 0.90, 0.36), 0.07, 0.07, "dark")),
        pair(block((0.72, 0.42, 0.02), (0.06, 0.05, 0.50), "dark")),
        pair(block((0.78, 0.66, -0.02), (0.07, 0.04, 0.52), "dark")),
        pair(block((0.78, 0.54, -0.24), (0.06, 0.24, 0.06), "dark")),
    ),
    "picnic table": _plan(
        *(block((x, 0.74, 0), (0.22, 0.045, 1.80)) for x in (-0.24, 0.0, 0.24)),
        pair(block((0.66, 0.44, 0), (0.28, 0.045, 1.80))),
        *(block((0, 0.42, z), (1.50, 0.09, 0.05), "deep") for z in (-0.62, 0.62)),
        *(block((0, 0.68, z), (0.72, 0.09, 0.05), "deep") for z in (-0.62, 0.62)),
        *(pair(block((0.42, 0.36, z), (0.10, 0.72, 0.06), "deep")) for z in (-0.62, 0.62)),
    ),
    "fountain": _plan(
        frustum((0, 0.08, 0), (3.4, 0.16, 3.4), "deep"),
        ring((0, 0.35, 0), (3.4, 0.60, 3.4), 0.62, 14),
        frustum((0, 0.30, 0), (2.8, 0.16, 2.8), "glass"),
        frustum((0, 0.80, 0), (0.40, 1.2, 0.40), taper=0.8),
        Primitive(FRUSTUM, (0, 1.45, 0), (1.5, 0.30, 1.5), "main", (0.3, 0.3), "-y"),
        frustum((0, 1.80, 0), (0.22, 0.60, 0.22)),
        Primitive(FRUSTUM, (0, 2.10, 0), (0.70, 0.20, 0.70), "main", (0.3, 0.3), "-y"),
        ellipsoid((0, 2.40, 0), (0.20, 0.50, 0.20), "light"),
    ),
    "well": _plan(
        ring((0, 0.42, 0), (1.30, 0.90, 1.30), 0.30, 12, "grey"),
        frustum((0, 0.12, 0), (1.10, 0.24, 1.10), "dark"),
        pair(block((0.60, 1.20, 0), (0.12, 1.60, 0.12), "wood")),
        frustum((0, 1.45, 0), (1.10, 0.14, 0.14), "wood", axis="x"),
        Primitive(BLOCK, (0, 2.24, 0), (1.70, 0.60, 1.50), "main", (1.0, 0.0)),
        block((0, 1.10, 0), (0.03, 0.60, 0.03), "dark"),
        frustum((0, 0.86, 0), (0.24, 0.26, 0.24), "wood"),
    ),
    "column": _plan(
        block((0, 0.10, 0), (0.90, 0.20, 0.90), "deep"),
        frustum((0, 0.28, 0), (0.80, 0.16, 0.80)),
        frustum((0, 1.85, 0), (0.60, 3.0, 0.60), taper=0.84),
        Primitive(FRUSTUM, (0, 3.46, 0), (0.80, 0.24, 0.80), "main", (0.66, 0.66), "-y"),
        block((0, 3.68, 0), (0.90, 0.20, 0.90), "deep"),
    ),
    "obelisk": _plan(
        block((0, 0.5, 0), (2.6, 1.0, 2.6), "deep"),
        block((0, 5.6, 0), (1.6, 9.2, 1.6), taper=(0.66, 0.66)),
        block((0, 10.7, 0), (1.06, 1.0, 1.06), "pale", (0.0, 0.0)),
    ),
    "cross": _plan(
        block((0, 0.70, 0), (0.22, 1.40, 0.16)),
        block((0, 1.00, 0), (0.86, 0.22, 0.16)),
        block((0, 0.06, 0), (0.60, 0.12, 0.40), "deep"),
    ),
    "gravestone": _plan(
        block((0, 0.06, 0), (0.70, 0.12, 0.30), "deep"),
        block((0, 0.42, 0), (0.56, 0.66, 0.14)),
        frustum((0, 0.74, 0), (0.56, 0.56, 0.14), axis="z"),
        block((0, 0.60, -0.07), (0.06, 0.30, 0.03), "deep"),
        block((0, 0.66, -0.07), (0.20, 0.06, 0.03), "deep"),
    ),
    "mailbox": _plan(
        block((0, 0.50, 0.02), (0.10, 1.0, 0.10), "wood"),
        block((0, 1.09, 0), (0.24, 0.18, 0.52)),
        frustum((0, 1.18, 0), (0.24, 0.24, 0.52), axis="z"),
        block((0, 1.12, -0.265), (0.18, 0.20, 0.02), "deep"),
        block((0.135, 1.30, 0.06), (0.02, 0.26, 0.04), "dark"),
        block((0.135, 1.38, 0.0), (0.02, 0.10, 0.14), "dark"),
    ),
    "fire hydrant": _plan(
        frustum((0, 0.03, 0), (0.34, 0.06, 0.34)),
        frustum((0, 0.28, 0), (0.22, 0.50, 0.22)),
        frustum((0, 0.54, 0), (0.30, 0.06, 0.30), "deep"),
        ellipsoid((0, 0.58, 0), (0.24, 0.24, 0.24)),
        frustum((0, 0.72, 0), (0.07, 0.08, 0.07), "deep"),
        pair(frustum((0.14, 0.40, 0), (0.14, 0.11, 0.11), axis="x")),
        pair(frustum((0.20, 0.40, 0), (0.05, 0.15, 0.15), "deep", axis="x")),
        frustum((0, 0.38, -0.14), (0.15, 0.15, 0.12), axis="z"),
        frustum((0, 0.38, -0.19), (0.19, 0.19, 0.05), "deep", axis="z"),
    ),
    "trash can": _plan(
        Primitive(FRUSTUM, (0, 0.36, 0), (0.52, 0.72, 0.52), "main", (0.80, 0.80), "-y"),
        frustum((0, 0.74, 0), (0.58, 0.06, 0.58), "deep"),
        ellipsoid((0, 0.77, 0), (0.54, 0.20, 0.54), "deep"),
        block((0, 0.88, 0), (0.16, 0.05, 0.04), "dark"),
        pair(block((0.27, 0.52, 0), (0.06, 0.05, 0.16), "dark")),
    ),
    "wheeled bin": _plan(
        Primitive(BLOCK, (0, 0.54, 0), (0.56, 0.92, 0.66), "main", (0.84, 0.76), "-y"),
        block((0, 1.02, 0), (0.60, 0.07, 0.72), "deep", (0.94, 0.9)),
        block((0, 1.02, 0.38), (0.50, 0.05, 0.06), "dark"),
        pair(frustum((0.24, 0.10, 0.28), (0.08, 0.20, 0.20), "dark", axis="x")),
    ),
    "telephone booth": _plan(
        block((0, 1.15, 0), (0.76, 2.1, 0.76), "glass"),
        *(pair(block((0.40, 1.15, z), (0.12, 2.3, 0.12))) for z in (-0.40, 0.40)),
        block((0, 0.08, 0), (0.94, 0.16, 0.94)),
        block((0, 2.26, 0), (0.92, 0.28, 0.92)),
        block((0, 2.22, -0.46), (0.66, 0.16, 0.03), "light"),
        ellipsoid((0, 2.38, 0), (0.86, 0.30, 0.86)),
        *(block((0, y, 0), (0.84, 0.05, 0.84)) for y in (0.50, 0.84, 1.18, 1.52, 1.86)),
        block((0, 1.15, -0.40), (0.05, 2.1, 0.06)),
        pair(block((0.40, 1.15, 0), (0.06, 2.1, 0.05))),
    ),
    "bus stop": _plan(
        *(pair(block((1.45, 1.2, z), (0.08, 2.4, 0.08), "grey")) for z in (-0.60, 0.60)),
        block((0, 2.42, -0.05), (3.3, 0.10, 1.6)),
        block((0, 1.25, 0.62), (2.9, 1.9, 0.04), "glass"),
        block((1.45, 1.25, 0), (0.04, 1.9, 1.1), "glass"),
        block((0, 0.46, 0.36), (2.0, 0.06, 0.36), "wood"),
        pair(block((0.80, 0.22, 0.36), (0.08, 0.44, 0.30), "grey")),
    ),
    "swing": _plan(
        *(pair(bar((1.20, 0.0, end * 0.95), (1.20, 2.25, 0.0), 0.09, 0.09)) for end in (-1, 1)),
        frustum((0, 2.25, 0), (2.5, 0.11, 0.11), axis="x"),
        *(block((x, 1.35, 0.0), (0.03, 1.75, 0.03), "dark") for x in (-0.80, -0.36, 0.36, 0.80)),
        *(block((x, 0.48, 0), (0.50, 0.05, 0.22), "wood") for x in (-0.58, 0.58)),
    ),
    "slide": _plan(
        bar((0, 1.55, 0.35), (0, 0.30, -1.55), 0.50, 0.06),
        pair(bar((0.26, 1.68, 0.35), (0.26, 0.42, -1.55), 0.05, 0.20, "deep")),
        block((0, 0.28, -1.75), (0.56, 0.06, 0.46)),
        block((0, 1.55, 0.60), (0.56, 0.08, 0.56), "deep"),
        pair(bar((0.27, 0.0, 1.35), (0.27, 1.55, 0.85), 0.06, 0.08, "grey")),
        *(
            block((0, 0.28 + 0.3 * i, 1.35 - 0.5 * (0.28 + 0.3 * i) / 1.55), (0.54, 0.05, 0.10), "grey")
            for i in range(4)
        ),
        pair(block((0.27, 0.78, 0.36), (0.06, 1.55, 0.06), "grey")),
        pair(block((0.27, 1.95, 0.70), (0.05, 0.80, 0.40), "grey", (1.0, 0.6))),
        pair(block((0.22, 0.14, -1.85), (0.06, 0.28, 0.06), "grey")),
    ),
    "seesaw": _plan(
        bar((0, 0.22, -1.5), (0, 0.98, 1.5), 0.28, 0.07),
        block((0, 0.28, 0), (0.40, 0.56, 0.50), "deep", (1.0, 0.15)),
        bar((0, 0.36, -1.05), (0, 0.70, -1.15), 0.05, 0.05, "dark"),
        bar((0, 0.90, 1.05), (0, 1.24, 0.95), 0.05, 0.05, "dark"),
        block((0, 0.70, -1.14), (0.36, 0.05, 0.05), "dark"),
        block((0, 1.24, 0.95), (0.36, 0.05, 0.05), "dark"),
    ),
    "goal": _plan(
        pair(frustum((3.60, 1.22, -0.9), (0.13, 2.44, 0.13))),
        frustum((0, 2.44, -0.9), (7.33, 0.13, 0.13), axis="x"),
        pair(bar((3.60, 2.44, -0.9), (3.60, 0.05, 1.1), 0.08, 0.08, "grey")),
        pair(bar((3.60, 0.05, -0.9), (3.60, 0.05, 1.1), 0.08, 0.08, "grey")),
        frustum((0, 0.05, 1.1), (7.2, 0.08, 0.08), "grey", axis="x"),
        *(bar((x, 2.44, -0.9), (x, 0.05, 1.1), 0.03, 0.03, "light") for x in (-2.7, -1.8, -0.9, 0.0, 0.9, 1.8, 2.7)),
        *(block((0, y, 1.1 - 2.0 * y / 2.44), (7.2, 0.03, 0.03), "light") for y in (0.5, 1.0, 1.5, 2.0)),
    ),
    "basketball hoop": _plan(
        block((0, 0.10, 0.75), (0.90, 0.20, 0.90), "dark"),
        frustum((0, 1.60, 0.75), (0.16, 3.2, 0.16), "grey"),
        bar((0, 3.10, 0.75), (0, 3.25, 0.10), 0.12, 0.12, "grey"),
        block((0, 3.45, 0.02), (1.80, 1.05, 0.06), "light"),
        block((0, 3.30, -0.03), (0.60, 0.45, 0.03)),
        ring((0, 3.05, -0.30), (0.50, 0.05, 0.50), 0.06, 12),
    ),
    "crane": _plan(
        block((0, 0.4, 0), (4.0, 0.8, 4.0), "grey"),
        *(pair(block((0.8, 10.4, z), (0.26, 20.0, 0.26))) for z in (-0.8, 0.8)),
        *(
            bar((0.8 * s, 1.0 + 4 * i, -0.8), (0.8 * s, 5.0 + 4 * i, 0.8), 0.16, 0.16)
            for s in (-1, 1)
            for i in range(0, 5, 2)
        ),
        block((0, 21.2, -0.2), (1.8, 1.6, 1.8), "glass"),
        block((0, 22.6, -5.5), (1.0, 1.0, 22.0)),
        rod((0, 22.0, 0), (0, 26.5, 0), 0.6, "main", 0.5),
        bar((0, 26.2, 0), (0, 23.0, -14.0), 0.16, 0.16, "dark"),
        bar((0, 26.2, 0), (0, 23.0, 5.0), 0.16, 0.16, "dark"),
        block((0, 22.0, 4.6), (1.4, 1.8, 1.8), "grey"),
        block((0, 18.6, -12.0), (0.12, 7.2, 0.12), "dark"),
        block((0, 14.8, -12.0), (0.5, 0.8, 0.5), "dark"),
    ),
    "ferris wheel": _plan(
        hoop((0, 10.5, 0), 18.0, 0.5, 0.5, 10, "main"),
        *(
            bar(
                (0, 10.5 - 8.6 * math.cos(t), -8.6 * math.sin(t)),
                (0, 10.5 + 8.6 * math.cos(t), 8.6 * math.sin(t)),
                0.2,
                0.2,
                "grey",
            )
            for t in (0.0, math.pi / 3, 2 * math.pi / 3)
        ),
        *(bar((1.1, 0, end * 4.5), (1.1, 10.5, 0), 0.5, 0.5, "grey") for end in (-1, 1)),
        frustum((0.4, 10.5, 0), (1.8, 1.2, 1.2), "dark", axis="x"),
        *(
            block((0, 9.3 + 9.0 * math.cos(t), 9.0 * math.sin(t)), (1.6, 1.7, 1.7), "deep", (0.7, 0.7))
            for t in (i * math.pi / 4 for i in range(8))
        ),
    ),
    "flag": _plan(
        frustum((-0.50, 1.5, 0), (0.06, 3.0, 0.06), "grey"),
        ellipsoid((-0.50, 3.03, 0), (0.12, 0.12, 0.12), "light"),
        block((-0.25, 2.55, -0.03), (0.50, 0.75, 0.02), tilt=3),
        block((0.20, 2.55, 0.03), (0.50, 0.75, 0.02), "deep", tilt=-4),
        block((0.62, 2.55, -0.02), (0.40, 0.75, 0.02), tilt=3),
        frustum((-0.50, 0.05, 0), (0.40, 0.10, 0.40), "grey"),
    ),
    "scarecrow": _plan(
        frustum((0, 0.60, 0), (0.08, 1.20, 0.08), "wood"),
        frustum((0, 1.38, 0), (1.70, 0.07, 0.07), "wood", axis="x"),
        Primitive(BLOCK, (0, 1.10, 0), (0.46, 0.76, 0.22), "main", (0.9, 1.0), "-y"),
        pair(block((0.42, 1.36, 0), (0.50, 0.19, 0.16))),
        pair(ellipsoid((0.78, 1.36, 0), (0.26, 0.12, 0.10), "light")),
        pair(block((0.13, 0.52, 0), (0.17, 0.50, 0.16), "deep")),
        ellipsoid((0, 1.66, 0), (0.26, 0.30, 0.26), "pale"),
        frustum((0, 1.76, 0), (0.60, 0.03, 0.60), "wood"),
        frustum((0, 1.90, 0), (0.30, 0.28, 0.30), "wood", 0.4),
    ),
    "doghouse": _plan(
        block((0, 0.34, 0), (0.80, 0.68, 0.96)),
        block((0, 0.85, 0), (1.0, 0.40, 1.12), "deep", (0.0, 1.0)),
        block((0, 0.22, -0.48), (0.34, 0.40, 0.04), "dark"),
        frustum((0, 0.42, -0.48), (0.34, 0.34, 0.04), "dark", axis="z"),
    ),
    "birdhouse": _plan(
        frustum((0, 0.65, 0.02), (0.06, 1.3, 0.06), "wood"),
        block((0, 1.45, 0), (0.22, 0.30, 0.22)),
        block((0, 1.67, 0), (0.32, 0.17, 0.32), "deep", (0.0, 1.0)),
        frustum((0, 1.47, -0.11), (0.08, 0.08, 0.02), "dark", axis="z"),
        frustum((0, 1.38, -0.15), (0.02, 0.02, 0.10), "wood", axis="z"),
    ),
}


# --- furniture -----------------------------------------------------------------------------------------------------


def _drawers(width: float, rows: Iterable[float], height: float, front: float) -> Parts:
    """Drawer fronts with knobs, on a face at z = front."""
    return tuple(
        (
            block((0, y, front), (width, height, 0.05), "pale"),
            pair(ellipsoid((0.25 * width, y, front - 0.04), (0.06, 0.05, 0.05), "dark")),
        )
        for y in rows
    )


_PILLOWS: Parts = pair(ellipsoid((0.40, 0.62, 0.72), (0.66, 0.18, 0.42), "light"))

_FURNITURE = {
    "round table": _plan(
        frustum((0, 0.72, 0), (1.10, 0.06, 1.10)),
        frustum((0, 0.66, 0), (0.90, 0.06, 0.90), "deep"),
        frustum((0, 0.36, 0), (0.14, 0.60, 0.14), "deep"),
        frustum((0, 0.04, 0), (0.66, 0.08, 0.66), "deep", 0.6),
    ),
    "desk": _plan(
        block((0, 0.725, 0), (1.40, 0.05, 0.70)),
        block((0.50, 0.37, 0.02), (0.38, 0.66, 0.62)),
        *(block((0.50, y, -0.31), (0.34, 0.18, 0.05), "pale") for y in (0.17, 0.38, 0.59)),
        *(ellipsoid((0.50, y, -0.35), (0.10, 0.04, 0.04), "dark") for y in (0.17, 0.38, 0.59)),
        block((-0.66, 0.35, 0), (0.05, 0.70, 0.64), "deep"),
        block((-0.17, 0.48, 0.30), (0.96, 0.44, 0.03), "deep"),
    ),
    "low table": _plan(
        block((0, 0.40, 0), (1.10, 0.05, 0.60)),
        legs(0.49, 0.25, 0.40, 0.06, "deep"),
        block((0, 0.14, 0), (1.00, 0.03, 0.50), "deep"),
    ),
    "armchair": _plan(
        block((0, 0.25, 0), (0.86, 0.36, 0.80)),
        ellipsoid((0, 0.46, -0.06), (0.56, 0.18, 0.66), "pale"),
        Primitive(BLOCK, (0, 0.66, 0.34), (0.84, 0.74, 0.20), "main", (0.92, 1.0), "y", -8.0),
        pair(block((0.39, 0.42, -0.04), (0.18, 0.44, 0.76), "deep")),
        pair(frustum((0.39, 0.63, -0.04), (0.20, 0.16, 0.78), "deep", axis="z")),
        legs(0.36, 0.32, 0.10, 0.07, "wood"),
    ),
    "office chair": _plan(
        block((0, 0.05, 0), (0.60, 0.05, 0.07), "dark"),
        block((0, 0.05, 0), (0.07, 0.05, 0.60), "dark"),
        *(
            ellipsoid((x, 0.03, z), (0.06, 0.06, 0.06), "dark")
            for x, z in ((0.29, 0), (-0.29, 0), (0, 0.29), (0, -0.29))
        ),
        frustum((0, 0.24, 0), (0.06, 0.36, 0.06), "grey"),
        block((0, 0.46, 0), (0.50, 0.09, 0.48)),
        Primitive(BLOCK, (0, 0.86, 0.25), (0.46, 0.58, 0.08), "main", (0.8, 1.0), "y", -9.0),
        bar((0, 0.44, 0.18), (0, 0.72, 0.27), 0.08, 0.05, "dark"),
        pair(block((0.28, 0.66, 0.0), (0.06, 0.04, 0.28), "dark")),
        pair(bar((0.28, 0.46, 0.04), (0.28, 0.66, 0.04), 0.04, 0.06, "dark")),
    ),
    "rocking chair": _plan(
        block((0, 0.42, 0), (0.54, 0.05, 0.52)),
        Primitive(BLOCK, (0, 0.82, 0.36), (0.54, 0.10, 0.04), "main", (1.0, 1.0), "y", -16.0),
        Primitive(BLOCK, (0, 1.08, 0.43), (0.54, 0.14, 0.04), "main", (1.0, 1.0), "y", -16.0),
        *(bar((x, 0.42, 0.23), (x, 1.10, 0.43), 0.04, 0.03) for x in (-0.25, -0.09, 0.09, 0.25)),
        pair(bar((0.25, 0.44, -0.22), (0.25, 0.08, -0.26), 0.05, 0.05)),
        pair(bar((0.25, 0.44, 0.22), (0.25, 0.08, 0.24), 0.05, 0.05)),
        pair(block((0.25, 0.03, 0), (0.05, 0.06, 0.50), "deep")),
        pair(bar((0.25, 0.03, -0.23), (0.25, 0.13, -0.50), 0.05, 0.06, "deep")),
        pair(bar((0.25, 0.03, 0.23), (0.25, 0.15, 0.52), 0.05, 0.06, "deep")),
        pair(block((0.28, 0.66, 0.04), (0.06, 0.04, 0.52))),
        pair(bar((0.28, 0.44, -0.18), (0.28, 0.66, -0.18), 0.04, 0.04)),
    ),
    "high chair": _plan(
        block((0, 0.56, 0.06), (0.36, 0.05, 0.36)),
        block((0, 0.78, 0.24), (0.36, 0.44, 0.05)),
        pair(block((0.18, 0.66, 0.06), (0.04, 0.18, 0.36), "deep")),
        block((0, 0.74, -0.20), (0.46, 0.04, 0.26), "pale"),
        *(pair(bar((0.19, 0.58, end * 0.16 + 0.04), (0.19, 0.0, end * 0.28 + 0.04), 0.05, 0.05)) for end in (-1, 1)),
        block((0, 0.22, -0.20), (0.38, 0.04, 0.10), "deep"),
    ),
    "stool": _plan(
        frustum((0, 0.62, 0), (0.40, 0.06, 0.40)),
        *(pair(bar((0.12, 0.60, end * 0.12), (0.12, 0.0, end * 0.20), 0.045, 0.045, "deep")) for end in (-1, 1)),
        *(block((0, 0.24, end * 0.165), (0.26, 0.03, 0.03), "deep") for end in (-1, 1)),
        pair(block((0.12, 0.24, 0), (0.03, 0.03, 0.33), "deep")),
    ),
    "pouf": _plan(
        frustum((0, 0.20, 0), (0.56, 0.30, 0.56)),
        ellipsoid((0, 0.33, 0), (0.58, 0.18, 0.58)),
        ellipsoid((0, 0.09, 0), (0.58, 0.18, 0.58), "deep"),
        ellipsoid((0, 0.42, 0), (0.06, 0.04, 0.06), "deep"),
    ),
    "bed": _plan(
        block((0, 0.24, 0), (1.60, 0.20, 2.05), "wood"),
        block((0, 0.42, 0.02), (1.56, 0.22, 2.00), "light"),
        block((0, 0.50, -0.32), (1.62, 0.14, 1.36)),
        block((0, 0.55, 0.26), (1.62, 0.08, 0.26), "pale"),
        _PILLOWS,
        block((0, 0.56, 1.04), (1.66, 1.12, 0.08), "wood"),
        block((0, 0.34, -1.04), (1.66, 0.60, 0.08), "wood"),
        legs(0.76, 1.00, 0.16, 0.09, "wood"),
    ),
    "bunk bed": _plan(
        *(pair(block((0.45, 0.85, z), (0.07, 1.70, 0.07), "wood")) for z in (-0.98, 0.98)),
        *(block((0, y, 0), (0.88, 0.10, 1.96), "wood") for y in (0.32, 1.22)),
        *(block((0, y, 0), (0.84, 0.13, 1.90)) for y in (0.42, 1.32)),
        *(ellipsoid((0, y, 0.70), (0.60, 0.16, 0.36), "light") for y in (0.53, 1.43)),
        *(block((0, y, 0.98), (0.88, 0.26, 0.04), "wood") for y in (0.62, 1.52)),
        *(block((0, y, -0.98), (0.88, 0.14, 0.04), "wood") for y in (0.50, 1.50)),
        pair(block((0.45, 1.52, 0.30), (0.04, 0.08, 1.30), "wood")),
        *(block((0.30, y, -1.02), (0.30, 0.05, 0.04), "wood") for y in (0.60, 0.82, 1.04)),
    ),
    "cradle": _plan(
        block((0, 0.36, 0), (0.62, 0.08, 1.10), "wood"),
        block((0, 0.46, 0), (0.58, 0.12, 1.06), "light"),
        *(pair(block((0.32, 0.50, z), (0.04, 1.0, 0.04))) for z in (-0.58, 0.58)),
        pair(block((0.32, 0.90, 0), (0.04, 0.05, 1.2))),
        *(block((0, 0.66, z), (0.64, 0.52, 0.04)) for z in (-0.58, 0.58)),
        *(pair(block((0.32, 0.62, z), (0.025, 0.54, 0.025))) for z in (-0.38, -0.19, 0.0, 0.19, 0.38)),
    ),
    "cabinet": _plan(
        block((0, 0.47, 0.02), (1.10, 0.86, 0.46)),
        block((0, 0.92, 0), (1.18, 0.05, 0.54), "deep"),
        pair(block((0.27, 0.46, -0.22), (0.48, 0.72, 0.05), "pale")),
        pair(ellipsoid((0.07, 0.50, -0.27), (0.05, 0.12, 0.05), "dark")),
        block((0, 0.03, 0.02), (1.0, 0.06, 0.40), "dark"),
    ),
    "wardrobe": _plan(
        block((0, 1.02, 0.02), (1.20, 1.94, 0.56)),
        block((0, 2.00, 0), (1.28, 0.08, 0.66), "deep"),
        block((0, 0.05, 0), (1.24, 0.10, 0.62), "deep"),
        pair(block((0.30, 1.06, -0.27), (0.54, 1.78, 0.06), "pale")),
        pair(block((0.08, 1.02, -0.32), (0.04, 0.30, 0.06), "dark")),
    ),
    "chest of drawers": _plan(
        block((0, 0.47, 0.02), (0.90, 0.84, 0.44)),
        block((0, 0.91, 0), (0.96, 0.05, 0.52), "deep"),
        _drawers(0.80, (0.20, 0.47, 0.74), 0.22, -0.21),
        legs(0.40, 0.18, 0.10, 0.07, "deep"),
    ),
    "bedside table": _plan(
        block((0, 0.34, 0.02), (0.44, 0.40, 0.36)),
        block((0, 0.55, 0), (0.50, 0.04, 0.42), "deep"),
        *(block((0, y, -0.16), (0.38, 0.15, 0.05), "pale") for y in (0.25, 0.43)),
        *(ellipsoid((0, y, -0.20), (0.06, 0.05, 0.05), "dark") for y in (0.25, 0.43)),
        legs(0.19, 0.14, 0.15, 0.05, "deep"),
    ),
    "shelf": _plan(
        pair(block((0.46, 0.95, 0), (0.05, 1.90, 0.32))),
        block((0, 0.95, 0.15), (0.90, 1.86, 0.02), "deep"),
        *(block((0, y, 0), (0.92, 0.045, 0.32)) for y in (0.05, 0.50, 0.95, 1.40, 1.88)),
    ),
    "bookshelf": _plan(
        pair(block((0.46, 0.95, 0), (0.05, 1.90, 0.34))),
        block((0, 0.95, 0.155), (0.90, 1.86, 0.02), "deep"),
        *(block((0, y, 0), (0.92, 0.045, 0.34)) for y in (0.05, 0.50, 0.95, 1.40, 1.88)),
        *(
            block((x, y + 0.025 + h / 2, 0.04), (w, h, 0.20), c)
            for y, row in (
                (0.05, ((-0.30, 0.24, 0.32, "light"), (-0.06, 0.20, 0.27, "dark"), (0.20, 0.22, 0.34, "pale"))),
                (0.50, ((-0.34, 0.16, 0.28, "dark"), (-0.10, 0.26, 0.34, "pale"), (0.30, 0.18, 0.25, "light"))),
                (0.95, ((-0.26, 0.32, 0.30, "pale"), (0.06, 0.14, 0.35, "light"), (0.32, 0.16, 0.28, "dark"))),
                (1.40, ((-0.32, 0.20, 0.34, "dark"), (0.00, 0.20, 0.26, "light"), (0.28, 0.24, 0.36, "pale"))),
            )
            for x, w, h, c in row
        ),
    ),
    "wall shelf": _plan(
        block((0, 0.20, 0), (0.90, 0.03, 0.24)),
        pair(bar((0.36, 0.0, 0.10), (0.36, 0.19, -0.08), 0.03, 0.03, "deep")),
        pair(block((0.36, 0.10, 0.11), (0.03, 0.20, 0.02), "deep")),
        *(
            block((x, 0.215 + h / 2, 0.0), (w, h, 0.16), c)
            for x, w, h, c in ((-0.30, 0.06, 0.22, "dark"), (-0.23, 0.05, 0.25, "light"), (-0.17, 0.05, 0.20, "pale"))
        ),
        Primitive(FRUSTUM, (0.24, 0.28, 0), (0.14, 0.14, 0.14), "light", (0.7, 0.7), "-y"),
    ),
    "screen": _plan(
        block((0, 0.44, 0), (1.24, 0.72, 0.05), "dark"),
        block((0, 0.44, -0.022), (1.16, 0.64, 0.02), "glass"),
        *(block((0, 0.44 + s * 0.345, -0.03), (1.24, 0.04, 0.04), "dark") for s in (-1, 1)),
        pair(block((0.60, 0.44, -0.03), (0.04, 0.72, 0.04), "dark")),
        block((0, 0.44, 0.045), (0.60, 0.40, 0.06), "dark"),
        block((0, 0.07, 0.02), (0.14, 0.12, 0.05), "dark"),
        block((0, 0.012, 0), (0.56, 0.024, 0.26), "dark"),
    ),
    "old television": _plan(
        block((0, 0.40, 0), (0.66, 0.52, 0.30)),
        Primitive(BLOCK, (0, 0.40, 0.26), (0.60, 0.44, 0.26), "deep", (0.7, 0.7), "z"),
        block((-0.08, 0.41, -0.155), (0.44, 0.40, 0.02), "dark"),
        ellipsoid((-0.08, 0.41, -0.155), (0.42, 0.38, 0.08), "glass"),
        *(frustum((0.24, y, -0.165), (0.07, 0.07, 0.05), "dark", axis="z") for y in (0.52, 0.42)),
        *(block((0.24, y, -0.155), (0.10, 0.02, 0.02), "dark") for y in (0.32, 0.28, 0.24)),
        legs(0.27, 0.12, 0.14, 0.04, "wood"),
        bar((0.05, 0.66, 0.05), (0.05, 0.95, 0.20), 0.012, 0.012, "dark"),
        bar((-0.05, 0.66, 0.05), (-0.05, 0.95, -0.10), 0.012, 0.012, "dark"),
    ),
    "floor lamp": _plan(
        frustum((0, 0.02, 0), (0.32, 0.04, 0.32), "dark"),
        frustum((0, 0.72, 0), (0.035, 1.42, 0.035), "dark"),
        frustum((0, 1.50, 0), (0.46, 0.34, 0.46), taper=0.62),
        ellipsoid((0, 1.35, 0), (0.14, 0.12, 0.14), "light"),
    ),
    "table lamp": _plan(
        frustum((0, 0.015, 0), (0.16, 0.03, 0.16), "deep"),
        ellipsoid((0, 0.11, 0), (0.17, 0.19, 0.17), "deep"),
        frustum((0, 0.23, 0), (0.03, 0.10, 0.03), "dark"),
        frustum((0, 0.36, 0), (0.32, 0.22, 0.32), taper=0.58),
    ),
    "hanging lamp": _plan(
        frustum((0, 0.98, 0), (0.12, 0.04, 0.12), "dark"),
        frustum((0, 0.64, 0), (0.016, 0.66, 0.016), "dark"),
        frustum((0, 0.30, 0), (0.09, 0.10, 0.09), "dark"),
        frustum((0, 0.15, 0), (0.46, 0.24, 0.46), taper=0.22),
        ellipsoid((0, 0.05, 0), (0.16, 0.10, 0.16), "light"),
    ),
    "chandelier": _plan(
        frustum((0, 0.90, 0), (0.03, 0.60, 0.03)),
        frustum((0, 1.18, 0), (0.20, 0.06, 0.20)),
        ellipsoid((0, 0.52, 0), (0.16, 0.32, 0.16)),
        ellipsoid((0, 0.32, 0), (0.10, 0.12, 0.10), "deep"),
        block((0, 0.42, 0), (0.90, 0.025, 0.025)),
        block((0, 0.42, 0), (0.025, 0.025, 0.90)),
        ring((0, 0.42, 0), (0.96, 0.04, 0.96), 0.17, 8),
        tuple(
            frustum((0.41 * math.sin(t), 0.53, 0.41 * math.cos(t)), (0.05, 0.18, 0.05), "light")
            for t in (math.pi / 8 + i * math.pi / 4 for i in range(8))
        ),
    ),
    "grand piano": _plan(
        block((0, 0.80, -0.05), (1.50, 0.30, 0.90)),
        block((-0.38, 0.80, 0.50), (0.74, 0.30, 1.10)),
        frustum((0.20, 0.80, 0.42), (1.06, 0.30, 1.00)),
        frustum((-0.30, 0.80, 0.98), (0.90, 0.30, 0.66)),
        block((0, 0.72, -0.60), (1.44, 0.08, 0.32)),
        block((0, 0.77, -0.62), (1.30, 0.03, 0.22), "light"),
        pair(block((0.69, 0.76, -0.60), (0.10, 0.18, 0.32))),
        *(block((x, 0.79, -0.56), (0.03, 0.03, 0.12), "dark") for x in (-0.5, -0.36, -0.12, 0.0, 0.14, 0.38, 0.5)),
        Primitive(BLOCK, (0, 1.10, -0.32), (0.70, 0.28, 0.03), "deep", (1.0, 1.0), "y", -16.0),
        Primitive(BLOCK, (-0.45, 1.24, 0.35), (0.06, 0.80, 1.30), "deep", (1.0, 0.75)),
        pair(block((0.62, 0.33, -0.48), (0.11, 0.66, 0.11), "deep")),
        block((-0.15, 0.33, 1.05), (0.11, 0.66, 0.11), "deep"),
    ),
    "upright piano": _plan(
        block((0, 0.62, 0.14), (1.48, 1.20, 0.34)),
        block((0, 1.24, 0.12), (1.54, 0.04, 0.40), "deep"),
        block((0, 0.66, -0.18), (1.48, 0.10, 0.34)),
        block((0, 0.725, -0.20), (1.34, 0.03, 0.24), "light"),
        *(
            block((x, 0.745, -0.14), (0.035, 0.03, 0.13), "dark")
            for x in (-0.56, -0.46, -0.28, -0.18, -0.08, 0.10, 0.20, 0.38, 0.48, 0.58)
        ),
        pair(block((0.70, 0.73, -0.18), (0.08, 0.12, 0.34))),
        pair(block((0.70, 0.32, -0.30), (0.08, 0.64, 0.08), "deep")),
        Primitive(BLOCK, (0, 0.92, -0.06), (0.60, 0.24, 0.03), "deep", (1.0, 1.0), "y", -14.0),
        block((0, 0.06, -0.08), (0.24, 0.03, 0.14), "grey"),
    ),
    "bath tub": _plan(
        block((0, 0.13, 0), (0.62, 0.12, 1.44)),
        pair(block((0.34, 0.34, 0), (0.10, 0.48, 1.50))),
        *(block((0, 0.34, end * 0.79), (0.58, 0.48, 0.12)) for end in (-1, 1)),
        *(pair(frustum((0.29, 0.34, end * 0.72), (0.22, 0.48, 0.24))) for end in (-1, 1)),
        pair(block((0.36, 0.57, 0), (0.14, 0.05, 1.50))),
        *(block((0, 0.57, end * 0.81), (0.62, 0.05, 0.14)) for end in (-1, 1)),
        *(pair(ellipsoid((0.27, 0.06, end * 0.58), (0.12, 0.14, 0.14), "grey")) for end in (-1, 1)),
        block((0, 0.70, 0.80), (0.06, 0.24, 0.06), "grey"),
        block((0, 0.80, 0.68), (0.06, 0.05, 0.26), "grey"),
    ),
    "sink": _plan(
        frustum((0, 0.36, 0.10), (0.22, 0.72, 0.20), taper=0.8),
        block((0, 0.74, 0), (0.48, 0.06, 0.40)),
        pair(block((0.26, 0.80, 0), (0.06, 0.14, 0.46))),
        block((0, 0.80, -0.20), (0.52, 0.14, 0.06)),
        block((0, 0.80, 0.20), (0.52, 0.14, 0.10)),
        block((0, 0.94, 0.20), (0.05, 0.18, 0.05), "grey"),
        block((0, 1.02, 0.12), (0.05, 0.04, 0.20), "grey"),
        pair(ellipsoid((0.12, 0.90, 0.20), (0.06, 0.06, 0.06), "grey")),
        Primitive(FRUSTUM, (0, 0.68, 0.02), (0.46, 0.14, 0.40), "main", (0.5, 0.5), "-y"),
    ),
    "toilet": _plan(
        frustum((0, 0.18, -0.02), (0.26, 0.36, 0.34), taper=0.9),
        Primitive(FRUSTUM, (0, 0.32, -0.08), (0.38, 0.16, 0.50), "main", (0.7, 0.7), "-y"),
        ring((0, 0.41, -0.08), (0.39, 0.05, 0.50), 0.10, 14, "pale"),
        frustum((0, 0.40, -0.08), (0.22, 0.01, 0.32), "glass"),
        block((0, 0.58, 0.26), (0.42, 0.38, 0.18)),
        block((0, 0.78, 0.26), (0.45, 0.04, 0.21), "pale"),
        ellipsoid((0, 0.81, 0.26), (0.06, 0.03, 0.06), "grey"),
        Primitive(FRUSTUM, (0, 0.60, 0.13), (0.37, 0.40, 0.04), "pale", (1.0, 1.0), "z", 0.0),
        block((0, 0.30, 0.20), (0.26, 0.20, 0.24)),
    ),
    "stove": _plan(
        block((0, 0.44, 0.02), (0.60, 0.88, 0.58)),
        *(pair(frustum((0.15, 0.90, z), (0.19, 0.03, 0.19), "dark")) for z in (-0.12, 0.14)),
        block((0, 0.38, -0.28), (0.50, 0.40, 0.05), "glass"),
        block((0, 0.64, -0.33), (0.46, 0.03, 0.05), "grey"),
        *(frustum((x, 0.78, -0.29), (0.06, 0.06, 0.06), "dark", axis="z") for x in (-0.21, -0.07, 0.07, 0.21)),
        block((0, 0.98, 0.28), (0.60, 0.18, 0.05)),
        block((0, 0.08, -0.28), (0.54, 0.12, 0.04), "deep"),
    ),
    "refrigerator": _plan(
        block((0, 0.92, 0.03), (0.68, 1.76, 0.58)),
        block((0, 1.42, -0.28), (0.66, 0.74, 0.08), "pale"),
        block((0, 0.55, -0.28), (0.66, 0.92, 0.08), "pale"),
        block((-0.26, 1.30, -0.35), (0.04, 0.40, 0.06), "grey"),
        block((-0.26, 0.75, -0.35), (0.04, 0.40, 0.06), "grey"),
        block((0, 0.03, 0.0), (0.62, 0.06, 0.52), "dark"),
    ),
    "washing machine": _plan(
        block((0, 0.43, 0.02), (0.60, 0.84, 0.56)),
        frustum((0, 0.40, -0.28), (0.40, 0.40, 0.06), "pale", axis="z"),
        frustum((0, 0.40, -0.31), (0.30, 0.30, 0.03), "dark", axis="z"),
        ellipsoid((0, 0.40, -0.31), (0.28, 0.28, 0.09), "glass"),
        block((-0.16, 0.76, -0.27), (0.22, 0.10, 0.03), "deep"),
        frustum((0.14, 0.76, -0.29), (0.10, 0.10, 0.06), "grey", axis="z"),
        block((0, 0.87, 0.02), (0.62, 0.03, 0.60), "deep"),
    ),
    "fireplace": _plan(
        pair(block((0.58, 0.50, 0), (0.30, 1.0, 0.36))),
        block((0, 0.88, 0), (0.90, 0.24, 0.36)),
        block((0, 1.05, -0.03), (1.66, 0.10, 0.48), "deep"),
        block((0, 0.04, -0.10), (1.60, 0.08, 0.62), "deep"),
        block((0, 0.45, 0.16), (0.90, 0.76, 0.04), "dark"),
        *(frustum((0, 0.15, z), (0.60, 0.12, 0.12), "wood", axis="x") for z in (-0.06, 0.06)),
        frustum((0, 0.25, 0), (0.50, 0.11, 0.11), "wood", axis="x"),
        frustum((0, 0.42, 0.02), (0.28, 0.36, 0.10), "light", 0.05),
        block((0, 1.50, 0.06), (1.00, 0.80, 0.28), "main", (0.8, 1.0)),
    ),
    "mirror": _plan(
        block((0, 0.80, 0.01), (0.56, 1.50, 0.03), "glass"),
        pair(block((0.30, 0.80, -0.01), (0.07, 1.60, 0.07))),
        *(block((0, y, -0.01), (0.66, 0.07, 0.07)) for y in (0.035, 1.565)),
        pair(bar((0.26, 1.0, 0.04), (0.26, 0.0, 0.40), 0.04, 0.04, "deep")),
    ),
    "wall mirror": _plan(
        frustum((0, 0.40, 0.02), (0.66, 0.74, 0.03), "glass", axis="z"),
        tuple(
            ellipsoid((0.33 * math.sin(t), 0.40 + 0.37 * math.cos(t), 0), (0.14, 0.14, 0.09))
            for t in (i * math.pi / 10 for i in range(20))
        ),
    ),
    "picture": _plan(
        block((0, 0.30, 0.012), (0.72, 0.52, 0.015), "light"),
        pair(block((0.385, 0.30, 0), (0.07, 0.62, 0.06))),
        *(block((0, y, 0), (0.84, 0.07, 0.06)) for y in (0.025, 0.575)),
        block((0, 0.20, -0.001), (0.66, 0.24, 0.015), "grey", (0.0, 1.0)),
        block((0.16, 0.18, -0.005), (0.30, 0.18, 0.015), "dark", (0.1, 1.0)),
        ellipsoid((-0.18, 0.42, 0), (0.11, 0.11, 0.02), "pale"),
    ),
    "clock": _plan(
        frustum((0, 0.16, 0.01), (0.32, 0.32, 0.03), axis="z"),
        frustum((0, 0.16, -0.008), (0.27, 0.27, 0.01), "light", axis="z"),
        tuple(
            ellipsoid((0.148 * math.sin(t), 0.16 + 0.148 * math.cos(t), -0.012), (0.055, 0.055, 0.035))
            for t in (i * math.pi / 6 for i in range(12))
        ),
        block((0, 0.205, -0.022), (0.016, 0.10, 0.012), "dark"),
        block((0.035, 0.16, -0.022), (0.075, 0.018, 0.012), "dark"),
        ellipsoid((0, 0.16, -0.026), (0.028, 0.028, 0.02), "dark"),
    ),
    "alarm clock": _plan(
        frustum((0, 0.075, 0), (0.12, 0.12, 0.05), axis="z"),
        frustum((0, 0.075, -0.026), (0.10, 0.10, 0.008), "light", axis="z"),
        pair(ellipsoid((0.035, 0.145, 0), (0.055, 0.04, 0.045), "deep")),
        frustum((0, 0.16, 0), (0.016, 0.03, 0.016), "dark"),
        pair(bar((0.04, 0.03, 0), (0.04, 0.0, -0.012), 0.014, 0.014, "dark")),
        block((0, 0.095, -0.033), (0.008, 0.04, 0.006), "dark"),
        block((0.014, 0.075, -0.033), (0.03, 0.008, 0.006), "dark"),
    ),
    "grandfather clock": _plan(
        block((0, 0.12, 0), (0.56, 0.24, 0.36)),
        block((0, 0.80, 0.01), (0.40, 1.20, 0.28)),
        block((0, 1.65, 0), (0.54, 0.56, 0.34)),
        block((0, 1.99, 0), (0.60, 0.16, 0.38), "deep", (0.4, 0.9)),
        frustum((0, 1.65, -0.17), (0.40, 0.40, 0.05), "light", axis="z"),
        block((0, 1.72, -0.20), (0.025, 0.14, 0.02), "dark"),
        block((0.05, 1.65, -0.20), (0.10, 0.03, 0.02), "dark"),
        block((0, 0.85, -0.135), (0.26, 0.90, 0.03), "dark"),
        block((0, 0.92, -0.155), (0.03, 0.50, 0.02), "light"),
        frustum((0, 0.60, -0.16), (0.16, 0.16, 0.03), "light", axis="z"),
    ),
    "rug": _plan(
        block((0, 0.006, 0), (1.60, 0.012, 2.30)),
        block((0, 0.012, 0), (1.30, 0.008, 2.00), "pale"),
        block((0, 0.016, 0), (0.90, 0.006, 1.50), "deep"),
        *(
            block((x, 0.004, end * 1.20), (0.10, 0.008, 0.12), "light")
            for end in (-1, 1)
            for x in (-0.7, -0.42, -0.14, 0.14, 0.42, 0.7)
        ),
    ),
    "curtain": _plan(
        frustum((0, 2.20, 0), (2.20, 0.05, 0.05), "wood", axis="x"),
        pair(ellipsoid((1.12, 2.20, 0), (0.12, 0.12, 0.12), "wood")),
        *(
            pair(frustum((x, 1.10, 0.02 * (i % 2)), (0.17, 2.16, 0.16)))
            for i, x in enumerate((0.46, 0.60, 0.74, 0.88, 1.00))
        ),
        pair(block((0.73, 1.10, 0.02), (0.64, 2.14, 0.05), "deep")),
    ),
    "coat rack": _plan(
        frustum((0, 0.03, 0), (0.44, 0.06, 0.44), "deep"),
        frustum((0, 0.90, 0), (0.05, 1.74, 0.05)),
        ellipsoid((0, 1.78, 0), (0.08, 0.08, 0.08)),
        *(bar((0, 1.55, 0), (0, 1.70, end * 0.20), 0.03, 0.03) for end in (-1, 1)),
        pair(block((0.11, 1.60, 0), (0.22, 0.03, 0.03))),
        pair(block((0.21, 1.66, 0), (0.03, 0.15, 0.03))),
        Primitive(BLOCK, (0.0, 1.22, -0.17), (0.34, 0.80, 0.14), "dark", (0.35, 0.8)),
    ),
    "radiator": _plan(
        *(
            ellipsoid((x, 0.36, 0), (0.075, 0.60, 0.14))
            for x in (-0.42, -0.336, -0.252, -0.168, -0.084, 0.0, 0.084, 0.168, 0.252, 0.336, 0.42)
        ),
        *(frustum((0, y, 0), (0.90, 0.05, 0.06), "deep", axis="x") for y in (0.16, 0.56)),
        pair(block((0.38, 0.06, 0), (0.04, 0.12, 0.08), "deep")),
    ),
    "fan": _plan(
        frustum((0, 0.02, 0.04), (0.40, 0.04, 0.40), "dark"),
        frustum((0, 0.55, 0.04), (0.045, 1.06, 0.045), "dark"),
        rod((0, 1.12, 0.14), (0, 1.12, -0.02), 0.16, "dark"),
        tuple(
            ellipsoid((0.21 * math.sin(t), 1.12 + 0.21 * math.cos(t), -0.06), (0.075, 0.075, 0.08), "grey")
            for t in (i * math.pi / 6 for i in range(12))
        ),
        frustum((0, 1.12, -0.06), (0.10, 0.10, 0.10), axis="z"),
        ellipsoid((0, 1.21, -0.04), (0.11, 0.18, 0.03)),
        ellipsoid((0, 1.03, -0.04), (0.11, 0.18, 0.03)),
        pair(ellipsoid((0.09, 1.12, -0.04), (0.18, 0.11, 0.03))),
    ),
    "ironing board": _plan(
        block((0, 0.86, 0.20), (0.36, 0.04, 0.90)),
        Primitive(BLOCK, (0, 0.86, -0.46), (0.36, 0.44, 0.04), "main", (0.3, 1.0), "y", 90.0),
        pair(bar((0.14, 0.84, 0.45), (0.14, 0.0, -0.40), 0.03, 0.03, "grey")),
        pair(bar((0.10, 0.84, -0.30), (0.10, 0.0, 0.50), 0.03, 0.03, "grey")),
        *(block((0, 0.015, z), (0.46, 0.03, 0.04), "dark") for z in (-0.40, 0.50)),
    ),
    "easel": _plan(
        pair(bar((0.26, 0.0, -0.30), (0.26, 1.60, 0.06), 0.05, 0.05, "wood")),
        bar((0, 0.0, 0.62), (0, 1.55, 0.08), 0.05, 0.05, "wood"),
        block((0, 0.62, -0.20), (0.80, 0.05, 0.12), "wood"),
        Primitive(BLOCK, (0, 1.02, -0.13), (0.76, 0.78, 0.04), "light", (1.0, 1.0), "y", -12.7),
        block((0, 1.55, 0.04), (0.56, 0.05, 0.06), "wood"),
    ),
    "blackboard": _plan(
        block((0, 1.25, 0), (1.60, 0.96, 0.04)),
        *(block((0, y, -0.01), (1.70, 0.06, 0.08), "wood") for y in (0.76, 1.74)),
        pair(block((0.82, 1.25, -0.01), (0.06, 1.04, 0.08), "wood")),
        block((0, 0.74, -0.06), (1.40, 0.03, 0.12), "wood"),
        pair(block((0.70, 0.38, 0.02), (0.07, 0.76, 0.06), "wood")),
        pair(block((0.70, 0.03, 0), (0.08, 0.06, 0.60), "wood")),
    ),
    "counter": _plan(
        block((0, 0.50, 0.03), (1.80, 0.92, 0.54)),
        block((0, 0.99, 0), (1.94, 0.06, 0.70), "deep"),
        *(block((x, 0.50, -0.25), (0.50, 0.70, 0.04), "pale") for x in (-0.58, 0.0, 0.58)),
        block((0, 0.04, 0.02), (1.76, 0.08, 0.46), "dark"),
    ),
    "hammock": _plan(
        *(pair(bar((0.30, 0.0, end * 1.55), (0.30, 0.40, end * 1.35), 0.07, 0.07, "wood")) for end in (-1, 1)),
        pair(block((0.30, 0.06, 0), (0.08, 0.12, 2.9), "wood")),
        *(bar((0, 0.10, end * 1.20), (0, 1.28, end * 1.62), 0.09, 0.09, "wood") for end in (-1, 1)),
        *(bar((0, 1.20, end * 1.58), (0, 0.74, end * 0.90), 0.20, 0.04, "deep") for end in (-1, 1)),
        *(bar((0, 0.78, end * 0.95), (0, 0.52, end * 0.36), 0.80, 0.05) for end in (-1, 1)),
        block((0, 0.51, 0), (0.86, 0.05, 0.80)),
        *(block((0, 0.06, end * 1.20), (0.90, 0.12, 0.09), "wood") for end in (-1, 1)),
    ),
    "safe": _plan(
        block((0, 0.32, 0.02), (0.56, 0.60, 0.50)),
        block((0, 0.32, -0.24), (0.46, 0.50, 0.04), "pale"),
        frustum((-0.06, 0.36, -0.27), (0.15, 0.15, 0.05), "dark", axis="z"),
        block((0.13, 0.32, -0.28), (0.03, 0.16, 0.04), "grey"),
        pair(block((0.22, 0.02, 0), (0.08, 0.05, 0.44), "dark")),
    ),
    "vending machine": _plan(
        block((0, 0.92, 0.03), (0.92, 1.80, 0.74)),
        block((-0.12, 1.12, -0.34), (0.58, 1.16, 0.02), "glass"),
        *(block((-0.12, y, -0.36), (0.60, 0.04, 0.06), "light") for y in (0.56, 0.84, 1.12, 1.40, 1.68)),
        pair(block((0.43, 0.92, -0.36), (0.05, 1.80, 0.06), "deep")),
        block((0.32, 1.20, -0.36), (0.16, 0.40, 0.05), "dark"),
        block((-0.12, 0.30, -0.35), (0.50, 0.18, 0.05), "dark"),
        block((0, 0.03, 0.02), (0.86, 0.06, 0.70), "dark"),
    ),
}


BODY_PLANS: dict[str, tuple[Primitive, ...]] = {
    **PRIMITIVES,
    **_PEOPLE,
    **_ANIMALS,
    **_VEHICLES,
    **_PLANTS,
    **_BUILDINGS,
    **_FURNITURE,
}
FRONTLESS = frozenset({"tree", "table", "barrel", "cube", "ball", "cone", "bottle"})
