"""Where a thing looks: to another, to the camera, the same way as another."""

from __future__ import annotations

DIRECTIONS: dict[str, tuple[str, ...]] = {
    "face_to_face": (
        "(face|eye|nose|head|front|muzzle|beak|toe|snout|vis a) to (face|eye|nose|head|front|muzzle|beak|toe|snout) "
        "[with REF|with each other]",
        "face to face [to] REF",
        "vis a vis [REF]",
        "[both] (<face>|<look>|<turn>) [at|to|towards|into] each other",
        "[both] [<go>] towards each other",
        "(<go>|charging|charge|barking|shouting|waving|smiling|growling) (at|towards) each other",
        "(<face>|<turn>) each other directly",
        "(opposite|across from) each other",
        "(opposite|across from|opposite to|opposite of) REF",
        "opposite",
        "locking eyes [with (REF|each other)]",
        "(meet|meeting|collide|colliding) head on",
        "<look> (in|into) each other 's eyes",
        "in a face off [with REF]",
        "with them 's (fronts|faces|noses|heads) [turned|pointing] (to|towards|facing) each other",
        "[with] [them 's] (nose|noses|fronts|front|faces|heads) [<turn>] (to|towards|facing|at) each other",
        "<turn> them 's (fronts|faces) (to|towards) each other",
    ),
    "back_to_back": (
        "(back|tail|rear|butt) to (back|tail|rear|butt) [with REF|to REF|with each other]",
        "(back|backs) (against|on) (back|backs)",
        "[with] [them 's] backs (together|touching|to each other|against each other|turned on each other)",
        "[both] (<look>|<turn>|<go>|<face>) away from each other",
        "<have> them 's backs turned on each other",
        "turning them 's backs on each other",
        "(<face>|<look>|<turn>) away from each other",
        "with them 's backs (to|towards|against|turned to|facing) each other",
        "<have> them 's backs (to|towards|against|turned to) each other",
        "with them 's backs turned to each other",
        "<turn> them 's backs (on|to|towards) each other",
    ),
    "same_way": (
        "[both|all] (<face>|<look>|<turn>) [in|to|towards] the same <way>",
        "[both|all] [<stand>|<turn>|<go>] [in|with|of] the same <way> [as REF]",
        "(<face>|<look>|<turn>|<go>|<stand>) [in|with|of] (the|a|one) (same|identical|common|single) <way> [as REF]",
        "(sharing|share|shares) the same <way> [as REF]",
        "in parallel [with REF]",
        "parallel [with REF|to each other]",
        "with them 's (fronts|faces|heads|noses) [<turn>|<face>] [in|to|towards] the same <way>",
        "[both] <turn> alike",
        "aligned [with (REF|each other)]",
        "likewise <face>",
        "(<face>|<look>|<turn>) [in] the same <way> as REF",
        "parallel to REF",
        "[both|all] <face> alike",
    ),
    "opposite_way": (
        "[both|all] (<face>|<look>|<turn>|<go>) [in|to|towards] [the] opposite <way>",
        "(<face>|<look>|<turn>) [in|to|towards] different directions",
        "(<face>|<look>|<turn>) [in] the opposite <way> (of|to|from) REF",
        "(<face>|<look>|<turn>|<go>) [in] the other <way>",
        "[both|all] [<face>|<look>|<turn>|<go>|<stand>|with] [in|to|towards|at] [the|an] (opposite|opposing|contrary|"
        "reverse) <way> [(to|from|of|as) REF]",
        "[with] [them 's] (heads|fronts|noses|faces) [<turn>|<face>] [in|to|towards] [the] opposite <way>",
        "(head|nose|top) to (tail|toe) [with REF|with each other]",
        "antiparallel [to REF]",
        "facing (contrary|opposing) <way>",
        "with one facing [in] the opposite <way>",
        "(<face>|<look>|<turn>) [in] the opposite <way>",
    ),
    "pose_front": (
        "[both|all] (<face>|<look>|<turn>) [straight] [at|to|into|towards|in] CAMERA",
        "<face> (forward|forwards|front|frontward|out|the front)",
        "[with] (which|it|him|her|them) 's "
        "(front|face|head|nose|muzzle|snout|beak|bow|gaze|eyes|hood|prow|spout|trunk) [<be>] "
        "[<turn>|<face>] (to|towards|facing|at) CAMERA",
        "(<have>|turning|turns) (it|him|her) 's "
        "(front|face|head|nose|muzzle|snout|beak|bow|gaze|eyes|hood|prow|spout|trunk) "
        "[<turn>] (to|towards|at) CAMERA",
        "[<be>] front (on|on to CAMERA|to CAMERA|towards CAMERA)",
        "straight (into|at|in|to|towards) CAMERA",
        "(meeting|returning|meets) CAMERA 's gaze",
        "posing for CAMERA",
        "[straight] towards CAMERA",
        "(<have>|<turn>) (it|him|her|them) 's (barrel|gun|guns|cannon|lights|headlights|horns|tusks|ears) [<turn>] "
        "(to|towards|at|on) CAMERA",
        "(<face>|<look>|<turn>|<go>) [in|towards|to] CAMERA 's (way|direction)",
        "with them 's (fronts|faces) (to|towards|facing) CAMERA",
        "looking out of the (picture|image|frame)",
        "head on",
        "making eye contact [with CAMERA]",
        "(<face>|<look>|<turn>) [back] (at|towards|to|in) the (camera|audience)",
        "<go> (towards|to|at) CAMERA",
        "<turn> (forward|forwards)",
    ),
    "pose_back": (
        "[both|all] (<face>|<look>|<turn>) away [from CAMERA]",
        "[both|all] (<face>|<look>|<turn>) (backward|backwards)",
        "[<turn>] with (it|him|her|them) 's (back|backs) (to|towards|turned to|turned towards|facing) CAMERA",
        "(<have>|<turn>|turning|turns) (it|him|her|them) 's (back|backs) [turned] (to|towards|on) CAMERA",
        "<turn> around",
        "(turning|turns|showing|shows|presenting) [us|me|CAMERA] (it|him|her|them) 's (back|backs) [(to|on) CAMERA]",
        "[with] [the|a] (back|backs) [turned] (to|towards|on) CAMERA",
        "[<have>] <turn> (it|him|her|them) 's (back|backs) (to|towards|on) CAMERA",
        "[<have>] (it|him|her|them) 's (front|face|head|nose) [<turn>] away [from CAMERA]",
        "(<face>|<look>|<turn>|<go>) (in|into|towards) the (distance|background|horizon)",
        "(<face>|<look>|<turn>|<go>) [directly] (opposite|away from) CAMERA",
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
        "(<face>|<look>|<go>) out of the (picture|frame|image|scene) [to|on|at|towards] [the] HAND [hand] [side]",
        "[with] (it|him|her|them) 's "
        "(front|face|head|nose|muzzle|snout|beak|bow|gaze|eyes|hood|prow|spout|trunk) [<be>] [<turn>|<face>] "
        "[to|towards] [the] HAND",
        "[both|all] (<face>|<look>|<turn>|<go>) [out|off|over] (to|towards) [the] HAND [hand] (side|edge) "
        "[of the (picture|image|frame|photo|scene|shot)]",
    ),
    "pose_left": (
        "(coming|comes|approaching|approaches|entering|enters|arriving|arrives) [in] from [the] right [side]",
        "(<face>|<look>|<turn>) (leftward|leftwards)",
    ),
    "pose_right": (
        "(coming|comes|approaching|approaches|entering|enters|arriving|arrives) [in] from [the] left [side]",
        "(<face>|<look>|<turn>) (rightward|rightwards)",
    ),
    "profile": (
        "[as] [<see>|shown] in [side] profile",
        "(in a|from the|in) side view",
        "[a] side view",
        "[as] <see> from the side",
        "[<see>|<turn>|<stand>] (sideways|broadside|side on|sidewards) [to CAMERA|on]",
        "[a] profile view",
    ),
    "facing": (
        "<face> [towards] REF",
        "<look> [back] [over (it|him|her|them) 's shoulder] (at|towards|to|over at) REF",
        "<turn> (to|towards|at|in the direction of) REF",
        "<look> (out of|through|out through|out at|into|in|inside|around|behind|under|over) REF",
        "(<face>|<look>) [back|over|out|up|down|straight] (at|to|towards|onto|in the direction of|upon) REF",
        "[with] (which|it|him|her|them) 's (front|face|head|nose|muzzle|eyes|gaze|bow) [<be>] [<turn>|<face>] "
        "(to|towards|facing|at|on) REF",
        "(eyeing|eyes|observing|observes|addressing|admiring|studying|regarding|approaching|approaches|greeting|"
        "pointing at|taking aim at|staring down) REF",
        "in the direction of REF",
        "(<have>|with) it 's (front|face) (to|towards|facing|turned to) REF",
        "<go> towards REF",
        "<go> up to REF",
        "(charging|charges|charge|lunging|lunges) at REF",
        "<regards> REF",
        "[straight|directly] towards REF",
        "(barking|barks|bark|growling|growls|hissing|hisses|snarling|snarls|roaring|roars|smiling|smiles|waving|waves|"
        "shouting|shouts|yelling|yells|bowing|bows|nodding|nods|beckoning|gesturing|calling|calls|talking|talks|"
        "speaking|speaks|singing|sings|winking|winks) [back|over|up|down] (at|to) REF",
    ),
    "away_at": ("(<look>|<face>) away from CAMERA (at|to|towards|onto) REF",),
    "<own_back": (
        "(<face>|<look>|<turn>|<go>) away from REF",
        "[<have>] <turn> (it|him|her|them) 's (back|backs) (to|towards|on) REF",
        "(which|it|him|her|them|with|the) ['s] (back|backs) <be> [turned|facing] (to|towards) REF",
        "(<have>|with|turning|turns) (it|him|her|them) 's (back|backs) [turned] [up] (to|towards|on|against) REF",
    ),
}
