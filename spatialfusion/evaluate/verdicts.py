"""One image and what a judge saw in it: a score by GenSpace's formulas, or why there is none."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from ..needed import needed
from ..scenes.edits import Edit, score_edit
from ..scenes.statements import Observation, Statement, score
from .judges.judge import Asked, Seen
from .questions import Question


@dataclass(frozen=True)
class Verdict:
    """score: 0 to 1, or None where the image was skipped; then `reason` says why, its kind before a colon."""

    score: float | None
    reason: str = ""


def judge_image(question: Question, seen: Seen, before: Seen | None = None) -> Verdict:
    """
    Args:
        seen: what the judge saw of the `question.asked` in the image.
        before: what it saw of the `question.asked_before` in the source image of an edit. Both are judged, as
            GenSpace does: what a judge gets wrong in both cancels out of their difference.
    """
    if before is not None and (reason := _not_there(question.asked_before, before)):
        return Verdict(None, f"source, {reason}")
    if reason := _not_there(question.asked, seen):
        return Verdict(None, reason)
    found = needed(seen.observation).objects
    verdicts = [
        _score(question, Observation(tuple(found[i] for i in order)), before) for order in _orders(question.asked)
    ]
    known = [verdict for verdict in verdicts if verdict.score is not None]
    return max(known, key=lambda verdict: needed(verdict.score)) if known else verdicts[0]


def _score(question: Question, observed: Observation, before: Seen | None) -> Verdict:
    if question.statement is not None:
        reason = _unknown(observed, *_needs(question.statement), question.asked)
        return Verdict(None, reason) if reason else Verdict(score(observed, question.statement))
    source, edit = needed(needed(before).observation), needed(question.edit)
    if reason := _unknown(observed, *_edit_needs(edit, after=True), question.asked):
        return Verdict(None, reason)
    if reason := _unknown(source, *_edit_needs(edit, after=False), question.asked):
        return Verdict(None, f"source, {reason}")
    return Verdict(score_edit(source, observed, edit))


def _not_there(asked: Sequence[Asked], seen: Seen) -> str:
    missing = [_name(wanted) for wanted, found in zip(asked, seen.objects) if found is None]
    if missing:
        return f"not found: {', '.join(missing)}"
    return f"too many: {seen.surplus} more of the asked kind" if seen.surplus else ""


def _orders(asked: Sequence[Asked]) -> list[tuple[int, ...]]:
    """Every way to number the objects found, where some were asked for by the same name: the best one counts."""
    numbers = range(len(asked))
    return [
        order for order in itertools.permutations(numbers) if all(asked[i] == asked[k] for i, k in zip(numbers, order))
    ]


def _needs(statement: Statement) -> tuple[set[int | None], set[int | None]]:
    """The objects whose fronts, and those whose sizes, the formula needs."""
    subject, reference = statement.subject, statement.reference
    fronts: dict[str, set[int | None]] = {
        "camera_pose": {subject},
        "object_pose": {subject},
        "complex_pose": {subject, reference},
        "intrinsic": {subject, reference},
        "allocentric": {reference},
    }
    return fronts.get(statement.domain, set()), {subject, reference} if statement.domain == "object_size" else set()


def _edit_needs(edit: Edit, after: bool) -> tuple[set[int | None], set[int | None]]:
    if edit.kind == "add":
        return _needs(edit.statement) if after and edit.statement is not None else (set(), set())
    pose = edit.kind == "camera" and edit.index is not None
    turned = edit.kind == "rotate" and (after or edit.way.startswith("own_"))
    return {edit.index} if pose or turned else set(), {edit.index} if edit.kind == "resize" else set()


def _unknown(observed: Observation, fronts: set[int | None], sizes: set[int | None], asked: Sequence[Asked]) -> str:
    """A part that the formula needs and the judge has not given."""
    for part, numbers in (("front", fronts), ("size", sizes)):
        for number in sorted(number for number in numbers if number is not None):
            if getattr(observed.objects[number], part) is None:
                return f"no {part} from the judge: {_name(asked[number])}"
    return ""


def _name(asked: Asked) -> str:
    return f"{asked.color} {asked.kind}" if asked.color else asked.kind
