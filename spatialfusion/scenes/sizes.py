"""The sizes of a program's objects: given numbers, else usual sizes of nouns, changed until comparisons hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from ..errors import InputError
from ..needed import needed
from . import lexicon
from .primitives import box_of
from .program import COMPARED, EXTENTS, ObjectRelation, SceneProgram, Thing, expand
from .scene import KINDS
from .statements import ObservedObject, size_score

Size = tuple[float, float, float]
Item = TypeVar("Item")
LEAST, MOST = 0.001, 200.0  # metres of an edge
_CUBE = (1.0, 1.0, 1.0)
_PLAIN_MORE = 1.25  # "taller than" without a number
_SHOWS_MORE = 1.1  # and where the usual sizes differ by this, they stay


def usual_size(thing: Thing) -> Size:
    """The size in metres of what a line names, before any number and comparison."""
    if thing.parts:
        low, high = box_of(thing.parts)
        width, height, length = (round(b - a, 4) for a, b in zip(low, high))
        return width, height, length
    return _noun_size(thing.noun) or (_like_size(thing.like) if thing.like else _CUBE)


def _noun_size(word: str) -> Size | None:
    if word in KINDS:
        return KINDS[word].size
    noun = lexicon.noun(word)
    return noun.size if noun else None


def _like_size(like: str) -> Size:
    """That of the noun; of a body plan, that of the first noun that has it."""
    size = _noun_size(like)
    if size is None:
        size = next((noun.size for noun in lexicon.NOUNS.values() if noun.plan == like), _CUBE)
    return size


def stated_size(thing: Thing) -> tuple[Size, tuple[bool, bool, bool]]:
    """The size by the line's own numbers, and which of the edges they fix. One number keeps the proportions."""
    width, height, length = usual_size(thing)
    if thing.size is not None and len(thing.size) == 3:
        return thing.size, (True, True, True)
    fixed = [False] * 3
    if thing.size is not None:
        if thing.like and not thing.parts:
            width, height, length = _like_size(thing.like)
        (given,) = thing.size
        width, height, length = width * given / height, given, length * given / height
        fixed = [True] * 3
    size = [width, height, length]
    for extent, metres in thing.extents:
        size[EXTENTS.index(extent)], fixed[EXTENTS.index(extent)] = metres, True
    return (size[0], size[1], size[2]), (fixed[0], fixed[1], fixed[2])


def resolve_sizes(program: SceneProgram) -> list[Size]:
    """The size of each object. Raises InputError, with the lines at odds, for comparisons that cannot hold."""
    stated = [stated_size(thing) for thing in program.things for _ in range(thing.count)]
    said = [relation for relation in expand(program) if relation.kind in COMPARED or relation.kind == "times as big as"]
    if not said:
        return [size for size, _ in stated]
    sizes = _resolved(stated, said)
    if _hold(sizes, said):
        return sizes
    odd = minimal_conflict(said, lambda some: _hold(_resolved(stated, some), some))
    lines = {relation.line for relation in odd}
    lines |= {program.things[owner].line for owner in _owners(program, odd) if any(_numbers(program.things[owner]))}
    raise conflict(lines, "no sizes keep all that is said of them")


def conflict(lines: Iterable[int], why: str) -> InputError:
    """An InputError that names the lines at odds."""
    numbers = sorted(set(lines))
    listed = f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}" if len(numbers) > 1 else f"{numbers[0]}"
    return InputError(
        f"line{'s' if len(numbers) > 1 else ''} {listed} of the scene text: {why}; expected relations that can hold "
        "together."
    )


