"""Is the best of several images, chosen by comparing each with its scene, better than one? Strict scores, paired.

    python -m spatialfusion.evaluate --task t2i --count 11 --seeds 0,1,2,3 --geometry-from planned --out FOLDER
    python -m research.best_of FOLDER

Each image of FOLDER was drawn for the scene that its prompt is read as. What is compared with that scene is where the
judge of the run has found the things: by their distances from the camera, as *Compare Image with Scene* does
(`scenes/compare.py`), and by their places, which also tell left from right. The judge that measures for the choice is
the one that scores the result, by another formula but with the same eyes: where it is mistaken, the choice gains too.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spatialfusion.errors import InputError
from spatialfusion.evaluate.image_sources import Request
from spatialfusion.evaluate.planned import planned_scene
from spatialfusion.evaluate.questions import STORED, Question, public_questions
from spatialfusion.evaluate.run_records import Records
from spatialfusion.evaluate.scores import compare, summarise
from spatialfusion.scenes.compare import MOST, ComparedObject
from spatialfusion.scenes.scene import Scene
from spatialfusion.scenes.statements import observe


def closeness(question: Question, scene: Scene, record: dict[str, Any]) -> tuple[float, float]:
    """Mean over the objects asked for: by distance, and by place. 0 for what was not found."""
    free = list(range(len(scene.objects)))
    wanted = observe(scene).objects
    by_distance, by_place = [], []
    for asked, found in zip(question.asked, record.get("objects", ())):
        number = next((i for i in free if _fits(scene, i, asked)), None)
        if number is None:
            continue
        free.remove(number)
        there, here = wanted[number].position, found.get("position")
        away = math.hypot(*there)
        by_distance.append(ComparedObject(asked.kind, away, None if here is None else math.hypot(*here)).closeness)
        by_place.append(0.0 if here is None else max(0.0, 1 - math.dist(there, here) / away / MOST))
    return tuple(sum(values) / len(question.asked) for values in (by_distance, by_place))


def _fits(scene: Scene, number: int, asked: Any) -> bool:
    thing = scene.objects[number]
    return thing.kind == asked.kind and asked.color in (None, thing.color)


def candidates(
    question: Question, seeds: Sequence[int], rows: Sequence[dict[str, Any]], size: tuple[int, int]
) -> list[tuple[float, float]] | None:
    """The closeness of each image to its own scene; None where the prompt cannot be read."""
    found = []
    for seed, record in zip(seeds, rows):
        try:
            scene = planned_scene(question, Request(question, seed).noise_seed, size)
        except InputError:
            return None
        found.append(closeness(question, scene, record))
    return found


def main() -> None:
    folder = Path(sys.argv[1])
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    if settings.get("geometry_from") != "planned":
        raise SystemExit(f"{folder} was drawn from {settings.get('geometry_from')} depth: expected planned.")
    records = Records(folder, settings)
    seeds = sorted({seed for _, seed in records.known})
    ids = {name for name, _ in records.known}
    questions = [q for q in public_questions(STORED) if q.id in ids and all((q.id, s) in records.known for s in seeds)]
    rows = records.rows(questions, seeds)
    scores = [[record["score"] for record in row] for row in rows]
    closest = [candidates(q, seeds, row, tuple(settings["size"])) for q, row in zip(questions, rows)]

    def chosen(way: int) -> list[list[float | None]]:
        picks = [0 if c is None else max(range(len(seeds)), key=lambda i: c[i][way]) for c in closest]
        return [[row[pick]] for row, pick in zip(scores, picks)]

    ceiling = [[max(score or 0.0 for score in row)] for row in scores]
    unread = sum(c is None for c in closest)
    print(f"{len(questions)} questions, {len(seeds)} images each, {unread} prompts not read (the first is kept)")
    one = summarise(questions, scores)["t2i"]["average"]["strict"]
    print(f"one: {_said(one)}")
    for name, best in (("by distance", chosen(0)), ("by place", chosen(1)), ("by its score, the ceiling", ceiling)):
        strict = summarise(questions, best)["t2i"]["average"]["strict"]
        gain = compare(questions, best, scores)["t2i"]
        print(f"best of {len(seeds)} {name}: {_said(strict)}, {_said(gain['average']['strict'], '+')} more than one")
        for domain, figures in gain["sub_domains"].items():
            print(f"    {domain}: {_said(figures['strict'], '+')}")


def _said(figures: dict[str, float], sign: str = "") -> str:
    return f"{figures['mean']:{sign}.1f} [{figures['low']:{sign}.1f}, {figures['high']:{sign}.1f}]"


if __name__ == "__main__":
    main()
