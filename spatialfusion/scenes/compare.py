"""What an image makes of its scene: for each object the metres that were asked for and those that are found.

The image is known by its geometry, which an estimator has seen in it. Compared are distances from the camera to the
middle of an object's box, as the scene's text and `statements` count them. An estimator sees surfaces only. What is
found is the distance of the seen surface (the mean over the middle half of the object's pixels), and from there to the
middle as far as in the scene, once its objects have been moved to where they are found, which shows other sides.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..errors import InputError
from ..geometry.edit import fit_mask
from ..geometry.geometry import Geometry
from ..needed import needed
from .compose import Composition, draw
from .program import Layout
from .statements import observe

Scale = Literal["as measured", "fitted"]
SCALES = ("as measured", "fitted")
MOST = 0.5  # relative error from which an object scores nothing
FARTHEST = 2.0  # factor up to which an object is moved to where it is found
REDRAWN = 640  # pixels of the longer side at which the moved scene is looked at: enough for a mean
MAX_STRETCH = 0.02  # by which the shapes of the image and of the scene may differ


@dataclass(frozen=True)
class ComparedObject:
    """asked: metres from the camera to the object's middle. found: the same in the image, None if it has none."""

    name: str
    asked: float
    found: float | None

    @property
    def difference(self) -> float | None:
        """Metres by which it is too far."""
        return None if self.found is None else self.found - self.asked

    @property
    def closeness(self) -> float:
        """1 for the distance that was asked for, falling to 0 where half of it is missing, or too much; 0 for what is
        not found."""
        return 0.0 if self.error is None else max(0.0, 1 - self.error / MOST)

    @property
    def error(self) -> float | None:
        """The difference as a part of what was asked."""
        return None if self.found is None else abs(self.found - self.asked) / self.asked


@dataclass(frozen=True)
class Comparison:
    """Of one image. objects: those of the scene that are in view, in its order. scale: the factor that the
    estimator's metres were multiplied by. masks: [N, H, W] bool, where each object was looked for."""

    objects: tuple[ComparedObject, ...]
    scale: float
    masks: Tensor

    @property
    def score(self) -> float:
        """Mean closeness of the objects, 0 to 1."""
        return sum(one.closeness for one in self.objects) / len(self.objects)

    @property
    def table(self) -> str:
        """Text with a line for each object."""
        rows = [("object", "asked", "found", "difference")]
        for one in self.objects:
            if one.found is None:
                rows.append((one.name, f"{one.asked:.2f} m", "not found", ""))
            else:
                difference = needed(one.difference)
                error = difference / one.asked
                said = (f"{one.asked:.2f} m", f"{one.found:.2f} m", f"{difference:+.2f} m ({error:+.0%})")
                rows.append((one.name, *said))
        wide = [max(map(len, column)) for column in zip(*rows)]
        lines = ["  ".join([row[0].ljust(wide[0]), *map(str.rjust, row[1:], wide[1:])]).rstrip() for row in rows]
        scaled = "" if self.scale == 1 else f", depth times {self.scale:.3g}"
        return "\n".join([*lines, f"score {self.score:.3f}{scaled}"])


def compare(
    drawn: Composition, geometry: Geometry, masks: Tensor | None = None, scale: Scale = "as measured"
) -> list[Comparison]:
    """Compare images with the scene that they were to show.

    Args:
        drawn: the scene.
        geometry: of the images, [B], as an estimator sees it; of any size, in the shape of the scene's image.
        masks: where the objects are in the images, [N, H, W] in [0, 1] for all, or [B * N, H, W] image by image;
            N is all objects of the scene or all that are in view, in its order, and an empty mask is an object that
            was not found. None: where the scene has them.
        scale: "fitted" multiplies the depth of each image by the factor that fits the objects best, for estimators
            whose metres are right up to a factor.

    Returns:
        one comparison for each image.
    """
    if scale not in SCALES:
        raise InputError(f"scale is {scale!r}; expected {' or '.join(SCALES)}.")
    (width, height), shape = (geometry.width, geometry.height), drawn.instance.shape[1:]
    if abs(math.log(width / height * shape[0] / shape[1])) > MAX_STRETCH:
        raise InputError(
            f"the geometry is {width}x{height} pixels and the scene {shape[1]}x{shape[0]}: expected the same shape, "
            "as of an image that was drawn for this scene."
        )
    seen = list(_surfaces(drawn))
    if not seen:
        raise InputError("the scene has no object in view: expected at least one to compare.")
    found_in = _masks(drawn, geometry, masks, seen)
    return [_compare(drawn, seen, geometry[i], found_in[i], scale) for i in range(len(geometry))]


