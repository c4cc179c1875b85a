"""What travels along the wires: the model, and geometry in the form of the core's MOGE_GEOMETRY."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..spatialfusion.depth_image import colorize
from ..spatialfusion.errors import InputError
from ..spatialfusion.geometry import Geometry

ModelType = io.Custom("SPATIALFUSION")
# Both names: the core's MoGe nodes take our geometry, and our nodes take theirs.
GeometryType = io.Custom("SPATIALFUSION_GEOMETRY,MOGE_GEOMETRY")


def to_packet(geometry: Geometry, image: Tensor | None = None) -> dict[str, Tensor]:
    """The dict that ComfyUI passes around, with the keys of the core's MOGE_GEOMETRY.

    depth [B, H, W] in metres and points [B, H, W, 3], infinite where not valid, as the core cuts its meshes there; mask
    [B, H, W]; intrinsics [B, 3, 3] normalised by the picture's size; normal [B, H, W, 3]; image [B, H, W, 3], the colour
    map of the depth unless `image` is given. All on the CPU.
    """
    geometry = geometry.to("cpu")
    outside = ~geometry.valid
    picture = colorize(geometry).movedim(1, -1) if image is None else image
    return {
        "depth": geometry.depth.masked_fill(outside, torch.inf),
        "points": geometry.points().masked_fill(outside[..., None], torch.inf),
        "mask": geometry.valid,
        "intrinsics": geometry.intrinsics,
        "normal": geometry.normals(),
        "image": picture.float().cpu(),
    }


def from_packet(packet: Any, name: str = "geometry") -> Geometry:
    """The Geometry in a dict of ours or of the core's MoGe nodes; `name` is the input's, for errors."""
    missing = [key for key in ("depth", "intrinsics") if not isinstance(packet, dict) or key not in packet]
    if missing:
        raise InputError(
            f"{name} has no {' and no '.join(missing)}: expected the geometry of a perspective picture, from a "
            "SpatialFusion or MoGe node (not of a panorama)."
        )
    depth = packet["depth"].detach().to("cpu", torch.float32)
    valid = depth.isfinite() & (depth > 0)
    if packet.get("mask") is not None:
        valid &= packet["mask"].detach().cpu().bool()
    return Geometry(depth.masked_fill(~valid, 0), valid, packet["intrinsics"].detach().to("cpu", torch.float32))


def picture_of(packet: dict[str, Tensor]) -> Tensor | None:
    """The picture [B, H, W, 3] that a geometry carries, if it carries one."""
    return packet.get("image")
