"""Words that wordings exchange for each other: <look> is any of the class "look"."""

from __future__ import annotations

from .. import verbs

CLASSES = {
    name: frozenset(words.split())
    for name, words in {
        "be": "is are was were be being stays remains",
        "have": "has have had having with",
        "shot": "shot view angle photo photograph picture image perspective framing frame portrait",
        "see": (
            "seen taken viewed shown photographed pictured depicted captured shot observed visible looked viewing "
            "looking filmed watched framed snapped painted drawn rendered"
        ),
        "sees": (
            "sees see shows show views view captures capture seeing showing viewing capturing watch watches films "
            "filming shoots shooting reveals revealing frames"
        ),
        "look": "look looks looking gaze gazes gazing stare stares staring peer peers peering glance glances glancing",
        "face": "face faces facing faced fronting confronting confront confronts",
        "turn": (
            "turned turns turning turn rotated oriented directed angled pointed pointing points point aimed headed "
            "aiming aligned swivelled swiveled trained"
        ),
        "stand": (
            "hiding hides hide hidden stand stands standing sit sits sitting seated lie lies lying laying lays rest "
            "rests resting wait waits waiting placed located positioned situated parked hang hangs hanging lean "
            "leans leaning float floats floating perched set found stationed kept put arranged lined rise rises "
            "rising hover hovers hovering grow grows growing appear appears stood sat parks mounted posed posing "
            "walk run swim graze "
            "kneels kneel knelt "
            "poses crouching crouches crouch kneeling sleeping sleeps sleep loom walking walks running runs swimming "
            "flying flies grazing "
            "drinking eating reading playing occupies rests propped leaned parks perches perching loiters idles idling "
            "resides nestled installed erected planted dozing resting towering looms looming"
        ),
        "put": "standing sitting placed located positioned situated parked",
        "go": (
            "go goes going drive drives driving walk walks walking run runs running move moves moving head heads "
            "heading come comes coming ride rides riding swim swims swimming fly flies flying sail sails sailing "
            "gallop gallops galloping trot trots trotting marching stroll strolls strolling "
            "racing jog jogs jogging crawl crawls crawling rolling cycling "
            "steering rushing hurry hurries hurrying"
        ),
        "mood": "hero action dramatic cinematic beauty",
        "way": "way direction ways directions side orientation heading directions",
        "big": "big large",
        "perspective": "perspective view eyes position side frame eye",
        "about": "about around roughly approximately",
    }.items()
}

CLASSES |= {
    "mounts": verbs.ON,
    "handles": verbs.BESIDE,
    "regards": verbs.FACING,
    "tied": verbs.TIED,
    "covered": verbs.COVERED,
}

CLASSES["clothes"] = frozenset(
    "dress shirt coat jacket suit sweater hoodie skirt trousers pants jeans uniform robe clothes outfit tshirt blouse "
    "kimono raincoat gown spacesuit overalls".split()
)
CLASSES["make"] = frozenset(
    "draw paint create generate render make show imagine produce give design compose picture place put let depict "
    "visualize illustrate visualise need want get do leave keep".split()
)
CLASSES["picture"] = frozenset(
    "picture image photo photograph scene painting drawing illustration render rendering sketch shot view portrait "
    "selfie snapshot composition depiction photography artwork pic pics img photos shots images pictures visual "
    "still poster wallpaper postcard print mural screenshot diorama cover comic sticker logo collage tapestry fresco "
    "lithograph engraving etching woodcut storyboard frame footage album".split()
)
