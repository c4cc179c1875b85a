"""A scene as a 3D file: each object a mesh with its name, the ground or the room, and the camera, in metres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from ..geometry.files import pack_glb
from .kinds import role_color
from .looks import primitives_of
from .plain import corners
from .primitives import BLOCK, CORNERS, ELLIPSOID, Primitive
from .scene import Camera, Scene, SceneObject
from .tables import GROUNDS, WALLS, unit_primitives, unit_to_world

AROUND = 16  # corners of a circle
UPRIGHT = np.diag([1.0, -1.0, -1.0])  # from the world's axes to glTF's, and back: y up, z towards the viewer
_BEYOND = 0.25  # of the scene's extent, at least a metre: how far the ground reaches beyond its objects and the camera

Surface = tuple[np.ndarray, np.ndarray]  # points [n, 3], and triangles [k, 3] of their numbers


@dataclass(frozen=True)
class Mesh:
    """points [n, 3] float32 in metres, triangles [k, 3] int64 of their numbers, counter-clockwise from outside, and
    colors [n, 3] float32 of the points, linear, 0 to 1. Axes as in `encode_scene_glb`."""

    points: np.ndarray
    triangles: np.ndarray
    colors: np.ndarray


def encode_scene_glb(
    scene: Scene, names: Sequence[str], aspect: float = 1.0, origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> bytes:
    """A binary glTF of the scene, that looks through its camera as the renderer does.

    Axes are glTF's (x right, y up, z towards the viewer). names: of the objects, in their order. aspect: width of the
    image over its height. origin: the place in the world that becomes the file's origin.
    """
    file = _File()
    roots = [file.node(name, _colored_parts(thing, origin)) for name, thing in zip(names, scene.objects)]
    roots.append(file.node("ground" if scene.room is None else "room", _surroundings(scene, origin)))
    roots.append(file.camera(scene.camera, aspect, origin))
    return file.encode(roots)


def scene_mesh(scene: Scene, origin: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Mesh:
    """The objects and the ground, or the room, as one mesh; `origin` as in `encode_scene_glb`."""
    groups = [*(_colored_parts(thing, origin) for thing in scene.objects), _surroundings(scene, origin)]
    pieces = [(linear(color), surface) for group in groups for color, surfaces in group.items() for surface in surfaces]
    starts = np.cumsum([0, *(len(points) for _, (points, _) in pieces[:-1])])
    return Mesh(
        np.concatenate([points for _, (points, _) in pieces]).astype(np.float32),
        np.concatenate([triangles + start for (_, (_, triangles)), start in zip(pieces, starts)]).astype(np.int64),
        np.concatenate([np.tile(color, (len(points), 1)) for color, (points, _) in pieces]).astype(np.float32),
    )


# --- surfaces -------------------------------------------------------------------------------------------------------


def _colored_parts(thing: SceneObject, origin: tuple[float, float, float]) -> dict[tuple[float, ...], list[Surface]]:
    """The surfaces of an object, by their colour, in glTF's axes."""
    parts = primitives_of(thing)
    to_world = unit_to_world(thing)
    found: dict[tuple[float, ...], list[Surface]] = {}
    for part, map_, offset in zip(parts, *unit_primitives(parts)):
        points, triangles = _canonical(part)
        matrix = UPRIGHT @ to_world @ map_
        points = points @ matrix.T + UPRIGHT @ (to_world @ offset + np.array(thing.position) - origin)
        if np.linalg.det(matrix) < 0:
            triangles = triangles[:, ::-1]  # counter-clockwise from outside, also where the map mirrors
        found.setdefault(role_color(part.color, thing.color), []).append((points, triangles))
    return found


def _canonical(part: Primitive) -> Surface:
    """The primitive's surface before its map, within [-1, 1]^3, with its base at y = -1."""
    points, triangles = {BLOCK: _block, ELLIPSOID: _sphere}.get(part.shape, _cylinder)()
    if part.shape == ELLIPSOID:
        return points, triangles
    top = points[:, 1:2] > 0
    return points * np.where(top, [[part.taper[0], 1.0, part.taper[1]]], 1.0), triangles


@cache
def _block() -> Surface:
    # CORNERS counts x, y, z in binary: number 4 x + 2 y + z.
    squares = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return CORNERS, np.array([triangle for a, b, c, d in squares for triangle in ((a, b, c), (a, c, d))])


@cache
def _cylinder() -> Surface:
    angle = np.arange(AROUND) * (2 * math.pi / AROUND)
    circle, up = np.stack([np.cos(angle), np.zeros(AROUND), np.sin(angle)], 1), np.array([[0.0, 1.0, 0.0]])
    points = np.concatenate([circle - up, circle + up, -up, up])
    low, bottom, top = np.arange(AROUND), 2 * AROUND, 2 * AROUND + 1
    beside = (low + 1) % AROUND
    triangles = [(low, low + AROUND, beside + AROUND), (low, beside + AROUND, beside)]
    triangles += [(np.full_like(low, bottom), low, beside), (np.full_like(low, top), beside + AROUND, low + AROUND)]
    return points, np.concatenate([np.stack(corners, 1) for corners in triangles])


@cache
def _sphere() -> Surface:
    rings = AROUND // 2
    polar, angle = np.arange(1, rings) * (math.pi / rings), np.arange(AROUND) * (2 * math.pi / AROUND)
    circles = np.stack(
        [
            np.sin(polar)[:, None] * np.cos(angle),
            np.repeat(np.cos(polar)[:, None], AROUND, 1),
            np.sin(polar)[:, None] * np.sin(angle),
        ],
        -1,
    )
    points = np.concatenate([circles.reshape(-1, 3), [[0, 1, 0], [0, -1, 0]]])
    low = np.arange(AROUND)
    beside = (low + 1) % AROUND
    north, south, last = len(points) - 2, len(points) - 1, (rings - 2) * AROUND
    triangles = [(np.full_like(low, north), beside, low), (np.full_like(low, south), last + low, last + beside)]
    for ring in range(0, last, AROUND):
        below = ring + AROUND
        triangles += [(ring + low, ring + beside, below + beside), (ring + low, below + beside, below + low)]
    return points, np.concatenate([np.stack(corners, 1) for corners in triangles])


