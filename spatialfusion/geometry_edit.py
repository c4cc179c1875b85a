"""Edits of a geometry: move, scale, flatten, replace and blend its depth, everywhere or within a mask.

A mask is [B or 1, H, W] (or [H, W]) in [0, 1], of any size; None is everywhere. A soft value goes that part of the way:
`move` by that part of the metres, the others in log depth, so that a half lies at the geometric mean. Outside of the
mask not a bit changes. The camera always stays that of the first geometry.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from .errors import InputError
from .geometry import DEPTH_RANGE, Geometry


def move(geometry: Geometry, metres: float, mask: Tensor | None = None) -> Geometry:
    """Farther from the camera by `metres`, nearer where negative, along the optical axis.

    Raises InputError if something would come to the camera or behind it: clamped there, it would be a flat sheet on the
    lens. Beyond the far end of DEPTH_RANGE it stops.
    """
    if not math.isfinite(metres):
        raise InputError(f"cannot move by {metres:g} metres; expected a finite number.")
    weight = _weight(geometry, mask)
    depth = geometry.depth + metres * weight
    behind = geometry.valid & (depth < DEPTH_RANGE[0])
    if behind.any():
        # What a soft mask moves less could also come nearer.
        room = ((geometry.depth - DEPTH_RANGE[0]) / weight)[behind].min().item()
        raise InputError(
            f"cannot move by {metres:g} metres, as {int(behind.sum())} pixels would come to the camera or behind it; "
            f"expected {-_below(room):.3g} or more, or a mask that leaves near pixels out."
        )
    return _changed(geometry, depth, weight)


def scale(geometry: Geometry, factor: float, mask: Tensor | None = None) -> Geometry:
    """Depth times `factor`, kept within DEPTH_RANGE; a soft mask value w scales by factor ** w."""
    if not 0 < factor < math.inf:
        raise InputError(f"cannot scale by {factor:g}; expected more than 0, such as 0.5 for half the distance.")
    weight = _weight(geometry, mask)
    return _changed(geometry, geometry.depth * factor**weight, weight)


def flatten(geometry: Geometry, metres: float | None = None, mask: Tensor | None = None) -> Geometry:
    """Everything at one depth: at `metres`, or at each picture's own mean depth within the mask.

    What is not valid stays so: sky does not become a wall.
    """
    if metres is not None and not DEPTH_RANGE[0] <= metres <= DEPTH_RANGE[1]:
        raise InputError(
            f"cannot flatten to {metres:g} metres; expected {DEPTH_RANGE[0]:g} to {DEPTH_RANGE[1]:g} metres."
        )
    weight = _weight(geometry, mask)
    if metres is None:
        share = (weight * geometry.valid).double()
        total = share.sum((1, 2), keepdim=True)
        target = (share * geometry.filled(0)).sum((1, 2), keepdim=True) / total.masked_fill(total == 0, 1)
        # Without a valid pixel in the mask there is nothing to flatten.
        target = torch.where(total > 0, target, 1.0).float()
    else:
        target = geometry.depth.new_tensor(metres)
    return _changed(geometry, _between(geometry.filled(1), target.expand_as(geometry.depth), weight), weight)


def replace(geometry: Geometry, other: Geometry, mask: Tensor | None = None) -> Geometry:
    """The depth and validity of another geometry: `blend` by 1."""
    return blend(geometry, other, 1.0, mask)


def blend(geometry: Geometry, other: Geometry, amount: float, mask: Tensor | None = None) -> Geometry:
    """Log depth between this geometry (amount 0) and another (1); of one batch size, or the other of batch 1.

    The other is resized to this one's size. Its metres are taken as they are and seen by this one's camera: where the
    fields of view differ, depth agrees and points to the side do not. Where only one of the two is valid there is
    nothing to mix: from amount times mask 0.5 on, the other decides, whether as depth or as not valid.
    """
    if not 0 <= amount <= 1:
        raise InputError(f"cannot blend by {amount:g}; expected 0 (this geometry) to 1 (the other).")
    if len(other) not in (1, len(geometry)):
        raise InputError(
            f"the other geometry has a batch of {len(other)}; expected 1 or {len(geometry)}, as the first geometry has."
        )
    weight = amount * _weight(geometry, mask)
    other = other.to(geometry.depth.device).resize(geometry.height, geometry.width)
    depth, valid = other.depth.expand_as(geometry.depth), other.valid.expand_as(geometry.valid)
    decides = weight >= 0.5
    mixed = _between(geometry.filled(1), depth.masked_fill(~valid, 1), weight)
    mixed = torch.where(geometry.valid & valid, mixed, torch.where(decides, depth, geometry.depth))
    return Geometry(mixed, torch.where(decides, valid, geometry.valid), geometry.intrinsics)


def feather(mask: Tensor, pixels: float) -> Tensor:
    """Soften the outline of a mask [B, H, W]: a Gaussian edge, mostly within `pixels` on either side of the outline.

    0 changes nothing. The picture's border is no outline, so a mask that touches it stays whole there.
    """
    if not 0 <= pixels < math.inf:
        raise InputError(f"feather is {pixels:g} pixels; expected 0 or more.")
    if pixels == 0:
        return mask
    sigma = pixels / 2
    # Beyond the mask's own size everything is its border, repeated.
    reach = min(math.ceil(3 * sigma), 2 * max(mask.shape[-2:]))
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float32, device=mask.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = kernel / kernel.sum()
    soft = rearrange(mask.float(), "b h w -> b 1 h w")
    soft = F.conv2d(F.pad(soft, (reach, reach, 0, 0), mode="replicate"), kernel[None, None, None])
    soft = F.conv2d(F.pad(soft, (0, 0, reach, reach), mode="replicate"), kernel[None, None, :, None])
    return _without_rounding(rearrange(soft, "b 1 h w -> b h w"), mask.float())


def fit_mask(mask: Tensor, geometry: Geometry, name: str = "mask") -> Tensor:
    """A mask [B or 1, any H, any W] or [H, W] as [B, H, W] float32 of a geometry's batch, size and device.

    Other sizes are stretched (bilinear); values are kept within [0, 1]. `name` is what errors call it.
    """
    mask = mask[None] if mask.ndim == 2 else mask
    if mask.ndim != 3 or mask.numel() == 0:
        raise InputError(f"{name} has shape {list(mask.shape)}; expected [batch, height, width].")
    if len(mask) not in (1, len(geometry)):
        expected = "1" if len(geometry) == 1 else f"1 or {len(geometry)}"
        raise InputError(f"{name} has a batch of {len(mask)}; expected {expected}, as the geometry has.")
    mask = mask.to(geometry.depth.device, torch.float32)
    if mask.isnan().any():
        raise InputError(f"{name} has values that are not numbers (NaN); expected 0 to 1.")
    mask = mask.clamp(0, 1)
    size = (geometry.height, geometry.width)
    if mask.shape[-2:] != size:
        resized = F.interpolate(mask[:, None], size, mode="bilinear", align_corners=False, antialias=True)[:, 0]
        mask = _without_rounding(resized, mask)
    return mask.expand(len(geometry), *size)


def _without_rounding(filtered: Tensor, mask: Tensor) -> Tensor:
    """A filtered mask whose ends are exactly those of the mask: full must not become nearly full, nor empty a trace."""
    low, high = mask.amin((-2, -1), keepdim=True), mask.amax((-2, -1), keepdim=True)
    filtered = torch.where(filtered > high - 1e-6, high, filtered)
    return torch.where(filtered < low + 1e-6, low, filtered)


def _weight(geometry: Geometry, mask: Tensor | None) -> Tensor:
    return torch.ones_like(geometry.depth) if mask is None else fit_mask(mask, geometry)


def _changed(geometry: Geometry, depth: Tensor, weight: Tensor) -> Geometry:
    """The geometry with this depth where it is valid and the mask is not 0."""
    touched = geometry.valid & (weight > 0)
    return Geometry(
        torch.where(touched, depth.clamp(*DEPTH_RANGE), geometry.depth), geometry.valid, geometry.intrinsics
    )


def _between(start: Tensor, end: Tensor, weight: Tensor) -> Tensor:
    """Log interpolation; exact at both ends and never outside of them."""
    mixed = torch.lerp(start.log(), end.log(), weight).exp()
    mixed = torch.minimum(torch.maximum(mixed, torch.minimum(start, end)), torch.maximum(start, end))
    return torch.where(weight == 0, start, torch.where(weight == 1, end, mixed))


def _below(value: float) -> float:
    """A little less than a distance, in few digits, so that what an error recommends does work."""
    if value <= 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - 2)
    return (math.ceil(value / step) - 1) * step
