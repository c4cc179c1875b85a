"""Distances in a geometry, in metres: to a point, to what is in a mask, and between two masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from .edit import fit_mask
from .geometry import Geometry

# Nearest points are sought among this many of each surface, evenly spaced; all pairs of more would not fit in memory.
_SAMPLES = 2048


@dataclass(frozen=True, eq=False)
class Measurement:
    """metres: [B] float32, one for each image. text: a sentence for each image, one a line."""

    metres: Tensor
    text: str


def depth_at(geometry: Geometry, x: float, y: float, radius: float = 0) -> Measurement:
    """Depth along the optical axis at a point: the median of the valid pixels around it.

    x, y: 0 ... 1 from the image's left to right and top to bottom edge. radius: in pixels, around the pixel that
    holds the point; 0 is this pixel alone. Of two middle depths the nearer one counts: their mean may be on no
    surface.
    Raises InputError where no pixel is valid.
    """
    for name, value in (("x", x), ("y", y)):
        if not 0 <= value <= 1:
            raise InputError(f"{name} is {value:g}; expected 0 to 1, a part of the image's size.")
    if not radius >= 0:
        raise InputError(f"radius is {radius:g}; expected 0 or more pixels.")
    row = min(int(y * geometry.height), geometry.height - 1)
    column = min(int(x * geometry.width), geometry.width - 1)
    rows = torch.arange(geometry.height, device=geometry.depth.device)[:, None] - row
    columns = torch.arange(geometry.width, device=geometry.depth.device) - column
    near = geometry.valid & (rows**2 + columns**2 <= radius**2)
    for number in range(len(geometry)):
        if not near[number].any():
            where = "at" if radius < 1 else f"within {radius:g} px of"
            raise InputError(
                f"there is no valid depth {where} x {x:g}, y {y:g}{_of(geometry, number)} (sky or unknown); expected "
                "another point or a larger radius."
            )
    metres = torch.stack([depth[inside].median() for depth, inside in zip(geometry.depth, near)])
    return Measurement(metres, _lines(f"{value:.2f} m away at x {x:g}, y {y:g}" for value in metres.tolist()))


def mean_depth(geometry: Geometry, mask: Tensor | None = None) -> Measurement:
    """Mean depth of the valid pixels of a mask [B or 1, H, W] in [0, 1], weighted by it; None: of the whole image.

    Raises InputError if the mask is empty or has no valid depth.
    """
    weight = torch.ones_like(geometry.depth) if mask is None else fit_mask(mask, geometry)
    _require_some(geometry, weight > 0, "mask")
    share = (weight * geometry.valid).double()
    metres = ((share * geometry.filled(0)).sum((1, 2)) / share.sum((1, 2))).float()
    where = "" if mask is None else " in the mask"
    return Measurement(metres, _lines(f"{value:.2f} m away on average{where}" for value in metres.tolist()))


def distance(geometry: Geometry, mask_a: Tensor, mask_b: Tensor) -> Measurement:
    """The straight line between the visible surfaces in two masks [B or 1, H, W], in metres.

    It joins their centres, which are component-wise medians of the points and so do not heed a few stray pixels. A
    pixel belongs to a mask from half of the mask's highest value on. The text adds where B is as seen from the camera
    (left or right, above or below, in front or behind of A) and how near the two surfaces come to each other, to about
    the spacing of their points.

    Raises InputError if a mask is empty or has no valid depth.
    """
    masks = [_inside(geometry, mask, name) for mask, name in ((mask_a, "mask_a"), (mask_b, "mask_b"))]
    points = geometry.points()
    metres, sentences = [], []
    for number in range(len(geometry)):
        a, b = (points[number][mask[number]] for mask in masks)
        offset = b.median(dim=0).values - a.median(dim=0).values
        metres.append(offset.norm())
        nearest = _nearest(a, b)
        sentences.append(f"{metres[-1].item():.2f} m apart: {_place(offset.tolist())}; nearest points {nearest:.2f} m")
    return Measurement(torch.stack(metres), _lines(sentences))


def _inside(geometry: Geometry, mask: Tensor, name: str) -> Tensor:
    weight = fit_mask(mask, geometry, name)
    # Half of the highest value, not 0.5: a mask thinner than a pixel of the geometry never reaches 0.5.
    inside = (weight > 0) & (weight >= 0.5 * weight.amax((1, 2), keepdim=True))
    _require_some(geometry, inside, name)
    return inside & geometry.valid


def _require_some(geometry: Geometry, inside: Tensor, name: str) -> None:
    for number in range(len(geometry)):
        if not inside[number].any():
            raise InputError(f"{name} is empty{_of(geometry, number)}; expected some white pixels to measure.")
        if not (inside[number] & geometry.valid[number]).any():
            raise InputError(
                f"{name} has no valid depth{_of(geometry, number)}; expected it to cover a surface, not only sky or "
                "unknown depth."
            )


def _place(offset: Sequence[float]) -> str:
    """Where B is, seen from A, for an offset in metres (x right, y down, z forward)."""
    words = ("to the right of", "to the left of"), ("below", "above"), ("behind", "in front of")
    parts = [f"{abs(value):.2f} m {pair[value < 0]}" for value, pair in zip(offset, words) if abs(value) >= 0.005]
    if not parts:
        return "B is where A is"
    return f"B is {' and '.join([', '.join(parts[:-1]), parts[-1]] if parts[1:] else parts)} A"


def _nearest(a: Tensor, b: Tensor) -> float:
    # Not by matrix products, which lose centimetres at a hundred metres.
    return torch.cdist(_thinned(a), _thinned(b), compute_mode="donot_use_mm_for_euclid_dist").min().item()


def _thinned(points: Tensor) -> Tensor:
    if len(points) <= _SAMPLES:
        return points
    return points[torch.linspace(0, len(points) - 1, _SAMPLES, device=points.device).round().long()]


def _of(geometry: Geometry, number: int) -> str:
    return "" if len(geometry) == 1 else f" in image {number + 1} of {len(geometry)}"


def _lines(sentences: Iterable[str]) -> str:
    sentences = list(sentences)
    if len(sentences) == 1:
        return sentences[0]
    return "\n".join(f"{number}: {sentence}" for number, sentence in enumerate(sentences, start=1))
