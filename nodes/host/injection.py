"""Depth inside the host's diffusion models: given to the network's input while the host's own samplers run.

Notable:
- A wrapper around the model's call adds the residual to its latent and takes it off the denoised result again: the
  model returns x - sigma v, and v is then that of the shifted latent.
- A residual that is concatenated to it has columns of its own in the input projection. The host's layer keeps its size:
  what they make of the residual is added to the layer's output.
- Projection delta and LoRA are weight patches of the host, as any LoRA is, and cost nothing while sampling. Where depth
  holds for a part only (of the schedule, of the prompts, of the image) weights cannot say so: there they are added to
  the outputs of the layers.
- Outputs are added to by object patches of the host, which are idle but within a call that has depth. What a call adds
  is decided outside of the network, so that torch.compile has the network in one piece (`_Call`, `_Layer`).
- One scale rules residual, delta and LoRA. In layers it may differ from sample to sample (conditional and unconditional
  in one batch) and from token to token (a mask).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import comfy.lora
import torch
import torch.nn.functional as F
from comfy.ldm.common_dit import pad_to_patch_size
from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import WrappersMP
from einops import rearrange
from torch import Tensor

from ...spatialfusion.backbones import BACKBONES
from ...spatialfusion.backbones.backbone import Backbone, Host
from ...spatialfusion.errors import InputError
from ...spatialfusion.geometry.fitting import centre, fit_geometry
from ...spatialfusion.geometry.geometry import Geometry
from ...spatialfusion.model.region_words import RegionWords
from .loaded import LoadedModel
from .merging import keep_apart

KEY = "spatialfusion"
# Noise levels of a run and of `percent_to_sigma` agree to the coarseness of the host's table of 10,000 levels.
_SIGMA_TOLERANCE = 5e-4
_LAYERS = "spatialfusion_layers"
# The advice for a model that depth cannot be given to.
OTHER_WAY = (
    "For any model that has a depth ControlNet, leave this node out: Render Metric Depth, and its image to Apply "
    "ControlNet, does it."
)
_TEXT_STREAM = ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out", "txt_mlp")


def backbone_of(model: ModelPatcher, loaded: LoadedModel) -> Backbone:
    """How depth enters `model`; an InputError if it cannot, or if `loaded` was trained for another one."""
    network = model.model.diffusion_model
    name = type(network).__name__
    hosted = [backbone for backbone in BACKBONES if backbone.host is not None]
    found = next((backbone for backbone in hosted if backbone.host.class_name == name), None)
    variant = name if found is None else found.host.variant(network)
    if variant is not None:
        known = ", ".join(sorted(backbone.name for backbone in hosted))
        raise InputError(f"model is {variant}, which depth cannot be given to: supported are {known}. {OTHER_WAY}")
    if found.name != loaded.config.backbone:
        raise InputError(
            f"model is a {found.name}, but the SpatialFusion checkpoint {loaded.name} was trained for "
            f"{loaded.config.backbone}: load the one that belongs to this model. {OTHER_WAY}"
        )
    return found


def check_fit(model: ModelPatcher, loaded: LoadedModel, backbone: Backbone) -> None:
    """Raise InputError unless the checkpoint's tensors have the sizes of `model`'s modules."""
    network, patch = model.model.diffusion_model, loaded.depth_patch
    modules = dict(network.named_modules())
    wanted = {name: (b.shape[0], a.shape[1]) for name, (a, b) in patch.lora.items()}
    if patch.projection is not None:
        wanted[backbone.host.projection] = tuple(patch.projection[0].shape)
    for name, (outputs, inputs) in wanted.items():
        held_by, part = backbone.host.part_of(name, outputs)
        module = modules.get(held_by)
        found = (getattr(module, "out_features", None), getattr(module, "in_features", None))
        fits = None in found or (
            found[1] == inputs and (found[0] == outputs if part is None else part.stop <= found[0])
        )
        if module is None or not fits:
            size = "is missing" if module is None else f"is {found[1]} -> {found[0]}"
            raise InputError(
                f"model does not fit the SpatialFusion checkpoint {loaded.name}: {name} {size}, the checkpoint was "
                f"trained with {inputs} -> {outputs}; load the diffusion model that it belongs to. {OTHER_WAY}"
            )


class _Change(NamedTuple):
    """(A [rank, in], B [out, rank], None) of a LoRA or (weight, None, bias) of a delta, for a part of the outputs of a
    layer; None for all of them."""

    first: Tensor
    second: Tensor | None
    bias: Tensor | None
    part: slice | None = None


@dataclass(eq=False)
class _Call:
    """What the layers of the network add in one call of it.

    per_sample [B, 1, 1] and per_token [B, tokens, 1]: the scales of samples and of the target's tokens; the latter None
    where they are those of the samples. changes: by layer, what is added to its outputs. columns [B, tokens, out]: what
    the input projection makes of a concatenated residual.
    """

    per_sample: Tensor
    per_token: Tensor | None
    host: Host
    changes: dict[str, list[_Change]]
    columns: Tensor | None

    def scale(self, tokens: int, text: bool) -> Tensor:
        missing = 0 if self.per_token is None else tokens - self.per_token.shape[1]
        if self.per_token is None or text or missing < 0:
            return self.per_sample
        filled = -self.per_token.shape[1] % self.host.token_multiple
        after = missing if self.host.target_first else min(missing, filled)
        others = self.per_sample.expand(-1, missing, -1)
        return torch.cat([others[:, after:], self.per_token, others[:, :after]], dim=1)


class _Layer:
    """A layer's forward with what depth adds to its output; the forward alone while no call has depth.

    Every depth of a layer shares one of it, because torch.compile compiles again for another.
    """

    def __init__(self, forward: Callable, name: str, is_projection: bool):
        self.forward = forward
        self.name = name
        self.is_projection = is_projection
        self.text = any(part in name for part in _TEXT_STREAM)
        self.calls: list[_Call] = []

    @staticmethod
    def of(model: ModelPatcher, name: str, is_projection: bool) -> _Layer:
        """The forward of the layer `name` in the network of `model`, with the patches that others have put on it."""
        module = model.get_model_object(f"diffusion_model.{name}")
        forward = model.get_model_object(f"diffusion_model.{name}.forward")
        if isinstance(forward, _Layer):
            return forward
        # On the module, so that they are gone when it is.
        made = module.__dict__.setdefault(_LAYERS, [])
        known = next((layer for layer in made if layer.forward == forward), None)
        if known is None:
            known = _Layer(forward, name, is_projection)
            made.append(known)
        return known

    def __call__(self, value: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        output = self.forward(value, *args, **kwargs)
        for call in self.calls:
            output = self._changed(call, value, output)
        return output

    def _changed(self, call: _Call, value: Tensor, output: Tensor) -> Tensor:
        for first, second, bias, part in call.changes.get(self.name, ()):
            change = F.linear(value, _as(first, value), None if bias is None else _as(bias, value))
            if second is not None:
                change = F.linear(change, _as(second, value))
            scale = call.scale(value.shape[1], self.text) if value.ndim == 3 else call.per_sample[:, 0]
            change = (scale * change).to(output.dtype)
            if part is not None:
                change = F.pad(change, (part.start, output.shape[-1] - part.stop))
            output = output + change
        if self.is_projection and call.columns is not None:
            # The target's tokens come first; those of reference images stay as they are.
            output = output + F.pad(_as(call.columns, output), (0, 0, 0, output.shape[1] - call.columns.shape[1]))
        return output


class Injection:
    """Depth for one patched MODEL; see `apply`."""

    def __init__(
        self,
        loaded: LoadedModel,
        backbone: Backbone,
        geometry: Geometry,
        strength: float,
        start: float,
        end: float,
        mask: Tensor | None,
        cond_only: bool,
        regions: RegionWords | None = None,
    ):
        self.loaded = loaded
        self.host = backbone.host
        self.patch = backbone.patch
        self.geometry = geometry
        self.strength = strength
        self.start, self.end = start, end
        self.mask = mask
        self.cond_only = cond_only
        self.regions = regions
        self.holds_everywhere = start <= 0 and end >= 1 and mask is None and not cond_only
        self.run_size: tuple[int, int] | None = None  # of the latent, during a run of a sampler
        self.positive: set[Any] = set()  # the host's ids of the positive conditioning, during a run
        self.window = (math.inf, -math.inf)
        self.rows: list[int] | None = None  # which depths of the batch a run is about, where they are known
        self._layers: list[_Layer] = []
        self._residuals: dict[tuple, tuple[Tensor, Tensor | None]] = {}

    def apply(self, model: ModelPatcher) -> ModelPatcher:
        """A clone of `model` that is given this depth."""
        model = model.clone()
        self.window = self._noise_levels(model)
        others = [m for m in model.get_additional_models_with_key(KEY) if m.model is not self.loaded.patch.model]
        model.set_additional_models(KEY, [*others, self.loaded.patch])
        model.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, KEY, self._around_run)
        model.add_wrapper_with_key(WrappersMP.APPLY_MODEL, KEY, self._around_model)
        patches: dict[str, Any] = {}
        if self.holds_everywhere and self.strength != 0:
            patches = self._weight_patches()
            model.add_patches(patches, self.strength)
        for name in self._layer_names():
            layer = _Layer.of(model, name, name == self.host.projection)
            model.add_object_patch(f"diffusion_model.{name}.forward", layer)
            self._layers.append(layer)
        keep_apart(model, list(patches.values()), self.loaded.name)
        return model

    def _layer_names(self) -> list[str]:
        """The layers whose outputs are added to."""
        patch, projection = self.loaded.depth_patch, self.host.projection
        if self.holds_everywhere:
            return [] if patch.columns is None else [projection]
        has_projection = patch.projection is not None or patch.columns is not None
        held_by = dict.fromkeys(self._part_of(name)[0] for name in patch.lora)
        return [*([projection] if has_projection else []), *(name for name in held_by if name != projection)]

    def _part_of(self, name: str) -> tuple[str, slice | None]:
        """The host's module with our linear layer `name`, and which of its outputs are the layer's."""
        return self.host.part_of(name, len(self.loaded.depth_patch.lora[name][1]))

    # Wrappers ---------------------------------------------------------------------------------------------------------

    def _around_run(self, executor: Callable, noise: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Around a whole run of a sampler: remember the latent's size, the prompts, and what the schedule is now."""
        self.run_size = tuple(noise.shape[-2:])
        self.rows = self._rows_of(noise, args[6] if len(args) > 6 else kwargs.get("seed"))
        conds = getattr(executor.class_obj, "conds", {}).get("positive") or []
        self.positive = {cond["uuid"] for cond in conds if "uuid" in cond}
        # A node that changes the schedule may stand behind ours.
        self.window = self._noise_levels(executor.class_obj.model_patcher)
        try:
            return executor(noise, *args, **kwargs)
        finally:
            self.run_size = None
            self.rows = None
            self.positive = set()
            self._residuals.clear()

    def _around_model(self, executor: Callable, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Around one call of the model, which returns x - sigma v."""
        options = _options(args, kwargs)
        chunks = options.get("cond_or_uncond") or [0]
        scales = self._scales(x, chunks, options.get("uuids") or [], options.get("sigmas"))
        if scales is None:
            return executor(x, *args, **kwargs)
        shift, mask = self._shift(x, scales, len(x) // len(chunks))
        columns = self.loaded.depth_patch.columns
        with self._adding(scales, mask, None if columns is None else self._concatenated(shift, columns)):
            if columns is not None:
                return executor(x, *args, **kwargs)
            return executor(x + shift, *args, **kwargs) - shift

    @contextmanager
    def _adding(self, scales: Tensor, mask: Tensor | None, columns: Tensor | None) -> Iterator[None]:
        """Within the block the layers add what depth changes."""
        per_sample, per_token = scales[:, None, None], None
        if mask is not None:
            side = self.patch
            per_token = F.avg_pool2d(mask, side, ceil_mode=True).flatten(2).transpose(1, 2) * per_sample
            # Text and reference images belong to no place of the image: they count as much as the mask covers.
            per_sample = per_sample * mask.mean((1, 2, 3))[:, None, None]
        patch = self.loaded.depth_patch
        changes: dict[str, list[_Change]] = {}
        if not self.holds_everywhere:
            for name, (a, b) in patch.lora.items():
                held_by, part = self._part_of(name)
                changes.setdefault(held_by, []).append(_Change(a, b, None, part))
            if patch.projection is not None:
                weight, bias = patch.projection
                changes[self.host.projection] = [_Change(weight, None, bias)]
        call = _Call(per_sample, per_token, self.host, changes, columns)
        for layer in self._layers:
            layer.calls.append(call)
        try:
            yield
        finally:
            for layer in self._layers:
                layer.calls.remove(call)

    def _concatenated(self, shift: Tensor, columns: Tensor) -> Tensor:
        """What `columns` [out, tokens' channels] make of the scaled residual [B, C, (1,) h, w]: [B, tokens, out]."""
        side = self.patch
        # Sides that are no whole number of tokens are filled up as the host fills up the latent.
        shift = pad_to_patch_size(shift if shift.ndim == 4 else shift[:, :, 0], (side, side))
        tokens = rearrange(shift, "b c (h ph) (w pw) -> b (h w) (c ph pw)", ph=side, pw=side)
        return F.linear(tokens, _as(columns, tokens))

    def _weight_patches(self) -> dict[str, Any]:
        """Projection delta and LoRA as the host has LoRAs, by the names of the weights that they change."""
        patch, state = self.loaded.depth_patch, {}
        # On the CPU, as the host's own: those on a GPU would stay there for as long as the MODEL is cached.
        for name, (a, b) in patch.lora.items():
            state |= {f"{name}.lora_down.weight": a.cpu(), f"{name}.lora_up.weight": b.cpu()}
        if patch.projection is not None:
            weight, bias = (tensor.cpu() for tensor in patch.projection)
            state |= {f"{self.host.projection}.diff": weight, f"{self.host.projection}.diff_b": bias}
        weights: dict[str, Any] = {self.host.projection: f"diffusion_model.{self.host.projection}.weight"}
        for name in patch.lora:
            held_by, part = self._part_of(name)
            key = f"diffusion_model.{held_by}.weight"
            weights[name] = key if part is None else (key, (0, part.start, part.stop - part.start))
        return comfy.lora.load_lora(state, weights)

    def _rows_of(self, noise: Tensor, seed: int | None) -> list[int] | None:
        """Which images of the seed's batch `noise` [B, ...] is for, by the noise itself: a latent that was taken from
        a batch (`batch_index`) is given that of its place, and the host tells samplers nothing else of it.

        None where that cannot be said, such as for noise that is not drawn by a seed.
        """
        count = max(len(self.geometry), 1 if self.mask is None else len(self.mask))
        if count == 1 or not isinstance(seed, int):
            return None
        generator = torch.Generator().manual_seed(seed)
        drawn = [torch.randn(noise.shape[1:], generator=generator).to(noise.dtype) for _ in range(count)]
        rows = [next((i for i in range(count) if torch.equal(drawn[i], one)), None) for one in noise.cpu()]
        return None if None in rows else rows

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
        residual, mask = (
            tensor if tensor is None or len(tensor) == 1 or self.rows is None else tensor[self.rows]
            for tensor in self._residual(size, x.device)
        )
        for name, tensor in (("geometry", residual), ("mask", mask)):
            if tensor is not None and len(tensor) not in (1, batch):
                raise InputError(
                    f"{name} has {len(tensor)} images and the latent {batch}: expected one for all, or one for each."
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
            words = None
            if self.regions is not None:
                words = self.regions.painted(size).expand(len(geometry), -1, -1, -1)
            self._residuals[key] = adapter.residual(geometry, size, words).float(), mask
        return self._residuals[key]

    def _pixels(self, size: tuple[int, int]) -> str:
        stride = self.loaded.config.latent_stride
        return f"{size[1] * stride} x {size[0] * stride} pixels"


def _options(args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The host's transformer_options, among the positional or the named arguments of a call."""
    if isinstance(found := kwargs.get("transformer_options"), dict):
        return found
    return next((value for value in args if isinstance(value, dict)), {})


def _as(tensor: Tensor, like: Tensor) -> Tensor:
    return tensor.to(device=like.device, dtype=like.dtype)
