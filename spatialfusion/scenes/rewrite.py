"""Changing one thing of a scene text by hand: where it stands, how it is turned, how large it is, or the camera.

What is changed becomes numbers in place of the words that said it; the rest of the text stays as it is, byte for byte.
`pin_all` writes the numbers of everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import InputError
from ..needed import needed
from . import lexicon
from .clauses import Clause
from .keywords import is_plural
from .language import Source, read_source
from .looks import has_front
from .plain import fitted_room, is_over
from .program import (
    ALLOCENTRIC,
    COMPARED,
    EGOCENTRIC,
    EXTENTS,
    INTRINSIC,
    Layout,
    Thing,
    color_of,
    member_names,
    members,
)
from .scene import SceneObject
from .write import say, say_name

# The kinds of clauses that new numbers replace, by what the numbers are of.
_PLACE = {"position", *EGOCENTRIC, *ALLOCENTRIC, *INTRINSIC, "next to", "between", "on", "under", "above", "around"}
_PLACE |= {"from", "from camera", "in a row", "in a circle", "on wall", "against wall"}
_TURN = {"direction", "facing", *INTRINSIC, "around", "in a circle", "on wall", "against wall"}
_SIZE = {"size", *EXTENTS, *COMPARED, "times as big as"}
_HEAD = {"count", "kind", "colour"}
_UNIT = re.compile(r"[ \t\u00a0]+(?:m|met(?:er|re)s?|deg|degrees?)(?![^\s,;#])", re.IGNORECASE)
_DIGITS = 3  # of metres: a millimetre


@dataclass(frozen=True)
class Pose:
    """What is to change of an object, None for what stays.

    position: x and z of the middle of its base, metres. yaw: degrees. size: width, height and length, metres.
    """

    position: tuple[float, float] | None = None
    yaw: float | None = None
    size: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class View:
    """What is to change of the camera, None for what stays: x and z and height in metres, the rest in degrees."""

    position: tuple[float, float] | None = None
    yaw: float | None = None
    fov: float | None = None
    height: float | None = None
    pitch: float | None = None


def rewrite_object(text: str, layout: Layout, index: int, pose: Pose) -> str:
    """The text with object `index` (in the order of the text) placed, turned or sized by numbers.

    layout: what the text gives now, as `scene_from_text` does. Only the object's line changes. A position takes the
    place of the relations that said where it is; "on" stays while the object is over what it stands on. A group becomes
    a line for each of its members. Where that takes the last relation of the text, `camera auto` keeps it solved.
    Raises InputError for an object that the text does not have, and for numbers that the language does not take.
    """
    source = read_source(text)
    owner, place = _owner(source, index)
    thing = source.program.things[owner]
    if thing.count == 1:
        edits = _object_edits(text, source, layout, index, pose)
    else:
        edits = _split_edits(text, source, layout, owner, {place: pose})
    return _checked(_keep_solved(_apply(text, edits), source), source, layout, index, pose)


def rewrite_camera(text: str, layout: Layout, view: View) -> str:
    """The text with the camera moved or turned. Only the camera's line changes; it becomes the first if there is none.

    In a solved text all of the camera becomes numbers, in place of the wishes that it had.
    """
    source = read_source(text)
    return _checked(_apply(text, _camera_edits(text, source, layout, view, pinned=False)), source, layout)


def pin_all(text: str, layout: Layout) -> str:
    """The text with the numbers of everything, which gives the same scene without the solver.

    Remarks, names, colours and words stay; relations, groups and wishes for the camera become numbers.
    """
    source = read_source(text)
    edits = []
    for owner, numbers in enumerate(members(source.program)):
        if source.program.things[owner].count > 1:
            edits += _split_edits(text, source, layout, owner, {}, pinned=True)
        else:
            edits += _object_edits(text, source, layout, numbers[0], Pose(), pinned=True)
    edits += _camera_edits(text, source, layout, View(), pinned=True)
    edits += _room_edits(source, layout)
    return _checked(_apply(text, edits), source, layout)


# --- edits ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Edit:
    """Put `new` in place of the characters from `start` to `end`."""

    start: int
    end: int
    new: str


def _apply(text: str, edits: Iterable[_Edit]) -> str:
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        text = text[: edit.start] + edit.new + text[edit.end :]
    return text


def _replace(text: str, clauses: Sequence[Clause], new: str, otherwise: int) -> list[_Edit]:
    """`new` where the first of some clauses is, the others left out; behind character `otherwise` if there is none."""
    if not clauses:
        return [_Edit(otherwise, otherwise, f" {new}")] if new else []
    first, *others = clauses
    found = [_Edit(first.start, _end(text, first), new)] if new else []
    return found + [_removal(text, clause) for clause in (others if new else clauses)]


def _end(text: str, clause: Clause) -> int:
    """The place behind a clause and behind the unit of its last number."""
    unit = _UNIT.match(text, clause.end)
    return unit.end() if unit else clause.end


def _removal(text: str, clause: Clause) -> _Edit:
    """A clause left out, with the space and maybe the comma that parted it from what is before it."""
    start, end = clause.start, _end(text, clause)
    before = text[:start].rstrip(" \t\u00a0")
    after = text[end:].lstrip(" \t\u00a0")[:1]
    if before.endswith((",", "，")) and after in ("", ",", "，", ";", "#", "\n", "\r"):
        before = before[:-1]
    return _Edit(len(before), end, "")


# --- objects -------------------------------------------------------------------------------------------------------


def _owner(source: Source, index: int) -> tuple[int, int]:
    """The thing of an object, and which of its members it is, from 0."""
    for owner, numbers in enumerate(members(source.program)):
        if index in numbers:
            return owner, index - numbers[0]
    count = sum(thing.count for thing in source.program.things)
    raise InputError(f"the scene text has no object number {index}; expected 0 to {count - 1}.")


def _object_edits(
    text: str, source: Source, layout: Layout, index: int, pose: Pose, pinned: bool = False
) -> list[_Edit]:
    """What changes in the line of an object that is alone in it. pinned: all of it becomes numbers."""
    owner, _ = _owner(source, index)
    thing, clauses, now = source.program.things[owner], source.things[owner], layout.scene.objects[index]
    solved = source.program.solved
    moves, turns, sizes = (each is not None for each in (pose.position, pose.yaw, pose.size))
    fronted = has_front(now)
    if pinned:
        moves, turns = True, bool(fronted or now.yaw)
        sizes = any(clause.says & (_SIZE - {"size", *EXTENTS}) for clause in clauses)
    # Words that say both where and which way give way to both.
    both = [clause for clause in clauses if clause.says & _PLACE and clause.says & _TURN]
    if both and (moves or turns):
        moves = turns = True
    # The solver would turn it anew.
    if moves and solved and fronted and thing.yaw is None and not thing.facing:
        turns = turns or not any(clause.says & _TURN for clause in clauses)
    said = [clause for clause in clauses if clause.says & _PLACE]
    if sizes and not solved and not said:
        moves = True  # a large thing stands farther away by default
    x, z = now.position[0], now.position[2]
    if pose.position is not None:
        x, z = _metres(pose.position)
    stays = [] if pinned else [clause for clause in said if "on" in clause.says and _stays(source, layout, index, x, z)]
    said = [clause for clause in said if clause not in stays]
    place = turn = size = ""
    if moves:
        base = -now.position[1]
        falls = pose.position is not None and not stays and any("on" in clause.says for clause in said)
        high = not stays and base > 0 and not falls
        place = f"at {say(x)} {say(z)}" + (f" {say(base)}" if high else "")
    if turns:
        turn = f"yaw {say(round(pose.yaw, 1) % 360 if pose.yaw is not None else now.yaw)}"
    if sizes:
        size = f"size {' '.join(map(say, _metres(pose.size) if pose.size is not None else now.size))}"
    edits: list[_Edit] = []
    head, tail = _head_end(text, clauses), _tail(text, clauses)
    turned = [clause for clause in clauses if clause.says & _TURN and clause not in said]
    sized = [clause for clause in clauses if clause.says & _SIZE]
    behind = _end(text, said[0]) if said else head  # a size stands behind the position
    if pinned and not thing.color and color_of(thing, solved) != color_of(thing, False):
        edits.append(_Edit(head, head, f" {now.color}"))
    together = f"{place} {size}" if place and size and not said and not sized else ""
    if moves:
        edits += _replace(text, said, together or place, head)
    if sizes and not together:
        edits += _replace(text, sized, size, behind)
    if turns:
        edits += _replace(text, turned, turn, tail)
    return _merged(edits)


def _stays(source: Source, layout: Layout, index: int, x: float, z: float) -> bool:
    """Whether an object with its middle at x, z is still over what its line says that it stands on."""
    owner, _ = _owner(source, index)
    numbers = members(source.program)
    for relation in source.program.things[owner].relations:
        if relation.kind == "on":
            (below,) = relation.references
            return is_over(x, z, layout.scene.objects[numbers[below.thing][max(below.member - 1, 0)]])
    return False


def _head_end(text: str, clauses: Sequence[Clause]) -> int:
    """The place behind the noun and its adjectives if the line begins with them, else behind the line's last word."""
    length = next((place for place, clause in enumerate(clauses) if clause.says - _HEAD), len(clauses))
    begins = any("kind" in clause.says for clause in clauses[:length]) or length == len(clauses)
    return _end(text, clauses[length - 1 if begins else -1])


