"""MoGe-2 (Microsoft) through its own package: metric depth, where there is none (sky), and the field of view.

Notable: the published checkpoint is a pickle, which is not read here. docs/data.md has the one line that writes it as
config.json and model.safetensors.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ...errors import InputError
from ...geometry.geometry import Geometry
from ..hub import read_json
from .teacher import require_package, sound_geometry


class MoGe:
    """See Teacher. Valid is what its mask calls valid."""

    name: ClassVar[str] = "moge"
    is_metric: ClassVar[bool] = True
    gives_fov: ClassVar[bool] = True
    WEIGHTS: ClassVar[str] = "Ruicheng/moge-2-vitl-normal"
    LICENCES: ClassVar[dict[str, str]] = {
        f"Ruicheng/moge-2-{name}": "mit" for name in ("vitl", "vitl-normal", "vitb-normal", "vits-normal")
    }

    def __init__(self, folder: Path, licence: str, device: torch.device | str):
        from moge.model.v2 import MoGeModel

        self.licence, self.device = licence, torch.device(device)
        settings = read_json(folder / "config.json")
        tensors: dict[str, Tensor] = {}
        try:
            for path in sorted(folder.glob("*.safetensors")):
                tensors.update(load_file(path))
            model = MoGeModel(**settings.get("model_config", settings))
            model.load_state_dict(tensors)
        except (SafetensorError, OSError, RuntimeError, TypeError, KeyError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise InputError(f"the weights in {folder} are not those of a MoGe-2 model ({reason}).") from None
        if not hasattr(model, "scale_head"):
            raise InputError(f"the model in {folder} has no metric scale: expected MoGe-2, such as {self.WEIGHTS}.")
        self.model = model.float().to(self.device).eval().requires_grad_(False)

    @staticmethod
    def check_package() -> None:
        require_package("moge", "pip install git+https://github.com/microsoft/MoGe.git, or use another --teacher")

    @torch.no_grad()
    def __call__(self, images: Tensor, hfov: Tensor | None = None) -> Geometry:
        output = self.model.infer(images.to(self.device), use_fp16=self.device.type == "cuda")
        depth, intrinsics = output["depth"].float(), output["intrinsics"].float()
        valid = output["mask"].bool() if "mask" in output else torch.ones_like(depth, dtype=torch.bool)
        return sound_geometry(depth, valid, torch.rad2deg(2 * torch.atan(0.5 / intrinsics[:, 0, 0])))
