"""One node from latent to latent, for those who want one: the core's own sampling with the backbone's settings."""

from __future__ import annotations

import comfy.samplers
from comfy_api.latest import io

from ..spatialfusion.backbones import BACKBONES, backbone_in_host
from ..spatialfusion.backbones.backbone import SamplerSettings
from ..spatialfusion.defaults import END, GUIDANCE, START, STEPS
from ..spatialfusion.errors import InputError
from .inputs import check_finite, seed_input, strength_input, told_scene_input
from .types import GeometryType, ModelType

PRESETS = {"tiny": SamplerSettings(STEPS, GUIDANCE)}
for _backbone in BACKBONES:
    PRESETS |= _backbone.host.settings if _backbone.host else {}
AUTOMATIC = "automatic"


def _words(preset: SamplerSettings) -> str:
    shift = "" if preset.shift is None else f", shift {preset.shift:g}"
    return f"{preset.steps} steps, cfg {preset.cfg:g}{shift}"


class SpatialFusionSampler(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="SpatialFusionSampler",
            display_name="Sample with Depth",
            category="SpatialFusion",
            description="Apply depth to the model and sample, with the settings of the loaded model. The same as Apply "
            "Depth to Model followed by KSampler.",
            search_aliases=["spatialfusion", "ksampler", "sampler", "generate", "depth sampler"],
            inputs=[
                io.Model.Input("model", tooltip="The diffusion model that the checkpoint was trained for."),
                ModelType.Input("spatialfusion", tooltip="From Load SpatialFusion Model."),
                io.Conditioning.Input("positive", tooltip="From Predict Metric Depth."),
                io.Conditioning.Input("negative", tooltip="From Encode Prompt for SpatialFusion."),
                io.Latent.Input("latent", tooltip="Empty for a new image; a noise mask and batch indices are kept."),
                seed_input("Another seed draws another image of the same depth."),
                io.Combo.Input(
                    "preset",
                    options=[AUTOMATIC, *PRESETS],
                    default=AUTOMATIC,
                    tooltip="Steps, cfg and shift of a backbone.\n- automatic: by the loaded checkpoint.\n"
                    + "\n".join(f"- {name}: {_words(preset)}" for name, preset in PRESETS.items()),
                ),
                io.Int.Input("steps", default=0, min=0, max=10000, tooltip="Steps of the image; 0: the preset's."),
                io.Float.Input(
                    "cfg",
                    default=0.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Guidance scale; 0: the preset's, 1: none.",
                ),
                io.Combo.Input(
                    "sampler_name",
                    options=list(comfy.samplers.KSampler.SAMPLERS),
                    default="euler",
                    tooltip="The core's samplers.",
                ),
                io.Combo.Input(
                    "scheduler",
                    options=list(comfy.samplers.KSampler.SCHEDULERS),
                    default="simple",
                    tooltip="The core's noise schedules.",
                ),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="How much of the latent is drawn anew; below 1 its layout is partly kept.",
                ),
                strength_input(),
                GeometryType.Input(
                    "geometry",
                    optional=True,
                    tooltip="Depth in metres. Without it the model is sampled as it comes.",
                ),
                told_scene_input(),
            ],
            outputs=[io.Latent.Output(display_name="latent", tooltip="For VAE Decode.")],
        )

    @classmethod
    def execute(
        cls,
        model,
        spatialfusion,
        positive,
        negative,
        latent,
        seed,
        preset,
        steps,
        cfg,
        sampler_name,
        scheduler,
        denoise,
        strength,
        geometry=None,
        scene=None,
    ) -> io.NodeOutput:
        from comfy_extras.nodes_model_advanced import ModelSamplingAuraFlow

        from nodes import common_ksampler

        from .apply_depth import SpatialFusionApplyDepth

        check_finite(cfg=cfg, denoise=denoise, strength=strength)
        if preset == AUTOMATIC:
            own = spatialfusion.encoder is not None
            preset = "tiny" if own else next(iter(backbone_in_host(spatialfusion.config.backbone).host.settings))
        if scene is not None and geometry is None:
            raise InputError("scene is connected and geometry is not: connect the geometry of the same node too.")
        chosen = PRESETS[preset]
        if chosen.shift is not None:
            (model,) = ModelSamplingAuraFlow().patch_aura(model, chosen.shift)
        if geometry is not None:
            options = {"strength": strength, "start": START, "end": END, "cond_only": False, "scene": scene}
            applied = SpatialFusionApplyDepth.execute(model, spatialfusion, geometry, **options)
            model = applied.result[0]
        (samples,) = common_ksampler(
            model,
            seed,
            steps or chosen.steps,
            cfg or chosen.cfg,
            sampler_name,
            scheduler,
            positive,
            negative,
            latent,
            denoise=denoise,
        )
        return io.NodeOutput(samples)
