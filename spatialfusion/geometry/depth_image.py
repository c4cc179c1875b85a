"""Images of depth: grey images for depth ControlNets, colour maps for people, and a figure with a scale in metres."""

from __future__ import annotations

import math
from typing import Literal

import torch
from einops import rearrange, repeat
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..errors import InputError, suggest
from ..images import to_image
from .geometry import Geometry

Mode = Literal["disparity", "linear", "log"]
Normalize = Literal["image", "batch"] | tuple[float, float]

# Each falls with depth, so that near is white.
_SCALES = {"disparity": torch.reciprocal, "linear": torch.neg, "log": lambda depth: -depth.log()}

# 16 evenly spaced colours of "plasma" by S. van der Walt and N. Smith (CC0): perceptually uniform, far to near.
_PLASMA = (
    "0d0887 330597 5002a2 6a00a8 8405a7 9c179e b12a90 c33d80 d35171 e16462 ed7953 f68f44 fca636 fec029 f9dc24 f0f921"
)
_UNKNOWN = 0.5


def depth_range(geometry: Geometry, normalize: Normalize = "image") -> tuple[Tensor, Tensor]:
    """Near and far end [B] of the scale in metres.

    normalize: "image": the 0.1 and 99.9 percentiles of each image's valid depth; "batch": of the whole batch's;
    (near, far): these metres. Without a valid pixel both are 1.
    """
    if isinstance(normalize, str):
        if normalize not in ("image", "batch"):
            raise InputError(
                f"normalize is {normalize!r}{suggest(normalize, ('image', 'batch'))}; expected 'image', 'batch' or "
                "(near, far) in metres."
            )
        parts = [(geometry.depth, geometry.valid)]
        if normalize == "image":
            parts = list(zip(geometry.depth, geometry.valid))
        ends = torch.stack([_percentiles(depth[valid]) for depth, valid in parts])
    else:
        least, most = normalize
        if not 0 < least < most < math.inf:
            raise InputError(f"normalize is near {least:g}, far {most:g}; expected metres with 0 < near < far.")
        ends = geometry.depth.new_tensor([[least, most]])
    near, far = ends.expand(len(geometry), 2).unbind(-1)
    return near, far


def depth_image(geometry: Geometry, mode: Mode = "disparity", normalize: Normalize = "image") -> Tensor:
    """Grey depth images [B, H, W] in [0, 1]: near is 1, far is 0, not valid is 0, constant depth is 0.5.

    mode: what grey is proportional to: "disparity" (1 / depth, as depth ControlNets expect), "linear" (metres) or
    "log" (log of metres). normalize: see `depth_range`.
    """
    if mode not in _SCALES:
        raise InputError(f"mode is {mode!r}{suggest(str(mode), _SCALES)}; expected one of {', '.join(_SCALES)}.")
    near, far = depth_range(geometry, normalize)
    images = torch.empty_like(geometry.depth)
    for i, (depth, valid) in enumerate(zip(geometry.depth, geometry.valid)):
        grey = _grey(depth.masked_fill(~valid, 1), near[i], far[i], mode)
        images[i] = grey.masked_fill(~valid, 0)
    return images


def disparity_image(geometry: Geometry, normalize: Normalize = "image") -> Tensor:
    """Normalised inverse depth [B, H, W] in [0, 1], near = white, the input of depth ControlNets: see `depth_image`."""
    return depth_image(geometry, "disparity", normalize)


def colorize(geometry: Geometry, mode: Mode = "log", normalize: Normalize = "image") -> Tensor:
    """Colour maps [B, 3, H, W] in [0, 1]: near is yellow, far is blue, not valid is neutral grey."""
    grey = depth_image(geometry, mode, normalize)
    images = grey.new_empty(len(grey), 3, geometry.height, geometry.width)
    for i, valid in enumerate(geometry.valid):
        images[i] = rearrange(_color(grey[i]), "h w c -> c h w").masked_fill(~valid, _UNKNOWN)
    return images


