"""Select Depth: one geometry of a batch."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from ..spatialfusion.errors import InputError
from .types import GeometryType, from_packet, source_image_of, to_packet


class SpatialFusionSelectDepth(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SpatialFusionSelectDepth",
            display_name="Select Depth",
            category="SpatialFusion",
            description="Take one metric depth out of a batch, with its camera and its image.",
            search_aliases=["depth from batch", "geometry from batch", "batch index", "pick depth", "depth"],
            inputs=[
                GeometryType.Input("geometry", tooltip="A batch from a SpatialFusion or MoGe node."),
                io.Int.Input(
                    "index",
                    default=0,
                    min=-4096,
                    max=4095,
                    tooltip="Which one: 0 is the first. From the end: -1 is the last.",
                ),
            ],
            outputs=[GeometryType.Output("selected", display_name="geometry", tooltip="Of one image.")],
        )

    @classmethod
    def execute(cls, geometry: Any, index: int) -> io.NodeOutput:
        depths = from_packet(geometry)
        count = len(depths)
        if not -count <= index < count:
            last = f"0 to {count - 1}, or -{count} to -1 from the end" if count > 1 else "0"
            raise InputError(f"index is {index}, and geometry has {count} of them: expected {last}.")
        index %= count
        image = source_image_of(geometry)
        if isinstance(image, torch.Tensor):
            image = image[index : index + 1] if len(image) == count else image[:1]
        return io.NodeOutput(to_packet(depths[index], image))
