"""Ray tracing of scenes with exact metric depth, many scenes in one call, on CPU or GPU.

Every scene becomes rows of constants (one per primitive). Rays are never stored: a ray of the pixel at (x, y) on the
plane z = 1 of the camera has the direction (x, y, 1), so its parameter t is the depth itself. Pairs of primitive and
ray are enumerated from the primitives' rectangles on the screen, intersected in one pass per shape, and reduced into a
z-buffer. Shadows repeat this from the light: points are tested only against primitives whose rectangle in the light's
plane contains them.

All arithmetic on rays is elementwise, so a scene looks the same to the last bits whatever else is in the batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from .kinds import role_color
from .looks import primitives_of
from .primitives import BLOCK, CORNERS, ELLIPSOID, FRUSTUM, Primitive, ends_of, map_of
from .scene import Scene

CPU_RAYS = 1 << 17  # rays per chunk
MAX_DEPTH = 100.0
AMBIENT, SKY_FILL, DIRECT = 0.46, 0.12, 0.52
HAZE_DISTANCE = 60.0
CHECKER_CONTRAST = 0.11
SHEEN = 0.05  # white reflected by every object, so that the faces of black ones differ

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


@dataclass
class Rendering:
    """image [B, 3, H, W] in [0, 1]; depth [B, H, W] metres, 0 where invalid; valid [B, H, W]; instance [B, H, W].

    Depth, valid and instance are those of the ray through the pixel's centre; the image averages the sub-samples.
    `valid` is False for the sky and beyond 100 m; `instance` is the index of the object, -1 for the background.
    """

    image: Tensor
    depth: Tensor
    valid: Tensor
    instance: Tensor


def render(
    scenes: list[Scene],
    size: tuple[int, int] = (128, 128),
    samples: int = 2,
    device: torch.device | str = "cpu",
) -> Rendering:
    """Render `scenes` at `size` (width, height), with `samples` x `samples` rays per pixel for the image."""
    width, height = size
    if not scenes:
        raise InputError("render was given an empty list of scenes; give at least one.")
    if width < 1 or height < 1 or samples < 1:
        raise InputError(f"render was given size {size} and {samples} samples; all must be at least 1.")
    rays = width * height * samples * samples
    # Short arrays keep a CPU's memory small; a GPU wants long ones.
    chunk = max(1, (CPU_RAYS if torch.device(device).type == "cpu" else 1 << 23) // rays)
    parts = [_render_chunk(scenes[i : i + chunk], size, samples, device) for i in range(0, len(scenes), chunk)]
    return Rendering(*(torch.cat([getattr(part, name) for part in parts]) for name in Rendering.__dataclass_fields__))


def instances(scenes: list[Scene], size: tuple[int, int] = (128, 128)) -> Tensor:
    """The `instance` [B, H, W] of `render` alone, int8, at a twentieth of the cost."""
    width, height = size
    chunk = max(1, CPU_RAYS // (width * height))
    parts = []
    for start in range(0, len(scenes), chunk):
        tables = _tables(scenes[start : start + chunk], width / height, "cpu")
        parts.append(_depth_and_instance(tables, width, height)[1].to(torch.int8))
    return torch.cat(parts).view(-1, height, width)


# --- scenes as tables of constants ---------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _unit_primitives(parts: tuple[Primitive, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Maps [n, 3, 3] and offsets [n, 3] from the canonical shapes in [-1, 1]^3 to the unit frame of their object."""
    maps = np.stack([map_of(primitive) for primitive in parts])
    offsets = np.array([primitive.center for primitive in parts], dtype=np.float64)
    ends = [offset + ends_of(p, matrix) for p, matrix, offset in zip(parts, maps, offsets)]
    low, high = np.min([end.min(0) for end in ends], 0), np.max([end.max(0) for end in ends], 0)
    # Stretched by the last per cent that the drawing leaves, so that an object measures exactly what it claims.
    return maps / (high - low)[:, None], (offsets - low) / (high - low) - [0.5, 0.0, 0.5]


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


