"""A whole model with random weights, a fifth of the tiny one's size: every class is the real one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLQwenImage21,
    FlowMatchEulerDiscreteScheduler,
    QwenImage21Transformer2DModel,
    QwenImageTransformer2DModel,
    ZImageTransformer2DModel,
)
from torch import nn
from transformers import (
    Qwen2VLImageProcessorPil,
    Qwen3Config,
    Qwen3Model,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from spatialfusion.backbones import backbone_of, omnigen2, qwen_image, qwen_image_21, z_image
from spatialfusion.backbones.depth_injection import backbone_tensors
from spatialfusion.backbones.omnigen2_transformer import OmniGen2Transformer2DModel
from spatialfusion.backbones.qwen_image import tiny_scheduler
from spatialfusion.model.config import SpatialFusionConfig
from spatialfusion.model.context import chat
from spatialfusion.model.model import SpatialFusionModel
from spatialfusion.tiny.diffusion import new_transformer
from spatialfusion.tiny.language import build_image_processor, build_text_encoder
from spatialfusion.tiny.tokenizer import train_tokenizer, vision_token_ids
from spatialfusion.tiny.vae import new_video_vae
from spatialfusion.train.config import (
    DataConfig,
    DiffusionConfig,
    LanguageConfig,
    ModelConfig,
    SpatialConfig,
    TrainConfig,
    VaeConfig,
)
from spatialfusion.train.stage1 import spatial_config

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
        qwen_image.BACKBONE.add_lora(trained, config.lora_rank)
        delta = qwen_image.BACKBONE.projection_delta(trained)
        stir(text_encoder, transformer, trained, delta, spatialfusion)
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
    return freeze(components)


def region_components() -> dict[str, object]:
    """`tiny_components` whose depth adapter reads region words, concatenated beside depth."""
    components = tiny_components()
    transformer, old = components["transformer"], components["spatialfusion"]
    inputs = transformer.img_in.in_features
    shape = (transformer.img_in.out_features, 3 * inputs)
    changed = {"injection": "concat", "region_width": 64, "lora_rank": 0, "projection_shape": shape}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = SpatialFusionModel(dataclasses.replace(old.config, **changed))
        model.load_state_dict(old.state_dict(), strict=False)
        delta = qwen_image.BACKBONE.projection_delta(transformer, 2 * inputs)
        stir(delta)
    model.backbone_tensors = {f"projection.{name}": tensor.detach() for name, tensor in delta.state_dict().items()}
    return freeze(components | {"spatialfusion": model})


def stir(*modules: nn.Module) -> None:
    """Give a value to every tensor that starts at zero: a part that does nothing cannot be seen to be missing."""
    for module in modules:
        for parameter in module.parameters():
            if not parameter.any():
                nn.init.normal_(parameter, std=0.1)


def freeze(components: dict[str, object]) -> dict[str, object]:
    for part in components.values():
        if isinstance(part, nn.Module):
            part.requires_grad_(False).eval()
    return components


def trained_beside(transformer: nn.Module, config: SpatialFusionConfig) -> SpatialFusionModel:
    """A checkpoint as if trained for the transformer, which gets the LoRA; no part of it does nothing."""
    backbone = backbone_of(transformer)
    config.projection_shape = tuple(backbone.projection_of(transformer).weight.shape)
    model = SpatialFusionModel(config)
    backbone.add_lora(transformer, config.lora_rank)
    delta = backbone.projection_delta(transformer)
    stir(model, transformer, delta)
    model.backbone_tensors = backbone_tensors(transformer, delta)
    return model


def vary_norms(text_encoder: nn.Module) -> None:
    """The norms of queries and keys are 1 throughout, which would hide where they are left out."""
    for name, parameter in text_encoder.named_parameters():
        if "norm" in name:
            nn.init.normal_(parameter, 1, 0.3)


def in_own_memory(pipe: Any) -> Any:
    """The pipeline, its weights copied out of the files that they were mapped from.

    On some processors a matrix product rounds otherwise where a weight does not begin at a multiple of 64 bytes.
    """
    for module in pipe.components.values():
        if isinstance(module, nn.Module):
            for parameter in module.parameters():
                parameter.data = parameter.data.clone()
    return pipe


def qwen_image_transformer(seed: int = 0, **changes) -> QwenImageTransformer2DModel:
    """With prompt embeddings of 64 channels, as the tiny LLM's."""
    sizes = {"num_layers": 2, "attention_head_dim": 16, "num_attention_heads": 2, "axes_dims_rope": (4, 6, 6)}
    sizes |= {"patch_size": 2, "in_channels": 64, "out_channels": 16, "joint_attention_dim": 64}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return QwenImageTransformer2DModel(**(sizes | changes)).eval()


