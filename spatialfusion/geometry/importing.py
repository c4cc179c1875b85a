"""Geometry from depth estimators: from their grey images, and from the packets of ComfyUI's MoGe and DA3 nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from ..errors import InputError, suggest
from .geometry import DEPTH_RANGE, FIELD_OF_VIEW_RANGE, Geometry, centred_intrinsics, focal_length

Convention = Literal["disparity", "inverted disparity", "linear", "inverted linear", "metres"]
CONVENTIONS = ("disparity", "inverted disparity", "linear", "inverted linear", "metres")

# Channels of a grey image agree to this much of its range: JPEG and resizing leave a level or two of 255.
_GREY = 0.012


def from_image(
    image: Tensor,
    convention: Convention,
    near: float,
    far: float,
    hfov: float,
    zero_is_sky: bool = True,
    progress: Callable[[], None] | None = None,
) -> Geometry:
    """Geometry from a grey depth image.

    image: [B, H, W, C] with 1 channel, or 3 equal ones and maybe alpha, which is ignored; values in [0, 1].
    convention: what grey means. "disparity": proportional to 1 / depth, white is near, as most estimators and depth
        ControlNets have it; "linear": proportional to depth, white is near; "inverted ...": black is near instead;
        "metres": the values are metres, and what is not positive and finite is not valid.
    near, far: the metres of white and black (of black and white where inverted); "metres" does not use them.
    hfov: horizontal field of view in degrees.
    zero_is_sky: what is exactly black (exactly white where inverted) is sky or unknown and so not valid, instead of as
        far as `far`. "metres" does not use it.
    progress: called after each image; one is turned into depth at a time.

    Raises InputError for anything else, and for a coloured image: a colour map cannot be turned back into depth.
    """
    if convention not in CONVENTIONS:
        raise InputError(
            f"convention is {convention!r}{suggest(str(convention), CONVENTIONS)}; expected one of "
            f"{', '.join(CONVENTIONS)}."
        )
    _check_hfov(hfov)
    if convention != "metres" and not DEPTH_RANGE[0] <= near < far <= DEPTH_RANGE[1]:
        raise InputError(
            f"near is {near:g} and far is {far:g} metres; expected near less than far, both within {DEPTH_RANGE[0]:g} "
            f"to {DEPTH_RANGE[1]:g}."
        )
    _check_image(image)

    def frame(i: int) -> Geometry:
        depth = _grey(image[i : i + 1])
        if convention != "metres":
            depth = _metres(depth, convention, near, far, zero_is_sky)
        return Geometry.from_depth(depth, focal_length(hfov))

    return Geometry.from_frames(len(image), frame, progress)


def from_moge(
    packet: Mapping[str, Any], name: str = "moge_geometry", progress: Callable[[], None] | None = None
) -> Geometry:
    """Geometry from a MOGE_GEOMETRY: depth [B, H, W] in metres, normalised intrinsics [B, 3, 3], maybe mask [B, H, W].

    Not valid: outside of the mask, and what is not positive and finite. MoGe-2 gives metres; MoGe-1 gives depth up to
    a factor, and its packet does not say so. `name` is the input's, for errors; `progress` is called after each
    image. On the depth's device.
    """
    depth = _depth(packet, name, needed=("depth", "intrinsics"))
    intrinsics = _on(packet["intrinsics"], depth)
    if intrinsics.ndim == 2 or (intrinsics.ndim == 3 and len(intrinsics) == 1):
        intrinsics = intrinsics.reshape(1, *intrinsics.shape[-2:]).expand(len(depth), -1, -1)
    return _geometry(depth, packet, "mask", intrinsics, name, progress)


def from_da3(
    packet: Mapping[str, Any],
    hfov: float,
    name: str = "da3_geometry",
    progress: Callable[[], None] | None = None,
) -> Geometry:
    """Geometry from a DA3_GEOMETRY: depth [B, H, W], maybe sky [B, H, W], maybe intrinsics [1, B, 3, 3] in pixels.

    Not valid: sky of probability 0.5 and more, and what is not positive and finite. hfov: the horizontal field of view
    in degrees where the packet has no intrinsics, which only its multi-view mode has. `name` is the input's, for
    errors; `progress` is called after each image. On the depth's device.

    Depth is the model's raw output, up to a factor: `geometry_edit.scale` makes it metres. For the metric variant the
    factor is f / 300, f the focal length in pixels of the size at which the model ran. The packet does not hold that
    size, and its intrinsics are in pixels of it too; they are normalised by the principal point, which is the centre.
    """
    depth = _depth(packet, name, needed=("depth",))
    intrinsics = packet.get("intrinsics")
    if intrinsics is not None and not isinstance(intrinsics, Tensor):
        raise InputError(f"{name} has intrinsics of type {type(intrinsics).__name__}; expected a tensor, or none.")
    intrinsics = None if intrinsics is None else _on(intrinsics, depth)
    if intrinsics is not None and intrinsics.shape not in ((1, len(depth), 3, 3), (len(depth), 3, 3)):
        raise InputError(
            f"{name} has intrinsics of shape {list(intrinsics.shape)}; expected [1, {len(depth)}, 3, 3], in pixels."
        )
    # Where it has estimated no camera, the multi-view mode writes identities.
    if intrinsics is None or torch.equal(intrinsics, torch.eye(3).to(intrinsics).expand_as(intrinsics)):
        _check_hfov(hfov)
        focal = focal_length(hfov).to(depth.device).expand(len(depth))
        return _geometry(depth, packet, "sky", centred_intrinsics(focal, *depth.shape[1:]), name, progress)
    intrinsics = intrinsics.reshape(-1, 3, 3)
    focal, centre = intrinsics[:, [0, 1], [0, 1]], intrinsics[:, :2, 2]
    if not (intrinsics.isfinite().all() and (focal > 0).all() and (centre > 0).all()):
        raise InputError(
            f"{name} has intrinsics without a positive, finite focal length and principal point; expected pixels."
        )
    normalised = torch.eye(3, device=depth.device).repeat(len(depth), 1, 1)
    normalised[:, [0, 1], [0, 1]] = focal / (2 * centre)
    normalised[:, :2, 2] = 0.5
    return _geometry(depth, packet, "sky", normalised, name, progress)


def _check_image(image: Tensor) -> None:
    if image.ndim != 4 or image.shape[-1] not in (1, 3, 4) or image.numel() == 0 or not image.is_floating_point():
        raise InputError(
            f"the image has shape {list(image.shape)} and dtype {image.dtype}; expected [batch, height, width, 1, 3 or "
            "4] of floating-point values."
        )


def _metres(grey: Tensor, convention: Convention, near: float, far: float, zero_is_sky: bool) -> Tensor:
    """[1, H, W] in [0, 1] -> metres, infinite where it is sky."""
    grey = torch.where(grey.isfinite(), grey.clamp(0, 1), torch.nan)
    nearness = 1 - grey if convention.startswith("inverted") else grey
    if convention.endswith("disparity"):
        depth = 1 / torch.lerp(torch.full_like(grey, 1 / far), torch.full_like(grey, 1 / near), nearness)
    else:
        depth = torch.lerp(torch.full_like(grey, far), torch.full_like(grey, near), nearness)
    depth = depth.clamp(near, far)  # rounding, which counts at the ends of DEPTH_RANGE
    return depth.masked_fill(nearness == 0, torch.inf) if zero_is_sky else depth


def _grey(image: Tensor) -> Tensor:
    """[1, H, W, C] -> [1, H, W] float32."""
    channels = image.float()[..., :3]
    low, high = channels.nan_to_num().amin(-1), channels.nan_to_num().amax(-1)
    # Relative for metres, which go beyond 1.
    difference = (high - low) / high.clamp(min=1)
    if difference.max() > _GREY:
        red, green, blue = (f"{value:.3g}" for value in channels.flatten(0, 2)[difference.argmax()].tolist())
        raise InputError(
            f"the image is coloured: its channels differ, by up to red {red}, green {green}, blue {blue}; expected a "
            "grey depth image, as a colour map cannot be turned back into depth."
        )
    # The middle one of three. Not by median: of an image expanded from one channel torch 2.13 returns wrong values.
    return channels.sort(-1).values[..., channels.shape[-1] // 2]


def _check_hfov(hfov: float) -> None:
    low, high = FIELD_OF_VIEW_RANGE["horizontal"]
    if not low <= hfov <= high:
        raise InputError(f"hfov is {hfov:g} degrees; expected {low:g} to {high:g}.")


def _depth(packet: Any, name: str, needed: tuple[str, ...]) -> Tensor:
    missing = [key for key in needed if not isinstance(packet, Mapping) or not isinstance(packet.get(key), Tensor)]
    if missing:
        raise InputError(
            f"{name} has no {' and no '.join(missing)}; expected the geometry of a perspective image, from a depth "
            "node (not of a panorama)."
        )
    depth = packet["depth"].detach()
    if depth.ndim != 3:
        raise InputError(f"{name} has depth of shape {list(depth.shape)}; expected [batch, height, width].")
    return depth


def _on(value: Tensor, depth: Tensor) -> Tensor:
    return value.detach().to(depth.device, torch.float32)


def _geometry(
    depth: Tensor,
    packet: Mapping[str, Any],
    key: str,
    intrinsics: Tensor,
    name: str,
    progress: Callable[[], None] | None,
) -> Geometry:
    """Known is depth by its values and by the packet's "mask" of what is known or "sky" of what is not: `key`."""
    mask = packet.get(key)
    if mask is not None and (not isinstance(mask, Tensor) or mask.shape != depth.shape):
        what = f"of shape {list(mask.shape)}" if isinstance(mask, Tensor) else f"of type {type(mask).__name__}"
        raise InputError(f"{name} has a {key} {what}; expected depth's shape {list(depth.shape)}.")
    if intrinsics.shape != (len(depth), 3, 3) or depth.numel() == 0:
        raise InputError(
            f"{name} has depth of shape {list(depth.shape)} and intrinsics of {list(intrinsics.shape)}; expected "
            f"[batch, height, width] and [batch, 3, 3]."
        )

    def frame(i: int) -> Geometry:
        one = depth[i : i + 1].float()
        known = (one >= DEPTH_RANGE[0]) & (one <= DEPTH_RANGE[1])
        if mask is not None:
            part = _on(mask[i : i + 1], depth)
            known &= part < 0.5 if key == "sky" else part >= 0.5
        return Geometry(one.masked_fill(~known, 0), known, intrinsics[i : i + 1])

    try:
        return Geometry.from_frames(len(depth), frame, progress)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