# Columns of the table of primitives, in order, with their widths.
_COLUMNS = {
    "origin": 3,  # camera in the primitive's canonical frame
    "ray": 9,  # camera direction (x, y, 1) to canonical direction
    "inverse": 9,  # world point to canonical point: inverse @ p - shift
    "shift": 3,
    "sun": 3,  # light direction in the canonical frame
    "taper": 2,
    "rgb": 3,
    "light_box": 5,  # u min, u max, v min, v max, w max
    "screen": 4,  # x min, x max, y min, y max on the plane z = 1
    "object": 1,  # index within the scene
}
_AT = {}
_WIDTH = 0
for _name, _count in _COLUMNS.items():
    _AT[_name] = slice(_WIDTH, _WIDTH + _count)
    _WIDTH += _count


def _tabulate(scene: Scene) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One scene's primitives [P, columns] and shapes [P], objects' light boxes [N, 5] and primitive counts [N]."""
    camera, light = _camera_axes(scene), light_direction(scene)
    light_axes = _light_axes(light)
    eye = np.array(scene.camera.position)
    tables, shapes, boxes = [], [], []
    for index, item in enumerate(scene.objects):
        yaw = math.radians(item.yaw)
        width, height, length = item.size
        unit_to_world = np.array(
            [
                [math.cos(yaw) * width, 0, -math.sin(yaw) * length],
                [0, -height, 0],
                [math.sin(yaw) * width, 0, math.cos(yaw) * length],
            ]
        )
        parts = primitives_of(item)
        maps, offsets = _unit_primitives(parts)
        maps = unit_to_world @ maps
        offsets = offsets @ unit_to_world.T + np.array(item.position)
        inverse = np.linalg.inv(maps)
        corners = CORNERS @ maps.transpose(0, 2, 1) + offsets[:, None]
        table = np.zeros((len(maps), _WIDTH))
        table[:, _AT["origin"]] = np.einsum("nij,nj->ni", inverse, eye - offsets)
        table[:, _AT["ray"]] = (inverse @ camera.T).reshape(-1, 9)
        table[:, _AT["inverse"]] = inverse.reshape(-1, 9)
        table[:, _AT["shift"]] = np.einsum("nij,nj->ni", inverse, offsets)
        table[:, _AT["sun"]] = inverse @ np.array(light)
        table[:, _AT["taper"]] = [primitive.taper for primitive in parts]
        table[:, _AT["rgb"]] = [role_color(primitive.color, item.color) for primitive in parts]
        in_light = corners @ light_axes.T
        low, high = in_light.min(1), in_light.max(1)
        table[:, _AT["light_box"]] = np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1], high[:, 2]], 1)
        boxes.append([low[:, 0].min(), high[:, 0].max(), low[:, 1].min(), high[:, 1].max(), high[:, 2].max()])
        seen = (corners - eye) @ camera.T
        near = seen[..., 2].min(1) < 0.02
        depth = np.maximum(seen[..., 2:], 0.02)
        plane = seen[..., :2] / depth
        screen = np.stack([plane[..., 0].min(1), plane[..., 0].max(1), plane[..., 1].min(1), plane[..., 1].max(1)], 1)
        # A primitive that reaches behind the camera has no rectangle: test it everywhere.
        screen[near] = [-1e6, 1e6, -1e6, 1e6]
        table[:, _AT["screen"]] = screen
        table[:, _AT["object"]] = index
        tables.append(table)
        shapes.append([primitive.shape for primitive in parts])
    if not tables:
        return np.zeros((0, _WIDTH)), np.zeros(0, np.int64), np.zeros((0, 5)), np.zeros(0, np.int64)
    counts = np.array([len(rows) for rows in shapes])
    return np.concatenate(tables), np.concatenate(shapes), np.array(boxes), counts


def _scene_constants(scene: Scene, aspect: float) -> list[float]:
    """Constants of the camera, light and surroundings of one scene; unpacked in `_background` and `_render_chunk`."""
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


@dataclass
class _Tables:
    """A chunk of scenes on the device. Primitives are sorted by shape so that each shape is one range."""

    primitives: Tensor  # [columns, P] float32
    scene: Tensor  # [P] long: scene of each primitive
    ranges: list[tuple[int, int]]  # of each shape among the primitives
    of_object: Tensor  # [N, most primitives of an object] long: primitives of each object
    counts: Tensor  # [N] long
    object_boxes: Tensor  # [S, most objects of a scene, 5]: light boxes, empty where a scene has fewer objects
    first_object: Tensor  # [S] long
    constants: Tensor  # [columns, S, 1]


def _tables(scenes: list[Scene], aspect: float, device: torch.device | str) -> _Tables:
    rows = [_tabulate(scene) for scene in scenes]
    shapes = np.concatenate([row[1] for row in rows]).astype(np.int64)
    order = np.argsort(shapes, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    scene_of = np.repeat(np.arange(len(scenes)), [len(row[1]) for row in rows])
    counts = np.concatenate([row[3] for row in rows]).astype(np.int64)
    of_object = np.zeros((len(counts), counts.max() if len(counts) else 0), np.int64)
    start = 0
    for index, count in enumerate(counts):
        of_object[index, :count] = rank[start : start + count]
        start += count
    objects = [len(row[3]) for row in rows]
    boxes = np.full((len(scenes), max(objects), 5), -np.inf)
    for index, row in enumerate(rows):
        boxes[index, : objects[index]] = row[2]
    bounds = np.searchsorted(shapes[order], [BLOCK, ELLIPSOID, FRUSTUM, FRUSTUM + 1]).tolist()

    def move(array: np.ndarray, dtype: torch.dtype) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device=device, dtype=dtype)

    return _Tables(
        primitives=move(np.concatenate([row[0] for row in rows])[order].T, torch.float32),
        scene=move(scene_of[order], torch.long),
        ranges=list(pairwise(bounds)),
        of_object=move(of_object, torch.long),
        counts=move(counts, torch.long),
        object_boxes=move(boxes, torch.float32),
        first_object=move(np.cumsum([0, *objects[:-1]]), torch.long),
        constants=move(np.array([_scene_constants(scene, aspect) for scene in scenes]).T[..., None], torch.float32),
    )


# --- intersection: entry and exit parameters of rays, entry > exit where a ray misses -------------------------------


def _hit_block(origin: Tensor, ray: Tensor, taper: Tensor) -> tuple[Tensor, Tensor]:
    (ox, oy, oz), (dx, dy, dz) = origin, ray
    inverse = 1 / dy
    a, b = (-1 - oy) * inverse, (1 - oy) * inverse
    near, far = torch.minimum(a, b), torch.maximum(a, b)
    for o, d, top in ((ox, dx, taper[0]), (oz, dz, taper[1])):
        slope = 0.5 - 0.5 * top
        room = 1 - slope - slope * oy
        fall = slope * dy
        for sign in (1, -1):
            # Adding 0.0 turns -0.0 into 0.0, so that the quotient has the sign of the numerator.
            across = fall + d * sign + 0.0
            t = (room - o * sign) / across
            entering = across < 0
            near = torch.where(entering, torch.maximum(near, t), near)
            far = torch.where(entering, far, torch.minimum(far, t))
    return near, far


def _hit_ellipsoid(origin: Tensor, ray: Tensor, taper: Tensor) -> tuple[Tensor, Tensor]:
    (ox, oy, oz), (dx, dy, dz) = origin, ray
    a = dx * dx + dy * dy + dz * dz
    middle = -(ox * dx + oy * dy + oz * dz) / a
    # Measured from the point nearest the centre: no cancellation for small shapes that are far away.
    px, py, pz = ox + middle * dx, oy + middle * dy, oz + middle * dz
    half = ((1 - (px * px + py * py + pz * pz)) / a).sqrt()  # NaN where the ray misses: compares as False
    return middle - half, middle + half


def _hit_frustum(origin: Tensor, ray: Tensor, taper: Tensor) -> tuple[Tensor, Tensor]:
    (ox, oy, oz), (dx, dy, dz) = origin, ray
    inverse = 1 / dy
    below, above = (-1 - oy) * inverse, (1 - oy) * inverse
    near, far = torch.minimum(below, above), torch.maximum(below, above)
    slope = 0.5 - 0.5 * taper[0]
    radius = 1 - slope - slope * oy
    shrink = slope * dy
    # From the ray's point nearest the axis, as above.
    across = dx * dx + dz * dz
    middle = -(ox * dx + oz * dz) / across
    px, pz = ox + middle * dx, oz + middle * dz
    radius = radius - middle * shrink
    a = across - shrink * shrink
    b = radius * shrink
    root = (b * b - a * (px * px + pz * pz - radius * radius)).sqrt()
    first, second = (-b - root) / a + middle, (-b + root) / a + middle
    low, high = torch.minimum(first, second), torch.maximum(first, second)
    # a < 0: steeper than the cone's side, inside outside of the roots; the nappe that widens along the ray is ours.
    steep, widens = a < 0, shrink < 0
    enter = torch.where(steep, torch.where(widens, high, -math.inf), low)
    leave = torch.where(steep, torch.where(widens, math.inf, low), high)
    missed = root.isnan()
    return torch.where(missed, math.inf, torch.maximum(near, enter)), torch.minimum(far, leave)


_HIT = {BLOCK: _hit_block, ELLIPSOID: _hit_ellipsoid, FRUSTUM: _hit_frustum}


def _transform(matrix: Tensor, x: Tensor, y: Tensor, z: Tensor | float) -> tuple[Tensor, Tensor, Tensor]:
    """Multiply rows of a flat matrix [9, N] with vectors; elementwise, hence the same bits in any batch."""
    return tuple(matrix[3 * i] * x + matrix[3 * i + 1] * y + matrix[3 * i + 2] * z for i in range(3))


# --- first hits of the camera's rays -------------------------------------------------------------------------------

_PACK = 1 << 32


def _first_hits(tables: _Tables, width: int, height: int) -> tuple[Tensor, Tensor]:
    """Depth (inf where nothing is hit) and primitive of the rays through the centres of a grid, both [S, H * W]."""
    device = tables.primitives.device
    count = tables.constants.shape[1]
    buffer = torch.full((count * height * width,), torch.iinfo(torch.long).max, device=device)
    half_x, half_y = tables.constants[_HALF, :, 0]
    table = tables.primitives
    scene_half_x, scene_half_y = half_x[tables.scene], half_y[tables.scene]
    x0, x1, y0, y1 = table[_AT["screen"]]
    left = ((x0 / scene_half_x + 1) * (width / 2) - 0.5).clamp(0, width).ceil().long()
    right = ((x1 / scene_half_x + 1) * (width / 2) + 0.5).clamp(0, width).floor().long()
    top = ((y0 / scene_half_y + 1) * (height / 2) - 0.5).clamp(0, height).ceil().long()
    bottom = ((y1 / scene_half_y + 1) * (height / 2) + 0.5).clamp(0, height).floor().long()
    columns = (right - left).clamp_min(0)
    pairs = columns * (bottom - top).clamp_min(0)
    for shape, (first, last) in enumerate(tables.ranges):
        total = int(pairs[first:last].sum())
        if total == 0:
            continue
        which = torch.repeat_interleave(torch.arange(first, last, device=device), pairs[first:last], output_size=total)
        begin = pairs[first:last].cumsum(0) - pairs[first:last]
        within = torch.arange(total, device=device) - begin[which - first]
        wide = columns[which]
        row = torch.div(within, wide, rounding_mode="floor")
        column = within - row * wide + left[which]
        row = row + top[which]
        x = ((column + 0.5) * (2 / width) - 1) * scene_half_x[which]
        y = ((row + 0.5) * (2 / height) - 1) * scene_half_y[which]
        rows = table[: _AT["ray"].stop].index_select(1, which)  # origin and ray come first
        ray = _transform(rows[_AT["ray"]], x, y, 1.0)
        near, far = _HIT[shape](rows[_AT["origin"]].unbind(0), ray, table[_AT["taper"]].index_select(1, which))
        hit = ((near <= far) & (near > 0)).nonzero()[:, 0]
        packed = near[hit].view(torch.int32).long() * _PACK + which[hit]
        cell = (tables.scene[which[hit]] * height + row[hit]) * width + column[hit]
        buffer.scatter_reduce_(0, cell, packed, "amin")
    free = buffer == torch.iinfo(torch.long).max
    depth = torch.div(buffer, _PACK, rounding_mode="floor").int().view(torch.float32).masked_fill(free, math.inf)
    primitive = (buffer % _PACK).masked_fill(free, -1)
    return depth.view(count, -1), primitive.view(count, -1)


# --- ground, room and sky ------------------------------------------------------------------------------------------

_EYE, _TO_WORLD, _TO_LIGHT, _EYE_LIGHT, _SUN = slice(0, 3), slice(3, 12), slice(12, 21), slice(21, 24), slice(24, 27)
_ROOM, _HALF, _TILE = slice(27, 30), slice(30, 32), 32
_GROUND, _HORIZON, _ZENITH, _WALL = slice(33, 36), slice(36, 39), slice(39, 42), slice(42, 45)


def _grid(constants: Tensor, width: int, height: int) -> tuple[Tensor, Tensor]:
    """Coordinates x and y [S, H * W] on the plane z = 1 of the centres of a grid of pixels."""
    x = (torch.arange(width, device=constants.device) + 0.5) * (2 / width) - 1
    y = (torch.arange(height, device=constants.device) + 0.5) * (2 / height) - 1
    half_x, half_y = constants[_HALF]
    return (half_x * x).repeat(1, height), (half_y * y).repeat_interleave(width, 1)


def _surroundings(constants: Tensor, ray: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Depth at which the world rays meet floor, far wall, side wall and ceiling; inf where they do not."""
    (ex, ey, ez), (dx, dy, dz) = constants[_EYE], ray
    half_width, room_height, far = constants[_ROOM]
    floor = (-ey / dy).masked_fill(dy <= 0, math.inf)
    wall = ((far - ez) / dz).masked_fill(dz <= 0, math.inf)
    side = (half_width - ex * dx.sign()) / dx.abs()
    ceiling = ((room_height + ey) / -dy).masked_fill(dy >= 0, math.inf)
    return floor, wall, side, ceiling


