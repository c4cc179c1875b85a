"""Convex primitives, of which everything is built that a scene shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
