"""The solver: from relations to coordinates and a camera.

Layouts are drawn many at a time (draft.py), and a camera steps back from each until everything fills its frame as in
the rendered world (view.py). The best that keeps every relation and shows every object is taken. What is left to chance
is drawn from the seed alone.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from ..errors import InputError
from ..needed import needed
from .conflicts import explain
from .draft import RENDERED, Draft, Purse, layouts_of
from .plain import corners, fitted_room, surrounded, unknown_nouns
from .problem import Problem, problem_of
from .program import Layout, SceneProgram, members, object_names, program_statements
from .render import Progress, instances
from .scene import Camera, Scene, SceneObject
from .statements import observe, score
from .view import SEEN, fit

Array = np.ndarray

ROUNDS = 3  # how often cameras are fitted and layouts mended
STARTS = 4
CHECKED = 4  # layouts of a round that are looked at in full
# Work that may be spent on mending, about a millisecond each. Work and not time bounds it, so that a seed gives the
# same layout on every machine.
WORK = 1500


def solve(program: SceneProgram, seed: int = 0, aspect: float = 1.0, progress: Progress | None = None) -> Layout:
    """Coordinates and a camera for a program: another seed gives another layout of the same text.

    aspect: width of the image over its height. Every statement of `program_statements` scores 1.0 in the scene;
    objects stand apart; all are in view, and at least 40 % of each is not hidden, unless its line says `hidden`. Where
    given numbers leave no such view, warnings say what cannot be seen. progress: called every few milliseconds with the
    work that is spent and the most that is; what it raises ends the search. Raises InputError, with the lines at odds,
    for what cannot hold.
    """
    if not 0.1 <= aspect <= 10:
        raise InputError(f"the image is {aspect:g} times as wide as high; expected from 0.1 to 10 times.")
    problem = problem_of(program, aspect)
    found = _search(problem, np.random.default_rng([seed % 2**64, 21]), STARTS, progress)
    if found is None:
        raise explain(problem, progress)
    scene, warnings = found
    return Layout(scene, object_names(scene.objects), (*unknown_nouns(program), *warnings))


def _search(
    problem: Problem, rng: np.random.Generator, starts: int, progress: Progress | None
) -> tuple[Scene, list[str]] | None:
    """The best layout found; None if none keeps all relations."""
    count = layouts_of(problem)
    purse = Purse(WORK + 30 * problem.count, progress)
    fallback: tuple[tuple[int, float], Scene, list[str]] | None = None
    too_small = False
    for start in range(starts):
        draft = Draft(problem, rng, count, purse)
        draft.build(range(len(problem.units)))
        draft.mend(2)
        for turn in range(ROUNDS):
            draft.camera = fit(draft.boxes(), problem.measures.sizes, draft.camera, draft.wish, problem.aspect)
            draft.face()
            wrong, poor = draft.violations()
            outside, unseen, faults = draft.composition()
            kept = wrong.max(1) <= 0
            inside = outside.max(1) <= 0
            value = faults + 0.5 * poor + 10 * outside.sum(1) + 10 * unseen.sum(1) + 0.2 * rng.random(count)
            for index in np.argsort(value + 1e3 * ~inside + 1e6 * ~kept, kind="stable")[:CHECKED]:
                if not kept[index]:
                    break
                try:
                    scene = _scene(draft, index)
                except InputError:  # the camera is outside of the room
                    too_small = True
                    continue
                if not _promises_hold(problem, scene):
                    continue
                if not _fits_room(problem, scene):
                    too_small = True
                    continue
                complaints = _complaints(problem, scene, outside[index], unseen[index])
                if not complaints:
                    return scene, []
                if fallback is None or (len(complaints), value[index]) < fallback[0]:
                    fallback = ((len(complaints), value[index]), scene, complaints)
            if turn < ROUNDS - 1:
                draft.mend(3)
        if purse.empty or (fallback is not None and start >= 1):
            break
    if fallback is None and too_small:
        raise InputError(
            f"line {problem.program.place_line} of the scene text: no layout was found that fits in the room; expected "
            "a larger one, or fewer things."
        )
    return None if fallback is None else fallback[1:]


def _complaints(problem: Problem, scene: Scene, outside: Array, unseen: Array) -> list[str]:
    """A sentence for each object that is not wholly in view, or mostly hidden."""
    names = object_names(scene.objects)
    shares = _seen_shares(problem, scene)
    found = []
    for i, name in enumerate(names):
        if outside[i] > 0:
            found.append(f"{name} is not wholly in view: no view was found that shows everything.")
        elif not problem.hidden[i] and (unseen[i] > 0 if math.isnan(shares[i]) else shares[i] < SEEN):
            found.append(f"{name} is mostly hidden: no layout was found that shows it.")
    return found


def _seen_shares(problem: Problem, scene: Scene) -> Array:
    """The part of each object's pixels that others do not hide; NaN where there are too few, or too many objects."""
    count = problem.count
    shares = np.full(count, math.nan)
    if count > RENDERED:
        return shares
    width = round(64 * math.sqrt(problem.aspect))
    size = (min(max(width, 16), 256), min(max(round(width / problem.aspect), 16), 256))
    alone = [dataclasses.replace(scene, objects=(thing,)) for thing in scene.objects]
    together, *single = instances([scene, *alone], size).numpy()
    for i, own in enumerate(single):
        pixels = int((own == 0).sum())
        if pixels >= 12:
            shares[i] = ((together == i) & (own == 0)).sum() / pixels
    return shares