def _tail(text: str, clauses: Sequence[Clause]) -> int:
    """The place behind the last word of the line, or before the name that ends it."""
    named = len(clauses) > 1 and "name" in clauses[-1].says
    return _end(text, clauses[-2 if named else -1])


def _merged(edits: list[_Edit]) -> list[_Edit]:
    """Join the insertions at one place, in their order."""
    found: list[_Edit] = []
    for edit in edits:
        same = next((n for n, each in enumerate(found) if each.start == each.end == edit.start == edit.end), None)
        if same is None:
            found.append(edit)
        else:
            found[same] = _Edit(edit.start, edit.end, found[same].new + edit.new)
    return found


def _metres(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(float(value), _DIGITS) + 0.0 for value in values)


# --- groups --------------------------------------------------------------------------------------------------------


def _split_edits(
    text: str, source: Source, layout: Layout, owner: int, poses: dict[int, Pose], pinned: bool = False
) -> list[_Edit]:
    """A group's line as a line for each member. Members without a new pose stay where they are."""
    program, clauses = source.program, source.things[owner]
    thing, numbers = program.things[owner], members(program)[owner]
    start, end = clauses[0].start, _end(text, clauses[-1])
    names = member_names(program)
    statements = []
    for place, index in enumerate(numbers):
        pose, now = poses.get(place, Pose()), layout.scene.objects[index]
        edits = _member_edits(text, clauses, thing, now, names[index], pose, program.solved, pinned)
        moved = _apply(text[: clauses[-1].end] + text[clauses[-1].end : end], edits)
        statements.append(moved[start:])
    line_start = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    line_end = next((n for n in range(end, len(text)) if text[n] in "\r\n"), len(text))
    alone = not text[line_start:start].strip() and not re.match(r"[^#]*[;；]", text[end:line_end])
    if not alone:
        return [_Edit(start, end, "; ".join(statements))]
    indent = text[line_start:start]
    first, *others = statements
    more = "".join(f"\n{indent}{statement}" for statement in others)
    return [_Edit(start, end, first), _Edit(line_end, line_end, more)]


