"""The training configuration with the stages of research beside those of the recipe."""

from __future__ import annotations

from dataclasses import dataclass, field

from spatialfusion.train.config import StageConfig, TrainConfig


@dataclass
class AdapterStageConfig(StageConfig):
    steps: int = 500


@dataclass
class ControlNetStageConfig(StageConfig):
    steps: int = 3000
    layers: int = 3  # blocks of the ControlNet; the tiny diffusion model has 6
    image_layout_weight: float = 0.0  # this and the next two are as in stage 2
    image_object_weight: float = 1.0
    high_noise_fraction: float = 0.0


@dataclass
class ResearchConfig(TrainConfig):
    adapter: AdapterStageConfig = field(default_factory=AdapterStageConfig)
    controlnet: ControlNetStageConfig = field(default_factory=ControlNetStageConfig)
