"""The stage `diffusion`: the tiny diffusion transformer, text to image and editing, from scratch on rendered pictures.

Notable:
- The base of everything later: it reads plain captions alone, as web captions are; metres, poses and frames of
  reference come with depth in stages 1 and 2.
- Flow matching on cached latents, v = noise - x0. Each batch holds text-to-image and editing samples in a fixed ratio;
  the two go through the network apart, because only one has reference tokens.
- Captions are drawn anew for every sample and read by the frozen multimodal LLM during training.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.distributed as dist
from diffusers import QwenImageTransformer2DModel
from torch import Tensor, nn

from ..backbones.autoencoder_2d import Autoencoder2D
from ..backbones.qwen_image import (
    draw_noise,
    last_states,
    sample_latents,
    tiny_scheduler,
    token_grid,
    velocity,
)
from ..context import PromptEncoder
from ..data.rendered import RenderedScenes
from ..errors import InputError
from ..files import atomic_folder, weights_digest
from ..latents import decode_latents, encode_latents, load_vae
from ..scenes.captions import plain_caption
from ..scenes.edits import instruction
from ..sheet import image_tile, write_sheet
from ..train.config import DiffusionConfig, DiffusionStageConfig, TrainConfig
from ..train.data_stage import data_folders
from ..train.layout import LayoutHead, covered, layouts, weighted_error
from ..train.noise_levels import draw_noise_levels, shift_level
from ..train.stage import Stage, noise_bins
from ..train.transformer import (
    SHEET_GUIDANCE,
    SHEET_STEPS,
    TEXT_MULTIPLE,
    load_transformer,
    matrices_and_rest,
    prepare_for_training,
)

SHEET_SEEDS = 3
SHEET_EDITS = 4
SHEET_PROMPTS = (
    "a red ball",
    "a yellow chair in a room",
    "a green tree outdoors",
    "a purple figure",
    "a red car to the left of a blue house",
    "a blue house to the left of a red car",
    "a green cube on the left and a white cone on the right",
    "a white cone on the left and a green cube on the right",
    "an orange barrel and a pink dog",
    "a black sofa and a cyan lamp in a room",
    "a blue mug to the right of a red bottle",
    "an empty room",
)


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
        self.vae, self.latents = cached_latents(config, run, self.data, device)
        _, self.validation_latents = cached_latents(config, run, self.validation_data, device)
        self.encoder = PromptEncoder.load(self.folder, 1, self.load_device)
        width = self.encoder.text_encoder.config.text_config.hidden_size
        if config.init is not None and (self.folder / "transformer").is_dir():
            self.transformer = load_transformer(self.folder, device)
        else:
            self.transformer = new_transformer(config.model.diffusion, config.model.vae.z_dim, width).to(device)
            prepare_for_training(self.transformer, device)
        if device.type == "cpu":
            self.encoder.text_encoder.set_attn_implementation("eager")
        self.trained: nn.Module = self.transformer
        if self.options.layout_weight:
            head = LayoutHead(self.transformer.inner_dim).to(device)
            self.trained = nn.ModuleDict({"transformer": self.transformer, "layout": head})
        self.text_multiple = 1

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
            caption_dropout=self.config.data.mix.caption_dropout,
            high_noise_fraction=self.options.high_noise_fraction,
        )
        if self.options.layout_weight:
            height, width = samples["latents"].shape[-2:]
            samples["layout"] = layouts([self.data.scenes[i] for i in samples["targets"]], height // 2, width // 2)
        if self.options.object_weight != 1:
            height, width = samples["latents"].shape[-2:]
            samples["cells"] = covered([self.data.scenes[i] for i in samples["targets"]], height, width)
        return samples

    def loss(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        with last_states(self.transformer) as states:
            maps = self.error_maps(batch)
        errors = maps.mean(dim=(1, 2))
        level, edits = batch["level"], len(batch["references"])
        plain, edited = errors.detach().split([len(errors) - edits, edits])
        metrics = {"loss_text": plain.mean(), "loss_edit": edited.mean()}
        loss = weighted_error(maps, batch, self.options.object_weight)
        if self.options.layout_weight:
            layout_loss = self.trained["layout"].loss(token_grid(states, batch["latents"]), batch["layout"])
            loss = loss + self.options.layout_weight * layout_loss
            metrics["loss_layout"] = layout_loss.detach()
        return loss, {**metrics, **noise_bins("loss_t", errors.detach(), level)}

    def error_maps(self, batch: dict[str, Any]) -> Tensor:
        """Squared error of the velocity of every sample at every cell [B, h, w], the mean over channels."""
        x0, noise, level = batch["latents"], batch["noise"], batch["level"]
        s = level[:, None, None, None]
        noisy, target = (1 - s) * x0 + s * noise, noise - x0
        plain = len(x0) - len(batch["references"])
        errors = []
        for rows, references, pictures in (
            (slice(0, plain), [], []),
            (slice(plain, len(x0)), [batch["references"]], batch["pictures"]),
        ):
            texts = batch["texts"][rows]
            if not texts:
                continue
            # The picture stays where the instruction is dropped: that is how an unconditional prediction is asked for.
            context = self.encoder.encode(texts, [[p.float() / 255] for p in pictures] or None, allow_empty=True)
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
        # Block by block: they share one graph, and hooks on the whole transformer stay outside of it.
        self.transformer.compile_repeated_blocks(dynamic=False)
        self.text_multiple = TEXT_MULTIPLE

    @torch.no_grad()
    def validate(self, folder: Path, step: int) -> dict[str, float]:
        # Sampling has its own shapes, and no gradients: not worth compiling for.
        with torch.compiler.set_stance("force_eager"):
            self.draw_sheet(folder / f"sheet-{step}.png")
            return self.validation_loss()

    def validation_loss(self) -> dict[str, float]:
        """Loss on held-out pictures, each at a fixed noise level and with fixed noise and caption."""
        data, latents = self.validation_data, self.validation_latents
        result = {}
        for name, count, edits in (("loss_text", len(data), 0), ("loss_edit", len(data.edits), len(data.edits))):
            if not count:
                continue
            generators = [torch.Generator().manual_seed(i) for i in range(count)]
            batch = draw_samples(data, latents, list(range(count)), edits, generators, caption_dropout=0.0)
            batch["level"] = shift_level((torch.arange(count) + 0.5) / count)
            batch = {k: v.to(self.device) if isinstance(v, Tensor) else v for k, v in batch.items()}
            result[name] = self.error_maps(batch).mean().item()
        return {"loss": sum(result.values()) / len(result), **result}

    def draw_sheet(self, path: Path) -> None:
        """Fixed prompts with several seeds each; then edits: source, result, and the picture that was wanted."""
        texts = [text for text in SHEET_PROMPTS for _ in range(SHEET_SEEDS)]
        images = self.sample(texts, None, list(range(SHEET_SEEDS)) * len(SHEET_PROMPTS))
        rows = [
            (text, [image_tile(image) for image in images[i * SHEET_SEEDS : (i + 1) * SHEET_SEEDS]])
            for i, text in enumerate(SHEET_PROMPTS)
        ]
        edits = self.validation_data.edits[:SHEET_EDITS]
        if edits:
            pictures = self.validation_data.images.float() / 255
            texts = [
                instruction(self.validation_data.scenes[source], edit, torch.Generator().manual_seed(i))
                for i, (source, _, edit) in enumerate(edits)
            ]
            sources = [source for source, _, _ in edits]
            images = self.sample(texts, sources, list(range(len(edits))))
            for text, image, (source, target, _) in zip(texts, images, edits):
                rows.append((text, [image_tile(picture) for picture in (pictures[source], image, pictures[target])]))
        write_sheet(path, rows)

    def sample(self, texts: list[str], sources: list[int] | None, seeds: list[int]) -> Tensor:
        """Images [B, 3, H, W] in [0, 1] of prompts, or of instructions about the validation pictures `sources`."""
        pictures, references = None, []
        if sources is not None:
            pictures = [[self.validation_data.images[i].float() / 255] for i in sources]
            references = [self.validation_latents[sources].float()]
        context = self.encoder.encode(texts, pictures)
        null_context = self.encoder.encode([""] * len(texts), pictures, allow_empty=True)
        latents = sample_latents(
            self.transformer,
            tiny_scheduler(),
            context,
            null_context,
            references,
            draw_noise([torch.Generator().manual_seed(seed) for seed in seeds], tuple(self.latents.shape[1:])),
            SHEET_STEPS,
            SHEET_GUIDANCE,
        )
        return decode_latents(self.vae, latents).float()

    def export(self, model_folder: Path) -> None:
        with atomic_folder(model_folder / "transformer") as temporary:
            self.transformer.save_pretrained(temporary, safe_serialization=True)
        with atomic_folder(model_folder / "scheduler") as temporary:
            tiny_scheduler().save_pretrained(temporary)


# Samples --------------------------------------------------------------------------------------------------------------


def draw_samples(
    data: RenderedScenes,
    latents: Tensor,
    indices: list[int],
    edits: int,
    generators: list[torch.Generator],
    caption_dropout: float,
    high_noise_fraction: float = 0.0,
) -> dict[str, Any]:
    """Samples of `data`, whose normalised latents are `latents` [N, 16, h, w]; the last `edits` indices mean edits.

    Returns:
        texts and targets (the pictures' places in `data`): lists of B; latents, noise [B, 16, h, w]; level [B]; and of
        the edits' sources references [E, 16, h, w] and pictures [E, 3, H, W] uint8.
    """
    texts, targets, sources = [], [], []
    for position, (index, generator) in enumerate(zip(indices, generators, strict=True)):
        if position < len(indices) - edits:
            target, text = index, plain_caption(data.scenes[index], generator).text
        else:
            source, target, edit = data.edits[index % len(data.edits)]
            sources.append(source)
            text = instruction(data.scenes[source], edit, generator)
        dropped = torch.rand((), generator=generator) < caption_dropout
        texts.append("" if dropped else text)
        targets.append(target)
    return {
        "texts": texts,
        "targets": targets,
        "latents": latents[targets].float(),
        "noise": torch.stack([torch.randn(latents.shape[1:], generator=g) for g in generators]),
        "level": draw_noise_levels(generators, high_noise_fraction),
        "references": latents[sources].float(),
        "pictures": data.images[sources],
    }


@torch.no_grad()
def cached_latents(
    config: TrainConfig, run: Path, data: RenderedScenes, device: torch.device
) -> tuple[Autoencoder2D, Tensor]:
    """The run's autoencoder, and normalised latents [N, 16, h, w] of all pictures of `data`, encoded once."""
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
