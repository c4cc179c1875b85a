"""Single words and how the reader takes them: grammar, adverbs, sizes without a number, places, looks."""

from __future__ import annotations

from .wordings import CLASSES

# One word for another before anything is read.
FOLD = {
    **dict.fromkeys(("vs", "versus"), "and"),
    "toward": "towards",
    "nearer": "closer",
    "further": "farther",
    "furthest": "farthest",
    "nearest": "closest",
    "viewer": "camera",
    "observer": "camera",
    "spectator": "camera",
    "onlooker": "camera",
    "viewers": "camera",
    "lens": "camera",
    "center": "middle",
    "centre": "middle",
    "rear": "back",
    "backside": "back",
    "besides": "beside",
    "standpoint": "perspective",
    "viewpoint": "perspective",
    "vantage": "perspective",
    "gray": "grey",
    "colour": "color",
    "colored": "color",
    "coloured": "color",
    "reddish": "red",
    "its": "it 's",
    "their": "them 's",
    "his": "him 's",
    "whose": "which 's",
    "your": "you 's",
    "our": "us 's",
    "my": "me 's",
    "closeup": "close up",
    "lefthand": "left hand",
    "righthand": "right hand",
    "leftside": "left side",
    "rightside": "right side",
    "infront": "in front",
    "nextto": "next to",
    "lookin": "looking",
    "facin": "facing",
    "w": "with",
    "amongst": "among",
    "amidst": "amid",
    "neighbouring": "beside",
    "neighboring": "beside",
    "opp": "opposite",
    "photographer": "camera",
    "audience": "camera",
    "beholder": "camera",
    "hindquarters": "back",
    "backs": "backs",
    "alongside": "beside",
    "underneath": "under",
    "beneath": "under",
    "atop": "on",
    "upon": "on",
    "onto": "on",
    "into": "in",
    "inside": "in",
    "within": "in",
    "horseback": "a horse",
}

# Adverbs that change nothing that can be drawn in metres: kept in the picture's words.
HARMLESS = frozenset(
    "much yet directly exactly precisely immediately just simply clearly quietly calmly peacefully proudly neatly "
    "carefully "
    "currently also too very quite still only alone visibly fully completely respectively perfectly "
    "straight actually really rather then now partly partially halfway slightly somewhat squarely "
    "firmly closely tightly please hi hey hello pls plz thanks ok okay maybe perhaps well gently softly "
    "almost nearly slowly happily instead anymore somewhere else simultaneously "
    "crosslegged barefooted barechested bareheaded openmouthed wideeyed upsidedown".split()
)

# "right" before one of these only strengthens it.
# After "a bit" and its like, which say nothing in metres.
AFTER_A_BIT = frozenset(
    "to left right behind farther closer in off away above below taller wider longer shorter".split()
)

AFTER_RIGHT = frozenset("behind in next beside under above between at near on before around against below over".split())

# Words that carry grammar alone.
GRAMMAR = frozenset(
    (
        "a an the and or of to at by for is are be being was were been it they them he she him her this that these "
        "those there here which who whom while whereas but as than with has have having had where when so then we i "
        "you us me do does in on from can could will would should may might must one ones see visible seen "
        "first what viewed shown "
        "photographed pictured turned each other find finds notice however note 's , "
        "such up out some any into its also both all no not facing "
        "look looks"
    ).split()
)

# Verbs that change nothing between an inverted place and what is there.
INVERTED = frozenset(
    "find finds notice will would could should there is are was were stands stand sits sit lies lie "
    "we you see sees can has have be".split()
)
INVERTED |= CLASSES["stand"]

# Verbs that are participles without "-ing".
PARTICIPLES = frozenset(
    "seated placed located positioned situated parked perched set found stationed kept put arranged lined mounted "
    "posed".split()
)

# Postures that the picture should keep; the other verbs of "stand" say no more than that a thing is there.
KEPT_POSTURES = {
    word: words.split()[0]
    for words in (
        "sitting sits sit seated sat",
        "lying lies lie laying",
        "leaning leans lean",
        "crouching crouches crouch",
        "kneeling kneels kneel knelt",
        "sleeping sleeps sleep",
        "walking walks walk",
        "running runs run",
        "swimming",
        "flying flies",
        "grazing grazes graze",
        "drinking",
        "eating",
        "reading",
        "playing",
        "hiding hides hide hidden",
        "hovering hovers hover",
        "floating floats float",
        "hanging hangs hang",
    )
    for word in words.split()
}

