"""What a wording says of its subjects, put into the draft."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..needed import needed
from . import numbers
from .draft import COMPARED, Thing
from .hypernyms import PLANS
from .nouns import Mention
from .patterns import Match
from .slots import is_body
from .state import Sentence
from .wordings import CLASSES
from .words import GARMENTS, GRAMMAR, TABLES, VESSELS

# Of these "them" is not the subjects themselves: "two crates in front of them".
_AT_OTHERS = ("left", "right", "front", "behind", "on", "under", "above", "in", "around", "nearer", "farther")


_WITH_SIDES = frozenset().union(*(PLANS[name] for name in ("person", "animal", "vehicle", "boat", "aircraft")))
_FLAT = ("rug", "tray", "roundabout", "stage", "platform", "island", "plate")
_BARE = ("it", "him", "her", "them", "they")
_OF_PAIRS = ("face_to_face", "back_to_back", "side_by_side", "same_way", "opposite_way")
_ACROSS = {"left": "right", "right": "left", "front": "behind", "behind": "front"}
_OPPOSITES = {"left": "right", "right": "left", "own_left": "own_right", "own_right": "own_left", "behind": "front"}


class Relating(Sentence):
    """What a wording says of its subjects, put into the draft."""

    def _apply(self, match: Match, subjects: list[Thing]) -> None:
        """Put a predicate into the draft; one that changes nothing there is not understood."""
        before = self.draft.facts()
        self._say(match, subjects)
        ghost = bool(subjects) and all(thing.ghost for thing in subjects)
        if self.draft.facts() == before and not self._clause.shared:
            said = self.words[match.start : match.end]
            if ghost:
                self.draft.warn(f'"{" ".join(said)}" is left out: {subjects[0].said} is no thing of the scene.')
            elif not all(word in self.draft.kept_words() for word in said if word not in GRAMMAR):
                self._not_understood(" ".join(said))

    def _say(self, match: Match, subjects: list[Thing]) -> None:
        meaning, slots = match.meaning, match.slots
        subjects = self.draft.expand(subjects)
        if self.words[match.start] == "both" and len(subjects) == 1 and subjects[0].count == 1:
            # "a man to the left of a horse, both facing away"
            subjects += self._partners(subjects)[:1]
        if meaning in ("outdoor", "room"):
            self.draft.setting = self.draft.setting or meaning
            return
        if meaning == "unsaid":
            return
        if len(subjects) > 1 and subjects == self.draft.expand(self.mentions.each):
            if any(m.pronoun in ("it", "one") and m.ordinal is None and not m.color for m in slots.get("REF", ())):
                # "each taller than the one before it"
                self._not_understood(" ".join(self.words[match.start : match.end]))
                return
        if meaning == "tilt":
            self._describe(subjects, match.start, match.end)
            return
        if meaning.startswith("view_"):
            self._camera(meaning, subjects, slots)
            return
        if meaning in ("on", "against", "in") and self._on_wall(meaning, subjects, slots):
            return
        if meaning in ("in", "on") and subjects and self._worn(match, subjects):
            return
        if self.words[match.start] in CLASSES["handles"] and slots.get("REF") and all(m.unknown for m in slots["REF"]):
            # "plays a song"
            self._describe(subjects, match.start, match.end)
            self._not_understood(" ".join(mention.said for mention in slots.get("REF", ())))
            return
        if kind_of_camera := self._means_camera(match):
            for thing in subjects:
                self.draft.relate(kind_of_camera, thing)
            return
        # "seen from its left" is about the subject itself.
        slots = {**slots, "inside": meaning in ("in", "next", "on", "against") and self.words[match.start] != "outside"}
        references = self._references(
            slots, [] if meaning.startswith("sees_") else subjects, meaning.startswith(("sees_", "own_")), meaning
        )
        if references is None:
            place = any(mention.place in ("room", "outdoor", "surface") for mention in slots.get("REF", ()))
            if self.words[match.start] == "outside" and any(m.place == "room" for m in slots.get("REF", ())):
                self.draft.setting = "outdoor"
            along = meaning == "next" and not {"next", "near", "beside", "close"} & set(
                self.words[match.start : match.end]
            )
            if place and not along and meaning not in ("on", "in", "<on") and not meaning.startswith("bare_"):
                said = " ".join(self.words[match.start : match.end])
                self.draft.warn(f'"{said}" is left out: it is a place, no thing of the scene.')
            return
        if meaning.startswith("sees_") and references:
            subjects, references = references, []
        if "them" in self.words[match.end - 3 : match.end] and len(subjects) < 2 and meaning == "apart":
            references = references or self._partners(subjects)
        self._state(match, subjects, references, slots)

    def _state(self, match: Match, subjects: list[Thing], references: list[Thing], slots: dict[str, Any]) -> None:
        """Put what a predicate says of its things into the draft."""
        clause, value = self._clause, slots.get("LENGTH", slots.get("RATIO"))
        swapped = match.meaning.startswith("<")
        kind = self._kind_here(match, subjects, references)
        if kind in ("bare_left", "bare_right") and (said := self._of_the_same(kind, subjects)):
            kind, references = kind.removeprefix("bare_"), said
        if self.words[match.start : match.end] == ["nose", "to", "tail"] and sum(t.count for t in subjects) > 2:
            kind = "row"
        subjects = self._one_each(kind, subjects, references, slots)
        subjects = self._for_each(subjects, references, slots)
        if len(subjects) == len(references) > 1 and (self._each(slots) or self._paired):
            for subject, reference in zip(subjects, references):
                if swapped:
                    self._relate_swapped(kind, [subject], [reference], value)
                else:
                    self.draft.relate(kind, subject, [reference], value)
            clause.nearest = list(dict.fromkeys(subjects))
            if not clause.local:
                clause.subjects = list(clause.nearest)
            return
        if kind in ("left", "right", "front", "behind") and clause.viewpoint:
            kind, references = self._from_viewpoint(kind, references)
        elif kind.startswith("bare_") and clause.viewpoint and kind != "bare_ahead":
            kind, references = self._from_viewpoint(kind.removeprefix("bare_"), [])
        before = len(self.draft.relations)
        if kind == "between" and len(references) == 1 and references[0].vague and not references[0].members:
            self.mentions.number(references[0], 2, assumed=True)  # "flanked by lamps"
        if clause.shared and references:
            for side, metres in clause.shared:
                for subject in subjects:
                    self.draft.relate(side, subject, list(references), metres)
            clause.shared = []
        if swapped and references:
            self._relate_swapped(kind, subjects, references, value)
        elif not (
            self._state_size(kind, subjects, value, match, slots)
            or self._state_place(kind, subjects, references, value, match)
        ):
            self._relate(kind, subjects, references, value, match)
        clause.last = self.draft.relations[before:]
        pronouns = all(mention.pronoun in _BARE for slot in ("A", "B", "REF") for mention in slots.get(slot, ()))
        if references and pronouns and not match.meaning.startswith("sees_"):
            # "the girl beside him 50 cm shorter": a pronoun takes nothing more.
            clause.nearest, clause.verb_last = list(subjects), False
        elif references:
            clause.nearest, clause.verb_last = list(references), False
        clause.nearest = self.draft.expand(clause.nearest)
        clause.subjects = self.draft.expand(clause.subjects)

    def _kind_here(self, match: Match, subjects: list[Thing], references: list[Thing]) -> str:
        """The relation that a predicate means of these things."""
        kind = match.meaning.lstrip("<")
        if kind in ("height", "width", "length", "camera_distance"):
            self._clause.measured = kind
        if kind == "above" and self.words[match.start] == "over" and self._facing_over(subjects):
            kind = "across"  # "two players face each other over a net"
        if kind == "above" and self.words[match.start] == "higher" and all(_stands(thing) for thing in subjects):
            kind = "taller"  # "a bus higher than a car"
        if kind == "next" and {"edge", "corner"} & {*self.words[match.start : match.end]} and _carries(references):
            on = self.words[match.start] == "on"
            if on or all(thing.noun is not None and thing.noun.place == "top" for thing in subjects):
                kind = "on"  # "a cup at the edge of a table"
        if kind == "own_back" and self.words[match.start] == "on" and _is_animal(references):
            kind = "on"  # "a bird on its back"
        if kind in ("own_left", "own_right") and self._viewers_side(match, references):
            kind = kind.removeprefix("own_")
            self.draft.warn(f"the {kind} of {references[0].label} is read as the viewer's {kind}.")
        return kind

    def _relate_swapped(self, kind: str, subjects: list[Thing], references: list[Thing], value: float | None) -> None:
        """ "a house with a car in front": the reference is what the relation is of."""
        for reference in references:
            if kind.startswith("own_"):
                singles = [single for subject in subjects for single in self.draft.split(subject)]
                for single in singles:
                    self.draft.relate(kind, reference, [single], value)
            else:
                self.draft.relate(kind, reference, list(subjects), value)

    def _state_size(
        self, kind: str, subjects: list[Thing], value: float | None, match: Match, slots: dict[str, Any]
    ) -> bool:
        """What things look like by themselves: size and colour; whether the predicate says such."""
        if kind == "wears":
            for thing in subjects:
                thing.color = thing.color or slots["COLOR"]
                if thing.index is None:
                    thing.words += [word for word in self.words[match.start : match.end] if word not in ("a", "an")]
        elif kind.startswith("each_") and kind != "each_side":
            singles = [single for subject in subjects for single in self.draft.split(subject)]
            self.mentions.recent = self.draft.expand(self.mentions.recent)
            if len(singles) == 2:
                for single, metres in zip(singles, (value, slots["ACROSS"])):
                    self._measure([single], kind.removeprefix("each_"), needed(metres))
        elif kind == "footprint":
            for thing in subjects:
                width = slots["LENGTH"] if "LENGTH" in slots else slots["FACTOR"]
                thing.sizes |= {"width": width, "length": slots["ACROSS"]}
        elif kind in ("height", "width", "length", "largest"):
            if kind == "length" and {"deep", "depth"} & set(self.words[match.start : match.end]):
                for thing in subjects:
                    if "length" in thing.sizes and "width" not in thing.sizes:
                        thing.sizes["width"] = thing.sizes.pop("length")  # "2 m long and 90 cm deep"
            self._measure(subjects, kind, needed(value))
        else:
            return False
        return True

    def _state_place(
        self, kind: str, subjects: list[Thing], references: list[Thing], value: float | None, match: Match
    ) -> bool:
        """Places that are no plain relation of subjects to references; whether the predicate says one."""
        if kind == "bare_middle" and self.words[match.end - 1] == "between" and (ends := self._ends(subjects)):
            self._relate("between", subjects, ends, None, match)  # "a sofa and an armchair, a table between"
        elif kind == "bare_middle" and (table := self._table_of(subjects)):
            self._relate("on", subjects, table, None, match)  # "a table with a vase in the middle"
        elif kind == "each_side":
            ends = references or self._clause.owner or self._partners(subjects)
            self._on_each_side(subjects, ends, self._said_per_side(match))
        elif kind == "gap":
            self._gap(subjects, needed(value), match)
        elif kind in ("one_side", "other_side"):
            if references or kind == "one_side":
                self._sided = references or self._clause.owner or self._partners(subjects)
            side = "left" if kind == "one_side" else "right"
            small = all(thing.noun is not None and thing.noun.place == "top" for thing in subjects)
            if small and _carries(self._sided) and "end" in self.words[match.start : match.end]:
                for thing in subjects:
                    self.draft.relate("on", thing, self._sided)  # "a shelf with a plant at one end"
                    if kind == "other_side":
                        self.draft.relate("right", thing, self._at_one_end(self._sided, thing))
            else:
                self._relate(side, subjects, self._sided, value, match)
        elif kind == "beyond":
            self._relate(self._side_beyond(references), subjects, references, value, match)
        elif kind == "raised":
            self._not_understood(" ".join(self.words[match.start : match.end]))  # scene text has no such relation
        elif kind == "nearest_of":
            self._relate("next", subjects, references[-1:], None, match)  # the last is what it is nearer to
        elif kind == "away_at":
            self._relate("facing", subjects, references, None, match)
            self._relate("sees_back", subjects, [], None, match)
        elif kind.startswith("corner_"):
            for side in kind.split("_")[1:]:
                self._relate(f"bare_{side}", subjects, [], None, match)
        elif kind.startswith("open_"):
            self._state_open(kind.removeprefix("open_"), subjects, value, match)
        elif kind == "across" and references:
            self._state_across(subjects, references, value, match)
        elif kind in ("row", "circle"):
            self._arrange(kind, subjects)
        elif kind.startswith("order_"):
            self._in_order(kind, subjects)
        else:
            return False
        return True

    def _ends(self, subjects: Sequence[Thing]) -> list[Thing]:
        """What "between" without a word more is between: the last two things, or the two of the last group."""
        before = [thing for thing in self.mentions.recent if thing not in subjects]
        if any(r.kind.startswith("bare_") and r.subject in before for r in self.draft.relations):
            return []  # "on the left a lamp, on the right a mug, and a cube in between"
        if len(before) == 1 and before[0].count == 2:
            return self.draft.split(before[0])
        return before[-2:] if len(before) > 1 else []

    def _of_the_same(self, kind: str, subjects: Sequence[Thing]) -> list[Thing]:
        """The plate of "the fork is to the left of the plate, the knife to the right"."""
        said = [r for r in self.draft.relations[self._begun :] if r.kind in ("left", "right")]
        other = bool(said) and said[-1].kind != kind.removeprefix("bare_") and said[-1].subject not in subjects
        return list(said[-1].references) if other and not {*said[-1].references} & {*subjects} else []

    def _side_beyond(self, references: Sequence[Thing]) -> str:
        """The other side of a thing: the opposite of the last left or right of it that was said, else behind it."""
        for relation in reversed(self.draft.relations):
            kind = _OPPOSITES.get(relation.kind)
            if kind is not None and any(thing in references for thing in relation.references):
                return kind
        return "behind"

    def _state_open(self, kind: str, subjects: list[Thing], value: float | None, match: Match) -> None:
        """A relation whose reference is not said: "a house with a tree behind"."""
        clause = self._clause
        if kind == "across":
            things = self.draft.expand(subjects)
            for thing in clause.nearest if clause.nearest != clause.subjects else self._partners(subjects):
                self.draft.relate("between", thing, things)
        else:
            others = [thing for thing in clause.owner if thing not in subjects] or self._partners(subjects)
            if kind in COMPARED:
                # "two boxes on a table, one bigger"
                alike = [t for t in self.mentions.recent if t not in subjects and t.kind == subjects[0].kind]
                others = alike or others
            self._relate(kind, subjects, others, value, match)

    def _state_across(self, subjects: list[Thing], references: list[Thing], value: float | None, match: Match) -> None:
        """ "two players across a net": what they are across of is between them."""
        ends = list(subjects)
        if len(ends) == 1 and ends[0].count == 1:
            ends += [t for t in reversed(self.mentions.recent) if t not in (*ends, *references)][:1]
        if len(ends) == 1 and ends[0].count > 2:
            self._relate("around", subjects, references, value, match)  # "six guests across a table"
        elif len(ends) > 1 or ends[0].count > 1:
            for reference in references:
                self.draft.relate("between", reference, ends)
        else:
            self._relate("next", subjects, references, value, match)

    def _viewers_side(self, match: Match, references: Sequence[Thing]) -> bool:
        """Whether "to its left", of what nobody looks out of, is where the viewer sees it: of a sofa."""
        said = self.words[match.start : match.end]
        pronoun = any(mention.pronoun == "it" for mention in match.slots.get("REF", ()))
        if not pronoun or "own" in said or self._clause.viewpoint or "side" in said:
            return False
        return all(thing.noun is not None and thing.noun.plan not in _WITH_SIDES for thing in references)

    def _measure(self, things: Sequence[Thing], extent: str, metres: float) -> None:
        """Give things an extent; a second one of the same is kept, and the first is said to be left out."""
        for thing in things:
            if thing.sizes.get(extent, metres) != metres and thing.index is None:
                self.draft.warn(
                    f"{thing.label} is said to be {thing.sizes[extent]:g} m and {metres:g} m: the second is kept."
                )
            thing.sizes[extent] = metres

    def _each(self, slots: dict[str, Any]) -> bool:
        return any(
            mention.each or mention.pronoun == "each" or (mention.pronoun == "it" and bool(self.mentions.each))
            for mention in slots.get("REF", ())
        )

    def _one_each(
        self, kind: str, subjects: list[Thing], references: list[Thing], slots: dict[str, Any]
    ) -> list[Thing]:
        """ "two knights on horses": as many horses as knights, each on its own."""
        self._paired = False
        mentions = slots.get("REF", ())
        if kind not in ("on", "in") or len(subjects) != 1 or len(references) != 1 or len(mentions) != 1:
            return subjects
        mention, count = mentions[0], subjects[0].count
        (horse,) = references
        if not 1 < count <= 6 or not mention.plural or mention.count or mention.article or horse.index is not None:
            return subjects
        riders = self.draft.split(subjects[0])
        horse.count = count
        references[:] = self.draft.split(horse)
        self.mentions.recent = self.draft.expand(self.mentions.recent)
        self.draft.warnings[:] = [said for said in self.draft.warnings if f'"{mention.said}" without' not in said]
        self._paired = True
        return riders

    def _for_each(self, subjects: list[Thing], references: list[Thing], slots: dict[str, Any]) -> list[Thing]:
        """ "a lamp on each nightstand": as many as there are of what is each."""
        each = self.draft.expand(self.mentions.each)
        mentions = slots.get("REF", ())
        paired = True
        if len(references) > 1 and len(subjects) == 1 and (self._each(slots) or references == each):
            subjects = self._of_each(subjects[0], references)
        elif len(subjects) < 2 or subjects != each:
            paired = False
        elif self._are_new(references, mentions):
            # "two dogs, each next to a ball", "each of the trays holds a cup and a spoon"
            references[:] = [one for thing in references for one in self._of_each(thing, each)]
            subjects = each * len(mentions)
        elif len(mentions) == 1 and mentions[0].ordinal == -1 and mentions[0].pronoun:
            subjects, references[:] = each[1:], each[:-1]  # "five towers, each taller than the last"
        elif len(mentions) == 1 and mentions[0].ordinal == -2 and mentions[0].pronoun and len(each) == 2:
            references[:] = each[::-1]  # "two cars, each facing the other"
        else:
            paired = False
        self._paired = self._paired or paired
        return subjects

    def _of_each(self, thing: Thing, owners: Sequence[Thing]) -> list[Thing]:
        """One such thing, or one such group, for each of the owners."""
        if thing in owners or thing.index is not None:
            return [thing]
        size = thing.count
        thing.count = size * len(owners)
        things = self.draft.split(thing, size)
        self.mentions.recent = self.draft.expand(self.mentions.recent)
        return things

    def _owned(self, things: list[Thing], owner: Sequence[Thing]) -> list[Thing]:
        """What each of the owners has, where the clause is about each of them: "three tables, each with a lamp"."""
        if len(owner) < 2 or list(owner) != self.draft.expand(self.mentions.each):
            return things
        return [one for thing in things for one in self._of_each(thing, owner)]

    def _are_new(self, references: list[Thing], mentions: Sequence[Mention]) -> bool:
        """Whether the references are first named here: "each next to a ball", but not "each with a hat, next to a
        sofa"."""
        if not mentions or len(mentions) != len(references):
            return False
        if "," in self.words[self._each_from : mentions[0].start]:
            return False
        said = all(m.article == "a" or (m.article == "" and m.count is not None) for m in mentions)
        return said and not any(m.pronoun for m in mentions) and not any(t.vague or t.members for t in references)

    def _on_wall(self, meaning: str, subjects: list[Thing], slots: dict[str, Any]) -> bool:
        """Whether it is the wall of a room, which is no thing unless the text has made it one."""
        (mention, *_) = slots["REF"]
        walls = any(thing.kind == "wall" for thing in self.draft.things)
        if mention.said not in ("wall", "back wall") or walls or mention.color or self.draft.setting == "outdoor":
            return False
        if meaning == "on" and mention.article == "a" and all(someone(thing) for thing in subjects):
            return False  # "a cat sits on a wall"
        self.draft.setting = "room"
        near = self._clause.nearest
        if any(_hangs(thing) for thing in near) and not any(_hangs(thing) for thing in subjects):
            subjects = near  # "a man looks at a painting on the wall"
        for thing in subjects:
            self.draft.relate("against_wall" if meaning == "against" else "on_wall", thing)
        return True

    def _worn(self, match: Match, subjects: Sequence[Thing]) -> bool:
        """Whether "in a black coat" says what someone wears: words of them, as nothing in the scene is it."""
        (mention, *_) = match.slots["REF"]
        worn = mention.said.split()[-1:] and (mention.said.split()[-1] in GARMENTS or f"{mention.said}s" in GARMENTS)
        leashed = mention.said in ("leash", "lead", "halter", "chain") and self.words[match.start] == "on"
        if not (leashed or (worn and self.words[match.start] == "in")) or not all(someone(thing) for thing in subjects):
            return False
        self._describe(subjects, match.start, match.end)
        self._not_understood(mention.said)
        return True

    def _means_camera(self, match: Match) -> str:
        """ "one faces the camera, the other faces away from it": the pose, where "it" is the camera."""
        pose = {"<own_back": "pose_back", "facing": "pose_front"}.get(match.meaning, "")
        mentions = match.slots.get("REF", ())
        before = self.words[: match.start]
        if not pose or not mentions or mentions[0].pronoun != "it" or "camera" not in before:
            return ""
        named = len(before) - 1 - before[::-1].index("camera")
        return pose if named >= self._clause.named_at else ""

    def _relate(
        self, kind: str, subjects: list[Thing], references: list[Thing], value: float | None, match: Match
    ) -> None:
        if kind.startswith("differ_"):
            self._among(kind.removeprefix("differ_"), subjects, value)
            return
        reciprocal = kind in ("next", "far", "face_to_face", "back_to_back", "same_way", "opposite_way", "apart") or (
            kind.startswith("same_")
        )
        if reciprocal and not references:
            self._among(kind, subjects, value, " ".join(self.words[match.start : match.end]))
            return
        each = len(subjects) == len(references) > 1 and list(references) == self.draft.expand(self.mentions.each)
        for at, subject in enumerate(subjects):
            others = [references[at]] if each else [thing for thing in references if thing is not subject]
            if references and not others and kind != "between":
                # "a table and a lamp on the table": not said of the table itself.
                continue
            self.draft.relate(kind, subject, others, value)

    def _gap(self, subjects: list[Thing], value: float, match: Match) -> None:
        """ "in front of the dog, half a metre away": the gap of the place just said; else the camera's distance."""
        places = ("left", "right", "front", "behind", "own_", "above")
        last = [r for r in self._clause.last if r.kind.startswith(places) and r.value is None and r.references]
        for relation in last:
            relation.value = value
        if last:
            return
        beside = [r for r in self._clause.last if r.kind == "next" and r.references]
        for relation in beside:
            self.draft.relate("apart", relation.subject, relation.references, value)
        if not beside and self.words[match.start] == "by":
            # "outgrows the fence by half a metre": of what, the verb says, which was not read.
            self._not_understood(" ".join(self.words[match.start : match.end]))
            return
        for subject in subjects if not beside else ():
            self.draft.relate("camera_distance", subject, [], value)

    def _at_one_end(self, table: Sequence[Thing], other: Thing) -> list[Thing]:
        """What was put on a table last, before another thing."""
        said = (r for r in reversed(self.draft.relations) if r.kind == "on" and r.references == list(table))
        return next(([r.subject] for r in said if r.subject is not other), [])

    def _said_per_side(self, match: Match) -> int | None:
        """How many are on each side: the number before "on each side", or that of "three men on each side"; None where
        as many are meant as there are."""
        number = numbers.count(self.words, match.start - 1) if match.start else None
        if number is not None and number[1] == match.start:
            return number[0].number
        return 0 if "each" in self.words[match.start : match.end] else None

    def _on_each_side(self, subjects: list[Thing], references: list[Thing], each: int | None = None) -> None:
        """One to the left and one to the right of something; a single thing on each side is two, three on each six."""
        if len(subjects) == 1 and subjects[0].count == 1:
            subjects = self.mentions.mates(subjects[0])  # "two chairs, one on each side"
        if len(subjects) == 1:
            if subjects[0].vague:
                self.mentions.number(subjects[0], 2, assumed=True)  # "on both sides stand plants"
            group = subjects[0]
            if each:
                per_side = each  # "four chairs, two on each side"
                group.count = 2 * each if group.vague or group.count < 2 * each else group.count
            else:
                per_side = group.count if each == 0 and group.count > 2 and not group.vague else 1
                group.count = max(group.count, 2) if per_side == 1 else 2 * per_side
            self.draft.per_side.append(per_side)
            subjects = self.draft.split(subjects[0])
            self.mentions.recent = self.draft.expand(self.mentions.recent)
        for relation in self.draft.relations:
            if relation.kind == "around" and relation.subject in subjects:
                relation.kind, relation.assumed = "next", True  # "eight chairs around a table, four on each side"
        for place, subject in enumerate(subjects):
            side = "right" if 2 * place >= len(subjects) else "left"
            self.draft.relate(side if references else f"bare_{side}", subject, list(references))

    def _among(self, kind: str, subjects: list[Thing], value: float | None, said: str = "") -> None:
        """What several things are to each other, or one to the thing that it was said to be next to."""
        if len(subjects) == 1 and subjects[0].count > 1:
            group = subjects[0]
            if group.vague and kind in _OF_PAIRS and not group.members:
                self.mentions.number(group, 2, assumed=True)  # "chairs facing each other"
            subjects = self.draft.split(group)
            self.mentions.recent = self.draft.expand(self.mentions.recent)
        if len(subjects) == 1:
            partners = self._partners(subjects)
            if kind == "apart" and not partners:
                self.draft.relate("camera_distance", subjects[0], [], value)
            elif partners:
                self.draft.relate(kind, subjects[0], partners[:1], value)
            else:
                self._not_understood(said or kind.replace("_", " "))
            return
        facing = kind in ("face_to_face", "back_to_back") and len(subjects) > 2
        half = len(subjects) // 2
        for first, second in zip(subjects, subjects[half:]) if facing else pairwise(subjects):
            self.draft.relate(kind, first, [second], value)

    def _partners(self, subjects: Sequence[Thing]) -> list[Thing]:
        """The other thing of the relation just said of the subject, or the other thing of the sentence."""
        for relation in reversed(self.draft.relations):
            if relation.subject in subjects and relation.references:
                return relation.references
            if any(thing in relation.references for thing in subjects):
                return [relation.subject]
        return [thing for thing in reversed(self.mentions.recent) if thing not in subjects][:1]

    def _arrange(self, kind: str, subjects: list[Thing]) -> None:
        if len(subjects) == 1:
            subjects[0].arrangement = kind
        else:
            for first, second in pairwise(subjects):
                self.draft.relate("next", first, [second])

    def _in_order(self, kind: str, things: list[Thing]) -> None:
        """Each is on one side of the next: "from left to right"."""
        sides = {"right": "left", "left": "right", "back": "nearer", "front": "farther", "file": "front"}
        side = sides[kind.removeprefix("order_")]
        if len(things) == 1 and things[0].count == 1:
            if kind != "order_file":  # "a car drives past from left to right"
                self.draft.relate(f"pose_{kind.removeprefix('order_')}", things[0])
            return
        singles = [single for thing in things for single in self.draft.split(thing)]
        self.mentions.recent = self.draft.expand(self.mentions.recent)
        for one, other in pairwise(singles):
            self.draft.relate(side, one, [other])

    def _table_of(self, subjects: Sequence[Thing]) -> list[Thing]:
        """The table in whose middle things are, where the text has spoken of one."""
        clause = self._clause
        if clause.owner and list(subjects) == clause.local:
            return clause.owner if _carries(clause.owner) else []
        before = [thing for thing in self.mentions.recent if thing not in subjects]
        small = all(thing.noun is not None and thing.noun.place == "top" for thing in subjects)
        return before if len(before) == 1 and small and _carries(before) else []

    def _speaks_of_topic(self, subjects: Sequence[Thing]) -> bool:
        """Whether nothing but the subjects was named in this sentence, so that "it" is what the last one was about."""
        before = self._topic_before
        return not self._clause.named_at and len(before) == 1 and before[0].count == 1 and before[0] not in subjects

    def _head_before(self, meaning: str, subjects: Sequence[Thing]) -> list[Thing]:
        """What the clause before was about, of "a castle on a hill, a dragon above it": rather that than the hill. What
        something is on, in or under is what can carry it."""
        before = self._clause.before
        if len(before) != 1 or before[0].count > 1:
            return []
        said = [r for r in self.draft.relations[self._begun :] if r.subject is before[0] and len(r.references) == 1]
        small = before[0].noun is not None and before[0].noun.place == "top"
        beside = meaning in ("next", "left", "right", "front", "behind")
        both = small and beside and all(thing.noun is not None and thing.noun.place == "top" for thing in subjects)
        on = bool(said) and small and said[-1].kind == "on" and not both  # "a kettle on a stove, a pan beside it"
        if not said or on or any(thing.kind == before[0].kind for thing in subjects):
            return []  # "a mug on a table, a ball under it"
        if meaning not in ("on", "in", "under"):
            return before
        options = before + said[-1].references if said[-1].kind != "on" else said[-1].references + before
        return [t for t in options if _carries([t]) or t.has_room or (meaning != "under" and t.kind in VESSELS)]

    def _facing_over(self, subjects: Sequence[Thing]) -> bool:
        last = self._clause.last[-1:]
        return bool(last) and last[0].kind == "face_to_face" and last[0].subject in self.draft.expand(subjects)

    def _same_reference(self, meaning: str, subjects: Sequence[Thing]) -> bool:
        """Whether a side comes after another side of the same thing, both said before what is there."""
        last = self._clause.last[-1:] or (self._elliptic[-1:] if not self._clause.named_at else [])
        sides = ("left", "right", "front", "behind")
        alike = bool(last) and meaning in sides and last[0].kind in sides and bool(last[0].references)
        if alike and _ACROSS.get(last[0].kind) == meaning:
            return last[0].subject not in subjects  # "the oak is left of the cottage and the well is right of it"
        # "A dog is left of a chair and a cat right of it": no verb of its own.
        return alike and (self._inverted or (not self._clause.finite and last[0].subject not in subjects))

    def _it_again(self, subjects: Sequence[Thing]) -> bool:
        """Whether the thing before in a list was also put beside an "it", which this one then is too."""
        again, last = self.mentions.last_it, self._clause.last[-1:]
        return again is not None and again not in subjects and bool(last) and again in last[0].references

    def _references(
        self, slots: dict[str, Any], subjects: list[Thing], turned: bool, meaning: str = ""
    ) -> list[Thing] | None:
        """The things in a wording's slots; None where they are a place, which is the setting."""
        clause = self._clause
        found: list[Thing] = []
        for slot in ("A", "B", "REF"):
            for mention in slots.get(slot, ()):
                if mention.place:
                    # "in front of a diner" is not in it.
                    self._place(mention, inside=slots.get("inside", True))
                    continue
                prefer = clause.owner or clause.viewpoint
                if not prefer and clause.relative and clause.local and clause.local != clause.subjects:
                    prefer = clause.subjects  # "a cow looks at a horse that stands in front of it"
                if turned and not prefer and clause.last and clause.last[-1].kind.startswith(("own_", "sees_")):
                    # "a bush at the front of the house, at its back a tree": its is the house's.
                    prefer = clause.last[-1].references
                elif (
                    not prefer
                    and mention.pronoun == "it"
                    and not mention.own
                    and self._same_reference(meaning, subjects)
                ):
                    # "Left of the sofa is a lamp, right of it an armchair."
                    prefer = (clause.last or self._elliptic)[-1].references
                elif turned and not prefer and mention.pronoun == "it" and self._turned:
                    prefer = self._turned  # "At the front of the bus, a pram; at its back, a moped."
                elif not prefer and mention.pronoun in ("it", "him", "her") and self._speaks_of_topic(subjects):
                    prefer = self._topic_before  # "A tower with a crane on it. In front of it a fire engine."
                elif not prefer and mention.pronoun == "it" and not clause.finite and self._it_again(subjects):
                    prefer = [needed(self.mentions.last_it)]  # "a saucer beneath it, and a spoon beside it"
                elif not prefer and (mention.pronoun in _BARE[:3] or is_body(mention)) and not self._inverted:
                    prefer = self._head_before(meaning, subjects)
                several = len(subjects) > 1 or any(thing.count > 1 for thing in subjects)
                among = mention.pronoun in ("them", "they", "both") and several
                exclude = [] if among else [*subjects, *found]
                if meaning == "between" and mention.pronoun == "them":
                    # "a sofa and a television on a cabinet, a rug between them": not the cabinet.
                    exclude = [*exclude, *(t for r in self.draft.relations if r.kind == "on" for t in r.references)]
                things = self._said.get(mention.start) or self.mentions.resolve(
                    mention, [*subjects, *found] if among and meaning in _AT_OTHERS else exclude, prefer, turned
                )
                if among and not things:
                    things = self.mentions.resolve(mention, exclude, prefer, turned)
                if not things and not (mention.pronoun == "it" and self._place_before):
                    self._not_understood(" ".join(self.words[mention.start : mention.end]))
                found += things
                clause.named_at = mention.end
        if not found and any(slot in slots for slot in ("A", "B", "REF")):
            return None
        return found

    def _from_viewpoint(self, kind: str, references: list[Thing]) -> tuple[str, list[Thing]]:
        owner = self._clause.viewpoint[0]
        if references and owner not in references:
            self.draft.warn(
                f'"from the point of view of {owner.label}" cannot be said of {references[0].label}: it is read from '
                "the camera."
            )
            return kind, references
        return ({"behind": "own_back"}.get(kind, f"own_{kind}"), [owner]) if kind != "middle" else (kind, references)

    def _camera(self, kind: str, subjects: list[Thing], slots: dict[str, Any]) -> None:
        things = list(subjects)
        for slot in ("A", "REF"):
            for mention in slots.get(slot, ()):
                if not mention.place:
                    things = self.mentions.resolve(mention)
        self.draft.camera.append((kind, things[0] if things else None, slots.get("LENGTH")))

    def _things(self, mentions: Sequence[Mention]) -> list[Thing]:
        found: list[Thing] = []
        for mention in mentions:
            if mention.place:
                self._place(mention)
            else:
                prefer = self._clause.subjects or self.topic
                found += self.mentions.resolve(mention, exclude=[] if mention.pronoun else found, prefer=prefer)
        return found


def _hangs(thing: Thing) -> bool:
    return thing.noun is not None and thing.noun.place == "wall"


def _carries(things: Sequence[Thing]) -> bool:
    return all(thing.noun is not None and (thing.noun.plan in TABLES or thing.kind in _FLAT) for thing in things)


def someone(thing: Thing) -> bool:
    return thing.is_person or (thing.noun is not None and thing.noun.plan in PLANS["person"] | PLANS["animal"])


def _stands(thing: Thing) -> bool:
    return thing.noun is not None and thing.noun.place == "floor"


def _is_animal(things: Sequence[Thing]) -> bool:
    return any(thing.noun is not None and thing.noun.plan in PLANS["animal"] for thing in things)
