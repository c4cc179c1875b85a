"""A scene from numbers alone: the documented defaults stand in for every number that the text does not give."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..errors import InputError
from . import lexicon
from .looks import plan_of
from .program import Layout, ObjectRelation, SceneProgram, Thing, color_of, expand, member_names, object_names
from .sample import TILE
from .scene import KINDS, Camera, Scene, SceneObject
from .sizes import resolve_sizes, usual_size
from .words import shown

CAMERA = {"height": 1.6, "pitch": 5.0, "yaw": 0.0, "fov": 60.0}
LIGHT = {"azimuth": -35.0, "elevation": 50.0}
YAWS = {"viewer": 0.0, "right": 90.0, "away": 180.0, "left": 270.0}
NEAREST = 3.0  # metres; where a thing without a position stands, unless it is so large that it needs more


def plain_layout(program: SceneProgram) -> Layout:
    """The scene that the numbers of a program give, with the defaults of what has none."""
    camera = dict(program.camera.numbers)
    (height,), (pitch,), (yaw,), (fov,) = (camera.get(key, (value,)) for key, value in CAMERA.items())
    x, z = camera.get("at", (0.0, 0.0))
    view = Camera((x, -height, z), yaw, pitch, fov)
    objects, warnings = _place(program)
    room = fitted_room(objects, view, program) if program.place == "room" else None
    scene = surrounded(program, objects, view, room)
    return Layout(scene, object_names(objects), (*unknown_nouns(program), *warnings))


def surrounded(
    program: SceneProgram,
    objects: tuple[SceneObject, ...],
    camera: Camera,
    room: tuple[float, float, float] | None,
) -> Scene:
    """The scene with the program's light and surroundings."""
    (azimuth,), (elevation,) = (dict(program.light).get(key, (value,)) for key, value in LIGHT.items())
    around = dict(program.surroundings)
    scales = {scale_of(thing) for thing in program.things}
    (tile,) = around.get("tile", (TILE[next(scale for scale in ("large", "medium", "small") if scale in scales)],))
    return Scene(
        objects=objects,
        camera=camera,
        environment="room" if room else "outdoor",
        light=(azimuth, elevation),
        ground=int(around.get("floor", around.get("ground", (0,)))[0]),
        backdrop=int(around.get("walls", around.get("sky", (0,)))[0]),
        room=room,
        tile=tile,
    )


def scale_of(thing: Thing) -> str:
    """Whether a thing belongs to a table top ("small"), a room ("medium") or outdoors ("large"), by its usual size."""
    if thing.noun in KINDS:
        return KINDS[thing.noun].scale
    longest = max(usual_size(thing))
    return "large" if longest > 2.6 else "medium" if longest > 0.5 else "small"


def unknown_nouns(program: SceneProgram) -> list[str]:
    """A sentence for each word that the lexicon does not have."""
    found = {}
    for thing in program.things:
        if thing.noun not in KINDS and lexicon.noun(thing.noun) is None:
            looks = "its own parts" if thing.parts else f"like {thing.like}" if thing.like else "a box"
            found[thing.noun] = (
                f'line {thing.line}: "{shown(thing.noun)}" is no noun that is known'
                f"{lexicon.suggest_noun(shown(thing.noun))}: it looks {looks}."
            )
    return list(found.values())


def object_at(thing: Thing, solved: bool, name: str, size, position, yaw: float) -> SceneObject:
    """The object of a line, in its place."""
    plan = plan_of(thing.like, thing.like) if thing.like else ""
    return SceneObject(thing.noun, color_of(thing, solved), size, position, yaw, name, thing.words, plan, thing.parts)


def _place(program: SceneProgram) -> tuple[tuple[SceneObject, ...], list[str]]:
    """The objects with their defaults, each on what it stands on; and warnings about those that stand beside it."""
    things = program.things
    sizes = resolve_sizes(program)
    own_names = member_names(program)
    support = {relation.subject: relation for relation in expand(program) if relation.kind == "on"}
    bare = [
        object_at(thing, False, name, size, (0.0, 0.0, 0.0), 0.0) for thing, name, size in zip(things, own_names, sizes)
    ]
    names = object_names(bare)
    placed: dict[int, SceneObject] = {}
    warnings: list[str] = []
    for index in range(len(things)):
        # From the ground upwards, without recursion: towers may be as high as a text is long.
        tower = [index]
        while tower[-1] in support and tower[-1] not in placed:
            under = support[tower[-1]].references[0]
            if under in tower:
                raise _own_support(support[index], names[index])
            tower.append(under)
        for i in reversed(tower):
            if i in placed:
                continue
            thing, size = things[i], sizes[i]
            x, z = (thing.at or (0.0, max(NEAREST, 2 * max(size))))[:2]
            base = thing.at[2] if thing.at is not None and len(thing.at) == 3 else 0.0
            if i in support:
                below = placed[support[i].references[0]]
                base = below.size[1] - below.position[1]
                if thing.at is None:
                    x, _, z = below.position
                elif not is_over(x, z, below):
                    warnings.append(f"{names[i]} floats: its middle is not over {names[support[i].references[0]]}.")
            yaw = thing.yaw if thing.yaw is not None else YAWS.get(thing.facing, 0.0)
            placed[i] = object_at(thing, False, own_names[i], size, (x, -base, z), yaw)
    return tuple(placed[index] for index in range(len(things))), warnings


def _own_support(relation: ObjectRelation, name: str) -> InputError:
    return InputError(
        f"line {relation.line} of the scene text: {name} stands on itself, through other objects; expected an order of "
        "standing."
    )


def is_over(x: float, z: float, below: SceneObject) -> bool:
    """Whether a point lies within the rectangle that an object covers on the ground."""
    yaw = math.radians(below.yaw)
    dx, dz = x - below.position[0], z - below.position[2]
    across, along = dx * math.cos(yaw) + dz * math.sin(yaw), dz * math.cos(yaw) - dx * math.sin(yaw)
    return abs(across) <= below.size[0] / 2 and abs(along) <= below.size[2] / 2


def fitted_room(objects: tuple[SceneObject, ...], camera: Camera, program: SceneProgram) -> tuple[float, float, float]:
    """Half width, height and z of the back wall: those given, or a room in which everything fits."""
    x, y, z = camera.position
    size = dict(program.surroundings).get("size")
    if size is not None:
        width, height, far = size
        if abs(x) >= width / 2 or -y >= height or z >= far:
            raise InputError(
                f"line {program.place_line} of the scene text: the camera (x {x:g}, height {-y:g}, z {z:g}) is outside "
                "of the room; expected a room of more width, height or depth, or the camera in it."
            )
        return width / 2, height, far
    ends = torch.cat([corners(thing) for thing in objects])
    half_width = max(abs(x), ends[:, 0].abs().max().item()) + 0.5
    height = max(-y + 0.3, -ends[:, 1].min().item() + 0.3, 2.5)
    far = max(z, ends[:, 2].max().item()) + 0.5
    # In decimetres, so that the sizes read well.
    half_width, height, far = (math.ceil(10 * edge - 1e-3) / 10 for edge in (half_width, height, far))
    return half_width, height, far


def corners(thing: SceneObject) -> Tensor:
    """The corners of an object's box in the world, [8, 3]."""
    width, height, length = thing.size
    signs = torch.tensor([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    axes = torch.stack([width * thing.right, torch.tensor([0.0, height, 0.0]), length * thing.front])
    return thing.center + signs @ axes
