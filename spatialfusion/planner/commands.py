"""How people ask for a change: every wording of an instruction, by the change that it means.

`patterns` explains the notation; the slots are those of `wordings`. A meaning is a kind of edit and its direction.
"""

from __future__ import annotations

import re

from .patterns import Wordings
from .wordings import CLASSES

_CLASSES = CLASSES | {
    name: frozenset(words.split())
    for name, words in {
        "move": "move shift push slide pull bring drag place put take displace nudge scoot relocate",
        "rotate": "turn rotate spin swivel orient point pivot",
        "dolly": "move shift push slide pull bring dolly track take put go step",
        "remove": "remove delete erase drop eliminate discard hide",
        "add": "add put place insert set include introduce position stand draw create hang",
        "grow": "increase raise extend enlarge grow expand lengthen widen heighten stretch scale change",
        "shrink": "reduce decrease lower shorten shrink narrow cut diminish",
        "enlarge": "enlarge scale grow blow expand magnify resize increase",
        "reduce": "shrink scale reduce resize diminish downsize decrease",
        "paint": "paint color recolor dye tint repaint coat",
        "show": "show view see picture display present film shoot photograph look",
    }.items()
}
_TO_FACE = "(to face|to look|look|so that it <face>|so it <face>|so that it <look>|face|facing|looking|towards|to)"

