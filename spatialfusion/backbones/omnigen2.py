"""OmniGen2, the paper's own base: how its transformer is called, how it is sampled, and how depth enters it.

Notable:
- Its network counts time from noise (0) to image (1) and predicts image - noise. Here as everywhere, t is the noise
  level and the velocity is noise - x0; `velocity` turns both, and nothing else knows of it.
- Depth enters as depth_injection.py says: the residual on the noisy latent before it is cut into patches, where no
  reference is; the delta on `x_embedder`; the LoRA on the blocks that see the image (`noise_refiner`, `layers`).
- Its schedule shifts with the image's size, in a way of its own; see `set_steps`.
- Guidance has two scales when editing, by the prompt and by the source image; see `sample_latents`.
- Its MLLM reads the text alone: source images are reference latents.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..errors import InputError
from ..model.context import ChatTemplate, SemanticContext, fit_text
from . import depth_injection
from .backbone import Backbone, CostRequest, Host, Published, SamplerSettings
from .sampling import Draw, Predictor, cache_context, guidance_of, set_noise_levels

if TYPE_CHECKING:
    from diffusers import FlowMatchEulerDiscreteScheduler, SchedulerMixin

    from .omnigen2_transformer import OmniGen2Transformer2DModel

TEMPLATE = ChatTemplate(
    system="You are a helpful assistant that generates high-quality images based on user instructions.",
    system_edit=None,
    suffix="<|im_end|>\n",
    keeps_prefix=True,
)


def velocity(
    transformer: OmniGen2Transformer2DModel,
    latents: Tensor,
    references: Sequence[Tensor],
    t: Tensor,
    prompt_embeds: Tensor,
    prompt_mask: Tensor,
) -> Tensor:
    """Predicted velocity noise - x0 of noisy latents.

    Args:
        latents: x_t [B, 16, h, w] with even h and w.
        references: normalised latents of up to 5 source images [B, 16, h', w'] each; empty without any.
        t: noise level in [0, 1], [B]; 1 is pure noise.
        prompt_embeds: [B, T, D], right-padded.
        prompt_mask: [B, T] bool.

    Returns:
        [B, 16, h, w].
    """
    dtype = transformer.dtype
    prompt_embeds, mask = fit_text(prompt_embeds, prompt_mask)
    output = transformer(
        latents.to(dtype),
        timestep=1 - t,
        encoder_hidden_states=prompt_embeds.to(dtype),
        encoder_attention_mask=mask,
        reference_hidden_states=[reference.to(dtype) for reference in references],
        return_dict=False,
    )[0]
    return -output


def predict(
    transformer: OmniGen2Transformer2DModel,
    latents: Tensor,
    references: Sequence[Tensor],
    t: Tensor,
    context: SemanticContext,
) -> Tensor:
    """`velocity` for the prompts of a context, in fp32; every backbone has it."""
    embeds, mask = context.prompt_embeds.to(latents.device), context.prompt_mask.to(latents.device)
    return velocity(transformer, latents, references, t, embeds, mask).float()


# Depth ----------------------------------------------------------------------------------------------------------------


class DepthInjection(depth_injection.DepthInjection):
    """The residual is a part of the latent [B, C, h, w]; references are other arguments of the network."""

    def shift(self, sample: Tensor) -> Tensor:
        if len(sample) % len(self.residual) or sample.shape[1:] != self.residual.shape[1:]:
            raise InputError(
                f"a depth residual of shape {list(self.residual.shape)} does not fit a network input of shape "
                f"{list(sample.shape)}: both must be made for the same image size."
            )
        return sample + self.scaled_residual(sample)


# Sampling -------------------------------------------------------------------------------------------------------------


def scheduler() -> FlowMatchEulerDiscreteScheduler:
    """A scheduler for OmniGen2; `set_steps` gives it the published noise levels."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(
        num_train_timesteps=1000, use_dynamic_shifting=True, time_shift_type="exponential"
    )


