"""Segmentation: the pixels of the things in boxes, by SAM 2 through transformers.

Notable: the image processor of transformers needs torchvision, which is not needed here: its steps are a resize to a
square, a normalisation and the scaling of the boxes.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from ...data.hub import read_json
from ...data.teachers.depth_pro import load_model
from ...data.teachers.teacher import require_package
from ...errors import InputError
from ...images import imagenet_normalised
from .named import Named


class Segmenter(Named, Protocol):
    """Outlines the things in boxes."""

    def __call__(self, image: Tensor, boxes: Tensor) -> Tensor:
        """[N, H, W] bool of an image [3, H, W] in [0, 1] and boxes [N, 4] (left, top, right, bottom in pixels)."""


class Sam2:
    """See Segmenter."""

    name: ClassVar[str] = "sam2"
    WEIGHTS: ClassVar[str] = "facebook/sam2.1-hiera-large"
    LICENCES: ClassVar[dict[str, str]] = {
        f"facebook/sam2.1-hiera-{size}": "apache-2.0" for size in ("tiny", "small", "base-plus", "large")
    }

    def __init__(self, folder: Path, weights: str, licence: str, device: torch.device | str):
        from transformers import Sam2Model

        # The published configurations are those of the video model, whose image part is what is read here.
        if read_json(folder / "config.json").get("model_type") not in ("sam2", "sam2_video"):
            raise InputError(f"{folder} is not SAM 2: expected weights such as {self.WEIGHTS}.")
        self.weights, self.licence, self.device = weights, licence, torch.device(device)
        self.model = load_model(Sam2Model, folder, self.device)
        self.size = self.model.config.prompt_encoder_config.image_size

    @staticmethod
    def check_package() -> None:
        require_package("transformers", "pip install transformers")

    @torch.no_grad()
    def __call__(self, image: Tensor, boxes: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        pixels = F.interpolate(image[None], (self.size, self.size), mode="bilinear", antialias=True)
        scale = torch.tensor([self.size / width, self.size / height] * 2)
        output = self.model(
            pixel_values=imagenet_normalised(pixels).to(self.device, self.model.dtype),
            input_boxes=(boxes * scale)[None].to(self.device, self.model.dtype),
            multimask_output=False,
        )
        logits = output.pred_masks[0].float().cpu()
        return F.interpolate(logits, (height, width), mode="bilinear", align_corners=False)[:, 0] > 0


def apart(masks: Tensor) -> Tensor:
    """Masks [N, H, W] of which no two share a pixel: it belongs to the smaller one, which stands in front or on top."""
    area = masks.flatten(1).sum(1)[:, None, None]
    owner = area.masked_fill(~masks, torch.iinfo(area.dtype).max).argmin(dim=0)
    return masks & (owner == torch.arange(len(masks))[:, None, None])
