"""Scenes and programs as text, in one fixed order of words: what is written reads back as the same."""

from __future__ import annotations

import math
import re

from ..errors import InputError
from ..needed import needed
from . import lexicon
from .keywords import COLOR_WORDS, ROLES, find_noun, is_plural
from .language import read_scene_text
from .primitives import BLOCK, ELLIPSOID, FRUSTUM, Primitive
from .program import COMPARED, CameraLine, Numbers, Reference, Relation, SceneProgram, Thing
from .render import GROUNDS, SKIES
from .scene import Scene, SceneObject
from .words import QUOTES, is_readable

_SHAPES = {BLOCK: "block", ELLIPSOID: "ball", FRUSTUM: "cylinder"}
_PLAIN_NAME = re.compile(r"[^\W\d][\w-]*( [1-9]\d{0,3})?")


def scene_to_text(scene: Scene) -> str:
    """The text that reads back as an equal scene, with every number written out.

    The numbers of palettes and turns are written within the range of the language (a yaw of 400 as 40), which looks the
    same. Raises InputError for names, words and kinds that no text can say.
    """
    camera = scene.camera
    x, y, z = camera.position
    moved = f" at {say(x)} {say(z)}" if x or z else ""
    turned = f" yaw {_say_turn(camera.yaw)}" if camera.yaw else ""
    azimuth, elevation = scene.light
    ground, backdrop = scene.ground % len(GROUNDS), scene.backdrop % len(SKIES)
    if scene.room:
        half_width, height, far = scene.room
        size = f"{say(2 * half_width)} {say(height)} {say(far)}"
        around = f"room size {size} floor {ground} walls {backdrop} tile {say(scene.tile)}"
    else:
        around = f"outdoor ground {ground} sky {backdrop} tile {say(scene.tile)}"
    lines = [
        f"camera height {say(-y)} pitch {say(camera.pitch)} fov {say(camera.hfov)}{moved}{turned}",
        f"light azimuth {_say_turn(azimuth)} elevation {say(elevation)}",
        around,
    ]
    names = [thing.name.lower() for thing in scene.objects if thing.name]
    if len(set(names)) < len(names):
        raise InputError(f"two objects of the scene have one name among {sorted(names)}; expected names that differ.")
    for thing in scene.objects:
        x, y, z = thing.position
        base = f" {say(-y)}" if y else ""
        yaw = f" yaw {_say_turn(thing.yaw)}" if thing.yaw else ""
        size = " ".join(say(edge) for edge in thing.size)
        head = _head(_kind(thing), thing.color, thing.words, thing.plan, thing.parts)
        lines.append(f"{head} at {say(x)} {say(z)}{base} size {size}{yaw}{_called(thing.name)}")
    return "\n".join(lines) + "\n"


def program_to_text(program: SceneProgram) -> str:
    """The text that reads back as an equal program: camera, light, surroundings, then the things in their order."""
    lines = []
    if program.camera != CameraLine():
        lines.append(_camera_line(program))
    if program.light:
        lines.append(f"light{_numbers(program.light)}")
    if program.place:
        lines.append(f"{program.place}{_numbers(program.surroundings)}")
    lines += [_thing_line(program, thing) for thing in program.things]
    return "\n".join(lines) + "\n"


# --- lines of a program --------------------------------------------------------------------------------------------


def _camera_line(program: SceneProgram) -> str:
    camera = program.camera
    words = ["camera"]
    words += ["auto"] if camera.auto else []
    words += [f"{say(metres)} from {_call(program, reference)}" for metres, reference in camera.distances]
    words += [f"sees {side} of {_call(program, reference)}" for side, reference in camera.sees]
    words += [word for word in (camera.shot, camera.level) if word]
    return " ".join(words) + _numbers(camera.numbers)


def _thing_line(program: SceneProgram, thing: Thing) -> str:
    noun = thing.noun
    if thing.count > 1:
        entry = lexicon.noun(noun)
        several = entry.plural if entry and find_noun(entry.plural) == noun else noun
        noun = f"{thing.count} {several}"
    line = _head(noun, thing.color, thing.words, thing.like, thing.parts)
    if thing.at is not None:
        line += f" at {' '.join(map(say, thing.at))}"
    if thing.size is not None:
        line += f" size {' '.join(map(say, thing.size))}"
    line += "".join(f" {extent} {say(metres)}" for extent, metres in thing.extents)
    if thing.yaw is not None:
        line += f" yaw {say(thing.yaw)}"
    if thing.facing:
        line += f" facing {thing.facing}"
    for relation in thing.relations:
        said = _relation(program, relation)
        if relation.value is None and relation.kind in COMPARED and line[-1].isdigit():
            line += ","  # or "chair 2 taller than" would be a measure
        line += f" {said}"
    line += " hidden" if thing.hidden else ""
    return line + _called(thing.name)


