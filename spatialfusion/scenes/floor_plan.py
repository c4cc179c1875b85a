"""A scene from above as plain data, with a small image of it: what an editor shows, and what it asks to change."""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import InputError
from ..geometry.depth_image import disparity_image
from ..images import to_image
from .compose import check_image_size, draw
from .kinds import role_color
from .language import read_scene_text
from .looks import has_front, primitives_of
from .primitives import CORNERS, ELLIPSOID, FRUSTUM, Primitive, box_of, map_of
from .program import Layout, SceneProgram
from .rewrite import Pose, View, pin_all, rewrite_camera, rewrite_object
from .scene import COLORS, SHADES
from .text import scene_from_text

VIEWS = ("depth", "picture", "none")
EDGE = 256  # pixels of the longer side of the small image
SIDES = (64, 2048)  # of the image that the scene is composed for
MAX_SHAPES = 60  # with more objects than this, the plan does not say what they look like from above
_POINTS = 16  # of an outline
_UP = np.array([0.0, 1.0, 0.0])
_REQUEST = {"text", "seed", "width", "height", "view", "edge", "edit"}


def floor_plan(request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer an editor: {"error": one sentence, "line": a number or None}, or the plan of a scene text.

    request: "text"; and maybe "seed", "width" and "height" as the nodes have them, "view" (one of VIEWS), "edge"
    (pixels of the longer side of the image, to 512), and "edit", which changes the text before it is read:
    {"object": number, "position": [x, z], "yaw": degrees, "size": [width, height, length]} with one or more of the
    three, {"camera": {"position", "yaw", "fov", "height", "pitch"}} likewise, or {"pin": true}.

    The plan: "text" (with the edit), "line" that the edit is in, "solved" (relations take part), "objects", "camera",
    "room", "shapes" (what objects look like from above), "warnings", and "image", a PNG as a data URL, or None.
    Lengths are metres, angles degrees; x is to the right, z forward.
    """
    try:
        return _plan(request)
    except InputError as error:
        found = re.match(r"lines? (\d+)", str(error))
        return {"error": str(error), "line": int(found[1]) if found else None}


def _plan(request: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(request, Mapping) or not set(request) <= _REQUEST:
        raise InputError(f"the request is not understood; expected an object with {', '.join(sorted(_REQUEST))}.")
    text = request.get("text")
    if not isinstance(text, str):
        raise InputError(f"text is a {type(text).__name__}; expected a scene text.")
    view = request.get("view", "depth")
    if view not in VIEWS:
        raise InputError(f"view is {str(view)[:40]!r}; expected one of {', '.join(VIEWS)}.")
    seed = _whole(request.get("seed", 0), "seed", 0, 2**64 - 1)
    width, height = (_whole(request.get(side, 1024), side, *SIDES) for side in ("width", "height"))
    edge = _whole(request.get("edge", EDGE), "edge", 16, 512)
    size = _small(width, height, edge)
    check_image_size(size, 1)
    aspect = width / height
    program, layout = _solved(text, seed, aspect)
    edit = request.get("edit")
    if edit is not None:
        text = _edited(text, layout, edit)
        program, layout = _solved(text, seed, aspect)
    drawn = None if view == "none" else draw(layout, size, 0 if view == "depth" else 1)
    camera = layout.scene.camera
    x, y, z = camera.position
    room = layout.scene.room
    shapes, objects = _objects(program, layout)
    return {
        "text": text,
        "line": _line_of(program, edit),
        "solved": program.solved,
        "objects": objects,
        "shapes": shapes,
        "camera": {
            "x": x,
            "z": z,
            "height": -y,
            "yaw": camera.yaw,
            "pitch": camera.pitch,
            "fov": camera.hfov,
            "line": program.camera.line,
            "free": program.solved and not {"at", "yaw"} <= dict(program.camera.numbers).keys(),
        },
        "room": None if room is None else {"half_width": room[0], "height": room[1], "far": room[2]},
        "warnings": list(layout.warnings if drawn is None else drawn.warnings),
        "image": None if drawn is None else _png(disparity_image(drawn.geometry) if view == "depth" else drawn.image),
    }


@lru_cache(maxsize=4)  # while something is dragged, each step starts from the same text
def _solved(text: str, seed: int, aspect: float) -> tuple[SceneProgram, Layout]:
    return read_scene_text(text), scene_from_text(text, seed, aspect)


def _small(width: int, height: int, edge: int) -> tuple[int, int]:
    scale = edge / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


# --- what is asked for ---------------------------------------------------------------------------------------------


def _edited(text: str, layout: Layout, edit: Any) -> str:
    """The text after an edit."""
    forms = '{"object": number, ...}, {"camera": {...}} or {"pin": true}'
    if not isinstance(edit, Mapping):
        raise InputError(f"edit is a {type(edit).__name__}; expected {forms}.")
    if edit.get("pin") is True:
        return pin_all(text, layout)
    if isinstance(edit.get("camera"), Mapping):
        return rewrite_camera(text, layout, View(**_values(edit["camera"], View)))
    if "object" not in edit:
        raise InputError(f"edit says nothing that is known; expected {forms}.")
    index = _whole(edit["object"], "object", 0, len(layout.names) - 1)
    pose = Pose(**_values({key: value for key, value in edit.items() if key != "object"}, Pose))
    return rewrite_object(text, layout, index, pose)


def _line_of(program: SceneProgram, edit: Any) -> int | None:
    """The line that an edit of the text is in."""
    if edit is None or "pin" in edit:
        return None
    if "camera" in edit:
        return program.camera.line
    return [thing.line for thing in program.things for _ in range(thing.count)][edit["object"]]


_COUNTS = {"position": 2, "size": 3}


def _values(said: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """The numbers of an edit, for the fields of `kind`."""
    known = [each.name for each in fields(kind)]
    found: dict[str, Any] = {}
    for key, value in said.items():
        if key not in known:
            raise InputError(f"{str(key)[:40]!r} of the edit is not known; expected {', '.join(known)}.")
        count = _COUNTS.get(key, 1)
        numbers = value if isinstance(value, list) else [value]
        if len(numbers) != count or not all(_is_number(each) for each in numbers):
            raise InputError(f"{key} of the edit is {str(value)[:40]}; expected {count} number{'s' * (count > 1)}.")
        found[key] = tuple(map(float, numbers)) if count > 1 else float(numbers[0])
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: Any, name: str, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InputError(f"{name} is {str(value)[:40]}; expected a whole number from {low} to {high}.")
    return value


# --- what is answered ----------------------------------------------------------------------------------------------


def _objects(program: SceneProgram, layout: Layout) -> tuple[list[list[dict[str, Any]]], list[dict[str, Any]]]:
    """What objects look like from above, each look once, and the objects, each with the number of its look."""
    owners = [thing for thing in program.things for _ in range(thing.count)]
    looks: dict[tuple, int] = {}
    objects = []
    for name, thing, owner in zip(layout.names, layout.scene.objects, owners):
        x, y, z = thing.position
        width, height, length = thing.size
        key = (primitives_of(thing), thing.color)
        objects.append(
            {
                "name": name,
                "noun": thing.kind,
                "line": owner.line,
                "x": x,
                "z": z,
                "base": -y + 0.0,
                "yaw": thing.yaw,
                "width": width,
                "height": height,
                "length": length,
                "color": _hex(COLORS.get(thing.color) or SHADES[thing.color]),
                "front": has_front(thing),
                "free": program.solved and owner.at is None,
                "group": owner.count > 1,
                "shape": looks.setdefault(key, len(looks)) if len(layout.names) <= MAX_SHAPES else None,
            }
        )
    shapes = [_from_above(parts, color) for parts, color in looks] if len(layout.names) <= MAX_SHAPES else []
    return shapes, objects


@lru_cache(maxsize=256)
def _from_above(parts: tuple[Primitive, ...], color: str) -> list[dict[str, Any]]:
    """Outlines of primitives, the lowest first: points from -0.5 to 0.5 across and to the back, and a colour."""
    (left, low, front), (right, high, back) = box_of(parts)
    found = []
    for part in parts:
        surface, matrix = _surface(part), map_of(part)
        points = surface @ matrix.T + np.array(part.center)
        x = (points[:, 0] - left) / max(right - left, 1e-9) - 0.5
        z = (points[:, 2] - front) / max(back - front, 1e-9) - 0.5
        top = (points[:, 1].max() - low) / max(high - low, 1e-9)
        rgb = role_color(part.color, color)
        flat = np.stack([x, z], 1)
        if part.shape != ELLIPSOID and part.taper != (1.0, 1.0) and part.axis == "y" and max(part.taper) <= 1:
            # Sloping sides are darker than what is level: roofs have their ridge.
            found.append((top, {"points": _hull(flat), "color": _hex((0.84 * rgb[0], 0.84 * rgb[1], 0.84 * rgb[2]))}))
            flat = flat[surface[:, 1] > 0]
        found.append((top, {"points": _hull(flat), "color": _hex(rgb)}))
    return [outline for _, outline in sorted(found, key=lambda each: each[0])]


def _surface(part: Primitive) -> np.ndarray:
    """Points [k, 3] of a canonical shape, whose outline from any side is nearly the shape's."""
    turn = np.arange(_POINTS) * 2 * math.pi / _POINTS
    circle = np.stack([np.cos(turn), np.zeros(_POINTS), np.sin(turn)], 1)
    if part.shape == ELLIPSOID:
        rise = np.linspace(-1, 1, 9)[:, None, None]
        rings = circle * np.sqrt(1 - rise**2) + rise * _UP
        return rings.reshape(-1, 3)
    if part.shape == FRUSTUM:
        return np.concatenate([circle - _UP, circle * part.taper[0] + _UP])
    return CORNERS * np.where(CORNERS[:, 1:2] > 0, [[part.taper[0], 1.0, part.taper[1]]], 1.0)


def _hull(points: np.ndarray) -> list[list[float]]:
    """The convex hull of points [k, 2], anticlockwise; coordinates in thousandths."""
    ordered = sorted({(round(float(x), 3), round(float(z), 3)) for x, z in points})

    def half(run: list[tuple[float, float]]) -> list[tuple[float, float]]:
        chain: list[tuple[float, float]] = []
        for point in run:
            while len(chain) > 1 and _turns_right(chain[-2], chain[-1], point):
                chain.pop()
            chain.append(point)
        return chain[:-1]

    return [list(point) for point in (half(ordered) + half(ordered[::-1]) or ordered)]


def _turns_right(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) <= (b[1] - a[1]) * (c[0] - a[0])


def _hex(rgb: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * min(max(value, 0), 1)):02x}" for value in rgb)


def _png(image: Any) -> str:
    """An image [1, 3, H, W] or [1, H, W] in [0, 1] as a data URL."""
    file = io.BytesIO()
    to_image(image[0]).save(file, "png", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