def _render_chunk(scenes: list[Scene], size: tuple[int, int], samples: int, device: torch.device | str) -> Rendering:
    width, height = size
    tables = _tables(scenes, width / height, device)
    count = len(scenes)

    depth, instance = _depth_and_instance(tables, width, height)
    valid = depth <= MAX_DEPTH
    depth = depth.masked_fill(~valid, 0)

    shape = (count, height, width)
    return Rendering(
        image=_image(tables, width, height, samples),
        depth=depth.view(shape),
        valid=valid.view(shape),
        instance=instance.view(shape),
    )


def _depth_and_instance(tables: _Tables, width: int, height: int) -> tuple[Tensor, Tensor]:
    """Depth (inf in the sky) and index of the object (-1: none) of the rays through the pixels' centres, [S, H * W]."""
    depth, primitive = _first_hits(tables, width, height)
    x, y = _grid(tables.constants, width, height)
    around = torch.stack(_surroundings(tables.constants, _transform(tables.constants[_TO_WORLD], x, y, 1.0))).amin(0)
    instance = torch.full_like(primitive, -1)
    on_object = depth < around
    instance[on_object] = tables.primitives[_AT["object"].start].long()[primitive[on_object]]
    return torch.minimum(depth, around), instance


def _image(tables: _Tables, width: int, height: int, samples: int) -> Tensor:
    """Shaded image [S, 3, H, W], averaged over the sub-samples, which are the pixels of a finer grid."""
    constants = tables.constants
    fine_width, fine_height = width * samples, height * samples
    count = constants.shape[1]
    depth, primitive = _first_hits(tables, fine_width, fine_height)
    x, y = _grid(constants, fine_width, fine_height)
    ray = _transform(constants[_TO_WORLD], x, y, 1.0)
    floor, wall, side, ceiling = _surroundings(constants, ray)
    around = torch.minimum(torch.minimum(floor, wall), torch.minimum(side, ceiling))
    (ex, ey, ez), (sx, sy, sz) = constants[_EYE], constants[_SUN]
    on_object = depth < around
    depth = torch.minimum(depth, around)
    sky = depth == math.inf
    t = depth.masked_fill(sky, 0.0)
    on_floor, on_wall, on_side = floor == depth, wall == depth, side == depth

    # Cosine to the light and share of sky of the surroundings; the ceiling, facing down, gets neither.
    cosine = torch.where(on_floor, -sy, torch.where(on_wall, -sz, torch.where(on_side, -sx * ray[0].sign(), 0.0)))
    up = torch.where(on_floor, 1.0, torch.where(on_wall | on_side, 0.5, 0.25))

    # Checker, faded where a square is smaller than a few pixels; haze towards the horizon.
    tile = constants[_TILE]
    world_x, world_z = ex + t * ray[0], ez + t * ray[2]
    odd = (((world_x / tile).floor() + (world_z / tile).floor()) * 0.5).frac().abs() * 2
    pixel = t * t / (-ey) * (2 * constants[_HALF][0] / width)
    contrast = CHECKER_CONTRAST * (1.3 - 2 * pixel / tile).clamp(0, 1)
    checker = 1 + contrast * (odd - 0.5)
    haze = t / (t + HAZE_DISTANCE) * constants[_ROOM][0].isinf()
    slant = (ray[0] * ray[0] + ray[1] * ray[1] + ray[2] * ray[2]).sqrt()
    rise = (-ray[1] / slant * 1.6).clamp(0, 1)
    # A skirting board where walls meet the floor.
    board = 1 - 0.22 * (ey + t * ray[1] > -0.04 * constants[_ROOM][1])

    where = on_object.view(-1).nonzero()[:, 0]
    albedo_object, cosine_object, up_object = _object_surface(tables, primitive, x, y, t, where)
    cosine.view(-1)[where] = cosine_object
    up.view(-1)[where] = up_object
    shadow = _shadow(tables, x, y, t, cosine, primitive, sky)
    light = AMBIENT + SKY_FILL * up + DIRECT * cosine.clamp_min(0) * ~shadow

    channels = []
    for channel in range(3):
        horizon = constants[_HORIZON][channel]
        ground = constants[_GROUND][channel] * checker * light
        ground = ground + (horizon - ground) * haze
        heaven = horizon + (constants[_ZENITH][channel] - horizon) * rise
        walls = constants[_WALL][channel] * torch.where(on_wall | on_side, board, 1.08) * light
        color = torch.where(sky, heaven, torch.where(on_floor, ground, walls))
        color.view(-1)[where] = (SHEEN + (1 - SHEEN) * albedo_object[channel]) * light.view(-1)[where]
        fine = color.clamp_(0, 1).view(count, height, samples, width, samples)
        total = sum(fine[:, :, i, :, j] for i in range(samples) for j in range(samples))
        channels.append(total / samples**2)
    return torch.stack(channels, 1)