def _member_edits(
    text: str,
    clauses: Sequence[Clause],
    thing: Thing,
    now: SceneObject,
    name: str,
    pose: Pose,
    solved: bool,
    pinned: bool,
) -> list[_Edit]:
    """The changes that make a line about one member out of a line about a group."""
    edits: list[_Edit] = []
    for clause in clauses:
        words = text[clause.start : clause.end]
        if "count" in clause.says:
            after = clause.end + len(text[clause.end :]) - len(text[clause.end :].lstrip(" \t\u00a0"))
            edits.append(_Edit(clause.start, after, ""))
        elif "kind" in clause.says and is_plural(words.lower()):
            edits.append(_Edit(clause.start, clause.end, lexicon.singular(words)))
        elif "name" in clause.says:
            edits.append(_removal(text, clause))
    said = [clause for clause in clauses if clause.says & _PLACE]
    turned = [clause for clause in clauses if clause.says & _TURN and clause not in said]
    sized = [clause for clause in clauses if clause.says & (_SIZE - {"size", *EXTENTS})]
    x, z = _metres(pose.position) if pose.position is not None else (now.position[0], now.position[2])
    base = -now.position[1]
    place = f"at {say(x)} {say(z)}" + (f" {say(base)}" if base > 0 else "")
    yaw = round(pose.yaw, 1) % 360 if pose.yaw is not None else now.yaw
    head = _head_end(text, clauses)
    if pinned and not thing.color and color_of(thing, solved) != color_of(thing, False):
        edits.append(_Edit(head, head, f" {now.color}"))
    edits += _replace(text, said, place, head)
    if pose.size is not None or sized:
        size = f"size {' '.join(map(say, _metres(pose.size) if pose.size is not None else now.size))}"
        every = [clause for clause in clauses if clause.says & _SIZE]
        edits += _replace(text, every, size, _end(text, said[0]) if said else head)
    end = _end(text, clauses[-1])
    turns = pose.yaw is not None or has_front(now) or now.yaw
    edits += _replace(text, turned, f"yaw {say(yaw)}" if turns else "", end)
    edits.append(_Edit(end, end, f" as {say_name(name)}"))
    return _merged(edits)


