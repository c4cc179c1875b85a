"""Edit Scene: a scene after what an instruction says; the rest stays where it is."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..spatialfusion.errors import InputError
from ..spatialfusion.planner.plan import SAMPLES, plan_edit
from ..spatialfusion.texts import check_text
from .scene_drawing import draw_layout, numbered_text_output, output_values, outputs, say, scene_output
from .types import SCENE_NODES, SceneType, check_scene

EXAMPLE = "move the red jeep 2 m to the left"


class SpatialFusionEditScene(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SpatialFusionEditScene",
            display_name="Edit Scene",
            category="SpatialFusion",
            description=(
                "Change a scene by an instruction in plain English: add, remove, replace, copy, swap, move by "
                "metres, turn, resize, recolour, or move the camera. What is not named stays where it is. Chain "
                "several for one change after the other."
            ),
            search_aliases=["edit", "instruction", "move object", "add object", "3d layout", "blockout", "inpaint"],
            inputs=[
                SceneType.Input("scene", tooltip=f"From {SCENE_NODES}."),
                io.String.Input(
                    "instruction",
                    multiline=True,
                    dynamic_prompts=True,
                    default=EXAMPLE,
                    tooltip="What to change, with or without metres. Several changes may follow each other.",
                ),
            ],
            outputs=[
                *outputs(),
                scene_output(),
                numbered_text_output(),
            ],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(cls, scene: Any, instruction: str) -> io.NodeOutput:
        source = check_scene(scene)
        if not isinstance(instruction, str):
            raise InputError(f"instruction is a {type(instruction).__name__}: expected text.")
        check_text(instruction, "instruction")
        plan = plan_edit(instruction, source)
        drawn = plan.take(draw_layout(plan.layout, plan.size, SAMPLES))
        note = say(plan.warnings, "The change is made, and all of it is in view.")
        return io.NodeOutput(*output_values(drawn), plan, plan.text, ui=note)
