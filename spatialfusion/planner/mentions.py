"""Which thing a noun phrase means: a new one, or one that was named before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from ..needed import needed
from . import hypernyms, numbers
from .draft import Draft, Thing
from .nouns import Mention
from .words import MEN, PARTS, PEOPLE, SCALES, WOMEN

_VAGUE_PLURAL = 3
_SIDES = {-3: "left", -4: "right", -5: "middle"}  # of `Mention.ordinal`
# Of "the nearer one": relations that make a thing it, as subject and as reference, and what is said of it otherwise.
_EXTREMES = {
    -6: (("front", "nearer"), ("behind", "farther"), "bare_front"),
    -7: (("behind", "farther"), ("front", "nearer"), "bare_behind"),
    -8: (("taller", "bigger", "volume", "wider", "longer"), ("shorter", "smaller"), "bigger"),
    -9: (("shorter", "smaller"), ("taller", "bigger", "volume", "wider", "longer"), "smaller"),
    -10: (("taller", "bigger", "volume"), ("shorter", "smaller"), "taller"),
    -11: (("shorter", "smaller"), ("taller", "bigger", "volume"), "shorter"),
}


_UNBARE = {"bare_front": "nearer", "bare_behind": "farther"}


def _without_number(said: str, count: int) -> str:
    return f'"{said}" without a number is read as {count}.'


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
        self.each: list[Thing] = []  # the things of which each is what the clause is about
        self.last_each: list[Thing] = []  # those of a clause before
        self._group: Thing | None = None  # the last one of several
        self._people: list[Thing] = []  # the single ones of a couple

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
        if mention.owner is not None:
            noun, said = mention.owner
            (owner,) = self.resolve(Mention(mention.start, mention.start, noun, said, article="the"), exclude)[-1:]
            found = self.resolve(replace(mention, owner=None), [*exclude, owner])
            for thing in found:
                self._draft.relate("next", thing, [owner], assumed=True)
            return found
        if mention.counted_from and not self.known:
            found = [self._counted_from(mention)]
        elif mention.name:
            found = [thing for thing in self._draft.things if thing.name == mention.name]
        elif mention.pronoun:
            found = self._pronoun(mention, exclude, prefer, turned)
            if mention.each:
                found = [single for thing in found for single in self._draft.split(thing)]
        elif mention.ordinal is not None:
            found = self._ordinal(mention, exclude)
        elif self._is_part(mention):
            # "smoke from its chimney", "a van, a surfboard on the roof": part of the thing itself.
            found = self._pronoun(replace(mention, pronoun="it"), exclude, prefer, turned) or list(exclude)[:1]
        elif mention.own and hypernyms.general(mention.said) and mention.noun is None:
            found = []
        else:
            found = self._general(mention, exclude)
            if found:
                self.touch(found)
                return found
            if hypernyms.general(mention.said) and mention.noun is None and mention.article != "a" and mention.count:
                return [Thing(None, mention.said, ghost=True)]  # "of the two animals, the cow is nearer"
            if mention.article != "a" or (self.known and mention.article == "the"):
                found = self._named(mention, exclude)
            if not found and not (self.known and mention.article == "the"):
                found = self._draft.expand([self._new(mention)])
                if mention.each:
                    found = [single for thing in found for single in self._draft.split(thing)]
        self.touch(found)
        return found

    def _is_part(self, mention: Mention) -> bool:
        """Whether a noun that names no thing of its own is part of one that was named before."""
        if not mention.unknown or mention.said not in PARTS:
            return False
        named = any(fits(thing, mention) for thing in self._draft.things)
        return mention.own or (mention.article == "the" and bool(self.recent) and not named and not self.known)

    def _general(self, mention: Mention, exclude: Sequence[Thing]) -> list[Thing]:
        """ "the animal", "both vehicles": what was named before and is one; empty where nothing is, or too much."""
        word = hypernyms.general(mention.said)
        if word is None or mention.article != "the" or self.known or mention.color:
            return []
        if any(fits(thing, mention) for thing in self._draft.things):
            return []
        alike = [
            thing
            for thing in self._draft.things
            if hypernyms.means(word, thing.noun) and thing not in exclude and not hypernyms.differ(word, thing.said)
        ]
        if mention.plural:
            wanted = mention.count.number if mention.count else len(alike)
            return alike if len(alike) > 1 and wanted >= len(alike) else []
        if mention.noun is not None and len(alike) > 1:
            return []
        return [thing for thing in reversed(self.recent) if thing in alike][:1]

    def touch(self, things: Sequence[Thing]) -> None:
        for thing in things:
            if thing.ghost:
                continue
            if thing in self.recent:
                self.recent.remove(thing)
            self.recent.append(thing)

    def _named(self, mention: Mention, exclude: Sequence[Thing]) -> list[Thing]:
        """Those of before that have this noun, this colour and these adjectives."""
        member = self._of_people(mention, exclude)
        if member is not None:
            return [member]
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
        if mention.each:
            return [single for thing in exact for single in self._draft.split(thing)]
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

    def _of_people(self, mention: Mention, exclude: Sequence[Thing]) -> Thing | None:
        """ "the woman" of "a couple" or of "two people": the next of them that was not named so yet; or none."""
        said = mention.said
        if said not in MEN | WOMEN or mention.plural or mention.count is not None or self.known:
            return None
        if any(thing.said == said for thing in self._draft.things):
            return None
        for group in reversed(self.recent):
            if group.count > 1 and group.said in PEOPLE and group not in exclude:
                self._people = self._one = self._draft.split(group)
                self.recent = self._draft.expand(self.recent)
        found = next((one for one in self._people if one.said in PEOPLE and one not in exclude), None)
        if found is not None:
            found.noun, found.said = mention.noun or found.noun, said
            found.color = mention.color or found.color
            found.words += [word for word in mention.words if word not in found.words]
        return found

    def _pronoun(
        self, mention: Mention, exclude: Sequence[Thing], prefer: Sequence[Thing], turned: bool
    ) -> list[Thing]:
        word = mention.pronoun
        if word == "one":
            return self._one_of(mention, exclude, prefer)
        if word in ("they", "them", "both", "these", "those", "each"):
            return self._several(prefer, exclude)
        if word == "it" and self.each:
            # "three tables, each with a lamp on it"
            return [thing for thing in self._draft.expand(self.each) if thing not in exclude]
        person = word in ("he", "she", "him", "her")
        others = MEN if word in ("she", "her") else WOMEN
        if person and not any(
            thing.is_person and thing.count == 1 and thing.said not in others | PEOPLE for thing in self.recent
        ):
            said = "woman" if word in ("she", "her") else "man"
            one = self._of_people(replace(mention, said=said, pronoun=""), exclude)
            if one is not None:
                return [one]
        # "behind it a tree, in front of it a dog": the same it.
        again = [self._it] if self._it is not None and not person else []
        candidates = [*prefer, *again, *reversed(self.recent)]
        fitting = [thing for thing in candidates if thing not in exclude]
        if turned and not again and not prefer:
            fitting.sort(key=lambda thing: not thing.has_front)
        right = [thing for thing in fitting if thing.is_person == person and thing.count == 1]
        if person:
            right = [thing for thing in right if thing.said not in others] or right
        # "Two dogs, each 60 cm tall, sit on a rug. It is red.": no single one of those of which each was spoken.
        right = [thing for thing in right if thing not in self.last_each] or right
        found = (right or fitting)[:1]
        if not prefer and not again and len({id(thing) for thing in right}) > 1 and not self.known:
            self._draft.warn(f'"{word}" is read as {found[0].label}.')
        if found and exclude:
            self._it = found[0]
        return found

    @property
    def last_it(self) -> Thing | None:
        """What "it" was last in this sentence."""
        return self._it

    def _several(self, prefer: Sequence[Thing], exclude: Sequence[Thing]) -> list[Thing]:
        if len(prefer) > 1 or any(thing.count > 1 for thing in prefer):
            return list(prefer)
        allowed = [thing for thing in self.recent if thing not in exclude]
        group = next((thing for thing in reversed(allowed) if thing.count > 1), None)
        if group is None and self.last_each and all(thing in allowed for thing in self.last_each):
            return list(self.last_each)  # "three men, each beside a bicycle, and a dog in front of them"
        return [group] if group else allowed[-2:]

    def _one_of(self, mention: Mention, exclude: Sequence[Thing], prefer: Sequence[Thing] = ()) -> list[Thing]:
        """ "one", "the other", "the second", "the red one"."""
        bare = mention.article == "the" and not mention.color and not mention.words
        if (
            mention.ordinal is None
            and (mention.color or mention.article)
            and not (bare and self._several_free(exclude))
        ):
            coloured = [
                t for t in self._draft.things if mention.color and t.color == mention.color and t not in exclude
            ]
            named = coloured[-1:]
            if mention.count is not None and sum(thing.count for thing in named) != mention.count.number:
                named = []  # "a red kite; further off two red"
            if named and mention.article != "a":
                return named
            if not self._several_free(exclude):
                return self._another(mention, prefer)
        lone = self._counted[-1] if self._counted else self.recent[0] if len(self.recent) == 1 else None
        if mention.ordinal == -2 and lone is not None and lone.count == 1 and not mention.color and not self.known:
            if not any(thing.kind == lone.kind and thing is not lone for thing in self._draft.things):
                # "one chair faces left, the other right"
                return [self._draft.add(Thing(lone.noun, lone.said, scale=lone.scale))]
        if mention.count is not None and (group := self._numbered(mention)) is not None:
            return [group]
        members = self._members()
        if not members:
            return []
        if mention.count is not None and mention.count.number > 1 and mention.ordinal is None:
            free = [thing for thing in members if thing not in self._taken and thing not in exclude]
            taken = free[: mention.count.number]
            for thing in taken:
                thing.color = mention.color or thing.color
            self._taken += taken
            if len(taken) < mention.count.number:
                self._draft.warn(f"{mention.count.number} of a group are named, and {len(taken)} are left of it.")
            return taken
        found = self._member(mention, members, exclude)
        if mention.color:
            found.color = mention.color
        found.words += [word for word in mention.words if word not in found.words]
        found.scale *= mention.scale
        for word in mention.words:
            found.scale *= SCALES.get(word, 1.0)
        self._taken.append(found)
        return [found]

    def _member(self, mention: Mention, members: list[Thing], exclude: Sequence[Thing]) -> Thing:
        """The one of several that an ordinal or a side means; without either the next that was not spoken of."""
        ordinal, last = mention.ordinal, members[-1]
        if ordinal in _SIDES:
            return self._at_side(_SIDES[ordinal], members, mention)
        if ordinal in _EXTREMES:
            return self._at_extreme(ordinal, members)
        if ordinal is not None and ordinal >= 0 and last.side.startswith("#"):
            # "the second bed is wider than the first one"
            name = f"#{ordinal}"
            alike = [thing for thing in self._draft.things if thing.said == last.said and thing.side == name]
            return alike[0] if alike else self._draft.add(Thing(last.noun, last.said, side=name))
        if ordinal is not None and ordinal >= -1:
            return members[ordinal] if ordinal < len(members) else last
        free = [thing for thing in members if thing not in self._taken and thing not in exclude]
        return (free or [thing for thing in members if thing not in exclude] or members)[0]

    def _numbered(self, mention: Mention) -> Thing | None:
        """The last group, if nobody has said how many it has and this does: "a flock of geese, 17 of them"."""
        group = next((thing for thing in reversed(self.recent) if thing.count > 1 and not thing.members), None)
        if group is None or not group.vague or mention.color or mention.ordinal is not None:
            return None
        said = needed(mention.count).number
        if not mention.plural and said < group.count:
            return None
        self.number(group, said)
        return group

    def mates(self, thing: Thing) -> list[Thing]:
        """The two of the group that a thing is "one" of; the thing alone, if there is no such group of two."""
        return list(self._one) if thing in self._one and len(self._one) == 2 else [thing]

    def number(self, group: Thing, count: int, assumed: bool = False) -> None:
        """Give a group, of which nobody had said how many it has, its number; one that nobody says is told."""
        others = (other for other in self._draft.things if other is not group and other.vague)
        alike = [other for other in others if other.count == group.count]
        for said in list(self._draft.warnings):
            own = said == _without_number(group.said, group.count)
            by_word = said.endswith(f'" is read as {group.count}.') and not alike  # "several" is read as 3
            if (own and all(other.said != group.said for other in alike)) or by_word:
                self._draft.warnings.remove(said)
        group.count, group.vague = count, False
        if assumed:
            self._draft.warn(_without_number(group.said, count))

    def _several_free(self, exclude: Sequence[Thing]) -> bool:
        """Whether there is a group, or single ones of a group, of which this can be one."""
        if any(thing.count > 1 and not thing.members for thing in self._draft.things):
            return True
        if self._group is not None and self._group.members and not self._one:
            return True
        return any(thing not in self._taken and thing not in exclude and not thing.color for thing in self._one)

    def _another(self, mention: Mention, prefer: Sequence[Thing] = ()) -> list[Thing]:
        """ "the red one", "another one", where there was but one: a new thing of the same noun, rather that which the
        clause before was about."""
        if self.known or not self.recent:
            return []
        last = next((thing for thing in reversed(prefer) if thing in self.recent), self.recent[-1])
        if mention.color:
            # "the red mug is on the table, the blue one on the shelf": of what had a colour.
            last = next((thing for thing in reversed(self.recent) if thing.color), last)
        if mention.article == "a":
            # "one dog in front of the sofa and another one behind it": of the noun that was said to be one.
            last = next((thing for thing in reversed(self.recent) if thing in self._counted), last)
        count = 1 if mention.count is None else mention.count.number
        new = Thing(last.noun, last.said, mention.color, list(mention.words), count=count, scale=mention.scale)
        if count > 1:  # "a red kite, two blue"
            self._draft.warn(f"nothing says what the {count} {mention.color} things are: they are read as {last.said}.")
        return [self._draft.add(new)]

    def introduce(self, mention: Mention) -> Thing:
        """A new thing, whatever was named before."""
        thing = self._new(mention)
        self.touch([thing])
        return thing

    def _members(self) -> list[Thing]:
        """The single things that "one" and "the other" mean: the last group, or the last two things."""
        group = next((thing for thing in reversed(self.recent) if thing.count > 1 and not thing.members), None)
        if group is not None:
            self._one, self._taken = self._draft.split(group), []
            self.recent = self._draft.expand(self.recent)
        elif not self._one:
            if self._group is not None and self._group.members:
                self._one, self._taken = self._group.members, []
                return self._one
            last = self.recent[-1:]
            alike = [thing for thing in self._draft.things if last and thing.kind == last[0].kind]
            if len(alike) < 2 and len({thing.kind for thing in self.recent[-2:]}) > 1:
                # "a chair on each side of the table; the right one is green"
                kinds = [thing.kind for thing in self._draft.things]
                pair = next((kind for kind in reversed(kinds) if kinds.count(kind) > 1), "")
                alike = [thing for thing in self._draft.things if thing.kind == pair] or alike
            self._one, self._taken = (alike if len(alike) > 1 else self.recent[-2:]), []
        return self._one

    def _ordinal(self, mention: Mention, exclude: Sequence[Thing]) -> list[Thing]:
        """ "the second dog", "the other dog"."""
        alike = [thing for thing in self._draft.things if fits(thing, mention)]
        group = next((thing for thing in alike if thing.count > 1), None)
        if group is not None and mention.ordinal is not None and not (mention.plural and mention.ordinal == -2):
            alike = self._draft.split(group)
            self.recent = self._draft.expand(self.recent)
            self._one, self._taken = alike, []
        if mention.ordinal == -2:
            last = [thing for thing in reversed(self.recent) if thing in alike]
            others = [thing for thing in alike if thing not in exclude and thing not in last[:1]]
            # Of three or more, the other one is that which was not yet spoken of.
            others = [thing for thing in others if thing not in self._taken] or others
            if mention.plural:
                return others
            return others[:1] if others else [self._new(mention)]
        ordinal = needed(mention.ordinal)
        if not alike and ordinal in (*_SIDES, *_EXTREMES):
            # "two deck chairs ... the left chair"
            alike = [thing for thing in self._draft.things if thing.kind.split()[-1:] == [mention.said]]
            alike = [single for thing in alike for single in self._draft.split(thing)]
            self.recent = self._draft.expand(self.recent)
        if not alike and mention.of_two:
            alike = self._draft.split(self._new(replace(mention, count=numbers.Count(2), plural=True, ordinal=None)))
            self._one, self._taken = alike, []
        if not alike and mention.plural and mention.count is not None and mention.count.number > 1:
            # "the second of three chairs", "the left one of two cows"
            alike = self._draft.split(self._new(mention))
            self._one, self._taken = alike, []
        if ordinal in _SIDES:
            return [self._at_side(_SIDES[ordinal], alike, mention)]
        if ordinal in _EXTREMES and alike:
            return [self._at_extreme(ordinal, alike)]
        if ordinal in _EXTREMES:
            return [self._new(mention)]
        ranked = [thing for thing in alike if thing.side.startswith("#")]
        if ranked or (not alike and ordinal >= 0 and mention.count is None):
            # "the second tree is shorter than the first", where no trees were counted before
            name = f"#{ordinal}"
            found = next((thing for thing in ranked if thing.side == name), None) or self._new(mention)
            found.side = name
            return [found]
        if not alike or ordinal >= len(alike):
            # "the first chair ... the second chair", where no chairs were counted before.
            return [self._new(mention)]
        found = alike[ordinal]
        self._taken.append(found)
        return [found]

    def _counted_from(self, mention: Mention) -> Thing:
        """ "the second from the left": a member of the last group, each of which is left or right of the next."""
        number, side = needed(mention.ordinal), mention.counted_from
        alike = [thing for thing in self._draft.things if mention.pronoun or fits(thing, mention)]
        group = next((thing for thing in reversed(alike) if thing.count > 1 and not thing.members), None)
        if group is not None:
            row = self._draft.split(group)
            group.arrangement = ""
        elif self._group is not None and self._group.members and (mention.pronoun or fits(self._group, mention)):
            row = self._group.members
        else:
            said = alike[-1] if mention.pronoun and alike else None
            count = number + 2
            noun, name = (mention.noun, mention.said) if said is None else (said.noun, said.said)
            row = self._draft.split(self._draft.add(Thing(noun, name, count=count)))
            self._draft.warn(f'"{name}", counted from the {side}, is read as one of {count}.')
        self.recent = self._draft.expand(self.recent)
        self._one, self._taken = row, []
        for one, other in pairwise(row):
            if not any(r.subject is one and other in r.references and r.kind == side for r in self._draft.relations):
                self._draft.relate(side, one, [other])
        found = row[min(number, len(row) - 1)]
        found.color = mention.color or found.color
        found.words += [word for word in mention.words if word not in found.words]
        return found

    def _at_extreme(self, ordinal: int, alike: list[Thing]) -> Thing:
        """ "the nearer one", "the larger dog": the one that is said to be it, else the first of which nothing is."""
        as_subject, as_reference, said = _EXTREMES[ordinal]
        for relation in self._draft.relations:
            if relation.subject in alike and relation.kind in as_subject:
                return relation.subject
            if relation.kind in as_reference and any(thing in alike for thing in relation.references):
                found = next(thing for thing in relation.references if thing in alike)
                rest = [thing for thing in alike if thing not in (found, relation.subject)]
                if rest:
                    self._draft.relate(_UNBARE.get(said, said), found, rest)
                return found
        free = [thing for thing in alike if thing not in self._taken] or alike
        others = [thing for thing in alike if thing is not free[0]]
        self._draft.relate(_UNBARE.get(said, said), free[0], others)
        return free[0]

    def _at_side(self, side: str, alike: list[Thing], mention: Mention) -> Thing:
        """ "the left dog": one that was called so, or one of no side yet, which is there from now on."""
        found = next((thing for thing in alike if thing.side == side), None) or self._placed_at(side, alike)
        if found is None and not mention.said and alike and all(thing.side for thing in alike):
            # "the left box is taller than the right one"
            found = self._draft.add(Thing(alike[0].noun, alike[0].said, mention.color, side=side))
            if alike[0].index is None:
                self._draft.relate(f"bare_{side}", found)
            return found
        if found is None:
            free = [thing for thing in alike if not thing.side]
            found = (free[-1] if side == "right" else free[0]) if free else self._new(mention)
            found.side = side
            new = found not in alike
            others = [thing for thing in alike if thing is not found]
            if found.index is None and others and side != "middle" and not new:
                self._draft.relate(side, found, others)  # of those like it, as the text had named them before
            elif found.index is None:
                self._draft.relate(f"bare_{side}", found)
        return found

    def _placed_at(self, side: str, alike: list[Thing]) -> Thing | None:
        """The one of several that was said to be left, or right, of something: "a lamp on either side of the bed"."""
        found = {
            id(relation.subject): relation.subject
            for relation in self._draft.relations
            if relation.kind in (side, f"bare_{side}") and relation.subject in alike
        }
        return next(iter(found.values())) if len(found) == 1 and len(alike) > 1 else None

    def _new(self, mention: Mention) -> Thing:
        count = 1
        if mention.count is not None:
            count = mention.count.number
            if mention.count.vague:
                self._draft.warn(f'"{mention.count.vague}" is read as {count}.')
        elif mention.plural:
            count = _VAGUE_PLURAL
            self._draft.warn(_without_number(mention.said, count))
        thing = Thing(
            noun=mention.noun,
            said=mention.said,
            color=mention.color,
            words=list(mention.words),
            count=count,
            sizes=dict(mention.sizes),
            scale=mention.scale,
            arrangement=mention.arrangement,
            vague=mention.plural if mention.count is None else bool(mention.count.vague),
        )
        if mention.pose:
            self._draft.relate(f"pose_{mention.pose}", thing)
        if mention.count is not None and count == 1:
            self._counted.append(thing)
        if count > 1:
            self._group = thing
            self._one = []
        if mention.arrangement == "stack":
            thing.arrangement = ""
            members = self._draft.split(self._draft.add(thing))
            for upper, lower in pairwise(members):
                self._draft.relate("on", upper, [lower])
            return thing
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
