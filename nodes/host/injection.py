"""Depth inside the host's diffusion models: given to the network's input while the host's own samplers run.

Notable:
- Nothing of the model is replaced. A wrapper around the network's call adds the residual to the target latent.
- A residual that is concatenated to it has columns of its own in the input projection. The host's layer keeps its size:
  what they make of the residual is added to the layer's output, by a hook for the time of a call.
- Projection delta and LoRA are weight patches of the host, as any LoRA is, and cost nothing while sampling. Where depth
  holds for a part only (of the schedule, of the prompts, of the image) weights cannot say so: there they are hooks on
  the modules, for the time of a call.
- One scale rules residual, delta and LoRA. In hooks it may differ from sample to sample (conditional and unconditional
  in one batch) and from token to token (a mask).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import comfy.lora
import torch
import torch.nn.functional as F
from comfy.ldm.common_dit import pad_to_patch_size
from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import WrappersMP
from einops import rearrange
from torch import Tensor, nn

from ...spatialfusion.errors import InputError
from ...spatialfusion.fitting import centre, fit_geometry
from ...spatialfusion.geometry import Geometry
from .loaded import LoadedModel

KEY = "spatialfusion"
# Noise levels of a run and of `percent_to_sigma` agree to the coarseness of the host's table of 10,000 levels.
_SIGMA_TOLERANCE = 5e-4
_TEXT_STREAM = ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out", "txt_mlp")


@dataclass(frozen=True)
class Architecture:
    """How depth enters a diffusion model of the host.

    backbone: the checkpoint's name for it. wrapper: the call that sees the latent. patch: side of a token in latent
    cells. projection: the module of the input projection. target_first: whether the image's own tokens stand before
    those of text and reference pictures where they share a sequence, or after them.
    """

    backbone: str
    wrapper: str
    patch: int
    projection: str
    target_first: bool = True


# By the class of the host's network. OmniGen2 has no wrapper around its network: there the whole model's call is
# shifted, and the shift taken off its denoised result again.
ARCHITECTURES = {
    "QwenImageTransformer2DModel": Architecture("qwen-image", WrappersMP.DIFFUSION_MODEL, 2, "img_in"),
    "OmniGen2Transformer2DModel": Architecture("omnigen2", WrappersMP.APPLY_MODEL, 2, "x_embedder", target_first=False),
}


def architecture_of(model: ModelPatcher, loaded: LoadedModel) -> Architecture:
    """How depth enters `model`; an InputError if it cannot, or if `loaded` was trained for another one."""
    network = model.model.diffusion_model
    name = type(network).__name__
    found = ARCHITECTURES.get(name)
    if found is None or getattr(getattr(network, "time_text_embed", None), "use_additional_t_cond", False):
        variant = "the layered variant of " if found else ""
        known = ", ".join(sorted({a.backbone for a in ARCHITECTURES.values()}))
        raise InputError(f"model is {variant}{name}, which depth cannot be given to: supported are {known}.")
    if found.backbone != loaded.config.backbone:
        raise InputError(
            f"model is a {found.backbone}, but the SpatialFusion checkpoint {loaded.name} was trained for "
            f"{loaded.config.backbone}: load the one that belongs to this model."
        )
    return found


def check_fit(model: ModelPatcher, loaded: LoadedModel, architecture: Architecture) -> None:
    """Raise InputError unless the checkpoint's tensors have the sizes of `model`'s modules."""
    network, patch = model.model.diffusion_model, loaded.depth_patch
    modules = dict(network.named_modules())
    wanted = {name: (b.shape[0], a.shape[1]) for name, (a, b) in patch.lora.items()}
    if patch.projection is not None:
        wanted[architecture.projection] = tuple(patch.projection[0].shape)
    for name, (outputs, inputs) in wanted.items():
        module = modules.get(name)
        found = (getattr(module, "out_features", None), getattr(module, "in_features", None))
        if module is None or (None not in found and found != (outputs, inputs)):
            size = "is missing" if module is None else f"is {found[1]} -> {found[0]}"
            raise InputError(
                f"model does not fit the SpatialFusion checkpoint {loaded.name}: {name} {size}, the checkpoint was "
                f"trained with {inputs} -> {outputs}; load the diffusion model that it belongs to."
            )


class Injection:
    """Depth for one patched MODEL; see `apply`."""

    def __init__(
        self,
        loaded: LoadedModel,
        architecture: Architecture,
        geometry: Geometry,
        strength: float,
        start: float,
        end: float,
        mask: Tensor | None,
        cond_only: bool,
    ):
        self.loaded = loaded
        self.architecture = architecture
        self.geometry = geometry
        self.strength = strength
        self.start, self.end = start, end
        self.mask = mask
        self.cond_only = cond_only
        self.holds_everywhere = start <= 0 and end >= 1 and mask is None and not cond_only
        self.run_size: tuple[int, int] | None = None  # of the latent, during a run of a sampler
        self.positive: set[Any] = set()  # the host's ids of the positive conditioning, during a run
        self.window = (math.inf, -math.inf)
        self._residuals: dict[tuple, tuple[Tensor, Tensor | None]] = {}

    def apply(self, model: ModelPatcher) -> ModelPatcher:
        """A clone of `model` that is given this depth."""
        model = model.clone()
        self.window = self._noise_levels(model)
        others = [m for m in model.get_additional_models_with_key(KEY) if m.model is not self.loaded.patch.model]
        model.set_additional_models(KEY, [*others, self.loaded.patch])
        model.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, KEY, self._around_run)
        around = self._around_network
        if self.architecture.wrapper == WrappersMP.APPLY_MODEL:
            around = self._around_model
        model.add_wrapper_with_key(self.architecture.wrapper, KEY, around)
        if self.holds_everywhere and self.strength != 0:
            model.add_patches(self._weight_patches(), self.strength)
        return model

    # Wrappers ---------------------------------------------------------------------------------------------------------

    def _around_run(self, executor: Callable, noise: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Around a whole run of a sampler: remember the latent's size, the prompts, and what the schedule is now."""
        self.run_size = tuple(noise.shape[-2:])
        conds = getattr(executor.class_obj, "conds", {}).get("positive") or []
        self.positive = {cond["uuid"] for cond in conds if "uuid" in cond}
        # A node that changes the schedule may stand behind ours.
        self.window = self._noise_levels(executor.class_obj.model_patcher)
        try:
            return executor(noise, *args, **kwargs)
        finally:
            self.run_size = None
            self.positive = set()
            self._residuals.clear()

    def _around_network(self, executor: Callable, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        network = executor.class_obj
        with self._depth(network, x, _options(args, kwargs)) as shift:
            if shift is None:
                return executor(x, *args, **kwargs)
            columns = self.loaded.depth_patch.columns
            if columns is None:
                return executor(x + shift, *args, **kwargs)
            with self._concatenated(network, shift, columns):
                return executor(x, *args, **kwargs)

    def _around_model(self, executor: Callable, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        with self._depth(executor.class_obj.diffusion_model, x, _options(args, kwargs)) as shift:
            # The model returns x - sigma v of the shifted x.
            return executor(x, *args, **kwargs) if shift is None else executor(x + shift, *args, **kwargs) - shift

    @contextmanager
    def _depth(self, network: nn.Module, x: Tensor, options: dict[str, Any]) -> Iterator[Tensor | None]:
        """Within the block `network` has what depth changes in it; yields the scaled residual, or None."""
        chunks = options.get("cond_or_uncond") or [0]
        scales = self._scales(x, chunks, options.get("uuids") or [], options.get("sigmas"))
        if scales is None:
            yield None
            return
        shift, mask = self._shift(x, scales, len(x) // len(chunks))
        with nullcontext() if self.holds_everywhere else self._hooks(network, scales, mask):
            yield shift

    @contextmanager
    def _concatenated(self, network: nn.Module, shift: Tensor, columns: Tensor) -> Iterator[None]:
        """Within the block the input projection has `columns` for the scaled residual [B, C, (1,) h, w]."""
        side = self.architecture.patch
        # Sides that are no whole number of tokens are filled up as the host fills up the latent.
        shift = pad_to_patch_size(shift if shift.ndim == 4 else shift[:, :, 0], (side, side))
        tokens = rearrange(shift, "b c (h ph) (w pw) -> b (h w) (c ph pw)", ph=side, pw=side)
        change = F.linear(tokens, _as(columns, tokens))

        def hook(_module: nn.Module, _inputs: tuple[Tensor], output: Tensor) -> Tensor:
            # The target's tokens come first; those of reference pictures stay as they are.
            return output + F.pad(_as(change, output), (0, 0, 0, output.shape[1] - change.shape[1]))

        handle = network.get_submodule(self.architecture.projection).register_forward_hook(hook)
        try:
            yield
        finally:
            handle.remove()

    def _weight_patches(self) -> dict[str, Any]:
        """Projection delta and LoRA as the host has LoRAs, by the names of the weights that they change."""
        patch, state = self.loaded.depth_patch, {}
        # On the CPU, as the host's own: those on a GPU would stay there for as long as the MODEL is cached.
        for name, (a, b) in patch.lora.items():
            state |= {f"{name}.lora_down.weight": a.cpu(), f"{name}.lora_up.weight": b.cpu()}
        if patch.projection is not None:
            weight, bias = (tensor.cpu() for tensor in patch.projection)
            state |= {f"{self.architecture.projection}.diff": weight, f"{self.architecture.projection}.diff_b": bias}
        modules = {key.rsplit(".", 2 if ".lora_" in key else 1)[0] for key in state}
        return comfy.lora.load_lora(state, {name: f"diffusion_model.{name}.weight" for name in modules})

    # What they add ----------------------------------------------------------------------------------------------------

    def _noise_levels(self, model: ModelPatcher) -> tuple[float, float]:
        """The first noise level with depth, and the first without again."""
        sampling = model.get_model_object("model_sampling")
        first = math.inf if self.start <= 0 else float(sampling.percent_to_sigma(self.start)) + _SIGMA_TOLERANCE
        last = -math.inf if self.end >= 1 else float(sampling.percent_to_sigma(self.end)) + _SIGMA_TOLERANCE
        return first, last

    def _scales(self, x: Tensor, chunks: list[int], ids: list[Any], sigmas: Tensor | None) -> Tensor | None:
        """The scale of every sample [B]; None if there is nothing to add in this call. `chunks` and `ids`: of each part
        of the batch the place of its prompt among the guider's, and the host's id of it."""
        if sigmas is not None:
            first, last = self.window
            if not last < float(sigmas.flatten()[0]) <= first:
                return None
        if self.positive and len(ids) == len(chunks):
            positive = [one in self.positive for one in ids]
        else:
            # A guider that does not call it so. The core's usual order is positive, negative.
            positive = [chunk != 1 for chunk in chunks]
        each = [0.0 if self.cond_only and not holds else self.strength for holds in positive]
        if not any(each):
            return None
        return torch.tensor(each, device=x.device).repeat_interleave(len(x) // len(chunks))

    def _shift(self, x: Tensor, scales: Tensor, batch: int) -> tuple[Tensor, Tensor | None]:
        """What is added to x [B, C, (1,) h, w], which is several times the latent's `batch`, and the mask [B, 1, h, w]
        in it."""
        size = tuple(x.shape[-2:])
        if self.run_size is not None and size != self.run_size:
            raise InputError(
                f"depth was applied to an image of {self._pixels(self.run_size)}, but the model is asked for an area "
                f"of {self._pixels(size)} in it: remove the conditioning's area, or apply depth with a mask."
            )
        channels = self.loaded.config.latent_channels
        if x.shape[1] != channels:
            raise InputError(f"the latent has {x.shape[1]} channels: this checkpoint was trained with {channels}.")
        residual, mask = self._residual(size, x.device)
        for name, tensor in (("geometry", residual), ("mask", mask)):
            if tensor is not None and len(tensor) not in (1, batch):
                raise InputError(
                    f"{name} has {len(tensor)} pictures and the latent {batch}: expected one for all, or one for each."
                )
        shift = residual.repeat(len(x) // len(residual), 1, 1, 1)
        if mask is not None:
            mask = mask.repeat(len(x) // len(mask), 1, 1, 1)
            shift = shift * mask
        shift = shift * scales[:, None, None, None]
        return (shift if x.ndim == 4 else shift[:, :, None]).to(x.dtype), mask

    def _residual(self, size: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor | None]:
        """The adapter's residual [G, C, h, w] and the mask [M, 1, h, w] at the latent's size, computed once a run."""
        key = (size, device)
        if key not in self._residuals:
            stride = self.loaded.config.latent_stride
            adapter = self.loaded.depth_patch.adapter.to(device)
            geometry = fit_geometry(self.geometry, size[0] * stride, size[1] * stride).to(device)
            mask = self.mask
            if mask is not None:
                if mask.shape[-2:] == self.geometry.depth.shape[-2:]:
                    # It was drawn on this depth: cut as it is.
                    rows, columns = centre(*mask.shape[-2:], *size)
                    mask = mask[:, rows, columns]
                mask = F.interpolate(mask[:, None].to(device), size, mode="bilinear", antialias=True).clamp(0, 1)
            self._residuals[key] = adapter.residual(geometry, size).float(), mask
        return self._residuals[key]

    def _pixels(self, size: tuple[int, int]) -> str:
        stride = self.loaded.config.latent_stride
        return f"{size[1] * stride} x {size[0] * stride} pixels"

    @contextmanager
    def _hooks(self, network: nn.Module, scales: Tensor, mask: Tensor | None) -> Iterator[None]:
        """Projection delta and LoRA on the modules of `network`, within the block."""
        patch = self.loaded.depth_patch
        per_sample = scales[:, None, None]
        per_token = None
        if mask is not None:
            side = self.architecture.patch
            per_token = F.avg_pool2d(mask, side, ceil_mode=True).flatten(2).transpose(1, 2) * per_sample
            # Text and reference pictures belong to no place of the image: they count as much as the mask covers.
            per_sample = per_sample * mask.mean((1, 2, 3))[:, None, None]

        def scale_for(tokens: int, text: bool) -> Tensor:
            missing = 0 if per_token is None else tokens - per_token.shape[1]
            if per_token is None or text or missing < 0:
                return per_sample
            others = per_sample.expand(-1, missing, -1)
            return torch.cat([per_token, others] if self.architecture.target_first else [others, per_token], dim=1)

        def add_linear(first: Tensor, second: Tensor | None, bias: Tensor | None, text: bool) -> Callable:
            def hook(_module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
                value = inputs[0]
                change = F.linear(value, _as(first, value), None if bias is None else _as(bias, value))
                if second is not None:
                    change = F.linear(change, _as(second, value))
                scale = scale_for(value.shape[1], text) if value.ndim == 3 else scales[:, None]
                return output + (scale * change).to(output.dtype)

            return hook

        handles = []
        try:
            if patch.projection is not None:
                weight, bias = patch.projection
                module = network.get_submodule(self.architecture.projection)
                handles.append(module.register_forward_hook(add_linear(weight, None, bias, False)))
            for name, (a, b) in patch.lora.items():
                text = any(part in name for part in _TEXT_STREAM)
                handles.append(network.get_submodule(name).register_forward_hook(add_linear(a, b, None, text)))
            yield
        finally:
            for handle in handles:
                handle.remove()


def _options(args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The host's transformer_options, wherever in a call they stand."""
    if isinstance(found := kwargs.get("transformer_options"), dict):
        return found
    return next((value for value in args if isinstance(value, dict)), {})


def _as(tensor: Tensor, like: Tensor) -> Tensor:
    return tensor.to(device=like.device, dtype=like.dtype)
