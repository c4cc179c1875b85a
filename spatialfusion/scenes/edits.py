"""Edits of scenes: what changes, the instruction that asks for it, and whether an image followed.

Frames: moves of objects and of the camera run along the viewer's level axes (left, right, closer, farther; forward,
back). "Face left" is the viewer's left, seen along the line of sight; "turn to its own left" is the object's, which is
counterclockwise from above.

Scores follow GenSpace's editing formulas, with the mends of `statements` and two more: a camera move to the left or
right was tested against an empty interval, and is judged as any other move; and a camera move is measured on the mean
over all objects, not on the first one.
"""

from __future__ import annotations

import dataclasses
import json
import math
import random
from dataclasses import dataclass, replace

import torch

from ..needed import needed
from .captions import ASIDE, describe, draw_random, off_direction, say_metres
from .looks import has_front
from .sample import held_out, sample_scene, well_composed
from .scene import COLORS, Camera, Scene, SceneObject
from .statements import (
    SIDES,
    Observation,
    ObservedObject,
    Statement,
    angle_credit,
    extent_shows,
    measure_credit,
    observe,
    propose,
    score,
    side_angle,
    size_score,
    view_score,
)


@dataclass(frozen=True)
class Edit:
    """One change of a scene.

    - add: `added` is put last; `statement`, if any, says where
    - remove: the object `index`
    - move: `direction` left, right, closer or farther by `value` metres
    - rotate: `direction` front (to the camera), back, left or right; or own_left, own_right by `value` degrees
    - resize: `direction` height, width or length by `value` metres (negative: less); or volume to `value` times
    - recolor: to `color`
    - camera: `direction` forward, back, left, right, up or down by `value` metres; or, with `index`, round that object
      until its side `direction` is seen
    - put: the object `index` becomes `added`, wherever that is; `score_edit` has no score for it
    """

    kind: str
    index: int | None = None
    direction: str | None = None
    value: float | None = None
    color: str | None = None
    added: SceneObject | None = None
    statement: Statement | None = None

    # The fields that a kind of edit has for certain, without None.

    @property
    def place(self) -> int:
        return needed(self.index)

    @property
    def way(self) -> str:
        return needed(self.direction)

    @property
    def amount(self) -> float:
        return needed(self.value)

    @property
    def thing(self) -> SceneObject:
        return needed(self.added)

    def to_json(self) -> str:
        """Serialise to JSON; `from_json` restores an equal edit."""
        data = dataclasses.asdict(self)
        if self.added:
            data["added"] = self.added.to_dict()
        return json.dumps(data)

    @staticmethod
    def from_json(text: str) -> Edit:
        """Read what `to_json` wrote."""
        data = json.loads(text)
        added, statement = data.pop("added"), data.pop("statement")
        if added:
            added = SceneObject.from_dict(added)
        return Edit(**data, added=added, statement=Statement(**statement) if statement else None)


@dataclass(frozen=True)
class EditPair:
    """A scene before and after an edit."""

    source: Scene
    edit: Edit
    target: Scene


def apply_edit(scene: Scene, edit: Edit) -> Scene:
    """The edited scene."""
    objects = list(scene.objects)
    if edit.kind == "camera":
        camera = scene.camera
        if edit.index is None:
            return replace(scene, camera=_move_camera(camera, edit))
        return replace(scene, camera=_orbit(camera, objects[edit.place], edit.way))
    if edit.kind == "add":
        objects.append(edit.thing)
    elif edit.kind == "remove":
        del objects[edit.place]
    else:
        thing = objects[edit.place]
        if edit.kind == "move":
            thing = replace(thing, position=_step(thing.position, scene.camera, *_MOVES[edit.way], edit.amount))
        elif edit.kind == "rotate":
            thing = replace(thing, yaw=_turned(scene, edit))
        elif edit.kind == "resize":
            thing = replace(thing, size=_resized(thing.size, edit))
        elif edit.kind == "recolor":
            thing = replace(thing, color=needed(edit.color))
        elif edit.kind == "put":
            thing = edit.thing
        else:
            raise ValueError(f"no edit of kind {edit.kind!r}")
        objects[edit.place] = thing
    return replace(scene, objects=tuple(objects))


