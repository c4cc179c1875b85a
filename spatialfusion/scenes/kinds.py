"""What the objects look like: every kind as a few convex primitives in a unit frame.

The unit frame is the object's bounding box: x from -0.5 to 0.5 across the width, y from 0 (base) to 1 (top), z from
-0.5 (front) to 0.5 (back) along the length. The renderer stretches it to the object's size and turns it by the yaw.

Fronts: car headlights, house door, the open side of chair and sofa, face of figure and dog, lamp's leaning head,
mug's handle.
"""

from __future__ import annotations

from .primitives import FRUSTUM, Primitive, Vector, block, ellipsoid, frustum
from .scene import COLORS, SHADES

ROLES: dict[str, Vector] = {
    "dark": (0.13, 0.13, 0.15),
    "light": (0.94, 0.94, 0.90),
    "glass": (0.30, 0.36, 0.42),
    "wood": (0.45, 0.33, 0.24),
    "skin": (0.86, 0.72, 0.62),
    "grey": (0.50, 0.50, 0.52),
}


def role_color(role: str, color: str) -> Vector:
    """RGB in [0, 1] that the `role` of a primitive has in an object of the named `color`.

    A role is "main", "deep", "pale", a key of ROLES, or the name of another colour.
    """
    red, green, blue = COLORS.get(color) or SHADES[color]
    if role == "main":
        return red, green, blue
    if role == "deep":
        return 0.78 * red, 0.78 * green, 0.78 * blue
    if role == "pale":
        return 0.85 * red + 0.15, 0.85 * green + 0.15, 0.85 * blue + 0.15
    if color == "black" and role == "dark":
        return 0.30, 0.30, 0.32
    if color == "white" and role == "light":
        return 0.74, 0.74, 0.72
    return ROLES.get(role) or COLORS.get(role) or SHADES[role]


def _legs(x: float, z: float, height: float, width: float, length: float, color: str) -> tuple[Primitive, ...]:
    return tuple(
        block((side * x, height / 2, end * z), (width, height, length), color) for side in (-1, 1) for end in (-1, 1)
    )


