"""Which of the boxes found is which of the objects asked for, and how many boxes are left over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

OVERLAP = 0.5  # two boxes that share more than this (intersection over union) show one thing


def match(boxes: Tensor, scores: Tensor, wanted: Sequence[int]) -> tuple[list[int | None], int]:
    """The box of each object asked for, None where there is none, and the number of surplus boxes.

    boxes: [N, 4] corners; scores: [N, Q], 0 where a box is not what the query says; wanted: the query of each object.
    Among boxes that could be several things, the most confident pair of box and query is settled first, and a thing
    counts once. Objects of one query get its boxes by area, the largest first.
    """
    overlaps = overlap(boxes, boxes) > OVERLAP
    places = Counter(wanted)
    given: dict[int, list[int]] = {query: [] for query in places}
    spare: list[int] = []
    for box, query in _by_confidence(scores):
        if overlaps[box, [other for boxes_of in given.values() for other in boxes_of]].any():
            continue
        if len(given[query]) < places[query]:
            given[query].append(box)
        else:
            spare.append(box)
    used = [box for boxes_of in given.values() for box in boxes_of]
    surplus: list[int] = []
    for box in spare:
        if not overlaps[box, used + surplus].any():
            surplus.append(box)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    rows = {query: iter(sorted(boxes_of, key=lambda box: -area[box].item())) for query, boxes_of in given.items()}
    return [next(rows[query], None) for query in wanted], len(surplus)


def overlap(a: Tensor, b: Tensor) -> Tensor:
    """[N, M] intersection over union of boxes [N, 4] and [M, 4]."""
    low = torch.maximum(a[:, None, :2], b[:, :2])
    high = torch.minimum(a[:, None, 2:], b[:, 2:])
    shared = (high - low).clamp_min(0).prod(-1)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).prod(-1) for x in (a, b))
    return shared / (area_a[:, None] + area_b - shared).clamp_min(1e-9)


def _by_confidence(scores: Tensor) -> list[tuple[int, int]]:
    """(box, query) of all positive scores, highest first; among equals the first box."""
    pairs = [(box, query) for box, query in (scores > 0).nonzero().tolist()]
    return sorted(pairs, key=lambda pair: -scores[pair].item())
