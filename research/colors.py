"""Find objects of the rendered world in an image by their colour; the surroundings there are grey or pale."""

from __future__ import annotations

import torch
from torch import Tensor

from spatialfusion.scenes.scene import COLORS

# White and black are surfaces, shadows and skies too: objects of these colours cannot be told by colour alone.
SATURATED = tuple(name for name in COLORS if name not in ("white", "black"))
MIN_SATURATION = 0.38
MIN_VALUE = 0.15
MAX_ANGLE = 12.0  # degrees in RGB: shading scales a colour, and leaves its direction
MIN_SHARE = 0.006  # the least share of the image that a colour must cover to be an object


def color_masks(image: Tensor) -> dict[str, Tensor]:
    """The pixels of each saturated colour, {name: [H, W] bool}, of an image [3, H, W] in [0, 1]."""
    names = list(SATURATED)
    prototypes = torch.tensor([COLORS[name] for name in names], device=image.device)
    prototypes = prototypes / prototypes.norm(dim=1, keepdim=True)
    value = image.amax(dim=0)
    saturation = (value - image.amin(dim=0)) / value.clamp_min(1e-6)
    cosine = torch.einsum("nc,chw->nhw", prototypes, image) / image.norm(dim=0).clamp_min(1e-6)
    best, index = cosine.max(dim=0)
    limit = torch.cos(torch.deg2rad(torch.tensor(MAX_ANGLE)))
    colored = (saturation > MIN_SATURATION) & (value > MIN_VALUE) & (best > limit)
    return {name: colored & (index == i) for i, name in enumerate(names)}


def is_present(mask: Tensor) -> bool:
    """Whether a colour covers enough of the image to be an object."""
    return mask.float().mean().item() >= MIN_SHARE


def center(mask: Tensor) -> tuple[float, float]:
    """Mean (x, y) of a mask [H, W], as fractions of width and height."""
    y, x = mask.nonzero(as_tuple=True)
    return (x.float().mean().item() + 0.5) / mask.shape[1], (y.float().mean().item() + 0.5) / mask.shape[0]
