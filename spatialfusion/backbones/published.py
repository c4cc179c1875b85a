"""The published sizes of the large backbones, and the SpatialFusion sizes that go with each.

One place for presets, benchmark and tests. Everything here is data; `build` makes the real class of transformers or
diffusers from it, also on the meta device, where 20 billion parameters take no memory.

Each network names its source. "exact" means that the class built from these numbers has the byte count that the source
gives for the published weights; tests/test_benchmark.py checks it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import InputError, suggest
from ..model.config import SpatialFusionConfig
from . import backbone_of_class
from .backbone import Backbone


@dataclass(frozen=True)
class Network:
    """A class with the numbers that it is made from: of transformers or diffusers, or a module of this package.

    `config` holds the arguments of the class (diffusers) or of its configuration (transformers). `published` is the
    number of parameters of the published weights, `keys` that of their tensors; None where no source gives it.
    """

    library: str
    name: str
    config: dict[str, Any]
    published: int | None = None
    keys: int | None = None

    def build(self, device: torch.device | str, dtype: torch.dtype) -> Any:
        """The network with random weights, or none on the meta device."""
        network = getattr(importlib.import_module(self.library), self.name)
        with torch.device(device), default_dtype(dtype):
            if self.library == "transformers":
                model = network(network.config_class(**self.config))
            else:
                model = network(**self.config)
        return model.requires_grad_(False).eval()


@dataclass(frozen=True)
class Preset:
    """A multimodal LLM with the diffusion model that it conditions.

    Tokens of the chat: `prefix` stand before the prompt, `suffix` after it; the diffusion model reads all but the first
    `dropped`. When editing, the frame of each image takes `image_tokens` of the chat, and its area is `mllm_pixels`.
    """

    repository: str
    mllm: Network
    transformer: Network
    vae: Network
    spatial: SpatialFusionConfig
    prefix: int
    dropped: int
    suffix: int = 5
    images: int = 0
    image_tokens: int = 0
    mllm_pixels: int = 384 * 384
    guided: bool = True  # classifier-free guidance by default: two passes for each step
    steps: int = 50  # the default of its own pipeline

    @property
    def name(self) -> str:
        return self.spatial.backbone

    @property
    def backbone(self) -> Backbone:
        """How its diffusion model is called."""
        return backbone_of_class(self.transformer.name)

    @property
    def pixels_per_token(self) -> int:
        """Side in pixels of the square that one token of the diffusion model stands for."""
        return 16  # VAE 8 x patch 2, or VAE 16 x patch 1

    def mllm_tokens(self, prompt: int) -> int:
        """Length of the chat for a prompt of so many tokens."""
        images = self.image_tokens + self.patches_per_image() // 4 if self.images else 0
        return self.prefix + self.images * images + prompt + self.suffix

    def text_tokens(self, prompt: int) -> int:
        """The number of the chat's tokens that the diffusion model reads."""
        return self.mllm_tokens(prompt) - self.dropped

    def patches_per_image(self) -> int:
        """Vision patches of a square source image; four make a token of the chat."""
        patch = self.mllm.config["vision_config"]["patch_size"]
        side = round(self.mllm_pixels**0.5 / (2 * patch)) * 2
        return side * side


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


# Multimodal LLMs ------------------------------------------------------------------------------------------------------

CHUNKED = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}
INTERLEAVED = {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [24, 20, 20], "mrope_interleaved": True}


def _qwen2_5_vl(published: int, tied: bool, **text: Any) -> Network:
    vision = {
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "out_hidden_size": text["hidden_size"],
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "window_size": 112,
        "fullatt_block_indexes": [7, 15, 23, 31],
    }
    text |= {"rope_parameters": dict(CHUNKED), "max_position_embeddings": 128000, "rms_norm_eps": 1e-6}
    config = {"text_config": text, "vision_config": vision, "tie_word_embeddings": tied}
    return Network("transformers", "Qwen2_5_VLForConditionalGeneration", config, published)