def omnigen2_transformer(seed: int = 0, **changes) -> OmniGen2Transformer2DModel:
    """With prompt embeddings of 64 channels, as the tiny LLM's."""
    sizes = {"hidden_size": 48, "num_layers": 2, "num_refiner_layers": 1, "num_attention_heads": 3, "num_kv_heads": 1}
    sizes |= {"axes_dim_rope": (4, 6, 6), "multiple_of": 16, "text_feat_dim": 64}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return OmniGen2Transformer2DModel(**(sizes | changes)).eval()


def tiny_flux_vae() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        block_out_channels=[8, 8, 8, 8],
        norm_num_groups=4,
        latent_channels=16,
        scaling_factor=0.3611,
        shift_factor=0.1159,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )


def tiny_omnigen2_components() -> dict[str, object]:
    """As `tiny_components`, but for an OmniGen2: its transformer, FLUX's kind of autoencoder, its scheduler."""
    components = tiny_components()
    transformer, trained = omnigen2_transformer(), omnigen2_transformer()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vae = tiny_flux_vae()
        config = components["spatialfusion"].config
        config.backbone = omnigen2.BACKBONE.name
        spatialfusion = trained_beside(trained, config)
    changed = {"vae": vae, "transformer": transformer, "spatialfusion": spatialfusion}
    return freeze(components | changed | {"scheduler": omnigen2.scheduler()})


def qwen_image_21_transformer(seed: int = 0, **changes) -> QwenImage21Transformer2DModel:
    """With latents of 8 channels, and prompt embeddings of 64 channels, as the tiny LLM's."""
    sizes = {"in_channels": 8, "out_channels": 8, "num_layers": 2, "attention_head_dim": 16, "num_attention_heads": 2}
    sizes |= {"axes_dims_rope": (4, 6, 6), "context_in_dim": 64}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return QwenImage21Transformer2DModel(**(sizes | changes)).eval()


def tiny_qwen3_vl(tokenizer) -> Qwen3VLForConditionalGeneration:
    """A Qwen3-VL with 2 query heads for each of key and value, and DeepStack from one layer of its vision tower."""
    rope = {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [6, 5, 5], "mrope_interleaved": True}
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 32,
        "rope_parameters": rope,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_heads": 2,
        "out_hidden_size": 64,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0],
    }
    config = Qwen3VLConfig(
        text_config=text,
        vision_config=vision,
        tie_word_embeddings=True,
        **vision_token_ids(tokenizer),
    )
    return Qwen3VLForConditionalGeneration(config)


