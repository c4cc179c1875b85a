"""Prompt -> metric depth of the image to come, and conditioning, from one pass through the language model."""

from __future__ import annotations

import comfy.model_management
import comfy.utils
import torch
from comfy_api.latest import io

from ..spatialfusion.defaults import DEPTH_GUIDANCE, DEPTH_STEPS
from ..spatialfusion.errors import InputError
from ..spatialfusion.geometry.geometry import Geometry
from ..spatialfusion.model.flow import depth_generators
from .depth_preview import live, show
from .inputs import check_finite, clip_input, image_inputs, seed_input, size_inputs
from .known_words import about_words
from .types import GeometryType, ModelType, to_packet

EXAMPLE = "a red car in front of a blue house"


class SpatialFusionPredictDepth(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="SpatialFusionPredictDepth",
            display_name="Predict Metric Depth",
            category="SpatialFusion",
            description="Draw the metric depth map of an image that does not exist yet, from its prompt (and, when "
            "editing, from the source image). Look at it, edit it, measure it, then apply it to the model.",
            search_aliases=[
                "spatialfusion",
                "text to depth",
                "depth from prompt",
                "depth plan",
                "layout",
                "metric depth",
            ],
            inputs=[
                ModelType.Input("spatialfusion", tooltip="From Load SpatialFusion Model."),
                io.String.Input(
                    "prompt",
                    multiline=True,
                    dynamic_prompts=True,
                    default=EXAMPLE,
                    tooltip="What to draw, with what is where: left, right, in front of, behind, metres. When editing, "
                    "the instruction.",
                ),
                *size_inputs("the image to come, a multiple of 16"),
                io.Int.Input(
                    "depth_steps",
                    default=DEPTH_STEPS,
                    min=1,
                    max=200,
                    tooltip="Steps of the depth sampler. 1 gives the mean of all depths that fit the prompt, which is "
                    "smooth; from 8 on it is one of them. When editing, take 1.",
                ),
                io.Float.Input(
                    "depth_guidance",
                    default=DEPTH_GUIDANCE,
                    min=0.0,
                    max=20.0,
                    step=0.1,
                    tooltip="How strictly depth follows the prompt: guidance away from the empty prompt. 1 is none. "
                    "When editing, take 1.",
                ),
                seed_input("Another seed draws another depth. The seed of a sampler is separate."),
                io.Int.Input(
                    "batch_size",
                    default=1,
                    min=1,
                    max=64,
                    tooltip="How many depths to draw: one for each image of the latent batch.",
                ),
                clip_input(),
                *image_inputs(""),
            ],
            outputs=[
                GeometryType.Output(
                    display_name="geometry",
                    tooltip="Depth in metres, validity and camera. The core's MoGe nodes take it too.",
                ),
                io.Conditioning.Output(display_name="positive", tooltip="Of the same prompt, for the sampler."),
            ],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        spatialfusion,
        prompt,
        width,
        height,
        depth_steps,
        depth_guidance,
        seed,
        batch_size,
        clip=None,
        image=None,
        vae=None,
    ) -> io.NodeOutput:
        from .host.prompt import check_size, fit_images, read_prompt, with_references

        if not isinstance(prompt, str):
            raise InputError(f"prompt is a {type(prompt).__name__}: expected text.")
        check_finite(depth_guidance=depth_guidance)
        check_size(width, height)
        images = fit_images(image, height, width)
        context, conditioning = read_prompt(spatialfusion, clip, prompt, images)
        conditioning = with_references(conditioning, vae, images)
        empty = None
        if depth_guidance != 1:
            empty, _ = read_prompt(spatialfusion, clip, "", images, allow_empty=True)

        network = spatialfusion.network
        comfy.model_management.load_models_gpu([spatialfusion.model], force_full_load=True)
        # The rule of the Python pipeline: with the same seed everywhere, the depth is the same everywhere.
        generators = depth_generators([torch.Generator().manual_seed(seed)] * batch_size)
        bar = comfy.utils.ProgressBar(depth_steps)

        def after_step(step: int, estimate: Geometry) -> None:
            comfy.model_management.throw_exception_if_processing_interrupted()
            bar.update_absolute(step + 1, depth_steps, live(estimate))

        def for_batch(one):
            return None if one is None else one.to(network.device, network.dtype).select([0] * batch_size)

        geometry = network.predict_geometry(
            for_batch(context),
            (height, width),
            generators,
            null_context=for_batch(empty),
            source=torch.stack([images[0]] * batch_size) if images else None,
            steps=depth_steps,
            guidance=depth_guidance,
            callback=after_step,
        )
        shown = show(cls, geometry, about_words(spatialfusion, clip, prompt))
        return io.NodeOutput(to_packet(geometry), conditioning, ui=shown)