def score_edit(source: Observation | Scene, target: Observation | Scene, edit: Edit) -> float:
    """How well `target` is `source` after the edit, from 0 to 1.

    The target's objects are in the source's order, less a removed one, with an added one last. Wrong numbers of
    objects score 0.
    """
    source = observe(source) if isinstance(source, Scene) else source
    target = observe(target) if isinstance(target, Scene) else target
    expected = len(source.objects) + {"add": 1, "remove": -1}.get(edit.kind, 0)
    if len(target.objects) != expected:
        return 0.0
    if edit.kind == "put":
        raise ValueError("an edit of kind 'put' has no score.")
    if edit.kind == "add":
        return _score_addition(target, edit)
    if edit.kind == "remove":
        rest = [*source.objects[: edit.place], *source.objects[edit.place + 1 :]]
        return float(all(_maybe_same(a, b) for a, b in zip(rest, target.objects)))
    if edit.kind == "camera" and edit.index is None:
        pairs = list(zip(source.objects, target.objects))
        if edit.way in _RISES:
            along = [_RISES[edit.way] * (b.position[1] - a.position[1]) for a, b in pairs]
        else:
            x, z = _CAMERA_MOVES[edit.way]
            along = [-(x * step[0] + z * step[1]) for step in (_change(a, b) for a, b in pairs)]
        return measure_credit(sum(along) / len(along), edit.amount) if along else 0.0
    before, after = source.objects[edit.place], target.objects[edit.place]
    if edit.kind == "camera":
        return _score_orbit(source, target, edit)
    if edit.kind == "move":
        x, z = _MOVES[edit.way]
        step = _change(before, after)
        return measure_credit(x * step[0] + z * step[1], edit.amount)
    if edit.kind == "rotate":
        if after.front is None or before.front is None:
            return 0.0
        if edit.direction in SIDES:
            return view_score(after, edit.direction, (30.0, 75.0))
        turn = math.radians(edit.amount if edit.way == "own_left" else -edit.amount)
        x, _, z = before.front
        wanted = (x * math.cos(turn) - z * math.sin(turn), x * math.sin(turn) + z * math.cos(turn))
        return angle_credit(side_angle(after, "front", wanted), 30.0, 75.0)
    if edit.kind == "resize":
        return size_score(after, before, edit.way, edit.amount)
    return float(after.color == edit.color)


def instruction(source: Scene, edit: Edit, generator: torch.Generator) -> str:
    """The edit in words, unambiguous in the source scene: "move the red car 1 m to the left"."""
    rng = draw_random(generator)
    name = "" if edit.index is None else _definite(source, edit.index, rng)
    if edit.kind == "add":
        return _say_addition(source, edit, rng)
    if edit.kind == "remove":
        return rng.choice(_REMOVE).format(A=name)
    if edit.kind == "recolor":
        return rng.choice(_RECOLOR).format(A=name, c=edit.color)
    if edit.kind == "move":
        return rng.choice(_MOVE[edit.way]).format(A=name, v=say_metres(edit.amount, rng))
    if edit.kind == "rotate":
        return rng.choice(_ROTATE[edit.way]).format(A=name, v=f"{edit.value or 0:g}")
    if edit.kind == "resize":
        if edit.direction == "volume":
            templates = _RESIZE["bigger" if edit.amount > 1 else "smaller"]
            return rng.choice(templates).format(A=name, v=_times(edit.amount, rng))
        sign = "more" if edit.amount > 0 else "less"
        return rng.choice(_RESIZE[f"{sign} {edit.way}"]).format(A=name, v=say_metres(abs(edit.amount), rng))
    if edit.index is not None:
        return rng.choice(_VIEW[edit.way]).format(A=name)
    return rng.choice(_CAMERA[edit.way]).format(v=say_metres(edit.amount, rng))


def sample_edit(seed: int, split: str = "train", wish: tuple[str, str] | None = None) -> EditPair:
    """Draw the edit pair of `seed`. Both scenes are well composed; in "train" neither holds a held-out combination.

    wish: (kind, direction) that it shall have, such as ("move", "left"); ("view", side) goes round an object.
    """
    rng = random.Random(f"edit {split} {seed}")
    while True:
        # Kind and direction are drawn first and kept: otherwise edits that rarely fit would be rare.
        kind, direction = wish or rng.choices(list(_WISHES), list(_WISHES.values()))[0]
        for _ in range(60):
            scene = sample_scene(rng.randrange(2**40), split)
            for _ in range(6):
                pair = _draw_pair(scene, kind, direction, rng)
                if pair and (split != "train" or not held_out(pair.target)) and _sensible(pair):
                    return pair


