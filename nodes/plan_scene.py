"""Plan Scene: a sentence becomes a scene in metres, its exact depth, an image, and a mask and a box for each thing."""

from __future__ import annotations

from typing import Any

import comfy.model_management
from comfy_api.latest import io

from ..spatialfusion.errors import InputError
from ..spatialfusion.planner.llm import Llm, plan_with_llm
from ..spatialfusion.planner.llm_server import ServerLlm
from ..spatialfusion.planner.plan import SAMPLES, plan
from .host.clip_llm import ClipLlm
from .inputs import image_size_inputs, layout_seed_input
from .scene_drawing import cancellable, draw_layout, drawn_scene, output_values, outputs, say, scene_output

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
                "image, masks and boxes, without any model. What was not understood is shown on the node. With a "
                "language model at clip or server the prompt may be of any language and style."
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
                "LLM",
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
                *image_size_inputs(),
                io.Clip.Input(
                    "clip",
                    optional=True,
                    tooltip="A text encoder that can write, such as the Qwen3, Qwen2.5-VL or Gemma of your image "
                    "model: it plans, from a prompt in any language and style. Leave it unconnected for plain English.",
                ),
                io.String.Input(
                    "server",
                    default="",
                    optional=True,
                    tooltip="Or the address of a language model's server that speaks OpenAI's protocol, such as "
                    "llama.cpp or Ollama: http://localhost:11434#MODEL. Nothing is contacted while it is empty.",
                ),
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
                scene_output(),
            ],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls, sentence: str, seed: int, width: int, height: int, clip: Any = None, server: str = ""
    ) -> io.NodeOutput:
        if not isinstance(sentence, str):
            raise InputError(f"sentence is a {type(sentence).__name__}: expected text.")
        llm = _llm(clip, server)
        asked = seed, (width, height), cancellable()
        made = plan(sentence, *asked) if llm is None else plan_with_llm(sentence, llm, *asked)
        drawn = made.take(draw_layout(made.layout, (width, height), SAMPLES))
        boxes = [_box(box) for box in made.boxes if box.box is not None]
        sentences = list(made.warnings)
        if made.not_understood:
            sentences.append(f"Not understood: {', '.join(made.not_understood)}.")
        note = say(sentences, "All of it is understood and in view.")
        shown = {**note.as_dict(), **drawn_scene(made.text, seed, (width, height))}
        # The core's nodes take a list for each image.
        return io.NodeOutput(made.text, *output_values(drawn), [boxes], made, ui=shown)


def _llm(clip: Any, server: str) -> Llm | None:
    """The language model that is to plan; None for plain sentences."""
    address = server.strip() if isinstance(server, str) else ""
    if clip is not None and address:
        raise InputError("clip and server are both given: expected one language model, or none.")
    if clip is not None:
        return ClipLlm(clip)
    if address:
        check = comfy.model_management.throw_exception_if_processing_interrupted
        return ServerLlm(address, progress=check)
    return None


def _box(box: Any) -> dict[str, Any]:
    thing = box.thing
    said = " ".join(filter(None, (thing.words, thing.color, thing.kind)))
    edges = dict(zip(("x", "y", "width", "height"), box.box))
    return {**edges, "label": box.name, "score": 1.0, "metadata": {"name": box.name, "desc": said}}
