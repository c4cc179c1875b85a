"""A scene text becomes a scene. docs/scene-text.md describes the language.

Positions count from the ground below a camera at rest: x to the right, z forward, heights upwards. `scene_from_text`
reads, `scene_to_text` (in write.py) writes what reads back as the same scene, `compose` draws. A text of numbers alone
means what they say, with a default for each that is missing; any other is solved.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from ..geometry import Geometry
from .language import read_scene_text
from .plain import corners, plain_layout
from .program import Layout
from .render import MAX_DEPTH, render
from .scene import Scene
from .solver import solve

EXAMPLE = """\
# two metres between a red car and the blue house behind it; a mug on a table, near the camera
camera height 1.6 pitch 5 fov 60
outdoor
house blue at 0.5 13.4 size 6 5 7
car red at 0 7 facing left
table white at 1 3.4 yaw 20
mug yellow on table
"""

MAX_RAYS = 1 << 24  # of one picture; each takes about 300 bytes


def scene_from_text(text: str, seed: int = 0, aspect: float = 1.0) -> Layout:
    """The scene of a text. Raises InputError, with the numbers of lines, for what is not in the language or impossible.

    seed: of what a text with relations leaves open. aspect: width of the picture over its height, for which such a
    text is composed.
    """
    program = read_scene_text(text)
    return solve(program, seed, aspect) if program.solved else plain_layout(program)


def spread(text: str, seeds: Iterable[int], aspect: float = 1.0) -> list[Layout]:
    """Layouts of the same text under several seeds: what it leaves open."""
    program = read_scene_text(text)
    return [solve(program, seed, aspect) if program.solved else plain_layout(program) for seed in seeds]


@dataclass(frozen=True)
class Composition:
    """A drawn layout.

    image [1, 3, H, W] in [0, 1]; geometry of one picture, exact at the pixels' centres; masks [N, H, W] bool, one for
    each object in the order of the text, true where it is what one sees; names of the objects; warnings, a sentence
    each.
    """

    image: Tensor
    geometry: Geometry
    masks: Tensor
    names: tuple[str, ...]
    warnings: tuple[str, ...]
    scene: Scene


def compose(text: str, size: tuple[int, int] = (1024, 1024), samples: int = 2) -> Composition:
    """Draw a scene text at `size` (width, height), with `samples` x `samples` rays per pixel for the image.

    Objects that cannot be seen are warnings. Raises InputError for a text that cannot be read, and for more rays than
    memory should be spent on.
    """
    layout = scene_from_text(text)
    width, height = size
    rays = width * height * samples * samples
    if rays > MAX_RAYS:
        raise InputError(
            f"a picture of {width}x{height} pixels with {samples}x{samples} rays each needs {rays / 1e6:.0f} million "
            f"rays; expected at most {MAX_RAYS / 1e6:.0f} million: fewer pixels, or less supersampling."
        )
    drawn = render([layout.scene], size, samples)
    focal = layout.scene.camera.intrinsics()[0, 0]
    geometry = Geometry.from_depth(drawn.depth, focal)
    masks = drawn.instance == torch.arange(len(layout.names))[:, None, None]
    warnings = list(layout.warnings)
    outside = out_of_view(layout, width / height)
    for index, (name, mask) in enumerate(zip(layout.names, masks)):
        if index in outside:
            warnings.append(outside[index])
        elif not mask.any():
            warnings.append(f"{name} cannot be seen: it is hidden, or smaller than a pixel.")
        elif not geometry.valid[0][mask].any():
            warnings.append(f"{name} is farther than {MAX_DEPTH:g} m, where depth counts as unknown.")
    return Composition(drawn.image, geometry, masks, layout.names, tuple(warnings), layout.scene)


def out_of_view(layout: Layout, aspect: float) -> dict[int, str]:
    """A sentence for each object (by index) whose box lies wholly behind the camera or beside the picture.

    aspect: width of the picture over its height.
    """
    camera = layout.scene.camera
    half_x = math.tan(math.radians(camera.hfov) / 2)
    found = {}
    for index, (name, thing) in enumerate(zip(layout.names, layout.scene.objects)):
        x, y, z = camera.world_to_camera(corners(thing)).T
        sides = {
            "behind the camera": z <= 0,
            "left of the picture": x < -half_x * z,
            "right of the picture": x > half_x * z,
            "above the picture": y < -half_x / aspect * z,
            "below the picture": y > half_x / aspect * z,
        }
        side = next((side for side, beyond in sides.items() if beyond.all()), None)
        if side is not None:
            found[index] = f"{name} cannot be seen: it is {side}."
    return found
