"""How high the top of an object is, from place to place: where things stand that are on it."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from .primitives import Primitive
from .render import render
from .scene import Camera, Scene, SceneObject

CELLS = 20  # cells along each side of the footprint
_ABOVE = 60.0  # metres from the camera to the top; so far that it looks straight down everywhere
_POINTS = np.array([(x, z) for x in (-0.4, 0.0, 0.4) for z in (-0.4, 0.0, 0.4)])  # points of a footprint


@lru_cache(maxsize=1024)
def heights(parts: tuple[Primitive, ...]) -> np.ndarray:
    """[CELLS, CELLS] heights of the top as parts of the whole height, by z (front first) and x; NaN beside it."""
    thing = SceneObject("cube", "white", (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), 0.0, parts=parts)
    camera = Camera((0.0, -_ABOVE - 1.0, 0.0), 0.0, 90.0, 2 * math.degrees(math.atan(0.5 / _ABOVE)))
    drawn = render([Scene((thing,), camera, "outdoor", (0.0, 50.0), 0, 0)], (CELLS, CELLS), samples=1)
    height = np.where(drawn.instance[0].numpy() == 0, _ABOVE + 1.0 - drawn.depth[0].double().numpy(), math.nan)
    return np.clip(height[::-1], 0.0, 1.0)


def stand(
    parts: tuple[Primitive, ...], across: np.ndarray, along: np.ndarray, size: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """The height on which a footprint rests, and how uneven that is, as parts of the whole height.

    across, along: its middle, in widths and lengths of the support, from the support's middle. size: likewise.
    """
    surface = heights(parts)
    x = ((across[..., None] + _POINTS[:, 0] * size[0] + 0.5) * CELLS).astype(int)
    z = ((along[..., None] + _POINTS[:, 1] * size[1] + 0.5) * CELLS).astype(int)
    found = surface[np.clip(z, 0, CELLS - 1), np.clip(x, 0, CELLS - 1)]
    beside = (x < 0) | (x >= CELLS) | (z < 0) | (z >= CELLS) | np.isnan(found)
    highest = np.where(beside, 0.0, found).max(-1)
    # Nothing below at all: the support's full height, as for a text of numbers.
    highest = np.where(beside.all(-1), 1.0, highest)
    lowest = np.where(beside, highest[..., None] - 0.1, found).min(-1)
    return highest, highest - lowest
