"""The spatial transformer: a slim second transformer that reads the multimodal LLM through shared self-attention.

Notable: the LLM is causal and frozen and the spatial tokens stand after the prompt, so the paper's joint attention
(arXiv 2604.26341) equals attending to [cached LLM keys and values ; own keys and values]. Head width and the number of
key/value heads are the LLM's; hidden size, query heads and depth are free. Time enters through one shared adaLN
projection with a learned offset per layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .config import SpatialFusionConfig
from .context import SemanticContext


class SpatialTransformer(nn.Module):
    """Query tokens (one per patch of the depth state, one for the field of view) -> hidden states of four layers."""

    def __init__(self, config: SpatialFusionConfig, source_dim: int):
        super().__init__()
        self.config = config
        d = config.hidden_size
        full = config.state_size // config.patch_size
        self.queries = nn.Parameter(torch.randn(1, d, full, full) * 0.02)
        self.fov_query = nn.Parameter(torch.randn(1, 1, d) * 0.02)
        self.state_in = nn.Linear(2 * config.patch_size**2, d)
        self.fov_in = nn.Linear(1, d)
        self.source_in = nn.Linear(source_dim, d)
        self.source_null = nn.Parameter(torch.zeros(1, 1, d))
        self.time_in = nn.Sequential(nn.Linear(256, d), nn.SiLU(), nn.Linear(d, d))
        self.modulation = nn.Linear(d, 6 * d)
        self.layers = nn.ModuleList(SpatialLayer(config) for _ in range(config.num_layers))
        self.gradient_checkpointing = False
        self.taps = sorted({round((i + 1) * config.num_layers / 4) - 1 for i in range(4)})
        if len(self.taps) < 4:
            self.taps = [max(0, config.num_layers - 4 + i) for i in range(4)]
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(
        self, state: Tensor, fov: Tensor, t: Tensor, context: SemanticContext, source: Tensor | None, has_source: Tensor
    ) -> tuple[list[Tensor], Tensor]:
        """Run all layers once.

        Args:
            state: noisy depth state [B, 2, h, w]; h and w multiples of the patch size.
            fov: noisy standardised log tan(hFOV / 2) [B].
            t: flow time [B], 1 is pure noise.
            context: keys and values of the LLM for B prompts.
            source: features of the source image on any grid [B, C, gh, gw], or None when no sample has one.
            has_source: [B] bool; where false the learned null stands in.

        Returns:
            the grid hidden states [B, d, rows, columns] of the four tapped layers, and the last hidden state of the
            field-of-view token [B, d].
        """
        p = self.config.patch_size
        rows, columns = state.shape[-2] // p, state.shape[-1] // p
        x = self.state_in(rearrange(state, "b c (h p) (w q) -> b (h w) (c p q)", p=p, q=p))
        x = x + rearrange(_resize(self.queries, rows, columns), "b d h w -> b (h w) d")
        x = x + self._source_tokens(source, has_source, rows, columns)
        x = torch.cat([x, self.fov_query + self.fov_in(fov[:, None, None])], dim=1)

        time = self.time_in(_sinusoid(t, 256).to(x.dtype))
        context = self.readable(context)
        modulation = rearrange(self.modulation(F.silu(time)), "b (k d) -> k b 1 d", k=6)
        positions = query_positions(context.next_position, rows, columns)
        rope = rotary(positions, self.config)

        tapped = {}
        for i, layer in enumerate(self.layers):
            inputs = x, modulation, rope, context.keys[i], context.values[i], context.mask
            if self.gradient_checkpointing and torch.is_grad_enabled():
                x = checkpoint(layer, *inputs, use_reentrant=False)
            else:
                x = layer(*inputs)
            if i in self.taps:
                tapped[i] = x
        grids = [rearrange(tapped[i][:, :-1], "b (h w) d -> b d h w", h=rows) for i in self.taps]
        return grids, x[:, -1]

    def readable(self, context: SemanticContext) -> SemanticContext:
        """What of the LLM is read: all of it, or without layers to read none of its tokens, nor how many they were."""
        if self.config.llm_layers != "none":
            return context
        keys, values = (tuple(x[:, :, :0] for x in tensors) for tensors in (context.keys, context.values))
        start = torch.zeros_like(context.next_position)
        return replace(context, keys=keys, values=values, mask=context.mask[:, :0], next_position=start)

    @torch.no_grad()
    def calibrate(self, context: SemanticContext) -> None:
        """Scale the LLM's keys and values to unit root mean square, per layer and head, as a starting point.

        The LLM's raw keys have no norm of their own (Qwen2.5's are large), our own keys have; without this the first
        softmax would be one-hot. Data-dependent, done once before training; the scales are learned from there.
        """
        weight = context.mask[:, None, :, None].float()
        layers: Iterable[Any] = self.layers  # a ModuleList does not say of what
        for layer, keys, values in zip(layers, context.keys, context.values, strict=True):
            for scale, tensor in ((layer.key_scale, keys), (layer.value_scale, values)):
                count = weight.sum() * tensor.shape[-1]
                rms = ((tensor.float() ** 2 * weight).sum(dim=(0, 2, 3)) / count).sqrt()
                scale.copy_(1 / rms.clamp_min(1e-6))

    @property
    def calibrated(self) -> bool:
        """Whether `calibrate` was called; the scales start at one."""
        layers: Iterable[Any] = self.layers  # a ModuleList does not say of what
        return any(bool((layer.key_scale != 1).any()) for layer in layers)

    def _source_tokens(self, source: Tensor | None, has_source: Tensor, rows: int, columns: int) -> Tensor:
        if source is None:
            return self.source_null
        tokens = self.source_in(rearrange(_resize(source, rows, columns), "b c h w -> b (h w) c"))
        return torch.where(has_source[:, None, None], tokens, self.source_null)


class SpatialLayer(nn.Module):
    """Pre-norm transformer layer whose self-attention is joint with one layer of the LLM."""

    def __init__(self, config: SpatialFusionConfig):
        super().__init__()
        d, hd = config.hidden_size, config.head_dim
        self.head_dim = hd
        self.norm_attn = nn.LayerNorm(d, elementwise_affine=False, eps=1e-6)
        self.to_q = nn.Linear(d, config.num_heads * hd, bias=False)
        self.to_k = nn.Linear(d, config.kv_heads * hd, bias=False)
        self.to_v = nn.Linear(d, config.kv_heads * hd, bias=False)
        self.to_out = nn.Linear(config.num_heads * hd, d)
        self.norm_q = nn.RMSNorm(hd, eps=1e-6)
        self.norm_k = nn.RMSNorm(hd, eps=1e-6)
        self.key_scale = nn.Parameter(torch.ones(config.kv_heads))
        self.value_scale = nn.Parameter(torch.ones(config.kv_heads))
        self.norm_mlp = nn.LayerNorm(d, elementwise_affine=False, eps=1e-6)
        inner = int(d * config.mlp_ratio)
        self.mlp = nn.Sequential(nn.Linear(d, inner), nn.GELU(approximate="tanh"), nn.Linear(inner, d))
        # The residual branches start at zero through their gates: offsets of (shift, scale, gate) x 2, gates at 0.
        self.modulation_offset = nn.Parameter(torch.zeros(6, 1, 1, d))

    def forward(
        self, x: Tensor, modulation: Tensor, rope: tuple[Tensor, Tensor], keys: Tensor, values: Tensor, mask: Tensor
    ) -> Tensor:
        """One layer: x [B, N, d]; keys, values [B, Hkv, T, head_dim] of the LLM; mask [B, T] of its valid tokens."""
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = modulation + self.modulation_offset
        h = self.norm_attn(x) * (1 + scale_a) + shift_a
        x = x + gate_a * self.attend(h, rope, keys, values, mask)
        h = self.norm_mlp(x) * (1 + scale_m) + shift_m
        return x + gate_m * self.mlp(h)

    def attend(self, h: Tensor, rope: tuple[Tensor, Tensor], keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """Attention of the spatial tokens over [LLM ; spatial], the paper's shared self-attention."""
        q, k, v = (
            rearrange(project(h), "b n (h d) -> b h n d", d=self.head_dim)
            for project in (self.to_q, self.to_k, self.to_v)
        )
        q, k = apply_rotary(self.norm_q(q), rope), apply_rotary(self.norm_k(k), rope)
        keys = keys.to(k.dtype) * self.key_scale[:, None, None].to(k.dtype)
        values = values.to(v.dtype) * self.value_scale[:, None, None].to(v.dtype)
        allowed = F.pad(mask, (0, h.shape[1]), value=True)[:, None, None]
        out = F.scaled_dot_product_attention(
            q.to(v.dtype),
            torch.cat([keys, k], dim=2).to(v.dtype),
            torch.cat([values, v], dim=2),
            attn_mask=allowed,
            enable_gqa=q.shape[1] != k.shape[1],
        )
        return self.to_out(rearrange(out, "b h n d -> b n (h d)"))


