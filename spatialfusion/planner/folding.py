"""One word for each of several that mean the same, before anything is read."""

from __future__ import annotations

from collections.abc import Sequence

from ..scenes.lexicon import ATTRIBUTES, noun
from . import numbers, vocabulary
from .draft import Draft
from .spelling import is_known, is_wording, one_letter_away
from .verbs import IRREGULAR
from .words import AFTER_A_BIT, AFTER_IS, AFTER_RIGHT, FOLD, HARMLESS, PARTS, SCALES, SPELT, STYLE_ADVERBS

# "to the left of the barn as you face it": of the viewer.
_AS_SEEN = {
    (who, verb, it) for who in ("you", "we", "one") for verb in ("face", "see", "view") for it in ("it", "them")
}
_DOWN = frozenset("lying lie lies lay sitting sit sits sat kneeling kneels kneel crouching crouches crouched".split())
_BITS = ("bit", "little", "tad", "touch")
# Words of `FOLD` whose "'s" is always an owner's.
FOLD_OWNERS = ("it", "them", "him", "her", "which", "you", "us", "me")


_BEFORE_NOUNS = frozenset("a an the 's with of in on behind under near beside".split())


def fold(words: Sequence[str], draft: Draft, names: frozenset[str] = frozenset(), known: bool = False) -> list[str]:
    """One word for each of several that mean the same; adverbs that change nothing go to the picture's words."""
    folded = _synonyms(words)
    plain: list[str] = []
    seen = 0
    for at, word in enumerate(folded):
        if word in names and numbers.at(folded, at - 1) not in ("a", "an") and not is_known(word):
            plain.append(word.capitalize())
            continue
        if not known:
            word = _spelt(word, draft)
        if word == "horse" and "horseback" in words and plain[-2:] == ["on", "a"] and _several(plain[:-2]):
            plain[-1:] = ["horses"]  # "two knights on horseback"
        elif word == "'s" and numbers.at(folded, at + 1) in AFTER_IS and numbers.at(folded, at - 1) not in FOLD_OWNERS:
            plain.append("is")
        elif word == "golden" and numbers.at(folded, at + 1) not in ("hour", "retriever", "retrievers", "light"):
            plain.append("gold")
        elif word == "me" and numbers.at(folded, at + 1) == "'s" and _is_thing(folded, at + 2):
            plain.append("the")  # "my dog", but not "my left"
        elif word == "'s" and numbers.at(folded, at - 1) == "me" and plain[-1:] == ["the"]:
            pass
        elif word == "as" and tuple(folded[at + 1 : at + 4]) in _AS_SEEN:
            seen = at + 4
        elif at < seen:
            pass
        elif word == "head" and plain[-1:] == ["a"] and numbers.at(folded, at + 1) in ("taller", "shorter"):
            plain[-1:] = ["25", "cm"]  # "a head shorter than her brother"
        elif word == "middle" and plain[-2:] == ["in", "the"] and folded[at + 1 : at + 3] == ["of", "them"]:
            plain[-2:], seen = ["among"], at + 2
        elif word in ("far", "rear", "opposite") and numbers.at(folded, at + 1) == "wall":
            plain.append("back")
        elif word == "down" and numbers.at(folded, at - 1) in _DOWN:
            pass
        elif word in ("out", "in") and numbers.at(folded, at + 1 + (word == "out")) == "focus":
            seen = at + 2 + (word == "out")  # "out of focus"
            draft.words.append(" ".join(folded[at:seen]))
        elif word == "except" and _says_other(folded, at):
            plain.append(",")
            seen = at + 1 + (numbers.at(folded, at + 1) == "for")
        elif word == "nearby" and numbers.at(folded, at - 1) in ("a", "the"):
            pass
        elif word == "immediate" and numbers.at(folded, at + 1) in ("left", "right", "front", "rear"):
            pass
        elif word == "good" and plain[-1:] == ["a"] and numbers.number(folded, at + 1):
            plain.pop()  # "a good two metres"
        elif word == "too" and numbers.at(folded, at - 1) in ("next", "close", "front", "back", "left", "right"):
            plain.append("to")
        elif word == "far" and numbers.at(folded, at + 1) in ("behind", "beyond", "above", "below", "ahead"):
            pass
        elif word == "off" and numbers.at(folded, at + 1) in ("to", "in"):
            pass
        elif word in _BITS and plain[-1:] == ["a"] and numbers.at(folded, at + 1) in AFTER_A_BIT:
            plain.pop()
        elif word == "another" and folded[at - 1 : at] == ["one"]:
            plain[-1:] = ["each", "other"]  # "one another"
        elif word in ("has", "have", "had") and numbers.at(folded, at + 1) == "been":
            plain.append("is")
        elif word in ("has", "have", "had") and _perfect(folded, at + 1):
            pass
        elif word == "been" and numbers.at(folded, at - 1) in ("has", "have", "had"):
            pass
        elif word in HARMLESS and _names(folded, at):
            plain.append(word)
        elif word in ("directly", "straight", "right") and _overhead(folded, at):
            plain.append("directly")
        elif (word in HARMLESS or _adverb(folded, at)) and not (
            (word == "straight" and numbers.at(folded, at + 1) in ("down", "line"))
            or (word == "family" and numbers.at(folded, at + 1) == "of")
        ):
            pass
        elif word == "right" and numbers.at(folded, at + 1) in AFTER_RIGHT and numbers.at(folded, at - 1) != "the":
            pass
        elif word == "her" and _is_owner(folded, at):
            plain += ["her", "'s"]
        else:
            plain.append(word)
    return plain


