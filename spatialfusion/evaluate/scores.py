"""Many images' scores as GenSpace reports them: sub-domains, averages, two ways to count, intervals by bootstrap.

- *released*, as the benchmark's evaluator does it: an image in which the objects are not found is dropped. In three
  editing sub-domains it counts 0 there too.
- *strict*: it counts 0 everywhere.

A model that fails to draw objects gains by the first; so both are given, with the share of skipped images. The scores
of a question's seeds are averaged first; intervals are over questions. Two models that answered the same questions are
compared question by question (`compare`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .questions import SUB_DOMAINS, Question

# GenSpace's editing templates 20 to 31.
ZERO_WHEN_SKIPPED = ("resize_object", "move_object", "move_camera")
RESAMPLES = 2000
WAYS = ("released", "strict")


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
    for task, groups in _groups(questions, scores).items():
        sub_domains = {
            name: {
                "questions": group.questions,
                **_counts(group.images, group.skipped),
                **{key: interval(group.estimates[key]) for key in WAYS},
            }
            for name, group in groups.items()
        }
        average = {
            "sub_domains": len(groups),
            **_counts(sum(group.images for group in groups.values()), sum(group.skipped for group in groups.values())),
            **{key: _average(_row_means(known.T), known) for key, known in _stacked(groups).items()},
        }
        summary[task] = {"sub_domains": sub_domains, "average": average}
    return summary


def compare(
    questions: Sequence[Question],
    ours: Sequence[Sequence[float | None]],
    theirs: Sequence[Sequence[float | None]],
    ratio: bool = False,
) -> dict[str, Any]:
    """Ours minus theirs (or ours as a part of theirs), paired: both answered the same questions with the same seeds.

    Every resample draws the same questions for both, so that what makes a question hard for both is no part of the
    interval.

    Args:
        ours, theirs: as `scores` of `summarise`.

    Returns:
        {task: {"sub_domains": {name: {"released", "strict"}}, "average": {"released", "strict"}}} with the intervals of
        `summarise`, in points, or in per cent of theirs. None where one of the two has no score or theirs is 0; the
        average is over the sub-domains in which both have one.
    """
    combine = np.divide if ratio else np.subtract
    theirs_of = _groups(questions, theirs)
    compared: dict[str, Any] = {}
    for task, groups in _groups(questions, ours).items():
        others = theirs_of[task]
        first, second = _stacked(groups), _stacked(others)
        with np.errstate(divide="ignore", invalid="ignore"):
            sub_domains = {
                name: {key: interval(combine(groups[name].estimates[key], others[name].estimates[key])) for key in WAYS}
                for name in groups
            }
            average = {}
            for key in WAYS:
                unknown = np.isnan(first[key]) | np.isnan(second[key])
                mine, other = (np.where(unknown, np.nan, one[key]) for one in (first, second))
                average[key] = _average(combine(_row_means(mine.T), _row_means(other.T)), mine)
        compared[task] = {"sub_domains": sub_domains, "average": average}
    return compared


def mean_interval(values: Sequence[float], digits: int = 4) -> dict[str, float] | None:
    """{"mean", "low", "high"} of one value a question, with the 95 % interval over questions; None without any."""
    known = np.array(values, dtype=np.float64)
    if not len(known):
        return None
    rows = np.random.default_rng(0).integers(len(known), size=(RESAMPLES, len(known)))
    return interval(np.concatenate([known.mean(keepdims=True), known[rows].mean(axis=1)]), 1, digits)


def interval(estimates: np.ndarray, scale: float = 100, digits: int = 2) -> dict[str, float] | None:
    """The first of the estimates with the 95 % interval of the others, its resamples; None if it is not finite."""
    if not np.isfinite(estimates[0]):
        return None
    resampled = estimates[1:]
    low, high = np.percentile(resampled[np.isfinite(resampled)], [2.5, 97.5])
    named = {"mean": estimates[0], "low": low, "high": high}
    return {name: round(scale * float(value), digits) for name, value in named.items()}


@dataclass(frozen=True)
class _Group:
    """The questions of one sub-domain. estimates: for each of WAYS the mean score [1 + RESAMPLES], 0 to 1: of the
    questions themselves, then of their resamples; NaN where nothing was judged."""

    questions: int
    images: int
    skipped: int
    estimates: dict[str, np.ndarray]


def _groups(questions: Sequence[Question], scores: Sequence[Sequence[float | None]]) -> dict[str, dict[str, _Group]]:
    """By task and sub-domain. The resamples are those of the questions' numbers: the same for every arm."""
    found: dict[str, dict[str, _Group]] = {}
    for task, names in SUB_DOMAINS.items():
        answers: dict[str, list[Sequence[float | None]]] = {name: [] for name in names}
        for question, images in zip(questions, scores):
            if question.task == task:
                answers[question.sub_domain].append(images)
        rng = np.random.default_rng(0)
        groups = {name: _group(task, name, group, rng) for name, group in answers.items() if group}
        if groups:
            found[task] = groups
    return found


def _group(task: str, name: str, answers: Sequence[Sequence[float | None]], rng: np.random.Generator) -> _Group:
    judged = [[value for value in images if value is not None] for images in answers]
    strict = np.array([_mean([value or 0.0 for value in images]) for images in answers])
    zero = task == "edit" and name in ZERO_WHEN_SKIPPED
    values = {"released": strict if zero else np.array([_mean(images) for images in judged]), "strict": strict}
    rows = rng.integers(len(answers), size=(RESAMPLES, len(answers)))
    estimates = {key: _row_means(np.concatenate([own[None], own[rows]])) for key, own in values.items()}
    images = sum(map(len, answers))
    return _Group(len(answers), images, images - sum(map(len, judged)), estimates)


def _stacked(groups: Mapping[str, _Group]) -> dict[str, np.ndarray]:
    """For each of WAYS the estimates of all sub-domains, [sub-domains, 1 + RESAMPLES]."""
    return {key: np.stack([group.estimates[key] for group in groups.values()]) for key in WAYS}


def _average(estimates: np.ndarray, parts: np.ndarray) -> dict[str, float] | None:
    """The interval of averages over parts [sub-domains, 1 + RESAMPLES], and of how many of them if not of all."""
    figures = interval(estimates)
    known = int((~np.isnan(parts[:, 0])).sum())
    if figures is not None and known < len(parts):
        # So that nobody takes it for the average over all of them.
        figures["sub_domains"] = known
    return figures


def _counts(images: int, skipped: int) -> dict[str, float | int]:
    return {"images": images, "skipped": skipped, "skip_rate": round(skipped / images, 4)}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def _row_means(values: np.ndarray) -> np.ndarray:
    """Means of the rows [n, k] over what is not NaN, [n]; NaN for a row of nothing else."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(axis=1) / known.sum(axis=1)
