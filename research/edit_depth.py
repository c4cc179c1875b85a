"""How far is the depth that is planned of an edit from the right one, and from that of the source image?

    python -m research.edit_depth [MODEL] [COUNT]

Held-out editing pairs, with 1, 4 and 16 steps and guidance 1 and 2. Printed is the mean over pairs of the AbsRel over
pixels that are valid in both, of all pixels and of those where the target has an object; the first line is how far
source and target are from each other. Last: of the pixels whose depth the edit changes by more than a tenth, the share
that is nearer to the target than to the source, by kind of edit too.
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
from spatialfusion.train.layout import covered

MODEL = Path(sys.argv[1] if len(sys.argv) > 1 else TINY)
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 32
FIRST_SEED = 2_000_000_000  # training and validation images are drawn from smaller seeds


def main() -> None:
    pipe = SpatialFusionPipeline.from_pretrained(MODEL)
    pipe.set_progress_bar_config(disable=True)
    pairs = [sample_edit(FIRST_SEED + i) for i in range(COUNT)]
    sources, targets = (render([getattr(pair, end) for pair in pairs]) for end in ("source", "target"))
    texts = [instruction(pair.source, pair.edit, torch.Generator().manual_seed(i)) for i, pair in enumerate(pairs)]
    seen = covered([pair.target for pair in pairs], *targets.depth.shape[-2:])
    apart = [error(sources.depth, sources.valid, targets, where).nanmean() for where in (None, seen)]
    print(f"source and target: {apart[0]:.3f}, at objects {apart[1]:.3f}")
    changes = changed(sources, targets)
    print(f"changed: {changes.float().mean():.3f} of the pixels")
    print("steps guidance  to the target, at its objects, to the source; changed, by kind")
    for steps in (1, 4, 16):
        for guidance in (1.0, 2.0):
            planned = [
                pipe.predict_geometry(
                    text,
                    image=sources.image[i : i + 1],
                    depth_steps=steps,
                    depth_guidance_scale=guidance,
                    generator=torch.Generator().manual_seed(i),
                )
                for i, text in enumerate(texts)
            ]
            depth, valid = (torch.cat([getattr(one, name) for one in planned]) for name in ("depth", "valid"))
            wanted = [
                error(depth, valid, rendering, where).nanmean().item()
                for rendering, where in ((targets, None), (targets, seen), (sources, None))
            ]
            followed = nearer(depth, valid & changes, sources, targets)
            kinds: dict[str, list[float]] = {"": []}
            for pair, share in zip(pairs, followed.tolist()):
                if share == share:  # NaN: nothing changed
                    kinds[""].append(share)
                    kinds.setdefault(pair.edit.kind, []).append(share)
            told = " ".join(f"{kind} {sum(own) / len(own):.2f}".strip() for kind, own in kinds.items())
            print(f"{steps:5d} {guidance:8.0f}  {' '.join(f'{value:.3f}' for value in wanted)}; {told}", flush=True)


def changed(sources: Rendering, targets: Rendering) -> Tensor:
    """Pixels [B, H, W] that are valid in both, and whose depth differs by more than a tenth."""
    return sources.valid & targets.valid & (away(sources.depth, targets.depth) > 0.1)


def nearer(depth: Tensor, where: Tensor, sources: Rendering, targets: Rendering) -> Tensor:
    """Share [B] of the pixels of `where` at which depth is nearer to the target's than to the source's."""
    share = (away(depth, targets.depth) < away(depth, sources.depth)) & where
    return share.sum(dim=(1, 2)) / where.sum(dim=(1, 2))


def away(one: Tensor, other: Tensor) -> Tensor:
    return (one.clamp_min(1e-6).log() - other.clamp_min(1e-6).log()).abs()


def error(depth: Tensor, valid: Tensor, wanted: Rendering, where: Tensor | None) -> Tensor:
    """AbsRel [B] of depth [B, H, W] over the pixels (of `where` alone) that are valid in both; NaN where none is."""
    both = valid & wanted.valid
    both = (both if where is None else both & where).float()
    relative = (depth - wanted.depth).abs() / wanted.depth.clamp_min(1e-6)
    return (relative * both).sum(dim=(1, 2)) / both.sum(dim=(1, 2))


if __name__ == "__main__":
    main()
