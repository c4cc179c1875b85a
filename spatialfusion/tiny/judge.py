"""The stage `judge`: train the scene judge's network (evaluate/judges/scene_network.py) on rendered scenes.

Notable:
- The judge is to look at images that a diffusion model made, so half of its images come out of the autoencoder, from
  latents with noise; and all may be blurred, noised, warped a little, mirrored and shaded differently.
- In the rendered data all objects of an image differ in colour. Twins ("a red car and another red car") are rendered
  in addition, or the judge would never learn to tell two of one name apart.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from ..backbones.autoencoder_2d import Autoencoder2D
from ..data.rendered import RenderedScenes
from ..devices import channels_last
from ..errors import InputError
from ..evaluate.judges.accuracy import names, object_figures, score_figures, statement_cases
from ..evaluate.judges.judge import Seen
from ..evaluate.judges.scene import COLOR_NAMES, KIND_NAMES, SceneJudge
from ..evaluate.judges.scene_network import MASK_SIDE, SIDE, JudgeNetwork
from ..evaluate.judges.scene_numbers import NUMBERS, View, encode
from ..files import atomic_file
from ..latents import decode_latents, encode_latents
from ..needed import needed
from ..progress import progress_bar
from ..scenes.render import instances, render
from ..scenes.scene import Scene
from ..scenes.statements import observe
from ..sheet import image_tile, write_sheet
from ..train.config import TrainConfig
from ..train.data_stage import data_folders
from ..train.stage import Stage
from .diffusion import cached_latents

RESTORED_SHARE = 0.6  # how often an image is shown as restored, if it was
LATENT_NOISE = 0.5  # the most noise, in deviations of the latents
MIRRORED = torch.tensor([-1.0, 1, 1, 1, 1, 1, -1, 1])  # signs of a mirrored image's numbers; x becomes 1 - x
LEAST_CELLS = 12  # an object that covers fewer of 64x64 cells is not asked for
USUAL_CELLS = 400
VALIDATED, SHOWN = 128, 32  # images that are validated on, and that the sheet shows


class Targets(NamedTuple):
    """What is known of S scenes with up to N objects."""

    kinds: Tensor  # [S, N] indices, 0 where there is no object
    colors: Tensor  # [S, N]
    there: Tensor  # [S, N] bool
    numbers: Tensor  # [S, N, 8], see judges.scene_numbers
    cameras: Tensor  # [S, 2]: log tangent of half the field of view, pitch in radians


class JudgeStage(Stage):
    """Colours and centres of pixels; kinds, colours, places, sizes and turns of objects; the camera."""

    name = "judge"
    network = "judge"
    trained: JudgeNetwork

    def __init__(self, config: TrainConfig, run: Path, device: torch.device):
        super().__init__(config, run, device)
        train, validation = data_folders(config, run)
        self.data, self.validation = RenderedScenes(train), RenderedScenes(validation)
        if config.data.size[0] != config.data.size[1]:
            raise InputError(f"data.size = {config.data.size} must be square for the stage judge.")
        self.stride = -(-len(self.data) // max(1, min(config.judge.restored, len(self.data))))
        extra = twin_scenes(self.data.scenes, config.judge.twins)
        self.images = self._images(extra)
        self.targets = scene_targets([*self.data.scenes, *extra])
        sizes = config.model.judge
        self.trained = channels_last(JudgeNetwork(sizes.width, sizes.layers), device)

    def _images(self, extra: list[Scene]) -> dict[str, Tensor]:
        """Made once and kept in the run: masks of all images, images of the twins, and restored images."""
        path = self.run / self.name / f"pictures-{len(self.data)}-{len(extra)}-{self.stride}.safetensors"
        if not path.exists():
            size = (self.config.data.size[0], self.config.data.size[1])
            vae, latents = cached_latents(self.run, self.data, self.device)
            parts = [needed(render(extra[start : start + 32], size).image) for start in range(0, len(extra), 32)]
            twins = torch.cat(parts) if parts else torch.zeros(0, 3, size[1], size[0])
            with torch.no_grad():
                codes = [
                    encode_latents(vae, part.to(self.device)).half().cpu() for part in twins.split(32) if len(part)
                ]
            tensors = {
                "instance": instances([*self.data.scenes, *extra], size),
                "twins": _to_bytes(twins),
                "restored": _restore(vae, torch.cat([latents[:: self.stride], *codes]), self.config.seed),
            }
            with atomic_file(path) as temporary:
                save_file(tensors, temporary)
        return load_file(path)

    def __len__(self) -> int:
        return len(self.targets.kinds)

    def batch(self, indices: list[int], generators: list[torch.Generator]) -> dict[str, Any]:
        draws = torch.stack([torch.rand(13, generator=generator) for generator in generators])
        images = torch.stack([self._image(index, float(draw[0])) for index, draw in zip(indices, draws)])
        images = images.float() / 255
        instance = self.images["instance"][indices]
        images, instance = warp(images, instance, draws, generators)
        images = _degrade(images, draws, generators)
        targets = Targets(*(value[indices] for value in self.targets))
        mirrored = draws[:, 1] < 0.5
        images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
        instance = torch.where(mirrored[:, None, None], instance.flip(-1), instance)
        numbers = torch.where(mirrored[:, None, None], targets.numbers * MIRRORED, targets.numbers)
        numbers[..., 0] += mirrored[:, None].float()
        masks = instance_masks(instance, targets.there.shape[1])
        # What the judge will look at are its own patches: their edges run a little inside or outside of the true ones.
        patches = (F.avg_pool2d(masks, 3, 1, 1) > 0.3 + 0.4 * draws[:, 12, None, None, None]).float()
        return {
            "images": F.interpolate(images, (SIDE, SIDE), mode="bilinear") if images.shape[-1] != SIDE else images,
            "masks": masks,
            "patches": patches,
            "there": targets.there & (patches.sum(dim=(2, 3)) >= LEAST_CELLS),
            "kinds": targets.kinds,
            "colors": targets.colors,
            "numbers": numbers,
            "cameras": targets.cameras,
        }

    def _image(self, index: int, draw: float) -> Tensor:
        """[3, H, W] uint8, as rendered or as restored."""
        twin = index - len(self.data)
        place = -(-len(self.data) // self.stride) + twin if twin >= 0 else index // self.stride
        if draw < RESTORED_SHARE and (twin >= 0 or index % self.stride == 0):
            return self.images["restored"][place]
        return self.images["twins"][twin] if twin >= 0 else self.data.images[index]

    def loss(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        network, masks, there, numbers = self.trained, batch["masks"], batch["there"], batch["numbers"]
        features = network.features(batch["images"])
        dense = network.dense(features)
        # Pixels: colour (0: none), and the centre of the object. Those of small objects count for more.
        label = (masks * (batch["colors"] + 1)[..., None, None]).sum(1).long()
        weight = (USUAL_CELLS / masks.sum(dim=(2, 3)).clamp_min(1)).sqrt().clamp(1, 3)
        inside = (masks * weight[..., None, None]).sum(1)
        color_map = (F.cross_entropy(dense.logits, label, reduction="none") * inside.clamp_min(1)).mean()
        # A product and a sum: autocast would round what an einsum takes.
        goal = (masks[:, :, None] * numbers[..., :2, None, None]).sum(1)
        center_map = ((dense.centers - goal).abs().sum(1) * inside).sum() / inside.sum().clamp_min(1)
        # Objects.
        vectors, kinds, colors = network.objects(features, batch["patches"])
        found = network.measure(vectors, batch["kinds"], batch["patches"], dense.centers)
        error = (found - numbers).abs()[there]
        front = numbers[..., 6:].norm(dim=-1)[there] > 0.5
        turn = (found[..., 6:] - numbers[..., 6:]).square().sum(-1)[there]
        camera = (network.camera(features) - batch["cameras"]).abs().mean(0)
        # How far apart objects are in depth, beside how far away: relations hang on it.
        apart, pairs = _differences(found[..., 2], there), _differences(numbers[..., 2], there)
        parts = {
            "color_map": color_map,
            "center_map": 5 * center_map,
            "kind": 0.5 * F.cross_entropy(kinds[there], batch["kinds"][there]),
            "color": 0.2 * F.cross_entropy(colors[there], batch["colors"][there]),
            "center": 5 * error[:, :2].sum(1).mean(),
            "distance": 3 * error[:, 2].mean(),
            "order": 2 * (apart - pairs).abs().sum() / max(1, len(apart)),
            "size": error[:, 3:6].sum(1).mean(),
            "turn": turn[front].sum() / front.sum().clamp_min(1),
            "camera": camera[0] + 2 * camera[1],
        }
        return functools.reduce(torch.add, parts.values()), {name: value.detach() for name, value in parts.items()}

    @torch.no_grad()
    def validate(self, folder: Path, step: int) -> dict[str, float]:
        judge, scenes = SceneJudge(self.trained), self.validation.scenes[:VALIDATED]
        images = list(self.validation.images[:VALIDATED].float() / 255)
        maps = list(instances(scenes, (images[0].shape[-1], images[0].shape[-2])))
        seen = judge.look(images, [names(scene) for scene in scenes])
        rows = [sheet_row(*row) for row in list(zip(scenes, images, seen))[:SHOWN]]
        write_sheet(folder / f"sheet-{step}.png", rows, columns=4)
        scores = score_figures(statement_cases(judge, scenes, images))
        agreement = {f"agreement/{domain}": figures["agreement"] for domain, figures in scores.items()}
        return {**object_figures(judge, scenes, images, maps), **agreement}

    def export(self, model_folder: Path) -> None:
        SceneJudge(self.trained).save(model_folder / self.name)


def twin_scenes(scenes: list[Scene], most: int) -> list[Scene]:
    """Scenes with two objects of one kind, the second painted as the first."""
    found: list[Scene] = []
    for scene in scenes:
        kinds = [thing.kind for thing in scene.objects]
        second = next((i for i, kind in enumerate(kinds) if kind in kinds[:i]), None)
        if len(found) < most and second is not None:
            objects = list(scene.objects)
            objects[second] = replace(objects[second], color=objects[kinds.index(kinds[second])].color)
            found.append(replace(scene, objects=tuple(objects)))
    return found


def scene_targets(scenes: list[Scene]) -> Targets:
    most = max(len(scene.objects) for scene in scenes)
    kinds, colors = (torch.zeros(len(scenes), most, dtype=torch.long) for _ in range(2))
    there = torch.zeros(len(scenes), most, dtype=torch.bool)
    numbers = torch.zeros(len(scenes), most, NUMBERS)
    cameras = torch.zeros(len(scenes), 2)
    for s, scene in enumerate(scenes):
        view = View.of(scene.camera)
        cameras[s] = torch.tensor([view.half_tangent, view.pitch])
        for n, thing in enumerate(observe(scene).objects):
            kinds[s, n], colors[s, n] = KIND_NAMES.index(thing.kind), COLOR_NAMES.index(thing.color)
            there[s, n] = True
            numbers[s, n] = torch.tensor(encode(thing, view))
    cameras[:, 0] = cameras[:, 0].log()
    return Targets(kinds, colors, there, numbers, cameras)


def sheet_row(scene: Scene, image: Tensor, seen: Seen) -> tuple[str, list]:
    """A caption of what was asked for, with metres (found, exact), and the image beside the masks that were found."""
    words, shown = [], image / 3
    for thing, found in zip(observe(scene).objects, seen.objects):
        metres = math.hypot(*thing.position)
        if found is None:
            words.append(f"{thing.color} {thing.kind}: not found")
            continue
        words.append(f"{thing.color} {thing.kind} {math.hypot(*found.observed.position):.1f} ({metres:.1f}) m")
        shown = torch.where(found.mask, image, shown)
    return "; ".join(words), [image_tile(image), image_tile(shown)]


def instance_masks(instance: Tensor, most: int) -> Tensor:
    """Masks [B, most, 64, 64] of the objects of maps [B, H, W] of their indices."""
    rows, columns = (((torch.arange(MASK_SIDE) + 0.5) * side / MASK_SIDE).long() for side in instance.shape[-2:])
    grid = instance[:, rows][:, :, columns]
    return torch.stack([grid == number for number in range(most)], dim=1).float()


def _differences(values: Tensor, there: Tensor) -> Tensor:
    """Differences of values [B, N] between all pairs of objects that are there, [pairs]."""
    first, second = torch.triu_indices(there.shape[1], there.shape[1], 1)
    both = there[:, first] & there[:, second]
    return (values[:, first] - values[:, second])[both]


@torch.no_grad()
def _restore(vae: Autoencoder2D, latents: Tensor, seed: int) -> Tensor:
    """Images [N, 3, H, W] uint8 of normalised latents with noise, of another strength for each."""
    generator, device = torch.Generator().manual_seed(seed), vae.quant_conv.weight.device
    parts = []
    for code in progress_bar(latents.float().split(32), what="restore images"):
        strength = LATENT_NOISE * torch.rand(len(code), 1, 1, 1, generator=generator)
        noisy = code + strength * torch.randn(code.shape, generator=generator)
        # bf16 halves the time, and rounds by less than the noise.
        with torch.autocast(device.type, torch.bfloat16):
            parts.append(_to_bytes(decode_latents(vae, noisy.to(device)).float()))
    return torch.cat(parts)


def _to_bytes(images: Tensor) -> Tensor:
    return (images * 255).round().to(torch.uint8).cpu().contiguous()


# What a generated image may look like, beside a render ----------------------------------------------------------------


def warp(images: Tensor, instance: Tensor, draws: Tensor, generators: list[torch.Generator]) -> tuple[Tensor, Tensor]:
    """Bend some images and their maps smoothly, by a few pixels."""
    chosen = (draws[:, 2] < 0.3).nonzero()[:, 0]
    if not len(chosen):
        return images, instance
    bends = torch.stack([torch.randn(2, 5, 5, generator=generators[i]) for i in chosen])
    bends = bends * (0.03 * draws[chosen, 3])[:, None, None, None]
    flow = F.interpolate(bends, images.shape[-2:], mode="bicubic", align_corners=True).movedim(1, -1)
    still = F.affine_grid(torch.eye(2, 3).expand(len(chosen), -1, -1), list(images[chosen].shape), align_corners=False)
    grid = still + flow
    images, instance = images.clone(), instance.clone()
    images[chosen] = F.grid_sample(images[chosen], grid, padding_mode="border", align_corners=False)
    moved = F.grid_sample(
        instance[chosen, None].float(), grid, mode="nearest", padding_mode="border", align_corners=False
    )
    instance[chosen] = moved[:, 0].to(instance.dtype)
    return images, instance


def _degrade(images: Tensor, draws: Tensor, generators: list[torch.Generator]) -> Tensor:
    """Blur some, noise some, and vary the brightness, contrast and tint of all."""
    blurred = F.avg_pool2d(F.avg_pool2d(images, 3, 1, 1, count_include_pad=False), 3, 1, 1, count_include_pad=False)
    share = ((draws[:, 4] - 0.5) / 0.5).clamp_min(0)[:, None, None, None]
    images = images + share * (blurred - images)
    coarse = F.interpolate(F.avg_pool2d(images, 2), images.shape[-2:], mode="bilinear", align_corners=False)
    images = torch.where((draws[:, 5] < 0.15)[:, None, None, None], coarse, images)
    contrast, shift = 0.8 + 0.4 * draws[:, 6], 0.1 * (draws[:, 7] - 0.5)
    tint = 1 + 0.08 * (draws[:, 8:11] - 0.5)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    images = (mean + (images - mean) * contrast[:, None, None, None] + shift[:, None, None, None]) * tint[
        ..., None, None
    ]
    for i in (draws[:, 11] < 0.25).nonzero()[:, 0].tolist():
        strength = 0.2 * float(draws[i, 11])
        images[i] += strength * torch.randn(images[i].shape, generator=generators[i])
    return images.clamp(0, 1)
