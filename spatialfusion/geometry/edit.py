"""Edits of a geometry: move, scale, flatten, replace and blend its depth, everywhere or within a mask.

A batch is edited one image at a time, and `progress` is called after each: an edit takes the memory of its result and
of work on one image.

A mask is [B or 1, H, W] (or [H, W]) in [0, 1], of any size; None is everywhere. A value between 0 and 1 applies that
part of an edit: `move` moves by that part of the metres, and the other edits mix log depth, so that a half gives the
geometric mean. Outside of the mask not a bit changes. The camera always stays that of the first geometry.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from .geometry import DEPTH_RANGE, Geometry

Progress = Callable[[], None]


def move(geometry: Geometry, metres: float, mask: Tensor | None = None, progress: Progress | None = None) -> Geometry:
    """Farther from the camera by `metres`, nearer where negative, along the optical axis.

    Raises InputError if something would come to the camera or behind it: clamped there, it would be a flat sheet on the
    lens. Beyond the far end of DEPTH_RANGE it stops.
    """
    if not math.isfinite(metres):
        raise InputError(f"cannot move by {metres:g} metres; expected a finite number.")
    if metres < 0:
        _check_room(geometry, metres, mask)
    return _by_image(geometry, mask, progress, lambda one, weight: one.depth + metres * weight)


def scale(geometry: Geometry, factor: float, mask: Tensor | None = None, progress: Progress | None = None) -> Geometry:
    """Depth times `factor`, kept within DEPTH_RANGE; a soft mask value w scales by factor ** w."""
    if not 0 < factor < math.inf:
        raise InputError(f"cannot scale by {factor:g}; expected more than 0, such as 0.5 for half the distance.")
    return _by_image(geometry, mask, progress, lambda one, weight: one.depth * factor**weight)


def flatten(
    geometry: Geometry, metres: float | None = None, mask: Tensor | None = None, progress: Progress | None = None
) -> Geometry:
    """Everything at one depth: at `metres`, or at each image's own mean depth within the mask.

    What is not valid stays so: sky does not become a wall.
    """
    if metres is not None and not DEPTH_RANGE[0] <= metres <= DEPTH_RANGE[1]:
        raise InputError(
            f"cannot flatten to {metres:g} metres; expected {DEPTH_RANGE[0]:g} to {DEPTH_RANGE[1]:g} metres."
        )

    def flat(one: Geometry, weight: Tensor) -> Tensor:
        if metres is None:
            share = (weight * one.valid).double()
            total = share.sum()
            # Without a valid pixel in the mask there is nothing to flatten.
            target = torch.where(total > 0, (share * one.filled(0)).sum() / total.masked_fill(total == 0, 1), 1.0)
            target = target.float()
        else:
            target = one.depth.new_tensor(metres)
        return _between(one.filled(1), target.expand_as(one.depth), weight)

    return _by_image(geometry, mask, progress, flat)


def replace(
    geometry: Geometry, other: Geometry, mask: Tensor | None = None, progress: Progress | None = None
) -> Geometry:
    """The depth and validity of another geometry: `blend` by 1."""
    return blend(geometry, other, 1.0, mask, progress)


def blend(
    geometry: Geometry, other: Geometry, amount: float, mask: Tensor | None = None, progress: Progress | None = None
) -> Geometry:
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
    _check_mask(mask, geometry, "mask")

    def blended(i: int) -> Geometry:
        one, weight = geometry[i], amount * _weight(geometry, mask, i)
        second = other[i if len(other) > 1 else 0].to(one.depth.device).resize(one.height, one.width)
        decides = weight >= 0.5
        mixed = _between(one.filled(1), second.filled(1), weight)
        mixed = torch.where(one.valid & second.valid, mixed, torch.where(decides, second.depth, one.depth))
        return Geometry(mixed, torch.where(decides, second.valid, one.valid), one.intrinsics)

    return Geometry.from_frames(len(geometry), blended, progress)


def feather(mask: Tensor, pixels: float) -> Tensor:
    """Soften the outline of a mask [B, H, W]: a Gaussian edge, mostly within `pixels` on either side of the outline.

    0 changes nothing. The image's border is no outline, so a mask that touches it stays whole there.
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
    softened = torch.empty_like(mask, dtype=torch.float32)
    for i, one in enumerate(mask.float()):
        soft = F.conv2d(F.pad(one[None, None], (reach, reach, 0, 0), mode="replicate"), kernel[None, None, None])
        soft = F.conv2d(F.pad(soft, (0, 0, reach, reach), mode="replicate"), kernel[None, None, :, None])
        softened[i] = _without_rounding(soft[0, 0], one)
    return softened


