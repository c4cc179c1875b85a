"""Drawing what a scene text says: image, exact depth, what is seen of each thing, and what cannot be seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from ..geometry.geometry import Geometry
from .plain import corners
from .program import Layout
from .render import MAX_DEPTH, Progress, render
from .scene import Scene
from .text import scene_from_text

MAX_PIXELS = 1 << 24  # of one image: 4096x4096; what is kept of each takes about 25 bytes
MAX_RAYS = 1 << 26  # of one image: 2048x2048 with 4x4 rays for each pixel; they take minutes rather than memory
MAX_MASKS = 1 << 30  # pixels of all masks together: 1024 of 1024x1024


@dataclass(frozen=True)
class Composition:
    """A drawn layout.

    image [1, 3, H, W] in [0, 1], None if it was not asked for; geometry of one image, exact at the pixels' centres;
    instance [1, H, W] int32, the index of the object that is seen, in the order of the text, -1 for none; names of the
    objects; warnings, a sentence each.
    """

    image: Tensor | None
    geometry: Geometry
    instance: Tensor
    names: tuple[str, ...]
    warnings: tuple[str, ...]
    scene: Scene

    @property
    def masks(self) -> Tensor:
        """[N, H, W] bool, one for each object, true where it is what one sees; made anew with every call."""
        return self.masks_in(torch.bool)

    def masks_in(self, dtype: torch.dtype) -> Tensor:
        """`masks` as numbers 0 and 1 of any dtype. Raises InputError for more than memory should be spent on."""
        _, height, width = self.instance.shape
        check_masks(len(self.names), (width, height))
        masks = torch.empty(len(self.names), height, width, dtype=dtype)
        for index, mask in enumerate(masks):
            torch.eq(self.instance[0], index, out=mask)
        return masks


def compose(
    text: str,
    size: tuple[int, int] = (1024, 1024),
    samples: int = 2,
    progress: Progress | None = None,
    seed: int = 0,
) -> Composition:
    """Draw a scene text, as `draw` does; `seed` as in `scene_from_text`. Raises what both raise."""
    check_image_size(size, samples)
    return draw(scene_from_text(text, seed, size[0] / size[1]), size, samples, progress)


def draw(
    layout: Layout, size: tuple[int, int] = (1024, 1024), samples: int = 2, progress: Progress | None = None
) -> Composition:
    """Draw a layout at `size` (width, height), with `samples` x `samples` rays per pixel for the image, 0 for none.

    Objects that cannot be seen are warnings. Raises InputError for more pixels or rays than memory and time should be
    spent on.

    progress: as for `render`; what it raises ends the drawing.
    """
    check_image_size(size, samples)
    drawn = render([layout.scene], size, samples, progress=progress)
    instance = drawn.instance = drawn.instance.int()
    geometry = Geometry.from_depth(drawn.depth, layout.scene.camera.intrinsics()[0, 0])
    warnings = (*layout.warnings, *_hidden(layout, instance, geometry.valid, size[0] / size[1]))
    return Composition(drawn.image, geometry, instance, layout.names, warnings, layout.scene)


def check_image_size(size: tuple[int, int], samples: int) -> None:
    """Raises InputError for a size (width, height) that is not drawn with `samples` x `samples` rays per pixel."""
    width, height = size
    if width < 1 or height < 1:
        raise InputError(f"the size of the image is {width}x{height} pixels; expected at least 1x1.")
    if width * height > MAX_PIXELS:
        raise InputError(
            f"an image of {width}x{height} has {width * height / 1e6:.0f} million pixels; expected at most "
            f"{MAX_PIXELS / 1e6:.0f} million."
        )
    rays = width * height * samples * samples
    if rays > MAX_RAYS:
        raise InputError(
            f"an image of {width}x{height} pixels with {samples}x{samples} rays each needs {rays / 1e6:.0f} million "
            f"rays; expected at most {MAX_RAYS / 1e6:.0f} million: fewer pixels, or less supersampling."
        )


def check_masks(count: int, size: tuple[int, int]) -> None:
    """Raises InputError if a mask of `size` (width, height) for each of `count` objects takes too much memory."""
    width, height = size
    if count * width * height > MAX_MASKS:
        raise InputError(
            f"masks of {width}x{height} pixels for {count} objects have {count * width * height / 1e6:.0f} million "
            f"pixels; expected at most {MAX_MASKS / 1e6:.0f} million: a smaller image, or fewer objects."
        )


def _hidden(layout: Layout, instance: Tensor, valid: Tensor, aspect: float) -> list[str]:
    """A sentence for each object that is not seen, or is too far for a depth."""
    count = len(layout.names)
    seen, known = torch.zeros(2, count + 1, dtype=torch.long)
    # In parts, as a count wants eight bytes for each pixel.
    for part, inside in zip(instance[0].split(256), valid[0].split(256)):
        seen += torch.bincount(part.flatten().long() + 1, minlength=count + 1)
        known += torch.bincount(part[inside].long() + 1, minlength=count + 1)
    outside = out_of_view(layout, aspect)
    sentences = []
    for index, name in enumerate(layout.names):
        if index in outside:
            sentences.append(outside[index])
        elif not seen[index + 1]:
            sentences.append(f"{name} cannot be seen: it is hidden, or smaller than a pixel.")
        elif not known[index + 1]:
            sentences.append(f"{name} is farther than {MAX_DEPTH:g} m, where depth counts as unknown.")
    return sentences


def out_of_view(layout: Layout, aspect: float) -> dict[int, str]:
    """A sentence for each object (by index) whose box lies wholly behind the camera or beside the image.

    aspect: width of the image over its height.
    """
    camera = layout.scene.camera
    half_x = math.tan(math.radians(camera.hfov) / 2)
    found = {}
    for index, (name, thing) in enumerate(zip(layout.names, layout.scene.objects)):
        x, y, z = camera.world_to_camera(corners(thing)).T
        sides = {
            "behind the camera": z <= 0,
            "left of the image": x < -half_x * z,
            "right of the image": x > half_x * z,
            "above the image": y < -half_x / aspect * z,
            "below the image": y > half_x / aspect * z,
        }
        side = next((side for side, beyond in sides.items() if beyond.all()), None)
        if side is not None:
            found[index] = f"{name} cannot be seen: it is {side}."
    return found
