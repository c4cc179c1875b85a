"""Scene texts as a multimodal LLM answers them: what a caption says, in relations; what an image shows, in numbers.

Both are texts of the scene language in one line, with ";" between the things. A caption leaves numbers open, and a
small LLM writes well only what is close to what it has read; so from words it writes relations, and the solver finds
the numbers. Numbers are written for an image, and read when depth is drawn from a solved scene.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from .captions import SETTINGS
from .program import ALLOCENTRIC, EGOCENTRIC, INTRINSIC, CameraLine, Reference, Relation, SceneProgram, Thing
from .program import VIEW_SIDES as FACINGS
from .scene import KINDS, Camera, Scene, SceneObject
from .statements import Statement, observe
from .write import program_to_text, scene_to_text

_LOOKS = re.compile(r" (ground|sky|floor|walls|tile) [\d.]+")  # palettes and tiles
_MORE = {"height": "taller than", "width": "wider than", "length": "longer than"}


def relations_answer(scene: Scene, statements: Iterable[Statement], caption: str | None = None) -> str:
    """What is said of a scene: its objects, the statements as relations, and the surroundings.

    The objects are named by colour and kind, which must differ, as in the rendered world. With the `caption` that makes
    the statements they come in its order, and the surroundings only if it names them: all of it can be read there.
    """
    program = program_of(scene, statements)
    if caption is None:
        return _one_line(program_to_text(program))
    places = [caption.find(f"{thing.color} {thing.kind}") for thing in scene.objects]
    order = sorted(range(len(places)), key=places.__getitem__)
    said = any(words in caption for words in SETTINGS[scene.environment])
    program = replace(_in_order(program, order), place=scene.environment if said else "")
    return _one_line(program_to_text(program))


def numbers_answer(scene: Scene) -> str:
    """A scene in numbers, seen from its camera: nearest object first, rounded, without what depth does not show."""
    lines = scene_to_text(seen_from_camera(scene)).splitlines()
    return " ; ".join(_LOOKS.sub("", line) for line in lines if not line.startswith("light"))


def program_of(scene: Scene, statements: Iterable[Statement]) -> SceneProgram:
    """The program that promises exactly `statements` about the scene's objects; the inverse of program_statements."""
    relations: dict[int, list[Relation]] = defaultdict(list)
    extents: dict[int, list[tuple[str, float]]] = defaultdict(list)
    facing: dict[int, str] = {}
    sees: list[tuple[str, Reference]] = []
    for said in dict.fromkeys(statements):
        a, b, value = said.subject, said.reference, said.value
        others = () if b is None else (Reference(b),)
        if said.domain == "camera_pose":
            sees.append((said.relation, Reference(a)))
        elif said.domain == "complex_pose":
            sees.append((said.relation, Reference(a)))
            relations[a].append(Relation("side by side same way", others))
        elif said.domain == "object_pose":
            facing[a] = _named(FACINGS, said.relation)
        elif said.domain == "camera_distance":
            relations[a].append(Relation("from camera", (), value))
        elif said.domain == "object_distance":
            relations[a].append(Relation("from", others, value))
        elif said.domain == "object_size" and said.relation == "volume":
            relations[a].append(Relation("times as big as", others, value))
        elif said.domain == "object_size" and b is None:
            extents[a].append((said.relation, said.amount))
        elif said.domain == "object_size":
            relations[a].append(Relation(_MORE[said.relation], others, value))
        else:
            table = {"egocentric": EGOCENTRIC, "allocentric": ALLOCENTRIC, "intrinsic": INTRINSIC}[said.domain]
            relations[a].append(Relation(_named(table, said.relation), others))
    things = tuple(
        Thing(
            thing.kind,
            color=thing.color,
            extents=tuple(dict(extents[i]).items()),
            facing=facing.get(i, ""),
            relations=tuple(dict.fromkeys(relations[i])),
        )
        for i, thing in enumerate(scene.objects)
    )
    camera = CameraLine(auto=True, sees=tuple(dict.fromkeys(sees)))
    return SceneProgram(things, camera, place=scene.environment)


def _in_order(program: SceneProgram, order: list[int]) -> SceneProgram:
    """The same program with its things in another order: old places, first to last."""
    new = {old: place for place, old in enumerate(order)}

    def moved(reference: Reference) -> Reference:
        return replace(reference, thing=new[reference.thing])

    things = tuple(
        replace(
            program.things[old],
            relations=tuple(
                replace(relation, references=tuple(map(moved, relation.references)))
                for relation in program.things[old].relations
            ),
        )
        for old in order
    )
    sees = tuple((side, moved(reference)) for side, reference in program.camera.sees)
    return replace(program, things=things, camera=replace(program.camera, sees=sees))


def seen_from_camera(scene: Scene) -> Scene:
    """The same view with the camera at x 0, z 0 and yaw 0, nearest object first, and rounded numbers.

    Lengths are whole decimetres from two metres on, and centimetres below; angles are whole degrees, yaws multiples of
    five.
    """
    camera = scene.camera
    turn = math.radians(camera.yaw)
    cos, sin = math.cos(turn), math.sin(turn)
    seen = observe(scene).objects
    objects = []
    for i in sorted(range(len(seen)), key=lambda i: math.hypot(*seen[i].position)):
        thing = scene.objects[i]
        x, z = thing.position[0] - camera.position[0], thing.position[2] - camera.position[2]
        position = (_round(cos * x - sin * z), -_round(-thing.position[1]), _round(sin * x + cos * z))
        yaw = 5.0 * round((thing.yaw + camera.yaw) / 5) % 360 if KINDS[thing.kind].has_front else 0.0
        width, height, length = map(_round, thing.size)
        objects.append(SceneObject(thing.kind, thing.color, (width, height, length), position, yaw))
    room = scene.room
    if room is not None:
        # Its walls are parallel to the axes of the world: after a turn they are the nearest ones that are again.
        half_width, height, far = room
        room = (_round(half_width + abs(camera.position[0])), _round(height), _round(far - camera.position[2]))
    level = Camera((0.0, -_round(-camera.position[1]), 0.0), 0.0, float(round(camera.pitch)), float(round(camera.hfov)))
    return replace(scene, objects=tuple(objects), camera=level, room=room)


def _round(metres: float) -> float:
    return round(metres, 1 if abs(metres) >= 2 else 2) + 0.0


def _named(table: dict[str, str], relation: str) -> str:
    return next(name for name, value in table.items() if value == relation)


def _one_line(text: str) -> str:
    return " ; ".join(text.split("\n")[:-1] if text.endswith("\n") else text.split("\n"))
