"""At which noise levels a diffusion model is trained."""

from __future__ import annotations

import torch
from torch import Tensor

from ..backbones.qwen_image import TINY_SHIFT

UNIFORM_FRACTION = 0.1  # share of noise levels that are drawn uniformly
HIGH_NOISE_SHIFT = 4.0  # shift of the levels near pure noise: half of them are above 0.98


def draw_noise_levels(generators: list[torch.Generator], high_fraction: float = 0.0) -> Tensor:
    """Noise levels [B] in (0, 1) of training samples: logit-normal under the sampler's own shift, so mostly high noise,
    where layout is decided; some are uniform, since the last steps of a sampler are at low noise.

    high_fraction: of the levels, those near pure noise. At 0.9 large objects are still in plain sight, and captions
    need not be read to see where they are.
    """
    levels = []
    for generator in generators:
        uniform = torch.rand((), generator=generator)
        normal = torch.randn((), generator=generator)
        chosen = torch.rand((), generator=generator) < UNIFORM_FRACTION
        level = torch.where(chosen, uniform, shift_level(normal.sigmoid()))
        # Without a share nothing is drawn, so older runs go on as they were.
        if high_fraction and torch.rand((), generator=generator) < high_fraction:
            level = torch.sigmoid(normal + HIGH_NOISE_SHIFT)
        levels.append(level)
    return torch.stack(levels)


def shift_level(t: Tensor) -> Tensor:
    """The sampler's exponential time shift of t in (0, 1)."""
    return torch.sigmoid(torch.logit(t) + TINY_SHIFT)
