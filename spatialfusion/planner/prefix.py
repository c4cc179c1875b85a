"""Is this the beginning of a valid scene text? Asked one character at a time, for LLMs that write under a grammar.

The texts are those of docs/scene-text.md that a planner writes: small letters, relations in place of coordinates, and
references to things of earlier lines alone. `Prefix().feed(text)` is None where no such text begins so; a `complete`
prefix is a text that `read_scene_text` reads, and `finish()` is what makes any prefix complete. Lines, clauses and
words are bounded, so that also an LLM of random weights comes to an end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache, partial
from typing import Any

from ..errors import InputError
from ..needed import needed
from ..scenes import lexicon
from ..scenes.body_plans import BODY_PLANS
from ..scenes.keywords import COLOR_WORDS, FACING, LEVELS, SHOTS, SUBJECTS, find_noun, is_clause_word
from ..scenes.language import read_scene_text
from ..scenes.program import ALLOCENTRIC, COMPARED, EXTENTS, Reference, Thing
from ..scenes.references import find_reference
from ..scenes.statements import SIDES
from ..scenes.words import COMPARATIVES, FILLERS
from .lexers import ALPHABET, MAX_WORD, NOTHING, Name, NewWord, Number, PhraseList, Phrases, Quote

MAX_THINGS = 24  # lines about things
MAX_OBJECTS = 60
MAX_COUNT = 12  # of one group
MAX_CLAUSES = 6  # of one line
MAX_DESCRIBING = 3  # words before a noun

_COUNTS = dict(zip("two three four five six seven eight nine ten eleven twelve".split(), range(2, MAX_COUNT + 1)))
_PLACED = ("left of", "right of", "in front of", "behind", "next to", "above", *ALLOCENTRIC)  # may have a gap
_PLAIN = ("nearer than", "farther than", "under", "on", "facing", "face to face with", "back to back with")
_ABREAST = ("same way", "opposite ways")
_TURNS = ("facing", "face to face with", "back to back with", "side by side with")
_GAP = Number(0.05, 50)
_DISTANCE = Number(0.1, 100)
_EDGE = Number(0.01, 100)
_MORE = Number(0.01, 50)
_RATIO = Number(0.05, 50, without=1)


class Node:
    """A boundary between two pieces of a text: what may come next.

    choices: lexers, and for each what follows the value that it has read. closing: characters that lead on towards the
    end of the text. ends: whether the text may end here.
    """

    def __init__(self, choices: Iterable[tuple[Any, Callable[[Any], Node]]], closing: str = "", ends: bool = False):
        self.choices = tuple(choices)
        self.closing = closing
        self.ends = ends
        self._after: dict[tuple[int, Any], Node] = {}

    def after(self, choice: int, value: Any) -> Node:
        found = self._after.get((choice, value))
        if found is None:
            found = self._after[choice, value] = self.choices[choice][1](value)
        return found


Thread = tuple[Node, int, Any]  # a node, one of its choices, and the state of that lexer


@dataclass(frozen=True)
class Prefix:
    """The beginning of a valid scene text, which cannot be changed; `feed` gives a longer one."""

    text: str = ""
    threads: tuple[Thread, ...] = ()

    @staticmethod
    def begin() -> Prefix:
        """The empty one."""
        return Prefix("", _begin())

    def feed(self, more: str) -> Prefix | None:
        """The prefix with more characters behind it; None if no valid text begins so."""
        threads = self.threads or _begin()
        for char in more:
            threads = step(threads, char)
            if not threads:
                return None
        return Prefix(self.text + more, threads)

    @property
    def complete(self) -> bool:
        """Whether it is a valid text as it is."""
        return any(node.ends for node in _boundaries(self.threads))

    def finish(self) -> str:
        """Characters that make it complete; few of them."""
        prefix, added = (self if self.threads else Prefix.begin()), ""
        while not prefix.complete:
            node, choice, state = prefix.threads[0]
            more = node.choices[choice][0].finish(state)
            if not more:
                after = node.after(choice, node.choices[choice][0].done(state))
                first = after.choices[0][0]
                more = after.closing or first.finish(first.start)
            longer = prefix.feed(more)
            assert longer is not None and more, (prefix.text, more)
            prefix, added = longer, added + more
        return added


def step(threads: Sequence[Thread], char: str) -> tuple[Thread, ...]:
    """The threads after one more character; none where it is not right."""
    if char not in ALPHABET:
        return ()
    found: dict[Thread, None] = {}
    for node, choice, state in threads:
        lexer = node.choices[choice][0]
        new = lexer.step(state, char)
        if new is not None:
            found[node, choice, new] = None
        # Whether a word may end here is asked only where it would.
        value = None if char in lexer.unending else lexer.done(state)
        if value is not None:
            following = node.after(choice, value)
            for number, (lexer, _) in enumerate(following.choices):
                new = lexer.step(lexer.start, char)
                if new is not None:
                    found[following, number, new] = None
    return tuple(found)


def _boundaries(threads: Sequence[Thread]) -> Iterator[Node]:
    """The nodes that are reached where the text ends here."""
    for node, choice, state in threads:
        value = node.choices[choice][0].done(state)
        if value is not None:
            yield node.after(choice, value)


class _Begin:
    """The lexer before the first character, which has read nothing and is done."""

    start = ""
    inside = unending = NOTHING

    def step(self, _state: str, _char: str) -> None:
        return None

    def done(self, _state: str) -> str:
        return "begin"

    def finish(self, _state: str) -> str:
        return ""


def _begin() -> tuple[Thread, ...]:
    # Anew for each text: what follows is remembered in it, and goes with it.
    root = Node([(_Begin(), lambda _: _line_start(_Text()))])
    return ((root, 0, ""),)


# --- what was written ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Text:
    """The lines so far: the things, and how other lines have called them (in which line, in what words, whom)."""

    things: tuple[Thing, ...] = ()
    calls: tuple[tuple[int | None, str, Reference], ...] = ()
    camera: bool = False
    place: str = ""

    @property
    def complete(self) -> bool:
        return self.camera and bool(self.things)

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(thing.name for thing in self.things if thing.name)

    @cached_property
    def objects(self) -> int:
        return sum(thing.count for thing in self.things)

    @cached_property
    def called(self) -> frozenset[str]:
        """The nouns of things that were called by other than their names, and the last words of these."""
        nouns = {self.things[reference.thing].noun for _, said, reference in self.calls if said not in self.names}
        return frozenset(nouns | {noun.rsplit(" ", 1)[-1] for noun in nouns})

    def takes(self, thing: Thing) -> bool:
        """Whether all that was called stays what it is with one more thing."""
        if thing.noun not in self.called and thing.noun.rsplit(" ", 1)[-1] not in self.called:
            return True
        things = (*self.things, thing)
        return all(find_reference(said, things, own) == reference for own, said, reference in self.calls)

    def takes_head(self, head: str, noun: str) -> bool:
        """Whether a line may begin with these words, of which the last are the noun."""
        plain = len(head) == len(noun) or head[: -len(noun) - 1] in _NUMBERS
        if plain and noun in _nouns():
            known = _nouns()[noun]
            if known not in self.called and known.rsplit(" ", 1)[-1] not in self.called:
                return True
        thing = read_head(head)
        return thing is not None and self.takes(thing)

    def references(self, own: Thing | None) -> dict[str, Reference]:
        """What the next line, about `own`, may call earlier things; of the camera's line `own` is None."""
        things = self.things if own is None else (*self.things, own)
        place = None if own is None else len(self.things)
        said: dict[str, None] = {}
        totals: dict[str, int] = {}
        for thing in things:
            totals[thing.noun] = totals.get(thing.noun, 0) + thing.count
        for thing in self.things:
            said |= dict.fromkeys([thing.name] if thing.name else [])
            if len(thing.noun) >= MAX_WORD:
                continue  # it may come again, as `NewWord` needs it
            for noun in _written(thing):
                if thing.count > 1:
                    said |= dict.fromkeys(_plurals_of(noun))
                else:
                    nouns = dict.fromkeys((noun, noun.rsplit(" ", 1)[-1]))
                    said |= nouns | dict.fromkeys(f"{thing.color} {noun}" for noun in nouns if thing.color)
            if totals[thing.noun] > 1:
                said |= dict.fromkeys(f"{thing.noun} {number}" for number in range(1, totals[thing.noun] + 1))
        found = {words: find_reference(words, things, place) for words in said}
        return {words: reference for words, reference in found.items() if reference and reference.thing != place}