def tiny_qwen_image_21_components() -> dict[str, object]:
    """As `tiny_components`, but for a Qwen-Image 2.1: Qwen3-VL, its transformer, its autoencoder."""
    components = tiny_components()
    transformer, trained = qwen_image_21_transformer(), qwen_image_21_transformer()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        text_encoder = tiny_qwen3_vl(components["tokenizer"])
        vae = AutoencoderKLQwenImage21(
            base_dim=8,
            decoder_base_dim=8,
            z_dim=8,
            dim_mult=[1, 1, 1, 1, 1],
            num_res_blocks=1,
            temperal_downsample=[False] * 4,
            latents_mean=[0.1 * i for i in range(8)],
            latents_std=[1 + 0.1 * i for i in range(8)],
        )
        config = components["spatialfusion"].config
        text = text_encoder.config.text_config
        config.backbone = qwen_image_21.BACKBONE.name
        config.mllm_layers, config.kv_heads, config.head_dim = text.num_hidden_layers, 1, text.head_dim
        config.rope_theta, config.mrope_section, config.mrope_interleaved = 5e6, (6, 5, 5), True
        config.latent_channels, config.latent_stride = 8, 16
        spatialfusion = trained_beside(trained, config)
        stir(text_encoder, transformer, vae)
        vary_norms(text_encoder)
    processor = Qwen2VLImageProcessorPil(
        patch_size=16,
        merge_size=2,
        temporal_patch_size=2,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        size={"shortest_edge": 32**2, "longest_edge": 16 * SIZE**2},
    )
    changed = {"vae": vae, "transformer": transformer, "spatialfusion": spatialfusion, "text_encoder": text_encoder}
    return freeze(components | changed | {"image_processor": processor})


def z_image_transformer(seed: int = 0, **changes) -> ZImageTransformer2DModel:
    """With prompt embeddings of 64 channels, as the tiny LLM's."""
    sizes = {"dim": 48, "n_layers": 2, "n_refiner_layers": 1, "n_heads": 3, "n_kv_heads": 3, "cap_feat_dim": 64}
    sizes |= {"axes_dims": [4, 6, 6], "axes_lens": [256, 64, 64]}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        transformer = ZImageTransformer2DModel(**(sizes | changes)).eval()
        stir(transformer)
    return transformer


def tiny_qwen3(tokenizer) -> Qwen3Model:
    """A Qwen3 with 2 query heads for each of key and value."""
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        pad_token_id=tokenizer.convert_tokens_to_ids("<|endoftext|>"),
    )
    return Qwen3Model(config)


def tiny_z_image_components() -> dict[str, object]:
    """As `tiny_components`, but for a Z-Image: Qwen3, its transformer, FLUX's kind of autoencoder."""
    components = tiny_components()
    transformer, trained = z_image_transformer(), z_image_transformer()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        text_encoder, vae = tiny_qwen3(components["tokenizer"]), tiny_flux_vae()
        config = components["spatialfusion"].config
        config.backbone = z_image.BACKBONE.name
        config.mllm_layers, config.kv_heads, config.head_dim = 3, 1, 32
        config.rope_theta, config.mrope_section = 1e6, (4, 6, 6)
        spatialfusion = trained_beside(trained, config)
        vary_norms(text_encoder)
    changed = {"vae": vae, "transformer": transformer, "spatialfusion": spatialfusion, "text_encoder": text_encoder}
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    return freeze(components | changed | {"image_processor": None, "scheduler": scheduler})


@dataclass(frozen=True)
class Tiny:
    """Of a backbone: a transformer with random weights by (seed, changes of its sizes), the arguments of a whole
    pipeline, and the channels of its latents."""

    transformer: Callable[..., nn.Module]
    components: Callable[[], dict[str, object]]
    channels: int = 16


# By the backbone's name.
TINY_BACKBONES = {
    "qwen-image": Tiny(qwen_image_transformer, tiny_components),
    "qwen-image-2.1": Tiny(qwen_image_21_transformer, tiny_qwen_image_21_components, channels=8),
    "omnigen2": Tiny(omnigen2_transformer, tiny_omnigen2_components),
    "z-image": Tiny(z_image_transformer, tiny_z_image_components),
}


def save_tiny(folder: Path) -> None:
    """Write the model folder."""
    from spatialfusion.pipeline import SpatialFusionPipeline

    SpatialFusionPipeline(**tiny_components(), default_size=SIZE).save_pretrained(folder)
