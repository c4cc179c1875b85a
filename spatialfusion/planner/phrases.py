"""Noun phrases of which something will be said, alone or in lists."""

from __future__ import annotations

from collections.abc import Sequence

from . import numbers, verbs, vocabulary
from .agreement import is_third_person
from .draft import Thing
from .hypernyms import general
from .mentions import fits
from .nouns import Mention
from .patterns import Match
from .relating import Relating
from .wordings import CLASSES
from .words import PARTICIPLES

_OF_CAMERA = ("sees_", "view_", "pose_", "profile", "camera_")
_OPPOSITES = {"left": "right", "right": "left", "front": "behind", "behind": "front"}


class Phrases(Relating):
    """Noun phrases of which something will be said, alone or in lists."""

    def _subject(self, position: int) -> int:
        """A noun phrase, or a list of them, of which something will be said."""
        clause = self._clause
        listed, joined, end = self._list(position)
        if not listed:
            return position
        apart = len(listed) > 1 and self.words[listed[-1].start - 2] == ","  # ", and a cat lies"
        if clause.pending and len(listed) > 1 and self._is_finite(end) and (apart or self._is_finite(position - 1)):
            # "Above the fireplace hangs a mirror, and a cat lies on the rug": the cat has a clause of its own.
            listed, joined, end = listed[:-1], joined and len(listed) > 2, listed[-2].end
        if all(mention.place for mention in listed):
            for mention in listed:
                self._place(mention)
                if mention.said in ("background", "foreground") and not mention.words:
                    self._not_understood(mention.said)
            before, clause.boundary = clause.boundary, ""
            nothing = all(mention.place == "none" for mention in listed) and self._says_on(end)
            placed = clause.pending and not any(m.meaning.startswith(_OF_CAMERA) for m in clause.pending)
            behind = self._match(vocabulary.predicates, end) if clause.subjects and before else None
            of_it = behind is not None and any(mention.pronoun for mention in behind.slots.get("REF", ()))
            if nothing or placed or of_it or numbers.at(self.words, end) in CLASSES["be"]:
                self._of_nothing(listed[-1])
            return end
        listed = [mention for mention in listed if not mention.place]
        if any(mention.pronoun == "one" for mention in listed):
            # "next to a red car is a blue one"
            for match in clause.pending:
                for one in match.slots.get("REF", ()):
                    if not one.place and not one.pronoun and one.start not in self._said:
                        self._said[one.start] = self.mentions.resolve(one)
        prefer = clause.viewpoint or (self.topic if not clause.subjects else clause.subjects)
        subjects: list[Thing] = []
        for mention in listed:
            # "two dogs, one red and one blue" speaks on of the same; other pronouns mean what the sentence is about.
            found = self.mentions.resolve(mention, exclude=[t for t in subjects if not mention.pronoun], prefer=prefer)
            if len(found) == 1 and self._is_another(found[0], mention):
                found = [self.mentions.introduce(mention)]
            subjects += [thing for thing in found if thing not in subjects]
        if not subjects:
            return end if listed[0].pronoun else position
        subjects = self._each_of_subject(listed, subjects)
        clause.before = clause.subjects = self.draft.expand(clause.subjects)
        clause.subjects = subjects if joined else subjects[-1:] if len(listed) > 1 else subjects
        clause.local, clause.relative, clause.owner = [], False, clause.owner
        clause.nearest = list(clause.subjects)
        clause.boundary, clause.finite = "", False
        each = all(mention.pronoun == "one" and mention.color for mention in listed)
        clause.listed = [*clause.listed, *subjects] if each else []
        if clause.subjects and any(mention.article == "" and mention.pronoun for mention in listed) is False:
            self.topic = list(clause.subjects)
        pending, clause.pending = clause.pending, []
        for match in pending:
            self._inverted = clause.inverted = True
            self._apply(match, clause.subjects)
            self._inverted = False
        clause.nearest = list(self.draft.expand(clause.subjects))
        # "On the table is a mug, and beside it a bottle": "it" is what was named last, the mug.
        self.mentions.touch(clause.subjects)
        return end

    def _each_of_subject(self, listed: list[Mention], subjects: list[Thing]) -> list[Thing]:
        """The subjects; single things where the clause is about each of them, which is remembered."""
        first = listed[0]
        if len(listed) == 1 and (first.each or first.pronoun == "each"):
            subjects = [single for thing in subjects for single in self.draft.split(thing)]
            self.mentions.recent = self.draft.expand(self.mentions.recent)
            self.mentions.each = self.mentions.last_each = subjects
            self._each_from = first.end
        elif numbers.at(self.words, first.start - 1) != "and" or numbers.at(self.words, first.start - 2) == ",":
            self.mentions.each = []  # but "each with a bench in front of it and a lamp behind it"
        return subjects

    def _is_finite(self, position: int) -> bool:
        """Whether a verb in its finite form stands here: "is", "hangs", "sleeps", but not "hanging" or "parked"."""
        word = numbers.at(self.words, position)
        known = word in CLASSES["be"] or word in CLASSES["stand"] or word in verbs.ALONE or is_third_person(word)
        return known and not word.endswith("ing") and word not in PARTICIPLES and not word.endswith("ed")

    def _says_on(self, end: int) -> bool:
        """Whether something is said of what ends here: a verb or a place follows."""
        word = numbers.at(self.words, end)
        verb = word in CLASSES["be"] or word in CLASSES["stand"] or word in verbs.ALONE or word in CLASSES["have"]
        return verb or not self._clause.subjects or self._match(vocabulary.predicates, end) is not None

    def _of_nothing(self, mention: Mention) -> None:
        """The sun, a mood: what is said of it is no part of the scene."""
        clause = self._clause
        clause.subjects = clause.nearest = [Thing(None, mention.said, ghost=True)]
        clause.local, clause.relative, clause.finite, clause.listed = [], False, False, []
        pending, clause.pending = clause.pending, []
        for match in pending:
            self._apply(match, clause.subjects)

    def _is_another(self, thing: Thing, mention: Mention) -> bool:
        """Whether a bare noun is one more: "lamp left of bed, lamp right of bed"."""
        if mention.count or mention.plural or mention.noun is None or mention.pronoun or self.mentions.known:
            return False
        match = self._match(vocabulary.predicates, mention.end)
        if mention.article == "the":
            return match is not None and self._elsewhere(thing, match)
        if mention.article:
            return False
        other = _OPPOSITES.get(match.meaning.removeprefix("bare_")) if match is not None else None
        kinds = {relation.kind.removeprefix("bare_") for relation in self.draft.relations if relation.subject is thing}
        return other is not None and other in kinds

    def _elsewhere(self, thing: Thing, match: Match) -> bool:
        """Whether a place that tells a thing from others is not its own: "the box under the table", of one on it."""
        mentions = match.slots.get("REF", ())
        if len(mentions) != 1 or mentions[0].pronoun or mentions[0].place or mentions[0].article != "the":
            return False
        for relation in self.draft.relations:
            if relation.subject is thing and len(relation.references) == 1:
                same = fits(relation.references[0], mentions[0])
                kinds = {relation.kind, match.meaning}
                if same and (kinds == {"on", "under"} or _OPPOSITES.get(relation.kind) == match.meaning):
                    return True
        return False

    def _list(self, position: int) -> tuple[list[Mention], bool, int]:
        """The noun phrases joined by commas and "and" from here on; whether they share what follows; the end."""
        strange = self._clause.boundary == "start" and numbers.at(self.words, position + 1) in (
            CLASSES["be"] | CLASSES["stand"]
        )
        first = self.mention(position, bare_unknown=strange)
        if first is None:
            return [], False, position
        listed, end, joined = [first], first.end, False
        while True:
            after, joint = self._joint(end)
            if after is None:
                break
            following = self.mention(after)
            if following is None or following.end <= after or (following.pronoun == "it"):
                break
            if joint == "," and not (following.article or following.count or following.noun):
                break
            if following.article == "the" and following.unknown and general(following.said):
                break  # "a lion, and the animal looks away"
            if following.pronoun == "one" and first.pronoun != "one":
                break
            if first.pronoun == "one" and self.predicate_after(first.end):
                break
            listed.append(following)
            end = following.end
            joined = joint == "and"
            if joint == "and":
                break
        if joined and len(listed) == 2 and self._placed_by_first(listed):
            # "a cow and a horse to the right of it"
            return listed[:1], True, listed[0].end
        if joined:
            return listed, True, end
        # Only commas between: each is a thing of its own, and what follows is about the last.
        return listed[:1], len(listed) == 1, listed[0].end

    def _placed_by_first(self, listed: Sequence[Mention]) -> bool:
        """Whether what follows two things says where the second is to the first, called "it"."""
        match = self._match(vocabulary.predicates, listed[1].end)
        if match is not None and match.meaning.startswith("bare_") and self._clause.pending:
            return True  # "on the right a plant, and a sofa in between"
        if match is not None and match.meaning.startswith("bare_"):
            match = self._match(vocabulary.predicates, match.end) or match  # "and a dog far off on its right"
        one = not listed[0].plural and _single(listed[0]) and all(m.noun or m.article for m in listed)
        if match is None or not one or match.meaning.startswith(("pose_", "sees_")):
            return False
        return any(mention.pronoun in ("it", "him", "her") for mention in match.slots.get("REF", ()))

    def _joint(self, position: int) -> tuple[int | None, str]:
        word, after = numbers.at(self.words, position), numbers.at(self.words, position + 1)
        if word == "and":
            return position + 1, "and"
        if word == "," and after == "and":
            return position + 2, "and"
        if word == "," and self._list_goes_on(position + 1):
            return position + 1, ","
        return None, ""

    def _list_goes_on(self, position: int) -> bool:
        """Whether an "and" comes before anything but noun phrases and commas: "a car, a dog and a tree"."""
        while True:
            mention = self.mention(position)
            if mention is None or mention.pronoun:
                return False
            word, after = numbers.at(self.words, mention.end), numbers.at(self.words, mention.end + 1)
            if word == "and" or (word == "," and after == "and"):
                return True
            if word != ",":
                return False
            position = mention.end + 1


def _single(mention: Mention) -> bool:
    return mention.count is None or mention.count.number == 1
