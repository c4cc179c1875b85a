"""Which points are in shadow: between them and the light stands a primitive.

Seen from the light, points are sorted into the cells of a grid, and tested only against the primitives that reach into
their cell and stand higher there, towards the light.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .elementwise import equal, less, less_equal, nonzero
from .intersect import CPU_PAIRS, GPU_PAIRS, HIT, Vector, batches, expand, transform
from .tables import AT, Tables

MOST_ENTRIES = 1 << 18  # most entries of primitives in cells


class Shadows:
    """What can throw shadows in some scenes.

    cells: to a side of the grid of each scene; fewer are taken where primitives are in too many of them.
    """

    def __init__(self, tables: Tables, cells: int) -> None:
        self._tables = tables
        scene = tables.scene.cpu().numpy()
        table = tables.primitives.cpu().numpy()
        boxes = table[AT["light_box"]]
        count = tables.scenes.shape[1]
        low, high = np.full((2, count), np.inf, np.float32), np.full((2, count), -np.inf, np.float32)
        for axis in range(2):
            np.minimum.at(low[axis], scene, boxes[2 * axis])
            np.maximum.at(high[axis], scene, boxes[2 * axis + 1])
        self._cells = 2 * cells
        sizes = np.array([MOST_ENTRIES + 1])
        while sizes.sum() > MOST_ENTRIES and self._cells > 1:
            self._cells //= 2
            # All in float32, so that the cells of points, computed alike, lie between those of their boxes' sides.
            scale = self._cells / np.maximum(high - low, np.float32(1e-6))
            begin, end = ([self._cell(boxes[2 * axis + side], low[axis][scene], scale[axis][scene]) for axis in (0, 1)]
                          for side in (0, 1))  # fmt: skip
            rows = end[1] - begin[1] + 1
            sizes = (end[0] - begin[0] + 1) * rows
        caster = np.repeat(np.arange(len(scene)), sizes)
        within = np.arange(len(caster)) - np.repeat(sizes.cumsum() - sizes, sizes)
        column, row = begin[0][caster] + within // rows[caster], begin[1][caster] + within % rows[caster]
        owner = scene[caster]
        sides = [
            (low[axis][owner] + (place + 0.5) / scale[axis][owner].astype(np.float64), scale[axis][owner])
            for axis, place in enumerate((column, row))
        ]
        across, sun, shift = (table[AT[name]][:, caster] for name in ("across", "sun", "shift"))
        bottom, top = _extents(across, sun, shift, sides)
        reached = bottom <= top
        cell = self._index(owner, column, row)[reached]
        order = np.argsort(cell, kind="stable")
        counts = np.bincount(cell, minlength=count * self._cells**2)
        highest = np.full(len(counts), -np.inf, np.float32)
        top = top[reached].astype(np.float32)
        np.maximum.at(highest, cell, top)

        def move(array: np.ndarray) -> Tensor:
            return torch.from_numpy(array).to(tables.primitives.device)

        self._low, self._high, self._scale = move(low), move(high), move(scale)
        self._casters, self._tops = move(caster[reached][order]), move(top[order])
        self._counts, self._starts, self._highest = move(counts), move(counts.cumsum() - counts), move(highest)

    def _cell(self, value, low, scale):
        """Cells of coordinates along one axis: of numpy arrays or tensors of float32."""
        cell = (value - low) * scale
        if isinstance(cell, Tensor):
            return cell.floor().clamp(0, self._cells - 1).long()
        return np.floor(cell).clip(0, self._cells - 1).astype(np.int64)

    def _index(self, scene, column, row):
        return (scene * self._cells + column) * self._cells + row

    def of(self, lit: Tensor, light: Vector, world: Vector, own: Tensor, check: Callable[[], None]) -> Tensor:
        """Whether an object stands between each point and the light, [S, ...] bool.

        lit: points to ask for, [S, ...] bool. light, world: their coordinates along the light's axes and in the world.
        own: the primitive that each lies on, which throws no shadow on itself. check: as in `Grid.first_hits`.
        """
        shadow = torch.zeros_like(lit)
        for axis, value in enumerate(light[:2]):
            low, high = (bound[axis].view(-1, *[1] * (lit.ndim - 1)) for bound in (self._low, self._high))
            lit = lit & less(low, value) & less(value, high)
        point = nonzero(lit)
        u, v, w = (value.reshape(-1).index_select(0, point) for value in light)
        if len(lit) > 1:
            scene: Tensor | int = torch.div(point, lit[0].numel(), rounding_mode="floor")
            (low_u, low_v), (scale_u, scale_v) = self._low[:, scene], self._scale[:, scene]
        else:
            scene, (low_u, low_v), (scale_u, scale_v) = 0, self._low, self._scale
        cell = self._index(scene, self._cell(u, low_u, scale_u), self._cell(v, low_v, scale_v))
        below = nonzero(less(w, self._highest.index_select(0, cell)))
        point, cell, u, v, w = (value.index_select(0, below) for value in (point, cell, u, v, w))
        own, *places = (value.reshape(-1).index_select(0, point) for value in (own, *world))
        counts, starts = self._counts.index_select(0, cell), self._starts.index_select(0, cell)
        on_cpu = lit.device.type == "cpu"
        for start, stop in batches(counts.cpu().numpy(), CPU_PAIRS if on_cpu else GPU_PAIRS):
            which, entry = expand(counts[start:stop], int(counts[start:stop].sum()))
            which += start
            entry += starts.index_select(0, which)
            chosen = nonzero(less(w.index_select(0, which), self._tops.index_select(0, entry)))
            which, caster = which.index_select(0, chosen), self._casters.index_select(0, entry.index_select(0, chosen))
            u0, u1, v0, v1, w1 = self._tables.primitives[AT["light_box"]].index_select(1, caster)
            at_u, at_v, at_w = (value.index_select(0, which) for value in (u, v, w))
            inside = less(u0, at_u) & less(at_u, u1) & less(v0, at_v) & less(at_v, v1) & less(at_w, w1)
            chosen = nonzero(inside & ~equal(caster, own.index_select(0, which)))
            blocked = self._blocked(caster.index_select(0, chosen), which.index_select(0, chosen), places)
            shadow.view(-1)[point.index_select(0, blocked)] = True
            check()
        return shadow

    def _blocked(self, caster: Tensor, index: Tensor, world: list[Tensor]) -> Tensor:
        """Those of the points `index` [M] of `world` that the primitive `caster` [M] hides from the light."""
        found = [index[:0]]
        for shape, (first, last) in enumerate(self._tables.ranges):
            of_shape = nonzero(less_equal(first, caster) & less(caster, last))
            if len(of_shape) == 0:
                continue
            points = index.index_select(0, of_shape)
            rows = self._tables.primitives[AT["taper"].start : AT["sun"].stop]
            rows = rows.index_select(1, caster.index_select(0, of_shape))
            taper, inverse, shift, sun = rows[:2], rows[2:11], rows[11:14], rows[14:17]
            x, y, z = (value.index_select(0, points) for value in world)
            x, y, z = (value - moved for value, moved in zip(transform(inverse, x, y, z), shift))
            near, far = HIT[shape]((x, y, z), (sun[0], sun[1], sun[2]), taper)
            # A millimetre of slack: primitives touch each other and the ground.
            found.append(points.index_select(0, nonzero(less_equal(near, far) & less(1e-3, far))))
        return torch.cat(found)


def _extents(
    across: np.ndarray, along: np.ndarray, shift: np.ndarray, sides: list[tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds along the light [E] of primitives within cells; the lower is above the upper where they miss each other.

    A primitive lies in the box |c| <= 1 of its canonical coordinates, which are linear in those along the light.

    across [6, E], along [3, E], shift [3, E]: as in the table of primitives. sides: for both axes the cell's middle and
    the cells to a metre.
    """
    bottom, top = np.full(across.shape[1], -np.inf), np.full(across.shape[1], np.inf)
    for axis in range(3):
        middle, reach = -shift[axis].astype(np.float64), 1.0
        for slope, (place, scale) in zip((across[axis], across[axis + 3]), sides):
            middle = middle + slope * place
            # A little more than the cell, for the roundings of float32.
            reach = reach + np.abs(slope) * (0.501 / scale + 1e-6 * np.abs(place))
        steep = np.maximum(np.abs(along[axis].astype(np.float64)), 1e-9)
        center, half = -np.sign(along[axis]) * middle / steep, 1.001 * reach / steep + 1e-3
        bottom, top = np.maximum(bottom, center - half), np.minimum(top, center + half)
    return bottom, top
