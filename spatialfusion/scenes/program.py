"""What a scene text says, before anything has coordinates: things, relations between them, wishes for the camera.

`SceneProgram` is the text as data, a `Thing` for each line about an object. `expand` numbers the objects themselves
(a line may be about a group) and the relations between them; `program_statements` gives those that can be scored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..errors import InputError
from ..needed import needed
from . import lexicon
from .primitives import Primitive
from .scene import KINDS, Scene, SceneObject
from .statements import Statement

COLOR = "white"  # of the kinds of the rendered world, where a text without relations names none
MAX_OBJECTS = 1000
MAX_RELATIONS = 20_000  # between single objects
EXTENTS = ("width", "height", "length")

# The first half of an egocentric, allocentric or intrinsic statement, and a comparison, as a relation says them.
EGOCENTRIC = {
    "left of": "left",
    "right of": "right",
    "in front of": "closer",
    "behind": "farther",
    "nearer than": "closer",
    "farther than": "farther",
}
ALLOCENTRIC = {"at front of": "front", "at back of": "back", "at left of": "left", "at right of": "right"}
INTRINSIC = {
    "face to face with": "face_to_face",
    "back to back with": "back_to_back",
    "side by side same way": "side_by_side_same",
    "side by side opposite ways": "side_by_side_opposite",
}
COMPARED = {  # the extent, and whether the subject has more of it
    "taller than": ("height", True),
    "shorter than": ("height", False),
    "wider than": ("width", True),
    "narrower than": ("width", False),
    "longer than": ("length", True),
}
VIEW_SIDES = {"viewer": "front", "away": "back", "left": "left", "right": "right"}
OPPOSITE = {
    **{"left of": "right of", "right of": "left of", "in front of": "behind", "behind": "in front of"},
    **{"nearer than": "farther than", "farther than": "nearer than"},
}


@dataclass(frozen=True)
class Reference:
    """The thing of another line. member: which one of a group, from 1; 0 for the whole group or a single thing."""

    thing: int
    member: int = 0


@dataclass(frozen=True)
class Relation:
    """What a line says of its thing and others.

    kind: a key of the tables above; or "next to", "between", "on", "under", "above", "facing", "around", "from",
    "from camera", "times as big as"; or, without references, "in a row", "in a circle", "on wall", "against wall".
    "facing" and those of INTRINSIC without a reference relate the members of a group to each other. value: metres, or
    the ratio of volumes.
    """

    kind: str
    references: tuple[Reference, ...] = ()
    value: float | None = None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Thing:
    """A line about an object, or about `count` objects, as written. What is not said is empty or None.

    noun: its canonical name, or the unknown word as written. at: x, z and maybe the height of the base. size: width,
    height and length, or the height. extents: (name, metres) of single ones. facing: a key of VIEW_SIDES.
    """

    noun: str
    count: int = 1
    color: str = ""
    words: str = ""
    name: str = ""
    at: tuple[float, ...] | None = None
    size: tuple[float, ...] | None = None
    extents: tuple[tuple[str, float], ...] = ()
    like: str = ""
    parts: tuple[Primitive, ...] = ()
    yaw: float | None = None
    facing: str = ""
    relations: tuple[Relation, ...] = ()
    hidden: bool = False
    line: int = field(default=0, compare=False)


Numbers = tuple[tuple[str, tuple[float, ...]], ...]


@dataclass(frozen=True)
class CameraLine:
    """The camera's line. numbers: (key, values), as given. auto: what has no number is the solver's to choose.

    distances: metres from things. sees: (side, thing), the thing's own side. shot: "", "wide", "medium" or "close".
    level: "", "low", "eye level", "high" or "top-down".
    """

    numbers: Numbers = ()
    auto: bool = False
    distances: tuple[tuple[float, Reference], ...] = ()
    sees: tuple[tuple[str, Reference], ...] = ()
    shot: str = ""
    level: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class SceneProgram:
    """A scene text as data. place: "", "outdoor" or "room"; light and surroundings: (key, values), as given."""

    things: tuple[Thing, ...]
    camera: CameraLine = CameraLine()
    light: Numbers = ()
    place: str = ""
    surroundings: Numbers = ()
    place_line: int = field(default=0, compare=False)

    @property
    def solved(self) -> bool:
        """Whether the text needs the solver: it has a relation, a group or a wish for the camera."""
        return self.camera.auto or any(
            thing.count > 1 or any(relation.kind != "on" for relation in thing.relations) for thing in self.things
        )


@dataclass(frozen=True)
class Layout:
    """A scene, a name for each of its objects, and warnings of what its writer may not have meant."""

    scene: Scene
    names: tuple[str, ...]
    warnings: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class ObjectRelation:
    """A relation between single objects, which are numbered in the order of the text."""

    kind: str
    subject: int
    references: tuple[int, ...]
    value: float | None
    line: int


def members(program: SceneProgram) -> list[range]:
    """The numbers of the objects of each thing."""
    found, start = [], 0
    for thing in program.things:
        found.append(range(start, start + thing.count))
        start += thing.count
    return found


def expand(program: SceneProgram) -> list[ObjectRelation]:
    """All relations between single objects. Those of arrangements ("around", "in a row") stay with the first member.

    Raises InputError if there are more than MAX_RELATIONS.
    """
    numbers = members(program)

    def resolve(reference: Reference) -> list[int]:
        group = numbers[reference.thing]
        return [group[reference.member - 1]] if reference.member else list(group)

    found: list[ObjectRelation] = []
    for thing, group in zip(program.things, numbers):
        for said in thing.relations:
            referred = [resolve(reference) for reference in said.references]
            if said.kind in ("around", "in a row", "in a circle"):
                chosen = [(group[0], tuple(place for places in referred for place in places))]
            elif said.kind == "between":
                ends = tuple(place for places in referred for place in places)
                chosen = [(subject, ends) for subject in group]
            elif referred:
                chosen = [(subject, (other,)) for subject in group for other in referred[0] if other != subject]
            elif said.kind == "facing" or said.kind in INTRINSIC:
                chosen = [(group[i], (group[i + 1],)) for i in range(len(group) - 1)]
            else:
                chosen = [(subject, ()) for subject in group]
            found += [ObjectRelation(said.kind, subject, others, said.value, said.line) for subject, others in chosen]
            if len(found) > MAX_RELATIONS:
                raise InputError(
                    f"line {said.line} of the scene text: with it there are more than {MAX_RELATIONS:,} relations "
                    "between single objects; expected fewer, or smaller groups."
                )
    return found


def camera_references(program: SceneProgram) -> tuple[list[tuple[float, int]], list[tuple[str, int]]]:
    """The camera's distances (metres, object) and the sides that it sees (side, object)."""
    numbers = members(program)

    def resolve(reference: Reference) -> list[int]:
        group = numbers[reference.thing]
        return [group[reference.member - 1]] if reference.member else list(group)

    distances = [(metres, i) for metres, reference in program.camera.distances for i in resolve(reference)]
    return distances, [(side, i) for side, reference in program.camera.sees for i in resolve(reference)]


