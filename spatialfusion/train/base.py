"""The frozen networks that stages 1 and 2 build on: those of a published model, or the run's own.

Notable: a published model stays where it is. Its parts are read from there in `frozen_precision`, each when it is
needed, and the sizes that SpatialFusion shares with them come from its config.json files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKLQwenImage, FlowMatchEulerDiscreteScheduler, ModelMixin
from torch import Tensor, nn

from ..backbones import backbone_of_class, qwen_image
from ..backbones.autoencoder_2d import Autoencoder2D
from ..backbones.published import PRESETS
from ..data.hub import find_weights, read_json
from ..errors import InputError
from ..files import weights_digest
from ..latents import encode_latents, load_vae
from ..model.config import SpatialFusionConfig
from ..model.context import PromptEncoder
from ..model.model import SpatialFusionModel
from ..model_folder import check_weights, find_model, loading, other_folders
from ..needed import needed
from .config import DTYPES, TrainConfig
from .transformer import load_transformer

if TYPE_CHECKING:
    from .samples import Data

OWN_LAYERS, OWN_RANK = 4, 12  # of the spatial transformer and of the LoRA, beside a model of the run's own


class Base:
    """Where the frozen networks are and how they are loaded. unused: parts of which the configuration is enough.

    Attributes:
        own: whether they are the run's own, trained by its foundation stages.
        backbone: what is particular to the transformer.
    """

    def __init__(
        self,
        config: TrainConfig,
        run: Path,
        device: torch.device,
        load_device: torch.device,
        unused: Sequence[str] = (),
    ):
        # Networks that are to be sharded reach the device part by part: see Stage.
        self.device, self.load_device = device, load_device
        self.own = config.base is None
        if config.base is None:
            self.folder, self.backbone, self.dtype = run / "model", qwen_image.BACKBONE, torch.float32
            self.subfolders: dict[str, str] = {}
            return
        self.dtype = DTYPES[config.frozen_precision]
        self.folder = find_model(published_repository(config.base), {}, unused)
        path = self.folder / "transformer" / "config.json"
        if not path.is_file():
            raise InputError(f"base = {config.base!r} has no transformer/config.json: expected a model for diffusers.")
        self.backbone = backbone_of_class(str(read_json(path).get("_class_name")))
        self.subfolders = other_folders(self.folder)

    def path(self, part: str) -> Path:
        """The folder of a part of the model, under the name that it has in a pipeline."""
        return self.folder / self.subfolders.get(part, part)

    def encoder(self, config: SpatialFusionConfig) -> PromptEncoder:
        """The multimodal LLM, which hands on the layers that a model of this configuration reads."""
        with loading(self.folder):
            encoder = PromptEncoder.load(
                self.folder,
                config.num_layers,
                self.load_device,
                self.dtype,
                self.backbone.template,
                self.subfolders,
                config.llm_layers,
            )
        if not self.own:
            check_weights(self.path("text_encoder"), encoder.text_encoder.state_dict(), renamed=True)
        return encoder

    def transformer(self) -> ModelMixin:
        if self.own:
            return load_transformer(self.folder, self.device, self.load_device)
        path = self.path("transformer")
        with loading(self.folder):
            transformer = self.backbone.architecture.from_pretrained(path, use_safetensors=True, torch_dtype=self.dtype)
        self.backbone.check_architecture(transformer)
        check_weights(path, transformer.state_dict(), renamed=False)
        return transformer.to(self.load_device).eval()

    def vae(self) -> nn.Module:
        path = self.path("vae")
        with loading(self.folder):
            vae = load_vae(path, self.dtype)
        check_weights(path, vae.state_dict(), renamed=False)
        if isinstance(vae, AutoencoderKLQwenImage):
            vae = Autoencoder2D.from_video(vae)
        return vae.to(self.device).eval().requires_grad_(False)

    @torch.no_grad()
    def encode(self, vae: nn.Module, images: Tensor) -> Tensor:
        """Normalised latents [B, C, h, w] of images [B, 3, H, W] in [0, 1], float32, on the autoencoder's device."""
        weight = next(vae.parameters())
        return encode_latents(vae, images.to(weight.device, weight.dtype)).float()

    def prepare_latents(self, vae: nn.Module, *parts: Data | None) -> None:
        """Make the samples of data have latents."""
        digest = self.vae_digest()
        for data in parts:
            if data is not None:
                data.encode_latents(lambda images: self.encode(vae, images).cpu(), digest)

    def vae_digest(self) -> str:
        return weights_digest(*sorted(self.path("vae").glob("*.safetensors")))

    def scheduler(self) -> FlowMatchEulerDiscreteScheduler:
        if self.own:
            return qwen_image.tiny_scheduler()
        if self.subfolders and "scheduler" not in self.subfolders:
            return needed(self.backbone.published.scheduler)()
        with loading(self.folder):
            return FlowMatchEulerDiscreteScheduler.from_pretrained(self.path("scheduler"))

    @property
    def guided(self) -> bool:
        """Whether images are drawn with classifier-free guidance."""
        return PRESETS[self.backbone.name].guided

    @property
    def lora_rank(self) -> int:
        """The rank that goes with the diffusion model."""
        return OWN_RANK if self.own else PRESETS[self.backbone.name].spatial.lora_rank

    def spatial_config(self, config: TrainConfig) -> SpatialFusionConfig:
        """The sizes of a new SpatialFusionModel: those of the base where they meet, else those of `model.spatial`."""
        from transformers import AutoConfig

        with loading(self.folder):
            text = AutoConfig.from_pretrained(self.path("text_encoder"), local_files_only=True).get_text_config()
        vae = read_json(self.path("vae") / "config.json")
        rope = text.rope_parameters
        head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
        try:
            return SpatialFusionConfig(
                mllm_layers=text.num_hidden_layers,
                kv_heads=text.num_key_value_heads,
                head_dim=head_dim,
                rope_theta=rope["rope_theta"],
                mrope_section=tuple(rope.get("mrope_section") or text_axes(head_dim)),
                mrope_interleaved=rope.get("mrope_interleaved", False),
                backbone=self.backbone.name,
                latent_channels=vae["latent_channels"] if "latent_channels" in vae else vae["z_dim"],
                latent_stride=2 ** (len(vae.get("block_out_channels") or vae["dim_mult"]) - 1),
                **spatial_sizes(config, PRESETS[self.backbone.name].spatial.num_layers),
            )
        except KeyError as error:
            raise InputError(f"the configuration of the model in {self.folder} lacks {error}.") from None


