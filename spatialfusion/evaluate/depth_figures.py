"""How the depth that an image was drawn from agrees with what a judge sees in the image, and with exact depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..geometry.fitting import fit_geometry
from ..geometry.geometry import Geometry
from ..scenes.statements import ObservedObject
from .judges.judge import Seen
from .scores import mean_interval

# How far the middle of an object's visible surface lies before the object's centre, as a part of half its extent along
# the line of sight: the median over objects of the rendered world. With exact depth and an exact judge
# an error of 2.5 % is left.
BEFORE_CENTRE = 0.55
CLEAR = 1.15  # a ratio of two distances from which on their order is judged, as in egocentric statements


def object_agreement(geometry: Geometry, seen: Seen) -> dict[str, Any]:
    """Planned distances of the objects against judged ones.

    Args:
        geometry: a batch of one.

    Returns:
        distances: for each object found [planned, judged] metres from the camera to the object's centre.
        order: whether the plan has the first two objects in the judged order, None where that is not clear.
    """
    measured = [(planned_distance(geometry, one.mask, one.observed), one) for one in seen.objects if one is not None]
    pairs = [(planned, math.hypot(*one.observed.position)) for planned, one in measured if planned is not None]
    order = None
    if len(pairs) == len(seen.objects) >= 2:
        (first, judged_first), (second, judged_second) = pairs[:2]
        if max(judged_first, judged_second) > CLEAR * min(judged_first, judged_second):
            order = (first < second) == (judged_first < judged_second)
    distances = [[round(planned, 4), round(judged, 4)] for planned, judged in pairs if judged > 0]
    return {"distances": distances, "order": order}


def planned_distance(geometry: Geometry, mask: Tensor, observed: ObservedObject) -> float | None:
    """Metres from the camera to an object's centre as depth has it; None where depth is not valid.

    The median distance of the visible surface, and from there BEFORE_CENTRE of half the object's extent to its centre.

    Args:
        geometry: a batch of one.
        mask: [H, W] bool, the object's pixels; the geometry is fitted to its size.
        observed: for the extent.
    """
    geometry = fit_geometry(geometry, *mask.shape)
    distances = geometry.points()[0].norm(dim=-1)[mask.cpu() & geometry.valid[0]]
    return distances.median().item() + BEFORE_CENTRE * half_extent(observed) if len(distances) else None


def half_extent(observed: ObservedObject) -> float:
    """Half an object's extent along the line of sight, in metres; 0 where its size is unknown."""
    if observed.size is None:
        return 0.0
    width, _, length = observed.size
    if observed.front is None:
        return (width + length) / 4
    x, _, z = observed.position
    along = abs(x * observed.front[0] + z * observed.front[2]) / max(math.hypot(x, z), 1e-6)
    return (along * length + math.sqrt(max(0.0, 1 - along**2)) * width) / 2


def depth_errors(planned: Geometry, exact: Geometry) -> dict[str, float] | None:
    """`abs_rel_delta1` of depth where both are known; None where nothing is."""
    both = planned.valid & exact.valid
    return abs_rel_delta1(planned.depth[both], exact.depth[both]) if both.any() else None


def abs_rel_delta1(ours: Tensor, true: Tensor) -> dict[str, float]:
    """AbsRel = mean |d - d*| / d*, and delta1 = the share with max(d/d*, d*/d) < 1.25."""
    within: Tensor = (ours / true).maximum(true / ours) < 1.25
    return {"abs_rel": ((ours - true).abs() / true).mean().item(), "delta1": within.float().mean().item()}


def summarise_depth(rows: Sequence[Sequence[dict[str, Any]]]) -> dict[str, Any] | None:
    """Medians and shares over the records that hold depth figures; None if there are none.

    Args:
        rows: for each question the records of its images.

    Returns:
        at_objects: AbsRel and delta1 of the planned distances against the judged ones, a question's mean first, as
            {"mean", "low", "high"}. Agreement at objects: a judge knows no depth in between.
    """
    depths = [[record["depth"] for record in row if record.get("depth")] for row in rows]
    found = [one for row in depths for one in row]
    if not found:
        return None
    distances = [[pair for one in row for pair in one["distances"]] for row in depths]
    per_question = [torch.tensor(pairs, dtype=torch.float64) for pairs in distances if pairs]
    errors = sorted(error for pairs in per_question for error in ((pairs[:, 0] / pairs[:, 1] - 1).abs()).tolist())
    orders = [one["order"] for one in found if one["order"] is not None]
    exact = [one["exact"] for one in found if one.get("exact")]
    agreement = [abs_rel_delta1(*pairs.unbind(1)) for pairs in per_question]
    summary: dict[str, Any] = {
        "images": len(found),
        "objects": len(errors),
        "median_distance_error": round(errors[len(errors) // 2], 4) if errors else None,
        "at_objects": {key: mean_interval([one[key] for one in agreement]) for key in ("abs_rel", "delta1")},
        "pairs": len(orders),
        "order_agrees": round(sum(orders) / len(orders), 4) if orders else None,
    }
    if exact:
        summary["edits_against_exact_depth"] = {
            "images": len(exact),
            **{key: round(sum(one[key] for one in exact) / len(exact), 4) for key in ("abs_rel", "delta1")},
        }
    return summary
