"""The stage `grounding`: the tiny LLM's keys and values come to hold what is where, its last hidden states stay.

Published multimodal LLMs are trained to point at things in pictures. The tiny one was not, and a frozen one whose
middle layers do not hold who is to the left or in front leaves nothing for the spatial side to read. So it is trained
once together with the spatial side: stage 1 with the layout (see layout.py) and gradients into the LLM's layers. What
the diffusion model reads, the last hidden states, is held to what it was, so that it need not be trained again.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..context import PromptEncoder, SemanticContext
from ..files import atomic_folder
from ..model import FILE_NAME
from .config import GroundingStageConfig, TrainConfig
from .stage1 import Stage1


class GroundingStage(Stage1):
    """Spatial side and LLM together: depth, layout, and last hidden states as they were."""

    name: ClassVar[str] = "grounding"

    def __init__(self, config: TrainConfig, run: Path, device: torch.device):
        super().__init__(config, run, device)
        self.options: GroundingStageConfig
        held = run / self.name / "text_encoder"
        if not held.is_dir():
            # run/model gets the trained one; a run that goes on still needs what it started from.
            with atomic_folder(held) as temporary:
                shutil.copytree(self.folder / "text_encoder", temporary, dirs_exist_ok=True)
        layers = self.model.config.num_layers
        self.teacher = PromptEncoder.load(
            self.folder,
            layers,
            device,
            subfolders={"text_encoder": str(held.resolve())},
            llm_layers=self.model.config.llm_layers,
        )
        if device.type == "cpu":
            # torch's fused attention is slower than plain products for so few and short heads.
            for encoder in (self.encoder, self.teacher):
                encoder.text_encoder.set_attn_implementation("eager")
        # Embeddings, which are the output's too, and the vision tower stay.
        language = self.encoder.text_encoder.model.language_model.layers.requires_grad_(True)
        self.trained = nn.ModuleDict({**self.trained, "language": language})

    def frozen(self) -> list[nn.Module]:
        return [self.teacher.text_encoder.model]

    def encode(self, batch: dict[str, Any]) -> SemanticContext:
        return self.encoder.encode(*self.prompts(batch), allow_empty=True, gradients=True)

    def loss(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        context = self.encode_noised(batch)
        loss, metrics, _ = self.depth_loss(batch, context)
        held = self.teacher.encode(*self.prompts(batch), allow_empty=True)
        weight = held.prompt_mask[..., None].float()
        change = ((context.prompt_embeds.float() - held.prompt_embeds).square() * weight).sum()
        change = change / (held.prompt_embeds.square() * weight).sum()
        return loss + self.options.hold_weight * change, {**metrics, "change": change.detach()}

    def export(self, model_folder: Path) -> None:
        self.model.save(model_folder / FILE_NAME)
        with atomic_folder(model_folder / "text_encoder") as temporary:
            self.encoder.text_encoder.save_pretrained(temporary)
