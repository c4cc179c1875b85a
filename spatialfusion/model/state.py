"""Between Geometry and what the network models: canonical log-depth, validity, and one number for the field of view.

Notable: text does not fix the focal length. With f = fx / W, canonical depth is d_c = d * f_ref / f; the network models
log d_c and u = log tan(hFOV / 2), and metres are d = d_c * f / f_ref at the very end.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..geometry.geometry import Geometry
from .config import SpatialFusionConfig


def geometry_to_state(geometry: Geometry, config: SpatialFusionConfig) -> tuple[Tensor, Tensor]:
    """Return y [B, 2, H, W] (standardised canonical log-depth, validity in [-1, 1]) and u = log tan(hFOV / 2) [B].

    Depth is clamped to the configuration's range; invalid pixels (sky, unknown) are filled at the far value.
    """
    focal = geometry.intrinsics[:, 0, 0]
    canonical = geometry.depth * (config.reference_focal / focal)[:, None, None]
    canonical = torch.where(geometry.valid, canonical.clamp(config.near, config.far), config.far)
    log_depth = (canonical.log() - config.log_depth_mean) / config.log_depth_std
    y = torch.stack([log_depth, geometry.valid.to(log_depth) * 2 - 1], dim=1)
    return y, torch.log(0.5 / focal)


def state_to_geometry(y: Tensor, u: Tensor, config: SpatialFusionConfig) -> Geometry:
    """Inverse of `geometry_to_state` for y [B, 2, H, W] and u [B]; a pixel is valid where its validity is positive."""
    focal = 0.5 / u.float().exp()
    canonical = torch.exp(y[:, 0].float() * config.log_depth_std + config.log_depth_mean)
    depth = canonical.clamp(config.near, config.far) * (focal / config.reference_focal)[:, None, None]
    height, width = y.shape[-2:]
    intrinsics = torch.eye(3, device=y.device).repeat(len(y), 1, 1)
    intrinsics[:, 0, 0] = focal
    intrinsics[:, 1, 1] = focal * width / height
    intrinsics[:, :2, 2] = 0.5
    return Geometry(depth=depth, valid=y[:, 1] > 0, intrinsics=intrinsics)


def standardise_fov(u: Tensor, config: SpatialFusionConfig) -> Tensor:
    """Zero-mean, unit-variance form of u = log tan(hFOV / 2)."""
    return (u - config.fov_mean) / config.fov_std


def restore_fov(v: Tensor, config: SpatialFusionConfig) -> Tensor:
    """Inverse of `standardise_fov`; kept within 5 to 150 degrees so that metres stay finite."""
    u = v * config.fov_std + config.fov_mean
    low, high = (torch.deg2rad(torch.tensor(x)).div(2).tan().log().item() for x in (5.0, 150.0))
    return u.clamp(low, high)
