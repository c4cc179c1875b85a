"""Does a model's loss tell a true caption from its opposite? A figure for what depth and image know of a relation.

    python -m research.caption_contrast [MODEL] [COUNT]

Held-out scenes with two objects, of which one is to the left or in front of the other. The true caption ("a red car in
front of a blue house") and the one with the objects exchanged are tried on the same noisy depth, and on the same noisy
latents without depth. Printed is the share of scenes whose loss is lower with the true caption: 0.5 is chance. With 96
scenes a share near a half is good to about 0.05.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

from spatialfusion.backbones.qwen_image import velocity
from spatialfusion.generate import TINY
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.latents import encode_latents
from spatialfusion.model.context import PromptEncoder, SemanticContext
from spatialfusion.model.depth_head import block_average
from spatialfusion.model.flow import add_noise
from spatialfusion.model.state import geometry_to_state, standardise_fov
from spatialfusion.pipeline import SpatialFusionPipeline
from spatialfusion.scenes.captions import ASIDE, describe, off_direction
from spatialfusion.scenes.render import render
from spatialfusion.scenes.sample import sample_scene
from spatialfusion.scenes.scene import Scene
from spatialfusion.scenes.statements import Statement, observe, propose

MODEL = Path(sys.argv[1] if len(sys.argv) > 1 else TINY)
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 96
WORDS = {"left": "to the left of", "closer": "in front of"}
LEVELS = (0.95, 0.85, 0.7)
DRAWS = 2  # noises for each scene and level


def draw_scenes(relation: str) -> list[tuple[Scene, Statement]]:
    """COUNT scenes with a statement of the relation, one each."""
    found: list[tuple[Scene, Statement]] = []
    seed = 5000
    while len(found) < COUNT:
        scene = sample_scene(seed, split="test")
        seed += 1
        said = [s for s in propose(scene) if (s.domain, s.relation) == ("egocentric", relation)]
        if relation == "closer":
            said = [s for s in said if off_direction(s, observe(scene)) <= ASIDE]
        if said and len({describe(thing) for thing in scene.objects}) == 2:
            found.append((scene, said[0]))
    return found


@torch.no_grad()
def contrast(pipe: SpatialFusionPipeline, encoder: PromptEncoder, relation: str) -> None:
    model = pipe.spatialfusion
    found = draw_scenes(relation)
    rendering = render([scene for scene, _ in found], size=(128, 128))
    cameras = torch.stack([scene.camera.intrinsics(1.0) for scene, _ in found])
    y, fov = geometry_to_state(Geometry(rendering.depth, rendering.valid, cameras), model.config)
    clean = block_average(y, y.shape[-1] // model.state_shape(128, 128)[-1])
    fov = standardise_fov(fov, model.config)
    latents = encode_latents(pipe.vae, rendering.image).float()
    names = [(describe(scene.objects[s.subject]), describe(scene.objects[s.reference])) for scene, s in found]
    captions = [f"{a} {WORDS[relation]} {b}" for a, b in names], [f"{b} {WORDS[relation]} {a}" for a, b in names]
    contexts = [encoder.encode(texts) for texts in captions]
    no_source = torch.zeros(COUNT, dtype=torch.bool)

    def depth_error(t: Tensor, draw: torch.Generator, context: SemanticContext) -> Tensor:
        noisy = add_noise(clean, torch.randn(clean.shape, generator=draw), t)
        noisy_fov = add_noise(fov, torch.randn(COUNT, generator=draw), t)
        x0 = model.denoise(noisy, noisy_fov, t, context, None, no_source)[0]
        return (x0 - clean)[:, 0].square().mean(dim=(1, 2))

    def image_error(t: Tensor, draw: torch.Generator, context: SemanticContext) -> Tensor:
        noise = torch.randn(latents.shape, generator=draw)
        v = velocity(pipe.transformer, add_noise(latents, noise, t), [], t, context.prompt_embeds, context.prompt_mask)
        return (v - (noise - latents)).square().mean(dim=(1, 2, 3))

    for name, error in (("depth", depth_error), ("image", image_error)):
        shares = []
        for level in LEVELS:
            t = torch.full((COUNT,), level)
            true, exchanged = (
                sum(error(t, torch.Generator().manual_seed(seed), context) for seed in range(DRAWS))
                for context in contexts
            )
            shares.append(f"{(true < exchanged).float().mean():.2f} at {level}")
        print(f"{relation}: {name} {', '.join(shares)}", flush=True)


def main() -> None:
    pipe = SpatialFusionPipeline.from_pretrained(MODEL)
    config = pipe.spatialfusion.config
    encoder = PromptEncoder.load(MODEL, config.num_layers, torch.device("cpu"), llm_layers=config.llm_layers)
    for relation in WORDS:
        contrast(pipe, encoder, relation)


if __name__ == "__main__":
    main()