# Drawing -------------------------------------------------------------------------------------------------------------

_LENGTHS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
_RATIOS = (0.5, 1.2, 1.5, 2.0, 3.0)
_TURNS = (45.0, 90.0, 90.0, 180.0)
_WISHES = {
    ("add", ""): 3.0,
    ("remove", ""): 2.0,
    ("recolor", ""): 1.5,
    **{("move", side): 1.0 for side in ("left", "right", "closer", "farther")},
    **{("rotate", side): 0.6 for side in (*SIDES, "own_left", "own_right")},
    **{("resize", side): 0.6 for side in ("height", "width", "length", "volume")},
    **{("camera", side): 0.6 for side in ("left", "right", "forward", "back")},
    **{("view", side): 0.4 for side in SIDES},  # a camera edit with an index
}


def _draw_pair(scene: Scene, kind: str, direction: str, rng: random.Random) -> EditPair | None:
    """One candidate, or None where the scene does not allow it."""
    count = len(scene.objects)
    index = rng.randrange(count)
    thing = scene.objects[index]
    if kind in ("add", "remove"):
        if count < 2:
            return None
        rest = scene.objects[:index] + scene.objects[index + 1 :]
        fewer = replace(scene, objects=rest)
        if kind == "remove":
            return EditPair(scene, Edit("remove", index), fewer)
        more = replace(scene, objects=(*rest, thing))
        return EditPair(fewer, Edit("add", added=thing, statement=_draw_place(more, rng)), more)
    if not has_front(thing) and (kind in ("rotate", "view") or direction in ("width", "length")):
        return None
    value = None
    if kind in ("move", "camera"):
        distance = math.dist(scene.camera.position, thing.position)
        value = _draw_length(0.13 * distance, 0.6 * distance, rng)
    elif kind == "resize" and direction != "volume":
        extent, less = thing.size[_EXTENTS.index(direction)], rng.random() < 0.4
        value = _draw_length(0.15 * extent, (0.4 if less else 0.7) * extent, rng)
        value = -value if value and less else value
    elif kind == "resize":
        value = rng.choice(_RATIOS)
    elif direction in ("own_left", "own_right"):
        value = rng.choice(_TURNS)
    if value is None and kind in ("move", "camera", "resize"):
        return None
    if kind == "recolor":
        free = [color for color in COLORS if all(color != other.color for other in scene.objects)]
        edit = Edit("recolor", index, color=rng.choice(free))
    elif kind == "camera":
        edit = Edit("camera", None, direction, value)
    elif kind == "view":
        # Rooms are open behind the viewer only.
        if scene.environment == "room":
            return None
        edit = Edit("camera", index, direction)
    else:
        edit = Edit(kind, index, direction, value)
    return EditPair(scene, edit, apply_edit(scene, edit))


def _draw_length(low: float, high: float, rng: random.Random) -> float | None:
    lengths = [length for length in _LENGTHS if low <= length <= high]
    return rng.choice(lengths) if lengths else None


def _draw_place(target: Scene, rng: random.Random) -> Statement | None:
    """A true statement of where the last object stands. Three in five are egocentric, as people usually say it."""
    last = len(target.objects) - 1
    places = [place for place in propose(target) if place.subject == last and (place.domain, place.relation) in _WHERE]
    if not places:
        return None
    usual = [place for place in places if place.domain == "egocentric"]
    return rng.choice(usual if usual and rng.random() < 0.6 else places)


def _sensible(pair: EditPair) -> bool:
    """Whether both scenes show their objects well and inside the room, and the edit can be seen."""
    source, target, edit = pair.source, pair.target, pair.edit
    # The object faces that way already: an edit that the unchanged image nearly passes teaches nothing.
    if edit.kind in ("rotate", "camera") and score_edit(source, source, edit) > 0.7:
        return False
    if edit.kind == "resize" and edit.direction != "volume":
        if not extent_shows(observe(source).objects[edit.place], edit.way):
            return False
    return all(well_composed(scene) and inside_room(scene) for scene in (source, target))


