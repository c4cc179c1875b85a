"""Many images' scores as GenSpace reports them: sub-domains, averages, two ways to count, intervals by bootstrap.

- *released*, as the benchmark's evaluator does it: an image in which the objects are not found is dropped. In three
  editing sub-domains it counts 0 there too.
- *strict*: it counts 0 everywhere.

A model that fails to draw objects gains by the first; so both are given, with the share of skipped images. The scores
of a question's seeds are averaged first; intervals are over questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .questions import SUB_DOMAINS, Question

# GenSpace's editing templates 20 to 31.
ZERO_WHEN_SKIPPED = ("resize_object", "move_object", "move_camera")
RESAMPLES = 2000


def summarise(questions: Sequence[Question], scores: Sequence[Sequence[float | None]]) -> dict[str, Any]:
    """
    Args:
        scores: for each question those of its images, one a seed, 0 to 1; None for a skipped image.

    Returns:
        {task: {"sub_domains": {name: figures}, "average": figures}}; figures are images, skipped, skip_rate (0 to 1),
        and released and strict as {"mean", "low", "high"} of 0 to 100, with the limits of the 95 % interval; released
        is None where every image was skipped. The average is over sub-domains, and each counts the same.
    """
    summary: dict[str, Any] = {}
    for task, names in SUB_DOMAINS.items():
        groups: dict[str, list[Sequence[float | None]]] = {name: [] for name in names}
        for question, images in zip(questions, scores):
            if question.task == task:
                groups[question.sub_domain].append(images)
        groups = {name: group for name, group in groups.items() if group}
        if not groups:
            continue
        rng = np.random.default_rng(0)
        sub_domains, resampled = {}, {"released": [], "strict": []}
        for name, group in groups.items():
            zero = task == "edit" and name in ZERO_WHEN_SKIPPED
            judged = [[value for value in images if value is not None] for images in group]
            strict = np.array([_mean([value or 0.0 for value in images]) for images in group])
            released = strict if zero else np.array([_mean(images) for images in judged])
            rows = rng.integers(len(group), size=(RESAMPLES, len(group)))
            count = sum(map(len, group))
            figures = {"questions": len(group), **_counts(count, count - sum(map(len, judged)))}
            for key, values in (("released", released), ("strict", strict)):
                means = _row_means(values[rows])
                resampled[key].append(means)
                figures[key] = _interval(_row_means(values[None])[0], means)
            sub_domains[name] = figures
        average = {
            "sub_domains": len(groups),
            **_counts(*(sum(one[key] for one in sub_domains.values()) for key in ("images", "skipped"))),
        }
        for key in ("released", "strict"):
            means = [figures[key]["mean"] / 100 for figures in sub_domains.values() if figures[key] is not None]
            average[key] = _interval(_mean(means), _row_means(np.array(resampled[key]).T))
            if 0 < len(means) < len(groups):
                # So that nobody takes it for the average over all of them.
                average[key]["sub_domains"] = len(means)
        summary[task] = {"sub_domains": sub_domains, "average": average}
    return summary


def _counts(images: int, skipped: int) -> dict[str, float | int]:
    return {"images": images, "skipped": skipped, "skip_rate": round(skipped / images, 4)}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def _row_means(values: np.ndarray) -> np.ndarray:
    """Means of the rows [n, k] over what is not NaN, [n]; NaN for a row of nothing else."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(axis=1) / known.sum(axis=1)


def _interval(mean: float, resampled: np.ndarray) -> dict[str, float] | None:
    if np.isnan(mean):
        return None
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return {name: round(100 * float(value), 2) for name, value in (("mean", mean), ("low", low), ("high", high))}
