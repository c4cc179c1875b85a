"""Get Scene Mask: the mask of one object of a scene, of several, or of all but some, by their names."""

from __future__ import annotations

from comfy_api.latest import io

from ..spatialfusion.errors import InputError
from ..spatialfusion.scenes.selection import select_objects


class SpatialFusionSceneMask(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SpatialFusionSceneMask",
            display_name="Get Scene Mask",
            category="SpatialFusion",
            description="One mask out of those of a scene, by what is called so: for regional prompts, or to edit and "
            "measure depth.",
            search_aliases=["regional prompt", "select mask", "mask by name", "object mask", "segment", "blockout"],
            inputs=[
                io.Mask.Input("masks", tooltip="All masks of Plan Scene or Compose Scene Depth."),
                io.String.Input("names", force_input=True, tooltip="The names from the same node, one in each line."),
                io.String.Input(
                    "objects",
                    default="all",
                    tooltip=(
                        "Which ones, such as: car; red car, tree; all but house. A name means that object, any other "
                        "word means all whose names have it."
                    ),
                ),
            ],
            outputs=[io.Mask.Output("mask", tooltip="White where any of the objects is seen.")],
        )

    @classmethod
    def execute(cls, masks, names: str, objects: str) -> io.NodeOutput:
        if masks is None:
            raise InputError("masks is connected to nothing; expected those of Plan Scene or Compose Scene Depth.")
        listed = [name.strip() for name in names.splitlines() if name.strip()]
        masks = masks[None] if masks.ndim == 2 else masks
        if masks.ndim != 3 or masks.numel() == 0:
            raise InputError(f"masks has shape {list(masks.shape)}; expected a mask [height, width] for each object.")
        if len(listed) != len(masks):
            raise InputError(
                f"there are {len(masks)} masks and {len(listed)} names; expected both from the same Plan Scene or "
                "Compose Scene Depth."
            )
        return io.NodeOutput(masks[select_objects(objects, listed)].amax(0, keepdim=True))
