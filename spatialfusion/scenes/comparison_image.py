"""A comparison drawn over its image: the outline of each object, with the metres asked and found."""

from __future__ import annotations

import torch.nn.functional as F
from PIL import ImageDraw, ImageFont
from torch import Tensor

from ..images import to_image, to_tensor
from .compare import ComparedObject, Comparison

GOOD, FAIR, BAD = (70, 210, 90), (250, 190, 40), (240, 70, 60)
GOOD_ERROR, FAIR_ERROR = 0.1, 0.25  # relative, up to which an object is drawn in these colours


def comparison_image(image: Tensor, comparison: Comparison) -> Tensor:
    """[3, H, W] in [0, 1] with outlines and labels: green where the distance is right, to red.

    image: [3, H, W] in [0, 1], of any size in the shape of the comparison's masks.
    """
    height, width = image.shape[-2:]
    drawn = image.detach().float().cpu().clone()
    line = max(1, round(min(height, width) / 256))
    masks = F.interpolate(comparison.masks[:, None].float(), (height, width), mode="nearest")
    for one, mask in zip(comparison.objects, masks):
        padded = F.pad(mask[None], (line,) * 4)
        eroded = -F.max_pool2d(-padded, 2 * line + 1, 1)[0]
        color = drawn.new_tensor(_color(one)) / 255
        drawn = drawn.where(mask - eroded < 0.5, color[:, None, None])
    labelled = to_image(drawn)
    draw, font = ImageDraw.Draw(labelled), ImageFont.load_default(max(9, round(min(height, width) / 32)))
    taken: list[tuple[float, float, float, float]] = []
    for one, mask in zip(comparison.objects, masks[:, 0]):
        at = mask.nonzero()
        middle, top = (at[:, 1].float().mean().item(), at[:, 0].min().item()) if len(at) else (width / 2, 0.0)
        found = "not found" if one.found is None else f"{one.found:.1f} m"
        text = f"{one.name}: {one.asked:.1f} m, {found}"
        box = _place(draw.textbbox((0, 0), text, font), middle, top, (width, height), taken)
        draw.rectangle(box, fill=(20, 20, 24))
        draw.text((box[0] + 2, box[1]), text, fill=_color(one), font=font)
        taken.append(box)
    return to_tensor(labelled)


def _color(one: ComparedObject) -> tuple[int, int, int]:
    if one.error is None or one.error > FAIR_ERROR:
        return BAD
    return GOOD if one.error <= GOOD_ERROR else FAIR


def _place(
    text: tuple[float, float, float, float],
    middle: float,
    top: float,
    size: tuple[int, int],
    taken: list[tuple[float, float, float, float]],
) -> tuple[float, float, float, float]:
    """The box of a label: above its object and within the image, below other labels where these are in its way."""
    wide, high = text[2] + 4, text[3] + 3
    left = min(max(0.0, middle - wide / 2), max(0.0, size[0] - wide))
    for y in sorted({max(0.0, top - high), *(box[3] + 1 for box in taken)}):
        box = (left, y, left + wide, y + high)
        free = all(box[2] <= b[0] or b[2] <= box[0] or box[3] <= b[1] or b[3] <= box[1] for b in taken)
        if free and y >= min(max(0.0, top - high), size[1] - high) and y + high <= size[1]:
            return box
    y = min(max(0.0, top - high), max(0.0, size[1] - high))
    return (left, y, left + wide, y + high)
