"""A scene text becomes a scene. docs/scene-text.md describes the language.

Positions count from the ground below a camera at rest: x to the right, z forward, heights upwards. `scene_from_text`
reads, `scene_to_text` (in write.py) writes what reads back as the same scene, `compose` and `draw` draw. A text of
numbers alone means what they say, with a default for each that is missing; any other is solved.
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
from .render import MAX_DEPTH, Progress, render
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

MAX_RAYS = 1 << 24  # of one picture


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

    image [1, 3, H, W] in [0, 1], None where none was asked for; geometry of one picture, exact at the pixels' centres;
    instance [H, W], the number of the object that is seen, in the order of the text, -1 for none; names of the objects;
    warnings, a sentence each.
    """

    image: Tensor | None
    geometry: Geometry
    instance: Tensor
    names: tuple[str, ...]
    warnings: tuple[str, ...]
    scene: Scene

    @property
    def masks(self) -> Tensor:
        """[N, H, W] bool, one for each object, true where it is what one sees."""
        return self.instance == torch.arange(len(self.names))[:, None, None]


def compose(
    text: str,
    size: tuple[int, int] = (1024, 1024),
    samples: int = 2,
    seed: int = 0,
    progress: Progress | None = None,
) -> Composition:
    """Draw a scene text at `size` (width, height); seed as in `scene_from_text`, the rest and errors as in `draw`."""
    check_size(size, samples)
    return draw(scene_from_text(text, seed, size[0] / size[1]), size, samples, progress)


def draw(
    layout: Layout, size: tuple[int, int] = (1024, 1024), samples: int = 2, progress: Progress | None = None
) -> Composition:
    """Draw a layout at `size` (width, height), with `samples` x `samples` rays per pixel for the image, 0 for none.

    Objects that cannot be seen are warnings. progress: as in `render`. Raises InputError for more rays than time should
    be spent on.
    """
    check_size(size, samples)
    drawn = render([layout.scene], size, samples, progress=progress)
    focal = layout.scene.camera.intrinsics()[0, 0]
    geometry = Geometry.from_depth(drawn.depth, focal)
    instance = drawn.instance[0]
    # How many pixels show each object, and how many of them have depth.
    seen = torch.bincount(instance[instance >= 0], minlength=len(layout.names)).tolist()
    known = torch.bincount(instance[(instance >= 0) & geometry.valid[0]], minlength=len(layout.names)).tolist()
    warnings = list(layout.warnings)
    outside = out_of_view(layout, size[0] / size[1])
    for index, name in enumerate(layout.names):
        if index in outside:
            warnings.append(outside[index])
        elif not seen[index]:
            warnings.append(f"{name} cannot be seen: it is hidden, or smaller than a pixel.")
        elif not known[index]:
            warnings.append(f"{name} is farther than {MAX_DEPTH:g} m, where depth counts as unknown.")
    return Composition(drawn.image, geometry, instance, layout.names, tuple(warnings), layout.scene)


def check_size(size: tuple[int, int], samples: int) -> None:
    """Raise InputError for a size (width, height) that is not drawn with `samples` x `samples` rays per pixel."""
    width, height = size
    if width < 1 or height < 1:
        raise InputError(f"the size of the picture is {width}x{height} pixels; expected at least 1x1.")
    rays = width * height * max(samples, 1) ** 2
    if rays > MAX_RAYS:
        raise InputError(
            f"a picture of {width}x{height} pixels with {samples}x{samples} rays each needs {rays / 1e6:.0f} million "
            f"rays; expected at most {MAX_RAYS / 1e6:.0f} million: fewer pixels, or less supersampling."
        )


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
