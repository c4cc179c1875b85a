"""`python -m spatialfusion.evaluate.foundation.best_case`: how far off the judge is when all its networks are right.

Rendered scenes have exact masks, depth and fronts. The error that remains comes from a camera that sees surfaces only,
and from `measure` and `GroundPlane`. Three more rows damage the exact input as networks do: masks that take one
pixel of the surroundings, depth that is blurred over the edges of things, and depth with one per cent of noise.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import InputError, run_command
from ...geometry.geometry import Geometry
from ...scenes.render import Rendering, render
from ...scenes.sample import sample_scene
from ...scenes.scene import Scene
from ...scenes.statements import observe
from .gravity import GroundPlane
from .measure import measure

DAMAGES = ("none", "mask", "blur", "noise")
SHOWN = (0.5, 0.75, 0.95)  # quantiles of the errors that are printed


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m spatialfusion.evaluate.foundation.best_case", description=__doc__)
    parser.add_argument("--count", type=int, default=60, help="number of scenes")
    parser.add_argument("--size", type=int, default=256, help="pixels of an image's side")
    options = parser.parse_args(arguments)
    scenes = [sample_scene(seed, split="test") for seed in range(options.count)]
    rendering = render(scenes, (options.size, options.size), samples=1)
    print(f"{options.count} scenes at {options.size}x{options.size}; the quantiles {SHOWN} of each")
    for damage in DAMAGES:
        geometry, masks = damaged(scenes, rendering, damage)
        tilts = torch.tensor([tilt(scene, geometry[i]) for i, scene in enumerate(scenes)])
        print(f"damage {damage}: gravity off by degrees {_quantiles(tilts[~tilts.isnan()])}")
        print(f"  no ground seen: {int(tilts.isnan().sum())}")
        for knows_front in (True, False):
            errors = list(_errors(scenes, geometry, masks, knows_front))
            if not errors:
                raise InputError(f"--count is {options.count}: no object there has a front, expected more scenes.")
            off, nearer, *sizes = torch.tensor(errors).unbind(1)
            print(f"  front {'known' if knows_front else 'unknown'}, {len(errors)} objects")
            print(f"    position, of the distance {_quantiles(off)}; nearer than true {_quantiles(nearer)}")
            for name, size in zip(("width", "height", "length"), sizes):
                print(f"    {name}, relative error {_quantiles(size)}")


def damaged(scenes: list[Scene], rendering: Rendering, damage: str) -> tuple[Geometry, list[Tensor]]:
    """The geometry of rendered scenes, and for each the masks [objects, H, W], as bad as `damage` says."""
    depth, valid = rendering.depth, rendering.valid
    masks = [
        torch.stack([instance == index for index in range(len(scene.objects))])
        for scene, instance in zip(scenes, rendering.instance)
    ]
    if damage == "mask":
        masks = [F.max_pool2d(mask.float(), 3, 1, 1) > 0 for mask in masks]
    elif damage == "blur":
        depth = F.avg_pool2d(depth.masked_fill(~valid, 100.0), 3, 1, 1, count_include_pad=False)
    elif damage == "noise":
        depth = depth * (1 + 0.01 * torch.randn(depth.shape, generator=torch.Generator().manual_seed(0)))
    intrinsics = torch.stack([scene.camera.intrinsics() for scene in scenes])
    return Geometry(depth.masked_fill(~valid, 0), valid, intrinsics), masks


def tilt(scene: Scene, geometry: Geometry) -> float:
    """Degrees between the gravity that is seen and the true one; nan where none is seen."""
    level = GroundPlane()(geometry)
    if level.source == "assumed":
        return math.nan
    # Through the sine: a cosine in float32 cannot tell small angles.
    sine = torch.linalg.cross(level.rotation[1], scene.camera.rotation()[:, 1]).norm().item()
    return math.degrees(math.asin(min(1.0, sine)))


def _errors(
    scenes: list[Scene], geometry: Geometry, masks: list[Tensor], knows_front: bool
) -> Iterator[tuple[float, ...]]:
    """Of each object that has a front: error of its position, how much too near, errors of its size; all relative."""
    for i, scene in enumerate(scenes):
        level = replace(scene.camera, pitch=0.0).rotation() @ scene.camera.rotation().T
        for mask, true in zip(masks[i], observe(scene).objects):
            if true.front is None:
                continue
            measured = measure(geometry[i], mask, level, (true.front[0], true.front[2]) if knows_front else None)
            if measured is None:
                continue
            position, size = measured
            distance = math.hypot(*true.position)
            off = math.dist(position, true.position) / distance
            nearer = 1 - math.hypot(*position) / distance
            yield off, nearer, *(abs(a - b) / b for a, b in zip(size, true.extents))


def _quantiles(values: Tensor) -> str:
    return " ".join(f"{value:.3f}" for value in torch.quantile(values, torch.tensor(SHOWN)).tolist())


if __name__ == "__main__":
    run_command(main)
