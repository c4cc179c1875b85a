"""The depth adapter: Geometry -> a residual with the latent's channels and grid, computed once per image.

Notable: the paper (arXiv 2604.26341) adds F = E_phi(depth) to z_t before patchify and does not describe E_phi; this one
is a small convolutional net on standardised canonical log-depth, validity and ray directions. Its last layer starts at
zero, so an untrained adapter changes nothing.

Depth leaves open which of two shapes is the red one. An adapter with `region_width` also reads what each object is,
painted where it is seen (`region_words.py`); that is ours, close to GLIGEN's grounding by text (arXiv 2301.07093).
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn

from ..geometry.geometry import Geometry
from .config import SpatialFusionConfig
from .state import geometry_to_state


class DepthAdapter(nn.Module):
    """State y at the image's size, and rays -> residual [B, residual channels, h, w]: those of depth, then those of
    region words, where the adapter reads them."""

    def __init__(self, config: SpatialFusionConfig):
        super().__init__()
        self.config = config
        hidden, stride = config.adapter_hidden, config.latent_stride
        self.patchify = nn.Conv2d(5, hidden, stride, stride=stride)
        self.blocks = nn.Sequential(*(AdapterBlock(hidden) for _ in range(3)))
        self.out = nn.Conv2d(hidden, config.latent_channels, 3, padding=1)
        for parameter in self.out.parameters():
            nn.init.zeros_(parameter)
        self.words = nn.Linear(config.region_width, config.latent_channels) if config.region_width else None

    def forward(self, y: Tensor, u: Tensor, words: Tensor | None = None) -> Tensor:
        """Residual for a state.

        Args:
            y: standardised canonical log-depth and validity [B, 2, H, W]; H and W multiples of the latent stride.
            u: log tan(hFOV / 2) [B].
            words: embeddings of what is seen, painted [B, region width, H / stride, W / stride]; zeros where nothing is
                told. None tells nothing anywhere.

        Returns:
            residual [B, residual channels, H / stride, W / stride]; zeros where the configuration injects nothing.
        """
        if self.config.injection == "none":
            # Strictly nothing, whatever the weights: the diffusion model's own changes are all that is left.
            stride = self.config.latent_stride
            return y.new_zeros(len(y), self.config.residual_channels, y.shape[-2] // stride, y.shape[-1] // stride)
        rays = ray_map(u, y.shape[-2], y.shape[-1])
        residual = self.out(self.blocks(self.patchify(torch.cat([y, rays.to(y.dtype)], dim=1))))
        if self.words is None:
            return residual
        if words is None:
            return torch.cat([residual, torch.zeros_like(residual)], dim=1)
        told = self.words(words.movedim(1, -1).to(self.words.weight.dtype)).movedim(-1, 1)
        # Where nothing is told there is nothing, not the bias.
        told = told * words.any(dim=1, keepdim=True)
        return torch.cat([residual, told.to(residual.dtype)], dim=1)

    def residual(self, geometry: Geometry, latent_size: tuple[int, int], words: Tensor | None = None) -> Tensor:
        """Residual [B, residual channels, *latent_size] for a geometry of any size; latent_size is (h, w), and `words`
        have it."""
        y, u = geometry_to_state(geometry, self.config)
        stride = self.config.latent_stride
        size = (latent_size[0] * stride, latent_size[1] * stride)
        parameter = self.out.weight
        y = nn.functional.interpolate(y.to(parameter.device), size, mode="bilinear", antialias=True)
        words = None if words is None else words.to(parameter.device)
        return self(y.to(parameter.dtype), u.to(parameter.device), words)


class AdapterBlock(nn.Module):
    """Residual 3x3 convolutions on the latent's grid."""

    def __init__(self, hidden: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.SiLU(), nn.Conv2d(hidden, hidden, 3, padding=1), nn.SiLU(), nn.Conv2d(hidden, hidden, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def ray_map(u: Tensor, height: int, width: int) -> Tensor:
    """Unit ray directions [B, 3, height, width] of a centred pinhole camera with log tan(hFOV / 2) = u [B]."""
    tan = u.float().exp()[:, None, None]
    x = (torch.arange(width, device=u.device) + 0.5) / width * 2 - 1
    y = ((torch.arange(height, device=u.device) + 0.5) / height * 2 - 1) * height / width
    x, y = x[None, None, :] * tan, y[None, :, None] * tan
    x, y = torch.broadcast_tensors(x, y)
    rays = torch.stack([x, y, torch.ones_like(x)], dim=-1)
    return rearrange(rays / rays.norm(dim=-1, keepdim=True), "b h w c -> b c h w")