_NUMBERS = frozenset([*_COUNTS, *map(str, _COUNTS.values())])


def _written(thing: Thing) -> list[str]:
    """The nouns by which others may call a thing: also "woman", of a figure that is called so."""
    noun = lexicon.noun(thing.noun)
    words = f" {thing.words} "
    return [thing.noun, *(word for word in (noun.synonyms if noun else ()) if f" {word} " in words)]


@lru_cache(10_000)
def read_head(head: str) -> Thing | None:
    """The thing of a line of these words alone, by the language itself; None if it is not a line."""
    try:
        (thing,) = read_scene_text(head).things
    except (InputError, ValueError):
        return None
    return thing


@cache
def _nouns() -> dict[str, str]:
    """Every word for a noun that a line may have, and the noun's name."""
    written = (word for noun in lexicon.NOUNS.values() for word in (noun.name, noun.plural, *noun.synonyms))
    found = {}
    for word in (*written, *lexicon.words()):
        known = find_noun(word)
        # A line that begins so would be about the camera, the light or the place.
        if known is not None and _is_plain(word) and word.split()[0] not in SUBJECTS:
            found[word] = known
    return found


def _is_plain(word: str) -> bool:
    """Whether the language reads all of a phrase: its words are no fillers, its characters those of texts."""
    return set(word) <= ALPHABET and not FILLERS & set(word.split())


