"""From which level of noise on does the diffusion model still draw objects that are recognised?

    python -m research.recognition [--image-side FILE] [--model FOLDER] [--count N] [LEVEL ...]

Images of held-out scenes of two objects are noised to a level and drawn on from there, with their captions: without
depth, and with their exact depth. Printed is the share of objects that the scene judge finds by kind and colour; first
that of the rendered images, and that of the same after the autoencoder, beyond which no figure can go. Then the mean
squared error of the first step's velocity, at the cells where an object is seen, without depth and with it. At level 1
nothing is left of the image. 192 objects: a share of a half is good to about 0.04. --image-side draws with that of
another checkpoint, as in research/experiments/arms.yaml.
"""

from __future__ import annotations

import argparse
from itertools import pairwise

import torch
from torch import Tensor

from spatialfusion.backbones.depth_injection import DepthInjection
from spatialfusion.backbones.qwen_image import guide, predict
from spatialfusion.backbones.sampling import draw_noise, set_steps
from spatialfusion.evaluate.judges.accuracy import names
from spatialfusion.evaluate.judges.scene import SceneJudge
from spatialfusion.evaluate.question_images import scene_geometry
from spatialfusion.generate import load_pipeline
from spatialfusion.latents import decode_latents, encode_latents
from spatialfusion.model.context import PromptEncoder, SemanticContext
from spatialfusion.pipeline import SpatialFusionPipeline
from spatialfusion.scenes.captions import plain_caption
from spatialfusion.scenes.render import render
from spatialfusion.scenes.sample import sample_scene
from spatialfusion.scenes.scene import Scene
from spatialfusion.train.layout import covered

PARSER = argparse.ArgumentParser()
PARSER.add_argument("levels", nargs="*", type=float, default=[0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0])
PARSER.add_argument("--count", type=int, default=96)
PARSER.add_argument("--model")
PARSER.add_argument("--image-side")
SIZE, FIRST_SEED, STEPS, GUIDANCE = (128, 128), 9000, 20, 4.0


@torch.no_grad()
def main() -> None:
    options = PARSER.parse_args()
    pipe = load_pipeline(options.model, "cpu", image_side=options.image_side)
    judge = SceneJudge.load()
    scenes = [sample_scene(FIRST_SEED + i, split="test") for i in range(options.count)]
    images = render(scenes, SIZE).image

    def found(shown: Tensor) -> float:
        seen = judge.look(list(shown), [names(scene) for scene in scenes])
        objects = [one is not None for each in seen for one in each.objects]
        return sum(objects) / len(objects)

    x0 = encode_latents(pipe.vae, images).float()
    print(f"rendered {found(images):.2f}, after the autoencoder {found(decode_latents(pipe.vae, x0).float()):.2f}")
    contexts = read(pipe, scenes)
    residual = pipe.spatialfusion.adapter.residual(scene_geometry(scenes, SIZE), tuple(x0.shape[-2:]))
    cells = covered(scenes, *x0.shape[-2:])
    print("level  found without depth, with exact depth  error without, with")
    for level in options.levels:
        shares, errors = [], []
        for strength in (0.0, 1.0):
            injection = pipe.backbone.inject(pipe.transformer, residual, pipe.delta, strength)
            latents, error = draw(pipe, contexts, x0, level, injection)
            shares.append(found(decode_latents(pipe.vae, latents).float()))
            errors.append(error[cells].mean().item())
        print(f"{level:5.2f}  {shares[0]:.2f} {shares[1]:.2f}  {errors[0]:.3f} {errors[1]:.3f}", flush=True)


def read(pipe: SpatialFusionPipeline, scenes: list[Scene]) -> tuple[SemanticContext, SemanticContext]:
    """Contexts of plain captions, and of as many empty prompts."""
    config = pipe.spatialfusion.config
    encoder = PromptEncoder(pipe.text_encoder, pipe.tokenizer, pipe.image_processor, config.num_layers)
    texts = [plain_caption(scene, torch.Generator().manual_seed(i)).text for i, scene in enumerate(scenes)]
    return encoder.encode(texts), encoder.encode([""], allow_empty=True).select([0] * len(texts))


def draw(
    pipe: SpatialFusionPipeline,
    contexts: tuple[SemanticContext, ...],
    x0: Tensor,
    level: float,
    injection: DepthInjection,
) -> tuple[Tensor, Tensor]:
    """Latents drawn on from x0, noised to `level`, with the last steps of the usual schedule; and the squared error of
    the first step's velocity [B, h, w], before guidance."""
    noise = draw_noise([torch.Generator().manual_seed(i) for i in range(len(x0))], tuple(x0.shape[1:]))
    latents = level * noise + (1 - level) * x0
    sigmas = set_steps(pipe.scheduler, STEPS, x0.shape[-2] * x0.shape[-1] // 4)
    sigmas = torch.cat([torch.tensor([level]), sigmas[sigmas < level - 1e-3]])
    error = None
    with injection, torch.autocast("cpu", torch.bfloat16):
        for t, following in pairwise(sigmas):
            v, null = (predict(pipe.transformer, latents, [], t.expand(len(x0)), context) for context in contexts)
            if error is None:
                error = (v - (noise - x0)).square().mean(dim=1)
            latents = latents + (following - t) * guide(v, null, GUIDANCE)
    return latents, error


if __name__ == "__main__":
    main()
