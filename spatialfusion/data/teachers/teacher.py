"""What a teacher is, and what several of them use."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from ...errors import InputError
from ...geometry.geometry import DEPTH_RANGE, FIELD_OF_VIEW_RANGE, Geometry, centred_intrinsics, focal_length


class Teacher(Protocol):
    """What the labelling needs of a teacher.

    name: the teacher, as stored in records. licence: of its weights. is_metric: whether depth is in metres by itself.
    gives_fov: whether it knows the field of view; else it has to be told.
    """

    @property
    def name(self) -> str: ...

    @property
    def licence(self) -> str: ...

    @property
    def is_metric(self) -> bool: ...

    @property
    def gives_fov(self) -> bool: ...

    def __call__(self, images: Tensor, hfov: Tensor | None = None) -> Geometry:
        """images: [B, 3, H, W] in [0, 1]; hfov: [B] degrees, for a teacher that does not give it."""


def sound_geometry(depth: Tensor, valid: Tensor, hfov: Tensor) -> Geometry:
    """Geometry of a teacher's raw output; an image whose field of view makes no sense has no valid pixel.

    depth: [B, H, W] metres, of which only positive and finite ones count. valid: [B, H, W] bool. hfov: [B] degrees of a
    centred camera with square pixels.
    """
    depth, hfov = depth.float(), hfov.to(depth.device, torch.float32)
    height, width = depth.shape[1:]
    vertical = torch.rad2deg(2 * torch.atan(torch.tan(torch.deg2rad(hfov) / 2) * (height / width)))
    sound = _within(hfov, "horizontal") & _within(vertical, "vertical")
    intrinsics = centred_intrinsics(focal_length(hfov.masked_fill(~sound, 60.0)), height, width)
    valid = valid & (depth >= DEPTH_RANGE[0]) & (depth <= DEPTH_RANGE[1]) & sound[:, None, None]
    return Geometry(depth.masked_fill(~valid, 0), valid, intrinsics)


def require_package(package: str, advice: str) -> None:
    """InputError if a package cannot be imported."""
    from importlib.util import find_spec

    if find_spec(package) is None:
        raise InputError(f"the package {package} is not installed: {advice}.")


def _within(degrees: Tensor, axis: str) -> Tensor:
    low, high = FIELD_OF_VIEW_RANGE[axis]
    # A little inside: what a Geometry computes back from intrinsics is rounded.
    return (degrees >= low + 1e-3) & (degrees <= high - 1e-3)
