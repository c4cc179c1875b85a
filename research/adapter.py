"""The stage `adapter`, between stages 1 and 2: the depth adapter alone learns to tell the latent from depth.

Notable: ours, not the paper's. An adapter that starts at zero has to be found by the diffusion model and to find what
to say at once, and in a short stage 2 neither gets far. The mean latent given depth is what depth has to say in the
latent's own terms, and a small convolutional net learns it in minutes. It belongs to no diffusion model yet: what an
earlier stage 2 made of one is forgotten.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from spatialfusion.errors import InputError
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.latents import decode_latents
from spatialfusion.model.depth_adapter import DepthAdapter
from spatialfusion.model.model import FILE_NAME, SpatialFusionModel
from spatialfusion.model.state import geometry_to_state
from spatialfusion.sheet import figure_tile, image_tile, write_sheet
from spatialfusion.train.base import Base
from spatialfusion.train.samples import Data, Samples, open_data
from spatialfusion.train.stage import Stage

from .stages import AdapterStageConfig, ResearchConfig

SHEET_ROWS = 8


class AdapterStage(Stage):
    """Exact depth, or a teacher's -> the latent of the image that it is the depth of."""

    name: ClassVar[str] = "adapter"
    network: ClassVar[str] = "spatial"

    def __init__(self, config: ResearchConfig, run: Path, device: torch.device):
        super().__init__(config, run, device)
        self.options: AdapterStageConfig = config.adapter
        self.folder = run / "model"
        self.base = Base(config, run, device, self.load_device, ("transformer",))
        if not (self.folder / FILE_NAME).exists():
            raise InputError(f"{self.folder} has no {FILE_NAME}; train it with the stage `stage1` first.")
        self.model = SpatialFusionModel.load(self.folder, device)
        # With "none" an adapter is silent.
        self.model.config.injection = "add"
        self.vae = self.base.vae()
        self.data, self.validation = open_data(config, run, self.name, 2 * self.model.config.latent_stride)
        self.base.prepare_latents(self.vae, self.data, self.validation)
        self.trained: nn.Module = DepthAdapter(self.model.config).to(device)
        # At zero the last layer would keep everything before it from learning.
        self.trained.out.reset_parameters()

    def __len__(self) -> int:
        return len(self.data)

    def indices(self, step: int, places: range) -> list[Any] | None:
        return self.data.indices(step, places)

    def batch(self, indices: list[Any], generators: list[torch.Generator]) -> dict[str, Any]:
        return self.make_batch(self.data.load(indices, generators))

    def make_batch(self, samples: Samples) -> dict[str, Any]:
        """Depth as the adapter reads it; nothing is drawn."""
        y, u = geometry_to_state(samples.geometry, self.model.config)
        return {"y": y, "u": u, "has_camera": samples.has_camera, "latents": samples.latents}

    def loss(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """The squared error, of samples whose camera is known: depth of another may be far from that of the image."""
        told = self.trained(batch["y"], batch["u"]).float()
        known = batch["has_camera"].float()
        errors = (told - batch["latents"]).square().mean(dim=(1, 2, 3))
        return (errors * known).sum() / known.sum().clamp(min=1), {"residual_rms": told.detach().square().mean().sqrt()}

    @torch.no_grad()
    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """The error on held-out images; a sheet of depth, what it tells of the image, and the image."""
        errors = []
        for indices in self.validation.chunks() if self.validation else ():
            batch = self.make_batch(load_fixed(self.validation, indices))
            batch = {name: tensor.to(self.device) for name, tensor in batch.items()}
            errors.append(self.loss(batch)[0])
        data = self.validation or self.data
        samples = load_fixed(data, next(iter(data.chunks()))[:SHEET_ROWS])
        write_sheet(folder / f"sheet-{step}.png", self.rows(samples))
        return {"loss": torch.stack(errors).mean().item()} if errors else {}

    def rows(self, samples: Samples) -> list[tuple[str, list]]:
        size = tuple(samples.latents.shape[-2:])
        rows = []
        for i, text in enumerate(samples.texts):
            one = Geometry(*(getattr(samples.geometry, name)[[i]] for name in ("depth", "valid", "intrinsics")))
            told = self.trained.residual(one, size).to(next(self.vae.parameters()).dtype)
            picture = decode_latents(self.vae, told)[0].float()
            rows.append((text, [figure_tile(one), image_tile(picture), image_tile(samples.images[i])]))
        return rows

    def export(self, model_folder: Path) -> None:
        self.model.adapter.load_state_dict(self.trained.state_dict())
        self.model.backbone_tensors = {}
        config = self.model.config
        # Until stage 2 has taught a diffusion model to read it, it would only disturb.
        self.model.config = dataclasses.replace(config, injection="none", lora_rank=0, projection_shape=None)
        self.model.save(model_folder / FILE_NAME)
        self.model.config = config


def load_fixed(data: Data, indices: list[Any]) -> Samples:
    """Samples to look at or to validate on, the same every time."""
    return data.load(indices, [torch.Generator().manual_seed(i) for i in range(len(indices))])