def inside_room(scene: Scene) -> bool:
    """Whether the camera and all objects are within the walls; True outdoors."""
    if scene.room is None:
        return True
    half_width, height, far = scene.room
    x, y, z = scene.camera.position
    if abs(x) > half_width - 0.05 or z > far - 0.05 or -y > height - 0.05:
        return False
    for thing in scene.objects:
        radius = math.hypot(thing.size[0], thing.size[2]) / 2
        x, _, z = thing.position
        if abs(x) + radius > half_width or z + radius > far or thing.size[1] > height:
            return False
    return True


# Geometry ------------------------------------------------------------------------------------------------------------

# Right and forward, level, in the viewer's axes.
_MOVES = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "closer": (0.0, -1.0), "farther": (0.0, 1.0)}
_CAMERA_MOVES = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "forward": (0.0, 1.0), "back": (0.0, -1.0)}
_RISES = {"up": 1.0, "down": -1.0}
_EXTENTS = ("width", "height", "length")


def _step(
    position: tuple[float, float, float], camera: Camera, right: float, forward: float, length: float
) -> tuple[float, float, float]:
    yaw = math.radians(camera.yaw)
    x = right * math.cos(yaw) + forward * math.sin(yaw)
    z = -right * math.sin(yaw) + forward * math.cos(yaw)
    return position[0] + length * x, position[1], position[2] + length * z


def _move_camera(camera: Camera, edit: Edit) -> Camera:
    if edit.way in _RISES:
        x, y, z = camera.position
        return replace(camera, position=(x, y - _RISES[edit.way] * edit.amount, z))
    return replace(camera, position=_step(camera.position, camera, *_CAMERA_MOVES[edit.way], edit.amount))


def _orbit(camera: Camera, thing: SceneObject, side: str) -> Camera:
    """Carry the camera round the object until it sees the side; the object keeps its place in the image."""
    x, z = camera.position[0] - thing.position[0], camera.position[2] - thing.position[2]
    heading = math.radians(thing.yaw + {"front": 0, "back": 180, "left": 90, "right": -90}[side])
    turn = heading - math.atan2(x, -z)
    cos, sin = math.cos(turn), math.sin(turn)
    position = (thing.position[0] + cos * x - sin * z, camera.position[1], thing.position[2] + sin * x + cos * z)
    # Yaw of things counts counterclockwise from above, that of the camera clockwise.
    return replace(camera, position=position, yaw=_wrap(camera.yaw - math.degrees(turn)))


def _turned(scene: Scene, edit: Edit) -> float:
    thing, camera = scene.objects[edit.place], scene.camera
    if edit.direction == "own_left":
        return _wrap(thing.yaw + edit.amount)
    if edit.direction == "own_right":
        return _wrap(thing.yaw - edit.amount)
    x, z = camera.position[0] - thing.position[0], camera.position[2] - thing.position[2]
    to_camera = math.degrees(math.atan2(x, -z))
    return _wrap(to_camera - {"front": 0, "back": 180, "left": 90, "right": -90}[edit.way])


def _wrap(degrees: float) -> float:
    return (degrees + 180.0) % 360.0 - 180.0


def _resized(size: tuple[float, float, float], edit: Edit) -> tuple[float, float, float]:
    if edit.direction == "volume":
        factor = edit.amount ** (1 / 3)
        return size[0] * factor, size[1] * factor, size[2] * factor
    lengths = list(size)
    lengths[_EXTENTS.index(edit.way)] += edit.amount
    return lengths[0], lengths[1], lengths[2]


# Scores --------------------------------------------------------------------------------------------------------------


def _change(before: ObservedObject, after: ObservedObject) -> tuple[float, float]:
    return after.position[0] - before.position[0], after.position[2] - before.position[2]


def _maybe_same(a: ObservedObject, b: ObservedObject) -> bool:
    """Whether kind and colour agree, where both are known."""
    return all(not x or not y or x == y for x, y in ((a.kind, b.kind), (a.color, b.color)))


def _score_addition(target: Observation, edit: Edit) -> float:
    added, statement = target.objects[-1], edit.statement
    wanted = ObservedObject((0.0, 0.0, 0.0), kind=edit.thing.kind, color=edit.thing.color)
    if not _maybe_same(added, wanted):
        return 0.0
    if statement is None:
        return 1.0
    if statement.domain != "allocentric":
        return score(target, statement)
    # In front and behind are half-spaces for an insertion, left and right fall off more slowly.
    reference = target.objects[statement.other]
    if reference.front is None:
        return 0.0
    direction = _change(reference, added)
    angle = side_angle(reference, statement.relation, direction)
    if statement.relation in ("front", "back"):
        return float(angle < 90.0)
    return angle_credit(angle, 30.0, 75.0)


