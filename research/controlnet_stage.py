"""The stage `controlnet`: a depth ControlNet of the run's own diffusion model, to be compared with our depth injection.

Notable: the usual way to give depth to a finished image model, on the data and at the noise levels of stage 2. The
diffusion model is frozen as the foundation left it; the condition is exact depth as a grey image. When an image is
drawn, it is given the depth that the model's spatial side predicts: see backbones/controlnet.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor, nn

from spatialfusion.backbones import qwen_image
from spatialfusion.backbones.controlnet import ControlNetInjection, depth_condition, new_controlnet
from spatialfusion.backbones.sampling import Draw
from spatialfusion.files import atomic_folder
from spatialfusion.geometry.depth_image import disparity_image
from spatialfusion.latents import decode_latents
from spatialfusion.model.context import PromptEncoder, SemanticContext
from spatialfusion.model_folder import COMPONENTS, CONTROLNET, write_model_index
from spatialfusion.sheet import image_tile, write_sheet
from spatialfusion.train.base import Base
from spatialfusion.train.layout import LayoutHead, covered, layouts, weighted_error
from spatialfusion.train.noise_levels import draw_noise_levels, shift_level
from spatialfusion.train.samples import Data, Samples, open_data
from spatialfusion.train.stage import Stage, noise_bins
from spatialfusion.train.transformer import (
    SHEET_GUIDANCE,
    SHEET_STEPS,
    TEXT_MULTIPLE,
    matrices_and_rest,
    prepare_for_training,
)

from .stages import ControlNetStageConfig, ResearchConfig

SHEET_ROWS = 8


class ControlNetStage(Stage):
    """Exact depth of an image -> what the frozen diffusion model has to be told to draw it."""

    name: ClassVar[str] = "controlnet"

    def __init__(self, config: ResearchConfig, run: Path, device: torch.device):
        super().__init__(config, run, device)
        self.options: ControlNetStageConfig = config.controlnet
        self.folder = run / "model"
        self.base = Base(config, run, device, self.load_device)
        self.vae = self.base.vae()
        # Latents of 8 pixels have even sides.
        self.data, self.validation = open_data(config, run, self.name, 16)
        self.base.prepare_latents(self.vae, self.data, self.validation)
        self.encoder = PromptEncoder.load(self.folder, 1, self.load_device)
        self.transformer = self.base.transformer().requires_grad_(False)
        self.controlnet = new_controlnet(self.transformer, self.options.layers).to(device)
        prepare_for_training(self.controlnet, device)
        self.trained: nn.Module = self.controlnet
        if self.options.image_layout_weight:
            head = LayoutHead(self.transformer.inner_dim).to(device)
            self.trained = nn.ModuleDict({"controlnet": self.controlnet, "image_layout": head})

    def __len__(self) -> int:
        return len(self.data)

    def indices(self, step: int, places: range) -> list[Any] | None:
        return self.data.indices(step, places)

    def frozen(self) -> list[nn.Module]:
        return [self.encoder.text_encoder.model, self.transformer]

    def transformers(self) -> list[nn.Module]:
        return [self.controlnet, self.transformer]

    def parameter_groups(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        return matrices_and_rest(self.trained)

    def compile(self) -> None:
        """Nothing is compiled, as in stage 2."""

    def batch(self, indices: list[Any], generators: list[torch.Generator]) -> dict[str, Any]:
        return self.make_batch(self.data.load(indices, generators), generators)

    def make_batch(self, samples: Samples, generators: list[torch.Generator]) -> dict[str, Any]:
        """Samples with all that is drawn for the loss."""
        batch = {
            "texts": samples.texts,
            "latents": samples.latents,
            "disparity": disparity_image(samples.geometry),
            "edits": samples.edits,
            "sources": samples.sources,
            "reference_latents": samples.source_latents,
            "level": draw_noise_levels(generators, self.options.high_noise_fraction),
            "noise": torch.stack([torch.randn(samples.latents.shape[1:], generator=g) for g in generators]),
        }
        if self.options.image_layout_weight:
            rows, columns = (side // 2 for side in samples.latents.shape[-2:])
            batch["image_layout"] = layouts(samples.scenes, rows, columns)
        if self.options.image_object_weight != 1:
            batch["cells"] = covered(samples.scenes, *samples.latents.shape[-2:])
        return batch

    def loss(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        with qwen_image.last_states(self.transformer) as states:
            maps = self.error_maps(batch)
        errors = maps.mean(dim=(1, 2))
        loss = weighted_error(maps, batch, self.options.image_object_weight)
        metrics = noise_bins("loss_t", errors.detach(), batch["level"])
        if self.options.image_layout_weight:
            # Edits are called after the others, and stand among them in the batch.
            edits = batch["edits"]
            order = [i for i in range(len(errors)) if i not in set(edits)] + edits
            grid = qwen_image.token_grid(states, batch["latents"])
            layout_loss = self.trained["image_layout"].loss(grid, batch["image_layout"][order])
            loss = loss + self.options.image_layout_weight * layout_loss
            metrics["loss_image_layout"] = layout_loss.detach()
        return loss, metrics

    def error_maps(self, batch: dict[str, Any]) -> Tensor:
        """Squared error of the velocity of every sample at every cell [B, h, w], the mean over channels."""
        x0, noise, level, edits = batch["latents"], batch["noise"], batch["level"], batch["edits"]
        s = level[:, None, None, None]
        noisy, target = (1 - s) * x0 + s * noise, noise - x0
        context, condition = self.encode(batch), self.condition(batch["disparity"])
        plain = [i for i in range(len(level)) if i not in set(edits)]
        maps = torch.zeros(len(level), *target.shape[2:], device=level.device)
        # Apart, because only edits have tokens of a source.
        for rows, references in ((plain, []), (edits, [batch["reference_latents"]])):
            if not rows:
                continue
            with ControlNetInjection(self.transformer, self.controlnet, condition[rows]):
                v = qwen_image.predict(
                    self.transformer, noisy[rows], references, level[rows], context.select(rows), TEXT_MULTIPLE
                )
            maps[rows] = ((v - target[rows]) ** 2).mean(dim=1)
        return maps

    def encode(self, batch: dict[str, Any]) -> SemanticContext:
        """Of the prompts; where a prompt is dropped its image stays, as in the unconditional one."""
        images: list[list[Tensor]] = [[] for _ in batch["texts"]]
        for i, source in zip(batch["edits"], batch["sources"]):
            images[i] = [source.cpu()]
        return self.encoder.encode([self.encoder.readable(text) for text in batch["texts"]], images, allow_empty=True)

    @torch.no_grad()
    def condition(self, disparity: Tensor) -> Tensor:
        """What the ControlNet reads of disparity images [B, H, W]; in fp32, as when an image is drawn."""
        with torch.autocast(self.device.type, enabled=False):
            return depth_condition(self.vae, disparity)

    @torch.no_grad()
    def validate(self, folder: Path, step: int) -> dict[str, float]:
        errors, seed = [], 7_000_000
        for indices in self.validation.chunks() if self.validation else ():
            batch = self.fixed_batch(self.validation, indices, seed)
            # Every noise level of the sampler alike.
            batch["level"] = shift_level((torch.arange(len(indices)) + 0.5) / len(indices)).to(self.device)
            errors.append(self.error_maps(batch).mean(dim=(1, 2)))
            seed += len(indices)
        data = self.validation or self.data
        batch = self.fixed_batch(data, next(iter(data.chunks()))[:SHEET_ROWS], seed=0)
        write_sheet(folder / f"sheet-{step}.png", self.rows(batch))
        return {"loss": torch.cat(errors).mean().item()} if errors else {}

    def fixed_batch(self, data: Data, indices: list[Any], seed: int) -> dict[str, Any]:
        generators = [torch.Generator().manual_seed(seed + i) for i in range(len(indices))]
        batch = self.make_batch(data.load(indices, generators), generators)
        return {k: v.to(self.device) if isinstance(v, Tensor) else v for k, v in batch.items()}

    def rows(self, batch: dict[str, Any]) -> list[tuple[str, list[Image.Image]]]:
        """Of every sample the condition, the image without it and with it from the same noise, and the image wanted."""
        texts, edits = batch["texts"], batch["edits"]
        context, null = self.encode(batch), self.encode({**batch, "texts": [""] * len(texts)})
        condition = self.condition(batch["disparity"])
        rows = []
        for i, text in enumerate(texts):
            references = [batch["reference_latents"][edits.index(i)][None]] if i in edits else []
            tiles = [image_tile(batch["disparity"][i].expand(3, -1, -1))]
            for injection in (None, ControlNetInjection(self.transformer, self.controlnet, condition[[i]])):
                draw = Draw(
                    context.select([i]),
                    null.select([i]),
                    references,
                    batch["noise"][[i]],
                    SHEET_STEPS,
                    SHEET_GUIDANCE,
                    injection,
                )
                latents = qwen_image.BACKBONE.sample_latents(self.transformer, self.base.scheduler(), draw)
                tiles.append(image_tile(decode_latents(self.vae, latents)[0].float()))
            rows.append((text, [*tiles, image_tile(decode_latents(self.vae, batch["latents"][[i]])[0].float())]))
        return rows

    def export(self, model_folder: Path) -> None:
        """The ControlNet, and the index that makes the pipeline draw with it instead of the adapter."""
        with atomic_folder(model_folder / self.name) as temporary:
            self.controlnet.save_pretrained(temporary, safe_serialization=True)
        write_model_index(model_folder, self.config.data.size[0], components=COMPONENTS | CONTROLNET)
