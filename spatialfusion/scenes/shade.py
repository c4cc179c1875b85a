"""What rays see: ground, room and sky around the objects, and the light on everything."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .elementwise import choose, equal, less, less_equal, nonzero, some
from .intersect import Grid, Vector, transform
from .primitives import BLOCK, ELLIPSOID, FRUSTUM
from .shadow import Shadows
from .tables import AT, Tables

AMBIENT, SKY_FILL, DIRECT = 0.46, 0.12, 0.52
HAZE_DISTANCE = 60.0
CHECKER_CONTRAST = 0.11
SHEEN = 0.05  # white reflected by every object, so that the faces of black ones differ


def surroundings(tables: Tables, ray: Vector) -> list[Tensor]:
    """Depth at which world rays [S, R, W] meet the floor, and in rooms far wall, side wall and ceiling; else inf."""
    ex, ey, ez = tables.of_scene("eye")
    dx, dy, dz = ray
    floor = choose(less_equal(dy, 0), math.inf, -ey / dy)
    if not tables.has_rooms:
        return [floor]
    half_width, room_height, far = tables.of_scene("room")
    wall = choose(less_equal(dz, 0), math.inf, (far - ez) / dz)
    side = (half_width - ex * dx.sign()) / dx.abs()
    ceiling = choose(less_equal(0, dy), math.inf, (room_height + ey) / -dy)
    return [floor, wall, side, ceiling]


def nearest(depths: list[Tensor]) -> Tensor:
    around = depths[0]
    for depth in depths[1:]:
        around = torch.minimum(around, depth)
    return around


def draw(grid: Grid, shadows: Shadows, top: int, bottom: int, samples: int, check: Callable[[], None]) -> Tensor:
    """The image [S, 3, (bottom - top) / samples, width / samples] of some rows of a grid of sub-samples.

    check: as in `Grid.first_hits`.
    """
    tables = grid.tables
    depth, primitive = grid.first_hits(top, bottom, check)
    x, y = grid.x[:, None], grid.y[:, top:bottom, None]
    ray = transform(tables.of_scene("to_world"), x, y, 1.0)
    met = surroundings(tables, ray)
    around = nearest(met)
    ex, ey, ez = tables.of_scene("eye")
    where = nonzero(less(depth, around))
    depth = torch.minimum(depth, around)
    sky = equal(depth, math.inf)
    t = choose(sky, 0.0, depth.clone())

    on = tuple(equal(part, depth) for part in met[:3]) if tables.has_rooms else None
    cosine, up = _surroundings_light(tables, ray, t, on)
    albedo, cosine_object, up_object = _object_surface(tables, primitive, x, y, t, where)
    cosine.view(-1)[where] = cosine_object
    up.view(-1)[where] = up_object
    world = (ex + t * ray[0], ey + t * ray[1], ez + t * ray[2])
    # No primitive is convex enough to shadow its own lit side, so points facing away need no test at all.
    lit = less(0, cosine) & ~sky
    along = transform(tables.of_scene("to_light"), x, y, 1.0)
    in_light = tuple(e + t * d for e, d in zip(tables.of_scene("eye_light"), along))
    shadow = shadows.of(lit, in_light, world, primitive, check)
    direct = choose(shadow, 0.0, DIRECT * cosine.clamp_min(0))
    light = AMBIENT + SKY_FILL * up + direct

    pattern = _pattern(tables, ray, world, t, sky, on, grid.width // samples)
    channels = []
    light_object = light.view(-1).index_select(0, where)
    for channel in range(3):
        color = _surroundings_color(tables, channel, pattern, light, sky, on)
        color.view(-1)[where] = (SHEEN + (1 - SHEEN) * albedo[channel]) * light_object
        fine = color.clamp_(0, 1).view(len(color), (bottom - top) // samples, samples, -1, samples)
        parts = (fine[:, :, i, :, j] for i in range(samples) for j in range(samples))
        channels.append(sum(parts, start=torch.zeros_like(fine[:, :, 0, :, 0])) / samples**2)
    return torch.stack(channels, 1)


def _surroundings_light(
    tables: Tables, ray: tuple[Tensor, ...], t: Tensor, on: tuple[Tensor, ...] | None
) -> tuple[Tensor, Tensor]:
    """Cosine to the light and share of sky of the surroundings; the ceiling, facing down, gets neither.

    on: where floor, wall and side walls are met; None without rooms.
    """
    sx, sy, sz = tables.of_scene("sun")
    if on is None:
        return (-sy).expand_as(t).contiguous(), torch.ones_like(t)
    on_floor, on_wall, on_side = on
    cosine = choose(on_side, -sx * ray[0].sign(), torch.zeros_like(t))
    cosine = choose(on_floor, -sy, choose(on_wall, -sz, cosine))
    return cosine, choose(on_floor, 1.0, choose(on_wall | on_side, 0.5, torch.full_like(t, 0.25)))


class _Pattern(NamedTuple):
    """What the surroundings look like: factors of the ground's and the walls' colour, share of haze, and how high in
    the sky a ray ends. None for what no ray sees."""

    checker: Tensor | None = None
    haze: Tensor | None = None
    board: Tensor | None = None
    rise: Tensor | None = None


def _pattern(
    tables: Tables,
    ray: tuple[Tensor, ...],
    world: tuple[Tensor, ...],
    t: Tensor,
    sky: Tensor,
    on: tuple[Tensor, ...] | None,
    width: int,
) -> _Pattern:
    checker = haze = board = rise = None
    if some(~sky):
        # Checker, faded where a square is smaller than a few pixels; haze towards the horizon.
        (tile,) = tables.of_scene("tile")
        odd = (((world[0] / tile).floor() + (world[2] / tile).floor()) * 0.5).frac().abs() * 2
        pixel = t * t / (-tables.of_scene("eye")[1]) * (2 * tables.of_scene("half")[0] / width)
        contrast = CHECKER_CONTRAST * (1.3 - 2 * pixel / tile).clamp(0, 1)
        checker = 1 + contrast * (odd - 0.5)
        haze = t / (t + HAZE_DISTANCE)
        if on is not None:
            _, on_wall, on_side = on
            room = tables.of_scene("room")
            haze = haze * room[0].isinf()
            # A skirting board where walls meet the floor.
            board = 1 - 0.22 * less(-0.04 * room[1], world[1])
            board = choose(~(on_wall | on_side), 1.08, board)
    if some(sky):
        slant = (ray[0] * ray[0] + ray[1] * ray[1] + ray[2] * ray[2]).sqrt()
        rise = (-ray[1] / slant * 1.6).clamp(0, 1)
    return _Pattern(checker, haze, board, rise)


def _surroundings_color(
    tables: Tables, channel: int, pattern: _Pattern, light: Tensor, sky: Tensor, on: tuple[Tensor, ...] | None
) -> Tensor:
    """One channel of ground, walls and sky, as if no object stood there; a tensor of its own."""
    horizon = tables.of_scene("horizon")[channel]
    if pattern.checker is None or pattern.haze is None:
        color = torch.empty_like(light)
    else:
        color = tables.of_scene("ground")[channel] * pattern.checker * light
        color = color + (horizon - color) * pattern.haze
    if pattern.board is not None and on is not None:
        color = choose(~on[0], tables.of_scene("wall")[channel] * pattern.board * light, color)
    if pattern.rise is not None:
        color = choose(sky, horizon + (tables.of_scene("zenith")[channel] - horizon) * pattern.rise, color)
    return color


def _object_surface(
    tables: Tables, primitive: Tensor, x: Tensor, y: Tensor, t: Tensor, where: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Colour [3, M], cosine to the light [M] and share of sky [M] of the rays `where` [M] that hit an object."""
    which = primitive.view(-1).index_select(0, where)
    x, y, t = (value.expand_as(primitive).reshape(-1).index_select(0, where) for value in (x, y, t))
    normal = torch.empty(3, len(which), device=which.device)
    for shape, (first, last) in enumerate(tables.ranges):
        index = nonzero(less_equal(first, which) & less(which, last))
        if len(index) == 0:
            continue
        rows = tables.primitives[AT["origin"].start : AT["inverse"].stop]
        rows = rows.index_select(1, which.index_select(0, index))
        origin, ray, taper, inverse = rows[:3], rows[3:12], rows[12:14], rows[14:23]
        depth = t.index_select(0, index)
        direction = transform(ray, x.index_select(0, index), y.index_select(0, index), 1.0)
        point = tuple(o + depth * d for o, d in zip(origin, direction))
        nx, ny, nz = _NORMAL[shape](point, taper)
        # Normals map with the transposed inverse.
        for axis in range(3):
            normal[axis, index] = inverse[axis] * nx + inverse[axis + 3] * ny + inverse[axis + 6] * nz
    wx, wy, wz = normal
    length = (wx * wx + wy * wy + wz * wz).sqrt().clamp_min(1e-12)
    sun = tables.of_scene("sun", 0)
    sx, sy, sz = sun.expand(3, 1) if sun.shape[1] == 1 else sun.index_select(1, tables.scene[which])
    cosine = (wx * sx + wy * sy + wz * sz) / length
    return tables.primitives[AT["rgb"]].index_select(1, which), cosine, 0.5 - 0.5 * wy / length


