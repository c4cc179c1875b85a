"""Reading a scene text: docs/scene-text.md describes the language. `read_scene_text` is the door."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import InputError
from .clauses import Clause
from .keywords import SUBJECTS, noun_length
from .program import MAX_OBJECTS, CameraLine, Numbers, Reference, Relation, SceneProgram, Thing, member_names
from .references import Call, Catalog, Known, resolve_call
from .settings_line import CameraWords, read_camera, read_settings
from .thing_line import Line, ThingReader
from .words import Words, shown, split_text


@dataclass(frozen=True)
class Source:
    """A program with where each of its things, and its camera, stands in the text: the clauses of their statements.

    camera: without the word itself. camera_word, place_word: where "camera", and "outdoor" or "room", stand; None
    without such a line.
    """

    program: SceneProgram
    things: tuple[tuple[Clause, ...], ...]
    camera: tuple[Clause, ...]
    camera_word: tuple[int, int] | None
    place_word: tuple[int, int] | None


def read_scene_text(text: str) -> SceneProgram:
    """Read a scene text. Raises InputError, with the number of the line, for what is not in the language."""
    return read_source(text).program


def read_source(text: str) -> Source:
    """Read a scene text and where what it says stands in it. Raises InputError as `read_scene_text` does."""
    statements = list(split_text(text))
    if len(statements) > 4 * MAX_OBJECTS:
        raise InputError(f"the scene text has {len(statements):,} lines; expected at most {MAX_OBJECTS:,} objects.")
    known = Known.of(statements)
    said: dict[str, Words] = {}  # where each of the settings is
    camera = None
    light: Numbers = ()
    surroundings: Numbers = ()
    place = ""
    lines: list[Line] = []
    total = 0
    for words in statements:
        subject = SUBJECTS.get(words.peek() or "") if noun_length(words) < 2 else None
        if subject is None:
            lines.append(ThingReader(words, known).read())
            total += lines[-1].thing.count
            if total > MAX_OBJECTS:
                raise words.error(f"with it there are more than {MAX_OBJECTS:,} objects", "fewer, or smaller groups")
            continue
        part = "surroundings" if subject in ("outdoor", "room") else subject
        if part in said:
            raise words.error(f"the {part} is already described in line {said[part].line}", "one such line")
        said[part] = words
        words.next()
        if subject == "camera":
            camera = read_camera(words, known)
        elif subject == "light":
            light = read_settings(words, subject)
        else:
            place, surroundings = subject, read_settings(words, subject)
    if not lines:
        raise InputError("the scene text has no object; expected at least one, for instance: car red at 0 6.")
    _check_names(lines)
    catalog = Catalog([line.thing for line in lines])
    program = SceneProgram(
        tuple(_finish(line, catalog, index, place) for index, line in enumerate(lines)),
        _finish_camera(camera, catalog) if camera else CameraLine(),
        light,
        place,
        surroundings,
        said["surroundings"].line if place else 0,
    )
    _check_member_names(program, lines)
    return Source(
        program,
        tuple(tuple(line.clauses) for line in lines),
        tuple(camera.clauses) if camera else (),
        said["camera"].spans[0] if camera else None,
        said["surroundings"].spans[0] if place else None,
    )


def _check_names(lines: list[Line]) -> None:
    found: dict[str, int] = {}
    for line in lines:
        name = line.thing.name.lower()
        if name in found:
            raise line.words.error(f'the name "{name}" is already used in line {found[name]}', "another name")
        if name:
            found[name] = line.words.line


def _check_member_names(program: SceneProgram, lines: list[Line]) -> None:
    """No member of a group has the name of another object."""
    owners = [line for line in lines for _ in range(line.thing.count)]
    found: dict[str, Line] = {}
    for name, line in zip(member_names(program), owners):
        other = found.get(name.lower()) if name else None
        if other is not None:
            named = line if line.thing.name else other
            raise named.words.error(f'the name "{name}" is already that of one of a group', "another name")
        found[name.lower()] = line


def _finish(line: Line, catalog: Catalog, own: int, place: str) -> Thing:
    """The thing with its relations looked up. Raises InputError for a line that contradicts itself."""
    words, thing = line.words, line.thing
    relations = []
    for kind, calls, value in line.relations:
        resolved = [resolve_call(call, catalog, words, own, kind) for call in calls]
        references = [reference for reference in resolved if reference is not None]
        if len(references) < len(resolved):
            if kind != "on":
                raise words.error(f'"{kind} {calls[0].said}" is not understood', "another object")
            continue
        for reference in references:
            if reference.thing == own and (thing.count == 1 or reference.member == 0):
                raise words.error(f'"{kind} {shown(calls[0].said)}" is about the object itself', "another object")
        if kind == "between" and sum(catalog.things[r.thing].count if not r.member else 1 for r in references) != 2:
            raise words.error('"between" has more than two ends', "two things")
        if kind in ("on wall", "against wall") and place != "room":
            raise words.error(f'"{kind}" has no wall outdoors', 'the line "room", or another place')
        relations.append(Relation(kind, tuple(references), value, words.line))
    on = [relation for relation in relations if relation.kind == "on"]
    if thing.at is not None and len(thing.at) == 3:
        if on:
            raise words.error('there is both a height after "at" and "on"', "only one of them")
        if thing.at[2] < 0:
            raise words.error(f"the base is at height {thing.at[2]:g}", "0 or more metres above the ground")
    if thing.size and (len(thing.size) == 3 or "height" in dict(thing.extents)) and thing.extents:
        raise words.error(f'both "size" and "{thing.extents[0][0]}" are given', "one of them")
    if thing.count > 1 and thing.at is not None:
        raise words.error(f"{thing.count} objects have one position", "a line for each, or relations")
    return replace(thing, relations=tuple(relations))


def _finish_camera(camera: CameraWords, catalog: Catalog) -> CameraLine:
    def resolve(call: Call, what: str) -> Reference:
        reference = resolve_call(call, catalog, camera.words, None, what)
        if reference is None:
            raise camera.words.error(f'"{what} {call.said}" is not understood', "an object of this text")
        return reference

    return replace(
        camera.line,
        distances=tuple((metres, resolve(call, "from")) for metres, call in camera.distances),
        sees=tuple((side, resolve(call, "of")) for side, call in camera.sees),
    )