@cache
def _singulars() -> PhraseList:
    return PhraseList(word for word in _nouns() if lexicon.noun(word) is None or lexicon.singular(word) == word)


@cache
def _plurals() -> PhraseList:
    return PhraseList(word for word in _nouns() if lexicon.noun(word) is not None and lexicon.singular(word) != word)


@cache
def _plurals_of(singular: str) -> tuple[str, ...]:
    return tuple(word for word in _plurals().phrases if lexicon.singular(word) == singular)


@cache
def _describing() -> tuple[PhraseList, PhraseList]:
    """Attributes and colours, each with the space behind it."""
    attributes = PhraseList(f"{word} " for word in lexicon.ATTRIBUTES if _is_plain(word))
    return attributes, PhraseList(f"{word} " for word in COLOR_WORDS)


@cache
def _likenesses() -> PhraseList:
    return PhraseList({*_singulars().phrases, *filter(_is_plain, BODY_PLANS)})


@lru_cache(10_000)
def _is_new_word(word: str) -> bool:
    """Whether a word means nothing in the language, so that it may be the noun of a thing that says its size."""
    known = word in COLOR_WORDS or word in lexicon.ATTRIBUTES or word in SUBJECTS or word in FILLERS
    known = known or word in _COUNTS or word in COMPARATIVES or word in FACING or is_clause_word(word)
    return not known and find_noun(word) is None and word not in _OTHER_WORDS


_OTHER_WORDS = frozenset(
    """
    camera viewer wall ground floor than each other with way ways same opposite row circle from away times big large of
    front top toward towards facing looking as auto
    """.split()
)


# --- lines ---------------------------------------------------------------------------------------------------------


def _line_start(text: _Text) -> Node:
    choices: list[tuple[Any, Callable[[Any], Node]]] = []
    if len(text.things) < MAX_THINGS and text.objects < MAX_OBJECTS:
        counts = {
            f"{word} ": number
            for word, number in (*_COUNTS.items(), *((str(number), number) for number in _COUNTS.values()))
            if text.objects + number <= MAX_OBJECTS
        }
        if counts:
            choices.append((Phrases(counts), lambda words: _head(text, words, group=True)))
        choices += _head_choices(text, "", False, 0)
    openings: dict[str, Callable[[], Node]] = {}
    if not text.camera:
        openings["camera"] = lambda: _camera(text, frozenset(), ())
    if not text.place:
        openings |= {place: partial(_line_end, replace(text, place=place)) for place in ("room", "outdoor")}
    if openings:
        choices.append((Phrases(openings), lambda words: openings[words]()))
    closing = "" if text.complete else "camera auto" if text.things else "cube"
    return Node(choices, closing, text.complete)


def _line_end(text: _Text) -> Node:
    """After a line that has nothing more to say."""
    return Node([(Phrases(["\n"]), lambda _: _line_start(text))], "\n", text.complete)


def _head(text: _Text, before: str, group: bool = False, color: bool = False, words: int = 0) -> Node:
    """Within the words before a noun, which end with a space."""
    return Node(_head_choices(text, before, group, words, color), "")


