"""The DPT depth head: four tapped grids of hidden states -> canonical log-depth and validity at any size.

Notable: follows Ranftl et al., "Vision Transformers for Dense Prediction" (arXiv 2103.13413), as VGGT does: reassemble
each tap to its own scale, fuse coarse to fine with residual convolutions. The output is the clean state
y = (standardised canonical log-depth, validity in [-1, 1]); the field of view comes from its own token. The flow works
on a small state x0; detail beyond its grid is added with its block average removed, so that P y_hat = x0 at every size.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .config import SpatialFusionConfig


class DepthHead(nn.Module):
    """Four grids [B, d, rows, columns] and the field-of-view token [B, d] -> clean state and field of view."""

    def __init__(self, config: SpatialFusionConfig):
        super().__init__()
        d, features = config.hidden_size, config.head_features
        self.norms = nn.ModuleList(nn.LayerNorm(d, eps=1e-6) for _ in range(4))
        self.reassemble = nn.ModuleList(
            Reassemble(d, channels, features, scale)
            for channels, scale in zip(config.head_channels, config.head_scales, strict=True)
        )
        self.fuse = nn.ModuleList(Fusion(features, has_skip=i < 3) for i in range(4))
        self.out = nn.Sequential(nn.Conv2d(features, features, 3, padding=1), nn.SiLU(), nn.Conv2d(features, 2, 1))
        self.detail = nn.Sequential(
            nn.Conv2d(features, features // 2, 3, padding=1), nn.SiLU(), nn.Conv2d(features // 2, 2, 3, padding=1)
        )
        self.norm_fov = nn.LayerNorm(d, eps=1e-6)
        self.fov = nn.Linear(d, 1)
        for last in (self.out[-1], self.detail[-1], self.fov):
            for parameter in last.parameters():
                nn.init.zeros_(parameter)

    def forward(self, grids: list[Tensor], fov_token: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        """Estimate the clean state.

        Args:
            grids: hidden states of the four taps, each [B, d, rows, columns].
            fov_token: last hidden state of the field-of-view token [B, d].
            size: (h, w) of the state.

        Returns:
            x0 [B, 2, h, w], standardised log tan(hFOV / 2) [B], and the features [B, C, h, w] that `refine` reads.
        """
        maps = [
            reassemble(norm(grid.movedim(1, -1)).movedim(-1, 1))
            for grid, norm, reassemble in zip(grids, self.norms, self.reassemble, strict=True)
        ]
        x = self.fuse[3](maps[3], None, maps[2].shape[-2:])
        x = self.fuse[2](x, maps[2], maps[1].shape[-2:])
        x = self.fuse[1](x, maps[1], maps[0].shape[-2:])
        x = self.fuse[0](x, maps[0], size)
        return self.out(x), self.fov(self.norm_fov(fov_token))[:, 0], x

    def refine(self, x0: Tensor, features: Tensor, factor: int) -> Tensor:
        """Return y_hat [B, 2, factor * h, factor * w] whose block average is exactly x0.

        Only detail is added, so the flow needs it once, after its last step, and losses on it cannot bias the flow.
        """
        if factor == 1:
            return x0
        size = (x0.shape[-2] * factor, x0.shape[-1] * factor)
        raw = F.interpolate(x0, size, mode="bilinear", align_corners=False)
        raw = raw + self.detail(F.interpolate(features, size, mode="bilinear", align_corners=False))
        return raw + block_expand(x0 - block_average(raw, factor), factor)


class Reassemble(nn.Module):
    """Tokens on their grid -> a feature map with `scale` pixels per token (above, at or below one)."""

    def __init__(self, dim: int, channels: int, features: int, scale: float):
        super().__init__()
        self.project = nn.Conv2d(dim, channels, 1) if scale <= 1 else None
        self.scale: nn.Module
        if scale > 1:
            self.scale = nn.ConvTranspose2d(dim, channels, int(scale), stride=int(scale))
        elif scale == 1:
            self.scale = nn.Identity()
        else:
            self.scale = nn.Conv2d(channels, channels, 3, stride=round(1 / scale), padding=1)
        self.to_features = nn.Conv2d(channels, features, 3, padding=1, bias=False)

    def forward(self, grid: Tensor) -> Tensor:
        if self.project is not None:
            grid = self.project(grid)
        return self.to_features(self.scale(grid))


class Fusion(nn.Module):
    """Add the skip connection through a residual unit, refine, and resample to the next scale."""

    def __init__(self, features: int, has_skip: bool):
        super().__init__()
        self.skip = ResidualUnit(features) if has_skip else None
        self.refine = ResidualUnit(features)
        self.project = nn.Conv2d(features, features, 1)

    def forward(self, x: Tensor, skip: Tensor | None, size: tuple[int, int]) -> Tensor:
        if self.skip is not None:
            x = x + self.skip(skip)
        x = self.refine(x)
        # Project before the resampling: the same result for a 1x1 convolution, at the smaller size.
        return F.interpolate(self.project(x), tuple(size), mode="bilinear", align_corners=False)


class ResidualUnit(nn.Module):
    """x + conv(silu(conv(silu(x))))."""

    def __init__(self, features: int):
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.silu(self.conv1(F.silu(x))))


def block_average(y: Tensor, factor: int) -> Tensor:
    """P of the formulation: the mean of y [B, C, H, W] over blocks of factor x factor pixels."""
    return F.avg_pool2d(y, factor) if factor > 1 else y


def block_expand(y: Tensor, factor: int) -> Tensor:
    """Repeat every pixel of y [B, C, h, w] to a block of factor x factor; P of the result is y."""
    return F.interpolate(y, scale_factor=factor, mode="nearest-exact") if factor > 1 else y


def detail(y: Tensor, factor: int) -> Tensor:
    """What the block average does not carry: y - up(P y)."""
    return y - block_expand(block_average(y, factor), factor)