def _synonyms(words: Sequence[str]) -> list[str]:
    """The words, those that have a plainer synonym replaced by it."""
    found: list[str] = []
    for at, word in enumerate(words):
        is_noun = numbers.at(words, at - 1) in ("a", "an") and noun(word) is not None
        found += [word] if is_noun else FOLD.get(word, word).split()  # "a photographer" is no camera
    return found


def _is_thing(words: Sequence[str], position: int) -> bool:
    """Whether a noun stands here, maybe behind a colour or an adjective."""
    word = numbers.at(words, position)
    if word in vocabulary.COLOR_NAMES or word in ATTRIBUTES or word in SCALES:
        return _is_thing(words, position + 1)
    return noun(word) is not None and word not in PARTS


def _overhead(words: Sequence[str], position: int) -> bool:
    """Whether it is of the camera that something is straight below: "from directly above"."""
    after = numbers.at(words, position + 1)
    camera = {"from", "camera", "we", "view"} & set(words[max(0, position - 5) : position])
    return (after == "above" or after == "over") and bool(camera)


def _perfect(words: Sequence[str], position: int) -> bool:
    """Whether a past participle stands here, "has climbed", and no adjective of a thing: "has painted walls"."""
    word, after = numbers.at(words, position), numbers.at(words, position + 1)
    past = (word.endswith("ed") and len(word) > 4) or word in IRREGULAR
    return past and noun(word) is None and word not in ATTRIBUTES and noun(after) is None and after not in PARTS


def _is_owner(words: Sequence[str], position: int) -> bool:
    """Whether "her" is an owner: "her left", "her red hat", but not "beside her a dog"."""
    after = numbers.at(words, position + 1)
    if after in ("left", "right", "front", "back", "own") or after in PARTS or after.removesuffix("s") in PARTS:
        return True
    described = after in ATTRIBUTES or after in vocabulary.COLOR_NAMES or after in SCALES
    return noun(words[position + 1 + described]) is not None if position + 1 + described < len(words) else False


def _spelt(word: str, draft: Draft) -> str:
    """The word that a misspelt one means, if it is none that is known and one letter away from one."""
    if len(word) < 5 or not word.isalpha() or is_known(word):
        return word
    found = next((other for other in one_letter_away(word) if other in SPELT), None)
    if found is None and len(word) >= 7 and not word.endswith(("ing", "ed", "er", "ers", "es", "or")):
        agent = (f"{word}r", f"{word}s")  # "explore" is no explorer
        found = next((other for other in one_letter_away(word) if noun(other) is not None and other not in agent), None)
    if found is None:
        return word
    draft.warn(f'"{word}" is read as "{found}".')
    return found


def _several(words: Sequence[str]) -> bool:
    """Whether a number above one stands among the last words."""
    found = (numbers.number(words, at) for at in range(max(0, len(words) - 4), len(words)))
    return any(number is not None and number[0] > 1 for number in found)


def _says_other(words: Sequence[str], position: int) -> bool:
    """Whether the exception has something said of it: "all face right except the last, which faces left"."""
    return bool({"which", "who", "that", "is", "faces", "looks"} & {*words[position + 1 : position + 6]})


def _adverb(words: Sequence[str], position: int) -> bool:
    """Whether a word ends as an adverb, is no thing and no look, and stands beside a word that it can be said of:
    "carelessly parked", but not "lovely", and not "a zorply"."""
    word, before, after = (numbers.at(words, position + step) for step in (0, -1, 1))
    if len(word) <= 5 or not word.endswith("ly") or noun(word) is not None or word in ATTRIBUTES | STYLE_ADVERBS:
        return False
    if is_wording(word) or word in ("alternately", "alternatingly"):
        return False  # "equally far", "diagonally behind"
    parts = ("", ",", ".", ";", "and")
    return position == 0 or not (after in parts and (before in parts or before in ("a", "an", "the")))


def _names(words: Sequence[str], position: int) -> bool:
    """Whether a word that says nothing elsewhere is a noun here: "a stone well"."""
    before = numbers.at(words, position - 1)
    marked = before in _BEFORE_NOUNS or before in ATTRIBUTES or before in vocabulary.COLOR_NAMES
    return (
        marked
        and noun(words[position]) is not None
        and (position + 1 == len(words) or noun(f"{words[position]} {words[position + 1]}") is None)
    )