# source: modelscope/DiffSynth-Studio diffsynth/models/qwen_image_text_encoder.py (sizes);
# exo-explore/exo src/exo/shared/models/model_cards.py (16,584,333,312 bytes in bf16): exact
QWEN2_5_VL_7B = _qwen2_5_vl(
    8_292_166_656,
    False,
    hidden_size=3584,
    intermediate_size=18944,
    num_hidden_layers=28,
    num_attention_heads=28,
    num_key_value_heads=4,
    vocab_size=152064,
)

# source: VectorSpaceLab/OmniGen2 options/ft.yml (which MLLM); config.json of Qwen/Qwen2.5-VL-3B-Instruct as in
# huggingface.co/dahwinsingularity/vllm2 (sizes); 3,754,622,976 parameters are quoted in several repositories: exact
QWEN2_5_VL_3B = _qwen2_5_vl(
    3_754_622_976,
    True,
    hidden_size=2048,
    intermediate_size=11008,
    num_hidden_layers=36,
    num_attention_heads=16,
    num_key_value_heads=2,
    vocab_size=151936,
)

# source: Qwen3-VL-8B's sizes as in config.json of huggingface.co/Chhagan005/CSM-DocExtract-8N (text) and the defaults
# of huggingface/transformers models/qwen3_vl/configuration_qwen3_vl.py (vision). The index of the published weights
# (4 shards, 750 tensors, total_size 17,534,247,392 bytes in bf16) is quoted in public repositories: exact
QWEN3_VL_8B = Network(
    "transformers",
    "Qwen3VLForConditionalGeneration",
    {
        "text_config": {
            "hidden_size": 4096,
            "intermediate_size": 12288,
            "num_hidden_layers": 36,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "vocab_size": 151936,
            "max_position_embeddings": 262144,
            "rms_norm_eps": 1e-6,
            "rope_parameters": dict(INTERLEAVED),
        },
        "vision_config": {
            "depth": 27,
            "hidden_size": 1152,
            "intermediate_size": 4304,
            "num_heads": 16,
            "out_hidden_size": 4096,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "num_position_embeddings": 2304,
            "deepstack_visual_indexes": [8, 16, 24],
        },
        "tie_word_embeddings": False,
    },
    8_767_123_696,
    750,
)

# source: Qwen3-4B's sizes as in ComfyUI's comfy/text_encoders/llama.py (Qwen3_4BConfig). The index of the published
# weights (total_size 8,044,936,192 bytes in bf16) is quoted in public repositories: exact
QWEN3_4B = Network(
    "transformers",
    "Qwen3Model",
    {
        "hidden_size": 2560,
        "intermediate_size": 9728,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 151936,
        "max_position_embeddings": 40960,
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
        "tie_word_embeddings": True,
    },
    4_022_468_096,
)

# Diffusion models -----------------------------------------------------------------------------------------------------

# source: transformer/config.json of Qwen/Qwen-Image as in huggingface.co/TensorStack/Qwen-Image-ts;
# exo-explore/exo src/exo/shared/models/model_cards.py (40,860,802,176 bytes in bf16): exact
QWEN_IMAGE_TRANSFORMER = Network(
    "diffusers",
    "QwenImageTransformer2DModel",
    {
        "patch_size": 2,
        "in_channels": 64,
        "out_channels": 16,
        "num_layers": 60,
        "attention_head_dim": 128,
        "num_attention_heads": 24,
        "joint_attention_dim": 3584,
        "axes_dims_rope": (16, 56, 56),
    },
    20_430_401_088,
)

# source: huggingface/diffusers models/transformers/transformer_qwenimage21.py (defaults). The index of the published
# weights (2 shards, 297 tensors, total_size 14,230,249,472 bytes in bf16) is quoted in public repositories: exact
QWEN_IMAGE_21_TRANSFORMER = Network(
    "diffusers",
    "QwenImage21Transformer2DModel",
    {
        "patch_size": 1,
        "in_channels": 64,
        "out_channels": 64,
        "num_layers": 32,
        "attention_head_dim": 128,
        "num_attention_heads": 32,
        "context_in_dim": 4096,
        "mlp_ratio": 3,
        "axes_dims_rope": (16, 56, 56),
    },
    7_115_124_736,
    297,
)

