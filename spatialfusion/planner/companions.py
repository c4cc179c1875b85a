"""What a thing comes "with": parts of it, what it holds, and things beside it."""

from __future__ import annotations

from collections.abc import Sequence

from ..scenes.lexicon import ATTRIBUTES
from . import numbers, verbs, vocabulary
from .draft import Thing
from .hypernyms import PLANS
from .mentions import fits
from .nouns import Mention
from .phrases import Phrases
from .relating import someone
from .slots import is_body
from .wordings import CLASSES
from .words import (
    PARTS,
    TABLES,
    VESSELS,
)

_ALIVE = PLANS["person"] | PLANS["animal"]
# What only someone does.
_DEEDS = frozenset(
    "walking running sitting crouching kneeling sleeping eating drinking reading playing swimming grazing looking "
    "facing jumping dancing riding".split()
)


_DRAWN = frozenset("painted printed drawn carved written engraved embroidered stitched depicted etched".split())
_ONTO = ("on", "onto", "into", "across", "in")


def _holds_things(thing: Thing) -> bool:
    return thing.kind in VESSELS or (thing.noun is not None and thing.noun.plan in TABLES)


class Companions(Phrases):
    """What a thing comes "with": parts of it, what it holds, and things beside it."""

    def _with(self, position: int) -> int:
        """ "a table with a lamp on it", "the table has a lamp on it": the lamp is spoken of, and "it" is the table."""
        clause = self._clause
        owner = list(clause.local or (clause.subjects if clause.finite or clause.boundary else clause.nearest))
        owner = owner or list(clause.subjects)
        if position == clause.named_at and not clause.boundary and all(_holds_things(t) for t in clause.nearest):
            owner = list(clause.nearest) or owner  # "brings a tray with two glasses"
        if self.words[position] in ("has", "have", "had") and clause.subjects and not clause.relative:
            owner = list(clause.subjects)
        if position == self._place_end:
            owner = []  # "in a room with a window"
        listed, _, end = self._list(position + 1)
        if owner and (drawn := self._drawn_on(end)) > end:
            bearer = clause.nearest if position == clause.named_at else owner
            self._describe(bearer, position, drawn)
            self._stays_words(position, drawn, bearer[0].label)
            return drawn
        listed = [mention for mention in listed if not mention.place]
        if not listed or listed[0].pronoun in ("it", "them", "him", "her"):
            # "with LENGTH between them" and the like are wordings; here follows nothing that can stand anywhere.
            mention = self.mention(position + 1, bare_unknown=True)
            if mention is not None and mention.unknown and owner:
                self._describe(owner, position, mention.end)
                self._stays_words(position, mention.end, owner[0].label)
                return mention.end
            return position + 1
        said = self.predicate_after(self._past_doing(end)) and not self._verb_of_owner(owner, end)
        doing = numbers.at(self.words, end)
        able = any(mention.noun is not None and mention.noun.plan in _ALIVE for mention in listed)
        if doing in _DEEDS and not able and any(someone(thing) for thing in owner):
            said = False  # "a woman with an umbrella walking past a shop"
        if said and self.words[position] == "with" and all(self._was_named(mention) for mention in listed):
            # ", with the lamp on the table and the chair beside it": a clause of its own.
            return self._separate(position, "and")
        for holder in (owner, clause.subjects):
            if holder and (end_held := self._held_by(holder, position, listed, end)) > end:
                return end_held
        if owner and self._is_part(owner, listed[0], said and self._says_of_with(end)):
            # "a house with a red roof": a part, not a thing beside it.
            self._describe(owner, position, listed[0].end)
            if listed[0].said not in PARTS:
                self._stays_words(position, listed[0].end, owner[0].label)
            return self._more_parts(owner, listed[0].end)
        apart = position > 0 and self.words[position - 1] == "," and self.words[position] == "with"
        if said and owner and not apart and not self._says_of_with(end, listed[-1]):
            said = False
        things: list[Thing] = []
        for mention in listed:
            things += self._owned(self.mentions.resolve(mention, exclude=owner), owner)
        if owner and not said:
            # What follows is said of the owner: "a man with a dog in front of a house".
            self._accompany(things, owner)
            clause.owner, clause.nearest = owner, owner
            if able and doing.endswith("ing") and (doing in _DEEDS or doing in verbs.ALONE):
                clause.local = things  # "with people walking by"
            clause.boundary = "" if clause.subjects else "with"
            return end
        # "a man whose dog sits there": the verb that follows is the dog's.
        whose = self.words[position] == "with" and numbers.at(self.words, position - 1) in ("which", "who", "that")
        clause.owner, clause.local, clause.relative, clause.relative_finite = owner, things, whose, False
        clause.nearest = list(things)
        clause.boundary = "" if clause.subjects else "with"
        if not owner:
            clause.subjects, clause.local = things, []
        return end

    def _drawn_on(self, position: int) -> int:
        """The end of "painted on it", of what is but a picture on a thing; `position` where nothing such stands."""
        if numbers.at(self.words, position) not in _DRAWN or numbers.at(self.words, position + 1) not in _ONTO:
            return position
        mention = self.mention(position + 2)
        return position if mention is None or not (mention.pronoun or mention.own) else mention.end

    def _past_doing(self, position: int) -> int:
        """Past what a thing does that says nothing of places: "with a fire burning in the fireplace"."""
        word = numbers.at(self.words, position)
        doing = word.endswith("ing") and (word in verbs.ALONE or word in ATTRIBUTES)
        return position + (doing or word in ("asleep", "awake"))

    def _verb_of_owner(self, owner: Sequence[Thing], end: int) -> bool:
        """Whether a verb is the owner's: "a man with a dog stands there", but not "with a dog standing there"."""
        clause = self._clause
        word = numbers.at(self.words, end)
        finite = word in CLASSES["be"] - {"being"} or (word in CLASSES["stand"] and word.endswith("s"))
        return finite and owner == clause.subjects and not clause.finite and not clause.relative

    def _was_named(self, mention: Mention) -> bool:
        definite = mention.article == "the" and not mention.own and mention.noun is not None
        return definite and any(fits(thing, mention) for thing in self.draft.things)

    def _held_by(self, owner: Sequence[Thing], position: int, listed: Sequence[Mention], end: int) -> int:
        """The end of "with an axe in his hand", a thing beside the one who has it; `end` where it is none."""
        match = self._match(vocabulary.predicates, end)
        if match is None or not any(someone(thing) for thing in owner):
            return end
        if not any(is_body(mention) for mention in match.slots.get("REF", ())):
            return end
        said = " ".join(self.words[position : match.end])
        hand = any(mention.said in ("hand", "hands", "arm", "arms") for mention in match.slots.get("REF", ()))
        if hand and all(mention.noun is not None for mention in listed):
            for mention in listed:
                for thing in self.mentions.resolve(mention, exclude=owner):
                    self.draft.relate("next", thing, list(owner), assumed=True)
            self.draft.warn(f'"{said}" is read as next to {owner[0].label}: scene text has no hands.')
        else:
            self._describe(owner, position, match.end)
            self._stays_words(position, match.end, owner[0].label)
        return match.end

    def _is_part(self, owner: Sequence[Thing], mention: Mention, placed: bool) -> bool:
        """Whether what comes "with" a thing is part of it. placed: whether a place of its own follows."""
        if mention.said == "glasses" and mention.count:
            return False
        if mention.said in PARTS and not mention.pronoun:
            return mention.unknown or not placed
        part = mention.own and not any(someone(thing) for thing in owner)
        return (mention.unknown or part) and not self.predicate_after(mention.end)

    def _more_parts(self, owner: Sequence[Thing], end: int) -> int:
        """Past the other parts of "with a red roof and a green door"; another thing is left to "with" again."""
        position = end
        while numbers.at(self.words, position) in ("and", ","):
            position += 1
        mention = self.mention(position, bare_unknown=True) if position > end else None
        if mention is None or mention.place or mention.pronoun or mention.said not in PARTS:
            return end
        if self.predicate_after(mention.end) and self._says_of_with(mention.end):
            return end
        self._describe(owner, end, mention.end)
        return self._more_parts(owner, mention.end)

    def _says_of_with(self, end: int, mention: Mention | None = None) -> bool:
        """Whether what follows is about the thing after "with": "with a lamp on it", "with a dog sitting on a rug"."""
        if self._past_verbs(end) > end or self._past_doing(end) > end:
            return True
        match = self._match(vocabulary.predicates, end)
        if match is None:
            return True  # "with one red"
        if match.meaning in ("on", "in", "under") and not any(m.place for m in match.slots.get("REF", ())):
            return True  # "with a knight on a horse"
        if match.meaning in ("around", "row", "circle") and mention is not None and (mention.plural or mention.count):
            return True  # "with four plates around a candle"
        if match.meaning.startswith("bare_"):
            return True
        if match.meaning == "above" and mention is not None and mention.noun and mention.noun.place in ("wall", "air"):
            return True  # "a fireplace with a painting above the mantel"
        return all(mention.pronoun for mention in match.slots.get("REF", ()))

    def _accompany(self, things: Sequence[Thing], owner: Sequence[Thing]) -> None:
        """A thing after "with" of which nothing else is said: in a vessel, else next to its owner."""
        holds = any(thing.kind in VESSELS for thing in owner)
        each = len(owner) > 1 and list(owner) == self.draft.expand(self.mentions.each)
        carries = (len(owner) == 1 or each) and owner[0].noun is not None and owner[0].noun.plan in TABLES
        if not holds and not carries and not any(thing.ghost for thing in (*things, *owner)) and things:
            self.draft.warn(f"nothing says where {things[0].label} is: it is put next to {owner[0].label}.")
        for at, thing in enumerate(things):
            lies = carries and thing.noun is not None and thing.noun.place == "top"
            whose = [owner[at % len(owner)]] if each else list(owner)
            self.draft.relate("in" if holds else "on" if lies else "next", thing, whose, assumed=True)
