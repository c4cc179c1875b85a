"""Orientation: which way a thing faces, by Orient-Anything (DINOv2 with a head over bins of one degree).

Notable: the published checkpoints are pickles, which are not read here; docs/evaluation.md has the lines that write one
as config.json and model.safetensors. Its angles are those of the camera as the thing sees it:

- azimuth, 360 bins: 0 where the camera stands in front of it, 90 where it stands at its left side;
- polar, 180 bins: how far above it the camera stands, -90 to 90;
- rotation, 180 or 360 bins: counter-clockwise in the image, -90 to 90 or -180 to 180;
- confidence, 2 bins: that it has a front at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ...data.hub import read_json
from ...data.teachers.depth_pro import load_model
from ...data.teachers.teacher import require_package
from ...errors import InputError
from ...images import imagenet_normalised
from .named import Named

# Sizes of the head, and the bin of no rotation.
_UPRIGHT = {360 + 180 + 180 + 2: 90, 360 + 180 + 360 + 2: 180}
_LAST = "down_sampler.net2.0.bias"
CONFIDENT = 0.5
SIDE, CROP = 256, 224  # pixels: the shorter side, and the middle that is cut out of it, as DINOv2 has them
_FILLED = 0.85  # the part of the square's side that a thing takes where it stands alone on black


@dataclass(frozen=True)
class Facing:
    """direction: [3] unit vector of a thing's front in the axes of a camera that looks straight at it (OpenCV's)."""

    direction: Tensor
    confidence: float


class Orienter(Named, Protocol):
    """Sees which way things face."""

    def __call__(self, image: Tensor, box: Tensor, mask: Tensor) -> Facing | None:
        """Of one thing in an image [3, H, W] in [0, 1], with its box [4] in pixels and mask [H, W]; None: no front."""


class OrientAnything:
    """See Orienter. The thing is shown as it stands; if it seems to have no front, once more alone on black."""

    name: ClassVar[str] = "orient_anything"
    LICENCES: ClassVar[dict[str, str]] = {}  # empty: a folder's licence is in its README.md

    def __init__(self, folder: Path, weights: str, licence: str, device: torch.device | str):
        if read_json(folder / "config.json").get("model_type") != "dinov2":
            raise InputError(
                f"{folder} is not Orient-Anything: expected the config.json of the DINOv2 that it was made from, and "
                "its own tensors as model.safetensors (docs/evaluation.md)."
            )
        self.weights, self.licence, self.device = weights, licence, torch.device(device)
        bins = _bins(folder)
        self.upright = _UPRIGHT[bins]
        self.model = load_model(orientation_network(bins), folder, self.device)

    @staticmethod
    def check_package() -> None:
        require_package("transformers", "pip install transformers")

    @torch.no_grad()
    def __call__(self, image: Tensor, box: Tensor, mask: Tensor) -> Facing | None:
        left, top = (int(value) for value in box[:2].floor())
        right, bottom = (int(value) for value in box[2:].ceil())
        window = image[:, top:bottom, left:right]
        if window.numel() == 0:
            return None
        alone = _on_black(window * mask[top:bottom, left:right])
        images = torch.cat([_middle(window), _middle(alone)])
        output = self.model(imagenet_normalised(images).to(self.device, self.model.dtype)).float().cpu()
        for row in output:
            confidence = row[-2:].softmax(0)[0].item()
            if confidence >= CONFIDENT:
                azimuth, polar = row[:360].argmax().item(), row[360:540].argmax().item() - 90
                rotation = row[540:-2].argmax().item() - self.upright
                return Facing(front_direction(azimuth, polar, rotation), confidence)
        return None


def front_direction(azimuth: float, polar: float, rotation: float) -> Tensor:
    """[3] unit vector of the front in the camera's axes (OpenCV's), from Orient-Anything's angles in degrees."""
    phi, theta, rho = (math.radians(angle) for angle in (azimuth, polar, rotation))
    x, y, z = -math.sin(phi), math.cos(phi) * math.sin(theta), -math.cos(phi) * math.cos(theta)
    # The image turns counter-clockwise, and y points down.
    return torch.tensor([x * math.cos(rho) + y * math.sin(rho), y * math.cos(rho) - x * math.sin(rho), z])


def towards(ray: Tensor) -> Tensor:
    """[3, 3] rotation from the axes of a camera that looks along a ray [3] to those of the image's camera.

    It is the shortest turn that takes the optical axis to the ray.
    """
    x, y, z = F.normalize(ray, dim=0).tolist()
    a = 1 / (1 + z)
    return torch.tensor([[1 - a * x * x, -a * x * y, x], [-a * x * y, 1 - a * y * y, y], [-x, -y, z]])


def _middle(image: Tensor) -> Tensor:
    """[1, 3, CROP, CROP] of an image [3, h, w]: shorter side to SIDE, the middle of it, as DINOv2's processor does."""
    height, width = image.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[None, :, top : top + side, left : left + side]
    square = F.interpolate(square, (SIDE, SIDE), mode="bicubic", antialias=True).clamp(0, 1)
    edge = (SIDE - CROP) // 2
    return square[..., edge : edge + CROP, edge : edge + CROP]


def _on_black(image: Tensor) -> Tensor:
    """An image in the middle of a black square with a margin."""
    height, width = image.shape[-2:]
    side = round(max(height, width) / _FILLED)
    top, left = (side - height) // 2, (side - width) // 2
    return F.pad(image, (left, side - width - left, top, side - height - top))


def _bins(folder: Path) -> int:
    """The number of outputs of the head in a folder of weights."""
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, "pt") as tensors:
                if _LAST in tensors.keys():
                    bins = tensors.get_slice(_LAST).get_shape()[0]
                    break
        except (SafetensorError, OSError) as error:
            raise InputError(f"{path} cannot be read ({str(error).splitlines()[0]}): fetch it again.") from None
    else:
        raise InputError(f"the weights in {folder} have no {_LAST}: expected Orient-Anything's (docs/evaluation.md).")
    if bins not in _UPRIGHT:
        raise InputError(f"the head in {folder} has {bins} outputs: expected {' or '.join(map(str, _UPRIGHT))}.")
    return bins


def orientation_network(bins: int) -> type:
    """The class of DINOv2 with Orient-Anything's head, under the names of its checkpoint."""
    from transformers.models.dinov2.modeling_dinov2 import Dinov2Model, Dinov2PreTrainedModel

    class Head(nn.Module):
        def __init__(self, width: int):
            super().__init__()
            self.net1 = nn.Sequential(nn.Linear(width, bins), nn.BatchNorm1d(bins), nn.ReLU())
            self.net2 = nn.Sequential(nn.Linear(bins, bins), nn.BatchNorm1d(bins))

        def forward(self, x: Tensor) -> Tensor:
            return self.net2(self.net1(x))

    class Network(Dinov2PreTrainedModel):
        def __init__(self, config):
            super().__init__(config)
            self.dinov2 = Dinov2Model(config)
            self.down_sampler = Head(config.hidden_size)
            self.post_init()

        def forward(self, pixel_values: Tensor) -> Tensor:
            return self.down_sampler(self.dinov2(pixel_values).last_hidden_state[:, 0])

    return Network
