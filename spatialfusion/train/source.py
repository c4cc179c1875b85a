"""The stage `source`: the encoder of source pictures learns to see depth, before the spatial transformer reads it.

Notable: a published model starts from DINOv2 (arXiv 2304.07193), which has seen millions of pictures. There is none of
the tiny model's size, and within stage 1, where few samples have a source, an encoder that starts at random stays
nearly blind. Alone it is small, and a linear map from each of its tokens to the depth that is seen there teaches it in
minutes. It starts anew every time: an encoder that was trained too little is no good start. Ours, not the paper's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from einops import rearrange
from PIL import Image
from torch import Tensor, nn
from transformers import Dinov2Config, Dinov2Model

from ..depth_head import block_average
from ..errors import InputError
from ..geometry import Geometry
from ..model import FILE_NAME
from ..sheet import figure_tile, image_tile, write_sheet
from ..state import restore_fov, state_to_geometry
from .base import spatial_sizes
from .config import SourceStageConfig, TrainConfig
from .layout import LayoutHead, layouts
from .samples import Samples, load_fixed
from .stage1 import Stage1

SHEET_ROWS = 8


class SourceStage(Stage1):
    """Picture -> its own depth, from the source encoder alone."""

    name: ClassVar[str] = "source"

    def __init__(self, config: TrainConfig, run: Path, device: torch.device):
        if config.model.spatial.dinov2 is not None:
            raise InputError(
                f"model.spatial.dinov2 is {config.model.spatial.dinov2}, but the stage source trains an encoder from "
                "nothing: leave one of them out."
            )
        super().__init__(config, run, device)
        self.options: SourceStageConfig
        spatial = self.model.config
        spatial.source_encoder = spatial_sizes(config)["source_encoder"]
        encoder = Dinov2Model(Dinov2Config(**spatial.source_encoder)).to(device)
        if device.type == "cpu":
            # torch's fused attention is slower than plain products for so few and short heads, above all backwards.
            encoder.set_attn_implementation("eager")
        self.model.source_encoder = encoder
        # Nothing of a new encoder is read until stage 1 learns to: so far a source tells no more than none does.
        reader = nn.Linear(encoder.config.hidden_size, spatial.hidden_size).to(device)
        with torch.no_grad():
            reader.weight.zero_()
            reader.bias.copy_(self.model.spatial_transformer.source_null.flatten())
        self.model.spatial_transformer.source_in = reader
        parts = {
            "encoder": encoder,
            "state": nn.Linear(encoder.config.hidden_size, 2 * spatial.patch_size**2),
            "fov": nn.Linear(encoder.config.hidden_size, 1),
        }
        if self.options.layout_weight:
            parts["layout"] = LayoutHead(encoder.config.hidden_size)
        self.trained = nn.ModuleDict(parts).to(device)

    def frozen(self) -> list[nn.Module]:
        return []

    def transformers(self) -> list[nn.Module]:
        return [self.model.source_encoder]

    def make_batch(self, samples: Samples, generators: list[torch.Generator]) -> dict[str, Any]:
        """Pictures and their depth, half of them mirrored."""
        y, u = self.clean(samples)
        batch = {"images": samples.images, "y": y, "u": u, "has_camera": samples.has_camera}
        if self.options.layout_weight:
            batch["layout"] = layouts(samples.scenes, *self.model.config.grid(*samples.images.shape[-2:]))
        mirrored = torch.stack([torch.rand((), generator=generator) < 0.5 for generator in generators])
        for name in {"images", "y", "layout"} & set(batch):
            batch[name] = torch.where(mirrored.view(-1, 1, 1, 1), batch[name].flip(-1), batch[name])
        return batch

    def tell(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """State [B, 2, h, w] and standardised field of view [B] of pictures, and the encoder's features."""
        features = self.model.encode_source(images)
        tokens = F.layer_norm(features.movedim(1, -1), features.shape[1:2])
        p = self.model.config.patch_size
        state = rearrange(self.trained["state"](tokens), "b h w (c p q) -> b c (h p) (w q)", p=p, q=p)
        return state.float(), self.trained["fov"](tokens.mean(dim=(1, 2))).squeeze(1).float(), features

    def loss(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        y, u, known = batch["y"], batch["u"], batch["has_camera"].float()
        state, fov, features = self.tell(batch["images"])
        clean = block_average(y, y.shape[-1] // state.shape[-1])
        errors = (state - clean).square().mean(dim=(2, 3))
        count = known.sum().clamp(min=1)
        parts = {
            "depth": (errors[:, 0] * known).sum() / count,
            "validity": errors[:, 1].mean(),
            "fov": ((fov - u).square() * known).sum() / count,
        }
        options = self.options
        weights = {"validity": options.validity_weight, "fov": options.fov_weight, "layout": options.layout_weight}
        if options.layout_weight:
            parts["layout"] = self.trained["layout"].loss(features, batch["layout"])
        loss = sum(weights.get(name, 1.0) * value for name, value in parts.items())
        return loss, {f"loss_{name}": value.detach() for name, value in parts.items()}

    @torch.no_grad()
    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """AbsRel in metres on held-out pictures; a sheet of pictures, the depth that is told, and their own."""
        self.trained.eval()
        errors = []
        for indices in self.validation.chunks() if self.validation else ():
            samples = load_fixed(self.validation, indices)
            told, known = self.geometry(samples.images), samples.has_camera
            exact = samples.geometry.resize(*told.depth.shape[-2:])
            both = told.valid.cpu() & exact.valid & known[:, None, None]
            relative = (told.depth.cpu() - exact.depth).abs() / exact.depth.clamp_min(1e-6)
            errors.append((relative * both).sum(dim=(1, 2))[known] / both.sum(dim=(1, 2))[known].clamp(min=1))
        data = self.validation or self.data
        write_sheet(folder / f"sheet-{step}.png", self.rows(load_fixed(data, next(iter(data.chunks()))[:SHEET_ROWS])))
        self.trained.train()
        return {"abs_rel": torch.cat(errors).mean().item()} if errors else {}

    def geometry(self, images: Tensor) -> Geometry:
        state, fov, _ = self.tell(images.to(self.device))
        return state_to_geometry(state, restore_fov(fov, self.model.config), self.model.config)

    def rows(self, samples: Samples) -> list[tuple[str, list[Image.Image]]]:
        told = self.geometry(samples.images).to("cpu")
        return [
            ("", [image_tile(samples.images[i]), figure_tile(told[i]), figure_tile(samples.geometry[i])])
            for i in range(len(samples.images))
        ]

    def export(self, model_folder: Path) -> None:
        self.model.save(model_folder / FILE_NAME)
