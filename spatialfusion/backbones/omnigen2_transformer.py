"""The diffusion transformer of OmniGen2 (arXiv 2506.18871), which diffusers does not have.

Written after the published code (VectorSpaceLab/OmniGen2, Apache-2.0), with its names of parameters and configuration,
so that its checkpoint loads as it is.

Notable:
- One stream, as in Lumina: text, reference images and the image are one sequence. Each passes two blocks of its own
  (the refiners) first; those of the text know no time.
- Norms before and after attention and MLP; gates go through tanh; keys and values have a third of the heads.
- Rotary positions have three axes. The n-th text token stands at (n, n, n), an image's token at (s, row, column); s is
  the text's length plus max(rows, columns) of every image before it. The image comes last.
- Prompts of unequal length: padded text is masked, and positions count each sample's own tokens. So a sample does not
  depend on what it is batched with.
- Time runs from noise (0) to the image (1), and what is predicted is image - noise. `omnigen2.velocity` turns both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.loaders import PeftAdapterMixin
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from diffusers.models.modeling_utils import ModelMixin
from einops import rearrange
from torch import Tensor, nn

from ..errors import InputError

ROPE_THETA = 10_000
MAX_REFERENCES = 5  # rows of the embedding that tells reference images apart
TIME_FEATURES = 256
MAX_TIME_CHANNELS = 1024


class OmniGen2Transformer2DModel(ModelMixin, ConfigMixin, PeftAdapterMixin):
    """OmniGen2's diffusion transformer; the defaults are the published sizes (3.97 B parameters).

    Args:
        multiple_of: the MLP's width is 4 hidden_size, rounded up to this, after `ffn_dim_multiplier` if that is given.
        axes_dim_rope: channels of a head that belong to each of the three axes; they sum to the head's.
        axes_lens: the size of the published code's table of positions. Here positions are computed, and have no end.
        text_feat_dim: width of the prompt embeddings.
        timestep_scale: what times in [0, 1] are multiplied by before they become sines and cosines.
    """

    _supports_gradient_checkpointing = True
    _no_split_modules = ("OmniGen2TransformerBlock",)
    _repeated_blocks = ("OmniGen2TransformerBlock",)
    _skip_layerwise_casting_patterns = ("x_embedder", "norm")

    @register_to_config
    def __init__(
        self,
        patch_size: int = 2,
        in_channels: int = 16,
        out_channels: int | None = None,
        hidden_size: int = 2520,
        num_layers: int = 32,
        num_refiner_layers: int = 2,
        num_attention_heads: int = 21,
        num_kv_heads: int = 7,
        multiple_of: int = 256,
        ffn_dim_multiplier: float | None = None,
        norm_eps: float = 1e-5,
        axes_dim_rope: Sequence[int] = (40, 40, 40),
        axes_lens: Sequence[int] = (10_000, 10_000, 10_000),
        text_feat_dim: int = 2048,
        timestep_scale: float = 1000.0,
    ):
        super().__init__()
        head_dim, rest = divmod(hidden_size, num_attention_heads)
        if rest or head_dim != sum(axes_dim_rope) or num_attention_heads % num_kv_heads:
            raise InputError(
                f"hidden_size {hidden_size}, num_attention_heads {num_attention_heads}, num_kv_heads {num_kv_heads} "
                f"and axes_dim_rope {tuple(axes_dim_rope)} do not fit: expected heads of sum(axes_dim_rope) channels, "
                "and query heads in whole multiples of key/value heads."
            )
        values = patch_size**2 * in_channels
        time_channels = min(hidden_size, MAX_TIME_CHANNELS)
        mlp_size = int((ffn_dim_multiplier or 1) * 4 * hidden_size)
        mlp_size = -(-mlp_size // multiple_of) * multiple_of

        def blocks(count: int, timed: bool = True) -> nn.ModuleList:
            sizes = (hidden_size, head_dim, num_attention_heads, num_kv_heads, mlp_size, norm_eps)
            return nn.ModuleList(
                OmniGen2TransformerBlock(*sizes, time_channels if timed else None) for _ in range(count)
            )

        self.x_embedder = nn.Linear(values, hidden_size)
        self.ref_image_patch_embedder = nn.Linear(values, hidden_size)
        self.image_index_embedding = nn.Parameter(0.02 * torch.randn(MAX_REFERENCES, hidden_size))
        self.time_caption_embed = TimeAndTextEmbedding(
            hidden_size, time_channels, text_feat_dim, norm_eps, timestep_scale
        )
        self.noise_refiner = blocks(num_refiner_layers)
        self.ref_image_refiner = blocks(num_refiner_layers)
        self.context_refiner = blocks(num_refiner_layers, timed=False)
        self.layers = blocks(num_layers)
        self.norm_out = Output(hidden_size, time_channels, patch_size**2 * (out_channels or in_channels))
        self.gradient_checkpointing = False

    def forward(
        self,
        hidden_states: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor,
        encoder_attention_mask: Tensor | None = None,
        reference_hidden_states: Sequence[Tensor] = (),
        return_dict: bool = True,
    ) -> Transformer2DModelOutput | tuple[Tensor]:
        """Predict image - noise.

        Args:
            hidden_states: noisy latents [B, C, h, w]; sides are multiples of the patch size.
            timestep: [B] in [0, 1]; 0 is pure noise, 1 the image.
            encoder_hidden_states: prompt embeddings [B, T, text_feat_dim], right-padded.
            encoder_attention_mask: [B, T] bool, true for tokens that count; None if all do.
            reference_hidden_states: latents of up to 5 reference images, [B, C, h', w'] each.

        Returns:
            [B, C, h, w], in a Transformer2DModelOutput or a tuple.
        """
        if len(reference_hidden_states) > MAX_REFERENCES:
            raise InputError(
                f"{len(reference_hidden_states)} reference images were given: OmniGen2 reads at most {MAX_REFERENCES}."
            )
        images = [*reference_hidden_states, hidden_states]
        grids = [self._grid(image) for image in images]
        time, text = self.time_caption_embed(timestep, encoder_hidden_states)
        text_mask = encoder_attention_mask
        count = text.shape[1]
        if text_mask is None:
            lengths = torch.full((len(text),), count, device=text.device)
        else:
            lengths = text_mask.sum(1)
        rotary = rotary_factors(positions(count, lengths, grids), self.config.axes_dim_rope)
        sizes = [count, *(rows * columns for rows, columns in grids)]
        text_rotary, *image_rotary = zip(*(factor.split(sizes, dim=1) for factor in rotary))

        for block in self.context_refiner:
            text = self._run(block, text, text_rotary, text_mask, None)
        tokens = []
        for i, reference in enumerate(reference_hidden_states):
            x = self.ref_image_patch_embedder(self._patchify(reference)) + self.image_index_embedding[i]
            # Each by itself: references first see each other, and the image, in the joint layers.
            for block in self.ref_image_refiner:
                x = self._run(block, x, image_rotary[i], None, time)
            tokens.append(x)
        x = self.x_embedder(self._patchify(hidden_states))
        for block in self.noise_refiner:
            x = self._run(block, x, image_rotary[-1], None, time)

        joint = torch.cat([text, *tokens, x], dim=1)
        mask = None if text_mask is None else F.pad(text_mask, (0, joint.shape[1] - count), value=True)
        for block in self.layers:
            joint = self._run(block, joint, rotary, mask, time)

        output = self._unpatchify(self.norm_out(joint[:, -sizes[-1] :], time), *grids[-1])
        return Transformer2DModelOutput(sample=output) if return_dict else (output,)

    def _grid(self, latents: Tensor) -> tuple[int, int]:
        height, width = latents.shape[-2:]
        p = self.config.patch_size
        if height % p or width % p:
            raise InputError(f"latents of {width} x {height} do not fit patches of {p}: expected multiples of {p}.")
        return height // p, width // p

    def _patchify(self, latents: Tensor) -> Tensor:
        p = self.config.patch_size
        return rearrange(latents, "b c (h p) (w q) -> b (h w) (p q c)", p=p, q=p)

    def _unpatchify(self, tokens: Tensor, rows: int, columns: int) -> Tensor:
        p = self.config.patch_size
        return rearrange(tokens, "b (h w) (p q c) -> b c (h p) (w q)", h=rows, w=columns, p=p, q=p)

    def _run(
        self,
        block: nn.Module,
        x: Tensor,
        rotary: tuple[Tensor, Tensor],
        mask: Tensor | None,
        time: Tensor | None,
    ) -> Tensor:
        if torch.is_grad_enabled() and self.gradient_checkpointing:
            return self._gradient_checkpointing_func(block, x, rotary, mask, time)
        return block(x, rotary, mask, time)


class OmniGen2TransformerBlock(nn.Module):
    """Attention and MLP, each between two norms; with `time_channels`, scaled and gated by the time."""

    def __init__(
        self,
        hidden: int,
        head_dim: int,
        heads: int,
        kv_heads: int,
        mlp_size: int,
        eps: float,
        time_channels: int | None,
    ):
        super().__init__()
        self.timed = time_channels is not None
        self.norm1 = nn.RMSNorm(hidden, eps) if time_channels is None else TimedNorm(hidden, time_channels, eps)
        self.attn = Attention(hidden, head_dim, heads, kv_heads)
        self.norm2 = nn.RMSNorm(hidden, eps)
        self.ffn_norm1 = nn.RMSNorm(hidden, eps)
        self.feed_forward = FeedForward(hidden, mlp_size)
        self.ffn_norm2 = nn.RMSNorm(hidden, eps)

    def forward(
        self, x: Tensor, rotary: tuple[Tensor, Tensor], mask: Tensor | None = None, time: Tensor | None = None
    ) -> Tensor:
        """x [B, S, hidden]; rotary: cosines and sines [B, S, head_dim / 2]; mask [B, S] bool; time [B, channels]."""
        if not self.timed:
            x = x + self.norm2(self.attn(self.norm1(x), rotary, mask))
            return x + self.ffn_norm2(self.feed_forward(self.ffn_norm1(x)))
        y, gate, mlp_scale, mlp_gate = self.norm1(x, time)
        x = x + gate * self.norm2(self.attn(y, rotary, mask))
        return x + mlp_gate * self.ffn_norm2(self.feed_forward(mlp_scale * self.ffn_norm1(x)))


class TimedNorm(nn.Module):
    """The norm before attention, and all four factors that the time gives a block."""

    def __init__(self, hidden: int, time_channels: int, eps: float):
        super().__init__()
        self.linear = nn.Linear(time_channels, 4 * hidden)
        self.norm = nn.RMSNorm(hidden, eps)

    def forward(self, x: Tensor, time: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The scaled norm of x [B, S, hidden], then gate, scale of the MLP and its gate, each [B, 1, hidden]."""
        scale, gate, mlp_scale, mlp_gate = self.linear(F.silu(time))[:, None].chunk(4, dim=-1)
        return self.norm(x) * (1 + scale), gate.tanh(), 1 + mlp_scale, mlp_gate.tanh()


