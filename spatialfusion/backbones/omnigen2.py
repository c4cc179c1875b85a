"""OmniGen2, the paper's own base: how its transformer is called, how it is sampled, and how depth enters it.

Notable:
- Its network counts time from noise (0) to picture (1) and predicts picture - noise. Here as everywhere, t is the noise
  level and the velocity is noise - x0; `velocity` turns both, and nothing else knows of it.
- Depth enters as depth_injection.py says: the residual on the noisy latent before it is cut into patches, where no
  reference is; the delta on `x_embedder`; the LoRA on the blocks that see the image (`noise_refiner`, `layers`).
- Its schedule shifts with the image's size, in a way of its own; see `set_steps`.
- Guidance has two scales when editing, by the prompt and by the source image; see `sample_latents`.
- Its MLLM reads the text alone: source images are reference latents.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor, nn

from ..context import OMNIGEN2, SemanticContext, fit_text
from ..errors import InputError
from ..model_folder import load_parts
from . import depth_injection
from .omnigen2_transformer import OmniGen2Transformer2DModel
from .sampling import Guidance, cache_context, follow, guidance_of, set_noise_levels

if TYPE_CHECKING:
    from diffusers import SchedulerMixin

NAME = "omnigen2"  # in a checkpoint's configuration
TEMPLATE = OMNIGEN2
DEFAULT_SIZE = 1024  # pixels of a side
# Where the published model has the parts of a pipeline. The scheduler is made here: the published one is a class of its
# own in a file beside the weights, and no code from there is run.
PUBLISHED_FOLDERS = {"text_encoder": "mllm", "tokenizer": "processor", "transformer": "transformer", "vae": "vae"}

# Attention and MLP, as a whole name. The refiners of text and references never see the image.
LORA_TARGETS = r"(noise_refiner|layers)\.\d+\.(attn\.(to_q|to_k|to_v|to_out\.0)|feed_forward\.linear_[123])"


def check_architecture(transformer: nn.Module) -> None:
    """Raise InputError unless `transformer` is one that this file knows how to call."""
    transformer = depth_injection.unwrapped(transformer)
    if not isinstance(transformer, OmniGen2Transformer2DModel):
        name = type(transformer).__name__
        raise InputError(f"depth cannot be given to {name}: supported is OmniGen2Transformer2DModel.")


def velocity(
    transformer: OmniGen2Transformer2DModel,
    latents: Tensor,
    references: Sequence[Tensor],
    t: Tensor,
    prompt_embeds: Tensor,
    prompt_mask: Tensor,
    text_multiple: int = 1,
) -> Tensor:
    """Predicted velocity noise - x0 of noisy latents.

    Args:
        latents: x_t [B, 16, h, w] with even h and w.
        references: normalised latents of up to 5 source images [B, 16, h', w'] each; empty without any.
        t: noise level in [0, 1], [B]; 1 is pure noise.
        prompt_embeds: [B, T, D], right-padded.
        prompt_mask: [B, T] bool.
        text_multiple: pad the text to a multiple of this, so that a compiled network sees few lengths.

    Returns:
        [B, 16, h, w].
    """
    dtype = transformer.dtype
    prompt_embeds, mask = fit_text(prompt_embeds, prompt_mask, text_multiple)
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


# Files ----------------------------------------------------------------------------------------------------------------


def load_published(
    folder: Path, dtype: torch.dtype | dict[str, torch.dtype], given: Collection[str] = ()
) -> dict[str, Any]:
    """The parts of a pipeline, but those `given`, from a folder with OmniGen2 as it is published."""
    from diffusers import AutoencoderKL
    from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration

    classes = {
        "text_encoder": Qwen2_5_VLForConditionalGeneration,
        "tokenizer": AutoTokenizer,
        "transformer": OmniGen2Transformer2DModel,
        "vae": AutoencoderKL,
    }
    parts: dict[str, Any] = {} if "scheduler" in given else {"scheduler": scheduler()}
    return parts | load_parts(folder, classes, PUBLISHED_FOLDERS, dtype, given)


# Depth ----------------------------------------------------------------------------------------------------------------


class DepthInjection(depth_injection.DepthInjection):
    """Within `with DepthInjection(...)`, `transformer` is given depth; see the base class.

    Args:
        transformer: an OmniGen2Transformer2DModel; its LoRA, if any, was put there by `add_lora`.
        residual: [B, 16, h, w], added to the target latent in the network's input. Zeros are a sample without depth.
        delta: change of the input projection, see `projection_delta`; None for none.
        strength: scales residual, delta and LoRA together.
    """

    def __init__(
        self,
        transformer: OmniGen2Transformer2DModel,
        residual: Tensor,
        delta: nn.Linear | None = None,
        strength: float = 1.0,
    ):
        check_architecture(transformer)
        super().__init__(transformer, transformer.x_embedder, residual, delta, strength)

    def shift(self, sample: Tensor) -> Tensor:
        if len(sample) % len(self.residual) or sample.shape[1:] != self.residual.shape[1:]:
            raise InputError(
                f"a depth residual of shape {list(self.residual.shape)} does not fit a network input of shape "
                f"{list(sample.shape)}: both must be made for the same image size."
            )
        return sample + self.scaled_residual(sample)


def projection_delta(transformer: OmniGen2Transformer2DModel) -> nn.Linear:
    """A change of the input projection, to be trained; zero, so that it starts as the base."""
    return depth_injection.projection_delta(transformer.x_embedder)


def add_lora(transformer: OmniGen2Transformer2DModel, rank: int) -> list[nn.Parameter]:
    """Put an untrained LoRA into `transformer`, inactive until a DepthInjection; return its parameters."""
    check_architecture(transformer)
    return depth_injection.add_lora(transformer, rank, LORA_TARGETS)


def load_backbone_tensors(transformer: OmniGen2Transformer2DModel, tensors: dict[str, Tensor]) -> nn.Linear | None:
    """Put what `backbone_tensors` returned onto `transformer`; return the projection delta, or None without one."""
    check_architecture(transformer)
    return depth_injection.load_backbone_tensors(transformer, tensors, transformer.x_embedder, LORA_TARGETS)


# Sampling -------------------------------------------------------------------------------------------------------------


def scheduler() -> FlowMatchEulerDiscreteScheduler:
    """A scheduler for OmniGen2; `set_steps` gives it the published noise levels."""
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


@torch.no_grad()
def sample_latents(
    transformer: OmniGen2Transformer2DModel,
    scheduler: SchedulerMixin,
    context: SemanticContext,
    null_context: SemanticContext | None,
    references: Sequence[Tensor],
    noise: Tensor,
    steps: int,
    guidance: Guidance,
    injection: DepthInjection | None = None,
    depth_range: tuple[float, float] = (0.0, 1.0),
    image_guidance: float = 1.0,
    callback: Callable[[int, Tensor], None] | None = None,
    before_step: Callable[[int], None] | None = None,
) -> Tensor:
    """Draw latents with the scheduler's steps and classifier-free guidance.

    With v(prompt, references), as published:

        without references, or with image_guidance 1:
            v(null, none) + guidance (v(prompt, references) - v(null, none))
        otherwise, three calls of the network for each step:
            v(null, none) + image_guidance (v(null, references) - v(null, none))
            + guidance (v(prompt, references) - v(null, references))

    The first is not the second at image_guidance 1: in the first, one scale is that of prompt and references together.

    Args:
        context: of B prompts. `null_context`: of the negative prompts; None or guidance 1 for no guidance at all.
        references: normalised latents of the source images [B, 16, h', w'] each.
        noise: [B, 16, h, w], see `draw_noise`.
        injection: depth, not yet entered; given to every call alike.
        depth_range: part of the schedule with depth: step i of n has it where start <= i / n < end.
        image_guidance: how closely the image follows the source images.
        callback: called with (i, latents) after step i.
        before_step: called with i before it.

    Returns:
        normalised latents [B, 16, h, w], float32.
    """
    if steps < 1:
        raise InputError(f"steps is {steps}, but at least 1 is needed.")
    device = next(transformer.parameters()).device
    height, width = noise.shape[-2:]
    references = [reference.to(device) for reference in references]
    set_steps(scheduler, steps, (height // 2) * (width // 2))
    guided_by_image = bool(references) and image_guidance != 1.0

    def predict_guided(latents: Tensor, t: Tensor) -> Tensor:
        scale = guidance_of(guidance)
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
        return null + image_guidance * (null_image - null) + scale * (v - null_image)

    return follow(scheduler, noise.to(device), predict_guided, injection, depth_range, callback, before_step)