def _head_choices(text: _Text, before: str, group: bool, words: int, color: bool = False) -> list:
    nouns = _plurals() if group else _singulars()

    def allowed(noun: str) -> bool:
        return text.takes_head(before + noun, noun)

    choices: list = [(Phrases(nouns, allowed), lambda noun: _after_head(text, before + noun))]
    if not group:

        def is_new(word: str) -> bool:
            if len(word) == MAX_WORD:
                return True
            thing = read_head(f"{before}{word} size 1") if _is_new_word(word) else None
            return thing is not None and thing.noun == word and text.takes(thing)

        choices.append((NewWord(is_new), lambda word: _new_noun(text, before, word)))
    if words < MAX_DESCRIBING:
        attributes, colors = _describing()
        more = words + 1

        choices.append((Phrases(attributes), lambda word: _head(text, before + word, group, color, more)))
        if not color:
            choices.append((Phrases(colors), lambda word: _head(text, before + word, group, True, more)))
    return choices


def _after_head(text: _Text, head: str) -> Node:
    return _clauses(_Line(text, head, needed(read_head(head))))


def _new_noun(text: _Text, before: str, word: str) -> Node:
    """After a noun that the lexicon lacks: it says how large it is, or what it is like."""
    line = _Line(
        text, before + word, needed(read_head(f"{before}{word} size 1")), frozenset({"size", "color", "quote"})
    )
    clauses = cache(lambda: _clauses(line))  # alike behind each of the many nouns
    return Node(
        [
            (Phrases([" size "]), lambda _: _size(line)),
            (Phrases([" like "]), lambda _: Node([(Phrases(_likenesses()), lambda _: clauses())])),
        ],
        " size ",
    )


@dataclass(frozen=True)
class _Line:
    """A line about a thing after its noun. used: what is said once and was said. count: how many clauses it has."""

    text: _Text
    head: str
    thing: Thing
    used: frozenset[str] = frozenset()
    count: int = 0
    calls: tuple[tuple[int | None, str, Reference], ...] = ()
    numbered: bool = False  # whether it ends with a number of another thing: "chair 2"
    known: dict[str, dict[str, Reference]] = field(default_factory=dict, compare=False, hash=False)

    @property
    def references(self) -> dict[str, Reference]:
        """What the line may call other things; found once for all stages of the line."""
        if "" not in self.known:
            self.known[""] = self.text.references(self.thing) if self.text.things else {}
        return self.known[""]

    def said(self, *once: str, calls: Sequence[str] = ()) -> _Line:
        """The line with one more clause."""
        new = tuple((len(self.text.things), said, self.references[said]) for said in calls)
        numbered = bool(calls) and calls[-1].rsplit(" ", 1)[-1].isdigit()
        return replace(
            self, used=self.used | set(once), count=self.count + 1, calls=(*self.calls, *new), numbered=numbered
        )

    def end(self, name: str = "") -> _Text:
        thing = replace(self.thing, name=name)
        return replace(self.text, things=(*self.text.things, thing), calls=(*self.text.calls, *self.calls))


def _clauses(line: _Line) -> Node:
    """Between two clauses of a line."""
    group = line.thing.count > 1
    follow: dict[str, Callable[[], Node]] = {"\n": lambda: _line_start(line.end())}
    choices: list = []
    if line.count == 0 and "color" not in line.used and not line.thing.color:

        def is_color(words: str) -> bool:
            colored = read_head(line.head + words)
            return colored is not None and line.text.takes(colored)

        def colored(words: str) -> Node:
            head = line.head + words
            return _clauses(
                replace(line, head=head, thing=needed(read_head(head)), used=line.used | {"color"}, known={})
            )

        choices.append((Phrases([f" {color}" for color in COLOR_WORDS], is_color), colored))
    if line.count == 0 and "quote" not in line.used and not _could_mean_another(line):
        follow[' "'] = lambda: Node([(Quote(), lambda said: _clauses(_quoted(line, said)))])
    if not line.thing.name:
        follow[" as "] = lambda: Node(
            [(Name(line.text.names), lambda name: _line_end(line.end(name)))],
            Name(line.text.names).finish(""),
        )
    if line.count < MAX_CLAUSES:
        follow |= _plain_clauses(line, group)
        if line.references:
            follow |= _relation_clauses(line, group)
        choices += _measured_clauses(line)
    choices.insert(0, (Phrases(follow), lambda words: follow[words]()))
    ended = line.end()
    return Node(choices, "" if ended.complete else "\n", ended.complete)


