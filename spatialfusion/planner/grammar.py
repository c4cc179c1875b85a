"""How sentences are put together: who is said to be where, through clauses, lists, pronouns and inverted orders.

The reader goes through a sentence once, from left to right. At each place it takes the longest of: a wording of a whole
clause, a predicate, a noun phrase, a word of grammar. What nothing takes is listed as not understood.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..needed import needed
from ..scenes.lexicon import ATTRIBUTES, noun
from . import numbers, verbs, vocabulary
from .accounts import unaccounted
from .describing import Describing
from .draft import COMPARED, Thing
from .nouns import Mention, known_noun
from .patterns import Match
from .spelling import is_known
from .wordings import CLASSES
from .words import (
    GRAMMAR,
    INTANGIBLE,
    OUTDOORS,
    STYLE_NOUNS,
    STYLE_WORDS,
)

_HOLDS = frozenset(
    "holding wearing clutching holds wears hold wear carry clutch carrying "
    "carries gripping grips wielding wields brandishing waving swinging "
    "hugging cradling juggling throwing clutches flying bearing sporting".split()
)
_FRONTS = frozenset(
    "front face head nose muzzle snout beak bow gaze eyes hood prow spout trunk back "
    "entrance opening doorway mouth".split()
)
# Words that say where something is, if anything understands them.
_PLACING = frozenset("of to at by in on from with than as for".split())
_AFTER_PICTURE = frozenset(("", ",", "taken", "shot", "seen", "captured", "viewed", "from", "in"))
_COMMANDS = frozenset("hang put place add lay set stand position draw paint show include".split())
_PICTURE_AT = (
    "on",
    "above",
    "under",
    "left",
    "right",
    "behind",
    "next",
    "against",
    "between",
    "front",
)  # of no point of view
_JOINTS = frozenset("and while whereas but then where because since although though plus".split())


class Grammar(Describing):
    """Reads sentences into a draft.

    Args:
        draft: takes what is read.
        mentions: what things there are.
        names: words, in lower case, that are written with a capital.
    """

    def read(self, words: Sequence[str], about: Sequence[Thing] = ()) -> None:
        """Read one sentence, given as tokens. `about`: what "it" at its beginning means."""
        self.begin(words)
        self._with_last()
        self.topic = list(about) or self.topic
        position = self._side_of_thing(self._opening(0))
        while position < len(self.words):
            position = self._step(position)
        self._finish()
        for word in unaccounted(self.words, self.draft):
            self._not_understood(word)

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
            if self._placed_picture(position):
                return position
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
            if numbers.at(self.words, end - 1) in ("taken", "shot", "seen", "captured", "viewed"):
                end -= 1
            if self._clause_match(position, end) is not None or self._hung(position, end):
                return position
            position = end

    def _side_of_thing(self, position: int) -> int:
        """Past "the left side of a car", where that is what the picture shows: nothing is said of it."""
        found = self._match(vocabulary.parts, position)
        if found is None or numbers.at(self.words, found.end) not in ("", ",", "and", "with", "while", "fills"):
            return position
        return self._whole(found)

    def _hung(self, position: int, end: int) -> bool:
        """Whether "a painting of a ship" hangs there, so that it is a thing of the scene."""
        if not any(noun(word) is not None for word in self.words[position:end]) or end == position:
            return False
        mention = self.mention(end)
        after = self._match(vocabulary.predicates, mention.end) if mention is not None else None
        hangs = mention is not None and numbers.at(self.words, mention.end) in ("hangs", "hanging", "hung", "framed")
        return hangs or (after is not None and "wall" in self.words[after.start : after.end])

    def _placed_picture(self, position: int) -> bool:
        """Whether a picture is a thing that has a place: "a painting above a sofa"."""
        end = position + (numbers.at(self.words, position) in ("a", "an", "the"))
        if end == position or numbers.at(self.words, end) not in CLASSES["picture"]:
            return False
        place = self._match(vocabulary.predicates, end + 1)
        things = place.slots.get("REF", ()) if place is not None else ()
        return place is not None and place.meaning in _PICTURE_AT and any(not mention.place for mention in things)

    def _styled_picture(self, position: int) -> int:
        """Past "a beautiful oil painting of", whose words of style are the picture's."""
        end = position + (numbers.at(self.words, position) in ("a", "an", "the"))
        looks: list[str] = []
        while True:
            if self._says_view(end):
                if not looks or self.words[end - 1] not in CLASSES["picture"]:
                    return position
                for words in looks:
                    self._keep(words)
                return end
            style = self._match(vocabulary.styles, end)
            word = numbers.at(self.words, end)
            after = numbers.at(self.words, end + 1)
            if word in CLASSES["picture"] and looks and (after in _AFTER_PICTURE or after in ("of", "with", "showing")):
                break
            if word == "," and looks and numbers.at(self.words, end + 1) in STYLE_WORDS | ATTRIBUTES:
                end += 1
            elif style is not None:
                looks.append(" ".join(self.words[end : style.end]))
                end = style.end
            elif word in STYLE_WORDS or (word in ATTRIBUTES and word not in CLASSES["picture"]):
                looks.append(word)
                end += 1
            elif not self._says_view(position, end) and (picture := self._picture_after(end)) > end:
                looks += self.words[end:picture]
                end = picture
            else:
                break
        picture = numbers.at(self.words, end) in CLASSES["picture"]
        end += picture
        after = numbers.at(self.words, end)
        if not looks or not (after in ("of", "with", "showing", "depicting") or (picture and after in _AFTER_PICTURE)):
            return position
        for words in looks:
            self._keep(words)
        return end + (after in ("of", "with", "showing", "depicting"))

    def _says_view(self, *positions: int) -> bool:
        """Whether a wording stands here: "a side view of"."""
        tables = (vocabulary.clauses, vocabulary.predicates)
        return any(self._match(table, position) is not None for table in tables for position in positions)

    def _picture_after(self, position: int) -> int:
        """Where the picture is named whose words stand here: "street photo of", "underwater picture of"."""
        for end in range(position + 1, min(position + 4, len(self.words))):
            word = self.words[end - 1]
            if (
                ((not word.isalpha() or word in GRAMMAR) and word != "'s")
                or word in CLASSES["be"]
                or word in CLASSES["stand"]
            ):
                return position
            after = numbers.at(self.words, end + 1)
            follows = after in ("of", "with", "showing", "depicting") or (position == 0 and after == ",")
            if self.words[end] in CLASSES["picture"] and follows and not self._hung(position, end + 2):
                return end
        return position

    def _style_tag(self, position: int) -> int:
        """The end of "concept art", "interior design magazine", "by rembrandt" between commas; else the position."""
        end = position
        while numbers.at(self.words, end) not in ("", ","):
            end += 1
        tag = self.words[position:end]
        if self._clause.boundary != "," or not self.draft.things or len(tag) > 4:
            return position
        if tag[:1] == ["by"] and tag[1:] and not any(is_known(word) for word in tag[1:]):
            return end
        plain = not any(word in GRAMMAR or word in CLASSES["stand"] for word in tag)
        return end if plain and any(word in STYLE_NOUNS for word in tag) else position

    def _clause_match(self, position: int, end: int) -> Match | None:
        """A clause that takes more than an opening would: "a picture of the left side of a car"."""
        found = self._match(vocabulary.clauses, position)
        return found if found is not None and found.end > end else None

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
        if (end := self._style_tag(position)) > position:
            self._keep(" ".join(self.words[position:end]))
            return end
        clause = self._longest_clause(position)
        predicate = self._match(vocabulary.predicates, position)
        if predicate is not None and self._means_else(predicate):
            predicate = None
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
            if self._phrase_instead(position, needed(predicate)) is None:
                return self._predicate(needed(predicate), position)
        return self._other_word(position)

    def _means_else(self, match: Match) -> bool:
        """Whether the words are no predicate here, as a noun or "of" goes on with them."""
        if match.meaning == "wears" and match.end - match.start < 4:
            return known_noun(self.words, match.end) is not None  # "in red shoes", but not "a man in black"
        if match.meaning == "tilt" and numbers.at(self.words, match.end) == "of":
            return True  # "a cello leaning to the left of it"
        # "two larger baskets", but not "the left one is larger"
        bare = match.meaning.startswith("open_") and match.meaning.removeprefix("open_") in COMPARED
        after = numbers.at(self.words, match.end)
        return bare and match.end == match.start + 1 and after not in ("", ",", "and", "but", "while", "whereas")

    def _longest_clause(self, position: int) -> Match | None:
        """A clause from here on, if no predicate of its first thing takes more: "a dog turns its back on a house"."""
        clause = self._match(vocabulary.clauses, position)
        first = self.mention(position) if clause is not None else None
        if clause is None or first is None or first.end >= clause.end:
            return clause
        predicate = self._match(vocabulary.predicates, first.end)
        return None if predicate is not None and predicate.end > clause.end else clause

    def _phrase_instead(self, position: int, predicate: Match) -> Mention | None:
        """A noun phrase that is longer than the predicate at its place, where a subject may stand."""
        if not self._clause.boundary:
            return None
        mention = self.mention(position)
        if mention is None:
            return None
        several = sum(thing.count for thing in self.draft.things) > len({thing.kind for thing in self.draft.things})
        # "three chairs: the nearest is red"
        member = several and mention.pronoun == "one" and mention.ordinal is not None and mention.end == predicate.end
        return mention if mention.end > predicate.end or member else None

    def _other_word(self, position: int) -> int:
        """Past a word at which no wording of the vocabulary begins."""
        readers = (self._joining, self._having, self._denying, self._acting, self._turning, self._naming)
        for read in readers:
            end = read(position)
            if end is not None:
                return end
        return self._left_over(position)

    def _joining(self, position: int) -> int | None:
        """Words between clauses."""
        word = self.words[position]
        if word in _JOINTS:
            return self._separate(position, word)
        if (end := self._stranded(position)) > position:
            return end
        if word in _COMMANDS and self._clause.boundary in ("and", ",", "then"):
            ordered = self.mention(position + 1)
            if ordered is not None and ordered.article:
                return position + 1  # "and hang a mirror over it"
        if word in ("that", "which", "who") and self._about_place(position):
            return position + 1
        if word in ("that", "which", "who", "whom") and self._relative(position):
            return position + 1
        if word in ("has", "have", "had") and numbers.at(self.words, position + 1) in verbs.THERE:
            return position + 1
        return None

    def _having(self, position: int) -> int | None:
        """ "has", and the 's of what a thing has."""
        word = self.words[position]
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
        return None

    def _denying(self, position: int) -> int | None:
        """ "not", "neither", "without"."""
        word = self.words[position]
        if word == "not" and self._match(vocabulary.predicates, position + 1) is not None:
            return self._denied(position)
        denied = self.mention(position + 1) if word == "not" else None
        if denied is not None and denied.article == "a":
            return self._absent(position)
        if word == "neither" and (end := self._neither(position)) > position:
            return end
        if word == "without" or (word == "no" and position + 1 < len(self.words)):
            return self._absent(position)
        return None

    def _acting(self, position: int) -> int | None:
        """Verbs that say no place."""
        word = self.words[position]
        if word in verbs.FILLED and numbers.at(self.words, position + 1) in ("with", "of"):
            end = self._filled(position)
            if end > position:
                return end
        if word in verbs.ALONE and self._is_tag(position):
            return self._subject(position)
        if word in verbs.ALONE and (self._current() or not self._may_name(position) or self.mention(position) is None):
            return self._does(position)
        if word in verbs.ALONE_PLURAL and self._current() and noun(word) is None:
            return self._does(position)
        if word in verbs.THERE:
            return self._verb(position)
        return None

    def _is_deed(self, position: int) -> bool:
        """Whether a word that no list has is a verb without an object: "a clock ticked on the wall"."""
        word, after = self.words[position], numbers.at(self.words, position + 1)
        past = word in verbs.IRREGULAR or (len(word) > 4 and word.endswith(("ed", "ing")))
        if not (past and self._current()) or word in ATTRIBUTES or noun(word) is not None or word in GRAMMAR:
            return False
        if word in _HOLDS or numbers.at(self.words, position - 1) in ATTRIBUTES:
            return False  # "comfortable seating"
        ends = after in ("", ",", "and", "in", "at", "on", "up", "down", "through", "by", "past")
        return ends or self._match(vocabulary.predicates, position + 1) is not None

    def _turning(self, position: int) -> int | None:
        """A side or "away" that stands alone."""
        word, current = self.words[position], self._current()
        last = self.draft.relations[-1:]
        turned = bool(last) and last[0].kind.startswith("pose_")
        if current and word in ("left", "right", "middle") and numbers.at(self.words, position + 1) in ("", ","):
            # "a woman left, a man right", but "one facing left, the other right"
            for thing in current:
                self.draft.relate(f"{'pose' if turned else 'bare'}_{word}", thing)
            return position + 1
        if current and word == "away" and turned:
            for thing in current:
                self.draft.relate("pose_back", thing)
            return position + 1
        return None

    def _naming(self, position: int) -> int | None:
        """What names a thing, or says how it is."""
        word = self.words[position]
        if word in CLASSES["be"] or word in CLASSES["stand"]:
            return self._verb(position)
        if word in vocabulary.COLOR_NAMES or word in ATTRIBUTES:
            end = self._adjective(position)
            if end > position:
                return end
        if (end := self._identified(position)) > position:
            return end
        if self._may_name(position):
            end = self._subject(position)
            if end > position:
                return end
        if numbers.at(self.words, position - 1) in CLASSES["be"] and self._is_state(position):
            return self._does(position)
        for read in (self._measured, self._acts):
            end = read(position)
            if end > position:
                return end
        return self._does(position) if self._is_deed(position) else None

    def _left_over(self, position: int) -> int:
        """A word that says nothing of a scene, or is not understood."""
        word, before = self.words[position], self.words[position - 1]
        if word in STYLE_WORDS or word in INTANGIBLE or word[:1].isupper():
            self._keep(word)
        elif word == "of" and before in OUTDOORS:
            pass  # "a field of sheep"
        elif word == "of" and before in CLASSES["shot"] | CLASSES["picture"]:
            pass  # "a wide view of a valley"
        elif self._is_per_side(position):
            pass  # "four chairs, two on each side"
        elif word in _PLACING and position > 0:
            end = position + 2 + (numbers.at(self.words, position + 1) in ("a", "an", "the"))
            said = " ".join(self.words[max(0, position - 1) : end])
            if self.mentions.known:
                self._not_understood(said)  # an instruction is followed as a whole, or not at all
            else:
                self.draft.warn(f'what "{word}" says in "{said}" is not read.')
        elif word not in GRAMMAR:
            self._not_understood(word)
        return position + 1

    def _is_per_side(self, position: int) -> bool:
        number = numbers.count(self.words, position)
        match = self._match(vocabulary.predicates, number[1]) if number is not None else None
        return match is not None and match.meaning == "each_side" and bool(self._current())

    def _is_tag(self, position: int) -> bool:
        """Whether a word that may be a verb is a noun between commas: ", painting above the fireplace"."""
        mention = self.mention(position)
        if self._clause.boundary != "," or mention is None or mention.noun is None:
            return False
        return mention.end == position + 1 and self.predicate_after(mention.end)

    def _stranded(self, position: int) -> int:
        """Past "it sits next to" behind the bear that it sits next to: a clause whose reference was just named."""
        clause = self._clause
        start = position + (self.words[position] in ("that", "which", "whom"))
        if clause.boundary or not clause.nearest:
            return position
        mention = self.mention(start)
        if mention is None or mention.place or not (mention.pronoun in ("it", "he", "she", "they") or mention.article):
            return position
        verbs = self._past_verbs(mention.end)
        if verbs == mention.end:
            return position
        for end in range(verbs + 1, min(verbs + 4, len(self.words)) + 1):
            if numbers.at(self.words, end) not in ("", ",", "and", "but", "while", *CLASSES["be"]):
                continue
            whole = self.words
            self.words = [*whole[:end], "it", *whole[end:]]
            self._cache.clear()
            match = self._match(vocabulary.predicates, verbs)
            if match is not None and match.end == end + 1 and "REF" in match.slots:
                self._said[end] = list(clause.nearest)
                subjects = self.mentions.resolve(mention, exclude=clause.nearest, prefer=clause.subjects)
                self._apply(match, subjects)
                return end + 1
            self.words = whole
            self._cache.clear()
        return position

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
