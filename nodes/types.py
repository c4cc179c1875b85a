"""What travels along the wires: the model, and geometry in the form of the core's MOGE_GEOMETRY."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..spatialfusion.depth_image import colorize
from ..spatialfusion.geometry import Geometry
from ..spatialfusion.geometry_import import from_moge

ModelType = io.Custom("SPATIALFUSION")
# Both names: the core's MoGe nodes take our geometry, and our nodes take theirs.
GeometryType = io.Custom("SPATIALFUSION_GEOMETRY,MOGE_GEOMETRY")


def to_packet(geometry: Geometry, image: Tensor | None = None) -> dict[str, Any]:
    """The dict that ComfyUI passes around, with the keys of the core's MOGE_GEOMETRY.

    depth [B, H, W] in metres and points [B, H, W, 3], infinite where not valid, as the core cuts its meshes there; mask
    [B, H, W]; intrinsics [B, 3, 3] normalised by the picture's size; normal [B, H, W, 3]; image [B, H, W, 3], the
    colour map of the depth unless `image` is given. All on the CPU. One key is ours: is_color_map, whether the image is
    only that and may be drawn anew.
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
        "is_color_map": image is None,
    }


def from_packet(packet: Any, name: str = "geometry") -> Geometry:
    """The Geometry in a dict of ours or of the core's MoGe nodes; `name` is the input's, for errors."""
    return from_moge(packet, name).to("cpu")


def source_picture_of(packet: dict[str, Any]) -> Tensor | None:
    """The picture [B, H, W, 3] that a geometry belongs to; None if all that it carries is its own colour map."""
    return None if packet.get("is_color_map") else packet.get("image")