def _normal_of_block(point: Vector, taper: Tensor) -> Vector:
    """Outer normal in the canonical frame, of any length, at points of the surface."""
    px, py, pz = point
    slope_x, slope_z = 0.5 - 0.5 * taper
    past_x = px.abs() - 1 + slope_x * (1 + py)
    past_z = pz.abs() - 1 + slope_z * (1 + py)
    end = less(torch.maximum(past_x, past_z), py.abs() - 1)
    along_x = less_equal(past_z, past_x)
    nx = choose(~along_x | end, 0.0, px.sign())
    nz = choose(along_x | end, 0.0, pz.sign())
    return nx, choose(end, py.sign(), choose(along_x, slope_x, slope_z.clone())), nz


def _normal_of_ellipsoid(point: Vector, taper: Tensor) -> Vector:
    return point


def _normal_of_frustum(point: Vector, taper: Tensor) -> Vector:
    px, py, pz = point
    slope = 0.5 - 0.5 * taper[0]
    past_side = (px * px + pz * pz).sqrt() - 1 + slope * (1 + py)
    end = less(past_side, py.abs() - 1)
    radius = 1 - slope * (1 + py)
    return choose(end, 0.0, px), choose(end, py.sign(), slope * radius), choose(end, 0.0, pz)


_NORMAL = {BLOCK: _normal_of_block, ELLIPSOID: _normal_of_ellipsoid, FRUSTUM: _normal_of_frustum}
