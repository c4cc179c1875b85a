"""Lines of scene text about the camera, the light and the surroundings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .clauses import Clause, Clauses
from .keywords import CAMERA, DISTANCE, LEVELS, SETTINGS, SHOTS, SIDES
from .program import CameraLine, Numbers
from .references import Call, Known, read_call
from .words import Words, listing, shown, unknown


def read_settings(words: Words, subject: str) -> Numbers:
    """The key words and numbers of a line about the light or the surroundings."""
    table = SETTINGS[subject]
    found: dict[str, tuple[float, ...]] = {}
    while key := words.next():
        if key not in table:
            raise words.error(unknown(key, table, f' after "{subject}"'), listing(table))
        if key in found:
            raise words.error(f'"{key}" is given twice', "once")
        found[key] = words.numbers(key, table[key])
    return _in_order(found, table)


def _in_order(found: dict[str, tuple[float, ...]], table: Iterable[str]) -> Numbers:
    return tuple((key, found[key]) for key in table if key in found)


@dataclass
class CameraWords:
    """The camera's line while it is read."""

    words: Words
    line: CameraLine
    distances: list[tuple[float, Call]]
    sees: list[tuple[str, Call]]
    clauses: list[Clause]


def read_camera(words: Words, known: Known) -> CameraWords:
    numbers: dict[str, tuple[float, ...]] = {}
    distances: list[tuple[float, Call]] = []
    sees: list[tuple[str, Call]] = []
    shot = level = ""
    auto = False
    clauses = Clauses()
    while (word := words.peek()) is not None:
        clauses.begin(words)
        clauses[-1].says.add(word if word in CAMERA else "wish")
        if words.number_next():
            metres = words.number(DISTANCE)
            words.accept("away")
            if not words.accept("from"):
                raise words.error(f'{metres:g} after "camera" has no "from" after it', '"from" and a thing')
            distances.append((metres, read_call(words, known, "from")))
        elif word in ("sees", "seeing"):
            words.next()
            sees.append(_read_side(words, known, distances))
        elif words.accept("auto"):
            auto = True
        elif word in SHOTS:
            words.next()
            words.accept("shot")
            if shot and shot != word:
                raise words.error(f"the shot is {shot} and {word}", "one of them")
            shot = word
        elif (found := _level_next(words)) is not None:
            if level and level != found:
                raise words.error(f"the level is {level} and {found}", "one of them")
            level = found
        elif word in CAMERA:
            words.next()
            if word in numbers:
                raise words.error(f'"{word}" is given twice', "once")
            numbers[word] = words.numbers(word, CAMERA[word])
        else:
            wishes = ("auto", "sees", *SHOTS, "low", "eye", "high", "top-down")
            raise words.error(
                unknown(word, (*CAMERA, *wishes), ' after "camera"'),
                f"{listing(CAMERA)}, or a wish: auto, 3 from dog, sees left of dog, {', '.join((*SHOTS, *LEVELS))}",
            )
    if shot and "fov" in numbers and "at" in numbers:
        raise words.error(f'"{shot}" and both "fov" and "at" are given', "the wish or the numbers")
    auto = auto or bool(distances or sees or shot or level)
    line = CameraLine(_in_order(numbers, CAMERA), auto, shot=shot, level=level, line=words.line)
    clauses.end(words)
    return CameraWords(words, line, distances, sees, list(clauses))


def _level_next(words: Words) -> str | None:
    for wording, level in (
        (("low",), "low"),
        (("eye", "level"), "eye level"),
        (("eye-level",), "eye level"),
        (("high",), "high"),
        (("top-down",), "top-down"),
        (("top", "down"), "top-down"),
    ):
        if words.accept(*wording):
            words.accept("angle")
            return level
    return None


def _read_side(words: Words, known: Known, distances: list[tuple[float, Call]]) -> tuple[str, Call]:
    its = words.accept("its")
    side = words.next()
    if side not in SIDES:
        wrong = f'"{shown(side)}" after "sees" is not a side' if side else '"sees" has nothing after it'
        raise words.error(wrong, f'{listing(SIDES)}, "of" and a thing')
    words.accept("side")
    if words.accept("of"):
        return side, read_call(words, known, "of")
    if its and distances:
        return side, distances[-1][1]
    raise words.error(f'"sees {side}" does not say of what', f'"sees {side} of" and a thing')
