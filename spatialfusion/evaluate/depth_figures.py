"""How the depth that an image was drawn from agrees with what a judge sees in the image, and with exact depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ..fitting import fit_geometry
from ..geometry import Geometry
from ..scenes.statements import ObservedObject
from .judge import Seen, SeenObject

# The middle of what one sees of an object is so far before its centre, as a part of half its extent along the line of
# sight: the median over objects of the rendered world. With exact depth and an exact judge it leaves 2.5 %.
BEFORE_CENTRE = 0.55
CLEAR = 1.15  # a ratio of two distances from which on their order is asked for, as in egocentric statements


def object_agreement(geometry: Geometry, seen: Seen) -> dict[str, Any]:
    """Planned distances of the objects against judged ones.

    Args:
        geometry: a batch of one.

    Returns:
        distance_errors: for each object found |planned - judged| / judged, of the distance from the camera to the
            object's centre. Planned is the median over the object's mask, moved from the surface to the centre.
        order: whether the plan has the first two objects in the judged order, None where that is not clear.
    """
    measured = [(_planned(geometry, one), one.observed) for one in seen.objects if one is not None]
    pairs = [(planned, math.hypot(*observed.position)) for planned, observed in measured if planned is not None]
    errors = [round(abs(planned - judged) / judged, 4) for planned, judged in pairs if judged > 0]
    order = None
    if len(pairs) == len(seen.objects) >= 2:
        (first, judged_first), (second, judged_second) = pairs[:2]
        if max(judged_first, judged_second) > CLEAR * min(judged_first, judged_second):
            order = (first < second) == (judged_first < judged_second)
    return {"distance_errors": errors, "order": order}


def _planned(geometry: Geometry, found: SeenObject) -> float | None:
    height, width = found.mask.shape
    geometry = fit_geometry(geometry, height, width)
    distances = geometry.points()[0].norm(dim=-1)[found.mask.cpu() & geometry.valid[0]]
    return distances.median().item() + BEFORE_CENTRE * _half_depth(found.observed) if len(distances) else None


def _half_depth(observed: ObservedObject) -> float:
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
    """AbsRel = mean |d - d*| / d*, and delta1 = the share with max(d/d*, d*/d) < 1.25, where both are known."""
    both = planned.valid & exact.valid
    if not both.any():
        return None
    ours, true = planned.depth[both], exact.depth[both]
    within: Tensor = (ours / true).maximum(true / ours) < 1.25
    return {"abs_rel": ((ours - true).abs() / true).mean().item(), "delta1": within.float().mean().item()}


def summarise_depth(records: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Medians and shares over the records that hold depth figures."""
    found = [record["depth"] for record in records if record.get("depth")]
    if not found:
        return None
    errors = sorted(error for one in found for error in one["distance_errors"])
    orders = [one["order"] for one in found if one["order"] is not None]
    exact = [one["exact"] for one in found if one.get("exact")]
    summary: dict[str, Any] = {
        "images": len(found),
        "objects": len(errors),
        "median_distance_error": round(errors[len(errors) // 2], 4) if errors else None,
        "pairs": len(orders),
        "order_agrees": round(sum(orders) / len(orders), 4) if orders else None,
    }
    if exact:
        summary["edits_against_exact_depth"] = {
            "images": len(exact),
            **{key: round(sum(one[key] for one in exact) / len(exact), 4) for key in ("abs_rel", "delta1")},
        }
    return summary
