"""The stage `diffusion`: the tiny diffusion transformer, text to image and editing, from scratch on rendered images.

Notable:
- Depth is there from the start, and in the whole network: for `depth_fraction` of the samples the exact depth of the
  image goes through the depth adapter and is concatenated to the noisy latent, which is what columns of the input
  projection amount to. Without depth the columns add zero, so strength 0 is this network on captions alone.
- A part of these samples is also told what each object is, painted where it is seen: see region_words.py.
- Flow matching on cached latents, v = noise - x0. Each batch holds text-to-image and editing samples in a fixed ratio;
  the two go through the network apart, because only one has reference tokens.
- Captions are drawn anew for every sample and read by the frozen multimodal LLM during training.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.distributed as dist
from diffusers import QwenImageTransformer2DModel
from torch import Tensor, nn
from torch.nn import functional

from ..backbones.autoencoder_2d import Autoencoder2D
from ..backbones.qwen_image import BACKBONE, last_states, pack, tiny_scheduler, token_grid, velocity
from ..backbones.sampling import Draw, draw_noise
from ..data.rendered import RenderedScenes
from ..errors import InputError
from ..files import atomic_folder, weights_digest
from ..geometry.geometry import Geometry
from ..latents import decode_latents, encode_latents, load_vae
from ..model.config import SpatialFusionConfig
from ..model.context import PromptEncoder
from ..model.depth_adapter import DepthAdapter
from ..model.model import FILE_NAME, SpatialFusionModel
from ..model.region_words import paint
from ..model.state import geometry_to_state
from ..model_folder import forget_origin, write_model_index
from ..progress import progress_bar
from ..scenes.captions import plain_caption
from ..scenes.edits import instruction
from ..sheet import figure_tile, image_tile, write_sheet
from ..train.config import DiffusionConfig, DiffusionStageConfig, MixConfig, TrainConfig
from ..train.data_stage import data_folders
from ..train.layout import LayoutHead, layouts, object_cells, seen_things, thing_embeddings, weighted_error
from ..train.noise_levels import draw_noise_levels, shift_level
from ..train.samples import draw_caption
from ..train.stage import Stage, noise_bins
from ..train.stage1 import out_of_mapping, spatial_config
from ..train.transformer import (
    SHEET_GUIDANCE,
    SHEET_STEPS,
    TEXT_MULTIPLE,
    load_transformer,
    matrices_and_rest,
    prepare_for_training,
)

TEXT_GROUPS = 3  # calls of the network, each for texts of like length; on a GPU one would be faster
SHEET_SCENES = 12
SHEET_EDITS = 4


class DiffusionStage(Stage):
    """Trains the diffusion transformer; autoencoder and multimodal LLM are frozen."""

    name: ClassVar[str] = "diffusion"
    network: ClassVar[str] = "diffusion"

    def __init__(self, config: TrainConfig, run: Path, device: torch.device):
        super().__init__(config, run, device)
        self.options: DiffusionStageConfig = config.diffusion
        self.folder = run / "model"
        train, validation = data_folders(config, run)
        self.data, self.validation_data = RenderedScenes(train), RenderedScenes(validation)
        self._check_parts()
        self.vae, self.latents = cached_latents(run, self.data, device)
        _, self.validation_latents = cached_latents(run, self.validation_data, device)
        self.encoder = PromptEncoder.load(self.folder, 1, self.load_device)
        width = self.encoder.text_encoder.config.text_config.hidden_size
        if config.init is not None and (self.folder / "transformer").is_dir():
            self.transformer = load_transformer(self.folder, device)
        else:
            self.transformer = new_transformer(config.model.diffusion, config.model.vae.z_dim, width).to(device)
            prepare_for_training(self.transformer, device)
        if device.type == "cpu":
            self.encoder.text_encoder.set_attn_implementation("eager")
        self.model = self._spatial_side()
        self.adapter = self.model.adapter.requires_grad_(True)
        self._read_regions()
        self.columns = DepthColumns(self.transformer, self.model.config).to(device)
        self._take_depth()
        parts: dict[str, nn.Module] = {
            "transformer": self.transformer,
            "adapter": self.adapter,
            "columns": self.columns,
        }
        if self.options.layout_weight:
            parts["layout"] = self.layout_head = LayoutHead(self.transformer.inner_dim).to(device)
        self.trained: nn.ModuleDict = nn.ModuleDict(parts)
        self.text_multiple = 1

    def _spatial_side(self) -> SpatialFusionModel:
        """The run's own, or a new one that stage 1 goes on from. Of it this stage trains the depth adapter alone."""
        if (self.folder / FILE_NAME).exists():
            return out_of_mapping(SpatialFusionModel.load(self.folder, self.device))
        model = SpatialFusionModel(spatial_config(self.config)).to(self.device)
        # The columns start at zero. Were the adapter's output zero as well, neither would get a gradient.
        model.adapter.out.reset_parameters()
        return model

    def _read_regions(self) -> None:
        """Let the adapter read region words, if it is to and does not yet."""
        config = self.model.config
        if self.options.region_fraction and not config.region_width:
            width = self.encoder.text_encoder.config.get_text_config().hidden_size
            self.model.config = replace(config, injection="concat", region_width=width)
            depth = self.adapter.state_dict()
            self.model.adapter = DepthAdapter(self.model.config).to(self.device)
            self.model.adapter.load_state_dict(depth, strict=False)
            self.adapter = self.model.adapter.requires_grad_(True)

    def _take_depth(self) -> None:
        """Go on from the columns for depth that the model has."""
        weight = self.model.backbone_tensors.get("projection.weight")
        inputs = self.transformer.img_in.in_features
        if weight is not None and weight.shape[1] > inputs:
            known = weight[:, inputs:]
            self.columns.weight.data[:, : known.shape[1]] = known

    def _check_parts(self) -> None:
        """Raise InputError if no part of a batch would have an edit, though edits are asked for."""
        options, ranks = self.options, dist.get_world_size() if dist.is_initialized() else 1
        size = options.batch // (options.accumulate * ranks)
        if self.data.edits and options.edit_fraction > 0 and round(options.edit_fraction * size) == 0:
            raise InputError(
                f"diffusion.batch = {options.batch} in accumulate x processes = {options.accumulate} x {ranks} parts "
                f"leaves {size} samples a part, of which edit_fraction = {options.edit_fraction} is no edit: expected "
                f"at least {math.floor(0.5 / options.edit_fraction) + 1} samples a part, or edit_fraction=0."
            )

    def __len__(self) -> int:
        return len(self.data)

    def frozen(self) -> list[nn.Module]:
        return [self.encoder.text_encoder.model]

    def transformers(self) -> list[nn.Module]:
        return [self.transformer]

    def batch(self, indices: list[int], generators: list[torch.Generator]) -> dict[str, Any]:
        """Samples; the last ones, `edit_fraction` of them (rounded), are edits, so that every part of a batch has the
        same shapes."""
        edits = round(self.options.edit_fraction * len(indices)) if self.data.edits else 0
        samples = draw_samples(
            self.data,
            self.latents,
            indices,
            edits,
            generators,
            self.config.data.mix,
            high_noise_fraction=self.options.high_noise_fraction,
            depth_fraction=self.options.depth_fraction,
            region_fraction=self.options.region_fraction,
        )
        samples["y"], samples["u"] = geometry_to_state(self.data.geometry(samples["targets"]), self.model.config)
        if self.options.layout_weight or self.options.object_weight != 1:
            samples["layout"] = self.layouts[samples["targets"]].long()
            samples["cells"] = object_cells(samples["layout"])
        if self.options.region_fraction:
            samples["seen"] = seen_things(self.layouts[samples["targets"]].long())
        return samples

    @functools.cached_property
    def thing_embeddings(self) -> Tensor:
        return thing_embeddings(self.encoder).to(self.device)

    @functools.cached_property
    def layouts(self) -> Tensor:
        """`layouts` of all training scenes [N, 6, h, w] uint8: drawn for each batch they take longer than the rest of
        it."""
        rows, columns = (size // 2 for size in self.latents.shape[-2:])
        parts = [self.data.scenes[i : i + 32] for i in range(0, len(self.data), 32)]
        bar = progress_bar(parts, what="lay out scenes", leave=False)
        return torch.cat([layouts(scenes, rows, columns).to(torch.uint8) for scenes in bar])

    def loss(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        with last_states(self.transformer) as states:
            maps = self.error_maps(batch)
        errors = maps.mean(dim=(1, 2))
        level, edits = batch["level"], len(batch["references"])
        plain, edited = errors.detach().split([len(errors) - edits, edits])
        metrics = {"loss_text": plain.mean(), "loss_edit": edited.mean()}
        depth = batch["has_depth"]
        # 0 / 0 is NaN: no such sample in this batch.
        metrics["loss_depth"] = (errors.detach() * depth).sum() / depth.sum()
        metrics["loss_no_depth"] = (errors.detach() * ~depth).sum() / (~depth).sum()
        loss = weighted_error(maps, batch, self.options.object_weight)
        if self.options.layout_weight:
            layout_loss = self.layout_head.loss(token_grid(states, batch["latents"]), batch["layout"])
            loss = loss + self.options.layout_weight * layout_loss
            metrics["loss_layout"] = layout_loss.detach()
        return loss, {**metrics, **noise_bins("loss_t", errors.detach(), level)}

    def error_maps(self, batch: dict[str, Any]) -> Tensor:
        """Squared error of the velocity of every sample at every cell [B, h, w], the mean over channels."""
        x0, noise, level = batch["latents"], batch["noise"], batch["level"]
        s = level[:, None, None, None]
        noisy, target = (1 - s) * x0 + s * noise, noise - x0
        plain = len(x0) - len(batch["references"])
        words = None
        if "seen" in batch:
            words = paint(batch["seen"] * batch["has_regions"][:, None, None], self.thing_embeddings)
        residual = self.adapter(batch["y"], batch["u"], words) * batch["has_depth"][:, None, None, None]
        errors = []
        # Samples come in the order of their texts' lengths: a few calls with texts of like length pad less.
        part = -(-plain // (TEXT_GROUPS if self.device.type == "cpu" else 1)) or 1
        passes: list[tuple[slice, list[Tensor], list[Tensor]]] = [
            (slice(start, min(start + part, plain)), [], []) for start in range(0, plain, part)
        ]
        for rows, references, shown in (
            *passes,
            (slice(plain, len(x0)), [batch["references"]], batch["sources"]),
        ):
            texts = batch["texts"][rows]
            if not texts:
                continue
            # The image stays where the instruction is dropped: that is how an unconditional prediction is asked for.
            context = self.encoder.encode(texts, [[image.float() / 255] for image in shown] or None, allow_empty=True)
            with self.columns.added(self.transformer, residual[rows]):
                v = velocity(
                    self.transformer,
                    noisy[rows],
                    references,
                    level[rows],
                    context.prompt_embeds,
                    context.prompt_mask,
                    self.text_multiple,
                )
            errors.append((v.float() - target[rows]).square().mean(dim=1))
        return torch.cat(errors)

    def parameter_groups(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        return matrices_and_rest(self.trained)

    def compile(self) -> None:
        # Block by block: they share one graph, and hooks on the whole transformer stay outside of it. On a CPU one
        # graph serves all lengths, so that no text is padded; on a GPU a graph for each of a few lengths is faster.
        on_cpu = self.device.type == "cpu"
        self.transformer.compile_repeated_blocks(dynamic=on_cpu)
        self.text_multiple = 1 if on_cpu else TEXT_MULTIPLE

    @torch.no_grad()
    def validate(self, folder: Path, step: int) -> dict[str, float]:
        # Sampling has its own shapes, and no gradients: not worth compiling for.
        with torch.compiler.set_stance("force_eager"):
            self.draw_sheet(folder / f"sheet-{step}.png")
            return self.validation_loss()

    def validation_loss(self) -> dict[str, float]:
        """Loss on held-out images without depth, with exact depth and with region words beside it, at fixed noise
        levels, noise and captions."""
        data, latents = self.validation_data, self.validation_latents
        mix = replace(self.config.data.mix, caption_dropout=0.0)
        result = {}
        for name, count, edits in (("text", len(data), 0), ("edit", len(data.edits), len(data.edits))):
            if not count:
                continue
            generators = [torch.Generator().manual_seed(i) for i in range(count)]
            batch = draw_samples(data, latents, list(range(count)), edits, generators, mix)
            batch["level"] = shift_level((torch.arange(count) + 0.5) / count)
            batch["y"], batch["u"] = geometry_to_state(data.geometry(batch["targets"]), self.model.config)
            batch = {k: v.to(self.device) if isinstance(v, Tensor) else v for k, v in batch.items()}
            for told in ("", "_depth", "_regions")[: 3 if self.options.region_fraction else 2]:
                batch["has_depth"] = torch.full((count,), bool(told), device=self.device)
                if told == "_regions":
                    batch["seen"] = self.seen_in(batch["targets"])
                    batch["has_regions"] = batch["has_depth"]
                result[f"loss_{name}{told}"] = self.error_maps(batch).mean().item()
        return {"loss": sum(result.values()) / len(result), **result}

    def draw_sheet(self, path: Path) -> None:
        """Held-out scenes and edits: exact depth, the image without it, with it and with region words beside it, and
        the image that was described."""
        data = self.validation_data
        images = data.images
        rows = []
        scenes = list(range(min(SHEET_SCENES, len(data))))
        texts = [plain_caption(data.scenes[i], torch.Generator().manual_seed(i)).text for i in scenes]
        edits = data.edits[:SHEET_EDITS]
        orders = [
            instruction(data.scenes[source], edit, torch.Generator().manual_seed(i))
            for i, (source, _, edit) in enumerate(edits)
        ]
        for prompts, targets, sources in (
            (texts, scenes, None),
            (orders, [target for _, target, _ in edits], [source for source, _, _ in edits]),
        ):
            if not prompts:
                continue
            geometry = data.geometry(targets)
            told: list[tuple[Geometry | None, Tensor | None]] = [(None, None), (geometry, None)]
            if self.options.region_fraction:
                told.append((geometry, paint(self.seen_in(targets), self.thing_embeddings)))
            drawn = [self.sample(prompts, sources, *depth_and_words) for depth_and_words in told]
            for i, text in enumerate(prompts):
                shown = [] if sources is None else [image_tile(images[sources[i]].float() / 255)]
                shown += [figure_tile(geometry[[i]]), *(image_tile(arm[i]) for arm in drawn)]
                rows.append((text, [*shown, image_tile(images[targets[i]].float() / 255)]))
        write_sheet(path, rows)

    def seen_in(self, targets: list[int]) -> Tensor:
        """`seen_things` of validation images."""
        rows, columns = (side // 2 for side in self.validation_latents.shape[-2:])
        return seen_things(layouts([self.validation_data.scenes[i] for i in targets], rows, columns)).to(self.device)

    def sample(
        self, texts: list[str], sources: list[int] | None, geometry: Geometry | None, words: Tensor | None = None
    ) -> Tensor:
        """Images [B, 3, H, W] in [0, 1] of prompts, or of instructions about the validation images `sources`; image i
        from the noise of seed i, with depth or without. words: painted, as the depth adapter takes them."""
        shown, references = None, []
        if sources is not None:
            shown = [[self.validation_data.images[i].float() / 255] for i in sources]
            references = [self.validation_latents[sources].float().to(self.device)]
        context = self.encoder.encode(texts, shown)
        null_context = self.encoder.encode([""] * len(texts), shown, allow_empty=True)
        channels, height, width = self.latents.shape[1:]
        injection = None
        if geometry is not None:
            residual = self.adapter.residual(geometry, (height, width), words)
            injection = BACKBONE.inject(self.transformer, residual, self.columns.delta(self.transformer))
        draw = Draw(
            context,
            null_context,
            references,
            draw_noise(
                [torch.Generator().manual_seed(seed) for seed in range(len(texts))], (channels, height, width)
            ).to(self.device),
            SHEET_STEPS,
            SHEET_GUIDANCE,
            injection,
        )
        latents = BACKBONE.sample_latents(self.transformer, tiny_scheduler(), draw)
        return decode_latents(self.vae, latents).float()

    def export(self, model_folder: Path) -> None:
        with atomic_folder(model_folder / "transformer") as temporary:
            self.transformer.save_pretrained(temporary, safe_serialization=True)
            forget_origin(temporary)
        with atomic_folder(model_folder / "scheduler") as temporary:
            tiny_scheduler().save_pretrained(temporary)
        if not self.options.depth_fraction:
            return
        delta = self.columns.delta(self.transformer)
        self.model.backbone_tensors = {f"projection.{name}": tensor for name, tensor in delta.state_dict().items()}
        out_features, in_features = delta.weight.shape
        shape = (out_features, in_features)
        self.model.config = replace(self.model.config, injection="concat", lora_rank=0, projection_shape=shape)
        self.model.save(model_folder / FILE_NAME)
        # From a planned scene it can be drawn with now; stages 1 and 2 teach it to predict depth.
        write_model_index(model_folder, default_size=self.config.data.size[0])


class DepthColumns(nn.Module):
    """The columns of the input projection that read depth, which is concatenated to the latent.

    They are the right part of a wide `projection_delta`, whose other columns and bias stay zero: what the latent itself
    is worth is learnt by the projection.
    """

    def __init__(self, transformer: QwenImageTransformer2DModel, config: SpatialFusionConfig):
        super().__init__()
        projection = transformer.img_in
        features = config.residual_features(projection.in_features)
        self.weight = nn.Parameter(torch.zeros(projection.out_features, features))

    @contextmanager
    def added(self, transformer: QwenImageTransformer2DModel, residual: Tensor) -> Iterator[None]:
        """While inside, the target's tokens are given the residual [B, C, h, w]; zeros change nothing."""
        told = functional.linear(pack(residual), self.weight)

        def add(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
            missing = output.shape[1] - told.shape[1]
            return output + functional.pad(told, (0, 0, 0, missing)).to(output.dtype)

        handle = transformer.img_in.register_forward_hook(add)
        try:
            yield
        finally:
            handle.remove()

    def delta(self, transformer: QwenImageTransformer2DModel) -> nn.Linear:
        """The same as a delta of the projection, for DepthInjection and the checkpoint."""
        delta = BACKBONE.projection_delta(transformer, self.weight.shape[1])
        with torch.no_grad():
            delta.weight[:, transformer.img_in.in_features :] = self.weight
        return delta


# Samples --------------------------------------------------------------------------------------------------------------


def draw_samples(
    data: RenderedScenes,
    latents: Tensor,
    indices: list[int],
    edits: int,
    generators: list[torch.Generator],
    mix: MixConfig,
    high_noise_fraction: float = 0.0,
    depth_fraction: float = 0.0,
    region_fraction: float = 0.0,
) -> dict[str, Any]:
    """Samples of `data`, whose normalised latents are `latents` [N, 16, h, w]; the last `edits` indices mean edits.

    Those without a source come in the order of their texts' lengths.

    Returns:
        texts and targets (the images' places in `data`): lists of B; latents, noise [B, 16, h, w]; level [B];
        has_depth and has_regions [B] bool; and of the edits' sources references [E, 16, h, w] and images [E, 3, H, W]
        uint8.
    """
    # Before the texts, which take more draws or fewer.
    shares = torch.stack([torch.rand((), generator=generator) for generator in generators])
    noise = torch.stack([torch.randn(latents.shape[1:], generator=g) for g in generators])
    level = draw_noise_levels(generators, high_noise_fraction)
    texts, targets, sources = [], [], []
    for position, (index, generator) in enumerate(zip(indices, generators, strict=True)):
        if position < len(indices) - edits:
            target, text = index, draw_caption(data.scenes[index], mix, generator).text
        else:
            source, target, edit = data.edits[index % len(data.edits)]
            sources.append(source)
            text = instruction(data.scenes[source], edit, generator)
        dropped = torch.rand((), generator=generator) < mix.caption_dropout
        texts.append("" if dropped else text)
        targets.append(target)
    plain = len(indices) - edits
    order = [*sorted(range(plain), key=lambda i: len(texts[i])), *range(plain, len(indices))]
    targets = [targets[i] for i in order]
    return {
        "texts": [texts[i] for i in order],
        "targets": targets,
        "latents": latents[targets].float(),
        "noise": noise[order],
        "level": level[order],
        "has_depth": (shares < depth_fraction)[order],
        "has_regions": (shares < depth_fraction * region_fraction)[order],
        "references": latents[sources].float(),
        "sources": data.images[sources],
    }


@torch.no_grad()
def cached_latents(run: Path, data: RenderedScenes, device: torch.device) -> tuple[Autoencoder2D, Tensor]:
    """The run's autoencoder, and normalised latents [N, 16, h, w] of all images of `data`, encoded once."""
    folder = run / "model" / "vae"
    vae = Autoencoder2D.from_video(load_vae(folder)).to(device).eval().requires_grad_(False)

    def encode(images: Tensor) -> Tensor:
        return encode_latents(vae, images.to(device)).float().cpu()

    identity = weights_digest(folder / "diffusion_pytorch_model.safetensors")
    return vae, data.latents(encode, identity)


# The network ----------------------------------------------------------------------------------------------------------


def new_transformer(sizes: DiffusionConfig, latent_channels: int, text_width: int) -> QwenImageTransformer2DModel:
    """An untrained Qwen-Image transformer of small sizes."""
    transformer = QwenImageTransformer2DModel(
        patch_size=2,
        in_channels=4 * latent_channels,
        out_channels=latent_channels,
        num_layers=sizes.layers,
        attention_head_dim=sizes.head_dim,
        num_attention_heads=sizes.heads,
        joint_attention_dim=text_width,
        axes_dims_rope=tuple(sizes.axes),
    )
    zero_modulation(transformer)
    return transformer


def zero_modulation(transformer: QwenImageTransformer2DModel) -> None:
    """adaLN-zero: every block starts as the identity and the network's output at 0.

    diffusers, made for trained weights, leaves these layers random.
    """
    layers = [transformer.norm_out.linear, transformer.proj_out]
    for block in transformer.transformer_blocks:
        layers += [block.img_mod[1], block.txt_mod[1]]
    for layer in layers:
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
