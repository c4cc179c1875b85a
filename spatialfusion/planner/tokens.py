"""A prompt cut into words, numbers and punctuation, in lower case and plain signs."""

from __future__ import annotations

import re
import unicodedata

from ..errors import InputError
from ..scenes.scene import COLORS

MAX_CHARACTERS = 10_000
STOPS = frozenset((".", ";", "!", "?"))

# Each sign that people type or paste, and the plain one that the grammar knows.
_SIGNS = str.maketrans(
    {"’": "'", "‘": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "−": "-", "‐": "-"}
    | {"‑": "-", "–": " , ", "—": " , ", "×": " x ", "·": " ", "•": "\n", "\ufeff": "", "°": " degrees "}
    | {"½": ".5", "¼": ".25", "¾": ".75", "⅓": ".333", "⅔": ".667", "…": ".", "&": " and ", "_": " "}
)
_SHORT = {
    **{f"{word}'s": f"{word} is" for word in ("it", "there", "that", "here", "this", "he", "she", "what")},
    **{f"{word}'re": f"{word} are" for word in ("they", "we", "you", "there")},
    **{"isn't": "is not", "aren't": "are not", "doesn't": "does not", "don't": "do not", "let's": "let us"},
    **{"can't": "can not", "i'm": "i am"},
    **{
        f"{word}'{end}": f"{word} {whole}"
        for word in ("i", "you", "we", "they", "he", "she", "it", "that", "there")
        for end, whole in (("ll", "will"), ("d", "would"), ("ve", "have"))
    },
}
_TOKEN = re.compile(
    r"""
    \d+(?:[.,]\d+)*(?![\w]|[.,]\d)  # 2   2.5   1,000
    | \.\d+(?!\w)               # .5
    | \d+(?:\.\d+)?[^\W\d_]+    # 2m   8k   1.5x
    | [^\W\d_]+\d[\w]*          # b12
    | [^\W\d_]+(?:~[^\W\d_]+)?  # words
    | 's\b | '(?=\s) | "
    | \n+ | [.;!?,:()\[\]/%+]
    """,
    re.VERBOSE,
)
# "moss-covered", "well-lit", "knocked-over", "left-facing": one adjective. Other hyphens separate words.
_ADJECTIVE = re.compile(
    r"""(?<![\w-])(?:
    [^\W\d_]+-(?:[^\W\d_]{2,}ed|lit|worn|swept|blown|grown|cut|built|torn|shut|bound|strewn|woven|clad|hung|driven)
    | (?:[^\W\d_]{2,}ed|worn|torn|broken|grown|blown|strewn)-(?:over|up|down|out|off|in|apart|open)
    | (?:left|right|front|forward|camera|viewer|rear|away|back|backward|backwards)-facing
    )(?![\w-])""",
    re.VERBOSE,
)
_GLUED = re.compile(r"(\d+(?:\.\d+)?)(m|cm|mm|km|ft|feet|foot|in|inch|inches|metres?|meters?|x|deg|degrees?)")


def tokenize(prompt: str) -> list[str]:
    """The words of a prompt. Hyphens separate words but in adjectives such as "well-lit", "car's" is "car" and "'s", a
    line's end is "."."""
    if len(prompt) > MAX_CHARACTERS:
        raise InputError(f"the prompt has {len(prompt):,} characters; expected at most {MAX_CHARACTERS:,}.")
    text = unicodedata.normalize("NFC", prompt).translate(_SIGNS).lower()
    text = re.sub(r"""(?<=\d)\s?(''|"(?=[\s,.;]|$))""", " inches ", text)
    text = re.sub(r"(?<!\S)--[a-z]+(?:\s+[\w:.]+)?(?=\s|$)", " ", text)  # "--ar 4:5"
    # Weights of tags, and what loads a model: "(masterpiece:1.2)", "<lora:film:0.8>".
    text = re.sub(r"<[^<>]*>|:\d+(\.\d+)?(?=\))", " ", text)
    text = re.sub(r"(?<=\d)(?=(girl|boy|wom[ae]n|m[ae]n|person|people|cat|dog|car)s?\b)", " ", text)
    text = re.sub(r"(?<=\d)'(?=[\s\d,.;]|$)", " feet ", text)
    text = re.sub(r"[^\W\d_]+'(?:s|re|t|d|m|ve|ll)\b", lambda match: _SHORT.get(match[0], match[0]), text)
    text = re.sub(
        r"\b(cross|bare|open|wide|upside)[- ](legged|footed|chested|headed|mouthed|eyed|down)\b", r"\1\2", text
    )
    text = re.sub(r"\b(left|right)[- ]most\b", r"\1most", text)
    # "the left-hand door", but not "on the left-hand side"
    text = re.sub(
        r"\b(left|right)-hand(?= [a-z])(?! (?:side|edge|half|corner|third|part|margin|bank|wall)\b)", r"\1", text
    )
    text = re.sub(r"\bo'clock\b", "oclock", text)
    text = re.sub(r"\bw/ ?(?=[a-z\d])", "with ", text)
    # "from above and behind"
    text = re.sub(
        r"\bfrom (above|below|behind) and (?:slightly )?(above|below|behind|the )", r"from \1 and from \2", text
    )
    text = _ADJECTIVE.sub(lambda match: match[0].replace("-", "~"), text.replace("~", " "))
    # "a chair (blue)"
    text = re.sub(
        r"\b([a-z]+) \(\s*([a-z]+)\s*\)",
        lambda found: f"{found[2]} {found[1]}" if found[2] in COLORS else found[0],
        text,
    )
    tokens: list[str] = []
    for match in _TOKEN.finditer(re.sub(r"(?<=\w)-(?=\w)", " ", text)):
        tokens += _parts(match[0].replace("~", "-"))
    return tokens


def _parts(token: str) -> tuple[str, ...]:
    if token.startswith("\n"):
        return (".",)
    if token == "'":
        return ("'s",)  # "the dogs' tails"
    if token in ("(", ")", "[", "]", ":", "/"):
        return (",",)
    glued = _GLUED.fullmatch(token)
    if glued:
        # "1.5x" is "1.5 times".
        return glued[1], "times" if glued[2] == "x" else glued[2]
    if token[0].isdigit() and "," in token:
        return _number_with_commas(token)
    return () if token in ('"', "+") else (token,)


def _number_with_commas(token: str) -> tuple[str, ...]:
    """1,000 is a thousand, 1,5 is one and a half, 1,2,3 are three numbers."""
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", token):
        return (token.replace(",", ""),)
    if re.fullmatch(r"\d+,\d{1,2}", token):
        return (token.replace(",", "."),)
    return tuple(part for part in re.split(r"(,)", token) if part)


def proper_names(prompt: str) -> frozenset[str]:
    """The words, in lower case, that are written with a capital wherever they stand, and not only after a stop."""
    plain = unicodedata.normalize("NFC", prompt).translate(_SIGNS)
    capital = {word.lower() for word in re.findall(r"(?<=[\w,'] )[A-Z][^\W\d_]*", plain)}
    small = set(re.findall(r"\b[^\W\d_A-Z][^\W\d_]*", plain))
    return frozenset(capital - small) if small else frozenset()


def sentences(tokens: list[str]) -> list[list[str]]:
    """The tokens between stops; a sentence without a word is left out."""
    found: list[list[str]] = [[]]
    for token in tokens:
        if token in STOPS:
            found.append([])
        else:
            found[-1].append(token)
    return [sentence for sentence in found if any(word != "," for word in sentence)]
