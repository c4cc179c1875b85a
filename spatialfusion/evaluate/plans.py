"""How well a planner thinks in metres: scenes that it writes for questions, solved, and scored exactly without images.

The planner is the built-in reader of plain sentences, a language model, or a file of scene texts that anything wrote.
"""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..errors import InputError
from ..files import write_text
from ..planner.plan import plan_text
from ..planner.sentence import read_sentence
from ..scenes.scene import Scene
from ..scenes.statements import observe
from .judges.judge import Seen, SeenObject
from .questions import Question, digest
from .report import write_report
from .scores import summarise
from .verdicts import Verdict, judge_image

BUILT_IN = "built-in"
MAX_FILE = 64 << 20  # bytes
SIZE = (1024, 1024)  # the shape of the image for which scenes are solved
_NO_PIXELS = torch.zeros(0, 0, dtype=torch.bool)

Writer = Callable[[Question], str]  # a question's scene text, or an InputError that says why there is none


def evaluate_plans(
    out: Path,
    questions: Sequence[Question],
    seeds: Sequence[int],
    write: Writer,
    settings: dict[str, Any],
    progress: Callable[[Sequence[Question]], Sequence[Question]] = lambda questions: questions,
) -> dict[str, Any]:
    """Write, solve and score; `plans.jsonl` (the texts), `report.md` and `report.json` come to the folder `out`.

    A question without a scene, or whose scene lacks what was asked for, is skipped: it counts 0 in the strict score.
    Texts of an earlier start with the same settings are taken as they are.
    """
    kept = out / "plans.jsonl"
    head = json.dumps({"settings": settings}, sort_keys=True, ensure_ascii=False)
    texts = _earlier(kept, head)
    scores: list[list[float | None]] = []
    reasons: Counter[str] = Counter()
    out.mkdir(parents=True, exist_ok=True)
    for question in progress(questions):
        if question.id not in texts:
            try:
                texts[question.id] = {"id": question.id, "scene": write(question)}
            except InputError as error:
                texts[question.id] = {"id": question.id, "scene": None, "error": str(error)}
            lines = [head, *(json.dumps(each, ensure_ascii=False) for each in texts.values())]
            write_text(kept, "\n".join(lines) + "\n")
        verdicts = [_judge(question, texts[question.id], seed) for seed in seeds]
        reasons.update(verdict.reason.split(":")[0] for verdict in verdicts if verdict.reason)
        scores.append([verdict.score for verdict in verdicts])
    report = {
        "settings": settings,
        "questions": {"count": len(questions), "digest": digest(questions), "seeds": list(seeds)},
        "scores": summarise(questions, scores),
        "skipped": dict(reasons.most_common()),
        "unreadable": [],
        "depth": None,
        "notes": ["No image was drawn: the scenes themselves were scored, exactly."],
        "versions": {"spatialfusion": __version__, "torch": torch.__version__, "python": platform.python_version()},
    }
    write_report(out, report)
    return report


def find_writer(where: str, device: str | None = None) -> tuple[Writer, dict[str, Any]]:
    """The planner of --plans, and what the report says of it."""
    if where == BUILT_IN:
        return lambda question: read_sentence(question.prompt).text, {"plans": BUILT_IN}
    path = Path(where)
    if where.endswith(".jsonl") or path.is_file():
        texts = read_plans(path)

        def stored(question: Question) -> str:
            if question.id not in texts:
                raise InputError("not in the file")
            return texts[question.id]

        return stored, {"plans": path.name}
    from ..planner.llm import plan_with_llm
    from ..planner.load_llm import load_llm

    llm = load_llm(where, device)
    return lambda question: plan_with_llm(question.prompt, llm, 0, SIZE).text, {"plans": where}


def read_plans(path: Path) -> dict[str, str]:
    """Scene texts by question from a file of JSON lines, {"id": ..., "scene": ...} each."""
    right = 'expected lines such as {"id": "t2i-egocentric-0000", "scene": "house\\ncar left of house"}'
    try:
        if path.stat().st_size > MAX_FILE:
            raise InputError(f"the plans {path} are longer than {MAX_FILE:,} bytes: {right}.")
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the plans {path} cannot be read ({error}): {right}.") from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            if "settings" in data or ("error" in data and data.get("scene") is None):
                continue  # as `evaluate_plans` has written it
            name, text = data["id"], data["scene"]
        except (ValueError, TypeError, KeyError):
            raise InputError(f"line {number} of {path} is no plan: {right}.") from None
        if not isinstance(name, str) or not isinstance(text, str):
            raise InputError(f"line {number} of {path} is no plan: {right}.")
        found[name] = text
    return found


def judge_scene(question: Question, scene: Scene) -> Verdict:
    """The exact score of a scene for a text-to-image question."""
    observed = observe(scene).objects
    free = list(range(len(observed)))
    objects: list[SeenObject | None] = []
    for asked in question.asked:
        fitting = (i for i in free if _fits(scene, i, asked.kind, asked.color))
        index = next(fitting, None)
        objects.append(None if index is None else SeenObject(_NO_PIXELS, observed[index], 1.0))
        if index is not None:
            free.remove(index)
    surplus = sum(any(_fits(scene, i, asked.kind, asked.color) for asked in question.asked) for i in free)
    return judge_image(question, Seen(tuple(objects), surplus, scene.camera.hfov))


def _fits(scene: Scene, index: int, kind: str, color: str | None) -> bool:
    thing = scene.objects[index]
    return thing.kind == kind and color in (None, thing.color)


def _judge(question: Question, written: dict[str, Any], seed: int) -> Verdict:
    if written["scene"] is None:
        return Verdict(None, f"no scene: {written['error']}")
    try:
        return judge_scene(question, plan_text(written["scene"], seed, SIZE).scene)
    except InputError as error:
        return Verdict(None, f"no scene: {error}")


def _earlier(kept: Path, head: str) -> dict[str, dict[str, Any]]:
    """The texts that an earlier start with the same settings has left."""
    try:
        first, *lines = kept.read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines] if first == head else []
        return {each["id"]: each for each in found}
    except (OSError, ValueError, TypeError, KeyError):
        return {}