# Sizes without a number: the factor of the usual height.
SCALES = {
    **dict.fromkeys(("big", "large"), 1.25),
    **dict.fromkeys(("huge", "giant", "gigantic", "enormous", "massive", "colossal", "oversized"), 1.8),
    **dict.fromkeys(("small", "little"), 0.75),
    **dict.fromkeys(("tiny", "miniature", "mini"), 0.5),
    **dict.fromkeys(("tall", "high"), 1.2),
    "short": 0.85,
}

# Of these, the thing is what they are of: "a slice of pizza".
PARTITIVES = frozenset("slice piece roll loaf bar chunk wedge scoop bit portion ball block sheet strip".split())
# Things that come in pairs and are one.
PAIRED = frozenset(
    "scissors shears pliers glasses sunglasses goggles spectacles binoculars headphones trousers jeans shorts pants "
    "leggings tights pyjamas earphones".split()
)

COLLECTIONS = {
    "pairs": ("", 6),
    "army": ("", 6),
    **dict.fromkeys(("row", "line", "queue", "column"), ("row", 4)),
    **dict.fromkeys(("rows", "lines", "columns"), ("row", 6)),
    **dict.fromkeys(("piles", "stacks", "heaps", "groups", "bunches", "plenty", "lots"), ("", 6)),
    **dict.fromkeys(("circle", "ring"), ("circle", 6)),
    **dict.fromkeys(
        "orchestra band family fleet squad gang pride swarm school litter array assortment selection".split(), ("", 4)
    ),
    **dict.fromkeys("group bunch set cluster collection number lot pack team heap".split(), ("", 4)),
    **dict.fromkeys(("stack", "pile", "tower"), ("stack", 3)),
    **dict.fromkeys(("herd", "flock", "crowd"), ("", 7)),
}

PERSONS = frozenset(
    "person man woman human boy girl child kid lady gentleman guy baby toddler adult teenager player dancer "
    "soldier worker farmer doctor nurse chef policeman knight".split()
)

# Words for several, of whom "the man" and "the woman" are single ones.
PEOPLE = frozenset("person people human adult friend parent grandparent child kid sibling twin stranger dancer".split())
MEN = frozenset(
    "man gentleman guy boy husband groom father dad grandfather grandpa son brother uncle king prince waiter".split()
)
WOMEN = frozenset(
    "woman lady girl wife bride mother mum mom grandmother grandma daughter sister aunt queen princess waitress".split()
)

# Who sits in a vehicle or on an animal and looks where it does.
DRIVERS = frozenset("driver pilot captain rider passenger helmsman skipper operator motorist".split())

# Sides that a thing has whoever looks: words, and the side. The driver's side is that of a car driven on the right.
OWN_SIDES = {
    "driver 's side": "left",
    "driver side": "left",
    "drivers side": "left",
    "passenger 's side": "right",
    "passenger side": "right",
    "port side": "left",
    "starboard side": "right",
    "tail end": "back",
    "tail": "back",
    "stern": "back",
    "nose": "front",
    "bow": "front",
    "rump": "back",
    **{
        f"{side} {part}": side
        for side in ("left", "right")
        for part in "flank shoulder arm paw wing armrest hip ear elbow fender wheel".split()
    },
    **{f"front {part}": "front" for part in ("end", "door", "bumper", "wheels", "grille", "facade")},
    **{f"back {part}": "back" for part in ("end", "bumper", "wheels", "wall")},
}

# What people wear: words of who wears it.
GARMENTS = frozenset(
    "dress shirt coat jacket suit sweater hoodie skirt trousers pants jeans uniform robe clothes outfit "
    "tshirt blouse hat cap scarf kimono raincoat gown spacesuit overalls armour armor costume apron tuxedo "
    "swimsuit bikini pyjamas pajamas cloak cape tunic toga veil turban sari kilt shorts leggings vest "
    "waistcoat cardigan pullover jersey overcoat poncho parka shawl tie bowtie belt boots shoes sandals "
    "slippers sneakers socks gloves mittens glasses sunglasses goggles helmet mask beret beanie hood bonnet "
    "crown tiara necklace earrings bracelet watch collar bandana headscarf wetsuit tutu leotard dungarees "
    "lederhosen livery rags finery disguise leash lead halter".split()
)

