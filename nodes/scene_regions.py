"""Scene to Regions: the words of each object where it is seen, and the whole prompt everywhere, as conditioning."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..spatialfusion.errors import InputError
from ..spatialfusion.planner.regions import regions, whole_prompt
from ..spatialfusion.texts import check_text
from .inputs import check_finite
from .scene_drawing import say
from .types import SCENE_NODES, ModelType, SceneType, check_scene


class SpatialFusionSceneRegions(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SpatialFusionSceneRegions",
            display_name="Scene to Regions",
            category="SpatialFusion",
            description=(
                "Regional prompts of a scene, for any model and without a ControlNet: each object's own words where it "
                "is seen, and the whole prompt everywhere."
            ),
            search_aliases=[
                "regional prompt",
                "regions",
                "attention couple",
                "mask conditioning",
                "area prompt",
                "blockout",
                "3d layout",
            ],
            inputs=[
                io.MultiType.Input(
                    "clip",
                    types=[io.Clip, ModelType],
                    tooltip="The text encoder of the diffusion model. For the built-in tiny model, which has no CLIP: "
                    "Load SpatialFusion Model.",
                ),
                SceneType.Input("scene", tooltip=f"From {SCENE_NODES}."),
                io.String.Input(
                    "style",
                    multiline=True,
                    dynamic_prompts=True,
                    default="",
                    tooltip="Words for all of the image, added to each prompt: oil painting, soft light.",
                ),
                io.String.Input(
                    "prompt",
                    multiline=True,
                    dynamic_prompts=True,
                    default="",
                    tooltip="What the whole image shows. Empty: the sentence of Plan Scene, or a list of the things "
                    "of the scene.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=10.0,
                    step=0.05,
                    tooltip="How much an object's own words count in its region, against the whole prompt, which "
                    "counts 1. 0 is the whole prompt alone.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(
                    "conditioning",
                    tooltip="For the positive input of a sampler. Each region costs one more call of the model in each "
                    "step.",
                ),
                io.String.Output("prompts", tooltip="The prompts: the whole one first, then that of each region."),
            ],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(cls, clip: Any, scene: Any, style: str, prompt: str, strength: float) -> io.NodeOutput:
        plan = check_scene(scene)
        check_finite(strength=strength)
        check_text(style, "style")
        check_text(prompt, "prompt")
        whole = whole_prompt(plan, style, prompt)
        conditioning = _encode(clip, whole)
        said, lines = [whole], []
        for region in regions(plan, style) if strength > 0 else ():
            said.append(region.words)
            lines.append(f"{region.words}: {region.share:.1%} of the image")
            mask = region.mask[None].float()
            conditioning += [
                [embeds, {**more, "mask": mask, "set_area_to_bounds": False, "mask_strength": strength}]
                for embeds, more in _encode(clip, region.words)
            ]
        lines += [warning for warning in plan.warnings if "cannot be seen" in warning]
        return io.NodeOutput(
            conditioning, "\n".join(said), ui=say(lines, "No regions: the whole prompt is everywhere.")
        )


def _encode(clip: Any, prompt: str) -> list:
    """CONDITIONING of a prompt, from a CLIP or a SpatialFusion model with a language model of its own."""
    from .host.loaded import LoadedModel
    from .host.prompt import read_prompt

    if isinstance(clip, LoadedModel):
        return read_prompt(clip, None, prompt, [])[1]
    if not hasattr(clip, "encode_from_tokens_scheduled"):
        raise InputError(
            f"clip is {'missing' if clip is None else f'a {type(clip).__name__}'}: expected the text encoder of the "
            "diffusion model; if a checkpoint has none, load one with Load CLIP."
        )
    return list(clip.encode_from_tokens_scheduled(clip.tokenize(prompt)))