COMMANDS: dict[str, tuple[str, ...]] = {
    "remove": (
        "<remove> A [away|completely] [from the (picture|image|scene|room)]",
        "(<remove>|take) A (from|off) B",
        "(take|clear) away A",
        "(take|clear) A (away|out) [of the (picture|image|scene|room)]",
        "take A from the (picture|image|scene)",
        "get rid of A",
        "A should (disappear|vanish|be gone|be removed)",
        "make A (disappear|vanish)",
    ),
    "clear": ("(<remove>|take|clear) (everything|all) (on|from|off) B", "clear B"),
    "keep": (
        "<remove> (everything|all) (but|except) [for] A",
        "<remove> (everything|all) (other than|besides|apart from|aside from) A",
        "(keep|leave) nothing but A",
    ),
    "swap": (
        "(swap|exchange|switch|trade|interchange) [the] [places|positions] [of] A and B [around|over]",
        "(swap|exchange|switch|trade|interchange) the (places|positions) of A and B",
        "(swap|exchange|switch) A and B 's (places|positions)",
        "(let|have|make) A and B (swap|exchange|switch|trade) [places|positions]",
    ),
    "copy": ("(duplicate|copy|clone|repeat) A",),
    "replace": ("(replace|swap|exchange) A (with|by|for) B", "turn A (in) B", "(change|transform|convert) A (in|to) B"),
    "recolor": (
        "<paint> A [in|with] COLOR",
        "(make|turn) A COLOR",
        "(change|set|switch) the color of A [from COLOR] to COLOR",
        "(change|set|switch) A 's color [from COLOR] to COLOR",
        "(change|recolor) A [from COLOR] to COLOR",
        "(give|make) A [a] COLOR [color|paint|coat]",
        "A should be COLOR [instead]",
    ),
    "move {HAND}": (
        "<move> A LENGTH [to|towards] [the] [camera 's] HAND [side]",
        "<move> A [to|towards] [the] HAND [side] [by LENGTH]",
        "<move> A [farther|more|over] [to|towards] the HAND [side] [by LENGTH]",
        "<move> A by LENGTH (to|towards) the HAND",
    ),
    "move closer": (
        "<move> A LENGTH (closer|forward|forwards|towards CAMERA|to the front) [to CAMERA]",
        "<move> A (closer|forward|forwards|towards CAMERA) [to CAMERA] [by LENGTH]",
        "<move> A by LENGTH (closer|forward|forwards|towards CAMERA) [to CAMERA]",
    ),
    "move farther": (
        "<move> A LENGTH (farther|away|back|backward|backwards|off) [away|back|off] [from CAMERA]",
        "<move> A (farther|away|back|backward|backwards) [away|back|off] [from CAMERA] [by LENGTH]",
        "<move> A by LENGTH (farther|away|back|backward|backwards) [away|back] [from CAMERA]",
    ),
    "near closer": (
        "<move> A [LENGTH] (closer|nearer) to B [by LENGTH]",
        "<move> A [LENGTH] towards B [by LENGTH]",
        "<move> A by LENGTH (closer to|nearer to|towards) B",
    ),
    "near away": (
        "<move> A [LENGTH] [farther|further] (away|off) from B [by LENGTH]",
        "<move> A [LENGTH] farther from B [by LENGTH]",
        "<move> A by LENGTH (away|off) from B",
    ),
    "move to": (
        "(move|shift|push|slide|pull|bring|drag|place|put|scoot|relocate) A [back|forward|closer|up] "
        "[so that it <be>|so it <be>|until it <be>] [over]",
        "(let|have|make) A (sit|stand|lie|be)",
        "(let|have|make) A (go|move|come) [over]",
        "A should (be|stand|sit|lie|hang|go)",
    ),
    "rotate front": (
        f"(<rotate>|make|let|have) A [around|round|about] {_TO_FACE} [towards|to|at|in] CAMERA",
        "(<rotate>|make) A (to face|face) (forward|front|forwards)",
        "A should (face|look at) CAMERA",
    ),
    "rotate back": (
        f"(<rotate>|make|let|have) A [around|round|about] {_TO_FACE} away [from CAMERA]",
        "(<rotate>|make|let) A [to] (face|look) (backwards|backward)",
        "<rotate> A away [from CAMERA]",
        "(<rotate>|make) A [so that] it 's back [is|faces] [to|towards] CAMERA",
        "A should (face|look) away [from CAMERA]",
        "<rotate> A 's back (to|towards) CAMERA",
    ),
    "rotate {HAND}": (
        f"(<rotate>|make|let|have) A [around|round|about] {_TO_FACE} [to|towards] [the] [camera 's] HAND [side] "
        "[of the (picture|image|frame)]",
        "<rotate> A [to|towards] [the] HAND",
        "A should (face|look) [to] [the] HAND",
    ),
    "rotate own_{HAND}": (
        "<rotate> A [by] ANGLE (to|towards) (the|it 's|him 's) [own] HAND",
        "<rotate> A (to|towards) (the|it 's|him 's) [own] HAND by ANGLE",
        "<rotate> A HAND [by] ANGLE",
        "<rotate> A [by] ANGLE HAND",
    ),
    "rotate own_left": (
        "<rotate> A [by] ANGLE (counterclockwise|anticlockwise|counter clockwise|anti clockwise)",
        "<rotate> A (counterclockwise|anticlockwise|counter clockwise|anti clockwise) [by ANGLE]",
        "<rotate> A [by] ANGLE",
        "<rotate> A (around|round|about)",
    ),
    "rotate own_right": ("<rotate> A [by] ANGLE clockwise", "<rotate> A clockwise [by ANGLE]"),
    "rotate to": (
        f"(<rotate>|make|let|have) A [around|round|about] {_TO_FACE} [towards|to|at] B",
        "A should (face|look [at|to|towards]) B",
    ),
    "height more": (
        "make A LENGTH (taller|higher)",
        "make A (taller|higher) [by LENGTH]",
        "<grow> the height of A by LENGTH",
        "<grow> A 's height by LENGTH",
        "change the height of A [,] [by] LENGTH more",
        "A should be LENGTH (taller|higher)",
    ),
    "height less": (
        "make A LENGTH lower",
        "make A lower [by LENGTH]",
        "<shrink> the height of A by LENGTH",
        "<shrink> A 's height by LENGTH",
        "change the height of A [,] [by] LENGTH less",
        "A should be LENGTH lower",
    ),
    "width more": (
        "make A LENGTH (wider|broader)",
        "make A (wider|broader) [by LENGTH]",
        "widen A [by LENGTH]",
        "<grow> the width of A by LENGTH",
        "<grow> A 's width by LENGTH",
        "change the width of A [,] [by] LENGTH more",
        "A should be LENGTH wider",
    ),
    "width less": (
        "make A LENGTH (narrower|slimmer)",
        "make A (narrower|slimmer) [by LENGTH]",
        "narrow A [by LENGTH]",
        "<shrink> the width of A by LENGTH",
        "<shrink> A 's width by LENGTH",
        "change the width of A [,] [by] LENGTH less",
        "A should be LENGTH narrower",
    ),
    "length more": (
        "make A LENGTH longer",
        "make A longer [by LENGTH]",
        "(lengthen|extend|stretch) A [by LENGTH]",
        "<grow> the length of A by LENGTH",
        "<grow> A 's length by LENGTH",
        "change the length of A [,] [by] LENGTH more",
        "A should be LENGTH longer",
    ),
    "length less": (
        "<shrink> the length of A by LENGTH",
        "<shrink> A 's length by LENGTH",
        "change the length of A [,] [by] LENGTH less",
    ),
    "shorter": (
        "make A LENGTH shorter",
        "make A shorter [by LENGTH]",
        "shorten A [by LENGTH]",
        "A should be LENGTH shorter",
    ),
    "height to": (
        "make A LENGTH (tall|high)",
        "(set|change|raise|lower) the height of A to LENGTH",
        "(set|change|raise|lower) A 's height to LENGTH",
        "A should be LENGTH (tall|high)",
    ),
    "width to": (
        "make A LENGTH (wide|broad)",
        "(set|change) the width of A to LENGTH",
        "(set|change) A 's width to LENGTH",
        "A should be LENGTH wide",
    ),
    "length to": (
        "make A LENGTH (long|deep)",
        "(set|change) the length of A to LENGTH",
        "(set|change) A 's length to LENGTH",
        "A should be LENGTH long",
    ),
    "height than": ("make A [LENGTH] (taller|higher) than B", "A should be [LENGTH] (taller|higher) than B"),
    "height below": ("make A [LENGTH] (lower|shorter) than B", "A should be [LENGTH] (lower|shorter) than B"),
    "height as": (
        "make A as (tall|high) as B",
        "make A the same height as B",
        "(make|give) A B 's height",
        "A should be as (tall|high) as B",
    ),
    "volume than": ("make A (bigger|larger) than B", "A should be (bigger|larger) than B"),
    "volume below": ("make A smaller than B", "A should be smaller than B"),
    "volume as": ("make A as <big> as B", "make A the same size as B", "A should be as <big> as B"),
    "height times": ("make A RATIO (as tall|as high|taller)", "(double|triple) the height of A"),
    "width times": ("make A RATIO (as wide|wider)",),
    "length times": ("make A RATIO (as long|longer)",),
    "volume": (
        "make A RATIO as <big> [as it (is|was)] [now|before]",
        "make A RATIO (bigger|larger|it 's size|the size|smaller)",
        "(<enlarge>|<reduce>) A (to|by) [a factor of] RATIO [of] [it 's] [own|current|original] [size|volume]",
        "(<enlarge>|<reduce>) A by a factor of FACTOR",
        "(<enlarge>|<reduce>) A RATIO",
        "make the (volume|size) of A RATIO as <big>",
        "(<enlarge>|<reduce>) the (size|volume) of A (to|by) RATIO [of] [it 's size]",
        "A should be RATIO as <big>",
    ),
    "double": ("double (A|the size of A|the volume of A|A 's size)",),
    "triple": ("triple (A|the size of A|the volume of A|A 's size)",),
    "halve": ("halve (A|the size of A|the volume of A|A 's size)",),
    "bigger": ("make A (bigger|larger)", "enlarge A", "(grow|scale|blow) A [up]", "make A (big|large|huge)"),
    "smaller": ("make A smaller", "shrink A [down]", "make A (small|tiny)", "scale down A", "scale A down"),
    "camera {HAND}": (
        "<dolly> CAMERA LENGTH [to|towards] [the] HAND",
        "<dolly> CAMERA [to|towards] [the] HAND [by LENGTH]",
        "<dolly> CAMERA by LENGTH (to|towards) the HAND",
        "(go|step|move) LENGTH (to|towards) the HAND",
    ),
    "camera forward": (
        "<dolly> CAMERA LENGTH (forward|forwards|closer|in|ahead) [to (the scene|A)]",
        "<dolly> CAMERA (forward|forwards|closer|in) [to (the scene|A)] [by LENGTH]",
        "<dolly> CAMERA by LENGTH (forward|forwards|closer)",
        "(go|step|move|come) (closer|forward|in) [to (the scene|A)] [by LENGTH]",
        "(go|step|move|come) LENGTH (closer|forward)",
        "zoom in [on (the scene|A)] [by LENGTH]",
        "<dolly> CAMERA LENGTH towards A",
    ),
    "camera back": (
        "<dolly> CAMERA LENGTH (back|backward|backwards|away|farther|out) [away|back] [from (the scene|A)]",
        "<dolly> CAMERA (back|backward|backwards|away|farther|out) [away] [from (the scene|A)] [by LENGTH]",
        "<dolly> CAMERA by LENGTH (back|backward|backwards)",
        "(go|step|move) (back|backwards|away) [by LENGTH]",
        "(go|step|move) LENGTH (back|backwards|away)",
        "zoom out [by LENGTH]",
    ),
    "view {SIDE}": (
        "<show> [CAMERA] [at] A from (the|it 's|him 's) [own] SIDE [hand] [side]",
        "<show> [CAMERA] [at] the SIDE [side] of A",
        "<show> [CAMERA] [at] A 's [own] SIDE [side]",
        "<dolly> CAMERA [so as] to (see|show|view) A from (the|it 's) [own] SIDE [side]",
        "<dolly> CAMERA [so as] to (see|show|view) the SIDE [side] of A",
        "(<dolly>|circle|orbit|swing) CAMERA [around|round] to the SIDE [side] of A",
        "(<dolly>|circle|orbit|swing) CAMERA [around|round] to A 's [own] SIDE [side]",
        "(go|walk|circle|orbit) (around|round) A to (see|the|it 's) [the|it 's|it from the|it from it 's] SIDE [side]",
        "(<dolly>|circle|orbit|swing) CAMERA around A [until|so that] [it] [<sees>|shows|to] [it 's|the] SIDE [side] "
        "[is (visible|seen)]",
        "(<dolly>|orbit) CAMERA (in) [the] SIDE of A",
    ),
    "view back": (
        "<show> [CAMERA] [at] A from behind",
        "<dolly> CAMERA [so as] to (see|show|view) A from behind",
        "(<dolly>|swing|orbit) CAMERA [to] behind A",
        "(go|walk) [around|round] behind A",
    ),
    "view front": ("(<dolly>|swing|orbit) CAMERA [to] [in] front of A", "<dolly> CAMERA in front of A"),
    "camera up": (
        "(raise|lift|elevate) CAMERA [up] [by] [LENGTH]",
        "<dolly> CAMERA [LENGTH] (up|higher|upwards) [by] [LENGTH]",
        "(go|step|move) [LENGTH] (up|higher|upwards) [by] [LENGTH]",
    ),
    "camera down": (
        "lower CAMERA [down] [by] [LENGTH]",
        "<dolly> CAMERA [LENGTH] (down|lower|downwards) [by] [LENGTH]",
        "(go|step|move) [LENGTH] (down|lower|downwards) [by] [LENGTH]",
    ),
    "camera tilt": ("(tilt|pan|roll) CAMERA [up|down|left|right] [by] [LENGTH|ANGLE]",),
    "add": ("<add> [in]",),
}
# What one instruction can ask of several things, of which each is changed.
_OF_SEVERAL = (
    *("remove", "keep", "recolor", "move ", "rotate front", "rotate back", "rotate {", "rotate own"),
    *("height ", "width ", "length ", "shorter", "volume", "double", "triple", "halve", "bigger", "smaller"),
)


def _wordings(meaning: str, wordings: tuple[str, ...]) -> list[str]:
    """The wordings with what all of them have: "I would like A to be", "A and MORE"."""
    found = [wording.replace("A should", "[like|need] A (should|must|to|has to|needs to)") for wording in wordings]
    if meaning.startswith(_OF_SEVERAL):
        found = [re.sub(r"\bA\b(?! 's| and)", "A [MORE]", wording) for wording in found]
    return found


commands = Wordings({meaning: _wordings(meaning, wordings) for meaning, wordings in COMMANDS.items()}, _CLASSES)
VERBS = commands.words
