"""Depth into a diffusion model: MODEL in, MODEL out, and any sampler after it."""

from __future__ import annotations

from comfy_api.latest import io

from ..spatialfusion.defaults import END, START
from ..spatialfusion.errors import InputError
from .inputs import check_finite, strength_input, told_scene_input
from .types import GeometryType, ModelType, check_scene, from_packet


class SpatialFusionApplyDepth(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="SpatialFusionApplyDepth",
            display_name="Apply Depth to Model",
            category="SpatialFusion",
            description="Give a diffusion model the depth that its image shall have. The result is a MODEL for any "
            "sampler; LoRAs, ControlNets and further depths may come before or after.",
            search_aliases=["spatialfusion", "depth adapter", "depth control", "depth conditioning", "patch model"],
            inputs=[
                io.Model.Input("model", tooltip="The diffusion model that the checkpoint was trained for."),
                ModelType.Input("spatialfusion", tooltip="From Load SpatialFusion Model."),
                GeometryType.Input(
                    "geometry",
                    tooltip="Depth in metres: predicted, imported, edited or composed. It is cut around its centre and "
                    "resized to the latent's size.",
                ),
                strength_input(),
                io.Float.Input(
                    "start",
                    default=START,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Part of the schedule at which depth sets in: 0 is the first step.",
                ),
                io.Float.Input(
                    "end",
                    default=END,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Part of the schedule at which depth ends: 1 is after the last step.",
                ),
                io.Boolean.Input(
                    "cond_only",
                    default=False,
                    advanced=True,
                    tooltip="Give depth to the positive prompt alone, so that guidance also pulls towards the depth. "
                    "Off is as trained.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Where depth matters: white is all, black is not at all. Resized to the latent.",
                ),
                told_scene_input(),
            ],
            outputs=[io.Model.Output(display_name="model", tooltip="For any sampler.")],
        )

    @classmethod
    def execute(
        cls, model, spatialfusion, geometry, strength, start, end, cond_only, mask=None, scene=None
    ) -> io.NodeOutput:
        from .host.injection import Injection, backbone_of, check_fit
        from .host.prompt import read_regions

        check_finite(strength=strength, start=start, end=end)
        if not 0 <= start <= end <= 1:
            raise InputError(f"start is {start:g} and end {end:g}: expected 0 <= start <= end <= 1.")
        depth = from_packet(geometry)
        for number, known in enumerate(depth.valid.flatten(1).any(1).tolist()):
            if not known:
                which = f"image {number + 1} of {len(depth)} of geometry" if len(depth) > 1 else "geometry"
                raise InputError(
                    f"{which} is unknown everywhere: expected depth in metres somewhere, as of another seed or source."
                )
        if mask is not None:
            if mask.ndim < 2 or mask.numel() == 0:
                raise InputError(f"mask has shape {list(mask.shape)}: expected [batch, height, width].")
            mask = mask.reshape(-1, *mask.shape[-2:]).float().cpu()
            if not mask.isfinite().all():
                raise InputError("mask has values that are not numbers (NaN): expected 0 to 1.")
            if len(mask) not in (1, len(depth)) and len(depth) != 1:
                raise InputError(
                    f"mask has {len(mask)} images and geometry {len(depth)}: expected one for all, or one for each."
                )
        backbone = backbone_of(model, spatialfusion)
        check_fit(model, spatialfusion, backbone)
        if strength == 0 or start == end:
            return io.NodeOutput(model.clone())
        regions = None if scene is None else read_regions(spatialfusion, check_scene(scene), depth)
        injection = Injection(spatialfusion, backbone, depth, strength, start, end, mask, cond_only, regions)
        return io.NodeOutput(injection.apply(model))
