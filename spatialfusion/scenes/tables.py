"""Scenes as tables of constants, from which rays are traced: one column for each primitive, one for each scene.

All that depends on a scene alone is computed here, in double precision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from .kinds import role_color
from .looks import primitives_of
from .primitives import BLOCK, CORNERS, ELLIPSOID, FRUSTUM, Primitive, ends_of, map_of
from .scene import Scene, SceneObject

# Pale and grey, so that the objects' saturated colours stand out everywhere.
GROUNDS = (
    (0.62, 0.62, 0.60),
    (0.70, 0.66, 0.59),
    (0.56, 0.60, 0.54),
    (0.74, 0.73, 0.71),
    (0.50, 0.51, 0.53),
    (0.66, 0.60, 0.55),
)
SKIES = (  # horizon, zenith
    ((0.88, 0.90, 0.92), (0.66, 0.74, 0.82)),
    ((0.90, 0.89, 0.86), (0.74, 0.76, 0.79)),
    ((0.84, 0.85, 0.87), (0.62, 0.65, 0.70)),
    ((0.93, 0.90, 0.86), (0.70, 0.74, 0.80)),
    ((0.80, 0.83, 0.86), (0.55, 0.62, 0.70)),
    ((0.92, 0.93, 0.94), (0.78, 0.82, 0.86)),
)
WALLS = (
    (0.84, 0.82, 0.78),
    (0.78, 0.80, 0.82),
    (0.80, 0.77, 0.72),
    (0.76, 0.79, 0.75),
    (0.86, 0.85, 0.84),
    (0.74, 0.73, 0.75),
)

# Rows of the table of primitives, in order, with their heights. Rows that are read together stand together.
_PRIMITIVE_ROWS = {
    "rgb": 3,
    "origin": 3,  # camera in the primitive's canonical frame
    "ray": 9,  # camera direction (x, y, 1) to canonical direction
    "taper": 2,
    "inverse": 9,  # world point to canonical point: inverse @ p - shift
    "shift": 3,
    "sun": 3,  # light direction in the canonical frame
    "light_box": 5,  # u min, u max, v min, v max, w max
    "across": 6,  # change of the canonical coordinates along the light's u and v
    "screen": 4,  # x min, x max, y min, y max on the plane z = 1
    "object": 1,  # index within the scene
}
_SCENE_ROWS = {
    "eye": 3,
    "to_world": 9,  # camera direction to world direction
    "to_light": 9,  # camera direction to light's axes
    "eye_light": 3,  # camera along the light's axes
    "sun": 3,  # towards the light
    "room": 3,  # half width, height, z of the far wall; infinite outdoors
    "half": 2,  # half extents of the image on the plane z = 1
    "tile": 1,
    "ground": 3,
    "horizon": 3,
    "zenith": 3,
    "wall": 3,
}


def _slices(rows: dict[str, int]) -> dict[str, slice]:
    found, start = {}, 0
    for name, count in rows.items():
        found[name] = slice(start, start + count)
        start += count
    return found


AT, OF_SCENE = _slices(_PRIMITIVE_ROWS), _slices(_SCENE_ROWS)
_HEIGHT = sum(_PRIMITIVE_ROWS.values())


@dataclass(frozen=True)
class Tables:
    """Some scenes on a device. Primitives are sorted by shape, so that each shape is one range."""

    primitives: Tensor  # [rows, P] float32
    scene: Tensor  # [P] int64: scene of each primitive
    ranges: list[tuple[int, int]]  # of each shape among the primitives
    scenes: Tensor  # [rows, S] float32
    has_rooms: bool

    def of_scene(self, name: str, dimensions: int = 2) -> Tensor:
        """Constants [rows, S, 1, ...] of every scene, to go with tensors [S, ...] of `dimensions` more dimensions."""
        found = self.scenes[OF_SCENE[name]]
        return found.reshape(*found.shape, *[1] * dimensions)


def tabulate(scenes: list[Scene], aspect: float, device: torch.device | str) -> Tables:
    """aspect: width of the images over their height."""
    rows = [_primitive_table(scene) for scene in scenes]
    shapes = np.concatenate([shapes for _, shapes in rows])
    order = np.argsort(shapes, kind="stable")
    scene_of = np.repeat(np.arange(len(scenes)), [len(shapes) for _, shapes in rows])
    bounds = np.searchsorted(shapes[order], [BLOCK, ELLIPSOID, FRUSTUM, FRUSTUM + 1]).tolist()

    def move(array: np.ndarray, dtype: torch.dtype) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device=device, dtype=dtype)

    return Tables(
        primitives=move(np.concatenate([table for table, _ in rows])[order].T, torch.float32),
        scene=move(scene_of[order], torch.long),
        ranges=list(pairwise(bounds)),
        scenes=move(np.array([_scene_constants(scene, aspect) for scene in scenes]).T, torch.float32),
        has_rooms=any(scene.room for scene in scenes),
    )


# --- shapes ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def unit_primitives(primitives: tuple[Primitive, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Maps [n, 3, 3] and offsets [n, 3] from the canonical shapes in [-1, 1]^3 to the unit frame of an object."""
    maps = np.stack([map_of(primitive) for primitive in primitives])
    offsets = np.array([primitive.center for primitive in primitives], dtype=np.float64)
    ends = [offset + ends_of(p, matrix) for p, matrix, offset in zip(primitives, maps, offsets)]
    low, high = np.min([end.min(0) for end in ends], 0), np.max([end.max(0) for end in ends], 0)
    # Stretched by the last per cent that the drawing leaves, so that an object measures exactly what it claims.
    return maps / (high - low)[:, None], (offsets - low) / (high - low) - [0.5, 0.0, 0.5]


