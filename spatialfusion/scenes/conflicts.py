"""Which lines of a text are at odds, when no layout keeps them all."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..errors import InputError
from .draft import Draft, Purse, layouts_of
from .problem import Problem
from .render import Progress
from .sizes import conflict, minimal_conflict

EXPLAINED = 1500  # work that may be spent on an explanation
NAMED = 20  # most lines at odds that a message names


def explain(problem: Problem, progress: Progress | None = None) -> InputError:
    """The lines at odds: the fewest that were found to have no layout together. progress: as for `solver.solve`."""
    items = _items(problem)
    purse = Purse(EXPLAINED, progress)
    crowded = not _feasible(problem, [], 1, purse)
    if crowded and (lines := _crowded_support(problem)):
        return conflict(lines, "what they put on or above one thing has no room there")
    odd = [] if crowded else minimal_conflict(items, lambda some: _feasible(problem, some, 1, purse))
    if not purse.empty and len(odd) < len(items) and _feasible(problem, odd, 3, purse):
        odd = items
    lines = {line for line, _, _ in odd}
    if not lines or len(lines) > NAMED:
        return InputError(
            f"no layout of the scene text was found that keeps its relations and its {problem.count:,} objects apart; "
            "expected fewer of them."
        )
    return conflict(lines, "no layout was found that keeps all they say")


def _crowded_support(problem: Problem) -> set[int]:
    """The lines that put several things on or above the same one, the smallest for them; empty if none do."""
    sizes = problem.measures.sizes
    groups: dict[int, list[int]] = {}
    for i, relation in problem.support.items():
        groups.setdefault(relation.references[0], []).append(i)

    def load(j: int) -> float:
        return float(sum(sizes[i][0] * sizes[i][2] for i in groups[j]) / (sizes[j][0] * sizes[j][2]))

    several = [j for j, members in groups.items() if len({problem.support[i].line for i in members}) > 1]
    return {problem.support[i].line for i in groups[max(several, key=load)]} if several else set()


def _items(problem: Problem) -> list[tuple[int, str, int]]:
    """What the text wants, piece by piece: the line, what kind of wish, and of which object."""
    items = {(relation.line, "relation", 0) for relation in problem.relations if relation.kind != "near"}
    items |= {(problem.line_of[i], "side", i) for i in problem.side}
    items |= {(problem.line_of[i], "at", i) for i in problem.at}
    items |= {(problem.line_of[i], "yaw", i) for i in problem.yaw}
    return sorted(items)


def _feasible(problem: Problem, items: list[tuple[int, str, int]], starts: int, purse: Purse) -> bool:
    """Whether a layout is found that keeps a part of what the text wants, shown or not.

    When the purse is empty everything counts as feasible, so that a search ends.
    """
    kept = set(items)
    relations = [relation for relation in problem.relations if (relation.line, "relation", 0) in kept]

    def chosen(table: dict, kind: str) -> dict:
        return {i: value for i, value in table.items() if (problem.line_of[i], kind, i) in kept}

    fewer = dataclasses.replace(
        problem,
        relations=relations,
        at=chosen(problem.at, "at"),
        yaw=chosen(problem.yaw, "yaw"),
        side=chosen(problem.side, "side"),
        touching=[[r for r in touching if (r.line, "relation", 0) in kept] for touching in problem.touching],
    )
    # Objects of which nothing is wanted do not matter.
    involved = {i for relation in relations for i in (relation.subject, *relation.references)}
    involved |= fewer.at.keys() | fewer.yaw.keys() | fewer.side.keys()
    for i in list(involved):
        while i in problem.support:
            i = problem.support[i].references[0]
            involved.add(i)
    units = {problem.unit_of[i] for i in involved}
    units |= {problem.unit_of[problem.units[u].center] for u in units if problem.units[u].center >= 0}
    rng = np.random.default_rng(21)
    for _ in range(starts):
        if purse.empty:
            return True
        draft = Draft(fewer, rng, layouts_of(problem), purse)
        draft.build(units if items else range(len(problem.units)))
        for _ in range(3):
            if (draft.violations()[0].max(1) <= 0).any():
                return True
            draft.mend(2)
        if (draft.violations()[0].max(1) <= 0).any():
            return True
    return False
