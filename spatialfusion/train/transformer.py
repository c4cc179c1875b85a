"""The diffusion transformer of a run's own: how it is read, which of its parameters learn and with which optimiser."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import QwenImageControlNetModel, QwenImageTransformer2DModel
from torch import nn

from ..backbones.qwen_image import use_short_attention
from ..errors import InputError

TEXT_MULTIPLE = 16  # tokens to which texts are padded, as a compiled network is compiled once for each length
SHEET_STEPS = 20
SHEET_GUIDANCE = 4.0


def load_transformer(
    folder: Path, device: torch.device, load_device: torch.device | None = None
) -> QwenImageTransformer2DModel:
    """The transformer of a model folder in fp32, ready for training on `device`; for now it is on `load_device`."""
    path = folder / "transformer"
    if not (path / "config.json").is_file():
        raise InputError(f"{folder} has no transformer folder; train it with the stage `diffusion` first.")
    transformer = QwenImageTransformer2DModel.from_pretrained(path, use_safetensors=True, torch_dtype=torch.float32)
    transformer.to(load_device or device)
    prepare_for_training(transformer, device)
    return transformer


def prepare_for_training(
    transformer: QwenImageTransformer2DModel | QwenImageControlNetModel, device: torch.device
) -> None:
    """Freeze what can never learn, and choose the attention that is fastest on the device."""
    # Nothing reads the text after the last block.
    last = transformer.transformer_blocks[-1]
    last.txt_mlp.requires_grad_(False)
    last.attn.to_add_out.requires_grad_(False)
    if device.type == "cpu":
        use_short_attention(transformer)


def matrices_and_rest(network: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Muon for the matrices of attention and MLP; modulation, ends of the network, norms and biases get AdamW."""
    muon: list[nn.Parameter] = []
    adamw: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            matrix = parameter.dim() == 2 and (".attn." in name or "_mlp." in name)
            (muon if matrix else adamw).append(parameter)
    return muon, adamw
