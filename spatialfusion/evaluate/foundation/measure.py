"""Where a thing is and how large, from the points of its pixels.

What is measured is the surface that the camera sees. Its box is the thing's own where the visible sides reach as far as
the thing does, which is so for box-like things seen at an angle. Of a thing seen straight from one side the extent
along the line of sight is not seen, and the centre is too near: docs/evaluation.md has figures.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...geometry.geometry import Geometry

MIN_POINTS = 16  # a thing with fewer points is not placed
# A mask's edge is where it takes of other things, and where depth lies between two surfaces. A pixel of an image whose
# shorter side has this many pixels; more for larger ones.
EDGE = 256
CELLS = 8  # parts of a thing's extent, in which what hangs together is looked for
MIN_PART = 0.1  # a part with a smaller share of the largest part's points does not belong to the thing
MARGIN = 0.03  # how far the edge may reach beyond the inside, as a part of the thing's extent
MIN_INSIDE = 0.2  # a thing with a smaller share of its points inside is all edge


def measure(
    geometry: Geometry, mask: Tensor, level: Tensor, front: tuple[float, float] | None
) -> tuple[tuple[float, float, float], tuple[float, float, float]] | None:
    """Position (centre of its box) and size (width, height, length) of a thing, in metres and level axes.

    geometry: of one image; mask: [H, W] bool; level: [3, 3] rotation from camera to level axes; front: level direction
    (x, z) in which the thing faces. Without it, the level box of the smallest area counts, with its width across the
    line of sight and its length along it. None where too few pixels have depth.
    """
    known = mask & geometry.valid[0]
    if known.sum() < MIN_POINTS:
        return None
    pixels = max(1, round(min(known.shape) / EDGE))
    points = geometry.points()[0][known] @ level.T
    inside = _shrunk(mask, pixels)[known]
    if inside.sum() < max(MIN_POINTS, MIN_INSIDE * len(points)):
        inside = torch.ones_like(inside)
    core = points[inside]
    core = core[_hangs_together(core)]
    if front is None:
        front = _smallest_box(core)
    x, z = front
    axes = torch.tensor([[-z, 0.0, x], [0.0, 1.0, 0.0], [x, 0.0, z]])  # right, down and front of the thing
    reach = MARGIN * _extent(core @ axes.T)
    # What the shrinking took of the thing itself, on both sides of its edge.
    reach = reach + 2 * pixels * core.norm(dim=-1).median() / (geometry.focal[0] * geometry.width)
    low, high = (core @ axes.T).amin(0) - reach, (core @ axes.T).amax(0) + reach
    along = points @ axes.T
    # Legs and stems are all edge: what stands on the same ground belongs to the thing, however high or low.
    along = along[((along >= low) & (along <= high))[:, [0, 2]].all(-1)]
    center = (along.amin(0) + along.amax(0)) / 2 @ axes
    return tuple(center.tolist()), tuple(_extent(along).tolist())


def _shrunk(mask: Tensor, pixels: int) -> Tensor:
    """A mask [H, W] without the pixels at its edge."""
    outside = F.max_pool2d((~mask).float()[None], 2 * pixels + 1, 1, pixels)[0] > 0
    return ~outside


def _hangs_together(points: Tensor) -> Tensor:
    """[N] bool: points [N, 3] of the largest part, and of parts not much smaller (an occluder may split a thing)."""
    few = points[:: math.ceil(len(points) / 10_000)]
    low, middle, high = torch.quantile(few, torch.tensor([0.05, 0.5, 0.95]), dim=0)
    cell = ((high - low).max() / CELLS).clamp_min(1e-6)
    # What lies farther away than twice the thing's extent is pressed against the side of the grid.
    x, y, z = ((points - middle) / cell).round().clamp(-2 * CELLS, 2 * CELLS).long().add(2 * CELLS).unbind(-1)
    part = torch.zeros(4 * CELLS + 1, 4 * CELLS + 1, 4 * CELLS + 1)
    part[x, y, z] = torch.arange(1.0, 1 + len(points))
    filled = (part > 0).float()
    # Each filled cell takes the largest number among its neighbours, until all of a part have one.
    while not torch.equal(grown := F.max_pool3d(part[None], 3, 1, 1)[0] * filled, part):
        part = grown
    of_point = part[x, y, z].long()
    size = torch.bincount(of_point)[of_point]
    return size >= MIN_PART * size.max()


def _smallest_box(points: Tensor) -> tuple[float, float]:
    """Level direction (x, z) of the box of the smallest area around points [N, 3]: of its side nearer to the view."""
    floor = points[:, [0, 2]]
    view = F.normalize(floor.mean(0), dim=0)
    angles = torch.deg2rad(torch.arange(-45.0, 45.0))
    along = torch.stack(
        [view[0] * angles.cos() - view[1] * angles.sin(), view[0] * angles.sin() + view[1] * angles.cos()]
    )
    across = torch.stack([-along[1], along[0]])
    best = (_extent(floor @ along) * _extent(floor @ across)).argmin()
    return tuple(along[:, best].tolist())


def _extent(values: Tensor) -> Tensor:
    return values.amax(0) - values.amin(0)
