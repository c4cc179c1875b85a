"""Depth on the node that makes it: a colour map with a scale in metres, while it is drawn and when it is done."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from comfy_api.latest import io, ui
from PIL import Image

from ..spatialfusion.geometry.depth_image import depth_figure
from ..spatialfusion.geometry.geometry import Geometry
from .scene_drawing import say

MOST = 16  # images of a batch that are shown
SIDE = 512  # pixels of depth that a preview needs


def figure(geometry: Geometry) -> Image.Image:
    """The first image of a geometry with its scale; of a large one, every so many pixels."""
    step = max(1, math.ceil(max(geometry.height, geometry.width) / SIDE))
    depth, valid = geometry.depth[:1, ::step, ::step].cpu(), geometry.valid[:1, ::step, ::step].cpu()
    return depth_figure(Geometry(depth, valid, geometry.intrinsics[:1].cpu()))


def live(geometry: Geometry) -> tuple[str, Image.Image, int]:
    """The preview of a ProgressBar."""
    return "JPEG", figure(geometry), SIDE


def show(node: type[io.ComfyNode], geometry: Geometry, sentences: Sequence[str] = ()) -> dict[str, Any]:
    """The ui of a NodeOutput: figures of the first images of a batch, and below them their metres in words."""
    figures = [np.asarray(figure(geometry[i])) for i in range(min(MOST, len(geometry)))]
    images = torch.from_numpy(np.stack(figures)).float() / 255
    said = say([*sentences, metres(geometry)], "")
    return {**ui.PreviewImage(images, cls=node).as_dict(), **said.as_dict()}


def metres(geometry: Geometry) -> str:
    """How near, how far, and how much is unknown, of a whole batch."""
    known = geometry.valid.float().mean().item()
    if known == 0:
        return "No depth is known: all of it is sky."
    depth = geometry.depth[geometry.valid]
    nearest, farthest = depth.min().item(), depth.max().item()
    unknown = "" if known == 1 else f", {100 * (1 - known):.0f} % sky or unknown"
    which = f"{len(geometry)} images, " if len(geometry) > 1 else ""
    return f"{which}{nearest:.3g} to {farthest:.3g} m{unknown}"