# source: VectorSpaceLab/OmniGen2 options/ft.yml (arch_opt). The released transformer/config.json was not seen: it may
# differ in `axes_lens`, which has no weights. Comfy-Org's repackaged weights are 7.93 GB in fp16
OMNIGEN2_TRANSFORMER = Network(
    f"{__package__}.omnigen2_transformer",
    "OmniGen2Transformer2DModel",
    {
        "patch_size": 2,
        "in_channels": 16,
        "hidden_size": 2520,
        "num_layers": 32,
        "num_refiner_layers": 2,
        "num_attention_heads": 21,
        "num_kv_heads": 7,
        "multiple_of": 256,
        "norm_eps": 1e-5,
        "axes_dim_rope": (40, 40, 40),
        "text_feat_dim": 2048,
        "timestep_scale": 1000.0,
    },
)

# source: huggingface/diffusers models/transformers/transformer_z_image.py (defaults). 6,154,908,736 parameters are
# quoted in public repositories: exact
Z_IMAGE_TRANSFORMER = Network(
    "diffusers",
    "ZImageTransformer2DModel",
    {
        "all_patch_size": (2,),
        "all_f_patch_size": (1,),
        "in_channels": 16,
        "dim": 3840,
        "n_layers": 30,
        "n_refiner_layers": 2,
        "n_heads": 30,
        "n_kv_heads": 30,
        "cap_feat_dim": 2560,
        "axes_dims": [32, 48, 48],
        "axes_lens": [1536, 512, 512],
    },
    6_154_908_736,
)

# Autoencoders ---------------------------------------------------------------------------------------------------------

# source: huggingface/diffusers models/autoencoders/autoencoder_kl_qwenimage.py (defaults). Comfy-Org's
# qwen_image_vae.safetensors has 253,806,246 bytes: 2 for each of these parameters and a header of 21 kB
QWEN_IMAGE_VAE = Network(
    "diffusers",
    "AutoencoderKLQwenImage",
    {"base_dim": 96, "z_dim": 16, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 2},
    126_892_531,
    194,
)

# source: huggingface/diffusers models/autoencoders/autoencoder_kl_qwenimage21.py (defaults). Public repositories give
# 238 tensors and 1.35 GB in fp32; the exact number was not seen
QWEN_IMAGE_21_VAE = Network(
    "diffusers",
    "AutoencoderKLQwenImage21",
    {"base_dim": 96, "decoder_base_dim": 144, "z_dim": 64, "dim_mult": [1, 2, 4, 8, 8], "num_res_blocks": 2},
    None,
    238,
)

# source: VectorSpaceLab/OmniGen2 options/ft.yml (it uses FLUX.1's); vae/config.json of black-forest-labs/FLUX.1-dev as
# in huggingface.co/Shakker-Labs/AWPortrait-FL. Its number of parameters was not seen in a source
FLUX_VAE = Network(
    "diffusers",
    "AutoencoderKL",
    {
        "block_out_channels": (128, 256, 512, 512),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "layers_per_block": 2,
        "latent_channels": 16,
        "use_quant_conv": False,
        "use_post_quant_conv": False,
        "scaling_factor": 0.3611,
        "shift_factor": 0.1159,
    },
)

# Depth ----------------------------------------------------------------------------------------------------------------

# DINOv2 base, whose published weights can start it. source: defaults of huggingface/transformers
# models/dinov2/configuration_dinov2.py; image_size of facebook/dinov2-base
DINOV2_BASE = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 518,
    "patch_size": 14,
}


