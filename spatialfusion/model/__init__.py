"""The networks that SpatialFusion adds beside a multimodal LLM and a diffusion model."""

from .model import SpatialFusionModel as SpatialFusionModel
