"""What the scene judge's network says of an object in numbers, and how they become metres in level camera axes.

The network looks at a square image, so it tells what an image shows: where the centre of the box is in the image,
how far away it is, how large it is beside its kind's usual size, and how it is turned against the line of sight.
`encode` and `decode` are each other's inverse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...scenes.scene import KINDS, Camera
from ...scenes.statements import ObservedObject

NUMBERS = 8


@dataclass(frozen=True)
class View:
    """The camera of a square image: tangent of half its field of view, and pitch in radians (positive: down)."""

    half_tangent: float
    pitch: float

    @staticmethod
    def of(camera: Camera) -> View:
        return View(math.tan(math.radians(camera.hfov) / 2), math.radians(camera.pitch))


def encode(thing: ObservedObject, view: View) -> list[float]:
    """[8]: x and y of the centre in the image (0 to 1), log distance (Euclidean, metres), log of width, height and
    length beside the usual ones, sine and cosine of the turn (both 0 where the object has no front)."""
    x, y, z = thing.position
    cos, sin = math.cos(view.pitch), math.sin(view.pitch)
    down, forward = y * cos - z * sin, y * sin + z * cos
    center = [0.5 + x / forward / (2 * view.half_tangent), 0.5 + down / forward / (2 * view.half_tangent)]
    sizes = [math.log(own / usual) for own, usual in zip(thing.extents, KINDS[thing.kind].size)]
    turn = [0.0, 0.0]
    if thing.front is not None:
        across = math.hypot(x, z)
        to_x, to_z = -x / across, -z / across
        front_x, _, front_z = thing.front
        turn = [to_x * front_z - to_z * front_x, to_x * front_x + to_z * front_z]
    return [*center, math.log(math.hypot(x, y, z)), *sizes, *turn]


def decode(numbers: list[float], kind: str, color: str, view: View) -> ObservedObject:
    """The object that `encode` gave the numbers of; sine and cosine need not be of length 1."""
    center_x, center_y, log_distance, *sizes, sine, cosine = numbers
    across, below = (center_x - 0.5) * 2 * view.half_tangent, (center_y - 0.5) * 2 * view.half_tangent
    cos, sin = math.cos(view.pitch), math.sin(view.pitch)
    x, y, z = across, below * cos + sin, cos - below * sin
    scale = math.exp(log_distance) / math.hypot(x, y, z)
    front = None
    if KINDS[kind].has_front:
        level, length = math.hypot(x, z) or 1.0, math.hypot(sine, cosine) or 1.0
        to_x, to_z, sine, cosine = -x / level, -z / level, sine / length, cosine / length
        front = (to_x * cosine - to_z * sine, 0.0, to_z * cosine + to_x * sine)
    width, height, length = (usual * math.exp(log) for usual, log in zip(KINDS[kind].size, sizes))
    return ObservedObject((x * scale, y * scale, z * scale), front, (width, height, length), kind, color)
