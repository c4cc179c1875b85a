"""On which side of another a thing is, or of the picture; in the viewer's frame unless the wording names an owner."""

from __future__ import annotations

# How far, before a side or a place; after it, "by LENGTH".
GAP = "[[at|with] [a (distance|gap|space) of] LENGTH [away|off|farther|distant|out] [and] [just]]"

SIDES: dict[str, tuple[str, ...]] = {
    "{HAND}": (
        f"{GAP} [off|over|out|away|placed] (to|on|at|towards|off) [the] HAND [hand] [side] (of|from) REF [by LENGTH]",
        f"{GAP} [to] HAND of REF [by LENGTH]",
        "[up|flush] against [the] HAND [hand] side of REF",
        f"{GAP} more to the HAND than REF",
        "[LENGTH] farther [to the] HAND than REF",
        f"{GAP} to REF 's HAND [hand] [side] in the (picture|image|frame|photo)",
        "with REF (to|on|at) it 's other HAND",
        f"{GAP} [to] [the] HAND [side] from REF",
    ),
    "front": (
        f"{GAP} in front of REF [by LENGTH]",
        f"{GAP} ahead of REF [by LENGTH]",
        "between (REF and CAMERA|CAMERA and REF)",
        f"{GAP} before REF",
        f"{GAP} (on|at) the near side of REF",
        f"{GAP} on this side of REF",
        "(leads|leading|pulls|pulling|tows|towing) REF along",
        "(obscuring|blocking|hiding|covering|obscures|blocks|hides|covers|obstructing|masking|occluding) "
        "[(the|CAMERA 's|our|my) view of] REF",
    ),
    "nearer": (
        f"{GAP} closer [to CAMERA] than REF [by LENGTH]",
        "closer [to CAMERA] by LENGTH than REF",
        "not as far [away] [from CAMERA] as REF",
        "not as (distant|deep) [from CAMERA] as REF",
        "less (far|distant) [away] [from CAMERA] than REF",
        "[LENGTH] closer [to] (the front|CAMERA) than REF",
        "[the] closer of the two",
    ),
    "behind": (
        f"{GAP} behind REF [by LENGTH]",
        f"{GAP} in back of REF",
        "(trail|trails|trailing|follow|follows|following) REF (by|at) LENGTH",
        "(trail|trails|trailing) REF",
        f"{GAP} beyond REF",
        "LENGTH past REF",
        f"{GAP} at the back of REF from CAMERA",
        f"{GAP} (on|at) the far side of REF",
        "(obscured|hidden|concealed|blocked|occluded|masked|covered|screened|hiding) [from view] (by|behind) REF",
        "[<look>|peeking|peeks|peek|appearing|appears|coming|emerging|emerges|jumping|stepping] [out|up] from "
        "(behind|around|in back of) REF",
    ),
    "farther": (
        f"{GAP} farther [away|back|off] [from CAMERA] than REF [by LENGTH]",
        "more distant [from CAMERA] than REF",
        "deeper in [the (scene|picture|image|background)] than REF",
        "not as (close|near) [to CAMERA] as REF",
        "less (close|near) [to CAMERA] than REF",
        "(farther|deeper) in the (background|distance) than REF",
    ),
    "own_{SIDE}": (
        f"{GAP} [off|over|out|away] (on|at|to|off|from|by|along|towards) REF 's [own] SIDE [hand] [side] [by LENGTH]",
        "(at|on|by|to) the own SIDE [side] of REF",
    ),
    "own_{OWN}": (
        f"{GAP} [off|over|out|away] (on|at|to|off|from|by|along|towards|near|next to|beside) [the] OWN (of|from) REF "
        "[by LENGTH]",
        f"{GAP} [off|over|out|away] (on|at|to|off|from|by|along|towards|near|next to|beside) REF 's [own] OWN",
    ),
    "own_front": (
        f"{GAP} (at|on|by|to) the front [side|end] of REF",
        "in the path of REF",
        "[up|flush|right] against the front [side|end|wall] of REF",
        f"{GAP} (in front of|before|ahead of) REF 's [own] (face|nose|eyes|muzzle|snout|beak|feet|front)",
        "where REF (<face>|<look>|<turn>)",
        "(in|within) REF 's line of sight",
    ),
    "own_back": (
        f"{GAP} (at|on|by|to) the back [side|end] of REF",
        f"{GAP} behind REF 's (back|tail|rump|hindquarters)",
        f"{GAP} behind the tail of REF",
        f"{GAP} behind the back of REF",
        "[up|flush|right] against the back [side|end|wall] of REF",
        "where REF (can not|does not) (see|look)",
    ),
    "bare_{HAND}": (
        "(on|to|at|in|towards|along) [the] [far|extreme|very] HAND [hand] [side|half|edge|third|part|corner|margin] "
        "[(of|in) the (picture|image|frame|scene|photo|photograph|camera|shot|composition)]",
        "[the] HAND (side|half|edge|third) [of the (picture|image|frame|scene|photo|shot)]",
        "[the] HAND hand side",
        "HAND ,",
        "(on|to|at) CAMERA 's HAND [hand] [side]",
        "[the] (leftmost|rightmost) HAND",
    ),
    "bare_left": ("[the] leftmost [of all]", "farthest [to the] left"),
    "bare_right": ("[the] rightmost [of all]", "farthest [to the] right"),
    "bare_middle": (
        "(in|at) [the] (middle|very middle|dead middle) [of the (picture|image|frame|scene|photo|composition|shot)]",
        "[in] between",
        "middle of the (picture|image|frame|scene)",
    ),
    "bare_front": (
        "in [the] [immediate|near|extreme] foreground",
        "foreground ,",
        "(in|at) the front [of the <picture>]",
        "[the] closest [thing|object|item] [of all] [to CAMERA]",
        "(close|near) to CAMERA",
        "closer [to CAMERA]",
        "closer up",
    ),
    "bare_behind": (
        "in [the] [far|distant|deep] background",
        "background ,",
        "in the [far] distance",
        "(at|in) the back [of the <picture>]",
        "[the] farthest [away] [of all] [from CAMERA]",
        "far [away] from CAMERA",
        "(farther|far) (away|back|off)",
        "(a long way|some way|some distance|a way) (away|back|off)",
        "farther [away|back] [from CAMERA]",
    ),
    "bare_mid": (
        "in [the] (middle distance|middle ground|midground|middleground|mid ground|mid distance)",
        "(middle ground|midground|middleground|mid ground|middle distance) ,",
    ),
    "corner_front_{HAND}": (
        "(in|at|on) the (front|foreground|bottom|lower|near) [on the] HAND [hand] [side|corner] [of the <picture>]",
        "(in|at|on) the HAND (front|foreground)",
        "in the foreground [on|to] [the] HAND [side]",
    ),
    "corner_behind_{HAND}": (
        "(in|at|on) the (back|background|far|upper|top) [on the] HAND [hand] [side|corner] [of the <picture>]",
        "(in|at|on) the HAND background",
        "in the background [on|to] [the] HAND [side]",
    ),
    "bare_ahead": ("in front of CAMERA", "before CAMERA"),
    "open_{HAND}": ("LENGTH [off] to [the] HAND",),
    "open_front": ("[LENGTH] [farther] in front", "LENGTH ahead", "ahead", "LENGTH before"),
    "open_behind": ("[LENGTH] [farther] behind", "LENGTH (farther back|to the back)"),
    "one_side": ("(on|to|at) one (side|end) [of REF]",),
    "other_side": ("(on|to|at) the other [side|end]", "(on|to|at) it 's other (side|end)"),
    "beyond": (f"{GAP} (on|at|to) the other side of REF",),
    "each_side": (
        "(at|on) (each|either|both) (end|ends) [of REF]",
        "(flanking|flank|flanks|framing|frames|bracketing) REF on (each|either|both) (side|sides)",
        "(on|at|to|down|along) (each|either|both) [long|short] (side|sides) [of REF]",
        "to the left and [to the] right of REF",
    ),
}
