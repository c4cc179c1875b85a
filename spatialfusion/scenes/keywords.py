"""The words of the scene language: nouns, colours, key words with what they want, and wordings of relations."""

from __future__ import annotations

import re

from . import lexicon
from .primitives import BLOCK, ELLIPSOID, FRUSTUM
from .program import COMPARED
from .render import GROUNDS, SKIES
from .scene import COLORS, KINDS, SHADES
from .words import Wanted, Words

KIND_WORDS = {
    **{kind: kind for kind in KINDS},
    **{"person": "figure", "human": "figure", "man": "figure", "woman": "figure"},
    **{"box": "cube", "sphere": "ball", "couch": "sofa", "cup": "mug"},
}
COLOR_WORDS = {**{color: color for color in (*COLORS, *SHADES)}, "gray": "grey", "golden": "gold"}
FACING = {
    **dict.fromkeys(("viewer", "camera", "us", "me", "front"), "viewer"),
    **dict.fromkeys(("right", "rightwards"), "right"),
    **dict.fromkeys(("away", "back", "backwards"), "away"),
    **dict.fromkeys(("left", "leftwards"), "left"),
}
SUBJECTS = {
    "camera": "camera",
    "light": "light",
    **dict.fromkeys(("outdoor", "outdoors", "outside"), "outdoor"),
    **dict.fromkeys(("room", "indoor", "indoors", "inside"), "room"),
}
COUNTS = {word: n for n, word in enumerate("two three four five six seven eight nine ten eleven twelve".split(), 2)}
TOWARDS = {"to", "toward", "towards", "at"}
NAME = re.compile(r"[^\W\d][\w-]*")
NOUN_WORDS = 4  # of the longest noun

SIZE = Wanted("width, height and length, or the height alone, in metres", 0.001, 200, (1, 3))
EXTENT = Wanted("metres", 0.001, 200)
POSITION = Wanted("x (to the right), z (forward) and, if not on the ground, the height of the base, in metres",
                   -1000, 1000, (2, 3))  # fmt: skip
YAW = Wanted("degrees; 0 faces the viewer, 90 the viewer's right", -360, 360, angle=True)
GAP = Wanted("metres between the two", 0, 1000)
DISTANCE = Wanted("metres", 0.01, 1000)
MORE = Wanted("metres of difference", 0.001, 200)
RATIO = Wanted("how many times the volume", 0.001, 1000)
CAMERA = {
    "height": Wanted("metres above the ground", 0.01, 200),
    "pitch": Wanted("degrees downwards", -89, 89, angle=True),
    "fov": Wanted("degrees from the left to the right edge of the image", 5, 150, angle=True),
    "yaw": Wanted("degrees to the right", -360, 360, angle=True),
    "at": Wanted("x (to the right) and z (forward) in metres", -1000, 1000, (2,)),
}
_LIGHT = {
    "azimuth": Wanted("degrees; 0 shines from the viewer's side, 90 from the right", -360, 360, angle=True),
    "elevation": Wanted("degrees above the horizon", 1, 90, angle=True),
}
_TILE = Wanted("metres, the edge of the squares on the ground", 0.01, 100)
_OUTDOOR = {
    "ground": Wanted("a palette", 0, len(GROUNDS) - 1, whole=True),
    "sky": Wanted("a palette", 0, len(SKIES) - 1, whole=True),
    "tile": _TILE,
}
_ROOM = {
    "size": Wanted("width, height, and how far forward its back wall stands, in metres", 0.1, 1000, (3,)),
    "floor": _OUTDOOR["ground"],
    "walls": _OUTDOOR["sky"],
    "tile": _TILE,
}
SETTINGS = {"camera": CAMERA, "light": _LIGHT, "outdoor": _OUTDOOR, "room": _ROOM}

# Longer wordings stand before those that they begin with.
RELATIONS: tuple[tuple[tuple[str, ...], str], ...] = tuple(
    (tuple(wording.split()), kind)
    for wording, kind in (
        ("at front of", "at front of"),
        ("at back of", "at back of"),
        ("at left of", "at left of"),
        ("at right of", "at right of"),
        ("to left of", "left of"),
        ("on left of", "left of"),
        ("left of", "left of"),
        ("to right of", "right of"),
        ("on right of", "right of"),
        ("right of", "right of"),
        ("in front of", "in front of"),
        ("behind", "behind"),
        ("nearer than", "nearer than"),
        ("closer than", "nearer than"),
        ("farther than", "farther than"),
        ("further than", "farther than"),
        ("next to", "next to"),
        ("beside", "next to"),
        ("between", "between"),
        ("on top of", "on"),
        ("on", "on"),
        ("under", "under"),
        ("below", "under"),
        ("above", "above"),
        ("over", "above"),
        ("around", "around"),
        ("face to face with", "face to face with"),
        ("back to back with", "back to back with"),
        ("side by side with", "side by side"),
    )
)
# Relations of a group's members to each other.
MUTUAL = (
    (("facing", "each", "other"), "face to face with"),
    (("face", "to", "face"), "face to face with"),
    (("back", "to", "back"), "back to back with"),
    (("side", "by", "side"), "side by side"),
)
GAPPED = {"left of", "right of", "in front of", "behind", "next to", "above"}
GAPPED |= {"at front of", "at back of", "at left of", "at right of"}
SHAPES = {"block": BLOCK, "ball": ELLIPSOID, "cylinder": FRUSTUM, "cone": FRUSTUM}
MAX_PARTS = 64  # of one object
ROLES = ("main", "deep", "pale", "dark", "light", "glass", "wood", "skin")
PLACE = Wanted("x (to the right), the height of its middle, and z (to the back) from the middle of the base, then "
                "width, height and length, in metres", -1000, 1000, (6,))  # fmt: skip
TAPER = Wanted("the top's width as a part of the base's, across and along", 0, 10, (1, 2))
TILT = Wanted("degrees by which the top leans to the front", -360, 360, angle=True)
SIDES = ("front", "back", "left", "right")
SHOTS = ("wide", "medium", "close")
LEVELS = ("low", "eye level", "high", "top-down")
# Words that begin a clause: where the words of another thing end.
CLAUSES = frozenset(
    [wording[0] for wording, _ in (*RELATIONS, *MUTUAL)]
    + "at size yaw facing looking as height width length like parts hidden against in by and twice half".split()
    + [kind.split()[0] for kind in COMPARED]
)
THING_WORDS = ("at", "size", "yaw", "facing", "on", "as")


def find_noun(word: str) -> str | None:
    """The canonical noun of which `word` is the singular, the plural or a synonym."""
    if word in KIND_WORDS:
        return KIND_WORDS[word]
    noun = lexicon.noun(word)
    return noun.name if noun else None


def is_plural(word: str) -> bool:
    return lexicon.noun(word) is not None and lexicon.singular(word) != " ".join(word.replace("-", " ").split())


def is_clause_word(word: str) -> bool:
    """Whether the word can begin a clause."""
    return word in CLAUSES


def synonym(word: str) -> str:
    """The singular of a word, where it is not the canonical noun: "women" gives "woman", which is a figure; else ""."""
    single = lexicon.singular(word) if lexicon.noun(word) else word
    return "" if single == find_noun(word) else single


def noun_length(words: Words) -> int:
    """How many of the next words are a noun; 0 for none."""
    for length in range(NOUN_WORDS, 0, -1):
        phrase = words.ahead(length)
        if phrase.count(" ") == length - 1 and find_noun(phrase):
            return length
    return 0
