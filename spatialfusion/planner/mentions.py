"""Which thing a noun phrase means: a new one, or one that was named before."""

from __future__ import annotations

from collections.abc import Sequence

from .draft import Draft, Thing
from .nouns import Mention

_VAGUE_PLURAL = 3
_SIDES = {-3: "left", -4: "right", -5: "middle"}  # of `Mention.ordinal`


class Mentions:
    """The things of a text in the order in which it speaks of them.

    Args:
        draft: takes the things that are new.
        known: whether every thing is there already, as in an instruction about a scene: then only "a" makes new ones.
    """

    def __init__(self, draft: Draft, known: bool = False) -> None:
        self._draft = draft
        self.known = known
        self.recent: list[Thing] = []  # last mentioned last
        self._one: list[Thing] = []  # the group of "one ... the other"
        self._taken: list[Thing] = []
        self._counted: list[Thing] = []  # those introduced as "one dog"
        self._it: Thing | None = None  # what "it" was last

    def name_at(self, words: Sequence[str], start: int) -> Mention | None:
        """The longest name of a thing that stands here, with or without "the"."""
        found = None
        for thing in self._draft.things:
            for first in (start, start + 1) if words[start : start + 1] == ["the"] else (start,):
                name = thing.name.lower().replace("-", " ").split()
                if name and list(words[first : first + len(name)]) == name:
                    end = first + len(name)
                    if found is None or end > found.end:
                        found = Mention(start, end, thing.noun, thing.said, article="the", name=thing.name)
        return found

    def resolve(
        self, mention: Mention, exclude: Sequence[Thing] = (), prefer: Sequence[Thing] = (), turned: bool = False
    ) -> list[Thing]:
        """The things that a phrase means; an empty list where nothing fits.

        exclude: what it cannot be, because the same clause is about it. prefer: what "it" means before anything else.
        turned: "its left" is of something that has a front.
        """
        if mention.name:
            found = [thing for thing in self._draft.things if thing.name == mention.name]
        elif mention.pronoun:
            found = self._pronoun(mention, exclude, prefer, turned)
        elif mention.ordinal is not None:
            found = self._ordinal(mention, exclude)
        else:
            found = []
            if mention.article != "a" or (self.known and mention.article == "the"):
                found = self._named(mention, exclude)
            if not found and not (self.known and mention.article == "the"):
                found = [self._new(mention)]
        self.touch(found)
        return found

    def touch(self, things: Sequence[Thing]) -> None:
        for thing in things:
            if thing in self.recent:
                self.recent.remove(thing)
            self.recent.append(thing)

    def _named(self, mention: Mention, exclude: Sequence[Thing]) -> list[Thing]:
        """Those of before that have this noun, this colour and these adjectives."""
        alike = [thing for thing in self._draft.things if fits(thing, mention) and thing not in exclude]
        if not alike and mention.article == "the":
            # "a dining table ... the table": the last word of a noun is what kind of thing it is.
            alike = [t for t in self._draft.things if t.kind.split()[-1:] == [mention.said] and t not in exclude]
        if not alike:
            return []
        exact = [t for t in alike if (not mention.color or t.color == mention.color) and _has_words(t, mention)]
        if mention.color and not exact:
            # "a car ... the red car": a colour that was not said before, if there is but one that it can be.
            plain = [thing for thing in alike if not thing.color]
            if self.known or len(plain) != 1 or mention.article != "the":
                return []
            plain[0].color = mention.color
            return plain
        exact = exact or alike
        if mention.article == "" and mention.count is None and mention.plural is False and len(exact) > 1:
            exact = exact[-1:]
        wanted = mention.count.number if mention.count else None
        if mention.plural or (wanted or 1) > 1:
            together = [thing for thing in exact if thing.count > 1] or exact
            if wanted is None:
                return exact
            if mention.article == "the" or sum(thing.count for thing in exact) == wanted:
                return exact if sum(thing.count for thing in exact) == wanted else together[-1:]
            return []
        if mention.article == "" and mention.count is not None:
            return []
        if self.known and len(exact) > 1:
            return exact  # ambiguous: the caller says so
        # The latest one.
        order = [thing for thing in reversed(self.recent) if thing in exact]
        return [order[0] if order else exact[-1]]

    def _pronoun(
        self, mention: Mention, exclude: Sequence[Thing], prefer: Sequence[Thing], turned: bool
    ) -> list[Thing]:
        word = mention.pronoun
        if word == "one":
            return self._one_of(mention, exclude)
        if word in ("they", "them", "both", "these", "those"):
            return self._several(prefer, exclude)
        person = word in ("he", "she", "him", "her")
        # "behind it a tree, in front of it a dog": the same it.
        again = [self._it] if self._it is not None and not person else []
        candidates = [*prefer, *again, *reversed(self.recent)]
        fitting = [thing for thing in candidates if thing not in exclude]
        if turned and not again and not prefer:
            fitting.sort(key=lambda thing: not thing.has_front)
        right = [thing for thing in fitting if thing.is_person == person and thing.count == 1]
        found = (right or fitting)[:1]
        if found and exclude:
            self._it = found[0]
        return found

    def _several(self, prefer: Sequence[Thing], exclude: Sequence[Thing]) -> list[Thing]:
        if len(prefer) > 1 or any(thing.count > 1 for thing in prefer):
            return list(prefer)
        allowed = [thing for thing in self.recent if thing not in exclude]
        group = next((thing for thing in reversed(allowed) if thing.count > 1), None)
        return [group] if group else allowed[-2:]

    def _one_of(self, mention: Mention, exclude: Sequence[Thing]) -> list[Thing]:
        """ "one", "the other", "the second", "the red one"."""
        if mention.ordinal is None and (mention.color or mention.article):
            coloured = [
                t for t in self._draft.things if mention.color and t.color == mention.color and t not in exclude
            ]
            if coloured and mention.article != "a":
                return coloured[-1:]
            if not self._several_free(exclude):
                return self._another(mention)
        members = self._members()
        if not members:
            return []
        if mention.ordinal in _SIDES:
            found = self._at_side(_SIDES[mention.ordinal], members, mention)
        elif mention.ordinal is not None and mention.ordinal >= -1:
            found = members[mention.ordinal] if mention.ordinal < len(members) else members[-1]
        else:
            free = [thing for thing in members if thing not in self._taken and thing not in exclude]
            free = free or [thing for thing in members if thing not in exclude] or members
            found = free[0]
        if mention.color:
            found.color = mention.color
        found.words += [word for word in mention.words if word not in found.words]
        self._taken.append(found)
        return [found]

    def _several_free(self, exclude: Sequence[Thing]) -> bool:
        """Whether there is a group, or single ones of a group, of which this can be one."""
        if any(thing.count > 1 and not thing.members for thing in self._draft.things):
            return True
        return any(thing not in self._taken and thing not in exclude and not thing.color for thing in self._one)

    def _another(self, mention: Mention) -> list[Thing]:
        """ "the red one", "another one", where there was but one: a new thing of the same noun."""
        if self.known or not self.recent:
            return []
        last = self.recent[-1]
        if mention.article == "a":
            # "one dog in front of the sofa and another one behind it": of the noun that was said to be one.
            last = next((thing for thing in reversed(self.recent) if thing in self._counted), last)
        new = Thing(last.noun, last.said, mention.color, list(mention.words), scale=mention.scale)
        return [self._draft.add(new)]

    def _members(self) -> list[Thing]:
        """The single things that "one" and "the other" mean: the last group, or the last two things."""
        group = next((thing for thing in reversed(self.recent) if thing.count > 1 and not thing.members), None)
        if group is not None:
            self._one, self._taken = self._draft.split(group), []
            self.recent = self._draft.expand(self.recent)
        elif not self._one:
            last = self.recent[-1:]
            alike = [thing for thing in self._draft.things if last and thing.kind == last[0].kind]
            self._one, self._taken = (alike if len(alike) > 1 else self.recent[-2:]), []
        return self._one

    def _ordinal(self, mention: Mention, exclude: Sequence[Thing]) -> list[Thing]:
        """ "the second dog", "the other dog"."""
        alike = [thing for thing in self._draft.things if fits(thing, mention)]
        group = next((thing for thing in alike if thing.count > 1), None)
        if group is not None and mention.ordinal is not None and not (mention.plural and mention.ordinal == -2):
            alike = self._draft.split(group)
            self.recent = self._draft.expand(self.recent)
        if mention.ordinal == -2:
            last = [thing for thing in reversed(self.recent) if thing in alike]
            others = [thing for thing in alike if thing not in exclude and thing not in last[:1]]
            # Of three or more, the other one is that which was not yet spoken of.
            others = [thing for thing in others if thing not in self._taken] or others
            if mention.plural:
                return others
            return others[:1] if others else [self._new(mention)]
        if mention.ordinal in _SIDES:
            return [self._at_side(_SIDES[mention.ordinal], alike, mention)]
        if not alike and mention.count is not None and mention.count.number > 1:
            alike = self._draft.split(self._new(mention))  # "the second of three chairs"
        if not alike or mention.ordinal >= len(alike):
            # "the first chair ... the second chair", where no chairs were counted before.
            return [self._new(mention)]
        self._taken.append(alike[mention.ordinal])
        return [alike[mention.ordinal]]

    def _at_side(self, side: str, alike: list[Thing], mention: Mention) -> Thing:
        """ "the left dog": one that was called so, or one of no side yet, which is there from now on."""
        found = next((thing for thing in alike if thing.side == side), None)
        if found is None:
            free = [thing for thing in alike if not thing.side]
            found = (free[-1] if side == "right" else free[0]) if free else self._new(mention)
            found.side = side
            if found.index is None:
                self._draft.relate(f"bare_{side}", found)
        return found

    def _new(self, mention: Mention) -> Thing:
        count = 1
        if mention.count is not None:
            count = mention.count.number
            if mention.count.vague:
                self._draft.warn(f'"{mention.count.vague}" is read as {count}.')
        elif mention.plural:
            count = _VAGUE_PLURAL
            self._draft.warn(f'"{mention.said}" without a number is read as {count}.')
        thing = Thing(
            noun=mention.noun,
            said=mention.said,
            color=mention.color,
            words=list(mention.words),
            count=count,
            sizes=dict(mention.sizes),
            scale=mention.scale,
            arrangement=mention.arrangement,
        )
        if mention.noun is None:
            self._draft.warn(f'"{mention.said}" is not in the lexicon: it becomes a box of 1 m.')
        if mention.count is not None and count == 1:
            self._counted.append(thing)
        return self._draft.add(thing)


def fits(thing: Thing, mention: Mention) -> bool:
    """Whether the noun can mean the thing: "person" a woman, "sofa" a couch, but "man" no woman."""
    if thing.said == mention.said:
        return True
    if mention.noun is None or thing.noun is not mention.noun:
        return False
    return bool({thing.said, mention.said} & {mention.noun.name, "person", "human", "people"})


def _has_words(thing: Thing, mention: Mention) -> bool:
    return all(word in thing.words for word in mention.words)