def _surroundings(scene: Scene, origin: tuple[float, float, float]) -> dict[tuple[float, ...], list[Surface]]:
    """The floor, and in a room its back and side walls, without a ceiling, so that one can look in from above."""
    x, _, z = scene.camera.position
    ground = GROUNDS[scene.ground % len(GROUNDS)]
    if scene.room is None:
        ends = np.concatenate([[[x, z]], *(corners(thing)[:, [0, 2]].numpy() for thing in scene.objects)])
        beyond = max(1.0, _BEYOND * np.ptp(ends, axis=0).max())
        (left, front), (right, back) = ends.min(0) - beyond, ends.max(0) + beyond
        return {ground: [_square(origin, (left, 0, front), (left, 0, back), (right, 0, back), (right, 0, front))]}
    half, height, far = scene.room
    # What is behind the camera has no end in a scene; a metre of it is shown.
    near, top = min(z - 1.0, far - 1.0), -height
    walls = [
        _square(origin, (-half, 0, far), (-half, top, far), (half, top, far), (half, 0, far)),
        _square(origin, (-half, 0, near), (-half, top, near), (-half, top, far), (-half, 0, far)),
        _square(origin, (half, 0, far), (half, top, far), (half, top, near), (half, 0, near)),
    ]
    floor = _square(origin, (-half, 0, near), (-half, 0, far), (half, 0, far), (half, 0, near))
    return {ground: [floor], WALLS[scene.backdrop % len(WALLS)]: walls}


def _square(origin: tuple[float, float, float], *ends: tuple[float, float, float]) -> Surface:
    return (np.array(ends) - origin) @ UPRIGHT, np.array([[0, 2, 1], [0, 3, 2]])


# --- the file -------------------------------------------------------------------------------------------------------


class _File:
    """A glTF document that grows node by node, and its buffer."""

    def __init__(self) -> None:
        self.binary: list[bytes] = []
        self.length = 0
        self.lists: dict[str, list] = {
            name: [] for name in ("nodes", "meshes", "materials", "cameras", "accessors", "bufferViews")
        }
        self.materials: dict[tuple[float, ...], int] = {}

    def node(self, name: str, surfaces: dict[tuple[float, ...], list[Surface]]) -> int:
        """A node with a mesh, which has one part for each colour."""
        primitives = []
        for color, pieces in surfaces.items():
            start = np.cumsum([0, *(len(points) for points, _ in pieces[:-1])])
            points = np.concatenate([points for points, _ in pieces]).astype("<f4")
            triangles = np.concatenate([t + s for (_, t), s in zip(pieces, start)]).astype("<u4")
            ends = {"min": points.min(0).tolist(), "max": points.max(0).tolist()}
            position = self._accessor(points.tobytes(), 34962, 5126, "VEC3", len(points), ends)
            indices = self._accessor(triangles.tobytes(), 34963, 5125, "SCALAR", triangles.size, {})
            primitives.append(
                {"attributes": {"POSITION": position}, "indices": indices, "material": self._material(color)}
            )
        self.lists["meshes"].append({"name": name, "primitives": primitives})
        return self._add("nodes", {"name": name, "mesh": len(self.lists["meshes"]) - 1})

    def camera(self, camera: Camera, aspect: float, origin: tuple[float, float, float]) -> int:
        half = math.tan(math.radians(camera.hfov) / 2)
        lens = {"aspectRatio": aspect, "yfov": 2 * math.atan(half / aspect), "znear": 0.01}
        number = self._add("cameras", {"name": "camera", "type": "perspective", "perspective": lens})
        # Both the world and the camera's own axes change: glTF's cameras look along -z, with y up.
        matrix = np.eye(4)
        matrix[:3, :3] = UPRIGHT @ camera.rotation().double().numpy().T @ UPRIGHT
        matrix[:3, 3] = UPRIGHT @ (np.array(camera.position) - origin)
        return self._add("nodes", {"name": "camera", "camera": number, "matrix": matrix.T.reshape(-1).tolist()})

    def encode(self, roots: Sequence[int]) -> bytes:
        document = {
            "asset": {"version": "2.0", "generator": "SpatialFusion"},
            "scene": 0,
            "scenes": [{"nodes": list(roots)}],
            **self.lists,
            "buffers": [{"byteLength": self.length}],
        }
        return pack_glb(document, b"".join(self.binary))

    def _add(self, name: str, item: dict) -> int:
        self.lists[name].append(item)
        return len(self.lists[name]) - 1

    def _accessor(self, data: bytes, target: int, component: int, kind: str, count: int, ends: dict) -> int:
        view = {"buffer": 0, "byteOffset": self.length, "byteLength": len(data), "target": target}
        number = self._add("bufferViews", view)
        self.binary.append(data)
        self.length += len(data)
        return self._add(
            "accessors", {"bufferView": number, "componentType": component, "count": count, "type": kind, **ends}
        )

    def _material(self, color: tuple[float, ...]) -> int:
        if color not in self.materials:
            surface = {"baseColorFactor": [*linear(color), 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.9}
            self.materials[color] = self._add("materials", {"pbrMetallicRoughness": surface, "doubleSided": True})
        return self.materials[color]


def linear(color: tuple[float, ...]) -> list[float]:
    """A colour of the screen as glTF wants it."""
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
