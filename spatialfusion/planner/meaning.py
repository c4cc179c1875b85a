"""What a wording that was found says: relations, sizes and wishes of the camera, put into the draft."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from .draft import Draft, Relation, Thing
from .mentions import Mentions, fits
from .nouns import Mention
from .patterns import Match
from .words import INSIDES, ROOMS

# Said of several things without another, these are between them.
_OPPOSITE = {"left": "right", "right": "left", "front": "behind", "behind": "front", "back": "front"}
_MUTUAL = ("next", "face_to_face", "back_to_back", "same_way", "opposite_way", "apart")


@dataclass
class Clause:
    """What the reader remembers within one sentence."""

    subjects: list[Thing] = field(default_factory=list)  # of the main clause
    local: list[Thing] = field(default_factory=list)  # of a relative clause or after "with"
    relative: bool = False
    owner: list[Thing] = field(default_factory=list)  # whom "it" means after "with"
    nearest: list[Thing] = field(default_factory=list)  # the last thing named
    pending: list[Match] = field(default_factory=list)  # places said before their subject
    viewpoint: list[Thing] = field(default_factory=list)
    listed: list[Thing] = field(default_factory=list)  # the single things of "one red, the other yellow"
    boundary: str = "start"  # the comma or joint just passed
    finite: bool = False  # a verb since the subject
    named_at: int = 0  # where the last reference ended
    verb_last: bool = False  # a verb since the last thing named
    shared: list[tuple[str, float | None]] = field(default_factory=list)  # sides whose reference comes with the next
    last: list[Relation] = field(default_factory=list)  # relations made last, for a point of view that follows


class Sayings:
    """Puts what is said of things into a draft.

    Args:
        draft: takes what is said.
        mentions: what things there are.
    """

    def __init__(self, draft: Draft, mentions: Mentions) -> None:
        self.draft, self.mentions = draft, mentions
        self.words: list[str] = []
        self.topic: list[Thing] = []  # what the text is about
        self._place_before = False  # a room or street was named, which "it" may mean
        self._clause = Clause()

    def _keep(self, words: str, quiet: bool = False) -> None:
        if not quiet and words not in self.draft.words:
            self.draft.words.append(words)

    def _not_understood(self, word: str) -> None:
        if word not in self.draft.not_understood:
            self.draft.not_understood.append(word)

    def _place(self, mention: Mention) -> None:
        """A room or a place outdoors: the setting, and words of the picture."""
        self._place_before = True
        if mention.place != "surface":
            self.draft.setting = self.draft.setting or mention.place
        if mention.said not in ("room", "scene", "picture", "image", "frame", "background", "foreground", "air"):
            self._keep(" ".join((*mention.words, mention.said)))

    def _apply(self, match: Match, subjects: list[Thing]) -> None:
        """Put a predicate, said of some things, into the draft."""
        meaning, clause = match.meaning, self._clause
        subjects = self.draft.expand(subjects)
        if meaning in ("outdoor", "room"):
            self.draft.setting = self.draft.setting or meaning
        elif meaning.startswith("view_"):
            self._camera(meaning, subjects, match.slots)
        elif not self._inside(match) and not self._on_wall(match, subjects) and not self._faces_camera(match, subjects):
            references = self._references_of(match, subjects)
            if references is not None:
                before = len(self.draft.relations)
                self._say(match, subjects, references)
                clause.last = self.draft.relations[before:]
                if references:
                    clause.nearest, clause.verb_last = list(references), False
        clause.nearest = self.draft.expand(clause.nearest)
        clause.subjects = self.draft.expand(clause.subjects)

    def _references_of(self, match: Match, subjects: list[Thing]) -> list[Thing] | None:
        """The things to which a predicate relates its subjects; None where it can be said of nothing."""
        meaning = match.meaning
        # "seen from its left" is about the subject itself.
        exclude = [] if meaning.startswith("sees_") else subjects
        references = self._references(match.slots, exclude, meaning.startswith(("sees_", "own_")))
        if references is None and any(mention.place for mention in match.slots.get("REF", ())):
            if meaning not in ("on", "in", "next") and not meaning.startswith("bare_"):
                said = " ".join(self.words[match.start : match.end])
                self.draft.warn(f'"{said}" is left out: it is a place, no thing of the scene.')
        return references

    def _say(self, match: Match, subjects: list[Thing], references: list[Thing]) -> None:
        """The relations and sizes that a predicate means."""
        clause, slots = self._clause, match.slots
        value = slots.get("LENGTH", slots.get("RATIO"))
        kind = match.meaning.lstrip("<")
        if kind.startswith("sees_") and references:
            subjects, references = references, []
        if clause.viewpoint:
            kind, references = self._from_viewpoint(kind, references)
        if references:
            for shared, metres in clause.shared:
                for subject in subjects:
                    self.draft.relate(shared, subject, references, metres)
            clause.shared = []
        if match.meaning.startswith("<") and references:
            for reference in references:
                self.draft.relate(kind, reference, subjects, value)
        elif kind in ("height", "width", "length", "footprint", "wears"):
            self._describe_by(kind, match, subjects)
        elif kind in ("row", "circle"):
            self._arrange(kind, subjects)
        elif kind.startswith("order_"):
            self._in_order(kind, subjects)
        elif kind == "other_side":
            self._on_other_side(subjects, references or self._partners(subjects))
        elif kind == "each_side":
            self._on_each_side(subjects, references or clause.owner or self._partners(subjects))
        elif kind == "across" and references:
            self._across(subjects, references)
        elif kind.startswith("open_"):
            self._relate(kind.removeprefix("open_"), subjects, self._partners(subjects), value)
        else:
            self._relate(kind, subjects, references, value)

    def _describe_by(self, kind: str, match: Match, subjects: list[Thing]) -> None:
        """Sizes and colours, which are of the things themselves."""
        slots = match.slots
        for thing in subjects:
            if kind == "footprint":
                thing.sizes |= {"width": slots.get("LENGTH", slots.get("FACTOR")), "length": slots["ACROSS"]}
            elif kind != "wears":
                thing.sizes[kind] = slots["LENGTH"]
            else:
                thing.color = thing.color or slots["COLOR"]
                if thing.index is None:
                    thing.words += [word for word in self.words[match.start : match.end] if word not in ("a", "an")]

    def _across(self, subjects: list[Thing], references: list[Thing]) -> None:
        """ "two chairs face each other across a table": the table is between them."""
        ends = list(subjects)
        if len(ends) == 1 and ends[0].count == 1:
            ends += [thing for thing in reversed(self.mentions.recent) if thing not in (*ends, *references)][:1]
        if len(ends) > 1 or ends[0].count > 1:
            for reference in references:
                self.draft.relate("between", reference, ends)
        else:
            self._relate("next", subjects, references, None)

    def _inside(self, match: Match) -> bool:
        """Whether "in a museum" makes a room, where the building is none of the things; then it is one."""
        if match.meaning != "in":
            return False
        (mention, *_) = match.slots["REF"]
        if mention.said not in ROOMS | INSIDES or any(fits(thing, mention) for thing in self.draft.things):
            return False
        self.draft.setting = self.draft.setting or "room"
        self._place_before = True
        self._keep(" ".join((*mention.words, mention.said)))
        return True

    def _on_wall(self, match: Match, subjects: list[Thing]) -> bool:
        """Whether it is the wall of a room, which is no thing unless the text has made it one; then it is said."""
        if match.meaning not in ("on", "against", "in"):
            return False
        (mention, *_) = match.slots["REF"]
        walls = any(thing.kind == "wall" for thing in self.draft.things)
        if mention.said not in ("wall", "back wall") or walls or mention.color or self.draft.setting == "outdoor":
            return False
        self.draft.setting = "room"
        for thing in subjects:
            self.draft.relate("against_wall" if match.meaning == "against" else "on_wall", thing)
        return True

    def _faces_camera(self, match: Match, subjects: list[Thing]) -> bool:
        """Whether "it" is the camera: "one faces the camera, the other faces away from it"; then it is said."""
        pose = {"<own_back": "pose_back", "facing": "pose_front"}.get(match.meaning)
        mentions = match.slots.get("REF", ())
        before = self.words[: match.start]
        if pose is None or not mentions or mentions[0].pronoun != "it" or "camera" not in before:
            return False
        if len(before) - 1 - before[::-1].index("camera") < self._clause.named_at:
            return False
        for thing in subjects:
            self.draft.relate(pose, thing)
        return True

    def _relate(self, kind: str, subjects: list[Thing], references: list[Thing], value: float | None) -> None:
        if not references and (kind in _MUTUAL or kind.startswith("same_")):
            self._among(kind, subjects, value)
            return
        for subject in subjects:
            others = [thing for thing in references if thing is not subject]
            # "a table and a lamp on the table": not said of the table itself.
            if others or not references or kind == "between":
                self.draft.relate(kind, subject, others, value)

    def _among(self, kind: str, subjects: list[Thing], value: float | None) -> None:
        """What several things are to each other, or one to the thing that it was said to be next to."""
        if len(subjects) == 1 and subjects[0].count > 1:
            group = subjects[0]
            subjects = self.draft.split(group)
            self.mentions.recent = self.draft.expand(self.mentions.recent)
        if len(subjects) == 1:
            partners = self._partners(subjects)
            if kind == "apart" and not partners:
                self.draft.relate("camera_distance", subjects[0], [], value)
            elif partners:
                self.draft.relate(kind, subjects[0], partners[:1], value)
            else:
                self._not_understood(kind.replace("_", " "))
            return
        for first, second in pairwise(subjects):
            self.draft.relate(kind, first, [second], value)

    def _partners(self, subjects: Sequence[Thing]) -> list[Thing]:
        """The other thing of the relation just said of the subject, or the other thing of the sentence."""
        for relation in reversed(self.draft.relations):
            if relation.subject in subjects and relation.references:
                return relation.references
            if any(thing in relation.references for thing in subjects):
                return [relation.subject]
        return [thing for thing in reversed(self.mentions.recent) if thing not in subjects][:1]

    def _on_each_side(self, subjects: list[Thing], references: list[Thing]) -> None:
        """One to the left and one to the right of something; a single thing on each side is two."""
        if len(subjects) == 1:
            subjects[0].count = max(subjects[0].count, 2)
            subjects = self.draft.split(subjects[0])
            self.mentions.recent = self.draft.expand(self.mentions.recent)
        for place, subject in enumerate(subjects):
            self.draft.relate("right" if 2 * place >= len(subjects) else "left", subject, list(references))

    def _on_other_side(self, subjects: list[Thing], references: list[Thing]) -> None:
        """Where the last thing that was said to be on a side of this is not."""
        for relation in reversed(self.draft.relations):
            side = relation.kind.removeprefix("own_")
            if side in _OPPOSITE and any(thing in references for thing in relation.references):
                for subject in subjects:
                    other = relation.kind.replace(side, _OPPOSITE[side]).replace("own_behind", "own_back")
                    self.draft.relate(other, subject, relation.references)
                return
        self._not_understood("other side")

    def _arrange(self, kind: str, subjects: list[Thing]) -> None:
        if len(subjects) == 1:
            subjects[0].arrangement = kind
        else:
            for first, second in pairwise(subjects):
                self.draft.relate("next", first, [second])

    def _in_order(self, kind: str, things: list[Thing]) -> None:
        """Each is on one side of the next: "from left to right"."""
        side = {"right": "left", "left": "right", "back": "nearer", "front": "farther"}[kind.removeprefix("order_")]
        singles = [single for thing in things for single in self.draft.split(thing)]
        self.mentions.recent = self.draft.expand(self.mentions.recent)
        for one, other in pairwise(singles):
            self.draft.relate(side, one, [other])

    def _references(self, slots: dict[str, Any], subjects: list[Thing], turned: bool) -> list[Thing] | None:
        """The things in a wording's slots; None where they are a place, which is the setting."""
        clause = self._clause
        found: list[Thing] = []
        for slot in ("A", "B", "REF"):
            for mention in slots.get(slot, ()):
                if mention.place:
                    self._place(mention)
                    continue
                prefer = clause.owner or clause.viewpoint
                if turned and not prefer and clause.last:
                    # "a bush at the front of the house, at its back a tree": its is the house's.
                    prefer = clause.last[-1].references
                things = self.mentions.resolve(mention, [*subjects, *found], prefer, turned)
                if not things and mention.pronoun in ("them", "they", "both"):
                    things = self.mentions.resolve(mention, [], prefer, turned)
                if not things and not (mention.pronoun == "it" and self._place_before):
                    self._not_understood(" ".join(self.words[mention.start : mention.end]))
                found += things
                clause.named_at = mention.end
        if not found and any(slot in slots for slot in ("A", "B", "REF")):
            return None
        return found

    def _things(self, mentions: Sequence[Mention]) -> list[Thing]:
        found: list[Thing] = []
        for mention in mentions:
            if mention.place:
                self._place(mention)
            else:
                prefer = self._clause.subjects or self.topic
                found += self.mentions.resolve(mention, exclude=[] if mention.pronoun else found, prefer=prefer)
        return found

    def _view_from(self, match: Match, position: int) -> int:
        """From whose point of view the relations of this clause are."""
        clause = self._clause
        if match.meaning == "camera":
            return match.end
        mentions = [mention for mention in match.slots["REF"] if not mention.place]
        relations = clause.last
        owners: list[Thing] = []
        for mention in mentions:
            prefer = [thing for relation in relations for thing in relation.references]
            owners += self.mentions.resolve(mention, prefer=prefer)
        if not owners:
            return match.end
        following = relations and not clause.pending
        if not following:
            # Of what comes.
            clause.viewpoint = owners
            for pending in clause.pending:
                pending.slots.setdefault("REF", ())
            clause.boundary = clause.boundary or ","
            return match.end
        for relation in relations:
            kind = relation.kind.removeprefix("bare_")
            if kind not in ("left", "right", "front", "behind"):
                continue
            if relation.references and owners[0] not in relation.references:
                self.draft.warn(
                    f'"from the point of view of {owners[0].label}" cannot be said of {relation.subject.label} and '
                    f"{relation.references[0].label}: it is read from the camera."
                )
                continue
            relation.kind = {"behind": "own_back"}.get(kind, f"own_{kind}")
            relation.references = [owners[0]]
        return match.end

    def _from_viewpoint(self, kind: str, references: list[Thing]) -> tuple[str, list[Thing]]:
        """A side in the frame of the thing from whose point of view the clause is."""
        owner = self._clause.viewpoint[0]
        side = kind.removeprefix("bare_")
        if side not in ("left", "right", "front", "behind"):
            return kind, references
        if references and owner not in references:
            self.draft.warn(
                f'"from the point of view of {owner.label}" cannot be said of {references[0].label}: it is read from '
                "the camera."
            )
            return kind, references
        return {"behind": "own_back"}.get(side, f"own_{side}"), [owner]

    def _camera(self, kind: str, subjects: list[Thing], slots: dict[str, Any]) -> None:
        things = list(subjects)
        for slot in ("A", "REF"):
            for mention in slots.get(slot, ()):
                if not mention.place:
                    things = self.mentions.resolve(mention)
        self.draft.camera.append((kind, things[0] if things else None, slots.get("LENGTH")))

    def _whole(self, match: Match) -> int:
        """A wording that names its own subjects."""
        clause = self._clause
        meaning, slots = match.meaning, match.slots
        listed = slots.get("LIST", ())
        first = self._things(slots.get("A", ()) or listed)
        second = [thing for thing in self._things(slots.get("B", ())) if thing not in first]
        value = slots.get("LENGTH")
        before = len(self.draft.relations)
        if meaning.startswith("order_"):
            self._in_order(meaning, first)
            first = self.draft.expand(first)
        elif meaning.startswith("view_"):
            self.draft.camera.append((meaning, first[0] if first else None, None))
        elif meaning in ("height", "width", "length"):
            for thing in first:
                thing.sizes[meaning] = value
        elif meaning in ("camera_front_distance", "camera_behind_distance"):
            for thing in first:
                self.draft.relate("camera_distance", thing, [], value)
                self.draft.relate("sees_front" if "front" in meaning else "sees_back", thing)
        elif meaning == "apart" and not second:
            self._among("apart", first, value)
        elif meaning == "apart" and len(first) == 1 and second:
            self.draft.relate("apart", first[0], second[:1], value)
        else:
            for thing in first:
                self.draft.relate(meaning, thing, second, value)
        clause.last = self.draft.relations[before:]
        if first:
            clause.subjects = self.topic = first
            clause.nearest = second or first
            clause.boundary, clause.local, clause.finite = "", [], False
        pending, clause.pending = clause.pending, []
        for waiting in pending:
            self._apply(waiting, clause.subjects)
        return match.end
