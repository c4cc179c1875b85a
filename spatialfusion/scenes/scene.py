"""A scene as data: what stands where, and the camera that looks at it.

World axes follow OpenCV's camera at rest: x right, y down, z away from the viewer; the ground is the plane y = 0 and
heights are negative y. Lengths are metres, angles degrees.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .primitives import Primitive

# The palette of the rendered world: these ten, in this order, are what models and judges are trained on.
COLORS: dict[str, tuple[float, float, float]] = {
    "red": (0.83, 0.08, 0.08),
    "orange": (0.95, 0.48, 0.05),
    "yellow": (0.95, 0.85, 0.10),
    "green": (0.10, 0.62, 0.16),
    "cyan": (0.08, 0.75, 0.80),
    "blue": (0.10, 0.22, 0.85),
    "purple": (0.48, 0.14, 0.72),
    "pink": (0.96, 0.45, 0.70),
    "white": (0.93, 0.93, 0.93),
    "black": (0.07, 0.07, 0.07),
}
# Further colours that a text may say.
SHADES: dict[str, tuple[float, float, float]] = {
    "brown": (0.42, 0.26, 0.14),
    "grey": (0.50, 0.50, 0.50),
    "beige": (0.86, 0.78, 0.64),
    "tan": (0.78, 0.62, 0.43),
    "cream": (0.96, 0.92, 0.78),
    "ivory": (0.95, 0.93, 0.85),
    "khaki": (0.68, 0.64, 0.45),
    "gold": (0.85, 0.65, 0.13),
    "amber": (0.95, 0.65, 0.10),
    "silver": (0.75, 0.76, 0.78),
    "bronze": (0.55, 0.40, 0.20),
    "copper": (0.72, 0.43, 0.25),
    "charcoal": (0.22, 0.23, 0.25),
    "rust": (0.60, 0.28, 0.10),
    "maroon": (0.45, 0.06, 0.10),
    "crimson": (0.70, 0.05, 0.18),
    "scarlet": (0.90, 0.14, 0.06),
    "coral": (0.96, 0.47, 0.36),
    "magenta": (0.85, 0.10, 0.62),
    "violet": (0.52, 0.24, 0.80),
    "lavender": (0.75, 0.68, 0.90),
    "lilac": (0.77, 0.62, 0.83),
    "indigo": (0.26, 0.12, 0.55),
    "navy": (0.06, 0.10, 0.36),
    "turquoise": (0.20, 0.75, 0.70),
    "teal": (0.05, 0.47, 0.48),
    "mint": (0.62, 0.90, 0.74),
    "lime": (0.60, 0.85, 0.12),
    "olive": (0.44, 0.45, 0.14),
}


@dataclass(frozen=True)
class Kind:
    """A kind of object: its usual size (width, height, length; metres; length runs along its front) and its scale."""

    name: str
    size: tuple[float, float, float]
    has_front: bool
    scale: str  # "small" (table top), "medium" (furniture, living things), "large" (outdoors only)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("car", (1.8, 1.5, 4.2), True, "large"),
        Kind("house", (6.0, 5.0, 7.0), True, "large"),
        Kind("tree", (3.0, 5.0, 3.0), False, "large"),
        Kind("chair", (0.55, 0.95, 0.55), True, "medium"),
        Kind("sofa", (1.8, 0.85, 0.9), True, "medium"),
        Kind("figure", (0.55, 1.7, 0.4), True, "medium"),
        Kind("dog", (0.35, 0.65, 0.95), True, "medium"),
        Kind("table", (1.2, 0.75, 0.8), False, "medium"),
        Kind("barrel", (0.65, 0.95, 0.65), False, "medium"),
        Kind("cube", (0.7, 0.7, 0.7), False, "medium"),
        Kind("ball", (0.7, 0.7, 0.7), False, "medium"),
        Kind("cone", (0.6, 0.9, 0.6), False, "medium"),
        Kind("lamp", (0.22, 0.45, 0.32), True, "small"),
        Kind("mug", (0.10, 0.11, 0.13), True, "small"),
        Kind("bottle", (0.09, 0.28, 0.09), False, "small"),
    )
}


@dataclass(frozen=True)
class SceneObject:
    """One object. `position` is the centre of its base; yaw 0 faces the viewer at rest (-z), yaw 90 faces +x.

    kind: any noun. color: a name of COLORS or SHADES. name: what other lines of a text call it ("": its colour and
    kind). words: what was said of it and depth cannot show ("old wooden"). plan: the body plan where it is not the
    lexicon's. parts: its own primitives in place of a plan's, in any frame: the box round them is stretched to `size`.
    """

    kind: str
    color: str
    size: tuple[float, float, float]  # width, height, length in metres
    position: tuple[float, float, float]
    yaw: float
    name: str = ""
    words: str = ""
    plan: str = ""
    parts: tuple[Primitive, ...] = ()

    @property
    def center(self) -> Tensor:
        """Centre of the bounding box in the world, [3]."""
        x, y, z = self.position
        return torch.tensor([x, y - self.size[1] / 2, z])

    @property
    def front(self) -> Tensor:
        """Unit vector of the facing direction in the world, [3]."""
        yaw = math.radians(self.yaw)
        return torch.tensor([math.sin(yaw), 0.0, -math.cos(yaw)])

    @property
    def right(self) -> Tensor:
        """Unit vector to the object's own right hand (as a person standing there would say), [3]."""
        yaw = math.radians(self.yaw)
        return torch.tensor([-math.cos(yaw), 0.0, -math.sin(yaw)])

    def to_dict(self) -> dict[str, Any]:
        """For JSON; what is not said is left out. `from_dict` restores an equal object."""
        data = dataclasses.asdict(self)
        return {key: value for key, value in data.items() if value or key not in _OPTIONAL}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> SceneObject:
        """Read what `to_dict` gave, also after a journey through JSON."""
        tuples = {key: tuple(data[key]) for key in ("size", "position")}
        if data.get("parts"):
            tuples["parts"] = tuple(Primitive.from_dict(part) for part in data["parts"])
        return SceneObject(**{**data, **tuples})


