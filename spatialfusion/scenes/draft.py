"""Layouts in the making, many at a time.

Each is built up unit by unit (an object, or a group that is arranged): a number of places is tried for it, most of them
where one of its relations wants it, and the best by all that can be said of it so far is kept. Sweeps over the units
then mend what became wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..needed import needed
from .looks import primitives_of
from .problem import Problem, Unit
from .program import ALLOCENTRIC, EGOCENTRIC, INTRINSIC, OPPOSITE, ObjectRelation
from .relations import (
    APART,
    SIDE_ANGLE,
    SUPPORTED,
    TURN,
    WITHIN,
    Measures,
    Pose,
    View,
    gap,
    over,
    side_error,
    towards,
    turned,
    violation,
)
from .render import Progress
from .surfaces import stand
from .view import Boxes, Cameras, Wish, camera_height, composition, draw_wish

Array = np.ndarray

LAYOUTS = 40  # layouts that are drawn at a time for a few objects; there are fewer for many
PLACES = 24  # places that are tried for each unit
DRIVERS = 12  # most relations that say where a unit goes
RENDERED = 40  # up to so many objects a small image shows what hides what; beyond, their boxes do
MOVED = 1e-3
# Relations that say where a thing goes.
PLACING = {*EGOCENTRIC, *ALLOCENTRIC, *INTRINSIC, *SUPPORTED, "next to", "between", "from", "from camera", "near"}


def layouts_of(problem: Problem) -> int:
    """How many layouts are drawn at a time."""
    return int(np.clip(LAYOUTS * 8 // max(problem.count, 8), 2, LAYOUTS))


@dataclass
class Purse:
    """The work that may still be done. `progress` is called with what is done and the whole; it may raise to stop."""

    left: float
    progress: Progress | None = None

    def __post_init__(self) -> None:
        self.whole = self.left

    @property
    def empty(self) -> bool:
        return self.left <= 0

    def spend(self, work: float) -> None:
        self.left -= work
        if self.progress is not None:
            self.progress(round(min(self.whole - self.left, self.whole)), round(self.whole))


class Draft:
    """Layouts while they are built: poses [N, n] in the view frame, and provisional cameras."""

    def __init__(self, problem: Problem, rng: np.random.Generator, count: int, purse: Purse) -> None:
        self.problem, self.rng, self.n = problem, rng, count
        shape = (count, problem.count)
        self.x, self.z, self.yaw = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.base = np.broadcast_to(problem.base, shape).copy()
        self.placed = np.zeros(problem.count, bool)
        self.wall = np.full(count, math.inf)
        self.purse = purse
        sizes = problem.measures.sizes
        for i in problem.air:
            self.base[:, i] = rng.uniform(0.5, 1.2, count) * max(sizes[i]) + 1.5
        self._lift_what_is_above()
        line = problem.program.camera
        numbers = dict(line.numbers)
        self.anchored = any(relation.kind == "from camera" for relation in problem.relations)
        small = float(sizes.max()) < 0.8
        self.wish: Wish = draw_wish(rng, count, line, sizes[:, 1], problem.aspect, small, self.anchored)
        self._draw_bearing(numbers)
        self._draw_camera(numbers)

    def _lift_what_is_above(self) -> None:
        """What is on or above a thing in the air is as much higher as that thing is."""
        problem = self.problem
        for i in problem.support:
            below = i
            while below in problem.support and problem.support[below].kind != "under":
                below = problem.support[below].references[0]
            if below in problem.air and below != i:
                self.base[:, i] += self.base[:, below] - problem.base[below]

    def _draw_bearing(self, numbers: dict[str, tuple[float, ...]]) -> None:
        """The camera's yaw: as given; or 0 where no thing has a place by numbers; or else drawn, mostly near 0."""
        problem = self.problem
        self.bearing = np.zeros(self.n)
        if "yaw" in numbers:
            self.bearing += math.radians(numbers["yaw"][0])
        elif problem.at:
            self.bearing = np.radians(self.rng.normal(0, 7, self.n))
            self.bearing[0] = 0.0
            # Where numbers alone place two things, only the view can put one left of the other, or nearer.
            if any(
                relation.kind in EGOCENTRIC and problem.at.keys() >= {relation.subject, *relation.references}
                for relation in problem.relations
            ):
                others = self.rng.random(self.n) < 0.6
                self.bearing = np.where(others, self.rng.uniform(-math.pi, math.pi, self.n), self.bearing)
        if "yaw" not in numbers:
            # So that a side of what is turned by numbers is seen.
            for i in [i for i in problem.side if i in problem.yaw]:
                near = TURN[problem.side[i]] - problem.yaw[i] + np.radians(self.rng.uniform(-20, 20, self.n))
                self.bearing = np.where(self.rng.random(self.n) < 0.7, near, self.bearing)

    def _draw_camera(self, numbers: dict[str, tuple[float, ...]]) -> None:
        problem, sizes = self.problem, self.problem.measures.sizes
        wanted = [needed(r.value) for r in problem.relations if r.kind == "from camera"]
        spread = sum(np.hypot(sizes[:, 0], sizes[:, 2]) / 2 + 0.25 * sizes[:, 1]) / math.sqrt(problem.count)
        steps = [r.value for r in problem.relations if r.value and r.kind not in ("from camera", "times as big as")]
        spread += 0.5 * sum(steps) / max(1.0, math.sqrt(len(steps)))
        distance = np.maximum(1.3 * spread / self.wish.half / self.wish.fill, 1.2 * float(sizes.max()))
        if wanted:
            distance = np.full(self.n, sum(wanted) / len(wanted))
        self.distance = distance
        top = float(sizes[:, 1].max())
        height = camera_height(self.wish, distance, top)
        if wanted and np.isnan(self.wish.height[0]):
            # The height is a part of the distance: not more than some of the nearest one's.
            height = np.minimum(height, 0.8 * min(wanted) + 0.3 * float(sizes[:, 1].min()))
        pitch = np.where(np.isnan(self.wish.pitch), np.arctan2(height - 0.4 * top, distance), self.wish.pitch)
        x: Array = np.zeros(self.n)
        z: Array = np.zeros(self.n)
        if "at" in numbers:
            x, z = self.to_view(*numbers["at"])
        elif not self.anchored:
            fixed = [self.to_view(at[0], at[1]) for at in problem.at.values()]
            for over, along in fixed:
                x, z = x + over, z + along
            if fixed:
                x, z = x / len(fixed), z / len(fixed)
            z = z - distance
        elif problem.at:
            near = next(self.to_view(at[0], at[1]) for at in problem.at.values())
            x, z = near[0], near[1] - distance
        self.camera = Cameras(x, z, height, pitch, self.wish.half.copy())

    def to_view(self, x: float, z: float) -> tuple[Array, Array]:
        cosine, sine = np.cos(self.bearing), np.sin(self.bearing)
        return cosine * x - sine * z, sine * x + cosine * z

    def pose(self, i: int) -> Pose:
        return Pose(self.x[:, i, None], self.z[:, i, None], self.base[:, i, None], self.yaw[:, i, None])

    def view(self) -> View:
        c = self.camera
        return View(c.x[:, None], c.z[:, None], c.height[:, None], c.half[:, None])

    def boxes(self) -> Boxes:
        return Boxes(self.x, self.z, self.base, self.yaw)

    # --- placing a unit ---

    def build(self, units: Iterable[int]) -> None:
        """Place units, those first that numbers fix or that others refer to."""
        problem = self.problem
        urgency = {index: self._urgency(index) for index in units}
        while urgency:
            index = max(urgency, key=lambda u: (urgency[u], -u))
            del urgency[index]
            self.place(index, mend=False)
            near = {problem.unit_of[j] for i in problem.units[index].objects for j in problem.near[i]}
            for other in near & urgency.keys():
                urgency[other] = self._urgency(other)

    def _urgency(self, index: int) -> tuple[float, ...]:
        problem, unit = self.problem, self.problem.units[index]
        ready, links, referred = True, 0.0, 0
        for i in unit.objects:
            below = problem.support.get(i)
            ready &= below is None or i in problem.at or bool(self.placed[below.references[0]])
            for relation in problem.touching[i]:
                others = [j for j in (relation.subject, *relation.references) if j not in unit.objects]
                if (others and all(self.placed[j] for j in others)) or relation.kind == "from camera":
                    links += 2.0 if relation.value is not None else 1.0
                referred += relation.subject not in unit.objects
        if unit.center >= 0:
            ready &= bool(self.placed[unit.center])
        fixed = any(i in problem.at for i in unit.objects)
        last = any(i in problem.walls for i in unit.objects)
        backed = any(i in problem.against for i in unit.objects)
        return (fixed, ready, not last, backed, links, referred, len(unit.objects))

    def place(self, index: int, mend: bool) -> None:
        """Try places for a unit and keep the best of each layout; when mending, only one that is better than now."""
        problem, unit = self.problem, self.problem.units[index]
        moved = [*unit.objects, *self._carried(unit)] if mend else list(unit.objects)
        count = PLACES if problem.count <= 400 else PLACES // 2
        touching = sum(len(problem.touching[i]) for i in moved)
        self.purse.spend(1.5 + 0.4 * touching + len(moved) * self.n * count * int(self.placed.sum()) / 1000)
        poses = self._candidates(unit, count)
        if mend:
            self._carry(moved, poses)
        cost = self._cost(moved, poses) + 0.15 * self.rng.random((self.n, count))
        for uneven in self._uneven.values():
            cost = cost + 4 * np.minimum(uneven, 2)
        best = cost.argmin(1)
        rows = np.arange(self.n)
        better = np.ones(self.n, bool)
        if mend:
            better = cost[rows, best] < self._cost(moved, {i: self.pose(i) for i in moved})[:, 0] - MOVED
        for i in moved:
            for values, new in (
                (self.x, poses[i].x),
                (self.z, poses[i].z),
                (self.base, poses[i].base),
                (self.yaw, poses[i].yaw),
            ):
                values[:, i] = np.where(better, np.broadcast_to(new, cost.shape)[rows, best], values[:, i])
        self.placed[unit.objects] = True
        if problem.against or problem.walls:
            self.settle_walls()

    def _carried(self, unit: Unit) -> list[int]:
        """The objects that stand on the unit or around it, directly or through others."""
        found: list[int] = []
        reached = set(unit.objects)
        changed = True
        while changed:
            changed = False
            for i in range(self.problem.count):
                if i in reached or i in self.problem.at or not self.placed[i]:
                    continue
                below = self.problem.support.get(i)
                center = self.problem.units[self.problem.unit_of[i]].center
                if (below is not None and below.references[0] in reached) or center in reached:
                    found.append(i)
                    reached.add(i)
                    changed = True
        return found

    def _carry(self, moved: list[int], poses: dict[int, Pose]) -> None:
        """Move and turn what stands on an object with that object."""
        for i in moved:
            if i in poses:
                continue
            below = self.problem.support.get(i)
            center = self.problem.units[self.problem.unit_of[i]].center
            j = below.references[0] if below is not None and below.references[0] in poses else center
            turn = poses[j].yaw - self.yaw[:, j, None]
            cosine, sine = np.cos(turn), np.sin(turn)
            dx, dz = self.x[:, i, None] - self.x[:, j, None], self.z[:, i, None] - self.z[:, j, None]
            poses[i] = Pose(
                poses[j].x + cosine * dx - sine * dz,
                poses[j].z + sine * dx + cosine * dz,
                self.base[:, i, None] + poses[j].base - self.base[:, j, None],
                self.yaw[:, i, None] + turn,
            )

    def _candidates(self, unit: Unit, count: int) -> dict[int, Pose]:
        """Poses [N, K] of the unit's objects."""
        problem, rng = self.problem, self.rng
        shape = (self.n, count)
        lead = unit.objects[0]
        self._free = self._draw_yaw(shape)
        self._jitter = rng.uniform(-1, 1, shape)
        self._pick = rng.random(shape)
        self._uneven: dict[int, Array] = {}
        if unit.arrangement == "around":
            return self._around(unit, shape)
        offsets = self._arranged(unit, shape)
        x, z = np.zeros(shape), np.zeros(shape)
        if lead in problem.at:
            fx, fz = self.to_view(*problem.at[lead][:2])
            x, z = x + fx[:, None], z + fz[:, None]
        else:
            drivers = self._drivers(unit)
            if not drivers:
                drivers = [(lead, None)]
            elif len(drivers) > DRIVERS:
                drivers = [drivers[number] for number in rng.permutation(len(drivers))[:DRIVERS]]
            order = rng.permutation(count)
            for number, (member, relation) in enumerate(drivers):
                columns = order[number :: len(drivers)]
                if not len(columns):
                    continue
                mx, mz = self._wanted(member, relation, columns)
                ox, oz = offsets[member]
                x[:, columns], z[:, columns] = mx - ox[:, columns], mz - oz[:, columns]
        poses = {}
        for i in unit.objects:
            ox, oz = offsets[i]
            ix, iz = x + ox, z + oz
            center = (x, z) if unit.arrangement == "circle" else None
            yaw = self._yaw_at(i, ix, iz, slice(None), center)
            poses[i] = Pose(ix, iz, self._base_at(i, ix, iz, yaw, shape), yaw)
        return poses

    def _base_at(self, i: int, x: Array, z: Array, yaw: Array, shape: tuple[int, int]) -> Array:
        """Height of the base [N, K]; on another object, that of its surface there, whose unevenness counts later."""
        problem = self.problem
        below = problem.support.get(i)
        j = below.references[0] if below is not None else -1
        if below is None or below.kind != "on" or i in problem.at or not self.placed[j]:
            return np.broadcast_to(self.base[:, i, None], shape)
        width, height, length = problem.measures.sizes[j]
        cosine, sine = np.cos(self.yaw[:, j, None]), np.sin(self.yaw[:, j, None])
        dx, dz = x - self.x[:, j, None], z - self.z[:, j, None]
        across, along = (dx * cosine + dz * sine) / width, (dz * cosine - dx * sine) / length
        wide, deep = problem.measures.sizes[i][0], problem.measures.sizes[i][2]
        upright = np.abs(np.cos(yaw - self.yaw[:, j, None])) > math.sqrt(0.5)
        part, uneven = np.zeros(()), np.zeros(())
        for size, fits in (((wide / width, deep / length), upright), ((deep / width, wide / length), ~upright)):
            found, rough = stand(primitives_of(problem.objects[j]), across, along, size)
            part, uneven = np.where(fits, found, part), np.where(fits, rough, uneven)
        self._uneven[i] = uneven * height / max(0.05, 0.3 * problem.measures.sizes[i][1])
        return self.base[:, j, None] + part * height

    def _arranged(self, unit: Unit, shape: tuple[int, int]) -> dict[int, tuple[Array, Array]]:
        """Offsets of the unit's objects from its place."""
        rng, sizes = self.rng, self.problem.measures.sizes
        zero = np.zeros(shape)
        if len(unit.objects) == 1:
            return {unit.objects[0]: (zero, zero)}
        many = len(unit.objects)
        longest = max(max(sizes[i][0], sizes[i][2]) for i in unit.objects)
        if unit.arrangement == "row":
            along = np.radians(
                rng.choice([0.0, 0.0, 30.0, -30.0, 60.0, -60.0, 90.0], shape) + rng.uniform(-8, 8, shape)
            )
            step = longest * rng.uniform(1.08, 1.7, shape)
            # A row that is to be left of, or behind, something is longer than it is far away: all slants are tried.
            places = np.arange(many) - (many - 1) / 2
            return {
                i: (step * place * np.cos(along), step * place * np.sin(along))
                for i, place in zip(unit.objects, places)
            }
        radius = longest * rng.uniform(1.15, 1.6, shape) / (2 * math.sin(math.pi / max(many, 2)))
        phase = rng.uniform(0, 2 * math.pi, shape)
        return {
            i: (radius * np.sin(phase + 2 * math.pi * k / many), radius * np.cos(phase + 2 * math.pi * k / many))
            for k, i in enumerate(unit.objects)
        }

    def _around(self, unit: Unit, shape: tuple[int, int]) -> dict[int, Pose]:
        """Around another object: equal angles, at the sides of a rectangle."""
        rng, measures = self.rng, self.problem.measures
        c = unit.center
        many = len(unit.objects)
        longest = max(measures.longest(i) for i in unit.objects)
        width, _, length = measures.sizes[c]
        slack = rng.uniform(0.04, 0.35, shape) * longest
        # Room for all on a ring.
        ring = 1.06 * many * max(math.hypot(*measures.sizes[i][::2]) for i in unit.objects) / (2 * math.pi)
        phase = np.where(rng.random(shape) < 0.6, 0.0, rng.uniform(0, 2 * math.pi, shape))
        phase = phase + np.where(rng.random(shape) < 0.5, math.pi / 2, 0.0)
        poses = {}
        center = self.pose(c)
        for k, i in enumerate(unit.objects):
            angle = phase + 2 * math.pi * k / many
            own = max(measures.sizes[i][2], 0.5 * measures.sizes[i][0]) / 2
            sine, cosine = np.abs(np.sin(angle)), np.abs(np.cos(angle))
            edge = np.minimum(width / 2 / np.maximum(sine, 1e-6), length / 2 / np.maximum(cosine, 1e-6))
            far = np.maximum(edge + own * (1 + 0.45 * np.minimum(sine, cosine)) + slack, ring)
            direction = center.yaw + angle
            x, z = center.x + far * np.sin(direction), center.z - far * np.cos(direction)
            # Seats stand square to a table.
            square = np.round(angle / (math.pi / 2)) * (math.pi / 2)
            inwards = np.where(turned(angle - square) < 0.4, center.yaw + square + math.pi, direction + math.pi)
            yaw = self._yaw_at(i, x, z, slice(None), None)
            if self._own_yaw(i) == "free":
                yaw = inwards
            poses[i] = Pose(x, z, np.broadcast_to(self.base[:, i, None], shape), yaw)
        return poses

    # --- which way a thing is turned ---

    def _draw_yaw(self, shape: tuple[int, int]) -> Array:
        """A yaw as the rendered world draws it: mostly along an axis of the view."""
        rng = self.rng
        cardinal = rng.choice([0.0, 0.0, 90.0, 180.0, 270.0], shape) + rng.uniform(-8, 8, shape)
        return np.radians(np.where(rng.random(shape) < 0.6, cardinal, rng.uniform(0, 360, shape)))

    def _own_yaw(self, i: int) -> str:
        """What decides the yaw of an object: "given", "side", a relation, or "free"."""
        problem = self.problem
        if i in problem.yaw:
            return "given"
        if i in problem.side:
            return "side"
        if i in problem.walls or i in problem.against:
            return "wall"
        for relation in problem.touching[i]:
            if relation.kind == "facing" and relation.subject == i:
                return "facing"
        return "free"

    def _yaw_at(self, i: int, x: Array, z: Array, columns, center: tuple[Array, Array] | None) -> Array:
        problem = self.problem
        jitter, pick, free = self._jitter[:, columns], self._pick[:, columns], self._free[:, columns]
        own = self._own_yaw(i)
        if own == "given":
            return np.broadcast_to(problem.yaw[i] + self.bearing[:, None], x.shape)
        if own == "side":
            side = problem.side[i]
            c = self.camera
            limit = 0.6 * WITHIN[side]
            return towards(c.x[:, None] - x, c.z[:, None] - z) + TURN[side] + jitter * math.radians(limit)
        if own == "wall":
            return np.broadcast_to(self.bearing[:, None], x.shape)
        options: list[Array] = []
        for relation in problem.touching[i]:
            others = [j for j in (relation.subject, *relation.references) if j != i]
            if len(others) != 1 or not self.placed[others[0]]:
                continue
            j, kind = others[0], relation.kind
            jx, jz, jyaw = self.x[:, j, None], self.z[:, j, None], self.yaw[:, j, None]
            if kind == "facing" and relation.subject == i:
                return towards(jx - x, jz - z) + jitter * math.radians(7)
            if kind in INTRINSIC:
                turn = 0.0 if kind == "side by side same way" else math.pi
                options.append(jyaw + turn + jitter * math.radians(6))
            elif kind in ALLOCENTRIC and relation.subject == j:
                side = ALLOCENTRIC[kind]
                options.append(towards(jx - x, jz - z) - SIDE_ANGLE[side] + jitter * math.radians(0.7 * WITHIN[side]))
        if options:
            chosen = options[0]
            for number, option in enumerate(options[1:], 1):
                chosen = np.where(pick * len(options) >= number, option, chosen)
            return chosen
        if center is not None:
            return towards(center[0][:, columns] - x, center[1][:, columns] - z)
        below = problem.support.get(i)
        if below is not None and self.placed[below.references[0]]:
            quarter = np.round(free / (math.pi / 2)) * (math.pi / 2)
            return self.yaw[:, below.references[0], None] + quarter + jitter * 0.2
        return free

    # --- where its relations want a thing ---

    def _drivers(self, unit: Unit) -> list[tuple[int, ObjectRelation | None]]:
        """The relations that can say where one of the unit's objects goes; those with numbers count threefold."""
        problem = self.problem
        found: list[tuple[int, ObjectRelation | None]] = []
        for i in unit.objects:
            below = problem.support.get(i)
            if below is not None and self.placed[below.references[0]]:
                return [(i, below)]
            for relation in problem.touching[i]:
                if relation.kind not in PLACING:
                    continue
                others = [j for j in (relation.subject, *relation.references) if j not in unit.objects]
                known = [j for j in others if self.placed[j]]
                ends = relation.kind == "between" and known
                if ends or relation.kind == "from camera" or (others and known == others):
                    found += [(i, relation)] * (3 if relation.value is not None else 1)
            own = [relation for member, relation in found if member == i and relation is not None]
            ordered = [relation for relation in own if relation.kind in EGOCENTRIC]
            if len(ordered) > 1:
                found += [(i, ObjectRelation("within", i, (), None, 0))] * (1 + len(found) // 2)
        return found

    def _within(self, i: int, u: Array, v: Array, e: Array, columns: Array) -> tuple[Array, Array]:
        """Places within the limits that egocentric relations to placed objects set; random where there is no limit."""
        problem, measures = self.problem, self.problem.measures
        wide, deep = measures.reach(i, self._free[:, columns])
        limits: dict[str, list[Array]] = {"left": [], "right": [], "closer": [], "farther": []}
        for relation in problem.touching[i]:
            others = [j for j in (relation.subject, *relation.references) if j != i]
            if relation.kind not in EGOCENTRIC or not self.placed[others[0]]:
                continue
            kind = EGOCENTRIC[relation.kind if relation.subject == i else OPPOSITE[relation.kind]]
            (j,) = others
            other_wide, other_deep = measures.reach(j, self.yaw[:, j])
            if kind in ("left", "right"):
                limits[kind].append(self.x[:, j] + other_wide * (1 if kind == "right" else -1))
            else:
                limits[kind].append(self.z[:, j] + other_deep * (1 if kind == "farther" else -1))
        places = []
        for before, after, own, part, values in (
            ("left", "right", wide, u, self.x),
            ("closer", "farther", deep, v, self.z),
        ):
            high = np.min(limits[before], 0)[:, None] - own if limits[before] else None
            low = np.max(limits[after], 0)[:, None] + own if limits[after] else None
            if high is not None and low is not None:
                places.append((high + low) / 2 + 0.5 * part * np.maximum(high - low, 0))
            elif high is not None:
                places.append(high - own * (0.1 + 2 * e))
            elif low is not None:
                places.append(low + own * (0.1 + 2 * e))
            else:
                known = values[:, self.placed]
                places.append(known.mean(1)[:, None] + part * (known.std(1)[:, None] + 2 * own))
        return places[0], places[1]

    def _wanted(self, i: int, relation: ObjectRelation | None, columns: Array) -> tuple[Array, Array]:
        """Where a relation wants an object, [N, columns]."""
        rng = self.rng
        shape = (self.n, len(columns))
        u, v, e = rng.uniform(-1, 1, shape), rng.uniform(-1, 1, shape), rng.exponential(0.36, shape)
        side = np.where(rng.random(shape) < 0.5, -1.0, 1.0)
        if self.problem.count > 8:  # in a crowd the nearest places are often taken
            e = e * np.where(rng.random(shape) < 0.3, 1 + 0.5 * math.sqrt(self.problem.count), 1.0)
        if relation is None:
            return self._anywhere(i, u, v, e)
        if relation.kind == "within":
            return self._within(i, u, v, e, columns)
        kind, value, subject = relation.kind, relation.value, relation.subject == i
        yaw = self._free[:, columns]
        if kind == "from camera":
            return self._on_circles(i, relation, u, side, shape)
        if kind == "between":
            return self._between(i, relation, u, v, e)
        (j,) = [each for each in (relation.subject, *relation.references) if each != i] or [i]
        other = self.pose(j)
        if kind in SUPPORTED:
            return self._over(i, j, other, u, v) if subject else self._below(i, j, other, u, v, yaw)
        if kind == "from":
            return self._on_circles(i, relation, u, side, shape)
        way = kind if subject else OPPOSITE.get(kind, kind)
        for _ in range(2):  # the turn depends on the place, and the place on the turned extents
            x, z = self._beside(i, j, way, value, subject, yaw, (u, v, e, side))
            yaw = self._yaw_at(i, x, z, columns, None)
        return x, z

    def _beside(
        self,
        i: int,
        j: int,
        way: str,
        value: float | None,
        subject: bool,
        yaw: Array,
        draws: tuple[Array, Array, Array, Array],
    ) -> tuple[Array, Array]:
        """Where a relation (`way`, `value`) to object j wants object i, if that is turned by `yaw` [N, columns].

        subject: whether i is the relation's subject. draws: two uniform in [-1, 1], an exponential one, and a sign.
        """
        measures, other, (u, v, e, side) = self.problem.measures, self.pose(j), draws
        wide, deep = measures.reach(i, yaw)
        other_wide, other_deep = measures.reach(j, other.yaw)
        touch = 0.5 * (wide + deep + other_wide + other_deep)
        space = value if value is not None else touch * (0.08 + e)
        if way in ("left of", "right of"):
            sign = -1.0 if way == "left of" else 1.0
            step = wide + other_wide + space
            return other.x + sign * step, other.z + 0.8 * u * step + self._depth_by_size(i, j, v, touch)
        if way in ("in front of", "behind", "nearer than", "farther than"):
            sign = -1.0 if way in ("in front of", "nearer than") else 1.0
            step = deep + other_deep + space
            aside = (1.1 if way in ("in front of", "behind") else 2.2) * u * (wide + other_wide)
            return other.x + aside, other.z + sign * step
        if way == "next to":
            step = wide + other_wide + (value if value is not None else np.minimum(space, 0.4 * touch))
            return other.x + side * step, other.z + 0.5 * u * np.maximum(deep, other_deep)
        if way in ALLOCENTRIC:
            name = ALLOCENTRIC[way]
            limit = math.radians(0.6 * WITHIN[name])
            axis = (other.yaw if subject else yaw) + SIDE_ANGLE[name]
            direction = axis + u * limit if subject else axis + u * limit + math.pi
            if value is not None:
                ends = measures.reach_along(j, axis - other.yaw) + measures.reach_along(i, axis - yaw)
                step = (ends + value) / np.cos(u * limit)
            else:
                step = touch + space + 0.2 * touch * np.abs(v)
        elif way in INTRINSIC:
            if way == "face to face with":
                direction = other.yaw + 0.2 * u
            elif way == "back to back with":
                direction = other.yaw + math.pi + 0.2 * u
            else:
                direction = other.yaw + side * math.pi / 2 + 0.2 * u
            ends = measures.reach_along(j, direction - other.yaw) + measures.reach_along(i, direction - yaw)
            step = ends + np.minimum(space, touch)
        elif i in self.problem.walls:  # near, along the wall
            return other.x + side * (wide + other_wide) * (1.1 + 0.6 * e), other.z
        else:  # near
            angle = math.pi * u
            step = touch * (1.1 + 0.6 * e)
            return other.x + step * np.sin(angle), other.z + step * np.cos(angle)
        return other.x + step * np.sin(direction), other.z - step * np.cos(direction)

    def _depth_by_size(self, i: int, j: int, v: Array, touch: Array) -> Array:
        """A step in depth where the text leaves it open: the smaller of two things stands nearer, to be seen."""
        sizes = self.problem.measures.sizes
        ratio = max(sizes[i]) / max(sizes[j])
        if 1 / 3 < ratio < 3:
            return np.zeros(())
        return np.abs(v) * touch * (1.5 if ratio > 1 else -1.5)

    def _anywhere(self, i: int, u: Array, v: Array, e: Array) -> tuple[Array, Array]:
        """Places near something that is placed already, or in the middle of the view."""
        problem, measures = self.problem, self.problem.measures
        placed = np.flatnonzero(self.placed)
        if not len(placed):
            c = self.camera
            if self.anchored or self.wish.place_fixed:
                far = self.distance[:, None] * (1 + 0.25 * v)
                return c.x[:, None] + 0.4 * u * far * c.half[:, None], c.z[:, None] + far
            return 0 * u, 0 * u
        anchors = self.rng.choice(placed, u.shape)
        rows = np.arange(self.n)[:, None]
        reach = np.hypot(measures.sizes[:, 0], measures.sizes[:, 2]) / 2
        step = (reach[anchors] + reach[i]) * (0.95 + e)
        angle = math.pi * u
        x, z = self.x[rows, anchors] + step * np.sin(angle), self.z[rows, anchors] + step * np.cos(angle)
        ratio = max(problem.measures.sizes[i]) / measures.sizes.max(1)[anchors]
        z = z + np.where(ratio < 1 / 3, -1.0, np.where(ratio > 3, 1.0, 0.0)) * np.abs(v) * step
        if len(placed) > 4:
            # In a crowd the place beside a thing is often taken: anywhere in a disc that holds all.
            far = 1.5 * math.sqrt(float((reach[placed] ** 2).sum()) + reach[i] ** 2) * np.sqrt(np.abs(v)) + reach[i]
            wide = self.rng.random(u.shape) < 0.6
            x = np.where(wide, self.x[:, placed].mean(1)[:, None] + 1.3 * far * np.sin(angle), x)
            z = np.where(wide, self.z[:, placed].mean(1)[:, None] + far * np.cos(angle), z)
        return x, z

    def _over(self, i: int, j: int, other: Pose, u: Array, v: Array) -> tuple[Array, Array]:
        """Places over the footprint of another object, inside of it as far as possible."""
        own, below = self.problem.measures.sizes[i], self.problem.measures.sizes[j]
        across = u * max(0.0, (below[0] - max(own[0], own[2])) / 2) * 0.96
        along = v * max(0.0, (below[2] - max(own[0], own[2])) / 2) * 0.96
        cosine, sine = np.cos(other.yaw), np.sin(other.yaw)
        return other.x + cosine * across - sine * along, other.z + sine * across + cosine * along

    def _below(self, i: int, j: int, other: Pose, u: Array, v: Array, yaw: Array) -> tuple[Array, Array]:
        """Places at which another object stands over the footprint of this one."""
        own, above = self.problem.measures.sizes[i], self.problem.measures.sizes[j]
        across = u * max(0.0, (own[0] - max(above[0], above[2])) / 2) * 0.96
        along = v * max(0.0, (own[2] - max(above[0], above[2])) / 2) * 0.96
        cosine, sine = np.cos(yaw), np.sin(yaw)
        return other.x - cosine * across + sine * along, other.z - sine * across - cosine * along

    def _between(self, i: int, relation: ObjectRelation, u: Array, v: Array, e: Array) -> tuple[Array, Array]:
        """Between two that are placed; or, as an end, beyond what is between, or with room for it."""
        measures = self.problem.measures
        c, a, b = relation.subject, *relation.references
        reach = {j: measures.longest(j) / 2 for j in (a, b, c)}
        room = reach[a] + reach[b] + 2.4 * reach[c]
        if i == c:
            if not (self.placed[a] and self.placed[b]):
                other = self.pose(a if self.placed[a] else b)
                step = (reach[a] + reach[c]) * (1.05 + e)
                return other.x + step * np.sin(math.pi * u), other.z + step * np.cos(math.pi * u)
            first, last = self.pose(a), self.pose(b)
            part = 0.5 + 0.12 * u
            return (
                first.x + part * (last.x - first.x) + 0.06 * v * (last.z - first.z),
                first.z + part * (last.z - first.z) - 0.06 * v * (last.x - first.x),
            )
        end = b if i == a else a
        if self.placed[c] and self.placed[end]:
            middle, other = self.pose(c), self.pose(end)
            far = 1 + 0.25 * u
            return middle.x + far * (middle.x - other.x), middle.z + far * (middle.z - other.z)
        other = self.pose(c if self.placed[c] else end)
        step = (reach[c] + reach[i]) * (1.05 + e) if self.placed[c] else room * (1 + e)
        return other.x + step * np.sin(math.pi * u), other.z + step * np.cos(math.pi * u)

    def _circles(self, i: int) -> list[tuple[Array, Array, Array, ObjectRelation]]:
        """Centres and radii of the circles on which distances want an object."""
        problem, measures = self.problem, self.problem.measures
        found = []
        for relation in problem.touching[i]:
            if relation.kind == "from camera":
                c = self.camera
                rise = self.base[:, i] + measures.sizes[i][1] / 2 - c.height
                x, z = c.x, c.z
            elif relation.kind == "from":
                j = relation.references[0] if relation.subject == i else relation.subject
                if not self.placed[j]:
                    continue
                x, z = self.x[:, j], self.z[:, j]
                rise = self.base[:, i] - self.base[:, j] + (measures.sizes[i][1] - measures.sizes[j][1]) / 2
            else:
                continue
            radius = np.sqrt(np.maximum(needed(relation.value) ** 2 - rise**2, 1e-6))
            found.append((x[:, None], z[:, None], radius[:, None], relation))
        return found

    def _on_circles(
        self, i: int, relation: ObjectRelation, u: Array, side: Array, shape: tuple[int, int]
    ) -> tuple[Array, Array]:
        """At a distance: where two circles meet, if there are two; else in a direction that other relations allow."""
        circles = self._circles(i)
        x, z, radius, _ = next(circle for circle in circles if circle[3] is relation)
        if relation.kind == "from camera":
            angle = u * 0.7 * np.arctan(self.camera.half)[:, None]
            px, pz = x + radius * np.sin(angle), z + radius * np.cos(angle)
        else:
            j = relation.references[0] if relation.subject == i else relation.subject
            angle = self._direction(i, j, u)
            # Where the two are too large for the distance, somewhat farther.
            radius = radius * np.where(self.rng.random(shape) < 0.3, self.rng.uniform(1, 1 + APART, shape), 1.0)
            px, pz = x + radius * np.sin(angle), z - radius * np.cos(angle)
        for ox, oz, other, second in circles:
            if second is relation:
                continue
            dx, dz = ox - x, oz - z
            apart = np.maximum(np.hypot(dx, dz), 1e-6)
            along = (apart**2 + radius**2 - other**2) / (2 * apart)
            square = radius**2 - along**2
            height = np.sqrt(np.maximum(square, 0)) * side
            mx, mz = x + (along * dx - height * dz) / apart, z + (along * dz + height * dx) / apart
            met = np.broadcast_to(square >= 0, shape)
            px, pz = np.where(met, mx, px), np.where(met, mz, pz)
            break
        return px, pz

    def _direction(self, i: int, j: int, u: Array) -> Array:
        """A direction from j to i, as an angle from the viewer's side, that other relations of the two allow."""
        problem = self.problem
        other = self.yaw[:, j, None]
        wanted: list[Array | float] = []
        for relation in problem.touching[i]:
            pair = (relation.subject, *relation.references)
            if len(pair) != 2 or j not in pair:
                continue
            kind = relation.kind if relation.subject == i else OPPOSITE.get(relation.kind, relation.kind)
            if kind == "left of":
                wanted.append(-math.pi / 2)
            elif kind == "right of":
                wanted.append(math.pi / 2)
            elif kind in ("in front of", "nearer than"):
                wanted.append(0.0)
            elif kind in ("behind", "farther than"):
                wanted.append(math.pi)
            elif kind in ALLOCENTRIC and relation.subject == i:
                wanted.append(other + SIDE_ANGLE[ALLOCENTRIC[kind]])
            elif kind == "face to face with":
                wanted.append(other)
            elif kind == "back to back with":
                wanted.append(other + math.pi)
            elif kind in INTRINSIC:
                wanted.append(other + np.where(u > 0, math.pi / 2, -math.pi / 2))
            elif kind == "next to":
                wanted.append(np.where(u > 0, math.pi / 2, -math.pi / 2))
        if not wanted:
            return math.pi * u
        x, z = sum(np.sin(angle) for angle in wanted), sum(np.cos(angle) for angle in wanted)
        return np.arctan2(x, z) + u * math.radians(40 if len(wanted) == 1 else 25)

    # --- how good places are ---

    def _cost(self, moved: list[int], poses: dict[int, Pose]) -> Array:
        """The cost of the places [N, K] of some objects: failed relations, overlaps, hiding, and being out of view."""
        problem, view = self.problem, self.view()
        known = self.placed.copy()
        known[moved] = True
        first = poses[moved[0]]
        cost = np.zeros(np.broadcast(first.x, first.yaw).shape)

        def pose(i: int) -> Pose:
            return poses[i] if i in poses else self.pose(i)

        seen: set[int] = set()
        for i in moved:
            for relation in problem.touching[i]:
                if id(relation) in seen:
                    continue
                seen.add(id(relation))
                parties = (relation.subject, *relation.references)
                if all(known[j] for j in parties):
                    wrong, poor = violation(relation, problem.measures, [pose(j) for j in parties], view)
                    cost = cost + 20 * np.minimum(wrong, 3) + 5 * (np.asarray(wrong) > 0) + np.minimum(poor, 3)
                elif relation.kind == "between":
                    cost = cost + self._room_between(relation, known, pose)
            if i in problem.side:
                error = side_error(problem.measures, poses[i], problem.side[i], view)
                wrong = over(error - math.radians(WITHIN[problem.side[i]]))
                cost = cost + 20 * wrong + 5 * (wrong > 0)
        return cost + self._crowding(moved, poses, known)

    def _room_between(self, relation: ObjectRelation, known: Array, pose) -> Array | float:
        """The cost of two ends that leave too little room for what stands between them."""
        c, a, b = relation.subject, *relation.references
        if not (known[a] and known[b]):
            return 0.0
        measures = self.problem.measures
        free = gap(measures, a, b, pose(a), pose(b))
        return 10 * over(1.3 * measures.longest(c) - free) / measures.longest(c)

    def _crowding(self, moved: list[int], poses: dict[int, Pose], known: Array) -> Array | float:
        """Overlaps of footprints, things that hide each other, things beside the frame, and dispersion."""
        problem, measures = self.problem, self.problem.measures
        others = known & ~problem.hung
        others[moved] = False
        cost: Array | float = 0.0
        c = self.camera
        heights = measures.sizes[:, 1]
        unit = problem.units[problem.unit_of[moved[0]]]
        arranged = len(unit.objects) if unit.arrangement else 0
        for number, i in enumerate(moved):
            pose = poses[i]
            ahead = pose.z - c.z[:, None]
            beside = over(np.abs(pose.x - c.x[:, None]) / np.maximum(ahead, 0.05) - 0.8 * c.half[:, None])
            cost = cost + (10.0 if self.wish.place_fixed else 0.5) * np.minimum(beside, 2)
            cost = cost + 20 * (ahead < 0.5 * measures.longest(i))
            if problem.hung[i]:
                cost = cost + self._covering(i, pose, known & problem.hung & ~np.isin(np.arange(problem.count), moved))
                continue
            if problem.against and i not in problem.against:
                _, deep = measures.reach(i, pose.yaw)
                cost = cost + 20 * np.minimum(over(pose.z + deep - self.wall[:, None]), 3)
            # Neighbours of the same arrangement; what is carried keeps its distances.
            for k in [moved[number + 1]] if arranged and number + 1 < arranged else []:
                if not problem.alone[i, k] and self._levels_meet(pose.base, heights[i], poses[k].base, heights[k]):
                    inside = over(-gap(measures, i, k, pose, poses[k]) + 1e-3)
                    cost = cost + 30 * inside / min(measures.longest(i), measures.longest(k)) + 8 * (inside > 0)
            apart = others & ~problem.alone[i]
            if i in problem.at:
                apart &= ~problem.fixed
            js = np.flatnonzero(apart)
            if not len(js):
                continue
            a = Pose(pose.x[..., None], pose.z[..., None], pose.base[..., None], pose.yaw[..., None])
            b = Pose(self.x[:, None, js], self.z[:, None, js], self.base[:, None, js], self.yaw[:, None, js])
            pair = Measures(np.stack([np.broadcast_to(measures.sizes[i][:, None], (3, len(js))), measures.sizes[js].T]))
            free = gap(pair, 0, 1, a, b)
            levels = (a.base < b.base + heights[js] - 1e-6) & (b.base < a.base + heights[i] - 1e-6)
            inside = over(1e-3 - free) * levels
            least = np.minimum(measures.longest(i), np.maximum(measures.sizes[js, 0], measures.sizes[js, 2]))
            cost = cost + (30 * np.minimum(inside / least, 3) + 8 * (inside > 0)).sum(-1)
            if problem.count <= RENDERED:
                cost = cost + self._hiding(i, js, a, b)
            if not self.wish.place_fixed and i not in problem.at:
                cost = cost + 0.3 * np.hypot(
                    pose.x - self.x[:, js].mean(1)[:, None], 0.7 * (pose.z - self.z[:, js].mean(1)[:, None])
                ) / (0.5 * self.distance[:, None])
        return cost

    def _covering(self, i: int, pose: Pose, others: Array) -> Array:
        """The cost of what hangs on a wall before other things that hang there."""
        sizes, cost = self.problem.measures.sizes, np.zeros(pose.x.shape)
        for j in np.flatnonzero(others):
            width = (sizes[i][0] + sizes[j][0]) / 2
            level = np.abs(pose.base - self.base[:, j, None] + (sizes[i][1] - sizes[j][1]) / 2)
            inside = over(width - np.abs(pose.x - self.x[:, j, None])) * (level < (sizes[i][1] + sizes[j][1]) / 2)
            cost = cost + 30 * inside / width + 8 * (inside > 0)
        return cost

    @staticmethod
    def _levels_meet(base: Array, height: float, other: Array, other_height: float) -> bool:
        return bool(
            (np.min(base) < np.max(other) + other_height - 1e-6) and (np.min(other) < np.max(base) + height - 1e-6)
        )

    def _hiding(self, i: int, js: Array, a: Pose, b: Pose) -> Array:
        """The cost of what others hide of a thing, and it of them, by the boxes that a level camera sees."""
        measures, c = self.problem.measures, self.camera
        eye_x, eye_z, eye = (value[:, None, None] for value in (c.x, c.z, c.height))
        sizes = measures.sizes

        def screen(pose: Pose, half: Array, height: Array) -> tuple[Array, ...]:
            depth = np.maximum(pose.z - eye_z, 0.1)
            middle, low, high = (pose.x - eye_x) / depth, (eye - pose.base) / depth, (eye - pose.base - height) / depth
            return middle - half / depth, middle + half / depth, high, low + half / depth * np.abs(low), depth

        half_i = (sizes[i][0] + sizes[i][2]) / 4
        half_j = (sizes[js, 0] + sizes[js, 2]) / 4
        al, ar, at, ab, ad = screen(a, half_i, sizes[i][1])
        bl, br, bt, bb, bd = screen(b, half_j, sizes[js, 1])
        shared = over(np.minimum(ar, br) - np.maximum(al, bl)) * over(np.minimum(ab, bb) - np.maximum(at, bt))
        behind = np.where(ad > bd, (ar - al) * (ab - at), (br - bl) * (bb - bt))
        share = shared / np.maximum(behind, 1e-9)
        return (0.6 * share + 8 * over(share - 0.45)).sum(-1)

    # --- all of it ---

    def settle_walls(self) -> None:
        """Put what hangs on the back wall, or stands against it, at the wall."""
        problem, sizes = self.problem, self.problem.measures.sizes
        self.wall = self._wall()
        for i in (*problem.walls, *problem.against):
            if i not in problem.at and self.placed[i]:
                self.yaw[:, i] = self.bearing
                self.z[:, i] = self.wall - sizes[i][2] / 2

    def _wall(self) -> Array:
        """The z of the back wall: just behind what stands against it, else behind everything."""
        problem, sizes = self.problem, self.problem.measures.sizes
        for i in sorted(problem.against, key=lambda i: i not in problem.at):
            if self.placed[i]:
                return self.z[:, i] + sizes[i][2] / 2
        free = [int(i) for i in np.flatnonzero(self.placed) if i not in problem.walls]
        return self._backs(free).max(1) + 0.02 if free else np.zeros(self.n)

    def _backs(self, chosen: list[int]) -> Array:
        sizes, yaw = self.problem.measures.sizes[chosen], self.yaw[:, chosen]
        return self.z[:, chosen] + (sizes[:, 0] * np.abs(np.sin(yaw)) + sizes[:, 2] * np.abs(np.cos(yaw))) / 2

    def violations(self) -> tuple[Array, Array]:
        """The error of each relation [N, R], with sides and overlaps last, and how poorly things are seen [N]."""
        problem, view, measures = self.problem, self.view(), self.problem.measures
        columns, poor = [], np.zeros(self.n)
        for relation in problem.relations:
            poses = [self.pose(j) for j in (relation.subject, *relation.references)]
            wrong, shows = violation(relation, measures, poses, view)
            columns.append(np.broadcast_to(wrong, (self.n, 1))[:, 0])
            poor = poor + np.minimum(np.broadcast_to(shows, (self.n, 1))[:, 0], 3)
        for i, side in problem.side.items():
            error = side_error(measures, self.pose(i), side, view)[:, 0]
            columns.append(over(error - math.radians(WITHIN[side] + 1)))
        if problem.against:
            columns.append(over(self._backs(list(np.flatnonzero(self.placed))).max(1) - self.wall - 0.01))
        columns += list(self.overlaps().T)
        return np.stack(columns, 1), poor

    def overlaps(self) -> Array:
        """How deep each object's footprint is in another's, in metres, unless both are fixed, [N, n]."""
        problem, sizes = self.problem, self.problem.measures.sizes
        first, second = np.triu_indices(problem.count, 1)
        both = (problem.fixed[first] & problem.fixed[second]) | ~self.placed[first] | ~self.placed[second]
        kept = ~(problem.alone[first, second] | both | (problem.hung[first] != problem.hung[second]))
        first, second = first[kept], second[kept]
        if not len(first):
            return np.zeros(self.x.shape)
        a = Pose(self.x[:, first], self.z[:, first], self.base[:, first], self.yaw[:, first])
        b = Pose(self.x[:, second], self.z[:, second], self.base[:, second], self.yaw[:, second])
        free = gap(Measures(np.stack([sizes[first].T, sizes[second].T])), 0, 1, a, b)
        levels = (a.base < b.base + sizes[second, 1] - 1e-6) & (b.base < a.base + sizes[first, 1] - 1e-6)
        depth, deepest = over(-free) * levels, np.zeros(self.x.shape)
        for ends in (first, second):
            layout, pair = np.nonzero(depth)
            np.maximum.at(deepest, (layout, ends[pair]), depth[layout, pair])
        return deepest

    def mend(self, sweeps: int) -> None:
        """Place again the units that are wrong in any layout, as long as there is work left to spend."""
        problem = self.problem
        for _ in range(sweeps):
            self.purse.spend(0.3 * len(problem.relations))
            wrong, _ = self.violations()
            outside, unseen, _ = self.composition()
            if ((wrong.max(1) <= 0) & (unseen.max(1) <= 0)).sum() >= max(3, self.n // 4):
                return
            units = set()
            for number, relation in enumerate(problem.relations):
                if (wrong[:, number] > 0).any():
                    units |= {problem.unit_of[j] for j in (relation.subject, *relation.references)}
            units |= {problem.unit_of[i] for i in problem.side}
            overlaps = wrong[:, -problem.count :]
            units |= {problem.unit_of[i] for i in np.flatnonzero((overlaps > 0).any(0))}
            units |= {problem.unit_of[i] for i in np.flatnonzero((unseen > 0).any(0))}
            if self.wish.place_fixed:
                units |= {problem.unit_of[i] for i in np.flatnonzero((outside > 0).any(0))}
            units = {u for u in units if self.placed[problem.units[u].objects[0]]}
            for index in self.rng.permutation(sorted(units)):
                if self.purse.empty:
                    return
                self.place(int(index), mend=True)

    def composition(self) -> tuple[Array, Array, Array]:
        problem = self.problem
        return composition(
            self.boxes(), problem.measures.sizes, self.camera, problem.aspect, problem.hidden, problem.alone
        )

    def face(self) -> None:
        """Turn the objects that show a side to the camera once more, as the camera has moved."""
        problem, c = self.problem, self.camera
        for i, side in problem.side.items():
            if i in problem.yaw or any(r.value is not None for r in problem.touching[i]):
                continue
            pose = self.pose(i)
            error = pose.yaw - towards(c.x[:, None] - pose.x, c.z[:, None] - pose.z) - TURN[side]
            error = (error + math.pi) % (2 * math.pi) - math.pi
            limit = math.radians(0.8 * WITHIN[side])
            self.yaw[:, i] = (pose.yaw - error + np.clip(error, -limit, limit))[:, 0]
