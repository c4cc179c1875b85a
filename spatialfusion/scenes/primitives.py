"""Convex primitives, of which everything is built that a scene shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

BLOCK, ELLIPSOID, FRUSTUM = range(3)
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Primitive:
    """A convex shape that fills a box of `size` round `center` in the frame of its object.

    A kind or a body plan is drawn in the unit frame; the own parts of an object are drawn in any frame, since the box
    round all of them is stretched to the object's size. x runs across the width, y up, z from the front to the back.

    `taper` is the width of the top as a part of that of the base: along x and z for a block, (r, r) for a frustum,
    whose axis is y. `axis` lays that y along x or z; `tilt` (degrees) then leans the top to the front.
    """

    shape: int
    center: Vector
    size: Vector
    color: str = "main"
    taper: tuple[float, float] = (1.0, 1.0)
    axis: str = "y"
    tilt: float = 0.0

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Primitive:
        """Read what `dataclasses.asdict` gave, also after a journey through JSON."""
        return Primitive(**{**data, **{key: tuple(data[key]) for key in ("center", "size", "taper")}})


def block(center: Vector, size: Vector, color: str = "main", taper=(1.0, 1.0), tilt: float = 0.0) -> Primitive:
    return Primitive(BLOCK, center, size, color, taper, "y", tilt)


def ellipsoid(center: Vector, size: Vector, color: str = "main", tilt: float = 0.0) -> Primitive:
    return Primitive(ELLIPSOID, center, size, color, (1.0, 1.0), "y", tilt)


def frustum(
    center: Vector, size: Vector, color: str = "main", taper: float = 1.0, axis: str = "y", tilt: float = 0.0
) -> Primitive:
    return Primitive(FRUSTUM, center, size, color, (taper, taper), axis, tilt)


CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)


def ends_of(primitive: Primitive, matrix: np.ndarray) -> np.ndarray:
    """Points [k, 3], relative to the primitive's centre, that have its least and greatest coordinates."""
    if primitive.shape == ELLIPSOID:
        reach = np.linalg.norm(matrix, axis=1)
        return np.stack([reach, -reach])
    if primitive.shape == FRUSTUM:
        disc = np.hypot(matrix[:, 0], matrix[:, 2])
        top = disc * primitive.taper[0]
        return np.stack([matrix[:, 1] + top, matrix[:, 1] - top, -matrix[:, 1] + disc, -matrix[:, 1] - disc])
    tapered = CORNERS * np.where(CORNERS[:, 1:2] > 0, [[primitive.taper[0], 1.0, primitive.taper[1]]], 1.0)
    return tapered @ matrix.T


def map_of(primitive: Primitive) -> np.ndarray:
    """Linear map [3, 3] from the canonical shape to the unit frame."""
    tilt = math.radians(primitive.tilt)
    lean = np.array([[1, 0, 0], [0, math.cos(tilt), math.sin(tilt)], [0, -math.sin(tilt), math.cos(tilt)]])
    axes = {
        "y": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        "-y": [[1, 0, 0], [0, -1, 0], [0, 0, 1]],
        "x": [[0, 1, 0], [1, 0, 0], [0, 0, 1]],
        "z": [[1, 0, 0], [0, 0, 1], [0, 1, 0]],
    }[primitive.axis]
    return lean @ (np.array(primitive.size)[:, None] / 2 * np.array(axes))


def box_of(parts: Sequence[Primitive]) -> tuple[Vector, Vector]:
    """The least and the greatest corner of the box round some primitives, in their own frame."""
    ends = [np.array(part.center) + ends_of(part, map_of(part)) for part in parts]
    low, high = np.min([end.min(0) for end in ends], 0), np.max([end.max(0) for end in ends], 0)
    return tuple(low.tolist()), tuple(high.tolist())
