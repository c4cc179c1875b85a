"""Stage 1: the spatial side learns depth of the image to come, with the multimodal LLM and the diffusion model frozen.

Notable:
- The loss on the flow's state is plain L2 (anything robust would bias its modes); a robust loss acts only on the detail
  that the state does not carry. The field of view has a weight of its own and is noised like the state.
- Where a record's camera is unknown, its metres are canonical depth times an unknown factor. Then neither the field of
  view nor canonical depth is learnt from it; validity is, and the depth's detail, which a factor does not change: in
  logarithms it is a shift, and detail has no mean. As input such a sample has the camera that was made up for it, with
  which its depth is one that might be.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from ..defaults import depth_settings
from ..errors import InputError
from ..geometry.geometry import Geometry
from ..model.config import SpatialFusionConfig
from ..model.context import SemanticContext
from ..model.depth_head import block_average, block_expand, detail
from ..model.flow import add_noise, draw_times, loss_weight
from ..model.model import FILE_NAME, SpatialFusionModel
from ..model.state import geometry_to_state, standardise_fov
from ..model_folder import write_model_index
from ..needed import needed
from ..sheet import figure_tile, image_tile, write_sheet
from .base import Base, load_dinov2, spatial_sizes
from .config import SpatialStageConfig, TrainConfig
from .layout import LayoutHead, layouts
from .samples import Data, Example, Samples, open_data
from .source import SourceHead
from .stage import Stage, noise_bins

CHANGED = 0.1  # by so much, in the logarithm, depth has to differ to have been changed by an edit


class Stage1(Stage):
    """Text (and source image) -> metric depth, supervised by the exact depth of rendered scenes or by a teacher's."""

    name: ClassVar[str] = "stage1"
    network: ClassVar[str] = "spatial"
    unused: ClassVar[tuple[str, ...]] = ("transformer", "vae")  # parts of a published model

    def __init__(self, config: TrainConfig, run: Path, device: torch.device):
        super().__init__(config, run, device)
        self.options: SpatialStageConfig = getattr(config, self.name)
        self.folder = run / "model"
        self.base = Base(config, run, device, self.load_device, self.unused)
        is_new = not (self.folder / FILE_NAME).exists()
        self.model = self.build(is_new)
        # As in the pipeline: diffusion transformers take latents with even sides.
        self.data, self.validation = open_data(config, run, self.name, 2 * self.model.config.latent_stride)
        self.encoder = self.base.encoder(self.model.config)
        parts: dict[str, nn.Module] = {"spatial": self.model}
        self.layout_head: LayoutHead | None = None
        if self.options.layout_weight:
            parts["layout"] = self.layout_head = LayoutHead(self.model.config.hidden_size).to(device)
        self.source_head: SourceHead | None = None
        if self.options.source_weight:
            features = self.model.source_encoder.config.hidden_size
            parts["source"] = self.source_head = SourceHead(features, self.model.config.patch_size).to(device)
        self.trained: nn.Module = nn.ModuleDict(parts)
        # The stage `diffusion` leaves a file whose spatial side is new.
        if not self.model.spatial_transformer.calibrated:
            texts = [self.encoder.readable(text) for text in self.data.captions(64)]
            self.model.spatial_transformer.calibrate(self.encoder.encode(texts))

    def build(self, is_new: bool) -> SpatialFusionModel:
        """The model of run/model, or a new one with the sizes of the configuration and of the base."""
        if not is_new:
            model = SpatialFusionModel.load(self.folder, self.device)
            if model.config.backbone != self.base.backbone.name:
                raise InputError(
                    f"{self.folder / FILE_NAME} was trained for {model.config.backbone}, but the base is "
                    f"{self.base.backbone.name}: use another run folder."
                )
            wanted = self.config.model.spatial.llm_layers
            if model.config.llm_layers != wanted:
                raise InputError(
                    f"model.spatial.llm_layers = {wanted} differs from {model.config.llm_layers}, with which "
                    f"{self.folder / FILE_NAME} was trained: set it so, or start stage1 without that file."
                )
            out_of_mapping(model)
        else:
            config = spatial_config(self.config) if self.base.own else self.base.spatial_config(self.config)
            model = SpatialFusionModel(config).to(self.device)
            if self.config.model.spatial.dinov2 is not None:
                load_dinov2(model, self.config.model.spatial.dinov2)
        return model.requires_grad_(True).train()

    def frozen(self) -> list[nn.Module]:
        return [self.encoder.text_encoder.model]

    def transformers(self) -> list[nn.Module]:
        return [self.model.source_encoder, self.model.spatial_transformer]

    def __len__(self) -> int:
        return len(self.data)

    def indices(self, step: int, places: range) -> list[Any] | None:
        return self.data.indices(step, places)

    def batch(self, indices: list[Any], generators: list[torch.Generator]) -> dict[str, Any]:
        return self.make_batch(self.data.load(indices, generators), generators)

    def make_batch(self, samples: Samples, generators: list[torch.Generator]) -> dict[str, Any]:
        """Samples with all that is drawn for the loss."""
        image_size = samples.geometry.height, samples.geometry.width
        size = self.model.state_shape(*image_size)
        y, u = self.clean(samples.geometry)
        batch: dict[str, Any] = {
            "texts": samples.texts,
            "answers": samples.answers,
            "y": y,
            "u": u,
            "has_camera": samples.has_camera,
            "t": draw_times(generators, self.options.terminal_fraction, self.options.time_shift),
            "noise": torch.stack([torch.randn(2, *size, generator=g) for g in generators]),
            "noise_u": torch.stack([torch.randn((), generator=g) for g in generators]),
            "edits": samples.edits,
            "sources": samples.sources,
        }
        if self.options.layout_weight:
            batch["layout"] = layouts(needed(samples.scenes), *self.model.config.grid(*image_size))
        if self.options.change_weight != 1 and samples.source_geometry is not None:
            share = changed_share(samples.geometry[samples.edits], samples.source_geometry, size)
            batch["weights"] = torch.ones(len(samples.texts), *size)
            batch["weights"][samples.edits] += (self.options.change_weight - 1) * share
        if self.options.source_weight and samples.source_geometry is not None:
            batch["source_y"], batch["source_u"] = self.clean(samples.source_geometry)
        if self.options.kv_noise:
            # The noise itself is drawn when the tokens are counted.
            batch["kv_seeds"] = [int(torch.randint(2**62, (), generator=g)) for g in generators]
        return batch

    def clean(self, geometry: Geometry) -> tuple[Tensor, Tensor]:
        """The depth to learn, at the size at which it is drawn [B, 2, H, W], and the standardised field of view [B]."""
        image_size = geometry.height, geometry.width
        size, factor = self.model.state_shape(*image_size), self.model.detail_factor(*image_size)
        # The state's cells are squares of pixels only where the image's sides allow it; elsewhere depth is stretched,
        # as it is when it is drawn.
        geometry = geometry.resize(factor * size[0], factor * size[1])
        y, u = geometry_to_state(geometry, self.model.config)
        return y, standardise_fov(u, self.model.config)

    def loss(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        losses, metrics, _ = self.depth_loss(batch, self.encode_noised(batch))
        return losses, metrics

    def encode(self, batch: dict[str, Any]) -> SemanticContext:
        """One prefill of the frozen LLM; where the prompt is dropped the image stays, as in the unconditional one."""
        return self.encoder.encode(*self.prompts(batch), allow_empty=True, answers=batch.get("answers"))

    def prompts(self, batch: dict[str, Any]) -> tuple[list[str], list[list[Tensor]]]:
        """What the LLM reads: a text and the images of each sample."""
        images: list[list[Tensor]] = [[] for _ in batch["texts"]]
        for i, source in zip(batch["edits"], batch["sources"]):
            images[i] = [source.cpu()]
        return [self.encoder.readable(text) for text in batch["texts"]], images

    def encode_noised(self, batch: dict[str, Any]) -> SemanticContext:
        """What is trained on: `encode` with noise on keys and values, if there is to be any."""
        context = self.encode(batch)
        if not self.options.kv_noise:
            return context
        generators = [torch.Generator().manual_seed(seed) for seed in batch["kv_seeds"]]
        return context.with_noise(self.options.kv_noise, generators)

    def depth_loss(
        self, batch: dict[str, Any], context: SemanticContext
    ) -> tuple[Tensor, dict[str, Tensor], tuple[Tensor, Tensor, Tensor]]:
        """L_depth, its metrics, and the estimate (x0, standardised fov, features) that it judged."""
        y, u, t = batch["y"], batch["u"], batch["t"]
        factor = y.shape[-1] // batch["noise"].shape[-1]
        clean = block_average(y, factor)
        noisy = add_noise(clean, batch["noise"], t), add_noise(u, batch["noise_u"], t)
        features = self.model.encode_source(batch["sources"]) if batch["edits"] else None
        grids, fov_token = self.model.spatial_transformer(*noisy, t, context, *self.source(batch, features))
        estimate = self.model.depth_head(grids, fov_token, clean.shape[-2:])
        x0, u0, maps = (value.float() for value in estimate)
        channel = torch.tensor([1.0, self.options.validity_weight], device=y.device)
        known = batch["has_camera"].float()
        learnt = torch.stack([known, torch.ones_like(known)], dim=1)  # of depth and validity
        squared = (x0 - clean) ** 2
        state_error = squared.mean(dim=(2, 3))
        weighted_error = state_error
        if "weights" in batch:
            weighted_error = (squared * batch["weights"][:, None]).mean(dim=(2, 3))
        state_loss = (weighted_error * channel * learnt).sum(1)
        fov_loss = (u0 - u) ** 2 * known
        weighted = loss_weight(t) * (state_loss + self.options.fov_weight * fov_loss)
        # Detail is worth learning where the state is nearly known, and on a part of the batch: it is the costly one.
        # Every fourth sample: parts of the batch that are multiples of four choose the same ones as the whole.
        few = slice(None, None, 4)
        refined = self.model.depth_head.refine(x0[few].detach(), estimate[2][few], factor).float()
        difference = detail(refined, factor) - detail(y[few], factor)
        detail_error = (difference * detail_mask(y[few], known[few], factor)).abs().mean(dim=(1, 2, 3))
        detail_loss = ((1 - t[few]) * detail_error).mean()
        total = weighted.mean() + self.options.detail_weight * detail_loss
        layout_loss = total.new_zeros(())
        if self.layout_head is not None:
            layout_loss = self.layout_head.loss(grids[-1], batch["layout"])
        total = total + self.options.layout_weight * layout_loss
        source_loss = total.new_zeros(())
        if "source_y" in batch:
            source_loss = needed(self.source_head).loss(
                needed(features), batch["source_y"], batch["source_u"], self.options.validity_weight
            )
        total = total + self.options.source_weight * source_loss
        metrics = {
            "loss_depth": (state_error[:, 0] * known).sum() / known.sum(),
            "loss_validity": state_error[:, 1].mean(),
            "loss_fov": fov_loss.sum() / known.sum(),
            "loss_detail": detail_loss,
            "loss_layout": layout_loss,
            "loss_source": source_loss,
            # Below 0 is no bin.
            **noise_bins("loss_depth_t", state_error[:, 0], torch.where(batch["has_camera"], t, -1.0)),
        }
        return total, {k: v.detach() for k, v in metrics.items()}, (x0, u0, maps)

    def source(self, batch: dict[str, Any], features: Tensor | None) -> tuple[Tensor | None, Tensor]:
        """Features of the source images, spread over the batch, and which samples have one."""
        count = len(batch["texts"])
        has_source = torch.zeros(count, dtype=torch.bool, device=batch["t"].device)
        if features is None:
            return None, has_source
        has_source[batch["edits"]] = True
        spread = features.new_zeros(count, *features.shape[1:])
        spread[batch["edits"]] = features
        return spread, has_source

    @torch.no_grad()
    def validate(self, folder: Path, step: int) -> dict[str, float]:
        self.model.eval()
        losses = list(self._held_out_losses(self.validation)) if self.validation else []
        names = losses[0] if losses else ()
        means = {name: torch.stack([m[name] for m in losses]).nanmean().item() for name in names}
        metrics = {name: value for name, value in means.items() if not math.isnan(value)}
        examples = (self.validation or self.data).examples()
        rows = [(example.text, self.tiles(example, i)) for i, example in enumerate(examples)]
        write_sheet(folder / f"sheet-{step}.png", rows)
        self.model.train()
        return metrics

    def _held_out_losses(self, data: Data) -> Iterator[dict[str, Tensor]]:
        """What `depth_loss` tells of each chunk of the validation data."""
        seed = 7_000_000
        for indices in data.chunks():
            generators = [torch.Generator().manual_seed(seed + i) for i in range(len(indices))]
            seed += len(indices)
            # Of depth alone, also in stage 2.
            batch = Stage1.make_batch(self, data.load(indices, generators), generators)
            batch = {k: v.to(self.device) if isinstance(v, Tensor) else v for k, v in batch.items()}
            yield self.depth_loss(batch, self.encode(batch))[1]

    def tiles(self, example: Example, seed: int) -> list[Image.Image]:
        """Of a prompt the mean depth and two samples, of an edit the source and the mean; then the depth wanted."""
        contexts = self.contexts(example)
        if example.source is None:
            mean = self.draw_depth(example, contexts, [seed], 1, 1.0)
            samples = self.draw_depth(example, contexts, [seed, 100 + seed], *depth_settings(None, None, is_edit=False))
            tiles = [figure_tile(geometry) for geometry in (mean, samples[0], samples[1])]
        else:
            mean = self.draw_depth(example, contexts, [seed], *depth_settings(None, None, is_edit=True))
            tiles = [image_tile(example.source), figure_tile(mean)]
        return tiles if example.geometry is None else [*tiles, figure_tile(example.geometry)]

    def contexts(self, example: Example) -> tuple[SemanticContext, SemanticContext]:
        """Of the prompt and of the empty one, each with the source image."""
        images = [[] if example.source is None else [example.source]]
        text = self.encoder.readable(example.text)
        return self.encoder.encode([text], images), self.encoder.encode([""], images, allow_empty=True)

    def draw_depth(
        self,
        example: Example,
        contexts: tuple[SemanticContext, SemanticContext],
        seeds: list[int],
        steps: int,
        guidance: float,
    ) -> Geometry:
        """A depth for each seed."""
        context, null = (context.select([0] * len(seeds)) for context in contexts)
        source = None if example.source is None else example.source.expand(len(seeds), -1, -1, -1)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        return self.model.predict_geometry(context, example.size, generators, null, source, steps, guidance)

    def export(self, model_folder: Path) -> None:
        self.model.save(model_folder / FILE_NAME)
        if self.base.own:
            write_model_index(model_folder, default_size=self.config.data.size[0])


def detail_mask(y: Tensor, known: Tensor, factor: int) -> Tensor:
    """Where the detail of y [B, 2, H, W] may be learnt, [B, 2, H, W]: everywhere, if the camera is known [B].

    If it is not, validity's everywhere, and depth's in blocks without invalid pixels: those are filled at a canonical
    depth, so the step to them depends on the camera.
    """
    whole = block_expand((block_average(y[:, 1:], factor) == 1).float(), factor)
    depth = torch.maximum(whole, known[:, None, None, None])
    return torch.cat([depth, torch.ones_like(depth)], dim=1)


def changed_share(one: Geometry, other: Geometry, size: tuple[int, int]) -> Tensor:
    """How much of each of h x w cells [B, h, w] has another depth, by more than a tenth, or another validity."""
    apart = (one.depth.clamp_min(1e-6).log() - other.depth.clamp_min(1e-6).log()).abs() > CHANGED
    changed = torch.where(one.valid & other.valid, apart, one.valid != other.valid)
    return F.adaptive_avg_pool2d(changed.float(), size)


def out_of_mapping(model: SpatialFusionModel) -> SpatialFusionModel:
    """The model with its weights out of the file's mapping: how memory is aligned may change a product's last bit, and
    a run that goes on should not differ from one that was never stopped."""
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    return model


def spatial_config(config: TrainConfig) -> SpatialFusionConfig:
    """SpatialFusionConfig for the networks of a training configuration."""
    language, diffusion = config.model.language, config.model.diffusion
    head_dim = language.hidden_size // language.heads
    # Qwen2.5-VL's proportions of time, height and width: 16, 24, 24 of 64.
    side = head_dim // 2 * 3 // 8
    return SpatialFusionConfig(
        mllm_layers=language.layers,
        kv_heads=language.kv_heads,
        head_dim=head_dim,
        rope_theta=language.rope_theta,
        mrope_section=(head_dim // 2 - 2 * side, side, side),
        latent_channels=config.model.vae.z_dim,
        latent_stride=8,
        projection_shape=(diffusion.heads * diffusion.head_dim, 4 * config.model.vae.z_dim),
        **spatial_sizes(config),
    )