def _scene(draft: Draft, index: int) -> Scene:
    """One layout as a scene, in the world of the text's numbers, or with the camera at its origin."""
    problem = draft.problem
    program, numbers = problem.program, dict(problem.program.camera.numbers)
    bearing = float(draft.bearing[index])
    cosine, sine = math.cos(bearing), math.sin(bearing)
    c = draft.camera
    shift_x, shift_z = _origin(draft, index)

    def to_world(x: float, z: float) -> tuple[float, float]:
        x, z = x - shift_x, z - shift_z
        return cosine * x + sine * z, cosine * z - sine * x

    objects = []
    for i, thing in enumerate(problem.objects):
        x, z = to_world(float(draft.x[index, i]), float(draft.z[index, i]))
        x, z = round(x, 3), round(z, 3)
        base = round(float(draft.base[index, i]), 4)
        if i in problem.at:
            x, z = problem.at[i][:2]
            base = problem.at[i][2] if len(problem.at[i]) == 3 else base
        yaw = round(math.degrees(float(draft.yaw[index, i]) - bearing) % 360, 1) % 360
        if i in problem.yaw:
            yaw = needed(next(t.yaw for t, group in zip(program.things, members(program)) if i in group))
        objects.append(dataclasses.replace(thing, position=(x + 0.0, -base if base else 0.0, z + 0.0), yaw=yaw))
    cx, cz = to_world(float(c.x[index]), float(c.z[index]))
    cx, cz = numbers["at"] if "at" in numbers else (round(cx, 3) + 0.0, round(cz, 3) + 0.0)
    height = numbers["height"][0] if "height" in numbers else round(float(c.height[index]), 3)
    tilt = min(max(round(math.degrees(float(c.pitch[index])), 1), -89.0), 89.0)
    pitch = numbers["pitch"][0] if "pitch" in numbers else tilt
    yaw = numbers["yaw"][0] if "yaw" in numbers else round(math.degrees(bearing), 1) + 0.0
    fov = numbers["fov"][0] if "fov" in numbers else round(2 * math.degrees(math.atan(float(c.half[index]))), 1)
    camera = Camera((cx, -height, cz), yaw, pitch, fov)
    room = _room(draft, tuple(objects), camera) if program.place == "room" else None
    return surrounded(program, tuple(objects), camera, room)


def _origin(draft: Draft, index: int) -> tuple[float, float]:
    """The origin of the world in the view frame: below the camera, unless numbers or a room say where it is."""
    problem, c = draft.problem, draft.camera
    if problem.at or "at" in dict(problem.program.camera.numbers):
        return 0.0, 0.0
    x, z = float(c.x[index]), float(c.z[index])
    size = dict(problem.program.surroundings).get("size")
    if size is not None and not problem.yaw:
        wide, deep = problem.measures.reach(slice(None), draft.yaw[index])
        ends = [*(draft.x[index] - wide), *(draft.x[index] + wide), x]
        if max(ends) - x > size[0] / 2 or x - min(ends) > size[0] / 2:
            x = (max(ends) + min(ends)) / 2
        back = float((draft.z[index] + deep).max())
        z = back - size[2] if problem.walls or problem.against else max(z, back + 0.02 - size[2])
    return x, z


def _fits_room(problem: Problem, scene: Scene) -> bool:
    """Whether everything is within the walls that the text gives."""
    size = dict(problem.program.surroundings).get("size")
    if scene.room is None or size is None:
        return True
    half_width, height, far = scene.room
    ends = np.concatenate(
        [corners(thing).numpy() for i, thing in enumerate(scene.objects) if i not in problem.at] or [np.zeros((1, 3))]
    )
    return bool(
        np.abs(ends[:, 0]).max() <= half_width + 0.01 and -ends[:, 1].min() <= height and ends[:, 2].max() <= far + 0.01
    )


def _room(draft: Draft, objects: tuple[SceneObject, ...], camera: Camera) -> tuple[float, float, float]:
    """Walls round the objects and the camera; the back wall at what hangs on it."""
    problem = draft.problem
    half_width, height, far = fitted_room(objects, camera, problem.program)
    at_wall = [i for i in (*problem.walls, *problem.against) if i not in problem.at]
    if at_wall and "size" not in dict(problem.program.surroundings):
        far = max(round(objects[i].position[2] + objects[i].size[2] / 2, 3) for i in at_wall)
    return half_width, height, far


def _promises_hold(problem: Problem, scene: Scene) -> bool:
    """Whether every statement of the program scores 1.0 by the exact scorer."""
    observed = observe(scene)
    return all(score(observed, statement) == 1.0 for _, statement in program_statements(problem.program))
