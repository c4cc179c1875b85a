"""Small inputs that tests of backbones and pipelines share: prompts, seeds, contexts, latents, and parts that do
something."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from spatialfusion.backbones import BACKBONES
from spatialfusion.backbones.backbone import Backbone
from spatialfusion.model.context import SemanticContext
from spatialfusion.pipeline import SpatialFusionPipeline

CAR, HOUSE = "a red car", "a blue house 3 metres behind a red car"
FAST = {"num_inference_steps": 2, "depth_steps": 2, "output_type": "latent"}
EDITING = [backbone.name for backbone in BACKBONES if backbone.edits]  # backbones that read source images


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def quiet(pipe):
    """A pipeline of ours or of diffusers without a progress bar."""
    pipe.set_progress_bar_config(disable=True)
    return pipe


def load(folder: Path, **options) -> SpatialFusionPipeline:
    return quiet(SpatialFusionPipeline.from_pretrained(folder, **options))


def random_context(lengths: list[int], width: int, images: int = 0, seed: int = 0) -> SemanticContext:
    """Prompts of random embeddings [B, T, width]; from their second token on, `images` tokens are those of an image."""
    batch, tokens = len(lengths), max(lengths)
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(tokens) < torch.tensor(lengths)[:, None]
    cache = torch.zeros(batch, 1, tokens, 4)
    embeds = torch.randn(batch, tokens, width, generator=generator)
    of_image = torch.zeros_like(mask)
    of_image[:, 1 : 1 + images] = True
    return SemanticContext(embeds, mask, (cache,), (cache,), mask, torch.tensor(lengths), of_image)


def random_latents(batch: int, shape: tuple[int, int, int], seed: int = 0) -> Tensor:
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(seed))


def stir_lora(transformer: nn.Module) -> None:
    """Give every trained tensor of the LoRA a value; its second half starts at zero, which would hide everything."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in transformer.named_parameters():
            if ".lora_" in name:
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))


def stirred_delta(backbone: Backbone, transformer: nn.Module) -> nn.Linear:
    delta = backbone.projection_delta(transformer)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in delta.parameters():
            parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    return delta
