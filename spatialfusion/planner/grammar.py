"""How sentences are put together: who is said to be where, through clauses, lists, pronouns and inverted orders.

The reader goes through a sentence once, from left to right. At each place it takes the longest of: a wording of a whole
clause, a predicate, a noun phrase, a word of grammar. What nothing takes is listed as not understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from ..scenes.lexicon import ATTRIBUTES, noun
from . import numbers, verbs, vocabulary
from .clause import Clause
from .draft import Draft, Thing
from .folding import fold
from .hypernyms import PLANS, general
from .mentions import Mentions, fits
from .nouns import Mention, read_mention
from .patterns import Match
from .slots import SLOTS, is_body
from .wordings import CLASSES
from .words import (
    BUILDINGS,
    GRAMMAR,
    INTANGIBLE,
    INVERTED,
    KEPT_POSTURES,
    PARTICIPLES,
    PARTS,
    STYLE_WORDS,
    TABLES,
    VESSELS,
)

# What a thing without a front cannot have: such predicates go past it to the subject of the clause.
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
_OF_SUBJECT = (*_TURNED, "camera_distance", "apart", "bare_", "taller", "wider", "longer")
# What a person does with a thing that then is no thing beside them.
_HOLDS = frozenset(
    "holding wearing clutching holds wears carrying carries gripping grips wielding wields brandishing waving swinging "
    "hugging cradling juggling throwing clutches flying bearing sporting".split()
)
_FRONTS = frozenset("front face head nose muzzle snout beak bow gaze eyes hood prow spout trunk back".split())
_OPPOSITES = {"left": "right", "right": "left", "front": "behind", "behind": "front"}
_JOINTS = frozenset("and while whereas but then where because since although though plus".split())


class Grammar:
    """Reads sentences into a draft.

    Args:
        draft: takes what is read.
        mentions: what things there are.
        names: words, in lower case, that are written with a capital.
    """

    def __init__(self, draft: Draft, mentions: Mentions, names: frozenset[str] = frozenset()) -> None:
        self.draft, self.mentions, self._names = draft, mentions, names
        self._said: dict[int, list[Thing]] = {}  # things of references that were resolved ahead, by where they stand
        self.words: list[str] = []
        self.topic: list[Thing] = []
        self._place_before = False
        self._place_end = -1
        self._sided: list[Thing] = []  # of "on one side of the table", until "on the other side"
        self._cache: dict[tuple[str, int], tuple[Any, int] | None] = {}
        self._clause = Clause()

    # --- one sentence ----------------------------------------------------------------------------------------------

    def begin(self, words: Sequence[str]) -> list[str]:
        """Take up a sentence, given as tokens; return its words as the wordings have them."""
        self.words = fold(words, self.draft, self._names, self.mentions.known)
        self._cache.clear()
        self._said.clear()
        self._clause = Clause()
        return self.words

    def read(self, words: Sequence[str], about: Sequence[Thing] = ()) -> None:
        """Read one sentence, given as tokens. `about`: what "it" at its beginning means."""
        self.begin(words)
        self._with_last()
        self.topic = list(about) or self.topic
        position = self._opening(0)
        while position < len(self.words):
            position = self._step(position)
        self._finish()

    def slot(self, name: str, position: int) -> tuple[Any, int] | None:
        """What stands in a slot of a wording at this position, and its end."""
        key = name, position
        if key not in self._cache:
            self._cache[key] = SLOTS[name](self, position)
        return self._cache[key]

    def mention(self, position: int, bare_unknown: bool = False) -> Mention | None:
        """The noun phrase, or the name of a thing, at this position."""
        named = self.mentions.name_at(self.words, position)
        # "paint car red": the colour after a noun is the instruction's.
        return named or read_mention(self.words, position, bare_unknown, tags=not self.mentions.known)

    def _with_last(self) -> None:
        """ "With a lamp to its left, a bed stands there": the subject first, that "its" means."""
        if numbers.at(self.words, 0) != "with" or not {"it", "him", "her", "them"} & set(self.words):
            return
        for comma in (at for at, word in enumerate(self.words) if word == ","):
            mention = self.mention(comma + 1)
            if mention is not None and not mention.place and {"it", "him", "her", "them"} & set(self.words[:comma]):
                first, after = self.words[comma + 1 : mention.end], self.words[mention.end :]
                self.words = [*first, *self.words[:comma], *([",", *after] if after else [])]
                self._cache.clear()
                return

    def _opening(self, position: int) -> int:
        """Past "a picture of" and its kind, which say nothing of the scene."""
        while True:
            if numbers.at(self.words, position) == ",":
                position += 1
                continue
            found = self._match(vocabulary.openings, position)
            if found is None:
                end = self._styled_picture(position)
                if end == position:
                    return position
                position = end
                continue
            # "show me a dog": the article belongs to the noun.
            end = found.end
            if numbers.at(self.words, end - 1) in ("a", "an", "the") and end - 1 > position:
                end -= 1
            if numbers.at(self.words, end - 1) == "taken":
                end -= 1
            if self._clause_match(position, end) is not None or self._hung(position, end):
                return position
            position = end

    def _hung(self, position: int, end: int) -> bool:
        """Whether "a painting of a ship" hangs there, so that it is a thing of the scene."""
        if not any(noun(word) is not None for word in self.words[position:end]) or end == position:
            return False
        mention = self.mention(end)
        after = self._match(vocabulary.predicates, mention.end) if mention is not None else None
        hangs = mention is not None and numbers.at(self.words, mention.end) in ("hangs", "hanging", "hung", "framed")
        return hangs or (after is not None and "wall" in self.words[after.start : after.end])

    def _styled_picture(self, position: int) -> int:
        """Past "a beautiful oil painting of", whose words of style are the picture's."""
        end = position + (numbers.at(self.words, position) in ("a", "an", "the"))
        looks: list[str] = []
        while True:
            style = self._match(vocabulary.styles, end)
            word = numbers.at(self.words, end)
            if style is not None:
                looks.append(" ".join(self.words[end : style.end]))
                end = style.end
            elif word in STYLE_WORDS or (word in ATTRIBUTES and word not in CLASSES["picture"]):
                looks.append(word)
                end += 1
            else:
                break
        end += numbers.at(self.words, end) in CLASSES["picture"]
        if not looks or numbers.at(self.words, end) not in ("of", "with", "showing", "depicting"):
            return position
        for words in looks:
            self._keep(words)
        return end + 1

    def _clause_match(self, position: int, end: int) -> Match | None:
        """A clause that takes more than an opening would: "a picture of the left side of a car"."""
        found = self._match(vocabulary.clauses, position)
        return found if found is not None and found.end > end else None

    def _match(self, table: Any, position: int) -> Match | None:
        return table.match(self.words, position, self.slot)

    def _step(self, position: int) -> int:
        word = self.words[position]
        if word == ",":
            return self._separate(position, ",")
        if not self.draft.things and not self._clause.pending and self._clause.boundary:
            end = self._opening(position)
            if end > position:
                return end
        if (
            self._clause.boundary == ","
            and word in CLASSES["picture"]
            and numbers.at(self.words, position + 1) in ("", ",")
        ):
            return position + 1  # "a cat, a lamp, photo"
        clause = self._match(vocabulary.clauses, position)
        predicate = self._match(vocabulary.predicates, position)
        viewpoint = self._match(vocabulary.viewpoints, position)
        ends = [found.end if found else 0 for found in (clause, viewpoint, predicate)]
        if word in _HOLDS and (end := self._holds(position)) > position:
            return end
        style = self._match(vocabulary.styles, position)
        if style is not None and style.end >= max(ends):
            self._keep(" ".join(self.words[position : style.end]))
            return style.end
        if max(ends) > 0:
            if clause and clause.end == max(ends):
                return self._whole(clause)
            if viewpoint and viewpoint.end == max(ends):
                return self._view_from(viewpoint, position)
            phrase = self._phrase_instead(position, predicate)
            if phrase is None:
                return self._predicate(predicate, position)
        return self._other_word(position)

    def _phrase_instead(self, position: int, predicate: Match) -> Mention | None:
        """A noun phrase that is longer than the predicate at its place, where a subject may stand."""
        if not self._clause.boundary:
            return None
        mention = self.mention(position)
        return mention if mention is not None and mention.end > predicate.end else None

    def _other_word(self, position: int) -> int:
        word = self.words[position]
        if word in _JOINTS:
            return self._separate(position, word)
        if word in ("that", "which", "who") and self._about_place(position):
            return position + 1
        if word in ("that", "which", "who", "whom") and self._relative(position):
            return position + 1
        if word in ("has", "have", "had") and numbers.at(self.words, position + 1) in verbs.THERE:
            return position + 1
        if word == "'s" and self._current() and numbers.at(self.words, position + 1) in _FRONTS:
            # "the boat's bow points to the left": as "its bow".
            self.words[position:position] = ["it"]
            self._cache.clear()
            if self._match(vocabulary.predicates, position) is not None:
                self._clause.boundary = ""
                return position
            del self.words[position]
            self._cache.clear()
        if word in CLASSES["have"] and (self._current() or self._place_before):
            return self._with(position)
        if word == "not" and self._match(vocabulary.predicates, position + 1) is not None:
            return self._denied(position)
        if word in verbs.FILLED and numbers.at(self.words, position + 1) in ("with", "of"):
            end = self._filled(position)
            if end > position:
                return end
        if word in verbs.ALONE and (self._current() or not self._may_name(position) or self.mention(position) is None):
            return self._does(position)
        if word in verbs.ALONE_PLURAL and self._current() and noun(word) is None:
            return self._does(position)
        if word in verbs.THERE:
            return self._verb(position)
        if (
            word in ("left", "right", "middle")
            and numbers.at(self.words, position + 1) in ("", ",")
            and self._current()
        ):
            # "a woman left, a man right"
            for thing in self._current():
                self.draft.relate(f"bare_{word}", thing)
            return position + 1
        if word == "without" or (word == "no" and position + 1 < len(self.words)):
            return self._absent(position)
        if word in CLASSES["be"] or word in CLASSES["stand"]:
            return self._verb(position)
        if word in vocabulary.COLOR_NAMES or word in ATTRIBUTES:
            end = self._adjective(position)
            if end > position:
                return end
        if self._may_name(position):
            end = self._subject(position)
            if end > position:
                return end
        if numbers.at(self.words, position - 1) in CLASSES["be"] and self._is_state(position):
            return self._does(position)
        measured = self._measured(position)
        if measured > position:
            return measured
        if word in STYLE_WORDS or word in INTANGIBLE or word[:1].isupper():
            self._keep(word)
        elif word in GRAMMAR:
            pass
        else:
            self._not_understood(word)
        return position + 1

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
        clause.relative, clause.boundary = True, ""
        return True

    def _holds(self, position: int) -> int:
        """ "a woman holding an umbrella", "a cat wearing a hat": words of the one who has it."""
        wears = self.words[position] in ("wearing", "wears", "sporting")
        if not (self._current() and (wears or any(_someone(thing) for thing in self._current()))):
            return position
        mention = self.mention(position + 1, bare_unknown=True)
        if mention is None or mention.pronoun or mention.place:
            return position
        colors = mention.color and self._match(vocabulary.predicates, position)
        if colors and colors.meaning == "wears":
            return position
        self._describe(self._current(), position, mention.end)
        return self._held(mention.end)

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
        things = self._clause.nearest if not (self._clause.boundary or self._clause.finite) else self._current()
        if things:
            self._describe(things, position, mention.end)
        else:
            self._keep(" ".join(self.words[position : mention.end]))
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
        kind = self._clause.measured or "largest"
        for thing in self._current():
            if kind == "camera_distance":
                self.draft.relate(kind, thing, [], found[0])
            else:
                thing.sizes[kind] = found[0]
        return found[1]

    # --- small things ----------------------------------------------------------------------------------------------

    def _keep(self, words: str, quiet: bool = False) -> None:
        if not quiet and words not in self.draft.words:
            self.draft.words.append(words)

    def _not_understood(self, word: str) -> None:
        if word not in self.draft.not_understood:
            self.draft.not_understood.append(word)

    def _current(self) -> list[Thing]:
        return self._clause.local or self._clause.subjects

    def _separate(self, position: int, word: str) -> int:
        clause = self._clause
        clause.boundary = word
        clause.local = []
        clause.relative = False
        if word != ",":
            clause.finite = False
        return position + 1

    def _relative(self, position: int) -> bool:
        """ "that", "which", "who": what comes is about the thing just named."""
        clause = self._clause
        if not clause.nearest or (position == 0):
            return False
        if self.mention(position) and self.words[position] == "that" and clause.boundary:
            return False
        clause.local, clause.relative, clause.boundary = list(clause.nearest), True, ""
        if numbers.at(self.words, position + 1) == "'s":
            self.words[position + 1] = "with"
        return True

    def _verb(self, position: int) -> int:
        clause = self._clause
        word = self.words[position]
        if clause.relative:
            pass
        elif clause.local and not _participle(word):
            clause.local = []
        elif _participle(word) and position == clause.named_at and clause.nearest != clause.subjects:
            # "beside a dog lying on a rug"
            clause.local, clause.relative = list(clause.nearest), True
        if word in KEPT_POSTURES:
            for thing in self._current():
                if thing.index is None and KEPT_POSTURES[word] not in thing.words:
                    thing.words.append(KEPT_POSTURES[word])
        if not _participle(word):
            clause.finite = clause.verb_last = True
        clause.boundary = "" if clause.subjects else clause.boundary
        return position + 1

    def _adjective(self, position: int) -> int:
        """ "is red", "are old and wooden"; or in the manner of tags: "a car, red"."""
        subjects = self._current()
        word = self.words[position]
        before, after = numbers.at(self.words, position - 1), numbers.at(self.words, position + 1)
        was = before in CLASSES["be"] or (before in ("one", "other", "first", "second", "third") and after in ("", ","))
        if not subjects or not (was or self._clause.finite or self._clause.boundary or self._clause.relative):
            return position
        mention = self.mention(position)
        if mention is not None and not mention.unknown:
            return position
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
        said = " ".join(self.words[position : mention.end])
        self.draft.warn(f'"{said}" is left out: a scene holds only what is there.')
        return mention.end

    def _denied(self, position: int) -> int:
        """ "is not behind the sofa": a scene cannot keep that something is not so."""
        match = self._match(vocabulary.predicates, position + 1)
        for slot in ("A", "B", "REF"):
            self._things(match.slots.get(slot, ()))
        said = " ".join(self.words[position : match.end])
        self.draft.warn(f'"{said}" is left out: a scene holds only what is so.')
        self._not_understood("not")
        return match.end

    def _may_name(self, position: int) -> bool:
        """Whether a noun phrase may begin here: not after a word that may be a strange verb."""
        clause = self._clause
        if clause.boundary or clause.pending or not clause.subjects:
            return True
        mention = self.mention(position)
        if mention is None:
            return False
        return bool(mention.article or mention.count or mention.color or not mention.words)

    # --- subjects --------------------------------------------------------------------------------------------------

    def _subject(self, position: int) -> int:
        """A noun phrase, or a list of them, of which something will be said."""
        clause = self._clause
        listed, joined, end = self._list(position)
        if not listed:
            return position
        if all(mention.place for mention in listed):
            for mention in listed:
                self._place(mention)
            clause.boundary = ""
            if all(mention.place == "none" for mention in listed) and self._says_on(end):
                self._of_nothing(listed[-1])
            return end
        listed = [mention for mention in listed if not mention.place]
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
        clause.subjects = self.draft.expand(clause.subjects)
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
            self._apply(match, clause.subjects)
        clause.nearest = list(self.draft.expand(clause.subjects))
        # "On the table is a mug, and beside it a bottle": "it" is what was named last, the mug.
        self.mentions.touch(clause.subjects)
        return end

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
        if mention.article or mention.count or mention.plural or mention.noun is None or self.mentions.known:
            return False
        match = self._match(vocabulary.predicates, mention.end)
        other = _OPPOSITES.get(match.meaning.removeprefix("bare_")) if match is not None else None
        kinds = {relation.kind.removeprefix("bare_") for relation in self.draft.relations if relation.subject is thing}
        return other is not None and other in kinds

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
        one = not listed[0].plural and not listed[0].count and all(mention.noun for mention in listed)
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

    def predicate_after(self, position: int) -> bool:
        position = self._past_verbs(position)
        return self._match(vocabulary.predicates, position) is not None or (
            numbers.at(self.words, position) in vocabulary.COLOR_NAMES
        )

    def _past_verbs(self, position: int) -> int:
        while numbers.at(self.words, position) in CLASSES["be"] | CLASSES["stand"]:
            position += 1
        return position

    def _place(self, mention: Mention) -> None:
        """A room or a place outdoors: the setting, and words of the picture."""
        if mention.place != "none":
            self._place_before = True
            self._place_end = mention.end
        if mention.place not in ("surface", "none"):
            self.draft.setting = self.draft.setting or mention.place
        elif mention.said in ("ceiling", "floor") and not self.draft.setting:
            self.draft.setting = "room"
        if mention.said not in ("room", "scene", "picture", "image", "frame", "background", "foreground", "air"):
            self._keep(" ".join((*mention.words, mention.said)))

    # --- "with" ----------------------------------------------------------------------------------------------------

    def _with(self, position: int) -> int:
        """ "a table with a lamp on it", "the table has a lamp on it": the lamp is spoken of, and "it" is the table."""
        clause = self._clause
        owner = list(clause.local or (clause.subjects if clause.finite or clause.boundary else clause.nearest))
        owner = owner or list(clause.subjects)
        if self.words[position] in ("has", "have", "had") and clause.subjects and not clause.relative:
            owner = list(clause.subjects)
        if position == self._place_end:
            owner = []  # "in a room with a window"
        listed, _, end = self._list(position + 1)
        listed = [mention for mention in listed if not mention.place]
        if not listed or listed[0].pronoun in ("it", "them", "him", "her"):
            # "with LENGTH between them" and the like are wordings; here follows nothing that can stand anywhere.
            mention = self.mention(position + 1, bare_unknown=True)
            if mention is not None and mention.unknown and owner:
                self._describe(owner, position, mention.end)
                return mention.end
            return position + 1
        said = self.predicate_after(end)
        if said and self.words[position] == "with" and all(self._was_named(mention) for mention in listed):
            # ", with the lamp on the table and the chair beside it": a clause of its own.
            return self._separate(position, "and")
        if owner and (end_held := self._held_by(owner, position, end)) > end:
            return end_held
        if owner and self._is_part(listed[0], said and self._says_of_with(end)):
            # "a house with a red roof": a part, not a thing beside it.
            self._describe(owner, position, listed[0].end)
            return self._more_parts(owner, listed[0].end)
        if said and owner and not self._says_of_with(end):
            said = False
        things: list[Thing] = []
        for mention in listed:
            things += self.mentions.resolve(mention, exclude=owner)
        if owner and not said:
            # What follows is said of the owner: "a man with a dog in front of a house".
            self._accompany(things, owner)
            clause.owner, clause.nearest = owner, owner
            clause.boundary = "" if clause.subjects else "with"
            return end
        clause.owner, clause.local, clause.relative = owner, things, False
        clause.nearest = list(things)
        clause.boundary = "" if clause.subjects else "with"
        if not owner:
            clause.subjects, clause.local = things, []
        return end

    def _was_named(self, mention: Mention) -> bool:
        definite = mention.article == "the" and not mention.own and mention.noun is not None
        return definite and any(fits(thing, mention) for thing in self.draft.things)

    def _held_by(self, owner: Sequence[Thing], position: int, end: int) -> int:
        """The end of "with an axe in his hand", words of the one who has it; `end` where it is none."""
        match = self._match(vocabulary.predicates, end)
        if match is None or not any(thing.is_person for thing in owner):
            return end
        if not any(is_body(mention) for mention in match.slots.get("REF", ())):
            return end
        self._describe(owner, position, match.end)
        return match.end

    def _is_part(self, mention: Mention, placed: bool) -> bool:
        """Whether what comes "with" a thing is part of it. placed: whether a place of its own follows."""
        if mention.said in PARTS and not mention.pronoun:
            return mention.unknown or not placed
        return mention.unknown and not self.predicate_after(mention.end)

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

    def _describe(self, things: Sequence[Thing], start: int, end: int) -> None:
        for thing in things:
            if thing.index is None:
                thing.words += [word for word in self.words[start:end] if word != ","]

    def _says_of_with(self, end: int) -> bool:
        """Whether what follows is about the thing after "with": "with a lamp on it", "with a dog sitting on a rug"."""
        if self._past_verbs(end) > end:
            return True
        match = self._match(vocabulary.predicates, end)
        if match is None:
            return True  # "with one red"
        if match.meaning in ("on", "in", "under") and not any(m.place for m in match.slots.get("REF", ())):
            return True  # "with a knight on a horse"
        if match.meaning.startswith("bare_"):
            return True
        return all(mention.pronoun for mention in match.slots.get("REF", ()))

    def _accompany(self, things: Sequence[Thing], owner: Sequence[Thing]) -> None:
        """A thing after "with" of which nothing else is said: in a vessel, else next to its owner."""
        holds = any(thing.kind in VESSELS for thing in owner)
        carries = len(owner) == 1 and owner[0].noun is not None and owner[0].noun.plan in TABLES
        for thing in things:
            lies = carries and thing.noun is not None and thing.noun.place == "top"
            self.draft.relate("in" if holds else "on" if lies else "next", thing, list(owner))

    # --- predicates ------------------------------------------------------------------------------------------------

    def _predicate(self, match: Match, position: int) -> int:
        clause = self._clause
        match = _one_support(match)
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
        if clause.local:
            return clause.local
        if clause.boundary == "," and clause.listed and all(thing.color for thing in clause.listed):
            # "two mugs, one red, the other yellow, in front of a bottle"
            return clause.listed
        if match.meaning in ("height", "width", "length", "footprint"):
            # "next to a woman 1.65 m tall"
            return clause.subjects if clause.boundary or clause.verb_last else clause.nearest
        if match.meaning.startswith("bare_") and not clause.boundary and self._has_side(clause.subjects):
            # "the penguin on the left is bigger than the one on the right"
            return clause.nearest
        if clause.boundary or clause.finite or match.meaning.startswith(_OF_SUBJECT):
            if clause.boundary != "start":
                near = clause.nearest
                head_turns = any(thing.has_front for thing in clause.subjects)
                if match.meaning.startswith(_TURNED) and any(t.has_front for t in near):
                    if not head_turns or self._turns_nearest(match, near):
                        return near
            return clause.subjects
        # "a ball on a table in front of a sofa": it is the table that is in front of the sofa.
        if clause.nearest and clause.nearest != clause.subjects and not clause.finite:
            return clause.nearest
        return clause.subjects

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
        return any(r.kind.startswith("bare_") and r.subject in things for r in self.draft.relations)

    def _turns_nearest(self, match: Match, near: list[Thing]) -> bool:
        """Whether "facing left" right behind a noun is said of it: "a man left of a woman facing left"."""
        clause = self._clause
        if clause.boundary or near == clause.subjects or not match.meaning.startswith(("pose_", "facing")):
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
        if mention is None or mention.place:
            return False
        return not (comma and has_subject and not bare)

    def _apply(self, match: Match, subjects: list[Thing]) -> None:
        """Put a predicate into the draft."""
        meaning, slots = match.meaning, match.slots
        clause = self._clause
        subjects = self.draft.expand(subjects)
        if self.words[match.start] == "both" and len(subjects) == 1 and subjects[0].count == 1:
            # "a man to the left of a horse, both facing away"
            subjects += self._partners(subjects)[:1]
        if meaning in ("outdoor", "room"):
            self.draft.setting = self.draft.setting or meaning
            return
        if meaning.startswith("view_"):
            self._camera(meaning, subjects, slots)
            return
        if meaning in ("on", "against", "in") and self._on_wall(meaning, subjects, slots):
            return
        if kind_of_camera := self._means_camera(match):
            for thing in subjects:
                self.draft.relate(kind_of_camera, thing)
            return
        # "seen from its left" is about the subject itself.
        references = self._references(
            slots, [] if meaning.startswith("sees_") else subjects, meaning.startswith(("sees_", "own_"))
        )
        if references is None:
            place = any(mention.place in ("room", "outdoor", "surface") for mention in slots.get("REF", ()))
            if self.words[match.start] == "outside" and any(m.place == "room" for m in slots.get("REF", ())):
                self.draft.setting = "outdoor"
            if place and meaning not in ("on", "in", "next", "<on") and not meaning.startswith("bare_"):
                said = " ".join(self.words[match.start : match.end])
                self.draft.warn(f'"{said}" is left out: it is a place, no thing of the scene.')
            return
        if meaning.startswith("sees_") and references:
            subjects, references = references, []
        if "them" in self.words[match.end - 3 : match.end] and len(subjects) < 2 and meaning == "apart":
            references = references or self._partners(subjects)
        value = slots.get("LENGTH", slots.get("RATIO"))
        swapped = meaning.startswith("<")
        kind = meaning.lstrip("<")
        if kind in ("height", "width", "length", "camera_distance"):
            clause.measured = kind
        if kind == "own_back" and self.words[match.start] == "on" and _is_animal(references):
            kind = "on"  # "a bird on its back"
        subjects = self._for_each(subjects, references, slots)
        if len(subjects) == len(references) > 1 and self._each(slots):
            for subject, reference in zip(subjects, references):
                self.draft.relate(kind, subject, [reference], value)
            clause.nearest = clause.subjects = list(subjects)
            return
        if kind in ("left", "right", "front", "behind") and clause.viewpoint:
            kind, references = self._from_viewpoint(kind, references)
        elif kind.startswith("bare_") and clause.viewpoint and kind != "bare_ahead":
            kind, references = self._from_viewpoint(kind.removeprefix("bare_"), [])
        before = len(self.draft.relations)
        if clause.shared and references:
            for said, metres in clause.shared:
                for subject in subjects:
                    self.draft.relate(said, subject, list(references), metres)
            clause.shared = []
        if swapped and references:
            for reference in references:
                self.draft.relate(kind, reference, list(subjects), value)
        elif kind == "wears":
            for thing in subjects:
                thing.color = thing.color or slots["COLOR"]
                if thing.index is None:
                    thing.words += [word for word in self.words[match.start : match.end] if word not in ("a", "an")]
        elif kind == "footprint":
            for thing in subjects:
                thing.sizes |= {"width": slots.get("LENGTH", slots.get("FACTOR")), "length": slots["ACROSS"]}
        elif kind == "each_side":
            self._on_each_side(subjects, references or clause.owner or self._partners(subjects))
        elif kind == "gap":
            self._gap(subjects, value)
        elif kind in ("one_side", "other_side"):
            if references:
                self._sided = references
            self._relate("left" if kind == "one_side" else "right", subjects, references or self._sided, value, match)
        elif kind.startswith("open_"):
            others = [thing for thing in clause.owner if thing not in subjects] or self._partners(subjects)
            self._relate(kind[5:], subjects, others, value, match)
        elif kind == "across" and references:
            ends = list(subjects)
            if len(ends) == 1 and ends[0].count == 1:
                ends += [t for t in reversed(self.mentions.recent) if t not in (*ends, *references)][:1]
            if len(ends) > 1 or ends[0].count > 1:
                for reference in references:
                    self.draft.relate("between", reference, ends)
            else:
                self._relate("next", subjects, references, value, match)
        elif kind in ("row", "circle"):
            self._arrange(kind, subjects)
        elif kind.startswith("order_"):
            self._in_order(kind, subjects)
        elif kind in ("height", "width", "length"):
            for thing in subjects:
                thing.sizes[kind] = value
        else:
            self._relate(kind, subjects, references, value, match)
        clause.last = self.draft.relations[before:]
        named = references or self.draft.expand(clause.nearest)
        if references:
            clause.nearest, clause.verb_last = list(named), False
        clause.nearest = self.draft.expand(clause.nearest)
        clause.subjects = self.draft.expand(clause.subjects)

    def _each(self, slots: dict[str, Any]) -> bool:
        return any(mention.each or mention.pronoun == "each" for mention in slots.get("REF", ()))

    def _for_each(self, subjects: list[Thing], references: list[Thing], slots: dict[str, Any]) -> list[Thing]:
        """ "a lamp on each nightstand": as many as there are of what is each."""
        if not self._each(slots) or len(subjects) != 1 or subjects[0].count > 1 or len(references) < 2:
            return subjects
        subjects[0].count = len(references)
        singles = self.draft.split(subjects[0])
        self.mentions.recent = self.draft.expand(self.mentions.recent)
        return singles

    def _on_wall(self, meaning: str, subjects: list[Thing], slots: dict[str, Any]) -> bool:
        """Whether it is the wall of a room, which is no thing unless the text has made it one."""
        (mention, *_) = slots["REF"]
        walls = any(thing.kind == "wall" for thing in self.draft.things)
        if mention.said not in ("wall", "back wall") or walls or mention.color or self.draft.setting == "outdoor":
            return False
        self.draft.setting = "room"
        for thing in subjects:
            self.draft.relate("against_wall" if meaning == "against" else "on_wall", thing)
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
            self._among(kind, subjects, value)
            return
        for subject in subjects:
            others = [thing for thing in references if thing is not subject]
            if references and not others and kind != "between":
                # "a table and a lamp on the table": not said of the table itself.
                continue
            self.draft.relate(kind, subject, others, value)

    def _gap(self, subjects: list[Thing], value: float) -> None:
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
        for subject in subjects if not beside else ():
            self.draft.relate("camera_distance", subject, [], value)

    def _on_each_side(self, subjects: list[Thing], references: list[Thing]) -> None:
        """One to the left and one to the right of something; a single thing on each side is two."""
        if len(subjects) == 1:
            subjects[0].count = max(subjects[0].count, 2)
            subjects = self.draft.split(subjects[0])
            self.mentions.recent = self.draft.expand(self.mentions.recent)
        for place, subject in enumerate(subjects):
            self.draft.relate("right" if 2 * place >= len(subjects) else "left", subject, list(references))

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
                if not prefer and clause.relative and clause.local and clause.local != clause.subjects:
                    prefer = clause.subjects  # "a cow looks at a horse that stands in front of it"
                if turned and not prefer and clause.last:
                    # "a bush at the front of the house, at its back a tree": its is the house's.
                    prefer = clause.last[-1].references
                several = len(subjects) > 1 or any(thing.count > 1 for thing in subjects)
                among = mention.pronoun in ("them", "they", "both") and several
                exclude = [] if among else [*subjects, *found]
                things = self._said.get(mention.start) or self.mentions.resolve(mention, exclude, prefer, turned)
                if not things and not (mention.pronoun == "it" and self._place_before):
                    self._not_understood(" ".join(self.words[mention.start : mention.end]))
                found += things
                clause.named_at = mention.end
        if not found and any(slot in slots for slot in ("A", "B", "REF")):
            return None
        return found

    # --- points of view and the camera -----------------------------------------------------------------------------

    def _view_from(self, match: Match, position: int) -> int:
        """From whose point of view the relations of this clause are."""
        clause = self._clause
        if match.meaning == "camera":
            for relation in clause.last:
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

    # --- whole clauses ---------------------------------------------------------------------------------------------

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
            for thing in first:
                thing.sizes[meaning] = value
        elif meaning in ("camera_front_distance", "camera_behind_distance"):
            for thing in first:
                self.draft.relate("camera_distance", thing, [], value)
                self.draft.relate("sees_front" if "front" in meaning else "sees_back", thing)
        elif meaning == "apart" and len(first) == 1 and second:
            self.draft.relate("apart", first[0], second[:1], value)
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

    def _things(self, mentions: Sequence[Mention]) -> list[Thing]:
        found: list[Thing] = []
        for mention in mentions:
            if mention.place:
                self._place(mention)
            else:
                prefer = self._clause.subjects or self.topic
                found += self.mentions.resolve(mention, exclude=[] if mention.pronoun else found, prefer=prefer)
        return found

    def _finish(self) -> None:
        """The end of a sentence: places without a subject are said of the sentence's or the text's topic."""
        clause = self._clause
        subjects = clause.subjects or self.draft.expand(self.topic) or self.draft.things[-1:]
        for match in clause.pending:
            if subjects:
                self._apply(match, subjects)
            elif match.meaning.startswith("sees_") and match.slots.get("REF"):
                # "shot from behind the car"
                for thing in self._things(match.slots["REF"]):
                    self.draft.relate(match.meaning, thing)
            elif match.meaning.startswith("sees_"):
                self.draft.camera.append((match.meaning, None, None))
            else:
                self._unsaid(match)
        if clause.subjects and not any(thing.ghost for thing in clause.subjects):
            self.topic = clause.subjects

    def _unsaid(self, match: Match) -> None:
        for slot in ("A", "B", "REF"):
            self._things(match.slots.get(slot, ()))
        self._not_understood(match.meaning.replace("_", " "))


def _one_support(match: Match) -> Match:
    """ "a lamp on a table and a wardrobe": nothing stands on two things, so the second is a thing beside."""
    listed = match.slots.get("REF", ())
    if match.meaning not in ("on", "under") or len(listed) < 2 or listed[1].article != "a":
        return match
    return replace(match, slots={**match.slots, "REF": listed[:1]}, end=listed[0].end)


def _someone(thing: Thing) -> bool:
    return thing.is_person or (thing.noun is not None and thing.noun.plan in PLANS["person"] | PLANS["animal"])


def _is_animal(things: Sequence[Thing]) -> bool:
    return any(thing.noun is not None and thing.noun.plan in PLANS["animal"] for thing in things)


def _participle(word: str) -> bool:
    return word.endswith("ing") or word in PARTICIPLES
