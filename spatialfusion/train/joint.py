"""Stage 2: adapter, the diffusion model's input projection and a LoRA on it, and the spatial side, jointly.

Notable: L = L_diff + 0.5 L_depth (arXiv 2604.26341). The adapter is fed the spatial side's own estimate from partly
noised teacher depth: it matches the training image, shows the adapter errors like those it will meet, and is
differentiable. Where the noise leaves nothing of the layout the estimate is a mean that contradicts the image, and the
diffusion model would learn to ignore depth; there the adapter gets the teacher's depth.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..backbones.qwen_image import (
    DepthInjection,
    add_lora,
    backbone_tensors,
    base_state_dict,
    draw_noise,
    load_backbone_tensors,
    projection_delta,
    sample_latents,
    tiny_scheduler,
    velocity,
)
from ..files import atomic_folder
from ..latents import decode_latents, encode_latents
from ..scenes.edits import instruction
from ..sheet import figure_tile, image_tile, write_sheet
from ..state import restore_fov
from .config import Stage2Config, TrainConfig
from .diffusion import (
    SHEET_GUIDANCE,
    SHEET_STEPS,
    TEXT_MULTIPLE,
    cached_latents,
    draw_noise_levels,
    load_transformer,
)
from .spatial import SHEET_PROMPTS, Stage1
from .stage import noise_bins

# Above this much noise the estimate of the layout is a guess, and the adapter is given the teacher's depth.
TRUSTED_TIME = 0.7


class Stage2(Stage1):
    """Depth and image together."""

    name: ClassVar[str] = "stage2"

    def __init__(self, config: TrainConfig, run: Path, device: torch.device):
        super().__init__(config, run, device)
        self.options: Stage2Config = config.stage2
        self.vae, self.latents = cached_latents(config, run, self.data, device)
        self.transformer = load_transformer(self.folder, device, self.load_device)
        self.delta = load_backbone_tensors(self.transformer, self.model.backbone_tensors)
        self.full = self.options.dit == "full"
        self.transformer.requires_grad_(self.full)
        parts: dict[str, nn.Module] = dict(self.trained.items())
        if self.full:
            parts["transformer"] = self.transformer
        else:
            if self.delta is None:
                self.delta = projection_delta(self.transformer)
                add_lora(self.transformer, self.options.lora_rank)
            parts["delta"] = self.delta.requires_grad_(True)
            parts["lora"] = lora_layers(self.transformer).requires_grad_(True)
        self.trained = nn.ModuleDict(parts)

    def frozen(self) -> list[nn.Module]:
        return super().frozen() + ([] if self.full else [self.transformer])

    def transformers(self) -> list[nn.Module]:
        return [*super().transformers(), self.transformer]

    def batch(self, indices: list[int], generators: list[torch.Generator]) -> dict[str, Any]:
        batch = super().batch(indices, generators)
        sources = batch["source_indices"]
        shape = self.latents.shape[1:]
        batch["latents"] = self.latents[batch["targets"]].float()
        batch["reference_latents"] = self.latents[[sources[i] for i in batch["edits"]]].float()
        batch["level"] = draw_noise_levels(generators)
        batch["latent_noise"] = torch.stack([torch.randn(shape, generator=g) for g in generators])
        kept = torch.stack([torch.rand((), generator=g) for g in generators]) >= self.options.depth_dropout
        batch["has_depth"] = kept
        return batch

    def loss(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        context = self.encode_noised(batch)
        depth_loss, metrics, estimate = self.depth_loss(batch, context)
        residual = self.residual(batch, estimate)
        level = batch["level"]
        s = level[:, None, None, None]
        noisy = (1 - s) * batch["latents"] + s * batch["latent_noise"]
        target = batch["latent_noise"] - batch["latents"]
        count, edits = len(level), batch["edits"]
        plain = [i for i in range(count) if i not in set(edits)]
        errors = torch.zeros(count, device=level.device)
        loss = self.options.depth_weight * depth_loss
        passes = ((plain, []), (edits, [batch["reference_latents"]]))
        for (rows, references), runs in zip(passes, self.anywhere([bool(plain), bool(edits)])):
            if not runs:
                continue
            counts = bool(rows)
            if not counts:
                # Another process has such samples, and this one has to run the shared transformer with it.
                rows, references = [0], [batch["latents"][:1] for _ in references]
            part = context.select(rows)
            with DepthInjection(self.transformer, residual[rows], self.delta):
                v = velocity(
                    self.transformer,
                    noisy[rows],
                    references,
                    level[rows],
                    part.prompt_embeds,
                    part.prompt_mask,
                    TEXT_MULTIPLE,
                )
            if counts:
                errors[rows] = ((v.float() - target[rows]) ** 2).mean(dim=(1, 2, 3))
            else:
                loss = loss + 0 * v.float().mean()
        loss = errors.mean() + loss
        metrics["loss_diffusion"] = errors.mean().detach()
        metrics["residual_rms"] = residual.detach().float().square().mean().sqrt()
        return loss, {**metrics, **noise_bins("loss_t", errors.detach(), level)}

    def residual(self, batch: dict[str, Any], estimate: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Depth residual [B, C, h, w] of every sample; zero where depth is dropped."""
        x0, u0, features = estimate
        factor = batch["y"].shape[-1] // x0.shape[-1]
        y = self.model.depth_head.refine(x0, features, factor).float()
        trusted = (batch["t"] < TRUSTED_TIME).float()
        mix = trusted[:, None, None, None]
        y = mix * y + (1 - mix) * batch["y"]
        u = restore_fov(trusted * u0 + (1 - trusted) * batch["u"], self.model.config)
        return self.model.adapter(y, u).float() * batch["has_depth"].float()[:, None, None, None]

    def draw_sheet(self, path: Path) -> None:
        """Fixed prompts with depth, the image without it and with it; edits with source, depth, without, with."""
        height, width = self.data.depth.shape[-2:]
        rows = [(text, self.draw(text, None, i, (height, width))) for i, text in enumerate(SHEET_PROMPTS)]
        data = self.validation_data
        for i, (source, _, edit) in enumerate(data.edits[:4]):
            text = instruction(data.scenes[source], edit, torch.Generator().manual_seed(i))
            image = data.images[source].float() / 255
            rows.append((text, [image_tile(image), *self.draw(text, image, i, (height, width))]))
        write_sheet(path, rows)

    def draw(self, text: str, image: Tensor | None, seed: int, size: tuple[int, int]) -> list:
        images = None if image is None else [[image]]
        context, null = self.encoder.encode([text], images), self.encoder.encode([""], images, allow_empty=True)
        source = None if image is None else image[None]
        guidance = 2.0 if image is None else 1.0
        generators = [torch.Generator().manual_seed(seed)]
        geometry = self.model.predict_geometry(context, size, generators, null, source, 16, guidance)
        references = [] if image is None else [encode_latents(self.vae, source.to(self.device))]
        latent_size = tuple(self.latents.shape[-2:])
        residual = self.model.adapter.residual(geometry, latent_size)
        tiles = [figure_tile(geometry)]
        for injection in (None, DepthInjection(self.transformer, residual, self.delta)):
            latents = sample_latents(
                self.transformer,
                tiny_scheduler(),
                context,
                null,
                references,
                draw_noise([torch.Generator().manual_seed(seed)], tuple(self.latents.shape[1:])),
                SHEET_STEPS,
                SHEET_GUIDANCE,
                injection,
            )
            tiles.append(image_tile(decode_latents(self.vae, latents)[0]))
        return tiles

    def export(self, model_folder: Path) -> None:
        self.model.backbone_tensors = {} if self.full else backbone_tensors(self.transformer, self.delta)
        ranks = [tensor.shape[0] for name, tensor in self.model.backbone_tensors.items() if ".lora_A." in name]
        self.model.config.lora_rank = ranks[0] if ranks else 0
        super().export(model_folder)
        if self.full:
            with atomic_folder(model_folder / "transformer") as temporary:
                self.transformer.save_pretrained(
                    temporary, state_dict=base_state_dict(self.transformer), safe_serialization=True
                )


def lora_layers(transformer: nn.Module) -> nn.Module:
    """Our LoRA's linears as one module; names of submodules cannot have dots."""
    layers = {
        name.replace(".", "-"): module
        for name, module in transformer.named_modules()
        if isinstance(module, nn.Linear) and ".lora_" in name
    }
    return nn.ModuleDict(layers)