# --- camera and room -----------------------------------------------------------------------------------------------


def _camera_edits(text: str, source: Source, layout: Layout, view: View, pinned: bool) -> list[_Edit]:
    """What changes in the camera's line. pinned: all of it becomes numbers, and `auto` goes as well."""
    now = layout.scene.camera
    x, y, z = now.position
    wanted: dict[str, tuple[float, ...]] = {}
    if pinned or source.program.solved:
        wanted = {"height": (-y,), "pitch": (now.pitch,), "fov": (now.hfov,), "at": (x, z), "yaw": (now.yaw,)}
    for key, value in (("height", view.height), ("pitch", view.pitch), ("fov", view.fov), ("yaw", view.yaw)):
        if value is not None:
            wanted[key] = (round(value, _DIGITS if key == "height" else 1),)
    if view.position is not None:
        wanted["at"] = _metres(view.position)
    wishes = [clause for clause in source.camera if "wish" in clause.says] if wanted and len(wanted) == 5 else []
    auto = "" if pinned or not source.program.solved else "auto"
    edits: list[_Edit] = []
    if source.camera_word is None:
        words = " ".join(filter(None, ("camera", auto, *(_numbers(key, values) for key, values in wanted.items()))))
        return [_Edit(0, 0, f"{words}\n")]
    end = source.camera[-1].end if source.camera else source.camera_word[1]
    if source.camera:
        end = _end(text, source.camera[-1])
    if len(wanted) == 5:
        edits += _replace(text, wishes, auto, source.camera_word[1])
    for key, values in wanted.items():
        given = [clause for clause in source.camera if key in clause.says]
        if given and dict(source.program.camera.numbers)[key] == values:
            continue
        edits += _replace(text, given, _numbers(key, values), end)
    return _merged(edits)


def _numbers(key: str, values: Iterable[float]) -> str:
    return f"{key} {' '.join(map(say, values))}"


def _room_edits(source: Source, layout: Layout) -> list[_Edit]:
    """The walls as numbers, if a text of numbers alone would get other walls."""
    program, scene = source.program, layout.scene
    if program.place != "room" or "size" in dict(program.surroundings):
        return []
    if fitted_room(scene.objects, scene.camera, program) == scene.room:
        return []
    half_width, height, far = needed(scene.room)
    _, end = needed(source.place_word)
    return [_Edit(end, end, f" {_numbers('size', (2 * half_width, height, far))}")]


# --- the whole -----------------------------------------------------------------------------------------------------


def _keep_solved(text: str, before: Source) -> str:
    """The text with `camera auto`, if the change took the last clause that asks for the solver."""
    if not before.program.solved:
        return text
    source = read_source(text)
    if source.program.solved:
        return text
    if source.camera_word is None:
        return f"camera auto\n{text}"
    end = source.camera_word[1]
    return f"{text[:end]} auto{text[end:]}"


def _checked(text: str, before: Source, layout: Layout, index: int = -1, pose: Pose | None = None) -> str:
    """The new text, if it reads as what was meant."""
    source = read_source(text)
    things = source.program.things
    objects = [thing for thing in things for _ in range(thing.count)]
    same = [thing.noun for thing in objects] == [thing.kind for thing in layout.scene.objects]
    if same and pose is not None:
        moved = objects[index]
        if pose.position is not None:
            same = moved.at is not None and moved.at[:2] == _metres(pose.position)
        if pose.size is not None:
            same = same and moved.size == _metres(pose.size)
        if pose.yaw is not None:
            same = same and moved.yaw == round(pose.yaw, 1) % 360
    if not same:
        line = before.program.things[_owner(before, max(index, 0))[0]].line
        raise InputError(
            f"line {line} of the scene text cannot be rewritten; expected one thing in each line: change it by hand."
        )
    return text
