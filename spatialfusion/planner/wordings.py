"""How people say it: every wording that the reader of sentences knows, by what it means.

`patterns` explains the notation. Slots: REF, A, B are things; LENGTH metres; RATIO a factor; SIDE front, back, left or
right; HAND left or right; CAMERA whoever looks; COLOR; LIST several things. A meaning that begins with "<" has its
roles exchanged: "a table surrounded by chairs" is about the chairs.
"""

from __future__ import annotations

CLASSES = {
    name: frozenset(words.split())
    for name, words in {
        "be": "is are was were be being stays remains",
        "have": "has have had having with",
        "shot": "shot view angle photo photograph picture image perspective framing frame",
        "see": "seen taken viewed shown photographed pictured depicted captured shot observed visible looked viewing",
        "sees": "sees see shows show views view captures capture",
        "look": "look looks looking gaze gazes gazing stare stares staring",
        "face": "face faces facing faced",
        "turn": "turned turns turning turn rotated oriented directed angled pointed pointing points point aimed headed",
        "stand": (
            "stand stands standing sit sits sitting seated lie lies lying laying lays rest rests resting wait waits "
            "waiting placed located positioned situated parked hang hangs hanging lean leans leaning float floats "
            "floating perched set found stationed kept put arranged lined rise rises rising hover hovers hovering "
            "grow grows growing appear appears stood sat parks mounted posed posing poses crouching kneeling "
            "sleeping sleeps walking walks running runs swimming flying flies grazing drinking eating reading "
            "playing occupies"
        ),
        "put": "standing sitting placed located positioned situated parked",
        "go": (
            "go goes going drive drives driving walk walks walking run runs running move moves moving head heads "
            "heading come comes coming ride rides riding swim swims swimming fly flies flying sail sails sailing"
        ),
        "way": "way direction ways directions side",
        "big": "big large",
        "perspective": "perspective view eyes position side frame eye",
        "about": "about around roughly approximately",
    }.items()
}


_SEES = "<see> from"
_FROM_VIEW = "(perspective|point of view|perspective point|view|eyes|frame of reference|position)"

