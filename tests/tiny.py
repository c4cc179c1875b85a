"""A whole model with random weights, a fifth of the tiny one's size: every class is the real one."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from spatialfusion.backbones.qwen_image import add_lora, backbone_tensors, projection_delta, tiny_scheduler
from spatialfusion.context import chat
from spatialfusion.model import SpatialFusionModel
from spatialfusion.train.config import (
    DataConfig,
    DiffusionConfig,
    LanguageConfig,
    ModelConfig,
    SpatialConfig,
    TrainConfig,
    VaeConfig,
)
from spatialfusion.train.diffusion import new_transformer
from spatialfusion.train.language import build_image_processor, build_text_encoder
from spatialfusion.train.spatial import spatial_config
from spatialfusion.train.tokenizer import train_tokenizer
from spatialfusion.train.vae import new_video_vae

SIZE = 64
CONFIG = TrainConfig(
    data=DataConfig(size=(SIZE, SIZE)),
    model=ModelConfig(
        vae=VaeConfig(base_dim=4),
        language=LanguageConfig(
            hidden_size=64,
            layers=2,
            heads=1,
            kv_heads=1,
            mlp_size=64,
            vocabulary=700,
            vision_hidden_size=64,
            vision_depth=2,
        ),
        diffusion=DiffusionConfig(layers=1, heads=1),
        spatial=SpatialConfig(
            hidden_size=64,
            layers=2,
            heads=1,
            state=32,
            head_features=8,
            head_channels=[8, 8, 8, 8],
            source_hidden=32,
            source_layers=1,
            source_heads=1,
        ),
    ),
)


def tiny_components() -> dict[str, object]:
    """The arguments of a SpatialFusionPipeline for images of SIZE pixels, always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tokenizer = train_tokenizer([chat("a red car in front of a blue house", images) for images in (0, 1)] * 3, 700)
        text_encoder = build_text_encoder(CONFIG, tokenizer)
        transformer = new_transformer(CONFIG.model.diffusion, CONFIG.model.vae.z_dim, 64)
        config = spatial_config(CONFIG)
        config.lora_rank = 2
        spatialfusion = SpatialFusionModel(config)
        vae = new_video_vae(CONFIG.model.vae)
        trained = new_transformer(CONFIG.model.diffusion, CONFIG.model.vae.z_dim, 64)
        add_lora(trained, config.lora_rank)
        delta = projection_delta(trained)
        # Much starts at zero, and a part that does nothing cannot be seen to be missing.
        for module in (text_encoder, transformer, trained, delta, spatialfusion):
            for parameter in module.parameters():
                if not parameter.any():
                    nn.init.normal_(parameter, std=0.1)
        spatialfusion.backbone_tensors = backbone_tensors(trained, delta)
    components = {
        "vae": vae,
        "text_encoder": text_encoder,
        "tokenizer": tokenizer,
        "image_processor": build_image_processor(CONFIG),
        "transformer": transformer,
        "scheduler": tiny_scheduler(),
        "spatialfusion": spatialfusion,
    }
    for part in components.values():
        if isinstance(part, nn.Module):
            part.requires_grad_(False).eval()
    return components


def save_tiny(folder: Path) -> None:
    """Write the model folder."""
    from spatialfusion.pipeline import SpatialFusionPipeline

    SpatialFusionPipeline(**tiny_components(), default_size=SIZE).save_pretrained(folder)
