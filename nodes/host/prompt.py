"""A prompt as depth and the diffusion model read it, through the checkpoint's own multimodal LLM or a CLIP."""

from __future__ import annotations

from typing import Any

import comfy.model_management
import node_helpers
import torch
from torch import Tensor

from ...spatialfusion.backbones import backbone_in_host
from ...spatialfusion.errors import InputError
from ...spatialfusion.geometry.fitting import fit_image
from ...spatialfusion.geometry.geometry import Geometry
from ...spatialfusion.model.context import SemanticContext
from ...spatialfusion.model.region_words import RegionWords, region_words
from ...spatialfusion.planner.plan import Plan
from ...spatialfusion.texts import check_text
from .clip_context import encode_with_clip, expected_clip
from .loaded import LoadedModel


def fit_images(image: Tensor | None, height: int, width: int) -> list[Tensor]:
    """Source images [3, height, width] of an IMAGE [N, H, W, C]; none without an IMAGE."""
    if image is None:
        return []
    if image.ndim != 4 or image.numel() == 0:
        raise InputError(f"image has shape {list(image.shape)}: expected [batch, height, width, 3].")
    if image.shape[-1] < 3:
        raise InputError(f"image has {image.shape[-1]} channels: expected an image with red, green and blue.")
    if not image.isfinite().all():
        raise InputError("image has values that are not numbers (NaN): expected 0 to 1.")
    sources = image[..., :3].movedim(-1, 1).float().cpu().clamp(0, 1)
    return [fit_image(source, height, width) for source in sources]


def check_size(width: int, height: int) -> None:
    for name, value in (("width", width), ("height", height)):
        if value % 16:
            raise InputError(f"{name} is {value}, but must be a multiple of 16, such as {max(16, value // 16 * 16)}.")


def read_prompt(
    loaded: LoadedModel, clip: Any, prompt: str, images: list[Tensor], allow_empty: bool = False
) -> tuple[SemanticContext, list]:
    """The context of one prompt, and its CONDITIONING, from one prefill."""
    if not allow_empty and not prompt.strip():
        raise InputError("prompt is empty: describe the image in a sentence.")
    check_text(prompt, "prompt")
    backbone_in_host(loaded.config.backbone).check_references(images)
    if clip is not None:
        return encode_with_clip(clip, prompt, images, loaded.config)
    if loaded.encoder is None:
        raise InputError(
            f"clip is not connected, and {loaded.name} has no language model of its own: connect "
            f"{expected_clip(loaded.config)}."
        )
    comfy.model_management.load_models_gpu([loaded.text_encoder], force_full_load=True)
    context = loaded.encoder.encode([prompt], [images], allow_empty=True)
    embeds = context.prompt_embeds.to(comfy.model_management.intermediate_device(), torch.float32)
    return context, [[embeds, {"pooled_output": None}]]


def read_regions(loaded: LoadedModel, plan: Plan, depth: Geometry) -> RegionWords | None:
    """What the objects of a plan are and where, for a checkpoint that reads it; None for another."""
    if not loaded.config.region_width:
        return None
    if loaded.encoder is None:
        raise InputError(
            f"{loaded.name} has no language model of its own to read the words of the scene: leave scene unconnected."
        )
    width, height = plan.size
    if width * depth.height != height * depth.width:
        raise InputError(
            f"scene is of {width}x{height} pixels and geometry of {depth.width}x{depth.height}: expected the scene "
            "that the geometry is of."
        )
    comfy.model_management.load_models_gpu([loaded.text_encoder], force_full_load=True)
    (words,) = region_words([plan], loaded.encoder, loaded.config.region_width)
    return words


def with_references(conditioning: list, vae: Any, images: list[Tensor]) -> list:
    """CONDITIONING that also carries the latents of the source images, as the core's Qwen-Image editing has it."""
    if not images:
        return conditioning
    if vae is None:
        raise InputError("vae is not connected, but an image is: the model sees the image to edit through the VAE.")
    latents = [vae.encode(image[None].movedim(1, -1)) for image in images]
    return node_helpers.conditioning_set_values(conditioning, {"reference_latents": latents}, append=True)