def minimal_conflict(items: Sequence[Item], feasible: Callable[[list[Item]], bool], tries: int = 200) -> list[Item]:
    """Items that cannot hold together, of which none can be left out, found by leaving out ever smaller blocks.

    items: do not hold together. feasible: whether some of them do; it is asked at most `tries` times, after which what
    is left is returned as it is.
    """
    left = list(items)
    block = max(1, len(left) // 2)
    while True:
        start = 0
        while start < len(left) and tries > 0:
            fewer = left[:start] + left[start + block :]
            tries -= 1
            if fewer and not feasible(fewer):
                left = fewer
            else:
                start += block
        if block == 1 or tries <= 0:
            return left
        block = max(1, block // 2)


def _numbers(thing: Thing) -> tuple[bool, bool, bool]:
    return stated_size(thing)[1]


def _owners(program: SceneProgram, relations: list[ObjectRelation]) -> set[int]:
    """The things between which the relations are."""
    of = [index for index, thing in enumerate(program.things) for _ in range(thing.count)]
    return {of[i] for relation in relations for i in (relation.subject, *relation.references)}


def _hold(sizes: list[Size], said: list[ObjectRelation]) -> bool:
    """Whether the sizes are possible ones and the comparisons hold by the exact scorer."""
    if any(not LEAST <= edge <= MOST for size in sizes for edge in size):
        return False
    seen = [ObservedObject((0.0, 0.0, 1.0), None, size) for size in sizes]
    for relation in said:
        a, b = seen[relation.subject], seen[relation.references[0]]
        if relation.kind == "times as big as":
            held = size_score(a, b, "volume", needed(relation.value)) == 1.0
        else:
            extent, more = COMPARED[relation.kind]
            big, small = (a, b) if more else (b, a)
            if relation.value is None:
                place = EXTENTS.index(extent)
                held = big.extents[place] >= 1.05 * small.extents[place]
            else:
                held = size_score(big, small, extent, relation.value) == 1.0
        if not held:
            return False
    return True


def _resolved(stated: list[tuple[Size, tuple[bool, bool, bool]]], said: list[ObjectRelation]) -> list[Size]:
    """Sizes under which the comparisons hold, where they can."""
    sizes = [list(size) for size, _ in stated]
    fixed = [list(given) for _, given in stated]
    for place, extent in enumerate(EXTENTS):
        steps, plain = [], []
        for relation in said:
            if relation.kind in COMPARED and COMPARED[relation.kind][0] == extent:
                pair = (relation.subject, relation.references[0])
                big, small = pair if COMPARED[relation.kind][1] else pair[::-1]
                if relation.value is None:
                    plain.append((big, small, relation.subject))
                else:
                    steps.append((big, small, relation.value, relation.subject))
        if steps:
            values = [size[place] for size in sizes]
            _spread_out(values, [given[place] for given in fixed], steps)
            for big, small, _, _ in steps:
                for i in (big, small):
                    sizes[i][place], fixed[i][place] = round(values[i], 4), True
        for _ in range(len(plain) + 1):
            for big, small, subject in plain:
                if sizes[big][place] < _SHOWS_MORE * sizes[small][place]:
                    if not fixed[big][place] and (subject == big or fixed[small][place]):
                        sizes[big][place] = round(_PLAIN_MORE * sizes[small][place], 4)
                    elif not fixed[small][place]:
                        sizes[small][place] = round(sizes[big][place] / _PLAIN_MORE, 4)
        for big, small, _ in plain:
            fixed[big][place] = fixed[small][place] = True
    ratios = [
        (relation.subject, relation.references[0], math.log(needed(relation.value)), relation.subject)
        for relation in said
        if relation.kind == "times as big as"
    ]
    if ratios:
        volumes = [math.log(math.prod(size)) if min(size) > 0 else -20.0 for size in sizes]
        wanted = list(volumes)
        _spread_out(wanted, [all(given) for given in fixed], ratios, least=-math.inf)
        for i in {i for big, small, _, _ in ratios for i in (big, small)}:
            free = [place for place in range(3) if not fixed[i][place]]
            for place in free:
                sizes[i][place] = round(sizes[i][place] * math.exp((wanted[i] - volumes[i]) / len(free)), 4)
    return [(size[0], size[1], size[2]) for size in sizes]


def _spread_out(
    values: list[float], fixed: list[bool], steps: list[tuple[int, int, float, int]], least: float = 0.3
) -> None:
    """Change free values so that values[big] = values[small] + step, outwards from the fixed ones.

    Where nothing is fixed, the value that is only referred to stays, unless another would fall below `least` of its
    own; then all are raised.
    """
    links: dict[int, list[tuple[int, float]]] = {}
    subjects = set()
    for big, small, step, subject in steps:
        links.setdefault(big, []).append((small, -step))
        links.setdefault(small, []).append((big, step))
        subjects.add(subject)
    usual = list(values)
    known: set[int] = set()

    def walk(starts: list[int]) -> list[int]:
        reached, queue = [], list(starts)
        known.update(starts)
        while queue:
            here = queue.pop(0)
            reached.append(here)
            for there, step in links[here]:
                if there not in known and not fixed[there]:
                    values[there] = values[here] + step
                    known.add(there)
                    queue.append(there)
        return reached

    walk([i for i in links if fixed[i]])
    for start in sorted(links, key=lambda i: (i in subjects, i)):
        if start not in known:
            reached = walk([start])
            if least > -math.inf:
                lift = max(least * usual[i] - values[i] for i in reached)
                for i in reached:
                    values[i] += max(lift, 0.0)
