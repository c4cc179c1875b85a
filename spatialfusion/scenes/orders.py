"""The orders that relations put things in: from left to right, and from near to far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .program import ObjectRelation
from .sizes import conflict

Edges = list[tuple[int, int, ObjectRelation]]
# Kinds that put their subject first, and those that put it last; the first of each has no other meaning.
_ORDERS = (
    ("left of", {"left of"}, {"right of"}, {"left of", "right of"}),
    ("nearer than", {"nearer than", "in front of"}, {"farther than", "behind"}, {"nearer than", "farther than"}),
)


def checked_orders(relations: Sequence[ObjectRelation], names: Sequence[str]) -> list[ObjectRelation]:
    """The relations without those that follow from others: who is left of b is left of what b is left of.

    Raises InputError, with the lines at odds, if things are left of each other, or nearer than each other, in a circle.
    """
    implied: set[int] = set()
    for what, first, last, plain in _ORDERS:
        edges = [(r.subject, r.references[0], r) for r in relations if r.kind in first]
        edges += [(r.references[0], r.subject, r) for r in relations if r.kind in last]
        ordered = _sorted(edges)
        circle = {a for a, _, _ in edges} - set(ordered)
        if circle:
            start, lines = _shortest_circle(circle, edges)
            raise conflict(lines, f"by them {names[start]} is {what} itself")
        after: dict[int, list[tuple[int, ObjectRelation]]] = {}
        for a, b, relation in edges:
            after.setdefault(a, []).append((b, relation))
        reached: dict[int, int] = {}  # as bits
        for a in reversed(ordered):
            beyond = 0
            for b, _ in after.get(a, ()):
                beyond |= reached.get(b, 0)
            own = 0
            for b, relation in after.get(a, ()):
                if (beyond >> b & 1 or own >> b & 1) and relation.value is None and relation.kind in plain:
                    implied.add(id(relation))
                own |= 1 << b
            reached[a] = beyond | own
    return [relation for relation in relations if id(relation) not in implied]


def _sorted(edges: Edges) -> list[int]:
    """What comes before what, as far as there is no circle (Kahn)."""
    after: dict[int, list[int]] = {}
    waiting: dict[int, int] = {}
    for a, b, _ in edges:
        after.setdefault(a, []).append(b)
        waiting[b] = waiting.get(b, 0) + 1
        waiting.setdefault(a, 0)
    found = [a for a, count in waiting.items() if count == 0]
    for a in found:
        for b in after.get(a, ()):
            waiting[b] -= 1
            if waiting[b] == 0:
                found.append(b)
    return found


def _shortest_circle(among: Iterable[int], edges: Edges) -> tuple[int, set[int]]:
    """A thing, and the lines by which it comes before itself: a shortest circle through the first that is on one."""
    after: dict[int, list[tuple[int, int]]] = {}
    for a, b, relation in edges:
        after.setdefault(a, []).append((b, relation.line))
    for start in sorted(among):
        came: dict[int, tuple[int, int]] = {}
        queue = [start]
        for here in queue:
            for there, line in after.get(here, ()):
                if there not in came:
                    came[there] = (here, line)
                    queue.append(there)
        if start in came:
            lines: set[int] = set()
            here = start
            while not lines or here != start:
                here, line = came[here]
                lines.add(line)
            return start, lines
    raise AssertionError("no circle")