def depth_figure(geometry: Geometry, mode: Mode = "log", normalize: Normalize = "image") -> Image.Image:
    """One image's colour map with a scale in metres beside it; small images are enlarged to at least 384 pixels."""
    if len(geometry) != 1:
        raise InputError(f"a depth figure shows one image, the batch has {len(geometry)}; select one: geometry[0].")
    factor = math.ceil(384 / max(geometry.height, geometry.width))
    image = to_image(repeat(colorize(geometry, mode, normalize)[0], "c h w -> c (h f) (w g)", f=factor, g=factor))
    near, far = (x.item() for x in depth_range(geometry, normalize))

    unit = min(96, max(14, image.height // 24))  # the height of a label; everything in the margin is a multiple of it
    font = ImageFont.load_default(unit)
    figure = Image.new("RGB", (image.width + 8 * unit, max(image.height, 10 * unit)), "white")
    figure.paste(image, (0, (figure.height - image.height) // 2))
    draw = ImageDraw.Draw(figure)
    left, right, top, bottom = image.width + unit, image.width + 2 * unit, unit, figure.height - unit
    if not geometry.valid.all():
        _box(draw, left, bottom - unit, right, bottom, fill=(round(_UNKNOWN * 255),) * 3)
        draw.text((right + unit // 2, bottom - unit / 2), "none", "black", font, anchor="lm")
        bottom -= 3 * unit
    if not geometry.valid.any():
        return figure

    # As in most images, the near end is below.
    ramp = to_image(repeat(_color(torch.linspace(0, 1, bottom - top)), "h c -> c h w", w=right - left))
    figure.paste(ramp, (left, top))
    _box(draw, left, top, right, bottom)
    for metres, y in _ticks(near, far, mode, top, bottom, spacing=1.5 * unit):
        draw.line((right, y, right + unit // 4, y), "black", max(1, unit // 12))
        draw.text((right + unit // 2, y), f"{metres:.3g} m", "black", font, anchor="lm")
    return figure


def _percentiles(depth: Tensor) -> Tensor:
    """The 0.1 and 99.9 percentiles of depth [N]; (1, 1) for none."""
    if depth.numel() == 0:
        return depth.new_ones(2)
    # Not torch.quantile: it refuses more than 16 million values.
    ordered = depth.sort().values
    position = ordered.new_tensor([0.001, 0.999]) * (len(ordered) - 1)
    below = position.floor().long().clamp(max=len(ordered) - 1)
    above = (below + 1).clamp(max=len(ordered) - 1)
    return ordered[below].lerp(ordered[above], position - below)


def _grey(depth: Tensor, near: Tensor, far: Tensor, mode: Mode) -> Tensor:
    scale = _SCALES[mode]
    flat = far <= near * (1 + 1e-5)
    span = (scale(near) - scale(far)).masked_fill(flat, 1)
    return ((scale(depth) - scale(far)) / span).clamp(0, 1).masked_fill(flat, 0.5)


def _color(grey: Tensor) -> Tensor:
    """[...] in [0, 1] -> [..., 3]."""
    table = torch.tensor([list(bytes.fromhex(color)) for color in _PLASMA.split()], device=grey.device) / 255
    position = grey * (len(table) - 1)
    below = position.floor().long().clamp(0, len(table) - 2)
    return table[below].lerp(table[below + 1], (position - below)[..., None])


def _ticks(near: float, far: float, mode: Mode, top: int, bottom: int, spacing: float) -> list[tuple[float, float]]:
    """Labels of the scale (metres, y): both ends, and round numbers as far as they find room between them."""
    if far <= near * (1 + 1e-5):
        return [(near, (top + bottom) / 2)]
    ends = [(near, float(bottom - 1)), (far, float(top))]
    decades = range(math.floor(math.log10(near)), math.ceil(math.log10(far)) + 1)
    step = 10.0 ** math.floor(math.log10((far - near) / 2))
    # Roundest first. In a narrow range only multiples of its own step are left.
    tiers = [[factor * 10.0**decade for decade in decades] for factor in (1, 5, 2, 3)]
    tiers += [[step * k for k in range(math.ceil(near / step), math.ceil(near / step) + 30)]]
    chosen = list(ends)
    for tier in tiers:
        room = [metres for metres in tier if near < metres < far]
        grey = _grey(torch.tensor(room), torch.tensor(near), torch.tensor(far), mode)
        for metres, value in zip(room, grey.tolist()):
            y = top + value * (bottom - 1 - top)
            if all(abs(y - other) >= spacing for _, other in chosen):
                chosen.append((metres, y))
    return sorted(chosen)


def _box(draw: ImageDraw.ImageDraw, left: int, top: int, right: int, bottom: int, fill=None) -> None:
    draw.rectangle((left, top, right - 1, bottom - 1), fill, "black")