def _could_mean_another(line: _Line) -> bool:
    """Whether words about the thing might make it the one that an earlier line calls by a synonym."""
    noun = lexicon.noun(line.thing.noun)
    return line.thing.noun in line.text.called and noun is not None and bool(noun.synonyms)


def _quoted(line: _Line, said: str) -> _Line:
    words = " ".join(filter(None, (line.thing.words, said)))
    return replace(line, thing=replace(line.thing, words=words), used=line.used | {"quote", "color"}, known={})


def _plain_clauses(line: _Line, group: bool) -> dict[str, Callable[[], Node]]:
    """Clauses that name no other thing."""
    follow: dict[str, Callable[[], Node]] = {}
    if "direction" not in line.used:
        for side in ("viewer", "away", "left", "right"):
            follow[f" facing {side}"] = lambda: _clauses(line.said("direction"))
        if group:
            for words in ("facing each other", "face to face", "back to back"):
                follow[f" {words}"] = lambda: _clauses(line.said("direction", "arrangement"))
            for ways in _ABREAST:
                follow[f" side by side {ways}"] = lambda: _clauses(line.said("direction", "arrangement"))
    if group and "arrangement" not in line.used:
        for words in ("in a row", "in a circle"):
            follow[f" {words}"] = lambda: _clauses(line.said("arrangement"))
    if line.text.place == "room" and "support" not in line.used:
        for words in ("on wall", "against wall"):
            follow[f" {words}"] = lambda: _clauses(line.said("support"))
    if "size" not in line.used:
        for extent in EXTENTS:
            if extent not in line.used:
                follow[f" {extent} "] = partial(_one_extent, line, extent)
        if not line.used & set(EXTENTS):
            follow[" size "] = lambda: _size(line)
    if "hidden" not in line.used:
        follow[" hidden"] = lambda: _clauses(line.said("hidden"))
    return follow


def _size(line: _Line) -> Node:
    """After "size": the height alone, or width, height and length."""
    said = line.said("size")

    def one_or_three(_height: str) -> Node:
        alone = _clauses(said)
        more = (Phrases([" "]), lambda _: Node([(_EDGE, lambda _: second)], "1"))
        return Node((*alone.choices, more), alone.closing, alone.ends)

    third = Node([(_EDGE, lambda _: _clauses(said))], "1")
    second = Node([(Phrases([" "]), lambda _: third)], " ")
    return Node([(_EDGE, one_or_three)], "1")


def _relation_clauses(line: _Line, group: bool) -> dict[str, Callable[[], Node]]:
    """Clauses about another thing."""
    turned = "direction" in line.used
    follow: dict[str, Callable[[], Node]] = {}
    for kind in (*_PLACED, *_PLAIN):
        if (kind == "on" and "support" in line.used) or (kind in _TURNS and turned):
            continue
        once = {"on": ("support",)}.get(kind, ("direction",) if kind in _TURNS else ())

        def after(said: str, kind: str = kind, once: tuple[str, ...] = once) -> Node:
            longer = line.said(*once, calls=(said,))
            return _with_gap(longer) if kind in _PLACED else _clauses(longer)

        # "on wall" is the room's.
        said = [said for said in line.references if kind != "on" or not said.startswith(("wall", "back wall"))]
        if said:
            follow[f" {kind} "] = partial(_call, line, after, said)
    if not turned:
        follow[" side by side with "] = lambda: _call(
            line, lambda said: _abreast(line.said("direction", calls=(said,)))
        )
    if group and "arrangement" not in line.used:
        follow[" around "] = lambda: _call(
            line, lambda said: _clauses(line.said("arrangement", "direction", calls=(said,)))
        )
    ends = [said for said, reference in line.references.items() if _is_one(line.text, reference)]
    if len({line.references[said] for said in ends}) > 1:
        follow[" between "] = lambda: _call(line, lambda said: _second_end(line, said, ends), ends)
    # "left of chair 2 taller than ..." is 2 metres taller.
    for kind in () if line.numbered else COMPARED:
        follow[f" {kind} "] = lambda: _call(line, lambda said: _clauses(line.said(calls=(said,))))
    for ratio in ("twice", "half"):
        follow[f" {ratio} as big as "] = lambda: _call(line, lambda said: _clauses(line.said(calls=(said,))))
    return follow


