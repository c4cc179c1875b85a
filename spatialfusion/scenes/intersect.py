"""Where rays enter and leave primitives in their canonical frames, and what the camera's rays hit first.

Rays are not stored: a ray of the pixel at (x, y) on the plane z = 1 of the camera has the direction (x, y, 1), so its
parameter t is the depth itself. A primitive is tested against the rays in its rectangle on the screen: a large one
alone, as an array of rays, small ones together, as pairs of primitive and ray. All arithmetic is elementwise, so that
both ways, and any batch, give the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from .elementwise import choose, less, less_equal, nonzero
from .primitives import BLOCK, ELLIPSOID, FRUSTUM
from .tables import AT, Tables

LARGE = 2000  # a primitive that more rays may hit is faster alone, on a CPU
CPU_PAIRS, GPU_PAIRS = 1 << 16, 1 << 24  # pairs of primitive and ray that are tested at once

Vector = tuple[Tensor, Tensor, Tensor]


def transform(matrix: Tensor, x: Tensor, y: Tensor, z: Tensor | float) -> Vector:
    """Multiply rows of a flat matrix [9, ...] with vectors; elementwise, hence the same bits in any batch."""
    first, second, third = (matrix[3 * i] * x + matrix[3 * i + 1] * y + matrix[3 * i + 2] * z for i in range(3))
    return first, second, third


# --- entry and exit parameters of rays, entry > exit where a ray misses ----------------------------------------------


def _hit_block(origin: Vector, ray: Vector, taper: Tensor) -> tuple[Tensor, Tensor]:
    (ox, oy, oz), (dx, dy, dz) = origin, ray
    inverse = 1 / dy
    a, b = (-1 - oy) * inverse, (1 - oy) * inverse
    near, far = torch.minimum(a, b), torch.maximum(a, b)
    for o, d, top in ((ox, dx, taper[0]), (oz, dz, taper[1])):
        slope = 0.5 - 0.5 * top
        room = 1 - slope - slope * oy
        fall = slope * dy
        # Adding 0.0 turns -0.0 into 0.0, so that the quotient has the sign of the numerator.
        for space, across in ((room - o, fall + d + 0.0), (room + o, fall - d + 0.0)):
            t = space / across
            entering = less(across, 0)
            near = choose(entering, torch.maximum(near, t), near)
            far = choose(~entering, torch.minimum(far, t), far)
    return near, far


def _hit_ellipsoid(origin: Vector, ray: Vector, taper: Tensor) -> tuple[Tensor, Tensor]:
    (ox, oy, oz), (dx, dy, dz) = origin, ray
    a = dx * dx + dy * dy + dz * dz
    middle = -(ox * dx + oy * dy + oz * dz) / a
    # Measured from the point nearest the centre: no cancellation for small shapes that are far away.
    px, py, pz = ox + middle * dx, oy + middle * dy, oz + middle * dz
    half = ((1 - (px * px + py * py + pz * pz)) / a).sqrt()  # NaN where the ray misses: compares as False
    return middle - half, middle + half


def _hit_frustum(origin: Vector, ray: Vector, taper: Tensor) -> tuple[Tensor, Tensor]:
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
    steep, widens = less(a, 0), less(shrink, 0)
    enter, leave = low.clone(), high.clone()
    enter = choose(steep & widens, high, choose(steep & ~widens, -math.inf, enter))
    leave = choose(steep & widens, math.inf, choose(steep & ~widens, low, leave))
    # NaN where the ray misses: it compares as False.
    missed = ~less_equal(0, root)
    return choose(missed, math.inf, torch.maximum(near, enter)), torch.minimum(far, leave)


HIT: dict[int, Callable[[Vector, Vector, Tensor], tuple[Tensor, Tensor]]] = {
    BLOCK: _hit_block,
    ELLIPSOID: _hit_ellipsoid,
    FRUSTUM: _hit_frustum,
}


# --- first hits of the camera's rays ---------------------------------------------------------------------------------


class Grid:
    """The rays through the centres of a grid, and the primitives' rectangles on it.

    x [S, width] and y [S, height] are the rays' coordinates on the plane z = 1.
    """

    def __init__(self, tables: Tables, width: int, height: int) -> None:
        self.tables, self.width, self.height = tables, width, height
        device = tables.primitives.device
        half_x, half_y = tables.of_scene("half", 1)
        self.x = ((torch.arange(width, device=device) + 0.5) * (2 / width) - 1) * half_x
        self.y = ((torch.arange(height, device=device) + 0.5) * (2 / height) - 1) * half_y
        self._scene = tables.scene.tolist()
        half_x, half_y = half_x[:, 0][tables.scene], half_y[:, 0][tables.scene]
        x0, x1, y0, y1 = tables.primitives[AT["screen"]]
        sides = [
            ((x0 / half_x + 1) * (width / 2) - 0.5).clamp(0, width).ceil(),
            ((x1 / half_x + 1) * (width / 2) + 0.5).clamp(0, width).floor(),
            ((y0 / half_y + 1) * (height / 2) - 0.5).clamp(0, height).ceil(),
            ((y1 / half_y + 1) * (height / 2) + 0.5).clamp(0, height).floor(),
        ]
        self._left, self._right, self._top, self._bottom = (side.long().cpu().numpy() for side in sides)

    def first_hits(self, top: int, bottom: int, check: Callable[[], None]) -> tuple[Tensor, Tensor]:
        """Depth (inf where nothing is hit) and primitive (int32, -1 if none) of the rows top to bottom, [S, R, width].

        check: called after each bounded piece of work; it may raise.
        """
        shape = len(self.x), bottom - top, self.width
        device = self.x.device
        depth = torch.full(shape, math.inf, device=device)
        primitive = torch.full(shape, -1, dtype=torch.int32, device=device)
        tops, bottoms = self._top.clip(top, bottom), self._bottom.clip(top, bottom)
        rays = (self._right - self._left).clip(0) * (bottoms - tops).clip(0)
        large = rays >= LARGE if device.type == "cpu" else np.zeros(len(rays), bool)
        for index in np.flatnonzero(large).tolist():
            self._draw_alone(index, tops[index].item(), bottoms[index].item(), top, depth, primitive)
            check()
        small = np.where(large, 0, rays)
        if small.any():
            depth, primitive = self._draw_together(small, tops, top, depth, primitive, check)
        return depth, primitive

    def _draw_alone(self, index: int, top: int, bottom: int, first_row: int, depth: Tensor, primitive: Tensor) -> None:
        """Draw the rows top to bottom of one primitive; of equally near ones the earlier stays, as when together."""
        scene, columns = self._scene[index], slice(self._left[index].item(), self._right[index].item())
        table = self.tables.primitives[:, index]
        ray = transform(table[AT["ray"]], self.x[scene, columns], self.y[scene, top:bottom, None], 1.0)
        x, y, z = table[AT["origin"]].unbind(0)
        near, far = HIT[self._shape(index)]((x, y, z), ray, table[AT["taper"]])
        window = scene, slice(top - first_row, bottom - first_row), columns
        seen = less_equal(near, far) & less(0, near) & less(near, depth[window])
        choose(seen, near, depth[window])
        choose(seen, index, primitive[window])

    def _draw_together(
        self, rays: np.ndarray, tops: np.ndarray, first_row: int, depth: Tensor, primitive: Tensor, check
    ) -> tuple[Tensor, Tensor]:
        """Draw `rays` [P] rays of each primitive, from the rows `tops` on, in pairs of primitive and ray."""
        tables, device = self.tables, depth.device
        # Depth and primitive in one number: its minimum is the nearest, and the earliest of equally near ones.
        packed = (depth.view(torch.int32).long() << 32) + (primitive + 1)
        flat = packed.view(-1)
        columns = torch.from_numpy(self._right - self._left).to(device)
        lefts, first_rows = torch.from_numpy(self._left).to(device), torch.from_numpy(tops).to(device)
        most = CPU_PAIRS if device.type == "cpu" else GPU_PAIRS
        for shape, (first, last) in enumerate(tables.ranges):
            for start, stop in batches(rays[first:last], most):
                count = rays[first + start : first + stop]
                total = int(count.sum())
                which, within = expand(torch.from_numpy(count).to(device), total)
                which += first + start
                wide = columns[which]
                row = torch.div(within, wide, rounding_mode="floor")
                column = within - row * wide + lefts[which]
                row += first_rows[which]
                scene = tables.scene[which]
                x = self.x.view(-1).index_select(0, scene * self.width + column)
                y = self.y.view(-1).index_select(0, scene * self.height + row)
                rows = tables.primitives[AT["origin"].start : AT["taper"].stop].index_select(1, which)
                near, far = HIT[shape]((rows[0], rows[1], rows[2]), transform(rows[3:12], x, y, 1.0), rows[12:14])
                hit = nonzero(less_equal(near, far) & less(0, near))
                found = (near[hit].view(torch.int32).long() << 32) + (which[hit] + 1)
                cell = (scene[hit] * depth.shape[1] + row[hit] - first_row) * self.width + column[hit]
                flat.scatter_reduce_(0, cell, found, "amin")
                check()
        return (packed >> 32).int().view(torch.float32), (packed & 0xFFFFFFFF).int() - 1

    def _shape(self, index: int) -> int:
        return next(shape for shape, (first, last) in enumerate(self.tables.ranges) if first <= index < last)


def batches(counts: np.ndarray, most: int) -> Iterator[tuple[int, int]]:
    """Ranges of `counts` with at most `most` in all, or with one element, or with many and then nothing."""
    ends = counts.cumsum()
    start = 0
    while start < len(counts):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + most, side="right")))
        if ends[stop - 1] > before:
            yield start, stop
        start = stop


def expand(counts: Tensor, total: int) -> tuple[Tensor, Tensor]:
    """For each of the `total` members of groups with `counts` [N] members: its group, and its place within."""
    index = torch.arange(len(counts), device=counts.device)
    group = torch.repeat_interleave(index, counts, output_size=total)
    begin = counts.cumsum(0) - counts
    return group, torch.arange(total, device=counts.device) - begin[group]