def _object_surface(
    tables: _Tables, primitive: Tensor, x: Tensor, y: Tensor, t: Tensor, where: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Colour [3, M], cosine to the light [M] and share of sky [M] of the rays `where` [M] that hit an object."""
    which = primitive.view(-1)[where]
    rows = tables.primitives.index_select(1, which)
    x, y, t = x.reshape(-1)[where], y.reshape(-1)[where], t.view(-1)[where]
    direction = _transform(rows[_AT["ray"]], x, y, 1.0)
    px, py, pz = (o + t * d for o, d in zip(rows[_AT["origin"]], direction))
    slope_x, slope_z = 0.5 - 0.5 * rows[_AT["taper"]]
    low, high = tables.ranges[ELLIPSOID]
    block, ellipsoid = which < low, (which >= low) & (which < high)
    past_end = py.abs() - 1
    past_x = px.abs() - 1 + slope_x * (1 + py)
    past_z = pz.abs() - 1 + slope_z * (1 + py)
    past_side = (px * px + pz * pz).sqrt() - 1 + slope_x * (1 + py)
    radius = 1 - slope_x * (1 + py)
    end = past_end > torch.where(block, torch.maximum(past_x, past_z), past_side)
    along_x = block & (past_x >= past_z)
    along_z = block & ~along_x
    flat = end & ~ellipsoid
    nx = torch.where(along_x, px.sign(), px).masked_fill(along_z | flat, 0)
    nz = torch.where(along_z, pz.sign(), pz).masked_fill(along_x | flat, 0)
    ny = torch.where(along_x, slope_x, torch.where(along_z, slope_z, slope_x * radius))
    ny = torch.where(ellipsoid, py, torch.where(flat, py.sign(), ny))
    inverse = rows[_AT["inverse"]]
    # Normals map with the transposed inverse.
    wx, wy, wz = (inverse[i] * nx + inverse[i + 3] * ny + inverse[i + 6] * nz for i in range(3))
    length = (wx * wx + wy * wy + wz * wz).sqrt().clamp_min(1e-12)
    sx, sy, sz = tables.constants[_SUN, :, 0].index_select(1, tables.scene[which])
    cosine = (wx * sx + wy * sy + wz * sz) / length
    return rows[_AT["rgb"]], cosine, 0.5 - 0.5 * wy / length


# --- shadows -------------------------------------------------------------------------------------------------------


def _shadow(tables: _Tables, x: Tensor, y: Tensor, t: Tensor, cosine: Tensor, primitive: Tensor, sky: Tensor) -> Tensor:
    """Whether an object stands between each ray's end and the light, [S, R] bool."""
    count, rays = t.shape
    shadow = torch.zeros(count * rays, dtype=torch.bool, device=t.device)
    if tables.object_boxes.shape[1] == 0:
        return shadow.view(count, rays)
    eu, ev, ew = tables.constants[_EYE_LIGHT]
    du, dv, dw = _transform(tables.constants[_TO_LIGHT], x, y, 1.0)
    u, v, w = eu + t * du, ev + t * dv, ew + t * dw
    # No primitive is convex enough to shadow its own lit side, so points facing away need no test at all.
    lit = (cosine > 0) & ~sky
    points, objects = [], []
    for index in range(tables.object_boxes.shape[1]):
        u0, u1, v0, v1, w1 = tables.object_boxes[:, index, :, None].unbind(1)
        inside = lit & (u > u0) & (u < u1) & (v > v0) & (v < v1) & (w < w1)
        point = inside.view(-1).nonzero()[:, 0]
        points.append(point)
        objects.append(tables.first_object[torch.div(point, rays, rounding_mode="floor")] + index)
    point, item = torch.cat(points), torch.cat(objects)
    u, v, w, own = (value.reshape(-1).index_select(0, point) for value in (u, v, w, primitive))
    scene = torch.div(point, rays, rounding_mode="floor")
    x, y, t = (value.reshape(-1).index_select(0, point) for value in (x, y, t))
    direction = _transform(tables.constants[_TO_WORLD, :, 0].index_select(1, scene), x, y, 1.0)
    eye = tables.constants[_EYE, :, 0].index_select(1, scene)
    world = [e + t * d for e, d in zip(eye, direction)]
    pairs: list[list[Tensor]] = [[], []]
    for slot in range(tables.of_object.shape[1]):
        candidate = tables.of_object[:, slot].index_select(0, item)
        u0, u1, v0, v1, w1 = tables.primitives[_AT["light_box"]].index_select(1, candidate)
        close = (slot < tables.counts).index_select(0, item) & (candidate != own)
        close &= (u > u0) & (u < u1) & (v > v0) & (v < v1) & (w < w1)
        chosen = close.nonzero()[:, 0]
        pairs[0].append(chosen)
        pairs[1].append(candidate.index_select(0, chosen))
    chosen, which = (torch.cat(parts) for parts in pairs)
    for shape, (first, last) in enumerate(tables.ranges):
        of_shape = ((which >= first) & (which < last)).nonzero()[:, 0]
        if len(of_shape) == 0:
            continue
        index, caster = chosen.index_select(0, of_shape), which.index_select(0, of_shape)
        rows = tables.primitives[_AT["inverse"].start : _AT["taper"].stop].index_select(1, caster)
        local = _transform(rows[:9], *(value.index_select(0, index) for value in world))
        origin = tuple(value - shift for value, shift in zip(local, rows[9:12]))
        near, far = _HIT[shape](origin, rows[12:15].unbind(0), rows[15:17])
        # A millimetre of slack: primitives touch each other and the ground.
        blocked = ((near <= far) & (far > 1e-3)).nonzero()[:, 0]
        shadow[point.index_select(0, index.index_select(0, blocked))] = True
    return shadow.view(count, rays)