def _is_one(text: _Text, reference: Reference) -> bool:
    return bool(reference.member) or text.things[reference.thing].count == 1


def _one_extent(line: _Line, extent: str) -> Node:
    return Node([(_EDGE, lambda _: _clauses(line.said(extent)))], "1")


def _call(line: _Line, follow: Callable[[str], Node], among: Iterable[str] | None = None) -> Node:
    """Another thing, called as it may be."""
    said = line.references if among is None else among
    return Node([(Phrases(said), follow)])


def _with_gap(line: _Line) -> Node:
    """After a relation that may say its metres."""
    plain = _clauses(line)
    ended = replace(line, numbered=False)
    gap = (Phrases([" by "]), lambda _: Node([(_GAP, lambda _: _clauses(ended))], "1"))
    return Node((*plain.choices, gap), plain.closing, plain.ends)


def _abreast(line: _Line) -> Node:
    ended = replace(line, numbered=False)
    return Node([(Phrases([f" {ways}" for ways in _ABREAST]), lambda _: _clauses(ended))], " same way")


def _second_end(line: _Line, first: str, ends: Sequence[str]) -> Node:
    others = [said for said in ends if line.references[said] != line.references[first]]
    return Node(
        [
            (
                Phrases([" and "]),
                lambda _: _call(line, lambda said: _clauses(line.said(calls=(first, said))), others),
            )
        ],
        " and ",
    )


def _measured_clauses(line: _Line) -> list:
    """Clauses that begin with a number: "2 from dog", "0.5 taller than dog", "3 times as big as dog"."""

    def after(said: str) -> Node:
        return _clauses(line.said(calls=(said,)))

    def distance(_metres: str) -> Node:
        choices: list = []
        if "camera distance" not in line.used:
            choices.append((Phrases([" from camera"]), lambda _: _clauses(line.said("camera distance"))))
        if line.references:
            choices.append((Phrases([" from "]), lambda _: _call(line, after)))
        return Node(choices, " from camera" if "camera distance" not in line.used else " from ")

    def more(_metres: str) -> Node:
        kinds = {f" {kind} " for kind in COMPARED}
        return Node([(Phrases(kinds), lambda _: _call(line, after))], " taller than ")

    def ratio(_times: str) -> Node:
        return Node([(Phrases([" times as big as "]), lambda _: _call(line, after))], " times as big as ")

    numbers: list = []
    if line.references or "camera distance" not in line.used:
        numbers.append((_DISTANCE, distance))
    if line.references:
        numbers += [(_MORE, more), (_RATIO, ratio)]
    if not numbers:
        return []
    return [(Phrases([" "]), lambda _: Node(numbers, "2"))]


# --- the camera ----------------------------------------------------------------------------------------------------


def _camera(text: _Text, used: frozenset[str], calls: tuple) -> Node:
    """Between two wishes of the camera's line."""
    references = text.references(None) if text.things else {}

    def wish(what: str, said: str = "") -> Node:
        new = ((None, said, references[said]),) if said else ()
        return _camera(text, used | {what}, (*calls, *new))

    follow: dict[str, Callable[[], Node]] = {}
    if not used:
        follow[" auto"] = lambda: wish("auto")
    if "shot" not in used:
        follow |= {f" {shot}": lambda: wish("shot") for shot in SHOTS}
    if "level" not in used:
        follow |= {f" {level}": lambda: wish("level") for level in LEVELS}
    if references and "sees" not in used:
        for side in SIDES:
            follow[f" sees {side} of "] = lambda: _called(references, lambda said: wish("sees", said))
    choices: list = []
    if references and "distance" not in used:
        measure = Node(
            [(Phrases([" from "]), lambda _: _called(references, lambda said: wish("distance", said)))], " from "
        )
        choices.append((Phrases([" "]), lambda _: Node([(_DISTANCE, lambda _: measure)], "3")))
    ended = replace(text, camera=True, calls=(*text.calls, *calls))
    if used:
        follow["\n"] = lambda: _line_start(ended)
    if follow:
        choices.insert(0, (Phrases(follow), lambda words: follow[words]()))
    closing = "" if used and ended.complete else "\n" if used else " auto"
    return Node(choices, closing, bool(used) and ended.complete)


def _called(references: Iterable[str], follow: Callable[[str], Node]) -> Node:
    return Node([(Phrases(references), follow)])
