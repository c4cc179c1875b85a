"""Verbs of doing: those that are words of the picture alone, and those that also say where things are."""

from __future__ import annotations

_VOWELS = "aeiou"


def forms(stems: str, past: bool = False) -> frozenset[str]:
    """The forms in -s and -ing of regular verbs; past: those in -ed too."""
    found: set[str] = set()
    for stem in stems.split():
        third = stem + ("es" if stem.endswith(("s", "x", "z", "ch", "sh", "o")) else "s")
        if stem[-1] == "y" and stem[-2] not in _VOWELS:
            third = stem[:-1] + "ies"
        short = len(stem) <= 4 and stem[-1] not in _VOWELS + "wxy" and stem[-2] in _VOWELS and stem[-3] not in _VOWELS
        root = stem + stem[-1] if short else stem[:-1] if stem[-1] == "e" and stem[-2] != "e" else stem
        found |= {third, root + "ing"}
        if past:
            found.add(third[:-1] + "d" if third.endswith("ies") else (stem if stem[-1] == "e" else root + "e") + "d")
    return frozenset(found)


# What one does by oneself, or to what no scene shows: kept with the thing that does it.
ALONE = forms(
    "fight dance sing howl bark roar smile laugh cry yawn think dream talk chat argue relax work study cook bake paint "
    "draw write read eat drink chew sip smoke sleep nap snooze breathe sneeze jump leap hop skip jog race gallop trot "
    "prowl crawl glide soar dive surf ski skate sail drift drive travel roam wander stroll hike march perform practice "
    "pose wave glow shine sparkle shimmer burn melt boil steam blaze flicker twinkle rain snow blow bloom blossom move "
    "pause wait listen pray meditate exercise stretch box wrestle fish hunt graze nibble splash bathe swing play "
    "speak shout whisper preen hatch sprout sway flutter rock spin rotate tumble slither scurry waddle strut pant "
    "roll bounce fall crash dangle land hurry rush speed cruise roast simmer picnic celebrate camp guard stir"
) | frozenset("sat slept frozen alone asleep awake ajar upright".split())
# The same of several, "two horses trot", where no noun is meant.
ALONE_PLURAL = frozenset(
    "fight dance sing howl bark roar smile laugh cry yawn dream talk chat argue relax study eat chew sleep nap breathe "
    "jump leap hop gallop trot prowl crawl glide soar dive sail travel roam wander stroll pose glow shine sparkle "
    "graze nibble bathe speak shout flutter spin slither scurry waddle pant drift perform wrestle celebrate".split()
)
# Past forms that do not end in -ed.
IRREGULAR = frozenset(
    "sat stood lay hung ran came went flew threw fell grew held kept led rode rose sang sank shone slept slid "
    "spoke spun swam swung took wore won wrote drove ate drank drew blew began bent bit broke caught dug fed "
    "felt fought found gave hid knelt leapt leant lit met read rang saw shot shook stuck swept tore woke "
    "crept clung became burnt strung slung wound flung woven".split()
)
# Each with the thing that it is done to.
ON = forms("ride cross mount straddle climb")
BESIDE = frozenset("push pull feed hug lift".split()) | forms(
    "push pull feed pet stroke hug cuddle walk tow drag lift wash repair fix milk groom brush serve touch "
    "pass enter guard play inspect close load unload sweep clean tend tug nuzzle sniff lick kick use "
    "meet follow build visit join attend lead accompany escort help"
)
FACING = forms("confront challenge overlook admire eye observe study greet approach attack threaten photograph watch")
TIED = frozenset(
    "chained tied tethered moored docked anchored hitched fastened attached bound leashed strapped hooked connected "
    "plugged".split()
)
# Participles that say no more than that a thing is there.
THERE = frozenset(
    "pitched stopped halted built left dropped abandoned stored stacked piled displayed exhibited stuck spread "
    "laid strewn scattered "
    "planted moored docked anchored thrown carved painted hung draped crouched curled slumped sprawled huddled nailed "
    "pinned fixed fitted docked tucked wedged balanced gathered assembled spotted served provided added lit nestled "
    "crouches squats squatting crouching lounges lounging sprawling reclines reclining slouching dwells lives living "
    "comes come gathers basks basking lurks lurking stays staying remains belongs exists".split()
)
# Of a thing and what is on it: "a table set with plates".
COVERED = frozenset("littered covered set laid decorated strewn topped cluttered crowned scattered adorned".split())
FILLED = frozenset("filled full packed loaded stuffed brimming overflowing crammed made consisting composed".split())
