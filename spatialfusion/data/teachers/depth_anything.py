"""Depth Anything V2, metric, through transformers: one model for rooms (up to 20 m) and one for streets (up to 80 m).

It does not know the field of view: that comes from EXIF or from the user.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import InputError
from ...geometry.geometry import Geometry
from ..hub import read_json
from .depth_pro import load_model
from .teacher import require_package, sound_geometry

_PREFIX = "depth-anything/Depth-Anything-V2-Metric"
# Its depth ends at a maximum that everything farther, and the sky, is pressed against.
_FARTHEST = 0.99


class DepthAnything:
    """See Teacher. What is within 1 % of the model's largest depth is not valid: it may be anything beyond."""

    name: ClassVar[str] = "depth_anything"
    is_metric: ClassVar[bool] = True
    gives_fov: ClassVar[bool] = False
    WEIGHTS: ClassVar[str] = f"{_PREFIX}-Indoor-Small-hf"
    # Of the metric models the cards say nothing; these are the licences of the models that they were made from.
    LICENCES: ClassVar[dict[str, str]] = {
        f"{_PREFIX}-{place}-{size}-hf": "apache-2.0" if size == "Small" else "cc-by-nc-4.0"
        for place in ("Indoor", "Outdoor")
        for size in ("Small", "Base", "Large")
    }

    def __init__(self, folder: Path, licence: str, device: torch.device | str):
        from transformers import DepthAnythingForDepthEstimation, DPTImageProcessorPil

        config = read_json(folder / "config.json")
        if config.get("model_type") != "depth_anything" or config.get("depth_estimation_type") != "metric":
            raise InputError(f"{folder} is not a metric Depth Anything: expected one such as {self.WEIGHTS}.")
        self.licence, self.device = licence, torch.device(device)
        self.model = load_model(DepthAnythingForDepthEstimation, folder, self.device)
        if (folder / "preprocessor_config.json").is_file():
            self.processor = DPTImageProcessorPil.from_pretrained(folder, local_files_only=True)
        else:
            side, patch = self.model.config.backbone_config.image_size, self.model.config.patch_size
            self.processor = DPTImageProcessorPil(
                size={"height": side, "width": side}, keep_aspect_ratio=True, ensure_multiple_of=patch
            )

    @staticmethod
    def check_package() -> None:
        require_package("transformers", "pip install transformers")

    @torch.no_grad()
    def __call__(self, images: Tensor, hfov: Tensor | None = None) -> Geometry:
        if hfov is None:
            raise InputError("depth_anything gives no field of view: it has to be told.")
        pixels = (images * 255).round().to(torch.uint8).cpu().numpy()
        inputs = self.processor(images=list(pixels), return_tensors="pt", input_data_format="channels_first")
        values = torch.as_tensor(np.asarray(inputs["pixel_values"])).to(self.device, self.model.dtype)
        output = self.model(pixel_values=values).predicted_depth.float()
        # As the processor's own post_process_depth_estimation with target_sizes.
        depth = F.interpolate(output[:, None], images.shape[-2:], mode="bicubic", align_corners=False)[:, 0]
        valid = depth < _FARTHEST * self.model.config.max_depth
        return sound_geometry(depth, valid, hfov)
