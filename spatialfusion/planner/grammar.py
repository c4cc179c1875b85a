"""How sentences are put together: who is said to be where, through clauses, lists, pronouns and inverted orders.

The reader goes through a sentence once, from left to right. At each place it takes the longest of: a wording of a whole
clause, a predicate, a noun phrase, a word of grammar. What nothing takes is listed as not understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..scenes.lexicon import ATTRIBUTES
from . import numbers, vocabulary
from .draft import Draft, Thing
from .meaning import Clause, Sayings
from .mentions import Mentions, fits
from .nouns import Mention, read_mention
from .patterns import Match
from .slots import SLOTS
from .wordings import CLASSES
from .words import (
    AFTER_RIGHT,
    BUILDINGS,
    FOLD,
    GRAMMAR,
    HARMLESS,
    INVERTED,
    KEPT_POSTURES,
    PARTICIPLES,
    PARTS,
    STYLE_WORDS,
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
_JOINTS = frozenset("and while whereas but then where".split())


class Grammar(Sayings):
    """Reads sentences into a draft.

    Args:
        draft: takes what is read.
        mentions: what things there are.
    """

    def __init__(self, draft: Draft, mentions: Mentions) -> None:
        super().__init__(draft, mentions)
        self._cache: dict[tuple[str, int], tuple[Any, int] | None] = {}

    def begin(self, words: Sequence[str]) -> list[str]:
        """Take up a sentence, given as tokens; return its words as the wordings have them."""
        self.words = self._plain(words)
        self._cache.clear()
        self._clause = Clause()
        return self.words

    def read(self, words: Sequence[str], about: Sequence[Thing] = ()) -> None:
        """Read one sentence, given as tokens. `about`: what "it" at its beginning means."""
        self.begin(words)
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

    def _plain(self, words: Sequence[str]) -> list[str]:
        """One word for each of several that mean the same; adverbs that change nothing go to the picture's words."""
        folded = [part for word in words for part in FOLD.get(word, word).split()]
        plain: list[str] = []
        for at, word in enumerate(folded):
            if word == "another" and folded[at - 1 : at] == ["one"]:
                plain[-1:] = ["each", "other"]  # "one another"
            elif word in ("has", "have", "had") and numbers.at(folded, at + 1) == "been":
                plain.append("is")
            elif word == "been" and numbers.at(folded, at - 1) in ("has", "have", "had"):
                pass
            elif word in HARMLESS and not (word == "straight" and numbers.at(folded, at + 1) in ("down", "line")):
                self._keep(word, quiet=True)
            elif word == "right" and numbers.at(folded, at + 1) in AFTER_RIGHT and numbers.at(folded, at - 1) != "the":
                pass
            elif word == "her" and numbers.at(folded, at + 1) in ("left", "right", "front", "back", "own"):
                plain += ["her", "'s"]
            else:
                plain.append(word)
        return plain

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
            if self._clause_match(position, end) is not None:
                return position
            position = end

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
        style = self._match(vocabulary.styles, position)
        if style is not None:
            self._keep(" ".join(self.words[position : style.end]))
            return style.end
        clause = self._match(vocabulary.clauses, position)
        predicate = self._match(vocabulary.predicates, position)
        viewpoint = self._match(vocabulary.viewpoints, position)
        ends = [found.end if found else 0 for found in (clause, viewpoint, predicate)]
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
        if word in ("that", "which", "who", "whom") and self._relative(position):
            return position + 1
        if word in ("it", "him", "her", "them", "'s"):
            part = position + 1 + (word != "'s")
            if numbers.at(self.words, part - 1) == "'s" and numbers.at(self.words, part) in PARTS:
                return part + 1  # "its head turned left" is said of the whole
        if word in CLASSES["have"] and (self._current() or self._place_before):
            return self._with(position)
        if word == "not" and self._match(vocabulary.predicates, position + 1) is not None:
            return self._denied(position)
        if word in ("left", "right") and numbers.at(self.words, position + 1) in ("", ",") and self._current():
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
        if word in STYLE_WORDS:
            self._keep(word)
        elif word in GRAMMAR:
            pass
        else:
            self._not_understood(word)
        return position + 1

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
        if not subjects or not (self._clause.finite or self._clause.boundary or self._clause.relative):
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
            return end
        listed = [mention for mention in listed if not mention.place]
        prefer = clause.viewpoint or (self.topic if not clause.subjects else clause.subjects)
        subjects: list[Thing] = []
        for mention in listed:
            # "two dogs, one red and one blue" speaks on of the same; other pronouns mean what the sentence is about.
            found = self.mentions.resolve(mention, exclude=[t for t in subjects if not mention.pronoun], prefer=prefer)
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
        # "On the table is a mug, and beside it a bottle": "it" is what was named last, the mug.
        self.mentions.touch(clause.subjects)
        return end

    def _list(self, position: int) -> tuple[list[Mention], bool, int]:
        """The noun phrases joined by commas and "and" from here on; whether they share what follows; the end."""
        first = self.mention(position)
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
            if following.pronoun == "one" and first.pronoun != "one":
                break
            if first.pronoun == "one" and self.predicate_follows(first.end):
                break
            listed.append(following)
            end = following.end
            joined = joint == "and"
            if joint == "and":
                break
        if joined:
            return listed, True, end
        # Only commas between: each is a thing of its own, and what follows is about the last.
        return listed[:1], len(listed) == 1, listed[0].end

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

    def predicate_follows(self, position: int) -> bool:
        position = self._past_verbs(position)
        return self._match(vocabulary.predicates, position) is not None or (
            numbers.at(self.words, position) in vocabulary.COLOR_NAMES
        )

    def _past_verbs(self, position: int) -> int:
        while numbers.at(self.words, position) in CLASSES["be"] | CLASSES["stand"]:
            position += 1
        return position

    def _with(self, position: int) -> int:
        """ "a table with a lamp on it", "the table has a lamp on it": the lamp is spoken of, and "it" is the table."""
        clause = self._clause
        owner = list(clause.local or (clause.subjects if clause.finite or clause.boundary else clause.nearest))
        owner = owner or list(clause.subjects)
        listed, _, end = self._list(position + 1)
        listed = [mention for mention in listed if not mention.place]
        if not listed or listed[0].pronoun in ("it", "them", "him", "her"):
            # "with LENGTH between them" and the like are wordings; here follows nothing that can stand anywhere.
            mention = self.mention(position + 1, bare_unknown=True)
            if mention is not None and mention.unknown and owner:
                self._describe(owner, position, mention.end)
                return mention.end
            return position + 1
        said = self.predicate_follows(end)
        if listed[0].unknown and not said and owner:
            # "a house with a red roof": a part, not a thing beside it.
            self._describe(owner, position, listed[0].end)
            return listed[0].end
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

    def _describe(self, things: Sequence[Thing], start: int, end: int) -> None:
        for thing in things:
            thing.words += self.words[start:end]

    def _says_of_with(self, end: int) -> bool:
        """Whether what follows is about the thing after "with": "with a lamp on it", "with a dog sitting on a rug"."""
        if self._past_verbs(end) > end:
            return True
        match = self._match(vocabulary.predicates, end)
        if match is None:
            return True  # "with one red"
        return all(mention.pronoun for mention in match.slots.get("REF", ()))

    def _accompany(self, things: Sequence[Thing], owner: Sequence[Thing]) -> None:
        """A thing after "with" of which nothing else is said: in a vessel, else next to its owner."""
        holds = any(thing.kind in VESSELS for thing in owner)
        for thing in things:
            self.draft.relate("in" if holds else "next", thing, list(owner))

    def _predicate(self, match: Match, position: int) -> int:
        clause = self._clause
        subjects = self._subjects_of(match)
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
            clause.boundary = ""
        return match.end

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

    def _finish(self) -> None:
        """The end of a sentence: places without a subject are said of the sentence's or the text's topic."""
        clause = self._clause
        subjects = clause.subjects or self.draft.expand(self.topic) or self.draft.things[-1:]
        for match in clause.pending:
            if subjects:
                self._apply(match, subjects)
            elif match.meaning.startswith("sees_"):
                self.draft.camera.append((match.meaning, None, None))
            else:
                self._unsaid(match)
        if clause.subjects:
            self.topic = clause.subjects

    def _unsaid(self, match: Match) -> None:
        for slot in ("A", "B", "REF"):
            self._things(match.slots.get(slot, ()))
        self._not_understood(match.meaning.replace("_", " "))


def _participle(word: str) -> bool:
    return word.endswith("ing") or word in PARTICIPLES
