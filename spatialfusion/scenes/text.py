"""Scenes written by hand: a line for each thing, in metres and degrees. docs/scene-text.md describes the language.

Positions count from the ground below a camera at rest: x to the right, z forward, heights upwards. `scene_from_text`
reads, `scene_to_text` writes what reads back as the same scene; `compose.py` draws.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..errors import InputError, suggest
from .render import GROUNDS, SKIES
from .sample import TILE
from .scene import COLORS, KINDS, Camera, Scene, SceneObject

EXAMPLE = """\
# two metres between a red car and the blue house behind it; a mug on a table, near the camera
camera height 1.6 pitch 5 fov 60
outdoor
house blue at 0.5 13.4 size 6 5 7
car red at 0 7 facing left
table white at 1 3.4 yaw 20
mug yellow on table
"""

CAMERA = {"height": 1.6, "pitch": 5.0, "yaw": 0.0, "fov": 60.0}
LIGHT = {"azimuth": -35.0, "elevation": 50.0}
COLOR = "white"
NEAREST = 3.0  # metres; where a thing without a position stands, unless it is so large that it needs more

KIND_WORDS = {
    **{kind: kind for kind in KINDS},
    **{"person": "figure", "human": "figure", "man": "figure", "woman": "figure"},
    **{"box": "cube", "sphere": "ball", "couch": "sofa", "cup": "mug"},
}
FACING = {
    **dict.fromkeys(("viewer", "camera", "us", "me", "front"), 0.0),
    **dict.fromkeys(("right", "rightwards"), 90.0),
    **dict.fromkeys(("away", "back", "backwards"), 180.0),
    **dict.fromkeys(("left", "leftwards"), 270.0),
}
_SUBJECTS = {
    "camera": "camera",
    "light": "light",
    **dict.fromkeys(("outdoor", "outdoors", "outside"), "outdoor"),
    **dict.fromkeys(("room", "indoor", "indoors", "inside"), "room"),
}
# Words that carry no meaning here: "a red car at 0 m 6 m facing to the left".
_FILLERS = {"a", "an", "the", "m", "meter", "meters", "metre", "metres", "deg", "degree", "degrees"}
_TOWARDS = {"to", "toward", "towards", "at"}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(m|cm|deg|°)?")
_NUMBER_LIKE = re.compile(r"[+-]?\.?\d")
_NAME = re.compile(r"[^\W\d][\w-]*")


@dataclass(frozen=True)
class _Numbers:
    """What a key word wants after it: how many numbers, what they are, and the range of each."""

    form: str
    low: float
    high: float
    counts: tuple[int, ...] = (1,)
    whole: bool = False
    angle: bool = False


_SIZE = _Numbers("width, height and length, or the height alone, in metres", 0.005, 200, (1, 3))
_POSITION = _Numbers("x (to the right), z (forward) and, if not on the ground, the height of the base, in metres",
                     -1000, 1000, (2, 3))  # fmt: skip
_YAW = _Numbers("degrees; 0 faces the viewer, 90 the viewer's right", -360, 360, angle=True)
_CAMERA = {
    "height": _Numbers("metres above the ground", 0.01, 200),
    "pitch": _Numbers("degrees downwards", -89, 89, angle=True),
    "fov": _Numbers("degrees from the left to the right edge of the picture", 5, 150, angle=True),
    "yaw": _Numbers("degrees to the right", -360, 360, angle=True),
    "at": _Numbers("x (to the right) and z (forward) in metres", -1000, 1000, (2,)),
}
_LIGHT = {
    "azimuth": _Numbers("degrees; 0 shines from the viewer's side, 90 from the right", -360, 360, angle=True),
    "elevation": _Numbers("degrees above the horizon", 1, 90, angle=True),
}
_TILE = _Numbers("metres, the edge of the squares on the ground", 0.01, 100)
_OUTDOOR = {
    "ground": _Numbers("a palette", 0, len(GROUNDS) - 1, whole=True),
    "sky": _Numbers("a palette", 0, len(SKIES) - 1, whole=True),
    "tile": _TILE,
}
_ROOM = {
    "size": _Numbers("width, height, and how far forward its back wall stands, in metres", 0.1, 1000, (3,)),
    "floor": _OUTDOOR["ground"],
    "walls": _OUTDOOR["sky"],
    "tile": _TILE,
}
_SETTINGS = {"camera": _CAMERA, "light": _LIGHT, "outdoor": _OUTDOOR, "room": _ROOM}


@dataclass(frozen=True)
class Layout:
    """A scene with a name for each of its objects, and what its writer should be told but may have meant."""

    scene: Scene
    names: tuple[str, ...]
    warnings: tuple[str, ...] = field(default=(), compare=False)


def corners(thing: SceneObject) -> Tensor:
    """The corners of an object's box in the world, [8, 3]."""
    width, height, length = thing.size
    signs = torch.tensor([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    axes = torch.stack([width * thing.right, torch.tensor([0.0, height, 0.0]), length * thing.front])
    return thing.center + signs @ axes


# --- writing -------------------------------------------------------------------------------------------------------


def scene_to_text(scene: Scene, names: Sequence[str] | None = None) -> str:
    """The text that `scene_from_text` reads as an equal scene.

    names: of the objects, as a Layout has them; those of one word are written. The numbers of palettes and turns are
    written within the range of the language (a yaw of 400 as 40), which looks the same.
    """
    looks = [(thing.color, thing.kind) for thing in scene.objects]
    given = [None] * len(looks) if names is None else [name if " " not in name else None for name in names]
    if names is not None and tuple(names) != _names(looks, given):
        raise InputError(f"the names are {list(names)}; expected those of a Layout of this scene, one for each object.")
    camera = scene.camera
    x, y, z = camera.position
    moved = f" at {_say(x)} {_say(z)}" if x or z else ""
    turned = f" yaw {_say_turn(camera.yaw)}" if camera.yaw else ""
    azimuth, elevation = scene.light
    ground, backdrop = scene.ground % len(GROUNDS), scene.backdrop % len(SKIES)
    if scene.room:
        half_width, height, far = scene.room
        size = f"{_say(2 * half_width)} {_say(height)} {_say(far)}"
        around = f"room size {size} floor {ground} walls {backdrop} tile {_say(scene.tile)}"
    else:
        around = f"outdoor ground {ground} sky {backdrop} tile {_say(scene.tile)}"
    lines = [
        f"camera height {_say(-y)} pitch {_say(camera.pitch)} fov {_say(camera.hfov)}{moved}{turned}",
        f"light azimuth {_say_turn(azimuth)} elevation {_say(elevation)}",
        around,
    ]
    for thing, name in zip(scene.objects, given):
        x, y, z = thing.position
        base = f" {_say(-y)}" if y else ""
        yaw = f" yaw {_say_turn(thing.yaw)}" if thing.yaw else ""
        size = " ".join(_say(edge) for edge in thing.size)
        called = f" as {name}" if name else ""
        lines.append(f"{thing.kind} {thing.color} at {_say(x)} {_say(z)}{base} size {size}{yaw}{called}")
    return "\n".join(lines) + "\n"


def _say(number: float) -> str:
    """The shortest text that reads back as the same number."""
    return f"{number:g}" if float(f"{number:g}") == number else repr(float(number))


def _say_turn(degrees: float) -> str:
    return _say(degrees if abs(degrees) <= 360 else math.fmod(degrees, 360))


def _names(looks: Iterable[tuple[str, str]], given: Iterable[str | None]) -> tuple[str, ...]:
    """The given names, else "red car", "red car 2" and so on."""
    counts: Counter[str] = Counter()
    names = []
    for (color, kind), name in zip(looks, given):
        if name is None:
            name = f"{color} {kind}"
            counts[name] += 1
            name += f" {counts[name]}" if counts[name] > 1 else ""
        names.append(name)
    return tuple(names)


# --- reading -------------------------------------------------------------------------------------------------------


def scene_from_text(text: str) -> Layout:
    """Read a scene text. Raises InputError, with the number of the line, for what is not in the language."""
    settings: dict[str, dict[str, tuple[float, ...]]] = {}
    said: dict[str, _Words] = {}  # where each of the settings is
    things: list[_Thing] = []
    for words in _statements(text):
        subject = _SUBJECTS.get(words.peek() or "")
        if subject is None:
            things.append(_read_thing(words))
            continue
        part = "surroundings" if subject in ("outdoor", "room") else subject
        if part in said:
            raise words.error(f"the {part} is already described in line {said[part].line}", "one such line")
        said[part] = words
        words.next()
        settings[subject] = _read_settings(words, subject)
    if not things:
        raise InputError("the scene text has no object; expected at least one, for instance: car red at 0 6.")
    _check_names(things)

    camera = settings.get("camera", {})
    (height,), (pitch,), (yaw,), (fov,) = (camera.get(key, (value,)) for key, value in CAMERA.items())
    x, z = camera.get("at", (0.0, 0.0))
    view = Camera((x, -height, z), yaw, pitch, fov)
    (azimuth,), (elevation,) = (settings.get("light", {}).get(key, (value,)) for key, value in LIGHT.items())
    objects, warnings = _place(things)
    around = settings.get("room", settings.get("outdoor", {}))
    room = None
    if "room" in settings:
        room = _room(objects, view, around.get("size"), said["surroundings"])
    scales = {KINDS[thing.kind].scale for thing in objects}
    (tile,) = around.get("tile", (TILE[next(scale for scale in ("large", "medium", "small") if scale in scales)],))
    scene = Scene(
        objects=objects,
        camera=view,
        environment="room" if room else "outdoor",
        light=(azimuth, elevation),
        ground=int(around.get("floor", around.get("ground", (0,)))[0]),
        backdrop=int(around.get("walls", around.get("sky", (0,)))[0]),
        room=room,
        tile=tile,
    )
    return Layout(scene, _thing_names(things), tuple(warnings))


class _Words:
    """The words of one statement, taken from left to right."""

    def __init__(self, line: int, words: list[str]) -> None:
        self.line = line
        self._words = words

    def peek(self) -> str | None:
        return self._words[0] if self._words else None

    def next(self) -> str | None:
        return self._words.pop(0) if self._words else None

    def skip(self, words: Iterable[str]) -> None:
        while self.peek() in words:
            self.next()

    def error(self, wrong: str, right: str) -> InputError:
        return InputError(f"line {self.line} of the scene text: {wrong}; expected {right}.")

    def numbers(self, key: str, wanted: _Numbers) -> tuple[float, ...]:
        """The numbers that follow the word `key`."""
        found = []
        while (word := self.peek()) is not None and _NUMBER_LIKE.match(word):
            found.append(self._number(self.next(), key, wanted))
        if len(found) not in wanted.counts:
            counts = " or ".join(map(str, wanted.counts))
            numbers = f"{len(found) or 'no'} number{'' if len(found) == 1 else 's'}"
            raise self.error(f'"{key}" has {numbers} after it', f"{counts}: {wanted.form}")
        for number in found:
            if not wanted.low <= number <= wanted.high or (wanted.whole and number != int(number)):
                whole = "a whole number " if wanted.whole else ""
                raise self.error(
                    f'{number:g} after "{key}" is out of range',
                    f"{whole}from {wanted.low:g} to {wanted.high:g} ({wanted.form})",
                )
        return tuple(found)

    def _number(self, word: str, key: str, wanted: _Numbers) -> float:
        match = _NUMBER.fullmatch(word)
        if match is None:
            raise self.error(f'"{word}" after "{key}" is not a number', "a number with a decimal point, such as 0.7")
        number, unit = float(match[1]), match[2]
        if unit is not None and (unit in ("deg", "°")) != wanted.angle:
            raise self.error(f'"{word}" after "{key}" has the wrong unit', wanted.form)
        return number / 100 if unit == "cm" else number


def _statements(text: str) -> Iterator[_Words]:
    for line, content in enumerate(text.splitlines(), 1):
        for statement in content.partition("#")[0].split(";"):
            words = [word for word in _split(statement) if word not in _FILLERS]
            if words:
                yield _Words(line, words)


def _split(statement: str) -> Iterator[str]:
    """Words in lower case. A comma after a word separates; "6x5x7" is three numbers."""
    for word in re.sub(r",(?=\s|$)", " ", statement.lower().replace("−", "-").replace("×", "x")).split():
        yield from word.split("x") if re.fullmatch(r"[\d.]+(x[\d.]+)+", word) else (word,)


def _read_settings(words: _Words, subject: str) -> dict[str, tuple[float, ...]]:
    """The key words and numbers of a line about the camera, the light or the surroundings."""
    table = _SETTINGS[subject]
    found: dict[str, tuple[float, ...]] = {}
    while (key := words.next()) is not None:
        if key not in table:
            raise words.error(_unknown(key, table, f' after "{subject}"'), _listing(table))
        if key in found:
            raise words.error(f'"{key}" is given twice', "once")
        found[key] = words.numbers(key, table[key])
    return found


@dataclass
class _Thing:
    """A line about an object, as written."""

    words: _Words
    kind: str = ""
    color: str = ""
    at: tuple[float, ...] | None = None
    size: tuple[float, ...] | None = None
    yaw: float | None = None
    on: tuple[str, ...] | None = None  # a name, or a kind, or a colour and a kind
    name: str | None = None


_THING_WORDS = ("at", "size", "yaw", "facing", "on", "as")


def _read_thing(words: _Words) -> _Thing:
    thing = _Thing(words)
    seen: set[str] = set()

    def once(what: str) -> None:
        if what in seen:
            raise words.error(f"the {what} is given twice", "one for each object, and one object for each line")
        seen.add(what)

    while (word := words.next()) is not None:
        if word in KIND_WORDS:
            once("kind")
            thing.kind = KIND_WORDS[word]
        elif word in COLORS:
            once("colour")
            thing.color = word
        elif word == "at":
            once("position")
            thing.at = words.numbers(word, _POSITION)
        elif word == "size":
            once("size")
            thing.size = words.numbers(word, _SIZE)
        elif word == "yaw":
            once("direction")
            (thing.yaw,) = words.numbers(word, _YAW)
        elif word in ("facing", "looking"):
            once("direction")
            thing.yaw = _read_facing(words, word)
        elif word == "on":
            once("support")
            thing.on = _read_support(words)
        elif word == "as":
            once("name")
            thing.name = _read_name(words)
        elif _NUMBER_LIKE.match(word):
            raise words.error(f'the number "{word}" belongs to no key word', '"at", "size" or "yaw" before it')
        else:
            raise words.error(
                _unknown(word, (*KIND_WORDS, *COLORS, *_THING_WORDS, *_SUBJECTS)),
                f"a kind of object ({', '.join(KINDS)}), a colour ({', '.join(COLORS)}), or {_listing(_THING_WORDS)}",
            )
    if not thing.kind:
        raise words.error("there is no kind of object", f"one of {', '.join(KINDS)}")
    if thing.at is not None and len(thing.at) == 3:
        if thing.on is not None:
            raise words.error('there is both a height after "at" and "on"', "only one of them")
        if thing.at[2] < 0:
            raise words.error(f"the base is at height {thing.at[2]:g}", "0 or more metres above the ground")
    return thing


def _read_facing(words: _Words, key: str) -> float:
    words.skip(_TOWARDS)
    direction = words.next()
    if direction not in FACING:
        wrong = f'"{key}" has no direction after it' if direction is None else _unknown(direction, FACING)
        raise words.error(wrong, 'viewer, away, left or right, or "yaw" and degrees')
    if words.peek() == "from":  # "away from the camera"
        words.next()
        if FACING[direction] != 180 or FACING.get(words.next() or "") != 0:
            raise words.error(f'"{direction} from" is not understood', '"away from the camera"')
    return FACING[direction]


def _read_support(words: _Words) -> tuple[str, ...]:
    words.skip(("top", "of"))
    first = words.next()
    if first is None:
        raise words.error('"on" has nothing after it', "the name or the kind of another object")
    if first in COLORS and words.peek() in KIND_WORDS:
        return first, KIND_WORDS[words.next()]
    return (first,)


def _read_name(words: _Words) -> str:
    name = words.next()
    if name is None or not _NAME.fullmatch(name) or name in COLORS:
        wrong = '"as" has no name after it' if name is None else f'"{name}" cannot be a name'
        raise words.error(wrong, "one word of letters, digits, - and _ that is no colour")
    return name


def _unknown(word: str, known: Iterable[str], where: str = "") -> str:
    return f'"{word}"{where} is not known{suggest(word, known)}'


def _listing(words: Iterable[str]) -> str:
    *some, last = words
    return f"{', '.join(some)} or {last}"


# --- filling in ----------------------------------------------------------------------------------------------------


def _check_names(things: list[_Thing]) -> None:
    lines: dict[str, int] = {}
    for thing in things:
        if thing.name in lines:
            raise thing.words.error(
                f'the name "{thing.name}" is already used in line {lines[thing.name]}', "another name"
            )
        if thing.name is not None:
            lines[thing.name] = thing.words.line


def _thing_names(things: list[_Thing]) -> tuple[str, ...]:
    return _names([(thing.color or COLOR, thing.kind) for thing in things], [thing.name for thing in things])


def _place(things: list[_Thing]) -> tuple[tuple[SceneObject, ...], list[str]]:
    """The objects with their defaults, each on what it stands on; and warnings about those that stand beside it."""
    names = _thing_names(things)
    placed: dict[int, SceneObject] = {}
    warnings: list[str] = []

    def place(index: int, above: tuple[int, ...] = ()) -> SceneObject:
        thing = things[index]
        if index in above:
            raise thing.words.error(f"{names[index]} stands on itself, through other objects", "an order of standing")
        if index in placed:
            return placed[index]
        size = _full_size(thing)
        x, z = (thing.at or (0.0, max(NEAREST, 2 * max(size))))[:2]
        base = thing.at[2] if thing.at is not None and len(thing.at) == 3 else 0.0
        support = _support(things, index)
        if support is not None:
            below = place(support, (*above, index))
            base = below.size[1] - below.position[1]
            if thing.at is None:
                x, _, z = below.position
            elif not _is_over(x, z, below):
                warnings.append(f"{names[index]} floats: its middle is not over {names[support]}.")
        placed[index] = SceneObject(thing.kind, thing.color or COLOR, size, (x, -base, z), thing.yaw or 0.0)
        return placed[index]

    return tuple(place(index) for index in range(len(things))), warnings


def _full_size(thing: _Thing) -> tuple[float, float, float]:
    usual = KINDS[thing.kind].size
    if thing.size is None:
        return usual
    if len(thing.size) == 3:
        return thing.size
    (height,) = thing.size
    width, usual_height, length = usual
    return width * height / usual_height, height, length * height / usual_height


def _support(things: list[_Thing], index: int) -> int | None:
    """Index of the object on which a thing stands; None for the ground."""
    thing = things[index]
    if thing.on is None:
        return None
    asked = " ".join(thing.on)
    others = [other for other in range(len(things)) if other != index]
    named = [other for other in others if things[other].name == asked]
    if named:
        return named[0]
    if asked in ("ground", "floor"):
        return None
    kind = KIND_WORDS.get(thing.on[-1])
    color = thing.on[0] if len(thing.on) == 2 else None
    alike = [o for o in others if things[o].kind == kind and (color is None or (things[o].color or COLOR) == color)]
    if len(alike) > 1:
        raise thing.words.error(
            f'"on {asked}" could be any of {len(alike)} objects', 'a name, given to the one meant with "as"'
        )
    if not alike:
        known = [name for other in others for name in (things[other].name, things[other].kind) if name]
        raise thing.words.error(
            f'there is no other object "{asked}" to stand on{suggest(asked, known)}',
            "the name or the kind of an object of this text",
        )
    return alike[0]


def _is_over(x: float, z: float, below: SceneObject) -> bool:
    """Whether a point lies within the rectangle that an object covers on the ground."""
    yaw = math.radians(below.yaw)
    dx, dz = x - below.position[0], z - below.position[2]
    across, along = dx * math.cos(yaw) + dz * math.sin(yaw), dz * math.cos(yaw) - dx * math.sin(yaw)
    return abs(across) <= below.size[0] / 2 and abs(along) <= below.size[2] / 2


def _room(
    objects: tuple[SceneObject, ...], camera: Camera, size: tuple[float, ...] | None, words: _Words
) -> tuple[float, float, float]:
    """Half width, height and z of the back wall: those given, or a room in which everything fits."""
    x, y, z = camera.position
    if size is not None:
        width, height, far = size
        if abs(x) >= width / 2 or -y >= height or z >= far:
            raise words.error(
                f"the camera (x {x:g}, height {-y:g}, z {z:g}) is outside of the room",
                "a room of more width, height or depth, or the camera in it",
            )
        return width / 2, height, far
    ends = torch.cat([corners(thing) for thing in objects])
    half_width = max(abs(x), ends[:, 0].abs().max().item()) + 0.5
    height = max(-y + 0.3, -ends[:, 1].min().item() + 0.3, 2.5)
    far = max(z, ends[:, 2].max().item()) + 0.5
    # In decimetres, so that the sizes read well.
    return tuple(math.ceil(10 * edge - 1e-3) / 10 for edge in (half_width, height, far))