class Attention(nn.Module):
    """Self-attention with normalised queries and keys, and fewer heads of keys and values."""

    def __init__(self, hidden: int, head_dim: int, heads: int, kv_heads: int):
        super().__init__()
        self.head_dim = head_dim
        self.groups = heads // kv_heads
        self.to_q = nn.Linear(hidden, heads * head_dim, bias=False)
        self.to_k = nn.Linear(hidden, kv_heads * head_dim, bias=False)
        self.to_v = nn.Linear(hidden, kv_heads * head_dim, bias=False)
        self.norm_q = nn.RMSNorm(head_dim, 1e-5)
        self.norm_k = nn.RMSNorm(head_dim, 1e-5)
        self.to_out = nn.ModuleList([nn.Linear(heads * head_dim, hidden, bias=False)])  # a list, for its name

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        q, k, v = (rearrange(f(x), "b s (h d) -> b h s d", d=self.head_dim) for f in (self.to_q, self.to_k, self.to_v))
        q, k = rotate(self.norm_q(q), rotary), rotate(self.norm_k(k), rotary)
        # Repeated here: with `enable_gqa` and a mask, torch has no kernel that does not hold all the scores at once.
        k, v = (y.repeat_interleave(self.groups, dim=1) for y in (k, v))
        mask = None if mask is None else mask[:, None, None]
        y = F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, mask)
        return self.to_out[0](rearrange(y, "b h s d -> b s (h d)"))


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, hidden: int, mlp_size: int):
        super().__init__()
        self.linear_1 = nn.Linear(hidden, mlp_size, bias=False)
        self.linear_2 = nn.Linear(mlp_size, hidden, bias=False)
        self.linear_3 = nn.Linear(hidden, mlp_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_2(F.silu(self.linear_1(x)) * self.linear_3(x))


class Output(nn.Module):
    """From tokens to the values of their patches, scaled by the time."""

    def __init__(self, hidden: int, time_channels: int, values: int):
        super().__init__()
        self.linear_1 = nn.Linear(time_channels, hidden)
        self.norm = nn.LayerNorm(hidden, eps=1e-6, elementwise_affine=False)
        self.linear_2 = nn.Linear(hidden, values)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        return self.linear_2(self.norm(x) * (1 + self.linear_1(F.silu(time)))[:, None])


class TimeAndTextEmbedding(nn.Module):
    """The time as channels that modulate, and the prompt embeddings at the transformer's width."""

    def __init__(self, hidden: int, time_channels: int, text_width: int, eps: float, scale: float):
        super().__init__()
        self.scale = scale
        self.timestep_embedder = TimeMlp(time_channels)
        self.caption_embedder = nn.Sequential(nn.RMSNorm(text_width, eps), nn.Linear(text_width, hidden))

    def forward(self, t: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        half = TIME_FEATURES // 2
        exponents = torch.arange(half, dtype=torch.float32, device=t.device) / half
        # In fp32 whatever the weights are: bf16 could not tell neighbouring times apart.
        angles = self.scale * t.float()[:, None] * torch.exp(-math.log(10_000) * exponents)
        features = torch.cat([angles.cos(), angles.sin()], dim=-1)
        return self.timestep_embedder(features.to(text.dtype)), self.caption_embedder(text)


class TimeMlp(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.linear_1 = nn.Linear(TIME_FEATURES, channels)
        self.linear_2 = nn.Linear(channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear_2(F.silu(self.linear_1(features)))


def positions(text_tokens: int, lengths: Tensor, grids: Sequence[tuple[int, int]]) -> Tensor:
    """Positions [B, tokens, 3] of text, then images of (rows, columns); `lengths` [B]: text tokens that count."""
    device = lengths.device
    parts = [torch.arange(text_tokens, device=device)[None, :, None].expand(len(lengths), -1, 3)]
    start = lengths
    for rows, columns in grids:
        place = torch.cartesian_prod(torch.arange(rows, device=device), torch.arange(columns, device=device))
        place = place.expand(len(lengths), -1, -1)
        parts.append(torch.cat([start[:, None, None].expand(-1, rows * columns, 1), place], dim=2))
        start = start + max(rows, columns)
    return torch.cat(parts, dim=1)


def rotary_factors(positions: Tensor, axes: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Cosines and sines [B, tokens, sum(axes) / 2], fp32, of positions [B, tokens, 3]."""
    # In fp64, as the published tables are; Apple's GPUs have none.
    dtype = torch.float32 if positions.device.type == "mps" else torch.float64
    angles = []
    for axis, channels in enumerate(axes):
        exponents = torch.arange(0, channels, 2, device=positions.device, dtype=dtype) / channels
        angles.append(positions[..., axis, None].to(dtype) * ROPE_THETA**-exponents)
    joined = torch.cat(angles, dim=-1)
    return joined.cos().float(), joined.sin().float()


def rotate(x: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
    """Turn neighbouring channels of x [B, H, S, D] by factors [B, S, D / 2]; fp32."""
    cos, sin = (factor[:, None] for factor in rotary)
    a, b = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)