def set_steps(scheduler: SchedulerMixin, steps: int, tokens: int) -> Tensor:
    """Give `scheduler` its noise levels for an image of `tokens` target tokens; return them [steps + 1], 1 to 0.

    OmniGen2's own: s = 1 - i / steps becomes m s / (1 + (m - 1) s), with m = sqrt(h w) / 40 for latents of h x w: 3.2
    at 1024 x 1024 pixels, 1 at 320 x 320. A scheduler without dynamic shifting keeps its constant shift instead;
    ComfyUI's is 2.6 at every size.
    """
    return set_noise_levels(scheduler, steps, math.log(math.sqrt(4 * tokens) / 40))


def predictor(transformer: OmniGen2Transformer2DModel, draw: Draw) -> Predictor:
    """With v(prompt, references), as published:

        without references, or with image_guidance 1:
            v(null, none) + guidance (v(prompt, references) - v(null, none))
        otherwise, three calls of the network for each step:
            v(null, none) + image_guidance (v(null, references) - v(null, none))
            + guidance (v(prompt, references) - v(null, references))

    The first is not the second at image_guidance 1: in the first, one scale is that of prompt and references together.
    """
    context, null_context, references = draw.context, draw.null_context, draw.references
    guided_by_image = bool(references) and draw.image_guidance != 1.0

    def predict_guided(latents: Tensor, t: Tensor) -> Tensor:
        scale = guidance_of(draw.guidance)
        with cache_context(transformer, "cond"):
            v = predict(transformer, latents, references, t, context)
        if null_context is None or scale == 1:
            return v
        with cache_context(transformer, "uncond"):
            null = predict(transformer, latents, [], t, null_context)
        if not guided_by_image:
            return null + scale * (v - null)
        with cache_context(transformer, "uncond_with_image"):
            null_image = predict(transformer, latents, references, t, null_context)
        return null + draw.image_guidance * (null_image - null) + scale * (v - null_image)

    return predict_guided


# The record -----------------------------------------------------------------------------------------------------------


def cost_call(transformer: OmniGen2Transformer2DModel, request: CostRequest) -> Callable[[int], Tensor]:
    _, rows, columns, device, dtype, _ = request
    config = transformer.config
    latents = torch.zeros(1, config.in_channels, 2 * rows, 2 * columns, device=device, dtype=dtype)
    t = torch.full((1,), 0.5, device=device)

    def call(text: int) -> Tensor:
        embeds = torch.zeros(1, text, config.text_feat_dim, device=device, dtype=dtype)
        return transformer(latents, t, embeds, return_dict=False)[0]

    return call


BACKBONE = Backbone(
    name="omnigen2",
    library=f"{__package__}.omnigen2_transformer",
    class_name="OmniGen2Transformer2DModel",
    template=TEMPLATE,
    projection="x_embedder",
    # Attention and MLP, as a whole name. The refiners of text and references never see the image.
    lora_targets=r"(noise_refiner|layers)\.\d+\.(attn\.(to_q|to_k|to_v|to_out\.0)|feed_forward\.linear_[123])",
    lora_loader="SanaLoraLoaderMixin",  # diffusers' own layout alone
    injection=DepthInjection,
    velocity=velocity,
    predict=predict,
    predictor=predictor,
    set_steps=set_steps,
    cost_call=cost_call,
    published=Published(
        "OmniGen2",
        {"default_size": 1024},
        folders={"text_encoder": "mllm", "tokenizer": "processor", "transformer": "transformer", "vae": "vae"},
        classes={
            "text_encoder": ("transformers", "Qwen2_5_VLForConditionalGeneration"),
            "tokenizer": ("transformers", "AutoTokenizer"),
            "vae": ("diffusers", "AutoencoderKL"),
        },
        # The published one is a class of its own in a file beside the weights, and no code from there is run.
        scheduler=scheduler,
    ),
    host=Host(
        class_name="OmniGen2Transformer2DModel",
        projection="x_embedder",
        target_first=False,
        clip="qwen25_3b",
        clip_words="OmniGen2's Qwen2.5-VL, from Load CLIP with type omnigen2",
        clip_options={"disable_weights": True},
        settings={"OmniGen2": SamplerSettings(20, 5.0)},
    ),
    image_guidance=True,
)