def _score_orbit(source: Observation, target: Observation, edit: Edit) -> float:
    """How well the anchor is seen from its side, with every other object still in the same quadrant of the anchor."""
    before, after = source.objects[edit.place], target.objects[edit.place]
    if before.front is None or after.front is None:
        return 0.0
    kept = True
    # GenSpace's simple camera poses fall off more slowly than those that have other objects to keep in place.
    limits = (30.0, 60.0) if len(source.objects) > 1 else (30.0, 75.0)
    for i in range(len(source.objects)):
        if i != edit.index:
            old, new = _in_frame(before, source.objects[i]), _in_frame(after, target.objects[i])
            kept = kept and all(a * b >= -1e-6 for a, b in zip(old, new))
    return kept * view_score(after, edit.way, limits)


def _in_frame(anchor: ObservedObject, other: ObservedObject) -> tuple[float, float]:
    """Where `other` is to the anchor's right and front, in metres."""
    x, z = _change(anchor, other)
    front_x, _, front_z = anchor.facing
    return x * front_z - z * front_x, x * front_x + z * front_z


# Instructions --------------------------------------------------------------------------------------------------------

_REMOVE = ("remove {A}", "delete {A}", "take away {A}", "erase {A}", "take {A} out of the picture")
_RECOLOR = ("paint {A} {c}", "make {A} {c}", "change the color of {A} to {c}", "recolor {A} to {c}", "color {A} {c}")
_MOVE = {
    side: (
        f"move {{A}} {{v}} to the {side}",
        f"shift {{A}} {{v}} to the {side}",
        f"push {{A}} {{v}} to the {side}",
        f"move {{A}} to the {side} by {{v}}",
        f"move {{A}} {{v}} {side}",
    )
    for side in ("left", "right")
} | {
    "closer": (
        "move {A} {v} closer to the camera",
        "move {A} {v} closer",
        "bring {A} {v} closer",
        "pull {A} {v} towards the camera",
        "bring {A} {v} nearer to the camera",
    ),
    "farther": (
        "move {A} {v} farther away",
        "push {A} {v} farther away",
        "move {A} {v} farther from the camera",
        "push {A} {v} away from the camera",
        "shift {A} {v} away from the camera",
    ),
}
_FACE = {"front": "the camera", "back": "away from the camera", "left": "left", "right": "right"}
_ROTATE = {
    side: (
        f"turn {{A}} to face {_FACE[side]}",
        f"rotate {{A}} so that it faces {_FACE[side]}",
        f"make {{A}} face {_FACE[side]}",
        f"turn {{A}} so that it faces {_FACE[side]}",
    )
    for side in SIDES
} | {
    f"own_{side}": (
        f"turn {{A}} {{v}} degrees to its own {side}",
        f"rotate {{A}} {{v}} degrees to its own {side}",
        f"turn {{A}} to its own {side} by {{v}} degrees",
        f"rotate {{A}} by {{v}} degrees towards its own {side}",
    )
    for side in ("left", "right")
}
_COMPARATIVE = {
    "height": ("taller", "lower"),
    "width": ("wider", "narrower"),
    "length": ("longer", "shorter"),
}
_RESIZE = {
    "bigger": (
        "make {A} {v} as big",
        "make {A} {v} as large",
        "enlarge {A} to {v} its size",
        "scale {A} to {v} its size",
        "make the volume of {A} {v} as large",
    ),
    "smaller": (
        "make {A} half as big",
        "make {A} half as large",
        "shrink {A} to half its size",
        "scale {A} to half its size",
    ),
}
for _extent, (_longer, _shorter) in _COMPARATIVE.items():
    for _sign, _change_word, _word in (("more", "increase", _longer), ("less", "reduce", _shorter)):
        _RESIZE[f"{_sign} {_extent}"] = (
            f"make {{A}} {{v}} {_word}",
            f"{_change_word} the {_extent} of {{A}} by {{v}}",
            f"make {{A}} {_word} by {{v}}",
            f"change the {_extent} of {{A}}: {{v}} {_sign}",
        )
