"""General quality, so that a gain in space is not bought elsewhere: are images of plain captions like rendered ones?

The measure is the Frechet distance between two sets of images (Heusel et al. 2017, arXiv 1706.08500, whose features
are Inception's): each set is described by mean and covariance of features. Inception has never seen the rendered world,
so features are the scene judge's: those of its 8x8 places after the transformer, averaged over the image, from which
the judge reads the camera and what surrounds an object. Distances of other features or counts are other numbers.

Captions are plain (no metres, no poses) and of held-out scenes. The floor is the distance of the rendered images of
these same scenes: what a model would have that draws as the renderer does. It is not 0, as the sets are finite.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from spatialfusion.evaluate.image_sources import ImageSource, Request
from spatialfusion.evaluate.judges.judge import Asked
from spatialfusion.evaluate.judges.scene import BATCH, SceneJudge, to_square
from spatialfusion.evaluate.question_images import as_saved, save_image
from spatialfusion.evaluate.questions import Question
from spatialfusion.evaluate.run_records import Records
from spatialfusion.evaluate.scores import interval
from spatialfusion.progress import progress_bar
from spatialfusion.scenes.captions import plain_caption
from spatialfusion.scenes.render import render
from spatialfusion.scenes.sample import sample_scene
from spatialfusion.scenes.scene import Scene

SUB_DOMAIN = "plain"
# Seeds of scenes of the split "test"; the two ranges have none in common.
CAPTION_SEEDS, REFERENCE_SEEDS = 3_000_000, 4_000_000
RESAMPLES = 200
DIGITS = 5


class Gaussian(NamedTuple):
    """mean [C] and covariance [C, C] of features, float64."""

    mean: np.ndarray
    covariance: np.ndarray


def plain_questions(count: int) -> list[Question]:
    """The first `count` plain captions of held-out scenes; always the same. They are asked, and not scored."""
    questions = []
    for number in range(count):
        name = f"{SUB_DOMAIN}-{number:04d}"
        scene, seed = sample_scene(CAPTION_SEEDS + number, "test"), zlib.crc32(name.encode())
        text = plain_caption(scene, torch.Generator().manual_seed(seed)).text
        asked = tuple(Asked(thing.kind, thing.color) for thing in scene.objects)
        questions.append(Question(name, "t2i", SUB_DOMAIN, text, asked, scene=scene, seed=seed))
    return questions


def reference_scenes(count: int) -> list[Scene]:
    """Held-out scenes that no caption is of."""
    return [sample_scene(REFERENCE_SEEDS + number, "test") for number in range(count)]


def draw_plain(questions: Sequence[Question], source: ImageSource, records: Records, batch: int = 16) -> None:
    """Draw what is not yet in the records, one image a caption, to `<id>-0.png` in the records' folder."""
    todo = [question for question in questions if not records.finished(question, 0)]
    done = len(questions) - len(todo)
    with progress_bar(total=len(questions), initial=done, what="plain captions", unit="image") as bar:
        for start in range(0, len(todo), batch):
            requests = [Request(question, 0) for question in todo[start : start + batch]]
            new = []
            for request, drawn in zip(requests, source.draw(requests)):
                record = {"id": request.question.id, "seed": 0, "prompt": request.question.prompt, "score": None}
                record["reason"] = drawn.problem
                if drawn.image is not None:
                    record["image"] = f"{request.name}.png"
                    save_image(records.folder / record["image"], drawn.image)
                new.append(record)
            records.add(new)
            bar.update(len(new))


def rendered_images(scenes: Sequence[Scene], size: tuple[int, int]) -> list[Tensor]:
    """Images [3, H, W] of scenes at `size` (width, height), as their files would give them."""
    images: list[Tensor] = []
    for start in range(0, len(scenes), BATCH):
        images += [as_saved(image) for image in render(list(scenes[start : start + BATCH]), size).image]
    return images


@torch.no_grad()
def pooled_features(judge: SceneJudge, images: Sequence[Tensor]) -> np.ndarray:
    """Features [N, C] in float64 of images [3, H, W] in [0, 1], whose sizes may differ."""
    network, device = judge.network, judge.network.position.device
    found = []
    for start in range(0, len(images), BATCH):
        squares = torch.stack([to_square(image.to(device).float()) for image in images[start : start + BATCH]])
        found.append(network.features(squares).coarse.double().mean(dim=(2, 3)).cpu())
    return torch.cat(found).numpy()


def gaussian(features: np.ndarray) -> Gaussian:
    """Of features [N, C], N at least 2; the covariance is the unbiased one."""
    return Gaussian(features.mean(axis=0), np.atleast_2d(np.cov(features, rowvar=False)))


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), at least 0; covariances may be singular."""
    root = _square_root(first.covariance)
    # The eigenvalues of C1 C2 are those of the symmetric C1^(1/2) C2 C1^(1/2), whose roots need no complex numbers.
    values = np.linalg.eigvalsh(root @ second.covariance @ root)
    trace = np.trace(first.covariance) + np.trace(second.covariance) - 2 * np.sqrt(values.clip(0)).sum()
    return max(0.0, float(np.square(first.mean - second.mean).sum() + trace))


def distance_difference(ours: np.ndarray, theirs: np.ndarray, reference: Gaussian) -> dict[str, float]:
    """How much farther ours are from the reference than theirs, {"mean", "low", "high"}: features [N, C] of the same
    captions, which are resampled in pairs.

    A resample is farther away than its set, as it holds some captions twice; of both alike, so the difference remains.
    """
    rows = np.random.default_rng(0).integers(len(ours), size=(RESAMPLES, len(ours)))

    def difference(own: np.ndarray, other: np.ndarray) -> float:
        return frechet_distance(reference, gaussian(own)) - frechet_distance(reference, gaussian(other))

    estimates = [difference(ours, theirs), *(difference(ours[row], theirs[row]) for row in rows)]
    return interval(np.array(estimates), 1, DIGITS)


def _square_root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T
