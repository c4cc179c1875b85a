"""Plain English instructions -> edits of a scene, without a language model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ..errors import InputError, suggest
from ..needed import needed
from ..scenes.edits import Edit, apply_edit
from ..scenes.lexicon import noun, suggest_noun
from ..scenes.scene import Scene, SceneObject
from ..scenes.statements import Statement, observe, round_metres, side_angle
from .commands import VERBS, commands
from .draft import Draft, Relation, Thing
from .grammar import Grammar
from .mentions import Mentions
from .nouns import Mention
from .patterns import Match
from .placing import Wish, from_frame, in_frame, place, pose_of, standing, usual_size
from .settle import settle
from .tokens import sentences, tokenize

EXTENTS = ("width", "height", "length")
# Words between commands, and before the first.
_BETWEEN = frozenset((",", *"and then please can could would you also i want to the now".split()))
_STEP = 0.2  # of the distance to the camera, where a move has no metres
_MORE, _LESS = 0.3, -0.25  # of an extent, where "taller" and "lower" have no metres
_HERE = (("where", "it", "is"), ("it", "'s", "place"), ("it", "'s", "position"))
_MORE_OF = ("more", "additional", "extra", "further")
_TOUCH = 0.03  # metres that a thing may be above what it stands on, or in it
_LOWEST = 0.1  # metres of the camera above the ground
_MUCH = 1.3  # by how many times "taller than", "larger than" is larger
_DOMAINS = {
    **{kind: ("egocentric", relation) for kind, relation in (("left", "left"), ("right", "right"))},
    **dict.fromkeys(("front", "nearer"), ("egocentric", "closer")),
    **dict.fromkeys(("behind", "farther"), ("egocentric", "farther")),
    **{f"own_{side}": ("allocentric", side) for side in ("front", "back", "left", "right")},
    "abreast_same": ("intrinsic", "side_by_side_same"),
    "abreast_opposite": ("intrinsic", "side_by_side_opposite"),
    "face_to_face": ("intrinsic", "face_to_face"),
    "back_to_back": ("intrinsic", "back_to_back"),
    "apart": ("object_distance", "apart"),
    "camera_distance": ("camera_distance", "away"),
}
_WHAT = (
    "add, remove, replace, copy, swap, move by metres, turn, resize, recolour, move the camera, or show something from "
    'a side, such as "move the red car 2 m to the left"'
)


def read_instruction(prompt: str, scene: Scene, names: Sequence[str] = ()) -> Edit | list[Edit]:
    """Read an instruction about a scene: one edit, or several that follow each other.

    Args:
        prompt: such as "paint the car red and move it 2 m to the left".
        scene: that it is about.
        names: what its objects are called, as a Layout has them; colour and kind will do without.

    Raises InputError for what is no instruction, for things that the scene does not have or that could be several, and
    where an added thing finds no place.
    """
    if names and len(names) != len(scene.objects):
        raise InputError(f"there are {len(names)} names for the {len(scene.objects)} objects of the scene.")
    edits: list[Edit] = []
    reader = _Instructions(scene, list(names) or [thing.name for thing in scene.objects])
    for words in sentences(tokenize(prompt)):
        edits += reader.read(words)
    if not edits:
        raise InputError(f'the instruction "{" ".join(prompt.split())[:60]}" asks for nothing; expected to {_WHAT}.')
    return edits[0] if len(edits) == 1 else edits


class _Instructions:
    """Reads instructions one after the other; each sees the scene as those before have left it."""

    def __init__(self, scene: Scene, names: list[str]) -> None:
        self.scene, self.names = scene, names
        self.last: int | None = 0 if len(names) == 1 else None  # the object that "it" means
        self.group: list[int] = []  # the objects that "them" means

    def read(self, words: Sequence[str]) -> list[Edit]:
        """The edits of one sentence: commands joined by "and" or commas."""
        self._listen()
        rest = self.grammar.begin(words)
        found: list[Edit] = []
        position = 0
        before: list[str] = []  # the words of the last command up to its thing
        while position < len(rest):
            if rest[position] in _BETWEEN:
                position += 1
                continue
            match = commands.match(rest, position, self.grammar.slot)
            if match is None and found and (said_on := self._said_on(before, rest[position:])):
                rest, position = said_on, 0  # "make it twice as big and yellow"
                match = commands.match(rest, position, self.grammar.slot)
            if match is None:
                raise InputError(
                    f'"{" ".join(rest[position:])[:60]}" is not understood as an instruction'
                    f"{suggest(rest[position], VERBS)}; expected to {_WHAT}."
                )
            if match.meaning.startswith("move ") and rest[match.end : match.end + 1] == ["of"]:
                if tuple(rest[match.end + 1 : match.end + 4]) in _HERE:
                    match = replace(match, end=match.end + 4)  # "2 m to the left of where it is"
                else:
                    # "move the dog to the right of the car": a place, no direction.
                    match = replace(match, meaning="move to", end=match.slots["A"][0].end)
            before = rest[position : match.slots["A"][0].start] if match.slots.get("A") else []
            if match.meaning.startswith("camera"):
                before = ["move", "the", "camera"]
            end, new = match.end, self._begins_new(match)
            if new is not None or match.meaning == "move to":
                end = self._next_command(new or end)
            if new is not None:
                found += self._add(rest[new:end])
            else:
                found += self._edits(match, rest[position:end], rest[match.end : end])
            position = end
            if position < len(rest):
                rest = self._again(rest, position)
                position = 0
        return found

    def _said_on(self, before: list[str], words: list[str]) -> list[str]:
        """What goes on without a verb, as a command of its own: "make it bigger and yellow", "paint the car red and the
        dog blue"; nothing where it is none."""
        heard = self.grammar.words
        for verb in (["make", "it"], before):
            if not verb:
                continue
            rest = self._again([*verb, *words], 0)
            if commands.match(rest, 0, self.grammar.slot) is not None:
                return rest
        self.grammar.begin(heard)
        return []

    def _begins_new(self, match: Match) -> int | None:
        """Where the phrase of a thing to add begins: after "add", or where "put" is followed by a new thing."""
        if match.meaning == "add":
            return match.end
        mention = match.slots["A"][0] if match.meaning.startswith("move") else None
        if mention is None or mention.article == "the" or mention.pronoun or mention.name:
            return None
        if mention.article == "a" or mention.count or not self._resolve(mention):
            return mention.start
        return None

    def _listen(self) -> None:
        """A grammar that knows the things of the scene as it is now."""
        self.draft = Draft()
        self.mentions = Mentions(self.draft, known=True)
        self.grammar = Grammar(self.draft, self.mentions)
        for index, (thing, name) in enumerate(zip(self.scene.objects, self.names)):
            entry = noun(thing.kind)
            own = name if name not in ("", f"{thing.color} {thing.kind}") else ""
            sizes = dict(zip(EXTENTS, thing.size))
            said = Thing(entry, thing.kind, thing.color, thing.words.split(), sizes=sizes, name=own, index=index)
            self.draft.things.append(said)
        if self.last is not None and self.last < len(self.draft.things):
            self.mentions.touch([self.draft.things[self.last]])

    def _again(self, words: list[str], position: int) -> list[str]:
        self._listen()
        return self.grammar.begin(words[position:])

    def _next_command(self, start: int) -> int:
        """Where the next command begins: after "and" or a comma, with a verb of its own."""
        words = self.grammar.words
        for position in range(start, len(words) - 1):
            if words[position] in ("and", ",", "then") and words[position + 1] in VERBS:
                match = commands.match(words, position + 1, self.grammar.slot)
                if match is not None and (match.meaning != "add" or words[position + 1] in ("add", "insert")):
                    if not match.meaning.startswith(("rotate", "view")) or words[position + 1] in ("turn", "rotate"):
                        return position
        return len(words)

    # --- which thing -----------------------------------------------------------------------------------------------

    def _one(self, mentions: Sequence[Mention]) -> int:
        """The object that is meant. Raises InputError if there is none, or if it could be several."""
        (mention, *_) = mentions
        said = " ".join(self.grammar.words[mention.start : mention.end])
        found = self._resolve(mention)
        listed = ", ".join(self._call(index) for index in range(len(self.scene.objects)))
        if not found:
            kinds = [thing.kind for thing in self.scene.objects]
            raise InputError(
                f'there is no "{said}" in the scene{suggest(mention.said, kinds)}; it has {listed or "nothing"}.'
            )
        if len(found) > 1 and said.removeprefix("the ") in self.names:
            found = [self.names.index(said.removeprefix("the "))]  # "blue figure", beside "blue figure 2"
        if len(found) > 1:
            several = ", ".join(self._call(index) for index in found)
            raise InputError(f'"{said}" could be {several}; expected a colour or a name that tells them apart.')
        self.last = found[0]
        self.mentions.touch([self.draft.things[found[0]]])
        return found[0]

    def _several(self, mentions: Sequence[Mention]) -> list[int]:
        """The objects that are meant: one, or all of "both trees", "the trees", "the dog and the cat"."""
        found: list[int] = []
        for mention in mentions:
            counted = mention.count is not None and not mention.count.vague
            number = needed(mention.count).number if counted else 1
            if not mention.plural and number == 1 and not (mention.pronoun in ("them", "they") and self.group):
                found.append(self._one([mention]))
                continue
            meant = self._resolve(mention)
            if counted and len(meant) != number:
                said = " ".join(self.grammar.words[mention.start : mention.end])
                listed = ", ".join(self._call(index) for index in range(len(self.scene.objects)))
                raise InputError(f'there are not just {number} of "{said}" in the scene; it has {listed or "nothing"}.')
            found += meant if len(meant) > 1 else [self._one([mention])]
        found = list(dict.fromkeys(found))
        self.group = found if len(found) > 1 else []
        return found

    def _resolve(self, mention: Mention) -> list[int]:
        if mention.pronoun in ("them", "they") and self.group:
            return self.group
        if mention.pronoun in ("it", "he", "she", "him", "her", "them", "they"):
            return [] if self.last is None else [self.last]
        before = len(self.draft.things)
        found = self.mentions.resolve(replace(mention, article="the") if not mention.pronoun else mention)
        del self.draft.things[before:]
        return [thing.index for thing in found if thing.index is not None]

    def _call(self, index: int) -> str:
        thing = self.scene.objects[index]
        return self.names[index] or f"{thing.color} {thing.kind}"

    # --- edits -----------------------------------------------------------------------------------------------------

    def _do(self, *edits: Edit) -> list[Edit]:
        """The edits and what follows from them, and the scene after them."""
        done: list[Edit] = []
        for edit in edits:
            before = self.scene
            self._apply(edit)
            done.append(edit)
            if edit.kind == "remove":
                done += self._carry(_carried(before, before.objects[edit.place], None))
            elif edit.kind in ("move", "rotate", "resize", "put"):
                old, new = (scene.objects[edit.place] for scene in (before, self.scene))
                carried = _carried(before, old, new)
                along = edit if edit.kind == "move" else None  # a move of its own, of as many metres
                done += self._carry(carried, along)
        return done

    def _apply(self, edit: Edit) -> None:
        self.scene = apply_edit(self.scene, edit)
        if edit.kind == "remove":
            del self.names[edit.place]
            self.last, self.group = None, []
        elif edit.kind == "add":
            self.names.append("")
            self.last = len(self.scene.objects) - 1

    def _carry(self, carried: list[tuple[SceneObject, SceneObject]], move: Edit | None = None) -> list[Edit]:
        """The edits that bring things to where they are carried, and the scene after them."""
        done: list[Edit] = []
        for old, new in carried:
            index = self.scene.objects.index(old)
            edit = replace(move, index=index) if move else Edit("put", index, added=new)
            self._apply(edit)
            done.append(edit)
        return done

    def _edits(self, match: Match, words: list[str], rest: list[str]) -> list[Edit]:
        kind, _, way = match.meaning.partition(" ")
        slots = match.slots
        if kind == "camera":
            return self._camera(way, slots)
        if kind == "clear":
            support = self._one(slots["B"])
            carried = _carried(self.scene, self.scene.objects[support], None)
            if not carried:
                raise InputError(f"nothing is on the {self._call(support)}.")
            return self._remove([self.scene.objects.index(thing) for thing, _ in carried])
        if kind in ("replace", "swap"):
            return self._exchange(kind, slots)
        several = self._several([*slots["A"], *slots.get("MORE", ())])
        if kind == "keep":
            return self._remove([index for index in range(len(self.scene.objects)) if index not in several])
        if kind == "remove":
            return self._remove(several)
        return [edit for index in several for edit in self._edit(index, match, words, rest)]

    def _edit(self, index: int, match: Match, words: list[str], rest: list[str]) -> list[Edit]:
        """The edits of one object."""
        kind, _, way = match.meaning.partition(" ")
        slots = match.slots
        if kind == "recolor":
            return self._do(Edit("recolor", index, color=slots["COLOR"]))
        if kind == "view":
            self._need_front(index, "cannot be shown from one of its sides")
            return self._do(Edit("camera", index, way))
        if kind == "rotate":
            return self._rotate(index, way, slots)
        if kind == "near":
            return self._approach(index, self._one(slots["B"]), way, slots.get("LENGTH"))
        if kind == "copy":
            beside = [Wish("next", len(self.scene.objects), (index,), None)]
            copied = self.scene.objects[index]
            added = replace(place(self.scene, copied, [], beside), yaw=copied.yaw, name="")
            return self._do(Edit("add", added=added))
        if match.meaning == "move to":
            return self._move_to(index, rest)
        if kind == "move":
            value = slots.get("LENGTH") or self._step(self.scene.objects[index])
            return self._do(Edit("move", index, way, value))
        return self._resize(index, match, words)

    def _remove(self, indices: Sequence[int]) -> list[Edit]:
        return self._do(*(Edit("remove", index) for index in sorted(indices, reverse=True)))

    def _exchange(self, kind: str, slots: dict) -> list[Edit]:
        """ "swap the dog and the cat", "replace the dog with a cat": of two that are there, each takes the other's
        place."""
        (mention, *_) = slots["B"]
        if kind == "replace" and not (mention.article == "the" and self._resolve(mention)):
            return self._replace(slots)
        one, two = self._one(slots["A"]), self._one(slots["B"])
        places = [self.scene.objects[index].position for index in (one, two)]
        if one == two or places[0][1] != places[1][1]:
            raise InputError(
                f"the {self._call(one)} and the {self._call(two)} cannot swap places: expected two objects that stand "
                "at one height."
            )
        return [*self._move_by(one, places[1]), *self._move_by(two, places[0])]

    def _approach(self, index: int, other: int, way: str, metres: float | None) -> list[Edit]:
        """Closer to another object, or away from it, along the line between them."""
        self.last = index
        (x, y, z), (to_x, _, to_z) = (self.scene.objects[one].position for one in (index, other))
        gap = math.hypot(to_x - x, to_z - z)
        step = (_STEP * gap if metres is None else metres) * (1 if way == "closer" else -1)
        if gap == 0 or step > gap:
            raise InputError(
                f"the {self._call(index)} and the {self._call(other)} are {gap:.3g} m apart: the one cannot come "
                f"{step:g} m closer to the other."
            )
        return self._move_by(index, (x + (to_x - x) * step / gap, y, z + (to_z - z) * step / gap))

    def _step(self, thing: SceneObject) -> float:
        return round_metres(_STEP * math.dist(self.scene.camera.position, thing.position))

    def _camera(self, way: str, slots: dict) -> list[Edit]:
        if way == "tilt":
            raise InputError(
                "the camera moves forward, back, left, right, up and down, or round a thing to show one of its sides; "
                "expected one of these."
            )
        value = slots.get("LENGTH")
        if value is None:
            if not self.scene.objects:
                raise InputError("how far the camera moves is not said, and the scene has nothing to tell it by.")
            nearest = min(self.scene.objects, key=lambda thing: math.dist(thing.position, self.scene.camera.position))
            value = self._step(nearest)
        if way in ("up", "down"):
            height, room = -self.scene.camera.position[1] + (value if way == "up" else -value), self.scene.room
            if height < _LOWEST or (room is not None and height > room[1] - _LOWEST):
                above = "" if room is None else f", and below the ceiling at {room[1]:g} m"
                raise InputError(
                    f"the camera cannot stand {height:g} m above the ground: expected at least {_LOWEST:g} m{above}."
                )
        return self._do(Edit("camera", None, way, value))

    def _need_front(self, index: int, what: str) -> None:
        if observe(self.scene).objects[index].front is None:
            raise InputError(f"the {self._call(index)} has no front, so it {what}.")

    def _rotate(self, index: int, way: str, slots: dict) -> list[Edit]:
        if not way.startswith("own_"):
            self._need_front(index, "cannot be turned to face anything")
        if way == "to":
            return self._face(index, self._one(slots["B"]))
        if way.startswith("own_"):
            return self._do(Edit("rotate", index, way, slots.get("ANGLE", 180.0)))
        return self._do(Edit("rotate", index, way))

    def _face(self, index: int, other: int) -> list[Edit]:
        """Turn an object until its front points at another one."""
        if index == other:
            raise InputError(f"the {self._call(index)} cannot face itself.")
        things = observe(self.scene).objects
        one, two = things[index].position, things[other].position
        step = two[0] - one[0], two[2] - one[2]
        angle = side_angle(things[index], "front", step)
        x, _, z = needed(things[index].front)
        # Counterclockwise from above is to its own left.
        leftwards = z * step[0] - x * step[1] < 0
        self.last = index
        return self._do(Edit("rotate", index, "own_left" if leftwards else "own_right", round(angle, 2)))

    def _resize(self, index: int, match: Match, words: list[str]) -> list[Edit]:
        meaning, slots = match.meaning, match.slots
        size = dict(zip(EXTENTS, self.scene.objects[index].size))
        if meaning in ("double", "triple", "halve", "bigger", "smaller", "volume"):
            ratio = {"double": 2.0, "triple": 3.0, "halve": 0.5, "bigger": 1.5, "smaller": 0.5}.get(meaning)
            if ratio is None:
                ratio = _ratio(slots["RATIO"] if "RATIO" in slots else slots["FACTOR"], words)
            return self._do(Edit("resize", index, "volume", ratio))
        if meaning == "shorter":
            # Of less length, where it is longer than wide; else of less height.
            meaning = "length less" if size["length"] > size["width"] else "height less"
        extent, _, way = meaning.partition(" ")
        if way in ("than", "below", "as"):
            return self._compare(index, extent, way, slots)
        value = slots.get("LENGTH")
        if way == "to":
            value = needed(value) - size[extent]
        elif way == "times":
            value = (slots.get("RATIO", 2.0) - 1) * size[extent]
        elif value is None:
            value = round_metres((_MORE if way == "more" else -_LESS) * size[extent])
        if way == "less":
            value = -value
        if size[extent] + value <= 0:
            raise InputError(
                f"the {self._call(index)} is {size[extent]:g} m in {extent}: it cannot have {-value:g} m less."
            )
        if value == 0:
            raise InputError(f"the {self._call(index)} already is {size[extent]:g} m in {extent}.")
        return self._do(Edit("resize", index, extent, round(value, 4)))

    def _compare(self, index: int, extent: str, way: str, slots: dict) -> list[Edit]:
        """ "make the tree 1 m taller than the house", "as tall as", "smaller than"."""
        other = self._one(slots["B"])
        self.last = index
        one, two = self.scene.objects[index].size, self.scene.objects[other].size
        factor = {"than": _MUCH, "below": 1 / _MUCH, "as": 1.0}[way]
        if extent == "volume":
            ratio = factor * math.prod(two) / math.prod(one)
            return self._do(Edit("resize", index, "volume", round(ratio, 4)))
        metres = slots.get("LENGTH")
        wanted = factor * two[1] if metres is None else two[1] + (metres if way == "than" else -metres)
        if wanted <= 0 or round(wanted - one[1], 4) == 0:
            raise InputError(
                f"the {self._call(index)} is {one[1]:g} m high and the {self._call(other)} {two[1]:g} m: expected "
                "another height than it has, above 0."
            )
        return self._do(Edit("resize", index, extent, round(wanted - one[1], 4)))

    def _replace(self, slots: dict) -> list[Edit]:
        index = self._one(slots["A"])
        old = self.scene.objects[index]
        (mention, *_) = slots["B"]
        thing = self.mentions.resolve(replace(mention, article="a"))[0]
        added = replace(_as_object(thing), position=old.position, yaw=old.yaw)
        before = self.scene
        removal, addition = Edit("remove", index), Edit("add", added=added)
        self._apply(removal)
        self._apply(addition)
        return [removal, addition, *self._carry(_carried(before, old, added))]

    # --- new places ------------------------------------------------------------------------------------------------

    def _said_of(self, words: list[str]) -> tuple[Draft, list[Thing]]:
        """What a phrase such as "a red chair left of the sofa, facing it" says, and the things that are new in it."""
        self._listen()
        self.grammar.read(words)
        missing = [thing for thing in self.draft.things if thing.index is None]
        settle(self.draft)
        return self.draft, missing

    def _add(self, words: list[str]) -> list[Edit]:
        words = [word for at, word in enumerate(words) if at > 2 or word not in _MORE_OF]  # "two more mugs"
        draft, new = self._said_of(words)
        if not new:
            raise InputError(f'"{" ".join(words)}" names nothing new to add; expected for instance "add a red chair".')
        self._check(draft, words)
        for thing in new:
            if thing.noun is None and not thing.sizes:
                raise InputError(
                    f'"{thing.said}" is not in the lexicon{suggest_noun(thing.said)}; expected a noun that is, or a '
                    f'size: "a {thing.said} 1 m tall".'
                )
        edits: list[Edit] = []
        indices = {id(thing): thing.index for thing in draft.things if thing.index is not None}
        for group in new:
            for thing in draft.split(group):
                relations = [
                    relation for relation in draft.relations if thing in (relation.subject, *relation.references)
                ]
                last = len(self.scene.objects)
                indices[id(thing)] = last
                ready = [r for r in relations if all(id(t) in indices for t in (r.subject, *r.references))]
                edits += self._do(self._addition(thing, ready, indices))
        return edits

    def _addition(self, thing: Thing, relations: list[Relation], indices: dict[int, int]) -> Edit:
        statements = [_statement(relation, indices) for relation in relations]
        wishes = [pose_of(relation, indices) for relation in relations]
        added = place(
            self.scene,
            _as_object(thing),
            [statement for statement in statements if statement is not None],
            [wish for wish in wishes if wish is not None],
        )
        last = len(self.scene.objects)
        told = [s for s in statements if s is not None and s.subject == last]
        return Edit("add", added=added, statement=told[0] if told else None)

    def _check(self, draft: Draft, words: Sequence[str]) -> None:
        """What an instruction says must be understood; a definite thing must be there."""
        if draft.not_understood:
            listed = ", ".join(f'"{word}"' for word in draft.not_understood)
            raise InputError(
                f'{listed} in "{" ".join(words)}" is not understood, or not in the scene, which has '
                f"{', '.join(self._call(index) for index in range(len(self.scene.objects)))}."
            )
        for relation in draft.relations:
            alike = [reference.kind for reference in relation.references]
            if len(set(alike)) < len(alike) and relation.kind != "between":
                raise InputError(
                    f'"the {alike[0]}" could be several; expected a colour or a name that tells them apart.'
                )

    def _move_to(self, index: int, words: list[str]) -> list[Edit]:
        """ "move the dog behind the house": the moves that bring it there."""
        thing = self.scene.objects[index]
        if not words:
            raise InputError(
                f'where the {self._call(index)} moves is not said; expected for instance "2 m to the left".'
            )
        self._listen()
        words = self._other_side(index, words)
        self.grammar.read(["it", "is", *words], about=[self.draft.things[index]])
        settle(self.draft)
        self._check(self.draft, words)
        relations = [r for r in self.draft.relations if self.draft.things[index] in (r.subject, *r.references)]
        if not relations:
            raise InputError(
                f'"{" ".join(words)}" is not understood as a place; expected for instance "behind the house".'
            )
        indices = {id(other): needed(other.index) for other in self.draft.things}
        statements = [_statement(relation, indices) for relation in relations]
        wishes = [pose_of(relation, indices) for relation in relations]
        moved = place(
            self.scene,
            thing,
            [statement for statement in statements if statement is not None],
            [wish for wish in wishes if wish is not None],
            index,
        )
        if moved.position[1] == thing.position[1]:
            return self._move_by(index, moved.position)
        return self._do(Edit("put", index, added=moved))  # moves are along the ground

    def _other_side(self, index: int, words: list[str]) -> list[str]:
        """ "to the other side of the sofa": to its right for what is left of it, as the viewer sees them."""
        other = ("the", "other", "side", "of")
        if tuple(words[1:5]) != other:
            return words
        mention = self.grammar.mention(self.grammar.begin(words).index("side") + 2)
        if mention is not None:
            seen = observe(self.scene).objects
            right = seen[index].position[0] < seen[self._one([mention])].position[0]
            self.last = index
            words = ["to", "the", "right" if right else "left", *words[4:]]
        self._listen()
        return words

    def _move_by(self, index: int, position: tuple[float, float, float]) -> list[Edit]:
        """The moves along the ground, as the viewer sees it, that bring an object to a position."""
        old, yaw = self.scene.objects[index].position, math.radians(self.scene.camera.yaw)
        dx, dz = position[0] - old[0], position[2] - old[2]
        across, along = dx * math.cos(yaw) - dz * math.sin(yaw), dx * math.sin(yaw) + dz * math.cos(yaw)
        steps = [("right" if across > 0 else "left", abs(across)), ("farther" if along > 0 else "closer", abs(along))]
        return self._do(*(Edit("move", index, way, round(value, 3)) for way, value in steps if value >= 0.005))