def _spatial(backbone: str, **sizes: Any) -> SpatialFusionConfig:
    """1024 query tokens for a square image: a state of 256 in patches of 8, refined to 1024 pixels by the head."""
    common: dict[str, Any] = {
        "head_dim": 128,
        "hidden_size": 1024,
        "num_heads": 16,
        "mlp_ratio": 4.0,
        "state_size": 256,
        "patch_size": 8,
        "head_features": 96,
        "head_channels": (96, 128, 192, 256),
        "head_scales": (8, 4, 2, 1),
        "source_encoder": dict(DINOV2_BASE),
        "adapter_hidden": 256,
    }
    return SpatialFusionConfig(backbone=backbone, **(common | sizes))


def _spatial_qwen_image(backbone: str) -> SpatialFusionConfig:
    return _spatial(
        backbone,
        mllm_layers=28,
        kv_heads=4,
        rope_theta=1e6,
        mrope_section=(16, 24, 24),
        num_layers=20,
        latent_channels=16,
        latent_stride=8,
        projection_shape=(3072, 64),
        lora_rank=12,
    )


# Token counts of the chats were counted with Qwen2.5's tokenizer. source of the chats: spatialfusion/model/context.py
# (Qwen-Image), huggingface/diffusers pipelines/qwenimage21/pipeline_qwenimage21.py,
# VectorSpaceLab/OmniGen2 omnigen2/pipelines/omnigen2/pipeline_omnigen2.py
PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "Qwen/Qwen-Image",
            QWEN2_5_VL_7B,
            QWEN_IMAGE_TRANSFORMER,
            QWEN_IMAGE_VAE,
            _spatial_qwen_image("qwen-image"),
            prefix=34,
            dropped=34,
        ),
        Preset(
            "Qwen/Qwen-Image-Edit-2509",
            QWEN2_5_VL_7B,
            QWEN_IMAGE_TRANSFORMER,
            QWEN_IMAGE_VAE,
            _spatial_qwen_image("qwen-image-edit"),
            prefix=64,
            dropped=64,
            images=1,
            image_tokens=7,
            steps=40,
        ),
        Preset(
            "Qwen/Qwen-Image-2.1",
            QWEN3_VL_8B,
            QWEN_IMAGE_21_TRANSFORMER,
            QWEN_IMAGE_21_VAE,
            _spatial(
                "qwen-image-2.1",
                mllm_layers=36,
                kv_heads=8,
                rope_theta=5e6,
                mrope_section=(24, 20, 20),
                mrope_interleaved=True,
                num_layers=12,
                latent_channels=64,
                latent_stride=16,
                projection_shape=(4096, 64),
                lora_rank=8,
            ),
            prefix=17,
            dropped=14,
            guided=False,
            steps=40,
        ),
        Preset(
            "OmniGen2/OmniGen2",
            QWEN2_5_VL_3B,
            OMNIGEN2_TRANSFORMER,
            FLUX_VAE,
            _spatial(
                "omnigen2",
                mllm_layers=36,
                kv_heads=2,
                rope_theta=1e6,
                mrope_section=(16, 24, 24),
                num_layers=12,
                latent_channels=16,
                latent_stride=8,
                projection_shape=(2520, 64),
                lora_rank=8,
            ),
            prefix=23,
            dropped=0,
            suffix=2,
        ),
        Preset(
            "Tongyi-MAI/Z-Image",
            QWEN3_4B,
            Z_IMAGE_TRANSFORMER,
            FLUX_VAE,
            _spatial(
                "z-image",
                mllm_layers=36,
                kv_heads=8,
                rope_theta=1e6,
                mrope_section=(16, 24, 24),
                num_layers=12,
                latent_channels=16,
                latent_stride=8,
                projection_shape=(3840, 64),
                lora_rank=8,
            ),
            prefix=3,
            dropped=0,
        ),
    )
}


def preset(name: str) -> Preset:
    """The published backbone of that name, or an InputError that lists them."""
    if name not in PRESETS:
        raise InputError(f"unknown preset {name!r}{suggest(name, PRESETS)}: it must be one of {', '.join(PRESETS)}.")
    return PRESETS[name]
