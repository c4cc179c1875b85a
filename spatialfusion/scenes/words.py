"""A scene text as lines of words, and the numbers among them. Bounds are checked before anything is built.

Typographic dashes, quotes, spaces and a byte-order mark are read as their plain forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..errors import InputError, suggest

MAX_TEXT = 1_000_000  # characters
MAX_LINE = 20_000
_SHOWN = 40  # characters of a word in a message

# Words that carry no meaning here: "a red car at 0 m 6 m facing to the left".
FILLERS = {"a", "an", "the", "m", "meter", "meters", "metre", "metres", "deg", "degree", "degrees"}
_NOT_ALONE = {"meter", "meters"}  # units that are fillers only behind a number: "parking meter" is a thing
COMPARATIVES = {"taller", "shorter", "wider", "narrower", "longer"}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(m|cm|deg|°)?")
NUMBER_LIKE = re.compile(r"[+-]?\.?\d")
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("‐‑‒–—―−﹣－", "-"),
        **dict.fromkeys("\u00a0\u1680\u202f\u205f\u3000", " "),
        **dict.fromkeys(map(chr, range(0x2000, 0x200B)), " "),
        **dict.fromkeys("\ufeff\u200b\u200c\u200d\u2060\u00ad", ""),
        "×": "x",
        "，": ",",
        "’": "'",
    }
)
QUOTES = '"“”„‟«»'
_UNQUOTED = re.compile(f"[^{QUOTES}#;；]+")
_PART = re.compile(r"\S+")
_QUOTED = re.compile(f"[{QUOTES}]([^{QUOTES}]*)[{QUOTES}]")


@dataclass(frozen=True)
class Wanted:
    """What a key word wants after it: how many numbers, what they are, and the range of each."""

    form: str
    low: float
    high: float
    counts: tuple[int, ...] = (1,)
    whole: bool = False
    angle: bool = False


class Words:
    """The words of one statement, taken from left to right. What stood in quotes is one word that begins with one.

    spans: the first character of each word in the text, and the one behind it.
    """

    def __init__(self, line: int, words: list[str], spans: Iterable[tuple[int, int]] = ()) -> None:
        self.line = line
        # A comma separates, but only where a number would else belong to what follows: "chair 2, taller than ...".
        self._words = [word for word in words if word != ","]
        self._commas = {place - 1 - n for n, place in enumerate(i for i, word in enumerate(words) if word == ",")}
        self.spans = [span for word, span in zip(words, spans) if word != ","]
        self._place = 0

    @property
    def place(self) -> int:
        """How many words are taken."""
        return self._place

    def peek(self, ahead: int = 0) -> str | None:
        place = self._place + ahead
        return self._words[place] if place < len(self._words) else None

    def next(self) -> str:
        """The next word, taken; "" at the end."""
        word = self.peek() or ""
        self._place += bool(word)
        return word

    def skip(self, words: Iterable[str]) -> None:
        while (self.peek() or "") in words:
            self._place += 1

    def comes(self, *words: str) -> bool:
        return all(self.peek(place) == word for place, word in enumerate(words))

    def comes_measure(self) -> bool:
        """Whether a number comes that what follows it belongs to: "2 from dog", "0.5 taller than dog"."""
        if not self.number_next() or self._place in self._commas:
            return False
        return self.peek(1) in ("from", "away", "times") or (self.peek(1) in COMPARATIVES and self.peek(2) == "than")

    def accept(self, *words: str) -> bool:
        """Take the words if they come next."""
        found = self.comes(*words)
        self._place += len(words) if found else 0
        return found

    def take(self, count: int) -> list[str]:
        self._place += count
        return self._words[self._place - count : self._place]

    def ahead(self, count: int) -> str:
        """The next `count` words as a phrase, shorter at the end."""
        return " ".join(self._words[self._place : self._place + count])

    def all(self) -> list[str]:
        return self._words

    def error(self, wrong: str, right: str) -> InputError:
        return InputError(f"line {self.line} of the scene text: {wrong}; expected {right}.")

    def number_next(self) -> bool:
        return NUMBER_LIKE.match(self.peek() or "") is not None

    def numbers(self, key: str, wanted: Wanted) -> tuple[float, ...]:
        """The numbers that follow the word `key`."""
        found: list[float] = []
        # Not more than may be wanted at most, and one to tell that there are more.
        while self.number_next() and len(found) <= max(wanted.counts):
            if len(found) in wanted.counts and self.comes_measure():
                break
            found.append(self._number(self.next(), key, wanted))
        if len(found) not in wanted.counts:
            counts = " or ".join(map(str, wanted.counts))
            numbers = f"{len(found) or 'no'} number{'' if len(found) == 1 else 's'}"
            raise self.error(f'"{key}" has {numbers} after it', f"{counts}: {wanted.form}")
        for number in found:
            self.check(number, f'after "{key}"', wanted)
        return tuple(found)

    def number(self, wanted: Wanted) -> float:
        """The next word, which is to be a number."""
        number = self._number(self.next(), "", wanted)
        self.check(number, "", wanted)
        return number

    def check(self, number: float, where: str, wanted: Wanted) -> None:
        if not wanted.low <= number <= wanted.high or (wanted.whole and number != int(number)):
            whole = "a whole number " if wanted.whole else ""
            raise self.error(
                f"{number:g} {where}{' ' if where else ''}is out of range",
                f"{whole}from {wanted.low:g} to {wanted.high:g} ({wanted.form})",
            )

    def _number(self, word: str, key: str, wanted: Wanted) -> float:
        match = _NUMBER.fullmatch(word)
        after = f' after "{key}"' if key else ""
        if match is None:
            raise self.error(f'"{shown(word)}"{after} is not a number', "a number with a decimal point, such as 0.7")
        number, unit = float(match[1]), match[2]
        if unit is not None and (unit in ("deg", "°")) != wanted.angle:
            raise self.error(f'"{shown(word)}"{after} has the wrong unit', wanted.form)
        return number / 100 if unit == "cm" else number


def split_text(text: str) -> Iterator[Words]:
    """The statements of a text, which end with a line or a semicolon; remarks begin with #.

    Raises InputError for more text than a scene takes, and for control characters.
    """
    if len(text) > MAX_TEXT:
        raise InputError(
            f"the scene text has {len(text):,} characters; expected at most {MAX_TEXT:,}, a line for each object."
        )
    start = 0  # of the line in the text
    for line, whole in enumerate(text.splitlines(keepends=True), 1):
        content = "".join(whole.splitlines())
        if len(content) > MAX_LINE:
            raise InputError(
                f"line {line} of the scene text has {len(content):,} characters; expected at most {MAX_LINE:,}."
            )
        odd = next((each for each in content if not is_readable(each)), None)
        if odd is not None:
            raise InputError(
                f"line {line} of the scene text has the character U+{ord(odd):04X}, which cannot be shown; "
                "expected letters, digits and punctuation."
            )
        statement: list[str] = []
        spans: list[tuple[int, int]] = []
        place = 0
        while place < len(content):
            found = _QUOTED.match(content, place) or _UNQUOTED.match(content, place)
            if found and found.re is _QUOTED:
                statement.append('"' + found[1])
                spans.append((start + place, start + found.end()))
            elif found:
                for part in _PART.finditer(found[0]):
                    behind_number = bool(statement) and NUMBER_LIKE.match(statement[-1]) is not None
                    words = [
                        word
                        for word in _split(part[0].translate(_PLAIN))
                        if word not in FILLERS or (word in _NOT_ALONE and not behind_number)
                    ]
                    # A comma is no part of the word before it.
                    length = max(part[0].rfind(each) for each in ",，") if words[-1:] == [","] else len(part[0])
                    first = start + place + part.start()
                    statement += words
                    spans += [(first, first + length)] * len(words)
            elif content[place] == "#":
                break
            elif content[place] in QUOTES:
                raise InputError(f"line {line} of the scene text: a quote is not closed; expected one more quote.")
            else:
                if any(word != "," for word in statement):
                    yield Words(line, statement, spans)
                statement, spans = [], []
            place = found.end() if found else place + 1
        if any(word != "," for word in statement):
            yield Words(line, statement, spans)
        start += len(whole)


def is_readable(character: str) -> bool:
    """Whether a text may have the character: it is not one of control, nor half of one."""
    return character.isprintable() or character.isspace() or ord(character) in _PLAIN


def shown(text: str) -> str:
    """For a message: not longer than a line takes."""
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def unknown(word: str, known: Iterable[str], where: str = "") -> str:
    return f'"{shown(word)}"{where} is not known{suggest(word[:_SHOWN], known)}'


def listing(words: Iterable[str]) -> str:
    *some, last = words
    return f"{', '.join(some)} or {last}" if some else last


def _split(statement: str) -> Iterator[str]:
    """Words in lower case, and commas where they separate; "6x5x7" is three numbers."""
    for word in re.sub(r",(?=\s|$)", " , ", statement.lower()).split():
        yield from word.split("x") if re.fullmatch(r"[\d.]+(x[\d.]+)+", word) else (word,)
