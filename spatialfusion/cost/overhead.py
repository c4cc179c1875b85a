"""From the parts of a generation to its whole: the plain model, and what SpatialFusion adds."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..backbones.published import Preset
from ..defaults import depth_settings
from .parts import Part, Request, count_flops, parts

# Models that need only so many steps are distilled, and are sampled without guidance: one pass for a step.
DISTILLED_STEPS = 8


@dataclass(frozen=True)
class Row:
    """Something that a generation may contain; parameters and operations that it adds to the plain model's."""

    name: str
    parameters: int
    flops: int


@dataclass
class Cost:
    """The parts of one preset, counted, and the sums over them."""

    preset: Preset
    request: Request
    parameters: dict[str, int]
    flops: dict[str, int]
    depth_steps: int | None = None  # None: as usual for the task

    def guided(self, steps: int) -> bool:
        return self.preset.guided and steps > DISTILLED_STEPS

    def plain(self, steps: int) -> Row:
        """The plain model: prefills, steps, and the autoencoder."""
        f, guided = self.flops, self.guided(steps)
        total = f["prefill"] + guided * f["prefill null"] + steps * (f["step"] + guided * f["step null"])
        total += f["decode"] + self.preset.images * f["encode"]
        return Row("plain model", sum(self.parameters[name] for name in ("prefill", "step", "decode")), total)

    def depth(self, steps: int) -> Row:
        """Drawing depth: its steps, then detail and residual, once for an image. Guidance needs the empty prompt."""
        f, is_edit = self.flops, self.preset.images > 0
        depth_steps, guidance = depth_settings(self.depth_steps, None, is_edit)
        guided = guidance != 1
        each = f["spatial"] + f["head"] + guided * (f["spatial null"] + f["head"])
        total = depth_steps * each + f["detail"] + f["adapter"] + is_edit * f["source"]
        if guided and not self.guided(steps):
            total += f["prefill null"]
        names = ("spatial", "head", "adapter", "source")
        return Row("depth", sum(self.parameters[name] for name in names), total)

    def in_model(self, steps: int) -> Row:
        """What depth changes inside the diffusion model: LoRA and delta of the input projection, not merged."""
        f = self.flops
        each = f["step with depth"] - f["step"]
        each += self.guided(steps) * (f["step null with depth"] - f["step null"])
        return Row("LoRA and input projection", self.parameters["step with depth"], steps * each)

    def added(self, steps: int) -> Row:
        rows = self.depth(steps), self.in_model(steps)
        return Row("SpatialFusion", sum(row.parameters for row in rows), sum(row.flops for row in rows))


def count(preset: Preset, request: Request, depth_steps: int | None = None) -> Cost:
    """Count everything on the meta device."""
    counted: dict[str, Part] = {}
    flops = {}
    for part in parts(preset, request, "meta", torch.bfloat16):
        counted[part.name] = part
        flops[part.name] = count_flops(part.run)
    return Cost(
        preset,
        request,
        {name: part.parameters for name, part in counted.items()},
        flops,
        depth_steps,
    )
