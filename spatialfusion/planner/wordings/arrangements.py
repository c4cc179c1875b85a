"""Rows, circles, orders, and the setting: what is said of several things or of all."""

from __future__ import annotations

ARRANGEMENTS: dict[str, tuple[str, ...]] = {
    "row": (
        "(form|forms|forming|make|makes|making) a [straight] (row|line|queue)",
        "[<stand>] in FACTOR (rows|lines|columns|ranks)",
        "[<stand>] in rows",
        "[<stand>] in [a] [straight|single|long|neat] (row|line|file|queue|rank|column)",
        "lined up",
        "(lined|queued) up",
        "in a (straight|single) line",
    ),
    "tilt": (
        "(lean|leans|leaning|tilted|tilts|tilting|bent|bends|bending|slanting) [slightly] (to|towards) [the] HAND",
    ),
    # Nothing in scene text says these: they are listed.
    "raised": ("(at|from) a height of LENGTH",),
    "unsaid": (
        "[<stand>] in a (triangle|square|semicircle|half circle|v|zigzag|pyramid|formation|crescent|star|cluster)",
        "at [a] right (angle|angles) [to (each other|REF)]",
        "at an angle [to (each other|REF)]",
        "(perpendicular|diagonal) [to (each other|REF)]",
        "(<face>|<look>|<turn>) (inward|inwards|outward|outwards|the middle)",
        "(diagonally|crosswise|crossways|obliquely)",
        "(tallest|shortest|largest|smallest|biggest|oldest|youngest) first",
        "equally (far|close|near|distant) [away] [(from|to) CAMERA]",
    ),
    "circle": ("in a (circle|ring)", "(form|forms|forming|make|makes|making) a (circle|ring)"),
    "order_right": (
        "[<stand>] [in (that|this) order] [,] from left to right [in (that|this) order]",
        "in (that|this) order [from the left]",
    ),
    "order_left": ("[<stand>] from right to left", "in (that|this) order from the right"),
    "order_back": ("[<stand>] from (front to back|closest to farthest|near to far)",),
    "order_file": (
        "[<stand>] one (behind|after) (the other|another|the next) [in a (row|line|column|queue)]",
        "[<stand>] in (a|single) (column|file|line|row) [,] one (behind|after) (the other|another|the next)",
        "each behind the (next|other|last|previous) [one]",
        "each behind the one (before|in front of|ahead of) it",
    ),
    "order_front": ("[<stand>] from (back to front|farthest to closest|far to near)",),
    "outdoor": (
        "outdoors",
        "outside",
        "in the open [air]",
        "out in the open",
        "in [the] nature",
        "under the [open] sky",
    ),
    "room": ("indoors", "indoor", "in a building", "in the house interior"),
}