def _compare(drawn: Composition, seen: Sequence[int], geometry: Geometry, masks: Tensor, scale: Scale) -> Comparison:
    reach, valid = geometry.points()[0].norm(dim=-1), geometry.valid[0]
    inside = [mask & valid for mask in masks]
    found = {number: _middle_half(reach[mask]) for number, mask in zip(seen, inside) if mask.any()}
    middle, surface = _middles(drawn), _surfaces(drawn)
    factor = 1.0
    if scale == "fitted" and found:
        factor = torch.tensor([surface[number] / metres for number, metres in found.items()]).median().item()
        found = {number: factor * metres for number, metres in found.items()}
    there = {number: max(0.0, metres + middle[number] - surface[number]) for number, metres in found.items()}
    moved = _moved(drawn, {number: metres / middle[number] for number, metres in there.items()})
    middles, surfaces = _middles(moved), _surfaces(moved)
    for number, metres in found.items():
        if number in surfaces:
            there[number] = max(0.0, metres + middles[number] - surfaces[number])
    objects = [ComparedObject(drawn.names[number], middle[number], there.get(number)) for number in seen]
    return Comparison(tuple(objects), factor, masks)


def _middles(drawn: Composition) -> list[float]:
    """Metres from the camera to the middle of each object's box."""
    return [math.hypot(*one.position) for one in observe(drawn.scene).objects]


def _surfaces(drawn: Composition) -> dict[int, float]:
    """Metres from the camera to what is seen of each object that is in view, by its number."""
    reach = drawn.geometry.points()[0].norm(dim=-1)
    known, instance = drawn.geometry.valid[0], drawn.instance[0]
    parts = {number: known & (instance == number) for number in range(len(drawn.names))}
    return {number: _middle_half(reach[part]) for number, part in parts.items() if part.any()}


def _middle_half(values: Tensor) -> float:
    """Mean of the values between the quartiles: as deaf to wrong pixels at edges as the median, and, unlike it, no leap
    where half of an object is near and half is far."""
    count = len(values)
    return values.sort().values[count // 4 : max(count // 4 + 1, count - count // 4)].mean().item()


def _moved(drawn: Composition, factors: Mapping[int, float]) -> Composition:
    """The scene with objects moved along the lines from below the camera, by factors of their distances."""
    x0, _, z0 = drawn.scene.camera.position
    objects = list(drawn.scene.objects)
    for number, factor in factors.items():
        if 1 / FARTHEST <= factor <= FARTHEST:
            x, y, z = objects[number].position
            place = (x0 + (x - x0) * factor, y, z0 + (z - z0) * factor)
            objects[number] = dataclasses.replace(objects[number], position=place)
    scene = dataclasses.replace(drawn.scene, objects=tuple(objects))
    _, height, width = drawn.instance.shape
    part = min(1.0, REDRAWN / max(width, height))
    size = (max(1, round(part * width)), max(1, round(part * height)))
    return draw(Layout(scene, drawn.names), size, samples=0)


def _masks(drawn: Composition, geometry: Geometry, masks: Tensor | None, seen: Sequence[int]) -> Tensor:
    """[B, len(seen), H, W] bool, of the geometry's size."""
    images, all_objects, few = len(geometry), len(drawn.names), len(seen)
    if masks is None:
        chosen = torch.stack([drawn.instance[0] == number for number in seen]).float()
    else:
        if masks.ndim not in (2, 3):
            raise InputError(f"masks has shape {list(masks.shape)}; expected [objects, height, width].")
        masks = masks[None] if masks.ndim == 2 else masks
        # One for each object for all images, or for each image its own.
        per_image = {all_objects, few, images * all_objects, images * few}
        if len(masks) not in per_image:
            several = f", or {images} times as many" if images > 1 else ""
            in_view = f" or {few}, of those in view" if few < all_objects else ""
            raise InputError(
                f"there are {len(masks)} masks: expected {all_objects}, one for each object of the scene{in_view}"
                f"{several}."
            )
        total = all_objects if len(masks) in (all_objects, images * all_objects) else few
        chosen = masks if total == few else masks.unflatten(0, (-1, total))[:, list(seen)].flatten(0, 1)
    single = geometry[0]
    fitted = torch.stack([fit_mask(mask, single, "masks")[0] >= 0.5 for mask in chosen])
    return fitted.unflatten(0, (-1, few)).expand(images, -1, -1, -1)
