"""What travels along the wires: the model, scenes, and geometry in the form of the core's MOGE_GEOMETRY."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..spatialfusion.errors import InputError
from ..spatialfusion.geometry.depth_image import colorize
from ..spatialfusion.geometry.geometry import Geometry
from ..spatialfusion.geometry.importing import from_moge
from ..spatialfusion.planner.plan import Plan

ModelType = io.Custom("SPATIALFUSION")
SceneType = io.Custom("SPATIALFUSION_SCENE")  # a Plan, drawn
SCENE_NODES = "Plan Scene, Compose Scene Depth, Edit Scene or Orbit Scene Camera"
# Both names: the core's MoGe nodes take our geometry, and our nodes take theirs.
GeometryType = io.Custom("SPATIALFUSION_GEOMETRY,MOGE_GEOMETRY")


def to_packet(
    geometry: Geometry, image: Tensor | None = None, progress: Callable[[], None] | None = None
) -> dict[str, Any]:
    """The dict that ComfyUI passes around, with the keys of the core's MOGE_GEOMETRY.

    depth [B, H, W] in metres and points [B, H, W, 3], infinite where not valid, as the core cuts its meshes there; mask
    [B, H, W]; intrinsics [B, 3, 3] normalised by the image's size; normal [B, H, W, 3]; image [B, H, W, 3], the
    colour map of the depth unless `image` is given. All on the CPU. One key is ours: is_color_map, whether the image is
    only that and may be drawn anew.

    One image is worked on at a time, and `progress` called after each.
    """
    geometry = geometry.to("cpu")
    size = (len(geometry), geometry.height, geometry.width)
    names = ("points", "normal") if image is not None else ("points", "normal", "image")
    drawn = {"depth": torch.empty(size), **{name: torch.empty(*size, 3) for name in names}}
    for i in range(len(geometry)):
        one = geometry[i]
        outside = ~one.valid
        drawn["depth"][i] = one.depth.masked_fill(outside, torch.inf)[0]
        drawn["points"][i] = one.points().masked_fill(outside[..., None], torch.inf)[0]
        drawn["normal"][i] = one.normals()[0]
        if image is None:
            drawn["image"][i] = colorize(one)[0].movedim(0, -1)
        if progress is not None:
            progress()
    given = {} if image is None else {"image": image.float().cpu()}
    return {
        **drawn,
        **given,
        "mask": geometry.valid,
        "intrinsics": geometry.intrinsics,
        "is_color_map": image is None,
    }


def from_packet(packet: Any, name: str = "geometry", progress: Callable[[], None] | None = None) -> Geometry:
    """The Geometry in a dict of ours or of the core's MoGe nodes; `name` is the input's, for errors."""
    return from_moge(packet, name, progress).to("cpu")


def source_image_of(packet: dict[str, Any], name: str = "geometry") -> Tensor | None:
    """The image [B, H, W, 3] that a geometry belongs to; None if all that it carries is its own colour map. `name` is
    the input's, for errors."""
    image = None if packet.get("is_color_map") else packet.get("image")
    if image is None:
        return None
    if not isinstance(image, Tensor) or image.ndim != 4 or image.shape[-1] < 3 or image.numel() == 0:
        what = f"of shape {list(image.shape)}" if isinstance(image, Tensor) else f"of type {type(image).__name__}"
        raise InputError(f"{name} has an image {what}: expected [batch, height, width, 3], or none.")
    return image.float()


def check_scene(scene: Any) -> Plan:
    """Raises InputError for what none of our nodes gives."""
    if not isinstance(scene, Plan):
        raise InputError(f"scene is a {type(scene).__name__}: expected the scene of {SCENE_NODES}.")
    return scene
