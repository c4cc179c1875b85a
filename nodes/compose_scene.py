"""Compose Scene Depth: a scene written line by line becomes exact metric depth, a picture and a mask for each thing."""

from __future__ import annotations

import comfy.model_management
import comfy.utils
import torch
from comfy_api.latest import io, ui

from ..spatialfusion.scenes.compose import check_masks, draw
from ..spatialfusion.scenes.text import EXAMPLE, scene_from_text
from .types import GeometryType, to_packet


class SpatialFusionComposeScene(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SpatialFusionComposeScene",
            display_name="Compose Scene Depth",
            category="SpatialFusion",
            description=(
                "Block out a composition in words and numbers: what stands where, and from where it is seen. Gives its "
                "exact depth in metres, without any model."
            ),
            search_aliases=["blockout", "layout", "scene", "depth", "3d", "composition", "regions", "mask"],
            inputs=[
                io.String.Input(
                    "text",
                    multiline=True,
                    dynamic_prompts=False,
                    default=EXAMPLE,
                    tooltip=(
                        "One thing in each line, such as: car red at 0 6 facing left. Positions are metres to the "
                        "right and forward from the camera, a third number is the height of the base; size is width, "
                        "height, length in metres, or the height alone; yaw is in degrees. docs/scene-text.md has all "
                        "of it."
                    ),
                ),
                io.Int.Input("width", default=1024, min=64, max=2048, step=8, tooltip="Width of the picture, pixels."),
                io.Int.Input(
                    "height", default=1024, min=64, max=2048, step=8, tooltip="Height of the picture, pixels."
                ),
                io.Int.Input(
                    "supersampling",
                    default=2,
                    min=1,
                    max=4,
                    tooltip=(
                        "Rays along each side of a pixel of the image: more give smoother edges and take longer. Depth "
                        "and masks do not change: they are those of the pixels' centres."
                    ),
                ),
            ],
            outputs=[
                GeometryType.Output("geometry", tooltip="Depth in metres, unknown in the sky; carries the image."),
                io.Image.Output("image", tooltip="The scene as drawn."),
                io.Mask.Output("masks", tooltip="One for each object, in the order of the text: where it is seen."),
                io.String.Output("names", tooltip="The objects' names in the order of the masks, one in each line."),
            ],
        )

    @classmethod
    def execute(cls, text: str, width: int, height: int, supersampling: int) -> io.NodeOutput:
        layout = scene_from_text(text)
        check_masks(len(layout.names), (width, height))
        bar = comfy.utils.ProgressBar(height)

        def progress(done: int, total: int) -> None:
            comfy.model_management.throw_exception_if_processing_interrupted()
            bar.update_absolute(done, total)

        drawn = draw(layout, (width, height), supersampling, progress)
        image = drawn.image.movedim(1, -1).contiguous()
        note = "\n".join(drawn.warnings) or "Everything is in view."
        return io.NodeOutput(
            to_packet(drawn.geometry, image),
            image,
            drawn.masks_in(torch.float32),
            "\n".join(drawn.names),
            ui=ui.PreviewText(note),
        )
