"""Limit Control to Steps: a start and an end for the control patches of a model that have none."""

from __future__ import annotations

import math
from typing import Any

from comfy_api.latest import io

from ..spatialfusion.errors import InputError
from .inputs import check_finite

# Patches that are called with one dict and return it changed; the core's control networks are among these.
PLACES = ("double_block", "single_block", "noise_refiner", "post_input")


class SpatialFusionLimitControl(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SpatialFusionLimitControl",
            display_name="Limit Control to Steps",
            category="SpatialFusion",
            description=(
                "Let a control that was applied to the model work in a part of the steps only: for Z-Image Fun and "
                "Qwen-Image DiffSynth ControlNets, which have no start and end of their own."
            ),
            search_aliases=[
                "start percent",
                "end percent",
                "controlnet",
                "z-image fun",
                "diffsynth",
                "model patch",
                "blockout",
                "depth",
            ],
            inputs=[
                io.Model.Input("model", tooltip="From Apply Z-Image Fun ControlNet, or the like."),
                io.Float.Input(
                    "start_percent",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Part of the schedule at which the control sets in, as in Apply ControlNet.",
                ),
                io.Float.Input(
                    "end_percent",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Part of the schedule at which the control ends. A blockout rules the layout best when it "
                    "ends half way.",
                ),
            ],
            outputs=[io.Model.Output("limited", display_name="model", tooltip="For any sampler.")],
        )

    @classmethod
    def execute(cls, model: Any, start_percent: float, end_percent: float) -> io.NodeOutput:
        check_finite(start_percent=start_percent, end_percent=end_percent)
        if not 0 <= start_percent <= end_percent <= 1:
            raise InputError(
                f"start_percent is {start_percent:g} and end_percent {end_percent:g}: expected "
                "0 <= start_percent <= end_percent <= 1."
            )
        if model is None:
            raise InputError("model is missing: expected a MODEL that a control was applied to.")
        limited = model.clone()
        sampling = limited.get_model_object("model_sampling")
        # At the ends the sampler's first and last sigma count, whatever rounding makes of them.
        first = math.inf if start_percent == 0 else float(sampling.percent_to_sigma(start_percent))
        last = -math.inf if end_percent == 1 else float(sampling.percent_to_sigma(end_percent))
        if start_percent == end_percent:
            first, last = -math.inf, math.inf
        patches = limited.model_options["transformer_options"].get("patches", {})
        wrapped: dict[int, LimitedControl] = {}  # one for a patch that is called at several places
        for place in PLACES:
            found = patches.get(place, [])
            for patch in found:
                if hasattr(patch, "models") and not hasattr(patch, "sigma_start"):
                    wrapped.setdefault(id(patch), LimitedControl(patch, first, last))
            if found:
                # A list of its own: that of the model before stays as it is.
                patches[place] = [wrapped.get(id(patch), patch) for patch in found]
        if not wrapped:
            raise InputError(
                "model has no control without a start and an end: expected one from Apply Z-Image Fun ControlNet, "
                "Apply Qwen Image DiffSynth ControlNet or the like; Apply ControlNet has its own start_percent and "
                "end_percent."
            )
        return io.NodeOutput(limited)


class LimitedControl:
    """A patch that is called where first >= sigma >= last only; elsewhere what it is given stays as it is."""

    def __init__(self, patch: Any, sigma_start: float, sigma_end: float):
        self.patch, self.sigma_start, self.sigma_end = patch, sigma_start, sigma_end

    def __call__(self, given: dict[str, Any]) -> dict[str, Any]:
        sigma = float(given["transformer_options"]["sigmas"].max())
        return self.patch(given) if self.sigma_start >= sigma >= self.sigma_end else given

    def to(self, *arguments: Any) -> LimitedControl:
        if hasattr(self.patch, "to"):
            self.patch = self.patch.to(*arguments)
        return self

    def models(self) -> list:
        return self.patch.models()

    def __getattr__(self, name: str) -> Any:
        # What else the host calls on patches: cleanup and the like.
        if name == "patch":
            raise AttributeError(name)
        return getattr(self.patch, name)
