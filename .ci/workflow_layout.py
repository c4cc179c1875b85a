"""Where the nodes of a workflow stand on the page, and how its links run between them.

Nodes stand in columns, columns in rows. A link that would run behind a node is led around it by reroutes: down the gap
beside its node, along the corridor below the row, and up the gap before the node that it goes to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

TITLE, SLOT = 30, 20  # heights of a node's title bar and of a slot
WIDEST = 2170  # of a page that opens at a zoom at which its text shows, on a screen of 1680 x 1000
BESIDE, BELOW = (60, 84), 60  # least and most between columns, and between the nodes of one
HEADING, EDGE = 80, 16  # of a group, above its nodes and around them
STEEP = 160  # a link that rises or falls by more bends twice, or it would swing out of its gap
SWING = 10
LANE, CORRIDOR = 14, 44  # between links that run beside each other, and the least height for them below a row

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom; the title bar is part of it


@dataclass
class Place:
    """A node on the page. row, column: where it stands; height without the title bar; below: the gap to the next."""

    row: int
    column: int
    width: float
    height: float
    below: float = BELOW
    x: float = 0
    y: float = 0

    @property
    def box(self) -> Box:
        return self.x, self.y - TITLE, self.x + self.width, self.y + self.height


@dataclass
class Wire:
    """A link: from `start` of a node to `end` of another, both points measured from the nodes' corners."""

    source: int
    output: int
    target: int
    start: Point
    end: Point
    parent: int | None = None  # the last reroute


@dataclass
class Reroute:
    pos: Point
    parent: int | None
    wires: list[int] = field(default_factory=list)


@dataclass
class Group:
    title: str
    row: int
    columns: list[int]
    bounding: list[float] = field(default_factory=list)


def place(places: dict[int, Place], groups: list[Group], wires: dict[int, Wire]) -> dict[int, Reroute]:
    """Give every place its x and y and every group its bounding box; return the reroutes that the wires run through."""
    lanes: dict[tuple[int, int, int], int] = {}  # (node, output, row below which): which lane
    beside = _beside(places)
    for _ in range(3):  # lanes take height, and what is below moves
        _stand(places, groups, lanes, beside)
        reroutes, needed = _route(places, wires, beside)
        if needed == lanes:
            break
        lanes = needed
    return reroutes


def _beside(places: dict[int, Place]) -> float:
    """The gap between columns: as wide as the widest row allows."""
    found = BESIDE[1]
    for row in {p.row for p in places.values()}:
        widths: dict[int, float] = {}
        for p in (p for p in places.values() if p.row == row):
            widths[p.column] = max(widths.get(p.column, 0), p.width)
        found = min(found, (WIDEST - sum(widths.values())) / max(len(widths) - 1, 1))
    assert found >= BESIDE[0], f"the columns are {(BESIDE[0] - found) * (len(widths) - 1):.0f} too wide together"
    return found


def _stand(
    places: dict[int, Place], groups: list[Group], lanes: dict[tuple[int, int, int], int], beside: float
) -> None:
    top = 0.0
    for row in sorted({p.row for p in places.values()}):
        left, bottom = 0.0, top
        for column in sorted({p.column for p in places.values() if p.row == row}):
            members = [p for p in places.values() if (p.row, p.column) == (row, column)]
            width, y = max(p.width for p in members), top
            for member in members:
                member.x, member.y, member.width = left, y, width
                y += member.height + member.below
            left, bottom = left + width + beside, max(bottom, members[-1].box[3])
        for group in (g for g in groups if g.row == row):
            inside = [p for p in places.values() if p.row == row and p.column in group.columns and p.below == BELOW]
            x0, y0 = min(p.x for p in inside) - EDGE, min(p.y for p in inside) - HEADING
            x1, y1 = max(p.x + p.width for p in inside) + EDGE, max(p.y + p.height for p in inside) + EDGE
            group.bounding = [x0, y0, x1 - x0, y1 - y0]
        below = [number for (_, _, at), number in lanes.items() if at == row]
        top = bottom + EDGE + (CORRIDOR + LANE * (max(below) + 1) if below else EDGE) + HEADING


