"""Stage 2: adapter, the diffusion model's input projection and a LoRA on it, and the spatial side, jointly.

Notable: L = L_diff + 0.5 L_depth (arXiv 2604.26341). The adapter is fed the spatial side's own estimate from partly
noised teacher depth: it matches the training image, shows the adapter errors like those it will meet, and is
differentiable. Where the noise leaves nothing of the layout the estimate is a mean that contradicts the image, and the
diffusion model would learn to ignore depth; there the adapter gets the teacher's depth.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from ..backbones import BACKBONES
from ..backbones.backbone import Backbone
from ..backbones.depth_injection import backbone_tensors, base_state_dict
from ..backbones.sampling import Draw, draw_noise
from ..defaults import depth_settings
from ..errors import InputError
from ..files import atomic_folder
from ..latents import decode_latents
from ..model.region_words import paint
from ..model.state import restore_fov
from ..model_folder import forget_origin
from ..needed import needed
from ..sheet import figure_tile, image_tile
from .config import Stage2Config, TrainConfig
from .layout import LayoutHead, covered, layouts, seen_things, thing_embeddings, weighted_error
from .noise_levels import draw_noise_levels
from .samples import Example, Samples
from .stage import noise_bins
from .stage1 import Stage1
from .transformer import SHEET_GUIDANCE, SHEET_STEPS, TEXT_MULTIPLE

# Above this much noise the estimate of the layout is a guess, and the adapter is given the teacher's depth.
TRUSTED_TIME = 0.7
ADDED_SHARE = 0.2  # of the latent that the stage `adapter` tells: what is added to it at the start


class Stage2(Stage1):
    """Depth and image together."""

    name: ClassVar[str] = "stage2"
    unused: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: TrainConfig, run: Path, device: torch.device):
        super().__init__(config, run, device)
        self.options: Stage2Config = config.stage2
        self.full = self.options.dit == "full"
        self.rank = self.options.lora_rank or self.base.lora_rank
        self.check_start()
        unread = self.model.config.injection == "none"
        concat = self.choose_injection()
        self.vae = self.base.vae()
        self.base.prepare_latents(self.vae, self.data)
        self.transformer = self.base.transformer()
        backbone = self.base.backbone
        self.delta = backbone.load_backbone_tensors(self.transformer, self.model.backbone_tensors)
        if unread and self.options.injection == "add":
            # What the stage `adapter` taught it is as large as the latent, and would be taken for a part of it.
            scale(self.model.adapter.out, ADDED_SHARE)
        self.transformer.requires_grad_(self.full)
        parts: dict[str, nn.Module] = dict(self.trained.named_children())
        # A diffusion model that learns itself needs no delta of what it has, but columns for depth.
        if self.delta is None and (concat or not self.full):
            features = self.model.config.residual_features(backbone.projection_of(self.transformer).in_features)
            self.delta = backbone.projection_delta(self.transformer, features if concat else 0)
            if concat and not self.model.adapter.out.weight.any():
                # The columns start at zero. Were the adapter's output zero as well, neither would ever get a
                # gradient through the other.
                self.model.adapter.out.reset_parameters()
        if self.delta is not None:
            # Beside a base of fewer bits; small steps would be lost in theirs.
            parts["delta"] = self.delta.float().requires_grad_(True)
        if self.full:
            parts["transformer"] = self.transformer
        else:
            if not has_lora(self.model.backbone_tensors):
                backbone.add_lora(self.transformer, self.rank)
            parts["lora"] = lora_layers(self.transformer).float().requires_grad_(True)
        if self.options.image_layout_weight:
            if backbone.states is None:
                known = names_of(lambda other: other.states is not None)
                raise InputError(
                    f"stage2.image_layout_weight must be 0: it is for {known} alone, and this base is {backbone.name}."
                )
            parts["image_layout"] = self.image_layout = LayoutHead(self.transformer.inner_dim).to(device)
        self.trained = nn.ModuleDict(parts)
        # The run's own transformer always read its text so.
        self.text_options = {"text_multiple": TEXT_MULTIPLE} if self.base.own else {}

    def check_start(self) -> None:
        """Raise InputError for a model whose changes of the diffusion model could not be trained on as asked."""
        if not self.model.backbone_tensors:
            return
        rank, lora = self.model.config.lora_rank, has_lora(self.model.backbone_tensors)
        if self.full and lora:
            raise InputError(
                f"stage2.dit = full trains the diffusion model itself, but {self.folder} has a LoRA of it: set "
                "stage2.dit=lora or start from a model without."
            )
        if lora and self.rank != rank:
            raise InputError(
                f"stage2.lora_rank = {self.rank} differs from {rank}, with which {self.folder} was "
                f"trained: set stage2.lora_rank={rank} or start from a model that has not been through stage 2."
            )

    def choose_injection(self) -> bool:
        """Let the model have the injection that is asked for; whether it is concat.

        Raises:
            InputError: when the model was trained with another one, or the backbone does not have it.
        """
        asked, config = self.options.injection, self.model.config
        if asked == "concat" and not self.base.backbone.concatenates:
            known = names_of(lambda other: other.concatenates)
            raise InputError(
                f"stage2.injection = concat is for {known} alone, and this base is {config.backbone}: "
                "expected add or none."
            )
        if asked != config.injection and self.model.backbone_tensors:
            raise InputError(
                f"stage2.injection = {asked} differs from {config.injection}, with which {self.folder} was trained: "
                f"set stage2.injection={config.injection} or start from a model that has not been through stage 2."
            )
        config.injection = asked
        return asked == "concat"

    def frozen(self) -> list[nn.Module]:
        return super().frozen() + ([] if self.full else [self.transformer])

    def transformers(self) -> list[nn.Module]:
        return [*super().transformers(), self.transformer]

    def make_batch(self, samples: Samples, generators: list[torch.Generator]) -> dict[str, Any]:
        batch = super().make_batch(samples, generators)
        shape = needed(samples.latents).shape[1:]
        batch["latents"] = samples.latents
        batch["reference_latents"] = samples.source_latents
        # For every base with the shift of the tiny model's sampler, e^1.15 = 3.16; OmniGen2's at a megapixel is 3.2.
        batch["level"] = draw_noise_levels(generators, self.options.high_noise_fraction)
        if self.options.image_layout_weight:
            batch["image_layout"] = layouts(needed(samples.scenes), shape[1] // 2, shape[2] // 2)
        if self.options.image_object_weight != 1:
            batch["cells"] = covered(needed(samples.scenes), *shape[1:])
        batch["latent_noise"] = torch.stack([torch.randn(shape, generator=g) for g in generators])
        kept = torch.stack([torch.rand((), generator=g) for g in generators]) >= self.options.depth_dropout
        # Depth of an unknown camera may be far from that of the image; the diffusion model would learn to mistrust it.
        batch["has_depth"] = kept & samples.has_camera
        if self.model.config.region_width and samples.scenes is not None:
            batch["seen"] = seen_things(layouts(samples.scenes, shape[1] // 2, shape[2] // 2))
        return batch

    @functools.cached_property
    def thing_embeddings(self) -> Tensor:
        return thing_embeddings(self.encoder).to(self.device)

    def loss(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        context = self.encode_noised(batch)
        learnt = list(range(0, len(batch["level"]), self.options.depth_every))
        depth_batch, depth_context = batch, context
        if self.options.depth_every > 1:
            depth_batch, depth_context = depth_samples(batch, learnt), context.select(learnt)
        depth_loss, metrics, estimate = self.depth_loss(depth_batch, depth_context)
        residual = self.residual(batch, learnt, estimate)
        level = batch["level"]
        s = level[:, None, None, None]
        noisy = (1 - s) * batch["latents"] + s * batch["latent_noise"]
        target = batch["latent_noise"] - batch["latents"]
        count, edits = len(level), batch["edits"]
        plain = [i for i in range(count) if i not in set(edits)]
        maps = torch.zeros(count, *target.shape[2:], device=level.device)
        layout_losses: list[Tensor] = []
        loss = self.options.depth_weight * depth_loss
        passes = [(plain, []), (edits, [batch["reference_latents"]])]
        if self.config.shard > 1 and self.base.backbone.one_call_per_layout:
            # It is called once for each layout of a prompt; processes that share it have to call it equally often.
            sources = dict(zip(edits, batch["reference_latents"].split(1)))
            passes = [([i], [sources[i]] if i in sources else []) for i in range(count)]
        for (rows, references), runs in zip(passes, self.anywhere([bool(rows) for rows, _ in passes])):
            if not runs:
                continue
            counts = bool(rows)
            if not counts:
                # Another process has such samples, and this one has to run the shared transformer with it.
                rows, references = [0], [batch["latents"][:1] for _ in references]
            with (
                self.base.backbone.inject(self.transformer, residual[rows], self.delta),
                self.told_layout() as states,
            ):
                v = self.base.backbone.predict(
                    self.transformer, noisy[rows], references, level[rows], context.select(rows), **self.text_options
                )
            if counts:
                maps[rows] = ((v - target[rows]) ** 2).mean(dim=1)
                if states is not None:
                    grid = needed(self.base.backbone.states).grid(states, noisy[rows])
                    told = self.image_layout.loss(grid, batch["image_layout"][rows])
                    layout_losses.append(len(rows) / count * told)
            else:
                loss = loss + 0 * v.mean()
        errors = maps.mean(dim=(1, 2))
        loss = weighted_error(maps, batch, self.options.image_object_weight) + loss
        if layout_losses:
            layout_loss = torch.stack(layout_losses).sum()
            loss = loss + self.options.image_layout_weight * layout_loss
            metrics["loss_image_layout"] = layout_loss.detach()
        metrics["loss_diffusion"] = errors.mean().detach()
        metrics["residual_rms"] = residual.detach().float().square().mean().sqrt()
        return loss, {**metrics, **noise_bins("loss_t", errors.detach(), level)}

    def told_layout(self) -> AbstractContextManager[list[Tensor] | None]:
        """Collects what the diffusion model's layout is told from; None if it is not to be told."""
        if not self.options.image_layout_weight:
            return nullcontext()
        return needed(self.base.backbone.states).collect(self.transformer)

    def residual(self, batch: dict[str, Any], learnt: list[int], estimate: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Depth residual [B, C, h, w] of every sample; zero where depth is dropped.

        learnt: the samples of which there is an estimate (x0, standardised fov, features); others get the teacher's.
        """
        x0, u0, features = estimate
        factor = batch["y"].shape[-1] // x0.shape[-1]
        trusted = (batch["t"][learnt] < TRUSTED_TIME).float()
        mix = trusted[:, None, None, None]
        y, u = batch["y"].clone(), batch["u"].clone()
        y[learnt] = mix * self.model.depth_head.refine(x0, features, factor).float() + (1 - mix) * y[learnt]
        u[learnt] = trusted * u0 + (1 - trusted) * u[learnt]
        stride = self.model.config.latent_stride
        size = tuple(stride * side for side in batch["latents"].shape[-2:])
        if y.shape[-2:] != size:
            y = F.interpolate(y, size, mode="bilinear", antialias=True)
        words = None
        if "seen" in batch:
            # Region words stand beside exact depth, as when an image is drawn: in every other of those samples.
            exact = sorted(set(range(len(y))) - set(learnt))[::2]
            told = torch.zeros_like(batch["seen"])
            told[exact] = batch["seen"][exact]
            words = paint(told, self.thing_embeddings)
        residual = self.model.adapter(y, restore_fov(u, self.model.config), words).float()
        return residual * batch["has_depth"].float()[:, None, None, None]

    def tiles(self, example: Example, seed: int) -> list[Image.Image]:
        """The source, if there is one, depth, the image without it and with it; then the image wanted."""
        contexts = self.contexts(example)
        geometry = self.draw_depth(example, contexts, [seed], *depth_settings(None, None, example.source is not None))
        references = [] if example.source is None else [self.base.encode(self.vae, example.source[None])]
        config = self.model.config
        height, width = (side // config.latent_stride for side in example.size)
        residual = self.model.adapter.residual(geometry, (height, width))
        tiles = [] if example.source is None else [image_tile(example.source)]
        tiles.append(figure_tile(geometry))
        for injection in (None, self.base.backbone.inject(self.transformer, residual, self.delta)):
            draw = Draw(
                *contexts,
                references,
                draw_noise([torch.Generator().manual_seed(seed)], (config.latent_channels, height, width)),
                SHEET_STEPS,
                SHEET_GUIDANCE if self.base.guided else 1.0,
                injection,
            )
            latents = self.base.backbone.sample_latents(self.transformer, self.base.scheduler(), draw)
            tiles.append(image_tile(decode_latents(self.vae, latents.to(next(self.vae.parameters()).dtype))[0].float()))
        return tiles if example.image is None else [*tiles, image_tile(example.image)]

    def export(self, model_folder: Path) -> None:
        self.model.backbone_tensors = backbone_tensors(self.transformer, self.delta)
        ranks = [tensor.shape[0] for name, tensor in self.model.backbone_tensors.items() if ".lora_A." in name]
        self.model.config.lora_rank = ranks[0] if ranks else 0
        if self.delta is not None:
            out_features, in_features = self.delta.weight.shape
            self.model.config.projection_shape = (out_features, in_features)
        super().export(model_folder)
        if self.full:
            with atomic_folder(model_folder / "transformer") as temporary:
                self.transformer.save_pretrained(
                    temporary, state_dict=base_state_dict(self.transformer), safe_serialization=True
                )
                forget_origin(temporary)


def names_of(fits: Callable[[Backbone], bool]) -> str:
    """The backbones that do."""
    return " and ".join(backbone.name for backbone in BACKBONES if fits(backbone))


def has_lora(tensors: dict[str, Tensor]) -> bool:
    """Whether a checkpoint's changes of the diffusion model hold a LoRA."""
    return any(name.startswith("lora.") for name in tensors)


def depth_samples(batch: dict[str, Any], rows: list[int]) -> dict[str, Any]:
    """What Stage1.depth_loss reads, of some samples of a batch."""
    names = {"y", "u", "t", "noise", "noise_u", "has_camera", "layout", "weights"}
    part: dict[str, Any] = {name: batch[name][rows] for name in names & batch.keys()}
    part["texts"] = [batch["texts"][row] for row in rows]
    edits = [i for i, row in enumerate(batch["edits"]) if row in rows]
    part["edits"] = [rows.index(batch["edits"][i]) for i in edits]
    part["sources"] = batch["sources"][edits]
    if "source_y" in batch and edits:
        part["source_y"], part["source_u"] = batch["source_y"][edits], batch["source_u"][edits]
    return part


@torch.no_grad()
def scale(layer: nn.Module, factor: float) -> None:
    """Scale what a linear layer or a convolution puts out."""
    for parameter in layer.parameters():
        parameter.mul_(factor)


def lora_layers(transformer: nn.Module) -> nn.Module:
    """Our LoRA's linears as one module; names of submodules cannot have dots."""
    layers = {
        name.replace(".", "-"): module
        for name, module in transformer.named_modules()
        if isinstance(module, nn.Linear) and ".lora_" in name
    }
    return nn.ModuleDict(layers)
