"""Qwen-Image: how its transformer is called, how it is sampled, and how depth enters it.

Notable:
- One definition of the network call (`velocity`), which training and pipeline share.
- Depth enters as depth_injection.py says: the residual on the target's tokens, which come before those of references;
  the delta on `img_in`; the LoRA on the blocks of both streams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ..errors import InputError
from ..model.context import QWEN_IMAGE, SemanticContext, fit_text
from . import depth_injection
from .backbone import Backbone, CostRequest, Host, LayoutStates, Published, SamplerSettings
from .sampling import guided_by_prompt, set_steps

if TYPE_CHECKING:
    from diffusers import FlowMatchEulerDiscreteScheduler, QwenImageControlNetModel, QwenImageTransformer2DModel
    from diffusers.models.attention_processor import Attention

TINY_SHIFT = 1.15


def _check(transformer: QwenImageTransformer2DModel) -> None:
    if transformer.config.use_additional_t_cond or transformer.config.use_layer3d_rope:
        raise InputError(
            f"depth cannot be given to the layered variant of {type(transformer).__name__}: supported are Qwen-Image "
            "and Qwen-Image-Edit."
        )


# Tokens and the network call ------------------------------------------------------------------------------------------


def pack(latents: Tensor) -> Tensor:
    """Latents [B, C, h, w] to tokens [B, (h/2) (w/2), 4 C], channels ordered (c, ph, pw)."""
    return rearrange(latents, "b c (h ph) (w pw) -> b (h w) (c ph pw)", ph=2, pw=2)


def unpack(tokens: Tensor, height: int, width: int) -> Tensor:
    """Tokens [B, (h/2) (w/2), 4 C] to latents [B, C, height, width]."""
    return rearrange(tokens, "b (h w) (c ph pw) -> b c (h ph) (w pw)", h=height // 2, w=width // 2, ph=2, pw=2)


def image_shapes(latents: Tensor, references: Sequence[Tensor] = ()) -> list[list[tuple[int, int, int]]]:
    """The (frames, rows, columns) of the target's tokens and of each reference's, for every sample."""
    shapes = [(1, image.shape[-2] // 2, image.shape[-1] // 2) for image in (latents, *references)]
    return [shapes] * len(latents)


def velocity(
    transformer: QwenImageTransformer2DModel,
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
        references: normalised latents of the source images [B, 16, h', w'] each; empty without any.
        t: noise level in [0, 1], [B]; 1 is pure noise.
        prompt_embeds: [B, T, D], right-padded.
        prompt_mask: [B, T] bool.
        text_multiple: pad the text to a multiple of this, so that a compiled network sees few lengths.

    Returns:
        [B, 16, h, w].
    """
    height, width = latents.shape[-2:]
    if height % 2 or width % 2:
        raise InputError(f"latents of {width} x {height} do not fit patches of 2: both sides must be even.")
    dtype = transformer.dtype
    tokens = torch.cat([pack(image) for image in (latents, *references)], dim=1).to(dtype)
    prompt_embeds, mask = fit_text(prompt_embeds, prompt_mask, text_multiple)
    device = tokens.device.type
    # Under autocast the input projection would hand bf16 on, and diffusers casts t to the dtype of what it hands on:
    # near 1 only every 1/256 could be told apart.
    keep = transformer.img_in.register_forward_hook(_to_float) if torch.is_autocast_enabled(device) else nullcontext()
    with keep:
        output = transformer(
            hidden_states=tokens,
            encoder_hidden_states=prompt_embeds.to(dtype),
            encoder_hidden_states_mask=mask,
            timestep=t,
            img_shapes=image_shapes(latents, references),
            return_dict=False,
        )[0]
    return unpack(output[:, : (height // 2) * (width // 2)], height, width)


def predict(
    transformer: QwenImageTransformer2DModel,
    latents: Tensor,
    references: Sequence[Tensor],
    t: Tensor,
    context: SemanticContext,
    text_multiple: int = 1,
) -> Tensor:
    """`velocity` for the prompts of a context, in fp32; every backbone has it."""
    embeds, mask = context.prompt_embeds.to(latents.device), context.prompt_mask.to(latents.device)
    return velocity(transformer, latents, references, t, embeds, mask, text_multiple).float()


@contextmanager
def last_states(transformer: QwenImageTransformer2DModel) -> Iterator[list[Tensor]]:
    """Collects, call by call, the hidden states [B, tokens, d] that come out of the last block."""
    found: list[Tensor] = []
    hook = transformer.norm_out.register_forward_pre_hook(lambda _module, inputs: found.append(inputs[0]))
    try:
        yield found
    finally:
        hook.remove()


def token_grid(states: Sequence[Tensor], latents: Tensor) -> Tensor:
    """The target's tokens in `last_states` of calls about parts of latents [B, 16, h, w]: [B, d, h/2, w/2]."""
    rows, columns = (side // 2 for side in latents.shape[-2:])
    tokens = torch.cat([part[:, : rows * columns] for part in states])
    return tokens.unflatten(1, (rows, columns)).movedim(-1, 1)


def _to_float(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
    return output.float()


class ShortAttention:
    """Attention of Qwen-Image's blocks for some hundred tokens on a CPU, where torch's fused kernel is half as fast.

    Equal to diffusers' own. Rotary factors are real, so that torch.compile can fuse them.
    """

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        encoder_hidden_states_mask: Tensor | None,
        image_rotary_emb: tuple[Tensor, Tensor],
        attention_mask: None = None,
    ) -> tuple[Tensor, Tensor]:
        count = encoder_hidden_states.shape[1]
        head_dim = attn.inner_dim // attn.heads
        device = hidden_states.device.type
        if torch.is_autocast_enabled(device):
            # Once, and not in each of three projections.
            dtype = torch.get_autocast_dtype(device)
            hidden_states, encoder_hidden_states = hidden_states.to(dtype), encoder_hidden_states.to(dtype)

        def project(text: nn.Module, image: nn.Module) -> tuple[Tensor, Tensor]:
            pair = text(encoder_hidden_states), image(hidden_states)
            return tuple(x.unflatten(-1, (-1, head_dim)) for x in pair)

        def join(text: Tensor, image: Tensor) -> Tensor:
            return torch.cat([text, image], dim=1).transpose(1, 2)

        text, image = project(attn.add_q_proj, attn.to_q)
        query = join(attn.norm_added_q(text), attn.norm_q(image))
        text, image = project(attn.add_k_proj, attn.to_k)
        key = join(attn.norm_added_k(text), attn.norm_k(image))
        value = join(*project(attn.add_v_proj, attn.to_v))

        image_factors, text_factors = image_rotary_emb
        factors = torch.cat([text_factors, image_factors])
        query, key = (_rotate(x, factors).to(value.dtype) for x in (query, key))
        scores = (query * head_dim**-0.5) @ key.transpose(-1, -2)
        if encoder_hidden_states_mask is not None:
            mask = F.pad(encoder_hidden_states_mask, (0, hidden_states.shape[1]), value=True)
            scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
        output = (scores.softmax(-1).to(value.dtype) @ value).transpose(1, 2).flatten(2)
        return attn.to_out[0](output[:, count:]), attn.to_add_out(output[:, :count])


def use_short_attention(transformer: QwenImageTransformer2DModel | QwenImageControlNetModel) -> None:
    """Let `transformer` attend with ShortAttention from now on."""
    transformer.set_attn_processor(ShortAttention())
    transformer.pos_embed.register_forward_hook(_real_factors)


def _real_factors(_module: nn.Module, _inputs: Any, factors: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    return tuple(torch.view_as_real(factor) for factor in factors)


def _rotate(x: Tensor, factors: Tensor) -> Tensor:
    """Rotate [B, H, S, D] by factors [S, D/2, (cos, sin)]. Channels come out in another order: query and key alike."""
    cos, sin = factors.unbind(-1)
    a, b = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


# Depth ----------------------------------------------------------------------------------------------------------------


class DepthInjection(depth_injection.DepthInjection):
    """The residual is a part of tokens [B, (h/2) (w/2), 4 C]."""

    def shift(self, sample: Tensor) -> Tensor:
        count = self._target_tokens(sample)
        # The target's tokens come first; those of references stay as they are.
        return torch.cat([sample[:, :count] + self.scaled_residual(sample), sample[:, count:]], dim=1)

    def concatenate(self, sample: Tensor) -> Tensor:
        missing = sample.shape[1] - self._target_tokens(sample)
        return torch.cat([sample, F.pad(self._repeated(self.residual, sample), (0, 0, 0, missing))], dim=2)

    def _target_tokens(self, sample: Tensor) -> int:
        """How many tokens of the network's input are the target's."""
        batch, count = self.residual.shape[:2]
        if sample.shape[0] % batch or sample.shape[1] < count:
            raise InputError(
                f"a depth residual of {count} tokens for {batch} images does not fit a network input of "
                f"{sample.shape[1]} tokens for {sample.shape[0]}: both must be made for the same image size."
            )
        return count


# Sampling -------------------------------------------------------------------------------------------------------------


def tiny_scheduler() -> FlowMatchEulerDiscreteScheduler:
    """The scheduler of the tiny model: exponential shift mu = 1.15 at every resolution, no terminal shift.

    With equal base_shift and max_shift the resolution has no say, also not in diffusers' own pipelines.
    """
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(
        num_train_timesteps=1000,
        use_dynamic_shifting=True,
        base_shift=TINY_SHIFT,
        max_shift=TINY_SHIFT,
        time_shift_type="exponential",
    )


def guide(v: Tensor, null: Tensor, guidance: float, rescale: bool = False) -> Tensor:
    """Classifier-free guidance of velocities [B, 16, h, w]."""
    guided = null + guidance * (v - null)
    if not rescale:
        return guided
    tokens = pack(guided)
    scale = pack(v).norm(dim=-1, keepdim=True) / tokens.norm(dim=-1, keepdim=True)
    return unpack(tokens * scale, *v.shape[-2:])


# The record -----------------------------------------------------------------------------------------------------------


def cost_call(transformer: QwenImageTransformer2DModel, request: CostRequest) -> Callable[[int], Tensor]:
    images, rows, columns, device, dtype, _ = request
    config = transformer.config
    latents = torch.zeros(1, images * rows * columns, config.in_channels, device=device, dtype=dtype)
    t = torch.full((1,), 0.5, device=device)

    def call(text: int) -> Tensor:
        return transformer(
            hidden_states=latents,
            encoder_hidden_states=torch.zeros(1, text, config.joint_attention_dim, device=device, dtype=dtype),
            timestep=t,
            img_shapes=[[(1, rows, columns)] * images],
            return_dict=False,
        )[0]

    return call


def _host_variant(network: Any) -> str | None:
    layered = getattr(getattr(network, "time_text_embed", None), "use_additional_t_cond", False)
    return f"the layered variant of {type(network).__name__}" if layered else None


BACKBONE = Backbone(
    name="qwen-image",
    library="diffusers",
    class_name="QwenImageTransformer2DModel",
    template=QWEN_IMAGE,
    projection="img_in",
    # The matrices of attention and MLP in both streams; modulation, norms and the ends of the network are left alone.
    lora_targets=(
        "attn.to_q",
        "attn.to_k",
        "attn.to_v",
        "attn.to_out.0",
        "attn.add_q_proj",
        "attn.add_k_proj",
        "attn.add_v_proj",
        "attn.to_add_out",
        "img_mlp.net.0.proj",
        "img_mlp.net.2",
        "txt_mlp.net.0.proj",
        "txt_mlp.net.2",
    ),
    lora_loader="QwenImageLoraLoaderMixin",
    injection=DepthInjection,
    velocity=velocity,
    predict=predict,
    predictor=guided_by_prompt(predict, guide),
    set_steps=set_steps,
    cost_call=cost_call,
    # How diffusers' pipelines of Qwen-Image and Qwen-Image-Edit draw.
    published=Published("QwenImage", {"default_size": 1024, "rescale_guidance": True}),
    host=Host(
        class_name="QwenImageTransformer2DModel",
        projection="img_in",
        clip="qwen25_7b",
        clip_words="Qwen-Image's Qwen2.5-VL, from Load CLIP with type qwen_image",
        # As the core's templates have it.
        settings={
            "Qwen-Image": SamplerSettings(20, 2.5, 3.1),
            "Qwen-Image Lightning": SamplerSettings(4, 1.0, 3.1),
        },
        variant=_host_variant,
    ),
    pack=pack,
    unpack=unpack,
    rescales=True,
    concatenates=True,
    controlnets=True,
    states=LayoutStates(last_states, token_grid),
    check=_check,
)
