"""How a saved workflow looks on ComfyUI's page: the boxes of its nodes, the curves of its links, the zoom it opens at.

Written from what the page draws, apart from what writes the workflows: a spline from an output at a node's right edge
to an input at a node's left edge, through the link's reroutes, at each of which it runs on smoothly.
"""

from __future__ import annotations

import math
from typing import Any

TITLE, SLOT = 30, 20
SCREEN = 1680, 1000
PART = 0.75  # of the screen, that the page gives to a template when it opens it
READABLE = 8 / 14  # below this zoom the page draws no text
MOST_BEND = 80  # of a link at a reroute

Point = tuple[float, float]
Box = tuple[float, float, float, float]


def box(node: dict[str, Any]) -> Box:
    """Left, top, right, bottom, with the title bar."""
    (x, y), (width, height) = node["pos"], node["size"]
    return x, y - TITLE, x + width, y + height


def opening_zoom(page: dict[str, Any]) -> float:
    boxes = [box(node) for node in page["nodes"]]
    margin = 10
    width = max(b[2] for b in boxes) - min(b[0] for b in boxes) + 2 * margin
    height = max(b[3] for b in boxes) - min(b[1] for b in boxes) + 2 * margin
    return min(PART * SCREEN[0] / width, PART * SCREEN[1] / height)


def output_point(node: dict[str, Any], slot: int) -> Point:
    return node["pos"][0] + node["size"][0] + 1 - SLOT / 2, node["pos"][1] + SLOT * (slot + 0.7)


def input_points(node: dict[str, Any], slot: int) -> list[Point]:
    """Where an input may be: that of a widget is somewhere below the sockets, which depends on the widgets' heights."""
    x, y = node["pos"][0] + SLOT / 2, node["pos"][1]
    if "widget" not in node["inputs"][slot]:
        return [(x, y + SLOT * (slot + 0.7))]
    sockets = max(sum("widget" not in i for i in node["inputs"]), len(node["outputs"]))
    return [(x, y + SLOT * sockets + SLOT), (x, y + node["size"][1] - SLOT / 2)]


def paths(page: dict[str, Any]) -> dict[int, list[list[Point]]]:
    """Points along each link, by its number; several courses where an input's place is not known exactly."""
    nodes = {node["id"]: node for node in page["nodes"]}
    reroutes = {reroute["id"]: reroute for reroute in page["extra"].get("reroutes", [])}
    parents = {link["id"]: link["parentId"] for link in page["extra"].get("linkExtensions", [])}
    links = {link[0]: link for link in page["links"]}
    chains = {number: chain(parents.get(number), reroutes) for number in links}
    found: dict[int, list[list[Point]]] = {}
    for number, (_, source, output, target, slot, _) in links.items():
        start = output_point(nodes[source], output)
        for end in input_points(nodes[target], slot):
            bends = {}
            before = start
            for reroute in chains[number]:
                at = tuple(reroutes[reroute]["pos"])
                nexts = []
                for other in reroutes[reroute]["linkIds"]:
                    rest = chains[other][chains[other].index(reroute) + 1 :]
                    finish = input_points(nodes[links[other][3]], links[other][4])[0] if other != number else end
                    nexts.append(tuple(reroutes[rest[0]]["pos"]) if rest else finish)
                bends[reroute] = bend(before, at, nexts)
                before = at
            found.setdefault(number, []).append(course(start, end, chains[number], reroutes, bends))
    return found


def chain(last: int | None, reroutes: dict[int, dict]) -> list[int]:
    found: list[int] = []
    while last is not None:
        found.insert(0, last)
        last = reroutes[last].get("parentId")
    return found


def bend(before: Point, at: Point, nexts: list[Point]) -> Point:
    """The direction in which a link runs through a reroute: half way between where it comes from and where it goes."""
    arriving = math.atan2(at[1] - before[1], at[0] - before[0])
    leaving = sum(math.atan2(n[1] - at[1], n[0] - at[0]) for n in nexts) / len(nexts)
    turn = (arriving - leaving) / 2
    if abs(turn) > math.pi / 2:
        turn += math.pi
    return math.cos(arriving - turn), math.sin(arriving - turn)


def course(start: Point, end: Point, through: list[int], reroutes: dict, bends: dict[int, Point]) -> list[Point]:
    points, at, leaving = [], start, None
    stops = [(tuple(reroutes[r]["pos"]), bends[r]) for r in through] + [(end, None)]
    for stop, direction in stops:
        length = math.dist(at, stop) / 4
        short = min(MOST_BEND, length)
        first = (at[0] + length, at[1]) if leaving is None else (at[0] + short * leaving[0], at[1] + short * leaving[1])
        if direction is None:
            second = stop[0] - length, stop[1]
        else:
            second = stop[0] - short * direction[0], stop[1] - short * direction[1]
        points += spline(at, first, second, stop)
        at, leaving = stop, direction
    return points


def spline(a: Point, b: Point, c: Point, d: Point, steps: int = 80) -> list[Point]:
    found = []
    for step in range(steps + 1):
        t = step / steps
        w = (1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t * t, t**3
        found.append((sum(k * p[0] for k, p in zip(w, (a, b, c, d))), sum(k * p[1] for k, p in zip(w, (a, b, c, d)))))
    return found


def hidden_links(page: dict[str, Any]) -> list[tuple[int, str]]:
    """Links that run behind a node, with its title; a link's own nodes may hide its ends, one slot deep."""
    nodes = {node["id"]: node for node in page["nodes"]}
    ends = {link[0]: (link[1], link[3]) for link in page["links"]}
    found = []
    for number, courses in paths(page).items():
        for node in nodes.values():
            left, top, right, bottom = box(node)
            inner = SLOT if node["id"] in ends[number] else 0
            if any(
                left + inner < x < right - inner and top + inner < y < bottom - inner
                for points in courses
                for x, y in points
            ):
                found.append((number, node.get("title", node["type"])))
    return found
