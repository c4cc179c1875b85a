"""Compose Scene Depth: a scene written line by line becomes exact metric depth, an image and a mask for each thing."""

from __future__ import annotations

from comfy_api.latest import io

from ..spatialfusion.planner.plan import plan_text
from ..spatialfusion.scenes.compose import check_image_size
from ..spatialfusion.scenes.text import EXAMPLE
from .inputs import image_size_inputs, layout_seed_input
from .scene_drawing import cancellable, draw_layout, drawn_scene, output_values, outputs, say, scene_output


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
            search_aliases=[
                "blockout",
                "layout",
                "scene",
                "depth",
                "3d",
                "3d layout",
                "composition",
                "regions",
                "regional prompt",
                "mask",
                "camera",
            ],
            inputs=[
                io.String.Input(
                    "text",
                    multiline=True,
                    dynamic_prompts=False,
                    default=EXAMPLE,
                    tooltip=(
                        "One thing in each line, such as: car red left of house by 2, facing viewer. Places may be "
                        "said by relations, or as numbers: at 0 6 is metres to the right and forward from the camera, "
                        "a third number is the height of the base; size is width, height, length in metres, or the "
                        "height alone; yaw is in degrees. docs/scene-text.md has all of it."
                    ),
                ),
                *image_size_inputs(),
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
                layout_seed_input(
                    "Another seed is another layout of a text with relations: what it leaves open changes. A text of "
                    "numbers alone does not use it.",
                    optional=True,  # prompts that were saved before it was there have none
                ),
            ],
            outputs=[*outputs(), scene_output()],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(cls, text: str, width: int, height: int, supersampling: int, seed: int = 0) -> io.NodeOutput:
        check_image_size((width, height), supersampling)
        made = plan_text(text, seed, (width, height), progress=cancellable())
        drawn = made.take(draw_layout(made.layout, (width, height), supersampling))
        note = say(drawn.warnings, "Everything is in view.")
        shown = {**note.as_dict(), **drawn_scene(text, seed, (width, height))}
        return io.NodeOutput(*output_values(drawn), made, ui=shown)
