"""What a sentence says, before it is written as scene text: things, relations and wishes of the camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..errors import InputError
from ..scenes.lexicon import Noun, has_front
from .hypernyms import PLANS
from .words import PERSONS

MAX_THINGS = 1000
# Kinds of relations that compare sizes.
COMPARED = (
    *("taller", "wider", "longer", "shorter", "bigger", "smaller", "volume", "volume_less", "times_taller"),
    *("times_wider", "times_longer", "same_height", "same_width", "same_length", "same_size"),
)
_HUMANS = frozenset(("standing person", "walking person", "sitting person", "child", "person in a gown"))
MOST_SPLIT = 24  # members of a group that get lines of their own where the text speaks of single ones


@dataclass(eq=False)
class Thing:
    """One thing or, with a count, a group of like things.

    noun: of the lexicon, None for an unknown word. said: the noun as written. side: of "the left dog". index: in the
    scene that an instruction changes, None for a new thing. members: of a group that has been split into single things.
    vague: whether nobody has said how many there are.
    ghost: whether it is no thing ("the sun", "a sense of calm"), so that nothing said of it is kept.
    """

    noun: Noun | None
    said: str
    color: str = ""
    words: list[str] = field(default_factory=list)
    count: int = 1
    sizes: dict[str, float] = field(default_factory=dict)
    scale: float = 1.0
    arrangement: str = ""
    name: str = ""
    side: str = ""
    index: int | None = None
    ghost: bool = False
    vague: bool = False
    members: list[Thing] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """What scene text calls it."""
        return self.said if self.noun is None else self.noun.name

    @property
    def has_front(self) -> bool:
        return self.noun is not None and has_front(self.noun.plan)

    @property
    def is_person(self) -> bool:
        """Whether "she" or "he" means it; "it" may be a figure."""
        return self.said in PERSONS or (self.noun is not None and self.noun.plan in _HUMANS and self.said != "figure")

    @property
    def has_room(self) -> bool:
        """Whether things are put on it or under it."""
        return self.noun is not None and self.noun.plan in PLANS["furniture"] | PLANS["vehicle"] | PLANS["boat"]

    @property
    def label(self) -> str:
        """For messages: "the red car", "the man in red"."""
        if self.color and self.is_person:
            return f"the {self.said} in {self.color}"
        return f"the {self.color} {self.said}" if self.color else f"the {self.said}"

    def extent(self, name: str) -> float:
        """Its height, width or length in metres as far as one knows before it is solved."""
        if name in self.sizes:
            return self.sizes[name]
        usual = (1.0, 1.0, 1.0) if self.noun is None else self.noun.size
        if "largest" in self.sizes and usual[("width", "height", "length").index(name)] == max(usual):
            return self.sizes["largest"]
        return self.scale * usual[("width", "height", "length").index(name)]


@dataclass(eq=False)
class Relation:
    """One thing said of a thing: `kind` is a meaning of `wordings.PREDICATES`, `value` metres or a factor.

    assumed: whether nobody has said it, as that a knife is next to who holds it. shared: whether it was said of a
    group, of which the subject is one.
    """

    kind: str
    subject: Thing
    references: list[Thing] = field(default_factory=list)
    value: float | None = None
    assumed: bool = False
    shared: bool = False


@dataclass
class Draft:
    """Everything that was read. `camera`: kind of wish, thing, value. `words`: what the picture should keep.

    per_side: how many stand on each side of something.
    """

    things: list[Thing] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    camera: list[tuple[str, Thing | None, float | None]] = field(default_factory=list)
    setting: str = ""
    words: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    not_understood: list[str] = field(default_factory=list)
    per_side: list[int] = field(default_factory=list)

    def add(self, thing: Thing) -> Thing:
        if sum(other.count for other in self.things) + thing.count > MAX_THINGS:
            raise InputError(
                f"the prompt asks for {thing.count:,} {thing.said}: a scene holds at most {MAX_THINGS:,} things."
            )
        self.things.append(thing)
        return thing

    def facts(self) -> tuple:
        """What has been said so far; it differs after anything that adds to the draft or changes it."""
        things = [
            (thing.color, thing.count, thing.scale, thing.arrangement, len(thing.words), tuple(thing.sizes.items()))
            for thing in self.things
        ]
        lists = (self.relations, self.camera, self.words, self.warnings, self.not_understood)
        kinds = [(relation.kind, relation.value, len(relation.references)) for relation in self.relations]
        return things, kinds, self.setting, [len(some) for some in lists]

    def kept_words(self) -> set[str]:
        """Every word that stays with a thing or with the picture."""
        said = [
            word
            for thing in self.things
            for word in (thing.said, thing.kind, thing.color, *thing.words, *thing.name.split("-"))
        ]
        return {word for words in (*said, *self.words) for word in words.split()}

    def warn(self, sentence: str) -> None:
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def relate(
        self,
        kind: str,
        subject: Thing,
        references: Sequence[Thing] = (),
        value: float | None = None,
        assumed: bool = False,
    ) -> None:
        """Say something of a thing; of all its members, if it is a group that has been split."""
        others = [other for other in self.expand(references) if not other.ghost]
        if subject.ghost or (references and not others):
            return
        for single in self.expand([subject]):
            self.relations.append(Relation(kind, single, list(others), value, assumed))

    def split(self, group: Thing, size: int = 1) -> list[Thing]:
        """The single things of a group, or groups of `size`; what was said of the group is said of each of them."""
        if group.members or group.count <= size:
            return group.members or [group]
        if group.count // size > MOST_SPLIT:
            self.warn(f"what is said of single ones of {group.count // size} {group.said} is read for all of them.")
            return [group]
        group.members = [
            replace(group, count=size, words=list(group.words), sizes=dict(group.sizes), arrangement="", members=[])
            for _ in range(group.count // size)
        ]
        at = self.things.index(group)
        self.things[at : at + 1] = group.members
        relations: list[Relation] = []
        for relation in self.relations:
            relation.references = self.expand(relation.references)
            if relation.subject is group:
                relations += [replace(relation, subject=member, shared=True) for member in group.members]
            else:
                relations.append(relation)
        self.relations = relations
        self.camera = [
            (kind, group.members[0] if thing is group else thing, value) for kind, thing, value in self.camera
        ]
        return group.members

    def expand(self, things: Sequence[Thing]) -> list[Thing]:
        """The things, with the members of split groups in place of the groups."""
        return [single for thing in things for single in (thing.members or [thing])]
