"""How far is the depth that is planned of an edit from the right one, and from that of the source picture?

    python .ci/edit_depth.py [MODEL] [COUNT]

Held-out editing pairs, with 1, 4 and 16 steps and guidance 1 and 2. Printed is the mean over pairs of the AbsRel over
pixels that are valid in both; the first line is how far source and target are from each other.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

from spatialfusion.generate import TINY
from spatialfusion.pipeline import SpatialFusionPipeline
from spatialfusion.scenes.edits import instruction, sample_edit
from spatialfusion.scenes.render import Rendering, render

MODEL = Path(sys.argv[1] if len(sys.argv) > 1 else TINY)
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 32
FIRST_SEED = 2_000_000_000  # training and validation pictures are from seeds below


def main() -> None:
    pipe = SpatialFusionPipeline.from_pretrained(MODEL)
    pipe.set_progress_bar_config(disable=True)
    pairs = [sample_edit(FIRST_SEED + i) for i in range(COUNT)]
    sources, targets = (render([getattr(pair, end) for pair in pairs]) for end in ("source", "target"))
    texts = [instruction(pair.source, pair.edit, torch.Generator().manual_seed(i)) for i, pair in enumerate(pairs)]
    print(f"source and target: {error(sources.depth, sources.valid, targets).mean():.3f}")
    print("steps guidance  to the target, to the source")
    for steps in (1, 4, 16):
        for guidance in (1.0, 2.0):
            planned = [
                pipe.predict_geometry(
                    text,
                    image=sources.image[i : i + 1],
                    depth_steps=steps,
                    depth_guidance=guidance,
                    generator=torch.Generator().manual_seed(i),
                )
                for i, text in enumerate(texts)
            ]
            depth, valid = (torch.cat([getattr(one, name) for one in planned]) for name in ("depth", "valid"))
            wanted = [error(depth, valid, rendering).mean() for rendering in (targets, sources)]
            print(f"{steps:5d} {guidance:8.0f}  {wanted[0]:.3f} {wanted[1]:.3f}", flush=True)


def error(depth: Tensor, valid: Tensor, wanted: Rendering) -> Tensor:
    """AbsRel [B] of depth [B, H, W] over the pixels that are valid in both."""
    both = (valid & wanted.valid).float()
    relative = (depth - wanted.depth).abs() / wanted.depth.clamp_min(1e-6)
    return (relative * both).sum(dim=(1, 2)) / both.sum(dim=(1, 2)).clamp_min(1)


if __name__ == "__main__":
    main()