_CAMERA = {
    side: (
        f"move the camera {{v}} to the {side}",
        f"shift the camera {{v}} to the {side}",
        f"move the camera to the {side} by {{v}}",
        f"slide the camera {{v}} to the {side}",
    )
    for side in ("left", "right")
} | {
    "forward": (
        "move the camera {v} forward",
        "push the camera {v} forward",
        "move the camera forward by {v}",
        "slide the camera {v} forward",
    ),
    "back": (
        "move the camera {v} back",
        "pull the camera {v} back",
        "move the camera back by {v}",
        "slide the camera {v} back",
    ),
}
_VIEW = {
    side: (f"show {{A}} {seen}", f"look at {{A}} {seen}", f"view {{A}} {seen}", f"move the camera to see {{A}} {seen}")
    for side, seen in (
        ("front", "from the front"),
        ("back", "from behind"),
        ("left", "from its left side"),
        ("right", "from its right side"),
    )
}
_ADD = ("add {a} {where}", "put {a} {where}", "place {a} {where}", "insert {a} {where}")
_WHERE = {
    ("egocentric", "closer"): ("closer to the camera than {B}", "nearer to the camera than {B}"),
    ("egocentric", "farther"): ("farther from the camera than {B}", "farther away than {B}"),
    ("egocentric", "in front of"): ("in front of {B}",),
    ("egocentric", "behind"): ("behind {B}",),
    ("egocentric", "left"): ("to the left of {B}", "on the left of {B}"),
    ("egocentric", "right"): ("to the right of {B}", "on the right of {B}"),
    ("allocentric", "front"): ("in front of {B}, from {B}'s perspective", "at the front side of {B}"),
    ("allocentric", "back"): ("behind {B}, from {B}'s perspective", "at the back side of {B}"),
    ("allocentric", "left"): (
        "to the left of {B}, from {B}'s perspective",
        "on the left from the point of view of {B}",
    ),
    ("allocentric", "right"): (
        "to the right of {B}, from {B}'s perspective",
        "on the right from the point of view of {B}",
    ),
    ("intrinsic", "side_by_side_same"): ("beside {B}, facing the same way", "next to {B}, facing the same direction"),
    ("intrinsic", "side_by_side_opposite"): (
        "beside {B}, facing the opposite way",
        "next to {B}, turned the opposite way",
    ),
    ("intrinsic", "face_to_face"): ("face to face with {B}", "so that it and {B} are facing each other"),
    ("intrinsic", "back_to_back"): ("back to back with {B}", "so that it and {B} are facing away from each other"),
    ("object_distance", "apart"): ("{v} from {B}", "{v} away from {B}"),
    ("camera_distance", "away"): ("{v} from the camera", "{v} away from the camera"),
}


def instruction_templates() -> list[str]:
    """Every wording, with {A}, {a}, {B}, {c}, {v} and {where} to be filled in."""
    groups = [_REMOVE, _RECOLOR, _ADD, *_MOVE.values(), *_ROTATE.values(), *_RESIZE.values(), *_CAMERA.values()]
    return [text for group in (*groups, *_VIEW.values(), *_WHERE.values()) for text in group]


def _definite(scene: Scene, index: int, rng: random.Random, also: str = "") -> str:
    """The object's name: by kind alone only where it is the one object of its kind (`also`: the kind of another)."""
    thing = scene.objects[index]
    alone = thing.kind != also and sum(other.kind == thing.kind for other in scene.objects) == 1
    return f"the {thing.kind}" if alone and rng.random() < 0.6 else f"the {thing.color} {thing.kind}"


def _times(ratio: float, rng: random.Random) -> str:
    return "twice" if ratio == 2 and rng.random() < 0.6 else f"{ratio:g} times"


def _say_addition(source: Scene, edit: Edit, rng: random.Random) -> str:
    statement, text = edit.statement, rng.choice(_ADD)
    if statement is None:
        return text.format(a=describe(edit.thing), where="").strip()
    key = statement.domain, statement.relation
    if key[0] == "egocentric" and key[1] in ("closer", "farther") and rng.random() < 0.85:
        target = observe(apply_edit(source, edit))
        if off_direction(statement, target) <= ASIDE:
            key = key[0], {"closer": "in front of", "farther": "behind"}[key[1]]
    value = "" if statement.value is None else say_metres(statement.value, rng)
    name = "" if statement.reference is None else _definite(source, statement.other, rng, also=edit.thing.kind)
    return text.format(a=describe(edit.thing), where=rng.choice(_WHERE[key]).format(B=name, v=value))
