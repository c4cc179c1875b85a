"""Verbs, adjectives and measures: what a thing is like and what it does."""

from __future__ import annotations

from collections.abc import Sequence

from ..needed import needed
from ..scenes.lexicon import ATTRIBUTES
from . import numbers, vocabulary
from .draft import Thing
from .hypernyms import PLANS
from .nouns import Mention
from .predicates import Predicates
from .relating import someone
from .slots import is_body
from .spelling import is_known
from .wordings import CLASSES
from .words import (
    GARMENTS,
    GRAMMAR,
    KEPT_POSTURES,
    PARTICIPLES,
)


class Describing(Predicates):
    """Verbs, adjectives and measures: what a thing is like and what it does."""

    def _about_place(self, position: int) -> bool:
        """Whether "which" is about the reference of a place said before its subject: "beside the piano, which ..."."""
        clause = self._clause
        if not clause.pending or clause.subjects or position - clause.pending[-1].end > 1:
            return False
        mentions = [mention for mention in clause.pending[-1].slots.get("REF", ()) if not mention.place]
        if not mentions:
            return False
        for mention in mentions:
            if mention.start not in self._said:
                self._said[mention.start] = self.mentions.resolve(mention)
        clause.local = clause.nearest = list(self._said[mentions[-1].start])
        clause.relative, clause.boundary, clause.relative_finite = True, "", False
        return True

    def _holds(self, position: int) -> int:
        """ "a woman holding an umbrella", "a cat wearing a hat": words of the one who has it."""
        word = self.words[position]
        wears = word in ("wearing", "wears", "sporting")
        if not (self._current() and (wears or any(someone(thing) for thing in self._current()))):
            return position
        mention = self.mention(position + 1, bare_unknown=True)
        if mention is None or mention.pronoun or mention.place:
            return position
        colors = mention.color and self._match(vocabulary.predicates, position)
        if colors and colors.meaning == "wears":
            return position
        holders = self._current()
        if wears:
            return self._held(self._wear(position, mention))
        elif mention.noun is not None and self._held(mention.end) == mention.end and not _swung(word, mention):
            return self._hold(position, mention, holders)
        else:
            self._describe(holders, position, mention.end)
            self._stays_words(position, mention.end, holders[0].label)
        return self._held(mention.end)

    def _hold(self, position: int, mention: Mention, holders: Sequence[Thing]) -> int:
        """What someone holds is a thing beside them; scene text has no hands."""
        found = self.mentions.resolve(mention, exclude=holders)
        things = self._owned(found, holders)
        for at, thing in enumerate(things):
            whose = list(holders) if things == found else [holders[at % len(holders)]]
            self.draft.relate("next", thing, whose, assumed=True)
        self._clause.nearest = things
        said = " ".join(self.words[position : mention.end])
        self.draft.warn(f'"{said}" is read as next to {holders[0].label}: scene text has no hands.')
        return mention.end

    def _wear(self, position: int, mention: Mention) -> int:
        """What someone wears is words of them; nothing in the scene is it."""
        self._describe(self._current(), position, mention.end)
        self._not_understood(mention.said)
        also = (
            self.mention(mention.end + 1, bare_unknown=True) if numbers.at(self.words, mention.end) == "and" else None
        )
        if also is not None and also.said in GARMENTS:
            return self._wear(mention.end, also)  # "a suit and tie"
        return mention.end

    def _held(self, end: int) -> int:
        """Past "in his hand" behind what someone holds."""
        match = self._match(vocabulary.predicates, end)
        if match is not None and any(is_body(mention) for mention in match.slots.get("REF", ())):
            self._describe(self._current(), end, match.end)
            return match.end
        return end

    def _filled(self, position: int) -> int:
        """ "filled with flowers", "full of apples", "made of brick": what is in a thing is words of it."""
        mention = self.mention(position + 2, bare_unknown=True)
        if mention is None or mention.pronoun or mention.article == "the":
            return position
        if mention.place and mention.place != "none":
            return position
        things = self._clause.nearest if not (self._clause.boundary or self._clause.finite) else self._current()
        if things:
            material = self.words[position] == "made" and mention.end == position + 3
            self._describe(things, position + 2 * material, mention.end)
            if mention.noun is not None and self.words[position] not in ("made", "consisting", "composed"):
                self._stays_words(position, mention.end, things[0].label)
        else:
            self._keep(" ".join(self.words[position : mention.end]))
        return mention.end

    def _acts(self, position: int) -> int:
        """ "cutting a cake", "waters a plant": what is done to a thing is near who does it, whatever it is."""
        word = self.words[position]
        doers = self._current()
        verb = word.endswith("ing") or (word.endswith("s") and not word.endswith("ss"))
        if not (verb and doers and all(someone(thing) for thing in doers)) or self._clause.boundary == ",":
            return position
        mention = self.mention(position + 1)
        if mention is None or mention.place or mention.pronoun or mention.noun is None or not mention.article:
            return position
        things = self.mentions.resolve(mention, exclude=doers)
        for thing in doers:
            if thing.index is None and word not in thing.words:
                thing.words.append(word)
        for thing in things:
            self.draft.relate("next", thing, list(doers), assumed=True)
        said = " ".join(self.words[position : mention.end])
        self.draft.warn(f'"{said}" is read as next to {doers[0].label}: scene text has no deeds.')
        self._clause.nearest, self._clause.named_at = list(things), mention.end
        self._clause.finite = self._clause.finite or not word.endswith("ing")
        return mention.end

    def _does(self, position: int) -> int:
        """What a thing does that says nothing of places: "howling", "sings"."""
        word = self.words[position]
        for thing in self._current():
            if thing.index is None and word not in thing.words:
                thing.words.append(word)
        if not self._current():
            self._keep(word)
        if not _participle(word):
            self._clause.finite = self._clause.verb_last = True
        what = self.mention(position + 1)
        if what is not None and what.unknown and what.article and self._current():
            # "plays a song"
            self._describe(self._current(), position + 1, what.end)
            self._not_understood(what.said)
            return what.end
        return position + 1

    def _is_state(self, position: int) -> bool:
        """Whether a word that no list has says what a thing is like: "is open on a desk"."""
        word, after = self.words[position], numbers.at(self.words, position + 1)
        if not self._current() or not word.isalpha() or word in GRAMMAR or word.endswith(("ing", "er")):
            return False
        ends = after in ("", ",", "and", "but") or self._match(vocabulary.predicates, position + 1) is not None
        return ends and self._match(vocabulary.predicates, position) is None

    def _measured(self, position: int) -> int:
        """The end of a bare length: the last measure again, "and the dog 60 cm", or an extent, "a man, 1.9 m"."""
        found = numbers.length(self.words, position)
        if found is None or not self._current():
            return position
        if numbers.at(self.words, found[1]) not in ("", ",", "and", "while", "but"):
            return position
        clause = self._clause
        kind = clause.measured or "largest"
        if kind == "largest" and clause.nearest != clause.subjects and clause.named_at == position - 1:
            self._measure(clause.nearest, kind, found[0])  # "a vase, 30 cm, next to a lamp, 60 cm"
            return found[1]
        if kind == "camera_distance":
            for thing in self._current():
                self.draft.relate(kind, thing, [], found[0])
        else:
            self._measure(self._current(), kind, found[0])
        return found[1]

    def _relative(self, position: int) -> bool:
        """ "that", "which", "who": what comes is about the thing just named."""
        clause = self._clause
        if not clause.nearest or (position == 0):
            return False
        if self.mention(position) and self.words[position] == "that" and clause.boundary:
            return False
        clause.local, clause.relative, clause.boundary = list(clause.nearest), True, ""
        clause.relative_finite = False
        verb = numbers.at(self.words, position + 1)
        if len(clause.local) > 1 and clause.local[-1].count == 1 and verb.endswith("s") and not verb.endswith("ss"):
            clause.local = clause.local[-1:]  # "a cat and a mouse that is in front of it"
        if numbers.at(self.words, position + 1) == "'s":
            self.words[position + 1] = "with"
        return True

    def _verb(self, position: int) -> int:
        clause = self._clause
        word = self.words[position]
        if clause.relative and clause.relative_finite and not _participle(word) and self._begins_verb(position):
            clause.local, clause.relative = [], False  # "a man whose dog sits there is looking left"
        if clause.relative:
            clause.relative_finite = clause.relative_finite or not _participle(word)
        elif clause.local and not _participle(word):
            clause.local = []
        elif _participle(word) and position == clause.named_at and clause.nearest != clause.subjects:
            # "beside a dog lying on a rug"
            clause.local, clause.relative = list(clause.nearest), True
        if word in ATTRIBUTES and word != "parked":
            for thing in self._current():
                if thing.index is None and word not in thing.words:
                    thing.words.append(word)  # "a car abandoned in front of a house"
        if word in KEPT_POSTURES:
            for thing in self._current():
                if thing.index is None and KEPT_POSTURES[word] not in thing.words:
                    thing.words.append(KEPT_POSTURES[word])
        if not _participle(word):
            clause.finite = clause.verb_last = True
        aside = clause.boundary == "and" and numbers.at(self.words, position - 1) == "," and _participle(word)
        if clause.subjects and not aside:  # "a car and, parked behind it, a caravan"
            clause.boundary = ""
        return position + 1

    def _begins_verb(self, position: int) -> bool:
        """Whether no auxiliary stands before a verb: "is", but not "sitting" of "is sitting"."""
        return numbers.at(self.words, position - 1) not in CLASSES["be"]

    def _adjective(self, position: int) -> int:
        """ "is red", "are old and wooden"; or in the manner of tags: "a car, red"."""
        subjects = self._current()
        word = self.words[position]
        before, after = numbers.at(self.words, position - 1), numbers.at(self.words, position + 1)
        ends = after in ("", ",", "and")
        was = before in CLASSES["be"] or (
            ends and before in ("one", "other", "first", "second", "third", "them", "which", "these", "those")
        )
        if not subjects or not (was or self._clause.finite or self._clause.boundary or self._clause.relative):
            return position
        mention = self.mention(position)
        if mention is not None and not mention.unknown:
            return position
        if not was and self._clause.boundary == "," and after.isalpha() and not is_known(after):
            return position  # "wet asphalt"
        for thing in subjects:
            if word in vocabulary.COLOR_NAMES and not thing.color:
                thing.color = word
            elif word not in thing.words:
                thing.words.append(word)
        return position + 1

    def _absent(self, position: int) -> int:
        """ "without cars", "no people": said to be absent, so not put there."""
        mention = self.mention(position + 1, bare_unknown=True)
        if mention is None:
            self._not_understood(self.words[position])
            return position + 1
        match = self._match(vocabulary.predicates, mention.end)
        end = mention.end if match is None else match.end
        said = " ".join(self.words[position:end])
        self.draft.warn(f'"{said}" is left out: a scene holds only what is there.')
        return end

    def _neither(self, position: int) -> int:
        """Past "neither the cat nor the dog sits on the sofa"; what it would be on is there."""
        end = position
        while numbers.at(self.words, end) in ("neither", "nor"):
            mention = self.mention(end + 1, bare_unknown=True)
            nor = numbers.at(self.words, end) == "nor"
            match = self._match(vocabulary.predicates, end + 1)
            if mention is None and nor and match is not None:
                break
            if mention is None and (nor or "nor" not in self.words[end:]):
                return position
            end = mention.end if mention is not None else self.words.index("nor", end)
            if mention is None and end - position > 8:
                return position
        end += numbers.at(self.words, end) == "nor"
        end = self._past_verbs(end)
        match = self._match(vocabulary.predicates, end)
        if match is not None:
            for slot in ("A", "B", "REF"):
                self._things(match.slots.get(slot, ()))
            end = match.end
        self.draft.warn(f'"{" ".join(self.words[position:end])}" is left out: a scene holds only what is so.')
        self._not_understood("neither")
        return end

    def _denied(self, position: int) -> int:
        """ "is not behind the sofa": a scene cannot keep that something is not so."""
        match = needed(self._match(vocabulary.predicates, position + 1))
        for slot in ("A", "B", "REF"):
            self._things(match.slots.get(slot, ()))
        said = " ".join(self.words[position : match.end])
        self.draft.warn(f'"{said}" is left out: a scene holds only what is so.')
        self._not_understood("not")
        return match.end

    def _identified(self, position: int) -> int:
        """Past "a ferry" of "the one in the background is a ferry", which says what a thing is."""
        clause = self._clause
        before = numbers.at(self.words, position - 1)
        if before not in ("is", "was", "are", "were") or clause.boundary or clause.pending or len(clause.subjects) != 1:
            return position
        (thing,) = clause.subjects
        mention = self.mention(position)
        if (
            mention is None
            or mention.noun is None
            or mention.place
            or mention.article != "a"
            or thing.index is not None
        ):
            return position
        if (
            numbers.at(self.words, position - 2) in ("there", "it", "this", "here")
            or thing.ghost
            or thing.index is not None
        ):
            return position
        thing.noun, thing.said = mention.noun, mention.said
        thing.color = mention.color or thing.color
        thing.words += [word for word in mention.words if word not in thing.words]
        thing.sizes |= dict(mention.sizes)
        thing.scale *= mention.scale
        return mention.end

    def _may_name(self, position: int) -> bool:
        """Whether a noun phrase may begin here: not after a word that may be a strange verb."""
        clause = self._clause
        if clause.boundary or clause.pending or not clause.subjects:
            return True
        mention = self.mention(position)
        if mention is None:
            return False
        bare = not (mention.article or mention.count or mention.color or mention.plural or mention.pronoun)
        if bare and mention.noun is not None and numbers.at(self.words, position - 1) in CLASSES["stand"]:
            return False  # "a soldier stands guard"
        plain = not (mention.article or mention.count or mention.color or mention.pronoun)
        if plain and not clause.finite and self._is_verb_here(position):
            return False  # "an astronaut plants a flag"
        return bool(mention.article or mention.count or mention.color or not mention.words)

    def _is_verb_here(self, position: int) -> bool:
        """Whether a noun is a verb: "a crate blocks the view", "two boys watch a dog", "one sofa mirrors the other"."""
        subjects = self._clause.subjects
        after = self.mention(position + 1)
        one = len(subjects) == 1 and subjects[0].count == 1
        agrees = bool(subjects) and one == self.words[position].endswith("s")
        return agrees and after is not None and bool(after.article or after.own or after.pronoun)


def _swung(verb: str, mention: Mention) -> bool:
    """Whether a noun that means an animal means another thing here: "swinging a bat"."""
    return verb.startswith(("swing", "wield", "grip")) and needed(mention.noun).plan in PLANS["animal"]


def _participle(word: str) -> bool:
    return word.endswith("ing") or word in PARTICIPLES