# What a thing comes with as its own part or dress, which is no thing beside it.
PARTS = frozenset(
    "roof door window windscreen windshield wheel tyre tire bonnet hood bumper headlight taillight chimney balcony "
    "porch facade front back gable shutter tail ear eye nose face head mouth snout muzzle beak wing leg hoof mane horn "
    "antler trunk tusk stripe spot fur coat feather hair beard arm hand shoulder neck finger smile belly fin shell "
    "hands arms legs feet foot leg hips hip knees knee lap waist fingers paw paws beak teeth eyebrow moustache claws "
    "handle seat armrest backrest drawer knob lid spout rim edge shade label string sail mast petal pattern sleeve "
    "headboard footboard lampshade headlights taillights windshield screen stem "
    "hat cap scarf tie helmet glasses sunglasses collar".split()
)

# Misspelt words become these, where one letter is missing, too many, wrong or out of place.
SPELT = frozenset(
    "between behind front beside facing towards opposite right under above camera against around distance metres "
    "meters standing sitting parked surrounded direction looking taller shorter wider longer background foreground "
    "metre meter viewed perspective apart".split()
)

# After "can" one of these makes it the verb.
AFTER_CAN = frozenset("be see have you we i find hold stand fit also not only clearly".split())

# After "'s" one of these makes it "is": "the table's at the left".
AFTER_IS = frozenset(
    "a an the at on in to behind between under above beside near next close not by against around facing looking "
    "standing sitting parked lying turned located placed from".split()
)

# Plans that are looked at from outside: what faces away beside one of them is not the building.
BUILDINGS = frozenset("house tower church building barn castle hut cottage shed lighthouse skyscraper school".split())

# Plans on whose top small things stand.
TABLES = frozenset(
    "table,round table,low table,desk,counter,shelf,cabinet,chest of drawers,bedside table,cake,tiered cake".split(",")
)

# What holds things: what it comes "with" is in it.
VESSELS = frozenset(
    "vase bowl basket glass pot cup mug box crate bucket barrel bag plate tray bottle jar jug drawer cage bin".split()
)

# Where it is: what makes it a room, and what does not. Kept as words of the picture.
ROOMS = frozenset(
    (
        "room kitchen bedroom bathroom office hall hallway classroom library museum gallery studio workshop garage "
        "cafe restaurant bar pub shop store supermarket church hospital school gym attic basement cellar corridor "
        "lobby lounge apartment flat interior nursery laboratory lab theatre theater salon ballroom cabin "
        "pantry parlor parlour foyer den study sauna "
        "cafeteria canteen diner bistro saloon tavern inn pub showroom gymnasium auditorium foyer vestibule loft "
        "hangar stable stairwell elevator ward cell prison jail courthouse cloister "
        "nave aisle cubicle bakery bookshop pharmacy clinic reception barracks refectory arcade casino nightclub disco "
        "boutique hairdresser laundromat planetarium aquarium arena barbershop "
        "penthouse dorm dormitory conservatory armory chamber chapel crypt dungeon vault cockpit greenhouse mansion "
        "indoors inside house home building warehouse barn"
    ).split()
) | frozenset(("coffee shop, art gallery").split(", "))

# Of these one says from outside, too, "a house with a red roof": only "in" makes a room of them.
SEEN_FROM_OUTSIDE = frozenset(
    "house home building warehouse barn church hospital school shop store cabin greenhouse mansion chapel tavern inn "
    "pub saloon supermarket inside indoors hangar stable staircase prison courthouse bakery bookshop pharmacy clinic "
    "arcade casino boutique aquarium arena elevator".split()
)

OUTDOORS = frozenset(
    (
        "street road beach field meadow park garden forest wood woods desert lawn grass yard backyard courtyard "
        "square plaza city town village countryside farm mountain mountains hill hills valley lake river sea ocean "
        "shore coast harbor harbour port parking sidewalk pavement path driveway playground stadium landscape sand "
        "snow hillside jungle savanna savannah prairie highway alley campsite clearing orchard vineyard riverbank "
        "lakeside seaside pasture paddock wilderness nature outdoors dune dunes swamp canyon cliff plain plains "
        "track tracks railway rails court station waves stream creek brook marsh moor glade alps shoreline "
        "seashore seabed "
        "suburb neighborhood neighbourhood metropolis skyline trail lane boulevard avenue crossroads intersection "
        "runway airfield airport slope slopes pitch rink plateau wave "
        "asphalt cobblestones cobbles gravel tarmac rooftop roofs balcony terrace patio veranda porch deck promenade "
        "esplanade quay wharf dock docks jetty harbourside fairground circus amusement battlefield graveyard cemetery "
        "savannah steppe tundra glacier oasis lagoon reef bay fjord waterfront riverside kerb curb roadside wayside "
        "market marketplace zoo rainforest campground mountainside grove thicket"
    ).split()
) | frozenset(
    (
        "parking lot, car park, city street, town square, market square, soccer field, football field, school yard, "
        "front yard, back yard, wheat field, race track, train station, gas station"
    ).split(", ")
)

