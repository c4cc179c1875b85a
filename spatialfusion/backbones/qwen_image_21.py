"""Qwen-Image 2.1: how its transformer is called, how it is sampled, and how depth enters it.

Notable:
- Text and images share one sequence: the tokens of the source images stand in it where the multimodal LLM read them,
  those of the target last. So the network has to know which prompt embeddings are an image's, and the LLM has to be
  shown source images at the size of their latents: one of its tokens stands for 2 x 2 latent cells.
- Padding would move the target along the text's positions, so prompts of another layout are another call of the
  network (`split_prompts`).
- Everything before the target is computed once for all steps (`causal_condition`): its keys and values are kept, and
  made anew when depth is switched on or off, because delta and LoRA change them.
- Depth enters as depth_injection.py says: the residual on the target's tokens; the delta on `img_in`, which has no bias
  of its own; the LoRA on all blocks.
- Transparency is a channel of its images; see latents.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from einops import rearrange
from torch import Tensor, nn

from ..errors import InputError
from ..model.context import ChatTemplate, SemanticContext
from . import depth_injection
from .backbone import Backbone, CostRequest, Published
from .sampling import Draw, Predictor, cache_context, guidance_of, set_steps

if TYPE_CHECKING:
    from diffusers import QwenImage21Transformer2DModel
    from diffusers.models.transformers.transformer_qwenimage21 import QwenImage21KVCache

TEMPLATE = ChatTemplate(
    system="Comprehend and analyze the provided prompt.",
    system_edit="Comprehend and analyze the provided prompt.",
    keeps_turn=True,
    hidden_layer=-1,
    image="<image{}><|vision_start|><|image_pad|><|vision_end|>",
    image_separator=" ",
    image_pixels=None,
    empty=" ",
)


def _check(transformer: QwenImage21Transformer2DModel) -> None:
    if transformer.config.patch_size != 1:
        raise InputError(
            f"depth cannot be given to a {type(transformer).__name__} with patches of {transformer.config.patch_size}: "
            "supported is 1."
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
    """Prompts of a batch that the network can read together: of one length, with images in the same places.

    rows [n] long: which of the batch they are; None if they are all of it.
    prompt_embeds [n, T, D], without padding. image_mask [T] bool: true at tokens of images.
    cache: keys and values of everything before the target, if they were kept.
    """

    rows: Tensor | None
    prompt_embeds: Tensor
    image_mask: Tensor
    cache: QwenImage21KVCache | None = None


def split_prompts(prompt_embeds: Tensor, prompt_mask: Tensor, image_mask: Tensor | None = None) -> list[PromptGroup]:
    """The prompts of a batch by their layout; see `velocity` for shapes."""
    if image_mask is None:
        image_mask = torch.zeros_like(prompt_mask)
    layouts: dict[tuple[bool, ...], list[int]] = {}
    for row, (length, images) in enumerate(zip(prompt_mask.sum(1).tolist(), image_mask.tolist())):
        layouts.setdefault(tuple(images[:length]), []).append(row)
    groups = []
    for layout, members in layouts.items():
        rows = None if len(layouts) == 1 else torch.tensor(members, device=prompt_embeds.device)
        embeds = prompt_embeds if rows is None else prompt_embeds[rows]
        images = torch.tensor(layout, dtype=torch.bool, device=prompt_embeds.device)
        groups.append(PromptGroup(rows, embeds[:, : len(layout)], images))
    return groups


def velocity(
    transformer: QwenImage21Transformer2DModel,
    latents: Tensor,
    references: Sequence[Tensor],
    t: Tensor,
    prompt_embeds: Tensor,
    prompt_mask: Tensor,
    image_mask: Tensor | None = None,
) -> Tensor:
    """Predicted velocity noise - x0 of noisy latents.

    Args:
        latents: x_t [B, C, h, w] with even h and w; C is 64 in the published model.
        references: normalised latents of the source images [B, C, h', w'] each, in the order of the prompt; empty
            without any.
        t: noise level in [0, 1], [B]; 1 is pure noise.
        prompt_embeds: [B, T, D], right-padded.
        prompt_mask: [B, T] bool.
        image_mask: [B, T] bool, true at tokens of the source images; None without any.

    Returns:
        [B, C, h, w].
    """
    groups = split_prompts(prompt_embeds, prompt_mask, image_mask)
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
    tensors = context.prompt_embeds, context.prompt_mask, context.image_mask
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
    from diffusers.models.transformers.transformer_qwenimage21 import QwenImage21KVCache

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
        if 4 * int(group.image_mask.sum()) != count:
            raise InputError(
                f"the source images have {count} latent cells, but the prompt was read with {group.image_mask.sum()} "
                "image tokens of 4 cells each: the text encoder must be shown them at the same size."
            )
        caching: dict[str, Any] = {}
        if keep:
            caching["kv_cache_mode"] = "extract" if group.cache is None else "cached"
            group.cache = group.cache or QwenImage21KVCache(len(transformer.transformer_blocks))
            caching["kv_cache"] = group.cache
        size = len(group.prompt_embeds)
        target = group.image_mask.new_ones(height * width // 4)
        with _float_under_autocast(transformer):
            output = transformer(
                hidden_states=tokens if group.rows is None else tokens[group.rows],
                encoder_hidden_states=group.prompt_embeds.to(transformer.dtype),
                timestep=t if group.rows is None else t[group.rows],
                img_shapes=[shapes] * size,
                img_mask=torch.cat([group.image_mask, target]).expand(size, -1),
                # The network does not read it: DepthInjection does.
                attention_kwargs=None if group.rows is None else {"rows": group.rows},
                return_dict=False,
                **caching,
            )[0]
        # Of the whole sequence without a cache, of the target alone with one.
        outputs.append(output[:, -height * width :])
    if len(groups) == 1:
        return unpack(outputs[0], height, width)
    order = torch.cat([group.rows for group in groups if group.rows is not None]).argsort()
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


# Depth ----------------------------------------------------------------------------------------------------------------


class DepthInjection(depth_injection.DepthInjection):
    """The residual is a part of tokens [B, h w, C].

    A call with `attention_kwargs={"rows": ...}` is given the residuals of these rows alone.
    """

    _rows: Tensor | None = None

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


# Sampling -------------------------------------------------------------------------------------------------------------


def predictor(transformer: QwenImage21Transformer2DModel, draw: Draw) -> Predictor:
    """Classifier-free guidance, with what stands before the target computed once and not in every step."""
    keep = transformer.config.causal_condition
    device = next(transformer.parameters()).device
    groups = _split(draw.context, device)
    null_groups = [] if draw.null_context is None else _split(draw.null_context, device)
    kept_with_depth: bool | None = None

    def predict_guided(latents: Tensor, t: Tensor) -> Tensor:
        nonlocal kept_with_depth
        with_depth = draw.injection is not None and draw.injection.active
        if with_depth != kept_with_depth:
            for group in (*groups, *null_groups):
                group.cache = None
            kept_with_depth = with_depth
        scale = guidance_of(draw.guidance)
        with cache_context(transformer, "cond"):
            v = _velocity(transformer, latents, draw.references, t, groups, keep).float()
        if not null_groups or scale == 1:
            return v
        with cache_context(transformer, "uncond"):
            null = _velocity(transformer, latents, draw.references, t, null_groups, keep).float()
        return null + scale * (v - null)

    return predict_guided


# The record -----------------------------------------------------------------------------------------------------------


def cost_call(transformer: QwenImage21Transformer2DModel, request: CostRequest) -> Callable[[int], Tensor]:
    from diffusers.models.transformers.transformer_qwenimage21 import QwenImage21KVCache

    _, rows, columns, device, dtype, cached = request
    config = transformer.config
    latents = torch.zeros(1, rows * columns, config.in_channels, device=device, dtype=dtype)
    t = torch.full((1,), 0.5, device=device)
    # The network reads the mask's values, so on the meta device it stays on the CPU, and the hooks move what is made
    # from it.
    layout_device = "cpu" if torch.device(device).type == "meta" else device
    for module in (*transformer.transformer_blocks, transformer.norm_out):
        module.register_forward_pre_hook(_to_device(device), with_kwargs=True)

    def call(text: int) -> Tensor:
        mask = torch.arange(text + rows * columns // 4, device=layout_device)[None] >= text
        cache = {}
        if cached:
            cache = {"kv_cache": QwenImage21KVCache(config.num_layers), "kv_cache_mode": "cached"}
            shape = (1, text, config.num_attention_heads, config.attention_head_dim)
            for layer in cache["kv_cache"].layer_caches:
                layer.store(*(torch.zeros(shape, device=device, dtype=dtype) for _ in range(2)))
        return transformer(
            hidden_states=latents,
            encoder_hidden_states=torch.zeros(1, text, config.context_in_dim, device=device, dtype=dtype),
            timestep=t,
            img_shapes=[[(1, rows, columns)]],
            img_mask=mask,
            return_dict=False,
            **cache,
        )[0]

    return call


def _to_device(device: torch.device | str) -> Callable:
    def move(value: Any) -> Any:
        return value.to(device) if isinstance(value, Tensor) else value

    def hook(_module: nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        return tuple(move(a) for a in args), {k: move(v) for k, v in kwargs.items()}

    return hook


BACKBONE = Backbone(
    name="qwen-image-2.1",
    library="diffusers",
    class_name="QwenImage21Transformer2DModel",
    template=TEMPLATE,
    projection="img_in",
    # Attention and MLP; what all blocks share, and the ends of the network, are left alone.
    lora_targets=(
        "attn.to_q",
        "attn.to_k",
        "attn.to_v",
        "attn.to_out.0",
        "img_mlp.proj",
        "img_mlp.gate_layer",
        "img_mlp.out",
    ),
    lora_loader="QwenImageLoraLoaderMixin",
    injection=DepthInjection,
    velocity=velocity,
    predict=predict,
    predictor=predictor,
    set_steps=set_steps,
    cost_call=cost_call,
    published=Published(
        "QwenImage21",
        {"default_size": 1024},
        folders={
            "text_encoder": "text_encoder",
            "tokenizer": "processor",
            "image_processor": "processor",
            "transformer": "transformer",
            "vae": "vae",
            "scheduler": "scheduler",
        },
        classes={
            "text_encoder": ("transformers", "Qwen3VLForConditionalGeneration"),
            "tokenizer": ("transformers", "AutoTokenizer"),
            "image_processor": ("transformers", "Qwen2VLImageProcessorPil"),
            "vae": ("diffusers", "AutoencoderKLQwenImage21"),
            "scheduler": ("diffusers", "FlowMatchEulerDiscreteScheduler"),
        },
    ),
    pack=pack,
    unpack=unpack,
    patch=1,
    one_call_per_layout=True,
    check=_check,
)
