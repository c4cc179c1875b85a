"""VGGT (Meta) through its own package, the paper's teacher: depth up to a factor, and the field of view.

Its depth is divided by the mean distance of the scene's points, so a second, metric teacher looks at the same image and
the median of the quotients is the factor.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import InputError
from ...geometry.geometry import Geometry
from .teacher import Teacher, require_package, sound_geometry

SIDE, PATCH = 518, 14


class Vggt:
    """See Teacher. Metric once `metric` is set; valid is what that teacher calls valid, since VGGT knows no sky."""

    name: ClassVar[str] = "vggt"
    is_metric: ClassVar[bool] = False
    gives_fov: ClassVar[bool] = True
    WEIGHTS: ClassVar[str] = "facebook/VGGT-1B"
    LICENCES: ClassVar[dict[str, str]] = {"facebook/VGGT-1B": "cc-by-nc-4.0", "facebook/VGGT-1B-Commercial": "vggt-aup"}

    def __init__(self, folder: Path, licence: str, device: torch.device | str):
        from vggt.models.vggt import VGGT

        if not (folder / "model.safetensors").is_file():
            raise InputError(f"{folder} has no model.safetensors: VGGT is read from that file alone.")
        self.licence, self.device = licence, torch.device(device)
        self.model = VGGT.from_pretrained(str(folder)).float().to(self.device).eval().requires_grad_(False)

    @staticmethod
    def check_package() -> None:
        require_package(
            "vggt", "pip install git+https://github.com/facebookresearch/vggt.git, or use another --teacher"
        )

    @torch.no_grad()
    def __call__(self, images: Tensor, hfov: Tensor | None = None) -> Geometry:
        height, width = images.shape[-2:]
        factor = SIDE / max(height, width)
        size = [max(PATCH, round(side * factor / PATCH) * PATCH) for side in (height, width)]
        pixels = F.interpolate(images.to(self.device), size, mode="bicubic", align_corners=False, antialias=True)
        # Each image is a scene of its own: [B, views, 3, H, W].
        output = self.model(pixels.clamp(0, 1)[:, None])
        depth = output["depth"][:, 0, :, :, 0].float()
        depth = F.interpolate(depth[:, None], (height, width), mode="bilinear", align_corners=False)[:, 0]
        # Three numbers of translation, four of rotation, then vertical and horizontal field of view in radians.
        fov_x = torch.rad2deg(output["pose_enc"][:, 0, 8].float())
        return sound_geometry(depth, torch.ones_like(depth, dtype=torch.bool), fov_x)


class Rescaled:
    """A teacher whose depth is known up to a factor, made metric by another one."""

    is_metric = True

    def __init__(self, teacher: Teacher, metric: Teacher):
        self.teacher, self.metric = teacher, metric
        self.name = f"{teacher.name}+{metric.name}"
        self.licence = f"{teacher.licence} + {metric.licence}"
        self.gives_fov = teacher.gives_fov

    def __call__(self, images: Tensor, hfov: Tensor | None = None) -> Geometry:
        relative = self.teacher(images, hfov)
        # The factor comes from depth alone; a metric teacher that has to be told gets the field of view of the other.
        metric = self.metric(images, relative.hfov)
        return rescale(relative, metric)


def rescale(relative: Geometry, metric: Geometry) -> Geometry:
    """Scale depth to metres by the median of metric / relative; valid where both are, if that is 16 pixels or more."""
    metric = metric.to(relative.depth.device)
    both = relative.valid & metric.valid
    quotient = (metric.filled(1) / relative.filled(1)).masked_fill(~both, torch.nan).flatten(1)
    factor = quotient.nanmedian(dim=1).values
    enough = both.flatten(1).sum(1) >= 16
    depth = relative.depth * torch.where(enough, factor, 1)[:, None, None]
    return sound_geometry(depth, both & enough[:, None, None], relative.hfov)
