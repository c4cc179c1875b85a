"""Depth Pro (Apple) through transformers: metric depth with sharp edges, and the field of view.

Notable: the image processor of transformers needs torchvision, which is not needed here: its steps are a normalisation,
a resize and the conversion of canonical inverse depth to metres, which are written out below. That conversion is what
the processor does only when it is given `target_sizes`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor

from ...errors import InputError
from ...geometry.geometry import Geometry
from ..hub import read_json
from .teacher import require_package, sound_geometry

_INVERSE = (1e-4, 1e4)  # the range of 1 / metres; at its ends it says "farther" and "nearer"


class DepthPro:
    """See Teacher. Sky and whatever is farther than 10 km is not valid."""

    name: ClassVar[str] = "depth_pro"
    is_metric: ClassVar[bool] = True
    gives_fov: ClassVar[bool] = True
    WEIGHTS: ClassVar[str] = "apple/DepthPro-hf"
    LICENCES: ClassVar[dict[str, str]] = {"apple/DepthPro-hf": "apple-amlr"}

    def __init__(self, folder: Path, licence: str, device: torch.device | str):
        from transformers import DepthProForDepthEstimation

        config = read_json(folder / "config.json")
        if config.get("model_type") != "depth_pro" or not config.get("use_fov_model"):
            raise InputError(f"{folder} is not Depth Pro with its field-of-view model: expected {self.WEIGHTS}.")
        self.licence, self.device = licence, torch.device(device)
        self.model = load_model(DepthProForDepthEstimation, folder, self.device)
        # The patches of the finest scale tile the image; this is what the encoder was built for.
        self.size = round(self.model.config.patch_size / self.model.config.scaled_images_ratios[0])
        settings = folder / "preprocessor_config.json"
        if settings.is_file():
            self.size = int(read_json(settings).get("size", {}).get("height", self.size))

    @staticmethod
    def check_package() -> None:
        require_package("transformers", "pip install transformers")

    @torch.no_grad()
    def __call__(self, images: Tensor, hfov: Tensor | None = None) -> Geometry:
        height, width = images.shape[-2:]
        pixels = (images.to(self.device) - 0.5) / 0.5
        pixels = F.interpolate(pixels, (self.size, self.size), mode="bilinear", align_corners=False)
        output = self.model(pixel_values=pixels.to(self.model.dtype))
        canonical, fov = output.predicted_depth.float(), output.field_of_view.float().reshape(-1)
        # Canonical inverse depth is that of a focal length of one image's width.
        inverse = canonical * (2 * torch.tan(torch.deg2rad(fov) / 2))[:, None, None]
        inverse = F.interpolate(inverse[:, None], (height, width), mode="bilinear", align_corners=False)[:, 0]
        valid = (inverse > _INVERSE[0]) & (inverse < _INVERSE[1])
        return sound_geometry(1 / inverse.clamp(*_INVERSE), valid, fov)


def load_model(kind: Any, folder: Path, device: torch.device) -> Any:
    """A transformers model, ready to be asked; InputError if its weights are not all there."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    try:
        model, report = kind.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"the weights in {folder} cannot be loaded ({reason}): fetch them again.") from None
    if missing := sorted(report["missing_keys"]):
        raise InputError(f"the weights in {folder} lack {len(missing)} tensors ({missing[0]}, ...): fetch them again.")
    return model.to(device).eval().requires_grad_(False)
