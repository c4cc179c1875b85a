"""Of whom a wording is said: subjects before and after it, clauses of its own, points of view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..needed import needed
from . import numbers, vocabulary
from .companions import Companions
from .draft import COMPARED, Thing
from .hypernyms import PLANS
from .mentions import fits
from .nouns import Mention
from .patterns import Match
from .wordings import CLASSES
from .words import (
    BUILDINGS,
    DRIVERS,
    INVERTED,
)

_DRIVEN = PLANS["vehicle"] | PLANS["boat"] | PLANS["aircraft"]
_STEERED = _DRIVEN | PLANS["animal"]
_MOVES = frozenset(
    "push pushes pushing pull pulls pulling lead leads leading walks walking drives driving ride rides riding carries "
    "carrying tows towing drags dragging chases chasing follows following".split()
)
_TURNED = (
    "pose_",
    "sees_",
    "facing",
    "same_way",
    "opposite_way",
    "face_to_face",
    "back_to_back",
    "<own_back",
    "profile",
)
_PLACED = ("on", "in", "under", "above", "next", "front", "behind", "left", "right", "between")
_OF_SUBJECT = (*_TURNED, "order_", "camera_distance", "apart", "bare_", "taller", "wider", "longer")


class Predicates(Companions):
    """Of whom a wording is said: subjects before and after it, clauses of its own, points of view."""

    def _predicate(self, match: Match, position: int) -> int:
        clause = self._clause
        match = self._moved(_one_support(match), position)
        if clause.relative and clause.relative_finite and self._finite(match):
            clause.local, clause.relative = [], False
        subjects = self._subjects_of(match)
        if any(mention.pronoun == "which" for mention in match.slots.get("REF", ())) and self._clause.nearest:
            # "a desk on which stand a lamp and a globe"
            for mention in match.slots["REF"]:
                self._said[mention.start] = list(self._clause.nearest)
            self._clause.pending.append(match)
            self._clause.local, self._clause.relative, self._clause.boundary = [], False, "which"
            return match.end
        if self._is_agent(match, position) and subjects:
            # "overshadowed by a tower standing behind it": what follows is about the tower.
            things = self._things(match.slots["REF"])
            clause.owner, clause.local, clause.nearest = list(subjects), things, things
            return match.end
        if len(clause.listed) == 1:
            clause.listed = []
        if self._is_inverted(match, bool(subjects)):
            clause.pending.append(match)
            return match.end
        if not subjects:
            if match.meaning in ("outdoor", "room") or match.meaning.startswith("view_"):
                self._apply(match, [])
            else:
                clause.pending.append(match)
            return match.end
        if self._shares_reference(match):
            kind = match.meaning.removeprefix("bare_").removeprefix("open_")
            clause.shared.append((kind, match.slots.get("LENGTH")))
            return match.end
        self._apply(match, subjects)
        if match.meaning not in ("outdoor", "room"):
            clause.boundary = "," if numbers.at(self.words, match.end - 1) == "," else ""
        return match.end

    def _moved(self, match: Match, position: int) -> Match:
        """ "pushes a pram to the left": that is where it goes, and not where it is."""
        side = match.meaning.removeprefix("bare_")
        if side not in ("left", "right") or side == match.meaning or self.words[position] != "to":
            return match
        before = self.words[max(0, position - 6) : position]
        return replace(match, meaning=f"pose_{side}") if _MOVES & {*before} and "," not in before else match

    def _is_agent(self, match: Match, position: int) -> bool:
        """Whether "by" after a participle that no wording has names who did it."""
        before = numbers.at(self.words, position - 1)
        return match.meaning == "next" and self.words[position] == "by" and before in self.draft.not_understood

    def _shares_reference(self, match: Match) -> bool:
        """ "in front of and to the left of a car", "3 m behind and 2 m to the right of a car"."""
        if not match.meaning.startswith(("bare_", "open_")) or match.meaning in ("bare_middle", "bare_ahead"):
            return False
        position = match.end
        position += numbers.at(self.words, position) == "of"
        if numbers.at(self.words, position) != "and":
            return False
        following = self._match(vocabulary.predicates, position + 1)
        return following is not None and "REF" in following.slots

    def _subjects_of(self, match: Match) -> list[Thing]:
        """Of whom a predicate is said."""
        clause = self._clause
        if clause.local and clause.owner and not clause.relative and match.meaning.startswith(_TURNED):
            # "a dog with a ball facing left"
            if not any(thing.has_front for thing in clause.local):
                return clause.subjects or clause.owner
        if self._of_what_is_faced(match) or self._of_support(match):
            return clause.nearest
        someone = clause.subjects and any(thing.is_person for thing in clause.subjects)
        if someone and {"his", "her", "him"} & {*self.words[match.start : match.end]}:
            if match.meaning.startswith(_TURNED) and not any(thing.is_person for thing in clause.nearest):
                return clause.subjects  # "a painter in front of an easel with her back to us"
        if clause.local and self._of_reference(match, clause.local):
            return clause.nearest
        if clause.local:
            return clause.local
        if clause.boundary == "," and clause.listed and all(thing.color for thing in clause.listed):
            # "two mugs, one red, the other yellow, in front of a bottle"
            return clause.listed
        if match.meaning == "largest":
            return clause.nearest if not clause.boundary else clause.subjects
        if match.meaning in ("height", "width", "length", "footprint"):
            # "next to a woman 1.65 m tall"
            told = clause.nearest != clause.subjects and all(match.meaning in t.sizes for t in clause.subjects)
            if told and all(match.meaning not in thing.sizes for thing in clause.nearest):
                return clause.nearest  # "a vase, 30 cm tall, on a table, 75 cm tall"
            return clause.subjects if clause.boundary or clause.verb_last else clause.nearest
        if match.meaning.startswith("bare_") and not clause.boundary and self._has_side(clause.subjects):
            # "the penguin on the left is bigger than the one on the right"
            return clause.nearest
        if self._of_reference(match, clause.subjects):
            return clause.nearest
        if clause.boundary or clause.finite or match.meaning.startswith(_OF_SUBJECT):
            if clause.boundary != "start":
                near = clause.nearest
                head_turns = any(thing.has_front for thing in clause.subjects)
                if match.meaning.startswith(_TURNED) and any(t.has_front for t in near) and not self._finite(match):
                    if not head_turns or self._turns_nearest(match, near):
                        return near
            return clause.subjects
        # "a ball on a table in front of a sofa": it is the table that is in front of the sofa.
        if clause.nearest and clause.nearest != clause.subjects and not clause.finite:
            return clause.nearest
        return clause.subjects

    def _of_what_is_faced(self, match: Match) -> bool:
        """Whether a place is that of what is looked at: "a cat stares at a goldfish in a bowl"."""
        clause = self._clause
        placed = match.meaning in ("on", "in", "under", "above", "next", "front", "behind", "left", "right", "between")
        faced = any(relation.kind == "facing" and relation.references == clause.nearest for relation in clause.last)
        return placed and faced and not clause.boundary and match.start == clause.named_at

    def _of_support(self, match: Match) -> bool:
        """Whether a second support is that of the first: "an apple in a bowl on a table"."""
        clause = self._clause
        if clause.boundary or match.meaning not in ("on", "in") or match.start != clause.named_at:
            return False
        last = clause.last[-1:]
        near = bool(last) and last[0].kind in ("on", "in") and last[0].references == clause.nearest
        return near and not any(mention.place for mention in match.slots.get("REF", ()))

    def _of_reference(self, match: Match, subjects: Sequence[Thing]) -> bool:
        """Whether a place right behind a reference is that of the reference to the subject: "the tree is taller than
        the girl under it"."""
        clause = self._clause
        mentions = match.slots.get("REF", ())
        if clause.boundary or match.start != clause.named_at or len(mentions) != 1 or len(subjects) != 1:
            return False
        if match.meaning.startswith("times_") and mentions[0].pronoun in ("it", "him", "her"):
            return clause.nearest != list(subjects)  # "a flagpole beside a hut a third of its height"
        compared = bool(clause.last) and clause.last[-1].kind in COMPARED and clause.last[-1].subject in subjects
        placed = match.meaning in _PLACED or mentions[0].pronoun in ("it", "him", "her")
        return compared and placed and clause.nearest != list(subjects)

    def _about_subject(self, match: Match) -> bool:
        """Whether a predicate's reference is the subject itself, of which it then is not said."""
        subjects = self._clause.subjects
        for mention in match.slots.get("REF", ()):
            if mention.pronoun in ("it", "him", "her") and not any(t not in subjects for t in self.mentions.recent):
                return True
            if mention.article == "the" and any(fits(thing, mention) for thing in subjects):
                return True
        return False

    def _has_side(self, things: Sequence[Thing]) -> bool:
        return any(
            (r.kind.startswith("bare_") or r.kind in ("left", "right")) and r.subject in things
            for r in self.draft.relations
        )

    def _finite(self, match: Match) -> bool:
        """Whether it begins with a verb that a subject has: "looks", but not "looking"."""
        verbs = CLASSES["look"] | CLASSES["face"] | CLASSES["turn"] | CLASSES["go"] | CLASSES["have"]
        word = self.words[match.start]
        return word in verbs and word != "with" and not word.endswith(("ing", "ed"))

    def _turns_nearest(self, match: Match, near: list[Thing]) -> bool:
        """Whether "facing left" right behind a noun is said of it: "a man left of a woman facing left"."""
        clause = self._clause
        turns = match.meaning.startswith(("pose_", "facing")) and not self._finite(match)
        if clause.boundary or near == clause.subjects or not turns:
            return False
        posed = any(
            relation.subject in clause.subjects and relation.kind.startswith(("pose_", "facing"))
            for relation in self.draft.relations
        )
        return posed or not (clause.finite or any(thing.kind in BUILDINGS for thing in near))

    def _is_inverted(self, match: Match, has_subject: bool) -> bool:
        """Whether the subject comes after: "behind the house there is a car", "on the left a tree"."""
        clause = self._clause
        if not clause.boundary or match.meaning in ("outdoor", "room") or match.meaning.startswith("view_"):
            return False
        position = match.end
        bare = match.meaning.startswith("bare_")
        comma = numbers.at(self.words, position) == ","
        if comma:
            if self._about_subject(match):
                # "a car and, behind the car, a house"
                return self.mention(position + 1) is not None
            if has_subject and not (bare and clause.boundary in ("and", "while", "but", "whereas", "start")):
                return False
            position += 1
        while numbers.at(self.words, position) in INVERTED:
            position += 1
        if numbers.at(self.words, position) == ",":
            position += 1
        mention = self.mention(position)
        if mention is None or (mention.place and (comma or mention.article != "a" or self._clause.pending)):
            return False
        return not (comma and has_subject and not bare)

    def _view_from(self, match: Match, position: int) -> int:
        """From whose point of view the relations of this clause are."""
        clause = self._clause
        if match.meaning == "camera":
            for relation in self.draft.relations[self._begun :]:
                side = relation.kind.removeprefix("own_")
                if side != relation.kind:
                    # "bicycle on its left as you look at it"
                    relation.kind = {"back": "behind"}.get(side, side)
            return match.end
        mentions = [mention for mention in match.slots["REF"] if not mention.place]
        relations = clause.last
        owners: list[Thing] = []
        for mention in mentions:
            prefer = [thing for relation in relations for thing in relation.references]
            steered = self._steered(mention, prefer)
            owners += steered or self.mentions.resolve(mention, prefer=prefer)
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

    def _steered(self, mention: Mention, references: Sequence[Thing]) -> list[Thing]:
        """The vehicle of "from the driver's point of view", if nobody has spoken of a driver."""
        if mention.said not in DRIVERS or mention.article == "a" or any(fits(t, mention) for t in self.draft.things):
            return []
        pending = [one for match in self._clause.pending for one in match.slots.get("REF", ()) if not one.place]
        for one in pending if not references else ():
            self._said[one.start] = self._said.get(one.start) or self.mentions.resolve(one)
            references = [*references, *self._said[one.start]]
        driven = PLANS["animal"] if mention.said == "rider" else _DRIVEN
        ahead = (self.mention(at) for at in range(mention.end, len(self.words) if not references else 0))
        steered = next((one for one in ahead if one and one.noun and one.noun.plan in driven), None)
        if steered is not None:
            # "From the driver's seat, a cyclist is left of the bus."
            references = self._said[steered.start] = self.mentions.resolve(steered)
        return [thing for thing in references if thing.noun is not None and thing.noun.plan in _STEERED][-1:]

    def _whole(self, match: Match) -> int:
        """A wording that names its own subjects."""
        clause = self._clause
        meaning, slots = match.meaning, match.slots
        listed = slots.get("LIST", ())
        first = self._things(slots.get("A", ()) or listed)
        second = [] if meaning.startswith("view_") else self._things(slots.get("B", ()))
        second = [thing for thing in second if thing not in first]
        value = slots.get("LENGTH")
        before = len(self.draft.relations)
        if meaning.startswith("order_"):
            self._in_order(meaning, first)
            first = self.draft.expand(first)
        elif meaning.startswith("view_"):
            self.draft.camera.append((meaning, first[0] if first else None, None))
        elif meaning in ("height", "width", "length"):
            self._measure(first, meaning, needed(value))
        elif meaning in ("camera_front_distance", "camera_behind_distance"):
            for thing in first:
                self.draft.relate("camera_distance", thing, [], value)
                self.draft.relate("sees_front" if "front" in meaning else "sees_back", thing)
        elif meaning == "apart" and not second:
            self._among("apart", first, value)
        elif meaning == "apart" and len(first) == 1 and second:
            self.draft.relate("apart", first[0], second[:1], value)
        elif meaning == "back_to":
            for thing in second:
                self.draft.relate("own_back", thing, first)
        elif meaning != "shown":
            for thing in first:
                self.draft.relate(meaning, thing, second, value)
        clause.last = self.draft.relations[before:]
        if first:
            both = meaning == "apart" and slots["A"] and slots["A"][0].start == match.start
            clause.subjects = self.topic = [*first, *second] if both else first
            clause.nearest = clause.subjects if both else second or first
            clause.measured = meaning if meaning in ("height", "width", "length", "camera_distance") else ""
            clause.boundary, clause.local, clause.finite = "", [], False
        pending, clause.pending = clause.pending, []
        for waiting in pending:
            self._apply(waiting, clause.subjects)
        return match.end

    def _unsaid(self, match: Match) -> None:
        inside: set[int] = set()
        for slot in ("A", "B", "REF"):
            self._things(match.slots.get(slot, ()))
            inside.update(at for mention in match.slots.get(slot, ()) for at in range(mention.start, mention.end))
        self._not_understood(" ".join(self.words[at] for at in range(match.start, match.end) if at not in inside))


def _one_support(match: Match) -> Match:
    """ "a lamp on a table and a wardrobe": nothing stands on two things, so the second is a thing beside."""
    listed = match.slots.get("REF", ())
    if match.meaning not in ("on", "under") or len(listed) < 2 or listed[1].article != "a":
        return match
    return replace(match, slots={**match.slots, "REF": listed[:1]}, end=listed[0].end)
