"""Flow matching for depth: x0-prediction on the pair (state map, field of view).

Notable: one network, two ways to read it. From pure noise at t = 1 the estimate of x0 is the conditional mean, the
regressor of the paper (`steps=1`); several Euler steps draw a sample, another seed another scene. From text alone the
mean is an empty ramp, so sampling is the default. x_t = (1 - t) x0 + t noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor

# What a denoiser returns beside its estimate, such as features.
Extra = TypeVar("Extra")
# (state [B, 2, h, w], fov [B], t [B]) -> (x0 of the state, x0 of the fov, anything else of the last call)
Denoiser = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Extra]]


def depth_generators(generators: Sequence[torch.Generator], take: bool = False) -> list[torch.Generator]:
    """Generators of the depths of images whose own noise is drawn from `generators`, CPU; one rule for all.

    The seed of a depth is the number that the image's generator draws next, which is left to it. So the noise of an
    image is the same with predicted depth, with depth that is given and without depth, and in ComfyUI's own samplers.
    Images that share a generator share that of their depths, in the same order.

    take: take the number from the generator, where no image is drawn, so that the next depth is another.
    """
    made: dict[int, torch.Generator] = {}
    for generator in generators:
        if id(generator) not in made:
            source = generator if take else torch.Generator().set_state(generator.get_state())
            made[id(generator)] = torch.Generator().manual_seed(int(torch.randint(2**62, (), generator=source)))
    return [made[id(generator)] for generator in generators]


def draw_noise(generators: list[torch.Generator], size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Noise for the state [B, 2, *size] and the field of view [B], one CPU generator per sample."""
    state = torch.stack([torch.randn(2, *size, generator=g) for g in generators])
    fov = torch.stack([torch.randn((), generator=g) for g in generators])
    return state, fov


def draw_times(generators: list[torch.Generator], terminal_fraction: float, shift: float = 0.9) -> Tensor:
    """Training times [B]: `terminal_fraction` of them at exactly 1, the rest logit-normal and leaning to high noise."""
    times = []
    for generator in generators:
        terminal = torch.rand((), generator=generator) < terminal_fraction
        t = torch.sigmoid(torch.randn((), generator=generator) + shift)
        times.append(torch.where(terminal, torch.ones(()), t))
    return torch.stack(times)


def add_noise(clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """x_t = (1 - t) x0 + t noise, with t [B] broadcast over the other dimensions."""
    t = t.view(-1, *[1] * (clean.dim() - 1))
    return (1 - t) * clean + t * noise


def loss_weight(t: Tensor) -> Tensor:
    """Weight of the x0 loss at time t: 1 / t, between the x0 loss (1) and the velocity loss (1 / t^2), capped at 5."""
    return 1 / t.clamp_min(0.2)


def schedule(steps: int, shift: float = 2.0) -> Tensor:
    """Times of an Euler sampler [steps + 1] from 1 to 0; shift > 1 spends more of them at high noise."""
    t = torch.linspace(1, 0, steps + 1)
    return shift * t / (1 + (shift - 1) * t)


def sample(
    denoise: Denoiser[Extra],
    noise: tuple[Tensor, Tensor],
    steps: int,
    callback: Callable[[int, Tensor, Tensor], None] | None = None,
    start: float = 1.0,
) -> tuple[Tensor, Tensor, Extra]:
    """Euler integration from noise (state [B, 2, h, w], fov [B]) at t = `start` to 0.

    With `start` below 1 the noise is a depth that `add_noise` has noised to that time. The number of steps is the same,
    and each step is shorter. `callback` is called after each step with its index and its estimate of the clean state
    and field of view.

    Returns:
        the last estimate of the clean state and field of view, and the third value of the last denoiser call. With
        one step this is the conditional mean.
    """
    state, fov = noise
    times = (start * schedule(steps)).tolist()
    for i, (t, following) in enumerate(pairwise(times)):
        state0, fov0, extra = denoise(state, fov, torch.full_like(fov, t))
        # dx/dt = (x_t - x0) / t; the last step lands on x0 itself.
        ratio = following / t
        state = state0 + ratio * (state - state0)
        fov = fov0 + ratio * (fov - fov0)
        if callback is not None:
            callback(i, state0, fov0)
    return state, fov, extra