def query_positions(next_position: Tensor, rows: int, columns: int) -> Tensor:
    """mRoPE positions [3, B, rows * columns + 1] of the query tokens.

    The grid stands after the prompt as one more image block of Qwen2.5-VL and Qwen3-VL (time = start, height = start +
    row, width = start + column); the field-of-view token is the text token after it.
    """
    start = next_position[:, None]
    row = torch.arange(rows, device=start.device).repeat_interleave(columns)
    column = torch.arange(columns, device=start.device).repeat(rows)
    grid = torch.stack([start.expand(-1, rows * columns), start + row, start + column])
    after = (start + max(rows, columns)).expand(3, -1, 1)
    return torch.cat([grid, after], dim=2)


def rotary(positions: Tensor, config: SpatialFusionConfig) -> tuple[Tensor, Tensor]:
    """Cosine and sine [B, 1, N, head_dim] of the multimodal LLM's mRoPE for positions [3, B, N].

    Which frequency turns with which axis: time, row, column in three chunks (Qwen2.5-VL) or in turn (Qwen3-VL).
    """
    half = config.head_dim // 2
    # As transformers rounds it: hundreds of positions later another rounding would be seen.
    inverse = 1 / config.rope_theta ** (torch.arange(half, device=positions.device, dtype=torch.float32) / half)
    angles = positions.float()[..., None] * inverse
    if config.mrope_interleaved:
        time = angles[0].clone()
        for axis in (1, 2):
            turn = slice(axis, 3 * config.mrope_section[axis], 3)
            time[..., turn] = angles[axis][..., turn]
        angles = time
    else:
        chunks = angles.split(list(config.mrope_section), dim=-1)
        angles = torch.cat([chunk[i] for i, chunk in enumerate(chunks)], dim=-1)
    angles = torch.cat([angles, angles], dim=-1)[:, None]
    return angles.cos(), angles.sin()


def apply_rotary(x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
    """Rotate x [B, H, N, head_dim] as transformers does (first half against second half), in fp32."""
    cos, sin = rope
    x = x.float()
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin


def _sinusoid(t: Tensor, size: int) -> Tensor:
    frequency = torch.exp(-math.log(10000) * torch.arange(size // 2, device=t.device) / (size // 2))
    angles = 1000 * t.float()[:, None] * frequency
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def _resize(grid: Tensor, rows: int, columns: int) -> Tensor:
    if grid.shape[-2:] == (rows, columns):
        return grid
    return F.interpolate(grid, (rows, columns), mode="bilinear", align_corners=False)