def _relation(program: SceneProgram, relation: Relation) -> str:
    kind, value = relation.kind, relation.value
    calls = [_call(program, reference) for reference in relation.references]
    if kind == "from camera":
        return f"{say(needed(value))} from camera"
    if kind == "between":
        return f"between {' and '.join(calls)}"
    if kind.startswith("side by side"):
        ways = kind.removeprefix("side by side ")
        return f"side by side with {calls[0]} {ways}" if calls else f"side by side {ways}"
    if not calls:
        return kind.removesuffix(" with")
    if kind == "from" or kind.endswith("than") or kind == "times as big as":
        return f"{say(value)} {kind} {calls[0]}" if value is not None else f"{kind} {calls[0]}"
    return f"{kind} {calls[0]}" + (f" by {say(value)}" if value is not None else "")


def _call(program: SceneProgram, reference: Reference) -> str:
    """The words that others of the text call a thing by: its name, its noun, with its colour, or with a number."""
    thing = program.things[reference.thing]
    if thing.name:
        return say_name(f"{thing.name} {reference.member}" if reference.member else thing.name)
    alike = [index for index, other in enumerate(program.things) if other.noun == thing.noun]
    if len(alike) == 1 and not reference.member:
        entry = lexicon.noun(thing.noun)
        return entry.plural if thing.count > 1 and entry and is_plural(entry.plural) else thing.noun
    if not reference.member and thing.count == 1 and thing.color:
        if sum(program.things[index].color == thing.color for index in alike) == 1:
            return f"{thing.color} {thing.noun}"
    if not reference.member and thing.count > 1:
        raise InputError(f"two groups of the program are {thing.noun}, without names; expected a name for each.")
    before = sum(program.things[index].count for index in alike if index < reference.thing)
    return f"{thing.noun} {before + max(reference.member, 1)}"


# --- words ---------------------------------------------------------------------------------------------------------


def _head(noun: str, color: str, words: str, plan: str, parts: tuple[Primitive, ...]) -> str:
    line = f"{noun} {color}" if color else noun
    if words:
        _check(words, "words")
        line += f' "{words}"'
    line += f" like {plan}" if plan else ""
    return line + (f" parts {' '.join(map(_part, parts))}" if parts else "")


def _part(part: Primitive) -> str:
    taper, usual = part.taper, (1.0, 1.0)
    shape = _SHAPES[part.shape]
    if part.shape == FRUSTUM and taper == (0.0, 0.0):
        shape, usual = "cone", taper
    text = f"{shape} {' '.join(map(say, (*part.center, *part.size)))}"
    if part.color != "main":
        if part.color not in ROLES and part.color not in COLOR_WORDS.values():
            raise InputError(f'a part has the colour "{part.color}"; expected a colour or one of {", ".join(ROLES)}.')
        text += f" {part.color}"
    if taper != usual:
        text += f" taper {say(taper[0])}" + (f" {say(taper[1])}" if taper[1] != taper[0] else "")
    text += f" axis {part.axis}" if part.axis != "y" else ""
    return text + (f" tilt {say(part.tilt)}" if part.tilt else "")


def _kind(thing: SceneObject) -> str:
    """The kind, if the language can say it: a noun, or words that it reads as an unknown one."""
    if find_noun(thing.kind) == thing.kind:
        return thing.kind
    try:
        (read,) = read_scene_text(f"{thing.kind} size 1").things
    except InputError:
        read = None
    if read != Thing(thing.kind, size=(1.0,)):
        raise InputError(f'the kind "{thing.kind}" cannot be written in a scene text; expected a plain noun.')
    return thing.kind


def _called(name: str) -> str:
    return f" as {say_name(name)}" if name else ""


def say_name(name: str) -> str:
    """A name as it is, where the language reads it as one; else in quotes."""
    if name == name.lower() and _PLAIN_NAME.fullmatch(name):
        return name
    _check(name, "name")
    if name != " ".join(name.split()) or name.lower() in COLOR_WORDS or len(name) > 100:
        raise InputError(f'the name "{name[:100]}" cannot be written in a scene text; expected plain words.')
    return f'"{name}"'


def _check(text: str, what: str) -> None:
    bad = len(text.splitlines()) > 1 or len(text) > 2000 or any(c in QUOTES or not is_readable(c) for c in text)
    if bad or text.splitlines() != [text]:
        raise InputError(
            f"the {what} of an object cannot be written in a scene text: {text[:100]!r}; expected up to 2,000 "
            "characters of one line, without double quotes."
        )


def _numbers(numbers: Numbers) -> str:
    return "".join(f" {key} {' '.join(map(say, values))}" for key, values in numbers)


def say(number: float) -> str:
    """The shortest text that reads back as the same number."""
    return f"{number:g}" if float(f"{number:g}") == number else repr(float(number))


def _say_turn(degrees: float) -> str:
    return say(degrees if abs(degrees) <= 360 else math.fmod(degrees, 360))
