"""What the solver is to solve: a program with sizes, heights and all that does not change from layout to layout.

What is impossible at first sight is refused here, before the solver tries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from ..errors import InputError
from . import lexicon
from .looks import has_front
from .orders import checked_orders
from .plain import object_at
from .program import (
    ALLOCENTRIC,
    INTRINSIC,
    VIEW_SIDES,
    ObjectRelation,
    SceneProgram,
    camera_references,
    expand,
    member_names,
    members,
    object_names,
)
from .relations import SUPPORTED, Measures
from .scene import SceneObject
from .sizes import conflict, resolve_sizes

Array = np.ndarray
EYE_LEVEL = 1.55  # metres, of the middle of what hangs on a wall


@dataclass
class Unit:
    """Objects that are placed together: one, or a group in a row, in a circle, or around another object."""

    objects: list[int]
    arrangement: str = ""
    center: int = -1


@dataclass
class Problem:
    """What does not change from layout to layout."""

    program: SceneProgram
    objects: list[SceneObject]  # all but position and yaw
    measures: Measures
    relations: list[ObjectRelation]
    line_of: list[int]
    at: dict[int, tuple[float, ...]]
    yaw: dict[int, float]  # radians, in the world
    side: dict[int, str]  # that the camera is to see
    support: dict[int, ObjectRelation]
    units: list[Unit]
    unit_of: list[int]
    touching: list[list[ObjectRelation]]
    hidden: Array
    alone: Array  # [n, n] pairs that may touch, and do not hide each other
    walls: frozenset[int]
    against: frozenset[int]
    air: frozenset[int]
    base: Array
    aspect: float
    distances: list[ObjectRelation] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.objects)

    @cached_property
    def near(self) -> list[set[int]]:
        """For each object, the objects that its place may depend on and those that may depend on it."""
        found: list[set[int]] = [set() for _ in self.objects]
        pairs = [(r.subject, *r.references) for r in (*self.relations, *self.support.values())]
        pairs += [(unit.center, *unit.objects) for unit in self.units if unit.center >= 0]
        for pair in pairs:
            for i in pair:
                found[i].update(pair)
        return found

    @cached_property
    def fixed(self) -> Array:
        """[n] which objects have their places by numbers."""
        return np.array([i in self.at for i in range(self.count)])

    @cached_property
    def hung(self) -> Array:
        """[n] which objects hang on a wall."""
        return np.array([i in self.walls for i in range(self.count)])


def problem_of(program: SceneProgram, aspect: float) -> Problem:
    sizes = resolve_sizes(program)
    numbers = members(program)
    owners = [thing for thing in program.things for _ in range(thing.count)]
    objects = [
        object_at(thing, True, name, size, (0.0, 0.0, 0.0), 0.0)
        for thing, name, size in zip(owners, member_names(program), sizes)
    ]
    fronts = tuple(has_front(thing) for thing in objects)
    relations, units = _relations_and_units(program, numbers)
    distances, sees = camera_references(program)
    line = program.camera.line
    relations += [ObjectRelation("from camera", i, (), metres, line) for metres, i in distances]
    at = {i: thing.at for i, thing in enumerate(owners) if thing.at is not None}
    yaw = {i: math.radians(thing.yaw) for i, thing in enumerate(owners) if thing.yaw is not None}
    side = {i: VIEW_SIDES[thing.facing] for i, thing in enumerate(owners) if thing.facing}
    names = object_names(objects)
    relations = checked_orders(relations, names)
    for seen, i in sees:
        if side.setdefault(i, seen) != seen:
            raise conflict({line, owners[i].line}, f"{names[i]} cannot show its {seen} side and its {side[i]} side")
    support = {r.subject: r for r in relations if r.kind in SUPPORTED}
    room = program.place == "room"
    walls = {r.subject for r in relations if r.kind == "on wall"}
    if room:
        walls |= {
            i for i, o in enumerate(objects) if _place_of(o) == "wall" and i not in at and not _stands(i, support)
        }
    against = frozenset(r.subject for r in relations if r.kind == "against wall")
    measures = Measures(np.array(sizes, float), fronts, frozenset(walls))
    problem = Problem(
        program=program,
        objects=objects,
        measures=measures,
        relations=relations,
        line_of=[thing.line for thing in owners],
        at=at,
        yaw=yaw,
        side=side,
        support={i: r for i, r in support.items() if i not in walls},
        units=units,
        unit_of=[0] * len(objects),
        touching=[[] for _ in objects],
        hidden=np.array([thing.hidden for thing in owners]),
        alone=np.zeros((len(objects), len(objects)), bool),
        walls=frozenset(walls),
        against=against,
        air=frozenset(i for i, o in enumerate(objects) if _place_of(o) == "air" and i not in at and i not in support),
        base=np.zeros(len(objects)),
        aspect=aspect,
    )
    for index, unit in enumerate(units):
        for i in unit.objects:
            problem.unit_of[i] = index
    for relation in relations:
        for i in {relation.subject, *relation.references}:
            problem.touching[i].append(relation)
    _check_fronts(problem, names, sees)
    _set_bases(problem, names)
    return problem


def _place_of(thing: SceneObject) -> str:
    noun = lexicon.noun(thing.kind)
    return noun.place if noun else "floor"


def _stands(i: int, support: dict[int, ObjectRelation]) -> bool:
    return i in support and support[i].kind in ("on", "under")


def _relations_and_units(program: SceneProgram, numbers: list[range]) -> tuple[list[ObjectRelation], list[Unit]]:
    relations: list[ObjectRelation] = []
    units: list[Unit] = []
    arranged: dict[int, ObjectRelation] = {}
    for relation in expand(program):
        if relation.kind in ("around", "in a row", "in a circle"):
            arranged[relation.subject] = relation
        else:
            relations.append(relation)
    for thing, group in zip(program.things, numbers):
        said = arranged.get(group[0])
        if said is None:
            units += [Unit([i]) for i in group]
            # A group keeps together.
            mutual = any(not r.references and r.kind in ("facing", *INTRINSIC) for r in thing.relations)
            if not mutual:
                relations += [ObjectRelation("near", b, (a,), None, thing.line) for a, b in pairwise(group)]
        elif said.kind != "around":
            units.append(Unit(list(group), said.kind.removeprefix("in a ")))
        elif thing.count == 1:
            units.append(Unit([group[0]]))
            relations.append(ObjectRelation("next to", group[0], said.references[:1], None, said.line))
        else:
            units.append(Unit(list(group), "around", said.references[0]))
    return relations, units


def _check_fronts(problem: Problem, names: tuple[str, ...], sees: list[tuple[str, int]]) -> None:
    """Raise InputError for a relation to the sides or the direction of an object that has no front."""
    fronts = problem.measures.fronts

    def check(i: int, line: int, what: str) -> None:
        if not fronts[i]:
            raise InputError(
                f"line {line} of the scene text: {names[i]} has no front, so {what} means nothing; expected a thing "
                "with a front, or one that is like it."
            )

    for relation in problem.relations:
        if relation.kind in ALLOCENTRIC:
            check(relation.references[0], relation.line, f'"{relation.kind}"')
        elif relation.kind == "facing":
            check(relation.subject, relation.line, '"facing"')
        elif relation.kind in INTRINSIC:
            for i in (relation.subject, relation.references[0]):
                check(i, relation.line, f'"{relation.kind}"')
    for side, i in sees:
        check(i, problem.program.camera.line, f'"sees {side}"')
    # A thing that shows no direction cannot keep the one that its line promises.
    for i in [i for i in problem.side if not fronts[i]]:
        check(i, problem.line_of[i], '"facing"')


def _set_bases(problem: Problem, names: tuple[str, ...]) -> None:
    """Heights of the bases, from the ground upwards, and which pairs may touch."""
    sizes, base = problem.measures.sizes, problem.base
    done: set[int] = set()
    for start in range(problem.count):
        tower = [start]
        while tower[-1] in problem.support and tower[-1] not in done:
            below = problem.support[tower[-1]].references[0]
            if below in tower:
                lines = {problem.support[i].line for i in tower[tower.index(below) :]}
                raise conflict(lines, f"{names[below]} stands on itself, through other objects")
            tower.append(below)
        for i in reversed(tower):
            if i in done:
                continue
            done.add(i)
            at, relation = problem.at.get(i), problem.support.get(i)
            if at is not None and len(at) == 3:
                base[i] = at[2]
            elif relation is not None:
                j = relation.references[0]
                problem.alone[i, j] = problem.alone[j, i] = True
                if relation.kind == "on":
                    base[i] = base[j] + sizes[j][1]
                elif relation.kind == "above":
                    rise = relation.value if relation.value is not None else max(0.1, 0.4 * sizes[i][1])
                    base[i] = base[j] + sizes[j][1] + rise
                else:
                    base[i] = base[j]
                    if sizes[i][1] > sizes[j][1] or min(sizes[i][::2]) > max(sizes[j][::2]):
                        raise conflict(
                            {relation.line}, f"{names[i]} ({sizes[i][1]:g} m high) does not fit under {names[j]}"
                        )
            elif i in problem.walls:
                base[i] = max(EYE_LEVEL - sizes[i][1] / 2, 0.15)
    for relation in problem.relations:
        if relation.subject in problem.walls and relation.kind == "above":
            i, j = relation.subject, relation.references[0]
            lowest = base[j] + sizes[j][1] + (relation.value if relation.value is not None else 0.15)
            base[i] = lowest if relation.value is not None else max(base[i], lowest)
