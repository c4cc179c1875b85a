"""Ray tracing of scenes with exact metric depth, many scenes in one call, on CPU or GPU.

Every scene becomes a table of constants (`tables.py`), the camera's rays meet its primitives (`intersect.py`), and
what they see is shaded (`shade.py`, `shadow.py`). Large images are drawn in strips of rows, so that memory does not
grow with their size. All arithmetic on rays is elementwise: a scene looks the same to the last bit whatever else is in
the batch, and however it is cut into strips.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from .elementwise import less, nonzero
from .intersect import Grid, transform
from .scene import Scene
from .shade import draw, nearest, surroundings
from .shadow import Shadows
from .tables import AT, tabulate
from .tables import GROUNDS as GROUNDS
from .tables import SKIES as SKIES
from .tables import WALLS as WALLS

CPU_RAYS, GPU_RAYS = 1 << 17, 1 << 23  # of a strip: short arrays stay in a CPU's cache; a GPU wants long ones
MAX_DEPTH = 100.0

Progress = Callable[[int, int], None]


@dataclass
class Rendering:
    """image [B, 3, H, W] in [0, 1], or None if none was asked for; depth [B, H, W] metres, 0 where invalid; valid
    [B, H, W]; instance [B, H, W].

    Depth, valid and instance are those of the ray through the pixel's centre; the image averages the sub-samples.
    `valid` is False for the sky and beyond 100 m; `instance` is the index of the object, -1 for the background.
    """

    image: Tensor | None
    depth: Tensor
    valid: Tensor
    instance: Tensor


def render(
    scenes: list[Scene],
    size: tuple[int, int] = (128, 128),
    samples: int = 2,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
) -> Rendering:
    """Render `scenes` at `size` (width, height), with `samples` x `samples` rays per pixel for the image, 0 for none.

    progress: called with the rows of pixels that are done and those of all scenes, several times in each strip; what
        it raises ends the rendering.
    """
    width, height = size
    if not scenes:
        raise InputError("render was given an empty list of scenes; give at least one.")
    if width < 1 or height < 1 or samples < 0:
        raise InputError(
            f"render was given size {size} and {samples} samples; width and height must be at least 1, samples at "
            "least 0."
        )
    shape, rows = (len(scenes), height, width), len(scenes) * height
    image = torch.empty(len(scenes), 3, height, width, device=device) if samples else None
    depth, instance = torch.empty(shape, device=device), torch.empty(shape, dtype=torch.long, device=device)
    done = 0

    def check() -> None:
        if progress is not None:
            progress(done, rows)

    for first, last, strips in _pieces(len(scenes), width, height, max(samples, 1), device):
        tables = tabulate(scenes[first:last], width / height, device)
        grid = Grid(tables, width, height)
        if samples:
            fine = Grid(tables, width * samples, height * samples)
            shadows = Shadows(tables, max(8, int(samples * (width * height) ** 0.5) // 16))
        for top, bottom in strips:
            part = slice(first, last), slice(top, bottom)
            depth[part], instance[part] = _depth_and_instance(grid, top, bottom, check)
            if image is not None:
                image[first:last, :, top:bottom] = draw(fine, shadows, top * samples, bottom * samples, samples, check)
            done += (bottom - top) * (last - first)
            check()
    valid = depth <= MAX_DEPTH
    return Rendering(image, depth.masked_fill_(~valid, 0), valid, instance)


def instances(scenes: list[Scene], size: tuple[int, int] = (128, 128)) -> Tensor:
    """The `instance` [B, H, W] of `render` alone, int8 (int16 if need be), at a twentieth of the cost."""
    width, height = size
    most = max(len(scene.objects) for scene in scenes)
    found = torch.empty(len(scenes), height, width, dtype=torch.int8 if most < 128 else torch.int16)
    for first, last, strips in _pieces(len(scenes), width, height, 1, "cpu"):
        grid = Grid(tabulate(scenes[first:last], width / height, "cpu"), width, height)
        for top, bottom in strips:
            found[first:last, top:bottom] = _depth_and_instance(grid, top, bottom, lambda: None)[1]
    return found


def _pieces(count: int, width: int, height: int, samples: int, device: torch.device | str):
    """Ranges of scenes that are drawn together, each with the ranges of rows of its strips."""
    most = CPU_RAYS if torch.device(device).type == "cpu" else GPU_RAYS
    together = max(1, most // (width * height * samples**2))
    for first in range(0, count, together):
        last = min(first + together, count)
        rows = max(1, most // (width * samples**2 * (last - first)))
        yield first, last, [(top, min(top + rows, height)) for top in range(0, height, rows)]


def _depth_and_instance(grid: Grid, top: int, bottom: int, check: Callable[[], None]) -> tuple[Tensor, Tensor]:
    """Depth (inf in the sky) and index of the object (-1: none) of some rows of rays, [S, R, width]."""
    depth, primitive = grid.first_hits(top, bottom, check)
    tables = grid.tables
    ray = transform(tables.of_scene("to_world"), grid.x[:, None], grid.y[:, top:bottom, None], 1.0)
    around = nearest(surroundings(tables, ray))
    instance = torch.full_like(primitive, -1, dtype=torch.long)
    where = nonzero(less(depth, around))
    objects = tables.primitives[AT["object"].start].long()
    instance.view(-1)[where] = objects.index_select(0, primitive.view(-1).index_select(0, where))
    return torch.minimum(depth, around), instance
