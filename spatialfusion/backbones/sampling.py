"""Drawing latents step by step, whichever the diffusion transformer and the scheduler are."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor, nn

from ..errors import InputError
from .depth_injection import DepthInjection

if TYPE_CHECKING:
    from diffusers import SchedulerMixin

# A guidance scale, or what is asked for it before each step.
Guidance = float | Callable[[], float]


def draw_noise(generators: Sequence[torch.Generator], shape: tuple[int, int, int]) -> Tensor:
    """Noise [B, *shape] in fp32 on the CPU, one generator per sample."""
    return torch.stack([torch.randn(shape, generator=generator) for generator in generators])


def guidance_of(guidance: Guidance) -> float:
    """The guidance scale of the step that is about to be drawn."""
    return guidance() if callable(guidance) else guidance


def cache_context(transformer: nn.Module, name: str) -> AbstractContextManager:
    """What the calls of the network for one kind of prompt stand in, so that what diffusers' `enable_cache` keeps for
    one kind is not taken for another."""
    return transformer.cache_context(name) if hasattr(transformer, "cache_context") else nullcontext()


def set_noise_levels(scheduler: SchedulerMixin, steps: int, mu: float) -> Tensor:
    """Give a scheduler of diffusers its noise levels; return them, 1 to 0, one more than it has timesteps.

    Before the shift they are linspace(1, 1 / steps, steps), as in Qwen-Image's pipelines, where the scheduler takes
    levels; else they are its own. mu: the shift by the image's size, for a scheduler with `use_dynamic_shifting`.

    Raises:
        InputError: when the scheduler is not one of flow matching, or does not have that many steps.
    """
    config, name = scheduler.config, type(scheduler).__name__
    known = name.startswith("FlowMatch")
    if not known and not (config.get("use_flow_sigmas") and config.get("prediction_type") == "flow_prediction"):
        raise InputError(
            f"the scheduler {name} does not follow a flow: expected one named FlowMatch..., or one with "
            "use_flow_sigmas=True and prediction_type='flow_prediction'."
        )
    arguments = inspect.signature(scheduler.set_timesteps).parameters
    given: dict[str, object] = {"num_inference_steps": steps}
    if "sigmas" in arguments:
        given = {"sigmas": np.array(torch.linspace(1, 1 / steps, steps).tolist())}
    if "mu" in arguments and config.get("use_dynamic_shifting"):
        given["mu"] = mu
    try:
        scheduler.set_timesteps(**given)
    except (ValueError, AssertionError, IndexError, ZeroDivisionError) as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"the scheduler {name} refuses {steps} steps ({reason}): expected another one.") from None
    if not scheduler.sigmas.isfinite().all():
        # shift_terminal stretches the levels to its own last one, which a single level cannot be.
        raise InputError(f"steps is {steps}, which this model's noise schedule does not have: expected at least 2.")
    scheduler.set_begin_index(0)
    return scheduler.sigmas


def follow(
    scheduler: SchedulerMixin,
    latents: Tensor,
    predict: Callable[[Tensor, Tensor], Tensor],
    injection: DepthInjection | None = None,
    depth_range: tuple[float, float] = (0.0, 1.0),
    callback: Callable[[int, Tensor], None] | None = None,
    before_step: Callable[[int], None] | None = None,
) -> Tensor:
    """Follow `predict` from noise to a picture.

    Args:
        scheduler: which was given its noise levels.
        latents: noise [B, C, h, w].
        predict: (latents, noise level [B]) -> velocity noise - x0, guided, in fp32.
        injection: depth, not yet entered.
        depth_range: part of the schedule with depth: step i of n has it where start <= i / n < end.
        callback: called with (i, latents) after step i.
        before_step: called with i before it.

    Returns:
        normalised latents [B, C, h, w], float32.
    """
    timesteps = scheduler.timesteps
    steps = len(timesteps)
    if isinstance(scheduler, FlowMatchEulerDiscreteScheduler):
        levels = scheduler.sigmas.tolist()
    else:
        levels = [t / scheduler.config.num_train_timesteps for t in timesteps.tolist()]
    with injection or nullcontext():
        for i in range(steps):
            if before_step is not None:
                before_step(i)
            if injection is not None:
                injection.active = depth_range[0] <= i / steps < depth_range[1]
            t = torch.full((len(latents),), levels[i], device=latents.device)
            v = predict(latents, t)
            # From the latents without the residual: depth is in the network's input alone.
            latents = scheduler.step(v, timesteps[i], latents, return_dict=False)[0]
            if callback is not None:
                callback(i, latents)
    return latents