def text_axes(head_dim: int) -> tuple[int, int, int]:
    """`mrope_section` beside an LLM of text alone, whose rotary positions have one axis.

    All axes of a text token have the same position, so the choice is ours: the proportions of Qwen2.5-VL.
    """
    rows = head_dim * 3 // 16
    return head_dim // 2 - 2 * rows, rows, rows


def published_repository(base: str) -> str:
    """The name on the Hub of a published model that is called as in PRESETS; any other name or folder as it is."""
    return PRESETS[base].repository if base in PRESETS and not Path(base).exists() else base


def spatial_sizes(config: TrainConfig, layers: int = OWN_LAYERS) -> dict[str, Any]:
    """What of a SpatialFusionConfig the training configuration decides alone; `layers` where it leaves that open."""
    spatial = config.model.spatial
    side = config.data.side or config.data.size[0]
    source = {
        "hidden_size": spatial.source_hidden,
        "num_hidden_layers": spatial.source_layers,
        "num_attention_heads": spatial.source_heads,
        "image_size": side,
        "patch_size": side * spatial.patch // spatial.state,
    }
    if spatial.dinov2 is not None:
        names = (*source, "mlp_ratio", "use_swiglu_ffn")
        published = read_json(find_weights(spatial.dinov2) / "config.json")
        source = {name: published[name] for name in names if name in published}
    return {
        "hidden_size": spatial.hidden_size,
        "num_layers": spatial.layers or layers,
        "llm_layers": spatial.llm_layers,
        "num_heads": spatial.heads,
        "state_size": spatial.state,
        "patch_size": spatial.patch,
        "head_features": spatial.head_features,
        "head_channels": tuple(spatial.head_channels),
        "head_scales": (spatial.patch, spatial.patch / 2, spatial.patch / 4, spatial.patch / 8),
        "source_encoder": source,
        "adapter_hidden": spatial.adapter_hidden,
    }


def load_dinov2(model: SpatialFusionModel, name: str) -> None:
    """Let the source encoder start from DINOv2's weights."""
    from transformers import Dinov2Model

    folder = find_weights(name)
    with loading(folder):
        trained = Dinov2Model.from_pretrained(folder, use_safetensors=True, local_files_only=True, dtype=torch.float32)
    check_weights(folder, trained.state_dict(), renamed=True)
    model.source_encoder.load_state_dict(trained.state_dict())
