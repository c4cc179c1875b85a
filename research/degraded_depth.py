"""What is exact depth worth when it is a little wrong? Scores of the evidence's questions with depth that was spoilt.

    python -m research.degraded_depth HOW [--count 60] [--model FOLDER] [--out FOLDER]

HOW is one of
    exact       nothing is spoilt
    blur-N      the logarithm of depth is averaged over N x N pixels (an odd N); what is sky stays sky
    scale-F     everything is F times as far
    lost        the last object is not there (text to image)
    source      of an edit the depth of its source: the instruction was not read at all

The embedded model draws, 12 steps in bf16, as in research/experiments/arms.yaml, and the scene judge judges. Printed
are the strict scores, 0 to 100, with 95 % intervals, and the share of images that were skipped. Started again it goes
on.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from spatialfusion.evaluate.evaluation import PROTOCOL, run_evaluation
from spatialfusion.evaluate.image_sources import Request
from spatialfusion.evaluate.judges.scene import SceneJudge
from spatialfusion.evaluate.pipeline_images import PipelineImages
from spatialfusion.evaluate.question_images import scene_geometry
from spatialfusion.evaluate.questions import Question, public_questions, select
from spatialfusion.files import weights_digest
from spatialfusion.generate import TINY, load_pipeline
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.scenes.scene import Scene


class SpoiltDepth(PipelineImages):
    """Exact depth, spoilt in one way."""

    how = "exact"

    def geometry(self, requests: Sequence[Request]) -> Geometry:
        geometry = scene_geometry([spoilt_scene(self.how, request.question) for request in requests], self.source_size)
        name, _, value = self.how.partition("-")
        if name == "blur":
            return replace(geometry, depth=blurred(geometry, int(value)))
        if name == "scale":
            return replace(geometry, depth=geometry.depth * float(value))
        return geometry


def spoilt_scene(how: str, question: Question) -> Scene:
    if how == "source":
        return question.scene
    scene = question.target
    if how == "lost":
        return replace(scene, objects=scene.objects[:-1])
    return scene


def blurred(geometry: Geometry, side: int) -> Tensor:
    """Depth [B, H, W], its logarithm averaged over the valid ones of side x side pixels; 0 where it is not valid."""
    valid = geometry.valid.float()
    logs = torch.where(geometry.valid, geometry.depth.clamp_min(1e-6).log(), 0.0)
    total, count = (F.avg_pool2d(x[:, None], side, 1, side // 2)[:, 0] for x in (logs, valid))
    return torch.where(geometry.valid, (total / count.clamp_min(1e-6)).exp(), 0.0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("how")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--model", default=None)
    parser.add_argument("--out", type=Path, default=Path("outputs/degraded"))
    options = parser.parse_args()
    if not re.fullmatch(r"exact|lost|source|blur-\d*[13579]|scale-\d+(\.\d+)?", options.how):
        parser.error(f"HOW is {options.how!r}: expected exact, lost, source, blur-N with an odd N, or scale-F.")
    tasks = {"lost": ("t2i",), "source": ("edit",)}.get(options.how, ("t2i", "edit"))
    questions = select(public_questions(options.count), tasks, count=options.count)
    pipeline = load_pipeline(options.model, "cpu")
    source = SpoiltDepth(pipeline, options.model or "embedded", questions, precision="bf16", num_inference_steps=12)
    source.how = options.how
    weights = weights_digest(*sorted(Path(options.model or TINY).rglob("*.safetensors")))
    settings = {"set": "public", "protocol": PROTOCOL, **source.settings, "how": options.how, "weights": weights}
    report, _ = run_evaluation(
        options.out / options.how, questions, (0,), source, SceneJudge.load(), settings, batch=32
    )
    for task in tasks:
        average = report["scores"][task]["average"]
        strict = average["strict"]
        print(
            f"{options.how} {task} {strict['mean']:.1f} [{strict['low']:.1f}, {strict['high']:.1f}], "
            f"skipped {average['skip_rate']:.2f}"
        )


if __name__ == "__main__":
    main()
