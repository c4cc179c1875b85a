"""Drawing latents with Euler steps, whichever the diffusion transformer is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor

from .depth_injection import DepthInjection


def draw_noise(generators: Sequence[torch.Generator], shape: tuple[int, int, int]) -> Tensor:
    """Noise [B, *shape] in fp32 on the CPU, one generator per sample."""
    return torch.stack([torch.randn(shape, generator=generator) for generator in generators])


def euler(
    scheduler: FlowMatchEulerDiscreteScheduler,
    sigmas: Tensor,
    latents: Tensor,
    predict: Callable[[Tensor, Tensor], Tensor],
    injection: DepthInjection | None = None,
    depth_range: tuple[float, float] = (0.0, 1.0),
    callback: Callable[[int, Tensor], None] | None = None,
) -> Tensor:
    """Follow `predict` from noise to a picture.

    Args:
        scheduler: which was given its noise levels `sigmas` [steps + 1], 1 to 0.
        latents: noise [B, C, h, w].
        predict: (latents, noise level [B]) -> velocity noise - x0, guided, in fp32.
        injection: depth, not yet entered.
        depth_range: part of the schedule with depth: step i of n has it where start <= i / n < end.
        callback: called with (i, latents) after step i.

    Returns:
        normalised latents [B, C, h, w], float32.
    """
    levels = sigmas.tolist()
    steps = len(levels) - 1
    with injection or nullcontext():
        for i in range(steps):
            if injection is not None:
                injection.active = depth_range[0] <= i / steps < depth_range[1]
            t = torch.full((len(latents),), levels[i], device=latents.device)
            v = predict(latents, t)
            # From the latents without the residual: depth is in the network's input alone.
            latents = scheduler.step(v, scheduler.timesteps[i], latents, return_dict=False)[0]
            if callback is not None:
                callback(i, latents)
    return latents
