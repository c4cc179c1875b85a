"""Numbers, lengths, ratios, angles and counts in digits and words.

Each function reads the tokens from `start` on and returns what it read and where it ended, or None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Words = Sequence[str]

_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
_ONES += ["seventeen", "eighteen", "nineteen"]
_TENS = {word: 10 * ten for ten, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
_SMALL = {word: value for value, word in enumerate(_ONES)}
CARDINALS = frozenset((*_SMALL, *_TENS))
_PARTS = {"half": 1 / 2, "quarter": 1 / 4, "quarters": 1 / 4, "third": 1 / 3, "thirds": 1 / 3, "tenth": 0.1}
_UNITS = {
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), 1.0),
    **dict.fromkeys(("cm", "cms", "centimetre", "centimetres", "centimeter", "centimeters"), 0.01),
    **dict.fromkeys(("mm", "millimetre", "millimetres", "millimeter", "millimeters"), 0.001),
    **dict.fromkeys(("km", "kilometre", "kilometres", "kilometer", "kilometers"), 1000.0),
    **dict.fromkeys(("foot", "feet", "ft"), 0.3048),
    **dict.fromkeys(("inch", "inches"), 0.0254),
    **dict.fromkeys(("yard", "yards", "yd"), 0.9144),
}
_PACES = {**dict.fromkeys(("step", "steps", "pace", "paces"), 0.75)}
ABOUT = frozenset("about around roughly approximately approx circa exactly almost nearly some just precisely".split())
_TIMES = {"twice": 2.0, "double": 2.0, "thrice": 3.0, "triple": 3.0, "quadruple": 4.0}
VAGUE = {"couple": 2, "few": 3, "several": 4, "many": 6, "dozen": 12, "handful": 4, "pair": 2, "trio": 3}
# All words that are numbers or units, and no things.
WORDS = frozenset((*_SMALL, *_TENS, *_PARTS, *_UNITS, *_PACES, *_TIMES, "hundred", "thousand", "dozen", "couple"))


@dataclass(frozen=True)
class Count:
    """How many. `vague`: the word that gave no number, such as "several"."""

    number: int
    vague: str = ""


def at(words: Words, position: int) -> str:
    """The word there, "" beyond the end."""
    return words[position] if 0 <= position < len(words) else ""


def is_number(word: str) -> bool:
    return bool(word) and word.replace(".", "", 1).isdecimal()


def number(words: Words, start: int) -> tuple[float, int] | None:
    """2.5, "two", "twenty-five", "two and a half", "one hundred and fifty", "three quarters", "1/2"."""
    word = at(words, start)
    if word == "one" and (part := _part(words, start)) is not None:
        return part  # "one third"
    if is_number(word):
        value, end = float(word), start + 1
    elif word in _SMALL or word in _TENS:
        value, end = _cardinal(words, start)
    else:
        return _part(words, start)
    if at(words, end) in _PARTS and value >= 1 and at(words, end) not in ("half", "quarter", "third"):
        return value * _PARTS[words[end]], end + 1  # "three quarters"
    if at(words, end) == "and" and (part := _part(words, end + 1)) is not None:
        return value + part[0], part[1]
    return value, end


def length(words: Words, start: int) -> tuple[float, int] | None:
    """Metres: "2.5 m", "about two metres", "half a metre", "a metre and a half", "5 feet 6 inches"."""
    start = _skip_about(words, start)
    found = _one_length(words, start)
    if found is None:
        return None
    value, end = found
    if at(words, end - 1) in ("feet", "foot", "ft"):
        skip = end + 1 if at(words, end) == "and" else end
        inches = number(words, skip)
        if inches and at(words, inches[1]) in ("inch", "inches"):
            return value + inches[0] * 0.0254, inches[1] + 1
    return value, end


def ratio(words: Words, start: int) -> tuple[float, int] | None:
    """A factor: "twice", "half", "a third", "three times", "1.5 times", "two and a half times", "150 %"."""
    start = _skip_about(words, start)
    word = at(words, start)
    if word in _TIMES:
        return _TIMES[word], start + 1
    found = number(words, start)
    if found is None:
        return None
    value, end = found
    if at(words, end) in ("times", "x"):
        return value, end + 1
    if at(words, end) in ("%", "percent"):
        return value / 100, end + 1
    return (value, end) if word in ("half", "a", "one", "two", "three") and value < 1 else None


def angle(words: Words, start: int) -> tuple[float, int] | None:
    """Degrees: "90 degrees", "forty-five degrees", "a quarter turn", "half a turn"."""
    start = _skip_about(words, start)
    found = number(words, start)
    if found is None:
        return None
    value, end = found
    if at(words, end) in ("degree", "degrees", "deg"):
        return value, end + 1
    end += at(words, end) in ("a", "of")
    return (value * 360, end + 1) if at(words, end) in ("turn", "circle", "rotation") else None


def count(words: Words, start: int) -> tuple[Count, int] | None:
    """How many things: "3", "three", "a pair of", "several", "a dozen", "a couple of"."""
    if at(words, start) == "half" and at(words, start + 2) == "dozen":
        return Count(6), start + 3
    position = start + (at(words, start) in ("a", "an", "the"))
    word = at(words, position)
    if word in VAGUE and (position > start or word in ("several", "many", "few", "dozen", "pair", "couple")):
        end = position + 1
        end += at(words, end) == "of"
        exact = word in ("pair", "couple", "dozen", "trio")
        return Count(VAGUE[word], "" if exact else word), end
    if word in ("hundred", "thousand") and position > start:
        return Count(100 if word == "hundred" else 1000), position + 1
    if position == start and (is_number(word) or word in _SMALL or word in _TENS):
        value, end = (float(word), start + 1) if is_number(word) else _cardinal(words, start)
        if value == int(value) and value >= 1:
            return Count(int(value)), end
    return None


def _cardinal(words: Words, start: int) -> tuple[float, int]:
    word = at(words, start)
    value: float = _TENS.get(word, _SMALL.get(word, 0))
    end = start + 1
    if word in _TENS and at(words, end) in _ONES[1:10]:
        value, end = value + _SMALL[words[end]], end + 1
    for unit, factor in (("hundred", 100), ("thousand", 1000)):
        if at(words, end) == unit:
            value, end = value * factor, end + 1
            after = end + (at(words, end) == "and")
            if at(words, after) in _SMALL or at(words, after) in _TENS:
                more, end = _cardinal(words, after)
                value += more
    return float(value), end


def _part(words: Words, start: int) -> tuple[float, int] | None:
    """ "half", "a half", "a quarter"."""
    position = start + (at(words, start) in ("a", "one"))
    part = at(words, position)
    return (_PARTS[part], position + 1) if part in ("half", "quarter", "third", "tenth") else None


def _one_length(words: Words, start: int) -> tuple[float, int] | None:
    word = at(words, start)
    if word == "a" and (vague := {"few": 3.0, "couple": 2.0}.get(at(words, start + 1))):
        end = start + 2 + (at(words, start + 2) == "of")
        return _in_metres(vague, words, end)
    if word == "several":
        return _in_metres(4.0, words, start + 1)
    if word in ("a", "an", "one") and (unit := _in_metres(1.0, words, start + 1)):
        if at(words, unit[1]) == "and" and (part := _part(words, unit[1] + 1)):
            return unit[0] * (1 + part[0]), part[1]  # "a metre and a half"
        return unit
    found = number(words, start)
    if found is None:
        return None
    value, end = found
    end += at(words, end) in ("a", "an") or (at(words, end) == "of" and at(words, end + 1) in ("a", "an")) * 2
    return _in_metres(value, words, end)


def _in_metres(value: float, words: Words, end: int) -> tuple[float, int] | None:
    unit = at(words, end)
    factor = _UNITS.get(unit) or _PACES.get(unit)
    return None if factor is None else (round(value * factor, 4), end + 1)


def _skip_about(words: Words, start: int) -> int:
    while at(words, start) in ABOUT:
        start += 1
    return start
