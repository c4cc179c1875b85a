"""Does drawn depth put two objects where the prompt asks, without any image?

    python -m research.depth_order RUN [MODEL] [COUNT]

RUN is a folder of a training run whose newest checkpoint of stage 1 holds a layout head (stage1.layout_weight; see
spatialfusion/train/layout.py). It is the judge: shown slightly noised depth and a caption that names the two objects
without their places ("a red car and a blue house"), it tells which kind is seen where. Its own error, on exact depth of
held-out scenes, is printed first. MODEL (without it, RUN's own) draws depth for the first COUNT first-light prompts
about two kinds. Sides are judged by the kinds' middles, what is in front by the depth at the kinds' places; a share of
60 prompts is good to about 0.06.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from research.first_light import prompts
from spatialfusion.defaults import DEPTH_GUIDANCE, DEPTH_STEPS
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.model.context import PromptEncoder
from spatialfusion.model.depth_head import block_average
from spatialfusion.model.flow import add_noise
from spatialfusion.model.model import SpatialFusionModel
from spatialfusion.model.state import geometry_to_state, standardise_fov
from spatialfusion.scenes.captions import ASIDE, describe, off_direction
from spatialfusion.scenes.render import render
from spatialfusion.scenes.sample import sample_scene
from spatialfusion.scenes.scene import KINDS
from spatialfusion.scenes.statements import observe, propose
from spatialfusion.train.layout import CLASSES, LayoutHead

RUN = Path(sys.argv[1])
MODEL = Path(sys.argv[2]) if len(sys.argv) > 2 else RUN / "model"
COUNT = int(sys.argv[3]) if len(sys.argv) > 3 else 120
SIZE, BATCH, NOISE = (128, 128), 30, 0.1
WORDS = {"left": "to the left of", "closer": "in front of"}
CPU = torch.device("cpu")


class Asked(NamedTuple):
    """Two objects, and how the first stands to the second."""

    first: str
    second: str
    relation: str

    @property
    def kinds(self) -> list[int]:
        """Places in KINDS."""
        return [list(KINDS).index(text.rsplit(" ", 1)[1]) for text in (self.first, self.second)]

    @property
    def sideways(self) -> bool:
        return self.relation in ("to the left of", "to the right of")


class Judge:
    """Tells kinds in depth with the network and the layout head of a run."""

    def __init__(self, run: Path):
        self.model = SpatialFusionModel.load(run / "model", CPU)
        config = self.model.config
        self.encoder = PromptEncoder.load(run / "model", config.num_layers, llm_layers=config.llm_layers)
        checkpoint = max((run / "stage1" / "checkpoints").glob("step-*"))
        weights = load_file(checkpoint / "ema.safetensors")
        self.head = LayoutHead(self.model.config.hidden_size)
        own = {name: weights[f"layout.{name}"] for name in self.head.state_dict()}
        self.head.load_state_dict(own)

    @torch.no_grad()
    def right(self, geometry: Geometry, asked: list[Asked]) -> list[bool]:
        y, fov = geometry_to_state(geometry, self.model.config)
        y = block_average(y, y.shape[-1] // self.model.state_shape(*SIZE)[-1])
        t = torch.full((len(asked),), NOISE)
        y = add_noise(y, torch.randn(y.shape, generator=torch.Generator().manual_seed(0)), t)
        context = self.encoder.encode([f"{one.first} and {one.second}" for one in asked])
        no_source = torch.zeros(len(asked), dtype=torch.bool)
        fov = standardise_fov(fov, self.model.config)
        grids, _ = self.model.spatial_transformer(y, fov, t, context, None, no_source)
        told = self.head(grids[-1])
        kinds = told[0].softmax(1) + told[len(CLASSES)].softmax(1)
        cells = kinds.shape[-1]
        columns = (torch.arange(cells) + 0.5) / cells
        depth = F.avg_pool2d(geometry.depth.log().nan_to_num(5, 5, 5).clamp(-3, 5)[:, None], SIZE[0] // cells)[:, 0]
        answers = []
        for i, one in enumerate(asked):
            places = [kinds[i, 1 + kind] for kind in one.kinds]
            if one.sideways:
                first, second = ((p.sum(0) * columns).sum() / p.sum() for p in places)
            else:
                # Squares: where it is sure.
                first, second = ((p.square() * depth[i]).sum() / p.square().sum() for p in places)
            answers.append(bool(first < second) == (one.relation in WORDS.values()))
        return answers


def report(name: str, asked: list[Asked], right: list[bool]) -> None:
    for what, sideways in (("left and right", True), ("in front and behind", False)):
        found = [answer for one, answer in zip(asked, right) if one.sideways == sideways]
        print(f"{name}: {what} {sum(found) / len(found):.2f} of {len(found)}", flush=True)


def exact(judge: Judge) -> None:
    asked, scenes, seed = [], [], 5000
    while len(asked) < COUNT:
        scene, relation = sample_scene(seed, split="test"), ("left", "closer")[len(asked) % 2]
        seed += 1
        said = [s for s in propose(scene) if (s.domain, s.relation) == ("egocentric", relation)]
        if relation == "closer":
            said = [s for s in said if off_direction(s, observe(scene)) <= ASIDE]
        if said and len({thing.kind for thing in scene.objects}) == 2:
            names = [describe(scene.objects[place]) for place in (said[0].subject, said[0].reference)]
            asked.append(Asked(*names, WORDS[relation]))
            scenes.append(scene)
    right = []
    for start in range(0, COUNT, BATCH):
        part = scenes[start : start + BATCH]
        rendering = render(part, size=SIZE)
        cameras = torch.stack([scene.camera.intrinsics(1.0) for scene in part])
        right += judge.right(Geometry(rendering.depth, rendering.valid, cameras), asked[start : start + BATCH])
    report("exact depth", asked, right)


def drawn(judge: Judge) -> None:
    model = SpatialFusionModel.load(MODEL, CPU)
    encoder = PromptEncoder.load(MODEL, model.config.num_layers, llm_layers=model.config.llm_layers)
    asked = [Asked(*p.text.split(f" {p.relation} "), p.relation) for p in prompts(2 * COUNT)]
    asked = [one for one in asked if len(set(one.kinds)) == 2][:COUNT]
    right = []
    for start in range(0, len(asked), BATCH):
        part = asked[start : start + BATCH]
        context = encoder.encode([f"{one.first} {one.relation} {one.second}" for one in part])
        null = encoder.encode([""] * len(part), allow_empty=True)
        seeds = [torch.Generator().manual_seed(start + i) for i in range(len(part))]
        geometry = model.predict_geometry(context, SIZE, seeds, null, None, DEPTH_STEPS, DEPTH_GUIDANCE)
        right += judge.right(geometry, part)
    report("drawn depth", asked, right)


if __name__ == "__main__":
    found = Judge(RUN)
    exact(found)
    drawn(found)