# What is said of a subject. The viewer's frame unless the wording names an owner.
PREDICATES: dict[str, tuple[str, ...]] = {
    "wears": ("(in|wearing|dressed in|with) [a|an] COLOR <clothes>", "(wearing|dressed in|clad in) [all] COLOR"),
    "{HAND}": (
        "[LENGTH] (to|on|at|towards) the HAND [hand] [side] of REF [by LENGTH]",
        "[LENGTH] [to] HAND of REF [by LENGTH]",
        "[LENGTH] more to the HAND than REF",
        "farther [to the] HAND than REF",
    ),
    "front": (
        "[LENGTH] in front of REF [by LENGTH]",
        "[LENGTH] ahead of REF",
        "LENGTH before REF",
    ),
    "nearer": (
        "[LENGTH] closer [to CAMERA] than REF [by LENGTH]",
        "closer [to CAMERA] by LENGTH than REF",
        "not as far [away] [from CAMERA] as REF",
    ),
    "behind": (
        "[LENGTH] behind REF [by LENGTH]",
        "[LENGTH] in back of REF",
        "[LENGTH] beyond REF",
    ),
    "farther": (
        "[LENGTH] farther [away|back|off] [from CAMERA] than REF [by LENGTH]",
        "more distant [from CAMERA] than REF",
        "deeper in the (scene|picture|image) than REF",
    ),
    "own_{SIDE}": (
        "[LENGTH] (on|at|to|off|from|by) REF 's [own] SIDE [hand] [side]",
        "(at|on|by) the own SIDE [side] of REF",
    ),
    "own_front": ("[LENGTH] (at|on) the front [side] of REF", "in the path of REF"),
    "own_back": (
        "[LENGTH] (at|on) the back [side] of REF",
        "[LENGTH] behind REF 's back",
    ),
    "bare_{HAND}": (
        "(on|to|at|in) [the] [far] HAND [hand] [side] [of the (picture|image|frame|scene|photo|photograph|camera)]",
        "(on|to|at) CAMERA 's HAND [hand] [side]",
        "[the] (leftmost|rightmost) HAND",
    ),
    "bare_left": ("[the] leftmost [of all]", "farthest [to the] left"),
    "bare_right": ("[the] rightmost [of all]", "farthest [to the] right"),
    "bare_middle": (
        "(in|at) the (middle|very middle) [of the (picture|image|frame|scene|photo|composition)]",
        "in between",
        "middle of the (picture|image|frame|scene)",
    ),
    "bare_front": (
        "in the [immediate] foreground",
        "(in|at) the front",
        "[the] closest [of all] [to CAMERA]",
        "(close|near) to CAMERA",
        "closer [to CAMERA]",
        "closer up",
    ),
    "bare_behind": (
        "in the [far|distant] background",
        "in the [far] distance",
        "(at|in) the back",
        "[the] farthest [away] [of all] [from CAMERA]",
        "far [away] from CAMERA",
        "(farther|far) (away|back|off)",
        "farther [away|back] [from CAMERA]",
    ),
    "open_front": ("[LENGTH] in front", "LENGTH ahead"),
    "open_behind": ("[LENGTH] behind",),
    "each_side": ("on (each|either|both) (side|sides) [of REF]", "to the left and [to the] right of REF"),
    "bare_ahead": ("in front of CAMERA", "before CAMERA"),
    "next": (
        "(next|close|adjacent) to REF",
        "[right] beside REF",
        "at REF",
        "along REF",
        "near [to|by] REF",
        "[close|right] by REF",
        "(at|by|on) the side of REF",
        "(next to|beside|close to|near|by) each other",
        "(side by side|abreast|shoulder to shoulder) [with|of]  REF",
        "(side by side|abreast|shoulder to shoulder|alongside)",
        "together",
        "together with REF",
        "in the vicinity of REF",
        "accompanied by REF",
        "not far from REF",
        "(close|near) together",
        "accompanying REF",
        "flanking REF",
    ),
    "<next": ("flanked by REF", "followed by REF"),
    "between": (
        "[halfway|midway|right|exactly] [in] between A and B",
        "[halfway|midway] [in] between REF",
        "in the middle (of|between) A and B",
        "among[st] REF",
        "amid REF",
        "among REF",
        "separating A and B",
        "flanked by A and B",
    ),
    "on": (
        "in the (middle|very middle) of REF",
        "[right] on [the] top of REF",
        "on REF",
        "(standing|sitting|lying) on REF",
        "on the (surface|seat) of REF",
    ),
    "under": ("(under|below) REF", "in the shade of REF"),
    "<under": ("(covering|sheltering) REF",),
    "<on": ("carrying REF", "holding REF", "supporting REF"),
    "above": ("[LENGTH] above REF", "over REF", "LENGTH over REF", "hovering over REF", "higher than REF"),
    "around": (
        "[all] around REF",
        "(surrounding|surround|surrounds|encircling|encircle|circling) REF",
        "in a (circle|ring) around REF",
        "all round REF",
        "(arranged|gathered) around REF",
    ),
    "<around": ("surrounded by REF", "encircled by REF"),
    "against": ("against REF",),
    "against_wall": ("against the (back|far|left|right) wall",),
    "in": ("in REF", "in the (corner|back) of REF"),
    "across": ("across REF", "on (either side|opposite sides|both sides) of REF", "with REF between them"),
    "face_to_face": (
        "face to face [with REF|with each other]",
        "(<face>|<look>|<turn>) [at|to|towards] each other",
        "(opposite|across from) each other",
        "(opposite|across from|opposite to|opposite of) REF",
        "eye to eye [with REF]",
        "nose to nose [with REF]",
    ),
    "back_to_back": (
        "back to back [with REF|with each other]",
        "(<face>|<look>|<turn>) away from each other",
        "with them 's backs (to|towards|against|turned to|facing) each other",
        "<have> them 's backs (to|towards|against|turned to) each other",
        "with them 's backs turned to each other",
        "<turn> them 's backs (on|to|towards) each other",
    ),
    "same_way": (
        "[both|all] (<face>|<look>|<turn>) [in|to|towards] the same <way>",
        "[both|all] in the same direction",
        "(<face>|<look>|<turn>) [in] the same <way> as REF",
        "parallel to REF",
        "[both|all] <face> alike",
    ),
    "opposite_way": (
        "[both|all] (<face>|<look>|<turn>) [in|to|towards] [the] opposite <way>",
        "(<face>|<look>|<turn>) [in|to|towards] different directions",
        "(<face>|<look>|<turn>) [in] the opposite <way> (of|to|from) REF",
        "(<face>|<look>|<turn>) the other way",
    ),
    "pose_front": (
        "[both|all] (<face>|<look>|<turn>) [straight] [at|to|into|towards|in] CAMERA",
        "<face> (forward|forwards|front|frontward|out)",
        "with it 's (front|face) (to|towards|facing|turned to) CAMERA",
        "with them 's (fronts|faces) (to|towards|facing) CAMERA",
        "looking out of the (picture|image|frame)",
        "head on",
        "making eye contact [with CAMERA]",
        "<go> (towards|to|at) CAMERA",
        "<turn> (forward|forwards)",
    ),
    "pose_back": (
        "[both|all] (<face>|<look>|<turn>) away [from CAMERA]",
        "[both|all] (<face>|<look>|<turn>) (backward|backwards)",
        "[<turn>] with (it|him|her|them) 's (back|backs) (to|towards|turned to|turned towards|facing) CAMERA",
        "(<have>|turning) (it|him|her|them) 's (back|backs) [turned] (to|towards|on) CAMERA",
        "<turn> around",
        "<face> in the picture",
        "(which|it|him|her|them) 's (back|backs) <be> [turned|facing] [to|towards] CAMERA",
        "<go> away [from CAMERA]",
    ),
    "pose_{HAND}": (
        "[both|all] (<face>|<look>|<turn>|<go>) "
        "[to|towards] [the] [camera 's] HAND [side] [of the (picture|image|frame)]",
        "(<face>|<look>|<turn>) (to|towards) CAMERA 's HAND",
        "<look> (over|off) to the HAND",
        "in profile [<face>|<look>] [to|towards] [the] HAND",
        "in HAND profile",
    ),
    "pose_left": ("(<face>|<look>|<turn>) (leftward|leftwards)",),
    "pose_right": ("(<face>|<look>|<turn>) (rightward|rightwards)",),
    "profile": ("in profile", "(in a|from the) side view", "<see> from the side", "<see> in profile", "sideways"),
    "facing": (
        "<face> [towards] REF",
        "<look> (at|towards|to|over at) REF",
        "<turn> (to|towards|at) REF",
        "(<have>|with) it 's (front|face) (to|towards|facing|turned to) REF",
        "<go> towards REF",
        "watching REF",
        "watches REF",
        "barking at REF",
        "barks at REF",
    ),
    "<own_back": (
        "(<face>|<look>|<turn>) away from REF",
        "(<have>|with|turning|turns) (it|him|her|them) 's (back|backs) [turned] (to|towards|on) REF",
    ),
    "apart": (
        "LENGTH [away|off|distant] from (REF|each other)",
        "LENGTH apart [from (each other|REF)]",
        "[with] LENGTH between them",
        "separated [from (REF|each other)] by LENGTH",
        "separated by [a] [distance|gap] [of] LENGTH [from REF]",
        "[at] a distance of LENGTH (from|to) (REF|each other)",
        "[with] a (distance|gap) of LENGTH between them",
        "LENGTH of (space|distance) between them",
        "at LENGTH from REF",
        "LENGTH next to REF",
        "LENGTH beside REF",
    ),
    "camera_distance": (
        "LENGTH [away] from CAMERA",
        "LENGTH away",
        "LENGTH distant",
        "at a distance of LENGTH [from CAMERA]",
        "at LENGTH",
        "LENGTH (in front of|before) CAMERA",
        "from LENGTH [away]",
        "from a distance of LENGTH",
        "<see> from LENGTH [away]",
        "<see> [at] LENGTH away",
        "<see> from a distance of LENGTH",
    ),
    "footprint": ("[measures|measuring] LENGTH (by|times) ACROSS", "[measures|measuring] FACTOR (by|times) ACROSS"),
    "height": (
        "LENGTH (tall|high)",
        "LENGTH in height",
        "[<have>] a height of LENGTH",
        "of LENGTH [in] height",
        "[measuring] LENGTH in height",
    ),
    "width": (
        "LENGTH (wide|across|broad)",
        "LENGTH in width",
        "[<have>] a (width|breadth) of LENGTH",
    ),
    "length": (
        "LENGTH (long|deep)",
        "LENGTH in length",
        "[<have>] a (length|depth) of LENGTH",
    ),
    "taller": (
        "[LENGTH] (taller|higher) than REF [by LENGTH]",
        "(taller|higher) by LENGTH than REF",
        "[<have>] LENGTH more height than REF",
        "(exceeding|exceeds|exceed) REF in height by LENGTH",
        "towering over REF",
        "towers over REF",
        "[the] tallest [of all]",
    ),
    "wider": (
        "[LENGTH] (wider|broader) than REF [by LENGTH]",
        "(wider|broader) by LENGTH than REF",
        "[<have>] LENGTH more width than REF",
        "[the] widest [of all]",
    ),
    "longer": (
        "[LENGTH] longer than REF [by LENGTH]",
        "longer by LENGTH than REF",
        "[<have>] LENGTH more length than REF",
        "[the] longest [of all]",
    ),
    "<taller": (
        "[LENGTH] lower than REF [by LENGTH]",
        "lower by LENGTH than REF",
        "[<have>] LENGTH less height than REF",
    ),
    "<wider": (
        "[LENGTH] (narrower|slimmer) than REF [by LENGTH]",
        "narrower by LENGTH than REF",
        "[<have>] LENGTH less width than REF",
    ),
    "<longer": ("[<have>] LENGTH less length than REF",),
    "shorter": ("[LENGTH] shorter than REF [by LENGTH]", "shorter by LENGTH than REF", "[the] shortest [of all]"),
    "times_taller": ("RATIO as (tall|high) as REF", "RATIO the height of REF", "RATIO taller than REF"),
    "times_wider": ("RATIO as (wide|broad) as REF", "RATIO the width of REF", "RATIO wider than REF"),
    "times_longer": ("RATIO as long as REF", "RATIO the length of REF", "RATIO longer than REF"),
    "same_height": (
        "[just] as (tall|high) as REF",
        "[of] the same height [as REF]",
        "equally tall",
        "equal in height [to REF]",
    ),
    "same_width": ("[just] as wide as REF", "[of] the same width [as REF]", "equally wide"),
    "same_length": ("[just] as long as REF", "[of] the same length [as REF]", "equally long"),
    "volume": (
        "RATIO as <big> as REF",
        "RATIO [of] the (size|volume|bulk) of REF",
        "[<have>] RATIO [of] the (size|volume) of REF",
        "RATIO REF 's (size|volume)",
        "RATIO (bigger|larger|smaller) than REF",
        "[<have>] RATIO the volume of REF",
    ),
    "bigger": ("(bigger|larger) than REF", "[the] (biggest|largest) [of all]"),
    "smaller": ("smaller than REF", "[the] smallest [of all]"),
    "same_size": (
        "[just] as (big|large|small) as REF",
        "[of] the same size [as REF]",
        "of equal size",
        "equally (big|large)",
        "equal in size [to REF]",
    ),
    "sees_{SIDE}": (
        f"[{_SEES}|from] (REF|them) 's [own] SIDE [hand] [side]",
        f"{_SEES} [the] SIDE [hand] [side]",
        "from the SIDE [hand] [side]",
        "[in] a [direct|straight] SIDE [side] view",
        f"{_SEES} the SIDE [side] of REF",
        "(which|it|him|her|them) 's SIDE [side] (faces|<be> [turned|facing] [to|towards]|looks at) CAMERA",
        "(which|it|him|her|them) 's SIDE [side] (we see|<be> visible|can be seen)",
        "<sees> REF 's [own] SIDE [side]",
        "(<sees>|<look> at) the SIDE [side] of REF",
        "with (it|them|him|her) 's SIDE side (to|towards|facing|visible to|turned to) CAMERA",
        "showing (it|them|him|her) 's SIDE [side]",
        "SIDE [side] view",
        "(it|them) 's SIDE [side] [is] visible",
        "(showing|presenting|turning|shows|turns|presents) (it|them|him|her) 's SIDE [side] to CAMERA",
        "(showing|shows|show) CAMERA (it|them|him|her) 's SIDE [side]",
        "[<see>] from (it|them|him|her) 's SIDE side",
    ),
    "sees_back": (f"{_SEES} behind", "from behind", "from behind REF", f"{_SEES} behind REF", "[a] view from behind"),
    "sees_front": (
        f"{_SEES} in front",
        "<see> head on",
        "<see> frontally",
        "frontal view",
        f"{_SEES} the front of REF",
    ),
    "view_wide": (
        "[in] [a|an] [very|extreme] (wide|long|establishing) [angle] <shot>",
        "[a] (wide angle|panoramic|panorama|full) <shot>",
        "panorama",
        "[a] (wide|panoramic) [angle] <shot>",
    ),
    "view_medium": ("[in] [a] (medium|mid|half) [long|close] shot", "[a] medium view"),
    "view_close": (
        "[in] [a|an] [extreme|very|tight] close up [<shot>]",
        "[in] [a] macro [<shot>]",
        "[a] close <shot>",
        "<see> from up close",
        "from up close",
        "from close [by|up]",
        "<see> (from close|up close)",
    ),
    "view_high": (
        "[<see>] [slightly|obliquely] from above",
        "[from|in|with|at] [a] high [camera] angle [<shot>]",
        "[from|in] [a] (bird|birds) 's eye <shot>",
        "[in|with|from] [a] (bird|birds) eye <shot>",
        "[in|from] [an] aerial <shot>",
        "from a (height|balcony|roof|rooftop)",
        "<look> down [on|at REF]",
        "from high [up|above]",
        "drone <shot>",
    ),
    "view_topdown": (
        "[in|from] [a] top down [view|shot|perspective]",
        "[<see>] from (directly|straight|right) above",
        "[<see>] from [directly] overhead",
        "[an] overhead <shot>",
        "[in] [a] top view",
        "[<see>] from the top",
        "straight down [on|at REF]",
        "in plan view",
        "flat lay",
    ),
    "view_low": (
        "[<see>] from below",
        "[from|in|with|at] [a] low [camera] angle [<shot>]",
        "[from] [a] (worm|worms) ['s] eye <shot>",
        "[<see>] from (ground level|near the ground|the ground|down low)",
        "at ground level",
        "<look> up [at REF]",
    ),
    "view_eye": (
        "[<see>] [at|from] eye (level|height) [<shot>]",
        "[<see>] at eye level",
        "straight on [view|shot]",
    ),
    "row": (
        "[<stand>] in [a] [straight|single|long|neat] (row|line|file|queue|rank|column)",
        "lined up",
        "(lined|queued) up",
        "in a (straight|single) line",
    ),
    "circle": ("in a (circle|ring)", "forming a (circle|ring)"),
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

CLASSES["clothes"] = frozenset(
    "dress shirt coat jacket suit sweater hoodie skirt trousers pants jeans uniform robe clothes outfit tshirt blouse "
    "hat cap scarf kimono raincoat gown".split()
)

# From whose point of view the sides are: after a relation, or before a clause.
VIEWPOINTS: dict[str, tuple[str, ...]] = {
    "camera": (
        f"[as <see>] from [the] CAMERA 's [own] {_FROM_VIEW}",
        f"[as <see>] from the {_FROM_VIEW} of CAMERA",
        "as (<see>|<sees>) (by|from) CAMERA",
        "<see> by CAMERA",
        "as CAMERA (<sees>|<look>) [it]",
        "from CAMERA",
        "for CAMERA",
        "from where CAMERA <stand>",
        "in the picture",
        "in the image",
    ),
    "owner": (
        f"[as <see>] from REF 's [own] {_FROM_VIEW}",
        f"[as <see>] from the [own] {_FROM_VIEW} of REF",
        "as <see> (by|from) REF",
        "<see> (by|from) REF",
        "as REF <sees> (it|them|things)",
        "from where REF <stand>",
        "(in|by) REF 's own (frame|view|terms) [of reference]",
        "for REF 's eyes",
        "as far as REF can see",
        "for someone (standing|sitting|in) [at|in] REF",
    ),
}

# Whole clauses with subjects of their own.
CLAUSES: dict[str, tuple[str, ...]] = {
    "height": (
        "the height of A <be> LENGTH",
        "A 's height <be> LENGTH",
        "A (measures|measuring) LENGTH in height",
        "LENGTH <be> the height of A",
    ),
    "width": (
        "the (width|breadth) of A <be> LENGTH",
        "A 's width <be> LENGTH",
        "A (measures|measuring) LENGTH in width",
    ),
    "length": ("the length of A <be> LENGTH", "A 's length <be> LENGTH", "A (measures|measuring) LENGTH in length"),
    "apart": (
        "the (distance|gap|space) between A and B <be> LENGTH",
        "the (distance|gap) (of|from) A (to|from) B <be> LENGTH",
        "LENGTH [of (space|distance)] (separate|separates|between|are between|is between|lie between) A and B",
        "there <be> LENGTH [of (space|distance)] between A and B",
        "[with] LENGTH between A and B",
        "between A and B [,] [there] (<be>|lie) [a (distance|gap) of] LENGTH",
        "[with|at] a (distance|gap) of LENGTH between A and B",
        "A and B <be> separated by [a (distance|gap) of] LENGTH",
    ),
    "camera_distance": (
        "CAMERA [<be>] [<stand>] LENGTH [away] (from|to|before) A",
        "CAMERA [<be>] [<stand>] at a distance of LENGTH (from|to) A",
        "the distance (from|between|of) CAMERA (to|and|from) A <be> LENGTH",
        "the distance (from|between|of) A (to|and|from) CAMERA <be> LENGTH",
        "LENGTH from CAMERA (<be>|<stand>) A",
        "CAMERA keeps LENGTH from A",
    ),
    "camera_front_distance": ("CAMERA [<be>] [<stand>] LENGTH in front of A",),
    "camera_behind_distance": ("CAMERA [<be>] [<stand>] LENGTH behind A",),
    "sees_{SIDE}": (
        "[where|so that] CAMERA [can] [<be>] (<sees>|<look> at|<face>|<look> on|focused on) the SIDE [side] of A",
        "[where|so that] CAMERA [can] [<be>] (<sees>|<look> at|<face>|<look> on) A 's [own] SIDE [side]",
        "[where|so that] CAMERA [can] [<be>] (<sees>|<look> at|<face>) A from the SIDE [side]",
        "looking at A from (the|it 's|him 's|her 's) [own] SIDE [side]",
        "looking at (the|A 's) SIDE [side] [of A]",
        "[where|so that] CAMERA [can] [<be>] (<sees>|<look> at|<face>) A from (it|them|him|her) 's SIDE [side]",
        "[a|the] [direct|straight] SIDE [hand] [side] (view|shot|picture|photo) of A",
        "[a|the] <shot> (of|shows|showing) the SIDE [side] of A",
        "[a|the] <shot> (of|shows|showing) A from (the|it 's|him 's|her 's) [own] SIDE [side]",
        "[a|the] (view|shot) of A 's SIDE [side]",
        "[a|the] SIDE side of A <be> (visible|<see>|<turn> to CAMERA|facing CAMERA|towards CAMERA)",
        "the SIDE side of A (faces|facing) CAMERA",
        "A 's SIDE [side] (<be> visible|<be> <see>|faces CAMERA|<be> facing CAMERA|<be> towards CAMERA|"
        "<be> <turn> (to|towards) CAMERA)",
        "the SIDE of A <be> (visible|<see>|facing CAMERA|<turn> to CAMERA)",
        "CAMERA [<be>] [<stand>] (on|at|to) the SIDE [hand] [side] of A",
        "CAMERA [<be>] [<stand>] (on|at|to) A 's [own] SIDE [hand] [side]",
    ),
    "sees_back": (
        "CAMERA [can] [<be>] (<sees>|<look> at|filming|follows|following) A from behind",
        "CAMERA [<be>] [<stand>] behind A",
        "CAMERA [can] [<be>] (<sees>|<look> at) the back of A",
    ),
    "sees_front": ("CAMERA [<be>] [<stand>] in front of A", "[a|the] (frontal|head on) (view|shot) of A"),
    "profile": (
        "[a|the] side (view|shot) of A",
        "[a] profile (view|shot) of A",
        "CAMERA (<sees>|<look> at) A from the side",
        "[a] profile of A",
    ),
    "in_order_right": ("from left to right [,] LIST", "left to right [,] LIST"),
    "in_order_left": ("from right to left [,] LIST", "right to left [,] LIST"),
    "in_order_behind": (
        "from front to back [,] LIST",
        "front to back [,] LIST",
        "from (closest|near|nearest) to (farthest|far) [,] LIST",
        "in order of distance [,] LIST",
    ),
    "in_order_front": ("from back to front [,] LIST",),
    "view_close": (
        "[a|an] [extreme|tight] close up [<shot>] (of|on) A",
        "[a] close <shot> (of|at) A",
        "[a] macro [<shot>] of A",
    ),
    "view_wide": ("[a|an] (wide|long|establishing|panoramic) [angle] <shot> of A",),
    "view_medium": ("[a] (medium|mid) [close] <shot> of A",),
    "view_low": ("[a|an] low angle [<shot>] of A", "[a] (worm|worms) ['s] eye <shot> of A"),
    "view_high": (
        "[a|an] high angle [<shot>] of A",
        "[a] (bird|birds) ['s] eye <shot> of A",
        "[an] aerial <shot> of A",
        "CAMERA [<be>] (above|over) A",
        "CAMERA <look> down (on|at) A",
    ),
    "view_topdown": ("[a] top down <shot> of A", "[an] overhead <shot> of A", "[a] top <shot> of A"),
    "view_eye": ("[an] eye level <shot> of A",),
}

# What may stand before the things: "a picture of", "show me", "there is".
OPENINGS = (
    "[please] <make> [me|us] [a|an|the]",
    "[a|an|the] <picture> (of|with|showing|in which|where|that shows|depicting|containing|featuring)",
    "[please] <make> [me|us] [a|an|the] <picture> (of|with|showing|in which|where|that shows)",
    "[a|an] <picture> ,",
    "(i|we) (want|would like|need|see|imagine) [to see] [a|an|the] [<picture> (of|with)]",
    "(you|we|one) can see",
    "this is",
    "(the|this|a) <picture> [<be>] taken",
    "it shows",
    "(the|this) <picture> (shows|contains|depicts|has)",
    "in (the|this) <picture> [,] [there <be>|we see|you see]",
)
CLASSES["make"] = frozenset(
    "draw paint create generate render make show imagine produce give design compose picture place put let depict "
    "visualize illustrate".split()
)
CLASSES["picture"] = frozenset(
    "picture image photo photograph scene painting drawing illustration render rendering sketch shot view portrait "
    "snapshot composition depiction photography artwork".split()
)
