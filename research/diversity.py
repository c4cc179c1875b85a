"""How different the samples of one prompt are: another seed should be another scene of the same sentence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from spatialfusion.evaluate.judges.scene import SceneJudge
from spatialfusion.evaluate.questions import Question, select
from spatialfusion.evaluate.run_records import Records
from spatialfusion.evaluate.scores import mean_interval
from spatialfusion.geometry.files import load_geometry
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.images import read_image

from .quality import pooled_features

SIDE = 16  # pixels to a side that are compared: they show where things are, not how they are drawn
QUESTIONS = 20  # questions of each sub-domain that are looked at


def diversity(
    questions: Sequence[Question],
    seeds: Sequence[int],
    records: Records,
    features: SceneJudge | None = None,
    unit: float = 1.0,
) -> dict[str, Any] | None:
    """Mean distance between two samples of a prompt, over all pairs of seeds, then over prompts.

    Looks at the first QUESTIONS of each text-to-image sub-domain; edits leave little to chance. None with fewer than
    two seeds or no such question.

    Args:
        features: the judge whose features are compared, None for no such figure.
        unit: what distances of features are measured in, such as that of images of different scenes.

    Returns:
        prompts: with at least two images; and {"mean", "low", "high"} over prompts of
        pixels: root mean square difference of images in [0, 1] at 16x16,
        features: Euclidean distance of pooled features, in `unit`s; None without `features`,
        log_depth: mean absolute difference of the logarithm of depth at 16x16, where both are valid; None where images
            were not drawn from depth.
    """
    asked = select(questions, ("t2i",), count=QUESTIONS)
    if len(seeds) < 2 or not asked:
        return None
    values: dict[str, list[float]] = {"pixels": [], "features": [], "log_depth": []}
    for question in asked:
        files = [file for seed in seeds if (file := records.image(question, seed)) is not None]
        if len(files) < 2:
            continue
        images = [read_image(file) for file in files]
        small = [F.adaptive_avg_pool2d(image, SIDE) for image in images]
        values["pixels"].append(_mean(float((a - b).square().mean().sqrt()) for a, b in combinations(small, 2)))
        if features is not None:
            values["features"].append(mean_distance(pooled_features(features, images)) / unit)
        depths = [records.folder / "depth" / f"{question.id}-{seed}.npz" for seed in seeds]
        geometries = [load_geometry(path) for path in depths if path.exists()]
        differences = [d for a, b in combinations(geometries, 2) if (d := log_difference(a, b)) is not None]
        if differences:
            values["log_depth"].append(_mean(differences))
    return {"prompts": len(values["pixels"]), **{name: mean_interval(found) for name, found in values.items()}}


def mean_distance(features: np.ndarray) -> float:
    """Mean Euclidean distance over all pairs of features [N, C]."""
    return float(torch.pdist(torch.from_numpy(features)).mean())


def log_difference(first: Geometry, second: Geometry) -> float | None:
    """Mean |ln d1 - ln d2| where both (batches of one, of one size) are valid, None where they nowhere are."""
    both: Tensor = first.valid & second.valid
    return (first.depth[both].log() - second.depth[both].log()).abs().mean().item() if both.any() else None


def _mean(values) -> float:
    values = list(values)
    return sum(values) / len(values)