def fit_mask(mask: Tensor, geometry: Geometry, name: str = "mask") -> Tensor:
    """A mask [B or 1, any H, any W] or [H, W] as [B, H, W] float32 of a geometry's batch, size and device.

    Other sizes are stretched (bilinear); values are kept within [0, 1]. `name` is what errors call it.
    """
    _check_mask(mask, geometry, name)
    mask = mask[None] if mask.ndim == 2 else mask
    fitted = [_fit_one(one, geometry, name) for one in mask]
    return (torch.stack(fitted) if len(fitted) > 1 else fitted[0]).expand(len(geometry), -1, -1)


def _without_rounding(filtered: Tensor, mask: Tensor) -> Tensor:
    """A filtered mask whose ends are exactly those of the mask: full must not become nearly full, nor empty a trace."""
    low, high = mask.amin((-2, -1), keepdim=True), mask.amax((-2, -1), keepdim=True)
    filtered = torch.where(filtered > high - 1e-6, high, filtered)
    return torch.where(filtered < low + 1e-6, low, filtered)


def _check_mask(mask: Tensor | None, geometry: Geometry, name: str) -> None:
    if mask is None:
        return
    if mask.ndim not in (2, 3) or mask.numel() == 0:
        raise InputError(f"{name} has shape {list(mask.shape)}; expected [batch, height, width].")
    if mask.ndim == 3 and len(mask) not in (1, len(geometry)):
        expected = "1" if len(geometry) == 1 else f"1 or {len(geometry)}"
        raise InputError(f"{name} has a batch of {len(mask)}; expected {expected}, as the geometry has.")


def _fit_one(mask: Tensor, geometry: Geometry, name: str = "mask") -> Tensor:
    """A mask [H, W] of a geometry's size."""
    if mask.isnan().any():
        raise InputError(f"{name} has values that are not numbers (NaN); expected 0 to 1.")
    mask = mask.to(geometry.depth.device, torch.float32).clamp(0, 1)
    size = (geometry.height, geometry.width)
    if mask.shape == size:
        return mask
    resized = F.interpolate(mask[None, None], size, mode="bilinear", align_corners=False, antialias=True)[0, 0]
    return _without_rounding(resized, mask)


def _weight(geometry: Geometry, mask: Tensor | None, i: int) -> Tensor:
    """How far image i is edited [1, H, W]."""
    if mask is None:
        return torch.ones_like(geometry.depth[i : i + 1])
    return _fit_one(mask if mask.ndim == 2 else mask[i if len(mask) > 1 else 0], geometry)[None]


def _by_image(
    geometry: Geometry, mask: Tensor | None, progress: Progress | None, edit: Callable[[Geometry, Tensor], Tensor]
) -> Geometry:
    """The geometry with the depth that `edit` makes of an image and its weight, within validity and mask."""
    _check_mask(mask, geometry, "mask")

    def edited(i: int) -> Geometry:
        one, weight = geometry[i], _weight(geometry, mask, i)
        depth = edit(one, weight).clamp(*DEPTH_RANGE)
        return Geometry(torch.where(one.valid & (weight > 0), depth, one.depth), one.valid, one.intrinsics)

    return Geometry.from_frames(len(geometry), edited, progress)


def _check_room(geometry: Geometry, metres: float, mask: Tensor | None) -> None:
    """Raise InputError if something would come nearer than DEPTH_RANGE, and say how far everything can be moved."""
    _check_mask(mask, geometry, "mask")
    count, room = 0, math.inf
    for i in range(len(geometry)):
        one, weight = geometry[i], _weight(geometry, mask, i)
        behind = one.valid & (one.depth + metres * weight < DEPTH_RANGE[0])
        if behind.any():
            # What a soft mask moves less could also come nearer.
            count += int(behind.sum())
            room = min(room, ((one.depth - DEPTH_RANGE[0]) / weight)[behind].min().item())
    if count:
        raise InputError(
            f"cannot move by {metres:g} metres, as {count} pixels would come to the camera or behind it; "
            f"expected {-_below(room):.3g} or more, or a mask that leaves near pixels out."
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
