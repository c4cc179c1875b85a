"""The built-in tiny diffusion model as a native MODEL and VAE."""

from __future__ import annotations

from comfy_api.latest import io

from .inputs import dtype_input
from .load_model import BUILT_IN, TINY


class SpatialFusionLoadBase(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="SpatialFusionLoadBase",
            display_name="Load Tiny Base Model",
            category="SpatialFusion",
            description="Load the built-in tiny Qwen-Image and its VAE as a native MODEL and VAE, on which every "
            "sampler and model node of ComfyUI works. It draws small images of 15 kinds of objects, on a CPU.",
            search_aliases=["spatialfusion", "tiny model", "built-in model", "qwen image tiny", "load diffusion model"],
            inputs=[
                io.Combo.Input(
                    "base",
                    options=[BUILT_IN],
                    default=BUILT_IN,
                    tooltip="The diffusion model that the built-in SpatialFusion checkpoint was trained for. Best at "
                    "128 x 128 pixels.",
                ),
                dtype_input(),
            ],
            outputs=[
                io.Model.Output(display_name="model", tooltip="For Apply Depth to Model, or any sampler."),
                io.Vae.Output(display_name="vae", tooltip="Its autoencoder, for VAE Decode and for editing."),
            ],
        )

    @classmethod
    def execute(cls, base: str, dtype: str) -> io.NodeOutput:
        from .host.loaded import choose_dtype
        from .host.native import load_base

        return io.NodeOutput(*load_base(TINY, choose_dtype(dtype)))
