"""Stage 1: the spatial side learns depth of the image to come, with the multimodal LLM and the diffusion model frozen.

Notable: the loss on the flow's state is plain L2 (anything robust would bias its modes); a robust loss acts only on the
detail that the state does not carry. The field of view has a weight of its own and is noised like the state.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ..config import SpatialFusionConfig
from ..context import PromptEncoder, SemanticContext
from ..data.rendered import RenderedScenes, data_folders
from ..depth_head import block_average, detail
from ..flow import add_noise, draw_times, loss_weight
from ..geometry import Geometry
from ..model import FILE_NAME, SpatialFusionModel
from ..model_folder import write_model_index
from ..scenes.captions import caption, egocentric_caption, plain_caption
from ..scenes.edits import instruction
from ..scenes.scene import Scene
from ..sheet import figure_tile, image_tile, write_sheet
from ..state import geometry_to_state, standardise_fov
from .config import SpatialStageConfig, TrainConfig
from .stage import Stage, noise_bins

COLOR_CELLS = 4  # to a side of a token, in which a linear map tells the image's mean colour

SHEET_PROMPTS = (
    "a red car in front of a blue house",
    "a yellow chair to the left of a green table",
    "a purple ball 2 metres from the camera",
    "a pink figure behind an orange barrel",
    "a cyan cube to the right of a white cone",
    "a green dog facing left",
    "a blue mug and a red bottle",
    "a black sofa in a room",
)


class Stage1(Stage):
    """Text (and source image) -> metric depth, supervised by the exact depth of rendered scenes."""

    name: ClassVar[str] = "stage1"

    def __init__(self, config: TrainConfig, run: Path, device: torch.device):
        super().__init__(config, run, device)
        self.options: SpatialStageConfig = getattr(config, self.name)
        self.folder = run / "model"
        train, validation = data_folders(config, run)
        self.data, self.validation_data = RenderedScenes(train), RenderedScenes(validation)
        self.model = self.build()
        self.encoder = PromptEncoder.load(self.folder, self.model.config.num_layers, self.load_device)
        parts: dict[str, nn.Module] = {"spatial": self.model}
        if self.options.color_weight:
            parts["color"] = nn.Linear(self.model.config.hidden_size, 3 * COLOR_CELLS**2).to(device)
        self.trained: nn.Module = nn.ModuleDict(parts)
        if self.name == "stage1" and not (self.folder / FILE_NAME).exists():
            scenes = self.data.scenes[:64]
            texts = [caption(scene, torch.Generator().manual_seed(i)).text for i, scene in enumerate(scenes)]
            self.model.spatial_transformer.calibrate(self.encoder.encode(texts))

    def build(self) -> SpatialFusionModel:
        """The model of run/model, or a new one with the sizes of the configuration."""
        if (self.folder / FILE_NAME).exists():
            model = SpatialFusionModel.load(self.folder, self.device)
        else:
            model = SpatialFusionModel(spatial_config(self.config)).to(self.device)
        return model.requires_grad_(True).train()

    def frozen(self) -> list[nn.Module]:
        return [self.encoder.text_encoder.model]

    def transformers(self) -> list[nn.Module]:
        return [self.model.source_encoder, self.model.spatial_transformer]

    def __len__(self) -> int:
        return len(self.data) + len(self.data.edits) * self.options.edit_repeats

    def batch(self, indices: list[int], generators: list[torch.Generator]) -> dict[str, Any]:
        targets, sources, texts = [], [], []
        for index, generator in zip(indices, generators, strict=True):
            target, source, text = self.sample(index, generator)
            targets.append(target)
            sources.append(source)
            texts.append(text)
        size = self.model.state_shape(*self.data.depth.shape[-2:])
        y, u = geometry_to_state(exact_geometry(self.data, targets), self.model.config)
        edits = [i for i, source in enumerate(sources) if source is not None]
        batch = {
            "texts": texts,
            "targets": targets,
            "source_indices": sources,
            "y": y,
            "u": standardise_fov(u, self.model.config),
            "t": draw_times(generators, self.options.terminal_fraction, self.options.time_shift),
            "noise": torch.stack([torch.randn(2, *size, generator=g) for g in generators]),
            "noise_u": torch.stack([torch.randn((), generator=g) for g in generators]),
            "edits": edits,
            "sources": self.data.images[[sources[i] for i in edits]].float() / 255,
        }
        if self.options.color_weight:
            batch["images"] = self.data.images[targets]
        if self.options.kv_noise:
            # The noise itself is drawn when the tokens are counted.
            batch["kv_seeds"] = [int(torch.randint(2**62, (), generator=g)) for g in generators]
        return batch

    def sample(self, index: int, generator: torch.Generator) -> tuple[int, int | None, str]:
        """(target picture, source picture or None, prompt) of a training sample; the prompt may be dropped to ""."""
        if index < len(self.data):
            target, source, text = index, None, self.write_caption(self.data.scenes[index], generator)
        else:
            source, target, edit = self.data.edits[(index - len(self.data)) % len(self.data.edits)]
            text = instruction(self.data.scenes[source], edit, generator)
        if torch.rand((), generator=generator) < self.options.caption_dropout:
            text = ""
        return target, source, text

    def write_caption(self, scene: Scene, generator: torch.Generator) -> str:
        drawn = torch.rand((), generator=generator)
        if drawn < self.options.plain_fraction:
            return plain_caption(scene, generator).text
        if drawn >= 1 - self.options.egocentric_fraction:
            return egocentric_caption(scene, generator).text
        return caption(scene, generator).text

    def loss(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        losses, metrics, _ = self.depth_loss(batch, self.encode_noised(batch))
        return losses, metrics

    def encode(self, batch: dict[str, Any]) -> SemanticContext:
        """One prefill of the frozen LLM; where the prompt is dropped the picture stays, as in the unconditional one."""
        images: list[list[Tensor]] = [[] for _ in batch["texts"]]
        for i, source in zip(batch["edits"], batch["sources"]):
            images[i] = [source.cpu()]
        return self.encoder.encode(batch["texts"], images, allow_empty=True)

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
        grids, fov_token = self.model.spatial_transformer(*noisy, t, context, *self.source(batch))
        estimate = self.model.depth_head(grids, fov_token, clean.shape[-2:])
        x0, u0, features = (value.float() for value in estimate)
        channel = torch.tensor([1.0, self.options.validity_weight], device=y.device)
        state_error = ((x0 - clean) ** 2).mean(dim=(2, 3))
        state_loss = (state_error * channel).sum(1)
        fov_loss = (u0 - u) ** 2
        weighted = loss_weight(t) * (state_loss + self.options.fov_weight * fov_loss)
        # Detail is worth learning where the state is nearly known, and on a part of the batch: it is the costly one.
        # Every fourth sample: parts of the batch that are multiples of four choose the same ones as the whole.
        few = slice(None, None, 4)
        refined = self.model.depth_head.refine(x0[few].detach(), estimate[2][few], factor).float()
        detail_error = (detail(refined, factor) - detail(y[few], factor)).abs().mean(dim=(1, 2, 3))
        detail_loss = ((1 - t[few]) * detail_error).mean()
        total = weighted.mean() + self.options.detail_weight * detail_loss
        color_loss = self.color_loss(batch, grids[-1]) if self.options.color_weight else total.new_zeros(())
        total = total + self.options.color_weight * color_loss
        metrics = {
            "loss_depth": state_error[:, 0].mean(),
            "loss_validity": state_error[:, 1].mean(),
            "loss_fov": fov_loss.mean(),
            "loss_detail": detail_loss,
            "loss_color": color_loss,
            **noise_bins("loss_depth_t", state_error[:, 0], t),
        }
        return total, {k: v.detach() for k, v in metrics.items()}, (x0, u0, features)

    def color_loss(self, batch: dict[str, Any], grid: Tensor) -> Tensor:
        """Squared error of the image's colours, told by a linear map from the last hidden states [B, d, rows, columns].

        For training alone. Depth is blind to colour, and a caption's "red car to the left of a blue house" hardly
        changes it; the colours tell which object is meant where, and so teach the reading that depth needs, too.
        """
        told = self.trained["color"](F.layer_norm(grid.movedim(1, -1), grid.shape[1:2]))
        told = rearrange(told, "b h w (c p q) -> b c (h p) (w q)", c=3, p=COLOR_CELLS)
        images = batch["images"].float() / 127.5 - 1
        return (told.float() - F.adaptive_avg_pool2d(images, told.shape[-2:])).square().mean()

    def source(self, batch: dict[str, Any]) -> tuple[Tensor | None, Tensor]:
        """Features of the source images, spread over the batch, and which samples have one."""
        count = len(batch["texts"])
        has_source = torch.zeros(count, dtype=torch.bool, device=batch["t"].device)
        if not batch["edits"]:
            return None, has_source
        has_source[batch["edits"]] = True
        features = self.model.encode_source(batch["sources"])
        spread = features.new_zeros(count, *features.shape[1:])
        spread[batch["edits"]] = features
        return spread, has_source

    @torch.no_grad()
    def validate(self, folder: Path, step: int) -> dict[str, float]:
        self.model.eval()
        losses = []
        for start in range(0, min(len(self.validation_data), 256), 64):
            batch = self.validation_batch(list(range(start, min(start + 64, len(self.validation_data)))))
            losses.append(self.depth_loss(batch, self.encode(batch))[1])
        metrics = {name: torch.stack([m[name] for m in losses]).nanmean().item() for name in losses[0]}
        self.draw_sheet(folder / f"sheet-{step}.png")
        self.model.train()
        return metrics

    def draw_sheet(self, path: Path) -> None:
        """Fixed prompts with the mean depth and two samples; then edits with source image, sample and exact depth."""
        height, width = self.data.depth.shape[-2:]
        rows = []
        context, null = (
            self.encoder.encode(SHEET_PROMPTS),
            self.encoder.encode([""] * len(SHEET_PROMPTS), allow_empty=True),
        )

        def draw(seed: int, steps: int, guidance: float) -> Geometry:
            generators = [torch.Generator().manual_seed(seed + i) for i in range(len(SHEET_PROMPTS))]
            return self.model.predict_geometry(context, (height, width), generators, null, None, steps, guidance)

        drawn = [draw(0, 1, 1.0), draw(0, 16, 2.0), draw(100, 16, 2.0)]
        rows += [(text, [figure_tile(g[i]) for g in drawn]) for i, text in enumerate(SHEET_PROMPTS)]
        data = self.validation_data
        for i, (source, target, edit) in enumerate(data.edits[:6]):
            text = instruction(data.scenes[source], edit, torch.Generator().manual_seed(i))
            image = data.images[source].float() / 255
            context = self.encoder.encode([text], [[image]])
            null = self.encoder.encode([""], [[image]], allow_empty=True)
            generators = [torch.Generator().manual_seed(i)]
            geometry = self.model.predict_geometry(context, (height, width), generators, null, image[None], 16, 1.0)
            exact = exact_geometry(data, [target])
            rows.append((text, [image_tile(image), figure_tile(geometry), figure_tile(exact)]))
        write_sheet(path, rows)

    def validation_batch(self, indices: list[int]) -> dict[str, Any]:
        """Samples of the validation pictures with fixed captions, times and noise."""
        training, self.data = self.data, self.validation_data
        try:
            generators = [torch.Generator().manual_seed(7_000_000 + i) for i in indices]
            batch = self.batch(indices, generators)
        finally:
            self.data = training
        return {k: v.to(self.device) if isinstance(v, Tensor) else v for k, v in batch.items()}

    def export(self, model_folder: Path) -> None:
        self.model.save(model_folder / FILE_NAME)
        write_model_index(model_folder, default_size=self.config.data.size[0])


def spatial_config(config: TrainConfig) -> SpatialFusionConfig:
    """SpatialFusionConfig for the networks of a training configuration."""
    spatial, language, diffusion = config.model.spatial, config.model.language, config.model.diffusion
    head_dim = language.hidden_size // language.heads
    # Qwen2.5-VL's proportions of time, height and width: 16, 24, 24 of 64.
    side = head_dim // 2 * 3 // 8
    return SpatialFusionConfig(
        mllm_layers=language.layers,
        kv_heads=language.kv_heads,
        head_dim=head_dim,
        rope_theta=language.rope_theta,
        mrope_section=(head_dim // 2 - 2 * side, side, side),
        hidden_size=spatial.hidden_size,
        num_layers=spatial.layers,
        num_heads=spatial.heads,
        state_size=spatial.state,
        patch_size=spatial.patch,
        head_features=spatial.head_features,
        head_channels=tuple(spatial.head_channels),
        head_scales=(spatial.patch, spatial.patch / 2, spatial.patch / 4, spatial.patch / 8),
        source_encoder={
            "hidden_size": spatial.source_hidden,
            "num_hidden_layers": spatial.source_layers,
            "num_attention_heads": spatial.source_heads,
            "image_size": config.data.size[0],
            "patch_size": config.data.size[0] * spatial.patch // spatial.state,
        },
        latent_channels=config.model.vae.z_dim,
        latent_stride=8,
        projection_shape=(diffusion.heads * diffusion.head_dim, 4 * config.model.vae.z_dim),
    )


def exact_geometry(data: RenderedScenes, indices: list[int]) -> Geometry:
    """The rendered depth of some pictures, with their cameras."""
    height, width = data.depth.shape[-2:]
    depth = data.depth[indices].float()
    cameras = [data.scenes[i].camera.intrinsics(width / height) for i in indices]
    return Geometry(depth=depth, valid=depth > 0, intrinsics=torch.stack(cameras))
