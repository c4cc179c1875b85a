"""Whole clauses with subjects of their own."""

from __future__ import annotations

# The camera at work on a thing.
_WATCHES = (
    "(<sees> [us|me|you]|<look> (at|on|onto|upon|towards|down at|up at|down on|into)|<face>|(focused|focuses) on|"
    "<be> [<turn>|<put>] (at|on|towards|to)|<turn> (at|on|to|towards)|give us|gives us|presents)"
)

# What the picture shows, where a sentence begins so.
PARTS_SHOWN: dict[str, tuple[str, ...]] = {
    "sees_{SIDE}": ("(the|a) SIDE [hand] [side|end|part|half] of A", "A 's [own] SIDE [hand] (side|end|part|half)"),
    "sees_back": ("the backs of A",),
    "sees_{OWN}": ("(the|a) OWN [side|end|part|half] of A",),
}

CLAUSES: dict[str, tuple[str, ...]] = {
    "height": (
        "the height of A <be> LENGTH",
        "A 's height (<be>|,) LENGTH",
        "A (measures|measuring) LENGTH in height",
        "LENGTH <be> the height of A",
    ),
    "width": (
        "the (width|breadth) of A <be> LENGTH",
        "A 's (width|breadth) (<be>|,) LENGTH",
        "A (measures|measuring) LENGTH in width",
    ),
    "length": (
        "the length of A <be> LENGTH",
        "A 's (length|depth) (<be>|,) LENGTH",
        "A (measures|measuring) LENGTH in length",
    ),
    "apart": (
        "[the] (distance|gap|space|spacing|separation) between A (<be>|,) LENGTH",
        "the (distance|gap|space|spacing|separation) between A and B <be> LENGTH",
        "[the] (distance|gap) (of|from) A (to|from) B (<be>|,) LENGTH",
        "[the] (distance|gap|space|spacing|separation) between A and B [<be>|,] LENGTH",
        "[the] A to B distance (<be>|,) LENGTH",
        "A and B [<be>] [<stand>] LENGTH apart",
        "LENGTH (separate|separates|separating) A (from|and) B",
        "[a] (distance|gap) of LENGTH (separates|between|lies between) A and B",
        "LENGTH [of (space|distance)] (separate|separates|between|are between|is between|lie between) A and B",
        "there <be> LENGTH [of (space|distance)] between A and B",
        "[with] LENGTH between A and B",
        "between A and B [,] [there] (<be>|lie) [a (distance|gap) of] LENGTH",
        "[with|at] a (distance|gap) of LENGTH between A and B",
        "[there <be>] [with|at] a (distance|gap|space|spacing|separation) of LENGTH between A",
        "there <be> a (distance|gap|space|spacing|separation) of LENGTH between A and B",
        "there <be> LENGTH [of (space|distance)] between A",
        "[the] (distance|gap|space) (from|between) A (to|and) B (comes|amounts|adds up|runs) to LENGTH",
        "LENGTH (separate|separates) A",
        "A and B <be> separated by [a (distance|gap) of] LENGTH",
    ),
    "camera_distance": (
        "CAMERA [<be>] [<stand>] LENGTH [away] (from|to|before) A",
        "CAMERA [<be>] [<stand>] at a distance of LENGTH (from|to) A",
        "[the] distance (from|between|of) CAMERA (to|and|from) A (<be>|,) LENGTH",
        "[the] camera [to A] distance [to|from|of] [A] (<be>|,) LENGTH",
        "[the] distance to A (<be>|,) LENGTH",
        "CAMERA [<be>] [<stand>] LENGTH (away|off|back) from A",
        "LENGTH [of distance] between CAMERA and A",
        "(there <be>|with) LENGTH [of distance] between (CAMERA and A|A and CAMERA)",
        "CAMERA [<be>] [<put>] [at] LENGTH from A",
        "CAMERA (<stand>|keeps) [at] [a] distance of LENGTH (from|to) A",
        "A [<be>] LENGTH from where CAMERA <stand>",
        "the distance (from|between|of) A (to|and|from) CAMERA <be> LENGTH",
        "LENGTH from CAMERA (<be>|<stand>) A",
        "CAMERA keeps LENGTH from A",
    ),
    "camera_front_distance": ("CAMERA [<be>] [<stand>] LENGTH in front of A",),
    "camera_behind_distance": ("CAMERA [<be>] [<stand>] LENGTH behind A",),
    "sees_{SIDE}": (
        f"[where|so|so that|such that] CAMERA [can|only] {_WATCHES} the SIDE [hand] [side] of A",
        f"[where|so|so that|such that] CAMERA [can|only] {_WATCHES} A 's [own] SIDE [hand] [side]",
        f"[where|so|so that|such that] CAMERA [can|only] {_WATCHES} A from [the|it 's|him 's|her 's|them 's] [own] "
        "SIDE [hand] [side]",
        "[a|the] (view|shot|look) (on|onto|at|into|towards|over) (the SIDE [hand] [side] of A|A 's [own] SIDE [side])",
        "[the] SIDE [hand] [side] of A <be> what CAMERA (<sees>|<look> at)",
        "A 's SIDE [hand] [side] <be> what CAMERA (<sees>|<look> at)",
        "[the|A 's] SIDE [side] [of A] [<be>] (visible|in view|showing|<see>|on show)",
        "(showing|presenting|depicting|revealing) (the SIDE [side] of A|A 's [own] SIDE [side])",
        "A (showing|presenting|presents|shows|turning|turns) [us|me] it 's SIDE [side] [(to|on|towards) CAMERA]",
        "[where|so that] CAMERA [can] [<be>] (<sees>|<look> at|<face>|<look> on|focused on) the SIDE [side] of A",
        "[where|so that] CAMERA [can] [<be>] (<sees>|<look> at|<face>|<look> on) A 's [own] SIDE [side]",
        "[where|so that] CAMERA [can] [<be>] (<sees>|<look> at|<face>) A from the SIDE [side]",
        "looking at A from (the|it 's|him 's|her 's) [own] SIDE [side]",
        "looking at (the|A 's) SIDE [side] [of A]",
        "[where|so that] CAMERA [can] [<be>] (<sees>|<look> at|<face>) A from (it|them|him|her) 's SIDE [side]",
        "[a|the] [direct|straight] SIDE [hand] [side] (view|shot|picture|photo) of A",
        "<make> [me|us] the SIDE [side] of A",
        "[a|the] <shot> (of|shows|showing) the SIDE [side] of A",
        "[a|the] <shot> (of|shows|showing) A from (the|it 's|him 's|her 's) [own] SIDE [side]",
        "[a|the] (view|shot) of A 's SIDE [side]",
        "[a|the] SIDE [side] of A <be> (visible|<see>|<turn> to CAMERA|facing CAMERA|towards CAMERA)",
        "the SIDE [side] of A (faces|facing) CAMERA",
        "A 's SIDE [side] (<be> visible|<be> <see>|faces CAMERA|<be> facing CAMERA|<be> towards CAMERA|"
        "<be> <turn> (to|towards) CAMERA)",
        "the SIDE of A <be> (visible|<see>|facing CAMERA|<turn> to CAMERA)",
        "the SIDE [side] of A can be seen",
        "A 's SIDE [side] can be seen",
        "CAMERA [<be>] [<stand>] (on|at|to) the SIDE [hand] [side] of A",
        "CAMERA [<be>] [<stand>] (on|at|to) A 's [own] SIDE [hand] [side]",
    ),
    "sees_{OWN}": (
        f"[where|so|so that|such that] CAMERA [can] {_WATCHES} [the] OWN of A",
        f"[where|so|so that|such that] CAMERA [can] {_WATCHES} A 's OWN",
        "[a|the] (view|shot|look) (of|on|onto) (the OWN of A|A 's OWN)",
        "[the] OWN of A [<be>] (visible|in view|facing CAMERA|towards CAMERA|<see>)",
        "A 's OWN (<be>|faces|facing) [visible|in view|facing|towards|<see>] [CAMERA]",
    ),
    "sees_back": (
        "[a|the] <shot> (of|shows|showing) A <see> from behind",
        "[a|the] (back|rear|over the shoulder) <shot> of A",
        "CAMERA [can] [<be>] (<sees>|<look> at|filming|follows|following) A from behind",
        "CAMERA [<be>] [<stand>] behind A",
        "CAMERA (<sees>|<look>) over (the shoulder of A|A 's shoulder)",
        "CAMERA [can] [<be>] (<sees>|<look> at) the back of A",
    ),
    "back_to": (
        "A 's (back|backs) [<be>] [<turn>|<face>] (to|towards|on) B",
        "the (back|backs) of A [<be>] [<turn>|<face>] (to|towards) B",
    ),
    "sees_front": ("CAMERA [<be>] [<stand>] in front of A", "[a|the] (frontal|head on) (view|shot) of A"),
    "profile": (
        "[a|the] side (view|shot) of A",
        "[a] [side] profile [view|shot|picture|photo] of A",
        "CAMERA [<be>] (<sees>|<look> at) A from the side",
        "[a] profile of A",
    ),
    "order_right": (
        "from left to right [,] [we|you|there] [see|<be>] LIST",
        "left to right [,] [we|you] [see] LIST",
        "[the] order from [the] left [to [the] right] <be> [,] LIST",
    ),
    "shown": (
        "CAMERA [<be>] (<sees>|<look> at|<face>|pointed at|aimed at|trained on|focused on|captures|photographs) A",
    ),
    "order_left": ("from right to left [,] LIST", "right to left [,] LIST"),
    "order_back": (
        "from front to back [,] LIST",
        "front to back [,] LIST",
        "from (closest|near|nearest) to (farthest|far) [,] LIST",
        "in order of distance [,] LIST",
    ),
    "order_front": ("from back to front [,] LIST",),
    "view_close": (
        "[a|an] [extreme|tight] close up [<shot>] (of|on) A",
        "[a] close <shot> (of|at) A",
        "[a] (head and shoulders|head) <shot> of A",
        "[a] macro [<shot>] of A",
    ),
    "view_wide": (
        "[a|an] [very|extreme|ultra|super] (wide|long|establishing|panoramic) [establishing] [angle] <shot> of A",
    ),
    "view_medium": ("[a] (medium|mid) [close] <shot> of A", "[a] (half length|waist up|cowboy|knee) <shot> of A"),
    "view_low": (
        "CAMERA [<be>] <look> up (at|to|towards) A",
        "[a|an] low angle [<mood>] [<shot>] of A",
        "[a] (worm|worms) ['s] eye <shot> of A",
    ),
    "view_high": (
        "[an] isometric <shot> of A",
        "[a|an] high angle [<shot>] of A",
        "[a] (bird|birds) ['s] eye <shot> of A",
        "[an] aerial <shot> of A",
        "[a] drone <shot> of A",
        "CAMERA [<be>] [<stand>] [high] (above|over) A",
        "CAMERA [<be>] <look> down [from (above|B)] (on|at|upon|towards) A",
    ),
    "view_topdown": (
        "CAMERA [<be>] [<stand>] directly (above|over) A",
        "CAMERA [<be>] [<stand>] directly (above|over) LIST",
        "CAMERA [<be>] <look> [straight|directly] down (on|at|upon) A from [directly|straight] (above|overhead)",
        "[a] top down <shot> of A",
        "[an] overhead <shot> of A",
        "[a] top <shot> of A",
    ),
    "view_eye": ("[an] eye level <shot> of A",),
}