def _route(
    places: dict[int, Place], wires: dict[int, Wire], beside: float
) -> tuple[dict[int, Reroute], dict[tuple[int, int, int], int]]:
    boxes = {number: p.box for number, p in places.items()}
    reroutes: dict[int, Reroute] = {}
    needed: dict[tuple[int, int, int], int] = {}
    for wire in wires.values():
        wire.parent = None
    led: dict[tuple[int, int, int], list[int]] = {}
    for number, wire in wires.items():
        path = curve(start_of(wire, places), end_of(wire, places))
        if behind(path, wire.source, wire.target, boxes):
            row = min(places[wire.source].row, places[wire.target].row)
            led.setdefault((wire.source, wire.output, row), []).append(number)
    used: dict[tuple[int, int], int] = {}  # (row, gap): how many run there
    for trunk, numbers in led.items():
        source, _, row = trunk
        lane = needed[trunk] = sum(at == row for _, _, at in needed)
        bottom = max(p.y + p.height for p in places.values() if p.row == row)
        y = bottom + EDGE + CORRIDOR / 2 + LANE * lane
        gap = _gap(places, used, beside, places[source].row, places[source].column + 1)
        targets = {n: places[wires[n].target] for n in numbers}
        ends = {n: _gap(places, used, beside, target.row, target.column) for n, target in targets.items()}
        # A link that turns back swings out to one side at both its bends.
        back = [n for n in numbers if ends[n] < gap]
        gap -= SWING if back else 0
        ends |= {n: ends[n] + SWING for n in back}
        first, leaving = None, start_of(wires[numbers[0]], places)[1]
        if abs(y - leaving) > STEEP:
            first = _add(reroutes, (gap, leaving + SLOT), None)
        first = _add(reroutes, (gap, y), first)
        for way in (1, -1):  # to the right and to the left of the first
            before = first
            for number in sorted(numbers, key=lambda n: way * ends[n]):
                if (ends[number] >= gap) != (way > 0):
                    continue
                if abs(ends[number] - reroutes[before].pos[0]) > 2 * LANE:
                    before = _add(reroutes, (ends[number], y), before)
                last, arriving = before, end_of(wires[number], places)[1]
                if abs(y - arriving) > STEEP:
                    up = SLOT if arriving < y else -SLOT
                    last = _add(reroutes, (reroutes[before].pos[0], arriving + up), before)
                wires[number].parent = at = last
                while at is not None:
                    reroutes[at].wires.append(number)
                    at = reroutes[at].parent
    return reroutes, needed


def _add(reroutes: dict[int, Reroute], pos: Point, parent: int | None) -> int:
    number = len(reroutes) + 1
    reroutes[number] = Reroute(pos, parent)
    return number


def _gap(places: dict[int, Place], used: dict[tuple[int, int], int], beside: float, row: int, column: int) -> float:
    """Where the next link runs in the gap before a column."""
    number = used[row, column] = used.get((row, column), -1) + 1
    lefts = {p.column: p.x for p in places.values() if p.row == row}
    if column in lefts:
        edge = lefts[column]
    else:
        edge = max(p.x + p.width for p in places.values() if p.row == row) + beside
    return edge - beside / 2 + (0, 5, -5, 2.5, -2.5)[number % 5]


def start_of(wire: Wire, places: dict[int, Place]) -> Point:
    node = places[wire.source]
    return node.x + node.width + wire.start[0], node.y + wire.start[1]


def end_of(wire: Wire, places: dict[int, Place]) -> Point:
    node = places[wire.target]
    return node.x + wire.end[0], node.y + wire.end[1]


def curve(start: Point, end: Point) -> list[Point]:
    """Points of a link as the page draws it: a cubic curve that leaves to the right and comes from the left."""
    reach = math.dist(start, end) / 4
    return bezier(start, (start[0] + reach, start[1]), (end[0] - reach, end[1]), end)


def bezier(a: Point, b: Point, c: Point, d: Point, steps: int = 60) -> list[Point]:
    found = []
    for step in range(steps + 1):
        t = step / steps
        weights = (1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3
        found.append(tuple(sum(w * p[axis] for w, p in zip(weights, (a, b, c, d))) for axis in (0, 1)))
    return found


def behind(path: list[Point], source: int, target: int, boxes: dict[int, Box]) -> bool:
    """Whether a path runs behind a node; its own two hide its ends, up to a slot's place."""
    for number, (left, top, right, bottom) in boxes.items():
        inner = SLOT * 0.6 if number in (source, target) else -2
        if any(left + inner < x < right - inner and top + inner < y < bottom - inner for x, y in path):
            return True
    return False


def extra_of(reroutes: dict[int, Reroute], wires: dict[int, Wire]) -> dict[str, Any]:
    """What a file of format 0.4 says of reroutes."""
    if not reroutes:
        return {}
    return {
        "reroutes": [
            {"id": n, **({"parentId": r.parent} if r.parent else {}), "pos": list(r.pos), "linkIds": sorted(r.wires)}
            for n, r in reroutes.items()
        ],
        "linkExtensions": [{"id": n, "parentId": w.parent} for n, w in wires.items() if w.parent is not None],
    }