PRIMITIVES: dict[str, tuple[Primitive, ...]] = {
    "car": (
        block((0, 0.36, 0), (1.0, 0.36, 1.0), taper=(0.96, 0.97)),
        block((0, 0.77, 0.10), (0.92, 0.46, 0.60), taper=(0.80, 0.62)),
        block((0, 0.74, 0.10), (0.95, 0.32, 0.46), "glass", taper=(0.86, 0.70)),
        block((0, 0.74, 0.10), (0.78, 0.32, 0.63), "glass", taper=(0.86, 0.74)),
        frustum((0, 0.21, -0.30), (1.02, 0.42, 0.16), "dark", axis="x"),
        frustum((0, 0.21, 0.31), (1.02, 0.42, 0.16), "dark", axis="x"),
        ellipsoid((-0.36, 0.42, -0.485), (0.20, 0.13, 0.05), "light"),
        ellipsoid((0.36, 0.42, -0.485), (0.20, 0.13, 0.05), "light"),
        block((0, 0.27, -0.49), (0.62, 0.10, 0.03), "dark"),
        block((0, 0.44, 0.485), (0.86, 0.07, 0.03), "dark"),
    ),
    "house": (
        block((0, 0.30, 0), (0.92, 0.60, 0.94)),
        block((0, 0.775, 0), (1.0, 0.45, 1.0), "deep", taper=(0.0, 1.0)),
        block((0, 0.19, -0.47), (0.20, 0.38, 0.03), "wood"),
        block((-0.29, 0.34, -0.47), (0.18, 0.20, 0.03), "light"),
        block((0.29, 0.34, -0.47), (0.18, 0.20, 0.03), "light"),
        ellipsoid((0, 0.72, -0.495), (0.16, 0.16, 0.03), "light"),
        block((0, 0.34, -0.24), (0.94, 0.20, 0.16), "light"),
        block((0, 0.34, 0.22), (0.94, 0.20, 0.16), "light"),
        block((0.25, 0.86, 0.24), (0.11, 0.26, 0.09), "grey"),
    ),
    "tree": (
        frustum((0, 0.22, 0), (0.16, 0.44, 0.16), "wood", taper=0.7),
        ellipsoid((0, 0.64, 0), (0.86, 0.56, 0.86)),
        ellipsoid((-0.24, 0.52, -0.12), (0.52, 0.36, 0.60)),
        ellipsoid((0.24, 0.53, 0.14), (0.52, 0.38, 0.60)),
        ellipsoid((0, 0.80, 0), (0.62, 0.40, 0.62)),
        ellipsoid((0.06, 0.56, -0.24), (0.50, 0.32, 0.52)),
        ellipsoid((-0.08, 0.58, 0.25), (0.50, 0.32, 0.50)),
    ),
    "chair": (
        block((0, 0.46, 0), (0.96, 0.08, 1.0)),
        block((0, 0.74, 0.44), (0.96, 0.52, 0.12)),
        *_legs(0.43, 0.43, 0.44, 0.12, 0.12, "deep"),
    ),
    "sofa": (
        block((0, 0.28, 0.02), (0.96, 0.40, 0.92)),
        block((0, 0.56, 0.39), (0.96, 0.88, 0.22)),
        block((-0.45, 0.38, -0.01), (0.10, 0.60, 0.98), "deep"),
        block((0.45, 0.38, -0.01), (0.10, 0.60, 0.98), "deep"),
        block((-0.20, 0.53, -0.08), (0.38, 0.14, 0.74), "pale"),
        block((0.20, 0.53, -0.08), (0.38, 0.14, 0.74), "pale"),
        block((0, 0.06, 0), (0.86, 0.12, 0.80), "dark"),
    ),
    "figure": (
        block((-0.17, 0.25, 0.06), (0.26, 0.46, 0.40), "deep"),
        block((0.17, 0.25, 0.06), (0.26, 0.46, 0.40), "deep"),
        block((-0.17, 0.03, -0.10), (0.26, 0.06, 0.80), "dark"),
        block((0.17, 0.03, -0.10), (0.26, 0.06, 0.80), "dark"),
        block((0, 0.62, 0.06), (0.70, 0.34, 0.56), taper=(0.9, 0.8)),
        block((-0.42, 0.59, 0.04), (0.16, 0.38, 0.30)),
        block((0.42, 0.59, 0.04), (0.16, 0.38, 0.30)),
        ellipsoid((0, 0.875, -0.02), (0.46, 0.23, 0.66), "skin"),
        ellipsoid((0, 0.90, 0.10), (0.50, 0.20, 0.58)),
        ellipsoid((-0.10, 0.885, -0.32), (0.09, 0.035, 0.08), "dark"),
        ellipsoid((0.10, 0.885, -0.32), (0.09, 0.035, 0.08), "dark"),
        ellipsoid((0, 0.85, -0.37), (0.08, 0.05, 0.16), "wood"),
    ),
    "dog": (
        ellipsoid((0, 0.53, 0.10), (0.80, 0.44, 0.70)),
        ellipsoid((0, 0.78, -0.27), (0.74, 0.36, 0.30)),
        block((0, 0.72, -0.425), (0.40, 0.16, 0.15), "pale"),
        ellipsoid((0, 0.78, -0.48), (0.20, 0.08, 0.06), "dark"),
        block((-0.36, 0.87, -0.22), (0.16, 0.26, 0.10), "deep", taper=(0.5, 0.6)),
        block((0.36, 0.87, -0.22), (0.16, 0.26, 0.10), "deep", taper=(0.5, 0.6)),
        block((-0.25, 0.22, -0.14), (0.22, 0.44, 0.11)),
        block((0.25, 0.22, -0.14), (0.22, 0.44, 0.11)),
        block((-0.25, 0.22, 0.33), (0.22, 0.44, 0.11)),
        block((0.25, 0.22, 0.33), (0.22, 0.44, 0.11)),
        block((0, 0.72, 0.455), (0.16, 0.42, 0.09), taper=(0.6, 0.6)),
        ellipsoid((-0.18, 0.84, -0.39), (0.14, 0.07, 0.05), "dark"),
        ellipsoid((0.18, 0.84, -0.39), (0.14, 0.07, 0.05), "dark"),
    ),
    "table": (
        block((0, 0.94, 0), (1.0, 0.12, 1.0)),
        block((0, 0.82, 0), (0.84, 0.12, 0.84), "deep"),
        *_legs(0.42, 0.40, 0.88, 0.09, 0.12, "main"),
    ),
    "barrel": (
        frustum((0, 0.75, 0), (1.0, 0.50, 1.0), taper=0.82),
        Primitive(FRUSTUM, (0, 0.25, 0), (1.0, 0.50, 1.0), "main", (0.82, 0.82), "-y"),
        frustum((0, 0.27, 0), (0.955, 0.07, 0.955), "grey"),
        frustum((0, 0.73, 0), (0.955, 0.07, 0.955), "grey"),
        frustum((0, 0.99, 0), (0.70, 0.025, 0.70), "deep"),
    ),
    "cube": (block((0, 0.5, 0), (1.0, 1.0, 1.0)),),
    "ball": (ellipsoid((0, 0.5, 0), (1.0, 1.0, 1.0)),),
    "cone": (
        block((0, 0.03, 0), (1.0, 0.06, 1.0), "deep"),
        frustum((0, 0.53, 0), (0.82, 0.94, 0.82), taper=0.10),
        frustum((0, 0.53, 0), (0.54, 0.14, 0.54), "light", taper=0.80),
    ),
    "lamp": (
        frustum((0, 0.04, 0.15), (0.90, 0.08, 0.68)),
        block((0, 0.28, 0.30), (0.10, 0.46, 0.08), "deep", tilt=-16),
        block((0, 0.66, 0.20), (0.10, 0.46, 0.08), "deep", tilt=26),
        Primitive(FRUSTUM, (0, 0.80, -0.18), (0.95, 0.36, 0.62), "main", (0.40, 0.40), "y", -24),
        ellipsoid((0, 0.66, -0.25), (0.50, 0.12, 0.34), "light"),
    ),
    "mug": (
        frustum((0, 0.5, 0.115), (1.0, 1.0, 0.77)),
        frustum((0, 0.996, 0.115), (0.84, 0.012, 0.65), "dark"),
        block((0, 0.76, -0.37), (0.18, 0.14, 0.26)),
        block((0, 0.26, -0.37), (0.18, 0.14, 0.26)),
        block((0, 0.51, -0.45), (0.18, 0.64, 0.10)),
    ),
    "bottle": (
        frustum((0, 0.31, 0), (1.0, 0.62, 1.0)),
        frustum((0, 0.70, 0), (1.0, 0.16, 1.0), taper=0.40),
        frustum((0, 0.86, 0), (0.38, 0.20, 0.38)),
        frustum((0, 0.96, 0), (0.46, 0.08, 0.46), "dark"),
    ),
}