_OPTIONAL = ("name", "words", "plan", "parts")


@dataclass(frozen=True)
class Camera:
    """A pinhole camera. Yaw turns it right, positive pitch tilts it down; hfov is the horizontal field of view."""

    position: tuple[float, float, float]
    yaw: float
    pitch: float
    hfov: float

    def rotation(self) -> Tensor:
        """World-to-camera rotation, [3, 3]: rows are the camera's right, down and forward axes in the world."""
        yaw, pitch = math.radians(self.yaw), math.radians(self.pitch)
        right = [math.cos(yaw), 0.0, -math.sin(yaw)]
        forward = [math.sin(yaw) * math.cos(pitch), math.sin(pitch), math.cos(yaw) * math.cos(pitch)]
        down = [-math.sin(yaw) * math.sin(pitch), math.cos(pitch), -math.cos(yaw) * math.sin(pitch)]
        return torch.tensor([right, down, forward])

    def world_to_camera(self, points: Tensor) -> Tensor:
        """Map world points [..., 3] to OpenCV camera coordinates [..., 3]."""
        return (points - torch.tensor(self.position)) @ self.rotation().T

    def intrinsics(self, aspect: float = 1.0) -> Tensor:
        """Normalised intrinsics [3, 3] (fx/W, fy/H, 0.5, 0.5) of an image whose width is `aspect` times its height."""
        fx = 0.5 / math.tan(math.radians(self.hfov) / 2)
        return torch.tensor([[fx, 0.0, 0.5], [0.0, fx * aspect, 0.5], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class Scene:
    """Objects, camera and surroundings; everything that the renderer and the captions need."""

    objects: tuple[SceneObject, ...]
    camera: Camera
    environment: str  # "outdoor" or "room"
    light: tuple[float, float]  # azimuth (as yaw: 0 shines from the viewer's side) and elevation of the light, degrees
    ground: int  # index of the ground or floor palette
    backdrop: int  # index of the sky or wall palette
    room: tuple[float, float, float] | None = None  # half width, height, z of the far wall (metres)
    tile: float = 1.0  # edge of the squares of the ground or floor, metres

    def to_json(self) -> str:
        """Serialise to JSON; `from_json` restores an equal scene."""
        bare = dataclasses.replace(self, objects=())
        return json.dumps({**dataclasses.asdict(bare), "objects": [thing.to_dict() for thing in self.objects]})

    @staticmethod
    def from_json(text: str) -> Scene:
        """Read what `to_json` wrote."""
        data = json.loads(text)
        objects = tuple(SceneObject.from_dict(thing) for thing in data["objects"])
        camera = data["camera"]
        return Scene(
            objects=objects,
            camera=Camera(tuple(camera["position"]), camera["yaw"], camera["pitch"], camera["hfov"]),
            environment=data["environment"],
            light=tuple(data["light"]),
            ground=data["ground"],
            backdrop=data["backdrop"],
            room=tuple(data["room"]) if data["room"] else None,
            tile=data["tile"],
        )