def unit_to_world(item: SceneObject) -> np.ndarray:
    """Linear map [3, 3] from an object's unit frame to the world; the object's position is then added."""
    yaw = math.radians(item.yaw)
    width, height, length = item.size
    return np.array(
        [
            [math.cos(yaw) * width, 0, -math.sin(yaw) * length],
            [0, -height, 0],
            [math.sin(yaw) * width, 0, math.cos(yaw) * length],
        ]
    )


# --- camera, light and surroundings ---------------------------------------------------------------------------------


def light_direction(scene: Scene) -> tuple[float, float, float]:
    """Unit vector towards the light. Azimuth counts as yaw does: 0 is a light on the viewer's side, 90 at the right."""
    azimuth, elevation = (math.radians(angle) for angle in scene.light)
    return (
        math.sin(azimuth) * math.cos(elevation),
        -math.sin(elevation),
        -math.cos(azimuth) * math.cos(elevation),
    )


def _camera_axes(scene: Scene) -> np.ndarray:
    """World-to-camera rotation [3, 3] in double precision."""
    yaw, pitch = math.radians(scene.camera.yaw), math.radians(scene.camera.pitch)
    cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    return np.array([[cy, 0, -sy], [-sy * sp, cp, -cy * sp], [sy * cp, sp, cy * cp]])


def _light_axes(light: tuple[float, float, float]) -> np.ndarray:
    """Orthonormal rows (u, v, towards the light)."""
    x, y, z = light
    across = math.hypot(x, z)
    # Straight overhead any horizontal direction will do.
    ux, uz = (-z / across, x / across) if across > 1e-6 else (1.0, 0.0)
    return np.array([[ux, 0.0, uz], [y * uz, z * ux - x * uz, -y * ux], [x, y, z]])


def _primitive_table(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """One scene's primitives [P, rows] and their shapes [P]."""
    camera, light = _camera_axes(scene), light_direction(scene)
    light_axes = _light_axes(light)
    eye = np.array(scene.camera.position)
    tables, shapes = [np.zeros((0, _HEIGHT))], [np.zeros(0, np.int64)]
    for index, item in enumerate(scene.objects):
        primitives = primitives_of(item)
        to_world = unit_to_world(item)
        maps, offsets = unit_primitives(primitives)
        maps = to_world @ maps
        offsets = offsets @ to_world.T + np.array(item.position)
        inverse = np.linalg.inv(maps)
        corners = CORNERS @ maps.transpose(0, 2, 1) + offsets[:, None]
        table = np.zeros((len(maps), _HEIGHT))
        table[:, AT["rgb"]] = [role_color(primitive.color, item.color) for primitive in primitives]
        table[:, AT["origin"]] = np.einsum("nij,nj->ni", inverse, eye - offsets)
        table[:, AT["ray"]] = (inverse @ camera.T).reshape(-1, 9)
        table[:, AT["taper"]] = [primitive.taper for primitive in primitives]
        table[:, AT["inverse"]] = inverse.reshape(-1, 9)
        table[:, AT["shift"]] = np.einsum("nij,nj->ni", inverse, offsets)
        table[:, AT["sun"]] = inverse @ np.array(light)
        in_light = corners @ light_axes.T
        low, high = in_light.min(1), in_light.max(1)
        table[:, AT["light_box"]] = np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1], high[:, 2]], 1)
        table[:, AT["across"]] = (light_axes[:2] @ inverse.transpose(0, 2, 1)).reshape(-1, 6)
        seen = (corners - eye) @ camera.T
        near = seen[..., 2].min(1) < 0.02
        depth = np.maximum(seen[..., 2:], 0.02)
        plane = seen[..., :2] / depth
        screen = np.stack([plane[..., 0].min(1), plane[..., 0].max(1), plane[..., 1].min(1), plane[..., 1].max(1)], 1)
        # A primitive that reaches behind the camera has no rectangle: test it everywhere.
        screen[near] = [-1e6, 1e6, -1e6, 1e6]
        table[:, AT["screen"]] = screen
        table[:, AT["object"]] = index
        tables.append(table)
        shapes.append(np.array([primitive.shape for primitive in primitives], np.int64))
    return np.concatenate(tables), np.concatenate(shapes)


def _scene_constants(scene: Scene, aspect: float) -> list[float]:
    """Constants of the camera, light and surroundings of one scene, in the order of _SCENE_ROWS."""
    camera = _camera_axes(scene)
    light_axes = _light_axes(light_direction(scene))
    half_width, room_height, far = scene.room if scene.room else (math.inf,) * 3
    to_light = light_axes @ camera.T
    eye = np.array(scene.camera.position)
    half = math.tan(math.radians(scene.camera.hfov) / 2)
    horizon, zenith = SKIES[scene.backdrop % len(SKIES)]
    wall = WALLS[scene.backdrop % len(WALLS)]
    return [
        *eye, *camera.T.reshape(-1), *to_light.reshape(-1), *(light_axes @ eye), *light_direction(scene),
        half_width, room_height, far, half, half / aspect, scene.tile,
        *GROUNDS[scene.ground % len(GROUNDS)], *horizon, *zenith, *wall,
    ]  # fmt: skip