def program_statements(program: SceneProgram) -> list[tuple[int, Statement]]:
    """What the text promises and `statements.score` can judge, each with the number of its line."""
    found: list[tuple[int, Statement]] = []
    abreast: dict[int, list[tuple[int, int]]] = {}
    for said in expand(program):
        line, kind, a, value = said.line, said.kind, said.subject, said.value
        b = said.references[0] if said.references else None
        if kind in EGOCENTRIC:
            found.append((line, Statement("egocentric", EGOCENTRIC[kind], a, b)))
        elif kind in ALLOCENTRIC:
            found.append((line, Statement("allocentric", ALLOCENTRIC[kind], a, b)))
        elif kind in INTRINSIC:
            found.append((line, Statement("intrinsic", INTRINSIC[kind], a, b)))
            if kind == "side by side same way":
                abreast.setdefault(a, []).append((needed(b), line))
                abreast.setdefault(needed(b), []).append((a, line))
        elif kind == "facing":
            found.append((line, Statement("allocentric", "front", needed(b), a)))
        elif kind == "from":
            found.append((line, Statement("object_distance", "apart", a, b, value)))
        elif kind == "from camera":
            found.append((line, Statement("camera_distance", "away", a, None, value)))
        elif kind in COMPARED and value is not None:
            extent, more = COMPARED[kind]
            big, small = (a, needed(b)) if more else (needed(b), a)
            found.append((line, Statement("object_size", extent, big, small, value)))
        elif kind == "times as big as":
            found.append((line, Statement("object_size", "volume", a, b, value)))
    for thing, group in zip(program.things, members(program)):
        for i in group:
            if thing.facing:
                found.append((thing.line, Statement("object_pose", VIEW_SIDES[thing.facing], i)))
            found += [(thing.line, Statement("object_size", extent, i, None, v)) for extent, v in thing.extents]
    distances, sees = camera_references(program)
    line = program.camera.line
    found += [(line, Statement("camera_distance", "away", i, None, metres)) for metres, i in distances]
    for side, i in sees:
        found.append((line, Statement("camera_pose", side, i)))
        found += [(line, Statement("complex_pose", side, i, j)) for j, _ in abreast.get(i, ())]
    return found


# --- names, colours ------------------------------------------------------------------------------------------------


def object_names(objects: Iterable[SceneObject]) -> tuple[str, ...]:
    """A name for each object, all different: its own, else "red car", "red car 2" and so on."""
    objects = list(objects)
    taken = {thing.name.lower() for thing in objects if thing.name}
    counts: Counter[str] = Counter()
    names = []
    for thing in objects:
        name, plain = thing.name, f"{thing.color} {thing.kind}"
        while not name or (not thing.name and name.lower() in taken):
            counts[plain] += 1
            name = plain if counts[plain] == 1 else f"{plain} {counts[plain]}"
        names.append(name)
    return tuple(names)


def member_names(program: SceneProgram) -> list[str]:
    """The `name` of each object: that of its line, with a number in a group. The others have none.

    A group without a name is called by its noun: the fourth chair of the text is "chair 4".
    """
    seen: Counter[str] = Counter()
    names = []
    for thing in program.things:
        for place in range(1, thing.count + 1):
            seen[thing.noun] += 1
            if thing.count == 1:
                names.append(thing.name)
            elif thing.name:
                names.append(f"{thing.name} {place}")
            else:
                names.append(f"{thing.noun} {seen[thing.noun]}")
    return names


def color_of(thing: Thing, solved: bool) -> str:
    """The colour said, else the noun's usual one; white for a kind of the rendered world in a text of numbers alone."""
    if thing.color:
        return thing.color
    noun = lexicon.noun(thing.noun)
    if noun is None or (thing.noun in KINDS and not solved):
        return COLOR
    return noun.color
