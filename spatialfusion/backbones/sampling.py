"""Drawing latents step by step, whichever the diffusion transformer and the scheduler are."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InputError
from ..model.context import SemanticContext

if TYPE_CHECKING:
    from diffusers import SchedulerMixin


class Injection(AbstractContextManager, Protocol):
    """Depth that a network is given while it is entered and `active`; see DepthInjection, and ControlNetInjection."""

    active: bool


# A guidance scale, or what is asked for it before each step.
Guidance = float | Callable[[], float]
# (latents [B, C, h, w], noise level [B]) -> velocity noise - x0 in fp32.
Predictor = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Draw:
    """What travels through sampling.

    Args:
        context: of B prompts. null_context: of the negative prompts, with the same images when editing; None or
            guidance 1 for no guidance.
        references: normalised latents of the source images [B, C, h', w'] each.
        noise: [B, C, h, w], see `draw_noise`.
        steps: of the scheduler.
        injection: depth, not yet entered; given to every call alike.
        depth_range: part of the schedule with depth: as in diffusers, step i of n has it where start <= i / n and
            (i + 1) / n <= end.
        image_guidance: how closely the image follows the source images, for a backbone that has such a guidance.
        rescale: keep the norm of the guided velocity at the prompt's own, for a backbone that can.
        callback: called with (i, latents) after step i.
        before_step: called with i before it.
    """

    context: SemanticContext
    null_context: SemanticContext | None
    references: Sequence[Tensor]
    noise: Tensor
    steps: int
    guidance: Guidance
    injection: Injection | None = None
    depth_range: tuple[float, float] = (0.0, 1.0)
    image_guidance: float = 1.0
    rescale: bool = False
    callback: Callable[[int, Tensor], None] | None = None
    before_step: Callable[[int], None] | None = None


def draw_noise(generators: Sequence[torch.Generator], shape: tuple[int, int, int]) -> Tensor:
    """Noise [B, *shape] in fp32 on the CPU, one generator per sample."""
    return torch.stack([torch.randn(shape, generator=generator) for generator in generators])


def guidance_of(guidance: Guidance) -> float:
    """The guidance scale of the step that is about to be drawn."""
    return guidance() if callable(guidance) else guidance


def cache_context(transformer: nn.Module, name: str) -> AbstractContextManager:
    """What the calls of the network for one kind of prompt stand in, so that what diffusers' `enable_cache` keeps for
    one kind is not taken for another."""
    context = getattr(transformer, "cache_context", None)
    return nullcontext() if context is None else context(name)


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


def follow(scheduler: SchedulerMixin, latents: Tensor, predict: Predictor, draw: Draw) -> Tensor:
    """Follow `predict` from noise to an image.

    Args:
        scheduler: which was given its noise levels.
        latents: noise [B, C, h, w], on the device of the network.
        predict: the guided velocity.
        draw: what of it is about depth and the callbacks.

    Returns:
        normalised latents [B, C, h, w], float32.
    """
    from diffusers import FlowMatchEulerDiscreteScheduler

    timesteps = scheduler.timesteps
    steps = len(timesteps)
    if isinstance(scheduler, FlowMatchEulerDiscreteScheduler):
        levels = scheduler.sigmas.tolist()
    else:
        levels = [t / scheduler.config.num_train_timesteps for t in timesteps.tolist()]
    start, end = draw.depth_range
    with draw.injection or nullcontext():
        for i in range(steps):
            if draw.before_step is not None:
                draw.before_step(i)
            if draw.injection is not None:
                draw.injection.active = start <= i / steps and (i + 1) / steps <= end
            t = torch.full((len(latents),), levels[i], device=latents.device)
            v = predict(latents, t)
            # From the latents without the residual: depth is in the network's input alone.
            latents = scheduler.step(v, timesteps[i], latents, return_dict=False)[0]
            if draw.callback is not None:
                draw.callback(i, latents)
    return latents


def guided_by_prompt(
    predict: Callable[..., Tensor], guide: Callable[[Tensor, Tensor, float, bool], Tensor] | None = None
) -> Callable[[nn.Module, Draw], Predictor]:
    """The usual `predictor` of a backbone: classifier-free guidance of its `predict`, with the same source images in
    both calls.

    guide: (v, null, scale, rescale) -> guided velocity; None for null + scale (v - null).
    """

    def predictor(transformer: nn.Module, draw: Draw) -> Predictor:
        def predict_guided(latents: Tensor, t: Tensor) -> Tensor:
            scale = guidance_of(draw.guidance)
            with cache_context(transformer, "cond"):
                v = predict(transformer, latents, draw.references, t, draw.context)
            if draw.null_context is None or scale == 1:
                return v
            with cache_context(transformer, "uncond"):
                null = predict(transformer, latents, draw.references, t, draw.null_context)
            return null + scale * (v - null) if guide is None else guide(v, null, scale, draw.rescale)

        return predict_guided

    return predictor


def set_steps(scheduler: SchedulerMixin, steps: int, tokens: int) -> Tensor:
    """Give `scheduler` its noise levels for an image of `tokens` target tokens, shifted as in the pipelines of FLUX and
    Qwen-Image; see `set_noise_levels`.

    The "simple" scheduler of ComfyUI picks the same 1 - i / steps from a table, to within its 1/10,000.
    """
    config = scheduler.config
    # Where a scheduler of another kind says nothing of them, these pipelines take these.
    base, most = config.get("base_shift", 0.5), config.get("max_shift", 1.15)
    first, last = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
    return set_noise_levels(scheduler, steps, base + (most - base) / (last - first) * (tokens - first))