SURFACES = frozenset(
    "floor ground sky air earth horizon background foreground scene picture image frame ceiling water".split()
)

# What has no shape: light, weather, feelings and ideas. It is kept as words of the picture.
INTANGIBLE = frozenset(
    "sun moon skies star stars sunlight moonlight starlight daylight light lights rain drizzle fog mist haze "
    "smoke steam wind breeze storm thunder lightning thunderstorm shadow shadows reflection reflections glow "
    "ray rays beam beams spark sparks flame flames explosion explosions dust droplet droplets ripples waves "
    "weather rainbow aurora sense feeling joy tension atmosphere mood ambience ambiance vibe beauty story "
    "tale moment time day days morning evening night afternoon noon midnight dawn dusk sunrise sunset "
    "twilight season summer winter spring autumn life peace love happiness sadness silence warmth calm chaos "
    "loneliness solitude harmony mystery drama energy action style design concept theme idea dream memory "
    "game battle conversation adventure journey celebration palette tone tones hue hues texture textures "
    "detail details contrast composition focus quality resolution century decade symmetry chiaroscuro "
    "vignette movie film cinema poetry music sound nostalgia wonder strength leaves foliage branches clouds "
    "blossoms petals bubbles confetti snowflakes raindrops embers ripples crumbs traffic laundry elegance "
    "simplicity".split()
)

# After a noun or number these make an adjective of it: "a horse-drawn carriage", "a snow-covered hill".
COMPOUNDS = frozenset(
    "drawn shaped like colored covered sized framed powered sided legged eyed haired themed filled lined topped made "
    "wheeled seater storey story tier tiered bladed horned headed winged toed".split()
)

STYLE_WORDS = frozenset(
    "photorealistic realistic hyperrealistic cinematic 8k 4k 2k hd uhd hdr raw masterpiece bokeh photo photograph "
    "photography photographic render rendering rendered illustration artwork painting drawing sketch cartoon anime "
    "watercolor watercolour minimalist minimalistic surreal impressionist stylized detailed vivid vibrant "
    "colorful moody atmospheric serene peaceful dramatic beautiful stunning gorgeous picturesque professional award "
    "winning trending artstation unreal engine octane blender 3d dslr nikon canon kodak film grain polaroid vintage "
    "monochrome sepia hyperdetailed intricate aesthetic elegant epic dreamy ethereal sunset sunrise dusk dawn night "
    "sunny rainy foggy snowy cloudy misty style lighting quality high res hyper ultra super highly extremely absurdres "
    "solo full body upper portrait uncropped centered symmetrical knolling product wildlife food "
    "macro candid editorial fashion architectural advertising advertisement still "
    "tones tone neon noir gritty nostalgic retro futuristic cyberpunk steampunk fantasy magical mystical whimsical "
    "spooky eerie cozy cosy tranquil idyllic "
    "overcast windy stormy rainy raining snowing shining foggy hazy bright dark dim dimly brightly lit backlit warm "
    "cold cool golden pastel muted saturated desaturated monochromatic contrast grainy blurry blurred sharp crisp "
    "clean simple minimal abstract expressionist cubist baroque gothic renaissance victorian ukiyo pixar disney ghibli "
    "lego claymation origami voxel lowpoly poly pixel vector 35mm 50mm 85mm iso f1 hasselblad leica fujifilm iphone "
    "cgi vfx fps scenery backdrop lens flare depth shallow panoramic dutch tilt shift fisheye pov "
    "immersive realism photorealism surrealism impressionism style stylised best beautifully unedited unsplash "
    "pinterest deviantart wallpaper rendered raytracing tracing subsurface scattering illumination".split()
)

# Words that make a tag of how a picture looks of what they stand with: "drone photography", "concept art".
STYLE_NOUNS = frozenset(
    "photography photograph design art artwork style lighting render rendering illustration aesthetic vibe vibes mood "
    "atmosphere composition wallpaper cinematography colors colours palette tones grading ambience bokeh resolution "
    "quality blur focus texture textures shadows highlights portfolio artstation behance unsplash".split()
)

