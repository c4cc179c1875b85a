"""Qwen-Image 2.1: how its transformer is called, how it is sampled, and how depth enters it.

Notable:
- Text and pictures share one sequence: the tokens of the source images stand in it where the multimodal LLM read them,
  those of the target last. So the network has to know which prompt embeddings are a picture's, and the LLM has to be
  shown source images at the size of their latents: one of its tokens stands for 2 x 2 latent cells.
- Padding would move the target along the text's positions, so prompts of another layout are another call of the
  network (`split_prompts`).
- Everything before the target is computed once for all steps (`causal_condition`): its keys and values are kept, and
  made anew when depth is switched on or off, because delta and LoRA change them.
- Depth enters as depth_injection.py says: the residual on the target's tokens; the delta on `img_in`, which has no bias
  of its own; the LoRA on all blocks.
- Transparency is a channel of its pictures; see latents.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, QwenImage21Transformer2DModel
from diffusers.models.transformers.transformer_qwenimage21 import QwenImage21KVCache
from einops import rearrange
from torch import Tensor, nn

from ..context import QWEN_IMAGE_21, SemanticContext
from ..errors import InputError
from ..model_folder import load_parts
from . import depth_injection
from .qwen_image import set_steps
from .sampling import Guidance, cache_context, follow, guidance_of

if TYPE_CHECKING:
    from diffusers import SchedulerMixin

NAME = "qwen-image-2.1"  # in a checkpoint's configuration
TEMPLATE = QWEN_IMAGE_21
DEFAULT_SIZE = 1024  # pixels of a side
# Where the published model has the parts of a pipeline.
PUBLISHED_FOLDERS = {
    "text_encoder": "text_encoder",
    "tokenizer": "processor",
    "image_processor": "processor",
    "transformer": "transformer",
    "vae": "vae",
    "scheduler": "scheduler",
}

# Attention and MLP; what all blocks share, and the ends of the network, are left alone.
LORA_TARGETS = (
    "attn.to_q",
    "attn.to_k",
    "attn.to_v",
    "attn.to_out.0",
    "img_mlp.proj",
    "img_mlp.gate_layer",
    "img_mlp.out",
)


def check_architecture(transformer: nn.Module) -> None:
    """Raise InputError unless `transformer` is one that this file knows how to call."""
    transformer = depth_injection.unwrapped(transformer)
    name = type(transformer).__name__
    if not isinstance(transformer, QwenImage21Transformer2DModel):
        raise InputError(f"depth cannot be given to {name}: supported is QwenImage21Transformer2DModel.")
    if transformer.config.patch_size != 1:
        raise InputError(
            f"depth cannot be given to a {name} with patches of {transformer.config.patch_size}: supported is 1."
        )


# Tokens and the network call ------------------------------------------------------------------------------------------


def pack(latents: Tensor) -> Tensor:
    """Latents [B, C, h, w] to tokens [B, h w, C]."""
    return rearrange(latents, "b c h w -> b (h w) c")


def unpack(tokens: Tensor, height: int, width: int) -> Tensor:
    """Tokens [B, h w, C] to latents [B, C, height, width]."""
    return rearrange(tokens, "b (h w) c -> b c h w", h=height, w=width)


@dataclass
class PromptGroup:
    """Prompts of a batch that the network can read together: of one length, with pictures in the same places.

    rows [n] long: which of the batch they are; None if they are all of it.
    prompt_embeds [n, T, D], without padding. picture_mask [T] bool: true at tokens of pictures.
    cache: keys and values of everything before the target, if they were kept.
    """

    rows: Tensor | None
    prompt_embeds: Tensor
    picture_mask: Tensor
    cache: QwenImage21KVCache | None = None


def split_prompts(prompt_embeds: Tensor, prompt_mask: Tensor, picture_mask: Tensor | None = None) -> list[PromptGroup]:
    """The prompts of a batch by their layout; see `velocity` for shapes."""
    if picture_mask is None:
        picture_mask = torch.zeros_like(prompt_mask)
    layouts: dict[tuple[bool, ...], list[int]] = {}
    for row, (length, pictures) in enumerate(zip(prompt_mask.sum(1).tolist(), picture_mask.tolist())):
        layouts.setdefault(tuple(pictures[:length]), []).append(row)
    groups = []
    for layout, members in layouts.items():
        rows = None if len(layouts) == 1 else torch.tensor(members, device=prompt_embeds.device)
        embeds = prompt_embeds if rows is None else prompt_embeds[rows]
        pictures = torch.tensor(layout, dtype=torch.bool, device=prompt_embeds.device)
        groups.append(PromptGroup(rows, embeds[:, : len(layout)], pictures))
    return groups


def velocity(
    transformer: QwenImage21Transformer2DModel,
    latents: Tensor,
    references: Sequence[Tensor],
    t: Tensor,
    prompt_embeds: Tensor,
    prompt_mask: Tensor,
    picture_mask: Tensor | None = None,
) -> Tensor:
    """Predicted velocity noise - x0 of noisy latents.

    Args:
        latents: x_t [B, C, h, w] with even h and w; C is 64 in the published model.
        references: normalised latents of the source images [B, C, h', w'] each, in the order of the prompt; empty
            without any.
        t: noise level in [0, 1], [B]; 1 is pure noise.
        prompt_embeds: [B, T, D], right-padded.
        prompt_mask: [B, T] bool.
        picture_mask: [B, T] bool, true at tokens of the source images; None without any.

    Returns:
        [B, C, h, w].
    """
    groups = split_prompts(prompt_embeds, prompt_mask, picture_mask)
    return _velocity(transformer, latents, references, t, groups, keep=False)


def predict(
    transformer: QwenImage21Transformer2DModel,
    latents: Tensor,
    references: Sequence[Tensor],
    t: Tensor,
    context: SemanticContext,
) -> Tensor:
    """`velocity` for the prompts of a context, in fp32; every backbone has it."""
    return _velocity(transformer, latents, references, t, _split(context, latents.device), keep=False).float()


def _split(context: SemanticContext, device: torch.device) -> list[PromptGroup]:
    tensors = context.prompt_embeds, context.prompt_mask, context.picture_mask
    return split_prompts(*(tensor.to(device) for tensor in tensors))


def _velocity(
    transformer: QwenImage21Transformer2DModel,
    latents: Tensor,
    references: Sequence[Tensor],
    t: Tensor,
    groups: Sequence[PromptGroup],
    keep: bool,
) -> Tensor:
    """As `velocity`. keep: use what the groups keep of a call before, or keep it for the next."""
    height, width = latents.shape[-2:]
    for image in (latents, *references):
        if image.shape[-2] % 2 or image.shape[-1] % 2:
            raise InputError(
                f"latents of {image.shape[-1]} x {image.shape[-2]} do not fit Qwen-Image 2.1: both sides must be even."
            )
    tokens = torch.cat([pack(image) for image in (*references, latents)], dim=1).to(transformer.dtype)
    shapes = [(1, *image.shape[-2:]) for image in (*references, latents)]
    outputs = []
    for group in groups:
        count = sum(reference.shape[-2] * reference.shape[-1] for reference in references)
        if 4 * int(group.picture_mask.sum()) != count:
            raise InputError(
                f"the source images have {count} latent cells, but the prompt was read with {group.picture_mask.sum()} "
                "picture tokens of 4 cells each: the text encoder must be shown them at the same size."
            )
        caching: dict[str, Any] = {}
        if keep:
            caching["kv_cache_mode"] = "extract" if group.cache is None else "cached"
            group.cache = group.cache or QwenImage21KVCache(len(transformer.transformer_blocks))
            caching["kv_cache"] = group.cache
        size = len(group.prompt_embeds)
        target = group.picture_mask.new_ones(height * width // 4)
        with _float_under_autocast(transformer):
            output = transformer(
                hidden_states=tokens if group.rows is None else tokens[group.rows],
                encoder_hidden_states=group.prompt_embeds.to(transformer.dtype),
                timestep=t if group.rows is None else t[group.rows],
                img_shapes=[shapes] * size,
                img_mask=torch.cat([group.picture_mask, target]).expand(size, -1),
                # The network does not read it: DepthInjection does.
                attention_kwargs=None if group.rows is None else {"rows": group.rows},
                return_dict=False,
                **caching,
            )[0]
        # Of the whole sequence without a cache, of the target alone with one.
        outputs.append(output[:, -height * width :])
    if len(groups) == 1:
        return unpack(outputs[0], height, width)
    order = torch.cat([group.rows for group in groups]).argsort()
    return unpack(torch.cat(outputs)[order], height, width)


@contextmanager
def _float_under_autocast(transformer: QwenImage21Transformer2DModel) -> Iterator[None]:
    """Under autocast the input projections would hand bf16 on, and diffusers casts t to the dtype of what they hand on:
    near 1 only every 1/256 could be told apart."""
    handles = []
    if torch.is_autocast_enabled(next(transformer.parameters()).device.type):
        handles = [m.register_forward_hook(_to_float) for m in (transformer.img_in, transformer.txt_in)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _to_float(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
    return output.float()


# Files ----------------------------------------------------------------------------------------------------------------


def load_published(
    folder: Path, dtype: torch.dtype | dict[str, torch.dtype], given: Collection[str] = ()
) -> dict[str, Any]:
    """The parts of a pipeline, but those `given`, from a folder with Qwen-Image 2.1 as it is published."""
    from diffusers import AutoencoderKLQwenImage21
    from transformers import AutoTokenizer, Qwen2VLImageProcessorPil, Qwen3VLForConditionalGeneration

    classes = {
        "text_encoder": Qwen3VLForConditionalGeneration,
        "tokenizer": AutoTokenizer,
        "image_processor": Qwen2VLImageProcessorPil,
        "transformer": QwenImage21Transformer2DModel,
        "vae": AutoencoderKLQwenImage21,
        "scheduler": FlowMatchEulerDiscreteScheduler,
    }
    return load_parts(folder, classes, PUBLISHED_FOLDERS, dtype, given)


# Depth ----------------------------------------------------------------------------------------------------------------


class DepthInjection(depth_injection.DepthInjection):
    """Within `with DepthInjection(...)`, `transformer` is given depth; see the base class.

    Args:
        transformer: a QwenImage21Transformer2DModel; its LoRA, if any, was put there by `add_lora`.
        residual: [B, C, h, w], added to the target latent in the network's input. Zeros are a sample without depth.
        delta: change of the input projection, see `projection_delta`; None for none.
        strength: scales residual, delta and LoRA together.

    A call with `attention_kwargs={"rows": ...}` is given the residuals of these rows alone.
    """

    def __init__(
        self,
        transformer: QwenImage21Transformer2DModel,
        residual: Tensor,
        delta: nn.Linear | None = None,
        strength: float = 1.0,
    ):
        check_architecture(transformer)
        super().__init__(transformer, transformer.img_in, pack(residual), delta, strength)
        self._rows: Tensor | None = None

    def _shift_input(self, module: nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict] | None:
        self._rows = (kwargs.get("attention_kwargs") or {}).get("rows")
        return super()._shift_input(module, args, kwargs)

    def shift(self, sample: Tensor) -> Tensor:
        batch, count = self.residual.shape[:2]
        if (self._rows is None and sample.shape[0] % batch) or sample.shape[1] < count:
            raise InputError(
                f"a depth residual of {count} tokens for {batch} images does not fit a network input of "
                f"{sample.shape[1]} tokens for {sample.shape[0]}: both must be made for the same image size."
            )
        if self._rows is None:
            residual = self.scaled_residual(sample)
        else:
            residual = (self.strength * self.residual).to(sample)[self._rows.to(sample.device) % batch]
        # The target's tokens come last; those of references stay as they are.
        return torch.cat([sample[:, :-count], sample[:, -count:] + residual], dim=1)


def projection_delta(transformer: QwenImage21Transformer2DModel) -> nn.Linear:
    """A change of the input projection, to be trained; zero, so that it starts as the base."""
    return depth_injection.projection_delta(transformer.img_in)


def add_lora(transformer: QwenImage21Transformer2DModel, rank: int) -> list[nn.Parameter]:
    """Put an untrained LoRA into `transformer`, inactive until a DepthInjection; return its parameters."""
    check_architecture(transformer)
    return depth_injection.add_lora(transformer, rank, LORA_TARGETS)


def load_backbone_tensors(transformer: QwenImage21Transformer2DModel, tensors: dict[str, Tensor]) -> nn.Linear | None:
    """Put what `backbone_tensors` returned onto `transformer`; return the projection delta, or None without one."""
    check_architecture(transformer)
    return depth_injection.load_backbone_tensors(transformer, tensors, transformer.img_in, LORA_TARGETS)


# Sampling -------------------------------------------------------------------------------------------------------------


@torch.no_grad()
def sample_latents(
    transformer: QwenImage21Transformer2DModel,
    scheduler: SchedulerMixin,
    context: SemanticContext,
    null_context: SemanticContext | None,
    references: Sequence[Tensor],
    noise: Tensor,
    steps: int,
    guidance: Guidance,
    injection: DepthInjection | None = None,
    depth_range: tuple[float, float] = (0.0, 1.0),
    use_cache: bool = True,
    callback: Callable[[int, Tensor], None] | None = None,
    before_step: Callable[[int], None] | None = None,
) -> Tensor:
    """Draw latents with the scheduler's steps and classifier-free guidance.

    Args:
        context: of B prompts. `null_context`: of the negative prompts, with the same images when editing; None or
            guidance 1 for no guidance.
        references: normalised latents of the source images [B, C, h', w'] each.
        noise: [B, C, h, w], see `draw_noise`.
        injection: depth, not yet entered; given to prompt and negative prompt alike.
        depth_range: part of the schedule with depth: step i of n has it where start <= i / n < end.
        use_cache: compute what stands before the target once, and not in every step.
        callback: called with (i, latents) after step i.
        before_step: called with i before it.

    Returns:
        normalised latents [B, C, h, w], float32.
    """
    if steps < 1:
        raise InputError(f"steps is {steps}, but at least 1 is needed.")
    device = next(transformer.parameters()).device
    references = [reference.to(device) for reference in references]
    set_steps(scheduler, steps, noise.shape[-2] * noise.shape[-1])
    keep = use_cache and transformer.config.causal_condition

    groups = _split(context, device)
    null_groups = [] if null_context is None else _split(null_context, device)
    kept_with_depth: bool | None = None

    def predict(latents: Tensor, t: Tensor) -> Tensor:
        nonlocal kept_with_depth
        with_depth = injection is not None and injection.active
        if with_depth != kept_with_depth:
            for group in (*groups, *null_groups):
                group.cache = None
            kept_with_depth = with_depth
        scale = guidance_of(guidance)
        with cache_context(transformer, "cond"):
            v = _velocity(transformer, latents, references, t, groups, keep).float()
        if not null_groups or scale == 1:
            return v
        with cache_context(transformer, "uncond"):
            null = _velocity(transformer, latents, references, t, null_groups, keep).float()
        return null + scale * (v - null)

    return follow(scheduler, noise.to(device), predict, injection, depth_range, callback, before_step)
