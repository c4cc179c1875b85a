"""A SpatialFusion checkpoint inside ComfyUI: its networks in ModelPatchers, so that the host rules over memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import comfy.model_management
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor, nn

from ...spatialfusion.backbones import backbone_in_host
from ...spatialfusion.errors import InputError
from ...spatialfusion.model.config import SpatialFusionConfig
from ...spatialfusion.model.context import PromptEncoder
from ...spatialfusion.model.depth_adapter import DepthAdapter
from ...spatialfusion.model.model import FILE_NAME, SpatialFusionModel, read_config

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class DepthPatch(nn.Module):
    """What a checkpoint adds to a diffusion model: the depth adapter, the projection delta and the LoRA.

    `lora` has, for a module of the diffusion model, its pair (A [rank, in], B [out, rank]); `projection` is the pair
    (weight, bias) of the change of the input projection, or None. `columns` [out, tokens' channels] are those that the
    projection gets for a concatenated residual, or None if it is added to the latent.
    """

    def __init__(self, adapter: DepthAdapter, tensors: dict[str, Tensor], config: SpatialFusionConfig):
        super().__init__()
        self.adapter = adapter
        tensors = dict(tensors)
        if config.injection == "concat":
            # The latent's columns come first.
            weight, channels = tensors["projection.weight"], config.latent_channels
            inputs = weight.shape[1] * channels // (channels + config.residual_channels)
            latent, residual = weight[:, :inputs], weight[:, inputs:].contiguous()
            tensors |= {"projection.weight": latent.contiguous(), "columns": residual.contiguous()}
        self.names = {name: f"tensor_{i}" for i, name in enumerate(sorted(tensors))}
        for name, key in self.names.items():
            self.register_buffer(key, tensors[name])

    @property
    def lora(self) -> dict[str, tuple[Tensor, Tensor]]:
        modules = [n[len("lora.") : -len(".lora_A.weight")] for n in self.names if n.endswith(".lora_A.weight")]
        return {m: (self._get(f"lora.{m}.lora_A.weight"), self._get(f"lora.{m}.lora_B.weight")) for m in modules}

    @property
    def projection(self) -> tuple[Tensor, Tensor] | None:
        if "projection.weight" not in self.names:
            return None
        return self._get("projection.weight"), self._get("projection.bias")

    @property
    def columns(self) -> Tensor | None:
        return self._get("columns") if "columns" in self.names else None

    def _get(self, name: str) -> Tensor:
        return getattr(self, self.names[name])


@dataclass(eq=False)
class LoadedModel:
    """What the wire SPATIALFUSION carries.

    `model` predicts depth, `patch` gives it to a diffusion model. `encoder` is the checkpoint's own multimodal LLM, or
    None if it reads the K/V of a CLIP.
    """

    name: str
    config: SpatialFusionConfig
    model: ModelPatcher
    patch: ModelPatcher
    encoder: PromptEncoder | None
    text_encoder: ModelPatcher | None

    @property
    def network(self) -> SpatialFusionModel:
        return self.model.model.network

    @property
    def depth_patch(self) -> DepthPatch:
        return self.patch.model.network


def load_model(path: Path, name: str, dtype: str, tiny: Path) -> LoadedModel:
    """Read a checkpoint; if it reads an LLM like the one in the model folder `tiny`, as those that were trained on from
    the built-in model do, it gets that one."""
    chosen = choose_dtype(dtype)
    network = SpatialFusionModel.load(path, dtype=chosen)
    try:
        backbone = backbone_in_host(network.config.backbone)
        backbone.check_checkpoint(network.config)
    except InputError as error:
        raise InputError(f"{name} cannot be used: {error} A newer version of the pack may have it.") from None
    patch = DepthPatch(network.adapter, network.backbone_tensors, network.config).to(chosen).requires_grad_(False)
    # It travels with the diffusion model, in a patcher of its own.
    del network.adapter
    network.backbone_tensors = {}
    encoder = None
    if _attention(network.config) == _attention(read_config(tiny / FILE_NAME)):
        try:
            config = network.config
            options = {"template": backbone.template, "llm_layers": config.llm_layers}
            encoder = PromptEncoder.load(tiny, config.num_layers, dtype=chosen, **options)
        except ImportError as error:
            raise InputError(
                f"the built-in language model needs transformers 5 or newer ({error}): update it with "
                "pip install -U transformers."
            ) from None
    return LoadedModel(
        name,
        network.config,
        _patcher(network),
        _patcher(patch),
        encoder,
        None if encoder is None else _patcher(encoder.text_encoder),
    )


def _attention(config: SpatialFusionConfig) -> tuple:
    return config.mllm_layers, config.kv_heads, config.head_dim, config.rope_theta


def choose_dtype(name: str) -> torch.dtype:
    """The dtype of a widget; "default": bf16 or fp16 where the device is good at them, else fp32."""
    if name != "default":
        return DTYPES[name]
    device = comfy.model_management.get_torch_device()
    if comfy.model_management.is_device_cpu(device):
        return torch.float32
    if comfy.model_management.should_use_bf16(device):
        return torch.bfloat16
    return torch.float16 if comfy.model_management.should_use_fp16(device) else torch.float32


class _Held(nn.Module):
    """A network in a module of its own: a ModelPatcher sets the attribute `device`, which ours have as a property."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network


def _patcher(network: nn.Module) -> ModelPatcher:
    # Not the dynamic patcher: it offloads layer by layer, and needs the host's own layers for it.
    return ModelPatcher(
        _Held(network), comfy.model_management.get_torch_device(), comfy.model_management.unet_offload_device()
    )