STYLE_ADVERBS = frozenset("highly extremely intricately dimly brightly beautifully incredibly richly softly".split())

# Whole phrases about how the picture looks: kept as words of the picture.
STYLE_PHRASES = (
    "in the style of REST",
    "in REST style",
    "(highly|very|extremely|ultra|hyper|intricately) (detailed|realistic|photorealistic)",
    "(oil|watercolor|watercolour|acrylic|digital|matte|concept|pencil|charcoal|ink|pixel|vector|line|flat|low poly|3d) "
    "(painting|art|drawing|illustration|render|rendering|sketch|style|design|paint)",
    "(black and white|monochrome|sepia|vintage|film|analog|polaroid|studio) [photo|photograph|lighting|grain]",
    "(best|high|top|ultra|great) (quality|resolution|definition|detail|res)",
    "(sharp|soft|shallow) (focus|lighting|light|shadows|depth of field)",
    "depth of field",
    "(golden|blue) hour [lighting|light]",
    "(natural|warm|cold|dramatic|cinematic|soft|studio|moody|volumetric|ambient|bright|dim|morning|evening|harsh|"
    "diffuse) "
    "(lighting|light|lights|sunlight|atmosphere|mood)",
    "(at|during|in the|before|after) (sunset|sunrise|dusk|dawn|night|noon|day|twilight|daytime|nighttime|morning|"
    "evening|"
    "afternoon|midnight)",
    "(on|in) a (sunny|rainy|cloudy|foggy|snowy|stormy|bright|clear|misty|hot|cold|winter|summer|spring|autumn) [sunny] "
    "(day|morning|evening|night|afternoon|weather)",
    "in (summer|winter|spring|autumn|fall|the rain|the snow|the fog|the mist|the sun|the shade|the moonlight|the dark|"
    "the wind|the storm|the morning|the evening|bright "
    "sunlight|sunlight|daylight|moonlight|rain|snow|fog)",
    "(trending|featured) on REST",
    "(oil|oils|acrylic|tempera|gouache|ink|pastel|charcoal|pencil) on (canvas|panel|wood|paper|linen|board)",
    "low poly",
    "(pastel|muted|vivid|vibrant|bright|warm|cool|earthy|neutral|soft|rich) (colors|colours|tones|palette)",
    "by (greg rutkowski|artgerm|van gogh|monet)",
    "by NAME [and NAME]",
    "in the NAME",
    "(35|50|85|24|28) (mm|0.001) [lens|photo|film|photograph]",
    "f / 1.8",
    "under a (blue|clear|cloudy|grey|starry|dark|stormy|bright|red|orange|pink) sky",
    "(blue|clear|cloudy|starry|stormy|overcast) sky",
    "in the (background|foreground) (blurred|blurry)",
    "white background",
    "(on|against|with) a (plain|white|black|grey|neutral|simple|blurred|blurry|dark) [white|black|grey] background",
    "(plain|white|black|grey|neutral|simple|blurred|blurry|dark|clean) background",
    "full body [shot|view]",
    "full moon",
    "still life [with|of]",
    "(rear|back|front) three quarter (view|shot)",
    "[a] three quarter (view|shot|angle) [of|from the (front|back)]",
    "[a] (dutch|tilted) angle [<shot>] [of]",
    "(shot|taken|captured|photographed|filmed) (on|with) [a|an] (35|50|85|24|28|16) mm [camera|film]",
    "(shot|taken|captured|photographed|filmed) (on|with) [a|an] (canon|nikon|kodak|leica|iphone|sony|fujifilm|polaroid|"
    "drone|hasselblad|dslr|telephoto|macro|vintage|disposable|film) [REST]",
    "in turn",
    "as well",
    "of course",
    "at the same time",
    "on (it|them|him|her) 's own",
    "by (itself|themselves|himself|herself)",
    "of (them|them all)",
    "for (size|scale) [comparison]",
    "in (the|a|one|each) corner [of the (picture|image|frame|scene)]",
    "on the side of the (road|street)",
    "(arms|legs) (crossed|folded|outstretched|raised)",
    "with (it|them|him|her) 's (arms|legs|hands|eyes|mouth|wings) "
    "(crossed|folded|outstretched|raised|open|closed|spread)",
    "(like|resembling) SIMILE",
    "as COLOR as SIMILE",
)