def _carried(scene: Scene, old: SceneObject, new: SceneObject | None) -> list[tuple[SceneObject, SceneObject]]:
    """Each thing of the scene that stands on `old`, or on such a thing, and what it is once `old` has become `new`.

    It moves and turns along and stands as far along the width and the length of the new one as on the old one. new:
    None if the old one is gone, so that what stood on it stands where it stood.
    """
    pairs: dict[SceneObject, SceneObject] = {}
    for rider in scene.objects:
        if not _stands_on(rider, old):
            continue
        x, _, z = rider.position
        moved = replace(rider, position=(x, old.position[1], z))
        if new is not None:
            across, along = in_frame(old, x, z)
            x, z = from_frame(new, across * new.size[0] / old.size[0], along * new.size[2] / old.size[2])
            height, _ = standing(new, rider, [(x, z)])
            place = round(x, 3), 0.0 - round(height, 3), round(z, 3)
            moved = replace(rider, position=place, yaw=rider.yaw + new.yaw - old.yaw)
        pairs.setdefault(rider, moved)
        for above, carried in _carried(scene, rider, moved):
            pairs.setdefault(above, carried)
    return list(pairs.items())


def _stands_on(thing: SceneObject, support: SceneObject) -> bool:
    x, y, z = thing.position
    if y >= min(-_TOUCH, support.position[1]):
        return False  # on the ground, or no higher than the other
    across, along = in_frame(support, x, z)
    if abs(across) > support.size[0] / 2 or abs(along) > support.size[2] / 2:
        return False
    height, _ = standing(support, thing, [(x, z)])
    return abs(height + y) <= _TOUCH


def _ratio(value: float, words: Sequence[str]) -> float:
    """The factor of the volume: "by 20 %" and "20 % bigger" add, "smaller" takes away."""
    less = words[0] in ("shrink", "reduce", "downsize", "decrease") or "smaller" in words
    if ("%" in words or "percent" in words) and ("by" in words or "bigger" in words or "larger" in words or less):
        if "to" not in words:
            return 1 - value if less else 1 + value
    return 1 / value if less and value > 1 else value


def _as_object(thing: Thing) -> SceneObject:
    entry = thing.noun
    color = thing.color or (entry.color if entry is not None else "white")
    words = " ".join(thing.words)
    return SceneObject(thing.kind, color, usual_size(thing), (0.0, 0.0, 0.0), 0.0, words=words)


def _statement(relation: Relation, indices: dict[int, int]) -> Statement | None:
    """The relation as the exact scorer knows it."""
    if relation.kind not in _DOMAINS:
        return None
    domain, name = _DOMAINS[relation.kind]
    reference = indices[id(relation.references[0])] if relation.references else None
    value = relation.value if domain in ("object_distance", "camera_distance") else None
    return Statement(domain, name, indices[id(relation.subject)], reference, value)
