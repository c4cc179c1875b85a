"""Plan Scene: a sentence becomes a scene in metres, its exact depth, a picture, and a mask and a box for each thing."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..spatialfusion.errors import InputError
from ..spatialfusion.planner.plan import SAMPLES, plan
from .inputs import layout_seed_input, picture_size_inputs
from .scene_drawing import draw_layout, drawn_scene, output_values, outputs, say

EXAMPLE = "a giraffe two metres behind a red jeep, a tree to the left of the giraffe, seen from the left"


class SpatialFusionPlanScene(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SpatialFusionPlanScene",
            display_name="Plan Scene",
            category="SpatialFusion",
            description=(
                "Read a sentence in plain English, place what it names in metres, and find the view: exact depth, a "
                "picture, masks and boxes, without any model. What was not understood is shown on the node."
            ),
            search_aliases=[
                "3d layout",
                "blockout",
                "regional prompt",
                "camera",
                "depth from text",
                "text to depth",
                "sentence",
                "layout",
                "bounding box",
            ],
            inputs=[
                io.String.Input(
                    "sentence",
                    multiline=True,
                    dynamic_prompts=True,
                    default=EXAMPLE,
                    tooltip=(
                        "What is there, and what is where: left of, behind, on, between, facing; with or without "
                        "metres. Also how many, how large, from which side it is seen, indoors or outdoors."
                    ),
                ),
                layout_seed_input("Another seed is another layout of the same sentence: what it leaves open changes."),
                *picture_size_inputs(),
            ],
            outputs=[
                io.String.Output(
                    "text",
                    tooltip="The scene text that was read. Compose Scene Depth draws it, changed or not, with the same "
                    "seed and size.",
                ),
                *outputs(),
                io.BoundingBox.Output(
                    "boxes",
                    tooltip="Pixels of each object that is seen, with its name as label and what was said of it as "
                    "desc.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, sentence: str, seed: int, width: int, height: int) -> io.NodeOutput:
        if not isinstance(sentence, str):
            raise InputError(f"sentence is a {type(sentence).__name__}: expected text.")
        made = plan(sentence, seed, (width, height))
        drawn = made.take(draw_layout(made.layout, (width, height), SAMPLES))
        boxes = [_box(box) for box in made.boxes if box.box is not None]
        sentences = list(made.warnings)
        if made.not_understood:
            sentences.append(f"Not understood: {', '.join(made.not_understood)}.")
        note = say(cls, sentences, "All of it is understood and in view.")
        shown = {**note.as_dict(), **drawn_scene(made.text, seed, (width, height))}
        # The core's nodes take a list for each picture.
        return io.NodeOutput(made.text, *output_values(drawn), [boxes], ui=shown)


def _box(box: Any) -> dict[str, Any]:
    thing = box.thing
    said = " ".join(filter(None, (thing.words, thing.color, thing.kind)))
    edges = dict(zip(("x", "y", "width", "height"), box.box))
    return {**edges, "label": box.name, "score": 1.0, "metadata": {"name": box.name, "desc": said}}
