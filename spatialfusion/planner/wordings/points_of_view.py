"""From whose point of view the sides are: after a relation, or before a clause."""

from __future__ import annotations

_FROM_VIEW = "(perspective|point of view|perspective point|view|eyes|frame of reference|position)"

VIEWPOINTS: dict[str, tuple[str, ...]] = {
    "camera": (
        f"[as <see>] from [the] CAMERA 's [own] {_FROM_VIEW}",
        f"[as <see>] from the {_FROM_VIEW} of CAMERA",
        "as (<see>|<sees>) (by|from) CAMERA",
        "<see> by CAMERA",
        "as CAMERA (<sees>|<look>) [at] [it|them|things|the (scene|picture|image)]",
        "in CAMERA 's (view|eyes|perspective)",
        "(by|in) the (camera|picture|image) frame",
        "from CAMERA",
        "for CAMERA",
        "from where CAMERA <stand>",
        "in the picture",
        "in the image",
    ),
    "owner": (
        f"[as <see>] from REF 's [own] {_FROM_VIEW}",
        f"[as <see>] from the [own] {_FROM_VIEW} of [(the driver|the person|the pilot|the rider|someone) "
        f"(of|in|on)] REF",
        "as <see> (by|from) REF",
        "<see> (by|from) REF",
        "looking from REF",
        "(from|to) REF 's (own|perspective) (view|side|angle|standpoint|perspective)",
        "if (you|one|CAMERA) [<be>] [<put>|<stand>] (on|in|at|inside) REF",
        "(for|to) (someone|somebody|a person|anyone|whoever) [who] [<be>] [<put>|<stand>] (on|in|at|inside) REF",
        "when (you|one) [<stand>|<sit>] (on|in|at) REF".replace("<sit>", "<put>"),
        "[as] judged (by|from) REF",
        "[<see>] through (the eyes of REF|REF 's eyes)",
        "as far as REF <be> concerned",
        "(relative to|with respect to|according to|as far as) REF 's own (frame|axes|orientation|facing)",
        "(seated|sitting|standing|stood) (in|on|at) REF [,] CAMERA (would|will|can|could) (have|see|find)",
        "in REF 's own (frame|view|eyes) [of reference]",
        "as REF <sees> (it|them|things)",
        "from where REF [<be>] <stand>",
        "(in|by) REF 's own (frame|view|terms) [of reference]",
        "for REF 's eyes",
        "as far as REF can see",
        "for someone (standing|sitting|in) [at|in] REF",
    ),
}
