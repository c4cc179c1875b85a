"""A prompt as CONDITIONING alone: for negatives, and for the plain base model."""

from __future__ import annotations

from comfy_api.latest import io

from .inputs import clip_input, image_inputs, size_inputs
from .known_words import about_words
from .scene_drawing import say
from .types import ModelType


class SpatialFusionEncodePrompt(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="SpatialFusionEncodePrompt",
            display_name="Encode Prompt for SpatialFusion",
            category="SpatialFusion",
            description="Turn a prompt into conditioning without predicting depth: for negative prompts, and to sample "
            "the base model without depth.",
            search_aliases=["spatialfusion", "text encode", "negative prompt", "conditioning", "clip text encode"],
            inputs=[
                ModelType.Input("spatialfusion", tooltip="From Load SpatialFusion Model."),
                io.String.Input(
                    "prompt",
                    multiline=True,
                    dynamic_prompts=True,
                    default="",
                    tooltip="What to draw, or in a negative prompt what to stay away from. May be empty.",
                ),
                *size_inputs("the image to come; matters only when editing, where the source is fitted to it"),
                clip_input(),
                *image_inputs(" Connect it for the negative prompt of an edit too."),
            ],
            outputs=[
                io.Conditioning.Output(display_name="conditioning", tooltip="For the positive or negative input.")
            ],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(cls, spatialfusion, prompt, width, height, clip=None, image=None, vae=None) -> io.NodeOutput:
        from .host.prompt import check_size, fit_images, read_prompt, with_references

        check_size(width, height)
        images = fit_images(image, height, width)
        _, conditioning = read_prompt(spatialfusion, clip, prompt, images, allow_empty=True)
        known = "All words are known." if prompt.strip() else "The empty prompt."
        note = say(about_words(spatialfusion, clip, prompt), known)
        return io.NodeOutput(with_references(conditioning, vae, images), ui=note)
